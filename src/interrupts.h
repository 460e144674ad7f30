/*
 * interrupts.h: asking for interrupts in tight loops.
 */
#ifndef RECO_INTERRUPTS_H
#define RECO_INTERRUPTS_H

#include "miscadmin.h"

/* In loops of some nanoseconds a turn: often enough to answer within 10 ms, rarely enough to cost nothing. */
#define RECO_CHECK_INTERRUPTS(i) \
	do { \
		if (((i) & 0xFFFF) == 0) \
			CHECK_FOR_INTERRUPTS(); \
	} while (0)

#endif							/* RECO_INTERRUPTS_H */
