/*
 * kernels_impl.h: the one source of all kernel variants, written with the vector extensions of GCC and Clang and
 * included by each variant file with KERNELS_BYTES, the width of a vector, and KERNELS_NAME.
 *
 * Two ideas carry the speed.
 *
 * Row dots come LANES rows at a time: each row has an accumulator vector of its own, and the LANES accumulators are
 * added up crosswise by a transposing reduction, which costs about two shuffles a row instead of a full horizontal
 * sum.  Every row goes through the same tree of additions wherever it stands.
 *
 * Outer products (gram, rotate) hold a tile of the result in registers, with one side broadcast and the other loaded
 * as vectors.
 *
 * The product of two floats is exact in double, so in gram without weights a fused multiply-add rounds like a
 * multiplication and an addition: all variants give the same bits there.
 */
#include <math.h>
#include <string.h>

#if defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__) && KERNELS_BYTES == 16
#include <arm_neon.h>
#endif

#define LANES		(KERNELS_BYTES / 4)
#define LANES_F64	(KERNELS_BYTES / 8)

#define INLINE		static inline __attribute__((always_inline))

#if defined(__clang__)
#define UNROLL		_Pragma("clang loop unroll(full)")
#else
#define UNROLL		_Pragma("GCC unroll 16")
#endif

typedef float Vec __attribute__((vector_size(KERNELS_BYTES)));
typedef float VecAt __attribute__((vector_size(KERNELS_BYTES), aligned(4), may_alias));
typedef double Vec64 __attribute__((vector_size(KERNELS_BYTES)));
typedef double Vec64At __attribute__((vector_size(KERNELS_BYTES), aligned(8), may_alias));
typedef float Half __attribute__((vector_size(KERNELS_BYTES / 2)));
typedef float HalfAt __attribute__((vector_size(KERNELS_BYTES / 2), aligned(4), may_alias));

INLINE Vec
load(const float *p)
{
	return *(const VecAt *) p;
}

INLINE void
store(float *p, Vec v)
{
	*(VecAt *) p = v;
}

INLINE Vec64
load64(const double *p)
{
	return *(const Vec64At *) p;
}

INLINE void
store64(double *p, Vec64 v)
{
	*(Vec64At *) p = v;
}

INLINE Vec
splat(float a)
{
	return a - (Vec) {0};		/* a - 0 keeps the sign of a zero */
}

INLINE Vec64
splat64(double a)
{
	return a - (Vec64) {0};
}

/*
 * a b + c.  Where there is an instruction for it, it is named: whether a compiler contracts a product and a sum differs
 * from loop to loop (GCC 13 and later break some chains of FMAs up), and a row must get the same bits wherever it stands.
 */
INLINE Vec
multiply_add(Vec a, Vec b, Vec c)
{
#if defined(__FMA__) && KERNELS_BYTES == 64
	return (Vec) _mm512_fmadd_ps((__m512) a, (__m512) b, (__m512) c);
#elif defined(__FMA__) && KERNELS_BYTES == 32
	return (Vec) _mm256_fmadd_ps((__m256) a, (__m256) b, (__m256) c);
#elif defined(__FMA__)
	return (Vec) _mm_fmadd_ps((__m128) a, (__m128) b, (__m128) c);
#elif defined(__aarch64__) && KERNELS_BYTES == 16
	return (Vec) vfmaq_f32((float32x4_t) c, (float32x4_t) a, (float32x4_t) b);
#else
	return a * b + c;
#endif
}

/* GCC learned __builtin_shufflevector in version 12. */
#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE(a, b, ...)	__builtin_shufflevector(a, b, __VA_ARGS__)
#else
typedef int32_t VecMask __attribute__((vector_size(KERNELS_BYTES)));
#define SHUFFLE(a, b, ...)	__builtin_shuffle(a, b, (VecMask) {__VA_ARGS__})
#endif

/*
 * Within each 16-byte lane: PAIR_LOW(a, b) = a0 b0 a1 b1 and PAIR_HIGH = a2 b2
 * a3 b3; QUAD_LOW = a0 a1 b0 b1 and QUAD_HIGH = a2 a3 b2 b3.  LANE_EVEN and
 * LANE_ODD take whole lanes: the even, or odd, ones of a and then of b.
 */
