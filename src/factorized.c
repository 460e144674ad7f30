/*
 * factorized.c: the baseline that factorizes: implicit matrix factorization by alternating least squares.
 *
 * That of Hu, Koren and Volinsky (2008, "Collaborative filtering for implicit feedback datasets"), solved by this
 * project's own routines (ials.c), in the two forms that it is used in: rows are customers, with purchases and basket
 * as one bag of evidence, or rows are orders, with the basket as the evidence, or purchases where there is none.
 * Regularization matters most (Rendle, Krichene, Zhang and Koren 2022, "Revisiting the performance of iALS on item
 * recommendation benchmarks"), so that is what settings vary, that of the evidence apart from that of the factors.
 *
 * What the model has beside it, rows of both kinds at once, two bags of evidence with a weight, and parameters chosen
 * for each kind of request, is left to the model.
 */
#include "postgres.h"

#include "baselines.h"

#include <math.h>

#include "foldin.h"
#include "ials.h"
#include "interrupts.h"
#include "profile.h"

#define ITERATIONS 10
#define SCAN_ITEMS 4096			/* at a time: some 100 us */

typedef struct Setting
{
	bool		customers;		/* are the rows, else orders */
	double		regularization; /* multiple of the model's */
	double		unobserved;		/* multiple of the model's */
	double		fold_in;		/* multiple of the factors' regularization, for the evidence */
	double		order_half_life;	/* days: of rows that are orders */
	double		half_life;		/* days: of the customer's purchases */
} Setting;

static const Setting settings[] = {
	{true, 1, 1, 1, INFINITY, 60},
	{true, 1, 1, 10, INFINITY, 60},
	{true, 3, 1, 3, INFINITY, 60},
	{false, 1, 1, 1, INFINITY, 60},
	{false, 1, 1, 1, 90, 60},
	{false, 1, 1, 3, 90, 60},
	{false, 1, 3, 3, 90, 60},
	{false, 0.3, 1, 1, 90, 60},
};

typedef struct Factorized
{
	const Setting *setting;
	const RecoRun *run;
	const RecoSparse *item_orders;	/* what nobody bought has no factors */
	double		regularization; /* of the evidence */
	double		gram_diagonal[RECO_MAX_FACTORS];
	RecoFactors factors;
	RecoFoldIn *foldin;
	RecoProfile *profile;
	float	   *query;
} Factorized;

/* --- factors ----------------------------------------------------------------------------------------------- */

/* What each row of the matrix counts: orders decay. */
static double *
weigh_rows(const RecoPast *past, const Setting *setting)
{
	int32		rows = setting->customers ? past->users : past->orders;
	double	   *weight = reco_budget_alloc(past->budget, rows, sizeof(double), "weights of bags");
	int32		row;

	for (row = 0; row < rows; row++)
	{
		RECO_CHECK_INTERRUPTS(row);
		weight[row] = setting->customers ? 1 : reco_lines_decay(past->order_at[row], past->cut, setting->order_half_life);
	}
	return weight;
}

/* The matrix of bags with the weights of training, log2(1 + count), times what the row counts. */
static RecoSparse
weigh_bags(const RecoPast *past, const RecoSparse *by_bag, const double *row_weight)
{
	float	   *weight = reco_budget_alloc(past->budget, by_bag->start[by_bag->rows], sizeof(float), "weights of bags");
	RecoSparse	weighed = *by_bag;
	int32		row;

	for (row = 0; row < by_bag->rows; row++)
	{
		int64		i;

		CHECK_FOR_INTERRUPTS();
		for (i = by_bag->start[row]; i < by_bag->start[row + 1]; i++)
			weight[i] = (float) (row_weight[row] * reco_lines_entry_weight(by_bag->weight[i]));
	}
	weighed.weight = weight;
	return weighed;
}

/* The same of its transpose. */
static RecoSparse
weigh_items(const RecoPast *past, const RecoSparse *by_item, const double *row_weight)
{
	int64		entries = by_item->start[by_item->rows];
	float	   *weight = reco_budget_alloc(past->budget, entries, sizeof(float), "weights of bags");
	RecoSparse	weighed = *by_item;
	int64		i;

	for (i = 0; i < entries; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		weight[i] = (float) (row_weight[by_item->index[i]] * reco_lines_entry_weight(by_item->weight[i]));
	}
	weighed.weight = weight;
	return weighed;
}

