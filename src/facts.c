/*
 * facts.c: asks the shop what it says of items now: whether they can be sold, what they cost and bring, and their features.
 *
 * Each source of items is asked once for all that it has of what is wanted, of a few items or of all of them, in the snapshot
 * of the request.  Labels are numbered field by field as they come, for as long as the facts live.
 */
#include "postgres.h"

#include "facts.h"

#include <math.h>

#include "idmap.h"
#include "interrupts.h"
#include "utils/memutils.h"

#define LABELS_A_CHECK 65536	/* between looks at the budget, where all items are read */
#define BYTES_A_CHECK ((Size) 4 * 1024 * 1024)

struct RecoFacts
{
	const RecoAnswering *a;		/* by which sources are read */
	RecoFactsWish wish;
	RecoBudget *budget;
	RecoIdMap **labels;			/* [n_fields] */
	RecoItemFacts *all;			/* [items]; NULL: the shop is asked */
	int64		n_labels;		/* of all items together, as they are read */
};

/* An item that is asked for, and its place in the list. */
typedef struct Place
{
	int32		item;
	int32		index;
} Place;

/* Of one source: what its columns are. */
typedef struct FactsReader
{
	RecoFacts  *facts;
	const Place *places;		/* by item; NULL: all items are wanted */
	int			n;
	RecoItemFacts *of_items;	/* by index, or by item */
	int			n_columns;
	RecoField	columns[RECO_MAX_FIELDS];
	int32		fields[RECO_MAX_FIELDS];	/* of a column of features, its number */
} FactsReader;

/*
 * For facts as wish says (which must live as long, as a does), in the current memory context; labels take memory of the
 * budget's.
 */
RecoFacts *
reco_facts_create(const RecoAnswering *a, const RecoFactsWish *wish, RecoBudget *budget)
{
	RecoFacts  *facts = palloc0(sizeof(RecoFacts));
	int			i;

	facts->a = a;
	facts->wish = *wish;
	facts->budget = budget;
	facts->labels = palloc(mul_size(Max(wish->n_fields, 1), sizeof(RecoIdMap *)));
	for (i = 0; i < wish->n_fields; i++)
		facts->labels[i] = reco_idmap_create(budget, false, "features of items");
	return facts;
}

/* The number of a label, -1 where no item that was read has it. */
int32
reco_facts_label(const RecoFacts *facts, int field, const RecoValue *text)
{
	return reco_idmap_find(facts->labels[field], text);
}

/* How many labels of a field there are by now. */
int32
reco_facts_labels(const RecoFacts *facts, int field)
{
	return reco_idmap_count(facts->labels[field]);
}

/* --- reading ----------------------------------------------------------------------------------------------- */

