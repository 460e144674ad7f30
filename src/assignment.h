/*
 * assignment.h: which arm of an experiment a unit is in.
 */
#ifndef RECO_ASSIGNMENT_H
#define RECO_ASSIGNMENT_H

#include "numeric.h"

#define RECO_MAX_ARMS 20

typedef struct RecoAssignment
{
	uint64_t	key[2];			/* made of the salt */
	int			arms;
	double		upto[RECO_MAX_ARMS];	/* shares of the arms up to each */
} RecoAssignment;

extern uint64_t reco_assignment_hash(const uint64_t key[2], const void *bytes, size_t length);
extern void reco_assignment_begin(RecoAssignment *assignment, const char *salt, size_t length, const double *weights, int arms);
extern int	reco_assignment_arm(const RecoAssignment *assignment, const char *unit, size_t length);

#endif							/* RECO_ASSIGNMENT_H */
