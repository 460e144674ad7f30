/*
 * test_segments.c: tests of what labels speak for, and of what is expected of customers by their labels.
 *
 * Prints TAP.  Random numbers come from a fixed seed.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "lift.h"
#include "prior.h"

#define CUSTOMERS 3000
#define FACTORS 20

static int	tests;
static int	failures;
static RecoRun run;
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

static bool
stop(void *arg)
{
	(void) arg;
	return false;
}

static RecoRun stopped;

/* --- expected vectors -------------------------------------------------------------------------------------- */

/* Fields of customers with 3, 2 and 4 labels, and a part of a context behind them. */
static const RecoFieldEntry entries[] = {
	{RECO_FIELDS_OF_CUSTOMERS, RECO_FIELD_TEXT, 0, 3},
	{RECO_FIELDS_OF_CUSTOMERS, RECO_FIELD_TEXT, 3, 2},
	{RECO_FIELDS_OF_CUSTOMERS, RECO_FIELD_TEXT, 5, 4},
	{RECO_FIELDS_OF_CONTEXT, RECO_FIELD_TEXT, 9, 2}
};
static const RecoFields fields = {4, 11, entries, NULL, NULL, NULL};

#define LABELS 9

/*
 * How far what labels add is from effects that were put into the first so many factors; of shuffled ones there are none.
 * axes: along how many labels say something.
 */
static double
prior_error(bool shuffled, double noise, int planted, double *size, int *axes)
{
	static float result[(1 + LABELS) * 32];
	double		effect[LABELS][FACTORS];
	int32_t		support[LABELS];
	void	   *workspace = aligned_alloc(64, reco_prior_workspace_size(LABELS, FACTORS));
	RecoPrior	prior;
	double		worst = 0;
	int			c;
	int			l;
	int			k;

	for (l = 0; l < LABELS; l++)
	{
		support[l] = 100;
		for (k = 0; k < FACTORS; k++)
			effect[l][k] = k < planted ? uniform() - 0.5 : 0;
	}
	prior = reco_prior_begin(LABELS, FACTORS, support, workspace);
	for (c = 0; c < CUSTOMERS; c++)
	{
		int32_t		labels[3] = {(int32_t) (uniform() * 3), 3 + (int32_t) (uniform() * 2), 5 + (int32_t) (uniform() * 4)};
		int32_t		others[3] = {(int32_t) (uniform() * 3), 3 + (int32_t) (uniform() * 2), 5 + (int32_t) (uniform() * 4)};
		double		x[FACTORS];

		for (k = 0; k < FACTORS; k++)
		{
			x[k] = 1 + noise * (uniform() - 0.5);
			for (l = 0; l < 3; l++)
				x[k] += effect[labels[l]][k];
		}
		reco_prior_add(&prior, shuffled ? others : labels, 3, x);
	}
	ok(reco_prior_end(&prior, &fields, result, &run) == RECO_OK, "a regression");
	*size = 0;
	for (*axes = k = 0; k < FACTORS; k++)
		*axes += isfinite(prior.ridge[k]);
	for (l = 0; l < LABELS; l++)
		for (k = 0; k < FACTORS; k++)
		{
			const RecoFieldEntry *field = &entries[l < 3 ? 0 : l < 5 ? 1 : 2];
			double		mean = 0;
			double		got = (double) result[(1 + l) * 32 + k];
			int32_t		other;

			for (other = field->first; other < field->first + field->labels; other++)
				mean += effect[other][k] / field->labels;
			worst = fmax(worst, fabs(got - (effect[l][k] - mean)));
			*size = fmax(*size, fabs(got));
		}
	free(workspace);
	return worst;
}

static void
test_prior(void)
{
	static float result[(1 + LABELS) * 32];
	double		size;
	int			axes;
	double		error = prior_error(false, 0.1, FACTORS, &size, &axes);
	int32_t		support[LABELS] = {0};
	const int32_t labels[] = {1};
	void	   *workspace = aligned_alloc(64, reco_prior_workspace_size(LABELS, FACTORS));
	double		x[FACTORS] = {1, 2, 3};
	RecoPrior	prior;
	int			i;
	bool		good = true;

	ok(error < 0.05, "effects of labels are found (%g)", error);
	error = prior_error(false, 8, 1, &size, &axes);
	ok(axes >= 1 && axes <= 2 && error < 0.35 && size > 0.1, "little of them in much noise, along the axis where they are (%g, %d)",
	   error, axes);
	(void) prior_error(true, 0.1, FACTORS, &size, &axes);
	ok(axes == 0 && size == 0, "shuffled labels say nothing (%g, %d)", size, axes);
	(void) prior_error(false, 8, 0, &size, &axes);
	ok(axes == 0 && size == 0, "nor do labels of nothing but noise (%g, %d)", size, axes);
	prior = reco_prior_begin(LABELS, FACTORS, support, workspace);
	ok(prior.n == 0, "labels of nobody take no part");
	reco_prior_add(&prior, labels, 1, x);
	ok(reco_prior_end(&prior, &fields, result, &run) == RECO_OK && result[0] == 1 && result[2] == 3 && result[FACTORS] == 0,
	   "the mean alone");
	for (i = 32; i < (1 + LABELS) * 32; i++)
		good &= result[i] == 0;
	ok(good, "the rest is zero");
	x[1] = NAN;
	prior = reco_prior_begin(LABELS, FACTORS, support, workspace);
	reco_prior_add(&prior, labels, 1, x);
	ok(reco_prior_end(&prior, &fields, result, &run) == RECO_NOT_FINITE, "not a number");
	x[1] = 1;
	prior = reco_prior_begin(LABELS, FACTORS, support, workspace);
	ok(reco_prior_end(&prior, &fields, result, &stopped) == RECO_INTERRUPTED, "it can be interrupted");
	free(workspace);
}

