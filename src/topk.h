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
 * The k items of largest y_i.x + bias_i, out of all items or out of n candidates (duplicates stay duplicates).
 *
 * y is items x reco_stride(factors), x one padded vector, bias items floats or NULL, skip a bitmap of items (bit i % 64
 * of word i / 64; set means leave out) or NULL.  out has room for k entries; *found is how many there are: fewer than k
 * only if not more items are left.  Sorted by score descending, then item ascending, also at the cut, so that the
 * result is one and the same for any k and any order of work.  Items whose score is NaN are left out.
 *
 * RECO_BAD_ARGUMENT for k < 0, factors out of range, or a candidate that is no item.
 */
extern RecoStatus reco_topk_scan(const RecoRun *run, const float *y, int32_t items, int factors, const float *x,
								 const float *bias, const uint64_t *skip, int k, RecoTopEntry *out, int *found);
extern RecoStatus reco_topk_list(const RecoRun *run, const float *y, int32_t items, int factors, const float *x,
								 const float *bias, const int32_t *candidates, int n, int k, RecoTopEntry *out,
								 int *found);

/* One of many vectors whose best items are looked for at once; x to out as above. */
typedef struct RecoTopQuery
{
	const float *x;
	const float *bias;
	const uint64_t *skip;
	int			k;
	RecoTopEntry *out;
	int			found;			/* set by reco_topk_scan_many */
} RecoTopQuery;

/*
 * reco_topk_scan for n vectors, with the same bits: the items pass through the cache once for all of them.
 */
extern RecoStatus reco_topk_scan_many(const RecoRun *run, const float *y, int32_t items, int factors,
									  RecoTopQuery *queries, int n);

/*
 * The same, again with the same bits, by a screen of these factors, or without one (NULL).  RECO_BAD_ARGUMENT also for a
 * screen of other counts.
 */
extern RecoStatus reco_topk_scan_screened(const RecoRun *run, const float *y, int32_t items, int factors,
										  const RecoScreen *screen, RecoTopQuery *queries, int n);

#endif							/* RECO_TOPK_H */
