/*
 * topk.c: the k best items for a vector, exactly.
 *
 * Items are scored a block at a time.  A heap of the k best so far has the worst of them on top, and a block's scores
 * are compared with that one first: after the first few blocks hardly any score passes, and the work is the scan
 * itself, which memory limits: for many vectors at once, each block is scored for all of them while it is in the cache.
 * In the end the heap is taken apart from the worst to the best, which leaves it sorted.
 *
 * With a screen (screen.c) a block's bytes say first which of its items can reach the worst of the best so far, and only
 * those are scored, by a kernel that gives the same bits as a scan.  Items come by their norms, not by their numbers, and
 * a query is done when the norms say that no item that follows can reach it.  Blocks begin small, since the first one has
 * nothing to compare with.
 *
 * Biases widen what the screen lets pass by the largest of those that follow.  Items to whose scores something is added
 * are scored first, which gives the blocks something to compare with, and are passed over in them.
 */
#include "topk.h"

#include <float.h>
#include <math.h>

#include "kernels.h"

#define BLOCK			512		/* items scored between two looks at the heap */
#define POPS_A_CHECK	4096
#define MANY			32		/* vectors that share a pass over the items */
#define BLOCK_GROUPS	(BLOCK / RECO_SCREEN_GROUP)
#define CACHED_BYTES	32768
#define FIRST_BLOCK		(2 * RECO_SCREEN_GROUP)

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
check_arguments(const RecoTopQuery *query, int32_t items, int factors)
{
	if (query->x == NULL || items < 0 || factors < 1 || factors > RECO_MAX_FACTORS || query->k < 0 || query->n_added < 0)
		return RECO_BAD_ARGUMENT;
	for (int i = 0; i < query->n_added; i++)
		if (query->added[i].item < (i > 0 ? query->added[i - 1].item + 1 : 0) || query->added[i].item >= items)
			return RECO_BAD_ARGUMENT;
	return RECO_OK;
}

/* What is added to the score of an item; NULL: nothing. */
static const RecoTopEntry *
find_added(const RecoTopQuery *query, int32_t item)
{
	int			first = 0;
	int			last = query->n_added;

	while (first < last)
	{
		int			middle = first + (last - first) / 2;

		if (query->added[middle].item < item)
			first = middle + 1;
		else
			last = middle;
	}
	return first < query->n_added && query->added[first].item == item ? &query->added[first] : NULL;
}

/* The same sum in the same order wherever an item is scored. */
static inline float
with_biases(const RecoTopQuery *query, int32_t item, float score)
{
	for (int b = 0; b < RECO_BIASES; b++)
		if (query->biases[b] != NULL)
			score += query->bias_weights[b] * query->biases[b][item];
	return score;
}

/* The queries that share a pass. */
typedef struct Pass
{
	const RecoRun *run;
	const float *y;
	size_t		stride;
	int32_t		items;
	const RecoScreen *screen;	/* NULL: none */
	RecoTopQuery *scanned[MANY];	/* by their factors */
	int			n_scanned;
	RecoTopQuery *zeros[MANY];	/* zero vectors: the score is that of biases */
	int			n_zeros;
	RecoTopQuery *screened[MANY];
	int			n_screened;
	const RecoScreenQuery *coarse[MANY];	/* of those screened */
} Pass;

/* Offer some items of a block that have been scored by their factors. */
static inline void
offer(RecoTopQuery *query, Heap *heap, int32_t item, float score)
{
	score = with_biases(query, item, score);
	if (score >= heap_threshold(heap) && !is_skipped(query->skip, item) &&
		(query->n_added == 0 || find_added(query, item) == NULL))
		heap_offer(heap, (RecoTopEntry) {item, score});
}

/* Score a block of items for one of the queries. */
static void
scan_block(const RecoRun *run, const float *y, size_t stride, int32_t first, int32_t n, RecoTopQuery *query)
{
	Heap		heap = {query->out, query->found, query->k};
	float		scores[BLOCK];

	run->kernels->scan(y + (size_t) first * stride, stride, (size_t) n, query->x, NULL, scores);
	for (int32_t i = 0; i < n; i++)
		offer(query, &heap, first + i, scores[i]);
	query->found = heap.n;
}

/* The same for a zero vector, which gives +0 with all finite factors. */
static void
offer_biases(int32_t first, int32_t n, RecoTopQuery *query)
{
	Heap		heap = {query->out, query->found, query->k};

	for (int32_t item = first; item < first + n; item++)
		offer(query, &heap, item, 0.0f);
	query->found = heap.n;
}

