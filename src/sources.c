/*
 * sources.c: reads the relations of a model; the only place where stored expressions run.
 *
 * Whatever the purpose, training, evaluation or a request, a read goes through run_query(): it switches to the model's
 * owner (section.c), takes the tuples straight from the executor (receiver.c), and switches back.  The relation is found
 * by reference each time, and its expressions are what parsing and checking them as they stand in the catalog gives
 * (expression_cache.c), because the catalog may have been written by anybody, and the relation altered by its owner.
 *
 * All reads are SPI read-only, which means that they see the snapshot of the calling statement: stock, prices and
 * purchases of one answer belong together.
 */
#include "postgres.h"

#include "sources.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "expression_cache.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "receiver.h"
#include "section.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* A query under construction, and what its result columns mean. */
typedef struct SourceQuery
{
	const RecoReader *reader;
	const RecoSource *source;
	Relation	relation;
	StringInfoData text;
	int			n_fields;
	RecoRole	roles[RECO_MAX_FIELDS];
	bool		given[RECO_MAX_FIELDS];	/* false: the source has no such column, its values are NULL */
	Oid			types[RECO_MAX_FIELDS]; /* result types */
	ParamListInfo params;
} SourceQuery;

/* Whom its rows are for. */
typedef struct Delivery
{
	const SourceQuery *query;
	RecoRowCallback callback;
	void	   *arg;
} Delivery;

/* --- values ------------------------------------------------------------------------------------------------ */

static void
set_text(RecoValue *value, Datum datum)
{
	text	   *bytes = DatumGetTextPP(datum);

	value->bytes = VARDATA_ANY(bytes);
	value->length = VARSIZE_ANY_EXHDR(bytes);
}

static void
set_element(RecoValue *element, Datum datum, Oid type)
{
	if (!reco_values_is_number(type))
	{
		set_text(element, datum);
		return;
	}
	element->number = reco_values_number(datum, type);
	element->length = reco_values_is_integer(type);
	if (element->length == 1)
		element->integer = reco_values_integer(datum, type);
}

/* Everything but numbers and arrays of them has been cast to texts. */
static void
set_elements(RecoValue *value, Datum datum, Oid type)
{
	Oid			element_type = get_element_type(type);
	Datum	   *datums = &datum;
	bool	   *nulls = NULL;
	int			n = 1;
	RecoValue  *elements;
	int			i;

	if (OidIsValid(element_type))
	{
		int16		length;
		bool		by_value;
		char		alignment;

		get_typlenbyvalalign(element_type, &length, &by_value, &alignment);
		deconstruct_array(DatumGetArrayTypeP(datum), element_type, length, by_value, alignment, &datums, &nulls, &n);
		type = getBaseType(element_type);
	}
	elements = palloc0(mul_size(Max(n, 1), sizeof(RecoValue)));
	value->bytes = (const char *) elements;
	value->length = 0;
	for (i = 0; i < n; i++)
	{
		if (nulls == NULL || !nulls[i])
			set_element(&elements[value->length++], datums[i], type);
	}
}

static void
set_value(RecoValue *value, Datum datum, RecoRole role, Oid type)
{
	switch (reco_definitions_role_class(role))
	{
		case RECO_CLASS_NUMBER:
			value->number = reco_values_number(datum, type);
			return;
		case RECO_CLASS_BOOLEAN:
		case RECO_CLASS_FLAGS:
			value->integer = DatumGetBool(datum);
			return;
		case RECO_CLASS_TIME:
			value->integer = DatumGetTimestampTz(datum);
			return;
		case RECO_CLASS_ANY:
		case RECO_CLASS_TEXTS:
			set_elements(value, datum, type);
			return;
		case RECO_CLASS_KEY:
		case RECO_CLASS_TEXT:
		case RECO_CLASS_LABEL:
		case RECO_CLASS_CONFIGURATION:
			break;
	}
	if (type == INT8OID)
	{
		value->integer = DatumGetInt64(datum);
		value->bytes = NULL;
	}
	else
		set_text(value, datum);
}

/* Whether the keys of customers in a row let it be read. */
static bool
passes(const SourceQuery *query, const RecoValue *values)
{
	const RecoGate *gate = query->reader->gate;
	int			i;

	for (i = 0; i < query->n_fields; i++)
		if ((query->roles[i] == RECO_ROLE_USER || query->roles[i] == RECO_ROLE_FRIEND) && !values[i].is_null &&
			!gate->passes(gate->arg, query->source, query->roles[i], &values[i]))
			return false;
	return true;
}

