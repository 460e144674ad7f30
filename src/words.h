/*
 * words.h: the words of a text, by PostgreSQL's text search.
 */
#ifndef RECO_WORDS_H
#define RECO_WORDS_H

#include "postgres.h"

typedef struct RecoWords RecoWords;

/* The next word of a text; false: that is enough. */
typedef bool (*RecoWordCallback) (void *arg, const char *word, int length);

extern RecoWords *reco_words_create(void);
extern Oid	reco_words_configuration(const char *name);
extern Oid	reco_words_find_configuration(const char *name);
extern char *reco_words_configuration_name(Oid configuration);
extern void reco_words_split(RecoWords *words, Oid configuration, const char *bytes, int length, RecoWordCallback callback,
							 void *arg);
extern void reco_words_free(RecoWords *words);

#endif							/* RECO_WORDS_H */
