/*
 * stopping.c: tells when further iterations of a fit are not worth their time, by the loss of held-out orders.
 *
 * The half of a held-out order that is visible is folded in, and the loss is what iALS would count for the other half:
 *
 *		sum over hidden items (1 - x.y)^2  +  a0 sum over all items (x.y)^2
 *
 * The second sum is x'(a0 Y'Y)x, a diagonal at the moment when this is asked (fit.c), so that a case costs a fold-in and
 * nothing that grows with the number of items.  A few hundred cases, by the leader alone and in their order: the same
 * answer for any number of workers.  Unlike the recall of as many cases it changes smoothly from iteration to iteration.
 * (src/README has what it was on real data.)
 */
#include "postgres.h"

#include "stopping.h"

#include <math.h>

#include "cases.h"
#include "foldin.h"
#include "storage/shmem.h"
#include "utils/float.h"
#include "utils/memutils.h"

#define CASES 300
#define LEAST_GAIN 0.01			/* of an iteration, of what all since the first have gained */

struct RecoStopping
{
	double		lambda;
	double		first_loss;		/* after the first iteration; infinite before */
	double		loss;			/* after the last */
	int			n;
	RecoCase   *cases;
	int32	   *items;
};

/* Some held-out orders, in the memory context of the interactions' budget. */
RecoStopping *
reco_stopping_create(const RecoInteractions *interactions, TimestampTz cut, double lambda, int seed)
{
	RecoStopping *stopping = MemoryContextAllocZero(interactions->budget->context, sizeof(RecoStopping));
	MemoryContext context = AllocSetContextCreate(interactions->budget->context, "reco held-out orders",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	RecoCases  *cases = reco_cases_make(interactions, NULL, NULL, cut, seed, CASES);
	int64		n_items = 0;
	int			i;

	MemoryContextSwitchTo(interactions->budget->context);
	stopping->lambda = lambda;
	stopping->first_loss = stopping->loss = get_float8_infinity();
	stopping->n = cases->n;
	stopping->cases = palloc(mul_size(Max(cases->n, 1), sizeof(RecoCase)));
	stopping->items = palloc(mul_size(Max(cases->n, 1), RECO_CASE_MAX_ITEMS * sizeof(int32)));
	for (i = 0; i < cases->n; i++)
	{
		RecoCase	test = cases->list[i];
		int32		count = test.n_visible + test.n_hidden;

		memcpy(stopping->items + n_items, cases->items + test.first, count * sizeof(int32));
		test.first = n_items;
		n_items += count;
		stopping->cases[i] = test;
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	return stopping;
}

static double
case_loss(const RecoStopping *stopping, const RecoCase *test, const RecoFactors *factors, RecoFoldIn *foldin)
{
	const int32 *items = stopping->items + test->first;
	RecoEntry	entries[RECO_CASE_MAX_ITEMS];
	RecoVector	vector;
	double		loss = 0;
	int			i;

	for (i = 0; i < test->n_visible; i++)
		entries[i] = (RecoEntry) {items[i], reco_lines_entry_weight(1)};
	reco_foldin_bag(foldin, entries, test->n_visible, stopping->lambda, &vector);
	for (i = 0; i < factors->factors; i++)
		loss += factors->unobserved * factors->gram_diagonal[i] * vector.x[i] * vector.x[i];
	for (i = test->n_visible; i < test->n_visible + test->n_hidden; i++)
	{
		double		miss = 1 - reco_folding_score(factors, items[i], vector.x);

		loss += miss * miss;
	}
	return loss;
}

static double
sum_losses(const RecoStopping *stopping, const RecoFactors *factors, const RecoRun *run)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "reco held-out orders", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);
	RecoFoldIn *foldin = reco_foldin_create(factors, run);
	double		loss = 0;
	int			i;

	for (i = 0; i < stopping->n; i++)
		loss += case_loss(stopping, &stopping->cases[i], factors, foldin);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	return loss;
}

/*
 * Whether the last iteration brought next to nothing; to be asked after each, of factors as reco_ials_finish would leave
 * them.  Not after the first, nor where there are no cases.  Errors: those of fold-in.
 */
bool
reco_stopping_is_done(RecoStopping *stopping, const RecoFactors *factors, const RecoRun *run)
{
	double		before = stopping->loss;

	if (stopping->n == 0)
		return false;
	stopping->loss = sum_losses(stopping, factors, run);
	ereport(DEBUG1, (errmsg_internal("training: loss of %d held-out orders: %.6g", stopping->n, stopping->loss)));
	if (isinf(before))
	{
		stopping->first_loss = stopping->loss;
		return false;
	}
	return before - stopping->loss <= LEAST_GAIN * (stopping->first_loss - stopping->loss);
}
