/*
 * srf.c: the SQL functions that answer requests with sets of rows.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "complete_basket.h"
#include "explain.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "goes_with.h"
#include "impressions.h"
#include "predict.h"
#include "prices.h"
#include "recommend.h"
#include "recommend_all.h"
#include "section.h"
#include "similar.h"
#include "surface.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(reco_recommend_integer);
PG_FUNCTION_INFO_V1(reco_recommend_text);
PG_FUNCTION_INFO_V1(reco_recommend_logged_integer);
PG_FUNCTION_INFO_V1(reco_recommend_logged_text);
PG_FUNCTION_INFO_V1(reco_recommend_all_integer);
PG_FUNCTION_INFO_V1(reco_recommend_all_text);
PG_FUNCTION_INFO_V1(reco_predict_integer);
PG_FUNCTION_INFO_V1(reco_predict_text);
PG_FUNCTION_INFO_V1(reco_similar_items_integer);
PG_FUNCTION_INFO_V1(reco_similar_items_text);
PG_FUNCTION_INFO_V1(reco_complements_integer);
PG_FUNCTION_INFO_V1(reco_complements_text);
PG_FUNCTION_INFO_V1(reco_weights);
PG_FUNCTION_INFO_V1(reco_explain_integer);
PG_FUNCTION_INFO_V1(reco_explain_text);
PG_FUNCTION_INFO_V1(reco_complete_basket_integer);
PG_FUNCTION_INFO_V1(reco_complete_basket_text);

#define MAX_K 1000000

/* The arguments of recommend and recommend_text, in order. */
enum
{
	ARG_MODEL, ARG_USER, ARG_K, ARG_BASKET, ARG_CANDIDATES, ARG_EXCLUDE, ARG_EXCLUDE_PURCHASED, ARG_AS_OF, ARG_HISTORY,
	ARG_CONTEXT, ARG_SESSION, ARG_VALUE_WEIGHT, ARG_RULES, ARGUMENTS
};

static RecoKey
datum_key(Datum datum, bool integer_keys)
{
	RecoKey		key = {0, NULL, 0};

	if (integer_keys)
		key.integer = DatumGetInt64(datum);
	else
	{
		text	   *bytes = DatumGetTextPP(datum);

		key.bytes = VARDATA_ANY(bytes);
		key.length = VARSIZE_ANY_EXHDR(bytes);
	}
	return key;
}

static void
check_array(ArrayType *array, const char *name)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("parameter \"%s\" must be a one-dimensional array, not one of %d dimensions", name, ARR_NDIM(array)),
				 errhint("Give a plain list of item ids.")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"%s\" must not contain nulls", name),
				 errhint("Remove them, for example with array_remove(%s, NULL).", name)));
}

static RecoKeyList
key_list(FunctionCallInfo fcinfo, int i, const char *name, bool integer_keys)
{
	RecoKeyList list = {false, 0, NULL};
	ArrayType  *array;
	Datum	   *elements;
	int			j;

	if (PG_ARGISNULL(i))
		return list;
	array = PG_GETARG_ARRAYTYPE_P(i);
	check_array(array, name);
	if (integer_keys)
		deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, NULL, &list.n);
	else
		deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &list.n);
	list.given = true;
	list.keys = palloc_extended(mul_size(Max(list.n, 1), sizeof(RecoKey)), MCXT_ALLOC_HUGE);
	for (j = 0; j < list.n; j++)
		list.keys[j] = datum_key(elements[j], integer_keys);
	return list;
}

static int
read_k(FunctionCallInfo fcinfo, int i)
{
	int			k;

	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"k\" must not be null"),
				 errhint("Give a number from 1 to %d.", MAX_K)));
	k = PG_GETARG_INT32(i);
	if (k < 1 || k > MAX_K)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"k\" must be from 1 to %d, not %d", MAX_K, k),
				 errhint("It is the number of items wanted.")));
	return k;
}

static TimestampTz
read_as_of(FunctionCallInfo fcinfo, int i)
{
	TimestampTz as_of;

	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"as_of\" must not be null"),
				 errhint("Leave it out for now().")));
	as_of = PG_GETARG_TIMESTAMPTZ(i);
	if (TIMESTAMP_NOT_FINITE(as_of))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"as_of\" must be finite"),
				 errhint("Leave it out for now().")));
	return as_of;
}

