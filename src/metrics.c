/*
 * metrics.c: the definitions of the metrics.
 *
 * A metric at k looks at the k best ranks.  A list that is shorter than k is one with nothing in its last ranks.  Names and
 * formulas are those of Herlocker et al. (2004, "Evaluating collaborative filtering recommender systems") and of Manning,
 * Raghavan and Schuetze (2008, "Introduction to information retrieval", chapter 8) where nothing else is said.
 *
 * Where a formula has a division by the number of relevant items, here it is by min(k, relevant): no list of k items can
 * have more hits, so that 1 is what the best list gets, whatever k.  Recall is so in this whole project.  The textbook
 * divides by all relevant items, and cannot reach 1 where these are more than k; where they are not, both agree.
 */
#include "metrics.h"

#include <math.h>

#define LEAST_PROBABILITY 1e-15
#define CHECK_EVERY 65536		/* numbers: less than 1 ms */

static int
least(int a, int b)
{
	return a < b ? a : b;
}

/* --- one list ---------------------------------------------------------------------------------------------- */

static int
count_hits(const bool *hit, int n, int k)
{
	int			hits = 0;

	for (int i = 0; i < least(n, k); i++)
		hits += hit[i];
	return hits;
}

/* hits / k */
double
reco_metrics_precision(const bool *hit, int n, int k, int n_relevant)
{
	(void) n_relevant;
	return (double) count_hits(hit, n, k) / k;
}

/* hits / min(k, relevant) */
double
reco_metrics_recall(const bool *hit, int n, int k, int n_relevant)
{
	return (double) count_hits(hit, n, k) / least(k, n_relevant);
}

/* 1 where there is a hit */
double
reco_metrics_hit_rate(const bool *hit, int n, int k, int n_relevant)
{
	(void) n_relevant;
	return count_hits(hit, n, k) > 0;
}

/* sum over hits of (hits up to their rank / rank) / min(k, relevant); its mean over requests is MAP@k */
double
reco_metrics_average_precision(const bool *hit, int n, int k, int n_relevant)
{
	int			hits = 0;
	double		sum = 0;

	for (int i = 0; i < least(n, k); i++)
		if (hit[i])
			sum += (double) ++hits / (i + 1);
	return sum / least(k, n_relevant);
}

/* 1 / rank of the first hit; its mean over requests is MRR@k (Voorhees 1999, TREC-8 question answering track) */
double
reco_metrics_reciprocal_rank(const bool *hit, int n, int k, int n_relevant)
{
	(void) n_relevant;
	for (int i = 0; i < least(n, k); i++)
		if (hit[i])
			return 1.0 / (i + 1);
	return 0;
}

/*
 * DCG / DCG of the best list, with DCG = sum over hits of 1 / log2(rank + 1): Jarvelin and Kekalainen (2002, "Cumulated
 * gain-based evaluation of IR techniques"), with gains of 0 and 1, and the discount that is usual now, which also
 * distinguishes the ranks 1 and 2.
 */
double
reco_metrics_ndcg(const bool *hit, int n, int k, int n_relevant)
{
	double		gain = 0;
	double		ideal = 0;

	for (int i = 0; i < least(n, k); i++)
		if (hit[i])
			gain += 1 / log2(i + 2);
	for (int i = 0; i < least(k, n_relevant); i++)
		ideal += 1 / log2(i + 2);
	return gain / ideal;
}

/* --- many numbers ------------------------------------------------------------------------------------------ */

