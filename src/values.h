/*
 * values.h: values and keys on their way from SQL into the model and back.
 */
#ifndef RECO_VALUES_H
#define RECO_VALUES_H

#include "postgres.h"

/*
 * A value as it came: an integer key, a time in microseconds since 2000 and a boolean in integer, a number in number,
 * a text key or text in bytes and length (valid as long as what it was taken from).
 */
typedef struct RecoValue
{
	bool		is_null;
	int64		integer;
	double		number;
	const char *bytes;
	int			length;
} RecoValue;

/* A key that a caller asks for. */
typedef struct RecoKey
{
	int64		integer;
	const char *bytes;			/* of a text key */
	int			length;
} RecoKey;

typedef struct RecoKeyList
{
	bool		given;			/* false: the caller gave NULL */
	int			n;
	RecoKey    *keys;
} RecoKeyList;

extern bool reco_values_is_integer(Oid type);
extern bool reco_values_is_number(Oid type);
extern double reco_values_number(Datum value, Oid type);
extern int64 reco_values_integer(Datum value, Oid type);

#endif							/* RECO_VALUES_H */
