/*
 * fit_complements.c: learns from bags which items go with those of a basket, by however many processes there are.
 *
 * The steps are those of complements.c, and of inverse.c where the model is exact: each is a phase of the crew, cut into
 * blocks of items, of tile rows or of tiles.  Measuring, the pivots (a tile each) and gathering are the leader's.  All
 * memory is of the crew's arena and taken before the first fit; the model stays there until the next one overwrites it.
 */
#include "postgres.h"

#include "fit_complements.h"

#include "foldin.h"
#include "interrupts.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#define MOST_BLOCKS		1024	/* of items: each begins by clearing a workspace that grows with them */
#define LEAST_ITEMS		64		/* of a block */
#define PANEL_TILES		8		/* of a block: some 30 million multiplications */

/* A training, as all members see it; it is in the arena. */
typedef struct Plan
{
	RecoComplementsOptions options;
	int32		items;
	int32		orders;
	int32		bags;
	RecoPlace	bag_start;
	RecoPlace	bag_index;
	RecoPlace	bag_weight;
	RecoPlace	item_start;
	RecoPlace	item_index;
	RecoPlace	item_weight;
	RecoPlace	mass;
	RecoPlace	slot;
	RecoPlace	count;
	RecoPlace	index;
	RecoPlace	weight;
	RecoPlace	list_start;
	RecoPlace	list_count;
	RecoPlace	list_index;
	RecoPlace	list_value;
	RecoPlace	tiles;
	RecoPlace	panel;
	RecoPlace	pivot;
} Plan;

typedef struct Arguments
{
	RecoPlace	plan;
	int32		step;			/* of the sweep */
} Arguments;

/* --- memory ------------------------------------------------------------------------------------------------ */

/* The pairs of complements.h, counted before there are bags: an order has no more items than lines, a session no more than events. */
Size
reco_fit_complements_pairs(const RecoInteractions *interactions)
{
	int32	   *lines = reco_budget_alloc(interactions->budget, interactions->n_orders, sizeof(int32), "orders");
	const RecoSessions *sessions = interactions->sessions;
	Size		pairs = 0;
	int64		i;

	for (i = 0; i < interactions->n_lines; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (interactions->lines[i].order >= 0)
			lines[interactions->lines[i].order]++;
	}
	for (i = 0; i < interactions->n_orders; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		pairs = add_size(pairs, mul_size(lines[i], Min(lines[i], RECO_COMPLEMENTS_MAX_ORDER)));
	}
	for (i = 0; sessions != NULL && i < sessions->n_sessions; i++)
	{
		Size		events = (Size) (sessions->start[i + 1] - sessions->start[i]);

		RECO_CHECK_INTERRUPTS(i);
		pairs = add_size(pairs, mul_size(events, Min(events, RECO_COMPLEMENTS_MAX_ORDER)));
	}
	reco_budget_free(interactions->budget, lines);
	return pairs;
}

/* Multiplications of a training, about. */
double
reco_fit_complements_estimate_work(const RecoComplementsOptions *options, Size items, Size pairs)
{
	double		n = (double) items;
	double		m = Min(options->neighbors, n);

	switch (options->method)
	{
		case RECO_COMPLEMENTS_NONE:
			break;
		case RECO_COMPLEMENTS_APPROXIMATE:
			return 4.0 * (double) pairs + n * m * m * (m / 6 + 1);
		case RECO_COMPLEMENTS_EXACT:
			return 4.0 * (double) pairs + n * n * n / 2;
	}
	return 0;
}

static Size
aligned(Size count, Size size)
{
	return reco_size_align(mul_size(count, size));
}

static Size
entries_memory(Size items, Size entries)
{
	Size		bytes = aligned(items + 1, sizeof(int64));

	bytes = add_size(bytes, aligned(entries, sizeof(int32)));
	return add_size(bytes, aligned(entries, sizeof(float)));
}

/* Bytes that the model takes of the arena, at most. */
Size
reco_fit_complements_model_memory(const RecoComplementsOptions *options, Size items, Size pairs)
{
	if (options->method == RECO_COMPLEMENTS_NONE)
		return 0;
	return entries_memory(items, reco_complements_most_slots(options, (int32) items, pairs));
}

