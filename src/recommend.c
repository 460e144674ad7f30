/*
 * recommend.c: answers a request.
 *
 *	1. find the model in the caller's snapshot, and check the caller's rights;
 *	2. read the evidence: the customer's newest lines, live, and the basket that came with the request;
 *	3. fold each bag in with its own lambda (foldin.c), and add the two vectors up;
 *	4. scan all items, or the candidates, leaving out what must not come back; what the shop's available expression
 *	   refuses is left out too, asking it only about the items at the top, until k are found;
 *	5. say for each row which evidence weighs most.
 *
 * Where nothing is known, popularity answers.
 */
#include "postgres.h"

#include "recommend.h"

#include <math.h>

#include "cache.h"
#include "catalog.h"
#include "foldin.h"
#include "guc.h"
#include "history.h"
#include "kernels.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "topk.h"

/* Items whose availability is asked in one query, beyond those wanted. */
#define AVAILABILITY_SLACK 16

typedef struct Answering
{
	const RecoRequest *request;
	RecoModelRow *row;
	RecoOptions options;
	List	   *sources;
	RecoReader	reader;
	const RecoModel *model;
	RecoFactors factors;
	RecoRun		run;
	RecoFoldIn *foldin;
	uint64	   *skip;			/* bitmap of items that must not come back */
	RecoVector	basket;
	RecoVector	history;
	double		history_weight;
	float		query[RECO_MAX_FACTORS];
	const float *bias;			/* popularity where nothing else is known, else NULL */
} Answering;

static const char *const source_names[] = {"basket", "personal", "popular"};

const char *
reco_recommend_source_name(RecoAnswerSource source)
{
	return source_names[source];
}

/* --- the model --------------------------------------------------------------------------------------------- */

static void
check_key_type(const Answering *a)
{
	const char *function = a->model->integer_keys ? "reco.recommend" : "reco.recommend_text";

	if (a->model->integer_keys != a->request->integer_keys)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" has %s keys", a->row->name, a->model->integer_keys ? "integer" : "text"),
				 errhint("Call %s instead.", function)));
}

static void
find_model(Answering *a)
{
	pg_uuid_t	blob;

	a->row = reco_catalog_find_model(a->request->model, RECO_READ_CALLER, false);
	reco_catalog_require(a->row, RECO_ACCESS_RECOMMEND);
	if (!reco_catalog_active_blob(a->row, &blob))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("model \"%s\" has not been trained", a->row->name),
				 errhint("SELECT * FROM reco.train('%s').", a->row->name)));
	a->model = reco_cache_get(a->row->name, &blob);
	check_key_type(a);
	a->options = reco_catalog_options(a->row);
	a->sources = reco_catalog_sources(a->row->name, RECO_READ_CALLER);
	a->reader.model = a->row->name;
	a->reader.owner = a->row->owner_oid;
	a->reader.timezone = a->row->timezone;
	a->reader.integer_keys = a->model->integer_keys;
	if (a->sources != NIL && !OidIsValid(a->row->owner_oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the owner \"%s\" of model \"%s\" does not exist", a->row->owner.role_name, a->row->name),
				 errhint("A superuser can give the model to another role with reco.set_owner.")));
	a->factors.items = a->model->items;
	a->factors.factors = a->model->factors;
	a->factors.y = a->model->y;
	a->factors.gram_diagonal = a->model->gram_diagonal;
	a->factors.unobserved = a->model->parameters[RECO_PARAMETER_UNOBSERVED];
	a->run = reco_foldin_run(reco_kernels_choose(reco_guc_kernel));
	a->foldin = reco_foldin_create(&a->factors, &a->run);
}

static int32
find_item(const RecoModel *model, const RecoKey *key)
{
	if (model->integer_keys)
		return reco_model_find_integer(model, key->integer);
	return reco_model_find_text(model, key->bytes, key->length);
}

static RecoKey
item_key(const RecoModel *model, int32 item)
{
	RecoKey		key = {0, NULL, 0};

	if (model->integer_keys)
		key.integer = model->keys[item];
	else
	{
		key.bytes = model->key_bytes + model->key_start[item];
		key.length = (int) (model->key_start[item + 1] - model->key_start[item]);
	}
	return key;
}