/* context is the number of an argument, and that of the session follows it. */
static RecoVisitor
read_visitor(FunctionCallInfo fcinfo, int user, int basket, int history, int context, bool integer_keys)
{
	RecoVisitor visitor = {.has_user = !PG_ARGISNULL(user)};

	if (visitor.has_user)
		visitor.user = datum_key(PG_GETARG_DATUM(user), integer_keys);
	visitor.basket = key_list(fcinfo, basket, "basket", integer_keys);
	visitor.history = key_list(fcinfo, history, "history", integer_keys);
	if (!PG_ARGISNULL(context))
		visitor.context = PG_GETARG_JSONB_P(context);
	visitor.session = reco_surface_text_or_null(fcinfo, context + 1);
	return visitor;
}

static RecoRequest
read_request(FunctionCallInfo fcinfo, bool integer_keys)
{
	RecoRequest request = {0};

	request.model = reco_surface_text(fcinfo, ARG_MODEL, "model");
	request.integer_keys = integer_keys;
	request.visitor = read_visitor(fcinfo, ARG_USER, ARG_BASKET, ARG_HISTORY, ARG_CONTEXT, integer_keys);
	request.k = read_k(fcinfo, ARG_K);
	request.candidates = key_list(fcinfo, ARG_CANDIDATES, "candidates", integer_keys);
	request.exclude = key_list(fcinfo, ARG_EXCLUDE, "exclude", integer_keys);
	request.exclude_purchased = !PG_ARGISNULL(ARG_EXCLUDE_PURCHASED) && PG_GETARG_BOOL(ARG_EXCLUDE_PURCHASED);
	request.as_of = read_as_of(fcinfo, ARG_AS_OF);
	request.value_weight = reco_surface_value_weight(fcinfo, ARG_VALUE_WEIGHT);
	return request;
}

static Datum
item_datum(const RecoModel *model, int32 item)
{
	uint64		start;

	if (model->integer_keys)
		return Int64GetDatum(model->keys[item]);
	start = model->key_start[item];
	return PointerGetDatum(cstring_to_text_with_len(model->key_bytes + start, (int) (model->key_start[item + 1] - start)));
}

static const Jsonb *
read_rules(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? NULL : PG_GETARG_JSONB_P(i);
}

/* Which rules placed a row, as an array of texts, or NULL. */
static Datum
rules_datum(const RecoRules *rules, const RecoRecommendation *row, bool *is_null)
{
	List	   *words = rules != NULL ? reco_rules_words(rules, row->traces, row->boosts) : NIL;
	Datum	   *elements;
	ListCell   *cell;
	int			n = 0;

	*is_null = words == NIL;
	if (words == NIL)
		return (Datum) 0;
	elements = palloc(mul_size(list_length(words), sizeof(Datum)));
	foreach(cell, words)
		elements[n++] = CStringGetTextDatum(lfirst(cell));
	return PointerGetDatum(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* A row of recommend; with an id, NULL or not, one of recommend_logged. */
static void
put_answer(RecoAnswerSet *set, const RecoAnswer *answer, int i, bool with_id, const pg_uuid_t *id)
{
	const RecoRecommendation *row = &answer->rows[i];
	Datum		values[10];
	bool		nulls[10] = {[0] = id == NULL,[4] = isnan(row->probability),[6] = isnan(row->value),[7] = isnan(row->price),[8] = isnan(row->price)};

	values[0] = id != NULL ? UUIDPGetDatum(id) : (Datum) 0;
	values[1] = Int32GetDatum(i + 1);
	values[2] = item_datum(answer->model, row->item);
	values[3] = Float8GetDatum(row->score);
	values[4] = Float8GetDatum(row->probability);
	values[5] = CStringGetTextDatum(reco_answering_source_name(row->source));
	values[6] = Float8GetDatum(row->value);
	values[7] = Float8GetDatum(row->price);
	values[8] = BoolGetDatum(row->offer);
	values[9] = rules_datum(answer->rules, row, &nulls[9]);
	reco_surface_put_row(set, values + !with_id, nulls + !with_id);
}

static Datum
answer(FunctionCallInfo fcinfo, bool integer_keys)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, ARGUMENTS);
	RecoRequest request;
	RecoAnswer *recommendations;
	int			i;

	request = read_request(fcinfo, integer_keys);
	recommendations = reco_recommend(&request, read_rules(fcinfo, ARG_RULES));
	for (i = 0; i < recommendations->n; i++)
		put_answer(&set, recommendations, i, false, NULL);
	return reco_surface_end_set(&set);
}

