/*
 * knobs.c: chooses on held-out orders how much each further kind of evidence counts, one after another.
 *
 * A knob is the strength of some evidence in a bag, or the weight of a component.  Each has a few positions, of which one is
 * where it stands.  Another one is taken only if it proves itself on orders that it was not chosen on: the best position
 * by nDCG@10 of one half of the orders is tried on the other half, and the mean gain of both halves has to be more than
 * STANDARD_ERRORS of it.  So a source that does not help is left out but for a few times in a hundred, however many there are.
 */
#include "postgres.h"

#include "knobs.h"

#include <math.h>

#include "storage/shmem.h"

#define MIN_CASES		200
#define MOST_POSITIONS	6
#define STANDARD_ERRORS 2.5

typedef struct Positions
{
	int			n;
	double		list[MOST_POSITIONS];
} Positions;

static const Positions strength_positions[RECO_STRENGTHS] = {
	[RECO_STRENGTH_FRIENDS] = {6, {0, 0.01, 0.03, 0.1, 0.3, 1}},
	[RECO_STRENGTH_STARS] = {3, {0, 0.5, 1}},
	[RECO_STRENGTH_SESSION] = {5, {0, 0.25, 0.5, 1, 2}},
	[RECO_STRENGTH_SESSION_DECAY] = {4, {0.4, 0.6, 0.8, 1}},
	[RECO_STRENGTH_CONTEXT] = {4, {0, 0.5, 1, 2}}
};

/* In units of the weight at which a component has the size of the score that there is. */
static const Positions weight_positions = {5, {0, 0.1, 0.3, 1, 3}};

/*
 * Whether a component of requests of a kind is asked here whether it helps; blend.c begins with some weight of the others.
 * Without purchases of one's own the history is what friends bought.
 */
bool
reco_knobs_is_one(RecoComponent component, RecoEvidenceKind kind)
{
	switch (component)
	{
		case RECO_COMPONENT_HISTORY:
			return kind == RECO_EVIDENCE_BASKET || kind == RECO_EVIDENCE_NONE;
		case RECO_COMPONENT_EVERYBODY:
		case RECO_COMPONENT_PRIOR:
		case RECO_COMPONENT_VIEWED:
		case RECO_COMPONENT_MATCH:
		case RECO_COMPONENT_AFFINITY:
		case RECO_COMPONENT_SEGMENT:
		case RECO_COMPONENT_CONTEXT:
		case RECO_COMPONENT_SENTIMENT:
			return true;
		default:
			return false;
	}
}

/* How many knobs there are for a kind of request, at most: each is a pass over the cases. */
int
reco_knobs_most(const RecoTrials *trials)
{
	int			n = 0;
	int			i;

	for (i = 0; i < RECO_STRENGTHS; i++)
		n += (trials->cases.strengths >> i) & 1;
	for (i = 0; i < RECO_COMPONENTS; i++)
		n += reco_knobs_is_one((RecoComponent) i, RECO_EVIDENCE_NONE);
	return n;
}

/* Which position is the best by the cases of a half; 0, where it stands, if none gains anything. */
static int
best_of(const RecoTrialScores *scores, int n_positions, int n_cases, int half, int halves)
{
	double		most = 0;
	int			best = 0;
	int			p;

	for (p = 1; p < n_positions; p++)
	{
		double		gain = 0;
		int			c;

		for (c = half; c < n_cases; c += halves)
			if (!isnan(scores[c].ndcg))
				gain += scores[(Size) p * n_cases + c].ndcg - scores[c].ndcg;
		if (gain > most)
		{
			best = p;
			most = gain;
		}
	}
	return best;
}

/* Whether the position that is best in one half of the cases is better in the other. */
static bool
is_proved(const RecoTrialScores *scores, int n_positions, int n_cases)
{
	int			chosen[2];
	double		sum = 0;
	double		squares = 0;
	double		mean;
	int			n = 0;
	int			c;

	for (c = 0; c < 2; c++)
		chosen[1 - c] = best_of(scores, n_positions, n_cases, c, 2);
	for (c = 0; c < n_cases; c++)
	{
		double		gain = scores[(Size) chosen[c % 2] * n_cases + c].ndcg - scores[c].ndcg;

		if (isnan(gain))
			continue;
		sum += gain;
		squares += gain * gain;
		n++;
	}
	if (n < MIN_CASES)
		return false;
	mean = sum / n;
	return mean > STANDARD_ERRORS * sqrt(Max(squares / n - mean * mean, 0) / (n - 1));
}

/* The trials of a knob's positions, the first where it stands. */
static int
list_positions(const RecoTrial *trial, Size knob, const Positions *positions, double unit, RecoTrial *list)
{
	int			n = 0;
	int			p;

	list[n++] = *trial;
	for (p = 0; p < positions->n; p++)
	{
		list[n] = *trial;
		*(double *) ((char *) &list[n] + knob) = positions->list[p] * unit;
		n += memcmp(&list[n], trial, sizeof(RecoTrial)) != 0;
	}
	return n;
}

/* Turn a knob, a double within a trial, to where it serves best; false if it stays. */
static bool
turn(RecoTrials *trials, RecoTrial *trial, RecoEvidenceKind kind, Size knob, const Positions *positions, double unit)
{
	RecoBudget *budget = reco_crew_arena(trials->crew)->budget;
	RecoTrial	list[MOST_POSITIONS + 1];
	int			n = list_positions(trial, knob, positions, unit, list);
	int			cases = trials->cases.n;
	RecoTrialScores *scores = reco_budget_alloc(budget, mul_size(n, cases), sizeof(RecoTrialScores), "choosing strengths");
	int			best = 0;

	reco_trials_score(trials, list, n, kind, scores);
	if (is_proved(scores, n, cases))
		best = best_of(scores, n, cases, 0, 1);
	*trial = list[best];
	reco_budget_free(budget, scores);
	return best > 0;
}

/* What friends bought is nothing but a part of the history's vector. */
static bool
acts(const RecoTrial *trial, int strength)
{
	return strength != RECO_STRENGTH_FRIENDS || trial->weights[RECO_COMPONENT_HISTORY] > 0;
}

/*
 * Choose how much each further kind of evidence counts in the bags of a kind of request, of those that held-out orders have
 * any of, beginning from a trial's.  Where cases are too few, or nothing helps, trial stays as it is, and the result is false.
 */
bool
reco_knobs_choose_strengths(RecoTrials *trials, RecoTrial *trial, RecoEvidenceKind kind)
{
	bool		any = false;
	int			i;

	for (i = 0; i < RECO_STRENGTHS; i++)
		if ((trials->cases.strengths & (1u << i)) && reco_strength_serves((RecoStrengthKind) i, kind) && acts(trial, i))
			any |= turn(trials, trial, kind, offsetof(RecoTrial, settings.strengths) + i * sizeof(double),
						&strength_positions[Min(i, RECO_STRENGTH_CONTEXT)], 1);
	return any;
}

/* Choose the weight of a component likewise; size is the weight at which its scores have the size of all together. */
bool
reco_knobs_choose_weight(RecoTrials *trials, RecoTrial *trial, RecoEvidenceKind kind, RecoComponent component, double size)
{
	return turn(trials, trial, kind, offsetof(RecoTrial, weights) + component * sizeof(double), &weight_positions, size);
}
