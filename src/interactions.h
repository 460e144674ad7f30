/*
 * interactions.h: all order lines of a model, and the matrices of bags and items made of them.
 */
#ifndef RECO_INTERACTIONS_H
#define RECO_INTERACTIONS_H

#include "postgres.h"

#include "amounts.h"
#include "budget.h"
#include "contexts.h"
#include "idmap.h"
#include "lines.h"
#include "nodes/pg_list.h"
#include "sessions.h"
#include "sources.h"
#include "ties.h"

/* The columns of an order line, in the order in which they are handed over. */
typedef enum RecoLineColumn
{
	RECO_LINE_USER,
	RECO_LINE_ITEM,
	RECO_LINE_ORDER,
	RECO_LINE_AT,
	RECO_LINE_QUANTITY,
	RECO_LINE_UNIT_PRICE,
	RECO_LINE_AMOUNT,
	RECO_LINE_COLUMNS
} RecoLineColumn;

/* What the lines of a source have. */
typedef struct RecoLineForm
{
	bool		has_order;		/* an order key; without one, a customer's lines of one moment are an order */
	bool		integer_orders;
	bool		has_quantity;	/* else it is 1 */
	bool		weighted;		/* quantity is a weight, and there are neither times nor orders */
	TimestampTz before;			/* lines from then on count nothing */
} RecoLineForm;

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
	RecoLine   *lines;			/* when finished: sorted by reco_lines_compare, returns netted; unknown customers last */
	int64		n_lines;
	int64		capacity;
	int32		n_orders;
	TimestampTz *order_at;		/* earliest line of each order */
	int32	   *order_user;		/* its customer, -1 unknown */
	const RecoTies *ties;		/* among customers, when finished; NULL: none are known */
	TimestampTz clock;			/* newest line; DT_NOBEGIN without lines */
	RecoIngestCounts counts;
	RecoSessions *sessions;		/* NULL: none */
	bool		sessions_are_orders;	/* there are no other; orders have the numbers of sessions */
	RecoContexts *contexts;		/* of orders; NULL: they are not read */
	int64		withheld;		/* lines that the gate kept out, among counts.rows */
	RecoPaidLines *paid;		/* NULL: no source says what lines came to; freed when finished */
	RecoAmounts amounts;		/* what lines of the items come to, when finished */
	const float *rebought;		/* [items] share of buyers who buy again, when finished; NULL: not known */

	/* Of the source that is being gathered. */
	RecoLineForm form;
	RecoIdMap  *orders;			/* NULL: it has no order key */
	int64		first_line;
} RecoInteractions;

extern RecoInteractions *reco_interactions_create(RecoBudget *budget, bool integer_keys);
extern void reco_interactions_begin_orders(RecoInteractions *interactions, const RecoLineForm *form);
extern void reco_interactions_add_line(RecoInteractions *interactions, const RecoValue *values);
extern void reco_interactions_end_orders(RecoInteractions *interactions);
extern bool reco_interactions_fit(const RecoInteractions *a, const RecoInteractions *b);
extern void reco_interactions_merge(RecoInteractions *interactions, const RecoInteractions *other);
extern RecoInteractions *reco_interactions_copy(RecoBudget *budget, const RecoInteractions *other);
extern void reco_interactions_read_orders(RecoInteractions *interactions, const RecoReader *reader,
										  const RecoSource *source, TimestampTz before);
extern void reco_interactions_read_sessions(RecoInteractions *interactions, const RecoReader *reader,
											const RecoSource *source, TimestampTz before);
extern void reco_interactions_order_sessions(RecoInteractions *interactions);
extern void reco_interactions_read_items(RecoInteractions *interactions, const RecoReader *reader, const RecoSource *source);
extern void reco_interactions_finish(RecoInteractions *interactions);
extern void reco_interactions_free_lines(RecoInteractions *interactions);
extern int64 reco_interactions_skipped(const RecoInteractions *interactions);

#endif							/* RECO_INTERACTIONS_H */
