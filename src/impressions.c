/*
 * impressions.c: keeps what was shown to whom, for as long as the model's owner wants.
 *
 * reco.impression is partitioned by month (UTC).  Partitions are made where the first row of a month needs one: a table of its
 * own that is then attached, which keeps nobody from writing or reading the others; two sessions that need the same one at
 * once wait for each other by the lock that attaching takes.  They are no members of the extension, since pg_dump would leave
 * them out then: they are dumped as tables, attached again, and go with their parent when the extension is dropped.  Each has
 * an index of its own, and the parent has none: of its index, which is the extension's, attaching would make one that the dump
 * then makes again.
 *
 * As the catalog's, no role has privileges on them: all is written as the extension's owner, after the caller's rights on the
 * model were checked.  A row is one call, with its items in an array: a plan that the session keeps, and one index.
 *
 * Whoever is unknown, or does not consent to personal answers where a source of customers asks, is written down as nobody: the
 * shop may count what it showed, but not to whom.
 */
#include "postgres.h"

#include "impressions.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "consent.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "section.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#define AHEAD ((TimestampTz) USECS_PER_HOUR)	/* of our clock that another may be */
#define NAME_FORMAT "impression_%04d_%02d"

/* A month of UTC; 0 is January 2000. */
static int
month_of(TimestampTz at)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(at, NULL, &tm, &fsec, NULL, NULL) != 0)
		elog(ERROR, "timestamp out of range");
	return (tm.tm_year - 2000) * 12 + tm.tm_mon - 1;
}

/* When a month begins. */
static TimestampTz
begin_of(int month)
{
	return ((int64) date2j(2000 + month / 12, month % 12 + 1, 1) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
}

static char *
partition_name(int month)
{
	return psprintf(NAME_FORMAT, 2000 + month / 12, month % 12 + 1);
}

static uint64
execute(const char *text)
{
	RecoCatalogCall call = {.text = text};

	return reco_catalog_run(&call, NULL, NULL);
}

/* --- partitions -------------------------------------------------------------------------------------------- */

static Oid
parent_table(void)
{
	return get_relname_relid("impression", get_namespace_oid("reco", false));
}

static bool
has_partition(int month)
{
	return OidIsValid(get_relname_relid(partition_name(month), get_namespace_oid("reco", false)));
}

/* Make a table as the server makes tables by default, whatever the caller's settings are. */
static void
create_partition(int month)
{
	const char *name = partition_name(month);
	int			level = NewGUCNestLevel();

	(void) set_config_option("default_tablespace", "", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("default_table_access_method", "heap", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) execute(psprintf("CREATE TABLE reco.%s (LIKE reco.impression)", name));
	(void) execute(psprintf("CREATE INDEX ON reco.%s (model, user_id)", name));
	(void) execute(psprintf("REVOKE ALL ON reco.%s FROM PUBLIC", name));
	(void) execute(psprintf("ALTER TABLE reco.impression ATTACH PARTITION reco.%s FOR VALUES "
							"FROM ('%04d-%02d-01 00:00:00+00') TO ('%04d-%02d-01 00:00:00+00')",
							name, 2000 + month / 12, month % 12 + 1, 2000 + (month + 1) / 12, (month + 1) % 12 + 1));
	AtEOXact_GUC(false, level);
}

/* The lock is that of attaching: whoever comes second finds the partition when he has it. */
static void
ensure_partition(int month)
{
	if (has_partition(month))
		return;
	LockRelationOid(parent_table(), ShareUpdateExclusiveLock);
	if (!has_partition(month))
		create_partition(month);
}

/* The partitions of this month and the next, so that no request has to make them. */
void
reco_impressions_prepare(TimestampTz now)
{
	int			month = month_of(now);

	ensure_partition(month);
	ensure_partition(month + 1);
}

/* --- writing ----------------------------------------------------------------------------------------------- */

/* The key in the form that the sources are asked with; false where it cannot be one of theirs. */
static bool
make_key(const char *user, bool integer_keys, RecoKey *key)
{
	char	   *end;

	*key = (RecoKey) {.bytes = user,.length = (int) strlen(user)};
	if (!integer_keys)
		return true;
	errno = 0;
	key->integer = strtoi64(user, &end, 10);
	return errno == 0 && end != user && *end == '\0';
}

/* Whether any source asks customers for their consent: told by the catalog sooner than its sources are read. */
bool
reco_impressions_may_ask(const char *model)
{
	static SPIPlanPtr plan = NULL;
	const Oid	types[] = {TEXTOID};
	const Datum values[] = {CStringGetTextDatum(model)};
	RecoCatalogCall call = {
		.text = "SELECT FROM reco.source_column WHERE model OPERATOR(pg_catalog.=) $1 AND kind OPERATOR(pg_catalog.=) 'users' "
		"AND role OPERATOR(pg_catalog.=) 'consent' LIMIT 1",
		.plan = &plan,.read_only = true,.n = 1,.types = types,.values = values
	};

	return reco_catalog_run(&call, NULL, NULL) > 0;
}

/*
 * Whether what is shown to a customer may be written down as shown to him.  Errors: what reading consent raises.
 */
bool
reco_impressions_may_name(const RecoModelRow *model, const RecoOptions *options, List *sources, const char *user)
{
	RecoReader	reader = {.model = model->name,.owner = model->owner_oid,.timezone = model->timezone};
	RecoKey		key;

	if (!reco_consent_is_asked(sources))
		return true;
	if (!OidIsValid(model->owner_oid))
		return false;
	reader.integer_keys = reco_sources_all_integer_keys(&reader, sources);
	return make_key(user, reader.integer_keys, &key) &&
		(reco_consent_of(&reader, sources, options->default_consent, &key) & RECO_MAY_PERSONALIZE) != 0;
}

static void
check_key(const char *key, const char *name)
{
	if (strlen(key) > RECO_MAX_SHOWN_KEY)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("parameter \"%s\" has a key of %zu bytes, more than %d", name, strlen(key), RECO_MAX_SHOWN_KEY),
				 errhint("Such a key is not that of a customer or an item.")));
}

