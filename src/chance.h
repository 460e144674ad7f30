/*
 * chance.h: what chance alone would put together.
 */
#ifndef RECO_CHANCE_H
#define RECO_CHANCE_H

#include "numeric.h"

#define RECO_CHANCE_MOST 5		/* items of a set */

/*
 * The two margins of a table of orders and items: so many orders of each size, and so many items of each number of orders.
 * Sizes and counts are positive and distinct.  p[count * sizes + size] is the chance that an item of that count is in an
 * order of that size.
 */
typedef struct RecoMargins
{
	int			sizes;
	const int32_t *size;		/* [sizes] */
	const int32_t *orders;		/* [sizes] orders of that size */
	int			counts;
	const int32_t *count;		/* [counts] */
	const int32_t *items;		/* [counts] items in so many orders */
	double	   *x;				/* [sizes] the odds of an order, fitted */
	double	   *y;				/* [counts] those of an item */
} RecoMargins;

extern RecoStatus reco_chance_fit(const RecoRun *run, RecoMargins *margins, double *error);
extern double reco_chance_of(const RecoMargins *margins, int count, int size);
extern double reco_chance_of_sets(const RecoMargins *margins, int size, int k);
extern double reco_chance_at_least(double count, double expected);
extern double reco_chance_lower_bound(double count, double level);

#endif							/* RECO_CHANCE_H */