static char *
key_text(const RecoKey *key, bool integer_keys)
{
	return integer_keys ? psprintf(INT64_FORMAT, key->integer) : pnstrdup(key->bytes, key->length);
}

/* Keep what was answered; NULL where that is not wanted. */
static const pg_uuid_t *
log_answer(const RecoAnswering *a, const RecoRequest *request, const RecoAnswer *answer)
{
	RecoImpression *impression = palloc0(sizeof(RecoImpression));
	const char **items;
	int			i;

	if (a->options.impression_days == 0 || answer->n == 0 || answer->n > RECO_MAX_SHOWN)
		return NULL;
	items = palloc(mul_size(answer->n, sizeof(char *)));
	for (i = 0; i < answer->n; i++)
	{
		RecoKey		item = reco_answering_item_key(answer->model, answer->rows[i].item);

		items[i] = key_text(&item, request->integer_keys);
	}
	impression->n = answer->n;
	impression->items = items;
	impression->at = GetCurrentTransactionStartTimestamp();
	impression->id = *DatumGetUUIDP(DirectFunctionCall1(gen_random_uuid, (Datum) 0));
	if (request->visitor.has_user)
	{
		char	   *user = key_text(&request->visitor.user, request->integer_keys);

		if (reco_impressions_may_name(a->row, &a->options, a->sources, user))
			impression->user = user;
	}
	reco_impressions_log(a->row, &a->options, impression);
	return &impression->id;
}

static Datum
answer_logged(FunctionCallInfo fcinfo, bool integer_keys)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, ARGUMENTS);
	RecoRequest request = read_request(fcinfo, integer_keys);
	RecoAnswering *a;
	RecoAnswer *recommendations;
	const pg_uuid_t *id;
	RecoSection section;
	int			i;

	reco_surface_prevent_read_only(fcinfo);
	a = reco_answering_begin(request.model, integer_keys, request.as_of);
	request.rules = reco_recommend_rules(a, read_rules(fcinfo, ARG_RULES));
	recommendations = reco_recommend_by(a, &request);
	section = reco_section_begin(GetUserId(), NULL);
	id = log_answer(a, &request, recommendations);
	reco_section_end(&section);
	for (i = 0; i < recommendations->n; i++)
		put_answer(&set, recommendations, i, true, id);
	return reco_surface_end_set(&set);
}

Datum
reco_recommend_logged_integer(PG_FUNCTION_ARGS)
{
	return answer_logged(fcinfo, true);
}

Datum
reco_recommend_logged_text(PG_FUNCTION_ARGS)
{
	return answer_logged(fcinfo, false);
}

Datum
reco_recommend_integer(PG_FUNCTION_ARGS)
{
	return answer(fcinfo, true);
}

Datum
reco_recommend_text(PG_FUNCTION_ARGS)
{
	return answer(fcinfo, false);
}

/* The arguments of recommend_all and recommend_all_text, in order. */
enum
{
	ALL_MODEL, ALL_K, ALL_USERS, ALL_EXCLUDE_PURCHASED, ALL_AS_OF, ALL_USERS_FROM, ALL_VALUE_WEIGHT, ALL_RULES, ALL_ARGUMENTS
};

static Oid
read_users_from(FunctionCallInfo fcinfo, const RecoKeyList *users)
{
	if (PG_ARGISNULL(ALL_USERS_FROM))
		return InvalidOid;
	if (users->given)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameters \"users\" and \"users_from\" exclude each other"),
				 errhint("Give an array of customers, or a relation that has them.")));
	return PG_GETARG_OID(ALL_USERS_FROM);
}

static Datum
key_datum(const RecoKey *key, bool integer_keys)
{
	if (integer_keys)
		return Int64GetDatum(key->integer);
	return PointerGetDatum(cstring_to_text_with_len(key->bytes, key->length));
}

