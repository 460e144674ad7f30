/*
 * fields.c: finds the number of a label by its field and value.
 *
 * A field is an attribute of customers or items, or a part of an order's context; a label is one of the values that it can
 * have.  Numbers have ranges as labels, each with about as many of whatever has the field, unless there are only few
 * different ones: then each is a range to itself, up to the next.  Where a time is known, its hour, weekday and month are
 * fields too.  The whole dictionary is three arrays, so that a stored one is used in place.
 */
#include "fields.h"

#include <math.h>
#include <string.h>

#include "parameters.h"

#define HOURS_A_BAND 4

static const char *const derived_names[RECO_DERIVED_FIELDS] = {"hour", "weekday", "month"};

/* In bytewise order, as all labels of texts; the numbers are where the parts of a time find theirs. */
static const char *const hours[] = {"00-03", "04-07", "08-11", "12-15", "16-19", "20-23"};
static const char *const weekdays[] = {"friday", "monday", "saturday", "sunday", "thursday", "tuesday", "wednesday"};
static const int weekday_labels[] = {1, 5, 6, 4, 0, 2, 3};	/* from Monday */
static const char *const months[] = {"01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12"};

static const struct
{
	const char *const *texts;
	int32_t		n;
}			derived[RECO_DERIVED_FIELDS] = {{hours, 6}, {weekdays, 7}, {months, 12}};

static bool
is_derived(uint32_t kind)
{
	return kind >= RECO_FIRST_DERIVED_FIELD && kind < RECO_FIELD_KINDS;
}

/* How many labels a derived field has: all of them, seen or not. */
int32_t
reco_fields_derived_count(RecoFieldKind kind)
{
	return derived[kind - RECO_FIRST_DERIVED_FIELD].n;
}

const char *
reco_fields_derived_name(RecoFieldKind kind)
{
	return derived_names[kind - RECO_FIRST_DERIVED_FIELD];
}

const char *
reco_fields_derived_label(RecoFieldKind kind, int32_t label)
{
	return derived[kind - RECO_FIRST_DERIVED_FIELD].texts[label];
}

/* Which label of a derived field an hour (0 to 23), a weekday (1 Monday to 7 Sunday) or a month (1 to 12) has; -1: none. */
int32_t
reco_fields_derived_number(RecoFieldKind kind, double number)
{
	double		first = kind == RECO_FIELD_HOUR ? 0 : 1;
	double		last = kind == RECO_FIELD_HOUR ? 23 : kind == RECO_FIELD_WEEKDAY ? 7 : 12;

	if (!(number >= first && number <= last) || number != floor(number))
		return -1;
	if (kind == RECO_FIELD_HOUR)
		return (int32_t) number / HOURS_A_BAND;
	return kind == RECO_FIELD_WEEKDAY ? weekday_labels[(int) number - 1] : (int32_t) number - 1;
}

/* --- bytes ------------------------------------------------------------------------------------------------- */

