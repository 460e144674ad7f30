/*
 * surface.c: arguments and results that the SQL-callable functions have in common.
 */
#include "postgres.h"

#include "surface.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* A text argument that must not be NULL. */
char *
reco_surface_text(FunctionCallInfo fcinfo, int i, const char *name)
{
	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"%s\" must not be null", name),
				 errhint("See the comment on the function: \\df+ and \\dd in psql.")));
	return text_to_cstring(PG_GETARG_TEXT_PP(i));
}

char *
reco_surface_text_or_null(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(i));
}

/*
 * Begin to answer with a set of rows.  All of them are made before the first is returned: nothing of ours is left open
 * while the caller's plan goes on, or stops.  Work happens in a context of its own, whose end also unpins the model.
 * arguments is the number that the SQL function must have, which another version's install script may not have known.
 */
RecoAnswerSet
reco_surface_begin_set(FunctionCallInfo fcinfo, int arguments)
{
	RecoAnswerSet set;

	if (PG_NARGS() != arguments)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a function of extension \"reco\" has %d arguments, but its library expects %d", PG_NARGS(), arguments),
				 errhint("The library is of another version than the extension: ALTER EXTENSION reco UPDATE.")));
	InitMaterializedSRF(fcinfo, 0);
	set.result = (ReturnSetInfo *) fcinfo->resultinfo;
	set.work = AllocSetContextCreate(CurrentMemoryContext, "reco request", ALLOCSET_DEFAULT_SIZES);
	set.caller = MemoryContextSwitchTo(set.work);
	return set;
}

void
reco_surface_put_row(RecoAnswerSet *set, Datum *values, bool *nulls)
{
	tuplestore_putvalues(set->result->setResult, set->result->setDesc, values, nulls);
}

Datum
reco_surface_end_set(RecoAnswerSet *set)
{
	MemoryContextSwitchTo(set->caller);
	MemoryContextDelete(set->work);
	return (Datum) 0;
}

/* Nothing changes in a read-only transaction or on a standby: say so by the function's name, not by our own SQL. */
void
reco_surface_prevent_read_only(FunctionCallInfo fcinfo)
{
	PreventCommandIfReadOnly(psprintf("reco.%s()", get_func_name(fcinfo->flinfo->fn_oid)));
}

/* The model that the first argument names, which the caller owns, locked against other changes. */
RecoModelRow *
reco_surface_own_model(FunctionCallInfo fcinfo)
{
	char	   *name = reco_surface_text(fcinfo, 0, "model");
	RecoModelRow *model;

	reco_surface_prevent_read_only(fcinfo);
	model = reco_catalog_find_model(name, RECO_READ_LATEST, false);

	/* First the right, then the lock: who may not change a model may not hold up those who may. */
	reco_catalog_require(model, RECO_ACCESS_OWNER);
	model = reco_catalog_find_model(name, RECO_READ_LOCKED, false);
	reco_catalog_require(model, RECO_ACCESS_OWNER);
	return model;
}

/* The row that a view shows for these keys; NULL where the view does not show it (any more). */
Datum
reco_surface_view_row(FunctionCallInfo fcinfo, const char *sql, int n, const char *const *keys)
{
	MemoryContext caller_context = CurrentMemoryContext;
	Oid			types[3] = {TEXTOID, TEXTOID, TEXTOID};
	Datum		values[3];
	Datum		result = (Datum) 0;
	int			i;

	for (i = 0; i < n; i++)
		values[i] = CStringGetTextDatum(keys[i]);
	SPI_connect();
	if (SPI_execute_with_args(sql, n, types, values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read back what was changed");
	if (SPI_processed == 1)
	{
		bool		is_null;
		Datum		row = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null);
		MemoryContext spi_context = MemoryContextSwitchTo(caller_context);

		result = PointerGetDatum(PG_DETOAST_DATUM_COPY(row));
		MemoryContextSwitchTo(spi_context);
	}
	SPI_finish();
	fcinfo->isnull = result == (Datum) 0;
	return result;
}

/* What functions that change a model return: its row of reco.models. */
Datum
reco_surface_model_row(FunctionCallInfo fcinfo, const char *model)
{
	return reco_surface_view_row(fcinfo, "SELECT m FROM reco.models m WHERE m.model OPERATOR(pg_catalog.=) $1", 1, &model);
}

/* What functions that make a version return: its row of reco.versions. */
Datum
reco_surface_version_row(FunctionCallInfo fcinfo, const char *model, int32 version)
{
	const char *const keys[2] = {model, psprintf("%d", version)};

	return reco_surface_view_row(fcinfo, "SELECT v FROM reco.versions v WHERE v.model OPERATOR(pg_catalog.=) $1 "
					"AND v.version OPERATOR(pg_catalog.=) $2::pg_catalog.int4", 2, keys);
}

/* What functions that change a source return: its row of reco.sources. */
Datum
reco_surface_source_row(FunctionCallInfo fcinfo, const char *model, const char *kind, const char *name)
{
	const char *const keys[3] = {model, kind, name};

	return reco_surface_view_row(fcinfo, "SELECT s FROM reco.sources s WHERE s.model OPERATOR(pg_catalog.=) $1 "
					"AND s.kind OPERATOR(pg_catalog.=) $2 AND s.name OPERATOR(pg_catalog.=) $3", 3, keys);
}

/* A value_weight.  Errors: null_value_not_allowed, invalid_parameter_value. */
double
reco_surface_value_weight(FunctionCallInfo fcinfo, int i)
{
	double		weight;

	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"value_weight\" must not be null"),
				 errhint("0, the default, goes by relevance alone.")));
	weight = PG_GETARG_FLOAT8(i);
	if (!(weight >= 0 && weight <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"value_weight\" must be from 0 to 1, not %g", weight),
				 errhint("0 goes by relevance alone, 1 by expected value; reco.value_curve shows what lies between.")));
	return weight;
}

/* An integer argument within limits.  Errors: null_value_not_allowed, invalid_parameter_value. */
int
reco_surface_integer(FunctionCallInfo fcinfo, int i, const char *name, int minimum, int maximum)
{
	int			value;

	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"%s\" must not be null", name),
				 errhint("Give a number from %d to %d, or leave it out.", minimum, maximum)));
	value = PG_GETARG_INT32(i);
	if (value < minimum || value > maximum)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" must be from %d to %d, not %d", name, minimum, maximum, value),
				 errhint("Give a number in that range, or leave it out.")));
	return value;
}
