/*
 * stopping.h: when further iterations of a fit are not worth their time.
 */
#ifndef RECO_STOPPING_H
#define RECO_STOPPING_H

#include "postgres.h"

#include "folding.h"
#include "ials.h"
#include "interactions.h"

typedef struct RecoStopping RecoStopping;

extern RecoStopping *reco_stopping_create(const RecoInteractions *interactions, TimestampTz cut, double lambda, int seed);
extern bool reco_stopping_is_done(RecoStopping *stopping, const RecoFactors *factors, const RecoRun *run);

#endif							/* RECO_STOPPING_H */