static void
deliver(void *arg, TupleTableSlot *slot, MemoryContext row_context)
{
	const Delivery *delivery = arg;
	const SourceQuery *query = delivery->query;
	RecoValue	values[RECO_MAX_FIELDS];
	MemoryContext old_context = MemoryContextSwitchTo(row_context);
	int			column = 0;
	int			i;

	slot_getallattrs(slot);
	for (i = 0; i < query->n_fields; i++)
	{
		values[i].is_null = !query->given[i] || slot->tts_isnull[column];
		if (!values[i].is_null)
			set_value(&values[i], slot->tts_values[column], query->roles[i], query->types[i]);
		column += query->given[i];
	}
	MemoryContextSwitchTo(old_context);
	if (query->reader->gate == NULL || passes(query, values))
		delivery->callback(delivery->arg, values);
	reco_progress_advance(query->reader->progress, 1);
}

/* A number, or an array of numbers. */
static bool
is_numeric(Oid type)
{
	Oid			element_type = get_element_type(type);

	return reco_values_is_number(OidIsValid(element_type) ? getBaseType(element_type) : type);
}

/* --- building a query -------------------------------------------------------------------------------------- */

static void
source_error_context(void *arg)
{
	const RecoSource *source = arg;

	errcontext("source \"%s\" (%s) of model \"%s\"", source->name, reco_definitions_kind_name(source->kind), source->model);
}

static Relation
open_relation(const RecoSource *source)
{
	Oid			relid = reco_references_find_relation(&source->relation);
	Relation	relation = OidIsValid(relid) ? try_relation_open(relid, AccessShareLock) : NULL;

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s\" of model \"%s\" does not exist any more",
						quote_qualified_identifier(source->relation.schema_name, source->relation.relation_name),
						source->model),
				 source->kind == RECO_SOURCE_EXPOSURES
				 ? errhint("The exposures of experiment \"%s\" are gone: restore them, or reco.drop_experiment('%s').",
						   source->name, source->name)
				 : errhint("Call reco.add_%s again for the relation that takes its place, or reco.remove_source('%s', '%s').",
						   reco_definitions_kind_name(source->kind), source->model, source->name)));
	reco_definitions_check_relation(relation);
	return relation;
}

/*
 * The stored expression of a role or of a list's member, checked again; NULL where the source has none.  Parsing runs
 * code already, such as the checks of a domain that a literal is cast to: it is done as the owner only.
 */
static const RecoExpression *
checked_expression(const SourceQuery *query, RecoRole role, const char *member)
{
	RecoField	field = {role, member};
	const RecoColumn *column = reco_definitions_find(query->source, &field);
	const RecoExpression *expression;

	if (GetUserId() != query->reader->owner)
		elog(ERROR, "stored expressions are parsed as the model's owner only");
	if (column == NULL)
		return NULL;
	expression = reco_expression_cache_parse(query->relation, column->expression, reco_definitions_role_name(role));
	reco_definitions_check_type(role, expression->type);
	if (query->reader->integer_keys && (role == RECO_ROLE_USER || role == RECO_ROLE_ITEM || role == RECO_ROLE_FRIEND) &&
		!reco_values_is_integer(expression->type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("\"%s\" has type %s, but the model was trained with integer keys",
						reco_definitions_role_name(role), format_type_be(expression->type)),
				 errhint("Call reco.train('%s'), and from then on reco.recommend_text.", query->source->model)));
	return expression;
}

/* The cast that brings a value into the form that set_value expects, and the resulting type. */
static const char *
value_cast(const SourceQuery *query, RecoRole role, Oid *type)
{
	switch (reco_definitions_role_class(role))
	{
		case RECO_CLASS_KEY:
			/* Orders and sessions are only told apart, each source's for themselves (reco_sources_integer_orders). */
			if (role == RECO_ROLE_ORDER || role == RECO_ROLE_SESSION ? reco_values_is_integer(*type) : query->reader->integer_keys)
			{
				*type = INT8OID;
				return "::pg_catalog.int8";
			}
			break;
		case RECO_CLASS_TIME:
			*type = TIMESTAMPTZOID;
			return "::pg_catalog.timestamptz";
		case RECO_CLASS_NUMBER:
		case RECO_CLASS_BOOLEAN:
		case RECO_CLASS_FLAGS:
			return "";
		case RECO_CLASS_ANY:
		case RECO_CLASS_TEXTS:
			if (is_numeric(*type))
				return "";
			if (OidIsValid(get_element_type(*type)))
			{
				*type = TEXTARRAYOID;
				return "::pg_catalog.text[]";
			}
			break;
		case RECO_CLASS_TEXT:
		case RECO_CLASS_LABEL:
		case RECO_CLASS_CONFIGURATION:
			break;
	}
	*type = TEXTOID;
	return "::pg_catalog.text";
}

