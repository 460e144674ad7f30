/*
 * inverse.h: the inverse of a large symmetric positive definite matrix, in tiles.
 */
#ifndef RECO_INVERSE_H
#define RECO_INVERSE_H

#include "kernels.h"

/*
 * The lower triangle of a symmetric matrix as tiles of RECO_TILE x RECO_TILE floats, those below the diagonal and those on
 * it, which are whole; tile rows follow one another.  Memory is the caller's, on cache lines.
 */
typedef struct RecoInverse
{
	int32_t		order;			/* rows of the matrix */
	float	   *tiles;			/* reco_inverse_tiles_size(order) bytes */
	float	   *panel;			/* reco_inverse_panel_size(order) bytes */
	float	   *pivot;			/* RECO_INVERSE_PIVOT_SIZE bytes */
} RecoInverse;

#define RECO_INVERSE_PIVOT_SIZE (2 * RECO_TILE_FLOATS * sizeof(float))

/* Tiles of a tile row below the matrix' last one, rounded up. */
static inline int32_t
reco_inverse_side(int32_t order)
{
	return order / RECO_TILE + (order % RECO_TILE != 0);
}

/* The tile of tile row i and tile column j <= i. */
static inline float *
reco_inverse_tile(const RecoInverse *inverse, int32_t i, int32_t j)
{
	return inverse->tiles + ((size_t) i * ((size_t) i + 1) / 2 + (size_t) j) * RECO_TILE_FLOATS;
}

extern size_t reco_inverse_tiles_size(int32_t order);
extern size_t reco_inverse_panel_size(int32_t order);

/*
 * A <- -A^-1 by one sweep (inverse.c): for each step k from 0 to reco_inverse_side(order) - 1
 *
 *		reco_inverse_pivot		once, with "least", what no eigenvalue of A is below
 *		reco_inverse_panel		for every tile row, in any order
 *		reco_inverse_update		for every block from 0 to reco_inverse_blocks(order) - 1, in any order
 *
 * each when the one before is finished; tile rows and blocks may be done by different processes, with the same bits.  The
 * matrix is filled up to whole tiles with any multiple of the identity.  RECO_NOT_CONVERGED where single precision does not
 * reach (least is too small beside the largest eigenvalue), RECO_NOT_FINITE, RECO_INTERRUPTED.
 */
extern RecoStatus reco_inverse_pivot(const RecoInverse *inverse, int32_t k, double least, void *workspace,
									 const RecoRun *run);
extern size_t reco_inverse_pivot_workspace_size(void);
extern void reco_inverse_panel(const RecoInverse *inverse, int32_t k, int32_t row, float *workspace,
							   const RecoKernels *kernels);
extern RecoStatus reco_inverse_update(const RecoInverse *inverse, int32_t k, uint32_t block, const RecoRun *run);
extern uint32_t reco_inverse_blocks(int32_t order);

#endif							/* RECO_INVERSE_H */
