/*
 * amounts.c: learns what order lines of each item usually come to.
 *
 *	usual of an item = (sum of its lines, each capped + SHRINKAGE x mean of all lines) / (their number + SHRINKAGE)
 *
 * The cap is the amount that a hundredth of all lines exceed: wholesale and slips of a pen would otherwise decide.  The price
 * of a piece is the geometric mean of those in the lines, which neither moves much.
 *
 * Sums are of integers, in parts of the cap, and quantiles are counted: the same lines give the same bits in any order.
 */
#include "postgres.h"

#include "amounts.h"

#include <float.h>
#include <math.h>

#include "interrupts.h"

#define FIRST_PAID 1024
#define SHRINKAGE 10			/* lines, drawn to the mean of all */
#define CAPPED 0.01				/* of the lines */
#define BINS 65536				/* of floats, by sign, exponent and eight bits of the mantissa */
#define PARTS 1073741824.0		/* of the cap; 2^33 lines have a sum that can be counted */
#define LOG_PARTS 16777216.0	/* of one in the logarithm of a price */

typedef struct RecoPaidLine
{
	int32		item;
	float		amount;
	float		quantity;
} RecoPaidLine;

struct RecoPaidLines
{
	RecoBudget *budget;
	RecoPaidLine *lines;
	int64		n;
	int64		capacity;
};

/* Sums over the lines of each item. */
typedef struct Sums
{
	int64	   *n;
	int64	   *amount;			/* in PARTS of the cap */
	int64	   *log_price;		/* in LOG_PARTS; NULL: not wanted */
} Sums;

/* Room for lines whose amount is known, in budget's memory. */
RecoPaidLines *
reco_amounts_begin(RecoBudget *budget)
{
	RecoPaidLines *paid = reco_budget_alloc(budget, 1, sizeof(RecoPaidLines), "amounts of order lines");

	paid->budget = budget;
	paid->capacity = FIRST_PAID;
	paid->lines = reco_budget_alloc(budget, FIRST_PAID, sizeof(RecoPaidLine), "amounts of order lines");
	return paid;
}

/* Add a line, of amount > 0 and quantity > 0. */
void
reco_amounts_add(RecoPaidLines *paid, int32 item, float amount, float quantity)
{
	if (paid->n == paid->capacity)
	{
		int64		capacity = paid->capacity + paid->capacity / 2;

		paid->lines = reco_budget_resize(paid->budget, paid->lines, paid->capacity, capacity, sizeof(RecoPaidLine),
										 "amounts of order lines");
		paid->capacity = capacity;
	}
	paid->lines[paid->n++] = (RecoPaidLine) {item, amount, quantity};
}

/* From provisional numbers of items to final ones. */
void
reco_amounts_number(RecoPaidLines *paid, const int32 *rank)
{
	int64		i;

	for (i = 0; i < paid->n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		paid->lines[i].item = rank[paid->lines[i].item];
	}
}

/* Positive floats are in the order of their bits. */
static int
bin_of(float amount)
{
	uint32		bits;

	memcpy(&bits, &amount, sizeof(bits));
	return (int) (bits >> 15);
}

/* The largest amount in the bin behind which there are at most a hundredth of n amounts. */
static float
find_cap(const RecoPaidLines *paid)
{
	int64	   *count = palloc0(BINS * sizeof(int64));
	int64		above = 0;
	int			bin = BINS - 1;
	float		cap = 0;
	int64		i;

	for (i = 0; i < paid->n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		count[bin_of(paid->lines[i].amount)]++;
	}
	while (bin > 0 && above + count[bin] <= CAPPED * (double) paid->n)
		above += count[bin--];
	for (i = 0; i < paid->n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (bin_of(paid->lines[i].amount) == bin)
			cap = Max(cap, paid->lines[i].amount);
	}
	pfree(count);
	return cap;
}

static void
add_up(const RecoPaidLines *paid, double cap, const Sums *sums)
{
	int64		i;

	for (i = 0; i < paid->n; i++)
	{
		const RecoPaidLine *line = &paid->lines[i];

		RECO_CHECK_INTERRUPTS(i);
		sums->n[line->item]++;
		sums->amount[line->item] += (int64) rint(Min(line->amount, cap) / cap * PARTS);
		if (sums->log_price != NULL)
			sums->log_price[line->item] += (int64) rint(log((double) line->amount / line->quantity) * LOG_PARTS);
	}
}

static const float *
shrink(RecoBudget *budget, const Sums *sums, int32 items, double cap, double mean)
{
	float	   *usual = reco_budget_alloc(budget, items, sizeof(float), "amounts of items");
	int32		i;

	for (i = 0; i < items; i++)
	{
		double		amount = ((double) sums->amount[i] / PARTS * cap + SHRINKAGE * mean) / ((double) sums->n[i] + SHRINKAGE);

		usual[i] = (float) Max(amount, FLT_MIN);
	}
	return usual;
}

static const float *
average_prices(RecoBudget *budget, const Sums *sums, int32 items)
{
	float	   *price = reco_budget_alloc(budget, items, sizeof(float), "prices of items");
	int32		i;

	for (i = 0; i < items; i++)
		if (sums->n[i] > 0)
			price[i] = (float) Min(exp((double) sums->log_price[i] / LOG_PARTS / (double) sums->n[i]), FLT_MAX);
	return price;
}

static RecoAmounts
learn(const RecoPaidLines *paid, int32 items, bool with_prices)
{
	RecoBudget *budget = paid->budget;
	RecoAmounts amounts = {.most = find_cap(paid)};
	Sums		sums = {reco_budget_alloc(budget, items, sizeof(int64), "amounts of items"),
	reco_budget_alloc(budget, items, sizeof(int64), "amounts of items"), NULL};
	double		total = 0;
	int32		i;

	if (with_prices)
		sums.log_price = reco_budget_alloc(budget, items, sizeof(int64), "prices of items");
	add_up(paid, amounts.most, &sums);
	for (i = 0; i < items; i++)
		total += (double) sums.amount[i] / PARTS;
	amounts.mean = Max(total * amounts.most / (double) paid->n, FLT_MIN);
	amounts.usual = shrink(budget, &sums, items, amounts.most, amounts.mean);
	if (with_prices)
	{
		amounts.price = average_prices(budget, &sums, items);
		reco_budget_free(budget, sums.log_price);
	}
	reco_budget_free(budget, sums.n);
	reco_budget_free(budget, sums.amount);
	return amounts;
}

/* What lines come to in the shop's currency; the lines are used up. */
RecoAmounts
reco_amounts_of_paid(RecoPaidLines *paid, int32 items)
{
	RecoAmounts amounts = learn(paid, items, true);

	reco_budget_free(paid->budget, paid->lines);
	return amounts;
}

/* How many pieces lines are of: of purchases after returns.  Nothing is learned where all are of one. */
RecoAmounts
reco_amounts_of_pieces(RecoBudget *budget, const RecoLine *lines, int64 n, int32 items)
{
	RecoPaidLines *paid;
	RecoAmounts amounts = {NULL};
	bool		all_one = true;
	int64		i;

	for (i = 0; i < n && all_one; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		all_one = lines[i].quantity == 1;
	}
	if (all_one)
		return amounts;
	paid = reco_amounts_begin(budget);
	for (i = 0; i < n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		reco_amounts_add(paid, lines[i].item, lines[i].quantity, 1);
	}
	amounts = learn(paid, items, false);
	reco_budget_free(budget, paid->lines);
	return amounts;
}
