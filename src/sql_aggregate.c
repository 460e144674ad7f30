/*
 * sql_aggregate.c: reco.factorize, the aggregate from rows to a model.
 *
 * Its state is the lines as reco.train gathers them (interactions.c), so that the same rows give the same bytes: in any
 * order, from any number of workers, through combine, serialize and deserialize.  Rows are dictionary-encoded as they
 * arrive, 24 bytes each; all arithmetic is in C, from the columns as they are stored.
 *
 * The final function trains on a copy of the state, which it therefore leaves as it is: as a window function it may be
 * called again and again.  It reads no table, writes nothing and starts no process, so that it may run inside a parallel
 * worker, where partition-wise plans put it.
 *
 * There are two forms of rows: (user, item, weight) with one bag a customer, and (user, item, quantity, order, at) with
 * the bags of reco.train.  Both may have options behind them, which must be the same in all rows.
 */
#include "postgres.h"

#include "budget.h"
#include "compat.h"
#include "fmgr.h"
#include "interactions.h"
#include "interrupts.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "options.h"
#include "publish.h"
#include "sql_keys.h"
#include "train.h"
#include "transfer.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "values.h"

PG_FUNCTION_INFO_V1(reco_factorize_step);
PG_FUNCTION_INFO_V1(reco_factorize_combine);
PG_FUNCTION_INFO_V1(reco_factorize_serialize);
PG_FUNCTION_INFO_V1(reco_factorize_deserialize);
PG_FUNCTION_INFO_V1(reco_factorize_final);

/* The arguments of the step function, in order; the long form has all of them. */
enum
{
	ARG_STATE, ARG_USER, ARG_ITEM, ARG_QUANTITY, ARG_ORDER, ARG_AT, LONG_ARGUMENTS
};

#define SHORT_ARGUMENTS (ARG_QUANTITY + 1)

static const char work_name[] = "reco.factorize";

typedef struct FactorizeState
{
	RecoInteractions *interactions;
	RecoOptions options;
	char	   *options_text;	/* as jsonb writes them */
	char	   *raw_options;	/* the bytes of the jsonb last seen; NULL: none were */
	Size		raw_length;
} FactorizeState;

/* What the types of the arguments mean; made once for each call site. */
typedef struct StepForm
{
	bool		is_long;
	int			options;		/* number of the argument, -1: none */
	bool		integer_keys;
	RecoKeyForm	user;
	RecoKeyForm	item;
	RecoKeyForm	order;
	Oid			quantity;
	TimestampTz now;			/* one moment for all groups of a statement */
} StepForm;

/* --- arguments --------------------------------------------------------------------------------------------- */

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a support function of reco.factorize was called outside of an aggregate"),
				 errhint("Call reco.factorize itself.")));
	return context;
}

static StepForm *
step_form(FunctionCallInfo fcinfo)
{
	StepForm   *form = fcinfo->flinfo->fn_extra;

	if (form != NULL)
		return form;
	form = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(StepForm));
	form->is_long = PG_NARGS() >= LONG_ARGUMENTS;
	form->options = -1;
	if (PG_NARGS() > (form->is_long ? LONG_ARGUMENTS : SHORT_ARGUMENTS))
		form->options = PG_NARGS() - 1;
	reco_sql_keys_set_form(fcinfo, ARG_USER, work_name, "user_id", &form->user);
	reco_sql_keys_set_form(fcinfo, ARG_ITEM, work_name, "item_id", &form->item);
	if (form->is_long)
		reco_sql_keys_set_form(fcinfo, ARG_ORDER, work_name, "order_id", &form->order);
	form->quantity = reco_sql_keys_number_type(fcinfo, ARG_QUANTITY, work_name, form->is_long ? "quantity" : "weight");
	form->now = GetCurrentTimestamp();
	form->integer_keys = form->user.is_integer && form->item.is_integer;
	fcinfo->flinfo->fn_extra = form;
	return form;
}

/* --- options ----------------------------------------------------------------------------------------------- */

static void
complain_of_options(const char *a, const char *b)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the options of reco.factorize differ from row to row: %s and %s", a, b),
			 errhint("Give a constant, or group by what they depend on.")));
}

/* The options as a text that is the same for the same options. */
static char *
options_text(const Jsonb *options)
{
	Jsonb	   *merged = reco_options_merge(options, options);

	return JsonbToCString(NULL, &merged->root, VARSIZE(merged));
}

static void
set_options(FactorizeState *state, const char *text, MemoryContext context)
{
	Jsonb	   *options = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));

	state->options = reco_options_read(options);
	state->options_text = MemoryContextStrdup(context, text);
}

