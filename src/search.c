/*
 * search.c: finds the best items that the filters leave, as many as somebody asks for.
 *
 * The order of items is total, so that scanning again without those already seen goes on where the scan before ended.  What
 * the shop has to be asked about, it is asked only of the items at the top: each round asks about a few more, until enough
 * pass or none are left.
 */
#include "postgres.h"

#include "search.h"

#include <math.h>

#include "availability.h"
#include "foldin.h"
#include "miscadmin.h"
#include "offers.h"

/* Items that are asked about in one query, beyond those wanted. */
#define SLACK 16

static bool
is_skipped(const RecoSearch *search, int32 item)
{
	return (search->skip[item / 64] >> (item % 64)) & 1;
}

static int
drop_skipped(const RecoSearch *search, int32 *items, int n)
{
	int			kept = 0;
	int			i;

	for (i = 0; i < n; i++)
		if (!is_skipped(search, items[i]))
			items[kept++] = items[i];
	return kept;
}

/* The best items that are not skipped, at most as many as wanted; candidates that are skipped are dropped for good. */
static int
scan(RecoSearch *search, int wanted, RecoTopEntry *top)
{
	const RecoAnswering *a = search->a;
	const RecoModel *model = a->model;
	RecoTopQuery query = reco_scoring_query(&a->mix, search->skip, wanted, top);
	RecoStatus	status;

	if (search->candidates != NULL)
	{
		search->n_candidates = drop_skipped(search, search->candidates, search->n_candidates);
		status = reco_topk_list(&a->run, model->y, model->items, model->factors, &query, search->candidates,
								search->n_candidates);
	}
	else
		status = reco_topk_scan(&a->run, model->y, model->items, model->factors, model->screen, &query, 1);
	reco_foldin_check_status(status, "scan");
	return query.found;
}

static bool
is_priced(const RecoSearch *search)
{
	return search->facts != NULL && !isnan(search->most_price);
}

static bool
passes(const RecoSearch *search, const RecoItemFacts *facts)
{
	return facts->available && (!is_priced(search) || (facts->price >= search->least_price && facts->price <= search->most_price));
}

/* What offers make of facts, for whoever asks. */
static void
apply_offers(const RecoSearch *search, const RecoTopEntry *entries, int n, RecoItemFacts *facts)
{
	RecoPool	pool = {n, palloc_extended(mul_size(Max(n, 1), sizeof(RecoPoolItem)), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO)};
	int			i;

	for (i = 0; i < n; i++)
		pool.items[i] = (RecoPoolItem) {.item = entries[i].item,.price = facts[i].price,.unit = facts[i].unit};
	reco_offers_apply(search->a, &pool);
	for (i = 0; i < n; i++)
	{
		facts[i].price = pool.items[i].price;
		facts[i].unit = pool.items[i].unit;
		facts[i].offer = pool.items[i].offer;
	}
	pfree(pool.items);
}

/* Which of some items pass; of these, where anybody wants facts, what they are.  In the order of entries. */
static bool *
ask_shop(const RecoSearch *search, const RecoTopEntry *entries, int n, RecoItemFacts *facts)
{
	bool	   *passed;
	int			i;

	if (search->facts == NULL)
		return search->live ? reco_availability_of(search->a, entries, n) : NULL;
	reco_facts_read(search->facts, entries, n, facts);
	if (search->a->offers != NULL)
		apply_offers(search, entries, n, facts);
	passed = palloc(Max(n, 1));
	for (i = 0; i < n; i++)
		passed[i] = passes(search, &facts[i]);
	return passed;
}

static int
compare_items(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	return (x > y) - (x < y);
}

/*
 * Of some items, each there once, those that pass the filters, in their order, with facts.  To be asked before anything was
 * searched for, and where there are facts.
 */
int
reco_search_pins(const RecoSearch *search, const int32 *items, int n, RecoTopEntry *found, RecoItemFacts *facts)
{
	const RecoAnswering *a = search->a;
	bool	   *passed;
	int			kept = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		RecoTopQuery query = reco_scoring_query(&a->mix, NULL, 1, &found[kept]);

		if (is_skipped(search, items[i]) || (search->candidates != NULL &&
											 bsearch(&items[i], search->candidates, search->n_candidates, sizeof(int32), compare_items) == NULL))
			continue;
		reco_foldin_check_status(reco_topk_list(&a->run, a->model->y, a->model->items, a->model->factors, &query, &items[i], 1), "scan");
		kept += query.found;
	}
	passed = ask_shop(search, found, kept, facts);
	n = kept;
	for (i = kept = 0; i < n; i++)
		if (passed[i])
		{
			found[kept] = found[i];
			facts[kept++] = facts[i];
		}
	pfree(passed);
	return kept;
}

/*
 * The next best that pass the filters, at most as many as wanted: fewer mean that no more are left.  facts has as much room,
 * where there are any.  Errors: what reading the sources raises.
 */
int
reco_search_next(RecoSearch *search, int wanted, RecoTopEntry *best, RecoItemFacts *facts)
{
	bool		live = search->live || is_priced(search);
	int			most = search->candidates != NULL ? search->n_candidates : search->a->model->items;
	int			slack = SLACK;
	int			n = 0;

	while (n < wanted)
	{
		int			scanned = Min(wanted - n + (live ? slack : 0), Max(most, 1));
		RecoTopEntry *top = palloc_extended(mul_size(scanned, sizeof(RecoTopEntry)), MCXT_ALLOC_HUGE);
		RecoItemFacts *of_top = search->facts == NULL ? NULL : palloc_extended(mul_size(scanned, sizeof(RecoItemFacts)), MCXT_ALLOC_HUGE);
		int			found = scan(search, scanned, top);
		bool	   *passed = ask_shop(search, top, found, of_top);
		int			i;

		for (i = 0; i < found && n < wanted; i++)
		{
			search->skip[top[i].item / 64] |= UINT64CONST(1) << (top[i].item % 64);
			if (passed != NULL && !passed[i])
				continue;
			if (of_top != NULL)
				facts[n] = of_top[i];
			best[n++] = top[i];
		}
		if (found < scanned || !live)
			break;
		slack = Min(slack * 4, PG_INT32_MAX / 8);
		CHECK_FOR_INTERRUPTS();
	}
	return n;
}
