/*
 * match.h: items that have attributes in common with those of a bag.
 */
#ifndef RECO_MATCH_H
#define RECO_MATCH_H

#include "numeric.h"
#include "sparse.h"

/* Part of the file format. */
typedef struct RecoMatchField
{
	int32_t		first;			/* its values are numbered from here on, up to the next one's */
	float		basket;			/* how often the same value is the reason for another item of an order, 0 to 1 */
	float		history;		/* and for an item of a customer's next order */
} RecoMatchField;

/* Whose reasons. */
typedef enum RecoMatchBag
{
	RECO_MATCH_BASKET,
	RECO_MATCH_HISTORY
} RecoMatchBag;

/* What serving needs; see match.c. */
typedef struct RecoMatch
{
	RecoSparse	by_item;		/* items x values: the item's share in a value, by the chance of another item; no rows: none */
	RecoSparse	by_value;		/* values x items: the chance of an item, given the value, of the most likely ones */
	int32_t		n_fields;
	const RecoMatchField *fields;	/* [n_fields + 1]; the last one is where the values end */
} RecoMatch;

#define RECO_MATCH_MOST_FIELDS	128 /* with pairs of fields */
#define RECO_MATCH_MOST_LISTED	200 /* items of a value */
#define RECO_MATCH_MOST_ENTRIES 50	/* of a bag that are looked at, the heaviest */
#define RECO_MATCH_MOST_VALUES	100 /* of those that are looked at, the heaviest */

/* --- what a request asks ----------------------------------------------------------------------------------- */

typedef struct RecoMatchEntry
{
	int32_t		item;
	float		weight;
} RecoMatchEntry;

/* A value that a bag has, and how much that is a reason. */
typedef struct RecoMatchValue
{
	int32_t		value;
	float		weight;
} RecoMatchValue;

/* Puts the heaviest entries first, in the order of items; returns how many, and scales their weights to a sum of 1. */
extern int	reco_match_choose_entries(RecoMatchEntry *entries, int64_t n);

/* The values of such entries, the heaviest of them, in their order; values has room for reco_match_most_values(). */
extern size_t reco_match_most_values(const RecoMatch *match, const RecoMatchEntry *entries, int n);
extern int	reco_match_find_values(const RecoMatch *match, RecoMatchBag bag, const RecoMatchEntry *entries, int n,
								   RecoMatchValue *values);

/* What an entry of the bag adds to the score of an item, whose values of the bag are given. */
extern double reco_match_contribution(const RecoMatch *match, RecoMatchBag bag, const RecoMatchEntry *entry,
									  const RecoMatchValue *values, int n_values, int32_t item);

/* --- learning ---------------------------------------------------------------------------------------------- */

/* Items by values, which are numbered by field. */
typedef struct RecoMatchDesign
{
	int			n_fields;
	const int32_t *first;		/* [n_fields + 1] */
	RecoSparse	values;			/* items x values, without weights */
	const float *count;			/* [items] orders with the item, >= 0 */
	const double *mass;			/* [values] as reco_match_measure gives it */
} RecoMatchDesign;

/* An item that was bought, and one that was bought with it or before. */
typedef struct RecoMatchPair
{
	int32_t		item;
	int32_t		other;
	float		weight;
} RecoMatchPair;

extern RecoStatus reco_match_measure(const RecoMatchDesign *design, double *mass, const RecoRun *run);
extern double reco_match_base(const RecoMatchDesign *design);

/* The chance of the pair's item given the other one, by each field, and n_fields behind it: by nothing. */
extern void reco_match_chances(const RecoMatchDesign *design, double base, const RecoMatchPair *pair, float *chances);

/*
 * How often each field is the reason, from n pairs' chances [n x (n_fields + 1)]; the last is no reason at all.  They add
 * up to 1.
 */
extern RecoStatus reco_match_learn(const float *chances, const RecoMatchPair *pairs, int n, int n_fields, double *reasons,
								   const RecoRun *run);

/*
 * Which of the n items of a value, with their counts as weights, are listed: ascending, with their chances; returns how many,
 * RECO_MATCH_MOST_LISTED at most.  items is used up.
 */
extern int	reco_match_list(const RecoMatchDesign *design, int32_t value, RecoMatchEntry *items, int n, int32_t *listed,
							float *chances);

/* What an item's share in a value is worth as a reason; 0 where no other item has the value. */
extern float reco_match_share(const RecoMatchDesign *design, int32_t item, int32_t value, int values_of_field);

#endif							/* RECO_MATCH_H */
