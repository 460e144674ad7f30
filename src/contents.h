/*
 * contents.h: what items are made of, as weighted terms.
 */
#ifndef RECO_CONTENTS_H
#define RECO_CONTENTS_H

#include "postgres.h"

#include "budget.h"
#include "labels.h"
#include "nodes/pg_list.h"
#include "sources.h"
#include "sparse.h"

/* The number of the item with that key, from 0, or -1 for one that is not known. */
typedef int32 (*RecoFindItem) (void *arg, const RecoKey *key);

/* Which terms are kept. */
typedef struct RecoContentsOptions
{
	int32		least_items;	/* that have a term */
	int32		most_terms;		/* those that most items have */
} RecoContentsOptions;

extern const RecoSparse *reco_contents_read(RecoBudget *budget, const RecoReader *reader, List *sources, int32 items,
											RecoFindItem find_item, void *arg, const RecoContentsOptions *options,
											const RecoLabelled **labelled);

#endif							/* RECO_CONTENTS_H */
