/*
 * scoreboard.c: adds up, for everybody who was asked and each kind of request, what metrics are made of.
 *
 * Each metric is a ratio of two sums, or made of few: of the lists (metrics.c has the definitions), of what the hits were
 * worth, of how the lists look, and of the probabilities of what was shown.  Coverage and Gini count items, not requests;
 * chance has no interval for them.
 */
#include "postgres.h"

#include "scoreboard.h"

#include <math.h>

#include "interrupts.h"
#include "metrics.h"

#define BINS 10					/* of probabilities */
#define DIVERSITY_LISTS 300		/* at most, since pairs of items cost more than all else */

/* The columns of a contestant and kind of request. */
enum
{
	SUM_REQUESTS,
	SUM_RECALL,
	SUM_NDCG,
	SUM_PRECISION,
	SUM_HIT_RATE,
	SUM_MAP,
	SUM_MRR,
	SUM_AUC,
	SUM_AUC_REQUESTS,
	SUM_VALUE,
	SUM_MARGIN,
	SUM_VALUE_KNOWN,			/* of the visible basket; of a next basket all of it */
	SUM_SHARE,
	SUM_SHARE_REQUESTS,			/* of orders that were worth anything */
	SUM_NOVELTY,
	SUM_SHOWN,
	SUM_DIVERSITY,
	SUM_DIVERSITY_LISTS,
	LIST_SUMS
};

/* The same of the model alone. */
enum
{
	SUM_PROBABILITIES,
	SUM_LOG_LOSS,
	SUM_BRIER,
	SUM_PREDICTED,				/* BINS of them */
	SUM_OBSERVED = SUM_PREDICTED + BINS,
	PROBABILITY_SUMS = SUM_OBSERVED + BINS
};

struct RecoScoreboard
{
	const RecoEvaluation *e;
	const double *margins;		/* [items] of the model, of one piece; NULL: not known */
	RecoTally  *lists;
	RecoTally  *probabilities;
	int32		items;			/* of the model */
	double	   *shown;			/* [contestants x kinds x items]: how often; NULL: nobody counts */
	int64	   *n;				/* [contestants x kinds] */
	int			diversity_step;
};

static const struct
{
	const char *name;
	bool		of_probabilities;
	bool		less_is_better;
	int			numerator;
	int			denominator;
}			specs[RECO_BOARD_METRICS] = {
	[RECO_BOARD_RECALL] = {"recall", false, false, SUM_RECALL, SUM_REQUESTS},
	[RECO_BOARD_NDCG] = {"ndcg", false, false, SUM_NDCG, SUM_REQUESTS},
	[RECO_BOARD_PRECISION] = {"precision", false, false, SUM_PRECISION, SUM_REQUESTS},
	[RECO_BOARD_HIT_RATE] = {"hit_rate", false, false, SUM_HIT_RATE, SUM_REQUESTS},
	[RECO_BOARD_MAP] = {"map", false, false, SUM_MAP, SUM_REQUESTS},
	[RECO_BOARD_MRR] = {"mrr", false, false, SUM_MRR, SUM_REQUESTS},
	[RECO_BOARD_AUC] = {"auc", false, false, SUM_AUC, SUM_AUC_REQUESTS},
	[RECO_BOARD_VALUE_RECOVERED] = {"value_recovered", false, false, SUM_VALUE, SUM_VALUE_KNOWN},
	[RECO_BOARD_VALUE_SHARE] = {"value_share", false, false, SUM_SHARE, SUM_SHARE_REQUESTS},
	[RECO_BOARD_MARGIN_RECOVERED] = {"margin_recovered", false, false, SUM_MARGIN, SUM_VALUE_KNOWN},
	[RECO_BOARD_NOVELTY] = {"novelty", false, false, SUM_NOVELTY, SUM_SHOWN},
	[RECO_BOARD_DIVERSITY] = {"intra_list_diversity", false, false, SUM_DIVERSITY, SUM_DIVERSITY_LISTS},
	[RECO_BOARD_COVERAGE] = {"catalogue_coverage", false, false, -1, -1},
	[RECO_BOARD_GINI] = {"exposure_gini", false, true, -1, -1},
	[RECO_BOARD_LOG_LOSS] = {"log_loss", true, true, SUM_LOG_LOSS, SUM_PROBABILITIES},
	[RECO_BOARD_BRIER] = {"brier", true, true, SUM_BRIER, SUM_PROBABILITIES},
	[RECO_BOARD_CALIBRATION_ERROR] = {"calibration_error", true, true, -1, SUM_PROBABILITIES},
	[RECO_BOARD_CALIBRATION_BIAS] = {"calibration_bias", true, true, -1, SUM_PROBABILITIES},
};

