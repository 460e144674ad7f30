/*
 * fit.h: fitting factors to bags, by a crew.
 */
#ifndef RECO_FIT_H
#define RECO_FIT_H

#include "postgres.h"

#include "bags.h"
#include "crew.h"
#include "ials.h"
#include "interactions.h"
#include "progress.h"
#include "stopping.h"

/* Item factors that one fit after another goes on from. */
typedef struct RecoFit
{
	RecoCrew   *crew;
	RecoIalsOptions options;
	int32		items;
	float	   *item_factors;	/* [items x stride], in the crew's arena */
	void	   *half;			/* what a half iteration needs, there too */
} RecoFit;

extern double reco_fit_estimate_work(const RecoIalsOptions *options, Size rows, Size entries, int iterations);
extern Size reco_fit_memory(const RecoIalsOptions *options, Size bags, Size items);
extern Size reco_fit_member_memory(const RecoIalsOptions *options);
extern RecoFit *reco_fit_begin(RecoCrew *crew, const RecoIalsOptions *options, int32 items);
extern float *reco_fit_bag_factors(RecoFit *fit, int32 bags);
extern int	reco_fit_run(RecoFit *fit, const RecoBags *bags, float *bag_factors, int iterations, RecoStopping *stopping,
						 RecoProgress *progress);
extern void reco_fit_finish(RecoFit *fit, double *gram_diagonal);

extern void reco_fit_gram(RecoMember *member, const void *arguments, uint32 block);
extern void reco_fit_rotate(RecoMember *member, const void *arguments, uint32 block);
extern void reco_fit_rows(RecoMember *member, const void *arguments, uint32 block);

#endif							/* RECO_FIT_H */
