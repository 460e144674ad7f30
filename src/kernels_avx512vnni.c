/*
 * kernels_avx512vnni.c: the kernels for AVX-512 with its instructions for products of bytes, which only the screen has a
 * use for; compiled with the flags of kernels_avx512.c and -mavx512vnni, and without content otherwise (other
 * architectures, LLVM bitcode).
 */
#include "kernels.h"

#if defined(__AVX512F__) && defined(__AVX512DQ__) && \
	defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512VNNI__)

#define KERNELS_NAME		"avx512vnni"
#define KERNELS_BYTES		64
#include "kernels_impl.h"

const RecoKernels *
reco_kernels_avx512vnni(void)
{
	return &kernels_table;
}

#else

const RecoKernels *
reco_kernels_avx512vnni(void)
{
	return NULL;
}

#endif