const char *
reco_scoreboard_metric_name(RecoBoardMetric metric)
{
	return specs[metric].name;
}

bool
reco_scoreboard_less_is_better(RecoBoardMetric metric)
{
	return specs[metric].less_is_better;
}

/* --- adding up --------------------------------------------------------------------------------------------- */

/*
 * For the contestants and requests of e, and its model's items; with their margins, or NULL.  with_items: for coverage and
 * Gini too, which need a count for each item.
 */
RecoScoreboard *
reco_scoreboard_create(const RecoEvaluation *e, const double *margins, bool with_items)
{
	RecoScoreboard *board = reco_budget_alloc(e->budget, 1, sizeof(RecoScoreboard), "metrics");
	Size		parts = (Size) e->n_contestants * RECO_REQUEST_KINDS;

	board->e = e;
	board->margins = margins;
	board->items = e->replay.items;
	board->lists = reco_tally_create(e->budget, e->replay.tests->clusters, (int) (parts * LIST_SUMS));
	board->probabilities = reco_tally_create(e->budget, e->replay.tests->clusters, RECO_REQUEST_KINDS * PROBABILITY_SUMS);
	if (with_items)
		board->shown = reco_budget_alloc(e->budget, mul_size(parts, e->replay.items), sizeof(double), "metrics");
	board->n = reco_budget_alloc(e->budget, parts, sizeof(int64), "metrics");
	board->diversity_step = e->replay.tests->n / DIVERSITY_LISTS + 1;
	return board;
}

/* Orders that two items have in common. */
static int64
common_orders(const RecoSparse *orders, int32 a, int32 b)
{
	int64		i = orders->start[a];
	int64		j = orders->start[b];
	int64		common = 0;

	while (i < orders->start[a + 1] && j < orders->start[b + 1])
	{
		int32		x = orders->index[i];
		int32		y = orders->index[j];

		common += x == y;
		i += x <= y;
		j += y <= x;
	}
	return common;
}

/*
 * 1 - mean similarity of the pairs of a list (Ziegler et al. 2005), where items are similar that past orders have together:
 * by the cosine of their columns in the matrix of orders.
 */
static double
list_diversity(const RecoSparse *orders, const RecoReply *reply)
{
	double		similarity = 0;
	int			i;
	int			j;

	for (i = 0; i < reply->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (j = 0; j < i; j++)
		{
			int32		a = reply->items[i];
			int32		b = reply->items[j];
			double		both = (double) (orders->start[a + 1] - orders->start[a]) * (double) (orders->start[b + 1] - orders->start[b]);

			if (both > 0)
				similarity += (double) common_orders(orders, a, b) / sqrt(both);
		}
	}
	return 1 - similarity / (reply->n * (reply->n - 1) / 2.0);
}

