/*
 * aov_report.c: reports what orders are worth, by group and period.
 *
 *	1. read what all order lines came to (ledger.c), as the model's owner;
 *	2. make an entry of each order, and of each return, in its period and group; by a feature of items an order has an entry
 *	   for each group that it holds something of, with that part of its value;
 *	3. sort them into cells of a period and a group each, and merge what is too small;
 *	4. describe each cell (aov.c).
 *
 * Where the model keeps impressions, orders since the first of them know what of them had been shown (attribution.c).
 *
 * An order is in the period of its earliest purchase, a return in that of its own time.  Periods are those of the model's
 * time zone.
 *
 * Groups of few customers would tell about these: in each period they are one group, and if that is too small as well it is
 * left out.  An order of nobody known counts as a customer there.
 */
#include "postgres.h"

#include "aov_report.h"

#include <math.h>

#include "attribution.h"
#include "catalog.h"
#include "check.h"
#include "consent.h"
#include "features.h"
#include "interrupts.h"
#include "ledger.h"
#include "miscadmin.h"
#include "utils/datetime.h"

#define BY_SOURCE "source"
#define NO_GROUP "(none)"
#define OTHER_GROUPS "(other)"

static const char *const period_names[] = {NULL, "day", "week", "month", "quarter", "year"};

/* An order, or what it has of a group's items; or a return. */
typedef struct Entry
{
	DateADT		period;
	int32		group;			/* -1: of orders that have none, or all orders */
	int32		user;			/* -1: unknown */
	int32		order;			/* -1: a return */
	double		value;			/* negative: a return */
	int32		items;			/* different ones */
	bool		is_attached;	/* the whole order has several different items */
	bool		is_counted;		/* made when impressions were kept */
	bool		is_recommended; /* has an item that was shown before */
	double		recommended;	/* value of such items */
} Entry;

typedef struct Report
{
	const RecoAovReportOptions *options;
	RecoBudget *budget;
	RecoModelRow *row;
	List	   *sources;
	RecoReader	reader;
	struct pg_tz *zone;
	int			min_support;
	bool		by_source;
	const RecoFeature *feature; /* NULL: none */
	RecoLabels *labels;			/* of the feature */
	int32	   *label;			/* [users] or [items] */
	RecoLedger *ledger;
	const RecoAttribution *attribution; /* NULL: no impressions are kept */
	Entry	   *entries;
	int64		n;
	int64		capacity;
	int64		left_out;		/* cells */
	List	   *rows;
} Report;

/* --- periods ----------------------------------------------------------------------------------------------- */

/* The period of a name; false where there is none. */
bool
reco_aov_report_find_period(const char *name, RecoPeriod *period)
{
	int			i;

	for (i = 1; i < (int) lengthof(period_names); i++)
		if (strcmp(period_names[i], name) == 0)
		{
			*period = (RecoPeriod) i;
			return true;
		}
	return false;
}

/* The first day of the period that a time is in. */
static DateADT
period_of(const Report *r, TimestampTz at)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;
	int			day;

	if (r->options->period == RECO_PERIOD_ALL || timestamp2tm(at, &offset, &tm, &fsec, NULL, r->zone) != 0)
		return DATEVAL_NOBEGIN;
	day = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday);
	switch (r->options->period)
	{
		case RECO_PERIOD_WEEK:
			day -= (j2day(day) + 6) % 7;
			break;
		case RECO_PERIOD_MONTH:
			day = date2j(tm.tm_year, tm.tm_mon, 1);
			break;
		case RECO_PERIOD_QUARTER:
			day = date2j(tm.tm_year, tm.tm_mon - (tm.tm_mon - 1) % 3, 1);
			break;
		case RECO_PERIOD_YEAR:
			day = date2j(tm.tm_year, 1, 1);
			break;
		default:
			break;
	}
	return day - POSTGRES_EPOCH_JDATE;
}

static bool
is_wanted(const Report *r, TimestampTz at)
{
	return at != DT_NOEND && at >= r->options->since && at < r->options->until;
}

