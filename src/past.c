/*
 * past.c: brings the purchases that are past into the matrices that baselines learn from.
 *
 * Returns are netted as in training (reco_lines_net_returns), with what was returned by then.
 */
#include "postgres.h"

#include "past.h"

#include "interrupts.h"
#include "utils/timestamp.h"

/* A row of a matrix in the making: entries are added to the last row until it is ended. */
typedef struct Csr
{
	int32		rows;
	int64		entries;
	int64	   *start;
	int32	   *index;
	float	   *weight;
} Csr;

static Csr
begin_csr(RecoBudget *budget, int64 rows, int64 entries)
{
	Csr			csr = {0, 0, NULL, NULL, NULL};

	csr.start = reco_budget_alloc(budget, (Size) rows + 1, sizeof(int64), "baselines");
	csr.index = reco_budget_alloc(budget, entries, sizeof(int32), "baselines");
	csr.weight = reco_budget_alloc(budget, entries, sizeof(float), "baselines");
	return csr;
}

static void
end_row(Csr *csr)
{
	csr->rows++;
	csr->start[csr->rows] = csr->entries;
}

static RecoSparse
as_sparse(const Csr *csr, int32 cols)
{
	return (RecoSparse) {csr->rows, cols, csr->start, csr->index, csr->weight};
}

static RecoSparse
transpose(RecoBudget *budget, const RecoSparse *matrix)
{
	int64		entries = matrix->start[matrix->rows];
	Csr			csr = begin_csr(budget, (int64) matrix->cols + 1, entries);
	int32		row;
	int64		i;

	for (i = 0; i < entries; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		csr.start[matrix->index[i] + 2]++;
	}
	for (i = 2; i <= matrix->cols; i++)
		csr.start[i] += csr.start[i - 1];
	for (row = 0; row < matrix->rows; row++)
		for (i = matrix->start[row]; i < matrix->start[row + 1]; i++)
		{
			int64		at = csr.start[matrix->index[i] + 1]++;

			RECO_CHECK_INTERRUPTS(i);
			csr.index[at] = row;
			csr.weight[at] = matrix->weight[i];
		}
	csr.rows = matrix->cols;
	return as_sparse(&csr, matrix->rows);
}

/* --- the lines --------------------------------------------------------------------------------------------- */

typedef struct Lines
{
	RecoLine   *list;			/* by customer, item and time; items numbered as in the model */
	int64		n;
	TimestampTz newest;
} Lines;

/* Net the returns of lines from..n of one customer, and keep what is left. */
static void
net_customer(Lines *lines, int64 from, int64 n)
{
	RecoLine   *list = lines->list;
	int64		first;
	int64		last;
	int64		i;

	qsort(list + from, n - from, sizeof(RecoLine), reco_lines_compare);
	for (first = from; first < n; first = last)
	{
		for (last = first + 1; last < n && list[last].item == list[first].item; last++)
			;
		if (list[first].user >= 0)
			reco_lines_net_returns(list + first, last - first);
	}
	lines->n = from;
	for (i = from; i < n; i++)
		if (list[i].quantity > 0)
			list[lines->n++] = list[i];
	CHECK_FOR_INTERRUPTS();
}

static Lines
past_lines(const RecoJournal *journal, const RecoPastFilter *filter, const int32 *model_item)
{
	Lines		lines = {NULL, 0, DT_NOBEGIN};
	int32		users = reco_idmap_count(journal->users);
	int64		n = 0;
	int32		user;
	int64		i;

	for (i = 0; i < journal->n_events; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		n += reco_split_is_past(filter, &journal->events[i].line);
	}
	lines.list = reco_budget_alloc(journal->budget, n, sizeof(RecoLine), "baselines");
	for (user = 0; user <= users; user++)
	{
		n = lines.n;
		for (i = journal->user_start[user]; i < journal->user_start[user + 1]; i++)
		{
			const RecoLine *line = &journal->events[i].line;

			if (line->quantity == 0 || !reco_split_is_past(filter, line) || model_item[line->item] < 0)
				continue;
			lines.newest = Max(lines.newest, line->at);
			lines.list[n] = *line;
			lines.list[n++].item = model_item[line->item];
		}
		net_customer(&lines, lines.n, n);
	}
	return lines;
}

