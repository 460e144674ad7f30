/*
 * cache.h: models that a session has loaded.
 */
#ifndef RECO_CACHE_H
#define RECO_CACHE_H

#include "postgres.h"

#include "model.h"
#include "utils/uuid.h"

extern bool reco_cache_notice_once(const RecoModel *model);
extern const RecoModel *reco_cache_get(const char *model_name, const pg_uuid_t *blob);

#endif							/* RECO_CACHE_H */
