/*
 * test_attributes.c: tests of what attributes of items are used for, of factors by ridge regression and of attribute match.
 *
 * Prints TAP.  Random numbers come from a fixed seed.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "match.h"
#include "ridge.h"

#define ITEMS 300
#define TERMS 40
#define FACTORS 20
#define ENTRIES 4				/* of an item */

static int	tests;
static int	failures;
static RecoRun run;				/* with the kernels under test */
static uint64_t random_state = 88172645463325252u;

static void
__attribute__((format(printf, 2, 3)))
ok(bool good, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	printf("%sok %d - ", good ? "" : "not ", ++tests);
	vprintf(format, args);
	printf("\n");
	va_end(args);
	failures += !good;
}

static double
uniform(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (double) (random_state >> 11) * 0x1p-53;
}

static void *
take(size_t size)
{
	void	   *memory = aligned_alloc(64, (size + 127) / 64 * 64);

	if (memory == NULL)
		abort();
	return memory;
}

/* --- ridge regression -------------------------------------------------------------------------------------- */

static int64_t start[ITEMS + 1];
static int32_t term[ITEMS * ENTRIES];
static float weight[ITEMS * ENTRIES];
static float row_weight[ITEMS];
static const RecoSparse terms = {ITEMS, TERMS, start, term, weight};

/* Terms at random; the last tenth of the items is not known. */
static void
make_terms(void)
{
	for (int i = 0; i < ITEMS; i++)
	{
		start[i + 1] = start[i] + ENTRIES;
		for (int e = 0; e < ENTRIES; e++)
		{
			term[i * ENTRIES + e] = e * (TERMS / ENTRIES) + (int32_t) (uniform() * (TERMS / ENTRIES));
			weight[i * ENTRIES + e] = (float) (0.2 + uniform());
		}
		row_weight[i] = i < ITEMS * 9 / 10 ? (float) (0.1 + uniform()) : 0;
	}
}

/* The gradient of the objective, in doubles, as a share of what it is at 0: largest over all coefficients of a factor. */
static double
worst_gradient(const float *y, const float *b, double alpha)
{
	size_t		stride = reco_stride(FACTORS);
	double		worst = 0;

	for (int k = 0; k < FACTORS; k++)
	{
		double		gradient[TERMS];
		double		at_zero[TERMS] = {0};
		double		most = 0;
		double		most_at_zero = 0;

		for (int t = 0; t < TERMS; t++)
			gradient[t] = alpha * b[t * stride + k];
		for (int i = 0; i < ITEMS; i++)
		{
			double		residual = -y[i * stride + k];

			for (int64_t e = start[i]; e < start[i + 1]; e++)
				residual += (double) weight[e] * b[term[e] * stride + k];
			for (int64_t e = start[i]; e < start[i + 1]; e++)
			{
				gradient[term[e]] += row_weight[i] * residual * weight[e];
				at_zero[term[e]] -= (double) row_weight[i] * y[i * stride + k] * weight[e];
			}
		}
		for (int t = 0; t < TERMS; t++)
		{
			most = fmax(most, fabs(gradient[t]));
			most_at_zero = fmax(most_at_zero, fabs(at_zero[t]));
		}
		worst = fmax(worst, most / most_at_zero);
	}
	return worst;
}

