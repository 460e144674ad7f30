/*
 * train.c: trains a model, from the sources to its factors and parameters.
 *
 *	1. read the sources (interactions.c), with the lines' arrays as the only large memory;
 *	2. say what the rest needs, and compare it with the limit before taking it;
 *	3. fit factors to what is older than the newest tenth of the orders, and choose the serving parameters on that
 *	   tenth (holdout.c);
 *	4. fit on with all orders, starting from those factors;
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

#include "bags.h"
#include "budget.h"
#include "cases.h"
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

typedef struct Trainer
{
	const RecoOptions *options;
	RecoOptions settled;		/* they point here when nothing but held-out orders is left to decide */
	bool		quiet;
	RecoProgress *progress;		/* NULL: nobody is told */
	RecoBudget *budget;
	RecoInteractions *interactions;
	RecoRun		run;
	RecoIalsOptions ials;
	float	   *item_factors;
	void	   *workspace;
	double		popularity_trust;
	double	   *seconds;		/* by stage */
	instr_time	stage_start;
} Trainer;

static const char *const stage_names[RECO_STAGES] = {"read", "sort", "first_fit", "choose", "fit"};

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

/* The other kinds say nothing about what goes with what: they are there for evaluation. */
static bool
is_learned_from(const RecoSource *source)
{
	return source->kind == RECO_SOURCE_ORDERS || source->kind == RECO_SOURCE_ITEMS;
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

		if (!is_learned_from(source))
			continue;
		estimate = reco_sources_estimate_rows(source);
		rows += estimate;
		all_known &= estimate > 0;
		if (source->kind == RECO_SOURCE_ORDERS)
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
						   " no finite quantity other than 0, " INT64_FORMAT " are later than the training clock.",
						   counts->no_item, counts->bad_time, counts->bad_quantity, counts->too_late)));
}

static void
read_sources(Trainer *trainer, const RecoTraining *training)
{
	RecoInteractions *interactions = reco_interactions_create(trainer->budget, training->reader->integer_keys);
	TimestampTz before = reco_train_before(&training->options, training->now);
	ListCell   *cell;

	foreach(cell, training->sources)
	{
		const RecoSource *source = lfirst(cell);

		if (source->kind == RECO_SOURCE_ORDERS)
			reco_interactions_read_orders(interactions, training->reader, source, before);
		else if (is_learned_from(source))
			reco_interactions_read_items(interactions, training->reader, source);
	}
	trainer->interactions = interactions;
	end_stage(trainer, RECO_STAGE_READ);
	reco_progress_phase(training->progress, RECO_PHASE_SORTING, RECO_PROGRESS_UNKNOWN);
	reco_interactions_finish(interactions);
	report_skipped(interactions);
	end_stage(trainer, RECO_STAGE_SORT);
}

/* --- fitting ----------------------------------------------------------------------------------------------- */

/* Bytes that the fits need beside the lines, at most: bags in both directions, factors, workspace. */
static Size
fitting_memory(const Trainer *trainer)
{
	const RecoInteractions *interactions = trainer->interactions;
	Size		row = mul_size(reco_stride(trainer->ials.factors), sizeof(float));
	Size		rows = add_size(add_size(interactions->n_orders, reco_idmap_count(interactions->users)),
							   reco_idmap_count(interactions->items));
	Size		entries = mul_size(interactions->n_lines, trainer->options->customer_weight > 0 ? 2 : 1);
	Size		bytes = mul_size(entries, 2 * (sizeof(int32) + sizeof(float)));

	bytes = add_size(bytes, mul_size(rows, add_size(row, sizeof(int64))));
	/* When the model is written down, bags and their factors are gone, but the item factors are there twice. */
	bytes = Max(bytes, mul_size(mul_size(reco_idmap_count(interactions->items), 2), add_size(row, 2 * sizeof(int64))));
	return add_size(bytes, reco_ials_workspace_size(&trainer->ials));
}

