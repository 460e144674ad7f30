/*
 * catalog.c: reads and writes the catalog tables; nothing else does.
 *
 * No role has privileges on the tables.  Every query here runs as their owner, which is the extension's, in a
 * restricted section (section.c), after the caller's rights were checked against the model's row: rights are looked up
 * on every call, also when the model itself is cached.
 *
 * A read for a request sees the snapshot of the calling statement, so that an older REPEATABLE READ transaction goes on
 * with the version that it began with.  A read for a change sees what is committed now.
 *
 * Locks: whoever changes a model, and train is one of them, first locks its row (FOR NO KEY UPDATE) and keeps it to the
 * end of the transaction.  Requests take no lock on it and never wait.
 */
#include "postgres.h"

#include "catalog.h"

#include <math.h>

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "section.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* COPY of one bytea beyond some 500 MB fails, and pg_dump with it: a blob is stored in parts of this size. */
#define PART_SIZE ((Size) 8 * 1024 * 1024)

/* A part is read a slice at a time: what is copied then stays in the cache, and takes no new pages from the system. */
#define SLICE_SIZE ((Size) 256 * 1024)

#define MAX_PARAMETERS 16

static const char *const access_names[] = {NULL, "recommend", "explain", "owner"};

/*
 * A query with its parameters.  Those of every request keep their plan for the session, in a static variable of the
 * function: parsing and planning them took longer than running them.  PostgreSQL makes such a plan anew when the tables
 * change, also when the extension was dropped and created again, and checks rights each time that it runs.
 */
typedef struct CatalogQuery
{
	const char *text;
	SPIPlanPtr *plan;			/* kept, or NULL; the text must then always be the same */
	int			n;
	Oid			types[MAX_PARAMETERS];
	Datum		values[MAX_PARAMETERS];
	char		nulls[MAX_PARAMETERS];
} CatalogQuery;

/* The extension's owner, as whom all of this runs. */
Oid
reco_catalog_owner(void)
{
	Oid			schema = get_namespace_oid("reco", true);
	Oid			table = OidIsValid(schema) ? get_relname_relid("model", schema) : InvalidOid;
	HeapTuple	tuple = OidIsValid(table) ? SearchSysCache1(RELOID, ObjectIdGetDatum(table)) : NULL;
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"reco\" is not installed in this database"),
				 errhint("CREATE EXTENSION reco.")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

static void
add_parameter(CatalogQuery *query, Oid type, Datum value, bool is_null)
{
	if (query->n == MAX_PARAMETERS)
		elog(ERROR, "too many parameters for a catalog query");
	query->types[query->n] = type;
	query->values[query->n] = value;
	query->nulls[query->n++] = is_null ? 'n' : ' ';
}

static void
add_text(CatalogQuery *query, const char *value)
{
	add_parameter(query, TEXTOID, value != NULL ? CStringGetTextDatum(value) : (Datum) 0, value == NULL);
}

static void
add_int32(CatalogQuery *query, int32 value)
{
	add_parameter(query, INT4OID, Int32GetDatum(value), false);
}

static void
add_int64(CatalogQuery *query, int64 value)
{
	add_parameter(query, INT8OID, Int64GetDatum(value), false);
}

static void
add_oid(CatalogQuery *query, Oid value)
{
	add_parameter(query, OIDOID, ObjectIdGetDatum(value), false);
}

static void
add_jsonb(CatalogQuery *query, const Jsonb *value)
{
	add_parameter(query, JSONBOID, PointerGetDatum(value), false);
}

static void
add_role(CatalogQuery *query, const RecoRoleRef *role)
{
	add_text(query, role->role_name);
	add_oid(query, role->role_oid);
	add_int64(query, role->system_id);
}

static int
execute(const CatalogQuery *query, bool read_only)
{
	if (query->plan == NULL)
		return SPI_execute_with_args(query->text, query->n, (Oid *) query->types, (Datum *) query->values, query->nulls, read_only, 0);
	if (*query->plan == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare_cursor(query->text, query->n, (Oid *) query->types, CURSOR_OPT_GENERIC_PLAN);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "catalog query cannot be prepared: %s", SPI_result_code_string(SPI_result));
		*query->plan = plan;
	}
	return SPI_execute_plan(*query->plan, (Datum *) query->values, query->nulls, read_only, 0);
}

/*
 * Run a query as the catalog's owner; the callback, if any, runs in the caller's memory context.  Returns the number of
 * rows returned or changed.
 */
static uint64
run(CatalogQuery *query, bool read_only, RecoCatalogRow callback, void *arg)
{
	MemoryContext caller_context = CurrentMemoryContext;
	RecoSection section = reco_section_begin(reco_catalog_owner(), NULL);
	uint64		processed;
	uint64		i;
	int			result;

	SPI_connect();
	result = execute(query, read_only);
	if (result < 0)
		elog(ERROR, "catalog query failed: %s", SPI_result_code_string(result));
	processed = SPI_processed;
	for (i = 0; callback != NULL && i < processed; i++)
	{
		MemoryContext spi_context = MemoryContextSwitchTo(caller_context);

		callback(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, arg);
		MemoryContextSwitchTo(spi_context);
	}
	SPI_finish();
	reco_section_end(&section);
	return processed;
}

/*
 * Run a statement as the catalog's owner; the callback, if any, runs in the caller's memory context.  Returns the number of
 * rows returned or changed.  Whether the caller may is for the caller of this to check.
 */
uint64
reco_catalog_run(const RecoCatalogCall *call, RecoCatalogRow callback, void *arg)
{
	CatalogQuery query = {.text = call->text,.plan = call->plan};
	int			i;

	for (i = 0; i < call->n; i++)
		add_parameter(&query, call->types[i], call->values[i], call->nulls != NULL && call->nulls[i] == 'n');
	return run(&query, call->read_only, callback, arg);
}

/* --- values of a row --------------------------------------------------------------------------------------- */

