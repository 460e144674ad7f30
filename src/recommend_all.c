/*
 * recommend_all.c: answers for all customers at once.
 *
 * The order lines are read in one pass and grouped by customer in memory, never by a query per customer, and so is nearly
 * all else that is known of customers (everybody.c); what is available is asked once.  All that is done by this process;
 * then the customers are shared out among processes (bulk.c), and each answer comes about (scorer.c) as in recommend.c, by
 * the same routines over the same evidence, so that each row equals what recommend gives at the same as_of and in the same
 * snapshot.  (Only where a limit cuts among lines or reviews of one moment, and some of those count nothing or are of items
 * that the model does not know, may it be others of them that are left.)
 */
#include "postgres.h"

#include "recommend_all.h"

#include "availability.h"
#include "budget.h"
#include "bulk.h"
#include "consent.h"
#include "everybody.h"
#include "evidence.h"
#include "idmap.h"
#include "interrupts.h"
#include "offers.h"
#include "rerank.h"
#include "shelf.h"
#include "users_from.h"
#include "utils/memutils.h"

#define FIRST_LINES 4096
#define WAITING_LINES 32		/* whose keys are looked up together */

enum
{
	COLUMN_USER, COLUMN_ITEM, COLUMN_AT, COLUMN_QUANTITY, BULK_COLUMNS,
	COLUMN_UNIT_PRICE = BULK_COLUMNS, COLUMN_AMOUNT, PAID_COLUMNS	/* where amounts are wanted */
};

static const RecoField bulk_fields[PAID_COLUMNS] = {
	[COLUMN_USER] = {RECO_ROLE_USER, NULL},
	[COLUMN_ITEM] = {RECO_ROLE_ITEM, NULL},
	[COLUMN_AT] = {RECO_ROLE_AT, NULL},
	[COLUMN_QUANTITY] = {RECO_ROLE_QUANTITY, NULL},
	[COLUMN_UNIT_PRICE] = {RECO_ROLE_UNIT_PRICE, NULL},
	[COLUMN_AMOUNT] = {RECO_ROLE_AMOUNT, NULL}
};

/* A line whose keys have not been looked up. */
typedef struct WaitingLine
{
	RecoLine	line;
	float		amount;
	RecoValue	user;
	RecoValue	item;
} WaitingLine;

typedef struct Reading
{
	const RecoBulkRequest *request;
	RecoAnswering *a;
	const RecoRules *rules;		/* NULL: none */
	RecoBudget *budget;
	RecoIdMap  *users;
	RecoIdMap  *items;			/* of the model, numbered as there */
	RecoConsents *consents;		/* NULL: nobody is asked */
	WaitingLine waiting[WAITING_LINES];
	int			n_waiting;
	RecoLine   *lines;			/* order is the number of the source here */
	float	   *amounts;		/* of the lines; NULL: not wanted */
	int64		n_lines;
	int64		capacity;
	int32		source;			/* that is being read */
	bool		has_quantity;
	RecoEverybody everybody;
} Reading;

/* What rows are handed to the caller with. */
typedef struct Emission
{
	const RecoModel *model;
	const RecoIdMap *users;
	const RecoRules *rules;
	RecoBulkCallback callback;
	void	   *arg;
	MemoryContext context;		/* of one customer's rows */
	RecoProgress *progress;
} Emission;

/* --- reading ----------------------------------------------------------------------------------------------- */

/* The model's items, since a dictionary is faster than a search among its keys. */
static void
number_items(Reading *reading)
{
	const RecoModel *model = reading->a->model;
	int32		i;

	reading->items = reco_idmap_create(reading->budget, model->integer_keys, "items");
	for (i = 0; i < model->items; i++)
	{
		RecoKey		key = reco_answering_item_key(model, i);
		RecoValue	value = {false, key.integer, 0, key.bytes, key.length};

		RECO_CHECK_INTERRUPTS(i);
		(void) reco_idmap_add(reading->items, &value);
	}
}

