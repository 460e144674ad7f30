/*
 * sql_metrics.c: the aggregates over numbers: errors of predictions, quality of probabilities, AUC, novelty, diversity;
 * and what all metrics share, the end of sums.
 *
 * What a row adds is metrics.c's to say.  A row with a NULL does not count, an aggregate without rows that count is NULL,
 * and none is ever NaN: what is no number or out of its range is an error.
 */
#include "postgres.h"

#include "sums.h"

#include <math.h>

#include "foldin.h"
#include "metrics.h"
#include "utils/float.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(reco_metrics_errors_step);
PG_FUNCTION_INFO_V1(reco_metrics_probabilities_step);
PG_FUNCTION_INFO_V1(reco_metrics_calibration_step);
PG_FUNCTION_INFO_V1(reco_metrics_novelty_step);
PG_FUNCTION_INFO_V1(reco_metrics_diversity_step);
PG_FUNCTION_INFO_V1(reco_metrics_auc_step);
PG_FUNCTION_INFO_V1(reco_metrics_combine);
PG_FUNCTION_INFO_V1(reco_metrics_mean_1);
PG_FUNCTION_INFO_V1(reco_metrics_mean_2);
PG_FUNCTION_INFO_V1(reco_metrics_mean_3);
PG_FUNCTION_INFO_V1(reco_metrics_mean_4);
PG_FUNCTION_INFO_V1(reco_metrics_mean_5);
PG_FUNCTION_INFO_V1(reco_metrics_mean_6);
PG_FUNCTION_INFO_V1(reco_metrics_root);
PG_FUNCTION_INFO_V1(reco_metrics_ratio);
PG_FUNCTION_INFO_V1(reco_metrics_calibration);
PG_FUNCTION_INFO_V1(reco_metrics_auc_final);

#define DEFAULT_BINS 10
#define MAX_BINS 1000

/* --- arguments --------------------------------------------------------------------------------------------- */

static bool
has_null(FunctionCallInfo fcinfo, int first, int last)
{
	int			i;

	for (i = first; i <= last; i++)
		if (PG_ARGISNULL(i))
			return true;
	return false;
}

static double
finite_argument(FunctionCallInfo fcinfo, int i, const char *name)
{
	double		value = PG_GETARG_FLOAT8(i);

	if (!isfinite(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("parameter \"%s\" must be finite, not %s", name, float8out_internal(value)),
				 errhint("Leave such rows out with FILTER (WHERE ...).")));
	return value;
}

static double
unit_argument(FunctionCallInfo fcinfo, int i, const char *name, const char *hint)
{
	double		value = PG_GETARG_FLOAT8(i);

	if (!(value >= 0 && value <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("parameter \"%s\" must be from 0 to 1, not %s", name, float8out_internal(value)),
				 errhint("%s", hint)));
	return value;
}

static double
probability_argument(FunctionCallInfo fcinfo, int i)
{
	return unit_argument(fcinfo, i, "probability", "Give probabilities, such as those of reco.predict, no scores.");
}

static int
bins_argument(FunctionCallInfo fcinfo, int i)
{
	int			bins;

	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"bins\" must not be null"),
				 errhint("Give a number from 1 to %d.", MAX_BINS)));
	bins = PG_GETARG_INT32(i);
	if (bins < 1 || bins > MAX_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"bins\" must be from 1 to %d, not %d", MAX_BINS, bins),
				 errhint("The usual number is %d.", DEFAULT_BINS)));
	return bins;
}

/* --- rows -------------------------------------------------------------------------------------------------- */

/* (predicted, actual): rows, squared errors. */
Datum
reco_metrics_errors_step(PG_FUNCTION_ARGS)
{
	RecoSums	sums;
	double		error;

	(void) reco_sums_context(fcinfo);
	if (has_null(fcinfo, 1, 2))
		return reco_sums_unchanged(fcinfo);
	error = finite_argument(fcinfo, 1, "predicted") - finite_argument(fcinfo, 2, "actual");
	sums = reco_sums_open(fcinfo, 2);
	reco_sums_add(&sums, 0, 1);
	reco_sums_add(&sums, 1, error * error);
	PG_RETURN_ARRAYTYPE_P(sums.state);
}

/* (probability, outcome): rows, log losses, Brier's squares. */
Datum
reco_metrics_probabilities_step(PG_FUNCTION_ARGS)
{
	RecoSums	sums;
	double		probability;

	(void) reco_sums_context(fcinfo);
	if (has_null(fcinfo, 1, 2))
		return reco_sums_unchanged(fcinfo);
	probability = probability_argument(fcinfo, 1);
	sums = reco_sums_open(fcinfo, 3);
	reco_sums_add(&sums, 0, 1);
	reco_sums_add(&sums, 1, reco_metrics_log_loss(probability, PG_GETARG_BOOL(2)));
	reco_sums_add(&sums, 2, reco_metrics_brier(probability, PG_GETARG_BOOL(2)));
	PG_RETURN_ARRAYTYPE_P(sums.state);
}

