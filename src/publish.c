/*
 * publish.c: makes a stored version of what training gave.
 */
#include "postgres.h"

#include "publish.h"

#include <math.h>

#include "checksum.h"
#include "components.h"
#include "foldin.h"
#include "interrupts.h"
#include "mb/pg_wchar.h"
#include "storage/shmem.h"
#include "utils/builtins.h"

static void
set_keys(RecoBudget *budget, const RecoIdMap *items, RecoModel *model)
{
	uint64	   *start;
	char	   *bytes;
	int32		i;

	model->integer_keys = reco_idmap_is_integer(items);
	model->items = reco_idmap_count(items);
	if (model->integer_keys)
	{
		model->keys = reco_idmap_integers(items);
		return;
	}
	start = reco_budget_alloc(budget, (Size) model->items + 1, sizeof(uint64), "item keys");
	for (i = 0; i < model->items; i++)
	{
		int			length;

		RECO_CHECK_INTERRUPTS(i);
		(void) reco_idmap_text(items, i, &length);
		start[i + 1] = start[i] + length;
	}
	bytes = reco_budget_alloc(budget, start[model->items], 1, "item keys");
	for (i = 0; i < model->items; i++)
	{
		int			length;
		const char *key = reco_idmap_text(items, i, &length);

		RECO_CHECK_INTERRUPTS(i);
		memcpy(bytes + start[i], key, length);
	}
	model->key_start = start;
	model->key_bytes = bytes;
}

static void
set_losses(const RecoHoldoutMetrics *metrics, double *facts)
{
	int			kind;
	int			c;

	for (kind = 0; kind < RECO_BLENDS; kind++)
		for (c = 0; c < RECO_BLEND_SLOTS; c++)
		{
			*facts++ = c < RECO_COMPONENTS ? metrics->losses[kind][c].recall : NAN;
			*facts++ = c < RECO_COMPONENTS ? metrics->losses[kind][c].error : NAN;
		}
	for (kind = 0; kind < RECO_BLENDS; kind++)
		for (c = 0; c < RECO_STRENGTH_SLOTS; c++)
		{
			*facts++ = c < RECO_STRENGTHS ? metrics->strength_losses[kind][c].recall : NAN;
			*facts++ = c < RECO_STRENGTHS ? metrics->strength_losses[kind][c].error : NAN;
		}
}

static void
set_facts(const RecoTrained *trained, double *facts)
{
	const RecoHoldoutMetrics *metrics = &trained->metrics;

	facts[RECO_FACT_USERS] = trained->users;
	facts[RECO_FACT_ORDERS] = trained->orders;
	facts[RECO_FACT_BAGS] = (double) trained->bags;
	facts[RECO_FACT_COMPLETION_CASES] = metrics->completion_cases;
	facts[RECO_FACT_NEXT_CASES] = metrics->next_cases;
	facts[RECO_FACT_RECALL_COMPLETION] = metrics->recall_completion;
	facts[RECO_FACT_NDCG_COMPLETION] = metrics->ndcg_completion;
	facts[RECO_FACT_RECALL_NEXT] = metrics->recall_next;
	facts[RECO_FACT_NDCG_NEXT] = metrics->ndcg_next;
	facts[RECO_FACT_RECALL_POPULARITY] = metrics->recall_popularity;
	facts[RECO_FACT_COMPLEMENTS] = trained->method;
	facts[RECO_FACT_EVIDENCE] = trained->evidence;
	set_losses(metrics, &facts[RECO_FACT_LOSSES]);
}

/* What is known of stars and words. */
static void
set_sentiment(const RecoTrained *trained, RecoModel *model)
{
	const RecoReviews *reviews = trained->reviews;
	double	   *stars;

	if (trained->sentiment.items == NULL)
		return;
	stars = reco_budget_alloc(trained->budget, RECO_STARS_NUMBERS, sizeof(double), "stars");
	stars[RECO_STARS_MEAN] = Min(Max(trained->sentiment.mean, reviews->least), reviews->most);
	stars[RECO_STARS_LEAST] = reviews->least;
	stars[RECO_STARS_MOST] = reviews->most;
	model->sentiment = trained->sentiment.items;
	model->stars = stars;
	model->wording = reviews->wording;
	if (model->wording.weights == NULL)
		return;
	model->configuration = reviews->configuration;
	model->configuration_length = strlen(reviews->configuration);
}

