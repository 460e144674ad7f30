/*
 * user_knn.c: the baseline that goes by similar customers: user-based collaborative filtering.
 *
 * The customers whose purchases are most like those of the one who asks vote for what they bought, each with his
 * similarity (Resnick, Iacovou, Suchak, Bergstrom and Riedl 1994, "GroupLens"; Herlocker, Konstan, Borchers and Riedl
 * 1999, "An algorithmic framework for performing collaborative filtering").  Similarity is the cosine of log2(1 + count),
 * where a setting may weigh items by how few customers have them, ln(1 + customers / customers with the item).  Votes
 * may count by a power of the similarity (case amplification: Breese, Heckerman and Kadie 1998), which matters most:
 * the nearest few know nearly all.  Customers are found by the inverted index, so that one who has nothing in common
 * costs nothing.
 *
 * The one who asks is here as of the request, purchases decayed; the others, the same person among them, as of the cut.
 */
#include "postgres.h"

#include "baselines.h"

#include <math.h>

#include "interrupts.h"
#include "nearest.h"
#include "profile.h"

typedef struct Setting
{
	int			neighbours;
	bool		idf;			/* rare items tell more */
	double		half_life;		/* days: the customer's purchases */
	double		power;			/* a vote counts similarity^power */
} Setting;

static const Setting settings[] = {
	{25, false, INFINITY, 1},
	{100, false, INFINITY, 1},
	{100, true, INFINITY, 1},
	{100, true, 60, 2.5},
	{25, true, 60, 4},
	{100, true, 60, 4},
	{100, true, 30, 4},
	{100, true, INFINITY, 4},
};

typedef struct UserKnn
{
	const RecoPast *past;
	const Setting *setting;
	float	   *item_weight;	/* [items] */
	double	   *norm;			/* [users] length of the customer's vector */
	double	   *products;		/* [users], zero between calls */
	int32	   *touched;		/* [users] */
	RecoNearest *nearest;
	RecoProfile *profile;
} UserKnn;

static float *
weigh_items(const RecoPast *past, bool idf)
{
	float	   *weight = reco_budget_alloc(past->budget, past->items, sizeof(float), "weights of items");
	int32		item;

	for (item = 0; item < past->items; item++)
	{
		int64		having = past->user_items.start[item + 1] - past->user_items.start[item];

		RECO_CHECK_INTERRUPTS(item);
		weight[item] = idf && having > 0 ? (float) log1p((double) past->users / (double) having) : 1;
	}
	return weight;
}

static double *
measure_customers(const RecoPast *past, const float *item_weight)
{
	double	   *norm = reco_budget_alloc(past->budget, past->users, sizeof(double), "lengths of customers");
	int32		user;

	for (user = 0; user < past->users; user++)
	{
		double		sum = 0;
		int64		i;

		CHECK_FOR_INTERRUPTS();
		for (i = past->by_user.start[user]; i < past->by_user.start[user + 1]; i++)
		{
			double		value = item_weight[past->by_user.index[i]] * reco_lines_entry_weight(past->by_user.weight[i]);

			sum += value * value;
		}
		norm[user] = sqrt(sum);
	}
	return norm;
}

static void *
fit_user_knn(const RecoPast *past, int setting)
{
	UserKnn    *knn = palloc0(sizeof(UserKnn));

	knn->past = past;
	knn->setting = &settings[setting];
	knn->item_weight = weigh_items(past, knn->setting->idf);
	knn->norm = measure_customers(past, knn->item_weight);
	knn->products = reco_budget_alloc(past->budget, past->users, sizeof(double), "similar customers");
	knn->touched = reco_budget_alloc(past->budget, past->users, sizeof(int32), "similar customers");
	knn->nearest = reco_nearest_create(knn->setting->neighbours);
	knn->profile = reco_profile_create(past);
	return knn;
}

/* Inner products of the profile and all customers who share an item with it; returns how many these are. */
static int32
multiply(UserKnn *knn)
{
	const RecoSparse *user_items = &knn->past->user_items;
	int32		n = 0;
	int			i;

	for (i = 0; i < knn->profile->n; i++)
	{
		int32		item = knn->profile->entries[i].item;
		double		weight = (double) knn->profile->entries[i].weight * knn->item_weight[item] * knn->item_weight[item];
		int64		j;

		CHECK_FOR_INTERRUPTS();
		for (j = user_items->start[item]; j < user_items->start[item + 1]; j++)
		{
			int32		user = user_items->index[j];

			if (knn->products[user] == 0)
				knn->touched[n++] = user;
			knn->products[user] += weight * reco_lines_entry_weight(user_items->weight[j]);
		}
	}
	return n;
}

static double
profile_norm(const UserKnn *knn)
{
	double		sum = 0;
	int			i;

	for (i = 0; i < knn->profile->n; i++)
	{
		double		value = (double) knn->profile->entries[i].weight * knn->item_weight[knn->profile->entries[i].item];

		sum += value * value;
	}
	return sqrt(sum);
}

/* The customers of largest cosine, best first. */
static void
find_neighbours(UserKnn *knn)
{
	int32		n = multiply(knn);
	double		norm = profile_norm(knn);
	int32		i;

	reco_nearest_clear(knn->nearest);
	for (i = 0; i < n; i++)
	{
		int32		user = knn->touched[i];

		RECO_CHECK_INTERRUPTS(i);
		reco_nearest_offer(knn->nearest, user, (float) (knn->products[user] / (norm * knn->norm[user])));
		knn->products[user] = 0;
	}
	reco_nearest_sort(knn->nearest);
}

static void
score_user_knn(void *fitted, const RecoSituation *situation, float *scores)
{
	UserKnn    *knn = fitted;
	const RecoSparse *by_user = &knn->past->by_user;
	int			i;

	reco_profile_set_purchases(knn->profile, situation, knn->setting->half_life);
	reco_profile_dampen(knn->profile);
	find_neighbours(knn);
	for (i = 0; i < knn->nearest->n; i++)
	{
		RecoEntry	neighbour = knn->nearest->entries[i];
		float		vote = powf(neighbour.weight, (float) knn->setting->power);
		int64		j;

		CHECK_FOR_INTERRUPTS();
		for (j = by_user->start[neighbour.item]; j < by_user->start[neighbour.item + 1]; j++)
		{
			float	   *score = &scores[by_user->index[j]];

			*score = Max(*score, 0) + vote * reco_lines_entry_weight(by_user->weight[j]);
		}
	}
}

static void
describe_user_knn(int setting, StringInfo text)
{
	const Setting *tried = &settings[setting];

	appendStringInfo(text, "%d customers, votes by similarity^%g, ", tried->neighbours, tried->power);
	if (tried->idf)
		appendStringInfoString(text, "rare items tell more, ");
	reco_profile_describe_decay("purchases", tried->half_life, text);
}

const RecoAlgorithm reco_baseline_user_knn = {
	.name = "user_knn",
	.summary = "what the customers bought who bought most alike (user-based collaborative filtering, Resnick et al. 1994, "
	"Herlocker et al. 1999)",
	.settings = lengthof(settings),
	.filled = true,
	.fit = fit_user_knn,
	.score = score_user_knn,
	.describe = describe_user_knn,
};
