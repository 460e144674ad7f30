/*
 * kernels_avx2.c: the kernels for AVX2 with FMA; compiled with -mavx2 -mfma, and without content otherwise (other
 * architectures, LLVM bitcode).
 */
#include "kernels.h"

#if defined(__AVX2__) && defined(__FMA__)

#define KERNELS_NAME		"avx2"
#define KERNELS_BYTES		32
#include "kernels_impl.h"

const RecoKernels *
reco_kernels_avx2(void)
{
	return &kernels_table;
}

#else

const RecoKernels *
reco_kernels_avx2(void)
{
	return NULL;
}

#endif
