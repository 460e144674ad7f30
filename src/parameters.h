/*
 * parameters.h: the numbers that training leaves for serving, beside the factors.
 */
#ifndef RECO_PARAMETERS_H
#define RECO_PARAMETERS_H

/* Learned and chosen numbers; the order is part of the file format: append only. */
typedef enum RecoParameter
{
	RECO_PARAMETER_UNOBSERVED,	/* a0 > 0 */
	RECO_PARAMETER_BASKET_LAMBDA,	/* of the basket's fold-in, > 0 */
	RECO_PARAMETER_HISTORY_LAMBDA,	/* of the history's fold-in beside a basket, > 0 */
	RECO_PARAMETER_HISTORY_HALF_LIFE,	/* days, > 0, may be infinite */
	RECO_PARAMETER_HISTORY_WEIGHT,	/* of the history's score beside the basket's, >= 0 */
	RECO_PARAMETER_ALONE_LAMBDA,	/* of the history's fold-in without a basket, > 0 */
	RECO_PARAMETER_ALONE_HALF_LIFE, /* days, > 0, may be infinite */
	RECO_PARAMETER_CLOCK,		/* microseconds since 2000-01-01 UTC of the newest line; -infinity without lines */
	RECO_PARAMETERS
} RecoParameter;

#endif							/* RECO_PARAMETERS_H */
