/*
 * recommend.c: answers a request.
 *
 *	1. make the model ready, with the caller's rights checked in the caller's snapshot (answering.c);
 *	2. read the evidence: the basket that came with the request and the customer's newest lines, live;
 *	3. fold each bag in with its own lambda, and add the two vectors up;
 *	4. scan all items, or the candidates, leaving out what must not come back; what the shop's available expression
 *	   refuses is left out too, asking it only about the items at the top, until k are found (search.c);
 *	5. let offers count (offers.c), and put the best of them into another order where one is asked for (rerank.c), or by rules into a list (shelf.c);
 *	6. say for each row which evidence weighs most.
 *
 * Where nothing is known, popularity answers.
 */
#include "postgres.h"

#include "recommend.h"

#include "availability.h"
#include "interrupts.h"
#include "offers.h"
#include "miscadmin.h"
#include "rerank.h"
#include "search.h"
#include "shelf.h"

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

static RecoSearch
begin_search(const Request *r)
{
	RecoSearch	search = {.a = r->a,.skip = r->skip,.live = reco_availability_is_asked(r->a)};
	const RecoKeyList *candidates = &r->request->candidates;

	if (candidates->given)
	{
		search.candidates = palloc_extended(mul_size(Max(candidates->n, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
		search.n_candidates = reco_answering_distinct_items(r->a->model, candidates, search.candidates);
	}
	return search;
}

/* Fill the answer: of the best, put into the order that is asked for, as many as are wanted. */
static void
rank_items(Request *r, RecoAnswer *answer)
{
	double		weight = r->request->value_weight;
	int			depth = Min(reco_rerank_depth(r->request->k, weight), Max(r->a->model->items, 1));
	RecoTopEntry *best = palloc_extended(mul_size(depth, sizeof(RecoTopEntry)), MCXT_ALLOC_HUGE);
	RecoSearch	search = begin_search(r);
	RecoPool	pool = reco_rerank_pool(r->a, best, reco_search_next(&search, depth, best, NULL));
	int			i;

	if (!r->request->unpriced)
		reco_rerank_order(r->a, &r->usual, weight, &pool);
	answer->n = Min(pool.n, r->request->k);
	answer->rows = palloc_extended(mul_size(Max(answer->n, 1), sizeof(RecoRecommendation)), MCXT_ALLOC_HUGE);
	for (i = 0; i < answer->n; i++)
		answer->rows[i] = reco_rerank_row(r->a, &pool.items[i]);
}

/* Whether all lines of the history are read, and not the newest alone. */
static bool
needs_all_lines(const RecoRequest *request)
{
	return request->exclude_purchased || (request->rules != NULL && request->rules->pause != NULL);
}

/* The evidence, and the rows by what is scored then; a pause looks at lines before they become evidence. */
static void
answer_by_rules(Request *r, RecoHistory *history, RecoEvidence *evidence, RecoAnswer *answer)
{
	const RecoRequest *request = r->request;
	RecoBudget *budget = reco_budget_create(CurrentMemoryContext, "recommend", (Size) maintenance_work_mem * 1024);
	RecoShelf  *shelf = reco_shelf_create(r->a, request->rules, request->k, request->value_weight,
										  reco_availability_is_asked(r->a), budget);
	RecoShelfRequest wanted = {request->k, request->value_weight, &r->usual, {0}};
	RecoSearch	search;

	wanted.paused = reco_shelf_paused(shelf, r->a->model, history->lines, history->n);
	ask(r, history, evidence);
	search = begin_search(r);
	answer->rules = request->rules;
	answer->rows = palloc_extended(mul_size(Max(Min(request->k, r->a->model->items), 1), sizeof(RecoRecommendation)), MCXT_ALLOC_HUGE);
	answer->n = reco_shelf_fill(shelf, &search, &wanted, answer->rows);
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
	history = reco_evidence_read(a, &visitor, needs_all_lines(request) ? PG_INT64_MAX : a->options.history_limit,
								 &evidence);
	if (request->rules != NULL)
		answer_by_rules(&r, history, &evidence, answer);
	else
	{
		ask(&r, history, &evidence);
		rank_items(&r, answer);
	}
	return answer;
}

/*
 * The rules of requests to a model that was made ready: its standing ones, under those that came with the request (or NULL).
 * NULL where there are none.  Errors: those of reco_rules_read.
 */
RecoRules *
reco_recommend_rules(const RecoAnswering *a, const Jsonb *given)
{
	if (a->row->rules == NULL && given == NULL)
		return NULL;
	return reco_rules_read(a->row->rules, given, a->model->integer_keys ? RECO_RULE_KEYS_INTEGER : RECO_RULE_KEYS_TEXT);
}

/*
 * The answer to a request, in the current memory context, for which the model stays pinned, by its standing rules and those
 * given (or NULL).  Errors: those of reco_answering_begin and of rules, and what reading the sources raises.
 */
RecoAnswer *
reco_recommend(const RecoRequest *request, const Jsonb *rules)
{
	RecoAnswering *a = reco_answering_begin(request->model, request->integer_keys, request->as_of);
	RecoRequest by_rules = *request;

	by_rules.rules = reco_recommend_rules(a, rules);
	return reco_recommend_by(a, &by_rules);
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
