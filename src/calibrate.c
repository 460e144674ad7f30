/*
 * calibrate.c: gathers from replayed requests what scores were worth, for calibration.c to fit a curve to.
 *
 * Only the items at the top count.  Adding a sample of all others, each standing for its share of the catalog, gives a
 * curve of the whole catalog; but nearly all of that is never recommended, outweighs the rest, and bends the curve away
 * from the items that are (src/README has the figures).
 */
#include "postgres.h"

#include "calibrate.h"

#include "storage/shmem.h"

#define MIN_CASES 50

static void
fit(const RecoSample *samples, Size n_samples, int n_cases, const RecoRun *run, RecoCurve *curve)
{
	RecoStatus	status;

	memset(curve, 0, sizeof(*curve));
	if (n_cases < MIN_CASES)
		return;
	status = reco_calibration_fit(samples, n_samples, run, curve);
	if (status != RECO_NOT_CONVERGED && status != RECO_NOT_FINITE)
		reco_foldin_check_status(status, "calibration");
}

static Size
make_samples(const RecoTrialList *lists, int n_lists, const RecoOutcome *outcomes, RecoSample *samples)
{
	Size		n = 0;
	int			l;
	int			i;

	for (l = 0; l < n_lists; l++)
		for (i = 0; i < lists[l].n; i++, n++)
			samples[n] = (RecoSample) {outcomes[n].score, lists[l].strength, outcomes[n].positive};
	return n;
}

/*
 * What the scores of a trial are worth on the cases that have just that to go on; no curve where requests were too few or
 * their scores said nothing.
 */
void
reco_calibrate(RecoTrials *trials, const RecoTrial *trial, RecoEvidenceKind kind, RecoCurve *curve)
{
	RecoBudget *budget = reco_crew_arena(trials->crew)->budget;
	int			most = Min(trials->cases.n, RECO_CALIBRATE_CASES);
	RecoTrialList *lists = reco_budget_alloc(budget, most, sizeof(RecoTrialList), "calibration");
	RecoOutcome *outcomes = reco_budget_alloc(budget, mul_size(most, RECO_CALIBRATE_TOP), sizeof(RecoOutcome), "calibration");
	RecoSample *samples = reco_budget_alloc(budget, mul_size(most, RECO_CALIBRATE_TOP), sizeof(RecoSample), "calibration");
	int			n = reco_trials_list(trials, trial, kind, RECO_CALIBRATE_TOP, most, lists, outcomes);

	fit(samples, make_samples(lists, n, outcomes, samples), n, &reco_crew_leader(trials->crew)->run, curve);
	reco_budget_free(budget, samples);
	reco_budget_free(budget, outcomes);
	reco_budget_free(budget, lists);
}
