/*
 * consent.c: reads who allows what his data are used for.
 *
 * A source of users may say for each purpose, or for all of them, whether a customer consents.  The rules:
 *
 * - A purpose that no source asks about needs no consent.
 * - Of several rows, and of several sources, one that says no wins; NULL is what the option default_consent says.
 * - A customer without any row that asks is what default_consent says, too.
 *
 * Training and evaluation read what all customers say before they read anything else of them, and hang a gate before all
 * other reading (sources.h): the rows of who does not consent are dropped before anybody sees them, and so the model is, byte
 * for byte, that of a shop that does not have them.  A
 * request reads the row of whoever asks (and of whom he follows), in the snapshot of its statement: what is withdrawn
 * acts at once.  Models whose sources do not ask pay nothing.
 */
#include "postgres.h"

#include "consent.h"

#define CONSENT_COLUMNS (2 + RECO_PURPOSES) /* the key, for all purposes, for each of them */

/* What rows said of one customer, by purpose. */
typedef struct Said
{
	uint8		no;
	uint8		yes;
} Said;

struct RecoConsents
{
	RecoBudget *budget;
	RecoPurposes asked;			/* purposes that some source asks about */
	bool		by_default;
	RecoIdMap  *users;
	Said	   *said;			/* by number of the customer */
	int32		capacity;
	RecoGate	gates[RECO_CONSENT_USES];
};

/* A source being read. */
typedef struct ConsentReader
{
	RecoPurposes of_column[CONSENT_COLUMNS];	/* the purposes that each column is for */
	bool		by_default;
	RecoConsents *consents;		/* of everybody, or */
	bool		integer_keys;
	const RecoKey *users;		/* of these */
	int			n;
	Said	   *said;			/* [n] */
	bool		unknown;		/* a row is of none of them by its text */
} ConsentReader;

StaticAssertDecl(RECO_PURPOSES <= 8, "purposes are the bits of a byte");

/* The columns to read; of_column is 0 for those that the source does not have. */
static void
list_columns(const RecoSource *source, RecoField *fields, RecoPurposes *of_column)
{
	int			i;

	fields[0] = (RecoField) {RECO_ROLE_USER, NULL};
	fields[1] = (RecoField) {RECO_ROLE_CONSENT, RECO_PURPOSE_ALL};
	for (i = 0; i < RECO_PURPOSES; i++)
		fields[2 + i] = (RecoField) {RECO_ROLE_CONSENT, reco_definitions_purpose_name((RecoPurpose) i)};
	of_column[0] = 0;
	for (i = 1; i < CONSENT_COLUMNS; i++)
	{
		of_column[i] = i == 1 ? RECO_ALL_PURPOSES : (RecoPurposes) 1 << (i - 2);
		if (reco_definitions_find(source, &fields[i]) == NULL)
			of_column[i] = 0;
	}
}

static bool
asks(const RecoSource *source)
{
	return source->kind == RECO_SOURCE_USERS && reco_definitions_column(source, RECO_ROLE_CONSENT) != NULL;
}

static RecoPurposes
purposes_asked(List *sources)
{
	RecoPurposes asked = 0;
	ListCell   *cell;
	int			i;

	foreach(cell, sources)
	{
		RecoField	fields[CONSENT_COLUMNS];
		RecoPurposes of_column[CONSENT_COLUMNS];

		if (!asks(lfirst(cell)))
			continue;
		list_columns(lfirst(cell), fields, of_column);
		for (i = 0; i < CONSENT_COLUMNS; i++)
			asked |= of_column[i];
	}
	return asked;
}

/* Whether some source asks customers for their consent. */
bool
reco_consent_is_asked(List *sources)
{
	return purposes_asked(sources) != 0;
}

/* What a customer allows, of whom rows said that. */
static RecoPurposes
decide(RecoPurposes asked, const Said *said, bool by_default)
{
	RecoPurposes allowed = said->yes | (by_default ? RECO_ALL_PURPOSES : 0);

	return (allowed & ~(RecoPurposes) said->no) | (RECO_ALL_PURPOSES & ~asked);
}

/* --- reading ----------------------------------------------------------------------------------------------- */

