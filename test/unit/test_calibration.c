/*
 * test_calibration.c: tests of the curve that makes probabilities of scores.
 *
 * Prints TAP.  Random numbers come from a fixed seed.
 */
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calibration.h"

#define N 50000

static int	tests;
static int	failures;
static const RecoRun run = {NULL, NULL, NULL};
static RecoSample samples[N];
static uint64_t random_state = 88172645463325252u;

static void
ok(bool good, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	printf("%sok %d - ", good ? "" : "not ", ++tests);
	vprintf(format, args);
	printf("\n");
	va_end(args);
	failures += !good;
}

static double
uniform(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (double) (random_state >> 11) * 0x1p-53;
}

/* Samples of a known curve; the scores are up to so many. */
static void
draw_samples(const RecoCurve *truth, double most)
{
	for (int i = 0; i < N; i++)
	{
		RecoSample *sample = &samples[i];

		sample->score = (float) (most * (uniform() - 0.1));
		sample->strength.basket = (float) floor(uniform() * 10);
		sample->strength.history = (float) (uniform() * 50);
		sample->positive = uniform() < reco_calibration_probability(truth, sample->score, &sample->strength);
	}
}

static bool
is_none(const RecoCurve *curve)
{
	return curve->intercept == 0 && curve->slope == 0 && curve->linear == 0 && curve->by_basket == 0 && curve->by_history == 0;
}

static void
expect_none(RecoStatus expected, size_t n, const char *what)
{
	RecoCurve	curve = {1, 2, 3, 4, 5};
	RecoStatus	status = reco_calibration_fit(samples, n, &run, &curve);

	ok(status == expected && is_none(&curve), "no curve: %s (status %d)", what, (int) status);
}

/* The mean difference of the probabilities that they give. */
static double
distance(const RecoCurve *a, const RecoCurve *b)
{
	double		sum = 0;

	for (int i = 0; i < N; i++)
		sum += fabs(reco_calibration_probability(a, samples[i].score, &samples[i].strength) -
					reco_calibration_probability(b, samples[i].score, &samples[i].strength));
	return sum / N;
}

static void
test_recovery(void)
{
	static const RecoCurve truths[] = {{-3, 2, 0, 1.5, 0}, {-1, 0, 3, -0.5, 0.25}, {-6, 1, 0.5, 0, 1}};
	static const double units[] = {1, 3, 8};

	for (int t = 0; t < 3; t++)
		for (int u = 0; u < 3; u++)
		{
			const RecoCurve *truth = &truths[t];
			RecoCurve	curve;
			RecoStatus	status;

			draw_samples(truth, units[u]);
			status = reco_calibration_fit(samples, N, &run, &curve);
			ok(status == RECO_OK && curve.slope >= 0 && curve.linear >= 0 && fabs(curve.by_basket - truth->by_basket) < 0.1 &&
			   fabs(curve.by_history - truth->by_history) < 0.1 && distance(truth, &curve) < 0.01,
			   "a known curve is found again: %.3f %.3f %.3f %.3f %.3f, scores up to %g", curve.intercept, curve.slope, curve.linear,
			   curve.by_basket, curve.by_history, units[u]);
		}
}

/* At the maximum of likelihood the sum of the probabilities is that of the positives, but for the softened targets. */
static void
test_sum(void)
{
	RecoCurve	truth = {-2, 2, 0, 1, -0.1};
	RecoCurve	curve;
	RecoCurve	again;
	double		predicted = 0;
	double		observed = 0;

	draw_samples(&truth, 1);
	ok(reco_calibration_fit(samples, N, &run, &curve) == RECO_OK &&
	   reco_calibration_fit(samples, N, &run, &again) == RECO_OK && memcmp(&curve, &again, sizeof(curve)) == 0,
	   "the same samples give the same bits");
	for (int i = 0; i < N; i++)
	{
		predicted += reco_calibration_probability(&curve, samples[i].score, &samples[i].strength);
		observed += samples[i].positive;
	}
	ok(fabs(predicted - observed) < 2, "as many are expected as there were: %g, %g", predicted, observed);
}

static void
test_nothing_to_learn(void)
{
	for (int i = 0; i < N; i++)
		samples[i] = (RecoSample) {(float) i, {2, 3}, false};
	expect_none(RECO_NOT_CONVERGED, 0, "no samples");
	expect_none(RECO_NOT_CONVERGED, N, "nothing positive");
	for (int i = 0; i < N; i++)
		samples[i].positive = true;
	expect_none(RECO_NOT_CONVERGED, N, "nothing negative");
	for (int i = 0; i < N; i++)
		samples[i] = (RecoSample) {0.3f, {2, 3}, i % 3 == 0};
	expect_none(RECO_NOT_CONVERGED, N, "one score alone");
	for (int i = 0; i < N; i++)
		samples[i] = (RecoSample) {-(float) i, {2, 3}, i % 3 == 0};
	expect_none(RECO_NOT_CONVERGED, N, "no score above 0");
	for (int i = 0; i < N; i++)
		samples[i] = (RecoSample) {(float) (i % 10), {2, 3}, i % 10 < 4};
	expect_none(RECO_NOT_CONVERGED, N, "a score that says the contrary");
	samples[7].score = NAN;
	expect_none(RECO_NOT_FINITE, N, "a score that is no number");
	samples[7].score = INFINITY;
	expect_none(RECO_NOT_FINITE, N, "an infinite score");
	samples[7].score = 1;
	samples[7].strength.basket = INFINITY;
	expect_none(RECO_NOT_FINITE, N, "an infinite basket");
	samples[7].strength.basket = 1;
	samples[7].strength.history = NAN;
	expect_none(RECO_NOT_FINITE, N, "a history that is no number");
}

