/*
 * participants.c: finds who takes part in an experiment, and what each did.
 *
 * A customer takes part from his first exposure on, if that is in the time of the experiment; whoever was exposed before it
 * began is out.  Where exposures are not known it is his first order in that time: then only what orders are like can be
 * told, not how many of those who were exposed ordered at all.  What an arm shows cannot have changed anything before:
 * the time before is that before the first exposure, or before the experiment where an order stands for it.
 *
 * Orders count with what is left of them after returns, each at most as much as the cap: a quantile of the orders of the year
 * before the experiment, whatever arm their customers are in now, so that the cap cannot favour an arm.  Where there were too few it is
 * that of the experiment's own orders, of all arms together.
 */
#include "postgres.h"

#include "participants.h"

#include <float.h>
#include <math.h>

#include "idmap.h"
#include "interrupts.h"

#define ENOUGH_TO_CAP 1000
#define CAP_DAYS 365

typedef struct Exposures
{
	RecoBudget *budget;
	RecoIdMap  *users;
	TimestampTz *first;
	int32		capacity;
} Exposures;

/* Someone who takes part. */
typedef struct Entry
{
	TimestampTz since;
	int32		rank;			/* of his key: ties are not left to chance */
	int32		user;
	int32		arm;
} Entry;

/* The source with the exposures of an experiment, NULL where it has none. */
const RecoSource *
reco_participants_exposures(const RecoExperimentRow *row, List *sources)
{
	ListCell   *cell;

	foreach(cell, sources)
	{
		const RecoSource *source = lfirst(cell);

		if (source->kind == RECO_SOURCE_EXPOSURES && strcmp(source->name, row->name) == 0)
			return source;
	}
	return NULL;
}

/* --- who takes part ---------------------------------------------------------------------------------------- */

static int
arm_of(const RecoAssignment *assignment, const RecoIdMap *users, int32 number)
{
	RecoValue	key = reco_idmap_key(users, number);
	char		digits[32];

	if (!reco_idmap_is_integer(users))
		return reco_assignment_arm(assignment, key.bytes, key.length);
	return reco_assignment_arm(assignment, digits, snprintf(digits, sizeof(digits), INT64_FORMAT, key.integer));
}

static void
receive_exposure(void *arg, const RecoValue *values)
{
	Exposures  *exposures = arg;
	int32		user;

	if (values[0].is_null || values[1].is_null || TIMESTAMP_NOT_FINITE(values[1].integer))
		return;
	user = reco_idmap_add(exposures->users, &values[0]);
	if (user >= exposures->capacity)
	{
		int32		capacity = Max(2 * exposures->capacity, 1024);

		exposures->first = reco_budget_resize(exposures->budget, exposures->first, exposures->capacity, capacity,
											  sizeof(TimestampTz), "exposures");
		for (; exposures->capacity < capacity; exposures->capacity++)
			exposures->first[exposures->capacity] = DT_NOEND;
	}
	exposures->first[user] = Min(exposures->first[user], values[1].integer);
}

static Entry *
enter_exposed(RecoParticipants *p, const RecoReader *reader, const RecoSource *source, const RecoAssignment *assignment,
			  TimestampTz data_to)
{
	static const RecoField fields[] = {{RECO_ROLE_USER, NULL}, {RECO_ROLE_AT, NULL}};
	Exposures	exposures = {p->budget, reco_idmap_create(p->budget, reader->integer_keys, "customers"), NULL, 0};
	int32	   *rank;
	Entry	   *entries;
	int32		i;

	exposures.first = reco_budget_alloc(p->budget, 0, sizeof(TimestampTz), "exposures");
	(void) reco_sources_read_all(reader, source, fields, lengthof(fields), receive_exposure, &exposures);
	rank = reco_idmap_sort(exposures.users);
	entries = reco_budget_alloc(p->budget, reco_idmap_count(exposures.users), sizeof(Entry), "participants");
	for (i = 0; i < reco_idmap_count(exposures.users); i++)
	{
		RecoValue	key;

		RECO_CHECK_INTERRUPTS(i);
		if (exposures.first[i] < p->row->starts || exposures.first[i] >= data_to)
			continue;
		key = reco_idmap_key(exposures.users, rank[i]);
		entries[p->n++] = (Entry) {exposures.first[i], rank[i], reco_idmap_rank(p->baskets->users, &key),
		arm_of(assignment, exposures.users, rank[i])};
	}
	reco_budget_free(p->budget, exposures.first);
	return entries;
}

