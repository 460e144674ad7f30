/*
 * test_numeric.c: tests of the numeric rooms (kernels, linalg, ials, screen, topk) against plain double precision code, for
 * every kernel variant that this processor runs.
 *
 * Prints TAP.  Random numbers come from fixed seeds.
 */
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folding.h"
#include "ials.h"
#include "kernels.h"
#include "linalg.h"
#include "screen.h"
#include "topk.h"

static int	tests;
static int	failures;
static RecoRun run;				/* with the kernels under test */

static void
ok(bool good, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	printf("%sok %d - %s: ", good ? "" : "not ", ++tests, run.kernels != NULL ? run.kernels->name : "all");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	failures += !good;
}

/* --- tools ------------------------------------------------------------------------------------------------- */

static uint64_t random_state;

static uint64_t
random_bits(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static double
uniform(void)
{
	return (double) (random_bits() >> 11) * 0x1p-53;
}

static double
normal(void)
{
	double		sum = -6;

	for (int i = 0; i < 12; i++)
		sum += uniform();
	return sum;
}

/*
 * Zeroed, on a cache line, with a canary behind: guarded_free says whether nobody wrote there (as an int, so that several
 * can be joined by & and all of them run).
 */
#define CANARY		64
#define CANARY_BYTE 0x5a

static void *
guarded_alloc(size_t size)
{
	size_t		rounded = (size + 63) / 64 * 64;
	char	   *memory = aligned_alloc(64, rounded + 128);

	if (memory == NULL)
		abort();
	memset(memory + 64, 0, rounded);
	memcpy(memory, &size, sizeof(size));
	memset(memory + 64 + size, CANARY_BYTE, CANARY < rounded + 64 - size ? CANARY : rounded + 64 - size);
	return memory + 64;
}

static int
guarded_free(void *pointer)
{
	char	   *memory = (char *) pointer - 64;
	size_t		size;
	int			intact = 1;

	memcpy(&size, memory, sizeof(size));
	for (size_t i = 0; i < ((size + 63) / 64 * 64 + 64 - size < CANARY ? (size + 63) / 64 * 64 + 64 - size : CANARY); i++)
		intact = intact && memory[64 + size + i] == CANARY_BYTE;
	free(memory);
	return intact;
}

typedef enum Kind
{
	NORMAL, ZERO, WIDE, DENORMAL, KINDS
} Kind;

static const char *const kind_names[] = {"random", "zero", "1e-20 to 1e15", "denormal"};

static float
number(Kind kind)
{
	double		sign = random_bits() & 1 ? 1 : -1;

	switch (kind)
	{
		case NORMAL:
			return (float) normal();
		case WIDE:
			return (float) (sign * pow(10, -20 + 35 * uniform()));
		case DENORMAL:
			return (float) (sign * 1e-40 * uniform());
		default:
			return 0;
	}
}

static float *
make_rows(size_t n, int f, Kind kind)
{
	size_t		stride = reco_stride(f);
	float	   *rows = guarded_alloc(n * stride * sizeof(float) + 64);

	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < f; k++)
			rows[i * stride + k] = number(kind);
	return rows;
}

static bool
close_to(double value, double wanted, double tolerance)
{
	return fabs(value - wanted) <= tolerance;
}

/* Solve a x = b (a is n x n, full) by Gaussian elimination with pivoting; destroys both, x in b. */
static void
naive_solve(double *a, double *b, int n)
{
	for (int k = 0; k < n; k++)
	{
		int			pivot = k;

		for (int i = k + 1; i < n; i++)
			if (fabs(a[i * n + k]) > fabs(a[pivot * n + k]))
				pivot = i;
		for (int j = 0; j < n; j++)
		{
			double		value = a[k * n + j];

			a[k * n + j] = a[pivot * n + j];
			a[pivot * n + j] = value;
		}
		{
			double		value = b[k];

			b[k] = b[pivot];
			b[pivot] = value;
		}
		for (int i = k + 1; i < n; i++)
		{
			double		factor = a[i * n + k] / a[k * n + k];

			for (int j = k; j < n && factor != 0; j++)
				a[i * n + j] -= factor * a[k * n + j];
			b[i] -= factor * b[k];
		}
	}
	for (int k = n - 1; k >= 0; k--)
	{
		for (int j = k + 1; j < n; j++)
			b[k] -= a[k * n + j] * b[j];
		b[k] /= a[k * n + k];
	}
}

/* --- kernels ----------------------------------------------------------------------------------------------- */

static const int factor_counts[] = {1, 7, 64, 128, 257};
static const int row_counts[] = {0, 1, 2, 15, 16, 17, 33, 100};

#define COUNT(array) ((int) (sizeof(array) / sizeof(array[0])))

/* Relative to the sum of magnitudes; smaller products than floats can hold are lost. */
static double
float_tolerance(double magnitude)
{
	return 2e-6 * magnitude + 1e-36;
}

static bool
vectors_agree(const float *x, const float *y, int n)
{
	const RecoKernels *kernels = run.kernels;
	float	   *z = guarded_alloc((size_t) n * sizeof(float));
	double		sum = 0;
	double		magnitude = 0;
	bool		good;

	for (int i = 0; i < n; i++)
	{
		sum += (double) x[i] * y[i];
		magnitude += fabs((double) x[i] * y[i]);
		z[i] = y[i];
	}
	good = close_to(kernels->dot(x, y, (size_t) n), sum, float_tolerance(magnitude));
	kernels->axpy(0.5f, x, z, (size_t) n);
	for (int i = 0; i < n; i++)
		good = good && close_to(z[i], y[i] + 0.5 * x[i], 1e-6 * (fabs(y[i]) + fabs(x[i])) + 1e-44);
	memcpy(z, y, (size_t) n * sizeof(float));
	kernels->scale(-3, z, (size_t) n);
	for (int i = 0; i < n; i++)
		good = good && z[i] == -3 * y[i];
	good = good && kernels->finite(x, (size_t) n);
	for (int bad = 0; bad < n; bad++)
	{
		z[bad] = bad % 3 == 0 ? NAN : bad % 3 == 1 ? INFINITY : -INFINITY;
		good = good && !kernels->finite(z, (size_t) n);
		z[bad] = 0;
	}
	return guarded_free(z) && good;
}

static bool
wide_vectors_agree(int n)
{
	const RecoKernels *kernels = run.kernels;
	double	   *x = guarded_alloc((size_t) n * sizeof(double));
	double	   *y = guarded_alloc((size_t) n * sizeof(double));
	double	   *a = guarded_alloc((size_t) n * sizeof(double));
	double	   *b = guarded_alloc((size_t) n * sizeof(double));
	double		sum = 0;
	bool		good = true;

	for (int i = 0; i < n; i++)
	{
		a[i] = x[i] = normal();
		b[i] = y[i] = normal();
		sum += x[i] * y[i];
	}
	good = close_to(kernels->dot_f64(x, y, (size_t) n), sum, 1e-13 * n);
	kernels->axpy_f64(0.25, x, y, (size_t) n);
	for (int i = 0; i < n; i++)
		good = good && close_to(y[i], b[i] + 0.25 * x[i], 1e-14);
	kernels->givens_f64(0.6, 0.8, x, y, (size_t) n);
	for (int i = 0; i < n; i++)
		good = good && close_to(x[i], 0.6 * a[i] - 0.8 * (b[i] + 0.25 * a[i]), 1e-14) &&
			close_to(y[i], 0.8 * a[i] + 0.6 * (b[i] + 0.25 * a[i]), 1e-14);
	return guarded_free(x) & guarded_free(y) & guarded_free(a) & guarded_free(b) & good;
}

/* scan, dots and add_rows on n rows; also that scan and dots agree to the bit, wherever a row stands. */
static bool
rows_agree(const float *rows, int f, int n, const float *x)
{
	const RecoKernels *kernels = run.kernels;
	size_t		stride = reco_stride(f);
	float	   *scores = guarded_alloc((size_t) n * sizeof(float));
	float	   *again = guarded_alloc((size_t) n * sizeof(float));
	float	   *biased = guarded_alloc((size_t) n * sizeof(float));
	int32_t    *index = guarded_alloc((size_t) n * sizeof(int32_t));
	bool		good = true;

	for (int i = 0; i < n; i++)
	{
		index[i] = n - 1 - i;
		biased[i] = (float) i;
	}
	kernels->scan(rows, stride, (size_t) n, x, NULL, scores);
	kernels->scan(rows, stride, (size_t) n, x, biased, again);
	for (int i = 0; i < n; i++)
		good = good && again[i] == scores[i] + (float) i;
	kernels->dots(rows, stride, index, (size_t) n, x, again);
	for (int i = 0; i < n; i++)
	{
		double		sum = 0;
		double		magnitude = 0;
		float		alone;

		for (int k = 0; k < f; k++)
		{
			sum += (double) rows[i * stride + k] * x[k];
			magnitude += fabs((double) rows[i * stride + k] * x[k]);
		}
		kernels->scan(rows + i * stride, stride, 1, x, NULL, &alone);
		good = good && close_to(scores[i], sum, float_tolerance(magnitude)) && scores[i] == alone &&
			again[n - 1 - i] == scores[i];
	}
	return guarded_free(scores) & guarded_free(again) & guarded_free(biased) & guarded_free(index) & good;
}

static bool
sums_agree(const float *rows, int f, int n)
{
	size_t		stride = reco_stride(f);
	float	   *c = guarded_alloc((size_t) n * sizeof(float));
	float	   *y = guarded_alloc(stride * sizeof(float));
	bool		good = true;

	for (int i = 0; i < n; i++)
		c[i] = (float) normal();
	run.kernels->add_rows(rows, stride, (size_t) n, c, y);
	for (size_t k = 0; k < stride; k++)
	{
		double		sum = 0;
		double		magnitude = 0;

		for (int i = 0; i < n; i++)
		{
			sum += (double) c[i] * rows[i * stride + k];
			magnitude += fabs((double) c[i] * rows[i * stride + k]);
		}
		good = good && close_to(y[k], sum, float_tolerance(magnitude));
	}
	return guarded_free(c) & guarded_free(y) & good;
}

/* gather, then pcg_pass, also from an address that is aligned to nothing. */
static bool
pass_agrees(const float *rows, int f, int n, const float *v, float target, float sign)
{
	size_t		stride = reco_stride(f);
	size_t		padded = ((size_t) n + RECO_PANEL_ROWS - 1) / RECO_PANEL_ROWS * RECO_PANEL_ROWS;
	float	   *panel = guarded_alloc(padded * stride * sizeof(float));
	float	   *shifted = guarded_alloc((padded * stride + 1) * sizeof(float));
	float	   *w = guarded_alloc(padded * sizeof(float));
	float	   *y = guarded_alloc(stride * sizeof(float));
	float	   *again = guarded_alloc((stride + 1) * sizeof(float));
	double	   *sum = guarded_alloc(stride * sizeof(double));
	double	   *magnitude = guarded_alloc(stride * sizeof(double));
	int32_t    *index = guarded_alloc((size_t) n * sizeof(int32_t));
	bool		good = true;

	memset(panel, 1, padded * stride * sizeof(float));
	for (int i = 0; i < n; i++)
	{
		const float *row = rows + (size_t) (n - 1 - i) * stride;
		double		score = 0;
		double		size = 0;

		index[i] = n - 1 - i;
		w[i] = (float) uniform();
		for (int k = 0; k < f; k++)
		{
			score += (double) row[k] * v[k];
			size += fabs((double) row[k] * v[k]);
		}
		for (int k = 0; k < f; k++)
		{
			sum[k] += w[i] * (target + sign * score) * row[k];
			magnitude[k] += w[i] * (fabs(target) + size) * fabs(row[k]);
		}
	}
	run.kernels->gather(rows, stride, index, (size_t) n, panel);
	run.kernels->pcg_pass(panel, stride, padded, w, target, sign, v, y);
	memcpy(shifted + 1, panel, padded * stride * sizeof(float));
	run.kernels->pcg_pass(shifted + 1, stride, padded, w, target, sign, v, again + 1);
	for (size_t k = 0; k < stride; k++)
		good = good && close_to(y[k], sum[k], float_tolerance(magnitude[k]));
	good = good && memcmp(y, again + 1, stride * sizeof(float)) == 0;
	return guarded_free(panel) & guarded_free(shifted) & guarded_free(w) & guarded_free(y) & guarded_free(again) &
		guarded_free(sum) & guarded_free(magnitude) & guarded_free(index) & good;
}

