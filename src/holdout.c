/*
 * holdout.c: chooses on the newest orders what the factors alone do not tell.
 *
 * The newest tenth of the orders is held out.  With factors trained on what came before, their orders are replayed as
 * requests (trials.c).  Tried are multiples of lambda for each kind of bag, half-lives of the history and its weight beside the
 * basket; no retraining is needed.  (That the fold-in's regularization is a parameter of its own, and how much it is
 * worth, was measured: see src/README.)  At the end they are replayed once more for what scores are worth (calibrate.c).
 *
 * Held-out orders follow training closely and are few in a small shop.  So a setting replaces the default only if its
 * nDCG@10 is better by more than one standard error of the paired difference, and below MIN_CASES the defaults stand.
 */
#include "postgres.h"

#include "holdout.h"

#include <math.h>

#include "cases.h"
#include "storage/shmem.h"
#include "trials.h"
#include "utils/memutils.h"

#define MIN_CASES 200
#define MAX_WORK 5e9			/* items x factors x cases, before the trials */
#define MAX_TRIALS 64

static const RecoTrial default_completion = {1, 1, 90, 0.2};
static const RecoTrial default_next = {1, 10, 60, 1};

static int
case_limit(const RecoOptions *options, const RecoFactors *factors)
{
	double		work = (double) Max(factors->items, 1) * (double) reco_stride(factors->factors);

	return (int) Min((double) options->holdout_orders, Max(MIN_CASES, MAX_WORK / work));
}

/* --- choosing ---------------------------------------------------------------------------------------------- */

static void
add_trial(RecoTrial *trials, int *n, double basket, double history, double half_life, double weight)
{
	RecoTrial		trial = {basket, history, half_life, weight};

	if (*n == MAX_TRIALS)
		elog(ERROR, "too many trials");
	trials[(*n)++] = trial;
}

/* A value that the owner set, or the default. */
static double
fixed_or(double option, double value)
{
	return isnan(option) ? value : option;
}

static RecoTrial
base_trial(const RecoOptions *options, const RecoTrial *defaults)
{
	RecoTrial		trial = *defaults;

	trial.basket_factor = fixed_or(options->basket_regularization, trial.basket_factor);
	trial.history_factor = fixed_or(options->history_regularization, trial.history_factor);
	trial.half_life = fixed_or(options->half_life, trial.half_life);
	trial.history_weight = fixed_or(options->history_weight, trial.history_weight);
	return trial;
}

/*
 * The trials of a kind of request; the first is the default, and what the owner set is not varied.
 */
static int
list_trials(const RecoOptions *options, const RecoTrial *base, bool completion, RecoTrial *trials)
{
	static const double basket_factors[] = {1, 3};
	static const double history_factors[] = {1, 3, 10, 30};
	static const double half_lives[] = {30, 60, 90, 180};
	static const double weights[] = {0, 0.1, 0.2, 0.3, 0.5, 0.8};
	int			n = 0;
	int			a;
	int			b;
	int			c;

	add_trial(trials, &n, base->basket_factor, base->history_factor, base->half_life, base->history_weight);
	for (a = 0; completion && a < (int) lengthof(basket_factors); a++)
		if (isnan(options->basket_regularization))
			add_trial(trials, &n, basket_factors[a], base->history_factor, base->half_life, base->history_weight);
	for (a = completion ? 1 : 0; a < (int) lengthof(half_lives); a++)
		for (b = 0; b < (completion ? 3 : (int) lengthof(history_factors)); b++)
			for (c = 0; c < (completion ? (int) lengthof(weights) : 1); c++)
			{
				double		half_life = fixed_or(options->half_life, half_lives[a]);
				double		factor = fixed_or(options->history_regularization, history_factors[b]);
				double		weight = completion ? fixed_or(options->history_weight, weights[c]) : base->history_weight;

				if ((a > (completion ? 1 : 0) && !isnan(options->half_life)) ||
					(b > 0 && !isnan(options->history_regularization)) ||
					(c > 0 && !isnan(options->history_weight)))
					continue;
				add_trial(trials, &n, base->basket_factor, factor, half_life, weight);
			}
	return n;
}

/*
 * Index of the trial to use: of those that beat the default (trial 0) by more than one standard error of the paired
 * difference the best by mean nDCG, else the default.  scores has n_cases values a trial.
 */
static int
choose_trial(const RecoTrialScores *scores, int n_trials, int n_cases)
{
	int			best = 0;
	double		best_gain = 0;
	int			t;

	if (n_cases < MIN_CASES)
		return 0;
	for (t = 1; t < n_trials; t++)
	{
		double		sum = 0;
		double		squares = 0;
		double		mean;
		double		error;
		int			c;

		for (c = 0; c < n_cases; c++)
		{
			double		gain = scores[(int64) t * n_cases + c].ndcg - scores[c].ndcg;

			sum += gain;
			squares += gain * gain;
		}
		mean = sum / n_cases;
		error = sqrt(Max(squares / n_cases - mean * mean, 0) / n_cases);
		if (mean > error && mean > best_gain)
		{
			best = t;
			best_gain = mean;
		}
	}
	return best;
}

static RecoTrialScores
mean_scores(const RecoTrialScores *scores, int n)
{
	RecoTrialScores		mean = {NAN, NAN};
	int			i;

	if (n == 0)
		return mean;
	mean.ndcg = mean.recall = 0;
	for (i = 0; i < n; i++)
	{
		mean.ndcg += scores[i].ndcg;
		mean.recall += scores[i].recall;
	}
	mean.ndcg /= n;
	mean.recall /= n;
	return mean;
}

