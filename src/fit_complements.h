/*
 * fit_complements.h: which items go with those of a basket, learned from bags by a crew.
 */
#ifndef RECO_FIT_COMPLEMENTS_H
#define RECO_FIT_COMPLEMENTS_H

#include "postgres.h"

#include "bags.h"
#include "complements.h"
#include "crew.h"

/* What one training after another needs. */
typedef struct RecoFitComplements
{
	RecoCrew   *crew;
	RecoComplementsOptions options;
	int32		items;
	Size		pairs;			/* of the orders, see complements.h */
	int64	   *start;			/* the model, in the crew's arena */
	int32	   *index;
	float	   *weight;
} RecoFitComplements;

extern Size reco_fit_complements_pairs(const RecoInteractions *interactions);
extern double reco_fit_complements_estimate_work(const RecoComplementsOptions *options, Size items, Size pairs);
extern Size reco_fit_complements_model_memory(const RecoComplementsOptions *options, Size items, Size pairs);
extern Size reco_fit_complements_memory(const RecoComplementsOptions *options, Size items, Size pairs);
extern Size reco_fit_complements_member_memory(const RecoComplementsOptions *options, Size items);
extern RecoFitComplements *reco_fit_complements_begin(RecoCrew *crew, const RecoComplementsOptions *options, int32 items,
													  Size pairs);
extern RecoSparse reco_fit_complements_run(RecoFitComplements *fit, const RecoBags *bags, RecoPhase phase,
											RecoProgress *progress);

extern void reco_fit_complements_list(RecoMember *member, const void *arguments, uint32 block);
extern void reco_fit_complements_solve(RecoMember *member, const void *arguments, uint32 block);
extern void reco_fit_complements_fill(RecoMember *member, const void *arguments, uint32 block);
extern void reco_fit_complements_panel(RecoMember *member, const void *arguments, uint32 block);
extern void reco_fit_complements_update(RecoMember *member, const void *arguments, uint32 block);
extern void reco_fit_complements_keep(RecoMember *member, const void *arguments, uint32 block);

#endif							/* RECO_FIT_COMPLEMENTS_H */
