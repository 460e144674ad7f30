/*
 * sql_evaluate.c: the SQL functions that replay later orders.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "compare.h"
#include "evaluate.h"
#include "fairness.h"
#include "fmgr.h"
#include "surface.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "value_curve.h"

PG_FUNCTION_INFO_V1(reco_algorithms);
PG_FUNCTION_INFO_V1(reco_evaluate_sql);
PG_FUNCTION_INFO_V1(reco_replay_sql);
PG_FUNCTION_INFO_V1(reco_compare_sql);
PG_FUNCTION_INFO_V1(reco_fairness_sql);
PG_FUNCTION_INFO_V1(reco_value_curve_sql);

#define MAX_K 1000
#define MAX_ITEMS 10000			/* of an order */

/* Where an argument of each meaning is; -1: the function has none. */
typedef struct Arguments
{
	int			n;
	int			k;
	int			split;
	int			cut;
	int			until;
	int			algorithms;
	int			orders;
	int			min_items;
	int			max_items;
	int			undated;
	int			seed;
	int			value_weight;
} Arguments;

static const Arguments evaluate_arguments = {
	.n = 12,.k = 1,.split = 2,.cut = 3,.until = 4,.algorithms = 5,.orders = 6,.min_items = 7,.max_items = 8,.undated = 9,.seed = 10,
	.value_weight = 11
};

static const Arguments compare_arguments = {
	.n = 11,.k = 3,.split = -1,.cut = 4,.until = 5,.algorithms = -1,.orders = 6,.min_items = 7,.max_items = 8,.undated = 9,.seed = 10,
	.value_weight = -1
};
static const Arguments fairness_arguments = {
	.n = 12,.k = 2,.split = 4,.cut = 5,.until = 6,.algorithms = -1,.orders = 7,.min_items = 8,.max_items = 9,.undated = 10,.seed = 11,
	.value_weight = -1
};
static const Arguments value_curve_arguments = {
	.n = 11,.k = 2,.split = 3,.cut = 4,.until = 5,.algorithms = -1,.orders = 6,.min_items = 7,.max_items = 8,.undated = 9,.seed = 10,
	.value_weight = -1
};

/* --- arguments --------------------------------------------------------------------------------------------- */

static TimestampTz
read_time(FunctionCallInfo fcinfo, int i, const char *name)
{
	TimestampTz time = PG_ARGISNULL(i) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(i);

	if (!PG_ARGISNULL(i) && TIMESTAMP_NOT_FINITE(time))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" must be finite", name),
				 errhint("Give a time, or leave it out.")));
	return time;
}

static void
read_split(FunctionCallInfo fcinfo, const Arguments *at, RecoSplitOptions *split)
{
	char	   *kind = reco_surface_text(fcinfo, at->split, "split");

	if (strcmp(kind, "last_order") == 0)
		split->kind = RECO_SPLIT_LAST_ORDER;
	else if (strcmp(kind, "time") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"split\" cannot be \"%s\"", kind),
				 errhint("It is \"time\", or \"last_order\".")));
	if (split->kind == RECO_SPLIT_LAST_ORDER && !PG_ARGISNULL(at->cut))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"cut\" says nothing with split => 'last_order'"),
				 errhint("Leave one of them out; until ends either.")));
}

static void
check_algorithm(const char *name)
{
	StringInfoData known;
	RecoCompetitor competitor;
	int			i;

	initStringInfo(&known);
	for (i = 0; reco_evaluation_competitor(i, &competitor); i++)
	{
		if (strcmp(competitor.name, name) == 0)
			return;
		appendStringInfo(&known, "%s%s", i > 0 ? ", " : "", competitor.name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("algorithm \"%s\" does not exist", name),
			 errhint("There are: %s. The model itself is always asked.", known.data)));
}

static void
read_algorithms(FunctionCallInfo fcinfo, int i, RecoEvaluationOptions *options)
{
	Datum	   *names;
	bool	   *nulls;
	int			n;
	int			j;

	options->all_algorithms = PG_ARGISNULL(i);
	if (options->all_algorithms)
		return;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(i), TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &n);
	for (j = 0; j < n; j++)
	{
		if (nulls[j])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("parameter \"algorithms\" must not contain nulls"),
					 errhint("Remove them; NULL instead of the array means all.")));
		check_algorithm(TextDatumGetCString(names[j]));
		options->algorithms = lappend(options->algorithms, TextDatumGetCString(names[j]));
	}
}

