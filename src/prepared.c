/*
 * prepared.c: keeps the plans of queries that come again and again, for the session.
 *
 * A request reads a few rows of each of its sources, by a query whose text is the same for all customers; parsing and
 * planning it took longer than running it.  As with PREPARE, PostgreSQL makes a plan anew when what it is about changes, checks
 * rights on relations each time that it runs, and decides whether one plan serves all customers alike.  It checks rights on
 * functions that it inlines when planning, so that a plan is kept for each role apart.
 *
 * A plan in use is pinned until the memory context goes away that was current when it was asked for, as models are (cache.c):
 * a query may run another request inside it, which must not push out the plan of the first.
 */
#include "postgres.h"

#include "prepared.h"

#include "common/hashfn.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#define MOST_PLANS		128
#define MOST_PARAMETERS	8

typedef struct PreparedEntry
{
	dlist_node	node;			/* most recently used first */
	uint64		hash;			/* of the text */
	Oid			role;
	char	   *text;
	SPIPlanPtr	plan;
	int			pins;
} PreparedEntry;

static dlist_head entries = DLIST_STATIC_INIT(entries);
static int	n_entries = 0;

static void
unpin(void *arg)
{
	((PreparedEntry *) arg)->pins--;
}

static void
pin(PreparedEntry *entry)
{
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

	callback->func = unpin;
	callback->arg = entry;
	entry->pins++;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
}

static PreparedEntry *
find_entry(const char *text, uint64 hash, Oid role)
{
	dlist_iter	iter;

	dlist_foreach(iter, &entries)
	{
		PreparedEntry *entry = dlist_container(PreparedEntry, node, iter.cur);

		if (entry->hash == hash && entry->role == role && strcmp(entry->text, text) == 0)
			return entry;
	}
	return NULL;
}

/* Drop what was not used for longest, but for what is in use. */
static void
make_room(void)
{
	dlist_node *node = dlist_is_empty(&entries) ? NULL : dlist_tail_node(&entries);

	while (node != NULL && n_entries >= MOST_PLANS)
	{
		PreparedEntry *entry = dlist_container(PreparedEntry, node, node);

		node = dlist_has_prev(&entries, node) ? dlist_prev_node(&entries, node) : NULL;
		if (entry->pins > 0)
			continue;
		dlist_delete(&entry->node);
		n_entries--;
		SPI_freeplan(entry->plan);
		pfree(entry->text);
		pfree(entry);
	}
}

static SPIPlanPtr
prepare(const char *text, ParamListInfo params)
{
	Oid			types[MOST_PARAMETERS];
	SPIPlanPtr	plan;
	int			i;

	if (params->numParams > MOST_PARAMETERS)
		elog(ERROR, "too many parameters for a query");
	for (i = 0; i < params->numParams; i++)
		types[i] = params->params[i].ptype;
	plan = SPI_prepare(text, params->numParams, types);
	if (plan == NULL)
		elog(ERROR, "query cannot be prepared: %s", SPI_result_code_string(SPI_result));
	return plan;
}

/*
 * The plan of a query, to be run as the present role; a text always has parameters of the same types.  Called between
 * SPI_connect and SPI_finish, until which it is valid.  Errors: those of parsing.
 */
SPIPlanPtr
reco_prepared_plan(const char *text, ParamListInfo params)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) text, (int) strlen(text), 0);
	PreparedEntry *entry = find_entry(text, hash, GetUserId());

	if (entry != NULL)
		dlist_move_head(&entries, &entry->node);
	else
	{
		SPIPlanPtr	plan = prepare(text, params);

		make_room();
		entry = MemoryContextAllocZero(CacheMemoryContext, sizeof(PreparedEntry));
		entry->hash = hash;
		entry->role = GetUserId();
		entry->text = MemoryContextStrdup(CacheMemoryContext, text);
		/* Only now that nothing can fail any more does it become the session's. */
		if (SPI_keepplan(plan) != 0)
			elog(ERROR, "query cannot be kept");
		entry->plan = plan;
		dlist_push_head(&entries, &entry->node);
		n_entries++;
	}
	pin(entry);
	return entry->plan;
}