/* The options of this row, which must be those of the rows before; NULL is none. */
static void
check_options(FunctionCallInfo fcinfo, int i, FactorizeState *state, MemoryContext context)
{
	struct varlena *raw = PG_ARGISNULL(i) ? NULL : PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(i));
	Size		length = raw != NULL ? VARSIZE_ANY_EXHDR(raw) : 0;
	char	   *text;

	if (state->options_text != NULL && state->raw_length == length &&
		(length == 0 || memcmp(state->raw_options, VARDATA_ANY(raw), length) == 0))
		return;
	text = raw != NULL ? options_text(PG_GETARG_JSONB_P(i)) : pstrdup("{}");
	if (state->options_text == NULL)
		set_options(state, text, context);
	else if (strcmp(state->options_text, text) != 0)
		complain_of_options(state->options_text, text);
	if (state->raw_options != NULL)
		pfree(state->raw_options);
	state->raw_options = MemoryContextAlloc(context, Max(length, 1));
	state->raw_length = length;
	if (length > 0)
		memcpy(state->raw_options, VARDATA_ANY(raw), length);
}

/* --- the state --------------------------------------------------------------------------------------------- */

static Size
memory_limit(void)
{
	return (Size) maintenance_work_mem * 1024;
}

static RecoBudget *
make_budget(MemoryContext context)
{
	return reco_budget_share(context, work_name, memory_limit());
}

static FactorizeState *
create_state(FunctionCallInfo fcinfo, const StepForm *form, MemoryContext context)
{
	FactorizeState *state = MemoryContextAllocZero(context, sizeof(FactorizeState));
	RecoLineForm lines = {.has_quantity = true,.before = DT_NOEND};

	if (form->options >= 0)
		check_options(fcinfo, form->options, state, context);
	else
		set_options(state, "{}", context);
	lines.has_order = form->is_long;
	lines.integer_orders = form->order.is_integer;
	lines.weighted = !form->is_long;
	if (form->is_long)
		lines.before = reco_train_before(&state->options, form->now);
	state->interactions = reco_interactions_create(make_budget(context), form->integer_keys);
	reco_interactions_begin_orders(state->interactions, &lines);
	return state;
}

/* An empty state like another one. */
static FactorizeState *
clone_state(const FactorizeState *state, MemoryContext context)
{
	FactorizeState *clone = MemoryContextAllocZero(context, sizeof(FactorizeState));

	clone->options = state->options;
	clone->options_text = MemoryContextStrdup(context, state->options_text);
	clone->interactions = reco_interactions_create(make_budget(context), reco_idmap_is_integer(state->interactions->items));
	reco_interactions_begin_orders(clone->interactions, &state->interactions->form);
	return clone;
}

Datum
reco_factorize_step(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	StepForm   *form = step_form(fcinfo);
	FactorizeState *state = PG_ARGISNULL(ARG_STATE) ? NULL : (FactorizeState *) PG_GETARG_POINTER(ARG_STATE);
	RecoValue	values[RECO_LINE_COLUMNS];

	if (state == NULL)
		state = create_state(fcinfo, form, context);
	else if (form->options >= 0)
		check_options(fcinfo, form->options, state, context);

	values[RECO_LINE_USER] = reco_sql_keys_value(fcinfo, ARG_USER, &form->user, form->integer_keys);
	values[RECO_LINE_ITEM] = reco_sql_keys_value(fcinfo, ARG_ITEM, &form->item, form->integer_keys);
	values[RECO_LINE_UNIT_PRICE].is_null = values[RECO_LINE_AMOUNT].is_null = true;
	values[RECO_LINE_QUANTITY].is_null = PG_ARGISNULL(ARG_QUANTITY);
	if (!PG_ARGISNULL(ARG_QUANTITY))
		values[RECO_LINE_QUANTITY].number = reco_values_number(PG_GETARG_DATUM(ARG_QUANTITY), form->quantity);
	values[RECO_LINE_ORDER].is_null = values[RECO_LINE_AT].is_null = true;
	if (form->is_long)
	{
		values[RECO_LINE_ORDER] = reco_sql_keys_value(fcinfo, ARG_ORDER, &form->order, form->order.is_integer);
		values[RECO_LINE_AT].is_null = PG_ARGISNULL(ARG_AT);
		if (!PG_ARGISNULL(ARG_AT))
			values[RECO_LINE_AT].integer = PG_GETARG_TIMESTAMPTZ(ARG_AT);
	}
	reco_interactions_add_line(state->interactions, values);
	PG_RETURN_POINTER(state);
}

Datum
reco_factorize_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	FactorizeState *state = PG_ARGISNULL(0) ? NULL : (FactorizeState *) PG_GETARG_POINTER(0);
	FactorizeState *other = PG_ARGISNULL(1) ? NULL : (FactorizeState *) PG_GETARG_POINTER(1);

	if (other == NULL)
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = clone_state(other, context);
	if (strcmp(state->options_text, other->options_text) != 0)
		complain_of_options(state->options_text, other->options_text);
	if (!reco_interactions_fit(state->interactions, other->interactions))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("two states of reco.factorize are of different forms"),
				 errhint("Such states come from reco.factorize alone, of the same version on every node.")));
	reco_interactions_merge(state->interactions, other->interactions);
	PG_RETURN_POINTER(state);
}

