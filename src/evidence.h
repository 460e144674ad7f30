/*
 * evidence.h: what a request knows of whoever asks.
 */
#ifndef RECO_EVIDENCE_H
#define RECO_EVIDENCE_H

#include "postgres.h"

#include "answering.h"
#include "history.h"
#include "utils/jsonb.h"
#include "values.h"

/* Whoever asks, and what he brings along. */
typedef struct RecoVisitor
{
	bool		has_user;		/* false: anonymous */
	RecoKey		user;
	RecoKeyList basket;			/* a repeated item is a quantity */
	RecoKeyList history;		/* purchases that no source has; a repeated item counts again */
	const char *session;		/* its key, as text; NULL: the customer's newest */
	const Jsonb *context;		/* what the caller knows of it; NULL: nothing */
	bool		opinions;		/* his reviews are wanted even where they count nothing */
	bool		amounts;		/* his lines are to carry what they came to */
} RecoVisitor;

extern RecoHistory *reco_evidence_read(const RecoAnswering *a, const RecoVisitor *visitor, int64 limit, RecoEvidence *evidence);
extern TimestampTz reco_evidence_read_beside(const RecoAnswering *a, const RecoVisitor *visitor, RecoEvidence *evidence);
extern bool reco_evidence_is_further(const RecoAnswering *a, const RecoSource *source);
extern void reco_evidence_set_basket(const RecoAnswering *a, const RecoKeyList *basket, RecoEvidence *evidence);
extern void reco_evidence_ask(RecoAnswering *a, RecoHistory *history, RecoEvidence *evidence);

#endif							/* RECO_EVIDENCE_H */
