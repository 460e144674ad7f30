/*
 * test_experiment.c: tests of assignment to arms, tails of distributions, boundaries of several looks and ratios by arm.
 *
 * Prints TAP.  Random numbers come from a fixed seed.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assignment.h"
#include "boundary.h"
#include "ratios.h"
#include "tails.h"

#define USERS 2000

static int	tests;
static int	failures;
static const RecoRun run = {NULL, NULL, NULL};
static uint64_t random_state = 88172645463325252u;

static void
ok(bool condition, const char *what)
{
	printf("%sok %d - %s\n", condition ? "" : "not ", ++tests, what);
	failures += !condition;
}

static double
random_unit(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (double) (random_state >> 11) / 9007199254740992.0;
}

static double
random_normal(void)
{
	return sqrt(-2 * log(1 - random_unit())) * cos(6.283185307179586 * random_unit());
}

static bool
is_near(double a, double b, double precision)
{
	return fabs(a - b) <= precision * fmax(fabs(b), 1e-300);
}

/* The vectors of the paper's reference implementation: key 00 01 ... 0f, messages of 0, 1, 2 ... bytes 00 01 02 ... */
static void
test_hash(void)
{
	static const struct
	{
		int			length;
		uint64_t	hash;
	}			vectors[] = {
		{0, 0x726fdb47dd0e0e31u}, {1, 0x74f839c593dc67fdu}, {2, 0x0d6c8009d9a94f5au}, {3, 0x85676696d7fb7e2du},
		{7, 0xab0200f58b01d137u}, {8, 0x93f5f5799a932462u}, {15, 0xa129ca6149be45e5u}
	};
	const uint64_t key[2] = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
	uint8_t		message[16];
	bool		same = true;

	for (int i = 0; i < 16; i++)
		message[i] = (uint8_t) i;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		same &= reco_assignment_hash(key, message, vectors[i].length) == vectors[i].hash;
	ok(same, "the hash is SipHash-2-4");
}

static int
arm_of(const RecoAssignment *assignment, int unit)
{
	char		digits[16];

	return reco_assignment_arm(assignment, digits, snprintf(digits, sizeof(digits), "%d", unit));
}

static void
test_assignment(void)
{
	const double weights[] = {1, 0.25, 2.75, 4};
	RecoAssignment one, other;
	int64_t		counts[4] = {0};
	int64_t		both[16] = {0};
	double		products[16];
	int			n = 400000;

	reco_assignment_begin(&one, "one", 3, weights, 4);
	reco_assignment_begin(&other, "other", 5, weights, 4);
	for (int i = 0; i < n; i++)
	{
		counts[arm_of(&one, i)]++;
		both[4 * arm_of(&one, i) + arm_of(&other, i)]++;
	}
	for (int i = 0; i < 16; i++)
		products[i] = weights[i / 4] * weights[i % 4];
	ok(reco_ratios_uneven(counts, weights, 4) > 0.01, "arms have their shares");
	ok(reco_ratios_uneven(both, products, 16) > 0.01, "arms of two experiments have nothing to do with one another");
	reco_assignment_begin(&other, "one", 3, weights, 4);
	ok(arm_of(&one, 17) == arm_of(&other, 17) && memcmp(one.key, other.key, sizeof(one.key)) == 0, "the salt decides");
	reco_assignment_begin(&one, "x", 1, weights, 1);
	ok(arm_of(&one, 17) == 0, "of one arm it is that");
}

static void
test_tails(void)
{
	ok(is_near(reco_tails_normal_quantile(0.025), 1.959963984540054, 1e-9) && is_near(reco_tails_normal_quantile(0.9), -1.2815515655446, 1e-9),
	   "quantiles of the normal distribution");
	ok(is_near(reco_tails_student_quantile(0.025, 1), 12.706204736, 1e-8) && is_near(reco_tails_student_quantile(0.025, 10), 2.228138852, 1e-8) &&
	   is_near(reco_tails_student_quantile(0.0005, 3), 12.92397864, 1e-8) && is_near(reco_tails_student_quantile(0.025, 1e8), 1.959963985, 1e-6),
	   "of Student's");
	ok(is_near(reco_tails_student(1, 1), 0.25, 1e-12) && is_near(reco_tails_student(0, 7), 0.5, 1e-12), "and its tails");
	ok(is_near(reco_tails_chi_square(3.841458821, 1), 0.05, 1e-8) && is_near(reco_tails_chi_square(10.827566, 1), 0.001, 1e-6) &&
	   is_near(reco_tails_chi_square(18.307038, 10), 0.05, 1e-7) && reco_tails_chi_square(1e4, 2) == 0, "tails of chi-square");
}

