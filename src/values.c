/*
 * values.c: takes numbers out of SQL values as they come, without a cast in SQL.
 */
#include "postgres.h"

#include "values.h"

#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "fmgr.h"
#include "utils/builtins.h"

bool
reco_values_is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

bool
reco_values_is_number(Oid type)
{
	return reco_values_is_integer(type) || type == FLOAT4OID || type == FLOAT8OID || type == NUMERICOID;
}

/*
 * A number of one of the types of reco_values_is_number.  Beyond the range of a double a numeric gives an infinity.
 */
double
reco_values_number(Datum value, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return (double) DatumGetInt64(value);
		case FLOAT4OID:
			return DatumGetFloat4(value);
		case FLOAT8OID:
			return DatumGetFloat8(value);
		default:
			return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value));
	}
}

/* An integer of one of the types of reco_values_is_integer. */
int64
reco_values_integer(Datum value, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

/*
 * The text of an element of a list's member; that of a number is the shortest one, in a buffer of RECO_NUMBER_TEXT bytes.
 */
RecoValue
reco_values_element_text(const RecoValue *element, char *buffer)
{
	RecoValue	text = {.bytes = buffer};

	if (element->bytes != NULL)
		return *element;
	text.length = element->length == 1 ? pg_lltoa(element->integer, buffer) : double_to_shortest_decimal_bufn(element->number, buffer);
	return text;
}
