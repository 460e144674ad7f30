/*
 * item_knn.c: the baselines that go by similar items: item-based collaborative filtering over customers, and over orders.
 *
 * Two items are alike when the same bags hold them: the cosine of their columns (Sarwar, Karypis, Konstan and Riedl
 * 2001, "Item-based collaborative filtering recommendation algorithms"), of which each item keeps the best; an item's
 * score is the sum of its similarities to the evidence (Deshpande and Karypis 2004, "Item-based top-N recommendation
 * algorithms").  From later work come what makes it strong:
 *
 *		sim(i, j) = c_ij / (c_ii^a c_jj^(1 - a)) * c_ij / (c_ij + shrinkage),   c_ij = sum over bags b of w_b v_bi v_bj
 *
 * an asymmetric cosine (a = 0.5 is the plain one; Aiolli 2013, "Efficient top-N recommendation for very large scale
 * binary rated datasets"), shrinkage of what few bags tell (Bell and Koren 2007), and bags that count less when they are
 * long, w_b = 1 / |b|^row_norm (Deshpande and Karypis normalize rows), or old.  An item is similar to itself, so that own
 * purchases may come back, but for one setting that is as in the first paper.
 *
 * Similarities are made row by row: a row of c is the sum of the bags that hold the item.  That costs the square of a
 * bag, so of a bag with more than MAX_BAG items a sample is used, the same for every row.
 */
#include "postgres.h"

#include "baselines.h"

#include <math.h>

#include "interrupts.h"
#include "nearest.h"
#include "profile.h"

#define MAX_BAG 1000

typedef struct Setting
{
	int			neighbours;		/* kept of each item */
	double		shrinkage;
	double		alpha;
	double		row_norm;
	double		bag_half_life;	/* days: orders */
	double		half_life;		/* days: the customer's purchases */
	bool		own;			/* items are similar to themselves: what was bought may come back */
} Setting;

static const Setting customer_settings[] = {
	{20, 0, 0.5, 0, INFINITY, INFINITY, false},
	{20, 0, 0.5, 0, INFINITY, 60, true},
	{200, 10, 0.5, 0, INFINITY, 60, true},
	{20, 1, 0.5, 1, INFINITY, 60, true},
	{20, 1, 0.5, 1.5, INFINITY, 60, true},
	{200, 1, 0.5, 1.5, INFINITY, 60, true},
	{200, 3, 0.5, 1, INFINITY, 365, true},
	{200, 10, 0.5, 0.5, INFINITY, 365, true},
};

static const Setting basket_settings[] = {
	{20, 0, 0.5, 0, INFINITY, 60, true},
	{200, 30, 0.5, 0.5, INFINITY, 365, true},
	{200, 10, 0.5, 1, INFINITY, 365, true},
	{200, 0.1, 0.5, 1, INFINITY, 60, true},
	{50, 1, 0.5, 1, INFINITY, 60, true},
	{50, 0.3, 0.6, 1, 180, 60, true},
	{50, 0.1, 0.6, 1, 60, 60, true},
	{200, 0.3, 0.6, 1, 60, 60, true},
	{200, 1, 0.6, 1, 60, 60, true},
};

/* As in the first papers: the plain cosine, and nothing else to choose but how many neighbours. */
static const Setting cosine_settings[] = {
	{20, 0, 0.5, 0, INFINITY, INFINITY, false},
	{50, 0, 0.5, 0, INFINITY, INFINITY, false},
	{200, 0, 0.5, 0, INFINITY, INFINITY, false},
};

/* Bags in both directions, and what each counts. */
typedef struct Bags
{
	const RecoSparse *by_bag;
	const RecoSparse *by_item;
	double	   *weight;			/* [bags] */
	bool		damped;			/* values are log2(1 + weight), not 1 */
} Bags;

typedef struct ItemKnn
{
	const Setting *setting;
	bool		by_basket;		/* evidence is the basket where there is one */
	int64	   *start;			/* [items + 1] */
	RecoEntry  *similar;		/* of each item, best first */
	RecoProfile *profile;
} ItemKnn;

/* --- similarities ------------------------------------------------------------------------------------------ */

/* Whether an item of a bag of so many items is in the bag's sample; a hash of both decides. */
static inline bool
is_sampled(int32 bag, int32 item, int64 size)
{
	uint64		x;

	if (size <= MAX_BAG)
		return true;
	x = ((uint64) (uint32) bag << 32 | (uint32) item) * UINT64CONST(0x9E3779B97F4A7C15);
	x = (x ^ (x >> 32)) * UINT64CONST(0xBF58476D1CE4E5B9);
	return (x >> 32) * (uint64) size < (uint64) MAX_BAG << 32;
}

static inline double
value_of(const Bags *bags, float weight)
{
	return bags->damped ? reco_lines_entry_weight(weight) : 1;
}

