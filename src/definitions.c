/*
 * definitions.c: says which columns each kind of source has, and checks what a user gives for them.
 */
#include "postgres.h"

#include "definitions.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "expressions.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "values.h"

typedef struct ColumnSpec
{
	const char *name;
	RecoValueClass value_class;
} ColumnSpec;

static const ColumnSpec column_specs[RECO_ROLES] = {
	[RECO_ROLE_USER] = {"user_id", RECO_CLASS_KEY},
	[RECO_ROLE_ITEM] = {"item_id", RECO_CLASS_KEY},
	[RECO_ROLE_ORDER] = {"order_id", RECO_CLASS_KEY},
	[RECO_ROLE_AT] = {"at", RECO_CLASS_TIME},
	[RECO_ROLE_QUANTITY] = {"quantity", RECO_CLASS_NUMBER},
	[RECO_ROLE_UNIT_PRICE] = {"unit_price", RECO_CLASS_NUMBER},
	[RECO_ROLE_AMOUNT] = {"amount", RECO_CLASS_NUMBER},
	[RECO_ROLE_CONTEXT] = {"context", RECO_CLASS_ANY},
	[RECO_ROLE_FEATURES] = {"features", RECO_CLASS_ANY},
	[RECO_ROLE_DESCRIPTION] = {"description", RECO_CLASS_TEXT},
	[RECO_ROLE_PRICE] = {"price", RECO_CLASS_NUMBER},
	[RECO_ROLE_MARGIN] = {"margin", RECO_CLASS_NUMBER},
	[RECO_ROLE_AVAILABLE] = {"available", RECO_CLASS_BOOLEAN},
	[RECO_ROLE_STARS] = {"stars", RECO_CLASS_NUMBER},
	[RECO_ROLE_BODY] = {"body", RECO_CLASS_TEXT},
	[RECO_ROLE_CONFIGURATION] = {"configuration", RECO_CLASS_CONFIGURATION},
	[RECO_ROLE_SESSION] = {"session_id", RECO_CLASS_KEY},
	[RECO_ROLE_EVENT] = {"event", RECO_CLASS_LABEL},
	[RECO_ROLE_FRIEND] = {"friend_id", RECO_CLASS_KEY},
	[RECO_ROLE_CONSENT] = {"consent", RECO_CLASS_FLAGS},
	[RECO_ROLE_VALID_FROM] = {"valid_from", RECO_CLASS_TIME},
	[RECO_ROLE_VALID_TO] = {"valid_to", RECO_CLASS_TIME},
	[RECO_ROLE_AUDIENCE] = {"audience", RECO_CLASS_TEXTS},
};

typedef struct KindSpec
{
	const char *name;
	uint32		required;		/* bits by role */
	uint32		optional;
} KindSpec;

#define ROLE_BIT(role) (1u << (role))

