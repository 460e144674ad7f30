/*
 * replay.c: asks a model and baselines again what later orders would have asked.
 *
 * Whoever is asked knows the customer's lines before the order's first one and, for a completion, the visible half of the
 * basket: nothing else of the order, and nothing of what came after.  The model is asked by the code of reco.recommend
 * (reco_recommend_from) as of that moment.  Baselines get the same evidence: the newest history_limit lines, after returns.
 */
#include "postgres.h"

#include "replay.h"

#include "request_labels.h"
#include <math.h>

#include "interrupts.h"
#include "kernels.h"
#include "portability/instr_time.h"
#include "recommend.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define SCAN_ITEMS 4096			/* at a time: some 100 us */

static const char *const kind_names[RECO_REQUEST_KINDS] = {"completion", "next basket"};

const char *
reco_replay_kind_name(RecoRequestKind kind)
{
	return kind_names[kind];
}

/* A completion needs something to see and something to find; the next basket is that of a known customer. */
bool
reco_replay_is_asked(const RecoTest *test, RecoRequestKind kind)
{
	return kind == RECO_REQUEST_COMPLETION ? test->n_visible > 0 : test->user >= 0;
}

/* --- the evidence ------------------------------------------------------------------------------------------ */

/* A line as a request reads it. */
static RecoLine
line_of(const RecoEvent *event, bool with_amounts)
{
	RecoLine	line = event->line;

	line.user = 0;
	if (with_amounts)
		reco_lines_set_amount(&line, event->value);
	return line;
}

/*
 * Of one source the newest lines, at most limit, of those from first to last, which are in the order of time.  Going back
 * from the end, no more are looked at than count, and those of the same moment as the last of these.
 */
static RecoHistory *
read_source(const RecoJournal *journal, int source, int64 first, int64 last, int64 limit, bool with_amounts)
{
	RecoHistory *history = reco_history_create();
	int64		i;

	for (i = last - 1; i >= first; i--)
	{
		const RecoEvent *event = &journal->events[i];
		RecoLine	line = line_of(event, with_amounts);

		RECO_CHECK_INTERRUPTS(i);
		if (event->source != source)
			continue;
		if (history->n >= limit && event->line.at < history->lines[history->n - 1].at)
			break;
		reco_history_add(history, &line);
	}
	reco_history_cut(history, limit);
	return history;
}

/* Behind the last of the events from first to last, which are in the order of time, that is before a time. */
static int64
find_time(const RecoJournal *journal, int64 first, int64 last, TimestampTz time)
{
	while (first < last)
	{
		int64		middle = first + (last - first) / 2;

		if (journal->events[middle].line.at < time)
			first = middle + 1;
		else
			last = middle;
	}
	return first;
}

/*
 * What a request at that time would have read of the customer, in the current memory context: the newest lines of each
 * source before it, at most limit, of which then those count that have a quantity and an item that the model knows (as in
 * history.c).  With amounts, lines carry what they came to.
 */
static RecoHistory *
read_history(const RecoJournal *journal, const RecoTest *test, const int32 *model_item, int64 limit, bool with_amounts)
{
	RecoHistory *history = reco_history_create();
	int64		first = test->user >= 0 ? journal->user_start[test->user] : 0;
	int64		last = test->user >= 0 ? find_time(journal, first, journal->user_start[test->user + 1], test->as_of) : 0;
	int			s;
	int64		i;

	for (s = 0; s < journal->n_sources; s++)
	{
		RecoHistory *newest = read_source(journal, s, first, last, limit, with_amounts);

		for (i = 0; i < newest->n; i++)
		{
			RecoLine	line = newest->lines[i];

			line.item = model_item[line.item];
			line.order = -1;
			if (line.item >= 0 && line.quantity != 0)
				reco_history_add(history, &line);
		}
		pfree(newest->lines);
		pfree(newest);
	}
	reco_history_cut(history, limit);
	return history;
}

static int
compare_purchases(const void *a, const void *b)
{
	const RecoPurchase *x = a;
	const RecoPurchase *y = b;

	if (x->at != y->at)
		return x->at > y->at ? -1 : 1;
	return (x->item > y->item) - (x->item < y->item);
}

