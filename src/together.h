/*
 * together.h: sets of items that are bought together more often than chance alone would have it.
 */
#ifndef RECO_TOGETHER_H
#define RECO_TOGETHER_H

#include "postgres.h"

#include "baskets.h"
#include "budget.h"
#include "chance.h"
#include "progress.h"

#define RECO_MAX_BUNDLE RECO_CHANCE_MOST	/* items */
#define RECO_MAX_PERIODS 12

typedef struct RecoTogetherOptions
{
	int			min_support;	/* customers */
	int			max_size;		/* items, from 2 to RECO_MAX_BUNDLE */
	double		rate;			/* of false discoveries, in (0, 1] */
} RecoTogetherOptions;

/* In how many orders a set is. */
typedef struct RecoSightings
{
	int32		orders;
	int32		customers;		/* known ones */
	int32		last;			/* customer counted last, or order of an unknown one */
	int32		run;			/* orders of that one */
	double		squares;		/* sum over customers of the square of their orders */
} RecoSightings;

typedef struct RecoSet
{
	int32		item[RECO_MAX_BUNDLE];	/* places in RecoTogether's items, ascending */
	int32		size;
	int32		orders;
	int32		customers;
	double		squares;
	double		expected;		/* orders by chance, items being independent */
	double		explained;		/* the same where two parts of the set go together as they do, and are independent */
	double		p;				/* chance of so many orders where there are as many as explained */
	double		q;				/* the same adjusted over all sets examined */
} RecoSet;

/* Orders of a part of the time, and what chance would put together in it. */
typedef struct RecoPeriod
{
	RecoMargins margins;
	double	   *chance;			/* [counts x sizes] */
	double	   *weight[RECO_MAX_BUNDLE + 1];	/* [sizes] orders, by what products of so many chances are multiplied */
	int32	   *item_class;		/* [items] the number of its count; -1: it was not bought.  By place, once items have places */
} RecoPeriod;

typedef struct RecoTogether
{
	RecoBudget *budget;
	const RecoRun *run;
	RecoProgress *progress;
	RecoTogetherOptions options;
	RecoBaskets *baskets;		/* whose items become places here, infrequent ones being left out */
	int32	   *length;			/* [orders] items that are left of each */
	int32		n_items;		/* of enough customers, fewest orders first */
	int32	   *number;			/* [n_items] in baskets */
	int32	   *orders;			/* [n_items] that hold it */
	int64	   *list_start;		/* [n_items + 1] */
	int32	   *list;			/* orders that hold each item, ascending */
	int			n_periods;
	RecoPeriod	periods[RECO_MAX_PERIODS];
	RecoSet    *sets;			/* that may be listed, size by size, each in the order of its items */
	int64		n_sets;
	int64		capacity;
	int64		first[RECO_MAX_BUNDLE + 2]; /* set of each size */
	double		threshold;		/* sets with such a p are grown */
	int64		examined;		/* sets that could have been listed, whatever their orders */
} RecoTogether;

extern RecoTogether *reco_together_find(RecoBudget *budget, const RecoRun *run, RecoProgress *progress,
										RecoBaskets *baskets, const RecoTogetherOptions *options);
extern double reco_together_design(const RecoSet *set);

#endif							/* RECO_TOGETHER_H */
