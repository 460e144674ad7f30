/*
 * evidence.c: gathers what a request knows of whoever asks: the basket, the purchases read live, those that the caller
 * brings along because no source has them, and what friends bought; as far as he consents.
 */
#include "postgres.h"

#include "evidence.h"

#include "consent.h"
#include "friends.h"
#include "browsing.h"
#include "request_labels.h"
#include "interrupts.h"
#include "opinions.h"

/* The basket's bag, in the order of items: a repeated id is a quantity, an unknown one is no evidence. */
void
reco_evidence_set_basket(const RecoAnswering *a, const RecoKeyList *basket, RecoEvidence *evidence)
{
	int32	   *items = palloc_extended(mul_size(Max(basket->n, 1), sizeof(int32)), MCXT_ALLOC_HUGE);
	RecoEntry  *entries = palloc_extended(mul_size(Max(basket->n, 1), sizeof(RecoEntry)), MCXT_ALLOC_HUGE);
	int			known = reco_answering_known_items(a->model, basket, items);
	int64		n = 0;
	int			i;
	int			j;

	for (i = 0; i < known; i = j)
	{
		for (j = i + 1; j < known && items[j] == items[i]; j++)
			;
		entries[n].item = items[i];
		entries[n++].weight = reco_lines_entry_weight(j - i);
	}
	evidence->basket = entries;
	evidence->n_basket = n;
}

/*
 * What may be used of all that is stored of whoever asks, for the purpose of answering him: nothing of who does not consent
 * to personal answers.  What comes with the request (a basket, a history, a context, a session that it names) is his word.
 */
static RecoPurposes
stored_purposes(const RecoAnswering *a, const RecoVisitor *visitor)
{
	RecoPurposes allowed;

	if (!visitor->has_user)
		return 0;
	allowed = reco_consent_of(&a->reader, a->sources, a->options.default_consent, &visitor->user);
	return allowed & RECO_MAY_PERSONALIZE ? allowed : 0;
}

/* The lines of the history: the newest of each source before a time, at most limit, and the caller's, which are as of the request. */
static RecoHistory *
read_history(const RecoAnswering *a, const RecoVisitor *visitor, TimestampTz before, int64 limit)
{
	List	   *sources = before != DT_NOBEGIN ? a->sources : NIL;
	RecoHistory *history = reco_history_read(&a->reader, sources, a->model, &visitor->user, before, limit, visitor->amounts);
	int			i;

	for (i = 0; i < visitor->history.n; i++)
	{
		RecoLine	line = {.at = a->as_of,.order = -1,.quantity = 1};

		RECO_CHECK_INTERRUPTS(i);
		line.item = reco_answering_find_item(a->model, &visitor->history.keys[i]);
		if (line.item < 0)
			continue;
		reco_history_add(history, &line);
		history->n_told++;
	}
	return history;
}

/* Whether training found that what friends bought counts in requests of any kind. */
static bool
uses_friends(const RecoAnswering *a)
{
	int			kind;

	for (kind = 0; kind < RECO_BLENDS; kind++)
		if (reco_asking_settings(a->model->parameters, (RecoEvidenceKind) kind).strengths[RECO_STRENGTH_FRIENDS] > 0)
			return true;
	return false;
}

static void
read_friends(const RecoAnswering *a, const RecoVisitor *visitor, RecoPurposes allowed, RecoEvidence *evidence)
{
	if ((allowed & RECO_MAY_SOCIAL) && uses_friends(a))
		evidence->friends = reco_friends_read(&a->reader, a->sources, a->model, a->options.default_consent, &visitor->user,
											  a->evidence_end, a->as_of, &evidence->n_friends);
}

/*
 * What the session looked at.  Returns when what was before it ended: where sessions are all that there is, the history
 * are those before this one.
 */
static TimestampTz
read_session(const RecoAnswering *a, const RecoVisitor *visitor, RecoPurposes allowed, RecoEvidence *evidence)
{
	RecoBrowsingRequest request = {allowed & RECO_MAY_PERSONALIZE ? &visitor->user : NULL, visitor->session, a->as_of,
	a->evidence_end};
	RecoBrowsing *browsing = reco_browsing_read(&a->reader, a->sources, a->model, &request);

	evidence->views = browsing->views;
	evidence->n_views = browsing->n;
	return reco_definitions_has_orders(a->sources) ? a->evidence_end : Min(browsing->since, a->evidence_end);
}

