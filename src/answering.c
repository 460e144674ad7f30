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

static const char *const source_names[RECO_ANSWER_SOURCES] = {
	"basket", "personal", "session", "social", "attributes", "segment", "context", "sentiment", "popular"
};

/* Whose word a component's is. */
static const RecoAnswerSource source_of[RECO_COMPONENTS] = {
	[RECO_COMPONENT_BASKET] = RECO_ANSWER_BASKET,
	[RECO_COMPONENT_HISTORY] = RECO_ANSWER_PERSONAL,
	[RECO_COMPONENT_EVERYBODY] = RECO_ANSWER_POPULAR,
	[RECO_COMPONENT_PRIOR] = RECO_ANSWER_SEGMENT,
	[RECO_COMPONENT_COMPLEMENTS] = RECO_ANSWER_BASKET,
	[RECO_COMPONENT_FOLLOWUPS] = RECO_ANSWER_PERSONAL,
	[RECO_COMPONENT_REPEATS] = RECO_ANSWER_PERSONAL,
	[RECO_COMPONENT_VIEWED] = RECO_ANSWER_SESSION,
	[RECO_COMPONENT_MATCH] = RECO_ANSWER_ATTRIBUTES,
	[RECO_COMPONENT_AFFINITY] = RECO_ANSWER_ATTRIBUTES,
	[RECO_COMPONENT_SEGMENT] = RECO_ANSWER_SEGMENT,
	[RECO_COMPONENT_CONTEXT] = RECO_ANSWER_CONTEXT,
	[RECO_COMPONENT_TREND] = RECO_ANSWER_POPULAR,
	[RECO_COMPONENT_POPULARITY] = RECO_ANSWER_POPULAR,
	[RECO_COMPONENT_SENTIMENT] = RECO_ANSWER_SENTIMENT
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

/* Whether any of those labels speaks for an item. */
static bool
lifts_any(const RecoModel *model, int32 first, int32 last)
{
	return model->lift.rows >= last && last > 0 && model->lift.start[last] > model->lift.start[first];
}

/* Whether a model has what a component is made of. */
bool
reco_answering_has(const RecoModel *model, RecoComponent component)
{
	switch (component)
	{
		case RECO_COMPONENT_COMPLEMENTS:
		case RECO_COMPONENT_FOLLOWUPS:
			return model->complements.rows > 0;
		case RECO_COMPONENT_SENTIMENT:
			return model->sentiment != NULL;
		case RECO_COMPONENT_EVERYBODY:
		case RECO_COMPONENT_PRIOR:
			return model->prior != NULL;
		case RECO_COMPONENT_SEGMENT:
			return lifts_any(model, 0, reco_model_customer_labels(model));
		case RECO_COMPONENT_CONTEXT:
			return lifts_any(model, reco_model_customer_labels(model), model->lift.rows);
		case RECO_COMPONENT_VIEWED:
			return model->n_events > 0;
		case RECO_COMPONENT_MATCH:
		case RECO_COMPONENT_AFFINITY:
			return model->match.n_fields > 0;
		default:
			return true;
	}
}

/* Components that no kind of request gives any weight. */
static uint32
idle_components(const double *blend)
{
	uint32		used = 0;
	int			kind;
	int			c;

	for (kind = 0; kind < RECO_BLENDS; kind++)
		for (c = 0; c < RECO_COMPONENTS; c++)
			if (blend[kind * RECO_BLEND_SLOTS + c] > 0)
				used |= 1u << c;
	return ~used;
}

/*
 * For scoring alone, over an opened model, in the current memory context: it has neither row nor sources, and looks at
 * no catalog, no setting and nothing of the session, so that a parallel worker can do it.
 */
RecoAnswering *
reco_answering_create(const RecoModel *model, const RecoKernels *kernels, TimestampTz as_of)
{
	RecoAnswering *a = palloc0(sizeof(RecoAnswering));
	RecoScoringData data = {
		.factors = &a->factors,.complements = model->complements.rows > 0 ? &model->complements : NULL,.trend = model->trend,
		.match = model->match.n_fields > 0 ? &model->match : NULL,
		.popularity = model->popularity,.order_mass = model->parameters[RECO_PARAMETER_ORDER_MASS],.sentiment = model->sentiment,
		.event_weights = model->event_weights,.n_events = model->n_events,
		.prior = model->prior,.lift = model->lift.rows > 0 ? &model->lift : NULL
	};

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

/*
 * Where the model's own data ended long ago, that is said, once for each stored version and session.  Asked where a
 * history is used.
 */
void
reco_answering_notice_age(const RecoAnswering *a, RecoEvidenceKind kind)
{
	double		half_life = reco_asking_settings(a->model->parameters, kind).half_life;
	double		clock = a->model->parameters[RECO_PARAMETER_CLOCK];
	double		days = ((double) a->as_of - clock) / (double) USECS_PER_DAY;

	if (a->row != NULL && isfinite(clock) && days > half_life && reco_cache_notice_once(a->model, RECO_NOTICE_AGE))
		ereport(NOTICE,
				(errmsg("the newest order that model \"%s\" was trained on is %.0f days older than as_of", a->row->name, days),
				 errhint("Train again, or ask as of another time with as_of.")));
}

static const double *
blend_of(const RecoAnswering *a, RecoEvidenceKind kind)
{
	return &a->blend[kind * RECO_BLEND_SLOTS];
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
 * Make the query that items are scored against, from what is known; popularity where nothing that is known has a weight.
 */
void
reco_answering_ask(RecoAnswering *a, const RecoEvidence *evidence)
{
	a->evidence = *evidence;
	a->settings = reco_asking_settings(a->model->parameters, reco_asking_kind(evidence));
	reco_scoring_set_idle(a->scoring, idle_components(a->blend));
	reco_asking_set(a->scoring, evidence, NULL, &a->settings, &a->scores);
	a->kind = reco_scoring_kind(&a->scores);
	if (!mix_components(a))
	{
		a->kind = RECO_EVIDENCE_NONE;
		if (!mix_components(a))
			reco_scoring_mix_popularity(a->scoring, &a->mix);
	}
	a->strength = reco_scoring_strength(&a->scores);
}

static bool
is_popularity(const RecoMix *mix)
{
	int			c;

	for (c = 0; c < RECO_COMPONENTS; c++)
		if (c != RECO_COMPONENT_POPULARITY && mix->weights[c] != 0)
			return false;
	return true;
}

/*
 * The chance that an item with that score is in the order being made, beyond what is visible; NaN where training had too
 * little to learn it from.  For one request it ascends with the score, and depends on nothing but evidence and item.
 */
double
reco_answering_probability(const RecoAnswering *a, int32 item, double score)
{
	RecoCurve	curve = reco_scoring_curve(a->model->parameters, a->kind);
	double		order_mass = a->model->parameters[RECO_PARAMETER_ORDER_MASS];

	if (is_popularity(&a->mix))
		return order_mass > 0 ? Min(a->model->popularity[item] / order_mass, 1) : NAN;
	return reco_calibration_is_curve(&curve) ? reco_calibration_probability(&curve, score, &a->strength) : NAN;
}

/* Whose word a component's is in this request. */
static RecoAnswerSource
source_in(const RecoAnswering *a, RecoComponent component)
{
	if (component == RECO_COMPONENT_HISTORY && !a->scores.has_own)
		return RECO_ANSWER_SOCIAL;
	if (source_of[component] == RECO_ANSWER_BASKET && a->scores.has_session)
		return RECO_ANSWER_SESSION;
	return source_of[component];
}

/* Which evidence says most for an item. */
RecoAnswerSource
reco_answering_source(const RecoAnswering *a, int32 item)
{
	static const RecoAnswerSource otherwise[RECO_BLENDS] = {
		RECO_ANSWER_BASKET, RECO_ANSWER_BASKET, RECO_ANSWER_PERSONAL, RECO_ANSWER_POPULAR
	};
	double		parts[RECO_ANSWER_SOURCES] = {0};
	RecoAnswerSource best = otherwise[a->kind];
	int			i;

	if (best == RECO_ANSWER_BASKET && a->scores.has_session)
		best = RECO_ANSWER_SESSION;
	for (i = 0; i < RECO_COMPONENTS; i++)
		if (a->mix.weights[i] != 0)
			parts[source_in(a, i)] += a->mix.weights[i] * reco_scoring_value(a->scoring, &a->scores, i, item);
	for (i = 0; i < RECO_ANSWER_SOURCES; i++)
		if (parts[i] != 0 && parts[i] > parts[best])
			best = (RecoAnswerSource) i;
	return best;
}
