/*
 * value_curve.h: what going by value costs, and what it brings.
 */
#ifndef RECO_VALUE_CURVE_H
#define RECO_VALUE_CURVE_H

#include "postgres.h"

#include "evaluation.h"
#include "tally.h"

#define RECO_VALUE_CURVE_WEIGHTS 20 /* at most, in one call */

/* A row of reco.value_curve; intervals are NaN where there is nothing to say. */
typedef struct RecoValueCurveRow
{
	const char *request;
	double		value_weight;
	RecoInterval recall;
	RecoInterval recall_change; /* in points, from that without value_weight, as all changes */
	RecoInterval recovered[3];	/* value, mean share of it, margin */
	RecoInterval changes[3];	/* of these, relative */
	int64		n;
} RecoValueCurveRow;

extern List *reco_value_curve(const char *model, const RecoEvaluationOptions *options, const double *weights, int n,
							  RecoProgress *progress);

#endif							/* RECO_VALUE_CURVE_H */
