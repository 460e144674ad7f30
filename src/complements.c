/*
 * complements.c: which items go with those of a basket: EASE over orders (Steck 2019, "Embarrassingly shallow autoencoders
 * for sparse data"), kept sparse.
 *
 * Every item i is predicted from the other items of its order by a ridge regression whose weights are nobody's own:
 *
 *		min |X - XB|^2_W + lambda |B|^2  with  B_ii = 0,       G = X'WX,  P = (G + lambda I)^-1,  B_ji = -P_ji / P_ii
 *
 * and the score of i for a basket is the sum of B_ji over the items j of the basket.  X has a row an order and ones; W is
 * what orders weigh.
 *
 * exact: P as it stands, by the sweep of inverse.c; memory of n^2 / 2 floats, time of n^3 / 2 multiplications.  Of column
 * i, which is all that speaks for item i, the largest "neighbors" entries are kept: what is dropped is what changes the
 * scores of i least, and no item is left without a voice because others are bought more.
 *
 * approximate: the same regression of each item on its "neighbors" nearest items alone (as SLIM's variant with feature
 * selection, Ning and Karypis 2011, "SLIM: sparse linear methods for top-N recommender systems"): nearest by the cosine
 * G_ij / sqrt(G_ii G_jj).  Time and memory grow with the items, not with their square or cube.  G itself is kept of each
 * item for the LISTED items of largest cosine: an element is known when it is in the list of either item, and taken for 0
 * otherwise.  Such a matrix may not be positive definite; the ridge is then doubled until it is.
 *
 * Only positive entries are kept: what speaks against an item costs as much memory and changed no list for the better
 * (src/README).  Ties go to the smaller item number.
 *
 * A row of G is the sum of the orders that hold the item, which costs the square of an order: of orders of more than
 * RECO_COMPLEMENTS_MAX_ORDER items a sample of about that many is used, the same for every row.  Every element is summed up
 * in double precision in the order of the orders, from either side: G is symmetric to the bit.
 */
#include "complements.h"

#include <math.h>
#include <string.h>

#include "linalg.h"

#define LISTED			512		/* elements of G that are kept of an item, at least */
#define WORK_A_CHECK	65536	/* entries between two questions whether to go on */

/* A candidate for the best of something. */
typedef struct Candidate
{
	double		score;
	float		value;
	int32_t		item;
} Candidate;

/* The best so far, a heap with the worst on top. */
typedef struct Best
{
	Candidate  *heap;
	int			n;
	int			limit;
} Best;

typedef struct Workspace
{
	double	   *row;			/* [items rounded up to whole tiles] zero between uses */
	int32_t    *touched;		/* [items] */
	int32_t    *place;			/* [items] -1 between uses */
	Candidate  *heap;
	double	   *matrix;			/* neighbors x neighbors */
	double	   *factor;			/* the same */
	double	   *solution;		/* neighbors */
} Workspace;

RecoComplementsOptions
reco_complements_options_default(void)
{
	RecoComplementsOptions options = {RECO_COMPLEMENTS_APPROXIMATE, 10, 0, 64};

	return options;
}

/* --- memory ------------------------------------------------------------------------------------------------ */

static int
list_limit(const RecoComplementsOptions *options)
{
	return options->neighbors > LISTED ? options->neighbors : LISTED;
}

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t
reco_complements_most_slots(const RecoComplementsOptions *options, int32_t items, size_t pairs)
{
	size_t		most = reco_size_mul((size_t) items, smaller((size_t) options->neighbors, (size_t) items));

	/* The inverse knows of chains: there an item may speak for one that it was never bought with. */
	return options->method == RECO_COMPLEMENTS_EXACT ? most : smaller(most, pairs);
}

size_t
reco_complements_most_listed(const RecoComplementsOptions *options, int32_t items, size_t pairs)
{
	return smaller(pairs, reco_size_mul((size_t) items, smaller((size_t) list_limit(options), (size_t) items)));
}

