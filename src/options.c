/*
 * options.c: names, ranges and defaults of a model's options, the one place where they are written down.
 *
 * A model stores the options that its owner set, as jsonb.  They are checked when they are set and again whenever they
 * are read, since what stands in a catalog table may have been written by anybody.
 */
#include "postgres.h"

#include "options.h"

#include <limits.h>
#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

typedef enum OptionType
{
	OPTION_INTEGER,
	OPTION_NUMBER,
	OPTION_CHOICE,				/* one of some names, by its number */
	OPTION_TIME,
	OPTION_BOOLEAN
} OptionType;

typedef struct OptionSpec
{
	const char *name;
	OptionType	type;
	size_t		offset;			/* in RecoOptions */
	double		minimum;
	double		maximum;
	double		default_value;	/* NaN: none, training chooses */
	const char *description;
	const char *const *names;	/* of a choice, up to a NULL */
} OptionSpec;

#define AT(field) offsetof(RecoOptions, field)

static const char *const solvers[] = {"fast", "exact", NULL};	/* as RecoSolver */
static const char *const methods[] = {"none", "approximate", "exact", NULL};	/* as RecoComplementsMethod */

static const OptionSpec specs[] = {
	{"factors", OPTION_INTEGER, AT(factors), 1, 512, 128,
	"length of the item vectors; memory and time grow with it", NULL},
	{"iterations", OPTION_INTEGER, AT(iterations), 1, 1000, 6,
	"alternations of a fit, at most: training ends where they do held-out orders no more good", NULL},
	{"solver", OPTION_CHOICE, AT(solver), 0, 0, RECO_SOLVER_FAST,
	"how a fit solves its rows: fast, or exact, which takes several times as long and is hardly ever better", solvers},
	{"regularization", OPTION_NUMBER, AT(regularization), 1e-9, 1000, NAN,
	"lambda of training, scaled by the mass of each row; by default 0.003 for 3,000 items and more, up to 0.1 for fewer", NULL},
	{"unobserved_weight", OPTION_NUMBER, AT(unobserved_weight), 1e-6, 1000, 0.05,
	"weight of an item that is not in a bag (alpha 0), where one that is has about 1", NULL},
	{"session_weight", OPTION_NUMBER, AT(session_weight), 0, 1000, 0.5,
	"weight of the sessions' bags beside the orders', where the best kind of event is all there is; 0 leaves them out", NULL},
	{"order_half_life", OPTION_NUMBER, AT(order_half_life), 0.01, 1e6, 90,
	"days after which an order counts half in training", NULL},
	{"customer_half_life", OPTION_NUMBER, AT(customer_half_life), 0.01, 1e6, 180,
	"days after which a purchase counts half in its customer's bag in training", NULL},
	{"customer_weight", OPTION_NUMBER, AT(customer_weight), 0, 1000, 1,
	"weight of the customers' bags beside the orders' in training", NULL},
	{"half_life", OPTION_NUMBER, AT(half_life), 0.01, 1e6, NAN,
	"days after which a purchase counts half in the history of a request", NULL},
	{"basket_regularization", OPTION_NUMBER, AT(basket_regularization), 1e-3, 1e6, NAN,
	"lambda of the basket's fold-in, as a multiple of regularization", NULL},
	{"history_regularization", OPTION_NUMBER, AT(history_regularization), 1e-3, 1e6, NAN,
	"lambda of the history's fold-in, as a multiple of regularization", NULL},
	{"complements", OPTION_CHOICE, AT(complements), 0, 0, RECO_COMPLEMENTS_APPROXIMATE,
	"which items go with those of a basket: none, approximate, or exact, which takes memory by the square of the items",
	methods},
	{"complements_regularization", OPTION_NUMBER, AT(complements_regularization), 0.001, 1e9, 10,
	"lambda of complements: so many orders' worth of doubt that two items go together", NULL},
	{"complements_neighbors", OPTION_INTEGER, AT(complements_neighbors), 1, 1000, 64,
	"at most so many items speak for an item as its complements", NULL},
	{"holdout_orders", OPTION_INTEGER, AT(holdout_orders), 0, 100000, 1000,
	"at most so many of the newest orders choose what is left to training; 0 turns that off", NULL},
	{"min_support", OPTION_INTEGER, AT(min_support), 1, 1000000, 20,
	"customers that a value of an attribute or a context needs, or nothing is learned from it or stored", NULL},
	{"history_limit", OPTION_INTEGER, AT(history_limit), 1, 100000, 1000,
	"newest order lines of a customer that a request reads", NULL},
	{"keep_versions", OPTION_INTEGER, AT(keep_versions), 1, 10000, 3,
	"trained versions that are kept; the active one always is", NULL},
	{"impression_days", OPTION_INTEGER, AT(impression_days), 0, RECO_MAX_IMPRESSION_DAYS, 0,
	"days for which it is kept what was shown to whom (reco.log_impressions); 0 keeps nothing", NULL},
	{"seed", OPTION_INTEGER, AT(seed), 0, INT_MAX, 0,
	"start of the factors", NULL},
	{"default_consent", OPTION_BOOLEAN, AT(default_consent), 0, 0, false,
	"whether a customer consents of whom no row says so, where a source of users asks (consent)", NULL},
	{"training_clock", OPTION_TIME, AT(training_clock), 0, 0, NAN,
	"train on lines before this time, and decay from it; by default the newest order that is not in the future", NULL},
};

