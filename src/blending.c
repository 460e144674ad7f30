/*
 * blending.c: learns how much the components of a score count.
 *
 * A logistic regression gives weights to begin with; from there one weight after the other is changed for as long as
 * that raises what counts in the end, the nDCG of the ten best (coordinate ascent: Metzler and Croft 2007, "Linear
 * feature-based models for information retrieval").
 *
 * The regression is one whose weights cannot be negative: a component that does not help gets 0, rather than a negative
 * weight that helps on the orders it was learned on.  The loss is convex, and with a ridge strictly so, hence there is
 * one minimum.  It is found by Newton's method over the weights that are free, those that are positive or that the
 * gradient wants to be; a step that would make a weight negative is cut off at 0 (Bertsekas 1982, "Projected Newton
 * methods for optimization problems with simple constraints").
 */
#include "blending.h"

#include <math.h>
#include <string.h>

#include "metrics.h"

#define TERMS (RECO_COMPONENTS + 1)	/* the last one is the constant */
#define MAX_STEPS 100
#define MAX_HALVINGS 40
#define SMALL_GRADIENT 1e-9
#define SMALL_DEVIATION 1e-6
#define LEAST_CURVATURE 1e-12
#define CHECK_EVERY 16384		/* outcomes, some ms */
#define LISTS_A_CHECK 64
#define ROUNDS 2				/* through all weights, with each set of factors */
#define LEAST_GAIN 1e-4			/* of nDCG, for a change; a weight may become 0 for a loss of less */

typedef struct Problem
{
	const RecoOutcome *outcomes;
	const float *counts;
	size_t		n;
	double		total;			/* of the counts */
	double		ridge;
	const RecoRun *run;
	double		deviation[TERMS];	/* infinite: left out */
	int			used[TERMS];	/* terms that are not left out; the last one is the constant */
	int			n_used;
} Problem;

typedef struct Point
{
	double		at[TERMS];
	double		value;
	double		gradient[TERMS];
	double		hessian[TERMS][TERMS];
} Point;

static double
count_of(const Problem *problem, size_t i)
{
	return problem->counts != NULL ? problem->counts[i] : 1;
}

static bool
is_finite(const Problem *problem, size_t i)
{
	for (int j = 0; j < RECO_COMPONENTS; j++)
		if (!isfinite(problem->outcomes[i].parts[j]))
			return false;
	return isfinite(count_of(problem, i)) && count_of(problem, i) >= 0;
}

/* How much parts vary, and what is positive. */
static RecoStatus
look(Problem *problem, double *positive)
{
	double		sums[RECO_COMPONENTS] = {0};
	double		squares[RECO_COMPONENTS] = {0};

	*positive = 0;
	for (size_t i = 0; i < problem->n; i++)
	{
		double		count = count_of(problem, i);

		if (!is_finite(problem, i))
			return RECO_NOT_FINITE;
		problem->total += count;
		*positive += problem->outcomes[i].positive ? count : 0;
		for (int j = 0; j < RECO_COMPONENTS; j++)
		{
			sums[j] += count * problem->outcomes[i].parts[j];
			squares[j] += count * problem->outcomes[i].parts[j] * problem->outcomes[i].parts[j];
		}
		if (i % CHECK_EVERY == 0 && !reco_run_goes_on(problem->run))
			return RECO_INTERRUPTED;
	}
	if (!(*positive > 0) || !(*positive < problem->total))
		return RECO_NOT_CONVERGED;
	for (int j = 0; j < RECO_COMPONENTS; j++)
	{
		double		mean = sums[j] / problem->total;
		double		deviation = sqrt(fmax(squares[j] / problem->total - mean * mean, 0));

		problem->deviation[j] = deviation > SMALL_DEVIATION * fmax(fabs(mean), 1e-30) ? deviation : INFINITY;
		if (isfinite(problem->deviation[j]))
			problem->used[problem->n_used++] = j;
	}
	problem->deviation[RECO_COMPONENTS] = 1;
	problem->used[problem->n_used++] = RECO_COMPONENTS;
	return RECO_OK;
}

