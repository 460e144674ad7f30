/*
 * ials.c: implicit alternating least squares by conjugate gradients in the eigenbasis of the Gram matrix.
 *
 * The objective (Hu, Koren and Volinsky 2008; regularized by frequency as in Rendle, Krichene, Zhang and Koren 2021,
 * "Revisiting the Performance of iALS on Item Recommendation Benchmarks", with their nu = 1), for bags b and items i:
 *
 *		L = sum_{b, i in b} w_bi (1 - x_b.y_i)^2  +  a0 sum_{b, i} (x_b.y_i)^2
 *			+ lambda (sum_b (|b| + a0 items) |x_b|^2  +  sum_i (|i| + a0 bags) |y_i|^2)
 *
 * where |b| is the mass of a bag, the sum of its weights, not the number of its entries: so an entry of weight 2 is
 * the same as two of weight 1, and faint evidence hardly regularizes.
 *
 * For given item factors Y, each bag is a linear system of its own (and each item, for given X; the code says source
 * for what is given, target for what is wanted, row and column for the bag and the item):
 *
 *		(a0 Y'Y + ridge_b I + sum_{i in b} w_bi y_i y_i') x_b = sum_{i in b} w_bi y_i
 *
 * Solving it exactly costs f^2 an entry and f^3 a row.  Conjugate gradients (Takacs, Pilaszy and Tikk 2011) cost f an
 * entry and step, plus f^2 a row and step for the first term.  What we do about both:
 *
 * The Gram matrix is diagonalized once in every half iteration, Y'Y = Q D Q', and both factor matrices are multiplied by
 * Q, which changes no x_b.y_i and no norm, and so not the objective.  Then the first two terms are a diagonal,
 * M = a0 D + ridge_b I: they cost f a row, ridge_b may differ from row to row for nothing, and M is a preconditioner
 * that leaves conjugate gradients only the bag's own entries to find out about: M^-1 A = I + (a matrix of rank |b|),
 * so that a bag of n entries is solved after n + 1 steps at the latest, and few are enough for many entries too.
 *
 * M also says when to stop.  A - M is positive semidefinite, hence for the residual r and the error e = A^-1 r
 *
 *		e'Ae = r'A^-1 r <= r'M^-1 r
 *
 * The left side is exactly what the row's part of the objective lies above its minimum; the right side is the number
 * that conjugate gradients compute anyway.  So a row stops as soon as that number is at most options.precision times
 * x'Mx: two or three steps for most rows, since they start from where the iteration before stopped, and more where the
 * row's own entries outweigh the rest, as in small matrices.  That takes less time than a fixed number of steps and
 * lowers the objective more (9 million made-up entries, 64 factors,
 * 8 iterations: within 0.0005 % of exact solutions for a0 from 0.01 to 1).
 *
 * Whoever distrusts that has options.exact: each row is the fold-in of its entries into the source, in double precision.
 *
 * The vectors of a row's entries are gathered once, into a panel that stays in the cache for all steps; rows that the
 * panel cannot hold are gathered again in every step, a panel at a time.
 *
 * Precision: the systems are solved in single precision, long sums in chunks of 1024 entries that are added up in
 * double; Gram matrices and eigenvectors are double throughout.
 */
#include "ials.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "folding.h"
#include "kernels.h"
#include "linalg.h"

#define PANEL_FLOATS		((size_t) 512 * 1024)	/* 2 MB */
#define FINEST_PRECISION	1e-13f	/* beyond it there is only rounding */
#define PASS_ROWS			1024	/* entries summed in single precision */
#define GRAM_CHUNKS			64
#define GRAM_CHUNK_ROWS		1024	/* at least */
#define WORK_A_CHECK		((size_t) 4 * 1024 * 1024)	/* multiplications, 0.2 to 4 ms */

RecoIalsOptions
reco_ials_options_default(void)
{
	RecoIalsOptions options = {.factors = 64, .unobserved = 0.1, .regularization = 0.002,
	.precision = 1e-5, .steps = 20, .exact = false, .seed = 0};

	return options;
}

static bool
options_valid(const RecoIalsOptions *options)
{
	return options->factors >= 1 && options->factors <= RECO_MAX_FACTORS && options->steps >= 1 &&
		isfinite(options->precision) && options->precision >= 0 &&
		isfinite(options->unobserved) && options->unobserved >= 0 &&
		isfinite(options->regularization) && options->regularization > 0;
}

static size_t
min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

