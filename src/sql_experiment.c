/*
 * sql_experiment.c: the SQL functions of experiments.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "experiment.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "surface.h"
#include "tails.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(reco_create_experiment);
PG_FUNCTION_INFO_V1(reco_end_experiment);
PG_FUNCTION_INFO_V1(reco_drop_experiment);
PG_FUNCTION_INFO_V1(reco_assign_integer);
PG_FUNCTION_INFO_V1(reco_assign_text);
PG_FUNCTION_INFO_V1(reco_experiment_report_rows);
PG_FUNCTION_INFO_V1(reco_experiment_size_rows);

#define MAX_NAME 200			/* bytes, of an experiment, an arm or a salt */
#define MAX_YEARS 10

/* The arguments of create_experiment, in order. */
enum
{
	ARG_MODEL, ARG_EXPERIMENT, ARG_PLANNED_END, ARG_MINIMUM_EFFECT, ARG_ARMS, ARG_WEIGHTS, ARG_METRIC, ARG_STARTS,
	ARG_EXPOSURES, ARG_USER, ARG_AT, ARG_ANALYSIS, ARG_WINSORIZE, ARG_PRIOR_DAYS, ARG_SALT
};

/* The arguments of experiment_size, in order. */
enum
{
	SIZE_MODEL, SIZE_METRIC, SIZE_MINIMUM_EFFECT, SIZE_POWER, SIZE_ARMS, SIZE_LENGTHS, SIZE_WINSORIZE, SIZE_PRIOR_DAYS, SIZE_AS_OF,
	SIZE_ARGUMENTS
};

/* The columns of experiment_report. */
enum
{
	OUT_ARM, OUT_METRIC, OUT_PRIMARY, OUT_USERS, OUT_BUYERS, OUT_ORDERS, OUT_VALUE, OUT_LIFT, OUT_LOW, OUT_HIGH, OUT_P,
	OUT_METHOD, OUT_PLAIN_LIFT, OUT_PLAIN_LOW, OUT_PLAIN_HIGH, OUT_CAP, OUT_CAPPED, OUT_UNEVEN, OUT_DATA_TO, OUT_VERDICT,
	COLUMNS
};

/* --- creating ---------------------------------------------------------------------------------------------- */

static void
check_name(const char *name, const char *what)
{
	if (*name == '\0' || strlen(name) > MAX_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("%s must have 1 to %d bytes, not %zu", what, MAX_NAME, strlen(name)),
				 errhint("Give it a short name, such as 'larger_orders'.")));
}

static void
complain_of_null(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("parameter \"%s\" must not be null", name),
			 errhint("See the comment on the function: \\df+ and \\dd in psql.")));
}

static Datum
required(FunctionCallInfo fcinfo, int i, const char *name)
{
	if (PG_ARGISNULL(i))
		complain_of_null(name);
	return PG_GETARG_DATUM(i);
}

/* The elements of an array of one dimension without nulls. */
static Datum *
elements(FunctionCallInfo fcinfo, int i, const char *name, Oid type, int16 length, bool by_value, char alignment, int *n)
{
	ArrayType  *array = DatumGetArrayTypeP(required(fcinfo, i, name));
	Datum	   *list;
	bool	   *nulls;
	int			j;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("parameter \"%s\" must be a one-dimensional array, not one of %d dimensions", name, ARR_NDIM(array)),
				 errhint("Write it as ARRAY[...].")));
	deconstruct_array(array, type, length, by_value, alignment, &list, &nulls, n);
	for (j = 0; j < *n; j++)
		if (nulls[j])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("parameter \"%s\" must not contain nulls", name),
					 errhint("Leave them out.")));
	return list;
}