/* The kinds of events, in the budget's memory. */
static void
set_events(const RecoTrained *trained, RecoModel *model)
{
	uint64	   *start;
	char	   *bytes;
	int			length;
	int			i;

	if (trained->n_events == 0)
		return;
	start = reco_budget_alloc(trained->budget, trained->n_events + 1, sizeof(uint64), "the model");
	bytes = reco_budget_alloc(trained->budget, trained->n_events, RECO_MAX_EVENT_LENGTH, "the model");
	for (i = 0; i < trained->n_events; i++)
	{
		const char *text = reco_idmap_text(trained->events, i, &length);

		memcpy(bytes + start[i], text, length);
		start[i + 1] = start[i] + length;
	}
	model->n_events = trained->n_events;
	model->event_start = start;
	model->event_bytes = bytes;
	model->event_weights = trained->event_weights;
}

/* What lines of the items come to. */
static void
set_amounts(const RecoTrained *trained, RecoModel *model)
{
	double	   *numbers;

	if (trained->amounts.usual == NULL)
		return;
	numbers = reco_budget_alloc(trained->budget, RECO_USUAL_NUMBERS, sizeof(double), "the model");
	numbers[RECO_USUAL_MEAN] = trained->amounts.mean;
	numbers[RECO_USUAL_MOST] = trained->amounts.most;
	model->usual = trained->amounts.usual;
	model->usual_price = trained->amounts.price;
	model->usual_numbers = numbers;
}

/*
 * The model that training gave, with its pointers into the memory of the training.
 */
RecoModel
reco_publish_model(const RecoTrained *trained)
{
	RecoModel	model = {0};

	set_keys(trained->budget, trained->items, &model);
	model.factors = trained->factors;
	model.y = trained->y;
	model.gram_diagonal = trained->gram_diagonal;
	model.popularity = trained->popularity;
	model.trend = trained->trend;
	model.complements = trained->complements;
	model.match = trained->match;
	set_sentiment(trained, &model);
	set_events(trained, &model);
	set_amounts(trained, &model);
	model.rebought = trained->rebought;
	model.fields = trained->fields;
	model.prior = trained->prior;
	model.lift = trained->lift;
	memcpy(model.parameters, trained->parameters, sizeof(model.parameters));
	set_facts(trained, model.facts);
	return model;
}

/*
 * The file form of a model, in budget's memory.
 */
char *
reco_publish_blob(RecoBudget *budget, const RecoModel *model, Size *length)
{
	RecoRun		run = reco_foldin_run(NULL);
	char	   *blob;

	*length = reco_model_size(model);
	blob = reco_budget_alloc(budget, *length, 1, "the model");
	reco_foldin_check_status(reco_model_write(model, blob, reco_checksum_crc32c, &run), "writing the model");
	return blob;
}

/* How long the file form of a model of these items will be. */
Size
reco_publish_blob_size(const RecoIdMap *items, int factors)
{
	RecoModel	model = {.integer_keys = reco_idmap_is_integer(items),.items = reco_idmap_count(items),.factors = factors};
	uint64	   *start = palloc_extended(mul_size((Size) model.items + 1, sizeof(uint64)), MCXT_ALLOC_HUGE);
	Size		size;
	int32		i;

	start[0] = 0;
	for (i = 0; i < model.items; i++)
		start[i + 1] = start[i] + (model.integer_keys ? 0 : reco_idmap_key(items, i).length);
	model.key_start = start;
	size = reco_model_size(&model);
	pfree(start);
	return size;
}

/* The same of names and labels, which messages tell. */
static bool
labels_are_valid_text(const RecoFields *fields)
{
	int64		i;

	for (i = 0; fields->n > 0 && i < (int64) fields->n + fields->n_labels; i++)
		if (!pg_verify_mbstr(GetDatabaseEncoding(), fields->bytes + fields->start[i],
							 (int) (fields->start[i + 1] - fields->start[i]), true))
			return false;
	return true;
}

