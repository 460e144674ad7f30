/*
 * numeric.h: what all numeric rooms share: status codes, the check callback, sizes that cannot overflow, and the
 * layout of factor matrices.
 *
 * The numeric rooms (kernels, linalg, ials, topk, ...) are plain C.  They know no PostgreSQL header, allocate nothing,
 * raise nothing: memory is the caller's, errors are status codes.  So a unit test and a fuzzer link them without a
 * server.
 *
 * The check callback may never return (inside the server it runs CHECK_FOR_INTERRUPTS, which can longjmp away).  A
 * numeric routine therefore owns nothing across a call of it; whatever it was writing is then to be considered
 * garbage.
 *
 * Layout of factors: a matrix of r rows with f factors is r * reco_stride(f) floats, row after row; the stride is f
 * rounded up to 16 floats (one cache line) and the padding is zero.  Every routine may read the padding, and every
 * routine that writes a row writes zeros there.  A single vector that is multiplied with such rows is padded likewise.
 * Kernels do not need alignment, but 64-byte aligned factors are faster; workspaces must be 64-byte aligned.
 */
#ifndef RECO_NUMERIC_H
#define RECO_NUMERIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECO_CACHE_LINE		64
#define RECO_STRIDE_FLOATS	16	/* floats in a cache line */
#define RECO_MAX_FACTORS	512

typedef enum RecoStatus
{
	RECO_OK = 0,
	RECO_INTERRUPTED,			/* the check callback said stop */
	RECO_NOT_FINITE,			/* a NaN or an infinity in input or result */
	RECO_NOT_CONVERGED,			/* eigensolver ran out of sweeps, or a matrix
								 * was not positive definite */
	RECO_BAD_ARGUMENT,
	RECO_CORRUPT,
	RECO_UNSUPPORTED,
	RECO_TOO_LARGE
} RecoStatus;

/* True means go on.  Called at least once in 10 ms of work; may longjmp. */
typedef bool (*RecoCheck) (void *arg);

struct RecoKernels;

/* How to run: which kernels, and whom to ask whether to go on. */
typedef struct RecoRun
{
	const struct RecoKernels *kernels;
	RecoCheck	check;			/* NULL: never ask */
	void	   *check_arg;
} RecoRun;

static inline bool
reco_run_goes_on(const RecoRun *run)
{
	return run->check == NULL || run->check(run->check_arg);
}

/* Sizes saturate at SIZE_MAX, which no allocation can satisfy. */
static inline size_t
reco_size_add(size_t a, size_t b)
{
	return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static inline size_t
reco_size_mul(size_t a, size_t b)
{
	return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

static inline size_t
reco_size_align(size_t size)
{
	size_t		padded = reco_size_add(size, RECO_CACHE_LINE - 1);

	return padded == SIZE_MAX ? SIZE_MAX
		: padded & ~(size_t) (RECO_CACHE_LINE - 1);
}

/* Floats from one factor row to the next. */
static inline size_t
reco_stride(int factors)
{
	return ((size_t) factors + RECO_STRIDE_FLOATS - 1)
		& ~(size_t) (RECO_STRIDE_FLOATS - 1);
}

/*
 * Lay out a workspace: hand out "size" bytes at *cursor and advance it by the
 * aligned size.  The layouts are written once, as functions that take a base
 * address; run on NULL they give the size needed.
 */
static inline void *
reco_workspace_take(size_t *cursor, void *base, size_t size)
{
	size_t		at = *cursor;

	*cursor = reco_size_add(at, reco_size_align(size));
	return base == NULL ? NULL : (char *) base + at;
}

#endif							/* RECO_NUMERIC_H */
