/*
 * facts.h: what the shop says of items now.
 */
#ifndef RECO_FACTS_H
#define RECO_FACTS_H

#include "postgres.h"

#include "answering.h"
#include "budget.h"

/* Which facts are wanted. */
typedef struct RecoFactsWish
{
	bool		available;
	bool		price;
	RecoUnitKind unit;
	int			n_fields;
	const char *const *fields;	/* features of items */
} RecoFactsWish;

/* A label of an item, by its number among those of the field. */
typedef struct RecoFactLabel
{
	int32		field;
	int32		label;
} RecoFactLabel;

typedef struct RecoItemFacts
{
	bool		available;		/* true where nobody asked */
	double		price;			/* what it costs, the highest of several rows, or by an offer; NaN: nobody says, or nobody asked */
	bool		offer;			/* that is by an offer */
	double		unit;			/* what a piece brings, the highest of several rows; the same */
	int32		n_labels;
	RecoFactLabel *labels;		/* each once, in the order of rows */
} RecoItemFacts;

typedef struct RecoFacts RecoFacts;

extern RecoFacts *reco_facts_create(const RecoAnswering *a, const RecoFactsWish *wish, RecoBudget *budget);
extern void reco_facts_read_all(RecoFacts *facts);
extern void reco_facts_read(const RecoFacts *facts, const RecoTopEntry *entries, int n, RecoItemFacts *of_items);
extern int32 reco_facts_label(const RecoFacts *facts, int field, const RecoValue *text);
extern int32 reco_facts_labels(const RecoFacts *facts, int field);

#endif							/* RECO_FACTS_H */
