/*
 * together.c: finds sets of items that are bought together more often than chance alone would have it.
 *
 * Pairs are counted order by order, larger sets by intersecting lists of orders, prefix by prefix (Zaki 2000, "Scalable
 * algorithms for association mining").  Orders are numbered customer by customer, so that one pass over a list of them also
 * counts customers.  A set is looked at if it has the support, and is grown from sets that are not chance themselves
 * (Agrawal and Srikant 1994, with significance beside support), so that their number stays in the order of what is found.
 *
 * What chance would give: chance.c, in each of up to twelve periods by itself, since what is sold in the same months only is
 * in the same orders more often than over the whole time.
 *
 * Of three and more items it is not enough that some pair goes together.  Let lift be orders / expected.  If two parts A and B
 * of a set have nothing to do with one another the set has the lift of A times that of B; the largest such product over all
 * ways to part it is what is explained, and the set has to be more (Webb 2007, "Discovering significant patterns": productive
 * sets).
 *
 * Orders of one customer are no independent witnesses.  With x_c orders of customer c that hold the set, sum x_c^2 / sum x_c
 * is how many times too small Poisson's variance is for sums of independent customers; orders and what is explained are
 * divided by it before they are compared (Rao and Scott 1992: counts over the design effect).  Unknown customers count as
 * so many different ones.
 *
 * Adjustment (Benjamini and Hochberg 1995) is over all sets examined, which are not only those that were frequent: all pairs
 * of items with enough customers, and all larger sets whose subsets made it.  Who looks at frequent sets alone has selected
 * them by what he tests.
 */
#include "postgres.h"

#include "together.h"

#include <math.h>

#include "interrupts.h"
#include "utils/memutils.h"

#define FIRST_SETS 1024
#define ORDERS_OF_PERIOD 1000	/* at least, where there is more than one */

/* --- counting ---------------------------------------------------------------------------------------------- */

/* Whose an order is: of an unknown customer his own alone. */
static inline int32
whose(const RecoBaskets *baskets, int32 order)
{
	return baskets->user[order] >= 0 ? baskets->user[order] : -2 - order;
}

static inline void
see(RecoSightings *sightings, int32 who)
{
	if (sightings->last != who || sightings->orders == 0)
	{
		sightings->last = who;
		sightings->run = 0;
		sightings->customers += who >= 0;
	}
	sightings->squares += 2 * sightings->run + 1;
	sightings->run++;
	sightings->orders++;
}

/* --- items ------------------------------------------------------------------------------------------------- */

