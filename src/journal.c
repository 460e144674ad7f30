/*
 * journal.c: reads all order lines of a model, for an evaluation to replay.
 *
 * Training nets returns and forgets what a line was worth; a replay must know each line as it stood at a given moment.
 * So lines are kept as they came, 32 bytes each, and everything that may look at some of them only (training, baselines,
 * the evidence of a request) gets these copied out.  What is an order is decided by the same rule as in interactions.c.
 *
 * Numbers of customers, items and orders are ranks of keys, and events have one total order: nothing depends on the order
 * of their arrival.  What is drawn by lot is drawn by a hash of keys, so that no other row changes it.
 */
#include "postgres.h"

#include "journal.h"

#include <math.h>

#include "common/hashfn.h"
#include "interrupts.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define FIRST_EVENTS 1024

enum
{
	COLUMN_USER, COLUMN_ITEM, COLUMN_ORDER, COLUMN_AT, COLUMN_QUANTITY, COLUMN_UNIT_PRICE, COLUMN_AMOUNT, JOURNAL_COLUMNS
};

static const RecoField journal_fields[JOURNAL_COLUMNS] = {
	[COLUMN_USER] = {RECO_ROLE_USER, NULL},
	[COLUMN_ITEM] = {RECO_ROLE_ITEM, NULL},
	[COLUMN_ORDER] = {RECO_ROLE_ORDER, NULL},
	[COLUMN_AT] = {RECO_ROLE_AT, NULL},
	[COLUMN_QUANTITY] = {RECO_ROLE_QUANTITY, NULL},
	[COLUMN_UNIT_PRICE] = {RECO_ROLE_UNIT_PRICE, NULL},
	[COLUMN_AMOUNT] = {RECO_ROLE_AMOUNT, NULL}
};

/* --- reading ----------------------------------------------------------------------------------------------- */

static void
reserve_event(RecoJournal *journal)
{
	int64		capacity = journal->capacity + journal->capacity / 2;

	if (journal->n_events < journal->capacity)
		return;
	journal->events = reco_budget_resize(journal->budget, journal->events, journal->capacity, capacity, sizeof(RecoEvent),
										 "order lines");
	journal->capacity = capacity;
}

/*
 * The same lines count that count in training.  One without a quantity counts nothing, with a quantity of 0 here; it is
 * kept, since it is among the newest lines that a request reads.
 */
static void
receive_event(void *arg, const RecoValue *values)
{
	RecoJournal *journal = arg;
	RecoJournalSource *source = &journal->sources[journal->n_sources - 1];
	double		quantity = 1;
	RecoEvent  *event;

	if (values[COLUMN_ITEM].is_null || values[COLUMN_AT].is_null || TIMESTAMP_NOT_FINITE(values[COLUMN_AT].integer) ||
		values[COLUMN_AT].integer >= source->form.before)
		return;
	if (source->form.has_quantity)
		quantity = values[COLUMN_QUANTITY].is_null ? 0 : values[COLUMN_QUANTITY].number;
	if (!isfinite((float) quantity))
		quantity = 0;
	reserve_event(journal);
	event = &journal->events[journal->n_events++];
	event->line.at = values[COLUMN_AT].integer;
	event->line.quantity = (float) quantity;
	event->line.user = values[COLUMN_USER].is_null ? -1 : reco_idmap_add(journal->users, &values[COLUMN_USER]);
	event->line.item = reco_idmap_add(journal->items, &values[COLUMN_ITEM]);
	event->line.order = -1;
	if (source->orders != NULL && !values[COLUMN_ORDER].is_null)
		event->line.order = reco_idmap_add(source->orders, &values[COLUMN_ORDER]);
	event->value = (float) quantity != 0 ? reco_lines_amount(&values[COLUMN_UNIT_PRICE], &values[COLUMN_AMOUNT], quantity) : 0;
	event->source = journal->n_sources - 1;
}

static void
read_source(RecoJournal *journal, const RecoReader *reader, const RecoSource *source, TimestampTz before)
{
	RecoJournalSource *added = &journal->sources[journal->n_sources++];
	RecoField	fields[JOURNAL_COLUMNS];

	memcpy(fields, journal_fields, sizeof(fields));
	fields[COLUMN_ORDER].role = reco_definitions_order_role(source);
	memset(added, 0, sizeof(*added));
	added->source = source;
	added->form.before = before;
	added->form.has_quantity = reco_definitions_column(source, RECO_ROLE_QUANTITY) != NULL;
	added->form.has_order = reco_definitions_column(source, fields[COLUMN_ORDER].role) != NULL;
	added->form.integer_orders = added->form.has_order &&
		(source->kind == RECO_SOURCE_SESSIONS ? reco_sources_integer_sessions(reader, source)
		 : reco_sources_integer_orders(reader, source));
	if (added->form.has_order)
		added->orders = reco_idmap_create(journal->budget, added->form.integer_orders, "orders");
	journal->has_values |= reco_definitions_column(source, RECO_ROLE_UNIT_PRICE) != NULL ||
		reco_definitions_column(source, RECO_ROLE_AMOUNT) != NULL;
	(void) reco_sources_read_all(reader, source, fields, JOURNAL_COLUMNS, receive_event, journal);
}