/* --- the evidence ------------------------------------------------------------------------------------------ */

static void
skip_item(Answering *a, int32 item)
{
	if (item >= 0)
		a->skip[item / 64] |= UINT64CONST(1) << (item % 64);
}

static void
skip_keys(Answering *a, const RecoKeyList *list)
{
	int			i;

	for (i = 0; i < list->n; i++)
		skip_item(a, find_item(a->model, &list->keys[i]));
}

static int
compare_items(const void *x, const void *y)
{
	int32		a = *(const int32 *) x;
	int32		b = *(const int32 *) y;

	return (a > b) - (a < b);
}

/* The basket's bag: a repeated id is a quantity, an unknown one is no evidence. */
static void
read_basket(Answering *a)
{
	const RecoKeyList *basket = &a->request->basket;
	int32	   *items = palloc(mul_size(Max(basket->n, 1), sizeof(int32)));
	RecoEntry  *entries = palloc(mul_size(Max(basket->n, 1), sizeof(RecoEntry)));
	int			known = 0;
	int			n = 0;
	int			i;
	int			j;

	for (i = 0; i < basket->n; i++)
	{
		items[known] = find_item(a->model, &basket->keys[i]);
		known += items[known] >= 0;
	}
	qsort(items, known, sizeof(int32), compare_items);
	for (i = 0; i < known; i = j)
	{
		for (j = i + 1; j < known && items[j] == items[i]; j++)
			;
		entries[n].item = items[i];
		entries[n++].weight = reco_lines_entry_weight(j - i);
	}
	reco_foldin_bag(a->foldin, entries, n, a->model->parameters[RECO_PARAMETER_BASKET_LAMBDA], &a->basket);
}

/*
 * When decay counts from.  A history that ended long ago would fade to nothing beside the basket, so it counts from its
 * own end.  Where the model's data ended long ago, that is said, once for each version and session.
 */
static TimestampTz
decay_clock(const Answering *a, TimestampTz newest, double half_life)
{
	static double noticed_clock = NAN;
	double		clock = a->model->parameters[RECO_PARAMETER_CLOCK];
	double		as_of = (double) a->request->as_of;
	double		span = half_life * (double) USECS_PER_DAY;

	if (isfinite(clock) && as_of - clock > span && clock != noticed_clock)
	{
		noticed_clock = clock;
		ereport(NOTICE,
				(errmsg("the newest order that model \"%s\" was trained on is %.0f days older than as_of",
						a->row->name, (as_of - clock) / (double) USECS_PER_DAY),
				 errhint("Purchases are weighted by their age at the newest one. Train again, or give as_of.")));
	}
	return as_of - (double) newest > span ? newest : a->request->as_of;
}

/*
 * Evidence is what was visible before as_of.  Where as_of is the transaction's now(), as by default, that means every
 * visible line up to this very moment, also of this transaction.
 */
static TimestampTz
evidence_end(const RecoRequest *request)
{
	if (request->as_of == GetCurrentTransactionStartTimestamp())
		return GetCurrentTimestamp() + 1;
	return request->as_of;
}

static void
read_history(Answering *a)
{
	const double *parameters = a->model->parameters;
	bool		alone = a->basket.is_zero;
	double		lambda = parameters[alone ? RECO_PARAMETER_ALONE_LAMBDA : RECO_PARAMETER_HISTORY_LAMBDA];
	double		half_life = parameters[alone ? RECO_PARAMETER_ALONE_HALF_LIFE : RECO_PARAMETER_HISTORY_HALF_LIFE];
	int64		limit = a->request->exclude_purchased ? PG_INT64_MAX : a->options.history_limit;
	RecoHistory *history;
	RecoEntry  *entries;
	int64		n;
	int64		i;

	a->history_weight = alone ? 1 : parameters[RECO_PARAMETER_HISTORY_WEIGHT];
	a->history.is_zero = true;
	if (!a->request->has_user)
		return;
	history = reco_history_read(&a->reader, a->sources, a->model, &a->request->user, evidence_end(a->request), limit);
	for (i = 0; a->request->exclude_purchased && i < history->n; i++)
		if (history->lines[i].quantity > 0)
			skip_item(a, history->lines[i].item);
	reco_history_cut(history, a->options.history_limit);
	if (history->n == 0)
		return;
	entries = palloc_extended(mul_size(history->n, sizeof(RecoEntry)), MCXT_ALLOC_HUGE);
	n = reco_lines_bag(history->lines, history->n, decay_clock(a, reco_history_newest(history), half_life), half_life, entries);
	reco_foldin_bag(a->foldin, entries, n, lambda, &a->history);
}

