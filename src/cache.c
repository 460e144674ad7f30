/*
 * cache.c: keeps the models that a session uses in memory.
 *
 * The key is the random id that every stored version has and that is never used again.  Whoever asks has read the id
 * from the model's row in the snapshot of the calling statement, so the cache cannot serve a version that the statement
 * should not see, and needs no invalidation: what is not asked for any more goes when the room is needed.
 *
 * An entry in use is pinned until the memory context that was current when it was asked for goes away, which happens
 * after an error too.  A request may run another inside it, by way of a view that it reads; that one cannot push out
 * the model of the first.
 */
#include "postgres.h"

#include "cache.h"

#include "catalog.h"
#include "foldin.h"
#include "guc.h"
#include "lib/ilist.h"
#include "publish.h"
#include "screen.h"
#include "utils/memutils.h"

typedef struct CacheEntry
{
	dlist_node	node;			/* most recently used first */
	pg_uuid_t	blob;
	MemoryContext context;		/* owns the bytes and this entry */
	Size		bytes;
	int			pins;
	bool		noticed[RECO_CACHE_NOTICES];
	RecoModel	model;
} CacheEntry;

static dlist_head entries = DLIST_STATIC_INIT(entries);
static Size total_bytes = 0;

static CacheEntry *
find_entry(const pg_uuid_t *blob)
{
	dlist_iter	iter;

	dlist_foreach(iter, &entries)
	{
		CacheEntry *entry = dlist_container(CacheEntry, node, iter.cur);

		if (memcmp(&entry->blob, blob, sizeof(*blob)) == 0)
			return entry;
	}
	return NULL;
}

/* Drop what was not used for longest until so many more bytes fit, or nothing is left to drop. */
static void
make_room(Size bytes)
{
	Size		limit = (Size) reco_guc_cache_size * 1024 * 1024;
	dlist_node *node = dlist_is_empty(&entries) ? NULL : dlist_tail_node(&entries);

	while (node != NULL && (bytes > limit || total_bytes > limit - bytes))
	{
		CacheEntry *entry = dlist_container(CacheEntry, node, node);

		node = dlist_has_prev(&entries, node) ? dlist_prev_node(&entries, node) : NULL;
		if (entry->pins > 0)
			continue;
		dlist_delete(&entry->node);
		total_bytes -= entry->bytes;
		MemoryContextDelete(entry->context);
	}
}

static void
unpin(void *arg)
{
	((CacheEntry *) arg)->pins--;
}

static void
pin(CacheEntry *entry)
{
	MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));

	callback->func = unpin;
	callback->arg = entry;
	entry->pins++;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
}

static void
open_model(const char *model_name, CacheEntry *entry, const char *bytes)
{
	const char *problem;
	RecoStatus	status = reco_publish_open(bytes, entry->bytes, &entry->model, &problem);

	if (status == RECO_UNSUPPORTED)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot read the active version of model \"%s\": %s", model_name, problem),
				 errhint("Install the library that wrote it, or call reco.train to build the version anew.")));
	if (status != RECO_OK)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the active version of model \"%s\" is damaged: %s", model_name, problem),
				 errhint("Call reco.activate for another version, or reco.train to build a new one.")));
}

/* Scans of many items go faster by a screen, which takes a quarter of the factors' memory and a little more. */
static void
add_screen(CacheEntry *entry)
{
	RecoModel  *model = &entry->model;
	Size		size = reco_screen_size(model->items, model->factors);
	RecoRun		run = reco_foldin_run(NULL);
	const float *biases[RECO_BIASES] = {model->trend, model->popularity, model->sentiment};
	RecoScreen *screen;

	if (model->items < RECO_SCREEN_FEWEST)
		return;
	screen = MemoryContextAllocExtended(entry->context, add_size(size, PG_CACHE_LINE_SIZE), MCXT_ALLOC_HUGE);
	screen = (RecoScreen *) TYPEALIGN(PG_CACHE_LINE_SIZE, screen);
	reco_foldin_check_status(reco_screen_build(&run, model->y, model->items, model->factors, biases, screen),
							 "making a screen");
	model->screen = screen;
	entry->bytes += size;
}

static CacheEntry *
load_entry(const char *model_name, const pg_uuid_t *blob)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "reco model", ALLOCSET_SMALL_SIZES);
	CacheEntry *entry = MemoryContextAllocZero(context, sizeof(CacheEntry));
	char	   *bytes;

	entry->blob = *blob;
	entry->context = context;
	bytes = reco_catalog_load_blob(blob, context, &entry->bytes);
	open_model(model_name, entry, bytes);
	add_screen(entry);

	/* Only now that nothing can fail any more does it become the session's. */
	make_room(entry->bytes);
	MemoryContextSetParent(context, CacheMemoryContext);
	total_bytes += entry->bytes;
	dlist_push_head(&entries, &entry->node);
	return entry;
}

/*
 * The model of that id, loaded if need be; valid until the current memory context is reset or deleted.  Errors:
 * data_corrupted, feature_not_supported (a newer format).
 */
const RecoModel *
reco_cache_get(const char *model_name, const pg_uuid_t *blob)
{
	CacheEntry *entry = find_entry(blob);

	if (entry == NULL)
		entry = load_entry(model_name, blob);
	else
		dlist_move_head(&entries, &entry->node);
	pin(entry);
	return &entry->model;
}

/* True the first time that it is asked for a loaded version. */
bool
reco_cache_notice_once(const RecoModel *model, RecoCacheNotice notice)
{
	CacheEntry *entry = (CacheEntry *) ((char *) unconstify(RecoModel *, model) - offsetof(CacheEntry, model));
	bool		first = !entry->noticed[notice];

	entry->noticed[notice] = true;
	return first;
}
