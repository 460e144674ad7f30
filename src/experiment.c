/*
 * experiment.c: reports what an experiment has shown so far.
 *
 *	1. say up to when its data may be looked at: to the planned end, and before that, where the analysis is always valid, to the
 *	   end of the last full period;
 *	2. read who took part until then, and what each did (participants.c);
 *	3. compare each arm with the control by each metric (ratios.c);
 *	4. say in words what that shows, or why it shows nothing (conclusion.c).
 *
 * A fixed analysis looks once, at the planned end.  One that is always valid looks at the end of each period, a day, or as
 * many days as make at most a hundred periods, and its intervals hold at all of these looks together (boundary.c; repeated
 * confidence intervals, Jennison and Turnbull 1989): between two looks the report does not change, so that reading it more often costs
 * nothing.  Nothing is stored of earlier looks, they are made again of the data as they were.  Boundaries are those of known
 * variances, taken to Student's distribution by their tails.
 *
 * Several treatments share the level (Bonferroni): 5 % is the chance that any of them differs from the control by a metric
 * without an effect.
 */
#include "postgres.h"

#include "experiment.h"

#include <math.h>

#include "boundary.h"
#include "budget.h"
#include "check.h"
#include "conclusion.h"
#include "consent.h"
#include "foldin.h"
#include "participants.h"
#include "ratios.h"
#include "tails.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define LEVEL 0.05
#define MOST_LOOKS 100
#define FEW 30					/* customers with orders, of an arm */

/* What is known of an arm by a metric at a look. */
typedef struct Comparison
{
	RecoArmRatio ratio;
	RecoLift	plain;
	RecoLift	lift;
	bool		adjusted;
	bool		enough;			/* customers, here and in the control */
	bool		varies;			/* not all customers are alike */
} Comparison;

typedef struct Report
{
	const RecoExperimentRow *row;
	RecoModelRow *model;
	List	   *sources;
	RecoReader	reader;
	RecoBudget *budget;
	RecoRun		run;
	RecoStanding standing;
	TimestampTz data_to;
	TimestampTz lines_to;
	int			looks;			/* that there are to be until the planned end */
	int			done;			/* of them */
	RecoParticipants *people;
	RecoArmCounts counts[RECO_MAX_ARMS];
	double	   *information;	/* [metrics * arms * looks] */
	double	   *elapsed;		/* [looks] */
} Report;

/* --- when -------------------------------------------------------------------------------------------------- */

static TimestampTz
period(const RecoExperimentRow *row)
{
	TimestampTz days = (row->planned_end - row->starts + USECS_PER_DAY - 1) / USECS_PER_DAY;

	return (days + MOST_LOOKS - 1) / MOST_LOOKS * USECS_PER_DAY;
}

static TimestampTz
look_at(const RecoExperimentRow *row, int look)
{
	return Min(row->starts + (look + 1) * period(row), row->planned_end);
}

static void
set_times(Report *r, TimestampTz as_of)
{
	const RecoExperimentRow *row = r->row;
	TimestampTz stopped = Min(row->ended_at, row->planned_end);
	TimestampTz until = Min(as_of, stopped);

	r->looks = row->always_valid ? (int) ((row->planned_end - row->starts + period(row) - 1) / period(row)) : 1;
	while (row->always_valid && r->done < r->looks && look_at(row, r->done) <= until)
		r->done++;
	if (!row->always_valid)
		r->data_to = until;
	else
		r->data_to = r->done > 0 ? look_at(row, r->done - 1) : row->starts;
	r->lines_to = row->always_valid ? r->data_to : as_of;
	if (as_of < row->starts)
		r->standing = RECO_STANDING_BEFORE;
	else if (until == row->planned_end)
		r->standing = RECO_STANDING_COMPLETE;
	else
		r->standing = until == row->ended_at ? RECO_STANDING_STOPPED : RECO_STANDING_RUNNING;
}

/* --- reading ----------------------------------------------------------------------------------------------- */

static void
complain_of_no_orders(const RecoModelRow *model)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("model \"%s\" has no orders to experiment with", model->name),
			 errhint("Name the table of your order lines with reco.add_orders('%s', ...).", model->name)));
}