static void
read_evidence(Answering *a)
{
	a->skip = palloc0(mul_size((Size) a->model->items / 64 + 1, sizeof(uint64)));
	skip_keys(a, &a->request->basket);
	skip_keys(a, &a->request->exclude);
	read_basket(a);
	read_history(a);
	reco_foldin_combine(a->foldin, &a->basket, &a->history, a->history_weight, a->query);
	if (a->basket.is_zero && a->history.is_zero)
		a->bias = a->model->popularity;
}

/* --- availability ------------------------------------------------------------------------------------------ */

static bool
asks_availability(const Answering *a)
{
	ListCell   *cell;

	foreach(cell, a->sources)
		if (reco_definitions_column(lfirst(cell), RECO_ROLE_AVAILABLE) != NULL)
			return true;
	return false;
}

/* An item and its place in the list that is asked about. */
typedef struct Place
{
	int32		item;
	int32		index;
} Place;

typedef struct AvailabilityReader
{
	const RecoModel *model;
	Place	   *places;			/* by item */
	int			n;
	bool	   *available;		/* by index */
} AvailabilityReader;

static int
compare_places(const void *a, const void *b)
{
	return compare_items(&((const Place *) a)->item, &((const Place *) b)->item);
}

static void
receive_availability(void *arg, const RecoValue *values)
{
	AvailabilityReader *reader = arg;
	RecoKey		key;
	Place		wanted = {-1, -1};
	Place	   *place;

	if (values[0].is_null || values[1].is_null || !values[1].integer)
		return;
	key.integer = values[0].integer;
	key.bytes = values[0].bytes;
	key.length = values[0].length;
	wanted.item = find_item(reader->model, &key);
	place = bsearch(&wanted, reader->places, reader->n, sizeof(Place), compare_places);
	if (place != NULL)
		reader->available[place->index] = true;
}

/* Ask the shop which of some items are available now: those for which some row says so. */
static bool *
ask_availability(const Answering *a, const RecoTopEntry *entries, int n)
{
	static const RecoRole roles[] = {RECO_ROLE_ITEM, RECO_ROLE_AVAILABLE};
	AvailabilityReader reader = {a->model, palloc(mul_size(Max(n, 1), sizeof(Place))), n, palloc0(Max(n, 1))};
	RecoKey    *keys = palloc(mul_size(Max(n, 1), sizeof(RecoKey)));
	ListCell   *cell;
	int			i;

	for (i = 0; i < n; i++)
	{
		keys[i] = item_key(a->model, entries[i].item);
		reader.places[i].item = entries[i].item;
		reader.places[i].index = i;
	}
	qsort(reader.places, n, sizeof(Place), compare_places);
	foreach(cell, a->sources)
		if (reco_definitions_column(lfirst(cell), RECO_ROLE_AVAILABLE) != NULL)
			(void) reco_sources_read_items(&a->reader, lfirst(cell), roles, lengthof(roles), keys, n,
										   receive_availability, &reader);
	pfree(keys);
	pfree(reader.places);
	return reader.available;
}

/* --- the answer -------------------------------------------------------------------------------------------- */

/* The candidates that the model knows, each once and ascending. */
static int
find_candidates(const Answering *a, int32 *items)
{
	const RecoKeyList *candidates = &a->request->candidates;
	int			known = 0;
	int			n = 0;
	int			i;

	for (i = 0; i < candidates->n; i++)
	{
		items[known] = find_item(a->model, &candidates->keys[i]);
		known += items[known] >= 0;
	}
	qsort(items, known, sizeof(int32), compare_items);
	for (i = 0; i < known; i++)
		if (i == 0 || items[i] != items[i - 1])
			items[n++] = items[i];
	return n;
}

