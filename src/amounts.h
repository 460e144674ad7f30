/*
 * amounts.h: what order lines of each item usually come to.
 */
#ifndef RECO_AMOUNTS_H
#define RECO_AMOUNTS_H

#include "postgres.h"

#include "budget.h"
#include "lines.h"

typedef struct RecoPaidLines RecoPaidLines;

/* What a line of an item comes to: in the shop's currency, or in pieces. */
typedef struct RecoAmounts
{
	const float *usual;			/* [items] > 0; NULL: nothing is known, or all lines are of one piece */
	const float *price;			/* [items] of a piece, 0: of none; NULL: amounts are pieces */
	double		mean;			/* of all lines */
	double		most;			/* an amount above it counts as much as it */
} RecoAmounts;

extern RecoPaidLines *reco_amounts_begin(RecoBudget *budget);
extern void reco_amounts_add(RecoPaidLines *paid, int32 item, float amount, float quantity);
extern void reco_amounts_number(RecoPaidLines *paid, const int32 *rank);
extern RecoAmounts reco_amounts_of_paid(RecoPaidLines *paid, int32 items);
extern RecoAmounts reco_amounts_of_pieces(RecoBudget *budget, const RecoLine *lines, int64 n, int32 items);

#endif							/* RECO_AMOUNTS_H */
