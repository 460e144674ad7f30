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

/* memcpy of what may be a gigabyte. */
static inline void
reco_copy_bytes(void *to, const void *from, Size length)
{
	const Size	piece = 4 * 1024 * 1024;
	Size		at;

	for (at = 0; at < length; at += piece)
	{
		CHECK_FOR_INTERRUPTS();
		memcpy((char *) to + at, (const char *) from + at, Min(piece, length - at));
	}
}

#endif							/* RECO_INTERRUPTS_H */
