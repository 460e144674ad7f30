/*
 * predict.c: scores items that the caller names, in his order, to rank a list of his own.
 *
 * Evidence and scores are those of recommend.c, to the bit; but nothing is left out, neither what is in the basket nor
 * what is not available.
 */
#include "postgres.h"

#include "predict.h"

#include <math.h>

#include "interrupts.h"
#include "opinions.h"

/* The score of an item among entries that are in the order of items, NaN where it is not among them. */
static double
find_score(const RecoTopEntry *entries, int n, int32 item)
{
	int			first = 0;
	int			last = n - 1;

	while (first < last)
	{
		int			middle = first + (last - first) / 2;

		if (entries[middle].item < item)
			first = middle + 1;
		else
			last = middle;
	}
	return n > 0 && entries[first].item == item ? entries[first].score : NAN;
}

static int
compare_entries(const void *a, const void *b)
{
	int32		x = ((const RecoTopEntry *) a)->item;
	int32		y = ((const RecoTopEntry *) b)->item;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/* All given items that the model knows, each once, with their scores; in the order of items. */
static RecoTopEntry *
score_items(const RecoAnswering *a, const RecoKeyList *list, int *n)
{
	const RecoModel *model = a->model;
	int32	   *items = palloc_extended(mul_size(Max(list->n, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
	int			known = reco_answering_distinct_items(model, list, items);
	RecoTopEntry *entries = palloc_extended(mul_size(Max(known, 1), sizeof(RecoTopEntry)), MCXT_ALLOC_HUGE);

	RecoTopQuery query = reco_scoring_query(&a->mix, NULL, known, entries);

	reco_foldin_check_status(reco_topk_list(&a->run, model->y, model->items, model->factors, &query, items, known), "scan");
	*n = query.found;
	qsort(entries, *n, sizeof(RecoTopEntry), compare_entries);
	return entries;
}

/*
 * The stars that are expected of a review of an item, within the scale: the mean, what is expected of the item, and of the
 * customer (the biases of Koren et al. 2009, equation 4, shrunk).
 */
static double
expect_stars(const RecoModel *model, int32 item, double customer)
{
	const double *stars = model->stars;
	double		scale;

	if (stars == NULL || item < 0)
		return NAN;
	scale = stars[RECO_STARS_MOST] - stars[RECO_STARS_LEAST];
	return Min(Max(stars[RECO_STARS_MEAN] + scale * (model->sentiment[item] + customer), stars[RECO_STARS_LEAST]),
			   stars[RECO_STARS_MOST]);
}

/*
 * The predictions for request->items, one each in their order, in the current memory context.  Errors: those of
 * reco_answering_begin, and what reading the sources raises.
 */
RecoPrediction *
reco_predict(const RecoPredictionRequest *request)
{
	RecoAnswering *a = reco_answering_begin(request->model, request->integer_keys, request->as_of);
	RecoPrediction *predictions = palloc_extended(mul_size(Max(request->items.n, 1), sizeof(RecoPrediction)), MCXT_ALLOC_HUGE);
	RecoEvidence evidence;
	RecoHistory *history = reco_evidence_read(a, &request->visitor, a->options.history_limit, &evidence);
	double		customer = 0;
	RecoTopEntry *entries;
	int			n;
	int			i;

	reco_evidence_ask(a, history, &evidence);
	if (a->model->stars != NULL)
		customer = reco_opinions_customer(a->model, evidence.opinions, evidence.n_opinions);
	entries = score_items(a, &request->items, &n);
	for (i = 0; i < request->items.n; i++)
	{
		int32		item = reco_answering_find_item(a->model, &request->items.keys[i]);

		RECO_CHECK_INTERRUPTS(i);
		predictions[i].score = find_score(entries, n, item);
		predictions[i].probability = isnan(predictions[i].score) ? NAN
			: reco_answering_probability(a, item, predictions[i].score);
		predictions[i].stars = expect_stars(a->model, item, customer);
	}
	return predictions;
}
