/*
 * contents.c: reads features and descriptions of items as weighted terms.
 *
 * A feature is a term for each of its labels (labels.c), name=label.  A description is as many as PostgreSQL's text search
 * finds words in it (words.c), by the configuration simple, which knows no language: words in lower case, by the rules of the
 * database's locale; and pairs of words that stand side by side, which say more of short titles than words alone (src/README
 * has the measurements).  The rows of an item go together.  How often an item has a term is counted in integers, and terms
 * are numbered in bytewise order before anything is summed up as floating point: the same rows in any order give the same
 * bits.
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

#include "common/int.h"
#include "fmgr.h"
#include "idmap.h"
#include "interrupts.h"
#include "lib/stringinfo.h"
#include "utils/memutils.h"
#include "words.h"

#define FIRST_COUNTS 1024
#define MOST_LABELS 1000000		/* of a feature */

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
	RecoWords  *words;
	int32		item;			/* whose description is being read */
	StringInfoData word;		/* its last one; empty: none */
	StringInfoData term;
	RecoIdMap  *terms;
	TermCount  *counts;
	int64		n;
	int64		capacity;
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
add_feature(Contents *contents, int32 item, const char *name, size_t name_length, const char *label, size_t label_length)
{
	resetStringInfo(&contents->term);
	appendBinaryStringInfo(&contents->term, name, (int) name_length);
	appendStringInfoChar(&contents->term, '=');
	appendBinaryStringInfo(&contents->term, label, (int) label_length);
	add_term(contents, item, contents->term.data, contents->term.len, 1);
}

/* A word of a description, and the pair that it makes with the one before: a word is no two of them. */
static bool
add_word(void *arg, const char *word, int length)
{
	Contents   *contents = arg;

	add_term(contents, contents->item, word, length, 1);
	if (contents->word.len > 0)
	{
		resetStringInfo(&contents->term);
		appendBinaryStringInfo(&contents->term, contents->word.data, contents->word.len);
		appendStringInfoChar(&contents->term, ' ');
		appendBinaryStringInfo(&contents->term, word, length);
		add_term(contents, contents->item, contents->term.data, contents->term.len, 1);
	}
	resetStringInfo(&contents->word);
	appendBinaryStringInfo(&contents->word, word, length);
	return true;
}

