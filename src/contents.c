/*
 * contents.c: reads features and descriptions of items as weighted terms.
 *
 * A feature is one term, name=value; a description is as many as PostgreSQL's text search finds words in it, by the
 * configuration simple, which knows no language: words in lower case, by the rules of the database's locale.  The rows
 * of an item go together.  How often an item has a term is counted in integers, and terms are numbered in bytewise order
 * before anything is summed up as floating point: the same rows in any order give the same bits.
 *
 * The weight of term t in item i is TF-IDF (Salton and Buckley 1988, Term-weighting approaches in automatic text
 * retrieval, Information Processing and Management 24: logarithmic term frequency, their weighting by inverse document
 * frequency, and cosine normalization):
 *
 *	   w_it = (1 + ln tf_it) ln(N / df_t),  divided by the root of the row's sum of w_it^2
 *
 * where tf is how often the item has the term, df how many items have it, and N how many items have any.  What all of them
 * have says nothing of one, weighs 0 and is left out.
 */
#include "postgres.h"

#include "contents.h"

#include <math.h>

#include "catalog/namespace.h"
#include "common/int.h"
#include "fmgr.h"
#include "idmap.h"
#include "interrupts.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "nodes/value.h"
#include "tsearch/ts_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#define FIRST_COUNTS 1024
#define MAX_DESCRIPTION 100000	/* bytes that are looked at */
#define PIECE 1000				/* bytes that are parsed at once */

/* How often an item has a term. */
typedef struct TermCount
{
	int32		item;
	int32		term;
	int32		count;
} TermCount;

typedef struct Entry
{
	int32		term;
	int32		count;
} Entry;

/* What was read; terms have provisional numbers, and a pair of item and term may come more than once. */
typedef struct Contents
{
	RecoBudget *budget;
	RecoFindItem find_item;
	void	   *arg;
	Oid			configuration;	/* of text search */
	MemoryContext word_context; /* emptied after each piece of text */
	StringInfoData term;
	RecoIdMap  *terms;
	TermCount  *counts;
	int64		n;
	int64		capacity;

	/* Of the source that is being read. */
	const RecoField *fields;
	int			n_fields;
} Contents;

/* --- reading ----------------------------------------------------------------------------------------------- */

static void
add_term(Contents *contents, int32 item, const char *bytes, int length, int32 count)
{
	RecoValue	key = {.bytes = bytes,.length = length};
	TermCount  *added;

	if (contents->n == contents->capacity)
	{
		int64		capacity = contents->capacity + contents->capacity / 2;

		contents->counts = reco_budget_resize(contents->budget, contents->counts, contents->capacity, capacity,
											  sizeof(TermCount), "terms of items");
		contents->capacity = capacity;
	}
	added = &contents->counts[contents->n++];
	added->item = item;
	added->term = reco_idmap_add(contents->terms, &key);
	added->count = count;
}

static void
add_feature(Contents *contents, int32 item, const char *name, const RecoValue *value)
{
	resetStringInfo(&contents->term);
	appendStringInfoString(&contents->term, name);
	appendStringInfoChar(&contents->term, '=');
	appendBinaryStringInfo(&contents->term, value->bytes, value->length);
	add_term(contents, item, contents->term.data, contents->term.len, 1);
}

/* The words of a short text; text search counts a word 255 times at most. */
static void
add_words(Contents *contents, int32 item, const char *bytes, int length)
{
	MemoryContext old_context = MemoryContextSwitchTo(contents->word_context);
	Datum		text_datum = PointerGetDatum(cstring_to_text_with_len(bytes, length));
	TSVector	words = DatumGetTSVector(DirectFunctionCall2(to_tsvector_byid, ObjectIdGetDatum(contents->configuration),
															 text_datum));
	int			i;

	MemoryContextSwitchTo(old_context);
	for (i = 0; i < words->size; i++)
	{
		WordEntry  *word = &ARRPTR(words)[i];

		add_term(contents, item, STRPTR(words) + word->pos, word->len, Max(POSDATALEN(words, word), 1));
	}
	MemoryContextReset(contents->word_context);
}

/* Where to end a piece of text: behind its last white space, or else behind its last whole character. */
static int
piece_length(const char *bytes, int length)
{
	int			end;

	if (length <= PIECE)
		return length;
	for (end = PIECE; end > 0; end--)
		if (bytes[end - 1] == ' ' || (bytes[end - 1] >= '\t' && bytes[end - 1] <= '\r'))
			return end;
	return pg_mbcliplen(bytes, length, PIECE);
}

/*
 * The words of a description, of its first 100 kB: more is no description.  It is parsed piece by piece, because the
 * time that the parser of text search takes can grow with the square of the length, without looking for interrupts:
 * 100 kB of a_a_a_ take a minute, and 1 kB takes 10 ms.  (A tag that a cut goes through is read as words.)
 */