static void
read_arms(FunctionCallInfo fcinfo, RecoExperimentRow *row)
{
	Datum	   *names = elements(fcinfo, ARG_ARMS, "arms", TEXTOID, -1, false, TYPALIGN_INT, &row->n_arms);
	int			i;
	int			j;

	if (row->n_arms < 2 || row->n_arms > RECO_MAX_ARMS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"arms\" must have 2 to %d elements, not %d", RECO_MAX_ARMS, row->n_arms),
				 errhint("The first is the control, the others are compared with it.")));
	row->arms = palloc(mul_size(row->n_arms, sizeof(char *)));
	for (i = 0; i < row->n_arms; i++)
	{
		row->arms[i] = TextDatumGetCString(names[i]);
		check_name(row->arms[i], "the name of an arm");
		for (j = 0; j < i; j++)
			if (strcmp(row->arms[i], row->arms[j]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("parameter \"arms\" has \"%s\" twice", row->arms[i]),
						 errhint("Name the arms apart.")));
	}
}

static void
read_weights(FunctionCallInfo fcinfo, RecoExperimentRow *row)
{
	Datum	   *numbers = NULL;
	int			n = row->n_arms;
	int			i;

	if (!PG_ARGISNULL(ARG_WEIGHTS))
		numbers = elements(fcinfo, ARG_WEIGHTS, "weights", FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &n);
	if (n != row->n_arms)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"weights\" has %d elements, but there are %d arms", n, row->n_arms),
				 errhint("Give each arm its weight, or leave weights out for equal ones.")));
	row->weights = palloc(mul_size(n, sizeof(double)));
	for (i = 0; i < n; i++)
	{
		row->weights[i] = numbers == NULL ? 1 : DatumGetFloat8(numbers[i]);
		if (!(row->weights[i] >= 1e-6 && row->weights[i] <= 1e6))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameter \"weights\" has an element that is not from 1e-06 to 1e+06: %g", row->weights[i]),
					 errhint("Shares are weights divided by their sum.")));
	}
}

static double
read_number(FunctionCallInfo fcinfo, int i, const char *name, double minimum, double maximum)
{
	double		value = DatumGetFloat8(required(fcinfo, i, name));

	if (!(value >= minimum && value <= maximum))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" must be from %g to %g, not %g", name, minimum, maximum, value),
				 errhint("It is a share: 0.05 is 5 percent.")));
	return value;
}

static RecoExperimentMetric
read_metric(FunctionCallInfo fcinfo, int i)
{
	char	   *name = reco_surface_text(fcinfo, i, "metric");
	RecoExperimentMetric metric;

	if (!reco_catalog_find_metric(name, &metric))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("metric \"%s\" is not known", name),
				 errhint("Metrics are aov, items_per_order, conversion and revenue_per_user.")));
	return metric;
}

static int32
read_prior_days(FunctionCallInfo fcinfo, int i)
{
	int32		days = DatumGetInt32(required(fcinfo, i, "prior_days"));

	if (days < 0 || days > RECO_MAX_PRIOR_DAYS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"prior_days\" must be from 0 to %d, not %d", RECO_MAX_PRIOR_DAYS, days),
				 errhint("0 does not adjust for what customers did before.")));
	return days;
}

static TimestampTz
read_as_of(FunctionCallInfo fcinfo, int i)
{
	TimestampTz as_of = DatumGetTimestampTz(required(fcinfo, i, "as_of"));

	if (TIMESTAMP_NOT_FINITE(as_of))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"as_of\" must be finite"),
				 errhint("Leave it out for now.")));
	return as_of;
}

static void
read_rules(FunctionCallInfo fcinfo, RecoExperimentRow *row)
{
	char	   *analysis = reco_surface_text(fcinfo, ARG_ANALYSIS, "analysis");

	row->metric = read_metric(fcinfo, ARG_METRIC);
	row->always_valid = strcmp(analysis, "always_valid") == 0;
	if (!row->always_valid && strcmp(analysis, "fixed") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("analysis \"%s\" is not known", analysis),
				 errhint("fixed concludes at the planned end alone, always_valid whenever it is asked.")));
	row->minimum_effect = read_number(fcinfo, ARG_MINIMUM_EFFECT, "minimum_effect", 1e-6, 1);
	row->winsorize = read_number(fcinfo, ARG_WINSORIZE, "winsorize", 0.5, 1);
	row->prior_days = read_prior_days(fcinfo, ARG_PRIOR_DAYS);
}

