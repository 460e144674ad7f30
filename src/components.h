/*
 * components.h: what the score of an item for a request is the sum of.
 */
#ifndef RECO_COMPONENTS_H
#define RECO_COMPONENTS_H

#include "postgres.h"

#include "calibration.h"
#include "foldin.h"
#include "match.h"
#include "parameters.h"
#include "sparse.h"
#include "topk.h"

/* What a component says of some items, ascending; of all others 0. */
typedef struct RecoScoreList
{
	int			n;
	RecoTopEntry *entries;
} RecoScoreList;

/* What the components say of a request. */
typedef struct RecoComponentScores
{
	bool		has_own;		/* of his own the customer has a history, not only friends with one */
	bool		has_session;	/* there is no basket but what the session looked at */
	RecoVector	vectors[RECO_VECTOR_COMPONENTS];
	RecoScoreList lists[RECO_LIST_COMPONENTS];
} RecoComponentScores;

/* A weighted sum of components, as a query against the items. */
typedef struct RecoMix
{
	double		weights[RECO_COMPONENTS];	/* 0 where a component says nothing */
	float		query[RECO_MAX_FACTORS];
	const float *biases[RECO_BIASES];	/* of the components that are biases, NULL: none */
	float		bias_weights[RECO_BIASES];
	RecoScoreList added;
} RecoMix;

/* What scores come from: a model's, or one's in the making. */
typedef struct RecoScoringData
{
	const RecoFactors *factors;
	const RecoSparse *complements;	/* items x items: row j has what goes with item j; NULL: none */
	const RecoMatch *match;		/* what attributes say; NULL: nothing */
	const float *trend;			/* [items], at most 1; NULL: none */
	const float *popularity;	/* [items], decayed number of orders */
	double		order_mass;		/* of all orders, so that the share of an item is popularity / order_mass; 0: not known */
	const float *sentiment;		/* [items]; NULL: none */
	const float *prior;			/* rows of factors: of anybody, then what each label adds to that; NULL: none */
	const RecoSparse *lift;		/* labels x items: what each speaks for; NULL: none */
	const float *event_weights; /* of kinds of events in sessions, the best 1 */
	int			n_events;
} RecoScoringData;

typedef struct RecoScoring RecoScoring;

extern RecoScoring *reco_scoring_create(const RecoScoringData *data, const RecoRun *run);
extern const RecoScoringData *reco_scoring_data(const RecoScoring *scoring);
extern void reco_scoring_set_idle(RecoScoring *scoring, uint32 components);
extern bool reco_scoring_is_idle(const RecoScoring *scoring, RecoComponent component);
extern void reco_scoring_clear(RecoComponentScores *scores);
extern void reco_scoring_fold_in(RecoScoring *scoring, RecoComponent component, const RecoEntry *entries, int64 n,
								 double lambda, RecoComponentScores *scores);
extern void reco_scoring_associate(RecoScoring *scoring, RecoComponent component, const RecoEntry *entries, int64 n,
								   RecoComponentScores *scores);
extern void reco_scoring_match(RecoScoring *scoring, RecoComponent component, const RecoEntry *entries, int64 n,
							   RecoComponentScores *scores);
extern void reco_scoring_expect(RecoScoring *scoring, const int32 *labels, int n, RecoComponentScores *scores);
extern void reco_scoring_lift(RecoScoring *scoring, RecoComponent component, const int32 *labels, int n,
							  RecoComponentScores *scores);
extern void reco_scoring_list(RecoComponent component, const RecoEntry *entries, int64 n, RecoComponentScores *scores);
extern bool reco_scoring_mix(RecoScoring *scoring, const RecoComponentScores *scores, const double *weights,
							 RecoMix *mix);
extern void reco_scoring_mix_popularity(const RecoScoring *scoring, RecoMix *mix);
extern const float *const *reco_scoring_biases(const RecoScoringData *data, const float **biases);
extern double reco_scoring_value(const RecoScoring *scoring, const RecoComponentScores *scores, RecoComponent component,
								 int32 item);
extern double reco_scoring_deviation(RecoScoring *scoring, const RecoComponentScores *scores, RecoComponent component);
extern void reco_scoring_explain_labels(const RecoScoring *scoring, RecoComponent component, const int32 *labels, int n,
										int32 item, double *contributions);
extern void reco_scoring_explain(RecoScoring *scoring, RecoComponent component, const RecoEntry *entries, int64 n,
								 double lambda, int32 item, double *contributions);
extern RecoTopQuery reco_scoring_query(const RecoMix *mix, const uint64 *skip, int k, RecoTopEntry *out);
extern RecoEvidenceKind reco_scoring_kind(const RecoComponentScores *scores);
extern RecoCurve reco_scoring_curve(const double *parameters, RecoEvidenceKind kind);
extern void reco_scoring_set_curve(double *parameters, RecoEvidenceKind kind, const RecoCurve *curve);
extern RecoStrength reco_scoring_strength(const RecoComponentScores *scores);
extern const char *reco_evidence_kind_name(RecoEvidenceKind kind);
extern const char *reco_component_name(RecoComponent component);
extern const char *reco_component_data(RecoComponent component);
extern const char *reco_strength_name(RecoStrengthKind strength);
extern const char *reco_strength_data(RecoStrengthKind strength);
extern bool reco_strength_serves(RecoStrengthKind strength, RecoEvidenceKind kind);

#endif							/* RECO_COMPONENTS_H */
