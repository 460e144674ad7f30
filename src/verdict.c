/*
 * verdict.c: says in plain words whether a model is worth it, by nDCG beside the other algorithms, and its blend, by what
 * it gains over the best of what it is made of.
 *
 * A model is worth its keep where it beats what anybody can count: popularity, and what the customer bought before.  Then
 * it is compared with the best of all.  A lead counts where the interval of the paired difference is above 0; the best of
 * many rivals is partly best by luck, which makes the test a strict one.  The model's own variants are no rivals: that they
 * are better would only say that its weights could be.
 */
#include "postgres.h"

#include "verdict.h"

#include <math.h>

#define METRIC RECO_BOARD_NDCG
#define FEW_CUSTOMERS 30

/* Among whom the best is looked for. */
typedef bool (*Eligible) (const RecoContestant *contestant);

static bool
is_rival(const RecoContestant *contestant)
{
	return contestant->algorithm != NULL;
}

/* Whether it only counts. */
static bool
is_simple(const RecoContestant *contestant)
{
	const RecoAlgorithm *algorithm = contestant->algorithm;

	return algorithm == &reco_baseline_popularity || algorithm == &reco_baseline_recent_popularity ||
		algorithm == &reco_baseline_repeats || algorithm == &reco_baseline_repeats_popularity;
}

/* Whether it is what the blend is made of, alone. */
static bool
is_single(const RecoContestant *contestant)
{
	return contestant->variant != NULL ? contestant->variant->is_single : contestant->algorithm == &reco_baseline_repeats;
}

/* Whether both were asked: what everybody buys, and what the customer bought before. */
static bool
counting_was_asked(const RecoEvaluation *e)
{
	bool		popularity = false;
	bool		repeats = false;
	int			c;

	for (c = 1; c < e->n_contestants; c++)
	{
		const RecoAlgorithm *algorithm = e->contestants[c].algorithm;

		popularity |= algorithm == &reco_baseline_popularity || algorithm == &reco_baseline_recent_popularity ||
			algorithm == &reco_baseline_repeats_popularity;
		repeats |= algorithm == &reco_baseline_repeats || algorithm == &reco_baseline_repeats_popularity;
	}
	return popularity && repeats;
}

/* The best of some beside the model; -1 where there is none. */
static int
find_best(const RecoEvaluation *e, const RecoScoreboard *board, RecoRequestKind kind, RecoBoardMetric metric,
		  Eligible eligible)
{
	int			best = -1;
	double		best_value = -1;
	int			c;

	for (c = 1; c < e->n_contestants; c++)
	{
		double		value;

		if (!eligible(&e->contestants[c]))
			continue;
		value = reco_scoreboard_metric(board, c, kind, metric).value;
		if (!(value > best_value))
			continue;
		best = c;
		best_value = value;
	}
	return best;
}

static char *
both_values(const RecoEvaluation *e, const RecoScoreboard *board, RecoRequestKind kind, RecoBoardMetric metric, int other)
{
	return psprintf("%s@%d %.3f against %.3f", reco_scoreboard_metric_name(metric), e->options.k,
					reco_scoreboard_metric(board, 0, kind, metric).value, reco_scoreboard_metric(board, other, kind, metric).value);
}

/* Against the best of those that only count; NULL where the model beats it. */
static char *
against_simple(const RecoEvaluation *e, const RecoScoreboard *board, RecoRequestKind kind, int simple)
{
	const char *name = e->contestants[simple].name;
	RecoInterval lead = reco_scoreboard_difference(board, 0, board, simple, kind, METRIC);
	char	   *values = both_values(e, board, kind, METRIC, simple);

	if (lead.high < 0)
		return psprintf("not worth it on this data: %s is better than the model (%s)", name, values);
	if (lead.value <= 0)
		return psprintf("not worth it on this data: %s is as good as the model (%s)", name, values);
	if (!(lead.low > 0))
		return psprintf("not shown to be worth it on this data: its lead over %s may be chance (%s)", name, values);
	return NULL;
}

