/*
 * sessions.h: the events of all sessions of a model, for training.
 */
#ifndef RECO_SESSIONS_H
#define RECO_SESSIONS_H

#include "postgres.h"

#include "budget.h"
#include "idmap.h"
#include "sources.h"
#include "utils/timestamp.h"
#include "views.h"

/* Something that was done with an item in a session. */
typedef struct RecoSessionEvent
{
	TimestampTz at;
	int32		user;			/* -1: unknown */
	int32		item;
	int32		session;
	int32		kind;			/* of reco_sessions_kind */
} RecoSessionEvent;

/* What was read, and why events counted nothing. */
typedef struct RecoSessionCounts
{
	int64		rows;
	int64		incomplete;		/* no session, no item, or no finite time */
	int64		too_late;		/* at or after the training clock's end */
} RecoSessionCounts;

typedef struct RecoSessions
{
	RecoBudget *budget;
	RecoSessionEvent *events;	/* when finished: by session, time, item, kind */
	int64		n_events;
	int64		capacity;
	int32		n_sessions;
	int64	   *start;			/* [n_sessions + 1], into events; made when finished */
	RecoIdMap  *kinds;			/* their texts, empty where none was given; when finished: in bytewise order */
	RecoSessionCounts counts;

	/* Of the source that is being read. */
	RecoIdMap  *keys;
	RecoIdMap  *users;
	RecoIdMap  *items;
	TimestampTz before;
	int64		first_event;
} RecoSessions;

extern RecoSessions *reco_sessions_create(RecoBudget *budget);
extern void reco_sessions_read(RecoSessions *sessions, RecoIdMap *users, RecoIdMap *items, const RecoReader *reader,
							   const RecoSource *source, TimestampTz before);
extern void reco_sessions_finish(RecoSessions *sessions, const int32 *user_rank, const int32 *item_rank);
extern void reco_sessions_free_events(RecoSessions *sessions);
extern int	reco_sessions_n_kinds(const RecoSessions *sessions);
extern const char *reco_sessions_kind(const RecoSessions *sessions, int kind, int *length);
extern TimestampTz reco_sessions_at(const RecoSessions *sessions, int32 session);

#endif							/* RECO_SESSIONS_H */