/* --- groups ------------------------------------------------------------------------------------------------ */

static void
find_feature(Report *r)
{
	const char *by = r->options->by;

	r->by_source = by != NULL && strcmp(by, BY_SOURCE) == 0;
	if (by == NULL || r->by_source)
		return;
	r->feature = reco_features_find(r->row->name, r->sources, by);
	if (r->feature->kind != RECO_SOURCE_USERS && r->feature->kind != RECO_SOURCE_ITEMS && r->feature->kind != RECO_SOURCE_ORDERS)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("orders have no groups by \"%s\", which is a feature of %s", by, reco_definitions_kind_name(r->feature->kind)),
				 errhint("Name a feature of customers or items, a context of orders, or %s.", BY_SOURCE)));
}

/* What customers do not want to be used says nothing here either. */
static void
read_labels(Report *r)
{
	RecoReader	reader = r->reader;
	RecoOptions options = reco_catalog_options(r->row);

	if (r->feature == NULL)
		return;
	if (r->feature->kind == RECO_SOURCE_USERS)
		reader.gate = reco_consent_gate(reco_consent_read_all(r->budget, &reader, r->sources, options.default_consent),
										RECO_CONSENT_TO_ANSWERS);
	r->labels = reco_features_read(r->budget, &reader, r->feature,
								   r->feature->kind == RECO_SOURCE_USERS ? RECO_ROLE_USER
								   : r->feature->kind == RECO_SOURCE_ITEMS ? RECO_ROLE_ITEM : RECO_ROLE_ORDER);
}

/* Labels by the numbers of customers or items. */
static void
number_labels(Report *r)
{
	const RecoIdMap *keys;
	int32		n;
	int32		i;

	if (r->feature == NULL || r->feature->kind == RECO_SOURCE_ORDERS)
		return;
	keys = r->feature->kind == RECO_SOURCE_USERS ? r->ledger->users : r->ledger->items;
	n = reco_idmap_count(keys);
	r->label = reco_budget_alloc(r->budget, n, sizeof(int32), "labels");
	for (i = 0; i < n; i++)
	{
		RecoValue	key = reco_idmap_key(keys, i);

		RECO_CHECK_INTERRUPTS(i);
		r->label[i] = reco_features_label(r->labels, NULL, &key);
	}
}

static int32
order_label(const Report *r, int32 number)
{
	const RecoLedgerOrder *order = &r->ledger->orders[Max(number, 0)];
	const RecoLedgerSource *source = &r->ledger->sources[order->source];
	RecoValue	key;

	if (number < 0 || order->key < 0)
		return -1;
	key = reco_idmap_key(source->orders, order->key);
	return reco_features_label(r->labels, source->source, &key);
}

/* Which group a purchase or a return is in. */
static int32
group_of(const Report *r, int32 order, int32 user, int32 item, int32 source)
{
	if (r->by_source)
		return source;
	if (r->feature == NULL)
		return -1;
	if (r->feature->kind == RECO_SOURCE_ORDERS)
		return order_label(r, order);
	if (r->feature->kind == RECO_SOURCE_ITEMS)
		return r->label[item];
	return user >= 0 ? r->label[user] : -1;
}

static int32
count_groups(const Report *r)
{
	return r->by_source ? r->ledger->n_sources : r->labels != NULL ? r->labels->n : 0;
}

/* The number of those that are merged: behind all labels, as its name and that of no group are shown. */
static int32
other_groups(const Report *r)
{
	return count_groups(r) + 1;
}

static const char *
group_name(const Report *r, int32 group)
{
	size_t		length;
	const char *text;

	if (r->options->by == NULL)
		return NULL;
	if (group == other_groups(r))
		return OTHER_GROUPS;
	if (group == count_groups(r))
		return NO_GROUP;
	if (r->by_source)
		return r->ledger->sources[group].source->name;
	text = reco_fields_text(&r->labels->fields, group, &length);
	return pnstrdup(text, length);
}

