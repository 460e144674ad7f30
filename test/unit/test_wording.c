/*
 * test_wording.c: tests of the classifier of texts.
 *
 * Prints TAP.  Texts are made up: words that are good or bad, words that say nothing, and a word that turns its next one
 * round.  Random numbers come from a fixed seed.
 */
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wording.h"

#define TEXTS 6000
#define LATER 2000
#define LENGTH 12
#define GOOD 60					/* words; as many are bad */
#define NEUTRAL 400

static int	tests;
static int	failures;
static const RecoRun run = {NULL, NULL, NULL};
static RecoWordingText text;
static RecoWordingSample samples[TEXTS + LATER];
static uint16_t features[(TEXTS + LATER) * (4 * LENGTH + 1)];
static float weights[RECO_WORDING_BUCKETS];
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

static int
below(int n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (int) ((random_state >> 11) % (uint64_t) n);
}

static void
add_word(const char *kind, int number)
{
	char		word[32];

	reco_wording_add(&text, word, (size_t) snprintf(word, sizeof(word), "%s%d", kind, number));
}

/* Of so many stars: every other word says so, half of them by denying the contrary. */
static void
write_text(int stars)
{
	reco_wording_clear(&text);
	for (int i = 0; i < LENGTH; i++)
	{
		bool		good = 1 + below(4) < stars || (below(4) == 0 && stars == 3);

		if (below(2) != 0)
			add_word("neutral", below(NEUTRAL));
		else if (below(2) == 0)
			add_word(good ? "good" : "bad", below(GOOD));
		else
		{
			add_word("not", 0);
			add_word(good ? "bad" : "good", below(GOOD));
		}
	}
	reco_wording_end(&text);
}

static int
compare(const void *a, const void *b)
{
	const RecoWordingSample *x = a;
	const RecoWordingSample *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->stars > y->stars) - (x->stars < y->stars);
}

/* Texts to learn from, sorted, and later ones; one of so many is negative.  is_noise: the stars are drawn by lot. */
static RecoWordingProblem
plant(int n, int one_of, bool is_noise)
{
	size_t		used = 0;

	for (int i = 0; i < n + LATER; i++)
	{
		int			stars = below(one_of) == 0 ? 1 + below(2) : 3 + below(3);

		write_text(is_noise ? 1 + below(5) : stars);
		samples[i] = (RecoWordingSample) {text.key, used, (uint32_t) text.n, (float) stars};
		memcpy(features + used, text.features, (size_t) text.n * sizeof(uint16_t));
		used += (size_t) text.n;
	}
	qsort(samples, (size_t) n, sizeof(RecoWordingSample), compare);
	return (RecoWordingProblem) {samples, (size_t) n, features, 1, 5};
}

static RecoStatus
fit(const RecoWordingProblem *problem, const RecoRun *by, RecoWordingCurves *curves)
{
	size_t		size = reco_wording_workspace_size(problem->n);
	unsigned char *workspace = aligned_alloc(RECO_CACHE_LINE, size + RECO_CACHE_LINE);
	bool		marked = true;
	RecoStatus	status;

	memset(workspace, 0xA5, size + RECO_CACHE_LINE);
	status = reco_wording_fit(problem, workspace, by, weights, curves);
	for (int i = 0; i < RECO_CACHE_LINE; i++)
		marked &= workspace[size + (size_t) i] == 0xA5;
	if (!marked)
		ok(false, "the workspace suffices");
	free(workspace);
	return status;
}

typedef struct Result
{
	double		right[2];		/* share of the negative and of the positive ones */
	double		error;			/* of stars */
	double		deviation;		/* of stars from their mean */
	double		calibration;	/* mean P less share of positives, both classes weighing alike */
} Result;

static Result
judge(const RecoWordingProblem *problem, const RecoWordingCurves *curves)
{
	RecoWording wording = {weights, *curves};
	double		count[2] = {0, 0};
	double		sums[2] = {0, 0};
	double		mean = 0;
	Result		result = {{0, 0}, 0, 0, 0};

	for (size_t i = problem->n; i < problem->n + LATER; i++)
		mean += samples[i].stars / LATER;
	for (size_t i = problem->n; i < problem->n + LATER; i++)
	{
		double		score = reco_wording_score(&wording, features + samples[i].first, samples[i].n);
		double		positive = reco_wording_positive(curves, score);
		double		miss = reco_wording_stars(curves, score) - samples[i].stars;
		int			opinion = reco_wording_opinion(samples[i].stars, 1, 5);

		result.error += miss * miss / LATER;
		result.deviation += (samples[i].stars - mean) * (samples[i].stars - mean) / LATER;
		if (opinion == 0)
			continue;
		count[opinion > 0]++;
		sums[opinion > 0] += positive;
		result.right[opinion > 0] += (positive >= 0.5) == (opinion > 0);
	}
	for (int c = 0; c < 2; c++)
		result.right[c] /= count[c];
	result.calibration = (sums[0] / count[0] + sums[1] / count[1]) / 2 - 0.5;
	return result;
}

