/*
 * train.c: trains a model, from the sources to its factors and parameters.
 *
 *	1. read the sources (interactions.c), with the lines' arrays as the only large memory;
 *	2. say what the rest needs, and compare it with the limit before taking it;
 *	3. fit factors to what is older than the newest tenth of the orders, and choose the serving parameters on that
 *	   tenth (holdout.c);
 *	4. fit on with all orders, starting from those factors, with as many iterations as did that tenth any good
 *	   (stopping.c); before each fit, from the same bags, what goes with what (fit_complements.c);
 *	5. rotate the factors so that serving needs no Gram matrix.
 *
 * No customer appears in the result: bags are rows of the matrix that is factorized, and their factors are thrown away.
 *
 * Everything that a sum depends on is in an order that comes from the keys and times alone: the same rows give the same
 * bits, whatever the order of their arrival.
 */
#include "postgres.h"

#include "train.h"

#include <math.h>

#include "attributes.h"
#include "bags.h"
#include "budget.h"
#include "cases.h"
#include "conversion.h"
#include "consent.h"
#include "crew.h"
#include "fit.h"
#include "fit_complements.h"
#include "foldin.h"
#include "guc.h"
#include "ials.h"
#include "interrupts.h"
#include "kernels.h"
#include "popularity.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"

#define MEGABYTE ((Size) 1024 * 1024)
#define REGULARIZATION 0.003	/* of models with many items */
#define MANY_ITEMS 3000
#define FEW_ITEMS 20
#define PRIVATE_BYTES (4 * MEGABYTE)	/* for what does not grow with the lines: trials and their scores */

typedef struct Trainer
{
	const RecoOptions *options;
	RecoOptions settled;		/* they point here when nothing but held-out orders is left to decide */
	bool		quiet;
	RecoProgress *progress;		/* NULL: nobody is told */
	RecoBudget *budget;
	RecoInteractions *interactions;
	RecoReviews *reviews;		/* NULL: none, as the next */
	RecoGroups *groups;
	RecoSegments *segments;
	const RecoKernels *kernels;
	RecoIalsOptions ials;
	RecoCrew   *crew;			/* the processes that train */
	RecoFit    *fit;
	const double *kept;			/* parameters of another training; NULL: none */
	RecoComplementsOptions complements_options;
	Size		pairs;			/* of items in orders, see complements.h */
	RecoFitComplements *fit_complements;
	RecoSparse	complements;	/* of the last fit's bags, where the whole crew sees it */
	uint32		evidence;		/* bits of RecoStrengthKind */
	RecoAttributes *attributes; /* NULL: none */
	int			iterations;		/* of a fit: the first may find that fewer are enough */
	float		event_weights[RECO_MAX_EVENT_KINDS];
	int			n_events;
	double		popularity_trust;
	double	   *seconds;		/* by stage */
	instr_time	stage_start;
} Trainer;

static const char *const stage_names[RECO_STAGES] = {"read", "sort", "first_fit", "choose", "fit", "complements"};

const char *
reco_train_stage_name(RecoStage stage)
{
	return stage_names[stage];
}

/* A stage ends, and the next begins. */
static void
end_stage(Trainer *trainer, RecoStage stage)
{
	instr_time	now;
	instr_time	elapsed;

	INSTR_TIME_SET_CURRENT(now);
	elapsed = now;
	INSTR_TIME_SUBTRACT(elapsed, trainer->stage_start);
	trainer->seconds[stage] += INSTR_TIME_GET_DOUBLE(elapsed);
	trainer->stage_start = now;
}

/* --- reading ----------------------------------------------------------------------------------------------- */

/* Kinds of which every row is read. */
static bool
is_learned_from(const RecoSource *source)
{
	return source->kind == RECO_SOURCE_ORDERS || source->kind == RECO_SOURCE_ITEMS || source->kind == RECO_SOURCE_REVIEWS ||
		source->kind == RECO_SOURCE_SESSIONS;
}

/* Whether any row of it is looked at. */
static bool
is_read(const RecoSource *source)
{
	return is_learned_from(source) || source->kind == RECO_SOURCE_SOCIAL ||
		(source->kind == RECO_SOURCE_USERS && reco_definitions_column(source, RECO_ROLE_CONSENT) != NULL);
}

