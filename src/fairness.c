/*
 * fairness.c: replays later orders, and looks at groups.
 *
 * Of a feature of customers, or a context of orders: how good the answers were for each group (recall, nDCG), whether
 * its probabilities are too high or too low (calibration), and how far off the beaten track its items are (novelty); the
 * gap is to all requests together.  Of a feature of items: what share of the places was theirs (exposure), and the gap to
 * the share that they had of what was bought (Singh and Joachims 2018: exposure in proportion to merit).
 *
 * Groups of few customers say nothing but noise, and much about these customers: they are left out.
 */
#include "postgres.h"

#include "fairness.h"

#include <math.h>

#include "features.h"
#include "interrupts.h"
#include "scoreboard.h"

typedef struct Fairness
{
	RecoEvaluation *e;
	const RecoFeature *feature;
	RecoLabels *labels;
	int			min_support;
	List	   *rows;
} Fairness;

static RecoFairnessRow *
add_row(Fairness *f, int32 label, RecoRequestKind kind, const char *metric)
{
	RecoFairnessRow *row = palloc0(sizeof(RecoFairnessRow));
	size_t		length;
	const char *text = reco_fields_text(&f->labels->fields, label, &length);

	row->group = pnstrdup(text, length);
	row->request = reco_replay_kind_name(kind);
	row->metric = metric;
	row->k = f->e->options.k;
	f->rows = lappend(f->rows, row);
	return row;
}

/* Metric by metric and request by request as they were added; within these, the largest gaps first. */
static int
compare_rows(const ListCell *a, const ListCell *b)
{
	const RecoFairnessRow *x = lfirst(a);
	const RecoFairnessRow *y = lfirst(b);
	int			order = strcmp(x->request, y->request);
	double		difference = fabs(y->gap.value) - fabs(x->gap.value);

	if (order == 0)
		order = strcmp(x->metric, y->metric);
	if (order == 0)
		order = (difference > 0) - (difference < 0);
	return order != 0 ? order : strcmp(x->group, y->group);
}

/* --- groups of customers, or of orders --------------------------------------------------------------------- */

typedef struct Group
{
	int64		customers[RECO_REQUEST_KINDS];
	RecoScoreboard *board;		/* NULL: too few customers, whatever is asked */
} Group;

typedef struct Grouping
{
	const int32 *label;			/* [tests], -1: none */
	Group	   *groups;			/* [labels] */
	RecoScoreboard *all;
} Grouping;

