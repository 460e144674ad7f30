/*
 * content.c: the baseline that goes by what is known of the items: content-based recommendation.
 *
 * An item is a vector of terms, TF-IDF and of length 1 (Salton and Buckley 1988, "Term-weighting approaches in automatic
 * text retrieval"); what a customer likes is the sum of the vectors of items, and an item's score is the cosine of both
 * (Lops, de Gemmis and Semeraro 2011, "Content-based recommender systems").  The basket's items and the purchases,
 * decayed, are brought to length 1 before the one is added to a multiple of the other, so that a long history does not
 * drown a basket.  Scores come from an inverted index: only items that share a term are visited.
 */
#include "postgres.h"

#include "baselines.h"

#include <math.h>

#include "interrupts.h"
#include "profile.h"

typedef struct Setting
{
	double		beside;			/* weight of the purchases beside a basket */
	double		half_life;		/* days: the customer's purchases */
} Setting;

static const Setting settings[] = {{0, 60}, {0.1, 60}, {0.3, 60}, {1, 60}, {0.3, 20}, {0.3, INFINITY}};

typedef struct Content
{
	const Setting *setting;
	const RecoSparse *by_item;	/* items x terms */
	RecoSparse	by_term;
	double	   *wanted;			/* [terms] what the customer likes; zero between calls */
	double	   *part;			/* [terms] of it that is being added; zero between calls */
	int32	   *touched;		/* [terms] */
	RecoProfile *profile;
} Content;

/* --- the inverted index ------------------------------------------------------------------------------------ */

/* By counting: the entries of a term come in the order of the items. */
static void
invert(RecoBudget *budget, const RecoSparse *matrix, RecoSparse *inverted)
{
	int64		entries = matrix->start[matrix->rows];
	int64	   *start = reco_budget_alloc(budget, (Size) matrix->cols + 2, sizeof(int64), "terms of items");
	int32	   *index = reco_budget_alloc(budget, entries, sizeof(int32), "terms of items");
	float	   *weight = reco_budget_alloc(budget, entries, sizeof(float), "terms of items");
	int32		row;
	int64		i;

	for (i = 0; i < entries; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		start[matrix->index[i] + 2]++;
	}
	for (i = 2; i <= matrix->cols; i++)
		start[i] += start[i - 1];
	for (row = 0; row < matrix->rows; row++)
	{
		RECO_CHECK_INTERRUPTS(row);
		for (i = matrix->start[row]; i < matrix->start[row + 1]; i++)
		{
			int64		to = start[matrix->index[i] + 1]++;

			index[to] = row;
			weight[to] = matrix->weight[i];
		}
	}
	*inverted = (RecoSparse) {matrix->cols, matrix->rows, start, index, weight};
}

static void *
fit_content(const RecoPast *past, int setting)
{
	Content    *content = palloc0(sizeof(Content));

	Assert(past->content != NULL);
	content->setting = &settings[setting];
	content->by_item = past->content;
	invert(past->budget, past->content, &content->by_term);
	content->wanted = reco_budget_alloc(past->budget, past->content->cols, sizeof(double), "terms");
	content->part = reco_budget_alloc(past->budget, past->content->cols, sizeof(double), "terms");
	content->touched = reco_budget_alloc(past->budget, past->content->cols, sizeof(int32), "terms");
	content->profile = reco_profile_create(past);
	return content;
}

/* --- scores ------------------------------------------------------------------------------------------------ */

/* The sum of the vectors of the profile's items, into part; returns how many terms are in it. */
static int32
add_items(Content *content)
{
	const RecoSparse *by_item = content->by_item;
	int32		n = 0;
	int			i;

	for (i = 0; i < content->profile->n; i++)
	{
		RecoEntry	entry = content->profile->entries[i];
		int64		j;

		CHECK_FOR_INTERRUPTS();
		for (j = by_item->start[entry.item]; j < by_item->start[entry.item + 1]; j++)
		{
			int32		term = by_item->index[j];

			if (content->part[term] == 0)
				content->touched[n++] = term;
			content->part[term] += (double) entry.weight * by_item->weight[j];
		}
	}
	return n;
}

/* Add the profile to what is wanted, with so much length, and empty part. */
static void
add_profile(Content *content, double length)
{
	int32		n = add_items(content);
	double		squares = 0;
	int32		i;

	for (i = 0; i < n; i++)
		squares += content->part[content->touched[i]] * content->part[content->touched[i]];
	for (i = 0; i < n; i++)
	{
		int32		term = content->touched[i];

		RECO_CHECK_INTERRUPTS(i);
		content->wanted[term] += length * content->part[term] / sqrt(squares);
		content->part[term] = 0;
	}
}

static void
score_content(void *fitted, const RecoSituation *situation, float *scores)
{
	Content    *content = fitted;
	double		length = situation->n_basket > 0 ? content->setting->beside : 1;
	int32		term;

	if (situation->n_basket > 0)
	{
		reco_profile_set_basket(content->profile, situation);
		add_profile(content, 1);
	}
	if (length > 0)
	{
		reco_profile_set_purchases(content->profile, situation, content->setting->half_life);
		reco_profile_dampen(content->profile);
		add_profile(content, length);
	}
	for (term = 0; term < content->by_term.rows; term++)
	{
		double		wanted = content->wanted[term];
		int64		i;

		RECO_CHECK_INTERRUPTS(term);
		if (wanted == 0)
			continue;
		content->wanted[term] = 0;
		for (i = content->by_term.start[term]; i < content->by_term.start[term + 1]; i++)
		{
			float	   *score = &scores[content->by_term.index[i]];

			*score = Max(*score, 0) + (float) wanted * content->by_term.weight[i];
		}
	}
}

static void
describe_content(int setting, StringInfo text)
{
	reco_profile_describe_decay("purchases", settings[setting].half_life, text);
	appendStringInfo(text, ", beside a basket by %g", settings[setting].beside);
}

const RecoAlgorithm reco_baseline_content = {
	.name = "content",
	.summary = "items with the words and attributes of those in the basket and of what the customer bought (cosine of "
	"TF-IDF, Lops et al. 2011)",
	.settings = lengthof(settings),
	.filled = true,
	.needs_content = true,
	.fit = fit_content,
	.score = score_content,
	.describe = describe_content,
};
