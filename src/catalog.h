/*
 * catalog.h: the catalog tables.
 */
#ifndef RECO_CATALOG_H
#define RECO_CATALOG_H

#include "postgres.h"

#include "assignment.h"
#include "access/htup.h"
#include "access/tupdesc.h"
#include "definitions.h"
#include "options.h"
#include "sources.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* What a role may do with a model; each includes the ones before it. */
typedef enum RecoAccess
{
	RECO_ACCESS_NONE,
	RECO_ACCESS_RECOMMEND,
	RECO_ACCESS_EXPLAIN,
	RECO_ACCESS_OWNER
} RecoAccess;

/* A model's row. */
typedef struct RecoModelRow
{
	char	   *name;
	RecoRoleRef owner;
	Oid			owner_oid;		/* resolved; InvalidOid: the role is gone */
	char	   *timezone;
	Jsonb	   *options;
	int32		active_version; /* 0: none */
	int32		last_version;
	Jsonb	   *rules;			/* standing ones; NULL: none */
} RecoModelRow;

/* A version's row, without its parts. */
typedef struct RecoVersionRow
{
	int32		version;
	pg_uuid_t	blob;
	TimestampTz trained_to;		/* DT_NOBEGIN: there were no lines */
	int64		rows;			/* -1: not known */
	int32		users;
	int32		items;
	int64		bags;
	double		seconds;
	int64		bytes;
	char	   *kernel;
	const char *complements;	/* how they were made: the name of the method */
	Jsonb	   *options;
	Jsonb	   *metrics;
} RecoVersionRow;

/* What reco.check looks at. */
typedef struct RecoVersionSummary
{
	int32		version;
	TimestampTz created_at;
	int32		heldout_cases;
} RecoVersionSummary;

#define RECO_MAX_PRIOR_DAYS 3650

typedef enum RecoExperimentMetric
{
	RECO_METRIC_AOV,
	RECO_METRIC_ITEMS_PER_ORDER,
	RECO_METRIC_CONVERSION,
	RECO_METRIC_REVENUE_PER_USER,
	RECO_METRICS
} RecoExperimentMetric;

/* An experiment's row: nothing of it changes but its end. */
typedef struct RecoExperimentRow
{
	char	   *name;
	char	   *model;
	int			n_arms;			/* from 2 to RECO_MAX_ARMS, the first the control */
	char	  **arms;
	double	   *weights;
	RecoExperimentMetric	metric;
	double		minimum_effect;
	TimestampTz starts;
	TimestampTz planned_end;
	TimestampTz ended_at;		/* DT_NOEND: it was not */
	bool		always_valid;
	double		winsorize;		/* 1: not at all */
	int32		prior_days;		/* 0: nothing is adjusted for */
	char	   *salt;
	bool		has_exposures;	/* the source of that kind and the experiment's name */
} RecoExperimentRow;

/* A statement on tables that another file of this house writes. */
typedef struct RecoCatalogCall
{
	const char *text;
	struct _SPI_plan **plan;	/* kept for the session, or NULL; the text must then always be the same */
	bool		read_only;		/* in the snapshot of the calling statement */
	int			n;
	const Oid  *types;
	const Datum *values;
	const char *nulls;			/* NULL: none */
} RecoCatalogCall;

typedef void (*RecoCatalogRow) (HeapTuple tuple, TupleDesc descriptor, void *arg);

typedef enum RecoReadMode
{
	RECO_READ_CALLER,			/* in the snapshot of the calling statement */
	RECO_READ_LATEST,			/* what is committed now, and our own changes */
	RECO_READ_LOCKED			/* the same, and nobody else changes the model until we end */
} RecoReadMode;

extern Oid	reco_catalog_owner(void);
extern uint64 reco_catalog_run(const RecoCatalogCall *call, RecoCatalogRow callback, void *arg);
extern RecoModelRow *reco_catalog_find_model(const char *name, RecoReadMode mode, bool missing_ok);
extern RecoModelRow *reco_catalog_find_hashed(int64 hash);
extern RecoAccess reco_catalog_access(const RecoModelRow *model);
extern void reco_catalog_require(const RecoModelRow *model, RecoAccess access);
extern RecoOptions reco_catalog_options(const RecoModelRow *model);
extern const char *reco_catalog_access_name(RecoAccess access);

extern bool reco_catalog_insert_model(const char *name, const char *timezone, const Jsonb *options);
extern void reco_catalog_update_model(const RecoModelRow *model, Oid owner, const char *timezone, const Jsonb *options);
extern void reco_catalog_set_rules(const RecoModelRow *model, const Jsonb *rules);
extern void reco_catalog_refresh_references(const RecoModelRow *model);
extern void reco_catalog_delete_model(const char *name, int32 *versions, int32 *sources, int64 *bytes);

extern void reco_catalog_put_source(const RecoSource *source);
extern List *reco_catalog_sources(const char *model, RecoReadMode mode);
extern List *reco_catalog_source_kinds(const char *model, const char *name);
extern void reco_catalog_delete_source(const char *model, const char *kind, const char *name);

extern const char *reco_catalog_metric_name(RecoExperimentMetric metric);
extern bool reco_catalog_find_metric(const char *name, RecoExperimentMetric *metric);
extern RecoExperimentRow *reco_catalog_find_experiment(const char *name, RecoReadMode mode);
extern char *reco_catalog_experiment_model(const char *name, bool missing_ok);
extern bool reco_catalog_insert_experiment(const RecoExperimentRow *experiment);
extern void reco_catalog_end_experiment(const char *name);
extern void reco_catalog_delete_experiment(const char *name);

extern RecoAccess reco_catalog_granted(const char *model, Oid role);
extern void reco_catalog_put_grant(const char *model, Oid role, RecoAccess level);
extern List *reco_catalog_lost_grantees(const char *model);
extern int64 reco_catalog_forget_grants(const char *model, const char *role_name);

extern void reco_catalog_add_version(const RecoModelRow *model, RecoVersionRow *version, const char *blob, Size length);
extern bool reco_catalog_activate(const char *model, int32 version);
extern int32 reco_catalog_prune(const char *model, int32 keep);
extern bool reco_catalog_active_version(const RecoModelRow *model, RecoVersionSummary *version);
extern bool reco_catalog_version_blob(const char *model, int32 version, pg_uuid_t *blob);
extern bool reco_catalog_active_blob(const RecoModelRow *model, pg_uuid_t *blob);
extern char *reco_catalog_load_blob(const pg_uuid_t *blob, MemoryContext context, Size *length);

#endif							/* RECO_CATALOG_H */