static Datum
get_datum(HeapTuple tuple, TupleDesc descriptor, int column)
{
	bool		is_null;
	Datum		value = heap_getattr(tuple, column, descriptor, &is_null);

	if (is_null)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("column \"%s\" of the reco catalog is null", NameStr(TupleDescAttr(descriptor, column - 1)->attname)),
				 errhint("Drop the model with reco.drop_model and create it again, or restore the table from a backup.")));
	return value;
}

static bool
is_null_column(HeapTuple tuple, TupleDesc descriptor, int column)
{
	return heap_attisnull(tuple, column, descriptor);
}

static char *
get_text(HeapTuple tuple, TupleDesc descriptor, int column)
{
	return TextDatumGetCString(get_datum(tuple, descriptor, column));
}

/* --- models ------------------------------------------------------------------------------------------------ */

static void
read_model(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	RecoModelRow *model = palloc0(sizeof(RecoModelRow));

	model->name = get_text(tuple, descriptor, 1);
	model->owner.role_name = get_text(tuple, descriptor, 2);
	model->owner.role_oid = DatumGetObjectId(get_datum(tuple, descriptor, 3));
	model->owner.system_id = DatumGetInt64(get_datum(tuple, descriptor, 4));
	model->timezone = get_text(tuple, descriptor, 5);
	model->options = DatumGetJsonbPCopy(get_datum(tuple, descriptor, 6));
	if (!is_null_column(tuple, descriptor, 7))
		model->active_version = DatumGetInt32(get_datum(tuple, descriptor, 7));
	model->last_version = DatumGetInt32(get_datum(tuple, descriptor, 8));
	if (!is_null_column(tuple, descriptor, 9))
		model->rules = DatumGetJsonbPCopy(get_datum(tuple, descriptor, 9));
	model->owner_oid = reco_references_find_role(&model->owner);
	*(RecoModelRow **) arg = model;
}

#define MODEL_COLUMNS \
	"SELECT name, owner_name, owner_oid, system_id, timezone, options, active_version, last_version, rules " \
	"FROM reco.model WHERE "
#define MODEL_NAMED MODEL_COLUMNS "name OPERATOR(pg_catalog.=) $1"

/*
 * A model's row, in the caller's memory context.  An unknown name is an error (undefined_object) unless missing_ok, and
 * then NULL.
 */
RecoModelRow *
reco_catalog_find_model(const char *name, RecoReadMode mode, bool missing_ok)
{
	static SPIPlanPtr plan = NULL;
	bool		locked = mode == RECO_READ_LOCKED;
	CatalogQuery query = {.text = locked ? MODEL_NAMED " FOR NO KEY UPDATE" : MODEL_NAMED,.plan = locked ? NULL : &plan};
	RecoModelRow *model = NULL;

	add_text(&query, name);
	(void) run(&query, mode == RECO_READ_CALLER, read_model, &model);
	if (model == NULL && !missing_ok)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" does not exist", name),
				 errhint("SELECT model FROM reco.models lists the models that you may use; reco.create_model makes a new one.")));
	return model;
}

/* The model whose name has that reco_progress_hash, in the snapshot of the calling statement; NULL where there is none. */
RecoModelRow *
reco_catalog_find_hashed(int64 hash)
{
	CatalogQuery query = {.text = MODEL_COLUMNS "pg_catalog.hashtextextended(name, 0) OPERATOR(pg_catalog.=) $1"};
	RecoModelRow *model = NULL;

	add_int64(&query, hash);
	(void) run(&query, true, read_model, &model);
	return model;
}

const char *
reco_catalog_access_name(RecoAccess access)
{
	return access_names[access];
}

static RecoAccess
parse_access(const char *name)
{
	if (strcmp(name, access_names[RECO_ACCESS_EXPLAIN]) == 0)
		return RECO_ACCESS_EXPLAIN;
	return strcmp(name, access_names[RECO_ACCESS_RECOMMEND]) == 0 ? RECO_ACCESS_RECOMMEND : RECO_ACCESS_NONE;
}

typedef struct GrantSearch
{
	Oid			member;			/* anybody in whose name this role may act */
	Oid			exactly;		/* or this grantee alone, where member is InvalidOid */
	RecoAccess	found;
} GrantSearch;

static void
read_grant(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	GrantSearch *search = arg;
	RecoRoleRef role;
	Oid			grantee;
	bool		matches;

	role.role_name = get_text(tuple, descriptor, 1);
	role.role_oid = DatumGetObjectId(get_datum(tuple, descriptor, 2));
	role.system_id = DatumGetInt64(get_datum(tuple, descriptor, 3));
	if (!OidIsValid(role.role_oid))
		matches = OidIsValid(search->member) || search->exactly == InvalidOid;
	else
	{
		grantee = reco_references_find_role(&role);
		if (!OidIsValid(grantee))
			return;
		matches = OidIsValid(search->member) ? has_privs_of_role(search->member, grantee) : grantee == search->exactly;
	}
	if (matches)
		search->found = Max(search->found, parse_access(get_text(tuple, descriptor, 4)));
}

static RecoAccess
search_grants(const char *model, Oid member, Oid exactly, RecoReadMode mode)
{
	CatalogQuery query = {.text = "SELECT role_name, role_oid, system_id, level FROM reco.model_grant "
		"WHERE model OPERATOR(pg_catalog.=) $1"};
	GrantSearch search = {member, exactly, RECO_ACCESS_NONE};

	add_text(&query, model);
	(void) run(&query, mode == RECO_READ_CALLER, read_grant, &search);
	return search.found;
}

/*
 * What the current role may do with a model.  Superusers pass as owners, as they do elsewhere, but the model's
 * expressions still run as its owner.
 */
RecoAccess
reco_catalog_access(const RecoModelRow *model)
{
	Oid			caller = GetUserId();

	if (superuser() || (OidIsValid(model->owner_oid) && has_privs_of_role(caller, model->owner_oid)))
		return RECO_ACCESS_OWNER;
	return search_grants(model->name, caller, InvalidOid, RECO_READ_CALLER);
}

