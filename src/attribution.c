/*
 * attribution.c: finds the purchases of items that were shown to the customer shortly before.
 *
 * A purchase is of a recommended item where an impression had the item, was to the order's customer, and was made at most the
 * window's length before the order, or at its time.  That the one led to the other is not said: see docs.
 *
 * Purchases of known customers are sorted by customer, item and time; impressions pass by once, each marks what it can.
 */
#include "postgres.h"

#include "attribution.h"

#include "catalog/pg_type.h"
#include "impressions.h"
#include "interrupts.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* A line of a known customer. */
typedef struct Purchase
{
	int32		user;
	int32		item;
	TimestampTz at;				/* of the order */
	int64		line;
} Purchase;

typedef struct Marking
{
	const RecoLedger *ledger;
	Purchase   *purchases;
	int64		n;
	int64		window;			/* microseconds */
	bool	   *is_recommended;
} Marking;

static int
compare_purchases(const void *a, const void *b)
{
	const Purchase *x = a;
	const Purchase *y = b;

	CHECK_FOR_INTERRUPTS();
	if (x->user != y->user)
		return x->user < y->user ? -1 : 1;
	if (x->item != y->item)
		return x->item < y->item ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

static void
list_purchases(RecoBudget *budget, Marking *marking, TimestampTz since, TimestampTz until)
{
	const RecoLedger *ledger = marking->ledger;
	int64		i;

	marking->purchases = reco_budget_alloc(budget, ledger->n_lines, sizeof(Purchase), "recommended items");
	for (i = 0; i < ledger->n_lines; i++)
	{
		const RecoLedgerLine *line = &ledger->lines[i];
		const RecoLedgerOrder *order = &ledger->orders[line->order];

		RECO_CHECK_INTERRUPTS(i);
		if (order->user >= 0 && order->at >= since && order->at < until)
			marking->purchases[marking->n++] = (Purchase) {order->user, line->item, order->at, i};
	}
	qsort(marking->purchases, marking->n, sizeof(Purchase), compare_purchases);
}

/* The number of a key in its text form, -1 for one that no line has. */
static int32
find_key(const RecoIdMap *keys, Datum text)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(text);
	RecoValue	key = {.bytes = VARDATA_ANY(bytes),.length = VARSIZE_ANY_EXHDR(bytes)};
	char	   *digits;
	char	   *end;

	if (reco_idmap_is_integer(keys))
	{
		digits = pnstrdup(key.bytes, key.length);
		errno = 0;
		key.integer = strtoi64(digits, &end, 10);
		if (errno != 0 || end == digits || *end != '\0')
			return -1;
	}
	return reco_idmap_find(keys, &key);
}

static void
mark(const Marking *marking, int32 user, int32 item, TimestampTz shown)
{
	const Purchase from = {.user = user,.item = item,.at = shown};
	int64		first = 0;
	int64		last = marking->n;

	while (first < last)
	{
		int64		middle = first + (last - first) / 2;

		if (compare_purchases(&marking->purchases[middle], &from) < 0)
			first = middle + 1;
		else
			last = middle;
	}
	for (; first < marking->n; first++)
	{
		const Purchase *purchase = &marking->purchases[first];

		if (purchase->user != user || purchase->item != item || purchase->at - shown > marking->window)
			break;
		marking->is_recommended[purchase->line] = true;
	}
}

static void
receive_impression(void *arg, TupleTableSlot *slot, MemoryContext row_context)
{
	const Marking *marking = arg;
	MemoryContext old_context = MemoryContextSwitchTo(row_context);
	bool		is_null;
	int32		user;
	Datum	   *items;
	bool	   *nulls;
	int			n;
	int			i;

	slot_getallattrs(slot);
	user = find_key(marking->ledger->users, slot->tts_values[0]);
	if (user >= 0)
	{
		TimestampTz shown = DatumGetTimestampTz(slot_getattr(slot, 3, &is_null));

		deconstruct_array(DatumGetArrayTypeP(slot->tts_values[1]), TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls, &n);
		for (i = 0; i < n; i++)
		{
			int32		item = nulls[i] ? -1 : find_key(marking->ledger->items, items[i]);

			if (item >= 0)
				mark(marking, user, item, shown);
		}
	}
	MemoryContextSwitchTo(old_context);
}

/*
 * Which lines of orders from since on and before until are of items that a model's impressions showed, at most so many
 * microseconds before.  Memory: the budget's.  Errors: configuration_limit_exceeded.
 */
RecoAttribution *
reco_attribution_read(RecoBudget *budget, const RecoLedger *ledger, const char *model, TimestampTz since, TimestampTz until,
					  int64 window)
{
	RecoAttribution *attribution = reco_budget_alloc(budget, 1, sizeof(RecoAttribution), "recommended items");
	Marking		marking = {.ledger = ledger,.window = window};

	attribution->begin = reco_impressions_begin(model);
	attribution->is_recommended = reco_budget_alloc(budget, ledger->n_lines, sizeof(bool), "recommended items");
	if (attribution->begin == DT_NOEND)
		return attribution;
	marking.is_recommended = attribution->is_recommended;
	list_purchases(budget, &marking, since, until);
	reco_impressions_read(model, since == DT_NOBEGIN ? DT_NOBEGIN : since - window, until, receive_impression, &marking);
	reco_budget_free(budget, marking.purchases);
	return attribution;
}
