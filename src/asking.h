/*
 * asking.h: what a request knows, and how much of it counts.
 */
#ifndef RECO_ASKING_H
#define RECO_ASKING_H

#include "postgres.h"

#include "components.h"
#include "lines.h"
#include "parameters.h"
#include "views.h"

/* What a customer thinks of an item. */
typedef struct RecoOpinion
{
	int32		item;
	float		stars;			/* from 0, the worst of the scale, to 1 */
} RecoOpinion;

/*
 * All that a request knows.  Arrays are the request's own, and of items that the model knows; any may be empty.
 */
typedef struct RecoEvidence
{
	TimestampTz as_of;			/* ages count from here */
	const RecoEntry *basket;	/* each item once */
	int64		n_basket;
	const RecoView *views;		/* of the session, the newest first */
	int			n_views;
	RecoLine   *lines;			/* the customer's own, sorted and netted in place; order is the number of a line's context, or -1 */
	int64		n_lines;
	const RecoOpinion *opinions;	/* the customer's own, in the order of items, each once */
	int			n_opinions;
	const RecoEntry *friends;	/* what the people followed bought, in the order of items; the weight is how much */
	int64		n_friends;
	const int32 *labels;		/* the customer's attributes */
	int			n_labels;
	int32		context[RECO_MAX_CONTEXTS]; /* a label for each field, below -1 what only tells values apart, or -1: not known */
	const int32 (*contexts)[RECO_MAX_CONTEXTS]; /* of lines */
	int			n_contexts;
} RecoEvidence;

/* How evidence is weighed in requests of a kind. */
typedef struct RecoSettings
{
	double		basket_lambda;	/* > 0 */
	double		history_lambda; /* > 0 */
	double		half_life;		/* days, as the next */
	double		repeat_half_life;
	double		strengths[RECO_STRENGTHS];
} RecoSettings;

extern void reco_asking_clear(RecoEvidence *evidence, TimestampTz as_of);
extern RecoEvidenceKind reco_asking_kind(const RecoEvidence *evidence);
extern RecoSettings reco_asking_settings(const double *parameters, RecoEvidenceKind kind);
extern void reco_asking_store(const RecoSettings *settings, RecoEvidenceKind kind, double *parameters);
extern RecoEntry *reco_asking_basket_bag(const RecoScoring *scoring, const RecoEvidence *evidence,
										 const RecoSettings *settings, int64 *n);
extern RecoEntry *reco_asking_history_bag(const RecoEvidence *evidence, const RecoSettings *settings, int64 *n_own, int64 *n);
extern RecoEntry *reco_asking_repeats(const RecoEvidence *evidence, const RecoSettings *settings, int64 *n);
extern void reco_asking_set(RecoScoring *scoring, const RecoEvidence *evidence, const RecoSettings *before,
							const RecoSettings *settings, RecoComponentScores *scores);

#endif							/* RECO_ASKING_H */
