/*
 * rules.c: reads what a shop rules about its lists from a JSON object, and checks it.
 *
 * A model has standing rules, which its owner set, and a request may bring its own: they take the place of the standing ones
 * key by key, and a null of theirs stands for none.  Both are checked whenever they are read, since what stands in a catalog
 * table may have been written by anybody.
 */
#include "postgres.h"

#include "rules.h"

#include <math.h>

#include "compat.h"
#include "definitions.h"
#include "merchandise.h"
#include "fmgr.h"
#include "common/shortest_dec.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#define MOST_FACTOR 100
#define MOST_CAP 1000000
#define MOST_PRICE 1e15
#define MOST_DAYS 36500
#define REBOUGHT 0.1			/* src/README says why */
#define ITEMS_OF "items."

typedef struct RuleReader
{
	RecoRules  *rules;
	RecoRuleKeys keys;
} RuleReader;

/* --- values ------------------------------------------------------------------------------------------------ */

/* A value as messages quote it. */
static char *
describe(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return pstrdup("null");
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
		case jbvString:
			return psprintf("\"%s\"", pnstrdup(value->val.string.val, value->val.string.len));
		default:
			return pstrdup(value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data) ? "an array" : "an object");
	}
}

/* What a rule, or a member of it, cannot be. */
RECO_NORETURN static void
complain(const char *rule, const char *value, const char *must)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("rule \"%s\" cannot be %s: it must be %s", rule, value, must),
			 errhint("Leave it out, or give null, for no such rule.")));
}

static bool
is_array(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data) &&
		!JsonContainerIsScalar(value->val.binary.data);
}

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

static double
read_number(const char *rule, const JsonbValue *value, double least, double most, bool whole, const char *must)
{
	double		number;

	if (value->type != jbvNumeric)
		complain(rule, describe(value), must);
	number = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (!(number >= least && number <= most) || (whole && number != floor(number)))
		complain(rule, describe(value), must);
	return number;
}

/* Whether a numeric is an integer as it is written, and which. */
static bool
read_integer(const JsonbValue *value, int64 *integer)
{
	char	   *text = describe(value);

	errno = 0;
	*integer = strtoll(text, NULL, 10);
	return errno == 0 && strcmp(text, psprintf(INT64_FORMAT, *integer)) == 0;
}

static RecoKey
read_key(const RuleReader *reader, const char *rule, const JsonbValue *value)
{
	RecoKey		key = {0, NULL, 0};

	if (value->type == jbvString && reader->keys != RECO_RULE_KEYS_INTEGER)
	{
		key.bytes = pnstrdup(value->val.string.val, value->val.string.len);
		key.length = value->val.string.len;
		return key;
	}
	if (value->type == jbvNumeric && reader->keys != RECO_RULE_KEYS_TEXT && read_integer(value, &key.integer))
		return key;
	complain(rule, describe(value), reader->keys == RECO_RULE_KEYS_TEXT ? "the text of an item's key"
			 : reader->keys == RECO_RULE_KEYS_INTEGER ? "the number of an item" : "the number of an item, or the text of its key");
}

/* Features of items are called by their names, with or without what they are of. */
static int
read_field(const RuleReader *reader, const char *rule, const JsonbValue *value)
{
	RecoRules  *rules = reader->rules;
	char	   *name;
	int			i;

	if (value->type != jbvString)
		complain(rule, describe(value), "the name of a feature of items");
	name = pnstrdup(value->val.string.val, value->val.string.len);
	if (strncmp(name, ITEMS_OF, strlen(ITEMS_OF)) == 0)
		name += strlen(ITEMS_OF);
	for (i = 0; i < rules->n_fields; i++)
		if (strcmp(rules->fields[i], name) == 0)
			return i;
	Assert(rules->n_fields < RECO_MAX_RULE_FIELDS);
	rules->fields[rules->n_fields] = name;
	return rules->n_fields++;
}

