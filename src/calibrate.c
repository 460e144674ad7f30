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

#define TOP 20					/* more is half of a small catalog, and no better in a large one */
#define MIN_CASES 50
#define MAX_CASES 2000

struct RecoCalibrator
{
	const RecoFactors *factors;
	const RecoRun *run;
	RecoSample *samples;
	int			n_samples;
	int			n_cases;
	int			max_cases;
	RecoTopEntry top[TOP];
};

/*
 * For at most so many requests; in the current memory context, which the budget accounts for.  Factors and run must live
 * as long.  Errors: configuration_limit_exceeded.
 */
RecoCalibrator *
reco_calibrate_begin(RecoBudget *budget, const RecoFactors *factors, const RecoRun *run, int n_cases)
{
	RecoCalibrator *calibrator = palloc0(sizeof(RecoCalibrator));
	int			max_cases = Min(n_cases, MAX_CASES);
	Size		bytes = mul_size(mul_size(max_cases, TOP), sizeof(RecoSample));

	reco_budget_require(budget, bytes, "calibration");
	calibrator->factors = factors;
	calibrator->run = run;
	calibrator->max_cases = max_cases;
	calibrator->samples = palloc(bytes);
	return calibrator;
}

/* There is no room for more requests, and no need. */
bool
reco_calibrate_is_full(const RecoCalibrator *calibrator)
{
	return calibrator->n_cases == calibrator->max_cases;
}

/* Add what came of a request. */
void
reco_calibrate_add(RecoCalibrator *calibrator, const RecoCalibrateCase *request)
{
	const RecoFactors *factors = calibrator->factors;
	RecoStrength strength;
	int			found = 0;
	int			i;
	int			j;

	strength.level = (float) reco_calibration_level(factors->gram_diagonal, factors->factors, factors->items, request->query);
	strength.basket = (float) request->basket;
	strength.history = (float) request->history;
	reco_foldin_check_status(reco_topk_scan(calibrator->run, factors->y, factors->items, factors->factors, request->query,
											NULL, request->skip, TOP, calibrator->top, &found), "scan");
	for (i = 0; i < found; i++)
	{
		RecoSample *sample = &calibrator->samples[calibrator->n_samples++];

		sample->score = calibrator->top[i].score;
		sample->strength = strength;
		sample->positive = false;
		for (j = 0; j < request->n_wanted && !sample->positive; j++)
			sample->positive = request->wanted[j] == calibrator->top[i].item;
	}
	calibrator->n_cases++;
}

/*
 * The curve as a model's parameters: intercept, slope, by_basket, by_history; slope 0 means none, where requests were
 * too few or their scores said nothing.  Frees the calibrator.
 */
void
reco_calibrate_end(RecoCalibrator *calibrator, double *curve)
{
	RecoCurve	fitted = {0, 0, 0, 0};

	if (calibrator->n_cases >= MIN_CASES)
	{
		RecoStatus	status = reco_calibration_fit(calibrator->samples, (size_t) calibrator->n_samples, calibrator->run, &fitted);

		if (status != RECO_NOT_CONVERGED && status != RECO_NOT_FINITE)
			reco_foldin_check_status(status, "calibration");
	}
	curve[0] = fitted.intercept;
	curve[1] = fitted.slope;
	curve[2] = fitted.by_basket;
	curve[3] = fitted.by_history;
	pfree(calibrator->samples);
	pfree(calibrator);
}
