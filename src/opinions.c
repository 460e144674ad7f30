/*
 * opinions.c: reads the reviews of one customer at the time of a request.
 *
 * They are read in the snapshot of the calling statement, the newest of each source up to history_limit, and of each item
 * the last one counts.  One without stars counts by its words, where the model knows what words say.  A review whose time
 * its source does not tell is older than all others.
 */
#include "postgres.h"

#include "opinions.h"

#include <math.h>

#include "interrupts.h"
#include "sentiment.h"
#include "storage/shmem.h"
#include "texts.h"

#define FIRST_OPINIONS 16

enum
{
	COLUMN_ITEM, COLUMN_AT, COLUMN_STARS, COLUMN_BODY, COLUMN_CONFIGURATION, COLUMNS
};

static const RecoField fields[COLUMNS] = {
	[COLUMN_ITEM] = {RECO_ROLE_ITEM, NULL},
	[COLUMN_AT] = {RECO_ROLE_AT, NULL},
	[COLUMN_STARS] = {RECO_ROLE_STARS, NULL},
	[COLUMN_BODY] = {RECO_ROLE_BODY, NULL},
	[COLUMN_CONFIGURATION] = {RECO_ROLE_CONFIGURATION, NULL}
};

typedef struct DatedOpinion
{
	TimestampTz at;
	RecoOpinion opinion;
	int32		source;			/* its number, where there are those of all customers */
} DatedOpinion;

typedef struct OpinionReader
{
	const RecoModel *model;
	RecoTexts  *texts;			/* NULL: words say nothing */
	DatedOpinion *list;
	int			n;
	int			capacity;
} OpinionReader;

/* Whether a review changes what is recommended to whoever wrote it, in any kind of request. */
bool
reco_opinions_count(const RecoAnswering *a)
{
	int			kind;

	for (kind = 0; kind < RECO_BLENDS && a->model->stars != NULL; kind++)
		if (a->model->parameters[RECO_PARAMETER_STRENGTHS + kind * RECO_STRENGTH_SLOTS + RECO_STRENGTH_STARS] > 0)
			return true;
	return false;
}

/* Stars of a row, NaN where neither they nor words tell. */
static double
read_stars(OpinionReader *reader, const RecoValue *values)
{
	const RecoWording *wording = &reader->model->wording;

	if (!values[COLUMN_STARS].is_null && isfinite((float) values[COLUMN_STARS].number))
		return values[COLUMN_STARS].number;
	if (reader->texts == NULL || !reco_texts_read_row(reader->texts, &values[COLUMN_BODY], &values[COLUMN_CONFIGURATION]))
		return NAN;
	return reco_wording_stars(&wording->curves,
							  reco_wording_score(wording, reader->texts->text.features, reader->texts->text.n));
}

/* What a row says; false where that is nothing, or of an item that the model does not know. */
static bool
read_opinion(OpinionReader *reader, const RecoValue *values, DatedOpinion *dated)
{
	const double *scale = reader->model->stars;
	RecoKey		key = {values[COLUMN_ITEM].integer, values[COLUMN_ITEM].bytes, values[COLUMN_ITEM].length};
	double		stars;

	dated->at = values[COLUMN_AT].is_null ? DT_NOBEGIN : values[COLUMN_AT].integer;
	dated->opinion.item = values[COLUMN_ITEM].is_null ? -1 : reco_answering_find_item(reader->model, &key);
	if (dated->opinion.item < 0 || isnan(stars = read_stars(reader, values)))
		return false;
	stars = (stars - scale[RECO_STARS_LEAST]) / (scale[RECO_STARS_MOST] - scale[RECO_STARS_LEAST]);
	dated->opinion.stars = (float) Min(Max(stars, 0), 1);
	return true;
}

static void
receive_review(void *arg, const RecoValue *values)
{
	OpinionReader *reader = arg;
	DatedOpinion dated = {0};

	if (!read_opinion(reader, values, &dated))
		return;
	if (reader->n == reader->capacity)
	{
		reader->capacity *= 2;
		reader->list = repalloc_huge(reader->list, mul_size(reader->capacity, sizeof(DatedOpinion)));
	}
	reader->list[reader->n++] = dated;
}

/* By item, the newest first, and of one moment that with the fewest stars. */
static int
compare_opinions(const void *a, const void *b)
{
	const DatedOpinion *x = a;
	const DatedOpinion *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->opinion.item != y->opinion.item)
		return x->opinion.item < y->opinion.item ? -1 : 1;
	if (x->at != y->at)
		return x->at > y->at ? -1 : 1;
	return (x->opinion.stars > y->opinion.stars) - (x->opinion.stars < y->opinion.stars);
}

/* Of each item the last one; opinions may be the same memory as list.  Returns how many there are. */
static int64
keep_newest(DatedOpinion *list, int64 n, RecoOpinion *opinions)
{
	int32		item = -1;
	int64		kept = 0;
	int64		i;

	qsort(list, n, sizeof(DatedOpinion), compare_opinions);
	for (i = 0; i < n; i++)
	{
		RecoOpinion opinion = list[i].opinion;

		if (opinion.item != item)
			opinions[kept++] = opinion;
		item = opinion.item;
	}
	return kept;
}

/*
 * What a customer thinks of items that the model knows, in their order, in the current memory context: of the newest
 * reviews of each source before the request, at most history_limit.  There are none where the model has no stars.
 */