/* c_ii of every item. */
static double *
sum_squares(const RecoPast *past, const Bags *bags)
{
	double	   *squares = reco_budget_alloc(past->budget, past->items, sizeof(double), "similarities");
	int32		bag;

	for (bag = 0; bag < bags->by_bag->rows; bag++)
	{
		int64		first = bags->by_bag->start[bag];
		int64		last = bags->by_bag->start[bag + 1];
		int64		i;

		CHECK_FOR_INTERRUPTS();
		for (i = first; i < last; i++)
		{
			double		value = value_of(bags, bags->by_bag->weight[i]);

			if (is_sampled(bag, bags->by_bag->index[i], last - first))
				squares[bags->by_bag->index[i]] += bags->weight[bag] * value * value;
		}
	}
	return squares;
}

/* A row of c, dense; returns how many items are in it, and which. */
static int32
add_bags(const Bags *bags, int32 item, double *row, int32 *touched)
{
	int32		n = 0;
	int64		i;

	for (i = bags->by_item->start[item]; i < bags->by_item->start[item + 1]; i++)
	{
		int32		bag = bags->by_item->index[i];
		int64		first = bags->by_bag->start[bag];
		int64		last = bags->by_bag->start[bag + 1];
		double		weight = bags->weight[bag] * value_of(bags, bags->by_item->weight[i]);
		int64		j;

		CHECK_FOR_INTERRUPTS();
		if (!is_sampled(bag, item, last - first))
			continue;
		for (j = first; j < last; j++)
		{
			int32		other = bags->by_bag->index[j];

			if (!is_sampled(bag, other, last - first))
				continue;
			if (row[other] == 0)
				touched[n++] = other;
			row[other] += weight * value_of(bags, bags->by_bag->weight[j]);
		}
	}
	return n;
}

/* c_ii^-power of every item, 0 where no bag has it. */
static double *
inverse_powers(const RecoPast *past, const double *squares, double power)
{
	double	   *inverse = reco_budget_alloc(past->budget, past->items, sizeof(double), "similarities");
	int32		item;

	for (item = 0; item < past->items; item++)
	{
		RECO_CHECK_INTERRUPTS(item);
		if (squares[item] > 0)
			inverse[item] = pow(squares[item], -power);
	}
	return inverse;
}

/* Keep the best of every row. */
static void
find_similar(ItemKnn *knn, const RecoPast *past, const Bags *bags)
{
	const Setting *setting = knn->setting;
	double	   *squares = sum_squares(past, bags);
	double	   *from = inverse_powers(past, squares, setting->alpha);
	double	   *to = inverse_powers(past, squares, 1 - setting->alpha);
	double	   *row = reco_budget_alloc(past->budget, past->items, sizeof(double), "similarities");
	int32	   *touched = reco_budget_alloc(past->budget, past->items, sizeof(int32), "similarities");
	RecoNearest *nearest = reco_nearest_create(setting->neighbours);
	Size		capacity = Max(past->items, 1024);
	int32		item;

	knn->start = reco_budget_alloc(past->budget, (Size) past->items + 1, sizeof(int64), "similar items");
	knn->similar = reco_budget_alloc(past->budget, capacity, sizeof(RecoEntry), "similar items");
	for (item = 0; item < past->items; item++)
	{
		int32		n = add_bags(bags, item, row, touched);
		Size		found = knn->start[item];
		int32		i;

		reco_nearest_clear(nearest);
		for (i = 0; i < n; i++)
		{
			int32		other = touched[i];
			double		common = row[other];

			row[other] = 0;
			if (other != item || setting->own)
				reco_nearest_offer(nearest, other, (float) (common * from[item] * to[other] *
															common / (common + setting->shrinkage)));
		}
		reco_nearest_sort(nearest);
		if (found + nearest->n > capacity)
		{
			Size		more = Max(capacity * 2, found + nearest->n);

			knn->similar = reco_budget_resize(past->budget, knn->similar, capacity, more, sizeof(RecoEntry), "similar items");
			capacity = more;
		}
		memcpy(knn->similar + found, nearest->entries, sizeof(RecoEntry) * nearest->n);
		knn->start[item + 1] = found + nearest->n;
	}
	reco_budget_free(past->budget, squares);
	reco_budget_free(past->budget, from);
	reco_budget_free(past->budget, to);
	reco_budget_free(past->budget, row);
	reco_budget_free(past->budget, touched);
}

/* What bags count: less when they are long, and when they are old (at NULL: they have no time). */
static double *
weigh_bags(const RecoPast *past, const RecoSparse *by_bag, const TimestampTz *at, const Setting *setting)
{
	double	   *weight = reco_budget_alloc(past->budget, by_bag->rows, sizeof(double), "weights of bags");
	int32		bag;

	for (bag = 0; bag < by_bag->rows; bag++)
	{
		int64		size = by_bag->start[bag + 1] - by_bag->start[bag];

		RECO_CHECK_INTERRUPTS(bag);
		weight[bag] = pow((double) Max(size, 1), -setting->row_norm);
		if (at != NULL)
			weight[bag] *= reco_lines_decay(at[bag], past->cut, setting->bag_half_life);
	}
	return weight;
}

static ItemKnn *
fit_knn(const RecoPast *past, const Bags *bags, const Setting *setting)
{
	ItemKnn    *knn = palloc0(sizeof(ItemKnn));

	knn->setting = setting;
	find_similar(knn, past, bags);
	knn->profile = reco_profile_create(past);
	return knn;
}

