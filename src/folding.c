/*
 * folding.c: solves for the vector of one bag with the item factors fixed (fold-in), and says what each entry of the bag
 * adds to a score.
 *
 * The vector x of a bag with weights w is the solution of A x = Z w, with Z the f x n matrix of its items' vectors, W the
 * diagonal of the weights, D = Y'Y, which is diagonal, and
 *
 *		A = M + Z W Z',    M = a0 D + ridge I
 *
 * Conjugate gradients preconditioned by M have only the bag's own entries to find out about, and know how far from the
 * solution they are (ials.c says why): for the residual r and the error e of x
 *
 *		e'Ae <= r'M^-1 r    and    x'Ax >= x'Mx
 *
 * They end where r'M^-1 r <= PRECISION x'Mx, that is with an error of at most the root of PRECISION in the norm of A: a
 * handful of steps, of 2 f n multiplications, where the f x f system is made with f^2 n / 2 and solved with f^3 / 6.
 *
 * Floats alone cannot say so, since the residual that is carried along and the real one drift apart.  So once half of the
 * figures are there (COARSE) the residual is computed anew, in double, and the steps go on from it, in the same
 * directions; x is gathered in double, and the part that is still to come is so small that floats have figures enough for
 * it (van der Vorst and Ye 2000, "Residual replacement strategies for Krylov subspace iterative methods").
 *
 * Where this does not get there (numbers outside of what floats can hold, a singular M), for bags too large for the panel,
 * and for explanations, which are to be exact, the system is solved in double.  A bag of about f entries or more is solved
 * as the f x f system that it is.  For a smaller one, with B = I + W^1/2 Z' M^-1 Z W^1/2 (Woodbury)
 *
 *		A^-1 Z w = M^-1 Z W^1/2 B^-1 W^1/2 1
 *		A^-1 g   = M^-1 (g - Z W^1/2 B^-1 W^1/2 Z' M^-1 g)
 *
 * B is n x n and its eigenvalues are at least 1: Cholesky cannot fail.  Only lambda = 0 can leave zeros in M, and then
 * the f x f system decides.
 */
#include "folding.h"

#include <math.h>
#include <string.h>

#include "kernels.h"
#include "linalg.h"

#define PRECISION			1e-14
#define COARSE				1e-8
#define LEAST_GOAL			1e-30	/* of r'M^-1 r; far below it floats vanish */
#define MOST_STEPS			64
#define MOST_ROWS			1024	/* of a panel */
#define WORK_A_CHECK		((size_t) 4 * 1024 * 1024)	/* multiplications, 0.2 to 4 ms */
#define FOLD_IN_ROWS		64	/* rows gathered at a time for the f x f system */

/* --- exact systems ------------------------------------------------------------------------------------------ */

typedef struct FoldIn
{
	const RecoFactors *model;
	int			n;
	const int32_t *items;
	const float *weights;
	size_t		stride;			/* of the factors */
	int			order;			/* of the system: f, or n when dual */
	size_t		pitch;			/* its stride */
	bool		dual;
	double	   *matrix;			/* pitch x pitch; its Cholesky factor */
	double	   *diagonal;		/* stride: M, or M^-1 when dual */
	double	   *weight;			/* root of the weights, or the weights of FOLD_IN_ROWS rows */
	double	   *right;			/* pitch: right-hand side */
	float	   *panel;			/* Z, f x pitch, or FOLD_IN_ROWS x stride */
} FoldIn;

static size_t
fold_in_take(FoldIn *fold, int factors, int n, bool dual, void *workspace)
{
	size_t		cursor = 0;
	size_t		weights;
	size_t		panel;

	fold->n = n;
	fold->dual = dual;
	fold->stride = reco_stride(factors);
	fold->order = dual ? n : factors;
	fold->pitch = reco_stride(fold->order);
	weights = dual ? fold->pitch : FOLD_IN_ROWS;
	panel = dual ? (size_t) factors * fold->pitch : FOLD_IN_ROWS * fold->stride;
	fold->matrix = reco_workspace_take(&cursor, workspace, fold->pitch * fold->pitch * sizeof(double));
	fold->diagonal = reco_workspace_take(&cursor, workspace, fold->stride * sizeof(double));
	fold->weight = reco_workspace_take(&cursor, workspace, weights * sizeof(double));
	fold->right = reco_workspace_take(&cursor, workspace, fold->pitch * sizeof(double));
	fold->panel = reco_workspace_take(&cursor, workspace, panel * sizeof(float));
	return cursor;
}

