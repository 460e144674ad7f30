/*
 * check.c: looks a model over, and says what is missing or odd and which command mends it.
 */
#include "postgres.h"

#include "check.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "lines.h"
#include "miscadmin.h"
#include "odd_offers.h"
#include "section.h"
#include "sources.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/fmgrprotos.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#define MEGABYTE ((double) 1024 * 1024)
#define STALE_DAYS 7
#define FEW_CASES 200
#define LINES_A_BAG 4			/* about so many lines of an order or customer */
#define MANY_ROWS 1000			/* below, no index is missed */

typedef struct Findings
{
	const RecoModelRow *model;
	List	   *sources;
	List	   *found;
} Findings;

static void
add_finding(Findings *findings, const char *severity, const char *subject, const char *finding, const char *remedy)
{
	RecoFinding *added = palloc(sizeof(RecoFinding));

	added->severity = severity;
	added->subject = subject;
	added->finding = finding;
	added->remedy = remedy;
	findings->found = lappend(findings->found, added);
}

static const char *
source_subject(const RecoSource *source)
{
	return psprintf("%s source \"%s\"", reco_definitions_kind_name(source->kind), source->name);
}

/* --- the model --------------------------------------------------------------------------------------------- */

static void
check_owner(Findings *findings)
{
	if (!OidIsValid(findings->model->owner_oid))
		add_finding(findings, "error", "owner", psprintf("role \"%s\" does not exist", findings->model->owner.role_name),
					psprintf("SELECT reco.set_owner(%s, ...)", quote_literal_cstr(findings->model->name)));
}

/* A grant does not keep its role from being dropped, and gives a later one of that name nothing. */
static void
check_grants(Findings *findings)
{
	ListCell   *cell;

	foreach(cell, reco_catalog_lost_grantees(findings->model->name))
	{
		const char *role = lfirst(cell);

		add_finding(findings, "notice", "grants", psprintf("role \"%s\", to which usage was granted, does not exist any more", role),
					psprintf("SELECT reco.revoke_usage(%s, %s)", quote_literal_cstr(findings->model->name), quote_literal_cstr(role)));
	}
}

/* Whether there are orders, or sessions in their place. */
static bool
gives_orders(List *sources)
{
	ListCell   *cell;

	foreach(cell, sources)
		if (reco_definitions_gives_orders(sources, lfirst(cell)))
			return true;
	return false;
}

static bool
has_orders(const Findings *findings)
{
	return gives_orders(findings->sources);
}

/* A model that was imported can do without them. */
static void
check_has_orders(Findings *findings)
{
	const char *remedy = psprintf("SELECT reco.add_orders(%s, ...)", quote_literal_cstr(findings->model->name));

	if (has_orders(findings))
		return;
	if (findings->model->active_version == 0)
		add_finding(findings, "error", "sources", "there are no orders to learn from", remedy);
	else
		add_finding(findings, "notice", "sources",
					"there are no orders: the model answers from basket and history alone, and cannot be trained", remedy);
}

static void
check_version(Findings *findings)
{
	char	   *name = quote_literal_cstr(findings->model->name);
	char	   *train = psprintf("SELECT * FROM reco.train(%s)", name);
	RecoVersionSummary version;

	if (!reco_catalog_active_version(findings->model, &version))
	{
		add_finding(findings, "error", "version", "the model has never been trained", train);
		return;
	}
	if (GetCurrentTimestamp() - version.created_at > STALE_DAYS * USECS_PER_DAY)
		add_finding(findings, "warning", "version",
					psprintf("version %d was trained %d days ago", version.version,
							 (int) ((GetCurrentTimestamp() - version.created_at) / USECS_PER_DAY)),
					has_orders(findings) ? train : psprintf("SELECT reco.import_model(%s, ...)", name));
	if (version.heldout_cases < FEW_CASES)
		add_finding(findings, "notice", "version",
					psprintf("only %d held-out orders of at least two items: serving parameters are the defaults, and the "
							 "metrics say little", version.heldout_cases),
					has_orders(findings) ? "nothing to do: they are chosen once there are more orders"
					: "nothing to do here: they are chosen where the model is trained, on orders with times");
}

/*
 * What training will need, by the planner's statistics: at least the lines, and then the factors of orders and customers,
 * of whom nothing is known but that they have some lines each.
 */
