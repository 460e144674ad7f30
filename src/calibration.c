/*
 * calibration.c: fits the curve that makes probabilities of scores.
 *
 * The logarithm of a score is what probabilities follow.  How much the request has to go on decides besides how large
 * they are at all.  Within a request that is a constant, and the probability ascends with the score.  (src/README has
 * the measurements.)
 *
 * The fit is Platt's (2000, "Probabilistic outputs for support vector machines") in the form of Lin, Lin and Weng (2007,
 * "A note on Platt's probabilistic outputs for support vector machines"): Newton's method with backtracking on the
 * negative log likelihood, which is convex, towards targets a little inside of 0 and 1, so that there is a minimum also
 * where the scores divide the samples without error.
 */
#include "calibration.h"

#include <math.h>

#define TERMS 5					/* a constant, the score in two ways, the basket, the history */
#define SOFT 0.01				/* scores far below it are all alike */
#define MOST 1e30
#define MAX_STEPS 100
#define MAX_HALVINGS 40
#define SMALL_GRADIENT 1e-10
#define SMALL_DEVIATION 1e-6	/* of a logarithm; what varies less is a constant */
#define RIDGE 1e-12				/* keeps the Hessian regular where terms say the same, or p is near 0 or 1 */
#define CHECK_EVERY 65536		/* samples, some ms */

typedef struct Problem
{
	const RecoSample *samples;
	size_t		n;
	const RecoRun *run;
	int			without;		/* a term that is left out; 0: none */
	double		mean[TERMS];	/* terms are brought to mean 0 and deviation 1, but for the constant */
	double		deviation[TERMS];
	double		positive_target;
	double		negative_target;
} Problem;

/* The mean negative log likelihood at a point, its gradient and its Hessian. */
typedef struct Point
{
	double		at[TERMS];
	double		value;
	double		gradient[TERMS];
	double		hessian[TERMS][TERMS];
} Point;

/* A number that is not negative, and no NaN. */
static double
bounded(double value)
{
	return fmin(fmax(value, 0), MOST);
}

static void
make_terms(double score, const RecoStrength *strength, double *terms)
{
	terms[0] = 1;
	terms[1] = log(SOFT + bounded(score));
	terms[2] = bounded(score);
	terms[3] = log1p(bounded(strength->basket));
	terms[4] = log1p(bounded(strength->history));
}

static void
make_scaled_terms(const Problem *problem, const RecoSample *sample, double *terms)
{
	make_terms(sample->score, &sample->strength, terms);
	for (int j = 0; j < TERMS; j++)
		terms[j] = (terms[j] - problem->mean[j]) / problem->deviation[j];
}

static RecoStatus
check_samples(const RecoSample *samples, size_t n, size_t *positive)
{
	*positive = 0;
	for (size_t i = 0; i < n; i++)
	{
		const RecoStrength *strength = &samples[i].strength;

		if (!isfinite(samples[i].score) || !isfinite(strength->basket) || !isfinite(strength->history))
			return RECO_NOT_FINITE;
		*positive += samples[i].positive;
	}
	return *positive == 0 || *positive == n ? RECO_NOT_CONVERGED : RECO_OK;
}

