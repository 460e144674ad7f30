/*
 * boundary.h: how far a difference may be from zero at each of several looks.
 */
#ifndef RECO_BOUNDARY_H
#define RECO_BOUNDARY_H

#include "numeric.h"

extern double reco_boundary_spent(double elapsed, double level);
extern size_t reco_boundary_workspace(void);
extern RecoStatus reco_boundary_find(const RecoRun *run, const double *information, const double *elapsed, int looks, double level,
									 void *workspace, double *z);

#endif							/* RECO_BOUNDARY_H */