#if KERNELS_BYTES == 16
#define PAIR_LOW(a, b)	SHUFFLE(a, b, 0, 4, 1, 5)
#define PAIR_HIGH(a, b) SHUFFLE(a, b, 2, 6, 3, 7)
#define QUAD_LOW(a, b)	SHUFFLE(a, b, 0, 1, 4, 5)
#define QUAD_HIGH(a, b) SHUFFLE(a, b, 2, 3, 6, 7)
#elif KERNELS_BYTES == 32
#define PAIR_LOW(a, b)	SHUFFLE(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define PAIR_HIGH(a, b) SHUFFLE(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define QUAD_LOW(a, b)	SHUFFLE(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define QUAD_HIGH(a, b) SHUFFLE(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#define LANE_EVEN(a, b) SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define LANE_ODD(a, b)	SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15)
#else
#define PAIR_LOW(a, b)	SHUFFLE(a, b, 0, 16, 1, 17, 4, 20, 5, 21, \
								8, 24, 9, 25, 12, 28, 13, 29)
#define PAIR_HIGH(a, b) SHUFFLE(a, b, 2, 18, 3, 19, 6, 22, 7, 23, \
								10, 26, 11, 27, 14, 30, 15, 31)
#define QUAD_LOW(a, b)	SHUFFLE(a, b, 0, 1, 16, 17, 4, 5, 20, 21, \
								8, 9, 24, 25, 12, 13, 28, 29)
#define QUAD_HIGH(a, b) SHUFFLE(a, b, 2, 3, 18, 19, 6, 7, 22, 23, \
								10, 11, 26, 27, 14, 15, 30, 31)
#define LANE_EVEN(a, b) SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11, \
								16, 17, 18, 19, 24, 25, 26, 27)
#define LANE_ODD(a, b)	SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15, \
								20, 21, 22, 23, 28, 29, 30, 31)
#endif

/* LANES accumulators -> the vector of their horizontal sums, in their order. */
INLINE Vec
sum_each(Vec *a)
{
	UNROLL
	for (int i = 0; i < LANES / 2; i++)
		a[i] = PAIR_LOW(a[2 * i], a[2 * i + 1]) +
			PAIR_HIGH(a[2 * i], a[2 * i + 1]);
	UNROLL
	for (int i = 0; i < LANES / 4; i++)
		a[i] = QUAD_LOW(a[2 * i], a[2 * i + 1]) +
			QUAD_HIGH(a[2 * i], a[2 * i + 1]);
#if LANES >= 8
	UNROLL
	for (int i = 0; i < LANES / 8; i++)
		a[i] = LANE_EVEN(a[2 * i], a[2 * i + 1]) +
			LANE_ODD(a[2 * i], a[2 * i + 1]);
#endif
#if LANES >= 16
	a[0] = LANE_EVEN(a[0], a[1]) + LANE_ODD(a[0], a[1]);
#endif
	return a[0];
}

/* The sum of one vector's elements, halves folded together. */
INLINE float
sum_vec(Vec v)
{
	float		part[LANES];

	store(part, v);
	for (int width = LANES / 2; width > 0; width /= 2)
		for (int i = 0; i < width; i++)
			part[i] += part[i + width];
	return part[0];
}

INLINE double
sum_vec64(Vec64 v)
{
	double		part[LANES_F64];

	store64(part, v);
	for (int width = LANES_F64 / 2; width > 0; width /= 2)
		for (int i = 0; i < width; i++)
			part[i] += part[i + width];
	return part[0];
}

/* ---- vectors ---- */

static float
dot(const float *x, const float *y, size_t n)
{
	Vec			even = {0};
	Vec			odd = {0};
	size_t		i = 0;
	float		sum;

	for (; i + 2 * LANES <= n; i += 2 * LANES)
	{
		even += load(x + i) * load(y + i);
		odd += load(x + i + LANES) * load(y + i + LANES);
	}
	sum = sum_vec(even + odd);
	for (; i < n; i++)
		sum += x[i] * y[i];
	return sum;
}

