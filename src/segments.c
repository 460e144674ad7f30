/*
 * segments.c: learns what customers with certain attributes buy, and what is bought in certain contexts.
 *
 * Attributes come from the sources of customers; contexts from those of orders, beside the lines, and from the time of the
 * order in the model's time zone.  A label of less than min_support customers is none: it is not stored, and nothing is
 * learned from it.  (Own purchases in the same context count more all the same: for that values need no label.)
 *
 * Learned is, of the orders before some time: the lift of each label (lift.c), of customers by who bought what, as a share
 * of orders; and what the vector of a customer is expected to be (prior.c).
 */
#include "postgres.h"

#include "segments.h"

#include "bags.h"
#include "foldin.h"
#include "interrupts.h"
#include "lift.h"
#include "pgtime.h"
#include "prior.h"
#include "utils/datetime.h"

/* --- the time ---------------------------------------------------------------------------------------------- */

/* The label of a part of the time, -1 where the time is none that calendars know. */
int32
reco_segments_time_label(const RecoFields *fields, int32 field, TimestampTz at, struct pg_tz *zone)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;
	int			number;

	if (TIMESTAMP_NOT_FINITE(at) || timestamp2tm(at, &tz, &tm, &fsec, NULL, zone) != 0)
		return -1;
	switch (fields->entries[field].kind)
	{
		case RECO_FIELD_HOUR:
			number = tm.tm_hour;
			break;
		case RECO_FIELD_WEEKDAY:
			number = (j2day(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday)) + 6) % 7 + 1;
			break;
		default:
			number = tm.tm_mon;
	}
	return reco_fields_number_label(fields, field, number);
}

static bool
is_of_time(const RecoFields *fields, int32 field)
{
	return fields->entries[field].kind >= RECO_FIRST_DERIVED_FIELD;
}

/* --- labels ------------------------------------------------------------------------------------------------ */

/* What is to be read beside order lines; sources may be NIL. */
RecoContexts *
reco_segments_contexts(RecoBudget *budget, const RecoReader *reader, List *sources)
{
	MemoryContext old_context = MemoryContextSwitchTo(budget->context);
	List	   *of_orders = NIL;
	RecoContexts *contexts;
	ListCell   *cell;

	foreach(cell, sources)
		if (((const RecoSource *) lfirst(cell))->kind == RECO_SOURCE_ORDERS)
			of_orders = lappend(of_orders, lfirst(cell));
	contexts = reco_contexts_create(budget, reco_labels_members(reader, of_orders, RECO_FIELDS_OF_CONTEXT, true));
	MemoryContextSwitchTo(old_context);
	return contexts;
}

static int32
number_customer(void *arg, const RecoValue *key)
{
	return reco_idmap_rank(arg, key);
}

/* The attributes of the customers who bought anything. */
static void
label_customers(RecoSegments *segments, const RecoInteractions *interactions, const RecoReader *reader, List *sources,
				int min_support)
{
	const RecoLabelOptions options = {RECO_MOST_FIELD_LABELS, min_support};
	const RecoMembers *members = reco_labels_members(reader, sources, RECO_FIELDS_OF_CUSTOMERS, false);
	RecoLabeller *labeller = reco_labels_begin(segments->budget, members);
	RecoLabelled *labelled;
	ListCell   *cell;

	foreach(cell, sources)
		if (((const RecoSource *) lfirst(cell))->kind == RECO_SOURCE_USERS)
			reco_labels_read(labeller, reader, lfirst(cell), RECO_ROLE_USER, number_customer, interactions->users);
	labelled = reco_labels_end(labeller, reco_idmap_count(interactions->users), &options);
	segments->fields = labelled->fields;
	segments->n_customer_labels = labelled->fields.n_labels;
	segments->customers = labelled->rows;
	segments->support = labelled->support;
}