/* Only customers who are asked for have a number, where any are. */
static int32
user_number(Reading *reading, const RecoValue *key)
{
	bool		given = reading->request->users.given || reading->request->has_users_from;

	return given ? reco_idmap_find(reading->users, key) : reco_idmap_add(reading->users, key);
}

static RecoLine *
next_line(Reading *reading)
{
	if (reading->n_lines == reading->capacity)
	{
		int64		capacity = reading->capacity + reading->capacity / 2;

		reading->lines = reco_budget_resize(reading->budget, reading->lines, reading->capacity, capacity, sizeof(RecoLine),
											"order lines");
		if (reading->amounts != NULL)
			reading->amounts = reco_budget_resize(reading->budget, reading->amounts, reading->capacity, capacity, sizeof(float),
												  "amounts of order lines");
		reading->capacity = capacity;
	}
	return &reading->lines[reading->n_lines++];
}

/* Look up the keys of the lines that wait for it; who does not consent to personal answers is numbered, but has none. */
static void
receive_waiting(Reading *reading)
{
	int			i;

	for (i = 0; i < reading->n_waiting; i++)
	{
		WaitingLine *waiting = &reading->waiting[i];

		waiting->line.user = user_number(reading, &waiting->user);
		if (waiting->line.user < 0 || !reco_consent_allows(reading->consents, &waiting->user, RECO_MAY_PERSONALIZE))
			continue;
		waiting->line.item = waiting->item.is_null ? -1 : reco_idmap_find(reading->items, &waiting->item);
		*next_line(reading) = waiting->line;
		if (reading->amounts != NULL)
			reading->amounts[reading->n_lines - 1] = waiting->amount;
	}
	reading->n_waiting = 0;
}

/*
 * Lines that count nothing are kept for now: a request's limit counts them too.  Texts cannot wait, since they are gone
 * with the row.
 */
static void
receive_line(void *arg, const RecoValue *values)
{
	Reading    *reading = arg;
	WaitingLine *waiting = &reading->waiting[reading->n_waiting];
	double		quantity = 1;

	if (values[COLUMN_USER].is_null || values[COLUMN_AT].is_null || values[COLUMN_AT].integer >= reading->a->evidence_end)
		return;
	waiting->user = values[COLUMN_USER];
	waiting->item = values[COLUMN_ITEM];
	waiting->line.at = values[COLUMN_AT].integer;
	waiting->line.order = reading->source;
	if (reading->has_quantity)
		quantity = values[COLUMN_QUANTITY].is_null ? 0 : values[COLUMN_QUANTITY].number;
	waiting->line.quantity = (float) quantity;
	if (reading->amounts != NULL)
		waiting->amount = reco_lines_amount(&values[COLUMN_UNIT_PRICE], &values[COLUMN_AMOUNT], quantity);
	reading->n_waiting++;
	if (reading->request->integer_keys)
	{
		reco_idmap_expect(reading->users, &waiting->user);
		reco_idmap_expect(reading->items, &waiting->item);
	}
	if (reading->n_waiting == WAITING_LINES || !reading->request->integer_keys)
		receive_waiting(reading);
}

static void
receive_user(void *arg, const RecoValue *key)
{
	(void) reco_idmap_add(((Reading *) arg)->users, key);
}

/* The customers who are asked for, each once. */
static void
read_users(Reading *reading)
{
	const RecoKeyList *users = &reading->request->users;
	int			i;

	for (i = 0; i < users->n; i++)
	{
		RecoValue	key = {false, users->keys[i].integer, 0, users->keys[i].bytes, users->keys[i].length};

		RECO_CHECK_INTERRUPTS(i);
		receive_user(reading, &key);
	}
	if (reading->request->has_users_from)
		reco_users_from_read(reading->request->users_from, reading->request->integer_keys, receive_user, reading);
}

