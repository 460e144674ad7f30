/*
 * parameters.h: the numbers that training leaves for serving, beside the factors.
 */
#ifndef RECO_PARAMETERS_H
#define RECO_PARAMETERS_H

/*
 * What a score is the sum of; the order is part of the file format, as that of the weights.  First those that are vectors,
 * whose scores are products with the item factors, then lists, which give few items any score, then biases, one number
 * for each item.
 */
typedef enum RecoComponent
{
	RECO_COMPONENT_BASKET,		/* factors: the folded-in basket, with what the session looked at */
	RECO_COMPONENT_HISTORY,		/* factors: the folded-in history, with what friends bought */
	RECO_COMPONENT_EVERYBODY,	/* factors: what is expected of anybody */
	RECO_COMPONENT_PRIOR,		/* factors: what beyond that is expected of somebody with the customer's attributes */
	RECO_COMPONENT_COMPLEMENTS, /* what goes with the basket */
	RECO_COMPONENT_FOLLOWUPS,	/* what goes with the history */
	RECO_COMPONENT_REPEATS,		/* what the customer bought before */
	RECO_COMPONENT_VIEWED,		/* what the session looked at */
	RECO_COMPONENT_MATCH,		/* same attributes as in the basket */
	RECO_COMPONENT_AFFINITY,	/* same attributes as in the history */
	RECO_COMPONENT_SEGMENT,		/* what customers with the same attributes buy more than others */
	RECO_COMPONENT_CONTEXT,		/* what is bought more in such a context than in others */
	RECO_COMPONENT_TREND,		/* what many buy lately */
	RECO_COMPONENT_POPULARITY,	/* the share of orders that have it */
	RECO_COMPONENT_SENTIMENT,	/* how much better than others it is liked */
	RECO_COMPONENTS
} RecoComponent;

#define RECO_VECTOR_COMPONENTS	4
#define RECO_LIST_COMPONENTS	8
#define RECO_FIRST_BIAS			(RECO_VECTOR_COMPONENTS + RECO_LIST_COMPONENTS)
#define RECO_BIAS_COMPONENTS	3

/* What a request has to go on of one's own; what components are worth is another for each. */
typedef enum RecoEvidenceKind
{
	RECO_EVIDENCE_BASKET,		/* a basket or a session alone */
	RECO_EVIDENCE_BOTH,			/* a basket and a history */
	RECO_EVIDENCE_HISTORY,		/* a history alone */
	RECO_EVIDENCE_NONE,			/* at most attributes, friends and a context */
	RECO_BLENDS
} RecoEvidenceKind;

#define RECO_BLEND_SLOTS	24	/* weights of a blend, in the order of RecoComponent */
#define RECO_MAX_CONTEXTS	8	/* fields of a context */

/* How much evidence of some kinds counts in a bag, 0: not at all; the order is part of the file format. */
typedef enum RecoStrengthKind
{
	RECO_STRENGTH_FRIENDS,		/* weight of a friend's purchase in the history's bag */
	RECO_STRENGTH_STARS,		/* how far low stars take an own purchase out of it, 0 to 1 */
	RECO_STRENGTH_SESSION,		/* weight of the best kind of event in the basket's bag */
	RECO_STRENGTH_SESSION_DECAY,	/* of events, by each newer one, 0 to 1 */
	RECO_STRENGTH_CONTEXT,		/* a line counts exp of it more where that field of its context is the request's */
	RECO_STRENGTHS = RECO_STRENGTH_CONTEXT + RECO_MAX_CONTEXTS
} RecoStrengthKind;

#define RECO_STRENGTH_SLOTS 16	/* of a kind of request, in the order of RecoStrengthKind */

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
	RECO_PARAMETER_NONE_LAMBDA, /* of the fold-in of friends' purchases alone, > 0 */
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
	RECO_PARAMETER_NONE_CURVE,	/* nothing of one's own */
	RECO_PARAMETER_NONE_SLOPE,
	RECO_PARAMETER_NONE_BY_BASKET,
	RECO_PARAMETER_NONE_BY_HISTORY,
	RECO_PARAMETER_ORDER_MASS,	/* decayed number of orders, beside popularity, >= 0; 0: not known */
	RECO_PARAMETER_BASKET_LINEAR,	/* of those curves, >= 0 */
	RECO_PARAMETER_BOTH_LINEAR,
	RECO_PARAMETER_HISTORY_LINEAR,
	RECO_PARAMETER_NONE_LINEAR,
	/* Strengths of evidence, RECO_STRENGTH_SLOTS for each RecoEvidenceKind, >= 0. */
	RECO_PARAMETER_STRENGTHS,
	/* Weights of components, RECO_BLEND_SLOTS for each RecoEvidenceKind, >= 0. */
	RECO_PARAMETER_BLEND = RECO_PARAMETER_STRENGTHS + RECO_BLENDS * RECO_STRENGTH_SLOTS,
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
	/* The same for each RecoEvidenceKind and strength. */
	RECO_FACT_STRENGTH_LOSSES = RECO_FACT_LOSSES + 2 * RECO_BLENDS * RECO_BLEND_SLOTS,
	/* Bits of the RecoStrengthKinds of which there was any evidence. */
	RECO_FACT_EVIDENCE = RECO_FACT_STRENGTH_LOSSES + 2 * RECO_BLENDS * RECO_STRENGTH_SLOTS,
	RECO_FACTS
} RecoFact;

#endif							/* RECO_PARAMETERS_H */
