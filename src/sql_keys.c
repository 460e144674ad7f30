/*
 * sql_keys.c: the arguments of aggregates over order lines: keys of any type, and numbers.
 *
 * The arguments are declared "any": a cast in SQL would cost more than the rest of a row.  A key is an integer, or the text
 * that a cast to text makes of it, as in reco.train.
 */
#include "postgres.h"

#include "sql_keys.h"

#include "catalog/pg_type.h"
#include "compat.h"
#include "miscadmin.h"
#include "section.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

static void
check_key_type(Oid type, const char *aggregate, const char *name)
{
	if (type == RECORDOID || type == FLOAT4OID || type == FLOAT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("\"%s\" of %s cannot have type %s", name, aggregate, format_type_be(type)),
				 errhint("Keys are integers, text, uuid or of another type with one text form a value.")));
}

/* A cast's function is called as any other is: by whoever may. */
static void
check_may_call(Oid function)
{
	AclResult	result = reco_may_call(function, GetUserId());

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_FUNCTION, get_func_name(function));
}

/* Whether the text form of a value depends on no setting; where that is not known it is not so. */
static bool
has_one_text(const RecoKeyForm *form)
{
	if (form->path == COERCION_PATH_RELABELTYPE)
		return true;
	return form->path == COERCION_PATH_COERCEVIAIO &&
		(form->is_integer || form->type == NUMERICOID || form->type == UUIDOID || type_is_enum(form->type));
}

/*
 * What the type of argument i means, for as long as the call site lives.  aggregate and name are for messages.  The text
 * form is that of a cast.  Errors: datatype_mismatch, insufficient_privilege (the cast's function).
 */
void
reco_sql_keys_set_form(FunctionCallInfo fcinfo, int i, const char *aggregate, const char *name, RecoKeyForm *form)
{
	Oid			declared = get_fn_expr_argtype(fcinfo->flinfo, i);
	Oid			function = InvalidOid;
	bool		is_varlena;

	form->type = OidIsValid(declared) ? getBaseType(declared) : InvalidOid;
	check_key_type(form->type, aggregate, name);
	form->is_integer = reco_values_is_integer(form->type);
	form->path = form->type == TEXTOID ? COERCION_PATH_RELABELTYPE :
		find_coercion_pathway(TEXTOID, form->type, COERCION_EXPLICIT, &function);
	if (form->path != COERCION_PATH_RELABELTYPE && (form->path != COERCION_PATH_FUNC || get_func_nargs(function) != 1))
	{
		form->path = COERCION_PATH_COERCEVIAIO;
		getTypeOutputInfo(form->type, &function, &is_varlena);
	}
	form->has_one_text = has_one_text(form);
	if (form->path == COERCION_PATH_RELABELTYPE)
		return;
	if (form->path == COERCION_PATH_FUNC)
		check_may_call(function);
	fmgr_info_cxt(function, &form->function, fcinfo->flinfo->fn_mcxt);
}

/* The type of argument i, domains looked through, which must be a number's.  Errors: datatype_mismatch. */
Oid
reco_sql_keys_number_type(FunctionCallInfo fcinfo, int i, const char *aggregate, const char *name)
{
	Oid			declared = get_fn_expr_argtype(fcinfo->flinfo, i);
	Oid			type = OidIsValid(declared) ? getBaseType(declared) : InvalidOid;

	if (!reco_values_is_number(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("\"%s\" of %s cannot have type %s", name, aggregate, format_type_be(type)),
				 errhint("Give a smallint, integer, bigint, real, double precision or numeric.")));
	return type;
}

static void
set_text(const char *bytes, Size length, RecoValue *value)
{
	value->bytes = bytes;
	value->length = (int) length;
}

/* What the cast's function makes of a value, which may be NULL. */
static Datum
call_cast(RecoKeyForm *form, Oid collation, Datum datum, bool *is_null)
{
	LOCAL_FCINFO(call, 1);
	Datum		result;

	InitFunctionCallInfoData(*call, &form->function, 1, collation, NULL, NULL);
	call->args[0].value = datum;
	call->args[0].isnull = false;
	result = FunctionCallInvoke(call);
	*is_null = call->isnull;
	return result;
}

static void
set_text_form(RecoKeyForm *form, Oid collation, Datum datum, RecoValue *value)
{
	if (form->path == COERCION_PATH_COERCEVIAIO)
	{
		char	   *output = OutputFunctionCall(&form->function, datum);

		set_text(output, strlen(output), value);
		return;
	}
	if (form->path == COERCION_PATH_FUNC)
		datum = call_cast(form, collation, datum, &value->is_null);
	if (!value->is_null)
	{
		text	   *bytes = DatumGetTextPP(datum);

		set_text(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes), value);
	}
}

/*
 * The key that is argument i; as_integer only where its type is one.  The text lives in the current memory context.
 */
RecoValue
reco_sql_keys_value(FunctionCallInfo fcinfo, int i, RecoKeyForm *form, bool as_integer)
{
	RecoValue	value = {.is_null = PG_ARGISNULL(i)};
	int			level;

	if (value.is_null)
		return value;
	if (as_integer)
	{
		value.integer = reco_values_integer(PG_GETARG_DATUM(i), form->type);
		return value;
	}
	level = form->has_one_text ? 0 : reco_section_begin_text_forms();
	set_text_form(form, PG_GET_COLLATION(), PG_GETARG_DATUM(i), &value);
	reco_section_end_text_forms(level);
	return value;
}