static int
compare_integers(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/*
 * The different values among n, ascending, and how many have each.  Zeros are none.  Returns how many values there are.
 */
static int
tell_apart(RecoBudget *budget, const int32 *values, int64 n, int32 **different, int32 **members)
{
	int32	   *sorted = reco_budget_alloc(budget, n, sizeof(int32), "counts");
	int			kept = 0;
	int64		i;

	reco_copy_bytes(sorted, values, (Size) n * sizeof(int32));
	qsort(sorted, n, sizeof(int32), compare_integers);
	for (i = 0; i < n; i++)
		kept += sorted[i] > 0 && (i == 0 || sorted[i] != sorted[i - 1]);
	*different = reco_budget_alloc(budget, kept, sizeof(int32), "counts");
	*members = reco_budget_alloc(budget, kept, sizeof(int32), "counts");
	for (i = 0, kept = 0; i < n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (sorted[i] <= 0)
			continue;
		if (kept == 0 || sorted[i] != (*different)[kept - 1])
			(*different)[kept++] = sorted[i];
		(*members)[kept - 1]++;
	}
	reco_budget_free(budget, sorted);
	return kept;
}

static int
find_class(const int32 *different, int n, int32 value)
{
	const int32 *found = bsearch(&value, different, n, sizeof(int32), compare_integers);

	return (int) (found - different);
}

/* Orders and customers of each item; returns sightings by number in baskets. */
static RecoSightings *
count_items(RecoTogether *t)
{
	int32		n = reco_idmap_count(t->baskets->items);
	RecoSightings *seen = reco_budget_alloc(t->budget, n, sizeof(RecoSightings), "items");
	int32		order;
	int64		i;

	for (order = 0; order < t->baskets->n; order++)
	{
		RECO_CHECK_INTERRUPTS(order);
		for (i = t->baskets->start[order]; i < t->baskets->start[order + 1]; i++)
			see(&seen[t->baskets->item[i]], whose(t->baskets, order));
	}
	return seen;
}

/* --- chance ------------------------------------------------------------------------------------------------ */

static int
compare_times(const void *a, const void *b)
{
	TimestampTz x = *(const TimestampTz *) a;
	TimestampTz y = *(const TimestampTz *) b;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/* The period of each order: of about as many orders each, such that orders of one moment are in the same. */
static uint8 *
divide_time(RecoTogether *t)
{
	int32		n = t->baskets->n;
	TimestampTz *sorted = reco_budget_alloc(t->budget, n, sizeof(TimestampTz), "periods");
	uint8	   *period = reco_budget_alloc(t->budget, n, sizeof(uint8), "periods");
	int32		order;
	int			i;

	t->n_periods = Max(1, Min(RECO_MAX_PERIODS, n / ORDERS_OF_PERIOD));
	reco_copy_bytes(sorted, t->baskets->at, (Size) n * sizeof(TimestampTz));
	qsort(sorted, n, sizeof(TimestampTz), compare_times);
	for (order = 0; order < n; order++)
	{
		RECO_CHECK_INTERRUPTS(order);
		for (i = 1; i < t->n_periods; i++)
			period[order] += t->baskets->at[order] >= sorted[(int64) n * i / t->n_periods];
	}
	reco_budget_free(t->budget, sorted);
	return period;
}

/* What chance would put together in a period whose orders have these sizes, and whose items these numbers of orders. */
static void
fit_period(RecoTogether *t, RecoPeriod *period, const int32 *sizes, int32 n_sizes, const int32 *orders, int32 n_items)
{
	RecoMargins *margins = &period->margins;
	int32	   *different;
	int32	   *members;
	double		error;
	int			c;
	int			k;
	int			s;
	int32		i;

	margins->sizes = tell_apart(t->budget, sizes, n_sizes, &different, &members);
	margins->size = different;
	margins->orders = members;
	margins->counts = tell_apart(t->budget, orders, n_items, &different, &members);
	margins->count = different;
	margins->items = members;
	margins->x = reco_budget_alloc(t->budget, margins->sizes, sizeof(double), "margins");
	margins->y = reco_budget_alloc(t->budget, margins->counts, sizeof(double), "margins");
	(void) reco_chance_fit(t->run, margins, &error);
	period->chance = reco_budget_alloc(t->budget, mul_size(margins->counts, margins->sizes), sizeof(double), "chances");
	for (c = 0; c < margins->counts; c++)
	{
		CHECK_FOR_INTERRUPTS();
		for (s = 0; s < margins->sizes; s++)
			period->chance[(Size) c * margins->sizes + s] = reco_chance_of(margins, c, s);
	}
	for (k = 2; k <= RECO_MAX_BUNDLE; k++)
	{
		period->weight[k] = reco_budget_alloc(t->budget, margins->sizes, sizeof(double), "chances");
		for (s = 0; s < margins->sizes; s++)
			period->weight[k][s] = margins->orders[s] * reco_chance_of_sets(margins, s, k);
	}
	period->item_class = reco_budget_alloc(t->budget, n_items, sizeof(int32), "items");
	for (i = 0; i < n_items; i++)
		period->item_class[i] = orders[i] > 0 ? find_class(margins->count, margins->counts, orders[i]) : -1;
}

/* The chances of all periods, with items by their numbers in baskets. */
static void
fit_periods(RecoTogether *t)
{
	const RecoBaskets *baskets = t->baskets;
	int32		n = reco_idmap_count(baskets->items);
	int32	   *orders = reco_budget_alloc(t->budget, n, sizeof(int32), "items");
	int32	   *sizes = reco_budget_alloc(t->budget, baskets->n, sizeof(int32), "orders");
	uint8	   *period = divide_time(t);
	int			p;

	for (p = 0; p < t->n_periods; p++)
	{
		int32		n_sizes = 0;
		int32		order;
		int64		i;

		memset(orders, 0, n * sizeof(int32));
		for (order = 0; order < baskets->n; order++)
		{
			RECO_CHECK_INTERRUPTS(order);
			if (period[order] != p)
				continue;
			sizes[n_sizes++] = baskets->size[order];
			for (i = baskets->start[order]; i < baskets->start[order + 1]; i++)
				orders[baskets->item[i]]++;
		}
		fit_period(t, &t->periods[p], sizes, n_sizes, orders, n);
	}
	reco_budget_free(t->budget, orders);
	reco_budget_free(t->budget, sizes);
	reco_budget_free(t->budget, period);
}

/* --- frequent items ---------------------------------------------------------------------------------------- */

/* An item that is kept. */
typedef struct Frequent
{
	int32		number;
	int32		orders;
} Frequent;

static int
compare_frequent(const void *a, const void *b)
{
	const Frequent *x = a;
	const Frequent *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->orders != y->orders)
		return x->orders < y->orders ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

/* Number the items with enough customers, fewest orders first; returns the places of all, -1 for the others. */
static int32 *
keep_frequent(RecoTogether *t, const RecoSightings *seen)
{
	int32		n = reco_idmap_count(t->baskets->items);
	Frequent   *frequent = reco_budget_alloc(t->budget, n, sizeof(Frequent), "items");
	int32	   *place = reco_budget_alloc(t->budget, n, sizeof(int32), "items");
	int			p;
	int32		i;

	for (i = 0; i < n; i++)
	{
		place[i] = -1;
		if (seen[i].customers >= t->options.min_support)
			frequent[t->n_items++] = (Frequent) {i, seen[i].orders};
	}
	qsort(frequent, t->n_items, sizeof(Frequent), compare_frequent);
	t->number = reco_budget_alloc(t->budget, t->n_items, sizeof(int32), "items");
	t->orders = reco_budget_alloc(t->budget, t->n_items, sizeof(int32), "items");
	for (i = 0; i < t->n_items; i++)
	{
		t->number[i] = frequent[i].number;
		t->orders[i] = frequent[i].orders;
		place[frequent[i].number] = i;
	}
	for (p = 0; p < t->n_periods; p++)
	{
		int32	   *by_place = reco_budget_alloc(t->budget, t->n_items, sizeof(int32), "items");

		for (i = 0; i < t->n_items; i++)
			by_place[i] = t->periods[p].item_class[t->number[i]];
		reco_budget_free(t->budget, t->periods[p].item_class);
		t->periods[p].item_class = by_place;
	}
	reco_budget_free(t->budget, frequent);
	return place;
}

typedef struct Piece
{
	int32		item;
	float		value;
} Piece;

static int
compare_pieces(const void *a, const void *b)
{
	return compare_integers(&((const Piece *) a)->item, &((const Piece *) b)->item);
}

/* Orders keep the items that are kept, by their places, ascending. */
static void
renumber_orders(RecoTogether *t, const int32 *place)
{
	RecoBaskets *baskets = t->baskets;
	Piece	   *pieces;
	int32		largest = 0;
	int32		order;
	int64		i;

	for (order = 0; order < baskets->n; order++)
		largest = Max(largest, baskets->size[order]);
	pieces = reco_budget_alloc(t->budget, largest, sizeof(Piece), "orders");
	t->length = reco_budget_alloc(t->budget, baskets->n, sizeof(int32), "orders");
	for (order = 0; order < baskets->n; order++)
	{
		int64		first = baskets->start[order];
		int			n = 0;

		RECO_CHECK_INTERRUPTS(order);
		for (i = first; i < baskets->start[order + 1]; i++)
			if (place[baskets->item[i]] >= 0)
				pieces[n++] = (Piece) {place[baskets->item[i]], baskets->value[i]};
		qsort(pieces, n, sizeof(Piece), compare_pieces);
		for (i = 0; i < n; i++)
		{
			baskets->item[first + i] = pieces[i].item;
			baskets->value[first + i] = pieces[i].value;
		}
		t->length[order] = n;
	}
	reco_budget_free(t->budget, pieces);
}

/* The orders of each item that is kept. */
static void
list_orders(RecoTogether *t)
{
	const RecoBaskets *baskets = t->baskets;
	int64	   *next = reco_budget_alloc(t->budget, (Size) t->n_items + 1, sizeof(int64), "lists of orders");
	int32		item;
	int32		order;
	int			i;

	t->list_start = reco_budget_alloc(t->budget, (Size) t->n_items + 1, sizeof(int64), "lists of orders");
	for (item = 0; item < t->n_items; item++)
		next[item + 1] = t->list_start[item + 1] = t->list_start[item] + t->orders[item];
	t->list = reco_budget_alloc(t->budget, t->list_start[t->n_items], sizeof(int32), "lists of orders");
	for (order = 0; order < baskets->n; order++)
	{
		const int32 *items = baskets->item + baskets->start[order];

		RECO_CHECK_INTERRUPTS(order);
		for (i = 0; i < t->length[order]; i++)
			t->list[next[items[i]]++] = order;
	}
	reco_budget_free(t->budget, next);
}

/* --- sets -------------------------------------------------------------------------------------------------- */

/* How many times too small Poisson's variance is for the orders of a set. */
double
reco_together_design(const RecoSet *set)
{
	return set->squares / set->orders;
}

static double
lift_of(const RecoSet *set)
{
	return set->orders / set->expected;
}

/* Orders of a period that would hold some items by chance. */
static double
expect_in(const RecoPeriod *period, const int32 *items, int n)
{
	const double *rows[RECO_MAX_BUNDLE];
	double		sum = 0;
	int			sizes = period->margins.sizes;
	int			size;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (period->item_class[items[i]] < 0)
			return 0;
		rows[i] = period->chance + (Size) period->item_class[items[i]] * sizes;
	}
	for (size = 0; size < sizes; size++)
	{
		double		all = period->weight[n][size];

		for (i = 0; i < n; i++)
			all *= rows[i][size];
		sum += all;
	}
	return sum;
}

static double
expect(const RecoTogether *t, const int32 *items, int n)
{
	double		sum = 0;
	int			p;

	for (p = 0; p < t->n_periods; p++)
		sum += expect_in(&t->periods[p], items, n);
	return sum;
}

static int
compare_sets(const int32 *a, const int32 *b, int n)
{
	int			i;

	for (i = 0; i < n; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

/* A set among those that may be listed, NULL where it is none of them. */
static const RecoSet *
find_set(const RecoTogether *t, const int32 *items, int n)
{
	int64		low = t->first[n];
	int64		high = t->first[n + 1];

	while (low < high)
	{
		int64		middle = low + (high - low) / 2;
		int			order = compare_sets(t->sets[middle].item, items, n);

		if (order == 0)
			return &t->sets[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int
pick(const int32 *items, int n, int which, int32 *picked)
{
	int			count = 0;
	int			i;

	for (i = 0; i < n; i++)
		if (which & (1 << i))
			picked[count++] = items[i];
	return count;
}

/* The largest lift that a set has by two of its parts, at least 1. */
static double
lift_of_parts(const RecoTogether *t, const int32 *items, int n)
{
	double		lift[1 << RECO_MAX_BUNDLE];
	double		most = 1;
	int			all = (1 << n) - 1;
	int			which;

	for (which = 1; which < all; which++)
	{
		int32		part[RECO_MAX_BUNDLE];
		int			count = pick(items, n, which, part);
		const RecoSet *set = count > 1 ? find_set(t, part, count) : NULL;

		lift[which] = set != NULL ? lift_of(set) : 1;
	}
	for (which = 1; which < all; which++)
		most = Max(most, lift[which] * lift[all - which]);
	return most;
}

static void
reserve_set(RecoTogether *t)
{
	int64		capacity = t->capacity + t->capacity / 2;

	if (t->n_sets < t->capacity)
		return;
	if (!reco_budget_has_room(t->budget, mul_size(capacity - t->capacity, sizeof(RecoSet))))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("more than " INT64_FORMAT " sets of items are bought together, and maintenance_work_mem has no room for them",
						t->n_sets),
				 errhint("Raise min_support, lower max_size, or SET maintenance_work_mem to more.")));
	t->sets = reco_budget_resize(t->budget, t->sets, t->capacity, capacity, sizeof(RecoSet), "sets of items");
	t->capacity = capacity;
}

/* Keep a set that was seen so often, if it can be listed at all. */
static void
judge(RecoTogether *t, const int32 *items, int n, const RecoSightings *seen)
{
	RecoSet		set = {.size = n};

	if (seen->customers < t->options.min_support)
		return;
	memcpy(set.item, items, n * sizeof(int32));
	set.orders = seen->orders;
	set.customers = seen->customers;
	set.squares = seen->squares;
	set.expected = expect(t, items, n);
	set.explained = set.expected * (n > 2 ? lift_of_parts(t, items, n) : 1);
	set.p = reco_chance_at_least(set.orders / reco_together_design(&set), set.explained / reco_together_design(&set));
	if (!(set.p <= t->options.rate))
		return;
	reserve_set(t);
	t->sets[t->n_sets++] = set;
}

/* --- adjustment -------------------------------------------------------------------------------------------- */

/* A set by its p. */
typedef struct Ranked
{
	double		p;
	int64		set;
} Ranked;

static int
compare_ranked(const void *a, const void *b)
{
	const Ranked *x = a;
	const Ranked *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->p != y->p)
		return x->p < y->p ? -1 : 1;
	return (x->set > y->set) - (x->set < y->set);
}

/*
 * q of all sets so far, over all that were examined so far, and the largest p with which a set is still found.  Those with a
 * p above the rate are not kept, and could not be found.
 */
static void
adjust(RecoTogether *t)
{
	Ranked	   *ranked = reco_budget_alloc(t->budget, t->n_sets, sizeof(Ranked), "sets of items");
	double		q = 1;
	int64		i;

	for (i = 0; i < t->n_sets; i++)
		ranked[i] = (Ranked) {t->sets[i].p, i};
	qsort(ranked, t->n_sets, sizeof(Ranked), compare_ranked);
	t->threshold = -1;
	for (i = t->n_sets - 1; i >= 0; i--)
	{
		q = Min(q, ranked[i].p * (double) t->examined / (double) (i + 1));
		t->sets[ranked[i].set].q = q;
		if (t->threshold < 0 && q <= t->options.rate)
			t->threshold = ranked[i].p;
	}
	reco_budget_free(t->budget, ranked);
}

/* --- pairs ------------------------------------------------------------------------------------------------- */

/*
 * All pairs whose first item has a place; seen has room for all items, and is empty before and after.  The items behind the
 * first in each of its orders are counted; those with the support are judged, in their order.
 */
static void
count_pairs_of(RecoTogether *t, int32 item, RecoSightings *seen, int32 *touched)
{
	int32		n = 0;
	int32		supported = 0;
	int64		i;
	int32		j;

	for (i = t->list_start[item]; i < t->list_start[item + 1]; i++)
	{
		int32		order = t->list[i];
		const int32 *items = t->baskets->item + t->baskets->start[order];
		int32		who = whose(t->baskets, order);

		CHECK_FOR_INTERRUPTS();
		for (j = t->length[order] - 1; j >= 0 && items[j] > item; j--)
		{
			if (seen[items[j]].orders == 0)
				touched[n++] = items[j];
			see(&seen[items[j]], who);
		}
	}
	for (j = 0; j < n; j++)
		if (seen[touched[j]].customers >= t->options.min_support)
			touched[supported++] = touched[j];
		else
			memset(&seen[touched[j]], 0, sizeof(RecoSightings));
	qsort(touched, supported, sizeof(int32), compare_integers);
	for (j = 0; j < supported; j++)
	{
		const int32 pair[2] = {item, touched[j]};

		judge(t, pair, 2, &seen[touched[j]]);
		memset(&seen[touched[j]], 0, sizeof(RecoSightings));
	}
}

static void
find_pairs(RecoTogether *t)
{
	RecoSightings *seen = reco_budget_alloc(t->budget, t->n_items, sizeof(RecoSightings), "pairs");
	int32	   *touched = reco_budget_alloc(t->budget, t->n_items, sizeof(int32), "pairs");
	int32		item;

	reco_progress_phase(t->progress, RECO_PHASE_COUNTING, t->n_items);
	for (item = 0; item < t->n_items; item++)
	{
		count_pairs_of(t, item, seen, touched);
		reco_progress_advance(t->progress, 1);
	}
	t->examined = (int64) t->n_items * (t->n_items - 1) / 2;
	reco_budget_free(t->budget, seen);
	reco_budget_free(t->budget, touched);
}

/* --- larger sets ------------------------------------------------------------------------------------------- */

/* Sets of one size that begin with the same items, and the orders of each. */
typedef struct Family
{
	int			size;			/* of its members */
	int64	   *member;			/* sets, in the order of their last items */
	int32		n;
	int32	   *slot;			/* [items] of the member that ends with it, -1: none */
	int64	   *start;			/* [n + 1] into list */
	int64	   *end;			/* [n] */
	int32	   *list;
	int64		capacity;
} Family;

static bool
holds(const RecoTogether *t, int32 order, int32 item)
{
	const int32 *items = t->baskets->item + t->baskets->start[order];

	return bsearch(&item, items, t->length[order], sizeof(int32), compare_integers) != NULL;
}

/* Make room for the orders of all members. */
static void
reserve_lists(RecoTogether *t, Family *family)
{
	int32		i;

	for (i = 0; i < family->n; i++)
	{
		family->end[i] = family->start[i];
		family->start[i + 1] = family->start[i] + t->sets[family->member[i]].orders;
	}
	if (family->start[family->n] <= family->capacity)
		return;
	family->list = reco_budget_resize(t->budget, family->list, family->capacity, family->start[family->n], sizeof(int32),
									  "lists of orders");
	family->capacity = family->start[family->n];
}

/* The orders of all members: of those of the rarest item whichever hold the others that they share, by their last items. */
static void
list_members(RecoTogether *t, Family *family)
{
	const int32 *shared = t->sets[family->member[0]].item;
	int64		i;
	int32		j;

	reserve_lists(t, family);
	for (j = 0; j < family->n; j++)
		family->slot[t->sets[family->member[j]].item[family->size - 1]] = j;
	for (i = t->list_start[shared[0]]; i < t->list_start[shared[0] + 1]; i++)
	{
		int32		order = t->list[i];
		const int32 *items = t->baskets->item + t->baskets->start[order];

		CHECK_FOR_INTERRUPTS();
		for (j = 1; j < family->size - 1 && holds(t, order, shared[j]); j++)
			;
		if (j < family->size - 1)
			continue;
		for (j = t->length[order] - 1; j >= 0 && items[j] > shared[family->size - 2]; j--)
			if (family->slot[items[j]] >= 0)
				family->list[family->end[family->slot[items[j]]]++] = order;
	}
	for (j = 0; j < family->n; j++)
		family->slot[t->sets[family->member[j]].item[family->size - 1]] = -1;
}

static RecoSightings
intersect(const RecoTogether *t, const Family *family, int32 a, int32 b)
{
	RecoSightings seen = {0};
	int64		i = family->start[a];
	int64		j = family->start[b];

	while (i < family->end[a] && j < family->end[b])
	{
		int32		x = family->list[i];
		int32		y = family->list[j];

		if (x == y)
			see(&seen, whose(t->baskets, x));
		i += x <= y;
		j += y <= x;
	}
	return seen;
}

/* Whether all that is left of a set without one of its items was found; without either of the last two it was. */
static bool
is_promising(const RecoTogether *t, const int32 *items, int n)
{
	int			leave;

	for (leave = 0; leave < n - 2; leave++)
	{
		int32		rest[RECO_MAX_BUNDLE];
		const RecoSet *set;

		(void) pick(items, n, ((1 << n) - 1) & ~(1 << leave), rest);
		set = find_set(t, rest, n - 1);
		if (set == NULL || set->p > t->threshold)
			return false;
	}
	return true;
}

/* All sets of one more item, made of two members each. */
static void
grow_family(RecoTogether *t, Family *family)
{
	bool		listed = false;
	int32		a;
	int32		b;

	for (a = 0; a < family->n; a++)
		for (b = a + 1; b < family->n; b++)
		{
			int32		items[RECO_MAX_BUNDLE];
			RecoSightings seen;

			CHECK_FOR_INTERRUPTS();
			memcpy(items, t->sets[family->member[a]].item, family->size * sizeof(int32));
			items[family->size] = t->sets[family->member[b]].item[family->size - 1];
			if (!is_promising(t, items, family->size + 1))
				continue;
			t->examined++;
			if (!listed)
				list_members(t, family);
			listed = true;
			seen = intersect(t, family, a, b);
			judge(t, items, family->size + 1, &seen);
		}
}

static Family
begin_family(RecoTogether *t, int size, int32 members)
{
	Family		family = {.size = size};
	int32		i;

	family.member = reco_budget_alloc(t->budget, members, sizeof(int64), "sets of items");
	family.start = reco_budget_alloc(t->budget, (Size) members + 1, sizeof(int64), "sets of items");
	family.end = reco_budget_alloc(t->budget, members, sizeof(int64), "sets of items");
	family.slot = reco_budget_alloc(t->budget, t->n_items, sizeof(int32), "sets of items");
	family.list = reco_budget_alloc(t->budget, 1, sizeof(int32), "lists of orders");
	family.capacity = 1;
	for (i = 0; i < t->n_items; i++)
		family.slot[i] = -1;
	return family;
}

/* From the sets of one size that were found to those of one more. */
static void
grow(RecoTogether *t, int size)
{
	MemoryContext outer = reco_budget_begin(t->budget, "growing");
	Family		family = begin_family(t, size, t->n_items);
	int64		end = t->first[size + 1];
	int64		i = t->first[size];

	reco_progress_phase(t->progress, RECO_PHASE_GROWING, end - i);
	while (i < end)
	{
		const int32 *shared = t->sets[i].item;

		for (family.n = 0; i < end && compare_sets(t->sets[i].item, shared, size - 1) == 0; i++)
		{
			if (t->sets[i].p <= t->threshold)
				family.member[family.n++] = i;
			reco_progress_advance(t->progress, 1);
		}
		grow_family(t, &family);
	}
	reco_budget_end(t->budget, outer);
}

/*
 * All sets of up to so many items that are bought together; those with a q up to the rate are found.  The baskets are used
 * up: their items become places in what is returned, which is allocated from the budget.  Errors:
 * configuration_limit_exceeded.
 */
RecoTogether *
reco_together_find(RecoBudget *budget, const RecoRun *run, RecoProgress *progress, RecoBaskets *baskets,
				   const RecoTogetherOptions *options)
{
	RecoTogether *t = reco_budget_alloc(budget, 1, sizeof(RecoTogether), "sets of items");
	RecoSightings *seen;
	int			size;

	t->budget = budget;
	t->run = run;
	t->progress = progress;
	t->options = *options;
	t->baskets = baskets;
	seen = count_items(t);
	fit_periods(t);
	renumber_orders(t, keep_frequent(t, seen));
	list_orders(t);
	t->sets = reco_budget_alloc(budget, FIRST_SETS, sizeof(RecoSet), "sets of items");
	t->capacity = FIRST_SETS;
	for (size = 2; size <= RECO_MAX_BUNDLE; size++)
	{
		if (size == 2)
			find_pairs(t);
		else if (size <= options->max_size)
			grow(t, size - 1);
		t->first[size + 1] = t->n_sets;
		adjust(t);
	}
	return t;
}
