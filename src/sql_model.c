/*
 * sql_model.c: the SQL functions that define models, their sources and who may use them.
 */
#include "postgres.h"

#include "catalog.h"
#include "check.h"
#include "compat.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "options.h"
#include "pgtime.h"
#include "references.h"
#include "rules.h"
#include "section.h"
#include "sources.h"
#include "surface.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "words.h"

PG_FUNCTION_INFO_V1(reco_access);
PG_FUNCTION_INFO_V1(reco_resolve_role);
PG_FUNCTION_INFO_V1(reco_resolve_relation);
PG_FUNCTION_INFO_V1(reco_default_options);
PG_FUNCTION_INFO_V1(reco_options);
PG_FUNCTION_INFO_V1(reco_create_model);
PG_FUNCTION_INFO_V1(reco_alter_model);
PG_FUNCTION_INFO_V1(reco_set_owner);
PG_FUNCTION_INFO_V1(reco_set_rules);
PG_FUNCTION_INFO_V1(reco_drop_model);
PG_FUNCTION_INFO_V1(reco_add_orders);
PG_FUNCTION_INFO_V1(reco_add_items);
PG_FUNCTION_INFO_V1(reco_add_users);
PG_FUNCTION_INFO_V1(reco_add_reviews);
PG_FUNCTION_INFO_V1(reco_add_sessions);
PG_FUNCTION_INFO_V1(reco_add_social);
PG_FUNCTION_INFO_V1(reco_add_offers);
PG_FUNCTION_INFO_V1(reco_remove_source);
PG_FUNCTION_INFO_V1(reco_grant_usage);
PG_FUNCTION_INFO_V1(reco_revoke_usage);
PG_FUNCTION_INFO_V1(reco_check);

#define MAX_MODEL_NAME 200

/* --- helpers of the views ---------------------------------------------------------------------------------- */

Datum
reco_access(PG_FUNCTION_ARGS)
{
	RecoModelRow *model = reco_catalog_find_model(text_to_cstring(PG_GETARG_TEXT_PP(0)), RECO_READ_CALLER, true);
	const char *name = model != NULL ? reco_catalog_access_name(reco_catalog_access(model)) : NULL;

	if (name == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

Datum
reco_resolve_role(PG_FUNCTION_ARGS)
{
	RecoRoleRef ref = {text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_OID(1), PG_GETARG_INT64(2)};
	Oid			role = reco_references_find_role(&ref);

	if (!OidIsValid(role))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(DirectFunctionCall1(namein, CStringGetDatum(GetUserNameFromId(role, false))));
}

Datum
reco_resolve_relation(PG_FUNCTION_ARGS)
{
	RecoRelationRef ref = {text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)),
	PG_GETARG_OID(2), PG_GETARG_OID(3), PG_GETARG_INT64(4)};
	Oid			relation = reco_references_find_relation(&ref);

	if (!OidIsValid(relation))
		PG_RETURN_NULL();
	PG_RETURN_OID(relation);
}

Datum
reco_default_options(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	PG_RETURN_JSONB_P(reco_options_defaults());
}

Datum
reco_options(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RecoOptionDescription option;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	for (i = 0; reco_options_describe(i, &option); i++)
	{
		const char *const texts[6] = {option.name, option.type, option.default_value, option.minimum, option.maximum,
		option.description};
		Datum		values[6];
		bool		nulls[6];
		int			j;

		for (j = 0; j < 6; j++)
		{
			nulls[j] = texts[j] == NULL;
			values[j] = nulls[j] ? (Datum) 0 : CStringGetTextDatum(texts[j]);
		}
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* --- models ------------------------------------------------------------------------------------------------ */

static const char *
check_timezone(const char *name)
{
	pg_tz	   *zone = pg_tzset(name);

	if (zone == NULL || !pg_tz_acceptable(zone))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" is not known", name),
				 errhint("SELECT name FROM pg_timezone_names lists the names.")));
	return pg_get_timezone_name(zone);
}

/* Checked as they will be read: a time without zone is the model's, whatever the session's settings are. */
static Jsonb *
checked_options(FunctionCallInfo fcinfo, int i, const Jsonb *set, const char *timezone)
{
	RecoSection section;
	Jsonb	   *options;

	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"options\" must not be null"),
				 errhint("Leave it out, or give '{}'.")));
	section = reco_section_begin(GetUserId(), timezone);
	options = reco_options_merge(set, PG_GETARG_JSONB_P(i));
	reco_section_end(&section);
	return options;
}

static Jsonb *
no_options(void)
{
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
}

