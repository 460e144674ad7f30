/*
 * expressions.c: parses, checks and deparses the SQL expressions that describe a source.
 *
 * A column argument such as quantity => 'coalesce(qty, 1)' is parsed by PostgreSQL's own grammar as what may stand
 * between SELECT and FROM, must be nothing but targets, and is analysed like an index expression over the relation: no
 * subqueries, no aggregates, no set-returning functions; volatile functions are refused on top.  What is stored is the
 * deparsed form, made with pinned settings (section.c): only pg_catalog is on the search path, so that every other name
 * in it is qualified, and literals such as dates are written as they will be read.
 *
 * The stored form goes through the same routine again whenever it is used: a forged catalog row can then do no more
 * than its author could do with add_orders.
 */
#include "postgres.h"

#include "expressions.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "parser/parse_target.h"
#include "parser/parser.h"
#include "section.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

typedef struct ParseArg
{
	const char *parameter;
	const char *text;
} ParseArg;

/* Point at the place in the expression, not in the statement that called us. */
static void
parse_error_context(void *arg)
{
	const ParseArg *where = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(where->text);
	}
	errcontext("expression for parameter \"%s\": %s", where->parameter, where->text);
}

static SelectStmt *
parse_targets(const ParseArg *arg)
{
	List	   *statements = raw_parser(arg->text, RAW_PARSE_PLPGSQL_EXPR);
	SelectStmt *select = castNode(SelectStmt, linitial_node(RawStmt, statements)->stmt);

	if (select->distinctClause != NIL || select->intoClause != NULL || select->fromClause != NIL ||
		select->whereClause != NULL || select->groupClause != NIL || select->havingClause != NULL ||
		select->windowClause != NIL || select->valuesLists != NIL || select->sortClause != NIL ||
		select->limitOffset != NULL || select->limitCount != NULL || select->lockingClause != NIL ||
		select->withClause != NULL || select->op != SETOP_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("parameter \"%s\" must be an expression over the relation, without clauses of its own", arg->parameter),
				 errhint("Put WHERE, ORDER BY and the like into a view, and give the view as the relation.")));
	if (select->targetList == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("parameter \"%s\" is empty", arg->parameter),
				 errhint("Give a column or an expression, or leave the parameter out.")));
	return select;
}

static bool
find_subquery(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
		return true;
	return raw_expression_tree_walker(node, find_subquery, context);
}

static Node *
transform(Relation relation, Node *raw, const ParseArg *arg)
{
	ParseState *pstate = make_parsestate(NULL);
	ParseNamespaceItem *nsitem;
	Node	   *expr;

	pstate->p_sourcetext = arg->text;
	nsitem = addRangeTableEntryForRelation(pstate, relation, AccessShareLock, NULL, false, true);
	addNSItemToQuery(pstate, nsitem, true, true, true);
	expr = transformExpr(pstate, raw, EXPR_KIND_INDEX_EXPRESSION);
	if (exprType(expr) == UNKNOWNOID)
		expr = coerce_type(pstate, expr, UNKNOWNOID, TEXTOID, -1, COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1);
	assign_expr_collations(pstate, expr);
	free_parsestate(pstate);
	return expr;
}

/* What analysis would accept, or what it would refuse in words that do not fit. */
static void
check_raw(const ResTarget *target, const ParseArg *arg)
{
	if (target->indirection != NIL ||
		(IsA(target->val, ColumnRef) && IsA(llast(((ColumnRef *) target->val)->fields), A_Star)))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("parameter \"%s\" must name its columns one by one", arg->parameter),
				 errhint("Give columns or expressions over the relation instead of *.")));
	if (find_subquery(target->val, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("parameter \"%s\" must not contain a subquery", arg->parameter),
				 errhint("Put the subquery into a view, and give the view as the relation.")));
}

static void
check_volatility(Node *expr, const char *parameter)
{
	if (contain_volatile_functions(expr))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("parameter \"%s\" must not call volatile functions", parameter),
				 errhint("A model must come out the same when it is trained again: use stable or immutable functions only.")));
}

static RecoExpression *
make_expression(Relation relation, const ResTarget *target, const ParseArg *arg)
{
	RecoExpression *result = palloc(sizeof(RecoExpression));
	Node	   *expr;
	List	   *context;

	RecoSection section;

	check_raw(target, arg);
	expr = transform(relation, target->val, arg);
	check_volatility(expr, arg->parameter);
	result->node = expr;
	context = deparse_context_for(RelationGetRelationName(relation), RelationGetRelid(relation));
	section = reco_section_begin(GetUserId(), NULL);
	result->text = deparse_expression(expr, context, false, false);
	reco_section_end(&section);
	result->type = getBaseType(exprType(expr));
	result->is_named = target->name != NULL;
	result->name = target->name != NULL ? target->name : FigureColname(target->val);
	return result;
}

static void
check_names_differ(List *expressions, const ParseArg *arg)
{
	ListCell   *a;
	ListCell   *b;

	foreach(a, expressions)
	{
		for_each_cell(b, expressions, lnext(expressions, a))
		{
			const char *name = ((RecoExpression *) lfirst(a))->name;

			if (strcmp(name, ((RecoExpression *) lfirst(b))->name) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_DUPLICATE_COLUMN),
						 errmsg("parameter \"%s\" has two expressions named \"%s\"", arg->parameter, name),
						 errhint("Name them apart with AS.")));
		}
	}
}

/*
 * The expressions in text, over an open relation: a list of RecoExpression, of exactly one unless is_list.  Names are
 * looked up with the present search path, and literals read with the present settings, which are not needed again.
 * Errors name the parameter.
 */
List *
reco_expressions_parse(Relation relation, const char *text, const char *parameter, bool is_list)
{
	ParseArg	arg = {parameter, text};
	ErrorContextCallback callback;
	SelectStmt *select;
	List	   *expressions = NIL;
	ListCell   *cell;

	callback.callback = parse_error_context;
	callback.arg = &arg;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	select = parse_targets(&arg);
	if (!is_list && list_length(select->targetList) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("parameter \"%s\" must be one expression, not %d", parameter, list_length(select->targetList)),
				 errhint("Only context, features and consent take a list.")));
	foreach(cell, select->targetList)
		expressions = lappend(expressions, make_expression(relation, lfirst_node(ResTarget, cell), &arg));
	if (is_list)
		check_names_differ(expressions, &arg);

	error_context_stack = callback.previous;
	return expressions;
}

/*
 * Refuse what is volatile only once the planner has put in the defaults of arguments.  Planning runs what is immutable:
 * call it as the model's owner only.
 */
void
reco_expressions_check_planned(const RecoExpression *expression, const char *parameter)
{
	check_volatility((Node *) expression_planner((Expr *) copyObject(expression->node)), parameter);
}
