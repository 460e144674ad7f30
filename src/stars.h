/*
 * stars.h: how well the stars of later reviews can be told from those before.
 */
#ifndef RECO_STARS_H
#define RECO_STARS_H

#include "postgres.h"

#include "evaluation.h"
#include "ratings.h"
#include "tally.h"

/* The predictors of ratings.c, and the model. */
#define RECO_STARS_BY_MODEL		RECO_RATINGS_PREDICTORS
#define RECO_STARS_PREDICTORS	(RECO_RATINGS_PREDICTORS + 1)

/* What was asked of each predictor. */
typedef struct RecoStars
{
	int64		past;			/* reviews learned from */
	int64		n;				/* later ones, that were predicted; 0: there is nothing to report */
	int64		undated;		/* reviews without a time, which were left out */
	int			factors;		/* length of vectors that the past chose */
	double		seconds;		/* of learning all predictors */
	bool		by_model;		/* the model foretells stars */
	RecoInterval mse[RECO_STARS_PREDICTORS];
	RecoInterval rmse[RECO_STARS_PREDICTORS];
} RecoStars;

extern RecoStars reco_stars_evaluate(const RecoEvaluation *e);
extern const char *reco_stars_predictor_name(int predictor);

#endif							/* RECO_STARS_H */
