/*
 * past.h: purchases before a cut, from which the algorithms of an evaluation learn.
 */
#ifndef RECO_PAST_H
#define RECO_PAST_H

#include "postgres.h"

#include "budget.h"
#include "datatype/timestamp.h"
#include "numeric.h"
#include "sparse.h"
#include "split.h"

/*
 * Items are numbered as in the model that is evaluated; of orders and customers only those with a purchase that returns
 * have left are here.  Everything lives in the memory context that the budget had when it was made.
 */
typedef struct RecoPast
{
	RecoBudget *budget;
	const RecoRun *run;
	int32		items;
	int32		orders;
	int32		users;
	RecoSparse	by_order;		/* orders x items, weights 1 */
	RecoSparse	by_user;		/* customers x items; weight: in how many orders */
	RecoSparse	order_items;	/* by_order transposed: items x orders */
	RecoSparse	user_items;		/* by_user transposed: items x customers */
	const TimestampTz *order_at;	/* [orders] */
	TimestampTz cut;			/* everything here is before it */
	const RecoSparse *content;	/* items x terms, TF-IDF, rows of length 1 or empty; NULL: nothing is known of the items */
	int			factors;		/* length of vectors, for those who learn any */
	double		unobserved;		/* the model's options of these names, as a place to begin */
	double		regularization;
	uint64		seed;
} RecoPast;

extern RecoPast *reco_past_build(const RecoJournal *journal, const RecoPastFilter *filter, const int32 *model_item,
								 int32 items, const RecoRun *run);

#endif							/* RECO_PAST_H */
