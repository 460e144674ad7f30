/*
 * sql_aov.c: reco.aov, the aggregate from order lines to what an order is worth.
 *
 * A line counts that has an order and an amount.  One of a positive amount adds to its order; one of a negative amount is a
 * return, which is taken from the net whatever its order is: shops write returns as orders of their own, which are no orders
 * here, since nothing was bought in them.  Lines of 0 are nothing.
 *
 * The state has a sum for each order with a purchase, within maintenance_work_mem, and one for all returns.  Where the lines of
 * an order name several customers, it is of the one whose key comes first, so that the order of rows does not show.
 */
#include "postgres.h"

#include <math.h>

#include "aov.h"
#include "common/int.h"
#include "fmgr.h"
#include "funcapi.h"
#include "idmap.h"
#include "interrupts.h"
#include "sql_keys.h"
#include "storage/shmem.h"
#include "sums.h"
#include "transfer.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(reco_aov_step);
PG_FUNCTION_INFO_V1(reco_aov_step_customers);
PG_FUNCTION_INFO_V1(reco_aov_combine);
PG_FUNCTION_INFO_V1(reco_aov_serialize);
PG_FUNCTION_INFO_V1(reco_aov_deserialize);
PG_FUNCTION_INFO_V1(reco_aov_final);

#define MAGIC 0x5245434f414f5631	/* RECOAOV1 */
#define FIRST_ORDERS 16

/* The arguments of the step function with customers; without, the amount stands in the customer's place. */
enum
{
	ARG_STATE, ARG_ORDER, ARG_CUSTOMER, ARG_AMOUNT, ARG_WINSORIZE_AT
};

/* The columns of the result. */
enum
{
	OUT_ORDERS, OUT_CUSTOMERS, OUT_GROSS, OUT_RETURNS, OUT_NET, OUT_AOV_GROSS, OUT_AOV_NET, OUT_LOW, OUT_HIGH, OUT_WINSORIZED,
	OUT_LINES, COLUMNS
};

static const char work_name[] = "reco.aov";

typedef struct Order
{
	RecoTotal	value;
	int32		lines;			/* purchases */
	int32		customer;		/* -1: unknown */
} Order;

typedef struct AovState
{
	RecoBudget *budget;
	RecoIdMap  *orders;
	RecoIdMap  *customers;		/* NULL: in the form without */
	Order	   *list;			/* by number of the order */
	int32		capacity;
	RecoTotal	returns;		/* above 0 */
	double		winsorize_at;
} AovState;

/* What the types of the arguments mean; made once for each call site. */
typedef struct StepForm
{
	RecoKeyForm order;
	RecoKeyForm customer;
	Oid			amount;
} StepForm;

/* --- the state --------------------------------------------------------------------------------------------- */

static RecoBudget *
make_budget(MemoryContext context)
{
	return reco_budget_share(context, work_name, (Size) maintenance_work_mem * 1024);
}

static AovState *
create_state(MemoryContext context, bool integer_orders, bool has_customers, bool integer_customers, double winsorize_at)
{
	AovState   *state = MemoryContextAllocZero(context, sizeof(AovState));

	state->budget = make_budget(context);
	state->orders = reco_idmap_create(state->budget, integer_orders, "orders");
	if (has_customers)
		state->customers = reco_idmap_create(state->budget, integer_customers, "customers");
	state->capacity = FIRST_ORDERS;
	state->list = reco_budget_alloc(state->budget, FIRST_ORDERS, sizeof(Order), "orders");
	state->winsorize_at = winsorize_at;
	return state;
}

static Order *
find_order(AovState *state, const RecoValue *key)
{
	int32		known = reco_idmap_count(state->orders);
	int32		number = reco_idmap_add(state->orders, key);

	if (number == state->capacity)
	{
		int32		capacity = state->capacity + state->capacity / 2;

		state->list = reco_budget_resize(state->budget, state->list, state->capacity, capacity, sizeof(Order), "orders");
		state->capacity = capacity;
	}
	if (number == known)
		state->list[number] = (Order) {.customer = -1};
	return &state->list[number];
}

/* Of several customers an order has the first one. */
static void
set_customer(const AovState *state, Order *order, int32 customer)
{
	if (order->customer < 0 ||
		(customer != order->customer && reco_idmap_compare(state->customers, customer, order->customer) < 0))
		order->customer = customer;
}

/* --- rows -------------------------------------------------------------------------------------------------- */