static const KindSpec kind_specs[RECO_SOURCE_KINDS] = {
	[RECO_SOURCE_ORDERS] = {"orders",
		ROLE_BIT(RECO_ROLE_USER) | ROLE_BIT(RECO_ROLE_ITEM) | ROLE_BIT(RECO_ROLE_AT),
	ROLE_BIT(RECO_ROLE_ORDER) | ROLE_BIT(RECO_ROLE_QUANTITY) | ROLE_BIT(RECO_ROLE_UNIT_PRICE) | ROLE_BIT(RECO_ROLE_AMOUNT) |
	ROLE_BIT(RECO_ROLE_CONTEXT)},
	[RECO_SOURCE_ITEMS] = {"items",
		ROLE_BIT(RECO_ROLE_ITEM),
	ROLE_BIT(RECO_ROLE_FEATURES) | ROLE_BIT(RECO_ROLE_DESCRIPTION) | ROLE_BIT(RECO_ROLE_PRICE) | ROLE_BIT(RECO_ROLE_MARGIN) |
	ROLE_BIT(RECO_ROLE_AVAILABLE)},
	[RECO_SOURCE_USERS] = {"users",
		ROLE_BIT(RECO_ROLE_USER),
	ROLE_BIT(RECO_ROLE_FEATURES) | ROLE_BIT(RECO_ROLE_CONSENT)},
	[RECO_SOURCE_REVIEWS] = {"reviews",
		ROLE_BIT(RECO_ROLE_USER) | ROLE_BIT(RECO_ROLE_ITEM),
	ROLE_BIT(RECO_ROLE_AT) | ROLE_BIT(RECO_ROLE_STARS) | ROLE_BIT(RECO_ROLE_BODY) | ROLE_BIT(RECO_ROLE_CONFIGURATION)},
	[RECO_SOURCE_SESSIONS] = {"sessions",
		ROLE_BIT(RECO_ROLE_SESSION) | ROLE_BIT(RECO_ROLE_ITEM) | ROLE_BIT(RECO_ROLE_AT),
	ROLE_BIT(RECO_ROLE_USER) | ROLE_BIT(RECO_ROLE_EVENT) | ROLE_BIT(RECO_ROLE_CONTEXT)},
	[RECO_SOURCE_SOCIAL] = {"social",
		ROLE_BIT(RECO_ROLE_USER) | ROLE_BIT(RECO_ROLE_FRIEND),
	ROLE_BIT(RECO_ROLE_AT)},
	[RECO_SOURCE_EXPOSURES] = {"exposures",
		ROLE_BIT(RECO_ROLE_USER) | ROLE_BIT(RECO_ROLE_AT), 0},
	[RECO_SOURCE_OFFERS] = {"offers",
		ROLE_BIT(RECO_ROLE_ITEM) | ROLE_BIT(RECO_ROLE_PRICE),
	ROLE_BIT(RECO_ROLE_VALID_FROM) | ROLE_BIT(RECO_ROLE_VALID_TO) | ROLE_BIT(RECO_ROLE_AUDIENCE)},
};

static const char *const purpose_names[RECO_PURPOSES] = {
	[RECO_PURPOSE_PERSONALIZE] = "personalize",
	[RECO_PURPOSE_TRAIN] = "train",
	[RECO_PURPOSE_SOCIAL] = "social",
	[RECO_PURPOSE_SENTIMENT] = "sentiment",
	[RECO_PURPOSE_ATTRIBUTES] = "attributes"
};

const char *
reco_definitions_purpose_name(RecoPurpose purpose)
{
	return purpose_names[purpose];
}

static bool
is_purpose(const char *name)
{
	int			i;

	for (i = 0; i < RECO_PURPOSES; i++)
		if (strcmp(purpose_names[i], name) == 0)
			return true;
	return false;
}

const char *
reco_definitions_kind_name(RecoSourceKind kind)
{
	return kind_specs[kind].name;
}

bool
reco_definitions_find_kind(const char *name, RecoSourceKind *kind)
{
	int			i;

	for (i = 0; i < RECO_SOURCE_KINDS; i++)
		if (strcmp(kind_specs[i].name, name) == 0)
		{
			*kind = (RecoSourceKind) i;
			return true;
		}
	return false;
}

const char *
reco_definitions_role_name(RecoRole role)
{
	return column_specs[role].name;
}

bool
reco_definitions_find_role(const char *name, RecoRole *role)
{
	int			i;

	for (i = 0; i < RECO_ROLES; i++)
		if (strcmp(column_specs[i].name, name) == 0)
		{
			*role = (RecoRole) i;
			return true;
		}
	return false;
}

RecoValueClass
reco_definitions_role_class(RecoRole role)
{
	return column_specs[role].value_class;
}

/* Whether a role has any number of named expressions. */
bool
reco_definitions_is_list(RecoRole role)
{
	return column_specs[role].value_class == RECO_CLASS_ANY || column_specs[role].value_class == RECO_CLASS_FLAGS;
}

static bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
}