/* Raise insufficient_privilege unless the current role has that access. */
void
reco_catalog_require(const RecoModelRow *model, RecoAccess access)
{
	if (reco_catalog_access(model) >= access)
		return;
	if (access == RECO_ACCESS_OWNER)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of model \"%s\"", model->name),
				 errhint("Its owner is \"%s\".", model->owner.role_name)));
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for model \"%s\"", model->name),
			 errhint("Its owner can call reco.grant_usage('%s', '%s'%s).", model->name, GetUserNameFromId(GetUserId(), false),
					 access == RECO_ACCESS_EXPLAIN ? ", explain => true" : "")));
}

/* The options that are set, checked, over the defaults; times without zone are the model's. */
RecoOptions
reco_catalog_options(const RecoModelRow *model)
{
	RecoSection section = reco_section_begin(GetUserId(), model->timezone);
	RecoOptions options = reco_options_read(model->options);

	reco_section_end(&section);
	return options;
}

/*
 * Insert a model that the current role owns; false where the name is taken.
 */
bool
reco_catalog_insert_model(const char *name, const char *timezone, const Jsonb *options)
{
	CatalogQuery query = {.text = "INSERT INTO reco.model (name, owner_name, owner_oid, system_id, timezone, options, "
		"last_version, created_at) VALUES ($1, $2, $3, $4, $5, $6, 0, pg_catalog.now()) ON CONFLICT (name) DO NOTHING"};
	RecoRoleRef owner = reco_references_role(GetUserId());

	add_text(&query, name);
	add_role(&query, &owner);
	add_text(&query, timezone);
	add_jsonb(&query, options);
	return run(&query, false, NULL, NULL) == 1;
}

void
reco_catalog_update_model(const RecoModelRow *model, Oid owner, const char *timezone, const Jsonb *options)
{
	CatalogQuery query = {.text = "UPDATE reco.model SET owner_name = $2, owner_oid = $3, system_id = $4, timezone = $5, "
		"options = $6 WHERE name OPERATOR(pg_catalog.=) $1"};
	RecoRoleRef role = OidIsValid(owner) ? reco_references_role(owner) : model->owner;

	add_text(&query, model->name);
	add_role(&query, &role);
	add_text(&query, timezone);
	add_jsonb(&query, options);
	(void) run(&query, false, NULL, NULL);
}

/* Replace the standing rules; NULL removes them. */
void
reco_catalog_set_rules(const RecoModelRow *model, const Jsonb *rules)
{
	CatalogQuery query = {.text = "UPDATE reco.model SET rules = $2 WHERE name OPERATOR(pg_catalog.=) $1"};

	add_text(&query, model->name);
	add_parameter(&query, JSONBOID, PointerGetDatum(rules), rules == NULL);
	(void) run(&query, false, NULL, NULL);
}

static int64
delete_rows(const char *text, const char *model)
{
	CatalogQuery query = {.text = text};

	add_text(&query, model);
	return (int64) run(&query, false, NULL, NULL);
}

static void
read_int64(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	*(int64 *) arg = DatumGetInt64(get_datum(tuple, descriptor, 1));
}

/* Remove a model and all that belongs to it; says how much that was. */
void
reco_catalog_delete_model(const char *name, int32 *versions, int32 *sources, int64 *bytes)
{
	CatalogQuery query = {.text = "SELECT coalesce(pg_catalog.sum(bytes), 0)::pg_catalog.int8 FROM reco.version "
		"WHERE model OPERATOR(pg_catalog.=) $1"};

	add_text(&query, name);
	(void) run(&query, false, read_int64, bytes);
	(void) delete_rows("DELETE FROM reco.version_part p USING reco.version v "
					   "WHERE p.blob OPERATOR(pg_catalog.=) v.blob AND v.model OPERATOR(pg_catalog.=) $1", name);
	*versions = (int32) delete_rows("DELETE FROM reco.version WHERE model OPERATOR(pg_catalog.=) $1", name);
	(void) delete_rows("DELETE FROM reco.source_column WHERE model OPERATOR(pg_catalog.=) $1", name);
	*sources = (int32) delete_rows("DELETE FROM reco.source WHERE model OPERATOR(pg_catalog.=) $1", name);
	(void) delete_rows("DELETE FROM reco.experiment WHERE model OPERATOR(pg_catalog.=) $1", name);
	(void) delete_rows("DELETE FROM reco.model_grant WHERE model OPERATOR(pg_catalog.=) $1", name);
	(void) delete_rows("DELETE FROM reco.impression WHERE model OPERATOR(pg_catalog.=) $1", name);
	(void) delete_rows("DELETE FROM reco.model WHERE name OPERATOR(pg_catalog.=) $1", name);
}

/* --- sources ----------------------------------------------------------------------------------------------- */

void
reco_catalog_delete_source(const char *model, const char *kind, const char *name)
{
	static const char *const texts[] = {
		"DELETE FROM reco.source_column WHERE model OPERATOR(pg_catalog.=) $1 AND kind OPERATOR(pg_catalog.=) $2 "
		"AND source OPERATOR(pg_catalog.=) $3",
		"DELETE FROM reco.source WHERE model OPERATOR(pg_catalog.=) $1 AND kind OPERATOR(pg_catalog.=) $2 "
		"AND name OPERATOR(pg_catalog.=) $3"
	};
	int			i;

	for (i = 0; i < (int) lengthof(texts); i++)
	{
		CatalogQuery query = {.text = texts[i]};

		add_text(&query, model);
		add_text(&query, kind);
		add_text(&query, name);
		(void) run(&query, false, NULL, NULL);
	}
}

static void
insert_column(const RecoSource *source, const RecoColumn *column, int position)
{
	CatalogQuery query = {.text = "INSERT INTO reco.source_column (model, kind, source, role, name, \"position\", expression, "
		"type) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"};

	add_text(&query, source->model);
	add_text(&query, reco_definitions_kind_name(source->kind));
	add_text(&query, source->name);
	add_text(&query, reco_definitions_role_name(column->role));
	add_text(&query, column->name);
	add_int32(&query, position);
	add_text(&query, column->expression);
	add_text(&query, format_type_be_qualified(column->type));
	(void) run(&query, false, NULL, NULL);
}

