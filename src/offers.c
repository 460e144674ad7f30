/*
 * offers.c: finds what items cost whoever asks, by the shop's offers.
 *
 * An offer counts where it is in force at the request's as_of and for everybody, or for an audience that the customer is of
 * by his attributes.  Both are read live, in the request's snapshot: rows of offers of the items at hand alone, and where
 * any of them has an audience the customer's attributes, once, if he consents to their use.  The lowest price that an offer
 * makes counts where it is below the item's own, or that is not known: no offer makes anything dearer.  A price stands in a
 * row or there is none; nothing here makes one.
 *
 * recommend_all reads all offers in force and all customers' attributes once.  Audiences are numbered then, an offer to one
 * of several being one offer for each, and of customers the numbers remain of those that they are of.
 */
#include "postgres.h"

#include "offers.h"

#include <math.h>

#include "audiences.h"
#include "consent.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "wanted.h"

#define FIRST_OFFERS 16
#define EVERYBODY (-1)

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

/* Whether any of some sources has offers. */
bool
reco_offers_are_made(List *sources)
{
	ListCell   *cell;

	foreach(cell, sources)
		if (((const RecoSource *) lfirst(cell))->kind == RECO_SOURCE_OFFERS)
			return true;
	return false;
}

/* Whether a row is an offer that somebody can have at a time. */
static bool
is_in_force(const RecoValue *values, TimestampTz at)
{
	return !values[COLUMN_ITEM].is_null && !values[COLUMN_PRICE].is_null && isfinite(values[COLUMN_PRICE].number) &&
		values[COLUMN_PRICE].number >= 0 &&
		(values[COLUMN_FROM].is_null || values[COLUMN_FROM].integer <= at) &&
		(values[COLUMN_TO].is_null || values[COLUMN_TO].integer > at);
}

/* --- one customer ------------------------------------------------------------------------------------------ */

/*
 * Offers to a visitor, whom the result points to, in the current memory context; nothing is read yet.  NULL: the model has
 * no source of them.
 */
RecoOffers *
reco_offers_begin(const RecoAnswering *a, const RecoVisitor *visitor)
{
	RecoOffers *offers;

	if (!reco_offers_are_made(a->sources))
		return NULL;
	offers = palloc0(sizeof(RecoOffers));
	offers->visitor = visitor;
	return offers;
}

typedef struct AttributeReader
{
	MemoryContext memory;
	RecoOffers *offers;
	int			capacity;
	int			n_columns;
	RecoField	columns[RECO_MAX_FIELDS];
} AttributeReader;

static void
receive_attributes(void *arg, const RecoValue *values)
{
	AttributeReader *reader = arg;
	RecoOffers *offers = reader->offers;
	MemoryContext old_context = MemoryContextSwitchTo(reader->memory);
	int			column;
	int			i;

	for (column = 0; column < reader->n_columns; column++)
		for (i = 0; !values[column].is_null && i < values[column].length; i++)
		{
			if (offers->n_attributes == reader->capacity)
			{
				reader->capacity *= 2;
				offers->attributes = repalloc_huge(offers->attributes, mul_size(reader->capacity, sizeof(RecoValue)));
			}
			offers->attributes[offers->n_attributes++] = reco_audiences_of(reader->columns[column].name,
																		   &reco_values_elements(&values[column])[i]);
		}
	MemoryContextSwitchTo(old_context);
}

