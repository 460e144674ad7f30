/*
 * sums.h: the state of aggregates that add up a few numbers.
 */
#ifndef RECO_SUMS_H
#define RECO_SUMS_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/array.h"

/* A state that a row adds to. */
typedef struct RecoSums
{
	ArrayType  *state;
	int			n;
	double	   *high;			/* [n] */
	double	   *low;			/* [n], what rounding took from them */
} RecoSums;

extern MemoryContext reco_sums_context(FunctionCallInfo fcinfo);
extern Datum reco_sums_unchanged(FunctionCallInfo fcinfo);
extern RecoSums reco_sums_open(FunctionCallInfo fcinfo, int n);
extern RecoSums reco_sums_read(FunctionCallInfo fcinfo, int i);
extern void reco_sums_add(RecoSums *sums, int i, double value);
extern double reco_sums_get(const RecoSums *sums, int i);
extern double reco_sums_result(double value);

#endif							/* RECO_SUMS_H */
