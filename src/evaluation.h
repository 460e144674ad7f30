/*
 * evaluation.h: a model of the past and its rivals, ready to be asked what later orders asked.
 */
#ifndef RECO_EVALUATION_H
#define RECO_EVALUATION_H

#include "postgres.h"

#include "catalog.h"
#include "nodes/pg_list.h"
#include "past.h"
#include "replay.h"

#define RECO_EVALUATION_MODEL "reco"	/* the model's name among the algorithms */
#define RECO_EVALUATION_MAX_ORDERS 100000

typedef struct RecoEvaluationOptions
{
	int			k;
	RecoSplitOptions split;
	bool		undated;		/* use also what has no time: items and customers as they are now */
	List	   *algorithms;		/* of char *, beside the model; NULL in all_algorithms' stead */
	bool		all_algorithms;
	double		value_weight;	/* that the model is asked with */
	bool		with_values;	/* it may be asked with others too */
} RecoEvaluationOptions;

/* Whom reco.evaluate can ask beside the model. */
typedef struct RecoCompetitor
{
	const char *name;
	const char *summary;
	int			settings;
	bool		needs_content;
} RecoCompetitor;

/* An algorithm beside the model. */
typedef struct RecoRival
{
	const RecoAlgorithm *algorithm; /* NULL: a variant of the model, which learns and chooses nothing */
	int			setting[RECO_REQUEST_KINDS];	/* chosen in the past, or the first */
	bool		chosen;			/* there were enough orders to try settings on */
	double		seconds;		/* of tuning and learning */
} RecoRival;

typedef struct RecoEvaluation
{
	RecoEvaluationOptions options;
	const RecoModelRow *row;
	List	   *sources;
	List	   *undated;		/* sources of items and of customers that are used as they are now */
	List	   *beside;			/* sources that requests look into, beside lines, reviews and what is available */
	RecoReader	reader;
	RecoOptions model_options;
	RecoBudget *budget;
	RecoRun		run;
	RecoProgress *progress;
	RecoJournal *journal;
	RecoSplit	split;
	const RecoModel *model;		/* of the past; NULL: there are no later orders to ask about */
	double		training_seconds;
	const int32 *model_item;	/* its number for each of the journal's items */
	const RecoSparse *content;
	RecoPast   *past;
	RecoReplay	replay;
	RecoContestant *contestants;	/* the model, then the rivals, then the model's variants */
	RecoRival  *rivals;			/* [n_contestants], the first is empty */
	int			n_contestants;
} RecoEvaluation;

extern RecoEvaluationOptions reco_evaluation_options_default(void);
extern RecoEvaluation *reco_evaluation_begin(const char *model, const RecoEvaluationOptions *options, RecoProgress *progress);
extern RecoEvaluation *reco_evaluation_read(const char *model, const RecoEvaluationOptions *options, RecoProgress *progress);
extern bool reco_evaluation_learn(RecoEvaluation *e);
extern void reco_evaluation_set_model(RecoEvaluation *e, const RecoModel *model);
extern bool reco_evaluation_competitor(int i, RecoCompetitor *competitor);

#endif							/* RECO_EVALUATION_H */