static void
read_times(FunctionCallInfo fcinfo, RecoExperimentRow *row)
{
	row->starts = DatumGetTimestampTz(required(fcinfo, ARG_STARTS, "starts"));
	row->planned_end = DatumGetTimestampTz(required(fcinfo, ARG_PLANNED_END, "planned_end"));
	row->ended_at = DT_NOEND;
	if (TIMESTAMP_NOT_FINITE(row->starts) || TIMESTAMP_NOT_FINITE(row->planned_end))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameters \"starts\" and \"planned_end\" must be finite"),
				 errhint("An experiment without an end is never decided.")));
	if (row->planned_end <= row->starts || row->planned_end - row->starts > MAX_YEARS * 366 * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"planned_end\" must be after \"starts\", by at most %d years", MAX_YEARS),
				 errhint("Some weeks are usual; reco.experiment_size says how many.")));
}

/* The source of exposures, NULL where none is given. */
static RecoSource *
read_exposures(FunctionCallInfo fcinfo, const RecoModelRow *model, const RecoExperimentRow *row)
{
	const char *texts[RECO_ROLES] = {NULL};

	texts[RECO_ROLE_USER] = reco_surface_text_or_null(fcinfo, ARG_USER);
	texts[RECO_ROLE_AT] = reco_surface_text_or_null(fcinfo, ARG_AT);
	if (PG_ARGISNULL(ARG_EXPOSURES) && texts[RECO_ROLE_USER] == NULL && texts[RECO_ROLE_AT] == NULL)
		return NULL;
	(void) required(fcinfo, ARG_EXPOSURES, "exposures");
	return reco_definitions_make(model->name, RECO_SOURCE_EXPOSURES, row->name, PG_GETARG_OID(ARG_EXPOSURES), texts);
}

/* What functions that change an experiment return: its row of reco.experiments. */
static Datum
experiment_row(FunctionCallInfo fcinfo, const char *name)
{
	return reco_surface_view_row(fcinfo, "SELECT e FROM reco.experiments e WHERE e.experiment OPERATOR(pg_catalog.=) $1", 1, &name);
}

Datum
reco_create_experiment(PG_FUNCTION_ARGS)
{
	RecoModelRow *model = reco_surface_own_model(fcinfo);
	RecoExperimentRow row = {.name = reco_surface_text(fcinfo, ARG_EXPERIMENT, "experiment"),.model = model->name};
	RecoSource *exposures;

	check_name(row.name, "the name of an experiment");
	read_arms(fcinfo, &row);
	read_weights(fcinfo, &row);
	read_rules(fcinfo, &row);
	read_times(fcinfo, &row);
	row.salt = PG_ARGISNULL(ARG_SALT) ? row.name : reco_surface_text(fcinfo, ARG_SALT, "salt");
	check_name(row.salt, "a salt");
	exposures = read_exposures(fcinfo, model, &row);
	reco_experiment_check(model, &row, exposures);
	if (!reco_catalog_insert_experiment(&row))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("experiment \"%s\" exists already", row.name),
				 errhint("Names of experiments are those of the whole database: choose another, or remove it with reco.drop_experiment.")));
	if (exposures != NULL)
		reco_catalog_put_source(exposures);
	return experiment_row(fcinfo, row.name);
}

/* --- ending ------------------------------------------------------------------------------------------------ */

/* An error unless the caller owns the model of an experiment, which is then locked against other changes. */
static void
lock_model(FunctionCallInfo fcinfo, const char *name)
{
	reco_surface_prevent_read_only(fcinfo);
	reco_catalog_require(reco_catalog_find_model(name, RECO_READ_LATEST, false), RECO_ACCESS_OWNER);
	reco_catalog_require(reco_catalog_find_model(name, RECO_READ_LOCKED, false), RECO_ACCESS_OWNER);
}

