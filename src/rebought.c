/*
 * rebought.c: learns which items people buy again.
 *
 *	share of an item = (customers who bought it in two orders at least + SHRINKAGE x mean) / (its customers + SHRINKAGE)
 *
 * with the mean over all pairs of a customer and an item, to which items of few customers are drawn.
 */
#include "postgres.h"

#include "rebought.h"

#include "interrupts.h"

#define SHRINKAGE 15			/* customers; src/README says why */

typedef struct Buyers
{
	int32		all;
	int32		again;
} Buyers;

/* The lines of one customer and one item are beside each other; returns how many customers bought anything. */
static int64
count_buyers(const RecoLine *lines, int64 n, Buyers *buyers, int64 *again)
{
	int64		pairs = 0;
	int64		i;
	int64		next;

	*again = 0;
	for (i = 0; i < n && lines[i].user >= 0; i = next)
	{
		bool		in_two = false;

		for (next = i + 1; next < n && lines[next].user == lines[i].user && lines[next].item == lines[i].item; next++)
		{
			RECO_CHECK_INTERRUPTS(next);
			in_two |= lines[next].order != lines[i].order;
		}
		RECO_CHECK_INTERRUPTS(i);
		buyers[lines[i].item].all++;
		buyers[lines[i].item].again += in_two;
		*again += in_two;
		pairs++;
	}
	return pairs;
}

/*
 * The share of each item, from lines in the order of reco_lines_compare after returns, unknown customers last; in budget's
 * memory, NULL where no customer is known.
 */
const float *
reco_rebought_learn(RecoBudget *budget, const RecoLine *lines, int64 n, int32 items)
{
	Buyers	   *buyers = reco_budget_alloc(budget, items, sizeof(Buyers), "buyers of items");
	int64		again;
	int64		pairs = count_buyers(lines, n, buyers, &again);
	float	   *share = NULL;
	int32		i;

	if (pairs > 0)
	{
		double		mean = (double) again / (double) pairs;

		share = reco_budget_alloc(budget, items, sizeof(float), "shares of buyers");
		for (i = 0; i < items; i++)
			share[i] = (float) ((buyers[i].again + SHRINKAGE * mean) / (buyers[i].all + SHRINKAGE));
	}
	reco_budget_free(budget, buyers);
	return share;
}
