/*
 * kernels_screen.h: the part of kernels_impl.h that screens items, see screen.c: products of bytes with the steps of
 * queries, in integers and therefore the same numbers in all variants.
 *
 * With the VNNI instructions four bytes are multiplied and added in one lane, so that 16 items make one vector; the query
 * goes in two digits of 8 bits, and a tile of several queries and groups stands in registers.  Elsewhere bytes are widened
 * to 16 bits and multiplied with the whole of a query's steps, two products to a lane.
 */
#include "screen.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

typedef int32_t Int __attribute__((vector_size(KERNELS_BYTES)));

/* One bit for each lane, the first one lowest: whether a < b does not hold. */
INLINE unsigned
not_less(Vec a, Vec b)
{
#if defined(__AVX512F__) && KERNELS_BYTES == 64
	return _mm512_cmp_ps_mask((__m512) a, (__m512) b, _CMP_NLT_UQ);
#elif defined(__AVX2__) && KERNELS_BYTES == 32
	return (unsigned) _mm256_movemask_ps(_mm256_cmp_ps((__m256) a, (__m256) b, _CMP_NLT_UQ));
#elif defined(__SSE2__) && KERNELS_BYTES == 16
	return (unsigned) _mm_movemask_ps(_mm_cmpnlt_ps((__m128) a, (__m128) b));
#else
	unsigned	mask = 0;

	for (int i = 0; i < LANES; i++)
		mask |= (unsigned) !(a[i] < b[i]) << i;
	return mask;
#endif
}

/* Which of LANES items can reach the threshold: products p.q, and behind a group's bytes scales and reaches. */
INLINE unsigned
passing(Int products, const float *scale, const RecoScreenQuery *query, float threshold)
{
	Vec			middle = __builtin_convertvector(products, Vec) * load(scale) * splat(query->scale);

	return not_less(multiply_add(load(scale + RECO_SCREEN_GROUP), splat(query->norm), middle), splat(threshold));
}

#if defined(__AVX512VNNI__) && KERNELS_BYTES == 64

#define TILE_QUERIES	2
#define TILE_GROUPS		4

INLINE __m512i
four_steps(const int8_t *p)
{
	int32_t		steps;

	memcpy(&steps, p, sizeof(steps));
	return _mm512_set1_epi32(steps);
}

INLINE void
screen_tile(const uint8_t *groups, size_t stride, int n_groups, const RecoScreenQuery *const *queries,
			const float *thresholds, int n_queries, uint16_t *masks, size_t masks_stride)
{
	size_t		group_bytes = reco_screen_group_bytes(stride);
	__m512i		high[TILE_QUERIES][TILE_GROUPS];
	__m512i		low[TILE_QUERIES][TILE_GROUPS];

	UNROLL
	for (int q = 0; q < n_queries; q++)
		UNROLL
		for (int g = 0; g < n_groups; g++)
		{
			high[q][g] = _mm512_set1_epi32(-RECO_SCREEN_OFFSET * queries[q]->high_sum);
			low[q][g] = _mm512_set1_epi32(-RECO_SCREEN_OFFSET * queries[q]->low_sum);
		}
	for (size_t k = 0; k < stride; k += 4)
	{
		__m512i		bytes[TILE_GROUPS];

		UNROLL
		for (int g = 0; g < n_groups; g++)
			bytes[g] = _mm512_loadu_si512(groups + g * group_bytes + k * RECO_SCREEN_GROUP);
		UNROLL
		for (int q = 0; q < n_queries; q++)
		{
			__m512i		h = four_steps(queries[q]->high + k);
			__m512i		l = four_steps(queries[q]->low + k);

			UNROLL
			for (int g = 0; g < n_groups; g++)
			{
				high[q][g] = _mm512_dpbusd_epi32(high[q][g], bytes[g], h);
				low[q][g] = _mm512_dpbusd_epi32(low[q][g], bytes[g], l);
			}
		}
	}
	UNROLL
	for (int q = 0; q < n_queries; q++)
		UNROLL
		for (int g = 0; g < n_groups; g++)
		{
			Int			products = (Int) _mm512_add_epi32(_mm512_slli_epi32(high[q][g], 8), low[q][g]);

			masks[q * masks_stride + g] = (uint16_t)
				passing(products, (const float *) (groups + g * group_bytes + RECO_SCREEN_GROUP * stride), queries[q], thresholds[q]);
		}
}

#else

#define TILE_QUERIES	(KERNELS_BYTES / 16)
#define TILE_GROUPS		1
#define WIDENED			(KERNELS_BYTES / 2)	/* bytes that make a vector of 16-bit numbers */
#define PARTS			(4 * RECO_SCREEN_GROUP / WIDENED)	/* of a group's bytes for four factors */