/*
 * SELECT the fields FROM the relation; conditions are appended by the caller.  The results have names that no column has,
 * or ORDER BY would take a bare column for the result of the same name.
 */
static void
begin_query(SourceQuery *query, const RecoReader *reader, const RecoSource *source, const RecoField *fields, int n_fields)
{
	bool		any = false;
	int			i;

	if (n_fields > RECO_MAX_FIELDS)
		elog(ERROR, "a read of %d fields, more than %d", n_fields, RECO_MAX_FIELDS);
	memset(query, 0, sizeof(*query));
	query->reader = reader;
	query->source = source;
	query->relation = open_relation(source);
	query->n_fields = n_fields;
	initStringInfo(&query->text);
	appendStringInfoString(&query->text, "SELECT ");
	for (i = 0; i < n_fields; i++)
	{
		const RecoExpression *expression = checked_expression(query, fields[i].role, fields[i].name);
		const char *cast;

		query->roles[i] = fields[i].role;
		query->given[i] = expression != NULL;
		if (expression == NULL)
			continue;
		query->types[i] = expression->type;
		cast = value_cast(query, fields[i].role, &query->types[i]);
		appendStringInfo(&query->text, "%s(%s)%s AS \"reco column %d\"", any ? ", " : "", expression->text, cast, i);
		any = true;
	}
	appendStringInfo(&query->text, " FROM %s",
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(query->relation)),
												RelationGetRelationName(query->relation)));
}

static ParamListInfo
make_params(int n)
{
	ParamListInfo params = makeParamList(n);
	int			i;

	for (i = 0; i < n; i++)
	{
		params->params[i].isnull = false;
		params->params[i].pflags = PARAM_FLAG_CONST;
	}
	return params;
}

static void
set_param(ParamListInfo params, int i, Oid type, Datum value)
{
	params->params[i].ptype = type;
	params->params[i].value = value;
}

/*
 * How a stored key is compared with a parameter of the model's key type, so that an index on the plain column serves:
 * the parameter is brought to the column's type, not the column to the parameter's.  A key that is no value of that
 * type cannot be found: then NULL.
 */
static const char *
parameter_cast(Oid type, bool integer_keys)
{
	if (integer_keys)
		return "";
	if (reco_values_is_integer(type))
		return "::pg_catalog.int8";
	if (type == UUIDOID)
		return "::pg_catalog.uuid";
	if (type == BPCHAROID)
		return "::pg_catalog.bpchar";
	return "";
}

static bool
is_canonical_integer(const RecoKey *key)
{
	char		digits[32];
	char		again[32];

	if (key->length == 0 || key->length >= (int) sizeof(digits))
		return false;
	memcpy(digits, key->bytes, key->length);
	digits[key->length] = '\0';
	errno = 0;
	snprintf(again, sizeof(again), INT64_FORMAT, (int64) strtoll(digits, NULL, 10));
	return errno == 0 && strcmp(digits, again) == 0;
}

