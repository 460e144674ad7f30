/*
 * sql_impressions.c: the SQL functions that keep what was shown, and remove it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "impressions.h"
#include "miscadmin.h"
#include "section.h"
#include "surface.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(reco_keep_impressions);
PG_FUNCTION_INFO_V1(reco_log_impressions_integer);
PG_FUNCTION_INFO_V1(reco_log_impressions_text);
PG_FUNCTION_INFO_V1(reco_prune_impressions);
PG_FUNCTION_INFO_V1(reco_forget_user_integer);
PG_FUNCTION_INFO_V1(reco_forget_user_text);

#define MAX_CONTEXT 8192		/* bytes */

/* The arguments of log_impressions and log_impressions_text, in order. */
enum
{
	ARG_MODEL, ARG_USER, ARG_ITEMS, ARG_ID, ARG_AT, ARG_CONTEXT
};

/* --- switching it on --------------------------------------------------------------------------------------- */

/* The whole days of a retention; 0 for NULL. */
static int
read_days(FunctionCallInfo fcinfo, int i)
{
	const Interval *retention;

	if (PG_ARGISNULL(i))
		return 0;
	retention = PG_GETARG_INTERVAL_P(i);
	if (retention->month != 0 || retention->time % USECS_PER_DAY != 0 || retention->time < 0 || retention->day < 0 ||
		retention->time / USECS_PER_DAY + retention->day < 1 ||
		retention->time / USECS_PER_DAY + retention->day > RECO_MAX_IMPRESSION_DAYS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"retention\" must be from 1 to %d whole days, not %s", RECO_MAX_IMPRESSION_DAYS,
						DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(i)))),
				 errhint("Give an interval of days, such as '90 days'; NULL keeps no more impressions.")));
	return (int) (retention->time / USECS_PER_DAY) + retention->day;
}

Datum
reco_keep_impressions(PG_FUNCTION_ARGS)
{
	RecoModelRow *model = reco_surface_own_model(fcinfo);
	int			days = read_days(fcinfo, 1);
	char	   *changes = days > 0 ? psprintf("{\"impression_days\": %d}", days) : pstrdup("{\"impression_days\": null}");
	Jsonb	   *options = reco_options_merge(model->options,
											 DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(changes))));

	reco_catalog_update_model(model, InvalidOid, model->timezone, options);
	if (days > 0)
		reco_impressions_prepare(GetCurrentTimestamp());
	return reco_surface_model_row(fcinfo, model->name);
}

/* --- logging ----------------------------------------------------------------------------------------------- */

static const char *
user_argument(FunctionCallInfo fcinfo, int i, bool integer_keys)
{
	if (PG_ARGISNULL(i))
		return NULL;
	return integer_keys ? psprintf(INT64_FORMAT, PG_GETARG_INT64(i)) : text_to_cstring(PG_GETARG_TEXT_PP(i));
}

static ArrayType *
items_argument(FunctionCallInfo fcinfo)
{
	ArrayType  *array;

	if (PG_ARGISNULL(ARG_ITEMS))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"item_ids\" must not be null"),
				 errhint("Give the items that were shown.")));
	array = PG_GETARG_ARRAYTYPE_P(ARG_ITEMS);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("parameter \"%s\" must be a one-dimensional array, not one of %d dimensions", "item_ids", ARR_NDIM(array)),
				 errhint("Give a plain list of item ids.")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"%s\" must not contain nulls", "item_ids"),
				 errhint("Remove them, for example with array_remove(%s, NULL).", "item_ids")));
	return array;
}

static void
read_items(FunctionCallInfo fcinfo, bool integer_keys, RecoImpression *impression)
{
	ArrayType  *array = items_argument(fcinfo);
	const char **items;
	Datum	   *elements;
	int			i;

	if (integer_keys)
		deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, NULL, &impression->n);
	else
		deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &impression->n);
	items = palloc(mul_size(Max(impression->n, 1), sizeof(char *)));
	for (i = 0; i < impression->n; i++)
		items[i] = integer_keys ? psprintf(INT64_FORMAT, DatumGetInt64(elements[i])) : TextDatumGetCString(elements[i]);
	impression->items = items;
}

