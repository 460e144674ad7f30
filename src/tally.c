/*
 * tally.c: adds up what came of requests by customer, and draws customers again to tell what is chance.
 *
 * The requests of one customer are alike, so customers are what is drawn with replacement, all of their requests together
 * (the cluster bootstrap; Efron and Tibshirani 1993, chapter 8).  A metric is a function of sums, of all customers or of a
 * draw of them: its interval is that of the middle 95 % of REPLICATES draws.  All columns of a tally see the same
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
#define CLUSTERS_A_CHECK 1024	/* of interrupts */

/* In the memory that the budget gives now, as all that is added; customers are numbered from 0. */
RecoTally *
reco_tally_create(RecoBudget *budget, int clusters, int columns)
{
	RecoTally  *tally = reco_budget_alloc(budget, 1, sizeof(RecoTally), "metrics");
	int			c;

	tally->budget = budget;
	tally->clusters = clusters;
	tally->columns = columns;
	tally->capacity = 1;
	tally->row = reco_budget_alloc(budget, clusters, sizeof(int32), "metrics");
	for (c = 0; c < clusters; c++)
		tally->row[c] = -1;
	tally->sums = reco_budget_alloc(budget, columns, sizeof(double), "metrics");
	tally->totals = reco_budget_alloc(budget, columns, sizeof(double), "metrics");
	return tally;
}

/* A row for a customer of whom nothing was added yet. */
static void
add_customer(RecoTally *tally, int cluster)
{
	Size		row_size = mul_size(tally->columns, sizeof(double));

	if (tally->rows == tally->capacity)
	{
		int			capacity = Min(tally->capacity * 2, tally->clusters);

		tally->sums = reco_budget_resize(tally->budget, tally->sums, tally->capacity, capacity, row_size, "metrics");
		tally->capacity = capacity;
	}
	memset(tally->sums + (Size) tally->rows * tally->columns, 0, row_size);
	tally->row[cluster] = tally->rows++;
}

/* Add to a customer's sum of a column. */
void
reco_tally_add(RecoTally *tally, int cluster, int column, double value)
{
	if (tally->row[cluster] < 0)
		add_customer(tally, cluster);
	tally->sums[(Size) tally->row[cluster] * tally->columns + column] += value;
}

static void
add_row(const RecoTally *tally, int cluster, double times, double *to)
{
	const double *row = tally->sums + (Size) tally->row[cluster] * tally->columns;
	int			i;

	for (i = 0; i < tally->columns; i++)
		to[i] += times * row[i];
}

/* All is added: make totals, and draw. */
void
reco_tally_finish(RecoTally *tally, uint64 seed)
{
	pg_prng_state state;
	int		   *times = palloc(mul_size(Max(tally->clusters, 1), sizeof(int)));
	int			r;
	int			c;

	for (c = 0; c < tally->clusters; c++)
		if (tally->row[c] >= 0)
			add_row(tally, c, 1, tally->totals);
	if (tally->rows < 2)
		return;
	pg_prng_seed(&state, seed);
	tally->replicates = REPLICATES;
	tally->replicate = reco_budget_alloc(tally->budget, mul_size(REPLICATES, tally->columns), sizeof(double), "metrics");
	for (r = 0; r < REPLICATES; r++)
	{
		memset(times, 0, tally->clusters * sizeof(int));
		for (c = 0; c < tally->clusters; c++)
			times[pg_prng_uint64_range(&state, 0, tally->clusters - 1)]++;
		for (c = 0; c < tally->clusters; c++)
		{
			if (c % CLUSTERS_A_CHECK == 0)
				CHECK_FOR_INTERRUPTS();
			if (times[c] > 0 && tally->row[c] >= 0)
				add_row(tally, c, times[c], tally->replicate + (Size) r * tally->columns);
		}
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

/* The interval around a value, from what was drawn: not known where most draws leave it undefined. */
static RecoInterval
interval_of(double value, double *drawn, int n, int replicates)
{
	RecoInterval interval = {value, NAN, NAN};

	if (isfinite(value) && n > 0 && n >= LEAST_DEFINED * replicates)
	{
		qsort(drawn, n, sizeof(double), compare_doubles);
		interval.low = quantile(drawn, n, LOW);
		interval.high = quantile(drawn, n, HIGH);
	}
	return interval;
}

/*
 * A metric of all customers, and its interval: not known with fewer than two customers.
 */
RecoInterval
reco_tally_interval(const RecoTally *tally, RecoMetric metric, const void *arg)
{
	double	   *drawn = palloc(mul_size(Max(tally->replicates, 1), sizeof(double)));
	RecoInterval interval;
	int			n = 0;
	int			r;

	for (r = 0; r < tally->replicates; r++)
	{
		drawn[n] = metric(tally->replicate + (Size) r * tally->columns, arg);
		n += isfinite(drawn[n]);
	}
	interval = interval_of(metric(tally->totals, arg), drawn, n, tally->replicates);
	pfree(drawn);
	return interval;
}

/*
 * By how much the metric of one tally is higher than that of another, with an interval that is paired where they have the
 * same customers and seed.
 */
RecoInterval
reco_tally_difference(const RecoTally *tally, const void *arg, const RecoTally *other, const void *other_arg,
					  RecoMetric metric)
{
	int			replicates = Min(tally->replicates, other->replicates);
	double	   *drawn = palloc(mul_size(Max(replicates, 1), sizeof(double)));
	RecoInterval interval;
	int			n = 0;
	int			r;

	for (r = 0; r < replicates; r++)
	{
		drawn[n] = metric(tally->replicate + (Size) r * tally->columns, arg) -
			metric(other->replicate + (Size) r * other->columns, other_arg);
		n += isfinite(drawn[n]);
	}
	interval = interval_of(metric(tally->totals, arg) - metric(other->totals, other_arg), drawn, n, replicates);
	pfree(drawn);
	return interval;
}
