/*
 * recommend_all.c: answers for all customers at once.
 *
 * The order lines are read in one pass and grouped by customer in memory, never by a query per customer; what is
 * available is asked once.  From there a customer's answer comes about as in recommend.c, by the same routines over the
 * same lines, so that each row equals what recommend gives at the same as_of and in the same snapshot.  (Only where
 * history_limit cuts among lines of one moment, and some of those count nothing or are of items that the model does not
 * know, may it be others of them that are left.)
 */
#include "postgres.h"

#include "recommend_all.h"

#include "availability.h"
#include "budget.h"
#include "history.h"
#include "idmap.h"
#include "interrupts.h"
#include "utils/memutils.h"

#define FIRST_LINES 4096

enum
{
	COLUMN_USER, COLUMN_ITEM, COLUMN_AT, COLUMN_QUANTITY, BULK_COLUMNS
};

static const RecoRole bulk_roles[BULK_COLUMNS] = {RECO_ROLE_USER, RECO_ROLE_ITEM, RECO_ROLE_AT, RECO_ROLE_QUANTITY};

typedef struct Bulk
{
	const RecoBulkRequest *request;
	RecoAnswering *a;
	RecoBudget *budget;
	RecoIdMap  *users;
	RecoLine   *lines;			/* order is the number of the source here */
	int64		n_lines;
	int64		capacity;
	int32		source;			/* that is being read */
	bool		has_quantity;
	uint64	   *skip;			/* bitmap of what is not available */
} Bulk;

/* --- reading ----------------------------------------------------------------------------------------------- */

static int32
user_number(Bulk *bulk, const RecoValue *key)
{
	return bulk->request->users.given ? reco_idmap_find(bulk->users, key) : reco_idmap_add(bulk->users, key);
}

static RecoLine *
next_line(Bulk *bulk)
{
	if (bulk->n_lines == bulk->capacity)
	{
		int64		capacity = bulk->capacity + bulk->capacity / 2;

		bulk->lines = reco_budget_resize(bulk->budget, bulk->lines, bulk->capacity, capacity, sizeof(RecoLine), "order lines");
		bulk->capacity = capacity;
	}
	return &bulk->lines[bulk->n_lines++];
}

/* Lines that count nothing are kept for now: a request's limit counts them too. */
static void
receive_line(void *arg, const RecoValue *values)
{
	Bulk	   *bulk = arg;
	RecoKey		item;
	RecoLine   *line;
	int32		user;

	if (values[COLUMN_USER].is_null || values[COLUMN_AT].is_null || values[COLUMN_AT].integer >= bulk->a->evidence_end)
		return;
	user = user_number(bulk, &values[COLUMN_USER]);
	if (user < 0)
		return;
	item.integer = values[COLUMN_ITEM].integer;
	item.bytes = values[COLUMN_ITEM].bytes;
	item.length = values[COLUMN_ITEM].length;
	line = next_line(bulk);
	line->at = values[COLUMN_AT].integer;
	line->user = user;
	line->item = values[COLUMN_ITEM].is_null ? -1 : reco_answering_find_item(bulk->a->model, &item);
	line->order = bulk->source;
	line->quantity = 1;
	if (bulk->has_quantity)
		line->quantity = values[COLUMN_QUANTITY].is_null ? 0 : (float) values[COLUMN_QUANTITY].number;
}

static void
add_users(Bulk *bulk)
{
	const RecoKeyList *users = &bulk->request->users;
	int			i;

	for (i = 0; i < users->n; i++)
	{
		RecoValue	key = {false, users->keys[i].integer, 0, users->keys[i].bytes, users->keys[i].length};

		(void) reco_idmap_add(bulk->users, &key);
	}
}

static void
read_lines(Bulk *bulk)
{
	ListCell   *cell;

	bulk->capacity = FIRST_LINES;
	bulk->lines = reco_budget_alloc(bulk->budget, FIRST_LINES, sizeof(RecoLine), "order lines");
	foreach(cell, bulk->a->sources)
	{
		const RecoSource *source = lfirst(cell);

		if (source->kind != RECO_SOURCE_ORDERS)
			continue;
		bulk->has_quantity = reco_definitions_column(source, RECO_ROLE_QUANTITY) != NULL;
		(void) reco_sources_read_all(&bulk->a->reader, source, bulk_roles, BULK_COLUMNS, receive_line, bulk);
		bulk->source++;
	}
}

/* Bring each customer's lines together: start[u] to start[u + 1] - 1, customers in the order of their keys. */
static int64 *
group_by_user(Bulk *bulk)
{
	int32	   *rank = reco_idmap_sort(bulk->users);
	int32		n_users = reco_idmap_count(bulk->users);
	int64	   *start = reco_budget_alloc(bulk->budget, (Size) n_users + 2, sizeof(int64), "customers");
	RecoLine   *grouped = reco_budget_alloc(bulk->budget, Max(bulk->n_lines, 1), sizeof(RecoLine), "order lines");
	int64		i;

	for (i = 0; i < bulk->n_lines; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		bulk->lines[i].user = rank[bulk->lines[i].user];
		start[bulk->lines[i].user + 2]++;
	}
	for (i = 2; i <= n_users; i++)
		start[i] += start[i - 1];
	CHECK_FOR_INTERRUPTS();
	for (i = 0; i < bulk->n_lines; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		grouped[start[bulk->lines[i].user + 1]++] = bulk->lines[i];
	}
	pfree(bulk->lines);
	pfree(rank);
	bulk->lines = grouped;
	return start;
}

