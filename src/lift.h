/*
 * lift.h: which items a label speaks for.
 */
#ifndef RECO_LIFT_H
#define RECO_LIFT_H

#include "numeric.h"
#include "sparse.h"

typedef struct RecoLiftOptions
{
	double		shrinkage;		/* bags of the average that each label's are mixed with, >= 0 */
	double		least_score;	/* standard errors above what is expected */
	int32_t		least_count;	/* bags of the label with the item */
	int32_t		most;			/* items of a label: those of the greatest lift */
} RecoLiftOptions;

extern RecoLiftOptions reco_lift_options_default(void);

/*
 * Rows of labels x items: by how much the share of the label's bags that have the item exceeds that of all bags, times
 * scale[item] (NULL: 1), ascending by item.  bags are bags x items, each item once in a row, labels bags x labels; neither
 * has weights.  Bags without labels are not counted.  start has labels + 1 elements, index and weight room for labels x
 * most.  RECO_OK or RECO_INTERRUPTED.
 */
extern RecoStatus reco_lift_make(const RecoSparse *bags, const RecoSparse *labels, const RecoLiftOptions *options,
								 const double *scale, int64_t *start, int32_t *index, float *weight, void *workspace,
								 const RecoRun *run);
extern size_t reco_lift_workspace_size(int32_t labels, int32_t items, int64_t label_entries);

#endif							/* RECO_LIFT_H */