static Entry *
enter_buyers(RecoParticipants *p, const RecoAssignment *assignment, TimestampTz data_to)
{
	int32		users = reco_idmap_count(p->baskets->users);
	Entry	   *entries = reco_budget_alloc(p->budget, users, sizeof(Entry), "participants");
	int32		user;
	int64		i;

	for (user = 0; user < users; user++)
	{
		TimestampTz since = DT_NOEND;

		RECO_CHECK_INTERRUPTS(user);
		for (i = p->first[user]; i < p->first[user + 1]; i++)
			if (p->baskets->at[i] >= p->row->starts)
				since = Min(since, p->baskets->at[i]);
		if (since < data_to)
			entries[p->n++] = (Entry) {since, user, user, arm_of(assignment, p->baskets->users, user)};
	}
	return entries;
}

static int
compare_entries(const void *a, const void *b)
{
	const Entry *x = a;
	const Entry *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->since != y->since)
		return x->since < y->since ? -1 : 1;
	return (x->rank > y->rank) - (x->rank < y->rank);
}

/* --- what they did ----------------------------------------------------------------------------------------- */

/* Where the orders of each customer begin. */
static int64 *
index_orders(RecoBudget *budget, const RecoBaskets *baskets)
{
	int32		users = reco_idmap_count(baskets->users);
	int64	   *first = reco_budget_alloc(budget, (Size) users + 1, sizeof(int64), "customers");
	int32		i;

	for (i = 0; i < baskets->n && baskets->user[i] >= 0; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		first[baskets->user[i] + 1]++;
	}
	for (i = 0; i < users; i++)
		first[i + 1] += first[i];
	return first;
}

