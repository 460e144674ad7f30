/*
 * inverse.c: inverts a large symmetric positive definite matrix in place, in tiles, by blocked Cholesky.
 *
 * To invert by Cholesky takes three passes over the matrix: the factor A = LL', the inverse of L, and the product of that
 * with itself, n^3 / 6 multiplications each.  They can be merged into one sweep (Bientinesi, Gunter and van de Geijn 2008,
 * "Families of algorithms related to the inversion of a symmetric positive definite matrix"), in which every step is the
 * same update of the whole triangle, n^3 / 2 multiplications in all, and needs no memory but the triangle itself and a
 * panel.  Before step k, where A00 are the tiles before k and A11 those from k on, the triangle holds
 *
 *		-A00^-1
 *		 A10 A00^-1		S = A11 - A10 A00^-1 A01
 *
 * With S_kk = LL' (L_ik = S_ik L'^-1 is the panel of a right-looking Cholesky) and W_i = A_ik L'^-1 for every tile row i but
 * k, above as below, the step is
 *
 *		A_ij <- A_ij - W_i W_j'			A_ik <- W_i L^-1			A_kk <- -L'^-1 L^-1
 *
 * and after the last one the triangle holds -A^-1.  L of a tile and its inverse are computed in double precision; the
 * panel is kept transposed, so that all the rest is one kernel, C -= A'B.
 *
 * No eigenvalue of a Schur complement S is below the smallest of A: a pivot that is has lost its digits.
 */
#include "inverse.h"

#include <math.h>
#include <string.h>

#include "linalg.h"

#define BLOCK_TILES		32		/* of an update: 67 million multiplications, about a millisecond */
#define TILES_A_CHECK	8

static size_t
count_tiles(int32_t side)
{
	return (size_t) side * ((size_t) side + 1) / 2;
}

size_t
reco_inverse_tiles_size(int32_t order)
{
	return reco_size_mul(count_tiles(reco_inverse_side(order)), RECO_TILE_FLOATS * sizeof(float));
}

size_t
reco_inverse_panel_size(int32_t order)
{
	return reco_size_mul((size_t) reco_inverse_side(order), RECO_TILE_FLOATS * sizeof(float));
}

size_t
reco_inverse_pivot_workspace_size(void)
{
	return 2 * RECO_TILE_FLOATS * sizeof(double);
}

/* V = U^-1, both upper triangular, from the last row on: V_i = (e_i - sum_{l > i} U_il V_l) / U_ii. */
static void
invert_triangle(const double *u, double *v, const RecoKernels *kernels)
{
	memset(v, 0, RECO_TILE_FLOATS * sizeof(double));
	for (int i = RECO_TILE - 1; i >= 0; i--)
	{
		double	   *row = v + i * RECO_TILE;

		for (int l = i + 1; l < RECO_TILE; l++)
			if (u[i * RECO_TILE + l] != 0)
				kernels->axpy_f64(-u[i * RECO_TILE + l], v + l * RECO_TILE + l, row + l, (size_t) (RECO_TILE - l));
		row[i] = 1;
		for (int j = i; j < RECO_TILE; j++)
			row[j] /= u[i * RECO_TILE + i];
	}
}

static bool
pivots_have_digits(const double *u, double least)
{
	for (int i = 0; i < RECO_TILE; i++)
		if (!(u[i * RECO_TILE + i] * u[i * RECO_TILE + i] >= 0.5 * least))
			return false;
	return true;
}

