/*
 * baskets.h: what was bought together, order by order.
 */
#ifndef RECO_BASKETS_H
#define RECO_BASKETS_H

#include "postgres.h"

#include "budget.h"
#include "journal.h"
#include "sources.h"
#include "utils/timestamp.h"

typedef struct RecoBasketRules
{
	TimestampTz since;			/* orders from then on; DT_NOBEGIN: all */
	TimestampTz until;			/* lines before */
	int			max_items;		/* larger orders are left out */
} RecoBasketRules;

/*
 * The orders of which returns have left anything, by customer, those of unknown ones last.  An order's items ascend, and
 * have the numbers of their keys' ranks.
 */
typedef struct RecoBaskets
{
	RecoIdMap  *items;
	RecoIdMap  *users;
	bool		has_values;		/* some source says what lines are worth */
	int32		n;
	int32	   *user;			/* [n] -1: unknown */
	TimestampTz *at;			/* [n] */
	int32	   *size;			/* [n] different items */
	float	   *worth;			/* [n] of all lines */
	int64	   *start;			/* [n + 1] into item and value */
	int32	   *item;
	float	   *value;			/* of what the order has of the item */
	int64		too_large;		/* orders that were left out */
} RecoBaskets;

extern RecoBaskets *reco_baskets_read(RecoBudget *budget, const RecoReader *reader, List *sources,
									  const RecoBasketRules *rules);

#endif							/* RECO_BASKETS_H */
