/*
 * prior.c: what is expected of a customer by his labels alone, by ridge regression.
 *
 * The vector of a customer c, folded in from what he bought, is foretold from his labels L(c), one principal axis of those
 * vectors after the other:
 *
 *		sum_c (x_ca - mean_a - sum_{l in L(c)} (w_la - mean w_.a))^2  +  ridge_a sum_l w_la^2   is least
 *
 * over the customers that have any label, of whose vectors mean is that.  (Gantner et al. 2010, Learning attribute-to-
 * feature mappings for cold-start recommendations, ICDM, do the same with other losses.)  Then what the labels of a field
 * add is counted from the mean of those who have one, so that a customer of whom a field is not known is as the average.
 *
 * The ridge of each axis is that of least generalized cross-validation (Golub, Heath and Wahba 1979), and infinite, which is
 * to say that labels add nothing along the axis, unless another is better by more than chance has it: what labels say of
 * vectors lies along few axes (in the households of src/README one or two of 64), and noise along all of them.
 *
 * This was measured to be better than folding in what all customers of a label bought: see src/README.
 */
#include "prior.h"

#include <math.h>
#include <string.h>

#include "linalg.h"

/*
 * By so many customers' worth of variance a ridge has to beat an infinite one.  That is about twice the logarithm of a
 * likelihood ratio: chance alone exceeds it on less than one axis in 500.
 */
#define DOUBT 10

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
	prior.c = reco_workspace_take(size, workspace, reco_size_mul((size_t) factors * (size_t) factors, sizeof(double)));
	prior.mean = reco_workspace_take(size, workspace, (size_t) factors * sizeof(double));
	prior.weights = reco_workspace_take(size, workspace, reco_size_mul(most * (size_t) factors, sizeof(double)));
	prior.ridge = reco_workspace_take(size, workspace, (size_t) factors * sizeof(double));
	prior.values = reco_workspace_take(size, workspace, most * sizeof(double));
	prior.vectors = reco_workspace_take(size, workspace, reco_size_mul(most * most, sizeof(double)));
	prior.spread = reco_workspace_take(size, workspace, (size_t) factors * sizeof(double));
	prior.axes = reco_workspace_take(size, workspace, reco_size_mul((size_t) factors * (size_t) factors, sizeof(double)));
	prior.scratch = reco_workspace_take(size, workspace, 2 * most * sizeof(double));
	prior.workspace = reco_workspace_take(size, workspace,
										  reco_linalg_eigen_workspace_size(factors > (int) most ? factors : (int) most));
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
	memset(prior.c, 0, (size_t) factors * (size_t) factors * sizeof(double));
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
	{
		prior->mean[k] += x[k];
		for (j = k; j < prior->factors; j++)
			prior->c[k * prior->factors + j] += x[k] * x[j];
	}
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

/* All become those of what labels and vectors are beyond their means. */
static bool
center(RecoPrior *prior)
{
	size_t		order = (size_t) prior->n;
	double		customers = prior->customers > 0 ? (double) prior->customers : 1;
	int			factors = prior->factors;
	double	   *support = prior->scratch;
	int32_t		l;
	int			j;
	int			k;

	for (l = 0; l < prior->labels; l++)
		if (prior->number[l] >= 0)
			support[prior->number[l]] = (double) prior->support[l];
	for (k = 0; k < factors; k++)
	{
		prior->mean[k] /= customers;
		if (!isfinite(prior->mean[k]))
			return false;
		for (l = 0; l < prior->n; l++)
			prior->b[(size_t) k * order + (size_t) l] -= support[l] * prior->mean[k];
		for (j = 0; j <= k; j++)
			prior->c[j * factors + k] -= customers * prior->mean[j] * prior->mean[k];
	}
	for (l = 0; l < prior->n; l++)
		for (j = l; j < prior->n; j++)
			prior->a[(size_t) l * order + (size_t) j] -= support[l] * support[j] / customers;
	return true;
}

/*
 * What of the vectors along an axis is not foretold, with a ridge, over the square of the share of the degrees of freedom
 * that are left.  z are the right-hand sides by eigenvector.
 */
