/*
 * segments.h: what customers with certain attributes buy, and what is bought in certain contexts.
 */
#ifndef RECO_SEGMENTS_H
#define RECO_SEGMENTS_H

#include "postgres.h"

#include "folding.h"
#include "interactions.h"
#include "labels.h"
#include "parameters.h"

/*
 * Labels of customers and of orders, and what they speak for.  Customers and orders are numbered as in the interactions
 * that they were made of.
 */
typedef struct RecoSegments
{
	RecoBudget *budget;
	RecoFields	fields;			/* attributes of customers, then contexts */
	int32		n_customer_labels;	/* the first ones */
	RecoSparse	customers;		/* customers x labels */
	int32	   *support;		/* [n_customer_labels] customers who have it */
	int32	   *context_support;	/* [the other labels] customers who ordered in it */
	int			min_support;	/* fewer than these say nothing of what is bought; hours and the like are labels all the same */
	RecoContexts *contexts;
	const int32 *codes;			/* by number of a context's value: its label in fields, or below -1 a number to tell it apart */
	int32		first_context;	/* field */
	int			n_slots;
	int32		slots[RECO_MAX_CONTEXTS];	/* fields that stand in the places of a context */
	struct pg_tz *zone;

	/* Of the orders before some time. */
	RecoSparse	lift;			/* labels x items */
	float	   *prior;			/* [1 + n_customer_labels rows]; NULL: nobody has a label */
	RecoSparse	bags;			/* of customers who have labels, until the prior is made */
	RecoSparse	bag_labels;		/* theirs */
} RecoSegments;

extern RecoContexts *reco_segments_contexts(RecoBudget *budget, const RecoReader *reader, List *sources);
extern RecoSegments *reco_segments_make(const RecoInteractions *interactions, const RecoReader *reader, List *sources,
										int min_support);
extern void reco_segments_context(const RecoSegments *segments, const RecoInteractions *interactions, int32 order,
								  int32 *context);
extern Size reco_segments_memory(const RecoSegments *segments, const RecoInteractions *interactions);
extern void reco_segments_learn(RecoSegments *segments, const RecoInteractions *interactions, TimestampTz before,
								TimestampTz clock, double half_life);
extern void reco_segments_learn_prior(RecoSegments *segments, const RecoFactors *factors, double lambda, const RecoRun *run);
extern int32 reco_segments_time_label(const RecoFields *fields, int32 field, TimestampTz at, struct pg_tz *zone);

#endif							/* RECO_SEGMENTS_H */