/* --- one customer ------------------------------------------------------------------------------------------ */

static int
compare_by_source(const void *a, const void *b)
{
	int32		x = ((const RecoLine *) a)->order;
	int32		y = ((const RecoLine *) b)->order;

	return x != y ? (x > y) - (x < y) : reco_history_compare(a, b);
}

/* What reco_history_read would have read: the newest lines of each source, and of those the ones that count. */
static int64
keep_newest(RecoLine *lines, int64 n, int64 limit)
{
	int64		kept = 0;
	int64		in_source = 0;
	int64		i;

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

/* Purchased items are skipped for this customer alone; purchased remembers which bits were set for that. */
static int64
skip_purchased(Bulk *bulk, const RecoLine *lines, int64 n, int32 *purchased)
{
	int64		n_purchased = 0;
	int64		i;

	for (i = 0; i < n; i++)
	{
		int32		item = lines[i].item;
		uint64		bit = UINT64CONST(1) << (item % 64);

		if (lines[i].quantity <= 0 || (bulk->skip[item / 64] & bit))
			continue;
		bulk->skip[item / 64] |= bit;
		purchased[n_purchased++] = item;
	}
	return n_purchased;
}

static RecoKey
user_key(const RecoIdMap *users, int32 user)
{
	RecoKey		key = {0, NULL, 0};

	if (reco_idmap_is_integer(users))
		key.integer = reco_idmap_integers(users)[user];
	else
		key.bytes = reco_idmap_text(users, user, &key.length);
	return key;
}

static void
answer_user(Bulk *bulk, int32 user, RecoLine *lines, int64 n, RecoTopEntry *top, RecoBulkCallback callback, void *arg)
{
	RecoAnswering *a = bulk->a;
	int64		limit = a->options.history_limit;
	RecoHistory history = {lines, 0, n};
	RecoEntry  *entries = palloc_extended(mul_size(Max(n, 1), sizeof(RecoEntry)), MCXT_ALLOC_HUGE);
	int32	   *purchased = palloc_extended(mul_size(Max(n, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
	RecoKey		key = user_key(bulk->users, user);
	int64		n_purchased = 0;
	int			found = 0;
	int			i;

	history.n = keep_newest(lines, n, bulk->request->exclude_purchased ? PG_INT64_MAX : limit);
	if (bulk->request->exclude_purchased)
		n_purchased = skip_purchased(bulk, lines, history.n, purchased);
	reco_history_cut(&history, limit);
	reco_answering_set_history(a, history.lines, history.n, entries);
	reco_answering_prepare(a);
	reco_foldin_check_status(reco_topk_scan(&a->run, a->model->y, a->model->items, a->model->factors, a->query, a->bias,
											bulk->skip, bulk->request->k, top, &found), "scan");
	for (i = 0; i < n_purchased; i++)
		bulk->skip[purchased[i] / 64] &= ~(UINT64CONST(1) << (purchased[i] % 64));
	for (i = 0; i < found; i++)
	{
		RecoRecommendation row = {top[i].item, top[i].score, reco_answering_probability(a, top[i].item, top[i].score),
		reco_answering_source(a, top[i].item)};

		callback(arg, a->model, &key, i + 1, &row);
	}
}

/*
 * The k best items of every customer, or of those asked for; a callback for each row.  Memory for the lines is
 * accounted for against memory_limit.  Errors: those of reco_answering_begin, configuration_limit_exceeded, and what
 * reading the sources raises.
 */
void
reco_recommend_all(const RecoBulkRequest *request, RecoBulkCallback callback, void *arg)
{
	Bulk		bulk = {.request = request};
	MemoryContext user_context = AllocSetContextCreate(CurrentMemoryContext, "reco customer", ALLOCSET_DEFAULT_SIZES);
	RecoTopEntry *top;
	int64	   *start;
	int32		user;

	bulk.a = reco_answering_begin(request->model, request->integer_keys, request->as_of);
	bulk.a->reader.progress = request->progress;
	bulk.budget = reco_budget_create(CurrentMemoryContext, "recommend_all", request->memory_limit);
	bulk.users = reco_idmap_create(bulk.budget, request->integer_keys, "customers");
	add_users(&bulk);
	read_lines(&bulk);
	start = group_by_user(&bulk);
	bulk.skip = reco_availability_unavailable(bulk.a);
	top = palloc_extended(mul_size(Max(Min(request->k, bulk.a->model->items), 1), sizeof(RecoTopEntry)), MCXT_ALLOC_HUGE);
	reco_progress_phase(request->progress, RECO_PHASE_SCORING, reco_idmap_count(bulk.users));
	for (user = 0; user < reco_idmap_count(bulk.users); user++)
	{
		MemoryContext old_context = MemoryContextSwitchTo(user_context);

		answer_user(&bulk, user, bulk.lines + start[user], start[user + 1] - start[user], top, callback, arg);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(user_context);
		reco_progress_advance(request->progress, 1);
		CHECK_FOR_INTERRUPTS();
	}
}
