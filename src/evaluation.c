/*
 * evaluation.c: gets everything ready for later orders to be asked again.
 *
 *	1. read all order lines (journal.c), and divide them into past and later orders (split.c);
 *	2. train the model on the past (retrain.c);
 *	3. try every setting of every other algorithm on the newest tenth of the past, with what came before that (for each
 *	   kind of request apart), and let it learn from the whole past with the best;
 *	4. add the model's variants (variants.c), which have its factors and choose nothing.
 *
 * Nothing is stored, and nothing is read but the sources: it is possible on a standby.
 */
#include "postgres.h"

#include "evaluation.h"

#include <math.h>

#include "access/xact.h"
#include "availability.h"
#include "check.h"
#include "consent.h"
#include "contents.h"
#include "guc.h"
#include "interrupts.h"
#include "metrics.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "rerank.h"
#include "retrain.h"
#include "train.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define TUNING_ORDERS 300		/* that settings are tried on, at most */
#define LEAST_TUNING_ORDERS 20	/* with fewer the first setting stands */
#define MAX_SETTINGS 64

static const RecoAlgorithm *const algorithms[] = {
	&reco_baseline_random,
	&reco_baseline_popularity,
	&reco_baseline_recent_popularity,
	&reco_baseline_repeats,
	&reco_baseline_repeats_popularity,
	&reco_baseline_customer_cosine,
	&reco_baseline_basket_cosine,
	&reco_baseline_customer_knn,
	&reco_baseline_user_knn,
	&reco_baseline_basket_knn,
	&reco_baseline_content,
	&reco_baseline_ials,
	&reco_baseline_hybrid,
};

/* The i-th that can be asked beside the model, algorithms first; false behind the last. */
bool
reco_evaluation_competitor(int i, RecoCompetitor *competitor)
{
	const RecoVariant *variant = reco_variants_get(Max(i - (int) lengthof(algorithms), 0));

	if (i < (int) lengthof(algorithms))
		*competitor = (RecoCompetitor) {
			algorithms[i]->name, algorithms[i]->summary, algorithms[i]->settings, algorithms[i]->needs_content
		};
	else if (variant != NULL)
		*competitor = (RecoCompetitor) {variant->name, variant->summary, 1, false};
	return i < (int) lengthof(algorithms) || variant != NULL;
}

RecoEvaluationOptions
reco_evaluation_options_default(void)
{
	return (RecoEvaluationOptions) {
		.k = 10,.split = reco_split_options_default(),.undated = true,.all_algorithms = true
	};
}

static double
seconds_since(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_DOUBLE(now);
}

/* --- reading ----------------------------------------------------------------------------------------------- */

/* A source of customers as it is where nothing without a time is used: what they consent to is asked all the same. */
static RecoSource *
without_features(const RecoSource *source)
{
	RecoSource *copy = palloc(sizeof(RecoSource));
	ListCell   *cell;

	*copy = *source;
	copy->columns = NIL;
	foreach(cell, source->columns)
		if (((RecoColumn *) lfirst(cell))->role != RECO_ROLE_FEATURES)
			copy->columns = lappend(copy->columns, lfirst(cell));
	return copy;
}

static void
prepare_reader(RecoEvaluation *e)
{
	ListCell   *cell;

	e->sources = reco_catalog_sources(e->row->name, RECO_READ_CALLER);
	reco_check_trainable(e->row, e->sources);
	e->reader.model = e->row->name;
	e->reader.owner = e->row->owner_oid;
	e->reader.timezone = e->row->timezone;
	e->reader.integer_keys = reco_sources_all_integer_keys(&e->reader, e->sources);
	e->reader.progress = e->progress;
	foreach(cell, e->sources)
	{
		RecoSource *source = lfirst(cell);
		bool		is_undated = source->kind == RECO_SOURCE_ITEMS || source->kind == RECO_SOURCE_USERS;

		if (is_undated && e->options.undated)
			e->undated = lappend(e->undated, source);
		if (source->kind != RECO_SOURCE_ITEMS && source->kind != RECO_SOURCE_REVIEWS && source->kind != RECO_SOURCE_OFFERS)
			e->beside = lappend(e->beside, is_undated && !e->options.undated ? without_features(source) : source);
	}
}

/*
 * Read a model's order lines and divide them, for its owner; without a model yet.  In the current memory context.
 * Errors: undefined_object, insufficient_privilege, object_not_in_prerequisite_state (no orders),
 * configuration_limit_exceeded, and what reading raises.
 */