/* The contexts of orders, behind the attributes. */
static void
label_contexts(RecoSegments *segments, const RecoInteractions *interactions, int min_support)
{
	const RecoLabelOptions options = {RECO_MOST_FIELD_LABELS, min_support};
	RecoLabeller *labeller = reco_contexts_labeller(segments->contexts);
	int			n = reco_contexts_members(segments->contexts)->n;
	RecoLabelled *labelled;
	int32	   *codes;
	int32		values;
	int32		i;
	int			m;

	for (i = 0; i < interactions->n_orders; i++)
	{
		const int32 *context = reco_contexts_values(segments->contexts, i);

		RECO_CHECK_INTERRUPTS(i);
		for (m = 0; m < n && interactions->order_user[i] >= 0; m++)
			reco_labels_add(labeller, interactions->order_user[i], context[m]);
	}
	values = reco_labels_values(labeller);
	labelled = reco_labels_end(labeller, reco_idmap_count(interactions->users), &options);
	segments->context_support = labelled->support;
	codes = reco_budget_alloc(segments->budget, values, sizeof(int32), "contexts");
	for (i = 0; i < values; i++)
		codes[i] = reco_labels_codes(labeller)[i] + (reco_labels_codes(labeller)[i] >= 0 ? segments->n_customer_labels : 0);
	segments->codes = codes;
	segments->first_context = segments->fields.n;
	segments->fields = reco_labels_join(segments->budget, &segments->fields, &labelled->fields);
	segments->n_slots = reco_fields_slots(&segments->fields, segments->slots);
}

/* The label of a field of an order's context, or below -1 what tells it apart; -1: not known. */
static int32
order_code(const RecoSegments *segments, const RecoInteractions *interactions, int32 order, int32 field)
{
	int32		value;

	if (is_of_time(&segments->fields, field))
		return reco_segments_time_label(&segments->fields, field, interactions->order_at[order], segments->zone);
	value = reco_contexts_values(segments->contexts, order)[field - segments->first_context];
	return value >= 0 ? segments->codes[value] : -1;
}

/* The context of an order, as a request has it. */
void
reco_segments_context(const RecoSegments *segments, const RecoInteractions *interactions, int32 order, int32 *context)
{
	int			s;

	for (s = 0; s < RECO_MAX_CONTEXTS; s++)
		context[s] = s < segments->n_slots ? order_code(segments, interactions, order, segments->slots[s]) : -1;
}

/* Count the customers who ordered at each value of a part of the time. */
static void
support_time(RecoSegments *segments, const RecoInteractions *interactions, int32 field)
{
	const RecoFieldEntry *entry = &segments->fields.entries[field];
	Size		words = (Size) reco_idmap_count(interactions->users) / 64 + 1;
	uint64	   *seen = reco_budget_alloc(segments->budget, mul_size(entry->labels, words), sizeof(uint64), "contexts");
	int32		order;

	for (order = 0; order < interactions->n_orders; order++)
	{
		int32		user = interactions->order_user[order];
		int32		label = user >= 0 ? order_code(segments, interactions, order, field) : -1;
		uint64	   *word;

		RECO_CHECK_INTERRUPTS(order);
		if (label < 0)
			continue;
		word = &seen[(label - entry->first) * words + user / 64];
		segments->context_support[label - segments->n_customer_labels] += (*word >> (user % 64) & 1) == 0;
		*word |= UINT64CONST(1) << (user % 64);
	}
	reco_budget_free(segments->budget, seen);
}

/*
 * Hours, weekdays and months are labels whoever ordered then, but what they say of items has to have as many customers behind
 * it as what others say.
 */
static void
support_times(RecoSegments *segments, const RecoInteractions *interactions)
{
	int32		field;

	for (field = segments->first_context; field < segments->fields.n; field++)
		if (is_of_time(&segments->fields, field))
			support_time(segments, interactions, field);
}

/*
 * The labels of customers and orders of finished interactions, which have read contexts; in their budget.  Errors:
 * configuration_limit_exceeded (memory), and what reading raises.
 */
RecoSegments *
reco_segments_make(const RecoInteractions *interactions, const RecoReader *reader, List *sources, int min_support)
{
	RecoBudget *budget = interactions->budget;
	MemoryContext old_context = MemoryContextSwitchTo(budget->context);
	RecoSegments *segments = palloc0(sizeof(RecoSegments));

	segments->budget = budget;
	segments->contexts = interactions->contexts;
	segments->zone = pg_tzset(reader->timezone);
	segments->min_support = min_support;
	label_customers(segments, interactions, reader, sources, min_support);
	label_contexts(segments, interactions, min_support);
	support_times(segments, interactions);
	MemoryContextSwitchTo(old_context);
	return segments;
}

/* --- what is learned --------------------------------------------------------------------------------------- */