static void
check_memory(Findings *findings)
{
	double		limit = maintenance_work_mem * 1024.0;
	double		lines = 0;
	double		reading;
	double		training;
	const char *remedy;
	ListCell   *cell;

	foreach(cell, findings->sources)
	{
		const RecoSource *source = lfirst(cell);

		if ((source->kind == RECO_SOURCE_ORDERS || source->kind == RECO_SOURCE_SESSIONS) &&
			OidIsValid(reco_references_find_relation(&source->relation)))
			lines += reco_sources_estimate_rows(source);
	}
	reading = lines * 2 * sizeof(RecoLine);
	training = reading + lines / LINES_A_BAG * sizeof(float) * reco_catalog_options(findings->model).factors;
	remedy = psprintf("SET maintenance_work_mem = '%.0fMB'", (floor(training / MEGABYTE / 64) + 1) * 64);
	if (reading > limit)
		add_finding(findings, "warning", "memory",
					psprintf("reading about %.0f order lines needs %.0f MB, and factors more, but maintenance_work_mem is %d MB",
							 lines, reading / MEGABYTE, maintenance_work_mem / 1024), remedy);
	else if (training > limit)
		add_finding(findings, "notice", "memory",
					psprintf("training on about %.0f order lines may need more than maintenance_work_mem, which is %d MB",
							 lines, maintenance_work_mem / 1024), remedy);
}

/* --- a source ---------------------------------------------------------------------------------------------- */

/* Something that reads a source with the rights of the model's owner, and may fail. */
typedef void (*Look) (Findings *findings, RecoReader *reader, const RecoSource *source);

/* What went wrong, or NULL; the subtransaction takes the error back. */
static ErrorData *
try_to_look(Findings *findings, const RecoSource *source, Look look)
{
	RecoReader	reader = {findings->model->name, findings->model->owner_oid, findings->model->timezone, false, NULL, NULL};
	MemoryContext old_context = CurrentMemoryContext;
	ResourceOwner old_owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old_context);
	PG_TRY();
	{
		look(findings, &reader, source);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old_context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_context);
	CurrentResourceOwner = old_owner;
	if (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	return error;
}

static void
look_whether_readable(Findings *findings, RecoReader *reader, const RecoSource *source)
{
	(void) findings;
	reader->integer_keys = reco_sources_integer_keys(reader, source);
	reco_sources_check(reader, source);
}

/* Whether its relation can be read as the model's owner. */
static bool
check_readable(Findings *findings, const RecoSource *source)
{
	const char *owner = quote_identifier(findings->model->owner.role_name);
	ErrorData  *error = try_to_look(findings, source, look_whether_readable);

	if (error == NULL)
		return true;
	add_finding(findings, "error", source_subject(source), psprintf("it cannot be read: %s", error->message),
				error->hint != NULL ? error->hint : error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE
				? psprintf("GRANT USAGE ON SCHEMA %s TO %s; GRANT SELECT ON %s TO %s",
						   quote_identifier(source->relation.schema_name), owner,
						   quote_qualified_identifier(source->relation.schema_name, source->relation.relation_name), owner)
				: psprintf("call reco.add_%s again with expressions that fit", reco_definitions_kind_name(source->kind)));
	return false;
}

/* So many rows of a source, where there are any. */
static void
add_odd_rows(Findings *findings, const RecoSource *source, int64 n, const char *what, const char *remedy)
{
	if (n > 0)
		add_finding(findings, "warning", source_subject(source), psprintf(INT64_FORMAT " offers %s", n, what), remedy);
}

static void
look_at_offers(Findings *findings, RecoReader *reader, const RecoSource *source)
{
	RecoOddOffers *odd;

	reader->integer_keys = reco_sources_all_integer_keys(reader, findings->sources);
	odd = reco_odd_offers_count(reader, findings->sources, source);
	add_odd_rows(findings, source, odd->bad_price, "count nothing: their price is NULL, NaN, infinite or negative",
				 "give them a price, or take them out of the relation");
	add_odd_rows(findings, source, odd->never, "are never in force: valid_to is not after valid_from",
				 "set valid_to to the first moment at which they do not hold any more, or to NULL");
	add_odd_rows(findings, source, odd->no_item, "are of no item that a source of items has",
				 "correct their item_id, or take them out of the relation");
	add_odd_rows(findings, source, odd->no_audience, "have an audience that is nobody",
				 "write field=value, an array of such texts, or NULL for everybody");
	if (odd->field != NULL)
		add_odd_rows(findings, source, odd->no_field,
					 psprintf("have an audience by a field that no source of users has, such as \"%s\"", odd->field),
					 psprintf("SELECT reco.add_users(%s, ..., features => ...) with that field, or correct the audience",
							  quote_literal_cstr(findings->model->name)));
}

