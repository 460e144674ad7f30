/*
 * rerank.c: puts the best items of a request into another order.
 *
 * What ranks all items is the score alone, exactly.  Whatever else a shop wants of a list is decided among the best of them,
 * the pool: the first DEPTH by score, or twice as many as are wanted, that were left by all filters.  So what it costs does
 * not grow with the catalogue, and nothing comes up that the score holds for far-fetched.  Facts of the pool's items are read
 * live, in the request's snapshot.
 *
 * By value: the order is p v^w, with the probability p and what a line is expected to bring, v (usual.c).
 */
#include "postgres.h"

#include "rerank.h"

#include <math.h>

#include "cache.h"
#include "interrupts.h"
#include "offers.h"

#define DEPTH 50

/* How many of the best items are looked at for k. */
int
reco_rerank_depth(int k, double value_weight)
{
	return value_weight > 0 ? Max(DEPTH, 2 * k) : k;
}

/* Items found by score, in the current memory context; of what they bring nothing is known yet. */
RecoPool
reco_rerank_pool(const RecoAnswering *a, const RecoTopEntry *top, int n)
{
	RecoPool	pool = {n, palloc_extended(mul_size(Max(n, 1), sizeof(RecoPoolItem)), MCXT_ALLOC_HUGE)};
	int			i;

	for (i = 0; i < n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		pool.items[i] = (RecoPoolItem) {.item = top[i].item,.score = top[i].score,.unit = NAN,.price = NAN,.value = NAN,
		.place = i};
		pool.items[i].probability = reco_answering_probability(a, top[i].item, top[i].score);
	}
	return pool;
}

/* --- what a piece brings ----------------------------------------------------------------------------------- */

static bool
is_given(const RecoAnswering *a, RecoRole role)
{
	ListCell   *cell;

	foreach(cell, a->sources)
		if (reco_definitions_item_column(lfirst(cell), role) != NULL)
			return true;
	return false;
}

/* What the shop says that a piece of an item brings: its margin where any source has margins, else its price, or an offer's. */
RecoUnitKind
reco_rerank_unit_kind(const RecoAnswering *a)
{
	if (is_given(a, RECO_ROLE_MARGIN))
		return RECO_UNIT_MARGIN;
	return is_given(a, RECO_ROLE_PRICE) || a->offers != NULL ? RECO_UNIT_PRICE : RECO_UNIT_NONE;
}

typedef struct UnitReader
{
	const RecoModel *model;
	RecoUnitKind kind;
	double	   *units;			/* by item, or by the place of items */
	const RecoPoolItem **by_item;	/* NULL: all items are wanted */
	int			n;
} UnitReader;

static int
compare_items(const void *a, const void *b)
{
	int32		x = (*(const RecoPoolItem *const *) a)->item;
	int32		y = (*(const RecoPoolItem *const *) b)->item;

	CHECK_FOR_INTERRUPTS();
	return (x > y) - (x < y);
}

/* Where the unit of an item goes; NULL for one that nobody asked about. */
static double *
find_unit(const UnitReader *reader, int32 item)
{
	const RecoPoolItem wanted = {.item = item};
	const RecoPoolItem *key = &wanted;
	const RecoPoolItem **found;

	if (item < 0)
		return NULL;
	if (reader->by_item == NULL)
		return &reader->units[item];
	found = bsearch(&key, reader->by_item, reader->n, sizeof(*reader->by_item), compare_items);
	return found != NULL ? &reader->units[(*found)->place] : NULL;
}

/* Where an item has several rows, the highest counts: whatever their order.  A price below 0 says nothing. */
static void
receive_unit(void *arg, const RecoValue *values)
{
	const UnitReader *reader = arg;
	RecoKey		key = {values[0].integer, values[0].bytes, values[0].length};
	double		unit = values[1].number;
	double	   *place;

	if (values[0].is_null || values[1].is_null || !isfinite(unit) || (reader->kind == RECO_UNIT_PRICE && unit < 0))
		return;
	place = find_unit(reader, reco_answering_find_item(reader->model, &key));
	if (place != NULL)
		*place = isnan(*place) ? unit : Max(*place, unit);
}

