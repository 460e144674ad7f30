/*
 * prior.c: what is expected of a customer by his labels alone, by ridge regression.
 *
 * The vector of a customer c, folded in from what he bought, is foretold from his labels L(c):
 *
 *		sum_c | x_c - mean - sum_{l in L(c)} w_l |^2  +  ridge sum_l |w_l|^2   is least
 *
 * over the customers that have any label, of whose vectors mean is that.  (Gantner et al. 2010, Learning attribute-to-
 * feature mappings for cold-start recommendations, ICDM, do the same with other losses.)  Then what the labels of a field
 * add is counted from the mean of those who have one, so that a customer of whom a field is not known is as the average.
 *
 * This was measured to be better than folding in what all customers of a label bought: see src/README.
 */
#include "prior.h"

#include <math.h>
#include <string.h>

#include "linalg.h"

static RecoPrior
lay_out(int32_t labels, int factors, void *workspace, size_t *size)
{
	RecoPrior	prior = {.labels = labels,.factors = factors};
	size_t		most = labels < RECO_PRIOR_MOST_LABELS ? (size_t) labels : RECO_PRIOR_MOST_LABELS;

	*size = 0;
	prior.number = reco_workspace_take(size, workspace, reco_size_mul((size_t) labels, sizeof(int32_t)));
	prior.support = reco_workspace_take(size, workspace, reco_size_mul((size_t) labels, sizeof(int64_t)));
	prior.a = reco_workspace_take(size, workspace, reco_size_mul(most * most, sizeof(double)));
	prior.b = reco_workspace_take(size, workspace, reco_size_mul(most * (size_t) factors, sizeof(double)));
	prior.mean = reco_workspace_take(size, workspace, (size_t) factors * sizeof(double));
	return prior;
}

size_t
reco_prior_workspace_size(int32_t labels, int factors)
{
	size_t		size;

	(void) lay_out(labels, factors, NULL, &size);
	return size;
}

/* The least number of customers that leaves not too many labels. */
static int32_t
least_support(const int32_t *support, int32_t labels)
{
	int32_t		low = 1;
	int32_t		high = INT32_MAX;

	while (low < high)
	{
		int32_t		middle = low + (high - low) / 2;
		int32_t		n = 0;
		int32_t		l;

		for (l = 0; l < labels; l++)
			n += support[l] >= middle;
		if (n > RECO_PRIOR_MOST_LABELS)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

RecoPrior
reco_prior_begin(int32_t labels, int factors, const int32_t *support, void *workspace)
{
	size_t		size;
	RecoPrior	prior = lay_out(labels, factors, workspace, &size);
	int32_t		least = least_support(support, labels);
	int32_t		l;

	for (l = 0; l < labels; l++)
	{
		prior.number[l] = support[l] >= least ? prior.n++ : -1;
		prior.support[l] = 0;
	}
	memset(prior.a, 0, (size_t) prior.n * (size_t) prior.n * sizeof(double));
	memset(prior.b, 0, (size_t) prior.n * (size_t) factors * sizeof(double));
	memset(prior.mean, 0, (size_t) factors * sizeof(double));
	return prior;
}

void
reco_prior_add(RecoPrior *prior, const int32_t *labels, int n, const double *x)
{
	size_t		order = (size_t) prior->n;
	int			i;
	int			j;
	int			k;

	prior->customers++;
	for (k = 0; k < prior->factors; k++)
		prior->mean[k] += x[k];
	for (i = 0; i < n; i++)
	{
		int32_t		l = prior->number[labels[i]];

		prior->support[labels[i]]++;
		if (l < 0)
			continue;
		for (j = i; j < n; j++)
			if (prior->number[labels[j]] >= 0)
				prior->a[(size_t) l * order + (size_t) prior->number[labels[j]]] += 1;
		for (k = 0; k < prior->factors; k++)
			prior->b[(size_t) k * order + (size_t) l] += x[k];
	}
}

/* Right-hand sides become those of what the vectors are beyond their mean. */
static bool
center(RecoPrior *prior)
{
	size_t		order = (size_t) prior->n;
	int32_t		l;
	int			k;

	for (k = 0; k < prior->factors; k++)
	{
		prior->mean[k] /= prior->customers > 0 ? (double) prior->customers : 1;
		if (!isfinite(prior->mean[k]))
			return false;
		for (l = 0; l < prior->labels; l++)
			if (prior->number[l] >= 0)
				prior->b[(size_t) k * order + (size_t) prior->number[l]] -= (double) prior->support[l] * prior->mean[k];
	}
	return true;
}

/* What the labels of a field add, less the mean of that over all who have one. */
static void
center_field(const RecoPrior *prior, const RecoFieldEntry *field, float *result)
{
	size_t		stride = reco_stride(prior->factors);
	int64_t		all = 0;
	int32_t		l;
	int			k;

	for (l = field->first; l < field->first + field->labels; l++)
		all += prior->number[l] >= 0 ? prior->support[l] : 0;
	for (k = 0; k < prior->factors && all > 0; k++)
	{
		const double *w = prior->b + (size_t) k * (size_t) prior->n;
		double		sum = 0;

		for (l = field->first; l < field->first + field->labels; l++)
			if (prior->number[l] >= 0)
				sum += (double) prior->support[l] * w[prior->number[l]];
		for (l = field->first; l < field->first + field->labels; l++)
			if (prior->number[l] >= 0)
				result[(size_t) (1 + l) * stride + (size_t) k] = (float) (w[prior->number[l]] - sum / (double) all);
	}
}

RecoStatus
reco_prior_end(RecoPrior *prior, const RecoFields *fields, double ridge, float *result, const RecoRun *run)
{
	size_t		order = (size_t) prior->n;
	RecoStatus	status;
	size_t		i;
	int			k;
	int32_t		f;

	memset(result, 0, (size_t) (1 + prior->labels) * reco_stride(prior->factors) * sizeof(float));
	if (!center(prior))
		return RECO_NOT_FINITE;
	for (i = 0; i < order; i++)
		prior->a[i * order + i] += ridge;
	status = reco_linalg_cholesky(prior->a, prior->n, order, run);
	if (status != RECO_OK)
		return status;
	for (k = 0; k < prior->factors; k++)
	{
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		reco_linalg_cholesky_solve(prior->a, prior->n, order, prior->b + (size_t) k * order, run);
		result[k] = (float) prior->mean[k];
	}
	for (f = 0; f < fields->n && fields->entries[f].group == RECO_FIELDS_OF_CUSTOMERS; f++)
		center_field(prior, &fields->entries[f], result);
	return RECO_OK;
}
