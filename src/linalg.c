/*
 * linalg.c: dense symmetric matrices in double precision: eigenvalues and Cholesky.
 *
 * The eigensolver is the classical one (Golub and Van Loan, Matrix Computations, sections 8.3.1 to 8.3.3):
 *
 *	1. Householder reflections H_0 ... H_{n-3} take A to a tridiagonal T = Q'AQ, Q = H_0 H_1 ...
 *	2. implicit QR steps with Wilkinson's shift take T to a diagonal matrix by Givens rotations;
 *	3. the same rotations, applied to Q' row by row, turn it into the matrix of eigenvectors, one a row, so that every
 *	   inner loop runs over consecutive memory.
 *
 * The matrix is first scaled by a power of two to elements of at most 1, which loses no bit and lets the rest ignore
 * overflow; what is below 1e-145 of the largest element is taken for zero.
 */
#include "linalg.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels.h"

#define MAX_SWEEPS		60		/* for one eigenvalue; two or three are usual */
#define TINY_SQUARE		1e-290
#define TINY			1e-145

typedef struct Tridiagonal
{
	int			n;
	size_t		stride;
	double	   *d;				/* n diagonal elements: the caller's values */
	double	   *e;				/* n - 1 elements beside it */
	double	   *beta;			/* 2 / v'v for every reflection, 0 for none */
	double	   *w;				/* scratch */
} Tridiagonal;

static size_t
tridiagonal_take(Tridiagonal *t, int n, void *workspace)
{
	size_t		bytes = reco_size_mul((size_t) n, sizeof(double));
	size_t		cursor = 0;

	t->e = reco_workspace_take(&cursor, workspace, bytes);
	t->beta = reco_workspace_take(&cursor, workspace, bytes);
	t->w = reco_workspace_take(&cursor, workspace, bytes);
	return cursor;
}

size_t
reco_linalg_eigen_workspace_size(int n)
{
	Tridiagonal t;

	return tridiagonal_take(&t, n, NULL);
}

/* Copy the upper triangle below the diagonal and scale; false for elements that are not finite. */
static bool
mirror_and_scale(double *a, int n, size_t stride, int *exponent)
{
	double		largest = 0;
	double		bad = 0;

	for (int i = 0; i < n; i++)
		for (int j = i; j < n; j++)
		{
			double		value = a[i * stride + j];

			bad += value - value;
			largest = fmax(largest, fabs(value));
		}
	if (!(bad == 0))
		return false;
	(void) frexp(largest, exponent);
	for (int i = 0; i < n; i++)
		for (int j = i; j < n; j++)
			a[i * stride + j] = a[j * stride + i] = ldexp(a[i * stride + j], -*exponent);
	return true;
}

/*
 * The reflection I - beta v v' that maps x, of length m, to (alpha, 0, ..., 0); v overwrites x.
 */
static double
make_reflection(double *x, int m, double *beta, const RecoKernels *kernels)
{
	double		tail = kernels->dot_f64(x + 1, x + 1, (size_t) m - 1);
	double		alpha;

	*beta = 0;
	if (tail < TINY_SQUARE)
		return x[0];
	alpha = sqrt(x[0] * x[0] + tail);
	if (x[0] > 0)
		alpha = -alpha;
	x[0] -= alpha;				/* same signs: no cancellation */
	*beta = 2 / (x[0] * x[0] + tail);
	return alpha;
}

/* B <- H B H = B - v w' - w v',  p = beta B v,  w = p - (beta p'v / 2) v,  for B of order m. */
static void
reflect_both_sides(double *b, size_t stride, const double *v, double beta, double *w, int m, const RecoKernels *kernels)
{
	for (int i = 0; i < m; i++)
		w[i] = beta * kernels->dot_f64(b + i * stride, v, (size_t) m);
	kernels->axpy_f64(-0.5 * beta * kernels->dot_f64(w, v, (size_t) m), v, w, (size_t) m);
	for (int i = 0; i < m; i++)
	{
		kernels->axpy_f64(-v[i], w, b + i * stride, (size_t) m);
		kernels->axpy_f64(-w[i], v, b + i * stride, (size_t) m);
	}
}

