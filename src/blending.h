/*
 * blending.h: weights for the components of a score, learned from what was bought.
 */
#ifndef RECO_BLENDING_H
#define RECO_BLENDING_H

#include "numeric.h"
#include "parameters.h"

/* An item that a request was shown, and what came of it. */
typedef struct RecoOutcome
{
	bool		positive;		/* it was bought */
	float		score;			/* by which it was shown */
	float		parts[RECO_COMPONENTS]; /* what components give it, in units of their levels */
} RecoOutcome;

/*
 * Weights, none below 0, and a constant that minimize the mean logistic loss of weights . parts + constant over the
 * outcomes, plus ridge / 2 times the sum of the squared weights, each in units of the deviation of its part.  A part
 * that never varies gets 0, and so does the component "without" (-1: none is left out).  counts, if not NULL, is how much
 * each outcome counts, >= 0.
 *
 * RECO_NOT_CONVERGED, and no weights, where there is nothing to learn from: no positive outcome, or no other;
 * RECO_NOT_FINITE for numbers that are not finite; RECO_INTERRUPTED.
 */
extern RecoStatus reco_blending_fit(const RecoOutcome *outcomes, const float *counts, size_t n, int without, double ridge,
									const RecoRun *run, double *weights, double *constant);

#endif							/* RECO_BLENDING_H */
