/*
 * evaluate.c: replays later orders, and reports on everybody who was asked.
 */
#include "postgres.h"

#include "evaluate.h"

#include <math.h>

#include "interrupts.h"
#include "scoreboard.h"
#include "stars.h"
#include "utils/timestamp.h"
#include "verdict.h"

static RecoEvaluateRow *
add_row(List **rows, const char *algorithm, const char *request, const char *metric)
{
	RecoEvaluateRow *row = palloc0(sizeof(RecoEvaluateRow));

	row->algorithm = algorithm;
	row->request = request;
	row->metric = metric;
	row->interval = (RecoInterval) {NAN, NAN, NAN};
	*rows = lappend(*rows, row);
	return row;
}

static void
add_count(List **rows, const char *metric, int64 n, const char *remark)
{
	RecoEvaluateRow *row = add_row(rows, NULL, NULL, metric);

	row->n = n;
	row->remark = remark;
}

/* --- margins ----------------------------------------------------------------------------------------------- */

typedef struct MarginReader
{
	const RecoModel *model;
	double	   *margins;
} MarginReader;

/* Where an item has several rows, the highest margin counts: whatever the order of rows. */
static void
receive_margin(void *arg, const RecoValue *values)
{
	MarginReader *reader = arg;
	RecoKey		key = {values[0].integer, values[0].bytes, values[0].length};
	int32		item;

	if (values[0].is_null || values[1].is_null || !isfinite(values[1].number))
		return;
	item = reco_answering_find_item(reader->model, &key);
	if (item >= 0)
		reader->margins[item] = isnan(reader->margins[item]) ? values[1].number : Max(reader->margins[item], values[1].number);
}

/* What a piece of each item leaves, 0 where nobody says; NULL where no source has margins. */
const double *
reco_evaluate_margins(const RecoEvaluation *e)
{
	static const RecoField fields[] = {{RECO_ROLE_ITEM, NULL}, {RECO_ROLE_MARGIN, NULL}};
	MarginReader reader = {e->model, NULL};
	ListCell   *cell;
	int32		i;

	foreach(cell, e->undated)
	{
		if (reco_definitions_column(lfirst(cell), RECO_ROLE_MARGIN) == NULL)
			continue;
		if (reader.margins == NULL)
		{
			reader.margins = reco_budget_alloc(e->budget, e->model->items, sizeof(double), "margins");
			for (i = 0; i < e->model->items; i++)
				reader.margins[i] = NAN;
		}
		(void) reco_sources_read_all(&e->reader, lfirst(cell), fields, lengthof(fields), receive_margin, &reader);
	}
	for (i = 0; reader.margins != NULL && i < e->model->items; i++)
		if (isnan(reader.margins[i]))
			reader.margins[i] = 0;
	return reader.margins;
}

/* --- rows -------------------------------------------------------------------------------------------------- */

static void
add_verdicts(const RecoEvaluation *e, const RecoScoreboard *board, List **rows)
{
	int			kind;

	for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
	{
		RecoVerdict verdict;
		RecoEvaluateRow *row;

		if (reco_scoreboard_count(board, 0, kind) == 0)
			continue;
		verdict = reco_verdict_of(e, board, kind);
		row = add_row(rows, "verdict", reco_replay_kind_name(kind), "ndcg_lead");
		row->k = e->options.k;
		row->interval = verdict.lead;
		row->n = reco_scoreboard_count(board, 0, kind);
		row->remark = verdict.words;
		ereport(NOTICE, (errmsg("%s: %s", reco_replay_kind_name(kind), verdict.words)));
	}
}

/* What the blend gains over the best of what it is made of. */
static void
add_blend(const RecoEvaluation *e, const RecoScoreboard *board, List **rows)
{
	static const struct
	{
		RecoBoardMetric metric;
		const char *name;
	}			leads[] = {{RECO_BOARD_RECALL, "recall_lead"}, {RECO_BOARD_NDCG, "ndcg_lead"}};
	int			kind;
	int			i;

	for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
		for (i = 0; i < (int) lengthof(leads) && reco_scoreboard_count(board, 0, kind) > 0; i++)
		{
			RecoVerdict verdict = reco_verdict_of_blend(e, board, kind, leads[i].metric);
			RecoEvaluateRow *row;

			if (verdict.words == NULL)
				continue;
			row = add_row(rows, "blend", reco_replay_kind_name(kind), leads[i].name);
			row->k = e->options.k;
			row->interval = verdict.lead;
			row->n = reco_scoreboard_count(board, 0, kind);
			row->remark = verdict.words;
		}
}

