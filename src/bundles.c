/*
 * bundles.c: reports which items are bought together.
 *
 *	1. read the orders of the model's sources, as its owner, of customers who consent to training;
 *	2. find the sets that are in more orders than chance would put them in (together.c);
 *	3. bound the lift of each from below, for all that were found at once;
 *	4. of the best, say what the shop asks for them, and what the orders were worth that hold them.
 *
 * The bound is that of Benjamini and Yekutieli (2005): of R sets found among m examined, each at the level R rate / m, a
 * share of at most rate is expected to have its lift below its bound.
 *
 * A set of s items multiplies s - 1 times how much more often than by chance one goes with the others, so that lifts of
 * different sizes are compared by their root of that order.
 */
#include "postgres.h"

#include "bundles.h"

#include <math.h>

#include "access/xact.h"
#include "catalog.h"
#include "check.h"
#include "consent.h"
#include "foldin.h"
#include "guc.h"
#include "interrupts.h"
#include "kernels.h"
#include "prices.h"
#include "utils/timestamp.h"

/* A set that was found. */
typedef struct Choice
{
	int64		set;
	double		lift_low;
	double		rank;			/* the higher the better */
} Choice;

typedef struct Report
{
	const RecoBundlesRequest *request;
	RecoBudget *budget;
	RecoRun		run;
	RecoModelRow *row;
	List	   *sources;
	RecoReader	reader;
	RecoTogether *together;
	uint8	   *held;			/* [orders] how many of a set's items each holds; 0 between two sets */
	const RecoIdMap *items;
	bool	   *available;		/* [items] whether it is for sale now; NULL: nobody asks, or nobody says */
} Report;

/* --- reading ----------------------------------------------------------------------------------------------- */

static void
check_keys(const Report *r)
{
	if (r->reader.integer_keys != r->request->integer_keys)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" has %s keys", r->row->name, r->reader.integer_keys ? "integer" : "text"),
				 errhint("Call %s instead.", r->reader.integer_keys ? "reco.bundles" : "reco.bundles_text")));
}

static void
begin(Report *r)
{
	const RecoBundlesRequest *request = r->request;

	r->row = reco_catalog_find_model(request->model, RECO_READ_CALLER, false);
	reco_catalog_require(r->row, RECO_ACCESS_OWNER);
	r->sources = reco_catalog_sources(r->row->name, RECO_READ_CALLER);
	r->reader.model = r->row->name;
	r->reader.owner = r->row->owner_oid;
	r->reader.timezone = r->row->timezone;
	reco_check_trainable(r->row, r->sources);
	r->reader.integer_keys = reco_sources_all_integer_keys(&r->reader, r->sources);
	check_keys(r);
	r->budget = reco_budget_create(CurrentMemoryContext, "bundling", request->memory_limit);
	r->budget->advice = "bundles takes less with a later since";
	r->run = reco_foldin_run(reco_kernels_choose(reco_guc_kernel));
}

static RecoBaskets *
read_baskets(Report *r)
{
	RecoReader	reader = r->reader;
	RecoBasketRules rules = r->request->rules;
	RecoOptions options = reco_catalog_options(r->row);
	RecoBaskets *baskets;

	reader.progress = r->request->progress;
	rules.until = Min(rules.until, GetCurrentTransactionStartTimestamp() + 1);
	reader.gate = reco_consent_gate(reco_consent_read_all(r->budget, &reader, r->sources, options.default_consent),
									RECO_CONSENT_TO_LEARNING);
	baskets = reco_baskets_read(r->budget, &reader, r->sources, &rules);
	if (baskets->too_large > 0)
		ereport(NOTICE,
				(errmsg("orders of more than %d different items are left out: " INT64_FORMAT, rules.max_items, baskets->too_large),
				 errhint("They say little about what goes with what; raise max_items to count them.")));
	return baskets;
}

static void
receive_available(void *arg, const RecoValue *values)
{
	const Report *r = arg;
	int32		item;

	if (values[0].is_null || values[1].is_null || !values[1].integer)
		return;
	item = reco_idmap_rank(r->items, &values[0]);
	if (item >= 0)
		r->available[item] = true;
}

