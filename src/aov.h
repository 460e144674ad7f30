/*
 * aov.h: what orders are worth on average, and how far chance moves that.
 */
#ifndef RECO_AOV_H
#define RECO_AOV_H

#include "postgres.h"

#include "budget.h"

#define RECO_AOV_WINSORIZE_AT 0.99

/* A sum with what rounding took from it (Neumaier 1974, as in sums.c). */
typedef struct RecoTotal
{
	double		high;
	double		low;
} RecoTotal;

static inline void
reco_total_add(RecoTotal *total, double value)
{
	double		after = total->high + value;
	double		added = after - total->high;

	total->low += (total->high - (after - added)) + (value - added);
	total->high = after;
}

/* Infinite beyond the range of a double. */
static inline double
reco_total_get(const RecoTotal *total)
{
	double		sum = total->high + total->low;

	return sum - sum == 0 ? sum : total->high;
}

typedef struct RecoOrderValue
{
	double		value;			/* > 0 */
	int32		customer;		/* -1: unknown */
} RecoOrderValue;

/* What is not known is NaN. */
typedef struct RecoAov
{
	int64		orders;
	int64		customers;		/* known ones */
	double		gross;			/* of all orders */
	double		gross_known;	/* of those of known customers */
	double		mean;
	double		low;			/* of the 95 % interval around it */
	double		high;
	double		winsorized;
	double		median;
} RecoAov;

extern RecoAov reco_aov_compute(RecoBudget *budget, RecoOrderValue *orders, int64 n, double winsorize_at);

#endif							/* RECO_AOV_H */