static RecoEvaluationOptions
read_options(FunctionCallInfo fcinfo, const Arguments *at)
{
	RecoEvaluationOptions options = reco_evaluation_options_default();

	options.k = reco_surface_integer(fcinfo, at->k, "k", 1, MAX_K);
	options.split.cut = read_time(fcinfo, at->cut, "cut");
	options.split.until = read_time(fcinfo, at->until, "until");
	if (at->split >= 0)
		read_split(fcinfo, at, &options.split);
	if (options.split.cut != DT_NOEND && options.split.cut >= options.split.until)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"until\" must be later than \"cut\""),
				 errhint("Orders from cut on and before until are replayed.")));
	options.all_algorithms = false;
	if (at->algorithms >= 0)
		read_algorithms(fcinfo, at->algorithms, &options);
	options.split.orders = reco_surface_integer(fcinfo, at->orders, "orders", 1, RECO_EVALUATION_MAX_ORDERS);
	options.split.min_items = reco_surface_integer(fcinfo, at->min_items, "min_items", 1, MAX_ITEMS);
	options.split.max_items = reco_surface_integer(fcinfo, at->max_items, "max_items", options.split.min_items, MAX_ITEMS);
	options.undated = PG_ARGISNULL(at->undated) || PG_GETARG_BOOL(at->undated);
	options.split.seed = (uint64) reco_surface_integer(fcinfo, at->seed, "seed", 0, PG_INT32_MAX);
	if (at->value_weight >= 0)
		options.value_weight = reco_surface_value_weight(fcinfo, at->value_weight);
	return options;
}

/* --- evaluate ---------------------------------------------------------------------------------------------- */

static void
set_text(Datum *values, bool *nulls, int i, const char *text)
{
	nulls[i] = text == NULL;
	values[i] = text != NULL ? CStringGetTextDatum(text) : (Datum) 0;
}

static void
set_number(Datum *values, bool *nulls, int i, double number)
{
	nulls[i] = isnan(number);
	values[i] = Float8GetDatum(number);
}

Datum
reco_algorithms(PG_FUNCTION_ARGS)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, 0);
	RecoCompetitor competitor;
	int			i;

	for (i = 0; reco_evaluation_competitor(i, &competitor); i++)
	{
		Datum		values[4];
		bool		nulls[4] = {false};

		set_text(values, nulls, 0, competitor.name);
		values[1] = Int32GetDatum(competitor.settings);
		set_text(values, nulls, 2, competitor.needs_content ? "features or description of items" : NULL);
		set_text(values, nulls, 3, competitor.summary);
		reco_surface_put_row(&set, values, nulls);
	}
	return reco_surface_end_set(&set);
}

Datum
reco_evaluate_sql(PG_FUNCTION_ARGS)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, evaluate_arguments.n);
	char	   *model = reco_surface_text(fcinfo, 0, "model");
	RecoEvaluationOptions options = read_options(fcinfo, &evaluate_arguments);
	RecoProgress progress;
	ListCell   *cell;

	reco_progress_begin(&progress, RECO_COMMAND_EVALUATE, model);
	foreach(cell, reco_evaluate(model, &options, &progress))
	{
		const RecoEvaluateRow *row = lfirst(cell);
		Datum		values[9];
		bool		nulls[9] = {false};

		set_text(values, nulls, 0, row->algorithm);
		set_text(values, nulls, 1, row->request);
		set_text(values, nulls, 2, row->metric);
		values[3] = Int32GetDatum(row->k);
		nulls[3] = row->k == 0;
		set_number(values, nulls, 4, row->interval.value);
		set_number(values, nulls, 5, row->interval.low);
		set_number(values, nulls, 6, row->interval.high);
		values[7] = Int64GetDatum(row->n);
		set_text(values, nulls, 8, row->remark);
		reco_surface_put_row(&set, values, nulls);
	}
	reco_progress_end(&progress);
	return reco_surface_end_set(&set);
}

/* --- replay ------------------------------------------------------------------------------------------------ */

typedef struct ReplayRows
{
	RecoAnswerSet *set;
	const RecoEvaluation *e;
} ReplayRows;

