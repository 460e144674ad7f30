/*
 * features.h: features of customers, items and orders as labels.
 */
#ifndef RECO_FEATURES_H
#define RECO_FEATURES_H

#include "postgres.h"

#include "budget.h"
#include "fields.h"
#include "idmap.h"
#include "nodes/pg_list.h"
#include "sources.h"

#define RECO_MAX_LABELS 1000	/* of one feature of texts */

/* A member of features or of context, and where it stands. */
typedef struct RecoFeature
{
	const char *model;
	RecoSourceKind kind;
	RecoRole	role;			/* RECO_ROLE_FEATURES or RECO_ROLE_CONTEXT */
	const char *name;
	List	   *sources;		/* of that kind, those that have it */
} RecoFeature;

/* The labels of a feature, in bytewise order or that of numbers, and who has which. */
typedef struct RecoLabels
{
	int32		n;
	RecoFields	fields;			/* this one, and its labels: reco_fields_text */
	List	   *keyed;			/* for reco_features_label */
} RecoLabels;

extern RecoFeature *reco_features_find(const char *model, List *sources, const char *by);
extern RecoLabels *reco_features_read(RecoBudget *budget, const RecoReader *reader, const RecoFeature *feature,
									  RecoRole key_role);
extern int32 reco_features_label(const RecoLabels *labels, const RecoSource *source, const RecoValue *key);

#endif							/* RECO_FEATURES_H */
