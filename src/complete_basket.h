/*
 * complete_basket.h: what lifts an order over a threshold.
 */
#ifndef RECO_COMPLETE_BASKET_H
#define RECO_COMPLETE_BASKET_H

#include "postgres.h"

#include "recommend.h"

#define RECO_TOP_UP_ITEMS 2		/* at most */

typedef struct RecoTopUpRequest
{
	RecoRequest request;
	double		target;
	double		basket_value;	/* NaN: what its items cost */
} RecoTopUpRequest;

typedef struct RecoTopUp
{
	int			n;				/* items */
	int32		item[RECO_TOP_UP_ITEMS];	/* numbers in the model, the likelier one first */
	double		price;			/* of both */
	double		total;			/* what the order is worth with them */
	double		probability;	/* that they are in it; NaN: not known */
	double		score;			/* the best first, where probabilities are known */
	RecoAnswerSource source;	/* of the first */
	bool		offer;			/* some price among them is an offer's */
} RecoTopUp;

typedef struct RecoTopUps
{
	const RecoModel *model;
	int			n;
	RecoTopUp  *rows;			/* best first */
} RecoTopUps;

extern RecoTopUps *reco_complete_basket(const RecoTopUpRequest *request);

#endif							/* RECO_COMPLETE_BASKET_H */