/* Without weights the same bits as the plain sum: products of floats are exact in double. */
static bool
gram_agrees(const float *rows, int f, int n)
{
	size_t		stride = reco_stride(f);
	double	   *g = guarded_alloc(stride * stride * sizeof(double));
	double	   *weighted = guarded_alloc(stride * stride * sizeof(double));
	double	   *w = guarded_alloc((size_t) n * sizeof(double));
	bool		good = true;

	for (int i = 0; i < n; i++)
		w[i] = uniform();
	run.kernels->gram(rows, stride, (size_t) n, NULL, g);
	run.kernels->gram(rows, stride, (size_t) n, w, weighted);
	for (size_t a = 0; a < stride; a++)
		for (size_t b = a; b < stride; b++)
		{
			double		sum = 0;
			double		weighted_sum = 0;
			double		magnitude = 0;

			for (int i = 0; i < n; i++)
			{
				double		product = (double) rows[i * stride + a] * rows[i * stride + b];

				sum += product;
				weighted_sum += w[i] * product;
				magnitude += fabs(product);
			}
			good = good && g[a * stride + b] == sum &&
				close_to(weighted[a * stride + b], weighted_sum, 1e-14 * magnitude);
		}
	return guarded_free(g) & guarded_free(weighted) & guarded_free(w) & good;
}

static bool
rotate_agrees(const float *rows, int f, int n)
{
	size_t		stride = reco_stride(f);
	float	   *rotated = guarded_alloc((size_t) n * stride * sizeof(float));
	float	   *q = guarded_alloc(stride * stride * sizeof(float));
	bool		good = true;

	for (int a = 0; a < f; a++)
		for (int b = 0; b < f; b++)
			q[a * stride + b] = (float) normal();
	memcpy(rotated, rows, (size_t) n * stride * sizeof(float));
	run.kernels->rotate(rotated, stride, (size_t) n, q);
	for (int i = 0; i < n; i++)
		for (size_t b = 0; b < stride; b++)
		{
			double		sum = 0;
			double		magnitude = 0;

			for (int a = 0; a < f; a++)
			{
				sum += (double) rows[i * stride + a] * q[a * stride + b];
				magnitude += fabs((double) rows[i * stride + a] * q[a * stride + b]);
			}
			good = good && close_to(rotated[i * stride + b], sum, 5 * float_tolerance(magnitude));
		}
	for (int i = 0; i < n; i++)
	{
		float	   *alone = guarded_alloc(stride * sizeof(float));

		memcpy(alone, rows + i * stride, stride * sizeof(float));
		run.kernels->rotate(alone, stride, 1, q);
		good = good && memcmp(alone, rotated + i * stride, stride * sizeof(float)) == 0;
		good = guarded_free(alone) && good;
	}
	return guarded_free(rotated) & guarded_free(q) & good;
}

/* The vector work of conjugate gradients, each against its formula. */
static bool
pcg_vectors_agree(int f)
{
	const RecoKernels *kernels = run.kernels;
	size_t		stride = reco_stride(f);
	float	   *v[7];			/* d, x, r, p, q, and copies of r and x */
	double		rho = 0;
	double		norm = 0;
	double		pq = 0;
	float		norm_found;
	bool		good = true;

	for (int i = 0; i < 7; i++)
		v[i] = make_rows(1, f, NORMAL);
	for (size_t k = 0; k < stride; k++)
	{
		v[0][k] = k < (size_t) f ? fabsf(v[0][k]) : 1;
		v[5][k] = v[2][k];
		v[6][k] = v[1][k];
	}
	for (int k = 0; k < f; k++)
	{
		double		m = v[0][k] + 0.5;
		double		r = v[2][k] - m * v[1][k];

		rho += r * r / m;
		norm += m * v[1][k] * v[1][k];
	}
	good = close_to(kernels->pcg_start(v[0], 0.5f, v[1], v[2], v[3], stride, &norm_found), rho, 1e-5 * (rho + norm)) &&
		close_to(norm_found, norm, 1e-5 * norm);
	for (int k = 0; k < f; k++)
		pq += v[3][k] * (v[4][k] + (v[0][k] + 0.5) * v[3][k]);
	good = good && close_to(kernels->pcg_apply(v[0], 0.5f, v[3], v[4], stride), pq, 1e-5 * (fabs(pq) + rho + norm));
	rho = kernels->pcg_step(v[0], 0.5f, 0.25f, v[3], v[4], v[1], v[2], stride, &norm_found);
	norm = 0;
	for (int k = 0; k < f; k++)
	{
		double		m = v[0][k] + 0.5;

		good = good && close_to(v[2][k], v[5][k] - m * v[6][k] - 0.25 * v[4][k], 1e-4) &&
			close_to(v[1][k], v[6][k] + 0.25 * v[3][k], 1e-4);
		rho -= v[2][k] * v[2][k] / m;
		norm += m * v[1][k] * v[1][k];
		v[6][k] = v[3][k];
	}
	good = good && close_to(rho, 0, 1e-3) && close_to(norm_found, norm, 1e-5 * norm);
	kernels->pcg_turn(v[0], 0.5f, 2, v[2], v[3], stride);
	for (int k = 0; k < f; k++)
		good = good && close_to(v[3][k], v[2][k] / (v[0][k] + 0.5) + 2 * v[6][k], 1e-3);
	for (size_t k = (size_t) f; k < stride; k++)
		good = good && v[1][k] == 0 && v[2][k] == 0 && v[3][k] == 0 && v[4][k] == 0;
	for (int i = 0; i < 7; i++)
		good = guarded_free(v[i]) && good;
	return good;
}

/* The correction of conjugate gradients: in double, against its formula. */
static bool
pcg_correct_agrees(int f)
{
	size_t		stride = reco_stride(f);
	float	   *panel = make_rows(2 * RECO_PANEL_ROWS, f, NORMAL);
	float	   *w = make_rows(1, 2 * RECO_PANEL_ROWS, NORMAL);
	float	   *part = make_rows(1, f, NORMAL);
	float	   *r = make_rows(1, f, NORMAL);
	double	   *m = guarded_alloc(stride * sizeof(double));
	double	   *x = guarded_alloc(stride * sizeof(double));
	double		wanted[RECO_MAX_FACTORS];
	double		rho = 0;
	double		norm = 0;
	double		found;
	double		norm_found;
	bool		good = true;

	for (size_t k = 0; k < stride; k++)
	{
		m[k] = 1 + (double) k / 8;
		x[k] = k < (size_t) f ? (double) part[k] / 3 : 0;
		wanted[k] = -m[k] * (x[k] + (double) part[k]);
		norm += m[k] * (x[k] + (double) part[k]) * (x[k] + (double) part[k]);
	}
	for (int i = 0; i < 2 * RECO_PANEL_ROWS; i++)
	{
		double		miss = 1;

		for (int k = 0; k < f; k++)
			miss -= (double) panel[i * stride + k] * (x[k] + (double) part[k]);
		for (int k = 0; k < f; k++)
			wanted[k] += w[i] * miss * panel[i * stride + k];
	}
	for (int k = 0; k < f; k++)
		rho += wanted[k] * wanted[k] / m[k];
	found = run.kernels->pcg_correct(panel, stride, 2 * RECO_PANEL_ROWS, w, m, part, x, r, &norm_found);
	good = close_to(found, rho, 1e-11 * rho) && close_to(norm_found, norm, 1e-13 * norm);
	for (size_t k = 0; k < stride; k++)
		good = good && part[k] == 0 && close_to(r[k], wanted[k], 1e-6 * sqrt(rho * m[k]) + 1e-6 * fabs(wanted[k])) &&
			(k < (size_t) f || r[k] == 0);
	return guarded_free(panel) & guarded_free(w) & guarded_free(part) & guarded_free(r) & guarded_free(m) & guarded_free(x) & good;
}

static void
test_kernels_kind(Kind kind)
{
	bool		vectors = true;
	bool		rows = true;
	bool		sums = true;
	bool		passes = true;
	bool		grams = true;
	bool		rotations = true;

	for (int i = 0; i < COUNT(factor_counts); i++)
		for (int j = 0; j < COUNT(row_counts); j++)
		{
			int			f = factor_counts[i];
			int			n = row_counts[j];
			float	   *y = make_rows((size_t) n, f, kind);
			float	   *x = make_rows(1, f, kind);
			float	   *v = make_rows(1, f, kind == WIDE ? NORMAL : kind);

			vectors = vectors_agree(x, v, f) && vectors;
			rows = rows_agree(y, f, n, x) && rows;
			sums = sums_agree(y, f, n) && sums;
			passes = pass_agrees(y, f, n, v, 1, -1) && pass_agrees(y, f, n, v, 0, 1) && passes;
			grams = gram_agrees(y, f, n) && grams;
			rotations = rotate_agrees(y, f, n) && rotations;
			rows = guarded_free(y) & guarded_free(x) & guarded_free(v) & rows;
		}
	ok(vectors, "vector kernels, %s numbers", kind_names[kind]);
	ok(rows, "scan and dots, %s numbers", kind_names[kind]);
	ok(sums, "add_rows, %s numbers", kind_names[kind]);
	ok(passes, "gather and pcg_pass, %s numbers", kind_names[kind]);
	ok(grams, "gram, %s numbers", kind_names[kind]);
	ok(rotations, "rotate, %s numbers", kind_names[kind]);
}

static void
test_kernels(void)
{
	bool		wide = true;
	bool		pcg = true;

	random_state = 1;
	for (int kind = 0; kind < KINDS; kind++)
		test_kernels_kind((Kind) kind);
	for (int n = 0; n < 70; n++)
		wide = wide_vectors_agree(n) && wide;
	ok(wide, "kernels for doubles");
	for (int i = 0; i < COUNT(factor_counts); i++)
		pcg = pcg_vectors_agree(factor_counts[i]) && pcg_correct_agrees(factor_counts[i]) && pcg;
	ok(pcg, "conjugate gradient vectors");
}

static void
test_choice(void)
{
	const RecoKernels *best = reco_kernels_choose(NULL);
	bool		found = false;

	ok(best != NULL && best == reco_kernels_choose("auto"), "auto is the best");
	for (int i = 0; reco_kernels_name(i) != NULL; i++)
	{
		const RecoKernels *kernels = reco_kernels_choose(reco_kernels_name(i));

		if (kernels != NULL && !found)
		{
			ok(kernels == best && strcmp(best->name, reco_kernels_name(i)) == 0, "the first that runs is the best");
			found = true;
		}
	}
	ok(reco_kernels_choose("baseline") != NULL, "baseline runs everywhere");
	ok(reco_kernels_choose("nonsense") == NULL && reco_kernels_choose("") == NULL, "unknown names give NULL");
	ok(reco_kernels_name(-1) == NULL && reco_kernels_name(1000) == NULL, "names end");
}