static void
hear(const ConsentReader *reader, const RecoValue *values, Said *said)
{
	int			i;

	for (i = 1; i < CONSENT_COLUMNS; i++)
	{
		bool		yes = values[i].is_null ? reader->by_default : values[i].integer != 0;

		if (yes)
			said->yes |= (uint8) reader->of_column[i];
		else
			said->no |= (uint8) reader->of_column[i];
	}
}

static Said *
said_by(RecoConsents *consents, const RecoValue *user)
{
	int32		known = reco_idmap_count(consents->users);
	int32		number = reco_idmap_add(consents->users, user);

	if (number == consents->capacity)
	{
		int32		capacity = Max(consents->capacity + consents->capacity / 2, 1024);

		consents->said = reco_budget_resize(consents->budget, consents->said, consents->capacity, capacity, sizeof(Said),
											"consent");
		consents->capacity = capacity;
	}
	if (number == known)
		consents->said[number] = (Said) {0, 0};
	return &consents->said[number];
}

static void
receive_anybody(void *arg, const RecoValue *values)
{
	ConsentReader *reader = arg;

	if (!values[0].is_null)
		hear(reader, values, said_by(reader->consents, &values[0]));
}

static bool
is_key(const RecoKey *key, const RecoValue *value, bool integer_keys)
{
	if (integer_keys)
		return key->integer == value->integer;
	return key->length == value->length && memcmp(key->bytes, value->bytes, key->length) == 0;
}

/* Of one customer all rows are his: the column's type may find equal what is written otherwise, as char(n) does. */
static void
receive_one_of(void *arg, const RecoValue *values)
{
	ConsentReader *reader = arg;
	bool		found = false;
	int			i;

	for (i = 0; i < reader->n; i++)
		if (reader->n == 1 || is_key(&reader->users[i], &values[0], reader->integer_keys))
		{
			hear(reader, values, &reader->said[i]);
			found = true;
		}
	reader->unknown |= !found;
}

/*
 * What all customers say, from the budget, which must outlive it; NULL where no source asks them.  by_default is the
 * option default_consent.  Errors: configuration_limit_exceeded, and what reading raises.
 */
RecoConsents *
reco_consent_read_all(RecoBudget *budget, const RecoReader *reader, List *sources, bool by_default)
{
	RecoConsents *consents;
	ListCell   *cell;

	if (!reco_consent_is_asked(sources))
		return NULL;
	consents = reco_budget_alloc(budget, 1, sizeof(RecoConsents), "consent");
	consents->budget = budget;
	consents->asked = purposes_asked(sources);
	consents->by_default = by_default;
	consents->users = reco_idmap_create(budget, reader->integer_keys, "customers");
	consents->said = reco_budget_alloc(budget, 0, sizeof(Said), "consent");
	foreach(cell, sources)
	{
		ConsentReader row_reader = {.by_default = by_default,.consents = consents};
		RecoField	fields[CONSENT_COLUMNS];

		if (!asks(lfirst(cell)))
			continue;
		list_columns(lfirst(cell), fields, row_reader.of_column);
		(void) reco_sources_read_all(reader, lfirst(cell), fields, CONSENT_COLUMNS, receive_anybody, &row_reader);
	}
	return consents;
}

/*
 * Whether a customer's data may be used for all of some purposes.  Rows of an unknown customer (NULL) may be used; consents
 * is NULL where nobody is asked.
 */
bool
reco_consent_allows(const RecoConsents *consents, const RecoValue *user, RecoPurposes purposes)
{
	static const Said nothing = {0, 0};
	int32		number;

	if (consents == NULL || user->is_null)
		return true;
	number = reco_idmap_find(consents->users, user);
	return (purposes & ~decide(consents->asked, number >= 0 ? &consents->said[number] : &nothing, consents->by_default)) == 0;
}

/* --- gates ------------------------------------------------------------------------------------------------- */