static void
add_list(RecoScoreboard *board, int cluster, int first, const RecoReply *reply)
{
	int			k = board->e->options.k;
	RecoTally  *tally = board->lists;

	reco_tally_add(tally, cluster, first + SUM_REQUESTS, 1);
	reco_tally_add(tally, cluster, first + SUM_RECALL, reco_metrics_recall(reply->hit, reply->n, k, reply->n_wanted));
	reco_tally_add(tally, cluster, first + SUM_NDCG, reco_metrics_ndcg(reply->hit, reply->n, k, reply->n_wanted));
	reco_tally_add(tally, cluster, first + SUM_PRECISION, reco_metrics_precision(reply->hit, reply->n, k, reply->n_wanted));
	reco_tally_add(tally, cluster, first + SUM_HIT_RATE, reco_metrics_hit_rate(reply->hit, reply->n, k, reply->n_wanted));
	reco_tally_add(tally, cluster, first + SUM_MAP, reco_metrics_average_precision(reply->hit, reply->n, k, reply->n_wanted));
	reco_tally_add(tally, cluster, first + SUM_MRR, reco_metrics_reciprocal_rank(reply->hit, reply->n, k, reply->n_wanted));
	if (!isnan(reply->auc))
	{
		reco_tally_add(tally, cluster, first + SUM_AUC, reply->auc);
		reco_tally_add(tally, cluster, first + SUM_AUC_REQUESTS, 1);
	}
}

/* What the hits were worth, beside what was visible, and beside the whole order. */
static void
add_value(RecoScoreboard *board, int cluster, int first, const RecoReply *reply)
{
	const RecoTests *tests = board->e->replay.tests;
	int			visible = reply->kind == RECO_REQUEST_COMPLETION ? reply->test->n_visible : reply->test->n_items;
	double		whole = 0;
	double		hits = 0;
	int			i;

	for (i = 0; i < visible; i++)
		reco_tally_add(board->lists, cluster, first + SUM_VALUE_KNOWN, tests->values[reply->test->first + i]);
	for (i = 0; i < reply->test->n_items; i++)
		whole += tests->values[reply->test->first + i];
	for (i = 0; i < reply->n; i++)
	{
		int64		at = reply->test->first + reply->place[i];

		if (!reply->hit[i])
			continue;
		hits += tests->values[at];
		reco_tally_add(board->lists, cluster, first + SUM_VALUE, tests->values[at]);
		if (board->margins != NULL)
			reco_tally_add(board->lists, cluster, first + SUM_MARGIN, board->margins[reply->items[i]] * tests->quantities[at]);
	}
	if (!(whole > 0))
		return;
	reco_tally_add(board->lists, cluster, first + SUM_SHARE, hits / whole);
	reco_tally_add(board->lists, cluster, first + SUM_SHARE_REQUESTS, 1);
}

static void
add_looks(RecoScoreboard *board, int cluster, int first, double *shown, const RecoReply *reply)
{
	const RecoPast *past = board->e->past;
	int			i;

	for (i = 0; i < reply->n && shown != NULL; i++)
		shown[reply->items[i]]++;
	if (past == NULL)
		return;
	for (i = 0; i < reply->n; i++)
	{
		int32		item = reply->items[i];

		reco_tally_add(board->lists, cluster, first + SUM_NOVELTY,
					   reco_metrics_self_information((double) (past->order_items.start[item + 1] - past->order_items.start[item]),
													 past->orders));
		reco_tally_add(board->lists, cluster, first + SUM_SHOWN, 1);
	}
	if (reply->n < 2 || reply->test->place % board->diversity_step != 0)
		return;
	reco_tally_add(board->lists, cluster, first + SUM_DIVERSITY, list_diversity(&past->order_items, reply));
	reco_tally_add(board->lists, cluster, first + SUM_DIVERSITY_LISTS, 1);
}

