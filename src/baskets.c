/*
 * baskets.c: reads all orders of a model, and what of them was kept.
 *
 * The lines are those of a journal, by the same rules as everywhere.  Returns net against purchases as in training
 * (lines.c), and take their share of a line's value with them.  Lines that are of no order say nothing of what goes with
 * what, and are left out.
 */
#include "postgres.h"

#include "baskets.h"

#include "interrupts.h"

/* A line of a customer with returns, and where it is. */
typedef struct Placed
{
	RecoLine	line;
	int64		event;
} Placed;

static int
compare_placed(const void *a, const void *b)
{
	return reco_lines_compare(&((const Placed *) a)->line, &((const Placed *) b)->line);
}

/* Net one item's lines, and write what is left into their events. */
static void
net_run(RecoJournal *journal, const Placed *placed, RecoLine *run, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		run[i] = placed[i].line;
		run[i].order = i;
	}
	reco_lines_net_returns(run, n);
	for (i = 0; i < n; i++)
		journal->events[placed[i].event].line.quantity = 0;
	for (i = 0; i < n && run[i].quantity > 0; i++)
	{
		const Placed *kept = &placed[run[i].order];
		RecoEvent  *event = &journal->events[kept->event];

		event->line.quantity = run[i].quantity;
		event->value *= run[i].quantity / kept->line.quantity;
	}
}

/* Net the returns of a customer whose events are those from first on. */
static void
net_customer(RecoBudget *budget, RecoJournal *journal, int64 first, int64 end)
{
	Placed	   *placed = reco_budget_alloc(budget, end - first, sizeof(Placed), "returns");
	RecoLine   *run = reco_budget_alloc(budget, end - first, sizeof(RecoLine), "returns");
	int64		n = 0;
	int64		last;
	int64		i;

	for (i = first; i < end; i++)
		if (journal->events[i].line.quantity != 0)
			placed[n++] = (Placed) {journal->events[i].line, i};
	qsort(placed, n, sizeof(Placed), compare_placed);
	for (i = 0; i < n; i = last)
	{
		for (last = i + 1; last < n && placed[last].line.item == placed[i].line.item; last++)
			;
		net_run(journal, placed + i, run, (int) (last - i));
	}
	reco_budget_free(budget, placed);
	reco_budget_free(budget, run);
}

static void
net_returns(RecoBudget *budget, RecoJournal *journal)
{
	int32		user;

	for (user = 0; user < reco_idmap_count(journal->users); user++)
	{
		int64		first = journal->user_start[user];
		int64		end = journal->user_start[user + 1];
		int64		i;

		RECO_CHECK_INTERRUPTS(user);
		for (i = first; i < end && journal->events[i].line.quantity >= 0; i++)
			RECO_CHECK_INTERRUPTS(i);
		if (i < end)
			net_customer(budget, journal, first, end);
	}
}

/* --- orders ------------------------------------------------------------------------------------------------ */

/* An item of an order in the making. */
typedef struct Piece
{
	int32		item;
	float		value;
} Piece;

static int
compare_pieces(const void *a, const void *b)
{
	const Piece *x = a;
	const Piece *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	return (x->value > y->value) - (x->value < y->value);
}

/* What is left of an order, each item once; *at is the time of its earliest line.  Returns how many items. */
static int
collect(const RecoJournal *journal, const RecoJournalOrder *order, Piece *pieces, TimestampTz *at)
{
	int			n = 0;
	int			kept = 0;
	int			i;

	*at = DT_NOEND;
	for (i = 0; i < order->n; i++)
	{
		const RecoEvent *event = &journal->events[journal->order_events[order->first + i]];

		if (event->line.quantity <= 0)
			continue;
		*at = Min(*at, event->line.at);
		pieces[n++] = (Piece) {event->line.item, event->value};
	}
	qsort(pieces, n, sizeof(Piece), compare_pieces);
	for (i = 0; i < n; i++)
		if (kept > 0 && pieces[kept - 1].item == pieces[i].item)
			pieces[kept - 1].value += pieces[i].value;
		else
			pieces[kept++] = pieces[i];
	return kept;
}