/* The share of walks without drift that are ever beyond the boundary. */
static double
crossed(const double *information, const double *z, int looks, int walks)
{
	int			n = 0;

	for (int w = 0; w < walks; w++)
	{
		double		position = 0;
		double		before = 0;

		for (int k = 0; k < looks; k++)
		{
			if (!(information[k] > 0))
				continue;
			position += random_normal() * sqrt(information[k] - before);
			before = information[k];
			if (fabs(position) > z[k] * sqrt(before))
			{
				n++;
				break;
			}
		}
	}
	return (double) n / walks;
}

static void
test_boundary(void)
{
	static const int counts[] = {1, 2, 5, 28, 100};
	void	   *workspace = malloc(reco_boundary_workspace());
	double		information[100], elapsed[100], z[100], again[100];
	bool		held = true;
	bool		same = true;

	for (int c = 0; c < 5; c++)
	{
		int			n = counts[c];

		for (int k = 0; k < n; k++)
		{
			information[k] = 1e-6 * pow(k + 1, c % 2 == 0 ? 1 : 1.7);
			elapsed[k] = (k + 1.0) / n;
		}
		held &= reco_boundary_find(&run, information, elapsed, n, 0.05, workspace, z) == RECO_OK;
		held &= fabs(crossed(information, z, n, 40000) - 0.05) < 0.0045;
		if (n == 1)
			ok(is_near(z[0], 1.959963985, 1e-6), "the boundary of one look is that of a fixed test");
		(void) reco_boundary_find(&run, information, elapsed, n - 1, 0.05, workspace, again);
		for (int k = 0; k < n - 1; k++)
			same &= again[k] == z[k];
	}
	ok(held, "a walk without drift is ever beyond with the chance of the level");
	ok(same, "and what is to come does not move it");
	information[0] = information[3] = NAN;
	information[1] = 0;
	(void) reco_boundary_find(&run, information, elapsed, 100, 0.05, workspace, z);
	ok(isinf(z[0]) && isinf(z[1]) && isinf(z[3]) && fabs(crossed(information, z, 100, 40000) - 0.05) < 0.0045, "looks that are not taken spend nothing");
	for (int k = 0; k < 28; k++)
	{
		information[k] = k < 14 ? k + 1 : 14 + 0.0001 * k;
		elapsed[k] = (k + 1) / 28.0;
	}
	(void) reco_boundary_find(&run, information, elapsed, 28, 0.05, workspace, z);
	ok(crossed(information, z, 28, 40000) < 0.0545 && z[27] < 3, "where nothing is learned any more it errs to the side of caution");
	free(workspace);
}

typedef struct Shop
{
	int32_t		arm[USERS];
	double		y[USERS], x[USERS], prior_y[USERS], prior_x[USERS];
	bool		known[USERS];
} Shop;

static void
draw(Shop *shop, double effect, int arms)
{
	for (int i = 0; i < USERS; i++)
	{
		double		level = exp(0.5 * random_normal());
		int			orders = 1 + (int) (0.5 / sqrt(random_unit()));
		int			before = (int) (1 / sqrt(random_unit()));

		shop->arm[i] = (int) (random_unit() * arms);
		shop->known[i] = random_unit() < 0.7;
		shop->x[i] = orders;
		shop->y[i] = shop->prior_y[i] = 0;
		shop->prior_x[i] = before;
		while (orders-- > 0)
			shop->y[i] += level * exp(0.4 * random_normal()) * (shop->arm[i] == 1 ? 1 + effect : 1);
		while (before-- > 0)
			shop->prior_y[i] += level * exp(0.4 * random_normal());
	}
}

static RecoUnits
units_of(const Shop *shop)
{
	return (RecoUnits) {USERS, shop->arm, shop->y, shop->x, shop->prior_y, shop->prior_x, shop->known};
}

/* Experiments with a lift that is known: the intervals hold it, and are narrower by CUPED. */
static void
test_lift(double effect, const char *holds, const char *narrower)
{
	Shop	   *shop = malloc(sizeof(Shop));
	int			held = 0;
	int			held_plain = 0;
	double		width = 0;
	double		plain_width = 0;
	int			n = 1000;

	for (int i = 0; i < n; i++)
	{
		RecoUnits	units = units_of(shop);
		RecoArmRatio ratios[2];
		RecoLift	plain, lift;
		double		t;

		draw(shop, effect, 2);
		(void) reco_ratios_by_arm(&run, &units, 2, true, ratios);
		plain = reco_ratios_lift(&ratios[0], &ratios[1], false);
		lift = reco_ratios_lift(&ratios[0], &ratios[1], true);
		t = reco_tails_student_quantile(0.025, lift.freedom);
		held += reco_ratios_moved(&lift, -t) < effect && reco_ratios_moved(&lift, t) > effect;
		held_plain += reco_ratios_moved(&plain, -t) < effect && reco_ratios_moved(&plain, t) > effect;
		width += lift.error;
		plain_width += plain.error;
	}
	ok(abs(held - 950) <= 20 && abs(held_plain - 950) <= 20, holds);
	ok(width < 0.95 * plain_width, narrower);
	free(shop);
}