static void
announce_reading(const RecoTraining *training)
{
	double		rows = 0;
	double		lines = 0;
	bool		all_known = true;
	ListCell   *cell;

	foreach(cell, training->sources)
	{
		const RecoSource *source = lfirst(cell);
		double		estimate;

		if (!is_read(source))
			continue;
		estimate = reco_sources_estimate_rows(source);
		rows += estimate;
		all_known &= estimate > 0;
		if (source->kind != RECO_SOURCE_ITEMS)
			lines += estimate;
	}
	reco_progress_phase(training->progress, RECO_PHASE_READING, all_known ? (int64) rows : RECO_PROGRESS_UNKNOWN);
	if (lines > 0)
		ereport(NOTICE,
				(errmsg("reading about %.0f order lines needs about %.0f MB of memory; maintenance_work_mem is %zu MB",
						lines, lines * 2 * sizeof(RecoLine) / (double) MEGABYTE + 1, training->memory_limit / MEGABYTE)));
}

static void
report_skipped(const RecoInteractions *interactions)
{
	const RecoIngestCounts *counts = &interactions->counts;

	if (reco_interactions_skipped(interactions) > 0)
		ereport(NOTICE,
				(errmsg(INT64_FORMAT " of " INT64_FORMAT " order lines count nothing",
						reco_interactions_skipped(interactions), counts->rows),
				 errdetail(INT64_FORMAT " have no item, " INT64_FORMAT " no finite time, " INT64_FORMAT
						   " no finite quantity other than 0, " INT64_FORMAT " are later than the training clock%s.",
						   counts->no_item, counts->bad_time, counts->bad_quantity, counts->too_late,
						   interactions->withheld == 0 ? ""
						   : psprintf(", " INT64_FORMAT " are of customers who do not consent", interactions->withheld))));
}

/* What strengths there may be evidence of. */
static uint32
evidence_of(List *sources)
{
	static const uint32 of_kind[RECO_SOURCE_KINDS] = {
		[RECO_SOURCE_REVIEWS] = 1u << RECO_STRENGTH_STARS,
		[RECO_SOURCE_SESSIONS] = 1u << RECO_STRENGTH_SESSION | 1u << RECO_STRENGTH_SESSION_DECAY,
		[RECO_SOURCE_SOCIAL] = 1u << RECO_STRENGTH_FRIENDS
	};
	uint32		evidence = 0;
	ListCell   *cell;

	foreach(cell, sources)
		evidence |= of_kind[((const RecoSource *) lfirst(cell))->kind];
	return evidence;
}

/* What customers think of items, and what items have in common that says more of it. */
static void
read_reviews(Trainer *trainer, const RecoTraining *training, TimestampTz before)
{
	RecoReviewsOptions options = {.before = before};

	trainer->reviews = reco_reviews_read(trainer->budget, training->reader, training->sources, &options);
	if (trainer->reviews != NULL)
		trainer->groups = reco_groups_read(trainer->budget, training->reader, training->sources);
}

static void
number_reviews(Trainer *trainer)
{
	if (trainer->reviews == NULL)
		return;
	reco_reviews_number(trainer->reviews, trainer->interactions->users, trainer->interactions->items);
	reco_groups_number(trainer->groups, trainer->interactions->items);
}

static void
report_skipped_events(const RecoSessions *sessions)
{
	const RecoSessionCounts *counts = &sessions->counts;

	if (counts->incomplete + counts->too_late > 0)
		ereport(NOTICE,
				(errmsg(INT64_FORMAT " of " INT64_FORMAT " session events count nothing", counts->incomplete + counts->too_late,
						counts->rows),
				 errdetail(INT64_FORMAT " have no session, no item or no finite time, " INT64_FORMAT
						   " are later than the training clock.", counts->incomplete, counts->too_late)));
}

