/*
 * test_merchandise.c: tests of lists filled by rules, against slow and plain ways to do the same.
 *
 * Prints TAP.  Random numbers come from a fixed seed.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "merchandise.h"

#define MOST 40
#define FACTORS 5
#define GROUPS 4

static int	tests;
static int	failures;
static const RecoRun run = {NULL, NULL, NULL};
static uint64_t random_state = 88172645463325252u;

static void
ok(bool condition, const char *what)
{
	printf("%sok %d - %s\n", condition ? "" : "not ", ++tests, what);
	failures += !condition;
}

static double
random_unit(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (double) (random_state >> 11) / 9007199254740992.0;
}

static int
random_below(int n)
{
	return (int) (random_unit() * n);
}

/* A pool, and what it consists of. */
typedef struct Pool
{
	RecoMerchandiseTask task;
	RecoMerchandiseItem items[MOST];
	float		y[MOST][FACTORS];
	int32_t		labels[MOST][2];
	int32_t		limits[GROUPS + 1];
	RecoPlacement places[MOST];
	int			found;
} Pool;

/* labels: how many an item has at most. */
static void
make_pool(Pool *pool, int n, int k, int labels)
{
	double		key = 1;
	int			i;
	int			j;

	memset(pool, 0, sizeof(*pool));
	pool->task = (RecoMerchandiseTask) {.items = pool->items,.n = n,.k = k,.n_counters = GROUPS + 1,.limits = pool->limits,.factors = FACTORS};
	for (i = 0; i <= GROUPS; i++)
		pool->limits[i] = MOST;
	for (i = 0; i < n; i++)
	{
		RecoMerchandiseItem *item = &pool->items[i];

		key *= 0.7 + 0.3 * random_unit();
		item->key = item->merit = key;
		for (j = 0; j < FACTORS; j++)
			pool->y[i][j] = (float) (random_unit() - 0.3);
		item->y = pool->y[i];
		item->counters = item->groups = pool->labels[i];
		item->n_counters = item->n_groups = 1 + random_below(labels);
		pool->labels[i][0] = random_below(GROUPS);
		pool->labels[i][1] = (pool->labels[i][0] + 1 + random_below(GROUPS - 1)) % GROUPS;
	}
}

static RecoStatus
fill(Pool *pool)
{
	void	   *workspace = malloc(reco_merchandise_workspace(&pool->task));
	RecoStatus	status = reco_merchandise_fill(&run, &pool->task, workspace, pool->places, &pool->found);

	free(workspace);
	return status;
}

static bool
each_once(const Pool *pool)
{
	bool		seen[MOST] = {false};
	int			i;

	for (i = 0; i < pool->found; i++)
	{
		if (pool->places[i].item < 0 || pool->places[i].item >= pool->task.n || seen[pool->places[i].item])
			return false;
		seen[pool->places[i].item] = true;
	}
	return true;
}

static int
min_int(int a, int b)
{
	return a < b ? a : b;
}

/* --- pins ---------------------------------------------------------------------------------------------------- */

static void
test_ranks(void)
{
	static const int32_t wanted[] = {0, 3, 0, 0, 1, 0, 9};
	static const int32_t expected[] = {2, 3, 4, 5, 1, 0, 0};
	int32_t		ranks[7];
	int			i;
	bool		as_expected = true;

	reco_merchandise_ranks(wanted, 7, 5, ranks);
	for (i = 0; i < 7; i++)
		as_expected &= ranks[i] == expected[i];
	ok(as_expected, "pins without a rank get the first that are free, those beyond the list none");
}