/* Store a source, in place of one of the same kind and name. */
void
reco_catalog_put_source(const RecoSource *source)
{
	CatalogQuery query = {.text = "INSERT INTO reco.source (model, kind, name, schema_name, relation_name, relation_oid, "
		"catalog_oid, system_id, added_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, pg_catalog.now())"};
	const char *kind = reco_definitions_kind_name(source->kind);
	ListCell   *cell;
	int			position = 0;

	reco_catalog_delete_source(source->model, kind, source->name);
	add_text(&query, source->model);
	add_text(&query, kind);
	add_text(&query, source->name);
	add_text(&query, source->relation.schema_name);
	add_text(&query, source->relation.relation_name);
	add_oid(&query, source->relation.relation_oid);
	add_oid(&query, source->relation.catalog_oid);
	add_int64(&query, source->relation.system_id);
	(void) run(&query, false, NULL, NULL);
	foreach(cell, source->columns)
		insert_column(source, lfirst(cell), position++);
}

static RecoSource *
find_source(List *sources, RecoSourceKind kind, const char *name)
{
	ListCell   *cell;

	foreach(cell, sources)
	{
		RecoSource *source = lfirst(cell);

		if (source->kind == kind && strcmp(source->name, name) == 0)
			return source;
	}
	return NULL;
}

typedef struct SourceList
{
	const char *model;
	List	   *sources;
} SourceList;

static RecoSource *
make_source(HeapTuple tuple, TupleDesc descriptor, const char *model, RecoSourceKind kind, char *name)
{
	RecoSource *source = palloc0(sizeof(RecoSource));

	source->model = pstrdup(model);
	source->kind = kind;
	source->name = name;
	source->relation.schema_name = get_text(tuple, descriptor, 3);
	source->relation.relation_name = get_text(tuple, descriptor, 4);
	source->relation.relation_oid = DatumGetObjectId(get_datum(tuple, descriptor, 5));
	source->relation.catalog_oid = DatumGetObjectId(get_datum(tuple, descriptor, 6));
	source->relation.system_id = DatumGetInt64(get_datum(tuple, descriptor, 7));
	return source;
}

static void
complain_of_source(const char *model, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("source \"%s\" of model \"%s\" is damaged in the catalog", name, model),
			 errhint("Call reco.remove_source, then add the source again.")));
}

/* One row a column of a source, or one without a column: the source's own columns first, then the column's. */
static void
read_source_column(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	SourceList *list = arg;
	char	   *name = get_text(tuple, descriptor, 2);
	RecoSourceKind kind;
	RecoSource *source;
	RecoColumn *column = palloc0(sizeof(RecoColumn));

	if (!reco_definitions_find_kind(get_text(tuple, descriptor, 1), &kind) || is_null_column(tuple, descriptor, 8) ||
		!reco_definitions_find_role(get_text(tuple, descriptor, 8), &column->role))
		complain_of_source(list->model, name);
	source = find_source(list->sources, kind, name);
	if (source == NULL)
	{
		source = make_source(tuple, descriptor, list->model, kind, name);
		list->sources = lappend(list->sources, source);
	}
	column->name = get_text(tuple, descriptor, 9);
	column->expression = get_text(tuple, descriptor, 10);
	source->columns = lappend(source->columns, column);
}

static void
read_kind(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	List	  **kinds = arg;

	*kinds = lappend(*kinds, get_text(tuple, descriptor, 1));
}

/* The kinds (char *) of the sources of that name; looks at nothing else, so that a damaged source can be removed. */
List *
reco_catalog_source_kinds(const char *model, const char *name)
{
	CatalogQuery query = {.text = "SELECT kind FROM reco.source WHERE model OPERATOR(pg_catalog.=) $1 "
		"AND name OPERATOR(pg_catalog.=) $2 ORDER BY kind"};
	List	   *kinds = NIL;

	add_text(&query, model);
	add_text(&query, name);
	(void) run(&query, false, read_kind, &kinds);
	return kinds;
}

/*
 * The sources of a model, by kind and name.  The types of their columns are left out: what was true when they were
 * stored need not be now, and sources.c looks anew.
 */
List *
reco_catalog_sources(const char *model, RecoReadMode mode)
{
	static SPIPlanPtr plan = NULL;
	CatalogQuery query = {.plan = &plan,.text = "SELECT s.kind, s.name, s.schema_name, s.relation_name, s.relation_oid, s.catalog_oid, "
		"s.system_id, c.role, c.name, c.expression "
		"FROM reco.source s LEFT JOIN reco.source_column c ON c.model OPERATOR(pg_catalog.=) s.model "
		"AND c.kind OPERATOR(pg_catalog.=) s.kind AND c.source OPERATOR(pg_catalog.=) s.name "
		"WHERE s.model OPERATOR(pg_catalog.=) $1 ORDER BY s.kind, s.name, c.\"position\""};
	SourceList	list = {model, NIL};
	ListCell   *cell;

	add_text(&query, model);
	(void) run(&query, mode == RECO_READ_CALLER, read_source_column, &list);
	foreach(cell, list.sources)
	{
		const RecoSource *source = lfirst(cell);

		if (!reco_definitions_is_sound(source))
			complain_of_source(model, source->name);
	}
	return list.sources;
}

/*
 * Write what the model refers to anew, wherever it was written before: present names, so that a dump restored elsewhere
 * finds it, and the oids of here, which decide from now on.
 */