/* An error unless an expression for the role may have that type. */
void
reco_definitions_check_type(RecoRole role, Oid type)
{
	const ColumnSpec *spec = &column_specs[role];
	const char *wanted = NULL;

	if (spec->value_class == RECO_CLASS_TIME && type != TIMESTAMPTZOID && type != TIMESTAMPOID && type != DATEOID)
		wanted = "timestamptz, timestamp or date";
	else if (spec->value_class == RECO_CLASS_NUMBER && !reco_values_is_number(type))
		wanted = "smallint, integer, bigint, real, double precision or numeric";
	else if (spec->value_class == RECO_CLASS_BOOLEAN && type != BOOLOID)
		wanted = "boolean";
	else if (spec->value_class == RECO_CLASS_TEXT && !is_text(type))
		wanted = "text";
	else if (spec->value_class == RECO_CLASS_TEXTS && !is_text(type) && !is_text(get_element_type(type)))
		wanted = "text or an array of texts";
	else if (spec->value_class == RECO_CLASS_KEY && (type == RECORDOID || type == FLOAT4OID || type == FLOAT8OID))
		wanted = "an integer, text, uuid or another type with one text form a value";
	else if (spec->value_class == RECO_CLASS_FLAGS && type != BOOLOID)
		wanted = "boolean";
	else if (spec->value_class == RECO_CLASS_CONFIGURATION && type != REGCONFIGOID)
		wanted = "regconfig";
	if (wanted != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("parameter \"%s\" has type %s, but must have type %s", spec->name, format_type_be(type), wanted),
				 errhint("Write a cast into the expression.")));
}

static char *
list_purposes(void)
{
	char	   *list = pstrdup(purpose_names[0]);
	int			i;

	for (i = 1; i < RECO_PURPOSES; i++)
		list = psprintf("%s, %s", list, purpose_names[i]);
	return list;
}

/* What a member of a list is called: one lone boolean without a name of its own is for all purposes. */
static char *
member_name(RecoRole role, RecoExpression *expression, bool alone)
{
	if (role != RECO_ROLE_CONSENT || is_purpose(expression->name))
		return expression->name;
	if (!alone || expression->is_named)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("consent cannot be to \"%s\"", expression->name),
				 errhint("Purposes are %s, as in 'newsletter AS personalize, true AS train'; one boolean without a name is for all of them.",
						 list_purposes())));
	return RECO_PURPOSE_ALL;
}

/* Parse, check and append what was given for one role. */
static void
parse_column(RecoSource *source, Relation relation, RecoRole role, const char *text)
{
	bool		is_list = reco_definitions_is_list(role);
	List	   *expressions = reco_expressions_parse(relation, text, column_specs[role].name, is_list);
	ListCell   *cell;

	if (list_length(expressions) > RECO_MAX_MEMBERS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("parameter \"%s\" has %d expressions, more than %d", column_specs[role].name,
						list_length(expressions), RECO_MAX_MEMBERS),
				 errhint("Name those that matter most.")));
	foreach(cell, expressions)
	{
		RecoExpression *expression = lfirst(cell);
		RecoColumn *column = palloc(sizeof(RecoColumn));

		reco_definitions_check_type(role, expression->type);
		column->role = role;
		column->name = is_list ? member_name(role, expression, list_length(expressions) == 1)
			: pstrdup(column_specs[role].name);
		column->expression = expression->text;
		column->type = expression->type;
		source->columns = lappend(source->columns, column);
	}
}

/* Whether the relation is of a kind that can be read. */
bool
reco_definitions_is_readable(Relation relation)
{
	char		kind = relation->rd_rel->relkind;

	return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE || kind == RELKIND_VIEW ||
		kind == RELKIND_MATVIEW || kind == RELKIND_FOREIGN_TABLE;
}

/* An error unless the relation is of a kind that can be read and that other sessions see. */
void
reco_definitions_check_relation(Relation relation)
{
	if (!reco_definitions_is_readable(relation))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("relation \"%s\" cannot be a source", RelationGetRelationName(relation)),
				 errhint("Give a table, partitioned table, view, materialized view or foreign table.")));
	if (relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("temporary relation \"%s\" cannot be a source", RelationGetRelationName(relation)),
				 errhint("A model is read by other sessions too: give a permanent relation.")));
}

static void
check_roles(RecoSourceKind kind, const char *const *texts)
{
	int			role;

	for (role = 0; role < RECO_ROLES; role++)
		if ((kind_specs[kind].required & ROLE_BIT(role)) && texts[role] == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("parameter \"%s\" must not be null", column_specs[role].name),
					 errhint("Every source of %s needs it.", kind_specs[kind].name)));
	if (texts[RECO_ROLE_UNIT_PRICE] != NULL && texts[RECO_ROLE_AMOUNT] != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameters \"unit_price\" and \"amount\" exclude each other"),
				 errhint("Give the price of one piece, or the total of the line.")));
}

