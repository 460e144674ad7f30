/*
 * cases.h: held-out orders as requests.
 */
#ifndef RECO_CASES_H
#define RECO_CASES_H

#include "postgres.h"

#include "asking.h"
#include "interactions.h"

#define RECO_CASE_MAX_ITEMS 100
#define RECO_CASES_LINE_BYTES 64	/* that making cases takes for a held-out line, at most */

typedef struct RecoCase
{
	int32		order;
	TimestampTz at;				/* of the order */
	int32		user;			/* its customer, -1 unknown */
	int32		n_visible;
	int32		n_hidden;
	int64		first;			/* in items: the visible ones, then the hidden */
	int64		first_line;		/* in lines: those of the customer */
	int64		n_lines;
} RecoCase;

/* Three arrays that know of no other memory. */
typedef struct RecoCases
{
	int			n;
	int64		n_items;
	int64		n_lines;
	RecoCase   *list;
	int32	   *items;
	RecoLine   *lines;			/* all those of the cases' customers */
	uint32		strengths;		/* bits of the RecoStrengthKinds of which any case has evidence */
} RecoCases;

extern TimestampTz reco_cases_cut(const RecoInteractions *interactions);
extern RecoCases *reco_cases_make(const RecoInteractions *interactions, TimestampTz cut, int seed, int limit);
extern void reco_cases_evidence(const RecoCases *cases, const RecoCase *test, bool with_basket, bool with_history,
								RecoEvidence *evidence);

#endif							/* RECO_CASES_H */
