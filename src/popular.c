/*
 * popular.c: the baselines that know nothing but counts: chance, what everybody buys, what this customer bought before.
 *
 * They are the ones to fear.  Recent popularity is hard to beat where nothing is known of a customer, and own repeat
 * purchases where people buy the same again: in a comparison of next-basket recommenders most neural ones lost against
 * counting (Li, Jullien, Ariannezhad and de Rijke 2023, "A next basket recommendation reality check").  So both have a
 * half-life to be chosen, and own purchases are followed by what is popular lately.
 */
#include "postgres.h"

#include "baselines.h"

#include <math.h>

#include "interrupts.h"
#include "lines.h"
#include "profile.h"

static const double popularity_half_lives[] = {7, 14, 30, 60, 120};	/* days */
static const double repeat_half_lives[] = {15, 30, 60, 120, 365, INFINITY};

/* Settings of repeats_popularity: half-lives of both. */
static const struct
{
	double		repeats;
	double		popularity;
}			pairs[] = {{60, 7}, {60, 14}, {60, 30}, {120, 7}, {120, 14}, {120, 30}, {365, 7}, {365, 14}, {365, 30}};

typedef struct Popular
{
	int32		items;
	double		half_life;		/* of the customer's own purchases */
	float	   *popularity;		/* [items]; NULL: it does not matter */
} Popular;

/* --- chance ------------------------------------------------------------------------------------------------ */

static Popular *
make_popular(const RecoPast *past)
{
	Popular    *popular = palloc0(sizeof(Popular));

	popular->items = past->items;
	return popular;
}

static void *
fit_random(const RecoPast *past, int setting)
{
	return make_popular(past);
}

