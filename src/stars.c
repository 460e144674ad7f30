/*
 * stars.c: divides the reviews as the orders were divided, learns from the earlier and predicts the later ones.
 *
 * A later reviewer or item that no earlier review has is unknown to the predictors, which then go by what is left.  The
 * model goes by its items and features, and, as reco.predict does, by all that the reviewer said before, also since the cut.
 */
#include "postgres.h"

#include "stars.h"

#include <math.h>

#include "interrupts.h"
#include "portability/instr_time.h"
#include "sentiment.h"
#include "utils/timestamp.h"

#define FIRST_REVIEWS 1024
#define HELD_OUT_PART 10		/* of the past: the newest tenth chooses settings */
#define MAX_FACTORS 16

enum
{
	COLUMN_USER, COLUMN_ITEM, COLUMN_AT, COLUMN_STARS, COLUMNS
};

static const RecoField fields[COLUMNS] = {
	[COLUMN_USER] = {RECO_ROLE_USER, NULL},
	[COLUMN_ITEM] = {RECO_ROLE_ITEM, NULL},
	[COLUMN_AT] = {RECO_ROLE_AT, NULL},
	[COLUMN_STARS] = {RECO_ROLE_STARS, NULL}
};

static const char *const predictor_names[RECO_STARS_PREDICTORS] = {
	"mean", "item_mean", "biases", "rating_factorization", RECO_EVALUATION_MODEL
};

const char *
reco_stars_predictor_name(int predictor)
{
	return predictor_names[predictor];
}

typedef struct Review
{
	TimestampTz at;
	int32		user;			/* -1: unknown */
	int32		item;
	float		stars;
} Review;

typedef struct Reviews
{
	RecoBudget *budget;
	RecoIdMap  *users;
	RecoIdMap  *items;
	TimestampTz until;
	Review	   *list;			/* sorted: oldest first */
	int64		n;
	int64		capacity;
	int64		undated;
} Reviews;

/* --- reading ----------------------------------------------------------------------------------------------- */

static void
receive_review(void *arg, const RecoValue *values)
{
	Reviews    *reviews = arg;
	Review	   *review;

	if (values[COLUMN_ITEM].is_null || values[COLUMN_STARS].is_null || !isfinite((float) values[COLUMN_STARS].number))
		return;
	if (values[COLUMN_AT].is_null || TIMESTAMP_NOT_FINITE(values[COLUMN_AT].integer))
	{
		reviews->undated++;
		return;
	}
	if (values[COLUMN_AT].integer >= reviews->until)
		return;
	if (reviews->n == reviews->capacity)
	{
		int64		capacity = reviews->capacity + reviews->capacity / 2;

		reviews->list = reco_budget_resize(reviews->budget, reviews->list, reviews->capacity, capacity, sizeof(Review), "reviews");
		reviews->capacity = capacity;
	}
	review = &reviews->list[reviews->n++];
	review->at = values[COLUMN_AT].integer;
	review->user = values[COLUMN_USER].is_null ? -1 : reco_idmap_add(reviews->users, &values[COLUMN_USER]);
	review->item = reco_idmap_add(reviews->items, &values[COLUMN_ITEM]);
	review->stars = (float) values[COLUMN_STARS].number;
}

static int
compare_reviews(const void *a, const void *b)
{
	const Review *x = a;
	const Review *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->user != y->user)
		return x->user < y->user ? -1 : 1;
	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	return (x->stars > y->stars) - (x->stars < y->stars);
}

static void
sort_reviews(Reviews *reviews)
{
	int32	   *user_rank = reco_idmap_sort(reviews->users);
	int32	   *item_rank = reco_idmap_sort(reviews->items);
	int64		i;

	for (i = 0; i < reviews->n; i++)
	{
		Review	   *review = &reviews->list[i];

		RECO_CHECK_INTERRUPTS(i);
		review->user = review->user >= 0 ? user_rank[review->user] : -1;
		review->item = item_rank[review->item];
	}
	reco_budget_free(reviews->budget, user_rank);
	reco_budget_free(reviews->budget, item_rank);
	qsort(reviews->list, reviews->n, sizeof(Review), compare_reviews);
}

static Reviews
read_reviews(const RecoEvaluation *e)
{
	Reviews		reviews = {.budget = e->budget,.until = e->options.split.until};
	ListCell   *cell;

	reviews.users = reco_idmap_create(e->budget, e->reader.integer_keys, "reviewers");
	reviews.items = reco_idmap_create(e->budget, e->reader.integer_keys, "items");
	reviews.capacity = FIRST_REVIEWS;
	reviews.list = reco_budget_alloc(e->budget, FIRST_REVIEWS, sizeof(Review), "reviews");
	foreach(cell, e->sources)
		if (((RecoSource *) lfirst(cell))->kind == RECO_SOURCE_REVIEWS &&
			reco_definitions_column(lfirst(cell), RECO_ROLE_STARS) != NULL)
			(void) reco_sources_read_all(&e->reader, lfirst(cell), fields, COLUMNS, receive_review, &reviews);
	sort_reviews(&reviews);
	return reviews;
}