/* The same, and who is better still. */
static char *
against_counting(const RecoEvaluation *e, const RecoScoreboard *board, RecoRequestKind kind, int simple, int best)
{
	char	   *words = against_simple(e, board, kind, simple);

	if (words == NULL || best == simple)
		return words;
	return psprintf("%s; the best of all is %s (%.3f)", words, e->contestants[best].name,
					reco_scoreboard_metric(board, best, kind, METRIC).value);
}

static char *
against_best(const RecoEvaluation *e, const RecoScoreboard *board, RecoRequestKind kind, int best)
{
	const char *name = e->contestants[best].name;
	bool		beats_counting = counting_was_asked(e);
	RecoInterval lead = reco_scoreboard_difference(board, 0, board, best, kind, METRIC);
	char	   *values = both_values(e, board, kind, METRIC, best);

	if (lead.low > 0)
		return psprintf("%sbetter than every other algorithm that was asked, of which %s is the best (%s)",
						beats_counting ? "worth it on this data: " : "", name, values);
	if (lead.high < 0)
		return psprintf("%s%s is better than the model (%s)",
						beats_counting ? "better than popularity and repeat purchases, but " : "", name, values);
	return psprintf("%swhether %s is better or worse than the model may be chance (%s)",
					beats_counting ? "better than popularity and repeat purchases; " : "", name, values);
}

/* How many customers the requests of a kind are of; an unknown one is another each time. */
static int
count_customers(const RecoTests *tests, RecoRequestKind kind)
{
	bool	   *seen = palloc0(mul_size(Max(tests->clusters, 1), sizeof(bool)));
	int			n = 0;
	int			t;

	for (t = 0; t < tests->n; t++)
	{
		int			cluster = tests->list[t].cluster;

		if (seen[cluster] || !reco_replay_is_asked(&tests->list[t], kind))
			continue;
		seen[cluster] = true;
		n++;
	}
	pfree(seen);
	return n;
}

/* Words for too few customers; NULL where they are enough. */
static char *
too_few(const RecoEvaluation *e, RecoRequestKind kind)
{
	int			customers = count_customers(e->replay.tests, kind);

	if (customers >= FEW_CUSTOMERS)
		return NULL;
	return customers == 1 ? "cannot tell: later orders are of one customer only"
		: psprintf("cannot tell: later orders are of %d customers only", customers);
}

/* By the requests of one kind, of which there is at least one. */
RecoVerdict
reco_verdict_of(const RecoEvaluation *e, const RecoScoreboard *board, RecoRequestKind kind)
{
	RecoVerdict verdict = {{NAN, NAN, NAN}, NULL};
	int			best = find_best(e, board, kind, METRIC, is_rival);
	int			simple = find_best(e, board, kind, METRIC, is_simple);

	if (best < 0)
		verdict.words = "no other algorithm was asked: nothing to compare the model with";
	else
	{
		verdict.lead = reco_scoreboard_difference(board, 0, board, best, kind, METRIC);
		verdict.words = too_few(e, kind);
		if (verdict.words == NULL && simple >= 0)
			verdict.words = against_counting(e, board, kind, simple, best);
		if (verdict.words == NULL)
			verdict.words = against_best(e, board, kind, best);
	}
	return verdict;
}

/*
 * What the blend gains, by a metric, over the best single component among those that were asked; no words, and no gain,
 * where none was.
 */
RecoVerdict
reco_verdict_of_blend(const RecoEvaluation *e, const RecoScoreboard *board, RecoRequestKind kind, RecoBoardMetric metric)
{
	RecoVerdict verdict = {{NAN, NAN, NAN}, NULL};
	int			best = find_best(e, board, kind, metric, is_single);
	const char *format = "whether it is better or worse than %s alone may be chance (%s)";

	if (best < 0)
		return verdict;
	verdict.lead = reco_scoreboard_difference(board, 0, board, best, kind, metric);
	verdict.words = too_few(e, kind);
	if (verdict.words != NULL)
		return verdict;
	if (verdict.lead.low > 0)
		format = "better than any component alone that was asked, of which %s is the best (%s)";
	else if (verdict.lead.high < 0)
		format = "%s alone is better (%s)";
	verdict.words = psprintf(format, e->contestants[best].name, both_values(e, board, kind, metric, best));
	return verdict;
}
