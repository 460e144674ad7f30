/*
 * reviews.c: reads reviews for training, and gives those without stars the stars that their words lead to expect.
 *
 * The scale is that of the stars that were given, from the lowest to the highest.  Texts with stars teach what words say
 * (wording.c).  Where there are enough of them, reviews with words alone are read in a second pass, and count like the
 * others; a review with neither counts nothing.
 *
 * A text is learned from as its words' buckets, 2 bytes each.  Of very many texts a sample is taken, by hashes of their
 * words: half of all hashes, a quarter and so on, the most that fit.  So it is the same sample whatever the order of rows,
 * and never a matter of memory.
 */
#include "postgres.h"

#include "reviews.h"

#include <math.h>

#include "foldin.h"
#include "interrupts.h"
#include "storage/shmem.h"
#include "texts.h"

#define FIRST_REVIEWS 1024
#define FIRST_FEATURES 65536
#define MOST_TEXTS 100000
#define MOST_FEATURES 16000000	/* 32 MB */

enum
{
	COLUMN_USER, COLUMN_ITEM, COLUMN_AT, COLUMN_STARS, COLUMN_BODY, COLUMN_CONFIGURATION, COLUMNS
};

static const RecoField fields[COLUMNS] = {
	[COLUMN_USER] = {RECO_ROLE_USER, NULL},
	[COLUMN_ITEM] = {RECO_ROLE_ITEM, NULL},
	[COLUMN_AT] = {RECO_ROLE_AT, NULL},
	[COLUMN_STARS] = {RECO_ROLE_STARS, NULL},
	[COLUMN_BODY] = {RECO_ROLE_BODY, NULL},
	[COLUMN_CONFIGURATION] = {RECO_ROLE_CONFIGURATION, NULL}
};

/* Texts with stars. */
typedef struct Samples
{
	RecoWordingSample *list;
	size_t		n;
	size_t		capacity;
	uint16	   *features;
	size_t		n_features;
	size_t		feature_capacity;
	uint64		most_key;		/* texts of larger keys are not in the sample */
	int64		counts[3];		/* of all texts: negative, in the middle, positive; only when the scale is known */
} Samples;

typedef struct ReviewReader
{
	RecoReviews *reviews;
	const RecoReviewsOptions *options;
	RecoTexts  *texts;
	Samples		samples;
	int64		rated_texts;	/* with words and stars */
	int64		unrated;		/* reviews with a text and no stars */
	bool		second;			/* those are being read */
	const RecoSource *source;	/* that is being read */
	const RecoSource *texts_source; /* the first one with texts to learn from */
	Oid			texts_configuration;	/* of these */
} ReviewReader;

/* --- texts ------------------------------------------------------------------------------------------------- */

/*
 * Other texts will be looked at by the configuration of these: that of the first source, and where its rows have several
 * the first of them by name.
 */
static void
note_configuration(ReviewReader *reader, Oid configuration)
{
	RecoReviews *reviews = reader->reviews;
	char	   *name;

	if (reader->texts_source != NULL &&
		(reader->texts_source != reader->source || reader->texts_configuration == configuration))
		return;
	name = reco_words_configuration_name(configuration);
	reader->texts_source = reader->source;
	if (name == NULL || (reviews->configuration != NULL && strcmp(reviews->configuration, name) <= 0))
		return;
	reader->texts_configuration = configuration;
	reviews->configuration = MemoryContextStrdup(reviews->budget->context, name);
}

/* The words of a row's text; false where it has none. */
static bool
read_text(ReviewReader *reader, const RecoValue *values)
{
	if (!reco_texts_read_row(reader->texts, &values[COLUMN_BODY], &values[COLUMN_CONFIGURATION]))
		return false;
	if (!reader->second && reader->options->wording == NULL)
		note_configuration(reader, reader->texts->configuration);
	return true;
}

/* --- samples ----------------------------------------------------------------------------------------------- */

/* Drop half of the hashes. */
static void
thin_out(Samples *samples)
{
	size_t		kept = 0;
	size_t		end = 0;
	size_t		i;

	samples->most_key /= 2;
	for (i = 0; i < samples->n; i++)
	{
		RecoWordingSample sample = samples->list[i];

		RECO_CHECK_INTERRUPTS(i);
		if (sample.key > samples->most_key)
			continue;
		memmove(samples->features + end, samples->features + sample.first, sample.n * sizeof(uint16));
		sample.first = end;
		end += sample.n;
		samples->list[kept++] = sample;
	}
	samples->n = kept;
	samples->n_features = end;
}

