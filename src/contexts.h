/*
 * contexts.h: the contexts of orders, as they are read.
 */
#ifndef RECO_CONTEXTS_H
#define RECO_CONTEXTS_H

#include "postgres.h"

#include "budget.h"
#include "labels.h"
#include "lines.h"

typedef struct RecoContexts RecoContexts;

extern RecoContexts *reco_contexts_create(RecoBudget *budget, const RecoMembers *members);
extern int	reco_contexts_begin_source(RecoContexts *contexts, const RecoSource *source, RecoField *fields);
extern int32 reco_contexts_read(RecoContexts *contexts, const RecoValue *values);
extern void reco_contexts_add(RecoContexts *contexts, const RecoLine *line, int32 context);
extern void reco_contexts_end_source(RecoContexts *contexts, const int32 *order_rank, int32 first_order, int32 n_orders);
extern void reco_contexts_rank_users(RecoContexts *contexts, const int32 *user_rank);
extern void reco_contexts_add_order(RecoContexts *contexts, int32 order, const RecoLine *line);
extern const RecoMembers *reco_contexts_members(const RecoContexts *contexts);
extern RecoLabeller *reco_contexts_labeller(RecoContexts *contexts);
extern const int32 *reco_contexts_values(const RecoContexts *contexts, int32 order);

#endif							/* RECO_CONTEXTS_H */