static void
set_purchases(RecoSituation *situation, RecoHistory *history)
{
	RecoPurchase *purchases = palloc_extended(mul_size(Max(history->n, 1), sizeof(RecoPurchase)), MCXT_ALLOC_HUGE);
	RecoLine   *lines = history->lines;
	int			n = 0;
	int64		first;
	int64		last;
	int64		i;

	qsort(lines, history->n, sizeof(RecoLine), reco_lines_compare);
	for (first = 0; first < history->n; first = last)
	{
		for (last = first + 1; last < history->n && lines[last].item == lines[first].item; last++)
			;
		reco_lines_net_returns(lines + first, last - first);
		for (i = first; i < last; i++)
			if (lines[i].quantity > 0)
				purchases[n++] = (RecoPurchase) {lines[i].at, lines[i].item};
	}
	qsort(purchases, n, sizeof(RecoPurchase), compare_purchases);
	situation->purchases = purchases;
	situation->n_purchases = n;
}

static int
compare_int32(const void *a, const void *b)
{
	int32		x = *(const int32 *) a;
	int32		y = *(const int32 *) b;

	return (x > y) - (x < y);
}

static void
set_basket(RecoSituation *situation, const RecoTests *tests, const RecoTest *test, const int32 *model_item)
{
	int32	   *basket = palloc(mul_size(Max(test->n_visible, 1), sizeof(int32)));
	int			n = 0;
	int			i;

	for (i = 0; i < test->n_visible; i++)
		if (model_item[tests->items[test->first + i]] >= 0)
			basket[n++] = model_item[tests->items[test->first + i]];
	qsort(basket, n, sizeof(int32), compare_int32);
	situation->basket = basket;
	situation->n_basket = n;
}

/*
 * What baselines may know of each request, in the current memory context.
 */
RecoSituation *
reco_replay_situations(const RecoTests *tests, const int32 *model_item, int64 history_limit)
{
	RecoSituation *situations = palloc_extended(mul_size(Max(tests->n, 1), sizeof(RecoSituation)),
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int			t;

	for (t = 0; t < tests->n; t++)
	{
		const RecoTest *test = &tests->list[t];
		RecoHistory *history = read_history(tests->journal, test, model_item, history_limit, false);

		CHECK_FOR_INTERRUPTS();
		situations[t].as_of = test->as_of;
		situations[t].draw = test->draw;
		set_basket(&situations[t], tests, test, model_item);
		set_purchases(&situations[t], history);
		pfree(history->lines);
		pfree(history);
	}
	return situations;
}

/* --- one request ------------------------------------------------------------------------------------------- */

/* A request at hand, and room for its answer. */
typedef struct Asking
{
	const RecoReplay *replay;
	const RecoTest *test;
	const RecoSituation *situation;
	RecoRequestKind kind;
	uint64	   *skip;			/* what must not come back: not to be had, or visible */
	float	   *scores;			/* [items] */
	int32	   *wanted;			/* the model's numbers, ascending, of those that it knows */
	int32	   *wanted_places;	/* where each is among the order's items */
	int			n_known;
	int32	   *top;			/* [k] */
	double	   *top_scores;
	double	   *top_probabilities;
	int32	   *top_places;
	bool	   *hit;
	int			found;
	bool		beside_is_read;	/* what is stored beside lines, the same for all who are asked */
	RecoEvidence beside;
	TimestampTz lines_end;
} Asking;

static bool
is_set(const uint64 *bits, int32 item)
{
	return ((bits[item / 64] >> (item % 64)) & 1) != 0;
}

static void
set_bit(uint64 *bits, int32 item)
{
	bits[item / 64] |= UINT64CONST(1) << (item % 64);
}

static void
clear_bit(uint64 *bits, int32 item)
{
	bits[item / 64] &= ~(UINT64CONST(1) << (item % 64));
}

typedef struct Wanted
{
	int32		item;
	int32		place;
} Wanted;

static int
compare_wanted(const void *a, const void *b)
{
	return compare_int32(&((const Wanted *) a)->item, &((const Wanted *) b)->item);
}

/* Everything about a request that is the same for all who are asked. */
static void
begin_asking(Asking *asking, const RecoReplay *replay, int t, RecoRequestKind kind)
{
	const RecoTest *test = &replay->tests->list[t];
	int			first = kind == RECO_REQUEST_COMPLETION ? test->n_visible : 0;
	Wanted	   *list = palloc(mul_size(Max(test->n_items, 1), sizeof(Wanted)));
	int			n = 0;
	int			i;

	asking->test = test;
	asking->beside_is_read = false;
	asking->situation = &replay->situations[t];
	asking->kind = kind;
	for (i = first; i < test->n_items; i++)
	{
		int32		item = replay->model_item[replay->tests->items[test->first + i]];

		if (item >= 0)
			list[n++] = (Wanted) {item, i};
	}
	qsort(list, n, sizeof(Wanted), compare_wanted);
	asking->wanted = palloc(mul_size(Max(n, 1), sizeof(int32)));
	asking->wanted_places = palloc(mul_size(Max(n, 1), sizeof(int32)));
	for (i = 0; i < n; i++)
	{
		asking->wanted[i] = list[i].item;
		asking->wanted_places[i] = list[i].place;
	}
	asking->n_known = n;
	if (replay->unavailable != NULL)
		memcpy(asking->skip, replay->unavailable, ((Size) replay->items / 64 + 1) * sizeof(uint64));
	else
		memset(asking->skip, 0, ((Size) replay->items / 64 + 1) * sizeof(uint64));
	for (i = 0; i < asking->situation->n_basket && kind == RECO_REQUEST_COMPLETION; i++)
		set_bit(asking->skip, asking->situation->basket[i]);
}

static int
find_wanted(const Asking *asking, int32 item)
{
	int			low = 0;
	int			high = asking->n_known;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (asking->wanted[middle] < item)
			low = middle + 1;
		else
			high = middle;
	}
	return low < asking->n_known && asking->wanted[low] == item ? low : -1;
}