/* Is there a curve that ascends and stays between 0 and 1, or none? */
static bool
is_sound(const RecoCurve *curve, float level)
{
	RecoStrength strength = {2, 3};
	double		before = 0;

	if (is_none(curve))
		return true;
	for (double score = -10; score < 1e6; score += 0.01 + fabs(score) / 8)
	{
		double		p = reco_calibration_probability(curve, score * level, &strength);

		if (!(p >= before && p <= 1))
			return false;
		before = p;
	}
	return reco_calibration_is_curve(curve);
}

static void
test_extremes(void)
{
	static const float scales[] = {FLT_TRUE_MIN, FLT_MIN, 1e-20f, 1, 1e20f, FLT_MAX / 64};
	RecoCurve	curve;

	for (size_t s = 0; s < sizeof(scales) / sizeof(scales[0]); s++)
	{
		RecoStatus	status;

		for (int i = 0; i < N; i++)
			samples[i] = (RecoSample) {(float) (i % 50) * scales[s], {i % 2, scales[s]}, i % 50 + i % 7 > 40};
		status = reco_calibration_fit(samples, N, &run, &curve);
		ok((status == RECO_OK || status == RECO_NOT_CONVERGED) && is_sound(&curve, scales[s]), "scores of about %g", scales[s]);
	}
	for (int i = 0; i < N; i++)
		samples[i] = (RecoSample) {(float) i, {2, 3}, i >= N / 2};
	ok(reco_calibration_fit(samples, N, &run, &curve) == RECO_OK && is_sound(&curve, 1) &&
	   reco_calibration_probability(&curve, 10, &samples[0].strength) < 0.01 &&
	   reco_calibration_probability(&curve, N, &samples[0].strength) > 0.99,
	   "scores that divide the samples without error: slope %g, linear %g", curve.slope, curve.linear);
	for (int i = 0; i < N; i++)
		samples[i] = (RecoSample) {(float) i, {2, 3}, i == N - 1};
	ok(reco_calibration_fit(samples, N, &run, &curve) == RECO_OK && is_sound(&curve, 1), "one positive sample");
	ok(reco_calibration_fit(samples + N - 2, 2, &run, &curve) == RECO_OK && is_sound(&curve, 1), "two samples");
	for (int i = 0; i < N; i++)
		samples[i] = (RecoSample) {(float) (i % 50), {(float) (i % 50), (float) (i % 50)}, i % 3 == 0 || i % 50 > 40};
	(void) reco_calibration_fit(samples, N, &run, &curve);
	ok(is_sound(&curve, 1), "terms that say the same");
}

static void
test_probability(void)
{
	static const double parameters[] = {-DBL_MAX, -1, 0, DBL_TRUE_MIN, 1, DBL_MAX};
	static const float strengths[] = {-FLT_MAX, -1, 0, FLT_TRUE_MIN, 1, FLT_MAX, INFINITY, -INFINITY, NAN};
	static const double scores[] = {-DBL_MAX, -1, 0, DBL_TRUE_MIN, 1, DBL_MAX, INFINITY, -INFINITY, NAN};
	bool		good = true;

	for (int a = 0; a < 6 * 6 * 6 * 6; a++)
		for (int b = 0; b < 9 * 9 * 9; b++)
		{
			RecoCurve	curve = {parameters[a % 6], parameters[a / 6 % 6], parameters[a / 6 % 6], parameters[a / 36 % 6], parameters[a / 216]};
			RecoStrength strength = {strengths[b % 9], strengths[b / 9 % 9]};
			double		p = reco_calibration_probability(&curve, scores[b / 81], &strength);

			good &= p >= 0 && p <= 1;
		}
	ok(good, "from 0 to 1, never NaN, whatever the parameters");
}

static bool
refuse(void *arg)
{
	(void) arg;
	return false;
}

int
main(void)
{
	RecoRun		stopped = {NULL, refuse, NULL};
	RecoCurve	curve;

	test_recovery();
	test_sum();
	ok(reco_calibration_fit(samples, N, &stopped, &curve) == RECO_INTERRUPTED && is_none(&curve), "it can be stopped");
	test_nothing_to_learn();
	test_extremes();
	test_probability();
	printf("1..%d\n", tests);
	return failures != 0;
}
