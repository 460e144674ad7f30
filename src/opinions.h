/*
 * opinions.h: what the customer of a request thinks of items.
 */
#ifndef RECO_OPINIONS_H
#define RECO_OPINIONS_H

#include "postgres.h"

#include "answering.h"
#include "idmap.h"
#include "ragged.h"

extern bool reco_opinions_count(const RecoAnswering *a);
extern RecoOpinion *reco_opinions_read(const RecoAnswering *a, const RecoKey *user, int *n);
extern RecoRagged reco_opinions_read_all(const RecoAnswering *a, const RecoIdMap *users, RecoBudget *budget);
extern double reco_opinions_customer(const RecoModel *model, const RecoOpinion *opinions, int n);

#endif							/* RECO_OPINIONS_H */
