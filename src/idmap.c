/*
 * idmap.c: maps the keys of customers, items and orders to dense numbers.
 *
 * While rows arrive a key gets the next free number.  Rows arrive in any order, so when all are there the numbers are
 * exchanged for the ranks of the keys, integers in their order and texts bytewise: from then on nothing depends on the
 * order of arrival, on the plan or on a collation.
 */
#include "postgres.h"

#include "idmap.h"

#include "common/hashfn.h"
#include "interrupts.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#define FIRST_KEYS 16			/* an aggregate may hold thousands of small dictionaries */

#define NEIGHBOURS 8			/* slots in a cache line */

typedef struct Slot
{
	uint32		hash;
	int32		id;				/* -1: empty */
} Slot;

typedef struct TextKey
{
	uint64		offset;			/* in the arena */
	int32		length;
} TextKey;

struct RecoIdMap
{
	RecoBudget *budget;
	const char *what;
	bool		integer_keys;
	int32		count;
	int32		capacity;
	int64	   *integers;
	TextKey    *texts;
	char	   *arena;
	Size		arena_used;
	Size		arena_size;
	Slot	   *slots;			/* open addressing, linear probing, at most half full */
	uint32		mask;
	int32		last;			/* number of the integer key that was added last, -1: none */
};

static Slot *
make_slots(RecoIdMap *map, uint32 n)
{
	Slot	   *slots = reco_budget_alloc(map->budget, n, sizeof(Slot), map->what);
	uint32		i;

	for (i = 0; i < n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		slots[i].id = -1;
	}
	return slots;
}

/* A dictionary of integer or of text keys; what says in messages what they are keys of. */
RecoIdMap *
reco_idmap_create(RecoBudget *budget, bool integer_keys, const char *what)
{
	RecoIdMap  *map = MemoryContextAllocZero(budget->context, sizeof(RecoIdMap));

	map->budget = budget;
	map->what = what;
	map->integer_keys = integer_keys;
	map->capacity = FIRST_KEYS;
	if (integer_keys)
		map->integers = reco_budget_alloc(budget, FIRST_KEYS, sizeof(int64), what);
	else
	{
		map->texts = reco_budget_alloc(budget, FIRST_KEYS, sizeof(TextKey), what);
		map->arena_size = FIRST_KEYS * 16;
		map->arena = reco_budget_alloc(budget, map->arena_size, 1, what);
	}
	map->last = -1;
	map->mask = FIRST_KEYS * 2 - 1;
	map->slots = make_slots(map, FIRST_KEYS * 2);
	return map;
}

static bool
key_equals(const RecoIdMap *map, int32 id, const RecoValue *key)
{
	const TextKey *text;

	if (map->integer_keys)
		return map->integers[id] == key->integer;
	text = &map->texts[id];
	return text->length == key->length && memcmp(map->arena + text->offset, key->bytes, key->length) == 0;
}

static void
grow_keys(RecoIdMap *map)
{
	int32		capacity;

	if (map->capacity > PG_INT32_MAX / 4)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d different keys for %s", map->capacity, map->what),
				 errhint("Train on fewer rows, for example through a view over the newest ones.")));
	capacity = map->capacity * 2;
	if (map->integer_keys)
		map->integers = reco_budget_resize(map->budget, map->integers, map->capacity, capacity, sizeof(int64), map->what);
	else
		map->texts = reco_budget_resize(map->budget, map->texts, map->capacity, capacity, sizeof(TextKey), map->what);
	map->capacity = capacity;
}

static void
grow_slots(RecoIdMap *map)
{
	Slot	   *old = map->slots;
	uint32		old_mask = map->mask;
	uint32		i;

	map->mask = map->mask * 2 + 1;
	map->slots = make_slots(map, map->mask + 1);
	for (i = 0; i <= old_mask; i++)
	{
		uint32		at = old[i].hash & map->mask;

		RECO_CHECK_INTERRUPTS(i);
		if (old[i].id < 0)
			continue;
		while (map->slots[at].id >= 0)
			at = (at + 1) & map->mask;
		map->slots[at] = old[i];
	}
	reco_budget_free(map->budget, old);
}

static void
store_key(RecoIdMap *map, const RecoValue *key)
{
	if (map->count == map->capacity)
		grow_keys(map);
	if (map->integer_keys)
	{
		map->integers[map->count] = key->integer;
		return;
	}
	while (map->arena_size - map->arena_used < (Size) key->length)
	{
		Size		size = mul_size(map->arena_size, 2);

		map->arena = reco_budget_resize(map->budget, map->arena, map->arena_size, size, 1, map->what);
		map->arena_size = size;
	}
	memcpy(map->arena + map->arena_used, key->bytes, key->length);
	map->texts[map->count].offset = map->arena_used;
	map->texts[map->count].length = key->length;
	map->arena_used += key->length;
}

/*
 * The finalizer of MurmurHash3 (Appleby), of all but the last bits: keys that follow one another, as those of orders do,
 * are neighbours in the table too, in one cache line.
 */
static uint32
hash_integer(uint64 key)
{
	uint64		hash = key / NEIGHBOURS;

	hash = (hash ^ (hash >> 33)) * UINT64CONST(0xff51afd7ed558ccd);
	hash = (hash ^ (hash >> 33)) * UINT64CONST(0xc4ceb9fe1a85ec53);
	return (uint32) (hash >> 32) * NEIGHBOURS + (uint32) (key % NEIGHBOURS);
}

static uint32
hash_key(const RecoIdMap *map, const RecoValue *key)
{
	if (map->integer_keys)
		return hash_integer((uint64) key->integer);
	return hash_bytes((const unsigned char *) key->bytes, key->length);
}