static void
read_sources(Trainer *trainer, const RecoTraining *training)
{
	RecoInteractions *interactions = reco_interactions_create(trainer->budget, training->reader->integer_keys);
	TimestampTz before = reco_train_before(&training->options, training->now);
	ListCell   *cell;

	interactions->contexts = reco_segments_contexts(trainer->budget, training->reader, training->sources);
	foreach(cell, training->sources)
	{
		const RecoSource *source = lfirst(cell);

		if (source->kind == RECO_SOURCE_ORDERS)
			reco_interactions_read_orders(interactions, training->reader, source, before);
		else if (source->kind == RECO_SOURCE_SESSIONS)
			reco_interactions_read_sessions(interactions, training->reader, source, before);
		else if (source->kind == RECO_SOURCE_ITEMS)
			reco_interactions_read_items(interactions, training->reader, source);
	}
	read_reviews(trainer, training, before);
	if (interactions->sessions != NULL && !reco_definitions_has_orders(training->sources))
		reco_interactions_order_sessions(interactions);
	trainer->interactions = interactions;
	trainer->evidence = evidence_of(training->sources);
	end_stage(trainer, RECO_STAGE_READ);
	reco_progress_phase(training->progress, RECO_PHASE_SORTING, RECO_PROGRESS_UNKNOWN);
	reco_interactions_finish(interactions);
	number_reviews(trainer);
	report_skipped(interactions);
	if (interactions->sessions != NULL)
		report_skipped_events(interactions->sessions);
	trainer->segments = reco_segments_make(interactions, training->reader, training->sources, training->options.min_support);
	end_stage(trainer, RECO_STAGE_SORT);
	interactions->ties = reco_ties_read(trainer->budget, training->reader, training->sources, interactions->users);
	end_stage(trainer, RECO_STAGE_READ);
}

/* --- fitting ----------------------------------------------------------------------------------------------- */

static Size
item_bytes(const Trainer *trainer)
{
	return mul_size(mul_size(reco_idmap_count(trainer->interactions->items), reco_stride(trainer->ials.factors)), sizeof(float));
}

/* Bytes of the complements themselves, at most. */
static Size
complements_bytes(const Trainer *trainer)
{
	return reco_fit_complements_model_memory(&trainer->complements_options, reco_idmap_count(trainer->interactions->items),
											 trainer->pairs);
}

/* Bags as the options say, of orders and sessions before a time. */
static RecoBagOptions
bag_options(const Trainer *trainer, TimestampTz before, TimestampTz clock)
{
	const RecoOptions *options = trainer->options;

	return (RecoBagOptions) {before, clock, options->order_half_life, options->customer_half_life,
		options->customer_weight, options->session_weight, trainer->event_weights};
}

/* What is known of the items, once they have their numbers. */
static void
read_attributes(Trainer *trainer, const RecoReader *reader, List *sources)
{
	const RecoInteractions *interactions = trainer->interactions;
	const RecoBagOptions options = bag_options(trainer, DT_NOEND, DT_NOEND);

	if (sources != NIL)
		trainer->attributes = reco_attributes_read(interactions, reader, sources, reco_bags_most(interactions, &options));
}

/*
 * Bytes that the fits need beside the lines, at most: bags in both directions, factors, complements, workspace.  Making
 * complements and the factors of bags come one after the other.
 */
static Size
fitting_memory(const Trainer *trainer)
{
	const RecoInteractions *interactions = trainer->interactions;
	Size		items = reco_idmap_count(interactions->items);
	Size		row = mul_size(reco_stride(trainer->ials.factors), sizeof(float));
	Size		events = interactions->sessions != NULL ? interactions->sessions->n_events : 0;
	RecoBagOptions options = bag_options(trainer, DT_NOEND, DT_NOEND);
	Size		bags = reco_bags_most(interactions, &options);
	Size		entries = add_size(mul_size(interactions->n_lines, trainer->options->customer_weight > 0 ? 2 : 1), events);
	Size		bytes = mul_size(entries, 2 * (sizeof(int32) + sizeof(float)));

	bytes = add_size(bytes, mul_size(add_size(bags, items), sizeof(int64)));
	bytes = add_size(bytes, Max(mul_size(bags, row),
								reco_fit_complements_memory(&trainer->complements_options, items, trainer->pairs)));
	bytes = add_size(bytes, add_size(mul_size(items, row), complements_bytes(trainer)));
	/* When the model is written down, bags and their factors are gone, but the rest is there twice. */
	bytes = Max(bytes, mul_size(2, add_size(mul_size(items, add_size(row, 2 * sizeof(int64))), complements_bytes(trainer))));
	bytes = add_size(bytes, reco_fit_complements_member_memory(&trainer->complements_options, items));
	bytes = add_size(bytes, reco_segments_memory(trainer->segments, trainer->interactions));
	return add_size(bytes, reco_ials_workspace_size(&trainer->ials));
}

/*
 * Bytes that the leader takes of its own beside memory shared for all fits, at most at a time: while bags are built, for
 * held-out orders (of which there are more than a quarter of the lines in odd data only), and for the item factors and
 * complements once more when that memory goes.
 */
