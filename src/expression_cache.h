/*
 * expression_cache.h: stored expressions that were parsed and checked before.
 */
#ifndef RECO_EXPRESSION_CACHE_H
#define RECO_EXPRESSION_CACHE_H

#include "postgres.h"

#include "expressions.h"

extern const RecoExpression *reco_expression_cache_parse(Relation relation, const char *text, const char *parameter);

#endif							/* RECO_EXPRESSION_CACHE_H */
