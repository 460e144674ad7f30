/*
 * linalg.h: dense symmetric matrices in double precision, small enough for a cache: eigenvalues and Cholesky.
 *
 * A matrix is n rows of n doubles, "stride" doubles apart; of a symmetric one only the upper triangle is read.  Results
 * are the same bits for the same input and the same kernels.
 */
#ifndef RECO_LINALG_H
#define RECO_LINALG_H

#include "numeric.h"

/*
 * Eigenvalues, descending, and eigenvectors of a symmetric matrix of order n, which is destroyed.  Row j of vectors
 * (same stride) is the unit eigenvector of values[j]; its component of largest magnitude (the first of several) is
 * positive.  RECO_NOT_FINITE for a NaN or an infinity in the matrix, RECO_NOT_CONVERGED after 60 sweeps for one
 * eigenvalue, which no matrix is known to need.
 */
extern RecoStatus reco_linalg_eigen(double *a, int n, size_t stride, double *values, double *vectors, void *workspace,
									const RecoRun *run);
extern size_t reco_linalg_eigen_workspace_size(int n);

/*
 * A = U'U in place, U in the upper triangle.  RECO_NOT_CONVERGED when A is not positive definite to
 * working precision, RECO_NOT_FINITE for a
 * NaN or an infinity met on the way.
 */
extern RecoStatus reco_linalg_cholesky(double *a, int n, size_t stride, const RecoRun *run);

/* b <- A^-1 b for U'U = A as reco_linalg_cholesky leaves it. */
extern void reco_linalg_cholesky_solve(const double *u, int n, size_t stride, double *b, const RecoRun *run);

#endif							/* RECO_LINALG_H */
