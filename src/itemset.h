/*
 * itemset.h: a set of values of one type, whatever type.
 */
#ifndef RECO_ITEMSET_H
#define RECO_ITEMSET_H

#include "postgres.h"

#include "utils/typcache.h"

typedef struct RecoItemSet RecoItemSet;

extern TypeCacheEntry *reco_itemset_type(Oid type);
extern RecoItemSet *reco_itemset_create(MemoryContext context, TypeCacheEntry *type, Oid collation, int expected, bool copies);
extern uint32 reco_itemset_add(RecoItemSet *set, Datum item);
extern bool reco_itemset_find(const RecoItemSet *set, Datum item, uint32 *number);
extern uint32 reco_itemset_count(const RecoItemSet *set);
extern Oid	reco_itemset_type_of(const RecoItemSet *set);

#endif							/* RECO_ITEMSET_H */