/* Of items with those keys, or (NULL) of all. */
static void
read_units(const RecoAnswering *a, UnitReader *reader, const RecoKey *keys)
{
	RecoRole	role = reader->kind == RECO_UNIT_MARGIN ? RECO_ROLE_MARGIN : RECO_ROLE_PRICE;
	const RecoField fields[] = {{RECO_ROLE_ITEM, NULL}, {role, NULL}};
	ListCell   *cell;

	foreach(cell, a->sources)
	{
		if (reco_definitions_item_column(lfirst(cell), role) == NULL)
			continue;
		if (keys == NULL)
			(void) reco_sources_read_all(&a->reader, lfirst(cell), fields, lengthof(fields), receive_unit, reader);
		else
			(void) reco_sources_read_items(&a->reader, lfirst(cell), fields, lengthof(fields), keys, reader->n, receive_unit,
										   reader);
	}
}

/* Where nothing says what anything brings, that is said, once for each stored version and session. */
static void
notice_no_values(const RecoAnswering *a)
{
	if (a->row != NULL && reco_cache_notice_once(a->model, RECO_NOTICE_NO_VALUES))
		ereport(NOTICE,
				(errmsg("model \"%s\" knows no values: value_weight changes nothing", a->row->name),
				 errhint("Give reco.add_items a price or a margin, or reco.add_orders a unit_price or an amount, and train again.")));
}

/* An order by value is asked for: what pieces bring is to be known.  Returns whether the customer's lines are to carry amounts. */
bool
reco_rerank_begin(RecoAnswering *a)
{
	a->unit_kind = reco_rerank_unit_kind(a);
	if (a->unit_kind == RECO_UNIT_NONE && a->model->usual_price == NULL)
		notice_no_values(a);
	return reco_usual_wants_amounts(a->model);
}

static double *
read_all(const RecoAnswering *a, RecoUnitKind kind)
{
	UnitReader	reader = {.model = a->model,.kind = kind};
	int32		i;

	reader.units = palloc_extended(mul_size(Max(a->model->items, 1), sizeof(double)), MCXT_ALLOC_HUGE);
	for (i = 0; i < a->model->items; i++)
		reader.units[i] = NAN;
	read_units(a, &reader, NULL);
	return reader.units;
}

/* What a piece of each item of the model brings, in the current memory context; NULL where nobody says. */
double *
reco_rerank_all_units(const RecoAnswering *a)
{
	RecoUnitKind kind = reco_rerank_unit_kind(a);

	return kind != RECO_UNIT_NONE ? read_all(a, kind) : NULL;
}

/* What it costs where there is no offer, NaN where nobody says; the same. */
double *
reco_rerank_all_prices(const RecoAnswering *a)
{
	return read_all(a, RECO_UNIT_PRICE);
}

/* What a piece of each item of the pool brings or costs: from known, by item, where all were read, else asking the shop. */
static double *
read_pool(const RecoAnswering *a, const RecoPool *pool, RecoUnitKind kind, const double *known)
{
	UnitReader	reader = {a->model, kind, palloc(mul_size(Max(pool->n, 1), sizeof(double))), NULL, pool->n};
	RecoKey    *keys;
	int			i;

	for (i = 0; i < pool->n; i++)
		reader.units[i] = known != NULL ? known[pool->items[i].item] : NAN;
	if (known != NULL || pool->n == 0)
		return reader.units;
	keys = palloc(mul_size(pool->n, sizeof(RecoKey)));
	reader.by_item = palloc(mul_size(pool->n, sizeof(*reader.by_item)));
	for (i = 0; i < pool->n; i++)
	{
		keys[i] = reco_answering_item_key(a->model, pool->items[i].item);
		reader.by_item[i] = &pool->items[i];
	}
	qsort(reader.by_item, pool->n, sizeof(*reader.by_item), compare_items);
	read_units(a, &reader, keys);
	return reader.units;
}

