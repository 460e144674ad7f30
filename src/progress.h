/*
 * progress.h: telling other sessions how far a long function is.
 */
#ifndef RECO_PROGRESS_H
#define RECO_PROGRESS_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* The functions that report; the numbers are for the sessions of one server at one time, and stored nowhere. */
typedef enum RecoCommand
{
	RECO_COMMAND_TRAIN = 1,
	RECO_COMMAND_RECOMMEND_ALL,
	RECO_COMMAND_EVALUATE,
	RECO_COMMAND_REPLAY,
	RECO_COMMAND_COMPARE,
	RECO_COMMAND_FAIRNESS,
	RECO_COMMAND_VALUE_CURVE,
	RECO_COMMAND_BUNDLES
} RecoCommand;

typedef enum RecoPhase
{
	RECO_PHASE_READING = 1,		/* rows of the sources */
	RECO_PHASE_SORTING,
	RECO_PHASE_FIRST_FIT,		/* iterations, to the past of the held-out orders */
	RECO_PHASE_CHOOSING,		/* held-out orders, twice */
	RECO_PHASE_FITTING,			/* iterations, to all orders */
	RECO_PHASE_STORING,
	RECO_PHASE_SCORING,			/* customers */
	RECO_PHASE_TUNING,			/* settings of baselines */
	RECO_PHASE_REPLAYING,		/* later orders */
	RECO_PHASE_FIRST_COMPLEMENTS,	/* blocks of items, before the first fit */
	RECO_PHASE_COMPLEMENTS,		/* before the last one */
	RECO_PHASE_COUNTING,		/* items, with those that go with each */
	RECO_PHASE_GROWING			/* sets of items, to one item more */
} RecoPhase;

#define RECO_PROGRESS_UNKNOWN (-1)	/* a total that nobody knows yet */

/* One run of a function.  It needs no cleaning up: after an error PostgreSQL ends what it shows. */
typedef struct RecoProgress
{
	uint32		serial;			/* tells this run from others in the same backend */
	RecoCommand command;
	int64		model;			/* hash of its name */
	TimestampTz started;
	RecoPhase	phase;
	int64		done;
	int64		total;
	int64		step;			/* shown anew when done has grown by that much */
	int64		next;			/* value of done at which that is */
} RecoProgress;

extern void reco_progress_begin(RecoProgress *progress, RecoCommand command, const char *model);
extern void reco_progress_phase(RecoProgress *progress, RecoPhase phase, int64 total);
extern void reco_progress_show(RecoProgress *progress);
extern void reco_progress_end(RecoProgress *progress);

/* So much more is done.  NULL: nobody is told. */
static inline void
reco_progress_advance(RecoProgress *progress, int64 more)
{
	if (progress == NULL)
		return;
	progress->done += more;
	if (progress->done >= progress->next)
		reco_progress_show(progress);
}

/* What a backend shows. */
typedef struct RecoProgressEntry
{
	int			pid;
	Oid			database;
	Oid			user;			/* who is logged in there */
	int64		model;			/* hash of its name */
	const char *command;
	const char *phase;
	int64		done;
	int64		total;
	TimestampTz started;
} RecoProgressEntry;

extern int64 reco_progress_hash(const char *model);
extern int	reco_progress_backends(void);
extern bool reco_progress_of_backend(int i, RecoProgressEntry *entry);

#endif							/* RECO_PROGRESS_H */