static void
test_pins(void)
{
	bool		stand = true;
	bool		others = true;
	int			turn;

	for (turn = 0; turn < 500; turn++)
	{
		Pool		pool;
		int			n = 1 + random_below(MOST);
		int			k = 1 + random_below(MOST);
		int			pins = min_int(random_below(4), min_int(n, k));
		int			last = -1;
		int			i;

		make_pool(&pool, n, k, 1);
		for (i = 0; i < pins; i++)
			pool.items[n - 1 - i].rank = (int32_t) (1 + (i * 7 + turn) % k);
		if (pins > 1 && (pool.items[n - 1].rank == pool.items[n - 2].rank || (pins > 2 && (pool.items[n - 3].rank == pool.items[n - 1].rank || pool.items[n - 3].rank == pool.items[n - 2].rank))))
			continue;
		stand &= fill(&pool) == RECO_OK && each_once(&pool) && pool.found == min_int(n, k);
		for (i = 0; i < pool.found; i++)
		{
			const RecoMerchandiseItem *item = &pool.items[pool.places[i].item];

			stand &= item->rank == 0 || item->rank == i + 1 || i + 1 > n - pins;
			stand &= (pool.places[i].traces == RECO_TRACE_PIN) == (item->rank > 0);
			others &= item->rank > 0 || pool.places[i].item > last;
			if (item->rank == 0)
				last = pool.places[i].item;
		}
		for (i = 0; i < n; i++)
			if (pool.items[i].rank > 0 && pool.items[i].rank <= n - pins)
				stand &= pool.places[pool.items[i].rank - 1].item == i;
	}
	ok(stand, "pins stand where they should, or at the end of a shorter list");
	ok(others, "between them is what was best, in its order");
}

/* --- caps ---------------------------------------------------------------------------------------------------- */

static void
test_caps(void)
{
	bool		kept = true;
	bool		full = true;
	bool		greedy = true;
	int			turn;

	for (turn = 0; turn < 1000; turn++)
	{
		Pool		pool;
		int			labels = 1 + turn % 2;
		int			used[GROUPS] = {0};
		int			of_group[GROUPS] = {0};
		int			expected = 0;
		int			n = 1 + random_below(MOST);
		int			i;
		int			j;

		make_pool(&pool, n, 1 + random_below(MOST), labels);
		for (i = 0; i < GROUPS; i++)
			pool.limits[i] = random_below(6);
		kept &= fill(&pool) == RECO_OK && each_once(&pool);
		for (i = 0; i < pool.found; i++)
			for (j = 0; j < pool.items[pool.places[i].item].n_counters; j++)
				kept &= ++used[pool.labels[pool.places[i].item][j]] <= pool.limits[pool.labels[pool.places[i].item][j]];
		for (i = 0; i < n; i++)
			of_group[pool.labels[i][0]]++;
		for (i = 0; i < GROUPS; i++)
			expected += min_int(of_group[i], pool.limits[i]);
		full &= labels > 1 || pool.found == min_int(expected, pool.task.k);
		memset(used, 0, sizeof(used));
		for (i = expected = 0; i < n && expected < pool.task.k; i++)
		{
			bool		room = true;

			for (j = 0; j < pool.items[i].n_counters; j++)
				room &= used[pool.labels[i][j]] < pool.limits[pool.labels[i][j]];
			for (j = 0; j < pool.items[i].n_counters && room; j++)
				used[pool.labels[i][j]]++;
			greedy &= !room || pool.places[expected++].item == i;
		}
		greedy &= expected == pool.found;
	}
	ok(kept, "no counter counts more than it may");
	ok(full, "where an item has one counter, no list could be longer");
	ok(greedy, "the best that has room comes next");
}

static void
test_pins_are_counted(void)
{
	Pool		pool;
	int			i;
	int			same = 0;

	make_pool(&pool, 20, 10, 1);
	for (i = 0; i < 20; i++)
		pool.labels[i][0] = i % GROUPS;
	for (i = 0; i < GROUPS; i++)
		pool.limits[i] = 1;
	pool.items[16].rank = 4;
	pool.items[12].rank = 1;
	ok(fill(&pool) == RECO_OK && pool.found == 5 && pool.places[0].item == 12 && pool.places[3].item == 16, "pins come in against a cap");
	for (i = 0; i < pool.found; i++)
		same += pool.labels[pool.places[i].item][0] == 0;
	ok(same == 2, "and nothing else of theirs does");
	ok(pool.places[1].item == 1 && pool.places[1].traces == RECO_TRACE_CAP, "what comes in for them says so");
}

/* --- diversity ----------------------------------------------------------------------------------------------- */

static double
cosine(const float *a, const float *b)
{
	double		ab = 0;
	double		aa = 0;
	double		bb = 0;
	int			i;

	for (i = 0; i < FACTORS; i++)
	{
		ab += (double) a[i] * b[i];
		aa += (double) a[i] * a[i];
		bb += (double) b[i] * b[i];
	}
	return fmax(ab / sqrt(aa * bb), 0);
}

