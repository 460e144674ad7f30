/*
 * crowd.c: reads whom all customers follow, and what those bought, in one pass for each source.
 *
 * It finds what friends.c finds for one customer: the newest RECO_MOST_FRIENDS ties, of those people the ones who consent, and
 * of each of them the newest RECO_FRIEND_LINES lines of each source.  Those lines are kept beside the customers' own, which
 * scoring changes, and whoever follows him looks at the same ones.
 */
#include "postgres.h"

#include "crowd.h"

#include "history.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "ties.h"

enum
{
	TIE_USER, TIE_FRIEND, TIE_AT, TIE_COLUMNS
};

static const RecoField tie_fields[TIE_COLUMNS] = {
	[TIE_USER] = {RECO_ROLE_USER, NULL},
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

/* Of one customer; friend is a number in the order of arrival, and then of keys. */
typedef struct Tie
{
	TimestampTz since;			/* DT_NOBEGIN: always */
	int32		friend;
	int32		source;
	bool		is_self;
	bool		consents;		/* the friend does */
} Tie;

typedef struct CrowdReader
{
	TimestampTz before;
	bool		integer_keys;
	const RecoIdMap *users;
	const RecoIdMap *items;
	const RecoConsents *consents;
	RecoIdMap  *followed;
	const int32 *rank;			/* of friends, by the order of their keys */
	RecoRaggedBuilder *ties;
	RecoRaggedBuilder *lines;
	int32		source;			/* that is being read */
	bool		has_time;
	bool		has_quantity;
} CrowdReader;

/* --- whom -------------------------------------------------------------------------------------------------- */

static bool
is_same_key(const CrowdReader *reader, const RecoValue *a, const RecoValue *b)
{
	if (reader->integer_keys)
		return a->integer == b->integer;
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static void
receive_tie(void *arg, const RecoValue *values)
{
	CrowdReader *reader = arg;
	Tie			tie = {.since = DT_NOBEGIN,.source = reader->source};
	int32		user;

	if (values[TIE_USER].is_null || values[TIE_FRIEND].is_null)
		return;
	if (reader->has_time && (values[TIE_AT].is_null || values[TIE_AT].integer >= reader->before))
		return;
	user = reco_idmap_find(reader->users, &values[TIE_USER]);
	if (user < 0 || !reco_consent_allows(reader->consents, &values[TIE_USER], RECO_MAY_PERSONALIZE | RECO_MAY_SOCIAL))
		return;
	if (reader->has_time)
		tie.since = values[TIE_AT].integer;
	tie.friend = reco_idmap_add(reader->followed, &values[TIE_FRIEND]);
	tie.is_self = is_same_key(reader, &values[TIE_USER], &values[TIE_FRIEND]);
	tie.consents = reco_consent_allows(reader->consents, &values[TIE_FRIEND], RECO_MAY_SOCIAL);
	*(Tie *) reco_ragged_add(reader->ties, user) = tie;
}

static int
compare_ties(const Tie *x, const Tie *y)
{
	if (x->since != y->since)
		return x->since > y->since ? -1 : 1;
	return (x->friend > y->friend) - (x->friend < y->friend);
}

static int
compare_newest(const void *a, const void *b)
{
	CHECK_FOR_INTERRUPTS();
	return compare_ties(a, b);
}

static int
compare_by_source(const void *a, const void *b)
{
	const Tie  *x = a;
	const Tie  *y = b;

	CHECK_FOR_INTERRUPTS();
	return x->source != y->source ? (x->source > y->source) - (x->source < y->source) : compare_ties(x, y);
}

/* The newest ties of each source, as a request reads them, but for those to the customer himself. */
static int64
keep_newest_ties(Tie *ties, int64 n)
{
	int64		kept = 0;
	int64		in_source = 0;
	int64		i;

	qsort(ties, n, sizeof(Tie), compare_by_source);
	for (i = 0; i < n; i++)
	{
		in_source = i > 0 && ties[i].source == ties[i - 1].source ? in_source + 1 : 1;
		if (in_source <= RECO_MOST_FRIENDS && !ties[i].is_self)
			ties[kept++] = ties[i];
	}
	return kept;
}

/* Whom a customer may learn from: the newest ties, each friend once, and of those the ones who consent. */
static int64
make_friends(void *arg, void *elements, int64 n, void *out)
{
	const CrowdReader *reader = arg;
	Tie		   *ties = elements;
	int32	   *friends = out;
	int64		seen = 0;
	int64		kept = 0;
	int64		i;
	int64		j;

	for (i = 0; i < n; i++)
		ties[i].friend = reader->rank[ties[i].friend];
	n = keep_newest_ties(ties, n);
	qsort(ties, n, sizeof(Tie), compare_newest);
	for (i = 0; i < n && seen < RECO_MOST_FRIENDS; i++)
	{
		for (j = 0; j < seen && ties[j].friend != ties[i].friend; j++)
			;
		if (j == seen)
			ties[seen++] = ties[i];
	}
	for (i = 0; i < seen; i++)
		if (ties[i].consents)
			friends[kept++] = ties[i].friend;
	return kept;
}

static RecoRagged
read_ties(CrowdReader *reader, const RecoAnswering *a, RecoBudget *budget)
{
	RecoReader	ungated = a->reader;
	RecoRagged	friends;
	int32	   *rank;
	ListCell   *cell;

	/* Which ties are the newest is told before anybody's consent. */
	ungated.gate = NULL;
	reader->ties = reco_ragged_begin(budget, sizeof(Tie), "ties");
	foreach(cell, a->sources)
	{
		const RecoSource *source = lfirst(cell);

		if (source->kind != RECO_SOURCE_SOCIAL)
			continue;
		reader->has_time = reco_definitions_column(source, RECO_ROLE_AT) != NULL;
		(void) reco_sources_read_all(&ungated, source, tie_fields, TIE_COLUMNS, receive_tie, reader);
		reader->source++;
	}
	rank = reco_idmap_sort(reader->followed);
	reader->rank = rank;
	friends = reco_ragged_end(reader->ties, reco_idmap_count(reader->users));
	reco_ragged_remake(&friends, sizeof(int32), make_friends, reader);
	pfree(rank);
	return friends;
}

/* --- what -------------------------------------------------------------------------------------------------- */

static void
receive_line(void *arg, const RecoValue *values)
{
	CrowdReader *reader = arg;
	RecoLine	line = {.order = reader->source,.quantity = 1,.item = -1};
	int32		row;

	if (values[LINE_USER].is_null || values[LINE_AT].is_null || values[LINE_AT].integer >= reader->before)
		return;
	row = reco_idmap_rank(reader->followed, &values[LINE_USER]);
	if (row < 0)
		return;
	line.at = values[LINE_AT].integer;
	if (!values[LINE_ITEM].is_null)
		line.item = reco_idmap_find(reader->items, &values[LINE_ITEM]);
	if (reader->has_quantity)
		line.quantity = values[LINE_QUANTITY].is_null ? 0 : (float) values[LINE_QUANTITY].number;
	*(RecoLine *) reco_ragged_add(reader->lines, row) = line;
}

/* The newest lines of each source, and of those the ones that count. */
static int64
make_lines(void *arg, void *elements, int64 n, void *out)
{
	RecoLine   *lines = out;
	int64		kept;
	int64		i;

	(void) arg;
	memmove(lines, elements, n * sizeof(RecoLine));
	kept = reco_history_keep_newest(lines, n, RECO_FRIEND_LINES);
	for (i = 0; i < kept; i++)
		lines[i].order = -1;
	return kept;
}

static RecoRagged
read_lines(CrowdReader *reader, const RecoAnswering *a, RecoBudget *budget)
{
	RecoRagged	lines;
	ListCell   *cell;

	reader->lines = reco_ragged_begin(budget, sizeof(RecoLine), "friends' order lines");
	reader->source = 0;
	foreach(cell, a->sources)
	{
		const RecoSource *source = lfirst(cell);

		if (source->kind != RECO_SOURCE_ORDERS || reco_definitions_column(source, RECO_ROLE_USER) == NULL)
			continue;
		reader->has_quantity = reco_definitions_column(source, RECO_ROLE_QUANTITY) != NULL;
		(void) reco_sources_read_all(&a->reader, source, line_fields, LINE_COLUMNS, receive_line, reader);
		reader->source++;
	}
	lines = reco_ragged_end(reader->lines, reco_idmap_count(reader->followed));
	reco_ragged_remake(&lines, sizeof(RecoLine), make_lines, NULL);
	return lines;
}

/*
 * Whom each of some customers follows, by their numbers in users, and the newest lines of those; items are numbered as in the
 * model.  From the budget.  Errors: configuration_limit_exceeded, and what reading raises.
 */
RecoCrowd
reco_crowd_read(const RecoAnswering *a, const RecoIdMap *users, const RecoIdMap *items, const RecoConsents *consents,
				RecoBudget *budget)
{
	CrowdReader reader = {.before = a->evidence_end,.integer_keys = a->model->integer_keys,.users = users,.items = items,
	.consents = consents};
	RecoCrowd	crowd;

	reader.followed = reco_idmap_create(budget, a->model->integer_keys, "friends");
	crowd.friends = read_ties(&reader, a, budget);
	crowd.lines = read_lines(&reader, a, budget);
	reco_idmap_free(reader.followed);
	return crowd;
}

/*
 * The bag of what those bought whom a customer follows, in the order of items, in the current memory context.
 */
RecoEntry *
reco_crowd_bag(const RecoRagged *friends, const RecoRagged *lines, int32 user, TimestampTz as_of, int64 *n)
{
	int64		n_friends;
	const int32 *list = reco_ragged_row(friends, user, &n_friends);
	int64		n_lines = 0;
	RecoLine   *copy;
	RecoEntry  *entries;
	int64		i;

	*n = 0;
	if (lines->rows == 0)
		return NULL;
	for (i = 0; i < n_friends; i++)
		n_lines += lines->start[list[i] + 1] - lines->start[list[i]];
	if (n_lines == 0)
		return NULL;
	copy = palloc_extended(mul_size(n_lines, sizeof(RecoLine)), MCXT_ALLOC_HUGE);
	n_lines = 0;
	for (i = 0; i < n_friends; i++)
	{
		int64		count;
		const RecoLine *of_friend = reco_ragged_row(lines, list[i], &count);
		int64		j;

		for (j = 0; j < count; j++)
		{
			copy[n_lines] = of_friend[j];
			copy[n_lines++].user = (int32) i;
		}
	}
	entries = palloc_extended(mul_size(n_lines, sizeof(RecoEntry)), MCXT_ALLOC_HUGE);
	*n = reco_lines_crowd_bag(copy, n_lines, as_of, entries);
	return entries;
}
