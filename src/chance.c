/*
 * chance.c: what chance alone would put together, and how surprising it is that more is.
 *
 * Large orders hold many pairs of items whatever these are, and items in many orders meet often.  What is to be expected of
 * chance is therefore asked of orders and items as they are: among all tables of orders and items that have these sizes and
 * these numbers of orders on average, that of the greatest entropy.  In it cells are independent, and
 *
 *		p(order, item) = x y / (1 + x y)
 *
 * with an x for each size of orders and a y for each number of orders of items, such that the margins are what they are
 * (Strona et al. 2014, Saracco et al. 2015, 2017: the bipartite configuration model; Rasch 1960).  Shuffling the items of
 * orders such that both margins stay (Gionis et al. 2007) has less variance, and for single cells the same expectation.  Not for
 * several cells of an order: where its size is what it is on average only, n^2 / 2 pairs are expected in it and not n (n - 1) /
 * 2, and some in orders of one item.  So chances of sets are scaled such that as many are expected as an order of that size
 * holds (reco_chance_of_sets), as inclusion probabilities are in sampling with a fixed size (Hajek 1981).
 */
#include "chance.h"

#include <math.h>

#define MOST_SWEEPS 500
#define PRECISE 1e-9			/* relative error of a margin */
#define MOST_STEP 3.0			/* of the logarithm of odds */
#define MOST_ODDS 1e150			/* where a margin is all or nothing the odds have no end */
#define LEAST_ODDS 1e-150
#define MOST_TERMS 1000000

static double
chance(double x, double y)
{
	double		odds = x * y;

	return odds > 1e18 ? 1 : odds / (1 + odds);
}

/*
 * A Newton step on the logarithm of one of the odds: of a class whose members have that margin, where the others have
 * odds with and are so many.  Returns its relative error before the step.
 */
static double
adjust(double *odds, double margin, const double *with, const int32_t *members, int n)
{
	double		expected = 0;
	double		slope = 0;
	double		step;

	for (int i = 0; i < n; i++)
	{
		double		p = chance(*odds, with[i]);

		expected += members[i] * p;
		slope += members[i] * p * (1 - p);
	}
	step = (margin - expected) / fmax(slope, 1e-12 * margin);
	*odds *= exp(fmax(-MOST_STEP, fmin(MOST_STEP, step)));
	*odds = fmax(LEAST_ODDS, fmin(MOST_ODDS, *odds));
	return fabs(margin - expected) / margin;
}

/*
 * Fit x and y to the margins, whose sums over orders and over items are the same; error is the largest relative one of a
 * margin, which stays above 1e-9 only where some are all or nothing.  The likelihood is concave in the logarithms, and
 * coordinates are taken in turns.
 */
RecoStatus
reco_chance_fit(const RecoRun *run, RecoMargins *margins, double *error)
{
	double		cells = 0;

	for (int s = 0; s < margins->sizes; s++)
		cells += (double) margins->size[s] * margins->orders[s];
	for (int s = 0; s < margins->sizes; s++)
		margins->x[s] = margins->size[s] / sqrt(cells);
	for (int c = 0; c < margins->counts; c++)
		margins->y[c] = margins->count[c] / sqrt(cells);
	for (int sweep = 0; sweep < MOST_SWEEPS; sweep++)
	{
		*error = 0;
		for (int s = 0; s < margins->sizes; s++)
		{
			if (!reco_run_goes_on(run))
				return RECO_INTERRUPTED;
			*error = fmax(*error, adjust(&margins->x[s], margins->size[s], margins->y, margins->items, margins->counts));
		}
		for (int c = 0; c < margins->counts; c++)
		{
			if (!reco_run_goes_on(run))
				return RECO_INTERRUPTED;
			*error = fmax(*error, adjust(&margins->y[c], margins->count[c], margins->x, margins->orders, margins->sizes));
		}
		if (*error < PRECISE)
			break;
	}
	return RECO_OK;
}

double
reco_chance_of(const RecoMargins *margins, int count, int size)
{
	return chance(margins->x[size], margins->y[count]);
}

/*
 * By what the product of chances of k items is to be multiplied to be that of all of them in an order of that size: how many
 * sets of k items such an order holds, divided by the sum of the products over all sets, the elementary symmetric polynomial
 * of the chances, by Newton's identities.
 */
double
reco_chance_of_sets(const RecoMargins *margins, int size, int k)
{
	double		power[RECO_CHANCE_MOST + 1] = {0};
	double		symmetric[RECO_CHANCE_MOST + 1] = {1};
	double		sets = 1;

	for (int c = 0; c < margins->counts; c++)
	{
		double		p = chance(margins->x[size], margins->y[c]);
		double		product = margins->items[c];

		for (int r = 1; r <= k; r++)
			power[r] += product *= p;
	}
	for (int j = 1; j <= k; j++)
	{
		for (int i = 1; i <= j; i++)
			symmetric[j] += (i % 2 == 1 ? 1 : -1) * symmetric[j - i] * power[i];
		symmetric[j] /= j;
		sets *= (double) (margins->size[size] - j + 1) / j;
	}
	return sets > 0 && symmetric[k] > 0 ? sets / symmetric[k] : 0;
}

/*
 * log P(a, x), of the regularized lower incomplete gamma function (Abramowitz and Stegun 6.5.4): by the series where x is
 * the smaller, else by the continued fraction of what is missing to 1.
 */
static double
log_lower_gamma(double a, double x)
{
	double		scale = a * log(x) - x - lgamma(a);

	if (x < a + 1)
	{
		double		term = 1 / a;
		double		sum = term;

		for (int n = 1; n < MOST_TERMS && term > sum * 1e-16; n++)
		{
			term *= x / (a + n);
			sum += term;
		}
		return scale + log(sum);
	}
	else
	{
		double		b = x + 1 - a;
		double		c = 1e300;
		double		d = 1 / b;
		double		h = d;

		for (int n = 1; n < MOST_TERMS; n++)
		{
			double		an = -n * (n - a);
			double		change;

			b += 2;
			d = an * d + b;
			d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d);
			c = b + an / c;
			c = fabs(c) < 1e-300 ? 1e-300 : c;
			change = d * c;
			h *= change;
			if (fabs(change - 1) < 1e-15)
				break;
		}
		return log1p(-fmin(exp(scale + log(h)), 1 - 1e-16));
	}
}

/*
 * The chance that a Poisson variable of that mean is at least count, which is positive and need not be whole: P(count,
 * expected).  Of independent events of whatever small chances the number has no heavier tail (Hoeffding 1956).
 */
double
reco_chance_at_least(double count, double expected)
{
	return expected > 0 ? exp(log_lower_gamma(count, expected)) : 0;
}

/*
 * The lower bound of the mean of a Poisson variable that was seen to be count: the mean for which so many or more have the
 * chance level, in (0, 1) (Garwood 1936).  By Newton's method on logarithms, in which P is concave.
 */
double
reco_chance_lower_bound(double count, double level)
{
	double		target = log(level);
	double		at = log(count);

	for (int i = 0; i < 100; i++)
	{
		double		mean = exp(at);
		double		value = log_lower_gamma(count, mean);
		double		slope = exp(count * at - mean - lgamma(count) - value);
		double		step = (target - value) / slope;

		at += step;
		if (!isfinite(at))
			return 0;
		if (fabs(step) < 1e-12)
			break;
	}
	return exp(at);
}