static StepForm *
step_form(FunctionCallInfo fcinfo, bool has_customers)
{
	StepForm   *form = fcinfo->flinfo->fn_extra;

	if (form != NULL)
		return form;
	form = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(StepForm));
	reco_sql_keys_set_form(fcinfo, ARG_ORDER, work_name, "order_id", &form->order);
	if (has_customers)
		reco_sql_keys_set_form(fcinfo, ARG_CUSTOMER, work_name, "user_id", &form->customer);
	form->amount = reco_sql_keys_number_type(fcinfo, has_customers ? ARG_AMOUNT : ARG_CUSTOMER, work_name, "amount");
	fcinfo->flinfo->fn_extra = form;
	return form;
}

static double
winsorize_argument(FunctionCallInfo fcinfo)
{
	double		at;

	if (PG_NARGS() <= ARG_WINSORIZE_AT)
		return RECO_AOV_WINSORIZE_AT;
	if (PG_ARGISNULL(ARG_WINSORIZE_AT))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"winsorize_at\" must not be null"),
				 errhint("Give a fraction from 0 to 1, or leave it out for %g.", RECO_AOV_WINSORIZE_AT)));
	at = PG_GETARG_FLOAT8(ARG_WINSORIZE_AT);
	if (!(at >= 0 && at <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"winsorize_at\" must be from 0 to 1, not %g", at),
				 errhint("Order values above that quantile are set to it; 1 changes none.")));
	return at;
}

static void
check_winsorize_at(const AovState *state, double at)
{
	if (state->winsorize_at != at)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"winsorize_at\" of reco.aov differs from row to row: %g and %g", state->winsorize_at, at),
				 errhint("Give a constant, or group by what it depends on.")));
}

static double
amount_argument(FunctionCallInfo fcinfo, int i, Oid type)
{
	double		amount = reco_values_number(PG_GETARG_DATUM(i), type);

	if (!isfinite(amount))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("parameter \"amount\" must be finite, not %g", amount),
				 errhint("Leave such lines out with FILTER (WHERE ...).")));
	return amount;
}

static void
add_purchase(FunctionCallInfo fcinfo, StepForm *form, AovState *state, double amount)
{
	RecoValue	key = reco_sql_keys_value(fcinfo, ARG_ORDER, &form->order, form->order.is_integer);
	Order	   *order;

	if (key.is_null)
		return;
	order = find_order(state, &key);
	reco_total_add(&order->value, amount);
	order->lines += order->lines < PG_INT32_MAX;
	if (state->customers == NULL || PG_ARGISNULL(ARG_CUSTOMER))
		return;
	key = reco_sql_keys_value(fcinfo, ARG_CUSTOMER, &form->customer, form->customer.is_integer);
	if (!key.is_null)
		set_customer(state, order, reco_idmap_add(state->customers, &key));
}

static Datum
step(FunctionCallInfo fcinfo, bool has_customers)
{
	MemoryContext context = reco_sums_context(fcinfo);
	StepForm   *form = step_form(fcinfo, has_customers);
	int			at = has_customers ? ARG_AMOUNT : ARG_CUSTOMER;
	double		winsorize_at = has_customers ? winsorize_argument(fcinfo) : RECO_AOV_WINSORIZE_AT;
	AovState   *state = PG_ARGISNULL(ARG_STATE) ? NULL : (AovState *) PG_GETARG_POINTER(ARG_STATE);
	double		amount;

	if (state != NULL)
		check_winsorize_at(state, winsorize_at);
	if (PG_ARGISNULL(ARG_ORDER) || PG_ARGISNULL(at))
		return reco_sums_unchanged(fcinfo);
	amount = amount_argument(fcinfo, at, form->amount);
	if (amount == 0)
		return reco_sums_unchanged(fcinfo);
	if (state == NULL)
		state = create_state(context, form->order.is_integer, has_customers, form->customer.is_integer, winsorize_at);
	if (amount > 0)
		add_purchase(fcinfo, form, state, amount);
	else
		reco_total_add(&state->returns, -amount);
	PG_RETURN_POINTER(state);
}

Datum
reco_aov_step(PG_FUNCTION_ARGS)
{
	return step(fcinfo, false);
}

Datum
reco_aov_step_customers(PG_FUNCTION_ARGS)
{
	return step(fcinfo, true);
}

/* --- between processes ------------------------------------------------------------------------------------- */

static void
check_alike(const AovState *a, const AovState *b)
{
	if (reco_idmap_is_integer(a->orders) != reco_idmap_is_integer(b->orders) ||
		(a->customers != NULL) != (b->customers != NULL) ||
		(a->customers != NULL && reco_idmap_is_integer(a->customers) != reco_idmap_is_integer(b->customers)))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("two states of reco.aov are of different forms"),
				 errhint("Such states come from reco.aov alone, of the same version on every node.")));
	check_winsorize_at(a, b->winsorize_at);
}

