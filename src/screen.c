/*
 * screen.c: a coarse copy of the item factors, by which a scan passes over the items that cannot be among the best.
 *
 * A scan of all items moves every factor through the processor to find ten of them; memory limits it.  So each factor is
 * kept a second time as a byte, and a scan over the bytes says of each item how large its score can be at most.  Only
 * where that reaches the worst of the best so far, the score is computed from the factors themselves, by the same kernel
 * that would have computed it without the screen: what comes out is the same to the last bit.
 *
 * Be y an item's factors, q their bytes and s the step, y = s q + r; x the query, p its steps and t their size, x = t p + e.
 * By Cauchy and Schwarz
 *
 *		x.y = t s p.q + (t p).r + e.y  <=  t s p.q + (|x| + |e|) |r| + |e| |y|
 *
 * where p.q is computed in integers, exactly.  With |p| up to 16000, |e| <= 0.503 sqrt(f) / 16000 |x|, so that what is
 * added is |x| times a number of the item, its reach.  The reach also pays for what the kernels round: a sum of
 * products in floats, in whatever order, is off by at most (stride / 4 + 6) 2^-24 |x| |y| (the fewest lanes are 4), the
 * bound itself takes some five operations.
 *
 * Items stand by their norms, and so a scan can end: |x| |y| is a bound too, and once it is below the worst of the best so
 * far, so it is for all items that follow.  That also brings the best together early, since popular items have the larger
 * norms, and then fewer of the others pass.
 *
 * None of that holds where numbers overflow or vanish.  An item with factors that are huge, tiny or not finite has an
 * infinite reach and norm and is never passed over; a query of that kind is not screened at all.  An item of zeros has scores of
 * zero, and so has its bound.  Within these limits all products stay clear of the smallest and the largest floats.
 */
#include "screen.h"

#include <math.h>
#include <string.h>

#define MOST_STEPS		127		/* |q| */
#define SMALLEST		1e-12f	/* the largest element of a vector that is screened */
#define LARGEST			1e+12f
#define ITEMS_A_CHECK	4096	/* a multiple of the group */

/* The part of |e| in |x|; see above. */
static double
query_loss(int factors)
{
	return 0.503 * sqrt(factors) / RECO_SCREEN_QUERY_MOST;
}

/* What is said of a vector; the loops below run over lanes, so that a compiler can use vectors without changing a sum. */
#define LANES			RECO_STRIDE_FLOATS

/* The largest magnitude of stride elements; infinite or NaN where one of them is. */
static float
largest_element(const float *x, size_t stride)
{
	uint32_t	most[LANES] = {0};	/* magnitudes, whose bits are ordered as they are */
	uint32_t	largest = 0;
	float		result;

	for (size_t k = 0; k < stride; k += LANES)
		for (int lane = 0; lane < LANES; lane++)
		{
			uint32_t	bits;

			memcpy(&bits, x + k + lane, sizeof(bits));
			bits &= 0x7fffffff;
			most[lane] = bits > most[lane] ? bits : most[lane];
		}
	for (int lane = 0; lane < LANES; lane++)
		largest = most[lane] > largest ? most[lane] : largest;
	memcpy(&result, &largest, sizeof(result));
	return result;
}

static double
sum_lanes(const double *sums)
{
	double		sum = 0;

	for (int lane = 0; lane < LANES; lane++)
		sum += sums[lane];
	return sum;
}

/* To the nearest whole number, for magnitudes up to 2^22: the sum has no bits for a fraction. */
static inline float
round_steps(float x)
{
	return (x + 12582912.0f) - 12582912.0f;
}

size_t
reco_screen_size(int32_t items, int factors)
{
	size_t		group = reco_screen_group_bytes(reco_stride(factors)) + RECO_SCREEN_GROUP * sizeof(int32_t) +
		(1 + RECO_BIASES) * sizeof(float);

	return reco_size_add(sizeof(RecoScreen), reco_size_mul(reco_screen_n_groups(items), group));
}

/* The relative error of a sum of products in floats, with some room; see above. */
static double
sum_loss(size_t stride)
{
	return ((double) stride / 4 + 32) * 0x1p-24;
}

/*
 * The bytes of one item, its scale and its reach.  What is left out stands for an item of zeros.  False where a factor is
 * not finite.
 */