/* A label as features have it: a text, or the text of a number. */
static RecoValue
read_label(const JsonbValue *value)
{
	RecoValue	label = {0};
	char	   *text;
	int64		integer;

	if (value->type == jbvString)
		text = pnstrdup(value->val.string.val, value->val.string.len);
	else if (value->type == jbvBool)
		text = describe(value);
	else if (value->type != jbvNumeric)
		complain("boost.value", describe(value), "a text, a number or a boolean");
	else if (read_integer(value, &integer))
		text = describe(value);
	else
		text = double_to_shortest_decimal(DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
																			 NumericGetDatum(value->val.numeric))));
	label.bytes = text;
	label.length = (int) strlen(text);
	return label;
}

/* --- members ----------------------------------------------------------------------------------------------- */

typedef struct Member
{
	const char *name;
	JsonbValue *value;			/* set where it is there, and not null */
} Member;

/* The members of an object, whose names end with a NULL; others are an error. */
static void
read_members(const char *rule, const JsonbValue *object, Member *members)
{
	JsonbIterator *it = JsonbIteratorInit(object->val.binary.data);
	StringInfoData known;
	JsonbValue	key;
	JsonbValue	value;
	Member	   *member;

	initStringInfo(&known);
	for (member = members; member->name != NULL; member++)
		appendStringInfo(&known, "%s%s", member > members ? ", " : "", member->name);
	for (;;)
	{
		JsonbIteratorToken token = JsonbIteratorNext(&it, &key, true);

		if (token == WJB_DONE)
			return;
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		for (member = members; member->name != NULL; member++)
			if ((int) strlen(member->name) == key.val.string.len && memcmp(member->name, key.val.string.val, key.val.string.len) == 0)
				break;
		if (member->name == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown rule \"%s%s%s\"", rule, *rule != '\0' ? "." : "",
							pnstrdup(key.val.string.val, key.val.string.len)),
					 errhint("Known %s: %s.", *rule != '\0' ? psprintf("members of \"%s\"", rule) : "rules", known.data)));
		if (value.type == jbvNull)
			continue;
		member->value = palloc(sizeof(JsonbValue));
		*member->value = value;
	}
}

static JsonbValue *
need(const char *rule, const Member *member)
{
	if (member->value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule \"%s\" has no \"%s\"", rule, member->name),
				 errhint("Give it, as the comment of reco.set_rules says.")));
	return member->value;
}

static int
read_length(const char *rule, const JsonbValue *value, int most, const char *what)
{
	char	   *must = psprintf("an array of at most %d %s", most, what);

	if (!is_array(value))
		complain(rule, describe(value), must);
	if (JsonContainerSize(value->val.binary.data) > (uint32) most)
		complain(rule, psprintf("an array of %u", JsonContainerSize(value->val.binary.data)), must);
	return (int) JsonContainerSize(value->val.binary.data);
}

/* --- the rules --------------------------------------------------------------------------------------------- */

