/*
 * consent.h: who allows what his data are used for.
 */
#ifndef RECO_CONSENT_H
#define RECO_CONSENT_H

#include "postgres.h"

#include "budget.h"
#include "idmap.h"
#include "nodes/pg_list.h"
#include "sources.h"

/* Purposes, as bits. */
typedef uint32 RecoPurposes;

#define RECO_MAY_PERSONALIZE	(1u << RECO_PURPOSE_PERSONALIZE)
#define RECO_MAY_TRAIN			(1u << RECO_PURPOSE_TRAIN)
#define RECO_MAY_SOCIAL			(1u << RECO_PURPOSE_SOCIAL)
#define RECO_MAY_SENTIMENT		(1u << RECO_PURPOSE_SENTIMENT)
#define RECO_MAY_ATTRIBUTES		(1u << RECO_PURPOSE_ATTRIBUTES)

/* What all customers say. */
typedef struct RecoConsents RecoConsents;

/* What rows of all customers are read for. */
typedef enum RecoConsentUse
{
	RECO_CONSENT_TO_LEARNING,
	RECO_CONSENT_TO_ANSWERS,
	RECO_CONSENT_USES
} RecoConsentUse;

extern bool reco_consent_is_asked(List *sources);
extern RecoConsents *reco_consent_read_all(RecoBudget *budget, const RecoReader *reader, List *sources, bool by_default);
extern bool reco_consent_allows(const RecoConsents *consents, const RecoValue *user, RecoPurposes purposes);
extern const RecoGate *reco_consent_gate(RecoConsents *consents, RecoConsentUse use);
extern void reco_consent_free(RecoConsents *consents);
extern RecoPurposes reco_consent_of(const RecoReader *reader, List *sources, bool by_default, const RecoKey *user);
extern void reco_consent_of_many(const RecoReader *reader, List *sources, bool by_default, const RecoKey *users, int n,
								 RecoPurposes *allowed);

#endif							/* RECO_CONSENT_H */
