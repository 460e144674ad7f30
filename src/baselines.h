/*
 * baselines.h: the algorithms that a model has to beat.
 */
#ifndef RECO_BASELINES_H
#define RECO_BASELINES_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "past.h"

/* A purchase that returns have left. */
typedef struct RecoPurchase
{
	TimestampTz at;
	int32		item;
} RecoPurchase;

/* What an algorithm may know of a request: the same that the model knows. */
typedef struct RecoSituation
{
	TimestampTz as_of;
	int			n_basket;		/* 0: a next basket is asked for */
	const int32 *basket;		/* visible items, distinct, ascending */
	int			n_purchases;
	const RecoPurchase *purchases;	/* the customer's before as_of, newest first; an item as often as it was bought */
	uint64		draw;			/* a random number of the request's own */
} RecoSituation;

/*
 * An algorithm with the settings that are tried in the past.  fit learns in the current memory context, and is given
 * the same past again with the setting that was best; score writes the score of every item that it has something to say
 * about (higher is better) into scores, past->items floats that the caller has set to -INFINITY, and calls the check
 * callback of the past's run at least every 10 ms.  Whatever they do depends on their arguments alone.
 */
typedef struct RecoAlgorithm
{
	const char *name;
	const char *summary;		/* what it does and its source, for SQL */
	int			settings;		/* at least 1 */
	bool		filled;			/* a list shorter than k goes on with what is popular lately */
	bool		needs_content;
	void	   *(*fit) (const RecoPast *past, int setting);
	void		(*score) (void *fitted, const RecoSituation *situation, float *scores);
	void		(*describe) (int setting, StringInfo text); /* NULL: there is nothing to set */
} RecoAlgorithm;

extern const RecoAlgorithm reco_baseline_random;
extern const RecoAlgorithm reco_baseline_popularity;
extern const RecoAlgorithm reco_baseline_recent_popularity;
extern const RecoAlgorithm reco_baseline_repeats;
extern const RecoAlgorithm reco_baseline_repeats_popularity;
extern const RecoAlgorithm reco_baseline_customer_cosine;
extern const RecoAlgorithm reco_baseline_basket_cosine;
extern const RecoAlgorithm reco_baseline_customer_knn;
extern const RecoAlgorithm reco_baseline_user_knn;
extern const RecoAlgorithm reco_baseline_basket_knn;
extern const RecoAlgorithm reco_baseline_content;
extern const RecoAlgorithm reco_baseline_ials;
extern const RecoAlgorithm reco_baseline_hybrid;

#endif							/* RECO_BASELINES_H */
