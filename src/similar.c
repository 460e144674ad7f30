/*
 * similar.c: finds the items that are most like a given one.
 *
 * Likeness is the cosine of the factors: bought by the same customers and in the same orders, whatever the popularity of
 * either.  What is not available is left out, as in a recommendation.
 */
#include "postgres.h"

#include "similar.h"

#include <math.h>

#include "availability.h"
#include "miscadmin.h"

#define BLOCK 4096

/* Cosines of all items with one; items without factors have 0. */
static float *
cosines(const RecoAnswering *a, const float *y)
{
	const RecoModel *model = a->model;
	size_t		stride = reco_stride(model->factors);
	float	   *result = palloc_extended(mul_size(Max(model->items, 1), sizeof(float)), MCXT_ALLOC_HUGE);
	double		norm = sqrt(a->run.kernels->dot(y, y, stride));
	int32		first;

	for (first = 0; first < model->items; first += BLOCK)
	{
		int32		n = Min(BLOCK, model->items - first);
		int32		i;

		a->run.kernels->scan(model->y + (size_t) first * stride, stride, n, y, NULL, result + first);
		for (i = first; i < first + n; i++)
		{
			const float *other = model->y + (size_t) i * stride;
			double		product = norm * sqrt(a->run.kernels->dot(other, other, stride));

			result[i] = product > 0 ? (float) Max(-1, Min(1, result[i] / product)) : 0;
		}
		CHECK_FOR_INTERRUPTS();
	}
	return result;
}

/*
 * The k items of largest cosine with an item, which is not among them; none for an item that the model does not know.
 * In the current memory context, for which the model stays pinned.  Errors: those of reco_answering_begin.
 */
RecoAnswer *
reco_similar_items(const char *model, bool integer_keys, const RecoKey *item, int k)
{
	RecoAnswering *a = reco_answering_begin(model, integer_keys, GetCurrentTimestamp());
	RecoAnswer *answer = palloc0(sizeof(RecoAnswer));
	int32		of = reco_answering_find_item(a->model, item);
	float		zero[RECO_MAX_FACTORS] = {0};
	uint64	   *skip;
	RecoTopEntry *top;
	RecoTopQuery query;
	int			i;

	answer->model = a->model;
	if (of < 0)
		return answer;
	skip = reco_availability_unavailable(a);
	skip[of / 64] |= UINT64CONST(1) << (of % 64);
	k = Min(k, a->model->items);
	top = palloc_extended(mul_size(k, sizeof(RecoTopEntry)), MCXT_ALLOC_HUGE);
	query = (RecoTopQuery) {.x = zero,.bias_weights = {1},.skip = skip,.k = k,.out = top};
	query.biases[0] = cosines(a, a->model->y + (size_t) of * reco_stride(a->model->factors));
	reco_foldin_check_status(reco_topk_scan(&a->run, a->model->y, a->model->items, a->model->factors, NULL, &query, 1), "scan");
	answer->n = query.found;
	answer->rows = palloc_extended(mul_size(Max(answer->n, 1), sizeof(RecoRecommendation)), MCXT_ALLOC_HUGE);
	for (i = 0; i < answer->n; i++)
	{
		answer->rows[i].item = top[i].item;
		answer->rows[i].score = top[i].score;
	}
	return answer;
}