static void
check_offers(Findings *findings, const RecoSource *source)
{
	ErrorData  *error = try_to_look(findings, source, look_at_offers);

	if (error != NULL)
		add_finding(findings, "warning", source_subject(source), psprintf("its rows could not be looked at: %s", error->message),
					error->hint != NULL ? error->hint : "see that its expressions, and those of item_id of all items, raise no error");
}

static bool
is_valid_index(Oid index)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	bool		valid;

	if (!HeapTupleIsValid(tuple))
		return false;
	valid = ((Form_pg_index) GETSTRUCT(tuple))->indisvalid;
	ReleaseSysCache(tuple);
	return valid;
}

/* Whether a valid index of the relation begins with that column or expression, both written with pinned settings. */
static bool
has_index_on(Relation relation, const char *expression)
{
	RecoSection section = reco_section_begin(GetUserId(), NULL);
	List	   *indexes = RelationGetIndexList(relation);
	char	   *in_parentheses = psprintf("(%s)", expression);
	bool		found = false;
	ListCell   *cell;

	foreach(cell, indexes)
	{
		Datum		first = DirectFunctionCall3(pg_get_indexdef_ext, ObjectIdGetDatum(lfirst_oid(cell)), Int32GetDatum(1),
												BoolGetDatum(false));
		char	   *column = TextDatumGetCString(first);

		if (is_valid_index(lfirst_oid(cell)))
			found = found || strcmp(column, expression) == 0 || strcmp(column, in_parentheses) == 0;
	}
	list_free(indexes);
	reco_section_end(&section);
	return found;
}

/* A read at every request: what it is found by, and what it finds. */
static void
check_index_on(Findings *findings, const RecoSource *source, Relation relation, RecoRole role, bool newest, const char *problem)
{
	const RecoColumn *key = reco_definitions_column(source, role);
	const char *name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
												  RelationGetRelationName(relation));

	if (key == NULL || has_index_on(relation, key->expression))
		return;
	add_finding(findings, "warning", source_subject(source), problem,
				newest ? psprintf("CREATE INDEX ON %s ((%s), (%s) DESC)", name, key->expression,
								  reco_definitions_column(source, RECO_ROLE_AT)->expression)
				: psprintf("CREATE INDEX ON %s ((%s))", name, key->expression));
}

/*
 * A request reads the lines of one customer, the events of one session, and the rows of some items where it asks whether
 * they are available.
 */
static void
check_index(Findings *findings, const RecoSource *source, Relation relation)
{
	char		kind = relation->rd_rel->relkind;

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_MATVIEW)
		return;
	if (relation->rd_rel->reltuples < MANY_ROWS)
		return;
	if (source->kind == RECO_SOURCE_ORDERS)
		check_index_on(findings, source, relation, RECO_ROLE_USER, true, "no index finds a customer's newest lines");
	if (source->kind == RECO_SOURCE_SESSIONS)
	{
		check_index_on(findings, source, relation, RECO_ROLE_SESSION, true, "no index finds a session's newest events");
		check_index_on(findings, source, relation, RECO_ROLE_USER, true, "no index finds a customer's newest events");
	}
	if (source->kind == RECO_SOURCE_ITEMS && reco_definitions_column(source, RECO_ROLE_AVAILABLE) != NULL)
		check_index_on(findings, source, relation, RECO_ROLE_ITEM, false, "no index finds an item to ask whether it is available");
	if (source->kind == RECO_SOURCE_OFFERS)
		check_index_on(findings, source, relation, RECO_ROLE_ITEM, false, "no index finds an item's offers");
	if (source->kind == RECO_SOURCE_SOCIAL)
		check_index_on(findings, source, relation, RECO_ROLE_USER, reco_definitions_column(source, RECO_ROLE_AT) != NULL,
					   "no index finds whom a customer follows");
	if (source->kind == RECO_SOURCE_USERS && reco_definitions_column(source, RECO_ROLE_CONSENT) != NULL)
		check_index_on(findings, source, relation, RECO_ROLE_USER, false, "no index finds what a customer consents to");
}

