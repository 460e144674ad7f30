/*
 * test_complements.c: tests of complements, of the inverse in tiles that they are made by, and of its kernel, against plain
 * double precision code, for every kernel variant that this processor runs.
 *
 * Prints TAP.  Random numbers come from fixed seeds.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complements.h"

#define COUNT(array) ((int) (sizeof(array) / sizeof((array)[0])))

static int	tests;
static int	failures;
static RecoRun run;				/* with the kernels under test */

static void
__attribute__((format(printf, 2, 3)))
ok(bool good, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	printf("%sok %d - %s: ", good ? "" : "not ", ++tests, run.kernels->name);
	vprintf(format, args);
	printf("\n");
	va_end(args);
	failures += !good;
}

static uint64_t random_state;

static double
uniform(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (double) (random_state >> 11) * 0x1p-53;
}

/* On a cache line, with a canary behind; what is in it is not zero. */
#define CANARY 64

static void *
take(size_t size)
{
	char	   *memory = aligned_alloc(64, (size + 63) / 64 * 64 + 128);

	if (memory == NULL)
		abort();
	memcpy(memory, &size, sizeof(size));
	memset(memory + 64, 0xA5, size);
	memset(memory + 64 + size, 0x5a, CANARY);
	return memory + 64;
}

static bool
give(void *pointer)
{
	char	   *memory = (char *) pointer - 64;
	size_t		size;
	bool		intact = true;

	memcpy(&size, memory, sizeof(size));
	for (size_t i = 0; i < CANARY; i++)
		intact = intact && memory[64 + size + i] == 0x5a;
	free(memory);
	return intact;
}

/* --- the kernel -------------------------------------------------------------------------------------------- */

static void
test_product(const char *name, double scale)
{
	float	   *a = take(RECO_TILE_FLOATS * sizeof(float));
	float	   *b = take(RECO_TILE_FLOATS * sizeof(float));
	float	   *c = take(RECO_TILE_FLOATS * sizeof(float));
	float	   *before = take(RECO_TILE_FLOATS * sizeof(float));
	double		worst = 0;

	for (size_t i = 0; i < RECO_TILE_FLOATS; i++)
	{
		a[i] = (float) (scale * (uniform() - 0.5));
		b[i] = (float) (uniform() - 0.5);
		before[i] = c[i] = (float) (scale * (uniform() - 0.5));
	}
	run.kernels->subtract_product(a, b, c);
	for (int i = 0; i < RECO_TILE; i++)
		for (int j = 0; j < RECO_TILE; j++)
		{
			double		sum = 0;

			for (int k = 0; k < RECO_TILE; k++)
				sum += (double) a[k * RECO_TILE + i] * b[k * RECO_TILE + j];
			worst = fmax(worst, fabs(before[i * RECO_TILE + j] - sum - c[i * RECO_TILE + j]));
		}
	ok(worst <= 2e-6 * scale, "subtract_product, %s: at most %.2g off", name, worst);
	ok(give(a) & give(b) & give(c) & give(before), "subtract_product, %s, stays within bounds", name);
}

/* --- the inverse ------------------------------------------------------------------------------------------- */

/* a <- a^-1 by Gauss-Jordan with pivoting. */
static void
invert(double *a, int n)
{
	double	   *b = calloc((size_t) n * (size_t) n, sizeof(double));

	for (int i = 0; i < n; i++)
		b[i * n + i] = 1;
	for (int k = 0; k < n; k++)
	{
		int			pivot = k;

		for (int i = k + 1; i < n; i++)
			if (fabs(a[i * n + k]) > fabs(a[pivot * n + k]))
				pivot = i;
		for (int j = 0; j < n; j++)
		{
			double		x = a[k * n + j];
			double		y = b[k * n + j];

			a[k * n + j] = a[pivot * n + j];
			b[k * n + j] = b[pivot * n + j];
			a[pivot * n + j] = x;
			b[pivot * n + j] = y;
		}
		for (int i = 0; i < n; i++)
		{
			double		factor = i == k ? 0 : a[i * n + k] / a[k * n + k];

			for (int j = 0; j < n && factor != 0; j++)
			{
				a[i * n + j] -= factor * a[k * n + j];
				b[i * n + j] -= factor * b[k * n + j];
			}
		}
		for (int j = n - 1; j >= 0; j--)
			b[k * n + j] /= a[k * n + k];
		for (int j = n - 1; j >= k; j--)
			a[k * n + j] /= a[k * n + k];
	}
	memcpy(a, b, (size_t) n * (size_t) n * sizeof(double));
	free(b);
}