/* Text keys go back to clients: they must be texts of this database's encoding. */
static bool
keys_are_valid_text(const RecoModel *model)
{
	int32		i;

	for (i = 0; !model->integer_keys && i < model->items; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (!pg_verify_mbstr(GetDatabaseEncoding(), model->key_bytes + model->key_start[i],
							 (int) (model->key_start[i + 1] - model->key_start[i]), true))
			return false;
	}
	return true;
}

/*
 * Open the file form of a model, which is on a cache line, for use in this database; as reco_model_open.
 */
RecoStatus
reco_publish_open(const char *bytes, Size length, RecoModel *model, const char **problem)
{
	RecoRun		run = reco_foldin_run(NULL);
	RecoStatus	status = reco_model_open(bytes, length, reco_checksum_crc32c, &run, model, problem);

	if (status != RECO_OK)
		return status;
	*problem = "it has keys or labels that are no text of this database's encoding";
	if (!keys_are_valid_text(model) || !labels_are_valid_text(&model->fields))
		return RECO_CORRUPT;
	*problem = "it has a name of a text search configuration that is no text of this database's encoding";
	return pg_verify_mbstr(GetDatabaseEncoding(), model->configuration, (int) model->configuration_length, true) ? RECO_OK
		: RECO_CORRUPT;
}

static char *
json_number(double value)
{
	return isfinite(value) ? psprintf("%.6g", value) : pstrdup("null");
}

static void
append_metrics(StringInfo text, const double *facts)
{
	appendStringInfo(text, "\"completion\": {\"cases\": %.0f, \"recall@10\": %s, \"ndcg@10\": %s, \"popularity_recall@10\": %s}, ",
					 facts[RECO_FACT_COMPLETION_CASES], json_number(facts[RECO_FACT_RECALL_COMPLETION]),
					 json_number(facts[RECO_FACT_NDCG_COMPLETION]), json_number(facts[RECO_FACT_RECALL_POPULARITY]));
	appendStringInfo(text, "\"next_order\": {\"cases\": %.0f, \"recall@10\": %s, \"ndcg@10\": %s}, ",
					 facts[RECO_FACT_NEXT_CASES], json_number(facts[RECO_FACT_RECALL_NEXT]),
					 json_number(facts[RECO_FACT_NDCG_NEXT]));
}

static void
append_chosen(StringInfo text, const double *p)
{
	appendStringInfo(text, "\"chosen\": {\"basket_lambda\": %s, \"history_lambda\": %s, \"history_half_life\": %s, "
					 "\"repeat_half_life\": %s, \"alone_lambda\": %s, \"alone_half_life\": %s}",
					 json_number(p[RECO_PARAMETER_BASKET_LAMBDA]), json_number(p[RECO_PARAMETER_HISTORY_LAMBDA]),
					 json_number(p[RECO_PARAMETER_HISTORY_HALF_LIFE]), json_number(p[RECO_PARAMETER_REPEAT_HALF_LIFE]),
					 json_number(p[RECO_PARAMETER_ALONE_LAMBDA]), json_number(p[RECO_PARAMETER_ALONE_HALF_LIFE]));
}

/* The weights of each kind of request. */
static void
append_blend(StringInfo text, const double *p)
{
	int			kind;
	int			c;

	appendStringInfoString(text, ", \"blend\": {");
	for (kind = 0; kind < RECO_BLENDS; kind++)
	{
		const double *weights = &p[RECO_PARAMETER_BLEND + kind * RECO_BLEND_SLOTS];
		int			n = 0;

		appendStringInfo(text, "%s\"%s\": ", kind > 0 ? ", " : "", reco_evidence_kind_name(kind));
		for (c = 0; c < RECO_COMPONENTS; c++)
			if (weights[c] > 0)
				appendStringInfo(text, "%s\"%s\": %s", n++ > 0 ? ", " : "{", reco_component_name(c), json_number(weights[c]));
		appendStringInfoString(text, n > 0 ? "}" : "null");
	}
	appendStringInfoChar(text, '}');
}

