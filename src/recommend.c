/*
 * recommend.c: answers a request.
 *
 *	1. make the model ready, with the caller's rights checked in the caller's snapshot (answering.c);
 *	2. read the evidence: the basket that came with the request and the customer's newest lines, live;
 *	3. fold each bag in with its own lambda, and add the two vectors up;
 *	4. scan all items, or the candidates, leaving out what must not come back; what the shop's available expression
 *	   refuses is left out too, asking it only about the items at the top, until k are found;
 *	5. let offers count (offers.c), and put the best of them into another order where one is asked for (rerank.c);
 *	6. say for each row which evidence weighs most.
 *
 * Where nothing is known, popularity answers.
 */
#include "postgres.h"

#include "recommend.h"

#include "availability.h"
#include "interrupts.h"
#include "offers.h"
#include "rerank.h"

/* Items whose availability is asked in one query, beyond those wanted. */
#define AVAILABILITY_SLACK 16

typedef struct Request
{
	const RecoRequest *request;
	RecoAnswering *a;
	uint64	   *skip;			/* bitmap of items that must not come back */
	RecoUsual	usual;			/* what the customer usually takes; only with a value_weight */
} Request;

/* --- the evidence ------------------------------------------------------------------------------------------ */

static void
skip_item(Request *r, int32 item)
{
	if (item >= 0)
		r->skip[item / 64] |= UINT64CONST(1) << (item % 64);
}

static void
skip_keys(Request *r, const RecoKeyList *list)
{
	int			i;

	for (i = 0; i < list->n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		skip_item(r, reco_answering_find_item(r->a->model, &list->keys[i]));
	}
}

static void
skip_purchased(Request *r, const RecoHistory *history)
{
	int64		i;

	for (i = 0; i < history->n; i++)
		if (history->lines[i].quantity > 0)
			skip_item(r, history->lines[i].item);
}

/* The bitmap of what must not come back. */
static void
begin_skipping(Request *r, const uint64 *unavailable)
{
	const RecoVisitor *visitor = &r->request->visitor;
	Size		bytes = mul_size((Size) r->a->model->items / 64 + 1, sizeof(uint64));

	r->skip = palloc0(bytes);
	if (unavailable != NULL)
		memcpy(r->skip, unavailable, bytes);
	skip_keys(r, &visitor->basket);
	skip_keys(r, &r->request->exclude);
}

static void
ask(Request *r, RecoHistory *history, RecoEvidence *evidence)
{
	if (r->request->exclude_purchased)
		skip_purchased(r, history);
	if (r->request->value_weight > 0)
		reco_usual_make(r->a->model, history->lines, history->n - history->n_told, &r->usual);
	reco_evidence_ask(r->a, history, evidence);
}

/* --- the answer -------------------------------------------------------------------------------------------- */

static int
drop_skipped(const Request *r, int32 *items, int n)
{
	int			kept = 0;
	int			i;

	for (i = 0; i < n; i++)
		if (((r->skip[items[i] / 64] >> (items[i] % 64)) & 1) == 0)
			items[kept++] = items[i];
	return kept;
}

/* The best items that are not skipped, at most as many as wanted; candidates that are skipped are dropped for good. */
static int
scan(const Request *r, int32 *candidates, int *n_candidates, int wanted, RecoTopEntry *top)
{
	const RecoAnswering *a = r->a;
	const RecoModel *model = a->model;
	RecoTopQuery query = reco_scoring_query(&a->mix, r->skip, wanted, top);
	RecoStatus	status;

	if (candidates != NULL)
	{
		*n_candidates = drop_skipped(r, candidates, *n_candidates);
		status = reco_topk_list(&a->run, model->y, model->items, model->factors, &query, candidates, *n_candidates);
	}
	else
		status = reco_topk_scan(&a->run, model->y, model->items, model->factors, model->screen, &query, 1);
	reco_foldin_check_status(status, "scan");
	return query.found;
}

/*
 * The best that the filters leave, at most as many as wanted.  The order of items is total, so that scanning again without
 * those already seen goes on where the scan before ended; each round asks the shop about a few more, until enough are
 * available or none are left.
 */
