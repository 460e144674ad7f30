/*
 * trials.c: replays held-out orders as requests, with the parameters that serving might use, by however many processes
 * there are.
 *
 * A request goes through the same fold-in and the same scan that answer real ones: as a completion (half of the order is
 * visible, the other half is to be found; the customer's earlier purchases are known) or as a next order (nothing
 * visible).  Each case is a block of work that looks at factors, popularity and the cases alone, all in memory that all
 * members see.
 */
#include "postgres.h"

#include "trials.h"

#include "foldin.h"
#include "interrupts.h"
#include "metrics.h"
#include "storage/shmem.h"
#include "topk.h"
#include "utils/memutils.h"

#define TOP 10

/* What is to be done, as all members see it. */
typedef struct Arguments
{
	int32		items;
	int			factors;
	double		unobserved;
	double		lambda;
	RecoPlace	y;
	RecoPlace	gram_diagonal;
	RecoPlace	popularity;
	RecoPlace	cases;
	RecoPlace	case_items;
	RecoPlace	case_lines;
	int			n_cases;
	int			first_case;		/* of the first block */
	bool		completion;		/* else the next order */
	RecoTrialEvidence evidence; /* for samples */
	int			n_trials;		/* 0: by popularity alone */
	RecoPlace	trials;
	RecoPlace	out;			/* RecoTrialScores [trials x cases], or Samples [blocks] */
} Arguments;

/* What a request's best items came to; n is -1 where it has not all of the evidence. */
typedef struct Samples
{
	int			n;
	RecoSample	list[RECO_CALIBRATE_TOP];
} Samples;

/* What a member replays orders with. */
typedef struct Replayer
{
	RecoRun		run;
	RecoFactors factors;
	RecoCases	cases;
	double		lambda;
	const float *popularity;
	RecoFoldIn *foldin;
	uint64	   *skip;			/* bitmap of visible items */
	MemoryContext context;		/* of all that */
	MemoryContext case_context; /* emptied after each case */
} Replayer;

