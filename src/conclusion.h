/*
 * conclusion.h: in plain words, what an arm of an experiment has shown.
 */
#ifndef RECO_CONCLUSION_H
#define RECO_CONCLUSION_H

#include "postgres.h"

#include "experiment.h"
#include "participants.h"

typedef enum RecoStanding
{
	RECO_STANDING_BEFORE,		/* it has not begun */
	RECO_STANDING_RUNNING,
	RECO_STANDING_STOPPED,		/* before its planned end */
	RECO_STANDING_COMPLETE
} RecoStanding;

/* What a conclusion is drawn from, beside the numbers. */
typedef struct RecoGrounds
{
	const RecoExperimentRow *row;
	const char *timezone;
	RecoStanding standing;
	const RecoArmCounts *counts;
	double		uneven;			/* chance of shares as uneven as these */
	TimestampTz next_look;
	bool		is_known;		/* the orders say what the metric is */
	bool		enough;			/* customers to tell */
	bool		varies;			/* what they do */
} RecoGrounds;

extern const char *reco_conclusion_obstacle(const RecoGrounds *grounds, const RecoExperimentCell *cell);
extern const char *reco_conclusion_words(const RecoGrounds *grounds, const RecoExperimentCell *cell);

#endif							/* RECO_CONCLUSION_H */
