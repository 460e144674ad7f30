/*
 * sums.c: the state of aggregates that add up a few numbers: float8[], by convention with the count of rows first.
 *
 * To each sum belongs a second number with what rounding took from it (Neumaier 1974, "Rundungsfehleranalyse einiger
 * Verfahren zur Summation endlicher Summen"), so that neither the number of rows nor their order shows in a mean.
 *
 * An array needs neither a function to serialize it nor one to combine states of each kind, and all aggregates that make
 * the same sums share one state where they stand in one query.  Support functions change it in place, as those of
 * PostgreSQL do, which is why they may only be called within an aggregate.  Whoever makes an aggregate of these functions
 * can put any array there, so each looks at what it gets.
 */
#include "postgres.h"

#include "sums.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "metrics.h"

/* The memory context of the aggregate; an error where there is none. */
MemoryContext
reco_sums_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a support function of a metric of reco was called outside of an aggregate"),
				 errhint("Call the metric itself, such as reco.ndcg_at_k.")));
	return context;
}

/* What the step function returns after a row that does not count. */
Datum
reco_sums_unchanged(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return PG_GETARG_DATUM(0);
}

/* Of an array of one dimension without a bitmap of nulls. */
static RecoSums
sums_of(ArrayType *state)
{
	RecoSums	sums = {.state = state};

	sums.n = ARR_DIMS(state)[0] / 2;
	sums.high = (double *) ((char *) state + ARR_OVERHEAD_NONULLS(1));
	sums.low = sums.high + sums.n;
	return sums;
}

/* The state that is argument i, of any length. */
RecoSums
reco_sums_read(FunctionCallInfo fcinfo, int i)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(i);

	if (ARR_NDIM(state) != 1 || ARR_HASNULL(state) || ARR_ELEMTYPE(state) != FLOAT8OID || ARR_DIMS(state)[0] % 2 != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the state of a metric is no list of sums"),
				 errhint("Such states come from the metrics of reco alone.")));
	return sums_of(state);
}

static ArrayType *
make_zeros(int n)
{
	Size		size = ARR_OVERHEAD_NONULLS(1) + 2 * n * sizeof(double);
	ArrayType  *zeros = palloc0(size);

	SET_VARSIZE(zeros, size);
	zeros->ndim = 1;
	zeros->elemtype = FLOAT8OID;
	ARR_DIMS(zeros)[0] = 2 * n;
	ARR_LBOUND(zeros)[0] = 1;
	return zeros;
}

/* The state that is argument 0, with n sums: a new one, in the current memory context, where there is none yet. */
RecoSums
reco_sums_open(FunctionCallInfo fcinfo, int n)
{
	RecoSums	sums;

	if (PG_ARGISNULL(0))
		return sums_of(make_zeros(n));
	sums = reco_sums_read(fcinfo, 0);
	if (sums.n != n)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the state of a metric has %d sums, not %d", sums.n, n),
				 errhint("Such states come from the metrics of reco alone.")));
	return sums;
}

/* A sum or what is made of sums; an error where that is infinite or, of forged sums, no number. */
double
reco_sums_result(double value)
{
	if (!isfinite(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a metric is out of the range of double precision"),
				 errhint("Leave out or scale down extreme numbers.")));
	return value;
}

void
reco_sums_add(RecoSums *sums, int i, double value)
{
	double		before = sums->high[i];
	double		after = reco_sums_result(before + value);
	double		added = after - before;

	sums->high[i] = after;
	sums->low[i] += (before - (after - added)) + (value - added);
}

double
reco_sums_get(const RecoSums *sums, int i)
{
	return sums->high[i] + sums->low[i];
}