static void
put_top(Asking *asking, int32 item, double score, double probability)
{
	int			at = asking->found++;
	int			wanted = find_wanted(asking, item);

	asking->top[at] = item;
	asking->top_scores[at] = score;
	asking->top_probabilities[at] = probability;
	asking->hit[at] = wanted >= 0;
	asking->top_places[at] = wanted >= 0 ? asking->wanted_places[wanted] : -1;
}

/* --- baselines --------------------------------------------------------------------------------------------- */

/* The k items of highest score, ties by item number, by insertion into a short sorted list. */
static int
select_top(const Asking *asking, int32 *top)
{
	const float *scores = asking->scores;
	int			k = asking->replay->k;
	int			n = 0;
	int32		item;

	for (item = 0; item < asking->replay->items; item++)
	{
		int			at;

		RECO_CHECK_INTERRUPTS(item);
		if (!(scores[item] > -INFINITY) || (n == k && !(scores[item] > scores[top[n - 1]])) || is_set(asking->skip, item))
			continue;
		at = n < k ? n++ : k - 1;
		for (; at > 0 && scores[top[at - 1]] < scores[item]; at--)
			top[at] = top[at - 1];
		top[at] = item;
	}
	return n;
}

/* Go on with what is popular lately where an algorithm had too little to say: a shop would not show an empty list. */
static void
fill_up(Asking *asking)
{
	const RecoReplay *replay = asking->replay;
	int			listed = asking->found;
	int			i;

	for (i = 0; i < replay->n_fallback && asking->found < replay->k; i++)
	{
		int32		item = replay->fallback[i];
		bool		taken = is_set(asking->skip, item);
		int			j;

		for (j = 0; j < listed && !taken; j++)
			taken = asking->top[j] == item;
		if (!taken)
			put_top(asking, item, 0, NAN);
	}
}

static void
ask_algorithm(Asking *asking, const RecoContestant *contestant)
{
	const RecoReplay *replay = asking->replay;
	RecoSituation situation = *asking->situation;
	int32	   *top = palloc(mul_size(replay->k, sizeof(int32)));
	int			n;
	int			i;

	if (asking->kind == RECO_REQUEST_NEXT)
		situation.n_basket = 0;
	for (i = 0; i < replay->items; i++)
		asking->scores[i] = -INFINITY;
	contestant->algorithm->score(contestant->fitted[asking->kind], &situation, asking->scores);
	n = select_top(asking, top);
	for (i = 0; i < n; i++)
		put_top(asking, top[i], asking->scores[top[i]], NAN);
	if (contestant->algorithm->filled && replay->n_fallback > 0)
		fill_up(asking);
}

/* --- the model --------------------------------------------------------------------------------------------- */

