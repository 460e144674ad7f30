/*
 * bulk.h: scoring many customers, with parallel workers where that pays.
 */
#ifndef RECO_BULK_H
#define RECO_BULK_H

#include "postgres.h"

#include "budget.h"
#include "scorer.h"

typedef struct RecoBulk RecoBulk;

/* The rows of one customer, best first. */
typedef void (*RecoBulkEmit) (void *arg, int32 user, const RecoRecommendation *rows, int32 n);

extern RecoBulk *reco_bulk_create(const RecoAnswering *a, const RecoScorerTask *task, int32 users, int64 lines,
								  const uint64 *skip, RecoEverybody *everybody, const int32 *rank, RecoBudget *budget);
extern int64 *reco_bulk_start(const RecoBulk *bulk);
extern RecoLine *reco_bulk_lines(const RecoBulk *bulk);
extern float *reco_bulk_amounts(const RecoBulk *bulk);
extern double *reco_bulk_units(const RecoBulk *bulk);
extern double *reco_bulk_prices(const RecoBulk *bulk);
extern void reco_bulk_run(RecoBulk *bulk, RecoBulkEmit emit, void *arg);

#endif							/* RECO_BULK_H */
