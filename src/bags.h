/*
 * bags.h: the matrix of bags and items that training factorizes.
 */
#ifndef RECO_BAGS_H
#define RECO_BAGS_H

#include "postgres.h"

#include "arena.h"
#include "interactions.h"
#include "sparse.h"

typedef struct RecoBagOptions
{
	TimestampTz before;			/* orders from this time on are left out; DT_NOEND: none */
	TimestampTz clock;			/* decay counts from here */
	double		order_half_life;	/* days */
	double		customer_half_life;
	double		customer_weight;	/* of the customers' bags beside the orders'; 0: no such bags */
	double		session_weight; /* of the sessions' bags beside them; 0: no such bags */
	const float *event_weights; /* by kind of event, where there are sessions */
} RecoBagOptions;

/* Bags in both directions; the first n_order_bags of them are orders, then sessions, the rest customers. */
typedef struct RecoBags
{
	int32		n_order_bags;
	int32		n_bags;
	RecoSparse	by_bag;			/* CSR: bags x items */
	RecoSparse	by_item;		/* CSC: its transpose */
} RecoBags;

extern Size reco_bags_most(const RecoInteractions *interactions, const RecoBagOptions *options);
extern int64 reco_bags_most_entries(const RecoInteractions *interactions, const RecoBagOptions *options);
extern Size reco_bags_memory(Size bags, Size items, Size entries);
extern void reco_bags_build(const RecoInteractions *interactions, const RecoBagOptions *options, RecoArena *arena,
							RecoBags *bags);
extern int32 *reco_bags_gather_orders(const RecoInteractions *interactions, TimestampTz before, int64 *start);
extern TimestampTz reco_bags_line_time(const RecoInteractions *interactions, const RecoLine *line);

#endif							/* RECO_BAGS_H */