static int
compare_bytes(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t		length = a_length < b_length ? a_length : b_length;
	int			order = length == 0 ? 0 : memcmp(a, b, length);

	return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

/* Text i of all: names of fields, then texts of labels. */
static const char *
text_of(const RecoFields *fields, int64_t i, size_t *length)
{
	*length = (size_t) (fields->start[i + 1] - fields->start[i]);
	return fields->bytes + fields->start[i];
}

const char *
reco_fields_name(const RecoFields *fields, int32_t field, size_t *length)
{
	return text_of(fields, field, length);
}

const char *
reco_fields_text(const RecoFields *fields, int32_t label, size_t *length)
{
	return text_of(fields, (int64_t) fields->n + label, length);
}

/* The order of a text and one that is given. */
static int
compare_text(const RecoFields *fields, int64_t i, const char *bytes, size_t length)
{
	size_t		own_length;
	const char *own = text_of(fields, i, &own_length);

	return compare_bytes(own, own_length, bytes, length);
}

/* Which of the texts from first to last - 1, which ascend, is the given one; -1: none. */
static int64_t
find_text(const RecoFields *fields, int64_t first, int64_t last, const char *bytes, size_t length)
{
	while (first < last)
	{
		int64_t		middle = first + (last - first) / 2;
		int			order = compare_text(fields, middle, bytes, length);

		if (order == 0)
			return middle;
		if (order < 0)
			first = middle + 1;
		else
			last = middle;
	}
	return -1;
}

/* --- looking up -------------------------------------------------------------------------------------------- */

/* How many fields a group has, which stand together. */
int32_t
reco_fields_of_group(const RecoFields *fields, RecoFieldGroup group, int32_t *first)
{
	int32_t		last;

	*first = 0;
	while (*first < fields->n && fields->entries[*first].group < (uint32_t) group)
		(*first)++;
	for (last = *first; last < fields->n && fields->entries[last].group == (uint32_t) group; last++)
		;
	return last - *first;
}

/* The number of a field of a group by its name, -1 for none. */
int32_t
reco_fields_find(const RecoFields *fields, RecoFieldGroup group, const char *name, size_t length)
{
	int32_t		first;
	int32_t		n = reco_fields_of_group(fields, group, &first);

	return (int32_t) find_text(fields, first, (int64_t) first + n, name, length);
}

/*
 * Which fields of a context stand in the RECO_MAX_CONTEXTS places that there are for one, in their order: those that
 * sources have, then the parts of the time.  Returns how many.
 */
int
reco_fields_slots(const RecoFields *fields, int32_t *slots)
{
	int32_t		first;
	int32_t		n = reco_fields_of_group(fields, RECO_FIELDS_OF_CONTEXT, &first);
	int			used = 0;
	int			of_time;
	int32_t		f;

	for (of_time = 0; of_time < 2; of_time++)
		for (f = first; f < first + n; f++)
			if (is_derived(fields->entries[f].kind) == (of_time == 1) && used < RECO_MAX_CONTEXTS)
				slots[used++] = f;
	return used;
}

/* The field that a label is of. */
int32_t
reco_fields_of_label(const RecoFields *fields, int32_t label)
{
	int32_t		low = 0;
	int32_t		high = fields->n - 1;

	while (low < high)
	{
		int32_t		middle = low + (high - low + 1) / 2;

		if (fields->entries[middle].first <= label)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* The label of a value by its text form, -1 for none.  Of numbers: see below. */
int32_t
reco_fields_text_label(const RecoFields *fields, int32_t field, const char *bytes, size_t length)
{
	const RecoFieldEntry *entry = &fields->entries[field];
	int64_t		first = (int64_t) fields->n + entry->first;
	int64_t		found;

	if (entry->kind == RECO_FIELD_NUMBER)
		return -1;
	found = find_text(fields, first, first + entry->labels, bytes, length);
	return found < 0 ? -1 : (int32_t) (found - fields->n);
}

/* The range of a number; below the first one is the first.  NaN has none. */
static int32_t
range_of(const RecoFields *fields, const RecoFieldEntry *entry, double number)
{
	int32_t		low = entry->first;
	int32_t		high = entry->first + entry->labels - 1;

	if (isnan(number) || entry->labels == 0)
		return -1;
	while (low < high)
	{
		int32_t		middle = low + (high - low + 1) / 2;

		if (fields->edges[middle] <= number)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* The label of a number in a field of numbers, or of an hour, weekday or month in such a field; -1 for none. */
int32_t
reco_fields_number_label(const RecoFields *fields, int32_t field, double number)
{
	const RecoFieldEntry *entry = &fields->entries[field];
	int32_t		label;

	if (entry->kind == RECO_FIELD_NUMBER)
		return range_of(fields, entry, number);
	if (!is_derived(entry->kind))
		return -1;
	label = reco_fields_derived_number((RecoFieldKind) entry->kind, number);
	return label < 0 ? -1 : entry->first + label;
}

/* --- making ranges ----------------------------------------------------------------------------------------- */

/*
 * The least numbers of at most so many ranges with about equal counts; returns how many.  values are finite and strictly
 * ascending, each with its count > 0; edges has room for most.  At most as many values as ranges: each is one.
 */
int32_t
reco_fields_edges(const double *values, const int64_t *counts, int32_t n, int32_t most, double *edges)
{
	double		all = 0;
	double		before = 0;
	double		end = 0;		/* of the range that is being filled */
	int32_t		n_edges = 0;
	int32_t		i;

	for (i = 0; i < n; i++)
		all += (double) counts[i];
	for (i = 0; i < n; i++)
	{
		/* The value goes where most of its count is.  What one frequent value takes, the ranges behind it share less of. */
		if (n <= most || n_edges == 0 || (n_edges < most && before + (double) counts[i] / 2 >= end))
		{
			edges[n_edges++] = values[i];
			end = before + (all - before) / (double) (most - n_edges + 1);
		}
		before += (double) counts[i];
	}
	return n_edges;
}

/* --- checking ---------------------------------------------------------------------------------------------- */

static bool
starts_are_sane(const RecoFields *fields, uint64_t n_bytes)
{
	int64_t		n = (int64_t) fields->n + fields->n_labels;
	int64_t		i;

	if (fields->start[0] != 0 || fields->start[n] != n_bytes)
		return false;
	for (i = 0; i < n; i++)
		if (fields->start[i] > fields->start[i + 1] || fields->start[i + 1] > n_bytes)
			return false;
	return true;
}

/* Its labels ascend, and are those that they must be. */
static bool
labels_are_sane(const RecoFields *fields, const RecoFieldEntry *entry)
{
	int32_t		label;

	if (is_derived(entry->kind) && entry->labels != reco_fields_derived_count((RecoFieldKind) entry->kind))
		return false;
	for (label = entry->first; label < entry->first + entry->labels; label++)
	{
		size_t		length;
		const char *text = reco_fields_text(fields, label, &length);
		double		edge = fields->edges[label];

		if (entry->kind == RECO_FIELD_NUMBER)
		{
			if (!isfinite(edge) || (label > entry->first && !(edge > fields->edges[label - 1])))
				return false;
			continue;
		}
		if (edge != 0)
			return false;
		if (is_derived(entry->kind))
		{
			const char *wanted = reco_fields_derived_label((RecoFieldKind) entry->kind, label - entry->first);

			if (compare_bytes(text, length, wanted, strlen(wanted)) != 0)
				return false;
		}
		else if (label > entry->first && compare_text(fields, (int64_t) fields->n + label - 1, text, length) >= 0)
			return false;
	}
	return true;
}

/*
 * Whether a dictionary whose arrays are as long as it says can be used: n and n_labels are not negative, and bytes are so
 * many.
 */
bool
reco_fields_are_sane(const RecoFields *fields, uint64_t n_bytes)
{
	int32_t		next = 0;
	int32_t		i;

	if (!starts_are_sane(fields, n_bytes))
		return false;
	for (i = 0; i < fields->n; i++)
	{
		const RecoFieldEntry *entry = &fields->entries[i];
		size_t		length;
		const char *name = reco_fields_name(fields, i, &length);

		if (entry->group >= RECO_FIELD_GROUPS || entry->kind >= RECO_FIELD_KINDS || entry->first != next ||
			entry->labels < 0 || entry->labels > fields->n_labels - next)
			return false;
		if (is_derived(entry->kind) && entry->group != RECO_FIELDS_OF_CONTEXT)
			return false;
		if (i > 0 && (entry->group < fields->entries[i - 1].group ||
					  (entry->group == fields->entries[i - 1].group && compare_text(fields, i - 1, name, length) >= 0)))
			return false;
		if (!labels_are_sane(fields, entry))
			return false;
		next += entry->labels;
	}
	return next == fields->n_labels;
}
