/*
 * guc.c: defines the server settings of reco.
 */
#include "postgres.h"

#include "guc.h"

#include <limits.h>

#include "kernels.h"
#include "utils/guc.h"

int			reco_guc_cache_size = 256;
char	   *reco_guc_kernel = NULL;

static bool
check_kernel(char **newval, void **extra, GucSource source)
{
	(void) extra;
	(void) source;
	if (reco_kernels_choose(*newval) != NULL)
		return true;
	GUC_check_errdetail("This processor or build has no kernels of that name.");
	GUC_check_errhint("Use \"auto\", \"baseline\", \"avx2\", \"avx512\" or \"avx512vnni\".");
	return false;
}

void
reco_guc_define(void)
{
	DefineCustomIntVariable("reco.cache_size",
							"Memory that a session may use to keep loaded models.",
							"The model in use is kept even where it alone is larger.",
							&reco_guc_cache_size, 256, 1, MAX_KILOBYTES / 1024,
							PGC_USERSET, GUC_UNIT_MB, NULL, NULL, NULL);
	DefineCustomStringVariable("reco.kernel",
							   "Variant of the numeric kernels: auto, baseline, avx2, avx512 or avx512vnni.",
							   "Models trained with different variants may differ in the last bits; the version records which ran.",
							   &reco_guc_kernel, "auto",
							   PGC_USERSET, GUC_NOT_IN_SAMPLE, check_kernel, NULL, NULL);
	MarkGUCPrefixReserved("reco");
}
