/*
 * attribution.h: which purchases were of items that had been shown.
 */
#ifndef RECO_ATTRIBUTION_H
#define RECO_ATTRIBUTION_H

#include "postgres.h"

#include "ledger.h"
#include "utils/timestamp.h"

typedef struct RecoAttribution
{
	TimestampTz begin;			/* of the first impression; DT_NOEND: there is none */
	bool	   *is_recommended; /* [the ledger's lines] */
} RecoAttribution;

extern RecoAttribution *reco_attribution_read(RecoBudget *budget, const RecoLedger *ledger, const char *model,
											  TimestampTz since, TimestampTz until, int64 window);

#endif							/* RECO_ATTRIBUTION_H */