static RecoInverse
take_inverse(int32_t order)
{
	RecoInverse inverse = {order, take(reco_inverse_tiles_size(order)), take(reco_inverse_panel_size(order)),
	take(RECO_INVERSE_PIVOT_SIZE)};

	return inverse;
}

static bool
give_inverse(RecoInverse *inverse)
{
	return give(inverse->tiles) & give(inverse->panel) & give(inverse->pivot);
}

static float *
element(const RecoInverse *inverse, int32_t i, int32_t j)
{
	return reco_inverse_tile(inverse, i / RECO_TILE, j / RECO_TILE) + (size_t) (i % RECO_TILE) * RECO_TILE + j % RECO_TILE;
}

/* Blocks and tile rows first to last, or last to first. */
static RecoStatus
sweep(const RecoInverse *inverse, double least, bool backwards)
{
	int32_t		side = reco_inverse_side(inverse->order);
	uint32_t	blocks = reco_inverse_blocks(inverse->order);
	void	   *workspace = take(reco_inverse_pivot_workspace_size());
	float	   *tile = take(RECO_TILE_FLOATS * sizeof(float));
	RecoStatus	status = RECO_OK;

	for (int32_t k = 0; k < side && status == RECO_OK; k++)
	{
		status = reco_inverse_pivot(inverse, k, least, workspace, &run);
		for (int32_t i = 0; i < side && status == RECO_OK; i++)
			reco_inverse_panel(inverse, k, backwards ? side - 1 - i : i, tile, run.kernels);
		for (uint32_t block = 0; block < blocks && status == RECO_OK; block++)
			status = reco_inverse_update(inverse, k, backwards ? blocks - 1 - block : block, &run);
	}
	if (!(give(workspace) & give(tile)))
		abort();
	return status;
}

/* A = R'R + ridge I with few large and many small eigenvalues, into tiles and as doubles. */
static void
make_matrix(const RecoInverse *inverse, double ridge, double *a)
{
	int			n = inverse->order;
	int			rows = n / 2 + 1;
	double	   *r = malloc((size_t) rows * (size_t) n * sizeof(double));

	for (int i = 0; i < rows * n; i++)
		r[i] = uniform() < 0.1 ? 3 * uniform() : 0;
	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
		{
			double		sum = i == j ? ridge : 0;

			for (int k = 0; k < rows; k++)
				sum += r[k * n + i] * r[k * n + j];
			a[i * n + j] = a[j * n + i] = (float) sum;
		}
	for (int i = 0; i < reco_inverse_side(n) * RECO_TILE; i++)
		for (int j = 0; j <= i; j++)
			*element(inverse, i, j) = i < n ? (float) a[i * n + j] : i == j ? (float) ridge : 0;
	free(r);
}

static void
test_inverse_order(int n)
{
	RecoInverse inverse = take_inverse(n);
	RecoInverse again = take_inverse(n);
	double	   *a = malloc((size_t) n * (size_t) n * sizeof(double));
	RecoStatus	status;
	double		worst = 0;
	double		largest = 0;

	make_matrix(&inverse, 2, a);
	memcpy(again.tiles, inverse.tiles, reco_inverse_tiles_size(n));
	status = sweep(&inverse, 2, false);
	invert(a, n);
	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
		{
			largest = fmax(largest, fabs(a[i * n + j]));
			worst = fmax(worst, fabs(a[i * n + j] + *element(&inverse, i, j)));
		}
	ok(status == RECO_OK && worst <= 1e-5 * largest, "inverse of order %d: %.2g off at most, where the largest element is %.2g", n,
	   worst, largest);
	ok(sweep(&again, 2, true) == RECO_OK && memcmp(again.tiles, inverse.tiles, reco_inverse_tiles_size(n)) == 0,
	   "inverse of order %d: the same bits in any order of blocks", n);
	ok(give_inverse(&inverse) & give_inverse(&again), "inverse of order %d stays within bounds", n);
	free(a);
}

