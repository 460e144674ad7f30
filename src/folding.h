/*
 * folding.h: the vector of one bag for given item factors, and what its entries add to a score.
 *
 * Layout of factors and workspaces as in ials.h.
 */
#ifndef RECO_FOLDING_H
#define RECO_FOLDING_H

#include "numeric.h"

/* Item factors as reco_ials_finish leaves them. */
typedef struct RecoFactors
{
	int32_t		items;
	int			factors;
	const float *y;
	const double *gram_diagonal;
	double		unobserved;		/* a0 */
} RecoFactors;

/*
 * Fold-in: x (factors doubles) minimizes the objective for one bag of n items:
 *
 *		A x = sum_j w_j y_j,   A = a0 diag(gram) + ridge I + sum_j w_j y_j y_j',   ridge = lambda (sum_j w_j + a0 items)
 *
 * up to an error of at most about 1e-7 of x, in the norm of A; the same bits for the same bag and the same kernels.  An
 * empty bag gives zeros; an item may occur more than once.  The workspace never shrinks with n, and stops growing at
 * some n.  RECO_BAD_ARGUMENT for an item that does not exist, a weight or lambda that is negative or not finite;
 * RECO_NOT_CONVERGED when A is singular, which only lambda = 0 can cause; RECO_NOT_FINITE for such a result.
 */
extern RecoStatus reco_folding_solve(const RecoFactors *model, int n, const int32_t *items, const float *weights,
									double lambda, double *x, void *workspace, const RecoRun *run);

/* The same for a given ridge, by a decomposition of A in double precision, with nothing checked: for rows in training. */
extern RecoStatus reco_folding_solve_exactly(const RecoFactors *model, int n, const int32_t *items, const float *weights,
											double ridge, double *x, void *workspace, const RecoRun *run);
extern size_t reco_folding_workspace_size(int factors, int n);

/* y_item . x */
extern double reco_folding_score(const RecoFactors *model, int32_t item, const double *x);

/*
 * contributions[j] = w_j y_j' A^-1 y_item: what the bag's entry j adds to the score of an item (Hu et al. 2008, section
 * 5); their sum is reco_folding_score of the bag's fold-in, up to its error: these are solved exactly.  Same workspace as
 * the fold-in.
 */
extern RecoStatus reco_folding_explain(const RecoFactors *model, int n, const int32_t *items, const float *weights,
									double lambda, int32_t item, double *contributions, void *workspace,
									const RecoRun *run);

#endif							/* RECO_FOLDING_H */
