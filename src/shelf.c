/*
 * shelf.c: makes lists by a shop's rules, for requests of one customer or of many.
 *
 *	1. pinned items that pass the filters are looked up by themselves, wherever their scores are;
 *	2. what the customer bought a short while ago is left out, unless people buy it again and again;
 *	3. the best by score that pass the filters are the pool, with what the shop says of them (search.c, facts.c);
 *	4. their keys are what an order by value has, times what boosts them (rerank.c);
 *	5. the list is filled from the pool (merchandise.c).  Where it does not become full the pool is made twice as deep, until
 *	   it does or no items are left.
 *
 * So a list is full whenever enough items are left, and it does not depend on who fills it: recommend_all does as recommend.
 */
#include "postgres.h"

#include "shelf.h"

#include <math.h>

#include "cache.h"
#include "fmgr.h"
#include "foldin.h"
#include "interrupts.h"
#include "merchandise.h"
#include "miscadmin.h"
#include "section.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

struct RecoShelf
{
	const RecoRules *rules;
	RecoUnitKind unit_kind;
	RecoFacts  *facts;
	bool		mixes;			/* the order, or who comes in, is not by score alone */
	TimestampTz paused_since;
	int			n_pins;			/* that the model knows */
	int32	   *pins;			/* their items */
	int32	   *pin_ranks;		/* as the rules have them: 0 for the first that is free */
	int32	  **boosted;		/* [boosts] items, ascending; NULL: of a field */
	int		   *n_boosted;
};

/* One list in the making. */
typedef struct Filling
{
	const RecoShelf *shelf;
	const RecoShelfRequest *request;
	const RecoAnswering *a;
	int			n;				/* items of the pool, pins first */
	int			n_pins;
	RecoTopEntry *entries;
	RecoItemFacts *facts;
	int32	   *ranks;			/* [n_pins] */
	int32		first_counter[RECO_MAX_CAPS];	/* of each cap, one for each label of its field */
	int32	   *limits;
	int			n_counters;
} Filling;

/* --- rules and a model ------------------------------------------------------------------------------------- */

/* What a rule names may be new, or misspelt: that is said once, for each stored version and session. */
static void
notice_unknown(const RecoAnswering *a, int unknown)
{
	if (unknown > 0 && a->row != NULL && reco_cache_notice_once(a->model, RECO_NOTICE_UNKNOWN_PINS))
		ereport(NOTICE,
				(errmsg("%d of the pinned items are not known to model \"%s\", and left out", unknown, a->row->name),
				 errhint("The model knows what was bought, and the items of its sources, when it was trained.")));
}

static void
find_pins(RecoShelf *shelf, const RecoAnswering *a)
{
	const RecoRules *rules = shelf->rules;
	int			i;

	shelf->pins = palloc(mul_size(Max(rules->n_pins, 1), sizeof(int32)));
	shelf->pin_ranks = palloc(mul_size(Max(rules->n_pins, 1), sizeof(int32)));
	for (i = 0; i < rules->n_pins; i++)
	{
		shelf->pins[shelf->n_pins] = reco_answering_find_item(a->model, &rules->pins[i].item);
		shelf->pin_ranks[shelf->n_pins] = rules->pins[i].rank;
		shelf->n_pins += shelf->pins[shelf->n_pins] >= 0;
	}
	notice_unknown(a, rules->n_pins - shelf->n_pins);
}

static void
find_boosted(RecoShelf *shelf, const RecoAnswering *a)
{
	const RecoRules *rules = shelf->rules;
	int			i;

	shelf->boosted = palloc0(mul_size(Max(rules->n_boosts, 1), sizeof(int32 *)));
	shelf->n_boosted = palloc0(mul_size(Max(rules->n_boosts, 1), sizeof(int)));
	for (i = 0; i < rules->n_boosts; i++)
	{
		const RecoKeyList *items = &rules->boosts[i].items;

		if (rules->boosts[i].field >= 0)
			continue;
		shelf->boosted[i] = palloc(mul_size(Max(items->n, 1), sizeof(int32)));
		shelf->n_boosted[i] = reco_answering_distinct_items(a->model, items, shelf->boosted[i]);
	}
}

