/*
 * fit.c: fits factors to bags, by however many processes there are.
 *
 * A half iteration (ials.c) is three phases: the Gram matrix of the source, whose chunks are added up in their order; the
 * rotation of the source, once the leader has diagonalized that; and the rows of the target, each rotated right before
 * it is solved, while it is in the cache.  Each block of rows has about as many entries as any other, but for a row that
 * alone has more.  No bit depends on who does a block.
 */
#include "postgres.h"

#include "fit.h"

#include "foldin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#define ROTATE_WORK		(64 * 1024 * 1024)	/* multiplications of a block: about a millisecond */
#define ROWS_WORK		(4 * 1024 * 1024)	/* entries times stride of a block: about two */
#define ROW_ENTRIES		8		/* what a row costs beside its entries, in entries */
#define PASSES			8		/* over a row's entries, about, for estimates */

/* A half iteration, as all members see it. */
typedef struct HalfArguments
{
	RecoIalsOptions options;
	int32		rows;
	int32		cols;
	RecoPlace	start;			/* the matrix */
	RecoPlace	index;
	RecoPlace	weight;
	RecoPlace	source;
	RecoPlace	target;
	RecoPlace	half;
	bool		is_cold;		/* the target starts from zero, whatever is there now */
} HalfArguments;

/* Multiplications of a fit, about. */
double
reco_fit_estimate_work(const RecoIalsOptions *options, Size rows, Size entries, int iterations)
{
	double		stride = (double) reco_stride(options->factors);

	return 2.0 * iterations * stride * ((double) entries * PASSES + (double) rows * stride);
}

/* --- memory ------------------------------------------------------------------------------------------------ */

static Size
row_size(const RecoIalsOptions *options)
{
	return mul_size(reco_stride(options->factors), sizeof(float));
}

/* Bytes that a fit takes of the arena beside the bags (reco_bags_memory), at most. */
Size
reco_fit_memory(const RecoIalsOptions *options, Size bags, Size items)
{
	Size		bytes = reco_size_align(reco_ials_half_size(options->factors));

	bytes = add_size(bytes, reco_size_align(mul_size(items, row_size(options))));
	return add_size(bytes, reco_size_align(mul_size(bags, row_size(options))));
}

static Size
partial_size(const RecoIalsOptions *options)
{
	Size		stride = reco_stride(options->factors);

	return reco_size_align(mul_size(mul_size(stride, stride), sizeof(double)));
}

/* Bytes that each member takes for itself. */
Size
reco_fit_member_memory(const RecoIalsOptions *options)
{
	return add_size(add_size(partial_size(options), reco_ials_rows_size(options)), RECO_CACHE_LINE);
}

/* What a member has for itself: room for the Gram matrix of a chunk, then for solving rows. */
static char *
own_memory(RecoMember *member, const RecoIalsOptions *options)
{
	void	  **kept = &member->kept[RECO_WORK_ROWS];

	if (*kept == NULL)
		*kept = (void *) TYPEALIGN(RECO_CACHE_LINE, MemoryContextAllocHuge(member->context, reco_fit_member_memory(options)));
	return *kept;
}

/* --- blocks ------------------------------------------------------------------------------------------------ */

static void
view_half(const RecoMember *member, const HalfArguments *arguments, RecoSparse *matrix, RecoIalsHalf *half)
{
	matrix->rows = arguments->rows;
	matrix->cols = arguments->cols;
	matrix->start = reco_crew_address(member, arguments->start);
	matrix->index = reco_crew_address(member, arguments->index);
	matrix->weight = reco_crew_address(member, arguments->weight);
	reco_foldin_check_status(reco_ials_half_init(half, matrix, &arguments->options,
												 reco_crew_address(member, arguments->source),
												 reco_crew_address(member, arguments->target),
												 reco_crew_address(member, arguments->half)), "training");
}

