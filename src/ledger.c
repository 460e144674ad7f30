/*
 * ledger.c: reads what all order lines of a model came to.
 *
 * The same lines count as in training, if their amount is known: amount, or else unit_price times quantity.  One whose
 * amount or quantity is negative is a return, and takes its amount away whichever of both says so; it is no part of an order,
 * whatever its order key is.  Amounts are doubles here, unlike in the journal: whoever adds them up in SQL shall find the same.
 *
 * An order has the time of its earliest purchase, and of several customers the one whose key comes first.  A purchase of
 * nobody known that has no order key either is of no order, and counts nothing.
 */
#include "postgres.h"

#include "ledger.h"

#include <math.h>

#include "interrupts.h"
#include "utils/timestamp.h"

#define FIRST_LINES 1024
#define FIRST_ORDERS 64

enum
{
	COLUMN_USER, COLUMN_ITEM, COLUMN_ORDER, COLUMN_AT, COLUMN_QUANTITY, COLUMN_UNIT_PRICE, COLUMN_AMOUNT, LEDGER_COLUMNS
};

static const RecoField ledger_fields[LEDGER_COLUMNS] = {
	[COLUMN_USER] = {RECO_ROLE_USER, NULL},
	[COLUMN_ITEM] = {RECO_ROLE_ITEM, NULL},
	[COLUMN_ORDER] = {RECO_ROLE_ORDER, NULL},
	[COLUMN_AT] = {RECO_ROLE_AT, NULL},
	[COLUMN_QUANTITY] = {RECO_ROLE_QUANTITY, NULL},
	[COLUMN_UNIT_PRICE] = {RECO_ROLE_UNIT_PRICE, NULL},
	[COLUMN_AMOUNT] = {RECO_ROLE_AMOUNT, NULL}
};

/* --- orders ------------------------------------------------------------------------------------------------ */

static int32
add_order(RecoLedger *ledger, int32 key)
{
	if (ledger->n_orders == PG_INT32_MAX / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d orders", PG_INT32_MAX / 2),
				 errhint("Report on fewer rows, for example through a view over the newest ones.")));
	if (ledger->n_orders == ledger->order_capacity)
	{
		int32		capacity = ledger->order_capacity + ledger->order_capacity / 2;

		ledger->orders = reco_budget_resize(ledger->budget, ledger->orders, ledger->order_capacity, capacity,
											sizeof(RecoLedgerOrder), "orders");
		ledger->order_capacity = capacity;
	}
	ledger->orders[ledger->n_orders] = (RecoLedgerOrder) {
		.at = DT_NOEND,.user = -1,.source = ledger->n_sources - 1,.key = key
	};
	return ledger->n_orders++;
}

/* The number of the order with a key of a dictionary, a new one for a new key. */
static int32
find_order(RecoLedger *ledger, RecoLedgerSource *in, const RecoValue *key)
{
	int32		known = reco_idmap_count(in->orders);
	int32		number = reco_idmap_add(in->orders, key);

	if (number < known)
		return in->number[number];
	if (number == in->capacity)
	{
		int32		capacity = Max(in->capacity + in->capacity / 2, FIRST_ORDERS);

		in->number = reco_budget_resize(ledger->budget, in->number, in->capacity, capacity, sizeof(int32), "orders");
		in->capacity = capacity;
	}
	return in->number[number] = add_order(ledger, in == &ledger->moments ? -1 : number);
}

/* Lines without an order key: those of one customer with the same time, of whatever source, are one order. */
static int32
find_moment(RecoLedger *ledger, int32 user, TimestampTz at)
{
	char		bytes[sizeof(user) + sizeof(at)];
	RecoValue	key = {.bytes = bytes,.length = sizeof(bytes)};

	memcpy(bytes, &user, sizeof(user));
	memcpy(bytes + sizeof(user), &at, sizeof(at));
	return find_order(ledger, &ledger->moments, &key);
}

/* --- lines ------------------------------------------------------------------------------------------------- */

static void
add_purchase(RecoLedger *ledger, int32 order, int32 user, int32 item, TimestampTz at, double value)
{
	RecoLedgerOrder *of = &ledger->orders[order];

	if (ledger->n_lines == ledger->line_capacity)
	{
		int64		capacity = ledger->line_capacity + ledger->line_capacity / 2;

		ledger->lines = reco_budget_resize(ledger->budget, ledger->lines, ledger->line_capacity, capacity,
										   sizeof(RecoLedgerLine), "order lines");
		ledger->line_capacity = capacity;
	}
	ledger->lines[ledger->n_lines++] = (RecoLedgerLine) {value, item, order};
	of->at = Min(of->at, at);
	of->n++;
	if (user >= 0 && (of->user < 0 || (user != of->user && reco_idmap_compare(ledger->users, user, of->user) < 0)))
		of->user = user;
}

static void
add_return(RecoLedger *ledger, const RecoLedgerReturn *line)
{
	if (ledger->n_returns == ledger->return_capacity)
	{
		int64		capacity = ledger->return_capacity + ledger->return_capacity / 2;

		ledger->returns = reco_budget_resize(ledger->budget, ledger->returns, ledger->return_capacity, capacity,
											 sizeof(RecoLedgerReturn), "returns");
		ledger->return_capacity = capacity;
	}
	ledger->returns[ledger->n_returns++] = *line;
}

