/*
 * groups.h: what items have in common.
 */
#ifndef RECO_GROUPS_H
#define RECO_GROUPS_H

#include "postgres.h"

#include "budget.h"
#include "idmap.h"
#include "nodes/pg_list.h"
#include "sources.h"

#define RECO_MAX_GROUPS 8		/* features */

/* A feature as a division of the items. */
typedef struct RecoGrouping
{
	const char *name;
	int32		n;				/* labels */
	int32	   *label;			/* [items], -1: none */
	RecoIdMap  *texts;			/* of the labels, while they are read */
} RecoGrouping;

typedef struct RecoGroups
{
	RecoBudget *budget;
	int			n;
	RecoGrouping list[RECO_MAX_GROUPS];	/* when numbered those with fewer labels first */
	RecoIdMap  *items;			/* while they are read */
	int32		capacity;
} RecoGroups;

extern RecoGroups *reco_groups_read(RecoBudget *budget, const RecoReader *reader, List *sources);
extern void reco_groups_number(RecoGroups *groups, const RecoIdMap *items);

#endif							/* RECO_GROUPS_H */
