/*
 * scorer.h: the answers for some customers among many, from order lines that have been read.
 */
#ifndef RECO_SCORER_H
#define RECO_SCORER_H

#include "postgres.h"

#include "pgtime.h"

#include "answering.h"
#include "everybody.h"
#include "kernels.h"
#include "lines.h"
#include "recommend.h"

/* What is asked of every customer. */
typedef struct RecoScorerTask
{
	int			k;
	bool		exclude_purchased;
	int64		history_limit;
	TimestampTz as_of;
	double		value_weight;
	RecoUnitKind unit_kind;
	bool		has_offers;
	const struct RecoShelf *shelf;	/* NULL: no rules.  It is of this process: with rules there are no workers */
	char		timezone[TZ_STRLEN_MAX + 1];
} RecoScorerTask;

/* A customer and his answer. */
typedef struct RecoScorerCustomer
{
	int32		user;			/* his number in what is known of everybody */
	RecoLine   *lines;			/* sorted and cut in place; order is the number of the source, user of no interest */
	const float *amounts;		/* [lines] what they came to; NULL: not wanted */
	int64		n_lines;
	RecoRecommendation *rows;	/* room for reco_scorer_most_rows */
	int32		found;			/* set: how many there are */
} RecoScorerCustomer;

typedef struct RecoScorer RecoScorer;

extern int32 reco_scorer_most_rows(const RecoModel *model, const RecoScorerTask *task);
extern Size reco_scorer_memory(const RecoModel *model, const RecoScorerTask *task);
extern RecoScorer *reco_scorer_create(const RecoModel *model, const RecoKernels *kernels, const RecoScorerTask *task,
									  const uint64 *skip, const RecoEverybody *everybody, const double *units, const double *prices);
extern int	reco_scorer_batch(const RecoScorer *scorer);
extern void reco_scorer_answer(RecoScorer *scorer, RecoScorerCustomer *customers, int n);

#endif							/* RECO_SCORER_H */
