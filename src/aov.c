/*
 * aov.c: the average order value, with an interval that knows that the orders of a customer are alike.
 *
 * The average is a ratio of sums over customers, of y, what the customer's orders are worth, over x, how many there are:
 *
 *	R = sum y / sum x,    Var(R) = m / (m - 1) * sum (y - R x)^2 / (sum x)^2
 *
 * for m customers (the delta method; Deng, Lu and Litz 2017, "Trustworthy analysis of online A/B tests"; with an order for
 * each customer it is the variance of a mean).  An order of nobody known is a customer's only one.  The interval is
 * R -+ 1.96 standard errors, which with less than some thirty customers is too narrow.
 *
 * The winsorized average sets what is above a quantile to the quantile, so that one wholesale order does not make a month.
 * Quantiles are those of percentile_cont: of n ascending values, that of (n - 1) q, between two of them where it falls between.
 *
 * Sums are over sorted values: the order in which orders arrive does not show.
 */
#include "postgres.h"

#include "aov.h"

#include <math.h>

#include "interrupts.h"

#define NORMAL_95 1.959963984540054

static int
compare_orders(const void *a, const void *b)
{
	const RecoOrderValue *x = a;
	const RecoOrderValue *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->customer != y->customer)
		return x->customer < y->customer ? -1 : 1;
	return (x->value > y->value) - (x->value < y->value);
}

static int
compare_values(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

static double
quantile(const double *sorted, int64 n, double q)
{
	double		at = q * (double) (n - 1);
	int64		below = (int64) floor(at);

	return below + 1 < n ? sorted[below] + (at - (double) below) * (sorted[below + 1] - sorted[below]) : sorted[n - 1];
}

/* Where the orders of the customer of order i end; unknown ones have one each. */
static int64
end_of_customer(const RecoOrderValue *orders, int64 n, int64 i)
{
	int64		end = i + 1;

	while (orders[i].customer >= 0 && end < n && orders[end].customer == orders[i].customer)
		end++;
	return end;
}

/* Customers, what theirs is of the gross, and the interval, of sorted orders. */
static void
describe_customers(const RecoOrderValue *orders, int64 n, RecoAov *aov)
{
	RecoTotal	squares = {0, 0};
	RecoTotal	known = {0, 0};
	int64		m = 0;
	int64		end;
	int64		i;
	double		error;

	for (i = 0; i < n; i = end)
	{
		RecoTotal	y = {0, 0};
		int64		j;
		double		residual;

		RECO_CHECK_INTERRUPTS(m);
		end = end_of_customer(orders, n, i);
		for (j = i; j < end; j++)
			reco_total_add(&y, orders[j].value);
		residual = reco_total_get(&y) - aov->mean * (double) (end - i);
		reco_total_add(&squares, residual * residual);
		m++;
		if (orders[i].customer < 0)
			continue;
		aov->customers++;
		reco_total_add(&known, reco_total_get(&y));
	}
	aov->gross_known = reco_total_get(&known);
	if (m < 2)
		return;
	error = sqrt((double) m / (double) (m - 1) * reco_total_get(&squares)) / (double) n;
	aov->low = aov->mean - NORMAL_95 * error;
	aov->high = aov->mean + NORMAL_95 * error;
}

static void
describe_values(const double *sorted, int64 n, double winsorize_at, RecoAov *aov)
{
	double		most = quantile(sorted, n, winsorize_at);
	RecoTotal	sum = {0, 0};
	int64		i;

	for (i = 0; i < n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		reco_total_add(&sum, Min(sorted[i], most));
	}
	aov->winsorized = reco_total_get(&sum) / (double) n;
	aov->median = quantile(sorted, n, 0.5);
}

/*
 * What n orders are worth; they get sorted.  Errors: configuration_limit_exceeded.
 */
RecoAov
reco_aov_compute(RecoBudget *budget, RecoOrderValue *orders, int64 n, double winsorize_at)
{
	RecoAov		aov = {.orders = n,.mean = NAN,.low = NAN,.high = NAN,.winsorized = NAN,.median = NAN};
	RecoTotal	gross = {0, 0};
	double	   *values;
	int64		i;

	if (n == 0)
		return aov;
	values = reco_budget_alloc(budget, n, sizeof(double), "values of orders");
	for (i = 0; i < n; i++)
		values[i] = orders[i].value;
	qsort(values, n, sizeof(double), compare_values);
	for (i = 0; i < n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		reco_total_add(&gross, values[i]);
	}
	aov.gross = reco_total_get(&gross);
	aov.mean = aov.gross / (double) n;
	qsort(orders, n, sizeof(RecoOrderValue), compare_orders);
	describe_customers(orders, n, &aov);
	describe_values(values, n, winsorize_at, &aov);
	reco_budget_free(budget, values);
	return aov;
}
