/*
 * reco.c: what PostgreSQL calls when it loads the library.
 */
#include "postgres.h"

#include "fmgr.h"
#include "guc.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	reco_guc_define();
}
