/*
 * answering.c: makes a model ready to answer, and turns evidence into a query against its items.
 *
 * One request (recommend.c) and all customers at once (recommend_all.c) go through the same steps here, which is why
 * they give the same answers.
 */
#include "postgres.h"

#include "answering.h"

#include <math.h>

#include "access/xact.h"
#include "cache.h"
#include "guc.h"
#include "interrupts.h"
#include "kernels.h"

static const char *const source_names[] = {"basket", "personal", "popular"};

/* Whose word a component's is. */
static const RecoAnswerSource source_of[RECO_COMPONENTS] = {
	[RECO_COMPONENT_BASKET] = RECO_ANSWER_BASKET,
	[RECO_COMPONENT_HISTORY] = RECO_ANSWER_PERSONAL,
	[RECO_COMPONENT_COMPLEMENTS] = RECO_ANSWER_BASKET,
	[RECO_COMPONENT_FOLLOWUPS] = RECO_ANSWER_PERSONAL,
	[RECO_COMPONENT_REPEATS] = RECO_ANSWER_PERSONAL,
	[RECO_COMPONENT_TREND] = RECO_ANSWER_POPULAR
};

const char *
reco_answering_source_name(RecoAnswerSource source)
{
	return source_names[source];
}

static void
check_key_type(const RecoAnswering *a, bool integer_keys)
{
	if (a->model->integer_keys == integer_keys)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("model \"%s\" has %s keys", a->row->name, a->model->integer_keys ? "integer" : "text"),
			 errhint("Call the function %s instead, such as %s.",
					 a->model->integer_keys ? "without _text" : "with _text",
					 a->model->integer_keys ? "reco.recommend" : "reco.recommend_text")));
}

static void
check_owner(const RecoAnswering *a)
{
	if (a->sources != NIL && !OidIsValid(a->row->owner_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the owner \"%s\" of model \"%s\" does not exist", a->row->owner.role_name, a->row->name),
				 errhint("A superuser can give the model to another role with reco.set_owner.")));
}

/*
 * Evidence is what was visible before as_of.  Where as_of is the transaction's now(), as by default, that means every
 * visible line up to this very moment, also of this transaction.
 */
static TimestampTz
evidence_end(TimestampTz as_of)
{
	return as_of == GetCurrentTransactionStartTimestamp() ? GetCurrentTimestamp() + 1 : as_of;
}

/*
 * For scoring alone, over an opened model, in the current memory context: it has neither row nor sources, and looks at
 * no catalog, no setting and nothing of the session, so that a parallel worker can do it.
 */
RecoAnswering *
reco_answering_create(const RecoModel *model, const RecoKernels *kernels, TimestampTz as_of)
{
	RecoAnswering *a = palloc0(sizeof(RecoAnswering));
	RecoScoringData data = {&a->factors, model->complements.rows > 0 ? &model->complements : NULL, model->trend};

	a->model = model;
	a->factors.items = model->items;
	a->factors.factors = model->factors;
	a->factors.y = model->y;
	a->factors.gram_diagonal = model->gram_diagonal;
	a->factors.unobserved = model->parameters[RECO_PARAMETER_UNOBSERVED];
	a->run = reco_foldin_run(kernels);
	a->scoring = reco_scoring_create(&data, &a->run);
	a->blend = &model->parameters[RECO_PARAMETER_BLEND];
	a->as_of = as_of;
	reco_scoring_clear(&a->scores);
	return a;
}

/*
 * The active version of a model, pinned for the current memory context.  Errors: object_not_in_prerequisite_state (never
 * trained), data_corrupted.
 */
const RecoModel *
reco_answering_model(const RecoModelRow *row)
{
	pg_uuid_t	blob;

	if (!reco_catalog_active_blob(row, &blob))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has not been trained", row->name),
				 errhint("SELECT * FROM reco.train('%s').", row->name)));
	return reco_cache_get(row->name, &blob);
}

/*
 * A model ready to answer for the current role, in the current memory context, for which it stays pinned.  Errors:
 * undefined_object, insufficient_privilege, object_not_in_prerequisite_state (never trained), wrong_object_type (the
 * model's keys), data_corrupted.
 */
RecoAnswering *
reco_answering_begin(const char *model, bool integer_keys, TimestampTz as_of)
{
	RecoModelRow *row = reco_catalog_find_model(model, RECO_READ_CALLER, false);
	RecoAnswering *a;

	reco_catalog_require(row, RECO_ACCESS_RECOMMEND);
	a = reco_answering_create(reco_answering_model(row), reco_kernels_choose(reco_guc_kernel), as_of);
	a->row = row;
	check_key_type(a, integer_keys);
	a->options = reco_catalog_options(a->row);
	a->sources = reco_catalog_sources(a->row->name, RECO_READ_CALLER);
	check_owner(a);
	a->reader.model = a->row->name;
	a->reader.owner = a->row->owner_oid;
	a->reader.timezone = a->row->timezone;
	a->reader.integer_keys = a->model->integer_keys;
	a->evidence_end = evidence_end(as_of);
	return a;
}