/* --- linear algebra ---------------------------------------------------------------------------------------- */

typedef double (*Element) (int i, int j, int n);

static double
element_random(int i, int j, int n)
{
	(void) i, (void) j, (void) n;
	return normal();
}

static double
element_zero(int i, int j, int n)
{
	(void) i, (void) j, (void) n;
	return 0;
}

static double
element_identity(int i, int j, int n)
{
	(void) n;
	return i == j;
}

static double
element_ones(int i, int j, int n)
{
	(void) i, (void) j, (void) n;
	return 1;
}

static double
element_huge(int i, int j, int n)
{
	return element_random(i, j, n) * 1e300;
}

static double
element_tiny(int i, int j, int n)
{
	return element_random(i, j, n) * 1e-300;
}

/* Each eigenvalue several times: a + b on the diagonal of 3 x 3 blocks of b. */
static double
element_blocks(int i, int j, int n)
{
	(void) n;
	return i / 3 != j / 3 ? 0 : i == j ? 5 : 2;
}

static double
element_graded(int i, int j, int n)
{
	return pow(10, -12.0 * (i + j) / (2 * n)) * (i == j ? 2 : 0.5);
}

/* Eigenvalues +-1 alike, far from the diagonal. */
static double
element_exchange(int i, int j, int n)
{
	return i + j == n - 1;
}

static double
largest_magnitude(const double *a, int n, size_t stride)
{
	double		largest = 0;

	for (int i = 0; i < n; i++)
		for (int j = i; j < n; j++)
			largest = fmax(largest, fabs(a[i * stride + j]));
	return largest;
}

/* Residual and orthogonality, order and signs. */
static bool
eigen_holds(const double *a, int n, size_t stride, const double *values, const double *vectors)
{
	double		scale = largest_magnitude(a, n, stride);
	double		tolerance = 1e-14 * (n + 10);
	bool		good = true;

	scale = scale == 0 ? 1 : scale;
	for (int e = 0; e < n; e++)
	{
		const double *v = vectors + e * stride;
		double		largest = 0;
		int			sign = 1;

		good = good && (e == 0 || values[e] <= values[e - 1]);
		for (int i = 0; i < n; i++)
		{
			double		residual = -(values[e] / scale) * v[i];

			for (int j = 0; j < n; j++)
				residual += (i <= j ? a[i * stride + j] : a[j * stride + i]) / scale * v[j];
			good = good && fabs(residual) <= tolerance;
			if (fabs(v[i]) > largest)
			{
				largest = fabs(v[i]);
				sign = v[i] > 0 ? 1 : -1;
			}
		}
		for (int other = 0; other <= e; other++)
		{
			double		product = other == e ? -1 : 0;

			for (int i = 0; i < n; i++)
				product += v[i] * vectors[other * stride + i];
			good = good && fabs(product) <= tolerance;
		}
		good = good && sign > 0;
	}
	return good;
}

static bool
eigen_works(Element element, int n)
{
	size_t		stride = reco_stride(n);
	double	   *a = guarded_alloc(stride * n * sizeof(double));
	double	   *copy = guarded_alloc(stride * n * sizeof(double));
	double	   *vectors = guarded_alloc(stride * n * sizeof(double));
	double	   *values = guarded_alloc(n * sizeof(double));
	void	   *workspace = guarded_alloc(reco_linalg_eigen_workspace_size(n));
	bool		good;

	for (int i = 0; i < n; i++)
		for (int j = i; j < n; j++)
			a[i * stride + j] = copy[i * stride + j] = element(i, j, n);
	good = reco_linalg_eigen(copy, n, stride, values, vectors, workspace, &run) == RECO_OK;
	good = good && eigen_holds(a, n, stride, values, vectors);
	return guarded_free(a) & guarded_free(copy) & guarded_free(vectors) & guarded_free(values) &
		guarded_free(workspace) & good;
}

static void
test_eigen(void)
{
	static const struct
	{
		const char *name;
		Element		element;
	}			kinds[] = {
		{"random", element_random}, {"zero", element_zero}, {"identity", element_identity}, {"rank one", element_ones},
		{"huge", element_huge}, {"tiny", element_tiny}, {"repeated eigenvalues", element_blocks},
		{"graded", element_graded}, {"exchange", element_exchange}
	};
	static const int orders[] = {1, 2, 3, 7, 16, 64, 129};
	double		bad[1] = {NAN};
	double		value;
	double		vector;
	double		workspace[64];

	random_state = 2;
	for (int kind = 0; kind < COUNT(kinds); kind++)
	{
		bool		good = true;

		for (int i = 0; i < COUNT(orders); i++)
			good = eigen_works(kinds[kind].element, orders[i]) && good;
		ok(good, "eigenvectors, %s", kinds[kind].name);
	}
	ok(reco_linalg_eigen(bad, 1, 16, &value, &vector, workspace, &run) == RECO_NOT_FINITE, "eigenvectors of NaN");
	ok(reco_linalg_eigen(bad, 0, 16, &value, &vector, workspace, &run) == RECO_OK, "eigenvectors of nothing");
}

/* A = R R' + I, of order n. */
static void
test_cholesky_order(int n)
{
	size_t		stride = reco_stride(n);
	double	   *r = guarded_alloc(stride * n * sizeof(double));
	double	   *a = guarded_alloc(stride * n * sizeof(double));
	double	   *u = guarded_alloc(stride * n * sizeof(double));
	double	   *b = guarded_alloc(n * sizeof(double));
	double		worst = 0;
	RecoStatus	status;

	for (size_t i = 0; i < stride * n; i++)
		r[i] = normal();
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
		{
			a[i * stride + j] = i == j;
			for (int k = 0; k < n; k++)
				a[i * stride + j] += r[i * stride + k] * r[j * stride + k];
			u[i * stride + j] = i <= j ? a[i * stride + j] : NAN;
			b[i] += a[i * stride + j] * (j + 1);
		}
	status = reco_linalg_cholesky(u, n, stride, &run);
	reco_linalg_cholesky_solve(u, n, stride, b, &run);
	for (int i = 0; i < n; i++)
	{
		worst = fmax(worst, fabs(b[i] - (i + 1)) / n);
		for (int j = i; j < n; j++)
		{
			double		sum = -a[i * stride + j];

			for (int k = 0; k <= i; k++)
				sum += u[k * stride + i] * u[k * stride + j];
			worst = fmax(worst, fabs(sum) / n);
		}
	}
	worst = (guarded_free(r) & guarded_free(a) & guarded_free(u) & guarded_free(b)) ? worst : INFINITY;
	ok(status == RECO_OK && worst < 1e-9, "Cholesky of order %d, error %.1e", n, worst);
}

static void
test_cholesky(void)
{
	double		indefinite[32] = {1, 2};
	double		zero[16] = {0};
	double		nan[16] = {NAN};
	double		infinite[32] = {1, INFINITY};

	random_state = 3;
	test_cholesky_order(1);
	test_cholesky_order(7);
	test_cholesky_order(64);
	test_cholesky_order(257);
	indefinite[17] = infinite[17] = 1;
	ok(reco_linalg_cholesky(indefinite, 2, 16, &run) == RECO_NOT_CONVERGED, "Cholesky refuses an indefinite matrix");
	ok(reco_linalg_cholesky(zero, 1, 16, &run) == RECO_NOT_CONVERGED, "Cholesky refuses a singular matrix");
	ok(reco_linalg_cholesky(nan, 1, 16, &run) == RECO_NOT_FINITE, "Cholesky refuses NaN");
	ok(reco_linalg_cholesky(infinite, 2, 16, &run) == RECO_NOT_FINITE, "Cholesky refuses infinity");
}

/* --- iALS: data and an exact solver ------------------------------------------------------------------------ */

typedef struct Data
{
	RecoSparse	by_bag;
	RecoSparse	by_item;
	RecoIalsOptions options;
	float	   *x;
	float	   *y;
	void	   *workspace;
} Data;

static void
transpose(const RecoSparse *in, RecoSparse *out)
{
	int64_t    *start = calloc((size_t) in->cols + 2, sizeof(int64_t));
	int32_t    *index = malloc(((size_t) in->start[in->rows] + 1) * sizeof(int32_t));
	float	   *weight = malloc(((size_t) in->start[in->rows] + 1) * sizeof(float));

	for (int64_t i = 0; i < in->start[in->rows]; i++)
		start[in->index[i] + 2]++;
	for (int32_t c = 0; c < in->cols; c++)
		start[c + 1] += start[c];
	for (int32_t r = 0; r < in->rows; r++)
		for (int64_t i = in->start[r]; i < in->start[r + 1]; i++)
		{
			int64_t		at = start[in->index[i] + 1]++;

			index[at] = r;
			weight[at] = in->weight[i];
		}
	*out = (RecoSparse) {in->cols, in->rows, start, index, weight};
}

/* Popular and less popular items; bags of two tastes; the first bag is empty, the second full, the third of weight 0. */
static Data
make_data(int32_t bags, int32_t items, int f)
{
	Data		data;
	int64_t    *start = calloc((size_t) bags + 1, sizeof(int64_t));
	int32_t    *index = malloc((size_t) bags * (size_t) items * sizeof(int32_t));
	float	   *weight = malloc((size_t) bags * (size_t) items * sizeof(float));
	int64_t		n = 0;

	for (int32_t b = 0; b < bags; b++)
	{
		double		appetite = b == 0 ? 0 : b == 1 ? 1e9 : 0.3 * exp(0.8 * normal());

		for (int32_t i = 0; i < items; i++)
			if (uniform() < appetite * (i % 2 == b % 2 ? 1.5 : 0.4) * pow((double) (i + 1) / items, -0.5) * 0.3)
			{
				index[n] = i;
				weight[n++] = b == 2 ? 0 : (float) (0.2 + 2 * uniform());
			}
		start[b + 1] = n;
	}
	data.by_bag = (RecoSparse) {bags, items, start, index, weight};
	transpose(&data.by_bag, &data.by_item);
	data.options = reco_ials_options_default();
	data.options.factors = f;
	data.options.regularization = 0.01;
	data.x = guarded_alloc((size_t) bags * reco_stride(f) * sizeof(float));
	data.y = guarded_alloc((size_t) items * reco_stride(f) * sizeof(float));
	data.workspace = guarded_alloc(reco_ials_workspace_size(&data.options));
	(void) reco_ials_init(data.y, items, f, 7, &run);
	return data;
}

static int
free_data(Data *data)
{
	RecoSparse *both[] = {&data->by_bag, &data->by_item};

	for (int i = 0; i < 2; i++)
	{
		free((void *) both[i]->start);
		free((void *) both[i]->index);
		free((void *) both[i]->weight);
	}
	return guarded_free(data->x) & guarded_free(data->y) & guarded_free(data->workspace);
}

/* The f x f matrix a0 S'S. */
static double *
naive_gram(const double *s, int32_t columns, int f, double unobserved)
{
	double	   *g = calloc((size_t) f * (size_t) f, sizeof(double));

	for (int32_t c = 0; c < columns; c++)
		for (int a = 0; a < f; a++)
			for (int b = 0; b < f; b++)
				g[a * f + b] += unobserved * s[(size_t) c * f + a] * s[(size_t) c * f + b];
	return g;
}

