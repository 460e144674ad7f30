/*
 * evidence.h: what a request knows of whoever asks.
 */
#ifndef RECO_EVIDENCE_H
#define RECO_EVIDENCE_H

#include "postgres.h"

#include "answering.h"
#include "history.h"
#include "values.h"

/* Whoever asks, and what he brings along. */
typedef struct RecoVisitor
{
	bool		has_user;		/* false: anonymous */
	RecoKey		user;
	RecoKeyList basket;			/* a repeated item is a quantity */
	RecoKeyList history;		/* purchases that no source has; a repeated item counts again */
} RecoVisitor;

extern RecoEntry *reco_evidence_basket(const RecoAnswering *a, const RecoVisitor *visitor, int64 *n);
extern void reco_evidence_read_basket(RecoAnswering *a, const RecoVisitor *visitor);
extern RecoHistory *reco_evidence_read_history(const RecoAnswering *a, const RecoVisitor *visitor, int64 limit);
extern void reco_evidence_set(RecoAnswering *a, RecoHistory *history);

#endif							/* RECO_EVIDENCE_H */