static Size
private_memory(const Trainer *trainer)
{
	const RecoInteractions *interactions = trainer->interactions;
	Size		bags = add_size(mul_size(interactions->n_orders, sizeof(int64)), mul_size(interactions->n_lines, sizeof(int32)));
	Size		cases = mul_size(interactions->n_lines / 4, RECO_CASES_LINE_BYTES);

	cases = add_size(cases, mul_size(reco_idmap_count(interactions->users), sizeof(int64)));
	cases = Max(cases, reco_conversion_memory(interactions));
	return add_size(Max(Max(bags, cases), add_size(item_bytes(trainer), complements_bytes(trainer))),
					add_size(reco_segments_memory(trainer->segments, interactions), PRIVATE_BYTES));
}

/* Bytes of memory for all processes that the fits take, at most at a time. */
static Size
shared_memory(const Trainer *trainer, Size bags, Size items, Size entries)
{
	Size		without_bags = reco_fit_memory(&trainer->ials, 0, items);
	Size		bytes = add_size(reco_bags_memory(bags, items, entries), without_bags);

	bytes = add_size(bytes, complements_bytes(trainer));
	return add_size(bytes, Max(reco_fit_memory(&trainer->ials, bags, items) - without_bags,
							   reco_fit_complements_memory(&trainer->complements_options, items, trainer->pairs)));
}

/* Multiplications of the larger fit, about. */
static double
estimate_work(const Trainer *trainer, Size bags, Size items, Size entries)
{
	return reco_fit_estimate_work(&trainer->ials, bags, entries, trainer->options->iterations) +
		reco_fit_complements_estimate_work(&trainer->complements_options, items, trainer->pairs);
}

/* Begin with random item factors, in memory for all processes where others are to help: the most that any fit takes. */
static void
begin_fitting(Trainer *trainer)
{
	const RecoInteractions *interactions = trainer->interactions;
	Size		items = reco_idmap_count(interactions->items);
	RecoBagOptions options = bag_options(trainer, DT_NOEND, DT_NOEND);
	Size		bags = reco_bags_most(interactions, &options);
	Size		entries = reco_bags_most_entries(interactions, &options);
	Size		bytes = fitting_memory(trainer);
	Size		member = add_size(reco_fit_member_memory(&trainer->ials),
								  reco_fit_complements_member_memory(&trainer->complements_options, items));

	if (!trainer->quiet)
		ereport(NOTICE,
				(errmsg("training needs at most %zu MB of memory",
						(MemoryContextMemAllocated(trainer->budget->context, true) + bytes) / MEGABYTE + 1)));
	reco_budget_require(trainer->budget, bytes, "bags and factors");
	trainer->crew = reco_crew_begin(trainer->budget, trainer->kernels, estimate_work(trainer, bags, items, entries),
									shared_memory(trainer, bags, items, entries), member, private_memory(trainer));
	trainer->fit = reco_fit_begin(trainer->crew, &trainer->ials, (int32) items);
	trainer->fit_complements = reco_fit_complements_begin(trainer->crew, &trainer->complements_options, (int32) items,
														  trainer->pairs);
}

/* What kinds of events are worth, by the orders before a time; where sessions are the orders, all the same. */
static void
learn_event_weights(Trainer *trainer, TimestampTz before)
{
	const RecoInteractions *interactions = trainer->interactions;
	int			k;

	if (interactions->sessions == NULL)
		return;
	trainer->n_events = reco_sessions_n_kinds(interactions->sessions);
	if (!interactions->sessions_are_orders)
		reco_conversion_learn(interactions, interactions->sessions, before, trainer->event_weights);
	else
		for (k = 0; k < trainer->n_events; k++)
			trainer->event_weights[k] = 1;
}

/*
 * Fit the factors to the orders before a time, going on from where they are, and make complements of these orders; returns
 * the number of bags.  The last fit
 * gives the lines' memory back before it takes that of the bags' factors.
 */
