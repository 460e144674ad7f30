/*
 * publish.h: from training's result to a stored version.
 */
#ifndef RECO_PUBLISH_H
#define RECO_PUBLISH_H

#include "postgres.h"

#include "catalog.h"
#include "model.h"
#include "train.h"

extern RecoModel reco_publish_model(const RecoTrained *trained);
extern char *reco_publish_blob(RecoBudget *budget, const RecoModel *model, Size *length);
extern Size reco_publish_blob_size(const RecoIdMap *items, int factors);
extern RecoStatus reco_publish_open(const char *bytes, Size length, RecoModel *model, const char **problem);
extern int32 reco_publish_import(const RecoModelRow *row, const RecoModel *model, const char *blob, Size length,
								 int keep_versions);
extern int32 reco_publish_version(const RecoModelRow *row, const RecoTrained *trained, int keep_versions, double seconds);

#endif							/* RECO_PUBLISH_H */
