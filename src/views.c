/*
 * views.c: turns the events of a session into weighted items.
 *
 * A session is a basket that nobody has decided on yet: its items are entries of the basket's bag, so that factors and
 * complements answer them.  What an item counts depends on how many other items were looked at since, not on how many
 * events or minutes ago that was:
 *
 *		in the bag         strength x weight of the event x decay^place
 *		by itself          weight of the event / (1 + place)
 *
 * place is 0 for the item looked at last, and of an item's events the one that weighs most counts.  The second line is
 * what the chance looks like that an item is taken that was looked at (src/README has the measurements).
 *
 * A kind of event that training has not seen weighs as much as the least of those it has, or 1 where there are none.
 */
#include "postgres.h"

#include "views.h"

#include <math.h>

/* An item of a session. */
typedef struct Looked
{
	int32		item;
	int			place;
	double		weight;			/* of its event that weighs most */
} Looked;

static int
compare_looked(const void *a, const void *b)
{
	const Looked *x = a;
	const Looked *y = b;

	return (x->item > y->item) - (x->item < y->item);
}

static double
event_weight(const RecoEventWeights *weights, int event)
{
	double		least = 1;
	int			k;

	if (event >= 0 && event < weights->n)
		return weights->weights[event];
	for (k = 0; k < weights->n; k++)
		least = Min(least, weights->weights[k]);
	return least;
}

/* The items of a session, ascending; views come newest first. */
static int
list_items(const RecoView *views, int n, const RecoEventWeights *weights, Looked *items)
{
	int			found = 0;
	int			i;
	int			j;

	for (i = 0; i < Min(n, RECO_MAX_VIEWS); i++)
	{
		for (j = 0; j < found && items[j].item != views[i].item; j++)
			;
		if (j == found)
		{
			items[found] = (Looked) {views[i].item, found, 0};
			found++;
		}
		items[j].weight = Max(items[j].weight, event_weight(weights, views[i].event));
	}
	qsort(items, found, sizeof(Looked), compare_looked);
	return found;
}

/*
 * The bag of a session, each item once and in the order of items; entries has room for n.  Returns how many there are.
 */
int
reco_views_bag(const RecoView *views, int n, const RecoEventWeights *weights, double strength, double decay, RecoEntry *entries)
{
	Looked		items[RECO_MAX_VIEWS];
	int			found = list_items(views, n, weights, items);
	int			kept = 0;
	int			i;

	for (i = 0; i < found; i++)
	{
		float		weight = (float) (strength * items[i].weight * pow(decay, items[i].place));

		if (weight > 0)
			entries[kept++] = (RecoEntry) {items[i].item, weight};
	}
	return kept;
}

/*
 * What the items of a session are worth by themselves; otherwise the same.
 */
int
reco_views_list(const RecoView *views, int n, const RecoEventWeights *weights, RecoEntry *entries)
{
	Looked		items[RECO_MAX_VIEWS];
	int			found = list_items(views, n, weights, items);
	int			i;

	for (i = 0; i < found; i++)
		entries[i] = (RecoEntry) {items[i].item, (float) (items[i].weight / (1 + items[i].place))};
	return found;
}
