/*
 * ratios.c: ratios of sums over units, by arm, and how far they are apart.
 *
 * Customers are assigned, and orders of one customer are alike: the customer is the unit, and average order value is a ratio of
 * two sums over customers, R = sum y / sum x.  By the delta method (Deng, Knoblich and Lu 2018) it varies as the mean of
 *
 *		L = (y - R x) / mean(x)		over customers:		Var R = Var L / n
 *
 * A customer with many orders pulls R to himself, and makes his own L small: L is taken to what it is of the ratio without him,
 * L / (1 - x / sum x), which makes this the jackknife.  And where few have most of the orders there are not n to learn a
 * variance from, but as many as (sum x)^2 / sum x^2 (Kish 1965), which are the degrees of freedom.
 *
 * CUPED (Deng, Xu, Kohavi and Walker 2013): what a customer did before, z = (prior y, prior x, prior y / prior x), explains a part
 * of L, and differs between arms by chance alone.  With z centred at the mean of those who were there before, and 0 for newcomers
 * (the third also for whoever has no prior x),
 *
 *		R' = R - theta' mean(z),	Var R' = Var(L - theta' z) / n,		theta = (Szz)^-1 Szl
 *
 * by the sums within arms of all arms together, so that theta says nothing about which arm is which.
 *
 * Lifts are compared as logarithms, log(R_t / R_c), whose errors are those of R relative to it: no interval then goes below
 * -100 %, and it is the same interval, turned round, when the arms are exchanged.
 */
#include "ratios.h"

#include <math.h>

#include "assignment.h"
#include "tails.h"

#define Z 3						/* covariates */
#define DEPENDENT 1e-9			/* what others leave of a covariate's square, below which it says nothing new */
#define UNITS_A_CHECK 65536
#define MOST_LEVERAGE 0.5

/* Sums over the units of an arm. */
typedef struct Moments
{
	int64_t		n;
	double		y;				/* sums, then means */
	double		x;
	double		xx;				/* sum of squares */
	double		z[Z];
	double		ll;				/* of products of deviations from the means, without the unit itself */
	double		lz[Z];
	double		zz[Z][Z];		/* the lower half */
} Moments;

static bool
goes_on(const RecoRun *run, int64_t i)
{
	return i % UNITS_A_CHECK != 0 || reco_run_goes_on(run);
}

/* What a unit has of each covariate; false where it has none. */
static bool
covariate(const RecoUnits *units, int64_t i, int k, double *z)
{
	if (units->known == NULL || !units->known[i] || (k == 2 && !(units->prior_x[i] > 0)))
		return false;
	*z = k == 0 ? units->prior_y[i] : k == 1 ? units->prior_x[i] : units->prior_y[i] / units->prior_x[i];
	return true;
}

static void
covariates(const RecoUnits *units, int64_t i, const double *center, double *z)
{
	int			k;

	for (k = 0; k < Z; k++)
		z[k] = covariate(units, i, k, &z[k]) ? z[k] - center[k] : 0;
}

/* The mean of those who have it. */
static RecoStatus
find_center(const RecoRun *run, const RecoUnits *units, double *center)
{
	int64_t		n[Z] = {0};
	int64_t		i;
	int			k;

	for (k = 0; k < Z; k++)
		center[k] = 0;
	for (i = 0; i < units->n; i++)
	{
		if (!goes_on(run, i))
			return RECO_INTERRUPTED;
		for (k = 0; k < Z; k++)
		{
			double		z;

			if (!covariate(units, i, k, &z))
				continue;
			center[k] += z;
			n[k]++;
		}
	}
	for (k = 0; k < Z; k++)
		center[k] /= n[k] > 0 ? (double) n[k] : 1;
	return RECO_OK;
}

static RecoStatus
add_means(const RecoRun *run, const RecoUnits *units, const double *center, int arms, Moments *moments)
{
	int64_t		i;
	int			a;
	int			k;

	for (a = 0; a < arms; a++)
		moments[a] = (Moments) {0};
	for (i = 0; i < units->n; i++)
	{
		Moments    *m = &moments[units->arm[i]];
		double		z[Z];
		double		x;

		if (!goes_on(run, i))
			return RECO_INTERRUPTED;
		covariates(units, i, center, z);
		m->n++;
		m->y += units->y[i];
		x = units->x != NULL ? units->x[i] : 1;
		m->x += x;
		m->xx += x * x;
		for (k = 0; k < Z; k++)
			m->z[k] += z[k];
	}
	for (a = 0; a < arms; a++)
	{
		double		n = moments[a].n > 0 ? (double) moments[a].n : 1;

		moments[a].y /= n;
		moments[a].x /= n;
		for (k = 0; k < Z; k++)
			moments[a].z[k] /= n;
	}
	return RECO_OK;
}

static RecoStatus
add_products(const RecoRun *run, const RecoUnits *units, const double *center, Moments *moments)
{
	int64_t		i;
	int			k;
	int			j;

	for (i = 0; i < units->n; i++)
	{
		Moments    *m = &moments[units->arm[i]];
		double		x = units->x != NULL ? units->x[i] : 1;
		double		z[Z];
		double		l;
		double		without;

		if (!goes_on(run, i))
			return RECO_INTERRUPTED;
		if (!(m->x > 0))
			continue;
		covariates(units, i, center, z);
		without = 1 / (1 - fmin(x / (m->x * (double) m->n), MOST_LEVERAGE));
		l = (units->y[i] - m->y / m->x * x) / m->x * without;
		m->ll += l * l;
		for (k = 0; k < Z; k++)
		{
			z[k] = (z[k] - m->z[k]) * without;
			m->lz[k] += l * z[k];
			for (j = 0; j <= k; j++)
				m->zz[k][j] += z[k] * z[j];
		}
	}
	return RECO_OK;
}