/*
 * What is stored of a customer beside his lines and his reviews: attributes, what friends bought, the newest session, as far
 * as he consents.  Returns when his lines end; DT_NOBEGIN: none of them may be used.
 */
TimestampTz
reco_evidence_read_beside(const RecoAnswering *a, const RecoVisitor *visitor, RecoEvidence *evidence)
{
	RecoPurposes allowed = stored_purposes(a, visitor);
	TimestampTz end;

	if (allowed & RECO_MAY_ATTRIBUTES)
		reco_request_labels_read(a, &visitor->user, evidence);
	read_friends(a, visitor, allowed, evidence);
	if ((allowed & RECO_MAY_SENTIMENT) && (visitor->opinions || reco_opinions_count(a)))
		evidence->opinions = reco_opinions_read(a, &visitor->user, &evidence->n_opinions);
	end = read_session(a, visitor, allowed, evidence);
	return allowed & RECO_MAY_PERSONALIZE ? end : DT_NOBEGIN;
}

/*
 * All that is known of whoever asks, in the current memory context.  Of his lines, which are returned, at most limit of
 * each source: they are evidence only when it is asked, since more may have been read than count.
 */
RecoHistory *
reco_evidence_read(const RecoAnswering *a, const RecoVisitor *visitor, int64 limit, RecoEvidence *evidence)
{
	reco_asking_clear(evidence, a->as_of);
	reco_evidence_set_basket(a, &visitor->basket, evidence);
	reco_request_labels_set_context(a, visitor->context, evidence);
	return read_history(a, visitor, reco_evidence_read_beside(a, visitor, evidence), limit);
}

static bool
weighs(const RecoAnswering *a, RecoComponent component)
{
	int			kind;

	for (kind = 0; kind < RECO_BLENDS; kind++)
		if (a->blend[kind * RECO_BLEND_SLOTS + component] > 0)
			return true;
	return false;
}

static bool
is_strong(const RecoAnswering *a, RecoStrengthKind strength)
{
	int			kind;

	for (kind = 0; kind < RECO_BLENDS; kind++)
		if (a->model->parameters[RECO_PARAMETER_STRENGTHS + kind * RECO_STRENGTH_SLOTS + strength] > 0)
			return true;
	return false;
}

/*
 * Whether a source is evidence of a customer beside items and times of his order lines, in a request that says nothing of
 * its context: other contexts of lines count where they are the request's.
 */
bool
reco_evidence_is_further(const RecoAnswering *a, const RecoSource *source)
{
	switch (source->kind)
	{
		case RECO_SOURCE_USERS:
			return reco_definitions_column(source, RECO_ROLE_FEATURES) != NULL && reco_model_customer_labels(a->model) > 0 &&
				(weighs(a, RECO_COMPONENT_PRIOR) || weighs(a, RECO_COMPONENT_SEGMENT));
		case RECO_SOURCE_SOCIAL:
			return is_strong(a, RECO_STRENGTH_FRIENDS);
		case RECO_SOURCE_REVIEWS:
			return reco_opinions_count(a);
		case RECO_SOURCE_SESSIONS:
			return reco_definitions_column(source, RECO_ROLE_USER) != NULL &&
				(weighs(a, RECO_COMPONENT_VIEWED) || is_strong(a, RECO_STRENGTH_SESSION));
		default:
			return false;
	}
}

/* Make the query of the request from what was read, of the lines the newest, as many as count. */
void
reco_evidence_ask(RecoAnswering *a, RecoHistory *history, RecoEvidence *evidence)
{
	reco_history_cut(history, a->options.history_limit);
	evidence->lines = history->lines;
	evidence->n_lines = history->n;
	evidence->contexts = (const int32 (*)[RECO_MAX_CONTEXTS]) history->contexts;
	evidence->n_contexts = history->n_contexts;
	if (history->n > 0)
		reco_answering_notice_age(a, reco_asking_kind(evidence));
	reco_answering_ask(a, evidence);
}
