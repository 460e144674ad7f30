/*
 * ridge.h: item factors from terms, by ridge regression.
 */
#ifndef RECO_RIDGE_H
#define RECO_RIDGE_H

#include "numeric.h"
#include "sparse.h"

typedef struct RecoRidgeOptions
{
	double		regularization; /* alpha > 0 */
	double		precision;		/* the residual of a factor, relative to where it began */
	int			steps;			/* of conjugate gradients, at most */
} RecoRidgeOptions;

/* Alpha 0.5, for rows of length 1 (measured: src/README), precision 1e-4, 100 steps. */
extern RecoRidgeOptions reco_ridge_options_default(void);

extern size_t reco_ridge_workspace_size(int32_t terms, int factors);

/*
 * Coefficients B [terms x stride] that minimize
 *
 *	   sum_i v_i |y_i - sum_t w_it b_t|^2 + alpha sum_t |b_t|^2
 *
 * for items x terms w and factors y [items x stride]; v_i >= 0, and rows of weight 0 are not looked at.  RECO_NOT_FINITE
 * for a result that floats cannot hold.  The same bits for the same input and kernels.
 */
extern RecoStatus reco_ridge_fit(const RecoSparse *terms, const float *row_weight, const float *y, int factors,
								 const RecoRidgeOptions *options, float *coefficients, void *workspace, const RecoRun *run);

/* y = sum_t w_t b_t of one row of terms: stride floats. */
extern void reco_ridge_predict(const RecoSparse *terms, int32_t row, const float *coefficients, int factors, float *y,
							   const RecoRun *run);

#endif							/* RECO_RIDGE_H */
