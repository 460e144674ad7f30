/*
 * knobs.h: chooses, one after another, how much each further kind of evidence counts.
 */
#ifndef RECO_KNOBS_H
#define RECO_KNOBS_H

#include "postgres.h"

#include "trials.h"

extern bool reco_knobs_is_one(RecoComponent component, RecoEvidenceKind kind);
extern int	reco_knobs_most(const RecoTrials *trials);
extern bool reco_knobs_choose_strengths(RecoTrials *trials, RecoTrial *trial, RecoEvidenceKind kind);
extern bool reco_knobs_choose_weight(RecoTrials *trials, RecoTrial *trial, RecoEvidenceKind kind, RecoComponent component,
									 double size);

#endif							/* RECO_KNOBS_H */
