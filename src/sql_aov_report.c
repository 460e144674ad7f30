/*
 * sql_aov_report.c: the SQL function that reports what orders are worth.
 */
#include "postgres.h"

#include <math.h>

#include "aov_report.h"
#include "fmgr.h"
#include "sums.h"
#include "surface.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(reco_aov_report_sql);

#define MAX_WINDOW 3650			/* days */

enum
{
	ARG_MODEL, ARG_BY, ARG_PERIOD, ARG_SINCE, ARG_UNTIL, ARG_MIN_SUPPORT, ARG_WINSORIZE_AT, ARG_WINDOW, ARGUMENTS
};

enum
{
	OUT_PERIOD, OUT_GROUP, OUT_CUSTOMERS, OUT_ORDERS, OUT_GROSS, OUT_RETURNS, OUT_NET, OUT_AOV, OUT_LOW, OUT_HIGH, OUT_AOV_NET,
	OUT_WINSORIZED, OUT_MEDIAN, OUT_ITEMS, OUT_ATTACH, OUT_PER_CUSTOMER, OUT_RECOMMENDED_ORDERS, OUT_RECOMMENDED_REVENUE, COLUMNS
};

static RecoPeriod
read_period(FunctionCallInfo fcinfo)
{
	char	   *name = reco_surface_text_or_null(fcinfo, ARG_PERIOD);
	RecoPeriod	period = RECO_PERIOD_ALL;

	if (name != NULL && !reco_aov_report_find_period(name, &period))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"period\" cannot be \"%s\"", name),
				 errhint("It is day, week, month, quarter or year, or NULL for all of time.")));
	return period;
}

static int
read_min_support(FunctionCallInfo fcinfo)
{
	int			support = PG_ARGISNULL(ARG_MIN_SUPPORT) ? 0 : PG_GETARG_INT32(ARG_MIN_SUPPORT);

	if (!PG_ARGISNULL(ARG_MIN_SUPPORT) && support < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"min_support\" must be from %d to %d, not %d", 1, PG_INT32_MAX, support),
				 errhint("Give a number in that range, or leave it out for the model's option.")));
	return support;
}

static double
read_winsorize_at(FunctionCallInfo fcinfo)
{
	double		at = PG_ARGISNULL(ARG_WINSORIZE_AT) ? NAN : PG_GETARG_FLOAT8(ARG_WINSORIZE_AT);

	if (!(at >= 0 && at <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"winsorize_at\" must be from 0 to 1, not %g", at),
				 errhint("Order values above that quantile are set to it; 1 changes none.")));
	return at;
}

/* In microseconds; a month is 30 days. */
static int64
read_window(FunctionCallInfo fcinfo)
{
	const Interval *window = PG_ARGISNULL(ARG_WINDOW) ? NULL : PG_GETARG_INTERVAL_P(ARG_WINDOW);
	double		days = NAN;

	if (window != NULL)
		days = window->month * 30.0 + window->day + (double) window->time / USECS_PER_DAY;
	if (!(days > 0 && days <= MAX_WINDOW))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"attribution_window\" must be above 0 and at most %d days, not %s", MAX_WINDOW,
						window == NULL ? "null" : DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(ARG_WINDOW)))),
				 errhint("It is how long before an order an item may have been shown.")));
	return (int64) (days * USECS_PER_DAY);
}

static RecoAovReportOptions
read_options(FunctionCallInfo fcinfo)
{
	return (RecoAovReportOptions) {
		.by = reco_surface_text_or_null(fcinfo, ARG_BY),
		.period = read_period(fcinfo),
		.since = PG_ARGISNULL(ARG_SINCE) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(ARG_SINCE),
		.until = PG_ARGISNULL(ARG_UNTIL) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(ARG_UNTIL),
		.min_support = read_min_support(fcinfo),
		.winsorize_at = read_winsorize_at(fcinfo),
		.window = read_window(fcinfo)
	};
}

static void
put_row(RecoAnswerSet *set, const RecoAovReportRow *row)
{
	const double numbers[COLUMNS] = {
		[OUT_GROSS] = row->aov.gross,[OUT_RETURNS] = row->returns,[OUT_NET] = row->aov.gross - row->returns,
		[OUT_AOV] = row->aov.mean,[OUT_LOW] = row->aov.low,[OUT_HIGH] = row->aov.high,[OUT_AOV_NET] = row->net_mean,
		[OUT_WINSORIZED] = row->aov.winsorized,[OUT_MEDIAN] = row->aov.median,[OUT_ITEMS] = row->items_per_order,
		[OUT_ATTACH] = row->attach_rate,[OUT_PER_CUSTOMER] = row->revenue_per_customer,
		[OUT_RECOMMENDED_ORDERS] = row->recommended_orders,[OUT_RECOMMENDED_REVENUE] = row->recommended_revenue
	};
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];
	int			c;

	for (c = 0; c < COLUMNS; c++)
	{
		nulls[c] = isnan(numbers[c]);
		values[c] = Float8GetDatum(nulls[c] ? 0 : reco_sums_result(numbers[c]));
	}
	nulls[OUT_PERIOD] = DATE_IS_NOBEGIN(row->period);
	values[OUT_PERIOD] = DateADTGetDatum(row->period);
	nulls[OUT_GROUP] = row->group == NULL;
	values[OUT_GROUP] = nulls[OUT_GROUP] ? (Datum) 0 : CStringGetTextDatum(row->group);
	values[OUT_CUSTOMERS] = Int64GetDatum(row->aov.customers);
	values[OUT_ORDERS] = Int64GetDatum(row->aov.orders);
	reco_surface_put_row(set, values, nulls);
}

Datum
reco_aov_report_sql(PG_FUNCTION_ARGS)
{
	RecoAnswerSet set = reco_surface_begin_set(fcinfo, ARGUMENTS);
	char	   *model = reco_surface_text(fcinfo, ARG_MODEL, "model");
	RecoAovReportOptions options = read_options(fcinfo);
	ListCell   *cell;

	foreach(cell, reco_aov_report(model, &options))
		put_row(&set, lfirst(cell));
	return reco_surface_end_set(&set);
}
