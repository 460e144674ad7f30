/*
 * wording.c: learns from texts with stars what words say, and tells of other texts how positive they are.
 *
 * A text is the set of its words and of its pairs of neighbours, hashed into 65,536 buckets ("not good" is a pair, which
 * is why stop words should stay).  The classifier is NBSVM (Wang and Manning 2012, Baselines and bigrams: simple, good
 * sentiment and topic classification): of a text with n features, those in bucket j are
 *
 *		x_j = r_j / sqrt(n),	r_j = log (p_j / |p|) / (q_j / |q|)
 *
 * where p and q count the positive and the negative texts that have j, plus 1, so that what is said of either alike
 * counts nothing from the start; and weights w are those of a support vector machine with squared loss,
 *
 *		minimal:  |w|^2 / 2 + sum_i C_i max(0, 1 - y_i w.x_i)^2
 *
 * solved by coordinate descent in the dual (Hsieh et al. 2008, A dual coordinate descent method for large-scale linear
 * SVM, algorithm 1).  C_i is such that all positive texts together weigh as much as all negative ones: in most shops nine
 * of ten texts are positive, and a classifier that wants to be right most often finds few of the others.  There is no
 * constant among the features: it made nothing better, and many more passes necessary.
 *
 * Scores become probabilities by Platt's logistic curve, and expected stars by a monotone one (means of equal parts, in
 * order, pooled where they descend: Ayer et al. 1955), both from scores that were given to each text by what was learned
 * without it: in five parts, by the texts' keys, so that equal texts are in the same one.  The probability weighs the
 * classes alike too: 0.5 is where a text would be as likely among the positive texts as among the negative ones.  Stars
 * in the middle of the scale train no class, but do count in the curve of stars.
 *
 * Nothing depends on anything but the problem: sums go by the order of the samples.
 */
#include "wording.h"

#include <math.h>
#include <string.h>

#define COST			0.27	/* C, for a text of mean weight */
#define PARTS			5
#define MOST_PASSES		20
#define SMALL_VIOLATION 0.02	/* of the optimality conditions, where 1 is the margin */
#define NEWTON_STEPS	50
#define CHECK_EVERY		65536	/* features, less than a millisecond */

typedef struct Learner
{
	const RecoWordingProblem *problem;
	const RecoRun *run;
	size_t		work;
	double	   *v;				/* [buckets] r_j w_j */
	double	   *ratio;			/* [buckets] r_j */
	double	   *squares;		/* [buckets] r_j^2 */
	double	   *alpha;			/* [n] */
	double	   *norm;			/* [n] x_i.x_i */
	double	   *score;			/* [n] by what was learned without it */
	size_t	   *order;			/* [n] by score */
	size_t	   *spare;			/* [n] for sorting */
	signed char *opinion;		/* [n] */
	double		cost[2];		/* of negative and positive texts */
} Learner;

/* --- texts ------------------------------------------------------------------------------------------------- */

/* splitmix64 (Steele, Lea and Flood 2014). */
static inline uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9E3779B97F4A7C15);
	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

/* FNV-1a, mixed: buckets are its first bits. */
static uint64_t
hash_word(const char *word, size_t length)
{
	uint64_t	hash = UINT64_C(0xCBF29CE484222325);

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char) word[i]) * UINT64_C(0x100000001B3);
	return mix(hash);
}

void
reco_wording_clear(RecoWordingText *text)
{
	for (int i = 0; i < text->n; i++)
		text->seen[text->features[i] / 64] = 0;
	text->words = text->n = 0;
	text->key = text->previous = 0;
}

static void
add_feature(RecoWordingText *text, uint64_t hash)
{
	uint16_t	bucket = (uint16_t) (hash >> 48);
	uint64_t	bit = UINT64_C(1) << (bucket % 64);

	if ((text->seen[bucket / 64] & bit) != 0)
		return;
	text->seen[bucket / 64] |= bit;
	text->features[text->n++] = bucket;
}

/* The next word. */
void
reco_wording_add(RecoWordingText *text, const char *word, size_t length)
{
	uint64_t	hash = hash_word(word, length);

	if (text->words == RECO_WORDING_MAX_WORDS)
		return;
	text->words++;
	add_feature(text, hash);
	add_feature(text, mix(mix(text->previous) ^ hash));
	text->previous = hash;
	text->key = mix(text->key ^ hash);
}

/* There are no more words.  A text of none has no features. */
void
reco_wording_end(RecoWordingText *text)
{
	if (text->words > 0)
		add_feature(text, mix(mix(text->previous) ^ 1));
}

