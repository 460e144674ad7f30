/*
 * train.h: from sources to factors.
 */
#ifndef RECO_TRAIN_H
#define RECO_TRAIN_H

#include "postgres.h"

#include "holdout.h"
#include "match.h"
#include "nodes/pg_list.h"
#include "options.h"
#include "reviews.h"
#include "sentiment.h"
#include "sources.h"
#include "sparse.h"

typedef struct RecoTraining
{
	const RecoReader *reader;
	List	   *sources;
	RecoOptions options;
	Size		memory_limit;	/* bytes */
	TimestampTz now;
	RecoProgress *progress;		/* NULL: nobody is told */
	const double *kept;			/* [RECO_PARAMETERS] to serve with, chosen before; NULL: they are chosen */
} RecoTraining;

/* What was gathered elsewhere, to train on; it is used up. */
typedef struct RecoGathered
{
	RecoInteractions *interactions; /* sources are ended, but it is not finished */
	RecoReviews *reviews;		/* not yet numbered; NULL: none */
	RecoGroups *groups;			/* of items, with them */
	const RecoReader *reader;	/* in which time zone; and who reads the sources */
	List	   *sources;		/* what else is to be read: of items and of users */
	List	   *ties_from;		/* whose ties among customers are read */
} RecoGathered;

/* Where the time goes. */
typedef enum RecoStage
{
	RECO_STAGE_READ,			/* the sources, into lines */
	RECO_STAGE_SORT,			/* keys and lines; returns */
	RECO_STAGE_FIRST_FIT,		/* to the past of the held-out orders */
	RECO_STAGE_CHOOSE,			/* serving parameters, on the held-out orders */
	RECO_STAGE_FIT,				/* to all orders */
	RECO_STAGE_COMPLEMENTS,		/* of the past, and of all orders */
	RECO_STAGES
} RecoStage;

/* What came out; the arrays belong to the budget's memory context. */
typedef struct RecoTrained
{
	RecoBudget *budget;
	const RecoIdMap *items;		/* keys by number */
	int			factors;
	const float *y;				/* [items x stride], rotated so that Y'Y is diagonal */
	double		gram_diagonal[RECO_MAX_FACTORS];
	const float *popularity;	/* [items] */
	const float *trend;			/* [items] */
	const RecoReviews *reviews; /* NULL: none; of what they led to only the next and what words say is used */
	RecoSentiment sentiment;
	RecoComplementsMethod method;	/* none too where there were no orders */
	RecoSparse	complements;	/* [items x items] row j: what item j in a basket speaks for; no rows: none */
	RecoMatch	match;			/* no fields: none */
	int			n_events;		/* kinds of events in sessions */
	const RecoIdMap *events;	/* their texts; NULL: none */
	float		event_weights[RECO_MAX_EVENT_KINDS];
	RecoFields	fields;			/* attributes of customers, and contexts */
	const float *prior;			/* [1 + labels of customers, x stride] what is expected of a customer; NULL: nothing */
	RecoSparse	lift;			/* labels x items */
	RecoAmounts amounts;		/* what lines of the items come to */
	const float *rebought;		/* [items] share of buyers who buy again; NULL: not known */
	double		parameters[RECO_PARAMETERS];
	uint32		evidence;		/* bits of the RecoStrengthKinds of which there is any */
	RecoHoldoutMetrics metrics;
	const char *kernel;
	TimestampTz clock;			/* DT_NOBEGIN: there were no lines */
	int64		rows;
	int64		skipped;
	int32		users;
	int32		orders;
	int64		bags;
	int			iterations;		/* of each fit */
	double		seconds[RECO_STAGES];
} RecoTrained;

extern const char *reco_train_stage_name(RecoStage stage);
extern double reco_train_regularization(const RecoOptions *options, int32 items);
extern TimestampTz reco_train_before(const RecoOptions *options, TimestampTz now);
extern RecoTrained *reco_train_model(const RecoTraining *training);
extern RecoTrained *reco_train_gathered(const RecoGathered *gathered, const RecoOptions *options, RecoProgress *progress);

#endif							/* RECO_TRAIN_H */
