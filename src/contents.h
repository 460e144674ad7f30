/*
 * contents.h: what items are made of, as weighted terms.
 */
#ifndef RECO_CONTENTS_H
#define RECO_CONTENTS_H

#include "postgres.h"

#include "budget.h"
#include "nodes/pg_list.h"
#include "sources.h"
#include "sparse.h"

/* The number of the item with that key, from 0, or -1 for one that is not known. */
typedef int32 (*RecoFindItem) (void *arg, const RecoKey *key);

extern const RecoSparse *reco_contents_read(RecoBudget *budget, const RecoReader *reader, List *sources, int32 items,
											RecoFindItem find_item, void *arg);

#endif							/* RECO_CONTENTS_H */