/* Bytes that making it takes of the arena beside that, at most. */
Size
reco_fit_complements_memory(const RecoComplementsOptions *options, Size items, Size pairs)
{
	Size		bytes = reco_size_align(sizeof(Plan));

	if (options->method == RECO_COMPLEMENTS_NONE)
		return 0;
	bytes = add_size(bytes, entries_memory(items, reco_complements_most_slots(options, (int32) items, pairs)));
	bytes = add_size(bytes, add_size(aligned(items, sizeof(double)), aligned(items, sizeof(int32))));
	if (options->method == RECO_COMPLEMENTS_EXACT)
	{
		bytes = add_size(bytes, add_size(reco_inverse_tiles_size((int32) items), reco_inverse_panel_size((int32) items)));
		return add_size(bytes, RECO_INVERSE_PIVOT_SIZE);
	}
	bytes = add_size(bytes, entries_memory(items, reco_complements_most_listed(options, (int32) items, pairs)));
	return add_size(bytes, aligned(items, sizeof(int32)));
}

/* Bytes that each member takes for itself. */
Size
reco_fit_complements_member_memory(const RecoComplementsOptions *options, Size items)
{
	Size		bytes = 0;

	if (options->method != RECO_COMPLEMENTS_NONE)
		bytes = add_size(reco_complements_workspace_size(options, (int32) items), RECO_CACHE_LINE);
	if (options->method == RECO_COMPLEMENTS_EXACT)
		bytes = Max(bytes, add_size(reco_inverse_pivot_workspace_size(), RECO_CACHE_LINE));
	return bytes;
}

/* What a member has for itself. */
static void *
own_memory(RecoMember *member, const Plan *plan)
{
	void	  **kept = &member->kept[RECO_WORK_COMPLEMENTS_LIST];

	if (*kept == NULL)
		*kept = (void *) TYPEALIGN(RECO_CACHE_LINE,
								   MemoryContextAllocHuge(member->context,
														  reco_fit_complements_member_memory(&plan->options, plan->items)));
	return *kept;
}

/* --- the plan ---------------------------------------------------------------------------------------------- */

static RecoPlace
take(RecoFitComplements *fit, Size count, Size size)
{
	return reco_crew_place(reco_crew_leader(fit->crew),
						   reco_arena_take(reco_crew_arena(fit->crew), count, size, "complements"));
}

static void
take_lists(RecoFitComplements *fit, Plan *plan)
{
	Size		most = reco_complements_most_listed(&fit->options, fit->items, fit->pairs);

	plan->list_start = take(fit, (Size) fit->items + 1, sizeof(int64));
	plan->list_count = take(fit, fit->items, sizeof(int32));
	plan->list_index = take(fit, most, sizeof(int32));
	plan->list_value = take(fit, most, sizeof(float));
}

static void
take_tiles(RecoFitComplements *fit, Plan *plan)
{
	plan->tiles = take(fit, reco_inverse_tiles_size(fit->items), 1);
	plan->panel = take(fit, reco_inverse_panel_size(fit->items), 1);
	plan->pivot = take(fit, RECO_INVERSE_PIVOT_SIZE, 1);
}

/* Memory for a training over these bags. */
static Plan *
make_plan(RecoFitComplements *fit, const RecoBags *bags)
{
	const RecoMember *leader = reco_crew_leader(fit->crew);
	Plan	   *plan = reco_arena_take(reco_crew_arena(fit->crew), 1, sizeof(Plan), "complements");
	Size		slots = reco_complements_most_slots(&fit->options, fit->items, fit->pairs);

	memset(plan, 0, sizeof(*plan));
	plan->options = fit->options;
	plan->items = fit->items;
	plan->orders = bags->n_order_bags;
	plan->bags = bags->n_bags;
	plan->bag_start = reco_crew_place(leader, bags->by_bag.start);
	plan->bag_index = reco_crew_place(leader, bags->by_bag.index);
	plan->bag_weight = reco_crew_place(leader, bags->by_bag.weight);
	plan->item_start = reco_crew_place(leader, bags->by_item.start);
	plan->item_index = reco_crew_place(leader, bags->by_item.index);
	plan->item_weight = reco_crew_place(leader, bags->by_item.weight);
	plan->mass = take(fit, fit->items, sizeof(double));
	plan->slot = take(fit, (Size) fit->items + 1, sizeof(int64));
	plan->count = take(fit, fit->items, sizeof(int32));
	plan->index = take(fit, slots, sizeof(int32));
	plan->weight = take(fit, slots, sizeof(float));
	if (fit->options.method == RECO_COMPLEMENTS_EXACT)
		take_tiles(fit, plan);
	else
		take_lists(fit, plan);
	return plan;
}

