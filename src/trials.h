/*
 * trials.h: held-out orders replayed as requests, with the parameters that serving might use.
 */
#ifndef RECO_TRIALS_H
#define RECO_TRIALS_H

#include "postgres.h"

#include "calibrate.h"
#include "cases.h"
#include "crew.h"

/* What a trial sets. */
typedef struct RecoTrial
{
	double		basket_factor;	/* multiples of lambda */
	double		history_factor;
	double		half_life;		/* days */
	double		history_weight;
} RecoTrial;

typedef struct RecoTrialScores
{
	double		ndcg;			/* @10 */
	double		recall;
} RecoTrialScores;

/* Evidence that scores are made of; what they are worth is another for each. */
typedef enum RecoTrialEvidence
{
	RECO_EVIDENCE_BASKET,
	RECO_EVIDENCE_BOTH,
	RECO_EVIDENCE_HISTORY
} RecoTrialEvidence;

/* What trials look at. */
typedef struct RecoTrials
{
	RecoCrew   *crew;
	RecoProgress *progress;
	RecoFactors factors;
	const float *popularity;	/* [items], answers where nothing is known */
	double		lambda;
	RecoCases	cases;
	bool		alone;			/* the crew's arena has no room */
	RecoArenaMark mark;
} RecoTrials;

extern void reco_trials_begin(RecoTrials *trials, RecoBudget *budget, int most_trials);
extern void reco_trials_score(RecoTrials *trials, const RecoTrial *list, int n, bool completion, RecoTrialScores *scores);
extern bool reco_trials_is_case(const RecoTrials *trials, int c, bool completion);
extern void reco_trials_calibrate(RecoTrials *trials, const RecoTrial *trial, RecoTrialEvidence evidence, double *curve);
extern void reco_trials_end(RecoTrials *trials);

extern void reco_trials_case(RecoMember *member, const void *arguments, uint32 block);
extern void reco_trials_sample(RecoMember *member, const void *arguments, uint32 block);

#endif							/* RECO_TRIALS_H */
