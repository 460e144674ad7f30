/*
 * cache.h: models that a session has loaded.
 */
#ifndef RECO_CACHE_H
#define RECO_CACHE_H

#include "postgres.h"

#include "model.h"
#include "utils/uuid.h"

/* What is told once about a loaded version. */
typedef enum RecoCacheNotice
{
	RECO_NOTICE_AGE,			/* its data are old */
	RECO_NOTICE_NO_VALUES,		/* it knows no values to go by */
	RECO_NOTICE_UNKNOWN_PINS,	/* rules pin items that it does not know */
	RECO_CACHE_NOTICES
} RecoCacheNotice;

extern bool reco_cache_notice_once(const RecoModel *model, RecoCacheNotice notice);
extern const RecoModel *reco_cache_get(const char *model_name, const pg_uuid_t *blob);

#endif							/* RECO_CACHE_H */