RecoEvaluation *
reco_evaluation_read(const char *model, const RecoEvaluationOptions *options, RecoProgress *progress)
{
	RecoEvaluation *e = palloc0(sizeof(RecoEvaluation));
	TimestampTz now = GetCurrentTransactionStartTimestamp();

	e->options = *options;
	e->progress = progress;
	e->row = reco_catalog_find_model(model, RECO_READ_CALLER, false);
	reco_catalog_require(e->row, RECO_ACCESS_OWNER);
	e->model_options = reco_catalog_options(e->row);
	e->options.split.until = Min(e->options.split.until, now + 1);
	prepare_reader(e);
	e->contestants = palloc0(mul_size(lengthof(algorithms) + RECO_VARIANTS + 1, sizeof(RecoContestant)));
	e->rivals = palloc0(mul_size(lengthof(algorithms) + RECO_VARIANTS + 1, sizeof(RecoRival)));
	e->budget = reco_budget_create(CurrentMemoryContext, "evaluation", (Size) maintenance_work_mem * 1024);
	e->run = reco_foldin_run(reco_kernels_choose(reco_guc_kernel));
	reco_progress_phase(progress, RECO_PHASE_READING, RECO_PROGRESS_UNKNOWN);
	e->reader.gate = reco_consent_gate(reco_consent_read_all(e->budget, &e->reader, e->sources, e->model_options.default_consent),
									   RECO_CONSENT_TO_LEARNING);
	e->journal = reco_journal_read(e->budget, &e->reader, e->sources, now + 1);
	e->split = reco_split_make(e->journal, &e->options.split);
	return e;
}

/* --- the model --------------------------------------------------------------------------------------------- */

static const int32 *
number_items(const RecoEvaluation *e, const RecoModel *model)
{
	int32		n = reco_idmap_count(e->journal->items);
	int32	   *numbers = reco_budget_alloc(e->budget, n, sizeof(int32), "items");
	int32		i;

	for (i = 0; i < n; i++)
	{
		RecoValue	value = reco_idmap_key(e->journal->items, i);
		RecoKey		key = {value.integer, value.bytes, value.length};

		RECO_CHECK_INTERRUPTS(i);
		numbers[i] = reco_answering_find_item(model, &key);
	}
	return numbers;
}

/* What the shop does not have now: a bitmap, or NULL where nobody asks; and what pieces bring now, where that is wanted. */
static const uint64 *
read_shop(RecoEvaluation *e, RecoAnswering *a)
{
	const uint64 *unavailable = NULL;

	a->reader = e->reader;
	a->sources = e->undated;
	if (reco_availability_is_asked(a))
		unavailable = reco_availability_unavailable(a);
	if (e->options.value_weight > 0 || e->options.with_values)
	{
		a->unit_kind = reco_rerank_unit_kind(a);
		a->units = reco_rerank_all_units(a);
	}
	a->sources = NIL;
	return unavailable;
}

/*
 * Let a model be the one that is asked, and number everything by its items.
 */
void
reco_evaluation_set_model(RecoEvaluation *e, const RecoModel *model)
{
	RecoAnswering *a = reco_answering_create(model, e->run.kernels, DT_NOBEGIN);

	a->options = e->model_options;
	a->reader.timezone = e->reader.timezone;
	e->model = model;
	e->model_item = number_items(e, model);
	e->replay = (RecoReplay) {
		.tests = e->split.tests,.items = model->items,.model_item = e->model_item,.k = e->options.k,
			.history_limit = e->model_options.history_limit,.progress = e->progress
	};
	e->replay.judgements = reco_judgements_read(e->journal, &e->reader, e->sources, model, e->model_item);
	e->replay.unavailable = read_shop(e, a);
	a->sources = e->beside;
	a->reader = e->reader;
	a->reader.progress = NULL;
	a->reader.gate = NULL;
	e->replay.situations = reco_replay_situations(e->split.tests, e->model_item, e->model_options.history_limit);
	e->contestants[0] = (RecoContestant) {.name = RECO_EVALUATION_MODEL,.answering = a,.value_weight = e->options.value_weight};
	e->n_contestants = 1;
}

static int32
find_item(void *arg, const RecoKey *key)
{
	return reco_answering_find_item(arg, key);
}

/* --- rivals ------------------------------------------------------------------------------------------------ */

static void
set_learning(const RecoEvaluation *e, RecoPast *past)
{
	past->content = e->content;
	past->factors = e->model_options.factors;
	past->unobserved = e->model_options.unobserved_weight;
	past->regularization = reco_train_regularization(&e->model_options, e->model->items);
	past->seed = (uint64) e->model_options.seed;
}

/* Gathers nDCG by kind of request. */
typedef struct Trial
{
	int			k;
	double		ndcg[RECO_REQUEST_KINDS];
	int			n[RECO_REQUEST_KINDS];
} Trial;

static void
receive_trial(void *arg, int contestant, const RecoReply *reply)
{
	Trial	   *trial = arg;

	trial->ndcg[reply->kind] += reco_metrics_ndcg(reply->hit, reply->n, trial->k, reply->n_wanted);
	trial->n[reply->kind]++;
}

