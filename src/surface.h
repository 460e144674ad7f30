/*
 * surface.h: what the SQL-callable functions share.
 */
#ifndef RECO_SURFACE_H
#define RECO_SURFACE_H

#include "postgres.h"

#include "catalog.h"
#include "fmgr.h"

extern char *reco_surface_text(FunctionCallInfo fcinfo, int i, const char *name);
extern char *reco_surface_text_or_null(FunctionCallInfo fcinfo, int i);
extern RecoModelRow *reco_surface_own_model(FunctionCallInfo fcinfo);
extern Datum reco_surface_model_row(FunctionCallInfo fcinfo, const char *model);
extern Datum reco_surface_version_row(FunctionCallInfo fcinfo, const char *model, int32 version);
extern Datum reco_surface_source_row(FunctionCallInfo fcinfo, const char *model, const char *kind, const char *name);

#endif							/* RECO_SURFACE_H */
