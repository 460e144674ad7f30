/*
 * profile.h: what a situation of an evaluation tells, as weighted items.
 */
#ifndef RECO_PROFILE_H
#define RECO_PROFILE_H

#include "postgres.h"

#include "baselines.h"
#include "lines.h"

typedef struct RecoProfile
{
	int			n;
	RecoEntry  *entries;		/* distinct items */
	int			capacity;
	double	   *sums;			/* [items], zero between calls */
	MemoryContext context;
} RecoProfile;

extern RecoProfile *reco_profile_create(const RecoPast *past);
extern void reco_profile_set_purchases(RecoProfile *profile, const RecoSituation *situation, double half_life);
extern void reco_profile_set_basket(RecoProfile *profile, const RecoSituation *situation);
extern void reco_profile_set_all(RecoProfile *profile, const RecoSituation *situation, double half_life);
extern void reco_profile_dampen(RecoProfile *profile);
extern void reco_profile_describe_decay(const char *what, double half_life, StringInfo text);

#endif							/* RECO_PROFILE_H */