/* --- the matrices ------------------------------------------------------------------------------------------ */

static void
build_users(RecoPast *past, const Lines *lines)
{
	Csr			csr = begin_csr(past->budget, Min(lines->n, PG_INT32_MAX), lines->n);
	const RecoLine *list = lines->list;
	int64		i = 0;

	while (i < lines->n && list[i].user >= 0)
	{
		int32		user = list[i].user;

		while (i < lines->n && list[i].user == user)
		{
			int32		item = list[i].item;
			int			orders = 0;

			for (; i < lines->n && list[i].user == user && list[i].item == item; i++)
				orders += orders == 0 || list[i].order < 0 || list[i].order != list[i - 1].order;
			csr.index[csr.entries] = item;
			csr.weight[csr.entries++] = (float) orders;
		}
		end_row(&csr);
		CHECK_FOR_INTERRUPTS();
	}
	past->users = csr.rows;
	past->by_user = as_sparse(&csr, past->items);
	past->user_items = transpose(past->budget, &past->by_user);
}

static int
compare_int32(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	return (x > y) - (x < y);
}

/* The items of each order, order by order; start has room for orders + 2. */
static int32 *
group_by_order(RecoBudget *budget, const Lines *lines, int32 n_orders, int64 *start)
{
	int32	   *grouped = reco_budget_alloc(budget, lines->n, sizeof(int32), "baselines");
	int64		i;

	for (i = 0; i < lines->n; i++)
		if (lines->list[i].order >= 0)
			start[lines->list[i].order + 2]++;
	for (i = 2; i < (int64) n_orders + 2; i++)
		start[i] += start[i - 1];
	for (i = 0; i < lines->n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (lines->list[i].order >= 0)
			grouped[start[lines->list[i].order + 1]++] = lines->list[i].item;
	}
	return grouped;
}

static void
build_orders(RecoPast *past, const RecoJournal *journal, const Lines *lines)
{
	int64	   *start = reco_budget_alloc(past->budget, (Size) journal->n_orders + 2, sizeof(int64), "baselines");
	int32	   *grouped = group_by_order(past->budget, lines, journal->n_orders, start);
	Csr			csr = begin_csr(past->budget, journal->n_orders, lines->n);
	TimestampTz *order_at = reco_budget_alloc(past->budget, journal->n_orders, sizeof(TimestampTz), "baselines");
	int32		order;
	int64		i;

	for (order = 0; order < journal->n_orders; order++)
	{
		int64		first = start[order];
		int64		last = start[order + 1];

		RECO_CHECK_INTERRUPTS(order);
		if (first == last)
			continue;
		qsort(grouped + first, last - first, sizeof(int32), compare_int32);
		for (i = first; i < last; i++)
			if (i == first || grouped[i] != grouped[i - 1])
			{
				csr.index[csr.entries] = grouped[i];
				csr.weight[csr.entries++] = 1;
			}
		order_at[csr.rows] = journal->orders[order].at;
		end_row(&csr);
	}
	reco_budget_free(past->budget, grouped);
	reco_budget_free(past->budget, start);
	past->orders = csr.rows;
	past->order_at = order_at;
	past->by_order = as_sparse(&csr, past->items);
	past->order_items = transpose(past->budget, &past->by_order);
}

/*
 * What a filter lets pass of a journal; model_item has the model's number for each of the journal's items, -1 for none.
 * What is about learning in the result (content, factors, ...) is left to the caller.
 */
RecoPast *
reco_past_build(const RecoJournal *journal, const RecoPastFilter *filter, const int32 *model_item, int32 items,
				const RecoRun *run)
{
	RecoBudget *budget = journal->budget;
	RecoPast   *past = reco_budget_alloc(budget, 1, sizeof(RecoPast), "baselines");
	Lines		lines = past_lines(journal, filter, model_item);

	past->budget = budget;
	past->run = run;
	past->items = items;
	past->cut = Min(filter->before, lines.newest + 1);
	build_users(past, &lines);
	build_orders(past, journal, &lines);
	reco_budget_free(budget, lines.list);
	return past;
}
