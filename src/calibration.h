/*
 * calibration.h: from the score of an item to the probability that it is bought.
 */
#ifndef RECO_CALIBRATION_H
#define RECO_CALIBRATION_H

#include "numeric.h"

/* How much a request has to go on. */
typedef struct RecoStrength
{
	float		basket;			/* mass of the basket's bag */
	float		history;		/* mass of the history's bag */
} RecoStrength;

/* What came of one item of one request. */
typedef struct RecoSample
{
	float		score;
	RecoStrength strength;
	bool		positive;
} RecoSample;

/*
 * logit p = intercept + slope * log(0.01 + score) + linear * score + by_basket * log(1 + basket) + by_history * log(1 + history),
 * with negative scores as 0.  Neither slope nor linear: there is no curve.
 */
typedef struct RecoCurve
{
	double		intercept;
	double		slope;			/* both >= 0: p ascends with the score */
	double		linear;
	double		by_basket;
	double		by_history;
} RecoCurve;

/*
 * The curve of greatest likelihood.  RECO_NOT_CONVERGED, and none, when nothing can be learned from the samples: no
 * positive or no negative one, one score alone, or a score that says the contrary; RECO_NOT_FINITE for numbers that are
 * not finite.
 */
extern RecoStatus reco_calibration_fit(const RecoSample *samples, size_t n, const RecoRun *run, RecoCurve *curve);

static inline bool
reco_calibration_is_curve(const RecoCurve *curve)
{
	return curve->slope > 0 || curve->linear > 0;
}

/* From 0 to 1; never NaN for a finite curve. */
extern double reco_calibration_probability(const RecoCurve *curve, double score, const RecoStrength *strength);

#endif							/* RECO_CALIBRATION_H */