void
reco_catalog_refresh_references(const RecoModelRow *model)
{
	RecoRoleRef owner_ref = reco_references_role(model->owner_oid);
	CatalogQuery owner = {.text = "UPDATE reco.model SET owner_name = $2, owner_oid = $3, system_id = $4 "
		"WHERE name OPERATOR(pg_catalog.=) $1 AND (owner_name, owner_oid, system_id) OPERATOR(pg_catalog.<>) ($2, $3, $4)"};
	CatalogQuery sources = {.text = "UPDATE reco.source s SET schema_name = n.nspname, relation_name = c.relname, "
		"relation_oid = c.oid, catalog_oid = $2, system_id = $3 "
		"FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace "
		"WHERE s.model OPERATOR(pg_catalog.=) $1 AND c.oid OPERATOR(pg_catalog.=) "
		"reco.resolve_relation(s.schema_name, s.relation_name, s.relation_oid, s.catalog_oid, s.system_id)::pg_catalog.oid "
		"AND (s.schema_name, s.relation_name, s.relation_oid, s.catalog_oid, s.system_id) OPERATOR(pg_catalog.<>) "
		"(n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.oid, $2, $3)"};
	CatalogQuery grants = {.text = "UPDATE reco.model_grant g SET role_name = r.rolname FROM pg_catalog.pg_roles r "
		"WHERE g.model OPERATOR(pg_catalog.=) $1 AND g.system_id OPERATOR(pg_catalog.=) $2 "
		"AND g.role_oid OPERATOR(pg_catalog.=) r.oid AND g.role_name OPERATOR(pg_catalog.<>) r.rolname::pg_catalog.text"};
	CatalogQuery adopt = {.text = "WITH found AS (DELETE FROM reco.model_grant g USING pg_catalog.pg_roles r "
		"WHERE g.model OPERATOR(pg_catalog.=) $1 AND g.system_id OPERATOR(pg_catalog.<>) $2 "
		"AND g.role_oid OPERATOR(pg_catalog.<>) 0::pg_catalog.oid "
		"AND r.rolname OPERATOR(pg_catalog.=) reco.resolve_role(g.role_name, g.role_oid, g.system_id) "
		"RETURNING g.model, r.rolname, r.oid, g.level) "
		"INSERT INTO reco.model_grant (model, role_name, role_oid, system_id, level) "
		"SELECT DISTINCT ON (oid) model, rolname, oid, $2, level FROM found ORDER BY oid, level ON CONFLICT DO NOTHING"};

	add_text(&owner, model->name);
	add_role(&owner, &owner_ref);
	(void) run(&owner, false, NULL, NULL);
	add_text(&sources, model->name);
	add_oid(&sources, reco_references_catalog());
	add_int64(&sources, reco_references_system_id());
	(void) run(&sources, false, NULL, NULL);
	add_text(&grants, model->name);
	add_int64(&grants, reco_references_system_id());
	(void) run(&grants, false, NULL, NULL);
	add_text(&adopt, model->name);
	add_int64(&adopt, reco_references_system_id());
	(void) run(&adopt, false, NULL, NULL);
}

/* --- experiments ------------------------------------------------------------------------------------------- */

static const char *const metric_names[RECO_METRICS] = {
	[RECO_METRIC_AOV] = "aov",
	[RECO_METRIC_ITEMS_PER_ORDER] = "items_per_order",
	[RECO_METRIC_CONVERSION] = "conversion",
	[RECO_METRIC_REVENUE_PER_USER] = "revenue_per_user"
};

const char *
reco_catalog_metric_name(RecoExperimentMetric metric)
{
	return metric_names[metric];
}

bool
reco_catalog_find_metric(const char *name, RecoExperimentMetric *metric)
{
	int			i;

	for (i = 0; i < RECO_METRICS; i++)
		if (strcmp(metric_names[i], name) == 0)
		{
			*metric = (RecoExperimentMetric) i;
			return true;
		}
	return false;
}

/* Whether a row is one that reco.create_experiment could have written. */
static bool
is_sound(const RecoExperimentRow *row)
{
	int			i;

	if (row->n_arms < 2 || row->n_arms > RECO_MAX_ARMS)
		return false;
	for (i = 0; i < row->n_arms; i++)
		if (!(row->weights[i] > 0) || isinf(row->weights[i]))
			return false;
	return row->minimum_effect > 0 && row->minimum_effect <= 1 && row->winsorize > 0 && row->winsorize <= 1 &&
		row->prior_days >= 0 && row->prior_days <= RECO_MAX_PRIOR_DAYS && !TIMESTAMP_NOT_FINITE(row->starts) &&
		!TIMESTAMP_NOT_FINITE(row->planned_end) && row->starts < row->planned_end && row->ended_at > row->starts;
}

/* The elements of two arrays of one length; false where they are not. */
static bool
read_arms(RecoExperimentRow *row, Datum arms, Datum weights)
{
	ArrayType  *names = DatumGetArrayTypeP(arms);
	ArrayType  *numbers = DatumGetArrayTypeP(weights);
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	int			i;

	if (ARR_NDIM(names) != 1 || ARR_NDIM(numbers) != 1 || ARR_HASNULL(numbers))
		return false;
	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &row->n_arms);
	row->arms = palloc(mul_size(row->n_arms, sizeof(char *)));
	for (i = 0; i < row->n_arms; i++)
		if (nulls[i])
			return false;
		else
			row->arms[i] = TextDatumGetCString(elements[i]);
	deconstruct_array(numbers, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls, &n);
	row->weights = palloc(mul_size(n, sizeof(double)));
	for (i = 0; i < n; i++)
		row->weights[i] = DatumGetFloat8(elements[i]);
	return n == row->n_arms;
}

static void
read_experiment(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	RecoExperimentRow *row = palloc0(sizeof(RecoExperimentRow));
	bool		sound;

	row->name = get_text(tuple, descriptor, 1);
	row->model = get_text(tuple, descriptor, 2);
	sound = read_arms(row, get_datum(tuple, descriptor, 3), get_datum(tuple, descriptor, 4));
	sound &= reco_catalog_find_metric(get_text(tuple, descriptor, 5), &row->metric);
	row->minimum_effect = DatumGetFloat8(get_datum(tuple, descriptor, 6));
	row->starts = DatumGetTimestampTz(get_datum(tuple, descriptor, 7));
	row->planned_end = DatumGetTimestampTz(get_datum(tuple, descriptor, 8));
	row->ended_at = DatumGetTimestampTz(get_datum(tuple, descriptor, 9));
	row->always_valid = DatumGetBool(get_datum(tuple, descriptor, 10));
	row->winsorize = DatumGetFloat8(get_datum(tuple, descriptor, 11));
	row->prior_days = DatumGetInt32(get_datum(tuple, descriptor, 12));
	row->salt = get_text(tuple, descriptor, 13);
	row->has_exposures = DatumGetBool(get_datum(tuple, descriptor, 14));
	if (!sound || !is_sound(row))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("experiment \"%s\" is damaged in the catalog", row->name),
				 errhint("Call reco.drop_experiment, then create it again with the same salt, which gives the same arms.")));
	*(RecoExperimentRow **) arg = row;
}