/*
 * A checked source from what the user gave: texts has an expression or NULL for each RecoRole, name may be NULL for the
 * relation's own.  The relation stays locked (AccessShareLock) to the end of the transaction.
 */
RecoSource *
reco_definitions_make(const char *model, RecoSourceKind kind, const char *name, Oid relid, const char *const *texts)
{
	RecoSource *source = palloc0(sizeof(RecoSource));
	Relation	relation;
	int			role;

	check_roles(kind, texts);
	relation = try_relation_open(relid, AccessShareLock);
	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid),
				 errhint("Name an existing table, view, materialized view or foreign table.")));
	reco_definitions_check_relation(relation);
	source->model = pstrdup(model);
	source->kind = kind;
	source->relation = reco_references_relation(relid);
	source->name = pstrdup(name != NULL ? name : source->relation.relation_name);
	for (role = 0; role < RECO_ROLES; role++)
		if (texts[role] != NULL)
			parse_column(source, relation, (RecoRole) role, texts[role]);
	relation_close(relation, NoLock);
	return source;
}

/*
 * Whether a source from the catalog has every column that its kind needs, none that it cannot have, each but those of
 * lists once, and of a list no more than may be given.
 */
bool
reco_definitions_is_sound(const RecoSource *source)
{
	const KindSpec *spec = &kind_specs[source->kind];
	uint32		seen = 0;
	int			members = 0;
	ListCell   *cell;

	foreach(cell, source->columns)
	{
		const RecoColumn *column = lfirst(cell);
		bool		is_list = reco_definitions_is_list(column->role);

		if (!((spec->required | spec->optional) & ROLE_BIT(column->role)) ||
			(!is_list && (seen & ROLE_BIT(column->role))) ||
			(column->role == RECO_ROLE_CONSENT && !is_purpose(column->name) && strcmp(column->name, RECO_PURPOSE_ALL) != 0))
			return false;
		seen |= ROLE_BIT(column->role);
		members += is_list && column->role != RECO_ROLE_CONSENT;
	}
	return (seen & spec->required) == spec->required && members <= RECO_MAX_MEMBERS;
}

/* The source's column that is meant, or NULL. */
const RecoColumn *
reco_definitions_find(const RecoSource *source, const RecoField *field)
{
	ListCell   *cell;

	foreach(cell, source->columns)
	{
		RecoColumn *column = lfirst(cell);

		if (column->role == field->role && (field->name == NULL || strcmp(column->name, field->name) == 0))
			return column;
	}
	return NULL;
}

/* The source's column of that role, of a list the first one, or NULL. */
const RecoColumn *
reco_definitions_column(const RecoSource *source, RecoRole role)
{
	RecoField	field = {role, NULL};

	return reco_definitions_find(source, &field);
}

/* The same in a source of items, else NULL: prices of offers are another thing. */
const RecoColumn *
reco_definitions_item_column(const RecoSource *source, RecoRole role)
{
	return source->kind == RECO_SOURCE_ITEMS ? reco_definitions_column(source, role) : NULL;
}

/* Whether any of some sources has orders. */
bool
reco_definitions_has_orders(List *sources)
{
	ListCell   *cell;

	foreach(cell, sources)
		if (((const RecoSource *) lfirst(cell))->kind == RECO_SOURCE_ORDERS)
			return true;
	return false;
}

/* Whether rows of a source are order lines: of one of sessions they are where none of all sources has orders. */
bool
reco_definitions_gives_orders(List *sources, const RecoSource *source)
{
	return source->kind == RECO_SOURCE_ORDERS || (source->kind == RECO_SOURCE_SESSIONS && !reco_definitions_has_orders(sources));
}

/* What tells the orders of such a source apart. */
RecoRole
reco_definitions_order_role(const RecoSource *source)
{
	return source->kind == RECO_SOURCE_SESSIONS ? RECO_ROLE_SESSION : RECO_ROLE_ORDER;
}
