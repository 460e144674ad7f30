/*
 * tails.c: tails of the distributions of tests.
 */
#include "tails.h"

#include <float.h>
#include <math.h>

#include "chance.h"

#define MOST_TERMS 500
#define MOST_HALVINGS 200

/* The chance of a normal variable above z. */
double
reco_tails_normal(double z)
{
	return erfc(z * M_SQRT1_2) / 2;
}

/* Where a tail that falls with its argument is p, 0 < p < 0.5. */
static double
invert(double (*tail) (double x, double freedom), double p, double freedom)
{
	double		low = 0;
	double		high = 1;
	int			i;

	while (tail(high, freedom) > p && high < DBL_MAX / 4)
		high *= 2;
	for (i = 0; i < MOST_HALVINGS && high - low > 1e-12 * high; i++)
	{
		double		middle = (low + high) / 2;

		if (tail(middle, freedom) > p)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

static double
normal_tail(double z, double freedom)
{
	(void) freedom;
	return reco_tails_normal(z);
}

/* z that a normal variable exceeds with a chance of p, 0 < p < 1. */
double
reco_tails_normal_quantile(double p)
{
	return p > 0.5 ? -invert(normal_tail, 1 - p, 0) : invert(normal_tail, p, 0);
}

/* The incomplete beta function's continued fraction, by Lentz's method (Press et al. 1992, section 6.4). */
static double
beta_fraction(double a, double b, double x)
{
	double		c = 1;
	double		d = 1 / (1 - (a + b) * x / (a + 1));
	double		f = d;
	int			m;

	for (m = 1; m <= MOST_TERMS; m++)
	{
		double		even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double		odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double		change;

		d = 1 / (1 + even * d);
		c = 1 + even / c;
		f *= d * c;
		d = 1 / (1 + odd * d);
		c = 1 + odd / c;
		change = d * c;
		f *= change;
		if (fabs(change - 1) < 1e-15)
			break;
	}
	return f;
}

/* I_x(a, b) */
static double
incomplete_beta(double a, double b, double x)
{
	double		front;

	if (x <= 0 || x >= 1)
		return x >= 1;
	front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(a, b, x) / a;
	return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* The chance of Student's t above t >= 0; of very many degrees of freedom it is normal. */
double
reco_tails_student(double t, double freedom)
{
	if (freedom > 1e7)
		return reco_tails_normal(t);
	return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2;
}

/* t that is exceeded with a chance of p, 0 < p < 0.5. */
double
reco_tails_student_quantile(double p, double freedom)
{
	return invert(reco_tails_student, p, freedom);
}

/* The chance of chi-square above x; tails below 1e-12 are not told apart from 0. */
double
reco_tails_chi_square(double x, double freedom)
{
	return fmax(1 - reco_chance_at_least(freedom / 2, x / 2), 0);
}