static int
drop_skipped(const Answering *a, int32 *items, int n)
{
	int			kept = 0;
	int			i;

	for (i = 0; i < n; i++)
		if (((a->skip[items[i] / 64] >> (items[i] % 64)) & 1) == 0)
			items[kept++] = items[i];
	return kept;
}

/* The best items that are not skipped, at most as many as wanted; candidates that are skipped are dropped for good. */
static int
scan(const Answering *a, int32 *candidates, int *n_candidates, int wanted, RecoTopEntry *top)
{
	int			found = 0;
	RecoStatus	status;

	if (candidates != NULL)
	{
		*n_candidates = drop_skipped(a, candidates, *n_candidates);
		status = reco_topk_list(&a->run, a->model->y, a->model->items, a->model->factors, a->query, a->bias,
								candidates, *n_candidates, wanted, top, &found);
	}
	else
		status = reco_topk_scan(&a->run, a->model->y, a->model->items, a->model->factors, a->query, a->bias, a->skip,
								wanted, top, &found);
	reco_foldin_check_status(status, "scan");
	return found;
}

/* Which evidence says most for an item. */
static RecoAnswerSource
main_source(const Answering *a, int32 item)
{
	double		basket;
	double		history;

	if (a->bias != NULL)
		return RECO_ANSWER_POPULAR;
	if (a->history.is_zero)
		return RECO_ANSWER_BASKET;
	if (a->basket.is_zero)
		return RECO_ANSWER_PERSONAL;
	basket = reco_ials_score(&a->factors, item, a->basket.x);
	history = a->history_weight * reco_ials_score(&a->factors, item, a->history.x);
	return basket >= history ? RECO_ANSWER_BASKET : RECO_ANSWER_PERSONAL;
}

static void
add_row(const Answering *a, RecoAnswer *answer, const RecoTopEntry *entry)
{
	RecoRecommendation *row = &answer->rows[answer->n++];

	row->item = entry->item;
	row->score = entry->score;
	row->source = main_source(a, entry->item);
}

/*
 * Fill the answer.  The order of items is total, so that scanning again without those already seen goes on where the
 * scan before ended; each round asks the shop about a few more, until k are available or none are left.
 */
static void
rank_items(Answering *a, RecoAnswer *answer)
{
	bool		live = asks_availability(a);
	int32	   *candidates = NULL;
	int			n_candidates = 0;
	int			most = a->model->items;
	int			slack = AVAILABILITY_SLACK;

	if (a->request->candidates.given)
	{
		candidates = palloc(mul_size(Max(a->request->candidates.n, 1), sizeof(int32)));
		most = n_candidates = find_candidates(a, candidates);
	}
	answer->rows = palloc_extended(mul_size(Max(Min(a->request->k, most), 1), sizeof(RecoRecommendation)), MCXT_ALLOC_HUGE);
	while (answer->n < a->request->k)
	{
		int			wanted = Min(a->request->k - answer->n + (live ? slack : 0), Max(most, 1));
		RecoTopEntry *top = palloc_extended(mul_size(wanted, sizeof(RecoTopEntry)), MCXT_ALLOC_HUGE);
		int			found = scan(a, candidates, &n_candidates, wanted, top);
		bool	   *available = live ? ask_availability(a, top, found) : NULL;
		int			i;

		for (i = 0; i < found; i++)
		{
			skip_item(a, top[i].item);
			if (answer->n < a->request->k && (available == NULL || available[i]))
				add_row(a, answer, &top[i]);
		}
		if (found < wanted || !live)
			break;
		slack = Min(slack * 4, PG_INT32_MAX / 8);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * The answer to a request, in the current memory context, for which the model stays pinned.  Errors: undefined_object,
 * insufficient_privilege, object_not_in_prerequisite_state (never trained), wrong_object_type (the model's keys),
 * data_corrupted, and what reading the sources raises.
 */
RecoAnswer *
reco_recommend(const RecoRequest *request)
{
	Answering  *a = palloc0(sizeof(Answering));
	RecoAnswer *answer = palloc0(sizeof(RecoAnswer));

	a->request = request;
	find_model(a);
	answer->model = a->model;
	read_evidence(a);
	rank_items(a, answer);
	return answer;
}