static void
test_diversity(void)
{
	bool		same = true;
	bool		traced = true;
	int			turn;

	for (turn = 0; turn < 200; turn++)
	{
		Pool		pool;
		bool		taken[MOST] = {false};
		int			place;

		make_pool(&pool, 2 + random_below(MOST - 2), 1 + random_below(20), 1);
		pool.task.diversity = 0.1 + 0.9 * random_unit();
		same &= fill(&pool) == RECO_OK && pool.found == min_int(pool.task.n, pool.task.k);
		for (place = 0; place < pool.found; place++)
		{
			int			best = -1;
			double		best_value = 0;
			int			i;
			int			j;

			for (i = 0; i < pool.task.n; i++)
			{
				double		nearest = 0;
				double		value;

				for (j = 0; j < place; j++)
					nearest = fmax(nearest, cosine(pool.y[i], pool.y[pool.places[j].item]));
				value = (1 - pool.task.diversity) * pool.items[i].key / pool.items[0].key - pool.task.diversity * nearest;
				if (!taken[i] && (best < 0 || value > best_value + 1e-12))
				{
					best = i;
					best_value = value;
				}
			}
			same &= best == pool.places[place].item;
			traced &= (pool.places[place].traces == RECO_TRACE_DIVERSITY) == (best != place);
			taken[pool.places[place].item] = true;
		}
	}
	ok(same, "the list is that of MMR, computed plainly");
	ok(traced, "who stands elsewhere than by relevance says so");
}

/* --- exposure ------------------------------------------------------------------------------------------------ */

/* What groups are beyond the gap in a list. */
static double
beyond(const Pool *pool, const int *list, int n)
{
	double		exposure[GROUPS] = {0};
	double		share[GROUPS] = {0};
	double		merit = 0;
	double		weight = 0;
	double		sum = 0;
	int			i;
	int			j;

	for (i = 0; i < pool->task.n; i++)
		merit += pool->items[i].merit;
	for (i = 0; i < pool->task.n; i++)
		for (j = 0; j < pool->items[i].n_groups; j++)
			share[pool->labels[i][j]] += pool->items[i].merit / merit / pool->items[i].n_groups;
	for (i = 0; i < n; i++)
		weight += 1 / log2(i + 2);
	for (i = 0; i < n; i++)
		for (j = 0; j < pool->items[list[i]].n_groups; j++)
			exposure[pool->labels[list[i]][j]] += 1 / log2(i + 2) / weight / pool->items[list[i]].n_groups;
	for (i = 0; i < GROUPS; i++)
		sum += fmax(fabs(exposure[i] - share[i]) - pool->task.gap, 0);
	return sum;
}

/* The least that any list can be beyond the gap. */
static double
least_beyond(const Pool *pool, int *list, int at, bool *taken)
{
	double		least = INFINITY;
	int			i;

	if (at == pool->found)
		return beyond(pool, list, at);
	for (i = 0; i < pool->task.n; i++)
		if (!taken[i])
		{
			taken[i] = true;
			list[at] = i;
			least = fmin(least, least_beyond(pool, list, at + 1, taken));
			taken[i] = false;
		}
	return least;
}

/* Whether an exchange of two items brings the groups nearer. */
static bool
can_be_mended(const Pool *pool, int *list)
{
	double		now = beyond(pool, list, pool->found);
	bool		in_list[MOST] = {false};
	bool		better = false;
	int			i;
	int			j;

	for (i = 0; i < pool->found; i++)
		in_list[list[i]] = true;
	for (i = 0; i < pool->found && !better; i++)
		for (j = 0; j < pool->found + pool->task.n && !better; j++)
		{
			int			item = list[i];
			int			other = j < pool->found ? list[j] : j - pool->found;

			if ((j < pool->found && j <= i) || (j >= pool->found && in_list[other]))
				continue;
			list[i] = other;
			if (j < pool->found)
				list[j] = item;
			better = beyond(pool, list, pool->found) < now - 1e-8;
			list[i] = item;
			if (j < pool->found)
				list[j] = other;
		}
	return better;
}

