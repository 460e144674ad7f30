/*
 * complete_basket.c: finds what lifts an order over a threshold, such as that of free shipping.
 *
 * The candidates are those of a recommendation for the same request, the most probable first, and what they cost is asked
 * live, offers to the customer among it.  A row is an item that reaches the target, or two of which neither does and both
 * together do.  One of such two covers half of what is missing: of the candidates that do the first five are asked for as if they were in the basket already, for
 * what would be recommended then, so that a pair's probability is that of the one times that of the other given the one.
 * Rows are ranked by
 *
 *		probability * target / total
 *
 * so that of two equally likely ones that is better which goes less beyond the target: whoever lacks 5 looks for 5 to 10.
 * Since the second factor is at most 1 nothing can come in any more when the least probable candidate asked for is less
 * probable than the score of the last row; else more are asked for, up to a limit.  Where probabilities are not known items
 * are ranked as they are recommended, then pairs by the sum of their scores.
 */
#include "postgres.h"

#include "complete_basket.h"

#include <math.h>

#include "miscadmin.h"
#include "offers.h"
#include "prices.h"

#define FIRST_ROUND 64			/* candidates, at least */
#define ROUND_GROWTH 8
#define MOST_CANDIDATES 10000
#define FIRSTS_OF_PAIRS 5
#define PRECISION 1e-9			/* of the target: sums of prices are not exact */

typedef struct Completion
{
	const RecoTopUpRequest *request;
	RecoAnswering *a;
	double		value;			/* of the basket */
	RecoTopUp  *rows;
	int			n_rows;
	int			capacity;
} Completion;

/* What an item costs whoever asks, NaN where nobody says; and whether that is by an offer. */
typedef struct Price
{
	double		price;
	bool		offer;
} Price;

/* In the current memory context. */
static Price *
ask_prices(const Completion *c, const RecoKey *keys, int n)
{
	Price	   *prices = palloc_extended(mul_size(Max(n, 1), sizeof(Price)), MCXT_ALLOC_HUGE);
	double	   *own = reco_prices_of(&c->a->reader, c->a->sources, RECO_ROLE_PRICE, keys, n);
	double	   *lowest = c->a->offers != NULL ? reco_offers_lowest(c->a, keys, n) : NULL;
	int			i;

	for (i = 0; i < n; i++)
	{
		prices[i].offer = lowest != NULL && !isnan(lowest[i]) && !(own[i] >= 0 && own[i] <= lowest[i]);
		prices[i].price = prices[i].offer ? lowest[i] : own[i];
	}
	pfree(own);
	return prices;
}

/* What the basket's items cost, a repeated one again. */
static double
price_basket(const Completion *c)
{
	const RecoKeyList *basket = &c->request->request.visitor.basket;
	Price	   *prices = ask_prices(c, basket->keys, basket->n);
	double		sum = 0;
	int			unknown = 0;
	int			i;

	for (i = 0; i < basket->n; i++)
		if (isnan(prices[i].price))
			unknown++;
		else
			sum += prices[i].price;
	if (unknown > 0)
		ereport(NOTICE,
				(errmsg("%d items of the basket have no price and count nothing", unknown),
				 errhint("Give the value of the basket with basket_value.")));
	pfree(prices);
	return sum;
}

static bool
reaches(const Completion *c, double price)
{
	return c->value + price >= c->request->target * (1 - PRECISION);
}

static void
add_row(Completion *c, const RecoTopUp *row)
{
	RecoTopUp  *added;

	if (c->n_rows == c->capacity)
	{
		c->capacity *= 2;
		c->rows = repalloc_huge(c->rows, mul_size(c->capacity, sizeof(RecoTopUp)));
	}
	added = &c->rows[c->n_rows++];
	*added = *row;
	added->price = reco_prices_round(row->price);
	added->total = reco_prices_round(c->value + row->price);
	if (!isnan(row->probability))
		added->score = row->probability * Min(c->request->target / added->total, 1);
}

/* The items of a recommendation and what they cost. */
static RecoAnswer *
ask(const Completion *c, const RecoRequest *request, Price **prices)
{
	RecoAnswer *answer = reco_recommend_by(c->a, request);
	RecoKey    *keys = palloc_extended(mul_size(Max(answer->n, 1), sizeof(RecoKey)), MCXT_ALLOC_HUGE);
	int			i;

	for (i = 0; i < answer->n; i++)
		keys[i] = reco_answering_item_key(c->a->model, answer->rows[i].item);
	*prices = ask_prices(c, keys, answer->n);
	return answer;
}

/* Whether an item was a pair's first before: with that pair it has been looked at. */
static bool
was_first(const int32 *firsts, int n, int32 item)
{
	int			i;

	for (i = 0; i < n; i++)
		if (firsts[i] == item)
			return true;
	return false;
}

