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

static void
receive_review(void *arg, const RecoValue *values)
{
	OpinionReader *reader = arg;
	const double *scale = reader->model->stars;
	DatedOpinion *added;
	RecoKey		key = {values[COLUMN_ITEM].integer, values[COLUMN_ITEM].bytes, values[COLUMN_ITEM].length};
	int32		item = values[COLUMN_ITEM].is_null ? -1 : reco_answering_find_item(reader->model, &key);
	double		stars;

	if (item < 0 || isnan(stars = read_stars(reader, values)))
		return;
	if (reader->n == reader->capacity)
	{
		reader->capacity *= 2;
		reader->list = repalloc_huge(reader->list, mul_size(reader->capacity, sizeof(DatedOpinion)));
	}
	added = &reader->list[reader->n++];
	added->at = values[COLUMN_AT].is_null ? DT_NOBEGIN : values[COLUMN_AT].integer;
	added->opinion.item = item;
	stars = (stars - scale[RECO_STARS_LEAST]) / (scale[RECO_STARS_MOST] - scale[RECO_STARS_LEAST]);
	added->opinion.stars = (float) Min(Max(stars, 0), 1);
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

static RecoOpinion *
keep_newest(OpinionReader *reader, int *n)
{
	RecoOpinion *opinions = palloc_extended(mul_size(Max(reader->n, 1), sizeof(RecoOpinion)), MCXT_ALLOC_HUGE);
	int			i;

	qsort(reader->list, reader->n, sizeof(DatedOpinion), compare_opinions);
	*n = 0;
	for (i = 0; i < reader->n; i++)
		if (i == 0 || reader->list[i - 1].opinion.item != reader->list[i].opinion.item)
			opinions[(*n)++] = reader->list[i].opinion;
	return opinions;
}

/*
 * What a customer thinks of items that the model knows, in their order, in the current memory context: of the newest
 * reviews of each source before the request, at most history_limit.  There are none where the model has no stars.
 */
RecoOpinion *
reco_opinions_read(const RecoAnswering *a, const RecoKey *user, int *n)
{
	OpinionReader reader = {.model = a->model,.capacity = FIRST_OPINIONS};
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
	return keep_newest(&reader, n);
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
