/*
 * views.h: what was looked at in a session, as weighted items.
 */
#ifndef RECO_VIEWS_H
#define RECO_VIEWS_H

#include "postgres.h"

#include "lines.h"

#define RECO_MAX_VIEWS			200		/* events of a session that count, the newest */
#define RECO_MAX_EVENT_KINDS	16
#define RECO_MAX_EVENT_LENGTH	64		/* bytes of a kind's text */
#define RECO_SESSION_DAYS		1.0		/* for so long a session belongs to what its customer does next */

/* What a session did with an item. */
typedef struct RecoView
{
	int32		item;
	int32		event;			/* its kind, a number of the model's; -1: none that it knows */
} RecoView;

/* What kinds of events are worth. */
typedef struct RecoEventWeights
{
	int			n;
	const float *weights;		/* in (0, 1] */
} RecoEventWeights;

extern int	reco_views_bag(const RecoView *views, int n, const RecoEventWeights *weights, double strength, double decay,
						   RecoEntry *entries);
extern int	reco_views_list(const RecoView *views, int n, const RecoEventWeights *weights, RecoEntry *entries);

#endif							/* RECO_VIEWS_H */