static void
put_bulk_row(void *arg, const RecoModel *model, const RecoKey *user, int rank, const RecoRecommendation *row,
			 const RecoRules *rules)
{
	Datum		values[10];
	bool		nulls[10] = {[4] = isnan(row->probability),[6] = isnan(row->value),[7] = isnan(row->price),[8] = isnan(row->price)};

	values[0] = key_datum(user, model->integer_keys);
	values[1] = Int32GetDatum(rank);
	values[2] = item_datum(model, row->item);
	values[3] = Float8GetDatum(row->score);
	values[4] = Float8GetDatum(row->probability);
	values[5] = CStringGetTextDatum(reco_answering_source_name(row->source));
	values[6] = Float8GetDatum(row->value);
	values[7] = Float8GetDatum(row->price);
	values[8] = BoolGetDatum(row->offer);
	values[9] = rules_datum(rules, row, &nulls[9]);
	reco_surface_put_row(arg, values, nulls);
}

static Datum
answer_all(FunctionCallInfo fcinfo, bool integer_keys)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, ALL_ARGUMENTS);
	RecoBulkRequest request = {0};
	RecoProgress progress;

	request.model = reco_surface_text(fcinfo, ALL_MODEL, "model");
	request.integer_keys = integer_keys;
	request.k = read_k(fcinfo, ALL_K);
	request.users = key_list(fcinfo, ALL_USERS, "users", integer_keys);
	request.has_users_from = !PG_ARGISNULL(ALL_USERS_FROM);
	request.users_from = read_users_from(fcinfo, &request.users);
	request.exclude_purchased = !PG_ARGISNULL(ALL_EXCLUDE_PURCHASED) && PG_GETARG_BOOL(ALL_EXCLUDE_PURCHASED);
	request.as_of = read_as_of(fcinfo, ALL_AS_OF);
	request.value_weight = reco_surface_value_weight(fcinfo, ALL_VALUE_WEIGHT);
	request.rules = read_rules(fcinfo, ALL_RULES);
	request.memory_limit = (Size) maintenance_work_mem * 1024;
	request.progress = &progress;
	reco_progress_begin(&progress, RECO_COMMAND_RECOMMEND_ALL, request.model);
	reco_recommend_all(&request, put_bulk_row, &set);
	reco_progress_end(&progress);
	return reco_surface_end_set(&set);
}

Datum
reco_recommend_all_integer(PG_FUNCTION_ARGS)
{
	return answer_all(fcinfo, true);
}

Datum
reco_recommend_all_text(PG_FUNCTION_ARGS)
{
	return answer_all(fcinfo, false);
}

/* The arguments of predict and predict_text, in order. */
enum
{
	PREDICT_MODEL, PREDICT_USER, PREDICT_ITEMS, PREDICT_BASKET, PREDICT_AS_OF, PREDICT_HISTORY,
	PREDICT_CONTEXT, PREDICT_SESSION, PREDICT_ARGUMENTS
};

static RecoPredictionRequest
read_prediction_request(FunctionCallInfo fcinfo, bool integer_keys)
{
	RecoPredictionRequest request = {0};

	if (PG_ARGISNULL(PREDICT_ITEMS))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"item_ids\" must not be null"),
				 errhint("Give the items to score; an empty array gives no rows.")));
	request.model = reco_surface_text(fcinfo, PREDICT_MODEL, "model");
	request.integer_keys = integer_keys;
	request.visitor = read_visitor(fcinfo, PREDICT_USER, PREDICT_BASKET, PREDICT_HISTORY, PREDICT_CONTEXT,
								   integer_keys);
	request.visitor.opinions = true;
	request.items = key_list(fcinfo, PREDICT_ITEMS, "item_ids", integer_keys);
	request.as_of = read_as_of(fcinfo, PREDICT_AS_OF);
	return request;
}

static Datum
answer_predict(FunctionCallInfo fcinfo, bool integer_keys)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, PREDICT_ARGUMENTS);
	RecoPredictionRequest request;
	RecoPrediction *predictions;
	int			i;

	request = read_prediction_request(fcinfo, integer_keys);
	predictions = reco_predict(&request);
	for (i = 0; i < request.items.n; i++)
	{
		Datum		values[5];
		bool		nulls[5] = {false};

		CHECK_FOR_INTERRUPTS();
		values[0] = Int32GetDatum(i + 1);
		values[1] = key_datum(&request.items.keys[i], integer_keys);
		values[2] = Float8GetDatum(predictions[i].score);
		nulls[2] = isnan(predictions[i].score);
		values[3] = Float8GetDatum(predictions[i].probability);
		nulls[3] = isnan(predictions[i].probability);
		values[4] = Float8GetDatum(predictions[i].stars);
		nulls[4] = isnan(predictions[i].stars);
		reco_surface_put_row(&set, values, nulls);
	}
	return reco_surface_end_set(&set);
}

