/*
 * ratings.c: learns to predict stars: means, biases, and biases with factors.
 *
 * The predictors are those of Koren, Bell and Volinsky (2009, "Matrix factorization techniques for recommender systems",
 * equations 3 to 5; Koren 2008 on the biases):
 *
 *		r_ui = mean + b_u + b_i + p_u.q_i
 *		minimal:  sum (stars - r_ui)^2 + ridge_user sum b_u^2 + ridge_item sum b_i^2 + ridge (sum |p_u|^2 + sum |q_i|^2)
 *
 * by coordinate descent: each number in turn is set to its minimum while the others stand, and the residuals of all
 * ratings are kept up to date (Pilaszy, Zibriczky and Tikk 2010).  A ridge is not scaled by how many ratings there are,
 * so that one who rated once hardly moves.
 *
 * Reviews are few and noisy, and vectors easily learn the noise.  Ridges and the number of factors are therefore chosen
 * on the newest ratings, where vectors must be better than biases by more than one standard error of the paired
 * difference, or there are none; then everything is learned once more from all.
 */
#include "ratings.h"

#include <math.h>
#include <string.h>

#define BIAS_SWEEPS 10
#define FACTOR_SWEEPS 20
#define CHECK_EVERY 65536		/* units of some nanoseconds */

static const double ridges[] = {1, 3, 10, 30, 100};

#define RIDGES ((int) (sizeof(ridges) / sizeof(ridges[0])))
#define DEFAULT_RIDGE 10
#define FEWEST_FACTORS 8

/* Users or items, with their ratings and what is being learned of them. */
typedef struct Side
{
	int32_t		count;
	size_t	   *start;			/* [count + 2] */
	uint32_t   *rating;			/* numbers of the ratings of each, ascending */
	double		ridge;			/* of biases */
	double	   *bias;
	float	   *vectors;		/* count x factors */
} Side;

typedef struct Learner
{
	const RecoRatingsProblem *problem;
	const RecoRun *run;
	size_t		n;				/* ratings that are learned from now */
	size_t		work;
	double	   *residual;		/* [ratings] */
	Side		user;
	Side		item;
	double	   *item_mean;
	double	   *bias[2];		/* of users and items: without vectors */
	double	   *offset[2];		/* and beside them */
	RecoRatings *result;
} Learner;

/* --- memory ------------------------------------------------------------------------------------------------ */

static size_t
lay_out_side(Side *side, int32_t count, size_t n, size_t factors, size_t at, void *base)
{
	side->count = count;
	side->start = reco_workspace_take(&at, base, reco_size_mul((size_t) count + 2, sizeof(size_t)));
	side->rating = reco_workspace_take(&at, base, reco_size_mul(n, sizeof(uint32_t)));
	side->vectors = reco_workspace_take(&at, base, reco_size_mul(reco_size_mul((size_t) count, factors), sizeof(float)));
	return at;
}

static size_t
lay_out(Learner *learner, const RecoRatingsProblem *problem, void *base)
{
	size_t		users = (size_t) problem->users;
	size_t		items = (size_t) problem->items;
	size_t		factors = (size_t) problem->max_factors;
	size_t		at = 0;

	at = lay_out_side(&learner->user, problem->users, problem->n, factors, at, base);
	at = lay_out_side(&learner->item, problem->items, problem->n, factors, at, base);
	learner->residual = reco_workspace_take(&at, base, reco_size_mul(problem->n, sizeof(double)));
	learner->item_mean = reco_workspace_take(&at, base, reco_size_mul(items, sizeof(double)));
	learner->bias[0] = reco_workspace_take(&at, base, reco_size_mul(users, sizeof(double)));
	learner->bias[1] = reco_workspace_take(&at, base, reco_size_mul(items, sizeof(double)));
	learner->offset[0] = reco_workspace_take(&at, base, reco_size_mul(users, sizeof(double)));
	learner->offset[1] = reco_workspace_take(&at, base, reco_size_mul(items, sizeof(double)));
	return at;
}

static bool
is_sound(const RecoRatingsProblem *problem)
{
	return problem->users >= 0 && problem->items >= 0 && problem->max_factors >= 0 &&
		problem->max_factors <= RECO_RATINGS_MAX_FACTORS && problem->held_out <= problem->n;
}

