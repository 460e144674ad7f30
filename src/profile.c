/*
 * profile.c: makes weighted items of what a situation tells: the evidence that baselines score by.
 */
#include "postgres.h"

#include "profile.h"

#include <math.h>

#include "interrupts.h"

/* In the current memory context; the sums by item are the budget's. */
RecoProfile *
reco_profile_create(const RecoPast *past)
{
	RecoProfile *profile = palloc0(sizeof(RecoProfile));

	profile->context = CurrentMemoryContext;
	profile->sums = reco_budget_alloc(past->budget, past->items, sizeof(double), "profile");
	return profile;
}

static void
make_room(RecoProfile *profile, int n)
{
	if (n <= profile->capacity)
		return;
	if (profile->entries != NULL)
		pfree(profile->entries);
	profile->entries = MemoryContextAllocHuge(profile->context, mul_size(n, sizeof(RecoEntry)));
	profile->capacity = n;
}

/*
 * When decay counts from, as in requests: the moment of the situation, or the newest purchase where that is more than a
 * half-life older (reco_lines_clock).
 */
static TimestampTz
purchases_clock(const RecoSituation *situation, double half_life)
{
	if (situation->n_purchases > 0 &&
		reco_lines_decay(situation->purchases[0].at, situation->as_of, half_life) < 0.5)
		return situation->purchases[0].at;
	return situation->as_of;
}

static inline void
add(RecoProfile *profile, int32 item, double amount)
{
	if (profile->sums[item] == 0)
		profile->entries[profile->n++].item = item;
	profile->sums[item] += amount;
}

static void
add_purchases(RecoProfile *profile, const RecoSituation *situation, double half_life)
{
	TimestampTz clock = purchases_clock(situation, half_life);
	int			i;

	for (i = 0; i < situation->n_purchases; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		add(profile, situation->purchases[i].item, reco_lines_decay(situation->purchases[i].at, clock, half_life));
	}
}

static void
add_basket(RecoProfile *profile, const RecoSituation *situation)
{
	int			i;

	for (i = 0; i < situation->n_basket; i++)
		add(profile, situation->basket[i], 1);
}

static void
begin(RecoProfile *profile, const RecoSituation *situation)
{
	make_room(profile, situation->n_purchases + situation->n_basket);
	profile->n = 0;
}

/* From sums to weights; leaves the sums zero. */
static void
end(RecoProfile *profile)
{
	int			i;

	for (i = 0; i < profile->n; i++)
	{
		RecoEntry  *entry = &profile->entries[i];

		RECO_CHECK_INTERRUPTS(i);
		entry->weight = (float) profile->sums[entry->item];
		profile->sums[entry->item] = 0;
	}
}

/* What the customer bought, in the order of the latest purchases; weight: decayed number of purchases. */
void
reco_profile_set_purchases(RecoProfile *profile, const RecoSituation *situation, double half_life)
{
	begin(profile, situation);
	add_purchases(profile, situation, half_life);
	end(profile);
}

/* What is in the basket, each with weight 1. */
void
reco_profile_set_basket(RecoProfile *profile, const RecoSituation *situation)
{
	begin(profile, situation);
	add_basket(profile, situation);
	end(profile);
}

/* Both; an item in the basket is one more purchase. */
void
reco_profile_set_all(RecoProfile *profile, const RecoSituation *situation, double half_life)
{
	begin(profile, situation);
	add_basket(profile, situation);
	add_purchases(profile, situation, half_life);
	end(profile);
}

/* From decayed counts to weights that grow less and less, those of training. */
void
reco_profile_dampen(RecoProfile *profile)
{
	int			i;

	for (i = 0; i < profile->n; i++)
		profile->entries[i].weight = reco_lines_entry_weight(profile->entries[i].weight);
}

/* Say of a setting how fast something fades; a half-life of infinity means that it does not. */
void
reco_profile_describe_decay(const char *what, double half_life, StringInfo text)
{
	if (isinf(half_life))
		appendStringInfo(text, "%s without decay", what);
	else
		appendStringInfo(text, "%s with a half-life of %g days", what, half_life);
}
