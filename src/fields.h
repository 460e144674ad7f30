/*
 * fields.h: a dictionary of fields and their labels: what attributes and contexts can be.
 */
#ifndef RECO_FIELDS_H
#define RECO_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whose field it is; the numbers are part of the file format. */
typedef enum RecoFieldGroup
{
	RECO_FIELDS_OF_CUSTOMERS,
	RECO_FIELDS_OF_CONTEXT,
	RECO_FIELDS_OF_ITEMS,
	RECO_FIELD_GROUPS
} RecoFieldGroup;

/* What labels a value; the numbers are part of the file format. */
typedef enum RecoFieldKind
{
	RECO_FIELD_TEXT,			/* its text form */
	RECO_FIELD_NUMBER,			/* the range that it is in */
	RECO_FIELD_HOUR,			/* these come from a time: see reco_fields_derived_label */
	RECO_FIELD_WEEKDAY,
	RECO_FIELD_MONTH,
	RECO_FIELD_KINDS
} RecoFieldKind;

#define RECO_FIRST_DERIVED_FIELD	RECO_FIELD_HOUR
#define RECO_DERIVED_FIELDS		(RECO_FIELD_KINDS - RECO_FIRST_DERIVED_FIELD)

/* Part of the file format. */
typedef struct RecoFieldEntry
{
	uint32_t	group;			/* RecoFieldGroup */
	uint32_t	kind;			/* RecoFieldKind */
	int32_t		first;			/* its labels are numbered first to first + labels - 1 */
	int32_t		labels;
} RecoFieldEntry;

/*
 * Fields by group and then by name, bytewise; labels by field, then texts bytewise and ranges ascending.
 */
typedef struct RecoFields
{
	int32_t		n;
	int32_t		n_labels;		/* of all fields */
	const RecoFieldEntry *entries;	/* [n] */
	const uint64_t *start;		/* [n + n_labels + 1] into bytes: the names of fields, then the texts of labels */
	const char *bytes;
	const double *edges;		/* [n_labels] the least number of a range; of the first one, what was seen.  Else 0 */
} RecoFields;

extern bool reco_fields_are_sane(const RecoFields *fields, uint64_t n_bytes);
extern int32_t reco_fields_find(const RecoFields *fields, RecoFieldGroup group, const char *name, size_t length);
extern const char *reco_fields_name(const RecoFields *fields, int32_t field, size_t *length);
extern const char *reco_fields_text(const RecoFields *fields, int32_t label, size_t *length);
extern int32_t reco_fields_of_label(const RecoFields *fields, int32_t label);
extern int32_t reco_fields_text_label(const RecoFields *fields, int32_t field, const char *bytes, size_t length);
extern int32_t reco_fields_number_label(const RecoFields *fields, int32_t field, double number);
extern int	reco_fields_slots(const RecoFields *fields, int32_t *slots);
extern int32_t reco_fields_of_group(const RecoFields *fields, RecoFieldGroup group, int32_t *first);
extern int32_t reco_fields_edges(const double *values, const int64_t *counts, int32_t n, int32_t most, double *edges);
extern int32_t reco_fields_derived_count(RecoFieldKind kind);
extern const char *reco_fields_derived_name(RecoFieldKind kind);
extern const char *reco_fields_derived_label(RecoFieldKind kind, int32_t label);
extern int32_t reco_fields_derived_number(RecoFieldKind kind, double number);

#endif							/* RECO_FIELDS_H */
