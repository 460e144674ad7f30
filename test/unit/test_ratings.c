/*
 * test_ratings.c: tests of the prediction of stars.
 *
 * Prints TAP.  Random numbers come from a fixed seed.
 */
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ratings.h"

#define USERS 400
#define ITEMS 150
#define PLANTED 3				/* factors */
#define N 20000
#define LATER 4000

static int	tests;
static int	failures;
static const RecoRun run = {NULL, NULL, NULL};
static RecoRating ratings[N + LATER];
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

/* About normal: mean 0, deviation 1. */
static double
normal(void)
{
	double		sum = -6;

	for (int i = 0; i < 12; i++)
		sum += uniform();
	return sum;
}

/* Stars of a mean, biases, vectors of so much strength, and noise; users and items at random. */
static void
plant(double biases, double vectors, double noise)
{
	static double b[USERS + ITEMS];
	static double v[USERS + ITEMS][PLANTED];

	for (int r = 0; r < USERS + ITEMS; r++)
	{
		b[r] = biases * normal();
		for (int d = 0; d < PLANTED; d++)
			v[r][d] = normal();
	}
	for (int k = 0; k < N + LATER; k++)
	{
		int			user = (int) (uniform() * USERS);
		int			item = (int) (uniform() * ITEMS);
		double		stars = 3 + b[user] + b[USERS + item] + noise * normal();

		for (int d = 0; d < PLANTED; d++)
			stars += vectors * v[user][d] * v[USERS + item][d];
		ratings[k] = (RecoRating) {user, item, (float) stars};
	}
}

static RecoRatingsProblem
problem_of(size_t n, size_t held_out)
{
	return (RecoRatingsProblem) {ratings, n, held_out, USERS, ITEMS, RECO_RATINGS_MAX_FACTORS, 1};
}

/* Workspace of a problem, with a mark after its end. */
static unsigned char *
make_workspace(const RecoRatingsProblem *problem)
{
	size_t		size = reco_ratings_workspace_size(problem);
	unsigned char *workspace = aligned_alloc(RECO_CACHE_LINE, size + RECO_CACHE_LINE);

	memset(workspace, 0xA5, size + RECO_CACHE_LINE);
	return workspace;
}

static bool
is_marked(const RecoRatingsProblem *problem, const unsigned char *workspace)
{
	for (int i = 0; i < RECO_CACHE_LINE; i++)
		if (workspace[reco_ratings_workspace_size(problem) + (size_t) i] != 0xA5)
			return false;
	return true;
}

static double
later_error(const RecoRatings *learned, RecoRatingsPredictor predictor)
{
	double		sum = 0;

	for (int k = N; k < N + LATER; k++)
	{
		double		miss = ratings[k].stars - reco_ratings_predict(learned, predictor, ratings[k].user, ratings[k].item);

		sum += miss * miss;
	}
	return sqrt(sum / LATER);
}

/* Each predictor is better than the one before it where there is something for it to learn. */
static void
test_order(void)
{
	RecoRatingsProblem problem = problem_of(N, N / 10);
	unsigned char *workspace = make_workspace(&problem);
	RecoRatings learned;
	double		errors[RECO_RATINGS_PREDICTORS];
	RecoStatus	status;

	plant(0.5, 0.4, 0.5);
	status = reco_ratings_fit(&problem, workspace, &run, &learned);
	for (int p = 0; p < RECO_RATINGS_PREDICTORS; p++)
		errors[p] = later_error(&learned, p);
	ok(status == RECO_OK && errors[1] < errors[0] - 0.05 && errors[2] < errors[1] - 0.05 && errors[3] < errors[2] - 0.1,
	   "mean %.3f, item mean %.3f, biases %.3f, %d factors %.3f, noise 0.5", errors[0], errors[1], errors[2], learned.factors,
	   errors[3]);
	ok(errors[3] < 0.65, "what is left is noise above all");
	ok(is_marked(&problem, workspace), "the workspace suffices");
	free(workspace);
}

/* Vectors are left out where they learn noise, and ridges are large where biases do. */
static void
test_choice(void)
{
	RecoRatingsProblem problem = problem_of(2000, 400);
	unsigned char *workspace = make_workspace(&problem);
	RecoRatings learned;
	RecoStatus	status;

	plant(0.5, 0, 1);
	status = reco_ratings_fit(&problem, workspace, &run, &learned);
	ok(status == RECO_OK && later_error(&learned, 3) < later_error(&learned, 2) + 0.01 &&
	   later_error(&learned, 2) < later_error(&learned, 0) - 0.1,
	   "biases and noise: biases %.3f, %d factors %.3f", later_error(&learned, 2), learned.factors, later_error(&learned, 3));
	plant(0, 0, 1);
	status = reco_ratings_fit(&problem, workspace, &run, &learned);
	ok(status == RECO_OK && later_error(&learned, 3) < later_error(&learned, 0) + 0.01 && learned.user_ridge >= 30,
	   "noise alone: mean %.3f, biases %.3f, %d factors %.3f", later_error(&learned, 0), later_error(&learned, 2),
	   learned.factors, later_error(&learned, 3));
	problem.held_out = 0;
	status = reco_ratings_fit(&problem, workspace, &run, &learned);
	ok(status == RECO_OK && learned.factors == 0 && learned.user_ridge == 10, "nothing held out: defaults, no factors");
	problem.held_out = 2000;
	ok(reco_ratings_fit(&problem, workspace, &run, &learned) == RECO_OK && learned.factors == 0, "all held out: the same");
	problem = problem_of(2000, 400);
	problem.max_factors = 0;
	ok(reco_ratings_fit(&problem, workspace, &run, &learned) == RECO_OK && learned.factors == 0 &&
	   reco_ratings_predict(&learned, RECO_RATINGS_FACTORS, 1, 1) == reco_ratings_predict(&learned, RECO_RATINGS_BIASES, 1, 1),
	   "no factors allowed");
	free(workspace);
}

