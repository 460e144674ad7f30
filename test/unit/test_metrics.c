/*
 * test_metrics.c: tests of the definitions of the metrics.
 *
 * Prints TAP.  Random numbers come from a fixed seed.
 */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"

#define LONGEST 40
#define MANY 200000				/* numbers, more than are sorted between two checks */

typedef double (*Metric) (const bool *hit, int n, int k, int n_relevant);

static const struct
{
	const char *name;
	Metric		metric;
}			metrics[] = {
	{"precision", reco_metrics_precision},
	{"recall", reco_metrics_recall},
	{"hit rate", reco_metrics_hit_rate},
	{"average precision", reco_metrics_average_precision},
	{"reciprocal rank", reco_metrics_reciprocal_rank},
	{"nDCG", reco_metrics_ndcg}
};

#define METRICS ((int) (sizeof(metrics) / sizeof(metrics[0])))

static int	tests;
static int	failures;
static const RecoRun run = {NULL, NULL, NULL};
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

static int
draw(int n)
{
	return (int) (uniform() * n);
}

static bool
near(double a, double b)
{
	return fabs(a - b) <= 1e-14 * fmax(fabs(b), 1);
}

/* --- one list ---------------------------------------------------------------------------------------------- */

/* A list written as 1 for a hit, 0 for none. */
static int
read_list(const char *list, bool *hit)
{
	int			n = (int) strlen(list);

	for (int i = 0; i < n; i++)
		hit[i] = list[i] == '1';
	return n;
}

static void
test_by_hand(void)
{
	static const struct
	{
		const char *list;
		int			k;
		int			n_relevant;
		double		expected[METRICS];	/* in the order of metrics[] */
	}			cases[] = {
		{"10110", 5, 4, {3.0 / 5, 3.0 / 4, 1, (1 + 2.0 / 3 + 3.0 / 4) / 4, 1,
			(1 + 1 / 2.0 + 1 / log2(5)) / (1 + 1 / log2(3) + 1 / 2.0 + 1 / log2(5))}},
		{"010", 3, 1, {1.0 / 3, 1, 1, 0.5, 0.5, 1 / log2(3)}},
		{"0101", 2, 5, {0.5, 0.5, 1, 0.25, 0.5, (1 / log2(3)) / (1 + 1 / log2(3))}},
		{"0001", 3, 2, {0, 0, 0, 0, 0, 0}},
		{"0001", 10, 2, {0.1, 0.5, 1, 0.125, 0.25, (1 / log2(5)) / (1 + 1 / log2(3))}},
		{"111", 3, 7, {1, 1, 1, 1, 1, 1}},
		{"11", 10, 2, {0.2, 1, 1, 1, 1, 1}},
		{"1", 1, 1, {1, 1, 1, 1, 1, 1}},
		{"", 10, 3, {0, 0, 0, 0, 0, 0}},
		{"1", INT_MAX, 1, {1.0 / INT_MAX, 1, 1, 1, 1, 1}},
		{"01", 2, INT_MAX, {0.5, 0.5, 1, 0.25, 0.5, (1 / log2(3)) / (1 + 1 / log2(3))}},
		{"00", INT_MAX, 2, {0, 0, 0, 0, 0, 0}},
	};

	for (int c = 0; c < (int) (sizeof(cases) / sizeof(cases[0])); c++)
		for (int m = 0; m < METRICS; m++)
		{
			bool		hit[LONGEST] = {false};
			int			n = read_list(cases[c].list, hit);
			double		value = metrics[m].metric(hit, n, cases[c].k, cases[c].n_relevant);

			ok(near(value, cases[c].expected[m]), "%s@%d of \"%s\", %d relevant: %g", metrics[m].name, cases[c].k,
			   cases[c].list, cases[c].n_relevant, value);
		}
}

/* A random list; returns its length, and how many are relevant: its hits and perhaps some more. */
static int
draw_list(bool *hit, int *n_relevant)
{
	int			n = 2 + draw(LONGEST - 2);
	double		share = uniform();

	*n_relevant = draw(2) * draw(LONGEST);
	for (int i = 0; i < n; i++)
	{
		hit[i] = uniform() < share;
		*n_relevant += hit[i];
	}
	if (*n_relevant == 0)
		*n_relevant = 1;
	return n;
}

