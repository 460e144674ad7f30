/*
 * everybody.c: gathers what answers for all customers know of them beside their order lines.
 *
 * It is what evidence.c reads of one: attributes, what friends bought, reviews and the newest session, as far as each consents.
 * Attributes, ties, friends' lines and reviews are read in one pass for each source.  Of sessions that pass only tells whose
 * newest event is recent enough: those few customers are then asked about one by one, rather than all events held in memory.
 */
#include "postgres.h"

#include "everybody.h"

#include "browsing.h"
#include "crowd.h"
#include "evidence.h"
#include "interrupts.h"
#include "opinions.h"
#include "request_labels.h"
#include "utils/memutils.h"

enum
{
	COLUMN_USER, COLUMN_AT, COLUMNS
};

static const RecoField fields[COLUMNS] = {
	[COLUMN_USER] = {RECO_ROLE_USER, NULL},
	[COLUMN_AT] = {RECO_ROLE_AT, NULL}
};

typedef struct NewestReader
{
	const RecoIdMap *users;
	TimestampTz before;
	TimestampTz *newest;		/* event of each customer, DT_NOBEGIN: none */
} NewestReader;

static void
receive_event(void *arg, const RecoValue *values)
{
	NewestReader *reader = arg;
	int32		user;

	if (values[COLUMN_USER].is_null || values[COLUMN_AT].is_null || values[COLUMN_AT].integer >= reader->before)
		return;
	user = reco_idmap_find(reader->users, &values[COLUMN_USER]);
	if (user >= 0)
		reader->newest[user] = Max(reader->newest[user], values[COLUMN_AT].integer);
}

/* When each customer's newest event was; false where no source of sessions knows customers. */
static bool
read_newest(const RecoAnswering *a, NewestReader *reader)
{
	bool		any = false;
	ListCell   *cell;

	foreach(cell, a->sources)
	{
		const RecoSource *source = lfirst(cell);

		if (source->kind != RECO_SOURCE_SESSIONS || reco_definitions_column(source, RECO_ROLE_USER) == NULL)
			continue;
		(void) reco_sources_read_all(&a->reader, source, fields, COLUMNS, receive_event, reader);
		any = true;
	}
	return any;
}

static void
add_views(const RecoAnswering *a, const RecoIdMap *users, int32 user, RecoRaggedBuilder *builder)
{
	RecoReader	reader = a->reader;
	RecoValue	value = reco_idmap_key(users, user);
	RecoKey		key = {value.integer, value.bytes, value.length};
	RecoBrowsingRequest request = {&key, NULL, a->as_of, a->evidence_end};
	RecoBrowsing *browsing;
	int			i;

	/* He let the events pass that told of him. */
	reader.gate = NULL;
	reader.progress = NULL;
	browsing = reco_browsing_read(&reader, a->sources, a->model, &request);
	for (i = 0; i < browsing->n; i++)
		*(RecoView *) reco_ragged_add(builder, user) = browsing->views[i];
}

static RecoRagged
read_views(const RecoAnswering *a, const RecoIdMap *users, RecoBudget *budget)
{
	int32		n = reco_idmap_count(users);
	NewestReader reader = {.users = users,.before = a->evidence_end};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "reco customer", ALLOCSET_DEFAULT_SIZES);
	RecoRagged	views = {0};
	RecoRaggedBuilder *builder;
	int32		user;

	reader.newest = reco_budget_alloc(budget, n, sizeof(TimestampTz), "sessions");
	for (user = 0; user < n; user++)
		reader.newest[user] = DT_NOBEGIN;
	if (read_newest(a, &reader))
	{
		builder = reco_ragged_begin(budget, sizeof(RecoView), "sessions");
		for (user = 0; user < n; user++)
		{
			MemoryContext old_context = MemoryContextSwitchTo(context);

			RECO_CHECK_INTERRUPTS(user);
			if (reader.newest[user] != DT_NOBEGIN && reco_browsing_is_recent(a->as_of, reader.newest[user]))
				add_views(a, users, user, builder);
			MemoryContextSwitchTo(old_context);
			MemoryContextReset(context);
		}
		views = reco_ragged_end(builder, n);
	}
	reco_budget_free(budget, reader.newest);
	MemoryContextDelete(context);
	return views;
}