RecoStatus
reco_ials_check_sparse(const RecoSparse *matrix, const RecoRun *run)
{
	if (matrix->rows < 0 || matrix->cols < 0 || matrix->start[0] != 0)
		return RECO_CORRUPT;
	for (int32_t row = 0; row < matrix->rows; row++)
	{
		if (matrix->start[row + 1] < matrix->start[row])
			return RECO_CORRUPT;
		for (int64_t i = matrix->start[row]; i < matrix->start[row + 1]; i++)
		{
			if (matrix->index[i] < 0 || matrix->index[i] >= matrix->cols ||
				!(matrix->weight[i] >= 0) || isinf(matrix->weight[i]))
				return RECO_CORRUPT;
			if (i % (1024 * 1024) == 0 && !reco_run_goes_on(run))
				return RECO_INTERRUPTED;
		}
		if (row % (1024 * 1024) == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

/* --- random start ------------------------------------------------------------------------------------------ */

/* Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators": a hash of a counter. */
static uint64_t
splitmix64(uint64_t counter)
{
	uint64_t	z = counter * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* The sum of four uniform numbers from -1/2 to 1/2, scaled to variance 1: near enough to a Gaussian. */
static float
random_normal(uint64_t bits)
{
	int64_t		sum = 0;

	for (int i = 0; i < 4; i++)
		sum += (int64_t) (bits >> (16 * i) & 0xffff);
	return (float) (((double) sum - 2 * 65535.0) / 65536.0 * 1.7320508075688772);
}

RecoStatus
reco_ials_init(float *factors, int32_t rows, int f, uint64_t seed, const RecoRun *run)
{
	size_t		stride = reco_stride(f);
	float		scale = (float) (0.1 / sqrt((double) f));
	uint64_t	stream = splitmix64(seed + 1);

	for (int32_t row = 0; row < rows; row++)
	{
		float	   *out = factors + (size_t) row * stride;

		if (row % 1024 == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		memset(out, 0, stride * sizeof(float));
		for (int k = 0; k < f; k++)
			out[k] = scale * random_normal(splitmix64(stream + ((uint64_t) row << 10) + (uint64_t) k));
	}
	return RECO_OK;
}

/* --- memory ------------------------------------------------------------------------------------------------ */

static size_t
half_take(RecoIalsHalf *half, int f, void *memory)
{
	size_t		stride = reco_stride(f);
	size_t		square = reco_size_mul(stride, stride);
	size_t		cursor = 0;

	half->gram = reco_workspace_take(&cursor, memory, square * sizeof(double));
	half->partial = reco_workspace_take(&cursor, memory, square * sizeof(double));
	half->vectors = reco_workspace_take(&cursor, memory, square * sizeof(double));
	half->values = reco_workspace_take(&cursor, memory, stride * sizeof(double));
	half->rotation = reco_workspace_take(&cursor, memory, square * sizeof(float));
	half->diagonal = reco_workspace_take(&cursor, memory, stride * sizeof(float));
	half->eigen_workspace = reco_workspace_take(&cursor, memory, reco_linalg_eigen_workspace_size(f));
	return cursor;
}

size_t
reco_ials_half_size(int f)
{
	RecoIalsHalf half;

	return half_take(&half, f, NULL);
}

/* What solving rows needs beside the half. */
typedef struct Solver
{
	const RecoIalsHalf *half;
	const RecoRun *run;
	size_t		panel_rows;
	float	   *panel;
	float	   *weight;			/* of the panel's rows, zero up to a multiple of 16 */
	float	   *residual;
	float	   *direction;
	float	   *image;			/* of the direction */
	double	   *sum;
} Solver;

static size_t
solver_take(Solver *solver, int f, void *workspace)
{
	size_t		stride = reco_stride(f);
	size_t		cursor = 0;

	solver->panel_rows = PANEL_FLOATS / stride / PASS_ROWS * PASS_ROWS;
	solver->panel = reco_workspace_take(&cursor, workspace, solver->panel_rows * stride * sizeof(float));
	solver->weight = reco_workspace_take(&cursor, workspace, solver->panel_rows * sizeof(float));
	solver->residual = reco_workspace_take(&cursor, workspace, stride * sizeof(float));
	solver->direction = reco_workspace_take(&cursor, workspace, stride * sizeof(float));
	solver->image = reco_workspace_take(&cursor, workspace, stride * sizeof(float));
	solver->sum = reco_workspace_take(&cursor, workspace, stride * sizeof(double));
	return cursor;
}

size_t
reco_ials_rows_size(const RecoIalsOptions *options)
{
	Solver		solver;

	if (options->exact)
		return reco_folding_workspace_size(options->factors, INT_MAX);
	return solver_take(&solver, options->factors, NULL);
}

size_t
reco_ials_workspace_size(const RecoIalsOptions *options)
{
	return reco_size_add(reco_ials_half_size(options->factors), reco_ials_rows_size(options));
}

/* --- Gram matrix and rotation ------------------------------------------------------------------------------ */

/* gram += sum of w y y' over n rows. */
static RecoStatus
gram_rows(const float *y, size_t stride, size_t n, const double *w, double *gram, const RecoRun *run)
{
	size_t		block = WORK_A_CHECK / (stride * stride) + 1;

	for (size_t first = 0; first < n; first += block)
	{
		run->kernels->gram(y + first * stride, stride, min_size(block, n - first), w != NULL ? w + first : NULL, gram);
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

/* Rows in a chunk: a function of the number of rows alone. */
static size_t
gram_chunk_rows(int32_t rows)
{
	size_t		even = ((size_t) rows + GRAM_CHUNKS - 1) / GRAM_CHUNKS;

	return even > GRAM_CHUNK_ROWS ? even : GRAM_CHUNK_ROWS;
}

int
reco_ials_gram_chunks(int32_t rows)
{
	size_t		chunk = gram_chunk_rows(rows);

	return rows <= 0 ? 1 : (int) (((size_t) rows + chunk - 1) / chunk);
}

/* The upper triangle of the sum of y y' over the rows of one chunk. */
RecoStatus
reco_ials_gram_chunk(const float *factors, int32_t rows, int f, int chunk, double *partial, const RecoRun *run)
{
	size_t		stride = reco_stride(f);
	size_t		first = min_size((size_t) chunk * gram_chunk_rows(rows), (size_t) rows);
	size_t		last = min_size(first + gram_chunk_rows(rows), (size_t) rows);

	memset(partial, 0, stride * stride * sizeof(double));
	return gram_rows(factors + first * stride, stride, last - first, NULL, partial, run);
}

static void
gram_add(double *gram, size_t stride, int chunk, const double *partial)
{
	if (chunk == 0)
		memcpy(gram, partial, stride * stride * sizeof(double));
	else
		for (size_t i = 0; i < stride * stride; i++)
			gram[i] += partial[i];
}

void
reco_ials_half_add(RecoIalsHalf *half, int chunk, const double *partial)
{
	gram_add(half->gram, half->stride, chunk, partial);
}

static RecoStatus
gram_of(const float *factors, int32_t rows, int f, double *gram, double *partial, const RecoRun *run)
{
	for (int chunk = 0; chunk < reco_ials_gram_chunks(rows); chunk++)
	{
		RecoStatus	status = reco_ials_gram_chunk(factors, rows, f, chunk, partial, run);

		if (status != RECO_OK)
			return status;
		gram_add(gram, reco_stride(f), chunk, partial);
	}
	return RECO_OK;
}

/*
 * Gram matrix -> rotation and diagonal.  Rounding may leave tiny negative eigenvalues, which become 0.  In the padding
 * the rotation is 0 and the diagonal 1, so that divisions by it are harmless.
 */
RecoStatus
reco_ials_half_diagonalize(RecoIalsHalf *half, const RecoRun *run)
{
	int			f = half->options.factors;
	size_t		stride = half->stride;
	RecoStatus	status = reco_linalg_eigen(half->gram, f, stride, half->values, half->vectors, half->eigen_workspace,
										   run);

	if (status != RECO_OK)
		return status;
	memset(half->rotation, 0, stride * stride * sizeof(float));
	for (int j = 0; j < f; j++)
		for (int k = 0; k < f; k++)
			half->rotation[k * stride + j] = (float) half->vectors[j * stride + k];
	for (size_t k = 0; k < stride; k++)
	{
		half->values[k] = k < (size_t) f ? fmax(half->values[k], 0) : 0;
		half->diagonal[k] = k < (size_t) f ? (float) (half->options.unobserved * half->values[k]) : 1.0f;
	}
	return RECO_OK;
}

/* Multiply rows first to last - 1 of source or target by the rotation. */
RecoStatus
reco_ials_rotate(const RecoIalsHalf *half, float *factors, int32_t first, int32_t last, const RecoRun *run)
{
	size_t		stride = half->stride;
	size_t		block = WORK_A_CHECK / (stride * stride) + 1;

	for (size_t row = (size_t) first; row < (size_t) last; row += block)
	{
		run->kernels->rotate(factors + row * stride, stride, min_size(block, (size_t) last - row), half->rotation);
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

RecoStatus
reco_ials_half_init(RecoIalsHalf *half, const RecoSparse *matrix, const RecoIalsOptions *options, float *source,
					float *target, void *memory)
{
	if (!options_valid(options) || matrix->rows < 0 || matrix->cols < 0)
		return RECO_BAD_ARGUMENT;
	half->matrix = matrix;
	half->source = source;
	half->target = target;
	half->options = *options;
	half->stride = reco_stride(options->factors);
	(void) half_take(half, options->factors, memory);
	return RECO_OK;
}

RecoStatus
reco_ials_half_begin(RecoIalsHalf *half, const RecoSparse *matrix, const RecoIalsOptions *options, float *source,
					 float *target, void *memory, const RecoRun *run)
{
	RecoStatus	status = reco_ials_half_init(half, matrix, options, source, target, memory);

	if (status == RECO_OK)
		status = gram_of(source, matrix->cols, options->factors, half->gram, half->partial, run);
	if (status == RECO_OK)
		status = reco_ials_half_diagonalize(half, run);
	if (status == RECO_OK)
		status = reco_ials_rotate(half, source, 0, matrix->cols, run);
	if (status == RECO_OK)
		status = reco_ials_rotate(half, target, 0, matrix->rows, run);
	return status;
}

/* --- one row ----------------------------------------------------------------------------------------------- */

typedef struct Row
{
	const int32_t *index;
	const float *weight;
	size_t		n;
	float		ridge;
	bool		fits;			/* into one panel */
	bool		gathered;
} Row;

/* In four sums, to be no slower than memory. */
static double
sum_weights(const float *weight, size_t n)
{
	double		sum[4] = {0, 0, 0, 0};
	size_t		i = 0;

	for (; i + 4 <= n; i += 4)
		for (int j = 0; j < 4; j++)
			sum[j] += weight[i + j];
	for (; i < n; i++)
		sum[0] += weight[i];
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static size_t
pad_rows(size_t n)
{
	return (n + RECO_PANEL_ROWS - 1) / RECO_PANEL_ROWS * RECO_PANEL_ROWS;
}

/* Gather entries first to first + count - 1 of the row. */
static void
fill_panel(const Solver *solver, const Row *row, size_t first, size_t count)
{
	const RecoIalsHalf *half = solver->half;

	solver->run->kernels->gather(half->source, half->stride, row->index + first, count, solver->panel);
	memcpy(solver->weight, row->weight + first, count * sizeof(float));
	memset(solver->weight + count, 0, (pad_rows(count) - count) * sizeof(float));
}

/* sum += sum_i w_i (target + sign y_i.v) y_i over n rows of the panel. */
static void
add_panel(const Solver *solver, size_t n, float target, float sign, const float *v, float *scratch)
{
	size_t		stride = solver->half->stride;

	for (size_t first = 0; first < n; first += PASS_ROWS)
	{
		memset(scratch, 0, stride * sizeof(float));
		solver->run->kernels->pcg_pass(solver->panel + first * stride, stride, min_size(PASS_ROWS, n - first),
									   solver->weight + first, target, sign, v, scratch);
		for (size_t k = 0; k < stride; k++)
			solver->sum[k] += (double) scratch[k];
	}
}

/* out = sum_i w_i (target + sign y_i.v) y_i over the row's entries. */
static RecoStatus
pass(const Solver *solver, Row *row, float target, float sign, const float *v, float *out)
{
	size_t		stride = solver->half->stride;

	if (row->n <= PASS_ROWS)
	{
		if (!row->gathered)
			fill_panel(solver, row, 0, row->n);
		row->gathered = true;
		memset(out, 0, stride * sizeof(float));
		solver->run->kernels->pcg_pass(solver->panel, stride, pad_rows(row->n), solver->weight, target, sign, v, out);
		return reco_run_goes_on(solver->run) ? RECO_OK : RECO_INTERRUPTED;
	}
	memset(solver->sum, 0, stride * sizeof(double));
	for (size_t first = 0; first < row->n; first += solver->panel_rows)
	{
		size_t		count = min_size(solver->panel_rows, row->n - first);

		if (!row->gathered)
			fill_panel(solver, row, first, count);
		add_panel(solver, pad_rows(count), target, sign, v, out);
		if (!reco_run_goes_on(solver->run))
			return RECO_INTERRUPTED;
	}
	row->gathered = row->fits;
	for (size_t k = 0; k < stride; k++)
		out[k] = (float) solver->sum[k];
	return RECO_OK;
}

/*
 * Preconditioned conjugate gradients (Golub and Van Loan, algorithm 10.3.1; see the head of this file), from where x is.
 */
static RecoStatus
solve_row(const Solver *solver, Row *row, float *x)
{
	const RecoKernels *kernels = solver->run->kernels;
	const float *d = solver->half->diagonal;
	size_t		stride = solver->half->stride;
	float	   *r = solver->residual;
	float	   *p = solver->direction;
	float	   *q = solver->image;
	float		precision = fmaxf((float) solver->half->options.precision, FINEST_PRECISION);
	float		norm;
	float		rho;
	RecoStatus	status = pass(solver, row, 1, -1, x, r);

	if (status != RECO_OK)
		return status;
	rho = kernels->pcg_start(d, row->ridge, x, r, p, stride, &norm);
	for (int step = 1; rho > precision * norm; step++)
	{
		float		before = rho;
		float		curvature;

		status = pass(solver, row, 0, 1, p, q);
		if (status != RECO_OK)
			return status;
		curvature = kernels->pcg_apply(d, row->ridge, p, q, stride);
		if (curvature <= 0)
			break;				/* underflow: nothing left to gain */
		rho = kernels->pcg_step(d, row->ridge, rho / curvature, p, q, x, r, stride, &norm);
		if (step == solver->half->options.steps)
			break;
		kernels->pcg_turn(d, row->ridge, rho / before, r, p, stride);
	}
	return kernels->finite(x, stride) && rho - rho == 0 ? RECO_OK : RECO_NOT_FINITE;
}

/* A row of a half iteration: in the rotated source a0 Y'Y is a diagonal, as in the factors that bags are folded into. */
static RecoStatus
solve_exactly(const RecoIalsHalf *half, const Row *row, double ridge, float *x, void *workspace, const RecoRun *run)
{
	const RecoFactors source = {.items = half->matrix->cols, .factors = half->options.factors, .y = half->source,
	.gram_diagonal = half->values, .unobserved = half->options.unobserved};
	double		exact[RECO_MAX_FACTORS];
	RecoStatus	status = reco_folding_solve_exactly(&source, (int) row->n, row->index, row->weight, ridge, exact, workspace, run);

	if (status != RECO_OK)
		return status;
	memset(x, 0, half->stride * sizeof(float));
	for (int k = 0; k < half->options.factors; k++)
		x[k] = (float) exact[k];
	return run->kernels->finite(x, half->stride) ? RECO_OK : RECO_NOT_FINITE;
}

RecoStatus
reco_ials_half_rows(const RecoIalsHalf *half, int32_t first, int32_t last, void *workspace, const RecoRun *run)
{
	const RecoSparse *matrix = half->matrix;
	Solver		solver = {.half = half, .run = run};

	if (!half->options.exact)
		(void) solver_take(&solver, half->options.factors, workspace);
	for (int32_t r = first; r < last; r++)
	{
		int64_t		start = matrix->start[r];
		Row			row = {matrix->index + start, matrix->weight + start, (size_t) (matrix->start[r + 1] - start), 0,
		false, false};
		float	   *x = half->target + (size_t) r * half->stride;
		double		mass = sum_weights(row.weight, row.n);
		double		ridge = half->options.regularization * (mass + half->options.unobserved * matrix->cols);
		RecoStatus	status;

		if (mass == 0)
		{
			memset(x, 0, half->stride * sizeof(float));
			if (!reco_run_goes_on(run))
				return RECO_INTERRUPTED;
			continue;
		}
		row.ridge = (float) ridge;
		row.fits = row.n <= solver.panel_rows;
		status = half->options.exact ? solve_exactly(half, &row, ridge, x, workspace, run) : solve_row(&solver, &row, x);
		if (status != RECO_OK)
			return status;
	}
	return RECO_OK;
}

/* --- whole iterations -------------------------------------------------------------------------------------- */

static RecoStatus
half_iterate(const RecoSparse *matrix, const RecoIalsOptions *options, float *source, float *target, void *workspace,
			 const RecoRun *run)
{
	RecoIalsHalf half;
	RecoStatus	status = reco_ials_half_begin(&half, matrix, options, source, target, workspace, run);

	if (status != RECO_OK)
		return status;
	return reco_ials_half_rows(&half, 0, matrix->rows, (char *) workspace + reco_ials_half_size(options->factors), run);
}

RecoStatus
reco_ials_iterate(const RecoSparse *by_bag, const RecoSparse *by_item, const RecoIalsOptions *options,
				  float *bag_factors, float *item_factors, void *workspace, const RecoRun *run)
{
	RecoStatus	status;

	if (by_bag->rows != by_item->cols || by_bag->cols != by_item->rows)
		return RECO_BAD_ARGUMENT;
	status = half_iterate(by_bag, options, item_factors, bag_factors, workspace, run);
	if (status == RECO_OK)
		status = half_iterate(by_item, options, bag_factors, item_factors, workspace, run);
	return status;
}

RecoStatus
reco_ials_finish(float *item_factors, int32_t items, int f, double *gram_diagonal, void *workspace, const RecoRun *run)
{
	RecoIalsOptions options = reco_ials_options_default();
	RecoSparse	nothing = {.rows = 0, .cols = items};
	RecoIalsHalf half;
	RecoStatus	status;

	options.factors = f;
	status = reco_ials_half_begin(&half, &nothing, &options, item_factors, NULL, workspace, run);
	if (status == RECO_OK)
		status = gram_of(item_factors, items, f, half.gram, half.partial, run);
	if (status != RECO_OK)
		return status;
	for (int k = 0; k < f; k++)
		gram_diagonal[k] = half.gram[k * half.stride + k];
	return RECO_OK;
}

/* --- objective --------------------------------------------------------------------------------------------- */

static double
dot_wide(const float *x, const float *y, int f)
{
	double		sum = 0;

	for (int k = 0; k < f; k++)
		sum += (double) x[k] * (double) y[k];
	return sum;
}

/* lambda sum_r (mass_r + a0 columns) |x_r|^2 */
static RecoStatus
add_regularization(const RecoSparse *matrix, const RecoIalsOptions *options, const float *x, const RecoRun *run,
				   double *objective)
{
	for (int32_t r = 0; r < matrix->rows; r++)
	{
		const float *row = x + (size_t) r * reco_stride(options->factors);
		double		mass = sum_weights(matrix->weight + matrix->start[r],
									   (size_t) (matrix->start[r + 1] - matrix->start[r]));

		*objective += options->regularization * (mass + options->unobserved * matrix->cols) *
			dot_wide(row, row, options->factors);
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

static RecoStatus
add_observed(const RecoSparse *by_bag, int f, const float *x, const float *y, const RecoRun *run, double *objective)
{
	size_t		stride = reco_stride(f);

	for (int32_t b = 0; b < by_bag->rows; b++)
		for (int64_t i = by_bag->start[b]; i < by_bag->start[b + 1]; i++)
		{
			double		miss = 1 - dot_wide(x + (size_t) b * stride, y + (size_t) by_bag->index[i] * stride, f);

			*objective += by_bag->weight[i] * miss * miss;
			if (i % 4096 == 0 && !reco_run_goes_on(run))
				return RECO_INTERRUPTED;
		}
	return RECO_OK;
}

/* sum_{b, i} (x_b.y_i)^2 = trace(X'X Y'Y), from upper triangles. */
static double
product_trace(const double *a, const double *b, int f, size_t stride)
{
	double		trace = 0;

	for (int i = 0; i < f; i++)
		for (int j = i; j < f; j++)
			trace += (i == j ? 1 : 2) * a[i * stride + j] * b[i * stride + j];
	return trace;
}

RecoStatus
reco_ials_objective(const RecoSparse *by_bag, const RecoSparse *by_item, const RecoIalsOptions *options,
					const float *bag_factors, const float *item_factors, void *workspace, const RecoRun *run,
					double *objective)
{
	int			f = options->factors;
	RecoIalsHalf half;
	RecoStatus	status;

	*objective = 0;
	if (!options_valid(options))
		return RECO_BAD_ARGUMENT;
	(void) half_take(&half, f, workspace);
	status = gram_of(bag_factors, by_bag->rows, f, half.gram, half.partial, run);
	if (status == RECO_OK)
		status = gram_of(item_factors, by_bag->cols, f, half.vectors, half.partial, run);
	if (status == RECO_OK)
		*objective = options->unobserved * product_trace(half.gram, half.vectors, f, reco_stride(f));
	if (status == RECO_OK)
		status = add_observed(by_bag, f, bag_factors, item_factors, run, objective);
	if (status == RECO_OK)
		status = add_regularization(by_bag, options, bag_factors, run, objective);
	if (status == RECO_OK)
		status = add_regularization(by_item, options, item_factors, run, objective);
	return status;
}
