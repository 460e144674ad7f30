/*
 * merchandise.c: which of a pool of items come into a list, and in what order, by a shop's rules.
 *
 * Pinned items have their places, whatever else holds.  Every other place, from the first on, gets the best of the items
 * that are left, as long as no counter of it is full; pins were counted before.  Best is by
 *
 *		(1 - d) relevance - d similarity				(MMR: Carbonell and Goldstein 1998)
 *
 * with the relevance (key - low) / (high - low), low the lowest key or 0 if that is less, so that a key half as large is half
 * as relevant, however deep the pool; and the similarity to the most similar of the items that are in the list already (pins
 * from the beginning): the cosine of their factors, or 0 where that is negative.
 *
 * Where an item has one counter at most, no other choice has more items: each counter's items come in until it is full.
 * Where it has several, a worse item that fills fewer counters may leave room for more; such are not looked for.
 *
 * Exposure (Singh and Joachims 2018) of a place is 1 / log2(1 + rank), and a group's share of the list's exposure is to be
 * within gap of its share of the pool's merit.  Geyik, Ambler and Kenthapadi (2019) fill a list from the top by what each
 * group still needs; here the list that the other rules gave is mended instead, since their choices are to stay where they
 * can: as long as any exchange of two places, or of an item in the list for one that is not, makes the sum of what groups are
 * beyond the gap smaller, the one is made that costs least relevance for what it mends.  So there is no such exchange in the
 * end; that two together would help is not looked for.  Where a list is not full and an exchange made room under a counter,
 * what has room comes in behind.
 */
#include "merchandise.h"

#include <math.h>
#include <string.h>

#define LEAST_MENDED 1e-9		/* of all exposure: less is no reason to move anything */
#define ITEMS_A_CHECK 1024
#define MOST_EXCHANGES 20		/* for each place; a few for each group are usual */

typedef struct Work
{
	const RecoMerchandiseTask *task;
	const RecoRun *run;
	int		   *stopped;		/* somebody said so */
	int32_t    *used;			/* [counters] */
	unsigned char *taken;		/* [n] */
	double	   *relevance;		/* [n] */
	double	   *similarity;		/* [n] to the most similar in the list */
	double	   *length;			/* [n] of the factors */
	int		   *slots;			/* [k] item, -1: none yet */
	int		   *ranks;			/* [n] in the list before a rule moved any, -1: it was not there */
	unsigned char *passed;		/* [n] something better was left out by a counter */
	uint32_t   *traces;			/* [n] */
	unsigned char *seen;		/* [groups] */
	double	   *exposure;		/* [groups] of the list */
	double	   *share;			/* [groups] of the pool's merit */
	double	   *weight;			/* [k] exposure of a place, all together 1 */
} Work;

static size_t
lay_out(Work *work, char *base, const RecoMerchandiseTask *task)
{
	size_t		n = (size_t) task->n;
	size_t		k = (size_t) task->k;
	size_t		groups = (size_t) task->n_groups;
	size_t		size = 0;

	work->task = task;
	work->used = reco_workspace_take(&size, base, reco_size_mul((size_t) task->n_counters, sizeof(int32_t)));
	work->taken = reco_workspace_take(&size, base, n);
	work->passed = reco_workspace_take(&size, base, n);
	work->relevance = reco_workspace_take(&size, base, reco_size_mul(n, sizeof(double)));
	work->similarity = reco_workspace_take(&size, base, reco_size_mul(n, sizeof(double)));
	work->length = reco_workspace_take(&size, base, reco_size_mul(n, sizeof(double)));
	work->ranks = reco_workspace_take(&size, base, reco_size_mul(n, sizeof(int)));
	work->traces = reco_workspace_take(&size, base, reco_size_mul(n, sizeof(uint32_t)));
	work->slots = reco_workspace_take(&size, base, reco_size_mul(k, sizeof(int)));
	work->weight = reco_workspace_take(&size, base, reco_size_mul(k, sizeof(double)));
	work->seen = reco_workspace_take(&size, base, groups);
	work->exposure = reco_workspace_take(&size, base, reco_size_mul(groups, sizeof(double)));
	work->share = reco_workspace_take(&size, base, reco_size_mul(groups, sizeof(double)));
	return size;
}

size_t
reco_merchandise_workspace(const RecoMerchandiseTask *task)
{
	Work		work;

	return lay_out(&work, NULL, task);
}

void
reco_merchandise_ranks(const int32_t *wanted, int n, int k, int32_t *ranks)
{
	int32_t		next = 1;
	int			i;
	int			j;

	for (i = 0; i < n; i++)
		ranks[i] = wanted[i] <= k ? wanted[i] : 0;
	for (i = 0; i < n; i++)
	{
		if (wanted[i] != 0)
			continue;
		for (j = 0; j < n; j++)
			if (wanted[j] == next)
			{
				next++;
				j = -1;
			}
		ranks[i] = next <= k ? next++ : 0;
	}
}

