/*
 * folding.c: solves for the vector of one bag with the item factors fixed (fold-in), and says what each entry of the bag
 * adds to a score.
 *
 * A bag of about f entries or more is solved as the f x f system that it is.  For a smaller one, with Z the f x n matrix
 * of its vectors, W the diagonal of its weights and M = a0 D + ridge I,
 *
 *		A = M + Z W Z'    and    B = I + W^1/2 Z' M^-1 Z W^1/2
 *
 * have (Woodbury)
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

#define WORK_A_CHECK		((size_t) 4 * 1024 * 1024)	/* multiplications, 0.2 to 4 ms */
#define FOLD_IN_ROWS		64		/* rows gathered at a time for the f x f system */

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

/* The f x f system is always a possibility; the n x n one is larger only for its panel. */
size_t
reco_folding_workspace_size(int factors, int n)
{
	FoldIn		fold;
	size_t		primal = fold_in_take(&fold, factors, n, false, NULL);
	size_t		dual = fold_in_take(&fold, factors, n < dual_limit(factors) ? n : dual_limit(factors), true, NULL);

	return primal > dual ? primal : dual;
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

RecoStatus
reco_folding_solve(const RecoFactors *model, int n, const int32_t *items, const float *weights, double lambda, double *x,
				  void *workspace, const RecoRun *run)
{
	FoldIn		fold = {.model = model, .n = n, .items = items, .weights = weights};
	double		mass;
	RecoStatus	status = check_bag(model, n, items, weights, lambda, &mass);

	if (status != RECO_OK)
		return status;
	memset(x, 0, model->factors * sizeof(double));
	if (mass == 0)
		return RECO_OK;
	status = fold_in_factor(&fold, lambda * (mass + model->unobserved * model->items), workspace, run);
	if (status != RECO_OK)
		return status;
	solve_bag(&fold, x, run);
	return all_finite(x, model->factors) ? RECO_OK : RECO_NOT_FINITE;
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
