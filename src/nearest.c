/*
 * nearest.c: keeps the k largest of many scores, for baselines that go by neighbours.
 *
 * What is kept is the same for any order of offers: of equal scores the lower number is better.
 */
#include "postgres.h"

#include "nearest.h"

/* For k of them, at least 1, in the current memory context. */
RecoNearest *
reco_nearest_create(int k)
{
	RecoNearest *nearest = palloc0(sizeof(RecoNearest));

	nearest->k = k;
	nearest->entries = palloc_extended(mul_size(k, sizeof(RecoEntry)), MCXT_ALLOC_HUGE);
	return nearest;
}

void
reco_nearest_clear(RecoNearest *nearest)
{
	nearest->n = 0;
}

static inline bool
is_better(RecoEntry a, RecoEntry b)
{
	return a.weight > b.weight || (a.weight == b.weight && a.item < b.item);
}

/* Put an entry into the heap's root, and let it sink to where it belongs. */
static void
sink(RecoEntry *heap, int n, RecoEntry entry)
{
	int			at = 0;

	for (;;)
	{
		int			child = 2 * at + 1;

		if (child + 1 < n && is_better(heap[child], heap[child + 1]))
			child++;
		if (child >= n || !is_better(entry, heap[child]))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = entry;
}

static void
rise(RecoEntry *heap, int at)
{
	RecoEntry	entry = heap[at];

	while (at > 0 && is_better(heap[(at - 1) / 2], entry))
	{
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = entry;
}

/* Keep it if it is among the k best so far. */
void
reco_nearest_offer(RecoNearest *nearest, int32 number, float score)
{
	RecoEntry	entry = {number, score};

	if (nearest->n < nearest->k)
	{
		nearest->entries[nearest->n] = entry;
		rise(nearest->entries, nearest->n++);
	}
	else if (is_better(entry, nearest->entries[0]))
		sink(nearest->entries, nearest->n, entry);
}

/* Bring them into order, best first; nothing can be offered until it is cleared. */
void
reco_nearest_sort(RecoNearest *nearest)
{
	int			n;

	for (n = nearest->n - 1; n > 0; n--)
	{
		RecoEntry	last = nearest->entries[n];

		nearest->entries[n] = nearest->entries[0];
		sink(nearest->entries, n, last);
	}
}
