/*
 * sql_metrics_lists.c: the aggregates over lists of recommended items.
 *
 * A row is a request: the list that was recommended and the items that were relevant.  All that look at both make the same
 * sums in one pass, so that they cost little more together than one of them.
 *
 * An item counts once.  One that is recommended again at a later rank is no hit there, yet takes the rank; one that is
 * relevant twice is relevant, and its values add up.  Items are the same by the default equality of their type.
 */
#include "postgres.h"

#include "itemset.h"
#include "sums.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "foldin.h"
#include "interrupts.h"
#include "metrics.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(reco_metrics_lists_step);
PG_FUNCTION_INFO_V1(reco_metrics_values_step);
PG_FUNCTION_INFO_V1(reco_metrics_margins_step);
PG_FUNCTION_INFO_V1(reco_metrics_exposure_step);
PG_FUNCTION_INFO_V1(reco_metrics_coverage);
PG_FUNCTION_INFO_V1(reco_metrics_gini_final);

#define MAX_K 1000000

/* A list of values of one type. */
typedef struct Items
{
	TypeCacheEntry *type;
	int			n;
	Datum	   *at;
} Items;

/* One request, in the memory context of the row. */
typedef struct Request
{
	int			k;
	int			n;				/* recommended, at most k */
	bool	   *hit;			/* [n] */
	uint32	   *number;			/* [n], of the relevant item, where it is a hit */
	Items		relevant;
	RecoItemSet *set;			/* of what is relevant */
} Request;

/* --- arguments --------------------------------------------------------------------------------------------- */

static int
k_argument(FunctionCallInfo fcinfo, int i)
{
	int			k;

	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"k\" must not be null"),
				 errhint("Give a number from 1 to %d.", MAX_K)));
	k = PG_GETARG_INT32(i);
	if (k < 1 || k > MAX_K)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"k\" must be from 1 to %d, not %d", MAX_K, k),
				 errhint("It is how many of the recommended items count, from the first on.")));
	return k;
}

static ArrayType *
list_argument(FunctionCallInfo fcinfo, int i, const char *name)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(i);

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("parameter \"%s\" must be a one-dimensional array, not one of %d dimensions", name, ARR_NDIM(array)),
				 errhint("Give a plain list; a row is one request.")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"%s\" must not contain nulls", name),
				 errhint("Remove them, for example with array_remove(%s, NULL).", name)));
	return array;
}

/* The type of an array's elements; looked up once as long as it stays the same. */
static TypeCacheEntry *
element_type(FunctionCallInfo fcinfo, const ArrayType *array)
{
	TypeCacheEntry *type = fcinfo->flinfo->fn_extra;

	if (type == NULL || type->type_id != ARR_ELEMTYPE(array))
		fcinfo->flinfo->fn_extra = type = reco_itemset_type(ARR_ELEMTYPE(array));
	return type;
}

static Items
items_argument(FunctionCallInfo fcinfo, int i, const char *name)
{
	ArrayType  *array = list_argument(fcinfo, i, name);
	Items		items = {.type = element_type(fcinfo, array)};

	deconstruct_array(array, items.type->type_id, items.type->typlen, items.type->typbyval, items.type->typalign,
					  &items.at, NULL, &items.n);
	return items;
}

/* Columns of pseudo-type anyarray, as of pg_stats, have lists of another type in each row. */
static void
check_same_type(Oid a, Oid b)
{
	if (a != b)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("items of type %s cannot be compared with items of type %s", format_type_be(a), format_type_be(b)),
				 errhint("Cast the lists to arrays of one type.")));
}

/* --- requests ---------------------------------------------------------------------------------------------- */

static void
mark_hits(Request *request, const Items *recommended)
{
	bool	   *found = palloc0(reco_itemset_count(request->set));
	int			i;

	request->n = Min(recommended->n, request->k);
	request->hit = palloc0(request->n);
	request->number = palloc(mul_size(request->n, sizeof(uint32)));
	for (i = 0; i < request->n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (reco_itemset_find(request->set, recommended->at[i], &request->number[i]) && !found[request->number[i]])
			found[request->number[i]] = request->hit[i] = true;
	}
}

/* (recommended, relevant) in arguments 1 and 2, k in argument k; false where the row does not count. */
static bool
read_request(FunctionCallInfo fcinfo, int k, Request *request)
{
	Items		recommended;
	int			i;

	request->k = k_argument(fcinfo, k);
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return false;
	recommended = items_argument(fcinfo, 1, "recommended");
	request->relevant = items_argument(fcinfo, 2, "relevant");
	check_same_type(recommended.type->type_id, request->relevant.type->type_id);
	if (request->relevant.n == 0)
		return false;
	request->set = reco_itemset_create(CurrentMemoryContext, request->relevant.type, PG_GET_COLLATION(),
									   request->relevant.n, false);
	for (i = 0; i < request->relevant.n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		(void) reco_itemset_add(request->set, request->relevant.at[i]);
	}
	mark_hits(request, &recommended);
	return true;
}