static void
test_inverse_refusals(void)
{
	RecoInverse inverse = take_inverse(200);
	double	   *a = malloc(200 * 200 * sizeof(double));
	RecoStatus	status;

	make_matrix(&inverse, 2, a);
	*element(&inverse, 150, 20) = NAN;
	status = sweep(&inverse, 2, false);
	ok(status == RECO_NOT_FINITE || status == RECO_NOT_CONVERGED, "a NaN has no inverse");
	make_matrix(&inverse, 2, a);
	*element(&inverse, 150, 150) = -3;
	ok(sweep(&inverse, 2, false) == RECO_NOT_CONVERGED, "nor has what is not positive definite");
	for (int i = 0; i < 256; i++)
		for (int j = 0; j <= i; j++)
			*element(&inverse, i, j) = i == j ? 1e6f + 1e-3f : 1e6f;
	ok(sweep(&inverse, 1e-3, false) == RECO_NOT_CONVERGED, "nor what single precision cannot tell from that");
	ok(give_inverse(&inverse), "refusals stay within bounds");
	free(a);
}

/* --- orders ------------------------------------------------------------------------------------------------ */

typedef struct Orders
{
	int32_t		orders;
	int32_t		items;
	int32_t		bags;			/* orders, then others that must not count */
	int64_t    *start;
	int32_t    *index;
	float	   *weight;
	int64_t    *item_start;
	int32_t    *item_index;
	float	   *item_weight;
	size_t		pairs;
} Orders;

static void
transpose(Orders *o)
{
	int64_t		entries = o->start[o->bags];

	o->item_start = calloc((size_t) o->items + 2, sizeof(int64_t));
	o->item_index = malloc((size_t) (entries + 1) * sizeof(int32_t));
	o->item_weight = malloc((size_t) (entries + 1) * sizeof(float));
	for (int64_t i = 0; i < entries; i++)
		o->item_start[o->index[i] + 2]++;
	for (int32_t i = 2; i <= o->items; i++)
		o->item_start[i] += o->item_start[i - 1];
	for (int32_t bag = 0; bag < o->bags; bag++)
		for (int64_t i = o->start[bag]; i < o->start[bag + 1]; i++)
		{
			int64_t		at = o->item_start[o->index[i] + 1]++;

			o->item_index[at] = bag;
			o->item_weight[at] = o->weight[i];
		}
}

/* Each order holds each item with that chance, the first half of the items twice as likely; a tenth more bags. */
static Orders
make_orders(int32_t orders, int32_t items, double chance, float weight)
{
	Orders		o = {.orders = orders,.items = items,.bags = orders + orders / 10};
	int64_t		n = 0;

	o.start = malloc(((size_t) o.bags + 1) * sizeof(int64_t));
	o.index = malloc(((size_t) o.bags * (size_t) items + 1) * sizeof(int32_t));
	o.weight = malloc(((size_t) o.bags * (size_t) items + 1) * sizeof(float));
	o.start[0] = 0;
	for (int32_t bag = 0; bag < o.bags; bag++)
	{
		float		own = weight * (float) (0.25 + uniform());
		size_t		size;

		for (int32_t item = 0; item < items; item++)
			if (uniform() < (item < items / 2 ? 2 * chance : chance))
			{
				o.index[n] = item;
				o.weight[n++] = own;
			}
		o.start[bag + 1] = n;
		size = (size_t) (n - o.start[bag]);
		if (bag < orders)
			o.pairs += size * (size < RECO_COMPLEMENTS_MAX_ORDER ? size : RECO_COMPLEMENTS_MAX_ORDER);
	}
	transpose(&o);
	return o;
}

static void
free_orders(Orders *o)
{
	free(o->start);
	free(o->index);
	free(o->weight);
	free(o->item_start);
	free(o->item_index);
	free(o->item_weight);
}

static RecoComplements
take_complements(const Orders *o, const RecoComplementsOptions *options)
{
	RecoComplements c = {.options = *options,.items = o->items,.orders = o->orders};
	size_t		slots = reco_complements_most_slots(options, o->items, o->pairs);
	size_t		listed = reco_complements_most_listed(options, o->items, o->pairs);
	size_t		items = (size_t) o->items;

	c.by_order = (RecoSparse) {o->bags, o->items, o->start, o->index, o->weight};
	c.by_item = (RecoSparse) {o->items, o->bags, o->item_start, o->item_index, o->item_weight};
	c.mass = take(items * sizeof(double));
	c.slot = take((items + 1) * sizeof(int64_t));
	c.count = take(items * sizeof(int32_t));
	c.index = take(slots * sizeof(int32_t));
	c.weight = take(slots * sizeof(float));
	c.list_start = take((items + 1) * sizeof(int64_t));
	c.list_count = take(items * sizeof(int32_t));
	c.list_index = take(listed * sizeof(int32_t));
	c.list_value = take(listed * sizeof(float));
	c.inverse = take_inverse(o->items);
	return c;
}

