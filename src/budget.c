/*
 * budget.c: allocates large arrays, each compared with the limit before it is taken.
 *
 * A model never depends silently on a memory setting: what does not fit is an error that says how much is needed, for
 * what, and which setting gives it.
 */
#include "postgres.h"

#include "budget.h"

#include "miscadmin.h"
#include "numeric.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#define MEGABYTE ((Size) 1024 * 1024)
#define ZERO_PIECE (4 * MEGABYTE)
#define ADVICE_TO_TRAINING "training takes less with fewer factors and without exact complements"

/*
 * A budget with its own memory context under parent, for some work; delete the context to free everything.  What is advised
 * where it does not fit is for training: other work sets its own.
 */
RecoBudget *
reco_budget_create(MemoryContext parent, const char *work, Size limit)
{
	MemoryContext context = AllocSetContextCreate(parent, "reco training", ALLOCSET_START_SMALL_SIZES);
	RecoBudget *budget = MemoryContextAllocZero(context, sizeof(RecoBudget));

	budget->context = context;
	budget->current = context;
	budget->work = work;
	budget->advice = ADVICE_TO_TRAINING;
	budget->limit = limit;
	return budget;
}

/*
 * The same without a memory context of its own: what is taken is counted, and lives as long as context.  For the many
 * small states of a hashed aggregate, whose memory the executor adds up context by context for each new group.
 */
RecoBudget *
reco_budget_share(MemoryContext context, const char *work, Size limit)
{
	RecoBudget *budget = MemoryContextAllocZero(context, sizeof(RecoBudget));

	budget->context = context;
	budget->current = context;
	budget->work = work;
	budget->advice = ADVICE_TO_TRAINING;
	budget->limit = limit;
	budget->shared = true;
	return budget;
}

static Size
allocated(const RecoBudget *budget)
{
	return add_size(budget->beside, budget->shared ? budget->taken : MemoryContextMemAllocated(budget->context, true));
}

/*
 * For a stage of the same work that ends before the other budget goes on: its own memory context, next to that of the
 * other, within the same limit.
 */
RecoBudget *
reco_budget_create_beside(const RecoBudget *other)
{
	RecoBudget *budget = reco_budget_create(MemoryContextGetParent(other->context), other->work, other->limit);

	budget->beside = allocated(other);
	return budget;
}

/*
 * From now on allocate in a memory context of its own, which reco_budget_end frees as a whole.  Returns what that needs.
 */
MemoryContext
reco_budget_begin(RecoBudget *budget, const char *name)
{
	MemoryContext outer = budget->current;

	budget->current = AllocSetContextCreate(outer, "reco training stage", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSetIdentifier(budget->current, name);
	return outer;
}

void
reco_budget_end(RecoBudget *budget, MemoryContext outer)
{
	MemoryContextDelete(budget->current);
	budget->current = outer;
}

/* Whether so many more bytes fit. */
bool
reco_budget_has_room(const RecoBudget *budget, Size more)
{
	return add_size(allocated(budget), more) <= budget->limit;
}

/*
 * Make sure that so many more bytes fit, or raise configuration_limit_exceeded.
 */
void
reco_budget_require(RecoBudget *budget, Size more, const char *purpose)
{
	Size		needed = add_size(allocated(budget), more);

	if (needed > budget->limit)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("%s needs at least %zu MB of memory, but maintenance_work_mem is %zu MB",
						budget->work, (needed + MEGABYTE - 1) / MEGABYTE, budget->limit / MEGABYTE),
				 errdetail("The last part asked for was %zu MB for %s.", (more + MEGABYTE - 1) / MEGABYTE, purpose),
				 errhint("SET maintenance_work_mem = '%zuMB' (more if it says so again); %s.",
						 ((needed / MEGABYTE) / 64 + 1) * 64, budget->advice)));
}

static void
note_peak(RecoBudget *budget)
{
	budget->peak = Max(budget->peak, allocated(budget));
}

/* Memory that was taken elsewhere, such as shared memory, counts too; the caller has asked for room. */
void
reco_budget_count(RecoBudget *budget, Size bytes)
{
	budget->beside = add_size(budget->beside, bytes);
	note_peak(budget);
}

/* It was given back. */
void
reco_budget_uncount(RecoBudget *budget, Size bytes)
{
	budget->beside -= bytes;
}

/* Memory by the gigabyte takes a second to be touched for the first time: in pieces, so that a cancel finds a gap. */
static void
zero(char *memory, Size bytes)
{
	Size		at;

	for (at = 0; at < bytes; at += ZERO_PIECE)
	{
		CHECK_FOR_INTERRUPTS();
		memset(memory + at, 0, Min(ZERO_PIECE, bytes - at));
	}
}

/* Zeroed memory for count things; count 0 gives a valid pointer too. */
void *
reco_budget_alloc(RecoBudget *budget, Size count, Size size, const char *purpose)
{
	Size		bytes = Max(mul_size(count, size), 1);
	void	   *memory;

	reco_budget_require(budget, bytes, purpose);
	memory = MemoryContextAllocExtended(budget->current, bytes, MCXT_ALLOC_HUGE);
	budget->taken += GetMemoryChunkSpace(memory);
	note_peak(budget);
	zero(memory, bytes);
	return memory;
}

/* Give back what reco_budget_alloc gave; with a budget that shares its context pfree would not be noticed. */
void
reco_budget_free(RecoBudget *budget, void *memory)
{
	budget->taken -= GetMemoryChunkSpace(memory);
	pfree(memory);
}

/*
 * The same on a cache line, as the numeric rooms want it.  It cannot be passed to pfree or resized: it lives as long as
 * the memory context.
 */
void *
reco_budget_alloc_aligned(RecoBudget *budget, Size count, Size size, const char *purpose)
{
	char	   *memory = reco_budget_alloc(budget, add_size(mul_size(count, size), RECO_CACHE_LINE), 1, purpose);

	return (void *) TYPEALIGN(RECO_CACHE_LINE, memory);
}

/* Change the size of what reco_budget_alloc gave; what is new is not zeroed. */
void *
reco_budget_resize(RecoBudget *budget, void *memory, Size old_count, Size count, Size size, const char *purpose)
{
	Size		bytes = Max(mul_size(count, size), 1);

	if (count > old_count)
		reco_budget_require(budget, mul_size(count - old_count, size), purpose);
	budget->taken -= GetMemoryChunkSpace(memory);
	memory = repalloc_huge(memory, bytes);
	budget->taken += GetMemoryChunkSpace(memory);
	note_peak(budget);
	return memory;
}
