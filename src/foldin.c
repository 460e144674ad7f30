/*
 * foldin.c: turns a bag of items into a vector, in training's held-out trials and in requests alike.
 *
 * The mathematics is in folding.c (reco_folding_solve); here are its memory and its errors, and how the vectors of two bags
 * become the query against which items are scored: scores are linear in it, so the sum of two scores is the score of a
 * sum.
 */
#include "postgres.h"

#include "foldin.h"

#include "miscadmin.h"
#include "utils/memutils.h"

struct RecoFoldIn
{
	const RecoFactors *factors;
	const RecoRun *run;
	MemoryContext context;
	int64		capacity;		/* entries that the arrays and the workspace are made for */
	int32	   *items;
	float	   *weights;
	void	   *workspace;
};

static bool
check_for_interrupts(void *arg)
{
	(void) arg;
	CHECK_FOR_INTERRUPTS();
	return true;
}

/* How numeric routines run inside the server. */
RecoRun
reco_foldin_run(const RecoKernels *kernels)
{
	RecoRun		run = {kernels, check_for_interrupts, NULL};

	return run;
}

/* Errors of numeric routines that no input should lead to. */
void
reco_foldin_check_status(RecoStatus status, const char *what)
{
	if (status == RECO_OK)
		return;
	if (status == RECO_NOT_FINITE || status == RECO_NOT_CONVERGED)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s did not converge", what),
				 errhint("Use a larger regularization or fewer factors (reco.alter_model, then reco.train).")));
	elog(ERROR, "%s failed with status %d", what, (int) status);
}

/* For bags over these factors, in the current memory context; factors and run must live as long. */
RecoFoldIn *
reco_foldin_create(const RecoFactors *factors, const RecoRun *run)
{
	RecoFoldIn *foldin = palloc0(sizeof(RecoFoldIn));

	foldin->factors = factors;
	foldin->run = run;
	foldin->context = CurrentMemoryContext;
	return foldin;
}

static void
make_room(RecoFoldIn *foldin, int64 n)
{
	int64		capacity = Max(n, 64);
	MemoryContext old_context;
	char	   *workspace;

	if (n <= foldin->capacity)
		return;
	old_context = MemoryContextSwitchTo(foldin->context);
	capacity = Max(capacity, foldin->capacity * 2);
	foldin->items = palloc_extended(mul_size(capacity, sizeof(int32)), MCXT_ALLOC_HUGE);
	foldin->weights = palloc_extended(mul_size(capacity, sizeof(float)), MCXT_ALLOC_HUGE);
	workspace = palloc_extended(add_size(reco_folding_workspace_size(foldin->factors->factors, (int) capacity),
										 RECO_CACHE_LINE), MCXT_ALLOC_HUGE);
	foldin->workspace = (void *) TYPEALIGN(RECO_CACHE_LINE, workspace);
	foldin->capacity = capacity;
	MemoryContextSwitchTo(old_context);
}

/* The bag as folding.c takes it. */
static void
take_bag(RecoFoldIn *foldin, const RecoEntry *entries, int64 n)
{
	int64		i;

	make_room(foldin, n);
	for (i = 0; i < n; i++)
	{
		foldin->items[i] = entries[i].item;
		foldin->weights[i] = entries[i].weight;
	}
}

/*
 * The vector of a bag, with a lambda of its own.  A bag that is empty, or has only items without factors (nobody bought
 * them yet), gives a zero vector.
 */
void
reco_foldin_bag(RecoFoldIn *foldin, const RecoEntry *entries, int64 n, double lambda, RecoVector *vector)
{
	RecoStatus	status;
	int64		i;

	memset(vector, 0, sizeof(*vector));
	vector->is_zero = true;
	if (n == 0)
		return;
	take_bag(foldin, entries, n);
	for (i = 0; i < n; i++)
		vector->mass += entries[i].weight;
	status = reco_folding_solve(foldin->factors, (int) n, foldin->items, foldin->weights, lambda, vector->x,
							   foldin->workspace, foldin->run);
	reco_foldin_check_status(status, "fold-in");
	vector->is_zero = true;
	for (i = 0; i < foldin->factors->factors && vector->is_zero; i++)
		vector->is_zero = vector->x[i] == 0;
}

/*
 * What each entry of a bag adds to the score of an item, which is that of the bag's vector but for the error of its
 * fold-in.
 */
void
reco_foldin_explain(RecoFoldIn *foldin, const RecoEntry *entries, int64 n, double lambda, int32 item,
					double *contributions)
{
	RecoStatus	status;

	take_bag(foldin, entries, n);
	status = reco_folding_explain(foldin->factors, (int) n, foldin->items, foldin->weights, lambda, item, contributions,
								  foldin->workspace, foldin->run);
	reco_foldin_check_status(status, "explanation");
}

/*
 * query = first + second_weight * second, in floats, padded; query has room for reco_stride(factors) of them.
 */
void
reco_foldin_combine(const RecoFoldIn *foldin, const RecoVector *first, const RecoVector *second, double second_weight,
					float *query)
{
	int			factors = foldin->factors->factors;
	int			i;

	memset(query, 0, sizeof(float) * reco_stride(factors));
	for (i = 0; i < factors; i++)
		query[i] = (float) (first->x[i] + second_weight * second->x[i]);
}