static bool
give_complements(RecoComplements *c)
{
	return give(c->mass) & give(c->slot) & give(c->count) & give(c->index) & give(c->weight) & give(c->list_start) &
		give(c->list_count) & give(c->list_index) & give(c->list_value) & give_inverse(&c->inverse);
}

static RecoStatus
run_approximate(const RecoComplements *c, int32_t piece, void *workspace)
{
	RecoStatus	status = RECO_OK;

	for (int32_t i = 0; i < c->items && status == RECO_OK; i += piece)
		status = reco_complements_list(c, i, i + piece < c->items ? i + piece : c->items, workspace, &run);
	for (int32_t i = 0; i < c->items && status == RECO_OK; i += piece)
		status = reco_complements_solve(c, i, i + piece < c->items ? i + piece : c->items, workspace, &run);
	return status;
}

static RecoStatus
run_exact(const RecoComplements *c, void *workspace)
{
	int32_t		side = reco_inverse_side(c->items);
	RecoStatus	status = RECO_OK;

	for (int32_t i = 0; i < side && status == RECO_OK; i++)
		status = reco_complements_fill(c, i, workspace, &run);
	if (status == RECO_OK)
		status = sweep(&c->inverse, c->options.regularization, false);
	for (int32_t i = 0; i < side && status == RECO_OK; i++)
		status = reco_complements_keep(c, i, workspace, &run);
	return status;
}

/* A model; rows with the arrays of the caller. */
static RecoStatus
make_model(const Orders *o, const RecoComplementsOptions *options, int32_t piece, RecoSparse *model, bool *intact)
{
	RecoComplements c = take_complements(o, options);
	size_t		slots = reco_complements_most_slots(options, o->items, o->pairs);
	void	   *workspace = take(reco_complements_workspace_size(options, o->items));
	int64_t    *start = take(((size_t) o->items + 1) * sizeof(int64_t));
	int32_t    *index = take(slots * sizeof(int32_t));
	float	   *weight = take(slots * sizeof(float));
	RecoStatus	status = reco_complements_measure(&c, &run);

	if (status == RECO_OK)
		status = options->method == RECO_COMPLEMENTS_EXACT ? run_exact(&c, workspace) : run_approximate(&c, piece, workspace);
	if (status == RECO_OK)
		status = reco_complements_gather(&c, start, index, weight, &run);
	*model = (RecoSparse) {o->items, o->items, start, index, weight};
	*intact = give(workspace) & give_complements(&c);
	return status;
}

static bool
give_model(RecoSparse *model)
{
	return give((void *) model->start) & give((void *) model->index) & give((void *) model->weight);
}

/* Rows of ascending items, none of itself, positive weights. */
static bool
is_well_formed(const RecoSparse *model)
{
	bool		good = model->start[0] == 0;

	for (int32_t row = 0; row < model->rows; row++)
		for (int64_t i = model->start[row]; i < model->start[row + 1]; i++)
			good = good && model->index[i] >= 0 && model->index[i] < model->cols && model->index[i] != row &&
				(i == model->start[row] || model->index[i] > model->index[i - 1]) && model->weight[i] > 0 &&
				model->weight[i] < INFINITY;
	return good;
}

static double
weight_of(const RecoSparse *model, int32_t row, int32_t item)
{
	for (int64_t i = model->start[row]; i < model->start[row + 1]; i++)
		if (model->index[i] == item)
			return model->weight[i];
	return 0;
}

static bool
same_models(const RecoSparse *a, const RecoSparse *b)
{
	size_t		entries = (size_t) a->start[a->rows];

	return memcmp(a->start, b->start, ((size_t) a->rows + 1) * sizeof(int64_t)) == 0 &&
		memcmp(a->index, b->index, entries * sizeof(int32_t)) == 0 &&
		memcmp(a->weight, b->weight, entries * sizeof(float)) == 0;
}

/* --- complements ------------------------------------------------------------------------------------------- */