/* Asked in loops over the pool. */
static int
goes_on(const Work *work, int i)
{
	if (i % ITEMS_A_CHECK == 0 && !*work->stopped && !reco_run_goes_on(work->run))
		*work->stopped = 1;
	return !*work->stopped;
}

/* --- filling ----------------------------------------------------------------------------------------------- */

static void
set_relevance(const Work *work)
{
	const RecoMerchandiseTask *task = work->task;
	double		low = 0;
	double		high = -INFINITY;
	int			i;

	for (i = 0; i < task->n; i++)
		if (task->items[i].rank == 0)
		{
			low = fmin(low, task->items[i].key);
			high = fmax(high, task->items[i].key);
		}
	for (i = 0; i < task->n; i++)
		work->relevance[i] = high > low ? (task->items[i].key - low) / (high - low) : 1;
}

static double
product(const float *a, const float *b, int n)
{
	double		sum = 0;
	int			i;

	for (i = 0; i < n; i++)
		sum += (double) a[i] * b[i];
	return sum;
}

/* An item came into the list: the others may be more similar to it than to what was there. */
static void
compare_with(const Work *work, int item)
{
	const RecoMerchandiseTask *task = work->task;
	int			i;

	for (i = 0; i < task->n && goes_on(work, i); i++)
	{
		double		lengths = work->length[i] * work->length[item];

		if (!work->taken[i] && lengths > 0)
			work->similarity[i] = fmax(work->similarity[i],
									   product(task->items[i].y, task->items[item].y, task->factors) / lengths);
	}
}

static void
count(const Work *work, int item, int by)
{
	const RecoMerchandiseItem *counted = &work->task->items[item];
	int			i;

	for (i = 0; i < counted->n_counters; i++)
		work->used[counted->counters[i]] += by;
}

static int
has_room(const Work *work, int item)
{
	const RecoMerchandiseItem *counted = &work->task->items[item];
	int			i;

	for (i = 0; i < counted->n_counters; i++)
		if (work->used[counted->counters[i]] >= work->task->limits[counted->counters[i]])
			return 0;
	return 1;
}

static void
put(const Work *work, int place, int item, double diversity)
{
	work->slots[place] = item;
	work->taken[item] = 1;
	count(work, item, 1);
	if (diversity > 0)
		compare_with(work, item);
}

static void
put_pins(const Work *work, double diversity)
{
	const RecoMerchandiseTask *task = work->task;
	int			i;

	memset(work->used, 0, (size_t) task->n_counters * sizeof(int32_t));
	memset(work->taken, 0, (size_t) task->n);
	memset(work->passed, 0, (size_t) task->n);
	for (i = 0; i < task->k; i++)
		work->slots[i] = -1;
	for (i = 0; i < task->n; i++)
	{
		work->similarity[i] = 0;
		work->length[i] = diversity > 0 ? sqrt(product(task->items[i].y, task->items[i].y, task->factors)) : 0;
	}
	for (i = 0; i < task->n; i++)
		if (task->items[i].rank > 0)
			put(work, task->items[i].rank - 1, i, diversity);
}

/*
 * The next by relevance alone that has room, -1 where none has.  What is full stays full, so that nobody looks back; and
 * whoever comes after an item without room takes its place.
 */
static int
pick_next(const Work *work, int *next, unsigned char *passed)
{
	for (; *next < work->task->n && goes_on(work, *next); (*next)++)
	{
		if (work->taken[*next])
			continue;
		if (has_room(work, *next))
		{
			work->passed[*next] = *passed;
			return (*next)++;
		}
		*passed = 1;
	}
	return -1;
}

/* The best that has room, -1 where none has. */
static int
pick_diverse(const Work *work, double diversity)
{
	int			best = -1;
	double		best_value = -INFINITY;
	double		barred = -INFINITY;	/* the best of those that have no room */
	int			i;

	for (i = 0; i < work->task->n && goes_on(work, i); i++)
	{
		double		value = (1 - diversity) * work->relevance[i] - diversity * work->similarity[i];

		if (work->taken[i])
			continue;
		if (!has_room(work, i))
			barred = fmax(barred, value);
		else if (value > best_value)
		{
			best = i;
			best_value = value;
		}
	}
	if (best >= 0)
		work->passed[best] = barred > best_value;
	return best;
}

/* Bring pins that stand behind a gap forward; returns how many places are filled. */
static int
close_gaps(const Work *work)
{
	int			n = 0;
	int			i;

	for (i = 0; i < work->task->k; i++)
		if (work->slots[i] >= 0)
			work->slots[n++] = work->slots[i];
	for (i = n; i < work->task->k; i++)
		work->slots[i] = -1;
	return n;
}

