/*
 * audiences.c: reads whom an offer is for, which is written field=value.
 *
 * The field is a feature of add_users, as region or users.region, and the value the text of what a customer has there.
 * Blanks around either count nothing.  An audience and a customer's attribute come to the same text where the one is of the
 * other, so that looking for it is comparing texts.
 */
#include "postgres.h"

#include "audiences.h"

#define PREFIX "users."			/* the kind of source, as features are qualified elsewhere */

static void
trim(const char **bytes, int *length)
{
	while (*length > 0 && **bytes == ' ')
	{
		(*bytes)++;
		(*length)--;
	}
	while (*length > 0 && (*bytes)[*length - 1] == ' ')
		(*length)--;
}

static RecoAudience
make_audience(const char *field, int field_length, const char *value, int value_length)
{
	RecoAudience audience = {field, field_length, value, value_length};
	int			prefix = strlen(PREFIX);

	trim(&audience.field, &audience.field_length);
	trim(&audience.value, &audience.value_length);
	if (audience.field_length > prefix && strncmp(audience.field, PREFIX, prefix) == 0)
	{
		audience.field += prefix;
		audience.field_length -= prefix;
	}
	return audience;
}

/* Whom a text means; false where it has no =, and so means nobody. */
bool
reco_audiences_read(const RecoValue *text, RecoAudience *audience)
{
	const char *sign = text->length > 0 ? memchr(text->bytes, '=', text->length) : NULL;

	if (sign == NULL)
		return false;
	*audience = make_audience(text->bytes, (int) (sign - text->bytes), sign + 1, (int) (text->bytes + text->length - sign - 1));
	return true;
}

/* Whether some source of customers has the field. */
bool
reco_audiences_has_field(const RecoAudience *audience, List *sources)
{
	ListCell   *cell;
	ListCell   *column_cell;

	foreach(cell, sources)
	{
		const RecoSource *source = lfirst(cell);

		foreach(column_cell, source->columns)
		{
			const RecoColumn *column = lfirst(column_cell);
			RecoAudience own = make_audience(column->name, strlen(column->name), "", 0);

			if (source->kind == RECO_SOURCE_USERS && column->role == RECO_ROLE_FEATURES &&
				own.field_length == audience->field_length && memcmp(own.field, audience->field, own.field_length) == 0)
				return true;
		}
	}
	return false;
}

/* The text that is the same for all who are written otherwise, in the current memory context. */
RecoValue
reco_audiences_text(const RecoAudience *audience)
{
	RecoValue	text = {.length = audience->field_length + 1 + audience->value_length};
	char	   *bytes = palloc(add_size(text.length, 1));

	memcpy(bytes, audience->field, audience->field_length);
	bytes[audience->field_length] = '=';
	memcpy(bytes + audience->field_length + 1, audience->value, audience->value_length);
	text.bytes = bytes;
	return text;
}

/* What to read of a source of customers; returns how many fields that is. */
int
reco_audiences_columns(const RecoSource *source, RecoField *columns)
{
	ListCell   *cell;
	int			n = 0;

	foreach(cell, source->columns)
	{
		const RecoColumn *column = lfirst(cell);

		if (source->kind == RECO_SOURCE_USERS && column->role == RECO_ROLE_FEATURES)
			columns[n++] = (RecoField) {RECO_ROLE_FEATURES, column->name};
	}
	return n;
}

/* That text of a customer's attribute, a number by its shortest form, in the current memory context. */
RecoValue
reco_audiences_of(const char *field, const RecoValue *element)
{
	char		buffer[RECO_NUMBER_TEXT];
	RecoValue	value = reco_values_element_text(element, buffer);
	RecoAudience audience = make_audience(field, strlen(field), value.bytes, value.length);

	return reco_audiences_text(&audience);
}