/* L^-1 of the tile on the diagonal, and behind it its transpose, into pivot; -S_kk^-1 into the tile. */
RecoStatus
reco_inverse_pivot(const RecoInverse *inverse, int32_t k, double least, void *workspace, const RecoRun *run)
{
	float	   *tile = reco_inverse_tile(inverse, k, k);
	float	   *lower = inverse->pivot;
	float	   *upper = inverse->pivot + RECO_TILE_FLOATS;
	double	   *u = workspace;
	double	   *v = u + RECO_TILE_FLOATS;
	RecoStatus	status;

	for (int i = 0; i < RECO_TILE; i++)
		for (int j = i; j < RECO_TILE; j++)
			u[i * RECO_TILE + j] = tile[j * RECO_TILE + i];
	status = reco_linalg_cholesky(u, RECO_TILE, RECO_TILE, run);
	if (status != RECO_OK)
		return status;
	if (!pivots_have_digits(u, least))
		return RECO_NOT_CONVERGED;
	invert_triangle(u, v, run->kernels);
	for (int i = 0; i < RECO_TILE; i++)
		for (int j = 0; j < RECO_TILE; j++)
			upper[i * RECO_TILE + j] = lower[j * RECO_TILE + i] = (float) v[i * RECO_TILE + j];
	if (!run->kernels->finite(upper, RECO_TILE_FLOATS))
		return RECO_NOT_FINITE;
	memset(tile, 0, RECO_TILE_FLOATS * sizeof(float));
	run->kernels->subtract_product(lower, lower, tile);
	return RECO_OK;
}

static void
transpose(const float *from, float *to)
{
	for (int i = 0; i < RECO_TILE; i += 16)
		for (int j = 0; j < RECO_TILE; j++)
			for (int l = i; l < i + 16; l++)
				to[j * RECO_TILE + l] = from[l * RECO_TILE + j];
}

/*
 * -W' of a tile row into the panel, and A_ik.  The workspace is one tile.  The signs of two W's cancel in an update.
 */
void
reco_inverse_panel(const RecoInverse *inverse, int32_t k, int32_t row, float *workspace, const RecoKernels *kernels)
{
	const float *lower = inverse->pivot;
	const float *upper = inverse->pivot + RECO_TILE_FLOATS;
	float	   *panel = inverse->panel + (size_t) row * RECO_TILE_FLOATS;
	float	   *tile = row < k ? reco_inverse_tile(inverse, k, row) : reco_inverse_tile(inverse, row, k);

	if (row == k)
		return;
	memset(panel, 0, RECO_TILE_FLOATS * sizeof(float));
	if (row > k)
		transpose(tile, workspace);
	kernels->subtract_product(upper, row > k ? workspace : tile, panel);
	memset(tile, 0, RECO_TILE_FLOATS * sizeof(float));
	if (row > k)
		kernels->subtract_product(panel, lower, tile);
	else
		kernels->subtract_product(lower, panel, tile);
}

uint32_t
reco_inverse_blocks(int32_t order)
{
	return (uint32_t) ((count_tiles(reco_inverse_side(order)) + BLOCK_TILES - 1) / BLOCK_TILES);
}

/* The tile row of a tile by its place among all. */
static int32_t
row_of_tile(size_t tile, int32_t side)
{
	int32_t		low = 0;
	int32_t		high = side;

	while (high - low > 1)
	{
		int32_t		middle = low + (high - low) / 2;

		if (count_tiles(middle) <= tile)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Some tiles, but for those of row and column k. */
RecoStatus
reco_inverse_update(const RecoInverse *inverse, int32_t k, uint32_t block, const RecoRun *run)
{
	int32_t		side = reco_inverse_side(inverse->order);
	size_t		tile = (size_t) block * BLOCK_TILES;
	size_t		end = tile + BLOCK_TILES < count_tiles(side) ? tile + BLOCK_TILES : count_tiles(side);
	int32_t		i = row_of_tile(tile, side);
	int32_t		j = (int32_t) (tile - count_tiles(i));

	for (; tile < end; tile++)
	{
		if (i != k && j != k)
			run->kernels->subtract_product(inverse->panel + (size_t) i * RECO_TILE_FLOATS,
										   inverse->panel + (size_t) j * RECO_TILE_FLOATS,
										   inverse->tiles + tile * RECO_TILE_FLOATS);
		if (++j > i)
		{
			i++;
			j = 0;
		}
		if (tile % TILES_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}
