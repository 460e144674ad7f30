/*
 * explain.h: which evidence makes a score what it is.
 */
#ifndef RECO_EXPLAIN_H
#define RECO_EXPLAIN_H

#include "postgres.h"

#include "evidence.h"

typedef struct RecoExplanationRequest
{
	const char *model;
	bool		integer_keys;	/* of the function that was called */
	RecoVisitor visitor;
	RecoKey		item;
	TimestampTz as_of;
} RecoExplanationRequest;

typedef struct RecoContribution
{
	RecoComponent component;
	bool		is_friends;		/* by what the people followed bought */
	int32		evidence;		/* number in the model of an item that was bought, looked at or brought along; -1: none */
	int32		label;			/* number in the model of an attribute or a part of the context that speaks; -1: none */
	double		contribution;
} RecoContribution;

typedef struct RecoExplanation
{
	const RecoModel *model;
	int64		n;
	RecoContribution *rows;		/* the largest first */
} RecoExplanation;

extern RecoExplanation *reco_explain(const RecoExplanationRequest *request);

#endif							/* RECO_EXPLAIN_H */
