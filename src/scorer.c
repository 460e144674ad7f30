/*
 * scorer.c: the answers for some customers among many, from order lines that have been read.
 *
 * The leader of recommend_all and its parallel workers run it alike: whatever it needs is handed over, and it looks at
 * no catalog, no setting and no cache.
 */
#include "postgres.h"

#include "scorer.h"

#include "request_labels.h"
#include "history.h"
#include "miscadmin.h"
#include "offers.h"
#include "rerank.h"
#include "shelf.h"
#include "utils/memutils.h"

#define MAX_BATCH		16			/* customers whose scans share a pass over the items */
#define BATCH_BYTES		((Size) 8 * 1024 * 1024)	/* of their best items, at most */

/* A customer of the batch at hand. */
typedef struct Asked
{
	RecoAnswering a;			/* with his evidence */
	uint64	   *skip;			/* bitmap of what must not come back; his own where purchases are excluded */
	int32	   *purchased;		/* bits that were set for him alone */
	int64		n_purchased;
	RecoTopEntry *top;
	RecoUsual	usual;			/* only with a value_weight */
	RecoOffers	offers;			/* to him; only where the model has a source of them */
	RecoItemList paused;		/* only with rules */
} Asked;

struct RecoScorer
{
	RecoScorerTask task;
	const RecoEverybody *everybody;
	RecoAnswering *a;			/* folds in one customer after another */
	int			batch;
	uint64	   *skip;			/* bitmap of what must not come back, whoever asks */
	Asked	   *asked;			/* [batch] */
	MemoryContext batch_context;	/* emptied after each batch */
};

/* The most rows that a customer can get; at least 1, to have room for. */
int32
reco_scorer_most_rows(const RecoModel *model, const RecoScorerTask *task)
{
	return Max(Min(task->k, model->items), 1);
}

/* How many of the best items are looked at, to have room for. */
static int32
depth(const RecoModel *model, const RecoScorerTask *task)
{
	return Max(Min(reco_rerank_depth(task->k, task->value_weight), model->items), 1);
}

static Size
skip_bytes(const RecoModel *model)
{
	return mul_size((Size) model->items / 64 + 1, sizeof(uint64));
}

static int
batch_size(const RecoModel *model, const RecoScorerTask *task)
{
	Size		top = mul_size(depth(model, task), sizeof(RecoTopEntry));

	return (int) Max(Min(BATCH_BYTES / top, MAX_BATCH), 1);
}

/* Bytes that a scorer takes, but for what the longest histories need. */
Size
reco_scorer_memory(const RecoModel *model, const RecoScorerTask *task)
{
	Size		customer = mul_size(depth(model, task), sizeof(RecoTopEntry) + (task->value_weight > 0 ? sizeof(double) : 0));
	Size		pool = mul_size(depth(model, task), sizeof(RecoPoolItem));

	return add_size(pool, mul_size(add_size(add_size(customer, skip_bytes(model)), sizeof(Asked)), batch_size(model, task)));
}

/* How many customers can be answered at once; more than one go faster. */
int
reco_scorer_batch(const RecoScorer *scorer)
{
	return scorer->batch;
}

static uint64 *
copy_skip(const RecoModel *model, const uint64 *skip)
{
	uint64	   *copy = palloc_extended(skip_bytes(model), MCXT_ALLOC_HUGE);

	memcpy(copy, skip, skip_bytes(model));
	return copy;
}

/*
 * In the current memory context; model and everybody must live as long, and units and prices (what pieces bring and cost, or
 * NULL); skip (a bitmap over the items) is copied.
 */
RecoScorer *
reco_scorer_create(const RecoModel *model, const RecoKernels *kernels, const RecoScorerTask *task, const uint64 *skip,
				   const RecoEverybody *everybody, const double *units, const double *prices)
{
	RecoScorer *scorer = palloc0(sizeof(RecoScorer));
	int			i;

	scorer->task = *task;
	scorer->everybody = everybody;
	scorer->a = reco_answering_create(model, kernels, task->as_of);
	scorer->a->reader.timezone = scorer->task.timezone;
	scorer->a->unit_kind = task->unit_kind;
	scorer->a->units = units;
	scorer->a->prices = prices;
	scorer->batch = batch_size(model, task);
	scorer->skip = task->shelf != NULL ? copy_skip(model, skip) : NULL;
	scorer->asked = palloc0(mul_size(scorer->batch, sizeof(Asked)));
	for (i = 0; i < scorer->batch; i++)
	{
		scorer->asked[i].skip = i == 0 || task->exclude_purchased || task->shelf != NULL ? copy_skip(model, skip)
			: scorer->asked[0].skip;
		scorer->asked[i].top = palloc_extended(mul_size(depth(model, task), sizeof(RecoTopEntry)), MCXT_ALLOC_HUGE);
	}
	scorer->batch_context = AllocSetContextCreate(CurrentMemoryContext, "reco customers", ALLOCSET_DEFAULT_SIZES);
	return scorer;
}

