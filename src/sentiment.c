/*
 * sentiment.c: learns from reviews how much better than others each item is liked.
 *
 * Most items have few reviews, and their mean says less than that of all.  So an item is expected to be liked as all are;
 * then each feature of items in turn, those with few labels first, corrects that by what the items of a label have in
 * common, and at last the item itself:
 *
 *		expected(i) += sum over the reviews r of i's group of (stars(r) - expected(item of r)) / (reviews + SHRINKAGE)
 *
 * which for features within each other, such as category, brand and item, is the hierarchy of shrunk means.  On Olist's
 * reviews (the newest fifth of 27,332, root mean square error) the mean has 1.378, products alone 1.373, sellers alone
 * 1.367, and category, seller and product 1.364, with 20 as well as with 40; without shrinkage all of them are worse than
 * the mean.
 */
#include "postgres.h"

#include "sentiment.h"

#include "interrupts.h"

typedef struct GroupSum
{
	double		sum;
	int64		n;
} GroupSum;

typedef struct Learner
{
	RecoBudget *budget;
	const RecoReviews *reviews;
	TimestampTz before;
	int32		items;
	double	   *expected;		/* [items] */
} Learner;

/* Of reviews of unknown time it cannot be said that they are from before some time. */
static bool
counts(const Learner *learner, const RecoReview *review)
{
	return learner->before == DT_NOEND || (review->at != DT_NOBEGIN && review->at < learner->before);
}

static bool
set_mean(Learner *learner, double *mean)
{
	double		sum = 0;
	int64		n = 0;
	int64		i;

	for (i = 0; i < learner->reviews->n; i++)
	{
		const RecoReview *review = &learner->reviews->list[i];

		RECO_CHECK_INTERRUPTS(i);
		if (!counts(learner, review))
			continue;
		sum += review->stars;
		n++;
	}
	*mean = n > 0 ? sum / n : 0;
	for (i = 0; i < learner->items; i++)
		learner->expected[i] = *mean;
	return n > 0;
}

/* Correct what is expected by what items of a label have in common; label is NULL where each item has one of its own. */
static void
correct(Learner *learner, const int32 *label, int32 n)
{
	GroupSum   *sums = reco_budget_alloc(learner->budget, n, sizeof(GroupSum), "reviews of items");
	int64		i;

	for (i = 0; i < learner->reviews->n; i++)
	{
		const RecoReview *review = &learner->reviews->list[i];
		int32		group = review->item < 0 ? -1 : label != NULL ? label[review->item] : review->item;

		RECO_CHECK_INTERRUPTS(i);
		if (group < 0 || !counts(learner, review))
			continue;
		sums[group].sum += review->stars - learner->expected[review->item];
		sums[group].n++;
	}
	for (i = 0; i < learner->items; i++)
	{
		int32		group = label != NULL ? label[i] : (int32) i;

		RECO_CHECK_INTERRUPTS(i);
		if (group >= 0)
			learner->expected[i] += sums[group].sum / (sums[group].n + RECO_SENTIMENT_SHRINKAGE);
	}
	reco_budget_free(learner->budget, sums);
}

/*
 * What the numbered reviews from before a time (DT_NOEND: all) lead to expect; items is NULL where there are none, or stars
 * are all the same.  Memory: the budget's.
 */
RecoSentiment
reco_sentiment_learn(RecoBudget *budget, const RecoReviews *reviews, const RecoGroups *groups, int32 items,
					 TimestampTz before)
{
	RecoSentiment sentiment = {0, NULL};
	Learner		learner = {budget, reviews, before, items, NULL};
	double		scale = reviews->most - reviews->least;
	int32		i;

	if (!(scale > 0))
		return sentiment;
	learner.expected = reco_budget_alloc(budget, items, sizeof(double), "reviews of items");
	if (set_mean(&learner, &sentiment.mean))
	{
		for (i = 0; i < groups->n; i++)
			correct(&learner, groups->list[i].label, groups->list[i].n);
		correct(&learner, NULL, items);
		sentiment.items = reco_budget_alloc(budget, items, sizeof(float), "reviews of items");
		for (i = 0; i < items; i++)
			sentiment.items[i] = (float) Min(Max((learner.expected[i] - sentiment.mean) / scale, -1), 1);
	}
	reco_budget_free(budget, learner.expected);
	return sentiment;
}