/* The numbers of the orders, customer by customer, unknown ones last. */
static int32 *
order_by_customer(RecoBudget *budget, const RecoJournal *journal)
{
	int32		users = reco_idmap_count(journal->users);
	int32	   *numbers = reco_budget_alloc(budget, journal->n_orders, sizeof(int32), "orders");
	int32	   *next = reco_budget_alloc(budget, (Size) users + 2, sizeof(int32), "customers");
	int32		i;

	for (i = 0; i < journal->n_orders; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		next[(journal->orders[i].user >= 0 ? journal->orders[i].user : users) + 1]++;
	}
	for (i = 1; i <= users; i++)
		next[i] += next[i - 1];
	for (i = 0; i < journal->n_orders; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		numbers[next[journal->orders[i].user >= 0 ? journal->orders[i].user : users]++] = i;
	}
	reco_budget_free(budget, next);
	return numbers;
}

static void
add_basket(RecoBaskets *baskets, int32 user, TimestampTz time, const Piece *pieces, int n)
{
	int64		at = baskets->start[baskets->n];
	double		worth = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		baskets->item[at + i] = pieces[i].item;
		baskets->value[at + i] = pieces[i].value;
		worth += pieces[i].value;
	}
	baskets->user[baskets->n] = user;
	baskets->at[baskets->n] = time;
	baskets->size[baskets->n] = n;
	baskets->worth[baskets->n] = (float) worth;
	baskets->start[++baskets->n] = at + n;
}

static void
make_baskets(RecoBudget *budget, RecoBaskets *baskets, const RecoJournal *journal, const RecoBasketRules *rules)
{
	int32	   *numbers = order_by_customer(budget, journal);
	int			longest = 0;
	Piece	   *pieces;
	int32		i;

	for (i = 0; i < journal->n_orders; i++)
		longest = Max(longest, journal->orders[i].n);
	pieces = reco_budget_alloc(budget, longest, sizeof(Piece), "orders");
	for (i = 0; i < journal->n_orders; i++)
	{
		const RecoJournalOrder *order = &journal->orders[numbers[i]];
		TimestampTz at;
		int			n;

		RECO_CHECK_INTERRUPTS(i);
		n = collect(journal, order, pieces, &at);
		if (n == 0 || at < rules->since)
			continue;
		if (n > rules->max_items)
			baskets->too_large++;
		else
			add_basket(baskets, order->user, at, pieces, n);
	}
	reco_budget_free(budget, pieces);
	reco_budget_free(budget, numbers);
}

/*
 * All orders of a model's sources, as the reader's gate lets them pass.  Errors: configuration_limit_exceeded,
 * program_limit_exceeded, and what reading raises.
 */
RecoBaskets *
reco_baskets_read(RecoBudget *budget, const RecoReader *reader, List *sources, const RecoBasketRules *rules)
{
	RecoBaskets *baskets = reco_budget_alloc(budget, 1, sizeof(RecoBaskets), "orders");
	RecoJournal *journal = reco_journal_read(budget, reader, sources, rules->until);

	net_returns(budget, journal);
	baskets->items = journal->items;
	baskets->users = journal->users;
	baskets->has_values = journal->has_values;
	baskets->user = reco_budget_alloc(budget, journal->n_orders, sizeof(int32), "orders");
	baskets->at = reco_budget_alloc(budget, journal->n_orders, sizeof(TimestampTz), "orders");
	baskets->size = reco_budget_alloc(budget, journal->n_orders, sizeof(int32), "orders");
	baskets->worth = reco_budget_alloc(budget, journal->n_orders, sizeof(float), "orders");
	baskets->start = reco_budget_alloc(budget, (Size) journal->n_orders + 1, sizeof(int64), "orders");
	baskets->item = reco_budget_alloc(budget, journal->n_events, sizeof(int32), "items of orders");
	baskets->value = reco_budget_alloc(budget, journal->n_events, sizeof(float), "items of orders");
	make_baskets(budget, baskets, journal, rules);
	reco_budget_free(budget, journal->events);
	reco_budget_free(budget, journal->order_events);
	reco_budget_free(budget, journal->orders);
	return baskets;
}
