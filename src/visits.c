/*
 * visits.c: finds which session was before an order, by the rule of browsing.c: that of its customer's newest event, if it
 * was within a day.
 */
#include "postgres.h"

#include "visits.h"

#include "interrupts.h"

static const double max_age = RECO_SESSION_DAYS * (double) USECS_PER_DAY;

static int
compare_visits(const void *a, const void *b, void *arg)
{
	int64		i = *(const int64 *) a;
	int64		j = *(const int64 *) b;
	const RecoSessionEvent *x = (const RecoSessionEvent *) arg + i;
	const RecoSessionEvent *y = (const RecoSessionEvent *) arg + j;

	CHECK_FOR_INTERRUPTS();
	if (x->user != y->user)
		return x->user < y->user ? -1 : 1;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (i > j) - (i < j);
}

/*
 * Of what may have been before an order from a time on; none where there are no sessions, or sessions are the orders.  In
 * the budget's memory.
 */
RecoVisits *
reco_visits_create(const RecoInteractions *interactions, TimestampTz since)
{
	const RecoSessions *sessions = interactions->sessions;
	RecoVisits *visits = palloc0(sizeof(RecoVisits));
	int64		i;

	if (sessions == NULL || interactions->sessions_are_orders)
		return visits;
	visits->sessions = sessions;
	visits->events = reco_budget_alloc(interactions->budget, sessions->n_events, sizeof(int64), "held-out orders");
	for (i = 0; i < sessions->n_events; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (sessions->events[i].user >= 0 && (double) sessions->events[i].at >= (double) since - max_age)
			visits->events[visits->n++] = i;
	}
	qsort_arg(visits->events, visits->n, sizeof(int64), compare_visits, sessions->events);
	return visits;
}

/* The customer's newest event before a time; NULL: none within a day. */
static const RecoSessionEvent *
newest_event(const RecoVisits *visits, int32 user, TimestampTz at)
{
	const RecoSessionEvent *events = visits->sessions->events;
	const RecoSessionEvent *event;
	int64		first = 0;
	int64		last = visits->n;

	while (first < last)
	{
		int64		middle = first + (last - first) / 2;

		event = &events[visits->events[middle]];
		if (event->user < user || (event->user == user && event->at < at))
			first = middle + 1;
		else
			last = middle;
	}
	if (first == 0)
		return NULL;
	event = &events[visits->events[first - 1]];
	return event->user == user && (double) at - (double) event->at <= max_age ? event : NULL;
}

/*
 * The session of a customer (-1: unknown) before a time, -1 for none; the first n_looked of its events are before that.
 */
int32
reco_visits_find(const RecoVisits *visits, int32 user, TimestampTz at, int64 *n_looked)
{
	const RecoSessions *sessions = visits->sessions;
	const RecoSessionEvent *newest = user >= 0 && visits->n > 0 ? newest_event(visits, user, at) : NULL;
	int64		i;

	*n_looked = 0;
	if (newest == NULL)
		return -1;
	for (i = sessions->start[newest->session]; i < sessions->start[newest->session + 1] && sessions->events[i].at < at; i++)
		(*n_looked)++;
	return newest->session;
}

void
reco_visits_free(RecoVisits *visits)
{
	if (visits->events != NULL)
		reco_budget_free(visits->sessions->budget, visits->events);
	pfree(visits);
}