static size_t
take_workspace(const RecoComplementsOptions *options, int32_t items, void *base, Workspace *workspace)
{
	size_t		n = smaller((size_t) options->neighbors, (size_t) items);
	bool		exact = options->method == RECO_COMPLEMENTS_EXACT;
	size_t		heap = exact ? reco_size_mul(n, RECO_TILE) : smaller((size_t) list_limit(options), (size_t) items);
	size_t		square = exact ? 0 : reco_size_mul(n * n, sizeof(double));
	size_t		cursor = 0;

	workspace->row = reco_workspace_take(&cursor, base, (size_t) reco_inverse_side(items) * RECO_TILE * sizeof(double));
	workspace->touched = reco_workspace_take(&cursor, base, (size_t) items * sizeof(int32_t));
	workspace->place = reco_workspace_take(&cursor, base, (size_t) items * sizeof(int32_t));
	workspace->heap = reco_workspace_take(&cursor, base, reco_size_mul(heap, sizeof(Candidate)));
	workspace->matrix = reco_workspace_take(&cursor, base, square);
	workspace->factor = reco_workspace_take(&cursor, base, square);
	workspace->solution = reco_workspace_take(&cursor, base, n * sizeof(double));
	return cursor;
}

size_t
reco_complements_workspace_size(const RecoComplementsOptions *options, int32_t items)
{
	Workspace	workspace;

	return take_workspace(options, items, NULL, &workspace);
}

static void
begin_workspace(const RecoComplements *c, void *base, Workspace *workspace)
{
	(void) take_workspace(&c->options, c->items, base, workspace);
	memset(workspace->row, 0, (size_t) reco_inverse_side(c->items) * RECO_TILE * sizeof(double));
	memset(workspace->place, 0xff, (size_t) c->items * sizeof(int32_t));
}

/* --- the best ---------------------------------------------------------------------------------------------- */

static inline bool
is_better(const Candidate *a, const Candidate *b)
{
	return a->score > b->score || (a->score == b->score && a->item < b->item);
}

static void
sift_down(Candidate *heap, int n, int i)
{
	for (;;)
	{
		int			child = 2 * i + 1;
		Candidate	value = heap[i];

		if (child >= n)
			return;
		if (child + 1 < n && is_better(&heap[child], &heap[child + 1]))
			child++;
		if (!is_better(&value, &heap[child]))
			return;
		heap[i] = heap[child];
		heap[child] = value;
		i = child;
	}
}

static void
sift_up(Candidate *heap, int i)
{
	while (i > 0)
	{
		int			parent = (i - 1) / 2;
		Candidate	value = heap[i];

		if (!is_better(&heap[parent], &value))
			return;
		heap[i] = heap[parent];
		heap[parent] = value;
		i = parent;
	}
}

static void
offer(Best *best, double score, float value, int32_t item)
{
	Candidate	candidate = {score, value, item};

	if (best->n < best->limit)
	{
		best->heap[best->n] = candidate;
		sift_up(best->heap, best->n++);
	}
	else if (best->limit > 0 && is_better(&candidate, &best->heap[0]))
	{
		best->heap[0] = candidate;
		sift_down(best->heap, best->n, 0);
	}
}

/* Ascending by item: a heap sort by another order, since what a heap holds is what it was for. */
static inline bool
is_later(const Candidate *a, const Candidate *b)
{
	return a->item > b->item;
}

static void
sift_latest(Candidate *heap, int n, int i)
{
	for (;;)
	{
		int			child = 2 * i + 1;
		Candidate	value = heap[i];

		if (child >= n)
			return;
		if (child + 1 < n && is_later(&heap[child + 1], &heap[child]))
			child++;
		if (!is_later(&heap[child], &value))
			return;
		heap[i] = heap[child];
		heap[child] = value;
		i = child;
	}
}

static void
sort_by_item(Best *best)
{
	for (int i = best->n / 2 - 1; i >= 0; i--)
		sift_latest(best->heap, best->n, i);
	for (int n = best->n - 1; n > 0; n--)
	{
		Candidate	last = best->heap[n];

		best->heap[n] = best->heap[0];
		best->heap[0] = last;
		sift_latest(best->heap, n, 0);
	}
}

/* --- orders ------------------------------------------------------------------------------------------------ */

/* Whether an item of an order of so many items is in the order's sample; a hash of both decides. */
static inline bool
is_sampled(int32_t order, int32_t item, int64_t size)
{
	uint64_t	x;

	if (size <= RECO_COMPLEMENTS_MAX_ORDER)
		return true;
	x = ((uint64_t) (uint32_t) order << 32 | (uint32_t) item) * UINT64_C(0x9E3779B97F4A7C15);
	x = (x ^ (x >> 32)) * UINT64_C(0xBF58476D1CE4E5B9);
	return (x >> 32) * (uint64_t) size < (uint64_t) RECO_COMPLEMENTS_MAX_ORDER << 32;
}

