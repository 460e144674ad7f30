/*
 * labels.c: reads attributes and contexts, and makes labels of their values.
 *
 * Numbers become ranges and everything else is told apart by its text form (fields.c has what a label is); an array is as
 * many values as it has elements, and NULL, NaN and infinities are none.  What has several rows, as an item that stands in
 * several categories, has the values of all of them.  A text is cut at MAX_TEXT bytes.
 *
 * While rows arrive, a value is a key of one dictionary for all fields: the number of the field and then a text, or a
 * number in bytes that ascend with it.  So once the keys are sorted the values of a field stand together in the order of
 * their labels, and nothing depends on the order of arrival.
 */
#include "postgres.h"

#include "labels.h"

#include <math.h>

#include "common/hashfn.h"
#include "common/shortest_dec.h"
#include "idmap.h"
#include "interrupts.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"

#define MAX_TEXT	200			/* bytes of a value that are looked at */
#define RANGES		10			/* of numbers */
#define FEW_NUMBERS	20			/* different ones, that need no ranges */
#define FIRST_PAIRS	64
#define MOST_TIME_LABELS 25		/* hours, weekdays and months */

/* A key and a value that it has. */
typedef struct Pair
{
	int32		key;
	int32		value;
} Pair;

struct RecoLabeller
{
	RecoBudget *budget;
	const RecoMembers *members;
	RecoIdMap  *values;
	Pair	   *pairs;
	int64		n_pairs;
	int64		capacity;
	int32	   *codes;			/* by number of a value as it was given; set in the end */

	/* Of the source that is being read. */
	RecoNumberKey number_key;
	void	   *arg;
	int			n_columns;
	int			member_of[RECO_MAX_FIELDS]; /* by column; the first column is the key */
};

/* What becomes of the sorted values. */
typedef struct Labelling
{
	RecoLabeller *labeller;
	const RecoLabelOptions *options;
	int32		n_values;
	int32	   *support;		/* [values] keys that have it */
	int32	   *label;			/* [values] -1: none */
	RecoFieldEntry *entries;
	double	   *edges;			/* of labels */
	int32	   *example;		/* of labels: the first value of it */
	int32		n_labels;
} Labelling;

/* --- members ----------------------------------------------------------------------------------------------- */

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

static bool
has_list(const RecoSource *source, RecoFieldGroup group)
{
	if (group == RECO_FIELDS_OF_CONTEXT)
		return reco_definitions_column(source, RECO_ROLE_CONTEXT) != NULL;
	return source->kind == (group == RECO_FIELDS_OF_ITEMS ? RECO_SOURCE_ITEMS : RECO_SOURCE_USERS);
}

static List *
list_names(List *sources, const RecoMembers *members)
{
	List	   *names = NIL;
	ListCell   *s;
	ListCell   *c;

	foreach(s, sources)
	{
		const RecoSource *source = lfirst(s);

		if (!has_list(source, members->group))
			continue;
		foreach(c, source->columns)
		{
			const RecoColumn *column = lfirst(c);

			if (column->role == members->role)
				names = lappend(names, column->name);
		}
	}
	list_sort(names, compare_names);
	return names;
}

/* Whether all that have it give numbers. */
static bool
gives_numbers(const RecoReader *reader, List *sources, const RecoMembers *members, const char *name)
{
	const RecoField field = {members->role, name};
	ListCell   *cell;

	foreach(cell, sources)
	{
		const RecoSource *source = lfirst(cell);

		if (has_list(source, members->group) && reco_definitions_find(source, &field) != NULL &&
			!reco_sources_gives_numbers(reader, source, members->role, name))
			return false;
	}
	return true;
}

/* A member of the same name as a part of the time takes its place. */
static List *
add_time(List *names)
{
	int			i;

	for (i = 0; i < RECO_DERIVED_FIELDS; i++)
	{
		const char *name = reco_fields_derived_name(RECO_FIRST_DERIVED_FIELD + i);
		bool		present = false;
		ListCell   *cell;

		foreach(cell, names)
			present |= strcmp(lfirst(cell), name) == 0;
		if (!present)
			names = lappend(names, unconstify(char *, name));
	}
	list_sort(names, compare_names);
	return names;
}

