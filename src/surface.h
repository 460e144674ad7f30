/*
 * surface.h: what the SQL-callable functions share.
 */
#ifndef RECO_SURFACE_H
#define RECO_SURFACE_H

#include "postgres.h"

#include "catalog.h"
#include "fmgr.h"
#include "nodes/execnodes.h"

/* A set of rows in the making. */
typedef struct RecoAnswerSet
{
	ReturnSetInfo *result;
	MemoryContext work;			/* deleted at the end */
	MemoryContext caller;
} RecoAnswerSet;

extern int	reco_surface_integer(FunctionCallInfo fcinfo, int i, const char *name, int minimum, int maximum);
extern RecoAnswerSet reco_surface_begin_set(FunctionCallInfo fcinfo, int arguments);
extern void reco_surface_put_row(RecoAnswerSet *set, Datum *values, bool *nulls);
extern Datum reco_surface_end_set(RecoAnswerSet *set);
extern char *reco_surface_text(FunctionCallInfo fcinfo, int i, const char *name);
extern char *reco_surface_text_or_null(FunctionCallInfo fcinfo, int i);
extern void reco_surface_prevent_read_only(FunctionCallInfo fcinfo);
extern RecoModelRow *reco_surface_own_model(FunctionCallInfo fcinfo);
extern Datum reco_surface_view_row(FunctionCallInfo fcinfo, const char *sql, int n, const char *const *keys);
extern Datum reco_surface_model_row(FunctionCallInfo fcinfo, const char *model);
extern Datum reco_surface_version_row(FunctionCallInfo fcinfo, const char *model, int32 version);
extern Datum reco_surface_source_row(FunctionCallInfo fcinfo, const char *model, const char *kind, const char *name);
extern double reco_surface_value_weight(FunctionCallInfo fcinfo, int i);

#endif							/* RECO_SURFACE_H */
