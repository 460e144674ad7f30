/*
 * users_from.c: reads customers' keys from a relation that the caller names.
 *
 * A model's sources are expressions that its owner stored, and are read with his rights, whoever calls (sources.c).
 * Here the caller says himself, in his own statement, what he wants to have read: so it is read with his rights and
 * settings, row-level security included, as if he had written the query.  That is also why it is a relation and not an
 * expression or a query text: nothing in it is ours to parse, a view can say anything, and a view or a materialized
 * view that was made over the call depends on it as an object.
 *
 * As everywhere the snapshot is that of the calling statement.
 */
#include "postgres.h"

#include "users_from.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "receiver.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#define COLUMN_NAME "user_id"

typedef struct Delivery
{
	bool		integer_keys;
	RecoRowCallback callback;
	void	   *arg;
} Delivery;

static Relation
open_relation(Oid relid)
{
	Relation	relation = OidIsValid(relid) ? try_relation_open(relid, AccessShareLock) : NULL;

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid),
				 errhint("Name an existing table, view, materialized view or foreign table.")));
	if (!reco_definitions_is_readable(relation))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("users cannot be read from relation \"%s\"", RelationGetRelationName(relation)),
				 errhint("Give a table, partitioned table, view, materialized view or foreign table.")));
	return relation;
}

/* The column user_id, or else the only one. */
static Form_pg_attribute
find_column(Relation relation)
{
	TupleDesc	descriptor = RelationGetDescr(relation);
	Form_pg_attribute only = NULL;
	int			n = 0;
	int			i;

	for (i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(descriptor, i);

		if (column->attisdropped)
			continue;
		if (strcmp(NameStr(column->attname), COLUMN_NAME) == 0)
			return column;
		only = column;
		n++;
	}
	if (n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("relation \"%s\" has no column \"%s\"", RelationGetRelationName(relation), COLUMN_NAME),
				 errhint("Name the column with the customers' keys so, or give a view that has no other column.")));
	return only;
}

static char *
make_query(Oid relid, bool integer_keys)
{
	Relation	relation = open_relation(relid);
	Form_pg_attribute column = find_column(relation);
	StringInfoData text;

	if (integer_keys && !reco_values_is_integer(getBaseType(column->atttypid)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of relation \"%s\" has type %s, but the model has integer keys",
						NameStr(column->attname), RelationGetRelationName(relation), format_type_be(column->atttypid)),
				 errhint("Give a smallint, integer or bigint column; a view can cast.")));
	initStringInfo(&text);
	appendStringInfo(&text, "SELECT %s::pg_catalog.%s FROM %s", quote_identifier(NameStr(column->attname)),
					 integer_keys ? "int8" : "text",
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
												RelationGetRelationName(relation)));
	/* The lock stays, so that what was looked at is what is read. */
	relation_close(relation, NoLock);
	return text.data;
}

static void
deliver(void *arg, TupleTableSlot *slot, MemoryContext row_context)
{
	const Delivery *delivery = arg;
	RecoValue	key = {0};
	Datum		datum = slot_getattr(slot, 1, &key.is_null);

	if (key.is_null)
		return;
	if (delivery->integer_keys)
		key.integer = DatumGetInt64(datum);
	else
	{
		MemoryContext old_context = MemoryContextSwitchTo(row_context);
		text	   *bytes = DatumGetTextPP(datum);

		MemoryContextSwitchTo(old_context);
		key.bytes = VARDATA_ANY(bytes);
		key.length = VARSIZE_ANY_EXHDR(bytes);
	}
	delivery->callback(delivery->arg, &key);
}

/*
 * The keys in column user_id of a relation, or in its only column, as they come: repeated ones too, but no NULLs.  Read
 * with the caller's rights in the snapshot of his statement.  Errors: undefined_table, undefined_column,
 * wrong_object_type, datatype_mismatch (integer keys), insufficient_privilege, and what reading raises.
 */
void
reco_users_from_read(Oid relation, bool integer_keys, RecoRowCallback callback, void *arg)
{
	Delivery	delivery = {integer_keys, callback, arg};

	(void) reco_receiver_run(make_query(relation, integer_keys), NULL, deliver, &delivery);
}
