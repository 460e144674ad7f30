/*
 * ratings.h: prediction of the stars that a user gives an item, from the stars given before.
 */
#ifndef RECO_RATINGS_H
#define RECO_RATINGS_H

#include "numeric.h"

#define RECO_RATINGS_MAX_FACTORS 32

/* Users and items are numbered from 0; -1 is one that is not known. */
typedef struct RecoRating
{
	int32_t		user;
	int32_t		item;
	float		stars;
} RecoRating;

typedef struct RecoRatingsProblem
{
	const RecoRating *ratings;	/* oldest first */
	size_t		n;
	size_t		held_out;		/* the last so many choose the settings, and are then learned from too; 0: defaults */
	int32_t		users;
	int32_t		items;
	int			max_factors;	/* 0 to RECO_RATINGS_MAX_FACTORS */
	uint64_t	seed;
} RecoRatingsProblem;

/* From the simplest to what should be the best. */
typedef enum RecoRatingsPredictor
{
	RECO_RATINGS_MEAN,			/* of all stars */
	RECO_RATINGS_ITEM_MEAN,		/* of the item's, drawn to that of all */
	RECO_RATINGS_BIASES,		/* mean + user's bias + item's bias */
	RECO_RATINGS_FACTORS		/* the same + inner product of vectors */
} RecoRatingsPredictor;

#define RECO_RATINGS_PREDICTORS 4

/* What was learned; the arrays are in the workspace. */
typedef struct RecoRatings
{
	int32_t		users;
	int32_t		items;
	double		mean;
	double		least;			/* the range of stars; predictions stay in it */
	double		most;
	double		shrinkage;		/* of item means: so many ratings of mean stars are added */
	double		user_ridge;		/* of biases: the same */
	double		item_ridge;
	double		ridge;			/* of vectors */
	int			factors;		/* 0: vectors made it no better, and the last predictor is the one before it */
	const double *item_mean;	/* less the mean */
	const double *user_bias;
	const double *item_bias;
	const double *user_offset;	/* biases beside vectors */
	const double *item_offset;
	const float *user_vectors;	/* users x factors */
	const float *item_vectors;
} RecoRatings;

/* Bytes; the workspace is 64-byte aligned and must live as long as the result. */
extern size_t reco_ratings_workspace_size(const RecoRatingsProblem *problem);

/*
 * Learn all predictors.  RECO_BAD_ARGUMENT for numbers out of range or more held out than there are, RECO_NOT_FINITE for
 * stars that are not, RECO_TOO_LARGE for 2^32 ratings or more, RECO_NOT_CONVERGED when there are no ratings; then there
 * is no result.
 */
extern RecoStatus reco_ratings_fit(const RecoRatingsProblem *problem, void *workspace, const RecoRun *run,
								   RecoRatings *ratings);

/* Stars, within the range of those learned from; user or item may be -1. */
extern double reco_ratings_predict(const RecoRatings *ratings, RecoRatingsPredictor predictor, int32_t user, int32_t item);

#endif							/* RECO_RATINGS_H */
