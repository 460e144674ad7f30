/*
 * wanted.h: finding the keys that were asked for among those that come.
 */
#ifndef RECO_WANTED_H
#define RECO_WANTED_H

#include "postgres.h"

#include "values.h"

/* A key that is asked for, and its place in the caller's list. */
typedef struct RecoWantedKey
{
	const RecoKey *key;
	int			place;
	bool		integer_keys;
} RecoWantedKey;

typedef struct RecoWanted
{
	int			n;
	bool		integer_keys;
	RecoWantedKey *keys;		/* ascending, those of one key by place */
} RecoWanted;

extern RecoWanted reco_wanted_make(const RecoKey *keys, int n, bool integer_keys);
extern int	reco_wanted_first(const RecoWanted *wanted, const RecoKey *key);
extern int	reco_wanted_place(const RecoWanted *wanted, int i, const RecoKey *key);
extern void reco_wanted_free(RecoWanted *wanted);

#endif							/* RECO_WANTED_H */
