/*
 * experiment.h: what an experiment has shown so far.
 */
#ifndef RECO_EXPERIMENT_H
#define RECO_EXPERIMENT_H

#include "postgres.h"

#include "catalog.h"
#include "participants.h"
#include "ratios.h"

/* An arm by a metric.  NaN: not known, or not to be told yet. */
typedef struct RecoExperimentCell
{
	int			arm;
	RecoExperimentMetric	metric;
	int64		users;
	int64		buyers;
	int64		orders;
	int64		capped;			/* orders that count as much as the cap */
	double		value;
	double		lift;			/* over the control, as the verdict goes by */
	double		low;
	double		high;
	double		p;
	bool		adjusted;		/* for what customers did before */
	double		plain_lift;		/* not adjusted */
	double		plain_low;
	double		plain_high;
	const char *verdict;		/* NULL: of the control */
} RecoExperimentCell;

typedef struct RecoExperimentReport
{
	const RecoExperimentRow *row;
	TimestampTz data_to;		/* orders before it */
	double		cap;			/* of an order's value; infinite: none */
	double		uneven;			/* chance of shares as uneven as these */
	int			n;
	RecoExperimentCell *cells;	/* by metric, the primary one first, and arm */
} RecoExperimentReport;

extern RecoExperimentReport *reco_experiment_report(const char *name, TimestampTz as_of, Size memory_limit);
extern RecoArmRatio reco_experiment_rehearse(const RecoModelRow *model, const RecoExperimentRow *row, Size memory_limit,
											 RecoArmCounts *counts);
extern void reco_experiment_check(const RecoModelRow *model, const RecoExperimentRow *row, const RecoSource *exposures);

#endif							/* RECO_EXPERIMENT_H */
