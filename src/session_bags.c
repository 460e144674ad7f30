/*
 * session_bags.c: makes rows of the matrix of bags and items of sessions.
 *
 * That somebody looks at items one after the other says what goes with what, though less than an order does.  All items of
 * a session weigh the same, by the mean of what their events are worth: complements know one weight a row.
 */
#include "postgres.h"

#include "session_bags.h"

#include "interrupts.h"

#define SESSION_MASS	20		/* of longer ones as of so many items */

static int
compare_events_by_item(const void *a, const void *b)
{
	const RecoSessionEvent *x = a;
	const RecoSessionEvent *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	return (x->kind > y->kind) - (x->kind < y->kind);
}

/*
 * The items of a session behind the last row, each once, ascending; returns how many there are.  share becomes the mean
 * over items of what their best event is worth.  events are sorted on the way.
 */
static int64
add_items(RecoRows *rows, RecoSessionEvent *events, int64 n, const float *event_weights, double *share)
{
	int64		size = 0;
	double		sum = 0;
	int64		last;
	int64		i;

	qsort(events, n, sizeof(RecoSessionEvent), compare_events_by_item);
	for (i = 0; i < n; i = last)
	{
		double		most = 0;

		for (last = i; last < n && events[last].item == events[i].item; last++)
			most = Max(most, (double) event_weights[events[last].kind]);
		rows->index[rows->entries + size++] = events[i].item;
		sum += most;
	}
	*share = sum / (double) size;
	return size;
}

/* Sessions that began before options->before. */
static bool
is_past(const RecoSessions *sessions, int32 session, const RecoBagOptions *options)
{
	return reco_sessions_at(sessions, session) < options->before;
}

/* What any event of a session weighs, before the kind of event. */
static double
session_weight(const RecoInteractions *interactions, int32 session, const RecoBagOptions *options)
{
	double		weight = interactions->sessions_are_orders ? 1 : options->session_weight;

	return weight * reco_lines_decay(reco_sessions_at(interactions->sessions, session), options->clock, options->order_half_life);
}

static RecoSessionEvent *
room_for_longest(const RecoInteractions *interactions)
{
	const RecoSessions *sessions = interactions->sessions;
	int64		longest = 1;
	int32		s;

	for (s = 0; s < sessions->n_sessions; s++)
	{
		RECO_CHECK_INTERRUPTS(s);
		longest = Max(longest, sessions->start[s + 1] - sessions->start[s]);
	}
	return reco_budget_alloc(interactions->budget, longest, sizeof(RecoSessionEvent), "session bags");
}

/*
 * Add a row for each session before options->before that looked at two items at least.
 */
void
reco_session_bags_add(const RecoInteractions *interactions, const RecoBagOptions *options, RecoRows *rows)
{
	const RecoSessions *sessions = interactions->sessions;
	RecoSessionEvent *copy = room_for_longest(interactions);
	int32		s;

	for (s = 0; s < sessions->n_sessions; s++)
	{
		int64		n = sessions->start[s + 1] - sessions->start[s];
		double		share;
		int64		size;
		int64		i;

		CHECK_FOR_INTERRUPTS();
		if (!is_past(sessions, s, options))
			continue;
		memcpy(copy, sessions->events + sessions->start[s], n * sizeof(RecoSessionEvent));
		size = add_items(rows, copy, n, options->event_weights, &share);
		if (size < 2)
			continue;
		share *= session_weight(interactions, s, options) * Min(1, SESSION_MASS / (double) size);
		for (i = 0; i < size; i++)
			rows->weight[rows->entries + i] = (float) share;
		rows->entries += size;
		rows->start[++rows->rows] = rows->entries;
	}
	reco_budget_free(interactions->budget, copy);
}
