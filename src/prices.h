/*
 * prices.h: what the shop asks for items, and keeps of it.
 */
#ifndef RECO_PRICES_H
#define RECO_PRICES_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "sources.h"

extern double reco_prices_round(double sum);
extern bool reco_prices_are_known(List *sources, RecoRole role);
extern double *reco_prices_of(const RecoReader *reader, List *sources, RecoRole role, const RecoKey *items, int n);

#endif							/* RECO_PRICES_H */