static void
reserve_sample(ReviewReader *reader, size_t n)
{
	Samples    *samples = &reader->samples;
	RecoBudget *budget = reader->reviews->budget;

	if (samples->n == samples->capacity)
	{
		size_t		capacity = samples->capacity + samples->capacity / 2;

		samples->list = reco_budget_resize(budget, samples->list, samples->capacity, capacity, sizeof(RecoWordingSample),
										   "texts of reviews");
		samples->capacity = capacity;
	}
	if (n > samples->feature_capacity - samples->n_features)
	{
		size_t		capacity = samples->feature_capacity + Max(samples->feature_capacity / 2, n);

		samples->features = reco_budget_resize(budget, samples->features, samples->feature_capacity, capacity, sizeof(uint16),
											   "texts of reviews");
		samples->feature_capacity = capacity;
	}
}

/* The text that was read last, with its stars. */
static void
add_sample(ReviewReader *reader, float stars)
{
	const RecoWordingText *text = &reader->texts->text;
	Samples    *samples = &reader->samples;

	reader->rated_texts++;
	if (text->key > samples->most_key)
		return;
	reserve_sample(reader, text->n);
	memcpy(samples->features + samples->n_features, text->features, text->n * sizeof(uint16));
	samples->list[samples->n++] = (RecoWordingSample) {text->key, samples->n_features, text->n, stars};
	samples->n_features += text->n;
	while (samples->n > MOST_TEXTS || samples->n_features > MOST_FEATURES)
		thin_out(samples);
}

static int
compare_samples(const void *a, const void *b)
{
	const RecoWordingSample *x = a;
	const RecoWordingSample *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->stars > y->stars) - (x->stars < y->stars);
}

/* --- rows -------------------------------------------------------------------------------------------------- */

static void
add_review(RecoReviews *reviews, const RecoValue *values, float stars)
{
	RecoReview *review;

	if (reviews->n == reviews->capacity)
	{
		int64		capacity = reviews->capacity + reviews->capacity / 2;

		reviews->list = reco_budget_resize(reviews->budget, reviews->list, reviews->capacity, capacity, sizeof(RecoReview),
										   "reviews");
		reviews->capacity = capacity;
	}
	review = &reviews->list[reviews->n++];
	review->at = values[COLUMN_AT].is_null ? DT_NOBEGIN : values[COLUMN_AT].integer;
	review->user = values[COLUMN_USER].is_null ? -1 : reco_idmap_add(reviews->users, &values[COLUMN_USER]);
	review->item = reco_idmap_add(reviews->items, &values[COLUMN_ITEM]);
	review->stars = stars;
}

/* Reviews with stars, and texts to learn from. */
static void
receive_rated(ReviewReader *reader, const RecoValue *values)
{
	RecoReviews *reviews = reader->reviews;
	float		stars = (float) values[COLUMN_STARS].number;

	reviews->least = Min(reviews->least, stars);
	reviews->most = Max(reviews->most, stars);
	if (reader->options->wording == NULL && read_text(reader, values))
		add_sample(reader, stars);
	add_review(reviews, values, stars);
}

/* Reviews without them, once it is known what words say. */
static void
receive_unrated(ReviewReader *reader, const RecoValue *values)
{
	const RecoWordingText *text = &reader->texts->text;
	const RecoWording *wording = reader->options->wording != NULL ? reader->options->wording : &reader->reviews->wording;

	if (wording->weights != NULL && read_text(reader, values))
		add_review(reader->reviews, values,
				   (float) reco_wording_stars(&wording->curves, reco_wording_score(wording, text->features, text->n)));
}

/* Whether a review of that time is among those to be read. */
static bool
is_wanted(const RecoReviewsOptions *options, const RecoValue *at)
{
	if (at->is_null || TIMESTAMP_NOT_FINITE(at->integer))
		return !options->is_replay && (at->is_null || TIMESTAMP_IS_NOBEGIN(at->integer));
	return at->integer < options->before;
}

static void
receive_review(void *arg, const RecoValue *values)
{
	ReviewReader *reader = arg;
	bool		is_rated = !values[COLUMN_STARS].is_null && isfinite((float) values[COLUMN_STARS].number);

	if (values[COLUMN_ITEM].is_null || !is_wanted(reader->options, &values[COLUMN_AT]))
		return;
	if (!reader->second && is_rated)
		receive_rated(reader, values);
	else if ((reader->second || reader->options->wording != NULL) && !is_rated)
		receive_unrated(reader, values);
	else
		reader->unrated += !is_rated && !values[COLUMN_BODY].is_null;
}

