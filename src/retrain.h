/*
 * retrain.h: a model of the past.
 */
#ifndef RECO_RETRAIN_H
#define RECO_RETRAIN_H

#include "postgres.h"

#include "model.h"
#include "nodes/pg_list.h"
#include "options.h"
#include "progress.h"
#include "split.h"

extern const RecoModel *reco_retrain(const RecoJournal *journal, const RecoPastFilter *filter, const RecoOptions *options,
									 const RecoReader *reader, List *sources, List *undated, RecoProgress *progress);

#endif							/* RECO_RETRAIN_H */
