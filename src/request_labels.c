/*
 * request_labels.c: reads who asks, and in which context, as labels that the model knows.
 *
 * A customer's attributes are read at the time of the request, as his purchases are.  The context is what the caller says
 * of it and, where he says nothing, what the time tells in the model's time zone.  Values that the model has no labels for
 * say nothing by themselves; but a purchase in the same context counts more, also where nobody else ever had that one.
 */
#include "postgres.h"

#include "request_labels.h"

#include <math.h>

#include "labels.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "segments.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#define FIRST_LABELS 16

/* --- attributes -------------------------------------------------------------------------------------------- */

typedef struct LabelReader
{
	const RecoFields *fields;
	int			n_columns;
	int32		field_of[RECO_MAX_FIELDS];
	int32	   *labels;
	int			n;
	int			capacity;
} LabelReader;

static void
add_label(LabelReader *reader, int32 label)
{
	if (label < 0)
		return;
	if (reader->n == reader->capacity)
	{
		reader->capacity *= 2;
		reader->labels = repalloc_huge(reader->labels, mul_size(reader->capacity, sizeof(int32)));
	}
	reader->labels[reader->n++] = label;
}

static void
receive_customer(void *arg, const RecoValue *values)
{
	LabelReader *reader = arg;
	int			column;
	int			i;

	for (column = 0; column < reader->n_columns; column++)
		for (i = 0; !values[column].is_null && i < values[column].length; i++)
			add_label(reader, reco_labels_find(reader->fields, reader->field_of[column], &reco_values_elements(&values[column])[i]));
}

/* The attributes of a source that the model knows; returns how many. */
static int
list_attributes(const RecoSource *source, LabelReader *reader, RecoField *columns)
{
	ListCell   *cell;

	reader->n_columns = 0;
	foreach(cell, source->columns)
	{
		const RecoColumn *column = lfirst(cell);
		int32		field = reco_fields_find(reader->fields, RECO_FIELDS_OF_CUSTOMERS, column->name, strlen(column->name));

		if (column->role != RECO_ROLE_FEATURES || field < 0)
			continue;
		reader->field_of[reader->n_columns] = field;
		columns[reader->n_columns++] = (RecoField) {RECO_ROLE_FEATURES, column->name};
	}
	return reader->n_columns;
}