/* The last steps of splitmix64 (Steele, Lea and Flood 2014). */
static uint64
scramble(uint64 x)
{
	x = (x ^ (x >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

static void
score_random(void *fitted, const RecoSituation *situation, float *scores)
{
	const Popular *popular = fitted;
	int32		item;

	for (item = 0; item < popular->items; item++)
	{
		RECO_CHECK_INTERRUPTS(item);
		scores[item] = (float) (scramble(situation->draw + ((uint64) item + 1) * UINT64CONST(0x9E3779B97F4A7C15)) >> 40);
	}
}

/* --- what everybody buys ----------------------------------------------------------------------------------- */

/*
 * Decayed number of orders with each item; what an order counts is halved with each half-life before the cut.
 */
static float *
count_orders(const RecoPast *past, double half_life)
{
	double	   *decay = reco_budget_alloc(past->budget, past->orders, sizeof(double), "decay of orders");
	float	   *popularity = reco_budget_alloc(past->budget, past->items, sizeof(float), "popularity");
	int32		order;
	int32		item;

	for (order = 0; order < past->orders; order++)
	{
		RECO_CHECK_INTERRUPTS(order);
		decay[order] = reco_lines_decay(past->order_at[order], past->cut, half_life);
	}
	for (item = 0; item < past->items; item++)
	{
		double		sum = 0;
		int64		i;

		RECO_CHECK_INTERRUPTS(item);
		for (i = past->order_items.start[item]; i < past->order_items.start[item + 1]; i++)
		{
			RECO_CHECK_INTERRUPTS(i);
			sum += decay[past->order_items.index[i]];
		}
		popularity[item] = (float) sum;
	}
	reco_budget_free(past->budget, decay);
	return popularity;
}

static void *
fit_popularity(const RecoPast *past, int setting)
{
	Popular    *popular = make_popular(past);

	popular->popularity = count_orders(past, INFINITY);
	return popular;
}

static void *
fit_recent_popularity(const RecoPast *past, int setting)
{
	Popular    *popular = make_popular(past);

	popular->popularity = count_orders(past, popularity_half_lives[setting]);
	return popular;
}

static void
score_popularity(void *fitted, const RecoSituation *situation, float *scores)
{
	const Popular *popular = fitted;
	int32		item;

	for (item = 0; item < popular->items; item++)
	{
		RECO_CHECK_INTERRUPTS(item);
		if (popular->popularity[item] > 0)
			scores[item] = popular->popularity[item];
	}
}

static void
describe_recent_popularity(int setting, StringInfo text)
{
	reco_profile_describe_decay("orders", popularity_half_lives[setting], text);
}

/* --- what this customer bought before ---------------------------------------------------------------------- */

static void *
fit_repeats(const RecoPast *past, int setting)
{
	Popular    *popular = make_popular(past);

	popular->half_life = repeat_half_lives[setting];
	return popular;
}

/* Decayed number of the customer's own purchases of each item. */
static void
score_repeats(void *fitted, const RecoSituation *situation, float *scores)
{
	const Popular *popular = fitted;
	int			i;

	for (i = 0; i < situation->n_purchases; i++)
	{
		const RecoPurchase *purchase = &situation->purchases[i];
		float		decay = (float) reco_lines_decay(purchase->at, situation->as_of, popular->half_life);

		RECO_CHECK_INTERRUPTS(i);
		scores[purchase->item] = Max(scores[purchase->item], 0) + decay;
	}
}

static void
describe_repeats(int setting, StringInfo text)
{
	reco_profile_describe_decay("purchases", repeat_half_lives[setting], text);
}

/* Popularity from -2 to -1, below any own purchase and where floats lie close together. */
static void *
fit_repeats_popularity(const RecoPast *past, int setting)
{
	Popular    *popular = make_popular(past);
	float		most = 0;
	int32		item;

	popular->half_life = pairs[setting].repeats;
	popular->popularity = count_orders(past, pairs[setting].popularity);
	for (item = 0; item < past->items; item++)
		most = Max(most, popular->popularity[item]);
	for (item = 0; item < past->items; item++)
	{
		RECO_CHECK_INTERRUPTS(item);
		popular->popularity[item] = popular->popularity[item] > 0 ? popular->popularity[item] / most - 2 : -INFINITY;
	}
	return popular;
}

static void
score_repeats_popularity(void *fitted, const RecoSituation *situation, float *scores)
{
	const Popular *popular = fitted;

	memcpy(scores, popular->popularity, sizeof(float) * popular->items);
	score_repeats(fitted, situation, scores);
}

static void
describe_repeats_popularity(int setting, StringInfo text)
{
	reco_profile_describe_decay("purchases", pairs[setting].repeats, text);
	appendStringInfoString(text, ", then ");
	reco_profile_describe_decay("orders", pairs[setting].popularity, text);
}

/* --- as algorithms ----------------------------------------------------------------------------------------- */

const RecoAlgorithm reco_baseline_random = {
	.name = "random",
	.summary = "items by lot",
	.settings = 1,
	.fit = fit_random,
	.score = score_random,
};

const RecoAlgorithm reco_baseline_popularity = {
	.name = "popularity",
	.summary = "items by the number of orders with them",
	.settings = 1,
	.fit = fit_popularity,
	.score = score_popularity,
};

const RecoAlgorithm reco_baseline_recent_popularity = {
	.name = "recent_popularity",
	.summary = "items by the number of orders with them, decayed",
	.settings = lengthof(popularity_half_lives),
	.fit = fit_recent_popularity,
	.score = score_popularity,
	.describe = describe_recent_popularity,
};

const RecoAlgorithm reco_baseline_repeats = {
	.name = "repeats",
	.summary = "what the customer bought before, by the decayed number of purchases",
	.settings = lengthof(repeat_half_lives),
	.fit = fit_repeats,
	.score = score_repeats,
	.describe = describe_repeats,
};

const RecoAlgorithm reco_baseline_repeats_popularity = {
	.name = "repeats_popularity",
	.summary = "what the customer bought before, then what is popular lately",
	.settings = lengthof(pairs),
	.fit = fit_repeats_popularity,
	.score = score_repeats_popularity,
	.describe = describe_repeats_popularity,
};