/* The slot of a key, or the empty one where it would go. */
static uint32
find_slot(const RecoIdMap *map, const RecoValue *key, uint32 hash)
{
	uint32		at = hash & map->mask;

	while (map->slots[at].id >= 0 && !(map->slots[at].hash == hash && key_equals(map, map->slots[at].id, key)))
		at = (at + 1) & map->mask;
	return at;
}

/* The number of a key, -1 where it was not added.  The key is not NULL; not after reco_idmap_sort. */
int32
reco_idmap_find(const RecoIdMap *map, const RecoValue *key)
{
	return map->slots[find_slot(map, key, hash_key(map, key))].id;
}

static int32
find_or_add(RecoIdMap *map, const RecoValue *key)
{
	uint32		hash = hash_key(map, key);
	uint32		at = find_slot(map, key, hash);

	if (map->slots[at].id >= 0)
		return map->slots[at].id;
	store_key(map, key);
	map->slots[at].hash = hash;
	map->slots[at].id = map->count++;
	if ((uint32) map->count > map->mask / 2)
		grow_slots(map);
	return map->count - 1;
}

/*
 * The number of a key, a new one for a new key.  The key is not NULL.  The lines of an order mostly follow one another,
 * with the same customer: that saves two visits to memory that is far from the processor.
 */
int32
reco_idmap_add(RecoIdMap *map, const RecoValue *key)
{
	if (map->last >= 0 && map->integers[map->last] == key->integer)
		return map->last;
	if (!map->integer_keys)
		return find_or_add(map, key);
	return map->last = find_or_add(map, key);
}

static int
compare_integers(const void *a, const void *b, void *arg)
{
	const int64 *keys = ((const RecoIdMap *) arg)->integers;
	int64		x = keys[*(const int32 *) a];
	int64		y = keys[*(const int32 *) b];

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

static int
compare_texts(const void *a, const void *b, void *arg)
{
	const RecoIdMap *map = arg;
	const TextKey *x = &map->texts[*(const int32 *) a];
	const TextKey *y = &map->texts[*(const int32 *) b];
	int			order = memcmp(map->arena + x->offset, map->arena + y->offset, Min(x->length, y->length));

	CHECK_FOR_INTERRUPTS();
	return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

static void
permute_keys(RecoIdMap *map, const int32 *sorted)
{
	int32		i;

	if (map->integer_keys)
	{
		int64	   *keys = reco_budget_alloc(map->budget, map->count, sizeof(int64), map->what);

		for (i = 0; i < map->count; i++)
		{
			RECO_CHECK_INTERRUPTS(i);
			keys[i] = map->integers[sorted[i]];
		}
		pfree(map->integers);
		map->integers = keys;
	}
	else
	{
		TextKey    *keys = reco_budget_alloc(map->budget, map->count, sizeof(TextKey), map->what);

		for (i = 0; i < map->count; i++)
		{
			RECO_CHECK_INTERRUPTS(i);
			keys[i] = map->texts[sorted[i]];
		}
		pfree(map->texts);
		map->texts = keys;
	}
	map->capacity = map->count;
}

/*
 * Exchange the numbers for the ranks of the keys.  Returns, for each number given so far, its rank; the caller frees
 * it.  No key can be added afterwards.
 */
int32 *
reco_idmap_sort(RecoIdMap *map)
{
	int32	   *sorted = reco_budget_alloc(map->budget, map->count, sizeof(int32), map->what);
	int32	   *rank = reco_budget_alloc(map->budget, map->count, sizeof(int32), map->what);
	int32		i;

	for (i = 0; i < map->count; i++)
		sorted[i] = i;
	qsort_arg(sorted, map->count, sizeof(int32), map->integer_keys ? compare_integers : compare_texts, map);
	for (i = 0; i < map->count; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		rank[sorted[i]] = i;
	}
	permute_keys(map, sorted);
	pfree(sorted);
	if (map->slots != NULL)
		pfree(map->slots);
	map->slots = NULL;
	return rank;
}

int32
reco_idmap_count(const RecoIdMap *map)
{
	return map->count;
}

bool
reco_idmap_is_integer(const RecoIdMap *map)
{
	return map->integer_keys;
}

/* The integer keys by number. */
const int64 *
reco_idmap_integers(const RecoIdMap *map)
{
	return map->integers;
}

/* The key of a number, as it was added; valid until another is added. */
RecoValue
reco_idmap_key(const RecoIdMap *map, int32 id)
{
	RecoValue	key = {.is_null = false};

	if (map->integer_keys)
		key.integer = map->integers[id];
	else
		key.bytes = reco_idmap_text(map, id, &key.length);
	return key;
}

/*
 * Take keys over as they are numbered, without looking for equal ones: nothing can be found in the dictionary or added
 * to it by value afterwards, but it can be sorted, and its keys can be read.
 */
void
reco_idmap_append(RecoIdMap *map, const RecoValue *key)
{
	if (map->slots != NULL)
		reco_budget_free(map->budget, map->slots);
	map->slots = NULL;
	store_key(map, key);
	map->count++;
}

/* The text key of a number; not terminated. */
const char *
reco_idmap_text(const RecoIdMap *map, int32 id, int *length)
{
	*length = map->texts[id].length;
	return map->arena + map->texts[id].offset;
}

void
reco_idmap_free(RecoIdMap *map)
{
	if (map->slots != NULL)
		pfree(map->slots);
	if (map->integers != NULL)
		pfree(map->integers);
	if (map->texts != NULL)
		pfree(map->texts);
	if (map->arena != NULL)
		pfree(map->arena);
	pfree(map);
}
