/*
 * recommend_all.h: answering for all customers at once.
 */
#ifndef RECO_RECOMMEND_ALL_H
#define RECO_RECOMMEND_ALL_H

#include "postgres.h"

#include "answering.h"
#include "recommend.h"

typedef struct RecoBulkRequest
{
	const char *model;
	bool		integer_keys;
	int			k;
	RecoKeyList users;			/* not given: everybody with an order line */
	bool		has_users_from;
	Oid			users_from;		/* a relation of them; only where users are not given */
	bool		exclude_purchased;
	TimestampTz as_of;
	double		value_weight;	/* 0 to 1 */
	const Jsonb *rules;			/* beside the standing ones; NULL: none */
	Size		memory_limit;	/* bytes */
	RecoProgress *progress;		/* NULL: nobody is told */
} RecoBulkRequest;

/* A row of the answer, in the order of customers and ranks. */
typedef void (*RecoBulkCallback) (void *arg, const RecoModel *model, const RecoKey *user, int rank,
								  const RecoRecommendation *row, const RecoRules *rules);

extern void reco_recommend_all(const RecoBulkRequest *request, RecoBulkCallback callback, void *arg);

#endif							/* RECO_RECOMMEND_ALL_H */
