/*
 * prices.c: asks the shop's price or margin expressions, live.
 *
 * Of several rows of an item the lowest finite value counts: nobody pays less than what is said here.
 */
#include "postgres.h"

#include "prices.h"

#include <math.h>

#include "wanted.h"

typedef struct PriceReader
{
	const RecoWanted *wanted;
	double	   *prices;			/* by place */
} PriceReader;

static void
receive_price(void *arg, const RecoValue *values)
{
	PriceReader *reader = arg;
	RecoKey		key = {values[0].integer, values[0].bytes, values[0].length};
	int			place;
	int			i;

	if (values[0].is_null || values[1].is_null || !isfinite(values[1].number))
		return;
	for (i = reco_wanted_first(reader->wanted, &key); (place = reco_wanted_place(reader->wanted, i, &key)) >= 0; i++)
		reader->prices[place] = fmin(reader->prices[place], values[1].number);
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
		if (reco_definitions_item_column(lfirst(cell), role) != NULL)
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
	RecoWanted	wanted = reco_wanted_make(items, n, reader->integer_keys);
	PriceReader price_reader = {&wanted, palloc_extended(mul_size(Max(n, 1), sizeof(double)), MCXT_ALLOC_HUGE)};
	ListCell   *cell;
	int			i;

	for (i = 0; i < n; i++)
		price_reader.prices[i] = NAN;
	foreach(cell, sources)
		if (n > 0 && reco_definitions_item_column(lfirst(cell), role) != NULL)
			(void) reco_sources_read_items(reader, lfirst(cell), fields, lengthof(fields), items, n, receive_price, &price_reader);
	reco_wanted_free(&wanted);
	return price_reader.prices;
}
