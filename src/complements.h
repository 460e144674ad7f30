/*
 * complements.h: a sparse item-to-item model from orders: which items go with those of a basket.
 */
#ifndef RECO_COMPLEMENTS_H
#define RECO_COMPLEMENTS_H

#include "inverse.h"
#include "numeric.h"
#include "parameters.h"
#include "sparse.h"

typedef struct RecoComplementsOptions
{
	RecoComplementsMethod method;
	double		regularization; /* lambda > 0, in the unit of the orders' weights */
	double		length_power;	/* an order of n items counts n^-length_power times its weight */
	int			neighbors;		/* at most so many items speak for an item, >= 1 */
} RecoComplementsOptions;

extern RecoComplementsOptions reco_complements_options_default(void);

/*
 * A training.  The first "orders" rows of by_order are orders, each entry with the weight of its row; by_item is its
 * transpose, in which rows beyond the orders are passed over.  The arrays are the caller's; those of the other method
 * are not looked at.
 */
typedef struct RecoComplements
{
	RecoComplementsOptions options;
	int32_t		items;
	int32_t		orders;
	RecoSparse	by_order;
	RecoSparse	by_item;
	double	   *mass;			/* [items] sum of the weights of the item's orders */
	int64_t    *slot;			/* [items + 1] where what speaks for an item begins in index and weight */
	int32_t    *count;			/* [items] how many there are */
	int32_t    *index;			/* [reco_complements_most_slots()] */
	float	   *weight;
	int64_t    *list_start;		/* [items + 1] approximate: lists of those bought with an item most */
	int32_t    *list_count;		/* [items] */
	int32_t    *list_index;		/* [reco_complements_most_listed()] ascending in a list */
	float	   *list_value;
	RecoInverse inverse;		/* exact */
} RecoComplements;

#define RECO_COMPLEMENTS_MAX_ORDER 1000	/* of a longer order a sample is used */

/*
 * How many entries there can be, of orders with so many pairs: the sum of n min(n, RECO_COMPLEMENTS_MAX_ORDER) over orders
 * of n items.
 */

extern size_t reco_complements_most_slots(const RecoComplementsOptions *options, int32_t items, size_t pairs);
extern size_t reco_complements_most_listed(const RecoComplementsOptions *options, int32_t items, size_t pairs);

/* Workspace of any of the steps below. */
extern size_t reco_complements_workspace_size(const RecoComplementsOptions *options, int32_t items);

/*
 * The steps, each when the one before is finished; those of items or tile rows in any pieces, by any number of processes,
 * with the same bits.
 *
 * approximate: measure; list, of items; solve, of items; gather.
 * exact: measure; fill, of tile rows; the sweep of inverse.h with least = regularization; keep, of tile rows; gather.
 *
 * RECO_INTERRUPTED; RECO_NOT_FINITE for weights that are not finite.
 */
extern RecoStatus reco_complements_measure(const RecoComplements *complements, const RecoRun *run);
extern RecoStatus reco_complements_list(const RecoComplements *complements, int32_t first, int32_t end, void *workspace,
										const RecoRun *run);
extern RecoStatus reco_complements_solve(const RecoComplements *complements, int32_t first, int32_t end, void *workspace,
										 const RecoRun *run);
extern RecoStatus reco_complements_fill(const RecoComplements *complements, int32_t tile_row, void *workspace,
										const RecoRun *run);
extern RecoStatus reco_complements_keep(const RecoComplements *complements, int32_t tile_row, void *workspace,
										const RecoRun *run);

/*
 * The model by the item that is in the basket: row j lists the items i that it speaks for, with B_ji.  start has items + 1
 * elements, index and weight as many as the slots.
 */
extern RecoStatus reco_complements_gather(const RecoComplements *complements, int64_t *start, int32_t *index, float *weight,
										  const RecoRun *run);

#endif							/* RECO_COMPLEMENTS_H */
