/*
 * sql_keys.h: the arguments of aggregates over order lines.
 */
#ifndef RECO_SQL_KEYS_H
#define RECO_SQL_KEYS_H

#include "postgres.h"

#include "fmgr.h"
#include "parser/parse_coerce.h"
#include "values.h"

/* How a key becomes an integer or a text. */
typedef struct RecoKeyForm
{
	Oid			type;			/* domains looked through */
	bool		is_integer;
	bool		has_one_text;	/* whatever the settings */
	CoercionPathType path;		/* to text */
	FmgrInfo	function;		/* of a cast, or the type's output */
} RecoKeyForm;

extern void reco_sql_keys_set_form(FunctionCallInfo fcinfo, int i, const char *aggregate, const char *name, RecoKeyForm *form);
extern Oid	reco_sql_keys_number_type(FunctionCallInfo fcinfo, int i, const char *aggregate, const char *name);
extern RecoValue reco_sql_keys_value(FunctionCallInfo fcinfo, int i, RecoKeyForm *form, bool as_integer);

#endif							/* RECO_SQL_KEYS_H */
