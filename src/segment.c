/*
 * segment.c: makes segments of shared memory for parallel workers; where the system has none to give, that is no error.
 *
 * A segment is made before parallel mode begins, since only there a subtransaction can catch its failure (a small
 * /dev/shm), and only where there is more, for PostgreSQL to start workers with.
 */
#include "postgres.h"

#include "segment.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* What PostgreSQL itself takes of shared memory to start workers, generously: some 1.4 MB at a session's first time. */
#define STARTING_BYTES		(2 * 1024 * 1024)
#define STARTING_BYTES_A_WORKER (32 * 1024)

/* An error unless there is that much shared memory now. */
static void
try_segment(Size size)
{
	dsm_segment *segment = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);

	if (segment == NULL)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES), errmsg_internal("too many shared memory segments")));
	dsm_detach(segment);
}

/*
 * A segment that the current resource owner lets go, or NULL where the system has none to give, or nothing beside it to
 * start so many workers with, which would be an error that nobody could catch: then there are to be no workers, and a
 * debug message says what happens instead.  Not in parallel mode.  Errors: only that the statement is to end.
 */
dsm_segment *
reco_segment_create(Size size, int workers, const char *instead)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	dsm_segment *volatile segment = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		segment = dsm_create(size, DSM_CREATE_NULL_IF_MAXSEGMENTS);
		if (segment != NULL)
		{
			try_segment(STARTING_BYTES + (Size) workers * STARTING_BYTES_A_WORKER);
			/* From here to dsm_unpin_mapping nobody owns it, or the end of the subtransaction would take it. */
			dsm_pin_mapping(segment);
		}
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		/* A cancellation makes system calls fail too. */
		CHECK_FOR_INTERRUPTS();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
			ReThrowError(error);
		ereport(DEBUG1, (errmsg_internal("%s: %s", instead, error->message)));
		segment = NULL;
	}
	PG_END_TRY();
	if (segment != NULL)
		dsm_unpin_mapping(segment);
	return segment;
}