static int
compare_counts(const void *a, const void *b)
{
	int32		x = ((const TermCount *) a)->term;
	int32		y = ((const TermCount *) b)->term;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/* Add up the counts of the same terms from a place on, all of one item: a long text has its words and pairs many times. */
static void
merge_counts(Contents *contents, int64 first)
{
	TermCount  *counts = contents->counts;
	int64		kept = first;
	int64		i;

	qsort(counts + first, contents->n - first, sizeof(TermCount), compare_counts);
	for (i = first; i < contents->n; i++)
	{
		if (kept > first && counts[kept - 1].term == counts[i].term)
			counts[kept - 1].count += counts[i].count;
		else
			counts[kept++] = counts[i];
	}
	contents->n = kept;
}

static void
add_description(Contents *contents, int32 item, const RecoValue *value)
{
	int64		first = contents->n;

	contents->item = item;
	resetStringInfo(&contents->word);
	reco_words_split(contents->words, contents->configuration, value->bytes, value->length, add_word, contents);
	merge_counts(contents, first);
}

static int32
number_item(void *arg, const RecoValue *value)
{
	const Contents *contents = arg;
	RecoKey		key = {value->integer, value->bytes, value->length};

	return contents->find_item(contents->arg, &key);
}

static void
receive_item(void *arg, const RecoValue *values)
{
	Contents   *contents = arg;
	int32		item = values[0].is_null ? -1 : number_item(contents, &values[0]);

	if (item >= 0 && !values[1].is_null)
		add_description(contents, item, &values[1]);
}

static bool
has_contents(const RecoSource *source)
{
	return source->kind == RECO_SOURCE_ITEMS && (reco_definitions_column(source, RECO_ROLE_FEATURES) != NULL ||
												 reco_definitions_column(source, RECO_ROLE_DESCRIPTION) != NULL);
}

static void
read_descriptions(Contents *contents, const RecoReader *reader, const RecoSource *source)
{
	static const RecoField fields[] = {{RECO_ROLE_ITEM, NULL}, {RECO_ROLE_DESCRIPTION, NULL}};

	if (source->kind == RECO_SOURCE_ITEMS && reco_definitions_column(source, RECO_ROLE_DESCRIPTION) != NULL)
		(void) reco_sources_read_all(reader, source, fields, lengthof(fields), receive_item, contents);
}

/* The labels of items, in the budget's memory; NULL where no source has features. */
static const RecoLabelled *
read_labels(Contents *contents, const RecoReader *reader, List *sources, int32 items, int32 least_items)
{
	const RecoLabelOptions options = {MOST_LABELS, least_items};
	const RecoMembers *members = reco_labels_members(reader, sources, RECO_FIELDS_OF_ITEMS, false);
	RecoLabeller *labeller;
	ListCell   *cell;

	if (members->n == 0)
		return NULL;
	labeller = reco_labels_begin(contents->budget, members);
	foreach(cell, sources)
	{
		const RecoSource *source = lfirst(cell);

		if (source->kind == RECO_SOURCE_ITEMS)
			reco_labels_read(labeller, reader, source, RECO_ROLE_ITEM, number_item, contents);
	}
	return reco_labels_end(labeller, items, &options);
}

/* Each label of an item is a term. */
static void
add_labels(Contents *contents, const RecoLabelled *labelled)
{
	const RecoFields *fields = &labelled->fields;
	int32		item;
	int64		e;

	for (item = 0; item < labelled->rows.rows; item++)
	{
		RECO_CHECK_INTERRUPTS(item);
		for (e = labelled->rows.start[item]; e < labelled->rows.start[item + 1]; e++)
		{
			int32		label = labelled->rows.index[e];
			size_t		name_length;
			size_t		length;
			const char *name = reco_fields_name(fields, reco_fields_of_label(fields, label), &name_length);
			const char *text = reco_fields_text(fields, label, &length);

			add_feature(contents, item, name, name_length, text, length);
		}
	}
}

static void
begin_reading(Contents *contents, RecoBudget *budget, RecoFindItem find_item, void *arg)
{
	memset(contents, 0, sizeof(*contents));
	contents->budget = budget;
	contents->find_item = find_item;
	contents->arg = arg;
	contents->configuration = reco_words_configuration(NULL);
	contents->words = reco_words_create();
	initStringInfo(&contents->term);
	initStringInfo(&contents->word);
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

static int
compare_descending(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	CHECK_FOR_INTERRUPTS();
	return (x < y) - (x > y);
}

/* How many items a term must have so that at most so many terms have as many. */
static int32
find_least(RecoBudget *budget, const double *frequencies, int32 terms, const RecoContentsOptions *options)
{
	int32	   *sorted;
	int32		least = options->least_items;
	int32		i;

	if (terms <= options->most_terms)
		return least;
	sorted = reco_budget_alloc(budget, terms, sizeof(int32), "terms");
	for (i = 0; i < terms; i++)
		sorted[i] = (int32) frequencies[i];
	qsort(sorted, terms, sizeof(int32), compare_descending);
	least = Max(least, sorted[options->most_terms] + 1);
	reco_budget_free(budget, sorted);
	return least;
}

/* ln(N / df) by term, 0 for those that are left out; number has the new numbers of the others, of which there are *kept. */
static double *
inverse_frequencies(RecoBudget *budget, const Entry *entries, const int64 *start, int32 items, int32 terms,
					const RecoContentsOptions *options, int32 *number, int32 *kept)
{
	double	   *inverse = reco_budget_alloc(budget, terms, sizeof(double), "terms");
	int32		with_any = 0;
	int32		least;
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
	least = find_least(budget, inverse, terms, options);
	*kept = 0;
	for (i = 0; i < terms; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		inverse[i] = inverse[i] >= least ? log(with_any / inverse[i]) : 0;
		number[i] = inverse[i] > 0 ? (*kept)++ : -1;
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
weigh_row(const Entry *row, int64 n, const double *inverse, const int32 *number, int32 *index, float *weight)
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
		index[kept] = number[row[i].term];
		weight[kept++] = scaled;
	}
	return kept;
}

static RecoSparse *
weigh(RecoBudget *budget, const Entry *entries, int64 *start, int32 items, int32 terms, const RecoContentsOptions *options)
{
	RecoSparse *matrix = MemoryContextAllocZero(budget->current, sizeof(RecoSparse));
	int32	   *index = reco_budget_alloc(budget, start[items], sizeof(int32), "terms of items");
	float	   *weight = reco_budget_alloc(budget, start[items], sizeof(float), "terms of items");
	int32	   *number = reco_budget_alloc(budget, terms, sizeof(int32), "terms");
	int32		kept;
	double	   *inverse = inverse_frequencies(budget, entries, start, items, terms, options, number, &kept);
	int64		first = 0;
	int64		end = 0;
	int32		i;

	for (i = 0; i < items; i++)
	{
		int64		next = start[i + 1];

		CHECK_FOR_INTERRUPTS();
		end += weigh_row(entries + first, next - first, inverse, number, index + end, weight + end);
		start[i + 1] = end;
		first = next;
	}
	reco_budget_free(budget, inverse);
	reco_budget_free(budget, number);
	matrix->rows = items;
	matrix->cols = kept;
	matrix->start = start;
	matrix->index = index;
	matrix->weight = weight;
	return matrix;
}

/*
 * The contents of items by the sources of items among sources: items x terms, rows of length 1, empty for an item of
 * which nothing is known that others lack; NULL where no source has features or a description.  find_item says which
 * items those of the sources are, of 0 to items - 1.  labelled, unless NULL, gets the labels that features were made of, or
 * NULL.  Memory: where the budget allocates now, but labels are in its context.  Errors: configuration_limit_exceeded
 * (memory), and what reading raises.
 */
const RecoSparse *
reco_contents_read(RecoBudget *budget, const RecoReader *reader, List *sources, int32 items, RecoFindItem find_item,
				   void *arg, const RecoContentsOptions *options, const RecoLabelled **labelled)
{
	const RecoLabelled *labels;
	Contents	contents;
	RecoSparse *matrix;
	Entry	   *entries;
	int64	   *start;
	bool		any = false;
	ListCell   *cell;

	if (labelled != NULL)
		*labelled = NULL;
	foreach(cell, sources)
		any |= has_contents(lfirst(cell));
	if (!any)
		return NULL;
	begin_reading(&contents, budget, find_item, arg);
	foreach(cell, sources)
		read_descriptions(&contents, reader, lfirst(cell));
	labels = read_labels(&contents, reader, sources, items, options->least_items);
	if (labels != NULL)
		add_labels(&contents, labels);
	if (labelled != NULL)
		*labelled = labels;
	start = reco_budget_alloc(budget, (Size) items + 2, sizeof(int64), "terms of items");
	entries = group_by_item(&contents, items, start);
	merge_rows(entries, items, start);
	matrix = weigh(budget, entries, start, items, reco_idmap_count(contents.terms), options);
	reco_budget_free(budget, entries);
	reco_idmap_free(contents.terms);
	reco_words_free(contents.words);
	pfree(contents.term.data);
	return matrix;
}
