/*
 * receiver.c: runs a query and hands its rows over as the executor makes them, without a tuplestore in between.
 */
#include "postgres.h"

#include "receiver.h"

#include "executor/spi.h"
#include "prepared.h"
#include "utils/memutils.h"

typedef struct SlotReceiver
{
	DestReceiver pub;
	RecoSlotCallback callback;
	void	   *arg;
	uint64		rows;
	MemoryContext row_context;
} SlotReceiver;

static bool
receive_slot(TupleTableSlot *slot, DestReceiver *self)
{
	SlotReceiver *receiver = (SlotReceiver *) self;

	receiver->callback(receiver->arg, slot, receiver->row_context);
	MemoryContextReset(receiver->row_context);
	receiver->rows++;
	return true;
}

static void
receive_startup(DestReceiver *self, int operation, TupleDesc descriptor)
{
	(void) self;
	(void) operation;
	(void) descriptor;
}

static void
receive_nothing(DestReceiver *self)
{
	(void) self;
}

/*
 * Run a SELECT as the present role, read-only, which also means: in the snapshot of the calling statement.  Returns the
 * number of rows.  One with parameters is taken for one that comes again, and its plan is kept for the session.  Errors:
 * those of the query.
 */
uint64
reco_receiver_run(const char *query, ParamListInfo params, RecoSlotCallback callback, void *arg)
{
	SlotReceiver receiver = {.callback = callback,.arg = arg};
	SPIExecuteOptions options = {.read_only = true,.params = params};
	int			result;

	receiver.pub.receiveSlot = receive_slot;
	receiver.pub.rStartup = receive_startup;
	receiver.pub.rShutdown = receive_nothing;
	receiver.pub.rDestroy = receive_nothing;
	/* Only a label, but SPI takes a query into DestNone for a utility command, and looks for its own table behind DestSPI. */
	receiver.pub.mydest = DestTuplestore;
	options.dest = &receiver.pub;

	SPI_connect();
	receiver.row_context = AllocSetContextCreate(CurrentMemoryContext, "reco row", ALLOCSET_SMALL_SIZES);
	if (params == NULL)
		result = SPI_execute_extended(query, &options);
	else
		result = SPI_execute_plan_extended(reco_prepared_plan(query, params), &options);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "reading failed: %s", SPI_result_code_string(result));
	SPI_finish();
	return receiver.rows;
}