static void
read_lines(Reading *reading)
{
	ListCell   *cell;

	reading->capacity = FIRST_LINES;
	reading->lines = reco_budget_alloc(reading->budget, FIRST_LINES, sizeof(RecoLine), "order lines");
	if (reading->request->value_weight > 0 && reco_rerank_begin(reading->a))
		reading->amounts = reco_budget_alloc(reading->budget, FIRST_LINES, sizeof(float), "amounts of order lines");
	foreach(cell, reading->a->sources)
	{
		const RecoSource *source = lfirst(cell);

		if (!reco_definitions_gives_orders(reading->a->sources, source) ||
			reco_definitions_column(source, RECO_ROLE_USER) == NULL)
			continue;
		reading->has_quantity = reco_definitions_column(source, RECO_ROLE_QUANTITY) != NULL;
		(void) reco_sources_read_all(&reading->a->reader, source, bulk_fields,
									 reading->amounts != NULL ? PAID_COLUMNS : BULK_COLUMNS, receive_line, reading);
		receive_waiting(reading);
		reading->source++;
	}
}

/* A notice that comes once, here and not from a worker: some customer has a history. */
static void
notice_age(const Reading *reading)
{
	int64		i;

	for (i = 0; i < reading->n_lines; i++)
		if (reco_lines_is_usable(&reading->lines[i]))
		{
			reco_answering_notice_age(reading->a, RECO_EVIDENCE_HISTORY);
			return;
		}
}

/*
 * Bring each customer's lines together: start[u] to start[u + 1] - 1, customers in the order of their keys.  start has
 * zeros for all customers and two more.
 */
static void
group_by_user(Reading *reading, const int32 *rank, int64 *start, RecoLine *grouped, float *amounts)
{
	int32		n_users = reco_idmap_count(reading->users);
	int64		i;

	for (i = 0; i < reading->n_lines; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		reading->lines[i].user = rank[reading->lines[i].user];
		start[reading->lines[i].user + 2]++;
	}
	for (i = 2; i <= n_users; i++)
		start[i] += start[i - 1];
	CHECK_FOR_INTERRUPTS();
	for (i = 0; i < reading->n_lines; i++)
	{
		int64		place = start[reading->lines[i].user + 1]++;

		RECO_CHECK_INTERRUPTS(i);
		grouped[place] = reading->lines[i];
		if (amounts != NULL)
			amounts[place] = reading->amounts[i];
	}
	pfree(reading->lines);
	reading->lines = NULL;
	if (amounts != NULL)
		pfree(reading->amounts);
}

/* --- answering --------------------------------------------------------------------------------------------- */

static void
hand_over(double *to, double *from, int32 n)
{
	reco_copy_bytes(to, from, mul_size(n, sizeof(double)));
	pfree(from);
}

