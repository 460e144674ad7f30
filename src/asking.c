/*
 * asking.c: from what a request knows to what the components of a score say.
 *
 * Held-out orders in training, requests, recommend_all and evaluations all go through here, so that strengths and weights
 * that were chosen on the first mean the same in the others.
 *
 * Every source of data is evidence in one of two bags of weighted items: the basket's, with what the session looked at, and
 * the history's, with what friends bought.  Own purchases count more where their context is the request's, and less where
 * low stars were given.
 */
#include "postgres.h"

#include "asking.h"

#include <math.h>

#include "interrupts.h"
#include "storage/shmem.h"

#define MOST_BY_FRIENDS	150.0	/* purchases by friends that count in a bag: with many they count less each */
#define FRIENDS_FADE	2.0		/* mass of own items beside which they count half */
#define FEW_STARS		0.1		/* what is left of a purchase with the lowest stars, where strength is 1 */

/* Nothing is known. */
void
reco_asking_clear(RecoEvidence *evidence, TimestampTz as_of)
{
	int			f;

	memset(evidence, 0, sizeof(*evidence));
	evidence->as_of = as_of;
	for (f = 0; f < RECO_MAX_CONTEXTS; f++)
		evidence->context[f] = -1;
}

static bool
has_purchase(const RecoEvidence *evidence)
{
	int64		i;

	for (i = 0; i < evidence->n_lines; i++)
		if (evidence->lines[i].quantity > 0)
			return true;
	return false;
}

/* What kind of request that is, as far as can be told before anything is scored. */
RecoEvidenceKind
reco_asking_kind(const RecoEvidence *evidence)
{
	bool		has_basket = evidence->n_basket > 0 || evidence->n_views > 0;

	if (has_purchase(evidence))
		return has_basket ? RECO_EVIDENCE_BOTH : RECO_EVIDENCE_HISTORY;
	return has_basket ? RECO_EVIDENCE_BASKET : RECO_EVIDENCE_NONE;
}

/* --- settings ---------------------------------------------------------------------------------------------- */

typedef struct SettingPlaces
{
	RecoParameter basket_lambda;
	RecoParameter history_lambda;
	RecoParameter half_life;
} SettingPlaces;

static const SettingPlaces places[RECO_BLENDS] = {
	[RECO_EVIDENCE_BASKET] = {RECO_PARAMETER_BASKET_LAMBDA, RECO_PARAMETER_HISTORY_LAMBDA, RECO_PARAMETER_HISTORY_HALF_LIFE},
	[RECO_EVIDENCE_BOTH] = {RECO_PARAMETER_BASKET_LAMBDA, RECO_PARAMETER_HISTORY_LAMBDA, RECO_PARAMETER_HISTORY_HALF_LIFE},
	[RECO_EVIDENCE_HISTORY] = {RECO_PARAMETER_BASKET_LAMBDA, RECO_PARAMETER_ALONE_LAMBDA, RECO_PARAMETER_ALONE_HALF_LIFE},
	[RECO_EVIDENCE_NONE] = {RECO_PARAMETER_BASKET_LAMBDA, RECO_PARAMETER_NONE_LAMBDA, RECO_PARAMETER_ALONE_HALF_LIFE}
};

/* Those of a model for a kind of request. */
RecoSettings
reco_asking_settings(const double *parameters, RecoEvidenceKind kind)
{
	RecoSettings settings = {
		.basket_lambda = parameters[places[kind].basket_lambda],.history_lambda = parameters[places[kind].history_lambda],
		.half_life = parameters[places[kind].half_life],.repeat_half_life = parameters[RECO_PARAMETER_REPEAT_HALF_LIFE]
	};

	memcpy(settings.strengths, &parameters[RECO_PARAMETER_STRENGTHS + kind * RECO_STRENGTH_SLOTS], sizeof(settings.strengths));
	return settings;
}