/* --- entries ----------------------------------------------------------------------------------------------- */

static Entry *
add_entry(Report *r, TimestampTz at, int32 group, int32 user, int32 order)
{
	Entry	   *entry;

	if (r->n == r->capacity)
	{
		int64		capacity = r->capacity + r->capacity / 2;

		r->entries = reco_budget_resize(r->budget, r->entries, r->capacity, capacity, sizeof(Entry), "groups of orders");
		r->capacity = capacity;
	}
	entry = &r->entries[r->n++];
	*entry = (Entry) {.period = period_of(r, at),.group = group >= 0 ? group : count_groups(r),.user = user,.order = order};
	return entry;
}

static bool
has_several_items(const RecoLedger *ledger, const RecoLedgerOrder *order)
{
	return order->n > 1 && ledger->lines[order->first].item != ledger->lines[order->first + order->n - 1].item;
}

/* The entry of an order in a group: the newest one, or another of the same order. */
static Entry *
find_entry(Report *r, int64 first, const RecoLedgerOrder *order, int32 number, int32 group)
{
	int64		i;
	Entry	   *entry;

	for (i = first; i < r->n; i++)
		if (r->entries[i].group == (group >= 0 ? group : count_groups(r)))
			return &r->entries[i];
	entry = add_entry(r, order->at, group, order->user, number);
	entry->is_attached = has_several_items(r->ledger, order);
	entry->is_counted = r->attribution != NULL && order->at >= r->attribution->begin;
	return entry;
}

/* Lines come item by item. */
static void
add_order(Report *r, int32 number)
{
	const RecoLedgerOrder *order = &r->ledger->orders[number];
	const RecoLedgerLine *lines = r->ledger->lines + order->first;
	int32		group = group_of(r, number, order->user, lines[0].item, order->source);
	int64		first = r->n;
	RecoTotal	total = {0, 0};
	Entry	   *entry = NULL;
	int32		i;

	for (i = 0; i < order->n; i++)
	{
		if (i > 0 && r->feature != NULL && r->feature->kind == RECO_SOURCE_ITEMS)
			group = r->label[lines[i].item];
		if (entry == NULL || entry->group != (group >= 0 ? group : count_groups(r)))
		{
			entry = find_entry(r, first, order, number, group);
			total = (RecoTotal) {entry->value, 0};
		}
		reco_total_add(&total, lines[i].value);
		entry->value = reco_total_get(&total);
		entry->items += i == 0 || lines[i].item != lines[i - 1].item;
		if (!entry->is_counted || !r->attribution->is_recommended[order->first + i])
			continue;
		entry->is_recommended = true;
		entry->recommended += lines[i].value;
	}
}

static void
make_entries(Report *r)
{
	const RecoLedger *ledger = r->ledger;
	int64		i;
	int32		order;

	r->capacity = Max(ledger->n_orders, 1);
	r->entries = reco_budget_alloc(r->budget, r->capacity, sizeof(Entry), "groups of orders");
	for (order = 0; order < ledger->n_orders; order++)
	{
		RECO_CHECK_INTERRUPTS(order);
		if (ledger->orders[order].n > 0 && is_wanted(r, ledger->orders[order].at))
			add_order(r, order);
	}
	for (i = 0; i < ledger->n_returns; i++)
	{
		const RecoLedgerReturn *line = &ledger->returns[i];

		RECO_CHECK_INTERRUPTS(i);
		if (is_wanted(r, line->at))
			add_entry(r, line->at, group_of(r, line->order, line->user, line->item, line->source), line->user,
					  -1)->value = -line->value;
	}
}

/* --- cells ------------------------------------------------------------------------------------------------- */

static int
compare_entries(const void *a, const void *b)
{
	const Entry *x = a;
	const Entry *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->period != y->period)
		return x->period < y->period ? -1 : 1;
	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->user != y->user)
		return x->user < y->user ? -1 : 1;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->value > y->value) - (x->value < y->value);
}