static bool
keys_equal(const RecoKey *a, const RecoKey *b)
{
	if (a->bytes == NULL || b->bytes == NULL)
		return a->bytes == b->bytes && a->integer == b->integer;
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static void
check_pin(const RecoRules *rules, const RecoPin *pin, const JsonbValue *value)
{
	int			i;

	for (i = 0; i < rules->n_pins; i++)
	{
		if (keys_equal(&rules->pins[i].item, &pin->item))
			complain("pin", describe(value), "an item that is pinned only once");
		if (pin->rank > 0 && rules->pins[i].rank == pin->rank)
			complain("pin.rank", psprintf("%d", pin->rank), "a rank that is given to one item only");
	}
}

static void
read_pin(RuleReader *reader, const JsonbValue *value)
{
	RecoRules  *rules = reader->rules;
	int			n = read_length("pin", value, RECO_MAX_PINS, "items");
	int			i;

	rules->pins = palloc(mul_size(Max(n, 1), sizeof(RecoPin)));
	for (i = 0; i < n; i++)
	{
		const JsonbValue *element = getIthJsonbValueFromContainer(value->val.binary.data, (uint32) i);
		Member		members[] = {{"item", NULL}, {"rank", NULL}, {NULL, NULL}};
		RecoPin		pin = {.rank = 0};

		if (is_object(element))
		{
			read_members("pin", element, members);
			element = need("pin", &members[0]);
			pin.rank = (int) read_number("pin.rank", need("pin", &members[1]), 1, MOST_CAP, true, "an integer from 1 to 1000000");
		}
		pin.item = read_key(reader, "pin", element);
		check_pin(rules, &pin, element);
		rules->pins[rules->n_pins++] = pin;
	}
}

static void
read_boosted_items(const RuleReader *reader, const JsonbValue *value, RecoBoost *boost)
{
	RecoKeyList *items = &boost->items;
	int			n = read_length("boost.items", value, RECO_MAX_BOOSTED, "items");

	items->given = true;
	items->keys = palloc(mul_size(Max(n, 1), sizeof(RecoKey)));
	for (items->n = 0; items->n < n; items->n++)
		items->keys[items->n] = read_key(reader, "boost.items", getIthJsonbValueFromContainer(value->val.binary.data,
																							 (uint32) items->n));
}

static void
read_one_boost(RuleReader *reader, const JsonbValue *value)
{
	Member		members[] = {{"field", NULL}, {"value", NULL}, {"items", NULL}, {"factor", NULL}, {NULL, NULL}};
	const char *must = "a number above 0 and at most 100";
	RecoBoost	boost = {.field = -1};
	char		factor[RECO_NUMBER_TEXT];

	if (!is_object(value))
		complain("boost", describe(value), "an array of objects");
	read_members("boost", value, members);
	boost.factor = read_number("boost.factor", need("boost", &members[3]), 0, MOST_FACTOR, false, must);
	if (boost.factor <= 0)
		complain("boost.factor", describe(members[3].value), must);
	(void) double_to_shortest_decimal_buf(boost.factor, factor);
	if (members[2].value != NULL)
	{
		if (members[0].value != NULL || members[1].value != NULL)
			complain("boost", "of items and of a field", "of either: give two");
		read_boosted_items(reader, members[2].value, &boost);
		boost.label = psprintf("boost items %s", factor);
	}
	else
	{
		boost.field = read_field(reader, "boost.field", need("boost", &members[0]));
		boost.value = read_label(need("boost", &members[1]));
		boost.label = psprintf("boost %s=%s %s", reader->rules->fields[boost.field], boost.value.bytes, factor);
	}
	reader->rules->boosts[reader->rules->n_boosts++] = boost;
}

static void
read_boost(RuleReader *reader, const JsonbValue *value)
{
	int			n = read_length("boost", value, RECO_MAX_BOOSTS, "objects");
	int			i;

	reader->rules->boosts = palloc(mul_size(Max(n, 1), sizeof(RecoBoost)));
	for (i = 0; i < n; i++)
		read_one_boost(reader, getIthJsonbValueFromContainer(value->val.binary.data, (uint32) i));
}

static void
read_cap(RuleReader *reader, const JsonbValue *value)
{
	RecoRules  *rules = reader->rules;
	char	   *must = psprintf("an object of at most %d features of items", RECO_MAX_CAPS);
	JsonbIterator *it;
	JsonbValue	key;
	JsonbValue	most;
	JsonbIteratorToken token;

	if (!is_object(value))
		complain("cap", describe(value), must);
	if (JsonContainerSize(value->val.binary.data) > RECO_MAX_CAPS)
		complain("cap", psprintf("an object of %u", JsonContainerSize(value->val.binary.data)), must);
	rules->caps = palloc(RECO_MAX_CAPS * sizeof(RecoCap));
	it = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		RecoCap		cap;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &most, true);
		if (most.type == jbvNull)
			continue;
		cap.field = read_field(reader, "cap", &key);
		cap.most = (int32) read_number(psprintf("cap.%s", rules->fields[cap.field]), &most, 1, MOST_CAP, true,
									   "an integer from 1 to 1000000");
		rules->caps[rules->n_caps++] = cap;
	}
}

static void
read_diversity(RuleReader *reader, const JsonbValue *value)
{
	reader->rules->diversity = read_number("diversity", value, 0, 1, false, "a number from 0 to 1");
}

