/*
 * interactions.c: gathers the order lines of all sources, in an order that does not depend on how they arrived.
 *
 * Lines come in with provisional numbers (idmap.c).  When all are there the numbers become ranks of keys, and the lines
 * are sorted by customer, item and time, which groups what one customer did with one item: returns are netted there,
 * and the customers' bags can be read off in one pass.
 *
 * An order's lines are those of one source with the same order key.  Where a source has no order key, or the key is
 * NULL, the lines of one customer with the same time are one order, and a line without customer stands alone.  An
 * order's time is that of its earliest line, its customer that of its lines' first known one in the sorting order.
 */
#include "postgres.h"

#include "interactions.h"

#include <math.h>

#include "interrupts.h"

#define FIRST_LINES 4096

typedef struct OrderReader
{
	RecoInteractions *interactions;
	RecoIdMap  *orders;			/* of this source, NULL: it has no order key */
	TimestampTz before;
	bool		has_quantity;
} OrderReader;

/* The columns of an order line as they are asked for. */
enum
{
	COLUMN_USER, COLUMN_ITEM, COLUMN_ORDER, COLUMN_AT, COLUMN_QUANTITY, ORDER_COLUMNS
};

static const RecoRole order_roles[ORDER_COLUMNS] = {
	RECO_ROLE_USER, RECO_ROLE_ITEM, RECO_ROLE_ORDER, RECO_ROLE_AT, RECO_ROLE_QUANTITY
};

RecoInteractions *
reco_interactions_create(RecoBudget *budget, bool integer_keys)
{
	RecoInteractions *interactions = MemoryContextAllocZero(budget->context, sizeof(RecoInteractions));

	interactions->budget = budget;
	interactions->users = reco_idmap_create(budget, integer_keys, "customers");
	interactions->items = reco_idmap_create(budget, integer_keys, "items");
	interactions->capacity = FIRST_LINES;
	interactions->lines = reco_budget_alloc(budget, FIRST_LINES, sizeof(RecoLine), "order lines");
	interactions->clock = DT_NOBEGIN;
	return interactions;
}

int64
reco_interactions_skipped(const RecoInteractions *interactions)
{
	const RecoIngestCounts *counts = &interactions->counts;

	return counts->no_item + counts->bad_time + counts->bad_quantity + counts->too_late;
}

static RecoLine *
next_line(RecoInteractions *interactions)
{
	if (interactions->n_lines == interactions->capacity)
	{
		int64		capacity = interactions->capacity + interactions->capacity / 2;

		interactions->lines = reco_budget_resize(interactions->budget, interactions->lines, interactions->capacity,
												 capacity, sizeof(RecoLine), "order lines");
		interactions->capacity = capacity;
	}
	return &interactions->lines[interactions->n_lines];
}

/* Whether the line counts; if not, count why. */
static bool
count_line(OrderReader *reader, const RecoValue *values, double quantity)
{
	RecoIngestCounts *counts = &reader->interactions->counts;

	counts->rows++;
	if (values[COLUMN_ITEM].is_null)
		counts->no_item++;
	else if (values[COLUMN_AT].is_null || TIMESTAMP_NOT_FINITE(values[COLUMN_AT].integer))
		counts->bad_time++;
	else if (values[COLUMN_AT].integer >= reader->before)
		counts->too_late++;
	else if (!isfinite((float) quantity) || (float) quantity == 0)
		counts->bad_quantity++;
	else
		return true;
	return false;
}

static void
receive_order_line(void *arg, const RecoValue *values)
{
	OrderReader *reader = arg;
	RecoInteractions *interactions = reader->interactions;
	double		quantity = 1;
	RecoLine   *line;

	if (reader->has_quantity)
		quantity = values[COLUMN_QUANTITY].is_null ? 0 : values[COLUMN_QUANTITY].number;
	if (!count_line(reader, values, quantity))
		return;
	line = next_line(interactions);
	line->at = values[COLUMN_AT].integer;
	line->quantity = (float) quantity;
	line->user = values[COLUMN_USER].is_null ? -1 : reco_idmap_add(interactions->users, &values[COLUMN_USER]);
	line->item = reco_idmap_add(interactions->items, &values[COLUMN_ITEM]);
	line->order = -1;
	if (reader->orders != NULL && !values[COLUMN_ORDER].is_null)
		line->order = reco_idmap_add(reader->orders, &values[COLUMN_ORDER]);
	interactions->clock = Max(interactions->clock, line->at);
	interactions->n_lines++;
}

