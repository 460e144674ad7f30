/*
 * verdict.h: in plain words, whether a model is worth it, and its blend.
 */
#ifndef RECO_VERDICT_H
#define RECO_VERDICT_H

#include "postgres.h"

#include "scoreboard.h"

typedef struct RecoVerdict
{
	RecoInterval lead;			/* of the model over the best other */
	const char *words;
} RecoVerdict;

extern RecoVerdict reco_verdict_of(const RecoEvaluation *e, const RecoScoreboard *board, RecoRequestKind kind);
extern RecoVerdict reco_verdict_of_blend(const RecoEvaluation *e, const RecoScoreboard *board, RecoRequestKind kind,
										 RecoBoardMetric metric);

#endif							/* RECO_VERDICT_H */
