/*
 * bulk.c: scores many customers, with parallel workers where that pays.
 *
 * Everything that scoring needs stands in one area of memory: the customers' order lines, what must not come back, the
 * model's bytes and room for results.  With workers the area is a dynamic shared memory segment, without them it is
 * ordinary memory, and the code is the same: customers are cut into blocks, processes claim block after block, and the
 * leader hands out the rows of one block after another, in order, scoring itself whenever the next one is not there.
 *
 * Results of block b go to slot b % slots.  A block can be claimed only when its slot is free, that is when less than
 * so many blocks lie between it and the last one handed out; and who claims scores at once.  So the block that is next
 * is always either free to be claimed, by the leader too, or being scored by a process that runs, and nobody waits for
 * a worker that never came.  A worker that fails or dies is noticed by CHECK_FOR_INTERRUPTS, which every wait contains,
 * and ends the statement.
 *
 * Workers look at no catalog and at none of the session's state.  Which process scores a customer changes no bit: all
 * use the kernels that the leader names, over the same bytes.
 */
#include "postgres.h"

#include "bulk.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "checksum.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "port/atomics.h"
#include "segment.h"
#include "storage/condition_variable.h"
#include "storage/shm_toc.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#define KEY_SEGMENT UINT64CONST(1)	/* in the table of contents that workers get */

/*
 * Work is counted in nanoseconds (AVX-512, 26,924 items x 64 factors).  A screen looks at all items only where their norms
 * are alike; where they are not, it is less work, so that rather too many workers are asked for.
 */
#define NS_A_CUSTOMER		3000.0
#define NS_A_LINE			150.0	/* its part of the bag and of the fold-in */
#define NS_BESIDE			50000.0	/* of a customer of whom more than his lines is known */
#define NS_A_FACTOR			0.03	/* of all items */
#define NS_A_SCREENED		0.007
#define NS_A_WORKER			10000000.0	/* from where on one more pays: starting it takes about 10 ms */

#define BLOCK_USERS			64
#define BLOCK_BYTES			(256 * 1024)	/* of rows; a block has one customer at least */
#define BLOCKS_A_PROCESS	8		/* at least, or they would not end together */
#define SLOTS_A_PROCESS		4

typedef struct RecoListShape
{
	int32		rows;
	Size		width;
	int64		elements;
} RecoListShape;

/* What the area holds, from which follows where: the same for all processes. */
typedef struct Shape
{
	int32		users;
	int64		lines;
	int32		items;
	int32		most_rows;		/* of a customer */
	int32		block_users;
	uint32		blocks;
	uint32		slots;
	Size		model_length;	/* 0: without workers the leader's own serves */
	Size		screen_length;	/* the same, and 0 where the model has none */
	RecoListShape lists[RECO_EVERYBODY_LISTS];
	bool		has_amounts;	/* lines have */
	bool		has_units;
	bool		has_prices;
} Shape;

/* The head of the area. */
typedef struct Shared
{
	/* Written before workers start, then only read. */
	Shape		shape;
	RecoScorerTask task;
	char		kernel[16];

	/* What changes. */
	pg_atomic_uint32 claimed;	/* blocks, which are claimed in order */
	pg_atomic_uint32 emitted;	/* blocks whose rows were handed out; only the leader changes it */
	pg_atomic_uint32 by_workers;	/* blocks that workers scored */
	ConditionVariable scored_one;	/* the leader waits for the next block */
	ConditionVariable emitted_one;	/* workers wait for a free slot */
} Shared;

typedef struct Area
{
	Shared	   *shared;
	char	   *model;			/* the file form, on a cache line */
	RecoScreen *screen;			/* of its factors */
	int64	   *start;			/* [users + 2], the lines of customer u are start[u] to start[u + 1] - 1 */
	RecoLine   *lines;
	RecoEverybody everybody;
	float	   *amounts;		/* [lines] what they came to; NULL: not wanted */
	double	   *units;			/* [items] what a piece brings; the same */
	double	   *prices;			/* [items] what it costs without offers; the same */
	uint64	   *skip;			/* bitmap over the items */
	pg_atomic_uint32 *scored;	/* [slots], 1 + the block whose rows are there */
	int32	   *found;			/* [slots x block_users], rows of a customer */
	RecoRecommendation *rows;	/* [slots x block_users x most_rows] */
} Area;