static void
test_ratios(void)
{
	Shop	   *shop = malloc(sizeof(Shop));
	RecoUnits	units = units_of(shop);
	RecoArmRatio ratios[2], newcomers[2], swapped[2];
	RecoLift	there, back;
	double		y = 0, x = 0, sum = 0;
	int			n = 0;

	draw(shop, 0.1, 2);
	(void) reco_ratios_by_arm(&run, &units, 2, true, ratios);
	for (int i = 0; i < USERS; i++)
		if (shop->arm[i] == 1)
		{
			n++;
			y += shop->y[i];
			x += shop->x[i];
		}
	for (int i = 0; i < USERS; i++)
		if (shop->arm[i] == 1)
			sum += pow((shop->y[i] - y / x * shop->x[i]) / (x / n) / (1 - shop->x[i] / x), 2);
	ok(is_near(ratios[1].plain, y / x, 1e-12) && is_near(ratios[1].plain_variance, sum * (n - 1) / pow(n, 3) / pow(y / x, 2), 1e-9), "a ratio and its variance");
	there = reco_ratios_lift(&ratios[0], &ratios[1], true);
	back = reco_ratios_lift(&ratios[1], &ratios[0], true);
	ok(is_near((1 + reco_ratios_moved(&there, 2)) * (1 + reco_ratios_moved(&back, -2)), 1, 1e-12), "exchanged arms have the interval turned round");
	for (int i = 0; i < USERS; i++)
		shop->arm[i] = 1 - shop->arm[i];
	(void) reco_ratios_by_arm(&run, &units, 2, true, swapped);
	ok(is_near(swapped[0].ratio, ratios[1].ratio, 1e-9) && is_near(swapped[0].variance, ratios[1].variance, 1e-9), "no arm is special");
	memset(shop->known, 0, sizeof(shop->known));
	(void) reco_ratios_by_arm(&run, &units, 2, true, newcomers);
	ok(newcomers[0].ratio == newcomers[0].plain && newcomers[0].variance == newcomers[0].plain_variance, "of newcomers nothing is adjusted");
	units.x = NULL;
	(void) reco_ratios_by_arm(&run, &units, 2, false, ratios);
	ok(is_near(ratios[0].plain, y / n, 1e-12), "without x it is the mean");
	free(shop);
}

static bool
stop(void *arg)
{
	(void) arg;
	return false;
}

static void
test_edges(void)
{
	const int32_t arm[] = {0, 0, 1, 1};
	const double y[] = {1, 1, 0, 0}, x[] = {1, 2, 0, 0};
	RecoUnits	units = {4, arm, y, x, NULL, NULL, NULL};
	RecoUnits	nobody = {0, arm, y, x, NULL, NULL, NULL};
	RecoArmRatio ratios[2];
	RecoLift	lift;
	const RecoRun stopped = {NULL, stop, NULL};
	const int64_t none[] = {0, 0};
	const double even[] = {1, 1};

	ok(reco_ratios_by_arm(&run, &units, 2, true, ratios) == RECO_OK && isnan(ratios[1].plain) && isnan(ratios[1].variance), "an arm without orders has no ratio");
	lift = reco_ratios_lift(&ratios[0], &ratios[1], true);
	ok(isnan(lift.lift) && isnan(lift.error), "nor a lift");
	ok(reco_ratios_by_arm(&run, &nobody, 2, true, ratios) == RECO_OK && isnan(ratios[0].variance), "nor has an arm of nobody");
	ok(reco_ratios_by_arm(&run, &units, 0, true, ratios) == RECO_BAD_ARGUMENT && reco_ratios_by_arm(&run, &units, RECO_MAX_ARMS + 1, true, ratios) == RECO_BAD_ARGUMENT,
	   "no arms, and too many, are refused");
	ok(reco_ratios_by_arm(&stopped, &units, 2, true, ratios) == RECO_INTERRUPTED, "it can be stopped");
	ok(reco_ratios_uneven(none, even, 2) == 1, "nobody is not uneven");
}

int
main(void)
{
	test_hash();
	test_assignment();
	test_tails();
	test_boundary();
	test_ratios();
	test_lift(0, "intervals hold that there is no lift as often as they say", "CUPED narrows them");
	test_lift(0.08, "intervals hold a lift as often as they say", "CUPED narrows them too");
	test_edges();
	printf("1..%d\n", tests);
	return failures > 0;
}
