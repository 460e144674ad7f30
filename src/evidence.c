/*
 * evidence.c: gathers what a request knows of whoever asks: the basket, the purchases read live, and those that the
 * caller brings along because no source has them.
 */
#include "postgres.h"

#include "evidence.h"

#include "interrupts.h"

/* The basket's bag, in the order of items: a repeated id is a quantity, an unknown one is no evidence. */
RecoEntry *
reco_evidence_basket(const RecoAnswering *a, const RecoVisitor *visitor, int64 *n)
{
	const RecoKeyList *basket = &visitor->basket;
	int32	   *items = palloc_extended(mul_size(Max(basket->n, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
	RecoEntry  *entries = palloc_extended(mul_size(Max(basket->n, 1), sizeof(RecoEntry)), MCXT_ALLOC_HUGE);
	int			known = reco_answering_known_items(a->model, basket, items);
	int			i;
	int			j;

	*n = 0;
	for (i = 0; i < known; i = j)
	{
		for (j = i + 1; j < known && items[j] == items[i]; j++)
			;
		entries[*n].item = items[i];
		entries[(*n)++].weight = reco_lines_entry_weight(j - i);
	}
	return entries;
}

/* Set the basket's bag. */
void
reco_evidence_read_basket(RecoAnswering *a, const RecoVisitor *visitor)
{
	int64		n;
	RecoEntry  *entries = reco_evidence_basket(a, visitor, &n);

	reco_answering_set_basket(a, entries, n);
}

/*
 * The lines of the history: the newest of each source, at most limit, and the caller's, which are as of the request.
 */
RecoHistory *
reco_evidence_read_history(const RecoAnswering *a, const RecoVisitor *visitor, int64 limit)
{
	List	   *sources = visitor->has_user ? a->sources : NIL;
	RecoHistory *history = reco_history_read(&a->reader, sources, a->model, &visitor->user, a->evidence_end, limit);
	int			i;

	for (i = 0; i < visitor->history.n; i++)
	{
		RecoLine	line = {.at = a->as_of,.order = -1,.quantity = 1};

		RECO_CHECK_INTERRUPTS(i);
		line.item = reco_answering_find_item(a->model, &visitor->history.keys[i]);
		if (line.item >= 0)
			reco_history_add(history, &line);
	}
	return history;
}

/* Make the query of the request from the basket, which was read before, and the newest of these lines. */
void
reco_evidence_set(RecoAnswering *a, RecoHistory *history)
{
	RecoEntry  *entries;

	reco_history_cut(history, a->options.history_limit);
	entries = palloc_extended(mul_size(Max(history->n, 1), sizeof(RecoEntry)), MCXT_ALLOC_HUGE);
	if (history->n > 0)
		reco_answering_notice_age(a);
	reco_answering_set_history(a, history->lines, history->n, entries);
	reco_answering_prepare(a);
}
