/*
 * sql_bundles.c: the SQL functions that report what is bought together.
 */
#include "postgres.h"

#include <math.h>

#include "bundles.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "surface.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(reco_bundles_integer);
PG_FUNCTION_INFO_V1(reco_bundles_text);

#define MAX_K 1000000
#define MAX_ITEMS 100000		/* of an order */
#define MAX_LIFT 1e9
#define LEAST_RATE 1e-9

/* The arguments of bundles and bundles_text, in order. */
enum
{
	ARG_MODEL, ARG_K, ARG_MIN_SUPPORT, ARG_MIN_SIZE, ARG_MAX_SIZE, ARG_MIN_LIFT, ARG_SINCE, ARG_UNTIL, ARG_MAX_ITEMS,
	ARG_RATE, ARG_ONLY_AVAILABLE, ARGUMENTS
};

/* The columns of their rows. */
enum
{
	OUT_RANK, OUT_ITEMS, OUT_SIZE, OUT_ORDERS, OUT_CUSTOMERS, OUT_EXPECTED, OUT_EXPLAINED, OUT_LIFT, OUT_LIFT_LOW,
	OUT_PLAIN_LIFT, OUT_P, OUT_Q, OUT_EXAMINED, OUT_PRICE, OUT_MARGIN, OUT_TOGETHER, OUT_BESIDE, OUT_APART, COLUMNS
};

static double
read_number(FunctionCallInfo fcinfo, int i, const char *name, double minimum, double maximum)
{
	double		value;

	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"%s\" must not be null", name),
				 errhint("Give a number from %g to %g, or leave it out.", minimum, maximum)));
	value = PG_GETARG_FLOAT8(i);
	if (!(value >= minimum && value <= maximum))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" must be from %g to %g, not %g", name, minimum, maximum, value),
				 errhint("Give a number in that range, or leave it out.")));
	return value;
}

static TimestampTz
read_time(FunctionCallInfo fcinfo, int i, TimestampTz otherwise)
{
	return PG_ARGISNULL(i) ? otherwise : PG_GETARG_TIMESTAMPTZ(i);
}

static RecoBundlesRequest
read_request(FunctionCallInfo fcinfo, bool integer_keys)
{
	RecoBundlesRequest request = {.integer_keys = integer_keys};

	request.model = reco_surface_text(fcinfo, ARG_MODEL, "model");
	request.k = reco_surface_integer(fcinfo, ARG_K, "k", 1, MAX_K);
	if (!PG_ARGISNULL(ARG_MIN_SUPPORT))
		request.options.min_support = reco_surface_integer(fcinfo, ARG_MIN_SUPPORT, "min_support", 2, PG_INT32_MAX);
	request.options.max_size = reco_surface_integer(fcinfo, ARG_MAX_SIZE, "max_size", 2, RECO_MAX_BUNDLE);
	request.min_size = reco_surface_integer(fcinfo, ARG_MIN_SIZE, "min_size", 2, request.options.max_size);
	request.min_lift = read_number(fcinfo, ARG_MIN_LIFT, "min_lift", 0, MAX_LIFT);
	request.options.rate = read_number(fcinfo, ARG_RATE, "false_discovery_rate", LEAST_RATE, 1);
	request.only_available = !PG_ARGISNULL(ARG_ONLY_AVAILABLE) && PG_GETARG_BOOL(ARG_ONLY_AVAILABLE);
	request.rules.since = read_time(fcinfo, ARG_SINCE, DT_NOBEGIN);
	request.rules.until = read_time(fcinfo, ARG_UNTIL, DT_NOEND);
	request.rules.max_items = reco_surface_integer(fcinfo, ARG_MAX_ITEMS, "max_items", 2, MAX_ITEMS);
	request.memory_limit = (Size) maintenance_work_mem * 1024;
	return request;
}

static Datum
items_datum(const RecoBundles *bundles, const RecoBundle *bundle, bool integer_keys)
{
	Datum		elements[RECO_MAX_BUNDLE];
	int			i;

	for (i = 0; i < bundle->size; i++)
	{
		RecoValue	key = reco_idmap_key(bundles->items, bundle->item[i]);

		elements[i] = integer_keys ? Int64GetDatum(key.integer)
			: PointerGetDatum(cstring_to_text_with_len(key.bytes, key.length));
	}
	return PointerGetDatum(integer_keys ? construct_array(elements, bundle->size, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)
						   : construct_array(elements, bundle->size, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
put_bundle(RecoAnswerSet *set, const RecoBundles *bundles, int i, bool integer_keys)
{
	const RecoBundle *row = &bundles->rows[i];
	const double numbers[COLUMNS] = {
		[OUT_EXPECTED] = row->expected,[OUT_EXPLAINED] = row->explained,[OUT_LIFT] = row->lift,[OUT_LIFT_LOW] = row->lift_low,
		[OUT_PLAIN_LIFT] = row->plain_lift,[OUT_P] = row->p,[OUT_Q] = row->q,[OUT_PRICE] = row->price,[OUT_MARGIN] = row->margin,
		[OUT_TOGETHER] = row->value_together,[OUT_BESIDE] = row->value_beside,[OUT_APART] = row->value_apart
	};
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];
	int			c;

	for (c = 0; c < COLUMNS; c++)
	{
		values[c] = Float8GetDatum(numbers[c]);
		nulls[c] = isnan(numbers[c]);
	}
	values[OUT_RANK] = Int32GetDatum(i + 1);
	values[OUT_ITEMS] = items_datum(bundles, row, integer_keys);
	values[OUT_SIZE] = Int32GetDatum(row->size);
	values[OUT_ORDERS] = Int64GetDatum(row->orders);
	values[OUT_CUSTOMERS] = Int64GetDatum(row->customers);
	values[OUT_EXAMINED] = Int64GetDatum(bundles->examined);
	reco_surface_put_row(set, values, nulls);
}

static Datum
answer(FunctionCallInfo fcinfo, bool integer_keys)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, ARGUMENTS);
	RecoBundlesRequest request = read_request(fcinfo, integer_keys);
	RecoProgress progress;
	RecoBundles *bundles;
	int			i;

	request.progress = &progress;
	reco_progress_begin(&progress, RECO_COMMAND_BUNDLES, request.model);
	bundles = reco_bundles(&request);
	for (i = 0; i < bundles->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_bundle(&set, bundles, i, integer_keys);
	}
	reco_progress_end(&progress);
	return reco_surface_end_set(&set);
}

Datum
reco_bundles_integer(PG_FUNCTION_ARGS)
{
	return answer(fcinfo, true);
}

Datum
reco_bundles_text(PG_FUNCTION_ARGS)
{
	return answer(fcinfo, false);
}
