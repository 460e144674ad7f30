/*
 * prepared.h: plans that are kept for the session.
 */
#ifndef RECO_PREPARED_H
#define RECO_PREPARED_H

#include "postgres.h"

#include "executor/spi.h"
#include "nodes/params.h"

extern SPIPlanPtr reco_prepared_plan(const char *text, ParamListInfo params);

#endif							/* RECO_PREPARED_H */
