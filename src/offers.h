/*
 * offers.h: what items cost whoever asks, by the shop's offers.
 */
#ifndef RECO_OFFERS_H
#define RECO_OFFERS_H

#include "postgres.h"

#include "answering.h"
#include "evidence.h"
#include "idmap.h"
#include "ragged.h"
#include "rerank.h"

/* An offer of an item in force, to one of its audiences. */
typedef struct RecoOffer
{
	double		price;
	int32		audience;		/* its number; -1: everybody */
} RecoOffer;

/* Where offers to whoever asks are found: the shop is asked, or those of all items are at hand. */
typedef struct RecoOffers
{
	const RecoVisitor *visitor;
	bool		has_attributes; /* they have been read */
	int			n_attributes;
	RecoValue  *attributes;		/* as audiences, ascending */

	const RecoRagged *of_items; /* of RecoOffer; NULL: the shop is asked */
	const int32 *audiences;		/* those that the customer is of, ascending */
	int64		n_audiences;
} RecoOffers;

extern bool reco_offers_are_made(List *sources);
extern RecoOffers *reco_offers_begin(const RecoAnswering *a, const RecoVisitor *visitor);
extern double *reco_offers_lowest(const RecoAnswering *a, const RecoKey *items, int n);
extern void reco_offers_apply(const RecoAnswering *a, RecoPool *pool);
extern void reco_offers_read_all(const RecoAnswering *a, const RecoIdMap *users, const RecoIdMap *items, RecoBudget *budget,
								 RecoRagged *of_items, RecoRagged *audiences);

#endif							/* RECO_OFFERS_H */
