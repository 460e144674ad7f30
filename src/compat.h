/*
 * compat.h: differences between PostgreSQL majors 15 to 18; the only file that looks at PG_VERSION_NUM.
 */
#ifndef RECO_COMPAT_H
#define RECO_COMPAT_H

#include "postgres.h"

#include "catalog/pg_proc.h"
#include "utils/acl.h"
#include "utils/backend_progress.h"
#include "utils/backend_status.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"				/* was part of postgres.h */
#endif

#if PG_VERSION_NUM < 150000
#error "reco needs PostgreSQL 15 or later"
#endif

#if SIZEOF_SIZE_T < 8
#error "reco needs a 64-bit platform: its size arithmetic counts on it"
#endif

/* Before the return type of a function that does not return: 18 has another word for it. */
#if PG_VERSION_NUM >= 180000
#define RECO_NORETURN pg_noreturn
#else
#define RECO_NORETURN pg_attribute_noreturn()
#endif

/* 16 made one function of those for all classes of objects. */
static inline AclResult
reco_may_call(Oid function, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ProcedureRelationId, function, role, ACL_EXECUTE);
#else
	return pg_proc_aclcheck(function, role, ACL_EXECUTE);
#endif
}

/* 16 split "may SET ROLE to" from "is a member of". */
static inline bool
reco_may_become_role(Oid member, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return member_can_set_role(member, role);
#else
	return is_member_of_role(member, role);
#endif
}

/* One of the backends of pgstat_fetch_stat_numbackends(), counted from 1. */
static inline LocalPgBackendStatus *
reco_local_backend(int i)
{
#if PG_VERSION_NUM >= 160000
	return pgstat_get_local_beentry_by_index(i);
#else
	return pgstat_fetch_stat_local_beentry(i);
#endif
}

#endif							/* RECO_COMPAT_H */
