/*
 * participants.h: who takes part in an experiment, and what each did.
 */
#ifndef RECO_PARTICIPANTS_H
#define RECO_PARTICIPANTS_H

#include "postgres.h"

#include "baskets.h"
#include "catalog.h"
#include "ratios.h"

/* Customers by the time of their first exposure, so that those of an earlier time are the first of them. */
typedef struct RecoParticipants
{
	const RecoExperimentRow *row;
	RecoBudget *budget;
	RecoBaskets *baskets;
	int64	   *first;			/* [customers + 1] each one's orders in baskets */
	double		cap;			/* of an order's value; infinite: none */
	int64		n;
	int32	   *user;			/* [n] number of baskets, -1: never ordered */
	TimestampTz *since;			/* [n] */
	int32	   *arm;			/* [n] */
	bool	   *known;			/* [n] had ordered before */
	double	   *prior_revenue;	/* [n] in the time before */
	double	   *prior_orders;
	double	   *revenue;		/* [n] of the time that was counted last */
	double	   *orders;
	double	   *items;
	double	   *ordered;		/* 1 or 0 */
} RecoParticipants;

/* How many there are of an arm in the time that was counted last. */
typedef struct RecoArmCounts
{
	int64		users;
	int64		buyers;
	int64		known;
	int64		orders;
	int64		capped;
} RecoArmCounts;

extern RecoParticipants *reco_participants_read(RecoBudget *budget, const RecoReader *reader, List *sources,
												const RecoExperimentRow *row, TimestampTz lines_to, TimestampTz data_to);
extern int64 reco_participants_count(RecoParticipants *p, TimestampTz data_to, RecoArmCounts *counts);
extern bool reco_participants_units(const RecoParticipants *p, RecoExperimentMetric metric, int64 n, RecoUnits *units);
extern const RecoSource *reco_participants_exposures(const RecoExperimentRow *row, List *sources);

#endif							/* RECO_PARTICIPANTS_H */