static void
add_description(Contents *contents, int32 item, const RecoValue *value)
{
	const char *at = value->bytes;
	const char *end = at + (value->length <= MAX_DESCRIPTION ? value->length
							: pg_mbcliplen(at, value->length, MAX_DESCRIPTION));

	while (at < end)
	{
		int			length = piece_length(at, (int) (end - at));

		CHECK_FOR_INTERRUPTS();
		add_words(contents, item, at, length);
		at += length;
	}
}

static void
receive_item(void *arg, const RecoValue *values)
{
	Contents   *contents = arg;
	RecoKey		key;
	int32		item;
	int			i;

	if (values[0].is_null)
		return;
	key.integer = values[0].integer;
	key.bytes = values[0].bytes;
	key.length = values[0].length;
	item = contents->find_item(contents->arg, &key);
	if (item < 0)
		return;
	for (i = 1; i < contents->n_fields; i++)
	{
		if (values[i].is_null)
			continue;
		if (contents->fields[i].role == RECO_ROLE_DESCRIPTION)
			add_description(contents, item, &values[i]);
		else
			add_feature(contents, item, contents->fields[i].name, &values[i]);
	}
}

static bool
has_contents(const RecoSource *source)
{
	return source->kind == RECO_SOURCE_ITEMS && (reco_definitions_column(source, RECO_ROLE_FEATURES) != NULL ||
												 reco_definitions_column(source, RECO_ROLE_DESCRIPTION) != NULL);
}

static void
read_source(Contents *contents, const RecoReader *reader, const RecoSource *source)
{
	RecoField	fields[RECO_MAX_FIELDS] = {{RECO_ROLE_ITEM, NULL}};
	ListCell   *cell;

	contents->fields = fields;
	contents->n_fields = 1;
	foreach(cell, source->columns)
	{
		const RecoColumn *column = lfirst(cell);

		if (column->role != RECO_ROLE_FEATURES && column->role != RECO_ROLE_DESCRIPTION)
			continue;
		fields[contents->n_fields].role = column->role;
		fields[contents->n_fields++].name = column->name;
	}
	(void) reco_sources_read_all(reader, source, fields, contents->n_fields, receive_item, contents);
}

static void
begin_reading(Contents *contents, RecoBudget *budget, RecoFindItem find_item, void *arg)
{
	List	   *configuration = list_make2(makeString(pstrdup("pg_catalog")), makeString(pstrdup("simple")));

	memset(contents, 0, sizeof(*contents));
	contents->budget = budget;
	contents->find_item = find_item;
	contents->arg = arg;
	contents->configuration = get_ts_config_oid(configuration, false);
	contents->word_context = AllocSetContextCreate(CurrentMemoryContext, "reco words", ALLOCSET_DEFAULT_SIZES);
	initStringInfo(&contents->term);
	contents->terms = reco_idmap_create(budget, false, "terms");
	contents->capacity = FIRST_COUNTS;
	contents->counts = reco_budget_alloc(budget, FIRST_COUNTS, sizeof(TermCount), "terms of items");
}

/* --- rows of terms ----------------------------------------------------------------------------------------- */

/* A counting sort of what was read by item; the terms get their final numbers.  Frees the counts. */
static Entry *
group_by_item(Contents *contents, int32 items, int64 *start)
{
	int32	   *rank = reco_idmap_sort(contents->terms);
	Entry	   *entries = reco_budget_alloc(contents->budget, contents->n, sizeof(Entry), "terms of items");
	int64		i;

	for (i = 0; i < contents->n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		start[contents->counts[i].item + 2]++;
	}
	for (i = 2; i <= items + 1; i++)
		start[i] += start[i - 1];
	for (i = 0; i < contents->n; i++)
	{
		const TermCount *read = &contents->counts[i];
		Entry	   *entry = &entries[start[read->item + 1]++];

		RECO_CHECK_INTERRUPTS(i);
		entry->term = rank[read->term];
		entry->count = read->count;
	}
	reco_budget_free(contents->budget, rank);
	reco_budget_free(contents->budget, contents->counts);
	return entries;
}

