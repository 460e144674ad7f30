/*
 * request_labels.h: who asks, and in which context, as labels that the model knows.
 */
#ifndef RECO_REQUEST_LABELS_H
#define RECO_REQUEST_LABELS_H

#include "postgres.h"

#include "answering.h"
#include "idmap.h"
#include "ragged.h"
#include "utils/jsonb.h"

/* What to read of order lines for their contexts. */
typedef struct RecoLineContexts
{
	const RecoFields *fields;
	struct pg_tz *zone;
	int			n_slots;		/* 0: contexts make no difference */
	int32		slots[RECO_MAX_CONTEXTS];
	int			n_columns;		/* of the source at hand */
	int			slot_of[RECO_MAX_CONTEXTS];
} RecoLineContexts;

extern void reco_request_labels_read(const RecoAnswering *a, const RecoKey *user, RecoEvidence *evidence);
extern RecoRagged reco_request_labels_read_all(const RecoAnswering *a, const RecoIdMap *users, RecoBudget *budget);
extern void reco_request_labels_set_context(const RecoAnswering *a, const Jsonb *given, RecoEvidence *evidence);
extern RecoLineContexts reco_request_labels_line_contexts(const RecoModel *model, const char *timezone);
extern int	reco_request_labels_begin_source(RecoLineContexts *contexts, const RecoSource *source, RecoField *fields);
extern void reco_request_labels_line_context(const RecoLineContexts *contexts, const RecoValue *values, TimestampTz at,
										 int32 *context);

#endif							/* RECO_REQUEST_LABELS_H */