static void
test_ridge(void)
{
	size_t		stride = reco_stride(FACTORS);
	float	   *y = take(ITEMS * stride * sizeof(float));
	float	   *b = take(TERMS * stride * sizeof(float));
	float	   *again = take(TERMS * stride * sizeof(float));
	float	   *predicted = take(stride * sizeof(float));
	void	   *workspace = take(reco_ridge_workspace_size(TERMS, FACTORS));
	RecoRidgeOptions options = reco_ridge_options_default();
	RecoStatus	status;
	double		error = 0;
	double		size = 0;
	bool		padded = true;

	make_terms();
	memset(y, 0, ITEMS * stride * sizeof(float));
	/* Planted coefficients, and noise. */
	for (int t = 0; t < TERMS; t++)
		for (int k = 0; k < FACTORS; k++)
			b[t * stride + k] = (float) (uniform() - 0.5);
	for (int i = 0; i < ITEMS; i++)
		for (int k = 0; k < FACTORS; k++)
		{
			for (int64_t e = start[i]; e < start[i + 1]; e++)
				y[i * stride + k] += weight[e] * b[term[e] * stride + k];
			y[i * stride + k] += (float) ((uniform() - 0.5) * 0.1);
		}
	options.precision = 1e-6;
	status = reco_ridge_fit(&terms, row_weight, y, FACTORS, &options, again, workspace, &run);
	ok(status == RECO_OK && worst_gradient(y, again, options.regularization) < 1e-5,
	   "%s: coefficients are where the gradient is 0 (%.1e)", run.kernels->name, worst_gradient(y, again, options.regularization));
	options.regularization = 0.01;
	status = reco_ridge_fit(&terms, row_weight, y, FACTORS, &options, b, workspace, &run);
	for (int i = ITEMS * 9 / 10; i < ITEMS; i++)
	{
		reco_ridge_predict(&terms, i, b, FACTORS, predicted, &run);
		for (int k = 0; k < FACTORS; k++)
		{
			error += pow(predicted[k] - y[i * stride + k], 2);
			size += pow(y[i * stride + k], 2);
		}
	}
	ok(status == RECO_OK && error < 0.02 * size, "%s: factors of unknown items are foretold (%.4f of the variance is left)",
	   run.kernels->name, error / size);
	for (int t = 0; t < TERMS; t++)
		for (size_t k = FACTORS; k < stride; k++)
			padded &= b[t * stride + k] == 0;
	ok(padded, "%s: the padding is zero", run.kernels->name);
	memset(again, 0xff, TERMS * stride * sizeof(float));
	memset(workspace, 0xff, reco_ridge_workspace_size(TERMS, FACTORS));
	(void) reco_ridge_fit(&terms, row_weight, y, FACTORS, &options, again, workspace, &run);
	ok(memcmp(b, again, TERMS * stride * sizeof(float)) == 0, "%s: the same bits again", run.kernels->name);
	/* What items of no weight have does not matter, whatever it is. */
	for (int i = ITEMS * 9 / 10; i < ITEMS; i++)
		y[i * stride] = NAN;
	(void) reco_ridge_fit(&terms, row_weight, y, FACTORS, &options, again, workspace, &run);
	ok(memcmp(b, again, TERMS * stride * sizeof(float)) == 0, "%s: items of no weight are not looked at", run.kernels->name);
	y[0] = INFINITY;
	ok(reco_ridge_fit(&terms, row_weight, y, FACTORS, &options, again, workspace, &run) == RECO_NOT_FINITE,
	   "%s: infinite factors are refused", run.kernels->name);
	memset(row_weight, 0, sizeof(row_weight));
	ok(reco_ridge_fit(&terms, row_weight, y, FACTORS, &options, again, workspace, &run) == RECO_OK && again[0] == 0 &&
	   memcmp(again, again + 1, (TERMS * stride - 1) * sizeof(float)) == 0, "%s: of nothing comes nothing", run.kernels->name);
	options.regularization = 0;
	ok(reco_ridge_fit(&terms, row_weight, y, FACTORS, &options, again, workspace, &run) == RECO_BAD_ARGUMENT,
	   "%s: alpha must be positive", run.kernels->name);
	free(y);
	free(b);
	free(again);
	free(predicted);
	free(workspace);
}

static bool
stop(void *arg)
{
	return --*(int *) arg > 0;
}

/* Asked often, and it may say no at any time. */
static void
test_interrupts(void)
{
	size_t		stride = reco_stride(FACTORS);
	float	   *y = take(ITEMS * stride * sizeof(float));
	float	   *b = take(TERMS * stride * sizeof(float));
	void	   *workspace = take(reco_ridge_workspace_size(TERMS, FACTORS));
	RecoRidgeOptions options = reco_ridge_options_default();
	int			left = 3;
	RecoRun		asking = {run.kernels, stop, &left};

	make_terms();
	for (size_t i = 0; i < ITEMS * stride; i++)
		y[i] = i % stride < FACTORS ? (float) uniform() : 0;
	ok(reco_ridge_fit(&terms, row_weight, y, FACTORS, &options, b, workspace, &asking) == RECO_INTERRUPTED, "it can be stopped");
	free(y);
	free(b);
	free(workspace);
}