Datum
reco_predict_integer(PG_FUNCTION_ARGS)
{
	return answer_predict(fcinfo, true);
}

Datum
reco_predict_text(PG_FUNCTION_ARGS)
{
	return answer_predict(fcinfo, false);
}

/* Rows of rank, item and score. */
static void
put_scores(RecoAnswerSet *set, const RecoAnswer *answer)
{
	int			i;

	for (i = 0; i < answer->n; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false};

		values[0] = Int32GetDatum(i + 1);
		values[1] = item_datum(answer->model, answer->rows[i].item);
		values[2] = Float8GetDatum(answer->rows[i].score);
		reco_surface_put_row(set, values, nulls);
	}
}

/* The arguments of similar_items and similar_items_text, in order. */
enum
{
	SIMILAR_MODEL, SIMILAR_ITEM, SIMILAR_K, SIMILAR_ARGUMENTS
};

static Datum
answer_similar(FunctionCallInfo fcinfo, bool integer_keys)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, SIMILAR_ARGUMENTS);
	RecoAnswer *similar;
	RecoKey		item;

	if (PG_ARGISNULL(SIMILAR_ITEM))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"item_id\" must not be null"),
				 errhint("Give the item that others are compared with.")));
	item = datum_key(PG_GETARG_DATUM(SIMILAR_ITEM), integer_keys);
	similar = reco_similar_items(reco_surface_text(fcinfo, SIMILAR_MODEL, "model"), integer_keys, &item,
								 read_k(fcinfo, SIMILAR_K));
	put_scores(&set, similar);
	return reco_surface_end_set(&set);
}

Datum
reco_similar_items_integer(PG_FUNCTION_ARGS)
{
	return answer_similar(fcinfo, true);
}

Datum
reco_similar_items_text(PG_FUNCTION_ARGS)
{
	return answer_similar(fcinfo, false);
}

/* The arguments of complements and complements_text, in order. */
enum
{
	COMPLEMENTS_MODEL, COMPLEMENTS_BASKET, COMPLEMENTS_K, COMPLEMENTS_ARGUMENTS
};

static Datum
answer_complements(FunctionCallInfo fcinfo, bool integer_keys)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, COMPLEMENTS_ARGUMENTS);
	RecoKeyList basket;

	if (PG_ARGISNULL(COMPLEMENTS_BASKET))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"basket\" must not be null"),
				 errhint("Give the items that others are to go with, as an array.")));
	basket = key_list(fcinfo, COMPLEMENTS_BASKET, "basket", integer_keys);
	put_scores(&set, reco_goes_with(reco_surface_text(fcinfo, COMPLEMENTS_MODEL, "model"), integer_keys, &basket,
									read_k(fcinfo, COMPLEMENTS_K)));
	return reco_surface_end_set(&set);
}

Datum
reco_complements_integer(PG_FUNCTION_ARGS)
{
	return answer_complements(fcinfo, true);
}

Datum
reco_complements_text(PG_FUNCTION_ARGS)
{
	return answer_complements(fcinfo, false);
}

typedef struct Weight
{
	RecoEvidenceKind request;
	const char *name;
	const char *kind;
	double		weight;
	const double *loss;			/* what recall loses without it, and the standard error of that */
} Weight;

#define MOST_WEIGHTS (RECO_BLENDS * (RECO_COMPONENTS + RECO_STRENGTHS + RECO_MAX_EVENT_KINDS))
#define CHANCE 0.05

typedef struct Weights
{
	Weight		list[MOST_WEIGHTS];
	int			n;
} Weights;

