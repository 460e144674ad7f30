/*
 * sentiment.h: how much better than others items are liked.
 */
#ifndef RECO_SENTIMENT_H
#define RECO_SENTIMENT_H

#include "postgres.h"

#include "groups.h"
#include "reviews.h"

#define RECO_SENTIMENT_SHRINKAGE 20.0	/* reviews */
#define RECO_SENTIMENT_CUSTOMER_SHRINKAGE 5.0

/* What is expected of a review of an item: the mean, and by how much it differs, in parts of the scale from -1 to 1. */
typedef struct RecoSentiment
{
	double		mean;
	float	   *items;			/* [items] */
} RecoSentiment;

extern RecoSentiment reco_sentiment_learn(RecoBudget *budget, const RecoReviews *reviews, const RecoGroups *groups,
										  int32 items, TimestampTz before);

#endif							/* RECO_SENTIMENT_H */
