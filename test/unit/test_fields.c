/*
 * test_fields.c: tests of the dictionary of fields and labels.
 *
 * Prints TAP.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fields.h"

static int	tests;
static int	failures;

static void
ok(bool good, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	printf("%sok %d - ", good ? "" : "not ", ++tests);
	vprintf(format, args);
	printf("\n");
	va_end(args);
	failures += !good;
}

/* Customers: "age" in three ranges, "region"; context: "device", "month"; items: "region", without labels. */
static const char bytes[] = "ageregiondevicemonthregion" "(,20)[20,50)[50,)" "eastnorth" "desktopmobile" "010203040506070809101112";

#define N_BYTES (sizeof(bytes) - 1)

static const uint64_t starts[] = {0, 3, 9, 15, 20, 26, 31, 38, 43, 47, 52, 59, 65, 67, 69, 71, 73, 75, 77, 79, 81, 83, 85, 87, 89};
static const RecoFieldEntry entry_list[] = {
	{RECO_FIELDS_OF_CUSTOMERS, RECO_FIELD_NUMBER, 0, 3},
	{RECO_FIELDS_OF_CUSTOMERS, RECO_FIELD_TEXT, 3, 2},
	{RECO_FIELDS_OF_CONTEXT, RECO_FIELD_TEXT, 5, 2},
	{RECO_FIELDS_OF_CONTEXT, RECO_FIELD_MONTH, 7, 12},
	{RECO_FIELDS_OF_ITEMS, RECO_FIELD_TEXT, 19, 0}
};
static const double edge_list[19] = {-3, 20, 50};

static const RecoFields fields = {5, 19, entry_list, starts, bytes, edge_list};

static bool
text_is(int32_t label, const char *wanted)
{
	size_t		length;
	const char *text = reco_fields_text(&fields, label, &length);

	return length == strlen(wanted) && memcmp(text, wanted, length) == 0;
}

static int32_t
find(RecoFieldGroup group, const char *name)
{
	return reco_fields_find(&fields, group, name, strlen(name));
}

static int32_t
text_label(int32_t field, const char *text)
{
	return reco_fields_text_label(&fields, field, text, strlen(text));
}

static void
test_looking_up(void)
{
	size_t		length;
	int32_t		label;
	bool		good = true;

	ok(reco_fields_are_sane(&fields, N_BYTES), "a dictionary");
	ok(find(RECO_FIELDS_OF_CUSTOMERS, "age") == 0 && find(RECO_FIELDS_OF_CUSTOMERS, "region") == 1 &&
	   find(RECO_FIELDS_OF_CONTEXT, "device") == 2 && find(RECO_FIELDS_OF_ITEMS, "region") == 4, "fields by group and name");
	ok(find(RECO_FIELDS_OF_CONTEXT, "region") == -1 && find(RECO_FIELDS_OF_CUSTOMERS, "") == -1 &&
	   find(RECO_FIELDS_OF_CUSTOMERS, "regions") == -1, "no such field");
	ok(memcmp(reco_fields_name(&fields, 3, &length), "month", 5) == 0 && length == 5, "a name");
	ok(text_label(1, "east") == 3 && text_label(1, "north") == 4 && text_label(2, "mobile") == 6, "labels by text");
	ok(text_label(1, "nort") == -1 && text_label(1, "") == -1 && text_label(1, "mobile") == -1 && text_label(4, "east") == -1 &&
	   text_label(0, "[20,50)") == -1, "no such label");
	ok(reco_fields_number_label(&fields, 0, -100) == 0 && reco_fields_number_label(&fields, 0, 19.9) == 0 &&
	   reco_fields_number_label(&fields, 0, 20) == 1 && reco_fields_number_label(&fields, 0, 1e300) == 2, "labels of numbers");
	ok(reco_fields_number_label(&fields, 0, NAN) == -1 && reco_fields_number_label(&fields, 1, 20) == -1, "not of others");
	ok(text_label(3, "12") == 18 && reco_fields_number_label(&fields, 3, 12) == 18 && reco_fields_number_label(&fields, 3, 13) == -1,
	   "a month by text and number");
	ok(text_is(1, "[20,50)") && text_is(6, "mobile") && text_is(18, "12"), "texts");
	for (label = 0; label < fields.n_labels; label++)
	{
		int32_t		field = reco_fields_of_label(&fields, label);

		good &= label >= entry_list[field].first && label < entry_list[field].first + entry_list[field].labels;
	}
	ok(good, "the field of each label");
}

