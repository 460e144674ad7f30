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
 *
 * Sessions beside orders are gathered apart (sessions.c), with keys of the same dictionaries.  Where there is no source of
 * orders, sessions are the orders.
 *
 * Rows that have a weight and no time (the short form of reco.factorize) are lines too: of no order, at no time, and with
 * the weight in the place of the quantity.
 */
#include "postgres.h"

#include "interactions.h"

#include <math.h>

#include "interrupts.h"
#include "rebought.h"

#define FIRST_LINES 16			/* an aggregate may hold thousands of small groups */

static const RecoField line_fields[RECO_LINE_COLUMNS] = {
	[RECO_LINE_USER] = {RECO_ROLE_USER, NULL},
	[RECO_LINE_ITEM] = {RECO_ROLE_ITEM, NULL},
	[RECO_LINE_ORDER] = {RECO_ROLE_ORDER, NULL},
	[RECO_LINE_AT] = {RECO_ROLE_AT, NULL},
	[RECO_LINE_QUANTITY] = {RECO_ROLE_QUANTITY, NULL},
	[RECO_LINE_UNIT_PRICE] = {RECO_ROLE_UNIT_PRICE, NULL},
	[RECO_LINE_AMOUNT] = {RECO_ROLE_AMOUNT, NULL}
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

	return counts->no_item + counts->bad_time + counts->bad_quantity + counts->too_late + interactions->withheld;
}

/* Make room for some more lines. */
static void
reserve_lines(RecoInteractions *interactions, int64 more)
{
	int64		capacity = interactions->capacity;

	if (more <= capacity - interactions->n_lines)
		return;
	capacity = Max(capacity + capacity / 2, interactions->n_lines + more);
	interactions->lines = reco_budget_resize(interactions->budget, interactions->lines, interactions->capacity,
											 capacity, sizeof(RecoLine), "order lines");
	interactions->capacity = capacity;
}

