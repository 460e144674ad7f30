/*
 * match.c: scores items by the attributes that they have in common with those of a bag.
 *
 * Where nearly every customer buys once, factors and co-purchases say next to nothing of most items; but who buys from a
 * seller buys from that seller again.  An item that was bought comes about as follows: some item j of the bag is the reason
 * with the share of its weight s_j, a field f of it with a chance theta_f, and among the items with j's value v of that field
 * it is i by how often these are bought:
 *
 *	   score of i = sum_j s_j sum_f theta_f sum_{v of j in f} 1 / |v of j in f|  P(i | v),
 *	   P(i | v) = (n_i + a) / sum_{k with v, k not j} (n_k + a)
 *
 * n are orders with an item, and a = 3 more for each, so that new items have a chance.  With a chance of 1 - sum theta the
 * item has nothing to do with the bag and is bought as everybody does; theta are what makes the pairs of items that were
 * bought together, or one after the other, most likely (expectation maximization; Dempster, Laird and Rubin 1977).  What a
 * pair itself adds to n is left out of the chances that it is learned from; and i is never j.  So fields whose values repeat
 * count much, and others nothing.  Two fields that an item has one value of each make a third: same seller and same category.
 *
 * What a request needs is kept: of a value the most bought items, and some that nobody bought yet, with P(i | v) over all
 * items; and of an item its values, with 1 / |v of j in f| / (1 - P(j | v)), which takes j out of the sum.
 */
#include "match.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PRIOR			3.0		/* a */
#define MOST_SHARE		1e3		/* a value of which one item has nearly all is not much of a reason for the others */
#define PASSES			50		/* of expectation maximization */
#define PRIOR_PAIRS		2.0		/* reasons are drawn to equal shares as if by so many pairs */
#define NEW_ITEMS		(RECO_MATCH_MOST_LISTED / 4)
#define ROWS_A_CHECK	4096

/* --- what a request asks ----------------------------------------------------------------------------------- */