static int
compare_labels(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/* Of labels in their order each once; returns how many there are. */
static int
drop_repeated(int32 *labels, int n)
{
	int			kept = 0;
	int			i;

	for (i = 0; i < n; i++)
		if (i == 0 || labels[i] != labels[i - 1])
			labels[kept++] = labels[i];
	return kept;
}

static bool
is_used(const RecoModel *model, RecoComponent component)
{
	int			kind;

	for (kind = 0; kind < RECO_BLENDS; kind++)
		if (model->parameters[RECO_PARAMETER_BLEND + kind * RECO_BLEND_SLOTS + component] > 0)
			return true;
	return false;
}

/*
 * The labels of a customer, ascending and each once, in the current memory context; none where nothing is made of them.
 */
void
reco_request_labels_read(const RecoAnswering *a, const RecoKey *user, RecoEvidence *evidence)
{
	LabelReader reader = {.fields = &a->model->fields,.capacity = FIRST_LABELS};
	RecoField	columns[RECO_MAX_FIELDS];
	ListCell   *cell;

	if (reco_model_customer_labels(a->model) == 0 ||
		!(is_used(a->model, RECO_COMPONENT_PRIOR) || is_used(a->model, RECO_COMPONENT_SEGMENT)))
		return;
	reader.labels = palloc(FIRST_LABELS * sizeof(int32));
	foreach(cell, a->sources)
	{
		const RecoSource *source = lfirst(cell);

		if (source->kind == RECO_SOURCE_USERS && list_attributes(source, &reader, columns) > 0)
			(void) reco_sources_read_user(&a->reader, source, columns, reader.n_columns, user, receive_customer, &reader);
	}
	qsort(reader.labels, reader.n, sizeof(int32), compare_labels);
	evidence->n_labels = drop_repeated(reader.labels, reader.n);
	evidence->labels = reader.labels;
}

typedef struct AllReader
{
	LabelReader reader;			/* of one row */
	const RecoIdMap *users;
	RecoRaggedBuilder *builder;
} AllReader;

static void
receive_anybody(void *arg, const RecoValue *values)
{
	AllReader  *all = arg;
	const RecoValue *key = &values[all->reader.n_columns];
	int32		user = key->is_null ? -1 : reco_idmap_find(all->users, key);
	int			i;

	if (user < 0)
		return;
	all->reader.n = 0;
	receive_customer(&all->reader, values);
	for (i = 0; i < all->reader.n; i++)
		*(int32 *) reco_ragged_add(all->builder, user) = all->reader.labels[i];
}

static int64
make_labels(void *arg, void *elements, int64 n, void *out)
{
	(void) arg;
	qsort(elements, n, sizeof(int32), compare_labels);
	memmove(out, elements, n * sizeof(int32));
	return drop_repeated(out, (int) n);
}

/*
 * The same of some customers, by their numbers in users.  From the budget.  Errors: configuration_limit_exceeded, and what
 * reading raises.
 */
RecoRagged
reco_request_labels_read_all(const RecoAnswering *a, const RecoIdMap *users, RecoBudget *budget)
{
	AllReader	all = {.reader = {.fields = &a->model->fields,.capacity = FIRST_LABELS},.users = users};
	RecoRagged	labels;
	ListCell   *cell;

	all.reader.labels = palloc(FIRST_LABELS * sizeof(int32));
	all.builder = reco_ragged_begin(budget, sizeof(int32), "attributes");
	foreach(cell, a->sources)
	{
		const RecoSource *source = lfirst(cell);
		RecoField	columns[RECO_MAX_FIELDS + 1];

		if (source->kind != RECO_SOURCE_USERS || list_attributes(source, &all.reader, columns) == 0)
			continue;
		columns[all.reader.n_columns] = (RecoField) {RECO_ROLE_USER, NULL};
		(void) reco_sources_read_all(&a->reader, source, columns, all.reader.n_columns + 1, receive_anybody, &all);
	}
	labels = reco_ragged_end(all.builder, reco_idmap_count(users));
	reco_ragged_remake(&labels, sizeof(int32), make_labels, NULL);
	return labels;
}

/* --- the context ------------------------------------------------------------------------------------------- */

/* The names that a context may have, in quotes. */
static char *
known_names(const RecoFields *fields)
{
	StringInfoData names;
	int32		first;
	int32		n = reco_fields_of_group(fields, RECO_FIELDS_OF_CONTEXT, &first);
	int32		f;

	initStringInfo(&names);
	for (f = first; f < first + n; f++)
	{
		size_t		length;
		const char *name = reco_fields_name(fields, f, &length);

		appendStringInfo(&names, "%s\"%.*s\"", f > first ? ", " : "", (int) length, name);
	}
	return names.data;
}

static int32
find_field(const RecoAnswering *a, const JsonbValue *key)
{
	int32		field = reco_fields_find(&a->model->fields, RECO_FIELDS_OF_CONTEXT, key->val.string.val, key->val.string.len);

	if (field < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"context\" has the key \"%.*s\", which the model does not know", key->val.string.len,
						key->val.string.val),
				 errhint("It knows %s; others are named as context in reco.add_orders, before reco.train.",
						 known_names(&a->model->fields))));
	return field;
}

static void
set_number(RecoValue *element, Numeric number)
{
	element->number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number)));
	if (fabs(element->number) < 1e15 && element->number == floor(element->number))
	{
		element->integer = (int64) element->number;
		element->length = 1;
	}
}

/* What a JSON value is as an element of a list's member; null gives none. */
static bool
as_element(const JsonbValue *key, const JsonbValue *value, RecoValue *element)
{
	*element = (RecoValue) {.is_null = false};
	switch (value->type)
	{
		case jbvNull:
			return false;
		case jbvString:
			element->bytes = value->val.string.val;
			element->length = value->val.string.len;
			return true;
		case jbvNumeric:
			set_number(element, value->val.numeric);
			return true;
		case jbvBool:
			element->bytes = value->val.boolean ? "true" : "false";
			element->length = (int) strlen(element->bytes);
			return true;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameter \"context\" has an array or object for \"%.*s\"", key->val.string.len, key->val.string.val),
					 errhint("Give a string, a number, true, false or null.")));
	}
	return false;
}