/* A chunk of the source's Gram matrix. */
void
reco_fit_gram(RecoMember *member, const void *arguments, uint32 block)
{
	const HalfArguments *args = arguments;
	double	   *partial = (double *) own_memory(member, &args->options);
	RecoSparse	matrix;
	RecoIalsHalf half;

	view_half(member, args, &matrix, &half);
	reco_foldin_check_status(reco_ials_gram_chunk(half.source, args->cols, args->options.factors, (int) block, partial,
												  &member->run), "training");
	reco_crew_await_turn(member, block);
	reco_ials_half_add(&half, (int) block, partial);
	reco_crew_end_turn(member, block);
}

static int32
rotate_rows(const RecoIalsOptions *options)
{
	Size		stride = reco_stride(options->factors);

	return (int32) (ROTATE_WORK / (stride * stride));
}

/* Some rows of the source. */
void
reco_fit_rotate(RecoMember *member, const void *arguments, uint32 block)
{
	const HalfArguments *args = arguments;
	int64		first = (int64) block * rotate_rows(&args->options);
	RecoSparse	matrix;
	RecoIalsHalf half;

	view_half(member, args, &matrix, &half);
	reco_foldin_check_status(reco_ials_rotate(&half, half.source, (int32) first,
											  (int32) Min(first + rotate_rows(&args->options), args->cols), &member->run),
							 "training");
}

/* What the rows before this one cost, in entries. */
static int64
cost_before(const RecoSparse *matrix, int32 row)
{
	return matrix->start[row] + (int64) row * ROW_ENTRIES;
}

static int64
block_cost(const RecoIalsOptions *options)
{
	return ROWS_WORK / (int64) reco_stride(options->factors);
}