/* Write them down among a model's parameters; kinds that share one have the same. */
void
reco_asking_store(const RecoSettings *settings, RecoEvidenceKind kind, double *parameters)
{
	parameters[places[kind].basket_lambda] = settings->basket_lambda;
	parameters[places[kind].history_lambda] = settings->history_lambda;
	parameters[places[kind].half_life] = settings->half_life;
	parameters[RECO_PARAMETER_REPEAT_HALF_LIFE] = settings->repeat_half_life;
	memcpy(&parameters[RECO_PARAMETER_STRENGTHS + kind * RECO_STRENGTH_SLOTS], settings->strengths, sizeof(settings->strengths));
}

/* --- the basket's bag -------------------------------------------------------------------------------------- */

static RecoEntry *
make_entries(int64 n)
{
	return palloc_extended(mul_size(Max(n, 1), sizeof(RecoEntry)), MCXT_ALLOC_HUGE);
}

static bool
is_in_basket(const RecoEvidence *evidence, int32 item)
{
	int64		i;

	for (i = 0; i < evidence->n_basket; i++)
		if (evidence->basket[i].item == item)
			return true;
	return false;
}

static RecoEventWeights
event_weights(const RecoScoring *scoring)
{
	const RecoScoringData *data = reco_scoring_data(scoring);

	return (RecoEventWeights) {data->n_events, data->event_weights};
}

/*
 * The basket's bag, with what the session looked at behind what is in the basket, each item once.  In the current memory
 * context.
 */
RecoEntry *
reco_asking_basket_bag(const RecoScoring *scoring, const RecoEvidence *evidence, const RecoSettings *settings, int64 *n)
{
	RecoEntry  *entries = make_entries(evidence->n_basket + evidence->n_views);
	RecoEventWeights weights = event_weights(scoring);
	int			viewed;
	int			i;

	if (evidence->n_basket > 0)
		memcpy(entries, evidence->basket, mul_size(evidence->n_basket, sizeof(RecoEntry)));
	*n = evidence->n_basket;
	viewed = reco_views_bag(evidence->views, evidence->n_views, &weights, settings->strengths[RECO_STRENGTH_SESSION],
							settings->strengths[RECO_STRENGTH_SESSION_DECAY], entries + *n);
	for (i = 0; i < viewed; i++)
	{
		RecoEntry	entry = entries[evidence->n_basket + i];

		if (!is_in_basket(evidence, entry.item))
			entries[(*n)++] = entry;
	}
	return entries;
}

/* What was looked at: whoever looks at something often buys that. */
static void
set_viewed(RecoScoring *scoring, const RecoEvidence *evidence, RecoComponentScores *scores)
{
	RecoEntry  *entries = make_entries(evidence->n_views);
	RecoEventWeights weights = event_weights(scoring);
	int			n = reco_views_list(evidence->views, evidence->n_views, &weights, entries);

	reco_scoring_list(RECO_COMPONENT_VIEWED, entries, n, scores);
}

/* --- the history's bag ------------------------------------------------------------------------------------- */

/* What lines of each context count, by how much of it is the request's; NULL where that makes no difference. */
static double *
context_factors(const RecoEvidence *evidence, const RecoSettings *settings)
{
	const double *betas = &settings->strengths[RECO_STRENGTH_CONTEXT];
	double	   *factors;
	bool		any = false;
	int			c;
	int			f;

	for (f = 0; f < RECO_MAX_CONTEXTS; f++)
		any |= betas[f] > 0 && evidence->context[f] != -1;
	if (!any || evidence->n_contexts == 0)
		return NULL;
	factors = palloc_extended(mul_size(evidence->n_contexts, sizeof(double)), MCXT_ALLOC_HUGE);
	for (c = 0; c < evidence->n_contexts; c++)
	{
		double		sum = 0;

		for (f = 0; f < RECO_MAX_CONTEXTS; f++)
			if (evidence->context[f] != -1 && evidence->contexts[c][f] == evidence->context[f])
				sum += betas[f];
		factors[c] = exp(sum);
	}
	return factors;
}