/* --- sorting ----------------------------------------------------------------------------------------------- */

/* From provisional numbers to ranks of keys. */
static void
rank_keys(RecoJournal *journal)
{
	int32	   *user_rank = reco_idmap_sort(journal->users);
	int32	   *item_rank = reco_idmap_sort(journal->items);
	int64		event = 0;
	int			s;

	for (s = 0; s < journal->n_sources; s++)
	{
		RecoJournalSource *source = &journal->sources[s];
		int32	   *order_rank = source->orders != NULL ? reco_idmap_sort(source->orders) : NULL;

		source->first_order = journal->n_orders;
		for (; event < journal->n_events && journal->events[event].source == s; event++)
		{
			RecoLine   *line = &journal->events[event].line;

			RECO_CHECK_INTERRUPTS(event);
			line->user = line->user >= 0 ? user_rank[line->user] : -1;
			line->item = item_rank[line->item];
			if (line->order >= 0)
				line->order = source->first_order + order_rank[line->order];
		}
		if (order_rank == NULL)
			continue;
		journal->n_orders += reco_idmap_count(source->orders);
		reco_budget_free(journal->budget, order_rank);
	}
	reco_budget_free(journal->budget, user_rank);
	reco_budget_free(journal->budget, item_rank);
}

static int
compare_events(const void *a, const void *b)
{
	const RecoEvent *x = a;
	const RecoEvent *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->line.at != y->line.at)
		return x->line.at < y->line.at ? -1 : 1;
	if (x->line.item != y->line.item)
		return x->line.item < y->line.item ? -1 : 1;
	if (x->line.quantity != y->line.quantity)
		return x->line.quantity < y->line.quantity ? -1 : 1;
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	if (x->line.order != y->line.order)
		return x->line.order < y->line.order ? -1 : 1;
	return (x->value > y->value) - (x->value < y->value);
}

static int32
user_bucket(const RecoJournal *journal, const RecoEvent *event)
{
	return event->line.user >= 0 ? event->line.user : reco_idmap_count(journal->users);
}

/* By customer with a counting sort, then each one's by time. */
static void
sort_events(RecoJournal *journal)
{
	int32		users = reco_idmap_count(journal->users);
	RecoEvent  *sorted = reco_budget_alloc(journal->budget, journal->n_events, sizeof(RecoEvent), "order lines");
	int64	   *next = reco_budget_alloc(journal->budget, (Size) users + 3, sizeof(int64), "customers");
	int64		i;
	int32		user;

	for (i = 0; i < journal->n_events; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		next[user_bucket(journal, &journal->events[i]) + 2]++;
	}
	for (i = 2; i < (int64) users + 3; i++)
		next[i] += next[i - 1];
	for (i = 0; i < journal->n_events; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		sorted[next[user_bucket(journal, &journal->events[i]) + 1]++] = journal->events[i];
	}
	reco_budget_free(journal->budget, journal->events);
	journal->events = sorted;
	journal->capacity = journal->n_events;
	journal->user_start = next;
	for (user = 0; user <= users; user++)
		qsort(sorted + next[user], next[user + 1] - next[user], sizeof(RecoEvent), compare_events);
}

/* --- orders ------------------------------------------------------------------------------------------------ */

/* Lines without order key: those of one customer with the same time, of whatever source, are one order. */
static void
make_orders(RecoJournal *journal)
{
	int64		i;
	int64		last = -1;

	for (i = 0; i < journal->n_events && journal->events[i].line.user >= 0; i++)
	{
		RecoEvent  *event = &journal->events[i];

		RECO_CHECK_INTERRUPTS(i);
		if (event->line.order >= 0)
			continue;
		if (last < 0 || journal->events[last].line.user != event->line.user || journal->events[last].line.at != event->line.at)
		{
			if (journal->n_orders == PG_INT32_MAX / 2)
				ereport(ERROR,
						(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						 errmsg("more than %d orders", PG_INT32_MAX / 2),
						 errhint("Evaluate on fewer rows, for example through a view over the newest ones.")));
			journal->n_orders++;
		}
		event->line.order = journal->n_orders - 1;
		last = i;
	}
}

