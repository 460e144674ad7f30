/*
 * ridge.c: item factors from terms, by ridge regression.
 *
 * An item that nobody bought has no factors, but words and attributes like those of items that have some: what terms say of
 * factors is learned from these, and told of it (Gantner, Drumond, Freudenthaler, Rendle and Schmidt-Thieme 2010, "Learning
 * attribute-to-feature mappings for cold-start recommendations").  One regression a factor, all with the same matrix
 *
 *	   A = X'VX + alpha I,    A b = X'V y,
 *
 * which is never formed: with a handful of terms an item a product with it takes two passes over the terms, and all
 * factors take theirs together, a row of the coefficients at a time.  Conjugate gradients with the diagonal of A as
 * preconditioner; each factor has step lengths of its own, and rests when its residual is small.
 */
#include "ridge.h"

#include <math.h>
#include <string.h>

#include "kernels.h"

#define ROWS_A_CHECK	1024

typedef struct Gradients
{
	const RecoSparse *terms;
	const float *row_weight;
	int			factors;
	size_t		stride;
	double		alpha;
	float	   *x;				/* [terms x stride], as the next three: the solution */
	float	   *r;				/* b - A x */
	float	   *p;				/* the direction */
	float	   *q;				/* A p */
	float	   *inverse;		/* [terms] of A's diagonal */
	float	   *row;			/* [stride] */
	double	   *rz;				/* [stride], as the next three: r.M^-1 r of each factor */
	double	   *rz_next;
	double	   *pq;
	double	   *least;			/* a factor is done where rz is at most that */
	float	   *step;			/* [stride] */
} Gradients;

RecoRidgeOptions
reco_ridge_options_default(void)
{
	return (RecoRidgeOptions) {.regularization = 0.5, .precision = 1e-4, .steps = 100};
}

static size_t
take(Gradients *g, int32_t terms, int factors, void *workspace)
{
	size_t		stride = reco_stride(factors);
	size_t		matrix = reco_size_mul(reco_size_mul((size_t) terms, stride), sizeof(float));
	size_t		cursor = 0;

	g->r = reco_workspace_take(&cursor, workspace, matrix);
	g->p = reco_workspace_take(&cursor, workspace, matrix);
	g->q = reco_workspace_take(&cursor, workspace, matrix);
	g->inverse = reco_workspace_take(&cursor, workspace, reco_size_mul((size_t) terms, sizeof(float)));
	g->row = reco_workspace_take(&cursor, workspace, stride * sizeof(float));
	g->step = reco_workspace_take(&cursor, workspace, stride * sizeof(float));
	g->rz = reco_workspace_take(&cursor, workspace, stride * sizeof(double));
	g->rz_next = reco_workspace_take(&cursor, workspace, stride * sizeof(double));
	g->pq = reco_workspace_take(&cursor, workspace, stride * sizeof(double));
	g->least = reco_workspace_take(&cursor, workspace, stride * sizeof(double));
	return cursor;
}

size_t
reco_ridge_workspace_size(int32_t terms, int factors)
{
	Gradients	g;

	return take(&g, terms, factors, NULL);
}

void
reco_ridge_predict(const RecoSparse *terms, int32_t row, const float *coefficients, int factors, float *y, const RecoRun *run)
{
	size_t		stride = reco_stride(factors);

	memset(y, 0, stride * sizeof(float));
	for (int64_t e = terms->start[row]; e < terms->start[row + 1]; e++)
		run->kernels->axpy(terms->weight[e], coefficients + (size_t) terms->index[e] * stride, y, stride);
}

/* to += weight w_it row, for the terms of an item. */
static void
spread(const Gradients *g, int32_t item, float weight, const float *row, float *to, const RecoRun *run)
{
	for (int64_t e = g->terms->start[item]; e < g->terms->start[item + 1]; e++)
		run->kernels->axpy(weight * g->terms->weight[e], row, to + (size_t) g->terms->index[e] * g->stride, g->stride);
}

