/*
 * segment.h: shared memory for parallel workers, where the system has some.
 */
#ifndef RECO_SEGMENT_H
#define RECO_SEGMENT_H

#include "postgres.h"

#include "storage/dsm.h"

extern dsm_segment *reco_segment_create(Size size, int workers, const char *instead);

#endif							/* RECO_SEGMENT_H */
