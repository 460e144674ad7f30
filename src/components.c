/*
 * components.c: what the score of an item for a request is the sum of, in training's held-out trials and in requests
 * alike.
 *
 * Components that come from factors are vectors, and their sum is one vector: the scan over all items costs what that of
 * one costs.  Of complements and repeats only few items have any; these are scored apart, exactly, and meet the others
 * in the top-k (topk.c).  Biases are one number an item: the trend, popularity, sentiment.
 *
 * Scores are added up as they are, each with its weight.  All of them foretell whether an item is bought, as a number
 * that is about 1 where it surely is; dividing each by its level over all items was measured to be worse (src/README).
 */
#include "postgres.h"

#include "components.h"

#include <math.h>

#include "interrupts.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"

static const char *const names[RECO_COMPONENTS] = {
	"basket", "history", "everybody", "prior", "complements", "followups", "repeats", "viewed", "match", "affinity", "segment", "context",
	"trend", "popularity", "sentiment"
};

struct RecoScoring
{
	RecoScoringData data;
	RecoFoldIn *foldin;
	float	   *sums;			/* [items], all zero between uses */
	uint64	   *touched;		/* bitmap of those that are not, the same */
	double	   *mean;			/* [factors], of all items; NULL until it is asked for */
	double		bias_deviations[RECO_BIAS_COMPONENTS];	/* set with it */
	uint32		idle;			/* bits of components that need not be asked */
	MemoryContext context;
};

static const char *const kind_names[RECO_BLENDS] = {"basket", "both", "history", "none"};

const char *
reco_evidence_kind_name(RecoEvidenceKind kind)
{
	return kind_names[kind];
}

const char *
reco_component_name(RecoComponent component)
{
	return names[component];
}

/* The kind of data that a component is made of. */
const char *
reco_component_data(RecoComponent component)
{
	switch (component)
	{
		case RECO_COMPONENT_PRIOR:
		case RECO_COMPONENT_SEGMENT:
			return "demographic";
		case RECO_COMPONENT_CONTEXT:
			return "contextual";
		case RECO_COMPONENT_MATCH:
		case RECO_COMPONENT_AFFINITY:
			return "attributes";
		case RECO_COMPONENT_SENTIMENT:
			return "sentiment";
		default:
			return "transactional";
	}
}

/* What evidence a strength is of; that of a context goes before the name of the field. */
const char *
reco_strength_name(RecoStrengthKind strength)
{
	static const char *const strength_names[RECO_STRENGTH_CONTEXT] = {"friends", "stars", "session", "session_decay"};

	return strength < RECO_STRENGTH_CONTEXT ? strength_names[strength] : "same";
}

/* Whether requests of a kind can have what a strength is of: a history for stars and contexts, a session for sessions. */
bool
reco_strength_serves(RecoStrengthKind strength, RecoEvidenceKind kind)
{
	switch (strength)
	{
		case RECO_STRENGTH_FRIENDS:
			return true;
		case RECO_STRENGTH_SESSION:
		case RECO_STRENGTH_SESSION_DECAY:
			return kind == RECO_EVIDENCE_BASKET || kind == RECO_EVIDENCE_BOTH;
		default:
			return kind == RECO_EVIDENCE_BOTH || kind == RECO_EVIDENCE_HISTORY;
	}
}

/* The kind of data of that. */
const char *
reco_strength_data(RecoStrengthKind strength)
{
	static const char *const kinds[RECO_STRENGTH_CONTEXT] = {"social", "sentiment", "transactional", "transactional"};

	return strength < RECO_STRENGTH_CONTEXT ? kinds[strength] : "contextual";
}

/* In the current memory context; data's pointers and run must live as long. */
RecoScoring *
reco_scoring_create(const RecoScoringData *data, const RecoRun *run)
{
	RecoScoring *scoring = palloc0(sizeof(RecoScoring));

	scoring->data = *data;
	scoring->foldin = reco_foldin_create(data->factors, run);
	scoring->context = CurrentMemoryContext;
	return scoring;
}

