/*
 * kernels_baseline.c: the kernels for any processor: 16-byte vectors, which are SSE2 on x86-64, NEON on arm64, and
 * plain scalars where there are none.
 */
#include "kernels.h"

#define KERNELS_NAME		"baseline"
#define KERNELS_BYTES		16
#include "kernels_impl.h"

const RecoKernels *
reco_kernels_baseline(void)
{
	return &kernels_table;
}