/* What kind of field a name is: of a part of the time where no source has it. */
static RecoFieldKind
kind_of(const RecoReader *reader, List *sources, const RecoMembers *members, const char *name)
{
	const RecoField field = {members->role, name};
	ListCell   *cell;
	int			i = 0;

	foreach(cell, sources)
		if (has_list(lfirst(cell), members->group) && reco_definitions_find(lfirst(cell), &field) != NULL)
			return gives_numbers(reader, sources, members, name) ? RECO_FIELD_NUMBER : RECO_FIELD_TEXT;
	while (strcmp(reco_fields_derived_name(RECO_FIRST_DERIVED_FIELD + i), name) != 0)
		i++;
	return RECO_FIRST_DERIVED_FIELD + i;
}

/*
 * The members of the lists that a group's fields come from, in the current memory context; with_time also the parts of
 * the time.  Names are those of the sources.  Errors as of a stored expression that does not fit any more.
 */
RecoMembers *
reco_labels_members(const RecoReader *reader, List *sources, RecoFieldGroup group, bool with_time)
{
	RecoMembers *members = palloc0(sizeof(RecoMembers));
	List	   *names;
	ListCell   *cell;

	members->group = group;
	members->role = group == RECO_FIELDS_OF_CONTEXT ? RECO_ROLE_CONTEXT : RECO_ROLE_FEATURES;
	names = list_names(sources, members);
	if (with_time)
		names = add_time(names);
	members->names = palloc(mul_size(Max(list_length(names), 1), sizeof(char *)));
	members->kinds = palloc(mul_size(Max(list_length(names), 1), sizeof(RecoFieldKind)));
	foreach(cell, names)
	{
		const char *name = lfirst(cell);

		if (members->n > 0 && strcmp(members->names[members->n - 1], name) == 0)
			continue;
		members->names[members->n] = name;
		members->kinds[members->n++] = kind_of(reader, sources, members, name);
	}
	if (members->n > RECO_MAX_FIELDS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the sources of model \"%s\" have %d different names in \"%s\", more than %d", reader->model, members->n,
						reco_definitions_role_name(members->role), RECO_MAX_FIELDS),
				 errhint("Give what means the same the same name in all of them.")));
	return members;
}

/* What to read of a member. */
RecoField
reco_labels_field(const RecoMembers *members, int member)
{
	return (RecoField) {members->role, members->names[member]};
}

/* --- values ------------------------------------------------------------------------------------------------ */

/* Bytes that ascend as numbers do. */
static uint64
number_bits(double number)
{
	uint64		bits;

	number += 0.0;				/* -0 is 0 */
	memcpy(&bits, &number, sizeof(bits));
	return (bits >> 63) ? ~bits : bits | (UINT64CONST(1) << 63);
}

static double
bits_number(uint64 bits)
{
	double		number;

	bits = (bits >> 63) ? bits & ~(UINT64CONST(1) << 63) : ~bits;
	memcpy(&number, &bits, sizeof(number));
	return number;
}

static int
text_length(const RecoValue *element)
{
	return element->length <= MAX_TEXT ? element->length : pg_mbcliplen(element->bytes, element->length, MAX_TEXT);
}

/* A labeller without any values, from the budget; members must live as long. */
RecoLabeller *
reco_labels_begin(RecoBudget *budget, const RecoMembers *members)
{
	RecoLabeller *labeller = MemoryContextAllocZero(budget->context, sizeof(RecoLabeller));

	labeller->budget = budget;
	labeller->members = members;
	labeller->values = reco_idmap_create(budget, false, "labels");
	labeller->capacity = FIRST_PAIRS;
	labeller->pairs = reco_budget_alloc(budget, FIRST_PAIRS, sizeof(Pair), "labels");
	return labeller;
}

/* The number of an element of a member's value until reco_labels_end, -1 where it says nothing. */
int32
reco_labels_value(RecoLabeller *labeller, int member, const RecoValue *element)
{
	char		bytes[sizeof(uint16) + Max(MAX_TEXT, sizeof(uint64))];
	char		buffer[RECO_NUMBER_TEXT];
	uint16		field = pg_hton16((uint16) member);
	RecoValue	key = {.bytes = bytes};

	memcpy(bytes, &field, sizeof(field));
	if (labeller->members->kinds[member] == RECO_FIELD_NUMBER)
	{
		uint64		bits = pg_hton64(number_bits(element->number));

		if (element->bytes != NULL || !isfinite(element->number))
			return -1;
		memcpy(bytes + sizeof(field), &bits, sizeof(bits));
		key.length = sizeof(field) + sizeof(bits);
	}
	else
	{
		RecoValue	text = reco_values_element_text(element, buffer);

		key.length = sizeof(field) + text_length(&text);
		memcpy(bytes + sizeof(field), text.bytes, text_length(&text));
	}
	return reco_idmap_add(labeller->values, &key);
}

