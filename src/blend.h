/*
 * blend.h: chooses how much the components of a score count.
 */
#ifndef RECO_BLEND_H
#define RECO_BLEND_H

#include "postgres.h"

#include "trials.h"

#define RECO_BLEND_MOST_TRIALS (RECO_COMPONENTS + RECO_STRENGTHS + 4)
#define RECO_BLEND_TOP 100		/* items of a case to learn from */

/* What was measured of a component, or of a strength, on held-out orders. */
typedef struct RecoBlendLoss
{
	double		recall;			/* that is lost without it; NaN: not measured */
	double		error;			/* its standard error */
} RecoBlendLoss;

extern void reco_blend_choose(RecoTrials *trials, RecoTrial *trial, RecoEvidenceKind kind, RecoBlendLoss *losses,
							  RecoBlendLoss *strength_losses);

#endif							/* RECO_BLEND_H */
