/*
 * words.c: finds the words of a text by a text search configuration, in their order.
 *
 * What a word is, and which form of it counts, is the configuration's to say: simple knows no language, and takes words in
 * lower case by the rules of the database's locale; others leave out stop words and endings.
 *
 * A text is parsed piece by piece, because the time that PostgreSQL's parser takes can grow with the square of the length,
 * without looking for interrupts: 100 kB of a_a_a_ take a minute, and 1 kB takes 10 ms.  (A tag that a cut goes through is
 * read as words.)
 */
#include "postgres.h"

#include "words.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_ts_config.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "tsearch/ts_utils.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#define MAX_TEXT 100000			/* bytes that are looked at */
#define PIECE 1000				/* bytes that are parsed at once */
#define FIRST_WORDS 128

struct RecoWords
{
	MemoryContext context;		/* of this, and child of the one that it was made in */
	MemoryContext piece_context;	/* emptied after each piece of text */
};

/* In a child of the current memory context. */
RecoWords *
reco_words_create(void)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "reco words", ALLOCSET_SMALL_SIZES);
	RecoWords  *words = MemoryContextAlloc(context, sizeof(RecoWords));

	words->context = context;
	words->piece_context = AllocSetContextCreate(context, "reco words of a text", ALLOCSET_DEFAULT_SIZES);
	return words;
}

void
reco_words_free(RecoWords *words)
{
	MemoryContextDelete(words->context);
}

/*
 * The configuration of a name that to_tsvector would take; NULL: simple.  What a name without a schema means is a matter of
 * the search path.  Errors: undefined_object, and those of a name.
 */
Oid
reco_words_configuration(const char *name)
{
	Oid			oid = DatumGetObjectId(DirectFunctionCall1(regconfigin, CStringGetDatum(name != NULL ? name : "pg_catalog.simple")));

	/* A number is taken as it is. */
	if (!SearchSysCacheExists1(TSCONFIGOID, ObjectIdGetDatum(oid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("text search configuration with OID %u does not exist", oid),
				 errhint("SELECT cfgname FROM pg_ts_config lists them.")));
	return oid;
}

/* The same of a name with its schema, InvalidOid where there is none. */
Oid
reco_words_find_configuration(const char *name)
{
	return get_ts_config_oid(textToQualifiedNameList(cstring_to_text(name)), true);
}

/* Its name with its schema, for that function, on any search path; NULL where it does not exist. */
char *
reco_words_configuration_name(Oid configuration)
{
	HeapTuple	tuple = SearchSysCache1(TSCONFIGOID, ObjectIdGetDatum(configuration));
	char	   *name = NULL;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_ts_config row = (Form_pg_ts_config) GETSTRUCT(tuple);

		name = quote_qualified_identifier(get_namespace_name(row->cfgnamespace), NameStr(row->cfgname));
		ReleaseSysCache(tuple);
	}
	return name;
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

static bool
split_piece(RecoWords *words, Oid configuration, const char *bytes, int length, RecoWordCallback callback, void *arg)
{
	MemoryContext old_context = MemoryContextSwitchTo(words->piece_context);
	ParsedText	parsed = {.lenwords = FIRST_WORDS};
	bool		goes_on = true;
	int			i;

	parsed.words = palloc(FIRST_WORDS * sizeof(ParsedWord));
	parsetext(configuration, &parsed, pnstrdup(bytes, length), length);
	MemoryContextSwitchTo(old_context);
	for (i = 0; i < parsed.curwords && goes_on; i++)
		goes_on = callback(arg, parsed.words[i].word, parsed.words[i].len);
	MemoryContextReset(words->piece_context);
	return goes_on;
}

/*
 * Hand over the words of a text, of its first 100 kB, until the callback has enough; a word is there for the time of the
 * call.
 */
void
reco_words_split(RecoWords *words, Oid configuration, const char *bytes, int length, RecoWordCallback callback, void *arg)
{
	const char *at = bytes;
	const char *end = at + (length <= MAX_TEXT ? length : pg_mbcliplen(at, length, MAX_TEXT));
	bool		goes_on = true;

	while (at < end && goes_on)
	{
		int			piece = piece_length(at, (int) (end - at));

		CHECK_FOR_INTERRUPTS();
		goes_on = split_piece(words, configuration, at, piece, callback, arg);
		at += piece;
	}
}
