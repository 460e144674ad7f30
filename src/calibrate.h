/*
 * calibrate.h: what scores were worth on held-out orders.
 */
#ifndef RECO_CALIBRATE_H
#define RECO_CALIBRATE_H

#include "postgres.h"

#include "calibration.h"
#include "folding.h"

#define RECO_CALIBRATE_TOP	20	/* more is half of a small catalog, and no better in a large one */
#define RECO_CALIBRATE_CASES 2000	/* more are not needed */

/* A replayed request, and what was bought. */
typedef struct RecoCalibrateCase
{
	const float *query;
	double		basket;			/* masses of the bags that the query is made of */
	double		history;
	const uint64 *skip;			/* bitmap of what was visible */
	const int32 *wanted;		/* the rest of the order */
	int			n_wanted;
} RecoCalibrateCase;

extern int	reco_calibrate_sample(const RecoFactors *factors, const RecoRun *run, const RecoCalibrateCase *request,
								  RecoSample *samples);
extern void reco_calibrate_fit(const RecoSample *samples, int n_samples, int n_cases, const RecoRun *run, double *curve);

#endif							/* RECO_CALIBRATE_H */
