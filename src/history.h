/*
 * history.h: a customer's order lines, read live.
 */
#ifndef RECO_HISTORY_H
#define RECO_HISTORY_H

#include "postgres.h"

#include "lines.h"
#include "model.h"
#include "nodes/pg_list.h"
#include "sources.h"

typedef struct RecoHistory
{
	RecoLine   *lines;			/* item numbers are the model's, -1 for what it does not know */
	int64		n;
	int64		n_told;			/* of those the last, that the caller names: how many pieces they were of he does not say */
	int64		capacity;
	MemoryContext memory;		/* what of it grows is allocated here: a row may arrive in another context */
	int32		(*contexts)[RECO_MAX_CONTEXTS];	/* of lines, whose order is a number among them, or -1 */
	int			n_contexts;
	int			context_capacity;
} RecoHistory;

extern RecoHistory *reco_history_read(const RecoReader *reader, List *sources, const RecoModel *model,
									  const RecoKey *user, TimestampTz before, int64 limit, bool with_amounts);
extern RecoHistory *reco_history_create(void);
extern void reco_history_add(RecoHistory *history, const RecoLine *line);
extern void reco_history_set_times(RecoHistory *history, const RecoModel *model, const char *timezone);
extern int	reco_history_compare(const void *a, const void *b);
extern int64 reco_history_keep_newest(RecoLine *lines, int64 n, int64 limit);
extern void reco_history_cut(RecoHistory *history, int64 limit);

#endif							/* RECO_HISTORY_H */
