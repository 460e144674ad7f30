/*
 * receiver.h: the rows of a query, as the executor makes them.
 */
#ifndef RECO_RECEIVER_H
#define RECO_RECEIVER_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "nodes/params.h"

/* Called for each row; row_context is emptied after it, for what detoasting leaves. */
typedef void (*RecoSlotCallback) (void *arg, TupleTableSlot *slot, MemoryContext row_context);

extern uint64 reco_receiver_run(const char *query, ParamListInfo params, RecoSlotCallback callback, void *arg);

#endif							/* RECO_RECEIVER_H */