const RecoScoringData *
reco_scoring_data(const RecoScoring *scoring)
{
	return &scoring->data;
}

/* Components that no request gives any weight, a bit each: they need not be asked. */
void
reco_scoring_set_idle(RecoScoring *scoring, uint32 components)
{
	scoring->idle = components;
}

bool
reco_scoring_is_idle(const RecoScoring *scoring, RecoComponent component)
{
	return (scoring->idle & (1u << component)) != 0;
}

/* Nothing is known. */
void
reco_scoring_clear(RecoComponentScores *scores)
{
	int			i;

	memset(scores, 0, sizeof(*scores));
	for (i = 0; i < RECO_VECTOR_COMPONENTS; i++)
		scores->vectors[i].is_zero = true;
}

/* The scores of a bag by its fold-in; component is one of vectors. */
void
reco_scoring_fold_in(RecoScoring *scoring, RecoComponent component, const RecoEntry *entries, int64 n, double lambda,
					 RecoComponentScores *scores)
{
	reco_foldin_bag(scoring->foldin, entries, n, lambda, &scores->vectors[component]);
}

/* What a row of a sparse matrix, such as that of an item, says for an item. */
static double
association(const RecoSparse *b, int32 item, int32 other)
{
	double		sum = 0;
	int64		e;

	for (e = b->start[item]; e < b->start[item + 1]; e++)
		if (b->index[e] == other)
			sum += b->weight[e];
	return sum;
}

/* Add a row of what is expected. */
static void
add_row(const RecoScoring *scoring, int32 row, RecoVector *vector)
{
	int			factors = scoring->data.factors->factors;
	const float *x = scoring->data.prior + (size_t) row * reco_stride(factors);
	int			k;

	vector->is_zero = false;
	for (k = 0; k < factors; k++)
		vector->x[k] += (double) x[k];
}

/* The scores that are expected of anybody, and what is expected beyond them of a customer with these labels. */
void
reco_scoring_expect(RecoScoring *scoring, const int32 *labels, int n, RecoComponentScores *scores)
{
	static const RecoVector nothing = {.is_zero = true};
	int			i;

	scores->vectors[RECO_COMPONENT_EVERYBODY] = scores->vectors[RECO_COMPONENT_PRIOR] = nothing;
	if (scoring->data.prior == NULL)
		return;
	add_row(scoring, 0, &scores->vectors[RECO_COMPONENT_EVERYBODY]);
	for (i = 0; i < n; i++)
		add_row(scoring, 1 + labels[i], &scores->vectors[RECO_COMPONENT_PRIOR]);
}

/* What each label adds to what the prior, or the lift of labels, gives an item; a label may be negative: none. */
void
reco_scoring_explain_labels(const RecoScoring *scoring, RecoComponent component, const int32 *labels, int n, int32 item,
							double *contributions)
{
	const RecoSparse *lift = scoring->data.lift;
	int			i;

	for (i = 0; i < n; i++)
	{
		RecoVector	vector = {.is_zero = true};

		contributions[i] = 0;
		if (labels[i] < 0)
			continue;
		if (component != RECO_COMPONENT_PRIOR)
		{
			contributions[i] = lift != NULL ? association(lift, labels[i], item) : 0;
			continue;
		}
		add_row(scoring, 1 + labels[i], &vector);
		contributions[i] = reco_folding_score(scoring->data.factors, item, vector.x);
	}
}

/* The scores of items are given; in the order of items. */
void
reco_scoring_list(RecoComponent component, const RecoEntry *entries, int64 n, RecoComponentScores *scores)
{
	RecoScoreList list = {(int) n, palloc_extended(mul_size(Max(n, 1), sizeof(RecoTopEntry)), MCXT_ALLOC_HUGE)};
	int64		i;

	for (i = 0; i < n; i++)
		list.entries[i] = (RecoTopEntry) {entries[i].item, entries[i].weight};
	scores->lists[component - RECO_VECTOR_COMPONENTS] = list;
}

/* --- sums over few of many items --------------------------------------------------------------------------- */

