/*
 * bags.c: builds the matrix of bags and items, in both directions.
 *
 * Orders say what goes with what, customers what goes with whom; both are bags of items, and both are rows of one
 * matrix, so that one set of item factors serves a basket and a history alike.  A customer's items weigh what lines.c
 * makes of his purchases, an order's what its age leaves; beyond BASKET_MASS items an order weighs no more in all, or
 * one wholesaler would outweigh a hundred shoppers.  An order with a single item says nothing about what goes with
 * what, and is left to its customer's bag.  Sessions are bags as orders are (session_bags.c).
 */
#include "postgres.h"

#include "bags.h"

#include "interrupts.h"
#include "numeric.h"
#include "port/pg_bitutils.h"
#include "session_bags.h"

#define BASKET_MASS 20

/* The time that decides whether a line belongs to the past: that of its order, so that no order is torn apart. */
TimestampTz
reco_bags_line_time(const RecoInteractions *interactions, const RecoLine *line)
{
	return line->order >= 0 ? interactions->order_at[line->order] : line->at;
}

/* Close the row that was filled up to csr->entries. */
static void
end_row(RecoRows *csr)
{
	csr->start[++csr->rows] = csr->entries;
}

static int
compare_items(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/*
 * The items of each past order, in one array of the budget's; start[o] to start[o + 1] - 1 are order o's, not yet sorted or
 * distinct.  start has two elements more than there are orders, all 0.
 */
int32 *
reco_bags_gather_orders(const RecoInteractions *interactions, TimestampTz before, int64 *start)
{
	const RecoLine *lines = interactions->lines;
	int32	   *items;
	int64		i;

	for (i = 0; i < interactions->n_lines; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (lines[i].order >= 0 && interactions->order_at[lines[i].order] < before)
			start[lines[i].order + 2]++;
	}
	for (i = 2; i <= interactions->n_orders + 1; i++)
		start[i] += start[i - 1];
	CHECK_FOR_INTERRUPTS();
	items = reco_budget_alloc(interactions->budget, start[interactions->n_orders + 1], sizeof(int32), "order bags");
	for (i = 0; i < interactions->n_lines; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (lines[i].order >= 0 && interactions->order_at[lines[i].order] < before)
			items[start[lines[i].order + 1]++] = lines[i].item;
	}
	return items;
}

static bool
are_sorted(const int32 *items, int64 n)
{
	int64		i;

	for (i = 1; i < n; i++)
		if (items[i] < items[i - 1])
			return false;
	return true;
}

/*
 * Append the distinct ones of some items, ascending.  Those of one customer are sorted as his lines are; an order of many
 * customers (all lines, say, where nobody knows the orders) is marked in a bitmap, which is empty before and after.
 */
static void
add_distinct(RecoRows *csr, int32 *items, int64 n, uint64 *seen, int32 n_items)
{
	bool		sorted = are_sorted(items, n);
	int64		i;

	if (!sorted && n > n_items / 64)
	{
		int32		word;

		for (i = 0; i < n; i++)
		{
			RECO_CHECK_INTERRUPTS(i);
			seen[items[i] / 64] |= UINT64CONST(1) << (items[i] % 64);
		}
		for (word = 0; word <= n_items / 64; word++)
			for (; seen[word] != 0; seen[word] &= seen[word] - 1)
				csr->index[csr->entries++] = word * 64 + pg_rightmost_one_pos64(seen[word]);
		return;
	}
	if (!sorted)
		qsort(items, n, sizeof(int32), compare_items);
	for (i = 0; i < n; i++)
		if (i == 0 || items[i] != items[i - 1])
			csr->index[csr->entries++] = items[i];
}

static void
add_order_bag(RecoRows *csr, int32 *items, int64 n, double decay, uint64 *seen, int32 n_items)
{
	int64		first = csr->entries;
	double		size;
	int64		i;

	add_distinct(csr, items, n, seen, n_items);
	if (csr->entries - first < 2)
	{
		csr->entries = first;
		return;
	}
	size = (double) (csr->entries - first);
	for (i = first; i < csr->entries; i++)
		csr->weight[i] = (float) (decay * Min(1, BASKET_MASS / size));
	end_row(csr);
}

static void
add_order_bags(const RecoInteractions *interactions, const RecoBagOptions *options, RecoRows *csr)
{
	int64	   *start = reco_budget_alloc(interactions->budget, (Size) interactions->n_orders + 2, sizeof(int64), "order bags");
	int32	   *items = reco_bags_gather_orders(interactions, options->before, start);
	int32		n_items = reco_idmap_count(interactions->items);
	uint64	   *seen = reco_budget_alloc(interactions->budget, (Size) n_items / 64 + 1, sizeof(uint64), "order bags");
	int32		order;

	for (order = 0; order < interactions->n_orders; order++)
	{
		add_order_bag(csr, items + start[order], start[order + 1] - start[order],
					  reco_lines_decay(interactions->order_at[order], options->clock, options->order_half_life), seen,
					  n_items);
		CHECK_FOR_INTERRUPTS();
	}
	pfree(seen);
	pfree(items);
	pfree(start);
}

/* Lines are sorted by customer and item, and their returns are netted already. */
static void
add_customer_bags(const RecoInteractions *interactions, const RecoBagOptions *options, RecoRows *csr)
{
	const RecoLine *lines = interactions->lines;
	int64		n = interactions->n_lines;
	int64		i = 0;

	while (i < n && lines[i].user >= 0)
	{
		int32		user = lines[i].user;
		int64		first = csr->entries;

		while (i < n && lines[i].user == user)
		{
			int32		item = lines[i].item;
			double		count = 0;

			for (; i < n && lines[i].user == user && lines[i].item == item; i++)
				if (interactions->form.weighted)
					count += lines[i].quantity;
				else if (reco_bags_line_time(interactions, &lines[i]) < options->before)
					count += reco_lines_decay(lines[i].at, options->clock, options->customer_half_life);
			if (count <= 0)
				continue;
			csr->index[csr->entries] = item;
			csr->weight[csr->entries++] = (float) options->customer_weight * reco_lines_entry_weight(count);
		}
		if (csr->entries > first)
			end_row(csr);
		CHECK_FOR_INTERRUPTS();
	}
}

static int64
count_customer_entries(const RecoInteractions *interactions)
{
	const RecoLine *lines = interactions->lines;
	int64		entries = 0;
	int64		i;

	for (i = 0; i < interactions->n_lines && lines[i].user >= 0; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		entries += i == 0 || lines[i].user != lines[i - 1].user || lines[i].item != lines[i - 1].item;
	}
	return entries;
}

/* Empty rows, to be filled: at most so many, of so many entries. */
static RecoRows
make_csr(RecoArena *arena, Size rows, Size entries, const char *purpose)
{
	RecoRows	csr = {NULL, NULL, NULL, 0, 0};

	csr.start = reco_arena_take(arena, rows + 2, sizeof(int64), purpose);
	csr.index = reco_arena_take(arena, entries, sizeof(int32), purpose);
	csr.weight = reco_arena_take(arena, entries, sizeof(float), purpose);
	csr.start[0] = 0;
	return csr;
}

/* Bytes that make_csr takes. */
static Size
csr_memory(Size rows, Size entries)
{
	Size		bytes = reco_size_align(mul_size(add_size(rows, 2), sizeof(int64)));

	bytes = add_size(bytes, reco_size_align(mul_size(entries, sizeof(int32))));
	return add_size(bytes, reco_size_align(mul_size(entries, sizeof(float))));
}

static RecoRows
transpose(RecoArena *arena, const RecoRows *csr, int32 n_items)
{
	RecoRows	result = make_csr(arena, n_items, csr->entries, "item bags");
	int32		row;
	int64		i;

	result.rows = n_items;
	result.entries = csr->entries;
	memset(result.start, 0, ((Size) n_items + 2) * sizeof(int64));
	for (i = 0; i < csr->entries; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		result.start[csr->index[i] + 2]++;
	}
	for (i = 2; i <= n_items; i++)
		result.start[i] += result.start[i - 1];
	CHECK_FOR_INTERRUPTS();
	for (row = 0; row < csr->rows; row++)
		for (i = csr->start[row]; i < csr->start[row + 1]; i++)
		{
			int64		at = result.start[csr->index[i] + 1]++;

			RECO_CHECK_INTERRUPTS(i);

			result.index[at] = row;
			result.weight[at] = csr->weight[i];
		}
	CHECK_FOR_INTERRUPTS();
	return result;
}

static RecoSparse
as_sparse(const RecoRows *csr, int32 cols)
{
	RecoSparse	sparse = {csr->rows, cols, csr->start, csr->index, csr->weight};

	return sparse;
}

static bool
has_session_bags(const RecoInteractions *interactions, const RecoBagOptions *options)
{
	return interactions->sessions != NULL && !interactions->sessions_are_orders && options->session_weight > 0;
}

/* How many bags there can be. */
Size
reco_bags_most(const RecoInteractions *interactions, const RecoBagOptions *options)
{
	Size		bags = interactions->n_orders;

	if (options->customer_weight > 0)
		bags = add_size(bags, reco_idmap_count(interactions->users));
	if (has_session_bags(interactions, options))
		bags = add_size(bags, interactions->sessions->n_sessions);
	return bags;
}

static int64
count_order_lines(const RecoInteractions *interactions)
{
	int64		n = 0;
	int64		i;

	for (i = 0; i < interactions->n_lines; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		n += interactions->lines[i].order >= 0;
	}
	return n;
}

/* How many entries they can have. */
int64
reco_bags_most_entries(const RecoInteractions *interactions, const RecoBagOptions *options)
{
	int64		entries = count_order_lines(interactions);

	if (options->customer_weight > 0)
		entries += count_customer_entries(interactions);
	if (has_session_bags(interactions, options))
		entries += interactions->sessions->n_events;
	return entries;
}

/* Bytes that so many bags, items and entries take of an arena. */
Size
reco_bags_memory(Size bags, Size items, Size entries)
{
	return add_size(csr_memory(bags, entries), csr_memory(items, entries));
}

/*
 * The bags of all orders and sessions before options->before, and of the customers with their purchases up to then;
 * allocated from the arena.
 */
void
reco_bags_build(const RecoInteractions *interactions, const RecoBagOptions *options, RecoArena *arena, RecoBags *bags)
{
	int32		n_items = reco_idmap_count(interactions->items);
	RecoRows	csr;
	RecoRows	csc;

	csr = make_csr(arena, reco_bags_most(interactions, options), reco_bags_most_entries(interactions, options), "bags");
	if (!interactions->sessions_are_orders)
		add_order_bags(interactions, options, &csr);
	if (interactions->sessions_are_orders || has_session_bags(interactions, options))
		reco_session_bags_add(interactions, options, &csr);
	bags->n_order_bags = csr.rows;
	if (options->customer_weight > 0)
		add_customer_bags(interactions, options, &csr);
	bags->n_bags = csr.rows;
	csc = transpose(arena, &csr, n_items);
	bags->by_bag = as_sparse(&csr, n_items);
	bags->by_item = as_sparse(&csc, csr.rows);
}
