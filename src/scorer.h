/*
 * scorer.h: the answer for one customer among many, from order lines that have been read.
 */
#ifndef RECO_SCORER_H
#define RECO_SCORER_H

#include "postgres.h"

#include "answering.h"
#include "kernels.h"
#include "lines.h"
#include "recommend.h"

/* What is asked of every customer. */
typedef struct RecoScorerTask
{
	int			k;
	bool		exclude_purchased;
	int64		history_limit;
	TimestampTz as_of;
} RecoScorerTask;

typedef struct RecoScorer RecoScorer;

extern int32 reco_scorer_most_rows(const RecoModel *model, const RecoScorerTask *task);
extern Size reco_scorer_memory(const RecoModel *model, const RecoScorerTask *task);
extern RecoScorer *reco_scorer_create(const RecoModel *model, const RecoKernels *kernels, const RecoScorerTask *task,
									  const uint64 *skip);
extern int32 reco_scorer_answer(RecoScorer *scorer, RecoLine *lines, int64 n, RecoRecommendation *rows);

#endif							/* RECO_SCORER_H */