/* The exact row of one half iteration, given a0 S'S. */
static void
naive_row(const RecoSparse *matrix, const RecoIalsOptions *options, const double *gram, const double *s, int32_t row,
		  double *x)
{
	int			f = options->factors;
	double	   *a = malloc((size_t) f * (size_t) f * sizeof(double));
	double		ridge = options->unobserved * matrix->cols;

	memcpy(a, gram, (size_t) f * (size_t) f * sizeof(double));
	memset(x, 0, (size_t) f * sizeof(double));
	for (int64_t i = matrix->start[row]; i < matrix->start[row + 1]; i++)
	{
		const double *y = s + (size_t) matrix->index[i] * f;

		ridge += matrix->weight[i];
		for (int k = 0; k < f; k++)
		{
			x[k] += matrix->weight[i] * y[k];
			for (int l = 0; l < f; l++)
				a[k * f + l] += matrix->weight[i] * y[k] * y[l];
		}
	}
	for (int k = 0; k < f; k++)
		a[k * f + k] += options->regularization * ridge;
	naive_solve(a, x, f);
	free(a);
}

static void
naive_half(const RecoSparse *matrix, const RecoIalsOptions *options, const double *s, double *t)
{
	double	   *gram = naive_gram(s, matrix->cols, options->factors, options->unobserved);

	for (int32_t row = 0; row < matrix->rows; row++)
		naive_row(matrix, options, gram, s, row, t + (size_t) row * options->factors);
	free(gram);
}

static double *
widen_rows(const float *rows, int32_t n, int f)
{
	double	   *wide = malloc(((size_t) n * f + 1) * sizeof(double));

	for (int32_t i = 0; i < n; i++)
		for (int k = 0; k < f; k++)
			wide[(size_t) i * f + k] = rows[i * reco_stride(f) + k];
	return wide;
}

static double
norm_of(const double *x, int f)
{
	double		sum = 0;

	for (int k = 0; k < f; k++)
		sum += x[k] * x[k];
	return sum;
}

static double
naive_regularization(const RecoSparse *matrix, const RecoIalsOptions *options, const double *x)
{
	double		sum = 0;

	for (int32_t r = 0; r < matrix->rows; r++)
	{
		double		mass = options->unobserved * matrix->cols;

		for (int64_t i = matrix->start[r]; i < matrix->start[r + 1]; i++)
			mass += matrix->weight[i];
		sum += mass * norm_of(x + (size_t) r * options->factors, options->factors);
	}
	return options->regularization * sum;
}

/* The objective as it is defined, one pair at a time. */
static double
naive_objective(const Data *data, const double *x, const double *y)
{
	int			f = data->options.factors;
	double		sum = naive_regularization(&data->by_bag, &data->options, x) +
		naive_regularization(&data->by_item, &data->options, y);

	for (int32_t b = 0; b < data->by_bag.rows; b++)
	{
		int64_t		at = data->by_bag.start[b];

		for (int32_t i = 0; i < data->by_bag.cols; i++)
		{
			double		score = 0;

			for (int k = 0; k < f; k++)
				score += x[(size_t) b * f + k] * y[(size_t) i * f + k];
			sum += data->options.unobserved * score * score;
			if (at < data->by_bag.start[b + 1] && data->by_bag.index[at] == i)
				sum += data->by_bag.weight[at++] * (1 - score) * (1 - score);
		}
	}
	return sum;
}

static RecoStatus
iterate(Data *data)
{
	return reco_ials_iterate(&data->by_bag, &data->by_item, &data->options, data->x, data->y, data->workspace, &run);
}

static double
objective(Data *data)
{
	double		value = NAN;

	if (reco_ials_objective(&data->by_bag, &data->by_item, &data->options, data->x, data->y, data->workspace, &run,
							&value) != RECO_OK)
		return NAN;
	return value;
}

/* --- iALS: tests ------------------------------------------------------------------------------------------- */