/* r = X'V y, and the inverse of A's diagonal. */
static RecoStatus
begin(Gradients *g, const float *y, const RecoRun *run)
{
	const RecoSparse *terms = g->terms;

	memset(g->r, 0, (size_t) terms->cols * g->stride * sizeof(float));
	for (int32_t t = 0; t < terms->cols; t++)
		g->inverse[t] = (float) g->alpha;
	for (int32_t i = 0; i < terms->rows; i++)
	{
		if (i % ROWS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		if (!(g->row_weight[i] > 0))
			continue;
		for (int64_t e = terms->start[i]; e < terms->start[i + 1]; e++)
			g->inverse[terms->index[e]] += g->row_weight[i] * terms->weight[e] * terms->weight[e];
		spread(g, i, g->row_weight[i], y + (size_t) i * g->stride, g->r, run);
	}
	for (int32_t t = 0; t < terms->cols; t++)
		g->inverse[t] = 1 / g->inverse[t];
	return RECO_OK;
}

/* q = A p */
static RecoStatus
apply(Gradients *g, const RecoRun *run)
{
	const RecoSparse *terms = g->terms;
	size_t		n = (size_t) terms->cols * g->stride;

	for (size_t k = 0; k < n; k++)
		g->q[k] = (float) g->alpha * g->p[k];
	for (int32_t i = 0; i < terms->rows; i++)
	{
		if (i % ROWS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		if (!(g->row_weight[i] > 0))
			continue;
		reco_ridge_predict(terms, i, g->p, g->factors, g->row, run);
		spread(g, i, g->row_weight[i], g->row, g->q, run);
	}
	return RECO_OK;
}

/* Of each factor the sum over terms of scale_t a_t b_t; scale NULL: ones. */
static void
products(const Gradients *g, const float *scale, const float *a, const float *b, double *sums)
{
	memset(sums, 0, g->stride * sizeof(double));
	for (int32_t t = 0; t < g->terms->cols; t++)
	{
		const float *a_row = a + (size_t) t * g->stride;
		const float *b_row = b + (size_t) t * g->stride;
		double		s = scale == NULL ? 1 : scale[t];

		for (size_t k = 0; k < g->stride; k++)
			sums[k] += s * a_row[k] * b_row[k];
	}
}

/* x += step p, r -= step q */
static void
go(Gradients *g)
{
	for (int32_t t = 0; t < g->terms->cols; t++)
	{
		size_t		at = (size_t) t * g->stride;

		for (size_t k = 0; k < g->stride; k++)
		{
			g->x[at + k] += g->step[k] * g->p[at + k];
			g->r[at + k] -= g->step[k] * g->q[at + k];
		}
	}
}

/* p = M^-1 r + beta p; beta is in step. */
static void
turn(Gradients *g)
{
	for (int32_t t = 0; t < g->terms->cols; t++)
	{
		size_t		at = (size_t) t * g->stride;

		for (size_t k = 0; k < g->stride; k++)
			g->p[at + k] = g->inverse[t] * g->r[at + k] + g->step[k] * g->p[at + k];
	}
}

/* Step lengths; 0 for a factor that is done.  False where all are. */
static bool
set_steps(Gradients *g)
{
	bool		any = false;

	for (size_t k = 0; k < g->stride; k++)
	{
		bool		goes_on = g->rz[k] > g->least[k] && g->pq[k] > 0;

		g->step[k] = goes_on ? (float) (g->rz[k] / g->pq[k]) : 0;
		any |= goes_on;
	}
	return any;
}

static RecoStatus
descend(Gradients *g, const RecoRidgeOptions *options, const RecoRun *run)
{
	for (size_t k = 0; k < g->stride; k++)
		g->step[k] = 0;
	memset(g->p, 0, (size_t) g->terms->cols * g->stride * sizeof(float));
	turn(g);
	products(g, g->inverse, g->r, g->r, g->rz);
	for (size_t k = 0; k < g->stride; k++)
		g->least[k] = g->rz[k] * options->precision * options->precision;
	for (int i = 0; i < options->steps; i++)
	{
		RecoStatus	status = apply(g, run);

		if (status != RECO_OK)
			return status;
		products(g, NULL, g->p, g->q, g->pq);
		if (!set_steps(g))
			break;
		go(g);
		products(g, g->inverse, g->r, g->r, g->rz_next);
		for (size_t k = 0; k < g->stride; k++)
		{
			g->step[k] = g->rz[k] > 0 ? (float) (g->rz_next[k] / g->rz[k]) : 0;
			g->rz[k] = g->rz_next[k];
		}
		turn(g);
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

RecoStatus
reco_ridge_fit(const RecoSparse *terms, const float *row_weight, const float *y, int factors,
			   const RecoRidgeOptions *options, float *coefficients, void *workspace, const RecoRun *run)
{
	Gradients	g = {.terms = terms, .row_weight = row_weight, .factors = factors, .stride = reco_stride(factors),
	.alpha = options->regularization, .x = coefficients};
	size_t		n = (size_t) terms->cols * g.stride;
	RecoStatus	status;

	if (factors < 1 || factors > RECO_MAX_FACTORS || !(options->regularization > 0) || options->steps < 1)
		return RECO_BAD_ARGUMENT;
	(void) take(&g, terms->cols, factors, workspace);
	memset(coefficients, 0, n * sizeof(float));
	status = begin(&g, y, run);
	if (status == RECO_OK)
		status = descend(&g, options, run);
	if (status == RECO_OK && !run->kernels->finite(coefficients, n))
		status = RECO_NOT_FINITE;
	return status;
}