static RecoReader
make_reader(const RecoModelRow *model, List *sources)
{
	RecoReader	reader = {.model = model->name,.owner = model->owner_oid,.timezone = model->timezone};

	if (!reco_definitions_has_orders(sources))
		complain_of_no_orders(model);
	reco_check_trainable(model, sources);
	reader.integer_keys = reco_sources_all_integer_keys(&reader, sources);
	return reader;
}

static void
read_people(Report *r)
{
	RecoOptions options = reco_catalog_options(r->model);

	r->reader.gate = reco_consent_gate(reco_consent_read_all(r->budget, &r->reader, r->sources, options.default_consent),
									   RECO_CONSENT_TO_LEARNING);
	r->people = reco_participants_read(r->budget, &r->reader, r->sources, r->row, r->lines_to, r->data_to);
}

/* An error unless the orders say what they are worth. */
static void
require_values(const RecoModelRow *model, List *sources)
{
	ListCell   *cell;

	foreach(cell, sources)
		if (reco_definitions_column(lfirst(cell), RECO_ROLE_UNIT_PRICE) != NULL ||
			reco_definitions_column(lfirst(cell), RECO_ROLE_AMOUNT) != NULL)
			return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the orders of model \"%s\" do not say what they are worth", model->name),
			 errhint("Give reco.add_orders a unit_price or an amount, or choose metric items_per_order or conversion.")));
}

/* An error where orders alone do not say what a metric is. */
static void
require_orders_do(RecoExperimentMetric metric)
{
	if (metric == RECO_METRIC_CONVERSION || metric == RECO_METRIC_REVENUE_PER_USER)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("metric \"%s\" needs exposures", reco_catalog_metric_name(metric)),
				 errhint("Orders do not say who was exposed and ordered nothing: give exposures, user_id and at.")));
}

/*
 * An error unless an experiment can be reported on: exposures is its source of them, or NULL.  Errors:
 * object_not_in_prerequisite_state, datatype_mismatch, undefined_object, and what reading raises.
 */
void
reco_experiment_check(const RecoModelRow *model, const RecoExperimentRow *row, const RecoSource *exposures)
{
	List	   *sources = reco_catalog_sources(model->name, RECO_READ_LATEST);
	RecoReader	reader = make_reader(model, sources);

	if (row->metric == RECO_METRIC_AOV || row->metric == RECO_METRIC_REVENUE_PER_USER)
		require_values(model, sources);
	if (exposures == NULL)
		require_orders_do(row->metric);
	if (exposures == NULL)
		return;
	if (reader.integer_keys && !reco_sources_integer_keys(&reader, exposures))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("parameter \"user_id\" is no integer, but the keys of model \"%s\" are", model->name),
				 errhint("Cast it: user_id => 'customer::bigint'.")));
	reco_sources_check(&reader, exposures);
}

/* --- comparing --------------------------------------------------------------------------------------------- */

/* Whether there are enough customers to adjust for what they did before. */
static bool
may_adjust(const Report *r, const RecoArmCounts *counts)
{
	int			a;

	for (a = 0; a < r->row->n_arms; a++)
		if (counts[a].known < FEW)
			return false;
	return r->row->prior_days > 0;
}

/* All arms by a metric, of what was counted last; false where the orders do not say it. */
static bool
compare(const Report *r, RecoExperimentMetric metric, int64 n, const RecoArmCounts *counts, Comparison *comparisons)
{
	RecoArmRatio ratios[RECO_MAX_ARMS];
	RecoUnits	units;
	bool		adjust = may_adjust(r, counts);
	int			a;

	if (!reco_participants_units(r->people, metric, n, &units))
		return false;
	reco_foldin_check_status(reco_ratios_by_arm(&r->run, &units, r->row->n_arms, adjust, ratios), "comparison of arms");
	for (a = 0; a < r->row->n_arms; a++)
	{
		Comparison *c = &comparisons[a];

		c->ratio = ratios[a];
		c->plain = reco_ratios_lift(&ratios[0], &ratios[a], false);
		c->lift = reco_ratios_lift(&ratios[0], &ratios[a], true);
		c->adjusted = adjust;
		c->enough = counts[0].buyers >= FEW && counts[a].buyers >= FEW;
		c->varies = c->plain.error > 0 && c->lift.error > 0;
	}
	return true;
}