static void
append_curve(StringInfo text, const double *p, RecoEvidenceKind kind)
{
	RecoCurve	curve = reco_scoring_curve(p, kind);

	appendStringInfo(text, "\"%s\": ", reco_evidence_kind_name(kind));
	if (reco_calibration_is_curve(&curve))
		appendStringInfo(text, "{\"intercept\": %s, \"slope\": %s, \"linear\": %s, \"by_basket\": %s, \"by_history\": %s}, ",
						 json_number(curve.intercept), json_number(curve.slope), json_number(curve.linear),
						 json_number(curve.by_basket), json_number(curve.by_history));
	else
		appendStringInfoString(text, "null, ");
}

static void
append_calibration(StringInfo text, const double *p)
{
	int			kind;

	appendStringInfoString(text, ", \"calibration\": {");
	for (kind = 0; kind < RECO_BLENDS; kind++)
		append_curve(text, p, kind);
	appendStringInfo(text, "\"order_mass\": %s}", json_number(p[RECO_PARAMETER_ORDER_MASS]));
}

static void
append_seconds(StringInfo text, const double *seconds)
{
	int			i;

	appendStringInfoString(text, ", \"seconds\": {");
	for (i = 0; i < RECO_STAGES; i++)
		appendStringInfo(text, "%s\"%s\": %.3f", i > 0 ? ", " : "", reco_train_stage_name((RecoStage) i), seconds[i]);
	appendStringInfoChar(text, '}');
}

/* trained is NULL where it was trained elsewhere. */
static Jsonb *
metrics_json(const RecoModel *model, const RecoTrained *trained)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	append_metrics(&text, model->facts);
	append_chosen(&text, model->parameters);
	append_blend(&text, model->parameters);
	append_calibration(&text, model->parameters);
	if (trained != NULL)
	{
		appendStringInfo(&text, ", \"iterations\": %d", trained->iterations);
		append_seconds(&text, trained->seconds);
	}
	appendStringInfoChar(&text, '}');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data)));
}

static RecoVersionRow
version_row(const RecoModel *model, const RecoTrained *trained)
{
	double		clock = model->parameters[RECO_PARAMETER_CLOCK];
	RecoVersionRow version = {0};

	version.trained_to = isfinite(clock) && IS_VALID_TIMESTAMP((TimestampTz) clock) ? (TimestampTz) clock : DT_NOBEGIN;
	version.rows = -1;
	version.users = (int32) model->facts[RECO_FACT_USERS];
	version.items = model->items;
	version.bags = (int64) model->facts[RECO_FACT_BAGS];
	version.complements = reco_options_method_name((RecoComplementsMethod) model->facts[RECO_FACT_COMPLEMENTS]);
	version.metrics = metrics_json(model, trained);
	return version;
}

/*
 * Store a trained model as the next version, make it the active one, and delete versions beyond keep_versions.  Returns
 * its number.  The caller holds the model's row lock.
 */
int32
reco_publish_version(const RecoModelRow *row, const RecoTrained *trained, int keep_versions, double seconds)
{
	RecoModel	model = reco_publish_model(trained);
	RecoVersionRow version = version_row(&model, trained);
	Size		length;
	char	   *blob = reco_publish_blob(trained->budget, &model, &length);

	version.rows = trained->rows;
	version.seconds = seconds;
	version.bytes = (int64) length;
	version.kernel = unconstify(char *, trained->kernel);
	version.options = row->options;
	reco_catalog_add_version(row, &version, blob, length);
	reco_catalog_prune(row->name, keep_versions);
	return version.version;
}

/*
 * The same with a model that was trained elsewhere, from its file form, which was opened as model.
 */
int32
reco_publish_import(const RecoModelRow *row, const RecoModel *model, const char *blob, Size length, int keep_versions)
{
	RecoVersionRow version = version_row(model, NULL);

	version.bytes = (int64) length;
	version.kernel = pstrdup("imported");
	version.options = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	reco_catalog_add_version(row, &version, blob, length);
	reco_catalog_prune(row->name, keep_versions);
	return version.version;
}
