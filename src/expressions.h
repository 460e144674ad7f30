/*
 * expressions.h: SQL expressions over a relation, as users give them.
 */
#ifndef RECO_EXPRESSIONS_H
#define RECO_EXPRESSIONS_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/relcache.h"

typedef struct RecoExpression
{
	char	   *name;			/* AS name, or the column's */
	bool		is_named;		/* by AS */
	char	   *text;			/* deparsed, fully qualified */
	Oid			type;			/* domains resolved to their base type */
	Node	   *node;			/* analysed */
} RecoExpression;

extern List *reco_expressions_parse(Relation relation, const char *text, const char *parameter, bool is_list);
extern void reco_expressions_check_planned(const RecoExpression *expression, const char *parameter);

#endif							/* RECO_EXPRESSIONS_H */
