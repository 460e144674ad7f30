/*
 * availability.c: asks the shop's available expressions, live, about items that could be recommended.
 */
#include "postgres.h"

#include "availability.h"

static const RecoField availability_fields[] = {{RECO_ROLE_ITEM, NULL}, {RECO_ROLE_AVAILABLE, NULL}};

/* Whether some source of items has an expression for it. */
bool
reco_availability_is_asked(const RecoAnswering *a)
{
	ListCell   *cell;

	foreach(cell, a->sources)
		if (reco_definitions_column(lfirst(cell), RECO_ROLE_AVAILABLE) != NULL)
			return true;
	return false;
}

/* An item and its place in the list that is asked about. */
typedef struct Place
{
	int32		item;
	int32		index;
} Place;

typedef struct AvailabilityReader
{
	const RecoModel *model;
	Place	   *places;			/* by item */
	int			n;
	bool	   *available;		/* by index */
} AvailabilityReader;

static int
compare_places(const void *a, const void *b)
{
	int32		x = ((const Place *) a)->item;
	int32		y = ((const Place *) b)->item;

	return (x > y) - (x < y);
}

static void
receive_availability(void *arg, const RecoValue *values)
{
	AvailabilityReader *reader = arg;
	RecoKey		key;
	Place		wanted = {-1, -1};
	Place	   *place;

	if (values[0].is_null || values[1].is_null || !values[1].integer)
		return;
	key.integer = values[0].integer;
	key.bytes = values[0].bytes;
	key.length = values[0].length;
	wanted.item = reco_answering_find_item(reader->model, &key);
	place = bsearch(&wanted, reader->places, reader->n, sizeof(Place), compare_places);
	if (place != NULL)
		reader->available[place->index] = true;
}

/* Ask the shop which of some items are available now: those for which some row says so.  In the order of entries. */
bool *
reco_availability_of(const RecoAnswering *a, const RecoTopEntry *entries, int n)
{
	AvailabilityReader reader = {a->model, palloc(mul_size(Max(n, 1), sizeof(Place))), n, palloc0(Max(n, 1))};
	RecoKey    *keys = palloc(mul_size(Max(n, 1), sizeof(RecoKey)));
	ListCell   *cell;
	int			i;

	for (i = 0; i < n; i++)
	{
		keys[i] = reco_answering_item_key(a->model, entries[i].item);
		reader.places[i].item = entries[i].item;
		reader.places[i].index = i;
	}
	qsort(reader.places, n, sizeof(Place), compare_places);
	foreach(cell, a->sources)
		if (reco_definitions_column(lfirst(cell), RECO_ROLE_AVAILABLE) != NULL)
			(void) reco_sources_read_items(&a->reader, lfirst(cell), availability_fields, lengthof(availability_fields), keys,
										   n, receive_availability, &reader);
	pfree(keys);
	pfree(reader.places);
	return reader.available;
}

typedef struct UnavailableReader
{
	const RecoModel *model;
	uint64	   *unavailable;
} UnavailableReader;

static void
receive_available(void *arg, const RecoValue *values)
{
	UnavailableReader *reader = arg;
	RecoKey		key;
	int32		item;

	if (values[0].is_null || values[1].is_null || !values[1].integer)
		return;
	key.integer = values[0].integer;
	key.bytes = values[0].bytes;
	key.length = values[0].length;
	item = reco_answering_find_item(reader->model, &key);
	if (item >= 0)
		reader->unavailable[item / 64] &= ~(UINT64CONST(1) << (item % 64));
}

/* The same question about all items: a bitmap of those that are not available, empty where nobody asks. */
uint64 *
reco_availability_unavailable(const RecoAnswering *a)
{
	Size		words = (Size) a->model->items / 64 + 1;
	uint64	   *unavailable = palloc0(mul_size(words, sizeof(uint64)));
	UnavailableReader reader = {a->model, unavailable};
	ListCell   *cell;

	if (!reco_availability_is_asked(a))
		return unavailable;
	memset(unavailable, 0xFF, words * sizeof(uint64));
	foreach(cell, a->sources)
		if (reco_definitions_column(lfirst(cell), RECO_ROLE_AVAILABLE) != NULL)
			(void) reco_sources_read_all(&a->reader, lfirst(cell), availability_fields, lengthof(availability_fields),
										 receive_available, &reader);
	return unavailable;
}