static bool
coarsen(const float *y, int factors, uint8_t *bytes, float *scale, float *reach)
{
	size_t		stride = reco_stride(factors);
	float		most = largest_element(y, stride);
	float		step = most / MOST_STEPS;
	float		steps = 1 / step;
	double		lefts[LANES] = {0};
	double		norms[LANES] = {0};
	double		left;
	double		norm;

	if (most == 0)
		return true;
	if (!(most >= SMALLEST && most <= LARGEST))
	{
		*reach = INFINITY;
		return isfinite(most);
	}
	for (size_t k = 0; k < stride; k += LANES)
	{
		uint8_t		quads[LANES];

		for (int lane = 0; lane < LANES; lane++)
		{
			/* No more than 127 steps: the largest one is off by two roundings at most. */
			float		q = round_steps(y[k + lane] * steps);
			double		rest = (double) y[k + lane] - (double) step * (double) q;

			lefts[lane] += rest * rest;
			norms[lane] += (double) y[k + lane] * (double) y[k + lane];
			quads[lane] = (uint8_t) ((int) q + RECO_SCREEN_OFFSET);
		}
		for (int lane = 0; lane < LANES; lane += 4)
			memcpy(bytes + (k + lane) * RECO_SCREEN_GROUP, quads + lane, 4);
	}
	left = sqrt(sum_lanes(lefts));
	norm = sqrt(sum_lanes(norms));
	*scale = step;
	*reach = (float) ((left + (left + norm) * (query_loss(factors) + sum_loss(stride))) * (1 + 1e-6));
	return true;
}

/*
 * An item and its norm: the upper half of a float's bits, which are ordered as it is.  Norms that are alike but for a
 * hundredth are not told apart, so that where all are, items keep their order, in which memory is faster.
 */
typedef struct Ranked
{
	uint32_t	norm;
	int32_t		item;
} Ranked;

#define NORM_SHIFT		16
#define NORM_INFINITE	0x7f80

static Ranked
rank_item(const float *y, size_t stride, int32_t item)
{
	const float *row = y + (size_t) item * stride;
	float		most = largest_element(row, stride);
	float		norm;
	double		norms[LANES] = {0};
	Ranked		ranked = {NORM_INFINITE, item};

	if (!(most <= LARGEST) || (most > 0 && most < SMALLEST))
		return ranked;
	for (size_t k = 0; k < stride; k += LANES)
		for (int lane = 0; lane < LANES; lane++)
			norms[lane] += (double) row[k + lane] * (double) row[k + lane];
	norm = (float) (sqrt(sum_lanes(norms)) * (1 + sum_loss(stride)) * (1 + 1e-6));
	memcpy(&ranked.norm, &norm, sizeof(norm));
	ranked.norm >>= NORM_SHIFT;
	return ranked;
}

/* At least the norm of such an item. */
static float
largest_norm(Ranked ranked)
{
	uint32_t	bits = ranked.norm << NORM_SHIFT;
	float		norm;

	if (ranked.norm < NORM_INFINITE && ranked.norm > 0)
		bits |= (1 << NORM_SHIFT) - 1;
	memcpy(&norm, &bits, sizeof(norm));
	return norm;
}

/* One pass of a radix sort: by 8 bits, descending; equal ones keep their order. */
static void
sort_by_digit(const Ranked *from, Ranked *to, int32_t n, int shift)
{
	int32_t		start[257] = {0};

	for (int32_t i = 0; i < n; i++)
		start[256 - (from[i].norm >> shift & 255)]++;
	for (int digit = 1; digit < 257; digit++)
		start[digit] += start[digit - 1];
	for (int32_t i = 0; i < n; i++)
		to[start[255 - (from[i].norm >> shift & 255)]++] = from[i];
}