/* A month is one of the model's time zone. */
static TimestampTz
begin_of_pause(const RecoAnswering *a, const Interval *pause)
{
	RecoSection section = reco_section_begin(GetUserId(), a->reader.timezone);
	TimestampTz since = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval, TimestampTzGetDatum(a->as_of),
																IntervalPGetDatum(pause)));

	reco_section_end(&section);
	return since;
}

static void
check_places(const RecoRules *rules, int k)
{
	if ((rules->diversity > 0 || rules->exposure >= 0) && k > RECO_MERCHANDISE_PLACES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"k\" must be at most %d with rule \"%s\", not %d", RECO_MERCHANDISE_PLACES,
						rules->diversity > 0 ? "diversity" : "max_exposure_gap", k),
				 errhint("Ask for fewer items, or switch the rule off with null.")));
}

/*
 * Rules (which must live as long) for lists of k items of a model that was made ready, in the current memory context.  live:
 * availability is asked with what else is asked of items.  Errors: invalid_parameter_value (k), those of reco_rules_check.
 */
RecoShelf *
reco_shelf_create(const RecoAnswering *a, const RecoRules *rules, int k, double value_weight, bool live, RecoBudget *budget)
{
	RecoShelf  *shelf = palloc0(sizeof(RecoShelf));
	RecoFactsWish wish = {.available = live,.price = rules->has_price || a->offers != NULL,.n_fields = rules->n_fields,.fields = rules->fields};

	check_places(rules, k);
	reco_rules_check(rules, a->row->name, a->sources);
	shelf->rules = rules;
	shelf->unit_kind = value_weight > 0 ? reco_rerank_unit_kind(a) : RECO_UNIT_NONE;
	shelf->mixes = value_weight > 0 || rules->n_boosts > 0 || rules->n_caps > 0 || rules->diversity > 0 || rules->exposure >= 0;
	wish.unit = shelf->unit_kind;
	shelf->facts = reco_facts_create(a, &wish, budget);
	if (rules->pause != NULL)
		shelf->paused_since = begin_of_pause(a, rules->pause);
	find_pins(shelf, a);
	find_boosted(shelf, a);
	return shelf;
}

/* What the shop says of all items, so that no request need ask.  Errors: configuration_limit_exceeded, what reading raises. */
void
reco_shelf_read_all(RecoShelf *shelf)
{
	reco_facts_read_all(shelf->facts);
}

/* --- the pool ---------------------------------------------------------------------------------------------- */

/*
 * What a customer bought during the pause, in the current memory context, but for what as many of its buyers as the rule says
 * bought again.
 */