/* Which items are for sale now, if sources of items say so: those for which some row does, as in recommend. */
static void
read_available(Report *r)
{
	const RecoField fields[] = {{RECO_ROLE_ITEM, NULL}, {RECO_ROLE_AVAILABLE, NULL}};
	ListCell   *cell;

	foreach(cell, r->sources)
	{
		if (reco_definitions_column(lfirst(cell), RECO_ROLE_AVAILABLE) == NULL)
			continue;
		if (r->available == NULL)
			r->available = reco_budget_alloc(r->budget, Max(reco_idmap_count(r->items), 1), sizeof(bool), "items");
		(void) reco_sources_read_all(&r->reader, lfirst(cell), fields, lengthof(fields), receive_available, r);
	}
}

/* --- choosing ---------------------------------------------------------------------------------------------- */

static int
compare_choices(const void *a, const void *b)
{
	const Choice *x = a;
	const Choice *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return (x->set > y->set) - (x->set < y->set);
}

static bool
can_be_sold(const Report *r, const RecoSet *set)
{
	int			i;

	for (i = 0; i < set->size && r->available != NULL; i++)
		if (!r->available[r->together->number[set->item[i]]])
			return false;
	return true;
}

/* The bounds of all sets that were found; the best k of those that are wanted come first, and n is their number. */
static Choice *
choose(const Report *r, int *n)
{
	const RecoTogether *t = r->together;
	const RecoBundlesRequest *request = r->request;
	Choice	   *choices = reco_budget_alloc(r->budget, t->n_sets, sizeof(Choice), "sets of items");
	int64		found = 0;
	int64		kept = 0;
	double		level;
	int64		i;

	for (i = 0; i < t->n_sets; i++)
		found += t->sets[i].q <= t->options.rate;
	level = Min(t->options.rate * (double) found / (double) Max(t->examined, 1), 0.5);
	for (i = 0; i < t->n_sets; i++)
	{
		const RecoSet *set = &t->sets[i];
		double		design = reco_together_design(set);
		Choice		choice = {.set = i};

		CHECK_FOR_INTERRUPTS();
		if (set->q > t->options.rate || set->size < request->min_size || !can_be_sold(r, set))
			continue;
		choice.lift_low = reco_chance_lower_bound(set->orders / design, level) * design / set->expected;
		choice.rank = pow(choice.lift_low, 1.0 / (set->size - 1));
		if (choice.lift_low >= request->min_lift)
			choices[kept++] = choice;
	}
	qsort(choices, kept, sizeof(Choice), compare_choices);
	*n = (int) Min(kept, request->k);
	return choices;
}

/* --- describing -------------------------------------------------------------------------------------------- */

/* What an order has of a set's items. */
static double
value_of(const RecoTogether *t, int32 order, const RecoSet *set)
{
	const RecoBaskets *baskets = t->baskets;
	int64		first = baskets->start[order];
	double		sum = 0;
	int			found = 0;
	int			i;

	for (i = 0; i < t->length[order] && found < set->size; i++)
		if (baskets->item[first + i] == set->item[found])
		{
			sum += baskets->value[first + i];
			found++;
		}
	return sum;
}

/* What orders were worth that hold all items of a set, or some. */
static void
describe_values(const Report *r, const RecoSet *set, RecoBundle *bundle)
{
	const RecoTogether *t = r->together;
	double		together = 0;
	double		own = 0;
	double		apart = 0;
	int64		n_apart = 0;
	int			pass;
	int			i;
	int64		j;

	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < set->size; i++)
			for (j = t->list_start[set->item[i]]; j < t->list_start[set->item[i] + 1]; j++)
			{
				int32		order = t->list[j];

				RECO_CHECK_INTERRUPTS(j);
				if (pass == 0)
					r->held[order]++;
				else if (r->held[order] == set->size)
				{
					together += t->baskets->worth[order];
					own += value_of(t, order, set);
				}
				else if (r->held[order] > 0)
				{
					apart += t->baskets->worth[order];
					n_apart++;
				}
				if (pass == 1)
					r->held[order] = 0;
			}
	bundle->value_together = together / set->orders;
	bundle->value_beside = (together - own) / set->orders;
	bundle->value_apart = n_apart > 0 ? apart / n_apart : NAN;
}