static ItemKnn *
fit_customers(const RecoPast *past, const Setting *setting)
{
	Bags		bags = {&past->by_user, &past->user_items, NULL, true};
	ItemKnn    *knn;

	bags.weight = weigh_bags(past, bags.by_bag, NULL, setting);
	knn = fit_knn(past, &bags, setting);
	reco_budget_free(past->budget, bags.weight);
	return knn;
}

static ItemKnn *
fit_baskets(const RecoPast *past, const Setting *setting)
{
	Bags		bags = {&past->by_order, &past->order_items, NULL, false};
	ItemKnn    *knn;

	bags.weight = weigh_bags(past, bags.by_bag, past->order_at, setting);
	knn = fit_knn(past, &bags, setting);
	knn->by_basket = true;
	reco_budget_free(past->budget, bags.weight);
	return knn;
}

static void *
fit_customer_knn(const RecoPast *past, int setting)
{
	return fit_customers(past, &customer_settings[setting]);
}

static void *
fit_customer_cosine(const RecoPast *past, int setting)
{
	return fit_customers(past, &cosine_settings[setting]);
}

static void *
fit_basket_knn(const RecoPast *past, int setting)
{
	return fit_baskets(past, &basket_settings[setting]);
}

static void *
fit_basket_cosine(const RecoPast *past, int setting)
{
	return fit_baskets(past, &cosine_settings[setting]);
}

/* --- scores ------------------------------------------------------------------------------------------------ */

static void
score_knn(void *fitted, const RecoSituation *situation, float *scores)
{
	ItemKnn    *knn = fitted;
	int			i;

	if (knn->by_basket && situation->n_basket > 0)
		reco_profile_set_basket(knn->profile, situation);
	else
		reco_profile_set_purchases(knn->profile, situation, knn->setting->half_life);
	reco_profile_dampen(knn->profile);
	for (i = 0; i < knn->profile->n; i++)
	{
		RecoEntry	evidence = knn->profile->entries[i];
		int64		j;

		CHECK_FOR_INTERRUPTS();
		for (j = knn->start[evidence.item]; j < knn->start[evidence.item + 1]; j++)
		{
			float	   *score = &scores[knn->similar[j].item];

			*score = Max(*score, 0) + evidence.weight * knn->similar[j].weight;
		}
	}
}

static void
describe(const Setting *setting, StringInfo text)
{
	appendStringInfo(text, "%d neighbours, shrinkage %g, alpha %g, ", setting->neighbours, setting->shrinkage, setting->alpha);
	if (setting->row_norm > 0)
		appendStringInfo(text, "weights by length^-%g, ", setting->row_norm);
	if (!isinf(setting->bag_half_life))
	{
		reco_profile_describe_decay("orders", setting->bag_half_life, text);
		appendStringInfoString(text, ", ");
	}
	reco_profile_describe_decay("purchases", setting->half_life, text);
	if (!setting->own)
		appendStringInfoString(text, ", no item for itself");
}

static void
describe_customer_knn(int setting, StringInfo text)
{
	describe(&customer_settings[setting], text);
}

static void
describe_basket_knn(int setting, StringInfo text)
{
	describe(&basket_settings[setting], text);
}

static void
describe_cosine(int setting, StringInfo text)
{
	appendStringInfo(text, "%d neighbours", cosine_settings[setting].neighbours);
}

/* --- as algorithms ----------------------------------------------------------------------------------------- */

const RecoAlgorithm reco_baseline_customer_knn = {
	.name = "customer_knn",
	.summary = "items that the same customers buy as what the customer bought (item-based collaborative filtering, "
	"Sarwar et al. 2001, Deshpande and Karypis 2004)",
	.settings = lengthof(customer_settings),
	.filled = true,
	.fit = fit_customer_knn,
	.score = score_knn,
	.describe = describe_customer_knn,
};

const RecoAlgorithm reco_baseline_basket_knn = {
	.name = "basket_knn",
	.summary = "items that are in the same orders as those of the basket, or else as what the customer bought (Sarwar et "
	"al. 2001, over orders)",
	.settings = lengthof(basket_settings),
	.filled = true,
	.fit = fit_basket_knn,
	.score = score_knn,
	.describe = describe_basket_knn,
};

const RecoAlgorithm reco_baseline_customer_cosine = {
	.name = "customer_cosine",
	.summary = "customer_knn in its textbook form: the plain cosine over customers (Sarwar et al. 2001)",
	.settings = lengthof(cosine_settings),
	.filled = true,
	.fit = fit_customer_cosine,
	.score = score_knn,
	.describe = describe_cosine,
};

const RecoAlgorithm reco_baseline_basket_cosine = {
	.name = "basket_cosine",
	.summary = "basket_knn in its textbook form: the plain cosine over orders",
	.settings = lengthof(cosine_settings),
	.filled = true,
	.fit = fit_basket_cosine,
	.score = score_knn,
	.describe = describe_cosine,
};