static void
take_factors(Trainer *trainer)
{
	Size		stride = reco_stride(trainer->ials.factors);
	Size		items = reco_idmap_count(trainer->interactions->items);
	Size		bytes = fitting_memory(trainer);

	if (!trainer->quiet)
		ereport(NOTICE,
				(errmsg("training needs at most %zu MB of memory",
						(MemoryContextMemAllocated(trainer->budget->context, true) + bytes) / MEGABYTE + 1)));
	reco_budget_require(trainer->budget, bytes, "bags and factors");
	trainer->item_factors = reco_budget_alloc_aligned(trainer->budget, mul_size(items, stride), sizeof(float), "item factors");
	trainer->workspace = reco_budget_alloc_aligned(trainer->budget, reco_ials_workspace_size(&trainer->ials), 1, "workspace");
	reco_foldin_check_status(reco_ials_init(trainer->item_factors, (int32) items, trainer->ials.factors, trainer->ials.seed,
											&trainer->run), "training");
}

/*
 * Fit the factors to the orders before a time, going on from where they are; returns the number of bags.  The last fit
 * gives the lines' memory back before it takes that of the bags' factors.
 */
static int32
fit(Trainer *trainer, TimestampTz before, TimestampTz clock, bool is_last)
{
	const RecoOptions *options = trainer->options;
	RecoBagOptions bag_options = {before, clock, options->order_half_life, options->customer_half_life,
	options->customer_weight};
	MemoryContext outer = reco_budget_begin(trainer->budget, "fit");
	RecoBags   *bags;
	int32		n_bags;
	float	   *bag_factors;
	int			i;

	reco_progress_phase(trainer->progress, is_last ? RECO_PHASE_FITTING : RECO_PHASE_FIRST_FIT, options->iterations);
	bags = reco_bags_build(trainer->interactions, &bag_options);
	n_bags = bags->n_bags;
	if (is_last)
		reco_interactions_free_lines(trainer->interactions);
	bag_factors = reco_budget_alloc_aligned(trainer->budget, mul_size(n_bags, reco_stride(trainer->ials.factors)),
											sizeof(float), "bag factors");
	/* Without bags the factors would stay the random start, and rank items by nothing. */
	if (n_bags == 0 && is_last)
		memset(trainer->item_factors, 0, mul_size(mul_size(reco_idmap_count(trainer->interactions->items),
														   reco_stride(trainer->ials.factors)), sizeof(float)));
	for (i = 0; i < options->iterations && n_bags > 0; i++)
	{
		reco_foldin_check_status(reco_ials_iterate(&bags->by_bag, &bags->by_item, &trainer->ials, bag_factors,
												   trainer->item_factors, trainer->workspace, &trainer->run), "training");
		reco_progress_advance(trainer->progress, 1);
	}
	reco_budget_end(trainer->budget, outer);
	return n_bags;
}

/* Rotate the item factors so that their Gram matrix is diagonal. */
static void
rotate(Trainer *trainer, int32 items, double *gram_diagonal)
{
	reco_foldin_check_status(reco_ials_finish(trainer->item_factors, items, trainer->ials.factors, gram_diagonal,
											  trainer->workspace, &trainer->run), "training");
}

