/*
 * publish.h: from training's result to a stored version.
 */
#ifndef RECO_PUBLISH_H
#define RECO_PUBLISH_H

#include "postgres.h"

#include "catalog.h"
#include "train.h"

extern char *reco_publish_blob(const RecoTrained *trained, Size *length);
extern int32 reco_publish_version(const RecoModelRow *model, const RecoTrained *trained, int keep_versions, double seconds);

#endif							/* RECO_PUBLISH_H */
