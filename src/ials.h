/*
 * ials.h: factors of a sparse matrix of bags and items by implicit alternating least squares.
 *
 * Factor matrices are rows x reco_stride(factors) floats (numeric.h), workspaces 64-byte aligned and of the size that
 * the ..._workspace_size function of the same options gives.  Weights are finite and not negative; a row or bag whose
 * weights are all 0 counts as empty.
 */
#ifndef RECO_IALS_H
#define RECO_IALS_H

#include "numeric.h"
#include "sparse.h"

typedef struct RecoIalsOptions
{
	int			factors;		/* 1 to RECO_MAX_FACTORS */
	double		unobserved;		/* a0 >= 0: weight of every pair of a row and a column, seen or not */
	double		regularization; /* lambda > 0 */
	double		precision;		/* a row is done when its part of the objective is at most this above the minimum,
								 * relative to the row's norm (ials.c); 0 asks for all that floats can give */
	int			steps;			/* conjugate gradient steps for a row, at most */
	bool		exact;			/* solve rows by Cholesky instead, as the fold-in does */
	uint64_t	seed;
} RecoIalsOptions;

/* 64 factors, a0 = 0.1, lambda = 0.002, precision 1e-5, 20 steps, not exact, seed 0. */
extern RecoIalsOptions reco_ials_options_default(void);

/*
 * Make sure that a matrix can be trusted: starts that ascend from 0, columns within range, weights finite and not
 * negative, else RECO_CORRUPT.  The routines below do not look again.
 */
extern RecoStatus reco_ials_check_sparse(const RecoSparse *matrix, const RecoRun *run);

/* A small random start; row r depends on r, factors and seed alone. */
extern RecoStatus reco_ials_init(float *factors, int32_t rows, int f, uint64_t seed, const RecoRun *run);

/* Bytes for everything below that takes a RecoIalsOptions; does not depend on the data. */
extern size_t reco_ials_workspace_size(const RecoIalsOptions *options);

/*
 * One iteration: bag factors for the given item factors, then item factors for those.  by_item is the transpose of
 * by_bag.  Both factor matrices are start values as well as results, and end up rotated.
 */
extern RecoStatus reco_ials_iterate(const RecoSparse *by_bag, const RecoSparse *by_item,
									const RecoIalsOptions *options, float *bag_factors, float *item_factors,
									void *workspace, const RecoRun *run);

/* The value that iterations lower (ials.c), in double precision throughout.  For tests: slow. */
extern RecoStatus reco_ials_objective(const RecoSparse *by_bag, const RecoSparse *by_item,
									  const RecoIalsOptions *options, const float *bag_factors,
									  const float *item_factors, void *workspace, const RecoRun *run,
									  double *objective);

/*
 * Rotate item factors so that Y'Y is diagonal, and give that diagonal, descending up to rounding: the sums of squares
 * of the resulting floats.
 */
extern RecoStatus reco_ials_finish(float *item_factors, int32_t items, int f, double *gram_diagonal, void *workspace,
								   const RecoRun *run);

/*
 * Half an iteration in parts that several processes can share.  The half's arrays are in memory of
 * reco_ials_half_size bytes that all of them see; each process needs a workspace of its own of reco_ials_rows_size.
 *
 *		reco_ials_half_init			each process: fills in the struct, computes nothing
 *		reco_ials_gram_chunk		chunks 0 .. reco_ials_gram_chunks(columns) - 1 of the source, in any order
 *		reco_ials_half_add			one process: each chunk, in ascending order, after the first with chunk 0
 *		reco_ials_half_diagonalize	one process
 *		reco_ials_rotate			blocks of rows of source and of target, in any order
 *		reco_ials_half_rows			blocks of rows of the target, in any order
 *
 * The result has the same bits for any division into blocks.
 */
typedef struct RecoIalsHalf
{
	const RecoSparse *matrix;	/* rows: target, columns: source */
	float	   *source;
	float	   *target;
	RecoIalsOptions options;
	size_t		stride;
	double	   *gram;			/* stride x stride */
	double	   *partial;		/* stride x stride: Gram matrix of one chunk */
	double	   *vectors;		/* stride x stride: eigenvectors, one a row */
	double	   *values;			/* stride eigenvalues */
	float	   *rotation;		/* stride x stride: eigenvectors, one a column */
	float	   *diagonal;		/* stride: a0 * eigenvalues */
	void	   *eigen_workspace;
} RecoIalsHalf;

extern size_t reco_ials_half_size(int f);
extern size_t reco_ials_rows_size(const RecoIalsOptions *options);
extern RecoStatus reco_ials_half_init(RecoIalsHalf *half, const RecoSparse *matrix, const RecoIalsOptions *options,
									  float *source, float *target, void *memory);
extern int	reco_ials_gram_chunks(int32_t rows);
extern RecoStatus reco_ials_gram_chunk(const float *factors, int32_t rows, int f, int chunk, double *partial,
									   const RecoRun *run);
extern void reco_ials_half_add(RecoIalsHalf *half, int chunk, const double *partial);
extern RecoStatus reco_ials_half_diagonalize(RecoIalsHalf *half, const RecoRun *run);
extern RecoStatus reco_ials_rotate(const RecoIalsHalf *half, float *factors, int32_t first, int32_t last,
								   const RecoRun *run);
extern RecoStatus reco_ials_half_rows(const RecoIalsHalf *half, int32_t first, int32_t last, void *workspace,
									  const RecoRun *run);

/* All of it before the rows, by one process. */
extern RecoStatus reco_ials_half_begin(RecoIalsHalf *half, const RecoSparse *matrix, const RecoIalsOptions *options,
									   float *source, float *target, void *memory, const RecoRun *run);

#endif							/* RECO_IALS_H */
