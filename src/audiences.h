/*
 * audiences.h: whom an offer is for.
 */
#ifndef RECO_AUDIENCES_H
#define RECO_AUDIENCES_H

#include "postgres.h"

#include "definitions.h"
#include "values.h"

/* Customers with a value of a field; it points into the text that it was read from. */
typedef struct RecoAudience
{
	const char *field;
	int			field_length;
	const char *value;
	int			value_length;
} RecoAudience;

extern bool reco_audiences_read(const RecoValue *text, RecoAudience *audience);
extern bool reco_audiences_has_field(const RecoAudience *audience, List *sources);
extern RecoValue reco_audiences_text(const RecoAudience *audience);
extern int	reco_audiences_columns(const RecoSource *source, RecoField *columns);
extern RecoValue reco_audiences_of(const char *field, const RecoValue *element);

#endif							/* RECO_AUDIENCES_H */