/* Orders and customers together are rows of one matrix, whose row numbers are int32. */
static void
add_orders(RecoInteractions *interactions, int32 n)
{
	if (n > PG_INT32_MAX / 2 - interactions->n_orders)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d orders", PG_INT32_MAX / 2),
				 errhint("Train on fewer rows, for example through a view over the newest ones.")));
	interactions->n_orders += n;
}

/*
 * Read a source of order lines, leaving out what is at or after a time.
 */
void
reco_interactions_read_orders(RecoInteractions *interactions, const RecoReader *reader, const RecoSource *source,
							  TimestampTz before)
{
	OrderReader orders = {interactions, NULL, before, reco_definitions_column(source, RECO_ROLE_QUANTITY) != NULL};
	int64		first = interactions->n_lines;
	int32	   *rank;
	int64		i;

	if (reco_definitions_column(source, RECO_ROLE_ORDER) != NULL)
		orders.orders = reco_idmap_create(interactions->budget, reco_sources_integer_orders(reader, source), "orders");
	(void) reco_sources_read_all(reader, source, order_roles, ORDER_COLUMNS, receive_order_line, &orders);
	if (orders.orders == NULL)
		return;

	/* Order keys matter within their source alone: number them on from those of the sources before. */
	rank = reco_idmap_sort(orders.orders);
	for (i = first; i < interactions->n_lines; i++)
		if (interactions->lines[i].order >= 0)
			interactions->lines[i].order = interactions->n_orders + rank[interactions->lines[i].order];
	add_orders(interactions, reco_idmap_count(orders.orders));
	pfree(rank);
	reco_idmap_free(orders.orders);
}

static void
receive_item(void *arg, const RecoValue *values)
{
	RecoInteractions *interactions = arg;

	if (!values[0].is_null)
		(void) reco_idmap_add(interactions->items, &values[0]);
}

/*
 * Read the keys of a source of items: what nobody has ordered yet is known too.
 */
void
reco_interactions_read_items(RecoInteractions *interactions, const RecoReader *reader, const RecoSource *source)
{
	const RecoRole role = RECO_ROLE_ITEM;

	(void) reco_sources_read_all(reader, source, &role, 1, receive_item, interactions);
}

static void
rank_keys(RecoInteractions *interactions)
{
	int32	   *user_rank = reco_idmap_sort(interactions->users);
	int32	   *item_rank = reco_idmap_sort(interactions->items);
	int64		i;

	for (i = 0; i < interactions->n_lines; i++)
	{
		RecoLine   *line = &interactions->lines[i];

		RECO_CHECK_INTERRUPTS(i);
		if (line->user >= 0)
			line->user = user_rank[line->user];
		line->item = item_rank[line->item];
	}
	pfree(user_rank);
	pfree(item_rank);
}

/* Where a line goes in a counting sort: unknown customers behind all others. */
static int64
line_bucket(const RecoLine *line, bool by_user, int32 n_users)
{
	if (!by_user)
		return line->item;
	return line->user >= 0 ? line->user : n_users;
}

/* A stable counting sort of the lines by customer or by item, from one array into another. */
static void
counting_sort(RecoInteractions *interactions, const RecoLine *from, RecoLine *to, bool by_user)
{
	int32		n_users = reco_idmap_count(interactions->users);
	int64		buckets = by_user ? (int64) n_users + 1 : reco_idmap_count(interactions->items);
	int64	   *next = reco_budget_alloc(interactions->budget, buckets + 1, sizeof(int64), "sorting order lines");
	int64		i;

	for (i = 0; i < interactions->n_lines; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		next[line_bucket(&from[i], by_user, n_users) + 1]++;
	}
	for (i = 1; i <= buckets; i++)
		next[i] += next[i - 1];
	for (i = 0; i < interactions->n_lines; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		to[next[line_bucket(&from[i], by_user, n_users)]++] = from[i];
	}
	pfree(next);
}

/*
 * Sort the lines by reco_lines_compare.  Two counting sorts bring together what one customer did with one item in
 * linear time; within that the runs are short.  (Customer -1 comes last here, but that is one order as good as another.)
 */
