/*
 * publish.c: makes a stored version of what training gave.
 */
#include "postgres.h"

#include "publish.h"

#include <math.h>

#include "checksum.h"
#include "model.h"
#include "utils/builtins.h"

static void
set_keys(const RecoTrained *trained, RecoModel *model)
{
	const RecoIdMap *items = trained->items;
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
	start = reco_budget_alloc(trained->budget, (Size) model->items + 1, sizeof(uint64), "item keys");
	for (i = 0; i < model->items; i++)
	{
		int			length;

		(void) reco_idmap_text(items, i, &length);
		start[i + 1] = start[i] + length;
	}
	bytes = reco_budget_alloc(trained->budget, start[model->items], 1, "item keys");
	for (i = 0; i < model->items; i++)
	{
		int			length;
		const char *key = reco_idmap_text(items, i, &length);

		memcpy(bytes + start[i], key, length);
	}
	model->key_start = start;
	model->key_bytes = bytes;
}

/*
 * The file form of a trained model, in the memory of its training.
 */
char *
reco_publish_blob(const RecoTrained *trained, Size *length)
{
	RecoModel	model = {0};
	char	   *blob;

	set_keys(trained, &model);
	model.factors = trained->factors;
	model.y = trained->y;
	model.gram_diagonal = trained->gram_diagonal;
	model.popularity = trained->popularity;
	memcpy(model.parameters, trained->parameters, sizeof(model.parameters));
	*length = reco_model_size(&model);
	blob = reco_budget_alloc(trained->budget, *length, 1, "the model");
	reco_model_write(&model, blob, reco_checksum_crc32c);
	return blob;
}

static char *
json_number(double value)
{
	return isfinite(value) ? psprintf("%.6g", value) : pstrdup("null");
}

static void
append_metrics(StringInfo text, const RecoHoldoutMetrics *m)
{
	appendStringInfo(text, "\"completion\": {\"cases\": %d, \"recall@10\": %s, \"ndcg@10\": %s, \"popularity_recall@10\": %s}, ",
					 m->completion_cases, json_number(m->recall_completion), json_number(m->ndcg_completion),
					 json_number(m->recall_popularity));
	appendStringInfo(text, "\"next_order\": {\"cases\": %d, \"recall@10\": %s, \"ndcg@10\": %s}, ",
					 m->next_cases, json_number(m->recall_next), json_number(m->ndcg_next));
}

static void
append_chosen(StringInfo text, const double *p)
{
	appendStringInfo(text, "\"chosen\": {\"basket_lambda\": %s, \"history_lambda\": %s, \"history_half_life\": %s, "
					 "\"history_weight\": %s, \"alone_lambda\": %s, \"alone_half_life\": %s}, ",
					 json_number(p[RECO_PARAMETER_BASKET_LAMBDA]), json_number(p[RECO_PARAMETER_HISTORY_LAMBDA]),
					 json_number(p[RECO_PARAMETER_HISTORY_HALF_LIFE]), json_number(p[RECO_PARAMETER_HISTORY_WEIGHT]),
					 json_number(p[RECO_PARAMETER_ALONE_LAMBDA]), json_number(p[RECO_PARAMETER_ALONE_HALF_LIFE]));
}

static void
append_seconds(StringInfo text, const double *seconds)
{
	int			i;

	appendStringInfoString(text, "\"seconds\": {");
	for (i = 0; i < RECO_STAGES; i++)
		appendStringInfo(text, "%s\"%s\": %.3f", i > 0 ? ", " : "", reco_train_stage_name((RecoStage) i), seconds[i]);
	appendStringInfoChar(text, '}');
}

static Jsonb *
metrics_json(const RecoTrained *trained)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	append_metrics(&text, &trained->metrics);
	append_chosen(&text, trained->parameters);
	append_seconds(&text, trained->seconds);
	appendStringInfoChar(&text, '}');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data)));
}

/*
 * Store a trained model as the next version, make it the active one, and delete versions beyond keep_versions.  Returns
 * its number.  The caller holds the model's row lock.
 */
int32
reco_publish_version(const RecoModelRow *model, const RecoTrained *trained, int keep_versions, double seconds)
{
	RecoVersionRow version = {0};
	Size		length;
	char	   *blob = reco_publish_blob(trained, &length);

	version.trained_to = trained->clock;
	version.rows = trained->rows;
	version.users = trained->users;
	version.items = reco_idmap_count(trained->items);
	version.bags = trained->bags;
	version.seconds = seconds;
	version.bytes = (int64) length;
	version.kernel = unconstify(char *, trained->kernel);
	version.options = model->options;
	version.metrics = metrics_json(trained);
	reco_catalog_add_version(model, &version, blob, length);
	reco_catalog_prune(model->name, keep_versions);
	return version.version;
}
