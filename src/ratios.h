/*
 * ratios.h: ratios of sums over units, by arm, and how far they are apart.
 */
#ifndef RECO_RATIOS_H
#define RECO_RATIOS_H

#include "numeric.h"

/* What is known of each unit: y / x is the metric, and so is that of its time before, which no arm can have touched. */
typedef struct RecoUnits
{
	int64_t		n;
	const int32_t *arm;
	const double *y;
	const double *x;			/* NULL: 1 of each */
	const double *prior_y;
	const double *prior_x;
	const bool *known;			/* whether there is a time before; newcomers have the mean */
} RecoUnits;

/* An arm's metric. */
typedef struct RecoArmRatio
{
	int64_t		n;				/* units */
	double		effective;		/* as many units of equal x would say as much */
	double		plain;			/* the ratio */
	double		ratio;			/* the same, adjusted */
	double		plain_variance; /* of the logarithm of plain; NaN: too little is known */
	double		variance;		/* of that of ratio */
} RecoArmRatio;

/* A treatment against the control. */
typedef struct RecoLift
{
	double		lift;			/* relative: 0.05 is 5 % more */
	double		error;			/* standard error of log(1 + lift) */
	double		freedom;		/* degrees of freedom of that */
} RecoLift;

extern RecoStatus reco_ratios_by_arm(const RecoRun *run, const RecoUnits *units, int arms, bool adjust, RecoArmRatio *ratios);
extern RecoLift reco_ratios_lift(const RecoArmRatio *control, const RecoArmRatio *treatment, bool adjusted);
extern double reco_ratios_moved(const RecoLift *lift, double errors);
extern double reco_ratios_uneven(const int64_t *counts, const double *weights, int arms);

#endif							/* RECO_RATIOS_H */