struct RecoBulk
{
	Area		area;
	const RecoModel *model;
	const RecoKernels *kernels;
	int			workers;		/* to ask for */
	dsm_segment *segment;		/* NULL without workers */
};

/* --- the area ---------------------------------------------------------------------------------------------- */

static RecoRagged
lay_out_list(Size *size, char *base, const RecoListShape *shape)
{
	RecoRagged	list = {.rows = shape->rows,.width = shape->width};

	if (list.rows == 0)
		return list;
	list.start = reco_workspace_take(size, base, reco_size_mul((Size) list.rows + 1, sizeof(int64)));
	list.elements = reco_workspace_take(size, base, reco_size_mul(shape->elements, list.width));
	return list;
}

/* Where everything is from base on, which is on a cache line; with NULL only the size. */
static Size
lay_out(Area *area, char *base, const Shape *shape)
{
	Size		slot_users = reco_size_mul(shape->slots, shape->block_users);
	Size		size = 0;
	int			i;

	area->shared = reco_workspace_take(&size, base, sizeof(Shared));
	area->model = reco_workspace_take(&size, base, shape->model_length);
	area->screen = reco_workspace_take(&size, base, shape->screen_length);
	area->start = reco_workspace_take(&size, base, reco_size_mul((Size) shape->users + 2, sizeof(int64)));
	area->lines = reco_workspace_take(&size, base, reco_size_mul(shape->lines, sizeof(RecoLine)));
	for (i = 0; i < RECO_EVERYBODY_LISTS; i++)
		area->everybody.lists[i] = lay_out_list(&size, base, &shape->lists[i]);
	area->amounts = shape->has_amounts ? reco_workspace_take(&size, base, reco_size_mul(shape->lines, sizeof(float))) : NULL;
	area->units = shape->has_units ? reco_workspace_take(&size, base, reco_size_mul(shape->items, sizeof(double))) : NULL;
	area->prices = shape->has_prices ? reco_workspace_take(&size, base, reco_size_mul(shape->items, sizeof(double))) : NULL;
	area->skip = reco_workspace_take(&size, base, reco_size_mul((Size) shape->items / 64 + 1, sizeof(uint64)));
	area->scored = reco_workspace_take(&size, base, reco_size_mul(shape->slots, sizeof(pg_atomic_uint32)));
	area->found = reco_workspace_take(&size, base, reco_size_mul(slot_users, sizeof(int32)));
	area->rows = reco_workspace_take(&size, base,
									 reco_size_mul(reco_size_mul(slot_users, shape->most_rows), sizeof(RecoRecommendation)));
	return size;
}

static Shape
make_shape(const RecoModel *model, const RecoScorerTask *task, int32 users, int64 lines, const RecoEverybody *everybody,
		   int workers)
{
	Shape		shape = {.users = users,.lines = lines,.items = model->items};
	int			processes = workers + 1;
	Size		rows_bytes;
	int			i;

	for (i = 0; i < RECO_EVERYBODY_LISTS; i++)
	{
		const RecoRagged *list = &everybody->lists[i];

		shape.lists[i] = (RecoListShape) {list->rows, list->width, reco_ragged_count(list)};
	}
	shape.most_rows = reco_scorer_most_rows(model, task);
	shape.has_amounts = task->value_weight > 0 && reco_usual_wants_amounts(model);
	shape.has_units = task->value_weight > 0 && task->shelf == NULL && task->unit_kind != RECO_UNIT_NONE;
	shape.has_prices = task->has_offers;
	rows_bytes = mul_size(shape.most_rows, sizeof(RecoRecommendation));
	shape.block_users = Min(BLOCK_USERS, BLOCK_BYTES / rows_bytes);
	if (workers > 0)
		shape.block_users = Min(shape.block_users, users / (BLOCKS_A_PROCESS * processes));
	shape.block_users = Max(shape.block_users, 1);
	shape.blocks = ((uint32) users + shape.block_users - 1) / shape.block_users;
	shape.slots = workers > 0 ? SLOTS_A_PROCESS * processes : 1;
	shape.model_length = workers > 0 ? reco_model_size(model) : 0;
	shape.screen_length = workers > 0 && model->screen != NULL ? reco_screen_size(model->items, model->factors) : 0;
	return shape;
}

