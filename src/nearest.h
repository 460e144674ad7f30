/*
 * nearest.h: the k largest of many scores.
 */
#ifndef RECO_NEAREST_H
#define RECO_NEAREST_H

#include "postgres.h"

#include "lines.h"

typedef struct RecoNearest
{
	int			k;
	int			n;				/* so many are here */
	RecoEntry  *entries;		/* a heap with the worst at the root; after reco_nearest_sort best first */
} RecoNearest;

extern RecoNearest *reco_nearest_create(int k);
extern void reco_nearest_clear(RecoNearest *nearest);
extern void reco_nearest_offer(RecoNearest *nearest, int32 number, float score);
extern void reco_nearest_sort(RecoNearest *nearest);

#endif							/* RECO_NEAREST_H */
