/*
 * blend.c: chooses how much the components of a score count, on held-out orders.
 *
 * The items that a plain sum of the components puts on top of each held-out order, and whether they were bought, are
 * what weights are learned from (blending.c).  Items of all ranks as negatives were measured to be worse: what has to be
 * told apart is the top.  Learned weights have to prove themselves on orders that they were not learned from: each half
 * of the orders is answered by weights learned from the other, and they are taken only if that is better, by nDCG@10,
 * than the plain sum, than any component alone, and than the factors as they are.  The weights that serve are then
 * learned from all.
 *
 * How much a component brings is what recall@10 loses where it is left out and the others are learned without it, again
 * by halves.
 */
#include "postgres.h"

#include "blend.h"

#include <math.h>

#include "interrupts.h"
#include "storage/shmem.h"

#define RIDGE 1e-3
#define MIN_CASES 200

/* What weights are learned from. */
typedef struct Lesson
{
	RecoTrials *trials;
	RecoBudget *budget;
	RecoEvidenceKind kind;
	int			n_lists;
	RecoTrialList *lists;
	RecoOutcome *outcomes;		/* of the lists, one after another */
	float	   *counts;			/* of them: 0 for those not to be learned from */
} Lesson;

typedef enum Half
{
	EVEN, ODD, BOTH_HALVES
} Half;

/* Learn from a half of the cases, without a component or with all (-1). */
static void
learn(Lesson *lesson, Half half, int without, double *weights)
{
	double		constant;
	Size		n = 0;
	int			l;
	int			i;

	for (l = 0; l < lesson->n_lists; l++)
		for (i = 0; i < lesson->lists[l].n; i++)
			lesson->counts[n++] = half == BOTH_HALVES || lesson->lists[l].c % 2 == (int) half ? 1 : 0;
	switch (reco_blending_fit(lesson->outcomes, lesson->counts, n, without, RIDGE,
							  &reco_crew_leader(lesson->trials->crew)->run, weights, &constant))
	{
		case RECO_OK:
		case RECO_NOT_CONVERGED:	/* all weights are 0 */
		case RECO_NOT_FINITE:
			break;
		default:
			elog(ERROR, "learning a blend failed");
	}
}

/* --- what there is to choose from -------------------------------------------------------------------------- */

static RecoTrial
weighted(const RecoTrial *base, const double *weights)
{
	RecoTrial	trial = *base;

	trial.scaled = true;
	memcpy(trial.weights, weights, sizeof(trial.weights));
	return trial;
}

static RecoTrial
plain_sum(const RecoTrial *base)
{
	double		weights[RECO_COMPONENTS];
	int			c;

	for (c = 0; c < RECO_COMPONENTS; c++)
		weights[c] = 1;
	return weighted(base, weights);
}

static RecoTrial
alone(const RecoTrial *base, int component)
{
	double		weights[RECO_COMPONENTS] = {0};

	weights[component] = 1;
	return weighted(base, weights);
}

/* The trials of one kind of request, and where each stands. */
typedef struct Contest
{
	RecoTrial	list[RECO_BLEND_MOST_TRIALS];
	int			n;
	int			learned;		/* two of them, from the even and from the odd cases */
	int			without[RECO_COMPONENTS];	/* two each; -1: not tried */
	RecoTrialScores *scores;	/* [trials x cases] */
	int			n_cases;
} Contest;

static int
enter(Contest *contest, RecoTrial trial)
{
	if (contest->n == RECO_BLEND_MOST_TRIALS)
		elog(ERROR, "too many trials");
	contest->list[contest->n] = trial;
	return contest->n++;
}

/* Weights learned from each half; returns the place of the first. */
static int
enter_halves(Contest *contest, Lesson *lesson, const RecoTrial *base, int without)
{
	double		weights[RECO_COMPONENTS];
	int			first;

	learn(lesson, EVEN, without, weights);
	first = enter(contest, weighted(base, weights));
	learn(lesson, ODD, without, weights);
	(void) enter(contest, weighted(base, weights));
	return first;
}

static void
enter_all(Contest *contest, Lesson *lesson, const RecoTrial *base, const double *weights)
{
	int			c;

	(void) enter(contest, *base);
	(void) enter(contest, plain_sum(base));
	for (c = 0; c < RECO_COMPONENTS; c++)
		(void) enter(contest, alone(base, c));
	contest->learned = enter_halves(contest, lesson, base, -1);
	for (c = 0; c < RECO_COMPONENTS; c++)
		contest->without[c] = weights[c] > 0 ? enter_halves(contest, lesson, base, c) : -1;
}

