/*
 * scorer.c: the answer for one customer among many, from order lines that have been read.
 *
 * The leader of recommend_all and its parallel workers run it alike: whatever it needs is handed over, and it looks at
 * no catalog, no setting and no cache.
 */
#include "postgres.h"

#include "scorer.h"

#include "history.h"
#include "utils/memutils.h"

struct RecoScorer
{
	RecoScorerTask task;
	RecoAnswering *a;
	uint64	   *skip;			/* bitmap of what must not come back, a copy: bits are set and cleared */
	RecoTopEntry *top;
	MemoryContext customer_context; /* emptied after each customer */
};

/* The most rows that a customer can get; at least 1, to have room for. */
int32
reco_scorer_most_rows(const RecoModel *model, const RecoScorerTask *task)
{
	return Max(Min(task->k, model->items), 1);
}

static Size
skip_bytes(const RecoModel *model)
{
	return mul_size((Size) model->items / 64 + 1, sizeof(uint64));
}

/* Bytes that a scorer takes, but for what the longest history needs. */
Size
reco_scorer_memory(const RecoModel *model, const RecoScorerTask *task)
{
	return add_size(skip_bytes(model), mul_size(reco_scorer_most_rows(model, task), sizeof(RecoTopEntry)));
}

/*
 * In the current memory context; model must live as long, skip (a bitmap over the items) is copied.
 */
RecoScorer *
reco_scorer_create(const RecoModel *model, const RecoKernels *kernels, const RecoScorerTask *task, const uint64 *skip)
{
	RecoScorer *scorer = palloc0(sizeof(RecoScorer));

	scorer->task = *task;
	scorer->a = reco_answering_create(model, kernels, task->as_of);
	scorer->skip = palloc_extended(skip_bytes(model), MCXT_ALLOC_HUGE);
	memcpy(scorer->skip, skip, skip_bytes(model));
	scorer->top = palloc_extended(mul_size(reco_scorer_most_rows(model, task), sizeof(RecoTopEntry)), MCXT_ALLOC_HUGE);
	scorer->customer_context = AllocSetContextCreate(CurrentMemoryContext, "reco customer", ALLOCSET_DEFAULT_SIZES);
	return scorer;
}

static int
compare_by_source(const void *a, const void *b)
{
	int32		x = ((const RecoLine *) a)->order;
	int32		y = ((const RecoLine *) b)->order;

	return x != y ? (x > y) - (x < y) : reco_history_compare(a, b);
}

/*
 * What reco_history_read would have read: the newest lines of each source, and of those the ones that count.  Their
 * order matters only where there are too many: who uses them brings them into an order of his own.
 */
static int64
keep_newest(RecoLine *lines, int64 n, int64 limit)
{
	int64		kept = 0;
	int64		in_source = 0;
	int64		i;

	if (n > limit)
		qsort(lines, n, sizeof(RecoLine), compare_by_source);
	for (i = 0; i < n; i++)
	{
		in_source = i > 0 && lines[i].order == lines[i - 1].order ? in_source + 1 : 1;
		if (in_source > limit || !reco_lines_is_usable(&lines[i]))
			continue;
		lines[kept] = lines[i];
		kept++;
	}
	return kept;
}

/* Purchased items are skipped for this customer alone; purchased remembers which bits were set for that. */
static int64
skip_purchased(RecoScorer *scorer, const RecoLine *lines, int64 n, int32 *purchased)
{
	int64		n_purchased = 0;
	int64		i;

	for (i = 0; i < n; i++)
	{
		int32		item = lines[i].item;
		uint64		bit = UINT64CONST(1) << (item % 64);

		if (lines[i].quantity <= 0 || (scorer->skip[item / 64] & bit))
			continue;
		scorer->skip[item / 64] |= bit;
		purchased[n_purchased++] = item;
	}
	return n_purchased;
}

static int32
rank_items(RecoScorer *scorer, RecoRecommendation *rows)
{
	const RecoAnswering *a = scorer->a;
	int			found = 0;
	int			i;

	reco_foldin_check_status(reco_topk_scan(&a->run, a->model->y, a->model->items, a->model->factors, a->query, a->bias,
											scorer->skip, scorer->task.k, scorer->top, &found), "scan");
	for (i = 0; i < found; i++)
	{
		rows[i].item = scorer->top[i].item;
		rows[i].score = scorer->top[i].score;
		rows[i].probability = reco_answering_probability(a, scorer->top[i].item, scorer->top[i].score);
		rows[i].source = reco_answering_source(a, scorer->top[i].item);
	}
	return found;
}

/*
 * The best items for a customer with these lines, which are sorted and cut in place: user is of no interest, order is
 * the number of the source.  Returns how many there are; rows has room for reco_scorer_most_rows.
 */
int32
reco_scorer_answer(RecoScorer *scorer, RecoLine *lines, int64 n, RecoRecommendation *rows)
{
	MemoryContext old_context = MemoryContextSwitchTo(scorer->customer_context);
	RecoEntry  *entries = palloc_extended(mul_size(Max(n, 1), sizeof(RecoEntry)), MCXT_ALLOC_HUGE);
	int32	   *purchased = palloc_extended(mul_size(Max(n, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
	int64		limit = scorer->task.history_limit;
	RecoHistory history = {lines, 0, n};
	int64		n_purchased = 0;
	int32		found;
	int64		i;

	history.n = keep_newest(lines, n, scorer->task.exclude_purchased ? PG_INT64_MAX : limit);
	if (scorer->task.exclude_purchased)
		n_purchased = skip_purchased(scorer, lines, history.n, purchased);
	reco_history_cut(&history, limit);
	reco_answering_set_history(scorer->a, history.lines, history.n, entries);
	reco_answering_prepare(scorer->a);
	found = rank_items(scorer, rows);
	for (i = 0; i < n_purchased; i++)
		scorer->skip[purchased[i] / 64] &= ~(UINT64CONST(1) << (purchased[i] % 64));
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(scorer->customer_context);
	return found;
}
