/*
 * ragged.h: lists of various lengths, one a row, in one piece of memory.
 */
#ifndef RECO_RAGGED_H
#define RECO_RAGGED_H

#include "postgres.h"

#include "budget.h"

typedef struct RecoRagged
{
	int32		rows;			/* 0: there are no lists */
	Size		width;			/* bytes of an element */
	int64	   *start;			/* [rows + 1], in elements */
	char	   *elements;
} RecoRagged;

/* Elements of rows in whatever order. */
typedef struct RecoRaggedBuilder
{
	RecoBudget *budget;
	const char *purpose;
	Size		width;
	int64		n;
	int64		capacity;
	int32	   *row;
	char	   *elements;
} RecoRaggedBuilder;

/* Make the final list of a row, not longer than n and of elements that are not wider, in place or nearly so; returns its length. */
typedef int64 (*RecoRaggedMake) (void *arg, void *elements, int64 n, void *out);

extern RecoRaggedBuilder *reco_ragged_begin(RecoBudget *budget, Size width, const char *purpose);
extern void *reco_ragged_add(RecoRaggedBuilder *builder, int32 row);
extern RecoRagged reco_ragged_end(RecoRaggedBuilder *builder, int32 rows);
extern void reco_ragged_remake(RecoRagged *ragged, Size width, RecoRaggedMake make, void *arg);
extern void reco_ragged_copy(RecoRagged *to, const RecoRagged *from, const int32 *rank);
extern void reco_ragged_free(RecoBudget *budget, RecoRagged *ragged);

/* How many elements there are in all. */
static inline int64
reco_ragged_count(const RecoRagged *ragged)
{
	return ragged->rows > 0 ? ragged->start[ragged->rows] : 0;
}

/* The list of a row. */
static inline void *
reco_ragged_row(const RecoRagged *ragged, int32 row, int64 *n)
{
	*n = 0;
	if (ragged->rows == 0)
		return NULL;
	*n = ragged->start[row + 1] - ragged->start[row];
	return ragged->elements + (Size) ragged->start[row] * ragged->width;
}

#endif							/* RECO_RAGGED_H */