static int64
own_bag(const RecoEvidence *evidence, const RecoSettings *settings, double half_life, RecoEntry *entries)
{
	TimestampTz clock;

	if (evidence->n_lines == 0)
		return 0;
	clock = reco_lines_clock(evidence->lines, evidence->n_lines, evidence->as_of, half_life);
	return reco_lines_bag(evidence->lines, evidence->n_lines, clock, half_life, context_factors(evidence, settings), entries);
}

/* What an own purchase counts after those stars: all of it in the top quarter, and less and less below. */
static double
star_factor(double stars, double strength)
{
	double		rest = stars >= 0.75 ? 1 : stars <= 0.25 ? FEW_STARS : FEW_STARS + (1 - FEW_STARS) * (stars - 0.25) / 0.5;

	return 1 - strength * (1 - rest);
}

/* Both are in the order of items. */
static void
weigh_by_stars(const RecoEvidence *evidence, double strength, RecoEntry *entries, int64 n)
{
	int64		i = 0;
	int			o;

	for (o = 0; o < evidence->n_opinions && strength > 0; o++)
	{
		while (i < n && entries[i].item < evidence->opinions[o].item)
			i++;
		if (i < n && entries[i].item == evidence->opinions[o].item)
			entries[i].weight *= (float) star_factor(evidence->opinions[o].stars, strength);
	}
}

/* Friends' items behind one's own, beside which they fade; returns how many there are then. */
static int64
add_friends(const RecoEvidence *evidence, double strength, RecoEntry *entries, int64 n)
{
	double		own = 0;
	double		mass = 0;
	double		scale;
	int64		i;

	if (strength <= 0 || evidence->n_friends == 0)
		return n;
	for (i = 0; i < n; i++)
		own += entries[i].weight;
	for (i = 0; i < evidence->n_friends; i++)
		mass += evidence->friends[i].weight;
	scale = strength * Min(1, MOST_BY_FRIENDS / mass) * FRIENDS_FADE / (FRIENDS_FADE + own);
	for (i = 0; i < evidence->n_friends; i++)
		entries[n + i] = (RecoEntry) {evidence->friends[i].item, (float) (scale * evidence->friends[i].weight)};
	return n + evidence->n_friends;
}

/*
 * The history's bag: n_own entries of the customer's own purchases, in the order of items, and then those of friends.  In the
 * current memory context.  Lines are sorted and netted in place: that may be done again, and changes nothing then.
 */
RecoEntry *
reco_asking_history_bag(const RecoEvidence *evidence, const RecoSettings *settings, int64 *n_own, int64 *n)
{
	RecoEntry  *entries = make_entries(evidence->n_lines + evidence->n_friends);

	*n_own = own_bag(evidence, settings, settings->half_life, entries);
	weigh_by_stars(evidence, settings->strengths[RECO_STRENGTH_STARS], entries, *n_own);
	*n = add_friends(evidence, settings->strengths[RECO_STRENGTH_FRIENDS], entries, *n_own);
	return entries;
}

/* What was bought before, less where it was not liked, in the order of items, in the current memory context. */
RecoEntry *
reco_asking_repeats(const RecoEvidence *evidence, const RecoSettings *settings, int64 *n)
{
	RecoEntry  *entries = make_entries(evidence->n_lines);

	*n = own_bag(evidence, settings, settings->repeat_half_life, entries);
	weigh_by_stars(evidence, settings->strengths[RECO_STRENGTH_STARS], entries, *n);
	return entries;
}

/* --- scores ------------------------------------------------------------------------------------------------ */

/* Whether some settings are others than before, of which there may have been none. */
#define IS_OTHER(setting) (before == NULL || before->setting != settings->setting)

static bool
other_contexts(const RecoSettings *before, const RecoSettings *settings)
{
	return before == NULL ||
		memcmp(&before->strengths[RECO_STRENGTH_CONTEXT], &settings->strengths[RECO_STRENGTH_CONTEXT],
			   RECO_MAX_CONTEXTS * sizeof(double)) != 0;
}