/* Where the entries of one period, and with same_group of one group, end. */
static int64
end_of_cell(const Report *r, int64 first, int64 limit, bool same_group)
{
	int64		i = first;

	while (i < limit && r->entries[i].period == r->entries[first].period &&
		   (!same_group || r->entries[i].group == r->entries[first].group))
		i++;
	return i;
}

/* Customers of a cell; those who are unknown have an order each, and all returns together one. */
static int64
support(const Report *r, int64 first, int64 end)
{
	int64		n = 0;
	int64		i;

	for (i = first; i < end; i++)
	{
		const Entry *entry = &r->entries[i];

		n += i == first || entry->user != entry[-1].user || (entry->user < 0 && entry->order != entry[-1].order);
	}
	return n;
}

/* Parts of one order in the group of others become one. */
static int64
join_orders(Report *r, int64 first, int64 end)
{
	int64		kept = first;
	int64		i;

	for (i = first; i < end; i++)
	{
		const Entry *entry = &r->entries[i];
		Entry	   *before = kept > first ? &r->entries[kept - 1] : NULL;

		if (before != NULL && entry->order >= 0 && entry->order == before->order && entry->group == before->group)
		{
			before->value += entry->value;
			before->items += entry->items;
			before->is_recommended |= entry->is_recommended;
			before->recommended += entry->recommended;
		}
		else
			r->entries[kept++] = *entry;
	}
	return kept;
}

/* Merge the small groups of a period; returns where it ends then. */
static int64
merge_small(Report *r, int64 first, int64 end)
{
	bool		merged = false;
	int64		next;
	int64		i;
	int64		j;

	for (i = first; i < end; i = next)
	{
		next = end_of_cell(r, i, end, true);
		if (support(r, i, next) >= r->min_support)
			continue;
		merged = true;
		for (j = i; j < next; j++)
			r->entries[j].group = other_groups(r);
	}
	if (!merged)
		return end;
	qsort(r->entries + first, end - first, sizeof(Entry), compare_entries);
	return join_orders(r, first, end);
}

/* What of a cell had been shown, of the orders made since impressions are kept; NaN where there are none. */
static void
describe_recommended(const Report *r, int64 first, int64 end, RecoAovReportRow *row)
{
	RecoTotal	all = {0, 0};
	RecoTotal	recommended = {0, 0};
	int64		orders = 0;
	int64		with = 0;
	int64		i;

	for (i = first; i < end; i++)
	{
		const Entry *entry = &r->entries[i];

		if (!entry->is_counted)
			continue;
		orders++;
		with += entry->is_recommended;
		reco_total_add(&all, entry->value);
		reco_total_add(&recommended, entry->recommended);
	}
	row->recommended_orders = orders > 0 ? (double) with / (double) orders : NAN;
	row->recommended_revenue = orders > 0 ? reco_total_get(&recommended) / reco_total_get(&all) : NAN;
}

static void
describe_orders(const Report *r, int64 first, int64 end, RecoAovReportRow *row)
{
	RecoOrderValue *orders = reco_budget_alloc(r->budget, end - first, sizeof(RecoOrderValue), "values of orders");
	RecoTotal	returns = {0, 0};
	int64		items = 0;
	int64		attached = 0;
	int64		n = 0;
	int64		i;

	for (i = first; i < end; i++)
	{
		const Entry *entry = &r->entries[i];

		RECO_CHECK_INTERRUPTS(i);
		if (entry->order < 0)
		{
			reco_total_add(&returns, -entry->value);
			continue;
		}
		orders[n++] = (RecoOrderValue) {entry->value, entry->user};
		items += entry->items;
		attached += entry->is_attached;
	}
	row->aov = reco_aov_compute(r->budget, orders, n, r->options->winsorize_at);
	row->returns = reco_total_get(&returns);
	row->net_mean = n > 0 ? (row->aov.gross - row->returns) / (double) n : NAN;
	row->items_per_order = n > 0 ? (double) items / (double) n : NAN;
	row->attach_rate = n > 0 ? (double) attached / (double) n : NAN;
	row->revenue_per_customer = row->aov.customers > 0 ? row->aov.gross_known / (double) row->aov.customers : NAN;
	reco_budget_free(r->budget, orders);
}