/* --- attribute match --------------------------------------------------------------------------------------- */

#define SHOP	240				/* items */
#define FIELDS	3
#define SELLERS 12				/* one of each item */
#define TAGS	8				/* two of each item */
#define COLOURS 5				/* one, which nobody minds */
#define VALUES	(SELLERS + TAGS + COLOURS)
#define PAIRS	3000

static const int32_t first[FIELDS + 1] = {0, SELLERS, SELLERS + TAGS, VALUES};
static int64_t value_start[SHOP + 1];
static int32_t value_index[SHOP * 4];
static float counts[SHOP];
static double mass[VALUES];
static RecoMatchDesign design = {FIELDS, first, {SHOP, VALUES, value_start, value_index, NULL}, counts, mass};

static int32_t
seller_of(int32_t item)
{
	return value_index[item * 4];
}

static int32_t
item_of_seller(int32_t seller)
{
	int32_t		item;

	do
		item = (int32_t) (uniform() * SHOP);
	while (seller_of(item) != seller);
	return item;
}

static void
make_shop(void)
{
	for (int32_t i = 0; i < SHOP; i++)
	{
		int32_t		tag = (int32_t) (uniform() * (TAGS - 1));

		value_start[i + 1] = 4 * (i + 1);
		value_index[i * 4] = (int32_t) (uniform() * SELLERS);
		value_index[i * 4 + 1] = SELLERS + tag;
		value_index[i * 4 + 2] = SELLERS + TAGS - 1;
		value_index[i * 4 + 3] = SELLERS + TAGS + (int32_t) (uniform() * COLOURS);
		counts[i] = i % 10 == 0 ? 0 : (float) (1 + (int) (uniform() * 20));
	}
	(void) reco_match_measure(&design, mass, &run);
}

static bool
has_value(int32_t item, int32_t value)
{
	for (int e = 0; e < 4; e++)
		if (value_index[item * 4 + e] == value)
			return true;
	return false;
}

/* The chance of an item given another by a field, by its definition. */
static double
plain_chance(int32_t item, int32_t other, int field, double less)
{
	double		sum = 0;
	int			n = 0;

	for (int32_t v = first[field]; v < first[field + 1]; v++)
	{
		double		all = 0;

		if (!has_value(other, v))
			continue;
		n++;
		for (int32_t k = 0; k < SHOP; k++)
			if (has_value(k, v) && k != other)
				all += k == item ? fmax(counts[k] - less, 0) + 3 : counts[k] + 3;
		if (has_value(item, v))
			sum += (fmax(counts[item] - less, 0) + 3) / all;
	}
	return n > 0 ? sum / n : 0;
}

static void
test_chances(void)
{
	float		chances[FIELDS + 1];
	double		worst = 0;

	for (int i = 0; i < 500; i++)
	{
		RecoMatchPair pair = {(int32_t) (uniform() * SHOP), (int32_t) (uniform() * SHOP), 1};

		if (pair.item == pair.other)
			continue;
		reco_match_chances(&design, reco_match_base(&design), &pair, chances);
		for (int f = 0; f < FIELDS; f++)
			worst = fmax(worst, fabs(chances[f] - plain_chance(pair.item, pair.other, f, 1)));
	}
	ok(worst < 1e-6, "chances of pairs are as defined, without what the pair adds (%.1e)", worst);
}

