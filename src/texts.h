/*
 * texts.h: texts as what is learned from them.
 */
#ifndef RECO_TEXTS_H
#define RECO_TEXTS_H

#include "postgres.h"

#include "values.h"
#include "wording.h"
#include "words.h"

typedef struct RecoTexts
{
	RecoWords  *words;
	Oid			simple;
	Oid			configuration;	/* by which the last text of a row was read */
	Oid			named;			/* the configuration of that name */
	char		name[4 * NAMEDATALEN + 8];	/* two quoted names and a dot; empty: none yet */
	RecoWordingText text;		/* the last one */
} RecoTexts;

extern RecoTexts *reco_texts_create(void);
extern bool reco_texts_read(RecoTexts *texts, Oid configuration, const char *bytes, int length);
extern bool reco_texts_read_row(RecoTexts *texts, const RecoValue *body, const RecoValue *configuration);
extern void reco_texts_free(RecoTexts *texts);

#endif							/* RECO_TEXTS_H */