/* What the caller says takes the place of what the time tells. */
static void
set_given(const RecoAnswering *a, const Jsonb *given, const int32 *slots, int n_slots, RecoEvidence *evidence)
{
	JsonbIterator *it;
	JsonbValue	key;
	JsonbValue	value;
	JsonbIteratorToken token;
	int			s;

	if (!JB_ROOT_IS_OBJECT(given))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"context\" must be a JSON object"),
				 errhint("Give names and values, as in {\"device\": \"mobile\"}.")));
	it = JsonbIteratorInit(unconstify(JsonbContainer *, &given->root));
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		RecoValue	element;
		int32		field;
		bool		says;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		field = find_field(a, &key);
		says = as_element(&key, &value, &element);
		for (s = 0; s < n_slots; s++)
			if (slots[s] == field)
				evidence->context[s] = says ? reco_labels_code(&a->model->fields, field, &element) : -1;
	}
}

/*
 * The context of a request, of which the caller says something or nothing (NULL).  Errors: invalid_parameter_value.
 */
void
reco_request_labels_set_context(const RecoAnswering *a, const Jsonb *given, RecoEvidence *evidence)
{
	const RecoFields *fields = &a->model->fields;
	int32		slots[RECO_MAX_CONTEXTS];
	int			n_slots = reco_fields_slots(fields, slots);
	struct pg_tz *zone = n_slots > 0 ? pg_tzset(a->reader.timezone) : NULL;
	int			s;

	for (s = 0; s < n_slots; s++)
		if (fields->entries[slots[s]].kind >= RECO_FIRST_DERIVED_FIELD)
			evidence->context[s] = reco_segments_time_label(fields, slots[s], evidence->as_of, zone);
	if (given != NULL)
		set_given(a, given, slots, n_slots, evidence);
}

/* --- contexts of lines ------------------------------------------------------------------------------------- */

/* How to make contexts of a model's order lines, where they make any difference. */
RecoLineContexts
reco_request_labels_line_contexts(const RecoModel *model, const char *timezone)
{
	RecoLineContexts contexts = {.fields = &model->fields};
	bool		any = false;
	int			kind;
	int			s;

	for (kind = 0; kind < RECO_BLENDS; kind++)
		for (s = 0; s < RECO_MAX_CONTEXTS; s++)
			any |= model->parameters[RECO_PARAMETER_STRENGTHS + kind * RECO_STRENGTH_SLOTS + RECO_STRENGTH_CONTEXT + s] > 0;
	if (!any)
		return contexts;
	contexts.n_slots = reco_fields_slots(&model->fields, contexts.slots);
	contexts.zone = pg_tzset(timezone);
	return contexts;
}

/* Read a source from now on: what to read of it beside its lines; returns how many fields that is. */
int
reco_request_labels_begin_source(RecoLineContexts *contexts, const RecoSource *source, RecoField *fields)
{
	int			s;

	contexts->n_columns = 0;
	for (s = 0; s < contexts->n_slots; s++)
	{
		size_t		length;
		const char *name = reco_fields_name(contexts->fields, contexts->slots[s], &length);
		RecoField	field = {RECO_ROLE_CONTEXT, pnstrdup(name, length)};

		if (contexts->fields->entries[contexts->slots[s]].kind >= RECO_FIRST_DERIVED_FIELD ||
			reco_definitions_find(source, &field) == NULL)
			continue;
		contexts->slot_of[contexts->n_columns] = s;
		fields[contexts->n_columns++] = field;
	}
	return contexts->n_columns;
}

/* The context of a line from the values of those fields, and from its time. */
void
reco_request_labels_line_context(const RecoLineContexts *contexts, const RecoValue *values, TimestampTz at, int32 *context)
{
	int			column;
	int			s;

	for (s = 0; s < RECO_MAX_CONTEXTS; s++)
		context[s] = s < contexts->n_slots && contexts->fields->entries[contexts->slots[s]].kind >= RECO_FIRST_DERIVED_FIELD
			? reco_segments_time_label(contexts->fields, contexts->slots[s], at, contexts->zone) : -1;
	for (column = 0; column < contexts->n_columns; column++)
	{
		const RecoValue *first = values[column].is_null ? NULL : reco_labels_first(&values[column]);

		s = contexts->slot_of[column];
		if (first != NULL)
			context[s] = reco_labels_code(contexts->fields, contexts->slots[s], first);
	}
}
