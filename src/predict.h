/*
 * predict.h: scores of given items.
 */
#ifndef RECO_PREDICT_H
#define RECO_PREDICT_H

#include "postgres.h"

#include "evidence.h"

typedef struct RecoPredictionRequest
{
	const char *model;
	bool		integer_keys;	/* of the function that was called */
	RecoVisitor visitor;
	RecoKeyList items;
	TimestampTz as_of;
} RecoPredictionRequest;

typedef struct RecoPrediction
{
	double		score;			/* NaN: the model does not know the item */
	double		probability;	/* NaN: not known */
	double		stars;			/* expected of a review by the customer; NaN: not known */
} RecoPrediction;

extern RecoPrediction *reco_predict(const RecoPredictionRequest *request);

#endif							/* RECO_PREDICT_H */
