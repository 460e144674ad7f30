/*
 * itemset.c: a set of values of one type, numbered in the order in which they came.
 *
 * Two values are one item where the default equality of their type says so, under the set's collation.  Items stand in an
 * array and are found through a table of their numbers (open addressing, at most half full).  The few types that have an
 * equality and no hash function, such as money, are looked for one by one.
 */
#include "postgres.h"

#include "itemset.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#define FEWEST 8
#define MOST ((uint32) 1 << 31)

struct RecoItemSet
{
	MemoryContext context;
	TypeCacheEntry *type;
	Oid			collation;
	bool		copies;			/* items live in the context, else where the caller has them */
	bool		hashed;
	uint32		n;
	uint32		room;			/* a power of two */
	Datum	   *items;
	uint32	   *hashes;
	uint32	   *slots;			/* [2 room], number of an item + 1, 0: none */
};

/* What a set needs to know of a type.  Error undefined_function where its values cannot be compared. */
TypeCacheEntry *
reco_itemset_type(Oid type)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR_FINFO | TYPECACHE_HASH_PROC_FINFO);

	if (!OidIsValid(entry->eq_opr_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("items cannot have type %s, which has no default equality", format_type_be(type)),
				 errhint("Give items of a type that can be compared, such as bigint, text or uuid.")));
	return entry;
}

static void *
make_room_for(const RecoItemSet *set, Size n, Size size, bool zero)
{
	return MemoryContextAllocExtended(set->context, mul_size(n, size), MCXT_ALLOC_HUGE | (zero ? MCXT_ALLOC_ZERO : 0));
}

/*
 * An empty set.  With copies the set keeps items of its own in the context, otherwise those that are added must outlive it.
 */
RecoItemSet *
reco_itemset_create(MemoryContext context, TypeCacheEntry *type, Oid collation, int expected, bool copies)
{
	RecoItemSet *set = MemoryContextAllocZero(context, sizeof(RecoItemSet));

	set->context = context;
	set->type = type;
	set->collation = collation;
	set->copies = copies;
	set->hashed = OidIsValid(type->hash_proc_finfo.fn_oid);
	for (set->room = FEWEST; set->room < (uint32) expected;)
		set->room *= 2;
	set->items = make_room_for(set, set->room, sizeof(Datum), false);
	if (set->hashed)
	{
		set->hashes = make_room_for(set, set->room, sizeof(uint32), false);
		set->slots = make_room_for(set, mul_size(set->room, 2), sizeof(uint32), true);
	}
	return set;
}

static bool
is_equal(const RecoItemSet *set, Datum a, Datum b)
{
	LOCAL_FCINFO(call, 2);
	Datum		result;

	InitFunctionCallInfoData(*call, &set->type->eq_opr_finfo, 2, set->collation, NULL, NULL);
	call->args[0].value = a;
	call->args[0].isnull = false;
	call->args[1].value = b;
	call->args[1].isnull = false;
	result = FunctionCallInvoke(call);
	return !call->isnull && DatumGetBool(result);
}

static uint32
hash_of(const RecoItemSet *set, Datum item)
{
	LOCAL_FCINFO(call, 1);

	InitFunctionCallInfoData(*call, &set->type->hash_proc_finfo, 1, set->collation, NULL, NULL);
	call->args[0].value = item;
	call->args[0].isnull = false;
	return DatumGetUInt32(FunctionCallInvoke(call));
}

/* The slot with the item, or the empty one where it belongs. */
static Size
find_slot(const RecoItemSet *set, Datum item, uint32 hash)
{
	Size		mask = (Size) set->room * 2 - 1;
	Size		slot = hash & mask;

	while (set->slots[slot] != 0)
	{
		uint32		number = set->slots[slot] - 1;

		if (set->hashes[number] == hash && is_equal(set, set->items[number], item))
			break;
		CHECK_FOR_INTERRUPTS();
		slot = (slot + 1) & mask;
	}
	return slot;
}

static bool
find_unhashed(const RecoItemSet *set, Datum item, uint32 *number)
{
	for (*number = 0; *number < set->n; ++*number)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_equal(set, set->items[*number], item))
			return true;
	}
	return false;
}

/* The number of an item, from 0; false where the set does not have it. */
bool
reco_itemset_find(const RecoItemSet *set, Datum item, uint32 *number)
{
	Size		slot;

	if (!set->hashed)
		return find_unhashed(set, item, number);
	slot = find_slot(set, item, hash_of(set, item));
	if (set->slots[slot] == 0)
		return false;
	*number = set->slots[slot] - 1;
	return true;
}

/* Twice the room. */
static void
grow(RecoItemSet *set)
{
	Size		mask;
	uint32		i;

	if (set->room >= MOST)
		elog(ERROR, "too many items");
	set->room *= 2;
	set->items = repalloc_huge(set->items, mul_size(set->room, sizeof(Datum)));
	if (!set->hashed)
		return;
	set->hashes = repalloc_huge(set->hashes, mul_size(set->room, sizeof(uint32)));
	pfree(set->slots);
	set->slots = make_room_for(set, mul_size(set->room, 2), sizeof(uint32), true);
	mask = (Size) set->room * 2 - 1;
	for (i = 0; i < set->n; i++)
	{
		Size		slot = set->hashes[i] & mask;

		while (set->slots[slot] != 0)
			slot = (slot + 1) & mask;
		set->slots[slot] = i + 1;
	}
}

static Datum
copy_item(const RecoItemSet *set, Datum item)
{
	MemoryContext old_context = MemoryContextSwitchTo(set->context);
	Datum		copy = datumCopy(item, set->type->typbyval, set->type->typlen);

	MemoryContextSwitchTo(old_context);
	return copy;
}

/* The number of an item, which is reco_itemset_count() as it was before where the item is new. */
uint32
reco_itemset_add(RecoItemSet *set, Datum item)
{
	uint32		hash = set->hashed ? hash_of(set, item) : 0;
	uint32		number;

	if (set->n == set->room)
		grow(set);
	if (set->hashed)
	{
		Size		slot = find_slot(set, item, hash);

		if (set->slots[slot] != 0)
			return set->slots[slot] - 1;
		set->slots[slot] = set->n + 1;
		set->hashes[set->n] = hash;
	}
	else if (find_unhashed(set, item, &number))
		return number;
	set->items[set->n] = set->copies ? copy_item(set, item) : item;
	return set->n++;
}

uint32
reco_itemset_count(const RecoItemSet *set)
{
	return set->n;
}

Oid
reco_itemset_type_of(const RecoItemSet *set)
{
	return set->type->type_id;
}