static int
by_weight(const void *a, const void *b)
{
	const RecoMatchEntry *x = a;
	const RecoMatchEntry *y = b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

static int
by_item(const void *a, const void *b)
{
	int32_t		x = ((const RecoMatchEntry *) a)->item;
	int32_t		y = ((const RecoMatchEntry *) b)->item;

	return (x > y) - (x < y);
}

int
reco_match_choose_entries(RecoMatchEntry *entries, int64_t n)
{
	double		sum = 0;

	if (n > RECO_MATCH_MOST_ENTRIES)
	{
		qsort(entries, (size_t) n, sizeof(RecoMatchEntry), by_weight);
		n = RECO_MATCH_MOST_ENTRIES;
	}
	qsort(entries, (size_t) n, sizeof(RecoMatchEntry), by_item);
	for (int i = 0; i < n; i++)
		sum += entries[i].weight;
	for (int i = 0; i < n; i++)
		entries[i].weight = sum > 0 ? (float) (entries[i].weight / sum) : 0;
	return (int) n;
}

size_t
reco_match_most_values(const RecoMatch *match, const RecoMatchEntry *entries, int n)
{
	int64_t		most = 0;

	for (int i = 0; i < n; i++)
		most += match->by_item.start[entries[i].item + 1] - match->by_item.start[entries[i].item];
	return (size_t) most;
}

static int
field_of(const RecoMatch *match, int32_t value)
{
	int			low = 0;
	int			high = match->n_fields - 1;

	while (low < high)
	{
		int			middle = low + (high - low + 1) / 2;

		if (match->fields[middle].first <= value)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static float
reason(const RecoMatch *match, RecoMatchBag bag, int32_t value)
{
	const RecoMatchField *field = &match->fields[field_of(match, value)];

	return bag == RECO_MATCH_BASKET ? field->basket : field->history;
}

static int
compare_values(const void *a, const void *b)
{
	const RecoMatchValue *x = a;
	const RecoMatchValue *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	/* The sum of equal values is to depend on no order of theirs. */
	return (x->weight > y->weight) - (x->weight < y->weight);
}

static int
compare_value_weights(const void *a, const void *b)
{
	const RecoMatchValue *x = a;
	const RecoMatchValue *y = b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return (x->value > y->value) - (x->value < y->value);
}

int
reco_match_find_values(const RecoMatch *match, RecoMatchBag bag, const RecoMatchEntry *entries, int n, RecoMatchValue *values)
{
	int			found = 0;
	int			kept = 0;

	for (int i = 0; i < n; i++)
		for (int64_t e = match->by_item.start[entries[i].item]; e < match->by_item.start[entries[i].item + 1]; e++)
		{
			float		weight = entries[i].weight * match->by_item.weight[e] * reason(match, bag, match->by_item.index[e]);

			if (weight > 0)
				values[found++] = (RecoMatchValue) {match->by_item.index[e], weight};
		}
	qsort(values, (size_t) found, sizeof(RecoMatchValue), compare_values);
	for (int i = 0; i < found; i++)
	{
		if (kept > 0 && values[kept - 1].value == values[i].value)
			values[kept - 1].weight += values[i].weight;
		else
			values[kept++] = values[i];
	}
	if (kept > RECO_MATCH_MOST_VALUES)
	{
		qsort(values, (size_t) kept, sizeof(RecoMatchValue), compare_value_weights);
		kept = RECO_MATCH_MOST_VALUES;
		qsort(values, (size_t) kept, sizeof(RecoMatchValue), compare_values);
	}
	return kept;
}

static bool
is_among(const RecoMatchValue *values, int n, int32_t value)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (values[middle].value < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && values[low].value == value;
}

/* The chance of an item by a value; 0 where it is not listed. */
static float
chance(const RecoMatch *match, int32_t value, int32_t item)
{
	const RecoSparse *lists = &match->by_value;
	int64_t		low = lists->start[value];
	int64_t		high = lists->start[value + 1];

	while (low < high)
	{
		int64_t		middle = low + (high - low) / 2;

		if (lists->index[middle] < item)
			low = middle + 1;
		else
			high = middle;
	}
	return low < lists->start[value + 1] && lists->index[low] == item ? lists->weight[low] : 0;
}

double
reco_match_contribution(const RecoMatch *match, RecoMatchBag bag, const RecoMatchEntry *entry, const RecoMatchValue *values,
						int n_values, int32_t item)
{
	double		sum = 0;

	for (int64_t e = match->by_item.start[entry->item]; e < match->by_item.start[entry->item + 1]; e++)
	{
		int32_t		value = match->by_item.index[e];

		if (is_among(values, n_values, value))
			sum += (double) entry->weight * match->by_item.weight[e] * reason(match, bag, value) * chance(match, value, item);
	}
	return sum;
}

/* --- learning ---------------------------------------------------------------------------------------------- */

/* The sums of n_i + a over the items of each value. */
RecoStatus
reco_match_measure(const RecoMatchDesign *design, double *mass, const RecoRun *run)
{
	const RecoSparse *values = &design->values;

	memset(mass, 0, (size_t) values->cols * sizeof(double));
	for (int32_t i = 0; i < values->rows; i++)
	{
		if (i % ROWS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		for (int64_t e = values->start[i]; e < values->start[i + 1]; e++)
			mass[values->index[e]] += design->count[i] + PRIOR;
	}
	return RECO_OK;
}

/* The sum over all items. */
double
reco_match_base(const RecoMatchDesign *design)
{
	double		sum = 0;

	for (int32_t i = 0; i < design->values.rows; i++)
		sum += design->count[i] + PRIOR;
	return sum;
}

/* The place behind those of a field's values among an item's. */
static int64_t
end_of_field(const RecoMatchDesign *design, int32_t item, int64_t from, int field)
{
	while (from < design->values.start[item + 1] && design->values.index[from] < design->first[field + 1])
		from++;
	return from;
}

void
reco_match_chances(const RecoMatchDesign *design, double base, const RecoMatchPair *pair, float *chances)
{
	const RecoSparse *values = &design->values;
	double		own = design->count[pair->item] + PRIOR;
	double		without = fmax(design->count[pair->item] - 1.0, 0) + PRIOR;
	double		other = design->count[pair->other] + PRIOR;
	int64_t		a = values->start[pair->other];
	int64_t		b = values->start[pair->item];

	for (int f = 0; f < design->n_fields; f++)
	{
		int64_t		a_end = end_of_field(design, pair->other, a, f);
		int64_t		b_end = end_of_field(design, pair->item, b, f);
		int64_t		n = a_end - a;
		double		sum = 0;

		while (a < a_end && b < b_end)
		{
			int32_t		x = values->index[a];
			int32_t		y = values->index[b];

			if (x == y)
				sum += without / fmax(design->mass[x] - own + without - other, without) / (double) n;
			a += x <= y;
			b += y <= x;
		}
		chances[f] = (float) sum;
		a = a_end;
		b = b_end;
	}
	chances[design->n_fields] = (float) (without / fmax(base - own + without - other, without));
}

/* One pass: what each reason is worth by the reasons before. */
static void
pass(const float *chances, const RecoMatchPair *pairs, int n, int n_reasons, const double *reasons, double *next)
{
	memset(next, 0, (size_t) n_reasons * sizeof(double));
	for (int i = 0; i < n; i++)
	{
		const float *row = chances + (size_t) i * (size_t) n_reasons;
		double		all = 0;

		for (int f = 0; f < n_reasons; f++)
			all += reasons[f] * row[f];
		for (int f = 0; f < n_reasons && all > 0; f++)
			next[f] += pairs[i].weight * reasons[f] * row[f] / all;
	}
}

RecoStatus
reco_match_learn(const float *chances, const RecoMatchPair *pairs, int n, int n_fields, double *reasons, const RecoRun *run)
{
	int			n_reasons = n_fields + 1;
	double		next[RECO_MATCH_MOST_FIELDS + 1];

	if (n_fields > RECO_MATCH_MOST_FIELDS)
		return RECO_BAD_ARGUMENT;
	for (int f = 0; f < n_reasons; f++)
		reasons[f] = 1.0 / n_reasons;
	for (int i = 0; i < PASSES; i++)
	{
		double		all = 0;

		pass(chances, pairs, n, n_reasons, reasons, next);
		for (int f = 0; f < n_reasons; f++)
		{
			next[f] += PRIOR_PAIRS / n_reasons;
			all += next[f];
		}
		for (int f = 0; f < n_reasons; f++)
			reasons[f] = next[f] / all;
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

/* --- lists ------------------------------------------------------------------------------------------------- */

/* The most bought first; of the same the one with the greater number, which is often the newer one. */
static int
compare_listed(const void *a, const void *b)
{
	return by_weight(&(RecoMatchEntry) {-((const RecoMatchEntry *) a)->item, ((const RecoMatchEntry *) a)->weight},
					 &(RecoMatchEntry) {-((const RecoMatchEntry *) b)->item, ((const RecoMatchEntry *) b)->weight});
}

int
reco_match_list(const RecoMatchDesign *design, int32_t value, RecoMatchEntry *items, int n, int32_t *listed, float *chances)
{
	int			bought = 0;
	int			most_bought;

	qsort(items, (size_t) n, sizeof(RecoMatchEntry), compare_listed);
	while (bought < n && items[bought].weight > 0)
		bought++;
	/* Places for new items, unless there are not so many. */
	if (n > RECO_MATCH_MOST_LISTED)
	{
		int			new_items = n - bought < NEW_ITEMS ? n - bought : NEW_ITEMS;

		most_bought = RECO_MATCH_MOST_LISTED - new_items;
		if (bought > most_bought)
			memmove(items + most_bought, items + bought, (size_t) new_items * sizeof(RecoMatchEntry));
		n = RECO_MATCH_MOST_LISTED;
	}
	qsort(items, (size_t) n, sizeof(RecoMatchEntry), by_item);
	for (int i = 0; i < n; i++)
	{
		listed[i] = items[i].item;
		chances[i] = (float) ((items[i].weight + PRIOR) / design->mass[value]);
	}
	return n;
}

float
reco_match_share(const RecoMatchDesign *design, int32_t item, int32_t value, int values_of_field)
{
	double		own = design->count[item] + PRIOR;
	double		others = design->mass[value] - own;

	if (!(others > PRIOR / 2))
		return 0;
	return (float) (fmin(design->mass[value] / others, MOST_SHARE) / values_of_field);
}