/* Score those of a block that the screen let pass and that are not skipped. */
static void
offer_passing(const Pass *pass, int32_t first, int32_t n, const uint16_t *masks, RecoTopQuery *query)
{
	const int32_t *items = reco_screen_items(pass->screen) + first;
	Heap		heap = {query->out, query->found, query->k};
	int32_t		list[BLOCK];
	float		scores[BLOCK];
	int			count = 0;

	for (int32_t at = 0; at < n; at += RECO_SCREEN_GROUP)
		for (unsigned mask = masks[at / RECO_SCREEN_GROUP]; mask != 0; mask &= mask - 1)
		{
			int32_t		place = at + __builtin_ctz(mask);

			if (place < n && !is_skipped(query->skip, items[place]))
				list[count++] = items[place];
		}
	pass->run->kernels->dots(pass->y, pass->stride, list, (size_t) count, query->x, scores);
	for (int i = 0; i < count; i++)
		offer(query, &heap, list[i], scores[i]);
	query->found = heap.n;
}

/* Items to whose scores something is added, before all blocks. */
static RecoStatus
offer_added(const Pass *pass, RecoTopQuery *query)
{
	Heap		heap = {query->out, query->found, query->k};
	int32_t		list[BLOCK];
	float		scores[BLOCK];

	for (int first = 0, n; first < query->n_added; first += n)
	{
		n = query->n_added - first < BLOCK ? query->n_added - first : BLOCK;
		for (int i = 0; i < n; i++)
			list[i] = query->added[first + i].item;
		pass->run->kernels->dots(pass->y, pass->stride, list, (size_t) n, query->x, scores);
		for (int i = 0; i < n; i++)
		{
			float		score = with_biases(query, list[i], scores[i]) + query->added[first + i].score;

			if (score >= heap_threshold(&heap) && !is_skipped(query->skip, list[i]))
				heap_offer(&heap, (RecoTopEntry) {list[i], score});
		}
		if (!reco_run_goes_on(pass->run))
			return RECO_INTERRUPTED;
	}
	query->found = heap.n;
	return RECO_OK;
}

/*
 * What y.x must reach, as floats sum it up, for an item of that group or behind it to reach the worst of the best so far.
 */
static float
remaining_threshold(const Pass *pass, const RecoTopQuery *query, int32_t group)
{
	float		threshold = heap_threshold(&(Heap) {query->out, query->found, query->k});
	float		most = 0;
	float		size = 0;

	for (int b = 0; b < RECO_BIASES; b++)
		if (query->biases[b] != NULL)
		{
			float		bias = query->bias_weights[b] * reco_screen_biases(pass->screen, b)[group];

			most += bias;
			size += fabsf(bias);
		}
	if (size == 0)
		return threshold;
	return threshold - most - 4 * RECO_BIASES * FLT_EPSILON * (fabsf(threshold) + size);
}

/* Take leave of the queries that no item from that group on can reach, and set the thresholds of the others. */
static void
keep_unfinished(Pass *pass, int32_t group, float *thresholds)
{
	float		norm = reco_screen_norms(pass->screen)[group];
	int			kept = 0;

	for (int q = 0; q < pass->n_screened; q++)
	{
		float		threshold = remaining_threshold(pass, pass->screened[q], group);

		if (norm * pass->coarse[q]->norm < threshold)
			continue;
		thresholds[kept] = threshold;
		pass->coarse[kept] = pass->coarse[q];
		pass->screened[kept++] = pass->screened[q];
	}
	pass->n_screened = kept;
}

/* A block that begins with a group. */
static void
screen_block(Pass *pass, int32_t first, int32_t n)
{
	const uint8_t *groups = reco_screen_groups(pass->screen) +
		(size_t) (first / RECO_SCREEN_GROUP) * reco_screen_group_bytes(pass->stride);
	size_t		n_groups = ((size_t) n + RECO_SCREEN_GROUP - 1) / RECO_SCREEN_GROUP;
	float		thresholds[MANY];
	uint16_t	masks[MANY * BLOCK_GROUPS];

	keep_unfinished(pass, first / RECO_SCREEN_GROUP, thresholds);
	if (pass->n_screened == 0)
		return;
	pass->run->kernels->screen(groups, pass->stride, n_groups, pass->coarse, thresholds, pass->n_screened, masks);
	for (int q = 0; q < pass->n_screened; q++)
		offer_passing(pass, first, n, masks + q * n_groups, pass->screened[q]);
}

/* Items whose factors, or bytes, stay in the innermost cache while one query after another is scored. */
static int32_t
largest_block(const Pass *pass)
{
	int			n = pass->n_scanned + pass->n_screened;
	size_t		group = pass->n_screened > 0 ? reco_screen_group_bytes(pass->stride)
		: pass->stride * sizeof(float) * RECO_SCREEN_GROUP;
	int32_t		rows = (int32_t) (CACHED_BYTES / group) * RECO_SCREEN_GROUP;

	return n <= 1 || rows > BLOCK ? BLOCK : rows < 2 * RECO_SCREEN_GROUP ? 2 * RECO_SCREEN_GROUP : rows;
}