static int32
fit(Trainer *trainer, TimestampTz before, TimestampTz clock, bool is_last)
{
	RecoBagOptions options = bag_options(trainer, before, clock);
	RecoArena  *arena = reco_crew_arena(trainer->crew);
	RecoStopping *stopping = is_last ? NULL :
		reco_stopping_create(trainer->interactions, before, trainer->options->regularization, trainer->options->seed);
	RecoArenaMark mark;
	RecoBags	bags;
	int			iterations;

	learn_event_weights(trainer, before);
	reco_segments_learn(trainer->segments, trainer->interactions, before, clock, trainer->options->customer_half_life);
	mark = reco_arena_begin(arena, "fit");
	reco_bags_build(trainer->interactions, &options, arena, &bags);
	if (is_last)
		reco_interactions_free_lines(trainer->interactions);
	end_stage(trainer, is_last ? RECO_STAGE_FIT : RECO_STAGE_FIRST_FIT);
	trainer->complements = reco_fit_complements_run(trainer->fit_complements, &bags,
													is_last ? RECO_PHASE_COMPLEMENTS : RECO_PHASE_FIRST_COMPLEMENTS,
													trainer->progress);
	end_stage(trainer, RECO_STAGE_COMPLEMENTS);
	reco_progress_phase(trainer->progress, is_last ? RECO_PHASE_FITTING : RECO_PHASE_FIRST_FIT, trainer->iterations);
	/* Without bags the factors would stay the random start, and rank items by nothing. */
	if (bags.n_bags == 0 && is_last)
		memset(trainer->fit->item_factors, 0, item_bytes(trainer));
	iterations = reco_fit_run(trainer->fit, &bags, reco_fit_bag_factors(trainer->fit, bags.n_bags), trainer->iterations, stopping,
							  trainer->progress);
	if (bags.n_bags > 0)
		trainer->iterations = iterations;
	reco_arena_end(arena, mark);
	return bags.n_bags;
}

/* Items without a purchase get factors by their attributes; orders, of all items, are those of the fit. */
static void
fill_new_items(Trainer *trainer, const float *orders)
{
	if (trainer->attributes != NULL)
		reco_attributes_fill(trainer->attributes, orders, trainer->ials.factors, trainer->fit->item_factors,
							 reco_crew_arena(trainer->crew), &reco_crew_leader(trainer->crew)->run);
}

/* In how many orders items were before a time; NULL where nobody asks. */
static float *
count_orders(Trainer *trainer, TimestampTz before)
{
	if (trainer->attributes == NULL)
		return NULL;
	return reco_popularity_orders(trainer->interactions, before, trainer->interactions->clock, INFINITY);
}

/* What items have in common as the orders before a time tell. */
static RecoMatch
match_attributes(Trainer *trainer, TimestampTz before, TimestampTz clock)
{
	if (trainer->attributes == NULL)
		return (RecoMatch) {.n_fields = 0};
	return reco_attributes_match(trainer->attributes, trainer->interactions, before, clock,
								 &reco_crew_leader(trainer->crew)->run);
}

static void *
copy_array(Trainer *trainer, const void *array, Size count, Size size)
{
	void	   *copy = reco_budget_alloc(trainer->budget, count, size, "complements");

	reco_copy_bytes(copy, array, mul_size(count, size));
	return copy;
}

/* Out of memory that goes with the crew. */
static void
keep_complements(Trainer *trainer, RecoSparse *complements)
{
	int64		entries;

	if (complements->rows == 0)
		return;
	entries = complements->start[complements->rows];
	complements->start = copy_array(trainer, complements->start, (Size) complements->rows + 1, sizeof(int64));
	complements->index = copy_array(trainer, complements->index, entries, sizeof(int32));
	complements->weight = copy_array(trainer, complements->weight, entries, sizeof(float));
}

/* The factors are fitted: rotate them for serving, and let the other processes and the memory shared with them go. */
/* What is expected of customers by their attributes, from factors that are final. */
static void
learn_prior(Trainer *trainer, const float *y, const double *gram_diagonal, const double *parameters)
{
	RecoFactors factors = {trainer->fit->items, trainer->ials.factors, y, gram_diagonal, trainer->options->unobserved_weight};
	RecoRun		run = reco_foldin_run(trainer->kernels);

	reco_segments_learn_prior(trainer->segments, &factors, parameters[RECO_PARAMETER_ALONE_LAMBDA], &run);
}