/* What settings are tried on. */
typedef struct Tuning
{
	RecoPast   *past;
	RecoReplay	replay;
} Tuning;

/* Mean nDCG@k of a setting, for each kind of request. */
static void
try_setting(RecoEvaluation *e, const Tuning *tuning, const RecoAlgorithm *algorithm, int setting, double *ndcg)
{
	Trial		trial = {.k = e->options.k};
	RecoContestant contestant = {.name = algorithm->name,.algorithm = algorithm};
	MemoryContext outer = reco_budget_begin(e->budget, "setting");
	MemoryContext caller = MemoryContextSwitchTo(e->budget->current);
	void	   *fitted = algorithm->fit(tuning->past, setting);
	int			kind;

	for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
		contestant.fitted[kind] = fitted;
	reco_replay_run(&tuning->replay, &contestant, 1, receive_trial, &trial);
	for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
		ndcg[kind] = trial.n[kind] > 0 ? trial.ndcg[kind] / trial.n[kind] : 0;
	MemoryContextSwitchTo(caller);
	reco_budget_end(e->budget, outer);
}

static void
tune(RecoEvaluation *e, const Tuning *tuning, RecoRival *rival)
{
	double		best[RECO_REQUEST_KINDS];
	int			kind;
	int			s;

	for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
	{
		best[kind] = -1;
		rival->setting[kind] = 0;
	}
	rival->chosen = rival->algorithm->settings > 1 && tuning->replay.tests->n >= LEAST_TUNING_ORDERS;
	for (s = 0; s < rival->algorithm->settings; s++)
	{
		double		ndcg[RECO_REQUEST_KINDS];

		reco_progress_advance(e->progress, 1);
		if (!rival->chosen)
			continue;
		try_setting(e, tuning, rival->algorithm, s, ndcg);
		for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
			if (ndcg[kind] > best[kind])
			{
				best[kind] = ndcg[kind];
				rival->setting[kind] = s;
			}
	}
}

typedef struct Ranked
{
	int32		item;
	float		score;
} Ranked;