/* So many standard deviations that the chance of any of n normal variables to be further from its mean is at most CHANCE. */
static double
simultaneous_width(int n)
{
	double		low = 0;
	double		high = 10;
	int			i;

	for (i = 0; i < 60; i++)
	{
		double		middle = (low + high) / 2;

		if (erfc(middle * M_SQRT1_2) * n > CHANCE)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* A row of reco.weights, whose interval holds together with those of all other rows of the kind of data. */
static void
put_weight(RecoAnswerSet *set, const Weights *weights, const Weight *weight)
{
	double		loss = weight->loss[0];
	double		margin;
	Datum		values[7];
	bool		nulls[7] = {false};
	int			n = 0;
	int			i;

	for (i = 0; i < weights->n; i++)
		n += strcmp(weights->list[i].kind, weight->kind) == 0 && !isnan(weights->list[i].loss[1]);
	margin = simultaneous_width(Max(n, 1)) * weight->loss[1];
	values[0] = CStringGetTextDatum(reco_evidence_kind_name(weight->request));
	values[1] = CStringGetTextDatum(weight->name);
	values[2] = CStringGetTextDatum(weight->kind);
	values[3] = Float8GetDatum(weight->weight);
	values[4] = Float8GetDatum(loss);
	values[5] = Float8GetDatum(loss - margin);
	values[6] = Float8GetDatum(loss + margin);
	nulls[4] = isnan(loss);
	nulls[5] = nulls[6] = isnan(loss + margin);
	reco_surface_put_row(set, values, nulls);
}

/* The components that the model has anything for. */
static void
add_components(Weights *weights, const RecoModel *model, RecoEvidenceKind kind)
{
	int			c;

	for (c = 0; c < RECO_COMPONENTS; c++)
	{
		int			slot = kind * RECO_BLEND_SLOTS + c;

		if (reco_answering_has(model, (RecoComponent) c))
			weights->list[weights->n++] = (Weight) {
				kind, reco_component_name((RecoComponent) c), reco_component_data((RecoComponent) c),
				model->parameters[RECO_PARAMETER_BLEND + slot], &model->facts[RECO_FACT_LOSSES + 2 * slot]
			};
	}
}

/* A part of contexts as what the same of it counts, such as same_hour. */
static const char *
strength_name(const RecoModel *model, RecoStrengthKind strength)
{
	int32		slots[RECO_MAX_CONTEXTS];
	size_t		length;
	const char *bytes;

	if (strength < RECO_STRENGTH_CONTEXT)
		return reco_strength_name(strength);
	(void) reco_fields_slots(&model->fields, slots);
	bytes = reco_fields_name(&model->fields, slots[strength - RECO_STRENGTH_CONTEXT], &length);
	return psprintf("%s_%.*s", reco_strength_name(strength), (int) length, bytes);
}

/* Whether training had any evidence that a strength is of, for requests of a kind. */
static bool
has_evidence(const RecoModel *model, RecoEvidenceKind kind, RecoStrengthKind strength)
{
	int32		slots[RECO_MAX_CONTEXTS];

	if (!reco_strength_serves(strength, kind))
		return false;
	if (strength >= RECO_STRENGTH_CONTEXT)
		return (int) (strength - RECO_STRENGTH_CONTEXT) < reco_fields_slots(&model->fields, slots);
	return ((uint32) model->facts[RECO_FACT_EVIDENCE] & (1u << strength)) != 0;
}

/* The strengths of evidence that training had any of. */
static void
add_strengths(Weights *weights, const RecoModel *model, RecoEvidenceKind kind)
{
	int			i;

	for (i = 0; i < RECO_STRENGTHS; i++)
	{
		int			slot = kind * RECO_STRENGTH_SLOTS + i;

		if (has_evidence(model, kind, (RecoStrengthKind) i))
			weights->list[weights->n++] = (Weight) {
				kind, strength_name(model, (RecoStrengthKind) i), reco_strength_data((RecoStrengthKind) i),
				model->parameters[RECO_PARAMETER_STRENGTHS + slot], &model->facts[RECO_FACT_STRENGTH_LOSSES + 2 * slot]
			};
	}
}

/* What kinds of events count in the basket, the best 1, where sessions do. */
static void
add_events(Weights *weights, const RecoModel *model, RecoEvidenceKind kind)
{
	static const double unknown[2] = {NAN, NAN};
	int			i;

	for (i = 0; i < model->n_events && reco_strength_serves(RECO_STRENGTH_SESSION, kind); i++)
		weights->list[weights->n++] = (Weight) {
			kind, psprintf("event_%.*s", (int) (model->event_start[i + 1] - model->event_start[i]),
						   model->event_bytes + model->event_start[i]),
			reco_strength_data(RECO_STRENGTH_SESSION), model->event_weights[i], unknown
		};
}

Datum
reco_weights(PG_FUNCTION_ARGS)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, 1);
	RecoModelRow *row = reco_catalog_find_model(reco_surface_text(fcinfo, 0, "model"), RECO_READ_CALLER, false);
	Weights    *weights = palloc0(sizeof(Weights));
	const RecoModel *model;
	int			i;

	reco_catalog_require(row, RECO_ACCESS_RECOMMEND);
	model = reco_answering_model(row);
	for (i = 0; i < RECO_BLENDS; i++)
	{
		add_components(weights, model, (RecoEvidenceKind) i);
		add_strengths(weights, model, (RecoEvidenceKind) i);
		add_events(weights, model, (RecoEvidenceKind) i);
	}
	for (i = 0; i < weights->n; i++)
		put_weight(&set, weights, &weights->list[i]);
	return reco_surface_end_set(&set);
}