/* Of the pairs these shares have the same seller, or the same tag, by chance as often as others do beside. */
static void
test_reasons(double sellers)
{
	static RecoMatchPair pairs[PAIRS];
	static float chances[PAIRS * (FIELDS + 1)];
	double		reasons[FIELDS + 1];
	double		sum = 0;
	RecoStatus	status;

	for (int i = 0; i < PAIRS; i++)
	{
		int32_t		other = (int32_t) (uniform() * SHOP);
		int32_t		item;

		/* Anything is bought as often as its count says. */
		do
			item = uniform() < sellers ? item_of_seller(seller_of(other)) : (int32_t) (uniform() * SHOP);
		while (item == other || uniform() * 24 > counts[item] + 3);
		pairs[i] = (RecoMatchPair) {item, other, 1};
		reco_match_chances(&design, reco_match_base(&design), &pairs[i], &chances[i * (FIELDS + 1)]);
	}
	status = reco_match_learn(chances, pairs, PAIRS, FIELDS, reasons, &run);
	for (int f = 0; f <= FIELDS; f++)
		sum += reasons[f];
	ok(status == RECO_OK && fabs(reasons[0] - sellers) < 0.1 && reasons[2] < 0.05 && fabs(sum - 1) < 1e-9,
	   "where the seller is the reason of %.1f of the pairs, so it is said: %.2f, tags %.2f, colours %.2f, none %.2f",
	   sellers, reasons[0], reasons[1], reasons[2], reasons[3]);
}

static void
test_no_pairs(void)
{
	double		reasons[FIELDS + 1];

	ok(reco_match_learn(NULL, NULL, 0, FIELDS, reasons, &run) == RECO_OK && reasons[0] == reasons[FIELDS] &&
	   fabs(reasons[0] - 1.0 / (FIELDS + 1)) < 1e-12, "without pairs all reasons are alike");
	ok(reco_match_learn(NULL, NULL, 0, RECO_MATCH_MOST_FIELDS + 1, reasons, &run) == RECO_BAD_ARGUMENT, "too many fields are refused");
}

/* Everything that serving needs, from the design. */
static int64_t share_start[SHOP + 1];
static int32_t share_index[SHOP * 4];
static float share_weight[SHOP * 4];
static int64_t list_start[VALUES + 1];
static int32_t list_index[SHOP * 4];
static float list_weight[SHOP * 4];
static const RecoMatchField fields[FIELDS + 1] = {
	{0, 0.5f, 0.25f}, {SELLERS, 0.2f, 0.5f}, {SELLERS + TAGS, 0, 0.125f}, {VALUES, 0, 0}
};
static const RecoMatch match = {
	{SHOP, VALUES, share_start, share_index, share_weight}, {VALUES, SHOP, list_start, list_index, list_weight}, FIELDS, fields
};

static void
make_match(void)
{
	int64_t		n = 0;

	for (int32_t i = 0; i < SHOP; i++)
	{
		for (int e = 0; e < 4; e++)
		{
			int32_t		value = value_index[i * 4 + e];
			float		share = reco_match_share(&design, i, value, e == 1 || e == 2 ? 2 : 1);

			if (share <= 0)
				continue;
			share_index[n] = value;
			share_weight[n++] = share;
		}
		share_start[i + 1] = n;
	}
	for (int32_t v = 0; v < VALUES; v++)
	{
		RecoMatchEntry items[SHOP];
		int			of_value = 0;

		for (int32_t i = 0; i < SHOP; i++)
			if (has_value(i, v))
				items[of_value++] = (RecoMatchEntry) {i, counts[i]};
		list_start[v + 1] = list_start[v] + reco_match_list(&design, v, items, of_value, list_index + list_start[v],
															list_weight + list_start[v]);
	}
}

/* What a bag says of an item, by the formula. */
static double
plain_score(const RecoMatchEntry *entries, int n, RecoMatchBag bag, int32_t item)
{
	double		sum = 0;

	for (int i = 0; i < n; i++)
		for (int f = 0; f < FIELDS; f++)
			sum += entries[i].weight * (bag == RECO_MATCH_BASKET ? fields[f].basket : fields[f].history) *
				plain_chance(item, entries[i].item, f, 0);
	return sum;
}