static double *
information_of(const Report *r, RecoExperimentMetric metric, int arm)
{
	return r->information + ((Size) metric * r->row->n_arms + arm) * r->looks;
}

/* Look again as at the end of each period but the last. */
static void
look_back(Report *r)
{
	double		time = (double) (r->row->planned_end - r->row->starts);
	Size		cells = mul_size(RECO_METRICS, r->row->n_arms);
	int			look;

	r->information = reco_budget_alloc(r->budget, mul_size(cells, r->looks), sizeof(double), "looks");
	r->elapsed = reco_budget_alloc(r->budget, r->looks, sizeof(double), "looks");
	for (look = 0; look < r->done; look++)
	{
		Comparison	comparisons[RECO_MAX_ARMS] = {0};
		RecoArmCounts counts[RECO_MAX_ARMS];
		TimestampTz at = look_at(r->row, look);
		int64		n = reco_participants_count(r->people, at, counts);
		int			metric;
		int			a;

		r->elapsed[look] = (double) (at - r->row->starts) / time;
		for (metric = 0; metric < RECO_METRICS; metric++)
			for (a = 1; compare(r, (RecoExperimentMetric) metric, n, counts, comparisons) && a < r->row->n_arms; a++)
				if (comparisons[a].enough && comparisons[a].varies)
					information_of(r, (RecoExperimentMetric) metric, a)[look] = 1 / (comparisons[a].lift.error * comparisons[a].lift.error);
	}
}

/* How many standard errors the last look's interval reaches, were they known. */
static double
boundary_now(const Report *r, RecoExperimentMetric metric, int arm, double level)
{
	double		z[MOST_LOOKS];
	void	   *workspace = palloc(reco_boundary_workspace());

	reco_foldin_check_status(reco_boundary_find(&r->run, information_of(r, metric, arm), r->elapsed, r->done, level, workspace, z),
							 "boundary");
	pfree(workspace);
	return z[r->done - 1];
}

/* --- the report -------------------------------------------------------------------------------------------- */

static void
set_interval(const Report *r, RecoExperimentCell *cell, const Comparison *c)
{
	double		level = LEVEL / (r->row->n_arms - 1);
	double		tail = r->row->always_valid ? reco_tails_normal(boundary_now(r, cell->metric, cell->arm, level)) : level / 2;
	double		errors = reco_tails_student_quantile(tail, c->lift.freedom);
	double		plain_errors = reco_tails_student_quantile(tail, c->plain.freedom);

	cell->lift = c->lift.lift;
	cell->low = reco_ratios_moved(&c->lift, -errors);
	cell->high = reco_ratios_moved(&c->lift, errors);
	cell->plain_lift = c->plain.lift;
	cell->plain_low = reco_ratios_moved(&c->plain, -plain_errors);
	cell->plain_high = reco_ratios_moved(&c->plain, plain_errors);
	cell->adjusted = c->adjusted;
	if (!r->row->always_valid)
		cell->p = Min(1, (r->row->n_arms - 1) * 2 *
					  reco_tails_student(fabs(log1p(c->lift.lift)) / c->lift.error, c->lift.freedom));
}

static void
fill_cell(const Report *r, RecoExperimentReport *report, RecoExperimentCell *cell, const Comparison *c, bool is_known)
{
	const RecoArmCounts *counts = &r->counts[cell->arm];
	RecoGrounds grounds = {.row = r->row,.timezone = r->model->timezone,.standing = r->standing,.counts = r->counts,
		.uneven = report->uneven,.is_known = is_known,.enough = is_known && c->enough,.varies = is_known && c->varies,
	.next_look = r->done < r->looks ? look_at(r->row, r->done) : r->row->planned_end};

	cell->users = counts->users;
	cell->buyers = counts->buyers;
	cell->orders = counts->orders;
	cell->capped = counts->capped;
	cell->value = is_known && counts->orders > 0 ? c->ratio.plain : NAN;
	cell->lift = cell->low = cell->high = cell->p = cell->plain_lift = cell->plain_low = cell->plain_high = NAN;
	if (cell->arm == 0)
		return;
	cell->verdict = reco_conclusion_obstacle(&grounds, cell);
	if (cell->verdict != NULL)
		return;
	set_interval(r, cell, c);
	cell->verdict = reco_conclusion_words(&grounds, cell);
}

