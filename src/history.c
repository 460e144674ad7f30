/*
 * history.c: reads the order lines of one customer at the time of a request.
 *
 * They are read in the snapshot of the calling statement: a purchase of a moment ago, of this very transaction even, is
 * among them.  Reading is bounded by the model's history_limit, newest first.
 */
#include "postgres.h"

#include "history.h"

#include <math.h>

#include "miscadmin.h"

#define FIRST_LINES 64

enum
{
	COLUMN_ITEM, COLUMN_AT, COLUMN_QUANTITY, HISTORY_COLUMNS
};

static const RecoField history_fields[HISTORY_COLUMNS] = {
	[COLUMN_ITEM] = {RECO_ROLE_ITEM, NULL},
	[COLUMN_AT] = {RECO_ROLE_AT, NULL},
	[COLUMN_QUANTITY] = {RECO_ROLE_QUANTITY, NULL}
};

typedef struct HistoryReader
{
	RecoHistory *history;
	const RecoModel *model;
	bool		has_quantity;
} HistoryReader;

static int32
find_item(const RecoModel *model, const RecoValue *key)
{
	if (model->integer_keys)
		return reco_model_find_integer(model, key->integer);
	return reco_model_find_text(model, key->bytes, key->length);
}

/* Add a line to a history. */
void
reco_history_add(RecoHistory *history, const RecoLine *line)
{
	if (history->n == history->capacity)
	{
		history->capacity *= 2;
		history->lines = repalloc_huge(history->lines, mul_size(history->capacity, sizeof(RecoLine)));
	}
	history->lines[history->n++] = *line;
}

static void
receive_line(void *arg, const RecoValue *values)
{
	HistoryReader *reader = arg;
	RecoHistory *history = reader->history;
	RecoLine	line = {.order = -1,.quantity = 1};

	if (values[COLUMN_ITEM].is_null || values[COLUMN_AT].is_null)
		return;
	line.at = values[COLUMN_AT].integer;
	line.item = find_item(reader->model, &values[COLUMN_ITEM]);
	if (reader->has_quantity)
		line.quantity = values[COLUMN_QUANTITY].is_null ? 0 : (float) values[COLUMN_QUANTITY].number;
	if (!reco_lines_is_usable(&line))
		return;
	reco_history_add(history, &line);
}

/*
 * The newest lines of a customer before a time from the order sources among sources, at most limit from each; those
 * that count nothing, or whose item the model does not know, are left out.
 */
RecoHistory *
reco_history_read(const RecoReader *reader, List *sources, const RecoModel *model, const RecoKey *user,
				  TimestampTz before, int64 limit)
{
	RecoHistory *history = palloc0(sizeof(RecoHistory));
	ListCell   *cell;

	history->capacity = FIRST_LINES;
	history->lines = palloc(mul_size(FIRST_LINES, sizeof(RecoLine)));
	foreach(cell, sources)
	{
		const RecoSource *source = lfirst(cell);
		HistoryReader row_reader = {history, model, reco_definitions_column(source, RECO_ROLE_QUANTITY) != NULL};

		if (source->kind == RECO_SOURCE_ORDERS)
			(void) reco_sources_read_customer(reader, source, history_fields, HISTORY_COLUMNS, user, before, limit,
											  receive_line, &row_reader);
	}
	return history;
}

/* Newest first; among lines of one moment by item and quantity, as sources.c asks for them. */
int
reco_history_compare(const void *a, const void *b)
{
	const RecoLine *x = a;
	const RecoLine *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->at != y->at)
		return x->at > y->at ? -1 : 1;
	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	if (isnan(x->quantity) || isnan(y->quantity))
		return (isnan(x->quantity) != 0) - (isnan(y->quantity) != 0);
	return (x->quantity > y->quantity) - (x->quantity < y->quantity);
}

/* Keep the newest lines only. */
void
reco_history_cut(RecoHistory *history, int64 limit)
{
	if (history->n <= limit)
		return;
	qsort(history->lines, history->n, sizeof(RecoLine), reco_history_compare);
	history->n = limit;
}