static void
test_exposure(void)
{
	bool		sound = true;
	bool		mended = true;
	int			turn;

	for (turn = 0; turn < 400; turn++)
	{
		Pool		pool;
		int			list[MOST];
		int			plain[MOST];
		int			i;

		make_pool(&pool, 2 + random_below(MOST - 2), 1 + random_below(15), 1 + turn % 2);
		pool.task.n_groups = GROUPS;
		pool.task.gap = 0.2 * random_unit();
		sound &= fill(&pool) == RECO_OK && each_once(&pool) && pool.found == min_int(pool.task.n, pool.task.k);
		for (i = 0; i < pool.found; i++)
		{
			plain[i] = i;
			list[i] = pool.places[i].item;
			sound &= (pool.places[i].traces == RECO_TRACE_EXPOSURE) == (list[i] != i);
		}
		sound &= beyond(&pool, list, pool.found) <= beyond(&pool, plain, pool.found) + 1e-12;
		mended &= !can_be_mended(&pool, list);
	}
	ok(sound, "exposure moves items, and says which; the gaps are never larger than without");
	ok(mended, "no exchange of two items brings the groups nearer to their shares");
}

static void
test_exposure_is_near_the_best(void)
{
	int			best = 0;
	int			possible = 0;
	int			reached = 0;
	int			turn;

	for (turn = 0; turn < 300; turn++)
	{
		Pool		pool;
		int			list[MOST];
		bool		taken[MOST] = {false};
		double		least;
		double		now;
		int			i;

		make_pool(&pool, 8, 4, 1);
		pool.task.n_groups = GROUPS;
		pool.task.gap = 0.05 + 0.15 * random_unit();
		(void) fill(&pool);
		least = least_beyond(&pool, list, 0, taken);
		for (i = 0; i < pool.found; i++)
			list[i] = pool.places[i].item;
		now = beyond(&pool, list, pool.found);
		best += now <= least + 1e-8;
		possible += least < 1e-8;
		reached += least < 1e-8 && now < 1e-8;
	}
	printf("# of 300 lists of 4 out of 8: %d are the best, %d of %d within the gap where any is\n", best, reached, possible);
	ok(best >= 240, "four in five lists are the best of all");
}

/* --- numbers ------------------------------------------------------------------------------------------------- */

static bool
stop(void *arg)
{
	(void) arg;
	return false;
}

static void
test_numbers(void)
{
	static const RecoRun stopped = {NULL, stop, NULL};
	Pool		pool;
	void	   *workspace;
	bool		refused = true;
	bool		interrupted;
	int			i;

	make_pool(&pool, 10, 5, 1);
	for (i = 0; i < 6; i++)
	{
		Pool		bad = pool;

		bad.task.items = bad.items;
		bad.task.limits = bad.limits;
		bad.items[3].key = i == 0 ? NAN : bad.items[3].key;
		bad.items[3].merit = i == 1 ? -1 : bad.items[3].merit;
		bad.items[3].rank = i == 2 ? 6 : 0;
		bad.task.diversity = i == 3 ? 1.5 : 0;
		bad.task.k = i == 4 ? -1 : 5;
		bad.task.n_groups = i == 5 ? GROUPS : 0;
		bad.items[4].n_groups = i == 5 ? 0 : 1;
		if (i != 4)
			refused &= fill(&bad) == RECO_BAD_ARGUMENT;
	}
	ok(refused, "numbers out of range are refused");
	pool.task.diversity = 0.5;
	workspace = malloc(reco_merchandise_workspace(&pool.task));
	interrupted = reco_merchandise_fill(&stopped, &pool.task, workspace, pool.places, &pool.found) == RECO_INTERRUPTED;
	ok(interrupted, "whoever says stop is listened to");
	free(workspace);
	make_pool(&pool, 0, 5, 1);
	ok(fill(&pool) == RECO_OK && pool.found == 0, "nothing comes of nothing");
	make_pool(&pool, 6, 6, 1);
	for (i = 0; i < 6; i++)
		pool.items[i].key = -1 - i;
	pool.task.diversity = 0.001;
	ok(fill(&pool) == RECO_OK && pool.found == 6 && pool.places[0].item == 0, "keys may be negative");
}

int
main(void)
{
	test_ranks();
	test_pins();
	test_caps();
	test_pins_are_counted();
	test_diversity();
	test_exposure();
	test_exposure_is_near_the_best();
	test_numbers();
	printf("1..%d\n", tests);
	return failures > 0;
}