static void
read_price(RuleReader *reader, const JsonbValue *value)
{
	RecoRules  *rules = reader->rules;
	Member		members[] = {{"min", NULL}, {"max", NULL}, {NULL, NULL}};
	const char *must = "a number from 0 to 1e15";

	if (!is_object(value))
		complain("price", describe(value), "an object of min, max or both");
	read_members("price", value, members);
	rules->has_price = members[0].value != NULL || members[1].value != NULL;
	rules->least_price = 0;
	rules->most_price = INFINITY;
	if (members[0].value != NULL)
		rules->least_price = read_number("price.min", members[0].value, 0, MOST_PRICE, false, must);
	if (members[1].value != NULL)
		rules->most_price = read_number("price.max", members[1].value, 0, MOST_PRICE, false, must);
	if (rules->least_price > rules->most_price)
		complain("price.min", describe(members[0].value), psprintf("at most max, which is %s", describe(members[1].value)));
}

static Interval *
read_interval(const char *rule, const JsonbValue *value)
{
	char	   *must = psprintf("an interval above 0 and of at most %d days, as a string", MOST_DAYS);
	Interval   *interval;
	double		days;

	if (value->type != jbvString)
		complain(rule, describe(value), must);
	interval = DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(pnstrdup(value->val.string.val, value->val.string.len)),
													 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	days = interval->month * (double) DAYS_PER_MONTH + interval->day + (double) interval->time / (double) USECS_PER_DAY;
	if (!(days > 0 && days <= MOST_DAYS))
		complain(rule, describe(value), must);
	return interval;
}

static void
read_pause(RuleReader *reader, const JsonbValue *value)
{
	Member		members[] = {{"for", NULL}, {"rebought", NULL}, {NULL, NULL}};
	const char *must = "a number above 0 and at most 1";

	reader->rules->rebought = REBOUGHT;
	if (!is_object(value))
	{
		reader->rules->pause = read_interval("pause", value);
		return;
	}
	read_members("pause", value, members);
	reader->rules->pause = read_interval("pause.for", need("pause", &members[0]));
	if (members[1].value != NULL)
		reader->rules->rebought = read_number("pause.rebought", members[1].value, 0, 1, false, must);
	if (reader->rules->rebought <= 0)
		complain("pause.rebought", describe(members[1].value), must);
}

static void
read_exposure(RuleReader *reader, const JsonbValue *value)
{
	Member		members[] = {{"by", NULL}, {"gap", NULL}, {NULL, NULL}};

	if (!is_object(value))
		complain("max_exposure_gap", describe(value), "an object of by and gap");
	read_members("max_exposure_gap", value, members);
	reader->rules->exposure = read_field(reader, "max_exposure_gap.by", need("max_exposure_gap", &members[0]));
	reader->rules->gap = read_number("max_exposure_gap.gap", need("max_exposure_gap", &members[1]), 0, 1, false,
									 "a number from 0 to 1");
}

typedef struct RuleSpec
{
	const char *name;
	void		(*read) (RuleReader *reader, const JsonbValue *value);
} RuleSpec;

static const RuleSpec specs[] = {
	{"pin", read_pin}, {"boost", read_boost}, {"cap", read_cap}, {"diversity", read_diversity}, {"price", read_price},
	{"pause", read_pause}, {"max_exposure_gap", read_exposure}
};

static void
read_root(const Jsonb *object, Member *members)
{
	JsonbValue	root = {.type = jbvBinary};

	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rules must be a JSON object"),
				 errhint("Write them as '{\"cap\": {\"category\": 2}}'.")));
	root.val.binary.data = unconstify(JsonbContainer *, &object->root);
	read_members("", &root, members);
}

/* Whether a request's rules say anything of a rule, be it that it is not to be. */
static bool
is_overridden(const Jsonb *given, const char *name)
{
	JsonbValue	value;

	return given != NULL && getKeyJsonValueFromContainer(unconstify(JsonbContainer *, &given->root), name, (int) strlen(name), &value) != NULL;
}

/*
 * The rules of a request, in the current memory context: those given, and those of the standing ones that they do not speak
 * of; either may be NULL.  NULL where there are none.  Errors: invalid_parameter_value, which names the rule, the value and
 * what it must be; what reading an interval raises.
 */
