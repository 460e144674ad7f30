/*
 * blend.c: chooses how much the components of a score count, on held-out orders.
 *
 * The items that the first weights put on top of each held-out order, and whether they were bought, are what weights
 * are learned from (blending.c).  Learned weights have to prove themselves on orders that they were not learned from:
 * each half of the orders is answered by weights learned from the other, and they are taken only if that is better, by
 * nDCG@10, than any component alone and than all in equal shares, and better than the first weights by more than one
 * standard error of the paired difference.  The weights that serve are then learned from all.  Where they are not taken,
 * a component alone or equal shares may be, by the same rule; else the first weights it is.
 *
 * How much a component brings is what recall@10 loses where its weight is 0 and the others are as they are.
 */
#include "postgres.h"

#include "blend.h"

#include <math.h>

#include "interrupts.h"
#include "knobs.h"
#include "storage/shmem.h"

#define RIDGE 1e-3
#define MIN_CASES 200

/*
 * Weights to begin with, chosen on the tuning window of Online Retail and two windows before it; those of further kinds of
 * data have to prove themselves first (knobs.c).
 */
static const double first_weights[RECO_BLENDS][RECO_COMPONENTS] = {
	[RECO_EVIDENCE_BASKET] = {[RECO_COMPONENT_BASKET] = 0.2,[RECO_COMPONENT_COMPLEMENTS] = 0.8},
	[RECO_EVIDENCE_BOTH] = {[RECO_COMPONENT_BASKET] = 0.15,[RECO_COMPONENT_COMPLEMENTS] = 0.78,[RECO_COMPONENT_REPEATS] = 0.07},
	[RECO_EVIDENCE_HISTORY] = {[RECO_COMPONENT_HISTORY] = 0.4,[RECO_COMPONENT_REPEATS] = 0.37,[RECO_COMPONENT_TREND] = 0.23},
	[RECO_EVIDENCE_NONE] = {[RECO_COMPONENT_HISTORY] = 1,[RECO_COMPONENT_EVERYBODY] = 3,[RECO_COMPONENT_PRIOR] = 3,
	[RECO_COMPONENT_POPULARITY] = 1}
};

/* What weights are learned from. */
typedef struct Lesson
{
	RecoTrials *trials;
	RecoBudget *budget;
	const RecoTrial *base;
	RecoEvidenceKind kind;
	int			n_lists;
	RecoTrialList *lists;
	int		   *sizes;			/* of the lists, and what else blending.c wants to know of them */
	int		   *wanted;
	float	   *list_counts;
	RecoOutcome *outcomes;		/* of the lists, one after another */
	Size		n_outcomes;
	float	   *counts;			/* of them: 0 for those not to be learned from */
} Lesson;

typedef enum Half
{
	EVEN, ODD, BOTH_HALVES
} Half;

/* --- learning ---------------------------------------------------------------------------------------------- */

static void
begin_lesson(Lesson *lesson, RecoTrials *trials, const RecoTrial *base, RecoEvidenceKind kind)
{
	int			most = trials->cases.n;
	int			l;

	lesson->trials = trials;
	lesson->base = base;
	lesson->kind = kind;
	lesson->budget = reco_crew_arena(trials->crew)->budget;
	lesson->lists = reco_budget_alloc(lesson->budget, most, sizeof(RecoTrialList), "learning weights");
	lesson->sizes = reco_budget_alloc(lesson->budget, most, sizeof(int), "learning weights");
	lesson->wanted = reco_budget_alloc(lesson->budget, most, sizeof(int), "learning weights");
	lesson->list_counts = reco_budget_alloc(lesson->budget, most, sizeof(float), "learning weights");
	lesson->outcomes = reco_budget_alloc(lesson->budget, mul_size(most, RECO_BLEND_TOP), sizeof(RecoOutcome), "learning weights");
	lesson->counts = reco_budget_alloc(lesson->budget, mul_size(most, RECO_BLEND_TOP), sizeof(float), "learning weights");
	lesson->n_lists = reco_trials_list(trials, base, kind, RECO_BLEND_TOP, most, lesson->lists, lesson->outcomes);
	for (l = 0; l < lesson->n_lists; l++)
	{
		lesson->sizes[l] = lesson->lists[l].n;
		lesson->wanted[l] = lesson->lists[l].n_wanted;
		lesson->n_outcomes += lesson->lists[l].n;
	}
}

static void
end_lesson(Lesson *lesson)
{
	reco_budget_free(lesson->budget, lesson->counts);
	reco_budget_free(lesson->budget, lesson->outcomes);
	reco_budget_free(lesson->budget, lesson->list_counts);
	reco_budget_free(lesson->budget, lesson->wanted);
	reco_budget_free(lesson->budget, lesson->sizes);
	reco_budget_free(lesson->budget, lesson->lists);
}

