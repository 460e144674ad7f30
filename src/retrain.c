/*
 * retrain.c: trains a model on the past of a journal, as reco.train would have done at that time.
 *
 * The lines go into the same training as always, with the keys that they were read with: dictionaries, popularity,
 * half-lives, lambdas and calibration are made of the past alone, and the model has the bytes that reco.train gives with
 * the past's end as training_clock.  It is stored nowhere.
 */
#include "postgres.h"

#include "retrain.h"

#include "interrupts.h"
#include "publish.h"
#include "train.h"
#include "utils/memutils.h"

static RecoValue
key_or_null(const RecoIdMap *map, int32 number)
{
	static const RecoValue nothing = {.is_null = true};

	return number >= 0 ? reco_idmap_key(map, number) : nothing;
}

/* The past lines of one source; those without a key of their own in it were made orders by the journal. */
static void
add_source(RecoInteractions *interactions, const RecoJournal *journal, int number, const RecoPastFilter *filter)
{
	const RecoJournalSource *source = &journal->sources[number];
	RecoLineForm form = source->form;
	int64		i;

	form.has_quantity = true;
	form.before = DT_NOEND;
	reco_interactions_begin_orders(interactions, &form);
	for (i = 0; i < journal->n_events; i++)
	{
		const RecoEvent *event = &journal->events[i];
		RecoValue	values[RECO_LINE_COLUMNS] = {{.is_null = false}};
		int32		key = event->line.order >= 0 ? journal->orders[event->line.order].key : -1;

		RECO_CHECK_INTERRUPTS(i);
		if (event->source != number || event->line.quantity == 0 || !reco_split_is_past(filter, &event->line))
			continue;
		values[RECO_LINE_USER] = key_or_null(journal->users, event->line.user);
		values[RECO_LINE_ITEM] = reco_idmap_key(journal->items, event->line.item);
		values[RECO_LINE_ORDER] = key_or_null(source->orders, source->orders != NULL ? key : -1);
		values[RECO_LINE_AT].integer = event->line.at;
		values[RECO_LINE_QUANTITY].number = event->line.quantity;
		values[RECO_LINE_UNIT_PRICE].is_null = true;
		values[RECO_LINE_AMOUNT] = (RecoValue) {.is_null = event->value == 0,.number = event->value};
		reco_interactions_add_line(interactions, values);
	}
	reco_interactions_end_orders(interactions);
}

static const RecoModel *
open_copy(RecoBudget *budget, const RecoTrained *trained)
{
	RecoModel	written = reco_publish_model(trained);
	RecoModel  *model = reco_budget_alloc(budget, 1, sizeof(RecoModel), "model");
	const char *problem;
	Size		length;
	char	   *blob = reco_publish_blob(trained->budget, &written, &length);
	char	   *copy = reco_budget_alloc_aligned(budget, length, 1, "the model");

	reco_copy_bytes(copy, blob, length);
	if (reco_publish_open(copy, length, model, &problem) != RECO_OK)
		elog(ERROR, "a model just written cannot be read: %s", problem);
	return model;
}

/*
 * A model of what the filter lets pass, in the journal's budget.  Where time alone divides, reviews and sessions of the past
 * among the sources are learned from too.  undated are the sources of items and of customers to be read beside it, as they
 * are now.  Ties among customers help to choose how much friends count.  Errors as of training.
 */
const RecoModel *
reco_retrain(const RecoJournal *journal, const RecoPastFilter *filter, const RecoOptions *options,
			 const RecoReader *reader, List *sources, List *undated, RecoProgress *progress)
{
	const RecoReviewsOptions reviews_options = {filter->before, true, NULL};
	bool		by_time = filter->user_before == NULL && filter->held_out == NULL;
	RecoBudget *budget = reco_budget_create_beside(journal->budget);
	RecoInteractions *interactions = reco_interactions_create(budget, journal->integer_keys);
	RecoGathered gathered = {.interactions = interactions,.reader = reader,.sources = undated,.ties_from = sources};
	const RecoModel *model;
	ListCell   *cell;
	int			s;

	for (s = 0; s < journal->n_sources; s++)
		add_source(interactions, journal, s, filter);
	foreach(cell, undated)
		if (((const RecoSource *) lfirst(cell))->kind == RECO_SOURCE_ITEMS)
			reco_interactions_read_items(interactions, reader, lfirst(cell));
	foreach(cell, by_time && reco_definitions_has_orders(sources) ? sources : NIL)
		if (((const RecoSource *) lfirst(cell))->kind == RECO_SOURCE_SESSIONS)
			reco_interactions_read_sessions(interactions, reader, lfirst(cell), filter->before);
	if (by_time)
		gathered.reviews = reco_reviews_read(budget, reader, sources, &reviews_options);
	if (gathered.reviews != NULL)
		gathered.groups = reco_groups_read(budget, reader, undated);
	model = open_copy(journal->budget, reco_train_gathered(&gathered, options, progress));
	MemoryContextDelete(budget->context);
	return model;
}