static void
sort_lines(RecoInteractions *interactions)
{
	RecoLine   *other = reco_budget_alloc(interactions->budget, interactions->n_lines, sizeof(RecoLine), "sorting order lines");
	RecoLine   *lines = interactions->lines;
	int64		first;
	int64		last;

	counting_sort(interactions, lines, other, false);
	counting_sort(interactions, other, lines, true);
	pfree(other);
	for (first = 0; first < interactions->n_lines; first = last)
	{
		for (last = first + 1; last < interactions->n_lines && lines[last].user == lines[first].user &&
			 lines[last].item == lines[first].item; last++)
			;
		if (last - first > 1)
			qsort(lines + first, last - first, sizeof(RecoLine), reco_lines_compare);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Net each customer's returns, item by item, and drop what then counts nothing. */
static void
net_returns(RecoInteractions *interactions)
{
	RecoLine   *lines = interactions->lines;
	int64		kept = 0;
	int64		first;
	int64		last;

	for (first = 0; first < interactions->n_lines; first = last)
	{
		int64		i;

		for (last = first + 1; last < interactions->n_lines && lines[last].user == lines[first].user &&
			 lines[last].item == lines[first].item; last++)
			;
		if (lines[first].user >= 0)
			reco_lines_net_returns(lines + first, last - first);
		for (i = first; i < last; i++)
			if (lines[i].quantity > 0)
				lines[kept++] = lines[i];
		CHECK_FOR_INTERRUPTS();
	}
	interactions->n_lines = kept;
}

static int
compare_times(const void *a, const void *b, void *arg)
{
	const RecoLine *lines = arg;
	const RecoLine *x = &lines[*(const int64 *) a];
	const RecoLine *y = &lines[*(const int64 *) b];

	CHECK_FOR_INTERRUPTS();
	if (x->user != y->user)
		return x->user < y->user ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* Lines without order key: those of one customer with the same time are one order. */
static void
make_orders(RecoInteractions *interactions)
{
	RecoLine   *lines = interactions->lines;
	int64		n = 0;
	int64	   *index;
	int64		i;

	for (i = 0; i < interactions->n_lines; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		n += lines[i].order < 0 && lines[i].user >= 0;
	}
	if (n == 0)
		return;
	index = reco_budget_alloc(interactions->budget, n, sizeof(int64), "orders");
	for (i = n = 0; i < interactions->n_lines; i++)
		if (lines[i].order < 0 && lines[i].user >= 0)
			index[n++] = i;
	qsort_arg(index, n, sizeof(int64), compare_times, lines);
	for (i = 0; i < n; i++)
	{
		if (i == 0 || compare_times(&index[i - 1], &index[i], lines) != 0)
			add_orders(interactions, 1);
		lines[index[i]].order = interactions->n_orders - 1;
	}
	pfree(index);
}

static void
describe_orders(RecoInteractions *interactions)
{
	int64		i;

	interactions->order_at = reco_budget_alloc(interactions->budget, interactions->n_orders, sizeof(TimestampTz), "orders");
	interactions->order_user = reco_budget_alloc(interactions->budget, interactions->n_orders, sizeof(int32), "orders");
	for (i = 0; i < interactions->n_orders; i++)
	{
		interactions->order_at[i] = DT_NOEND;
		interactions->order_user[i] = -1;
	}
	for (i = 0; i < interactions->n_lines; i++)
	{
		const RecoLine *line = &interactions->lines[i];

		RECO_CHECK_INTERRUPTS(i);
		if (line->order < 0)
			continue;
		interactions->order_at[line->order] = Min(interactions->order_at[line->order], line->at);
		if (interactions->order_user[line->order] < 0)
			interactions->order_user[line->order] = line->user;
	}
}

/*
 * When all sources are read: final numbers, sorted lines, returns netted, orders described.
 */
void
reco_interactions_finish(RecoInteractions *interactions)
{
	interactions->lines = reco_budget_resize(interactions->budget, interactions->lines, interactions->capacity,
											 Max(interactions->n_lines, 1), sizeof(RecoLine), "order lines");
	interactions->capacity = Max(interactions->n_lines, 1);
	rank_keys(interactions);
	sort_lines(interactions);
	net_returns(interactions);
	make_orders(interactions);
	describe_orders(interactions);
}

/* Give the lines' memory back once nothing reads them any more. */
void
reco_interactions_free_lines(RecoInteractions *interactions)
{
	pfree(interactions->lines);
	interactions->lines = NULL;
	interactions->n_lines = 0;
}
