/*
 * topk.h: the k best items for a vector, exactly.
 */
#ifndef RECO_TOPK_H
#define RECO_TOPK_H

#include "numeric.h"
#include "screen.h"

typedef struct RecoTopEntry
{
	int32_t		item;
	float		score;
} RecoTopEntry;

/*
 * What is looked for: the k items of largest
 *
 *		y_i.x + sum_b bias_weights_b biases_b,i + added_i
 *
 * x is one padded vector, each bias items floats or NULL, added what some items get on top, or NULL: n_added entries, items
 * strictly ascending.  skip is a bitmap of items (bit i % 64 of word i / 64; set means leave out) or NULL.  out has room
 * for k entries; found is set to how many there are: fewer than k only if not more items are left.  They are sorted by
 * score descending, then item ascending, also at the cut, so that the result is one and the same for any k and any order
 * of work.  Items whose score is NaN are left out.  Biases and their weights are finite.
 */
typedef struct RecoTopQuery
{
	const float *x;
	const float *biases[RECO_BIASES];
	float		bias_weights[RECO_BIASES];
	bool		biases_of_screen;	/* they are what the screen was made with */
	const RecoTopEntry *added;
	int			n_added;
	const uint64_t *skip;
	int			k;
	RecoTopEntry *out;
	int			found;
} RecoTopQuery;

/*
 * The best of all items for n queries; y is items x reco_stride(factors).  The items pass through the cache once for all
 * queries, and by a screen of these factors, or without one (NULL): the bits are the same for any n and either way.  A
 * query with biases goes by the screen if they are the screen's and their weights not negative.
 *
 * RECO_BAD_ARGUMENT for k < 0, factors out of range, an added item that does not exist or a screen of other counts.
 */
extern RecoStatus reco_topk_scan(const RecoRun *run, const float *y, int32_t items, int factors, const RecoScreen *screen,
								 RecoTopQuery *queries, int n);

/*
 * The best of n candidates, duplicates staying duplicates and skip of no interest, with the same bits.  RECO_BAD_ARGUMENT
 * also for a candidate that is no item.
 */
extern RecoStatus reco_topk_list(const RecoRun *run, const float *y, int32_t items, int factors, RecoTopQuery *query,
								 const int32_t *candidates, int n);

#endif							/* RECO_TOPK_H */