static void
read_sources(ReviewReader *reader, const RecoReader *by, List *sources)
{
	ListCell   *cell;

	foreach(cell, sources)
	{
		const RecoSource *source = lfirst(cell);

		if (source->kind != RECO_SOURCE_REVIEWS ||
			(reader->second && reco_definitions_column(source, RECO_ROLE_BODY) == NULL))
			continue;
		reader->source = source;
		(void) reco_sources_read_all(by, source, fields, COLUMNS, receive_review, reader);
	}
}

/* --- learning ---------------------------------------------------------------------------------------------- */

static void
count_opinions(ReviewReader *reader)
{
	const RecoReviews *reviews = reader->reviews;
	Samples    *samples = &reader->samples;
	size_t		i;

	for (i = 0; i < samples->n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		samples->counts[1 + reco_wording_opinion(samples->list[i].stars, reviews->least, reviews->most)]++;
	}
}

static void
report_too_few(const ReviewReader *reader)
{
	if (reader->rated_texts > 0)
		ereport(NOTICE,
				(errmsg("what words of reviews say is not learned from " INT64_FORMAT " texts with stars, " INT64_FORMAT
						" of them positive and " INT64_FORMAT " negative: stars alone count", reader->rated_texts,
						reader->samples.counts[2], reader->samples.counts[0]),
				 errdetail("It takes %d, and %d of either.", RECO_WORDING_LEAST_TEXTS, RECO_WORDING_LEAST_OPINIONS)));
}

/* Whether something was learned from the samples. */
static bool
learn(ReviewReader *reader)
{
	RecoReviews *reviews = reader->reviews;
	RecoBudget *budget = reviews->budget;
	Samples    *samples = &reader->samples;
	RecoWordingProblem problem = {samples->list, samples->n, samples->features, reviews->least, reviews->most};
	RecoRun		run = reco_foldin_run(NULL);
	float	   *weights;
	void	   *workspace;
	RecoStatus	status;

	count_opinions(reader);
	if (samples->n < RECO_WORDING_LEAST_TEXTS || Min(samples->counts[0], samples->counts[2]) < RECO_WORDING_LEAST_OPINIONS)
		return false;
	qsort(samples->list, samples->n, sizeof(RecoWordingSample), compare_samples);
	weights = reco_budget_alloc(budget, RECO_WORDING_BUCKETS, sizeof(float), "words of reviews");
	workspace = reco_budget_alloc(budget, add_size(reco_wording_workspace_size(samples->n), RECO_CACHE_LINE), 1,
								  "words of reviews");
	status = reco_wording_fit(&problem, (void *) TYPEALIGN(RECO_CACHE_LINE, workspace), &run, weights,
							  &reviews->wording.curves);
	reco_budget_free(budget, workspace);
	/* One text over and over, for one. */
	if (status == RECO_NOT_CONVERGED)
	{
		reco_budget_free(budget, weights);
		return false;
	}
	reco_foldin_check_status(status, "learning words of reviews");
	reviews->wording.weights = weights;
	return true;
}

static void
begin_reading(ReviewReader *reader, RecoReviews *reviews, RecoBudget *budget, bool integer_keys)
{
	Samples    *samples = &reader->samples;

	reviews->budget = budget;
	reviews->users = reco_idmap_create(budget, integer_keys, "reviewers");
	reviews->items = reco_idmap_create(budget, integer_keys, "reviewed items");
	reviews->capacity = FIRST_REVIEWS;
	reviews->list = reco_budget_alloc(budget, FIRST_REVIEWS, sizeof(RecoReview), "reviews");
	reviews->least = INFINITY;
	reviews->most = -INFINITY;
	reader->reviews = reviews;
	reader->texts = reco_texts_create();
	samples->most_key = PG_UINT64_MAX;
	samples->capacity = FIRST_REVIEWS;
	samples->list = reco_budget_alloc(budget, FIRST_REVIEWS, sizeof(RecoWordingSample), "texts of reviews");
	samples->feature_capacity = FIRST_FEATURES;
	samples->features = reco_budget_alloc(budget, FIRST_FEATURES, sizeof(uint16), "texts of reviews");
}

static bool
has_reviews(List *sources)
{
	ListCell   *cell;

	foreach(cell, sources)
		if (((const RecoSource *) lfirst(cell))->kind == RECO_SOURCE_REVIEWS)
			return true;
	return false;
}

/*
 * The reviews of all sources; NULL where there is no source of any.  Memory: the budget's.
 * Errors: configuration_limit_exceeded (memory), and what reading raises.
 */