/* How many workers would pay and are allowed. */
static int
useful_workers(const RecoModel *model, const RecoScorerTask *task, int32 users, int64 lines, const RecoEverybody *everybody)
{
	double		scan = (double) model->items * reco_stride(model->factors) * (model->screen != NULL ? NS_A_SCREENED : NS_A_FACTOR);
	double		beside = reco_everybody_is_known(everybody) ? NS_BESIDE : 0;
	double		work = users * (scan + NS_A_CUSTOMER + beside) + lines * NS_A_LINE;

	if (task->shelf != NULL || IsInParallelMode() || IsParallelWorker() || !IsUnderPostmaster)
		return 0;
	return (int) Min(Min(max_parallel_workers_per_gather, max_parallel_workers), work / NS_A_WORKER);
}

/* The area in shared memory, for as many workers as memory allows; NULL where it allows none or none would pay. */
static char *
share_area(RecoBulk *bulk, const RecoScorerTask *task, Shape *shape, const RecoEverybody *everybody, RecoBudget *budget)
{
	Size		private = reco_scorer_memory(bulk->model, task);
	int			workers = useful_workers(bulk->model, task, shape->users, shape->lines, everybody);

	for (; workers > 0; workers--)
	{
		Shape		parallel = make_shape(bulk->model, task, shape->users, shape->lines, everybody, workers);
		Area		area;
		Size		size = lay_out(&area, NULL, &parallel);

		if (!reco_budget_has_room(budget, add_size(size, mul_size(private, workers + 1))))
			continue;
		bulk->segment = reco_segment_create(size, workers, "recommend_all scores without workers");
		if (bulk->segment == NULL)
			return NULL;
		bulk->workers = workers;
		*shape = parallel;
		return dsm_segment_address(bulk->segment);
	}
	return NULL;
}

/* Lists of customers in the order of their ranks.  What is copied is given back. */
static void
take_over(Area *area, RecoEverybody *everybody, const int32 *rank, RecoBudget *budget)
{
	int			i;

	for (i = 0; i < RECO_EVERYBODY_LISTS; i++)
	{
		reco_ragged_copy(&area->everybody.lists[i], &everybody->lists[i], i < RECO_EVERYBODY_BY_CUSTOMER ? rank : NULL);
		reco_ragged_free(budget, &everybody->lists[i]);
	}
}

/* Without workers. */
static char *
own_area(const Shape *shape, RecoBudget *budget)
{
	Area		area;

	return reco_budget_alloc_aligned(budget, lay_out(&area, NULL, shape), 1, "order lines and answers");
}

