/*
 * popularity.c: counts how many orders an item was in lately, and how far that tells the orders to come.
 *
 * An item's share of the orders, decayed, is the chance that it is in the next order of somebody of whom nothing is
 * known.  But whatever is at the top of a list is there by luck too, and fashions pass: on later orders the share of the
 * most popular items is smaller.  By how much is measured on held-out orders.
 */
#include "postgres.h"

#include "popularity.h"

#include <math.h>

#include "interrupts.h"

#define HALF_LIFE 30			/* days */
#define TREND_HALF_LIFE 14
#define TOP 10
#define MIN_ORDERS 50
#define PRIOR_HITS 10			/* as many that came true as foretold */

/*
 * What a line adds to the popularity of its item: its order's decay, where no line before it is of the same order and
 * item (neighbours here, unless an order of the same customer came between them).  Rows that have a weight and no time
 * count by it.
 */
static double
line_popularity(const RecoInteractions *interactions, int64 i, TimestampTz before, TimestampTz clock, double half_life)
{
	const RecoLine *line = &interactions->lines[i];
	TimestampTz at = line->order >= 0 ? interactions->order_at[line->order] : line->at;

	if (interactions->form.weighted)
		return reco_lines_entry_weight(line->quantity);
	if (at >= before || (i > 0 && line->order >= 0 && line[-1].order == line->order && line[-1].item == line->item))
		return 0;
	return reco_lines_decay(at, clock, half_life);
}

/* The sums of all items, in the budget's memory; that of lines without any order as well. */
static double *
sum_lines(const RecoInteractions *interactions, TimestampTz before, TimestampTz clock, double half_life, double *without_order)
{
	double	   *sums = reco_budget_alloc(interactions->budget, reco_idmap_count(interactions->items), sizeof(double), "popularity");
	int64		i;

	*without_order = 0;
	for (i = 0; i < interactions->n_lines; i++)
	{
		double		added = line_popularity(interactions, i, before, clock, half_life);

		RECO_CHECK_INTERRUPTS(i);
		sums[interactions->lines[i].item] += added;
		if (interactions->lines[i].order < 0)
			*without_order += added;
	}
	return sums;
}

/*
 * Decayed number of orders before a time with each item, in the budget's memory, and of all (0 where rows have no
 * orders).  A line without any order is an order by itself.
 */
float *
reco_popularity_count(const RecoInteractions *interactions, TimestampTz before, TimestampTz clock, double *order_mass)
{
	int32		items = reco_idmap_count(interactions->items);
	double	   *sums = sum_lines(interactions, before, clock, HALF_LIFE, order_mass);
	float	   *popularity = reco_budget_alloc(interactions->budget, items, sizeof(float), "popularity");
	int64		i;

	if (interactions->form.weighted)
		*order_mass = 0;
	for (i = 0; i < interactions->n_orders; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (interactions->order_at[i] < before && interactions->order_at[i] != DT_NOEND)
			*order_mass += reco_lines_decay(interactions->order_at[i], clock, HALF_LIFE);
	}
	for (i = 0; i < items; i++)
		popularity[i] = (float) sums[i];
	pfree(sums);
	return popularity;
}

/* The number of orders before a time with each item, decayed by any half-life, in the budget's memory. */
float *
reco_popularity_orders(const RecoInteractions *interactions, TimestampTz before, TimestampTz clock, double half_life)
{
	int32		items = reco_idmap_count(interactions->items);
	float	   *orders = reco_budget_alloc(interactions->budget, items, sizeof(float), "popularity");
	double		without_order;
	double	   *sums = sum_lines(interactions, before, clock, half_life, &without_order);
	int32		i;

	for (i = 0; i < items; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		orders[i] = (float) sums[i];
	}
	pfree(sums);
	return orders;
}

/*
 * What many bought lately, of each item: the root of the number of orders before a time, decayed fast, where the greatest
 * is 1.  In the budget's memory.
 */
float *
reco_popularity_trend(const RecoInteractions *interactions, TimestampTz before, TimestampTz clock)
{
	int32		items = reco_idmap_count(interactions->items);
	float	   *trend = reco_budget_alloc(interactions->budget, items, sizeof(float), "popularity");
	double		without_order;
	double	   *sums = sum_lines(interactions, before, clock, TREND_HALF_LIFE, &without_order);
	double		most = 0;
	int32		i;

	for (i = 0; i < items; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		most = Max(most, sums[i]);
	}
	for (i = 0; i < items && most > 0; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		trend[i] = (float) sqrt(sums[i] / most);
	}
	pfree(sums);
	return trend;
}

/* The most popular items, best first, ties by number; returns how many there are. */
static int
find_top(const float *popularity, int32 items, int32 *top)
{
	int			n = 0;
	int32		item;
	int			at;

	for (item = 0; item < items; item++)
	{
		RECO_CHECK_INTERRUPTS(item);
		if (popularity[item] <= 0 || (n == TOP && popularity[item] <= popularity[top[TOP - 1]]))
			continue;
		at = n < TOP ? n++ : TOP - 1;
		for (; at > 0 && popularity[top[at - 1]] < popularity[item]; at--)
			top[at] = top[at - 1];
		top[at] = item;
	}
	return n;
}

static bool
is_among(const int32 *top, int n, int32 item)
{
	int			i;

	for (i = 0; i < n; i++)
		if (top[i] == item)
			return true;
	return false;
}

/*
 * How much of the share that the most popular items had before a cut they have in the orders since: about 1 where nothing
 * changes, drawn towards it where there is little to tell by, and 1 where there are fewer than MIN_ORDERS orders.
 * popularity and order_mass are those of the time before the cut.
 */
double
reco_popularity_trust(const RecoInteractions *interactions, const float *popularity, double order_mass, TimestampTz cut)
{
	int32		top[TOP];
	int			n = find_top(popularity, reco_idmap_count(interactions->items), top);
	double		foretold = 0;
	int64		orders = 0;
	int64		hits = 0;
	int64		i;

	for (i = 0; i < interactions->n_orders; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		orders += interactions->order_at[i] >= cut && interactions->order_at[i] != DT_NOEND;
	}
	if (orders < MIN_ORDERS || order_mass <= 0)
		return 1;
	for (i = 0; i < n; i++)
		foretold += Min(popularity[top[i]] / order_mass, 1) * (double) orders;
	for (i = 0; i < interactions->n_lines; i++)
	{
		const RecoLine *line = &interactions->lines[i];

		RECO_CHECK_INTERRUPTS(i);
		if (line->order >= 0 && interactions->order_at[line->order] >= cut &&
			!(i > 0 && line[-1].order == line->order && line[-1].item == line->item))
			hits += is_among(top, n, line->item);
	}
	return ((double) hits + PRIOR_HITS) / (foretold + PRIOR_HITS);
}