#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE_INT(a, b, ...)	__builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE_INT(a, b, ...)	__builtin_shuffle(a, b, (Int) {__VA_ARGS__})
#endif

/* sums[i] += what the i-th pair of bytes gives with its pair of four steps, which go round. */
INLINE Int
add_products(Int sums, const uint8_t *bytes, const int16_t *steps)
{
#if defined(__AVX512BW__) && KERNELS_BYTES == 64
	int64_t		four;

	memcpy(&four, steps, sizeof(four));
	return sums + (Int) _mm512_madd_epi16(_mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *) bytes)), _mm512_set1_epi64(four));
#elif defined(__AVX2__) && KERNELS_BYTES == 32
	int64_t		four;

	memcpy(&four, steps, sizeof(four));
	return sums + (Int) _mm256_madd_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *) bytes)), _mm256_set1_epi64x(four));
#elif defined(__SSE2__) && KERNELS_BYTES == 16
	__m128i		four = _mm_loadl_epi64((const __m128i *) steps);

	return sums + (Int) _mm_madd_epi16(_mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *) bytes), _mm_setzero_si128()),
									   _mm_unpacklo_epi64(four, four));
#else
	for (int i = 0; i < LANES; i++)
		sums[i] += bytes[2 * i] * steps[2 * i % 4] + bytes[2 * i + 1] * steps[2 * i % 4 + 1];
	return sums;
#endif
}

/* Elements that stand side by side, first those of a and then those of b. */
INLINE Int
add_pairs(Int a, Int b)
{
#if KERNELS_BYTES == 64
	return SHUFFLE_INT(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
		SHUFFLE_INT(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif KERNELS_BYTES == 32
	return SHUFFLE_INT(a, b, 0, 2, 4, 6, 8, 10, 12, 14) + SHUFFLE_INT(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
	return SHUFFLE_INT(a, b, 0, 2, 4, 6) + SHUFFLE_INT(a, b, 1, 3, 5, 7);
#endif
}

INLINE void
screen_tile(const uint8_t *groups, size_t stride, int n_groups, const RecoScreenQuery *const *queries,
			const float *thresholds, int n_queries, uint16_t *masks, size_t masks_stride)
{
	const float *scale = (const float *) (groups + RECO_SCREEN_GROUP * stride);
	Int			sums[TILE_QUERIES][PARTS];

	(void) n_groups;
	UNROLL
	for (int q = 0; q < n_queries; q++)
		UNROLL
		for (int part = 0; part < PARTS; part++)
			sums[q][part] = (Int) {0};
	for (size_t k = 0; k < stride; k += 4)
	{
		UNROLL
		for (int part = 0; part < PARTS; part++)
			UNROLL
			for (int q = 0; q < n_queries; q++)
				sums[q][part] = add_products(sums[q][part], groups + k * RECO_SCREEN_GROUP + part * WIDENED, queries[q]->wide + k);
	}
	for (int q = 0; q < n_queries; q++)
	{
		unsigned	mask = 0;

		UNROLL
		for (int part = 0; part < PARTS; part += 2)
			mask |= passing(add_pairs(sums[q][part], sums[q][part + 1]) - RECO_SCREEN_OFFSET * queries[q]->wide_sum,
							scale + part / 2 * LANES, queries[q], thresholds[q]) << (part / 2 * LANES);
		masks[q * masks_stride] = (uint16_t) mask;
	}
}

#endif

/* All groups for as many queries as a tile has. */
INLINE void
screen_groups(const uint8_t *groups, size_t stride, size_t n, const RecoScreenQuery *const *queries,
			  const float *thresholds, int n_queries, uint16_t *masks)
{
	size_t		group_bytes = reco_screen_group_bytes(stride);
	size_t		g = 0;

	for (; g + TILE_GROUPS <= n; g += TILE_GROUPS)
		screen_tile(groups + g * group_bytes, stride, TILE_GROUPS, queries, thresholds, n_queries, masks + g, n);
	for (; g < n; g++)
		screen_tile(groups + g * group_bytes, stride, 1, queries, thresholds, n_queries, masks + g, n);
}

static void
screen(const uint8_t *groups, size_t stride, size_t n, const RecoScreenQuery *const *queries, const float *thresholds,
	   int n_queries, uint16_t *masks)
{
	int			q = 0;

	for (; q + TILE_QUERIES <= n_queries; q += TILE_QUERIES)
		screen_groups(groups, stride, n, queries + q, thresholds + q, TILE_QUERIES, masks + (size_t) q * n);
	for (; q < n_queries; q++)
		screen_groups(groups, stride, n, queries + q, thresholds + q, 1, masks + (size_t) q * n);
}