Datum
reco_create_model(PG_FUNCTION_ARGS)
{
	char	   *name = reco_surface_text(fcinfo, 0, "model");
	const char *timezone = reco_surface_text_or_null(fcinfo, 1);
	Jsonb	   *options;

	if (*name == '\0' || strlen(name) > MAX_MODEL_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("a model's name must have 1 to %d bytes, not %zu", MAX_MODEL_NAME, strlen(name)),
				 errhint("Give it a short name, such as 'shop'.")));
	reco_surface_prevent_read_only(fcinfo);
	if (timezone == NULL)
		timezone = GetConfigOptionByName("timezone", NULL, false);
	timezone = check_timezone(timezone);
	options = checked_options(fcinfo, 2, no_options(), timezone);
	if (!reco_catalog_insert_model(name, timezone, options))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("model \"%s\" exists already", name),
				 errhint("Choose another name, change it with reco.alter_model, or remove it with reco.drop_model.")));
	return reco_surface_model_row(fcinfo, name);
}

Datum
reco_alter_model(PG_FUNCTION_ARGS)
{
	RecoModelRow *model = reco_surface_own_model(fcinfo);
	const char *timezone = reco_surface_text_or_null(fcinfo, 2);
	Jsonb	   *options;

	timezone = timezone != NULL ? check_timezone(timezone) : model->timezone;
	options = checked_options(fcinfo, 1, model->options, timezone);
	reco_catalog_update_model(model, InvalidOid, timezone, options);
	return reco_surface_model_row(fcinfo, model->name);
}

Datum
reco_set_owner(PG_FUNCTION_ARGS)
{
	RecoModelRow *model = reco_surface_own_model(fcinfo);
	Oid			owner;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"new_owner\" must not be null"),
				 errhint("Give the name of a role.")));
	owner = get_role_oid(NameStr(*PG_GETARG_NAME(1)), false);
	if (!superuser() && !reco_may_become_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be able to SET ROLE \"%s\" to give it a model", NameStr(*PG_GETARG_NAME(1))),
				 errhint("The sources are read with the owner's rights: only a member of that role may arrange that.")));
	reco_catalog_update_model(model, owner, model->timezone, model->options);
	return reco_surface_model_row(fcinfo, model->name);
}

/* In which form the rules of a model name its items. */
static RecoRuleKeys
rule_keys(const RecoModelRow *model, List *sources)
{
	RecoReader	reader = {.model = model->name,.owner = model->owner_oid,.timezone = model->timezone};

	if (sources == NIL || !OidIsValid(model->owner_oid))
		return RECO_RULE_KEYS_EITHER;
	return reco_sources_all_integer_keys(&reader, sources) ? RECO_RULE_KEYS_INTEGER : RECO_RULE_KEYS_TEXT;
}

Datum
reco_set_rules(PG_FUNCTION_ARGS)
{
	RecoModelRow *model = reco_surface_own_model(fcinfo);
	const Jsonb *rules = PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1);
	List	   *sources = reco_catalog_sources(model->name, RECO_READ_LATEST);
	RecoRules  *read = rules != NULL ? reco_rules_read(rules, NULL, rule_keys(model, sources)) : NULL;

	if (read != NULL)
		reco_rules_check(read, model->name, sources);
	reco_catalog_set_rules(model, rules);
	return reco_surface_model_row(fcinfo, model->name);
}

Datum
reco_drop_model(PG_FUNCTION_ARGS)
{
	char	   *name = reco_surface_text(fcinfo, 0, "model");
	bool		missing_ok = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	TupleDesc	descriptor;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};
	int32		versions = 0;
	int32		sources = 0;
	int64		bytes = 0;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (reco_catalog_find_model(name, RECO_READ_LATEST, missing_ok) != NULL)
	{
		(void) reco_surface_own_model(fcinfo);
		reco_catalog_delete_model(name, &versions, &sources, &bytes);
	}
	values[0] = Int32GetDatum(versions);
	values[1] = Int32GetDatum(sources);
	values[2] = Int64GetDatum(bytes);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls));
}

/* --- sources ----------------------------------------------------------------------------------------------- */

/* An expression for a text search configuration, NULL where none is given. */
static const char *
configuration_expression(FunctionCallInfo fcinfo, int i)
{
	char	   *name = PG_ARGISNULL(i) ? NULL : reco_words_configuration_name(PG_GETARG_OID(i));

	if (PG_ARGISNULL(i))
		return NULL;
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("text search configuration with OID %u does not exist", PG_GETARG_OID(i)),
				 errhint("SELECT cfgname FROM pg_ts_config lists them.")));
	return psprintf("%s::pg_catalog.regconfig", quote_literal_cstr(name));
}