static Datum
text_array(Datum *texts, int n)
{
	return PointerGetDatum(construct_array(texts, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Items of the journal. */
static Datum
journal_items(const RecoEvaluation *e, const int32 *items, int n)
{
	Datum	   *texts = palloc(mul_size(Max(n, 1), sizeof(Datum)));
	int			i;

	for (i = 0; i < n; i++)
		texts[i] = CStringGetTextDatum(reco_journal_key_text(e->journal->items, items[i]));
	return text_array(texts, n);
}

static Datum
model_items(const RecoModel *model, const int32 *items, int n)
{
	Datum	   *texts = palloc(mul_size(Max(n, 1), sizeof(Datum)));
	int			i;

	for (i = 0; i < n; i++)
	{
		RecoKey		key = reco_answering_item_key(model, items[i]);

		texts[i] = model->integer_keys ? CStringGetTextDatum(psprintf(INT64_FORMAT, key.integer))
			: PointerGetDatum(cstring_to_text_with_len(key.bytes, key.length));
	}
	return text_array(texts, n);
}

static Datum
number_array(const double *numbers, int n)
{
	Datum	   *datums = palloc(mul_size(Max(n, 1), sizeof(Datum)));
	bool	   *nulls = palloc(mul_size(Max(n, 1), sizeof(bool)));
	int			lower = 1;
	int			i;

	for (i = 0; i < n; i++)
	{
		nulls[i] = isnan(numbers[i]);
		datums[i] = Float8GetDatum(numbers[i]);
	}
	return PointerGetDatum(construct_md_array(datums, nulls, 1, &n, &lower, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
											  TYPALIGN_DOUBLE));
}

static void
put_reply(void *arg, int contestant, const RecoReply *reply)
{
	const ReplayRows *rows = arg;
	const RecoEvaluation *e = rows->e;
	const RecoTest *test = reply->test;
	int			n_visible = reply->kind == RECO_REQUEST_COMPLETION ? test->n_visible : 0;
	const int32 *items = e->replay.tests->items + test->first;
	Datum		values[10];
	bool		nulls[10] = {false};

	set_text(values, nulls, 0, e->contestants[contestant].name);
	set_text(values, nulls, 1, reco_replay_kind_name(reply->kind));
	set_text(values, nulls, 2, reco_journal_order_name(e->journal, test->order));
	set_text(values, nulls, 3, test->user >= 0 ? reco_journal_key_text(e->journal->users, test->user) : NULL);
	values[4] = TimestampTzGetDatum(test->as_of);
	values[5] = journal_items(e, items, n_visible);
	values[6] = journal_items(e, items + n_visible, test->n_items - n_visible);
	values[7] = model_items(e->model, reply->items, reply->n);
	values[8] = number_array(reply->scores, reply->n);
	nulls[9] = reply->probabilities == NULL;
	values[9] = nulls[9] ? (Datum) 0 : number_array(reply->probabilities, reply->n);
	reco_surface_put_row(rows->set, values, nulls);
}

Datum
reco_replay_sql(PG_FUNCTION_ARGS)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, evaluate_arguments.n);
	char	   *model = reco_surface_text(fcinfo, 0, "model");
	RecoEvaluationOptions options = read_options(fcinfo, &evaluate_arguments);
	RecoProgress progress;
	RecoEvaluation *e;
	ReplayRows	rows = {&set, NULL};

	reco_progress_begin(&progress, RECO_COMMAND_REPLAY, model);
	rows.e = e = reco_evaluation_begin(model, &options, &progress);
	e->replay.with_auc = false;
	if (e->model != NULL)
		reco_replay_run(&e->replay, e->contestants, e->n_contestants, put_reply, &rows);
	reco_progress_end(&progress);
	return reco_surface_end_set(&set);
}

/* --- compare ----------------------------------------------------------------------------------------------- */

Datum
reco_compare_sql(PG_FUNCTION_ARGS)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, compare_arguments.n);
	char	   *model = reco_surface_text(fcinfo, 0, "model");
	int32		version_a = reco_surface_integer(fcinfo, 1, "version_a", 1, PG_INT32_MAX);
	int32		version_b = reco_surface_integer(fcinfo, 2, "version_b", 1, PG_INT32_MAX);
	RecoEvaluationOptions options = read_options(fcinfo, &compare_arguments);
	RecoProgress progress;
	ListCell   *cell;

	reco_progress_begin(&progress, RECO_COMMAND_COMPARE, model);
	foreach(cell, reco_compare(model, version_a, version_b, &options, &progress))
	{
		const RecoCompareRow *row = lfirst(cell);
		Datum		values[10];
		bool		nulls[10] = {false};

		set_text(values, nulls, 0, row->request);
		set_text(values, nulls, 1, row->metric);
		values[2] = Int32GetDatum(row->k);
		nulls[2] = row->k == 0;
		set_number(values, nulls, 3, row->value_a);
		set_number(values, nulls, 4, row->value_b);
		set_number(values, nulls, 5, row->difference.value);
		set_number(values, nulls, 6, row->difference.low);
		set_number(values, nulls, 7, row->difference.high);
		values[8] = Int64GetDatum(row->n);
		set_text(values, nulls, 9, row->remark);
		reco_surface_put_row(&set, values, nulls);
	}
	reco_progress_end(&progress);
	return reco_surface_end_set(&set);
}

