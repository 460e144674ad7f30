/*
 * expression_cache.c: remembers, for the session, stored expressions that were parsed and checked.
 *
 * A request reads up to a dozen columns of each of its sources, and parsing them took longer than reading.  What comes out
 * depends on the text, on the relation, on the role that parses it (as the model's owner, in a section), on the time zone, and
 * on what the system catalogs say of columns, functions, types and the rest.  When they tell of any change of those, all is
 * forgotten, and parsed and checked anew: a function that became volatile is refused at the next use, as before.
 */
#include "postgres.h"

#include "expression_cache.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#define MOST_ENTRIES 4096

typedef struct CacheKey
{
	Oid			relation;
	Oid			role;
	uint64		hash;			/* of the text and the time zone */
} CacheKey;

typedef struct CacheEntry
{
	CacheKey	key;
	char	   *text;
	char	   *timezone;
	RecoExpression expression;	/* without its node */
} CacheEntry;

static HTAB *entries = NULL;	/* NULL: nothing is remembered */
static MemoryContext cache_context;	/* of texts */
static bool stale = false;		/* something changed: set by callbacks, which must not touch what is in use */
static uint64 changes = 0;		/* how often */

static void
notice_change(void)
{
	stale = true;
	changes++;
}

static void
object_changed(Datum arg, int cache, uint32 hash)
{
	(void) arg;
	(void) cache;
	(void) hash;
	notice_change();
}

static void
relation_changed(Datum arg, Oid relation)
{
	HASH_SEQ_STATUS scan;
	CacheEntry *entry;
	bool		is_known = !OidIsValid(relation);

	(void) arg;
	/* One that nothing is remembered of may be one that is being parsed for. */
	changes++;
	if (entries == NULL || stale)
		return;
	hash_seq_init(&scan, entries);
	while ((entry = hash_seq_search(&scan)) != NULL)
		is_known |= entry->key.relation == relation;
	stale |= is_known;
}

/* Ask to be told of all that parsing looks at. */
static void
register_callbacks(void)
{
	static const int caches[] = {PROCOID, TYPEOID, OPEROID, CASTSOURCETARGET, COLLOID, NAMESPACEOID, TSCONFIGOID, AUTHOID,
	AUTHMEMROLEMEM};
	static bool registered = false;
	int			i;

	if (registered)
		return;
	registered = true;
	for (i = 0; i < (int) lengthof(caches); i++)
		CacheRegisterSyscacheCallback(caches[i], object_changed, (Datum) 0);
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
}

/* An empty cache where there is none, where it is full, or something changed. */
static void
prepare(void)
{
	HASHCTL		control = {.keysize = sizeof(CacheKey),.entrysize = sizeof(CacheEntry)};

	register_callbacks();
	if (entries != NULL && !stale && hash_get_num_entries(entries) < MOST_ENTRIES)
		return;
	if (entries != NULL)
	{
		hash_destroy(entries);
		entries = NULL;
		MemoryContextDelete(cache_context);
	}
	stale = false;
	cache_context = AllocSetContextCreate(CacheMemoryContext, "reco expressions", ALLOCSET_DEFAULT_SIZES);
	control.hcxt = CacheMemoryContext;
	entries = hash_create("reco expressions", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Another of the same text and time zone hash is rare enough not to be remembered. */
static void
remember(const CacheKey *key, const char *text, const char *timezone, const RecoExpression *expression)
{
	CacheEntry	made = {.key = *key,.expression = *expression};
	CacheEntry *entry;
	bool		found;

	made.text = MemoryContextStrdup(cache_context, text);
	made.timezone = MemoryContextStrdup(cache_context, timezone);
	made.expression.name = MemoryContextStrdup(cache_context, expression->name);
	made.expression.text = MemoryContextStrdup(cache_context, expression->text);
	made.expression.node = NULL;
	entry = hash_search(entries, key, HASH_ENTER, &found);
	if (!found)
		*entry = made;
}

/*
 * What reco_expressions_parse gives for one expression of an open relation, without its node, in the current memory context.
 * To be called in a section, whose settings it counts on.  Errors: those of reco_expressions_parse.
 */
const RecoExpression *
reco_expression_cache_parse(Relation relation, const char *text, const char *parameter)
{
	const char *timezone = pg_get_timezone_name(session_timezone);
	CacheKey	key = {.relation = RelationGetRelid(relation),.role = GetUserId()};
	RecoExpression *expression;
	CacheEntry *entry;
	uint64		before;

	key.hash = hash_bytes_extended((const unsigned char *) text, (int) strlen(text),
								   hash_bytes_extended((const unsigned char *) timezone, (int) strlen(timezone), 0));
	prepare();
	entry = hash_search(entries, &key, HASH_FIND, NULL);
	if (entry != NULL && strcmp(entry->text, text) == 0 && strcmp(entry->timezone, timezone) == 0)
	{
		expression = palloc(sizeof(RecoExpression));
		*expression = entry->expression;
		expression->name = pstrdup(expression->name);
		expression->text = pstrdup(expression->text);
		return expression;
	}
	before = changes;
	expression = linitial(reco_expressions_parse(relation, text, parameter, false));
	if (before == changes)
		remember(&key, text, timezone, expression);
	return expression;
}