static void
fill(Report *r, RecoExperimentReport *report)
{
	int64		users[RECO_MAX_ARMS];
	int64		n = reco_participants_count(r->people, r->data_to, r->counts);
	int			a;
	int			i;

	for (a = 0; a < r->row->n_arms; a++)
		users[a] = r->counts[a].users;
	report->uneven = reco_ratios_uneven(users, r->row->weights, r->row->n_arms);
	report->cap = r->people->cap;
	report->cells = palloc0(mul_size(mul_size(RECO_METRICS, r->row->n_arms), sizeof(RecoExperimentCell)));
	for (i = 0; i < RECO_METRICS; i++)
	{
		/* The primary metric first. */
		RecoExperimentMetric	metric = i == 0 ? r->row->metric : (RecoExperimentMetric) (i <= (int) r->row->metric ? i - 1 : i);
		Comparison	comparisons[RECO_MAX_ARMS] = {0};
		bool		is_known = compare(r, metric, n, r->counts, comparisons);

		for (a = 0; a < r->row->n_arms; a++)
		{
			RecoExperimentCell *cell = &report->cells[report->n++];

			cell->arm = a;
			cell->metric = metric;
			fill_cell(r, report, cell, &comparisons[a], is_known);
		}
	}
}

/*
 * What an experiment would have told that had the orders of row's time, all its customers in one arm: how many they are, and
 * the metric.  Errors: as of reco_experiment_report.
 */
RecoArmRatio
reco_experiment_rehearse(const RecoModelRow *model, const RecoExperimentRow *row, Size memory_limit, RecoArmCounts *counts)
{
	Report		r = {.row = row,.model = unconstify(RecoModelRow *, model)};
	Comparison	comparison[RECO_MAX_ARMS] = {0};
	int64		n;

	r.sources = reco_catalog_sources(model->name, RECO_READ_CALLER);
	r.reader = make_reader(model, r.sources);
	require_orders_do(row->metric);
	if (row->metric == RECO_METRIC_AOV)
		require_values(model, r.sources);
	r.budget = reco_budget_create(CurrentMemoryContext, "the rehearsal of an experiment", memory_limit);
	r.run = reco_foldin_run(NULL);
	r.data_to = r.lines_to = row->planned_end;
	read_people(&r);
	n = reco_participants_count(r.people, r.data_to, counts);
	(void) compare(&r, row->metric, n, counts, comparison);
	MemoryContextDelete(r.budget->context);
	return comparison[0].ratio;
}

/*
 * Rows of reco.experiment_report, in the current memory context.  Errors: undefined_object, insufficient_privilege,
 * object_not_in_prerequisite_state (no orders), configuration_limit_exceeded, and what reading raises.
 */
RecoExperimentReport *
reco_experiment_report(const char *name, TimestampTz as_of, Size memory_limit)
{
	Report		r = {.row = reco_catalog_find_experiment(name, RECO_READ_CALLER)};
	RecoExperimentReport *report = palloc0(sizeof(RecoExperimentReport));

	r.model = reco_catalog_find_model(r.row->model, RECO_READ_CALLER, false);
	reco_catalog_require(r.model, RECO_ACCESS_OWNER);
	r.sources = reco_catalog_sources(r.model->name, RECO_READ_CALLER);
	r.reader = make_reader(r.model, r.sources);
	r.budget = reco_budget_create(CurrentMemoryContext, "the report of an experiment", memory_limit);
	r.run = reco_foldin_run(NULL);
	set_times(&r, as_of);
	read_people(&r);
	if (r.row->always_valid)
		look_back(&r);
	report->row = r.row;
	report->data_to = r.data_to;
	fill(&r, report);
	return report;
}