/* The order of two values of a member, before the end. */
int
reco_labels_compare(const RecoLabeller *labeller, int32 a, int32 b)
{
	int			a_length;
	int			b_length;
	const char *a_key = reco_idmap_text(labeller->values, a, &a_length);
	const char *b_key = reco_idmap_text(labeller->values, b, &b_length);
	int			order = memcmp(a_key, b_key, Min(a_length, b_length));

	return order != 0 ? order : a_length - b_length;
}

/* How many different values there are so far. */
int32
reco_labels_values(const RecoLabeller *labeller)
{
	return reco_idmap_count(labeller->values);
}

static int
compare_pairs(const void *a, const void *b)
{
	const Pair *x = a;
	const Pair *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->value > y->value) - (x->value < y->value);
}

/* Sort the pairs, and keep one of each. */
static void
unite_pairs(RecoLabeller *labeller)
{
	Pair	   *pairs = labeller->pairs;
	int64		kept = 0;
	int64		i;

	qsort(pairs, labeller->n_pairs, sizeof(Pair), compare_pairs);
	for (i = 0; i < labeller->n_pairs; i++)
		if (i == 0 || compare_pairs(&pairs[i], &pairs[kept - 1]) != 0)
			pairs[kept++] = pairs[i];
	labeller->n_pairs = kept;
}

/* What is there twice gives room; more is taken where that is not much. */
static void
make_room(RecoLabeller *labeller)
{
	int64		capacity = labeller->capacity + labeller->capacity / 2;

	unite_pairs(labeller);
	if (labeller->n_pairs <= labeller->capacity / 2)
		return;
	labeller->pairs = reco_budget_resize(labeller->budget, labeller->pairs, labeller->capacity, capacity, sizeof(Pair), "labels");
	labeller->capacity = capacity;
}

/* A key has a value, which may be -1 for none; it may have it already. */
void
reco_labels_add(RecoLabeller *labeller, int32 key, int32 value)
{
	if (value < 0)
		return;
	if (labeller->n_pairs == labeller->capacity)
		make_room(labeller);
	labeller->pairs[labeller->n_pairs++] = (Pair) {key, value};
}

static void
receive_row(void *arg, const RecoValue *values)
{
	RecoLabeller *labeller = arg;
	int32		key = values[0].is_null ? -1 : labeller->number_key(labeller->arg, &values[0]);
	int			column;
	int			i;

	for (column = 1; key >= 0 && column < labeller->n_columns; column++)
		for (i = 0; !values[column].is_null && i < values[column].length; i++)
		{
			RECO_CHECK_INTERRUPTS(i);
			reco_labels_add(labeller, key,
							reco_labels_value(labeller, labeller->member_of[column], &reco_values_elements(&values[column])[i]));
		}
}

/*
 * Read all rows of a source that has some of the members.  Keys come in the reader's form, those of orders as
 * reco_sources_integer_orders says.  Errors: configuration_limit_exceeded (memory), and what reading raises.
 */
void
reco_labels_read(RecoLabeller *labeller, const RecoReader *reader, const RecoSource *source, RecoRole key_role,
				 RecoNumberKey number_key, void *arg)
{
	RecoField	fields[RECO_MAX_FIELDS] = {[0] = {key_role, NULL}};
	int			member;

	labeller->number_key = number_key;
	labeller->arg = arg;
	labeller->n_columns = 1;
	for (member = 0; member < labeller->members->n; member++)
	{
		RecoField	field = reco_labels_field(labeller->members, member);

		if (reco_definitions_find(source, &field) == NULL)
			continue;
		labeller->member_of[labeller->n_columns] = member;
		fields[labeller->n_columns++] = field;
	}
	if (labeller->n_columns > 1)
		(void) reco_sources_read_all(reader, source, fields, labeller->n_columns, receive_row, labeller);
}

