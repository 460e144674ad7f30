/*
 * sql_progress.c: the SQL function that shows how far long functions are.
 */
#include "postgres.h"

#include "catalog.h"
#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "progress.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(reco_progress);

/* The columns, in order; from MODEL on they are for whoever may see what that backend does. */
enum
{
	COLUMN_PID, COLUMN_DATABASE, COLUMN_MODEL, COLUMN_COMMAND, COLUMN_PHASE, COLUMN_DONE, COLUMN_TOTAL, COLUMN_STARTED, COLUMNS
};

/* As in the views pg_stat_progress_*. */
static bool
may_see(const RecoProgressEntry *entry)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS) || has_privs_of_role(GetUserId(), entry->user);
}

/* The name of a model of this database that the current role may use, else NULL. */
static const char *
model_name(const RecoProgressEntry *entry)
{
	RecoModelRow *model = entry->database == MyDatabaseId ? reco_catalog_find_hashed(entry->model) : NULL;

	return model != NULL && reco_catalog_access(model) != RECO_ACCESS_NONE ? model->name : NULL;
}

static void
set_text(Datum *values, bool *nulls, int i, const char *text)
{
	nulls[i] = text == NULL;
	values[i] = text != NULL ? CStringGetTextDatum(text) : (Datum) 0;
}

static void
set_details(const RecoProgressEntry *entry, Datum *values, bool *nulls)
{
	set_text(values, nulls, COLUMN_MODEL, model_name(entry));
	set_text(values, nulls, COLUMN_COMMAND, entry->command);
	set_text(values, nulls, COLUMN_PHASE, entry->phase);
	values[COLUMN_DONE] = Int64GetDatum(entry->done);
	values[COLUMN_TOTAL] = Int64GetDatum(entry->total);
	nulls[COLUMN_TOTAL] = entry->total < 0;
	values[COLUMN_STARTED] = TimestampTzGetDatum(entry->started);
}

static void
put_entry(ReturnSetInfo *result, const RecoProgressEntry *entry)
{
	Datum		values[COLUMNS] = {0};
	bool		nulls[COLUMNS] = {false};
	int			i;

	values[COLUMN_PID] = Int32GetDatum(entry->pid);
	set_text(values, nulls, COLUMN_DATABASE, get_database_name(entry->database));
	if (may_see(entry))
		set_details(entry, values, nulls);
	else
		for (i = COLUMN_MODEL; i < COLUMNS; i++)
			nulls[i] = true;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

Datum
reco_progress(PG_FUNCTION_ARGS)
{
	RecoProgressEntry entry;
	int			n;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	n = reco_progress_backends();
	for (i = 0; i < n; i++)
		if (reco_progress_of_backend(i, &entry))
			put_entry((ReturnSetInfo *) fcinfo->resultinfo, &entry);
	return (Datum) 0;
}