static bool
is_canonical_uuid(const RecoKey *key)
{
	int			i;

	if (key->length != 36)
		return false;
	for (i = 0; i < 36; i++)
	{
		char		c = key->bytes[i];
		bool		dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

/* Whether a key can stand in a column of that type at all, so that its cast cannot fail. */
static bool
key_fits(const RecoKey *key, Oid type, bool integer_keys)
{
	if (integer_keys)
		return true;
	if (reco_values_is_integer(type))
		return is_canonical_integer(key);
	if (type == UUIDOID)
		return is_canonical_uuid(key);
	return true;
}

static Datum
key_datum(const RecoKey *key, bool integer_keys)
{
	if (integer_keys)
		return Int64GetDatum(key->integer);
	return PointerGetDatum(cstring_to_text_with_len(key->bytes, key->length));
}

/* Whether the column is compared as it is, or by its text form. */
static bool
compares_directly(Oid type)
{
	return reco_values_is_integer(type) || type == UUIDOID || type == BPCHAROID;
}

/* --- running ----------------------------------------------------------------------------------------------- */

typedef struct Read
{
	const RecoReader *reader;
	const RecoSource *source;
	const RecoField *fields;
	int			n_fields;
	bool		(*add_conditions) (SourceQuery *query, const void *conditions);	/* false: nothing can match */
	const void *conditions;
	RecoRowCallback callback;
	void	   *arg;
} Read;

static uint64
run_as_owner(const Read *read)
{
	ErrorContextCallback callback;
	RecoSection section;
	SourceQuery		query;
	uint64		rows = 0;

	callback.callback = source_error_context;
	callback.arg = unconstify(RecoSource *, read->source);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	section = reco_section_begin(read->reader->owner, read->reader->timezone);

	begin_query(&query, read->reader, read->source, read->fields, read->n_fields);
	if (read->add_conditions == NULL || read->add_conditions(&query, read->conditions))
	{
		Delivery	delivery = {&query, read->callback, read->arg};

		rows = reco_receiver_run(query.text.data, query.params, deliver, &delivery);
	}
	relation_close(query.relation, NoLock);

	reco_section_end(&section);
	error_context_stack = callback.previous;
	return rows;
}

/*
 * What went wrong, for somebody who may use the model but not see its expressions: messages, contexts and hints would
 * quote them.
 */
static void
rethrow_without_details(const RecoSource *source, ErrorData *error)
{
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION ||
		ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INSUFFICIENT_RESOURCES)
	{
		error->context = NULL;
		error->internalquery = NULL;
		error->internalpos = 0;
		ReThrowError(error);
	}
	ereport(ERROR,
			(errcode(error->sqlerrcode),
			 errmsg("source \"%s\" of model \"%s\" could not be read", source->name, source->model),
			 errhint("The model's owner can see why with reco.check('%s').", source->model)));
}

/*
 * The one road to the data: as the model's owner, restricted, with pinned settings.  Returns the number of rows.
 */
static uint64
run_query(const Read *read)
{
	MemoryContext context = CurrentMemoryContext;
	volatile uint64 rows = 0;

	if (superuser() || has_privs_of_role(GetUserId(), read->reader->owner))
		return run_as_owner(read);
	PG_TRY();
	{
		rows = run_as_owner(read);
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		rethrow_without_details(read->source, error);
	}
	PG_END_TRY();
	return rows;
}

static void
ignore_row(void *arg, const RecoValue *values)
{
	(void) arg;
	(void) values;
}

/* In a section of its own: what planning runs may have changed settings that the query should not see. */
static void
check_planned(const RecoReader *reader, const RecoExpression *expression, RecoRole role)
{
	RecoSection section = reco_section_begin(reader->owner, reader->timezone);

	reco_expressions_check_planned(expression, reco_definitions_role_name(role));
	reco_section_end(&section);
}

/*
 * Fetch nothing.  Here, and not at each use, the expressions are looked at as they will run, since only planning brings
 * in the defaults of arguments, which may be volatile.
 */
static bool
plan_only(SourceQuery *query, const void *conditions)
{
	ListCell   *cell;

	(void) conditions;
	foreach(cell, query->source->columns)
	{
		const RecoColumn *column = lfirst(cell);
		RecoExpression *expression = linitial(reco_expressions_parse(query->relation, column->expression,
																	 reco_definitions_role_name(column->role), false));

		check_planned(query->reader, expression, column->role);
	}
	appendStringInfoString(&query->text, " LIMIT 0");
	return true;
}

/*
 * Plan and start a read of every column of a source without fetching a row: a missing privilege, or a column that is
 * gone, shows now and not at the next training.
 */
void
reco_sources_check(const RecoReader *reader, const RecoSource *source)
{
	RecoField  *fields = palloc(mul_size(sizeof(RecoField), list_length(source->columns)));
	Read		read = {reader, source, fields, 0, plan_only, NULL, ignore_row, NULL};
	ListCell   *cell;

	foreach(cell, source->columns)
	{
		const RecoColumn *column = lfirst(cell);

		fields[read.n_fields].role = column->role;
		fields[read.n_fields++].name = column->name;
	}
	(void) run_query(&read);
}

/* A gate looks at whose a row is, also where nobody else wants to know. */
static const RecoField *
with_user(const RecoReader *reader, const RecoSource *source, const RecoField *fields, int *n)
{
	RecoField  *more;
	int			i;

	if (reader->gate == NULL || reco_definitions_column(source, RECO_ROLE_USER) == NULL)
		return fields;
	for (i = 0; i < *n; i++)
		if (fields[i].role == RECO_ROLE_USER)
			return fields;
	more = palloc(mul_size(*n + 1, sizeof(RecoField)));
	memcpy(more, fields, *n * sizeof(RecoField));
	more[(*n)++] = (RecoField) {RECO_ROLE_USER, NULL};
	return more;
}

/*
 * Every row of a source that the reader's gate lets pass, in whatever order; values come as fields are listed, at most
 * RECO_MAX_FIELDS, a list's member as elements.  What the source does not have is NULL.  Returns the number of rows,
 * of all of them.
 */
uint64
reco_sources_read_all(const RecoReader *reader, const RecoSource *source, const RecoField *fields, int n_fields,
					  RecoRowCallback callback, void *arg)
{
	const RecoField *read_fields = with_user(reader, source, fields, &n_fields);
	Read		read = {reader, source, read_fields, n_fields, NULL, NULL, callback, arg};

	return run_query(&read);
}

static bool
add_user_conditions(SourceQuery *query, const void *arg)
{
	const RecoKey *user = arg;
	bool		integer_keys = query->reader->integer_keys;
	const RecoExpression *expression = checked_expression(query, RECO_ROLE_USER, NULL);

	if (!key_fits(user, expression->type, integer_keys))
		return false;
	appendStringInfo(&query->text, " WHERE (%s)%s OPERATOR(pg_catalog.=) $1%s", expression->text,
					 compares_directly(expression->type) ? "" : "::pg_catalog.text",
					 parameter_cast(expression->type, integer_keys));
	query->params = make_params(1);
	set_param(query->params, 0, integer_keys ? INT8OID : TEXTOID, key_datum(user, integer_keys));
	return true;
}

/*
 * The rows of one customer, in whatever order.
 */
uint64
reco_sources_read_user(const RecoReader *reader, const RecoSource *source, const RecoField *fields, int n_fields,
					   const RecoKey *user, RecoRowCallback callback, void *arg)
{
	Read		read = {reader, source, fields, n_fields, add_user_conditions, user, callback, arg};

	return run_query(&read);
}

/* The order in which keys of a model come, whatever the collation. */
static const char *
key_order(bool integer_keys)
{
	return integer_keys ? "::pg_catalog.int8" : "::pg_catalog.text COLLATE \"C\"";
}

typedef struct CustomerConditions
{
	const RecoKey *key;			/* the customer's, or the session's */
	TimestampTz before;
	int64		limit;
} CustomerConditions;

/*
 * The newest lines of one customer, where they have a time.  Among lines of one moment the order is fixed too, the same as
 * in reco_history_compare, so that a limit is deterministic.
 */
static bool
add_customer_conditions(SourceQuery *query, const void *arg)
{
	const CustomerConditions *conditions = arg;
	bool		integer_keys = query->reader->integer_keys;
	const RecoExpression *user = checked_expression(query, RECO_ROLE_USER, NULL);
	const RecoExpression *at = checked_expression(query, RECO_ROLE_AT, NULL);
	const RecoExpression *item = checked_expression(query, RECO_ROLE_ITEM, NULL);
	const RecoExpression *quantity = checked_expression(query, RECO_ROLE_QUANTITY, NULL);
	const RecoExpression *event = checked_expression(query, RECO_ROLE_EVENT, NULL);

	if (!key_fits(conditions->key, user->type, integer_keys))
		return false;
	appendStringInfo(&query->text, " WHERE (%s)%s OPERATOR(pg_catalog.=) $1%s",
					 user->text, compares_directly(user->type) ? "" : "::pg_catalog.text",
					 parameter_cast(user->type, integer_keys));
	if (at != NULL)
		appendStringInfo(&query->text, " AND (%s)::pg_catalog.timestamptz OPERATOR(pg_catalog.<) $2", at->text);
	appendStringInfoString(&query->text, " ORDER BY ");
	if (at != NULL)
		appendStringInfo(&query->text, "(%s) DESC, ", at->text);
	appendStringInfo(&query->text, "(%s)%s", item->text, key_order(integer_keys));
	if (quantity != NULL)
		appendStringInfo(&query->text, ", (%s)", quantity->text);
	if (event != NULL)
		appendStringInfo(&query->text, ", (%s)::pg_catalog.text COLLATE \"C\" NULLS FIRST", event->text);
	appendStringInfo(&query->text, " LIMIT " INT64_FORMAT, conditions->limit);

	query->params = make_params(2);
	set_param(query->params, 0, integer_keys ? INT8OID : TEXTOID, key_datum(conditions->key, integer_keys));
	set_param(query->params, 1, TIMESTAMPTZOID, TimestampTzGetDatum(conditions->before));
	return true;
}

/*
 * The newest lines of one customer before a time, newest first, at most limit of them.
 */
uint64
reco_sources_read_customer(const RecoReader *reader, const RecoSource *source, const RecoField *fields, int n_fields,
						   const RecoKey *user, TimestampTz before, int64 limit, RecoRowCallback callback, void *arg)
{
	CustomerConditions conditions = {user, before, limit};
	Read		read = {reader, source, fields, n_fields, add_customer_conditions, &conditions, callback, arg};

	return run_query(&read);
}

/*
 * The newest events of one session, whose key is a text whatever the model's are.  Among events of one moment the order is
 * fixed too, so that a limit is deterministic.
 */
static bool
add_session_conditions(SourceQuery *query, const void *arg)
{
	const CustomerConditions *conditions = arg;
	const RecoExpression *session = checked_expression(query, RECO_ROLE_SESSION, NULL);
	const RecoExpression *at = checked_expression(query, RECO_ROLE_AT, NULL);
	const RecoExpression *item = checked_expression(query, RECO_ROLE_ITEM, NULL);
	const RecoExpression *event = checked_expression(query, RECO_ROLE_EVENT, NULL);

	if (!key_fits(conditions->key, session->type, false))
		return false;
	appendStringInfo(&query->text,
					 " WHERE (%s)%s OPERATOR(pg_catalog.=) $1%s"
					 " AND (%s)::pg_catalog.timestamptz OPERATOR(pg_catalog.<) $2"
					 " ORDER BY (%s) DESC, (%s)%s",
					 session->text, compares_directly(session->type) ? "" : "::pg_catalog.text",
					 parameter_cast(session->type, false), at->text, at->text, item->text,
					 key_order(query->reader->integer_keys));
	if (event != NULL)
		appendStringInfo(&query->text, ", (%s)::pg_catalog.text COLLATE \"C\" NULLS FIRST", event->text);
	appendStringInfo(&query->text, " LIMIT " INT64_FORMAT, conditions->limit);

	query->params = make_params(2);
	set_param(query->params, 0, TEXTOID, key_datum(conditions->key, false));
	set_param(query->params, 1, TIMESTAMPTZOID, TimestampTzGetDatum(conditions->before));
	return true;
}

/*
 * The newest events of one session before a time, newest first, at most limit of them.
 */
uint64
reco_sources_read_session(const RecoReader *reader, const RecoSource *source, const RecoField *fields, int n_fields,
						  const RecoKey *session, TimestampTz before, int64 limit, RecoRowCallback callback, void *arg)
{
	CustomerConditions conditions = {session, before, limit};
	Read		read = {reader, source, fields, n_fields, add_session_conditions, &conditions, callback, arg};

	return run_query(&read);
}

/* The newest ties of one customer; where they have no times, those of the least keys. */
static bool
add_tie_conditions(SourceQuery *query, const void *arg)
{
	const CustomerConditions *conditions = arg;
	bool		integer_keys = query->reader->integer_keys;
	const RecoExpression *user = checked_expression(query, RECO_ROLE_USER, NULL);
	const RecoExpression *friend_user = checked_expression(query, RECO_ROLE_FRIEND, NULL);
	const RecoExpression *at = checked_expression(query, RECO_ROLE_AT, NULL);

	if (!key_fits(conditions->key, user->type, integer_keys))
		return false;
	appendStringInfo(&query->text, " WHERE (%s)%s OPERATOR(pg_catalog.=) $1%s AND (%s) IS NOT NULL",
					 user->text, compares_directly(user->type) ? "" : "::pg_catalog.text",
					 parameter_cast(user->type, integer_keys), friend_user->text);
	if (at != NULL)
		appendStringInfo(&query->text, " AND (%s)::pg_catalog.timestamptz OPERATOR(pg_catalog.<) $2", at->text);
	appendStringInfoString(&query->text, " ORDER BY ");
	if (at != NULL)
		appendStringInfo(&query->text, "(%s) DESC, ", at->text);
	appendStringInfo(&query->text, "(%s)%s LIMIT " INT64_FORMAT, friend_user->text, key_order(integer_keys), conditions->limit);

	query->params = make_params(2);
	set_param(query->params, 0, integer_keys ? INT8OID : TEXTOID, key_datum(conditions->key, integer_keys));
	set_param(query->params, 1, TIMESTAMPTZOID, TimestampTzGetDatum(conditions->before));
	return true;
}

/*
 * Whom a customer follows since before a time, by the newest ties of a source, at most limit of them.
 */
uint64
reco_sources_read_ties(const RecoReader *reader, const RecoSource *source, const RecoField *fields, int n_fields,
					   const RecoKey *user, TimestampTz before, int64 limit, RecoRowCallback callback, void *arg)
{
	CustomerConditions conditions = {user, before, limit};
	Read		read = {reader, source, fields, n_fields, add_tie_conditions, &conditions, callback, arg};

	return run_query(&read);
}

typedef struct KeyConditions
{
	RecoRole	role;			/* whose keys */
	const RecoKey *keys;
	int			n;
} KeyConditions;

/* The keys that can stand in a column as an array; false where none can. */
static bool
key_array(const SourceQuery *query, const RecoExpression *column, const KeyConditions *conditions, Datum *array)
{
	bool		integer_keys = query->reader->integer_keys;
	Datum	   *elements = palloc(mul_size(sizeof(Datum), conditions->n));
	int			n = 0;
	int			i;

	for (i = 0; i < conditions->n; i++)
		if (key_fits(&conditions->keys[i], column->type, integer_keys))
			elements[n++] = key_datum(&conditions->keys[i], integer_keys);
	if (n == 0)
		return false;
	*array = PointerGetDatum(integer_keys ? construct_array(elements, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)
							 : construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
	return true;
}

static bool
add_key_conditions(SourceQuery *query, const void *arg)
{
	const KeyConditions *conditions = arg;
	bool		integer_keys = query->reader->integer_keys;
	const RecoExpression *key = checked_expression(query, conditions->role, NULL);
	const char *cast = parameter_cast(key->type, integer_keys);
	Oid			type = integer_keys ? INT8OID : TEXTOID;
	Datum		keys;

	if (!key_array(query, key, conditions, &keys))
		return false;
	appendStringInfo(&query->text, " WHERE (%s)%s OPERATOR(pg_catalog.=) ANY ($1%s%s)",
					 key->text, compares_directly(key->type) ? "" : "::pg_catalog.text", cast, *cast ? "[]" : "");
	query->params = make_params(1);
	set_param(query->params, 0, get_array_type(type), keys);
	return true;
}

/*
 * The rows of the given items, in whatever order.
 */
uint64
reco_sources_read_items(const RecoReader *reader, const RecoSource *source, const RecoField *fields, int n_fields,
						const RecoKey *items, int n_items, RecoRowCallback callback, void *arg)
{
	KeyConditions conditions = {RECO_ROLE_ITEM, items, n_items};
	Read		read = {reader, source, fields, n_fields, add_key_conditions, &conditions, callback, arg};

	return run_query(&read);
}

/*
 * The rows of the given customers, in whatever order.
 */
uint64
reco_sources_read_users(const RecoReader *reader, const RecoSource *source, const RecoField *fields, int n_fields,
						const RecoKey *users, int n_users, RecoRowCallback callback, void *arg)
{
	KeyConditions conditions = {RECO_ROLE_USER, users, n_users};
	Read		read = {reader, source, fields, n_fields, add_key_conditions, &conditions, callback, arg};

	return run_query(&read);
}

typedef struct CrowdConditions
{
	KeyConditions users;
	TimestampTz before;
	int64		limit;
} CrowdConditions;

/*
 * The newest lines of each of some customers.  The limit is within the loop over them, so that an index on (customer, at
 * DESC) finds them without the rest, of which a customer may have any number.
 */
static bool
add_crowd_conditions(SourceQuery *query, const void *arg)
{
	const CrowdConditions *conditions = arg;
	bool		integer_keys = query->reader->integer_keys;
	const RecoExpression *user = checked_expression(query, RECO_ROLE_USER, NULL);
	const RecoExpression *at = checked_expression(query, RECO_ROLE_AT, NULL);
	const RecoExpression *item = checked_expression(query, RECO_ROLE_ITEM, NULL);
	const RecoExpression *quantity = checked_expression(query, RECO_ROLE_QUANTITY, NULL);
	StringInfoData text;
	Datum		keys;

	if (!key_array(query, user, &conditions->users, &keys))
		return false;
	initStringInfo(&text);
	appendStringInfo(&text,
					 "SELECT \"reco lines\".* FROM pg_catalog.unnest($1) \"reco users\" (\"reco user\") CROSS JOIN LATERAL (%s"
					 " WHERE (%s)%s OPERATOR(pg_catalog.=) \"reco users\".\"reco user\"%s"
					 " AND (%s)::pg_catalog.timestamptz OPERATOR(pg_catalog.<) $2"
					 " ORDER BY (%s) DESC, (%s)%s",
					 query->text.data, user->text, compares_directly(user->type) ? "" : "::pg_catalog.text",
					 parameter_cast(user->type, integer_keys), at->text, at->text, item->text, key_order(integer_keys));
	if (quantity != NULL)
		appendStringInfo(&text, ", (%s)", quantity->text);
	appendStringInfo(&text, " LIMIT " INT64_FORMAT ") \"reco lines\"", conditions->limit);
	query->text = text;

	query->params = make_params(2);
	set_param(query->params, 0, get_array_type(integer_keys ? INT8OID : TEXTOID), keys);
	set_param(query->params, 1, TIMESTAMPTZOID, TimestampTzGetDatum(conditions->before));
	return true;
}

/*
 * The newest lines of each of some customers before a time, at most limit of each, in whatever order.
 */
uint64
reco_sources_read_crowd(const RecoReader *reader, const RecoSource *source, const RecoField *fields, int n_fields,
						const RecoKey *users, int n_users, TimestampTz before, int64 limit,
						RecoRowCallback callback, void *arg)
{
	CrowdConditions conditions = {{RECO_ROLE_USER, users, n_users}, before, limit};
	Read		read = {reader, source, fields, n_fields, add_crowd_conditions, &conditions, callback, arg};

	return run_query(&read);
}

/*
 * The type of a role's expression, or of a list's member's, as its relation stands now; InvalidOid where the source has none.
 * A stored expression means what it means on the pinned search path: on the caller's, abs(x) may be another function.
 */
static Oid
expression_type(const RecoReader *reader, const RecoSource *source, RecoRole role, const char *name)
{
	RecoReader	any_keys = {.model = reader->model,.owner = reader->owner,.timezone = reader->timezone};
	SourceQuery query = {.reader = &any_keys,.source = source};
	ErrorContextCallback callback = {error_context_stack, source_error_context, unconstify(RecoSource *, source)};
	RecoSection section;
	const RecoExpression *expression;

	error_context_stack = &callback;
	section = reco_section_begin(reader->owner, reader->timezone);
	query.relation = open_relation(source);
	expression = checked_expression(&query, role, name);
	relation_close(query.relation, NoLock);
	reco_section_end(&section);
	error_context_stack = callback.previous;
	return expression != NULL ? expression->type : InvalidOid;
}

/* True where the source has no such role, too. */
static bool
is_integer_role(const RecoReader *reader, const RecoSource *source, RecoRole role)
{
	Oid			type = expression_type(reader, source, role, NULL);

	return !OidIsValid(type) || reco_values_is_integer(type);
}

/*
 * Whether a list's member gives numbers, or arrays of them, as its relation stands now; false where the source has none.
 */
bool
reco_sources_gives_numbers(const RecoReader *reader, const RecoSource *source, RecoRole role, const char *name)
{
	Oid			type = expression_type(reader, source, role, name);

	return OidIsValid(type) && is_numeric(type);
}

/*
 * Whether the customer and item keys of a source are integers, as its relation stands now.
 */
bool
reco_sources_integer_keys(const RecoReader *reader, const RecoSource *source)
{
	return is_integer_role(reader, source, RECO_ROLE_USER) && is_integer_role(reader, source, RECO_ROLE_ITEM) &&
		is_integer_role(reader, source, RECO_ROLE_FRIEND);
}

/* A model has integer keys where those of all its sources are; exposures are read as the model is. */
bool
reco_sources_all_integer_keys(const RecoReader *reader, List *sources)
{
	ListCell   *cell;

	foreach(cell, sources)
		if (((const RecoSource *) lfirst(cell))->kind != RECO_SOURCE_EXPOSURES &&
			!reco_sources_integer_keys(reader, lfirst(cell)))
			return false;
	return true;
}

/*
 * Whether its order keys come as integers; they may do so in a model with text keys, and the other way round.
 */
bool
reco_sources_integer_orders(const RecoReader *reader, const RecoSource *source)
{
	return is_integer_role(reader, source, RECO_ROLE_ORDER);
}

/* The same of its session keys. */
bool
reco_sources_integer_sessions(const RecoReader *reader, const RecoSource *source)
{
	return is_integer_role(reader, source, RECO_ROLE_SESSION);
}

/*
 * What the planner's statistics say of the number of rows, 0 where they say nothing (a view, a table never analysed).
 */
double
reco_sources_estimate_rows(const RecoSource *source)
{
	Relation	relation = open_relation(source);
	double		rows = relation->rd_rel->reltuples;

	relation_close(relation, NoLock);
	return Max(rows, 0);
}