/*
 * Common to all kinds: arg_of says which argument has the expression of a role, 0 for none.
 */
static Datum
add_source(FunctionCallInfo fcinfo, RecoSourceKind kind, const int *arg_of, int name_arg)
{
	RecoModelRow *model = reco_surface_own_model(fcinfo);
	RecoReader	reader = {model->name, model->owner_oid, model->timezone, false, NULL, NULL};
	const char *texts[RECO_ROLES] = {NULL};
	RecoSource *source;
	int			role;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"relation\" must not be null"),
				 errhint("Give the name of a table or view.")));
	if (!OidIsValid(model->owner_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the owner \"%s\" of model \"%s\" does not exist", model->owner.role_name, model->name),
				 errhint("A superuser can give the model to another role with reco.set_owner.")));
	for (role = 0; role < RECO_ROLES; role++)
		if (arg_of[role] > 0 && role == RECO_ROLE_CONFIGURATION)
			texts[role] = configuration_expression(fcinfo, arg_of[role]);
		else if (arg_of[role] > 0)
			texts[role] = reco_surface_text_or_null(fcinfo, arg_of[role]);
	source = reco_definitions_make(model->name, kind, reco_surface_text_or_null(fcinfo, name_arg), PG_GETARG_OID(1), texts);
	reader.integer_keys = reco_sources_integer_keys(&reader, source);
	reco_sources_check(&reader, source);
	reco_catalog_put_source(source);
	return reco_surface_source_row(fcinfo, model->name, reco_definitions_kind_name(kind), source->name);
}

Datum
reco_add_orders(PG_FUNCTION_ARGS)
{
	static const int arg_of[RECO_ROLES] = {
		[RECO_ROLE_USER] = 2,[RECO_ROLE_ITEM] = 3,[RECO_ROLE_AT] = 4,[RECO_ROLE_ORDER] = 5,[RECO_ROLE_QUANTITY] = 6,
		[RECO_ROLE_UNIT_PRICE] = 7,[RECO_ROLE_AMOUNT] = 8,[RECO_ROLE_CONTEXT] = 9
	};

	return add_source(fcinfo, RECO_SOURCE_ORDERS, arg_of, 10);
}

Datum
reco_add_items(PG_FUNCTION_ARGS)
{
	static const int arg_of[RECO_ROLES] = {
		[RECO_ROLE_ITEM] = 2,[RECO_ROLE_FEATURES] = 3,[RECO_ROLE_DESCRIPTION] = 4,[RECO_ROLE_PRICE] = 5,
		[RECO_ROLE_MARGIN] = 6,[RECO_ROLE_AVAILABLE] = 7
	};

	return add_source(fcinfo, RECO_SOURCE_ITEMS, arg_of, 8);
}

Datum
reco_add_users(PG_FUNCTION_ARGS)
{
	static const int arg_of[RECO_ROLES] = {[RECO_ROLE_USER] = 2,[RECO_ROLE_FEATURES] = 3,[RECO_ROLE_CONSENT] = 4};

	return add_source(fcinfo, RECO_SOURCE_USERS, arg_of, 5);
}

Datum
reco_add_reviews(PG_FUNCTION_ARGS)
{
	static const int arg_of[RECO_ROLES] = {
		[RECO_ROLE_USER] = 2,[RECO_ROLE_ITEM] = 3,[RECO_ROLE_AT] = 4,[RECO_ROLE_STARS] = 5,[RECO_ROLE_BODY] = 6,
		[RECO_ROLE_CONFIGURATION] = 7
	};

	return add_source(fcinfo, RECO_SOURCE_REVIEWS, arg_of, 8);
}

Datum
reco_add_sessions(PG_FUNCTION_ARGS)
{
	static const int arg_of[RECO_ROLES] = {
		[RECO_ROLE_SESSION] = 2,[RECO_ROLE_ITEM] = 3,[RECO_ROLE_AT] = 4,[RECO_ROLE_USER] = 5,[RECO_ROLE_EVENT] = 6,
		[RECO_ROLE_CONTEXT] = 7
	};

	return add_source(fcinfo, RECO_SOURCE_SESSIONS, arg_of, 8);
}

Datum
reco_add_social(PG_FUNCTION_ARGS)
{
	static const int arg_of[RECO_ROLES] = {[RECO_ROLE_USER] = 2,[RECO_ROLE_FRIEND] = 3,[RECO_ROLE_AT] = 4};

	return add_source(fcinfo, RECO_SOURCE_SOCIAL, arg_of, 5);
}

