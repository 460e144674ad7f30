/*
 * interactions.h: all order lines of a model, and the matrices of bags and items made of them.
 */
#ifndef RECO_INTERACTIONS_H
#define RECO_INTERACTIONS_H

#include "postgres.h"

#include "budget.h"
#include "idmap.h"
#include "lines.h"
#include "nodes/pg_list.h"
#include "sources.h"

/* What was read, and why lines counted nothing. */
typedef struct RecoIngestCounts
{
	int64		rows;
	int64		no_item;
	int64		bad_time;
	int64		bad_quantity;
	int64		too_late;		/* at or after the training clock's end */
} RecoIngestCounts;

typedef struct RecoInteractions
{
	RecoBudget *budget;
	RecoIdMap  *users;
	RecoIdMap  *items;
	RecoLine   *lines;			/* sorted by reco_lines_compare, returns netted; unknown customers last */
	int64		n_lines;
	int64		capacity;
	int32		n_orders;
	TimestampTz *order_at;		/* earliest line of each order */
	int32	   *order_user;		/* its customer, -1 unknown */
	TimestampTz clock;			/* newest line; DT_NOBEGIN without lines */
	RecoIngestCounts counts;
} RecoInteractions;

extern RecoInteractions *reco_interactions_create(RecoBudget *budget, bool integer_keys);
extern void reco_interactions_read_orders(RecoInteractions *interactions, const RecoReader *reader,
										  const RecoSource *source, TimestampTz before);
extern void reco_interactions_read_items(RecoInteractions *interactions, const RecoReader *reader, const RecoSource *source);
extern void reco_interactions_finish(RecoInteractions *interactions);
extern void reco_interactions_free_lines(RecoInteractions *interactions);
extern int64 reco_interactions_skipped(const RecoInteractions *interactions);

#endif							/* RECO_INTERACTIONS_H */
