/*
 * trials.c: replays held-out orders as requests, with the parameters that serving might use, by however many processes
 * there are.
 *
 * A request goes through the same components and the same scan that answer real ones: as a completion (half of the order is
 * visible, the other half is to be found; the customer's earlier purchases are known) or as a next order (nothing
 * visible).  Each case is a block of work that looks at what was learned and at the cases alone, all in memory that all
 * members see.
 */
#include "postgres.h"

#include "trials.h"

#include <math.h>

#include "foldin.h"
#include "interrupts.h"
#include "metrics.h"
#include "storage/shmem.h"
#include "topk.h"
#include "utils/memutils.h"

#define TOP 10

typedef struct SparsePlace
{
	int32		rows;
	int32		cols;
	RecoPlace	start;
	RecoPlace	index;
	RecoPlace	weight;
} SparsePlace;

/* What is to be done, as all members see it. */
typedef struct Arguments
{
	int32		items;
	int			factors;
	double		unobserved;
	double		order_mass;
	RecoPlace	y;
	RecoPlace	gram_diagonal;
	RecoPlace	popularity;
	RecoPlace	trend;
	SparsePlace complements;	/* no rows: none; so below */
	SparsePlace lift;
	SparsePlace match_by_item;
	SparsePlace match_by_value;
	RecoPlace	match_fields;
	int			n_match_fields;
	RecoPlace	cases;
	RecoPlace	case_items;
	RecoPlace	case_lines;
	RecoPlace	case_friends;
	RecoPlace	case_reviews;
	RecoPlace	sentiment;
	RecoPlace	case_views;
	float		event_weights[RECO_MAX_EVENT_KINDS];
	int			n_events;
	RecoPlace	case_labels;
	RecoPlace	case_contexts;
	RecoPlace	prior;
	bool		has_prior;
	int			n_cases;
	int			first_case;		/* of the first block */
	bool		has_sentiment;
	bool		has_screen;
	bool		as_answered;	/* trials are one for each kind, or none */
	RecoPlace	screen;
	RecoEvidenceKind kind;		/* that is asked for */
	int			n_trials;
	int			most;			/* samples a case */
	RecoPlace	trials;
	RecoPlace	out;			/* RecoTrialScores [trials x cases], or RecoTrialList [blocks] */
	RecoPlace	samples;		/* RecoOutcome [blocks x most] */
} Arguments;

/* What a member replays orders with. */
typedef struct Replayer
{
	RecoRun		run;
	RecoFactors factors;
	RecoCases	cases;
	RecoSparse	complements;
	RecoMatch	match;
	RecoSparse	lift;
	RecoScoring *scoring;
	const RecoScreen *screen;
	float		event_weights[RECO_MAX_EVENT_KINDS];
	uint64	   *skip;			/* bitmap of visible items */
	MemoryContext context;		/* of all that */
	MemoryContext case_context; /* emptied after each case */
} Replayer;

/* A case, and its scores under the trial before, kept because trials are ordered to change little. */
typedef struct Request
{
	const RecoCase *test;
	RecoEvidenceKind kind;		/* that is asked for */
	bool		completion;		/* else the next order */
	bool		is_new;
	RecoSettings settings;		/* of the scores */
	RecoEvidence evidence;
	RecoComponentScores scores;
} Request;

/* --- a case ------------------------------------------------------------------------------------------------ */

static bool
is_completion(RecoEvidenceKind kind)
{
	return kind == RECO_EVIDENCE_BASKET || kind == RECO_EVIDENCE_BOTH;
}

/* A request of a case, with what is asked for of what it has to go on. */
static Request
make_request(const Replayer *replayer, const RecoCase *test, RecoEvidenceKind kind)
{
	Request		request = {.test = test,.kind = kind,.completion = is_completion(kind),.is_new = true};

	reco_cases_evidence(&replayer->cases, test, request.completion, kind == RECO_EVIDENCE_BOTH || kind == RECO_EVIDENCE_HISTORY,
						&request.evidence);
	return request;
}

