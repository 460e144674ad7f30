/*
 * boundary.c: how far a difference may be from zero at each of several looks, such that without any effect it is ever farther
 * with the chance of the level.
 *
 * A difference estimated again and again as data come in, times its information (1 / variance), walks like Brownian motion in
 * the time of its information: W(I) = estimate x I, independent normal increments, Var W(I) = I (Jennison and Turnbull 1997).
 * Level is spent on the looks by the calendar (Lan and DeMets 1983, 1989): up to a share t of the planned time
 *
 *		level x t^2
 *
 * (Kim and DeMets 1987), so that neither the number of looks nor the information that the end will bring have to be known.
 * Little is spent early, where estimates of few customers are least normal.  The boundary of look k solves
 *
 *		P(|W(I_1)| < b_1, ..., |W(I_k-1)| < b_k-1, |W(I_k)| >= b_k) = what look k may spend
 *
 * with the density of the walks that crossed none before carried from look to look (Armitage, McPherson and Rowe 1969).  The
 * density is symmetric: half of it is kept, at the points of Simpson's rule on [0, b].
 */
#include "boundary.h"

#include <math.h>

#include "tails.h"

#define PANELS 160				/* even */
#define POINTS (PANELS + 1)
#define LEAST_GROWTH 1.01		/* of information from look to look; less would be lost between the points */
#define FAR 8.5					/* standard deviations that nobody walks in a step */

typedef struct Walks
{
	double		at[POINTS];
	double		mass[POINTS];	/* density x weight of the rule */
	double		next[POINTS];
	double		step;			/* standard deviation of the step to the next look */
	bool		any;			/* a look was taken */
} Walks;

/* What is spent of a level after that share of the planned time. */
double
reco_boundary_spent(double elapsed, double level)
{
	return level * fmin(elapsed, 1) * fmin(elapsed, 1);
}

size_t
reco_boundary_workspace(void)
{
	return sizeof(Walks);
}

/* The chance to be beyond b, on either side, one step on. */
static double
beyond(const Walks *walks, double b)
{
	double		sum = 0;
	int			i;

	if (!walks->any)
		return 2 * reco_tails_normal(b / walks->step);
	for (i = 0; i < POINTS; i++)
	{
		double		distance = (b - walks->at[i]) / walks->step;

		if (distance < FAR)
			sum += walks->mass[i] * (reco_tails_normal(distance) + reco_tails_normal((b + walks->at[i]) / walks->step));
	}
	return 2 * sum;
}

static double
density(double x, double deviation)
{
	double		z = x / deviation;

	return fabs(z) > FAR ? 0 : exp(-z * z / 2) * 0.3989422804014327 / deviation;
}

/* Go one step on, stop whoever is beyond b there, and measure in units of so many of those before. */
static void
walk(Walks *walks, double b, double scale)
{
	double		width = b / PANELS;
	int			i;
	int			j;

	for (j = 0; j < POINTS; j++)
	{
		double		y = j * width;
		double		sum = walks->any ? 0 : density(y, walks->step);

		for (i = 0; walks->any && i < POINTS; i++)
			sum += walks->mass[i] * (density(y - walks->at[i], walks->step) + density(y + walks->at[i], walks->step));
		walks->next[j] = sum * width / 3 * (j == 0 || j == PANELS ? 1 : j % 2 == 1 ? 4 : 2);
	}
	for (j = 0; j < POINTS; j++)
	{
		walks->at[j] = j * width / scale;
		walks->mass[j] = walks->next[j];
	}
	walks->any = true;
}

static double
find(const Walks *walks, double total, double spend)
{
	double		low = 0;
	double		high = 40 * total;
	int			i;

	for (i = 0; i < 60 && high - low > 1e-7 * total; i++)
	{
		double		middle = (low + high) / 2;

		if (beyond(walks, middle) > spend)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

/*
 * The boundary of each look in standard errors, for a two-sided test of a level: z[looks].  elapsed is the share of the planned
 * time, ascending; information 0 or NaN means that the look is not taken, and z is infinite there.  Information that does not
 * grow by a hundredth is taken to, which errs to the side of caution.  workspace has reco_boundary_workspace() bytes.
 */
RecoStatus
reco_boundary_find(const RecoRun *run, const double *information, const double *elapsed, int looks, double level, void *workspace,
				   double *z)
{
	Walks	   *walks = workspace;
	double		before = 0;
	double		spent = 0;
	int			k;

	walks->any = false;
	for (k = 0; k < looks; k++)
	{
		double		now = reco_boundary_spent(elapsed[k], level);
		double		scale = 1;
		double		b;

		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		z[k] = INFINITY;
		if (!(information[k] > 0) || !(now > spent))
			continue;
		/* In units of the look before, so that no information is too small or too large. */
		if (walks->any)
			scale = sqrt(fmax(information[k] / before, LEAST_GROWTH));
		walks->step = walks->any ? sqrt(scale * scale - 1) : 1;
		before = walks->any ? before * scale * scale : information[k];
		b = find(walks, scale, now - spent);
		z[k] = b / scale;
		if (k < looks - 1)
			walk(walks, b, scale);
		spent = now;
	}
	return RECO_OK;
}