/* --- learning ---------------------------------------------------------------------------------------------- */

/* Numbers of those that are in the first n reviews, in the order of their keys; -1 for the others.  Returns how many. */
static int32
number_known(const Reviews *reviews, int64 n, bool users, int32 *number)
{
	int32		all = reco_idmap_count(users ? reviews->users : reviews->items);
	int32		known = 0;
	int32		k;
	int64		i;

	for (k = 0; k < all; k++)
		number[k] = -1;
	for (i = 0; i < n; i++)
	{
		int32		key = users ? reviews->list[i].user : reviews->list[i].item;

		RECO_CHECK_INTERRUPTS(i);
		if (key >= 0)
			number[key] = 0;
	}
	for (k = 0; k < all; k++)
		if (number[k] == 0)
			number[k] = known++;
	return known;
}

/* The predictors, of the first n reviews. */
static void
learn(const RecoEvaluation *e, const Reviews *reviews, int64 n, int32 *user_number, int32 *item_number, RecoRatings *ratings)
{
	RecoRating *list = reco_budget_alloc(e->budget, n, sizeof(RecoRating), "reviews");
	RecoRatingsProblem problem = {.ratings = list,.n = n,.held_out = n / HELD_OUT_PART,.max_factors = MAX_FACTORS};
	Size		bytes;
	int64		i;

	problem.users = number_known(reviews, n, true, user_number);
	problem.items = number_known(reviews, n, false, item_number);
	problem.seed = (uint64) e->model_options.seed;
	for (i = 0; i < n; i++)
	{
		const Review *review = &reviews->list[i];

		RECO_CHECK_INTERRUPTS(i);
		list[i] = (RecoRating) {review->user >= 0 ? user_number[review->user] : -1, item_number[review->item], review->stars};
	}
	bytes = reco_ratings_workspace_size(&problem);
	reco_foldin_check_status(reco_ratings_fit(&problem, reco_budget_alloc_aligned(e->budget, bytes, 1, "rating factors"),
											  &e->run, ratings), "learning from stars");
	reco_budget_free(e->budget, list);
}

/* --- the model --------------------------------------------------------------------------------------------- */

/* What the model of the past expects, asked in the order of the reviews. */
typedef struct Expectation
{
	const RecoModel *model;		/* NULL: it expects nothing */
	const Reviews *reviews;
	int32	   *item;			/* the model's numbers of the reviews' items, -1: not known */
	double	   *sum;			/* by reviewer: what his stars were above those expected of others, in parts of the scale */
	int32	   *n;
	int64		known;			/* reviews that have been added up */
} Expectation;

static Expectation
begin_expecting(const RecoEvaluation *e, const Reviews *reviews)
{
	Expectation expectation = {.reviews = reviews};
	int32		items = reco_idmap_count(reviews->items);
	int32		users = reco_idmap_count(reviews->users);
	int32		i;

	if (e->model == NULL || e->model->stars == NULL)
		return expectation;
	expectation.model = e->model;
	expectation.item = reco_budget_alloc(e->budget, items, sizeof(int32), "items");
	expectation.sum = reco_budget_alloc(e->budget, users, sizeof(double), "reviewers");
	expectation.n = reco_budget_alloc(e->budget, users, sizeof(int32), "reviewers");
	for (i = 0; i < items; i++)
	{
		RecoValue	value = reco_idmap_key(reviews->items, i);
		RecoKey		key = {value.integer, value.bytes, value.length};

		RECO_CHECK_INTERRUPTS(i);
		expectation.item[i] = reco_answering_find_item(e->model, &key);
	}
	return expectation;
}

/* Add up what was said before some time. */
static void
learn_customers(Expectation *x, TimestampTz before)
{
	const double *stars = x->model->stars;
	double		scale = stars[RECO_STARS_MOST] - stars[RECO_STARS_LEAST];

	for (; x->known < x->reviews->n && x->reviews->list[x->known].at < before; x->known++)
	{
		const Review *review = &x->reviews->list[x->known];

		RECO_CHECK_INTERRUPTS(x->known);
		if (review->user < 0 || x->item[review->item] < 0)
			continue;
		x->sum[review->user] += (review->stars - stars[RECO_STARS_MEAN]) / scale - x->model->sentiment[x->item[review->item]];
		x->n[review->user]++;
	}
}

