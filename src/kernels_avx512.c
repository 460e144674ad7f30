/*
 * kernels_avx512.c: the kernels for AVX-512; compiled with -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma,
 * and without content otherwise (other architectures, LLVM bitcode).
 */
#include "kernels.h"

#if defined(__AVX512F__) && defined(__AVX512DQ__) && \
	defined(__AVX512BW__) && defined(__AVX512VL__)

#define KERNELS_NAME		"avx512"
#define KERNELS_BYTES		64
#include "kernels_impl.h"

const RecoKernels *
reco_kernels_avx512(void)
{
	return &kernels_table;
}

#else

const RecoKernels *
reco_kernels_avx512(void)
{
	return NULL;
}

#endif