static bool
is_zero(const float *x, size_t stride)
{
	for (size_t k = 0; k < stride; k++)
		if (x[k] != 0)
			return false;
	return true;
}

static bool
can_be_screened(const RecoTopQuery *query)
{
	for (int b = 0; b < RECO_BIASES; b++)
		if (query->biases[b] != NULL && !(query->biases_of_screen && query->bias_weights[b] >= 0))
			return false;
	return true;
}

/* Which way each query goes. */
static void
sort_queries(Pass *pass, RecoTopQuery *queries, int n, RecoScreenQuery *coarse)
{
	const RecoScreen *screen = pass->screen;

	for (int q = 0; q < n; q++)
	{
		RecoTopQuery *query = &queries[q];

		if (query->k == 0)
			continue;
		if (screen != NULL && screen->finite && is_zero(query->x, pass->stride))
			pass->zeros[pass->n_zeros++] = query;
		else if (screen != NULL && can_be_screened(query) &&
				 reco_screen_query(query->x, screen->factors, &coarse[pass->n_screened]))
		{
			pass->coarse[pass->n_screened] = &coarse[pass->n_screened];
			pass->screened[pass->n_screened++] = query;
		}
		else
			pass->scanned[pass->n_scanned++] = query;
	}
}

static RecoStatus
run_pass(Pass *pass, RecoTopQuery *queries, int n)
{
	RecoScreenQuery coarse[MANY];
	int32_t		most;
	int32_t		block;

	for (int q = 0; q < n; q++)
		if (queries[q].k > 0 && offer_added(pass, &queries[q]) != RECO_OK)
			return RECO_INTERRUPTED;
	sort_queries(pass, queries, n, coarse);
	most = largest_block(pass);
	block = pass->n_screened > 0 ? FIRST_BLOCK : most;
	for (int32_t first = 0, count; first < pass->items; first += count)
	{
		if (pass->n_scanned + pass->n_zeros + pass->n_screened == 0)
			break;
		count = pass->items - first < block ? pass->items - first : block;
		for (int q = 0; q < pass->n_scanned; q++)
			scan_block(pass->run, pass->y, pass->stride, first, count, pass->scanned[q]);
		for (int q = 0; q < pass->n_zeros; q++)
			offer_biases(first, count, pass->zeros[q]);
		if (pass->n_screened > 0)
			screen_block(pass, first, count);
		if (!reco_run_goes_on(pass->run))
			return RECO_INTERRUPTED;
		block = block < most / 2 ? block * 2 : most;
	}
	return RECO_OK;
}

RecoStatus
reco_topk_scan(const RecoRun *run, const float *y, int32_t items, int factors, const RecoScreen *screen,
			   RecoTopQuery *queries, int n)
{
	RecoStatus	status = RECO_OK;

	for (int q = 0; q < n; q++)
		queries[q].found = 0;
	for (int q = 0; q < n && status == RECO_OK; q++)
		status = check_arguments(&queries[q], items, factors);
	if (status == RECO_OK && screen != NULL && (screen->items != items || screen->factors != factors))
		status = RECO_BAD_ARGUMENT;
	for (int first = 0; first < n && status == RECO_OK; first += MANY)
	{
		Pass		pass = {.run = run,.y = y,.stride = reco_stride(factors),.items = items,.screen = screen};

		status = run_pass(&pass, queries + first, n - first < MANY ? n - first : MANY);
	}
	for (int q = 0; q < n && status == RECO_OK; q++)
	{
		Heap		heap = {queries[q].out, queries[q].found, queries[q].k};

		status = heap_sort(&heap, run);
	}
	return status;
}

RecoStatus
reco_topk_list(const RecoRun *run, const float *y, int32_t items, int factors, RecoTopQuery *query,
			   const int32_t *candidates, int n)
{
	Heap		heap = {query->out, 0, query->k};
	float		scores[BLOCK];
	RecoStatus	status = check_arguments(query, items, factors);

	query->found = 0;
	if (status != RECO_OK || query->k == 0)
		return status;
	for (int i = 0; i < n; i++)
		if (candidates[i] < 0 || candidates[i] >= items)
			return RECO_BAD_ARGUMENT;
	for (int first = 0; first < n;)
	{
		int			count = n - first < BLOCK ? n - first : BLOCK;

		run->kernels->dots(y, reco_stride(factors), candidates + first, (size_t) count, query->x, scores);
		for (int i = 0; i < count; i++)
		{
			int32_t		item = candidates[first + i];
			const RecoTopEntry *added = find_added(query, item);
			RecoTopEntry entry = {item, with_biases(query, item, scores[i])};

			if (added != NULL)
				entry.score += added->score;
			if (entry.score >= heap_threshold(&heap))
				heap_offer(&heap, entry);
		}
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		first += count;
	}
	query->found = heap.n;
	return heap_sort(&heap, run);
}
