/*
 * browsing.c: reads what a session looked at, at the time of a request.
 *
 * Events are read in the snapshot of the calling statement, the newest RECO_MAX_VIEWS: a view of a moment ago is among
 * them.  They are those of the session that the caller names, of whomever it is; where he names none, those of the known
 * customer's newest session, if its newest event is at most RECO_SESSION_DAYS before the request.
 */
#include "postgres.h"

#include "browsing.h"

#include "interrupts.h"

enum
{
	COLUMN_ITEM, COLUMN_SESSION, COLUMN_AT, COLUMN_EVENT, BROWSING_COLUMNS
};

static const RecoField browsing_fields[BROWSING_COLUMNS] = {
	[COLUMN_ITEM] = {RECO_ROLE_ITEM, NULL},
	[COLUMN_SESSION] = {RECO_ROLE_SESSION, NULL},
	[COLUMN_AT] = {RECO_ROLE_AT, NULL},
	[COLUMN_EVENT] = {RECO_ROLE_EVENT, NULL}
};

/* An event as it was read. */
typedef struct Event
{
	TimestampTz at;
	RecoView	view;
} Event;

/* The newest events of one source, newest first. */
typedef struct Reading
{
	const RecoModel *model;
	bool		of_customer;	/* only those of the first one's session count */
	RecoValue	session;		/* of the first one */
	int			n_read;
	int			n;
	Event		events[RECO_MAX_VIEWS];
} Reading;

static int32
find_item(const RecoModel *model, const RecoValue *key)
{
	if (model->integer_keys)
		return reco_model_find_integer(model, key->integer);
	return reco_model_find_text(model, key->bytes, key->length);
}

/* The first row says which session; a text is gone when the executor makes another row. */
static bool
is_of_session(Reading *reading, const RecoValue *key)
{
	if (!reading->of_customer)
		return true;
	if (reading->n_read == 0)
	{
		reading->session = *key;
		if (key->bytes != NULL)
			reading->session.bytes = pnstrdup(key->bytes, key->length);
		return true;
	}
	if (key->bytes == NULL)
		return key->integer == reading->session.integer;
	return key->length == reading->session.length && memcmp(key->bytes, reading->session.bytes, key->length) == 0;
}

static void
receive_event(void *arg, const RecoValue *values)
{
	static const RecoValue none = {.bytes = ""};
	Reading    *reading = arg;
	const RecoValue *event = values[COLUMN_EVENT].is_null ? &none : &values[COLUMN_EVENT];
	RecoView	view;

	if (values[COLUMN_ITEM].is_null || values[COLUMN_SESSION].is_null || TIMESTAMP_NOT_FINITE(values[COLUMN_AT].integer) ||
		reading->n == RECO_MAX_VIEWS || !is_of_session(reading, &values[COLUMN_SESSION]))
		return;
	reading->n_read++;
	view.item = find_item(reading->model, &values[COLUMN_ITEM]);
	view.event = reco_model_find_event(reading->model, event->bytes, event->length);
	if (view.item >= 0)
		reading->events[reading->n++] = (Event) {values[COLUMN_AT].integer, view};
}

static void
read_source(const RecoReader *reader, const RecoSource *source, const RecoBrowsingRequest *request, Reading *reading)
{
	if (request->session != NULL)
	{
		RecoKey		key = {.bytes = request->session,.length = (int) strlen(request->session)};

		(void) reco_sources_read_session(reader, source, browsing_fields, BROWSING_COLUMNS, &key, request->before,
										 RECO_MAX_VIEWS, receive_event, reading);
	}
	else if (request->user != NULL && reco_definitions_column(source, RECO_ROLE_USER) != NULL)
	{
		reading->of_customer = true;
		(void) reco_sources_read_customer(reader, source, browsing_fields, BROWSING_COLUMNS, request->user, request->before,
										  RECO_MAX_VIEWS, receive_event, reading);
	}
}

/* Whether a customer's session whose newest event was then still belongs to what he does at a time. */
bool
reco_browsing_is_recent(TimestampTz as_of, TimestampTz at)
{
	return (double) as_of - (double) at <= RECO_SESSION_DAYS * (double) USECS_PER_DAY;
}

static bool
is_too_old(const RecoBrowsingRequest *request, TimestampTz at)
{
	return request->session == NULL && !reco_browsing_is_recent(request->as_of, at);
}

/* Take over what was read; of two sources, what is newer stands before the rest. */
static void
add_events(RecoBrowsing *browsing, const Reading *reading, bool in_front)
{
	int			added = in_front ? reading->n : Min(reading->n, RECO_MAX_VIEWS - browsing->n);
	int			kept = Min(browsing->n, RECO_MAX_VIEWS - added);
	int			place = in_front ? 0 : browsing->n;
	int			i;

	if (in_front)
		memmove(&browsing->views[added], &browsing->views[0], kept * sizeof(RecoView));
	for (i = 0; i < added; i++)
		browsing->views[place + i] = reading->events[i].view;
	browsing->n = added + kept;
	if (reading->n > 0)
		browsing->since = Min(browsing->since, reading->events[reading->n - 1].at);
}

/*
 * What the session of a request looked at, in the current memory context.  Sessions of one key in several sources are
 * one after the other, the one with the newest event first; of a customer's newest sessions the newest counts.
 */
RecoBrowsing *
reco_browsing_read(const RecoReader *reader, List *sources, const RecoModel *model, const RecoBrowsingRequest *request)
{
	RecoBrowsing *browsing = palloc0(sizeof(RecoBrowsing));
	TimestampTz newest = DT_NOBEGIN;
	ListCell   *cell;

	browsing->since = DT_NOEND;
	foreach(cell, sources)
	{
		const RecoSource *source = lfirst(cell);
		Reading    *reading;
		bool		is_newer;

		if (source->kind != RECO_SOURCE_SESSIONS)
			continue;
		reading = palloc0(sizeof(Reading));
		reading->model = model;
		read_source(reader, source, request, reading);
		if (reading->n == 0 || is_too_old(request, reading->events[0].at))
			continue;
		is_newer = reading->events[0].at > newest;
		if (request->session == NULL && browsing->n > 0 && !is_newer)
			continue;
		if (request->session == NULL)
			browsing->n = 0;
		add_events(browsing, reading, is_newer);
		newest = Max(newest, reading->events[0].at);
	}
	return browsing;
}
