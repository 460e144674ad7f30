/*
 * options.h: the options of a model.
 */
#ifndef RECO_OPTIONS_H
#define RECO_OPTIONS_H

#include "postgres.h"

#include "parameters.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#define RECO_MAX_IMPRESSION_DAYS 3650

/* How the rows of a half iteration are solved (ials.c). */
typedef enum RecoSolver
{
	RECO_SOLVER_FAST,			/* as exactly as the objective is worth it */
	RECO_SOLVER_EXACT
} RecoSolver;

/*
 * A double that is NaN was left to training, which chooses it on held-out orders (regularization: by the number of items).  The table in options.c has the
 * ranges and the meanings.
 */
typedef struct RecoOptions
{
	int			factors;
	int			iterations;
	int			solver;			/* a RecoSolver */
	double		regularization;
	double		unobserved_weight;
	double		customer_weight;
	double		session_weight;
	double		order_half_life;	/* days, as all half-lives */
	double		customer_half_life;
	double		half_life;
	double		basket_regularization;
	double		history_regularization;
	int			complements;	/* a RecoComplementsMethod */
	double		complements_regularization;
	int			complements_neighbors;
	int			holdout_orders;
	int			min_support;	/* customers behind a label */
	int			history_limit;
	int			keep_versions;
	int			impression_days;	/* 0: none are kept */
	int			seed;
	bool		default_consent;	/* of customers of whom no row says anything */
	TimestampTz training_clock; /* DT_NOEND: the newest order that is not in the future */
} RecoOptions;

/* One row of reco.options(), all as text; NULL where there is none. */
typedef struct RecoOptionDescription
{
	const char *name;
	const char *type;
	const char *default_value;
	const char *minimum;
	const char *maximum;
	const char *description;
} RecoOptionDescription;

extern RecoOptions reco_options_read(const Jsonb *set);
extern Jsonb *reco_options_merge(const Jsonb *set, const Jsonb *changes);
extern Jsonb *reco_options_defaults(void);
extern const char *reco_options_method_name(RecoComplementsMethod method);
extern bool reco_options_describe(int i, RecoOptionDescription *description);

#endif							/* RECO_OPTIONS_H */
