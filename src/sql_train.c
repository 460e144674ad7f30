/*
 * sql_train.c: the SQL functions that train models and switch between their versions.
 */
#include "postgres.h"

#include <math.h>

#include "cache.h"
#include "check.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "publish.h"
#include "surface.h"
#include "train.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(reco_train);
PG_FUNCTION_INFO_V1(reco_activate);
PG_FUNCTION_INFO_V1(reco_prune_versions);

#define TRAIN_COLUMNS 14

static void
set_metric(Datum *values, bool *nulls, int i, double value)
{
	values[i] = Float8GetDatum(value);
	nulls[i] = isnan(value);
}

static Datum
train_row(FunctionCallInfo fcinfo, int32 version, const RecoTrained *trained, double seconds)
{
	TupleDesc	descriptor;
	Datum		values[TRAIN_COLUMNS];
	bool		nulls[TRAIN_COLUMNS] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE || descriptor->natts != TRAIN_COLUMNS)
		elog(ERROR, "return type must be a row of %d columns", TRAIN_COLUMNS);
	values[0] = Int32GetDatum(version);
	values[1] = Int64GetDatum(trained->rows);
	values[2] = Int64GetDatum(trained->skipped);
	values[3] = Int32GetDatum(trained->users);
	values[4] = Int32GetDatum(reco_idmap_count(trained->items));
	values[5] = Int32GetDatum(trained->orders);
	values[6] = Int64GetDatum(trained->bags);
	values[7] = Float8GetDatum(seconds);
	values[8] = Int64GetDatum((int64) trained->budget->peak);
	values[9] = Int32GetDatum(trained->metrics.completion_cases);
	set_metric(values, nulls, 10, trained->metrics.recall_completion);
	set_metric(values, nulls, 11, trained->metrics.recall_next);
	set_metric(values, nulls, 12, trained->metrics.recall_popularity);
	values[13] = CStringGetTextDatum(reco_options_method_name(trained->method));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

/* Requests read live what training has just read whole: say where that will be slow. */
static void
advise_indexes(const RecoModelRow *model, List *sources)
{
	ListCell   *cell;

	foreach(cell, reco_check_indexes(model, sources))
	{
		const RecoFinding *finding = lfirst(cell);

		ereport(NOTICE,
				(errmsg("%s: %s", finding->subject, finding->finding),
				 errhint("%s.", finding->remedy)));
	}
}

/* What the active version was served with. */
static const double *
active_parameters(const RecoModelRow *model)
{
	double	   *parameters = palloc(RECO_PARAMETERS * sizeof(double));
	pg_uuid_t	blob;

	if (!reco_catalog_active_blob(model, &blob))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no active version whose parameters could be kept", model->name),
				 errhint("SELECT * FROM reco.train('%s') chooses them.", model->name)));
	memcpy(parameters, reco_cache_get(model->name, &blob)->parameters, RECO_PARAMETERS * sizeof(double));
	return parameters;
}

Datum
reco_train(PG_FUNCTION_ARGS)
{
	RecoModelRow *model;
	RecoReader	reader = {0};
	RecoTraining training = {0};
	RecoProgress progress;
	RecoTrained *trained;
	instr_time	start;
	instr_time	end;
	double		seconds;
	int32		version;
	Datum		row;

	INSTR_TIME_SET_CURRENT(start);
	model = reco_surface_own_model(fcinfo);
	reco_progress_begin(&progress, RECO_COMMAND_TRAIN, model->name);

	/* The lock may have been waited for: learn from what is committed now, not when the statement began. */
	PushActiveSnapshot(GetTransactionSnapshot());
	training.sources = reco_catalog_sources(model->name, RECO_READ_LATEST);
	reco_check_trainable(model, training.sources);
	reader.model = model->name;
	reader.owner = model->owner_oid;
	reader.timezone = model->timezone;
	reader.integer_keys = reco_sources_all_integer_keys(&reader, training.sources);
	reader.progress = training.progress = &progress;
	training.reader = &reader;
	training.options = reco_catalog_options(model);
	training.memory_limit = (Size) maintenance_work_mem * 1024;
	training.now = GetCurrentTimestamp();
	if (!PG_ARGISNULL(1) && !PG_GETARG_BOOL(1))
		training.kept = active_parameters(model);
	trained = reco_train_model(&training);
	PopActiveSnapshot();

	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	seconds = INSTR_TIME_GET_DOUBLE(end);
	reco_progress_phase(&progress, RECO_PHASE_STORING, RECO_PROGRESS_UNKNOWN);
	version = reco_publish_version(model, trained, training.options.keep_versions, seconds);
	reco_catalog_refresh_references(model);
	advise_indexes(model, training.sources);
	row = train_row(fcinfo, version, trained, seconds);
	reco_progress_end(&progress);
	MemoryContextDelete(trained->budget->context);
	return row;
}

Datum
reco_activate(PG_FUNCTION_ARGS)
{
	RecoModelRow *model = reco_surface_own_model(fcinfo);

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"version\" must not be null"),
				 errhint("SELECT version FROM reco.versions WHERE model = '%s' lists them.", model->name)));
	if (!reco_catalog_activate(model->name, PG_GETARG_INT32(1)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no version %d", model->name, PG_GETARG_INT32(1)),
				 errhint("SELECT version FROM reco.versions WHERE model = '%s' lists them.", model->name)));
	return reco_surface_model_row(fcinfo, model->name);
}

Datum
reco_prune_versions(PG_FUNCTION_ARGS)
{
	RecoModelRow *model = reco_surface_own_model(fcinfo);
	RecoOptions options = reco_catalog_options(model);
	int32		keep = PG_ARGISNULL(1) ? options.keep_versions : PG_GETARG_INT32(1);

	if (keep < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"keep\" must not be negative, as %d is", keep),
				 errhint("0 keeps the active version alone; leave it out for the option keep_versions.")));
	PG_RETURN_INT32(reco_catalog_prune(model->name, keep));
}
