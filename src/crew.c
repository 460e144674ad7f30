/*
 * crew.c: lets parallel workers help to train a model, phase after phase.
 *
 * The leader trains as if it were alone; where a phase can be cut into blocks, it writes on a board in shared memory what
 * is to be done, and whoever is there claims block after block.  The leader claims blocks too, and then waits for those
 * that others have begun: for processes that run, never for a worker that did not come.  Between phases workers sleep.
 * Alone, the leader goes through the same phases, over private memory: there is one code for any number of processes,
 * and what a block computes depends on the block alone, or on all blocks before it in their order.
 *
 * One number, "left", says which phase it is and how many of its blocks nobody has begun.  A block is claimed by
 * replacing that number with the next one, which fails where anybody was faster or the phase is another by now; so a
 * worker may come late, or read the number and be held up for as long as it likes.  Who holds a block can read the rest
 * of the board in peace: the leader rewrites it when all blocks of the phase are finished.
 *
 * Workers look at no catalog and at none of the session's state, and write nothing but shared memory.  A worker that fails
 * or dies is noticed by CHECK_FOR_INTERRUPTS, which every wait contains, and ends the statement.
 */
#include "postgres.h"

#include "crew.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "fit.h"
#include "fit_complements.h"
#include "foldin.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "segment.h"
#include "storage/condition_variable.h"
#include "storage/shm_toc.h"
#include "trials.h"
#include "utils/wait_event.h"

#define KEY_SEGMENT UINT64CONST(1)	/* in the table of contents that workers get */
#define WORK_OF_A_WORKER	500000000.0	/* multiplications from where on one more pays: starting it takes about 10 ms */
#define MAX_ARGUMENTS		1024		/* bytes */

static const RecoCrewWork works[RECO_WORKS] = {
	[RECO_WORK_GRAM] = reco_fit_gram,
	[RECO_WORK_ROTATE] = reco_fit_rotate,
	[RECO_WORK_ROWS] = reco_fit_rows,
	[RECO_WORK_COMPLEMENTS_LIST] = reco_fit_complements_list,
	[RECO_WORK_COMPLEMENTS_SOLVE] = reco_fit_complements_solve,
	[RECO_WORK_COMPLEMENTS_FILL] = reco_fit_complements_fill,
	[RECO_WORK_COMPLEMENTS_PANEL] = reco_fit_complements_panel,
	[RECO_WORK_COMPLEMENTS_UPDATE] = reco_fit_complements_update,
	[RECO_WORK_COMPLEMENTS_KEEP] = reco_fit_complements_keep,
	[RECO_WORK_CASES] = reco_trials_case,
	[RECO_WORK_SAMPLES] = reco_trials_sample
};

typedef struct RecoCrewBoard
{
	/* Written before workers start, then only read. */
	char		kernel[16];

	/* Written by the leader between phases, read by whoever holds a block. */
	RecoWork	work;
	uint32		blocks;
	char		arguments[MAX_ARGUMENTS] pg_attribute_aligned(8);

	/* What changes. */
	pg_atomic_uint64 left;		/* number of the phase << 32 | blocks that nobody has begun */
	pg_atomic_uint32 finished;	/* blocks */
	pg_atomic_uint32 turn;		/* the block whose turn it is, where they take turns */
	pg_atomic_uint32 over;		/* there will be no more phases */
	pg_atomic_uint32 by_workers;	/* blocks, of all phases */
	ConditionVariable begun;	/* workers wait for a phase */
	ConditionVariable ended;	/* the leader waits for the last block */
	ConditionVariable turned;	/* members wait for their turns */
} RecoCrewBoard;

struct RecoCrew
{
	RecoMember	leader;
	RecoArena	arena;
	RecoBudget *budget;
	Size		counted;		/* bytes of shared memory and of workers, in the budget */
	int			workers;		/* to ask for */
	uint64		blocks;			/* of all phases */
	dsm_segment *segment;		/* NULL without workers */
	ParallelContext *context;	/* NULL without workers */
};

/* --- blocks ------------------------------------------------------------------------------------------------ */

/* The next block of the phase at hand; -1 if there is none. */
static int64
claim_block(RecoCrewBoard *board)
{
	uint64		left = pg_atomic_read_u64(&board->left);

	do
	{
		if ((uint32) left == 0)
			return -1;
	} while (!pg_atomic_compare_exchange_u64(&board->left, &left, left - 1));
	return (int64) board->blocks - (uint32) left;
}

static void
do_block(RecoMember *member, uint32 block)
{
	RecoCrewBoard *board = member->board;
	uint32		blocks = board->blocks;

	works[board->work] (member, board->arguments, block);
	/* A full barrier, so what the block wrote is seen by who sees it finished. */
	if (pg_atomic_fetch_add_u32(&board->finished, 1) + 1 == blocks)
		ConditionVariableSignal(&board->ended);
}