size_t
reco_ratings_workspace_size(const RecoRatingsProblem *problem)
{
	Learner		learner;

	return is_sound(problem) ? lay_out(&learner, problem, NULL) : 0;
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

/* --- ratings by user and by item --------------------------------------------------------------------------- */

static RecoStatus
check_ratings(Learner *learner)
{
	const RecoRatingsProblem *problem = learner->problem;

	if (problem->n == 0)
		return RECO_NOT_CONVERGED;
	for (size_t k = 0; k < problem->n; k++)
	{
		const RecoRating *rating = &problem->ratings[k];

		if (rating->user < -1 || rating->user >= problem->users || rating->item < -1 || rating->item >= problem->items)
			return RECO_BAD_ARGUMENT;
		if (!isfinite(rating->stars))
			return RECO_NOT_FINITE;
		if (!goes_on(learner, 1))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

static inline int32_t
number_on(const Learner *learner, const Side *side, size_t k)
{
	const RecoRating *rating = &learner->problem->ratings[k];

	return side == &learner->user ? rating->user : rating->item;
}

/* By counting. */
static RecoStatus
index_side(Learner *learner, Side *side)
{
	memset(side->start, 0, ((size_t) side->count + 2) * sizeof(size_t));
	for (size_t k = 0; k < learner->n; k++)
	{
		side->start[number_on(learner, side, k) + 2] += number_on(learner, side, k) >= 0;
		if (!goes_on(learner, 1))
			return RECO_INTERRUPTED;
	}
	for (size_t r = 2; r < (size_t) side->count + 2; r++)
		side->start[r] += side->start[r - 1];
	for (size_t k = 0; k < learner->n; k++)
	{
		int32_t		number = number_on(learner, side, k);

		if (number >= 0)
			side->rating[side->start[number + 1]++] = (uint32_t) k;
		if (!goes_on(learner, 1))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

/* From now on learn from the first n ratings. */
static RecoStatus
begin(Learner *learner, size_t n)
{
	RecoRatings *result = learner->result;
	double		sum = 0;
	RecoStatus	status;

	learner->n = n;
	result->least = result->most = learner->problem->ratings[0].stars;
	for (size_t k = 0; k < n; k++)
	{
		double		stars = learner->problem->ratings[k].stars;

		sum += stars;
		result->least = fmin(result->least, stars);
		result->most = fmax(result->most, stars);
		if (!goes_on(learner, 1))
			return RECO_INTERRUPTED;
	}
	result->mean = sum / (double) n;
	status = index_side(learner, &learner->user);
	return status == RECO_OK ? index_side(learner, &learner->item) : status;
}

/* --- learning ---------------------------------------------------------------------------------------------- */

static RecoStatus
set_residuals(Learner *learner)
{
	for (size_t k = 0; k < learner->n; k++)
	{
		learner->residual[k] = learner->problem->ratings[k].stars - learner->result->mean;
		if (!goes_on(learner, 1))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

/* Means of items, less that of all: (sum of residuals) / (ratings + shrinkage). */
static RecoStatus
fit_item_means(Learner *learner, double shrinkage)
{
	const Side *item = &learner->item;
	RecoStatus	status = set_residuals(learner);

	learner->result->shrinkage = shrinkage;
	for (int32_t r = 0; r < item->count && status == RECO_OK; r++)
	{
		double		sum = 0;

		for (size_t at = item->start[r]; at < item->start[r + 1]; at++)
			sum += learner->residual[item->rating[at]];
		learner->item_mean[r] = sum / ((double) (item->start[r + 1] - item->start[r]) + shrinkage);
		if (!goes_on(learner, item->start[r + 1] - item->start[r] + 1))
			status = RECO_INTERRUPTED;
	}
	return status;
}

/* The bias of one user or item. */
static bool
set_bias(Learner *learner, Side *side, int32_t r)
{
	size_t		first = side->start[r];
	size_t		last = side->start[r + 1];
	double		sum = 0;
	double		bias;
	double		change;

	for (size_t at = first; at < last; at++)
		sum += learner->residual[side->rating[at]];
	bias = (sum + (double) (last - first) * side->bias[r]) / ((double) (last - first) + side->ridge);
	change = bias - side->bias[r];
	side->bias[r] = bias;
	for (size_t at = first; at < last; at++)
		learner->residual[side->rating[at]] -= change;
	return goes_on(learner, 2 * (last - first) + 1);
}

/* One component of one vector; those of unknown users and items are 0. */
static bool
set_component(Learner *learner, Side *side, const Side *other, int32_t r, int d)
{
	int			factors = learner->result->factors;
	float	   *component = &side->vectors[(size_t) r * (size_t) factors + (size_t) d];
	double		sum = 0;
	double		squares = 0;
	double		change;

	for (size_t at = side->start[r]; at < side->start[r + 1]; at++)
	{
		int32_t		number = number_on(learner, other, side->rating[at]);
		double		value = number < 0 ? 0 : other->vectors[(size_t) number * (size_t) factors + (size_t) d];

		sum += learner->residual[side->rating[at]] * value;
		squares += value * value;
	}
	change = *component;
	*component = (float) ((sum + *component * squares) / (squares + learner->result->ridge));
	change = *component - change;
	for (size_t at = side->start[r]; at < side->start[r + 1]; at++)
	{
		int32_t		number = number_on(learner, other, side->rating[at]);

		if (number >= 0)
			learner->residual[side->rating[at]] -= change * other->vectors[(size_t) number * (size_t) factors + (size_t) d];
	}
	return goes_on(learner, 4 * (side->start[r + 1] - side->start[r]) + 1);
}

static RecoStatus
sweep(Learner *learner, Side *side, const Side *other, int factors)
{
	for (int32_t r = 0; r < side->count; r++)
	{
		if (!set_bias(learner, side, r))
			return RECO_INTERRUPTED;
		for (int d = 0; d < factors; d++)
			if (!set_component(learner, side, other, r, d))
				return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

static RecoStatus
sweep_all(Learner *learner, int sweeps, int factors)
{
	RecoStatus	status = RECO_OK;

	for (int i = 0; i < sweeps && status == RECO_OK; i++)
	{
		status = sweep(learner, &learner->item, &learner->user, factors);
		if (status == RECO_OK)
			status = sweep(learner, &learner->user, &learner->item, factors);
	}
	return status;
}

static void
set_ridges(Learner *learner, double user_ridge, double item_ridge)
{
	learner->user.ridge = learner->result->user_ridge = user_ridge;
	learner->item.ridge = learner->result->item_ridge = item_ridge;
}

static RecoStatus
fit_biases(Learner *learner, double user_ridge, double item_ridge)
{
	RecoStatus	status = set_residuals(learner);

	set_ridges(learner, user_ridge, item_ridge);
	learner->user.bias = learner->bias[0];
	learner->item.bias = learner->bias[1];
	memset(learner->user.bias, 0, (size_t) learner->user.count * sizeof(double));
	memset(learner->item.bias, 0, (size_t) learner->item.count * sizeof(double));
	return status == RECO_OK ? sweep_all(learner, BIAS_SWEEPS, 0) : status;
}

/* The start of an item's vector: from -1 to 1, by a hash (splitmix64; Steele, Lea and Flood 2014). */
static float
start_value(uint64_t seed, uint64_t at)
{
	uint64_t	x = seed + (at + 1) * UINT64_C(0x9E3779B97F4A7C15);

	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	x ^= x >> 31;
	return (float) ((double) (x >> 11) * 0x1p-52 - 1);
}

/* Vectors of users are 0, those of items random. */
static RecoStatus
start_vectors(Learner *learner, int factors)
{
	size_t		f = (size_t) factors;

	for (size_t r = 0; r < (size_t) learner->user.count; r++)
	{
		memset(learner->user.vectors + r * f, 0, f * sizeof(float));
		if (!goes_on(learner, f))
			return RECO_INTERRUPTED;
	}
	for (size_t at = 0; at < (size_t) learner->item.count * f; at++)
	{
		learner->item.vectors[at] = start_value(learner->problem->seed, at);
		if (!goes_on(learner, 1))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

/* Vectors, starting from the biases that were learned without them. */
static RecoStatus
fit_factors(Learner *learner, int factors, double ridge)
{
	RecoStatus	status = set_residuals(learner);

	learner->result->factors = factors;
	learner->result->ridge = ridge;
	learner->user.bias = learner->offset[0];
	learner->item.bias = learner->offset[1];
	memcpy(learner->user.bias, learner->bias[0], (size_t) learner->user.count * sizeof(double));
	memcpy(learner->item.bias, learner->bias[1], (size_t) learner->item.count * sizeof(double));
	if (status == RECO_OK)
		status = start_vectors(learner, factors);
	for (size_t k = 0; k < learner->n && status == RECO_OK; k++)
	{
		const RecoRating *rating = &learner->problem->ratings[k];

		learner->residual[k] -= rating->user < 0 ? 0 : learner->user.bias[rating->user];
		learner->residual[k] -= rating->item < 0 ? 0 : learner->item.bias[rating->item];
		if (!goes_on(learner, 1))
			status = RECO_INTERRUPTED;
	}
	/* The start is nothing that items are like: users first. */
	if (status == RECO_OK && factors > 0)
		status = sweep(learner, &learner->user, &learner->item, factors);
	return status == RECO_OK && factors > 0 ? sweep_all(learner, FACTOR_SWEEPS, factors) : status;
}

/* --- choosing ---------------------------------------------------------------------------------------------- */

/* Mean square error on what is held out. */
static RecoStatus
measure(Learner *learner, RecoRatingsPredictor predictor, double *error)
{
	const RecoRatingsProblem *problem = learner->problem;
	double		sum = 0;

	for (size_t k = problem->n - problem->held_out; k < problem->n; k++)
	{
		const RecoRating *rating = &problem->ratings[k];
		double		miss = rating->stars - reco_ratings_predict(learner->result, predictor, rating->user, rating->item);

		sum += miss * miss;
		if (!goes_on(learner, 8))
			return RECO_INTERRUPTED;
	}
	*error = sum / (double) problem->held_out;
	return RECO_OK;
}

static RecoStatus
choose_shrinkage(Learner *learner, double *chosen)
{
	double		least = INFINITY;
	double		error;

	for (int i = 0; i < RIDGES; i++)
	{
		RecoStatus	status = fit_item_means(learner, ridges[i]);

		if (status == RECO_OK)
			status = measure(learner, RECO_RATINGS_ITEM_MEAN, &error);
		if (status != RECO_OK)
			return status;
		if (error < least)
		{
			least = error;
			*chosen = ridges[i];
		}
	}
	return RECO_OK;
}

/* Both ridges of biases; chosen are that of users and that of items. */
static RecoStatus
choose_ridges(Learner *learner, double *chosen)
{
	double		least = INFINITY;
	double		error;

	for (int i = 0; i < RIDGES * RIDGES; i++)
	{
		RecoStatus	status = fit_biases(learner, ridges[i / RIDGES], ridges[i % RIDGES]);

		if (status == RECO_OK)
			status = measure(learner, RECO_RATINGS_BIASES, &error);
		if (status != RECO_OK)
			return status;
		if (error < least)
		{
			least = error;
			chosen[0] = ridges[i / RIDGES];
			chosen[1] = ridges[i % RIDGES];
		}
	}
	return RECO_OK;
}

/*
 * By how much vectors lower the mean square error on what is held out, below that of biases; 0 if that is not more than
 * one standard error of the paired difference.
 */
static RecoStatus
measure_gain(Learner *learner, double *gain)
{
	const RecoRatingsProblem *problem = learner->problem;
	double		cases = (double) problem->held_out;
	double		sum = 0;
	double		squares = 0;
	double		variance;

	for (size_t k = problem->n - problem->held_out; k < problem->n; k++)
	{
		const RecoRating *rating = &problem->ratings[k];
		double		without = rating->stars - reco_ratings_predict(learner->result, RECO_RATINGS_BIASES, rating->user, rating->item);
		double		with = rating->stars - reco_ratings_predict(learner->result, RECO_RATINGS_FACTORS, rating->user, rating->item);
		double		less = without * without - with * with;

		sum += less;
		squares += less * less;
		if (!goes_on(learner, 16))
			return RECO_INTERRUPTED;
	}
	variance = fmax(squares / cases - sum / cases * (sum / cases), 0);
	*gain = sum / cases > sqrt(variance / cases) ? sum / cases : 0;
	return RECO_OK;
}

/*
 * The ridge of vectors with the fewest factors, then more factors as long as that helps; no factors where they do not
 * help at all.
 */
static RecoStatus
choose_factors(Learner *learner, int *factors, double *ridge)
{
	double		most = 0;
	double		gain;
	int			tried = FEWEST_FACTORS;

	for (int i = 0; tried <= learner->problem->max_factors;)
	{
		double		with = tried == FEWEST_FACTORS ? ridges[i] : *ridge;
		RecoStatus	status = fit_factors(learner, tried, with);

		if (status == RECO_OK)
			status = measure_gain(learner, &gain);
		if (status != RECO_OK)
			return status;
		if (gain > most)
		{
			most = gain;
			*factors = tried;
			*ridge = with;
		}
		if (tried == FEWEST_FACTORS && ++i < RIDGES)
			continue;
		if (*factors != tried)
			break;
		tried *= 2;
	}
	return RECO_OK;
}

/* What to learn with, by the ratings that are held out. */
static RecoStatus
choose(Learner *learner, double *shrinkage, double *bias_ridges, int *factors, double *ridge)
{
	const RecoRatingsProblem *problem = learner->problem;
	RecoStatus	status;

	*shrinkage = bias_ridges[0] = bias_ridges[1] = *ridge = DEFAULT_RIDGE;
	*factors = 0;
	if (problem->held_out == 0 || problem->held_out == problem->n)
		return RECO_OK;
	status = begin(learner, problem->n - problem->held_out);
	if (status == RECO_OK)
		status = choose_shrinkage(learner, shrinkage);
	if (status == RECO_OK)
		status = choose_ridges(learner, bias_ridges);
	if (status == RECO_OK)
		status = fit_biases(learner, bias_ridges[0], bias_ridges[1]);
	if (status == RECO_OK)
		status = choose_factors(learner, factors, ridge);
	return status;
}

/* --- the whole --------------------------------------------------------------------------------------------- */

static void
publish(const Learner *learner, RecoRatings *ratings)
{
	ratings->users = learner->problem->users;
	ratings->items = learner->problem->items;
	ratings->item_mean = learner->item_mean;
	ratings->user_bias = learner->bias[0];
	ratings->item_bias = learner->bias[1];
	ratings->user_offset = learner->offset[0];
	ratings->item_offset = learner->offset[1];
	ratings->user_vectors = learner->user.vectors;
	ratings->item_vectors = learner->item.vectors;
}

RecoStatus
reco_ratings_fit(const RecoRatingsProblem *problem, void *workspace, const RecoRun *run, RecoRatings *ratings)
{
	Learner		learner = {.problem = problem,.run = run,.result = ratings};
	double		shrinkage;
	double		bias_ridges[2];
	double		ridge;
	int			factors;
	RecoStatus	status;

	memset(ratings, 0, sizeof(*ratings));
	if (!is_sound(problem))
		return RECO_BAD_ARGUMENT;
	if (problem->n > UINT32_MAX)
		return RECO_TOO_LARGE;
	lay_out(&learner, problem, workspace);
	publish(&learner, ratings);
	status = check_ratings(&learner);
	if (status == RECO_OK)
		status = choose(&learner, &shrinkage, bias_ridges, &factors, &ridge);
	if (status == RECO_OK)
		status = begin(&learner, problem->n);
	if (status == RECO_OK)
		status = fit_item_means(&learner, shrinkage);
	if (status == RECO_OK)
		status = fit_biases(&learner, bias_ridges[0], bias_ridges[1]);
	if (status == RECO_OK)
		status = fit_factors(&learner, factors, ridge);
	if (status != RECO_OK)
		memset(ratings, 0, sizeof(*ratings));
	return status;
}

static double
inner_product(const RecoRatings *ratings, int32_t user, int32_t item)
{
	const float *p = ratings->user_vectors + (size_t) user * (size_t) ratings->factors;
	const float *q = ratings->item_vectors + (size_t) item * (size_t) ratings->factors;
	double		sum = 0;

	for (int d = 0; d < ratings->factors; d++)
		sum += (double) p[d] * q[d];
	return sum;
}

double
reco_ratings_predict(const RecoRatings *ratings, RecoRatingsPredictor predictor, int32_t user, int32_t item)
{
	bool		has_user = user >= 0 && user < ratings->users;
	bool		has_item = item >= 0 && item < ratings->items;
	bool		has_vectors = predictor == RECO_RATINGS_FACTORS;
	double		stars = ratings->mean;

	if (predictor == RECO_RATINGS_ITEM_MEAN && has_item)
		stars += ratings->item_mean[item];
	if (predictor >= RECO_RATINGS_BIASES && has_user)
		stars += has_vectors ? ratings->user_offset[user] : ratings->user_bias[user];
	if (predictor >= RECO_RATINGS_BIASES && has_item)
		stars += has_vectors ? ratings->item_offset[item] : ratings->item_bias[item];
	if (has_vectors && has_user && has_item)
		stars += inner_product(ratings, user, item);
	return fmin(fmax(stars, ratings->least), ratings->most);
}
