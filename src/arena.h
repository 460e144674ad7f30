/*
 * arena.h: memory of a stage of training, private or shared with other processes.
 */
#ifndef RECO_ARENA_H
#define RECO_ARENA_H

#include "postgres.h"

#include "budget.h"

typedef struct RecoArena
{
	RecoBudget *budget;
	char	   *base;			/* on a cache line; NULL: memory is taken from the budget, piece by piece */
	Size		size;			/* from base on; the budget has counted it */
	Size		used;
} RecoArena;

typedef struct RecoArenaMark
{
	Size		used;
	MemoryContext outer;
} RecoArenaMark;

extern RecoArenaMark reco_arena_begin(RecoArena *arena, const char *name);
extern void reco_arena_end(RecoArena *arena, RecoArenaMark mark);
extern bool reco_arena_has_room(const RecoArena *arena, Size bytes);
extern void *reco_arena_take(RecoArena *arena, Size count, Size size, const char *purpose);

#endif							/* RECO_ARENA_H */
