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
	float		parts[RECO_COMPONENTS]; /* what components give it */
} RecoOutcome;

/*
 * Weights, none below 0, and a constant that minimize the mean logistic loss of weights . parts + constant over the
 * outcomes, plus ridge / 2 times the sum of the squared weights, each in units of the deviation of its part.  A part
 * that never varies gets 0.  counts, if not NULL, is how much each outcome counts, >= 0.
 *
 * RECO_NOT_CONVERGED, and no weights, where there is nothing to learn from: no positive outcome, or no other;
 * RECO_NOT_FINITE for numbers that are not finite; RECO_INTERRUPTED.
 */
extern RecoStatus reco_blending_fit(const RecoOutcome *outcomes, const float *counts, size_t n, double ridge,
									const RecoRun *run, double *weights, double *constant);

/* Requests and what they were shown, one list after another. */
typedef struct RecoBlendingLists
{
	int			n;
	const int  *sizes;
	const int  *wanted;			/* how many items were to be found, in the list or not, >= 1 */
	const float *counts;		/* of the requests, 0: passed over; NULL: all count 1 */
	const RecoOutcome *outcomes;
} RecoBlendingLists;

#define RECO_BLENDING_TOP 10

/* The mean nDCG@10 of the lists ranked by weights . parts, ties in the order of the list. */
extern RecoStatus reco_blending_ndcg(const RecoBlendingLists *lists, const double *weights, const RecoRun *run, double *ndcg);

/*
 * Better weights by that measure, from some to begin with, whose sum is positive; the result sums to 1.  A weight is 0
 * where that costs next to nothing.
 */
extern RecoStatus reco_blending_ascend(const RecoBlendingLists *lists, const RecoRun *run, double *weights);

#endif							/* RECO_BLENDING_H */