static void
check_impression(const RecoOptions *options, const RecoImpression *impression)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz first = now - options->impression_days * USECS_PER_DAY;
	int			i;

	if (impression->n < 1 || impression->n > RECO_MAX_SHOWN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"item_ids\" must have from 1 to %d items, not %d", RECO_MAX_SHOWN, impression->n),
				 errhint("Log what was shown, page by page.")));
	if (impression->user != NULL)
		check_key(impression->user, "user_id");
	for (i = 0; i < impression->n; i++)
		check_key(impression->items[i], "item_ids");
	if (impression->at < first || impression->at > now + AHEAD)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"at\" must be from %d days ago to an hour from now, not %s", options->impression_days,
						timestamptz_to_str(impression->at)),
				 errhint("The clock of whoever asks may be wrong; reco.keep_impressions says how long they are kept.")));
}

static Datum
items_datum(const RecoImpression *impression)
{
	Datum	   *items = palloc(mul_size(impression->n, sizeof(Datum)));
	int			i;

	for (i = 0; i < impression->n; i++)
		items[i] = CStringGetTextDatum(impression->items[i]);
	return PointerGetDatum(construct_array(items, impression->n, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * The statement that writes into a month's partition, whose plan the session keeps as long as it is the same month: through
 * the parent it would take half as long again to find the partition each time.
 */
static RecoCatalogCall
insert_into(int month)
{
	static SPIPlanPtr plan = NULL;
	static int	plan_month = 0;

	if (plan != NULL && plan_month != month)
	{
		SPI_freeplan(plan);
		plan = NULL;
	}
	plan_month = month;
	return (RecoCatalogCall) {
		.text = psprintf("INSERT INTO reco.%s (model, at, recommendation_id, user_id, items, context) "
						 "VALUES ($1, $2, $3, $4, $5, $6)", partition_name(month)),
		.plan = &plan
	};
}

/*
 * Write down what was shown, for a model that keeps impressions.  Errors: invalid_parameter_value, program_limit_exceeded.
 */
void
reco_impressions_log(const RecoModelRow *model, const RecoOptions *options, const RecoImpression *impression)
{
	static const Oid types[] = {TEXTOID, TIMESTAMPTZOID, UUIDOID, TEXTOID, TEXTARRAYOID, JSONBOID};
	char		nulls[lengthof(types)];
	Datum		values[lengthof(types)];
	RecoCatalogCall call;
	int			month;

	check_impression(options, impression);
	month = month_of(impression->at);
	ensure_partition(month);
	call = insert_into(month);
	call.n = lengthof(types);
	call.types = types;
	call.values = values;
	call.nulls = nulls;
	memset(nulls, ' ', sizeof(nulls));
	values[0] = CStringGetTextDatum(model->name);
	values[1] = TimestampTzGetDatum(impression->at);
	values[2] = UUIDPGetDatum(&impression->id);
	values[3] = impression->user != NULL ? CStringGetTextDatum(impression->user) : (Datum) 0;
	nulls[3] = impression->user != NULL ? ' ' : 'n';
	values[4] = items_datum(impression);
	values[5] = impression->context;
	nulls[5] = impression->has_context ? ' ' : 'n';
	(void) reco_catalog_run(&call, NULL, NULL);
}

/* --- removing ---------------------------------------------------------------------------------------------- */

static int64
delete_rows(const char *text, const char *model, Oid type, Datum value)
{
	const Oid	types[] = {TEXTOID, type};
	const Datum values[] = {CStringGetTextDatum(model), value};
	RecoCatalogCall call = {.text = text,.n = 2,.types = types,.values = values};

	return (int64) reco_catalog_run(&call, NULL, NULL);
}

/* Remove what was shown to a customer, of a model; returns how many rows that were. */
int64
reco_impressions_forget(const char *model, const char *user)
{
	return delete_rows("DELETE FROM reco.impression WHERE model OPERATOR(pg_catalog.=) $1 AND user_id OPERATOR(pg_catalog.=) $2",
					   model, TEXTOID, CStringGetTextDatum(user));
}

static void
read_months(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	List	  **months = arg;
	char	   *name = SPI_getvalue(tuple, descriptor, 1);
	int			year;
	int			month;

	if (sscanf(name, "impression_%d_%d", &year, &month) == 2 && year >= 2000 && month >= 1 && month <= 12)
		*months = lappend_int(*months, (year - 2000) * 12 + month - 1);
}

static List *
partition_months(void)
{
	List	   *months = NIL;
	RecoCatalogCall call = {.text = "SELECT c.relname FROM pg_catalog.pg_inherits i "
		"JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) i.inhrelid "
	"WHERE i.inhparent OPERATOR(pg_catalog.=) 'reco.impression'::pg_catalog.regclass ORDER BY c.relname"};

	(void) reco_catalog_run(&call, read_months, &months);
	return months;
}

/* Rows of a partition, of this model and of others. */
typedef struct Contents
{
	int64		own;
	int64		others;
} Contents;

static void
read_contents(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	Contents   *contents = arg;
	bool		is_null;

	contents->own = DatumGetInt64(SPI_getbinval(tuple, descriptor, 1, &is_null));
	contents->others = DatumGetInt64(SPI_getbinval(tuple, descriptor, 2, &is_null));
}

static Contents
contents_of(int month, const char *model)
{
	const Oid	types[] = {TEXTOID};
	const Datum values[] = {CStringGetTextDatum(model)};
	Contents	contents = {0, 0};
	RecoCatalogCall call = {
		.text = psprintf("SELECT pg_catalog.count(*) FILTER (WHERE model OPERATOR(pg_catalog.=) $1), "
						 "pg_catalog.count(*) FILTER (WHERE model OPERATOR(pg_catalog.<>) $1) FROM reco.%s",
						 partition_name(month)),
		.n = 1,.types = types,.values = values
	};

	(void) reco_catalog_run(&call, read_contents, &contents);
	return contents;
}

/* Drop a month that is over and of this model alone; nobody is waited for, and nobody made to wait. */
static bool
drop_partition(int month, const char *model, RecoPruned *pruned)
{
	Contents	contents;

	if (contents_of(month, model).others > 0 || !ConditionalLockRelationOid(parent_table(), AccessExclusiveLock))
		return false;
	/* Only now does nobody write there any more. */
	contents = contents_of(month, model);
	if (contents.others > 0)
		return false;
	(void) execute(psprintf("DROP TABLE reco.%s", partition_name(month)));
	pruned->rows += contents.own;
	pruned->partitions++;
	return true;
}

/*
 * Remove what a model keeps for longer than so many days: whole months where nobody is at the table at the moment, else their
 * rows; and make the partitions that are needed next, where it keeps any.
 */
RecoPruned
reco_impressions_prune(const char *model, int days, TimestampTz now)
{
	TimestampTz before = days > 0 ? now - days * USECS_PER_DAY : DT_NOEND;
	RecoPruned	pruned = {0, 0};
	ListCell   *cell;

	if (days > 0)
		reco_impressions_prepare(now);
	foreach(cell, partition_months())
	{
		int			month = lfirst_int(cell);

		CHECK_FOR_INTERRUPTS();
		if (begin_of(month) >= before || (begin_of(month + 1) <= Min(before, now) && drop_partition(month, model, &pruned)))
			continue;
		pruned.rows += delete_rows(psprintf("DELETE FROM reco.%s WHERE model OPERATOR(pg_catalog.=) $1 "
											"AND at OPERATOR(pg_catalog.<) $2", partition_name(month)),
								   model, TIMESTAMPTZOID, TimestampTzGetDatum(before));
	}
	return pruned;
}

/* --- reading ----------------------------------------------------------------------------------------------- */

static void
read_time(HeapTuple tuple, TupleDesc descriptor, void *arg)
{
	bool		is_null;
	Datum		value = SPI_getbinval(tuple, descriptor, 1, &is_null);

	if (!is_null)
		*(TimestampTz *) arg = DatumGetTimestampTz(value);
}

/* The time of a model's first impression, in the snapshot of the calling statement; DT_NOEND: it has none. */
TimestampTz
reco_impressions_begin(const char *model)
{
	const Oid	types[] = {TEXTOID};
	const Datum values[] = {CStringGetTextDatum(model)};
	TimestampTz first = DT_NOEND;
	RecoCatalogCall call = {
		.text = "SELECT pg_catalog.min(at) FROM reco.impression WHERE model OPERATOR(pg_catalog.=) $1",
		.read_only = true,.n = 1,.types = types,.values = values
	};

	(void) reco_catalog_run(&call, read_time, &first);
	return first;
}

/*
 * Hand over (user_id, items, at) of impressions to known customers from since on and before until, in no order, in the same
 * snapshot.
 */
void
reco_impressions_read(const char *model, TimestampTz since, TimestampTz until, RecoSlotCallback callback, void *arg)
{
	ParamListInfo params = makeParamList(3);
	RecoSection section;

	params->params[0] = (ParamExternData) {CStringGetTextDatum(model), false, PARAM_FLAG_CONST, TEXTOID};
	params->params[1] = (ParamExternData) {TimestampTzGetDatum(since), false, PARAM_FLAG_CONST, TIMESTAMPTZOID};
	params->params[2] = (ParamExternData) {TimestampTzGetDatum(until), false, PARAM_FLAG_CONST, TIMESTAMPTZOID};
	section = reco_section_begin(reco_catalog_owner(), NULL);
	(void) reco_receiver_run("SELECT user_id, items, at FROM reco.impression WHERE model OPERATOR(pg_catalog.=) $1 "
							 "AND user_id IS NOT NULL AND at OPERATOR(pg_catalog.>=) $2 AND at OPERATOR(pg_catalog.<) $3",
							 params, callback, arg);
	reco_section_end(&section);
}