/*
 * By all arms together: the normal equations by elimination, one covariate after the other.  One that the others already say, or
 * that says nothing, is left out.
 */
static void
find_theta(const Moments *moments, int arms, double *theta)
{
	double		rows[Z][Z + 1];
	bool		used[Z];
	int			i, j, k;

	for (k = 0; k < Z; k++)
		for (j = 0; j <= Z; j++)
			for (i = rows[k][j] = 0; i < arms; i++)
				rows[k][j] += j == Z ? moments[i].lz[k] : j <= k ? moments[i].zz[k][j] : moments[i].zz[j][k];
	for (k = 0; k < Z; k++)
	{
		double		square = 0;

		for (i = 0; i < arms; i++)
			square += moments[i].zz[k][k];
		used[k] = rows[k][k] > DEPENDENT * square;
		for (i = 0; used[k] && i < Z; i++)
		{
			double		factor = i == k ? 0 : rows[i][k] / rows[k][k];

			for (j = 0; j <= Z; j++)
				rows[i][j] -= factor * rows[k][j];
		}
	}
	for (k = 0; k < Z; k++)
		theta[k] = used[k] ? rows[k][Z] / rows[k][k] : 0;
}

static void
finish(const Moments *m, const double *theta, RecoArmRatio *ratio)
{
	double		n = (double) m->n;
	double		adjusted = m->ll;
	int			k;
	int			j;

	ratio->n = m->n;
	ratio->effective = m->xx > 0 ? m->x * n * m->x * n / m->xx : 0;
	ratio->plain = m->x > 0 ? m->y / m->x : NAN;
	ratio->ratio = ratio->plain;
	for (k = 0; k < Z; k++)
	{
		ratio->ratio -= theta[k] * m->z[k];
		adjusted -= 2 * theta[k] * m->lz[k];
		for (j = 0; j <= k; j++)
			adjusted += (j < k ? 2 : 1) * theta[k] * theta[j] * m->zz[k][j];
	}
	ratio->plain_variance = ratio->variance = NAN;
	if (!(ratio->effective > 1))
		return;
	if (ratio->plain > 0)
		ratio->plain_variance = m->ll * (n - 1) / (n * n * n) / (ratio->plain * ratio->plain);
	if (ratio->ratio > 0)
		ratio->variance = fmax(adjusted, 0) * (n - 1) / (n * n * n) / (ratio->ratio * ratio->ratio);
}

/*
 * The metric of each of so many arms, at most RECO_MAX_ARMS: ratios[arms].  Without adjust both forms are the plain one.
 */
RecoStatus
reco_ratios_by_arm(const RecoRun *run, const RecoUnits *units, int arms, bool adjust, RecoArmRatio *ratios)
{
	Moments		moments[RECO_MAX_ARMS];
	double		center[Z];
	double		theta[Z] = {0};
	RecoStatus	status;
	int			a;

	if (arms < 1 || arms > RECO_MAX_ARMS)
		return RECO_BAD_ARGUMENT;
	status = find_center(run, units, center);
	if (status == RECO_OK)
		status = add_means(run, units, center, arms, moments);
	if (status == RECO_OK)
		status = add_products(run, units, center, moments);
	if (status != RECO_OK)
		return status;
	if (adjust)
		find_theta(moments, arms, theta);
	for (a = 0; a < arms; a++)
		finish(&moments[a], theta, &ratios[a]);
	return RECO_OK;
}

/* What a treatment has more than the control; NaN where too little is known.  Degrees of freedom: Welch 1947, of effective units. */
RecoLift
reco_ratios_lift(const RecoArmRatio *control, const RecoArmRatio *treatment, bool adjusted)
{
	double		c = adjusted ? control->variance : control->plain_variance;
	double		t = adjusted ? treatment->variance : treatment->plain_variance;
	RecoLift	lift = {NAN, NAN, NAN};

	if (!(c + t > 0))
		return lift;
	lift.lift = (adjusted ? treatment->ratio / control->ratio : treatment->plain / control->plain) - 1;
	lift.error = sqrt(c + t);
	lift.freedom = (c + t) * (c + t) / (c * c / (control->effective - 1) + t * t / (treatment->effective - 1));
	return lift;
}

/* A lift that is so many standard errors away from it. */
double
reco_ratios_moved(const RecoLift *lift, double errors)
{
	return (1 + lift->lift) * exp(errors * lift->error) - 1;
}

/*
 * The chance that arms of these weights come out as uneven as the counts are, or more (Fabijan et al. 2019: sample ratio
 * mismatch); 1 where there are none.
 */
double
reco_ratios_uneven(const int64_t *counts, const double *weights, int arms)
{
	double		n = 0;
	double		sum = 0;
	double		square = 0;
	int			a;

	for (a = 0; a < arms; a++)
	{
		n += (double) counts[a];
		sum += weights[a];
	}
	for (a = 0; a < arms && n > 0; a++)
	{
		double		expected = n * weights[a] / sum;

		square += ((double) counts[a] - expected) * ((double) counts[a] - expected) / expected;
	}
	return arms > 1 ? reco_tails_chi_square(square, arms - 1) : 1;
}