static RecoKeyList
basket_keys(const RecoModel *model, const RecoSituation *situation)
{
	RecoKeyList list = {true, situation->n_basket, palloc(mul_size(Max(situation->n_basket, 1), sizeof(RecoKey)))};
	int			i;

	for (i = 0; i < situation->n_basket; i++)
		list.keys[i] = reco_answering_item_key(model, situation->basket[i]);
	return list;
}

/* The scores of all items for the request that was just answered, as the scan for its list had them. */
static void
score_all(const RecoAnswering *a, float *scores)
{
	size_t		stride = reco_stride(a->factors.factors);
	int32		item;
	int32		n;
	int			b;
	int			i;

	for (item = 0; item < a->factors.items; item += n)
	{
		CHECK_FOR_INTERRUPTS();
		n = Min(SCAN_ITEMS, a->factors.items - item);
		a->run.kernels->scan(a->factors.y + item * stride, stride, n, a->mix.query, NULL, scores + item);
	}
	for (item = 0; item < a->factors.items; item++)
	{
		RECO_CHECK_INTERRUPTS(item);
		for (b = 0; b < RECO_BIASES; b++)
			if (a->mix.biases[b] != NULL)
				scores[item] += a->mix.bias_weights[b] * a->mix.biases[b][item];
	}
	for (i = 0; i < a->mix.added.n; i++)
		scores[a->mix.added.entries[i].item] += a->mix.added.entries[i].score;
}

/*
 * What is stored of the customer beside his lines, which are at hand: read live, as of the order; and his reviews.
 */
static void
read_beside(Asking *asking, const RecoAnswering *a)
{
	RecoVisitor visitor = {.has_user = true};
	RecoValue	key;

	asking->beside_is_read = true;
	asking->lines_end = DT_NOEND;
	reco_asking_clear(&asking->beside, a->as_of);
	reco_request_labels_set_context(a, NULL, &asking->beside);
	if (asking->test->user < 0 || a->sources == NIL)
		return;
	key = reco_idmap_key(asking->replay->tests->journal->users, asking->test->user);
	visitor.user = (RecoKey) {key.integer, key.bytes, key.length};
	asking->lines_end = reco_evidence_read_beside(a, &visitor, &asking->beside);
	reco_judgements_set(asking->replay->judgements, asking->test->user, &asking->beside);
}

static void
ask_model(Asking *asking, const RecoContestant *contestant)
{
	const RecoReplay *replay = asking->replay;
	RecoAnswering *a = contestant->answering;
	RecoRequest request = {.k = replay->k,.as_of = asking->test->as_of,.value_weight = contestant->value_weight};
	RecoHistory *history = read_history(replay->tests->journal, asking->test, replay->model_item, a->options.history_limit,
										contestant->value_weight > 0 && reco_usual_wants_amounts(a->model));
	RecoEvidence evidence;
	RecoAnswer *answer;
	int			i;

	a->as_of = a->evidence_end = asking->test->as_of;
	if (!asking->beside_is_read)
		read_beside(asking, a);
	evidence = asking->beside;
	reco_history_set_times(history, a->model, a->reader.timezone);
	if (asking->lines_end == DT_NOBEGIN)
		history->n = 0;
	if (asking->kind == RECO_REQUEST_COMPLETION)
		request.visitor.basket = basket_keys(a->model, asking->situation);
	answer = reco_recommend_from(a, &request, history, &evidence, replay->unavailable);
	for (i = 0; i < answer->n; i++)
		put_top(asking, answer->rows[i].item, answer->rows[i].score, answer->rows[i].probability);
}

/* --- what came of it --------------------------------------------------------------------------------------- */

static int
compare_floats(const void *a, const void *b)
{
	float		x = *(const float *) a;
	float		y = *(const float *) b;

	return (x > y) - (x < y);
}

/*
 * The chance that a wanted item has a higher score than another that could have been shown, ties counting half (Hanley
 * and McNeil 1982).  Wanted items that nobody could know are left out.  Those that count are skipped like the basket while
 * the others are looked at.
 */
