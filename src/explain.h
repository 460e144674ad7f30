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

#define RECO_EXPLAIN_POPULAR RECO_COMPONENTS	/* popularity, where nothing else is known */

typedef struct RecoContribution
{
	int			component;		/* a RecoComponent, or RECO_EXPLAIN_POPULAR */
	int32		evidence;		/* number in the model of an item of basket or history; -1: none */
	double		contribution;
} RecoContribution;

typedef struct RecoExplanation
{
	const RecoModel *model;
	int64		n;
	RecoContribution *rows;		/* the largest first */
} RecoExplanation;

extern RecoExplanation *reco_explain(const RecoExplanationRequest *request);
extern const char *reco_explain_component_name(int component);

#endif							/* RECO_EXPLAIN_H */
