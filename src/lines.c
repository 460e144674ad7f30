/*
 * lines.c: turns the order lines of one customer into a weighted bag of items.
 *
 * Training does it for every customer, a request for one, from lines read live; both go through the routines here, so
 * that a customer's bag means the same in both.
 */
#include "postgres.h"

#include "lines.h"

#include <math.h>

#include "miscadmin.h"

#define LEAST_DECAY 1e-6
#define MOST_PLACES 1024		/* lines of a bag that are sorted by places */
#define CROWD_HALF_LIFE 90		/* days; what friends bought tells taste, and that changes slowly */
#define LEAST_LEFT 1e-5f		/* of a purchase; below it there is only rounding of fractional quantities */

/*
 * The documented rule for what counts: a line must have an item, a finite time and a finite quantity other than zero.
 */
bool
reco_lines_is_usable(const RecoLine *line)
{
	return line->item >= 0 && !TIMESTAMP_NOT_FINITE(line->at) && isfinite(line->quantity) && line->quantity != 0;
}

/*
 * What a line came to: its amount, or price times quantity; 0 where neither is a finite number.
 */
float
reco_lines_amount(const RecoValue *unit_price, const RecoValue *amount, double quantity)
{
	double		value = 0;

	if (!amount->is_null)
		value = amount->number;
	else if (!unit_price->is_null)
		value = unit_price->number * quantity;
	return isfinite((float) value) ? (float) value : 0;
}

/* A line that has one customer anyway, whose number nobody needs, can carry what it came to. */
void
reco_lines_set_amount(RecoLine *line, float amount)
{
	StaticAssertStmt(sizeof(line->user) == sizeof(amount), "an amount fits where the customer's number is");
	memcpy(&line->user, &amount, sizeof(amount));
}

float
reco_lines_get_amount(const RecoLine *line)
{
	float		amount;

	memcpy(&amount, &line->user, sizeof(amount));
	return amount;
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

	CHECK_FOR_INTERRUPTS();
	if (x->user != y->user)
		return x->user < y->user ? -1 : 1;
	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	/* Of one moment, purchases before returns: a day's return can be of that day's purchase. */
	if ((x->quantity < 0) != (y->quantity < 0))
		return x->quantity < 0 ? 1 : -1;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->quantity > y->quantity) - (x->quantity < y->quantity);
}

/*
 * Net the returns in the lines of one customer and one item, in the order of reco_lines_compare: a return takes its
 * quantity from the latest purchase before it, then from the one before that; what finds no purchase is dropped.  The
 * purchases that are left come first, in the same order; the lines behind them have quantity 0.  Every line is put down
 * once and taken up once, so the time is linear.
 */
void
reco_lines_net_returns(RecoLine *run, int64 n)
{
	int64		kept = 0;
	int64		i;

	for (i = 0; i < n; i++)
	{
		float		back = -run[i].quantity;

		if (back < 0)
			run[kept++] = run[i];
		for (; back > 0 && kept > 0; kept--)
		{
			RecoLine   *purchase = &run[kept - 1];

			if (purchase->quantity - back > LEAST_LEFT * purchase->quantity)
			{
				purchase->quantity -= back;
				break;
			}
			back -= purchase->quantity;
		}
	}
	for (i = kept; i < n; i++)
		run[i].quantity = 0;
}

/*
 * What a purchase still counts, in (0, 1]: half after half_life days, but never quite nothing.  An infinite half-life
 * means no decay; a purchase after the clock counts 1.
 */
double
reco_lines_decay(TimestampTz at, TimestampTz clock, double half_life)
{
	double		days = ((double) clock - (double) at) / (double) USECS_PER_DAY;

	if (days <= 0 || isinf(half_life))
		return 1;
	return Max(exp2(-days / half_life), LEAST_DECAY);
}

/*
 * When decay of a customer's lines counts from: as_of, or the newest line where that is more than a half-life older.  A
 * history that ended long ago would otherwise fade to nothing beside a basket.
 */