/* What is to be learned from. */
static void
choose_half(Lesson *lesson, Half half)
{
	Size		n = 0;
	int			l;
	int			i;

	for (l = 0; l < lesson->n_lists; l++)
	{
		lesson->list_counts[l] = half == BOTH_HALVES || lesson->lists[l].c % 2 == (int) half ? 1 : 0;
		for (i = 0; i < lesson->lists[l].n; i++)
			lesson->counts[n++] = lesson->list_counts[l];
	}
}

/* Further kinds of data that have not proved themselves are not to come in among others. */
static void
leave_out_unproved(Lesson *lesson)
{
	Size		i;
	int			c;

	for (c = 0; c < RECO_COMPONENTS; c++)
		if (reco_knobs_is_one((RecoComponent) c, lesson->kind) && lesson->base->weights[c] == 0)
			for (i = 0; i < lesson->n_outcomes; i++)
				lesson->outcomes[i].parts[c] = 0;
}

/* The better of two ascents, from the first weights and from a regression. */
static void
learn(Lesson *lesson, Half half, double *weights)
{
	const RecoRun *run = &reco_crew_leader(lesson->trials->crew)->run;
	RecoBlendingLists lists = {lesson->n_lists, lesson->sizes, lesson->wanted, lesson->list_counts, lesson->outcomes};
	double		other[RECO_COMPONENTS];
	double		constant;
	double		ndcg;
	double		other_ndcg;
	RecoStatus	status;

	choose_half(lesson, half);
	memcpy(weights, lesson->base->weights, sizeof(other));
	reco_foldin_check_status(reco_blending_ascend(&lists, run, weights), "learning weights");
	status = reco_blending_fit(lesson->outcomes, lesson->counts, lesson->n_outcomes, RIDGE, run, other, &constant);
	if (status != RECO_NOT_CONVERGED && status != RECO_NOT_FINITE)
		reco_foldin_check_status(status, "learning weights");
	if (reco_blending_ascend(&lists, run, other) != RECO_OK)
		return;
	reco_foldin_check_status(reco_blending_ndcg(&lists, weights, run, &ndcg), "learning weights");
	reco_foldin_check_status(reco_blending_ndcg(&lists, other, run, &other_ndcg), "learning weights");
	if (other_ndcg > ndcg)
		memcpy(weights, other, sizeof(other));
}

/* --- what there is to choose from -------------------------------------------------------------------------- */

static RecoTrial
weighted(const RecoTrial *base, const double *weights)
{
	RecoTrial	trial = *base;

	memcpy(trial.weights, weights, sizeof(trial.weights));
	return trial;
}

static RecoTrial
alone(const RecoTrial *base, int component)
{
	double		weights[RECO_COMPONENTS] = {0};

	weights[component] = 1;
	return weighted(base, weights);
}

/* The weights at which components have a root mean square of 1 over all outcomes, 0 where one says nothing. */
static void
measure_units(const Lesson *lesson, double *units)
{
	Size		i;
	int			c;

	memset(units, 0, RECO_COMPONENTS * sizeof(double));
	for (i = 0; i < lesson->n_outcomes; i++)
		for (c = 0; c < RECO_COMPONENTS; c++)
			units[c] += (double) lesson->outcomes[i].parts[c] * lesson->outcomes[i].parts[c];
	for (c = 0; c < RECO_COMPONENTS; c++)
		units[c] = units[c] > 0 ? 1 / sqrt(units[c] / lesson->n_outcomes) : 0;
}

/* The root mean square of the scores by the weights of base; 1 where there are none. */
static double
score_size(const Lesson *lesson)
{
	double		sum = 0;
	Size		i;
	int			c;

	for (i = 0; i < lesson->n_outcomes; i++)
	{
		double		score = 0;

		for (c = 0; c < RECO_COMPONENTS; c++)
			score += lesson->base->weights[c] * lesson->outcomes[i].parts[c];
		sum += score * score;
	}
	return sum > 0 ? sqrt(sum / lesson->n_outcomes) : 1;
}

static RecoTrial
equal_shares(const Lesson *lesson)
{
	double		units[RECO_COMPONENTS];

	measure_units(lesson, units);
	return weighted(lesson->base, units);
}

/* The trials of one kind of request: the first weights first, the two halves of what was learned last. */
typedef struct Contest
{
	RecoTrial	list[RECO_BLEND_MOST_TRIALS];
	int			n;
	int			learned;		/* from the even cases, and after it from the odd ones */
	RecoTrialScores *scores;	/* [trials x cases] */
	int			n_cases;
} Contest;