static bool
all_finished(RecoCrewBoard *board)
{
	bool		finished = pg_atomic_read_u32(&board->finished) == board->blocks;

	pg_read_barrier();
	return finished;
}

static void
begin_phase(RecoCrewBoard *board, RecoWork work, const void *arguments, Size size, uint32 blocks)
{
	uint64		phase = (pg_atomic_read_u64(&board->left) >> 32) + 1;

	if (size > MAX_ARGUMENTS)
		elog(ERROR, "%zu bytes of arguments", size);
	board->work = work;
	board->blocks = blocks;
	memcpy(board->arguments, arguments, size);
	pg_atomic_write_u32(&board->finished, 0);
	pg_atomic_write_u32(&board->turn, 0);
	pg_write_barrier();
	pg_atomic_write_u64(&board->left, phase << 32 | blocks);
	/* Whoever looks before he sleeps must see it, or be found asleep. */
	pg_memory_barrier();
	ConditionVariableBroadcast(&board->begun);
}

/* Tell how many blocks are finished; *told is how many were the last time. */
static void
advance(RecoCrewBoard *board, RecoProgress *progress, uint32 *told)
{
	uint32		finished = pg_atomic_read_u32(&board->finished);

	reco_progress_advance(progress, finished - *told);
	*told = finished;
}

/*
 * All blocks of a phase, by whoever is there; returns when all are done.  The arguments are copied; what they point to
 * is given as places.  A progress, or NULL, is advanced by the number of blocks.  Errors: those of the work, wherever
 * it was done.
 */