/* --- from values to labels --------------------------------------------------------------------------------- */

/* The field and the rest of a value's key. */
static int
parse_value(const RecoIdMap *values, int32 value, const char **bytes, int *length)
{
	const char *key = reco_idmap_text(values, value, length);
	uint16		field;

	memcpy(&field, key, sizeof(field));
	*bytes = key + sizeof(field);
	*length -= sizeof(field);
	return pg_ntoh16(field);
}

static double
value_number(const RecoIdMap *values, int32 value)
{
	const char *bytes;
	int			length;
	uint64		bits;

	(void) parse_value(values, value, &bytes, &length);
	memcpy(&bits, bytes, sizeof(bits));
	return bits_number(pg_ntoh64(bits));
}

/* Exchange values for what stands in an array, leaving out -1; sort, and keep one of each. */
static void
renumber_pairs(RecoLabeller *labeller, const int32 *number)
{
	Pair	   *pairs = labeller->pairs;
	int64		n = 0;
	int64		i;

	for (i = 0; i < labeller->n_pairs; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (number[pairs[i].value] >= 0)
			pairs[n++] = (Pair) {pairs[i].key, number[pairs[i].value]};
	}
	labeller->n_pairs = n;
	unite_pairs(labeller);
}

/* How many keys have each value. */
static int32 *
count_keys(const RecoLabeller *labeller, int32 n)
{
	int32	   *support = reco_budget_alloc(labeller->budget, n, sizeof(int32), "labels");
	int64		i;

	for (i = 0; i < labeller->n_pairs; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		support[labeller->pairs[i].value]++;
	}
	return support;
}

static void
new_label(Labelling *l, int32 value, double edge)
{
	l->edges[l->n_labels] = edge;
	l->example[l->n_labels++] = value;
}

static int
compare_descending(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	CHECK_FOR_INTERRUPTS();
	return (x < y) - (x > y);
}

/*
 * How many keys a text must have to be among those that most have; *ties of those that have just so many are among them
 * too.
 */
static int32
find_threshold(const Labelling *l, int32 first, int32 n, int32 *ties)
{
	int32		least = Max(l->options->least_keys, 1);
	int32		most = l->options->most;
	int32	   *sorted;
	int32		above = 0;

	*ties = PG_INT32_MAX;
	if (n <= most)
		return least;
	sorted = reco_budget_alloc(l->labeller->budget, n, sizeof(int32), "labels");
	memcpy(sorted, l->support + first, n * sizeof(int32));
	qsort(sorted, n, sizeof(int32), compare_descending);
	if (sorted[most - 1] >= least)
	{
		least = sorted[most - 1];
		while (sorted[above] > least)
			above++;
		*ties = most - above;
	}
	reco_budget_free(l->labeller->budget, sorted);
	return least;
}

/* The texts first to first + n - 1 of a field: each is a label, unless too few have it. */
static void
label_texts(Labelling *l, int32 first, int32 n)
{
	int32		ties;
	int32		threshold = find_threshold(l, first, n, &ties);
	int32		i;

	for (i = first; i < first + n; i++)
	{
		l->label[i] = -1;
		if (l->support[i] < threshold || (l->support[i] == threshold && ties-- <= 0))
			continue;
		l->label[i] = l->n_labels;
		new_label(l, i, 0);
	}
}

/* Keys that have a number of a range; one with several of them counts so often. */
static int64
range_support(const Labelling *l, const double *numbers, int32 first, int32 n, double from, double to)
{
	int64		support = 0;
	int32		i;

	for (i = 0; i < n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		if (numbers[i] >= from && numbers[i] < to)
			support += l->support[first + i];
	}
	return support;
}

/* Ranges of too few go with the one before them, the first with the one behind. */
static int32
merge_ranges(const Labelling *l, const double *numbers, int32 first, int32 n, double *edges, int32 n_edges)
{
	int32		kept = 0;
	int32		i;

	for (i = 0; i < n_edges; i++)
	{
		double		end = i + 1 < n_edges ? edges[i + 1] : INFINITY;

		if (range_support(l, numbers, first, n, edges[i], end) >= l->options->least_keys)
			edges[kept++] = edges[i];
	}
	return kept;
}