static void
add_outcome(const Problem *problem, size_t i, Point *point)
{
	const RecoOutcome *outcome = &problem->outcomes[i];
	double		count = count_of(problem, i);
	double		terms[TERMS];
	double		logit = 0;
	double		small;
	double		p;

	for (int u = 0; u < problem->n_used; u++)
	{
		int			j = problem->used[u];

		terms[u] = j < RECO_COMPONENTS ? outcome->parts[j] / problem->deviation[j] : 1;
		logit += point->at[j] * terms[u];
	}
	small = exp(-fabs(logit));
	p = (logit >= 0 ? 1 : small) / (1 + small);
	point->value += count * ((outcome->positive ? (logit >= 0 ? 0 : -logit) : (logit >= 0 ? logit : 0)) + log1p(small));
	for (int u = 0; u < problem->n_used; u++)
	{
		int			j = problem->used[u];

		point->gradient[j] += count * (p - outcome->positive) * terms[u];
		for (int v = 0; v <= u; v++)
			point->hessian[j][problem->used[v]] += count * p * (1 - p) * terms[u] * terms[v];
	}
}

/* Fill in a point whose place is set. */
static RecoStatus
evaluate(const Problem *problem, Point *point)
{
	for (size_t i = 0; i < problem->n; i++)
	{
		if (count_of(problem, i) > 0)
			add_outcome(problem, i, point);
		if (i % CHECK_EVERY == 0 && !reco_run_goes_on(problem->run))
			return RECO_INTERRUPTED;
	}
	point->value /= problem->total;
	for (int j = 0; j < TERMS; j++)
	{
		double		ridge = j < RECO_COMPONENTS ? problem->ridge : 0;

		point->value += ridge / 2 * point->at[j] * point->at[j];
		point->gradient[j] = point->gradient[j] / problem->total + ridge * point->at[j];
		for (int k = 0; k <= j; k++)
			point->hessian[j][k] /= problem->total;
		point->hessian[j][j] += ridge + LEAST_CURVATURE;
	}
	return RECO_OK;
}

static bool
is_free(const Problem *problem, const Point *point, int j)
{
	return j == RECO_COMPONENTS || (isfinite(problem->deviation[j]) && (point->at[j] > 0 || point->gradient[j] < 0));
}

/* Newton's step over the free weights, 0 for the others; false where rounding left no decomposition. */
static bool
solve(const Problem *problem, const Point *point, double *step)
{
	double		l[TERMS][TERMS];
	int			free_term[TERMS];
	int			n = 0;

	for (int j = 0; j < TERMS; j++)
	{
		step[j] = 0;
		if (is_free(problem, point, j))
			free_term[n++] = j;
	}
	for (int j = 0; j < n; j++)
		for (int k = 0; k <= j; k++)
		{
			double		sum = point->hessian[free_term[j]][free_term[k]];

			for (int m = 0; m < k; m++)
				sum -= l[j][m] * l[k][m];
			if (j == k && !(sum > 0))
				return false;
			l[j][k] = j == k ? sqrt(sum) : sum / l[k][k];
		}
	for (int j = 0; j < n; j++)
	{
		double		sum = -point->gradient[free_term[j]];

		for (int k = 0; k < j; k++)
			sum -= l[j][k] * step[free_term[k]];
		step[free_term[j]] = sum / l[j][j];
	}
	for (int j = n - 1; j >= 0; j--)
	{
		double		sum = step[free_term[j]];

		for (int k = j + 1; k < n; k++)
			sum -= l[k][j] * step[free_term[k]];
		step[free_term[j]] = sum / l[j][j];
	}
	return true;
}