static void
set_basket(RecoScoring *scoring, const RecoEvidence *evidence, const RecoSettings *before, const RecoSettings *settings,
		   RecoComponentScores *scores)
{
	bool		is_other = IS_OTHER(strengths[RECO_STRENGTH_SESSION]) || IS_OTHER(strengths[RECO_STRENGTH_SESSION_DECAY]);
	RecoEntry  *entries;
	int64		n;

	if (!is_other && !IS_OTHER(basket_lambda))
		return;
	entries = reco_asking_basket_bag(scoring, evidence, settings, &n);
	reco_scoring_fold_in(scoring, RECO_COMPONENT_BASKET, entries, n, settings->basket_lambda, scores);
	if (is_other)
	{
		reco_scoring_associate(scoring, RECO_COMPONENT_COMPLEMENTS, entries, n, scores);
		if (!reco_scoring_is_idle(scoring, RECO_COMPONENT_MATCH))
			reco_scoring_match(scoring, RECO_COMPONENT_MATCH, entries, n, scores);
	}
	if (before == NULL)
		set_viewed(scoring, evidence, scores);
	scores->has_session = evidence->n_basket == 0 && evidence->n_views > 0;
}

static void
set_history(RecoScoring *scoring, const RecoEvidence *evidence, const RecoSettings *before, const RecoSettings *settings,
			RecoComponentScores *scores)
{
	bool		is_other = IS_OTHER(half_life) || IS_OTHER(strengths[RECO_STRENGTH_STARS]) || other_contexts(before, settings);
	RecoEntry  *entries;
	int64		n_own;
	int64		n;

	if (!is_other && !IS_OTHER(history_lambda) && !IS_OTHER(strengths[RECO_STRENGTH_FRIENDS]))
		return;
	entries = reco_asking_history_bag(evidence, settings, &n_own, &n);
	reco_scoring_fold_in(scoring, RECO_COMPONENT_HISTORY, entries, n, settings->history_lambda, scores);
	if (is_other && !reco_scoring_is_idle(scoring, RECO_COMPONENT_FOLLOWUPS))
		reco_scoring_associate(scoring, RECO_COMPONENT_FOLLOWUPS, entries, n_own, scores);
	if (is_other && !reco_scoring_is_idle(scoring, RECO_COMPONENT_AFFINITY))
		reco_scoring_match(scoring, RECO_COMPONENT_AFFINITY, entries, n_own, scores);
	scores->has_own = n_own > 0;
}

/* What the customer's attributes and the context say, whatever the settings. */
static void
set_labels(RecoScoring *scoring, const RecoEvidence *evidence, RecoComponentScores *scores)
{
	if (!reco_scoring_is_idle(scoring, RECO_COMPONENT_EVERYBODY) || !reco_scoring_is_idle(scoring, RECO_COMPONENT_PRIOR))
		reco_scoring_expect(scoring, evidence->labels, evidence->n_labels, scores);
	if (!reco_scoring_is_idle(scoring, RECO_COMPONENT_SEGMENT))
		reco_scoring_lift(scoring, RECO_COMPONENT_SEGMENT, evidence->labels, evidence->n_labels, scores);
	if (!reco_scoring_is_idle(scoring, RECO_COMPONENT_CONTEXT))
		reco_scoring_lift(scoring, RECO_COMPONENT_CONTEXT, evidence->context, RECO_MAX_CONTEXTS, scores);
}

/*
 * What the components say of a request, by some settings, in the current memory context; before are those that scores were
 * set with last, of the same request, or NULL.
 */
void
reco_asking_set(RecoScoring *scoring, const RecoEvidence *evidence, const RecoSettings *before, const RecoSettings *settings,
				RecoComponentScores *scores)
{
	RecoEntry  *entries;
	int64		n;

	if (before == NULL)
	{
		reco_scoring_clear(scores);
		set_labels(scoring, evidence, scores);
	}
	set_basket(scoring, evidence, before, settings, scores);
	set_history(scoring, evidence, before, settings, scores);
	if (IS_OTHER(repeat_half_life) || IS_OTHER(strengths[RECO_STRENGTH_STARS]) || other_contexts(before, settings))
	{
		entries = reco_asking_repeats(evidence, settings, &n);
		reco_scoring_list(RECO_COMPONENT_REPEATS, entries, n, scores);
	}
}