/* The arguments of explain and explain_text, in order. */
enum
{
	EXPLAIN_MODEL, EXPLAIN_USER, EXPLAIN_ITEM, EXPLAIN_BASKET, EXPLAIN_HISTORY, EXPLAIN_AS_OF,
	EXPLAIN_CONTEXT, EXPLAIN_SESSION, EXPLAIN_ARGUMENTS
};

static RecoExplanationRequest
read_explanation_request(FunctionCallInfo fcinfo, bool integer_keys)
{
	RecoExplanationRequest request = {0};

	if (PG_ARGISNULL(EXPLAIN_ITEM))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"item_id\" must not be null"),
				 errhint("Give the item whose score is to be explained.")));
	request.model = reco_surface_text(fcinfo, EXPLAIN_MODEL, "model");
	request.integer_keys = integer_keys;
	request.visitor = read_visitor(fcinfo, EXPLAIN_USER, EXPLAIN_BASKET, EXPLAIN_HISTORY, EXPLAIN_CONTEXT,
								   integer_keys);
	request.item = datum_key(PG_GETARG_DATUM(EXPLAIN_ITEM), integer_keys);
	request.as_of = read_as_of(fcinfo, EXPLAIN_AS_OF);
	return request;
}

/* What is known of who asks, as users.region = north. */
static Datum
label_datum(const RecoFields *fields, int32 label)
{
	int32		field = reco_fields_of_label(fields, label);
	StringInfoData text;
	size_t		length;
	const char *bytes;

	initStringInfo(&text);
	appendStringInfoString(&text, fields->entries[field].group == RECO_FIELDS_OF_CONTEXT ? "context." : "users.");
	bytes = reco_fields_name(fields, field, &length);
	appendBinaryStringInfo(&text, bytes, (int) length);
	appendStringInfoString(&text, " = ");
	bytes = reco_fields_text(fields, label, &length);
	appendBinaryStringInfo(&text, bytes, (int) length);
	return PointerGetDatum(cstring_to_text_with_len(text.data, text.len));
}

static Datum
answer_explain(FunctionCallInfo fcinfo, bool integer_keys)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, EXPLAIN_ARGUMENTS);
	RecoExplanationRequest request;
	RecoExplanation *explanation;
	int64		i;

	request = read_explanation_request(fcinfo, integer_keys);
	explanation = reco_explain(&request);
	for (i = 0; i < explanation->n; i++)
	{
		const RecoContribution *row = &explanation->rows[i];
		Datum		values[5] = {0};
		bool		nulls[5] = {false, false, row->evidence < 0, false, row->label < 0};

		CHECK_FOR_INTERRUPTS();
		values[0] = CStringGetTextDatum(row->is_friends ? reco_strength_data(RECO_STRENGTH_FRIENDS) : reco_component_data(row->component));
		values[1] = CStringGetTextDatum(row->is_friends ? reco_strength_name(RECO_STRENGTH_FRIENDS) : reco_component_name(row->component));
		if (!nulls[2])
			values[2] = item_datum(explanation->model, row->evidence);
		values[3] = Float8GetDatum(row->contribution);
		if (!nulls[4])
			values[4] = label_datum(&explanation->model->fields, row->label);
		reco_surface_put_row(&set, values, nulls);
	}
	return reco_surface_end_set(&set);
}

Datum
reco_explain_integer(PG_FUNCTION_ARGS)
{
	return answer_explain(fcinfo, true);
}