typedef struct Standing
{
	int			contestant;
	bool		less_is_better;
	RecoInterval interval;
} Standing;

static int
compare_standings(const void *a, const void *b)
{
	const Standing *x = a;
	const Standing *y = b;

	if (x->interval.value != y->interval.value)
		return (x->interval.value < y->interval.value) == x->less_is_better ? -1 : 1;
	return x->contestant - y->contestant;
}

/* A metric of all who were asked, best first. */
static void
add_metric(const RecoEvaluation *e, const RecoScoreboard *board, RecoRequestKind kind, RecoBoardMetric metric, List **rows)
{
	Standing   *standings = palloc(mul_size(e->n_contestants, sizeof(Standing)));
	int			n = 0;
	int			c;
	int			i;

	for (c = 0; c < e->n_contestants; c++)
	{
		Standing	standing = {c, reco_scoreboard_less_is_better(metric), reco_scoreboard_metric(board, c, kind, metric)};

		CHECK_FOR_INTERRUPTS();
		if (!isnan(standing.interval.value))
			standings[n++] = standing;
	}
	qsort(standings, n, sizeof(Standing), compare_standings);
	for (i = 0; i < n; i++)
	{
		RecoEvaluateRow *row = add_row(rows, e->contestants[standings[i].contestant].name, reco_replay_kind_name(kind),
									   reco_scoreboard_metric_name(metric));

		row->k = metric == RECO_BOARD_AUC ? 0 : e->options.k;
		row->interval = standings[i].interval;
		row->n = reco_scoreboard_count(board, standings[i].contestant, kind);
	}
}

/* Everybody's errors in predicting stars, the smallest first. */
static void
add_stars(const RecoStars *stars, bool root, List **rows)
{
	const RecoInterval *intervals = root ? stars->rmse : stars->mse;
	int			n = RECO_RATINGS_PREDICTORS + stars->by_model;
	int			order[RECO_STARS_PREDICTORS];
	int			i;
	int			j;

	for (i = 0; i < n; i++)
	{
		for (j = i; j > 0 && intervals[order[j - 1]].value > intervals[i].value; j--)
			order[j] = order[j - 1];
		order[j] = i;
	}
	for (i = 0; i < n; i++)
	{
		RecoEvaluateRow *row = add_row(rows, reco_stars_predictor_name(order[i]), "rating", root ? "rmse" : "mse");

		row->interval = intervals[order[i]];
		row->n = stars->n;
		if (order[i] == RECO_RATINGS_FACTORS)
			row->remark = stars->factors > 0 ? psprintf("chosen in the past: %d factors", stars->factors)
				: "chosen in the past: no factors, biases alone";
	}
}

/* What there is to say of reviews. */
static void
add_reviews(const RecoEvaluation *e, List **rows)
{
	RecoStars	stars = reco_stars_evaluate(e);

	if (stars.n > 0)
	{
		RecoEvaluateRow *row;

		add_stars(&stars, false, rows);
		add_stars(&stars, true, rows);
		row = add_row(rows, reco_stars_predictor_name(RECO_RATINGS_FACTORS), "training", "seconds");
		row->interval.value = stars.seconds;
		row->n = 1;
		row->remark = "all predictors of stars together";
	}
	if (stars.undated > 0)
		add_count(rows, "undated", stars.undated, "reviews with stars have no time, and were left out");
}

/* What of its settings was best in the past, if any could be tried. */
static char *
describe_settings(const RecoRival *rival)
{
	StringInfoData text;
	int			kind;

	if (rival->algorithm == NULL || rival->algorithm->describe == NULL)
		return NULL;
	initStringInfo(&text);
	for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
	{
		appendStringInfo(&text, "%s%s: ", kind > 0 ? "; " : rival->chosen ? "chosen in the past, "
						 : "too few past orders to choose, ", reco_replay_kind_name(kind));
		rival->algorithm->describe(rival->setting[kind], &text);
	}
	return text.data;
}

