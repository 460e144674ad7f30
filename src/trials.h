/*
 * trials.h: held-out orders replayed as requests, with the parameters that serving might use.
 */
#ifndef RECO_TRIALS_H
#define RECO_TRIALS_H

#include "postgres.h"

#include "asking.h"
#include "blending.h"
#include "calibration.h"
#include "cases.h"
#include "components.h"
#include "crew.h"

/* What a trial sets. */
typedef struct RecoTrial
{
	RecoSettings settings;
	double		weights[RECO_COMPONENTS];
} RecoTrial;

typedef struct RecoTrialScores
{
	double		ndcg;			/* @10 */
	double		recall;
} RecoTrialScores;

/* A case and how many items were listed. */
typedef struct RecoTrialList
{
	int			c;				/* its number */
	int			n;
	int			n_wanted;		/* of all items, not only of those listed */
	RecoStrength strength;		/* of its scores */
} RecoTrialList;

/* What trials look at. */
typedef struct RecoTrials
{
	RecoCrew   *crew;
	RecoProgress *progress;
	RecoFactors factors;
	const float *popularity;	/* [items], answers where nothing is known */
	double		order_mass;
	const float *trend;			/* [items] */
	RecoSparse	complements;	/* 0 rows: none */
	RecoMatch	match;			/* no fields: none */
	const float *sentiment;		/* [items]; NULL: none */
	const float *prior;			/* as in RecoScoringData; NULL: none */
	int32		prior_rows;
	RecoSparse	lift;			/* 0 rows: none */
	RecoCases	cases;
	float		event_weights[RECO_MAX_EVENT_KINDS];
	int			n_events;
	const RecoScreen *screen;	/* of the factors; NULL: none */
	bool		alone;			/* the crew's arena has no room */
	RecoArenaMark mark;
} RecoTrials;

extern void reco_trials_begin(RecoTrials *trials, RecoBudget *budget, int most_trials, int most_samples);
extern void reco_trials_score(RecoTrials *trials, const RecoTrial *list, int n, RecoEvidenceKind kind, RecoTrialScores *scores);
extern void reco_trials_measure(RecoTrials *trials, const RecoTrial *list, bool completion, RecoTrialScores *scores);
extern int	reco_trials_list(RecoTrials *trials, const RecoTrial *trial, RecoEvidenceKind kind, int most, int most_cases,
							 RecoTrialList *lists, RecoOutcome *outcomes);
extern void reco_trials_end(RecoTrials *trials);

extern void reco_trials_case(RecoMember *member, const void *arguments, uint32 block);
extern void reco_trials_sample(RecoMember *member, const void *arguments, uint32 block);

#endif							/* RECO_TRIALS_H */
