/*
 * usual.h: what a line of an order is expected to come to.
 */
#ifndef RECO_USUAL_H
#define RECO_USUAL_H

#include "postgres.h"

#include "lines.h"
#include "model.h"

/* What a piece of an item brings, as the shop says now. */
typedef enum RecoUnitKind
{
	RECO_UNIT_NONE,				/* nobody says */
	RECO_UNIT_PRICE,
	RECO_UNIT_MARGIN
} RecoUnitKind;

/* What a customer's lines of one item came to. */
typedef struct RecoOwnAmount
{
	int32		item;
	int32		lines;
	double		sum;
} RecoOwnAmount;

/* What one customer usually takes. */
typedef struct RecoUsual
{
	const RecoModel *model;
	double		scale;			/* how much more than others a line of his comes to; 1: not known */
	int			n;				/* items that he bought */
	RecoOwnAmount *own;			/* by item */
} RecoUsual;

extern bool reco_usual_wants_amounts(const RecoModel *model);
extern void reco_usual_make(const RecoModel *model, RecoLine *lines, int64 n, RecoUsual *usual);
extern double reco_usual_value(const RecoUsual *usual, int32 item, double unit, RecoUnitKind kind);

#endif							/* RECO_USUAL_H */
