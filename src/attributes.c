/*
 * attributes.c: makes use of the items' features and descriptions in training.
 *
 * Items that nobody bought yet get factors from what terms say of those of others (ridge.c), and what has features in common
 * is brought together (match.c): here both get what they learn from.
 */
#include "postgres.h"

#include "attributes.h"

#include <math.h>

#include "bags.h"
#include "common/hashfn.h"
#include "contents.h"
#include "foldin.h"
#include "interrupts.h"
#include "popularity.h"
#include "ridge.h"
#include "storage/shmem.h"

#define LEAST_ITEMS		2		/* that have a term or a label: what one item has tells nothing of others */
#define FEW_TERMS		2000	/* that there may be in any case */
#define MOST_TERMS		50000
#define HALF_WEIGHT		20		/* orders with which an item counts half as much as it can in the regression */
#define PRIOR_ORDERS	10		/* that what terms foretell counts as much as, beside an item's own */
#define LEAST_PRIOR		0.05	/* of an item's factors that is foretold, or else nothing is */
#define ORDERS_HALF_LIFE 365	/* days, in which what an item was bought halves as a reason to buy it */
#define MOST_PAIRS		20000
#define OTHERS			4		/* items that an item makes pairs with */
#define MOST_LINES		5000	/* of one customer */
#define RECENT			20		/* lines of a customer among which an item is none that is new to him */
#define PAIRED_FIELDS	5		/* of which pairs are made */
#define LEAST_REASON	0.01	/* of a field that is kept */

/* --- reading ----------------------------------------------------------------------------------------------- */

static int32
find_item(void *arg, const RecoKey *key)
{
	return reco_idmap_search(arg, key);
}

/*
 * The attributes of the items of finished interactions, in their budget's memory; NULL where no source has any.  As many
 * terms are looked at as cost no more memory than the factors of so many bags.  Errors: configuration_limit_exceeded
 * (memory), and what reading raises.
 */
RecoAttributes *
reco_attributes_read(const RecoInteractions *interactions, const RecoReader *reader, List *sources, Size bags)
{
	const RecoContentsOptions options = {LEAST_ITEMS, (int32) Min(Max(bags / 4, FEW_TERMS), MOST_TERMS)};
	int32		items = reco_idmap_count(interactions->items);
	const RecoLabelled *labelled;
	const RecoSparse *terms = reco_contents_read(interactions->budget, reader, sources, items, find_item,
												 interactions->items, &options, &labelled);
	RecoAttributes *attributes;

	if (terms == NULL)
		return NULL;
	attributes = MemoryContextAllocZero(interactions->budget->context, sizeof(RecoAttributes));
	attributes->budget = interactions->budget;
	attributes->items = items;
	attributes->terms = terms;
	attributes->labelled = labelled;
	return attributes;
}

/* --- factors of new items ---------------------------------------------------------------------------------- */

static bool
is_zero(const float *row, int factors)
{
	int			k;

	for (k = 0; k < factors; k++)
		if (row[k] != 0)
			return false;
	return true;
}

/* Items by how well their factors are known, 0 for those that have none; false if all are 0. */
static bool
weigh_items(const RecoAttributes *attributes, const float *orders, int factors, const float *y, float *weight)
{
	size_t		stride = reco_stride(factors);
	bool		any = false;
	int32		i;

	for (i = 0; i < attributes->items; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		weight[i] = is_zero(y + i * stride, factors) ? 0 : orders[i] / (orders[i] + HALF_WEIGHT);
		any |= weight[i] > 0;
	}
	return any;
}

/* How much of an item's factors is foretold: all of one that has none, and little where many orders tell. */
static float
prior_share(float orders, float weight)
{
	float		share = weight > 0 ? PRIOR_ORDERS / (PRIOR_ORDERS + orders) : 1;

	return share >= LEAST_PRIOR ? share : 0;
}

