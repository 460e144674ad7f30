/*
 * judgements.h: what customers thought of items when later orders were made.
 */
#ifndef RECO_JUDGEMENTS_H
#define RECO_JUDGEMENTS_H

#include "postgres.h"

#include "journal.h"
#include "model.h"
#include "reviews.h"

extern RecoReviews *reco_judgements_read(const RecoJournal *journal, const RecoReader *reader, List *sources,
										 const RecoModel *model, const int32 *model_item);
extern void reco_judgements_set(const RecoReviews *judgements, int32 user, RecoEvidence *evidence);

#endif							/* RECO_JUDGEMENTS_H */
