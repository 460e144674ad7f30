/*
 * variants.c: a model with other weights than it has chosen: parts of it alone, all in equal shares, and all but one.
 *
 * They show what the blend is worth.  A variant answers by the factors, complements and lambdas of the model, and by the
 * same code; where nothing that has a weight says anything, popularity answers.
 */
#include "postgres.h"

#include "variants.h"

#define WEIGHT(kind, component) [RECO_EVIDENCE_##kind * RECO_BLEND_SLOTS + RECO_COMPONENT_##component]
#define HISTORY_SHARE 0.2		/* beside a basket's factors */

#define ALL_COMPONENTS(kind) \
	WEIGHT(kind, BASKET) = 1, WEIGHT(kind, HISTORY) = 1, WEIGHT(kind, COMPLEMENTS) = 1, WEIGHT(kind, FOLLOWUPS) = 1, \
	WEIGHT(kind, REPEATS) = 1, WEIGHT(kind, EVERYBODY) = 1, WEIGHT(kind, PRIOR) = 1, WEIGHT(kind, VIEWED) = 1, \
	WEIGHT(kind, MATCH) = 1, WEIGHT(kind, AFFINITY) = 1, WEIGHT(kind, SEGMENT) = 1, WEIGHT(kind, CONTEXT) = 1, \
	WEIGHT(kind, TREND) = 1, WEIGHT(kind, SENTIMENT) = 1

#define WITHOUT(name, component) \
	{"reco_without_" name, "the model with the weight of " name " set to 0 and all others as they are; only where it has one", \
		.without = RECO_COMPONENT_##component}

static const RecoVariant variants[] = {
	{"reco_complements", "the model's complements alone: what goes with the basket, or without one with the history",
		.is_single = true,.without = -1,
		.weights = {WEIGHT(BASKET, COMPLEMENTS) = 1, WEIGHT(BOTH, COMPLEMENTS) = 1, WEIGHT(HISTORY, FOLLOWUPS) = 1}},
	{"reco_factors", "the model's factors alone: the folded-in basket and 0.2 of the history, or without a basket the history",
		.is_single = true,.without = -1,
		.weights = {WEIGHT(BASKET, BASKET) = 1, WEIGHT(BOTH, BASKET) = 1, WEIGHT(BOTH, HISTORY) = HISTORY_SHARE,
			WEIGHT(HISTORY, HISTORY) = 1}},
	{"reco_equal", "all components of the model in equal shares: the sum of their z-scores over all items",
		.in_deviations = true,.without = -1,
		.weights = {ALL_COMPONENTS(BASKET), ALL_COMPONENTS(BOTH), ALL_COMPONENTS(HISTORY)}},
	WITHOUT("basket", BASKET),
	WITHOUT("history", HISTORY),
	WITHOUT("everybody", EVERYBODY),
	WITHOUT("prior", PRIOR),
	WITHOUT("complements", COMPLEMENTS),
	WITHOUT("followups", FOLLOWUPS),
	WITHOUT("repeats", REPEATS),
	WITHOUT("viewed", VIEWED),
	WITHOUT("match", MATCH),
	WITHOUT("affinity", AFFINITY),
	WITHOUT("segment", SEGMENT),
	WITHOUT("context", CONTEXT),
	WITHOUT("trend", TREND),
	WITHOUT("popularity", POPULARITY),
	WITHOUT("sentiment", SENTIMENT),
};

StaticAssertDecl(lengthof(variants) == RECO_VARIANTS, "each component has a variant without it");

/* The i-th variant; NULL behind the last. */
const RecoVariant *
reco_variants_get(int i)
{
	return i < RECO_VARIANTS ? &variants[i] : NULL;
}

/* Whether by evidence of a kind a variant can answer otherwise than popularity does, and than the model itself. */
bool
reco_variants_is_another(const RecoVariant *variant, const RecoModel *model, RecoEvidenceKind kind)
{
	const double *blend = variant->without < 0 ? variant->weights : &model->parameters[RECO_PARAMETER_BLEND];
	int			c;

	for (c = 0; c < RECO_COMPONENTS; c++)
		if ((variant->without < 0 || variant->without == c) && blend[kind * RECO_BLEND_SLOTS + c] > 0 && reco_answering_has(model, c))
			return true;
	return false;
}

/*
 * A variant of a model that is ready to answer, in the current memory context; they share what scoring works with, so
 * that one answers after the other.
 */
RecoAnswering *
reco_variants_answering(const RecoVariant *variant, const RecoAnswering *model)
{
	RecoAnswering *a = palloc(sizeof(RecoAnswering));
	double	   *blend;
	int			kind;

	memcpy(a, model, sizeof(RecoAnswering));
	a->in_deviations = variant->in_deviations;
	a->blend = variant->weights;
	if (variant->without < 0)
		return a;
	blend = palloc(RECO_BLENDS * RECO_BLEND_SLOTS * sizeof(double));
	memcpy(blend, model->blend, RECO_BLENDS * RECO_BLEND_SLOTS * sizeof(double));
	for (kind = 0; kind < RECO_BLENDS; kind++)
		blend[kind * RECO_BLEND_SLOTS + variant->without] = 0;
	a->blend = blend;
	return a;
}