static RecoComplements
view_plan(const RecoMember *member, const Plan *plan)
{
	RecoComplements c = {.options = plan->options,.items = plan->items,.orders = plan->orders};

	c.by_order = (RecoSparse) {plan->bags, plan->items, reco_crew_address(member, plan->bag_start),
		reco_crew_address(member, plan->bag_index), reco_crew_address(member, plan->bag_weight)};
	c.by_item = (RecoSparse) {plan->items, plan->bags, reco_crew_address(member, plan->item_start),
		reco_crew_address(member, plan->item_index), reco_crew_address(member, plan->item_weight)};
	c.mass = reco_crew_address(member, plan->mass);
	c.slot = reco_crew_address(member, plan->slot);
	c.count = reco_crew_address(member, plan->count);
	c.index = reco_crew_address(member, plan->index);
	c.weight = reco_crew_address(member, plan->weight);
	c.list_start = reco_crew_address(member, plan->list_start);
	c.list_count = reco_crew_address(member, plan->list_count);
	c.list_index = reco_crew_address(member, plan->list_index);
	c.list_value = reco_crew_address(member, plan->list_value);
	c.inverse = (RecoInverse) {plan->items, reco_crew_address(member, plan->tiles), reco_crew_address(member, plan->panel),
		reco_crew_address(member, plan->pivot)};
	return c;
}

static const Plan *
find_plan(const RecoMember *member, const void *arguments)
{
	return reco_crew_address(member, ((const Arguments *) arguments)->plan);
}

static void
check_status(RecoStatus status)
{
	if (status == RECO_NOT_FINITE || status == RECO_NOT_CONVERGED)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("complements did not converge"),
				 errhint("Set the option complements_regularization to more, or complements to \"approximate\" (reco.alter_model).")));
	reco_foldin_check_status(status, "complements");
}

/* --- blocks ------------------------------------------------------------------------------------------------ */

static int32
block_items(int32 items)
{
	return Max(LEAST_ITEMS, items / MOST_BLOCKS + 1);
}

static uint32
blocks_of(int32 all, int32 block)
{
	return (uint32) (((int64) all + block - 1) / block);
}

/* Some items. */
void
reco_fit_complements_list(RecoMember *member, const void *arguments, uint32 block)
{
	const Plan *plan = find_plan(member, arguments);
	RecoComplements c = view_plan(member, plan);
	int64		first = (int64) block * block_items(plan->items);

	check_status(reco_complements_list(&c, (int32) first, (int32) Min(first + block_items(plan->items), plan->items),
									   own_memory(member, plan), &member->run));
}

void
reco_fit_complements_solve(RecoMember *member, const void *arguments, uint32 block)
{
	const Plan *plan = find_plan(member, arguments);
	RecoComplements c = view_plan(member, plan);
	int64		first = (int64) block * block_items(plan->items);

	check_status(reco_complements_solve(&c, (int32) first, (int32) Min(first + block_items(plan->items), plan->items),
										own_memory(member, plan), &member->run));
}

/* A tile row. */
void
reco_fit_complements_fill(RecoMember *member, const void *arguments, uint32 block)
{
	const Plan *plan = find_plan(member, arguments);
	RecoComplements c = view_plan(member, plan);

	check_status(reco_complements_fill(&c, (int32) block, own_memory(member, plan), &member->run));
}