/* What rows need by kind of source.  Whom a customer follows is told by both: see needed_of. */
static const RecoPurposes needed[RECO_CONSENT_USES][RECO_SOURCE_KINDS] = {
	[RECO_CONSENT_TO_LEARNING] = {
		[RECO_SOURCE_ORDERS] = RECO_MAY_TRAIN,
		[RECO_SOURCE_SESSIONS] = RECO_MAY_TRAIN,
		[RECO_SOURCE_USERS] = RECO_MAY_TRAIN | RECO_MAY_ATTRIBUTES,
		[RECO_SOURCE_REVIEWS] = RECO_MAY_TRAIN | RECO_MAY_SENTIMENT,
		[RECO_SOURCE_SOCIAL] = RECO_MAY_TRAIN | RECO_MAY_SOCIAL,
		[RECO_SOURCE_EXPOSURES] = RECO_MAY_TRAIN
	},
	/* Orders pass: whoever reads them has to know of all customers, and of friends who want no answers of their own. */
	[RECO_CONSENT_TO_ANSWERS] = {
		[RECO_SOURCE_SESSIONS] = RECO_MAY_PERSONALIZE,
		[RECO_SOURCE_USERS] = RECO_MAY_PERSONALIZE | RECO_MAY_ATTRIBUTES,
		[RECO_SOURCE_REVIEWS] = RECO_MAY_PERSONALIZE | RECO_MAY_SENTIMENT,
		[RECO_SOURCE_SOCIAL] = RECO_MAY_PERSONALIZE | RECO_MAY_SOCIAL
	}
};

static RecoPurposes
needed_of(RecoConsentUse use, RecoSourceKind kind, RecoRole role)
{
	if (use == RECO_CONSENT_TO_ANSWERS && role == RECO_ROLE_FRIEND)
		return RECO_MAY_SOCIAL;
	return needed[use][kind];
}

static bool
may_learn(void *arg, const RecoSource *source, RecoRole role, const RecoValue *key)
{
	return reco_consent_allows(arg, key, needed_of(RECO_CONSENT_TO_LEARNING, source->kind, role));
}

static bool
may_answer(void *arg, const RecoSource *source, RecoRole role, const RecoValue *key)
{
	return reco_consent_allows(arg, key, needed_of(RECO_CONSENT_TO_ANSWERS, source->kind, role));
}

/*
 * What lets rows of whole sources pass for a use, to be set in a reader; NULL, which lets all pass, where nobody is asked.
 * It lives as long as consents.  Whatever is read by such a reader, now or in times to come, is read by consent alone.
 */
const RecoGate *
reco_consent_gate(RecoConsents *consents, RecoConsentUse use)
{
	if (consents == NULL)
		return NULL;
	consents->gates[RECO_CONSENT_TO_LEARNING] = (RecoGate) {may_learn, consents};
	consents->gates[RECO_CONSENT_TO_ANSWERS] = (RecoGate) {may_answer, consents};
	return &consents->gates[use];
}

/* Give the memory back; NULL is nothing. */
void
reco_consent_free(RecoConsents *consents)
{
	if (consents == NULL)
		return;
	reco_idmap_free(consents->users);
	reco_budget_free(consents->budget, consents->said);
	reco_budget_free(consents->budget, consents);
}

/*
 * What each of n customers allows, read now: one query for each source that asks, for all of them; where it finds rows of
 * keys that are written otherwise, one for each customer.  Errors: what reading raises.
 */
void
reco_consent_of_many(const RecoReader *reader, List *sources, bool by_default, const RecoKey *users, int n,
					 RecoPurposes *allowed)
{
	RecoPurposes asked = purposes_asked(sources);
	ConsentReader row_reader = {.by_default = by_default,.integer_keys = reader->integer_keys,.users = users,.n = n};
	ListCell   *cell;
	int			i;

	row_reader.said = palloc0(mul_size(Max(n, 1), sizeof(Said)));
	foreach(cell, sources)
	{
		RecoField	fields[CONSENT_COLUMNS];

		if (!asks(lfirst(cell)) || n == 0)
			continue;
		list_columns(lfirst(cell), fields, row_reader.of_column);
		(void) reco_sources_read_users(reader, lfirst(cell), fields, CONSENT_COLUMNS, users, n, receive_one_of, &row_reader);
	}
	for (i = 0; i < n; i++)
		if (row_reader.unknown)
			reco_consent_of_many(reader, sources, by_default, &users[i], 1, &allowed[i]);
		else
			allowed[i] = decide(asked, &row_reader.said[i], by_default);
	pfree(row_reader.said);
}

/* What one customer allows, read now. */
RecoPurposes
reco_consent_of(const RecoReader *reader, List *sources, bool by_default, const RecoKey *user)
{
	RecoPurposes allowed = RECO_ALL_PURPOSES;

	if (reco_consent_is_asked(sources))
		reco_consent_of_many(reader, sources, by_default, user, 1, &allowed);
	return allowed;
}