/* Purchased items are skipped for this customer alone; purchased remembers which bits were set for that. */
static int64
skip_purchased(uint64 *skip, const RecoLine *lines, int64 n, int32 *purchased)
{
	int64		n_purchased = 0;
	int64		i;

	for (i = 0; i < n; i++)
	{
		int32		item = lines[i].item;
		uint64		bit = UINT64CONST(1) << (item % 64);

		if (lines[i].quantity <= 0 || (skip[item / 64] & bit))
			continue;
		skip[item / 64] |= bit;
		purchased[n_purchased++] = item;
	}
	return n_purchased;
}

/* Before lines are sorted they take up what they came to. */
static void
take_up_amounts(const RecoScorerCustomer *customer)
{
	int64		i;

	for (i = 0; i < customer->n_lines && customer->amounts != NULL; i++)
		reco_lines_set_amount(&customer->lines[i], customer->amounts[i]);
}

/* The query of a customer, and what else his answer needs. */
static void
ask(RecoScorer *scorer, RecoScorerCustomer *customer, Asked *asked)
{
	const RecoScorerTask *task = &scorer->task;
	int64		n = customer->n_lines;
	RecoHistory history = {.memory = CurrentMemoryContext,.lines = customer->lines,.capacity = n};
	RecoEvidence evidence;

	take_up_amounts(customer);
	history.n = reco_history_keep_newest(customer->lines, n, task->exclude_purchased || task->shelf != NULL ? PG_INT64_MAX
										 : task->history_limit);
	asked->purchased = NULL;
	asked->n_purchased = 0;
	if (task->exclude_purchased)
	{
		asked->purchased = palloc_extended(mul_size(Max(n, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
		asked->n_purchased = skip_purchased(asked->skip, history.lines, history.n, asked->purchased);
	}
	if (task->shelf != NULL)
		asked->paused = reco_shelf_paused(task->shelf, scorer->a->model, history.lines, history.n);
	if (task->value_weight > 0)
		reco_usual_make(scorer->a->model, history.lines, history.n, &asked->usual);
	reco_history_cut(&history, task->history_limit);
	reco_history_set_times(&history, scorer->a->model, task->timezone);
	reco_asking_clear(&evidence, task->as_of);
	reco_request_labels_set_context(scorer->a, NULL, &evidence);
	reco_everybody_tell(scorer->everybody, customer->user, &evidence);
	evidence.lines = history.lines;
	evidence.n_lines = history.n;
	evidence.contexts = (const int32 (*)[RECO_MAX_CONTEXTS]) history.contexts;
	evidence.n_contexts = history.n_contexts;
	reco_answering_ask(scorer->a, &evidence);
	asked->a = *scorer->a;
	if (task->has_offers)
	{
		asked->offers = reco_everybody_offers(scorer->everybody, customer->user);
		asked->a.offers = &asked->offers;
	}
}

static void
fill_rows(const RecoScorerTask *task, Asked *asked, const RecoTopQuery *query, RecoScorerCustomer *customer)
{
	RecoPool	pool = reco_rerank_pool(&asked->a, query->out, query->found);
	int			i;

	reco_rerank_order(&asked->a, &asked->usual, task->value_weight, &pool);
	customer->found = Min(pool.n, task->k);
	for (i = 0; i < customer->found; i++)
		customer->rows[i] = reco_rerank_row(&asked->a, &pool.items[i]);
	for (i = 0; i < asked->n_purchased; i++)
		asked->skip[asked->purchased[i] / 64] &= ~(UINT64CONST(1) << (asked->purchased[i] % 64));
	pfree(pool.items);
}

/* The same by rules, for which each customer is searched for by himself. */
static void
fill_by_rules(const RecoScorer *scorer, const Asked *asked, RecoScorerCustomer *customer)
{
	const RecoScorerTask *task = &scorer->task;
	RecoSearch	search = {.a = &asked->a,.skip = asked->skip};
	RecoShelfRequest request = {task->k, task->value_weight, &asked->usual, asked->paused};

	customer->found = reco_shelf_fill(task->shelf, &search, &request, customer->rows);
	memcpy(asked->skip, scorer->skip, skip_bytes(scorer->a->model));
}

/*
 * The best items for each of at most reco_scorer_batch customers.
 */
void
reco_scorer_answer(RecoScorer *scorer, RecoScorerCustomer *customers, int n)
{
	MemoryContext old_context = MemoryContextSwitchTo(scorer->batch_context);
	const RecoModel *model = scorer->a->model;
	RecoTopQuery queries[MAX_BATCH];
	int			i;

	for (i = 0; i < n; i++)
	{
		Asked	   *asked = &scorer->asked[i];

		ask(scorer, &customers[i], asked);
		queries[i] = reco_scoring_query(&asked->a.mix, asked->skip, depth(model, &scorer->task), asked->top);
		CHECK_FOR_INTERRUPTS();
	}
	if (scorer->task.shelf == NULL)
		reco_foldin_check_status(reco_topk_scan(&scorer->a->run, model->y, model->items, model->factors, model->screen,
												queries, n), "scan");
	for (i = 0; i < n; i++)
		if (scorer->task.shelf == NULL)
			fill_rows(&scorer->task, &scorer->asked[i], &queries[i], &customers[i]);
		else
			fill_by_rules(scorer, &scorer->asked[i], &customers[i]);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(scorer->batch_context);
}
