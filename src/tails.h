/*
 * tails.h: tails of distributions.
 */
#ifndef RECO_TAILS_H
#define RECO_TAILS_H

#include "numeric.h"

extern double reco_tails_normal(double z);
extern double reco_tails_normal_quantile(double p);
extern double reco_tails_student(double t, double freedom);
extern double reco_tails_student_quantile(double p, double freedom);
extern double reco_tails_chi_square(double x, double freedom);

#endif							/* RECO_TAILS_H */
