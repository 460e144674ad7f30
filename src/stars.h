/*
 * stars.h: how well the stars of later reviews can be told from those before.
 */
#ifndef RECO_STARS_H
#define RECO_STARS_H

#include "postgres.h"

#include "evaluation.h"
#include "ratings.h"
#include "tally.h"

/* What was asked of each predictor. */
typedef struct RecoStars
{
	int64		past;			/* reviews learned from */
	int64		n;				/* later ones, that were predicted; 0: there is nothing to report */
	int64		undated;		/* reviews without a time, which were left out */
	int			factors;		/* length of vectors that the past chose */
	double		seconds;		/* of learning all predictors */
	RecoInterval mse[RECO_RATINGS_PREDICTORS];
	RecoInterval rmse[RECO_RATINGS_PREDICTORS];
} RecoStars;

extern RecoStars reco_stars_evaluate(const RecoEvaluation *e);
extern const char *reco_stars_predictor_name(RecoRatingsPredictor predictor);

#endif							/* RECO_STARS_H */