TimestampTz
reco_lines_clock(const RecoLine *lines, int64 n, TimestampTz as_of, double half_life)
{
	TimestampTz newest = DT_NOBEGIN;
	int64		i;

	for (i = 0; i < n; i++)
		newest = Max(newest, lines[i].at);
	return n > 0 && (double) as_of - (double) newest > half_life * (double) USECS_PER_DAY ? newest : as_of;
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

/* Sorts items with the places of their lines: a comparison without a call, and 8 bytes to move instead of 24. */
#define ST_SORT				sort_places
#define ST_ELEMENT_TYPE		uint64
#define ST_COMPARE(a, b)	((*(a) > *(b)) - (*(a) < *(b)))
#define ST_SCOPE			static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * Bring the lines of one customer into the order of reco_lines_compare.  Most items are there once: they are brought into
 * the order of their items first, which are not negative, and then lines of the same item into theirs.
 */
static void
sort_bag(RecoLine *lines, int64 n)
{
	uint64		places[MOST_PLACES];
	RecoLine	copy[MOST_PLACES];
	int64		i;
	int64		last;

	if (n > MOST_PLACES)
	{
		qsort(lines, n, sizeof(RecoLine), reco_lines_compare);
		return;
	}
	for (i = 0; i < n; i++)
		places[i] = ((uint64) (uint32) lines[i].item << 32) | (uint64) i;
	sort_places(places, n);
	memcpy(copy, lines, n * sizeof(RecoLine));
	for (i = 0; i < n; i++)
		lines[i] = copy[places[i] & PG_UINT32_MAX];
	for (i = 0; i < n; i = last)
	{
		for (last = i + 1; last < n && lines[last].item == lines[i].item; last++)
			;
		if (last - i > 1)
			qsort(lines + i, last - i, sizeof(RecoLine), reco_lines_compare);
	}
}

/* The weight of an item by what its purchases still count, and in plain by what they would count without factors. */
static float
item_weight(const RecoLine *lines, int64 n, TimestampTz clock, double half_life, const double *factors, double *plain)
{
	double		count = 0;
	double		plain_count = 0;
	int64		i;

	for (i = 0; i < n; i++)
	{
		double		decay;

		if (lines[i].quantity <= 0)
			continue;
		decay = reco_lines_decay(lines[i].at, clock, half_life);
		plain_count += decay;
		count += factors != NULL && lines[i].order >= 0 ? decay * factors[lines[i].order] : decay;
	}
	*plain += reco_lines_entry_weight(plain_count);
	return reco_lines_entry_weight(count);
}

/*
 * The bag of one customer: sorts his lines, nets returns and sums what is left up to the clock by item.  entries has
 * room for n; returns how many there are, in the order of items.  Lines at or after the clock are left out.
 *
 * With factors a purchase counts factors[order] times as much as others, and the bag has the mass that it has without them.
 */
int64
reco_lines_bag(RecoLine *lines, int64 n, TimestampTz clock, double half_life, const double *factors, RecoEntry *entries)
{
	int64		n_entries = 0;
	double		plain = 0;
	double		mass = 0;
	int64		first;
	int64		last;

	sort_bag(lines, n);
	for (first = 0; first < n; first = last)
	{
		float		weight;

		for (last = first + 1; last < n && lines[last].item == lines[first].item; last++)
			;
		reco_lines_net_returns(lines + first, last - first);
		weight = item_weight(lines + first, last - first, clock, half_life, factors, &plain);
		if (weight <= 0)
			continue;
		entries[n_entries++] = (RecoEntry) {lines[first].item, weight};
		mass += weight;
	}
	for (first = 0; factors != NULL && first < n_entries; first++)
		entries[first].weight *= (float) (plain / mass);
	return n_entries;
}

static int
compare_entries(const void *a, const void *b)
{
	const RecoEntry *x = a;
	const RecoEntry *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	return (x->weight > y->weight) - (x->weight < y->weight);
}

/*
 * What several customers bought, as one bag: the sum of their bags, so that an item counts by how many of them have it, and
 * nobody much more than once.  Lines say by user whose they are; they are sorted and netted in place.  entries has room for
 * n; returns how many there are, in the order of items.
 */
int64
reco_lines_crowd_bag(RecoLine *lines, int64 n, TimestampTz as_of, RecoEntry *entries)
{
	TimestampTz clock = reco_lines_clock(lines, n, as_of, CROWD_HALF_LIFE);
	int64		n_entries = 0;
	int64		kept = 0;
	int64		first;
	int64		last;

	qsort(lines, n, sizeof(RecoLine), reco_lines_compare);
	for (first = 0; first < n; first = last)
	{
		for (last = first + 1; last < n && lines[last].user == lines[first].user; last++)
			;
		n_entries += reco_lines_bag(lines + first, last - first, clock, CROWD_HALF_LIFE, NULL, entries + n_entries);
	}
	qsort(entries, n_entries, sizeof(RecoEntry), compare_entries);
	for (first = 0; first < n_entries; first = last)
	{
		double		sum = 0;

		for (last = first; last < n_entries && entries[last].item == entries[first].item; last++)
			sum += entries[last].weight;
		entries[kept++] = (RecoEntry) {entries[first].item, (float) sum};
	}
	return kept;
}
