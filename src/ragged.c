/*
 * ragged.c: gathers elements of many rows, in whatever order they come, into a list for each row.
 */
#include "postgres.h"

#include "ragged.h"

#include "interrupts.h"
#include "miscadmin.h"
#include "storage/shmem.h"

#define FIRST_ELEMENTS 1024

/* Nothing yet, from the budget; purpose is for messages. */
RecoRaggedBuilder *
reco_ragged_begin(RecoBudget *budget, Size width, const char *purpose)
{
	RecoRaggedBuilder *builder = reco_budget_alloc(budget, 1, sizeof(RecoRaggedBuilder), purpose);

	*builder = (RecoRaggedBuilder) {.budget = budget,.purpose = purpose,.width = width,.capacity = FIRST_ELEMENTS};
	builder->row = reco_budget_alloc(budget, builder->capacity, sizeof(int32), purpose);
	builder->elements = reco_budget_alloc(budget, builder->capacity, width, purpose);
	return builder;
}

/* Where to put another element of a row, valid until the next is added.  Errors: configuration_limit_exceeded. */
void *
reco_ragged_add(RecoRaggedBuilder *builder, int32 row)
{
	if (builder->n == builder->capacity)
	{
		int64		capacity = builder->capacity + builder->capacity / 2;

		builder->row = reco_budget_resize(builder->budget, builder->row, builder->capacity, capacity, sizeof(int32), builder->purpose);
		builder->elements = reco_budget_resize(builder->budget, builder->elements, builder->capacity, capacity, builder->width,
											   builder->purpose);
		builder->capacity = capacity;
	}
	builder->row[builder->n] = row;
	return builder->elements + (Size) builder->n++ * builder->width;
}

/*
 * The elements of each row together, as they came; the builder is gone.  Errors: configuration_limit_exceeded.
 */
RecoRagged
reco_ragged_end(RecoRaggedBuilder *builder, int32 rows)
{
	RecoBudget *budget = builder->budget;
	Size		width = builder->width;
	RecoRagged	ragged = {.rows = rows,.width = width};
	int64	   *next;
	int64		i;

	/* Of two more than rows the first is 0 in the end, when each has moved to where the next one begins. */
	next = reco_budget_alloc(budget, (Size) rows + 2, sizeof(int64), builder->purpose);
	ragged.elements = reco_budget_alloc(budget, builder->n, width, builder->purpose);
	for (i = 0; i < builder->n; i++)
		next[builder->row[i] + 2]++;
	for (i = 2; i <= rows; i++)
		next[i] += next[i - 1];
	for (i = 0; i < builder->n; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		memcpy(ragged.elements + (Size) next[builder->row[i] + 1]++ * width, builder->elements + (Size) i * width, width);
	}
	ragged.start = next;
	reco_budget_free(budget, builder->row);
	reco_budget_free(budget, builder->elements);
	reco_budget_free(budget, builder);
	return ragged;
}

/* Make other lists of them, row by row. */
void
reco_ragged_remake(RecoRagged *ragged, Size width, RecoRaggedMake make, void *arg)
{
	int64		kept = 0;
	int64		first = 0;
	int32		row;

	for (row = 0; row < ragged->rows; row++)
	{
		int64		end = ragged->start[row + 1];

		CHECK_FOR_INTERRUPTS();
		kept += make(arg, ragged->elements + (Size) first * ragged->width, end - first, ragged->elements + (Size) kept * width);
		ragged->start[row + 1] = kept;
		first = end;
	}
	ragged->width = width;
}

/*
 * Copy lists to others, which have room for as many rows and elements; a row of the one becomes row rank[row] of the other, or
 * the same where rank is NULL.
 */
void
reco_ragged_copy(RecoRagged *to, const RecoRagged *from, const int32 *rank)
{
	int32		row;

	if (from->rows == 0)
		return;
	to->start[0] = 0;
	for (row = 0; row < from->rows; row++)
		to->start[(rank != NULL ? rank[row] : row) + 1] = from->start[row + 1] - from->start[row];
	for (row = 0; row < from->rows; row++)
		to->start[row + 1] += to->start[row];
	for (row = 0; row < from->rows; row++)
	{
		int64		n;
		const void *list = reco_ragged_row(from, row, &n);

		RECO_CHECK_INTERRUPTS(row);
		memcpy(to->elements + (Size) to->start[rank != NULL ? rank[row] : row] * to->width, list, (Size) n * to->width);
	}
}

/* Give the memory back. */
void
reco_ragged_free(RecoBudget *budget, RecoRagged *ragged)
{
	if (ragged->rows == 0)
		return;
	reco_budget_free(budget, ragged->start);
	reco_budget_free(budget, ragged->elements);
	ragged->rows = 0;
}
