/*
 * prior.h: what is expected of a customer by his labels alone.
 */
#ifndef RECO_PRIOR_H
#define RECO_PRIOR_H

#include "fields.h"
#include "numeric.h"

#define RECO_PRIOR_MOST_LABELS 500 /* that take part: those of the most customers */

/* A regression that is being made; all of it stands in the workspace. */
typedef struct RecoPrior
{
	int32_t		labels;
	int			factors;
	int32_t		n;				/* labels that take part */
	int64_t		customers;
	int32_t    *number;			/* [labels] -1: takes no part */
	int64_t    *support;		/* [labels] customers */
	double	   *a;				/* [n x n] Z'Z, upper triangle */
	double	   *b;				/* [factors x n] Z'X */
	double	   *c;				/* [factors x factors] X'X, upper triangle */
	double	   *mean;			/* [factors] of X */
	double	   *weights;		/* [factors x n] what labels add */
	double	   *ridge;			/* [factors] reco_prior_end leaves here what it chose, by axis; INFINITY: labels say nothing */
	double	   *values;			/* [n] eigenvalues of a */
	double	   *vectors;		/* [n x n] its eigenvectors, a row each */
	double	   *spread;			/* [factors] eigenvalues of c */
	double	   *axes;			/* [factors x factors] its eigenvectors, a row each */
	double	   *scratch;		/* [2 n] */
	void	   *workspace;		/* of the eigensolver */
} RecoPrior;

extern size_t reco_prior_workspace_size(int32_t labels, int factors);

/* support says how many customers about have each label; those that most have take part. */
extern RecoPrior reco_prior_begin(int32_t labels, int factors, const int32_t *support, void *workspace);

/* A customer has these labels, ascending, and this vector. */
extern void reco_prior_add(RecoPrior *prior, const int32_t *labels, int n, const double *x);

/*
 * The result has 1 + labels rows of reco_stride(factors) floats: the first is of everybody who was added, row 1 + l what
 * label l adds; a customer's vector is the sum of the first and of those of his labels.  fields say which labels are
 * alternatives; those of customers come first among them.  RECO_NOT_FINITE where a vector is not finite, RECO_INTERRUPTED.
 */
extern RecoStatus reco_prior_end(RecoPrior *prior, const RecoFields *fields, float *result, const RecoRun *run);

#endif							/* RECO_PRIOR_H */