/* Which item stands where, and the norms.  The groups, which are made afterwards, are large enough to sort in. */
static RecoStatus
order_items(const RecoRun *run, const float *y, RecoScreen *screen)
{
	size_t		stride = reco_stride(screen->factors);
	Ranked	   *ranked = (Ranked *) (screen + 1);
	Ranked	   *other = ranked + screen->items;
	int32_t    *item = (int32_t *) reco_screen_items(screen);
	float	   *norm = (float *) reco_screen_norms(screen);

	for (int32_t i = 0; i < screen->items; i++)
	{
		if (i % ITEMS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		ranked[i] = rank_item(y, stride, i);
	}
	sort_by_digit(ranked, other, screen->items, 0);
	if (!reco_run_goes_on(run))
		return RECO_INTERRUPTED;
	sort_by_digit(other, ranked, screen->items, 8);
	for (int32_t i = 0; i < screen->items; i++)
	{
		item[i] = ranked[i].item;
		if (i % RECO_SCREEN_GROUP == 0)
			norm[i / RECO_SCREEN_GROUP] = largest_norm(ranked[i]);
	}
	for (size_t i = (size_t) screen->items; i % RECO_SCREEN_GROUP != 0; i++)
		item[i] = -1;
	return RECO_OK;
}

static void
set_biases(const float *bias, int number, RecoScreen *screen)
{
	const int32_t *item = reco_screen_items(screen);
	float	   *most = (float *) reco_screen_biases(screen, number);

	for (int32_t i = screen->items - 1; i >= 0; i--)
	{
		size_t		group = (size_t) (i / RECO_SCREEN_GROUP);
		float		own = bias != NULL ? bias[item[i]] : 0;

		if (i == screen->items - 1)
			most[group] = own;
		else if (i % RECO_SCREEN_GROUP == RECO_SCREEN_GROUP - 1)
			most[group] = fmaxf(most[group + 1], own);
		else
			most[group] = fmaxf(most[group], own);
	}
}

RecoStatus
reco_screen_build(const RecoRun *run, const float *y, int32_t items, int factors, const float *const *biases,
				  RecoScreen *screen)
{
	size_t		stride = reco_stride(factors);
	size_t		group_bytes = reco_screen_group_bytes(stride);
	const int32_t *item;
	RecoStatus	status;

	if (items < 0 || factors < 1 || factors > RECO_MAX_FACTORS)
		return RECO_BAD_ARGUMENT;
	memset(screen, 0, sizeof(*screen));
	screen->items = items;
	screen->factors = factors;
	screen->finite = true;
	status = order_items(run, y, screen);
	if (status != RECO_OK)
		return status;
	item = reco_screen_items(screen);
	for (int32_t i = 0; i < items; i++)
	{
		int			place = i % RECO_SCREEN_GROUP;
		uint8_t    *group = (uint8_t *) (screen + 1) + (size_t) (i / RECO_SCREEN_GROUP) * group_bytes;
		float	   *scale = (float *) (group + RECO_SCREEN_GROUP * stride);

		if (i % ITEMS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		if (place == 0)
		{
			memset(group, RECO_SCREEN_OFFSET, RECO_SCREEN_GROUP * stride);
			memset(scale, 0, 2 * RECO_SCREEN_GROUP * sizeof(float));
		}
		if (!coarsen(y + (size_t) item[i] * stride, factors, group + 4 * place, scale + place, scale + RECO_SCREEN_GROUP + place))
			screen->finite = false;
	}
	for (int b = 0; b < RECO_BIASES; b++)
		set_biases(biases != NULL ? biases[b] : NULL, b, screen);
	return RECO_OK;
}

bool
reco_screen_query(const float *x, int factors, RecoScreenQuery *query)
{
	size_t		stride = reco_stride(factors);
	float		most = largest_element(x, stride);
	double		norms[LANES] = {0};
	float		steps;

	if (!(most >= SMALLEST && most <= LARGEST))
		return false;
	query->scale = most / RECO_SCREEN_QUERY_MOST;
	query->wide_sum = query->high_sum = query->low_sum = 0;
	steps = 1 / query->scale;
	for (size_t k = 0; k < stride; k++)
	{
		int			p = (int) round_steps(x[k] * steps);
		int			high = (p + 128 + 65536) / 256 - 256;

		query->wide[k] = (int16_t) p;
		query->high[k] = (int8_t) high;
		query->low[k] = (int8_t) (p - 256 * high);
		query->wide_sum += p;
		query->high_sum += high;
		query->low_sum += p - 256 * high;
		norms[k % LANES] += (double) x[k] * x[k];
	}
	query->norm = (float) (sqrt(sum_lanes(norms)) * (1 + 1e-6));
	return true;
}