static void
check_statistics(Findings *findings, const RecoSource *source, Relation relation)
{
	char		kind = relation->rd_rel->relkind;

	if ((kind == RELKIND_RELATION || kind == RELKIND_MATVIEW) && relation->rd_rel->reltuples < 0)
		add_finding(findings, "warning", source_subject(source), "its relation has never been analyzed",
					psprintf("ANALYZE %s", quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
																	  RelationGetRelationName(relation))));
}

static void
check_row_security(Findings *findings, const RecoSource *source, Relation relation)
{
	Oid			owner = findings->model->owner_oid;

	if (relation->rd_rel->relrowsecurity && OidIsValid(owner) && has_bypassrls_privilege(owner))
		add_finding(findings, "warning", source_subject(source),
					psprintf("its relation has row-level security, which the model's owner \"%s\" bypasses",
							 findings->model->owner.role_name),
					psprintf("SELECT reco.set_owner(%s, ...) to a role that it applies to",
							 quote_literal_cstr(findings->model->name)));
}

static void
check_source(Findings *findings, const RecoSource *source)
{
	Oid			relid = reco_references_find_relation(&source->relation);
	Relation	relation = OidIsValid(relid) ? try_relation_open(relid, AccessShareLock) : NULL;

	if (relation == NULL)
	{
		add_finding(findings, "error", source_subject(source),
					psprintf("relation %s does not exist any more",
							 quote_qualified_identifier(source->relation.schema_name, source->relation.relation_name)),
					source->kind == RECO_SOURCE_EXPOSURES
					? psprintf("restore it, or SELECT reco.drop_experiment(%s)", quote_literal_cstr(source->name))
					: psprintf("call reco.add_%s again, or SELECT reco.remove_source(%s, %s)",
							   reco_definitions_kind_name(source->kind), quote_literal_cstr(findings->model->name),
							   quote_literal_cstr(source->name)));
		return;
	}
	check_statistics(findings, source, relation);
	check_index(findings, source, relation);
	check_row_security(findings, source, relation);
	relation_close(relation, NoLock);
	if (OidIsValid(findings->model->owner_oid) && check_readable(findings, source) && source->kind == RECO_SOURCE_OFFERS)
		check_offers(findings, source);
}

/* An error unless the model's owner exists and there are orders to learn from. */
void
reco_check_trainable(const RecoModelRow *model, List *sources)
{
	if (!OidIsValid(model->owner_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the owner \"%s\" of model \"%s\" does not exist", model->owner.role_name, model->name),
				 errhint("A superuser can give the model to another role with reco.set_owner.")));
	if (!gives_orders(sources))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has no orders to learn from", model->name),
				 errhint("Name the table of your order lines with reco.add_orders('%s', ...).", model->name)));
}

/*
 * What is missing or odd about a model: a list of RecoFinding, the worst first; empty where all is well.
 */
List *
reco_check_model(const RecoModelRow *model)
{
	Findings	findings = {.model = model};
	List	   *sorted = NIL;
	static const char *const severities[] = {"error", "warning", "notice"};
	ListCell   *cell;
	int			i;

	findings.sources = reco_catalog_sources(model->name, RECO_READ_LATEST);
	check_owner(&findings);
	check_grants(&findings);
	check_has_orders(&findings);
	foreach(cell, findings.sources)
		check_source(&findings, lfirst(cell));
	check_memory(&findings);
	check_version(&findings);
	for (i = 0; i < (int) lengthof(severities); i++)
		foreach(cell, findings.found)
			if (strcmp(((RecoFinding *) lfirst(cell))->severity, severities[i]) == 0)
				sorted = lappend(sorted, lfirst(cell));
	return sorted;
}

/* Those of reco_check_model's findings that say which index is missing. */
List *
reco_check_indexes(const RecoModelRow *model, List *sources)
{
	Findings	findings = {.model = model,.sources = sources};
	ListCell   *cell;

	foreach(cell, sources)
	{
		const RecoSource *source = lfirst(cell);
		Oid			relid = reco_references_find_relation(&source->relation);
		Relation	relation = OidIsValid(relid) ? try_relation_open(relid, AccessShareLock) : NULL;

		if (relation == NULL)
			continue;
		check_index(&findings, source, relation);
		relation_close(relation, NoLock);
	}
	return findings.found;
}
