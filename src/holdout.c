/*
 * holdout.c: chooses on the newest orders what the factors alone do not tell.
 *
 * The newest tenth of the orders is held out.  With factors trained on what came before, their orders are replayed as
 * requests, through the same fold-in and the same scan that answer real ones: as a completion (half of the order is
 * visible, the other half is to be found; the customer's earlier purchases are known) and as a next order (nothing
 * visible).  Tried are multiples of lambda for each kind of bag, half-lives of the history and its weight beside the
 * basket; no retraining is needed.  (That the fold-in's regularization is a parameter of its own, and how much it is
 * worth, was measured: see src/README.)  At the end they are replayed once more for what scores are worth (calibrate.c).
 *
 * Held-out orders follow training closely and are few in a small shop.  So a setting replaces the default only if its
 * nDCG@10 is better by more than one standard error of the paired difference, and below MIN_CASES the defaults stand.
 */
#include "postgres.h"

#include "holdout.h"

#include <math.h>

#include "calibrate.h"
#include "cases.h"
#include "foldin.h"
#include "metrics.h"
#include "topk.h"
#include "utils/memutils.h"

#define TOP 10
#define MIN_CASES 200
#define MAX_WORK 5e9			/* items x factors x cases, before the trials */
#define MAX_TRIALS 64

/* What a trial sets. */
typedef struct Trial
{
	double		basket_factor;	/* multiples of lambda */
	double		history_factor;
	double		half_life;		/* days */
	double		history_weight;
} Trial;

static const Trial default_completion = {1, 1, 90, 0.2};
static const Trial default_next = {1, 10, 60, 1};

typedef struct Holdout
{
	const RecoInteractions *interactions;
	const RecoOptions *options;
	const RecoFactors *factors;
	RecoRun		run;
	RecoFoldIn *foldin;
	RecoCases  *cases;
	uint64	   *skip;			/* bitmap of visible items */
	const float *popularity;	/* answers where nothing is known */
	RecoProgress *progress;
} Holdout;

/* Vectors of the case and trial before, kept because trials are ordered to change little. */
typedef struct Vectors
{
	int			at_case;
	double		basket_factor;
	double		history_factor;
	double		half_life;
	int64		n_lines;
	int64		n_entries;
	RecoLine   *lines;			/* of the case's customer, before the order */
	RecoEntry  *entries;
	RecoVector	basket;
	RecoVector	history;
} Vectors;

typedef struct Scores
{
	double		ndcg;
	double		recall;
} Scores;

static int
case_limit(const Holdout *holdout)
{
	double		work = (double) Max(holdout->factors->items, 1) * (double) reco_stride(holdout->factors->factors);

	return (int) Min((double) holdout->options->holdout_orders, Max(MIN_CASES, MAX_WORK / work));
}

/* --- a trial ----------------------------------------------------------------------------------------------- */

static void
fold_basket(const Holdout *holdout, const RecoCase *test, double lambda, Vectors *vectors)
{
	RecoEntry	entries[RECO_CASE_MAX_ITEMS];
	int			i;

	for (i = 0; i < test->n_visible; i++)
	{
		entries[i].item = holdout->cases->items[test->first + i];
		entries[i].weight = reco_lines_entry_weight(1);
	}
	reco_foldin_bag(holdout->foldin, entries, test->n_visible, lambda, &vectors->basket);
}

static void
update_vectors(const Holdout *holdout, int c, const Trial *trial, bool with_basket, Vectors *vectors)
{
	const RecoCase *test = &holdout->cases->list[c];
	double		lambda = holdout->options->regularization;
	bool		new_case = vectors->at_case != c;

	if (new_case)
	{
		vectors->lines = reco_cases_history(holdout->cases, test, &vectors->n_lines);
		vectors->entries = palloc_extended(mul_size(Max(vectors->n_lines, 1), sizeof(RecoEntry)), MCXT_ALLOC_HUGE);
	}
	if (with_basket && (new_case || vectors->basket_factor != trial->basket_factor))
		fold_basket(holdout, test, lambda * trial->basket_factor, vectors);
	if (vectors->n_lines > 0 && (new_case || vectors->half_life != trial->half_life))
		vectors->n_entries = reco_lines_bag(vectors->lines, vectors->n_lines,
											reco_lines_clock(vectors->lines, vectors->n_lines, holdout->interactions->order_at[test->order],
															 trial->half_life), trial->half_life, vectors->entries);
	if (new_case || vectors->half_life != trial->half_life || vectors->history_factor != trial->history_factor)
		reco_foldin_bag(holdout->foldin, vectors->entries, vectors->n_lines > 0 ? vectors->n_entries : 0,
						lambda * trial->history_factor, &vectors->history);
	vectors->at_case = c;
	vectors->basket_factor = trial->basket_factor;
	vectors->history_factor = trial->history_factor;
	vectors->half_life = trial->half_life;
}