static void
test_many_labels(void)
{
	int32_t		n = RECO_PRIOR_MOST_LABELS + 500;
	int32_t    *support = calloc((size_t) n, sizeof(int32_t));
	void	   *workspace = aligned_alloc(64, reco_prior_workspace_size(n, 1));
	RecoPrior	prior;
	int32_t		l;

	for (l = 0; l < n; l++)
		support[l] = 20 + l;
	prior = reco_prior_begin(n, 1, support, workspace);
	ok(prior.n == RECO_PRIOR_MOST_LABELS && prior.number[499] == -1 && prior.number[500] == 0, "of many labels those of the most customers");
	for (l = 0; l < n; l++)
		support[l] = 20;
	prior = reco_prior_begin(n, 1, support, workspace);
	ok(prior.n == 0, "none where there are too many with as many");
	free(workspace);
	free(support);
}

/* --- lifts ------------------------------------------------------------------------------------------------- */

#define BAGS 2000
#define ITEMS 100

static int64_t bag_start[BAGS + 1];
static int32_t bag_index[BAGS * ITEMS];
static int64_t label_start[BAGS + 1];
static int32_t label_index[BAGS * 2];

/* Bags of label 0 have item 7 four times as often; label 1 says nothing; of the last tenth nothing is known. */
static void
make_bags(bool planted)
{
	int			b;
	int			i;

	for (b = 0; b < BAGS; b++)
	{
		int			label = uniform() < 0.3 ? 0 : 1;
		int64_t		n = bag_start[b];

		for (i = 0; i < ITEMS; i++)
			if (uniform() < (planted && i == 7 && label == 0 ? 0.4 : 0.1))
				bag_index[n++] = i;
		bag_start[b + 1] = n;
		n = label_start[b];
		if (b < BAGS * 9 / 10)
			label_index[n++] = label;
		label_start[b + 1] = n;
	}
}

static void
test_lift(void)
{
	RecoSparse	bags = {BAGS, ITEMS, bag_start, bag_index, NULL};
	RecoSparse	labels = {BAGS, 2, label_start, label_index, NULL};
	RecoLiftOptions options = reco_lift_options_default();
	int64_t		start[3];
	int32_t		index[2 * 300];
	float		weight[2 * 300];
	double		scale[ITEMS];
	float		plain;
	void	   *workspace = aligned_alloc(64, reco_lift_workspace_size(2, ITEMS, BAGS));
	int			i;
	bool		good = true;

	make_bags(true);
	options.least_score = 4;
	ok(reco_lift_make(&bags, &labels, &options, NULL, start, index, weight, workspace, &run) == RECO_OK && start[0] == 0 && start[1] == 1 &&
	   index[0] == 7 && start[2] == 1, "what was planted is found, and nothing else");
	plain = weight[0];
	ok(plain > 0.17f && plain < 0.25f, "as a share of bags (%g)", (double) plain);
	for (i = 0; i < ITEMS; i++)
		scale[i] = 0.5;
	(void) reco_lift_make(&bags, &labels, &options, scale, start, index, weight, workspace, &run);
	ok(fabsf(weight[0] - plain / 2) < 1e-6f, "times its scale");
	options.shrinkage = 1e9;
	(void) reco_lift_make(&bags, &labels, &options, NULL, start, index, weight, workspace, &run);
	ok(start[1] == 1 && weight[0] < 1e-3f, "shrunk");
	options = reco_lift_options_default();
	options.least_score = -100;
	options.most = 3;
	(void) reco_lift_make(&bags, &labels, &options, NULL, start, index, weight, workspace, &run);
	for (i = 0; i < start[2]; i++)
		good &= weight[i] > 0 && (i == 0 || i == start[1] || index[i] > index[i - 1]);
	ok(good && start[1] == 3 && start[2] <= 6, "the most, in the order of items");
	for (i = 0, good = false; i < 3; i++)
		good |= index[i] == 7;
	ok(good, "the best among them");
	options.least_count = BAGS;
	(void) reco_lift_make(&bags, &labels, &options, NULL, start, index, weight, workspace, &run);
	ok(start[2] == 0, "not of few bags");
	make_bags(false);
	options = reco_lift_options_default();
	options.least_score = 4;
	(void) reco_lift_make(&bags, &labels, &options, NULL, start, index, weight, workspace, &run);
	ok(start[2] == 0, "nothing where nothing was planted");
	ok(reco_lift_make(&bags, &labels, &options, NULL, start, index, weight, workspace, &stopped) == RECO_INTERRUPTED, "it can be interrupted");
	free(workspace);
}

int
main(void)
{
	run.kernels = stopped.kernels = reco_kernels_choose(NULL);
	stopped.check = stop;
	test_prior();
	test_many_labels();
	test_lift();
	printf("1..%d\n", tests);
	return failures > 0;
}