/* Fit to the past of the newest tenth of the orders, and choose the serving parameters on that tenth. */
static void
choose_parameters(Trainer *trainer, double *parameters, RecoHoldoutMetrics *metrics)
{
	const RecoInteractions *interactions = trainer->interactions;
	const RecoOptions *options = trainer->options;
	int32		items = reco_idmap_count(interactions->items);
	TimestampTz cut = options->holdout_orders > 0 ? reco_cases_cut(interactions) : DT_NOEND;
	double		gram_diagonal[RECO_MAX_FACTORS];
	RecoFactors factors;
	float	   *popularity;
	double		order_mass;

	reco_holdout_default_parameters(options, parameters);
	if (cut == DT_NOEND || fit(trainer, cut, cut, false) == 0)
		return;
	end_stage(trainer, RECO_STAGE_FIRST_FIT);
	rotate(trainer, items, gram_diagonal);
	factors.items = items;
	factors.factors = trainer->ials.factors;
	factors.y = trainer->item_factors;
	factors.gram_diagonal = gram_diagonal;
	factors.unobserved = options->unobserved_weight;
	popularity = reco_popularity_count(interactions, cut, cut, &order_mass);
	trainer->popularity_trust = reco_popularity_trust(interactions, popularity, order_mass, cut);
	reco_holdout_choose(interactions, cut, options, &factors, trainer->run.kernels, popularity, parameters, metrics,
						trainer->progress);
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
	trainer->run = reco_foldin_run(reco_kernels_choose(reco_guc_kernel));
	trainer->ials = reco_ials_options_default();
	trainer->ials.factors = options->factors;
	trainer->ials.unobserved = options->unobserved_weight;
	trainer->ials.seed = (uint64) options->seed;
}

static void
set_counts(const Trainer *trainer, RecoTrained *trained)
{
	const RecoInteractions *interactions = trainer->interactions;

	trained->kernel = trainer->run.kernels->name;
	trained->clock = interactions->clock;
	trained->rows = interactions->counts.rows;
	trained->skipped = reco_interactions_skipped(interactions);
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
}

/* From finished interactions to factors and parameters. */
static void
train(Trainer *trainer, RecoTrained *trained)
{
	RecoInteractions *interactions = trainer->interactions;
	double		order_mass;

	settle_options(trainer);
	take_factors(trainer);
	trained->metrics.recall_completion = trained->metrics.ndcg_completion = NAN;
	trained->metrics.recall_next = trained->metrics.ndcg_next = trained->metrics.recall_popularity = NAN;
	choose_parameters(trainer, trained->parameters, &trained->metrics);
	trained->popularity = reco_popularity_count(interactions, DT_NOEND, interactions->clock, &order_mass);
	trained->parameters[RECO_PARAMETER_ORDER_MASS] = order_mass / trainer->popularity_trust;
	trained->bags = fit(trainer, DT_NOEND, interactions->clock, true);
	rotate(trainer, reco_idmap_count(interactions->items), trained->gram_diagonal);
	trained->parameters[RECO_PARAMETER_CLOCK] = interactions->clock == DT_NOBEGIN ? -INFINITY : (double) interactions->clock;
	end_stage(trainer, RECO_STAGE_FIT);

	trained->budget = trainer->budget;
	trained->items = interactions->items;
	trained->factors = trainer->ials.factors;
	trained->y = trainer->item_factors;
	set_counts(trainer, trained);
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
	Trainer		trainer;

	set_up(&trainer, &training->options, budget, trained->seconds);
	trainer.progress = training->progress;
	announce_reading(training);
	read_sources(&trainer, training);
	train(&trainer, trained);
	return trained;
}

/*
 * Train a model from what was gathered elsewhere; its sources are ended, but it is not finished.  It is used up.  Gives
 * the same bits as reco_train_model from the same rows, without a notice.  Memory is the interactions' own; errors as
 * there.
 */
RecoTrained *
reco_train_gathered(RecoInteractions *interactions, const RecoOptions *options, RecoProgress *progress)
{
	RecoTrained *trained = MemoryContextAllocZero(interactions->budget->context, sizeof(RecoTrained));
	Trainer		trainer;

	set_up(&trainer, options, interactions->budget, trained->seconds);
	trainer.quiet = true;
	trainer.progress = progress;
	trainer.interactions = interactions;
	reco_interactions_finish(interactions);
	train(&trainer, trained);
	return trained;
}

/* Lines from then on are of the future: those of this very moment count. */
TimestampTz
reco_train_before(const RecoOptions *options, TimestampTz now)
{
	return TIMESTAMP_NOT_FINITE(options->training_clock) ? now + 1 : options->training_clock;
}