static void
axpy(float alpha, const float *x, float *y, size_t n)
{
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
		store(y + i, load(y + i) + alpha * load(x + i));
	for (; i < n; i++)
		y[i] += alpha * x[i];
}

static void
scale(float alpha, float *x, size_t n)
{
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
		store(x + i, alpha * load(x + i));
	for (; i < n; i++)
		x[i] *= alpha;
}

/* x - x is 0 for every finite x and NaN for all else. */
static bool
all_finite(const float *x, size_t n)
{
	Vec			bad = {0};
	float		sum;
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
		bad += load(x + i) - load(x + i);
	sum = sum_vec(bad);
	for (; i < n; i++)
		sum += x[i] - x[i];
	return sum == 0.0f;
}

static double
dot_f64(const double *x, const double *y, size_t n)
{
	Vec64		even = {0};
	Vec64		odd = {0};
	size_t		i = 0;
	double		sum;

	for (; i + 2 * LANES_F64 <= n; i += 2 * LANES_F64)
	{
		even += load64(x + i) * load64(y + i);
		odd += load64(x + i + LANES_F64) * load64(y + i + LANES_F64);
	}
	sum = sum_vec64(even + odd);
	for (; i < n; i++)
		sum += x[i] * y[i];
	return sum;
}

static void
axpy_f64(double alpha, const double *x, double *y, size_t n)
{
	size_t		i = 0;

	for (; i + LANES_F64 <= n; i += LANES_F64)
		store64(y + i, load64(y + i) + alpha * load64(x + i));
	for (; i < n; i++)
		y[i] += alpha * x[i];
}

static void
givens_f64(double c, double s, double *x, double *y, size_t n)
{
	size_t		i = 0;

	for (; i + LANES_F64 <= n; i += LANES_F64)
	{
		Vec64		a = load64(x + i);
		Vec64		b = load64(y + i);

		store64(x + i, c * a - s * b);
		store64(y + i, s * a + c * b);
	}
	for (; i < n; i++)
	{
		double		a = x[i];
		double		b = y[i];

		x[i] = c * a - s * b;
		y[i] = s * a + c * b;
	}
}

/* ---- dots of rows with one vector ---- */

/* LANES consecutive rows. */
INLINE Vec
dots_block(const float *rows, size_t stride, const float *x)
{
	Vec			sums[LANES];

	UNROLL
	for (int i = 0; i < LANES; i++)
		sums[i] = (Vec) {0};
	for (size_t k = 0; k < stride; k += LANES)
	{
		Vec			xk = load(x + k);

		UNROLL
		for (int i = 0; i < LANES; i++)
			sums[i] = multiply_add(load(rows + (size_t) i * stride + k), xk, sums[i]);
	}
	return sum_each(sums);
}

/* LANES rows from anywhere; per row the same operations as dots_block. */
INLINE Vec
dots_scattered(const float *const *rows, size_t stride, const float *x)
{
	Vec			sums[LANES];

	UNROLL
	for (int i = 0; i < LANES; i++)
	{
		const float *row = rows[i];
		Vec			sum = {0};

		for (size_t k = 0; k < stride; k += LANES)
			sum = multiply_add(load(row + k), load(x + k), sum);
		sums[i] = sum;
	}
	return sum_each(sums);
}

INLINE void
scan_stride(const float *rows, size_t stride, size_t n, const float *x,
			const float *bias, float *out)
{
	size_t		i = 0;

	for (; i + LANES <= n; i += LANES)
	{
		Vec			score = dots_block(rows + i * stride, stride, x);

		if (bias != NULL)
			score += load(bias + i);
		store(out + i, score);
	}
	if (i < n)
	{
		const float *row[LANES];
		float		score[LANES];

		for (size_t j = 0; j < LANES; j++)
			row[j] = rows + (i + j < n ? i + j : i) * stride;
		store(score, dots_scattered(row, stride, x));
		for (size_t j = 0; i + j < n; j++)
			out[i + j] = bias != NULL ? score[j] + bias[i + j] : score[j];
	}
}