/* Whether any source of a kind is evidence. */
static bool
counts(const RecoAnswering *a, RecoSourceKind kind)
{
	ListCell   *cell;

	foreach(cell, a->sources)
		if (((RecoSource *) lfirst(cell))->kind == kind && reco_evidence_is_further(a, lfirst(cell)))
			return true;
	return false;
}

/*
 * What is known of some customers, numbered as in users, beside their order lines; items are numbered as in the model.  The
 * reader's gate is that for answers.  From the budget.  Contexts of lines that are read from tables, not told by times, are
 * none of it: they count where they are those of the request, of which nobody says anything here.  Errors:
 * configuration_limit_exceeded, and what reading raises.
 */
void
reco_everybody_read(const RecoAnswering *a, const RecoIdMap *users, const RecoIdMap *items, const RecoConsents *consents,
					RecoBudget *budget, RecoEverybody *everybody)
{
	if (counts(a, RECO_SOURCE_USERS))
		everybody->lists[RECO_EVERYBODY_LABELS] = reco_request_labels_read_all(a, users, budget);
	if (counts(a, RECO_SOURCE_SOCIAL))
	{
		RecoCrowd	crowd = reco_crowd_read(a, users, items, consents, budget);

		everybody->lists[RECO_EVERYBODY_FRIENDS] = crowd.friends;
		everybody->lists[RECO_EVERYBODY_FRIEND_LINES] = crowd.lines;
	}
	if (counts(a, RECO_SOURCE_REVIEWS))
		everybody->lists[RECO_EVERYBODY_OPINIONS] = reco_opinions_read_all(a, users, budget);
	/* A session tells of which kind a request is, also where it counts nothing else. */
	everybody->lists[RECO_EVERYBODY_VIEWS] = read_views(a, users, budget);
	reco_offers_read_all(a, users, items, budget, &everybody->lists[RECO_EVERYBODY_OFFERS],
						 &everybody->lists[RECO_EVERYBODY_AUDIENCES]);
}

/* Whether there is evidence among it, which offers are not. */
bool
reco_everybody_is_known(const RecoEverybody *everybody)
{
	int			i;

	for (i = 0; i < RECO_EVERYBODY_LISTS; i++)
		if (i != RECO_EVERYBODY_OFFERS && i != RECO_EVERYBODY_AUDIENCES && everybody->lists[i].rows > 0)
			return true;
	return false;
}

/* The offers that count for a customer. */
RecoOffers
reco_everybody_offers(const RecoEverybody *everybody, int32 user)
{
	RecoOffers	offers = {.of_items = &everybody->lists[RECO_EVERYBODY_OFFERS]};

	offers.audiences = reco_ragged_row(&everybody->lists[RECO_EVERYBODY_AUDIENCES], user, &offers.n_audiences);
	return offers;
}

/* What is known of a customer, as evidence; what is made of lists is in the current memory context. */
void
reco_everybody_tell(const RecoEverybody *everybody, int32 user, RecoEvidence *evidence)
{
	const RecoRagged *lists = everybody->lists;
	int64		n;

	evidence->labels = reco_ragged_row(&lists[RECO_EVERYBODY_LABELS], user, &n);
	evidence->n_labels = (int) n;
	evidence->opinions = reco_ragged_row(&lists[RECO_EVERYBODY_OPINIONS], user, &n);
	evidence->n_opinions = (int) n;
	evidence->views = reco_ragged_row(&lists[RECO_EVERYBODY_VIEWS], user, &n);
	evidence->n_views = (int) n;
	evidence->friends = reco_crowd_bag(&lists[RECO_EVERYBODY_FRIENDS], &lists[RECO_EVERYBODY_FRIEND_LINES], user,
									   evidence->as_of, &evidence->n_friends);
}
