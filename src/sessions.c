/*
 * sessions.c: gathers the events of all sessions, in an order that does not depend on how they arrived.
 *
 * An event is an item that was viewed, put into a cart, or whatever the shop calls it; the kinds of events are texts, at
 * most RECO_MAX_EVENT_KINDS of them; where none is given, the kind is the empty text.  A session's events are those of one source with the same session key.  Keys of
 * customers and items go into the dictionaries of the order lines, since both are about the same people and things.
 *
 * Numbers of sessions and kinds are ranks of their keys, source after source, and events have one total order: nothing
 * depends on the order of their arrival.
 */
#include "postgres.h"

#include "sessions.h"

#include "interrupts.h"

#define FIRST_EVENTS 1024

enum
{
	COLUMN_USER, COLUMN_ITEM, COLUMN_SESSION, COLUMN_AT, COLUMN_EVENT, SESSION_COLUMNS
};

static const RecoField session_fields[SESSION_COLUMNS] = {
	[COLUMN_USER] = {RECO_ROLE_USER, NULL},
	[COLUMN_ITEM] = {RECO_ROLE_ITEM, NULL},
	[COLUMN_SESSION] = {RECO_ROLE_SESSION, NULL},
	[COLUMN_AT] = {RECO_ROLE_AT, NULL},
	[COLUMN_EVENT] = {RECO_ROLE_EVENT, NULL}
};

RecoSessions *
reco_sessions_create(RecoBudget *budget)
{
	RecoSessions *sessions = MemoryContextAllocZero(budget->context, sizeof(RecoSessions));

	sessions->budget = budget;
	sessions->capacity = FIRST_EVENTS;
	sessions->events = reco_budget_alloc(budget, FIRST_EVENTS, sizeof(RecoSessionEvent), "session events");
	sessions->kinds = reco_idmap_create(budget, false, "kinds of events");
	return sessions;
}

/* --- reading ----------------------------------------------------------------------------------------------- */

static RecoSessionEvent *
add_event(RecoSessions *sessions)
{
	int64		capacity = sessions->capacity + sessions->capacity / 2;

	if (sessions->n_events == sessions->capacity)
	{
		sessions->events = reco_budget_resize(sessions->budget, sessions->events, sessions->capacity, capacity,
											  sizeof(RecoSessionEvent), "session events");
		sessions->capacity = capacity;
	}
	return &sessions->events[sessions->n_events++];
}

/* The number of a kind of events, which is provisional until all are read. */
static int32
find_kind(RecoSessions *sessions, const RecoValue *text)
{
	RecoValue	none = {.bytes = ""};
	int32		kind;

	if (text->is_null)
		text = &none;
	if (text->length > RECO_MAX_EVENT_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("a kind of event has %d bytes, more than %d", text->length, RECO_MAX_EVENT_LENGTH),
				 errhint("Give a short name of what was done, such as 'view' or 'cart', as event.")));
	kind = reco_idmap_add(sessions->kinds, text);
	if (kind >= RECO_MAX_EVENT_KINDS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("there are more than %d kinds of events", RECO_MAX_EVENT_KINDS),
				 errhint("Sum rare ones up in the expression of event, with a CASE.")));
	return kind;
}

static void
receive_event(void *arg, const RecoValue *values)
{
	RecoSessions *sessions = arg;
	RecoSessionEvent *event;

	sessions->counts.rows++;
	if (values[COLUMN_ITEM].is_null || values[COLUMN_SESSION].is_null || values[COLUMN_AT].is_null ||
		TIMESTAMP_NOT_FINITE(values[COLUMN_AT].integer))
	{
		sessions->counts.incomplete++;
		return;
	}
	if (values[COLUMN_AT].integer >= sessions->before)
	{
		sessions->counts.too_late++;
		return;
	}
	event = add_event(sessions);
	event->at = values[COLUMN_AT].integer;
	event->user = values[COLUMN_USER].is_null ? -1 : reco_idmap_add(sessions->users, &values[COLUMN_USER]);
	event->item = reco_idmap_add(sessions->items, &values[COLUMN_ITEM]);
	event->session = reco_idmap_add(sessions->keys, &values[COLUMN_SESSION]);
	event->kind = find_kind(sessions, &values[COLUMN_EVENT]);
}