static int
compare_terms(const void *a, const void *b)
{
	int32		x = ((const Entry *) a)->term;
	int32		y = ((const Entry *) b)->term;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/* Sort the entries of a row by term, and add up those of the same; returns how many are left. */
static int64
merge_row(Entry *row, int64 n)
{
	int64		kept = 0;
	int64		i;

	qsort(row, n, sizeof(Entry), compare_terms);
	for (i = 0; i < n; i++)
	{
		if (kept > 0 && row[kept - 1].term == row[i].term)
		{
			if (pg_add_s32_overflow(row[kept - 1].count, row[i].count, &row[kept - 1].count))
				row[kept - 1].count = PG_INT32_MAX;
		}
		else
			row[kept++] = row[i];
	}
	return kept;
}

/* The same for all rows, which move together. */
static void
merge_rows(Entry *entries, int32 items, int64 *start)
{
	int64		end = 0;
	int32		i;

	for (i = 0; i < items; i++)
	{
		int64		first = start[i];
		int64		n = start[i + 1] - first;

		RECO_CHECK_INTERRUPTS(i);
		if (n > 0)
			n = merge_row(entries + first, n);
		memmove(entries + end, entries + first, n * sizeof(Entry));
		start[i] = end;
		end += n;
	}
	start[items] = end;
}

/* --- weights ----------------------------------------------------------------------------------------------- */

/* ln(N / df) by term. */
static double *
inverse_frequencies(RecoBudget *budget, const Entry *entries, const int64 *start, int32 items, int32 terms)
{
	double	   *inverse = reco_budget_alloc(budget, terms, sizeof(double), "terms");
	int32		with_any = 0;
	int64		i;

	for (i = 0; i < items; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		with_any += start[i + 1] > start[i];
	}
	for (i = 0; i < start[items]; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		inverse[entries[i].term]++;
	}
	for (i = 0; i < terms; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		inverse[i] = log(with_any / inverse[i]);
	}
	return inverse;
}

static double
term_weight(const Entry *entry, const double *inverse)
{
	return (1 + log(entry->count)) * inverse[entry->term];
}

/* The weights of a row, scaled to length 1, without those of 0; returns how many there are. */
static int64
weigh_row(const Entry *row, int64 n, const double *inverse, int32 *index, float *weight)
{
	double		squares = 0;
	int64		kept = 0;
	int64		i;

	for (i = 0; i < n; i++)
	{
		double		w = term_weight(&row[i], inverse);

		squares += w * w;
	}
	for (i = 0; i < n; i++)
	{
		float		scaled = (float) (term_weight(&row[i], inverse) / sqrt(squares));

		if (!(scaled > 0))
			continue;
		index[kept] = row[i].term;
		weight[kept++] = scaled;
	}
	return kept;
}

static RecoSparse *
weigh(RecoBudget *budget, const Entry *entries, int64 *start, int32 items, int32 terms)
{
	RecoSparse *matrix = MemoryContextAllocZero(budget->current, sizeof(RecoSparse));
	int32	   *index = reco_budget_alloc(budget, start[items], sizeof(int32), "terms of items");
	float	   *weight = reco_budget_alloc(budget, start[items], sizeof(float), "terms of items");
	double	   *inverse = inverse_frequencies(budget, entries, start, items, terms);
	int64		first = 0;
	int64		end = 0;
	int32		i;

	for (i = 0; i < items; i++)
	{
		int64		next = start[i + 1];

		CHECK_FOR_INTERRUPTS();
		end += weigh_row(entries + first, next - first, inverse, index + end, weight + end);
		start[i + 1] = end;
		first = next;
	}
	reco_budget_free(budget, inverse);
	matrix->rows = items;
	matrix->cols = terms;
	matrix->start = start;
	matrix->index = index;
	matrix->weight = weight;
	return matrix;
}

/*
 * The contents of items by the sources of items among sources: items x terms, rows of length 1, empty for an item of
 * which nothing is known that others lack; NULL where no source has features or a description.  find_item says which
 * items those of the sources are, of 0 to items - 1.  Memory: where the budget allocates now.  Errors:
 * configuration_limit_exceeded (memory), and what reading raises.
 */
const RecoSparse *
reco_contents_read(RecoBudget *budget, const RecoReader *reader, List *sources, int32 items, RecoFindItem find_item,
				   void *arg)
{
	Contents	contents;
	RecoSparse *matrix;
	Entry	   *entries;
	int64	   *start;
	bool		any = false;
	ListCell   *cell;

	foreach(cell, sources)
		any |= has_contents(lfirst(cell));
	if (!any)
		return NULL;
	begin_reading(&contents, budget, find_item, arg);
	foreach(cell, sources)
		if (has_contents(lfirst(cell)))
			read_source(&contents, reader, lfirst(cell));
	start = reco_budget_alloc(budget, (Size) items + 2, sizeof(int64), "terms of items");
	entries = group_by_item(&contents, items, start);
	merge_rows(entries, items, start);
	matrix = weigh(budget, entries, start, items, reco_idmap_count(contents.terms));
	reco_budget_free(budget, entries);
	reco_idmap_free(contents.terms);
	MemoryContextDelete(contents.word_context);
	pfree(contents.term.data);
	return matrix;
}
