/*
 * users_from.h: reading customers' keys from a relation that the caller names.
 */
#ifndef RECO_USERS_FROM_H
#define RECO_USERS_FROM_H

#include "postgres.h"

#include "sources.h"

extern void reco_users_from_read(Oid relation, bool integer_keys, RecoRowCallback callback, void *arg);

#endif							/* RECO_USERS_FROM_H */
