/*
 * permute.c: shuffles a table of orders and items, such that each order keeps its size and each item its orders.
 *
 *	permute RUNS SEED <pairs >shuffled
 *
 * Reads lines "order item" of two integers, each pair once, and writes lines "run order item" (tabs), run from 1.  By
 * curveball trades (Strona et al. 2014): two orders put what only one of them has into a pool, and draw from it as many as
 * they put in.  Of the trades every other is between the orders of two random pairs, since a large order needs many of them.
 * Each run begins where the one before ended, and makes twenty times as many trades as there are orders.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Pair
{
	long		order;
	long		item;
} Pair;

static uint64_t state;

static uint64_t
draw(void)
{
	uint64_t	z = (state += 0x9E3779B97F4A7C15u);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

static int
compare_pairs(const void *a, const void *b)
{
	const Pair *x = a;
	const Pair *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

/* Both orders' items ascend, before and after; work has room for both. */
static void
trade(Pair *a, size_t n_a, Pair *b, size_t n_b, Pair *work)
{
	Pair	   *pool = work;
	size_t		pooled = 0;
	size_t		from_a = 0;
	size_t		kept_a = 0;
	size_t		kept_b = 0;
	size_t		i = 0;
	size_t		j = 0;
	long		order_a = a[0].order;
	long		order_b = b[0].order;

	while (i < n_a || j < n_b)
	{
		if (j == n_b || (i < n_a && a[i].item < b[j].item))
		{
			pool[pooled++] = a[i++];
			from_a++;
		}
		else if (i == n_a || b[j].item < a[i].item)
			pool[pooled++] = b[j++];
		else
		{
			a[kept_a++] = a[i++];
			b[kept_b++] = b[j++];
		}
	}
	for (i = 0; i < from_a; i++)
	{
		size_t		other = i + draw() % (pooled - i);
		Pair		swap = pool[i];

		pool[i] = pool[other];
		pool[other] = swap;
	}
	for (i = 0; i < pooled; i++)
	{
		Pair	   *to = i < from_a ? &a[kept_a++] : &b[kept_b++];

		to->item = pool[i].item;
		to->order = i < from_a ? order_a : order_b;
	}
	qsort(a, n_a, sizeof(Pair), compare_pairs);
	qsort(b, n_b, sizeof(Pair), compare_pairs);
}

int
main(int argc, char **argv)
{
	int			runs = argc > 1 ? atoi(argv[1]) : 1;
	size_t		capacity = 1024;
	size_t		n = 0;
	size_t		orders = 0;
	Pair	   *pairs = malloc(capacity * sizeof(Pair));
	Pair	   *work;
	size_t	   *start;
	size_t	   *place;				/* number of the order of each pair */

	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	while (pairs != NULL && scanf("%ld %ld", &pairs[n].order, &pairs[n].item) == 2)
		if (++n == capacity)
			pairs = realloc(pairs, (capacity *= 2) * sizeof(Pair));
	work = malloc((2 * n + 1) * sizeof(Pair));
	start = malloc((n + 1) * sizeof(size_t));
	place = malloc((n + 1) * sizeof(size_t));
	if (pairs == NULL || work == NULL || start == NULL || place == NULL)
		return 1;
	qsort(pairs, n, sizeof(Pair), compare_pairs);
	for (size_t i = 0; i < n; i++)
	{
		if (i == 0 || pairs[i].order != pairs[i - 1].order)
			start[orders++] = i;
		place[i] = orders - 1;
	}
	start[orders] = n;
	for (int run = 1; run <= runs && orders > 1; run++)
	{
		for (size_t t = 0; t < 20 * orders; t++)
		{
			size_t		a = t % 2 == 0 ? draw() % orders : place[draw() % n];
			size_t		b = t % 2 == 0 ? draw() % orders : place[draw() % n];

			if (a != b)
				trade(pairs + start[a], start[a + 1] - start[a], pairs + start[b], start[b + 1] - start[b], work);
		}
		for (size_t i = 0; i < n; i++)
			printf("%d\t%ld\t%ld\n", run, pairs[i].order, pairs[i].item);
	}
	return 0;
}