/* The first row before which there is at least that cost, or the number of rows. */
static int32
first_row(const RecoSparse *matrix, int64 cost)
{
	int32		low = 0;
	int32		high = matrix->rows;

	while (low < high)
	{
		int32		middle = low + (high - low) / 2;

		if (cost_before(matrix, middle) < cost)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Some rows of the target. */
void
reco_fit_rows(RecoMember *member, const void *arguments, uint32 block)
{
	const HalfArguments *args = arguments;
	int64		cost = block_cost(&args->options);
	char	   *workspace = own_memory(member, &args->options) + partial_size(&args->options);
	RecoSparse	matrix;
	RecoIalsHalf half;
	int32		first;
	int32		end;

	view_half(member, args, &matrix, &half);
	first = first_row(&matrix, (int64) block * cost);
	end = first_row(&matrix, ((int64) block + 1) * cost);
	if (args->is_cold || args->options.exact)
		memset(half.target + (Size) first * half.stride, 0, (Size) (end - first) * half.stride * sizeof(float));
	else
		reco_foldin_check_status(reco_ials_rotate(&half, half.target, first, end, &member->run), "training");
	reco_foldin_check_status(reco_ials_half_rows(&half, first, end, workspace, &member->run), "training");
}

/* --- iterations -------------------------------------------------------------------------------------------- */

static uint32
blocks_of(int64 all, int64 block)
{
	return (uint32) ((all + block - 1) / block);
}

/* The Gram matrix of the source, whose rows are the matrix' columns, and its rotation, after which that is a diagonal. */
static HalfArguments
begin_half(RecoFit *fit, const RecoSparse *matrix, float *source, float *target, bool is_cold, RecoIalsHalf *half)
{
	const RecoIalsOptions *options = &fit->options;
	RecoMember *leader = reco_crew_leader(fit->crew);
	HalfArguments args = {.options = *options,.rows = matrix->rows,.cols = matrix->cols};

	args.start = reco_crew_place(leader, matrix->start);
	args.index = reco_crew_place(leader, matrix->index);
	args.weight = reco_crew_place(leader, matrix->weight);
	args.source = reco_crew_place(leader, source);
	args.target = reco_crew_place(leader, target);
	args.half = reco_crew_place(leader, fit->half);
	args.is_cold = is_cold;
	reco_crew_work(fit->crew, RECO_WORK_GRAM, &args, sizeof(args), reco_ials_gram_chunks(matrix->cols), NULL);
	reco_foldin_check_status(reco_ials_half_init(half, matrix, options, source, target, fit->half), "training");
	reco_foldin_check_status(reco_ials_half_diagonalize(half, &leader->run), "training");
	reco_crew_work(fit->crew, RECO_WORK_ROTATE, &args, sizeof(args), blocks_of(matrix->cols, rotate_rows(options)), NULL);
	return args;
}

/* The best target for the source. */
static void
end_half(RecoFit *fit, const RecoSparse *matrix, const HalfArguments *args)
{
	reco_crew_work(fit->crew, RECO_WORK_ROWS, args, sizeof(*args),
				   blocks_of(cost_before(matrix, matrix->rows), block_cost(&fit->options)), NULL);
}

/*
 * Item factors from a random start, for fits with these options.  Errors: configuration_limit_exceeded.
 */
RecoFit *
reco_fit_begin(RecoCrew *crew, const RecoIalsOptions *options, int32 items)
{
	RecoArena  *arena = reco_crew_arena(crew);
	RecoMember *leader = reco_crew_leader(crew);
	RecoFit    *fit = MemoryContextAlloc(leader->context, sizeof(RecoFit));

	fit->crew = crew;
	fit->options = *options;
	fit->items = items;
	fit->item_factors = reco_arena_take(arena, items, row_size(options), "item factors");
	fit->half = reco_arena_take(arena, reco_ials_half_size(options->factors), 1, "workspace");
	(void) own_memory(leader, options);
	reco_foldin_check_status(reco_ials_init(fit->item_factors, items, options->factors, options->seed, &leader->run), "training");
	return fit;
}

/* Room for the factors of so many bags, in the arena. */
float *
reco_fit_bag_factors(RecoFit *fit, int32 bags)
{
	return reco_arena_take(reco_crew_arena(fit->crew), bags, row_size(&fit->options), "bag factors");
}

/* Whether to stop before the bags' factors are solved again: the item factors' Gram matrix is a diagonal at the moment. */
static bool
is_done(const RecoFit *fit, RecoStopping *stopping, const RecoIalsHalf *half)
{
	const RecoFactors factors = {fit->items, fit->options.factors, fit->item_factors, half->values, fit->options.unobserved};

	return stopping != NULL && reco_stopping_is_done(stopping, &factors, &reco_crew_leader(fit->crew)->run);
}

/*
 * Fit the item factors to some bags, from where they are; bag_factors is room for those, which start from zero.  Returns
 * the number of iterations: with a stopping, perhaps less than asked for.  Errors: numeric_value_out_of_range (no
 * convergence).
 */
int
reco_fit_run(RecoFit *fit, const RecoBags *bags, float *bag_factors, int iterations, RecoStopping *stopping,
			 RecoProgress *progress)
{
	int			i;

	for (i = 0; i < iterations && bags->n_bags > 0; i++)
	{
		RecoIalsHalf half;
		HalfArguments args = begin_half(fit, &bags->by_bag, fit->item_factors, bag_factors, i == 0, &half);

		if (i > 0 && is_done(fit, stopping, &half))
			break;
		end_half(fit, &bags->by_bag, &args);
		args = begin_half(fit, &bags->by_item, bag_factors, fit->item_factors, false, &half);
		end_half(fit, &bags->by_item, &args);
		reco_progress_advance(progress, 1);
	}
	reco_progress_advance(progress, iterations - i);
	return i;
}

/* Rotate the item factors so that their Gram matrix is diagonal, and give that. */
void
reco_fit_finish(RecoFit *fit, double *gram_diagonal)
{
	reco_foldin_check_status(reco_ials_finish(fit->item_factors, fit->items, fit->options.factors, gram_diagonal, fit->half,
											  &reco_crew_leader(fit->crew)->run), "training");
}