static void
name_orders(RecoJournal *journal)
{
	int			s;
	int32		i;

	for (i = 0; i < journal->n_orders; i++)
	{
		journal->orders[i].at = DT_NOEND;
		journal->orders[i].user = -1;
		journal->orders[i].key = -1;
	}
	for (s = 0; s < journal->n_sources; s++)
		for (i = 0; journal->sources[s].orders != NULL && i < reco_idmap_count(journal->sources[s].orders); i++)
		{
			journal->orders[journal->sources[s].first_order + i].source = s;
			journal->orders[journal->sources[s].first_order + i].key = i;
		}
}

/* Times, customers, and which events belong to each order. */
static void
describe_orders(RecoJournal *journal)
{
	int64		at = 0;
	int64		i;
	int32		order;

	journal->orders = reco_budget_alloc(journal->budget, journal->n_orders, sizeof(RecoJournalOrder), "orders");
	journal->order_events = reco_budget_alloc(journal->budget, journal->n_events, sizeof(int64), "orders");
	name_orders(journal);
	for (i = 0; i < journal->n_events; i++)
		if (journal->events[i].line.order >= 0)
			journal->orders[journal->events[i].line.order].n++;
	for (order = 0; order < journal->n_orders; order++)
	{
		RECO_CHECK_INTERRUPTS(order);
		journal->orders[order].first = at;
		at += journal->orders[order].n;
		journal->orders[order].n = 0;
	}
	for (i = 0; i < journal->n_events; i++)
	{
		const RecoEvent *event = &journal->events[i];
		RecoJournalOrder *of = &journal->orders[Max(event->line.order, 0)];

		RECO_CHECK_INTERRUPTS(i);
		if (event->line.order < 0)
			continue;
		journal->order_events[of->first + of->n++] = i;
		if (event->line.quantity > 0)
			of->at = Min(of->at, event->line.at);
		if (of->user < 0 && event->line.quantity != 0)
			of->user = event->line.user;
		of->source = event->source;
	}
}

/*
 * All lines of the order sources among sources that count and are before a time.  Errors: configuration_limit_exceeded,
 * program_limit_exceeded, and what reading raises.
 */
RecoJournal *
reco_journal_read(RecoBudget *budget, const RecoReader *reader, List *sources, TimestampTz before)
{
	RecoJournal *journal = reco_budget_alloc(budget, 1, sizeof(RecoJournal), "order lines");
	ListCell   *cell;

	journal->budget = budget;
	journal->integer_keys = reader->integer_keys;
	journal->users = reco_idmap_create(budget, reader->integer_keys, "customers");
	journal->items = reco_idmap_create(budget, reader->integer_keys, "items");
	journal->sources = reco_budget_alloc(budget, list_length(sources), sizeof(RecoJournalSource), "sources");
	journal->capacity = FIRST_EVENTS;
	journal->events = reco_budget_alloc(budget, FIRST_EVENTS, sizeof(RecoEvent), "order lines");
	foreach(cell, sources)
		if (reco_definitions_gives_orders(sources, lfirst(cell)))
			read_source(journal, reader, lfirst(cell), before);
	rank_keys(journal);
	sort_events(journal);
	make_orders(journal);
	describe_orders(journal);
	return journal;
}

/* --- keys -------------------------------------------------------------------------------------------------- */

static uint64
hash_key(const RecoIdMap *map, int32 number, uint64 seed)
{
	RecoValue	key = reco_idmap_key(map, number);

	if (reco_idmap_is_integer(map))
		return hash_bytes_extended((const unsigned char *) &key.integer, sizeof(key.integer), seed);
	return hash_bytes_extended((const unsigned char *) key.bytes, key.length, seed);
}

/* A random number that depends on the order's key (or its customer's and its time) and the seed alone. */
uint64
reco_journal_order_hash(const RecoJournal *journal, int32 number, uint64 seed)
{
	const RecoJournalOrder *order = &journal->orders[number];

	if (order->key >= 0)
		return hash_key(journal->sources[order->source].orders, order->key, seed);
	return hash_key(journal->users, order->user,
					hash_bytes_extended((const unsigned char *) &order->at, sizeof(order->at), seed));
}

uint64
reco_journal_item_hash(const RecoJournal *journal, int32 item, uint64 seed)
{
	return hash_key(journal->items, item, seed);
}

char *
reco_journal_key_text(const RecoIdMap *map, int32 number)
{
	RecoValue	key = reco_idmap_key(map, number);

	if (reco_idmap_is_integer(map))
		return psprintf(INT64_FORMAT, key.integer);
	return pnstrdup(key.bytes, key.length);
}

/* The text form of an order's key; NULL where its source has none. */
char *
reco_journal_order_name(const RecoJournal *journal, int32 number)
{
	const RecoJournalOrder *order = &journal->orders[number];

	return order->key >= 0 ? reco_journal_key_text(journal->sources[order->source].orders, order->key) : NULL;
}
