/*
 * popularity.h: what is bought by everybody, lately.
 */
#ifndef RECO_POPULARITY_H
#define RECO_POPULARITY_H

#include "postgres.h"

#include "interactions.h"

extern float *reco_popularity_count(const RecoInteractions *interactions, TimestampTz before, TimestampTz clock,
									double *order_mass);
extern float *reco_popularity_orders(const RecoInteractions *interactions, TimestampTz before, TimestampTz clock,
									 double half_life);
extern float *reco_popularity_trend(const RecoInteractions *interactions, TimestampTz before, TimestampTz clock);
extern double reco_popularity_trust(const RecoInteractions *interactions, const float *popularity, double order_mass,
									TimestampTz cut);

#endif							/* RECO_POPULARITY_H */
