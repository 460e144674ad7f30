/*
 * replay.h: later orders, asked again as requests, of a model and of baselines.
 */
#ifndef RECO_REPLAY_H
#define RECO_REPLAY_H

#include "postgres.h"

#include "answering.h"
#include "baselines.h"
#include "judgements.h"
#include "progress.h"
#include "split.h"
#include "variants.h"

typedef enum RecoRequestKind
{
	RECO_REQUEST_COMPLETION,	/* half of the order is visible, the other half is to be found */
	RECO_REQUEST_NEXT,			/* nothing is visible, all is to be found */
	RECO_REQUEST_KINDS
} RecoRequestKind;

/*
 * Who is asked: an algorithm, or a model, as it is or with other weights, which is asked by the code that answers real
 * requests.
 */
typedef struct RecoContestant
{
	const char *name;
	const RecoAlgorithm *algorithm; /* NULL: the model */
	const RecoVariant *variant; /* of the model; NULL: it is no variant */
	void	   *fitted[RECO_REQUEST_KINDS];
	RecoAnswering *answering;
	double		value_weight;	/* that the model is asked with */
	bool		silent[RECO_REQUEST_KINDS]; /* it is not asked */
	double		seconds[RECO_REQUEST_KINDS];	/* set: spent answering */
} RecoContestant;

/* What came of a request. */
typedef struct RecoReply
{
	const RecoTest *test;
	RecoRequestKind kind;
	int			n;
	const int32 *items;			/* the model's numbers, best first */
	const double *scores;
	const double *probabilities;	/* NULL: it gives none */
	const bool *hit;			/* whether it was to be found */
	const int32 *place;			/* where each is among the order's items, -1: nowhere, or visible */
	int			n_wanted;		/* items that were to be found, also those that nobody could know */
	double		auc;			/* NaN where it is not defined */
} RecoReply;

typedef void (*RecoReplyCallback) (void *arg, int contestant, const RecoReply *reply);

typedef struct RecoReplay
{
	const RecoTests *tests;
	const RecoSituation *situations;	/* [tests], with the basket that is visible for completion */
	int32		items;			/* of the model, or of the one that baselines are compared with */
	const int32 *model_item;	/* its number for each of the journal's items, -1: it does not know it */
	int			k;
	int64		history_limit;
	const RecoReviews *judgements;	/* reviews as reco_judgements_read gives them, or NULL */
	const uint64 *unavailable;	/* bitmap of the model's items, or NULL */
	const int32 *fallback;		/* what is popular lately, best first; fills up lists that are too short */
	int			n_fallback;
	bool		with_auc;
	RecoProgress *progress;
} RecoReplay;

extern const char *reco_replay_kind_name(RecoRequestKind kind);
extern bool reco_replay_is_asked(const RecoTest *test, RecoRequestKind kind);
extern RecoSituation *reco_replay_situations(const RecoTests *tests, const int32 *model_item, int64 history_limit);
extern void reco_replay_run(const RecoReplay *replay, RecoContestant *contestants, int n, RecoReplyCallback callback,
							void *arg);

#endif							/* RECO_REPLAY_H */
