/*
 * value_curve.c: asks the model the same later orders with several value weights.
 *
 * The evaluation is that of reco.evaluate: the model of the past answers, and each order is what it should have found.  All
 * weights, and 0 first, see the same orders, so that what changes is known more precisely than the figures themselves.
 */
#include "postgres.h"

#include "value_curve.h"

#include "evaluate.h"
#include "scoreboard.h"

static const RecoBoardMetric recovered[] = {
	RECO_BOARD_VALUE_RECOVERED, RECO_BOARD_VALUE_SHARE, RECO_BOARD_MARGIN_RECOVERED
};

/* The model without value_weight, then with each. */
static void
set_contestants(RecoEvaluation *e, const double *weights, int n)
{
	RecoContestant *contestants = palloc(mul_size(n + 1, sizeof(RecoContestant)));
	int			i;

	contestants[0] = e->contestants[0];
	for (i = 0; i < n; i++)
	{
		contestants[i + 1] = e->contestants[0];
		contestants[i + 1].value_weight = weights[i];
	}
	e->contestants = contestants;
	e->n_contestants = n + 1;
	e->replay.with_auc = false;
}

static RecoValueCurveRow *
make_row(const RecoScoreboard *board, RecoRequestKind kind, int contestant, double weight)
{
	RecoValueCurveRow *row = palloc0(sizeof(RecoValueCurveRow));
	int			i;

	row->request = reco_replay_kind_name(kind);
	row->value_weight = weight;
	row->n = reco_scoreboard_count(board, contestant, kind);
	row->recall = reco_scoreboard_metric(board, contestant, kind, RECO_BOARD_RECALL);
	row->recall_change = reco_scoreboard_difference(board, contestant, board, 0, kind, RECO_BOARD_RECALL);
	for (i = 0; i < (int) lengthof(recovered); i++)
	{
		row->recovered[i] = reco_scoreboard_metric(board, contestant, kind, recovered[i]);
		row->changes[i] = reco_scoreboard_change(board, contestant, 0, kind, recovered[i]);
	}
	return row;
}

/*
 * Rows of reco.value_curve, in the current memory context: for each kind of request one a weight, of n from 0 to 1.  Errors as
 * of reco_evaluation_begin.
 */
List *
reco_value_curve(const char *model, const RecoEvaluationOptions *options, const double *weights, int n, RecoProgress *progress)
{
	RecoEvaluationOptions used = *options;
	RecoEvaluation *e;
	RecoScoreboard *board;
	List	   *rows = NIL;
	int			kind;
	int			i;

	used.with_values = true;
	e = reco_evaluation_begin(model, &used, progress);
	if (e->model == NULL)
		return NIL;
	set_contestants(e, weights, n);
	board = reco_scoreboard_create(e, reco_evaluate_margins(e), false);
	reco_replay_run(&e->replay, e->contestants, e->n_contestants, reco_scoreboard_add, board);
	reco_scoreboard_finish(board);
	for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
		for (i = 0; i < n && reco_scoreboard_count(board, 0, kind) > 0; i++)
			rows = lappend(rows, make_row(board, kind, i + 1, weights[i]));
	return rows;
}