static void
merge(AovState *state, const AovState *other)
{
	int32		n = reco_idmap_count(other->orders);
	int32		i;

	for (i = 0; i < n; i++)
	{
		const Order *from = &other->list[i];
		RecoValue	key = reco_idmap_key(other->orders, i);
		Order	   *order = find_order(state, &key);

		RECO_CHECK_INTERRUPTS(i);
		reco_total_add(&order->value, from->value.high);
		order->value.low += from->value.low;
		if (pg_add_s32_overflow(order->lines, from->lines, &order->lines))
			order->lines = PG_INT32_MAX;
		if (from->customer < 0)
			continue;
		key = reco_idmap_key(other->customers, from->customer);
		set_customer(state, order, reco_idmap_add(state->customers, &key));
	}
	reco_total_add(&state->returns, other->returns.high);
	state->returns.low += other->returns.low;
}

Datum
reco_aov_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = reco_sums_context(fcinfo);
	AovState   *state = PG_ARGISNULL(0) ? NULL : (AovState *) PG_GETARG_POINTER(0);
	const AovState *other = PG_ARGISNULL(1) ? NULL : (const AovState *) PG_GETARG_POINTER(1);

	if (other == NULL)
		return reco_sums_unchanged(fcinfo);
	if (state == NULL)
		state = create_state(context, reco_idmap_is_integer(other->orders), other->customers != NULL,
							 other->customers != NULL && reco_idmap_is_integer(other->customers), other->winsorize_at);
	check_alike(state, other);
	merge(state, other);
	PG_RETURN_POINTER(state);
}

typedef struct Header
{
	uint64		magic;
	RecoTotal	returns;
	double		winsorize_at;
	int32		n_orders;
	int32		n_customers;
	uint8		integer_orders;
	uint8		has_customers;
	uint8		integer_customers;
	uint8		padding[5];
} Header;

/* Bytes of a state: a header, the keys of orders and customers, the orders. */
Datum
reco_aov_serialize(PG_FUNCTION_ARGS)
{
	const AovState *state;
	Header		header = {.magic = MAGIC};
	Size		length;
	bytea	   *result;
	char	   *at;

	(void) reco_sums_context(fcinfo);
	state = (const AovState *) PG_GETARG_POINTER(0);
	header.returns = state->returns;
	header.winsorize_at = state->winsorize_at;
	header.n_orders = reco_idmap_count(state->orders);
	header.integer_orders = reco_idmap_is_integer(state->orders);
	header.has_customers = state->customers != NULL;
	header.n_customers = state->customers != NULL ? reco_idmap_count(state->customers) : 0;
	header.integer_customers = state->customers != NULL && reco_idmap_is_integer(state->customers);
	length = add_size(sizeof(Header), mul_size(header.n_orders, sizeof(Order)));
	length = add_size(length, add_size(reco_transfer_keys_size(state->orders), reco_transfer_keys_size(state->customers)));
	if (length > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a parallel worker's share of the orders of reco.aov takes %zu MB, more than the %zu MB that can be passed on",
						length >> 20, (Size) MaxAllocSize >> 20),
				 errhint("SET max_parallel_workers_per_gather = 0.")));
	result = palloc(length + VARHDRSZ);
	SET_VARSIZE(result, length + VARHDRSZ);
	at = reco_transfer_write_bytes(VARDATA(result), &header, sizeof(header));
	at = reco_transfer_write_keys(at, state->orders);
	at = reco_transfer_write_keys(at, state->customers);
	(void) reco_transfer_write_bytes(at, state->list, sizeof(Order) * (Size) header.n_orders);
	PG_RETURN_BYTEA_P(result);
}

static void
check_header(const RecoTransferReader *reader, const Header *header)
{
	if (header->magic != MAGIC)
		reco_transfer_complain(reader, "it does not begin like one");
	if (header->integer_orders > 1 || header->has_customers > 1 || header->integer_customers > 1 || header->n_orders < 0 ||
		header->n_customers < 0 || (!header->has_customers && (header->n_customers > 0 || header->integer_customers > 0)) ||
		!(header->winsorize_at >= 0 && header->winsorize_at <= 1) || !(header->returns.high >= 0) || isnan(header->returns.low))
		reco_transfer_complain(reader, "its header makes no sense");
}

static void
read_orders(RecoTransferReader *reader, AovState *state, const Header *header)
{
	const char *orders;
	int32		i;

	if ((Size) header->n_orders > reader->left / sizeof(Order))
		reco_transfer_complain(reader, "it is cut short");
	orders = reco_transfer_take(reader, (Size) header->n_orders * sizeof(Order));
	if (reader->left > 0)
		reco_transfer_complain(reader, "it is too long");
	reco_budget_free(state->budget, state->list);
	state->list = reco_budget_alloc(state->budget, header->n_orders, sizeof(Order), "orders");
	state->capacity = header->n_orders;
	reco_copy_bytes(state->list, orders, (Size) header->n_orders * sizeof(Order));
	for (i = 0; i < header->n_orders; i++)
	{
		const Order *order = &state->list[i];

		RECO_CHECK_INTERRUPTS(i);
		if (order->customer < -1 || order->customer >= header->n_customers || order->lines < 1 ||
			!(order->value.high > 0) || isnan(order->value.low))
			reco_transfer_complain(reader, "an order makes no sense");
	}
}