static void
complain_of_bins(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("parameter \"bins\" must be the same in all rows of a group"),
			 errhint("Give a constant.")));
}

/* (probability, outcome [, bins]): rows, probabilities by bin, outcomes by bin. */
Datum
reco_metrics_calibration_step(PG_FUNCTION_ARGS)
{
	RecoSums	sums;
	double		probability;
	int			bins;
	int			bin;

	(void) reco_sums_context(fcinfo);
	bins = PG_NARGS() > 3 ? bins_argument(fcinfo, 3) : DEFAULT_BINS;
	if (has_null(fcinfo, 1, 2))
		return reco_sums_unchanged(fcinfo);
	probability = probability_argument(fcinfo, 1);
	if (!PG_ARGISNULL(0) && reco_sums_read(fcinfo, 0).n != 1 + 2 * bins)
		complain_of_bins();
	sums = reco_sums_open(fcinfo, 1 + 2 * bins);
	bin = reco_metrics_bin(probability, bins);
	reco_sums_add(&sums, 0, 1);
	reco_sums_add(&sums, 1 + bin, probability);
	reco_sums_add(&sums, 1 + bins + bin, PG_GETARG_BOOL(2));
	PG_RETURN_ARRAYTYPE_P(sums.state);
}

static void
check_orders(int64 with_item, int64 orders)
{
	if (orders < 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("parameter \"orders\" must not be negative, not %lld", (long long) orders),
				 errhint("It is how many orders there are.")));
	if (with_item < 0 || with_item > orders)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("parameter \"orders_with_item\" must be from 0 to %lld, the number of orders, not %lld",
						(long long) orders, (long long) with_item),
				 errhint("Count orders, not lines, and both over the same orders.")));
}

/* (orders_with_item, orders): rows, bits of self-information. */
Datum
reco_metrics_novelty_step(PG_FUNCTION_ARGS)
{
	RecoSums	sums;

	(void) reco_sums_context(fcinfo);
	if (has_null(fcinfo, 1, 2))
		return reco_sums_unchanged(fcinfo);
	check_orders(PG_GETARG_INT64(1), PG_GETARG_INT64(2));
	sums = reco_sums_open(fcinfo, 2);
	reco_sums_add(&sums, 0, 1);
	reco_sums_add(&sums, 1, reco_metrics_self_information((double) PG_GETARG_INT64(1), (double) PG_GETARG_INT64(2)));
	PG_RETURN_ARRAYTYPE_P(sums.state);
}

/* (similarity): rows, dissimilarities. */
Datum
reco_metrics_diversity_step(PG_FUNCTION_ARGS)
{
	RecoSums	sums;
	double		similarity;

	(void) reco_sums_context(fcinfo);
	if (PG_ARGISNULL(1))
		return reco_sums_unchanged(fcinfo);
	similarity = unit_argument(fcinfo, 1, "similarity", "Bring it there: for a cosine by least(greatest(similarity, 0), 1).");
	sums = reco_sums_open(fcinfo, 2);
	reco_sums_add(&sums, 0, 1);
	reco_sums_add(&sums, 1, 1 - similarity);
	PG_RETURN_ARRAYTYPE_P(sums.state);
}

/* --- the end of sums --------------------------------------------------------------------------------------- */

Datum
reco_metrics_combine(PG_FUNCTION_ARGS)
{
	RecoSums	sums;
	RecoSums	other;
	int			i;

	(void) reco_sums_context(fcinfo);
	sums = reco_sums_read(fcinfo, 0);
	other = reco_sums_read(fcinfo, 1);
	if (sums.n != other.n)
		complain_of_bins();
	for (i = 0; i < sums.n; i++)
	{
		reco_sums_add(&sums, i, other.high[i]);
		sums.low[i] += other.low[i];
	}
	PG_RETURN_ARRAYTYPE_P(sums.state);
}

/* A state with at least so many sums. */
static RecoSums
finished_sums(FunctionCallInfo fcinfo, int least)
{
	RecoSums	sums;

	(void) reco_sums_context(fcinfo);
	sums = reco_sums_read(fcinfo, 0);
	if (sums.n < least)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the state of a metric has %d sums, not %d", sums.n, least),
				 errhint("Such states come from the metrics of reco alone.")));
	return sums;
}