static double
plain_lift(const RecoTogether *t, const RecoSet *set)
{
	double		lift = set->orders;
	int			i;

	for (i = 0; i < set->size; i++)
		lift *= (i > 0 ? t->baskets->n : 1.0) / t->orders[set->item[i]];
	return lift;
}

static int
compare_numbers(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	return (x > y) - (x < y);
}

static void
describe(const Report *r, const Choice *choice, RecoBundle *bundle)
{
	const RecoTogether *t = r->together;
	const RecoSet *set = &t->sets[choice->set];
	int			i;

	bundle->size = set->size;
	for (i = 0; i < set->size; i++)
		bundle->item[i] = t->number[set->item[i]];
	qsort(bundle->item, set->size, sizeof(int32), compare_numbers);
	bundle->orders = set->orders;
	bundle->customers = set->customers;
	bundle->expected = set->expected;
	bundle->explained = set->explained;
	bundle->lift = set->orders / set->expected;
	bundle->lift_low = choice->lift_low;
	bundle->plain_lift = plain_lift(t, set);
	bundle->p = set->p;
	bundle->q = set->q;
	bundle->value_together = bundle->value_beside = bundle->value_apart = NAN;
	if (t->baskets->has_values)
		describe_values(r, set, bundle);
}

/* The sum over the items of each bundle, NaN where one of them has none. */
static void
add_prices(const Report *r, RecoBundles *bundles, RecoRole role)
{
	int			n = 0;
	RecoKey    *keys = reco_budget_alloc(r->budget, mul_size(bundles->n, RECO_MAX_BUNDLE), sizeof(RecoKey), "prices");
	double	   *prices;
	int			i;
	int			j;

	for (i = 0; i < bundles->n; i++)
		for (j = 0; j < bundles->rows[i].size; j++)
		{
			RecoValue	key = reco_idmap_key(bundles->items, bundles->rows[i].item[j]);

			keys[n++] = (RecoKey) {key.integer, key.bytes, key.length};
		}
	prices = reco_prices_of(&r->reader, r->sources, role, keys, n);
	for (i = n = 0; i < bundles->n; i++)
	{
		double		sum = 0;

		for (j = 0; j < bundles->rows[i].size; j++)
			sum += prices[n++];
		if (role == RECO_ROLE_PRICE)
			bundles->rows[i].price = reco_prices_round(sum);
		else
			bundles->rows[i].margin = reco_prices_round(sum);
	}
}

/*
 * Rows of reco.bundles, best first, in the current memory context.  Errors: undefined_object, insufficient_privilege,
 * object_not_in_prerequisite_state (no orders), wrong_object_type (the keys), configuration_limit_exceeded,
 * program_limit_exceeded, and what reading raises.
 */
RecoBundles *
reco_bundles(const RecoBundlesRequest *request)
{
	Report		r = {.request = request};
	RecoBundles *bundles = palloc0(sizeof(RecoBundles));
	RecoTogetherOptions options = request->options;
	RecoBaskets *baskets;
	Choice	   *choices;
	int			i;

	begin(&r);
	if (options.min_support == 0)
		options.min_support = reco_catalog_options(r.row).min_support;
	reco_progress_phase(request->progress, RECO_PHASE_READING, RECO_PROGRESS_UNKNOWN);
	baskets = read_baskets(&r);
	r.together = reco_together_find(r.budget, &r.run, request->progress, baskets, &options);
	r.held = reco_budget_alloc(r.budget, baskets->n, sizeof(uint8), "orders");
	bundles->items = r.items = baskets->items;
	if (request->only_available)
		read_available(&r);
	choices = choose(&r, &bundles->n);
	bundles->examined = r.together->examined;
	bundles->rows = reco_budget_alloc(r.budget, bundles->n, sizeof(RecoBundle), "bundles");
	for (i = 0; i < bundles->n; i++)
		describe(&r, &choices[i], &bundles->rows[i]);
	add_prices(&r, bundles, RECO_ROLE_PRICE);
	add_prices(&r, bundles, RECO_ROLE_MARGIN);
	return bundles;
}