static int
compare_texts(const void *a, const void *b)
{
	const RecoValue *x = a;
	const RecoValue *y = b;
	int			order = memcmp(x->bytes, y->bytes, Min(x->length, y->length));

	CHECK_FOR_INTERRUPTS();
	return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

/* The customer's attributes, of every source; none of an anonymous one, or of one who does not consent to their use. */
static void
read_attributes(const RecoAnswering *a, RecoOffers *offers)
{
	const RecoPurposes needed = RECO_MAY_PERSONALIZE | RECO_MAY_ATTRIBUTES;
	AttributeReader reader = {.memory = CurrentMemoryContext,.offers = offers,.capacity = FIRST_OFFERS};
	ListCell   *cell;

	offers->has_attributes = true;
	if (!offers->visitor->has_user ||
		(reco_consent_of(&a->reader, a->sources, a->options.default_consent, &offers->visitor->user) & needed) != needed)
		return;
	offers->attributes = palloc(reader.capacity * sizeof(RecoValue));
	foreach(cell, a->sources)
	{
		reader.n_columns = reco_audiences_columns(lfirst(cell), reader.columns);
		if (reader.n_columns > 0)
			(void) reco_sources_read_user(&a->reader, lfirst(cell), reader.columns, reader.n_columns, &offers->visitor->user,
										  receive_attributes, &reader);
	}
	qsort(offers->attributes, offers->n_attributes, sizeof(RecoValue), compare_texts);
}

/* An offer to an audience, of which it is not known yet whether the customer is of it. */
typedef struct Restricted
{
	int			place;			/* of the item in the list that is asked about */
	double		price;
	RecoValue	audience;
} Restricted;

typedef struct OfferReader
{
	MemoryContext memory;
	TimestampTz at;
	const RecoWanted *wanted;
	double	   *lowest;			/* by place */
	Restricted *restricted;
	int			n;
	int			capacity;
} OfferReader;

static void
add_restricted(OfferReader *reader, int place, double price, const RecoAudience *audience)
{
	MemoryContext old_context = MemoryContextSwitchTo(reader->memory);

	if (reader->n == reader->capacity)
	{
		reader->capacity = Max(reader->capacity * 2, FIRST_OFFERS);
		reader->restricted = reader->restricted == NULL ? palloc(reader->capacity * sizeof(Restricted))
			: repalloc_huge(reader->restricted, mul_size(reader->capacity, sizeof(Restricted)));
	}
	reader->restricted[reader->n++] = (Restricted) {place, price, reco_audiences_text(audience)};
	MemoryContextSwitchTo(old_context);
}

static void
receive_offer(void *arg, const RecoValue *values)
{
	OfferReader *reader = arg;
	RecoKey		key = {values[COLUMN_ITEM].integer, values[COLUMN_ITEM].bytes, values[COLUMN_ITEM].length};
	const RecoValue *said = &values[COLUMN_AUDIENCE];
	double		price = values[COLUMN_PRICE].number;
	RecoAudience audience;
	int			place;
	int			i;
	int			j;

	if (!is_in_force(values, reader->at))
		return;
	for (i = reco_wanted_first(reader->wanted, &key); (place = reco_wanted_place(reader->wanted, i, &key)) >= 0; i++)
	{
		if (said->is_null)
			reader->lowest[place] = fmin(reader->lowest[place], price);
		for (j = 0; !said->is_null && j < said->length; j++)
			if (reco_audiences_read(&reco_values_elements(said)[j], &audience))
				add_restricted(reader, place, price, &audience);
	}
}

/*
 * The lowest price that offers make whoever asks, of each of some items, NaN where there is none, in the current memory
 * context.  a->offers is of reco_offers_begin.  Errors: what reading raises.
 */
double *
reco_offers_lowest(const RecoAnswering *a, const RecoKey *items, int n)
{
	RecoOffers *offers = a->offers;
	RecoWanted	wanted = reco_wanted_make(items, n, a->reader.integer_keys);
	OfferReader reader = {.memory = CurrentMemoryContext,.at = a->as_of,.wanted = &wanted};
	ListCell   *cell;
	int			i;

	reader.lowest = palloc_extended(mul_size(Max(n, 1), sizeof(double)), MCXT_ALLOC_HUGE);
	for (i = 0; i < n; i++)
		reader.lowest[i] = NAN;
	foreach(cell, a->sources)
		if (n > 0 && ((const RecoSource *) lfirst(cell))->kind == RECO_SOURCE_OFFERS)
			(void) reco_sources_read_items(&a->reader, lfirst(cell), offer_fields, COLUMNS, items, n, receive_offer, &reader);
	if (reader.n > 0 && !offers->has_attributes)
		read_attributes(a, offers);
	for (i = 0; i < reader.n; i++)
	{
		const Restricted *offer = &reader.restricted[i];

		if (offers->n_attributes > 0 && bsearch(&offer->audience, offers->attributes, offers->n_attributes, sizeof(RecoValue),
												compare_texts) != NULL)
			reader.lowest[offer->place] = fmin(reader.lowest[offer->place], offer->price);
	}
	reco_wanted_free(&wanted);
	return reader.lowest;
}

/* --- the pool ---------------------------------------------------------------------------------------------- */

/* The same from what was read of all items. */
static double
lowest_known(const RecoOffers *offers, int32 item)
{
	double		lowest = NAN;
	int64		n;
	const RecoOffer *of_item = reco_ragged_row(offers->of_items, item, &n);
	int64		i;

	for (i = 0; i < n; i++)
	{
		int64		low = 0;
		int64		high = offers->n_audiences;

		while (low < high)
		{
			int64		middle = low + (high - low) / 2;

			if (offers->audiences[middle] < of_item[i].audience)
				low = middle + 1;
			else
				high = middle;
		}
		if (of_item[i].audience == EVERYBODY || (low < offers->n_audiences && offers->audiences[low] == of_item[i].audience))
			lowest = fmin(lowest, of_item[i].price);
	}
	return lowest;
}

/* An item at an offer's price: so much less is left of a piece of it. */
static void
reduce(const RecoAnswering *a, RecoPoolItem *item, double price)
{
	if (isnan(price) || item->price <= price)
		return;
	if (a->unit_kind == RECO_UNIT_PRICE)
		item->unit = price;
	else if (!isnan(item->price))
		item->unit -= item->price - price;
	item->price = price;
	item->offer = true;
}

/*
 * Let offers count in a pool whose items have their own prices, and what a piece of them brings where that is asked for.
 * Nothing is done, or read, where the model has no source of offers.  Errors: what reading raises.
 */
void
reco_offers_apply(const RecoAnswering *a, RecoPool *pool)
{
	RecoKey    *keys;
	double	   *lowest;
	int			i;

	if (a->offers == NULL || pool->n == 0)
		return;
	if (a->offers->of_items != NULL)
	{
		for (i = 0; i < pool->n; i++)
			reduce(a, &pool->items[i], lowest_known(a->offers, pool->items[i].item));
		return;
	}
	keys = palloc_extended(mul_size(pool->n, sizeof(RecoKey)), MCXT_ALLOC_HUGE);
	for (i = 0; i < pool->n; i++)
		keys[i] = reco_answering_item_key(a->model, pool->items[i].item);
	lowest = reco_offers_lowest(a, keys, pool->n);
	for (i = 0; i < pool->n; i++)
		reduce(a, &pool->items[i], lowest[i]);
	pfree(lowest);
	pfree(keys);
}

/* --- everybody --------------------------------------------------------------------------------------------- */

typedef struct AllReader
{
	TimestampTz at;
	const RecoIdMap *items;
	const RecoIdMap *users;
	RecoIdMap  *audiences;		/* by their texts */
	RecoRaggedBuilder *builder;
	int			n_columns;		/* of the customers' source at hand */
	RecoField	columns[RECO_MAX_FIELDS + 1];
	MemoryContext row;			/* of texts, until they are looked up */
} AllReader;

static void
receive_any_offer(void *arg, const RecoValue *values)
{
	AllReader  *reader = arg;
	const RecoValue *said = &values[COLUMN_AUDIENCE];
	double		price = values[COLUMN_PRICE].number;
	int32		item = is_in_force(values, reader->at) ? reco_idmap_find(reader->items, &values[COLUMN_ITEM]) : -1;
	MemoryContext old_context = MemoryContextSwitchTo(reader->row);
	RecoAudience audience;
	int			i;

	if (item >= 0 && said->is_null)
		*(RecoOffer *) reco_ragged_add(reader->builder, item) = (RecoOffer) {price, EVERYBODY};
	for (i = 0; item >= 0 && !said->is_null && i < said->length; i++)
		if (reco_audiences_read(&reco_values_elements(said)[i], &audience))
		{
			RecoValue	text = reco_audiences_text(&audience);
			int32		number = reco_idmap_add(reader->audiences, &text);

			*(RecoOffer *) reco_ragged_add(reader->builder, item) = (RecoOffer) {price, number};
		}
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(reader->row);
}

static void
receive_anybody(void *arg, const RecoValue *values)
{
	AllReader  *reader = arg;
	const RecoValue *key = &values[reader->n_columns];
	int32		user = key->is_null ? -1 : reco_idmap_find(reader->users, key);
	MemoryContext old_context = MemoryContextSwitchTo(reader->row);
	int			column;
	int			i;

	for (column = 0; user >= 0 && column < reader->n_columns; column++)
		for (i = 0; !values[column].is_null && i < values[column].length; i++)
		{
			RecoValue	text = reco_audiences_of(reader->columns[column].name, &reco_values_elements(&values[column])[i]);
			int32		number = reco_idmap_find(reader->audiences, &text);

			if (number >= 0)
				*(int32 *) reco_ragged_add(reader->builder, user) = number;
		}
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(reader->row);
}

static int
compare_numbers(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

static int64
sort_numbers(void *arg, void *elements, int64 n, void *out)
{
	(void) arg;
	qsort(elements, n, sizeof(int32), compare_numbers);
	memmove(out, elements, n * sizeof(int32));
	return n;
}

/* Of which audiences customers are; the reader's gate leaves out who does not consent. */
static RecoRagged
read_customers(const RecoAnswering *a, AllReader *reader, RecoBudget *budget)
{
	RecoRagged	audiences;
	ListCell   *cell;

	reader->builder = reco_ragged_begin(budget, sizeof(int32), "audiences of offers");
	foreach(cell, a->sources)
	{
		reader->n_columns = reco_audiences_columns(lfirst(cell), reader->columns);
		if (reader->n_columns == 0)
			continue;
		reader->columns[reader->n_columns] = (RecoField) {RECO_ROLE_USER, NULL};
		(void) reco_sources_read_all(&a->reader, lfirst(cell), reader->columns, reader->n_columns + 1, receive_anybody, reader);
	}
	audiences = reco_ragged_end(reader->builder, reco_idmap_count(reader->users));
	reco_ragged_remake(&audiences, sizeof(int32), sort_numbers, NULL);
	return audiences;
}

/*
 * The offers in force of each item, and the audiences of each customer, numbered as in items and users; no lists where the
 * model has no source of offers, or none has an audience.  From the budget.  Errors: configuration_limit_exceeded, and what
 * reading raises.
 */
void
reco_offers_read_all(const RecoAnswering *a, const RecoIdMap *users, const RecoIdMap *items, RecoBudget *budget,
					 RecoRagged *of_items, RecoRagged *audiences)
{
	AllReader	reader = {.at = a->as_of,.items = items,.users = users};
	ListCell   *cell;

	if (!reco_offers_are_made(a->sources))
		return;
	reader.audiences = reco_idmap_create(budget, false, "audiences of offers");
	reader.row = AllocSetContextCreate(CurrentMemoryContext, "reco offers", ALLOCSET_DEFAULT_SIZES);
	reader.builder = reco_ragged_begin(budget, sizeof(RecoOffer), "offers");
	foreach(cell, a->sources)
		if (((const RecoSource *) lfirst(cell))->kind == RECO_SOURCE_OFFERS)
			(void) reco_sources_read_all(&a->reader, lfirst(cell), offer_fields, COLUMNS, receive_any_offer, &reader);
	*of_items = reco_ragged_end(reader.builder, reco_idmap_count(items));
	if (reco_idmap_count(reader.audiences) > 0)
		*audiences = read_customers(a, &reader, budget);
	reco_idmap_free(reader.audiences);
	MemoryContextDelete(reader.row);
}
