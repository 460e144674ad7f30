/*
 * holdout.c: chooses on the newest orders what the factors alone do not tell.
 *
 * The newest tenth of the orders is held out.  With what was learned from those before, they are replayed as requests
 * (trials.c).  Tried are multiples of lambda for baskets and for histories alone, and half-lives of these; no retraining is
 * needed.  (That the fold-in's regularization is a parameter of its own, and how much it is worth, was measured: see
 * src/README.)  Then it is chosen how much each component of a score counts (blend.c), and at the end they are replayed
 * once more for what scores are worth (calibrate.c).
 *
 * Held-out orders follow training closely and are few in a small shop.  So a setting replaces the default only if its
 * nDCG@10 is better by more than one standard error of the paired difference, and below MIN_CASES the defaults stand.
 */
#include "postgres.h"

#include "holdout.h"

#include <math.h>

#include "calibrate.h"
#include "cases.h"
#include "knobs.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#define MIN_CASES 200
#define MAX_WORK 25e9			/* items x factors x cases, before the trials */
#define MAX_TRIALS 64
#define MOST_PASSES (2 + 2 * RECO_BLENDS + 2)	/* over the cases: for factors, for each blend, to measure; and for knobs */

/* What stands for settings until lambda is known. */
typedef struct Choice
{
	double		basket_factor;	/* multiples of lambda */
	double		history_factor;
	double		half_life;		/* days */
	double		repeat_half_life;
	double		weights[RECO_COMPONENTS];
} Choice;

/*
 * Where nothing tells better.  Of what customers have of their own the trend has no weight, since how much it counts beside
 * a history, whose scores are as small as the shop, only held-out orders can tell.
 */
static const Choice defaults[RECO_BLENDS] = {
	[RECO_EVIDENCE_BASKET] = {1, 10, 90, 120,
	{[RECO_COMPONENT_BASKET] = 0.2,[RECO_COMPONENT_COMPLEMENTS] = 0.8,[RECO_COMPONENT_MATCH] = 1,[RECO_COMPONENT_VIEWED] = 0.3}},
	[RECO_EVIDENCE_BOTH] = {1, 10, 90, 120,
	{[RECO_COMPONENT_BASKET] = 0.15,[RECO_COMPONENT_COMPLEMENTS] = 0.78,[RECO_COMPONENT_REPEATS] = 0.07,
	[RECO_COMPONENT_MATCH] = 1,[RECO_COMPONENT_AFFINITY] = 1,[RECO_COMPONENT_VIEWED] = 0.3}},
	[RECO_EVIDENCE_HISTORY] = {1, 10, 60, 120,
	{[RECO_COMPONENT_HISTORY] = 0.52,[RECO_COMPONENT_REPEATS] = 0.48,[RECO_COMPONENT_AFFINITY] = 1}},
	[RECO_EVIDENCE_NONE] = {1, 1, 60, 120,
	{[RECO_COMPONENT_HISTORY] = 10,[RECO_COMPONENT_EVERYBODY] = 3,[RECO_COMPONENT_PRIOR] = 3,[RECO_COMPONENT_POPULARITY] = 1}}
};

/* How much other evidence counts where nothing tells better. */
static const double default_strengths[RECO_STRENGTHS] = {
	[RECO_STRENGTH_FRIENDS] = 0.03,[RECO_STRENGTH_SESSION] = 1,[RECO_STRENGTH_SESSION_DECAY] = 0.6
};

static int
case_limit(const RecoOptions *options, const RecoFactors *factors)
{
	double		work = (double) Max(factors->items, 1) * (double) reco_stride(factors->factors);

	return (int) Min((double) options->holdout_orders, Max(MIN_CASES, MAX_WORK / work));
}

/* --- choosing ---------------------------------------------------------------------------------------------- */