/* Mean and deviation of the terms.  One that is always the same is left out, by a deviation that makes it 0. */
static RecoStatus
scale_terms(Problem *problem)
{
	double		sum[TERMS] = {0};
	double		squares[TERMS] = {0};
	double		terms[TERMS];

	for (int j = 0; j < TERMS; j++)
	{
		problem->mean[j] = 0;
		problem->deviation[j] = 1;
	}
	for (size_t i = 0; i < problem->n; i++)
	{
		make_scaled_terms(problem, &problem->samples[i], terms);
		for (int j = 1; j < TERMS; j++)
			sum[j] += terms[j];
		if (i % CHECK_EVERY == 0 && !reco_run_goes_on(problem->run))
			return RECO_INTERRUPTED;
	}
	for (int j = 1; j < TERMS; j++)
		problem->mean[j] = sum[j] / (double) problem->n;
	for (size_t i = 0; i < problem->n; i++)
	{
		make_scaled_terms(problem, &problem->samples[i], terms);
		for (int j = 1; j < TERMS; j++)
			squares[j] += terms[j] * terms[j];
		if (i % CHECK_EVERY == 0 && !reco_run_goes_on(problem->run))
			return RECO_INTERRUPTED;
	}
	for (int j = 1; j < TERMS; j++)
		problem->deviation[j] = sqrt(squares[j] / (double) problem->n);
	if (problem->deviation[1] < SMALL_DEVIATION)
		return RECO_NOT_CONVERGED;
	for (int j = 2; j < TERMS; j++)
		if (problem->deviation[j] < SMALL_DEVIATION)
			problem->deviation[j] = INFINITY;
	if (problem->without > 0)
		problem->deviation[problem->without] = INFINITY;
	return RECO_OK;
}

static void
add_sample(const Problem *problem, const RecoSample *sample, Point *point)
{
	double		target = sample->positive ? problem->positive_target : problem->negative_target;
	double		terms[TERMS];
	double		logit = 0;
	double		small;
	double		p;
	double		curvature;

	make_scaled_terms(problem, sample, terms);
	terms[0] = 1;
	for (int j = 0; j < TERMS; j++)
		logit += point->at[j] * terms[j];
	small = exp(-fabs(logit));
	p = (logit >= 0 ? 1 : small) / (1 + small);
	curvature = small / ((1 + small) * (1 + small));

	/* -(t log p + (1 - t) log(1 - p)), without overflow on either side */
	point->value += (logit >= 0 ? (1 - target) * logit : -target * logit) + log1p(small);
	for (int j = 0; j < TERMS; j++)
	{
		point->gradient[j] += (p - target) * terms[j];
		for (int k = 0; k <= j; k++)
			point->hessian[j][k] += curvature * terms[j] * terms[k];
	}
}

/* Fill in a point whose place is set. */
static RecoStatus
evaluate(const Problem *problem, Point *point)
{
	for (size_t i = 0; i < problem->n; i++)
	{
		add_sample(problem, &problem->samples[i], point);
		if (i % CHECK_EVERY == 0 && !reco_run_goes_on(problem->run))
			return RECO_INTERRUPTED;
	}
	point->value /= (double) problem->n;
	for (int j = 0; j < TERMS; j++)
	{
		point->gradient[j] /= (double) problem->n;
		for (int k = 0; k <= j; k++)
			point->hessian[j][k] /= (double) problem->n;
		point->hessian[j][j] += RIDGE;
	}
	return RECO_OK;
}

/* Newton's step, by Cholesky's decomposition of the Hessian; false where rounding left it no longer positive. */
static bool
solve(const Point *point, double *step)
{
	double		l[TERMS][TERMS];

	for (int j = 0; j < TERMS; j++)
		for (int k = 0; k <= j; k++)
		{
			double		sum = point->hessian[j][k];

			for (int m = 0; m < k; m++)
				sum -= l[j][m] * l[k][m];
			if (j == k && !(sum > 0))
				return false;
			l[j][k] = j == k ? sqrt(sum) : sum / l[k][k];
		}
	for (int j = 0; j < TERMS; j++)
	{
		step[j] = -point->gradient[j];
		for (int k = 0; k < j; k++)
			step[j] -= l[j][k] * step[k];
		step[j] /= l[j][j];
	}
	for (int j = TERMS - 1; j >= 0; j--)
	{
		for (int k = j + 1; k < TERMS; k++)
			step[j] -= l[k][j] * step[k];
		step[j] /= l[j][j];
	}
	return true;
}