/* The scores of the request's components under a trial. */
static void
set_scores(const Replayer *replayer, Request *request, const RecoSettings *settings)
{
	reco_asking_set(replayer->scoring, &request->evidence, request->is_new ? NULL : &request->settings, settings,
					&request->scores);
	request->is_new = false;
	request->settings = *settings;
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

/* What is to be found: of a completion the hidden half, of a next order all. */
static const int32 *
wanted_items(const Replayer *replayer, const Request *request, int *n_wanted)
{
	const RecoCase *test = request->test;

	*n_wanted = test->n_hidden + (request->completion ? 0 : test->n_visible);
	return replayer->cases.items + test->first + (request->completion ? test->n_visible : 0);
}

/* The best items for a number of queries. */
static void
scan(const Replayer *replayer, const Request *request, RecoTopQuery *queries, int n)
{
	const RecoFactors *factors = &replayer->factors;

	set_skipped(replayer, request->test, request->completion);
	reco_foldin_check_status(reco_topk_scan(&replayer->run, factors->y, factors->items, factors->factors, replayer->screen,
											queries, n), "scan");
	set_skipped(replayer, request->test, false);
}

/*
 * The case under each of n trials, in one pass over the items.  scores[t x step] is that of trial t; all are NaN where the
 * case has less to go on than is asked for.
 */
static void
try_all(const Replayer *replayer, Request *request, const RecoTrial *trials, int n, RecoTrialScores *scores, Size step)
{
	RecoMix    *mixes = palloc(mul_size(n, sizeof(RecoMix)));
	RecoTopEntry *top = palloc(mul_size(mul_size(n, TOP), sizeof(RecoTopEntry)));
	RecoTopQuery *queries = palloc(mul_size(n, sizeof(RecoTopQuery)));
	const int32 *wanted;
	int			n_wanted;
	int			t;

	for (t = 0; t < n; t++)
	{
		set_scores(replayer, request, &trials[t].settings);
		scores[t * step] = (RecoTrialScores) {NAN, NAN};
		(void) reco_scoring_mix(replayer->scoring, &request->scores, trials[t].weights, &mixes[t]);
		queries[t] = reco_scoring_query(&mixes[t], replayer->skip, TOP, top + t * TOP);
	}
	if (reco_scoring_kind(&request->scores) != request->kind)
		return;
	scan(replayer, request, queries, n);
	wanted = wanted_items(replayer, request, &n_wanted);
	for (t = 0; t < n; t++)
		scores[t * step] = score_list(queries[t].out, queries[t].found, wanted, n_wanted);
}

/* A case as it is answered: under the trial of whatever it has to go on, or by popularity without trials. */
static RecoTrialScores
answer(const Replayer *replayer, const RecoCase *test, const RecoTrial *trials, bool completion)
{
	Request		request = make_request(replayer, test, completion ? RECO_EVIDENCE_BOTH : RECO_EVIDENCE_HISTORY);
	const RecoTrialScores none = {NAN, NAN};
	RecoTopEntry top[TOP];
	RecoTopQuery query;
	RecoMix		mix;
	const int32 *wanted;
	int			n_wanted;

	if (completion && test->n_visible == 0 && test->n_views == 0)
		return none;
	reco_scoring_clear(&request.scores);
	if (trials != NULL)
		set_scores(replayer, &request, &trials[reco_asking_kind(&request.evidence)].settings);
	if (trials == NULL ||
		(!reco_scoring_mix(replayer->scoring, &request.scores, trials[reco_scoring_kind(&request.scores)].weights, &mix) &&
		 !reco_scoring_mix(replayer->scoring, &request.scores, trials[RECO_EVIDENCE_NONE].weights, &mix)))
		reco_scoring_mix_popularity(replayer->scoring, &mix);
	query = reco_scoring_query(&mix, replayer->skip, TOP, top);
	scan(replayer, &request, &query, 1);
	wanted = wanted_items(replayer, &request, &n_wanted);
	return score_list(top, query.found, wanted, n_wanted);
}

static bool
is_among(const int32 *items, int n, int32 item)
{
	int			i;

	for (i = 0; i < n; i++)
		if (items[i] == item)
			return true;
	return false;
}

static void
describe_item(const Replayer *replayer, const Request *request, const RecoTopEntry *entry, RecoOutcome *outcome)
{
	int			c;

	outcome->score = entry->score;
	for (c = 0; c < RECO_COMPONENTS; c++)
		outcome->parts[c] = (float) reco_scoring_value(replayer->scoring, &request->scores, c, entry->item);
}

/* The best items of a case by a trial, and what came of them, if it has just that to go on. */
static void
sample(const Replayer *replayer, Request *request, const RecoTrial *trial, int most, RecoTrialList *list,
	   RecoOutcome *outcomes)
{
	RecoTopEntry *top = palloc(mul_size(most, sizeof(RecoTopEntry)));
	RecoTopQuery query;
	RecoMix		mix;
	const int32 *wanted;
	int			n_wanted;
	int			i;

	list->n = -1;
	set_scores(replayer, request, &trial->settings);
	if (reco_scoring_kind(&request->scores) != request->kind)
		return;
	(void) reco_scoring_mix(replayer->scoring, &request->scores, trial->weights, &mix);
	query = reco_scoring_query(&mix, replayer->skip, most, top);
	scan(replayer, request, &query, 1);
	wanted = wanted_items(replayer, request, &n_wanted);
	list->n = query.found;
	list->n_wanted = n_wanted;
	list->strength = reco_scoring_strength(&request->scores);
	for (i = 0; i < query.found; i++)
	{
		describe_item(replayer, request, &top[i], &outcomes[i]);
		outcomes[i].positive = is_among(wanted, n_wanted, top[i].item);
	}
}

/* --- blocks ------------------------------------------------------------------------------------------------ */

static RecoSparse
find_sparse(const RecoMember *member, const SparsePlace *place)
{
	return (RecoSparse) {
		place->rows, place->cols, reco_crew_address(member, place->start), reco_crew_address(member, place->index),
		reco_crew_address(member, place->weight)
	};
}

static RecoMatch
find_match(const RecoMember *member, const Arguments *args)
{
	return (RecoMatch) {
		find_sparse(member, &args->match_by_item), find_sparse(member, &args->match_by_value), args->n_match_fields,
		reco_crew_address(member, args->match_fields)
	};
}

static Replayer *
make_replayer(const RecoMember *member, const Arguments *args)
{
	MemoryContext context = AllocSetContextCreate(member->context, "reco held-out orders", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	Replayer   *replayer = palloc0(sizeof(Replayer));
	RecoScoringData data = {.factors = &replayer->factors};

	replayer->context = context;
	replayer->case_context = AllocSetContextCreate(context, "reco held-out order", ALLOCSET_DEFAULT_SIZES);
	replayer->run = member->run;
	replayer->factors = (RecoFactors) {
		args->items, args->factors, reco_crew_address(member, args->y), reco_crew_address(member, args->gram_diagonal),
		args->unobserved
	};
	replayer->complements = find_sparse(member, &args->complements);
	replayer->lift = find_sparse(member, &args->lift);
	data.lift = args->lift.rows > 0 ? &replayer->lift : NULL;
	data.prior = args->has_prior ? reco_crew_address(member, args->prior) : NULL;
	data.complements = args->complements.rows > 0 ? &replayer->complements : NULL;
	replayer->match = find_match(member, args);
	data.match = args->n_match_fields > 0 ? &replayer->match : NULL;
	data.trend = reco_crew_address(member, args->trend);
	data.popularity = reco_crew_address(member, args->popularity);
	data.order_mass = args->order_mass;
	data.sentiment = args->has_sentiment ? reco_crew_address(member, args->sentiment) : NULL;
	memcpy(replayer->event_weights, args->event_weights, sizeof(replayer->event_weights));
	data.event_weights = replayer->event_weights;
	data.n_events = args->n_events;
	replayer->scoring = reco_scoring_create(&data, &replayer->run);
	replayer->screen = args->has_screen ? reco_crew_address(member, args->screen) : NULL;
	replayer->skip = palloc_extended(mul_size((Size) args->items / 64 + 1, sizeof(uint64)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	replayer->cases.n = args->n_cases;
	replayer->cases.list = reco_crew_address(member, args->cases);
	replayer->cases.items = reco_crew_address(member, args->case_items);
	replayer->cases.lines = reco_crew_address(member, args->case_lines);
	replayer->cases.friends = reco_crew_address(member, args->case_friends);
	replayer->cases.reviews = reco_crew_address(member, args->case_reviews);
	replayer->cases.views = reco_crew_address(member, args->case_views);
	replayer->cases.labels = reco_crew_address(member, args->case_labels);
	replayer->cases.contexts = reco_crew_address(member, args->case_contexts);
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

/* A case under all trials, or as it is answered. */
void
reco_trials_case(RecoMember *member, const void *arguments, uint32 block)
{
	const Arguments *args = arguments;
	const Replayer *replayer = own_replayer(member, args);
	const RecoTrial *trials = args->n_trials > 0 ? reco_crew_address(member, args->trials) : NULL;
	RecoTrialScores *scores = (RecoTrialScores *) reco_crew_address(member, args->out) + block;
	const RecoCase *test = &replayer->cases.list[block];
	MemoryContext old_context = MemoryContextSwitchTo(replayer->case_context);

	if (args->as_answered)
		*scores = answer(replayer, test, trials, is_completion(args->kind));
	else
	{
		Request		request = make_request(replayer, test, args->kind);

		try_all(replayer, &request, trials, args->n_trials, scores, args->n_cases);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(replayer->case_context);
}

/* The best items of a case by one trial. */
void
reco_trials_sample(RecoMember *member, const void *arguments, uint32 block)
{
	const Arguments *args = arguments;
	const Replayer *replayer = own_replayer(member, args);
	RecoTrialList *lists = reco_crew_address(member, args->out);
	RecoOutcome *samples = reco_crew_address(member, args->samples);
	MemoryContext old_context = MemoryContextSwitchTo(replayer->case_context);
	Request		request = make_request(replayer, &replayer->cases.list[args->first_case + (int) block], args->kind);

	sample(replayer, &request, reco_crew_address(member, args->trials), args->most, &lists[block],
		   samples + (Size) block * args->most);
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

static Size
samples_bytes(int cases, int most)
{
	return mul_size(mul_size(cases, most), sizeof(RecoOutcome));
}

static Size
sparse_bytes(const RecoSparse *matrix)
{
	if (matrix->rows == 0)
		return 0;
	return add_size(mul_size((Size) matrix->rows + 1, sizeof(int64)),
					mul_size((Size) matrix->start[matrix->rows], sizeof(int32) + sizeof(float)));
}

/* Bytes of what all members see. */
static Size
shared_bytes(const RecoTrials *trials, int most_trials, int most_samples)
{
	const RecoCases *cases = &trials->cases;
	const RecoFactors *factors = &trials->factors;
	Size		sizes[] = {
		mul_size(factors->factors, sizeof(double)), mul_size(factors->items, 3 * sizeof(float)),
		reco_screen_size(factors->items, factors->factors),
		sparse_bytes(&trials->complements), sparse_bytes(&trials->lift),
		sparse_bytes(&trials->match.by_item), sparse_bytes(&trials->match.by_value),
		mul_size((Size) trials->match.n_fields + 1, sizeof(RecoMatchField)), 4 * RECO_CACHE_LINE,
		mul_size(cases->n_labels, sizeof(int32)), mul_size(cases->n_contexts, sizeof(*cases->contexts)),
		mul_size(mul_size(trials->prior_rows, reco_stride(trials->factors.factors)), sizeof(float)),
		mul_size(cases->n, sizeof(RecoCase)), mul_size(cases->n_items, sizeof(int32)), mul_size(cases->n_lines, sizeof(RecoLine)),
		mul_size(cases->n_friends, sizeof(RecoEntry)),
		mul_size(cases->n_reviews, sizeof(RecoReview)),
		mul_size(cases->n_views, sizeof(RecoView)),
		mul_size(mul_size(most_trials, cases->n), sizeof(RecoTrialScores)), mul_size(most_trials, sizeof(RecoTrial)),
		mul_size(cases->n, sizeof(RecoTrialList)), samples_bytes(cases->n, most_samples)
	};
	Size		bytes = 2 * lengthof(sizes) * RECO_CACHE_LINE;
	int			i;

	for (i = 0; i < (int) lengthof(sizes); i++)
		bytes = add_size(bytes, sizes[i]);
	return bytes;
}

/* Scans of many items go faster by a screen. */
static void
share_screen(RecoTrials *trials)
{
	const RecoFactors *factors = &trials->factors;
	Size		size = reco_screen_size(factors->items, factors->factors);
	const float *biases[RECO_BIASES] = {trials->trend, trials->popularity, trials->sentiment};
	RecoScreen *screen;

	if (factors->items < RECO_SCREEN_FEWEST)
		return;
	screen = (RecoScreen *) TYPEALIGN(RECO_CACHE_LINE, take(trials, add_size(size, RECO_CACHE_LINE), 1));
	reco_foldin_check_status(reco_screen_build(&reco_crew_leader(trials->crew)->run, factors->y, factors->items,
											   factors->factors, biases, screen), "making a screen");
	trials->screen = screen;
}

static void
share_sparse(RecoTrials *trials, RecoSparse *matrix)
{
	Size		entries;

	if (matrix->rows == 0)
		return;
	entries = (Size) matrix->start[matrix->rows];
	matrix->start = share(trials, matrix->start, (Size) matrix->rows + 1, sizeof(int64));
	matrix->index = share(trials, matrix->index, entries, sizeof(int32));
	matrix->weight = share(trials, matrix->weight, entries, sizeof(float));
}

static void
share_match(RecoTrials *trials)
{
	RecoMatch  *match = &trials->match;

	if (match->n_fields == 0)
		return;
	share_sparse(trials, &match->by_item);
	share_sparse(trials, &match->by_value);
	match->fields = share(trials, match->fields, (Size) match->n_fields + 1, sizeof(RecoMatchField));
}

/*
 * Begin trials on the cases, which have been filled in as has all before them; what is shared is copied.  Errors:
 * configuration_limit_exceeded.
 */
void
reco_trials_begin(RecoTrials *trials, RecoBudget *budget, int most_trials, int most_samples)
{
	RecoArena  *arena = reco_crew_arena(trials->crew);
	RecoCases  *cases = &trials->cases;
	RecoFactors *factors = &trials->factors;
	Size		bytes = shared_bytes(trials, most_trials, most_samples);

	trials->alone = arena->base != NULL && !reco_arena_has_room(arena, bytes);
	if (trials->alone)
		ereport(DEBUG1, (errmsg_internal("training: no shared memory for %zu bytes of held-out orders", bytes)));
	trials->mark = reco_arena_begin(arena, "held-out orders");
	if (arena->base == NULL)
		reco_budget_require(budget, bytes, "held-out orders");
	factors->gram_diagonal = share(trials, factors->gram_diagonal, factors->factors, sizeof(double));
	trials->popularity = share(trials, trials->popularity, factors->items, sizeof(float));
	trials->trend = share(trials, trials->trend, factors->items, sizeof(float));
	if (trials->sentiment != NULL)
		trials->sentiment = share(trials, trials->sentiment, factors->items, sizeof(float));
	share_sparse(trials, &trials->complements);
	share_match(trials);
	share_sparse(trials, &trials->lift);
	if (trials->prior != NULL)
		trials->prior = share(trials, trials->prior, mul_size(trials->prior_rows, reco_stride(factors->factors)), sizeof(float));
	share_screen(trials);
	cases->list = share(trials, cases->list, cases->n, sizeof(RecoCase));
	cases->items = share(trials, cases->items, cases->n_items, sizeof(int32));
	cases->lines = share(trials, cases->lines, cases->n_lines, sizeof(RecoLine));
	cases->friends = share(trials, cases->friends, cases->n_friends, sizeof(RecoEntry));
	cases->views = share(trials, cases->views, cases->n_views, sizeof(RecoView));
	cases->reviews = share(trials, cases->reviews, cases->n_reviews, sizeof(RecoReview));
	cases->labels = share(trials, cases->labels, cases->n_labels, sizeof(int32));
	cases->contexts = share(trials, cases->contexts, cases->n_contexts, sizeof(*cases->contexts));
}

static SparsePlace
place_sparse(const RecoMember *leader, const RecoSparse *matrix)
{
	return (SparsePlace) {
		matrix->rows, matrix->cols, reco_crew_place(leader, matrix->start), reco_crew_place(leader, matrix->index),
		reco_crew_place(leader, matrix->weight)
	};
}

static Arguments
describe(const RecoTrials *trials, const RecoTrial *list, int n, RecoEvidenceKind kind, const void *out)
{
	const RecoMember *leader = reco_crew_leader(trials->crew);
	Arguments	args = {.items = trials->factors.items,.factors = trials->factors.factors,
		.unobserved = trials->factors.unobserved,.order_mass = trials->order_mass,.n_cases = trials->cases.n,.kind = kind,.n_trials = n};

	args.y = reco_crew_place(leader, trials->factors.y);
	args.gram_diagonal = reco_crew_place(leader, trials->factors.gram_diagonal);
	args.popularity = reco_crew_place(leader, trials->popularity);
	args.trend = reco_crew_place(leader, trials->trend);
	args.has_screen = trials->screen != NULL;
	args.screen = reco_crew_place(leader, trials->screen);
	args.complements = place_sparse(leader, &trials->complements);
	args.lift = place_sparse(leader, &trials->lift);
	args.match_by_item = place_sparse(leader, &trials->match.by_item);
	args.match_by_value = place_sparse(leader, &trials->match.by_value);
	args.match_fields = reco_crew_place(leader, trials->match.fields);
	args.n_match_fields = trials->match.n_fields;
	args.cases = reco_crew_place(leader, trials->cases.list);
	args.case_items = reco_crew_place(leader, trials->cases.items);
	args.case_lines = reco_crew_place(leader, trials->cases.lines);
	args.case_friends = reco_crew_place(leader, trials->cases.friends);
	args.case_reviews = reco_crew_place(leader, trials->cases.reviews);
	args.has_sentiment = trials->sentiment != NULL;
	args.sentiment = reco_crew_place(leader, trials->sentiment);
	args.case_views = reco_crew_place(leader, trials->cases.views);
	memcpy(args.event_weights, trials->event_weights, sizeof(args.event_weights));
	args.n_events = trials->n_events;
	args.case_labels = reco_crew_place(leader, trials->cases.labels);
	args.case_contexts = reco_crew_place(leader, trials->cases.contexts);
	args.has_prior = trials->prior != NULL;
	args.prior = reco_crew_place(leader, trials->prior);
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

static void
score(RecoTrials *trials, const RecoTrial *list, int n, RecoEvidenceKind kind, bool as_answered, int scores_a_case,
	  RecoTrialScores *scores)
{
	RecoArena  *arena = reco_crew_arena(trials->crew);
	RecoArenaMark mark = reco_arena_begin(arena, "trials");
	Size		n_scores = mul_size(scores_a_case, trials->cases.n);
	RecoTrialScores *out = take(trials, n_scores, sizeof(RecoTrialScores));
	Arguments	args = describe(trials, n > 0 ? share(trials, list, n, sizeof(RecoTrial)) : NULL, n, kind, out);

	args.as_answered = as_answered;
	work(trials, RECO_WORK_CASES, &args, trials->cases.n, n > 0 ? trials->progress : NULL);
	reco_copy_bytes(scores, out, mul_size(n_scores, sizeof(RecoTrialScores)));
	if (trials->alone)
		reco_budget_free(arena->budget, out);
	reco_arena_end(arena, mark);
}

/*
 * The scores of n >= 1 trials on all cases that have just that to go on, NaN on the others: scores[t x cases + c].  A
 * basket alone every case has: its customer is not looked at.  Progress advances by the number of cases.
 */
void
reco_trials_score(RecoTrials *trials, const RecoTrial *list, int n, RecoEvidenceKind kind, RecoTrialScores *scores)
{
	score(trials, list, n, kind, false, n, scores);
}

/*
 * The scores of all cases as they are answered, each under the trial of list[kind] for what it has to go on, or by
 * popularity where that is nothing, or list is NULL.
 */
void
reco_trials_measure(RecoTrials *trials, const RecoTrial *list, bool completion, RecoTrialScores *scores)
{
	score(trials, list, list != NULL ? RECO_BLENDS : 0, completion ? RECO_EVIDENCE_BOTH : RECO_EVIDENCE_HISTORY, true, 1,
		  scores);
}

/*
 * The best items of a trial on the first cases, at most most_cases, that have just that to go on, at most most of each:
 * one list after the other.  In the budget's memory; returns the number of lists.
 */
int
reco_trials_list(RecoTrials *trials, const RecoTrial *trial, RecoEvidenceKind kind, int most, int most_cases,
				 RecoTrialList *lists, RecoOutcome *outcomes)
{
	RecoArena  *arena = reco_crew_arena(trials->crew);
	RecoArenaMark mark = reco_arena_begin(arena, "samples");
	int			most_blocks = Min(trials->cases.n, most_cases);
	RecoTrialList *out = take(trials, most_blocks, sizeof(RecoTrialList));
	RecoOutcome *out_samples = take(trials, mul_size(most_blocks, most), sizeof(RecoOutcome));
	Arguments	args = describe(trials, share(trials, trial, 1, sizeof(RecoTrial)), 1, kind, out);
	Size		n = 0;
	int			n_lists = 0;
	int			blocks;
	int			i;

	args.most = most;
	args.samples = reco_crew_place(reco_crew_leader(trials->crew), out_samples);
	for (; args.first_case < trials->cases.n && n_lists < most_blocks; args.first_case += blocks)
	{
		blocks = Min(trials->cases.n - args.first_case, most_blocks - n_lists);
		work(trials, RECO_WORK_SAMPLES, &args, blocks, NULL);
		for (i = 0; i < blocks; i++)
		{
			if (out[i].n < 0)
				continue;
			memcpy(outcomes + n, out_samples + (Size) i * most, out[i].n * sizeof(RecoOutcome));
			n += out[i].n;
			lists[n_lists] = out[i];
			lists[n_lists++].c = args.first_case + i;
		}
	}
	if (trials->alone)
	{
		reco_budget_free(arena->budget, out_samples);
		reco_budget_free(arena->budget, out);
	}
	reco_arena_end(arena, mark);
	return n_lists;
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