/* Known strides unroll; 64 and 128 factors are the usual ones. */
static void
scan(const float *rows, size_t stride, size_t n, const float *x,
	 const float *bias, float *out)
{
	if (stride == 64)
		scan_stride(rows, 64, n, x, bias, out);
	else if (stride == 128)
		scan_stride(rows, 128, n, x, bias, out);
	else
		scan_stride(rows, stride, n, x, bias, out);
}

static void
dots(const float *rows, size_t stride, const int32_t *index, size_t n,
	 const float *x, float *out)
{
	for (size_t i = 0; i < n; i += LANES)
	{
		const float *row[LANES];
		float		score[LANES];

		for (size_t j = 0; j < LANES; j++)
			row[j] = rows + (size_t) index[i + j < n ? i + j : i] * stride;
		store(score, dots_scattered(row, stride, x));
		for (size_t j = 0; j < LANES && i + j < n; j++)
			out[i + j] = score[j];
	}
}

/* ---- screening ---- */

#include "kernels_screen.h"

/* ---- sums of rows ---- */

/*
 * One chunk of "vectors" vectors of y += sum_i c[i] rows[i] over 16 rows; even
 * and odd rows have accumulators of their own, to hide the latency of the
 * additions.
 */
INLINE void
add_16_rows_chunk(const float *rows, size_t stride, const float *c, float *y,
				  int vectors)
{
	Vec			even[8];
	Vec			odd[8];

	UNROLL
	for (int v = 0; v < vectors; v++)
	{
		even[v] = load(y + v * LANES);
		odd[v] = (Vec) {0};
	}
	UNROLL
	for (int i = 0; i < RECO_PANEL_ROWS; i += 2)
	{
		Vec			ce = splat(c[i]);
		Vec			co = splat(c[i + 1]);

		UNROLL
		for (int v = 0; v < vectors; v++)
		{
			even[v] += ce * load(rows + i * stride + v * LANES);
			odd[v] += co * load(rows + (i + 1) * stride + v * LANES);
		}
	}
	UNROLL
	for (int v = 0; v < vectors; v++)
		store(y + v * LANES, even[v] + odd[v]);
}

INLINE void
add_16_rows(const float *rows, size_t stride, const float *c, float *y)
{
	size_t		k = 0;

	for (; k + 4 * LANES <= stride; k += 4 * LANES)
		add_16_rows_chunk(rows + k, stride, c, y + k, 4);
	for (; k < stride; k += LANES)
		add_16_rows_chunk(rows + k, stride, c, y + k, 1);
}

static void
add_rows(const float *rows, size_t stride, size_t n, const float *c, float *y)
{
	size_t		i = 0;

	for (; i + RECO_PANEL_ROWS <= n; i += RECO_PANEL_ROWS)
		add_16_rows(rows + i * stride, stride, c + i, y);
	for (; i < n; i++)
		axpy(c[i], rows + i * stride, y, stride);
}

/*
 * The rows come from all over a table larger than the cache: ask for each a
 * few rows ahead of its turn.
 */
static void
gather(const float *rows, size_t stride, const int32_t *index, size_t n,
	   float *panel)
{
	const size_t ahead = 8;
	size_t		i;

	for (i = 0; i < n; i++)
	{
		const float *row = rows + (size_t) index[i] * stride;

		if (i + ahead < n)
		{
			const float *next = rows + (size_t) index[i + ahead] * stride;

			for (size_t k = 0; k < stride; k += RECO_STRIDE_FLOATS)
				__builtin_prefetch(next + k);
		}
		for (size_t k = 0; k < stride; k += LANES)
			store(panel + i * stride + k, load(row + k));
	}
	for (; i % RECO_PANEL_ROWS != 0; i++)
		memset(panel + i * stride, 0, stride * sizeof(float));
}

/* ---- conjugate gradients ---- */

INLINE void
pcg_pass_stride(const float *panel, size_t stride, size_t n, const float *w,
				float target, float sign, const float *v, float *y)
{
	for (size_t i = 0; i < n; i += RECO_PANEL_ROWS)
	{
		const float *rows = panel + i * stride;
		float		c[RECO_PANEL_ROWS];

		UNROLL
		for (int j = 0; j < RECO_PANEL_ROWS; j += LANES)
			store(c + j, load(w + i + j) *
				  (target + sign * dots_block(rows + j * stride, stride, v)));
		add_16_rows(rows, stride, c, y);
	}
}