/* Whether the line counts; if not, count why. */
static bool
count_line(RecoInteractions *interactions, const RecoValue *values, double quantity)
{
	RecoIngestCounts *counts = &interactions->counts;
	bool		timeless = interactions->form.weighted;

	counts->rows++;
	if (values[RECO_LINE_ITEM].is_null)
		counts->no_item++;
	else if (!timeless && (values[RECO_LINE_AT].is_null || TIMESTAMP_NOT_FINITE(values[RECO_LINE_AT].integer)))
		counts->bad_time++;
	else if (!timeless && values[RECO_LINE_AT].integer >= interactions->form.before)
		counts->too_late++;
	else if (!isfinite((float) quantity) || (float) quantity == 0)
		counts->bad_quantity++;
	else
		return true;
	return false;
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
 * From now on lines are of one source, in this form.
 */
void
reco_interactions_begin_orders(RecoInteractions *interactions, const RecoLineForm *form)
{
	interactions->form = *form;
	interactions->first_line = interactions->n_lines;
	interactions->orders = NULL;
	if (form->has_order)
		interactions->orders = reco_idmap_create(interactions->budget, form->integer_orders, "orders");
}

/* Remember what a purchase came to, where that is known. */
static void
add_paid(RecoInteractions *interactions, const RecoLine *line, const RecoValue *values, double quantity)
{
	float		amount;

	if (line->quantity < 0 || (values[RECO_LINE_UNIT_PRICE].is_null && values[RECO_LINE_AMOUNT].is_null))
		return;
	amount = reco_lines_amount(&values[RECO_LINE_UNIT_PRICE], &values[RECO_LINE_AMOUNT], quantity);
	if (!(amount > 0))
		return;
	if (interactions->paid == NULL)
		interactions->paid = reco_amounts_begin(interactions->budget);
	reco_amounts_add(interactions->paid, line->item, amount, line->quantity);
}

/*
 * Add a line, as RecoLineColumn lists its values; one that does not count is counted as such.
 */
void
reco_interactions_add_line(RecoInteractions *interactions, const RecoValue *values)
{
	double		quantity = 1;
	RecoLine   *line;

	if (interactions->form.has_quantity)
		quantity = values[RECO_LINE_QUANTITY].is_null ? 0 : values[RECO_LINE_QUANTITY].number;
	if (!count_line(interactions, values, quantity))
		return;
	reserve_lines(interactions, 1);
	line = &interactions->lines[interactions->n_lines];
	line->at = interactions->form.weighted ? 0 : values[RECO_LINE_AT].integer;
	line->quantity = (float) quantity;
	line->user = values[RECO_LINE_USER].is_null ? -1 : reco_idmap_add(interactions->users, &values[RECO_LINE_USER]);
	line->item = reco_idmap_add(interactions->items, &values[RECO_LINE_ITEM]);
	line->order = -1;
	if (interactions->orders != NULL && !values[RECO_LINE_ORDER].is_null)
		line->order = reco_idmap_add(interactions->orders, &values[RECO_LINE_ORDER]);
	if (!interactions->form.weighted)
		interactions->clock = Max(interactions->clock, line->at);
	add_paid(interactions, line, values, quantity);
	interactions->n_lines++;
}

/*
 * The source is read.  Order keys matter within their source alone: number its orders on from those of the sources
 * before.
 */
void
reco_interactions_end_orders(RecoInteractions *interactions)
{
	int32	   *rank;
	int64		i;

	if (interactions->orders == NULL)
	{
		if (interactions->contexts != NULL)
			reco_contexts_end_source(interactions->contexts, NULL, 0, 0);
		return;
	}
	rank = reco_idmap_sort(interactions->orders);
	for (i = interactions->first_line; i < interactions->n_lines; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (interactions->lines[i].order >= 0)
			interactions->lines[i].order = interactions->n_orders + rank[interactions->lines[i].order];
	}
	if (interactions->contexts != NULL)
		reco_contexts_end_source(interactions->contexts, rank, interactions->n_orders, reco_idmap_count(interactions->orders));
	add_orders(interactions, reco_idmap_count(interactions->orders));
	pfree(rank);
	reco_idmap_free(interactions->orders);
	interactions->orders = NULL;
}

/* The numbers that the keys of one dictionary have in another, to which they are added; the caller frees them. */
static int32 *
merge_keys(RecoBudget *budget, RecoIdMap *into, const RecoIdMap *from)
{
	int32		n = reco_idmap_count(from);
	int32	   *number = reco_budget_alloc(budget, n, sizeof(int32), "merged keys");
	int32		i;

	for (i = 0; i < n; i++)
	{
		RecoValue	key = reco_idmap_key(from, i);

		RECO_CHECK_INTERRUPTS(i);
		number[i] = reco_idmap_add(into, &key);
	}
	return number;
}

/* Whether two gather the same source in the same form. */
bool
reco_interactions_fit(const RecoInteractions *a, const RecoInteractions *b)
{
	return reco_idmap_is_integer(a->items) == reco_idmap_is_integer(b->items) &&
		a->form.has_order == b->form.has_order && a->form.integer_orders == b->form.integer_orders &&
		a->form.has_quantity == b->form.has_quantity && a->form.weighted == b->form.weighted;
}

/*
 * Add what was gathered elsewhere, of the same source: both have begun it in the same form, and not ended it.
 */
void
reco_interactions_merge(RecoInteractions *interactions, const RecoInteractions *other)
{
	RecoBudget *budget = interactions->budget;
	int32	   *user = merge_keys(budget, interactions->users, other->users);
	int32	   *item = merge_keys(budget, interactions->items, other->items);
	int32	   *order = other->orders != NULL ? merge_keys(budget, interactions->orders, other->orders) : NULL;
	int64		i;

	reserve_lines(interactions, other->n_lines);
	for (i = 0; i < other->n_lines; i++)
	{
		RecoLine	line = other->lines[i];

		RECO_CHECK_INTERRUPTS(i);
		line.user = line.user >= 0 ? user[line.user] : -1;
		line.item = item[line.item];
		line.order = line.order >= 0 ? order[line.order] : -1;
		interactions->lines[interactions->n_lines++] = line;
	}
	interactions->clock = Max(interactions->clock, other->clock);
	interactions->counts.rows += other->counts.rows;
	interactions->counts.no_item += other->counts.no_item;
	interactions->counts.bad_time += other->counts.bad_time;
	interactions->counts.bad_quantity += other->counts.bad_quantity;
	interactions->counts.too_late += other->counts.too_late;
	reco_budget_free(budget, user);
	reco_budget_free(budget, item);
	if (order != NULL)
		reco_budget_free(budget, order);
}

static RecoIdMap *
copy_keys(RecoBudget *budget, const RecoIdMap *from, const char *what)
{
	RecoIdMap  *copy = reco_idmap_create(budget, reco_idmap_is_integer(from), what);
	int32		i;

	for (i = 0; i < reco_idmap_count(from); i++)
	{
		RecoValue	key = reco_idmap_key(from, i);

		RECO_CHECK_INTERRUPTS(i);
		reco_idmap_append(copy, &key);
	}
	return copy;
}

/*
 * A copy of what was gathered, allocated from budget, to be ended and finished; nothing can be added to it.
 */
RecoInteractions *
reco_interactions_copy(RecoBudget *budget, const RecoInteractions *other)
{
	RecoInteractions *copy = MemoryContextAlloc(budget->context, sizeof(RecoInteractions));

	*copy = *other;
	copy->budget = budget;
	copy->users = copy_keys(budget, other->users, "customers");
	copy->items = copy_keys(budget, other->items, "items");
	if (other->orders != NULL)
		copy->orders = copy_keys(budget, other->orders, "orders");
	copy->capacity = Max(other->n_lines, 1);
	copy->lines = reco_budget_alloc(budget, copy->capacity, sizeof(RecoLine), "order lines");
	reco_copy_bytes(copy->lines, other->lines, (Size) other->n_lines * sizeof(RecoLine));
	return copy;
}

/* Lines on their way from the executor. */
typedef struct Arrival
{
	RecoInteractions *interactions;
	bool		is_waiting;
	RecoValue	waiting[RECO_LINE_COLUMNS];
	int32		waiting_context;
} Arrival;

/* Until the executor has made another row, the memory that this one needs can arrive. */
static void
wait_for_memory(Arrival *arrival, const RecoValue *values, int32 context)
{
	const RecoInteractions *interactions = arrival->interactions;

	memcpy(arrival->waiting, values, sizeof(arrival->waiting));
	arrival->waiting_context = context;
	arrival->is_waiting = true;
	if (!values[RECO_LINE_USER].is_null)
		reco_idmap_expect(interactions->users, &values[RECO_LINE_USER]);
	if (!values[RECO_LINE_ITEM].is_null)
		reco_idmap_expect(interactions->items, &values[RECO_LINE_ITEM]);
	if (interactions->orders != NULL && !values[RECO_LINE_ORDER].is_null)
		reco_idmap_expect(interactions->orders, &values[RECO_LINE_ORDER]);
}

static void
add_with_context(RecoInteractions *interactions, const RecoValue *values, int32 context)
{
	int64		line = interactions->n_lines;

	reco_interactions_add_line(interactions, values);
	if (interactions->contexts != NULL && interactions->n_lines > line)
		reco_contexts_add(interactions->contexts, &interactions->lines[line], context);
}

static void
add_waiting(Arrival *arrival)
{
	if (arrival->is_waiting)
		add_with_context(arrival->interactions, arrival->waiting, arrival->waiting_context);
	arrival->is_waiting = false;
}

/* Texts are gone when the executor makes another row. */
static void
receive_line(void *arg, const RecoValue *values)
{
	Arrival    *arrival = arg;
	RecoInteractions *interactions = arrival->interactions;
	int32		context = -1;

	add_waiting(arrival);
	if (interactions->contexts != NULL)
		context = reco_contexts_read(interactions->contexts, values + RECO_LINE_COLUMNS);
	if (reco_idmap_is_integer(interactions->items) &&
		(interactions->orders == NULL || reco_idmap_is_integer(interactions->orders)))
		wait_for_memory(arrival, values, context);
	else
		add_with_context(interactions, values, context);
}

/*
 * Read a source of order lines, leaving out what is at or after a time.  Lines that the reader's gate keeps out are counted,
 * but their keys get no numbers, and nothing depends on them.
 */
void
reco_interactions_read_orders(RecoInteractions *interactions, const RecoReader *reader, const RecoSource *source,
							  TimestampTz before)
{
	RecoLineForm form = {.before = before};
	Arrival		arrival = {.interactions = interactions};
	RecoField	fields[RECO_MAX_FIELDS];
	int			n_fields = RECO_LINE_COLUMNS;
	int64		before_source = interactions->counts.rows;
	int64		rows;

	memcpy(fields, line_fields, sizeof(line_fields));
	if (interactions->contexts != NULL)
		n_fields += reco_contexts_begin_source(interactions->contexts, source, fields + n_fields);
	form.has_quantity = reco_definitions_column(source, RECO_ROLE_QUANTITY) != NULL;
	form.has_order = reco_definitions_column(source, RECO_ROLE_ORDER) != NULL;
	form.integer_orders = form.has_order && reco_sources_integer_orders(reader, source);
	reco_interactions_begin_orders(interactions, &form);
	rows = (int64) reco_sources_read_all(reader, source, fields, n_fields, receive_line, &arrival);
	add_waiting(&arrival);
	interactions->withheld += rows - (interactions->counts.rows - before_source);
	interactions->counts.rows = before_source + rows;
	reco_interactions_end_orders(interactions);
}

/*
 * Read a source of sessions, leaving out what is at or after a time.
 */
void
reco_interactions_read_sessions(RecoInteractions *interactions, const RecoReader *reader, const RecoSource *source,
								TimestampTz before)
{
	if (interactions->sessions == NULL)
		interactions->sessions = reco_sessions_create(interactions->budget);
	reco_sessions_read(interactions->sessions, interactions->users, interactions->items, reader, source, before);
}

/*
 * Where no source has orders, sessions are: one piece of an item for each event of it.  They have been read, and
 * nothing else has; an order has the number of its session.
 */
void
reco_interactions_order_sessions(RecoInteractions *interactions)
{
	const RecoSessions *sessions = interactions->sessions;
	int64		i;

	reserve_lines(interactions, sessions->n_events);
	for (i = 0; i < sessions->n_events; i++)
	{
		const RecoSessionEvent *event = &sessions->events[i];

		RECO_CHECK_INTERRUPTS(i);
		interactions->lines[interactions->n_lines++] = (RecoLine) {event->at, event->user, event->item, event->session, 1};
		interactions->clock = Max(interactions->clock, event->at);
	}
	add_orders(interactions, sessions->n_sessions);
	interactions->sessions_are_orders = true;
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
	const RecoField field = {RECO_ROLE_ITEM, NULL};

	(void) reco_sources_read_all(reader, source, &field, 1, receive_item, interactions);
}

/* Where a line goes in a counting sort by customers: unknown ones behind all others. */
static int64
user_bucket(const RecoLine *line, int32 n_users)
{
	return line->user >= 0 ? line->user : n_users;
}

/*
 * Exchange provisional numbers for ranks of keys, and count on the way how many lines each customer and each item has:
 * in the places behind theirs.
 */
static void
rank_keys(RecoInteractions *interactions, int64 *user_start, int64 *item_start)
{
	int32	   *user_rank = reco_idmap_sort(interactions->users);
	int32	   *item_rank = reco_idmap_sort(interactions->items);
	int32		n_users = reco_idmap_count(interactions->users);
	int64		i;

	for (i = 0; i < interactions->n_lines; i++)
	{
		RecoLine   *line = &interactions->lines[i];

		RECO_CHECK_INTERRUPTS(i);
		if (line->user >= 0)
			line->user = user_rank[line->user];
		line->item = item_rank[line->item];
		user_start[user_bucket(line, n_users) + 1]++;
		item_start[line->item + 1]++;
	}
	if (interactions->sessions != NULL)
		reco_sessions_finish(interactions->sessions, user_rank, item_rank);
	if (interactions->contexts != NULL)
		reco_contexts_rank_users(interactions->contexts, user_rank);
	if (interactions->paid != NULL)
		reco_amounts_number(interactions->paid, item_rank);
	pfree(user_rank);
	pfree(item_rank);
}

/* A stable counting sort of the lines by customer or by item, from one array into another; start is used up. */
static void
counting_sort(RecoInteractions *interactions, const RecoLine *from, RecoLine *to, bool by_user, int64 *start,
			  int64 buckets)
{
	int32		n_users = reco_idmap_count(interactions->users);
	int64		i;

	for (i = 1; i <= buckets; i++)
		start[i] += start[i - 1];
	for (i = 0; i < interactions->n_lines; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		to[start[by_user ? user_bucket(&from[i], n_users) : from[i].item]++] = from[i];
	}
}

/*
 * Sort the lines by reco_lines_compare.  Two counting sorts bring together what one customer did with one item in
 * linear time; within that the runs are short.  (Customer -1 comes last here, but that is one order as good as another.)
 */
static void
sort_lines(RecoInteractions *interactions)
{
	RecoBudget *budget = interactions->budget;
	int64		users = (int64) reco_idmap_count(interactions->users) + 1;
	int64		items = reco_idmap_count(interactions->items);
	int64	   *user_start = reco_budget_alloc(budget, users + 1, sizeof(int64), "sorting order lines");
	int64	   *item_start = reco_budget_alloc(budget, items + 1, sizeof(int64), "sorting order lines");
	RecoLine   *lines = interactions->lines;
	RecoLine   *other;
	int64		first;
	int64		last;

	rank_keys(interactions, user_start, item_start);
	other = reco_budget_alloc(budget, interactions->n_lines, sizeof(RecoLine), "sorting order lines");
	counting_sort(interactions, lines, other, false, item_start, items);
	counting_sort(interactions, other, lines, true, user_start, users);
	pfree(other);
	pfree(user_start);
	pfree(item_start);
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

	if (interactions->form.weighted)
		return;
	for (i = 0; i < interactions->n_lines; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		n += lines[i].order < 0 && lines[i].user >= 0;
	}
	if (n == 0)
		return;
	index = reco_budget_alloc(interactions->budget, n, sizeof(int64), "orders");
	for (i = n = 0; i < interactions->n_lines; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (lines[i].order < 0 && lines[i].user >= 0)
			index[n++] = i;
	}
	qsort_arg(index, n, sizeof(int64), compare_times, lines);
	for (i = 0; i < n; i++)
	{
		if (i == 0 || compare_times(&index[i - 1], &index[i], lines) != 0)
		{
			if (interactions->contexts != NULL)
				reco_contexts_add_order(interactions->contexts, interactions->n_orders, &lines[index[i]]);
			add_orders(interactions, 1);
		}
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

/* What lines come to, or where no source says so how many pieces they are of; weights and events are no pieces. */
static void
count_amounts(RecoInteractions *interactions)
{
	int32		items = reco_idmap_count(interactions->items);

	if (interactions->paid != NULL)
		interactions->amounts = reco_amounts_of_paid(interactions->paid, items);
	else if (!interactions->form.weighted && !interactions->sessions_are_orders)
		interactions->amounts = reco_amounts_of_pieces(interactions->budget, interactions->lines, interactions->n_lines, items);
	interactions->paid = NULL;
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
	sort_lines(interactions);
	net_returns(interactions);
	make_orders(interactions);
	describe_orders(interactions);
	count_amounts(interactions);
	if (!interactions->form.weighted && !interactions->sessions_are_orders)
		interactions->rebought = reco_rebought_learn(interactions->budget, interactions->lines, interactions->n_lines,
													 reco_idmap_count(interactions->items));
}

/* Give the memory of lines and events back once nothing reads them any more. */
void
reco_interactions_free_lines(RecoInteractions *interactions)
{
	pfree(interactions->lines);
	interactions->lines = NULL;
	interactions->n_lines = 0;
	if (interactions->sessions != NULL)
		reco_sessions_free_events(interactions->sessions);
}
