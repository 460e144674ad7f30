/*
 * friends.c: reads what the people whom a customer follows bought, at the time of a request.
 *
 * Three bounded reads in the snapshot of the calling statement: his newest ties, what they consent to, and for each order
 * source the newest lines of all who do, in one query.  What comes of it is one bag: an item counts by how many have it, and
 * whose it was is forgotten here.
 */
#include "postgres.h"

#include "friends.h"

#include "answering.h"
#include "consent.h"
#include "history.h"
#include "miscadmin.h"
#include "ties.h"

enum
{
	TIE_FRIEND, TIE_AT, TIE_COLUMNS
};

static const RecoField tie_fields[TIE_COLUMNS] = {
	[TIE_FRIEND] = {RECO_ROLE_FRIEND, NULL},
	[TIE_AT] = {RECO_ROLE_AT, NULL}
};

enum
{
	LINE_USER, LINE_ITEM, LINE_AT, LINE_QUANTITY, LINE_COLUMNS
};

static const RecoField line_fields[LINE_COLUMNS] = {
	[LINE_USER] = {RECO_ROLE_USER, NULL},
	[LINE_ITEM] = {RECO_ROLE_ITEM, NULL},
	[LINE_AT] = {RECO_ROLE_AT, NULL},
	[LINE_QUANTITY] = {RECO_ROLE_QUANTITY, NULL}
};

typedef struct Friend
{
	RecoKey		key;
	TimestampTz since;
} Friend;

typedef struct FriendReader
{
	MemoryContext context;		/* of keys */
	const RecoModel *model;
	const RecoKey *user;
	int			most;
	Friend	   *friends;		/* [most] */
	int			n;
	RecoKey    *keys;			/* [n] of those who consent, in the order of keys */
	int			last;			/* whose line came last */
	bool		has_quantity;
	RecoHistory *lines;
} FriendReader;

/* --- whom -------------------------------------------------------------------------------------------------- */

static int
compare_keys(const RecoKey *a, const RecoKey *b)
{
	int			order;

	if (a->bytes == NULL)
		return (a->integer > b->integer) - (a->integer < b->integer);
	order = memcmp(a->bytes, b->bytes, Min(a->length, b->length));
	return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

/* The newest ties first, as each source gives them. */
static int
compare_friends(const void *a, const void *b)
{
	const Friend *x = a;
	const Friend *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->since != y->since)
		return x->since > y->since ? -1 : 1;
	return compare_keys(&x->key, &y->key);
}

static int
compare_by_key(const void *a, const void *b)
{
	CHECK_FOR_INTERRUPTS();
	return compare_keys(a, b);
}

/* Texts are gone with the row, and what is allocated for it with the query. */
static RecoKey
key_of(const FriendReader *reader, const RecoValue *value)
{
	RecoKey		key = {value->integer, NULL, 0};

	if (!reader->model->integer_keys)
	{
		char	   *bytes = MemoryContextAlloc(reader->context, Max(value->length, 1));

		memcpy(bytes, value->bytes, value->length);
		key = (RecoKey) {0, bytes, value->length};
	}
	return key;
}

static void
receive_tie(void *arg, const RecoValue *values)
{
	FriendReader *reader = arg;
	Friend		added = {.since = values[TIE_AT].is_null ? DT_NOBEGIN : values[TIE_AT].integer};
	int			i;

	added.key = key_of(reader, &values[TIE_FRIEND]);
	if (compare_keys(&added.key, reader->user) == 0)
		return;
	for (i = 0; i < reader->n; i++)
		if (compare_keys(&added.key, &reader->friends[i].key) == 0)
		{
			reader->friends[i].since = Max(reader->friends[i].since, added.since);
			return;
		}
	if (reader->n < reader->most)
		reader->friends[reader->n++] = added;
}

/* The keys of those who let what they bought speak to others, in their order; returns how many. */
static int
keep_consenting(FriendReader *reader, const RecoReader *from, List *sources, bool default_consent)
{
	RecoPurposes *allowed = palloc(mul_size(Max(reader->n, 1), sizeof(RecoPurposes)));
	int			kept = 0;
	int			i;

	reader->keys = palloc(mul_size(Max(reader->n, 1), sizeof(RecoKey)));
	for (i = 0; i < reader->n; i++)
		reader->keys[i] = reader->friends[i].key;
	qsort(reader->keys, reader->n, sizeof(RecoKey), compare_by_key);
	reco_consent_of_many(from, sources, default_consent, reader->keys, reader->n, allowed);
	for (i = 0; i < reader->n; i++)
		if (allowed[i] & RECO_MAY_SOCIAL)
			reader->keys[kept++] = reader->keys[i];
	return kept;
}

