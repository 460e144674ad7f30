/*
 * rebought.h: which items people buy again.
 */
#ifndef RECO_REBOUGHT_H
#define RECO_REBOUGHT_H

#include "postgres.h"

#include "budget.h"
#include "lines.h"

extern const float *reco_rebought_learn(RecoBudget *budget, const RecoLine *lines, int64 n, int32 items);

#endif							/* RECO_REBOUGHT_H */
