/*
 * hybrid.c: the baseline that adds up two others, one that goes by what people buy and the one that goes by what is known
 * of the items.
 *
 * A weighted hybrid (Burke 2002, "Hybrid recommender systems: survey and experiments"): the scores of each are brought to
 * mean 0 and deviation 1 over all items, and added with a weight.  Where one of them has nothing to say, the other
 * decides; an item of which it says nothing has 0.  The collaborative part is factors, or what beat them: similar items
 * of orders, and similar customers.
 */
#include "postgres.h"

#include "baselines.h"

#include <math.h>

#include "interrupts.h"

typedef struct Setting
{
	const RecoAlgorithm *collaborative;
	int			tried;			/* its setting, by place in its table: one that was good for itself */
	int			content;		/* setting of reco_baseline_content, likewise */
	double		weight;			/* of the content */
} Setting;

static const Setting settings[] = {
	{&reco_baseline_basket_knn, 6, 2, 0.3},
	{&reco_baseline_basket_knn, 6, 2, 0.5},
	{&reco_baseline_basket_knn, 8, 2, 0.3},
	{&reco_baseline_ials, 1, 2, 0.1},
	{&reco_baseline_ials, 4, 2, 0.3},
	{&reco_baseline_ials, 4, 2, 1},
	{&reco_baseline_user_knn, 1, 2, 0.1},
	{&reco_baseline_user_knn, 5, 2, 0.3},
};

typedef struct Hybrid
{
	const Setting *setting;
	int32		items;
	void	   *collaborative;
	void	   *content;
	float	   *part;			/* [items] */
} Hybrid;

static void *
fit_hybrid(const RecoPast *past, int setting)
{
	Hybrid	   *hybrid = palloc0(sizeof(Hybrid));

	hybrid->setting = &settings[setting];
	hybrid->items = past->items;
	Assert(hybrid->setting->tried < hybrid->setting->collaborative->settings);
	Assert(hybrid->setting->content < reco_baseline_content.settings);
	hybrid->collaborative = hybrid->setting->collaborative->fit(past, hybrid->setting->tried);
	hybrid->content = reco_baseline_content.fit(past, hybrid->setting->content);
	hybrid->part = reco_budget_alloc(past->budget, past->items, sizeof(float), "scores");
	return hybrid;
}

/*
 * Add one algorithm's scores, brought to mean 0 and deviation 1 over all items; nothing is added where they do not
 * differ.
 */
static void
add_part(Hybrid *hybrid, const RecoAlgorithm *algorithm, void *fitted, const RecoSituation *situation, double weight,
		 float *scores)
{
	double		sum = 0;
	double		squares = 0;
	double		mean;
	double		deviation;
	int32		item;

	for (item = 0; item < hybrid->items; item++)
	{
		RECO_CHECK_INTERRUPTS(item);
		hybrid->part[item] = -INFINITY;
	}
	algorithm->score(fitted, situation, hybrid->part);
	for (item = 0; item < hybrid->items; item++)
	{
		RECO_CHECK_INTERRUPTS(item);
		if (isinf(hybrid->part[item]))
			hybrid->part[item] = 0;
		sum += hybrid->part[item];
		squares += (double) hybrid->part[item] * hybrid->part[item];
	}
	mean = sum / hybrid->items;
	deviation = sqrt(Max(squares / hybrid->items - mean * mean, 0));
	if (deviation == 0)
		return;
	for (item = 0; item < hybrid->items; item++)
	{
		float		added = (float) (weight * (hybrid->part[item] - mean) / deviation);

		RECO_CHECK_INTERRUPTS(item);
		scores[item] = isinf(scores[item]) ? added : scores[item] + added;
	}
}

static void
score_hybrid(void *fitted, const RecoSituation *situation, float *scores)
{
	Hybrid	   *hybrid = fitted;

	add_part(hybrid, hybrid->setting->collaborative, hybrid->collaborative, situation, 1, scores);
	add_part(hybrid, &reco_baseline_content, hybrid->content, situation, hybrid->setting->weight, scores);
}

static void
describe_hybrid(int setting, StringInfo text)
{
	appendStringInfo(text, "content x %g (", settings[setting].weight);
	reco_baseline_content.describe(settings[setting].content, text);
	appendStringInfo(text, ") beside %s (", settings[setting].collaborative->name);
	settings[setting].collaborative->describe(settings[setting].tried, text);
	appendStringInfoChar(text, ')');
}

const RecoAlgorithm reco_baseline_hybrid = {
	.name = "hybrid",
	.summary = "collaborative filtering and content, their scores brought to one scale and added (weighted hybrid, Burke 2002)",
	.settings = lengthof(settings),
	.filled = true,
	.needs_content = true,
	.fit = fit_hybrid,
	.score = score_hybrid,
	.describe = describe_hybrid,
};