/* B of the definition, negative entries set to 0. */
static double *
define_weights(const Orders *o, const RecoComplementsOptions *options)
{
	int			n = o->items;
	double	   *p = calloc((size_t) n * (size_t) n, sizeof(double));
	double	   *b = calloc((size_t) n * (size_t) n, sizeof(double));

	for (int i = 0; i < n; i++)
		p[i * n + i] = options->regularization;
	for (int32_t order = 0; order < o->orders; order++)
		for (int64_t i = o->start[order]; i < o->start[order + 1]; i++)
			for (int64_t j = o->start[order]; j < o->start[order + 1]; j++)
				p[o->index[i] * n + o->index[j]] += (double) o->weight[i] *
					pow((double) (o->start[order + 1] - o->start[order]), -options->length_power);
	invert(p, n);
	for (int j = 0; j < n; j++)
		for (int i = 0; i < n; i++)
			b[j * n + i] = i == j ? 0 : fmax(0, -p[j * n + i] / p[i * n + i]);
	free(p);
	return b;
}

/* Keep the largest of every column. */
static void
prune_columns(double *b, int n, int keep)
{
	for (int i = 0; i < n; i++)
		for (;;)
		{
			int			smallest = -1;
			int			count = 0;

			for (int j = 0; j < n; j++)
				if (b[j * n + i] > 0)
				{
					count++;
					if (smallest < 0 || b[j * n + i] < b[smallest * n + i])
						smallest = j;
				}
			if (count <= keep)
				break;
			b[smallest * n + i] = 0;
		}
}

static double
distance(const RecoSparse *model, const double *b)
{
	double		worst = 0;
	int			n = model->rows;

	for (int32_t j = 0; j < n; j++)
		for (int32_t i = 0; i < n; i++)
			worst = fmax(worst, fabs(weight_of(model, j, i) - b[j * n + i]));
	return worst;
}

static void
test_definition(RecoComplementsMethod method, int32_t items, int neighbors, double power)
{
	Orders		o = make_orders(30 * items + 400, items, items > 100 ? 0.05 : 0.2, 1);
	RecoComplementsOptions options = {method, 3, power, neighbors};
	double	   *b = define_weights(&o, &options);
	RecoSparse	model;
	bool		intact;
	RecoStatus	status = make_model(&o, &options, items, &model, &intact);

	prune_columns(b, items, neighbors);
	ok(status == RECO_OK && is_well_formed(&model) && distance(&model, b) < 2e-5,
	   "%s, %d items, %d neighbors, power %g: as defined, %.2g off at most", method == RECO_COMPLEMENTS_EXACT ? "exact" : "approximate",
	   items, neighbors, power, distance(&model, b));
	ok(intact & give_model(&model), "%d items: stays within bounds", items);
	free(b);
	free_orders(&o);
}

/* With fewer neighbors, each column is the ridge regression on the nearest. */
static void
test_neighbors(void)
{
	const int	n = 40;
	const int	m = 6;
	Orders		o = make_orders(300, n, 0.1, 1);
	RecoComplementsOptions options = {RECO_COMPLEMENTS_APPROXIMATE, 3, 0, m};
	double	   *g = calloc((size_t) (n * n), sizeof(double));
	RecoSparse	model;
	bool		intact;
	RecoStatus	status = make_model(&o, &options, 7, &model, &intact);
	double		worst = 0;

	for (int32_t order = 0; order < o.orders; order++)
		for (int64_t i = o.start[order]; i < o.start[order + 1]; i++)
			for (int64_t j = o.start[order]; j < o.start[order + 1]; j++)
				g[o.index[i] * n + o.index[j]] += o.weight[i];
	for (int item = 0; item < n; item++)
	{
		int			nearest[6];
		double		a[36];
		bool		taken[40] = {false};

		for (int k = 0; k < m; k++)
		{
			nearest[k] = -1;
			for (int j = 0; j < n; j++)
				if (j != item && !taken[j] && (nearest[k] < 0 || g[item * n + j] * g[item * n + j] * g[nearest[k] * n + nearest[k]] >
											   g[item * n + nearest[k]] * g[item * n + nearest[k]] * g[j * n + j]))
					nearest[k] = j;
			taken[nearest[k]] = true;
		}
		for (int k = 0; k < m; k++)
			for (int l = 0; l < m; l++)
				a[k * m + l] = g[nearest[k] * n + nearest[l]] + (k == l ? 3 : 0);
		invert(a, m);
		for (int k = 0; k < m; k++)
		{
			double		sum = 0;

			for (int l = 0; l < m; l++)
				sum += a[k * m + l] * g[item * n + nearest[l]];
			worst = fmax(worst, fabs(fmax(0, sum) - weight_of(&model, nearest[k], item)));
		}
		for (int j = 0; j < n; j++)
			if (!taken[j])
				worst = fmax(worst, weight_of(&model, j, item));
	}
	ok(status == RECO_OK && worst < 1e-6, "approximate: a regression on the nearest, %.2g off at most", worst);
	ok(intact & give_model(&model), "approximate stays within bounds");
	free(g);
	free_orders(&o);
}

