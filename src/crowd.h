/*
 * crowd.h: whom all customers follow, and what those bought.
 */
#ifndef RECO_CROWD_H
#define RECO_CROWD_H

#include "postgres.h"

#include "answering.h"
#include "consent.h"
#include "idmap.h"
#include "ragged.h"

/* What the answers for some customers know of those whom they follow. */
typedef struct RecoCrowd
{
	RecoRagged	friends;		/* int32, by customer: rows of lines */
	RecoRagged	lines;			/* RecoLine, by friend, in whatever order */
} RecoCrowd;

extern RecoCrowd reco_crowd_read(const RecoAnswering *a, const RecoIdMap *users, const RecoIdMap *items,
								 const RecoConsents *consents, RecoBudget *budget);
extern RecoEntry *reco_crowd_bag(const RecoRagged *friends, const RecoRagged *lines, int32 user, TimestampTz as_of, int64 *n);

#endif							/* RECO_CROWD_H */
