/*
 * lines.c: turns the order lines of one customer into a weighted bag of items.
 *
 * Training does it for every customer, a request for one, from lines read live; both go through the routines here, so
 * that a customer's bag means the same in both.
 */
#include "postgres.h"

#include "lines.h"

#include <math.h>

#define LEAST_DECAY 1e-6

/*
 * The documented rule for what counts: a line must have an item, a finite time and a finite quantity other than zero.
 */
bool
reco_lines_is_usable(const RecoLine *line)
{
	return line->item >= 0 && !TIMESTAMP_NOT_FINITE(line->at) && isfinite(line->quantity) && line->quantity != 0;
}

/*
 * The total order in which lines are processed: by customer, item, time and then everything else, so that equal
 * neighbours are the same in all that matters and sums come out the same for any order of arrival.
 */
int
reco_lines_compare(const void *a, const void *b)
{
	const RecoLine *x = a;
	const RecoLine *y = b;

	if (x->user != y->user)
		return x->user < y->user ? -1 : 1;
	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->quantity > y->quantity) - (x->quantity < y->quantity);
}

/* Take quantity back from a purchase; returns what is left to take from others. */
static float
take_back(RecoLine *purchase, float quantity)
{
	float		taken = Min(quantity, purchase->quantity);

	purchase->quantity -= taken;
	return quantity - taken;
}

/*
 * Net the returns in the lines of one customer and one item, in the order of reco_lines_compare: a return takes its
 * quantity from the latest purchase before it, then from the one before that; what finds no purchase is dropped.  Lines
 * that count nothing afterwards have quantity 0.
 */
void
reco_lines_net_returns(RecoLine *run, int64 n)
{
	int64		i;

	for (i = 0; i < n; i++)
	{
		float		back = -run[i].quantity;
		int64		j;

		if (back <= 0)
			continue;
		run[i].quantity = 0;
		for (j = i - 1; j >= 0 && back > 0; j--)
			if (run[j].quantity > 0)
				back = take_back(&run[j], back);
	}
}

/*
 * What a purchase still counts, in (0, 1]: half after half_life days, but never quite nothing.  An infinite half-life
 * means no decay; a purchase after the clock counts 1.
 */
double
reco_lines_decay(TimestampTz at, TimestampTz clock, double half_life)
{
	double		days = (double) (clock - at) / (double) USECS_PER_DAY;

	if (days <= 0 || isinf(half_life))
		return 1;
	return Max(exp2(-days / half_life), LEAST_DECAY);
}

/*
 * The weight of an item in a customer's bag, from the sum of what its purchases still count: one fresh purchase counts
 * 1, more of them less and less.
 */
float
reco_lines_entry_weight(double decayed_count)
{
	return (float) log2(1 + decayed_count);
}

/*
 * The bag of one customer: sorts his lines, nets returns and sums what is left up to the clock by item.  entries has
 * room for n; returns how many there are, in the order of items.  Lines at or after the clock are left out.
 */
int64
reco_lines_bag(RecoLine *lines, int64 n, TimestampTz clock, double half_life, RecoEntry *entries)
{
	int64		n_entries = 0;
	int64		first;
	int64		last;

	qsort(lines, n, sizeof(RecoLine), reco_lines_compare);
	for (first = 0; first < n; first = last)
	{
		double		count = 0;
		int64		i;

		for (last = first + 1; last < n && lines[last].item == lines[first].item; last++)
			;
		reco_lines_net_returns(lines + first, last - first);
		for (i = first; i < last; i++)
			if (lines[i].quantity > 0)
				count += reco_lines_decay(lines[i].at, clock, half_life);
		if (count > 0)
		{
			entries[n_entries].item = lines[first].item;
			entries[n_entries].weight = reco_lines_entry_weight(count);
			n_entries++;
		}
	}
	return n_entries;
}