/*
 * Lives in the current memory context, which is the caller's for one row: combine copies it into its own state.
 */
Datum
reco_aov_deserialize(PG_FUNCTION_ARGS)
{
	RecoTransferReader reader = {.aggregate = work_name};
	bytea	   *bytes;
	Header		header;
	AovState   *state;

	(void) reco_sums_context(fcinfo);
	bytes = PG_GETARG_BYTEA_PP(0);
	reader.at = VARDATA_ANY(bytes);
	reader.left = VARSIZE_ANY_EXHDR(bytes);
	memcpy(&header, reco_transfer_take(&reader, sizeof(header)), sizeof(header));
	check_header(&reader, &header);
	state = create_state(CurrentMemoryContext, header.integer_orders, header.has_customers, header.integer_customers,
						 header.winsorize_at);
	state->returns = header.returns;
	reco_transfer_read_keys(&reader, state->orders, header.n_orders);
	if (state->customers != NULL)
		reco_transfer_read_keys(&reader, state->customers, header.n_customers);
	read_orders(&reader, state, &header);
	PG_RETURN_POINTER(state);
}

/* --- the result -------------------------------------------------------------------------------------------- */

/* The orders' values, and how many lines they have. */
static RecoOrderValue *
list_values(const AovState *state, RecoBudget *budget, int64 *lines)
{
	int32		n = reco_idmap_count(state->orders);
	RecoOrderValue *values = reco_budget_alloc(budget, n, sizeof(RecoOrderValue), "values of orders");
	int32		i;

	*lines = 0;
	for (i = 0; i < n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		values[i].value = reco_sums_result(reco_total_get(&state->list[i].value));
		values[i].customer = state->list[i].customer;
		*lines += state->list[i].lines;
	}
	return values;
}

static void
set_numbers(const AovState *state, const RecoAov *aov, int64 lines, double *numbers)
{
	double		returns = reco_total_get(&state->returns);
	double		orders = aov->orders > 0 ? (double) aov->orders : NAN;

	numbers[OUT_GROSS] = aov->gross;
	numbers[OUT_RETURNS] = returns;
	numbers[OUT_NET] = reco_sums_result(aov->gross) - reco_sums_result(returns);
	numbers[OUT_AOV_GROSS] = aov->mean;
	numbers[OUT_AOV_NET] = numbers[OUT_NET] / orders;
	numbers[OUT_LOW] = aov->low;
	numbers[OUT_HIGH] = aov->high;
	numbers[OUT_WINSORIZED] = aov->winsorized;
	numbers[OUT_LINES] = (double) lines / orders;
}

static Datum
result_row(FunctionCallInfo fcinfo, const AovState *state, const RecoAov *aov, int64 lines)
{
	TupleDesc	descriptor;
	double		numbers[COLUMNS] = {0};
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];
	int			c;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE || descriptor->natts != COLUMNS)
		elog(ERROR, "reco.aov has another result than its library expects");
	set_numbers(state, aov, lines, numbers);
	for (c = 0; c < COLUMNS; c++)
	{
		nulls[c] = isnan(numbers[c]);
		values[c] = Float8GetDatum(nulls[c] ? 0 : reco_sums_result(numbers[c]));
	}
	values[OUT_ORDERS] = Int64GetDatum(aov->orders);
	values[OUT_CUSTOMERS] = Int64GetDatum(aov->customers);
	nulls[OUT_CUSTOMERS] = state->customers == NULL;
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

Datum
reco_aov_final(PG_FUNCTION_ARGS)
{
	MemoryContext result_context = CurrentMemoryContext;
	RecoBudget *budget;
	AovState   *state;
	RecoAov		aov;
	int64		lines;

	(void) reco_sums_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (AovState *) PG_GETARG_POINTER(0);
	/* What the state has taken counts too. */
	budget = reco_budget_create(CurrentMemoryContext, work_name, state->budget->limit);
	reco_budget_count(budget, state->budget->taken);
	aov = reco_aov_compute(budget, list_values(state, budget, &lines), reco_idmap_count(state->orders), state->winsorize_at);
	MemoryContextSwitchTo(result_context);
	MemoryContextDelete(budget->context);
	PG_RETURN_DATUM(result_row(fcinfo, state, &aov, lines));
}