static RecoBulk *
prepare(Reading *reading)
{
	RecoScorerTask task = {
		.k = reading->request->k,
		.exclude_purchased = reading->request->exclude_purchased,
		.history_limit = reading->a->options.history_limit,
		.as_of = reading->a->as_of,
		.value_weight = reading->request->value_weight,
		.unit_kind = reading->a->unit_kind,
		.has_offers = reading->a->offers != NULL
	};
	RecoShelf  *shelf = NULL;
	int32	   *rank;
	uint64	   *skip = reco_availability_unavailable(reading->a);
	RecoBulk   *bulk;

	strlcpy(task.timezone, reading->a->reader.timezone, sizeof(task.timezone));
	if (reading->rules != NULL)
	{
		task.shelf = shelf = reco_shelf_create(reading->a, reading->rules, task.k, task.value_weight, false, reading->budget);
		reco_shelf_read_all(shelf);
	}
	rank = reco_idmap_sort(reading->users);
	bulk = reco_bulk_create(reading->a, &task, reco_idmap_count(reading->users), reading->n_lines, skip, &reading->everybody, rank,
							reading->budget);
	group_by_user(reading, rank, reco_bulk_start(bulk), reco_bulk_lines(bulk), reco_bulk_amounts(bulk));
	if (reco_bulk_units(bulk) != NULL)
		hand_over(reco_bulk_units(bulk), reco_rerank_all_units(reading->a), reading->a->model->items);
	if (reco_bulk_prices(bulk) != NULL)
		hand_over(reco_bulk_prices(bulk), reco_rerank_all_prices(reading->a), reading->a->model->items);
	pfree(skip);
	pfree(rank);
	return bulk;
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
emit_user(void *arg, int32 user, const RecoRecommendation *rows, int32 n)
{
	const Emission *emission = arg;
	MemoryContext old_context = MemoryContextSwitchTo(emission->context);
	RecoKey		key = user_key(emission->users, user);
	int32		i;

	for (i = 0; i < n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		emission->callback(emission->arg, emission->model, &key, i + 1, &rows[i], emission->rules);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(emission->context);
	reco_progress_advance(emission->progress, 1);
}

/*
 * Where sessions are all that there is, which of them are history and which is the present one is told for each customer
 * apart: each is asked for as recommend asks for one.  That takes a few queries a customer.
 */
static void
ask_one_by_one(Reading *reading, Emission *emission)
{
	RecoAnswering *a = reading->a;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "reco customer", ALLOCSET_DEFAULT_SIZES);
	int32		n = reco_idmap_count(reading->users);
	int32		user;

	pfree(reco_idmap_sort(reading->users));
	a->reader.gate = NULL;
	a->reader.progress = NULL;
	for (user = 0; user < n; user++)
	{
		MemoryContext old_context = MemoryContextSwitchTo(context);
		RecoRequest request = {.k = reading->request->k,.exclude_purchased = reading->request->exclude_purchased,.as_of = a->as_of,
		.value_weight = reading->request->value_weight,.rules = reading->rules};
		RecoAnswer *answer;

		CHECK_FOR_INTERRUPTS();
		request.visitor.has_user = true;
		request.visitor.user = user_key(reading->users, user);
		answer = reco_recommend_by(a, &request);
		MemoryContextSwitchTo(old_context);
		emit_user(emission, user, answer->rows, answer->n);
		MemoryContextReset(context);
	}
}

/*
 * The k best items of every customer, or of those asked for; a callback for each row, in a memory context that is
 * emptied after each customer, by the standing rules and those given.  Memory is accounted for against memory_limit, but for what one customer takes.
 * Errors: those of reco_answering_begin and reco_users_from_read, configuration_limit_exceeded, and what reading the
 * sources raises.
 */
void
reco_recommend_all(const RecoBulkRequest *request, RecoBulkCallback callback, void *arg)
{
	Reading		reading = {.request = request};
	Emission	emission = {.callback = callback,.arg = arg};
	RecoBulk   *bulk;

	reading.a = reco_answering_begin(request->model, request->integer_keys, request->as_of);
	reading.a->reader.progress = request->progress;
	reading.a->offers = reco_offers_begin(reading.a, NULL);
	reading.rules = emission.rules = reco_recommend_rules(reading.a, request->rules);
	reading.budget = reco_budget_create(CurrentMemoryContext, "recommend_all", request->memory_limit);
	reading.budget->advice = "recommend_all takes less for some customers at a time, with users or users_from";
	reading.users = reco_idmap_create(reading.budget, request->integer_keys, "customers");
	reading.consents = reco_consent_read_all(reading.budget, &reading.a->reader, reading.a->sources,
											 reading.a->options.default_consent);
	reading.a->reader.gate = reco_consent_gate(reading.consents, RECO_CONSENT_TO_ANSWERS);
	read_users(&reading);
	number_items(&reading);
	read_lines(&reading);
	notice_age(&reading);
	emission.model = reading.a->model;
	emission.users = reading.users;
	emission.context = AllocSetContextCreate(CurrentMemoryContext, "reco customer's rows", ALLOCSET_DEFAULT_SIZES);
	emission.progress = request->progress;
	if (!reco_definitions_has_orders(reading.a->sources))
	{
		reco_progress_phase(request->progress, RECO_PHASE_SCORING, reco_idmap_count(reading.users));
		ask_one_by_one(&reading, &emission);
		return;
	}
	reco_everybody_read(reading.a, reading.users, reading.items, reading.consents, reading.budget, &reading.everybody);
	reco_idmap_free(reading.items);
	bulk = prepare(&reading);
	reco_progress_phase(request->progress, RECO_PHASE_SCORING, reco_idmap_count(reading.users));
	reco_bulk_run(bulk, emit_user, &emission);
}
