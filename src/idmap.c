/*
 * idmap.c: maps the keys of customers, items and orders to dense numbers.
 *
 * While rows arrive a key gets the next free number.  Rows arrive in any order, so when all are there the numbers are
 * exchanged for the ranks of the keys, integers in their order and texts bytewise: from then on nothing depends on the
 * order of arrival, on the plan or on a collation.
 *
 * A look-up mostly waits for memory.  The keys of most shops are integers that lie close together: then the numbers stand
 * in an array by key, in no more memory than a hash table takes, mostly less; one visit to it instead of two, and the
 * ranks come without sorting.  Whether it pays is asked when the hash table would have to grow, and again when a key comes
 * from outside of the array; if it no longer does, a hash table is made, until that has to grow.
 */
#include "postgres.h"

#include "idmap.h"

#include "common/hashfn.h"
#include "interrupts.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#define FIRST_KEYS 16			/* an aggregate may hold thousands of small dictionaries */

#define NEIGHBOURS 8			/* slots in a cache line */
#define WIDEST 4				/* the distance between the least and the greatest key, times their number, for an array */

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
	int32	   *direct;			/* or the numbers by integer key, -1: none; then there are no slots */
	int64		low;			/* the key that direct begins with */
	uint64		span;			/* keys that it has room for */
	int64		least;			/* of the integer keys */
	int64		greatest;
	int32		last;			/* number of the integer key that was added last, -1: none */
	int64		last_key;		/* not looked up among the keys, which would be a visit to memory */
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

static uint64
distance(int64 from, int64 to)
{
	return (uint64) to - (uint64) from;
}

/*
 * Make the array, unless keys from least to greatest, of which there will be that many, lie too far apart.  There is as
 * much room again, above or below.
 */