/* (recommended, relevant, k): rows, and each metric of one list. */
Datum
reco_metrics_lists_step(PG_FUNCTION_ARGS)
{
	Request		request;
	RecoSums	sums;
	int			relevant;

	(void) reco_sums_context(fcinfo);
	if (!read_request(fcinfo, 3, &request))
		return reco_sums_unchanged(fcinfo);
	relevant = (int) reco_itemset_count(request.set);
	sums = reco_sums_open(fcinfo, 7);
	reco_sums_add(&sums, 0, 1);
	reco_sums_add(&sums, 1, reco_metrics_precision(request.hit, request.n, request.k, relevant));
	reco_sums_add(&sums, 2, reco_metrics_recall(request.hit, request.n, request.k, relevant));
	reco_sums_add(&sums, 3, reco_metrics_hit_rate(request.hit, request.n, request.k, relevant));
	reco_sums_add(&sums, 4, reco_metrics_average_precision(request.hit, request.n, request.k, relevant));
	reco_sums_add(&sums, 5, reco_metrics_reciprocal_rank(request.hit, request.n, request.k, relevant));
	reco_sums_add(&sums, 6, reco_metrics_ndcg(request.hit, request.n, request.k, relevant));
	PG_RETURN_ARRAYTYPE_P(sums.state);
}

/* --- value ------------------------------------------------------------------------------------------------- */

static void
check_value(double value, const char *name, bool may_be_negative)
{
	if (!isfinite(value) || (value < 0 && !may_be_negative))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("parameter \"%s\" must be finite%s, not %s", name, may_be_negative ? "" : " and not negative",
						float8out_internal(value)),
				 errhint("Leave such rows out with FILTER (WHERE ...).")));
}

/* The values of the hits, from an array beside that of the relevant items. */
static double
value_of_hits(const Request *request, const Datum *values, bool may_be_negative)
{
	double	   *value_of = palloc_extended(mul_size(reco_itemset_count(request->set), sizeof(double)),
										   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	double		sum = 0;
	uint32		number = 0;
	int			i;

	for (i = 0; i < request->relevant.n; i++)
	{
		double		value = DatumGetFloat8(values[i]);

		RECO_CHECK_INTERRUPTS(i);
		check_value(value, may_be_negative ? "margins" : "values", may_be_negative);
		if (reco_itemset_find(request->set, request->relevant.at[i], &number))
			value_of[number] += value;
	}
	for (i = 0; i < request->n; i++)
		if (request->hit[i])
			sum += value_of[request->number[i]];
	return sum;
}

/* (recommended, relevant, values, visible_value, k): rows, value of the hits, visible value. */
static Datum
value_step(FunctionCallInfo fcinfo, bool may_be_negative)
{
	const char *name = may_be_negative ? "margins" : "values";
	Request		request;
	RecoSums	sums;
	Datum	   *values;
	int			n;

	(void) reco_sums_context(fcinfo);
	if (!read_request(fcinfo, 5, &request) || PG_ARGISNULL(3) || PG_ARGISNULL(4))
		return reco_sums_unchanged(fcinfo);
	deconstruct_array(list_argument(fcinfo, 3, name), FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &values, NULL, &n);
	if (n != request.relevant.n)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("parameter \"%s\" has %d elements, but \"relevant\" has %d", name, n, request.relevant.n),
				 errhint("Each relevant item has one, at the same place.")));
	check_value(PG_GETARG_FLOAT8(4), "visible_value", false);
	sums = reco_sums_open(fcinfo, 3);
	reco_sums_add(&sums, 0, 1);
	reco_sums_add(&sums, 1, value_of_hits(&request, values, may_be_negative));
	reco_sums_add(&sums, 2, PG_GETARG_FLOAT8(4));
	PG_RETURN_ARRAYTYPE_P(sums.state);
}

Datum
reco_metrics_values_step(PG_FUNCTION_ARGS)
{
	return value_step(fcinfo, false);
}

Datum
reco_metrics_margins_step(PG_FUNCTION_ARGS)
{
	return value_step(fcinfo, true);
}

/* --- exposure ---------------------------------------------------------------------------------------------- */

/* How often which item is shown; in the memory context of the aggregate. */
typedef struct Exposure
{
	RecoItemSet *set;
	int64		items;			/* of the catalogue */
	int64		lists;
	uint32		room;
	int64	   *shown;			/* [room], in how many lists an item was */
	int64	   *last;			/* [room], the last one of them */
} Exposure;