/* Go to where the value is lower by enough; *moved is false where there is no such point: this is the minimum. */
static RecoStatus
move(const Problem *problem, Point *point, bool *moved)
{
	double		step[TERMS];
	double		descent = 0;
	double		length = 1;

	*moved = false;
	if (!solve(point, step))
		return RECO_OK;
	for (int j = 0; j < TERMS; j++)
		descent += point->gradient[j] * step[j];
	for (int i = 0; i < MAX_HALVINGS && !*moved; i++, length /= 2)
	{
		Point		next = {.value = 0};
		RecoStatus	status;

		for (int j = 0; j < TERMS; j++)
			next.at[j] = point->at[j] + length * step[j];
		status = evaluate(problem, &next);
		if (status != RECO_OK)
			return status;
		*moved = next.value < point->value + 1e-4 * length * descent;
		if (*moved)
			*point = next;
	}
	return RECO_OK;
}

static bool
is_flat(const Point *point)
{
	for (int j = 0; j < TERMS; j++)
		if (fabs(point->gradient[j]) > SMALL_GRADIENT)
			return false;
	return true;
}

static RecoStatus
minimize(const Problem *problem, Point *point)
{
	RecoStatus	status = evaluate(problem, point);
	bool		moved = true;

	for (int i = 0; i < MAX_STEPS && status == RECO_OK && moved && !is_flat(point); i++)
		status = move(problem, point, &moved);
	return status;
}

/* The curve of greatest likelihood, without one of the terms; what it says of the score may be the contrary. */
static RecoStatus
fit_without(const RecoSample *samples, size_t n, size_t positive, int without, const RecoRun *run, RecoCurve *fitted)
{
	Problem		problem = {.samples = samples,.n = n,.run = run,.without = without};
	Point		point = {.value = 0};
	double		by[TERMS];
	RecoStatus	status = scale_terms(&problem);

	if (status != RECO_OK)
		return status;
	problem.positive_target = ((double) positive + 1) / ((double) positive + 2);
	problem.negative_target = 1 / ((double) (n - positive) + 2);
	point.at[0] = log((double) positive / (double) (n - positive));
	status = minimize(&problem, &point);
	if (status != RECO_OK)
		return status;
	by[0] = point.at[0];
	for (int j = 1; j < TERMS; j++)
	{
		by[j] = point.at[j] / problem.deviation[j];
		by[0] -= by[j] * problem.mean[j];
	}
	for (int j = 0; j < TERMS; j++)
		if (!isfinite(by[j]))
			return RECO_NOT_CONVERGED;
	*fitted = (RecoCurve) {by[0], by[1], by[2], by[3], by[4]};
	return RECO_OK;
}

/* Both ways of the score together, or if one of them would descend, the other alone. */
RecoStatus
reco_calibration_fit(const RecoSample *samples, size_t n, const RecoRun *run, RecoCurve *curve)
{
	RecoCurve	fitted;
	size_t		positive;
	RecoStatus	status = check_samples(samples, n, &positive);

	*curve = (RecoCurve) {0, 0, 0, 0, 0};
	if (status == RECO_OK)
		status = fit_without(samples, n, positive, 0, run, &fitted);
	if (status == RECO_OK && (fitted.slope < 0 || fitted.linear < 0))
		status = fit_without(samples, n, positive, fitted.slope < fitted.linear ? 1 : 2, run, &fitted);
	if (status == RECO_OK && (fitted.slope < 0 || fitted.linear < 0 || !reco_calibration_is_curve(&fitted)))
		status = RECO_NOT_CONVERGED;
	if (status == RECO_OK)
		*curve = fitted;
	return status;
}

double
reco_calibration_probability(const RecoCurve *curve, double score, const RecoStrength *strength)
{
	const double by[TERMS] = {curve->intercept, curve->slope, curve->linear, curve->by_basket, curve->by_history};
	double		terms[TERMS];
	double		logit = 0;

	make_terms(score, strength, terms);
	/* Each bounded, so that no infinity meets another. */
	for (int j = 0; j < TERMS; j++)
		logit += fmin(fmax(by[j] * terms[j], -MOST), MOST);
	return 1 / (1 + exp(-logit));
}