/* --- the machine ------------------------------------------------------------------------------------------- */

static size_t
lay_out(Learner *learner, size_t n, void *base)
{
	size_t		buckets = RECO_WORDING_BUCKETS * sizeof(double);
	size_t		at = 0;

	learner->v = reco_workspace_take(&at, base, buckets);
	learner->ratio = reco_workspace_take(&at, base, buckets);
	learner->squares = reco_workspace_take(&at, base, buckets);
	learner->alpha = reco_workspace_take(&at, base, reco_size_mul(n, sizeof(double)));
	learner->norm = reco_workspace_take(&at, base, reco_size_mul(n, sizeof(double)));
	learner->score = reco_workspace_take(&at, base, reco_size_mul(n, sizeof(double)));
	learner->order = reco_workspace_take(&at, base, reco_size_mul(n, sizeof(size_t)));
	learner->spare = reco_workspace_take(&at, base, reco_size_mul(n, sizeof(size_t)));
	learner->opinion = reco_workspace_take(&at, base, n);
	return at;
}

size_t
reco_wording_workspace_size(size_t n)
{
	Learner		learner;

	return lay_out(&learner, n, NULL);
}

static inline bool
goes_on(Learner *learner, size_t work)
{
	learner->work += work;
	if (learner->work < CHECK_EVERY)
		return true;
	learner->work = 0;
	return reco_run_goes_on(learner->run);
}

int
reco_wording_opinion(double stars, double least, double most)
{
	double		height = most > least ? (stars - least) / (most - least) : 0.5;

	return height >= 0.75 ? 1 : height < 0.5 ? -1 : 0;
}

/* Which part a text is in: equal ones in the same. */
static inline int
part_of(const Learner *learner, size_t i)
{
	return (int) (mix(learner->problem->samples[i].key) % PARTS);
}

/* A text that trains when that part is left out. */
static inline bool
trains(const Learner *learner, size_t i, int without)
{
	return learner->opinion[i] != 0 && part_of(learner, i) != without;
}

static inline const uint16_t *
features_of(const Learner *learner, size_t i)
{
	return learner->problem->features + learner->problem->samples[i].first;
}

/* Opinions of the texts; they are counted, negative ones first. */
static RecoStatus
look(Learner *learner)
{
	const RecoWordingProblem *problem = learner->problem;
	size_t		counts[2] = {0, 0};

	for (size_t i = 0; i < problem->n; i++)
	{
		const RecoWordingSample *sample = &problem->samples[i];

		if (!isfinite(sample->stars))
			return RECO_NOT_FINITE;
		if (sample->n == 0 || sample->n > RECO_WORDING_MAX_FEATURES)
			return RECO_BAD_ARGUMENT;
		learner->opinion[i] = (signed char) reco_wording_opinion(sample->stars, problem->least, problem->most);
		if (learner->opinion[i] != 0)
			counts[learner->opinion[i] > 0]++;
		if (!goes_on(learner, 1))
			return RECO_INTERRUPTED;
	}
	return problem->n < RECO_WORDING_LEAST_TEXTS || counts[0] < RECO_WORDING_LEAST_OPINIONS ||
		counts[1] < RECO_WORDING_LEAST_OPINIONS ? RECO_NOT_CONVERGED : RECO_OK;
}

/* The ratios r, and what texts of either class weigh. */
static RecoStatus
weigh_features(Learner *learner, int without)
{
	double	   *p = learner->v;
	double	   *q = learner->squares;
	double		sums[2] = {RECO_WORDING_BUCKETS, RECO_WORDING_BUCKETS};
	size_t		texts[2] = {0, 0};

	for (size_t j = 0; j < RECO_WORDING_BUCKETS; j++)
		p[j] = q[j] = 1;
	for (size_t i = 0; i < learner->problem->n; i++)
	{
		const uint16_t *features = features_of(learner, i);
		uint32_t	n = learner->problem->samples[i].n;
		bool		positive = learner->opinion[i] > 0;
		double	   *counts = positive ? p : q;

		if (!trains(learner, i, without))
			continue;
		for (uint32_t k = 0; k < n; k++)
			counts[features[k]]++;
		sums[positive] += n;
		texts[positive]++;
		if (!goes_on(learner, n))
			return RECO_INTERRUPTED;
	}
	if (texts[0] == 0 || texts[1] == 0)
		return RECO_NOT_CONVERGED;
	for (size_t j = 0; j < RECO_WORDING_BUCKETS; j++)
		learner->ratio[j] = log((p[j] / sums[1]) / (q[j] / sums[0]));
	for (int c = 0; c < 2; c++)
		learner->cost[c] = COST * (double) (texts[0] + texts[1]) / (2 * (double) texts[c]);
	return RECO_OK;
}