static void
test_times(void)
{
	ok(reco_fields_derived_number(RECO_FIELD_HOUR, 0) == 0 && reco_fields_derived_number(RECO_FIELD_HOUR, 23) == 5 &&
	   reco_fields_derived_number(RECO_FIELD_HOUR, 24) == -1 && reco_fields_derived_number(RECO_FIELD_HOUR, 1.5) == -1, "hours");
	ok(strcmp(reco_fields_derived_label(RECO_FIELD_WEEKDAY, reco_fields_derived_number(RECO_FIELD_WEEKDAY, 1)), "monday") == 0 &&
	   strcmp(reco_fields_derived_label(RECO_FIELD_WEEKDAY, reco_fields_derived_number(RECO_FIELD_WEEKDAY, 2)), "tuesday") == 0 &&
	   strcmp(reco_fields_derived_label(RECO_FIELD_WEEKDAY, reco_fields_derived_number(RECO_FIELD_WEEKDAY, 3)), "wednesday") == 0 &&
	   strcmp(reco_fields_derived_label(RECO_FIELD_WEEKDAY, reco_fields_derived_number(RECO_FIELD_WEEKDAY, 4)), "thursday") == 0 &&
	   strcmp(reco_fields_derived_label(RECO_FIELD_WEEKDAY, reco_fields_derived_number(RECO_FIELD_WEEKDAY, 5)), "friday") == 0 &&
	   strcmp(reco_fields_derived_label(RECO_FIELD_WEEKDAY, reco_fields_derived_number(RECO_FIELD_WEEKDAY, 6)), "saturday") == 0 &&
	   strcmp(reco_fields_derived_label(RECO_FIELD_WEEKDAY, reco_fields_derived_number(RECO_FIELD_WEEKDAY, 7)), "sunday") == 0,
	   "weekdays");
	ok(reco_fields_derived_number(RECO_FIELD_WEEKDAY, 0) == -1 && reco_fields_derived_number(RECO_FIELD_WEEKDAY, NAN) == -1,
	   "no weekday");
	ok(reco_fields_derived_number(RECO_FIELD_MONTH, 1) == 0 && reco_fields_derived_number(RECO_FIELD_MONTH, 12) == 11, "months");
}

static void
test_ranges(void)
{
	double		values[1000];
	int64_t		counts[1000];
	double		edges[1000];
	int			i;

	for (i = 0; i < 1000; i++)
	{
		values[i] = i;
		counts[i] = 1;
	}
	ok(reco_fields_edges(values, counts, 1000, 10, edges) == 10 && edges[0] == 0 && edges[1] == 100 && edges[9] == 900,
	   "ten ranges of as many");
	ok(reco_fields_edges(values, counts, 7, 10, edges) == 7 && edges[6] == 6, "few numbers are labels");
	ok(reco_fields_edges(values, counts, 0, 10, edges) == 0, "none have none");
	counts[0] = 9000;
	i = reco_fields_edges(values, counts, 1000, 10, edges);
	ok(i == 10 && edges[1] == 1 && edges[2] > 100 && edges[2] < 125, "a frequent number leaves the others their ranges (%d, %g)", i,
	   edges[2]);
	counts[0] = 1;
	counts[500] = 9000;
	i = reco_fields_edges(values, counts, 1000, 10, edges);
	ok(i >= 3 && i <= 10 && edges[0] == 0, "also in the middle (%d)", i);
}

/* Each of these is wrong in one thing. */
static void
test_checks(void)
{
	RecoFieldEntry entries[5];
	uint64_t	start[25];
	double		edges[19];
	char		text[N_BYTES];
	RecoFields	copy = {5, 19, entries, start, text, edges};
	int			change;

	for (change = 0; change <= 18; change++)
	{
		memcpy(entries, entry_list, sizeof(entries));
		memcpy(start, starts, sizeof(start));
		memcpy(edges, edge_list, sizeof(edges));
		memcpy(text, bytes, sizeof(text));
		switch (change)
		{
			case 0: entries[0].group = RECO_FIELD_GROUPS; break;
			case 1: entries[1].kind = RECO_FIELD_KINDS; break;
			case 2: entries[1].first = 4; break;
			case 3: entries[1].first = -1; break;
			case 4: entries[4].labels = 1; break;
			case 5: entries[0].labels = -1; break;
			case 6: entries[4].labels = INT32_MAX; break;
			case 7: entries[0].group = RECO_FIELDS_OF_CONTEXT; break;
			case 8: start[0] = 1; break;
			case 9: start[24] = N_BYTES + 1; break;
			case 10: start[5] = 1000; break;
			case 11: start[5] = 10; break;
			case 12: edges[1] = -3; break;
			case 13: edges[2] = INFINITY; break;
			case 14: edges[0] = NAN; break;
			case 15: edges[4] = 1; break;
			case 16: text[43] = 'z'; break;
			case 17: text[0] = 's'; break;
			case 18: text[88] = '3'; break;
		}
		ok(!reco_fields_are_sane(&copy, N_BYTES), "a forged dictionary (%d)", change);
	}
	memcpy(text, bytes, sizeof(text));
	ok(reco_fields_are_sane(&copy, N_BYTES), "and back");
	ok(!reco_fields_are_sane(&copy, N_BYTES - 1), "too short");
	entries[3].group = RECO_FIELDS_OF_ITEMS;
	ok(!reco_fields_are_sane(&copy, N_BYTES), "a month of items");
	entries[3].group = RECO_FIELDS_OF_CONTEXT;
	entries[3].labels = 11;
	copy.n_labels = 18;
	ok(!reco_fields_are_sane(&copy, N_BYTES), "eleven months");
}

int
main(void)
{
	test_looking_up();
	test_times();
	test_ranges();
	test_checks();
	printf("1..%d\n", tests);
	return failures > 0;
}
