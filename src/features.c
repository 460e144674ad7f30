/*
 * features.c: reads a named feature of customers, items or orders, to make groups of them.
 *
 * A feature is a member of the list features (of users and items) or context (of orders), and its labels are as in
 * labels.c: ranges of numbers, and texts.  Every text is a group of its own, and where there are more than a thousand,
 * groups were not what its owner had in mind.
 *
 * A key may have several rows, as an order has one for each of its lines, or several labels.  It is in the group of the
 * first, bytewise or of the least numbers: a rule that does not depend on which row is read first.
 */
#include "postgres.h"

#include "features.h"

#include "labels.h"
#include "lib/stringinfo.h"
#include "nodes/value.h"

/* Who has which label: keys of one source of orders, or of all sources of another kind. */
typedef struct LabelledKeys
{
	const RecoSource *source;	/* of orders, else NULL */
	RecoIdMap  *keys;
	int32	   *label;			/* by number of the key; -1: none.  While reading, its number among those of all sources */
	int32		capacity;
} LabelledKeys;

/* --- finding ----------------------------------------------------------------------------------------------- */

static bool
is_feature(const RecoColumn *column)
{
	return reco_definitions_role_class(column->role) == RECO_CLASS_ANY;
}

/* What a kind of source calls that, NULL where none of its sources has it. */
static RecoFeature *
find_in_kind(const char *model, List *sources, RecoSourceKind kind, const char *name)
{
	RecoFeature *feature = NULL;
	ListCell   *s;
	ListCell   *c;

	foreach(s, sources)
	{
		RecoSource *source = lfirst(s);

		if (source->kind != kind)
			continue;
		foreach(c, source->columns)
		{
			const RecoColumn *column = lfirst(c);

			if (!is_feature(column) || strcmp(column->name, name) != 0)
				continue;
			if (feature == NULL)
				feature = palloc0(sizeof(RecoFeature));
			feature->role = column->role;
			feature->sources = lappend(feature->sources, source);
		}
	}
	if (feature != NULL)
	{
		feature->model = model;
		feature->kind = kind;
		feature->name = name;
	}
	return feature;
}

/* What users.age_band means, NULL where it is not of that form or means nothing. */
static RecoFeature *
find_qualified(const char *model, List *sources, const char *by)
{
	const char *dot = strchr(by, '.');
	RecoSourceKind kind;

	if (dot == NULL || !reco_definitions_find_kind(pnstrdup(by, dot - by), &kind))
		return NULL;
	return find_in_kind(model, sources, kind, dot + 1);
}

/* The features of all sources, each once, qualified by their kinds. */
static char *
list_features(List *sources)
{
	StringInfoData text;
	List	   *seen = NIL;
	ListCell   *s;
	ListCell   *c;

	initStringInfo(&text);
	foreach(s, sources)
	{
		const RecoSource *source = lfirst(s);

		foreach(c, source->columns)
		{
			const RecoColumn *column = lfirst(c);
			String	   *name = makeString(psprintf("%s.%s", reco_definitions_kind_name(source->kind), column->name));

			if (!is_feature(column) || list_member(seen, name))
				continue;
			appendStringInfo(&text, "%s%s", seen != NIL ? ", " : "", strVal(name));
			seen = lappend(seen, name);
		}
	}
	return text.data;
}

static void
complain_of_none(const char *model, List *sources, const char *by)
{
	char	   *features = list_features(sources);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("model \"%s\" has no feature \"%s\"", model, by),
			 *features != '\0' ? errhint("It has %s.", features)
			 : errhint("Name some as features in reco.add_users or reco.add_items, or as context in reco.add_orders.")));
}

/*
 * The feature that is called so: age_band, or users.age_band where several kinds of sources have an age_band.  Errors:
 * undefined_column, ambiguous_column.  The result, in the current memory context, points into sources and by.
 */
RecoFeature *
reco_features_find(const char *model, List *sources, const char *by)
{
	RecoFeature *found = find_qualified(model, sources, by);
	int			kind;

	if (found != NULL)
		return found;
	for (kind = 0; kind < RECO_SOURCE_KINDS; kind++)
	{
		RecoFeature *feature = find_in_kind(model, sources, (RecoSourceKind) kind, by);

		if (feature != NULL && found != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_COLUMN),
					 errmsg("model \"%s\" has a feature \"%s\" of %s and one of %s", model, by,
							reco_definitions_kind_name(found->kind), reco_definitions_kind_name(feature->kind)),
					 errhint("Say which: %s.%s or %s.%s.", reco_definitions_kind_name(found->kind), by,
							 reco_definitions_kind_name(feature->kind), by)));
		if (feature != NULL)
			found = feature;
	}
	if (found == NULL)
		complain_of_none(model, sources, by);
	return found;
}

/* --- reading ----------------------------------------------------------------------------------------------- */

typedef struct FeatureReader
{
	RecoBudget *budget;
	RecoLabeller *labeller;
	bool		of_texts;
	LabelledKeys *into;
	int32		n_keys;			/* of all sources */
} FeatureReader;

/* Once there are more texts than may be, no more are looked at; that is said when the source is read: see run_query. */
static int32
number_key(void *arg, const RecoValue *value)
{
	FeatureReader *reader = arg;
	LabelledKeys *into = reader->into;
	int32		before = reco_idmap_count(into->keys);
	int32		key;

	if (reader->of_texts && reco_labels_values(reader->labeller) > RECO_MAX_LABELS)
		return -1;
	key = reco_idmap_add(into->keys, value);
	if (key < before)
		return into->label[key];
	if (key == into->capacity)
	{
		int32		capacity = Max(into->capacity * 2, 16);

		into->label = reco_budget_resize(reader->budget, into->label, into->capacity, capacity, sizeof(int32), "labels");
		into->capacity = capacity;
	}
	into->label[key] = reader->n_keys++;
	return into->label[key];
}

