/*
 * split.c: divides a journal into what is past and the later orders that are replayed.
 *
 * By time (the default), everything before the cut is past, and every order that begins at it or later may be replayed: as
 * in the shop, nobody knows the future.  By last order, each customer's last one is replayed and all that he did from its
 * time on is kept from learning; what others did later is not, so that figures are better than a shop will see.
 *
 * An order becomes a request of two kinds: completion, where half of its items are visible and the others are to be found,
 * and next basket, where none are.  Which half, and which orders where there are too many, is drawn by a hash of keys and
 * a seed: no other row of the shop has a say in it.
 */
#include "postgres.h"

#include "split.h"

#include "interrupts.h"
#include "utils/timestamp.h"

#define NEWEST_PART 0.15		/* of the orders are replayed by default */
#define INNER_PART 0.1			/* of the past's orders are what settings are tried on */

RecoSplitOptions
reco_split_options_default(void)
{
	return (RecoSplitOptions) {
		.kind = RECO_SPLIT_TIME,.cut = DT_NOEND,.until = DT_NOEND,.orders = 2000,.min_items = 1,.max_items = 100
	};
}

bool
reco_split_is_past(const RecoPastFilter *past, const RecoLine *line)
{
	if (line->user >= 0 && past->user_before != NULL && line->at >= past->user_before[line->user])
		return false;
	if (line->order >= 0 && past->held_out != NULL && past->held_out[line->order])
		return false;
	return line->at < past->before;
}

/* --- cuts -------------------------------------------------------------------------------------------------- */