static void
enter(Contest *contest, RecoTrial trial)
{
	if (contest->n == RECO_BLEND_MOST_TRIALS)
		elog(ERROR, "too many trials");
	contest->list[contest->n++] = trial;
}

static void
enter_all(Contest *contest, Lesson *lesson)
{
	double		weights[RECO_COMPONENTS];
	int			c;

	enter(contest, *lesson->base);
	enter(contest, equal_shares(lesson));
	for (c = 0; c < RECO_COMPONENTS; c++)
		enter(contest, alone(lesson->base, c));
	contest->learned = contest->n;
	learn(lesson, EVEN, weights);
	enter(contest, weighted(lesson->base, weights));
	learn(lesson, ODD, weights);
	enter(contest, weighted(lesson->base, weights));
}

static void
hold(Contest *contest, RecoTrials *trials, RecoEvidenceKind kind)
{
	contest->n_cases = trials->cases.n;
	contest->scores = reco_budget_alloc(reco_crew_arena(trials->crew)->budget, mul_size(contest->n, contest->n_cases),
										sizeof(RecoTrialScores), "learning weights");
	reco_trials_score(trials, contest->list, contest->n, kind, contest->scores);
}

/* The scores of a trial on a case; of what was learned each half of the cases has those of the other half's weights. */
static const RecoTrialScores *
scores_of(const Contest *contest, int trial, int c)
{
	bool		is_learned = contest->learned > 0 && trial == contest->learned;

	return &contest->scores[(Size) (trial + (is_learned && c % 2 == 0 ? 1 : 0)) * contest->n_cases + c];
}

/* The mean of a paired difference and its standard error. */
static RecoBlendLoss
compare(const Contest *contest, int trial, int other, bool by_recall)
{
	RecoBlendLoss difference = {NAN, NAN};
	double		sum = 0;
	double		squares = 0;
	int			n = 0;
	int			c;

	for (c = 0; c < contest->n_cases; c++)
	{
		const RecoTrialScores *a = scores_of(contest, trial, c);
		const RecoTrialScores *b = scores_of(contest, other, c);
		double		gain = by_recall ? a->recall - b->recall : a->ndcg - b->ndcg;

		if (isnan(gain))
			continue;
		sum += gain;
		squares += gain * gain;
		n++;
	}
	if (n > 1)
	{
		difference.recall = sum / n;
		difference.error = sqrt(Max(squares / n - difference.recall * difference.recall, 0) / (n - 1));
	}
	return difference;
}

/*
 * The best up to the trial last, where it is better than the first weights, trial 0, by more than one standard error.
 */
static int
winner(const Contest *contest, int last)
{
	double		most = 0;
	int			best = 0;
	int			t;

	for (t = 1; t <= last; t++)
	{
		RecoBlendLoss gain = compare(contest, t, 0, false);

		if (gain.recall > most && gain.recall > gain.error)
		{
			best = t;
			most = gain.recall;
		}
	}
	return best;
}

/* --- the choice -------------------------------------------------------------------------------------------- */

/* Strengths that there was something to choose by; how fast a session fades is none that can be left out. */
static bool
is_measured(const RecoTrials *trials, const RecoTrial *chosen, int strength)
{
	return (trials->cases.strengths & (1u << strength)) && chosen->settings.strengths[strength] > 0 &&
		strength != RECO_STRENGTH_SESSION_DECAY;
}

/* What is lost without each component that has a weight, and without each further kind of evidence. */
static void
measure_losses(RecoTrials *trials, const RecoTrial *chosen, RecoEvidenceKind kind, RecoBlendLoss *losses,
			   RecoBlendLoss *strength_losses)
{
	Contest    *contest = palloc0(sizeof(Contest));
	int			i;
	int			t = 1;

	enter(contest, *chosen);
	for (i = 0; i < RECO_COMPONENTS; i++)
	{
		RecoTrial	without = *chosen;

		without.weights[i] = 0;
		if (chosen->weights[i] > 0)
			enter(contest, without);
	}
	for (i = 0; i < RECO_STRENGTHS; i++)
	{
		RecoTrial	without = *chosen;

		without.settings.strengths[i] = 0;
		if (is_measured(trials, chosen, i))
			enter(contest, without);
	}
	hold(contest, trials, kind);
	for (i = 0; i < RECO_COMPONENTS; i++)
		if (chosen->weights[i] > 0)
			losses[i] = compare(contest, 0, t++, true);
	for (i = 0; i < RECO_STRENGTHS; i++)
		if (is_measured(trials, chosen, i))
			strength_losses[i] = compare(contest, 0, t++, true);
	reco_budget_free(reco_crew_arena(trials->crew)->budget, contest->scores);
	pfree(contest);
}