static const char *const type_names[] = {"integer", "number", "string", "timestamp", "boolean"};

static const OptionSpec *
find_spec(const char *name, int length)
{
	int			i;

	for (i = 0; i < (int) lengthof(specs); i++)
		if ((int) strlen(specs[i].name) == length && memcmp(specs[i].name, name, length) == 0)
			return &specs[i];
	return NULL;
}

static char *
known_names(void)
{
	StringInfoData names;
	int			i;

	initStringInfo(&names);
	for (i = 0; i < (int) lengthof(specs); i++)
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", specs[i].name);
	return names.data;
}

static void
set_default(const OptionSpec *spec, RecoOptions *options)
{
	char	   *field = (char *) options + spec->offset;

	switch (spec->type)
	{
		case OPTION_INTEGER:
			*(int *) field = (int) spec->default_value;
			break;
		case OPTION_NUMBER:
			*(double *) field = spec->default_value;
			break;
		case OPTION_CHOICE:
			*(int *) field = (int) spec->default_value;
			break;
		case OPTION_TIME:
			*(TimestampTz *) field = DT_NOEND;
			break;
		case OPTION_BOOLEAN:
			*(bool *) field = spec->default_value != 0;
			break;
	}
}

/* The names of a choice in words. */
static char *
list_choices(const OptionSpec *spec)
{
	StringInfoData text;
	int			i;

	initStringInfo(&text);
	for (i = 0; spec->names[i] != NULL; i++)
		appendStringInfo(&text, "%s\"%s\"", i == 0 ? "" : spec->names[i + 1] != NULL ? ", " : " or ", spec->names[i]);
	return text.data;
}

static void
complain(const OptionSpec *spec, const char *value)
{
	if (spec->type == OPTION_TIME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" cannot be %s", spec->name, value),
				 errhint("Give a finite timestamp as a string, or null for the default.")));
	if (spec->type == OPTION_BOOLEAN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" cannot be %s: it must be true or false", spec->name, value),
				 errhint("Give one of these without quotes, or null for the default.")));
	if (spec->type == OPTION_CHOICE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" cannot be %s: it must be %s", spec->name, value, list_choices(spec)),
				 errhint("Give one of these as a string, or null for the default.")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" cannot be %s: it must be %s from %.15g to %.15g", spec->name, value,
					spec->type == OPTION_INTEGER ? "an integer" : "a number", spec->minimum, spec->maximum),
			 errhint("Give a value in that range, or null for the default.")));
}

static void
set_number(const OptionSpec *spec, Numeric numeric, RecoOptions *options)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(numeric)));
	double		value = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(numeric)));
	char	   *field = (char *) options + spec->offset;

	/* Written so that NaN fails as well. */
	if (!(value >= spec->minimum && value <= spec->maximum))
		complain(spec, text);
	if (spec->type == OPTION_INTEGER)
	{
		if (value != floor(value))
			complain(spec, text);
		*(int *) field = (int) value;
	}
	else
		*(double *) field = value;
}

static void
set_time(const OptionSpec *spec, const JsonbValue *value, RecoOptions *options)
{
	char	   *text = pnstrdup(value->val.string.val, value->val.string.len);
	TimestampTz time = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
															   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));

	if (TIMESTAMP_NOT_FINITE(time))
		complain(spec, text);
	*(TimestampTz *) ((char *) options + spec->offset) = time;
}

static void
set_choice(const OptionSpec *spec, const JsonbValue *value, RecoOptions *options)
{
	char	   *text = pnstrdup(value->val.string.val, value->val.string.len);
	int			i;

	for (i = 0; spec->names[i] != NULL; i++)
		if (strcmp(text, spec->names[i]) == 0)
		{
			*(int *) ((char *) options + spec->offset) = i;
			return;
		}
	complain(spec, psprintf("\"%s\"", text));
}

static bool
is_numeric(const OptionSpec *spec)
{
	return spec->type == OPTION_INTEGER || spec->type == OPTION_NUMBER;
}

