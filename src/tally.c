/*
 * tally.c: adds up what came of requests by customer, and draws customers again to tell what is chance.
 *
 * The requests of one customer are alike, so customers are what is drawn with replacement, all of their requests together
 * (the cluster bootstrap; Efron and Tibshirani 1993, chapter 8).  A metric is a function of sums, of all customers or of a
 * draw of them: its interval is that of the middle 95 % of RECO_REPLICATES draws.  All columns of a tally see the same
 * draws, and so do tallies with the same number of customers and seed: a difference between two metrics is paired.
 */
#include "postgres.h"

#include "tally.h"

#include <math.h>

#include "common/pg_prng.h"
#include "miscadmin.h"

#define REPLICATES 1000
#define LOW 0.025
#define HIGH 0.975
#define LEAST_DEFINED 0.9		/* of the draws, for an interval */

/* In the memory that the budget gives now. */
RecoTally *
reco_tally_create(RecoBudget *budget, int clusters, int columns)
{
	RecoTally  *tally = reco_budget_alloc(budget, 1, sizeof(RecoTally), "metrics");

	tally->clusters = clusters;
	tally->columns = columns;
	tally->sums = reco_budget_alloc(budget, mul_size(Max(clusters, 1), columns), sizeof(double), "metrics");
	tally->totals = reco_budget_alloc(budget, columns, sizeof(double), "metrics");
	return tally;
}

static void
add_row(const RecoTally *tally, int cluster, double times, double *to)
{
	const double *row = tally->sums + (Size) cluster * tally->columns;
	int			i;

	for (i = 0; i < tally->columns; i++)
		to[i] += times * row[i];
}

/* All is added: make totals, and draw. */
void
reco_tally_finish(RecoTally *tally, RecoBudget *budget, uint64 seed)
{
	pg_prng_state state;
	int		   *times = palloc(mul_size(Max(tally->clusters, 1), sizeof(int)));
	int			r;
	int			c;

	for (c = 0; c < tally->clusters; c++)
		add_row(tally, c, 1, tally->totals);
	if (tally->clusters < 2)
		return;
	pg_prng_seed(&state, seed);
	tally->replicates = REPLICATES;
	tally->replicate = reco_budget_alloc(budget, mul_size(REPLICATES, tally->columns), sizeof(double), "metrics");
	for (r = 0; r < REPLICATES; r++)
	{
		CHECK_FOR_INTERRUPTS();
		memset(times, 0, tally->clusters * sizeof(int));
		for (c = 0; c < tally->clusters; c++)
			times[pg_prng_uint64_range(&state, 0, tally->clusters - 1)]++;
		for (c = 0; c < tally->clusters; c++)
			if (times[c] > 0)
				add_row(tally, c, times[c], tally->replicate + (Size) r * tally->columns);
	}
	pfree(times);
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* A quantile of n ascending numbers, between two of them where it falls between. */
static double
quantile(const double *sorted, int n, double q)
{
	double		at = q * (n - 1);
	int			below = (int) at;

	return below + 1 < n ? sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]) : sorted[n - 1];
}

/*
 * A metric of all customers, and its interval: not known with fewer than two customers, or where most draws leave the
 * metric undefined.
 */
RecoInterval
reco_tally_interval(const RecoTally *tally, RecoMetric metric, const void *arg)
{
	RecoInterval interval = {metric(tally->totals, arg), NAN, NAN};
	double	   *drawn = palloc(mul_size(Max(tally->replicates, 1), sizeof(double)));
	int			n = 0;
	int			r;

	for (r = 0; r < tally->replicates; r++)
	{
		drawn[n] = metric(tally->replicate + (Size) r * tally->columns, arg);
		n += isfinite(drawn[n]);
	}
	if (isfinite(interval.value) && n > 0 && n >= LEAST_DEFINED * tally->replicates)
	{
		qsort(drawn, n, sizeof(double), compare_doubles);
		interval.low = quantile(drawn, n, LOW);
		interval.high = quantile(drawn, n, HIGH);
	}
	pfree(drawn);
	return interval;
}
