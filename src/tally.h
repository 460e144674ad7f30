/*
 * tally.h: sums by customer, metrics made of them, and how far chance moves these.
 */
#ifndef RECO_TALLY_H
#define RECO_TALLY_H

#include "postgres.h"

#include "budget.h"

typedef struct RecoTally
{
	int			clusters;
	int			columns;
	double	   *sums;			/* [clusters x columns] */
	double	   *totals;			/* [columns] */
	int			replicates;
	double	   *replicate;		/* [replicates x columns] */
} RecoTally;

/* A metric, from the sums of all columns; NaN where it is not defined. */
typedef double (*RecoMetric) (const double *sums, const void *arg);

typedef struct RecoInterval
{
	double		value;
	double		low;			/* of the middle 95 %; NaN: not known */
	double		high;
} RecoInterval;

extern RecoTally *reco_tally_create(RecoBudget *budget, int clusters, int columns);
extern void reco_tally_finish(RecoTally *tally, RecoBudget *budget, uint64 seed);
extern RecoInterval reco_tally_interval(const RecoTally *tally, RecoMetric metric, const void *arg);

static inline void
reco_tally_add(RecoTally *tally, int cluster, int column, double value)
{
	tally->sums[(Size) cluster * tally->columns + column] += value;
}

#endif							/* RECO_TALLY_H */
