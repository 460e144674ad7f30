/*
 * progress.c: tells other sessions how far a long function is.
 *
 * This needs no shared memory of ours, and so no preload: every backend has a slot in which it shows the progress of a
 * command, PostgreSQL's own commands are numbers there, and we use a number that is none of theirs.
 *
 * There is one slot for a backend, and several may want it: COPY (SELECT ...) and what it calls, or a function and what
 * a view among its sources calls.  Whoever came first has it.  At the end, and whenever a (sub)transaction aborts,
 * PostgreSQL empties it, also where the error was in an exception block of some function that we only called; so a run
 * looks before each report whether the slot is its own, and takes it where it is empty.  Another's report is never
 * touched.
 *
 * The values are integers.  For a model's name stands a hash; reco.progress() finds the name among the models that its
 * caller may use, so that nobody learns another name.
 */
#include "postgres.h"

#include "progress.h"

#include "common/hashfn.h"
#include "compat.h"
#include "utils/timestamp.h"

#define COMMAND_NUMBER ((ProgressCommandType) 0x7265636F)
#define MAX_STEP 1024
#define STEPS 256				/* about so many reports a phase, where its total is known */

/* The values that are shown, all at once. */
enum
{
	VALUE_COMMAND, VALUE_MODEL, VALUE_STARTED, VALUE_PHASE, VALUE_DONE, VALUE_TOTAL, VALUES
};

static const char *const command_names[] = {NULL, "train", "recommend_all", "evaluate", "replay", "compare", "fairness", "value_curve", "bundles"};
static const char *const phase_names[] = {
	NULL, "reading", "sorting", "first fit", "choosing", "fitting", "storing", "scoring", "tuning", "replaying",
	"first complements", "complements", "counting", "growing"
};

/* 64 bits that stand for a model's name; hashtextextended(name, 0) is the same in SQL. */
int64
reco_progress_hash(const char *model)
{
	return (int64) hash_bytes_extended((const unsigned char *) model, (int) strlen(model), 0);
}

static bool
is_own(const RecoProgress *progress)
{
	return MyBEEntry != NULL && MyBEEntry->st_progress_command == COMMAND_NUMBER &&
		MyBEEntry->st_progress_command_target == progress->serial;
}

/* Show how far it is, unless the backend shows something else or track_activities is off. */
void
reco_progress_show(RecoProgress *progress)
{
	static const int index[VALUES] = {0, 1, 2, 3, 4, 5};
	int64		values[VALUES];

	progress->next = progress->done + progress->step;
	if (MyBEEntry != NULL && MyBEEntry->st_progress_command == PROGRESS_COMMAND_INVALID)
		pgstat_progress_start_command(COMMAND_NUMBER, progress->serial);
	if (!is_own(progress))
		return;
	values[VALUE_COMMAND] = progress->command;
	values[VALUE_MODEL] = progress->model;
	values[VALUE_STARTED] = progress->started;
	values[VALUE_PHASE] = progress->phase;
	values[VALUE_DONE] = progress->done;
	values[VALUE_TOTAL] = progress->total;
	pgstat_progress_update_multi_param(VALUES, index, values);
}

/* A run of a function begins, by reading. */
void
reco_progress_begin(RecoProgress *progress, RecoCommand command, const char *model)
{
	static uint32 last_serial = 0;

	memset(progress, 0, sizeof(*progress));
	progress->serial = ++last_serial;
	progress->command = command;
	progress->model = reco_progress_hash(model);
	progress->started = GetCurrentTimestamp();
	reco_progress_phase(progress, RECO_PHASE_READING, RECO_PROGRESS_UNKNOWN);
}

/* A phase begins, of so many units or RECO_PROGRESS_UNKNOWN.  NULL: nobody is told. */
void
reco_progress_phase(RecoProgress *progress, RecoPhase phase, int64 total)
{
	if (progress == NULL)
		return;
	progress->phase = phase;
	progress->done = 0;
	progress->total = total;
	progress->step = total < 0 ? MAX_STEP : Min(Max(total / STEPS, 1), MAX_STEP);
	reco_progress_show(progress);
}

/* Called at the end; not after an error, when PostgreSQL has emptied the slot. */
void
reco_progress_end(RecoProgress *progress)
{
	if (is_own(progress))
		pgstat_progress_end_command();
}

/* --- looking at others ------------------------------------------------------------------------------------- */

/* How many backends there are to look at; as in pg_stat_activity, a transaction goes on with what it saw first. */
int
reco_progress_backends(void)
{
	return pgstat_fetch_stat_numbackends();
}

static const char *
name_of(const char *const *names, int n, int64 i)
{
	return i > 0 && i < n ? names[i] : NULL;
}

/* What backend i, from 0 on, shows; false where that is nothing of ours. */
bool
reco_progress_of_backend(int i, RecoProgressEntry *entry)
{
	const LocalPgBackendStatus *local = reco_local_backend(i + 1);
	const PgBackendStatus *backend;
	const int64 *values;

	if (local == NULL || local->backendStatus.st_progress_command != COMMAND_NUMBER)
		return false;
	backend = &local->backendStatus;
	values = backend->st_progress_param;
	entry->pid = backend->st_procpid;
	entry->database = backend->st_databaseid;
	entry->user = backend->st_userid;
	entry->model = values[VALUE_MODEL];
	entry->command = name_of(command_names, lengthof(command_names), values[VALUE_COMMAND]);
	entry->phase = name_of(phase_names, lengthof(phase_names), values[VALUE_PHASE]);
	entry->done = values[VALUE_DONE];
	entry->total = values[VALUE_TOTAL];
	entry->started = values[VALUE_STARTED];

	/* Just begun: the number is there, the values are not. */
	return entry->command != NULL && entry->phase != NULL;
}
