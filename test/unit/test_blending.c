/*
 * test_blending.c: tests of the weights that are learned for the components of a score.
 *
 * Prints TAP.  Random numbers come from a fixed seed.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blending.h"

#define N 60000
#define RIDGE 1e-3

static int	tests;
static int	failures;
static const RecoRun run = {NULL, NULL, NULL};
static RecoOutcome outcomes[N];
static float counts[N];
static uint64_t random_state = 88172645463325252u;
static int	checks;

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

static double
logit(const RecoOutcome *outcome, const double *weights, double constant)
{
	for (int j = 0; j < RECO_COMPONENTS; j++)
		constant += weights[j] * outcome->parts[j];
	return constant;
}

/* Parts of different sizes and, but for the last two, independent; bought by a logistic law. */
static void
draw(const double *truth, double constant)
{
	for (int i = 0; i < N; i++)
	{
		for (int j = 0; j < RECO_COMPONENTS; j++)
			outcomes[i].parts[j] = (float) (pow(10, j - 2) * -log(1 - uniform()));
		outcomes[i].parts[RECO_COMPONENTS - 1] += 10 * outcomes[i].parts[RECO_COMPONENTS - 2];
		outcomes[i].positive = uniform() < 1 / (1 + exp(-logit(&outcomes[i], truth, constant)));
		counts[i] = 1;
	}
}

/* The mean loss with the ridge, by another road than the one of the library. */
static double
loss(const double *weights, double constant, const double *deviation)
{
	double		sum = 0;
	double		total = 0;
	double		ridge = 0;

	for (int i = 0; i < N; i++)
	{
		double		z = logit(&outcomes[i], weights, constant);

		sum += counts[i] * log(1 + exp(outcomes[i].positive ? -z : z));
		total += counts[i];
	}
	for (int j = 0; j < RECO_COMPONENTS; j++)
		ridge += RIDGE / 2 * weights[j] * weights[j] * deviation[j] * deviation[j];
	return sum / total + ridge;
}

static void
set_deviation(double *deviation)
{
	for (int j = 0; j < RECO_COMPONENTS; j++)
	{
		double		sum = 0;
		double		squares = 0;
		double		total = 0;

		for (int i = 0; i < N; i++)
		{
			sum += counts[i] * (double) outcomes[i].parts[j];
			squares += counts[i] * (double) outcomes[i].parts[j] * outcomes[i].parts[j];
			total += counts[i];
		}
		deviation[j] = sqrt(squares / total - sum / total * (sum / total));
	}
}

/* No step in any direction that is allowed goes lower. */
static bool
is_minimum(const double *weights, double constant)
{
	double		deviation[RECO_COMPONENTS];
	double		least;

	set_deviation(deviation);
	least = loss(weights, constant, deviation);
	for (int j = 0; j <= RECO_COMPONENTS; j++)
		for (int sign = -1; sign <= 1; sign += 2)
		{
			double		moved[RECO_COMPONENTS];
			double		step = sign * 1e-3 / (j < RECO_COMPONENTS ? deviation[j] : 1);

			memcpy(moved, weights, sizeof(moved));
			if (j < RECO_COMPONENTS)
				moved[j] += step;
			if (j < RECO_COMPONENTS && moved[j] < 0)
				continue;
			if (loss(moved, constant + (j == RECO_COMPONENTS ? step : 0), deviation) < least - 1e-12)
				return false;
		}
	return true;
}

static void
test_recovery(void)
{
	double		truth[RECO_COMPONENTS] = {0};
	double		weights[RECO_COMPONENTS];
	double		constant;
	RecoStatus	status;
	bool		close = true;

	truth[0] = 80;
	truth[1] = 5;
	truth[RECO_COMPONENTS - 2] = 3 * pow(10, 4 - RECO_COMPONENTS);
	draw(truth, -3);
	status = reco_blending_fit(outcomes, NULL, N, RIDGE, &run, weights, &constant);
	for (int j = 0; j < RECO_COMPONENTS; j++)
		close = close && fabs(weights[j] - truth[j]) < 0.1 * truth[j] + 0.05 * pow(10, 2 - j);
	ok(status == RECO_OK && close && fabs(constant + 3) < 0.2, "weights that are known are found again, in units of any size");
	ok(is_minimum(weights, constant), "and are a minimum");
	truth[1] = -5;
	draw(truth, -1);
	status = reco_blending_fit(outcomes, counts, N, RIDGE, &run, weights, &constant);
	ok(status == RECO_OK && weights[1] == 0, "what speaks against gets 0");
	ok(is_minimum(weights, constant), "and the rest is a minimum beside that");
}