static void
complain_of_no_experiment(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("experiment \"%s\" does not exist", name),
			 errhint("SELECT experiment FROM reco.experiments lists those of the models that you may use.")));
}

/* An experiment's row, in the caller's memory context.  Errors: undefined_object, data_corrupted. */
RecoExperimentRow *
reco_catalog_find_experiment(const char *name, RecoReadMode mode)
{
	static SPIPlanPtr plan = NULL;
	CatalogQuery query = {.plan = &plan,.text = "SELECT name, model, arms, weights, metric, minimum_effect, starts, planned_end, "
		"coalesce(ended_at, 'infinity'), analysis OPERATOR(pg_catalog.=) 'always_valid', winsorize, prior_days, salt, "
		"EXISTS (SELECT FROM reco.source s WHERE s.model OPERATOR(pg_catalog.=) e.model "
		"AND s.kind OPERATOR(pg_catalog.=) 'exposures' AND s.name OPERATOR(pg_catalog.=) e.name) "
		"FROM reco.experiment e WHERE name OPERATOR(pg_catalog.=) $1"};
	RecoExperimentRow *row = NULL;

	add_text(&query, name);
	(void) run(&query, mode == RECO_READ_CALLER, read_experiment, &row);
	if (row == NULL)
		complain_of_no_experiment(name);
	return row;
}

/* The model of an experiment that may be damaged, NULL where there is none and that is no error. */
char *
reco_catalog_experiment_model(const char *name, bool missing_ok)
{
	CatalogQuery query = {.text = "SELECT model FROM reco.experiment WHERE name OPERATOR(pg_catalog.=) $1"};
	List	   *models = NIL;

	add_text(&query, name);
	(void) run(&query, false, read_kind, &models);
	if (models == NIL && !missing_ok)
		complain_of_no_experiment(name);
	return models == NIL ? NULL : linitial(models);
}

/* Store an experiment without its source of exposures; false where the name is taken. */
bool
reco_catalog_insert_experiment(const RecoExperimentRow *row)
{
	CatalogQuery query = {.text = "INSERT INTO reco.experiment (name, model, arms, weights, metric, minimum_effect, starts, "
		"planned_end, analysis, winsorize, prior_days, salt, created_at) "
		"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, pg_catalog.now()) ON CONFLICT (name) DO NOTHING"};
	Datum		arms[RECO_MAX_ARMS];
	Datum		weights[RECO_MAX_ARMS];
	int			i;

	for (i = 0; i < row->n_arms; i++)
	{
		arms[i] = CStringGetTextDatum(row->arms[i]);
		weights[i] = Float8GetDatum(row->weights[i]);
	}
	add_text(&query, row->name);
	add_text(&query, row->model);
	add_parameter(&query, TEXTARRAYOID, PointerGetDatum(construct_array(arms, row->n_arms, TEXTOID, -1, false, TYPALIGN_INT)), false);
	add_parameter(&query, FLOAT8ARRAYOID, PointerGetDatum(construct_array(weights, row->n_arms, FLOAT8OID, sizeof(float8),
																		  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)), false);
	add_text(&query, reco_catalog_metric_name(row->metric));
	add_parameter(&query, FLOAT8OID, Float8GetDatum(row->minimum_effect), false);
	add_parameter(&query, TIMESTAMPTZOID, TimestampTzGetDatum(row->starts), false);
	add_parameter(&query, TIMESTAMPTZOID, TimestampTzGetDatum(row->planned_end), false);
	add_text(&query, row->always_valid ? "always_valid" : "fixed");
	add_parameter(&query, FLOAT8OID, Float8GetDatum(row->winsorize), false);
	add_int32(&query, row->prior_days);
	add_text(&query, row->salt);
	return run(&query, false, NULL, NULL) == 1;
}

/* The end of an experiment that has none yet is now. */
void
reco_catalog_end_experiment(const char *name)
{
	CatalogQuery query = {.text = "UPDATE reco.experiment SET ended_at = pg_catalog.now() "
		"WHERE name OPERATOR(pg_catalog.=) $1 AND ended_at IS NULL"};

	add_text(&query, name);
	(void) run(&query, false, NULL, NULL);
}

/* Remove an experiment; its source of exposures is the caller's to remove. */
void
reco_catalog_delete_experiment(const char *name)
{
	(void) delete_rows("DELETE FROM reco.experiment WHERE name OPERATOR(pg_catalog.=) $1", name);
}

/* --- grants ------------------------------------------------------------------------------------------------ */

/* The level that a role was granted by itself, InvalidOid for PUBLIC. */
RecoAccess
reco_catalog_granted(const char *model, Oid role)
{
	return search_grants(model, InvalidOid, role, RECO_READ_LATEST);
}

/* Set the level of a role, InvalidOid for PUBLIC; RECO_ACCESS_NONE removes it. */
void
reco_catalog_put_grant(const char *model, Oid role, RecoAccess level)
{
	RecoRoleRef ref = reco_references_role(role);
	CatalogQuery remove = {.text = "DELETE FROM reco.model_grant WHERE model OPERATOR(pg_catalog.=) $1 "
		"AND (system_id OPERATOR(pg_catalog.=) $4 AND role_oid OPERATOR(pg_catalog.=) $3 "
		"OR system_id OPERATOR(pg_catalog.<>) $4 AND role_name OPERATOR(pg_catalog.=) $2)"};
	CatalogQuery insert = {.text = "INSERT INTO reco.model_grant (model, role_name, role_oid, system_id, level) "
		"VALUES ($1, $2, $3, $4, $5)"};

	add_text(&remove, model);
	add_role(&remove, &ref);
	(void) run(&remove, false, NULL, NULL);
	if (level == RECO_ACCESS_NONE)
		return;
	add_text(&insert, model);
	add_role(&insert, &ref);
	add_text(&insert, access_names[level]);
	(void) run(&insert, false, NULL, NULL);
}

