/*
 * arena.c: hands out the memory of a stage of training, from one large piece where other processes are to see it.
 *
 * Memory that nobody has touched yet costs seconds a gigabyte: whatever a stage took goes back to the piece as a whole,
 * and the next one gets the same pages.
 */
#include "postgres.h"

#include "arena.h"

#include "numeric.h"
#include "storage/shmem.h"

/* From now on what is taken is of a stage, and goes back with reco_arena_end.  Stages may be nested. */
RecoArenaMark
reco_arena_begin(RecoArena *arena, const char *name)
{
	RecoArenaMark mark = {arena->used, NULL};

	if (arena->base == NULL)
		mark.outer = reco_budget_begin(arena->budget, name);
	return mark;
}

void
reco_arena_end(RecoArena *arena, RecoArenaMark mark)
{
	if (arena->base == NULL)
		reco_budget_end(arena->budget, mark.outer);
	arena->used = mark.used;
}

/* Whether so many more bytes can be taken, in one piece. */
bool
reco_arena_has_room(const RecoArena *arena, Size bytes)
{
	if (arena->base == NULL)
		return reco_budget_has_room(arena->budget, bytes);
	return reco_size_align(bytes) <= arena->size - arena->used;
}

/*
 * Memory for count things, on a cache line; what is in it is left open.  Errors: configuration_limit_exceeded.
 */
void *
reco_arena_take(RecoArena *arena, Size count, Size size, const char *purpose)
{
	Size		bytes = mul_size(count, size);
	char	   *memory;

	if (arena->base == NULL)
		return reco_budget_alloc_aligned(arena->budget, count, size, purpose);
	if (!reco_arena_has_room(arena, bytes))
		elog(ERROR, "no room for %zu bytes of %s: %zu of %zu are taken", bytes, purpose, arena->used, arena->size);
	memory = arena->base + arena->used;
	arena->used += reco_size_align(bytes);
	return memory;
}