/* Some tile rows. */
void
reco_fit_complements_panel(RecoMember *member, const void *arguments, uint32 block)
{
	const Plan *plan = find_plan(member, arguments);
	RecoComplements c = view_plan(member, plan);
	int32		first = (int32) block * PANEL_TILES;
	int32		row;

	for (row = first; row < Min(first + PANEL_TILES, reco_inverse_side(plan->items)); row++)
	{
		reco_inverse_panel(&c.inverse, ((const Arguments *) arguments)->step, row, own_memory(member, plan), member->run.kernels);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Some tiles. */
void
reco_fit_complements_update(RecoMember *member, const void *arguments, uint32 block)
{
	RecoComplements c = view_plan(member, find_plan(member, arguments));

	check_status(reco_inverse_update(&c.inverse, ((const Arguments *) arguments)->step, block, &member->run));
}

/* A tile row. */
void
reco_fit_complements_keep(RecoMember *member, const void *arguments, uint32 block)
{
	const Plan *plan = find_plan(member, arguments);
	RecoComplements c = view_plan(member, plan);

	check_status(reco_complements_keep(&c, (int32) block, own_memory(member, plan), &member->run));
}

/* --- the whole --------------------------------------------------------------------------------------------- */

/*
 * Room for models of so many items.  Errors: configuration_limit_exceeded.
 */
RecoFitComplements *
reco_fit_complements_begin(RecoCrew *crew, const RecoComplementsOptions *options, int32 items, Size pairs)
{
	RecoArena  *arena = reco_crew_arena(crew);
	RecoFitComplements *fit = MemoryContextAllocZero(reco_crew_leader(crew)->context, sizeof(RecoFitComplements));
	Size		slots = reco_complements_most_slots(options, items, pairs);

	fit->crew = crew;
	fit->options = *options;
	fit->items = items;
	fit->pairs = pairs;
	if (options->method == RECO_COMPLEMENTS_NONE)
		return fit;
	fit->start = reco_arena_take(arena, (Size) items + 1, sizeof(int64), "complements");
	fit->index = reco_arena_take(arena, slots, sizeof(int32), "complements");
	fit->weight = reco_arena_take(arena, slots, sizeof(float), "complements");
	return fit;
}

static void
run_approximate(RecoFitComplements *fit, const Arguments *args, RecoPhase phase, RecoProgress *progress)
{
	uint32		blocks = blocks_of(fit->items, block_items(fit->items));

	reco_progress_phase(progress, phase, 2 * (int64) blocks);
	reco_crew_work(fit->crew, RECO_WORK_COMPLEMENTS_LIST, args, sizeof(*args), blocks, progress);
	reco_crew_work(fit->crew, RECO_WORK_COMPLEMENTS_SOLVE, args, sizeof(*args), blocks, progress);
}

static void
run_exact(RecoFitComplements *fit, const RecoComplements *c, Arguments *args, RecoPhase phase, RecoProgress *progress)
{
	RecoMember *leader = reco_crew_leader(fit->crew);
	void	   *workspace = own_memory(leader, find_plan(leader, args));
	int32		side = reco_inverse_side(fit->items);

	reco_progress_phase(progress, phase, side);
	reco_crew_work(fit->crew, RECO_WORK_COMPLEMENTS_FILL, args, sizeof(*args), side, NULL);
	for (args->step = 0; args->step < side; args->step++)
	{
		check_status(reco_inverse_pivot(&c->inverse, args->step, fit->options.regularization, workspace, &leader->run));
		reco_crew_work(fit->crew, RECO_WORK_COMPLEMENTS_PANEL, args, sizeof(*args), blocks_of(side, PANEL_TILES), NULL);
		reco_crew_work(fit->crew, RECO_WORK_COMPLEMENTS_UPDATE, args, sizeof(*args), reco_inverse_blocks(fit->items), NULL);
		reco_progress_advance(progress, 1);
	}
	reco_crew_work(fit->crew, RECO_WORK_COMPLEMENTS_KEEP, args, sizeof(*args), side, NULL);
}

/*
 * The model that these bags' orders tell: row j lists the items that item j in a basket speaks for.  It is in the arena,
 * where all members see it, until the next run; without rows where the method is none.  Errors:
 * configuration_limit_exceeded, numeric_value_out_of_range (the exact inverse is beyond single precision).
 */
RecoSparse
reco_fit_complements_run(RecoFitComplements *fit, const RecoBags *bags, RecoPhase phase, RecoProgress *progress)
{
	RecoMember *leader = reco_crew_leader(fit->crew);
	RecoSparse	model = {fit->items, fit->items, fit->start, fit->index, fit->weight};
	RecoArena  *arena = reco_crew_arena(fit->crew);
	RecoArenaMark mark;
	RecoComplements c;
	Arguments	args = {0};
	Plan	   *plan;

	if (fit->options.method == RECO_COMPLEMENTS_NONE)
		return (RecoSparse) {0};
	mark = reco_arena_begin(arena, "complements");
	plan = make_plan(fit, bags);
	args.plan = reco_crew_place(leader, plan);
	c = view_plan(leader, plan);
	check_status(reco_complements_measure(&c, &leader->run));
	if (fit->options.method == RECO_COMPLEMENTS_EXACT)
		run_exact(fit, &c, &args, phase, progress);
	else
		run_approximate(fit, &args, phase, progress);
	check_status(reco_complements_gather(&c, fit->start, fit->index, fit->weight, &leader->run));
	reco_arena_end(arena, mark);
	return model;
}
