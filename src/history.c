/*
 * history.c: reads the order lines of one customer at the time of a request.
 *
 * They are read in the snapshot of the calling statement: a purchase of a moment ago, of this very transaction even, is
 * among them.  Reading is bounded by the model's history_limit, newest first.
 */
#include "postgres.h"

#include "history.h"

#include <math.h>

#include "request_labels.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define FIRST_LINES 64

enum
{
	COLUMN_ITEM, COLUMN_AT, COLUMN_QUANTITY, HISTORY_COLUMNS
};

/* Behind those, where amounts are wanted. */
enum
{
	COLUMN_UNIT_PRICE = HISTORY_COLUMNS, COLUMN_AMOUNT, PAID_COLUMNS
};

static const RecoField history_fields[PAID_COLUMNS] = {
	[COLUMN_ITEM] = {RECO_ROLE_ITEM, NULL},
	[COLUMN_AT] = {RECO_ROLE_AT, NULL},
	[COLUMN_QUANTITY] = {RECO_ROLE_QUANTITY, NULL},
	[COLUMN_UNIT_PRICE] = {RECO_ROLE_UNIT_PRICE, NULL},
	[COLUMN_AMOUNT] = {RECO_ROLE_AMOUNT, NULL}
};

typedef struct HistoryReader
{
	RecoHistory *history;
	const RecoModel *model;
	bool		has_quantity;
	RecoLineContexts contexts;
	int			columns;		/* HISTORY_COLUMNS or PAID_COLUMNS, before those of contexts */
} HistoryReader;

static int32
find_item(const RecoModel *model, const RecoValue *key)
{
	if (model->integer_keys)
		return reco_model_find_integer(model, key->integer);
	return reco_model_find_text(model, key->bytes, key->length);
}

/* An empty history, in the current memory context. */
RecoHistory *
reco_history_create(void)
{
	RecoHistory *history = palloc0(sizeof(RecoHistory));

	history->memory = CurrentMemoryContext;
	history->capacity = FIRST_LINES;
	history->lines = palloc(mul_size(FIRST_LINES, sizeof(RecoLine)));
	return history;
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

/* The number of a line's context. */
static int32
add_context(RecoHistory *history, const RecoLineContexts *contexts, const RecoValue *values, TimestampTz at)
{
	if (history->n_contexts == history->context_capacity)
	{
		history->context_capacity = Max(history->context_capacity * 2, FIRST_LINES);
		if (history->contexts == NULL)
			history->contexts = MemoryContextAllocHuge(history->memory, mul_size(history->context_capacity, sizeof(*history->contexts)));
		else
			history->contexts = repalloc_huge(history->contexts, mul_size(history->context_capacity, sizeof(*history->contexts)));
	}
	reco_request_labels_line_context(contexts, values, at, history->contexts[history->n_contexts]);
	return history->n_contexts++;
}

static void
receive_line(void *arg, const RecoValue *values)
{
	HistoryReader *reader = arg;
	RecoHistory *history = reader->history;
	RecoLine	line = {.order = -1};
	double		quantity = 1;

	if (values[COLUMN_ITEM].is_null || values[COLUMN_AT].is_null)
		return;
	line.at = values[COLUMN_AT].integer;
	line.item = find_item(reader->model, &values[COLUMN_ITEM]);
	if (reader->has_quantity)
		quantity = values[COLUMN_QUANTITY].is_null ? 0 : values[COLUMN_QUANTITY].number;
	line.quantity = (float) quantity;
	if (!reco_lines_is_usable(&line))
		return;
	if (reader->columns == PAID_COLUMNS)
		reco_lines_set_amount(&line, reco_lines_amount(&values[COLUMN_UNIT_PRICE], &values[COLUMN_AMOUNT], quantity));
	if (reader->contexts.n_slots > 0)
		line.order = add_context(history, &reader->contexts, values + reader->columns, line.at);
	reco_history_add(history, &line);
}

/*
 * The newest lines of a customer before a time from the order sources among sources, at most limit from each; those
 * that count nothing, or whose item the model does not know, are left out.  With amounts, lines carry what they came to.
 */
RecoHistory *
reco_history_read(const RecoReader *reader, List *sources, const RecoModel *model, const RecoKey *user,
				  TimestampTz before, int64 limit, bool with_amounts)
{
	RecoHistory *history = reco_history_create();
	const RecoLineContexts contexts = reco_request_labels_line_contexts(model, reader->timezone);
	ListCell   *cell;

	foreach(cell, sources)
	{
		const RecoSource *source = lfirst(cell);
		HistoryReader row_reader = {history, model, reco_definitions_column(source, RECO_ROLE_QUANTITY) != NULL, contexts,
		with_amounts ? PAID_COLUMNS : HISTORY_COLUMNS};
		RecoField	fields[PAID_COLUMNS + RECO_MAX_CONTEXTS];
		int			n_fields = row_reader.columns;

		if (!reco_definitions_gives_orders(sources, source) || reco_definitions_column(source, RECO_ROLE_USER) == NULL)
			continue;
		memcpy(fields, history_fields, sizeof(history_fields));
		n_fields += reco_request_labels_begin_source(&row_reader.contexts, source, fields + n_fields);
		(void) reco_sources_read_customer(reader, source, fields, n_fields, user, before, limit, receive_line, &row_reader);
	}
	return history;
}

/* Of lines that were gathered elsewhere nothing is known of their contexts but the time. */
void
reco_history_set_times(RecoHistory *history, const RecoModel *model, const char *timezone)
{
	const RecoLineContexts contexts = reco_request_labels_line_contexts(model, timezone);
	int64		i;

	for (i = 0; i < history->n; i++)
		history->lines[i].order = contexts.n_slots > 0 ? add_context(history, &contexts, NULL, history->lines[i].at) : -1;
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

static int
compare_by_source(const void *a, const void *b)
{
	int32		x = ((const RecoLine *) a)->order;
	int32		y = ((const RecoLine *) b)->order;

	return x != y ? (x > y) - (x < y) : reco_history_compare(a, b);
}

/*
 * Of lines that were gathered elsewhere, whose order is the number of their source, what reco_history_read would have read:
 * the newest lines of each source, and of those the ones that count.  Their order matters only where there are too many:
 * who uses them brings them into an order of his own.  Returns how many are kept, in place.
 */
int64
reco_history_keep_newest(RecoLine *lines, int64 n, int64 limit)
{
	int64		kept = 0;
	int64		in_source = 0;
	int64		i;

	if (n > limit)
		qsort(lines, n, sizeof(RecoLine), compare_by_source);
	for (i = 0; i < n; i++)
	{
		in_source = i > 0 && lines[i].order == lines[i - 1].order ? in_source + 1 : 1;
		if (in_source > limit || !reco_lines_is_usable(&lines[i]))
			continue;
		lines[kept] = lines[i];
		kept++;
	}
	return kept;
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