/* The label of each request's customer or order. */
static int32 *
label_tests(const Fairness *f)
{
	const RecoTests *tests = f->e->split.tests;
	const RecoJournal *journal = f->e->journal;
	int32	   *label = palloc_extended(mul_size(Max(tests->n, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
	int			t;

	for (t = 0; t < tests->n; t++)
	{
		const RecoTest *test = &tests->list[t];
		const RecoJournalOrder *order = &journal->orders[test->order];
		const RecoJournalSource *source = &journal->sources[order->source];
		RecoValue	key;

		RECO_CHECK_INTERRUPTS(t);
		label[t] = -1;
		if (f->feature->kind == RECO_SOURCE_USERS && test->user >= 0)
		{
			key = reco_idmap_key(journal->users, test->user);
			label[t] = reco_features_label(f->labels, NULL, &key);
		}
		else if ((f->feature->kind == RECO_SOURCE_ORDERS || f->feature->kind == RECO_SOURCE_SESSIONS) && order->key >= 0)
		{
			key = reco_idmap_key(source->orders, order->key);
			label[t] = reco_features_label(f->labels, source->source, &key);
		}
	}
	return label;
}

/* The numbers of the requests, customer by customer. */
static int *
order_by_customer(const RecoTests *tests)
{
	int		   *order = palloc_extended(mul_size(Max(tests->n, 1), sizeof(int)), MCXT_ALLOC_HUGE);
	int		   *start = palloc0(mul_size((Size) tests->clusters + 2, sizeof(int)));
	int			c;
	int			t;

	for (t = 0; t < tests->n; t++)
		start[tests->list[t].cluster + 2]++;
	for (c = 2; c < tests->clusters + 2; c++)
		start[c] += start[c - 1];
	for (t = 0; t < tests->n; t++)
		order[start[tests->list[t].cluster + 1]++] = t;
	return order;
}

/* Customers of each group with requests of a kind; each counts once. */
static void
count_customers(const Fairness *f, const int32 *label, const int *order, RecoRequestKind kind, Group *groups)
{
	const RecoTests *tests = f->e->split.tests;
	int32	   *seen = palloc_extended(mul_size(Max(f->labels->n, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
	int			g;
	int			t;

	for (g = 0; g < f->labels->n; g++)
		seen[g] = -1;
	for (t = 0; t < tests->n; t++)
	{
		const RecoTest *test = &tests->list[order[t]];
		int32		of = label[order[t]];

		if (of < 0 || seen[of] == test->cluster || !reco_replay_is_asked(test, kind))
			continue;
		seen[of] = test->cluster;
		groups[of].customers[kind]++;
	}
	pfree(seen);
}

/* A board for each group that has enough customers for one kind of request at least. */
static Group *
make_groups(const Fairness *f, const int32 *label)
{
	Group	   *groups = palloc0(mul_size(Max(f->labels->n, 1), sizeof(Group)));
	const int  *order = order_by_customer(f->e->split.tests);
	int			kind;
	int			g;

	for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
		count_customers(f, label, order, kind, groups);
	for (g = 0; g < f->labels->n; g++)
		for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
			if (groups[g].board == NULL && groups[g].customers[kind] >= f->min_support)
				groups[g].board = reco_scoreboard_create(f->e, NULL, false);
	return groups;
}

static void
receive_grouped(void *arg, int contestant, const RecoReply *reply)
{
	Grouping   *grouping = arg;
	int32		label = grouping->label[reply->test->place];

	reco_scoreboard_add(grouping->all, contestant, reply);
	if (label >= 0 && grouping->groups[label].board != NULL)
		reco_scoreboard_add(grouping->groups[label].board, contestant, reply);
}

static void
report_group(Fairness *f, const Grouping *grouping, int32 label)
{
	static const RecoBoardMetric metrics[] = {
		RECO_BOARD_RECALL, RECO_BOARD_NDCG, RECO_BOARD_CALIBRATION_BIAS, RECO_BOARD_CALIBRATION_ERROR, RECO_BOARD_NOVELTY
	};
	const RecoScoreboard *board = grouping->groups[label].board;
	int			kind;
	int			m;

	for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
		for (m = 0; m < (int) lengthof(metrics); m++)
		{
			RecoInterval interval = reco_scoreboard_metric(board, 0, kind, metrics[m]);
			RecoFairnessRow *row;

			if (isnan(interval.value) || grouping->groups[label].customers[kind] < f->min_support)
				continue;
			row = add_row(f, label, kind, reco_scoreboard_metric_name(metrics[m]));
			row->interval = interval;
			row->gap = reco_scoreboard_difference(board, 0, grouping->all, 0, kind, metrics[m]);
			row->customers = grouping->groups[label].customers[kind];
			row->n = reco_scoreboard_count(board, 0, kind);
		}
}

static void
compare_groups(Fairness *f)
{
	RecoEvaluation *e = f->e;
	Grouping	grouping = {label_tests(f), NULL, reco_scoreboard_create(e, NULL, false)};
	int32		g;

	grouping.groups = make_groups(f, grouping.label);
	reco_replay_run(&e->replay, e->contestants, e->n_contestants, receive_grouped, &grouping);
	reco_scoreboard_finish(grouping.all);
	for (g = 0; g < f->labels->n; g++)
		if (grouping.groups[g].board != NULL)
		{
			MemoryContext outer = reco_budget_begin(e->budget, "group");

			reco_scoreboard_finish(grouping.groups[g].board);
			report_group(f, &grouping, g);
			reco_budget_end(e->budget, outer);
		}
}

/* --- groups of items --------------------------------------------------------------------------------------- */

/* The columns of a label and kind of request. */
enum
{
	SUM_SHOWN, SUM_BOUGHT, LABEL_SUMS
};

typedef struct Exposure
{
	const Fairness *f;
	const int32 *label;			/* [the model's items], -1: none */
	const int32 *journal_label; /* [the journal's items] */
	RecoTally  *tally;
	int64		requests[RECO_REQUEST_KINDS];
	int64	   *customers;		/* [labels]: with an order of one of its items */
} Exposure;

/* Where the sums of a label begin; of all items behind those of the last label. */
static int
exposure_column(const Exposure *exposure, RecoRequestKind kind, int32 label)
{
	return ((int) kind * (exposure->f->labels->n + 1) + label) * LABEL_SUMS;
}

static void
receive_exposure(void *arg, int contestant, const RecoReply *reply)
{
	Exposure   *exposure = arg;
	const RecoTests *tests = exposure->f->e->split.tests;
	int32		labels = exposure->f->labels->n;
	int			cluster = reply->test->cluster;
	int			first = reply->kind == RECO_REQUEST_COMPLETION ? reply->test->n_visible : 0;
	int			i;

	exposure->requests[reply->kind]++;
	for (i = 0; i < reply->n; i++)
	{
		int32		label = exposure->label[reply->items[i]];

		reco_tally_add(exposure->tally, cluster, exposure_column(exposure, reply->kind, labels) + SUM_SHOWN, 1);
		if (label >= 0)
			reco_tally_add(exposure->tally, cluster, exposure_column(exposure, reply->kind, label) + SUM_SHOWN, 1);
	}
	for (i = first; i < reply->test->n_items; i++)
	{
		int32		label = exposure->journal_label[tests->items[reply->test->first + i]];

		reco_tally_add(exposure->tally, cluster, exposure_column(exposure, reply->kind, labels) + SUM_BOUGHT, 1);
		if (label >= 0)
			reco_tally_add(exposure->tally, cluster, exposure_column(exposure, reply->kind, label) + SUM_BOUGHT, 1);
	}
}

/* Customers with an order of an item of each label. */
static void
count_buyers(Exposure *exposure)
{
	const RecoTests *tests = exposure->f->e->split.tests;
	bool	   *counted = palloc0(mul_size(Max(tests->clusters, 1), sizeof(bool)));
	int32		label;
	int			t;
	int			i;

	for (label = 0; label < exposure->f->labels->n; label++)
	{
		memset(counted, 0, tests->clusters * sizeof(bool));
		CHECK_FOR_INTERRUPTS();
		for (t = 0; t < tests->n; t++)
			for (i = 0; i < tests->list[t].n_items && !counted[tests->list[t].cluster]; i++)
				if (exposure->journal_label[tests->items[tests->list[t].first + i]] == label)
				{
					counted[tests->list[t].cluster] = true;
					exposure->customers[label]++;
				}
	}
}

typedef struct Share
{
	int			part;
	int			all;
	int			less_part;		/* -1: the share itself, not a difference of two */
	int			less_all;
} Share;

static double
share_of(const double *sums, const void *arg)
{
	const Share *share = arg;
	double		value;

	if (!(sums[share->all] > 0))
		return NAN;
	value = sums[share->part] / sums[share->all];
	if (share->less_part < 0)
		return value;
	return sums[share->less_all] > 0 ? value - sums[share->less_part] / sums[share->less_all] : NAN;
}

static void
report_exposure(Fairness *f, const Exposure *exposure, RecoRequestKind kind, int32 label)
{
	int			part = exposure_column(exposure, kind, label);
	int			all = exposure_column(exposure, kind, f->labels->n);
	Share		share = {part + SUM_SHOWN, all + SUM_SHOWN, -1, -1};
	RecoInterval interval = reco_tally_interval(exposure->tally, share_of, &share);
	RecoFairnessRow *row;

	if (isnan(interval.value))
		return;
	row = add_row(f, label, kind, "exposure");
	row->interval = interval;
	share.less_part = part + SUM_BOUGHT;
	share.less_all = all + SUM_BOUGHT;
	row->gap = reco_tally_interval(exposure->tally, share_of, &share);
	row->customers = exposure->customers[label];
	row->n = exposure->requests[kind];
}

static int32 *
label_items(const Fairness *f, bool of_model)
{
	const RecoEvaluation *e = f->e;
	int32		n = of_model ? e->model->items : reco_idmap_count(e->journal->items);
	int32	   *label = palloc_extended(mul_size(Max(n, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
	int32		i;

	for (i = 0; i < n; i++)
	{
		RecoValue	key = {.is_null = false};

		RECO_CHECK_INTERRUPTS(i);
		if (of_model)
		{
			RecoKey		item = reco_answering_item_key(e->model, i);

			key = (RecoValue) {.integer = item.integer,.bytes = item.bytes,.length = item.length};
		}
		else
			key = reco_idmap_key(e->journal->items, i);
		label[i] = reco_features_label(f->labels, NULL, &key);
	}
	return label;
}

static void
compare_exposure(Fairness *f)
{
	RecoEvaluation *e = f->e;
	Exposure	exposure = {.f = f};
	int			columns = RECO_REQUEST_KINDS * (f->labels->n + 1) * LABEL_SUMS;
	int			kind;
	int32		label;

	exposure.label = label_items(f, true);
	exposure.journal_label = label_items(f, false);
	exposure.tally = reco_tally_create(e->budget, e->split.tests->clusters, columns);
	exposure.customers = palloc0(mul_size(Max(f->labels->n, 1), sizeof(int64)));
	reco_replay_run(&e->replay, e->contestants, e->n_contestants, receive_exposure, &exposure);
	reco_tally_finish(exposure.tally, e->options.split.seed);
	count_buyers(&exposure);
	for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
		for (label = 0; label < f->labels->n; label++)
			if (exposure.customers[label] >= f->min_support)
				report_exposure(f, &exposure, kind, label);
}

/* --- the whole --------------------------------------------------------------------------------------------- */

/*
 * Rows of reco.fairness, in the current memory context: groups by the feature that is called so, of at least so many
 * customers.  Errors as of reco_evaluation_begin and of reco_features_find and _read.
 */
List *
reco_fairness(const char *model, const char *by, int min_support, const RecoEvaluationOptions *options,
			  RecoProgress *progress)
{
	Fairness	f = {reco_evaluation_read(model, options, progress), NULL, NULL, min_support, NIL};

	/* What is wrong with the feature is to be told before the work, not after. */
	f.feature = reco_features_find(model, f.e->sources, by);
	f.labels = reco_features_read(f.e->budget, &f.e->reader, f.feature,
								  f.feature->kind == RECO_SOURCE_USERS ? RECO_ROLE_USER
								  : f.feature->kind == RECO_SOURCE_ITEMS ? RECO_ROLE_ITEM
								  : reco_definitions_order_role(linitial(f.feature->sources)));
	if (!reco_evaluation_learn(f.e))
		return NIL;
	f.e->replay.with_auc = false;
	if (f.feature->kind == RECO_SOURCE_ITEMS)
		compare_exposure(&f);
	else
		compare_groups(&f);
	list_sort(f.rows, compare_rows);
	if (f.rows == NIL)
		ereport(NOTICE,
				(errmsg("no group by \"%s\" has %d customers with later orders", by, min_support),
				 errhint("Lower min_support, raise orders, or make fewer groups by another expression.")));
	return f.rows;
}