#define LOST_GRANTS "FROM reco.model_grant WHERE model OPERATOR(pg_catalog.=) $1 " \
	"AND role_oid OPERATOR(pg_catalog.<>) 0::pg_catalog.oid AND reco.resolve_role(role_name, role_oid, system_id) IS NULL"

static void
read_name(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	List	  **names = arg;

	*names = lappend(*names, get_text(tuple, descriptor, 1));
}

/* The names of roles that have a grant and do not exist any more, in order. */
List *
reco_catalog_lost_grantees(const char *model)
{
	CatalogQuery query = {.text = "SELECT DISTINCT role_name " LOST_GRANTS " ORDER BY role_name"};
	List	   *names = NIL;

	add_text(&query, model);
	(void) run(&query, false, read_name, &names);
	return names;
}

/* Remove the grants to roles of that name that do not exist any more; returns how many there were. */
int64
reco_catalog_forget_grants(const char *model, const char *role_name)
{
	CatalogQuery query = {.text = "DELETE " LOST_GRANTS " AND role_name OPERATOR(pg_catalog.=) $2"};

	add_text(&query, model);
	add_text(&query, role_name);
	return (int64) run(&query, false, NULL, NULL);
}

/* --- versions ---------------------------------------------------------------------------------------------- */

static void
insert_part(const pg_uuid_t *blob, int32 part, const char *data, Size length)
{
	CatalogQuery query = {.text = "INSERT INTO reco.version_part (blob, part, data) VALUES ($1, $2, $3)"};
	bytea	   *bytes = palloc(add_size(length, VARHDRSZ));

	SET_VARSIZE(bytes, length + VARHDRSZ);
	memcpy(VARDATA(bytes), data, length);
	add_parameter(&query, UUIDOID, UUIDPGetDatum(blob), false);
	add_int32(&query, part);
	add_parameter(&query, BYTEAOID, PointerGetDatum(bytes), false);
	(void) run(&query, false, NULL, NULL);
	pfree(bytes);
}

static int32
insert_parts(const pg_uuid_t *blob, const char *data, Size length)
{
	int32		part = 0;
	Size		at;

	for (at = 0; at < length; at += PART_SIZE)
	{
		insert_part(blob, part++, data + at, Min(PART_SIZE, length - at));
		CHECK_FOR_INTERRUPTS();
	}
	return part;
}

/*
 * Store a new version with its blob and make it the active one.  Fills in version->version and version->blob, a random
 * id that is never used again and under which sessions cache the blob.
 */
void
reco_catalog_add_version(const RecoModelRow *model, RecoVersionRow *version, const char *blob, Size length)
{
	CatalogQuery query = {.text = "INSERT INTO reco.version (model, version, blob, created_at, trained_to, rows, users, items, "
		"bags, seconds, bytes, parts, kernel, complements, options, metrics) "
		"VALUES ($1, $2, $3, pg_catalog.clock_timestamp(), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"};
	CatalogQuery update = {.text = "UPDATE reco.model SET last_version = $2 WHERE name OPERATOR(pg_catalog.=) $1"};
	int32		parts;

	if (model->last_version == PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("model \"%s\" has had %d versions, and no number is left", model->name, PG_INT32_MAX),
				 errhint("Create a new model.")));

	if (!pg_strong_random(&version->blob, sizeof(version->blob)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random identifier")));
	version->version = model->last_version + 1;
	parts = insert_parts(&version->blob, blob, length);
	add_text(&query, model->name);
	add_int32(&query, version->version);
	add_parameter(&query, UUIDOID, UUIDPGetDatum(&version->blob), false);
	add_parameter(&query, TIMESTAMPTZOID, TimestampTzGetDatum(version->trained_to), TIMESTAMP_NOT_FINITE(version->trained_to));
	add_parameter(&query, INT8OID, Int64GetDatum(version->rows), version->rows < 0);
	add_int32(&query, version->users);
	add_int32(&query, version->items);
	add_int64(&query, version->bags);
	add_parameter(&query, FLOAT8OID, Float8GetDatum(version->seconds), false);
	add_int64(&query, version->bytes);
	add_int32(&query, parts);
	add_text(&query, version->kernel);
	add_text(&query, version->complements);
	add_jsonb(&query, version->options);
	add_jsonb(&query, version->metrics);
	(void) run(&query, false, NULL, NULL);

	add_text(&update, model->name);
	add_int32(&update, version->version);
	if (run(&update, false, NULL, NULL) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" was dropped while it was trained", model->name),
				 errhint("A view or function among its sources did that: see what they call.")));
	(void) reco_catalog_activate(model->name, version->version);
}

/* Make a stored version the active one; false where there is no such version. */
bool
reco_catalog_activate(const char *model, int32 version)
{
	CatalogQuery query = {.text = "UPDATE reco.model m SET active_version = v.version FROM reco.version v "
		"WHERE m.name OPERATOR(pg_catalog.=) $1 AND v.model OPERATOR(pg_catalog.=) $1 AND v.version OPERATOR(pg_catalog.=) $2"};

	add_text(&query, model);
	add_int32(&query, version);
	return run(&query, false, NULL, NULL) == 1;
}

static void
read_blob(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	List	  **blobs = arg;
	pg_uuid_t  *blob = palloc(sizeof(pg_uuid_t));

	*blob = *DatumGetUUIDP(get_datum(tuple, descriptor, 1));
	*blobs = lappend(*blobs, blob);
}