static void
test_texts(void)
{
	static RecoWordingText other;
	bool		distinct = true;

	reco_wording_clear(&text);
	reco_wording_add(&text, "not", 3);
	reco_wording_add(&text, "good", 4);
	reco_wording_end(&text);
	ok(text.n == 5 && text.words == 2, "two words, their pair, a beginning and an end");
	reco_wording_add(&other, "good", 4);
	reco_wording_add(&other, "not", 3);
	reco_wording_end(&other);
	ok(other.n == 5 && other.key != text.key, "their order counts");
	reco_wording_clear(&other);
	reco_wording_add(&other, "not", 3);
	reco_wording_add(&other, "good", 4);
	reco_wording_end(&other);
	ok(other.key == text.key && memcmp(other.features, text.features, 5 * sizeof(uint16_t)) == 0, "the same again");
	reco_wording_clear(&text);
	reco_wording_end(&text);
	ok(text.n == 0 && text.key == 0, "no words, no features");
	for (int i = 0; i < 3 * RECO_WORDING_MAX_WORDS; i++)
		add_word("word", i);
	reco_wording_end(&text);
	for (int i = 0; i < text.n; i++)
		for (int j = 0; j < i; j++)
			distinct &= text.features[i] != text.features[j];
	ok(distinct && text.words == RECO_WORDING_MAX_WORDS && text.n <= RECO_WORDING_MAX_FEATURES, "a long text is cut");
	reco_wording_clear(&text);
	distinct = text.n == 0;
	for (int i = 0; i < RECO_WORDING_BUCKETS / 64; i++)
		distinct &= text.seen[i] == 0;
	ok(distinct, "and leaves nothing behind");
}

static void
test_opinions(void)
{
	static const int of_five[] = {-1, -1, 0, 1, 1};
	bool		good = true;

	for (int stars = 1; stars <= 5; stars++)
		good &= reco_wording_opinion(stars, 1, 5) == of_five[stars - 1];
	ok(good, "of five stars the fourth is positive and the second negative");
	ok(reco_wording_opinion(1, 0, 1) == 1 && reco_wording_opinion(0, 0, 1) == -1 && reco_wording_opinion(-1, -1, 1) == -1 &&
	   reco_wording_opinion(80, 0, 100) == 1 && reco_wording_opinion(60, 0, 100) == 0, "of other scales the same parts");
	ok(reco_wording_opinion(4, 4, 4) == 0, "of one number alone none");
}

static void
test_learning(void)
{
	RecoWordingProblem problem = plant(TEXTS, 3, false);
	RecoWordingCurves curves;
	RecoStatus	status = fit(&problem, &run, &curves);
	Result		result = judge(&problem, &curves);

	ok(status == RECO_OK && result.right[0] > 0.85 && result.right[1] > 0.85 && curves.slope > 0,
	   "negative texts are known (%.3f) as well as positive ones (%.3f)", result.right[0], result.right[1]);
	ok(result.error < 0.6 * result.deviation, "stars are foretold: square error %.3f of %.3f", result.error, result.deviation);
	ok(fabs(result.calibration) < 0.03, "probabilities are right on average: %+.3f", result.calibration);
	problem = plant(TEXTS, 15, false);
	status = fit(&problem, &run, &curves);
	result = judge(&problem, &curves);
	ok(status == RECO_OK && result.right[0] > 0.8 && result.right[1] > 0.8,
	   "where one of fifteen is negative too: %.3f, %.3f", result.right[0], result.right[1]);
	ok(fabs(result.calibration) < 0.05, "and probabilities weigh the classes alike: %+.3f", result.calibration);
}

/* Where stars say nothing of texts, texts say nothing of stars. */
static void
test_noise(void)
{
	RecoWordingProblem problem = plant(TEXTS, 3, true);
	RecoWordingCurves curves;
	RecoStatus	status = fit(&problem, &run, &curves);
	Result		result = judge(&problem, &curves);
	double		balanced = (result.right[0] + result.right[1]) / 2;

	ok(status == RECO_OK && fabs(balanced - 0.5) < 0.05, "stars by lot: %.3f are right", balanced);
	ok(result.error < 1.03 * result.deviation, "and expected stars are near their mean: square error %.3f of %.3f",
	   result.error, result.deviation);
	ok(reco_wording_positive(&curves, 1) < 0.7 && reco_wording_positive(&curves, -1) > 0.3, "no text is called sure");
}