/* The scores of a trial on a case; of a pair each half of the cases has those of what was learned from the other. */
static const RecoTrialScores *
scores_of(const Contest *contest, int first, bool is_pair, int c)
{
	return &contest->scores[(Size) (first + (is_pair && c % 2 == 0 ? 1 : 0)) * contest->n_cases + c];
}

static double
mean_ndcg(const Contest *contest, int first, bool is_pair)
{
	double		sum = 0;
	int			n = 0;
	int			c;

	for (c = 0; c < contest->n_cases; c++)
	{
		double		ndcg = scores_of(contest, first, is_pair, c)->ndcg;

		sum += isnan(ndcg) ? 0 : ndcg;
		n += !isnan(ndcg);
	}
	return n > 0 ? sum / n : 0;
}

static RecoBlendLoss
measure_loss(const Contest *contest, int without)
{
	RecoBlendLoss loss = {NAN, NAN};
	double		sum = 0;
	double		squares = 0;
	int			n = 0;
	int			c;

	for (c = 0; without >= 0 && c < contest->n_cases; c++)
	{
		double		lost = scores_of(contest, contest->learned, true, c)->recall - scores_of(contest, without, true, c)->recall;

		if (isnan(lost))
			continue;
		sum += lost;
		squares += lost * lost;
		n++;
	}
	if (n > 1)
	{
		loss.recall = sum / n;
		loss.error = sqrt(Max(squares / n - loss.recall * loss.recall, 0) / (n - 1));
	}
	return loss;
}

/* The best of what was not learned, by nDCG. */
static int
best_unlearned(const Contest *contest, double *ndcg)
{
	int			best = 0;
	int			t;

	*ndcg = mean_ndcg(contest, 0, false);
	for (t = 1; t < contest->learned; t++)
	{
		double		other = mean_ndcg(contest, t, false);

		if (other > *ndcg)
		{
			best = t;
			*ndcg = other;
		}
	}
	return best;
}

/* --- the choice -------------------------------------------------------------------------------------------- */

static void
prepare(Lesson *lesson, RecoTrials *trials, const RecoTrial *base, RecoEvidenceKind kind)
{
	RecoTrial	plain = plain_sum(base);
	int			most = trials->cases.n;

	lesson->trials = trials;
	lesson->kind = kind;
	lesson->budget = reco_crew_arena(trials->crew)->budget;
	lesson->lists = reco_budget_alloc(lesson->budget, most, sizeof(RecoTrialList), "learning weights");
	lesson->outcomes = reco_budget_alloc(lesson->budget, mul_size(most, RECO_BLEND_TOP), sizeof(RecoOutcome), "learning weights");
	lesson->counts = reco_budget_alloc(lesson->budget, mul_size(most, RECO_BLEND_TOP), sizeof(float), "learning weights");
	lesson->n_lists = reco_trials_list(trials, &plain, kind, RECO_BLEND_TOP, most, lesson->lists, lesson->outcomes);
}

/*
 * Choose the weights of a kind of request: trial, which has those of the factors alone and all that a trial sets
 * besides, gets them.  False, and all is left as it is, where cases are too few.
 */
bool
reco_blend_choose(RecoTrials *trials, RecoTrial *trial, RecoEvidenceKind kind, RecoBlendLoss *losses)
{
	Lesson		lesson = {0};
	Contest    *contest = palloc0(sizeof(Contest));
	double		weights[RECO_COMPONENTS];
	double		unlearned;
	int			best;
	int			c;

	for (c = 0; c < RECO_COMPONENTS; c++)
		losses[c] = (RecoBlendLoss) {NAN, NAN};
	prepare(&lesson, trials, trial, kind);
	if (lesson.n_lists >= MIN_CASES)
	{
		learn(&lesson, BOTH_HALVES, -1, weights);
		enter_all(contest, &lesson, trial, weights);
		contest->n_cases = trials->cases.n;
		contest->scores = reco_budget_alloc(lesson.budget, mul_size(contest->n, contest->n_cases), sizeof(RecoTrialScores),
											"learning weights");
		reco_trials_score(trials, contest->list, contest->n, kind, contest->scores);
		best = best_unlearned(contest, &unlearned);
		if (mean_ndcg(contest, contest->learned, true) > unlearned)
		{
			*trial = weighted(trial, weights);
			for (c = 0; c < RECO_COMPONENTS; c++)
				losses[c] = measure_loss(contest, contest->without[c]);
		}
		else
			*trial = contest->list[best];
		reco_budget_free(lesson.budget, contest->scores);
	}
	reco_budget_free(lesson.budget, lesson.counts);
	reco_budget_free(lesson.budget, lesson.outcomes);
	reco_budget_free(lesson.budget, lesson.lists);
	pfree(contest);
	return lesson.n_lists >= MIN_CASES;
}
