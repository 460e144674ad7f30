/*
 * references.c: turns relations and roles into what the catalog stores of them, and back.
 *
 * A regclass or regrole column would restore a dropped object's bare number onto whatever has that number in the new
 * database, and one missing role would abort the COPY of the whole table.  So a reference is a name, a plain oid and
 * where the oid was valid: the cluster's system identifier, and for relations also the oid of the catalog's own table,
 * which is another one after every restore, into the same database too, and the same in a clone of the database.
 *
 * Where it was written the oid decides, so that renames survive and an object that somebody creates later under the
 * old name is not adopted.  Anywhere else the name decides, until training writes the reference anew
 * (reco_catalog_refresh_references).  A reference that leads nowhere is the problem of its own model alone: the
 * functions here return InvalidOid, and the caller reports.
 */
#include "postgres.h"

#include "references.h"

#include "access/xlog.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

int64
reco_references_system_id(void)
{
	/* The bits of an unsigned number; only equality is ever asked. */
	return (int64) GetSystemIdentifier();
}

/* Oid of the catalog's own table: another one after a restore, also of the same database, and the same in a clone. */
Oid
reco_references_catalog(void)
{
	Oid			schema = get_namespace_oid("reco", true);

	return OidIsValid(schema) ? get_relname_relid("source", schema) : InvalidOid;
}

RecoRelationRef
reco_references_relation(Oid relation)
{
	RecoRelationRef ref;

	ref.schema_name = get_namespace_name(get_rel_namespace(relation));
	ref.relation_name = get_rel_name(relation);
	if (ref.schema_name == NULL || ref.relation_name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relation),
				 errhint("Name an existing table, view, materialized view or foreign table.")));
	ref.relation_oid = relation;
	ref.catalog_oid = reco_references_catalog();
	ref.system_id = reco_references_system_id();
	return ref;
}

RecoRoleRef
reco_references_role(Oid role)
{
	RecoRoleRef ref;

	ref.role_name = OidIsValid(role) ? GetUserNameFromId(role, false) : pstrdup("public");
	ref.role_oid = role;
	ref.system_id = reco_references_system_id();
	return ref;
}

Oid
reco_references_find_relation(const RecoRelationRef *ref)
{
	Oid			schema;

	if (ref->system_id == reco_references_system_id() && ref->catalog_oid == reco_references_catalog())
		return SearchSysCacheExists1(RELOID, ObjectIdGetDatum(ref->relation_oid)) ? ref->relation_oid : InvalidOid;
	schema = get_namespace_oid(ref->schema_name, true);
	return OidIsValid(schema) ? get_relname_relid(ref->relation_name, schema) : InvalidOid;
}

/* InvalidOid both for PUBLIC and for a role that is gone: ask for PUBLIC (oid 0 in the reference) first. */
Oid
reco_references_find_role(const RecoRoleRef *ref)
{
	if (ref->system_id == reco_references_system_id())
		return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(ref->role_oid)) ? ref->role_oid : InvalidOid;
	return get_role_oid(ref->role_name, true);
}