RecoItemList
reco_shelf_paused(const RecoShelf *shelf, const RecoModel *model, const RecoLine *lines, int64 n)
{
	const RecoRules *rules = shelf->rules;
	RecoItemList paused = {0, NULL};
	int64		i;

	if (rules->pause == NULL)
		return paused;
	paused.items = palloc_extended(mul_size(Max(n, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
	for (i = 0; i < n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (lines[i].quantity > 0 && lines[i].item >= 0 && lines[i].at > shelf->paused_since &&
			!(model->rebought != NULL && model->rebought[lines[i].item] >= rules->rebought))
			paused.items[paused.n++] = lines[i].item;
	}
	return paused;
}

static void
skip(RecoSearch *search, const int32 *items, int64 n)
{
	int64		i;

	for (i = 0; i < n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		search->skip[items[i] / 64] |= UINT64CONST(1) << (items[i] % 64);
	}
}

/* The pinned items that pass and have a place among k are the first of the pool. */
static void
put_pins(Filling *f, RecoSearch *search)
{
	const RecoShelf *shelf = f->shelf;
	int32	   *wanted = palloc(mul_size(Max(shelf->n_pins, 1), sizeof(int32)));
	int			found = reco_search_pins(search, shelf->pins, shelf->n_pins, f->entries, f->facts);
	int			i;
	int			j;

	for (i = j = 0; i < found; i++, j++)
	{
		while (shelf->pins[j] != f->entries[i].item)
			j++;
		wanted[i] = shelf->pin_ranks[j];
	}
	reco_merchandise_ranks(wanted, found, f->request->k, f->ranks);
	for (i = 0; i < found; i++)
	{
		int32		item = f->entries[i].item;

		if (f->ranks[i] == 0)
			continue;
		skip(search, &item, 1);
		f->entries[f->n] = f->entries[i];
		f->facts[f->n] = f->facts[i];
		f->ranks[f->n++] = f->ranks[i];
	}
	f->n_pins = f->n;
	pfree(wanted);
}

static bool
has_label(const RecoItemFacts *facts, int32 field, int32 label)
{
	int			i;

	for (i = 0; i < facts->n_labels; i++)
		if (facts->labels[i].field == field && facts->labels[i].label == label)
			return true;
	return false;
}

static int
compare_items(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	return (x > y) - (x < y);
}

/* What raises a key, or lowers it: a key below 0, of which only the order says anything, is divided instead. */
static void
boost(const Filling *f, int which, RecoPool *pool)
{
	const RecoShelf *shelf = f->shelf;
	const RecoBoost *rule = &shelf->rules->boosts[which];
	int32		label = rule->field >= 0 ? reco_facts_label(shelf->facts, rule->field, &rule->value) : -1;
	int			i;

	for (i = 0; i < pool->n; i++)
	{
		RecoPoolItem *item = &pool->items[i];

		RECO_CHECK_INTERRUPTS(i);
		if (rule->field >= 0 ? !has_label(&f->facts[item->place], rule->field, label)
			: bsearch(&item->item, shelf->boosted[which], shelf->n_boosted[which], sizeof(int32), compare_items) == NULL)
			continue;
		item->boosts |= UINT64CONST(1) << which;
		item->key = item->key >= 0 ? item->key * rule->factor : item->key / rule->factor;
	}
}

/* The pool in the order of its keys; without what changes them that is by score. */
static RecoPool
make_pool(const Filling *f)
{
	RecoPool	pool = reco_rerank_pool(f->a, f->entries, f->n);
	int			i;

	for (i = 0; i < pool.n; i++)
	{
		pool.items[i].unit = f->facts[i].unit;
		pool.items[i].price = f->facts[i].price;
		pool.items[i].offer = f->facts[i].offer;
	}
	reco_rerank_set_keys(f->request->usual, f->shelf->unit_kind, f->request->value_weight, &pool);
	for (i = 0; i < f->shelf->rules->n_boosts; i++)
		boost(f, i, &pool);
	if (f->request->value_weight > 0 || f->shelf->rules->n_boosts > 0)
		reco_rerank_sort(&pool);
	return pool;
}

/* --- the list ---------------------------------------------------------------------------------------------- */

/* A counter for each label of each field that has a cap. */
static void
set_counters(Filling *f)
{
	const RecoRules *rules = f->shelf->rules;
	int			i;
	int			j;

	f->n_counters = 0;
	for (i = 0; i < rules->n_caps; i++)
	{
		f->first_counter[i] = f->n_counters;
		f->n_counters += reco_facts_labels(f->shelf->facts, rules->caps[i].field);
	}
	f->limits = palloc_extended(mul_size(Max(f->n_counters, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
	for (i = 0; i < rules->n_caps; i++)
		for (j = f->first_counter[i]; j < (i + 1 < rules->n_caps ? f->first_counter[i + 1] : f->n_counters); j++)
			f->limits[j] = rules->caps[i].most;
}

/* The counters of an item, and the groups among which its exposure is divided; without any it is in one of their own. */
static void
set_memberships(const Filling *f, const RecoItemFacts *facts, RecoMerchandiseItem *item)
{
	const RecoRules *rules = f->shelf->rules;
	int32	   *counters = palloc(mul_size(Max((Size) rules->n_caps * facts->n_labels, 1), sizeof(int32)));
	int32	   *groups = palloc(mul_size((Size) facts->n_labels + 1, sizeof(int32)));
	int			i;
	int			j;

	for (i = 0; i < facts->n_labels; i++)
	{
		const RecoFactLabel *label = &facts->labels[i];

		for (j = 0; j < rules->n_caps; j++)
			if (rules->caps[j].field == label->field)
				counters[item->n_counters++] = f->first_counter[j] + label->label;
		if (rules->exposure == label->field)
			groups[item->n_groups++] = label->label;
	}
	if (rules->exposure >= 0 && item->n_groups == 0)
		groups[item->n_groups++] = reco_facts_labels(f->shelf->facts, rules->exposure);
	item->counters = counters;
	item->groups = groups;
}

static RecoMerchandiseItem *
make_items(const Filling *f, const RecoPool *pool)
{
	RecoMerchandiseItem *items = palloc_extended(mul_size(Max(pool->n, 1), sizeof(RecoMerchandiseItem)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	const RecoModel *model = f->a->model;
	int			i;

	for (i = 0; i < pool->n; i++)
	{
		const RecoPoolItem *item = &pool->items[i];

		RECO_CHECK_INTERRUPTS(i);
		items[i].key = item->key;
		items[i].merit = Max(isnan(item->probability) ? item->score : item->probability, 0);
		items[i].rank = item->place < f->n_pins ? f->ranks[item->place] : 0;
		items[i].y = model->y + item->item * reco_stride(model->factors);
		if (f->shelf->rules->n_fields > 0)
			set_memberships(f, &f->facts[item->place], &items[i]);
	}
	return items;
}

static int
fill_from(Filling *f, const RecoPool *pool, RecoRecommendation *rows)
{
	const RecoRules *rules = f->shelf->rules;
	int			k = Min(f->request->k, pool->n);
	RecoMerchandiseTask task = {.n = pool->n,.k = k,.diversity = rules->diversity,.factors = f->a->model->factors,.gap = rules->gap};
	RecoPlacement *places = palloc_extended(mul_size(Max(k, 1), sizeof(RecoPlacement)), MCXT_ALLOC_HUGE);
	void	   *workspace;
	int			found;
	int			i;

	for (i = 0; i < f->n_pins; i++)
		task.k = Max(task.k, f->ranks[i]);
	if (task.k > k)
		places = repalloc_huge(places, mul_size(task.k, sizeof(RecoPlacement)));
	set_counters(f);
	task.items = make_items(f, pool);
	task.n_counters = f->n_counters;
	task.limits = f->limits;
	task.n_groups = rules->exposure >= 0 ? reco_facts_labels(f->shelf->facts, rules->exposure) + 1 : 0;
	workspace = palloc_extended(reco_merchandise_workspace(&task), MCXT_ALLOC_HUGE);
	reco_foldin_check_status(reco_merchandise_fill(&f->a->run, &task, workspace, places, &found), "filling a list by rules");
	for (i = 0; i < found; i++)
	{
		const RecoPoolItem *item = &pool->items[places[i].item];

		rows[i] = reco_rerank_row(f->a, item);
		rows[i].traces = places[i].traces;
		rows[i].boosts = item->boosts;
	}
	return found;
}

static void
make_room(Filling *f, int depth)
{
	Size		room = (Size) depth + f->shelf->n_pins;

	f->entries = repalloc_huge(f->entries, mul_size(Max(room, 1), sizeof(RecoTopEntry)));
	f->facts = repalloc_huge(f->facts, mul_size(Max(room, 1), sizeof(RecoItemFacts)));
}

/*
 * The list of a request whose query search has; search is used up.  rows has room for k, and for as many as there are items.
 * Returns how many there are: k, if so many pass the filters, the pause and the caps.  In a memory context of its own, which
 * is gone afterwards.  Errors: what reading the sources raises.
 */
int
reco_shelf_fill(const RecoShelf *shelf, RecoSearch *search, const RecoShelfRequest *request, RecoRecommendation *rows)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "reco list by rules", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	Filling		f = {.shelf = shelf,.request = request,.a = search->a};
	int			items = Max(search->a->model->items, 1);
	int			depth = Min(shelf->mixes ? reco_rerank_depth(request->k, 1) : request->k, items);
	int			found;

	search->facts = shelf->facts;
	search->least_price = shelf->rules->least_price;
	search->most_price = shelf->rules->has_price ? shelf->rules->most_price : NAN;
	f.entries = palloc(sizeof(RecoTopEntry));
	f.facts = palloc(sizeof(RecoItemFacts));
	f.ranks = palloc(mul_size(Max(shelf->n_pins, 1), sizeof(int32)));
	make_room(&f, depth);
	put_pins(&f, search);
	skip(search, request->paused.items, request->paused.n);
	for (;;)
	{
		int			wanted = depth - (f.n - f.n_pins);
		int			added = reco_search_next(search, wanted, f.entries + f.n, f.facts + f.n);
		RecoPool	pool;

		f.n += added;
		pool = make_pool(&f);
		found = fill_from(&f, &pool, rows);
		if (found >= request->k || added < wanted || depth == items)
			break;
		depth = depth > items / 2 ? items : depth * 2;
		make_room(&f, depth);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	return found;
}
