/*
 * cases.c: makes requests of held-out orders, to be replayed.
 *
 * An order of 2 to 100 items becomes a case: half of its items, drawn by a hash that depends on a seed, are visible, the
 * other half is to be found.  As a next order none are visible.  What its customer bought before it is known.
 */
#include "postgres.h"

#include "cases.h"

#include "common/hashfn.h"
#include "interrupts.h"
#include "utils/memutils.h"

#define MIN_ITEMS 2

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
	uint32		draw;			/* decides which half is visible */
} OrderItem;

static int
compare_order_items(const void *a, const void *b)
{
	const OrderItem *x = a;
	const OrderItem *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	if (x->draw != y->draw)
		return x->draw < y->draw ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

static uint32
draw(int32 order, int32 item, int seed)
{
	return hash_combine(hash_combine(hash_bytes_uint32((uint32) order), hash_bytes_uint32((uint32) item)),
						hash_bytes_uint32((uint32) seed));
}

/* The items of all held-out orders, those of an order together and shuffled. */
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
		items[(*n)++].draw = draw(line->order, line->item, seed);
	}
	qsort(items, *n, sizeof(OrderItem), compare_order_items);
	return items;
}

static void
add_case(RecoCases *cases, const RecoInteractions *interactions, const OrderItem *items, int64 n)
{
	RecoCase   *added = &cases->list[cases->n];
	int64		distinct = 0;
	int64		i;

	for (i = 0; i < n; i++)
		if (i == 0 || items[i].item != items[i - 1].item)
			cases->items[cases->n_items + distinct++] = items[i].item;
	if (distinct < MIN_ITEMS || distinct > RECO_CASE_MAX_ITEMS)
		return;
	added->order = items[0].order;
	added->at = interactions->order_at[added->order];
	added->user = interactions->order_user[added->order];
	added->n_visible = (int32) (distinct / 2);
	added->n_hidden = (int32) (distinct - added->n_visible);
	added->first = cases->n_items;
	cases->n_items += distinct;
	cases->n++;
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

/*
 * The orders from a time on as cases, an even sample of at most limit of them, in the current memory context, which the
 * interactions' budget accounts for.
 */
RecoCases *
reco_cases_make(const RecoInteractions *interactions, TimestampTz cut, int seed, int limit)
{
	RecoCases  *cases = palloc0(sizeof(RecoCases));
	int64		n;
	OrderItem  *items = held_out_items(interactions, cut, seed, &n);
	int64		first;
	int64		last;

	/* With two items at least there are at most half as many cases. */
	reco_budget_require(interactions->budget, mul_size(n, sizeof(int32) + sizeof(RecoCase) / 2), "held-out orders");
	cases->items = palloc_extended(mul_size(Max(n, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
	cases->list = palloc_extended(mul_size(Max(n / 2, 1), sizeof(RecoCase)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (first = 0; first < n; first = last)
	{
		for (last = first + 1; last < n && items[last].order == items[first].order; last++)
			;
		add_case(cases, interactions, items + first, last - first);
	}
	pfree(items);
	thin_out(cases, limit);
	copy_lines(cases, interactions);
	return cases;
}

/* The customer's lines before the order, of whose contexts nothing is known. */
static RecoLine *
copy_history(const RecoCases *cases, const RecoCase *test, int64 *n_lines)
{
	RecoLine   *lines = palloc_extended(mul_size(Max(test->n_lines, 1), sizeof(RecoLine)), MCXT_ALLOC_HUGE);
	int64		i;

	*n_lines = 0;
	for (i = 0; i < test->n_lines; i++)
	{
		RecoLine   *line = &lines[*n_lines];

		*line = cases->lines[test->first_line + i];
		if (line->at >= test->at)
			continue;
		line->order = -1;
		(*n_lines)++;
	}
	return lines;
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
	}
	if (with_history && test->user >= 0)
		evidence->lines = copy_history(cases, test, &evidence->n_lines);
}