static int
compare_places(const void *a, const void *b)
{
	int32		x = ((const Place *) a)->item;
	int32		y = ((const Place *) b)->item;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/* Where the facts of an item go; NULL for one that nobody asked about. */
static RecoItemFacts *
find_facts(const FactsReader *reader, const RecoValue *value)
{
	RecoKey		key = {value->integer, value->bytes, value->length};
	Place		wanted = {value->is_null ? -1 : reco_answering_find_item(reader->facts->a->model, &key), 0};
	const Place *found;

	if (wanted.item < 0)
		return NULL;
	if (reader->places == NULL)
		return &reader->of_items[wanted.item];
	found = bsearch(&wanted, reader->places, reader->n, sizeof(Place), compare_places);
	return found != NULL ? &reader->of_items[found->index] : NULL;
}

static void
add_label(RecoFacts *facts, RecoItemFacts *item, int32 field, int32 label)
{
	Size		bytes = mul_size((Size) item->n_labels + 1, sizeof(RecoFactLabel));
	int32		i;

	for (i = 0; i < item->n_labels; i++)
		if (item->labels[i].field == field && item->labels[i].label == label)
			return;
	if (facts->all != NULL && ++facts->n_labels % LABELS_A_CHECK == 0)
		reco_budget_require(facts->budget, BYTES_A_CHECK, "features of items");
	if (item->n_labels == 0)
		item->labels = MemoryContextAlloc(facts->budget->context, bytes);
	else if ((item->n_labels & (item->n_labels - 1)) == 0)
		item->labels = repalloc_huge(item->labels, mul_size(bytes, 2));
	item->labels[item->n_labels++] = (RecoFactLabel) {field, label};
}

static void
add_labels(RecoFacts *facts, RecoItemFacts *item, int32 field, const RecoValue *value)
{
	const RecoValue *elements = reco_values_elements(value);
	int			i;

	for (i = 0; i < value->length; i++)
	{
		char		buffer[RECO_NUMBER_TEXT];
		RecoValue	text = reco_values_element_text(&elements[i], buffer);

		add_label(facts, item, field, reco_idmap_add(facts->labels[field], &text));
	}
}

/* Nobody pays less than nothing, but what is sold at a loss brings less. */
static void
receive_facts(void *arg, const RecoValue *values)
{
	FactsReader *reader = arg;
	RecoItemFacts *item = find_facts(reader, &values[0]);
	RecoRole	unit_role = reader->facts->wish.unit == RECO_UNIT_MARGIN ? RECO_ROLE_MARGIN : RECO_ROLE_PRICE;
	int			i;

	for (i = 1; i < reader->n_columns && item != NULL; i++)
	{
		RecoRole	role = reader->columns[i].role;
		double		number = values[i].number;

		if (values[i].is_null)
			continue;
		if (role == RECO_ROLE_AVAILABLE)
			item->available |= values[i].integer != 0;
		else if (role == RECO_ROLE_FEATURES)
			add_labels(reader->facts, item, reader->fields[i], &values[i]);
		else if (isfinite(number) && (role == RECO_ROLE_MARGIN || number >= 0))
		{
			if (role == RECO_ROLE_PRICE)
				item->price = isnan(item->price) ? number : Max(item->price, number);
			if (role == unit_role)
				item->unit = isnan(item->unit) ? number : Max(item->unit, number);
		}
	}
}

static void
add_column(FactsReader *reader, const RecoSource *source, RecoRole role, const char *name, int32 field)
{
	RecoField	column = {role, name};

	if (reco_definitions_find(source, &column) == NULL)
		return;
	reader->columns[reader->n_columns] = column;
	reader->fields[reader->n_columns++] = field;
}

/* What a source has of what is wanted; false where that is nothing. */
static bool
choose_columns(FactsReader *reader, const RecoSource *source)
{
	const RecoFactsWish *wish = &reader->facts->wish;
	int			i;

	reader->n_columns = 0;
	if (source->kind != RECO_SOURCE_ITEMS)
		return false;
	add_column(reader, source, RECO_ROLE_ITEM, NULL, -1);
	if (wish->available)
		add_column(reader, source, RECO_ROLE_AVAILABLE, NULL, -1);
	if (wish->price || wish->unit == RECO_UNIT_PRICE)
		add_column(reader, source, RECO_ROLE_PRICE, NULL, -1);
	if (wish->unit == RECO_UNIT_MARGIN)
		add_column(reader, source, RECO_ROLE_MARGIN, NULL, -1);
	for (i = 0; i < wish->n_fields; i++)
		add_column(reader, source, RECO_ROLE_FEATURES, wish->fields[i], i);
	return reader->n_columns > 1;
}

/* The one road by which facts come in: of the items with those keys, or (NULL) of all. */
static void
read_facts(FactsReader *reader, const RecoKey *keys)
{
	const RecoAnswering *a = reader->facts->a;
	ListCell   *cell;

	foreach(cell, a->sources)
	{
		if (!choose_columns(reader, lfirst(cell)))
			continue;
		if (keys == NULL)
			(void) reco_sources_read_all(&a->reader, lfirst(cell), reader->columns, reader->n_columns, receive_facts, reader);
		else
			(void) reco_sources_read_items(&a->reader, lfirst(cell), reader->columns, reader->n_columns, keys, reader->n,
										   receive_facts, reader);
	}
}

static RecoItemFacts
nothing_known(const RecoFacts *facts)
{
	return (RecoItemFacts) {.available = !facts->wish.available,.price = NAN,.unit = NAN};
}

/* Read those of all items, so that nobody need be asked any more.  Errors: configuration_limit_exceeded, and what reading raises. */
void
reco_facts_read_all(RecoFacts *facts)
{
	int32		items = facts->a->model->items;
	FactsReader reader = {.facts = facts};
	int32		i;

	facts->all = reco_budget_alloc(facts->budget, Max(items, 1), sizeof(RecoItemFacts), "facts of items");
	for (i = 0; i < items; i++)
		facts->all[i] = nothing_known(facts);
	reader.of_items = facts->all;
	read_facts(&reader, NULL);
}

/* Those of some items, each there once, in the order of entries.  Errors: what reading raises. */
void
reco_facts_read(const RecoFacts *facts, const RecoTopEntry *entries, int n, RecoItemFacts *of_items)
{
	FactsReader reader = {.facts = unconstify(RecoFacts *, facts),.n = n,.of_items = of_items};
	Place	   *places;
	RecoKey    *keys;
	int			i;

	for (i = 0; i < n; i++)
		of_items[i] = facts->all != NULL ? facts->all[entries[i].item] : nothing_known(facts);
	if (facts->all != NULL || n == 0)
		return;
	places = palloc_extended(mul_size(n, sizeof(Place)), MCXT_ALLOC_HUGE);
	keys = palloc_extended(mul_size(n, sizeof(RecoKey)), MCXT_ALLOC_HUGE);
	for (i = 0; i < n; i++)
	{
		keys[i] = reco_answering_item_key(facts->a->model, entries[i].item);
		places[i] = (Place) {entries[i].item, i};
	}
	qsort(places, n, sizeof(Place), compare_places);
	reader.places = places;
	read_facts(&reader, keys);
	pfree(keys);
	pfree(places);
}
