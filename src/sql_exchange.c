/*
 * sql_exchange.c: the SQL functions that carry models out of a database and into one.
 */
#include "postgres.h"

#include "fmgr.h"
#include "interrupts.h"
#include "publish.h"
#include "surface.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(reco_export_model);
PG_FUNCTION_INFO_V1(reco_import_model);

#define MEGABYTE ((Size) 1024 * 1024)

/* The id of the version asked for, by default the active one. */
static pg_uuid_t
find_version(const RecoModelRow *model, bool has_version, int32 version)
{
	pg_uuid_t	blob;

	if (!has_version && model->active_version == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has not been trained", model->name),
				 errhint("SELECT * FROM reco.train('%s').", model->name)));
	if (!reco_catalog_version_blob(model->name, has_version ? version : model->active_version, &blob))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no version %d", model->name, has_version ? version : model->active_version),
				 errhint("SELECT version FROM reco.versions WHERE model = '%s' lists them.", model->name)));
	return blob;
}

/* What leaves must be able to come in again. */
static void
check_export(const RecoModelRow *row, const char *bytes, Size length)
{
	RecoModel	model;
	const char *problem;

	if (reco_publish_open(bytes, length, &model, &problem) != RECO_OK)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the version of model \"%s\" to export is damaged: %s", row->name, problem),
				 errhint("Export another version, or call reco.train to build a new one.")));
}

Datum
reco_export_model(PG_FUNCTION_ARGS)
{
	RecoModelRow *model = reco_catalog_find_model(reco_surface_text(fcinfo, 0, "model"), RECO_READ_CALLER, false);
	MemoryContext context;
	pg_uuid_t	blob;
	char	   *bytes;
	Size		length;
	bytea	   *result;

	reco_catalog_require(model, RECO_ACCESS_OWNER);
	blob = find_version(model, !PG_ARGISNULL(1), PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1));
	context = AllocSetContextCreate(CurrentMemoryContext, "reco export", ALLOCSET_DEFAULT_SIZES);
	bytes = reco_catalog_load_blob(&blob, context, &length);
	check_export(model, bytes, length);
	if (length > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the model takes %zu MB, more than the %zu MB of a bytea", length / MEGABYTE, MaxAllocSize / MEGABYTE),
				 errhint("Carry it over with pg_dump, which has no such limit.")));
	result = palloc(length + VARHDRSZ);
	SET_VARSIZE(result, length + VARHDRSZ);
	reco_copy_bytes(VARDATA(result), bytes, length);
	MemoryContextDelete(context);
	PG_RETURN_BYTEA_P(result);
}

static void
open_import(const char *bytes, Size length, RecoModel *model)
{
	const char *problem;
	RecoStatus	status = reco_publish_open(bytes, length, model, &problem);

	if (status == RECO_UNSUPPORTED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot read the data: %s", problem),
				 errhint("Install the library that wrote it here too.")));
	if (status != RECO_OK)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the data are no model: %s", problem),
				 errhint("Give what reco.export_model or reco.factorize returned, unchanged.")));
}

Datum
reco_import_model(PG_FUNCTION_ARGS)
{
	RecoModelRow *row = reco_surface_own_model(fcinfo);
	RecoOptions options = reco_catalog_options(row);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "reco import", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context;
	RecoModel	model;
	bytea	   *data;
	Size		length;
	char	   *bytes;
	int32		version;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"data\" must not be null"),
				 errhint("Give what reco.export_model or reco.factorize returned; the latter is null where no row counts.")));
	old_context = MemoryContextSwitchTo(context);
	data = PG_GETARG_BYTEA_PP(1);
	length = VARSIZE_ANY_EXHDR(data);
	bytes = MemoryContextAllocExtended(context, length + RECO_CACHE_LINE, MCXT_ALLOC_HUGE);
	bytes = (char *) TYPEALIGN(RECO_CACHE_LINE, bytes);
	reco_copy_bytes(bytes, VARDATA_ANY(data), length);
	open_import(bytes, length, &model);
	version = reco_publish_import(row, &model, bytes, length, options.keep_versions);
	reco_catalog_refresh_references(row);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	return reco_surface_version_row(fcinfo, row->name, version);
}
