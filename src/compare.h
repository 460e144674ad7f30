/*
 * compare.h: two stored versions of a model, on orders that neither has seen.
 */
#ifndef RECO_COMPARE_H
#define RECO_COMPARE_H

#include "postgres.h"

#include "evaluation.h"
#include "tally.h"

/* A row of reco.compare. */
typedef struct RecoCompareRow
{
	const char *request;
	const char *metric;
	int			k;
	double		value_a;
	double		value_b;
	RecoInterval difference;	/* b - a */
	int64		n;
	const char *remark;
} RecoCompareRow;

extern List *reco_compare(const char *model, int32 version_a, int32 version_b, const RecoEvaluationOptions *options,
						  RecoProgress *progress);

#endif							/* RECO_COMPARE_H */