static Scores
score_list(const RecoTopEntry *top, int found, const int32 *wanted, int n_wanted)
{
	Scores		scores;
	bool		hit[TOP] = {false};
	int			i;
	int			j;

	for (i = 0; i < found; i++)
		for (j = 0; j < n_wanted && !hit[i]; j++)
			hit[i] = top[i].item == wanted[j];
	scores.ndcg = reco_metrics_ndcg(hit, found, TOP, n_wanted);
	scores.recall = reco_metrics_recall(hit, found, TOP, n_wanted);
	return scores;
}

static void
set_skipped(const Holdout *holdout, const RecoCase *test, bool skipped)
{
	int			i;

	for (i = 0; i < test->n_visible; i++)
	{
		int32		item = holdout->cases->items[test->first + i];
		uint64		bit = UINT64CONST(1) << (item % 64);

		if (skipped)
			holdout->skip[item / 64] |= bit;
		else
			holdout->skip[item / 64] &= ~bit;
	}
}

/* The query of a case under a trial, as a completion or as a next order; false where nothing is known. */
static bool
make_query(const Holdout *holdout, int c, const Trial *trial, bool completion, Vectors *vectors, float *query)
{
	static const RecoVector nothing = {true, 0, {0}};

	update_vectors(holdout, c, trial, completion, vectors);
	if (completion)
		reco_foldin_combine(holdout->foldin, &vectors->basket, &vectors->history, trial->history_weight, query);
	else
		reco_foldin_combine(holdout->foldin, &vectors->history, &nothing, 0, query);
	return !vectors->history.is_zero || (completion && !vectors->basket.is_zero);
}

/* What is to be found: of a completion the hidden half, of a next order all. */
static const int32 *
wanted_items(const Holdout *holdout, const RecoCase *test, bool completion, int *n_wanted)
{
	*n_wanted = test->n_hidden + (completion ? 0 : test->n_visible);
	return holdout->cases->items + test->first + (completion ? test->n_visible : 0);
}

/*
 * The case under each of n trials, in one pass over the items; trials NULL is one answer by popularity alone, as where
 * nothing is known.
 */
static void
evaluate(const Holdout *holdout, int c, const Trial *trials, int n, bool completion, Scores *scores)
{
	const RecoCase *test = &holdout->cases->list[c];
	const RecoFactors *factors = holdout->factors;
	Size		stride = reco_stride(factors->factors);
	float	   *queries = palloc0(mul_size(mul_size(n, stride), sizeof(float)));
	RecoTopEntry *top = palloc(mul_size(mul_size(n, TOP), sizeof(RecoTopEntry)));
	RecoTopQuery *scans = palloc(mul_size(n, sizeof(RecoTopQuery)));
	Vectors		vectors = {.at_case = -1};
	const int32 *wanted;
	int			n_wanted;
	int			t;

	for (t = 0; t < n; t++)
	{
		float	   *query = queries + t * stride;
		bool		known = trials != NULL && make_query(holdout, c, &trials[t], completion, &vectors, query);

		scans[t] = (RecoTopQuery) {query, known ? NULL : holdout->popularity, holdout->skip, TOP, top + t * TOP, 0};
	}
	set_skipped(holdout, test, completion);
	reco_foldin_check_status(reco_topk_scan_many(&holdout->run, factors->y, factors->items, factors->factors, scans, n), "scan");
	set_skipped(holdout, test, false);
	wanted = wanted_items(holdout, test, completion, &n_wanted);
	for (t = 0; t < n; t++)
		scores[t] = score_list(scans[t].out, scans[t].found, wanted, n_wanted);
	pfree(queries);
	pfree(top);
	pfree(scans);
}