static void
read_context(FunctionCallInfo fcinfo, RecoImpression *impression)
{
	Jsonb	   *context;

	if (PG_ARGISNULL(ARG_CONTEXT))
		return;
	context = PG_GETARG_JSONB_P(ARG_CONTEXT);
	if (VARSIZE(context) > MAX_CONTEXT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("parameter \"context\" has %zu bytes, more than %d", (Size) VARSIZE(context), MAX_CONTEXT),
				 errhint("Give what tells the place and the occasion, such as {\"page\": \"cart\"}.")));
	impression->context = JsonbPGetDatum(context);
	impression->has_context = true;
}

static void
read_occasion(FunctionCallInfo fcinfo, RecoImpression *impression)
{
	if (PG_ARGISNULL(ARG_ID) || PG_ARGISNULL(ARG_AT))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"%s\" must not be null", PG_ARGISNULL(ARG_ID) ? "recommendation_id" : "at"),
				 errhint("Leave it out for the default.")));
	impression->id = *PG_GETARG_UUID_P(ARG_ID);
	impression->at = PG_GETARG_TIMESTAMPTZ(ARG_AT);
	read_context(fcinfo, impression);
}

/* Whether it was kept. */
static bool
keep(const char *name, RecoImpression *impression)
{
	RecoModelRow *model = reco_catalog_find_model(name, RECO_READ_CALLER, false);
	RecoOptions options;

	reco_catalog_require(model, RECO_ACCESS_RECOMMEND);
	options = reco_catalog_options(model);
	if (options.impression_days == 0)
		return false;
	if (impression->user != NULL && reco_impressions_may_ask(model->name) &&
		!reco_impressions_may_name(model, &options, reco_catalog_sources(model->name, RECO_READ_CALLER), impression->user))
	{
		impression->user = NULL;
		impression->has_context = false;
	}
	reco_impressions_log(model, &options, impression);
	return true;
}

/* Settings are pinned once around all of it: each statement on the catalog then finds them as it needs them. */
static Datum
log_impression(FunctionCallInfo fcinfo, bool integer_keys)
{
	char	   *name = reco_surface_text(fcinfo, ARG_MODEL, "model");
	RecoImpression impression = {.user = user_argument(fcinfo, ARG_USER, integer_keys)};
	RecoSection section;
	bool		kept;

	reco_surface_prevent_read_only(fcinfo);
	read_items(fcinfo, integer_keys, &impression);
	read_occasion(fcinfo, &impression);
	section = reco_section_begin(GetUserId(), NULL);
	kept = keep(name, &impression);
	reco_section_end(&section);
	if (!kept)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(PG_GETARG_DATUM(ARG_ID));
}

Datum
reco_log_impressions_integer(PG_FUNCTION_ARGS)
{
	return log_impression(fcinfo, true);
}

Datum
reco_log_impressions_text(PG_FUNCTION_ARGS)
{
	return log_impression(fcinfo, false);
}

/* --- removing ---------------------------------------------------------------------------------------------- */

Datum
reco_prune_impressions(PG_FUNCTION_ARGS)
{
	RecoModelRow *model = reco_surface_own_model(fcinfo);
	RecoPruned	pruned = reco_impressions_prune(model->name, reco_catalog_options(model).impression_days, GetCurrentTimestamp());
	TupleDesc	descriptor;
	Datum		values[2] = {Int64GetDatum(pruned.rows), Int32GetDatum(pruned.partitions)};
	bool		nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}

static Datum
forget(FunctionCallInfo fcinfo, bool integer_keys)
{
	RecoModelRow *model = reco_surface_own_model(fcinfo);
	const char *user = user_argument(fcinfo, 1, integer_keys);

	if (user == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"user_id\" must not be null"),
				 errhint("What was shown to nobody known cannot be told apart.")));
	PG_RETURN_INT64(reco_impressions_forget(model->name, user));
}

Datum
reco_forget_user_integer(PG_FUNCTION_ARGS)
{
	return forget(fcinfo, true);
}

Datum
reco_forget_user_text(PG_FUNCTION_ARGS)
{
	return forget(fcinfo, false);
}