static void
initialize(RecoBulk *bulk, const RecoScorerTask *task, const Shape *shape, const uint64 *skip)
{
	const Area *area = &bulk->area;
	Shared	   *shared = area->shared;
	uint32		i;

	shared->shape = *shape;
	shared->task = *task;
	strlcpy(shared->kernel, bulk->kernels->name, sizeof(shared->kernel));
	pg_atomic_init_u32(&shared->claimed, 0);
	pg_atomic_init_u32(&shared->emitted, 0);
	pg_atomic_init_u32(&shared->by_workers, 0);
	ConditionVariableInit(&shared->scored_one);
	ConditionVariableInit(&shared->emitted_one);
	for (i = 0; i < shape->slots; i++)
		pg_atomic_init_u32(&area->scored[i], 0);
	memset(area->start, 0, mul_size((Size) shape->users + 2, sizeof(int64)));
	memcpy(area->skip, skip, mul_size((Size) shape->items / 64 + 1, sizeof(uint64)));
	if (shape->model_length > 0)
	{
		RecoRun		run = reco_foldin_run(bulk->kernels);

		reco_foldin_check_status(reco_model_write(bulk->model, area->model, reco_checksum_crc32c, &run), "sharing the model");
		if (shape->screen_length > 0)
			memcpy(area->screen, bulk->model->screen, shape->screen_length);
	}
}

/*
 * Room for that many customers and lines, in shared memory if workers are to help, accounted for by the budget; skip is
 * a bitmap of items that must not come back; of what is known of everybody, rank says which customer a row is of, and the
 * memory is given back.  Before reco_bulk_run the caller fills in the lines and where each
 * customer's start.  Errors: configuration_limit_exceeded.
 */
RecoBulk *
reco_bulk_create(const RecoAnswering *a, const RecoScorerTask *task, int32 users, int64 lines, const uint64 *skip,
				 RecoEverybody *everybody, const int32 *rank, RecoBudget *budget)
{
	RecoBulk   *bulk = palloc0(sizeof(RecoBulk));
	Shape		shape = make_shape(a->model, task, users, lines, everybody, 0);
	char	   *base;

	bulk->model = a->model;
	bulk->kernels = a->run.kernels;
	base = share_area(bulk, task, &shape, everybody, budget);
	if (base == NULL)
		base = own_area(&shape, budget);
	Assert(base == (char *) TYPEALIGN(RECO_CACHE_LINE, base));
	(void) lay_out(&bulk->area, base, &shape);
	initialize(bulk, task, &shape, skip);
	take_over(&bulk->area, everybody, rank, budget);
	return bulk;
}

/* To be filled: [users + 2] zeros at first; the lines of customer u are start[u] to start[u + 1] - 1. */
int64 *
reco_bulk_start(const RecoBulk *bulk)
{
	return bulk->area.start;
}

/* To be filled. */
RecoLine *
reco_bulk_lines(const RecoBulk *bulk)
{
	return bulk->area.lines;
}

/* To be filled where it is not NULL: what the lines came to. */
float *
reco_bulk_amounts(const RecoBulk *bulk)
{
	return bulk->area.amounts;
}

/* To be filled where it is not NULL: what a piece of each item brings. */
double *
reco_bulk_units(const RecoBulk *bulk)
{
	return bulk->area.units;
}

/* To be filled where it is not NULL: what a piece of each item costs where there is no offer. */
double *
reco_bulk_prices(const RecoBulk *bulk)
{
	return bulk->area.prices;
}

/* --- blocks ------------------------------------------------------------------------------------------------ */

/* The next block of which nobody has begun; -1 if there is none, or (then *later) none whose slot is free. */
static int64
claim_block(const Area *area, bool *later)
{
	Shared	   *shared = area->shared;
	uint32		block = pg_atomic_read_u32(&shared->claimed);

	*later = false;
	do
	{
		if (block >= shared->shape.blocks)
			return -1;
		*later = block >= pg_atomic_read_u32(&shared->emitted) + shared->shape.slots;
		if (*later)
			return -1;
	} while (!pg_atomic_compare_exchange_u32(&shared->claimed, &block, block + 1));
	return block;
}

static bool
is_scored(const Area *area, uint32 block)
{
	bool		scored = pg_atomic_read_u32(&area->scored[block % area->shared->shape.slots]) == block + 1;

	/* Pairs with the barrier before the block was said to be scored. */
	pg_read_barrier();
	return scored;
}