static void
add_trial(RecoTrial *trials, int *n, RecoTrial trial)
{
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

/* A trial of one component of the factors, by what it is folded in with. */
static RecoTrial
factor_trial(const RecoTrial *base, RecoComponent component)
{
	RecoTrial	trial = *base;

	memset(trial.weights, 0, sizeof(trial.weights));
	trial.weights[component] = 1;
	return trial;
}

/* Trials of the basket alone; the first is the default, and what the owner set is not varied.  So below. */
static int
list_basket_trials(const RecoOptions *options, const RecoTrial *base, RecoTrial *trials)
{
	static const double factors[] = {1, 3};
	RecoTrial	trial = factor_trial(base, RECO_COMPONENT_BASKET);
	int			n = 0;
	int			a;

	add_trial(trials, &n, trial);
	for (a = 0; a < (int) lengthof(factors) && isnan(options->basket_regularization); a++)
	{
		trial.settings.basket_lambda = options->regularization * factors[a];
		add_trial(trials, &n, trial);
	}
	return n;
}

/* Trials of the history alone. */
static int
list_history_trials(const RecoOptions *options, const RecoTrial *base, RecoTrial *trials)
{
	static const double history_factors[] = {1, 3, 10, 30};
	static const double half_lives[] = {30, 60, 90, 180};
	RecoTrial	trial = factor_trial(base, RECO_COMPONENT_HISTORY);
	int			n = 0;
	int			a;
	int			b;

	add_trial(trials, &n, trial);
	for (a = 0; a < (isnan(options->half_life) ? (int) lengthof(half_lives) : 1); a++)
		for (b = 0; b < (isnan(options->history_regularization) ? (int) lengthof(history_factors) : 1); b++)
		{
			trial.settings.half_life = fixed_or(options->half_life, half_lives[a]);
			trial.settings.history_lambda = options->regularization *
				fixed_or(options->history_regularization, history_factors[b]);
			add_trial(trials, &n, trial);
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
	RecoTrialScores mean = {NAN, NAN};
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

/* The scores of the cases that have what was asked for, moved together; returns how many there are. */
static int
keep_cases(RecoTrialScores *scores, int n_trials, int n_cases)
{
	int64		kept = 0;
	int64		i;

	for (i = 0; i < (int64) n_trials * n_cases; i++)
		if (!isnan(scores[i].ndcg))
			scores[kept++] = scores[i];
	return (int) (kept / n_trials);
}

/* Try everything on every case that has that evidence; returns the chosen trial. */
static RecoTrial
try_all(RecoTrials *trials, const RecoTrial *list, int n_trials, RecoEvidenceKind kind)
{
	RecoTrialScores *scores = palloc_extended(mul_size(mul_size(n_trials, Max(trials->cases.n, 1)), sizeof(RecoTrialScores)),
											  MCXT_ALLOC_HUGE);
	int			chosen = 0;

	if (n_trials > 1)
	{
		reco_trials_score(trials, list, n_trials, kind, scores);
		chosen = choose_trial(scores, n_trials, keep_cases(scores, n_trials, trials->cases.n));
	}
	pfree(scores);
	return list[chosen];
}

/* What the cases come to as they are answered: the mean, and how many there are. */
static RecoTrialScores
measure(RecoTrials *trials, const RecoTrial *chosen, bool completion, int *n_cases)
{
	RecoTrialScores *scores = palloc_extended(mul_size(Max(trials->cases.n, 1), sizeof(RecoTrialScores)), MCXT_ALLOC_HUGE);
	RecoTrialScores mean;

	reco_trials_measure(trials, chosen, completion, scores);
	*n_cases = keep_cases(scores, 1, trials->cases.n);
	mean = mean_scores(scores, *n_cases);
	pfree(scores);
	return mean;
}

/* --- the parameters ---------------------------------------------------------------------------------------- */

/* Those of the trials, one for each kind of evidence. */
static void
set_parameters(const RecoOptions *options, const RecoTrial *chosen, double *parameters)
{
	int			kind;

	parameters[RECO_PARAMETER_UNOBSERVED] = options->unobserved_weight;
	for (kind = 0; kind < RECO_BLENDS; kind++)
	{
		reco_asking_store(&chosen[kind].settings, (RecoEvidenceKind) kind, parameters);
		memcpy(&parameters[RECO_PARAMETER_BLEND + kind * RECO_BLEND_SLOTS], chosen[kind].weights,
			   sizeof(chosen[kind].weights));
	}
}

static void
begin_choice(const RecoOptions *options, RecoTrial *chosen)
{
	double		lambda = options->regularization;
	int			kind;

	for (kind = 0; kind < RECO_BLENDS; kind++)
	{
		const Choice *choice = &defaults[kind];
		RecoSettings *settings = &chosen[kind].settings;

		settings->basket_lambda = lambda * fixed_or(options->basket_regularization, choice->basket_factor);
		settings->history_lambda = lambda * fixed_or(options->history_regularization, choice->history_factor);
		settings->half_life = fixed_or(options->half_life, choice->half_life);
		settings->repeat_half_life = choice->repeat_half_life;
		memcpy(settings->strengths, default_strengths, sizeof(settings->strengths));
		memcpy(chosen[kind].weights, choice->weights, sizeof(chosen[kind].weights));
	}
}

/* What serving uses where there is nothing to choose on: the options that are set, else the defaults. */
void
reco_holdout_default_parameters(const RecoOptions *options, double *parameters)
{
	RecoTrial	chosen[RECO_BLENDS];

	begin_choice(options, chosen);
	set_parameters(options, chosen, parameters);
}

/* How baskets and histories are folded in, where that can be told: by what the factors alone find. */
static void
choose_factors(RecoTrials *trials, const RecoOptions *options, RecoTrial *chosen)
{
	RecoTrial	list[MAX_TRIALS];
	RecoTrial	best;
	int			n = list_basket_trials(options, &chosen[RECO_EVIDENCE_BASKET], list);

	best = try_all(trials, list, n, RECO_EVIDENCE_BASKET);
	chosen[RECO_EVIDENCE_BASKET].settings.basket_lambda = best.settings.basket_lambda;
	chosen[RECO_EVIDENCE_BOTH].settings.basket_lambda = best.settings.basket_lambda;
	n = list_history_trials(options, &chosen[RECO_EVIDENCE_HISTORY], list);
	best = try_all(trials, list, n, RECO_EVIDENCE_HISTORY);
	chosen[RECO_EVIDENCE_HISTORY].settings.history_lambda = best.settings.history_lambda;
	chosen[RECO_EVIDENCE_HISTORY].settings.half_life = best.settings.half_life;
	chosen[RECO_EVIDENCE_NONE].settings.half_life = best.settings.half_life;
}

static void
measure_all(RecoTrials *trials, const RecoTrial *chosen, RecoHoldoutMetrics *metrics)
{
	RecoTrialScores mean = measure(trials, chosen, true, &metrics->completion_cases);

	metrics->ndcg_completion = mean.ndcg;
	metrics->recall_completion = mean.recall;
	mean = measure(trials, chosen, false, &metrics->next_cases);
	metrics->ndcg_next = mean.ndcg;
	metrics->recall_next = mean.recall;
	metrics->recall_popularity = measure(trials, NULL, true, &metrics->completion_cases).recall;
}

/*
 * Choose the serving parameters on the orders from cut on, with what was learned from before, and measure; by the crew,
 * where the factors' y is in its arena.
 */
void
reco_holdout_choose(const RecoInteractions *interactions, TimestampTz cut, const RecoOptions *options, RecoCrew *crew,
					const RecoLearned *learned, double *parameters, RecoHoldoutMetrics *metrics, RecoProgress *progress)
{
	MemoryContext context = AllocSetContextCreate(interactions->budget->context, "reco held-out orders", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	RecoTrials	trials = {.crew = crew,.progress = progress,.factors = learned->factors,.popularity = learned->popularity,
	.order_mass = learned->order_mass,.trend = learned->trend,.complements = learned->complements,.match = learned->match,
	.n_events = learned->n_events,.prior = learned->segments->prior,
	.prior_rows = learned->segments->prior != NULL ? learned->segments->n_customer_labels + 1 : 0,.lift = learned->segments->lift};
	RecoTrial	chosen[RECO_BLENDS];
	int			kind;

	memcpy(trials.event_weights, learned->event_weights, sizeof(trials.event_weights));
	begin_choice(options, chosen);
	trials.sentiment = learned->sentiment;
	trials.cases = *reco_cases_make(interactions, learned->reviews, learned->segments, cut, options->seed, case_limit(options, &learned->factors));
	reco_cases_add_friends(&trials.cases, interactions);
	reco_trials_begin(&trials, interactions->budget, MAX_TRIALS, RECO_BLEND_TOP);
	reco_progress_phase(progress, RECO_PHASE_CHOOSING, (MOST_PASSES + RECO_BLENDS * reco_knobs_most(&trials)) * (int64) trials.cases.n);
	choose_factors(&trials, options, chosen);
	for (kind = 0; kind < RECO_BLENDS; kind++)
		reco_blend_choose(&trials, &chosen[kind], kind, metrics->losses[kind], metrics->strength_losses[kind]);
	/* Kinds that share a parameter have one of it. */
	chosen[RECO_EVIDENCE_BASKET].settings.history_lambda = chosen[RECO_EVIDENCE_BOTH].settings.history_lambda;
	set_parameters(options, chosen, parameters);
	for (kind = 0; kind < RECO_BLENDS; kind++)
	{
		RecoCurve	curve;

		reco_calibrate(&trials, &chosen[kind], kind, &curve);
		reco_scoring_set_curve(parameters, kind, &curve);
	}
	measure_all(&trials, chosen, metrics);
	reco_trials_end(&trials);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}