/* What the trial says by now. */
static void
begin_again(Lesson *lesson, RecoTrials *trials, const RecoTrial *base, RecoEvidenceKind kind)
{
	end_lesson(lesson);
	memset(lesson, 0, sizeof(*lesson));
	begin_lesson(lesson, trials, base, kind);
}

/*
 * Beside a history a basket may say nothing, as where baskets are torn apart: then what is wanted is not among the items that the
 * first weights put on top, and nothing can be learned of it.  So begin with the weights of a next order where these are better
 * by more than one standard error.
 */
static void
choose_beginning(Lesson *lesson, RecoTrials *trials, RecoTrial *base, RecoEvidenceKind kind)
{
	Contest    *contest;
	int			best;

	if (kind != RECO_EVIDENCE_BOTH)
		return;
	contest = palloc0(sizeof(Contest));
	enter(contest, *base);
	enter(contest, weighted(base, first_weights[RECO_EVIDENCE_HISTORY]));
	hold(contest, trials, kind);
	best = winner(contest, contest->n - 1);
	*base = contest->list[best];
	reco_budget_free(lesson->budget, contest->scores);
	pfree(contest);
	if (best > 0)
		begin_again(lesson, trials, base, kind);
}

/*
 * Take up what further kinds of data bring, one after another, each in the size that the score has by then; what is learned
 * from is then what the new weights put on top.
 */
static void
turn_knobs(Lesson *lesson, RecoTrials *trials, RecoTrial *base, RecoEvidenceKind kind)
{
	double		units[RECO_COMPONENTS];
	bool		any = false;
	int			c;

	if (reco_knobs_choose_strengths(trials, base, kind))
		begin_again(lesson, trials, base, kind);
	measure_units(lesson, units);
	for (c = 0; c < RECO_COMPONENTS; c++)
		if (reco_knobs_is_one((RecoComponent) c, kind) && units[c] > 0)
			any |= reco_knobs_choose_weight(trials, base, kind, (RecoComponent) c, units[c] * score_size(lesson));
	if (any)
		begin_again(lesson, trials, base, kind);
}

/*
 * Where enough held-out orders are of customers who follow somebody, friends have to prove themselves: beside purchases of
 * one's own by their strength, without by the weight of the history.  Elsewhere the first weights stand.
 */
static void
doubt_friends(const RecoTrials *trials, RecoTrial *base, RecoEvidenceKind kind)
{
	int			n = 0;
	int			c;

	for (c = 0; c < trials->cases.n; c++)
		n += trials->cases.list[c].n_friends > 0;
	if (n < MIN_CASES)
		return;
	if (reco_knobs_is_one(RECO_COMPONENT_HISTORY, kind))
		base->weights[RECO_COMPONENT_HISTORY] = 0;
	else
		base->settings.strengths[RECO_STRENGTH_FRIENDS] = 0;
}

/*
 * Choose the weights of a kind of request, and how much further kinds of evidence count: trial gets them.  Where cases are
 * too few it keeps those it has, and losses are NaN.
 */
void
reco_blend_choose(RecoTrials *trials, RecoTrial *trial, RecoEvidenceKind kind, RecoBlendLoss *losses,
				  RecoBlendLoss *strength_losses)
{
	RecoTrial	base = weighted(trial, first_weights[kind]);
	Lesson		lesson = {0};
	int			i;

	for (i = 0; i < RECO_COMPONENTS; i++)
		losses[i] = (RecoBlendLoss) {NAN, NAN};
	for (i = 0; i < RECO_STRENGTHS; i++)
		strength_losses[i] = (RecoBlendLoss) {NAN, NAN};
	doubt_friends(trials, &base, kind);
	begin_lesson(&lesson, trials, &base, kind);
	if (lesson.n_lists >= MIN_CASES)
	{
		Contest    *contest = palloc0(sizeof(Contest));
		int			best;

		choose_beginning(&lesson, trials, &base, kind);
		turn_knobs(&lesson, trials, &base, kind);
		leave_out_unproved(&lesson);
		enter_all(contest, &lesson);
		hold(contest, trials, kind);
		best = winner(contest, contest->learned);
		*trial = contest->list[best];
		if (best == contest->learned)
			learn(&lesson, BOTH_HALVES, trial->weights);
		if (trial->weights[RECO_COMPONENT_HISTORY] == 0)
			trial->settings.strengths[RECO_STRENGTH_FRIENDS] = 0;
		reco_budget_free(lesson.budget, contest->scores);
		pfree(contest);
		measure_losses(trials, trial, kind, losses, strength_losses);
	}
	end_lesson(&lesson);
}
