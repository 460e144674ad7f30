/*
 * rules.h: what a shop rules about the lists that are recommended.
 */
#ifndef RECO_RULES_H
#define RECO_RULES_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"
#include "values.h"

#define RECO_MAX_PINS 100
#define RECO_MAX_BOOSTS 64
#define RECO_MAX_BOOSTED 10000	/* items of one boost */
#define RECO_MAX_CAPS 16
#define RECO_MAX_RULE_FIELDS (RECO_MAX_BOOSTS + RECO_MAX_CAPS + 1)

/* What items are called by in a rule. */
typedef enum RecoRuleKeys
{
	RECO_RULE_KEYS_TEXT,
	RECO_RULE_KEYS_INTEGER,
	RECO_RULE_KEYS_EITHER		/* nobody knows yet */
} RecoRuleKeys;

typedef struct RecoPin
{
	RecoKey		item;
	int			rank;			/* from 1; 0: the first that is free */
} RecoPin;

typedef struct RecoBoost
{
	int			field;			/* number of a field; -1: of items */
	RecoValue	value;			/* of the field, as a text */
	RecoKeyList items;
	double		factor;
	const char *label;			/* as rows of an answer tell it */
} RecoBoost;

typedef struct RecoCap
{
	int			field;
	int32		most;
} RecoCap;

typedef struct RecoRules
{
	int			n_pins;
	RecoPin    *pins;
	int			n_boosts;
	RecoBoost  *boosts;
	int			n_caps;
	RecoCap    *caps;
	double		diversity;		/* 0: none */
	bool		has_price;
	double		least_price;
	double		most_price;
	Interval   *pause;			/* NULL: none */
	double		rebought;		/* the share of buyers that ends a pause before it begins */
	int			exposure;		/* field by which exposure is divided, -1: it is not */
	double		gap;
	int			n_fields;
	const char *fields[RECO_MAX_RULE_FIELDS];	/* features of items, without their kind */
} RecoRules;

extern RecoRules *reco_rules_read(const Jsonb *standing, const Jsonb *given, RecoRuleKeys keys);
extern void reco_rules_check(const RecoRules *rules, const char *model, List *sources);
extern List *reco_rules_words(const RecoRules *rules, uint32 traces, uint64 boosts);

#endif							/* RECO_RULES_H */
