/*
 * tally.h: sums by customer, metrics made of them, and how far chance moves these.
 */
#ifndef RECO_TALLY_H
#define RECO_TALLY_H

#include "postgres.h"

#include "budget.h"

typedef struct RecoTally
{
	RecoBudget *budget;
	int			clusters;
	int			columns;
	int32	   *row;			/* [clusters]: in sums, -1: nothing was added yet */
	int			rows;
	int			capacity;
	double	   *sums;			/* [rows x columns] */
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
extern void reco_tally_add(RecoTally *tally, int cluster, int column, double value);
extern void reco_tally_finish(RecoTally *tally, uint64 seed);
extern RecoInterval reco_tally_interval(const RecoTally *tally, RecoMetric metric, const void *arg);
extern RecoInterval reco_tally_difference(const RecoTally *tally, const void *arg, const RecoTally *other, const void *other_arg,
										  RecoMetric metric);

#endif							/* RECO_TALLY_H */
