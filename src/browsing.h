/*
 * browsing.h: the events of a session, read live.
 */
#ifndef RECO_BROWSING_H
#define RECO_BROWSING_H

#include "postgres.h"

#include "model.h"
#include "nodes/pg_list.h"
#include "sources.h"
#include "views.h"

/* Whose session is meant. */
typedef struct RecoBrowsingRequest
{
	const RecoKey *user;		/* NULL: nobody known */
	const char *session;		/* its key; NULL: the customer's newest, if it is of the last day */
	TimestampTz as_of;
	TimestampTz before;			/* events from then on are no evidence */
} RecoBrowsingRequest;

/* What it looked at. */
typedef struct RecoBrowsing
{
	RecoView	views[RECO_MAX_VIEWS];	/* newest first, of items that the model knows */
	int			n;
	TimestampTz since;			/* the oldest event that was read; DT_NOEND without any */
} RecoBrowsing;

extern bool reco_browsing_is_recent(TimestampTz as_of, TimestampTz at);
extern RecoBrowsing *reco_browsing_read(const RecoReader *reader, List *sources, const RecoModel *model,
										const RecoBrowsingRequest *request);

#endif							/* RECO_BROWSING_H */