/* Vectors of the case and trial before, kept because trials are ordered to change little. */
typedef struct Vectors
{
	bool		is_new;
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

/* --- a case ------------------------------------------------------------------------------------------------ */

static void
fold_basket(const Replayer *replayer, const RecoCase *test, double lambda, Vectors *vectors)
{
	RecoEntry	entries[RECO_CASE_MAX_ITEMS];
	int			i;

	for (i = 0; i < test->n_visible; i++)
	{
		entries[i].item = replayer->cases.items[test->first + i];
		entries[i].weight = reco_lines_entry_weight(1);
	}
	reco_foldin_bag(replayer->foldin, entries, test->n_visible, lambda, &vectors->basket);
}

static void
update_vectors(const Replayer *replayer, const RecoCase *test, const RecoTrial *trial, bool with_basket, Vectors *vectors)
{
	bool		is_new = vectors->is_new;

	if (is_new)
	{
		vectors->lines = reco_cases_history(&replayer->cases, test, &vectors->n_lines);
		vectors->entries = palloc_extended(mul_size(Max(vectors->n_lines, 1), sizeof(RecoEntry)), MCXT_ALLOC_HUGE);
	}
	if (with_basket && (is_new || vectors->basket_factor != trial->basket_factor))
		fold_basket(replayer, test, replayer->lambda * trial->basket_factor, vectors);
	if (vectors->n_lines > 0 && (is_new || vectors->half_life != trial->half_life))
		vectors->n_entries = reco_lines_bag(vectors->lines, vectors->n_lines,
											reco_lines_clock(vectors->lines, vectors->n_lines, test->at, trial->half_life),
											trial->half_life, vectors->entries);
	if (is_new || vectors->half_life != trial->half_life || vectors->history_factor != trial->history_factor)
		reco_foldin_bag(replayer->foldin, vectors->entries, vectors->n_lines > 0 ? vectors->n_entries : 0,
						replayer->lambda * trial->history_factor, &vectors->history);
	vectors->is_new = false;
	vectors->basket_factor = trial->basket_factor;
	vectors->history_factor = trial->history_factor;
	vectors->half_life = trial->half_life;
}

static RecoTrialScores
score_list(const RecoTopEntry *top, int found, const int32 *wanted, int n_wanted)
{
	RecoTrialScores scores;
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
set_skipped(const Replayer *replayer, const RecoCase *test, bool skipped)
{
	int			i;

	for (i = 0; i < test->n_visible; i++)
	{
		int32		item = replayer->cases.items[test->first + i];
		uint64		bit = UINT64CONST(1) << (item % 64);

		if (skipped)
			replayer->skip[item / 64] |= bit;
		else
			replayer->skip[item / 64] &= ~bit;
	}
}

/* The query of a case under a trial, as a completion or as a next order; false where nothing is known. */
static bool
make_query(const Replayer *replayer, const RecoCase *test, const RecoTrial *trial, bool completion, Vectors *vectors,
		   float *query)
{
	static const RecoVector nothing = {true, 0, {0}};

	update_vectors(replayer, test, trial, completion, vectors);
	if (completion)
		reco_foldin_combine(replayer->foldin, &vectors->basket, &vectors->history, trial->history_weight, query);
	else
		reco_foldin_combine(replayer->foldin, &vectors->history, &nothing, 0, query);
	return !vectors->history.is_zero || (completion && !vectors->basket.is_zero);
}

/* What is to be found: of a completion the hidden half, of a next order all. */
static const int32 *
wanted_items(const Replayer *replayer, const RecoCase *test, bool completion, int *n_wanted)
{
	*n_wanted = test->n_hidden + (completion ? 0 : test->n_visible);
	return replayer->cases.items + test->first + (completion ? test->n_visible : 0);
}

/*
 * The case under each of n trials, in one pass over the items; trials NULL is one answer by popularity alone, as where
 * nothing is known.  scores[t x step] is that of trial t.
 */
static void
evaluate(const Replayer *replayer, const RecoCase *test, const RecoTrial *trials, int n, bool completion,
		 RecoTrialScores *scores, Size step)
{
	const RecoFactors *factors = &replayer->factors;
	Size		stride = reco_stride(factors->factors);
	float	   *queries = palloc0(mul_size(mul_size(n, stride), sizeof(float)));
	RecoTopEntry *top = palloc(mul_size(mul_size(n, TOP), sizeof(RecoTopEntry)));
	RecoTopQuery *scans = palloc(mul_size(n, sizeof(RecoTopQuery)));
	Vectors		vectors = {.is_new = true};
	const int32 *wanted;
	int			n_wanted;
	int			t;

	for (t = 0; t < n; t++)
	{
		float	   *query = queries + t * stride;
		bool		known = trials != NULL && make_query(replayer, test, &trials[t], completion, &vectors, query);

		scans[t] = (RecoTopQuery) {.x = query,.bias = known ? NULL : replayer->popularity,.bias_weight = 1,
			.skip = replayer->skip,.k = TOP,.out = top + t * TOP};
	}
	set_skipped(replayer, test, completion);
	reco_foldin_check_status(reco_topk_scan(&replayer->run, factors->y, factors->items, factors->factors, NULL, scans, n), "scan");
	set_skipped(replayer, test, false);
	wanted = wanted_items(replayer, test, completion, &n_wanted);
	for (t = 0; t < n; t++)
		scores[t * step] = score_list(scans[t].out, scans[t].found, wanted, n_wanted);
}

/* What the scores of a trial came to on the case, if it has all of that evidence. */
static void
sample(const Replayer *replayer, const RecoCase *test, const RecoTrial *trial, RecoTrialEvidence evidence, Samples *samples)
{
	bool		completion = evidence != RECO_EVIDENCE_HISTORY;
	Vectors		vectors = {.is_new = true};
	float		query[RECO_MAX_FACTORS];
	RecoCalibrateCase request = {.query = query,.skip = replayer->skip};

	samples->n = -1;
	(void) make_query(replayer, test, trial, completion, &vectors, query);
	if ((completion && vectors.basket.is_zero) || (evidence != RECO_EVIDENCE_BASKET && vectors.history.is_zero))
		return;
	request.basket = completion ? vectors.basket.mass : 0;
	request.history = evidence != RECO_EVIDENCE_BASKET ? vectors.history.mass : 0;
	request.wanted = wanted_items(replayer, test, completion, &request.n_wanted);
	set_skipped(replayer, test, completion);
	samples->n = reco_calibrate_sample(&replayer->factors, &replayer->run, &request, samples->list);
	set_skipped(replayer, test, false);
}

/* --- blocks ------------------------------------------------------------------------------------------------ */

static Replayer *
make_replayer(const RecoMember *member, const Arguments *args)
{
	MemoryContext context = AllocSetContextCreate(member->context, "reco held-out orders", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	Replayer   *replayer = palloc0(sizeof(Replayer));

	replayer->context = context;
	replayer->case_context = AllocSetContextCreate(context, "reco held-out order", ALLOCSET_DEFAULT_SIZES);
	replayer->run = member->run;
	replayer->factors = (RecoFactors) {
		args->items, args->factors, reco_crew_address(member, args->y), reco_crew_address(member, args->gram_diagonal),
		args->unobserved
	};
	replayer->foldin = reco_foldin_create(&replayer->factors, &replayer->run);
	replayer->skip = palloc_extended(mul_size((Size) args->items / 64 + 1, sizeof(uint64)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	replayer->popularity = reco_crew_address(member, args->popularity);
	replayer->lambda = args->lambda;
	replayer->cases.n = args->n_cases;
	replayer->cases.list = reco_crew_address(member, args->cases);
	replayer->cases.items = reco_crew_address(member, args->case_items);
	replayer->cases.lines = reco_crew_address(member, args->case_lines);
	MemoryContextSwitchTo(old_context);
	return replayer;
}

/* All phases between reco_trials_begin and reco_trials_end look at the same, of which there is one in a crew's life. */
static Replayer *
own_replayer(RecoMember *member, const Arguments *args)
{
	void	  **kept = &member->kept[RECO_WORK_CASES];

	if (*kept == NULL)
		*kept = make_replayer(member, args);
	return *kept;
}

static bool
is_case_of(const RecoCase *test, bool completion)
{
	return completion || test->user >= 0;
}

/* A case under all trials. */
void
reco_trials_case(RecoMember *member, const void *arguments, uint32 block)
{
	const Arguments *args = arguments;
	const Replayer *replayer = own_replayer(member, args);
	const RecoTrial *trials = args->n_trials > 0 ? reco_crew_address(member, args->trials) : NULL;
	RecoTrialScores *scores = reco_crew_address(member, args->out);
	const RecoCase *test = &replayer->cases.list[block];
	MemoryContext old_context;

	if (!is_case_of(test, args->completion))
		return;
	old_context = MemoryContextSwitchTo(replayer->case_context);
	evaluate(replayer, test, trials, Max(args->n_trials, 1), args->completion, scores + block, args->n_cases);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(replayer->case_context);
}

/* What the scores of one trial came to on a case. */
void
reco_trials_sample(RecoMember *member, const void *arguments, uint32 block)
{
	const Arguments *args = arguments;
	const Replayer *replayer = own_replayer(member, args);
	Samples    *samples = reco_crew_address(member, args->out);
	MemoryContext old_context = MemoryContextSwitchTo(replayer->case_context);

	sample(replayer, &replayer->cases.list[args->first_case + (int) block], reco_crew_address(member, args->trials),
		   args->evidence, &samples[block]);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(replayer->case_context);
}

/* --- the leader -------------------------------------------------------------------------------------------- */

static void *
take(RecoTrials *trials, Size count, Size size)
{
	RecoArena  *arena = reco_crew_arena(trials->crew);

	if (trials->alone)
		return reco_budget_alloc(arena->budget, count, size, "held-out orders");
	return reco_arena_take(arena, count, size, "held-out orders");
}

/* A copy where all members see it. */
static void *
share(RecoTrials *trials, const void *from, Size count, Size size)
{
	void	   *copy = take(trials, count, size);

	reco_copy_bytes(copy, from, mul_size(count, size));
	return copy;
}

/*
 * Begin trials on the cases, which have been filled in as has all before them; what is shared is copied.  Errors:
 * configuration_limit_exceeded.
 */
void
reco_trials_begin(RecoTrials *trials, RecoBudget *budget, int most_trials)
{
	RecoArena  *arena = reco_crew_arena(trials->crew);
	RecoCases  *cases = &trials->cases;
	RecoFactors *factors = &trials->factors;
	Size		sizes[] = {
		mul_size(factors->factors, sizeof(double)), mul_size(factors->items, sizeof(float)),
		mul_size(cases->n, sizeof(RecoCase)), mul_size(cases->n_items, sizeof(int32)), mul_size(cases->n_lines, sizeof(RecoLine)),
		mul_size(mul_size(most_trials, cases->n), sizeof(RecoTrialScores)), mul_size(most_trials, sizeof(RecoTrial)),
		mul_size(Min(cases->n, RECO_CALIBRATE_CASES), sizeof(Samples))
	};
	Size		bytes = lengthof(sizes) * RECO_CACHE_LINE;
	int			i;

	for (i = 0; i < (int) lengthof(sizes); i++)
		bytes = add_size(bytes, sizes[i]);
	trials->alone = arena->base != NULL && !reco_arena_has_room(arena, bytes);
	if (trials->alone)
		ereport(DEBUG1, (errmsg_internal("training: no shared memory for %zu bytes of held-out orders", bytes)));
	trials->mark = reco_arena_begin(arena, "held-out orders");
	if (arena->base == NULL)
		reco_budget_require(budget, bytes, "held-out orders");
	factors->gram_diagonal = share(trials, factors->gram_diagonal, factors->factors, sizeof(double));
	trials->popularity = share(trials, trials->popularity, factors->items, sizeof(float));
	cases->list = share(trials, cases->list, cases->n, sizeof(RecoCase));
	cases->items = share(trials, cases->items, cases->n_items, sizeof(int32));
	cases->lines = share(trials, cases->lines, cases->n_lines, sizeof(RecoLine));
}

static Arguments
describe(const RecoTrials *trials, const RecoTrial *list, int n, const void *out)
{
	const RecoMember *leader = reco_crew_leader(trials->crew);
	Arguments	args = {.items = trials->factors.items,.factors = trials->factors.factors,
		.unobserved = trials->factors.unobserved,.lambda = trials->lambda,.n_cases = trials->cases.n,.n_trials = n};

	args.y = reco_crew_place(leader, trials->factors.y);
	args.gram_diagonal = reco_crew_place(leader, trials->factors.gram_diagonal);
	args.popularity = reco_crew_place(leader, trials->popularity);
	args.cases = reco_crew_place(leader, trials->cases.list);
	args.case_items = reco_crew_place(leader, trials->cases.items);
	args.case_lines = reco_crew_place(leader, trials->cases.lines);
	args.trials = reco_crew_place(leader, list);
	args.out = reco_crew_place(leader, out);
	return args;
}

static void
work(RecoTrials *trials, RecoWork kind, const Arguments *args, uint32 blocks, RecoProgress *progress)
{
	if (trials->alone)
		reco_crew_work_alone(trials->crew, kind, args, blocks, progress);
	else
		reco_crew_work(trials->crew, kind, args, sizeof(*args), blocks, progress);
}

/* Whether a case can be asked so: a next order only where something is known of the customer. */
bool
reco_trials_is_case(const RecoTrials *trials, int c, bool completion)
{
	return is_case_of(&trials->cases.list[c], completion);
}

/*
 * The scores of all trials on all cases that can be asked so: scores[t x cases + c].  With n 0 those of one answer by
 * popularity.  Progress advances by the number of cases.
 */
void
reco_trials_score(RecoTrials *trials, const RecoTrial *list, int n, bool completion, RecoTrialScores *scores)
{
	RecoArena  *arena = reco_crew_arena(trials->crew);
	RecoArenaMark mark = reco_arena_begin(arena, "trials");
	Size		n_scores = mul_size(Max(n, 1), trials->cases.n);
	RecoTrialScores *out = take(trials, n_scores, sizeof(RecoTrialScores));
	Arguments	args = describe(trials, n > 0 ? share(trials, list, n, sizeof(RecoTrial)) : NULL, n, out);

	args.completion = completion;
	work(trials, RECO_WORK_CASES, &args, trials->cases.n, n > 0 ? trials->progress : NULL);
	reco_copy_bytes(scores, out, mul_size(n_scores, sizeof(RecoTrialScores)));
	if (trials->alone)
		reco_budget_free(arena->budget, out);
	reco_arena_end(arena, mark);
}

/* Samples of the first cases that have the evidence, at most RECO_CALIBRATE_CASES, one after the other; returns how many. */
static int
gather_samples(RecoTrials *trials, Arguments *args, const Samples *out, RecoSample *samples, int *n_cases)
{
	int			n = 0;
	int			blocks;
	int			i;

	*n_cases = 0;
	for (args->first_case = 0; args->first_case < trials->cases.n; args->first_case += blocks)
	{
		blocks = Min(trials->cases.n - args->first_case, RECO_CALIBRATE_CASES - *n_cases);
		if (blocks == 0)
			break;
		work(trials, RECO_WORK_SAMPLES, args, blocks, NULL);
		for (i = 0; i < blocks; i++)
		{
			if (out[i].n < 0)
				continue;
			memcpy(samples + n, out[i].list, out[i].n * sizeof(RecoSample));
			n += out[i].n;
			(*n_cases)++;
		}
	}
	return n;
}

/* What the scores of a trial are worth on the cases that have all of that evidence: the parameters of a curve. */
void
reco_trials_calibrate(RecoTrials *trials, const RecoTrial *trial, RecoTrialEvidence evidence, double *curve)
{
	RecoArena  *arena = reco_crew_arena(trials->crew);
	RecoArenaMark mark = reco_arena_begin(arena, "calibration");
	int			most = Min(trials->cases.n, RECO_CALIBRATE_CASES);
	Samples    *out = take(trials, most, sizeof(Samples));
	RecoSample *samples = reco_budget_alloc(arena->budget, mul_size(most, RECO_CALIBRATE_TOP), sizeof(RecoSample), "calibration");
	RecoTrial	used = *trial;
	Arguments	args;
	int			n;
	int			n_cases;

	if (evidence == RECO_EVIDENCE_BASKET)
		used.history_weight = 0;
	args = describe(trials, share(trials, &used, 1, sizeof(RecoTrial)), 1, out);
	args.evidence = evidence;
	n = gather_samples(trials, &args, out, samples, &n_cases);
	reco_calibrate_fit(samples, n, n_cases, &reco_crew_leader(trials->crew)->run, curve);
	reco_budget_free(arena->budget, samples);
	if (trials->alone)
		reco_budget_free(arena->budget, out);
	reco_arena_end(arena, mark);
}

/* What was shared is gone. */
void
reco_trials_end(RecoTrials *trials)
{
	RecoMember *leader = reco_crew_leader(trials->crew);
	Replayer   *replayer = leader->kept[RECO_WORK_CASES];

	if (replayer != NULL)
		MemoryContextDelete(replayer->context);
	leader->kept[RECO_WORK_CASES] = NULL;
	reco_arena_end(reco_crew_arena(trials->crew), trials->mark);
}