static void
test_bounds(void)
{
	bool		good[METRICS];
	bool		perfect[METRICS];

	memset(good, true, sizeof(good));
	memset(perfect, true, sizeof(perfect));
	for (int round = 0; round < 20000; round++)
	{
		bool		hit[LONGEST];
		bool		all[LONGEST];
		int			n_relevant;
		int			n = draw_list(hit, &n_relevant);
		int			k = 1 + draw(2 * LONGEST);

		for (int i = 0; i < LONGEST; i++)
			all[i] = i < n_relevant;
		for (int m = 0; m < METRICS; m++)
		{
			double		value = metrics[m].metric(hit, n, k, n_relevant);

			good[m] &= value >= 0 && value <= 1;
			value = metrics[m].metric(all, LONGEST, k < LONGEST ? k : LONGEST, n_relevant);
			perfect[m] &= value == 1 || (m == 0 && n_relevant < k);
		}
	}
	for (int m = 0; m < METRICS; m++)
		ok(good[m] && perfect[m], "%s is from 0 to 1, and 1 for the best list", metrics[m].name);
}

/* Moving a hit up by any number of ranks, in place of a miss. */
static void
test_moving_up(void)
{
	bool		good[METRICS];
	bool		better[METRICS] = {false};

	memset(good, true, sizeof(good));
	for (int round = 0; round < 20000; round++)
	{
		bool		hit[LONGEST];
		int			n_relevant;
		int			n = draw_list(hit, &n_relevant);
		int			k = 1 + draw(n);
		int			from = 1 + draw(n - 1);
		int			to = draw(from);
		double		before[METRICS];

		if (!hit[from] || hit[to])
			continue;
		for (int m = 0; m < METRICS; m++)
			before[m] = metrics[m].metric(hit, n, k, n_relevant);
		hit[from] = false;
		hit[to] = true;
		for (int m = 0; m < METRICS; m++)
		{
			double		after = metrics[m].metric(hit, n, k, n_relevant);

			good[m] &= after >= before[m];
			better[m] |= from < k && after > before[m];
		}
	}
	for (int m = 0; m < METRICS; m++)
		ok(good[m] && better[m] == (m >= 3), "a hit that moves up within k never lowers %s%s", metrics[m].name,
		   m >= 3 ? ", and can raise it" : ", which looks at no ranks");
}

static void
test_adding_a_hit(void)
{
	bool		good[METRICS];
	bool		better[METRICS] = {false};

	memset(good, true, sizeof(good));
	for (int round = 0; round < 20000; round++)
	{
		bool		hit[LONGEST];
		int			n_relevant;
		int			n = draw_list(hit, &n_relevant);
		int			k = 1 + draw(n);
		int			at = draw(n);
		double		before[METRICS];

		if (hit[at])
			continue;
		n_relevant++;
		for (int m = 0; m < METRICS; m++)
			before[m] = metrics[m].metric(hit, n, k, n_relevant);
		hit[at] = true;
		for (int m = 0; m < METRICS; m++)
		{
			double		after = metrics[m].metric(hit, n, k, n_relevant);

			good[m] &= after >= before[m];
			better[m] |= after > before[m];
		}
	}
	for (int m = 0; m < METRICS; m++)
		ok(good[m] && better[m], "one more hit never lowers %s", metrics[m].name);
}

/* --- many numbers ------------------------------------------------------------------------------------------ */

static double
simple_auc(const double *positive, int n_positive, const double *negative, int n_negative)
{
	double		sum = 0;

	for (int i = 0; i < n_positive; i++)
		for (int j = 0; j < n_negative; j++)
			sum += positive[i] > negative[j] ? 1 : positive[i] == negative[j] ? 0.5 : 0;
	return sum / n_positive / n_negative;
}

static void
expect_auc(const double *positive, int n_positive, const double *negative, int n_negative, double expected, const char *what)
{
	double		p[LONGEST];
	double		n[LONGEST];
	double		workspace[LONGEST];
	double		auc;

	memcpy(p, positive, n_positive * sizeof(double));
	memcpy(n, negative, n_negative * sizeof(double));
	ok(reco_metrics_auc(&run, p, n_positive, n, n_negative, workspace, &auc) == RECO_OK && auc == expected, "AUC: %s", what);
}

static void
test_auc(void)
{
	static const double low[3] = {-1, -INFINITY, 0};
	static const double high[2] = {INFINITY, 1e-300};
	static const double zeros[2] = {0.0, -0.0};
	static const double some[4] = {0.1, 0.4, 0.35, 0.8};
	bool		good = true;

	expect_auc(high, 2, low, 3, 1, "all positives above");
	expect_auc(low, 3, high, 2, 0, "all below");
	expect_auc(low, 3, low, 3, 0.5, "the same");
	expect_auc(zeros, 2, zeros, 2, 0.5, "0 and -0 are one score");
	expect_auc(some + 2, 2, some, 2, 0.75, "by hand: 0.35 and 0.8 against 0.1 and 0.4");
	for (int round = 0; round < 2000; round++)
	{
		double		p[LONGEST];
		double		n[LONGEST];
		double		workspace[LONGEST];
		int			n_p = 1 + draw(LONGEST);
		int			n_n = 1 + draw(LONGEST);
		int			values = 1 + draw(30);
		double		expected;
		double		auc;

		for (int i = 0; i < LONGEST; i++)
		{
			p[i] = draw(values) - 10;
			n[i] = draw(values) - 12;
		}
		expected = simple_auc(p, n_p, n, n_n);
		good &= reco_metrics_auc(&run, p, n_p, n, n_n, workspace, &auc) == RECO_OK && near(auc, expected);
		for (int i = 1; i < n_p; i++)
			good &= p[i - 1] <= p[i];
	}
	ok(good, "AUC: as by comparing every pair");
}