static inline double
weigh_order(const RecoComplements *c, int64_t first, int64_t size)
{
	double		weight = c->by_order.weight[first];

	return c->options.length_power == 0 ? weight : weight * pow((double) size, -c->options.length_power);
}

/*
 * Row "item" of G, of the items up to "last", in the workspace's row; returns how many items are in it, which are in
 * touched, or -1 when interrupted.
 */
static int32_t
sum_orders(const RecoComplements *c, int32_t item, int32_t last, Workspace *workspace, const RecoRun *run)
{
	const RecoSparse *orders = &c->by_order;
	int64_t		work = 0;
	int32_t		n = 0;

	for (int64_t i = c->by_item.start[item]; i < c->by_item.start[item + 1] && c->by_item.index[i] < c->orders; i++)
	{
		int32_t		order = c->by_item.index[i];
		int64_t		first = orders->start[order];
		int64_t		end = orders->start[order + 1];
		double		weight = weigh_order(c, first, end - first);

		work += end - first + 8;
		if (work >= WORK_A_CHECK)
		{
			work = 0;
			if (!reco_run_goes_on(run))
				return -1;
		}
		if (!(weight > 0) || !is_sampled(order, item, end - first))
			continue;
		for (int64_t j = first; j < end && orders->index[j] <= last; j++)
		{
			int32_t		other = orders->index[j];

			if (!is_sampled(order, other, end - first))
				continue;
			if (workspace->row[other] == 0)
				workspace->touched[n++] = other;
			workspace->row[other] += weight;
		}
	}
	return n;
}

