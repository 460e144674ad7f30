/*
 * aov_report.h: what the orders of a model are worth, by group and period.
 */
#ifndef RECO_AOV_REPORT_H
#define RECO_AOV_REPORT_H

#include "postgres.h"

#include "aov.h"
#include "nodes/pg_list.h"
#include "utils/date.h"
#include "utils/timestamp.h"

typedef enum RecoPeriod
{
	RECO_PERIOD_ALL,			/* of time: one */
	RECO_PERIOD_DAY,
	RECO_PERIOD_WEEK,
	RECO_PERIOD_MONTH,
	RECO_PERIOD_QUARTER,
	RECO_PERIOD_YEAR
} RecoPeriod;

typedef struct RecoAovReportOptions
{
	const char *by;				/* NULL: all orders are one group */
	RecoPeriod	period;
	TimestampTz since;			/* DT_NOBEGIN: all */
	TimestampTz until;			/* DT_NOEND: all */
	int			min_support;	/* customers of a group; 0: as the model's option says */
	double		winsorize_at;
	int64		window;			/* microseconds before an order, in which what was shown counts */
} RecoAovReportOptions;

/* A row of reco.aov_report; what is not known is NaN. */
typedef struct RecoAovReportRow
{
	DateADT		period;			/* its first day; DATEVAL_NOBEGIN: all of time */
	const char *group;			/* NULL: all orders */
	RecoAov		aov;
	double		returns;
	double		net_mean;
	double		items_per_order;
	double		attach_rate;
	double		revenue_per_customer;
	double		recommended_orders;
	double		recommended_revenue;
} RecoAovReportRow;

extern bool reco_aov_report_find_period(const char *name, RecoPeriod *period);
extern List *reco_aov_report(const char *model, const RecoAovReportOptions *options);

#endif							/* RECO_AOV_REPORT_H */