static LabelledKeys *
create_keys(RecoBudget *budget, const RecoSource *source, bool integer_keys, RecoRole key_role)
{
	LabelledKeys *keyed = MemoryContextAllocZero(budget->context, sizeof(LabelledKeys));
	const char *what = key_role == RECO_ROLE_ORDER ? "orders" : key_role == RECO_ROLE_SESSION ? "sessions"
		: key_role == RECO_ROLE_ITEM ? "items" : "customers";

	keyed->source = source;
	keyed->keys = reco_idmap_create(budget, integer_keys, what);
	keyed->label = reco_budget_alloc(budget, 0, sizeof(int32), "labels");
	return keyed;
}

static void
check_number_of_labels(const RecoFeature *feature, const FeatureReader *reader)
{
	if (reader->of_texts && reco_labels_values(reader->labeller) > RECO_MAX_LABELS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("feature \"%s\" of model \"%s\" has more than %d different values", feature->name, feature->model,
						RECO_MAX_LABELS),
				 errhint("Make groups of them by an expression in reco.add_%s, for example with width_bucket() or CASE.",
						 reco_definitions_kind_name(feature->kind))));
}

/* Exchange the numbers of keys for their first labels. */
static void
set_labels(const RecoLabels *labels, const RecoLabelled *labelled)
{
	const RecoSparse *rows = &labelled->rows;
	ListCell   *cell;

	foreach(cell, labels->keyed)
	{
		LabelledKeys *keyed = lfirst(cell);
		int32		n = reco_idmap_count(keyed->keys);
		int32		i;

		for (i = 0; i < n; i++)
		{
			int32		key = keyed->label[i];

			keyed->label[i] = rows->start[key + 1] > rows->start[key] ? rows->index[rows->start[key]] : -1;
		}
	}
}

/* The feature as the only member of a list. */
static RecoMembers *
only_member(const RecoReader *reader, const RecoFeature *feature)
{
	RecoMembers *members = reco_labels_members(reader, feature->sources,
											   feature->kind == RECO_SOURCE_ITEMS ? RECO_FIELDS_OF_ITEMS
											   : feature->kind == RECO_SOURCE_USERS ? RECO_FIELDS_OF_CUSTOMERS : RECO_FIELDS_OF_CONTEXT, false);
	int			i = 0;

	while (strcmp(members->names[i], feature->name) != 0)
		i++;
	members->names[0] = members->names[i];
	members->kinds[0] = members->kinds[i];
	members->n = 1;
	return members;
}

/*
 * The labels of a feature, and those of every customer, item, order or session that its sources name: key_role is
 * RECO_ROLE_USER, _ITEM, _ORDER or _SESSION.  A label may be left that no key has.  Orders are told apart within their source,
 * and rows without an order key say nothing of any.  Customers and items have keys in the reader's form.  Memory: that of
 * the budget, as long as its context lives.  Errors: program_limit_exceeded (more than RECO_MAX_LABELS texts),
 * configuration_limit_exceeded (memory), and what reading raises.
 */
RecoLabels *
reco_features_read(RecoBudget *budget, const RecoReader *reader, const RecoFeature *feature, RecoRole key_role)
{
	const RecoLabelOptions options = {RECO_MAX_LABELS, 1};
	MemoryContext old_context = MemoryContextSwitchTo(budget->context);
	RecoLabels *labels = palloc0(sizeof(RecoLabels));
	const RecoMembers *members = only_member(reader, feature);
	FeatureReader row_reader = {.budget = budget,.labeller = reco_labels_begin(budget, members),.of_texts = members->kinds[0] == RECO_FIELD_TEXT};
	RecoLabelled *labelled;
	ListCell   *cell;

	foreach(cell, feature->sources)
	{
		const RecoSource *source = lfirst(cell);

		if (key_role == RECO_ROLE_ORDER || key_role == RECO_ROLE_SESSION)
			row_reader.into = create_keys(budget, source, key_role == RECO_ROLE_ORDER ? reco_sources_integer_orders(reader, source)
										  : reco_sources_integer_sessions(reader, source), key_role);
		else if (row_reader.into == NULL)
			row_reader.into = create_keys(budget, NULL, reader->integer_keys, key_role);
		labels->keyed = list_append_unique_ptr(labels->keyed, row_reader.into);
		reco_labels_read(row_reader.labeller, reader, source, key_role, number_key, &row_reader);
		check_number_of_labels(feature, &row_reader);
	}
	labelled = reco_labels_end(row_reader.labeller, row_reader.n_keys, &options);
	labels->n = labelled->fields.n_labels;
	labels->fields = labelled->fields;
	set_labels(labels, labelled);
	MemoryContextSwitchTo(old_context);
	return labels;
}

/*
 * The number of a key's label, -1 where it has none.  source is that of an order key, whatever it is for others; its
 * keys are integers or texts as reco_sources_integer_orders says.
 */
int32
reco_features_label(const RecoLabels *labels, const RecoSource *source, const RecoValue *key)
{
	ListCell   *cell;

	foreach(cell, labels->keyed)
	{
		const LabelledKeys *keyed = lfirst(cell);
		int32		number;

		if (keyed->source != NULL && strcmp(keyed->source->name, source->name) != 0)
			continue;
		number = key->is_null ? -1 : reco_idmap_find(keyed->keys, key);
		return number >= 0 ? keyed->label[number] : -1;
	}
	return -1;
}
