/*
 * compare.c: asks two stored versions of a model what orders asked that neither of them has seen.
 *
 * Both answer the same requests with the same evidence, so that the differences are paired.  Orders from before the end of
 * either one's training would flatter it, and are refused.
 */
#include "postgres.h"

#include "compare.h"

#include <math.h>

#include "cache.h"
#include "scoreboard.h"
#include "utils/timestamp.h"

static const RecoModel *
open_version(const RecoModelRow *row, int32 version)
{
	pg_uuid_t	blob;

	if (!reco_catalog_version_blob(row->name, version, &blob))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("model \"%s\" has no version %d", row->name, version),
				 errhint("SELECT version FROM reco.versions WHERE model = '%s' lists them.", row->name)));
	return reco_cache_get(row->name, &blob);
}

/* The first moment that a version knows nothing of. */
static TimestampTz
end_of(const RecoModel *model)
{
	double		clock = model->parameters[RECO_PARAMETER_CLOCK];

	return isfinite(clock) ? (TimestampTz) clock + 1 : DT_NOBEGIN;
}

static void
check_cut(TimestampTz cut, int32 version, const RecoModel *model)
{
	if (cut < end_of(model))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("version %d was trained on orders up to %s, after cut", version, timestamptz_to_str(end_of(model) - 1)),
				 errhint("Give a later cut, or leave it out: orders after both trainings are then asked about.")));
}

static void
check_comparable(const RecoEvaluation *e, int32 version, const RecoModel *model)
{
	if (model->integer_keys != e->reader.integer_keys)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d has %s keys, but the sources of model \"%s\" have others", version,
						model->integer_keys ? "integer" : "text", e->row->name),
				 errhint("Train a version on the sources as they are now.")));
}

static RecoScoreboard *
ask(RecoEvaluation *e, const RecoModel *model)
{
	RecoScoreboard *board;

	reco_evaluation_set_model(e, model);
	e->replay.with_auc = true;
	board = reco_scoreboard_create(e, NULL, false);
	reco_replay_run(&e->replay, e->contestants, e->n_contestants, reco_scoreboard_add, board);
	reco_scoreboard_finish(board);
	return board;
}

static const char *
words(const RecoInterval *difference, bool less_is_better)
{
	double		sign = less_is_better ? -1 : 1;

	if (isnan(difference->low))
		return "cannot tell";
	if (difference->low * sign > 0 && difference->high * sign > 0)
		return "b is better";
	if (difference->low * sign < 0 && difference->high * sign < 0)
		return "a is better";
	return "may be chance";
}

static void
add_row(const RecoEvaluation *e, const RecoScoreboard *a, const RecoScoreboard *b, RecoRequestKind kind,
		RecoBoardMetric metric, List **rows)
{
	RecoCompareRow *row = palloc0(sizeof(RecoCompareRow));

	row->difference = reco_scoreboard_difference(b, 0, a, 0, kind, metric);
	if (isnan(row->difference.value))
		return;
	row->request = reco_replay_kind_name(kind);
	row->metric = reco_scoreboard_metric_name(metric);
	row->k = metric == RECO_BOARD_AUC ? 0 : e->options.k;
	row->value_a = reco_scoreboard_metric(a, 0, kind, metric).value;
	row->value_b = reco_scoreboard_metric(b, 0, kind, metric).value;
	row->n = reco_scoreboard_count(a, 0, kind);
	row->remark = words(&row->difference, reco_scoreboard_less_is_better(metric));
	*rows = lappend(*rows, row);
}

/*
 * Rows of reco.compare, in the current memory context.  Errors as of reco_evaluation_read, undefined_object for a version,
 * invalid_parameter_value for a cut that one has seen beyond, object_not_in_prerequisite_state where no orders are left.
 */
List *
reco_compare(const char *model, int32 version_a, int32 version_b, const RecoEvaluationOptions *options,
			 RecoProgress *progress)
{
	static const RecoBoardMetric metrics[] = {
		RECO_BOARD_RECALL, RECO_BOARD_NDCG, RECO_BOARD_PRECISION, RECO_BOARD_HIT_RATE, RECO_BOARD_MAP, RECO_BOARD_MRR,
		RECO_BOARD_AUC, RECO_BOARD_VALUE_RECOVERED, RECO_BOARD_LOG_LOSS, RECO_BOARD_BRIER, RECO_BOARD_CALIBRATION_ERROR
	};
	RecoEvaluationOptions used = *options;
	RecoModelRow *row = reco_catalog_find_model(model, RECO_READ_CALLER, false);
	const RecoModel *model_a;
	const RecoModel *model_b;
	RecoEvaluation *e;
	RecoScoreboard *a;
	RecoScoreboard *b;
	List	   *rows = NIL;
	int			kind;
	int			m;

	reco_catalog_require(row, RECO_ACCESS_OWNER);
	model_a = open_version(row, version_a);
	model_b = open_version(row, version_b);
	if (used.split.cut == DT_NOEND)
		used.split.cut = Max(end_of(model_a), end_of(model_b));
	check_cut(used.split.cut, version_a, model_a);
	check_cut(used.split.cut, version_b, model_b);
	e = reco_evaluation_read(model, &used, progress);
	check_comparable(e, version_a, model_a);
	check_comparable(e, version_b, model_b);
	if (e->split.tests->n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("there are no orders from %s on that versions %d and %d could be asked about",
						timestamptz_to_str(used.split.cut), version_a, version_b),
				 errhint("Wait for new orders, or train versions with an earlier training_clock (reco.alter_model).")));
	reco_progress_phase(progress, RECO_PHASE_REPLAYING, 2 * (int64) e->split.tests->n);
	a = ask(e, model_a);
	b = ask(e, model_b);
	for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
		for (m = 0; m < (int) lengthof(metrics); m++)
			add_row(e, a, b, kind, metrics[m], &rows);
	return rows;
}
