/*
 * conclusion.c: says in plain words what an arm of an experiment has shown, or why nothing can be said.
 *
 * An arm raises or lowers a metric where the interval leaves out zero, has no effect that matters where it lies within the
 * minimum effect on both sides, and else the data cannot tell, which is not the same.
 */
#include "postgres.h"

#include "conclusion.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "pgtime.h"

#define BROKEN 0.001			/* chance of such shares below which assignment is not believed */

/* A moment in the model's time zone; the time of day only where it is not midnight. */
static char *
moment(const RecoGrounds *grounds, TimestampTz at)
{
	pg_tz	   *zone = pg_tzset(grounds->timezone);
	struct pg_tm tm;
	fsec_t		fraction;
	int			offset;

	if (timestamp2tm(at, &offset, &tm, &fraction, NULL, zone) != 0)
		elog(ERROR, "a time of an experiment is out of range");
	if (tm.tm_hour == 0 && tm.tm_min == 0)
		return psprintf("%04d-%02d-%02d", tm.tm_year, tm.tm_mon, tm.tm_mday);
	return psprintf("%04d-%02d-%02d %02d:%02d", tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min);
}

static char *
percent(double share)
{
	double		tenths = rint(share * 1000);

	return psprintf("%.1f", tenths == 0 ? 0 : tenths / 10);
}

static char *
colons(const RecoGrounds *grounds, bool planned)
{
	StringInfoData list;
	int			a;

	initStringInfo(&list);
	for (a = 0; a < grounds->row->n_arms; a++)
	{
		const char *separator = a > 0 ? ":" : "";

		if (planned)
			appendStringInfo(&list, "%s%g", separator, grounds->row->weights[a]);
		else
			appendStringInfo(&list, "%s" INT64_FORMAT, separator, grounds->counts[a].users);
	}
	return list.data;
}

static const char *
uneven(const RecoGrounds *grounds)
{
	if (grounds->row->has_exposures)
		return psprintf("assignment is broken: %s was planned, %s came", colons(grounds, true), colons(grounds, false));
	return psprintf("nothing can be concluded: %s was planned, %s customers ordered; assignment is broken, or an arm changes who orders, which exposures would show",
					colons(grounds, true), colons(grounds, false));
}

static const char *
unknown(RecoExperimentMetric metric, bool has_exposures)
{
	if (!has_exposures && (metric == RECO_METRIC_CONVERSION || metric == RECO_METRIC_REVENUE_PER_USER))
		return "cannot be told without exposures: orders do not say who ordered nothing";
	return "cannot be told: the orders do not say what they are worth";
}

/* Why nothing is said about an arm; NULL where nothing stands against it. */
const char *
reco_conclusion_obstacle(const RecoGrounds *grounds, const RecoExperimentCell *cell)
{
	const RecoExperimentRow *row = grounds->row;
	int64		users = 0;
	int64		orders = 0;
	int			a;

	for (a = 0; a < row->n_arms; a++)
	{
		users += grounds->counts[a].users;
		orders += grounds->counts[a].orders;
	}
	if (grounds->standing == RECO_STANDING_BEFORE)
		return psprintf("too early: starts on %s", moment(grounds, row->starts));
	if (!grounds->is_known)
		return unknown(cell->metric, row->has_exposures);
	if (users > 0 && grounds->uneven < BROKEN)
		return uneven(grounds);
	if (grounds->standing == RECO_STANDING_RUNNING && !row->always_valid)
		return psprintf("too early: ends on %s", moment(grounds, row->planned_end));
	if (grounds->standing == RECO_STANDING_STOPPED && !row->always_valid)
		return psprintf("cannot be told: ended on %s, before the planned end on %s", moment(grounds, row->ended_at),
						moment(grounds, row->planned_end));
	if (grounds->enough)
		return grounds->varies ? NULL : "cannot be told: all customers are alike";
	if (grounds->standing == RECO_STANDING_RUNNING)
		return psprintf("too early: next look on %s", moment(grounds, grounds->next_look));
	if (users == 0 || orders == 0)
		return users == 0 && row->has_exposures ? "no customers were exposed" : "no orders";
	return psprintf("too few customers with orders to tell: " INT64_FORMAT " and " INT64_FORMAT, grounds->counts[0].buyers,
					grounds->counts[cell->arm].buyers);
}

/* Of an interval that leaves out zero. */
static const char *
effect(const RecoGrounds *grounds, const RecoExperimentCell *cell)
{
	const char *arm = grounds->row->arms[cell->arm];
	const char *metric = reco_catalog_metric_name(cell->metric);
	double		most = Max(fabs(cell->low), fabs(cell->high));
	const char *matters = most < grounds->row->minimum_effect
		? psprintf(", less than the %s %% that matter", percent(grounds->row->minimum_effect)) : "";

	if (cell->low > 0)
		return psprintf("%s raises %s by %s %% (%s to %s)%s", arm, metric, percent(cell->lift), percent(cell->low),
						percent(cell->high), matters);
	return psprintf("%s lowers %s by %s %% (%s to %s)%s", arm, metric, percent(-cell->lift), percent(-cell->high),
					percent(-cell->low), matters);
}

/* What the interval of an arm says. */
const char *
reco_conclusion_words(const RecoGrounds *grounds, const RecoExperimentCell *cell)
{
	double		minimum = grounds->row->minimum_effect;
	char	   *between = psprintf("between %s and %s %%", percent(cell->low), percent(cell->high));

	if (cell->low > 0 || cell->high < 0)
		return effect(grounds, cell);
	if (cell->low > -minimum && cell->high < minimum)
		return psprintf("no effect of %s %% or more: %s", percent(minimum), between);
	if (grounds->standing == RECO_STANDING_RUNNING)
		return psprintf("not decided yet: %s; ends on %s", between, moment(grounds, grounds->row->planned_end));
	return psprintf("the data cannot tell: %s", between);
}
