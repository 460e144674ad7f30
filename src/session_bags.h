/*
 * session_bags.h: sessions as rows of the matrix of bags and items.
 */
#ifndef RECO_SESSION_BAGS_H
#define RECO_SESSION_BAGS_H

#include "postgres.h"

#include "bags.h"

/* Rows in the making. */
typedef struct RecoRows
{
	int64	   *start;
	int32	   *index;
	float	   *weight;
	int32		rows;
	int64		entries;
} RecoRows;

extern void reco_session_bags_add(const RecoInteractions *interactions, const RecoBagOptions *options, RecoRows *rows);

#endif							/* RECO_SESSION_BAGS_H */
