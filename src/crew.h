/*
 * crew.h: the processes that train a model together.
 */
#ifndef RECO_CREW_H
#define RECO_CREW_H

#include "postgres.h"

#include "arena.h"
#include "kernels.h"
#include "progress.h"

/* What is done in blocks that any member may take. */
typedef enum RecoWork
{
	RECO_WORK_GRAM,				/* fit.c */
	RECO_WORK_ROTATE,
	RECO_WORK_ROWS,
	RECO_WORK_COMPLEMENTS_LIST, /* fit_complements.c */
	RECO_WORK_COMPLEMENTS_SOLVE,
	RECO_WORK_COMPLEMENTS_FILL,
	RECO_WORK_COMPLEMENTS_PANEL,
	RECO_WORK_COMPLEMENTS_UPDATE,
	RECO_WORK_COMPLEMENTS_KEEP,
	RECO_WORK_CASES,			/* trials.c */
	RECO_WORK_SAMPLES,
	RECO_WORKS
} RecoWork;

struct RecoCrewBoard;

/* One of the processes. */
typedef struct RecoMember
{
	RecoRun		run;
	struct RecoCrewBoard *board;
	char	   *base;			/* where it sees the memory that all see; NULL: there is only one member */
	MemoryContext context;		/* for what it keeps */
	void	   *kept[RECO_WORKS];	/* from block to block, each kind of work its own; NULL at first */
} RecoMember;

/* Do one block; the arguments are the same for all blocks of a phase. */
typedef void (*RecoCrewWork) (RecoMember *member, const void *arguments, uint32 block);

/* An address that means the same to all members. */
typedef uintptr_t RecoPlace;

static inline RecoPlace
reco_crew_place(const RecoMember *member, const void *address)
{
	return (uintptr_t) address - (uintptr_t) member->base;
}

static inline void *
reco_crew_address(const RecoMember *member, RecoPlace place)
{
	return (void *) ((uintptr_t) member->base + place);
}

typedef struct RecoCrew RecoCrew;

extern RecoCrew *reco_crew_begin(RecoBudget *budget, const RecoKernels *kernels, double work, Size memory,
								 Size member_memory, Size beside);
extern RecoArena *reco_crew_arena(RecoCrew *crew);
extern RecoMember *reco_crew_leader(RecoCrew *crew);
extern void reco_crew_work(RecoCrew *crew, RecoWork work, const void *arguments, Size size, uint32 blocks,
						   RecoProgress *progress);
extern void reco_crew_work_alone(RecoCrew *crew, RecoWork work, const void *arguments, uint32 blocks,
								 RecoProgress *progress);
extern void reco_crew_await_turn(RecoMember *member, uint32 block);
extern void reco_crew_end_turn(RecoMember *member, uint32 block);
extern void reco_crew_end(RecoCrew *crew);

#endif							/* RECO_CREW_H */