/* The number of an item in the model, -1 for one that it does not know. */
int32
reco_answering_find_item(const RecoModel *model, const RecoKey *key)
{
	if (model->integer_keys)
		return reco_model_find_integer(model, key->integer);
	return reco_model_find_text(model, key->bytes, key->length);
}

static int
compare_items(const void *x, const void *y)
{
	int32		a = *(const int32 *) x;
	int32		b = *(const int32 *) y;

	CHECK_FOR_INTERRUPTS();
	return (a > b) - (a < b);
}

/* The items of a list that the model knows, ascending, repeated as often as they are in the list. */
int
reco_answering_known_items(const RecoModel *model, const RecoKeyList *list, int32 *items)
{
	int			known = 0;
	int			i;

	for (i = 0; i < list->n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		items[known] = reco_answering_find_item(model, &list->keys[i]);
		known += items[known] >= 0;
	}
	qsort(items, known, sizeof(int32), compare_items);
	return known;
}

/* The same, each item once. */
int
reco_answering_distinct_items(const RecoModel *model, const RecoKeyList *list, int32 *items)
{
	int			known = reco_answering_known_items(model, list, items);
	int			n = 0;
	int			i;

	for (i = 0; i < known; i++)
		if (i == 0 || items[i] != items[i - 1])
			items[n++] = items[i];
	return n;
}

RecoKey
reco_answering_item_key(const RecoModel *model, int32 item)
{
	RecoKey		key = {0, NULL, 0};

	if (model->integer_keys)
		key.integer = model->keys[item];
	else
	{
		key.bytes = model->key_bytes + model->key_start[item];
		key.length = (int) (model->key_start[item + 1] - model->key_start[item]);
	}
	return key;
}

static bool
has_basket(const RecoAnswering *a)
{
	RecoEvidenceKind kind = reco_scoring_kind(&a->scores);

	return kind == RECO_EVIDENCE_BASKET || kind == RECO_EVIDENCE_BOTH;
}

/*
 * Where the model's own data ended long ago, that is said, once for each stored version and session.  Asked before a
 * history is used; the basket must have been set.
 */
void
reco_answering_notice_age(const RecoAnswering *a)
{
	double		half_life = a->model->parameters[has_basket(a) ? RECO_PARAMETER_HISTORY_HALF_LIFE
												 : RECO_PARAMETER_ALONE_HALF_LIFE];
	double		clock = a->model->parameters[RECO_PARAMETER_CLOCK];
	double		days = ((double) a->as_of - clock) / (double) USECS_PER_DAY;

	if (a->row != NULL && isfinite(clock) && days > half_life && reco_cache_notice_once(a->model))
		ereport(NOTICE,
				(errmsg("the newest order that model \"%s\" was trained on is %.0f days older than as_of", a->row->name, days),
				 errhint("Train again, or ask as of another time with as_of.")));
}

static const double *
blend_of(const RecoAnswering *a, RecoEvidenceKind kind)
{
	return &a->blend[kind * RECO_BLEND_SLOTS];
}

/* Components that no request gives any weight need not be asked. */
static bool
is_used(const RecoAnswering *a, RecoComponent component)
{
	int			kind;

	for (kind = 0; kind < RECO_BLENDS; kind++)
		if (blend_of(a, kind)[component] > 0)
			return true;
	return false;
}

/* The basket's bag, in the order of items. */
void
reco_answering_set_basket(RecoAnswering *a, const RecoEntry *entries, int64 n)
{
	reco_scoring_fold_in(a->scoring, RECO_COMPONENT_BASKET, entries, n, reco_answering_lambda(a, RECO_COMPONENT_BASKET),
						 &a->scores);
	reco_scoring_associate(a->scoring, RECO_COMPONENT_COMPLEMENTS, entries, n, &a->scores);
}

/*
 * The lambda that a component folds a bag in with.  Beside a basket, which must have been set before, the history's is
 * another than alone.
 */
double
reco_answering_lambda(const RecoAnswering *a, RecoComponent component)
{
	const double *parameters = a->model->parameters;

	if (component == RECO_COMPONENT_BASKET)
		return parameters[RECO_PARAMETER_BASKET_LAMBDA];
	return parameters[has_basket(a) ? RECO_PARAMETER_HISTORY_LAMBDA : RECO_PARAMETER_ALONE_LAMBDA];
}

