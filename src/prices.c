/*
 * prices.c: asks the shop's price or margin expressions, live.
 *
 * Of several rows of an item the lowest finite value counts: nobody pays less than what is said here.
 */
#include "postgres.h"

#include "prices.h"

#include <math.h>

#include "miscadmin.h"

/* A key that is asked for, and its place in the list. */
typedef struct Wanted
{
	const RecoKey *key;
	int			index;
	bool		integer_keys;
} Wanted;

typedef struct PriceReader
{
	Wanted	   *wanted;			/* by key */
	int			n;
	bool		integer_keys;
	double	   *prices;			/* by index */
} PriceReader;

static int
compare_keys(const RecoKey *x, const RecoKey *y, bool integer_keys)
{
	int			order;

	if (integer_keys)
		return (x->integer > y->integer) - (x->integer < y->integer);
	order = memcmp(x->bytes, y->bytes, Min(x->length, y->length));
	return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

static int
compare_wanted(const void *a, const void *b)
{
	const Wanted *x = a;
	const Wanted *y = b;
	int			order;

	CHECK_FOR_INTERRUPTS();
	order = compare_keys(x->key, y->key, x->integer_keys);
	return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* The first of the wanted that has a key, which may be there several times; n where none has. */
static int
find_first(const PriceReader *reader, const RecoKey *key)
{
	int			low = 0;
	int			high = reader->n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (compare_keys(reader->wanted[middle].key, key, reader->integer_keys) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
receive_price(void *arg, const RecoValue *values)
{
	PriceReader *reader = arg;
	RecoKey		key = {values[0].integer, values[0].bytes, values[0].length};
	int			i;

	if (values[0].is_null || values[1].is_null || !isfinite(values[1].number))
		return;
	for (i = find_first(reader, &key); i < reader->n; i++)
	{
		double	   *price = &reader->prices[reader->wanted[i].index];

		if (compare_keys(reader->wanted[i].key, &key, reader->integer_keys) != 0)
			break;
		*price = isnan(*price) ? values[1].number : Min(*price, values[1].number);
	}
}

/* A sum of prices, which are decimal numbers, without what binary ones leave behind: 116.98 and not 116.97999999999999. */
double
reco_prices_round(double sum)
{
	double		millionths = rint(sum * 1e6);

	return fabs(millionths) < 1e15 ? millionths / 1e6 : sum;
}

/* Whether some source of items says so; role is RECO_ROLE_PRICE or RECO_ROLE_MARGIN. */
bool
reco_prices_are_known(List *sources, RecoRole role)
{
	ListCell   *cell;

	foreach(cell, sources)
		if (reco_definitions_column(lfirst(cell), role) != NULL)
			return true;
	return false;
}

/*
 * The price or margin of each of some items, NaN where nobody says, in the current memory context.  Errors: what reading
 * raises.
 */
double *
reco_prices_of(const RecoReader *reader, List *sources, RecoRole role, const RecoKey *items, int n)
{
	const RecoField fields[] = {{RECO_ROLE_ITEM, NULL}, {role, NULL}};
	PriceReader price_reader = {
		palloc_extended(mul_size(Max(n, 1), sizeof(Wanted)), MCXT_ALLOC_HUGE), n, reader->integer_keys,
		palloc_extended(mul_size(Max(n, 1), sizeof(double)), MCXT_ALLOC_HUGE)
	};
	ListCell   *cell;
	int			i;

	for (i = 0; i < n; i++)
	{
		price_reader.wanted[i] = (Wanted) {&items[i], i, reader->integer_keys};
		price_reader.prices[i] = NAN;
	}
	qsort(price_reader.wanted, n, sizeof(Wanted), compare_wanted);
	foreach(cell, sources)
		if (n > 0 && reco_definitions_column(lfirst(cell), role) != NULL)
			(void) reco_sources_read_items(reader, lfirst(cell), fields, lengthof(fields), items, n, receive_price, &price_reader);
	pfree(price_reader.wanted);
	return price_reader.prices;
}