/* Biases by hand: one user, one item, one rating each. */
static void
test_formulas(void)
{
	static const RecoRating few[] = {{0, 0, 5}, {-1, 1, 1}, {0, -1, 3}, {-1, -1, 3}};
	RecoRatingsProblem problem = {few, 4, 0, 1, 3, 8, 1};
	unsigned char *workspace = make_workspace(&problem);
	RecoRatings learned;
	RecoStatus	status = reco_ratings_fit(&problem, workspace, &run, &learned);
	double		user;
	double		item;

	/* 12 b_u + b_i = 2, b_u + 11 b_i = 2 */
	user = 20.0 / 131;
	item = 22.0 / 131;
	ok(status == RECO_OK && learned.mean == 3 && learned.least == 1 && learned.most == 5 &&
	   fabs(reco_ratings_predict(&learned, RECO_RATINGS_ITEM_MEAN, 0, 0) - 3 - 2.0 / 11) < 1e-12 &&
	   fabs(reco_ratings_predict(&learned, RECO_RATINGS_ITEM_MEAN, 0, 1) - 3 + 2.0 / 11) < 1e-12 &&
	   reco_ratings_predict(&learned, RECO_RATINGS_ITEM_MEAN, 0, 2) == 3, "item means are drawn to the mean");
	ok(fabs(reco_ratings_predict(&learned, RECO_RATINGS_BIASES, 0, 0) - 3 - user - item) < 1e-9 &&
	   fabs(reco_ratings_predict(&learned, RECO_RATINGS_BIASES, -1, 0) - 3 - item) < 1e-9 &&
	   fabs(reco_ratings_predict(&learned, RECO_RATINGS_BIASES, 0, -1) - 3 - user) < 1e-9 &&
	   fabs(reco_ratings_predict(&learned, RECO_RATINGS_BIASES, 0, 2) - 3 - user) < 1e-9 &&
	   reco_ratings_predict(&learned, RECO_RATINGS_BIASES, -1, -1) == 3, "biases solve their equations");
	ok(reco_ratings_predict(&learned, RECO_RATINGS_FACTORS, 1, 3) == 3 &&
	   reco_ratings_predict(&learned, RECO_RATINGS_FACTORS, -7, INT32_MAX) == 3, "numbers out of range are unknown");
	free(workspace);
}

static void
test_range(void)
{
	RecoRatingsProblem problem = problem_of(N, N / 10);
	unsigned char *workspace = make_workspace(&problem);
	RecoRatings learned;
	bool		good = true;

	plant(2, 1, 0.1);
	for (int k = 0; k < N; k++)
		ratings[k].stars = fminf(fmaxf(ratings[k].stars, 1), 5);
	good = reco_ratings_fit(&problem, workspace, &run, &learned) == RECO_OK;
	for (int p = 0; p < RECO_RATINGS_PREDICTORS; p++)
		for (int user = -1; user < USERS; user++)
			for (int item = -1; item < ITEMS; item++)
			{
				double		stars = reco_ratings_predict(&learned, p, user, item);

				good &= stars >= 1 && stars <= 5;
			}
	ok(good, "predictions stay in the range of stars");
	for (int k = 0; k < N; k++)
		ratings[k].stars = 4;
	good = reco_ratings_fit(&problem, workspace, &run, &learned) == RECO_OK;
	for (int p = 0; p < RECO_RATINGS_PREDICTORS; p++)
		good &= reco_ratings_predict(&learned, p, 3, 5) == 4 && reco_ratings_predict(&learned, p, -1, -1) == 4;
	ok(good, "stars that are all the same");
	for (int k = 0; k < N; k++)
		ratings[k] = (RecoRating) {0, k % ITEMS, (float) (1 + k % ITEMS % 5)};
	ok(reco_ratings_fit(&problem, workspace, &run, &learned) == RECO_OK &&
	   fabs(reco_ratings_predict(&learned, RECO_RATINGS_FACTORS, 0, 4) - 5) < 0.2 &&
	   fabs(reco_ratings_predict(&learned, RECO_RATINGS_BIASES, 0, 5) - 1) < 0.2, "one user");
	for (int k = 0; k < N; k++)
		ratings[k].stars = k % 2 ? FLT_MAX : -FLT_MAX;
	(void) reco_ratings_fit(&problem, workspace, &run, &learned);
	good = true;
	for (int p = 0; p < RECO_RATINGS_PREDICTORS; p++)
		good &= !isnan(reco_ratings_predict(&learned, p, 0, 4));
	ok(good, "enormous stars");
	free(workspace);
}