Datum
reco_end_experiment(PG_FUNCTION_ARGS)
{
	char	   *name = reco_surface_text(fcinfo, 0, "experiment");
	RecoExperimentRow *row;

	lock_model(fcinfo, reco_catalog_experiment_model(name, false));
	row = reco_catalog_find_experiment(name, RECO_READ_LATEST);
	if (GetCurrentTransactionStartTimestamp() <= row->starts)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("experiment \"%s\" has not begun", name),
				 errhint("reco.drop_experiment removes it.")));
	reco_catalog_end_experiment(name);
	return experiment_row(fcinfo, name);
}

Datum
reco_drop_experiment(PG_FUNCTION_ARGS)
{
	char	   *name = reco_surface_text(fcinfo, 0, "experiment");
	char	   *model = reco_catalog_experiment_model(name, !PG_ARGISNULL(1) && PG_GETARG_BOOL(1));

	if (model == NULL)
		PG_RETURN_BOOL(false);
	lock_model(fcinfo, model);
	reco_catalog_delete_experiment(name);
	reco_catalog_delete_source(model, reco_definitions_kind_name(RECO_SOURCE_EXPOSURES), name);
	PG_RETURN_BOOL(true);
}

/* --- assigning --------------------------------------------------------------------------------------------- */

/*
 * What a call looked up, for the next one: looking up takes a hundred times as long as assigning.  It holds for the same name
 * and role, and as long as the snapshot is the same, since no change of an experiment, a model, a grant or a role is then to
 * be seen.
 */
typedef struct Lookup
{
	char		name[MAX_NAME + 1];
	Oid			role;
	TransactionId xmin;
	TransactionId xmax;
	uint32		running;
	CommandId	command;
	RecoAssignment assignment;
	text	   *arms[RECO_MAX_ARMS];
} Lookup;

static bool
still_holds(const Lookup *lookup, const text *name, const SnapshotData *snapshot)
{
	Size		length = VARSIZE_ANY_EXHDR(name);

	return lookup->role == GetUserId() && lookup->xmin == snapshot->xmin && lookup->xmax == snapshot->xmax &&
		lookup->running == snapshot->xcnt + snapshot->subxcnt && lookup->command == snapshot->curcid &&
		length < sizeof(lookup->name) && memcmp(lookup->name, VARDATA_ANY(name), length) == 0 && lookup->name[length] == '\0';
}

static void
look_up(Lookup *lookup, const char *name, const SnapshotData *snapshot, MemoryContext context)
{
	RecoExperimentRow *row = reco_catalog_find_experiment(name, RECO_READ_CALLER);
	MemoryContext caller;
	int			i;

	reco_catalog_require(reco_catalog_find_model(row->model, RECO_READ_CALLER, false), RECO_ACCESS_RECOMMEND);
	reco_assignment_begin(&lookup->assignment, row->salt, strlen(row->salt), row->weights, row->n_arms);
	caller = MemoryContextSwitchTo(context);
	for (i = 0; i < RECO_MAX_ARMS; i++)
	{
		if (lookup->arms[i] != NULL)
			pfree(lookup->arms[i]);
		lookup->arms[i] = i < row->n_arms ? cstring_to_text(row->arms[i]) : NULL;
	}
	MemoryContextSwitchTo(caller);
	lookup->role = GetUserId();
	lookup->xmin = snapshot->xmin;
	lookup->xmax = snapshot->xmax;
	lookup->running = snapshot->xcnt + snapshot->subxcnt;
	lookup->command = snapshot->curcid;
	strlcpy(lookup->name, name, sizeof(lookup->name));
}