static int
compare_ranked(const void *a, const void *b)
{
	const Ranked *x = a;
	const Ranked *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

/* What is popular lately, best first. */
static void
set_fallback(RecoEvaluation *e, const RecoPast *past, int setting, RecoReplay *replay)
{
	static const RecoSituation nobody = {0};
	float	   *scores = reco_budget_alloc(e->budget, past->items, sizeof(float), "baselines");
	Ranked	   *ranked = reco_budget_alloc(e->budget, past->items, sizeof(Ranked), "baselines");
	int32	   *fallback = reco_budget_alloc(e->budget, past->items, sizeof(int32), "baselines");
	int			n = 0;
	int32		i;

	for (i = 0; i < past->items; i++)
		scores[i] = -INFINITY;
	reco_baseline_recent_popularity.score(reco_baseline_recent_popularity.fit(past, setting), &nobody, scores);
	for (i = 0; i < past->items; i++)
		if (scores[i] > -INFINITY)
			ranked[n++] = (Ranked) {i, scores[i]};
	qsort(ranked, n, sizeof(Ranked), compare_ranked);
	for (i = 0; i < n; i++)
		fallback[i] = ranked[i].item;
	reco_budget_free(e->budget, scores);
	reco_budget_free(e->budget, ranked);
	replay->fallback = fallback;
	replay->n_fallback = n;
}

static void
fit_rival(RecoEvaluation *e, const RecoRival *rival, RecoContestant *contestant)
{
	MemoryContext caller = MemoryContextSwitchTo(e->budget->current);
	int			kind;
	int			other;

	contestant->name = rival->algorithm->name;
	contestant->algorithm = rival->algorithm;
	for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
	{
		for (other = 0; other < kind && rival->setting[other] != rival->setting[kind]; other++)
			;
		contestant->fitted[kind] = other < kind ? contestant->fitted[other]
			: rival->algorithm->fit(e->past, rival->setting[kind]);
	}
	MemoryContextSwitchTo(caller);
}

static bool
is_asked_for(const RecoEvaluation *e, const char *name)
{
	ListCell   *cell;

	if (e->options.all_algorithms)
		return true;
	foreach(cell, e->options.algorithms)
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

static bool
is_wanted(const RecoEvaluation *e, const RecoAlgorithm *algorithm)
{
	return is_asked_for(e, algorithm->name) && (!algorithm->needs_content || e->content != NULL);
}

static Tuning
begin_tuning(RecoEvaluation *e)
{
	RecoSplitOptions options = e->options.split;
	RecoSplit	inner;
	Tuning		tuning = {.replay = e->replay};

	options.orders = TUNING_ORDERS;
	inner = reco_split_inner(e->journal, &e->split, &options);
	tuning.past = reco_past_build(e->journal, &inner.past, e->model_item, e->model->items, &e->run);
	set_learning(e, tuning.past);
	tuning.replay.tests = inner.tests;
	tuning.replay.situations = reco_replay_situations(inner.tests, e->model_item, e->model_options.history_limit);
	tuning.replay.progress = NULL;
	return tuning;
}

/* Tune all algorithms that are wanted, and let them learn from the whole past. */
static void
add_rivals(RecoEvaluation *e)
{
	Tuning		tuning = begin_tuning(e);
	RecoRival	recent = {.algorithm = &reco_baseline_recent_popularity};
	int64		settings = recent.algorithm->settings;
	int			i;

	e->past = reco_past_build(e->journal, &e->split.past, e->model_item, e->model->items, &e->run);
	set_learning(e, e->past);
	for (i = 0; i < (int) lengthof(algorithms); i++)
		settings += is_wanted(e, algorithms[i]) ? algorithms[i]->settings : 0;
	reco_progress_phase(e->progress, RECO_PHASE_TUNING, settings);
	tune(e, &tuning, &recent);
	set_fallback(e, tuning.past, recent.setting[RECO_REQUEST_NEXT], &tuning.replay);
	set_fallback(e, e->past, recent.setting[RECO_REQUEST_NEXT], &e->replay);
	for (i = 0; i < (int) lengthof(algorithms); i++)
	{
		RecoRival  *rival = &e->rivals[e->n_contestants];
		instr_time	start;

		if (!is_wanted(e, algorithms[i]))
			continue;
		INSTR_TIME_SET_CURRENT(start);
		rival->algorithm = algorithms[i];
		tune(e, &tuning, rival);
		fit_rival(e, rival, &e->contestants[e->n_contestants]);
		rival->seconds = seconds_since(start);
		e->n_contestants++;
	}
}

/* Those that are wanted are asked where they can differ: a next basket has no basket to go by. */
static void
add_variants(RecoEvaluation *e)
{
	const RecoVariant *variant;
	int			i;

	for (i = 0; (variant = reco_variants_get(i)) != NULL; i++)
	{
		bool		completion = reco_variants_is_another(variant, e->model, RECO_EVIDENCE_BASKET) ||
			reco_variants_is_another(variant, e->model, RECO_EVIDENCE_BOTH);
		bool		next = reco_variants_is_another(variant, e->model, RECO_EVIDENCE_HISTORY);

		if (is_asked_for(e, variant->name) && (completion || next))
			e->contestants[e->n_contestants++] = (RecoContestant) {
				.name = variant->name,.variant = variant,
				.answering = reco_variants_answering(variant, e->contestants[0].answering),
				.silent = {[RECO_REQUEST_COMPLETION] = !completion,[RECO_REQUEST_NEXT] = !next}
			};
	}
}

/* --- the whole --------------------------------------------------------------------------------------------- */

static void
report_nothing(const RecoEvaluation *e)
{
	ereport(NOTICE,
			(errmsg("model \"%s\" cannot be evaluated: there are no later orders to ask about", e->row->name),
			 errhint("Give another cut, or wait for more orders.")));
}

/* Whether anybody goes by what items are made of. */
static bool
wants_content(const RecoEvaluation *e)
{
	int			i;

	for (i = 0; i < (int) lengthof(algorithms); i++)
		if (algorithms[i]->needs_content && is_asked_for(e, algorithms[i]->name))
			return true;
	return false;
}

/*
 * After reading: train the model on the past, and let its rivals learn.  False, and a notice why, where there are no later
 * orders to ask about, and so no model.  Errors: those of training.
 */
bool
reco_evaluation_learn(RecoEvaluation *e)
{
	const RecoContentsOptions all_terms = {1, PG_INT32_MAX};
	instr_time	start;

	if (e->split.tests->n == 0)
	{
		report_nothing(e);
		return false;
	}
	INSTR_TIME_SET_CURRENT(start);
	reco_evaluation_set_model(e, reco_retrain(e->journal, &e->split.past, &e->model_options, &e->reader, e->sources,
											  e->undated, e->progress));
	e->training_seconds = seconds_since(start);
	if (wants_content(e))
		e->content = reco_contents_read(e->budget, &e->reader, e->undated, e->model->items, find_item,
										unconstify(RecoModel *, e->model), &all_terms, NULL);
	add_rivals(e);
	add_variants(e);
	e->replay.with_auc = true;
	reco_progress_phase(e->progress, RECO_PHASE_REPLAYING, e->split.tests->n);
	return true;
}

/*
 * Both steps: the model of the past and its rivals, ready to be asked.  Errors as of both.
 */
RecoEvaluation *
reco_evaluation_begin(const char *model, const RecoEvaluationOptions *options, RecoProgress *progress)
{
	RecoEvaluation *e = reco_evaluation_read(model, options, progress);

	(void) reco_evaluation_learn(e);
	return e;
}