/* The numbers first to first + n - 1 of a field, by ranges. */
static void
label_numbers(Labelling *l, int32 first, int32 n)
{
	RecoBudget *budget = l->labeller->budget;
	double	   *numbers = reco_budget_alloc(budget, n, sizeof(double), "labels");
	int64	   *counts = reco_budget_alloc(budget, n, sizeof(int64), "labels");
	double		edges[FEW_NUMBERS];
	int32		n_edges;
	int32		edge = 0;
	int32		i;

	for (i = 0; i < n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		numbers[i] = value_number(l->labeller->values, first + i);
		counts[i] = l->support[first + i];
	}
	n_edges = reco_fields_edges(numbers, counts, n, n <= FEW_NUMBERS ? FEW_NUMBERS : RANGES, edges);
	n_edges = merge_ranges(l, numbers, first, n, edges, n_edges);
	for (i = 0; i < n; i++)
	{
		while (edge + 1 < n_edges && numbers[i] >= edges[edge + 1])
			edge++;
		l->label[first + i] = n_edges > 0 ? l->n_labels + edge : -1;
	}
	for (i = 0; i < n_edges; i++)
		new_label(l, first, edges[i]);
	reco_budget_free(budget, counts);
	reco_budget_free(budget, numbers);
}

/* All that a part of the time can be, seen or not. */
static void
label_times(Labelling *l, RecoFieldKind kind)
{
	int32		i;

	for (i = 0; i < reco_fields_derived_count(kind); i++)
		new_label(l, -1, 0);
}

/* The labels of each field; values are sorted. */
static void
label_fields(Labelling *l)
{
	const RecoLabeller *labeller = l->labeller;
	const RecoMembers *members = labeller->members;
	int32		first = 0;
	int			member;

	for (member = 0; member < members->n; member++)
	{
		RecoFieldEntry *entry = &l->entries[member];
		int32		last;
		const char *bytes;
		int			length;

		for (last = first; last < l->n_values && parse_value(labeller->values, last, &bytes, &length) == member; last++)
			RECO_CHECK_INTERRUPTS(last);
		*entry = (RecoFieldEntry) {members->group, members->kinds[member], l->n_labels, 0};
		if (members->kinds[member] == RECO_FIELD_NUMBER)
			label_numbers(l, first, last - first);
		else if (members->kinds[member] == RECO_FIELD_TEXT)
			label_texts(l, first, last - first);
		else
			label_times(l, members->kinds[member]);
		entry->labels = l->n_labels - entry->first;
		first = last;
	}
}

/* --- the dictionary ---------------------------------------------------------------------------------------- */

