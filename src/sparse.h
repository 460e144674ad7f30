/*
 * sparse.h: a sparse matrix as rows of entries.
 */
#ifndef RECO_SPARSE_H
#define RECO_SPARSE_H

#include <stdint.h>

/*
 * The entries of row r are start[r] to start[r + 1] - 1; within a row the column numbers ascend.  Weights are positive.
 */
typedef struct RecoSparse
{
	int32_t		rows;
	int32_t		cols;
	const int64_t *start;		/* rows + 1 */
	const int32_t *index;
	const float *weight;
} RecoSparse;

#endif							/* RECO_SPARSE_H */
