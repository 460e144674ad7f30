/*
 * bundles.h: what is bought together, as a report.
 */
#ifndef RECO_BUNDLES_H
#define RECO_BUNDLES_H

#include "postgres.h"

#include "baskets.h"
#include "together.h"

typedef struct RecoBundlesRequest
{
	const char *model;
	bool		integer_keys;	/* of the function that was called */
	int			k;
	int			min_size;
	double		min_lift;		/* that the bound has at least */
	bool		only_available; /* sets that can be sold now */
	RecoBasketRules rules;
	RecoTogetherOptions options;	/* min_support 0: the model's */
	Size		memory_limit;	/* bytes */
	RecoProgress *progress;
} RecoBundlesRequest;

/* NaN: not known. */
typedef struct RecoBundle
{
	int			size;
	int32		item[RECO_MAX_BUNDLE];	/* numbers in RecoBundles' items, ascending */
	int64		orders;			/* that hold them all */
	int64		customers;
	double		expected;
	double		explained;
	double		lift;
	double		lift_low;
	double		plain_lift;
	double		p;
	double		q;
	double		price;			/* of one piece each */
	double		margin;
	double		value_together; /* mean value of orders that hold them all */
	double		value_beside;	/* of what else these hold */
	double		value_apart;	/* of orders that hold some of them, but not all */
} RecoBundle;

typedef struct RecoBundles
{
	const RecoIdMap *items;
	int64		examined;
	int			n;
	RecoBundle *rows;
} RecoBundles;

extern RecoBundles *reco_bundles(const RecoBundlesRequest *request);

#endif							/* RECO_BUNDLES_H */
