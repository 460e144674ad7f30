/*
 * foldin.h: from a bag of items to a vector.
 */
#ifndef RECO_FOLDIN_H
#define RECO_FOLDIN_H

#include "postgres.h"

#include "folding.h"
#include "kernels.h"
#include "lines.h"

/* A vector in the space of the item factors, padded as the rows of the factors are. */
typedef struct RecoVector
{
	bool		is_zero;		/* nothing is known */
	double		mass;			/* of the bag that it is made of */
	double		x[RECO_MAX_FACTORS];
} RecoVector;

typedef struct RecoFoldIn RecoFoldIn;

extern RecoFoldIn *reco_foldin_create(const RecoFactors *factors, const RecoRun *run);
extern void reco_foldin_bag(RecoFoldIn *foldin, const RecoEntry *entries, int64 n, double lambda, RecoVector *vector);
extern void reco_foldin_explain(RecoFoldIn *foldin, const RecoEntry *entries, int64 n, double lambda, int32 item,
								double *contributions);
extern void reco_foldin_combine(const RecoFoldIn *foldin, const RecoVector *first, const RecoVector *second,
								double second_weight, float *query);
extern RecoRun reco_foldin_run(const RecoKernels *kernels);
extern void reco_foldin_check_status(RecoStatus status, const char *what);

#endif							/* RECO_FOLDIN_H */
