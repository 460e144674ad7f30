/*
 * calibrate.c: gathers from replayed requests what scores were worth, for calibration.c to fit a curve to.
 *
 * Only the items at the top count.  Adding a sample of all others, each standing for its share of the catalog, gives a
 * curve of the whole catalog; but nearly all of that is never recommended, outweighs the rest, and bends the curve away
 * from the items that are (src/README has the figures).
 */
#include "postgres.h"

#include "calibrate.h"

#include "foldin.h"
#include "topk.h"

#define MIN_CASES 50

/*
 * What came of the best items of a request: at most RECO_CALIBRATE_TOP samples; returns how many.
 */
int
reco_calibrate_sample(const RecoFactors *factors, const RecoRun *run, const RecoCalibrateCase *request,
					  RecoSample *samples)
{
	RecoTopEntry top[RECO_CALIBRATE_TOP];
	RecoStrength strength;
	RecoTopQuery query = {.x = request->query,.skip = request->skip,.k = RECO_CALIBRATE_TOP,.out = top};
	int			i;
	int			j;

	strength.level = (float) reco_calibration_level(factors->gram_diagonal, factors->factors, factors->items, request->query);
	strength.basket = (float) request->basket;
	strength.history = (float) request->history;
	reco_foldin_check_status(reco_topk_scan(run, factors->y, factors->items, factors->factors, NULL, &query, 1), "scan");
	for (i = 0; i < query.found; i++)
	{
		samples[i].score = top[i].score;
		samples[i].strength = strength;
		samples[i].positive = false;
		for (j = 0; j < request->n_wanted && !samples[i].positive; j++)
			samples[i].positive = request->wanted[j] == top[i].item;
	}
	return query.found;
}

/*
 * The curve as a model's parameters: intercept, slope, by_basket, by_history; slope 0 means none, where requests were
 * too few or their scores said nothing.
 */
void
reco_calibrate_fit(const RecoSample *samples, int n_samples, int n_cases, const RecoRun *run, double *curve)
{
	RecoCurve	fitted = {0, 0, 0, 0};

	if (n_cases >= MIN_CASES)
	{
		RecoStatus	status = reco_calibration_fit(samples, (size_t) n_samples, run, &fitted);

		if (status != RECO_NOT_CONVERGED && status != RECO_NOT_FINITE)
			reco_foldin_check_status(status, "calibration");
	}
	curve[0] = fitted.intercept;
	curve[1] = fitted.slope;
	curve[2] = fitted.by_basket;
	curve[3] = fitted.by_history;
}
