/*
 * evaluate.h: how good a model is beside its rivals.
 */
#ifndef RECO_EVALUATE_H
#define RECO_EVALUATE_H

#include "postgres.h"

#include "evaluation.h"
#include "tally.h"

/* A row of reco.evaluate; NULL, NaN and 0 (k) where there is nothing to say. */
typedef struct RecoEvaluateRow
{
	const char *algorithm;
	const char *request;
	const char *metric;
	int			k;
	RecoInterval interval;
	int64		n;
	const char *remark;
} RecoEvaluateRow;

extern const double *reco_evaluate_margins(const RecoEvaluation *e);
extern List *reco_evaluate(const char *model, const RecoEvaluationOptions *options, RecoProgress *progress);

#endif							/* RECO_EVALUATE_H */
