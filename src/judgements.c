/*
 * judgements.c: reads reviews for later orders that are asked again, as opinions.c reads them for a request.
 *
 * They are those of all times, and a request sees what was said before it.  Words say what the model of the past learned of
 * them.  Reviews of unknown time are left out.
 */
#include "postgres.h"

#include "judgements.h"

#include "interrupts.h"
#include "storage/shmem.h"

/*
 * The reviews of the journal's customers and the model's items, with stars from 0 to 1, sorted; NULL where the model has no
 * stars, or no source any reviews.  Memory: the journal's budget.  Errors: configuration_limit_exceeded, and what reading
 * raises.
 */
RecoReviews *
reco_judgements_read(const RecoJournal *journal, const RecoReader *reader, List *sources, const RecoModel *model,
					 const int32 *model_item)
{
	const RecoReviewsOptions options = {DT_NOEND, true, &model->wording};
	RecoReviews *reviews = model->stars != NULL ? reco_reviews_read(journal->budget, reader, sources, &options) : NULL;
	int64		i;

	if (reviews == NULL)
		return NULL;
	reco_reviews_number(reviews, journal->users, journal->items);
	reviews->least = model->stars[RECO_STARS_LEAST];
	reviews->most = model->stars[RECO_STARS_MOST];
	for (i = 0; i < reviews->n; i++)
	{
		RecoReview *review = &reviews->list[i];

		RECO_CHECK_INTERRUPTS(i);
		review->item = review->item >= 0 ? model_item[review->item] : -1;
		review->stars = reco_reviews_height(reviews, review->stars);
	}
	reco_reviews_sort(reviews);
	return reviews;
}

/* What a customer of the journal had said before the request, in the current memory context. */
void
reco_judgements_set(const RecoReviews *judgements, int32 user, RecoEvidence *evidence)
{
	RecoOpinion *opinions;
	int64		first;
	int64		n;

	if (judgements == NULL || user < 0)
		return;
	first = reco_reviews_of(judgements, user, &n);
	opinions = palloc_extended(mul_size(Max(n, 1), sizeof(RecoOpinion)), MCXT_ALLOC_HUGE);
	evidence->n_opinions = reco_reviews_last(judgements->list + first, n, evidence->as_of, opinions);
	evidence->opinions = opinions;
}