static RecoStatus
fill(const Work *work, double diversity, int *found)
{
	unsigned char passed = 0;
	int			next = 0;
	int			place;

	put_pins(work, diversity);
	for (place = 0; place < work->task->k; place++)
	{
		int			item;

		if (work->slots[place] >= 0)
			continue;
		item = diversity > 0 ? pick_diverse(work, diversity) : pick_next(work, &next, &passed);
		if (item < 0)
			break;
		put(work, place, item, diversity);
	}
	*found = close_gaps(work);
	return *work->stopped ? RECO_INTERRUPTED : RECO_OK;
}

/* --- exposure ---------------------------------------------------------------------------------------------- */

/* By how much a group is beyond the gap. */
static double
excess(const Work *work, int group)
{
	return fmax(fabs(work->exposure[group] - work->share[group]) - work->task->gap, 0);
}

/* Give the groups of an item so much exposure; returns what that adds to the sum of what is beyond the gap. */
static double
expose(const Work *work, int item, double amount)
{
	const RecoMerchandiseItem *exposed = &work->task->items[item];
	double		added = 0;
	int			i;

	for (i = 0; i < exposed->n_groups; i++)
	{
		added -= excess(work, exposed->groups[i]);
		work->exposure[exposed->groups[i]] += amount / exposed->n_groups;
		added += excess(work, exposed->groups[i]);
	}
	return added;
}

/* What would be mended if so much exposure went from one item to another. */
static double
mended(const Work *work, int from, int to, double amount)
{
	double		added = expose(work, from, -amount) + expose(work, to, amount);

	(void) expose(work, to, -amount);
	(void) expose(work, from, amount);
	return -added;
}

static void
set_exposure(const Work *work, int found)
{
	int			i;

	memset(work->exposure, 0, (size_t) work->task->n_groups * sizeof(double));
	for (i = 0; i < found; i++)
		(void) expose(work, work->slots[i], work->weight[i]);
}

/* What groups have a claim to; 0 where nothing has any merit. */
static int
set_shares(const Work *work, int found)
{
	const RecoMerchandiseTask *task = work->task;
	double		merit = 0;
	double		weight = 0;
	int			i;
	int			j;

	memset(work->share, 0, (size_t) task->n_groups * sizeof(double));
	for (i = 0; i < task->n; i++)
		merit += task->items[i].merit;
	for (i = 0; i < task->n && merit > 0; i++)
		for (j = 0; j < task->items[i].n_groups; j++)
			work->share[task->items[i].groups[j]] += task->items[i].merit / merit / task->items[i].n_groups;
	for (i = 0; i < found; i++)
		weight += 1 / log2(i + 2);
	for (i = 0; i < found; i++)
		work->weight[i] = 1 / log2(i + 2) / weight;
	return merit > 0;
}

/* An exchange of the items at two places, or of the one at a place for another item. */
typedef struct Exchange
{
	int			place;			/* -1: none */
	int			with_place;		/* -1: with_item, which is not in the list */
	int			with_item;
	double		cost;			/* relevance for what is mended */
} Exchange;

static void
consider(const Work *work, int place, int with_place, int with_item, Exchange *best)
{
	int			item = work->slots[place];
	double		amount = work->weight[place] - (with_place >= 0 ? work->weight[with_place] : 0);
	double		mends = mended(work, item, with_item, amount);
	double		cost;

	if (mends <= LEAST_MENDED)
		return;
	cost = (work->relevance[item] - work->relevance[with_item]) * amount / mends;
	if (best->place < 0 || cost < best->cost)
		*best = (Exchange) {place, with_place, with_item, cost};
}

static int
share_the_group(const RecoMerchandiseItem *a, const RecoMerchandiseItem *b)
{
	return a->n_groups == 1 && b->n_groups == 1 && a->groups[0] == b->groups[0];
}

static void
consider_places(const Work *work, int place, int found, Exchange *best)
{
	const RecoMerchandiseItem *items = work->task->items;
	int			other;

	for (other = place + 1; other < found; other++)
		if (items[work->slots[other]].rank == 0 && !share_the_group(&items[work->slots[place]], &items[work->slots[other]]))
			consider(work, place, other, work->slots[other], best);
}

