/*
 * search.h: the best items that the filters leave, as many as somebody asks for.
 */
#ifndef RECO_SEARCH_H
#define RECO_SEARCH_H

#include "postgres.h"

#include "answering.h"
#include "facts.h"

typedef struct RecoSearch
{
	const RecoAnswering *a;		/* with the query */
	uint64	   *skip;			/* bitmap of items that must not come back; those found are added */
	int32	   *candidates;		/* each once, ascending at first; NULL: all items */
	int			n_candidates;
	bool		live;			/* the shop is asked what is available; where there are facts, by these */
	const RecoFacts *facts;		/* NULL: none are wanted */
	double		least_price;	/* with facts: what costs less, more, or nobody knows what, is left out */
	double		most_price;		/* NaN: the price is of no interest */
} RecoSearch;

extern int	reco_search_pins(const RecoSearch *search, const int32 *items, int n, RecoTopEntry *found, RecoItemFacts *facts);
extern int	reco_search_next(RecoSearch *search, int wanted, RecoTopEntry *best, RecoItemFacts *facts);

#endif							/* RECO_SEARCH_H */
