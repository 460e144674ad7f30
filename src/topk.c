/*
 * topk.c: the k best items for a vector, exactly.
 *
 * Items are scored a block at a time.  A heap of the k best so far has the worst of them on top, and a block's scores
 * are compared with that one first: after the first few blocks hardly any score passes, and the work is the scan
 * itself, which memory limits: for many vectors at once, each block is scored for all of them while it is in the cache.
 * In the end the heap is taken apart from the worst to the best, which leaves it sorted.
 */
#include "topk.h"

#include "kernels.h"

#define BLOCK			512		/* items scored between two looks at the heap */
#define CACHED_FLOATS	8192	/* 32 kB */
#define POPS_A_CHECK	4096

typedef struct Heap
{
	RecoTopEntry *entries;		/* entries[0] is the worst */
	int			n;
	int			k;
} Heap;

/* The total order: higher scores first, then lower item numbers. */
static inline bool
better(RecoTopEntry a, RecoTopEntry b)
{
	return a.score > b.score || (a.score == b.score && a.item < b.item);
}

/* Let the entry sink from a place to where nothing below it is worse. */
static void
heap_sink(Heap *heap, int at, RecoTopEntry entry)
{
	for (;;)
	{
		int64_t		child = 2 * (int64_t) at + 1;

		if (child >= heap->n)
			break;
		if (child + 1 < heap->n && better(heap->entries[child], heap->entries[child + 1]))
			child++;
		if (!better(entry, heap->entries[child]))
			break;
		heap->entries[at] = heap->entries[child];
		at = (int) child;
	}
	heap->entries[at] = entry;
}

static void
heap_rise(Heap *heap, int at, RecoTopEntry entry)
{
	while (at > 0 && better(heap->entries[(at - 1) / 2], entry))
	{
		heap->entries[at] = heap->entries[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap->entries[at] = entry;
}

static void
heap_offer(Heap *heap, RecoTopEntry entry)
{
	if (heap->n < heap->k)
		heap_rise(heap, heap->n++, entry);
	else if (better(entry, heap->entries[0]))
		heap_sink(heap, 0, entry);
}

/* Worst to the end, again and again: what remains is best first. */
static RecoStatus
heap_sort(Heap *heap, const RecoRun *run)
{
	while (heap->n > 1)
	{
		RecoTopEntry worst = heap->entries[0];
		RecoTopEntry last = heap->entries[--heap->n];

		heap_sink(heap, 0, last);
		heap->entries[heap->n] = worst;
		if (heap->n % POPS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

/* The worst score that still has a chance; NaN compares false with it. */
static inline float
heap_threshold(const Heap *heap)
{
	return heap->n < heap->k ? -__builtin_inff() : heap->entries[0].score;
}

static inline bool
is_skipped(const uint64_t *skip, int32_t item)
{
	return skip != NULL && (skip[item / 64] >> (item % 64) & 1) != 0;
}

static RecoStatus
check_arguments(const float *x, int32_t items, int factors, int k, int *found)
{
	*found = 0;
	if (x == NULL || items < 0 || factors < 1 || factors > RECO_MAX_FACTORS || k < 0)
		return RECO_BAD_ARGUMENT;
	return RECO_OK;
}

/* Score a block of items for one of the queries. */
static void
scan_block(const RecoRun *run, const float *y, size_t stride, int32_t first, int32_t n, RecoTopQuery *query)
{
	Heap		heap = {query->out, query->found, query->k};
	float		scores[BLOCK];
	float		threshold = heap_threshold(&heap);

	run->kernels->scan(y + (size_t) first * stride, stride, (size_t) n, query->x,
					   query->bias != NULL ? query->bias + first : NULL, scores);
	for (int32_t i = 0; i < n; i++)
		if (scores[i] >= threshold && !is_skipped(query->skip, first + i))
		{
			heap_offer(&heap, (RecoTopEntry) {first + i, scores[i]});
			threshold = heap_threshold(&heap);
		}
	query->found = heap.n;
}

/* Items whose factors stay in the innermost cache while one query after another is scored. */
static int32_t
cached_block(size_t stride)
{
	int32_t		rows = (int32_t) (CACHED_FLOATS / stride) / 16 * 16;

	return rows < 16 ? 16 : rows > BLOCK ? BLOCK : rows;
}

RecoStatus
reco_topk_scan_many(const RecoRun *run, const float *y, int32_t items, int factors, RecoTopQuery *queries, int n)
{
	size_t		stride = reco_stride(factors);
	int32_t		block = n > 1 ? cached_block(stride) : BLOCK;
	RecoStatus	status = RECO_OK;

	for (int q = 0; q < n && status == RECO_OK; q++)
		status = check_arguments(queries[q].x, items, factors, queries[q].k, &queries[q].found);
	for (int32_t first = 0; first < items && status == RECO_OK; first += block)
	{
		for (int q = 0; q < n; q++)
			if (queries[q].k > 0)
				scan_block(run, y, stride, first, items - first < block ? items - first : block, &queries[q]);
		if (!reco_run_goes_on(run))
			status = RECO_INTERRUPTED;
	}
	for (int q = 0; q < n && status == RECO_OK; q++)
	{
		Heap		heap = {queries[q].out, queries[q].found, queries[q].k};

		status = heap_sort(&heap, run);
	}
	return status;
}

RecoStatus
reco_topk_scan(const RecoRun *run, const float *y, int32_t items, int factors, const float *x, const float *bias,
			   const uint64_t *skip, int k, RecoTopEntry *out, int *found)
{
	RecoTopQuery query = {x, bias, skip, k, out, 0};
	RecoStatus	status = reco_topk_scan_many(run, y, items, factors, &query, 1);

	*found = query.found;
	return status;
}

RecoStatus
reco_topk_list(const RecoRun *run, const float *y, int32_t items, int factors, const float *x, const float *bias,
			   const int32_t *candidates, int n, int k, RecoTopEntry *out, int *found)
{
	Heap		heap = {out, 0, k};
	float		scores[BLOCK];
	RecoStatus	status = check_arguments(x, items, factors, k, found);

	if (status != RECO_OK || k == 0)
		return status;
	for (int i = 0; i < n; i++)
		if (candidates[i] < 0 || candidates[i] >= items)
			return RECO_BAD_ARGUMENT;
	for (int first = 0; first < n;)
	{
		int			count = n - first < BLOCK ? n - first : BLOCK;

		run->kernels->dots(y, reco_stride(factors), candidates + first, (size_t) count, x, scores);
		for (int i = 0; i < count; i++)
		{
			RecoTopEntry entry = {candidates[first + i], scores[i]};

			if (bias != NULL)
				entry.score += bias[entry.item];
			if (entry.score >= heap_threshold(&heap))
				heap_offer(&heap, entry);
		}
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		first += count;
	}
	*found = heap.n;
	return heap_sort(&heap, run);
}