static void
test_pieces(void)
{
	Orders		o = make_orders(2000, 700, 0.01, 1);
	RecoComplementsOptions options = reco_complements_options_default();
	RecoSparse	models[3];
	bool		intact[3];

	(void) make_model(&o, &options, 700, &models[0], &intact[0]);
	(void) make_model(&o, &options, 1, &models[1], &intact[1]);
	(void) make_model(&o, &options, 64, &models[2], &intact[2]);
	ok(models[0].start[700] > 700 && same_models(&models[0], &models[1]) && same_models(&models[0], &models[2]),
	   "approximate: the same bits in any pieces, %lld entries", (long long) models[0].start[700]);
	ok((give_model(&models[0]) & give_model(&models[1]) & give_model(&models[2])) && intact[0] && intact[1] && intact[2],
	   "pieces stay within bounds");
	free_orders(&o);
}

static void
test_degenerate_orders(const char *name, Orders o, RecoComplementsOptions options, RecoStatus exact, int64_t entries)
{
	static const RecoComplementsMethod methods[] = {RECO_COMPLEMENTS_APPROXIMATE, RECO_COMPLEMENTS_EXACT};

	for (int i = 0; i < COUNT(methods); i++)
	{
		RecoSparse	model;
		bool		intact;
		RecoStatus	status;

		options.method = methods[i];
		status = make_model(&o, &options, 50, &model, &intact);
		if (i == 1 && exact != RECO_OK)
			ok(status == exact && intact, "%s, exact: status %d", name, status);
		else
			ok(status == RECO_OK && is_well_formed(&model) && intact && (entries < 0 || model.start[o.items] == entries),
			   "%s, %s: %lld entries", name, i == 1 ? "exact" : "approximate", (long long) (status == RECO_OK ? model.start[o.items] : -1));
		(void) give_model(&model);
	}
	free_orders(&o);
}

/* All orders hold all items. */
static Orders
make_full(int32_t orders, int32_t items, float weight)
{
	Orders		o = make_orders(orders, items, 2, weight);

	for (int64_t i = 0; i < o.start[o.bags]; i++)
		o.weight[i] = weight;
	for (int64_t i = 0; i < o.start[o.bags]; i++)
		o.item_weight[i] = weight;
	return o;
}

static void
test_degenerate(void)
{
	RecoComplementsOptions options = reco_complements_options_default();
	RecoComplementsOptions weak = options;

	weak.regularization = 0.001;
	test_degenerate_orders("no orders", make_orders(0, 10, 0.2, 1), options, RECO_OK, 0);
	test_degenerate_orders("orders of nothing", make_orders(10, 200, 0, 1), options, RECO_OK, 0);
	test_degenerate_orders("one item", make_full(10, 1, 1), options, RECO_OK, 0);
	test_degenerate_orders("two items always together", make_full(10, 2, 1), options, RECO_OK, 2);
	test_degenerate_orders("all items always together", make_full(50, 150, 1), options, RECO_OK, -1);
	test_degenerate_orders("orders that weigh nothing", make_full(10, 20, 0), options, RECO_OK, 0);
	test_degenerate_orders("orders of next to no weight", make_full(10, 20, 1e-38f), options, RECO_OK, -1);
	test_degenerate_orders("little regularization", make_full(50, 30, 1), weak, RECO_OK, 30 * 29);
	test_degenerate_orders("huge weights", make_full(50, 150, 1e20f), options, RECO_NOT_CONVERGED, -1);
	test_degenerate_orders("longer orders than are used whole", make_orders(12, 2500, 0.5, 1), options, RECO_OK, -1);
	options.neighbors = 1;
	test_degenerate_orders("one neighbor", make_orders(400, 20, 0.3, 1), options, RECO_OK, -1);
}

