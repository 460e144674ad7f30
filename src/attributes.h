/*
 * attributes.h: what training makes of the items' features and descriptions.
 */
#ifndef RECO_ATTRIBUTES_H
#define RECO_ATTRIBUTES_H

#include "postgres.h"

#include "arena.h"
#include "interactions.h"
#include "labels.h"
#include "match.h"
#include "nodes/pg_list.h"
#include "sources.h"

/* What is known of the items, by number. */
typedef struct RecoAttributes
{
	RecoBudget *budget;
	int32		items;
	const RecoSparse *terms;	/* items x terms, TF-IDF */
	const RecoLabelled *labelled;	/* NULL: no features */
} RecoAttributes;

extern RecoAttributes *reco_attributes_read(const RecoInteractions *interactions, const RecoReader *reader, List *sources,
											Size bags);
extern void reco_attributes_fill(const RecoAttributes *attributes, const float *orders, int factors, float *y,
								 RecoArena *arena, const RecoRun *run);
extern RecoMatch reco_attributes_match(const RecoAttributes *attributes, const RecoInteractions *interactions,
									   TimestampTz before, TimestampTz clock, const RecoRun *run);

#endif							/* RECO_ATTRIBUTES_H */