Datum
reco_explain_text(PG_FUNCTION_ARGS)
{
	return answer_explain(fcinfo, false);
}

/* The arguments of complete_basket and complete_basket_text, in order. */
enum
{
	TOP_UP_MODEL, TOP_UP_USER, TOP_UP_BASKET, TOP_UP_TARGET, TOP_UP_K, TOP_UP_BASKET_VALUE, TOP_UP_CANDIDATES, TOP_UP_EXCLUDE,
	TOP_UP_EXCLUDE_PURCHASED, TOP_UP_AS_OF, TOP_UP_HISTORY, TOP_UP_CONTEXT, TOP_UP_SESSION, TOP_UP_ARGUMENTS
};

static double
read_amount(FunctionCallInfo fcinfo, int i, const char *name)
{
	double		amount;

	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"%s\" must not be null", name),
				 errhint("Give an amount in the currency of the prices.")));
	amount = PG_GETARG_FLOAT8(i);
	if (!isfinite(amount) || amount < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%s\" must be a number from 0 on, not %g", name, amount),
				 errhint("Give an amount in the currency of the prices.")));
	return amount;
}

static RecoTopUpRequest
read_top_up_request(FunctionCallInfo fcinfo, bool integer_keys)
{
	RecoTopUpRequest request = {0};

	request.request.model = reco_surface_text(fcinfo, TOP_UP_MODEL, "model");
	request.request.integer_keys = integer_keys;
	request.request.visitor = read_visitor(fcinfo, TOP_UP_USER, TOP_UP_BASKET, TOP_UP_HISTORY, TOP_UP_CONTEXT, integer_keys);
	request.request.k = read_k(fcinfo, TOP_UP_K);
	request.request.candidates = key_list(fcinfo, TOP_UP_CANDIDATES, "candidates", integer_keys);
	request.request.exclude = key_list(fcinfo, TOP_UP_EXCLUDE, "exclude", integer_keys);
	request.request.exclude_purchased = !PG_ARGISNULL(TOP_UP_EXCLUDE_PURCHASED) && PG_GETARG_BOOL(TOP_UP_EXCLUDE_PURCHASED);
	request.request.as_of = read_as_of(fcinfo, TOP_UP_AS_OF);
	request.target = read_amount(fcinfo, TOP_UP_TARGET, "target");
	request.basket_value = PG_ARGISNULL(TOP_UP_BASKET_VALUE) ? NAN : read_amount(fcinfo, TOP_UP_BASKET_VALUE, "basket_value");
	return request;
}

static Datum
items_datum(const RecoModel *model, const int32 *items, int n)
{
	Datum		elements[RECO_TOP_UP_ITEMS];
	int			i;

	for (i = 0; i < n; i++)
		elements[i] = item_datum(model, items[i]);
	return PointerGetDatum(model->integer_keys ? construct_array(elements, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)
						   : construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static Datum
answer_complete_basket(FunctionCallInfo fcinfo, bool integer_keys)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, TOP_UP_ARGUMENTS);
	RecoTopUpRequest request = read_top_up_request(fcinfo, integer_keys);
	RecoTopUps *top_ups = reco_complete_basket(&request);
	int			i;

	for (i = 0; i < top_ups->n; i++)
	{
		const RecoTopUp *row = &top_ups->rows[i];
		Datum		values[9];
		bool		nulls[9] = {false};

		values[0] = Int32GetDatum(i + 1);
		values[1] = items_datum(top_ups->model, row->item, row->n);
		values[2] = Float8GetDatum(row->price);
		values[3] = Float8GetDatum(row->total);
		values[4] = Float8GetDatum(Max(reco_prices_round(row->total - request.target), 0));
		values[5] = Float8GetDatum(row->probability);
		nulls[5] = isnan(row->probability);
		values[6] = Float8GetDatum(row->score);
		values[7] = CStringGetTextDatum(reco_answering_source_name(row->source));
		values[8] = BoolGetDatum(row->offer);
		reco_surface_put_row(&set, values, nulls);
	}
	return reco_surface_end_set(&set);
}

Datum
reco_complete_basket_integer(PG_FUNCTION_ARGS)
{
	return answer_complete_basket(fcinfo, true);
}

Datum
reco_complete_basket_text(PG_FUNCTION_ARGS)
{
	return answer_complete_basket(fcinfo, false);
}