void
reco_crew_work(RecoCrew *crew, RecoWork work, const void *arguments, Size size, uint32 blocks, RecoProgress *progress)
{
	RecoCrewBoard *board = crew->leader.board;
	uint32		told = 0;
	int64		block;

	begin_phase(board, work, arguments, size, blocks);
	while ((block = claim_block(board)) >= 0)
	{
		do_block(&crew->leader, (uint32) block);
		advance(board, progress, &told);
		CHECK_FOR_INTERRUPTS();
	}
	while (!all_finished(board))
		ConditionVariableSleep(&board->ended, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
	advance(board, progress, &told);
	crew->blocks += blocks;
}

/* The same by the leader alone, for arguments that point to private memory; not where blocks take turns. */
void
reco_crew_work_alone(RecoCrew *crew, RecoWork work, const void *arguments, uint32 blocks, RecoProgress *progress)
{
	uint32		block;

	for (block = 0; block < blocks; block++)
	{
		works[work] (&crew->leader, arguments, block);
		reco_progress_advance(progress, 1);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * Wait until all blocks before this one have ended their turns, which each block of such a phase must do.  Blocks are
 * claimed in order, so they all are in the hands of processes that run.
 */
void
reco_crew_await_turn(RecoMember *member, uint32 block)
{
	RecoCrewBoard *board = member->board;

	while (pg_atomic_read_u32(&board->turn) != block)
		ConditionVariableSleep(&board->turned, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
	pg_read_barrier();
}

void
reco_crew_end_turn(RecoMember *member, uint32 block)
{
	RecoCrewBoard *board = member->board;

	pg_write_barrier();
	pg_atomic_write_u32(&board->turn, block + 1);
	pg_memory_barrier();
	ConditionVariableBroadcast(&board->turned);
}

/* --- workers ----------------------------------------------------------------------------------------------- */

static void
follow(RecoMember *member)
{
	RecoCrewBoard *board = member->board;

	for (;;)
	{
		int64		block;

		while ((block = claim_block(board)) < 0 && pg_atomic_read_u32(&board->over) == 0)
			ConditionVariableSleep(&board->begun, PG_WAIT_EXTENSION);
		ConditionVariableCancelSleep();
		if (block < 0)
			return;
		do_block(member, (uint32) block);
		pg_atomic_fetch_add_u32(&board->by_workers, 1);
		CHECK_FOR_INTERRUPTS();
	}
}

/* The entry point of workers. */
PGDLLEXPORT void reco_worker_train(dsm_segment *seg, shm_toc *toc);

void
reco_worker_train(dsm_segment *seg, shm_toc *toc)
{
	dsm_segment *segment = dsm_attach(*(dsm_handle *) shm_toc_lookup(toc, KEY_SEGMENT, false));
	const RecoKernels *kernels;
	RecoMember	member = {.context = CurrentMemoryContext};

	(void) seg;
	if (segment == NULL)
		elog(ERROR, "the leader of a training is gone");
	member.base = dsm_segment_address(segment);
	member.board = (RecoCrewBoard *) member.base;
	kernels = reco_kernels_choose(member.board->kernel);
	if (kernels == NULL)
		elog(ERROR, "no kernels \"%s\"", member.board->kernel);
	member.run = reco_foldin_run(kernels);
	follow(&member);
	dsm_detach(segment);
}

static void
begin_workers(RecoCrew *crew)
{
	dsm_handle *handle;

	EnterParallelMode();
	crew->context = CreateParallelContext("$libdir/reco", "reco_worker_train", crew->workers);
	shm_toc_estimate_chunk(&crew->context->estimator, sizeof(dsm_handle));
	shm_toc_estimate_keys(&crew->context->estimator, 1);
	InitializeParallelDSM(crew->context);
	handle = shm_toc_allocate(crew->context->toc, sizeof(dsm_handle));
	*handle = dsm_segment_handle(crew->segment);
	shm_toc_insert(crew->context->toc, KEY_SEGMENT, handle);
	LaunchParallelWorkers(crew->context);
}

/* --- the crew ---------------------------------------------------------------------------------------------- */

/* How many workers would pay and are allowed. */
static int
useful_workers(double work)
{
	if (IsInParallelMode() || IsParallelWorker() || !IsUnderPostmaster)
		return 0;
	return (int) Min(Min(max_parallel_maintenance_workers, max_parallel_workers), work / WORK_OF_A_WORKER);
}

/* Shared memory, for as many workers as the limit allows; none where it allows none or none would pay. */
static void
share_memory(RecoCrew *crew, double work, Size memory, Size member_memory, Size beside)
{
	Size		board = reco_size_align(sizeof(RecoCrewBoard));
	Size		size = add_size(board, memory);
	int			workers = useful_workers(work);

	while (workers > 0 && !reco_budget_has_room(crew->budget, add_size(add_size(size, beside), mul_size(member_memory, workers + 1))))
		workers--;
	if (workers == 0)
		return;
	crew->segment = reco_segment_create(size, workers, "training goes on without workers");
	if (crew->segment == NULL)
		return;
	crew->workers = workers;
	crew->leader.base = dsm_segment_address(crew->segment);
	crew->leader.board = (RecoCrewBoard *) crew->leader.base;
	crew->arena.base = crew->leader.base + board;
	crew->arena.size = memory;
	crew->counted = add_size(size, mul_size(member_memory, workers));
	reco_budget_count(crew->budget, crew->counted);
}

static void
initialize(RecoCrewBoard *board, const RecoKernels *kernels)
{
	memset(board, 0, sizeof(*board));
	strlcpy(board->kernel, kernels->name, sizeof(board->kernel));
	pg_atomic_init_u64(&board->left, 0);
	pg_atomic_init_u32(&board->finished, 0);
	pg_atomic_init_u32(&board->turn, 0);
	pg_atomic_init_u32(&board->over, 0);
	pg_atomic_init_u32(&board->by_workers, 0);
	ConditionVariableInit(&board->begun);
	ConditionVariableInit(&board->ended);
	ConditionVariableInit(&board->turned);
}

/*
 * Begin to train together, as many as max_parallel_maintenance_workers, the work (in multiplications) and the budget
 * allow: memory for all, which is the arena from then on, member_memory for each process, and beside, which the leader
 * will take besides.  Where there are to be no workers nothing is taken yet.  Until reco_crew_end the session is in
 * parallel mode if there are workers: no writes, no subtransactions.
 */
RecoCrew *
reco_crew_begin(RecoBudget *budget, const RecoKernels *kernels, double work, Size memory, Size member_memory, Size beside)
{
	RecoCrew   *crew = MemoryContextAllocZero(budget->context, sizeof(RecoCrew));

	crew->budget = budget;
	crew->arena.budget = budget;
	crew->leader.run = reco_foldin_run(kernels);
	crew->leader.context = budget->context;
	share_memory(crew, work, memory, member_memory, beside);
	if (crew->leader.board == NULL)
		crew->leader.board = MemoryContextAllocZero(budget->context, sizeof(RecoCrewBoard));
	initialize(crew->leader.board, kernels);
	if (crew->segment != NULL)
		begin_workers(crew);
	return crew;
}

/* The memory that all members see. */
RecoArena *
reco_crew_arena(RecoCrew *crew)
{
	return &crew->arena;
}

/* This process. */
RecoMember *
reco_crew_leader(RecoCrew *crew)
{
	return &crew->leader;
}

/* No more phases: workers go home, and what was in the arena is gone where it was shared. */
void
reco_crew_end(RecoCrew *crew)
{
	RecoCrewBoard *board = crew->leader.board;
	int			launched;

	if (crew->segment == NULL)
		return;
	launched = crew->context->nworkers_launched;
	pg_atomic_write_u32(&board->over, 1);
	pg_memory_barrier();
	ConditionVariableBroadcast(&board->begun);
	WaitForParallelWorkersToFinish(crew->context);
	DestroyParallelContext(crew->context);
	ExitParallelMode();
	ereport(DEBUG1,
			(errmsg_internal("training: %d of %d workers launched, %u of " UINT64_FORMAT " blocks done by them", launched, crew->workers,
							 pg_atomic_read_u32(&board->by_workers), crew->blocks)));
	dsm_detach(crew->segment);
	reco_budget_uncount(crew->budget, crew->counted);
	crew->segment = NULL;
	crew->arena.base = NULL;
}
