/*
 * idmap.h: dictionaries from keys to dense numbers.
 */
#ifndef RECO_IDMAP_H
#define RECO_IDMAP_H

#include "postgres.h"

#include "budget.h"
#include "values.h"

typedef struct RecoIdMap RecoIdMap;

extern RecoIdMap *reco_idmap_create(RecoBudget *budget, bool integer_keys, const char *what);
extern int32 reco_idmap_add(RecoIdMap *map, const RecoValue *key);
extern int32 reco_idmap_find(const RecoIdMap *map, const RecoValue *key);
extern int32 reco_idmap_rank(const RecoIdMap *map, const RecoValue *key);
extern int	reco_idmap_compare(const RecoIdMap *map, int32 a, int32 b);
extern void reco_idmap_expect(const RecoIdMap *map, const RecoValue *key);
extern void reco_idmap_append(RecoIdMap *map, const RecoValue *key);
extern int32 *reco_idmap_sort(RecoIdMap *map);
extern int32 reco_idmap_search(const RecoIdMap *map, const RecoKey *key);
extern int32 reco_idmap_count(const RecoIdMap *map);
extern bool reco_idmap_is_integer(const RecoIdMap *map);
extern RecoValue reco_idmap_key(const RecoIdMap *map, int32 id);
extern const int64 *reco_idmap_integers(const RecoIdMap *map);
extern const char *reco_idmap_text(const RecoIdMap *map, int32 id, int *length);
extern void reco_idmap_free(RecoIdMap *map);

#endif							/* RECO_IDMAP_H */
