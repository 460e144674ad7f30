/*
 * budget.h: memory that is accounted for before it is taken.
 */
#ifndef RECO_BUDGET_H
#define RECO_BUDGET_H

#include "postgres.h"

typedef struct RecoBudget
{
	MemoryContext context;		/* all of it is allocated here or in children */
	MemoryContext current;		/* where allocations go now: context, or a child */
	const char *work;			/* what needs it, for messages */
	const char *advice;			/* what takes less, for hints */
	Size		limit;			/* bytes */
	Size		beside;			/* bytes that are not in context: shared memory, and what another budget of the same
								 * limit had when this one began */
	Size		peak;			/* bytes, the most that was allocated at once */
	bool		shared;			/* the context holds other things too: what was taken is counted */
	Size		taken;			/* bytes, where the context is shared */
} RecoBudget;

extern RecoBudget *reco_budget_create(MemoryContext parent, const char *work, Size limit);
extern RecoBudget *reco_budget_create_beside(const RecoBudget *other);
extern RecoBudget *reco_budget_share(MemoryContext context, const char *work, Size limit);
extern MemoryContext reco_budget_begin(RecoBudget *budget, const char *name);
extern void reco_budget_end(RecoBudget *budget, MemoryContext outer);
extern bool reco_budget_has_room(const RecoBudget *budget, Size more);
extern void reco_budget_require(RecoBudget *budget, Size more, const char *purpose);
extern void reco_budget_count(RecoBudget *budget, Size bytes);
extern void reco_budget_uncount(RecoBudget *budget, Size bytes);
extern void *reco_budget_alloc(RecoBudget *budget, Size count, Size size, const char *purpose);
extern void reco_budget_free(RecoBudget *budget, void *memory);
extern void *reco_budget_alloc_aligned(RecoBudget *budget, Size count, Size size, const char *purpose);
extern void *reco_budget_resize(RecoBudget *budget, void *memory, Size old_count, Size count, Size size, const char *purpose);

#endif							/* RECO_BUDGET_H */