/* The scores of the cases that a kind of request can be tried on, moved together; returns how many there are. */
static int
keep_cases(const RecoTrials *trials, RecoTrialScores *scores, int n_trials, bool completion)
{
	int			n_cases = trials->cases.n;
	int64		kept = 0;
	int			t;
	int			c;

	for (t = 0; t < n_trials; t++)
		for (c = 0; c < n_cases; c++)
			if (reco_trials_is_case(trials, c, completion))
				scores[kept++] = scores[(int64) t * n_cases + c];
	return (int) (kept / n_trials);
}

/*
 * Try everything on every case of a kind of request; returns the chosen trial and its mean scores.
 */
static RecoTrial
try_all(RecoTrials *trials, const RecoOptions *options, const RecoTrial *defaults, bool completion, RecoTrialScores *mean,
		int *n_cases)
{
	RecoTrial	list[MAX_TRIALS];
	RecoTrial	base = base_trial(options, defaults);
	int			n_trials = list_trials(options, &base, completion, list);
	RecoTrialScores *scores = palloc_extended(mul_size(mul_size(n_trials, Max(trials->cases.n, 1)), sizeof(RecoTrialScores)),
											  MCXT_ALLOC_HUGE);
	int			chosen;

	reco_trials_score(trials, list, n_trials, completion, scores);
	*n_cases = keep_cases(trials, scores, n_trials, completion);
	chosen = choose_trial(scores, n_trials, *n_cases);
	*mean = mean_scores(scores + (int64) chosen * *n_cases, *n_cases);
	pfree(scores);
	return list[chosen];
}

static double
popularity_recall(RecoTrials *trials)
{
	RecoTrialScores *scores = palloc_extended(mul_size(Max(trials->cases.n, 1), sizeof(RecoTrialScores)), MCXT_ALLOC_HUGE);
	double		sum = 0;
	int			c;

	reco_trials_score(trials, NULL, 0, true, scores);
	for (c = 0; c < trials->cases.n; c++)
		sum += scores[c].recall;
	pfree(scores);
	return trials->cases.n > 0 ? sum / trials->cases.n : NAN;
}

static void
set_parameters(const RecoOptions *options, const RecoTrial *completion, const RecoTrial *next, double *parameters)
{
	double		lambda = options->regularization;

	parameters[RECO_PARAMETER_UNOBSERVED] = options->unobserved_weight;
	parameters[RECO_PARAMETER_BASKET_LAMBDA] = lambda * completion->basket_factor;
	parameters[RECO_PARAMETER_HISTORY_LAMBDA] = lambda * completion->history_factor;
	parameters[RECO_PARAMETER_HISTORY_HALF_LIFE] = completion->half_life;
	parameters[RECO_PARAMETER_HISTORY_WEIGHT] = completion->history_weight;
	parameters[RECO_PARAMETER_ALONE_LAMBDA] = lambda * next->history_factor;
	parameters[RECO_PARAMETER_ALONE_HALF_LIFE] = next->half_life;
}

/* What serving uses where there is nothing to choose on: the options that are set, else the defaults. */
void
reco_holdout_default_parameters(const RecoOptions *options, double *parameters)
{
	RecoTrial		completion = base_trial(options, &default_completion);
	RecoTrial		next = base_trial(options, &default_next);

	set_parameters(options, &completion, &next, parameters);
}

/*
 * Choose the serving parameters on the orders from cut on, with factors trained on what came before, and measure; by the
 * crew, where the factors' y is in its arena.  popularity is that of the time before the cut.
 */
void
reco_holdout_choose(const RecoInteractions *interactions, TimestampTz cut, const RecoOptions *options, RecoCrew *crew,
					const RecoFactors *factors, const float *popularity, double *parameters, RecoHoldoutMetrics *metrics,
					RecoProgress *progress)
{
	MemoryContext context = AllocSetContextCreate(interactions->budget->context, "reco held-out orders", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	RecoTrials	trials = {.crew = crew,.progress = progress,.factors = *factors,.popularity = popularity,
	.lambda = options->regularization};
	RecoTrial	completion;
	RecoTrial	next;
	RecoTrialScores mean;

	trials.cases = *reco_cases_make(interactions, cut, options->seed, case_limit(options, factors));
	reco_trials_begin(&trials, interactions->budget, MAX_TRIALS);
	reco_progress_phase(progress, RECO_PHASE_CHOOSING, 2 * (int64) trials.cases.n);
	completion = try_all(&trials, options, &default_completion, true, &mean, &metrics->completion_cases);
	metrics->ndcg_completion = mean.ndcg;
	metrics->recall_completion = mean.recall;
	next = try_all(&trials, options, &default_next, false, &mean, &metrics->next_cases);
	metrics->ndcg_next = mean.ndcg;
	metrics->recall_next = mean.recall;
	metrics->recall_popularity = popularity_recall(&trials);
	set_parameters(options, &completion, &next, parameters);
	reco_trials_calibrate(&trials, &completion, RECO_EVIDENCE_BASKET, &parameters[RECO_PARAMETER_BASKET_CURVE]);
	reco_trials_calibrate(&trials, &completion, RECO_EVIDENCE_BOTH, &parameters[RECO_PARAMETER_BOTH_CURVE]);
	reco_trials_calibrate(&trials, &next, RECO_EVIDENCE_HISTORY, &parameters[RECO_PARAMETER_HISTORY_CURVE]);
	reco_trials_end(&trials);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}
