/*
 * conversion.c: learns from orders what each kind of session event is worth.
 *
 * Of all customers who ordered within a day of an event, in how many orders was the item of the event?  That share is what
 * a kind of event foretells: of a cart it is near 1, of a page that came up in a search it is small.  It is drawn towards
 * the share of all events together where there are few of a kind, and what counts is how it compares with the best kind,
 * which weighs 1.
 *
 *		share_k = (bought_k + PRIOR share) / (seen_k + PRIOR),     weight_k = share_k / max over kinds
 *
 * An item that was viewed ten times before one order was viewed once: pairs of order, item and kind are counted.  Events
 * that no order followed say nothing of kinds here, since an order is what everything is asked for; where nobody ordered
 * within a day of any event, all kinds weigh the same.
 */
#include "postgres.h"

#include "conversion.h"

#include "interrupts.h"

#define PRIOR 20				/* pairs */

/* An order of a known customer. */
typedef struct Order
{
	int32		user;
	int32		order;
	TimestampTz at;
} Order;

typedef struct Counts
{
	int64		seen[RECO_MAX_EVENT_KINDS];
	int64		bought[RECO_MAX_EVENT_KINDS];
} Counts;

static int
compare_orders(const void *a, const void *b)
{
	const Order *x = a;
	const Order *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->user != y->user)
		return x->user < y->user ? -1 : 1;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

/* The orders of known customers before a time, by customer and time. */
static Order *
list_orders(const RecoInteractions *interactions, TimestampTz before, int64 *n)
{
	Order	   *orders = reco_budget_alloc(interactions->budget, interactions->n_orders, sizeof(Order), "orders");
	int32		i;

	*n = 0;
	for (i = 0; i < interactions->n_orders; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (interactions->order_user[i] >= 0 && interactions->order_at[i] < before)
			orders[(*n)++] = (Order) {interactions->order_user[i], i, interactions->order_at[i]};
	}
	qsort(orders, *n, sizeof(Order), compare_orders);
	return orders;
}

/* The first order of the event's customer after it and within a day, or -1. */
static int32
next_order(const Order *orders, int64 n, const RecoSessionEvent *event)
{
	int64		first = 0;
	int64		last = n;

	while (first < last)
	{
		int64		middle = first + (last - first) / 2;

		if (orders[middle].user < event->user || (orders[middle].user == event->user && orders[middle].at <= event->at))
			first = middle + 1;
		else
			last = middle;
	}
	if (first == n || orders[first].user != event->user ||
		(double) orders[first].at - (double) event->at > RECO_SESSION_DAYS * (double) USECS_PER_DAY)
		return -1;
	return orders[first].order;
}

/* Whether the item is in the customer's order; lines are sorted by customer and item. */
static bool
is_in_order(const RecoInteractions *interactions, int32 user, int32 item, int32 order)
{
	const RecoLine *lines = interactions->lines;
	int64		first = 0;
	int64		last = interactions->n_lines;

	while (first < last)
	{
		int64		middle = first + (last - first) / 2;
		const RecoLine *line = &lines[middle];

		/* Unknown customers come last. */
		if (line->user >= 0 && (line->user < user || (line->user == user && line->item < item)))
			first = middle + 1;
		else
			last = middle;
	}
	for (; first < interactions->n_lines && lines[first].user == user && lines[first].item == item; first++)
		if (lines[first].order == order)
			return true;
	return false;
}

/* What an event of a known customer was followed by. */
typedef struct Followed
{
	int32		order;
	int32		item;
	int32		kind;
	int32		user;
} Followed;

static int
compare_followed(const void *a, const void *b)
{
	const Followed *x = a;
	const Followed *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	return (x->kind > y->kind) - (x->kind < y->kind);
}

/* The events that an order followed, those of one order, item and kind together. */
static Followed *
list_followed(const RecoInteractions *interactions, const RecoSessions *sessions, TimestampTz before, int64 *n)
{
	int64		n_orders;
	Order	   *orders = list_orders(interactions, before, &n_orders);
	Followed   *list = reco_budget_alloc(interactions->budget, sessions->n_events, sizeof(Followed), "session events");
	int64		i;

	*n = 0;
	for (i = 0; i < sessions->n_events; i++)
	{
		const RecoSessionEvent *event = &sessions->events[i];
		int32		order = event->user >= 0 ? next_order(orders, n_orders, event) : -1;

		RECO_CHECK_INTERRUPTS(i);
		if (order >= 0)
			list[(*n)++] = (Followed) {order, event->item, event->kind, event->user};
	}
	reco_budget_free(interactions->budget, orders);
	qsort(list, *n, sizeof(Followed), compare_followed);
	return list;
}

static void
count_pairs(const RecoInteractions *interactions, const RecoSessions *sessions, TimestampTz before, Counts *counts)
{
	int64		n;
	Followed   *list = list_followed(interactions, sessions, before, &n);
	int64		i;

	memset(counts, 0, sizeof(*counts));
	for (i = 0; i < n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (i > 0 && compare_followed(&list[i - 1], &list[i]) == 0)
			continue;
		counts->seen[list[i].kind]++;
		counts->bought[list[i].kind] += is_in_order(interactions, list[i].user, list[i].item, list[i].order);
	}
	reco_budget_free(interactions->budget, list);
}

/* Bytes that learning takes, at most. */
Size
reco_conversion_memory(const RecoInteractions *interactions)
{
	Size		events = interactions->sessions != NULL ? interactions->sessions->n_events : 0;

	return events == 0 ? 0 : add_size(mul_size(interactions->n_orders, sizeof(Order)), mul_size(events, sizeof(Followed)));
}

/*
 * What each kind of event weighs, from orders before a time: in (0, 1], the best of them 1.  weights has room for
 * RECO_MAX_EVENT_KINDS.  Errors: configuration_limit_exceeded (memory).
 */
void
reco_conversion_learn(const RecoInteractions *interactions, const RecoSessions *sessions, TimestampTz before,
					  float *weights)
{
	int			kinds = reco_sessions_n_kinds(sessions);
	double		seen = 0;
	double		bought = 0;
	float		best = 0;
	Counts		counts;
	int			k;

	count_pairs(interactions, sessions, before, &counts);
	for (k = 0; k < kinds; k++)
	{
		seen += (double) counts.seen[k];
		bought += (double) counts.bought[k];
	}
	for (k = 0; k < kinds; k++)
	{
		weights[k] = 1;
		if (bought > 0)
			weights[k] = (float) (((double) counts.bought[k] + PRIOR * bought / seen) / ((double) counts.seen[k] + PRIOR));
		best = Max(best, weights[k]);
	}
	for (k = 0; k < kinds; k++)
		weights[k] /= best;
}