static int
compare_times(const void *a, const void *b)
{
	TimestampTz x = *(const TimestampTz *) a;
	TimestampTz y = *(const TimestampTz *) b;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

static bool
is_past_order(const RecoJournal *journal, const RecoPastFilter *past, int32 order)
{
	RecoLine	line = {.at = journal->orders[order].at,.user = journal->orders[order].user,.order = order};

	return reco_split_is_past(past, &line);
}

/*
 * The time from which on the newest part of the orders are that were made before a limit; DT_NOEND where there are too
 * few, or nothing would be before it.
 */
static TimestampTz
newest_cut(const RecoJournal *journal, const RecoPastFilter *limit, double part)
{
	TimestampTz *times = reco_budget_alloc(journal->budget, journal->n_orders, sizeof(TimestampTz), "orders");
	TimestampTz cut = DT_NOEND;
	int32		n = 0;
	int32		i;

	for (i = 0; i < journal->n_orders; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (journal->orders[i].at != DT_NOEND && is_past_order(journal, limit, i))
			times[n++] = journal->orders[i].at;
	}
	qsort(times, n, sizeof(TimestampTz), compare_times);
	if (n * part >= 1)
		cut = times[n - (int32) (n * part)];
	if (cut == DT_NOEND || cut == times[0])
		cut = DT_NOEND;
	reco_budget_free(journal->budget, times);
	return cut;
}

/* --- requests ---------------------------------------------------------------------------------------------- */

typedef struct DrawnItem
{
	int32		item;
	float		quantity;
	double		value;
	uint64		draw;
} DrawnItem;

static int
compare_drawn(const void *a, const void *b)
{
	const DrawnItem *x = a;
	const DrawnItem *y = b;

	if (x->draw != y->draw)
		return x->draw < y->draw ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

static int
compare_drawn_items(const void *a, const void *b)
{
	int32		x = ((const DrawnItem *) a)->item;
	int32		y = ((const DrawnItem *) b)->item;

	return (x > y) - (x < y);
}

/*
 * The different items of an order, ascending, each with all that it was worth; what the order itself took back is gone.
 * Only lines that the filter lets pass count.  Says whose order it is, by the first of them.
 */
static int
order_items(const RecoJournal *journal, const RecoJournalOrder *order, const RecoPastFilter *filter, DrawnItem *items,
			int32 *user)
{
	int			n = 0;
	int			kept = 0;
	int			i;

	*user = -1;
	for (i = 0; i < order->n; i++)
	{
		const RecoEvent *event = &journal->events[journal->order_events[order->first + i]];

		if (event->line.quantity == 0 || !reco_split_is_past(filter, &event->line))
			continue;
		if (*user < 0)
			*user = event->line.user;
		items[n++] = (DrawnItem) {event->line.item, event->line.quantity, event->value, 0};
	}
	qsort(items, n, sizeof(DrawnItem), compare_drawn_items);
	for (i = 0; i < n; i++)
	{
		if (kept > 0 && items[kept - 1].item == items[i].item)
		{
			items[kept - 1].quantity += items[i].quantity;
			items[kept - 1].value += items[i].value;
		}
		else
			items[kept++] = items[i];
	}
	n = kept;
	for (i = kept = 0; i < n; i++)
		if (items[i].quantity > 0)
			items[kept++] = items[i];
	return kept;
}

/* Half of the items, by lot, become the visible ones. */
static void
draw_half(const RecoJournal *journal, DrawnItem *items, int n, uint64 seed)
{
	int			i;

	for (i = 0; i < n; i++)
		items[i].draw = reco_journal_item_hash(journal, items[i].item, seed);
	qsort(items, n, sizeof(DrawnItem), compare_drawn);
	qsort(items, n / 2, sizeof(DrawnItem), compare_drawn_items);
	qsort(items + n / 2, n - n / 2, sizeof(DrawnItem), compare_drawn_items);
}

static void
add_test(RecoTests *tests, const RecoSplitOptions *options, const RecoPastFilter *filter, int32 number, DrawnItem *items,
		 int64 *n_items)
{
	const RecoJournalOrder *order = &tests->journal->orders[number];
	RecoTest   *added = &tests->list[tests->n];
	int			n = order_items(tests->journal, order, filter, items, &added->user);
	int			i;

	tests->too_small += n > 0 && n < options->min_items;
	tests->too_large += n > options->max_items;
	if (n < options->min_items || n > options->max_items || n == 0)
		return;
	added->draw = reco_journal_order_hash(tests->journal, number, options->seed);
	draw_half(tests->journal, items, n, added->draw);
	added->order = number;
	added->as_of = order->at;
	added->first = *n_items;
	added->n_items = n;
	added->n_visible = n / 2;
	for (i = 0; i < n; i++)
	{
		tests->items[*n_items] = items[i].item;
		tests->quantities[*n_items] = items[i].quantity;
		tests->values[(*n_items)++] = (float) Max(items[i].value, 0);
	}
	tests->n++;
}

static int
compare_draws(const void *a, const void *b)
{
	const RecoTest *x = a;
	const RecoTest *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->draw != y->draw)
		return x->draw < y->draw ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static int
compare_users(const void *a, const void *b)
{
	const RecoTest *x = a;
	const RecoTest *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->user != y->user)
		return x->user < y->user ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static int
compare_as_of(const void *a, const void *b)
{
	const RecoTest *x = a;
	const RecoTest *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->as_of != y->as_of)
		return x->as_of < y->as_of ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

/* Number the customers, and bring the requests into the order of time. */
static void
number_clusters(RecoTests *tests)
{
	int			i;

	qsort(tests->list, tests->n, sizeof(RecoTest), compare_users);
	for (i = 0; i < tests->n; i++)
	{
		if (i == 0 || tests->list[i].user < 0 || tests->list[i].user != tests->list[i - 1].user)
			tests->clusters++;
		tests->list[i].cluster = tests->clusters - 1;
	}
	qsort(tests->list, tests->n, sizeof(RecoTest), compare_as_of);
	for (i = 0; i < tests->n; i++)
		tests->list[i].place = i;
}

/*
 * The orders that are held out as requests, with the lines that a filter lets pass; at most options->orders of them, which
 * are drawn by lot.
 */
static RecoTests *
make_tests(const RecoJournal *journal, const RecoSplitOptions *options, const bool *held_out, const RecoPastFilter *filter)
{
	RecoTests  *tests = reco_budget_alloc(journal->budget, 1, sizeof(RecoTests), "held-out orders");
	int64		lines = 0;
	int32		orders = 0;
	int32		longest = 0;
	int64		n_items = 0;
	DrawnItem  *items;
	int32		i;

	for (i = 0; i < journal->n_orders; i++)
		if (held_out[i])
		{
			orders++;
			lines += journal->orders[i].n;
			longest = Max(longest, journal->orders[i].n);
		}
	tests->journal = journal;
	tests->list = reco_budget_alloc(journal->budget, orders, sizeof(RecoTest), "held-out orders");
	tests->items = reco_budget_alloc(journal->budget, lines, sizeof(int32), "held-out orders");
	tests->values = reco_budget_alloc(journal->budget, lines, sizeof(float), "held-out orders");
	tests->quantities = reco_budget_alloc(journal->budget, lines, sizeof(float), "held-out orders");
	items = reco_budget_alloc(journal->budget, longest, sizeof(DrawnItem), "held-out orders");
	for (i = 0; i < journal->n_orders; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (held_out[i])
			add_test(tests, options, filter, i, items, &n_items);
	}
	reco_budget_free(journal->budget, items);
	tests->eligible = tests->n;
	if (tests->n > options->orders)
	{
		qsort(tests->list, tests->n, sizeof(RecoTest), compare_draws);
		tests->n = options->orders;
	}
	number_clusters(tests);
	return tests;
}

/* --- the whole --------------------------------------------------------------------------------------------- */

/* Each customer's last order before a time, where it is not his first; their times become the ends of his past. */
static void
hold_out_last(const RecoJournal *journal, TimestampTz until, bool *held_out, TimestampTz *user_before)
{
	int32		users = reco_idmap_count(journal->users);
	int32	   *last = reco_budget_alloc(journal->budget, users, sizeof(int32), "customers");
	TimestampTz *first = reco_budget_alloc(journal->budget, users, sizeof(TimestampTz), "customers");
	int32		user;
	int32		i;

	for (user = 0; user < users; user++)
	{
		last[user] = -1;
		first[user] = user_before[user] = DT_NOEND;
	}
	for (i = 0; i < journal->n_orders; i++)
	{
		const RecoJournalOrder *order = &journal->orders[i];

		RECO_CHECK_INTERRUPTS(i);
		if (order->user < 0 || order->at >= until)
			continue;
		first[order->user] = Min(first[order->user], order->at);
		if (last[order->user] < 0 || order->at >= journal->orders[last[order->user]].at)
			last[order->user] = i;
	}
	for (user = 0; user < users; user++)
		if (last[user] >= 0 && journal->orders[last[user]].at > first[user])
		{
			held_out[last[user]] = true;
			user_before[user] = journal->orders[last[user]].at;
		}
	reco_budget_free(journal->budget, last);
	reco_budget_free(journal->budget, first);
}

static bool *
no_orders(const RecoJournal *journal)
{
	return reco_budget_alloc(journal->budget, journal->n_orders, sizeof(bool), "held-out orders");
}

/*
 * The split that the options ask for.  By time, a cut of DT_NOEND in the result says that there were too few orders to
 * make one.
 */
RecoSplit
reco_split_make(const RecoJournal *journal, const RecoSplitOptions *options)
{
	static const RecoPastFilter everything = {DT_NOEND, NULL, NULL};
	RecoSplit	split = {options->kind, everything, NULL};
	bool	   *held_out = no_orders(journal);
	int32		i;

	if (options->kind == RECO_SPLIT_LAST_ORDER)
	{
		TimestampTz *user_before = reco_budget_alloc(journal->budget, reco_idmap_count(journal->users), sizeof(TimestampTz),
													 "customers");

		hold_out_last(journal, options->until, held_out, user_before);
		split.past = (RecoPastFilter) {options->until, user_before, held_out};
	}
	else
	{
		RecoPastFilter limit = {options->until, NULL, NULL};

		split.past.before = options->cut != DT_NOEND ? options->cut : newest_cut(journal, &limit, NEWEST_PART);
		for (i = 0; i < journal->n_orders; i++)
			held_out[i] = journal->orders[i].at >= split.past.before && journal->orders[i].at < options->until &&
				journal->orders[i].at != DT_NOEND;
	}
	split.tests = make_tests(journal, options, held_out, &everything);
	if (split.past.held_out == NULL)
		reco_budget_free(journal->budget, held_out);
	return split;
}

/*
 * The same within the past of a split: what came before the newest tenth of its orders, and these as requests.  Settings
 * are tried on it.
 */
RecoSplit
reco_split_inner(const RecoJournal *journal, const RecoSplit *split, const RecoSplitOptions *options)
{
	RecoSplit	inner = {split->kind, split->past, NULL};
	bool	   *held_out = no_orders(journal);
	int32		i;

	inner.past.before = Min(newest_cut(journal, &split->past, INNER_PART), split->past.before);
	for (i = 0; i < journal->n_orders; i++)
		held_out[i] = journal->orders[i].at != DT_NOEND && journal->orders[i].at >= inner.past.before &&
			is_past_order(journal, &split->past, i);
	inner.tests = make_tests(journal, options, held_out, &split->past);
	reco_budget_free(journal->budget, held_out);
	return inner;
}