/* Both runs are in order; on equal numbers the order does not matter. */
static RecoStatus
merge(const RecoRun *run, const double *a, size_t n_a, const double *b, size_t n_b, double *out)
{
	size_t		i_a = 0;
	size_t		i_b = 0;

	for (size_t i = 0; i < n_a + n_b; i++)
	{
		bool		from_b = i_b < n_b && (i_a == n_a || b[i_b] < a[i_a]);

		out[i] = from_b ? b[i_b++] : a[i_a++];
		if (i % CHECK_EVERY == CHECK_EVERY - 1 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

/* One pass of sorting: runs of the given width become runs of twice that. */
static RecoStatus
merge_runs(const RecoRun *run, const double *from, size_t n, size_t width, double *to)
{
	size_t		unchecked = 0;

	for (size_t at = 0; at < n;)
	{
		size_t		n_a = n - at < width ? n - at : width;
		size_t		n_b = n - at - n_a < width ? n - at - n_a : width;
		RecoStatus	status = merge(run, from + at, n_a, from + at + n_a, n_b, to + at);

		if (status != RECO_OK)
			return status;
		at += n_a + n_b;
		unchecked += n_a + n_b;
		if (unchecked >= CHECK_EVERY)
		{
			if (!reco_run_goes_on(run))
				return RECO_INTERRUPTED;
			unchecked = 0;
		}
	}
	return RECO_OK;
}

static RecoStatus
check_numbers(const RecoRun *run, const double *numbers, size_t n, bool *sorted)
{
	*sorted = true;
	for (size_t i = 0; i < n; i++)
	{
		if (isnan(numbers[i]))
			return RECO_NOT_FINITE;
		*sorted &= i == 0 || numbers[i - 1] <= numbers[i];
		if (i % CHECK_EVERY == CHECK_EVERY - 1 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	return RECO_OK;
}

/* Merge sort from the bottom up: never worse than O(n log n), and one look where they are sorted already. */
static RecoStatus
sort_numbers(const RecoRun *run, double *numbers, size_t n, double *workspace)
{
	double	   *from = numbers;
	double	   *to = workspace;
	bool		sorted;
	RecoStatus	status = check_numbers(run, numbers, n, &sorted);

	for (size_t width = 1; width < n && status == RECO_OK && !sorted; width *= 2)
	{
		double	   *swap = from;

		status = merge_runs(run, from, n, width, to);
		from = to;
		to = swap;
	}
	if (status == RECO_OK && from != numbers)
		status = merge(run, from, n, NULL, 0, numbers);
	return status;
}

/*
 * Mann and Whitney's U (1947) / (positives x negatives), which is the area under the ROC curve (Hanley and McNeil 1982):
 * for each positive the number of negatives with a lower score, and half of those with the same.  Counted in halves.
 */
RecoStatus
reco_metrics_auc(const RecoRun *run, double *positive, size_t n_positive, double *negative, size_t n_negative,
				 double *workspace, double *auc)
{
	uint64_t	halves = 0;
	size_t		lower = 0;
	size_t		not_higher = 0;
	RecoStatus	status;

	*auc = 0;
	if (n_positive == 0 || n_negative == 0)
		return RECO_BAD_ARGUMENT;
	if (n_positive > (size_t) 1 << 31 || n_negative > (size_t) 1 << 31)
		return RECO_TOO_LARGE;
	status = sort_numbers(run, positive, n_positive, workspace);
	if (status == RECO_OK)
		status = sort_numbers(run, negative, n_negative, workspace);
	if (status != RECO_OK)
		return status;
	for (size_t i = 0; i < n_positive; i++)
	{
		while (lower < n_negative && negative[lower] < positive[i])
			lower++;
		while (not_higher < n_negative && negative[not_higher] <= positive[i])
			not_higher++;
		halves += lower + not_higher;
		if (i % CHECK_EVERY == CHECK_EVERY - 1 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	*auc = (double) halves / 2 / ((double) n_positive * (double) n_negative);
	return RECO_OK;
}

/*
 * sum over items of (2 rank - items - 1) exposure / (items x all exposures), with ranks from 1 by ascending exposure:
 * Gini's index in the form of Gastwirth (1972), over all items of the catalogue.  Items that were never shown have the
 * first ranks and add nothing, so they need not be listed.
 */
RecoStatus
reco_metrics_gini(const RecoRun *run, double *exposures, size_t n, double items, double *workspace, double *gini)
{
	double		sum = 0;
	double		total = 0;
	RecoStatus	status;

	*gini = 0;
	if (!(items >= 1) || items < (double) n)
		return RECO_BAD_ARGUMENT;
	status = sort_numbers(run, exposures, n, workspace);
	if (status != RECO_OK)
		return status;
	if (n > 0 && exposures[0] < 0)
		return RECO_BAD_ARGUMENT;
	if (n > 0 && isinf(exposures[n - 1]))
		return RECO_NOT_FINITE;
	for (size_t i = 0; i < n; i++)
	{
		sum += (items - 2 * (double) (n - i) + 1) * exposures[i];
		total += exposures[i];
		if (i % CHECK_EVERY == CHECK_EVERY - 1 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
	}
	if (total > 0)
		*gini = fmin(fmax(sum / items / total, 0), (items - 1) / items);
	return RECO_OK;
}

/* --- probabilities ----------------------------------------------------------------------------------------- */

/* -log p of what happened, with p within 1e-15 of neither 0 nor 1: what was said to be impossible costs 34.5 */
double
reco_metrics_log_loss(double probability, bool outcome)
{
	double		p = fmin(fmax(probability, LEAST_PROBABILITY), 1 - LEAST_PROBABILITY);

	return outcome ? -log(p) : -log1p(-p);
}

/* (p - outcome)^2: Brier (1950, "Verification of forecasts expressed in terms of probability") */
double
reco_metrics_brier(double probability, bool outcome)
{
	double		error = probability - outcome;

	return error * error;
}

int
reco_metrics_bin(double probability, int bins)
{
	return least((int) (probability * bins), bins - 1);
}

/*
 * sum over bins of |sum of probabilities - sum of outcomes| / n, that is the distance of the two means in each bin,
 * weighted with how many are in it: Naeini, Cooper and Hauskrecht (2015, "Obtaining well calibrated probabilities using
 * Bayesian binning"); Guo et al. (2017).
 */
double
reco_metrics_calibration_error(const double *predicted, const double *observed, int bins, double n)
{
	double		sum = 0;

	for (int b = 0; b < bins; b++)
		sum += fabs(predicted[b] - observed[b]);
	return sum / n;
}

/* --- items ------------------------------------------------------------------------------------------------- */

/*
 * -log2((item_orders + 1) / (orders + 1)), from 0 to log2(orders + 1): the surprise at an item (Zhou et al. 2010, "Solving
 * the apparent diversity-accuracy dilemma of recommender systems"), smoothed so that one in no order has a finite one.
 */
double
reco_metrics_self_information(double item_orders, double orders)
{
	return log2((orders + 1) / (item_orders + 1));
}