/* The same bits again, in a workspace that held something else; other ones by another seed. */
static void
test_bits(void)
{
	RecoRatingsProblem problem = problem_of(5000, 500);
	unsigned char *workspace = make_workspace(&problem);
	unsigned char *again = make_workspace(&problem);
	RecoRatings learned;
	RecoRatings repeated;
	bool		same = true;
	bool		other = false;

	plant(0.5, 0.5, 0.3);
	memset(again, 0x3C, reco_ratings_workspace_size(&problem));
	(void) reco_ratings_fit(&problem, workspace, &run, &learned);
	(void) reco_ratings_fit(&problem, again, &run, &repeated);
	for (int p = 0; p < RECO_RATINGS_PREDICTORS; p++)
		for (int k = 0; k < 1000; k++)
			same &= reco_ratings_predict(&learned, p, k % USERS, k % ITEMS) == reco_ratings_predict(&repeated, p, k % USERS, k % ITEMS);
	ok(same && learned.factors > 0, "the same ratings give the same bits (%d factors)", learned.factors);
	problem.seed = 2;
	(void) reco_ratings_fit(&problem, again, &run, &repeated);
	for (int k = 0; k < 1000; k++)
		other |= reco_ratings_predict(&learned, RECO_RATINGS_FACTORS, k % USERS, k % ITEMS) !=
			reco_ratings_predict(&repeated, RECO_RATINGS_FACTORS, k % USERS, k % ITEMS);
	ok(other, "the seed counts");
	free(workspace);
	free(again);
}

static bool
count_down(void *arg)
{
	return --*(int *) arg >= 0;
}

/* Stopped at each of many moments it says so and leaves no result. */
static void
test_interrupts(void)
{
	RecoRatingsProblem problem = problem_of(5000, 500);
	unsigned char *workspace = make_workspace(&problem);
	RecoRatings learned;
	int			calls = INT32_MAX;
	RecoRun		counting = {NULL, count_down, &calls};
	bool		good = reco_ratings_fit(&problem, workspace, &counting, &learned) == RECO_OK;
	int			needed = INT32_MAX - calls;

	for (int i = 0; i < needed; i += 1 + needed / 100)
	{
		calls = i;
		good &= reco_ratings_fit(&problem, workspace, &counting, &learned) == RECO_INTERRUPTED && learned.item_mean == NULL;
	}
	ok(good && needed > 10, "it can be stopped (%d calls)", needed);
	free(workspace);
}

static void
expect(RecoStatus expected, RecoRatingsProblem problem, const char *what)
{
	RecoRatingsProblem largest = problem_of(N, 0);
	unsigned char *workspace = make_workspace(&largest);
	RecoRatings learned;
	RecoStatus	status = reco_ratings_fit(&problem, workspace, &run, &learned);

	ok(status == expected && learned.users == 0 && reco_ratings_predict(&learned, RECO_RATINGS_FACTORS, 0, 0) == 0,
	   "%s: status %d", what, (int) status);
	free(workspace);
}

static void
test_refused(void)
{
	RecoRatingsProblem problem = problem_of(100, 10);

	plant(1, 1, 1);
	expect(RECO_NOT_CONVERGED, problem_of(0, 0), "no ratings");
	expect(RECO_BAD_ARGUMENT, problem_of(100, 101), "more held out than there are");
	problem.max_factors = RECO_RATINGS_MAX_FACTORS + 1;
	expect(RECO_BAD_ARGUMENT, problem, "too many factors");
	problem.max_factors = -1;
	expect(RECO_BAD_ARGUMENT, problem, "fewer than none");
	ratings[50].user = USERS;
	expect(RECO_BAD_ARGUMENT, problem_of(100, 10), "a user that does not exist");
	ratings[50].user = -2;
	expect(RECO_BAD_ARGUMENT, problem_of(100, 10), "a negative user");
	ratings[50].user = -1;
	ratings[50].item = ITEMS;
	expect(RECO_BAD_ARGUMENT, problem_of(100, 10), "an item that does not exist");
	ratings[50].item = -1;
	ratings[50].stars = NAN;
	expect(RECO_NOT_FINITE, problem_of(100, 10), "stars that are no number");
	ratings[50].stars = -INFINITY;
	expect(RECO_NOT_FINITE, problem_of(100, 10), "infinite stars");
}

int
main(void)
{
	test_order();
	test_choice();
	test_formulas();
	test_range();
	test_bits();
	test_interrupts();
	test_refused();
	printf("1..%d\n", tests);
	return failures != 0;
}