/* The diagonal of G, and room for what will be found, by what each item's orders can bring. */
RecoStatus
reco_complements_measure(const RecoComplements *c, const RecoRun *run)
{
	bool		exact = c->options.method == RECO_COMPLEMENTS_EXACT;
	size_t		neighbors = smaller((size_t) c->options.neighbors, (size_t) c->items);
	size_t		listed = smaller((size_t) list_limit(&c->options), (size_t) c->items);

	c->slot[0] = 0;
	if (!exact)
		c->list_start[0] = 0;
	for (int32_t item = 0; item < c->items; item++)
	{
		double		mass = 0;
		size_t		others = 0;

		for (int64_t i = c->by_item.start[item]; i < c->by_item.start[item + 1] && c->by_item.index[i] < c->orders; i++)
		{
			int32_t		order = c->by_item.index[i];
			int64_t		first = c->by_order.start[order];
			int64_t		size = c->by_order.start[order + 1] - first;

			if (is_sampled(order, item, size))
				mass += weigh_order(c, first, size);
			others += smaller((size_t) size, RECO_COMPLEMENTS_MAX_ORDER);
			if (i % WORK_A_CHECK == 0 && !reco_run_goes_on(run))
				return RECO_INTERRUPTED;
		}
		if (!(mass - mass == 0))
			return RECO_NOT_FINITE;
		c->mass[item] = mass;
		c->count[item] = 0;
		c->slot[item + 1] = c->slot[item] + (int64_t) (exact ? neighbors : smaller(neighbors, others));
		if (!exact)
			c->list_start[item + 1] = c->list_start[item] + (int64_t) smaller(listed, others);
		if (item % WORK_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

/* Write down what speaks for an item. */
static void
keep_best(const RecoComplements *c, int32_t item, Best *best)
{
	sort_by_item(best);
	c->count[item] = best->n;
	for (int i = 0; i < best->n; i++)
	{
		c->index[c->slot[item] + i] = best->heap[i].item;
		c->weight[c->slot[item] + i] = best->heap[i].value;
	}
}

/* --- approximate ------------------------------------------------------------------------------------------- */

/* The square of the cosine, but for what is the same for all others. */
static inline double
nearness(const RecoComplements *c, float value, int32_t other)
{
	return (double) value * value / c->mass[other];
}

/* Of some items, the elements of G for those that they are bought with most. */
RecoStatus
reco_complements_list(const RecoComplements *c, int32_t first, int32_t end, void *base, const RecoRun *run)
{
	Workspace	workspace;

	begin_workspace(c, base, &workspace);
	for (int32_t item = first; item < end; item++)
	{
		int64_t		start = c->list_start[item];
		Best		best = {workspace.heap, 0, (int) (c->list_start[item + 1] - start)};
		int32_t		n = sum_orders(c, item, c->items - 1, &workspace, run);

		if (n < 0)
			return RECO_INTERRUPTED;
		for (int32_t i = 0; i < n; i++)
		{
			int32_t		other = workspace.touched[i];
			float		value = (float) workspace.row[other];

			workspace.row[other] = 0;
			if (other != item && value > 0)
				offer(&best, nearness(c, value, other), value, other);
			if (i % WORK_A_CHECK == WORK_A_CHECK - 1 && !reco_run_goes_on(run))
				return RECO_INTERRUPTED;
		}
		sort_by_item(&best);
		c->list_count[item] = best.n;
		for (int i = 0; i < best.n; i++)
		{
			c->list_index[start + i] = best.heap[i].item;
			c->list_value[start + i] = best.heap[i].value;
		}
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

/* The nearest items of an item, in the order of their numbers. */
static Best
find_nearest(const RecoComplements *c, int32_t item, Workspace *workspace)
{
	int64_t		start = c->list_start[item];
	Best		best = {workspace->heap, 0, (int) (c->slot[item + 1] - c->slot[item])};

	for (int64_t i = start; i < start + c->list_count[item]; i++)
		offer(&best, nearness(c, c->list_value[i], c->list_index[i]), c->list_value[i], c->list_index[i]);
	sort_by_item(&best);
	return best;
}

/* G of the nearest items among themselves, upper triangle, as far as their lists know it. */
static void
fill_neighborhood(const RecoComplements *c, const Best *nearest, Workspace *workspace)
{
	int			n = nearest->n;

	memset(workspace->matrix, 0, (size_t) n * (size_t) n * sizeof(double));
	for (int a = 0; a < n; a++)
		workspace->place[nearest->heap[a].item] = a;
	for (int a = 0; a < n; a++)
	{
		int32_t		item = nearest->heap[a].item;
		int64_t		start = c->list_start[item];

		workspace->matrix[a * n + a] = c->mass[item];
		for (int64_t i = start; i < start + c->list_count[item]; i++)
		{
			int			b = workspace->place[c->list_index[i]];

			if (b >= 0)
				workspace->matrix[a < b ? a * n + b : b * n + a] = c->list_value[i];
		}
	}
	for (int a = 0; a < n; a++)
		workspace->place[nearest->heap[a].item] = -1;
}

/* solution = (matrix + ridge I)^-1 right, with the ridge doubled until there is one. */
static RecoStatus
solve_ridge(int n, double ridge, Workspace *workspace, const RecoRun *run)
{
	RecoStatus	status;

	do
	{
		memcpy(workspace->factor, workspace->matrix, (size_t) n * (size_t) n * sizeof(double));
		for (int a = 0; a < n; a++)
			workspace->factor[a * n + a] += ridge;
		status = reco_linalg_cholesky(workspace->factor, n, (size_t) n, run);
		ridge *= 2;
	} while (status == RECO_NOT_CONVERGED && ridge < INFINITY);
	if (status == RECO_OK)
		reco_linalg_cholesky_solve(workspace->factor, n, (size_t) n, workspace->solution, run);
	return status;
}

/* Of some items, which of the nearest speak for them, and how much. */
RecoStatus
reco_complements_solve(const RecoComplements *c, int32_t first, int32_t end, void *base, const RecoRun *run)
{
	Workspace	workspace;

	begin_workspace(c, base, &workspace);
	for (int32_t item = first; item < end; item++)
	{
		Best		nearest = find_nearest(c, item, &workspace);
		int			n = 0;
		RecoStatus	status;

		fill_neighborhood(c, &nearest, &workspace);
		for (int a = 0; a < nearest.n; a++)
			workspace.solution[a] = nearest.heap[a].value;
		status = solve_ridge(nearest.n, c->options.regularization, &workspace, run);
		if (status != RECO_OK)
			return status;
		for (int a = 0; a < nearest.n; a++)
		{
			nearest.heap[n].item = nearest.heap[a].item;
			nearest.heap[n].value = (float) workspace.solution[a];
			n += nearest.heap[n].value > 0 && nearest.heap[n].value < INFINITY;
		}
		nearest.n = n;
		keep_best(c, item, &nearest);
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

/* --- exact ------------------------------------------------------------------------------------------------- */

static void
store_row(const RecoComplements *c, int32_t item, Workspace *workspace)
{
	int32_t		tile_row = item / RECO_TILE;
	size_t		at = (size_t) (item % RECO_TILE) * RECO_TILE;

	for (int32_t j = 0; j <= tile_row; j++)
	{
		const double *from = workspace->row + (size_t) j * RECO_TILE;
		float	   *to = reco_inverse_tile(&c->inverse, tile_row, j) + at;

		for (int l = 0; l < RECO_TILE; l++)
			to[l] = (float) from[l];
	}
	memset(workspace->row, 0, ((size_t) tile_row + 1) * RECO_TILE * sizeof(double));
}

/*
 * A tile row of G + lambda I.  Rows beyond the last item have lambda alone.  The tile on the diagonal gets its lower
 * triangle, which is all that is read of it.
 */
RecoStatus
reco_complements_fill(const RecoComplements *c, int32_t tile_row, void *base, const RecoRun *run)
{
	Workspace	workspace;

	begin_workspace(c, base, &workspace);
	for (int32_t i = 0; i < RECO_TILE; i++)
	{
		int64_t		item = (int64_t) tile_row * RECO_TILE + i;

		if (item < c->items && sum_orders(c, (int32_t) item, (int32_t) item, &workspace, run) < 0)
			return RECO_INTERRUPTED;
		workspace.row[item] += c->options.regularization;
		store_row(c, (int32_t) item, &workspace);
	}
	return RECO_OK;
}

/* The items of a tile row are the targets, those of another, or of the same, speak for them. */
static void
offer_tile(const RecoComplements *c, int32_t targets, int32_t others, Best *best)
{
	bool		swapped = others > targets;
	const float *tile = swapped ? reco_inverse_tile(&c->inverse, others, targets)
		: reco_inverse_tile(&c->inverse, targets, others);

	for (int i = 0; i < RECO_TILE; i++)
		for (int j = 0; j < RECO_TILE; j++)
		{
			int			target = swapped ? j : i;
			int			other = swapped ? i : j;
			float		value = tile[i * RECO_TILE + j];

			if (value > 0 && (targets != others || target != other))
				offer(&best[target], value, value, others * RECO_TILE + other);
		}
}

/* Of the items of a tile row, what speaks for them: the tiles hold -P, whose diagonal is negative. */
RecoStatus
reco_complements_keep(const RecoComplements *c, int32_t tile_row, void *base, const RecoRun *run)
{
	const float *diagonal = reco_inverse_tile(&c->inverse, tile_row, tile_row);
	int32_t		first = tile_row * RECO_TILE;
	int32_t		end = c->items - first < RECO_TILE ? c->items : first + RECO_TILE;
	Best		best[RECO_TILE];
	Workspace	workspace;

	begin_workspace(c, base, &workspace);
	for (int i = 0; i < RECO_TILE; i++)
	{
		best[i].n = 0;
		best[i].limit = first + i < end ? (int) (c->slot[first + i + 1] - c->slot[first + i]) : 0;
		best[i].heap = workspace.heap + (size_t) i * smaller((size_t) c->options.neighbors, (size_t) c->items);
	}
	for (int32_t j = 0; j < reco_inverse_side(c->items); j++)
	{
		offer_tile(c, tile_row, j, best);
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	for (int32_t item = first; item < end; item++)
	{
		Best	   *kept = &best[item - first];
		float		own = -diagonal[(item - first) * (RECO_TILE + 1)];

		for (int i = 0; i < kept->n; i++)
		{
			kept->heap[i].value /= own;
			if (!(kept->heap[i].value < INFINITY))
				return RECO_NOT_FINITE;
		}
		keep_best(c, item, kept);
	}
	return RECO_OK;
}

/* --- the model --------------------------------------------------------------------------------------------- */

RecoStatus
reco_complements_gather(const RecoComplements *c, int64_t *start, int32_t *index, float *weight, const RecoRun *run)
{
	memset(start, 0, ((size_t) c->items + 1) * sizeof(int64_t));
	for (int32_t item = 0; item < c->items; item++)
	{
		for (int64_t i = c->slot[item]; i < c->slot[item] + c->count[item]; i++)
			start[c->index[i] + 1]++;
		if (item % 1024 == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	for (int32_t item = 0; item < c->items; item++)
		start[item + 1] += start[item];
	for (int32_t item = 0; item < c->items; item++)
	{
		for (int64_t i = c->slot[item]; i < c->slot[item] + c->count[item]; i++)
		{
			int64_t		at = start[c->index[i]]++;

			index[at] = item;
			weight[at] = c->weight[i];
		}
		if (item % 1024 == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	for (int32_t item = c->items; item > 0; item--)
		start[item] = start[item - 1];
	start[0] = 0;
	return RECO_OK;
}