/* Session keys matter within their source alone: number them on from those of the sources before. */
static void
end_source(RecoSessions *sessions)
{
	int32	   *rank = reco_idmap_sort(sessions->keys);
	int32		n = reco_idmap_count(sessions->keys);
	int64		i;

	if (n > PG_INT32_MAX / 2 - sessions->n_sessions)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d sessions", PG_INT32_MAX / 2),
				 errhint("Train on fewer rows, for example through a view over the newest ones.")));
	for (i = sessions->first_event; i < sessions->n_events; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		sessions->events[i].session = sessions->n_sessions + rank[sessions->events[i].session];
	}
	sessions->n_sessions += n;
	pfree(rank);
	reco_idmap_free(sessions->keys);
	sessions->keys = NULL;
}

/*
 * Read a source of sessions, leaving out what is at or after a time; keys of customers and items that are new are added
 * to their dictionaries.  Errors: program_limit_exceeded, string_data_right_truncation, and what reading raises.
 */
void
reco_sessions_read(RecoSessions *sessions, RecoIdMap *users, RecoIdMap *items, const RecoReader *reader,
				   const RecoSource *source, TimestampTz before)
{
	sessions->users = users;
	sessions->items = items;
	sessions->before = before;
	sessions->first_event = sessions->n_events;
	sessions->keys = reco_idmap_create(sessions->budget, reco_sources_integer_sessions(reader, source), "sessions");
	(void) reco_sources_read_all(reader, source, session_fields, SESSION_COLUMNS, receive_event, sessions);
	end_source(sessions);
}

/* --- sorting ----------------------------------------------------------------------------------------------- */

static int
compare_events(const void *a, const void *b)
{
	const RecoSessionEvent *x = a;
	const RecoSessionEvent *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->session != y->session)
		return x->session < y->session ? -1 : 1;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return (x->user > y->user) - (x->user < y->user);
}

static void
index_sessions(RecoSessions *sessions)
{
	int32		session = 0;
	int64		i;

	sessions->start = reco_budget_alloc(sessions->budget, (Size) sessions->n_sessions + 1, sizeof(int64), "sessions");
	for (i = 0; i < sessions->n_events; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		while (session <= sessions->events[i].session)
			sessions->start[session++] = i;
	}
	while (session <= sessions->n_sessions)
		sessions->start[session++] = i;
}

/*
 * When all sources are read: exchange the numbers of customers and items for their ranks, and sort.
 */
void
reco_sessions_finish(RecoSessions *sessions, const int32 *user_rank, const int32 *item_rank)
{
	int32	   *kind_rank = reco_idmap_sort(sessions->kinds);
	int64		i;

	sessions->events = reco_budget_resize(sessions->budget, sessions->events, sessions->capacity, Max(sessions->n_events, 1),
										  sizeof(RecoSessionEvent), "session events");
	sessions->capacity = Max(sessions->n_events, 1);
	for (i = 0; i < sessions->n_events; i++)
	{
		RecoSessionEvent *event = &sessions->events[i];

		RECO_CHECK_INTERRUPTS(i);
		event->user = event->user >= 0 ? user_rank[event->user] : -1;
		event->item = item_rank[event->item];
		event->kind = kind_rank[event->kind];
	}
	pfree(kind_rank);
	qsort(sessions->events, sessions->n_events, sizeof(RecoSessionEvent), compare_events);
	index_sessions(sessions);
}

/* Give their memory back; kinds and counts are left. */
void
reco_sessions_free_events(RecoSessions *sessions)
{
	reco_budget_free(sessions->budget, sessions->events);
	reco_budget_free(sessions->budget, sessions->start);
	sessions->events = NULL;
	sessions->start = NULL;
	sessions->n_events = 0;
	sessions->n_sessions = 0;
}

/* --- what there is ----------------------------------------------------------------------------------------- */

int
reco_sessions_n_kinds(const RecoSessions *sessions)
{
	return reco_idmap_count(sessions->kinds);
}

/* The text of a kind, not terminated. */
const char *
reco_sessions_kind(const RecoSessions *sessions, int kind, int *length)
{
	return reco_idmap_text(sessions->kinds, kind, length);
}

/* When a session began; it has an event at least. */
TimestampTz
reco_sessions_at(const RecoSessions *sessions, int32 session)
{
	return sessions->events[sessions->start[session]].at;
}
