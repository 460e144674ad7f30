/*
 * kernels.c: chooses among the kernel variants at run time.
 *
 * The variants are objects of their own, compiled with their own flags from one source (kernels_impl.h), and are
 * chosen by name so that a test can force each; ifunc and target_clones cannot be forced.
 */
#include "kernels.h"

#include <string.h>

typedef struct Variant
{
	const char *name;
	const RecoKernels *(*kernels) (void);
	bool		(*runs_here) (void);
} Variant;

/*
 * __builtin_cpu_supports also asks the operating system whether it saves the
 * wide registers.
 */
static bool
runs_avx512(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx512f") &&
		__builtin_cpu_supports("avx512dq") &&
		__builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512vl") &&
		__builtin_cpu_supports("avx2") &&
		__builtin_cpu_supports("fma");
#else
	return false;
#endif
}

static bool
runs_avx512vnni(void)
{
#if defined(__x86_64__) || defined(__i386__)
	return runs_avx512() && __builtin_cpu_supports("avx512vnni");
#else
	return false;
#endif
}

static bool
runs_avx2(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
	return false;
#endif
}

static bool
runs_baseline(void)
{
	return true;
}

/* Best first. */
static const Variant variants[] = {
	{"avx512vnni", reco_kernels_avx512vnni, runs_avx512vnni},
	{"avx512", reco_kernels_avx512, runs_avx512},
	{"avx2", reco_kernels_avx2, runs_avx2},
	{"baseline", reco_kernels_baseline, runs_baseline}
};

#define VARIANTS ((int) (sizeof(variants) / sizeof(variants[0])))

const RecoKernels *
reco_kernels_choose(const char *name)
{
	bool		any = name == NULL || strcmp(name, "auto") == 0;
	int			i;

	for (i = 0; i < VARIANTS; i++)
	{
		if (!any && strcmp(name, variants[i].name) != 0)
			continue;
		if (variants[i].runs_here() && variants[i].kernels() != NULL)
			return variants[i].kernels();
	}
	return NULL;
}

const char *
reco_kernels_name(int i)
{
	return i >= 0 && i < VARIANTS ? variants[i].name : NULL;
}
