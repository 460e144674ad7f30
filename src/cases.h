/*
 * cases.h: held-out orders as requests.
 */
#ifndef RECO_CASES_H
#define RECO_CASES_H

#include "postgres.h"

#include "asking.h"
#include "interactions.h"
#include "reviews.h"
#include "segments.h"

#define RECO_CASE_MAX_ITEMS 100
#define RECO_CASES_LINE_BYTES 128	/* that making cases takes for a held-out line, at most */

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
	int64		first_friend;	/* in friends: the bag of what those whom the customer followed had bought */
	int64		n_friends;
	int64		first_review;	/* in reviews: those of the customer */
	int64		n_reviews;
	int32		session;		/* before the order, of which n_looked events are known */
	int64		n_looked;
	int64		first_view;		/* in views: the newest of them, newest first */
	int32		n_views;
	int64		first_label;	/* in labels: the customer's attributes */
	int			n_labels;
	int32		context[RECO_MAX_CONTEXTS];
} RecoCase;

/* Arrays that know of no other memory. */
typedef struct RecoCases
{
	int			n;
	int64		n_items;
	int64		n_lines;
	int64		n_views;
	RecoCase   *list;
	int32	   *items;
	int64		n_reviews;
	RecoLine   *lines;			/* all those of the cases' customers; order is a number in contexts */
	int32	   *labels;
	int64		n_labels;
	int32		(*contexts)[RECO_MAX_CONTEXTS];	/* of orders */
	int64		n_contexts;
	RecoEntry  *friends;
	int64		n_friends;
	RecoReview *reviews;		/* the same, with stars from 0 to 1; by item and time */
	RecoView   *views;
	uint32		strengths;		/* bits of the RecoStrengthKinds of which any case has evidence */
} RecoCases;

extern TimestampTz reco_cases_cut(const RecoInteractions *interactions);
extern RecoCases *reco_cases_make(const RecoInteractions *interactions, const RecoReviews *reviews,
								  const RecoSegments *segments, TimestampTz cut, int seed, int limit);
extern void reco_cases_add_friends(RecoCases *cases, const RecoInteractions *interactions);
extern void reco_cases_evidence(const RecoCases *cases, const RecoCase *test, bool with_basket, bool with_history,
								RecoEvidence *evidence);

#endif							/* RECO_CASES_H */
