/*
 * impressions.h: what was shown to whom.
 */
#ifndef RECO_IMPRESSIONS_H
#define RECO_IMPRESSIONS_H

#include "postgres.h"

#include "catalog.h"
#include "receiver.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "values.h"

#define RECO_MAX_SHOWN 1000		/* items of an impression */
#define RECO_MAX_SHOWN_KEY 1000	/* bytes of a key */

/* Keys are in their text form. */
typedef struct RecoImpression
{
	const char *user;			/* NULL: unknown */
	int			n;
	const char *const *items;	/* [n] */
	pg_uuid_t	id;
	TimestampTz at;
	Datum		context;		/* a jsonb */
	bool		has_context;
} RecoImpression;

typedef struct RecoPruned
{
	int64		rows;
	int32		partitions;
} RecoPruned;

extern bool reco_impressions_may_ask(const char *model);
extern bool reco_impressions_may_name(const RecoModelRow *model, const RecoOptions *options, List *sources, const char *user);
extern void reco_impressions_log(const RecoModelRow *model, const RecoOptions *options, const RecoImpression *impression);
extern void reco_impressions_prepare(TimestampTz now);
extern RecoPruned reco_impressions_prune(const char *model, int days, TimestampTz now);
extern int64 reco_impressions_forget(const char *model, const char *user);
extern TimestampTz reco_impressions_begin(const char *model);
extern void reco_impressions_read(const char *model, TimestampTz since, TimestampTz until, RecoSlotCallback callback, void *arg);

#endif							/* RECO_IMPRESSIONS_H */