static double
list_auc(Asking *asking)
{
	float	   *sorted = palloc(mul_size(Max(asking->n_known, 1), sizeof(float)));
	int32	   *counted = palloc(mul_size(Max(asking->n_known, 1), sizeof(int32)));
	double		above = 0;
	int64		others = 0;
	int			n = 0;
	int32		item;
	int			i;

	for (i = 0; i < asking->n_known; i++)
		if (!is_set(asking->skip, asking->wanted[i]))
		{
			counted[n] = asking->wanted[i];
			sorted[n++] = asking->scores[asking->wanted[i]];
		}
	for (i = 0; i < n; i++)
		set_bit(asking->skip, counted[i]);
	qsort(sorted, n, sizeof(float), compare_floats);
	for (item = 0; item < asking->replay->items && n > 0; item++)
	{
		float		score = asking->scores[item];
		int			low = 0;
		int			ties = 0;

		RECO_CHECK_INTERRUPTS(item);
		if (is_set(asking->skip, item))
			continue;
		while (low < n && sorted[low] < score)
			low++;
		while (low + ties < n && sorted[low + ties] == score)
			ties++;
		above += n - low - 0.5 * ties;
		others++;
	}
	for (i = 0; i < n; i++)
		clear_bit(asking->skip, counted[i]);
	return n > 0 && others > 0 ? above / ((double) n * (double) others) : NAN;
}

static void
reply_to(Asking *asking, int contestant, bool has_probabilities, RecoReplyCallback callback, void *arg)
{
	RecoReply	reply = {.test = asking->test,.kind = asking->kind,.n = asking->found,.items = asking->top,
		.scores = asking->top_scores,.hit = asking->hit,.place = asking->top_places,.auc = NAN
	};

	reply.n_wanted = asking->test->n_items - (asking->kind == RECO_REQUEST_COMPLETION ? asking->test->n_visible : 0);
	if (has_probabilities)
		reply.probabilities = asking->top_probabilities;
	if (asking->replay->with_auc)
		reply.auc = list_auc(asking);
	callback(arg, contestant, &reply);
}

static void
ask(Asking *asking, RecoContestant *contestants, int c, RecoReplyCallback callback, void *arg)
{
	RecoContestant *contestant = &contestants[c];
	instr_time	start;
	instr_time	end;

	asking->found = 0;
	INSTR_TIME_SET_CURRENT(start);
	if (contestant->algorithm != NULL)
		ask_algorithm(asking, contestant);
	else
		ask_model(asking, contestant);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	contestant->seconds[asking->kind] += INSTR_TIME_GET_DOUBLE(end);
	if (asking->replay->with_auc && contestant->algorithm == NULL)
		score_all(contestant->answering, asking->scores);
	reply_to(asking, c, contestant->algorithm == NULL && contestant->variant == NULL, callback, arg);
}

/*
 * Ask every contestant every request, in the order of time, and hand each reply over; it lasts until the callback
 * returns, which is called in a memory context that lasts as long.
 */
void
reco_replay_run(const RecoReplay *replay, RecoContestant *contestants, int n, RecoReplyCallback callback, void *arg)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "reco request", ALLOCSET_DEFAULT_SIZES);
	Asking		asking = {.replay = replay};
	Size		k = replay->k;
	int			kind;
	int			t;
	int			c;

	asking.skip = palloc(mul_size((Size) replay->items / 64 + 1, sizeof(uint64)));
	asking.scores = palloc_extended(mul_size(Max(replay->items, 1), sizeof(float)), MCXT_ALLOC_HUGE);
	asking.top = palloc(mul_size(k, sizeof(int32)));
	asking.top_scores = palloc(mul_size(k, sizeof(double)));
	asking.top_probabilities = palloc(mul_size(k, sizeof(double)));
	asking.top_places = palloc(mul_size(k, sizeof(int32)));
	asking.hit = palloc(mul_size(k, sizeof(bool)));
	for (t = 0; t < replay->tests->n; t++)
	{
		for (kind = 0; kind < RECO_REQUEST_KINDS; kind++)
		{
			MemoryContext outer = MemoryContextSwitchTo(context);

			if (reco_replay_is_asked(&replay->tests->list[t], kind))
			{
				begin_asking(&asking, replay, t, kind);
				for (c = 0; c < n; c++)
					if (!contestants[c].silent[kind])
						ask(&asking, contestants, c, callback, arg);
			}
			MemoryContextSwitchTo(outer);
			MemoryContextReset(context);
		}
		CHECK_FOR_INTERRUPTS();
		reco_progress_advance(replay->progress, 1);
	}
	MemoryContextDelete(context);
}