static void
pcg_pass(const float *panel, size_t stride, size_t n, const float *w,
		 float target, float sign, const float *v, float *y)
{
	if (stride == 64)
		pcg_pass_stride(panel, 64, n, w, target, sign, v, y);
	else if (stride == 128)
		pcg_pass_stride(panel, 128, n, w, target, sign, v, y);
	else
		pcg_pass_stride(panel, stride, n, w, target, sign, v, y);
}

static float
pcg_start(const float *d, float ridge, const float *x, float *r, float *p,
		  size_t stride, float *norm)
{
	Vec			rho = {0};
	Vec			xmx = {0};

	for (size_t k = 0; k < stride; k += LANES)
	{
		Vec			m = load(d + k) + ridge;
		Vec			mx = m * load(x + k);
		Vec			rk = load(r + k) - mx;
		Vec			z = rk / m;

		store(r + k, rk);
		store(p + k, z);
		rho += rk * z;
		xmx += mx * load(x + k);
	}
	*norm = sum_vec(xmx);
	return sum_vec(rho);
}

static float
pcg_apply(const float *d, float ridge, const float *p, float *q, size_t stride)
{
	Vec			pq = {0};

	for (size_t k = 0; k < stride; k += LANES)
	{
		Vec			pk = load(p + k);
		Vec			qk = load(q + k) + (load(d + k) + ridge) * pk;

		store(q + k, qk);
		pq += pk * qk;
	}
	return sum_vec(pq);
}

static float
pcg_step(const float *d, float ridge, float alpha, const float *p,
		 const float *q, float *x, float *r, size_t stride, float *norm)
{
	Vec			rho = {0};
	Vec			xmx = {0};

	for (size_t k = 0; k < stride; k += LANES)
	{
		Vec			m = load(d + k) + ridge;
		Vec			rk = load(r + k) - alpha * load(q + k);
		Vec			xk = load(x + k) + alpha * load(p + k);

		store(x + k, xk);
		store(r + k, rk);
		rho += rk * (rk / m);
		xmx += m * xk * xk;
	}
	*norm = sum_vec(xmx);
	return sum_vec(rho);
}

static void
pcg_turn(const float *d, float ridge, float beta, const float *r, float *p,
		 size_t stride)
{
	for (size_t k = 0; k < stride; k += LANES)
		store(p + k, load(r + k) / (load(d + k) + ridge) + beta * load(p + k));
}

#define CORRECT_ROWS	4		/* at a time, so that the residual is not loaded and stored for each */

INLINE Vec64
load_wide(const float *p)
{
	return __builtin_convertvector(*(const HalfAt *) p, Vec64);
}

/* r += sum_i w[i] (1 - panel[i].x) panel[i] */
INLINE void
add_misses(const float *panel, size_t stride, size_t n, const float *w, const double *x, double *r)
{
	for (size_t i = 0; i < n; i += CORRECT_ROWS)
	{
		const float *rows = panel + i * stride;
		Vec64		c[CORRECT_ROWS];

		UNROLL
		for (int j = 0; j < CORRECT_ROWS; j++)
			c[j] = (Vec64) {0};
		for (size_t k = 0; k < stride; k += LANES_F64)
		{
			UNROLL
			for (int j = 0; j < CORRECT_ROWS; j++)
				c[j] += load_wide(rows + j * stride + k) * load64(x + k);
		}
		UNROLL
		for (int j = 0; j < CORRECT_ROWS; j++)
			c[j] = splat64((double) w[i + j] * (1 - sum_vec64(c[j])));
		for (size_t k = 0; k < stride; k += LANES_F64)
		{
			Vec64		sum = load64(r + k);

			UNROLL
			for (int j = 0; j < CORRECT_ROWS; j++)
				sum += c[j] * load_wide(rows + j * stride + k);
			store64(r + k, sum);
		}
	}
}