RecoRules *
reco_rules_read(const Jsonb *standing, const Jsonb *given, RecoRuleKeys keys)
{
	RecoRules  *rules = palloc0(sizeof(RecoRules));
	RuleReader	reader = {rules, keys};
	Member		of_model[lengthof(specs) + 1] = {{NULL, NULL}};
	Member		of_request[lengthof(specs) + 1] = {{NULL, NULL}};
	int			i;

	rules->exposure = -1;
	for (i = 0; i < (int) lengthof(specs); i++)
		of_model[i].name = of_request[i].name = specs[i].name;
	if (standing != NULL)
		read_root(standing, of_model);
	if (given != NULL)
		read_root(given, of_request);
	for (i = 0; i < (int) lengthof(specs); i++)
	{
		const JsonbValue *value = is_overridden(given, specs[i].name) ? of_request[i].value : of_model[i].value;

		if (value != NULL)
			specs[i].read(&reader, value);
	}
	if (rules->n_pins == 0 && rules->n_boosts == 0 && rules->n_caps == 0 && rules->diversity == 0 && !rules->has_price &&
		rules->pause == NULL && rules->exposure < 0)
		return NULL;
	return rules;
}

/* --- against a model --------------------------------------------------------------------------------------- */

static void
complain_of_field(const char *model, List *sources, const char *field)
{
	StringInfoData names;
	ListCell   *s;
	ListCell   *c;

	initStringInfo(&names);
	foreach(s, sources)
	{
		const RecoSource *source = lfirst(s);

		foreach(c, source->columns)
			if (source->kind == RECO_SOURCE_ITEMS && ((const RecoColumn *) lfirst(c))->role == RECO_ROLE_FEATURES)
				appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", ((const RecoColumn *) lfirst(c))->name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("model \"%s\" has no feature \"%s\" of items, which a rule goes by", model, field),
			 names.len > 0 ? errhint("It has %s.", names.data) : errhint("Name some as features in reco.add_items.")));
}

/* Errors: undefined_column, object_not_in_prerequisite_state (nobody says what items cost). */
void
reco_rules_check(const RecoRules *rules, const char *model, List *sources)
{
	bool		priced = false;
	ListCell   *cell;
	int			i;

	for (i = 0; i < rules->n_fields; i++)
	{
		RecoField	field = {RECO_ROLE_FEATURES, rules->fields[i]};
		bool		known = false;

		foreach(cell, sources)
			known |= ((const RecoSource *) lfirst(cell))->kind == RECO_SOURCE_ITEMS &&
				reco_definitions_find(lfirst(cell), &field) != NULL;
		if (!known)
			complain_of_field(model, sources, rules->fields[i]);
	}
	foreach(cell, sources)
		priced |= reco_definitions_column(lfirst(cell), RECO_ROLE_PRICE) != NULL;
	if (rules->has_price && !priced)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no source of model \"%s\" says what items cost, which a rule goes by", model),
				 errhint("Add a relation of items with an expression for price: reco.add_items(..., price => ...).")));
}

/* The words, as C strings, by which a row of an answer tells which rules placed it; NIL where none did. */
List *
reco_rules_words(const RecoRules *rules, uint32 traces, uint64 boosts)
{
	static const struct {uint32 trace; const char *word;} words[] = {
		{RECO_TRACE_CAP, "cap"}, {RECO_TRACE_DIVERSITY, "diversity"}, {RECO_TRACE_EXPOSURE, "exposure"}
	};
	List	   *list = NIL;
	int			i;

	if (traces & RECO_TRACE_PIN)
		return list_make1(pstrdup("pin"));
	for (i = 0; boosts != 0 && i < rules->n_boosts; i++)
		if (boosts & (UINT64CONST(1) << i))
			list = lappend(list, unconstify(char *, rules->boosts[i].label));
	for (i = 0; i < (int) lengthof(words); i++)
		if (traces & words[i].trace)
			list = lappend(list, unconstify(char *, words[i].word));
	return list;
}