static bool
refuse_at_last(void *arg)
{
	return --*(int *) arg > 0;
}

/* Work over many numbers asks whether to go on, and stops wherever it is told to. */
static void
test_many(void)
{
	double	   *p = malloc(MANY * sizeof(double));
	double	   *n = malloc(MANY * sizeof(double));
	double	   *workspace = malloc(MANY * sizeof(double));
	double		auc;
	double		gini;
	int			stops = 0;

	for (int calls = 1;; calls++)
	{
		int			left = calls;
		RecoRun		stopped = {NULL, refuse_at_last, &left};
		RecoStatus	status;

		for (int i = 0; i < MANY; i++)
		{
			p[i] = (double) ((int64_t) i * 7919 % MANY) + 0.5;
			n[i] = (double) ((int64_t) i * 104729 % MANY);
		}
		status = reco_metrics_auc(&stopped, p, MANY, n, MANY, workspace, &auc);
		if (status == RECO_OK)
			status = reco_metrics_gini(&stopped, n, MANY, MANY, workspace, &gini);
		if (status == RECO_OK)
			break;
		stops += status == RECO_INTERRUPTED;
	}
	ok(stops > 100, "sorting many numbers can be stopped at any of %d places", stops);
	ok(near(auc, (MANY + 1.0) / 2 / MANY), "AUC of many scores");
	ok(near(gini, (MANY + 1.0) / 3 / MANY), "Gini of as many exposures, 0 to %d", MANY - 1);
	free(p);
	free(n);
	free(workspace);
}

static void
test_auc_errors(void)
{
	double		p[2] = {1, NAN};
	double		n[2] = {1, 2};
	double		workspace[2];
	double		auc;

	ok(reco_metrics_auc(&run, p, 0, n, 2, workspace, &auc) == RECO_BAD_ARGUMENT, "AUC without a positive");
	ok(reco_metrics_auc(&run, n, 2, p, 0, workspace, &auc) == RECO_BAD_ARGUMENT, "AUC without a negative");
	ok(reco_metrics_auc(&run, p, 2, n, 2, workspace, &auc) == RECO_NOT_FINITE && auc == 0, "AUC of a positive NaN");
	ok(reco_metrics_auc(&run, n, 2, p, 2, workspace, &auc) == RECO_NOT_FINITE && auc == 0, "AUC of a negative NaN");
	ok(reco_metrics_auc(&run, p, ((size_t) 1 << 31) + 1, n, 2, workspace, &auc) == RECO_TOO_LARGE, "AUC of too many");
}

static void
expect_gini(const double *exposures, int n, double items, double expected, const char *what)
{
	double		copy[LONGEST];
	double		workspace[LONGEST];
	double		gini;
	RecoStatus	status;

	memcpy(copy, exposures, n * sizeof(double));
	status = reco_metrics_gini(&run, copy, n, items, workspace, &gini);
	ok(status == RECO_OK && near(gini, expected), "Gini: %s: %g", what, gini);
}

/* Half of the mean distance of two items, in means. */
static double
simple_gini(const double *exposures, int n)
{
	double		sum = 0;
	double		total = 0;

	for (int i = 0; i < n; i++)
	{
		total += exposures[i];
		for (int j = 0; j < n; j++)
			sum += fabs(exposures[i] - exposures[j]);
	}
	return total > 0 ? sum / (2.0 * n * total) : 0;
}

