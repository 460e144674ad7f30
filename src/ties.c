/*
 * ties.c: reads who follows whom, for training.
 *
 * Held-out orders are replayed with what the people followed had bought by then, as a request would find it: so ties are
 * brought to the numbers that customers have when all lines are sorted.  Who has bought nothing that counts has no
 * number, and nothing to say either.  The model itself keeps no tie.
 */
#include "postgres.h"

#include "ties.h"

#include "interrupts.h"

#define FIRST_TIES 1024

enum
{
	COLUMN_USER, COLUMN_FRIEND, COLUMN_AT, TIE_COLUMNS
};

static const RecoField tie_fields[TIE_COLUMNS] = {
	[COLUMN_USER] = {RECO_ROLE_USER, NULL},
	[COLUMN_FRIEND] = {RECO_ROLE_FRIEND, NULL},
	[COLUMN_AT] = {RECO_ROLE_AT, NULL}
};

typedef struct TieReader
{
	RecoBudget *budget;
	RecoTies   *ties;
	const RecoIdMap *users;
	bool		has_time;
} TieReader;

/* The number of a customer who takes part, -1 for anybody else. */
static int32
find_user(const TieReader *reader, const RecoValue *key)
{
	return key->is_null ? -1 : reco_idmap_rank(reader->users, key);
}

static void
receive_tie(void *arg, const RecoValue *values)
{
	TieReader  *reader = arg;
	RecoTies   *ties = reader->ties;
	RecoTie		tie = {.since = DT_NOBEGIN};

	/* A tie whose time is not known, where others have one, may be later than anything. */
	if (reader->has_time && values[COLUMN_AT].is_null)
		return;
	if (reader->has_time)
		tie.since = values[COLUMN_AT].integer;
	tie.user = find_user(reader, &values[COLUMN_USER]);
	tie.friend_user = find_user(reader, &values[COLUMN_FRIEND]);
	if (tie.user < 0 || tie.friend_user < 0 || tie.user == tie.friend_user)
		return;
	if (ties->n == ties->capacity)
	{
		int64		capacity = ties->capacity + ties->capacity / 2;

		ties->list = reco_budget_resize(reader->budget, ties->list, ties->capacity, capacity, sizeof(RecoTie), "ties");
		ties->capacity = capacity;
	}
	ties->list[ties->n++] = tie;
}

static int
compare_ties(const void *a, const void *b)
{
	const RecoTie *x = a;
	const RecoTie *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->user != y->user)
		return x->user < y->user ? -1 : 1;
	if (x->since != y->since)
		return x->since > y->since ? -1 : 1;
	return (x->friend_user > y->friend_user) - (x->friend_user < y->friend_user);
}

/* Where the ties of each customer begin. */
static void
index_ties(RecoTies *ties, int32 users)
{
	int64		i = 0;
	int32		user;

	for (user = 0; user <= users; user++)
	{
		ties->start[user] = i;
		while (i < ties->n && ties->list[i].user == user)
			i++;
		RECO_CHECK_INTERRUPTS(user);
	}
}

/*
 * The ties among customers, whose dictionary is sorted; NULL where no source has any.  From the budget.  Errors: configuration_limit_exceeded, and what reading raises.
 */
RecoTies *
reco_ties_read(RecoBudget *budget, const RecoReader *reader, List *sources, const RecoIdMap *users)
{
	TieReader	row_reader = {.budget = budget,.users = users};
	RecoTies   *ties = NULL;
	ListCell   *cell;

	foreach(cell, sources)
	{
		const RecoSource *source = lfirst(cell);

		if (source->kind != RECO_SOURCE_SOCIAL)
			continue;
		if (ties == NULL)
		{
			ties = reco_budget_alloc(budget, 1, sizeof(RecoTies), "ties");
			ties->capacity = FIRST_TIES;
			ties->list = reco_budget_alloc(budget, FIRST_TIES, sizeof(RecoTie), "ties");
			row_reader.ties = ties;
		}
		row_reader.has_time = reco_definitions_column(source, RECO_ROLE_AT) != NULL;
		(void) reco_sources_read_all(reader, source, tie_fields, TIE_COLUMNS, receive_tie, &row_reader);
	}
	if (ties == NULL)
		return NULL;
	qsort(ties->list, ties->n, sizeof(RecoTie), compare_ties);
	ties->start = reco_budget_alloc(budget, (Size) reco_idmap_count(users) + 1, sizeof(int64), "ties");
	index_ties(ties, reco_idmap_count(users));
	return ties;
}

/*
 * Whom a customer (-1: nobody) followed before a time, each once, as a request would find them: at most RECO_MOST_FRIENDS,
 * the newest ties.  Returns how many.
 */
int
reco_ties_of(const RecoTies *ties, int32 user, TimestampTz before, int32 *friends)
{
	int			n = 0;
	int64		i;

	for (i = user >= 0 ? ties->start[user] : 0; user >= 0 && i < ties->start[user + 1] && n < RECO_MOST_FRIENDS; i++)
	{
		bool		seen = false;
		int			j;

		if (ties->list[i].since >= before)
			continue;
		for (j = 0; j < n && !seen; j++)
			seen = friends[j] == ties->list[i].friend_user;
		if (!seen)
			friends[n++] = ties->list[i].friend_user;
	}
	return n;
}

/* Give the memory back; NULL is nothing. */
void
reco_ties_free(RecoBudget *budget, RecoTies *ties)
{
	if (ties == NULL)
		return;
	reco_budget_free(budget, ties->list);
	reco_budget_free(budget, ties->start);
	reco_budget_free(budget, ties);
}