/* In days; the basket must have been set before. */
static double
half_life_of(const RecoAnswering *a, RecoComponent component)
{
	const double *parameters = a->model->parameters;

	if (component == RECO_COMPONENT_REPEATS)
		return parameters[RECO_PARAMETER_REPEAT_HALF_LIFE];
	return parameters[has_basket(a) ? RECO_PARAMETER_HISTORY_HALF_LIFE : RECO_PARAMETER_ALONE_HALF_LIFE];
}

/*
 * The bag that a component of the history makes of the customer's lines, which are sorted and netted in place: that may
 * be done again, and changes nothing then.  entries has room for n; returns how many there are, in the order of items.
 * The basket, if there is one, must have been set before.
 */
int64
reco_answering_history_bag(const RecoAnswering *a, RecoComponent component, RecoLine *lines, int64 n, RecoEntry *entries)
{
	double		half_life = half_life_of(a, component);

	return n > 0 ? reco_lines_bag(lines, n, reco_lines_clock(lines, n, a->as_of, half_life), half_life, entries) : 0;
}

/*
 * The customer's history: his newest lines, as many as count.  They are sorted and netted in place; entries has room
 * for n.  The basket, if there is one, must have been set before: beside it other parameters hold.
 */
void
reco_answering_set_history(RecoAnswering *a, RecoLine *lines, int64 n, RecoEntry *entries)
{
	int64		n_entries = reco_answering_history_bag(a, RECO_COMPONENT_HISTORY, lines, n, entries);

	reco_scoring_fold_in(a->scoring, RECO_COMPONENT_HISTORY, entries, n_entries,
						 reco_answering_lambda(a, RECO_COMPONENT_HISTORY), &a->scores);
	if (is_used(a, RECO_COMPONENT_FOLLOWUPS))
		reco_scoring_associate(a->scoring, RECO_COMPONENT_FOLLOWUPS, entries, n_entries, &a->scores);
	n_entries = reco_answering_history_bag(a, RECO_COMPONENT_REPEATS, lines, n, entries);
	reco_scoring_list(RECO_COMPONENT_REPEATS, entries, n_entries, &a->scores);
}

/* The weighted sum of what is known; false where all that says anything has no weight. */
static bool
mix_components(RecoAnswering *a)
{
	double		weights[RECO_COMPONENTS];
	int			c;

	for (c = 0; c < RECO_COMPONENTS; c++)
	{
		double		deviation = a->in_deviations ? reco_scoring_deviation(a->scoring, &a->scores, c) : 1;

		weights[c] = deviation > 0 ? blend_of(a, a->kind)[c] / deviation : 0;
	}
	return reco_scoring_mix(a->scoring, &a->scores, weights, &a->mix);
}

/*
 * The query that items are scored against, from what is known of basket and history; popularity where that is nothing.
 */
void
reco_answering_prepare(RecoAnswering *a)
{
	a->kind = reco_scoring_kind(&a->scores);
	if (a->kind == RECO_EVIDENCE_NONE || !mix_components(a))
	{
		a->kind = RECO_EVIDENCE_NONE;
		reco_scoring_mix_bias(a->scoring, a->model->popularity, &a->mix);
	}
	a->strength = reco_scoring_strength(&a->scores);
}

/*
 * The chance that an item with that score is in the order being made, beyond what is visible; NaN where training had too
 * little to learn it from.  For one request it ascends with the score, and depends on nothing but evidence and item.
 */
double
reco_answering_probability(const RecoAnswering *a, int32 item, double score)
{
	RecoCurve	curve;
	double		order_mass = a->model->parameters[RECO_PARAMETER_ORDER_MASS];

	if (a->kind == RECO_EVIDENCE_NONE)
		return order_mass > 0 ? Min(a->model->popularity[item] / order_mass, 1) : NAN;
	curve = reco_scoring_curve(a->model->parameters, a->kind);
	return reco_calibration_is_curve(&curve) ? reco_calibration_probability(&curve, score, &a->strength) : NAN;
}

/* Which evidence says most for an item. */
RecoAnswerSource
reco_answering_source(const RecoAnswering *a, int32 item)
{
	double		parts[RECO_ANSWER_SOURCES] = {0};
	RecoAnswerSource best = a->kind == RECO_EVIDENCE_HISTORY ? RECO_ANSWER_PERSONAL : RECO_ANSWER_BASKET;
	int			i;

	if (a->kind == RECO_EVIDENCE_NONE)
		return RECO_ANSWER_POPULAR;
	for (i = 0; i < RECO_COMPONENTS; i++)
		if (a->mix.weights[i] != 0)
			parts[source_of[i]] += a->mix.weights[i] * reco_scoring_value(a->scoring, &a->scores, i, item);
	for (i = RECO_ANSWER_PERSONAL; i < RECO_ANSWER_SOURCES; i++)
		if (parts[i] != 0 && parts[i] > parts[best])
			best = (RecoAnswerSource) i;
	return best;
}