static void
test_gini(void)
{
	static const double equal[4] = {3, 3, 3, 3};
	static const double one[1] = {5};
	static const double rising[4] = {4, 1, 3, 2};
	static const double zeros[3] = {0, 0, 0};
	double		bad[2] = {1, -1};
	double		infinite[2] = {1, INFINITY};
	double		nan[2] = {1, NAN};
	double		workspace[2];
	double		gini;
	bool		good = true;

	expect_gini(equal, 4, 4, 0, "all equal");
	expect_gini(equal, 4, 8, 0.5, "half of the items never");
	expect_gini(one, 1, 10, 0.9, "always the same of 10");
	expect_gini(one, 1, 1e18, 1, "always the same of very many");
	expect_gini(one, 1, 1, 0, "the only item");
	expect_gini(rising, 4, 4, 0.25, "1, 2, 3, 4");
	expect_gini(zeros, 3, 3, 0, "nothing is shown");
	expect_gini(zeros, 0, 3, 0, "nothing is listed");
	for (int round = 0; round < 2000; round++)
	{
		double		exposures[LONGEST] = {0};
		double		listed[LONGEST];
		int			items = 1 + draw(LONGEST);
		int			n = 0;
		double		sorter[LONGEST];

		for (int i = 0; i < items; i++)
			if ((exposures[i] = draw(3) * draw(100)) > 0 || draw(2) == 0)
				listed[n++] = exposures[i];
		good &= reco_metrics_gini(&run, listed, n, items, sorter, &gini) == RECO_OK && near(gini, simple_gini(exposures, items));
		good &= gini >= 0 && gini <= (items - 1.0) / items;
	}
	ok(good, "Gini: as by comparing every pair, never shown items listed or not");
	ok(reco_metrics_gini(&run, bad, 2, 2, workspace, &gini) == RECO_BAD_ARGUMENT, "Gini of a negative exposure");
	ok(reco_metrics_gini(&run, infinite, 2, 2, workspace, &gini) == RECO_NOT_FINITE, "Gini of an infinite one");
	ok(reco_metrics_gini(&run, nan, 2, 2, workspace, &gini) == RECO_NOT_FINITE, "Gini of a NaN");
	ok(reco_metrics_gini(&run, bad, 2, 1, workspace, &gini) == RECO_BAD_ARGUMENT, "Gini of more items than there are");
	ok(reco_metrics_gini(&run, bad, 0, 0, workspace, &gini) == RECO_BAD_ARGUMENT &&
	   reco_metrics_gini(&run, bad, 0, NAN, workspace, &gini) == RECO_BAD_ARGUMENT, "Gini of no items");
}

/* --- probabilities and items ------------------------------------------------------------------------------- */

static void
test_probabilities(void)
{
	static const double predicted[3] = {0.5, 1.5, 0};
	static const double observed[3] = {1, 1, 0};
	bool		good = true;

	ok(near(reco_metrics_log_loss(0.5, true), log(2)) && near(reco_metrics_log_loss(0.25, false), -log(0.75)), "log loss");
	ok(near(reco_metrics_log_loss(0, true), 15 * log(10)) && fabs(reco_metrics_log_loss(1, false) - 15 * log(10)) < 1e-3,
	   "log loss of the impossible: %g, %g", reco_metrics_log_loss(0, true), reco_metrics_log_loss(1, false));
	ok(reco_metrics_log_loss(1, true) >= 0 && reco_metrics_log_loss(1, true) < 2e-15 && reco_metrics_log_loss(0, false) < 2e-15,
	   "log loss of the certain");
	ok(reco_metrics_brier(0.75, true) == 0.0625 && reco_metrics_brier(0.75, false) == 0.5625 && reco_metrics_brier(0, false) == 0 &&
	   reco_metrics_brier(0, true) == 1, "Brier");
	for (int bins = 1; bins <= 1000; bins++)
		for (int i = 0; i <= 1000; i++)
		{
			int			bin = reco_metrics_bin(i / 1000.0, bins);

			good &= bin >= 0 && bin < bins && (i == 0 || bin >= reco_metrics_bin((i - 1) / 1000.0, bins));
		}
	ok(good, "every probability has a bin, and they ascend");
	ok(reco_metrics_bin(0, 10) == 0 && reco_metrics_bin(0.0999, 10) == 0 && reco_metrics_bin(0.5, 10) == 5 &&
	   reco_metrics_bin(1, 10) == 9, "the bins of some");
	ok(reco_metrics_calibration_error(predicted, observed, 3, 4) == 0.25, "calibration error");
}

static void
test_self_information(void)
{
	bool		good = true;

	ok(reco_metrics_self_information(0, 1023) == 10 && reco_metrics_self_information(1, 1023) == 9, "self-information");
	for (int orders = 0; orders < 500; orders++)
		for (int with = 0; with <= orders; with++)
		{
			double		bits = reco_metrics_self_information(with, orders);

			good &= bits >= 0 && bits <= log2(orders + 1) && !signbit(bits) &&
				(with == 0 || bits < reco_metrics_self_information(with - 1, orders));
		}
	ok(good, "self-information is from 0 to log2(orders + 1), the lower the more orders have it");
	ok(reco_metrics_self_information(0x1p63, 0x1p63) == 0 && reco_metrics_self_information(0, 0) == 0, "its extremes");
}

int
main(void)
{
	test_by_hand();
	test_bounds();
	test_moving_up();
	test_adding_a_hit();
	test_auc();
	test_many();
	test_auc_errors();
	test_gini();
	test_probabilities();
	test_self_information();
	printf("1..%d\n", tests);
	return failures != 0;
}
