/*
 * evidence.c: gathers what a request knows of whoever asks: the basket, the purchases read live, and those that the
 * caller brings along because no source has them.
 */
#include "postgres.h"

#include "evidence.h"

#include "interrupts.h"

/* The basket's bag, in the order of items: a repeated id is a quantity, an unknown one is no evidence. */
void
reco_evidence_set_basket(const RecoAnswering *a, const RecoKeyList *basket, RecoEvidence *evidence)
{
	int32	   *items = palloc_extended(mul_size(Max(basket->n, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
	RecoEntry  *entries = palloc_extended(mul_size(Max(basket->n, 1), sizeof(RecoEntry)), MCXT_ALLOC_HUGE);
	int			known = reco_answering_known_items(a->model, basket, items);
	int64		n = 0;
	int			i;
	int			j;

	for (i = 0; i < known; i = j)
	{
		for (j = i + 1; j < known && items[j] == items[i]; j++)
			;
		entries[n].item = items[i];
		entries[n++].weight = reco_lines_entry_weight(j - i);
	}
	evidence->basket = entries;
	evidence->n_basket = n;
}

/* The lines of the history: the newest of each source, at most limit, and the caller's, which are as of the request. */
static RecoHistory *
read_history(const RecoAnswering *a, const RecoVisitor *visitor, int64 limit)
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

/*
 * All that is known of whoever asks, in the current memory context.  Of his lines, which are returned, at most limit of
 * each source: they are evidence only when it is asked, since more may have been read than count.
 */
RecoHistory *
reco_evidence_read(const RecoAnswering *a, const RecoVisitor *visitor, int64 limit, RecoEvidence *evidence)
{
	reco_asking_clear(evidence, a->as_of);
	reco_evidence_set_basket(a, &visitor->basket, evidence);
	return read_history(a, visitor, limit);
}

/* Make the query of the request from what was read, of the lines the newest, as many as count. */
void
reco_evidence_ask(RecoAnswering *a, RecoHistory *history, RecoEvidence *evidence)
{
	reco_history_cut(history, a->options.history_limit);
	evidence->lines = history->lines;
	evidence->n_lines = history->n;
	evidence->contexts = (const int32 (*)[RECO_MAX_CONTEXTS]) history->contexts;
	evidence->n_contexts = history->n_contexts;
	if (history->n > 0)
		reco_answering_notice_age(a, reco_asking_kind(evidence));
	reco_answering_ask(a, evidence);
}
