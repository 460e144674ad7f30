/*
 * conversion.h: what each kind of session event is worth.
 */
#ifndef RECO_CONVERSION_H
#define RECO_CONVERSION_H

#include "postgres.h"

#include "interactions.h"
#include "views.h"

extern Size reco_conversion_memory(const RecoInteractions *interactions);
extern void reco_conversion_learn(const RecoInteractions *interactions, const RecoSessions *sessions, TimestampTz before,
								  float *weights);

#endif							/* RECO_CONVERSION_H */