static void
end_fitting(Trainer *trainer, const float *orders, RecoTrained *trained)
{
	float	   *own = trainer->fit->item_factors;

	reco_fit_finish(trainer->fit, trained->gram_diagonal);
	fill_new_items(trainer, orders);
	if (reco_crew_arena(trainer->crew)->base != NULL)
	{
		own = reco_budget_alloc_aligned(trainer->budget, item_bytes(trainer), 1, "item factors");
		reco_copy_bytes(own, trainer->fit->item_factors, item_bytes(trainer));
	}
	trained->y = own;
	learn_prior(trainer, own, trained->gram_diagonal, trained->parameters);
	trained->fields = trainer->segments->fields;
	trained->prior = trainer->segments->prior;
	trained->lift = trainer->segments->lift;
	trained->complements = trainer->complements;
	memcpy(trained->event_weights, trainer->event_weights, sizeof(trained->event_weights));
	trained->n_events = trainer->n_events;
	trained->events = trainer->n_events > 0 ? trainer->interactions->sessions->kinds : NULL;
	if (reco_crew_arena(trainer->crew)->base != NULL)
		keep_complements(trainer, &trained->complements);
	reco_crew_end(trainer->crew);
}

/* Those of another training, but for what the options and the orders of this one say. */
static void
keep_parameters(Trainer *trainer, double *parameters)
{
	const RecoInteractions *interactions = trainer->interactions;
	TimestampTz cut = trainer->options->holdout_orders > 0 ? reco_cases_cut(interactions) : DT_NOEND;
	double		order_mass;
	float	   *popularity;

	memcpy(parameters, trainer->kept, RECO_PARAMETERS * sizeof(double));
	parameters[RECO_PARAMETER_UNOBSERVED] = trainer->options->unobserved_weight;
	if (cut == DT_NOEND)
		return;
	popularity = reco_popularity_count(interactions, cut, cut, &order_mass);
	trainer->popularity_trust = reco_popularity_trust(interactions, popularity, order_mass, cut);
	pfree(popularity);
}

/* What reviews before a time lead to expect. */
static RecoSentiment
learn_sentiment(Trainer *trainer, TimestampTz before)
{
	if (trainer->reviews == NULL)
		return (RecoSentiment) {0, NULL};
	return reco_sentiment_learn(trainer->budget, trainer->reviews, trainer->groups,
								reco_idmap_count(trainer->interactions->items), before);
}

/* Fit to the past of the newest tenth of the orders, and choose the serving parameters on that tenth. */
static void
choose_parameters(Trainer *trainer, double *parameters, RecoHoldoutMetrics *metrics)
{
	const RecoInteractions *interactions = trainer->interactions;
	const RecoOptions *options = trainer->options;
	TimestampTz cut = options->holdout_orders > 0 ? reco_cases_cut(interactions) : DT_NOEND;
	double		gram_diagonal[RECO_MAX_FACTORS];
	RecoLearned learned = {.popularity = NULL};
	float	   *popularity;
	float	   *trend;
	float	   *orders;
	double		order_mass;

	reco_holdout_default_parameters(options, parameters);
	if (cut == DT_NOEND || fit(trainer, cut, cut, false) == 0)
		return;
	end_stage(trainer, RECO_STAGE_FIRST_FIT);
	reco_fit_finish(trainer->fit, gram_diagonal);
	orders = count_orders(trainer, cut);
	fill_new_items(trainer, orders);
	learned.match = match_attributes(trainer, cut, cut);
	learned.factors.items = trainer->fit->items;
	learned.factors.factors = trainer->ials.factors;
	learned.factors.y = trainer->fit->item_factors;
	learned.factors.gram_diagonal = gram_diagonal;
	learned.factors.unobserved = options->unobserved_weight;
	learn_prior(trainer, learned.factors.y, gram_diagonal, parameters);
	learned.segments = trainer->segments;
	learned.popularity = popularity = reco_popularity_count(interactions, cut, cut, &order_mass);
	learned.order_mass = order_mass;
	trainer->popularity_trust = reco_popularity_trust(interactions, popularity, order_mass, cut);
	learned.trend = trend = reco_popularity_trend(interactions, cut, cut);
	learned.complements = trainer->complements;
	learned.reviews = trainer->reviews;
	learned.sentiment = learn_sentiment(trainer, cut).items;
	memcpy(learned.event_weights, trainer->event_weights, sizeof(learned.event_weights));
	learned.n_events = trainer->n_events;
	reco_holdout_choose(interactions, cut, options, trainer->crew, &learned, parameters, metrics, trainer->progress);
	pfree(trend);
	pfree(popularity);
	end_stage(trainer, RECO_STAGE_CHOOSE);
}