/* Bytes of a state: the length of the options, the options as text, the lines. */
Datum
reco_factorize_serialize(PG_FUNCTION_ARGS)
{
	const FactorizeState *state;
	int32		options_length;
	Size		length;
	bytea	   *result;
	char	   *at;

	(void) aggregate_context(fcinfo);
	state = (const FactorizeState *) PG_GETARG_POINTER(0);
	options_length = (int32) strlen(state->options_text);
	length = add_size(reco_transfer_size(state->interactions), sizeof(int32) + options_length);
	if (length > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a parallel worker's share of the rows of reco.factorize takes %zu MB, more than the %zu MB that can be passed on",
						length >> 20, (Size) MaxAllocSize >> 20),
				 errhint("SET max_parallel_workers_per_gather = 0, or call reco.train, which has no such limit.")));
	result = palloc(length + VARHDRSZ);
	SET_VARSIZE(result, length + VARHDRSZ);
	at = VARDATA(result);
	memcpy(at, &options_length, sizeof(int32));
	memcpy(at + sizeof(int32), state->options_text, options_length);
	reco_transfer_write(state->interactions, at + sizeof(int32) + options_length);
	PG_RETURN_BYTEA_P(result);
}

static char *
read_options_text(const char *bytes, Size length)
{
	int32		options_length = -1;

	if (length >= sizeof(int32))
		memcpy(&options_length, bytes, sizeof(int32));
	if (options_length < 0 || (Size) options_length > length - sizeof(int32) ||
		!pg_verify_mbstr(GetDatabaseEncoding(), bytes + sizeof(int32), options_length, true))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the state of an aggregate is damaged: it has no options"),
				 errhint("Such states come from reco.factorize alone, of the same version on every node.")));
	return pnstrdup(bytes + sizeof(int32), options_length);
}

/*
 * Lives in the current memory context, which is the caller's for one row: combine copies it into its own state.
 */
Datum
reco_factorize_deserialize(PG_FUNCTION_ARGS)
{
	FactorizeState *state;
	bytea	   *bytes;
	const char *at;
	Size		length;
	char	   *text;
	Size		options_size;

	(void) aggregate_context(fcinfo);
	bytes = PG_GETARG_BYTEA_PP(0);
	at = VARDATA_ANY(bytes);
	length = VARSIZE_ANY_EXHDR(bytes);
	text = read_options_text(at, length);
	options_size = sizeof(int32) + strlen(text);
	state = palloc0(sizeof(FactorizeState));
	set_options(state, text, CurrentMemoryContext);
	state->interactions = reco_transfer_read(make_budget(CurrentMemoryContext), at + options_size, length - options_size);
	PG_RETURN_POINTER(state);
}

/* --- the model --------------------------------------------------------------------------------------------- */

/* Asked before the work about what is known then, and afterwards with the complements. */
static void
check_size(const RecoIdMap *items, const RecoOptions *options, Size length)
{
	if (length > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the model of %d items with %d factors takes %zu MB, more than the %zu MB of a bytea",
						reco_idmap_count(items), options->factors, length >> 20, (Size) MaxAllocSize >> 20),
				 errhint("Use fewer factors or shorter keys, or call reco.train, which has no such limit.")));
}

/* An aggregate has no time zone of its own: hours and days are those of UTC. */
static const RecoReader universal = {.timezone = "UTC"};

static bytea *
factorize(const FactorizeState *state, MemoryContext result_context)
{
	RecoBudget *budget = reco_budget_create(CurrentMemoryContext, work_name, memory_limit());
	RecoInteractions *interactions = reco_interactions_copy(budget, state->interactions);
	const RecoGathered gathered = {.interactions = interactions,.reader = &universal};
	RecoTrained *trained;
	RecoModel	model;
	Size		length;
	char	   *blob;
	bytea	   *result;

	reco_interactions_end_orders(interactions);
	check_size(interactions->items, &state->options, reco_publish_blob_size(interactions->items, state->options.factors));
	trained = reco_train_gathered(&gathered, &state->options, NULL);
	model = reco_publish_model(trained);
	check_size(trained->items, &state->options, reco_model_size(&model));
	blob = reco_publish_blob(trained->budget, &model, &length);
	result = MemoryContextAlloc(result_context, length + VARHDRSZ);
	SET_VARSIZE(result, length + VARHDRSZ);
	reco_copy_bytes(VARDATA(result), blob, length);
	return result;
}

Datum
reco_factorize_final(PG_FUNCTION_ARGS)
{
	const FactorizeState *state;
	MemoryContext result_context = CurrentMemoryContext;
	MemoryContext work_context;
	bytea	   *result;

	(void) aggregate_context(fcinfo);
	state = PG_ARGISNULL(0) ? NULL : (const FactorizeState *) PG_GETARG_POINTER(0);
	if (state == NULL || state->interactions->n_lines == 0)
		PG_RETURN_NULL();
	work_context = AllocSetContextCreate(CurrentMemoryContext, "reco factorize", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(work_context);
	result = factorize(state, result_context);
	MemoryContextSwitchTo(result_context);
	MemoryContextDelete(work_context);
	PG_RETURN_BYTEA_P(result);
}
