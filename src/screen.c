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
 * None of that holds where numbers overflow or vanish.  An item with factors that are huge, tiny or not finite has an
 * infinite reach and is never passed over; a query of that kind is not screened at all.  An item of zeros has scores of
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
	size_t		groups = ((size_t) items + RECO_SCREEN_GROUP - 1) / RECO_SCREEN_GROUP;

	return reco_size_add(sizeof(RecoScreen), reco_size_mul(groups, reco_screen_group_bytes(reco_stride(factors))));
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
	*reach = (float) ((left + (left + norm) * (query_loss(factors) + ((double) stride / 4 + 32) * 0x1p-24)) * (1 + 1e-6));
	return true;
}

RecoStatus
reco_screen_build(const RecoRun *run, const float *y, int32_t items, int factors, RecoScreen *screen)
{
	size_t		stride = reco_stride(factors);
	size_t		group_bytes = reco_screen_group_bytes(stride);

	if (items < 0 || factors < 1 || factors > RECO_MAX_FACTORS)
		return RECO_BAD_ARGUMENT;
	memset(screen, 0, sizeof(*screen));
	screen->items = items;
	screen->factors = factors;
	screen->finite = true;
	for (int32_t item = 0; item < items; item++)
	{
		const float *row = y + (size_t) item * stride;
		int			place = item % RECO_SCREEN_GROUP;
		uint8_t    *group = (uint8_t *) (screen + 1) + (size_t) (item / RECO_SCREEN_GROUP) * group_bytes;
		float	   *scale = (float *) (group + RECO_SCREEN_GROUP * stride);

		if (item % ITEMS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		if (place == 0)
		{
			memset(group, RECO_SCREEN_OFFSET, RECO_SCREEN_GROUP * stride);
			memset(scale, 0, 2 * RECO_SCREEN_GROUP * sizeof(float));
		}
		if (!coarsen(row, factors, group + 4 * place, scale + place, scale + RECO_SCREEN_GROUP + place))
			screen->finite = false;
	}
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