static void
append_number(StringInfo text, double number)
{
	char		buffer[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(number, buffer);
	appendStringInfoString(text, buffer);
}

/* As PostgreSQL writes ranges; where each number is a label, the number. */
static void
append_range(StringInfo text, const Labelling *l, const RecoFieldEntry *entry, int32 label, bool few)
{
	if (few)
	{
		append_number(text, l->edges[label]);
		return;
	}
	appendStringInfoString(text, label == entry->first ? "(" : "[");
	if (label > entry->first)
		append_number(text, l->edges[label]);
	appendStringInfoChar(text, ',');
	if (label + 1 < entry->first + entry->labels)
		append_number(text, l->edges[label + 1]);
	appendStringInfoChar(text, ')');
}

/* How many different numbers a field has. */
static bool
has_few(const Labelling *l, const RecoFieldEntry *entry)
{
	int32		n = 0;
	int32		value;

	for (value = 0; value < l->n_values; value++)
	{
		RECO_CHECK_INTERRUPTS(value);
		n += l->label[value] >= entry->first && l->label[value] < entry->first + entry->labels;
	}
	return n == entry->labels;
}

static void
append_label(StringInfo text, const Labelling *l, const RecoFieldEntry *entry, int32 label, bool few)
{
	const char *bytes;
	int			length;

	if (entry->kind == RECO_FIELD_NUMBER)
		append_range(text, l, entry, label, few);
	else if (entry->kind != RECO_FIELD_TEXT)
		appendStringInfoString(text, reco_fields_derived_label((RecoFieldKind) entry->kind, label - entry->first));
	if (entry->kind != RECO_FIELD_TEXT)
		return;
	(void) parse_value(l->labeller->values, l->example[label], &bytes, &length);
	appendBinaryStringInfo(text, bytes, length);
}

/* Names and texts one after another. */
static void
write_fields(const Labelling *l, RecoFields *fields)
{
	const RecoMembers *members = l->labeller->members;
	RecoBudget *budget = l->labeller->budget;
	uint64	   *start = reco_budget_alloc(budget, add_size(add_size(members->n, l->n_labels), 1), sizeof(uint64), "labels");
	StringInfoData text;
	int			member;
	int32		label;

	initStringInfo(&text);
	for (member = 0; member < members->n; member++)
	{
		start[member] = text.len;
		appendStringInfoString(&text, members->names[member]);
	}
	for (member = 0; member < members->n; member++)
	{
		const RecoFieldEntry *entry = &l->entries[member];
		bool		few = entry->kind == RECO_FIELD_NUMBER && has_few(l, entry);

		for (label = entry->first; label < entry->first + entry->labels; label++)
		{
			start[members->n + label] = text.len;
			append_label(&text, l, entry, label, few);
		}
	}
	start[members->n + l->n_labels] = text.len;
	*fields = (RecoFields) {members->n, l->n_labels, l->entries, start, text.data, l->edges};
}

/* The labels of each key. */
static RecoSparse
make_rows(const RecoLabeller *labeller, int32 n_keys, int32 n_labels)
{
	int64	   *start = reco_budget_alloc(labeller->budget, (Size) n_keys + 1, sizeof(int64), "labels");
	int32	   *index = reco_budget_alloc(labeller->budget, Max(labeller->n_pairs, 1), sizeof(int32), "labels");
	int64		i;

	for (i = 0; i < labeller->n_pairs; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		start[labeller->pairs[i].key + 1]++;
		index[i] = labeller->pairs[i].value;
	}
	for (i = 0; i < n_keys; i++)
		start[i + 1] += start[i];
	return (RecoSparse) {n_keys, n_labels, start, index, NULL};
}

/* What tells texts apart that are no labels. */
static int32
code_text(const char *bytes, int length)
{
	return -2 - (int32) (hash_bytes((const unsigned char *) bytes, length) & (PG_INT32_MAX >> 1));
}

static int32
code_value(const Labelling *l, int32 value)
{
	const char *bytes;
	int			length;
	int			member;

	if (l->label[value] >= 0)
		return l->label[value];
	member = parse_value(l->labeller->values, value, &bytes, &length);
	return l->labeller->members->kinds[member] == RECO_FIELD_TEXT ? code_text(bytes, length) : -1;
}

/*
 * The dictionary, and the labels of the keys 0 to n_keys - 1, from the budget; nothing can be added after it, but values
 * can be looked up.  Errors: configuration_limit_exceeded (memory).
 */
RecoLabelled *
reco_labels_end(RecoLabeller *labeller, int32 n_keys, const RecoLabelOptions *options)
{
	RecoBudget *budget = labeller->budget;
	MemoryContext old_context = MemoryContextSwitchTo(budget->context);
	RecoLabelled *labelled = palloc0(sizeof(RecoLabelled));
	Labelling	l = {.labeller = labeller,.options = options,.n_values = reco_idmap_count(labeller->values)};
	int32	   *rank = reco_idmap_sort(labeller->values);
	int32		i;

	renumber_pairs(labeller, rank);
	l.support = count_keys(labeller, l.n_values);
	l.label = reco_budget_alloc(budget, l.n_values, sizeof(int32), "labels");
	l.edges = reco_budget_alloc(budget, add_size(l.n_values, MOST_TIME_LABELS), sizeof(double), "labels");
	l.example = reco_budget_alloc(budget, add_size(l.n_values, MOST_TIME_LABELS), sizeof(int32), "labels");
	l.entries = reco_budget_alloc(budget, labeller->members->n, sizeof(RecoFieldEntry), "labels");
	label_fields(&l);
	write_fields(&l, &labelled->fields);
	renumber_pairs(labeller, l.label);
	labelled->rows = make_rows(labeller, n_keys, l.n_labels);
	labelled->support = count_keys(labeller, l.n_labels);
	for (i = 0; i < l.n_values; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		rank[i] = code_value(&l, rank[i]);
	}
	labeller->codes = rank;
	reco_budget_free(budget, labeller->pairs);
	reco_budget_free(budget, l.support);
	reco_budget_free(budget, l.label);
	reco_budget_free(budget, l.example);
	MemoryContextSwitchTo(old_context);
	return labelled;
}

/*
 * After the end, by the numbers that reco_labels_value gave: the label of a value, or where it is none below -1 a number by
 * which texts are told apart.  -1: neither.
 */
const int32 *
reco_labels_codes(const RecoLabeller *labeller)
{
	return labeller->codes;
}

/* The fields of one dictionary and then those of another, of a later group, from the budget. */
RecoFields
reco_labels_join(RecoBudget *budget, const RecoFields *first, const RecoFields *second)
{
	int32		n = first->n + second->n;
	int32		n_labels = first->n_labels + second->n_labels;
	uint64		bytes[2] = {first->start[first->n + first->n_labels], second->start[second->n + second->n_labels]};
	RecoFieldEntry *entries = reco_budget_alloc(budget, n, sizeof(RecoFieldEntry), "labels");
	uint64	   *start = reco_budget_alloc(budget, add_size(add_size(n, n_labels), 1), sizeof(uint64), "labels");
	char	   *text = reco_budget_alloc(budget, bytes[0] + bytes[1], 1, "labels");
	double	   *edges = reco_budget_alloc(budget, n_labels, sizeof(double), "labels");
	const RecoFields *parts[2] = {first, second};
	uint64		at = 0;
	int32		label = 0;
	int32		field = 0;
	int			p;
	int32		i;

	for (p = 0; p < 2; p++)
		for (i = 0; i < parts[p]->n; i++)
		{
			size_t		length;
			const char *name = reco_fields_name(parts[p], i, &length);

			entries[field] = parts[p]->entries[i];
			entries[field].first += p * first->n_labels;
			start[field++] = at;
			memcpy(text + at, name, length);
			at += length;
		}
	for (p = 0; p < 2; p++)
		for (i = 0; i < parts[p]->n_labels; i++)
		{
			size_t		length;
			const char *bytes_of = reco_fields_text(parts[p], i, &length);

			edges[label] = parts[p]->edges[i];
			start[n + label++] = at;
			memcpy(text + at, bytes_of, length);
			at += length;
		}
	start[n + n_labels] = at;
	return (RecoFields) {n, n_labels, entries, start, text, edges};
}

/* --- later ------------------------------------------------------------------------------------------------- */

static bool
comes_before(const RecoValue *a, const RecoValue *b)
{
	int			order;

	if (a->bytes == NULL || b->bytes == NULL)
		return a->number < b->number;
	order = memcmp(a->bytes, b->bytes, Min(a->length, b->length));
	return order != 0 ? order < 0 : a->length < b->length;
}

/* The element of a value that counts where only one can: the least number, or the first text bytewise.  NULL: none. */
const RecoValue *
reco_labels_first(const RecoValue *value)
{
	const RecoValue *elements = reco_values_elements(value);
	const RecoValue *first = NULL;
	int			i;

	for (i = 0; i < value->length; i++)
		if ((elements[i].bytes != NULL || isfinite(elements[i].number)) && (first == NULL || comes_before(&elements[i], first)))
			first = &elements[i];
	return first;
}

/* The label of an element of a list's member, -1 for none; of the parts of a time it may be their number. */
int32
reco_labels_find(const RecoFields *fields, int32 field, const RecoValue *element)
{
	int32		code = reco_labels_code(fields, field, element);

	return code >= 0 ? code : -1;
}

/* The same, but as reco_labels_codes where it is no label. */
int32
reco_labels_code(const RecoFields *fields, int32 field, const RecoValue *element)
{
	RecoFieldKind kind = (RecoFieldKind) fields->entries[field].kind;
	char		buffer[RECO_NUMBER_TEXT];
	RecoValue	text;
	int32		label;

	if (kind == RECO_FIELD_NUMBER || (kind != RECO_FIELD_TEXT && element->bytes == NULL))
		return element->bytes == NULL && isfinite(element->number) ? reco_fields_number_label(fields, field, element->number) : -1;
	text = reco_values_element_text(element, buffer);
	text.length = text_length(&text);
	label = reco_fields_text_label(fields, field, text.bytes, text.length);
	return label < 0 && kind == RECO_FIELD_TEXT ? code_text(text.bytes, text.length) : label;
}
