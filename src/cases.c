/*
 * cases.c: makes requests of held-out orders, to be replayed.
 *
 * An order of 2 to 100 items becomes a case: half of its items, drawn by a hash that depends on a seed, are visible, the
 * other half is to be found.  As a next order none are visible.  What its customer bought before it is known, and so is
 * what his newest session looked at, if that was within a day.  Half of the orders with such a session are asked for with
 * nothing in the basket: that is how most visitors ask.  These may have one item only.
 *
 * Where there are no orders but sessions, one of two events at least is a case: the earlier half of its events has been
 * looked at, and to be found is what the later half looks at, be it the same again.
 */
#include "postgres.h"

#include "cases.h"

#include "common/hashfn.h"
#include "interrupts.h"
#include "utils/memutils.h"
#include "visits.h"

#define MIN_ITEMS 2
#define FEW_CASES 200			/* of so many items: too few to choose anything on */

static int
compare_timestamps(const void *a, const void *b)
{
	TimestampTz x = *(const TimestampTz *) a;
	TimestampTz y = *(const TimestampTz *) b;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/* The first of n ascending times that is not before a time. */
static int32
first_not_before(const TimestampTz *times, int32 n, TimestampTz time)
{
	int32		first = 0;

	while (first < n && times[first] < time)
		first++;
	return first;
}

/*
 * The cut that leaves about a tenth of n ascending times: where many orders share one time, such as a date, the tenth
 * may begin in the middle of them; if all of those would more than double it, it begins after them.
 */
static TimestampTz
cut_times(const TimestampTz *times, int32 n)
{
	TimestampTz cut = times[n - n / 10];
	int32		later = first_not_before(times, n, cut + 1);

	if (n - first_not_before(times, n, cut) > 2 * (n / 10) && later < n)
		cut = times[later];
	return cut == times[0] ? DT_NOEND : cut;
}

/*
 * The time from which on orders are held out: that of the newest tenth.  DT_NOEND where there are too few to learn from
 * any, or nothing would be left to train on.
 */
TimestampTz
reco_cases_cut(const RecoInteractions *interactions)
{
	TimestampTz *times = reco_budget_alloc(interactions->budget, interactions->n_orders, sizeof(TimestampTz), "held-out orders");
	TimestampTz cut = DT_NOEND;
	int32		n = 0;
	int32		i;

	/* An order of which nothing is left, such as one of returns, has no time. */
	for (i = 0; i < interactions->n_orders; i++)
		if (interactions->order_at[i] != DT_NOEND)
			times[n++] = interactions->order_at[i];
	qsort(times, n, sizeof(TimestampTz), compare_timestamps);
	if (n / 10 >= 1)
		cut = cut_times(times, n);
	pfree(times);
	return cut;
}

typedef struct OrderItem
{
	int32		order;
	int32		item;
	uint32		draw;			/* decides which half is visible, of those of one time */
	TimestampTz at;				/* of its earliest line */
} OrderItem;

static int
compare_order_items(const void *a, const void *b)
{
	const OrderItem *x = a;
	const OrderItem *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->draw != y->draw)
		return x->draw < y->draw ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

static int
compare_same_items(const void *a, const void *b)
{
	const OrderItem *x = a;
	const OrderItem *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* Each item of an order once, with its earliest time; returns how many are left. */
static int64
keep_earliest(OrderItem *items, int64 n)
{
	int64		kept = 0;
	int64		i;

	qsort(items, n, sizeof(OrderItem), compare_same_items);
	for (i = 0; i < n; i++)
		if (i == 0 || items[i].order != items[kept - 1].order || items[i].item != items[kept - 1].item)
			items[kept++] = items[i];
	return kept;
}

static uint32
draw(int32 order, int32 item, int seed)
{
	return hash_combine(hash_combine(hash_bytes_uint32((uint32) order), hash_bytes_uint32((uint32) item)),
						hash_bytes_uint32((uint32) seed));
}

/* The items of all held-out orders, those of an order together, by time, and those of one time shuffled. */
static OrderItem *
held_out_items(const RecoInteractions *interactions, TimestampTz cut, int seed, int64 *n)
{
	OrderItem  *items;
	int64		i;

	*n = 0;
	for (i = 0; i < interactions->n_lines; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		*n += interactions->lines[i].order >= 0 && interactions->order_at[interactions->lines[i].order] >= cut;
	}
	reco_budget_require(interactions->budget, mul_size(*n, sizeof(OrderItem)), "held-out orders");
	items = palloc_extended(mul_size(Max(*n, 1), sizeof(OrderItem)), MCXT_ALLOC_HUGE);
	*n = 0;
	for (i = 0; i < interactions->n_lines; i++)
	{
		const RecoLine *line = &interactions->lines[i];

		RECO_CHECK_INTERRUPTS(i);
		if (line->order < 0 || interactions->order_at[line->order] < cut)
			continue;
		items[*n].order = line->order;
		items[*n].item = line->item;
		items[*n].at = line->at;
		items[(*n)++].draw = draw(line->order, line->item, seed);
	}
	*n = keep_earliest(items, *n);
	qsort(items, *n, sizeof(OrderItem), compare_order_items);
	return items;
}

/* --- sessions ---------------------------------------------------------------------------------------------- */

/*
 * The newest events of a session up to one of them, newest first, become the views of a case; of one moment the smallest
 * item comes first, as where they are read live.
 */
static void
add_views(RecoCases *cases, const RecoSessionEvent *events, int64 n, RecoCase *added)
{
	int64		last;
	int64		first;
	int64		i;

	added->first_view = cases->n_views;
	added->n_views = 0;
	for (last = n; last > 0; last = first)
	{
		for (first = last - 1; first > 0 && events[first - 1].at == events[last - 1].at; first--)
			;
		for (i = first; i < last && added->n_views < RECO_MAX_VIEWS; i++)
			cases->views[added->first_view + added->n_views++] = (RecoView) {events[i].item, events[i].kind};
	}
	cases->n_views += added->n_views;
}

/* What the sessions of all cases looked at. */
static void
fill_views(RecoCases *cases, const RecoInteractions *interactions)
{
	const RecoSessions *sessions = interactions->sessions;
	Size		most = 0;
	int			i;

	for (i = 0; i < cases->n; i++)
		most = add_size(most, Min(cases->list[i].n_looked, RECO_MAX_VIEWS));
	reco_budget_require(interactions->budget, mul_size(most, sizeof(RecoView)), "held-out orders");
	cases->views = palloc_extended(mul_size(Max(most, 1), sizeof(RecoView)), MCXT_ALLOC_HUGE);
	for (i = 0; i < cases->n; i++)
		if (cases->list[i].n_looked > 0)
			add_views(cases, sessions->events + sessions->start[cases->list[i].session], cases->list[i].n_looked,
					  &cases->list[i]);
	if (cases->n_views > 0)
		cases->strengths |= 1u << RECO_STRENGTH_SESSION | 1u << RECO_STRENGTH_SESSION_DECAY;
}

/* A session whose earlier half is known. */
static void
add_session_case(RecoCases *cases, const RecoInteractions *interactions, int32 session)
{
	const RecoSessions *sessions = interactions->sessions;
	const RecoSessionEvent *events = sessions->events + sessions->start[session];
	int64		n = sessions->start[session + 1] - sessions->start[session];
	RecoCase   *added = &cases->list[cases->n];
	int32	   *hidden = cases->items + cases->n_items;
	int32		n_hidden = 0;
	int64		i;
	int			j;

	for (i = n / 2; i < n && n_hidden < RECO_CASE_MAX_ITEMS; i++)
	{
		for (j = 0; j < n_hidden && hidden[j] != events[i].item; j++)
			;
		if (j == n_hidden)
			hidden[n_hidden++] = events[i].item;
	}
	if (n < MIN_ITEMS)
		return;
	*added = (RecoCase) {.order = session,.at = events[0].at,.user = interactions->order_user[session],.n_hidden = n_hidden,
	.first = cases->n_items,.session = session,.n_looked = n / 2};
	cases->n_items += n_hidden;
	cases->n++;
}

/* --- all --------------------------------------------------------------------------------------------------- */

static void
add_case(RecoCases *cases, const RecoInteractions *interactions, const RecoVisits *visits, const OrderItem *items, int64 n,
		 int min_items)
{
	RecoCase   *added = &cases->list[cases->n];
	bool		is_bare;
	int64		i;

	added->order = items[0].order;
	added->at = interactions->order_at[added->order];
	added->user = interactions->order_user[added->order];
	added->session = reco_visits_find(visits, added->user, added->at, &added->n_looked);
	is_bare = added->n_looked > 0 && (n < MIN_ITEMS || items[0].draw % 2 == 0);
	if ((n < min_items && !is_bare) || n > RECO_CASE_MAX_ITEMS)
		return;
	added->n_visible = is_bare ? 0 : (int32) (n / 2);
	added->n_hidden = (int32) (n - added->n_visible);
	added->first = cases->n_items;
	for (i = 0; i < n; i++)
		cases->items[cases->n_items++] = items[i].item;
	cases->n++;
}

/* All orders of at least so many items. */
static void
add_cases(RecoCases *cases, const RecoInteractions *interactions, const RecoVisits *visits, const OrderItem *items, int64 n,
		  int min_items)
{
	int64		first;
	int64		last;

	cases->n = 0;
	cases->n_items = 0;
	for (first = 0; first < n; first = last)
	{
		for (last = first + 1; last < n && items[last].order == items[first].order; last++)
			;
		add_case(cases, interactions, visits, items + first, last - first, min_items);
	}
}

static void
make_room(RecoCases *cases, RecoBudget *budget, int64 n_items, int64 n_cases)
{
	reco_budget_require(budget, add_size(mul_size(n_items, sizeof(int32)), mul_size(n_cases, sizeof(RecoCase))),
						"held-out orders");
	cases->items = palloc_extended(mul_size(Max(n_items, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
	cases->list = palloc_extended(mul_size(Max(n_cases, 1), sizeof(RecoCase)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

static void
add_order_cases(RecoCases *cases, const RecoInteractions *interactions, const RecoSegments *segments, TimestampTz cut, int seed)
{
	int64		n;
	OrderItem  *items = held_out_items(interactions, cut, seed, &n);
	RecoVisits *visits = reco_visits_create(interactions, cut);

	/*
	 * With two items at least there are at most half as many cases, and one more that is looked at and left out; with a
	 * session one item is enough.
	 */
	make_room(cases, interactions->budget, n, visits->n > 0 ? n : n / 2 + 1);
	add_cases(cases, interactions, visits, items, n, MIN_ITEMS);
	if (segments != NULL && cases->n < FEW_CASES)
	{
		pfree(cases->items);
		pfree(cases->list);
		make_room(cases, interactions->budget, n, n);
		add_cases(cases, interactions, visits, items, n, 1);
	}
	pfree(items);
	reco_visits_free(visits);
}

static void
add_session_cases(RecoCases *cases, const RecoInteractions *interactions, TimestampTz cut)
{
	const RecoSessions *sessions = interactions->sessions;
	int64		n_events = 0;
	int64		n = 0;
	int32		s;

	for (s = 0; s < sessions->n_sessions; s++)
	{
		RECO_CHECK_INTERRUPTS(s);
		if (reco_sessions_at(sessions, s) < cut)
			continue;
		n_events += sessions->start[s + 1] - sessions->start[s];
		n++;
	}
	make_room(cases, interactions->budget, n_events, n);
	for (s = 0; s < sessions->n_sessions; s++)
	{
		CHECK_FOR_INTERRUPTS();
		if (reco_sessions_at(sessions, s) >= cut)
			add_session_case(cases, interactions, s);
	}
}

/* Keep an even sample of at most so many cases. */
static void
thin_out(RecoCases *cases, int limit)
{
	int			n = cases->n;
	int			i;

	if (n <= limit)
		return;
	for (i = 0; i < limit; i++)
		cases->list[i] = cases->list[(int64) i * n / limit];
	cases->n = limit;
}

/* Where the lines of each customer begin, who are sorted; [users + 1]. */
static int64 *
index_users(const RecoInteractions *interactions)
{
	int32		users = reco_idmap_count(interactions->users);
	int64	   *start = palloc_extended(mul_size((Size) users + 1, sizeof(int64)), MCXT_ALLOC_HUGE);
	int32		user = 0;
	int64		i;

	for (i = 0; i < interactions->n_lines && interactions->lines[i].user >= 0; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		while (user <= interactions->lines[i].user)
			start[user++] = i;
	}
	while (user <= users)
		start[user++] = i;
	return start;
}

static int
compare_cases_by_user(const void *a, const void *b)
{
	const RecoCase *x = *(RecoCase *const *) a;
	const RecoCase *y = *(RecoCase *const *) b;

	CHECK_FOR_INTERRUPTS();
	return (x->user > y->user) - (x->user < y->user);
}

/* Give each case its place among the lines of all customers that cases have, each of them once. */
static void
place_lines(RecoCases *cases, RecoCase **by_user, const int64 *user_start)
{
	int			i;

	cases->n_lines = 0;
	for (i = 0; i < cases->n; i++)
	{
		RecoCase   *test = by_user[i];

		if (test->user < 0)
			continue;
		test->n_lines = user_start[test->user + 1] - user_start[test->user];
		test->first_line = cases->n_lines;
		if (i > 0 && by_user[i - 1]->user == test->user)
			test->first_line = by_user[i - 1]->first_line;
		else
			cases->n_lines += test->n_lines;
	}
}

/* Copy the lines of the cases' customers. */
static void
copy_lines(RecoCases *cases, const RecoInteractions *interactions)
{
	int64	   *user_start = index_users(interactions);
	RecoCase  **by_user = palloc(mul_size(Max(cases->n, 1), sizeof(RecoCase *)));
	int			i;

	for (i = 0; i < cases->n; i++)
		by_user[i] = &cases->list[i];
	qsort(by_user, cases->n, sizeof(RecoCase *), compare_cases_by_user);
	place_lines(cases, by_user, user_start);
	reco_budget_require(interactions->budget, mul_size(cases->n_lines, sizeof(RecoLine)), "held-out orders");
	cases->lines = palloc_extended(mul_size(Max(cases->n_lines, 1), sizeof(RecoLine)), MCXT_ALLOC_HUGE);
	for (i = 0; i < cases->n; i++)
		if (by_user[i]->user >= 0 && (i == 0 || by_user[i - 1]->user != by_user[i]->user))
			reco_copy_bytes(cases->lines + by_user[i]->first_line, interactions->lines + user_start[by_user[i]->user],
							mul_size(by_user[i]->n_lines, sizeof(RecoLine)));
	pfree(by_user);
	pfree(user_start);
}

/* What the customer of a case thought before it of items that there are; into is NULL where it is only counted. */
static int64
take_reviews(const RecoReviews *reviews, const RecoCase *test, RecoReview *into)
{
	int64		n = 0;
	int64		all;
	int64		first;
	int64		r;

	if (test->user < 0)
		return 0;
	first = reco_reviews_of(reviews, test->user, &all);
	for (r = first; r < first + all; r++)
	{
		RecoReview	review = reviews->list[r];

		RECO_CHECK_INTERRUPTS(r);
		if (review.item < 0 || review.at == DT_NOBEGIN || review.at >= test->at)
			continue;
		review.stars = reco_reviews_height(reviews, review.stars);
		if (into != NULL)
			into[n] = review;
		n++;
	}
	return n;
}

/* Copy what the cases' customers thought. */
static void
copy_reviews(RecoCases *cases, const RecoReviews *reviews, RecoBudget *budget)
{
	int			i;

	for (i = 0; i < cases->n; i++)
	{
		RecoCase   *test = &cases->list[i];

		test->first_review = cases->n_reviews;
		test->n_reviews = take_reviews(reviews, test, NULL);
		cases->n_reviews += test->n_reviews;
	}
	reco_budget_require(budget, mul_size(cases->n_reviews, sizeof(RecoReview)), "held-out orders");
	cases->reviews = palloc_extended(mul_size(Max(cases->n_reviews, 1), sizeof(RecoReview)), MCXT_ALLOC_HUGE);
	for (i = 0; i < cases->n; i++)
		(void) take_reviews(reviews, &cases->list[i], cases->reviews + cases->list[i].first_review);
	if (cases->n_reviews > 0)
		cases->strengths |= 1u << RECO_STRENGTH_STARS;
}

/* Exchange the orders of copied lines for numbers of contexts, which are those of these orders. */
static void
copy_contexts(RecoCases *cases, const RecoInteractions *interactions, const RecoSegments *segments)
{
	int32	   *number = reco_budget_alloc(interactions->budget, Max(interactions->n_orders, 1), sizeof(int32), "held-out orders");
	int64		i;

	for (i = 0; i < cases->n_lines; i++)
	{
		int32		order = cases->lines[i].order;

		RECO_CHECK_INTERRUPTS(i);
		if (order >= 0 && number[order] == 0)
			number[order] = (int32) ++cases->n_contexts;
	}
	reco_budget_require(interactions->budget, mul_size(cases->n_contexts, sizeof(*cases->contexts)), "held-out orders");
	cases->contexts = palloc_extended(mul_size(Max(cases->n_contexts, 1), sizeof(*cases->contexts)), MCXT_ALLOC_HUGE);
	for (i = 0; i < interactions->n_orders; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (number[i] > 0)
			reco_segments_context(segments, interactions, (int32) i, cases->contexts[number[i] - 1]);
	}
	for (i = 0; i < cases->n_lines; i++)
		if (cases->lines[i].order >= 0)
			cases->lines[i].order = number[cases->lines[i].order] - 1;
	reco_budget_free(interactions->budget, number);
}

/* The attributes of the cases' customers. */
static void
copy_labels(RecoCases *cases, const RecoSegments *segments)
{
	const RecoSparse *customers = &segments->customers;
	int			i;

	for (i = 0; i < cases->n; i++)
	{
		RecoCase   *test = &cases->list[i];

		test->first_label = cases->n_labels;
		if (test->user >= 0)
			test->n_labels = (int) (customers->start[test->user + 1] - customers->start[test->user]);
		cases->n_labels += test->n_labels;
	}
	cases->labels = palloc_extended(mul_size(Max(cases->n_labels, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
	for (i = 0; i < cases->n; i++)
		if (cases->list[i].n_labels > 0)
			memcpy(cases->labels + cases->list[i].first_label, customers->index + customers->start[cases->list[i].user],
				   cases->list[i].n_labels * sizeof(int32));
}

/* The contexts of the cases, and of which fields there is any. */
static void
set_contexts(RecoCases *cases, const RecoInteractions *interactions, const RecoSegments *segments)
{
	int			i;
	int			f;

	for (i = 0; i < cases->n; i++)
	{
		if (cases->list[i].order < 0)
			continue;
		reco_segments_context(segments, interactions, cases->list[i].order, cases->list[i].context);
		for (f = 0; f < RECO_MAX_CONTEXTS; f++)
			if (cases->list[i].context[f] != -1)
				cases->strengths |= 1u << (RECO_STRENGTH_CONTEXT + f);
	}
}

/*
 * The orders from a time on as cases, an even sample of at most limit of them, in the current memory context, which the
 * interactions' budget accounts for.
 */
RecoCases *
reco_cases_make(const RecoInteractions *interactions, const RecoReviews *reviews, const RecoSegments *segments,
				TimestampTz cut, int seed, int limit)
{
	RecoCases  *cases = palloc0(sizeof(RecoCases));

	if (interactions->sessions_are_orders)
		add_session_cases(cases, interactions, cut);
	else
		add_order_cases(cases, interactions, segments, cut, seed);
	thin_out(cases, limit);
	fill_views(cases, interactions);
	copy_lines(cases, interactions);
	if (reviews != NULL)
		copy_reviews(cases, reviews, interactions->budget);
	if (segments == NULL)
		return cases;
	copy_contexts(cases, interactions, segments);
	copy_labels(cases, segments);
	set_contexts(cases, interactions, segments);
	return cases;
}

/* --- friends ----------------------------------------------------------------------------------------------- */

/* Newest first, among lines of one moment by item, as a request reads them. */
static int
compare_newest(const void *a, const void *b)
{
	const RecoLine *x = a;
	const RecoLine *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->at != y->at)
		return x->at > y->at ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

/* The newest of some lines before a time, at most as many as a request reads of a friend; returns how many. */
static int
newest_lines(const RecoLine *lines, int64 n, TimestampTz before, RecoLine *newest)
{
	RecoLine   *earlier = palloc_extended(mul_size(Max(n, 1), sizeof(RecoLine)), MCXT_ALLOC_HUGE);
	int64		n_earlier = 0;
	int64		i;

	for (i = 0; i < n; i++)
		if (lines[i].at < before)
			earlier[n_earlier++] = lines[i];
	if (n_earlier > RECO_FRIEND_LINES)
		qsort(earlier, n_earlier, sizeof(RecoLine), compare_newest);
	n_earlier = Min(n_earlier, RECO_FRIEND_LINES);
	memcpy(newest, earlier, n_earlier * sizeof(RecoLine));
	pfree(earlier);
	return (int) n_earlier;
}

/* The bag of those whom a case's customer followed at its time; returns how many entries it has. */
static int64
friends_bag(const RecoInteractions *interactions, const int64 *user_start, const RecoCase *test, RecoLine *lines,
			RecoEntry *entries)
{
	int32		friends[RECO_MOST_FRIENDS];
	int			n_friends = reco_ties_of(interactions->ties, test->user, test->at, friends);
	int64		n = 0;
	int			i;

	for (i = 0; i < n_friends; i++)
	{
		int64		first = user_start[friends[i]];

		n += newest_lines(interactions->lines + first, user_start[friends[i] + 1] - first, test->at, lines + n);
	}
	return reco_lines_crowd_bag(lines, n, test->at, entries);
}

static void
append_friends(RecoCases *cases, RecoCase *test, const RecoEntry *entries, int64 n, int64 *capacity, RecoBudget *budget)
{
	if (cases->n_friends + n > *capacity)
	{
		*capacity = Max(*capacity + *capacity / 2, cases->n_friends + n);
		reco_budget_require(budget, mul_size(*capacity, sizeof(RecoEntry)), "held-out orders");
		cases->friends = repalloc_huge(cases->friends, mul_size(*capacity, sizeof(RecoEntry)));
	}
	test->first_friend = cases->n_friends;
	test->n_friends = n;
	if (n > 0)
		memcpy(cases->friends + cases->n_friends, entries, n * sizeof(RecoEntry));
	cases->n_friends += n;
}

/*
 * Give each case what a request at its time would know of the people whom its customer followed, as far as it is among the
 * interactions' ties.  Memory as in reco_cases_make.
 */
void
reco_cases_add_friends(RecoCases *cases, const RecoInteractions *interactions)
{
	int64		capacity = RECO_MOST_FRIENDS * RECO_FRIEND_LINES;
	RecoLine   *lines;
	RecoEntry  *entries;
	int64	   *user_start;
	int			i;

	if (interactions->ties == NULL)
		return;
	lines = palloc(mul_size(capacity, sizeof(RecoLine)));
	entries = palloc(mul_size(capacity, sizeof(RecoEntry)));
	cases->friends = palloc(mul_size(capacity, sizeof(RecoEntry)));
	user_start = index_users(interactions);
	for (i = 0; i < cases->n; i++)
	{
		RecoCase   *test = &cases->list[i];

		append_friends(cases, test, entries, friends_bag(interactions, user_start, test, lines, entries), &capacity,
					   interactions->budget);
		CHECK_FOR_INTERRUPTS();
	}
	if (cases->n_friends > 0)
		cases->strengths |= 1u << RECO_STRENGTH_FRIENDS;
	pfree(lines);
	pfree(entries);
	pfree(user_start);
}

/* --- what a request knows ---------------------------------------------------------------------------------- */

/* The customer's lines before the order, and their contexts. */
static void
copy_history(const RecoCases *cases, const RecoCase *test, RecoEvidence *evidence)
{
	RecoLine   *lines = palloc_extended(mul_size(Max(test->n_lines, 1), sizeof(RecoLine)), MCXT_ALLOC_HUGE);
	int32		(*contexts)[RECO_MAX_CONTEXTS] = palloc_extended(mul_size(Max(test->n_lines, 1), sizeof(*contexts)),
															   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int64		n = 0;
	int64		i;

	for (i = 0; i < test->n_lines; i++)
	{
		lines[n] = cases->lines[test->first_line + i];
		if (lines[n].at >= test->at)
			continue;
		if (lines[n].order >= 0 && cases->contexts != NULL)
		{
			memcpy(contexts[n], cases->contexts[lines[n].order], sizeof(*contexts));
			lines[n].order = (int32) n;
			evidence->n_contexts = (int) n + 1;
		}
		n++;
	}
	evidence->lines = lines;
	evidence->n_lines = n;
	evidence->contexts = (const int32 (*)[RECO_MAX_CONTEXTS]) contexts;
}

/* What the customer thought of items before the order: of each what was said last. */
static RecoOpinion *
copy_opinions(const RecoCases *cases, const RecoCase *test, int *n)
{
	RecoOpinion *opinions = palloc_extended(mul_size(Max(test->n_reviews, 1), sizeof(RecoOpinion)), MCXT_ALLOC_HUGE);

	*n = reco_reviews_last(cases->reviews + test->first_review, test->n_reviews, test->at, opinions);
	return opinions;
}

static RecoEntry *
copy_basket(const RecoCases *cases, const RecoCase *test)
{
	RecoEntry  *entries = palloc(mul_size(Max(test->n_visible, 1), sizeof(RecoEntry)));
	int			i;

	for (i = 0; i < test->n_visible; i++)
		entries[i] = (RecoEntry) {cases->items[test->first + i], reco_lines_entry_weight(1)};
	return entries;
}

/*
 * About what a request at the time of the order would know, in the current memory context; but the customer's returns are
 * netted already, also those made later, and history_limit is not applied.
 */
void
reco_cases_evidence(const RecoCases *cases, const RecoCase *test, bool with_basket, bool with_history, RecoEvidence *evidence)
{
	reco_asking_clear(evidence, test->at);
	if (with_basket)
	{
		evidence->basket = copy_basket(cases, test);
		evidence->n_basket = test->n_visible;
		evidence->views = cases->views + test->first_view;
		evidence->n_views = test->n_views;
	}
	evidence->labels = cases->labels + test->first_label;
	evidence->n_labels = test->n_labels;
	memcpy(evidence->context, test->context, sizeof(evidence->context));
	evidence->friends = cases->friends + test->first_friend;
	evidence->n_friends = test->n_friends;
	if (!with_history || test->user < 0)
		return;
	copy_history(cases, test, evidence);
	evidence->opinions = copy_opinions(cases, test, &evidence->n_opinions);
}