static int
compare_floats(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/* The least value that the share winsorize of the orders of some time does not exceed; infinite where there are too few. */
static double
find_cap(const RecoParticipants *p, TimestampTz from, TimestampTz to, int enough)
{
	const RecoBaskets *baskets = p->baskets;
	float	   *values;
	int32		n = 0;
	int32		i;
	double		cap = INFINITY;

	if (p->row->winsorize >= 1 || !baskets->has_values)
		return cap;
	values = reco_budget_alloc(p->budget, baskets->n, sizeof(float), "values of orders");
	for (i = 0; i < baskets->n; i++)
		if (baskets->at[i] >= from && baskets->at[i] < to)
			values[n++] = baskets->worth[i];
	if (n >= enough)
	{
		qsort(values, n, sizeof(float), compare_floats);
		cap = values[Min(Max((int32) ceil(p->row->winsorize * n) - 1, 0), n - 1)];
	}
	reco_budget_free(p->budget, values);
	return cap;
}

static void
add_prior(RecoParticipants *p, int64 i)
{
	TimestampTz end = p->row->has_exposures ? p->since[i] : p->row->starts;
	TimestampTz begin = end - p->row->prior_days * USECS_PER_DAY;
	int64		order;

	if (p->user[i] < 0)
		return;
	for (order = p->first[p->user[i]]; order < p->first[p->user[i] + 1]; order++)
	{
		if (p->baskets->at[order] >= end)
			continue;
		p->known[i] = true;
		if (p->baskets->at[order] < begin)
			continue;
		p->prior_revenue[i] += Min(p->baskets->worth[order], p->cap);
		p->prior_orders[i]++;
	}
}

static double *
take_numbers(RecoParticipants *p)
{
	return reco_budget_alloc(p->budget, p->n, sizeof(double), "participants");
}

static void
list_entries(RecoParticipants *p, const Entry *entries)
{
	int64		i;

	p->user = reco_budget_alloc(p->budget, p->n, sizeof(int32), "participants");
	p->since = reco_budget_alloc(p->budget, p->n, sizeof(TimestampTz), "participants");
	p->arm = reco_budget_alloc(p->budget, p->n, sizeof(int32), "participants");
	p->known = reco_budget_alloc(p->budget, p->n, sizeof(bool), "participants");
	p->prior_revenue = take_numbers(p);
	p->prior_orders = take_numbers(p);
	p->revenue = take_numbers(p);
	p->orders = take_numbers(p);
	p->items = take_numbers(p);
	p->ordered = take_numbers(p);
	for (i = 0; i < p->n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		p->user[i] = entries[i].user;
		p->since[i] = entries[i].since;
		p->arm[i] = entries[i].arm;
		add_prior(p, i);
	}
}

/*
 * Who took part before data_to, by the lines before lines_to of customers whom the reader's gate lets pass.  Errors:
 * configuration_limit_exceeded, program_limit_exceeded, and what reading raises.
 */
RecoParticipants *
reco_participants_read(RecoBudget *budget, const RecoReader *reader, List *sources, const RecoExperimentRow *row,
					   TimestampTz lines_to, TimestampTz data_to)
{
	RecoBasketRules rules = {DT_NOBEGIN, lines_to, PG_INT32_MAX};
	RecoParticipants *p = reco_budget_alloc(budget, 1, sizeof(RecoParticipants), "participants");
	RecoAssignment assignment;
	Entry	   *entries;

	p->row = row;
	p->budget = budget;
	p->baskets = reco_baskets_read(budget, reader, sources, &rules);
	p->first = index_orders(budget, p->baskets);
	p->cap = find_cap(p, row->starts - CAP_DAYS * USECS_PER_DAY, row->starts, ENOUGH_TO_CAP);
	if (isinf(p->cap))
		p->cap = find_cap(p, row->starts, data_to, 1);
	reco_assignment_begin(&assignment, row->salt, strlen(row->salt), row->weights, row->n_arms);
	if (row->has_exposures)
		entries = enter_exposed(p, reader, reco_participants_exposures(row, sources), &assignment, data_to);
	else
		entries = enter_buyers(p, &assignment, data_to);
	qsort(entries, p->n, sizeof(Entry), compare_entries);
	list_entries(p, entries);
	reco_budget_free(budget, entries);
	return p;
}

/* Count what those who took part before a time ordered before it; returns how many of them there are. */
int64
reco_participants_count(RecoParticipants *p, TimestampTz data_to, RecoArmCounts *counts)
{
	int64		i;
	int64		order;

	memset(counts, 0, p->row->n_arms * sizeof(RecoArmCounts));
	for (i = 0; i < p->n && p->since[i] < data_to; i++)
	{
		RecoArmCounts *count = &counts[p->arm[i]];

		RECO_CHECK_INTERRUPTS(i);
		p->revenue[i] = p->orders[i] = p->items[i] = 0;
		for (order = p->user[i] < 0 ? 0 : p->first[p->user[i]]; p->user[i] >= 0 && order < p->first[p->user[i] + 1]; order++)
		{
			if (p->baskets->at[order] < p->since[i] || p->baskets->at[order] >= data_to)
				continue;
			p->revenue[i] += Min(p->baskets->worth[order], p->cap);
			p->orders[i]++;
			p->items[i] += p->baskets->size[order];
			count->capped += p->baskets->worth[order] > p->cap;
		}
		p->ordered[i] = p->orders[i] > 0;
		count->users++;
		count->buyers += p->orders[i] > 0;
		count->known += p->known[i];
		count->orders += (int64) p->orders[i];
	}
	return i;
}

/* The first n of them as units of a metric; false where the orders do not say it. */
bool
reco_participants_units(const RecoParticipants *p, RecoExperimentMetric metric, int64 n, RecoUnits *units)
{
	bool		of_orders = metric == RECO_METRIC_AOV || metric == RECO_METRIC_ITEMS_PER_ORDER;

	*units = (RecoUnits) {.n = n,.arm = p->arm,.x = of_orders ? p->orders : NULL,.prior_y = p->prior_revenue,
		.prior_x = p->prior_orders,.known = p->known};
	switch (metric)
	{
		case RECO_METRIC_AOV:
		case RECO_METRIC_REVENUE_PER_USER:
			units->y = p->revenue;
			return p->baskets->has_values && (of_orders || p->row->has_exposures);
		case RECO_METRIC_ITEMS_PER_ORDER:
			units->y = p->items;
			return true;
		case RECO_METRIC_CONVERSION:
			units->y = p->ordered;
			return p->row->has_exposures;
		case RECO_METRICS:
			break;
	}
	return false;
}
