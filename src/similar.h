/*
 * similar.h: items like an item.
 */
#ifndef RECO_SIMILAR_H
#define RECO_SIMILAR_H

#include "postgres.h"

#include "recommend.h"

extern RecoAnswer *reco_similar_items(const char *model, bool integer_keys, const RecoKey *item, int k);

#endif							/* RECO_SIMILAR_H */
