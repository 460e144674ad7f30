/*
 * reviews.h: what customers think of items, for training.
 */
#ifndef RECO_REVIEWS_H
#define RECO_REVIEWS_H

#include "postgres.h"

#include "asking.h"
#include "budget.h"
#include "idmap.h"
#include "nodes/pg_list.h"
#include "sources.h"
#include "utils/timestamp.h"
#include "wording.h"

typedef struct RecoReview
{
	TimestampTz at;				/* DT_NOBEGIN: not known */
	int32		user;			/* -1: not known */
	int32		item;			/* -1: none that is known, once numbered */
	float		stars;			/* those given, or those expected by the words */
} RecoReview;

typedef struct RecoReviews
{
	RecoBudget *budget;
	RecoReview *list;			/* when numbered: by user, item, time and stars */
	int64		n;
	int64		capacity;
	double		least;			/* the scale of the stars that were given; most < least: there were none */
	double		most;
	RecoWording wording;		/* weights are NULL where nothing was learned */
	const char *configuration;	/* of text search, by which its words are found */

	/* Dictionaries of their own, until they are numbered. */
	RecoIdMap  *users;
	RecoIdMap  *items;
} RecoReviews;

/* Which reviews are read. */
typedef struct RecoReviewsOptions
{
	TimestampTz before;			/* those from then on are left out */
	bool		is_replay;		/* and those of unknown time too, and no notice is given */
	const RecoWording *wording; /* what words say is known: it is not learned; NULL: it is */
} RecoReviewsOptions;

extern RecoReviews *reco_reviews_read(RecoBudget *budget, const RecoReader *reader, List *sources,
									  const RecoReviewsOptions *options);
extern void reco_reviews_number(RecoReviews *reviews, const RecoIdMap *users, const RecoIdMap *items);
extern void reco_reviews_sort(RecoReviews *reviews);
extern int64 reco_reviews_of(const RecoReviews *reviews, int32 user, int64 *n);
extern int	reco_reviews_last(const RecoReview *list, int64 n, TimestampTz before, RecoOpinion *opinions);
extern float reco_reviews_height(const RecoReviews *reviews, double stars);

#endif							/* RECO_REVIEWS_H */
