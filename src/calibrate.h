/*
 * calibrate.h: what scores were worth on held-out orders.
 */
#ifndef RECO_CALIBRATE_H
#define RECO_CALIBRATE_H

#include "postgres.h"

#include "budget.h"
#include "calibration.h"
#include "ials.h"

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

typedef struct RecoCalibrator RecoCalibrator;

extern RecoCalibrator *reco_calibrate_begin(RecoBudget *budget, const RecoFactors *factors, const RecoRun *run,
											int n_cases);
extern bool reco_calibrate_is_full(const RecoCalibrator *calibrator);
extern void reco_calibrate_add(RecoCalibrator *calibrator, const RecoCalibrateCase *request);
extern void reco_calibrate_end(RecoCalibrator *calibrator, double *curve);

#endif							/* RECO_CALIBRATE_H */