static bool
make_direct(RecoIdMap *map, int64 least, int64 greatest, int64 count, bool below)
{
	uint64		width = distance(least, greatest) + 1;
	int64		low = below ? (int64) ((uint64) least - width) : least;
	int32	   *direct;
	uint64		i;

	if (width == 0 || width / WIDEST > (uint64) count)
		return false;
	direct = reco_budget_alloc(map->budget, 2 * width, sizeof(int32), map->what);
	for (i = 0; i < 2 * width; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		direct[i] = -1;
	}
	for (i = 0; i < (uint64) map->count; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		direct[distance(low, map->integers[i])] = (int32) i;
	}
	if (map->direct != NULL)
		reco_budget_free(map->budget, map->direct);
	map->direct = direct;
	map->low = low;
	map->span = 2 * width;
	return true;
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
		map->least = map->count == 0 ? key->integer : Min(map->least, key->integer);
		map->greatest = map->count == 0 ? key->integer : Max(map->greatest, key->integer);
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

/* A hash table of the integer keys. */
static void
make_slots_of_keys(RecoIdMap *map)
{
	int32		i;

	map->mask = FIRST_KEYS * 2 - 1;
	while (map->mask / 2 < (uint32) map->count)
		map->mask = map->mask * 2 + 1;
	map->slots = make_slots(map, map->mask + 1);
	for (i = 0; i < map->count; i++)
	{
		RecoValue	key = {.integer = map->integers[i]};
		uint32		hash = hash_key(map, &key);
		uint32		at = find_slot(map, &key, hash);

		RECO_CHECK_INTERRUPTS(i);
		map->slots[at].hash = hash;
		map->slots[at].id = i;
	}
}

/* The number of a key, -1 where it was not added.  The key is not NULL; not after reco_idmap_sort. */
int32
reco_idmap_find(const RecoIdMap *map, const RecoValue *key)
{
	if (map->direct != NULL)
	{
		uint64		at = distance(map->low, key->integer);

		return at < map->span ? map->direct[at] : -1;
	}
	return map->slots[find_slot(map, key, hash_key(map, key))].id;
}

/*
 * A key will be looked up shortly: what is needed for it is asked from memory.  So several look-ups can wait at the same
 * time.
 */
void
reco_idmap_expect(const RecoIdMap *map, const RecoValue *key)
{
	if (map->direct == NULL)
		__builtin_prefetch(&map->slots[hash_key(map, key) & map->mask]);
	else if (distance(map->low, key->integer) < map->span)
		__builtin_prefetch(&map->direct[distance(map->low, key->integer)]);
}

static int32
find_or_add_slot(RecoIdMap *map, const RecoValue *key)
{
	uint32		hash = hash_key(map, key);
	uint32		at = find_slot(map, key, hash);

	if (map->slots[at].id >= 0)
		return map->slots[at].id;
	store_key(map, key);
	map->slots[at].hash = hash;
	map->slots[at].id = map->count++;
	if ((uint32) map->count <= map->mask / 2)
		return map->count - 1;
	if (map->integer_keys && make_direct(map, map->least, map->greatest, map->count, false))
	{
		reco_budget_free(map->budget, map->slots);
		map->slots = NULL;
	}
	else
		grow_slots(map);
	return map->count - 1;
}

/* The array does not reach up, or down, to a key: make a larger one, or a hash table. */
static void
reach_key(RecoIdMap *map, int64 key)
{
	if (make_direct(map, Min(map->least, key), Max(map->greatest, key), (int64) map->count + 1, key < map->least))
		return;
	reco_budget_free(map->budget, map->direct);
	map->direct = NULL;
	make_slots_of_keys(map);
}

static int32
find_or_add(RecoIdMap *map, const RecoValue *key)
{
	uint64		at;

	if (map->direct != NULL && distance(map->low, key->integer) >= map->span)
		reach_key(map, key->integer);
	if (map->direct == NULL)
		return find_or_add_slot(map, key);
	at = distance(map->low, key->integer);
	if (map->direct[at] < 0)
	{
		store_key(map, key);
		map->direct[at] = map->count++;
	}
	return map->direct[at];
}

/*
 * The number of a key, a new one for a new key.  The key is not NULL.  The lines of an order mostly follow one another,
 * with the same customer: that saves two visits to memory that is far from the processor.
 */
int32
reco_idmap_add(RecoIdMap *map, const RecoValue *key)
{
	if (map->last >= 0 && map->last_key == key->integer)
		return map->last;
	if (!map->integer_keys)
		return find_or_add(map, key);
	map->last_key = key->integer;
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

/* Whether the key of number a comes before (-1) or after (1) that of b; integers by value, texts bytewise. */
int
reco_idmap_compare(const RecoIdMap *map, int32 a, int32 b)
{
	return map->integer_keys ? compare_integers(&a, &b, unconstify(RecoIdMap *, map)) : compare_texts(&a, &b, unconstify(RecoIdMap *, map));
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

/* The numbers in the order of their keys. */
static void
list_direct(const RecoIdMap *map, int32 *sorted)
{
	int32		n = 0;
	uint64		i;

	for (i = 0; i < map->span; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (map->direct[i] >= 0)
			sorted[n++] = map->direct[i];
	}
}

/* What keys are looked up in. */
static void
free_table(RecoIdMap *map)
{
	if (map->slots != NULL)
		reco_budget_free(map->budget, map->slots);
	if (map->direct != NULL)
		reco_budget_free(map->budget, map->direct);
	map->slots = NULL;
	map->direct = NULL;
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

	if (map->direct != NULL)
		list_direct(map, sorted);
	else
	{
		for (i = 0; i < map->count; i++)
			sorted[i] = i;
		qsort_arg(sorted, map->count, sizeof(int32), map->integer_keys ? compare_integers : compare_texts, map);
	}
	for (i = 0; i < map->count; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		rank[sorted[i]] = i;
	}
	permute_keys(map, sorted);
	pfree(sorted);
	free_table(map);
	return rank;
}

static int
compare_key(const RecoIdMap *map, int32 number, const RecoValue *key)
{
	const char *bytes;
	int			length;
	int			order;

	if (map->integer_keys)
		return (map->integers[number] > key->integer) - (map->integers[number] < key->integer);
	bytes = reco_idmap_text(map, number, &length);
	order = memcmp(bytes, key->bytes, Min(length, key->length));
	return order != 0 ? order : (length > key->length) - (length < key->length);
}

/* The number of a key that is not NULL, -1 where it was not added; after reco_idmap_sort. */
int32
reco_idmap_rank(const RecoIdMap *map, const RecoValue *key)
{
	int32		first = 0;
	int32		last = map->count;

	while (first < last)
	{
		int32		middle = first + (last - first) / 2;

		if (compare_key(map, middle, key) < 0)
			first = middle + 1;
		else
			last = middle;
	}
	return first < map->count && compare_key(map, first, key) == 0 ? first : -1;
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

/* The same of a key that a caller asks for. */
int32
reco_idmap_search(const RecoIdMap *map, const RecoKey *key)
{
	RecoValue	value = {.integer = key->integer,.bytes = key->bytes,.length = key->length};

	return reco_idmap_rank(map, &value);
}

/*
 * Take keys over as they are numbered, without looking for equal ones: nothing can be found in the dictionary or added
 * to it by value afterwards, but it can be sorted, and its keys can be read.
 */
void
reco_idmap_append(RecoIdMap *map, const RecoValue *key)
{
	free_table(map);
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
	free_table(map);
	if (map->integers != NULL)
		pfree(map->integers);
	if (map->texts != NULL)
		pfree(map->texts);
	if (map->arena != NULL)
		pfree(map->arena);
	pfree(map);
}