/* Pairs of an item and what would be recommended if it were in the basket, so many of that. */
static void
add_pairs_of(Completion *c, const RecoRecommendation *first, Price price, int wanted, const int32 *firsts, int n_firsts)
{
	RecoRequest request = c->request->request;
	RecoKeyList *basket = &request.visitor.basket;
	RecoKey    *keys = palloc_extended(mul_size((Size) basket->n + 1, sizeof(RecoKey)), MCXT_ALLOC_HUGE);
	RecoAnswer *seconds;
	Price	   *prices;
	int			i;

	if (basket->n > 0)
		memcpy(keys, basket->keys, basket->n * sizeof(RecoKey));
	keys[basket->n] = reco_answering_item_key(c->a->model, first->item);
	*basket = (RecoKeyList) {true, basket->n + 1, keys};
	request.k = wanted;
	request.unpriced = true;
	seconds = ask(c, &request, &prices);
	for (i = 0; i < seconds->n; i++)
	{
		const RecoRecommendation *second = &seconds->rows[i];
		RecoTopUp	row = {
			.n = 2,.item = {first->item, second->item},.price = price.price + prices[i].price,
			.probability = first->probability * second->probability,.score = first->score + second->score,.source = first->source,
			.offer = price.offer || prices[i].offer
		};

		if (prices[i].price > 0 && !reaches(c, prices[i].price) && reaches(c, row.price) && !was_first(firsts, n_firsts, second->item))
			add_row(c, &row);
	}
}

static int
compare_rows(const void *a, const void *b)
{
	const RecoTopUp *x = a;
	const RecoTopUp *y = b;
	bool		known = !isnan(x->probability) && !isnan(y->probability);

	CHECK_FOR_INTERRUPTS();
	if (isnan(x->probability) != isnan(y->probability))
		return isnan(x->probability) ? 1 : -1;
	if (!known && x->n != y->n)
		return x->n - y->n;
	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	if (x->item[0] != y->item[0])
		return x->item[0] < y->item[0] ? -1 : 1;
	return x->n != y->n ? x->n - y->n : (x->item[1] > y->item[1]) - (x->item[1] < y->item[1]);
}

/* The rows that so many candidates give; whether no further item could be among the first k. */
static bool
try_candidates(Completion *c, int wanted)
{
	RecoRequest request = c->request->request;
	double		gap = c->request->target - c->value;
	int32		firsts[FIRSTS_OF_PAIRS];
	int			n_firsts = 0;
	RecoAnswer *answer;
	Price	   *prices;
	int			k = request.k;
	int			i;

	request.k = wanted;
	request.unpriced = true;
	c->n_rows = 0;
	answer = ask(c, &request, &prices);
	for (i = 0; i < answer->n; i++)
	{
		const RecoRecommendation *item = &answer->rows[i];
		RecoTopUp	row = {
			.n = 1,.item = {item->item},.price = prices[i].price,.probability = item->probability,.score = item->score,
			.source = item->source,.offer = prices[i].offer
		};

		if (prices[i].price > 0 && reaches(c, prices[i].price))
			add_row(c, &row);
		else if (prices[i].price >= gap / 2 && n_firsts < FIRSTS_OF_PAIRS)
		{
			add_pairs_of(c, item, prices[i], wanted, firsts, n_firsts);
			firsts[n_firsts++] = item->item;
		}
	}
	qsort(c->rows, c->n_rows, sizeof(RecoTopUp), compare_rows);
	if (answer->n < wanted)
		return true;
	if (c->n_rows < k)
		return false;
	return isnan(answer->rows[answer->n - 1].probability) ? c->rows[k - 1].n == 1
		: c->rows[k - 1].score >= answer->rows[answer->n - 1].probability;
}

static void
check_prices(const RecoAnswering *a)
{
	if (!reco_prices_are_known(a->sources, RECO_ROLE_PRICE) && !reco_offers_are_made(a->sources))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no source of model \"%s\" says what items cost", a->row->name),
				 errhint("Add a relation of items with an expression for price: reco.add_items(..., price => ...).")));
}

/*
 * What lifts an order over the target, at most k rows; none where it is there already, or nothing is for sale that does.  In
 * the current memory context, for which the model stays pinned.  Errors: those of reco_recommend, and
 * object_not_in_prerequisite_state (no source has prices).
 */
RecoTopUps *
reco_complete_basket(const RecoTopUpRequest *request)
{
	Completion	c = {.request = request,.capacity = FIRST_ROUND};
	RecoTopUps *result = palloc0(sizeof(RecoTopUps));
	int			wanted = Max(FIRST_ROUND, (int) Min((int64) request->request.k * 4, MOST_CANDIDATES));

	c.a = reco_answering_begin(request->request.model, request->request.integer_keys, request->request.as_of);
	check_prices(c.a);
	c.a->offers = reco_offers_begin(c.a, &request->request.visitor);
	result->model = c.a->model;
	c.rows = palloc(c.capacity * sizeof(RecoTopUp));
	c.value = isnan(request->basket_value) ? price_basket(&c) : request->basket_value;
	if (reaches(&c, 0))
		return result;
	while (!try_candidates(&c, wanted) && wanted < MOST_CANDIDATES)
		wanted = Min(wanted * ROUND_GROWTH, MOST_CANDIDATES);
	result->n = Min(c.n_rows, request->request.k);
	result->rows = c.rows;
	return result;
}
