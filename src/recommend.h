/*
 * recommend.h: answering a request.
 */
#ifndef RECO_RECOMMEND_H
#define RECO_RECOMMEND_H

#include "postgres.h"

#include "evidence.h"
#include "rules.h"
#include "utils/timestamp.h"

typedef struct RecoRequest
{
	const char *model;
	bool		integer_keys;	/* of the function that was called */
	RecoVisitor visitor;
	int			k;
	RecoKeyList candidates;
	RecoKeyList exclude;
	bool		exclude_purchased;
	TimestampTz as_of;
	double		value_weight;	/* 0 to 1; above 0 the best are put into an order by value */
	bool		unpriced;		/* whoever asks looks after prices and offers himself; not by value */
	const RecoRules *rules;		/* NULL: none */
} RecoRequest;

typedef struct RecoRecommendation
{
	int32		item;			/* number in the model */
	double		score;
	double		probability;	/* NaN: not known */
	RecoAnswerSource source;
	double		value;			/* what a line of it is expected to bring; NaN: not known, or not asked for */
	double		price;			/* what a piece costs whoever asks; the same */
	bool		offer;			/* that is by an offer */
	uint32		traces;			/* which rules placed it: RECO_TRACE_..., */
	uint64		boosts;			/* and bit b where boost b of them did */
} RecoRecommendation;

typedef struct RecoAnswer
{
	const RecoModel *model;
	int			n;
	RecoRecommendation *rows;	/* best first */
	const RecoRules *rules;		/* NULL: none */
} RecoAnswer;

extern RecoAnswer *reco_recommend(const RecoRequest *request, const Jsonb *rules);
extern RecoRules *reco_recommend_rules(const RecoAnswering *a, const Jsonb *given);
extern RecoAnswer *reco_recommend_by(RecoAnswering *a, const RecoRequest *request);
extern RecoAnswer *reco_recommend_from(RecoAnswering *a, const RecoRequest *request, RecoHistory *history,
									   RecoEvidence *evidence, const uint64 *unavailable);

#endif							/* RECO_RECOMMEND_H */
