/*
 * availability.h: what the shop can sell now.
 */
#ifndef RECO_AVAILABILITY_H
#define RECO_AVAILABILITY_H

#include "postgres.h"

#include "answering.h"

extern bool reco_availability_is_asked(const RecoAnswering *a);
extern uint64 *reco_availability_unavailable(const RecoAnswering *a);
extern bool *reco_availability_of(const RecoAnswering *a, const RecoTopEntry *entries, int n);

#endif							/* RECO_AVAILABILITY_H */
