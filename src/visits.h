/*
 * visits.h: which session was before an order.
 */
#ifndef RECO_VISITS_H
#define RECO_VISITS_H

#include "postgres.h"

#include "interactions.h"

/* Events of sessions that known customers have, by customer and time. */
typedef struct RecoVisits
{
	const RecoSessions *sessions;	/* NULL: none */
	int64	   *events;			/* their numbers */
	int64		n;
} RecoVisits;

extern RecoVisits *reco_visits_create(const RecoInteractions *interactions, TimestampTz since);
extern int32 reco_visits_find(const RecoVisits *visits, int32 user, TimestampTz at, int64 *n_looked);
extern void reco_visits_free(RecoVisits *visits);

#endif							/* RECO_VISITS_H */
