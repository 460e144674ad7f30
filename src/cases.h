/*
 * cases.h: held-out orders as requests.
 */
#ifndef RECO_CASES_H
#define RECO_CASES_H

#include "postgres.h"

#include "interactions.h"

#define RECO_CASE_MAX_ITEMS 100

typedef struct RecoCase
{
	int32		order;
	int32		n_visible;
	int32		n_hidden;
	int64		first;			/* in items: the visible ones, then the hidden */
} RecoCase;

typedef struct RecoCases
{
	const RecoInteractions *interactions;
	int			n;
	RecoCase   *list;
	int32	   *items;
	int64	   *user_start;		/* [users + 1], into the lines */
} RecoCases;

extern TimestampTz reco_cases_cut(const RecoInteractions *interactions);
extern RecoCases *reco_cases_make(const RecoInteractions *interactions, TimestampTz cut, int seed, int limit);
extern RecoLine *reco_cases_history(const RecoCases *cases, const RecoCase *test, int64 *n_lines);

#endif							/* RECO_CASES_H */