/* --- fairness ---------------------------------------------------------------------------------------------- */

Datum
reco_fairness_sql(PG_FUNCTION_ARGS)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, fairness_arguments.n);
	char	   *model = reco_surface_text(fcinfo, 0, "model");
	char	   *by = reco_surface_text(fcinfo, 1, "by");
	int			min_support = reco_surface_integer(fcinfo, 3, "min_support", 2, PG_INT32_MAX);
	RecoEvaluationOptions options = read_options(fcinfo, &fairness_arguments);
	RecoProgress progress;
	ListCell   *cell;

	reco_progress_begin(&progress, RECO_COMMAND_FAIRNESS, model);
	foreach(cell, reco_fairness(model, by, min_support, &options, &progress))
	{
		const RecoFairnessRow *row = lfirst(cell);
		Datum		values[12];
		bool		nulls[12] = {false};

		set_text(values, nulls, 0, row->group);
		set_text(values, nulls, 1, row->request);
		set_text(values, nulls, 2, row->metric);
		values[3] = Int32GetDatum(row->k);
		set_number(values, nulls, 4, row->interval.value);
		set_number(values, nulls, 5, row->interval.low);
		set_number(values, nulls, 6, row->interval.high);
		set_number(values, nulls, 7, row->gap.value);
		set_number(values, nulls, 8, row->gap.low);
		set_number(values, nulls, 9, row->gap.high);
		values[10] = Int64GetDatum(row->customers);
		values[11] = Int64GetDatum(row->n);
		reco_surface_put_row(&set, values, nulls);
	}
	reco_progress_end(&progress);
	return reco_surface_end_set(&set);
}

/* --- value_curve ------------------------------------------------------------------------------------------- */

/* The weights, from 0 to 1. */
static double *
read_weights(FunctionCallInfo fcinfo, int i, int *n)
{
	Datum	   *datums;
	bool	   *nulls;
	double	   *weights;
	int			j;

	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"weights\" must not be null"),
				 errhint("Give value weights from 0 to 1, or leave it out.")));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(i), FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &datums, &nulls, n);
	if (*n > RECO_VALUE_CURVE_WEIGHTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"weights\" must not have more than %d elements, not %d", RECO_VALUE_CURVE_WEIGHTS, *n),
				 errhint("Ask for the others in another call.")));
	weights = palloc(mul_size(Max(*n, 1), sizeof(double)));
	for (j = 0; j < *n; j++)
	{
		weights[j] = nulls[j] ? -1 : DatumGetFloat8(datums[j]);
		if (!(weights[j] >= 0 && weights[j] <= 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameter \"weights\" has an element that is not from 0 to 1: %s",
							nulls[j] ? "null" : psprintf("%g", weights[j])),
					 errhint("They are value weights, as of reco.recommend.")));
	}
	return weights;
}

static void
set_interval(Datum *values, bool *nulls, int i, const RecoInterval *interval)
{
	set_number(values, nulls, i, interval->value);
	set_number(values, nulls, i + 1, interval->low);
	set_number(values, nulls, i + 2, interval->high);
}

Datum
reco_value_curve_sql(PG_FUNCTION_ARGS)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, value_curve_arguments.n);
	char	   *model = reco_surface_text(fcinfo, 0, "model");
	int			n;
	const double *weights = read_weights(fcinfo, 1, &n);
	RecoEvaluationOptions options = read_options(fcinfo, &value_curve_arguments);
	RecoProgress progress;
	ListCell   *cell;

	reco_progress_begin(&progress, RECO_COMMAND_VALUE_CURVE, model);
	foreach(cell, reco_value_curve(model, &options, weights, n, &progress))
	{
		const RecoValueCurveRow *row = lfirst(cell);
		Datum		values[22];
		bool		nulls[22] = {false};
		int			i;

		set_text(values, nulls, 0, row->request);
		values[1] = Float8GetDatum(row->value_weight);
		values[2] = Int32GetDatum(options.k);
		set_interval(values, nulls, 3, &row->recall);
		set_interval(values, nulls, 6, &row->recall_change);
		for (i = 0; i < (int) lengthof(row->recovered); i++)
		{
			set_number(values, nulls, 9 + 4 * i, row->recovered[i].value);
			set_interval(values, nulls, 10 + 4 * i, &row->changes[i]);
		}
		values[21] = Int64GetDatum(row->n);
		reco_surface_put_row(&set, values, nulls);
	}
	reco_progress_end(&progress);
	return reco_surface_end_set(&set);
}
