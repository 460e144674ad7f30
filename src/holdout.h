/*
 * holdout.h: the newest orders, held out to choose what factors alone do not tell.
 */
#ifndef RECO_HOLDOUT_H
#define RECO_HOLDOUT_H

#include "postgres.h"

#include "blend.h"
#include "crew.h"
#include "folding.h"
#include "interactions.h"
#include "options.h"
#include "parameters.h"
#include "progress.h"
#include "reviews.h"
#include "segments.h"
#include "sparse.h"

/* What serving did on the held-out orders; NaN where there was no case. */
typedef struct RecoHoldoutMetrics
{
	int			completion_cases;
	int			next_cases;
	double		recall_completion;	/* @10, of the hidden half */
	double		ndcg_completion;
	double		recall_next;	/* @10, of the customer's next order */
	double		ndcg_next;
	double		recall_popularity;	/* @10, of the hidden half by popularity */
	RecoBlendLoss losses[RECO_BLENDS][RECO_COMPONENTS];
	RecoBlendLoss strength_losses[RECO_BLENDS][RECO_STRENGTHS];
} RecoHoldoutMetrics;

/* What was learned from the orders before those held out. */
typedef struct RecoLearned
{
	RecoFactors factors;
	const float *popularity;	/* [items] */
	double		order_mass;
	const float *trend;			/* [items] */
	RecoSparse	complements;	/* 0 rows: none */
	RecoMatch	match;			/* no fields: none */
	const float *sentiment;		/* [items]; NULL: none */
	const RecoReviews *reviews; /* of all times; NULL: none */
	float		event_weights[RECO_MAX_EVENT_KINDS];
	int			n_events;		/* kinds of events in sessions */
	const RecoSegments *segments;
} RecoLearned;

extern void reco_holdout_default_parameters(const RecoOptions *options, double *parameters);
extern void reco_holdout_choose(const RecoInteractions *interactions, TimestampTz cut, const RecoOptions *options,
								RecoCrew *crew, const RecoLearned *learned, double *parameters, RecoHoldoutMetrics *metrics,
								RecoProgress *progress);

#endif							/* RECO_HOLDOUT_H */
