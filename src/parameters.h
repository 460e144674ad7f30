/*
 * parameters.h: the numbers that training leaves for serving, beside the factors.
 */
#ifndef RECO_PARAMETERS_H
#define RECO_PARAMETERS_H

/* The order is part of the file format, as that of the weights: append only, up to RECO_BLEND_SLOTS. */
typedef enum RecoComponent
{
	RECO_COMPONENT_BASKET,		/* factors: the folded-in basket */
	RECO_COMPONENT_HISTORY,		/* factors: the folded-in history */
	RECO_COMPONENT_COMPLEMENTS, /* what goes with the basket */
	RECO_COMPONENT_FOLLOWUPS,	/* what goes with the history */
	RECO_COMPONENT_REPEATS,		/* what the customer bought before */
	RECO_COMPONENT_TREND,		/* what many buy lately */
	RECO_COMPONENTS
} RecoComponent;

/* What a request has to go on; what components are worth is another for each. */
typedef enum RecoEvidenceKind
{
	RECO_EVIDENCE_BASKET,		/* a basket alone */
	RECO_EVIDENCE_BOTH,			/* a basket and a history */
	RECO_EVIDENCE_HISTORY,		/* a history alone */
	RECO_EVIDENCE_NONE
} RecoEvidenceKind;

#define RECO_BLENDS			RECO_EVIDENCE_NONE	/* weights for each of those before */
#define RECO_BLEND_SLOTS	16	/* weights of a blend, in the order of RecoComponent */

/* Learned and chosen numbers; the order is part of the file format: append only. */
typedef enum RecoParameter
{
	RECO_PARAMETER_UNOBSERVED,	/* a0 > 0 */
	RECO_PARAMETER_BASKET_LAMBDA,	/* of the basket's fold-in, > 0 */
	RECO_PARAMETER_HISTORY_LAMBDA,	/* of the history's fold-in beside a basket, > 0 */
	RECO_PARAMETER_HISTORY_HALF_LIFE,	/* days, > 0, may be infinite */
	RECO_PARAMETER_REPEAT_HALF_LIFE,	/* days, of purchases as repeats, > 0, may be infinite */
	RECO_PARAMETER_ALONE_LAMBDA,	/* of the history's fold-in without a basket, > 0 */
	RECO_PARAMETER_ALONE_HALF_LIFE, /* days, > 0, may be infinite */
	RECO_PARAMETER_CLOCK,		/* microseconds since 2000-01-01 UTC of the newest line; -infinity without lines */
	/* Probabilities by the kind of evidence, RecoCurve of calibration.h each: slope >= 0, and 0 where there is none. */
	RECO_PARAMETER_BASKET_CURVE,	/* a basket alone: intercept */
	RECO_PARAMETER_BASKET_SLOPE,
	RECO_PARAMETER_BASKET_BY_BASKET,
	RECO_PARAMETER_BASKET_BY_HISTORY,
	RECO_PARAMETER_BOTH_CURVE,	/* a basket and a history */
	RECO_PARAMETER_BOTH_SLOPE,
	RECO_PARAMETER_BOTH_BY_BASKET,
	RECO_PARAMETER_BOTH_BY_HISTORY,
	RECO_PARAMETER_HISTORY_CURVE,	/* a history alone */
	RECO_PARAMETER_HISTORY_SLOPE,
	RECO_PARAMETER_HISTORY_BY_BASKET,
	RECO_PARAMETER_HISTORY_BY_HISTORY,
	RECO_PARAMETER_ORDER_MASS,	/* decayed number of orders, beside popularity, >= 0; 0: not known */
	RECO_PARAMETER_BASKET_LINEAR,	/* of those curves, >= 0 */
	RECO_PARAMETER_BOTH_LINEAR,
	RECO_PARAMETER_HISTORY_LINEAR,
	/* Weights of components, RECO_BLEND_SLOTS for each RecoEvidenceKind, >= 0. */
	RECO_PARAMETER_BLEND,
	RECO_PARAMETERS = RECO_PARAMETER_BLEND + RECO_BLENDS * RECO_BLEND_SLOTS
} RecoParameter;

/* How the complements of a model were made; the numbers are part of the file format. */
typedef enum RecoComplementsMethod
{
	RECO_COMPLEMENTS_NONE,
	RECO_COMPLEMENTS_APPROXIMATE,
	RECO_COMPLEMENTS_EXACT
} RecoComplementsMethod;

/*
 * What is told about a training, wherever its model goes; nothing is served from it.  NaN: not measured.  Append only.
 * Rows are not among them: lines that count nothing leave no trace.
 */
typedef enum RecoFact
{
	RECO_FACT_USERS,			/* as all counts a whole number >= 0 */
	RECO_FACT_ORDERS,
	RECO_FACT_BAGS,
	RECO_FACT_COMPLETION_CASES, /* held-out orders */
	RECO_FACT_NEXT_CASES,
	RECO_FACT_RECALL_COMPLETION,	/* as all metrics from 0 to 1 */
	RECO_FACT_NDCG_COMPLETION,
	RECO_FACT_RECALL_NEXT,
	RECO_FACT_NDCG_NEXT,
	RECO_FACT_RECALL_POPULARITY,
	RECO_FACT_COMPLEMENTS,		/* a RecoComplementsMethod */
	/* For each RecoEvidenceKind and component what recall loses without it, from -1 to 1, and the standard error of that. */
	RECO_FACT_LOSSES,
	RECO_FACTS = RECO_FACT_LOSSES + 2 * RECO_BLENDS * RECO_BLEND_SLOTS
} RecoFact;

#endif							/* RECO_PARAMETERS_H */