static void
add_probabilities(RecoScoreboard *board, int cluster, int first, const RecoReply *reply)
{
	RecoTally  *tally = board->probabilities;
	int			i;

	for (i = 0; i < reply->n; i++)
	{
		double		p = reply->probabilities[i];
		int			bin;

		if (isnan(p))
			continue;
		bin = reco_metrics_bin(p, BINS);
		reco_tally_add(tally, cluster, first + SUM_PROBABILITIES, 1);
		reco_tally_add(tally, cluster, first + SUM_LOG_LOSS, reco_metrics_log_loss(p, reply->hit[i]));
		reco_tally_add(tally, cluster, first + SUM_BRIER, reco_metrics_brier(p, reply->hit[i]));
		reco_tally_add(tally, cluster, first + SUM_PREDICTED + bin, p);
		reco_tally_add(tally, cluster, first + SUM_OBSERVED + bin, reply->hit[i]);
	}
}

/* Which part of the columns is whose. */
static int
part_of(int contestant, RecoRequestKind kind)
{
	return contestant * RECO_REQUEST_KINDS + (int) kind;
}

/* A RecoReplyCallback. */
void
reco_scoreboard_add(void *arg, int contestant, const RecoReply *reply)
{
	RecoScoreboard *board = arg;
	int			part = part_of(contestant, reply->kind);
	int			cluster = reply->test->cluster;

	board->n[part]++;
	add_list(board, cluster, part * LIST_SUMS, reply);
	add_value(board, cluster, part * LIST_SUMS, reply);
	add_looks(board, cluster, part * LIST_SUMS, board->shown != NULL ? board->shown + (Size) part * board->items : NULL, reply);
	if (contestant == 0 && reply->probabilities != NULL)
		add_probabilities(board, cluster, reply->kind * PROBABILITY_SUMS, reply);
}

/* All were asked: draw, so that intervals are known. */
void
reco_scoreboard_finish(RecoScoreboard *board)
{
	reco_tally_finish(board->lists, board->e->options.split.seed);
	reco_tally_finish(board->probabilities, board->e->options.split.seed);
}

/* --- metrics ----------------------------------------------------------------------------------------------- */

int64
reco_scoreboard_count(const RecoScoreboard *board, int contestant, RecoRequestKind kind)
{
	return board->n[part_of(contestant, kind)];
}

/* A metric, and where the sums begin that it is made of. */
typedef struct Place
{
	RecoBoardMetric metric;
	int			first;
} Place;

static Place
place_of(int contestant, RecoRequestKind kind, RecoBoardMetric metric)
{
	if (specs[metric].of_probabilities)
		return (Place) {metric, (int) kind * PROBABILITY_SUMS};
	return (Place) {metric, part_of(contestant, kind) * LIST_SUMS};
}

static const RecoTally *
tally_of(const RecoScoreboard *board, RecoBoardMetric metric)
{
	return specs[metric].of_probabilities ? board->probabilities : board->lists;
}

static double
sum_bins(const double *bins)
{
	double		sum = 0;
	int			i;

	for (i = 0; i < BINS; i++)
		sum += bins[i];
	return sum;
}

static double
metric_of(const double *sums, const void *arg)
{
	const Place *place = arg;
	int			first = place->first;
	double		denominator = sums[first + specs[place->metric].denominator];

	if (!(denominator > 0))
		return NAN;
	if (place->metric == RECO_BOARD_CALIBRATION_ERROR)
		return reco_metrics_calibration_error(sums + first + SUM_PREDICTED, sums + first + SUM_OBSERVED, BINS, denominator);
	if (place->metric == RECO_BOARD_CALIBRATION_BIAS)
		return (sum_bins(sums + first + SUM_PREDICTED) - sum_bins(sums + first + SUM_OBSERVED)) / denominator;
	return sums[first + specs[place->metric].numerator] / denominator;
}