static void
test_scores(RecoMatchBag bag)
{
	RecoMatchEntry entries[] = {{17, 2}, {40, 1}, {3, 1}};
	RecoMatchValue values[12];
	int			n = reco_match_choose_entries(entries, 3);
	int			n_values = reco_match_find_values(&match, bag, entries, n, values);
	double		worst = 0;
	double		apart = 0;

	for (int32_t item = 0; item < SHOP; item++)
	{
		double		contributions = 0;
		double		score = 0;

		/* Of the tag that all items have not all are listed. */
		if (item == 17 || item == 40 || item == 3 || counts[item] < 8)
			continue;
		for (int i = 0; i < n; i++)
			contributions += reco_match_contribution(&match, bag, &entries[i], values, n_values, item);
		for (int i = 0; i < n_values; i++)
			for (int64_t e = list_start[values[i].value]; e < list_start[values[i].value + 1]; e++)
				if (list_index[e] == item)
					score += (double) values[i].weight * list_weight[e];
		worst = fmax(worst, fabs(score - plain_score(entries, n, bag, item)));
		apart = fmax(apart, fabs(score - contributions));
	}
	ok(entries[0].item == 3 && entries[2].weight == 0.25f && reco_match_most_values(&match, entries, n) <= 12,
	   "a bag's entries are in the order of items, and their weights are shares");
	ok(worst < 1e-6, "scores are as the formula says (%.1e)", worst);
	ok(apart < 1e-7, "they are the sum of what the entries contribute (%.1e)", apart);
}

static void
test_limits(void)
{
	RecoMatchEntry entries[SHOP];
	static RecoMatchValue values[RECO_MATCH_MOST_ENTRIES * 4];
	double		sum = 0;
	int			n_values;
	int			n;
	int			of_all;
	int			new_items = 0;
	bool		ascending = true;

	for (int i = 0; i < SHOP; i++)
		entries[i] = (RecoMatchEntry) {SHOP - 1 - i, (float) (1 + i % 7)};
	n = reco_match_choose_entries(entries, SHOP);
	n_values = reco_match_find_values(&match, RECO_MATCH_HISTORY, entries, n, values);
	for (int i = 0; i < n; i++)
	{
		sum += entries[i].weight;
		ascending &= i == 0 || entries[i].item > entries[i - 1].item;
	}
	for (int i = 1; i < n_values; i++)
		ascending &= values[i].value > values[i - 1].value;
	ok(n == RECO_MATCH_MOST_ENTRIES && n_values <= VALUES && ascending && fabs(sum - 1) < 1e-5, "the heaviest %d entries are looked at", n);
	ok(reco_match_choose_entries(entries, 0) == 0, "or none");
	/* The tag that all items have. */
	of_all = (int) (list_start[SELLERS + TAGS] - list_start[SELLERS + TAGS - 1]);
	sum = 0;
	for (int64_t e = list_start[SELLERS + TAGS - 1]; e < list_start[SELLERS + TAGS]; e++)
	{
		sum += list_weight[e];
		new_items += counts[list_index[e]] == 0;
	}
	ok(of_all == RECO_MATCH_MOST_LISTED && new_items == SHOP / 10 && sum < 1,
	   "of a value that all have %d items are listed, %d of them new", of_all, new_items);
	ok(reco_match_share(&(RecoMatchDesign) {.count = (float[]) {5}, .mass = (double[]) {8}}, 0, 0, 1) == 0,
	   "what nobody else has is no reason");
}

int
main(void)
{
	for (int i = 0; reco_kernels_name(i) != NULL; i++)
	{
		run.kernels = reco_kernels_choose(reco_kernels_name(i));
		if (run.kernels == NULL)
			continue;
		test_ridge();
	}
	run.kernels = reco_kernels_choose(NULL);
	test_interrupts();
	make_shop();
	test_chances();
	test_reasons(0.6);
	test_reasons(0);
	test_no_pairs();
	make_match();
	test_scores(RECO_MATCH_BASKET);
	test_scores(RECO_MATCH_HISTORY);
	test_limits();
	printf("1..%d\n", tests);
	return failures > 0;
}