/* --- the whole --------------------------------------------------------------------------------------------- */

static void
set_up(Trainer *trainer, const RecoOptions *options, RecoBudget *budget, double *seconds)
{
	memset(trainer, 0, sizeof(*trainer));
	trainer->seconds = seconds;
	INSTR_TIME_SET_CURRENT(trainer->stage_start);
	trainer->options = options;
	trainer->popularity_trust = 1;
	trainer->budget = budget;
	trainer->kernels = reco_kernels_choose(reco_guc_kernel);
	trainer->ials = reco_ials_options_default();
	trainer->ials.factors = options->factors;
	trainer->ials.unobserved = options->unobserved_weight;
	trainer->ials.exact = options->solver == RECO_SOLVER_EXACT;
	trainer->ials.seed = (uint64) options->seed;
}

static void
set_counts(const Trainer *trainer, RecoTrained *trained)
{
	const RecoInteractions *interactions = trainer->interactions;

	trained->kernel = trainer->kernels->name;
	trained->evidence = trainer->evidence;
	trained->clock = interactions->clock;
	trained->rows = interactions->counts.rows;
	trained->skipped = reco_interactions_skipped(interactions);
	if (interactions->sessions != NULL)
	{
		trained->rows += interactions->sessions->counts.rows;
		trained->skipped += interactions->sessions->counts.incomplete + interactions->sessions->counts.too_late;
	}
	trained->users = reco_idmap_count(interactions->users);
	trained->orders = interactions->n_orders;
}

/*
 * Lambda by the number of items, where it was left to training.  A row's ridge is lambda (mass + a0 |I|): where there are
 * few items that is next to nothing, and factors of as many dimensions as there are items learn the bags by heart.
 * (src/README has the measurements.)
 */
static double
default_regularization(int32 items)
{
	return REGULARIZATION * pow(MANY_ITEMS / (double) Min(Max(items, FEW_ITEMS), MANY_ITEMS), 0.7);
}

/* The lambda that a model of so many items is trained with. */
double
reco_train_regularization(const RecoOptions *options, int32 items)
{
	return isnan(options->regularization) ? default_regularization(items) : options->regularization;
}

static void
settle_options(Trainer *trainer)
{
	trainer->settled = *trainer->options;
	trainer->settled.regularization = reco_train_regularization(trainer->options,
																reco_idmap_count(trainer->interactions->items));
	trainer->ials.regularization = trainer->settled.regularization;
	trainer->options = &trainer->settled;
	trainer->iterations = trainer->settled.iterations;
}

/* Complements are made of orders: without any there are none. */
static void
set_complements_options(Trainer *trainer)
{
	const RecoOptions *options = trainer->options;
	RecoComplementsOptions *complements = &trainer->complements_options;

	*complements = reco_complements_options_default();
	complements->method = (RecoComplementsMethod) options->complements;
	complements->regularization = options->complements_regularization;
	complements->neighbors = options->complements_neighbors;
	if (trainer->interactions->n_orders == 0)
		complements->method = RECO_COMPLEMENTS_NONE;
	if (complements->method != RECO_COMPLEMENTS_NONE)
		trainer->pairs = reco_fit_complements_pairs(trainer->interactions);
}

/* What is known without any fit. */
static void
begin_result(const Trainer *trainer, RecoTrained *trained)
{
	int			kind;
	int			i;

	trained->metrics.recall_completion = trained->metrics.ndcg_completion = NAN;
	trained->metrics.recall_next = trained->metrics.ndcg_next = trained->metrics.recall_popularity = NAN;
	for (kind = 0; kind < RECO_BLENDS; kind++)
	{
		for (i = 0; i < RECO_COMPONENTS; i++)
			trained->metrics.losses[kind][i] = (RecoBlendLoss) {NAN, NAN};
		for (i = 0; i < RECO_STRENGTHS; i++)
			trained->metrics.strength_losses[kind][i] = (RecoBlendLoss) {NAN, NAN};
	}
	trained->budget = trainer->budget;
	trained->items = trainer->interactions->items;
	trained->factors = trainer->ials.factors;
	trained->amounts = trainer->interactions->amounts;
	trained->rebought = trainer->interactions->rebought;
	trained->method = trainer->complements_options.method;
	set_counts(trainer, trained);
}

