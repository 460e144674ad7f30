/*
 * merchandise.h: which of a pool of items come into a list, and in what order, by a shop's rules.
 */
#ifndef RECO_MERCHANDISE_H
#define RECO_MERCHANDISE_H

#include "numeric.h"

/* Above this many places, diversity and exposure are not for sale: they take time by the square of it. */
#define RECO_MERCHANDISE_PLACES 1000

/* Which rules placed an item. */
#define RECO_TRACE_PIN			1u
#define RECO_TRACE_CAP			2u
#define RECO_TRACE_DIVERSITY	4u
#define RECO_TRACE_EXPOSURE		8u

typedef struct RecoMerchandiseItem
{
	double		key;			/* relevance, finite */
	double		merit;			/* by which its group has a claim to exposure, >= 0 */
	int32_t		rank;			/* that it is pinned to, from 1 to k, no two the same; 0: it is not */
	int32_t		n_counters;
	const int32_t *counters;	/* numbers of those that count it, each once */
	int32_t		n_groups;		/* at least 1 where exposure counts */
	const int32_t *groups;		/* among which its exposure and its merit are divided, each once */
	const float *y;				/* [factors], where there is diversity */
} RecoMerchandiseItem;

typedef struct RecoMerchandiseTask
{
	const RecoMerchandiseItem *items;	/* best first, which decides where keys are alike */
	int			n;
	int			k;
	int			n_counters;
	const int32_t *limits;		/* [n_counters], how many of a list each may count */
	double		diversity;		/* 0 to 1 */
	int			factors;
	int			n_groups;		/* 0: exposure does not count */
	double		gap;			/* 0 to 1 */
} RecoMerchandiseTask;

typedef struct RecoPlacement
{
	int			item;			/* its place in the pool */
	uint32_t	traces;
} RecoPlacement;

/* Give pins their ranks: those that want none (0) get the first that is free; 0 for those that are beyond k. */
extern void reco_merchandise_ranks(const int32_t *wanted, int n, int k, int32_t *ranks);

extern size_t reco_merchandise_workspace(const RecoMerchandiseTask *task);

/*
 * Fill a list of at most k places.  RECO_BAD_ARGUMENT for numbers out of range.
 */
extern RecoStatus reco_merchandise_fill(const RecoRun *run, const RecoMerchandiseTask *task, void *workspace,
										RecoPlacement *places, int *found);

#endif							/* RECO_MERCHANDISE_H */