/* Row k of a keeps the vector of reflection k right of the diagonal. */
static RecoStatus
tridiagonalize(Tridiagonal *t, double *a, const RecoRun *run)
{
	for (int k = 0; k < t->n; k++)
	{
		double	   *row = a + k * t->stride + k + 1;
		int			m = t->n - k - 1;

		t->d[k] = a[k * t->stride + k];
		t->beta[k] = 0;
		if (m == 0)
			break;
		t->e[k] = m == 1 ? row[0] : make_reflection(row, m, &t->beta[k], run->kernels);
		if (t->beta[k] != 0)
			reflect_both_sides(row + t->stride, t->stride, row, t->beta[k], t->w, m, run->kernels);
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

/* z = Q' = (H_0 H_1 ...)', built from the last reflection on, when there is least to multiply. */
static RecoStatus
accumulate_reflections(const Tridiagonal *t, const double *a, double *z, const RecoRun *run)
{
	const RecoKernels *kernels = run->kernels;

	for (int i = 0; i < t->n; i++)
	{
		memset(z + i * t->stride, 0, t->n * sizeof(double));
		z[i * t->stride + i] = 1;
	}
	for (int k = t->n - 3; k >= 0; k--)
	{
		const double *v = a + k * t->stride + k + 1;
		double	   *block = z + (k + 1) * t->stride + k + 1;
		size_t		m = (size_t) (t->n - k - 1);

		memset(t->w, 0, m * sizeof(double));
		for (size_t i = 0; i < m; i++)
			kernels->axpy_f64(t->beta[k] * v[i], block + i * t->stride, t->w, m);
		for (size_t i = 0; i < m; i++)
			kernels->axpy_f64(-v[i], t->w, block + i * t->stride, m);
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	for (int i = 0; i < t->n; i++)
		for (int j = i + 1; j < t->n; j++)
		{
			double		upper = z[i * t->stride + j];

			z[i * t->stride + j] = z[j * t->stride + i];
			z[j * t->stride + i] = upper;
		}
	return RECO_OK;
}

/* The eigenvalue of the last 2 x 2 block that is closer to its last element. */
static double
wilkinson_shift(const Tridiagonal *t, int last)
{
	double		half = (t->d[last - 1] - t->d[last]) / 2;
	double		e = t->e[last - 1];
	double		root = sqrt(half * half + e * e);

	if (root < TINY)
		return t->d[last];
	return t->d[last] - e * (e / (half + (half >= 0 ? root : -root)));
}

/* One implicit QR step on the unreduced block first..last; rows of z follow (algorithm 8.3.2). */
static void
qr_step(Tridiagonal *t, int first, int last, double *z, const RecoKernels *kernels)
{
	double		x = t->d[first] - wilkinson_shift(t, last);
	double		bulge = t->e[first];

	for (int k = first; k < last; k++)
	{
		double		square = x * x + bulge * bulge;
		double		r = sqrt(square);
		double		c = square < TINY_SQUARE ? 1 : x / r;
		double		s = square < TINY_SQUARE ? 0 : -bulge / r;
		double		above = t->d[k];
		double		below = t->d[k + 1];
		double		beside = t->e[k];

		if (k > first)
			t->e[k - 1] = r;
		t->d[k] = c * c * above - 2 * c * s * beside + s * s * below;
		t->d[k + 1] = s * s * above + 2 * c * s * beside + c * c * below;
		t->e[k] = c * s * (above - below) + (c * c - s * s) * beside;
		if (k + 1 < last)
		{
			x = t->e[k];
			bulge = -s * t->e[k + 1];
			t->e[k + 1] *= c;
		}
		kernels->givens_f64(c, s, z + k * t->stride, z + (k + 1) * t->stride, (size_t) t->n);
	}
}

static bool
negligible(const Tridiagonal *t, int k)
{
	return fabs(t->e[k]) <= fmax(DBL_EPSILON * (fabs(t->d[k]) + fabs(t->d[k + 1])), TINY);
}

static RecoStatus
diagonalize(Tridiagonal *t, double *z, const RecoRun *run)
{
	int			last = t->n - 1;
	int			sweeps = 0;

	while (last > 0)
	{
		int			first = last;

		while (first > 0 && !negligible(t, first - 1))
			first--;
		if (first == last)
		{
			last--;
			sweeps = 0;
			continue;
		}
		if (++sweeps > MAX_SWEEPS)
			return RECO_NOT_CONVERGED;
		qr_step(t, first, last, z, run->kernels);
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

static void
swap_rows(double *a, double *b, int n)
{
	for (int i = 0; i < n; i++)
	{
		double		value = a[i];

		a[i] = b[i];
		b[i] = value;
	}
}

static void
fix_sign(double *vector, int n)
{
	int			largest = 0;

	for (int i = 1; i < n; i++)
		if (fabs(vector[i]) > fabs(vector[largest]))
			largest = i;
	if (vector[largest] < 0)
		for (int i = 0; i < n; i++)
			vector[i] = -vector[i];
}

/* Descending, by selection: n^2 comparisons are nothing beside the rest. */
static void
put_in_order(Tridiagonal *t, double *z, int exponent)
{
	for (int i = 0; i < t->n; i++)
	{
		int			best = i;
		double		value;

		for (int j = i + 1; j < t->n; j++)
			if (t->d[j] > t->d[best])
				best = j;
		value = t->d[best];
		t->d[best] = t->d[i];
		t->d[i] = ldexp(value, exponent);
		if (best != i)
			swap_rows(z + i * t->stride, z + best * t->stride, t->n);
		fix_sign(z + i * t->stride, t->n);
	}
}

RecoStatus
reco_linalg_eigen(double *a, int n, size_t stride, double *values, double *vectors, void *workspace,
				  const RecoRun *run)
{
	Tridiagonal t = {.n = n, .stride = stride, .d = values};
	RecoStatus	status;
	int			exponent;

	if (n <= 0)
		return n == 0 ? RECO_OK : RECO_BAD_ARGUMENT;
	(void) tridiagonal_take(&t, n, workspace);
	if (!mirror_and_scale(a, n, stride, &exponent))
		return RECO_NOT_FINITE;
	status = tridiagonalize(&t, a, run);
	if (status == RECO_OK)
		status = accumulate_reflections(&t, a, vectors, run);
	if (status == RECO_OK)
		status = diagonalize(&t, vectors, run);
	if (status == RECO_OK)
		put_in_order(&t, vectors, exponent);
	return status;
}

/* What the rows above have taken from diagonal element k. */
static double
taken_from_diagonal(const double *u, int k, size_t stride)
{
	double		sum = 0;

	for (int i = 0; i < k; i++)
		sum += u[i * stride + k] * u[i * stride + k];
	return sum;
}

/*
 * Row by row (Golub and Van Loan, algorithm 4.2.2 turned to upper triangles): row k is finished, then subtracted from
 * the triangle below it, so that every inner loop adds one row to another.  What rounding leaves of an element that
 * should be 0 is at most about n eps times what the element was.
 */
RecoStatus
reco_linalg_cholesky(double *a, int n, size_t stride, const RecoRun *run)
{
	for (int k = 0; k < n; k++)
	{
		double	   *row = a + k * stride;
		double		pivot = row[k];

		if (!(pivot - pivot == 0))
			return RECO_NOT_FINITE;
		if (pivot <= n * DBL_EPSILON * (pivot + taken_from_diagonal(a, k, stride)))
			return RECO_NOT_CONVERGED;
		row[k] = sqrt(pivot);
		for (int j = k + 1; j < n; j++)
			row[j] /= row[k];
		for (int i = k + 1; i < n; i++)
			if (row[i] != 0)
				run->kernels->axpy_f64(-row[i], row + i, a + i * stride + i, (size_t) (n - i));
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

void
reco_linalg_cholesky_solve(const double *u, int n, size_t stride, double *b, const RecoRun *run)
{
	for (int k = 0; k < n; k++)
	{
		const double *row = u + k * stride;

		b[k] /= row[k];
		run->kernels->axpy_f64(-b[k], row + k + 1, b + k + 1, (size_t) (n - k - 1));
	}
	for (int k = n - 1; k >= 0; k--)
	{
		const double *row = u + k * stride;

		b[k] = (b[k] - run->kernels->dot_f64(row + k + 1, b + k + 1, (size_t) (n - k - 1))) / row[k];
	}
}