static void
make_room(RecoScoring *scoring)
{
	Size		items = scoring->data.factors->items;

	if (scoring->sums != NULL)
		return;
	scoring->sums = MemoryContextAllocExtended(scoring->context, mul_size(Max(items, 1), sizeof(float)),
											   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	scoring->touched = MemoryContextAllocZero(scoring->context, mul_size(items / 64 + 1, sizeof(uint64)));
}

static inline void
add_to(RecoScoring *scoring, int32 item, float score)
{
	scoring->sums[item] += score;
	scoring->touched[item / 64] |= UINT64CONST(1) << (item % 64);
}

/* The sums as a list, most items long at most, in the current memory context; leaves zeros behind. */
static RecoScoreList
take_sums(RecoScoring *scoring, int64 most)
{
	int32		items = scoring->data.factors->items;
	RecoScoreList list = {0, palloc_extended(mul_size(Max(Min(most, items), 1), sizeof(RecoTopEntry)), MCXT_ALLOC_HUGE)};
	int32		words = items / 64 + 1;
	int32		w;

	for (w = 0; w < words; w++)
	{
		uint64		bits = scoring->touched[w];

		scoring->touched[w] = 0;
		for (; bits != 0; bits &= bits - 1)
		{
			int32		item = w * 64 + pg_rightmost_one_pos64(bits);

			list.entries[list.n++] = (RecoTopEntry) {item, scoring->sums[item]};
			scoring->sums[item] = 0;
		}
	}
	return list;
}

/* What goes with the items of a bag, in the order of items. */
void
reco_scoring_associate(RecoScoring *scoring, RecoComponent component, const RecoEntry *entries, int64 n,
					   RecoComponentScores *scores)
{
	const RecoSparse *b = scoring->data.complements;
	int64		most = 0;
	int64		i;
	int64		e;

	scores->lists[component - RECO_VECTOR_COMPONENTS] = (RecoScoreList) {0, NULL};
	if (b == NULL || n == 0)
		return;
	make_room(scoring);
	for (i = 0; i < n; i++)
	{
		int32		item = entries[i].item;

		for (e = b->start[item]; e < b->start[item + 1]; e++)
			add_to(scoring, b->index[e], entries[i].weight * b->weight[e]);
		most += b->start[item + 1] - b->start[item];
	}
	scores->lists[component - RECO_VECTOR_COMPONENTS] = take_sums(scoring, most);
}

/* --- attribute match --------------------------------------------------------------------------------------- */

static RecoMatchBag
match_bag(RecoComponent component)
{
	return component == RECO_COMPONENT_MATCH ? RECO_MATCH_BASKET : RECO_MATCH_HISTORY;
}

/* The entries of a bag that are looked at, in the current memory context. */
static RecoMatchEntry *
choose_entries(const RecoEntry *entries, int64 n, int *chosen)
{
	RecoMatchEntry *copy = palloc_extended(mul_size(Max(n, 1), sizeof(RecoMatchEntry)), MCXT_ALLOC_HUGE);
	int64		i;

	for (i = 0; i < n; i++)
		copy[i] = (RecoMatchEntry) {entries[i].item, entries[i].weight};
	*chosen = reco_match_choose_entries(copy, n);
	return copy;
}

static RecoMatchValue *
find_values(const RecoMatch *match, RecoMatchBag bag, const RecoMatchEntry *entries, int n, int *found)
{
	RecoMatchValue *values = palloc_extended(mul_size(Max(reco_match_most_values(match, entries, n), 1), sizeof(RecoMatchValue)),
											 MCXT_ALLOC_HUGE);

	*found = reco_match_find_values(match, bag, entries, n, values);
	return values;
}

/* What has attributes in common with the items of a bag, and is none of them, in the order of items. */
void
reco_scoring_match(RecoScoring *scoring, RecoComponent component, const RecoEntry *entries, int64 n,
				   RecoComponentScores *scores)
{
	const RecoMatch *match = scoring->data.match;
	RecoMatchEntry *chosen;
	RecoMatchValue *values;
	int			n_chosen;
	int			n_values;
	int64		most = 0;
	int64		i;
	int64		e;

	scores->lists[component - RECO_VECTOR_COMPONENTS] = (RecoScoreList) {0, NULL};
	if (match == NULL || n == 0)
		return;
	make_room(scoring);
	chosen = choose_entries(entries, n, &n_chosen);
	values = find_values(match, match_bag(component), chosen, n_chosen, &n_values);
	for (i = 0; i < n_values; i++)
	{
		int32		value = values[i].value;

		for (e = match->by_value.start[value]; e < match->by_value.start[value + 1]; e++)
			add_to(scoring, match->by_value.index[e], values[i].weight * match->by_value.weight[e]);
		most += match->by_value.start[value + 1] - match->by_value.start[value];
	}
	for (i = 0; i < n; i++)
		scoring->sums[entries[i].item] = 0;
	scores->lists[component - RECO_VECTOR_COMPONENTS] = take_sums(scoring, most);
}

static void
explain_match(const RecoMatch *match, RecoMatchBag bag, const RecoEntry *entries, int64 n, int32 item, double *contributions)
{
	int			n_chosen;
	int			n_values;
	RecoMatchEntry *chosen;
	RecoMatchValue *values;
	bool		is_own = false;
	int64		i;
	int			c;

	memset(contributions, 0, mul_size(n, sizeof(double)));
	for (i = 0; i < n; i++)
		is_own |= entries[i].item == item;
	if (match == NULL || is_own || n == 0)
		return;
	chosen = choose_entries(entries, n, &n_chosen);
	values = find_values(match, bag, chosen, n_chosen, &n_values);
	for (c = 0; c < n_chosen; c++)
	{
		CHECK_FOR_INTERRUPTS();
		/* An item that is there more than once has all it says at its first place. */
		for (i = 0; i < n && entries[i].item != chosen[c].item; i++)
			;
		contributions[i] += reco_match_contribution(match, bag, &chosen[c], values, n_values, item);
	}
}

/* What labels speak for, in the order of items; those below 0 are none. */
void
reco_scoring_lift(RecoScoring *scoring, RecoComponent component, const int32 *labels, int n, RecoComponentScores *scores)
{
	const RecoSparse *lift = scoring->data.lift;
	int64		most = 0;
	int64		e;
	int			i;

	scores->lists[component - RECO_VECTOR_COMPONENTS] = (RecoScoreList) {0, NULL};
	if (lift == NULL)
		return;
	for (i = 0; i < n; i++)
		most += labels[i] >= 0 ? lift->start[labels[i] + 1] - lift->start[labels[i]] : 0;
	if (most == 0)
		return;
	make_room(scoring);
	for (i = 0; i < n; i++)
		for (e = labels[i] >= 0 ? lift->start[labels[i]] : 0; labels[i] >= 0 && e < lift->start[labels[i] + 1]; e++)
			add_to(scoring, lift->index[e], lift->weight[e]);
	scores->lists[component - RECO_VECTOR_COMPONENTS] = take_sums(scoring, most);
}

/* --- the blend --------------------------------------------------------------------------------------------- */

/* The numbers that items have of their own, in the order of components; any may be NULL. */
const float *const *
reco_scoring_biases(const RecoScoringData *data, const float **biases)
{
	biases[RECO_COMPONENT_TREND - RECO_FIRST_BIAS] = data->trend;
	biases[RECO_COMPONENT_POPULARITY - RECO_FIRST_BIAS] = data->popularity;
	biases[RECO_COMPONENT_SENTIMENT - RECO_FIRST_BIAS] = data->sentiment;
	return biases;
}

/* What a component that is a bias is multiplied with, to be of the size of a share of orders. */
static double
bias_unit(const RecoScoring *scoring, RecoComponent component)
{
	if (component != RECO_COMPONENT_POPULARITY)
		return 1;
	return scoring->data.order_mass > 0 ? 1 / scoring->data.order_mass : 1;
}

static bool
says(const RecoScoring *scoring, const RecoComponentScores *scores, RecoComponent component)
{
	const float *biases[RECO_BIAS_COMPONENTS];

	if (component >= RECO_FIRST_BIAS)
		return reco_scoring_biases(&scoring->data, biases)[component - RECO_FIRST_BIAS] != NULL;
	return component < RECO_VECTOR_COMPONENTS ? !scores->vectors[component].is_zero
		: scores->lists[component - RECO_VECTOR_COMPONENTS].n > 0;
}

static bool
has_list(const RecoComponentScores *scores, RecoComponent component)
{
	return scores->lists[component - RECO_VECTOR_COMPONENTS].n > 0;
}

static bool
has_basket(const RecoComponentScores *scores)
{
	return !scores->vectors[RECO_COMPONENT_BASKET].is_zero || has_list(scores, RECO_COMPONENT_COMPLEMENTS) ||
		has_list(scores, RECO_COMPONENT_VIEWED) || has_list(scores, RECO_COMPONENT_MATCH);
}

static bool
has_history(const RecoComponentScores *scores)
{
	return scores->has_own &&
		(!scores->vectors[RECO_COMPONENT_HISTORY].is_zero || has_list(scores, RECO_COMPONENT_FOLLOWUPS) ||
		 has_list(scores, RECO_COMPONENT_REPEATS) || has_list(scores, RECO_COMPONENT_AFFINITY));
}

/* What a request has to go on. */
RecoEvidenceKind
reco_scoring_kind(const RecoComponentScores *scores)
{
	if (!has_basket(scores))
		return has_history(scores) ? RECO_EVIDENCE_HISTORY : RECO_EVIDENCE_NONE;
	return has_history(scores) ? RECO_EVIDENCE_BOTH : RECO_EVIDENCE_BASKET;
}

static const RecoParameter curves[RECO_BLENDS] = {
	RECO_PARAMETER_BASKET_CURVE, RECO_PARAMETER_BOTH_CURVE, RECO_PARAMETER_HISTORY_CURVE, RECO_PARAMETER_NONE_CURVE
};

/* What the scores of such requests are worth, in a model's parameters. */
RecoCurve
reco_scoring_curve(const double *parameters, RecoEvidenceKind kind)
{
	const double *p = &parameters[curves[kind]];

	return (RecoCurve) {p[0], p[1], parameters[RECO_PARAMETER_BASKET_LINEAR + kind], p[2], p[3]};
}

void
reco_scoring_set_curve(double *parameters, RecoEvidenceKind kind, const RecoCurve *curve)
{
	double	   *p = &parameters[curves[kind]];

	p[0] = curve->intercept;
	p[1] = curve->slope;
	p[2] = curve->by_basket;
	p[3] = curve->by_history;
	parameters[RECO_PARAMETER_BASKET_LINEAR + kind] = curve->linear;
}

/* How much that is. */
RecoStrength
reco_scoring_strength(const RecoComponentScores *scores)
{
	return (RecoStrength) {(float) scores->vectors[RECO_COMPONENT_BASKET].mass,
		(float) scores->vectors[RECO_COMPONENT_HISTORY].mass};
}

/* The lists, weighted and added up. */
static RecoScoreList
mix_lists(RecoScoring *scoring, const RecoComponentScores *scores, const double *weights)
{
	int64		most = 0;
	int			i;
	int			e;

	for (i = 0; i < RECO_LIST_COMPONENTS; i++)
		if (weights[RECO_VECTOR_COMPONENTS + i] != 0)
			most += scores->lists[i].n;
	if (most == 0)
		return (RecoScoreList) {0, NULL};
	make_room(scoring);
	for (i = 0; i < RECO_LIST_COMPONENTS; i++)
		for (e = 0; weights[RECO_VECTOR_COMPONENTS + i] != 0 && e < scores->lists[i].n; e++)
			add_to(scoring, scores->lists[i].entries[e].item,
				   (float) (weights[RECO_VECTOR_COMPONENTS + i] * scores->lists[i].entries[e].score));
	return take_sums(scoring, most);
}

/*
 * The weighted sum of the components, in the current memory context; false where nothing that says anything has a weight.
 */
bool
reco_scoring_mix(RecoScoring *scoring, const RecoComponentScores *scores, const double *weights, RecoMix *mix)
{
	int			factors = scoring->data.factors->factors;
	bool		any = false;
	int			c;
	int			i;

	for (c = 0; c < RECO_COMPONENTS; c++)
	{
		mix->weights[c] = says(scoring, scores, c) ? weights[c] : 0;
		any |= mix->weights[c] != 0;
	}
	memset(mix->query, 0, sizeof(float) * reco_stride(factors));
	for (i = 0; i < factors; i++)
	{
		double		sum = 0;

		for (c = 0; c < RECO_VECTOR_COMPONENTS; c++)
			sum += mix->weights[c] * scores->vectors[c].x[i];
		mix->query[i] = (float) sum;
	}
	mix->added = mix_lists(scoring, scores, mix->weights);
	(void) reco_scoring_biases(&scoring->data, mix->biases);
	for (i = 0; i < RECO_BIAS_COMPONENTS; i++)
	{
		mix->bias_weights[i] = (float) (mix->weights[RECO_FIRST_BIAS + i] * bias_unit(scoring, RECO_FIRST_BIAS + i));
		if (mix->bias_weights[i] == 0)
			mix->biases[i] = NULL;
	}
	return any;
}

/* Popularity alone. */
void
reco_scoring_mix_popularity(const RecoScoring *scoring, RecoMix *mix)
{
	memset(mix, 0, offsetof(RecoMix, query) + sizeof(float) * reco_stride(scoring->data.factors->factors));
	memset(mix->biases, 0, sizeof(mix->biases));
	mix->added = (RecoScoreList) {0, NULL};
	mix->weights[RECO_COMPONENT_POPULARITY] = 1;
	mix->biases[RECO_COMPONENT_POPULARITY - RECO_FIRST_BIAS] = scoring->data.popularity;
	mix->bias_weights[RECO_COMPONENT_POPULARITY - RECO_FIRST_BIAS] = (float) bias_unit(scoring, RECO_COMPONENT_POPULARITY);
}

static double
bias_value(const RecoScoring *scoring, RecoComponent component, int32 item)
{
	const float *biases[RECO_BIAS_COMPONENTS];
	const float *bias = reco_scoring_biases(&scoring->data, biases)[component - RECO_FIRST_BIAS];

	return bias != NULL ? bias[item] * bias_unit(scoring, component) : 0;
}

/* What a component gives an item, before it is weighted. */
double
reco_scoring_value(const RecoScoring *scoring, const RecoComponentScores *scores, RecoComponent component, int32 item)
{
	const RecoScoreList *list;
	int			first = 0;
	int			last;

	if (component < RECO_VECTOR_COMPONENTS)
		return reco_folding_score(scoring->data.factors, item, scores->vectors[component].x);
	if (component >= RECO_FIRST_BIAS)
		return bias_value(scoring, component, item);
	list = &scores->lists[component - RECO_VECTOR_COMPONENTS];
	last = list->n;
	while (first < last)
	{
		int			middle = first + (last - first) / 2;

		if (list->entries[middle].item < item)
			first = middle + 1;
		else
			last = middle;
	}
	return first < list->n && list->entries[first].item == item ? list->entries[first].score : 0;
}

/* --- deviations -------------------------------------------------------------------------------------------- */

static double
deviation(double sum, double squares, int32 items)
{
	double		mean = sum / Max(items, 1);

	return sqrt(Max(squares / Max(items, 1) - mean * mean, 0));
}

/* What does not depend on a request: the mean of the item factors, and the deviations of biases. */
static void
measure_items(RecoScoring *scoring)
{
	const RecoFactors *factors = scoring->data.factors;
	size_t		stride = reco_stride(factors->factors);
	double		sums[RECO_BIAS_COMPONENTS] = {0};
	double		squares[RECO_BIAS_COMPONENTS] = {0};
	int32		item;
	int			k;

	if (scoring->mean != NULL)
		return;
	scoring->mean = MemoryContextAllocZero(scoring->context, mul_size(factors->factors, sizeof(double)));
	for (item = 0; item < factors->items; item++)
	{
		RECO_CHECK_INTERRUPTS(item);
		for (k = 0; k < factors->factors; k++)
			scoring->mean[k] += factors->y[item * stride + k] / factors->items;
		for (k = 0; k < RECO_BIAS_COMPONENTS; k++)
		{
			double		bias = bias_value(scoring, RECO_FIRST_BIAS + k, item);

			sums[k] += bias;
			squares[k] += bias * bias;
		}
	}
	for (k = 0; k < RECO_BIAS_COMPONENTS; k++)
		scoring->bias_deviations[k] = deviation(sums[k], squares[k], factors->items);
}

/* The Gram matrix of the item factors is diagonal: sum_i (y_i . x)^2 = sum_k gram_k x_k^2. */
static double
vector_deviation(const RecoScoring *scoring, const double *x)
{
	const RecoFactors *factors = scoring->data.factors;
	double		sum = 0;
	double		squares = 0;
	int			k;

	for (k = 0; k < factors->factors; k++)
	{
		sum += scoring->mean[k] * x[k] * factors->items;
		squares += factors->gram_diagonal[k] * x[k] * x[k];
	}
	return deviation(sum, squares, factors->items);
}

static double
list_deviation(const RecoScoreList *list, int32 items)
{
	double		sum = 0;
	double		squares = 0;
	int			i;

	for (i = 0; i < list->n; i++)
	{
		sum += list->entries[i].score;
		squares += (double) list->entries[i].score * list->entries[i].score;
	}
	return deviation(sum, squares, items);
}

/*
 * The standard deviation of a component's scores of all items, before they are weighted.  Scores divided by it are
 * z-scores up to a constant, which is the same for all items.
 */
double
reco_scoring_deviation(RecoScoring *scoring, const RecoComponentScores *scores, RecoComponent component)
{
	measure_items(scoring);
	if (component >= RECO_FIRST_BIAS)
		return scoring->bias_deviations[component - RECO_FIRST_BIAS];
	if (component < RECO_VECTOR_COMPONENTS)
		return vector_deviation(scoring, scores->vectors[component].x);
	return list_deviation(&scores->lists[component - RECO_VECTOR_COMPONENTS], scoring->data.factors->items);
}

/*
 * What each entry of a bag adds to what a component gives an item: their sum is reco_scoring_value for that bag, but for
 * rounding and the fold-in's error.  Not for biases, which no bag speaks for; lambda is of a component of vectors.
 */
void
reco_scoring_explain(RecoScoring *scoring, RecoComponent component, const RecoEntry *entries, int64 n, double lambda,
					 int32 item, double *contributions)
{
	const RecoSparse *b = scoring->data.complements;
	int64		i;

	if (component < RECO_VECTOR_COMPONENTS)
	{
		reco_foldin_explain(scoring->foldin, entries, n, lambda, item, contributions);
		return;
	}
	if (component == RECO_COMPONENT_MATCH || component == RECO_COMPONENT_AFFINITY)
	{
		explain_match(scoring->data.match, match_bag(component), entries, n, item, contributions);
		return;
	}
	for (i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (component == RECO_COMPONENT_REPEATS)
			contributions[i] = entries[i].item == item ? entries[i].weight : 0;
		else
			contributions[i] = b != NULL ? (double) entries[i].weight * association(b, entries[i].item, item) : 0;
	}
}

/* The query for the k best of a mix, which must live as long. */
RecoTopQuery
reco_scoring_query(const RecoMix *mix, const uint64 *skip, int k, RecoTopEntry *out)
{
	RecoTopQuery query = {.x = mix->query,.biases_of_screen = true,.added = mix->added.entries,.n_added = mix->added.n,
		.skip = skip,.k = k,.out = out};

	memcpy(query.biases, mix->biases, sizeof(query.biases));
	memcpy(query.bias_weights, mix->bias_weights, sizeof(query.bias_weights));
	return query;
}