/* How much of the catalogue was shown, and how equally. */
static double
of_items(const RecoScoreboard *board, int part, RecoBoardMetric metric)
{
	int32		items = board->items;
	double	   *shown = palloc_extended(mul_size(Max(items, 1), sizeof(double)), MCXT_ALLOC_HUGE);
	double	   *workspace = palloc_extended(mul_size(Max(items, 1), sizeof(double)), MCXT_ALLOC_HUGE);
	int32		different = 0;
	double		value = NAN;
	int32		i;

	for (i = 0; i < items; i++)
	{
		shown[i] = board->shown[(Size) part * items + i];
		different += shown[i] > 0;
	}
	if (metric == RECO_BOARD_COVERAGE)
		value = items > 0 ? (double) different / items : NAN;
	else if (items > 0)
		reco_foldin_check_status(reco_metrics_gini(&board->e->run, shown, items, items, workspace, &value), "the Gini index");
	pfree(shown);
	pfree(workspace);
	return value;
}

/* Whether there is nothing that the metric could be made of. */
static bool
is_unknown(const RecoScoreboard *board, int contestant, RecoBoardMetric metric)
{
	const RecoEvaluation *e = board->e;

	return (metric == RECO_BOARD_MARGIN_RECOVERED && board->margins == NULL) ||
		((metric == RECO_BOARD_NOVELTY || metric == RECO_BOARD_DIVERSITY) && e->past == NULL) ||
		((metric == RECO_BOARD_VALUE_RECOVERED || metric == RECO_BOARD_VALUE_SHARE || metric == RECO_BOARD_MARGIN_RECOVERED) &&
		 !e->journal->has_values) ||
		(metric == RECO_BOARD_COVERAGE || metric == RECO_BOARD_GINI ? board->shown == NULL : false) ||
		(specs[metric].of_probabilities && contestant != 0);
}

/* A metric of a contestant, with its interval; NaN where it is not defined. */
RecoInterval
reco_scoreboard_metric(const RecoScoreboard *board, int contestant, RecoRequestKind kind, RecoBoardMetric metric)
{
	RecoInterval interval = {NAN, NAN, NAN};
	int			part = part_of(contestant, kind);
	Place		place = place_of(contestant, kind, metric);

	if (is_unknown(board, contestant, metric) || board->n[part] == 0)
		return interval;
	if (metric == RECO_BOARD_COVERAGE || metric == RECO_BOARD_GINI)
	{
		interval.value = of_items(board, part, metric);
		return interval;
	}
	return reco_tally_interval(tally_of(board, metric), metric_of, &place);
}

/*
 * By how much one contestant's metric is higher than another's, of the same board or of one with the same requests: paired.
 * Not for coverage and Gini.
 */
RecoInterval
reco_scoreboard_difference(const RecoScoreboard *board, int contestant, const RecoScoreboard *other,
						   int other_contestant, RecoRequestKind kind, RecoBoardMetric metric)
{
	Place		place = place_of(contestant, kind, metric);
	Place		other_place = place_of(other_contestant, kind, metric);
	RecoInterval unknown = {NAN, NAN, NAN};

	if (is_unknown(board, contestant, metric) || is_unknown(other, other_contestant, metric))
		return unknown;
	return reco_tally_difference(tally_of(board, metric), &place, tally_of(other, metric), &other_place, metric_of);
}

/* Two of the same board. */
typedef struct Pair
{
	Place		place;
	Place		base;
} Pair;

static double
change_of(const double *sums, const void *arg)
{
	const Pair *pair = arg;
	double		base = metric_of(sums, &pair->base);

	return base > 0 ? metric_of(sums, &pair->place) / base - 1 : NAN;
}

/*
 * By how much, relative to another contestant's, one's metric is higher: paired.  Not defined where the other's is not above
 * 0; not for coverage and Gini.
 */
RecoInterval
reco_scoreboard_change(const RecoScoreboard *board, int contestant, int base, RecoRequestKind kind, RecoBoardMetric metric)
{
	Pair		pair = {place_of(contestant, kind, metric), place_of(base, kind, metric)};

	if (is_unknown(board, contestant, metric) || board->n[part_of(contestant, kind)] == 0)
		return (RecoInterval) {NAN, NAN, NAN};
	return reco_tally_interval(tally_of(board, metric), change_of, &pair);
}
