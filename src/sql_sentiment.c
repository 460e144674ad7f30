/*
 * sql_sentiment.c: the SQL function that tells what a text says of stars.
 */
#include "postgres.h"

#include "answering.h"
#include "funcapi.h"
#include "surface.h"
#include "texts.h"

PG_FUNCTION_INFO_V1(reco_sentiment);

/* The configuration by which the model's own texts were read. */
static Oid
find_configuration(const char *name, const RecoModel *model)
{
	const char *configuration = pnstrdup(model->configuration, model->configuration_length);
	Oid			oid = reco_words_find_configuration(configuration);

	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("text search configuration %s, by which model \"%s\" finds words, does not exist", configuration, name),
				 errhint("Create it, or call reco.add_reviews with another configuration and then reco.train.")));
	return oid;
}

static void
require_words(const char *name, const RecoModel *model)
{
	if (model->wording.weights == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has not learned what words say", name),
				 errhint("Training learns it from %d or more reviews with words and stars, %d of them positive and %d negative: "
						 "give body and stars to reco.add_reviews, then call reco.train.", RECO_WORDING_LEAST_TEXTS,
						 RECO_WORDING_LEAST_OPINIONS, RECO_WORDING_LEAST_OPINIONS)));
}

Datum
reco_sentiment(PG_FUNCTION_ARGS)
{
	RecoModelRow *row = reco_catalog_find_model(reco_surface_text(fcinfo, 0, "model"), RECO_READ_CALLER, false);
	const RecoModel *model;
	TupleDesc	descriptor;
	Datum		values[2] = {0, 0};
	bool		nulls[2] = {true, true};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE || descriptor->natts != 2)
		elog(ERROR, "return type must be a row of 2 columns");
	reco_catalog_require(row, RECO_ACCESS_RECOMMEND);
	model = reco_answering_model(row);
	require_words(row->name, model);
	if (!PG_ARGISNULL(1))
	{
		text	   *body = PG_GETARG_TEXT_PP(1);
		RecoTexts  *texts = reco_texts_create();

		if (reco_texts_read(texts, find_configuration(row->name, model), VARDATA_ANY(body), VARSIZE_ANY_EXHDR(body)))
		{
			double		score = reco_wording_score(&model->wording, texts->text.features, texts->text.n);

			values[0] = Float8GetDatum(reco_wording_positive(&model->wording.curves, score));
			values[1] = Float8GetDatum(reco_wording_stars(&model->wording.curves, score));
			nulls[0] = nulls[1] = false;
		}
		reco_texts_free(texts);
	}
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}