static void
test_counts(void)
{
	double		truth[RECO_COMPONENTS] = {50, 2};
	double		weights[RECO_COMPONENTS];
	double		again[RECO_COMPONENTS];
	double		constant;
	double		other;
	bool		same = true;

	draw(truth, -2);
	for (int i = 0; i < N; i++)
		counts[i] = i < N / 2 ? 2 : 0;
	(void) reco_blending_fit(outcomes, counts, N, RIDGE, &run, weights, &constant);
	(void) reco_blending_fit(outcomes, NULL, N / 2, RIDGE, &run, again, &other);
	for (int j = 0; j < RECO_COMPONENTS; j++)
		same = same && fabs(weights[j] - again[j]) <= 1e-6 * fabs(again[j]);
	ok(same && fabs(constant - other) < 1e-6, "outcomes that count 0 are as if they were not there");
	for (int i = 0; i < N; i++)
		counts[i] = outcomes[i].positive ? 3 : 1;
	(void) reco_blending_fit(outcomes, counts, N, RIDGE, &run, weights, &constant);
	ok(is_minimum(weights, constant), "a minimum with counts");
}

static bool
is_nothing(RecoStatus expected, size_t n)
{
	double		weights[RECO_COMPONENTS] = {1};
	double		constant = 1;
	RecoStatus	status = reco_blending_fit(outcomes, counts, n, RIDGE, &run, weights, &constant);

	for (int j = 0; j < RECO_COMPONENTS; j++)
		if (weights[j] != 0)
			return false;
	return status == expected && constant == 0;
}

static void
test_nothing(void)
{
	double		truth[RECO_COMPONENTS] = {0};
	double		weights[RECO_COMPONENTS];
	double		constant;

	draw(truth, 0);
	ok(is_nothing(RECO_NOT_CONVERGED, 0), "no outcomes");
	outcomes[7].parts[2] = NAN;
	ok(is_nothing(RECO_NOT_FINITE, N), "a part that is no number");
	outcomes[7].parts[2] = 1;
	counts[8] = -1;
	ok(is_nothing(RECO_NOT_FINITE, N), "a negative count");
	counts[8] = 1;
	for (int i = 0; i < 100; i++)
		outcomes[i].positive = true;
	ok(is_nothing(RECO_NOT_CONVERGED, 100), "nothing but positives");
	for (int i = 0; i < 100; i++)
		outcomes[i].positive = false;
	ok(is_nothing(RECO_NOT_CONVERGED, 100), "no positives");
	for (int i = 0; i < 100; i++)
		for (int j = 0; j < RECO_COMPONENTS; j++)
			outcomes[i].parts[j] = 1e30f;
	outcomes[3].positive = true;
	ok(reco_blending_fit(outcomes, NULL, 100, RIDGE, &run, weights, &constant) == RECO_OK && weights[0] == 0,
	   "parts that never vary count nothing");
	for (int i = 0; i < 100; i++)
		outcomes[i].parts[0] = i < 50;
	for (int i = 0; i < 100; i++)
		outcomes[i].positive = i < 50;
	ok(reco_blending_fit(outcomes, NULL, 100, RIDGE, &run, weights, &constant) == RECO_OK && weights[0] > 0 &&
	   isfinite(weights[0]), "a part that tells everything has a finite weight");
}

static bool
stop(void *arg)
{
	(void) arg;
	return ++checks < 3;
}

static void
test_interruption(void)
{
	RecoRun		stopping = {NULL, stop, NULL};
	double		truth[RECO_COMPONENTS] = {9};
	double		weights[RECO_COMPONENTS];
	double		constant;

	draw(truth, -1);
	ok(reco_blending_fit(outcomes, NULL, N, RIDGE, &stopping, weights, &constant) == RECO_INTERRUPTED, "it can be interrupted");
}

int
main(void)
{
	test_recovery();
	test_counts();
	test_nothing();
	test_interruption();
	printf("1..%d\n", tests);
	return failures != 0;
}
