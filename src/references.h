/*
 * references.h: relations and roles as the catalog stores them.
 */
#ifndef RECO_REFERENCES_H
#define RECO_REFERENCES_H

#include "postgres.h"

typedef struct RecoRelationRef
{
	char	   *schema_name;
	char	   *relation_name;
	Oid			relation_oid;
	Oid			catalog_oid;
	int64		system_id;
} RecoRelationRef;

typedef struct RecoRoleRef
{
	char	   *role_name;		/* "public" with oid 0 stands for PUBLIC */
	Oid			role_oid;
	int64		system_id;
} RecoRoleRef;

extern int64 reco_references_system_id(void);
extern Oid	reco_references_catalog(void);
extern RecoRelationRef reco_references_relation(Oid relation);
extern RecoRoleRef reco_references_role(Oid role);
extern Oid	reco_references_find_relation(const RecoRelationRef *ref);
extern Oid	reco_references_find_role(const RecoRoleRef *ref);

#endif							/* RECO_REFERENCES_H */