/* Rows that are being filled. */
typedef struct Rows
{
	int64	   *start;
	int32	   *index;
	float	   *weight;			/* NULL: none */
	int32		n;
} Rows;

static Rows
make_rows(RecoBudget *budget, Size rows, Size entries, bool weighted)
{
	Rows		made = {.n = 0};

	made.start = reco_budget_alloc(budget, rows + 1, sizeof(int64), "labels");
	made.index = reco_budget_alloc(budget, Max(entries, 1), sizeof(int32), "labels");
	if (weighted)
		made.weight = reco_budget_alloc(budget, Max(entries, 1), sizeof(float), "labels");
	return made;
}

static void
free_rows(RecoBudget *budget, RecoSparse *rows)
{
	if (rows->start == NULL)
		return;
	reco_budget_free(budget, unconstify(int64_t *, rows->start));
	reco_budget_free(budget, unconstify(int32_t *, rows->index));
	if (rows->weight != NULL)
		reco_budget_free(budget, unconstify(float *, rows->weight));
	*rows = (RecoSparse) {0};
}

static RecoSparse
as_sparse(const Rows *rows, int32 cols)
{
	return (RecoSparse) {rows->n, cols, rows->start, rows->index, rows->weight};
}

static bool
has_labels(const RecoSegments *segments, int32 user)
{
	return segments->customers.start[user + 1] > segments->customers.start[user];
}

/* Lines of customers who have labels: their bags have no more entries. */
static int64
count_labelled_lines(const RecoSegments *segments, const RecoInteractions *interactions)
{
	int64		n = 0;
	int64		i;

	for (i = 0; i < interactions->n_lines && interactions->lines[i].user >= 0; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		n += has_labels(segments, interactions->lines[i].user);
	}
	return n;
}

/* Append the bag of a customer's lines before a time, and his labels. */
static void
add_customer(const RecoSegments *segments, const RecoInteractions *interactions, int64 first, int64 last, TimestampTz before,
			 TimestampTz clock, double half_life, Rows *bags, Rows *labels)
{
	const RecoLine *lines = interactions->lines;
	int32		user = lines[first].user;
	int64		n = bags->start[bags->n];
	int64		e;

	while (first < last)
	{
		int32		item = lines[first].item;
		double		count = 0;

		for (; first < last && lines[first].item == item; first++)
			if (reco_bags_line_time(interactions, &lines[first]) < before)
				count += reco_lines_decay(lines[first].at, clock, half_life);
		if (count <= 0)
			continue;
		bags->index[n] = item;
		bags->weight[n++] = reco_lines_entry_weight(count);
	}
	if (n == bags->start[bags->n])
		return;
	bags->start[++bags->n] = n;
	n = labels->start[labels->n];
	for (e = segments->customers.start[user]; e < segments->customers.start[user + 1]; e++)
		labels->index[n++] = segments->customers.index[e];
	labels->start[++labels->n] = n;
}

/* The bags of all customers who have labels. */
static void
gather_customers(RecoSegments *segments, const RecoInteractions *interactions, TimestampTz before, TimestampTz clock,
				 double half_life)
{
	const RecoLine *lines = interactions->lines;
	int32		users = reco_idmap_count(interactions->users);
	Rows		bags = make_rows(segments->budget, users, count_labelled_lines(segments, interactions), true);
	Rows		labels = make_rows(segments->budget, users, segments->customers.start[users], false);
	int64		first;
	int64		last;

	for (first = 0; first < interactions->n_lines && lines[first].user >= 0; first = last)
	{
		CHECK_FOR_INTERRUPTS();
		for (last = first + 1; last < interactions->n_lines && lines[last].user == lines[first].user; last++)
			;
		if (has_labels(segments, lines[first].user))
			add_customer(segments, interactions, first, last, before, clock, half_life, &bags, &labels);
	}
	segments->bags = as_sparse(&bags, reco_idmap_count(interactions->items));
	segments->bag_labels = as_sparse(&labels, segments->n_customer_labels);
}