RecoReviews *
reco_reviews_read(RecoBudget *budget, const RecoReader *reader, List *sources, const RecoReviewsOptions *options)
{
	ReviewReader row_reader = {.options = options};
	RecoReviews *reviews;

	if (!has_reviews(sources))
		return NULL;
	reviews = MemoryContextAllocZero(budget->context, sizeof(RecoReviews));
	begin_reading(&row_reader, reviews, budget, reader->integer_keys);
	read_sources(&row_reader, reader, sources);
	if (options->wording == NULL && learn(&row_reader))
	{
		row_reader.second = true;
		if (row_reader.unrated > 0)
			read_sources(&row_reader, reader, sources);
	}
	else if (!options->is_replay)
		report_too_few(&row_reader);
	reco_budget_free(budget, row_reader.samples.features);
	reco_budget_free(budget, row_reader.samples.list);
	reco_texts_free(row_reader.texts);
	return reviews;
}

/* --- numbers ----------------------------------------------------------------------------------------------- */

static int
compare_reviews(const void *a, const void *b)
{
	const RecoReview *x = a;
	const RecoReview *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->user != y->user)
		return x->user < y->user ? -1 : 1;
	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->stars > y->stars) - (x->stars < y->stars);
}

/* The numbers that keys have among others, which are sorted, and can be looked at one after another alone; -1 for none. */
static int32 *
find_all(RecoBudget *budget, const RecoIdMap *keys, const RecoIdMap *among)
{
	int32		n = reco_idmap_count(keys);
	int32	   *numbers = reco_budget_alloc(budget, n, sizeof(int32), "reviews");
	int32		i;

	for (i = 0; i < n; i++)
		numbers[i] = -1;
	for (i = 0; i < reco_idmap_count(among); i++)
	{
		RecoValue	key = reco_idmap_key(among, i);
		int32		number;

		RECO_CHECK_INTERRUPTS(i);
		number = reco_idmap_find(keys, &key);
		if (number >= 0)
			numbers[number] = i;
	}
	return numbers;
}

/* By customer, item, time and stars. */
void
reco_reviews_sort(RecoReviews *reviews)
{
	qsort(reviews->list, reviews->n, sizeof(RecoReview), compare_reviews);
}

/*
 * Give customers and items the numbers that they have among users and items, which are sorted, and sort the reviews.
 */
void
reco_reviews_number(RecoReviews *reviews, const RecoIdMap *users, const RecoIdMap *items)
{
	RecoBudget *budget = reviews->budget;
	int32	   *user_number = find_all(budget, reviews->users, users);
	int32	   *item_number = find_all(budget, reviews->items, items);
	int64		i;

	for (i = 0; i < reviews->n; i++)
	{
		RecoReview *review = &reviews->list[i];

		RECO_CHECK_INTERRUPTS(i);
		review->user = review->user >= 0 ? user_number[review->user] : -1;
		review->item = item_number[review->item];
	}
	reco_reviews_sort(reviews);
	reco_budget_free(budget, user_number);
	reco_budget_free(budget, item_number);
	reco_idmap_free(reviews->users);
	reco_idmap_free(reviews->items);
	reviews->users = reviews->items = NULL;
}

/* Where stars are on the scale, from 0 to 1. */
float
reco_reviews_height(const RecoReviews *reviews, double stars)
{
	double		scale = reviews->most - reviews->least;

	return scale > 0 ? (float) Min(Max((stars - reviews->least) / scale, 0), 1) : 0.5f;
}

/* --- by customer ------------------------------------------------------------------------------------------- */

/* The first of the reviews of a customer, which are sorted, and how many there are. */
int64
reco_reviews_of(const RecoReviews *reviews, int32 user, int64 *n)
{
	int64		low = 0;
	int64		high = reviews->n;

	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (reviews->list[middle].user < user)
			low = middle + 1;
		else
			high = middle;
	}
	for (*n = 0; low + *n < reviews->n && reviews->list[low + *n].user == user; (*n)++)
		;
	return low;
}

/*
 * What a customer said last of each item before a time, of his n sorted reviews, whose stars are from 0 to 1; of several of
 * one moment that with the fewest stars.  Those of unknown items and times are left out.  Returns how many there are.
 */
int
reco_reviews_last(const RecoReview *list, int64 n, TimestampTz before, RecoOpinion *opinions)
{
	TimestampTz at = DT_NOBEGIN;
	int			kept = 0;
	int64		i;

	for (i = 0; i < n; i++)
	{
		const RecoReview *review = &list[i];
		bool		is_same = kept > 0 && opinions[kept - 1].item == review->item;

		if (review->item < 0 || review->at == DT_NOBEGIN || review->at >= before || (is_same && review->at == at))
			continue;
		at = review->at;
		opinions[is_same ? kept - 1 : kept++] = (RecoOpinion) {review->item, review->stars};
	}
	return kept;
}
