/*
 * fairness.h: how a model serves groups of customers, and shows groups of items.
 */
#ifndef RECO_FAIRNESS_H
#define RECO_FAIRNESS_H

#include "postgres.h"

#include "evaluation.h"
#include "tally.h"

/* A row of reco.fairness. */
typedef struct RecoFairnessRow
{
	const char *group;
	const char *request;
	const char *metric;
	int			k;
	RecoInterval interval;
	RecoInterval gap;			/* to everybody; of items: to what was bought */
	int64		customers;
	int64		n;				/* requests */
} RecoFairnessRow;

extern List *reco_fairness(const char *model, const char *by, int min_support, const RecoEvaluationOptions *options,
						   RecoProgress *progress);

#endif							/* RECO_FAIRNESS_H */
