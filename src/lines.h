/*
 * lines.h: order lines, and how those of one customer become a weighted bag of items.
 */
#ifndef RECO_LINES_H
#define RECO_LINES_H

#include "postgres.h"

#include "utils/timestamp.h"
#include "values.h"

/*
 * One order line.  Unknown customer or order: -1.  A negative quantity is a return.  Among the lines that a request knows of
 * its customer, order is the number of a line's context instead, or -1; and user, as long as reco_usual_make has not seen
 * them, is what the line came to.
 */
typedef struct RecoLine
{
	TimestampTz at;
	int32		user;
	int32		item;
	int32		order;
	float		quantity;
} RecoLine;

/* An item of a bag. */
typedef struct RecoEntry
{
	int32		item;
	float		weight;
} RecoEntry;

extern bool reco_lines_is_usable(const RecoLine *line);
extern float reco_lines_amount(const RecoValue *unit_price, const RecoValue *amount, double quantity);
extern void reco_lines_set_amount(RecoLine *line, float amount);
extern float reco_lines_get_amount(const RecoLine *line);
extern int	reco_lines_compare(const void *a, const void *b);
extern void reco_lines_net_returns(RecoLine *run, int64 n);
extern double reco_lines_decay(TimestampTz at, TimestampTz clock, double half_life);
extern TimestampTz reco_lines_clock(const RecoLine *lines, int64 n, TimestampTz as_of, double half_life);
extern float reco_lines_entry_weight(double decayed_count);
extern int64 reco_lines_bag(RecoLine *lines, int64 n, TimestampTz clock, double half_life,
							const double *factors, RecoEntry *entries);
extern int64 reco_lines_crowd_bag(RecoLine *lines, int64 n, TimestampTz as_of, RecoEntry *entries);

#endif							/* RECO_LINES_H */