static double
pcg_correct(const float *panel, size_t stride, size_t n, const float *w,
			const double *m, float *part, double *x, float *r, double *norm)
{
	double		wide[RECO_MAX_FACTORS] __attribute__((aligned(64)));
	Vec64		rho = {0};
	Vec64		xmx = {0};

	for (size_t k = 0; k < stride; k += LANES_F64)
	{
		Vec64		xk = load64(x + k) + load_wide(part + k);
		Vec64		mx = load64(m + k) * xk;

		store64(x + k, xk);
		store64(wide + k, -mx);
		xmx += mx * xk;
	}
	memset(part, 0, stride * sizeof(float));
	add_misses(panel, stride, n, w, x, wide);
	for (size_t k = 0; k < stride; k += LANES_F64)
	{
		Vec64		rk = load64(wide + k);

		rho += rk * (rk / load64(m + k));
		*(HalfAt *) (r + k) = __builtin_convertvector(rk, Half);
	}
	*norm = sum_vec64(xmx);
	return sum_vec64(rho);
}

/* ---- Gram matrix ---- */

/* Result tiles: GRAM_ROWS x (2 vectors of doubles). */
#if KERNELS_BYTES == 64
#define GRAM_ROWS	8
#else
#define GRAM_ROWS	4
#endif
#define GRAM_DOUBLES 8192		/* converted rows at a time: 64 kB of stack */

INLINE void
gram_tile(const double *y, size_t stride, size_t n, size_t i, size_t j,
		  double *g)
{
	Vec64		sum[GRAM_ROWS][2];

	UNROLL
	for (int a = 0; a < GRAM_ROWS; a++)
	{
		sum[a][0] = load64(g + (i + a) * stride + j);
		sum[a][1] = load64(g + (i + a) * stride + j + LANES_F64);
	}
	for (size_t row = 0; row < n; row++)
	{
		const double *yr = y + row * stride;
		Vec64		left = load64(yr + j);
		Vec64		right = load64(yr + j + LANES_F64);

		UNROLL
		for (int a = 0; a < GRAM_ROWS; a++)
		{
			Vec64		yi = splat64(yr[i + a]);

			sum[a][0] += yi * left;
			sum[a][1] += yi * right;
		}
	}
	UNROLL
	for (int a = 0; a < GRAM_ROWS; a++)
	{
		store64(g + (i + a) * stride + j, sum[a][0]);
		store64(g + (i + a) * stride + j + LANES_F64, sum[a][1]);
	}
}

/* out = sqrt(w) row in double, so that out out' = w row row'. */
INLINE void
widen(const float *row, size_t stride, double weight, double *out)
{
	double		root = sqrt(weight);

	for (size_t k = 0; k < stride; k += LANES_F64)
	{
		Half		part = *(const HalfAt *) (row + k);

		store64(out + k, root * __builtin_convertvector(part, Vec64));
	}
}

static void
gram(const float *rows, size_t stride, size_t n, const double *w, double *g)
{
	double		y[GRAM_DOUBLES] __attribute__((aligned(64)));
	size_t		chunk = GRAM_DOUBLES / stride;

	for (size_t first = 0; first < n; first += chunk)
	{
		size_t		count = n - first < chunk ? n - first : chunk;

		for (size_t row = 0; row < count; row++)
			widen(rows + (first + row) * stride, stride,
				  w != NULL ? w[first + row] : 1.0, y + row * stride);
		for (size_t i = 0; i < stride; i += GRAM_ROWS)
			for (size_t j = i - i % LANES; j < stride; j += LANES)
				gram_tile(y, stride, count, i, j, g);
	}
}

/* ---- tiles ---- */

/* Part of a product in registers: PRODUCT_ROWS x (2 vectors of floats). */
#if KERNELS_BYTES == 64
#define PRODUCT_ROWS	8
#else
#define PRODUCT_ROWS	4
#endif

