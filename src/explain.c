/*
 * explain.c: takes a score apart into what each piece of evidence contributes to it.
 *
 * A score is a weighted sum of components, and many of these are sums over the entries of a bag: of a fold-in by Hu, Koren
 * and Volinsky 2008, section 5, of the others as they are defined.  So contributions add up to the score, but for
 * rounding: the fold-in of a request is solved to 1e-7, and scores are floats.
 *
 * Bags are made again of the same evidence as for the score; what they name was brought by who asks, or was bought or looked
 * at by the customer himself, or is an attribute of his.  What friends bought is one sum, without a name.
 */
#include "postgres.h"

#include "explain.h"

#include "miscadmin.h"

#define FIRST_ROWS 64

/* A request being explained. */
typedef struct Explaining
{
	RecoAnswering *a;
	int32		item;
	RecoExplanation *explanation;
	int64		room;			/* rows */
} Explaining;

static void
add(Explaining *x, RecoContribution row)
{
	RecoExplanation *explanation = x->explanation;

	row.contribution *= x->a->mix.weights[row.component];
	if (row.contribution == 0)
		return;
	if (explanation->n == x->room)
	{
		x->room *= 2;
		explanation->rows = repalloc_huge(explanation->rows, mul_size(x->room, sizeof(RecoContribution)));
	}
	explanation->rows[explanation->n++] = row;
}

static void
add_item(Explaining *x, RecoComponent component, int32 item, double value)
{
	add(x, (RecoContribution) {.component = component,.evidence = item,.label = -1,.contribution = value});
}

/* What the entries of a component's bag contribute: those from n_own on, which friends bought, together. */
static void
explain_bag(Explaining *x, RecoComponent component, const RecoEntry *entries, int64 n_own, int64 n, double lambda)
{
	RecoContribution friends = {.component = component,.is_friends = true,.evidence = -1,.label = -1};
	double	   *values = palloc_extended(mul_size(Max(n, 1), sizeof(double)), MCXT_ALLOC_HUGE);
	int64		i;

	if (x->a->mix.weights[component] == 0)
		return;
	reco_scoring_explain(x->a->scoring, component, entries, n, lambda, x->item, values);
	for (i = 0; i < n_own; i++)
		add_item(x, component, entries[i].item, values[i]);
	for (; i < n; i++)
		friends.contribution += values[i];
	add(x, friends);
}

/* What the labels of a component contribute. */
static void
explain_labels(Explaining *x, RecoComponent component, const int32 *labels, int n)
{
	double	   *values = palloc(mul_size(Max(n, 1), sizeof(double)));
	int			i;

	if (x->a->mix.weights[component] == 0)
		return;
	reco_scoring_explain_labels(x->a->scoring, component, labels, n, x->item, values);
	for (i = 0; i < n; i++)
		add(x, (RecoContribution) {.component = component,.evidence = -1,.label = labels[i],.contribution = values[i]});
}

/* A component that is not taken apart. */
static void
explain_whole(Explaining *x, RecoComponent component, int32 evidence)
{
	if (x->a->mix.weights[component] != 0)
		add_item(x, component, evidence, reco_scoring_value(x->a->scoring, &x->a->scores, component, x->item));
}

static void
explain_all(Explaining *x)
{
	const RecoEvidence *evidence = &x->a->evidence;
	const RecoSettings *settings = &x->a->settings;
	int64		n_own;
	int64		n;
	RecoEntry  *entries = reco_asking_basket_bag(x->a->scoring, evidence, settings, &n);
	int			c;

	explain_bag(x, RECO_COMPONENT_BASKET, entries, n, n, settings->basket_lambda);
	explain_bag(x, RECO_COMPONENT_COMPLEMENTS, entries, n, n, 0);
	explain_bag(x, RECO_COMPONENT_MATCH, entries, n, n, 0);
	entries = reco_asking_history_bag(evidence, settings, &n_own, &n);
	explain_bag(x, RECO_COMPONENT_HISTORY, entries, n_own, n, settings->history_lambda);
	explain_bag(x, RECO_COMPONENT_FOLLOWUPS, entries, n_own, n_own, 0);
	explain_bag(x, RECO_COMPONENT_AFFINITY, entries, n_own, n_own, 0);
	explain_whole(x, RECO_COMPONENT_EVERYBODY, -1);
	explain_labels(x, RECO_COMPONENT_PRIOR, evidence->labels, evidence->n_labels);
	explain_labels(x, RECO_COMPONENT_SEGMENT, evidence->labels, evidence->n_labels);
	explain_labels(x, RECO_COMPONENT_CONTEXT, evidence->context, RECO_MAX_CONTEXTS);
	explain_whole(x, RECO_COMPONENT_REPEATS, x->item);
	explain_whole(x, RECO_COMPONENT_VIEWED, x->item);
	for (c = RECO_FIRST_BIAS; c < RECO_COMPONENTS; c++)
		explain_whole(x, (RecoComponent) c, -1);
}

static int
compare_rows(const void *p, const void *q)
{
	const RecoContribution *x = p;
	const RecoContribution *y = q;

	CHECK_FOR_INTERRUPTS();
	if (x->contribution != y->contribution)
		return x->contribution > y->contribution ? -1 : 1;
	if (x->component != y->component)
		return x->component < y->component ? -1 : 1;
	if (x->evidence != y->evidence)
		return x->evidence < y->evidence ? -1 : 1;
	return (x->label > y->label) - (x->label < y->label);
}

/*
 * What the score of an item for a request is the sum of, without what contributes nothing; where nothing is known, its
 * popularity alone.  No rows for an item that the model does not know.  In the current memory context, for which the model
 * stays pinned.  Errors: those of reco_answering_begin, insufficient_privilege for who may recommend but not explain, and
 * what reading the sources raises.
 */
RecoExplanation *
reco_explain(const RecoExplanationRequest *request)
{
	Explaining	x = {.a = reco_answering_begin(request->model, request->integer_keys, request->as_of),.room = FIRST_ROWS};
	RecoEvidence evidence;
	RecoHistory *history;

	reco_catalog_require(x.a->row, RECO_ACCESS_EXPLAIN);
	x.item = reco_answering_find_item(x.a->model, &request->item);
	x.explanation = palloc0(sizeof(RecoExplanation));
	x.explanation->model = x.a->model;
	x.explanation->rows = palloc(FIRST_ROWS * sizeof(RecoContribution));
	if (x.item < 0)
		return x.explanation;
	history = reco_evidence_read(x.a, &request->visitor, x.a->options.history_limit, &evidence);
	reco_evidence_ask(x.a, history, &evidence);
	explain_all(&x);
	qsort(x.explanation->rows, x.explanation->n, sizeof(RecoContribution), compare_rows);
	return x.explanation;
}