static double
cross_validation(const RecoPrior *prior, const double *z, double square, double ridge)
{
	double		freedom = (double) prior->customers - 1;
	double		all = freedom;
	int32_t		j;

	for (j = 0; j < prior->n && isfinite(ridge); j++)
	{
		double		value = fmax(prior->values[j], 0);
		double		share = value / (value + ridge);

		freedom -= share;
		square -= z[j] * z[j] / (value + ridge) * (2 - share);
	}
	return freedom > all / 2 ? square * (all / freedom) * (all / freedom) : INFINITY;
}

static double
choose_ridge(const RecoPrior *prior, const double *z, double square)
{
	static const double ridges[] = {1, 3, 10, 30, 100, 300, 1000, 3000};
	double		chosen = INFINITY;
	double		least = cross_validation(prior, z, square, INFINITY) * (1 - DOUBT / (double) prior->customers);
	size_t		i;

	for (i = 0; i < sizeof(ridges) / sizeof(ridges[0]); i++)
	{
		double		value = cross_validation(prior, z, square, ridges[i]);

		if (value >= least)
			continue;
		least = value;
		chosen = ridges[i];
	}
	return chosen;
}

/* Add what labels say along an axis; weights are by factor, as right-hand sides are. */
static void
add_axis(RecoPrior *prior, int axis, double *weights)
{
	const double *direction = prior->axes + (size_t) axis * (size_t) prior->factors;
	size_t		order = (size_t) prior->n;
	double	   *side = prior->scratch;
	double	   *z = prior->scratch + order;
	double		ridge;
	size_t		j;
	size_t		l;
	int			k;

	memset(side, 0, order * sizeof(double));
	for (k = 0; k < prior->factors; k++)
		for (l = 0; l < order; l++)
			side[l] += direction[k] * prior->b[(size_t) k * order + l];
	for (j = 0; j < order; j++)
		for (z[j] = 0, l = 0; l < order; l++)
			z[j] += prior->vectors[j * order + l] * side[l];
	prior->ridge[axis] = ridge = choose_ridge(prior, z, prior->spread[axis]);
	if (!isfinite(ridge))
		return;
	memset(side, 0, order * sizeof(double));
	for (j = 0; j < order; j++)
		for (l = 0; l < order; l++)
			side[l] += z[j] / (fmax(prior->values[j], 0) + ridge) * prior->vectors[j * order + l];
	for (k = 0; k < prior->factors; k++)
		for (l = 0; l < order; l++)
			weights[(size_t) k * order + l] += direction[k] * side[l];
}

/* What the labels of a field add, less the mean of that over all who have one. */
static void
center_field(const RecoPrior *prior, const RecoFieldEntry *field, const double *weights, float *result)
{
	size_t		stride = reco_stride(prior->factors);
	int64_t		all = 0;
	int32_t		l;
	int			k;

	for (l = field->first; l < field->first + field->labels; l++)
		all += prior->number[l] >= 0 ? prior->support[l] : 0;
	for (k = 0; k < prior->factors && all > 0; k++)
	{
		const double *w = weights + (size_t) k * (size_t) prior->n;
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
reco_prior_end(RecoPrior *prior, const RecoFields *fields, float *result, const RecoRun *run)
{
	size_t		factors = (size_t) prior->factors;
	double	   *weights = prior->weights;
	RecoStatus	status;
	int			k;
	int32_t		f;

	memset(result, 0, (size_t) (1 + prior->labels) * reco_stride(prior->factors) * sizeof(float));
	if (!center(prior))
		return RECO_NOT_FINITE;
	status = reco_linalg_eigen(prior->c, prior->factors, factors, prior->spread, prior->axes, prior->workspace, run);
	if (status == RECO_OK)
		status = reco_linalg_eigen(prior->a, prior->n, (size_t) prior->n, prior->values, prior->vectors, prior->workspace, run);
	if (status != RECO_OK)
		return status;
	memset(weights, 0, factors * (size_t) prior->n * sizeof(double));
	for (k = 0; k < prior->factors; k++)
	{
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		add_axis(prior, k, weights);
		result[k] = (float) prior->mean[k];
	}
	for (f = 0; f < fields->n && fields->entries[f].group == RECO_FIELDS_OF_CUSTOMERS; f++)
		center_field(prior, &fields->entries[f], weights, result);
	return RECO_OK;
}