/* Delete all but so many of the newest versions; the active one stays in any case.  Returns how many were deleted. */
int32
reco_catalog_prune(const char *model, int32 keep)
{
	CatalogQuery query = {.text = "DELETE FROM reco.version v USING reco.model m "
		"WHERE v.model OPERATOR(pg_catalog.=) $1 AND m.name OPERATOR(pg_catalog.=) $1 "
		"AND (m.active_version IS NULL OR v.version OPERATOR(pg_catalog.<>) m.active_version) "
		"AND v.version OPERATOR(pg_catalog.<=) "
		"(SELECT w.version FROM reco.version w WHERE w.model OPERATOR(pg_catalog.=) $1 "
		"ORDER BY w.version DESC OFFSET $2 LIMIT 1) RETURNING v.blob"};
	List	   *blobs = NIL;
	ListCell   *cell;

	add_text(&query, model);
	add_int32(&query, keep);
	(void) run(&query, false, read_blob, &blobs);
	foreach(cell, blobs)
	{
		CatalogQuery parts = {.text = "DELETE FROM reco.version_part WHERE blob OPERATOR(pg_catalog.=) $1"};

		add_parameter(&parts, UUIDOID, UUIDPGetDatum(lfirst(cell)), false);
		(void) run(&parts, false, NULL, NULL);
	}
	return list_length(blobs);
}

/* The blob of a version, in the caller's snapshot; false where there is no such version. */
bool
reco_catalog_version_blob(const char *model, int32 version, pg_uuid_t *blob)
{
	static SPIPlanPtr plan = NULL;
	List	   *blobs = NIL;
	CatalogQuery query = {.plan = &plan,.text = "SELECT blob FROM reco.version WHERE model OPERATOR(pg_catalog.=) $1 "
		"AND version OPERATOR(pg_catalog.=) $2"};

	add_text(&query, model);
	add_int32(&query, version);
	if (run(&query, true, read_blob, &blobs) != 1)
		return false;
	*blob = *(pg_uuid_t *) linitial(blobs);
	return true;
}

/* The blob of the active version, in the caller's snapshot; false where the model was never trained. */
bool
reco_catalog_active_blob(const RecoModelRow *model, pg_uuid_t *blob)
{
	return model->active_version != 0 && reco_catalog_version_blob(model->name, model->active_version, blob);
}

static void
read_summary(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	RecoVersionSummary *version = arg;

	version->version = DatumGetInt32(get_datum(tuple, descriptor, 1));
	version->created_at = DatumGetTimestampTz(get_datum(tuple, descriptor, 2));
	version->heldout_cases = DatumGetInt32(get_datum(tuple, descriptor, 3));
}

/* The active version in a few words; false where the model was never trained. */
bool
reco_catalog_active_version(const RecoModelRow *model, RecoVersionSummary *version)
{
	CatalogQuery query = {.text = "SELECT version, created_at, coalesce((metrics OPERATOR(pg_catalog.->) 'completion' "
		"OPERATOR(pg_catalog.->>) 'cases')::pg_catalog.int4, 0) FROM reco.version "
		"WHERE model OPERATOR(pg_catalog.=) $1 AND version OPERATOR(pg_catalog.=) $2"};

	add_text(&query, model->name);
	add_int32(&query, model->active_version);
	return run(&query, false, read_summary, version) == 1;
}

typedef struct BlobParts
{
	MemoryContext context;
	int32		next;
	char	   *memory;
	Size		used;
	Size		size;
} BlobParts;

static void
read_part_size(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	*(int64 *) arg = DatumGetInt64(get_datum(tuple, descriptor, 1));
}

static void
complain_of_parts(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the parts of a stored model do not fit together"),
			 errhint("Call reco.train again, or reco.activate for another version.")));
}

static void
read_part(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	BlobParts  *parts = arg;
	struct varlena *data = (struct varlena *) DatumGetPointer(get_datum(tuple, descriptor, 2));
	Size		length = toast_raw_datum_size(PointerGetDatum(data)) - VARHDRSZ;
	Size		at;

	if (DatumGetInt32(get_datum(tuple, descriptor, 1)) != parts->next++ || length > parts->size - parts->used)
		complain_of_parts();
	for (at = 0; at < length; at += SLICE_SIZE)
	{
		Size		wanted = Min(length - at, SLICE_SIZE);
		struct varlena *slice = detoast_attr_slice(data, (int32) at, (int32) wanted);

		if (VARSIZE_ANY_EXHDR(slice) != wanted)
			complain_of_parts();
		memcpy(parts->memory + parts->used + at, VARDATA_ANY(slice), wanted);
		pfree(slice);
		CHECK_FOR_INTERRUPTS();
	}
	parts->used += length;
}

/*
 * The bytes of a blob, on a cache line, in one piece allocated in context.
 */
char *
reco_catalog_load_blob(const pg_uuid_t *blob, MemoryContext context, Size *length)
{
	CatalogQuery size = {.text = "SELECT coalesce(pg_catalog.sum(pg_catalog.octet_length(data)), 0)::pg_catalog.int8 "
		"FROM reco.version_part WHERE blob OPERATOR(pg_catalog.=) $1"};
	CatalogQuery query = {.text = "SELECT part, data FROM reco.version_part WHERE blob OPERATOR(pg_catalog.=) $1 ORDER BY part"};
	BlobParts	parts = {.context = context};
	int64		bytes = 0;

	add_parameter(&size, UUIDOID, UUIDPGetDatum(blob), false);
	(void) run(&size, true, read_part_size, &bytes);
	parts.size = (Size) bytes;
	parts.memory = MemoryContextAllocExtended(context, add_size(parts.size, PG_CACHE_LINE_SIZE * 2), MCXT_ALLOC_HUGE);
	parts.memory = (char *) TYPEALIGN(PG_CACHE_LINE_SIZE, parts.memory);
	add_parameter(&query, UUIDOID, UUIDPGetDatum(blob), false);
	(void) run(&query, true, read_part, &parts);
	*length = parts.used;
	return parts.memory;
}