static void
set_option(const JsonbValue *key, const JsonbValue *value, RecoOptions *options)
{
	const OptionSpec *spec = find_spec(key->val.string.val, key->val.string.len);

	if (spec == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown option \"%s\"", pnstrdup(key->val.string.val, key->val.string.len)),
				 errhint("Known options: %s; SELECT * FROM reco.options() describes them.", known_names())));
	if (value->type == jbvNull)
		set_default(spec, options);
	else if (value->type == jbvNumeric && is_numeric(spec))
		set_number(spec, value->val.numeric, options);
	else if (value->type == jbvString && spec->type == OPTION_TIME)
		set_time(spec, value, options);
	else if (value->type == jbvString && spec->type == OPTION_CHOICE)
		set_choice(spec, value, options);
	else if (value->type == jbvBool && spec->type == OPTION_BOOLEAN)
		*(bool *) ((char *) options + spec->offset) = value->val.boolean;
	else if (value->type == jbvString)
		complain(spec, psprintf("\"%s\"", pnstrdup(value->val.string.val, value->val.string.len)));
	else if (value->type == jbvBool)
		complain(spec, value->val.boolean ? "true" : "false");
	else
		complain(spec, value->type == jbvNumeric ? "a number" : "an object or array");
}

/*
 * The options of a model: defaults, overridden by what the object sets.  An unknown name or a value out of range is an
 * error (invalid_parameter_value) that lists the names or the range.
 */
RecoOptions
reco_options_read(const Jsonb *set)
{
	RecoOptions options;
	JsonbIterator *it;
	JsonbValue	key;
	JsonbValue	value;
	JsonbIteratorToken token;
	int			i;

	memset(&options, 0, sizeof(options));
	for (i = 0; i < (int) lengthof(specs); i++)
		set_default(&specs[i], &options);
	if (!JB_ROOT_IS_OBJECT(set))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object"),
				 errhint("Write them as '{\"factors\": 64}'; SELECT * FROM reco.options() lists them.")));

	it = JsonbIteratorInit((JsonbContainer *) &set->root);
	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		set_option(&key, &value, &options);
	}
	return options;
}

/* Add the key/value pairs of an object to a state under construction; a null removes nothing here, it is kept out. */
static void
push_pairs(JsonbParseState **state, const Jsonb *object, const Jsonb *overridden_by)
{
	JsonbIterator *it = JsonbIteratorInit((JsonbContainer *) &object->root);
	JsonbValue	key;
	JsonbValue	value;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&it, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&it, &value, true);
		if (value.type == jbvNull ||
			(overridden_by != NULL &&
			 findJsonbValueFromContainer((JsonbContainer *) &overridden_by->root, JB_FOBJECT, &key) != NULL))
			continue;
		pushJsonbValue(state, WJB_KEY, &key);
		pushJsonbValue(state, WJB_VALUE, &value);
	}
}

/*
 * What is set after a change: both objects are checked, a null in changes goes back to the default.
 */
Jsonb *
reco_options_merge(const Jsonb *set, const Jsonb *changes)
{
	JsonbParseState *state = NULL;

	(void) reco_options_read(set);
	(void) reco_options_read(changes);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_pairs(&state, set, changes);
	push_pairs(&state, changes, NULL);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* The name of a method as in options. */
const char *
reco_options_method_name(RecoComplementsMethod method)
{
	return methods[method];
}

static char *
format_default(const OptionSpec *spec)
{
	if (spec->type == OPTION_CHOICE)
		return pstrdup(spec->names[(int) spec->default_value]);
	if (spec->type == OPTION_BOOLEAN)
		return pstrdup(spec->default_value != 0 ? "true" : "false");
	return isnan(spec->default_value) ? NULL : psprintf("%.15g", spec->default_value);
}

Jsonb *
reco_options_defaults(void)
{
	StringInfoData text;
	int			i;

	initStringInfo(&text);
	for (i = 0; i < (int) lengthof(specs); i++)
	{
		char	   *value = format_default(&specs[i]);

		appendStringInfo(&text, specs[i].type == OPTION_CHOICE ? "%s\"%s\": \"%s\"" : "%s\"%s\": %s", i > 0 ? ", " : "{",
						 specs[i].name, value != NULL ? value : "null");
	}
	appendStringInfoChar(&text, '}');
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data)));
}

/* Option number i in words; false after the last. */
bool
reco_options_describe(int i, RecoOptionDescription *description)
{
	const OptionSpec *spec;
	bool		has_range;

	if (i < 0 || i >= (int) lengthof(specs))
		return false;
	spec = &specs[i];
	has_range = is_numeric(spec);
	description->name = spec->name;
	description->type = type_names[spec->type];
	description->default_value = format_default(spec);
	description->minimum = has_range ? psprintf("%.15g", spec->minimum) : NULL;
	description->maximum = has_range ? psprintf("%.15g", spec->maximum) : NULL;
	description->description = spec->description;
	return true;
}
