/*
 * contexts.c: reads the contexts of orders beside their lines.
 *
 * A context is a value, or none, for each field; different ones are numbered.  Of an array the first element counts,
 * bytewise or as a number.  Lines of an order, or of a customer's moment where orders have no key, may differ: then the
 * order has the first value of all of them, field by field, whatever the order of arrival.
 *
 * Orders are numbered at the end of their source, and those without a key at the end of all: until then contexts are kept
 * by provisional numbers, or by customer and time.
 */
#include "postgres.h"

#include "contexts.h"

#include "idmap.h"
#include "interrupts.h"

#define FIRST_ORDERS 1024

/* What a customer's lines of one moment have, which are an order. */
typedef struct Moment
{
	TimestampTz at;
	int32		user;
	int32		context;
} Moment;

struct RecoContexts
{
	RecoBudget *budget;
	const RecoMembers *members;
	RecoLabeller *labeller;
	RecoIdMap  *numbers;		/* of contexts, by the values in them */
	int32	   *of_order;		/* by number of order, -1: none */
	int32		capacity;
	Moment	   *moments;
	int64		n_moments;
	int64		moment_capacity;
	int32	   *nothing;		/* a context without any value */

	/* Of the source that is being read: by provisional numbers of its orders. */
	int32	   *provisional;
	int32		provisional_capacity;
	int			n_columns;
	int			member_of[RECO_MAX_FIELDS];
};

static int32 *
no_values(RecoBudget *budget, int n)
{
	int32	   *values = reco_budget_alloc(budget, Max(n, 1), sizeof(int32), "contexts");
	int			i;

	for (i = 0; i < n; i++)
		values[i] = -1;
	return values;
}

/* Without any contexts, from the budget; members must live as long. */
RecoContexts *
reco_contexts_create(RecoBudget *budget, const RecoMembers *members)
{
	RecoContexts *contexts = MemoryContextAllocZero(budget->context, sizeof(RecoContexts));

	contexts->budget = budget;
	contexts->members = members;
	contexts->labeller = reco_labels_begin(budget, members);
	contexts->numbers = reco_idmap_create(budget, false, "contexts");
	contexts->nothing = no_values(budget, members->n);
	return contexts;
}

/* Read a source from now on: what to read of it, behind the columns of lines; returns how many fields that is. */
int
reco_contexts_begin_source(RecoContexts *contexts, const RecoSource *source, RecoField *fields)
{
	int			member;

	contexts->n_columns = 0;
	for (member = 0; member < contexts->members->n; member++)
	{
		RecoField	field = reco_labels_field(contexts->members, member);

		if (reco_definitions_find(source, &field) == NULL)
			continue;
		contexts->member_of[contexts->n_columns] = member;
		fields[contexts->n_columns++] = field;
	}
	return contexts->n_columns;
}

/* The values of a context, by number. */
static const int32 *
values_of(const RecoContexts *contexts, int32 context)
{
	int			length;

	return context >= 0 ? (const int32 *) (const void *) reco_idmap_text(contexts->numbers, context, &length) : contexts->nothing;
}

static int32
number_of(RecoContexts *contexts, const int32 *values)
{
	RecoValue	key = {.bytes = (const char *) values,.length = contexts->members->n * (int) sizeof(int32)};

	return reco_idmap_add(contexts->numbers, &key);
}

/* The lesser of two values, of which -1 is none. */
static int32
first_value(const RecoContexts *contexts, int32 a, int32 b)
{
	if (a < 0 || b < 0)
		return Max(a, b);
	return a == b || reco_labels_compare(contexts->labeller, a, b) < 0 ? a : b;
}

/* The number of a row's context, -1 where it has none; values are those of the source's fields. */
int32
reco_contexts_read(RecoContexts *contexts, const RecoValue *values)
{
	int32		found[RECO_MAX_FIELDS];
	bool		any = false;
	int			column;
	int			i;

	memcpy(found, contexts->nothing, contexts->members->n * sizeof(int32));
	for (column = 0; column < contexts->n_columns; column++)
	{
		int			member = contexts->member_of[column];

		for (i = 0; !values[column].is_null && i < values[column].length; i++)
			found[member] = first_value(contexts, found[member],
										reco_labels_value(contexts->labeller, member, &reco_values_elements(&values[column])[i]));
		any |= found[member] >= 0;
	}
	return any ? number_of(contexts, found) : -1;
}

/* The context of two lines of one order. */
static int32
unite(RecoContexts *contexts, int32 a, int32 b)
{
	int32		found[RECO_MAX_FIELDS];
	const int32 *x;
	const int32 *y;
	int			member;

	if (a == b || a < 0 || b < 0)
		return Max(a, b);
	x = values_of(contexts, a);
	y = values_of(contexts, b);
	for (member = 0; member < contexts->members->n; member++)
		found[member] = first_value(contexts, x[member], y[member]);
	return number_of(contexts, found);
}

