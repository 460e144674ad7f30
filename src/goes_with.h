/*
 * goes_with.h: what goes with a basket, by complements alone.
 */
#ifndef RECO_GOES_WITH_H
#define RECO_GOES_WITH_H

#include "postgres.h"

#include "recommend.h"

extern RecoAnswer *reco_goes_with(const char *model, bool integer_keys, const RecoKeyList *basket, int k);

#endif							/* RECO_GOES_WITH_H */
