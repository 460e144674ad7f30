/*
 * ties.h: who follows whom among the customers of a model in the making.
 */
#ifndef RECO_TIES_H
#define RECO_TIES_H

#include "postgres.h"

#include "budget.h"
#include "idmap.h"
#include "nodes/pg_list.h"
#include "sources.h"

#define RECO_MOST_FRIENDS 100	/* whom a request asks: the newest ties */
#define RECO_FRIEND_LINES 50	/* newest lines of each of them, of a source */

/* One customer follows another. */
typedef struct RecoTie
{
	TimestampTz since;			/* DT_NOBEGIN: always */
	int32		user;
	int32		friend_user;
} RecoTie;

/* Those of each customer together, newest first. */
typedef struct RecoTies
{
	RecoTie    *list;
	int64		n;
	int64		capacity;
	int64	   *start;			/* [users + 1] */
} RecoTies;

extern RecoTies *reco_ties_read(RecoBudget *budget, const RecoReader *reader, List *sources, const RecoIdMap *users);
extern int	reco_ties_of(const RecoTies *ties, int32 user, TimestampTz before, int32 *friends);
extern void reco_ties_free(RecoBudget *budget, RecoTies *ties);

#endif							/* RECO_TIES_H */