/* The same bits again; a copy of each text changes the probability little, since copies are in one part. */
static void
test_bits(void)
{
	static float first[RECO_WORDING_BUCKETS];
	RecoWordingProblem problem = plant(TEXTS / 2, 3, false);
	RecoWordingCurves curves;
	RecoWordingCurves again;
	RecoWordingCurves doubled;

	(void) fit(&problem, &run, &curves);
	memcpy(first, weights, sizeof(weights));
	(void) fit(&problem, &run, &again);
	ok(memcmp(first, weights, sizeof(weights)) == 0 && memcmp(&curves, &again, sizeof(curves)) == 0,
	   "the same texts give the same bits");
	memcpy(samples + problem.n, samples, problem.n * sizeof(RecoWordingSample));
	problem.n *= 2;
	qsort(samples, problem.n, sizeof(RecoWordingSample), compare);
	(void) fit(&problem, &run, &doubled);
	ok(fabs(doubled.slope - curves.slope) < 0.3 * curves.slope, "copies do not make it surer: slope %.3f, then %.3f",
	   curves.slope, doubled.slope);
}

static bool
count_down(void *arg)
{
	return --*(int *) arg >= 0;
}

static void
test_interrupts(void)
{
	RecoWordingProblem problem = plant(TEXTS, 3, false);
	RecoWordingCurves curves;
	int			calls = INT32_MAX;
	RecoRun		counting = {NULL, count_down, &calls};
	bool		good = fit(&problem, &counting, &curves) == RECO_OK;
	int			needed = INT32_MAX - calls;

	for (int i = 0; i < needed; i += 1 + needed / 50)
	{
		calls = i;
		good &= fit(&problem, &counting, &curves) == RECO_INTERRUPTED;
	}
	ok(good && needed > 10, "it can be stopped (%d calls)", needed);
}

static void
test_curves(void)
{
	RecoWordingCurves curves = {.intercept = 0,.slope = 1};
	bool		good = true;
	double		before = 0;

	for (int k = 0; k < RECO_WORDING_KNOTS; k++)
	{
		curves.score[k] = k / 2;
		curves.stars[k] = 1 + k / 4;
	}
	for (double score = -3; score < 12; score += 0.25)
	{
		double		stars = reco_wording_stars(&curves, score);

		good &= stars >= before && stars >= 1 && stars <= 4;
		before = stars;
	}
	ok(good && reco_wording_stars(&curves, INFINITY) == 4 && reco_wording_stars(&curves, -INFINITY) == 1 &&
	   reco_wording_stars(&curves, NAN) == 1, "equal knots, and scores beyond them");
	ok(reco_wording_positive(&curves, 0) == 0.5 && reco_wording_positive(&curves, FLT_MAX) == 1 &&
	   reco_wording_positive(&curves, -FLT_MAX) >= 0, "probabilities of any score");
}

static void
expect(RecoStatus expected, const RecoWordingProblem *problem, const char *what)
{
	RecoWordingCurves curves;
	RecoStatus	status = fit(problem, &run, &curves);

	ok(status == expected, "%s: status %d", what, (int) status);
}

static void
test_refused(void)
{
	RecoWordingProblem problem = plant(RECO_WORDING_LEAST_TEXTS, 3, false);
	RecoWordingSample kept = samples[7];

	expect(RECO_OK, &problem, "just enough texts");
	problem.n--;
	expect(RECO_NOT_CONVERGED, &problem, "too few texts");
	problem.n = 0;
	expect(RECO_NOT_CONVERGED, &problem, "no texts");
	problem.n = RECO_WORDING_LEAST_TEXTS;
	problem.most = 1;
	expect(RECO_NOT_CONVERGED, &problem, "a scale of one number");
	problem.most = 1e30;
	expect(RECO_NOT_CONVERGED, &problem, "no positive text");
	problem.most = 5;
	samples[7].n = 0;
	expect(RECO_BAD_ARGUMENT, &problem, "a text without words");
	samples[7] = kept;
	samples[7].stars = NAN;
	expect(RECO_NOT_FINITE, &problem, "stars that are no number");
	samples[7].stars = INFINITY;
	expect(RECO_NOT_FINITE, &problem, "infinite stars");
	samples[7] = kept;
	for (size_t i = 0; i < problem.n; i++)
		samples[i].key = 1;
	expect(RECO_NOT_CONVERGED, &problem, "one text, over and over");
	problem = plant(RECO_WORDING_LEAST_TEXTS, 3, false);
	for (size_t i = 0; i < problem.n; i++)
		samples[i].stars = samples[i].stars < 3 ? -FLT_MAX : FLT_MAX;
	problem.least = -FLT_MAX;
	problem.most = FLT_MAX;
	expect(RECO_OK, &problem, "enormous stars");
}

int
main(void)
{
	test_texts();
	test_opinions();
	test_learning();
	test_noise();
	test_bits();
	test_interrupts();
	test_curves();
	test_refused();
	printf("1..%d\n", tests);
	return failures != 0;
}