Datum
reco_add_offers(PG_FUNCTION_ARGS)
{
	static const int arg_of[RECO_ROLES] = {
		[RECO_ROLE_ITEM] = 2,[RECO_ROLE_PRICE] = 3,[RECO_ROLE_VALID_FROM] = 4,[RECO_ROLE_VALID_TO] = 5,[RECO_ROLE_AUDIENCE] = 6
	};

	return add_source(fcinfo, RECO_SOURCE_OFFERS, arg_of, 7);
}

/* The kind of the one source of that name; wanted may be NULL where no two kinds share the name. */
static const char *
find_kind(const RecoModelRow *model, const char *name, const char *wanted)
{
	List	   *kinds = reco_catalog_source_kinds(model->name, name);
	ListCell   *cell;

	if (wanted == NULL && list_length(kinds) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("model \"%s\" has %d sources named \"%s\"", model->name, list_length(kinds), name),
				 errhint("Give the kind too, for example kind => '%s'.", (char *) linitial(kinds))));
	foreach(cell, kinds)
		if (wanted == NULL || strcmp(lfirst(cell), wanted) == 0)
			return lfirst(cell);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("model \"%s\" has no source named \"%s\"%s%s", model->name, name,
					wanted != NULL ? " of kind " : "", wanted != NULL ? wanted : ""),
			 errhint("SELECT kind, name FROM reco.sources WHERE model = '%s' lists them.", model->name)));
}

Datum
reco_remove_source(PG_FUNCTION_ARGS)
{
	RecoModelRow *model = reco_surface_own_model(fcinfo);
	char	   *name = reco_surface_text(fcinfo, 1, "name");
	const char *kind = find_kind(model, name, reco_surface_text_or_null(fcinfo, 2));
	Datum		row = reco_surface_source_row(fcinfo, model->name, kind, name);

	if (strcmp(kind, reco_definitions_kind_name(RECO_SOURCE_EXPOSURES)) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("source \"%s\" has the exposures of an experiment", name),
				 errhint("What an experiment goes by does not change; reco.drop_experiment('%s') removes it.", name)));
	reco_catalog_delete_source(model->name, kind, name);
	return row;
}

/* --- grants ------------------------------------------------------------------------------------------------ */

static const char *
grantee_name(FunctionCallInfo fcinfo, int i)
{
	if (PG_ARGISNULL(i))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"role\" must not be null"),
				 errhint("Give the name of a role, or 'public'.")));
	return NameStr(*PG_GETARG_NAME(i));
}

static Datum
return_level(FunctionCallInfo fcinfo, RecoAccess level)
{
	if (level == RECO_ACCESS_NONE)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(reco_catalog_access_name(level)));
}

Datum
reco_grant_usage(PG_FUNCTION_ARGS)
{
	RecoModelRow *model = reco_surface_own_model(fcinfo);
	Oid			role = get_role_oid_or_public(grantee_name(fcinfo, 1));
	bool		explain = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	RecoAccess	level = Max(reco_catalog_granted(model->name, role), explain ? RECO_ACCESS_EXPLAIN : RECO_ACCESS_RECOMMEND);

	reco_catalog_put_grant(model->name, role, level);
	return return_level(fcinfo, level);
}

Datum
reco_revoke_usage(PG_FUNCTION_ARGS)
{
	RecoModelRow *model = reco_surface_own_model(fcinfo);
	const char *name = grantee_name(fcinfo, 1);
	bool		explain_only = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	RecoAccess	level = RECO_ACCESS_NONE;
	Oid			role;

	/* What a role of that name was granted that is gone goes too, and it may have been the only one. */
	if (!explain_only && reco_catalog_forget_grants(model->name, name) > 0 && !OidIsValid(get_role_oid(name, true)))
		PG_RETURN_NULL();
	role = get_role_oid_or_public(name);
	if (explain_only)
		level = Min(reco_catalog_granted(model->name, role), RECO_ACCESS_RECOMMEND);
	reco_catalog_put_grant(model->name, role, level);
	return return_level(fcinfo, level);
}

/* --- looking over ------------------------------------------------------------------------------------------ */

Datum
reco_check(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	RecoModelRow *model = reco_catalog_find_model(reco_surface_text(fcinfo, 0, "model"), RECO_READ_LATEST, false);
	List	   *findings;
	ListCell   *cell;

	reco_catalog_require(model, RECO_ACCESS_OWNER);
	findings = reco_check_model(model);
	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, findings)
	{
		const RecoFinding *finding = lfirst(cell);
		Datum		values[4];
		bool		nulls[4] = {false};

		values[0] = CStringGetTextDatum(finding->severity);
		values[1] = CStringGetTextDatum(finding->subject);
		values[2] = CStringGetTextDatum(finding->finding);
		values[3] = CStringGetTextDatum(finding->remedy);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