/* Whom the customer follows, and may learn from. */
static void
read_friends(FriendReader *reader, const RecoReader *from, List *sources, bool default_consent, TimestampTz before)
{
	int			n_sources = 0;
	ListCell   *cell;

	foreach(cell, sources)
		n_sources += ((RecoSource *) lfirst(cell))->kind == RECO_SOURCE_SOCIAL;
	reader->most = RECO_MOST_FRIENDS * Max(n_sources, 1);
	reader->friends = palloc(mul_size(reader->most, sizeof(Friend)));
	foreach(cell, sources)
		if (((RecoSource *) lfirst(cell))->kind == RECO_SOURCE_SOCIAL)
			(void) reco_sources_read_ties(from, lfirst(cell), tie_fields, TIE_COLUMNS, reader->user, before,
										  RECO_MOST_FRIENDS, receive_tie, reader);
	qsort(reader->friends, reader->n, sizeof(Friend), compare_friends);
	reader->n = Min(reader->n, RECO_MOST_FRIENDS);
	reader->n = keep_consenting(reader, from, sources, default_consent);
}

/* --- what -------------------------------------------------------------------------------------------------- */

/* The lines of one customer come together. */
static int
find_friend(FriendReader *reader, const RecoValue *value)
{
	RecoKey		key = {value->integer, value->bytes, value->length};
	int			i;

	if (reader->model->integer_keys)
		key.bytes = NULL;
	if (compare_keys(&reader->keys[reader->last], &key) == 0)
		return reader->last;
	for (i = 0; i < reader->n; i++)
		if (compare_keys(&reader->keys[i], &key) == 0)
			reader->last = i;
	return reader->last;
}

static void
receive_line(void *arg, const RecoValue *values)
{
	FriendReader *reader = arg;
	RecoLine	line = {.order = -1,.quantity = 1};
	RecoKey		item = {values[LINE_ITEM].integer, values[LINE_ITEM].bytes, values[LINE_ITEM].length};

	if (values[LINE_ITEM].is_null || values[LINE_AT].is_null)
		return;
	line.at = values[LINE_AT].integer;
	line.item = reco_answering_find_item(reader->model, &item);
	if (reader->has_quantity)
		line.quantity = values[LINE_QUANTITY].is_null ? 0 : (float) values[LINE_QUANTITY].number;
	if (!reco_lines_is_usable(&line))
		return;
	line.user = find_friend(reader, &values[LINE_USER]);
	reco_history_add(reader->lines, &line);
}

/*
 * The bag of what the people bought whom a customer follows, in the order of items: of those who consent, the newest lines
 * before a time, whose age counts from as_of.  In the current memory context.  Errors: what reading raises.
 */
RecoEntry *
reco_friends_read(const RecoReader *reader, List *sources, const RecoModel *model, bool default_consent,
				  const RecoKey *user, TimestampTz before, TimestampTz as_of, int64 *n)
{
	FriendReader row_reader = {.model = model,.user = user,.context = CurrentMemoryContext};
	RecoEntry  *entries;
	ListCell   *cell;

	*n = 0;
	read_friends(&row_reader, reader, sources, default_consent, before);
	if (row_reader.n == 0)
		return NULL;
	row_reader.lines = reco_history_create();
	foreach(cell, sources)
	{
		const RecoSource *source = lfirst(cell);

		row_reader.has_quantity = reco_definitions_column(source, RECO_ROLE_QUANTITY) != NULL;
		if (source->kind == RECO_SOURCE_ORDERS)
			(void) reco_sources_read_crowd(reader, source, line_fields, LINE_COLUMNS, row_reader.keys, row_reader.n, before,
										   RECO_FRIEND_LINES, receive_line, &row_reader);
	}
	entries = palloc(mul_size(Max(row_reader.lines->n, 1), sizeof(RecoEntry)));
	*n = reco_lines_crowd_bag(row_reader.lines->lines, row_reader.lines->n, as_of, entries);
	return entries;
}