/* Room for so many numbers of contexts, the new ones -1. */
static void
reserve(RecoContexts *contexts, int32 **list, int32 *capacity, int32 n)
{
	int32		before = *capacity;
	int32		i;

	if (n <= before)
		return;
	*capacity = Max(n, before > PG_INT32_MAX / 2 ? PG_INT32_MAX : Max(before * 2, FIRST_ORDERS));
	if (*list == NULL)
		*list = reco_budget_alloc(contexts->budget, *capacity, sizeof(int32), "contexts");
	else
		*list = reco_budget_resize(contexts->budget, *list, before, *capacity, sizeof(int32), "contexts");
	for (i = before; i < *capacity; i++)
		(*list)[i] = -1;
}

static void
add_moment(RecoContexts *contexts, const RecoLine *line, int32 context)
{
	const Moment moment = {line->at, line->user, context};

	if (contexts->n_moments > 0 && memcmp(&contexts->moments[contexts->n_moments - 1], &moment, sizeof(Moment)) == 0)
		return;
	if (contexts->n_moments == contexts->moment_capacity)
	{
		int64		capacity = Max(contexts->moment_capacity * 2, FIRST_ORDERS);

		if (contexts->moments == NULL)
			contexts->moments = reco_budget_alloc(contexts->budget, capacity, sizeof(Moment), "contexts");
		else
			contexts->moments = reco_budget_resize(contexts->budget, contexts->moments, contexts->moment_capacity, capacity,
												   sizeof(Moment), "contexts");
		contexts->moment_capacity = capacity;
	}
	contexts->moments[contexts->n_moments++] = moment;
}

/* A line of the source, with provisional numbers, has a context. */
void
reco_contexts_add(RecoContexts *contexts, const RecoLine *line, int32 context)
{
	if (context < 0)
		return;
	if (line->order >= 0)
	{
		reserve(contexts, &contexts->provisional, &contexts->provisional_capacity, line->order + 1);
		contexts->provisional[line->order] = unite(contexts, contexts->provisional[line->order], context);
	}
	else if (line->user >= 0)
		add_moment(contexts, line, context);
}

/* The source is read: its orders have final numbers, the first of which is given; NULL where they have no key. */
void
reco_contexts_end_source(RecoContexts *contexts, const int32 *order_rank, int32 first_order, int32 n_orders)
{
	int32		i;

	if (order_rank != NULL)
		reserve(contexts, &contexts->of_order, &contexts->capacity, first_order + n_orders);
	for (i = 0; order_rank != NULL && i < Min(n_orders, contexts->provisional_capacity); i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		contexts->of_order[first_order + order_rank[i]] = contexts->provisional[i];
	}
	if (contexts->provisional != NULL)
		reco_budget_free(contexts->budget, contexts->provisional);
	contexts->provisional = NULL;
	contexts->provisional_capacity = 0;
}

static int
compare_moments(const void *a, const void *b)
{
	const Moment *x = a;
	const Moment *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->user != y->user)
		return x->user < y->user ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* All sources are read: customers have final numbers. */
void
reco_contexts_rank_users(RecoContexts *contexts, const int32 *user_rank)
{
	int64		kept = 0;
	int64		i;

	for (i = 0; i < contexts->n_moments; i++)
		contexts->moments[i].user = user_rank[contexts->moments[i].user];
	if (contexts->n_moments > 0)
		qsort(contexts->moments, contexts->n_moments, sizeof(Moment), compare_moments);
	for (i = 0; i < contexts->n_moments; i++)
		if (kept > 0 && compare_moments(&contexts->moments[kept - 1], &contexts->moments[i]) == 0)
			contexts->moments[kept - 1].context = unite(contexts, contexts->moments[kept - 1].context, contexts->moments[i].context);
		else
			contexts->moments[kept++] = contexts->moments[i];
	contexts->n_moments = kept;
}

/* Lines of a customer's moment are that order. */
void
reco_contexts_add_order(RecoContexts *contexts, int32 order, const RecoLine *line)
{
	const Moment wanted = {line->at, line->user, -1};
	const Moment *moment;

	if (contexts->n_moments == 0)
		return;
	moment = bsearch(&wanted, contexts->moments, contexts->n_moments, sizeof(Moment), compare_moments);
	if (moment == NULL)
		return;
	reserve(contexts, &contexts->of_order, &contexts->capacity, order + 1);
	contexts->of_order[order] = moment->context;
}

const RecoMembers *
reco_contexts_members(const RecoContexts *contexts)
{
	return contexts->members;
}

/* What the values are of. */
RecoLabeller *
reco_contexts_labeller(RecoContexts *contexts)
{
	return contexts->labeller;
}

/* The values of an order's context, one for each member, -1: none. */
const int32 *
reco_contexts_values(const RecoContexts *contexts, int32 order)
{
	return values_of(contexts, order < contexts->capacity ? contexts->of_order[order] : -1);
}
