/*
 * check.h: looking a model over.
 */
#ifndef RECO_CHECK_H
#define RECO_CHECK_H

#include "postgres.h"

#include "catalog.h"

typedef struct RecoFinding
{
	const char *severity;		/* error: it cannot work; warning: it works badly; notice: worth knowing */
	const char *subject;
	const char *finding;
	const char *remedy;			/* a command, or words where none mends it */
} RecoFinding;

extern void reco_check_trainable(const RecoModelRow *model, List *sources);
extern List *reco_check_model(const RecoModelRow *model);
extern List *reco_check_indexes(const RecoModelRow *model, List *sources);

#endif							/* RECO_CHECK_H */