/* The first customer of a block, and the one behind its last. */
static void
block_users(const Shape *shape, uint32 block, int32 *first, int32 *end)
{
	*first = (int32) (block * (uint32) shape->block_users);
	*end = (int32) Min((int64) *first + shape->block_users, shape->users);
}

/* The place of a customer's results. */
static Size
result_place(const Shape *shape, uint32 block, int32 user)
{
	return (Size) (block % shape->slots) * shape->block_users + user % shape->block_users;
}

static void
score_block(const Area *area, RecoScorer *scorer, uint32 block)
{
	const Shape *shape = &area->shared->shape;
	RecoScorerCustomer customers[BLOCK_USERS];
	int32		user;
	int32		end;
	int			i;

	block_users(shape, block, &user, &end);
	while (user < end)
	{
		int			n = Min(end - user, Min(reco_scorer_batch(scorer), BLOCK_USERS));
		Size		place = result_place(shape, block, user);

		for (i = 0; i < n; i++)
		{
			customers[i].user = user + i;
			customers[i].lines = area->lines + area->start[user + i];
			customers[i].amounts = area->amounts != NULL ? area->amounts + area->start[user + i] : NULL;
			customers[i].n_lines = area->start[user + i + 1] - area->start[user + i];
			customers[i].rows = area->rows + (place + i) * shape->most_rows;
		}
		reco_scorer_answer(scorer, customers, n);
		for (i = 0; i < n; i++)
			area->found[place + i] = customers[i].found;
		user += n;
		CHECK_FOR_INTERRUPTS();
	}
	pg_write_barrier();
	pg_atomic_write_u32(&area->scored[block % shape->slots], block + 1);
	/* Whoever looks before he sleeps must see it, or be found asleep. */
	pg_memory_barrier();
	ConditionVariableSignal(&area->shared->scored_one);
}

static void
emit_block(const Area *area, uint32 block, RecoBulkEmit emit, void *arg)
{
	const Shape *shape = &area->shared->shape;
	int32		user;
	int32		end;

	block_users(shape, block, &user, &end);
	for (; user < end; user++)
	{
		Size		place = result_place(shape, block, user);

		CHECK_FOR_INTERRUPTS();
		emit(arg, user, area->rows + place * shape->most_rows, area->found[place]);
	}
	pg_memory_barrier();
	pg_atomic_write_u32(&area->shared->emitted, block + 1);
	pg_memory_barrier();
	ConditionVariableBroadcast(&area->shared->emitted_one);
}

/* Hand out all blocks in order, and score whenever the next one is not there yet. */
static void
lead(const Area *area, RecoScorer *scorer, RecoBulkEmit emit, void *arg)
{
	uint32		next = 0;

	while (next < area->shared->shape.blocks)
	{
		int64		claimed;
		bool		later;

		CHECK_FOR_INTERRUPTS();
		if (is_scored(area, next))
		{
			emit_block(area, next++, emit, arg);
			continue;
		}
		claimed = claim_block(area, &later);
		if (claimed >= 0)
		{
			score_block(area, scorer, (uint32) claimed);
			continue;
		}
		/* Some worker has claimed it, and no other block can be claimed before this one is handed out. */
		while (!is_scored(area, next))
			ConditionVariableSleep(&area->shared->scored_one, PG_WAIT_EXTENSION);
		ConditionVariableCancelSleep();
	}
}

/* --- workers ----------------------------------------------------------------------------------------------- */

static void
follow(const Area *area, RecoScorer *scorer)
{
	for (;;)
	{
		int64		block;
		bool		later;

		while ((block = claim_block(area, &later)) < 0 && later)
			ConditionVariableSleep(&area->shared->emitted_one, PG_WAIT_EXTENSION);
		ConditionVariableCancelSleep();
		if (block < 0)
			return;
		score_block(area, scorer, (uint32) block);
		pg_atomic_fetch_add_u32(&area->shared->by_workers, 1);
	}
}