static void
test_not_finite(void)
{
	Orders		o = make_orders(20, 30, 0.3, 1);
	RecoComplementsOptions options = reco_complements_options_default();
	RecoSparse	model;
	bool		intact;

	for (int64_t i = o.start[3]; i < o.start[4]; i++)
		o.weight[i] = NAN;
	ok(make_model(&o, &options, 30, &model, &intact) == RECO_NOT_FINITE && intact, "a NaN as a weight is refused");
	(void) give_model(&model);
	free_orders(&o);
}

/* --- stopping ---------------------------------------------------------------------------------------------- */

static int	checks_left;

static bool
count_down(void *arg)
{
	(void) arg;
	return --checks_left >= 0;
}

static void
test_interruption(RecoComplementsMethod method)
{
	Orders		o = make_orders(300, 260, 0.05, 1);
	RecoComplementsOptions options = {method, 10, 0, 20};
	bool		good = true;
	int			checks = 0;

	run.check = count_down;
	for (int stop = 0; good; stop = stop < 20 ? stop + 1 : stop * 2)
	{
		RecoSparse	model;
		bool		intact;
		RecoStatus	status;

		checks_left = stop;
		status = make_model(&o, &options, 64, &model, &intact);
		good = intact && give_model(&model) && (status == RECO_OK ? checks_left >= 0 : status == RECO_INTERRUPTED && checks_left == -1);
		if (status == RECO_OK)
			break;
		checks = stop + 1;
	}
	run.check = NULL;
	ok(good && checks > 20, "%s stops when told to", method == RECO_COMPLEMENTS_EXACT ? "exact" : "approximate");
	free_orders(&o);
}

static void
test_sizes(void)
{
	RecoComplementsOptions options = {RECO_COMPLEMENTS_EXACT, 10, 0, 1000};

	ok(reco_inverse_tiles_size(0) == 0 && reco_inverse_tiles_size(1) == 65536 && reco_inverse_tiles_size(129) == 3 * 65536 &&
	   reco_inverse_tiles_size(27000) == 22366 * (size_t) 65536, "sizes of tiles");
	ok(reco_complements_most_slots(&options, INT32_MAX, 5) == (size_t) INT32_MAX * 1000, "slots of as many items as there can be");
	options.method = RECO_COMPLEMENTS_APPROXIMATE;
	ok(reco_complements_most_slots(&options, INT32_MAX, 5) == 5, "and of few pairs");
	ok(reco_inverse_tiles_size(INT32_MAX) > (size_t) 1 << 62, "tiles of as many items as there can be");
}

int
main(void)
{
	for (int i = 0; reco_kernels_name(i) != NULL; i++)
	{
		run.kernels = reco_kernels_choose(reco_kernels_name(i));
		if (run.kernels == NULL)
		{
			printf("ok %d - %s # SKIP not on this processor\n", ++tests, reco_kernels_name(i));
			continue;
		}
		random_state = 11;
		test_product("numbers of about 1", 1);
		test_product("large numbers", 1e12);
		test_product("zeros", 0);
		test_inverse_order(1);
		test_inverse_order(RECO_TILE);
		test_inverse_order(RECO_TILE + 1);
		test_inverse_order(500);
		test_inverse_refusals();
		for (int method = RECO_COMPLEMENTS_APPROXIMATE; method <= RECO_COMPLEMENTS_EXACT; method++)
		{
			test_definition((RecoComplementsMethod) method, 2, 5, 0);
			test_definition((RecoComplementsMethod) method, 30, 30, 0);
			test_definition((RecoComplementsMethod) method, 30, 40, 1);
			test_definition((RecoComplementsMethod) method, 300, 300, 0.5);
		}
		test_definition(RECO_COMPLEMENTS_EXACT, 30, 4, 0);
		test_definition(RECO_COMPLEMENTS_EXACT, 300, 17, 0);
		test_neighbors();
		test_pieces();
		test_degenerate();
		test_not_finite();
		test_interruption(RECO_COMPLEMENTS_APPROXIMATE);
		test_interruption(RECO_COMPLEMENTS_EXACT);
	}
	run.kernels = reco_kernels_choose("baseline");
	test_sizes();
	printf("1..%d\n", tests);
	return failures != 0;
}
