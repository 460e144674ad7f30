/*
 * wanted.c: finds the keys that were asked for among those that come, any of which may have been asked for several times.
 */
#include "postgres.h"

#include "wanted.h"

#include "miscadmin.h"

static int
compare_keys(const RecoKey *x, const RecoKey *y, bool integer_keys)
{
	int			order;

	if (integer_keys)
		return (x->integer > y->integer) - (x->integer < y->integer);
	order = memcmp(x->bytes, y->bytes, Min(x->length, y->length));
	return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

static int
compare_wanted(const void *a, const void *b)
{
	const RecoWantedKey *x = a;
	const RecoWantedKey *y = b;
	int			order;

	CHECK_FOR_INTERRUPTS();
	order = compare_keys(x->key, y->key, x->integer_keys);
	return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

/* In the current memory context; keys must live as long. */
RecoWanted
reco_wanted_make(const RecoKey *keys, int n, bool integer_keys)
{
	RecoWanted	wanted = {n, integer_keys, palloc_extended(mul_size(Max(n, 1), sizeof(RecoWantedKey)), MCXT_ALLOC_HUGE)};
	int			i;

	for (i = 0; i < n; i++)
		wanted.keys[i] = (RecoWantedKey) {&keys[i], i, integer_keys};
	qsort(wanted.keys, n, sizeof(RecoWantedKey), compare_wanted);
	return wanted;
}

/* Where to begin with reco_wanted_place. */
int
reco_wanted_first(const RecoWanted *wanted, const RecoKey *key)
{
	int			low = 0;
	int			high = wanted->n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (compare_keys(wanted->keys[middle].key, key, wanted->integer_keys) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The place of the i-th wanted in the caller's list; -1 where it has another key, or is none. */
int
reco_wanted_place(const RecoWanted *wanted, int i, const RecoKey *key)
{
	if (i >= wanted->n || compare_keys(wanted->keys[i].key, key, wanted->integer_keys) != 0)
		return -1;
	return wanted->keys[i].place;
}

/* Give the memory back. */
void
reco_wanted_free(RecoWanted *wanted)
{
	pfree(wanted->keys);
	wanted->keys = NULL;
}