static int64
catalogue_argument(FunctionCallInfo fcinfo, int i, const Exposure *exposure)
{
	int64		items;

	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"items\" must not be null"),
				 errhint("Give the number of items that could have been recommended.")));
	items = PG_GETARG_INT64(i);
	if (items < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"items\" must be at least 1, not %lld", (long long) items),
				 errhint("Give the number of items that could have been recommended.")));
	if (exposure != NULL && exposure->items != items)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"items\" must be the same in all rows of a group, not %lld and %lld",
						(long long) exposure->items, (long long) items),
				 errhint("Give a constant, or group by what it depends on.")));
	return items;
}

static Exposure *
create_exposure(FunctionCallInfo fcinfo, MemoryContext context, TypeCacheEntry *type, int64 items)
{
	Exposure   *exposure = MemoryContextAllocZero(context, sizeof(Exposure));

	exposure->set = reco_itemset_create(context, type, PG_GET_COLLATION(), 0, true);
	exposure->items = items;
	exposure->room = 64;
	exposure->shown = MemoryContextAlloc(context, mul_size(exposure->room, sizeof(int64)));
	exposure->last = MemoryContextAlloc(context, mul_size(exposure->room, sizeof(int64)));
	return exposure;
}

static void
begin_item(Exposure *exposure, uint32 number)
{
	if (number >= exposure->items)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"items\" is %lld, but more different items are recommended", (long long) exposure->items),
				 errhint("Give the number of items that could have been recommended.")));
	if (number >= exposure->room)
	{
		exposure->room *= 2;
		exposure->shown = repalloc_huge(exposure->shown, mul_size(exposure->room, sizeof(int64)));
		exposure->last = repalloc_huge(exposure->last, mul_size(exposure->room, sizeof(int64)));
	}
	exposure->shown[number] = 0;
	exposure->last[number] = 0;
}

static void
expose(Exposure *exposure, Datum item)
{
	uint32		count = reco_itemset_count(exposure->set);
	uint32		number = reco_itemset_add(exposure->set, item);

	if (number == count)
		begin_item(exposure, number);
	exposure->shown[number] += exposure->last[number] != exposure->lists;
	exposure->last[number] = exposure->lists;
}

/* (recommended, k, items) */
Datum
reco_metrics_exposure_step(PG_FUNCTION_ARGS)
{
	MemoryContext context = reco_sums_context(fcinfo);
	Exposure   *exposure = PG_ARGISNULL(0) ? NULL : (Exposure *) PG_GETARG_POINTER(0);
	int			k = k_argument(fcinfo, 2);
	int64		catalogue = catalogue_argument(fcinfo, 3, exposure);
	Items		recommended;
	int			i;

	if (PG_ARGISNULL(1))
		return reco_sums_unchanged(fcinfo);
	recommended = items_argument(fcinfo, 1, "recommended");
	if (exposure == NULL)
		exposure = create_exposure(fcinfo, context, recommended.type, catalogue);
	check_same_type(reco_itemset_type_of(exposure->set), recommended.type->type_id);
	exposure->lists++;
	for (i = 0; i < Min(recommended.n, k); i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		expose(exposure, recommended.at[i]);
	}
	PG_RETURN_POINTER(exposure);
}

Datum
reco_metrics_coverage(PG_FUNCTION_ARGS)
{
	const Exposure *exposure;

	(void) reco_sums_context(fcinfo);
	exposure = PG_ARGISNULL(0) ? NULL : (const Exposure *) PG_GETARG_POINTER(0);
	if (exposure == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) reco_itemset_count(exposure->set) / (double) exposure->items);
}

Datum
reco_metrics_gini_final(PG_FUNCTION_ARGS)
{
	const RecoRun run = reco_foldin_run(NULL);
	const Exposure *exposure;
	uint32		n;
	uint32		i;
	double	   *shown;
	double		gini;
	RecoStatus	status;

	(void) reco_sums_context(fcinfo);
	exposure = PG_ARGISNULL(0) ? NULL : (const Exposure *) PG_GETARG_POINTER(0);
	if (exposure == NULL)
		PG_RETURN_NULL();
	n = reco_itemset_count(exposure->set);
	shown = palloc_extended(mul_size(Max(n, 1), 2 * sizeof(double)), MCXT_ALLOC_HUGE);
	for (i = 0; i < n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		shown[i] = (double) exposure->shown[i];
	}
	status = reco_metrics_gini(&run, shown, n, (double) exposure->items, shown + n, &gini);
	pfree(shown);
	if (status != RECO_OK)
		elog(ERROR, "Gini failed with status %d", (int) status);
	PG_RETURN_FLOAT8(gini);
}