static void
describe_cell(Report *r, int64 first, int64 end)
{
	RecoAovReportRow *row;

	if (r->options->by != NULL && support(r, first, end) < r->min_support)
	{
		r->left_out++;
		return;
	}
	row = palloc0(sizeof(RecoAovReportRow));
	row->period = r->entries[first].period;
	row->group = group_name(r, r->entries[first].group);
	describe_orders(r, first, end, row);
	describe_recommended(r, first, end, row);
	r->rows = lappend(r->rows, row);
}

static void
describe_cells(Report *r)
{
	int64		next;
	int64		end;
	int64		i;
	int64		j;

	qsort(r->entries, r->n, sizeof(Entry), compare_entries);
	for (i = 0; i < r->n; i = next)
	{
		next = end_of_cell(r, i, r->n, false);
		end = r->options->by != NULL ? merge_small(r, i, next) : next;
		for (j = i; j < end;)
		{
			int64		cell = end_of_cell(r, j, end, true);

			describe_cell(r, j, cell);
			j = cell;
		}
	}
	if (r->left_out > 0)
		ereport(NOTICE,
				(errmsg("groups of fewer than %d customers are left out: " INT64_FORMAT, r->min_support, r->left_out),
				 errhint("Lower min_support, or report on longer periods.")));
}

/* --- the whole --------------------------------------------------------------------------------------------- */

static void
check_values(const Report *r)
{
	ListCell   *cell;

	foreach(cell, r->sources)
	{
		const RecoSource *source = lfirst(cell);

		if (source->kind == RECO_SOURCE_ORDERS && (reco_definitions_column(source, RECO_ROLE_UNIT_PRICE) != NULL ||
												   reco_definitions_column(source, RECO_ROLE_AMOUNT) != NULL))
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("no orders of model \"%s\" say what they are worth", r->row->name),
			 errhint("Give unit_price or amount to reco.add_orders.")));
}

static void
begin(Report *r, const char *model)
{
	r->row = reco_catalog_find_model(model, RECO_READ_CALLER, false);
	reco_catalog_require(r->row, RECO_ACCESS_OWNER);
	r->sources = reco_catalog_sources(r->row->name, RECO_READ_CALLER);
	reco_check_trainable(r->row, r->sources);
	check_values(r);
	find_feature(r);
	r->min_support = r->options->min_support > 0 ? r->options->min_support : reco_catalog_options(r->row).min_support;
	r->reader.model = r->row->name;
	r->reader.owner = r->row->owner_oid;
	r->reader.timezone = r->row->timezone;
	r->reader.integer_keys = reco_sources_all_integer_keys(&r->reader, r->sources);
	r->zone = pg_tzset(r->row->timezone);
	r->budget = reco_budget_create(CurrentMemoryContext, "reco.aov_report", (Size) maintenance_work_mem * 1024);
}

/*
 * Rows of reco.aov_report, in the current memory context, by period and group.  Errors: undefined_object,
 * insufficient_privilege, object_not_in_prerequisite_state (no orders, or none with a value), wrong_object_type,
 * configuration_limit_exceeded, and those of reco_features_find, reco_features_read and reading.
 */
List *
reco_aov_report(const char *model, const RecoAovReportOptions *options)
{
	Report		r = {.options = options};

	begin(&r, model);
	read_labels(&r);
	r.ledger = reco_ledger_read(r.budget, &r.reader, r.sources);
	number_labels(&r);
	if (reco_catalog_options(r.row).impression_days > 0)
		r.attribution = reco_attribution_read(r.budget, r.ledger, r.row->name, options->since, options->until, options->window);
	make_entries(&r);
	describe_cells(&r);
	return r.rows;
}