/* Go to where the value is lower; *moved is false where there is no such point: this is the minimum. */
static RecoStatus
move(const Problem *problem, Point *point, bool *moved)
{
	double		step[TERMS];
	double		length = 1;

	*moved = false;
	if (!solve(problem, point, step))
		return RECO_OK;
	for (int i = 0; i < MAX_HALVINGS && !*moved; i++, length /= 2)
	{
		Point		next = {.value = 0};
		double		descent = 0;
		RecoStatus	status;

		for (int j = 0; j < TERMS; j++)
		{
			next.at[j] = point->at[j] + length * step[j];
			if (j < RECO_COMPONENTS && next.at[j] < 0)
				next.at[j] = 0;
			descent += point->gradient[j] * (next.at[j] - point->at[j]);
		}
		status = evaluate(problem, &next);
		if (status != RECO_OK)
			return status;
		*moved = descent < 0 && next.value < point->value + 1e-4 * descent;
		if (*moved)
			*point = next;
	}
	return RECO_OK;
}

static bool
is_flat(const Problem *problem, const Point *point)
{
	for (int j = 0; j < TERMS; j++)
		if (is_free(problem, point, j) && fabs(point->gradient[j]) > SMALL_GRADIENT)
			return false;
	return true;
}

RecoStatus
reco_blending_fit(const RecoOutcome *outcomes, const float *counts, size_t n, double ridge, const RecoRun *run,
				  double *weights, double *constant)
{
	Problem		problem = {.outcomes = outcomes,.counts = counts,.n = n,.ridge = ridge,.run = run};
	Point		point = {.value = 0};
	double		positive;
	bool		moved = true;
	RecoStatus	status = look(&problem, &positive);

	for (int j = 0; j < RECO_COMPONENTS; j++)
		weights[j] = 0;
	*constant = 0;
	if (status != RECO_OK)
		return status;
	point.at[RECO_COMPONENTS] = log(positive / (problem.total - positive));
	status = evaluate(&problem, &point);
	for (int i = 0; i < MAX_STEPS && status == RECO_OK && moved && !is_flat(&problem, &point); i++)
		status = move(&problem, &point, &moved);
	if (status != RECO_OK)
		return status;
	for (int j = 0; j < TERMS; j++)
		if (!isfinite(point.at[j]))
			return RECO_NOT_CONVERGED;
	for (int j = 0; j < RECO_COMPONENTS; j++)
		weights[j] = point.at[j] / problem.deviation[j];
	*constant = point.at[RECO_COMPONENTS];
	return RECO_OK;
}

/* --- ascent ------------------------------------------------------------------------------------------------ */

/* The components that have a weight. */
typedef struct Weighted
{
	int			n;
	int			component[RECO_COMPONENTS];
	double		weight[RECO_COMPONENTS];
} Weighted;

static Weighted
find_weighted(const double *weights)
{
	Weighted	weighted = {.n = 0};

	for (int j = 0; j < RECO_COMPONENTS; j++)
		if (weights[j] != 0)
		{
			weighted.component[weighted.n] = j;
			weighted.weight[weighted.n++] = weights[j];
		}
	return weighted;
}

/* The best of a list, by their places in it, best first; returns how many there are. */
static int
find_top(const RecoOutcome *outcomes, int n, const Weighted *weighted, int *top)
{
	double		scores[RECO_BLENDING_TOP];
	int			found = 0;

	for (int i = 0; i < n; i++)
	{
		double		score = 0;
		int			at;

		for (int j = 0; j < weighted->n; j++)
			score += weighted->weight[j] * outcomes[i].parts[weighted->component[j]];
		if (found == RECO_BLENDING_TOP && !(score > scores[found - 1]))
			continue;
		at = found < RECO_BLENDING_TOP ? found++ : found - 1;
		for (; at > 0 && score > scores[at - 1]; at--)
		{
			scores[at] = scores[at - 1];
			top[at] = top[at - 1];
		}
		scores[at] = score;
		top[at] = i;
	}
	return found;
}