/* --- choosing ---------------------------------------------------------------------------------------------- */

static void
add_trial(Trial *trials, int *n, double basket, double history, double half_life, double weight)
{
	Trial		trial = {basket, history, half_life, weight};

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

static Trial
base_trial(const RecoOptions *options, const Trial *defaults)
{
	Trial		trial = *defaults;

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
list_trials(const RecoOptions *options, const Trial *base, bool completion, Trial *trials)
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
 * difference the best by mean nDCG, else the default.  ndcg has n_cases values a trial.
 */
static int
choose_trial(const double *ndcg, int n_trials, int n_cases)
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
			double		gain = ndcg[(int64) t * n_cases + c] - ndcg[c];

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

/* The cases that a kind of request can be tried on: a next order only where something is known of the customer. */
static bool
is_case_of(const Holdout *holdout, const RecoCase *test, bool completion)
{
	return completion || holdout->interactions->order_user[test->order] >= 0;
}

static Scores
mean_scores(const Scores *scores, int n)
{
	Scores		mean = {NAN, NAN};
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

/*
 * Try everything on every case of a kind of request; returns the chosen trial and its mean scores.
 */
static Trial
try_all(const Holdout *holdout, const Trial *defaults, bool completion, Scores *mean, int *n_cases)
{
	Trial		trials[MAX_TRIALS];
	Trial		base = base_trial(holdout->options, defaults);
	int			n_trials = list_trials(holdout->options, &base, completion, trials);
	Size		n_scores = mul_size(n_trials, Max(holdout->cases->n, 1));
	double	   *ndcg;
	Scores	   *scores;
	MemoryContext case_context = AllocSetContextCreate(CurrentMemoryContext, "reco held-out order", ALLOCSET_DEFAULT_SIZES);
	int			total = 0;
	int			n = 0;
	int			chosen;
	int			c;
	int			t;

	reco_budget_require(holdout->interactions->budget, mul_size(n_scores, sizeof(double) + sizeof(Scores)), "held-out orders");
	ndcg = palloc_extended(mul_size(n_scores, sizeof(double)), MCXT_ALLOC_HUGE);
	scores = palloc_extended(mul_size(n_scores, sizeof(Scores)), MCXT_ALLOC_HUGE);
	for (c = 0; c < holdout->cases->n; c++)
		total += is_case_of(holdout, &holdout->cases->list[c], completion);
	for (c = 0; c < holdout->cases->n; c++)
	{
		Scores		one[MAX_TRIALS];
		MemoryContext old_context;

		reco_progress_advance(holdout->progress, 1);
		if (!is_case_of(holdout, &holdout->cases->list[c], completion))
			continue;
		old_context = MemoryContextSwitchTo(case_context);
		evaluate(holdout, c, trials, n_trials, completion, one);
		for (t = 0; t < n_trials; t++)
		{
			scores[(int64) t * total + n] = one[t];
			ndcg[(int64) t * total + n] = one[t].ndcg;
		}
		n++;
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(case_context);
	}
	chosen = choose_trial(ndcg, n_trials, n);
	*mean = mean_scores(scores + (int64) chosen * total, n);
	*n_cases = n;
	return trials[chosen];
}

static double
popularity_recall(const Holdout *holdout)
{
	double		sum = 0;
	int			c;

	for (c = 0; c < holdout->cases->n; c++)
	{
		Scores		one;

		evaluate(holdout, c, NULL, 1, true, &one);
		sum += one.recall;
	}
	return holdout->cases->n > 0 ? sum / holdout->cases->n : NAN;
}

/* Evidence that scores are made of; what they are worth is another for each. */
typedef enum Evidence
{
	EVIDENCE_BASKET,
	EVIDENCE_BOTH,
	EVIDENCE_HISTORY
} Evidence;

/* What the scores of a trial are worth on the cases that have all of that evidence: the parameters of a curve. */
static void
calibrate(const Holdout *holdout, const Trial *trial, Evidence evidence, double *curve)
{
	RecoCalibrator *calibrator = reco_calibrate_begin(holdout->interactions->budget, holdout->factors, &holdout->run,
													  holdout->cases->n);
	MemoryContext case_context = AllocSetContextCreate(CurrentMemoryContext, "reco held-out order", ALLOCSET_DEFAULT_SIZES);
	bool		completion = evidence != EVIDENCE_HISTORY;
	Trial		used = *trial;
	int			c;

	used.history_weight = evidence == EVIDENCE_BASKET ? 0 : trial->history_weight;
	for (c = 0; c < holdout->cases->n && !reco_calibrate_is_full(calibrator); c++)
	{
		const RecoCase *test = &holdout->cases->list[c];
		Vectors		vectors = {.at_case = -1};
		float		query[RECO_MAX_FACTORS];
		MemoryContext old_context = MemoryContextSwitchTo(case_context);

		(void) make_query(holdout, c, &used, completion, &vectors, query);
		if (!(completion && vectors.basket.is_zero) && !(evidence != EVIDENCE_BASKET && vectors.history.is_zero))
		{
			RecoCalibrateCase request = {.query = query,.skip = holdout->skip};

			request.basket = completion ? vectors.basket.mass : 0;
			request.history = evidence != EVIDENCE_BASKET ? vectors.history.mass : 0;
			request.wanted = wanted_items(holdout, test, completion, &request.n_wanted);
			set_skipped(holdout, test, completion);
			reco_calibrate_add(calibrator, &request);
			set_skipped(holdout, test, false);
		}
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(case_context);
	}
	reco_calibrate_end(calibrator, curve);
	MemoryContextDelete(case_context);
}

static void
set_parameters(const RecoOptions *options, const Trial *completion, const Trial *next, double *parameters)
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
	Trial		completion = base_trial(options, &default_completion);
	Trial		next = base_trial(options, &default_next);

	set_parameters(options, &completion, &next, parameters);
}

/*
 * Choose the serving parameters on the orders from cut on, with factors trained on what came before, and measure.
 * popularity is that of the time before the cut.
 */
void
reco_holdout_choose(const RecoInteractions *interactions, TimestampTz cut, const RecoOptions *options,
					const RecoFactors *factors, const RecoKernels *kernels, const float *popularity,
					double *parameters, RecoHoldoutMetrics *metrics, RecoProgress *progress)
{
	MemoryContext context = AllocSetContextCreate(interactions->budget->context, "reco held-out orders", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	Holdout		holdout = {.interactions = interactions,.options = options,.factors = factors,.popularity = popularity,
	.progress = progress};
	Trial		completion;
	Trial		next;
	Scores		mean;

	holdout.run = reco_foldin_run(kernels);
	holdout.foldin = reco_foldin_create(factors, &holdout.run);
	holdout.skip = palloc_extended(mul_size((Size) factors->items / 64 + 1, sizeof(uint64)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	holdout.cases = reco_cases_make(interactions, cut, options->seed, case_limit(&holdout));
	reco_progress_phase(progress, RECO_PHASE_CHOOSING, 2 * (int64) holdout.cases->n);
	completion = try_all(&holdout, &default_completion, true, &mean, &metrics->completion_cases);
	metrics->ndcg_completion = mean.ndcg;
	metrics->recall_completion = mean.recall;
	next = try_all(&holdout, &default_next, false, &mean, &metrics->next_cases);
	metrics->ndcg_next = mean.ndcg;
	metrics->recall_next = mean.recall;
	metrics->recall_popularity = popularity_recall(&holdout);
	set_parameters(options, &completion, &next, parameters);
	calibrate(&holdout, &completion, EVIDENCE_BASKET, &parameters[RECO_PARAMETER_BASKET_CURVE]);
	calibrate(&holdout, &completion, EVIDENCE_BOTH, &parameters[RECO_PARAMETER_BOTH_CURVE]);
	calibrate(&holdout, &next, EVIDENCE_HISTORY, &parameters[RECO_PARAMETER_HISTORY_CURVE]);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}