static Datum
mean(FunctionCallInfo fcinfo, int i)
{
	RecoSums	sums = finished_sums(fcinfo, i + 1);

	PG_RETURN_FLOAT8(reco_sums_result(reco_sums_get(&sums, i) / reco_sums_get(&sums, 0)));
}

Datum
reco_metrics_mean_1(PG_FUNCTION_ARGS)
{
	return mean(fcinfo, 1);
}

Datum
reco_metrics_mean_2(PG_FUNCTION_ARGS)
{
	return mean(fcinfo, 2);
}

Datum
reco_metrics_mean_3(PG_FUNCTION_ARGS)
{
	return mean(fcinfo, 3);
}

Datum
reco_metrics_mean_4(PG_FUNCTION_ARGS)
{
	return mean(fcinfo, 4);
}

Datum
reco_metrics_mean_5(PG_FUNCTION_ARGS)
{
	return mean(fcinfo, 5);
}

Datum
reco_metrics_mean_6(PG_FUNCTION_ARGS)
{
	return mean(fcinfo, 6);
}

Datum
reco_metrics_root(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(reco_sums_result(sqrt(DatumGetFloat8(mean(fcinfo, 1)))));
}

/* (rows, above, below): above / below, NULL where that is nothing. */
Datum
reco_metrics_ratio(PG_FUNCTION_ARGS)
{
	RecoSums	sums = finished_sums(fcinfo, 3);

	if (reco_sums_get(&sums, 2) == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(reco_sums_result(reco_sums_get(&sums, 1) / reco_sums_get(&sums, 2)));
}

Datum
reco_metrics_calibration(PG_FUNCTION_ARGS)
{
	RecoSums	sums = finished_sums(fcinfo, 3);
	int			bins = (sums.n - 1) / 2;
	double	   *by_bin = palloc(mul_size(2 * bins, sizeof(double)));
	double		error;
	int			i;

	for (i = 0; i < 2 * bins; i++)
		by_bin[i] = reco_sums_get(&sums, 1 + i);
	error = reco_metrics_calibration_error(by_bin, by_bin + bins, bins, reco_sums_get(&sums, 0));
	pfree(by_bin);
	PG_RETURN_FLOAT8(reco_sums_result(error));
}

/* --- AUC --------------------------------------------------------------------------------------------------- */

typedef struct Scores
{
	Size		n;
	Size		room;
	double	   *at;
} Scores;

typedef struct AucState
{
	Scores		of[2];			/* of what is not relevant, and of what is */
} AucState;

static void
add_score(MemoryContext context, Scores *scores, double score)
{
	if (scores->n == scores->room)
	{
		Size		room = Max(mul_size(scores->room, 2), 64);

		scores->at = scores->at == NULL ?
			MemoryContextAlloc(context, mul_size(room, sizeof(double))) :
			repalloc_huge(scores->at, mul_size(room, sizeof(double)));
		scores->room = room;
	}
	scores->at[scores->n++] = score;
}

Datum
reco_metrics_auc_step(PG_FUNCTION_ARGS)
{
	MemoryContext context = reco_sums_context(fcinfo);
	AucState   *state = PG_ARGISNULL(0) ? NULL : (AucState *) PG_GETARG_POINTER(0);

	if (has_null(fcinfo, 1, 2))
		return reco_sums_unchanged(fcinfo);
	if (state == NULL)
		state = MemoryContextAllocZero(context, sizeof(AucState));
	add_score(context, &state->of[PG_GETARG_BOOL(2)], finite_argument(fcinfo, 1, "score"));
	PG_RETURN_POINTER(state);
}

/* Sorts the scores where they are, which changes nothing that a later row or call could see. */
Datum
reco_metrics_auc_final(PG_FUNCTION_ARGS)
{
	const RecoRun run = reco_foldin_run(NULL);
	AucState   *state;
	Scores	   *negative;
	Scores	   *positive;
	double	   *workspace;
	double		auc;
	RecoStatus	status;

	(void) reco_sums_context(fcinfo);
	state = PG_ARGISNULL(0) ? NULL : (AucState *) PG_GETARG_POINTER(0);
	if (state == NULL || state->of[0].n == 0 || state->of[1].n == 0)
		PG_RETURN_NULL();
	negative = &state->of[0];
	positive = &state->of[1];
	workspace = palloc_extended(mul_size(Max(positive->n, negative->n), sizeof(double)), MCXT_ALLOC_HUGE);
	status = reco_metrics_auc(&run, positive->at, positive->n, negative->at, negative->n, workspace, &auc);
	pfree(workspace);
	if (status != RECO_OK)
		elog(ERROR, "AUC failed with status %d", (int) status);
	PG_RETURN_FLOAT8(auc);
}
