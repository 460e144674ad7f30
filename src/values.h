/*
 * values.h: values and keys on their way from SQL into the model and back.
 */
#ifndef RECO_VALUES_H
#define RECO_VALUES_H

#include "postgres.h"

/*
 * A value as it came: an integer key, a time in microseconds since 2000 and a boolean in integer, a number in number,
 * a text key or text in bytes and length (valid as long as what it was taken from).  The member of a list, and what may be one text or
 * several, is elements, length of them (reco_values_elements): those of an array that are not NULL, or the one value there is.  Such an element is a text, or a number without
 * bytes, which stands in integer too if length is 1.
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

/* Of a list's member. */
static inline const RecoValue *
reco_values_elements(const RecoValue *value)
{
	return (const RecoValue *) (const void *) value->bytes;
}

#define RECO_NUMBER_TEXT 32		/* bytes that a number's text needs at most */

extern bool reco_values_is_integer(Oid type);
extern bool reco_values_is_number(Oid type);
extern double reco_values_number(Datum value, Oid type);
extern int64 reco_values_integer(Datum value, Oid type);
extern RecoValue reco_values_element_text(const RecoValue *element, char *buffer);

#endif							/* RECO_VALUES_H */