static void
test_init(void)
{
	size_t		stride = reco_stride(20);
	float	   *ten = guarded_alloc(10 * stride * sizeof(float));
	float	   *many = guarded_alloc(1000 * stride * sizeof(float));
	float	   *other = guarded_alloc(10 * stride * sizeof(float));
	double		sum = 0;
	double		squares = 0;
	bool		padding = true;

	memset(many, 1, 1000 * stride * sizeof(float));
	(void) reco_ials_init(ten, 10, 20, 5, &run);
	(void) reco_ials_init(many, 1000, 20, 5, &run);
	(void) reco_ials_init(other, 10, 20, 6, &run);
	ok(memcmp(ten, many, 10 * stride * sizeof(float)) == 0, "a row's start does not depend on the number of rows");
	ok(memcmp(ten, other, 10 * stride * sizeof(float)) != 0, "but on the seed");
	for (size_t i = 0; i < 1000 * stride; i++)
	{
		sum += many[i];
		squares += many[i] * many[i];
		padding = padding && (i % stride < 20 || many[i] == 0);
	}
	ok(padding && fabs(sum / 20000) < 1e-3 && fabs(squares / 20000 - 0.01 / 20) < 2e-5, "mean 0, variance 0.01 / f");
	ok(guarded_free(ten) & guarded_free(many) & guarded_free(other), "init stays within bounds");
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* Largest difference of a row's elements from the exact row's, relative to the largest exact element, row by row. */
static void
row_errors(const RecoSparse *matrix, const RecoIalsOptions *options, const float *source, const float *target,
		   double *median, double *worst)
{
	int			f = options->factors;
	double	   *s = widen_rows(source, matrix->cols, f);
	double	   *t = widen_rows(target, matrix->rows, f);
	double	   *gram = naive_gram(s, matrix->cols, f, options->unobserved);
	double	   *x = malloc((size_t) f * sizeof(double));
	double	   *error = calloc((size_t) matrix->rows, sizeof(double));

	for (int32_t r = 0; r < matrix->rows; r++)
	{
		double		largest = 0;

		naive_row(matrix, options, gram, s, r, x);
		for (int k = 0; k < f; k++)
		{
			largest = fmax(largest, fabs(x[k]));
			error[r] = fmax(error[r], fabs(x[k] - t[(size_t) r * f + k]));
		}
		error[r] = largest == 0 ? error[r] : error[r] / largest;
	}
	qsort(error, (size_t) matrix->rows, sizeof(double), compare_doubles);
	*median = error[matrix->rows / 2];
	*worst = error[matrix->rows - 1];
	free(s);
	free(t);
	free(gram);
	free(x);
	free(error);
}

static RecoStatus
half(const RecoSparse *matrix, const RecoIalsOptions *options, float *source, float *target, void *workspace)
{
	RecoIalsHalf half_step;
	RecoStatus	status = reco_ials_half_begin(&half_step, matrix, options, source, target, workspace, &run);

	if (status != RECO_OK)
		return status;
	return reco_ials_half_rows(&half_step, 0, matrix->rows,
							   (char *) workspace + reco_ials_half_size(options->factors), &run);
}

#define EXACT (-1)				/* a precision */

static void
set_precision(Data *data, double precision)
{
	data->options.exact = precision == EXACT;
	data->options.precision = precision == EXACT ? 1 : precision;
	data->options.steps = precision > 0 ? data->options.steps : 100;
	(void) guarded_free(data->workspace);
	data->workspace = guarded_alloc(reco_ials_workspace_size(&data->options));
}

/* The second iteration is the worst moment of warm starts. */
static void
test_rows(int32_t bags, int32_t items, int f, double precision, double wanted_median, double wanted_worst)
{
	Data		data = make_data(bags, items, f);
	double		median;
	double		worst;
	RecoStatus	status;

	set_precision(&data, precision);
	status = iterate(&data);
	if (status == RECO_OK)
		status = half(&data.by_bag, &data.options, data.y, data.x, data.workspace);
	row_errors(&data.by_bag, &data.options, data.y, data.x, &median, &worst);
	ok(status == RECO_OK && median < wanted_median && worst < wanted_worst,
	   "bags against exact rows, %d factors, precision %g: median %.1e, worst %.1e", f, precision, median, worst);
	status = half(&data.by_item, &data.options, data.x, data.y, data.workspace);
	row_errors(&data.by_item, &data.options, data.x, data.y, &median, &worst);
	ok(status == RECO_OK && median < wanted_median && worst < wanted_worst,
	   "items against exact rows, %d factors, precision %g: median %.1e, worst %.1e", f, precision, median, worst);
	ok(free_data(&data), "rows stay within bounds, %d factors", f);
}

/* Eight iterations beside an exact solver from the same start; the objective must fall all the way. */
static void
test_objective(int f, double unobserved, double precision)
{
	Data		data = make_data(150, 90, f);
	double	   *x = calloc((size_t) 150 * f, sizeof(double));
	double	   *y = widen_rows(data.y, 90, f);
	double		before = INFINITY;
	double		exact;
	double		found = 0;
	bool		falls = true;
	bool		zero = true;

	data.options.unobserved = unobserved;
	set_precision(&data, precision);
	for (int i = 0; i < 8; i++)
	{
		falls = iterate(&data) == RECO_OK && falls;
		naive_half(&data.by_bag, &data.options, y, x);
		naive_half(&data.by_item, &data.options, x, y);
		found = objective(&data);
		falls = falls && found <= before * (1 + 1e-6);
		before = found;
	}
	exact = naive_objective(&data, x, y);
	for (size_t k = 0; k < reco_stride(f); k++)
		zero = zero && data.x[k] == 0 && data.x[2 * reco_stride(f) + k] == 0;
	ok(falls, "the objective falls, %d factors", f);
	ok(precision == EXACT ? close_to(found, exact, 1e-6 * exact) : found <= exact * 1.0001,
	   "after 8 iterations %.3f, exact %.3f, %d factors, precision %g", found, exact, f, precision);
	free(x);
	free(y);
	x = widen_rows(data.x, 150, f);
	y = widen_rows(data.y, 90, f);
	exact = naive_objective(&data, x, y);
	ok(close_to(found, exact, 1e-10 * exact), "objective by Gram matrices equals the sum over pairs, %d factors", f);
	ok(zero, "bags that are empty or weigh nothing become zero, %d factors", f);
	free(x);
	free(y);
	ok(free_data(&data), "iterations stay within bounds, %d factors", f);
}

/* Exact rows have the numbers that requests get for the same entries, up to the error of these. */
static void
test_exact_is_fold_in(int f)
{
	Data		data = make_data(90, 120, f);
	RecoFactors model = {data.by_bag.cols, f, data.y, NULL, data.options.unobserved};
	void	   *workspace = guarded_alloc(reco_folding_workspace_size(f, 120));
	RecoIalsHalf half_step;
	bool		equal;

	set_precision(&data, EXACT);
	equal = iterate(&data) == RECO_OK &&
		reco_ials_half_begin(&half_step, &data.by_bag, &data.options, data.y, data.x, data.workspace, &run) == RECO_OK &&
		reco_ials_half_rows(&half_step, 0, 90, (char *) data.workspace + reco_ials_half_size(f), &run) == RECO_OK;
	model.gram_diagonal = half_step.values;
	for (int32_t b = 0; equal && b < 90; b++)
	{
		int64_t		start = data.by_bag.start[b];
		double		x[RECO_MAX_FACTORS];
		double		most = 0;

		equal = reco_folding_solve(&model, (int) (data.by_bag.start[b + 1] - start), data.by_bag.index + start,
								  data.by_bag.weight + start, data.options.regularization, x, workspace, &run) == RECO_OK;
		for (int k = 0; k < f; k++)
			most = fmax(most, fabs(x[k]));
		for (int k = 0; k < f; k++)
			equal = equal && fabs(data.x[(size_t) b * reco_stride(f) + k] - x[k]) <= 1e-6 * most;
	}
	ok(equal, "exact rows are fold-ins, %d factors", f);
	ok(guarded_free(workspace) & free_data(&data), "exact rows stay within bounds, %d factors", f);
}

/* Blocks of any size, Gram chunks in any order: the same bits as the whole. */
static void
test_blocks(void)
{
	Data		whole = make_data(3000, 60, 20);
	Data		parts = whole;	/* but for the factors */
	size_t		bytes = 3000 * reco_stride(20) * sizeof(float);
	RecoIalsHalf half_step;
	double	   *chunk[64];
	int			chunks = reco_ials_gram_chunks(3000);
	RecoStatus	status = RECO_OK;

	parts.x = guarded_alloc(bytes);
	parts.y = guarded_alloc(60 * reco_stride(20) * sizeof(float));
	status = iterate(&whole);
	memcpy(parts.x, whole.x, bytes);
	memcpy(parts.y, whole.y, 60 * reco_stride(20) * sizeof(float));
	if (status == RECO_OK)
		status = half(&whole.by_item, &whole.options, whole.x, whole.y, whole.workspace);
	(void) reco_ials_half_init(&half_step, &parts.by_item, &parts.options, parts.x, parts.y, parts.workspace);
	for (int c = chunks - 1; c >= 0; c--)
	{
		chunk[c] = guarded_alloc(reco_stride(20) * reco_stride(20) * sizeof(double));
		(void) reco_ials_gram_chunk(parts.x, 3000, 20, c, chunk[c], &run);
	}
	for (int c = 0; c < chunks; c++)
		reco_ials_half_add(&half_step, c, chunk[c]);
	(void) reco_ials_half_diagonalize(&half_step, &run);
	for (int32_t row = 0; row < 3000; row += 7)
		(void) reco_ials_rotate(&half_step, parts.x, row, row + 7 < 3000 ? row + 7 : 3000, &run);
	(void) reco_ials_rotate(&half_step, parts.y, 13, 60, &run);
	(void) reco_ials_rotate(&half_step, parts.y, 0, 13, &run);
	for (int32_t row = 59; row >= 0; row--)
		(void) reco_ials_half_rows(&half_step, row, row + 1,
								   (char *) parts.workspace + reco_ials_half_size(20), &run);
	ok(status == RECO_OK && chunks > 1 && memcmp(whole.x, parts.x, bytes) == 0 &&
	   memcmp(whole.y, parts.y, 60 * reco_stride(20) * sizeof(float)) == 0, "blocks give the bits of the whole");
	for (int c = 0; c < chunks; c++)
		(void) guarded_free(chunk[c]);
	ok(guarded_free(parts.x) & guarded_free(parts.y) & free_data(&whole), "blocks stay within bounds");
}

static void
test_finish(void)
{
	Data		data = make_data(80, 70, 33);
	double		diagonal[33];
	double		before;
	double	   *y;
	double	   *gram;
	double		worst = 0;
	RecoStatus	status;

	for (int i = 0; i < 3; i++)
		(void) iterate(&data);
	y = widen_rows(data.y, 70, 33);
	before = norm_of(y, 70 * 33);
	free(y);
	status = reco_ials_finish(data.y, 70, 33, diagonal, data.workspace, &run);
	y = widen_rows(data.y, 70, 33);
	gram = naive_gram(y, 70, 33, 1);
	for (int a = 0; a < 33; a++)
		for (int b = 0; b < 33; b++)
			worst = fmax(worst, fabs(gram[a * 33 + b] - (a == b ? diagonal[a] : 0)) / (a == b ? 1e-9 : 1));
	ok(status == RECO_OK && worst < 1e-5 * diagonal[0], "finish leaves a diagonal Gram matrix, off by %.1e", worst);
	ok(close_to(norm_of(y, 70 * 33), before, 1e-5 * before), "and only rotates");
	for (int a = 1; a < 33; a++)
		status = diagonal[a] <= diagonal[a - 1] + 1e-6 * diagonal[0] ? status : RECO_CORRUPT;
	ok(status == RECO_OK, "its diagonal descends");
	free(y);
	free(gram);
	ok(free_data(&data), "finish stays within bounds");
}

static void
test_refusals(void)
{
	Data		data = make_data(20, 10, 7);
	RecoIalsOptions good = data.options;
	int32_t    *index = (int32_t *) data.by_bag.index;
	float	   *weight = (float *) data.by_bag.weight;

	ok(reco_ials_check_sparse(&data.by_bag, &run) == RECO_OK, "a matrix passes");
	index[3] = 10;
	ok(reco_ials_check_sparse(&data.by_bag, &run) == RECO_CORRUPT, "a column out of range does not");
	index[3] = -1;
	ok(reco_ials_check_sparse(&data.by_bag, &run) == RECO_CORRUPT, "nor a negative one");
	index[3] = 0;
	weight[3] = NAN;
	ok(reco_ials_check_sparse(&data.by_bag, &run) == RECO_CORRUPT, "nor NaN");
	weight[3] = 1;
	data.options.factors = 0;
	ok(iterate(&data) == RECO_BAD_ARGUMENT, "no factors");
	data.options.factors = RECO_MAX_FACTORS + 1;
	ok(iterate(&data) == RECO_BAD_ARGUMENT, "too many factors");
	data.options = good;
	data.options.regularization = 0;
	ok(iterate(&data) == RECO_BAD_ARGUMENT, "no regularization");
	data.options = good;
	data.options.unobserved = NAN;
	ok(iterate(&data) == RECO_BAD_ARGUMENT, "a0 that is not a number");
	data.options = good;
	data.y[0] = INFINITY;
	ok(iterate(&data) == RECO_NOT_FINITE, "source factors that are not finite");
	(void) reco_ials_init(data.y, 10, 7, 1, &run);
	data.x[reco_stride(7)] = NAN;
	ok(iterate(&data) == RECO_NOT_FINITE, "target factors that are not finite");
	ok(free_data(&data), "refusals stay within bounds");
}

/* --- fold-in ----------------------------------------------------------------------------------------------- */

static RecoFactors
make_factors(int32_t items, int f, double *diagonal)
{
	RecoFactors model = {items, f, NULL, diagonal, 0.1};
	float	   *y = make_rows((size_t) items, f, NORMAL);
	size_t		bytes = reco_ials_half_size(f);
	void	   *workspace = guarded_alloc(bytes);

	run.kernels->scale(0.2f, y, (size_t) items * reco_stride(f));
	(void) reco_ials_finish(y, items, f, diagonal, workspace, &run);
	if (!guarded_free(workspace))
		abort();
	model.y = y;
	return model;
}

/* A of a bag, full, from the diagonal that the model gives. */
static double *
naive_bag_matrix(const RecoFactors *model, int n, const int32_t *items, const float *weights, double lambda)
{
	int			f = model->factors;
	double	   *a = calloc((size_t) f * (size_t) f, sizeof(double));
	double		mass = model->unobserved * model->items;

	for (int j = 0; j < n; j++)
	{
		const float *y = model->y + (size_t) items[j] * reco_stride(f);

		mass += weights[j];
		for (int k = 0; k < f; k++)
			for (int l = 0; l < f; l++)
				a[k * f + l] += (double) weights[j] * y[k] * y[l];
	}
	for (int k = 0; k < f; k++)
		a[k * f + k] += model->unobserved * model->gram_diagonal[k] + lambda * mass;
	return a;
}

static double
naive_fold_in_error(const RecoFactors *model, int n, const int32_t *items, const float *weights, double lambda,
					const double *x)
{
	int			f = model->factors;
	double	   *a = naive_bag_matrix(model, n, items, weights, lambda);
	double	   *b = calloc((size_t) f, sizeof(double));
	double		worst = 0;
	double		largest = 1e-300;

	for (int j = 0; j < n; j++)
		for (int k = 0; k < f; k++)
			b[k] += (double) weights[j] * model->y[(size_t) items[j] * reco_stride(f) + k];
	naive_solve(a, b, f);
	for (int k = 0; k < f; k++)
	{
		worst = fmax(worst, fabs(b[k] - x[k]));
		largest = fmax(largest, fabs(b[k]));
	}
	free(a);
	free(b);
	return worst / largest;
}

/* Contributions add up to the score within the error of the fold-in, and each is what its formula says. */
static double
explanation_error(const RecoFactors *model, int n, const int32_t *items, const float *weights, double lambda,
				  int32_t item, double score, void *workspace, double *sum_error)
{
	int			f = model->factors;
	double	   *contributions = guarded_alloc((size_t) n * sizeof(double));
	double	   *a = naive_bag_matrix(model, n, items, weights, lambda);
	double	   *g = calloc((size_t) f, sizeof(double));
	double		sum = 0;
	double		size = 1e-300;
	double		worst = 0;

	if (reco_folding_explain(model, n, items, weights, lambda, item, contributions, workspace, &run) != RECO_OK)
		return INFINITY;
	for (int k = 0; k < f; k++)
		g[k] = model->y[(size_t) item * reco_stride(f) + k];
	naive_solve(a, g, f);
	for (int j = 0; j < n; j++)
	{
		sum += contributions[j];
		size += fabs(contributions[j]);
		worst = fmax(worst, fabs(contributions[j] - weights[j] * reco_folding_score(model, items[j], g)));
	}
	*sum_error = fabs(sum - score) / size;
	free(a);
	free(g);
	return guarded_free(contributions) ? worst / size : INFINITY;
}

static void
test_fold_in_size(int f, int n, double lambda)
{
	double		diagonal[RECO_MAX_FACTORS];
	RecoFactors model = make_factors(300, f, diagonal);
	int32_t    *items = guarded_alloc((size_t) n * sizeof(int32_t));
	float	   *weights = guarded_alloc((size_t) n * sizeof(float));
	void	   *workspace = guarded_alloc(reco_folding_workspace_size(f, n));
	double	   *x = guarded_alloc((size_t) f * sizeof(double));
	double		error;
	double		explained;
	double		sum_error = INFINITY;
	RecoStatus	status;

	for (int j = 0; j < n; j++)
	{
		items[j] = (int32_t) (random_bits() % 300);
		weights[j] = j % 5 == 4 ? 0 : (float) (3 * uniform());
	}
	status = reco_folding_solve(&model, n, items, weights, lambda, x, workspace, &run);
	error = naive_fold_in_error(&model, n, items, weights, lambda, x);
	explained = explanation_error(&model, n, items, weights, lambda, 17, reco_folding_score(&model, 17, x), workspace, &sum_error);
	ok(status == RECO_OK && error < 1e-6 && sum_error < 1e-6 && explained < 1e-9,
	   "fold-in of %d items, %d factors, lambda %g: error %.0e; explanation %.0e and its sum %.0e", n, f, lambda, error,
	   explained, sum_error);
	ok(guarded_free(items) & guarded_free(weights) & guarded_free(workspace) & guarded_free(x) &
	   guarded_free((void *) model.y), "fold-in stays within bounds, %d items, %d factors", n, f);
}

/* The root of e'Ae over that of x'Ax, for the solution x of the bag's system and the error e of what the fold-in gave. */
static double
energy_error(const RecoFactors *model, int n, const int32_t *items, const float *weights, double lambda, const double *found)
{
	int			f = model->factors;
	double	   *a = naive_bag_matrix(model, n, items, weights, lambda);
	double	   *copy = calloc((size_t) f * (size_t) f, sizeof(double));
	double	   *x = calloc((size_t) f, sizeof(double));
	double		error = 0;
	double		size = 0;

	for (int j = 0; j < n; j++)
		for (int k = 0; k < f; k++)
			x[k] += (double) weights[j] * model->y[(size_t) items[j] * reco_stride(f) + k];
	memcpy(copy, a, (size_t) f * (size_t) f * sizeof(double));
	naive_solve(a, x, f);
	for (int k = 0; k < f; k++)
		for (int l = 0; l < f; l++)
		{
			error += (x[k] - found[k]) * copy[k * f + l] * (x[l] - found[l]);
			size += x[k] * copy[k * f + l] * x[l];
		}
	free(a);
	free(copy);
	free(x);
	return sqrt(fmax(error, 0) / size);
}

/* Bags whose numbers lie far apart, or near the end of what floats hold: factors and weights by powers of ten. */
static void
test_fold_in_scale(int n, int f, double scale, double weight, double lambda, bool alike)
{
	double		diagonal[RECO_MAX_FACTORS];
	RecoFactors model = make_factors(300, f, diagonal);
	float	   *y = (float *) model.y;
	int32_t    *items = guarded_alloc((size_t) n * sizeof(int32_t));
	float	   *weights = guarded_alloc((size_t) n * sizeof(float));
	void	   *workspace = guarded_alloc(reco_folding_workspace_size(f, n));
	double	   *x = guarded_alloc((size_t) f * sizeof(double));
	double		error;
	RecoStatus	status;

	/* Items that are alike but for a thousandth. */
	for (size_t i = reco_stride(f); alike && i < 300 * reco_stride(f); i++)
		y[i] = y[i % reco_stride(f)] + 0.001f * y[i];
	for (size_t i = 0; i < 300 * reco_stride(f); i++)
		y[i] = (float) (scale * (double) y[i]);
	for (int k = 0; k < f; k++)
		diagonal[k] *= scale * scale;
	for (int j = 0; j < n; j++)
	{
		items[j] = (int32_t) (random_bits() % 300);
		weights[j] = (float) (weight * pow(10, 6 * uniform() - 3));
	}
	status = reco_folding_solve(&model, n, items, weights, lambda * scale * scale, x, workspace, &run);
	error = energy_error(&model, n, items, weights, lambda * scale * scale, x);
	ok(status == RECO_OK && error < 2e-7,
	   "fold-in of %d%s items, %d factors of about %g, weights of %g, lambda %g: error %.0e", n, alike ? " similar" : "", f,
	   scale, weight, lambda, error);
	ok(guarded_free(items) & guarded_free(weights) & guarded_free(workspace) & guarded_free(x) & guarded_free(y),
	   "it stays within bounds");
}

static void
test_fold_in_scales(void)
{
	static const double scales[] = {1e-30, 1e-20, 1e-12, 1e-5, 1, 1e5, 1e12, 1e18};

	for (size_t i = 0; i < sizeof(scales) / sizeof(scales[0]); i++)
		for (int alike = 0; alike < 2; alike++)
		{
			test_fold_in_scale(40, 24, scales[i], 1, 0.01, alike);
			test_fold_in_scale(20, 64, scales[i], 1, 1e-4, alike);
			test_fold_in_scale(300, 33, scales[i], 1e6, 0.01, alike);
			test_fold_in_scale(7, 16, scales[i], 1e-9, 1, alike);
		}
}

/*
 * An entry of weight w is m entries of weight w / m: few entries take the n x n road, many the f x f one, when they are
 * explained; and more than a panel holds take it when they are folded in.
 */
static void
test_dual_is_primal(void)
{
	double		diagonal[64];
	RecoFactors model = make_factors(50, 64, diagonal);
	int32_t		items[1280];
	float		weights[1280];
	double		contributions[1280];
	double		sum[2] = {0, 0};
	double		x[2][64];
	double		worst = 0;
	void	   *workspace = guarded_alloc(reco_folding_workspace_size(64, 1280));

	for (int j = 0; j < 1280; j++)
	{
		items[j] = j % 20;
		weights[j] = (float) (j % 20 + 1) / 64;
	}
	(void) reco_folding_solve(&model, 1280, items, weights, 0.01, x[0], workspace, &run);
	(void) reco_folding_explain(&model, 1280, items, weights, 0.01, 3, contributions, workspace, &run);
	for (int j = 0; j < 1280; j++)
		sum[0] += contributions[j];
	for (int j = 0; j < 20; j++)
		weights[j] *= 64;
	(void) reco_folding_solve(&model, 20, items, weights, 0.01, x[1], workspace, &run);
	(void) reco_folding_explain(&model, 20, items, weights, 0.01, 3, contributions, workspace, &run);
	for (int j = 0; j < 20; j++)
		sum[1] += contributions[j];
	for (int k = 0; k < 64; k++)
		worst = fmax(worst, fabs(x[0][k] - x[1][k]));
	ok(fabs(sum[0] - sum[1]) < 1e-12, "the n x n and the f x f system agree to %.0e", fabs(sum[0] - sum[1]));
	ok(fabs(sum[0] - reco_folding_score(&model, 3, x[0])) < 1e-12, "without a panel a fold-in is exact");
	ok(worst < 1e-6, "conjugate gradients and the exact solution agree to %.0e", worst);
	ok(guarded_free(workspace) & guarded_free((void *) model.y), "all stay within bounds");
}

static void
test_fold_in_refusals(void)
{
	double		diagonal[7];
	RecoFactors model = make_factors(50, 7, diagonal);
	int32_t		items[3] = {1, 2, 3};
	float		weights[3] = {1, 1, 1};
	double		x[7] = {1, 1, 1, 1, 1, 1, 1};
	void	   *workspace = guarded_alloc(reco_folding_workspace_size(7, 3));

	ok(reco_folding_solve(&model, 0, items, weights, 0.1, x, workspace, &run) == RECO_OK && x[0] == 0 && x[6] == 0,
	   "an empty bag gives zeros");
	items[1] = 50;
	ok(reco_folding_solve(&model, 3, items, weights, 0.1, x, workspace, &run) == RECO_BAD_ARGUMENT, "unknown item");
	items[1] = -1;
	ok(reco_folding_solve(&model, 3, items, weights, 0.1, x, workspace, &run) == RECO_BAD_ARGUMENT, "negative item");
	items[1] = 2;
	weights[1] = -1;
	ok(reco_folding_solve(&model, 3, items, weights, 0.1, x, workspace, &run) == RECO_BAD_ARGUMENT, "negative weight");
	weights[1] = INFINITY;
	ok(reco_folding_solve(&model, 3, items, weights, 0.1, x, workspace, &run) == RECO_BAD_ARGUMENT, "infinite weight");
	weights[1] = NAN;
	ok(reco_folding_solve(&model, 3, items, weights, 0.1, x, workspace, &run) == RECO_BAD_ARGUMENT, "weight NaN");
	weights[1] = 1;
	ok(reco_folding_solve(&model, 3, items, weights, -1, x, workspace, &run) == RECO_BAD_ARGUMENT, "negative lambda");
	memset(diagonal, 0, sizeof(diagonal));
	ok(reco_folding_solve(&model, 3, items, weights, 0, x, workspace, &run) == RECO_NOT_CONVERGED, "singular system");
	diagonal[0] = NAN;
	ok(reco_folding_solve(&model, 3, items, weights, 0.1, x, workspace, &run) == RECO_NOT_FINITE, "a model with NaN");
	ok(guarded_free(workspace) & guarded_free((void *) model.y), "refusals stay within bounds");
}

static void
test_fold_in(void)
{
	size_t		before = 0;
	bool		grows = true;

	random_state = 5;
	test_fold_in_size(1, 1, 0.1);
	test_fold_in_size(7, 3, 0.1);
	test_fold_in_size(7, 7, 0.1);
	test_fold_in_size(64, 1, 0.01);
	test_fold_in_size(64, 63, 0.01);
	test_fold_in_size(64, 64, 0.01);
	test_fold_in_size(128, 50, 1e-6);
	test_fold_in_size(128, 50, 0);
	test_fold_in_size(128, 95, 0.01);
	test_fold_in_size(128, 96, 0.01);
	test_fold_in_size(128, 1000, 10);
	test_fold_in_size(257, 200, 0.02);
	test_fold_in_size(16, 100000, 0.02);
	test_fold_in_size(32, 1024, 0.02);
	test_fold_in_size(32, 1025, 0.02);
	test_fold_in_scales();
	test_dual_is_primal();
	test_fold_in_refusals();
	for (int n = 0; n < 2000; n++)
	{
		grows = grows && reco_folding_workspace_size(257, n) >= before;
		before = reco_folding_workspace_size(257, n);
	}
	ok(grows && before == reco_folding_workspace_size(257, 1000000), "the workspace never shrinks, and is bounded");
}

/* --- top-k ------------------------------------------------------------------------------------------------- */

static int
compare_entries(const void *a, const void *b)
{
	const RecoTopEntry *x = a;
	const RecoTopEntry *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

typedef struct TopCase
{
	int32_t		items;
	int			f;
	float	   *y;
	float	   *x;
	float	   *biases[RECO_BIASES];	/* but the second */
	uint64_t   *skip;
	RecoTopEntry *added;
	int			n_added;
} TopCase;

/* Few different numbers make many ties. */
static TopCase
make_top_case(int32_t items, int f, bool ties)
{
	TopCase		c = {items, f, make_rows((size_t) items, f, NORMAL), make_rows(1, f, NORMAL),
	{guarded_alloc((size_t) items * sizeof(float)), NULL, guarded_alloc((size_t) items * sizeof(float))},
	guarded_alloc(((size_t) items + 63) / 64 * 8),
	guarded_alloc((size_t) items * sizeof(RecoTopEntry)), 0};

	for (size_t i = 0; ties && i < (size_t) items * reco_stride(f); i++)
		c.y[i] = c.y[i] > 1 ? 1 : 0;
	for (int k = 0; ties && k < f; k++)
		c.x[k] = c.x[k] > 0 ? 1 : -1;
	for (int32_t i = 0; i < items; i++)
	{
		c.biases[0][i] = (float) (random_bits() % 3);
		c.biases[2][i] = (float) (random_bits() % 5) - 2;
		if (random_bits() % 4 == 0)
			c.skip[i / 64] |= UINT64_C(1) << (i % 64);
		if (random_bits() % 7 == 0)
			c.added[c.n_added++] = (RecoTopEntry) {i, (float) (random_bits() % 9) - 4};
	}
	return c;
}

static int
free_top_case(TopCase *c)
{
	return guarded_free(c->y) & guarded_free(c->x) & guarded_free(c->biases[0]) & guarded_free(c->biases[2]) & guarded_free(c->skip) &
		guarded_free(c->added);
}

/* What is looked for, with some of all that a query may have. */
static RecoTopQuery
top_query(const TopCase *c, int k, int with, RecoTopEntry *out)
{
	RecoTopQuery query = {.x = c->x,.k = k,.out = out,.found = -1};

	query.biases[0] = with & 1 ? c->biases[0] : NULL;
	query.bias_weights[0] = with & 4 ? -1.5f : 0.5f;
	query.biases[2] = with & 1 ? c->biases[2] : NULL;
	query.bias_weights[2] = 0.25f;
	query.biases_of_screen = true;
	query.skip = with & 2 ? c->skip : NULL;
	query.added = c->added;
	query.n_added = with & 8 ? c->n_added : 0;
	return query;
}

/* All that are not skipped, sorted; list NULL stands for all items. */
static int
naive_top(const TopCase *c, const int32_t *list, int n, const RecoTopQuery *query, RecoTopEntry *out)
{
	int			found = 0;

	for (int i = 0; i < n; i++)
	{
		int32_t		item = list != NULL ? list[i] : i;
		RecoTopEntry entry = {item, 0};

		run.kernels->scan(c->y + (size_t) item * reco_stride(c->f), reco_stride(c->f), 1, query->x, NULL, &entry.score);
		for (int b = 0; b < RECO_BIASES; b++)
			if (query->biases[b] != NULL)
				entry.score += query->bias_weights[b] * query->biases[b][item];
		for (int j = 0; j < query->n_added; j++)
			if (query->added[j].item == item)
				entry.score += query->added[j].score;
		if (entry.score == entry.score && (list != NULL || query->skip == NULL || !(query->skip[item / 64] >> (item % 64) & 1)))
			out[found++] = entry;
	}
	qsort(out, (size_t) found, sizeof(RecoTopEntry), compare_entries);
	return found;
}

static bool
same_entries(const RecoTopEntry *a, int n, const RecoTopEntry *b, int m, int k)
{
	if (n != (m < k ? m : k))
		return false;
	for (int i = 0; i < n; i++)
		if (a[i].item != b[i].item || a[i].score != b[i].score)
			return false;
	return true;
}

/* On a cache line, as a screen must be; with canaries. */
static RecoScreen *
make_screen(const TopCase *c)
{
	RecoScreen *screen = guarded_alloc(reco_screen_size(c->items, c->f));

	if (reco_screen_build(&run, c->y, c->items, c->f, (const float *const *) c->biases, screen) != RECO_OK)
		abort();
	return screen;
}

static bool
scan_agrees(const TopCase *c, const RecoScreen *screen, int k, int with, const RecoTopEntry *wanted, int m)
{
	RecoTopQuery query = top_query(c, k, with, guarded_alloc((size_t) k * sizeof(RecoTopEntry)));
	bool		good = reco_topk_scan(&run, c->y, c->items, c->f, screen, &query, 1) == RECO_OK &&
		same_entries(query.out, query.found, wanted, m, k);

	return guarded_free(query.out) & good;
}

static bool
top_agrees(const TopCase *c, int k, int with)
{
	RecoTopEntry *wanted = guarded_alloc(((size_t) c->items + 1) * sizeof(RecoTopEntry));
	RecoTopEntry *out = guarded_alloc((size_t) k * sizeof(RecoTopEntry));
	int32_t    *list = guarded_alloc((size_t) c->items * sizeof(int32_t));
	RecoScreen *screen = make_screen(c);
	RecoTopQuery query = top_query(c, k, with, out);
	int			m = naive_top(c, NULL, c->items, &query, wanted);
	bool		good = scan_agrees(c, NULL, k, with, wanted, m) && scan_agrees(c, screen, k, with, wanted, m);

	for (int i = 0; i < c->items; i++)
		list[i] = (int32_t) (random_bits() % (uint64_t) c->items);
	m = naive_top(c, list, c->items, &query, wanted);
	good = good && reco_topk_list(&run, c->y, c->items, c->f, &query, list, c->items) == RECO_OK &&
		same_entries(out, query.found, wanted, m, k);
	return guarded_free(wanted) & guarded_free(out) & guarded_free(list) & guarded_free(screen) & good;
}

/*
 * Many vectors at once: items themselves and a zero vector, each with another k, with and without bias, skip, added and
 * screen.
 */
static bool
many_agree(const TopCase *c, int n, const RecoScreen *screen)
{
	static const float zero[RECO_MAX_FACTORS];
	RecoTopQuery queries[40];
	RecoTopEntry *wanted = guarded_alloc(((size_t) c->items + 1) * sizeof(RecoTopEntry));
	bool		good;

	for (int q = 0; q < n; q++)
	{
		queries[q] = top_query(c, q * 5 % 23, q, NULL);
		queries[q].x = c->y + (size_t) (q * 7 % c->items) * reco_stride(c->f);
		if (q % 6 == 5)
			queries[q].x = zero;
		queries[q].out = guarded_alloc((size_t) queries[q].k * sizeof(RecoTopEntry));
	}
	good = reco_topk_scan(&run, c->y, c->items, c->f, screen, queries, n) == RECO_OK;
	for (int q = 0; q < n; q++)
	{
		int			m = naive_top(c, NULL, c->items, &queries[q], wanted);

		good = same_entries(queries[q].out, queries[q].found, wanted, m, queries[q].k) && good;
		good = guarded_free(queries[q].out) && good;
	}
	return guarded_free(wanted) & good;
}

static void
test_top_case(int32_t items, int f, bool ties)
{
	TopCase		c = make_top_case(items, f, ties);
	int			ks[] = {0, 1, 10, 511, (int) items - 1, (int) items, (int) items + 9};
	bool		good = true;

	for (int i = 0; i < COUNT(ks); i++)
		if (ks[i] >= 0)
			for (int with = 0; with < 16; with++)
				good = top_agrees(&c, ks[i], with) && good;
	for (int n = 0; n <= 40 && items > 0; n += n < 3 ? 1 : 13)
	{
		RecoScreen *screen = make_screen(&c);

		good = many_agree(&c, n, NULL) && many_agree(&c, n, screen) && good;
		good = guarded_free(screen) && good;
	}
	ok(free_top_case(&c) && good, "top-k of %d items, %d factors%s", (int) items, f, ties ? ", with ties" : "");
}

/* --- screens ----------------------------------------------------------------------------------------------- */

/* What is between the query's steps and the bytes of the item in a place, from the groups. */
static int64_t
naive_product(const RecoScreen *screen, const RecoScreenQuery *query, int32_t place, const float **scale)
{
	size_t		stride = reco_stride(screen->factors);
	const uint8_t *group = reco_screen_groups(screen) + (size_t) (place / 16) * reco_screen_group_bytes(stride);
	int64_t		sum = 0;

	for (size_t k = 0; k < stride; k++)
		sum += (int64_t) query->wide[k] * (group[k / 4 * 64 + (size_t) (place % 16) * 4 + k % 4] - RECO_SCREEN_OFFSET);
	*scale = (const float *) (group + 16 * stride) + place % 16;
	return sum;
}

/*
 * Against plain integers and doubles: whether the bound of each item holds for what the scan computes, and whether the
 * kernel sees the same bound, by thresholds a little below and above it.
 */
static bool
bounds_hold(const TopCase *c, const RecoScreen *screen, const float *x)
{
	size_t		stride = reco_stride(c->f);
	size_t		groups = ((size_t) c->items + 15) / 16;
	float	   *scores = guarded_alloc((size_t) c->items * sizeof(float));
	uint16_t   *masks = guarded_alloc(3 * groups * sizeof(uint16_t));
	RecoScreenQuery query;
	const RecoScreenQuery *three[] = {&query, &query, &query};
	bool		good = reco_screen_query(x, c->f, &query);

	run.kernels->scan(c->y, stride, (size_t) c->items, x, NULL, scores);
	for (int32_t i = 0; i < c->items && good; i += 1 + (int32_t) (random_bits() % 16))
	{
		const float *scale;
		int32_t		item = reco_screen_items(screen)[i];
		double		product = (double) naive_product(screen, &query, i, &scale);
		double		bound = product * scale[0] * query.scale + (double) query.norm * scale[16];
		double		rounding = 1e-6 * (fabs(product * scale[0] * query.scale) + query.norm * scale[16]);
		float		thresholds[] = {(float) (bound - rounding), (float) (bound + rounding), scores[item]};

		run.kernels->screen(reco_screen_groups(screen), stride, groups, three, thresholds, 3, masks);
		good = isnan(scores[item]) || (bound >= scores[item] && reco_screen_norms(screen)[i / 16] * query.norm >= fabsf(scores[item]));
		for (int q = 0; q < 3; q++)
			good = good && (masks[(size_t) q * groups + i / 16] >> i % 16 & 1) == (q != 1 || scale[16] > FLT_MAX || rounding == 0);
	}
	return guarded_free(scores) & guarded_free(masks) & good;
}

/* Numbers that a screen finds hard, by kind: what stands in a row or a query. */
typedef enum Hard
{
	PLAIN, ONE_LARGE, ALL_EQUAL, EXTREMES, LARGE, SMALL, MIXED, VANISHING, INFINITE, HARD_KINDS
} Hard;

static const char *const hard_names[] = {"random", "one large factor", "all alike", "only extremes", "large", "small", "mixed sizes",
"denormal", "infinite"};

static void
fill_hard(float *row, int f, Hard kind)
{
	double		size = kind == LARGE ? 1e11 : kind == SMALL ? 1e-9 : kind == MIXED ? pow(10, -30 + 60 * uniform())
		: kind == VANISHING ? 1e-43 : 1;

	for (int k = 0; k < f; k++)
	{
		if (kind == ALL_EQUAL)
			row[k] = 0.3f;
		else if (kind == EXTREMES)
			row[k] = random_bits() & 1 ? 1 : -1;
		else
			row[k] = (float) (size * normal());
	}
	if (kind == ONE_LARGE)
		row[random_bits() % (uint64_t) f] = random_bits() & 1 ? 100 : -100;
	if (kind == INFINITE && random_bits() % 8 == 0)
		row[random_bits() % (uint64_t) f] = random_bits() & 1 ? INFINITY : -INFINITY;
}

/* Each item stands in one place, by descending norms. */
static bool
order_holds(const TopCase *c, const RecoScreen *screen)
{
	const int32_t *items = reco_screen_items(screen);
	const float *norms = reco_screen_norms(screen);
	bool	   *seen = calloc((size_t) c->items, sizeof(bool));
	bool		good = true;

	for (int32_t i = 0; i < (c->items + 15) / 16 * 16; i++)
		if (i >= c->items)
			good = good && items[i] == -1;
		else if (items[i] < 0 || items[i] >= c->items || seen[items[i]])
			good = false;
		else
			seen[items[i]] = true;
	for (int32_t i = 1; i < (c->items + 15) / 16; i++)
		good = good && norms[i] <= norms[i - 1];
	free(seen);
	return good;
}

static void
test_screen(int f, Hard kind)
{
	TopCase		c = make_top_case(531, f, false);
	RecoScreen *screen;
	bool		good = true;

	for (int i = 0; i < c.items; i++)
		fill_hard(c.y + (size_t) i * reco_stride(f), f, kind);
	memset(c.y + 100 * reco_stride(f), 0, (size_t) f * sizeof(float));
	screen = make_screen(&c);
	good = order_holds(&c, screen);
	for (int round = 0; round < 6; round++)
	{
		if (round % 3 == 2)
			memcpy(c.x, c.y + (size_t) round * reco_stride(f), (size_t) f * sizeof(float));
		else
			fill_hard(c.x, f, round % 3 == 0 ? PLAIN : kind);
		good = top_agrees(&c, 1 + round * 7, (round & 1 ? 2 : 0) | 4 | (round & 2 ? 9 : 0)) && good;
		if (kind < MIXED)
			good = bounds_hold(&c, screen, c.x) && good;
	}
	good = many_agree(&c, 40, screen) && good;
	ok(guarded_free(screen) & free_top_case(&c) & good, "a screen of %d factors, %s", f, hard_names[kind]);
}

/* Any bits at all, as in memory that something overwrote: infinities and NaN in items and in queries. */
static void
test_screen_of_noise(void)
{
	bool		good = true;

	for (int round = 0; round < 40; round++)
	{
		TopCase		c = make_top_case((int32_t) (random_bits() % 700), 1 + (int) (random_bits() % 70), false);
		RecoScreen *screen;

		for (int32_t i = 0; i <= c.items; i++)
			for (int k = 0; k < c.f && (round & 3 || random_bits() % 16 == 0); k++)
			{
				uint32_t	bits = (uint32_t) random_bits();

				memcpy(i < c.items ? c.y + (size_t) i * reco_stride(c.f) + k : c.x + k, &bits, sizeof(bits));
			}
		screen = make_screen(&c);
		good = top_agrees(&c, 10, 2) && top_agrees(&c, 3, 1) && good;
		if (c.items > 0)
			good = many_agree(&c, 33, screen) && good;
		memset(c.x, 0, (size_t) c.f * sizeof(float));
		good = top_agrees(&c, 10, 11) && good;
		good = (guarded_free(screen) & free_top_case(&c)) && good;
	}
	ok(good, "a screen of random bits");
}

/* Training records the kernels that ran: those with and without VNNI must not differ but in speed. */
static void
test_vnni_bits(void)
{
	const RecoKernels *with = reco_kernels_choose("avx512vnni");
	const RecoKernels *without = reco_kernels_choose("avx512");
	float	   *rows = make_rows(64, 100, NORMAL);
	float	   *x = make_rows(1, 100, NORMAL);
	float		a[224];
	float		b[224];

	if (with == NULL || without == NULL)
		return;
	with->scan(rows, 112, 64, x, NULL, a);
	without->scan(rows, 112, 64, x, NULL, b);
	memcpy(a + 64, x, 112 * sizeof(float));
	memcpy(b + 64, x, 112 * sizeof(float));
	with->pcg_pass(rows, 112, 64, rows + 7, 1, -1, x, a + 64);
	without->pcg_pass(rows, 112, 64, rows + 7, 1, -1, x, b + 64);
	with->add_rows(rows, 112, 48, x, a + 64);
	without->add_rows(rows, 112, 48, x, b + 64);
	a[176] = with->dot(rows, x, 100);
	b[176] = without->dot(rows, x, 100);
	ok(memcmp(a, b, 177 * sizeof(float)) == 0 && guarded_free(rows) & guarded_free(x), "the same bits with and without VNNI");
}

static void
test_screens(void)
{
	static const int counts[] = {1, 5, 64, 100, 512};
	RecoScreenQuery query;
	RecoScreen	screen;
	float		x[16] = {0};
	RecoTopQuery none = {.x = x};

	random_state = 11;
	for (int i = 0; i < COUNT(counts); i++)
		for (int kind = 0; kind < HARD_KINDS; kind++)
			test_screen(counts[i], (Hard) kind);
	test_screen_of_noise();
	ok(!reco_screen_query(x, 3, &query), "no screen for a zero query");
	x[2] = INFINITY;
	ok(!reco_screen_query(x, 3, &query), "no screen for an infinite query");
	x[2] = 1e-20f;
	ok(!reco_screen_query(x, 3, &query), "no screen for a tiny query");
	ok(reco_screen_build(&run, x, 1, 513, NULL, &screen) == RECO_BAD_ARGUMENT &&
	   reco_screen_build(&run, x, -1, 5, NULL, &screen) == RECO_BAD_ARGUMENT, "a screen of counts out of range");
	ok(reco_screen_build(&run, x, 0, 5, NULL, &screen) == RECO_OK &&
	   reco_topk_scan(&run, x, 1, 5, &screen, &none, 1) == RECO_BAD_ARGUMENT, "a screen of other items");
	ok(reco_screen_size(INT32_MAX, 512) > (size_t) INT32_MAX * 512 && reco_screen_size(0, 1) == 64, "sizes of screens");
}

static void
test_topk(void)
{
	TopCase		c;
	RecoTopEntry out[4];
	RecoTopEntry added[2] = {{3, 1}, {3, 1}};
	RecoTopQuery query = {.k = 4,.out = out};
	RecoTopQuery many[2];
	int32_t		bad = 9;
	bool		good;

	random_state = 6;
	test_top_case(0, 8, false);
	test_top_case(1, 1, false);
	test_top_case(37, 7, true);
	test_top_case(2000, 64, false);
	test_top_case(2000, 3, true);
	test_top_case(1025, 128, true);
	c = make_top_case(9, 5, false);
	c.y[3 * reco_stride(5)] = NAN;
	good = top_agrees(&c, 9, 0) && top_agrees(&c, 3, 0) && top_agrees(&c, 3, 8);
	ok(good, "items whose score is NaN are left out");
	query.x = c.x;
	ok(reco_topk_list(&run, c.y, 9, 5, &query, &bad, 1) == RECO_BAD_ARGUMENT && query.found == 0, "a candidate that is no item");
	many[0] = many[1] = query;
	many[1].x = NULL;
	ok(reco_topk_scan(&run, c.y, 9, 5, NULL, many, 2) == RECO_BAD_ARGUMENT, "one of many without a vector");
	query.k = -1;
	ok(reco_topk_scan(&run, c.y, 9, 5, NULL, &query, 1) == RECO_BAD_ARGUMENT, "negative k");
	query.k = 4;
	query.added = added;
	query.n_added = 2;
	ok(reco_topk_scan(&run, c.y, 9, 5, NULL, &query, 1) == RECO_BAD_ARGUMENT, "an item twice among those added");
	added[1].item = 9;
	ok(reco_topk_scan(&run, c.y, 9, 5, NULL, &query, 1) == RECO_BAD_ARGUMENT, "an added item that is none");
	ok(free_top_case(&c), "top-k stays within bounds");
}

/* --- interruption ------------------------------------------------------------------------------------------ */

static int	checks_left;

static bool
count_down(void *arg)
{
	(void) arg;
	return checks_left-- > 0;
}

typedef RecoStatus (*Job) (void);

static Data job_data;
static RecoFactors job_model;
static double job_diagonal[48];
static int32_t job_items[5000];
static float job_weights[5000];
static double job_x[5000];
static void *job_workspace;

static RecoStatus
job_iterate(void)
{
	return iterate(&job_data);
}

static RecoStatus
job_objective(void)
{
	double		value;

	return reco_ials_objective(&job_data.by_bag, &job_data.by_item, &job_data.options, job_data.x, job_data.y,
							   job_data.workspace, &run, &value);
}

static RecoStatus
job_finish(void)
{
	return reco_ials_finish(job_data.y, 40, 48, job_diagonal, job_data.workspace, &run);
}

static RecoStatus
job_fold_in(void)
{
	return reco_folding_solve(&job_model, 5000, job_items, job_weights, 0.1, job_x, job_workspace, &run);
}

static RecoStatus
job_small_fold_in(void)
{
	return reco_folding_solve(&job_model, 30, job_items, job_weights, 0.1, job_x, job_workspace, &run);
}

static RecoStatus
job_explain(void)
{
	return reco_folding_explain(&job_model, 5000, job_items, job_weights, 0.1, 0, job_x, job_workspace, &run);
}

static RecoStatus
job_scan(void)
{
	static RecoTopEntry out[10];
	RecoTopQuery query = {.x = job_data.x,.k = 10,.out = out};

	return reco_topk_scan(&run, job_model.y, job_model.items, 48, NULL, &query, 1);
}

static RecoStatus
job_check_sparse(void)
{
	return reco_ials_check_sparse(&job_data.by_bag, &run);
}

/* Whenever the callback says stop, the job stops at once; otherwise it ends well. */
static void
test_job(const char *name, Job job)
{
	int			checks = 0;
	bool		good = true;

	run.check = count_down;
	for (int stop = 0; good; stop = stop < 20 ? stop + 1 : stop * 2)
	{
		RecoStatus	status;

		checks_left = stop;
		status = job();
		if (status == RECO_OK)
		{
			good = checks_left >= 0;
			break;
		}
		good = status == RECO_INTERRUPTED && checks_left == -1;
		checks = stop + 1;
	}
	run.check = NULL;
	ok(good && checks > 0, "%s stops when told to", name);
}

static void
test_interruption(void)
{
	random_state = 8;
	job_data = make_data(50, 40, 48);
	job_model = make_factors(2000, 48, job_diagonal);
	job_workspace = guarded_alloc(reco_folding_workspace_size(48, 5000));
	for (int i = 0; i < 5000; i++)
	{
		job_items[i] = i % 2000;
		job_weights[i] = 1;
	}
	test_job("iterate", job_iterate);
	test_job("objective", job_objective);
	test_job("fold-in", job_fold_in);
	test_job("fold-in of a small bag", job_small_fold_in);
	test_job("explain", job_explain);
	test_job("top-k", job_scan);
	test_job("check_sparse", job_check_sparse);
	test_job("finish", job_finish);
	ok(free_data(&job_data) & guarded_free(job_workspace) & guarded_free((void *) job_model.y),
	   "interrupted work stays within bounds");
}

/* --- sizes ------------------------------------------------------------------------------------------------- */

static void
test_sizes(void)
{
	ok(reco_size_add(SIZE_MAX - 1, 1) == SIZE_MAX && reco_size_add(SIZE_MAX, 1) == SIZE_MAX &&
	   reco_size_mul(SIZE_MAX, 2) == SIZE_MAX && reco_size_mul(SIZE_MAX / 2 + 1, 2) == SIZE_MAX &&
	   reco_size_mul(0, SIZE_MAX) == 0 && reco_size_mul(3, 5) == 15 && reco_size_align(SIZE_MAX - 3) == SIZE_MAX,
	   "sizes saturate");
	ok(reco_stride(1) == 16 && reco_stride(16) == 16 && reco_stride(17) == 32 && reco_stride(512) == 512, "strides");
}

static void
test_ials(void)
{
	random_state = 4;
	test_init();
	test_rows(120, 90, 7, 1e-5, 5e-3, 5e-2);
	test_rows(300, 200, 64, 1e-5, 5e-3, 5e-2);
	test_rows(120, 90, 7, 0, 1e-5, 1e-4);
	test_rows(300, 200, 64, 0, 1e-5, 1e-4);
	test_rows(60, 200, 128, 0, 1e-5, 1e-4);
	test_rows(6, 2500, 257, 0, 1e-5, 1e-4);	/* a row that no panel holds */
	test_rows(6, 2500, 1, 0, 1e-5, 1e-4);
	test_rows(120, 90, 7, EXACT, 5e-7, 1e-6);
	test_rows(300, 200, 64, EXACT, 5e-7, 1e-6);
	test_rows(60, 200, 128, EXACT, 5e-7, 1e-6);
	test_rows(6, 2500, 257, EXACT, 5e-7, 1e-6);
	test_objective(1, 0.1, 1e-5);
	test_objective(7, 0.1, 1e-5);
	test_objective(24, 0.1, 1e-5);
	test_objective(24, 0.01, 1e-5);
	test_objective(24, 1, 1e-5);
	test_objective(24, 0.1, EXACT);
	test_exact_is_fold_in(7);
	test_exact_is_fold_in(64);
	test_blocks();
	test_finish();
	test_refusals();
}

int
main(void)
{
	test_sizes();
	test_choice();
	test_vnni_bits();
	for (int i = 0; reco_kernels_name(i) != NULL; i++)
	{
		run.kernels = reco_kernels_choose(reco_kernels_name(i));
		if (run.kernels == NULL)
		{
			printf("ok %d - %s # SKIP not on this processor\n", ++tests, reco_kernels_name(i));
			continue;
		}
		test_kernels();
		test_eigen();
		test_cholesky();
		test_ials();
		test_fold_in();
		test_topk();
		test_screens();
		test_interruption();
	}
	printf("1..%d\n", tests);
	return failures != 0;
}
