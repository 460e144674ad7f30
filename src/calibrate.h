/*
 * calibrate.h: what scores were worth on held-out orders.
 */
#ifndef RECO_CALIBRATE_H
#define RECO_CALIBRATE_H

#include "postgres.h"

#include "trials.h"

#define RECO_CALIBRATE_TOP	20	/* more is half of a small catalog, and no better in a large one */
#define RECO_CALIBRATE_CASES 2000	/* more are not needed */

extern void reco_calibrate(RecoTrials *trials, const RecoTrial *trial, RecoEvidenceKind kind, RecoCurve *curve);

#endif							/* RECO_CALIBRATE_H */