/* Draw an item's factors to what its terms foretell. */
static void
draw_to_prior(const RecoSparse *terms, int32 item, float share, const float *coefficients, int factors, float *y,
			  const RecoRun *run)
{
	float		prior[RECO_MAX_FACTORS];
	int			k;

	if (share <= 0 || terms->start[item + 1] == terms->start[item])
		return;
	reco_ridge_predict(terms, item, coefficients, factors, prior, run);
	for (k = 0; k < factors; k++)
		y[k] += share * (prior[k] - y[k]);
}

/* Bytes that the regression takes, at most. */
static Size
regression_memory(const RecoAttributes *attributes, int factors)
{
	Size		coefficients = mul_size(mul_size(attributes->terms->cols, reco_stride(factors)), sizeof(float));
	Size		bytes = add_size(mul_size(attributes->items, sizeof(float)), coefficients);

	return add_size(add_size(bytes, reco_ridge_workspace_size(attributes->terms->cols, factors)), 3 * RECO_CACHE_LINE);
}

/*
 * Give items without factors those that their terms foretell, and draw those of few orders to what is foretold: iALS leaves
 * them next to nothing.  orders are how many each item was in.  Errors: configuration_limit_exceeded (memory).
 */
void
reco_attributes_fill(const RecoAttributes *attributes, const float *orders, int factors, float *y, RecoArena *arena,
					 const RecoRun *run)
{
	const RecoSparse *terms = attributes->terms;
	RecoRidgeOptions options = reco_ridge_options_default();
	RecoArena	own = {.budget = attributes->budget};
	RecoArenaMark mark;
	size_t		stride = reco_stride(factors);
	float	   *weight;
	float	   *coefficients;
	void	   *workspace;
	int32		i;

	/* What all processes see has room where there were many bags. */
	if (arena->base != NULL && !reco_arena_has_room(arena, regression_memory(attributes, factors)))
		arena = &own;
	mark = reco_arena_begin(arena, "factors of new items");
	weight = reco_arena_take(arena, attributes->items, sizeof(float), "weights of items");
	if (terms->cols > 0 && weigh_items(attributes, orders, factors, y, weight))
	{
		coefficients = reco_arena_take(arena, mul_size(terms->cols, stride), sizeof(float), "coefficients of terms");
		workspace = reco_arena_take(arena, reco_ridge_workspace_size(terms->cols, factors), 1, "coefficients of terms");
		reco_foldin_check_status(reco_ridge_fit(terms, weight, y, factors, &options, coefficients, workspace, run),
								 "factors of new items");
		for (i = 0; i < attributes->items; i++)
		{
			RECO_CHECK_INTERRUPTS(i);
			draw_to_prior(terms, i, prior_share(orders[i], weight[i]), coefficients, factors, y + i * stride, run);
		}
	}
	reco_arena_end(arena, mark);
}

/* --- pairs ------------------------------------------------------------------------------------------------- */

typedef struct Pairs
{
	RecoMatchPair *list;		/* [MOST_PAIRS] */
	int			n;
} Pairs;

static void
add_pair(Pairs *pairs, int32 item, int32 other, float weight)
{
	if (pairs->n < MOST_PAIRS)
		pairs->list[pairs->n++] = (RecoMatchPair) {item, other, weight};
}

/* Whether one in so many is drawn. */
static bool
is_drawn(int32 number, int64 ratio)
{
	return ratio <= 1 || hash_bytes_uint32((uint32) number) % ratio == 0;
}

typedef struct OrderItem
{
	int32		order;
	int32		item;
} OrderItem;

