/*
 * scoreboard.h: the metrics of everybody who was asked.
 */
#ifndef RECO_SCOREBOARD_H
#define RECO_SCOREBOARD_H

#include "postgres.h"

#include "evaluation.h"
#include "tally.h"

typedef enum RecoBoardMetric
{
	RECO_BOARD_RECALL,
	RECO_BOARD_NDCG,
	RECO_BOARD_PRECISION,
	RECO_BOARD_HIT_RATE,
	RECO_BOARD_MAP,
	RECO_BOARD_MRR,
	RECO_BOARD_AUC,
	RECO_BOARD_VALUE_RECOVERED,
	RECO_BOARD_VALUE_SHARE,		/* of an order, and the mean over orders of that */
	RECO_BOARD_MARGIN_RECOVERED,
	RECO_BOARD_NOVELTY,
	RECO_BOARD_DIVERSITY,
	RECO_BOARD_COVERAGE,
	RECO_BOARD_GINI,
	RECO_BOARD_LOG_LOSS,
	RECO_BOARD_BRIER,
	RECO_BOARD_CALIBRATION_ERROR,
	RECO_BOARD_CALIBRATION_BIAS,	/* what was foretold too much */
	RECO_BOARD_METRICS
} RecoBoardMetric;

typedef struct RecoScoreboard RecoScoreboard;

extern RecoScoreboard *reco_scoreboard_create(const RecoEvaluation *e, const double *margins, bool with_items);
extern void reco_scoreboard_add(void *board, int contestant, const RecoReply *reply);
extern void reco_scoreboard_finish(RecoScoreboard *board);
extern const char *reco_scoreboard_metric_name(RecoBoardMetric metric);
extern bool reco_scoreboard_less_is_better(RecoBoardMetric metric);
extern int64 reco_scoreboard_count(const RecoScoreboard *board, int contestant, RecoRequestKind kind);
extern RecoInterval reco_scoreboard_metric(const RecoScoreboard *board, int contestant, RecoRequestKind kind,
										   RecoBoardMetric metric);
extern RecoInterval reco_scoreboard_difference(const RecoScoreboard *board, int contestant, const RecoScoreboard *other,
											   int other_contestant, RecoRequestKind kind, RecoBoardMetric metric);
extern RecoInterval reco_scoreboard_change(const RecoScoreboard *board, int contestant, int base, RecoRequestKind kind,
										   RecoBoardMetric metric);

#endif							/* RECO_SCOREBOARD_H */