RecoStatus
reco_blending_ndcg(const RecoBlendingLists *lists, const double *weights, const RecoRun *run, double *ndcg)
{
	const RecoOutcome *outcomes = lists->outcomes;
	const Weighted weighted = find_weighted(weights);
	double		sum = 0;
	double		total = 0;

	*ndcg = 0;
	for (int l = 0; l < lists->n; outcomes += lists->sizes[l++])
	{
		double		count = lists->counts != NULL ? lists->counts[l] : 1;
		int			top[RECO_BLENDING_TOP];
		bool		hit[RECO_BLENDING_TOP];
		int			found;

		if (l % LISTS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		if (!(count > 0))
			continue;
		found = find_top(outcomes, lists->sizes[l], &weighted, top);
		for (int i = 0; i < found; i++)
			hit[i] = outcomes[top[i]].positive;
		sum += count * reco_metrics_ndcg(hit, found, RECO_BLENDING_TOP, lists->wanted[l]);
		total += count;
	}
	*ndcg = total > 0 ? sum / total : 0;
	return RECO_OK;
}

static bool
normalize(double *weights)
{
	double		sum = 0;

	for (int j = 0; j < RECO_COMPONENTS; j++)
		sum += weights[j];
	for (int j = 0; j < RECO_COMPONENTS && sum > 0; j++)
		weights[j] /= sum;
	return sum > 0;
}

/* Try some changes of one weight and keep the best, where there is a better one. */
static RecoStatus
ascend_weight(const RecoBlendingLists *lists, const RecoRun *run, int weight, const double *factors, int n_factors, double step,
			  double *weights, double *best)
{
	for (int i = 0; i <= n_factors; i++)
	{
		double		changed[RECO_COMPONENTS];
		double		ndcg;
		RecoStatus	status;

		memcpy(changed, weights, sizeof(changed));
		changed[weight] = i < n_factors ? weights[weight] * factors[i] : weights[weight] + step;
		if (changed[weight] == weights[weight] || !normalize(changed))
			continue;
		status = reco_blending_ndcg(lists, changed, run, &ndcg);
		if (status != RECO_OK)
			return status;
		if (ndcg > *best + (changed[weight] == 0 ? -LEAST_GAIN : LEAST_GAIN))
		{
			*best = ndcg;
			memcpy(weights, changed, sizeof(changed));
		}
	}
	return RECO_OK;
}

/* Whether a component says anything of any outcome. */
static void
find_present(const RecoBlendingLists *lists, bool *present)
{
	const RecoOutcome *outcome = lists->outcomes;

	memset(present, 0, RECO_COMPONENTS * sizeof(bool));
	for (int l = 0; l < lists->n; l++)
		for (int i = 0; i < lists->sizes[l]; i++, outcome++)
			for (int j = 0; j < RECO_COMPONENTS; j++)
				present[j] |= outcome->parts[j] != 0;
}

RecoStatus
reco_blending_ascend(const RecoBlendingLists *lists, const RecoRun *run, double *weights)
{
	static const double factors[2][5] = {{0, 0.5, 0.7, 1.4, 2}, {0, 0.85, 0.93, 1.08, 1.2}};
	static const double steps[2] = {0.1, 0.03};
	bool		present[RECO_COMPONENTS];
	double		start[RECO_COMPONENTS];
	double		best;
	RecoStatus	status;

	if (!normalize(weights))
		return RECO_BAD_ARGUMENT;
	find_present(lists, present);
	memcpy(start, weights, sizeof(start));
	for (int j = 0; j < RECO_COMPONENTS; j++)
		if (!present[j])
			start[j] = 0;
	if (!normalize(start))
		return RECO_OK;
	memcpy(weights, start, sizeof(start));
	status = reco_blending_ndcg(lists, weights, run, &best);
	for (int round = 0; round < 2 * ROUNDS && status == RECO_OK; round++)
		for (int j = 0; j < RECO_COMPONENTS && status == RECO_OK; j++)
			if (present[j])
				status = ascend_weight(lists, run, j, factors[round / ROUNDS], 5, steps[round / ROUNDS], weights, &best);
	return status;
}
