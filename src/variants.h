/*
 * variants.h: a model with other weights than it has chosen.
 */
#ifndef RECO_VARIANTS_H
#define RECO_VARIANTS_H

#include "postgres.h"

#include "answering.h"

#define RECO_VARIANTS (3 + RECO_COMPONENTS)

typedef struct RecoVariant
{
	const char *name;
	const char *summary;		/* what it is, for SQL */
	bool		is_single;		/* one component alone, or the factors */
	bool		in_deviations;
	int			without;		/* a component; -1: weights has all of them */
	double		weights[RECO_BLENDS * RECO_BLEND_SLOTS];
} RecoVariant;

extern const RecoVariant *reco_variants_get(int i);
extern bool reco_variants_is_another(const RecoVariant *variant, const RecoModel *model, RecoEvidenceKind kind);
extern RecoAnswering *reco_variants_answering(const RecoVariant *variant, const RecoAnswering *model);

#endif							/* RECO_VARIANTS_H */