static int
compare_order_items(const void *a, const void *b)
{
	const OrderItem *x = a;
	const OrderItem *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

static bool
is_past(const RecoInteractions *interactions, const RecoLine *line, TimestampTz before)
{
	return reco_bags_line_time(interactions, line) < before;
}

/* The items of orders of at least two lines, as many orders as give about MOST_PAIRS pairs. */
static OrderItem *
draw_orders(const RecoInteractions *interactions, TimestampTz before, RecoBudget *budget, int64 *n)
{
	int32	   *lines = reco_budget_alloc(budget, interactions->n_orders, sizeof(int32), "pairs of items");
	OrderItem  *items;
	int64		most = 0;
	int64		drawn = 0;
	int64		ratio;
	int64		i;

	for (i = 0; i < interactions->n_lines; i++)
	{
		const RecoLine *line = &interactions->lines[i];

		RECO_CHECK_INTERRUPTS(i);
		if (line->order >= 0 && is_past(interactions, line, before))
			lines[line->order]++;
	}
	for (i = 0; i < interactions->n_orders; i++)
		most += lines[i] > 1 ? (int64) lines[i] * Min(lines[i] - 1, OTHERS) : 0;
	ratio = most / MOST_PAIRS + 1;
	for (i = 0; i < interactions->n_orders; i++)
		if (lines[i] > 1 && is_drawn((int32) i, ratio))
			drawn += lines[i];
		else
			lines[i] = 0;
	items = reco_budget_alloc(budget, drawn, sizeof(OrderItem), "pairs of items");
	*n = 0;
	for (i = 0; i < interactions->n_lines; i++)
	{
		const RecoLine *line = &interactions->lines[i];

		RECO_CHECK_INTERRUPTS(i);
		if (line->order >= 0 && lines[line->order] > 0 && is_past(interactions, line, before))
			items[(*n)++] = (OrderItem) {line->order, line->item};
	}
	reco_budget_free(budget, lines);
	qsort(items, *n, sizeof(OrderItem), compare_order_items);
	return items;
}

/* The different items of an order, each with those that follow, in a circle. */
static void
pair_order(Pairs *pairs, const OrderItem *items, int64 n)
{
	int			others = (int) Min(n - 1, OTHERS);
	int64		i;
	int			o;

	for (i = 0; i < n; i++)
		for (o = 1; o <= others; o++)
			add_pair(pairs, items[i].item, items[(i + o) % n].item, 1.0f / others);
}

static void
pair_orders(const RecoInteractions *interactions, TimestampTz before, RecoBudget *budget, Pairs *pairs)
{
	int64		n;
	OrderItem  *items = draw_orders(interactions, before, budget, &n);
	int64		first = 0;
	int64		kept = 0;
	int64		i;

	for (i = 0; i < n; i++)
		if (i == 0 || compare_order_items(&items[i], &items[kept - 1]) != 0)
			items[kept++] = items[i];
	for (i = 1; i <= kept; i++)
		if (i == kept || items[i].order != items[first].order)
		{
			if (i - first > 1)
				pair_order(pairs, items + first, i - first);
			first = i;
		}
	reco_budget_free(budget, items);
}

static int
compare_times(const void *a, const void *b)
{
	const RecoLine *x = a;
	const RecoLine *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

/* Whether an item is among the newest lines before one. */
static bool
is_recent(const RecoLine *lines, int64 end, int32 item)
{
	int64		i;

	for (i = end - 1; i >= Max(end - RECENT, 0); i--)
		if (lines[i].item == item)
			return true;
	return false;
}

/* An item of a later order with the newest of those before, which end at a place. */
static void
pair_line(Pairs *pairs, const RecoLine *lines, int64 end, int32 item)
{
	int32		others[OTHERS];
	int			n = 0;
	int64		i;
	int			o;

	if (is_recent(lines, end, item))
		return;
	for (i = end - 1; i >= 0 && n < OTHERS; i--)
	{
		for (o = 0; o < n && others[o] != lines[i].item; o++)
			;
		if (o == n && lines[i].item != item)
			others[n++] = lines[i].item;
	}
	for (o = 0; o < n; o++)
		add_pair(pairs, item, others[o], 1.0f / n);
}

/* The lines of one customer, in the order of time. */
static void
pair_customer(Pairs *pairs, const RecoLine *lines, int64 n)
{
	int64		first = 0;		/* of the order */
	int64		i;

	for (i = 1; i < n; i++)
	{
		if (lines[i].order != lines[i - 1].order || lines[i].at != lines[i - 1].at)
			first = i;
		if (first > 0)
			pair_line(pairs, lines, first, lines[i].item);
	}
}

/* Lines that a customer bought after others, at most: the number of lines of customers with several orders. */
static int64
customer_end(const RecoInteractions *interactions, int64 first, bool *several)
{
	int64		end = first;

	*several = false;
	for (; end < interactions->n_lines && interactions->lines[end].user == interactions->lines[first].user; end++)
		*several |= interactions->lines[end].order != interactions->lines[first].order;
	return end;
}

static void
pair_customers(const RecoInteractions *interactions, TimestampTz before, RecoBudget *budget, Pairs *pairs)
{
	RecoLine   *own = reco_budget_alloc(budget, MOST_LINES, sizeof(RecoLine), "pairs of items");
	int64		most = 0;
	bool		several;
	int64		first;
	int64		end;
	int64		i;

	for (first = 0; first < interactions->n_lines; first = end)
	{
		CHECK_FOR_INTERRUPTS();
		end = customer_end(interactions, first, &several);
		if (several && end - first <= MOST_LINES)
			most += (end - first) * OTHERS;
	}
	for (first = 0; first < interactions->n_lines && interactions->lines[first].user < 0; first++)
		;
	for (; first < interactions->n_lines; first = end)
	{
		int64		n = 0;

		CHECK_FOR_INTERRUPTS();
		end = customer_end(interactions, first, &several);
		if (!several || end - first > MOST_LINES || interactions->lines[first].user < 0 ||
			!is_drawn(interactions->lines[first].user, most / MOST_PAIRS + 1))
			continue;
		for (i = first; i < end; i++)
			if (is_past(interactions, &interactions->lines[i], before))
			{
				own[n] = interactions->lines[i];
				own[n++].at = reco_bags_line_time(interactions, &interactions->lines[i]);
			}
		qsort(own, n, sizeof(RecoLine), compare_times);
		pair_customer(pairs, own, n);
	}
	reco_budget_free(budget, own);
}

/* --- fields and pairs of fields ---------------------------------------------------------------------------- */

/* Which fields there are to be: labels of some fields, and pairs of labels of others. */
typedef struct FieldList
{
	int			n;
	int			a[RECO_MATCH_MOST_FIELDS];
	int			b[RECO_MATCH_MOST_FIELDS];	/* -1: no pair */
} FieldList;

typedef struct Values
{
	int32	   *of_item;		/* [items] of one field of a pair, -1: none */
	uint64	   *keys;			/* of pairs, ascending */
	int32		n_keys;
} Values;

static int32
label_in(const RecoLabelled *labelled, int32 item, int field)
{
	const RecoFieldEntry *entry = &labelled->fields.entries[field];
	int64		e;

	for (e = labelled->rows.start[item]; e < labelled->rows.start[item + 1]; e++)
		if (labelled->rows.index[e] >= entry->first && labelled->rows.index[e] < entry->first + entry->labels)
			return labelled->rows.index[e];
	return -1;
}

/* Whether no item has several labels of a field. */
static bool
is_single(const RecoLabelled *labelled, int field)
{
	const RecoFieldEntry *entry = &labelled->fields.entries[field];
	const RecoSparse *rows = &labelled->rows;
	int32		item;
	int64		e;

	for (item = 0; item < rows->rows; item++)
	{
		int			n = 0;

		RECO_CHECK_INTERRUPTS(item);
		for (e = rows->start[item]; e < rows->start[item + 1]; e++)
			n += rows->index[e] >= entry->first && rows->index[e] < entry->first + entry->labels;
		if (n > 1)
			return false;
	}
	return true;
}

static int
compare_keys(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

static uint64
pair_key(const RecoLabelled *labelled, int32 item, int a, int b)
{
	int32		x = label_in(labelled, item, a);
	int32		y = label_in(labelled, item, b);

	return x < 0 || y < 0 ? PG_UINT64_MAX : (uint64) x << 32 | (uint64) y;
}

/* The pairs of labels of two fields that several items have, ascending; returns how many. */
static int32
list_keys(const RecoLabelled *labelled, int a, int b, uint64 *keys)
{
	int32		n = 0;
	int32		kept = 0;
	int32		i;
	int32		end;

	for (i = 0; i < labelled->rows.rows; i++)
	{
		uint64		key = pair_key(labelled, i, a, b);

		RECO_CHECK_INTERRUPTS(i);
		if (key != PG_UINT64_MAX)
			keys[n++] = key;
	}
	qsort(keys, n, sizeof(uint64), compare_keys);
	for (i = 0; i < n; i = end)
	{
		for (end = i + 1; end < n && keys[end] == keys[i]; end++)
			;
		if (end - i >= LEAST_ITEMS)
			keys[kept++] = keys[i];
	}
	return kept;
}

/* How many values an item has of all fields, at most. */
static int64
most_values(const RecoLabelled *labelled, const FieldList *fields)
{
	return labelled->rows.start[labelled->rows.rows] + (int64) labelled->rows.rows * fields->n;
}

/* The labels of a field, or the pair of labels, of each item, behind what the items have already: filled is by item. */
static int32
add_field(const RecoLabelled *labelled, int a, int b, int32 first, uint64 *keys, const int64 *start, int32 *filled, int32 *index)
{
	const RecoFieldEntry *entry = &labelled->fields.entries[a];
	int32		n_keys = b < 0 ? entry->labels : list_keys(labelled, a, b, keys);
	const RecoSparse *rows = &labelled->rows;
	int32		item;
	int64		e;

	for (item = 0; item < rows->rows; item++)
	{
		RECO_CHECK_INTERRUPTS(item);
		if (b < 0)
		{
			for (e = rows->start[item]; e < rows->start[item + 1]; e++)
				if (rows->index[e] >= entry->first && rows->index[e] < entry->first + entry->labels)
					index[start[item] + filled[item]++] = first + rows->index[e] - entry->first;
		}
		else
		{
			uint64		key = pair_key(labelled, item, a, b);
			uint64	   *found = bsearch(&key, keys, n_keys, sizeof(uint64), compare_keys);

			if (found != NULL)
				index[start[item] + filled[item]++] = first + (int32) (found - keys);
		}
	}
	return first + n_keys;
}

/* Items by the values of the listed fields. */
static void
make_design(const RecoLabelled *labelled, const FieldList *fields, RecoBudget *budget, RecoMatchDesign *design)
{
	int32		items = labelled->rows.rows;
	int64	   *start = reco_budget_alloc(budget, (Size) items + 1, sizeof(int64), "values of items");
	int32	   *filled = reco_budget_alloc(budget, items, sizeof(int32), "values of items");
	int32	   *index = reco_budget_alloc(budget, most_values(labelled, fields), sizeof(int32), "values of items");
	uint64	   *keys = reco_budget_alloc(budget, items, sizeof(uint64), "values of items");
	int32	   *first = reco_budget_alloc(budget, fields->n + 1, sizeof(int32), "values of items");
	int64		kept = 0;
	int			f;
	int32		i;

	for (i = 0; i < items; i++)
		start[i] = labelled->rows.start[i] + (int64) i * fields->n;
	for (f = 0; f < fields->n; f++)
		first[f + 1] = add_field(labelled, fields->a[f], fields->b[f], first[f], keys, start, filled, index);
	for (i = 0; i < items; i++)
	{
		int64		from = start[i];

		RECO_CHECK_INTERRUPTS(i);
		memmove(index + kept, index + from, filled[i] * sizeof(int32));
		start[i] = kept;
		kept += filled[i];
	}
	start[items] = kept;
	reco_budget_free(budget, keys);
	reco_budget_free(budget, filled);
	design->n_fields = fields->n;
	design->first = first;
	design->values = (RecoSparse) {items, first[fields->n], start, index, NULL};
}

/* --- learning ---------------------------------------------------------------------------------------------- */

typedef struct Learning
{
	RecoBudget *budget;
	const RecoRun *run;
	const float *orders;
	Pairs		pairs[2];		/* by RecoMatchBag */
	double		reasons[2][RECO_MATCH_MOST_FIELDS + 1];
	FieldList	fields;
	RecoMatchDesign design;
} Learning;

static void
learn_reasons(Learning *learning, RecoMatchBag bag, double base)
{
	const RecoMatchDesign *design = &learning->design;
	const Pairs *pairs = &learning->pairs[bag];
	Size		row = design->n_fields + 1;
	float	   *chances = reco_budget_alloc(learning->budget, mul_size(pairs->n, row), sizeof(float), "pairs of items");
	int			i;

	for (i = 0; i < pairs->n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		reco_match_chances(design, base, &pairs->list[i], chances + i * row);
	}
	reco_foldin_check_status(reco_match_learn(chances, pairs->list, pairs->n, design->n_fields, learning->reasons[bag],
											  learning->run), "attribute match");
	reco_budget_free(learning->budget, chances);
}

static void
free_design(Learning *learning)
{
	RecoMatchDesign *design = &learning->design;

	reco_budget_free(learning->budget, unconstify(double *, design->mass));
	reco_budget_free(learning->budget, unconstify(int32 *, design->first));
	reco_budget_free(learning->budget, unconstify(int64 *, design->values.start));
	reco_budget_free(learning->budget, unconstify(int32 *, design->values.index));
}

/* Make the design of the listed fields, and learn from it. */
static void
learn(Learning *learning, const RecoLabelled *labelled)
{
	double	   *mass;

	make_design(labelled, &learning->fields, learning->budget, &learning->design);
	mass = reco_budget_alloc(learning->budget, learning->design.values.cols, sizeof(double), "values of items");
	learning->design.count = learning->orders;
	reco_foldin_check_status(reco_match_measure(&learning->design, mass, learning->run), "attribute match");
	learning->design.mass = mass;
	learn_reasons(learning, RECO_MATCH_BASKET, reco_match_base(&learning->design));
	learn_reasons(learning, RECO_MATCH_HISTORY, reco_match_base(&learning->design));
}

/* Add pairs of those single-valued fields that say most. */
static void
add_field_pairs(Learning *learning, const RecoLabelled *labelled)
{
	FieldList  *fields = &learning->fields;
	int			chosen[PAIRED_FIELDS];
	bool		taken[RECO_MATCH_MOST_FIELDS] = {false};
	int			single = fields->n;
	int			n = 0;
	int			i;
	int			j;

	for (; n < PAIRED_FIELDS; n++)
	{
		int			best = -1;
		double		most = 0;

		for (i = 0; i < single; i++)
		{
			double		reasons = learning->reasons[RECO_MATCH_BASKET][i] + learning->reasons[RECO_MATCH_HISTORY][i];

			if (!taken[i] && reasons > most && is_single(labelled, fields->a[i]))
			{
				best = i;
				most = reasons;
			}
		}
		if (best < 0)
			break;
		taken[best] = true;
		chosen[n] = best;
	}
	for (i = 0; i < n; i++)
		for (j = i + 1; j < n && fields->n < RECO_MATCH_MOST_FIELDS; j++)
		{
			fields->a[fields->n] = fields->a[Min(chosen[i], chosen[j])];
			fields->b[fields->n++] = fields->a[Max(chosen[i], chosen[j])];
		}
}

/* --- what is kept ------------------------------------------------------------------------------------------ */

/* The fields that are a reason often enough, numbered anew by number[old value], -1 for values of others. */
static int
keep_fields(const Learning *learning, RecoMatchField *kept, int32 *number, int32 *n_values)
{
	const RecoMatchDesign *design = &learning->design;
	int			n = 0;
	int			f;
	int32		v;

	*n_values = 0;
	for (f = 0; f < design->n_fields; f++)
	{
		double		basket = learning->reasons[RECO_MATCH_BASKET][f];
		double		history = learning->reasons[RECO_MATCH_HISTORY][f];
		bool		is_kept = (basket >= LEAST_REASON || history >= LEAST_REASON) && design->first[f] < design->first[f + 1];

		if (is_kept)
			kept[n++] = (RecoMatchField) {*n_values, (float) basket, (float) history};
		for (v = design->first[f]; v < design->first[f + 1]; v++)
			number[v] = is_kept ? (*n_values)++ : -1;
	}
	kept[n] = (RecoMatchField) {*n_values, 0, 0};
	return n;
}

/* How many values of the same field as one an item has. */
static int
count_in_field(const RecoMatchDesign *design, int32 item, int64 at)
{
	int			field = 0;
	int			n = 0;
	int64		e;

	while (design->first[field + 1] <= design->values.index[at])
		field++;
	for (e = design->values.start[item]; e < design->values.start[item + 1]; e++)
		n += design->values.index[e] >= design->first[field] && design->values.index[e] < design->first[field + 1];
	return n;
}

static RecoSparse
keep_items(const RecoMatchDesign *design, const int32 *number, int32 n_values, RecoBudget *budget)
{
	const RecoSparse *values = &design->values;
	Size		most = (Size) values->start[values->rows];
	int64	   *start = reco_budget_alloc(budget, (Size) values->rows + 1, sizeof(int64), "attribute match");
	int32	   *index = reco_budget_alloc(budget, most, sizeof(int32), "attribute match");
	float	   *weight = reco_budget_alloc(budget, most, sizeof(float), "attribute match");
	int64		n = 0;
	int32		i;
	int64		e;

	for (i = 0; i < values->rows; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		for (e = values->start[i]; e < values->start[i + 1]; e++)
		{
			int32		value = values->index[e];
			float		share = number[value] < 0 ? 0 : reco_match_share(design, i, value, count_in_field(design, i, e));

			if (share <= 0)
				continue;
			index[n] = number[value];
			weight[n++] = share;
		}
		start[i + 1] = n;
	}
	return (RecoSparse) {values->rows, n_values, start, index, weight};
}

/* The items of each kept value, with their counts. */
static RecoMatchEntry *
items_by_value(const RecoMatchDesign *design, const int32 *number, int32 n_values, RecoBudget *budget, int64 *start)
{
	const RecoSparse *values = &design->values;
	RecoMatchEntry *entries = reco_budget_alloc(budget, values->start[values->rows], sizeof(RecoMatchEntry), "attribute match");
	int32		i;
	int64		e;

	for (e = 0; e < values->start[values->rows]; e++)
		if (number[values->index[e]] >= 0)
			start[number[values->index[e]] + 2]++;
	for (i = 2; i <= n_values + 1; i++)
		start[i] += start[i - 1];
	for (i = 0; i < values->rows; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		for (e = values->start[i]; e < values->start[i + 1]; e++)
			if (number[values->index[e]] >= 0)
				entries[start[number[values->index[e]] + 1]++] = (RecoMatchEntry) {i, design->count[i]};
	}
	return entries;
}

static RecoSparse
keep_values(const RecoMatchDesign *design, const int32 *number, int32 n_values, RecoBudget *budget)
{
	int64	   *from = reco_budget_alloc(budget, (Size) n_values + 2, sizeof(int64), "attribute match");
	RecoMatchEntry *entries = items_by_value(design, number, n_values, budget, from);
	int64	   *start = reco_budget_alloc(budget, (Size) n_values + 1, sizeof(int64), "attribute match");
	int32	   *index;
	float	   *weight;
	int64		most = 0;
	int32		v;

	for (v = 0; v < n_values; v++)
		most += Min(from[v + 1] - from[v], RECO_MATCH_MOST_LISTED);
	index = reco_budget_alloc(budget, most, sizeof(int32), "attribute match");
	weight = reco_budget_alloc(budget, most, sizeof(float), "attribute match");
	for (v = 0; v < design->values.cols; v++)
	{
		int32		kept = number[v];

		CHECK_FOR_INTERRUPTS();
		if (kept >= 0)
			start[kept + 1] = start[kept] + reco_match_list(design, v, entries + from[kept], (int) (from[kept + 1] - from[kept]),
															index + start[kept], weight + start[kept]);
	}
	reco_budget_free(budget, entries);
	reco_budget_free(budget, from);
	return (RecoSparse) {n_values, design->values.rows, start, index, weight};
}

static RecoMatch
keep(const Learning *learning)
{
	RecoBudget *budget = learning->budget;
	const RecoMatchDesign *design = &learning->design;
	int32	   *number = reco_budget_alloc(budget, design->values.cols, sizeof(int32), "attribute match");
	RecoMatchField *fields = reco_budget_alloc(budget, design->n_fields + 1, sizeof(RecoMatchField), "attribute match");
	int32		n_values;
	RecoMatch	match = {.n_fields = keep_fields(learning, fields, number, &n_values),.fields = fields};

	if (match.n_fields > 0)
	{
		match.by_item = keep_items(design, number, n_values, budget);
		match.by_value = keep_values(design, number, n_values, budget);
	}
	reco_budget_free(budget, number);
	return match;
}

/*
 * What items have in common with those of a bag, and how much that is a reason, learned from the orders before a time, by
 * whose decay up to clock it counts how often items are bought.  No rows where there are no features.  In the budget's
 * memory.  Errors: configuration_limit_exceeded (memory).
 */
RecoMatch
reco_attributes_match(const RecoAttributes *attributes, const RecoInteractions *interactions, TimestampTz before,
					  TimestampTz clock, const RecoRun *run)
{
	const RecoLabelled *labelled = attributes->labelled;
	Learning   *learning;
	RecoMatch	match;
	int			f;

	if (labelled == NULL || labelled->fields.n_labels == 0 || interactions->form.weighted)
		return (RecoMatch) {.n_fields = 0};
	learning = palloc0(sizeof(Learning));
	learning->budget = attributes->budget;
	learning->run = run;
	learning->orders = reco_popularity_orders(interactions, before, clock, ORDERS_HALF_LIFE);
	for (f = 0; f < 2; f++)
		learning->pairs[f].list = reco_budget_alloc(learning->budget, MOST_PAIRS, sizeof(RecoMatchPair), "pairs of items");
	pair_orders(interactions, before, learning->budget, &learning->pairs[RECO_MATCH_BASKET]);
	pair_customers(interactions, before, learning->budget, &learning->pairs[RECO_MATCH_HISTORY]);
	for (f = 0; f < labelled->fields.n && f < RECO_MATCH_MOST_FIELDS; f++)
	{
		learning->fields.a[f] = f;
		learning->fields.b[f] = -1;
	}
	learning->fields.n = f;
	learn(learning, labelled);
	add_field_pairs(learning, labelled);
	if (learning->fields.n > f)
	{
		free_design(learning);
		learn(learning, labelled);
	}
	match = keep(learning);
	free_design(learning);
	for (f = 0; f < 2; f++)
		reco_budget_free(learning->budget, learning->pairs[f].list);
	reco_budget_free(learning->budget, unconstify(float *, learning->orders));
	pfree(learning);
	return match;
}
