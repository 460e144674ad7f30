/*
 * goes_with.c: finds what goes with a basket, by complements alone.
 *
 * The score of an item is the sum of what the items of the basket say for it, each item once; what none of them speaks
 * for is not there.  As in a recommendation the basket itself is left out, and what is not available: the shop is asked
 * about items near the top, in rounds, until there are k.
 */
#include "postgres.h"

#include "goes_with.h"

#include "availability.h"
#include "interrupts.h"
#include "miscadmin.h"

#define FIRST_ROUND 64			/* items that the shop is asked about, at least */

static void
check_complements(const RecoAnswering *a)
{
	if (a->model->complements.rows == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the active version of model \"%s\" has no complements", a->row->name),
				 errhint("They are made of orders: train it on orders, with the option complements set to \"approximate\" or \"exact\" "
						 "(reco.alter_model, then reco.train).")));
}

static int
compare_entries(const void *x, const void *y)
{
	const RecoTopEntry *a = x;
	const RecoTopEntry *b = y;

	CHECK_FOR_INTERRUPTS();
	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return (a->item > b->item) - (a->item < b->item);
}

/* All that goes with some items, best first; n of them. */
static RecoTopEntry *
add_up(const RecoModel *model, const int32 *items, int n_items, int *n)
{
	const RecoSparse *complements = &model->complements;
	double	   *scores = palloc_extended(mul_size(Max(model->items, 1), sizeof(double)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	RecoTopEntry *entries;
	int32		item;
	int			i;

	for (i = 0; i < n_items; i++)
	{
		int64		j;

		CHECK_FOR_INTERRUPTS();
		for (j = complements->start[items[i]]; j < complements->start[items[i] + 1]; j++)
			scores[complements->index[j]] += complements->weight[j];
	}
	for (i = 0; i < n_items; i++)
		scores[items[i]] = 0;
	entries = palloc_extended(mul_size(Max(model->items, 1), sizeof(RecoTopEntry)), MCXT_ALLOC_HUGE);
	*n = 0;
	for (item = 0; item < model->items; item++)
	{
		RECO_CHECK_INTERRUPTS(item);
		if (scores[item] > 0)
			entries[(*n)++] = (RecoTopEntry) {item, (float) scores[item]};
	}
	pfree(scores);
	qsort(entries, *n, sizeof(RecoTopEntry), compare_entries);
	return entries;
}

/* The first k of the entries that are available. */
static void
keep_available(const RecoAnswering *a, const RecoTopEntry *entries, int n, int k, RecoAnswer *answer)
{
	bool		live = reco_availability_is_asked(a);
	int			round = Max(FIRST_ROUND, Min(k, n));
	int			first;

	for (first = 0; first < n && answer->n < k; first += round, round = Min(round * 2, n))
	{
		int			count = Min(round, n - first);
		bool	   *available = live ? reco_availability_of(a, entries + first, count) : NULL;
		int			i;

		for (i = 0; i < count && answer->n < k; i++)
			if (available == NULL || available[i])
			{
				answer->rows[answer->n].item = entries[first + i].item;
				answer->rows[answer->n++].score = entries[first + i].score;
			}
	}
}

/*
 * The k items that go best with a basket, of which unknown ones say nothing.  In the current memory context, for which the
 * model stays pinned.  Errors: those of reco_answering_begin, and object_not_in_prerequisite_state for a version without
 * complements.
 */
RecoAnswer *
reco_goes_with(const char *model, bool integer_keys, const RecoKeyList *basket, int k)
{
	RecoAnswering *a = reco_answering_begin(model, integer_keys, GetCurrentTimestamp());
	RecoAnswer *answer = palloc0(sizeof(RecoAnswer));
	int32	   *items = palloc_extended(mul_size(Max(basket->n, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
	RecoTopEntry *entries;
	int			n;

	check_complements(a);
	entries = add_up(a->model, items, reco_answering_distinct_items(a->model, basket, items), &n);
	answer->model = a->model;
	answer->rows = palloc_extended(mul_size(Max(Min(k, n), 1), sizeof(RecoRecommendation)), MCXT_ALLOC_HUGE);
	keep_available(a, entries, n, k, answer);
	return answer;
}
