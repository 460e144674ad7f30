/*
 * screen.h: a coarse copy of the item factors, by which a scan passes over the items that cannot be among the best.
 */
#ifndef RECO_SCREEN_H
#define RECO_SCREEN_H

#include "numeric.h"

#define RECO_SCREEN_FEWEST		1000	/* items; fewer are scanned as fast without */
#define RECO_SCREEN_GROUP		16	/* items that stand interleaved */
#define RECO_BIASES				3	/* numbers that each item has of its own, at most */
#define RECO_SCREEN_OFFSET		128 /* a coarse factor q is stored as the byte q + 128 */
#define RECO_SCREEN_QUERY_MOST	16000	/* of a coarse query's element; 512 x 255 x 16000 is less than 2^31 */

/*
 * The head of the copy, which holds no pointer and may stand in shared memory.  Items stand by their norms, the largest
 * first, and where those are nearly the same by their numbers.  Groups of them follow, of reco_screen_group_bytes(stride) each:
 *
 *		bytes	[stride / 4][16 items][4 factors]	q + 128, |q| <= 127: an item's factors are about scale * q
 *		float	scale[16]
 *		float	reach[16]							|x.y - scale * x.q| <= reach |x|, with all rounding; may be infinite
 *
 * and then
 *
 *		int32	item[groups][16]					which item stands there; -1 behind the last
 *		float	norm[groups]						|x.y| <= norm |x| for a group's items and all behind them, with all rounding
 *		float	bias[RECO_BIASES][groups]			the largest bias of a group's items and all behind them; 0 without biases
 */
typedef struct RecoScreen
{
	int32_t		items;
	int32_t		factors;
	bool		finite;			/* so are all factors */
	char		padding[RECO_CACHE_LINE - 2 * sizeof(int32_t) - sizeof(bool)];
} RecoScreen;

/* A query as the kernels want it: about scale * wide, wide = 256 * high + low. */
typedef struct RecoScreenQuery
{
	float		scale;
	float		norm;			/* at least the query's */
	int32_t		wide_sum;
	int32_t		high_sum;
	int32_t		low_sum;
	int16_t		wide[RECO_MAX_FACTORS];
	int8_t		high[RECO_MAX_FACTORS];
	int8_t		low[RECO_MAX_FACTORS];
} RecoScreenQuery;

static inline size_t
reco_screen_group_bytes(size_t stride)
{
	return RECO_SCREEN_GROUP * (stride + 2 * sizeof(float));
}

static inline const uint8_t *
reco_screen_groups(const RecoScreen *screen)
{
	return (const uint8_t *) (screen + 1);
}

static inline size_t
reco_screen_n_groups(int32_t items)
{
	return ((size_t) items + RECO_SCREEN_GROUP - 1) / RECO_SCREEN_GROUP;
}

static inline const int32_t *
reco_screen_items(const RecoScreen *screen)
{
	size_t		stride = reco_stride(screen->factors);

	return (const int32_t *) (reco_screen_groups(screen) + reco_screen_n_groups(screen->items) * reco_screen_group_bytes(stride));
}

static inline const float *
reco_screen_norms(const RecoScreen *screen)
{
	return (const float *) (reco_screen_items(screen) + reco_screen_n_groups(screen->items) * RECO_SCREEN_GROUP);
}

static inline const float *
reco_screen_biases(const RecoScreen *screen, int bias)
{
	return reco_screen_norms(screen) + reco_screen_n_groups(screen->items) * (size_t) (1 + bias);
}

/* Bytes of a copy; it must stand on a cache line. */
extern size_t reco_screen_size(int32_t items, int factors);

/*
 * Make the copy of items x reco_stride(factors), for scans with these finite biases of items: RECO_BIASES arrays, of which
 * any may be NULL, or NULL for none at all.
 * RECO_BAD_ARGUMENT for counts out of range, RECO_INTERRUPTED.
 */
extern RecoStatus reco_screen_build(const RecoRun *run, const float *y, int32_t items, int factors,
									const float *const *biases, RecoScreen *screen);

/* False where the screen is no use for this query: it is zero, not finite, or its scores might overflow or vanish. */
extern bool reco_screen_query(const float *x, int factors, RecoScreenQuery *query);

#endif							/* RECO_SCREEN_H */