/* The labels of all past orders. */
static RecoSparse
label_orders(const RecoSegments *segments, const RecoInteractions *interactions, TimestampTz before)
{
	int			fields = segments->fields.n - segments->first_context;
	Rows		labels = make_rows(segments->budget, interactions->n_orders, mul_size(interactions->n_orders, fields), false);
	int64		n = 0;
	int32		order;
	int32		f;

	for (order = 0; order < interactions->n_orders; order++)
	{
		RECO_CHECK_INTERRUPTS(order);
		for (f = segments->first_context; f < segments->fields.n && interactions->order_at[order] < before; f++)
		{
			int32		label = order_code(segments, interactions, order, f) - segments->n_customer_labels;

			if (label >= 0 && segments->context_support[label] >= segments->min_support)
				labels.index[n++] = label;
		}
		labels.start[++labels.n] = n;
	}
	return as_sparse(&labels, segments->fields.n_labels - segments->n_customer_labels);
}

static int
compare_int32(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/* The different items of each past order. */
static RecoSparse
gather_orders(const RecoSegments *segments, const RecoInteractions *interactions, TimestampTz before)
{
	int64	   *start = reco_budget_alloc(segments->budget, (Size) interactions->n_orders + 2, sizeof(int64), "labels");
	int32	   *items = reco_bags_gather_orders(interactions, before, start);
	int64		n = 0;
	int64		first = 0;
	int32		order;
	int64		i;

	for (order = 0; order < interactions->n_orders; order++)
	{
		int64		last = start[order + 1];

		RECO_CHECK_INTERRUPTS(order);
		qsort(items + first, last - first, sizeof(int32), compare_int32);
		start[order] = n;
		for (i = first; i < last; i++)
			if (i == first || items[i] != items[i - 1])
				items[n++] = items[i];
		first = last;
	}
	start[interactions->n_orders] = n;
	return (RecoSparse) {interactions->n_orders, reco_idmap_count(interactions->items), start, items, NULL};
}

static void
count_items(const RecoSparse *bags, int64 *count)
{
	int64		i;

	for (i = 0; i < bags->start[bags->rows]; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		count[bags->index[i]]++;
	}
}

/* What a share of customers is as a share of orders, by item. */
static double *
order_shares(RecoBudget *budget, const RecoSparse *customers, const RecoSparse *orders)
{
	int64	   *of_customers = reco_budget_alloc(budget, Max(orders->cols, 1), sizeof(int64), "labels");
	int64	   *of_orders = reco_budget_alloc(budget, Max(orders->cols, 1), sizeof(int64), "labels");
	double	   *scale = reco_budget_alloc(budget, Max(orders->cols, 1), sizeof(double), "labels");
	int32		i;

	count_items(customers, of_customers);
	count_items(orders, of_orders);
	for (i = 0; i < orders->cols; i++)
		scale[i] = of_customers[i] > 0 ? (double) of_orders[i] / Max(orders->rows, 1) * customers->rows / of_customers[i] : 0;
	reco_budget_free(budget, of_customers);
	reco_budget_free(budget, of_orders);
	return scale;
}

/* Append the lifts of some labels to those there are. */
static void
add_lifts(RecoSegments *segments, const RecoSparse *bags, const RecoSparse *labels, const double *scale, Rows *lifts)
{
	const RecoLiftOptions options = reco_lift_options_default();
	RecoBudget *budget = segments->budget;
	RecoRun		run = reco_foldin_run(NULL);
	void	   *workspace = reco_budget_alloc_aligned(budget, reco_lift_workspace_size(labels->cols, bags->cols,
																						 labels->start[labels->rows]), 1, "labels");
	int64		first = lifts->start[lifts->n];
	int32		l;

	reco_foldin_check_status(reco_lift_make(bags, labels, &options, scale, lifts->start + lifts->n, lifts->index + first,
											lifts->weight + first, workspace, &run), "lifts");
	for (l = 0; l <= labels->cols; l++)
		lifts->start[lifts->n + l] += first;
	lifts->n += labels->cols;
}

/* The lifts of all labels; orders without any in the past have none. */
static void
learn_lifts(RecoSegments *segments, const RecoInteractions *interactions, TimestampTz before)
{
	RecoBudget *budget = segments->budget;
	Rows		lifts;
	RecoSparse	orders;
	RecoSparse	labels;
	double	   *scale;
	MemoryContext outer;

	free_rows(budget, &segments->lift);
	lifts = make_rows(budget, segments->fields.n_labels,
					  mul_size(segments->fields.n_labels, reco_lift_options_default().most), true);
	outer = reco_budget_begin(budget, "reco lifts");
	orders = gather_orders(segments, interactions, before);
	labels = label_orders(segments, interactions, before);
	scale = order_shares(budget, &segments->bags, &orders);
	add_lifts(segments, &segments->bags, &segments->bag_labels, scale, &lifts);
	add_lifts(segments, &orders, &labels, NULL, &lifts);
	reco_budget_end(budget, outer);
	segments->lift = as_sparse(&lifts, reco_idmap_count(interactions->items));
}

/* Bytes that learning takes, at most. */
Size
reco_segments_memory(const RecoSegments *segments, const RecoInteractions *interactions)
{
	Size		lines = interactions->n_lines;
	Size		orders = interactions->n_orders;
	Size		contexts = segments->fields.n - segments->first_context;
	Size		lifts = mul_size(segments->fields.n_labels, reco_lift_options_default().most);
	Size		bytes = mul_size(lines, sizeof(int32) + (segments->n_customer_labels > 0 ? sizeof(int32) + sizeof(float) : 0));

	bytes = add_size(bytes, mul_size(orders, add_size(2 * sizeof(int64), mul_size(contexts, 2 * sizeof(int32)))));
	bytes = add_size(bytes, mul_size(reco_idmap_count(interactions->items), 7 * sizeof(int64)));
	bytes = add_size(bytes, mul_size(reco_idmap_count(interactions->users), 2 * sizeof(int64)));
	return add_size(bytes, mul_size(lifts, sizeof(int32) + sizeof(float)));
}

/*
 * Learn from the orders before a time; the prior can be made then, when there are factors.  Lines are not needed after it.
 */
void
reco_segments_learn(RecoSegments *segments, const RecoInteractions *interactions, TimestampTz before, TimestampTz clock,
					double half_life)
{
	free_rows(segments->budget, &segments->bags);
	free_rows(segments->budget, &segments->bag_labels);
	gather_customers(segments, interactions, before, clock, half_life);
	learn_lifts(segments, interactions, before);
}

static int64
longest_row(const RecoSparse *rows)
{
	int64		longest = 1;
	int32		row;

	for (row = 0; row < rows->rows; row++)
		longest = Max(longest, rows->start[row + 1] - rows->start[row]);
	return longest;
}

static int64
copy_row(const RecoSparse *rows, int32 row, RecoEntry *entries)
{
	int64		first = rows->start[row];
	int64		i;

	for (i = first; i < rows->start[row + 1]; i++)
		entries[i - first] = (RecoEntry) {rows->index[i], rows->weight[i]};
	return rows->start[row + 1] - first;
}

/* The vectors of the customers whose bags were gathered, and from them what each label adds. */
void
reco_segments_learn_prior(RecoSegments *segments, const RecoFactors *factors, double lambda, const RecoRun *run)
{
	RecoBudget *budget = segments->budget;
	const RecoSparse *bags = &segments->bags;
	const RecoSparse *labels = &segments->bag_labels;
	int32		n = segments->n_customer_labels;
	RecoFoldIn *foldin;
	RecoPrior	prior;
	RecoEntry  *entries;
	void	   *workspace;
	MemoryContext outer;
	MemoryContext old_context;
	int32		row;

	if (n == 0 || bags->rows == 0)
		return;
	if (segments->prior == NULL)
		segments->prior = reco_budget_alloc(budget, mul_size((Size) n + 1, reco_stride(factors->factors)), sizeof(float), "labels");
	outer = reco_budget_begin(budget, "reco prior");
	old_context = MemoryContextSwitchTo(budget->current);
	entries = reco_budget_alloc(budget, longest_row(bags), sizeof(RecoEntry), "labels");
	workspace = reco_budget_alloc_aligned(budget, reco_prior_workspace_size(n, factors->factors), 1, "labels");
	foldin = reco_foldin_create(factors, run);
	prior = reco_prior_begin(n, factors->factors, segments->support, workspace);
	for (row = 0; row < bags->rows; row++)
	{
		RecoVector	vector;

		CHECK_FOR_INTERRUPTS();
		reco_foldin_bag(foldin, entries, copy_row(bags, row, entries), lambda, &vector);
		reco_prior_add(&prior, labels->index + labels->start[row], (int) (labels->start[row + 1] - labels->start[row]), vector.x);
	}
	reco_foldin_check_status(reco_prior_end(&prior, &segments->fields, segments->prior, run), "the prior");
	MemoryContextSwitchTo(old_context);
	reco_budget_end(budget, outer);
}