static void
count_popularity(Trainer *trainer, RecoTrained *trained)
{
	const RecoInteractions *interactions = trainer->interactions;
	double		order_mass;

	trained->popularity = reco_popularity_count(interactions, DT_NOEND, interactions->clock, &order_mass);
	trained->trend = reco_popularity_trend(interactions, DT_NOEND, interactions->clock);
	trained->parameters[RECO_PARAMETER_ORDER_MASS] = order_mass / trainer->popularity_trust;
	trained->parameters[RECO_PARAMETER_CLOCK] = interactions->clock == DT_NOBEGIN ? -INFINITY : (double) interactions->clock;
}

/* From finished interactions to factors and parameters. */
static void
train(Trainer *trainer, RecoTrained *trained)
{
	float	   *orders;

	settle_options(trainer);
	set_complements_options(trainer);
	begin_result(trainer, trained);
	begin_fitting(trainer);
	if (trainer->kept != NULL)
		keep_parameters(trainer, trained->parameters);
	else
		choose_parameters(trainer, trained->parameters, &trained->metrics);
	count_popularity(trainer, trained);
	orders = count_orders(trainer, DT_NOEND);
	trained->match = match_attributes(trainer, DT_NOEND, trainer->interactions->clock);
	trained->reviews = trainer->reviews;
	trained->sentiment = learn_sentiment(trainer, DT_NOEND);
	trained->bags = fit(trainer, DT_NOEND, trainer->interactions->clock, true);
	trained->iterations = trainer->iterations;
	end_fitting(trainer, orders, trained);
	end_stage(trainer, RECO_STAGE_FIT);
}

/*
 * Train a model from its sources.  The result is allocated below the current memory context.  Errors:
 * configuration_limit_exceeded (memory), numeric_value_out_of_range (no convergence), and what reading raises.
 */
RecoTrained *
reco_train_model(const RecoTraining *training)
{
	RecoTrained *trained = palloc0(sizeof(RecoTrained));
	RecoBudget *budget = reco_budget_create(CurrentMemoryContext, "training", training->memory_limit);
	RecoTraining by_consent = *training;
	RecoReader	reader = *training->reader;
	RecoConsents *consents;
	Trainer		trainer;

	set_up(&trainer, &training->options, budget, trained->seconds);
	trainer.progress = training->progress;
	trainer.kept = training->kept;
	announce_reading(training);
	consents = reco_consent_read_all(budget, &reader, training->sources, training->options.default_consent);
	reader.gate = reco_consent_gate(consents, RECO_CONSENT_TO_LEARNING);
	by_consent.reader = &reader;
	read_sources(&trainer, &by_consent);
	read_attributes(&trainer, &reader, training->sources);
	reco_consent_free(consents);
	train(&trainer, trained);
	return trained;
}

/*
 * Train a model from what was gathered elsewhere, and attributes of items from sources, if any; the gathered ones are ended,
 * but not finished.  It is used up.  Gives the same bits as reco_train_model from the same rows, without a notice; reader says
 * in which time zone, and sources with whose rights.  Memory is the interactions' own; errors as
 * there.
 */
RecoTrained *
reco_train_gathered(const RecoGathered *gathered, const RecoOptions *options, RecoProgress *progress)
{
	RecoInteractions *interactions = gathered->interactions;
	RecoBudget *budget = interactions->budget;
	RecoTrained *trained = MemoryContextAllocZero(budget->context, sizeof(RecoTrained));
	Trainer		trainer;

	set_up(&trainer, options, budget, trained->seconds);
	trainer.quiet = true;
	trainer.progress = progress;
	trainer.interactions = interactions;
	interactions->contexts = reco_segments_contexts(budget, gathered->reader, NIL);
	trainer.reviews = gathered->reviews;
	trainer.groups = gathered->groups;
	reco_interactions_finish(interactions);
	number_reviews(&trainer);
	read_attributes(&trainer, gathered->reader, gathered->sources);
	trainer.segments = reco_segments_make(interactions, gathered->reader, gathered->sources, options->min_support);
	interactions->ties = reco_ties_read(budget, gathered->reader, gathered->ties_from, interactions->users);
	train(&trainer, trained);
	return trained;
}

/* Lines from then on are of the future: those of this very moment count. */
TimestampTz
reco_train_before(const RecoOptions *options, TimestampTz now)
{
	return TIMESTAMP_NOT_FINITE(options->training_clock) ? now + 1 : options->training_clock;
}