RecoOpinion *
reco_opinions_read(const RecoAnswering *a, const RecoKey *user, int *n)
{
	OpinionReader reader = {.model = a->model,.capacity = FIRST_OPINIONS};
	RecoOpinion *opinions;
	ListCell   *cell;

	*n = 0;
	if (a->model->stars == NULL)
		return NULL;
	reader.list = palloc(FIRST_OPINIONS * sizeof(DatedOpinion));
	if (a->model->wording.weights != NULL)
		reader.texts = reco_texts_create();
	foreach(cell, a->sources)
	{
		const RecoSource *source = lfirst(cell);

		if (source->kind == RECO_SOURCE_REVIEWS)
			(void) reco_sources_read_customer(&a->reader, source, fields, reader.texts != NULL ? COLUMNS : COLUMN_BODY, user,
											  a->evidence_end, a->options.history_limit, receive_review, &reader);
	}
	opinions = palloc_extended(mul_size(Max(reader.n, 1), sizeof(RecoOpinion)), MCXT_ALLOC_HUGE);
	*n = (int) keep_newest(reader.list, reader.n, opinions);
	return opinions;
}

/* --- of all customers -------------------------------------------------------------------------------------- */

typedef struct AllReader
{
	OpinionReader reader;
	const RecoIdMap *users;
	RecoRaggedBuilder *builder;
	TimestampTz before;
	int64		limit;
	int32		source;			/* that is being read */
	int			user_column;
	bool		has_time;
} AllReader;

/* A request's limit counts those too that say nothing. */
static void
receive_any_review(void *arg, const RecoValue *values)
{
	AllReader  *all = arg;
	const RecoValue *key = &values[all->user_column];
	DatedOpinion dated = {.source = all->source};
	int32		user = key->is_null ? -1 : reco_idmap_find(all->users, key);

	if (user < 0 || (all->has_time && (values[COLUMN_AT].is_null || values[COLUMN_AT].integer >= all->before)))
		return;
	if (!read_opinion(&all->reader, values, &dated))
		dated.opinion.item = -1;
	*(DatedOpinion *) reco_ragged_add(all->builder, user) = dated;
}

static int
compare_by_source(const void *a, const void *b)
{
	const DatedOpinion *x = a;
	const DatedOpinion *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	if (x->at != y->at)
		return x->at > y->at ? -1 : 1;
	return (x->opinion.item > y->opinion.item) - (x->opinion.item < y->opinion.item);
}

/* Of a customer the newest of each source, and of those what a request would have made of them. */
static int64
make_opinions(void *arg, void *elements, int64 n, void *out)
{
	const AllReader *all = arg;
	DatedOpinion *list = elements;
	int64		in_source = 0;
	int64		kept = 0;
	int64		i;

	if (n > all->limit)
		qsort(list, n, sizeof(DatedOpinion), compare_by_source);
	for (i = 0; i < n; i++)
	{
		in_source = i > 0 && list[i].source == list[i - 1].source ? in_source + 1 : 1;
		if (in_source <= all->limit && list[i].opinion.item >= 0)
			list[kept++] = list[i];
	}
	return keep_newest(list, kept, out);
}

/*
 * The same of some customers, by their numbers in users; of reviews of one moment the order is that of the model's items.
 * From the budget.  Errors: configuration_limit_exceeded, and what reading raises.
 */
RecoRagged
reco_opinions_read_all(const RecoAnswering *a, const RecoIdMap *users, RecoBudget *budget)
{
	AllReader	all = {.reader = {.model = a->model},.users = users,.before = a->evidence_end,.limit = a->options.history_limit};
	RecoRagged	opinions;
	ListCell   *cell;

	if (a->model->wording.weights != NULL)
		all.reader.texts = reco_texts_create();
	all.builder = reco_ragged_begin(budget, sizeof(DatedOpinion), "reviews");
	all.user_column = all.reader.texts != NULL ? COLUMNS : COLUMN_BODY;
	foreach(cell, a->sources)
	{
		const RecoSource *source = lfirst(cell);
		RecoField	all_fields[COLUMNS + 1];

		if (source->kind != RECO_SOURCE_REVIEWS)
			continue;
		memcpy(all_fields, fields, sizeof(fields));
		all_fields[all.user_column] = (RecoField) {RECO_ROLE_USER, NULL};
		all.has_time = reco_definitions_column(source, RECO_ROLE_AT) != NULL;
		(void) reco_sources_read_all(&a->reader, source, all_fields, all.user_column + 1, receive_any_review, &all);
		all.source++;
	}
	opinions = reco_ragged_end(all.builder, reco_idmap_count(users));
	reco_ragged_remake(&opinions, sizeof(RecoOpinion), make_opinions, &all);
	return opinions;
}

/*
 * By how much the stars that a customer gives are above those expected of others, in parts of the scale: the fewer he gave,
 * the closer to 0.
 */
double
reco_opinions_customer(const RecoModel *model, const RecoOpinion *opinions, int n)
{
	double		scale = model->stars[RECO_STARS_MOST] - model->stars[RECO_STARS_LEAST];
	double		mean = (model->stars[RECO_STARS_MEAN] - model->stars[RECO_STARS_LEAST]) / scale;
	double		sum = 0;
	int			i;

	for (i = 0; i < n; i++)
		sum += opinions[i].stars - mean - model->sentiment[opinions[i].item];
	return sum / (n + RECO_SENTIMENT_CUSTOMER_SHRINKAGE);
}
