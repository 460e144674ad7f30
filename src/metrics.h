/*
 * metrics.h: how good recommendations are, as numbers.
 *
 * One definition of each metric, for training, for evaluation and for the aggregates of SQL.
 */
#ifndef RECO_METRICS_H
#define RECO_METRICS_H

#include "numeric.h"

/*
 * Metrics of one list, each from 0 to 1.  hit[i] says whether the item at rank i + 1 is relevant; n is the length of the
 * list, of which what is beyond k counts nothing.  n_relevant > 0 is how many items are relevant at all, of which the list
 * may have any: no fewer than there are hits, or the bounds do not hold.  k > 0.
 */
extern double reco_metrics_precision(const bool *hit, int n, int k, int n_relevant);
extern double reco_metrics_recall(const bool *hit, int n, int k, int n_relevant);
extern double reco_metrics_hit_rate(const bool *hit, int n, int k, int n_relevant);
extern double reco_metrics_average_precision(const bool *hit, int n, int k, int n_relevant);
extern double reco_metrics_reciprocal_rank(const bool *hit, int n, int k, int n_relevant);
extern double reco_metrics_ndcg(const bool *hit, int n, int k, int n_relevant);

/*
 * The chance that a positive has a higher score than a negative, ties counting half.  Sorts both arrays, in O(n log n);
 * workspace has room for the longer one.  RECO_NOT_FINITE for a NaN (infinities are in order), RECO_BAD_ARGUMENT where
 * one class is missing, RECO_TOO_LARGE for more than 2^31 of either, RECO_INTERRUPTED.
 */
extern RecoStatus reco_metrics_auc(const RecoRun *run, double *positive, size_t n_positive, double *negative,
								   size_t n_negative, double *workspace, double *auc);

/*
 * How unequally items are shown: 0 where all are shown equally often, (items - 1) / items where it is always the same one.
 * exposures has how often each of n different items was shown, the other items (items - n of the catalogue) never were;
 * sorts it, in O(n log n); workspace has room for n.  RECO_NOT_FINITE for a NaN or an infinity, RECO_BAD_ARGUMENT for a
 * negative exposure or items < n or items < 1, RECO_INTERRUPTED.
 */
extern RecoStatus reco_metrics_gini(const RecoRun *run, double *exposures, size_t n, double items, double *workspace,
									double *gini);

/* What one probability, of what happened or did not, adds to the sum of which the mean is the metric. */
extern double reco_metrics_log_loss(double probability, bool outcome);
extern double reco_metrics_brier(double probability, bool outcome);

/*
 * Expected calibration error, 0 to 1: predicted[b] and observed[b] are the sums of the probabilities and of the outcomes
 * (1 or 0) in bin b, n > 0 is the number of all.  The other says in which of so many equally wide bins a probability is.
 */
extern double reco_metrics_calibration_error(const double *predicted, const double *observed, int bins, double n);
extern int	reco_metrics_bin(double probability, int bins);

/* Self-information in bits of an item that is in so many of all orders (0 <= item_orders <= orders). */
extern double reco_metrics_self_information(double item_orders, double orders);

#endif							/* RECO_METRICS_H */
