/*
 * split.h: what is past, and which later orders are replayed.
 */
#ifndef RECO_SPLIT_H
#define RECO_SPLIT_H

#include "postgres.h"

#include "journal.h"

typedef enum RecoSplitKind
{
	RECO_SPLIT_TIME,			/* everything before one time is past */
	RECO_SPLIT_LAST_ORDER		/* of each customer, everything before his last order is */
} RecoSplitKind;

/* How an evaluation divides the journal. */
typedef struct RecoSplitOptions
{
	RecoSplitKind kind;
	TimestampTz cut;			/* DT_NOEND: that of the newest part of the orders */
	TimestampTz until;			/* orders from then on are not replayed */
	int			orders;			/* at most so many are */
	int			min_items;		/* different ones in an order */
	int			max_items;
	uint64		seed;
} RecoSplitOptions;

/* What an algorithm may learn from. */
typedef struct RecoPastFilter
{
	TimestampTz before;
	const TimestampTz *user_before; /* [users]: earlier still for some customers; NULL: for none */
	const bool *held_out;		/* [orders]: of these nothing is past; NULL: time alone decides */
} RecoPastFilter;

/* A later order as a request; with its items, the visible ones first. */
typedef struct RecoTest
{
	int32		place;			/* in the list */
	int32		order;
	int32		user;			/* -1: unknown */
	TimestampTz as_of;			/* the order's time */
	int64		first;			/* in items and values */
	int32		n_visible;		/* half of them, rounded down; each half in the order of items */
	int32		n_items;
	uint64		draw;
	int32		cluster;		/* its customer, numbered from 0; an unknown one is another each time */
} RecoTest;

typedef struct RecoTests
{
	const RecoJournal *journal;
	int			n;
	RecoTest   *list;			/* by time */
	int32	   *items;			/* the journal's numbers */
	float	   *values;			/* what each was worth in the order */
	float	   *quantities;
	int			clusters;
	int64		eligible;		/* orders that could have been replayed */
	int64		too_small;		/* orders that were left out for their number of items */
	int64		too_large;
} RecoTests;

typedef struct RecoSplit
{
	RecoSplitKind kind;
	RecoPastFilter past;
	RecoTests  *tests;
} RecoSplit;

extern RecoSplitOptions reco_split_options_default(void);
extern RecoSplit reco_split_make(const RecoJournal *journal, const RecoSplitOptions *options);
extern RecoSplit reco_split_inner(const RecoJournal *journal, const RecoSplit *split, const RecoSplitOptions *options);
extern bool reco_split_is_past(const RecoPastFilter *past, const RecoLine *line);

#endif							/* RECO_SPLIT_H */
