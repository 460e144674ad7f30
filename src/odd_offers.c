/*
 * odd_offers.c: counts offers that nobody can have meant so.
 */
#include "postgres.h"

#include "odd_offers.h"

#include <math.h>

#include "audiences.h"
#include "idmap.h"
#include "miscadmin.h"

enum
{
	COLUMN_ITEM, COLUMN_PRICE, COLUMN_FROM, COLUMN_TO, COLUMN_AUDIENCE, COLUMNS
};

static const RecoField offer_fields[COLUMNS] = {
	[COLUMN_ITEM] = {RECO_ROLE_ITEM, NULL},
	[COLUMN_PRICE] = {RECO_ROLE_PRICE, NULL},
	[COLUMN_FROM] = {RECO_ROLE_VALID_FROM, NULL},
	[COLUMN_TO] = {RECO_ROLE_VALID_TO, NULL},
	[COLUMN_AUDIENCE] = {RECO_ROLE_AUDIENCE, NULL}
};

typedef struct Counter
{
	MemoryContext memory;
	List	   *sources;
	RecoOddOffers *odd;
	RecoIdMap  *items;			/* of sources of items; NULL: there are none */
} Counter;

static void
receive_item(void *arg, const RecoValue *values)
{
	if (!values[0].is_null)
		(void) reco_idmap_add(((Counter *) arg)->items, &values[0]);
}

/* A source of offers has many rows of one audience: only what is odd about one is kept. */
static void
count_audience(Counter *counter, const RecoValue *said)
{
	int			understood = 0;
	bool		missing = false;
	int			i;

	for (i = 0; i < said->length; i++)
	{
		RecoAudience audience;

		if (!reco_audiences_read(&reco_values_elements(said)[i], &audience))
			continue;
		understood++;
		if (reco_audiences_has_field(&audience, counter->sources))
			continue;
		missing = true;
		if (counter->odd->field == NULL)
		{
			char	   *field = MemoryContextAllocZero(counter->memory, add_size(audience.field_length, 1));

			memcpy(field, audience.field, audience.field_length);
			counter->odd->field = field;
		}
	}
	counter->odd->no_audience += understood == 0 || understood < said->length;
	counter->odd->no_field += missing;
}

static void
receive_offer(void *arg, const RecoValue *values)
{
	Counter    *counter = arg;
	RecoOddOffers *odd = counter->odd;
	const RecoValue *price = &values[COLUMN_PRICE];

	odd->bad_price += price->is_null || !isfinite(price->number) || price->number < 0;
	odd->never += !values[COLUMN_FROM].is_null && !values[COLUMN_TO].is_null &&
		values[COLUMN_FROM].integer >= values[COLUMN_TO].integer;
	odd->no_item += values[COLUMN_ITEM].is_null ||
		(counter->items != NULL && reco_idmap_find(counter->items, &values[COLUMN_ITEM]) < 0);
	if (!values[COLUMN_AUDIENCE].is_null)
		count_audience(counter, &values[COLUMN_AUDIENCE]);
}

/*
 * Look at all rows of a source of offers, among all sources of its model, in the current memory context.  Items of theirs are
 * kept in memory within maintenance_work_mem.  Errors: configuration_limit_exceeded, and what reading raises.
 */
RecoOddOffers *
reco_odd_offers_count(const RecoReader *reader, List *sources, const RecoSource *source)
{
	static const RecoField item_fields[] = {{RECO_ROLE_ITEM, NULL}};
	Counter		counter = {CurrentMemoryContext, sources, palloc0(sizeof(RecoOddOffers)), NULL};
	RecoBudget *budget = reco_budget_create(CurrentMemoryContext, "check", (Size) maintenance_work_mem * 1024);
	ListCell   *cell;

	foreach(cell, sources)
	{
		if (((const RecoSource *) lfirst(cell))->kind != RECO_SOURCE_ITEMS)
			continue;
		if (counter.items == NULL)
			counter.items = reco_idmap_create(budget, reader->integer_keys, "items");
		(void) reco_sources_read_all(reader, lfirst(cell), item_fields, lengthof(item_fields), receive_item, &counter);
	}
	(void) reco_sources_read_all(reader, source, offer_fields, COLUMNS, receive_offer, &counter);
	if (counter.items != NULL)
		reco_idmap_free(counter.items);
	return counter.odd;
}
