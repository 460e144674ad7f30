/*
 * friends.h: what the people followed bought, at the time of a request.
 */
#ifndef RECO_FRIENDS_H
#define RECO_FRIENDS_H

#include "postgres.h"

#include "lines.h"
#include "model.h"
#include "nodes/pg_list.h"
#include "sources.h"

extern RecoEntry *reco_friends_read(const RecoReader *reader, List *sources, const RecoModel *model, bool default_consent,
									const RecoKey *user, TimestampTz before, TimestampTz as_of, int64 *n);

#endif							/* RECO_FRIENDS_H */