/* What a line came to, negative for a return; 0 where it counts nothing. */
static double
value_of(const RecoValue *values, bool has_quantity)
{
	double		quantity = 1;
	double		value = 0;

	if (has_quantity)
		quantity = values[COLUMN_QUANTITY].is_null ? 0 : values[COLUMN_QUANTITY].number;
	if (!isfinite((float) quantity) || quantity == 0)
		return 0;
	if (!values[COLUMN_AMOUNT].is_null)
		value = values[COLUMN_AMOUNT].number;
	else if (!values[COLUMN_UNIT_PRICE].is_null)
		value = values[COLUMN_UNIT_PRICE].number * quantity;
	if (!isfinite(value))
		return 0;
	return quantity < 0 ? -fabs(value) : value;
}

static void
receive_line(void *arg, const RecoValue *values)
{
	RecoLedger *ledger = arg;
	RecoLedgerSource *source = &ledger->sources[ledger->n_sources - 1];
	double		value = value_of(values, source->has_quantity);
	TimestampTz at = values[COLUMN_AT].integer;
	int32		order = -1;
	int32		user;
	int32		item;

	if (value == 0 || values[COLUMN_ITEM].is_null || values[COLUMN_AT].is_null || TIMESTAMP_NOT_FINITE(at))
		return;
	user = values[COLUMN_USER].is_null ? -1 : reco_idmap_add(ledger->users, &values[COLUMN_USER]);
	item = reco_idmap_add(ledger->items, &values[COLUMN_ITEM]);
	if (source->orders != NULL && !values[COLUMN_ORDER].is_null)
		order = find_order(ledger, source, &values[COLUMN_ORDER]);
	else if (user >= 0 && value > 0)
		order = find_moment(ledger, user, at);
	if (value < 0)
		add_return(ledger, &(RecoLedgerReturn) {-value, at, user, item, order, ledger->n_sources - 1});
	else if (order >= 0)
		add_purchase(ledger, order, user, item, at, value);
}

static void
read_source(RecoLedger *ledger, const RecoReader *reader, const RecoSource *source)
{
	RecoLedgerSource *added = &ledger->sources[ledger->n_sources++];

	added->source = source;
	added->has_quantity = reco_definitions_column(source, RECO_ROLE_QUANTITY) != NULL;
	if (reco_definitions_column(source, RECO_ROLE_ORDER) != NULL)
	{
		added->orders = reco_idmap_create(ledger->budget, reco_sources_integer_orders(reader, source), "orders");
		added->number = reco_budget_alloc(ledger->budget, 0, sizeof(int32), "orders");
	}
	(void) reco_sources_read_all(reader, source, ledger_fields, LEDGER_COLUMNS, receive_line, ledger);
}

/* --- sorting ----------------------------------------------------------------------------------------------- */

static int
compare_lines(const void *a, const void *b)
{
	const RecoLedgerLine *x = a;
	const RecoLedgerLine *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	return (x->value > y->value) - (x->value < y->value);
}

/* Bring the lines of each order together, with a counting sort. */
static void
sort_lines(RecoLedger *ledger)
{
	RecoLedgerLine *sorted = reco_budget_alloc(ledger->budget, ledger->n_lines, sizeof(RecoLedgerLine), "order lines");
	int64		at = 0;
	int64		i;
	int32		order;

	for (order = 0; order < ledger->n_orders; order++)
	{
		RECO_CHECK_INTERRUPTS(order);
		ledger->orders[order].first = at;
		at += ledger->orders[order].n;
		ledger->orders[order].n = 0;
	}
	for (i = 0; i < ledger->n_lines; i++)
	{
		RecoLedgerOrder *of = &ledger->orders[ledger->lines[i].order];

		RECO_CHECK_INTERRUPTS(i);
		sorted[of->first + of->n++] = ledger->lines[i];
	}
	reco_budget_free(ledger->budget, ledger->lines);
	ledger->lines = sorted;
	ledger->line_capacity = ledger->n_lines;
	for (order = 0; order < ledger->n_orders; order++)
		qsort(sorted + ledger->orders[order].first, ledger->orders[order].n, sizeof(RecoLedgerLine), compare_lines);
}

/*
 * All lines of the sources of orders among sources, in the memory of budget.  Errors: configuration_limit_exceeded,
 * program_limit_exceeded, and what reading raises.
 */
RecoLedger *
reco_ledger_read(RecoBudget *budget, const RecoReader *reader, List *sources)
{
	RecoLedger *ledger = reco_budget_alloc(budget, 1, sizeof(RecoLedger), "order lines");
	ListCell   *cell;

	ledger->budget = budget;
	ledger->users = reco_idmap_create(budget, reader->integer_keys, "customers");
	ledger->items = reco_idmap_create(budget, reader->integer_keys, "items");
	ledger->sources = reco_budget_alloc(budget, list_length(sources), sizeof(RecoLedgerSource), "sources");
	ledger->moments.orders = reco_idmap_create(budget, false, "orders");
	ledger->moments.number = reco_budget_alloc(budget, 0, sizeof(int32), "orders");
	ledger->order_capacity = FIRST_ORDERS;
	ledger->orders = reco_budget_alloc(budget, FIRST_ORDERS, sizeof(RecoLedgerOrder), "orders");
	ledger->line_capacity = FIRST_LINES;
	ledger->lines = reco_budget_alloc(budget, FIRST_LINES, sizeof(RecoLedgerLine), "order lines");
	ledger->return_capacity = FIRST_LINES;
	ledger->returns = reco_budget_alloc(budget, FIRST_LINES, sizeof(RecoLedgerReturn), "returns");
	foreach(cell, sources)
		if (((const RecoSource *) lfirst(cell))->kind == RECO_SOURCE_ORDERS)
			read_source(ledger, reader, lfirst(cell));
	sort_lines(ledger);
	return ledger;
}