/* Of items that are of one group alone the first that has room is the best. */
static void
consider_others(const Work *work, int place, Exchange *best)
{
	const RecoMerchandiseTask *task = work->task;
	int			item = work->slots[place];
	int			i;

	memset(work->seen, 0, (size_t) task->n_groups);
	count(work, item, -1);
	for (i = 0; i < task->n && goes_on(work, i); i++)
	{
		const RecoMerchandiseItem *other = &task->items[i];

		if (work->taken[i] || (other->n_groups == 1 && work->seen[other->groups[0]]) ||
			share_the_group(&task->items[item], other) || !has_room(work, i))
			continue;
		work->seen[other->groups[0]] |= other->n_groups == 1;
		consider(work, place, -1, i, best);
	}
	count(work, item, 1);
}

static void
exchange(const Work *work, const Exchange *best)
{
	int			item = work->slots[best->place];

	work->slots[best->place] = best->with_item;
	if (best->with_place >= 0)
	{
		work->slots[best->with_place] = item;
		return;
	}
	work->taken[item] = 0;
	count(work, item, -1);
	work->taken[best->with_item] = 1;
	count(work, best->with_item, 1);
}

static RecoStatus
mend(const Work *work, int found)
{
	int64_t		left = (int64_t) MOST_EXCHANGES * found;

	if (!set_shares(work, found))
		return RECO_OK;
	for (; left > 0; left--)
	{
		Exchange	best = {-1, -1, -1, 0};
		int			place;

		set_exposure(work, found);
		for (place = 0; place < found; place++)
		{
			if (work->task->items[work->slots[place]].rank > 0)
				continue;
			consider_places(work, place, found, &best);
			consider_others(work, place, &best);
		}
		if (*work->stopped)
			return RECO_INTERRUPTED;
		if (best.place < 0)
			return RECO_OK;
		exchange(work, &best);
	}
	return RECO_OK;
}

/* Where exchanges made room under a counter, what has room now comes in behind; returns whether anything did. */
static int
extend(const Work *work, int *found)
{
	int			before = *found;

	while (*found < work->task->k)
	{
		int			item = pick_diverse(work, work->task->diversity);

		if (item < 0)
			break;
		put(work, (*found)++, item, work->task->diversity);
	}
	return *found > before;
}

/* --- the list ---------------------------------------------------------------------------------------------- */

static void
remember_ranks(const Work *work, int found)
{
	int			i;

	for (i = 0; i < work->task->n; i++)
		work->ranks[i] = -1;
	for (i = 0; i < found; i++)
		work->ranks[work->slots[i]] = i;
}

/* Say of all that stands elsewhere than it did that a rule moved it. */
static void
trace_moved(const Work *work, int found, uint32_t rule)
{
	int			i;

	for (i = 0; i < found; i++)
		if (work->ranks[work->slots[i]] != i)
			work->traces[work->slots[i]] |= rule;
}

static void
set_places(const Work *work, int found, RecoPlacement *places)
{
	int			i;

	for (i = 0; i < found; i++)
	{
		int			item = work->slots[i];

		places[i] = (RecoPlacement) {item, RECO_TRACE_PIN};
		if (work->task->items[item].rank == 0)
			places[i].traces = work->traces[item] | (work->passed[item] ? RECO_TRACE_CAP : 0);
	}
}

static int
is_sound(const RecoMerchandiseTask *task)
{
	int			i;

	if (task->n < 0 || task->k < 0 || !(task->diversity >= 0 && task->diversity <= 1) ||
		((task->diversity > 0 || task->n_groups > 0) && task->k > RECO_MERCHANDISE_PLACES))
		return 0;
	for (i = 0; i < task->n; i++)
		if (!isfinite(task->items[i].key) || !(task->items[i].merit >= 0) || task->items[i].rank < 0 ||
			task->items[i].rank > task->k || (task->n_groups > 0 && task->items[i].n_groups < 1))
			return 0;
	return 1;
}

RecoStatus
reco_merchandise_fill(const RecoRun *run, const RecoMerchandiseTask *task, void *workspace, RecoPlacement *places, int *found)
{
	Work		work;
	RecoStatus	status;
	int			stopped = 0;

	*found = 0;
	if (!is_sound(task))
		return RECO_BAD_ARGUMENT;
	(void) lay_out(&work, workspace, task);
	work.run = run;
	work.stopped = &stopped;
	memset(work.traces, 0, (size_t) task->n * sizeof(uint32_t));
	set_relevance(&work);
	status = fill(&work, 0, found);
	if (status == RECO_OK && task->diversity > 0)
	{
		remember_ranks(&work, *found);
		status = fill(&work, task->diversity, found);
		trace_moved(&work, *found, RECO_TRACE_DIVERSITY);
	}
	if (status == RECO_OK && task->n_groups > 0)
	{
		remember_ranks(&work, *found);
		do
			status = mend(&work, *found);
		while (status == RECO_OK && extend(&work, found));
		trace_moved(&work, *found, RECO_TRACE_EXPOSURE);
	}
	if (status == RECO_OK)
		set_places(&work, *found, places);
	return status;
}
