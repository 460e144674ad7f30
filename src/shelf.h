/*
 * shelf.h: lists made by a shop's rules.
 */
#ifndef RECO_SHELF_H
#define RECO_SHELF_H

#include "postgres.h"

#include "lines.h"
#include "rerank.h"
#include "rules.h"
#include "search.h"

typedef struct RecoShelf RecoShelf;

typedef struct RecoItemList
{
	int64		n;
	int32	   *items;
} RecoItemList;

/* Whose list is wanted. */
typedef struct RecoShelfRequest
{
	int			k;
	double		value_weight;
	const RecoUsual *usual;		/* only with a value_weight */
	RecoItemList paused;		/* of reco_shelf_paused */
} RecoShelfRequest;

extern RecoShelf *reco_shelf_create(const RecoAnswering *a, const RecoRules *rules, int k, double value_weight, bool live,
									RecoBudget *budget);
extern void reco_shelf_read_all(RecoShelf *shelf);
extern RecoItemList reco_shelf_paused(const RecoShelf *shelf, const RecoModel *model, const RecoLine *lines, int64 n);
extern int	reco_shelf_fill(const RecoShelf *shelf, RecoSearch *search, const RecoShelfRequest *request,
							RecoRecommendation *rows);

#endif							/* RECO_SHELF_H */