static RecoScorer *
make_scorer(const Area *area, const RecoModel *model, const RecoKernels *kernels)
{
	return reco_scorer_create(model, kernels, &area->shared->task, area->skip, &area->everybody, area->units, area->prices);
}

/* The model in the segment, which all processes score: one copy of it has better chances to stay in a shared cache. */
static void
open_shared_model(const Area *area, const RecoKernels *kernels, RecoModel *model)
{
	RecoRun		run = reco_foldin_run(kernels);
	const char *problem;

	if (reco_model_open(area->model, area->shared->shape.model_length, reco_checksum_crc32c, &run, model, &problem) != RECO_OK)
		elog(ERROR, "the model that the leader shared cannot be opened: %s", problem);
	model->screen = area->shared->shape.screen_length > 0 ? area->screen : NULL;
}

/* The entry point of workers. */
PGDLLEXPORT void reco_worker_score(dsm_segment *seg, shm_toc *toc);

void
reco_worker_score(dsm_segment *seg, shm_toc *toc)
{
	dsm_segment *segment = dsm_attach(*(dsm_handle *) shm_toc_lookup(toc, KEY_SEGMENT, false));
	const RecoKernels *kernels;
	RecoModel	model;
	Area		area;
	Shape		shape;

	(void) seg;
	if (segment == NULL)
		elog(ERROR, "the leader of recommend_all is gone");
	shape = ((Shared *) dsm_segment_address(segment))->shape;
	(void) lay_out(&area, dsm_segment_address(segment), &shape);
	kernels = reco_kernels_choose(area.shared->kernel);
	if (kernels == NULL)
		elog(ERROR, "no kernels \"%s\"", area.shared->kernel);
	open_shared_model(&area, kernels, &model);
	follow(&area, make_scorer(&area, &model, kernels));
	dsm_detach(segment);
}

static ParallelContext *
begin_workers(const RecoBulk *bulk)
{
	ParallelContext *context;
	dsm_handle *handle;

	EnterParallelMode();
	context = CreateParallelContext("$libdir/reco", "reco_worker_score", bulk->workers);
	shm_toc_estimate_chunk(&context->estimator, sizeof(dsm_handle));
	shm_toc_estimate_keys(&context->estimator, 1);
	InitializeParallelDSM(context);
	handle = shm_toc_allocate(context->toc, sizeof(dsm_handle));
	*handle = dsm_segment_handle(bulk->segment);
	shm_toc_insert(context->toc, KEY_SEGMENT, handle);
	LaunchParallelWorkers(context);
	return context;
}

/* All blocks are done; workers that only just come find nothing to do, and end. */
static void
end_workers(const RecoBulk *bulk, ParallelContext *context)
{
	const Shared *shared = bulk->area.shared;
	int			launched = context->nworkers_launched;

	WaitForParallelWorkersToFinish(context);
	DestroyParallelContext(context);
	ExitParallelMode();
	ereport(DEBUG1,
			(errmsg_internal("recommend_all: %d of %d workers launched, %u of %u blocks scored by them", launched, bulk->workers,
							 pg_atomic_read_u32(unconstify(pg_atomic_uint32 *, &shared->by_workers)), shared->shape.blocks)));
}

/*
 * Score everybody; emit is called for each customer in order, in this process, with his rows.  Once for a bulk, whose
 * area is given back afterwards.
 */
void
reco_bulk_run(RecoBulk *bulk, RecoBulkEmit emit, void *arg)
{
	ParallelContext *context = bulk->segment != NULL ? begin_workers(bulk) : NULL;
	RecoModel	model = *bulk->model;

	if (context != NULL)
		open_shared_model(&bulk->area, bulk->kernels, &model);
	lead(&bulk->area, make_scorer(&bulk->area, &model, bulk->kernels), emit, arg);
	if (context != NULL)
		end_workers(bulk, context);
	if (bulk->segment != NULL)
		dsm_detach(bulk->segment);
	memset(&bulk->area, 0, sizeof(bulk->area));
}