static int
find_best(Request *r, int depth, RecoTopEntry *best)
{
	bool		live = reco_availability_is_asked(r->a);
	int32	   *candidates = NULL;
	int			n_candidates = 0;
	int			most = r->a->model->items;
	int			slack = AVAILABILITY_SLACK;
	int			n = 0;

	if (r->request->candidates.given)
	{
		candidates = palloc_extended(mul_size(Max(r->request->candidates.n, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
		most = n_candidates = reco_answering_distinct_items(r->a->model, &r->request->candidates, candidates);
	}
	while (n < depth)
	{
		int			wanted = Min(depth - n + (live ? slack : 0), Max(most, 1));
		RecoTopEntry *top = palloc_extended(mul_size(wanted, sizeof(RecoTopEntry)), MCXT_ALLOC_HUGE);
		int			found = scan(r, candidates, &n_candidates, wanted, top);
		bool	   *available = live ? reco_availability_of(r->a, top, found) : NULL;
		int			i;

		for (i = 0; i < found; i++)
		{
			skip_item(r, top[i].item);
			if (n < depth && (available == NULL || available[i]))
				best[n++] = top[i];
		}
		if (found < wanted || !live)
			break;
		slack = Min(slack * 4, PG_INT32_MAX / 8);
		CHECK_FOR_INTERRUPTS();
	}
	return n;
}

/* Fill the answer: of the best, put into the order that is asked for, as many as are wanted. */
static void
rank_items(Request *r, RecoAnswer *answer)
{
	double		weight = r->request->value_weight;
	int			depth = Min(reco_rerank_depth(r->request->k, weight), Max(r->a->model->items, 1));
	RecoTopEntry *best = palloc_extended(mul_size(depth, sizeof(RecoTopEntry)), MCXT_ALLOC_HUGE);
	RecoPool	pool = reco_rerank_pool(r->a, best, find_best(r, depth, best));
	int			i;

	if (!r->request->unpriced)
		reco_rerank_order(r->a, &r->usual, weight, &pool);
	answer->n = Min(pool.n, r->request->k);
	answer->rows = palloc_extended(mul_size(Max(answer->n, 1), sizeof(RecoRecommendation)), MCXT_ALLOC_HUGE);
	for (i = 0; i < answer->n; i++)
		answer->rows[i] = reco_rerank_row(r->a, &pool.items[i]);
}

/*
 * The answer to a request by a model that was made ready for it, in the current memory context.  Errors: what reading the
 * sources raises.
 */
RecoAnswer *
reco_recommend_by(RecoAnswering *a, const RecoRequest *request)
{
	RecoAnswer *answer = palloc0(sizeof(RecoAnswer));
	Request		r = {.request = request,.a = a};
	RecoVisitor visitor = request->visitor;
	RecoEvidence evidence;
	RecoHistory *history;

	answer->model = a->model;
	begin_skipping(&r, NULL);
	if (!request->unpriced)
		a->offers = reco_offers_begin(a, &request->visitor);
	if (request->value_weight > 0)
		visitor.amounts = reco_rerank_begin(a);
	history = reco_evidence_read(a, &visitor, request->exclude_purchased ? PG_INT64_MAX : a->options.history_limit,
								 &evidence);
	ask(&r, history, &evidence);
	rank_items(&r, answer);
	return answer;
}

/*
 * The answer to a request, in the current memory context, for which the model stays pinned.  Errors: those of
 * reco_answering_begin, and what reading the sources raises.
 */
RecoAnswer *
reco_recommend(const RecoRequest *request)
{
	return reco_recommend_by(reco_answering_begin(request->model, request->integer_keys, request->as_of), request);
}

/*
 * The same for a model that was made ready by reco_answering_create, whose options are set: its customer's lines before
 * as_of are at hand (where an order by value is asked for, with what they came to), so is all other evidence but the basket,
 * and so is what the shop does not have (a bitmap, or NULL), and what pieces bring.
 */
RecoAnswer *
reco_recommend_from(RecoAnswering *a, const RecoRequest *request, RecoHistory *history, RecoEvidence *evidence,
					const uint64 *unavailable)
{
	RecoAnswer *answer = palloc0(sizeof(RecoAnswer));
	Request		r = {.request = request,.a = a};

	a->as_of = request->as_of;
	answer->model = a->model;
	begin_skipping(&r, unavailable);
	reco_evidence_set_basket(a, &request->visitor.basket, evidence);
	ask(&r, history, evidence);
	rank_items(&r, answer);
	return answer;
}
