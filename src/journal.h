/*
 * journal.h: every order line of a model as it was read, with what it was worth, by customer and time.
 */
#ifndef RECO_JOURNAL_H
#define RECO_JOURNAL_H

#include "postgres.h"

#include "budget.h"
#include "idmap.h"
#include "interactions.h"
#include "lines.h"
#include "nodes/pg_list.h"
#include "sources.h"

typedef struct RecoEvent
{
	RecoLine	line;			/* numbers are the journal's; nothing is netted */
	float		value;			/* of the line; 0 where no price is known */
	int32		source;
} RecoEvent;

/* A source of order lines. */
typedef struct RecoJournalSource
{
	const RecoSource *source;
	RecoLineForm form;
	RecoIdMap  *orders;			/* its order keys; NULL: it has none */
	int32		first_order;	/* number of the first of them */
} RecoJournalSource;

typedef struct RecoJournalOrder
{
	TimestampTz at;				/* of its earliest purchase; DT_NOEND: nothing but returns */
	int32		user;			/* -1: unknown */
	int32		source;
	int32		key;			/* in the source's dictionary; -1: the customer's lines of one moment */
	int64		first;			/* in order_events */
	int32		n;
} RecoJournalOrder;

typedef struct RecoJournal
{
	RecoBudget *budget;
	bool		integer_keys;
	RecoIdMap  *users;
	RecoIdMap  *items;
	RecoEvent  *events;			/* by customer (unknown ones last), time, item, quantity */
	int64		n_events;
	int64		capacity;
	int64	   *user_start;		/* [users + 1], into events */
	int			n_sources;
	RecoJournalSource *sources;
	int32		n_orders;
	RecoJournalOrder *orders;
	int64	   *order_events;	/* numbers of events, order by order */
	bool		has_values;		/* some source says what lines are worth */
} RecoJournal;

extern RecoJournal *reco_journal_read(RecoBudget *budget, const RecoReader *reader, List *sources, TimestampTz before);
extern uint64 reco_journal_order_hash(const RecoJournal *journal, int32 order, uint64 seed);
extern uint64 reco_journal_item_hash(const RecoJournal *journal, int32 item, uint64 seed);
extern char *reco_journal_order_name(const RecoJournal *journal, int32 order);
extern char *reco_journal_key_text(const RecoIdMap *map, int32 number);

#endif							/* RECO_JOURNAL_H */
