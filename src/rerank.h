/*
 * rerank.h: the best items of a request, put into another order.
 */
#ifndef RECO_RERANK_H
#define RECO_RERANK_H

#include "postgres.h"

#include "answering.h"
#include "recommend.h"
#include "usual.h"

/* One of the best items by score, with what the shop says of it now. */
typedef struct RecoPoolItem
{
	int32		item;
	double		score;
	double		probability;	/* NaN: not known */
	double		unit;			/* what a piece brings; NaN: not known, or not asked */
	double		price;			/* what it costs; the same */
	bool		offer;			/* that is by an offer */
	double		value;			/* what a line is expected to bring; the same */
	double		key;			/* the order to be, the largest first */
	int			place;			/* by score */
	uint64		boosts;			/* bit b: the boost b of rules multiplied the key */
} RecoPoolItem;

typedef struct RecoPool
{
	int			n;
	RecoPoolItem *items;		/* best first */
} RecoPool;

extern bool reco_rerank_begin(RecoAnswering *a);
extern int	reco_rerank_depth(int k, double value_weight);
extern RecoPool reco_rerank_pool(const RecoAnswering *a, const RecoTopEntry *top, int n);
extern RecoUnitKind reco_rerank_unit_kind(const RecoAnswering *a);
extern double *reco_rerank_all_units(const RecoAnswering *a);
extern double *reco_rerank_all_prices(const RecoAnswering *a);
extern void reco_rerank_order(RecoAnswering *a, const RecoUsual *usual, double value_weight, RecoPool *pool);
extern void reco_rerank_set_keys(const RecoUsual *usual, RecoUnitKind kind, double weight, RecoPool *pool);
extern void reco_rerank_sort(RecoPool *pool);
extern RecoRecommendation reco_rerank_row(const RecoAnswering *a, const RecoPoolItem *item);

#endif							/* RECO_RERANK_H */