/* Item factors; those of the rows and the workspace are given back. */
static void
learn(Factorized *factorized, const RecoPast *past, const RecoIalsOptions *options, float *item_factors)
{
	bool		customers = factorized->setting->customers;
	MemoryContext outer = reco_budget_begin(past->budget, "fit");
	double	   *row_weight = weigh_rows(past, factorized->setting);
	RecoSparse	by_bag = weigh_bags(past, customers ? &past->by_user : &past->by_order, row_weight);
	RecoSparse	by_item = weigh_items(past, customers ? &past->user_items : &past->order_items, row_weight);
	float	   *bag_factors = reco_budget_alloc_aligned(past->budget, mul_size(by_bag.rows, reco_stride(options->factors)),
														sizeof(float), "bag factors");
	void	   *workspace = reco_budget_alloc_aligned(past->budget, reco_ials_workspace_size(options), 1, "workspace");
	int			i;

	if (by_bag.rows > 0)
		reco_foldin_check_status(reco_ials_init(item_factors, past->items, options->factors, options->seed, past->run),
								 "training");
	for (i = 0; i < ITERATIONS && by_bag.rows > 0; i++)
		reco_foldin_check_status(reco_ials_iterate(&by_bag, &by_item, options, bag_factors, item_factors, workspace, past->run),
								 "training");
	reco_foldin_check_status(reco_ials_finish(item_factors, past->items, options->factors, factorized->gram_diagonal,
											  workspace, past->run), "training");
	reco_budget_end(past->budget, outer);
}

static void *
fit_ials(const RecoPast *past, int setting)
{
	Factorized *factorized = palloc0(sizeof(Factorized));
	Size		stride = reco_stride(past->factors);
	float	   *item_factors = reco_budget_alloc_aligned(past->budget, mul_size(past->items, stride), sizeof(float),
														 "item factors");
	RecoIalsOptions options = reco_ials_options_default();

	factorized->setting = &settings[setting];
	factorized->run = past->run;
	factorized->item_orders = &past->order_items;
	options.factors = past->factors;
	options.unobserved = past->unobserved * factorized->setting->unobserved;
	options.regularization = past->regularization * factorized->setting->regularization;
	options.seed = past->seed;
	learn(factorized, past, &options, item_factors);
	factorized->factors = (RecoFactors) {past->items, past->factors, item_factors, factorized->gram_diagonal, options.unobserved};
	factorized->regularization = options.regularization * factorized->setting->fold_in;
	factorized->foldin = reco_foldin_create(&factorized->factors, past->run);
	factorized->profile = reco_profile_create(past);
	factorized->query = palloc(mul_size(stride, sizeof(float)));
	return factorized;
}

/* --- scores ------------------------------------------------------------------------------------------------ */

static void
set_evidence(const Factorized *factorized, const RecoSituation *situation)
{
	if (factorized->setting->customers)
		reco_profile_set_all(factorized->profile, situation, factorized->setting->half_life);
	else if (situation->n_basket > 0)
		reco_profile_set_basket(factorized->profile, situation);
	else
		reco_profile_set_purchases(factorized->profile, situation, factorized->setting->half_life);
	reco_profile_dampen(factorized->profile);
}

static void
score_ials(void *fitted, const RecoSituation *situation, float *scores)
{
	static const RecoVector nothing = {true, 0, {0}};
	const Factorized *factorized = fitted;
	const RecoFactors *factors = &factorized->factors;
	Size		stride = reco_stride(factors->factors);
	RecoVector	vector;
	int32		item;
	int32		n;

	set_evidence(factorized, situation);
	reco_foldin_bag(factorized->foldin, factorized->profile->entries, factorized->profile->n, factorized->regularization,
					&vector);
	if (vector.is_zero)
		return;
	reco_foldin_combine(factorized->foldin, &vector, &nothing, 0, factorized->query);
	for (item = 0; item < factors->items; item += n)
	{
		CHECK_FOR_INTERRUPTS();
		n = Min(SCAN_ITEMS, factors->items - item);
		factorized->run->kernels->scan(factors->y + item * stride, stride, n, factorized->query, NULL, scores + item);
	}
	for (item = 0; item < factors->items; item++)
	{
		RECO_CHECK_INTERRUPTS(item);
		if (factorized->item_orders->start[item] == factorized->item_orders->start[item + 1])
			scores[item] = -INFINITY;
	}
}

static void
describe_ials(int setting, StringInfo text)
{
	const Setting *tried = &settings[setting];

	appendStringInfo(text, "rows are %s, regularization x %g (evidence x %g), unobserved weight x %g, ",
					 tried->customers ? "customers" : "orders", tried->regularization,
					 tried->regularization * tried->fold_in, tried->unobserved);
	if (!tried->customers)
	{
		reco_profile_describe_decay("orders", tried->order_half_life, text);
		appendStringInfoString(text, ", ");
	}
	reco_profile_describe_decay("purchases", tried->half_life, text);
}

const RecoAlgorithm reco_baseline_ials = {
	.name = "ials",
	.summary = "implicit matrix factorization of customers or orders by alternating least squares (Hu et al. 2008)",
	.settings = lengthof(settings),
	.filled = true,
	.fit = fit_ials,
	.score = score_ials,
	.describe = describe_ials,
};
