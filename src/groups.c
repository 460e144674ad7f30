/*
 * groups.c: reads which items have a feature in common: a category, a brand, a seller.
 *
 * Of the features of items the first RECO_MAX_GROUPS are read, as their sources list them; those of one name are one, also
 * of several sources.  An item whose rows differ has the label that is the first of them in bytewise order, which no order
 * of rows can change.
 */
#include "postgres.h"

#include "groups.h"

#include "interrupts.h"

#define FIRST_ITEMS 1024

typedef struct GroupReader
{
	RecoGroups *groups;
	int			n_fields;		/* behind the item */
	int			grouping[RECO_MAX_GROUPS];	/* of each field */
} GroupReader;

/* --- reading ----------------------------------------------------------------------------------------------- */

/* The grouping of a feature's name, which is begun where it is new; -1 where there are enough already. */
static int
find_grouping(RecoGroups *groups, const char *name)
{
	RecoGrouping *added = &groups->list[groups->n];
	int			g;

	for (g = 0; g < groups->n; g++)
		if (strcmp(groups->list[g].name, name) == 0)
			return g;
	if (groups->n == RECO_MAX_GROUPS)
		return -1;
	added->name = name;
	added->texts = reco_idmap_create(groups->budget, false, "features of items");
	added->label = reco_budget_alloc(groups->budget, groups->capacity, sizeof(int32), "features of items");
	memset(added->label, 0xFF, groups->capacity * sizeof(int32));
	return groups->n++;
}

static void
grow(RecoGroups *groups)
{
	int32		capacity = groups->capacity + groups->capacity / 2;
	int			g;

	for (g = 0; g < groups->n; g++)
	{
		RecoGrouping *grouping = &groups->list[g];

		grouping->label = reco_budget_resize(groups->budget, grouping->label, groups->capacity, capacity, sizeof(int32),
											 "features of items");
		memset(grouping->label + groups->capacity, 0xFF, (capacity - groups->capacity) * sizeof(int32));
	}
	groups->capacity = capacity;
}

static bool
is_before(const RecoIdMap *texts, int32 a, int32 b)
{
	int			a_length;
	int			b_length;
	const char *a_text = reco_idmap_text(texts, a, &a_length);
	const char *b_text = reco_idmap_text(texts, b, &b_length);
	int			order = memcmp(a_text, b_text, Min(a_length, b_length));

	return order != 0 ? order < 0 : a_length < b_length;
}

/* Of several labels an item has the first in bytewise order. */
static void
put_label(RecoGrouping *grouping, int32 item, const RecoValue *element)
{
	char		buffer[RECO_NUMBER_TEXT];
	RecoValue	text = reco_values_element_text(element, buffer);
	int32		label = reco_idmap_add(grouping->texts, &text);
	int32	   *present = &grouping->label[item];

	if (*present < 0 || (label != *present && is_before(grouping->texts, label, *present)))
		*present = label;
}

static void
receive_item(void *arg, const RecoValue *values)
{
	const GroupReader *reader = arg;
	RecoGroups *groups = reader->groups;
	int32		item;
	int			i;
	int			e;

	if (values[0].is_null)
		return;
	item = reco_idmap_add(groups->items, &values[0]);
	if (item == groups->capacity)
		grow(groups);
	for (i = 0; i < reader->n_fields; i++)
		for (e = 0; !values[1 + i].is_null && e < values[1 + i].length; e++)
			put_label(&groups->list[reader->grouping[i]], item, &reco_values_elements(&values[1 + i])[e]);
}

static void
read_source(RecoGroups *groups, const RecoReader *by, const RecoSource *source)
{
	RecoField	fields[1 + RECO_MAX_GROUPS] = {{RECO_ROLE_ITEM, NULL}};
	GroupReader reader = {.groups = groups};
	ListCell   *cell;

	foreach(cell, source->columns)
	{
		const RecoColumn *column = lfirst(cell);
		int			g = column->role == RECO_ROLE_FEATURES ? find_grouping(groups, column->name) : -1;

		if (g < 0)
			continue;
		reader.grouping[reader.n_fields++] = g;
		fields[reader.n_fields] = (RecoField) {RECO_ROLE_FEATURES, column->name};
	}
	if (reader.n_fields > 0)
		(void) reco_sources_read_all(by, source, fields, 1 + reader.n_fields, receive_item, &reader);
}

/*
 * The features of items of all sources; there may be none.  Memory: the budget's.  Errors: configuration_limit_exceeded
 * (memory), and what reading raises.
 */
RecoGroups *
reco_groups_read(RecoBudget *budget, const RecoReader *reader, List *sources)
{
	RecoGroups *groups = MemoryContextAllocZero(budget->context, sizeof(RecoGroups));
	ListCell   *cell;

	groups->budget = budget;
	groups->items = reco_idmap_create(budget, reader->integer_keys, "items");
	groups->capacity = FIRST_ITEMS;
	foreach(cell, sources)
		if (((const RecoSource *) lfirst(cell))->kind == RECO_SOURCE_ITEMS)
			read_source(groups, reader, lfirst(cell));
	return groups;
}

/* --- numbers ----------------------------------------------------------------------------------------------- */

/* Labels of the items by their numbers among items; labels get numbers that no order of rows can change. */
static void
number_grouping(RecoGroups *groups, RecoGrouping *grouping, const int32 *own, int32 items)
{
	int32	   *rank = reco_idmap_sort(grouping->texts);
	int32	   *label = reco_budget_alloc(groups->budget, items, sizeof(int32), "features of items");
	int32		i;

	for (i = 0; i < items; i++)
	{
		int32		read = own[i] >= 0 ? grouping->label[own[i]] : -1;

		label[i] = read >= 0 ? rank[read] : -1;
	}
	grouping->n = reco_idmap_count(grouping->texts);
	reco_budget_free(groups->budget, grouping->label);
	reco_budget_free(groups->budget, rank);
	reco_idmap_free(grouping->texts);
	grouping->label = label;
	grouping->texts = NULL;
}

static int
compare_groupings(const void *a, const void *b)
{
	const RecoGrouping *x = a;
	const RecoGrouping *y = b;

	return x->n != y->n ? (x->n > y->n) - (x->n < y->n) : strcmp(x->name, y->name);
}

/*
 * Give items the numbers that they have among others, which are sorted.
 */
void
reco_groups_number(RecoGroups *groups, const RecoIdMap *items)
{
	int32		n = reco_idmap_count(items);
	int32	   *own = reco_budget_alloc(groups->budget, n, sizeof(int32), "features of items");
	int32		i;

	for (i = 0; i < n; i++)
	{
		RecoValue	key = reco_idmap_key(items, i);

		RECO_CHECK_INTERRUPTS(i);
		own[i] = reco_idmap_find(groups->items, &key);
	}
	for (i = 0; i < groups->n; i++)
		number_grouping(groups, &groups->list[i], own, n);
	qsort(groups->list, groups->n, sizeof(RecoGrouping), compare_groupings);
	reco_budget_free(groups->budget, own);
	reco_idmap_free(groups->items);
	groups->items = NULL;
}
