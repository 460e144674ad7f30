/*
 * explain.c: takes a score apart into what each piece of evidence contributes to it.
 *
 * A score is a weighted sum of components, and each component but the trend is a sum over the entries of a bag: of a
 * fold-in by Hu, Koren and Volinsky 2008, section 5, of the others as they are defined.  So contributions add up to the
 * score, but for rounding: the fold-in of a request is solved to 1e-7, and scores are floats.
 *
 * Bags are made again of the same basket and the same lines as for the score; what they name is in one of the two, and so
 * known to who brought it, or was bought by the customer himself.
 */
#include "postgres.h"

#include "explain.h"

#include "miscadmin.h"

/* A request being explained. */
typedef struct Explaining
{
	RecoAnswering *a;
	int32		item;
	RecoEntry  *basket;
	int64		n_basket;
	RecoHistory *history;
	RecoEntry  *entries;		/* of the bag at hand, where it is not the basket's */
	double	   *contributions;	/* of them */
	RecoExplanation *explanation;
} Explaining;

const char *
reco_explain_component_name(int component)
{
	return component == RECO_EXPLAIN_POPULAR ? reco_answering_source_name(RECO_ANSWER_POPULAR)
		: reco_component_name((RecoComponent) component);
}

static void
add_row(RecoExplanation *explanation, int component, int32 evidence, double contribution)
{
	explanation->rows[explanation->n++] = (RecoContribution) {component, evidence, contribution};
}

/* What the entries of a component's bag contribute. */
static void
explain_bag(Explaining *x, RecoComponent component)
{
	RecoAnswering *a = x->a;
	bool		of_basket = component == RECO_COMPONENT_BASKET || component == RECO_COMPONENT_COMPLEMENTS;
	const RecoEntry *entries = of_basket ? x->basket : x->entries;
	int64		n = of_basket ? x->n_basket
		: reco_answering_history_bag(a, component, x->history->lines, x->history->n, x->entries);
	double		lambda = reco_answering_lambda(a, component);
	int64		i;

	reco_scoring_explain(a->scoring, component, entries, n, lambda, x->item, x->contributions);
	for (i = 0; i < n; i++)
	{
		double		contribution = a->mix.weights[component] * x->contributions[i];

		if (contribution != 0)
			add_row(x->explanation, component, entries[i].item, contribution);
	}
}

static void
explain_trend(Explaining *x)
{
	double		contribution = x->a->mix.weights[RECO_COMPONENT_TREND] *
		reco_scoring_value(x->a->scoring, &x->a->scores, RECO_COMPONENT_TREND, x->item);

	if (contribution != 0)
		add_row(x->explanation, RECO_COMPONENT_TREND, -1, contribution);
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
	return (x->evidence > y->evidence) - (x->evidence < y->evidence);
}

/* Basket and history, and the weights that they are given. */
static void
read_evidence(Explaining *x, const RecoVisitor *visitor)
{
	Size		most;

	x->basket = reco_evidence_basket(x->a, visitor, &x->n_basket);
	reco_answering_set_basket(x->a, x->basket, x->n_basket);
	x->history = reco_evidence_read_history(x->a, visitor, x->a->options.history_limit);
	reco_evidence_set(x->a, x->history);
	most = Max(Max(x->history->n, x->n_basket), 1);
	x->entries = palloc_extended(mul_size(most, sizeof(RecoEntry)), MCXT_ALLOC_HUGE);
	x->contributions = palloc_extended(mul_size(most, sizeof(double)), MCXT_ALLOC_HUGE);
	x->explanation->rows = palloc_extended(mul_size(most, RECO_COMPONENTS * sizeof(RecoContribution)), MCXT_ALLOC_HUGE);
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
	Explaining	x = {.a = reco_answering_begin(request->model, request->integer_keys, request->as_of)};
	int			c;

	reco_catalog_require(x.a->row, RECO_ACCESS_EXPLAIN);
	x.item = reco_answering_find_item(x.a->model, &request->item);
	x.explanation = palloc0(sizeof(RecoExplanation));
	x.explanation->model = x.a->model;
	if (x.item < 0)
		return x.explanation;
	read_evidence(&x, &request->visitor);
	if (x.a->kind == RECO_EVIDENCE_NONE)
		add_row(x.explanation, RECO_EXPLAIN_POPULAR, -1, x.a->model->popularity[x.item]);
	else
	{
		for (c = 0; c < RECO_COMPONENT_TREND; c++)
			if (x.a->mix.weights[c] != 0)
				explain_bag(&x, (RecoComponent) c);
		explain_trend(&x);
	}
	qsort(x.explanation->rows, x.explanation->n, sizeof(RecoContribution), compare_rows);
	return x.explanation;
}
