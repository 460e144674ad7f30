/*
 * ledger.h: what the orders of a model are worth, line by line.
 */
#ifndef RECO_LEDGER_H
#define RECO_LEDGER_H

#include "postgres.h"

#include "budget.h"
#include "idmap.h"
#include "nodes/pg_list.h"
#include "sources.h"

/* A purchase. */
typedef struct RecoLedgerLine
{
	double		value;			/* > 0 */
	int32		item;
	int32		order;
} RecoLedgerLine;

typedef struct RecoLedgerReturn
{
	double		value;			/* > 0 */
	TimestampTz at;
	int32		user;			/* -1: unknown */
	int32		item;
	int32		order;			/* what its line says; -1: none */
	int32		source;
} RecoLedgerReturn;

typedef struct RecoLedgerOrder
{
	TimestampTz at;				/* of its earliest purchase; DT_NOEND: nothing but returns */
	int64		first;			/* in lines, ascending by item and value */
	int32		n;
	int32		user;			/* -1: unknown */
	int32		source;
	int32		key;			/* in the source's dictionary; -1: the customer's lines of one moment */
} RecoLedgerOrder;

typedef struct RecoLedgerSource
{
	const RecoSource *source;
	bool		has_quantity;
	RecoIdMap  *orders;			/* its order keys; NULL: it has none */
	int32	   *number;			/* of the order of each key */
	int32		capacity;
} RecoLedgerSource;

typedef struct RecoLedger
{
	RecoBudget *budget;
	RecoIdMap  *users;
	RecoIdMap  *items;
	int			n_sources;
	RecoLedgerSource *sources;
	RecoLedgerSource moments;	/* orders of lines without a key */
	int32		n_orders;
	int32		order_capacity;
	RecoLedgerOrder *orders;
	int64		n_lines;
	int64		line_capacity;
	RecoLedgerLine *lines;
	int64		n_returns;
	int64		return_capacity;
	RecoLedgerReturn *returns;
} RecoLedger;

extern RecoLedger *reco_ledger_read(RecoBudget *budget, const RecoReader *reader, List *sources);

#endif							/* RECO_LEDGER_H */