/* What pieces bring, for an order by value, and what they cost, where that is told or needed; offers do not count yet. */
static void
read_facts(const RecoAnswering *a, double value_weight, RecoPool *pool)
{
	RecoUnitKind kind = value_weight > 0 ? a->unit_kind : RECO_UNIT_NONE;
	const double *units = kind != RECO_UNIT_NONE ? read_pool(a, pool, kind, a->units) : NULL;
	const double *prices = kind == RECO_UNIT_PRICE ? units
		: a->offers != NULL ? read_pool(a, pool, RECO_UNIT_PRICE, a->prices) : NULL;
	int			i;

	for (i = 0; i < pool->n; i++)
	{
		RecoPoolItem *item = &pool->items[i];

		item->unit = units != NULL ? units[item->place] : NAN;
		item->price = prices != NULL ? prices[item->place] : NAN;
	}
}

/* --- orders ------------------------------------------------------------------------------------------------ */

/* The mean of what is known, for what is not; 1 where nothing is. */
static double
mean_value(const RecoPool *pool)
{
	double		sum = 0;
	int			known = 0;
	int			i;

	for (i = 0; i < pool->n; i++)
		if (!isnan(pool->items[i].value))
		{
			sum += Max(pool->items[i].value, 0);
			known++;
		}
	return known > 0 ? sum / known : 1;
}

static int
compare_keys(const void *a, const void *b)
{
	const RecoPoolItem *x = a;
	const RecoPoolItem *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->key != y->key)
		return x->key > y->key ? -1 : 1;
	return x->place - y->place;
}

/*
 * The key of each item, by which the largest are first: p v^weight, v from what a piece brings and what the customer usually
 * takes.  Where no probability is known the score stands for it, with a weight as 0 where it is less.  What brings nothing, or
 * less, is last; an item of which nothing is known is worth as much as the others on average.
 */
void
reco_rerank_set_keys(const RecoUsual *usual, RecoUnitKind kind, double weight, RecoPool *pool)
{
	double		otherwise;
	int			i;

	for (i = 0; i < pool->n; i++)
		pool->items[i].key = isnan(pool->items[i].probability) ? pool->items[i].score : pool->items[i].probability;
	if (!(weight > 0))
		return;
	for (i = 0; i < pool->n; i++)
		pool->items[i].value = reco_usual_value(usual, pool->items[i].item, pool->items[i].unit, kind);
	otherwise = mean_value(pool);
	for (i = 0; i < pool->n; i++)
	{
		RecoPoolItem *item = &pool->items[i];
		double		value = isnan(item->value) ? otherwise : Max(item->value, 0);

		item->key = Max(item->key, 0) * pow(value, weight);
	}
}

/* Into the order of keys, where they are alike as they are now. */
void
reco_rerank_sort(RecoPool *pool)
{
	qsort(pool->items, pool->n, sizeof(RecoPoolItem), compare_keys);
}

/*
 * Put the pool into the order that is asked for, and let what is known of its items now be told.  Errors: what reading the
 * sources raises.
 */
void
reco_rerank_order(RecoAnswering *a, const RecoUsual *usual, double value_weight, RecoPool *pool)
{
	if (value_weight <= 0 && a->offers == NULL)
		return;
	read_facts(a, value_weight, pool);
	reco_offers_apply(a, pool);
	if (value_weight > 0)
	{
		reco_rerank_set_keys(usual, a->unit_kind, value_weight, pool);
		reco_rerank_sort(pool);
	}
}

/* An item of the pool as a row of the answer. */
RecoRecommendation
reco_rerank_row(const RecoAnswering *a, const RecoPoolItem *item)
{
	return (RecoRecommendation) {
		.item = item->item,.score = item->score,.probability = item->probability,.value = item->value,
		.price = item->price,.offer = item->offer,.source = reco_answering_source(a, item->item)
	};
}