/* What everybody cost: seconds of learning (and choosing settings), and milliseconds for a request. */
static void
add_costs(const RecoEvaluation *e, const RecoScoreboard *board, List **rows)
{
	int			c;
	int			kind;

	for (c = 0; c < e->n_contestants; c++)
	{
		RecoEvaluateRow *row;

		if (e->contestants[c].variant == NULL)
		{
			row = add_row(rows, e->contestants[c].name, "training", "seconds");
			row->interval.value = c == 0 ? e->training_seconds : e->rivals[c].seconds;
			row->n = 1;
			row->remark = describe_settings(&e->rivals[c]);
		}
		for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
			if (reco_scoreboard_count(board, c, kind) > 0)
			{
				row = add_row(rows, e->contestants[c].name, reco_replay_kind_name(kind), "milliseconds");
				row->n = reco_scoreboard_count(board, c, kind);
				row->interval.value = e->contestants[c].seconds[kind] * 1000 / (double) row->n;
			}
	}
}

static void
append_if_given(StringInfo text, const RecoSource *source, RecoRole role)
{
	if (reco_definitions_column(source, role) != NULL)
		appendStringInfo(text, "%s%s", text->len > 0 ? ", " : "", reco_definitions_role_name(role));
}

/* What has no time, and so is as of today: a price, a description, what is available. */
static void
add_undated(const RecoEvaluation *e, List **rows)
{
	static const RecoRole roles[] = {
		RECO_ROLE_ITEM, RECO_ROLE_FEATURES, RECO_ROLE_DESCRIPTION, RECO_ROLE_MARGIN, RECO_ROLE_AVAILABLE
	};
	ListCell   *cell;

	foreach(cell, e->sources)
	{
		const RecoSource *source = lfirst(cell);
		StringInfoData text;
		int			i;

		if (source->kind != RECO_SOURCE_ITEMS && source->kind != RECO_SOURCE_USERS)
			continue;
		initStringInfo(&text);
		for (i = 0; i < (int) lengthof(roles); i++)
			append_if_given(&text, source, roles[i]);
		add_count(rows, "undated", 1,
				  psprintf("%s (%s) has no time, %s%s%s", source->name, reco_definitions_kind_name(source->kind),
						   e->options.undated ? "and was used as it is now" : "and was left out",
						   text.len > 0 ? ": " : "", text.data));
	}
}

static void
add_orders(const RecoEvaluation *e, List **rows)
{
	const RecoTests *tests = e->split.tests;
	const char *past = e->split.kind == RECO_SPLIT_LAST_ORDER ? "each customer's last order"
		: e->split.past.before == DT_NOEND ? "too few orders to divide"
		: psprintf("orders from %s on", timestamptz_to_str(e->split.past.before));

	add_count(rows, "orders replayed", tests->n, past);
	if (tests->eligible > tests->n)
		add_count(rows, "orders not drawn", tests->eligible - tests->n, "more than the parameter orders");
	if (tests->too_small > 0)
		add_count(rows, "orders left out", tests->too_small, "fewer different items than min_items");
	if (tests->too_large > 0)
		add_count(rows, "orders left out", tests->too_large, "more different items than max_items");
}

/*
 * Rows of reco.evaluate, in the current memory context: the verdicts, of the model and of its blend, the metrics with
 * everybody best first, what it cost, and what was left out.  Errors as of reco_evaluation_begin.
 */
List *
reco_evaluate(const char *model, const RecoEvaluationOptions *options, RecoProgress *progress)
{
	RecoEvaluation *e = reco_evaluation_begin(model, options, progress);
	List	   *rows = NIL;

	if (e->model != NULL)
	{
		RecoScoreboard *board = reco_scoreboard_create(e, reco_evaluate_margins(e), true);
		int			kind;
		int			metric;

		reco_replay_run(&e->replay, e->contestants, e->n_contestants, reco_scoreboard_add, board);
		reco_scoreboard_finish(board);
		add_verdicts(e, board, &rows);
		add_blend(e, board, &rows);
		for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
			for (metric = 0; metric < RECO_BOARD_METRICS; metric++)
				add_metric(e, board, kind, metric, &rows);
		add_costs(e, board, &rows);
		add_reviews(e, &rows);
	}
	add_orders(e, &rows);
	add_undated(e, &rows);
	return rows;
}