INLINE void
subtract_part(const float *a, const float *b, float *c)
{
	Vec			sum[PRODUCT_ROWS][2];

	UNROLL
	for (int i = 0; i < PRODUCT_ROWS; i++)
		sum[i][0] = sum[i][1] = (Vec) {0};
	for (size_t k = 0; k < RECO_TILE_FLOATS; k += RECO_TILE)
	{
		Vec			left = load(b + k);
		Vec			right = load(b + k + LANES);

		UNROLL
		for (int i = 0; i < PRODUCT_ROWS; i++)
		{
			Vec			ai = splat(a[k + i]);

			sum[i][0] = multiply_add(ai, left, sum[i][0]);
			sum[i][1] = multiply_add(ai, right, sum[i][1]);
		}
	}
	UNROLL
	for (int i = 0; i < PRODUCT_ROWS; i++)
	{
		store(c + i * RECO_TILE, load(c + i * RECO_TILE) - sum[i][0]);
		store(c + i * RECO_TILE + LANES, load(c + i * RECO_TILE + LANES) - sum[i][1]);
	}
}

/* The strip of b that is used again and again is 128 x 2 vectors: 16 kB of the nearest cache at most. */
static void
subtract_product(const float *a, const float *b, float *c)
{
	for (size_t j = 0; j < RECO_TILE; j += 2 * LANES)
		for (size_t i = 0; i < RECO_TILE; i += PRODUCT_ROWS)
			subtract_part(a + i, b + j, c + i * RECO_TILE + j);
}

/* ---- rotation ---- */

#define ROTATE_ROWS		8

INLINE void
rotate_tile(const float *in, size_t stride, const float *q, float *out,
			int vectors)
{
	Vec			sum[ROTATE_ROWS / 2][2];

	for (int half = 0; half < ROTATE_ROWS; half += ROTATE_ROWS / 2)
	{
		UNROLL
		for (int a = 0; a < ROTATE_ROWS / 2; a++)
			sum[a][0] = sum[a][1] = (Vec) {0};
		for (size_t k = 0; k < stride; k++)
		{
			UNROLL
			for (int a = 0; a < ROTATE_ROWS / 2; a++)
			{
				Vec			s = splat(in[(half + a) * stride + k]);

				UNROLL
				for (int v = 0; v < vectors; v++)
					sum[a][v] += s * load(q + k * stride + v * LANES);
			}
		}
		UNROLL
		for (int a = 0; a < ROTATE_ROWS / 2; a++)
		{
			UNROLL
			for (int v = 0; v < vectors; v++)
				store(out + (half + a) * stride + v * LANES, sum[a][v]);
		}
	}
}

static void
rotate(float *rows, size_t stride, size_t n, const float *q)
{
	float		in[ROTATE_ROWS * RECO_MAX_FACTORS] __attribute__((aligned(64)));
	float		out[ROTATE_ROWS * RECO_MAX_FACTORS] __attribute__((aligned(64)));

	for (size_t i = 0; i < n; i += ROTATE_ROWS)
	{
		size_t		count = n - i < ROTATE_ROWS ? n - i : ROTATE_ROWS;
		size_t		bytes = count * stride * sizeof(float);
		size_t		j = 0;

		memcpy(in, rows + i * stride, bytes);
		memset((char *) in + bytes, 0,
			   ROTATE_ROWS * stride * sizeof(float) - bytes);
		for (; j + 2 * LANES <= stride; j += 2 * LANES)
			rotate_tile(in, stride, q + j, out + j, 2);
		for (; j < stride; j += LANES)
			rotate_tile(in, stride, q + j, out + j, 1);
		memcpy(rows + i * stride, out, bytes);
	}
}

static const RecoKernels kernels_table = {
	.name = KERNELS_NAME,
	.dot = dot,
	.axpy = axpy,
	.scale = scale,
	.finite = all_finite,
	.dot_f64 = dot_f64,
	.axpy_f64 = axpy_f64,
	.givens_f64 = givens_f64,
	.scan = scan,
	.dots = dots,
	.screen = screen,
	.add_rows = add_rows,
	.gather = gather,
	.pcg_pass = pcg_pass,
	.pcg_start = pcg_start,
	.pcg_apply = pcg_apply,
	.pcg_step = pcg_step,
	.pcg_turn = pcg_turn,
	.pcg_correct = pcg_correct,
	.gram = gram,
	.subtract_product = subtract_product,
	.rotate = rotate
};