/* What the first argument names; looked up again where it may have changed. */
static const Lookup *
find(FunctionCallInfo fcinfo)
{
	Lookup	   *lookup = fcinfo->flinfo->fn_extra;
	const SnapshotData *snapshot = GetActiveSnapshot();
	text	   *name;

	if (PG_ARGISNULL(0))
		complain_of_null("experiment");
	name = PG_GETARG_TEXT_PP(0);
	if (lookup != NULL && still_holds(lookup, name, snapshot))
		return lookup;
	if (lookup == NULL)
		lookup = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Lookup));
	lookup->role = InvalidOid;
	look_up(lookup, text_to_cstring(name), snapshot, fcinfo->flinfo->fn_mcxt);
	return lookup;
}

/* The arms belong to the call's plan, and what is returned to the caller. */
static Datum
return_arm(const Lookup *lookup, const char *unit, Size length)
{
	const text *arm = lookup->arms[reco_assignment_arm(&lookup->assignment, unit, length)];
	text	   *copy = palloc(VARSIZE(arm));

	memcpy(copy, arm, VARSIZE(arm));
	PG_RETURN_TEXT_P(copy);
}

Datum
reco_assign_integer(PG_FUNCTION_ARGS)
{
	const Lookup *lookup = find(fcinfo);
	char		digits[32];

	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	return return_arm(lookup, digits, pg_lltoa(PG_GETARG_INT64(1), digits));
}

Datum
reco_assign_text(PG_FUNCTION_ARGS)
{
	const Lookup *lookup = find(fcinfo);
	text	   *unit;

	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	unit = PG_GETARG_TEXT_PP(1);
	return return_arm(lookup, VARDATA_ANY(unit), VARSIZE_ANY_EXHDR(unit));
}

/* --- reporting --------------------------------------------------------------------------------------------- */

static void
put_cell(RecoAnswerSet *set, const RecoExperimentReport *report, const RecoExperimentCell *cell)
{
	const double numbers[COLUMNS] = {
		[OUT_VALUE] = cell->value,[OUT_LIFT] = cell->lift,[OUT_LOW] = cell->low,[OUT_HIGH] = cell->high,[OUT_P] = cell->p,
		[OUT_PLAIN_LIFT] = cell->plain_lift,[OUT_PLAIN_LOW] = cell->plain_low,[OUT_PLAIN_HIGH] = cell->plain_high,
		[OUT_CAP] = isinf(report->cap) ? NAN : report->cap,[OUT_UNEVEN] = report->uneven
	};
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];
	int			c;

	for (c = 0; c < COLUMNS; c++)
	{
		values[c] = Float8GetDatum(numbers[c]);
		nulls[c] = isnan(numbers[c]);
	}
	values[OUT_ARM] = CStringGetTextDatum(report->row->arms[cell->arm]);
	values[OUT_METRIC] = CStringGetTextDatum(reco_catalog_metric_name(cell->metric));
	values[OUT_PRIMARY] = BoolGetDatum(cell->metric == report->row->metric);
	values[OUT_USERS] = Int64GetDatum(cell->users);
	values[OUT_BUYERS] = Int64GetDatum(cell->buyers);
	values[OUT_ORDERS] = Int64GetDatum(cell->orders);
	values[OUT_METHOD] = CStringGetTextDatum(cell->adjusted ? "cuped" : "plain");
	nulls[OUT_METHOD] = isnan(cell->lift);
	values[OUT_CAPPED] = Int64GetDatum(cell->capped);
	values[OUT_DATA_TO] = TimestampTzGetDatum(report->data_to);
	nulls[OUT_VERDICT] = cell->verdict == NULL;
	values[OUT_VERDICT] = nulls[OUT_VERDICT] ? (Datum) 0 : CStringGetTextDatum(cell->verdict);
	reco_surface_put_row(set, values, nulls);
}

Datum
reco_experiment_report_rows(PG_FUNCTION_ARGS)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, 2);
	char	   *name = reco_surface_text(fcinfo, 0, "experiment");
	TimestampTz as_of = read_as_of(fcinfo, 1);
	RecoExperimentReport *report;
	int			i;

	report = reco_experiment_report(name, as_of, (Size) maintenance_work_mem * 1024);
	for (i = 0; i < report->n; i++)
		put_cell(&set, report, &report->cells[i]);
	return reco_surface_end_set(&set);
}