static double
expect_stars(Expectation *x, const Review *review)
{
	const double *stars = x->model->stars;
	double		scale = stars[RECO_STARS_MOST] - stars[RECO_STARS_LEAST];
	int32		item = x->item[review->item];
	double		above = item >= 0 ? x->model->sentiment[item] : 0;

	learn_customers(x, review->at);
	if (review->user >= 0)
		above += x->sum[review->user] / (x->n[review->user] + RECO_SENTIMENT_CUSTOMER_SHRINKAGE);
	return Min(Max(stars[RECO_STARS_MEAN] + scale * above, stars[RECO_STARS_LEAST]), stars[RECO_STARS_MOST]);
}

/* --- predicting -------------------------------------------------------------------------------------------- */

/* Columns of the tally: how many, then squared errors by predictor. */
static double
mean_square(const double *sums, const void *arg)
{
	int			predictor = *(const int *) arg;

	return sums[0] > 0 ? sums[1 + predictor] / sums[0] : NAN;
}

static double
root_mean_square(const double *sums, const void *arg)
{
	return sqrt(mean_square(sums, arg));
}

static double
square(double x)
{
	return x * x;
}

/* Reviewers are what is drawn; each unknown one is another. */
static RecoTally *
predict(const RecoEvaluation *e, const Reviews *reviews, int64 first, const RecoRatings *ratings, const int32 *user_number,
		const int32 *item_number)
{
	int32		users = reco_idmap_count(reviews->users);
	int32	   *cluster = reco_budget_alloc(e->budget, users, sizeof(int32), "reviewers");
	int32		clusters = 0;
	RecoTally  *tally = reco_tally_create(e->budget, (int) Min(reviews->n - first, PG_INT32_MAX), 1 + RECO_STARS_PREDICTORS);
	Expectation expectation = begin_expecting(e, reviews);
	int			p;
	int64		i;

	for (i = 0; i < users; i++)
		cluster[i] = -1;
	for (i = first; i < reviews->n; i++)
	{
		const Review *review = &reviews->list[i];
		int32		user = review->user >= 0 ? user_number[review->user] : -1;
		int32		at = review->user >= 0 && cluster[review->user] >= 0 ? cluster[review->user] : clusters++;

		RECO_CHECK_INTERRUPTS(i);
		if (review->user >= 0)
			cluster[review->user] = at;
		reco_tally_add(tally, at, 0, 1);
		for (p = 0; p < RECO_RATINGS_PREDICTORS; p++)
		{
			double		error = reco_ratings_predict(ratings, p, user, item_number[review->item]) - review->stars;

			reco_tally_add(tally, at, 1 + p, error * error);
		}
		if (expectation.model != NULL)
			reco_tally_add(tally, at, 1 + RECO_STARS_BY_MODEL, square(expect_stars(&expectation, review) - review->stars));
	}
	tally->clusters = clusters;
	reco_tally_finish(tally, e->options.split.seed);
	return tally;
}

/*
 * Learn from the reviews before the cut of e and predict those from then on.  Without a cut in time, or without reviews on
 * both sides of it, nothing is predicted.  Errors: configuration_limit_exceeded, and what reading raises.
 */
RecoStars
reco_stars_evaluate(const RecoEvaluation *e)
{
	RecoStars	stars = {0};
	Reviews		reviews = read_reviews(e);
	int32	   *user_number;
	int32	   *item_number;
	RecoRatings ratings;
	RecoTally  *tally;
	instr_time	start;
	instr_time	end;
	int			p;

	stars.undated = reviews.undated;
	if (e->split.kind != RECO_SPLIT_TIME)
		return stars;
	while (stars.past < reviews.n && reviews.list[stars.past].at < e->split.past.before)
		stars.past++;
	stars.n = stars.past > 0 ? reviews.n - stars.past : 0;
	if (stars.n == 0)
		return stars;
	INSTR_TIME_SET_CURRENT(start);
	user_number = reco_budget_alloc(e->budget, reco_idmap_count(reviews.users), sizeof(int32), "reviewers");
	item_number = reco_budget_alloc(e->budget, reco_idmap_count(reviews.items), sizeof(int32), "items");
	learn(e, &reviews, stars.past, user_number, item_number, &ratings);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	stars.seconds = INSTR_TIME_GET_DOUBLE(end);
	stars.factors = ratings.factors;
	tally = predict(e, &reviews, stars.past, &ratings, user_number, item_number);
	stars.by_model = e->model != NULL && e->model->stars != NULL;
	for (p = 0; p < RECO_RATINGS_PREDICTORS + stars.by_model; p++)
	{
		stars.mse[p] = reco_tally_interval(tally, mean_square, &p);
		stars.rmse[p] = reco_tally_interval(tally, root_mean_square, &p);
	}
	return stars;
}