/* All weights and alphas to 0. */
static RecoStatus
start_machine(Learner *learner, int without)
{
	for (size_t j = 0; j < RECO_WORDING_BUCKETS; j++)
	{
		learner->v[j] = 0;
		learner->squares[j] = learner->ratio[j] * learner->ratio[j];
	}
	for (size_t i = 0; i < learner->problem->n; i++)
	{
		const uint16_t *features = features_of(learner, i);
		uint32_t	n = learner->problem->samples[i].n;
		double		sum = 0;

		if (!trains(learner, i, without))
			continue;
		for (uint32_t k = 0; k < n; k++)
			sum += learner->squares[features[k]];
		learner->alpha[i] = 0;
		learner->norm[i] = sum / n;
		if (!goes_on(learner, n))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

/* w.x_i */
static double
margin(const Learner *learner, size_t i)
{
	const uint16_t *features = features_of(learner, i);
	uint32_t	n = learner->problem->samples[i].n;
	double		sum = 0;

	for (uint32_t k = 0; k < n; k++)
		sum += learner->v[features[k]];
	return sum / sqrt(n);
}

/* w += step x_i */
static void
move(Learner *learner, size_t i, double step)
{
	const uint16_t *features = features_of(learner, i);
	uint32_t	n = learner->problem->samples[i].n;

	for (uint32_t k = 0; k < n; k++)
		learner->v[features[k]] += step / sqrt(n) * learner->squares[features[k]];
}

/* Set one alpha to its minimum; returns by how much it violated optimality. */
static double
descend(Learner *learner, size_t i)
{
	double		y = learner->opinion[i];
	double		ridge = 1 / (2 * learner->cost[y > 0]);
	double		gradient = y * margin(learner, i) - 1 + ridge * learner->alpha[i];
	double		alpha = fmax(learner->alpha[i] - gradient / (learner->norm[i] + ridge), 0);
	double		violation = learner->alpha[i] > 0 ? fabs(gradient) : fmax(-gradient, 0);

	if (alpha != learner->alpha[i])
		move(learner, i, y * (alpha - learner->alpha[i]));
	learner->alpha[i] = alpha;
	return violation;
}

/* Learn v from all texts but one part's (-1: from all). */
static RecoStatus
learn(Learner *learner, int without)
{
	RecoStatus	status = weigh_features(learner, without);
	double		violation = INFINITY;

	if (status == RECO_OK)
		status = start_machine(learner, without);
	for (int pass = 0; pass < MOST_PASSES && violation > SMALL_VIOLATION && status == RECO_OK; pass++)
	{
		violation = 0;
		for (size_t i = 0; i < learner->problem->n; i++)
		{
			if (trains(learner, i, without))
				violation = fmax(violation, descend(learner, i));
			if (!goes_on(learner, 2 * learner->problem->samples[i].n))
				return RECO_INTERRUPTED;
		}
	}
	return status;
}

/* --- curves ------------------------------------------------------------------------------------------------ */

/* The scores of all texts, by what was learned without each. */
static RecoStatus
score_texts(Learner *learner)
{
	for (int part = 0; part < PARTS; part++)
	{
		RecoStatus	status = learn(learner, part);

		if (status != RECO_OK)
			return status;
		for (size_t i = 0; i < learner->problem->n; i++)
		{
			if (part_of(learner, i) != part)
				continue;
			learner->score[i] = margin(learner, i);
			if (!goes_on(learner, learner->problem->samples[i].n))
				return RECO_INTERRUPTED;
		}
	}
	return RECO_OK;
}

typedef struct Logistic
{
	double		at[2];			/* intercept and slope */
	double		value;
	double		gradient[2];
	double		hessian[3];		/* both, mixed, both */
} Logistic;

/* The loss of a curve, each class weighing 1 in all, with Platt's targets: no slope is infinite. */
static RecoStatus
look_at(Learner *learner, const double *targets, const double *weights, Logistic *curve)
{
	curve->value = curve->gradient[0] = curve->gradient[1] = 0;
	curve->hessian[0] = curve->hessian[1] = curve->hessian[2] = 0;
	for (size_t i = 0; i < learner->problem->n; i++)
	{
		double		score = learner->score[i];
		double		logit = curve->at[0] + curve->at[1] * score;
		double		small = exp(-fabs(logit));
		double		p = (logit >= 0 ? 1 : small) / (1 + small);
		bool		positive = learner->opinion[i] > 0;
		double		weight = weights[positive];

		if (learner->opinion[i] == 0)
			continue;
		curve->value += weight * (fmax(logit, 0) - targets[positive] * logit + log1p(small));
		curve->gradient[0] += weight * (p - targets[positive]);
		curve->gradient[1] += weight * (p - targets[positive]) * score;
		curve->hessian[0] += weight * p * (1 - p);
		curve->hessian[1] += weight * p * (1 - p) * score;
		curve->hessian[2] += weight * p * (1 - p) * score * score;
		if (!goes_on(learner, 16))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

/* Newton's method; a step is halved until the loss is lower. */
static RecoStatus
minimize(Learner *learner, const double *targets, const double *weights, Logistic *best)
{
	RecoStatus	status = look_at(learner, targets, weights, best);

	for (int step = 0; step < NEWTON_STEPS && status == RECO_OK; step++)
	{
		double		a = best->hessian[0] + 1e-9;
		double		b = best->hessian[1];
		double		c = best->hessian[2] + 1e-9;
		double		determinant = a * c - b * b;
		double		move[2] = {(c * best->gradient[0] - b * best->gradient[1]) / determinant,
			(a * best->gradient[1] - b * best->gradient[0]) / determinant};
		double		length = 1;
		Logistic	next;

		if (!(determinant > 0) || fabs(best->gradient[0]) + fabs(best->gradient[1]) < 1e-9)
			break;
		do
		{
			next.at[0] = best->at[0] - length * move[0];
			next.at[1] = best->at[1] - length * move[1];
			status = look_at(learner, targets, weights, &next);
			length /= 2;
		} while (status == RECO_OK && !(next.value < best->value) && length > 1e-9);
		if (status != RECO_OK || !(next.value < best->value))
			break;
		*best = next;
	}
	return status;
}

/* Platt 1999, Probabilistic outputs for support vector machines.  Scores that say the contrary say nothing. */
static RecoStatus
fit_probability(Learner *learner, RecoWordingCurves *curves)
{
	Logistic	curve = {{0, 1}, 0, {0, 0}, {0, 0, 0}};
	double		counts[2] = {0, 0};
	double		targets[2];
	double		weights[2];
	RecoStatus	status;

	for (size_t i = 0; i < learner->problem->n; i++)
		if (learner->opinion[i] != 0)
			counts[learner->opinion[i] > 0]++;
	targets[0] = 1 / (counts[0] + 2);
	targets[1] = (counts[1] + 1) / (counts[1] + 2);
	weights[0] = 1 / counts[0];
	weights[1] = 1 / counts[1];
	status = minimize(learner, targets, weights, &curve);
	curves->intercept = curve.at[1] > 0 ? curve.at[0] : 0;
	curves->slope = fmax(curve.at[1], 0);
	return status;
}

static inline bool
comes_before(const Learner *learner, size_t a, size_t b)
{
	return learner->score[a] < learner->score[b] || (learner->score[a] == learner->score[b] && a < b);
}

/* Merge two sorted runs, order[first, middle) and order[middle, last), into spare. */
static void
merge(Learner *learner, size_t first, size_t middle, size_t last)
{
	size_t		a = first;
	size_t		b = middle;

	for (size_t at = first; at < last; at++)
		if (b >= last || (a < middle && comes_before(learner, learner->order[a], learner->order[b])))
			learner->spare[at] = learner->order[a++];
		else
			learner->spare[at] = learner->order[b++];
}

/* The order of the scores, by merging. */
static RecoStatus
sort_scores(Learner *learner)
{
	size_t		n = learner->problem->n;

	for (size_t i = 0; i < n; i++)
		learner->order[i] = i;
	for (size_t length = 1; length < n; length *= 2)
	{
		size_t	   *swap = learner->order;

		for (size_t first = 0; first < n; first += 2 * length)
		{
			size_t		middle = first + length < n ? first + length : n;
			size_t		last = middle + length < n ? middle + length : n;

			merge(learner, first, middle, last);
			if (!goes_on(learner, 8 * (last - first)))
				return RECO_INTERRUPTED;
		}
		learner->order = learner->spare;
		learner->spare = swap;
	}
	return RECO_OK;
}

/* Neighbours whose means descend share one. */
static void
pool(const double *texts, double *stars)
{
	double		mean[RECO_WORDING_KNOTS];
	double		weight[RECO_WORDING_KNOTS];
	int			knots[RECO_WORDING_KNOTS];
	int			blocks = 0;
	int			at = 0;

	for (int k = 0; k < RECO_WORDING_KNOTS; k++)
	{
		mean[blocks] = stars[k];
		weight[blocks] = texts[k];
		knots[blocks++] = 1;
		for (; blocks > 1 && mean[blocks - 2] > mean[blocks - 1]; blocks--)
		{
			double		both = weight[blocks - 2] + weight[blocks - 1];

			mean[blocks - 2] = (mean[blocks - 2] * weight[blocks - 2] + mean[blocks - 1] * weight[blocks - 1]) / both;
			weight[blocks - 2] = both;
			knots[blocks - 2] += knots[blocks - 1];
		}
	}
	for (int b = 0; b < blocks; b++)
		for (int k = 0; k < knots[b]; k++)
			stars[at++] = mean[b];
}

/* Knots are the means of equal parts of the texts in the order of their scores. */
static RecoStatus
fit_stars(Learner *learner, RecoWordingCurves *curves)
{
	const RecoWordingProblem *problem = learner->problem;
	double		texts[RECO_WORDING_KNOTS];
	RecoStatus	status = sort_scores(learner);

	if (status != RECO_OK)
		return status;
	for (size_t k = 0; k < RECO_WORDING_KNOTS; k++)
	{
		size_t		first = problem->n / RECO_WORDING_KNOTS * k;
		size_t		last = k + 1 < RECO_WORDING_KNOTS ? first + problem->n / RECO_WORDING_KNOTS : problem->n;
		double		scores = 0;
		double		stars = 0;

		for (size_t at = first; at < last; at++)
		{
			scores += learner->score[learner->order[at]];
			stars += problem->samples[learner->order[at]].stars;
			if (!goes_on(learner, 8))
				return RECO_INTERRUPTED;
		}
		texts[k] = (double) (last - first);
		curves->score[k] = scores / texts[k];
		curves->stars[k] = stars / texts[k];
	}
	/* Means of what is equal may differ in the last bit. */
	for (int k = 1; k < RECO_WORDING_KNOTS; k++)
		curves->score[k] = fmax(curves->score[k], curves->score[k - 1]);
	pool(texts, curves->stars);
	for (int k = 0; k < RECO_WORDING_KNOTS; k++)
		curves->stars[k] = fmin(fmax(curves->stars[k], problem->least), problem->most);
	return RECO_OK;
}

/* --- the whole --------------------------------------------------------------------------------------------- */

RecoStatus
reco_wording_fit(const RecoWordingProblem *problem, void *workspace, const RecoRun *run, float *weights,
				 RecoWordingCurves *curves)
{
	Learner		learner = {.problem = problem,.run = run};
	RecoStatus	status;

	(void) lay_out(&learner, problem->n, workspace);
	status = look(&learner);
	if (status == RECO_OK)
		status = score_texts(&learner);
	if (status == RECO_OK)
		status = fit_probability(&learner, curves);
	if (status == RECO_OK)
		status = fit_stars(&learner, curves);
	if (status == RECO_OK)
		status = learn(&learner, -1);
	if (status != RECO_OK)
		return status;
	for (size_t j = 0; j < RECO_WORDING_BUCKETS; j++)
		weights[j] = (float) learner.v[j];
	return RECO_OK;
}

double
reco_wording_score(const RecoWording *wording, const uint16_t *features, size_t n)
{
	double		sum = 0;

	for (size_t k = 0; k < n; k++)
		sum += wording->weights[features[k]];
	return sum / sqrt((double) n);
}

/* Never NaN, whatever the finite numbers are. */
double
reco_wording_positive(const RecoWordingCurves *curves, double score)
{
	double		logit = fmin(fmax(curves->intercept + curves->slope * score, -700), 700);

	return 1 / (1 + exp(-logit));
}

/* Straight between knots, level beyond the outer ones. */
double
reco_wording_stars(const RecoWordingCurves *curves, double score)
{
	int			k = 1;
	double		from;
	double		to;

	if (!(score > curves->score[0]))
		return curves->stars[0];
	if (score >= curves->score[RECO_WORDING_KNOTS - 1])
		return curves->stars[RECO_WORDING_KNOTS - 1];
	while (curves->score[k] < score)
		k++;
	from = curves->score[k - 1];
	to = curves->score[k];
	return curves->stars[k - 1] + (curves->stars[k] - curves->stars[k - 1]) * ((score - from) / (to - from));
}