/* --- planning ---------------------------------------------------------------------------------------------- */

#define LEVEL 0.05
#define SIZE_COLUMNS 6

/* What is found with that power where one of so many arms is that much better, each having its share of the customers. */
static double
detectable(const RecoArmRatio *all, int arms, double power)
{
	double		error = sqrt(2 * arms * all->variance);

	return expm1((reco_tails_normal_quantile(LEVEL / (arms - 1) / 2) + reco_tails_normal_quantile(1 - power)) * error);
}

static void
put_size(RecoAnswerSet *set, const RecoArmRatio *all, const RecoArmCounts *counts, int days, double least, double minimum_effect)
{
	Datum		values[SIZE_COLUMNS];
	bool		nulls[SIZE_COLUMNS] = {false};

	values[0] = Int32GetDatum(days);
	values[1] = Int64GetDatum(counts->users);
	values[2] = Int64GetDatum(counts->orders);
	values[3] = Float8GetDatum(all->plain);
	nulls[3] = isnan(all->plain);
	values[4] = Float8GetDatum(least);
	nulls[4] = isnan(least);
	values[5] = BoolGetDatum(least <= minimum_effect);
	reco_surface_put_row(set, values, nulls);
}

static int
read_length(Datum element)
{
	int			days = DatumGetInt32(element);

	if (days < 1 || days > MAX_YEARS * 366)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"lengths\" has an element that is not from 1 to %d: %d", MAX_YEARS * 366, days),
				 errhint("Give some numbers of days that an experiment may have, such as ARRAY[14,28].")));
	return days;
}

static int
read_number_of_arms(FunctionCallInfo fcinfo, int i)
{
	int			arms = DatumGetInt32(required(fcinfo, i, "arms"));

	if (arms < 2 || arms > RECO_MAX_ARMS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"arms\" must be from 2 to %d, not %d", RECO_MAX_ARMS, arms),
				 errhint("A control and a treatment are 2.")));
	return arms;
}

Datum
reco_experiment_size_rows(PG_FUNCTION_ARGS)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, SIZE_ARGUMENTS);
	RecoModelRow *model = reco_catalog_find_model(reco_surface_text(fcinfo, SIZE_MODEL, "model"), RECO_READ_CALLER, false);
	double		weight = 1;
	RecoExperimentRow row = {.n_arms = 1,.weights = &weight,.salt = ""};
	double		minimum_effect = read_number(fcinfo, SIZE_MINIMUM_EFFECT, "minimum_effect", 1e-6, 1);
	double		power = read_number(fcinfo, SIZE_POWER, "power", 0.5, 0.999);
	int			arms = read_number_of_arms(fcinfo, SIZE_ARMS);
	Datum	   *lengths;
	int			n;
	int			i;

	reco_catalog_require(model, RECO_ACCESS_OWNER);
	row.metric = read_metric(fcinfo, SIZE_METRIC);
	row.winsorize = read_number(fcinfo, SIZE_WINSORIZE, "winsorize", 0.5, 1);
	row.prior_days = read_prior_days(fcinfo, SIZE_PRIOR_DAYS);
	row.planned_end = read_as_of(fcinfo, SIZE_AS_OF);
	lengths = elements(fcinfo, SIZE_LENGTHS, "lengths", INT4OID, sizeof(int32), true, TYPALIGN_INT, &n);
	for (i = 0; i < n; i++)
	{
		int			days = read_length(lengths[i]);
		RecoArmCounts counts;
		RecoArmRatio all;

		row.starts = row.planned_end - days * USECS_PER_DAY;
		all = reco_experiment_rehearse(model, &row, (Size) maintenance_work_mem * 1024, &counts);
		put_size(&set, &all, &counts, days, detectable(&all, arms, power), minimum_effect);
	}
	return reco_surface_end_set(&set);
}