/* Where the n x n system was seen to become the slower one. */
static int
dual_limit(int factors)
{
	return factors - factors / 4;
}

/* Bytes for the systems: the f x f one is always a possibility; the n x n one is larger only for its panel. */
static size_t
systems_size(int factors, int n)
{
	FoldIn		fold;
	size_t		primal = fold_in_take(&fold, factors, n, false, NULL);
	size_t		dual = fold_in_take(&fold, factors, n < dual_limit(factors) ? n : dual_limit(factors), true, NULL);

	return primal > dual ? primal : dual;
}

/* Sets the diagonal to M and returns whether all of it is positive. */
static bool
set_diagonal(FoldIn *fold, double ridge)
{
	const RecoFactors *model = fold->model;
	bool		positive = true;

	for (int k = 0; k < model->factors; k++)
	{
		fold->diagonal[k] = model->unobserved * model->gram_diagonal[k] + ridge;
		positive = positive && fold->diagonal[k] > 0;
	}
	return positive;
}

/* gram += sum of w y y' over n rows. */
static RecoStatus
gram_rows(const float *y, size_t stride, size_t n, const double *w, double *gram, const RecoRun *run)
{
	size_t		block = WORK_A_CHECK / (stride * stride) + 1;

	for (size_t first = 0; first < n; first += block)
	{
		run->kernels->gram(y + first * stride, stride, n - first < block ? n - first : block, w + first, gram);
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

/* B, of order n, as a weighted Gram matrix of the rows of Z. */
static RecoStatus
make_dual(FoldIn *fold, const RecoRun *run)
{
	int			f = fold->model->factors;
	RecoStatus	status;

	memset(fold->panel, 0, (size_t) f * fold->pitch * sizeof(float));
	memset(fold->matrix, 0, fold->pitch * fold->pitch * sizeof(double));
	for (int j = 0; j < fold->n; j++)
	{
		const float *y = fold->model->y + (size_t) fold->items[j] * fold->stride;

		fold->weight[j] = sqrt((double) fold->weights[j]);
		for (int k = 0; k < f; k++)
			fold->panel[k * fold->pitch + j] = y[k];
	}
	for (int k = 0; k < f; k++)
		fold->diagonal[k] = 1 / fold->diagonal[k];
	status = gram_rows(fold->panel, fold->pitch, (size_t) f, fold->diagonal, fold->matrix, run);
	for (int i = 0; i < fold->n; i++)
	{
		for (int j = i; j < fold->n; j++)
			fold->matrix[i * fold->pitch + j] *= fold->weight[i] * fold->weight[j];
		fold->matrix[i * fold->pitch + i] += 1;
	}
	return status;
}

/* A and the right-hand side Z w, of order f, from the bag's rows, some at a time. */
static RecoStatus
make_primal(FoldIn *fold, const RecoRun *run)
{
	int			f = fold->model->factors;
	RecoStatus	status;

	memset(fold->matrix, 0, fold->pitch * fold->pitch * sizeof(double));
	memset(fold->right, 0, fold->pitch * sizeof(double));
	for (int first = 0; first < fold->n; first += FOLD_IN_ROWS)
	{
		int			count = fold->n - first < FOLD_IN_ROWS ? fold->n - first : FOLD_IN_ROWS;

		run->kernels->gather(fold->model->y, fold->stride, fold->items + first, (size_t) count, fold->panel);
		for (int j = 0; j < count; j++)
		{
			const float *y = fold->panel + j * fold->stride;

			fold->weight[j] = fold->weights[first + j];
			for (int k = 0; k < f; k++)
				fold->right[k] += fold->weight[j] * y[k];
		}
		status = gram_rows(fold->panel, fold->stride, (size_t) count, fold->weight, fold->matrix, run);
		if (status != RECO_OK)
			return status;
	}
	for (int k = 0; k < f; k++)
		fold->matrix[k * fold->pitch + k] += fold->diagonal[k];
	return RECO_OK;
}

/* Set up and factor the system of a bag of this mass. */
static RecoStatus
fold_in_factor(FoldIn *fold, double ridge, void *workspace, const RecoRun *run)
{
	int			f = fold->model->factors;
	RecoStatus	status;

	(void) fold_in_take(fold, f, fold->n, fold->n < dual_limit(f), workspace);
	if (!set_diagonal(fold, ridge) && fold->dual)
	{
		(void) fold_in_take(fold, f, fold->n, false, workspace);
		(void) set_diagonal(fold, ridge);
	}
	status = fold->dual ? make_dual(fold, run) : make_primal(fold, run);
	if (status != RECO_OK)
		return status;
	return reco_linalg_cholesky(fold->matrix, fold->order, fold->pitch, run);
}

/* out = M^-1 (out + sign Z W^1/2 t), t = B^-1 right; dual only. */
static void
dual_solve(FoldIn *fold, double sign, double *out, const RecoRun *run)
{
	reco_linalg_cholesky_solve(fold->matrix, fold->order, fold->pitch, fold->right, run);
	for (int k = 0; k < fold->model->factors; k++)
	{
		const float *z = fold->panel + k * fold->pitch;
		double		sum = 0;

		for (int j = 0; j < fold->n; j++)
			sum += (double) z[j] * (fold->weight[j] * fold->right[j]);
		out[k] = fold->diagonal[k] * (out[k] + sign * sum);
	}
}

/* x = A^-1 Z w */
static void
solve_bag(FoldIn *fold, double *x, const RecoRun *run)
{
	int			f = fold->model->factors;

	if (!fold->dual)
	{
		reco_linalg_cholesky_solve(fold->matrix, fold->order, fold->pitch, fold->right, run);
		memcpy(x, fold->right, f * sizeof(double));
		return;
	}
	memset(x, 0, f * sizeof(double));
	memcpy(fold->right, fold->weight, fold->n * sizeof(double));
	dual_solve(fold, 1, x, run);
}

/* g <- A^-1 g */
static void
solve_vector(FoldIn *fold, double *g, const RecoRun *run)
{
	if (!fold->dual)
	{
		reco_linalg_cholesky_solve(fold->matrix, fold->order, fold->pitch, g, run);
		return;
	}
	memset(fold->right, 0, fold->pitch * sizeof(double));
	for (int k = 0; k < fold->model->factors; k++)
		for (int j = 0; j < fold->n; j++)
			fold->right[j] += (double) fold->panel[k * fold->pitch + j] * (fold->diagonal[k] * g[k]);
	for (int j = 0; j < fold->n; j++)
		fold->right[j] *= fold->weight[j];
	dual_solve(fold, -1, g, run);
}

/* --- conjugate gradients ------------------------------------------------------------------------------------ */

typedef struct Gradients
{
	const RecoRun *run;
	size_t		stride;
	size_t		rows;			/* of the panel: n up to a multiple of 16 */
	float		ridge;
	float	   *panel;			/* Z', and zeros */
	float	   *weight;			/* of the panel's rows */
	float	   *d;				/* stride: M without the ridge */
	float	   *part;			/* stride: of x, since it was last added to x */
	float	   *residual;
	float	   *direction;
	float	   *image;			/* of the direction */
	double	   *m;				/* stride: M */
	double	   *x;				/* stride */
} Gradients;

static size_t
gradients_take(Gradients *g, int factors, int n, void *workspace)
{
	size_t		cursor = 0;
	size_t		floats = reco_stride(factors) * sizeof(float);
	size_t		doubles = reco_stride(factors) * sizeof(double);

	g->stride = reco_stride(factors);
	g->rows = ((size_t) n + RECO_PANEL_ROWS - 1) / RECO_PANEL_ROWS * RECO_PANEL_ROWS;
	g->panel = reco_workspace_take(&cursor, workspace, g->rows * floats);
	g->weight = reco_workspace_take(&cursor, workspace, g->rows * sizeof(float));
	g->d = reco_workspace_take(&cursor, workspace, floats);
	g->part = reco_workspace_take(&cursor, workspace, floats);
	g->residual = reco_workspace_take(&cursor, workspace, floats);
	g->direction = reco_workspace_take(&cursor, workspace, floats);
	g->image = reco_workspace_take(&cursor, workspace, floats);
	g->m = reco_workspace_take(&cursor, workspace, doubles);
	g->x = reco_workspace_take(&cursor, workspace, doubles);
	return cursor;
}

/* x = 0, and the residual is Z w. */
static void
gradients_begin(Gradients *g, const RecoFactors *model, int n, const int32_t *items, const float *weights, double ridge)
{
	const RecoKernels *kernels = g->run->kernels;
	size_t		f = (size_t) model->factors;

	g->ridge = (float) ridge;
	for (size_t k = 0; k < g->stride; k++)
	{
		double		d = k < f ? model->unobserved * model->gram_diagonal[k] : 1;

		g->d[k] = (float) d;
		g->m[k] = d + ridge;
	}
	memset(g->x, 0, g->stride * sizeof(double));
	memset(g->part, 0, g->stride * sizeof(float));
	memset(g->residual, 0, g->stride * sizeof(float));
	kernels->gather(model->y, g->stride, items, (size_t) n, g->panel);
	memcpy(g->weight, weights, (size_t) n * sizeof(float));
	memset(g->weight + n, 0, (g->rows - (size_t) n) * sizeof(float));
	kernels->add_rows(g->panel, g->stride, g->rows, g->weight, g->residual);
}

/* One step; returns r'M^-1 r, or -1 where the direction leads nowhere, being zero or not finite. */
static float
gradients_step(Gradients *g, float rho, float *norm)
{
	const RecoKernels *kernels = g->run->kernels;
	float		curvature;

	memset(g->image, 0, g->stride * sizeof(float));
	kernels->pcg_pass(g->panel, g->stride, g->rows, g->weight, 0, 1, g->direction, g->image);
	curvature = kernels->pcg_apply(g->d, g->ridge, g->direction, g->image, g->stride);
	if (!(curvature > 0))
		return -1;
	return kernels->pcg_step(g->d, g->ridge, rho / curvature, g->direction, g->image, g->part, g->residual, g->stride, norm);
}

/* RECO_NOT_CONVERGED where floats do not get to the solution. */
static RecoStatus
gradients_solve(Gradients *g)
{
	const RecoKernels *kernels = g->run->kernels;
	float		norm;
	float		rho = kernels->pcg_start(g->d, g->ridge, g->part, g->residual, g->direction, g->stride, &norm);
	double		goal = 0;		/* of rho, once x'M x is known well enough */

	for (int step = 0; step < MOST_STEPS; step++)
	{
		float		before = rho;

		rho = gradients_step(g, rho, &norm);
		if (!(rho >= 0))
			break;
		if (goal > 0 && rho <= goal)
		{
			for (size_t k = 0; k < g->stride; k++)
				g->x[k] += (double) g->part[k];
			return RECO_OK;
		}
		if (goal == 0 && rho <= (float) COARSE * norm)
		{
			double		true_norm;
			double		true_rho = kernels->pcg_correct(g->panel, g->stride, g->rows, g->weight, g->m, g->part, g->x,
														g->residual, &true_norm);

			goal = PRECISION * true_norm;
			if (!(goal > LEAST_GOAL && goal < HUGE_VAL))
				break;
			if (true_rho <= goal)
				return RECO_OK;
			rho = (float) true_rho;
		}
		kernels->pcg_turn(g->d, g->ridge, rho / before, g->residual, g->direction, g->stride);
		if (!reco_run_goes_on(g->run))
			return RECO_INTERRUPTED;
	}
	return RECO_NOT_CONVERGED;
}

/* --- fold-in ----------------------------------------------------------------------------------------------- */

size_t
reco_folding_workspace_size(int factors, int n)
{
	Gradients	g;
	size_t		systems = systems_size(factors, n);
	size_t		gradients = gradients_take(&g, factors, n < MOST_ROWS ? n : MOST_ROWS, NULL);

	return systems > gradients ? systems : gradients;
}

/* The bag's mass, or -1 for a bag that is none. */
static double
bag_mass(const RecoFactors *model, int n, const int32_t *items, const float *weights)
{
	double		mass = 0;

	for (int j = 0; j < n; j++)
	{
		if (items[j] < 0 || items[j] >= model->items || !(weights[j] >= 0))
			return -1;
		mass += weights[j];
	}
	return isfinite(mass) ? mass : -1;
}

/* Checks the arguments that all bags have in common; *mass is 0 for a bag without evidence. */
static RecoStatus
check_bag(const RecoFactors *model, int n, const int32_t *items, const float *weights, double lambda, double *mass)
{
	if (model->factors < 1 || model->factors > RECO_MAX_FACTORS || n < 0 || !isfinite(lambda) || lambda < 0)
		return RECO_BAD_ARGUMENT;
	*mass = bag_mass(model, n, items, weights);
	return *mass < 0 ? RECO_BAD_ARGUMENT : RECO_OK;
}

static bool
all_finite(const double *x, int n)
{
	double		bad = 0;

	for (int i = 0; i < n; i++)
		bad += x[i] - x[i];
	return bad == 0;
}

static RecoStatus
solve_by_gradients(const RecoFactors *model, int n, const int32_t *items, const float *weights, double ridge, double *x,
				   void *workspace, const RecoRun *run)
{
	Gradients	g = {.run = run};
	RecoStatus	status;

	if (n > MOST_ROWS)
		return RECO_NOT_CONVERGED;
	(void) gradients_take(&g, model->factors, n, workspace);
	gradients_begin(&g, model, n, items, weights, ridge);
	status = gradients_solve(&g);
	memcpy(x, g.x, (size_t) model->factors * sizeof(double));
	return status != RECO_OK || all_finite(x, model->factors) ? status : RECO_NOT_CONVERGED;
}

RecoStatus
reco_folding_solve_exactly(const RecoFactors *model, int n, const int32_t *items, const float *weights, double ridge,
						   double *x, void *workspace, const RecoRun *run)
{
	FoldIn		fold = {.model = model, .n = n, .items = items, .weights = weights};
	RecoStatus	status = fold_in_factor(&fold, ridge, workspace, run);

	if (status != RECO_OK)
		return status;
	solve_bag(&fold, x, run);
	return all_finite(x, model->factors) ? RECO_OK : RECO_NOT_FINITE;
}

RecoStatus
reco_folding_solve(const RecoFactors *model, int n, const int32_t *items, const float *weights, double lambda, double *x,
				   void *workspace, const RecoRun *run)
{
	double		mass;
	double		ridge;
	RecoStatus	status = check_bag(model, n, items, weights, lambda, &mass);

	if (status != RECO_OK)
		return status;
	memset(x, 0, model->factors * sizeof(double));
	if (mass == 0)
		return RECO_OK;
	ridge = lambda * (mass + model->unobserved * model->items);
	status = solve_by_gradients(model, n, items, weights, ridge, x, workspace, run);
	if (status != RECO_NOT_CONVERGED)
		return status;
	return reco_folding_solve_exactly(model, n, items, weights, ridge, x, workspace, run);
}

double
reco_folding_score(const RecoFactors *model, int32_t item, const double *x)
{
	const float *y = model->y + (size_t) item * reco_stride(model->factors);
	double		score = 0;

	for (int k = 0; k < model->factors; k++)
		score += (double) y[k] * x[k];
	return score;
}

RecoStatus
reco_folding_explain(const RecoFactors *model, int n, const int32_t *items, const float *weights, double lambda,
				  int32_t item, double *contributions, void *workspace, const RecoRun *run)
{
	FoldIn		fold = {.model = model, .n = n, .items = items, .weights = weights};
	double		g[RECO_MAX_FACTORS];	/* A^-1 y_item */
	double		mass;
	RecoStatus	status = check_bag(model, n, items, weights, lambda, &mass);

	if (status == RECO_OK && (item < 0 || item >= model->items))
		status = RECO_BAD_ARGUMENT;
	if (status != RECO_OK)
		return status;
	for (int j = 0; j < n; j++)
		contributions[j] = 0;
	if (mass == 0)
		return RECO_OK;
	status = fold_in_factor(&fold, lambda * (mass + model->unobserved * model->items), workspace, run);
	if (status != RECO_OK)
		return status;
	for (int k = 0; k < model->factors; k++)
		g[k] = model->y[(size_t) item * fold.stride + k];
	solve_vector(&fold, g, run);
	for (int j = 0; j < n; j++)
	{
		contributions[j] = weights[j] * reco_folding_score(model, items[j], g);
		if (j % 4096 == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return all_finite(contributions, n) ? RECO_OK : RECO_NOT_FINITE;
}
