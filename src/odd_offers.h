/*
 * odd_offers.h: offers that nobody can have meant so.
 */
#ifndef RECO_ODD_OFFERS_H
#define RECO_ODD_OFFERS_H

#include "postgres.h"

#include "sources.h"

/* How many rows of a source of offers are odd; a row may be so in several ways. */
typedef struct RecoOddOffers
{
	int64		bad_price;		/* none, negative, NaN or infinite */
	int64		never;			/* it ends when it begins, or before */
	int64		no_item;		/* NULL, or one that no source of items has, where there are any */
	int64		no_audience;	/* a text without =, or an array without texts */
	int64		no_field;		/* of an audience: no source of customers has it */
	char	   *field;			/* one that is not there; NULL: none is missing */
} RecoOddOffers;

extern RecoOddOffers *reco_odd_offers_count(const RecoReader *reader, List *sources, const RecoSource *source);

#endif							/* RECO_ODD_OFFERS_H */
