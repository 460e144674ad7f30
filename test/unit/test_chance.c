/*
 * test_chance.c: tests of what chance would put together.
 *
 * Prints TAP.  Random numbers come from a fixed seed.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "chance.h"

#define MOST 64

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

static bool
is_near(double a, double b, double precision)
{
	return fabs(a - b) <= precision * fabs(b);
}

/* 1 - sum of e^-x x^i / i! below count */
static double
poisson_tail(int count, double mean)
{
	double		term = exp(-mean);
	double		below = 0;

	for (int i = 0; i < count; i++)
	{
		below += term;
		term *= mean / (i + 1);
	}
	return 1 - below;
}

static void
test_tail(void)
{
	bool		same = true;
	bool		ordered = true;

	for (int count = 1; count <= 40; count++)
		for (double mean = 0.5; mean < 60; mean *= 1.3)
			if (poisson_tail(count, mean) > 1e-6)
				same &= is_near(reco_chance_at_least(count, mean), poisson_tail(count, mean), 1e-7);
	ok(same, "the chance of at least so many is Poisson's");
	ok(is_near(reco_chance_at_least(20, 0.1), exp(-0.1) * pow(0.1, 20) / tgamma(21) * (1 + 0.1 / 21), 1e-4), "also where it is next to nothing");
	ok(is_near(reco_chance_at_least(0.5, 0.5), erf(sqrt(0.5)), 1e-12), "of half an event it is an error function");
	ok(is_near(reco_chance_at_least(3.5, 0.01), pow(0.01, 3.5) / tgamma(4.5) * exp(-0.01) * (1 + 0.01 / 4.5), 1e-5), "of few a power");
	ok(reco_chance_at_least(5, 0) == 0, "where nothing is expected nothing comes");
	ok(reco_chance_at_least(1e6, 1.01e6) > 0.99 && reco_chance_at_least(1e6, 0.99e6) < 1e-20, "of a million too");
	for (double count = 0.3; count < 1e5; count *= 1.7)
		for (double mean = count / 8; mean < count * 4; mean *= 1.2)
			ordered &= reco_chance_at_least(count, mean) <= reco_chance_at_least(count, mean * 1.1) &&
				reco_chance_at_least(count, mean) >= reco_chance_at_least(count * 1.1, mean);
	ok(ordered, "more is less likely, and likelier where more is expected");
}

static void
test_bound(void)
{
	static const double levels[] = {0.999, 0.5, 0.05, 1e-4, 1e-9, 1e-40};
	bool		exact = true;
	bool		above = true;

	for (double count = 0.4; count < 2e5; count *= 1.9)
		for (int i = 0; i < (int) (sizeof(levels) / sizeof(levels[0])); i++)
		{
			double		bound = reco_chance_lower_bound(count, levels[i]);

			exact &= is_near(reco_chance_at_least(count, bound), levels[i], 1e-6);
			above &= bound > 0;
		}
	ok(exact, "at the bound the chance of so many is the level");
	ok(above, "and the bound is positive");
	ok(is_near(reco_chance_lower_bound(1, 0.05), -log(0.95), 1e-9), "of one event it is a logarithm");
}

/* A table of orders and items by odds drawn at random has margins; what is fitted to them has the same. */
static void
test_fit(void)
{
	bool		precise = true;
	bool		in_range = true;

	for (int round = 0; round < 50; round++)
	{
		int32_t		size[MOST], orders[MOST], count[MOST], items[MOST];
		double		x[MOST], y[MOST], error;
		RecoMargins margins = {0, size, orders, 0, count, items, x, y};
		int			of_order[301] = {0};
		int			of_item[MOST] = {0};
		int			n_orders = 300;
		int			n_items = 10 + (int) (random_unit() * 40);

		for (int o = 0; o < n_orders; o++)
			for (int i = 0; i < n_items; i++)
				if (random_unit() < 0.02 + 0.9 * pow((double) o / n_orders, 4) * (i + 1) / n_items)
				{
					of_order[o]++;
					of_item[i]++;
				}
		for (int n = 1; n <= 300; n++)
		{
			int			with_size = 0;
			int			with_count = 0;

			for (int o = 0; o < n_orders; o++)
				with_size += of_order[o] == n;
			for (int i = 0; i < n_items; i++)
				with_count += of_item[i] == n;
			if (with_size > 0)
			{
				size[margins.sizes] = n;
				orders[margins.sizes++] = with_size;
			}
			if (with_count > 0)
			{
				count[margins.counts] = n;
				items[margins.counts++] = with_count;
			}
		}
		precise &= reco_chance_fit(&run, &margins, &error) == RECO_OK && error < 1e-6;
		for (int c = 0; c < margins.counts; c++)
		{
			double		sum = 0;

			for (int s = 0; s < margins.sizes; s++)
			{
				double		p = reco_chance_of(&margins, c, s);

				in_range &= p >= 0 && p <= 1;
				sum += orders[s] * p;
			}
			precise &= is_near(sum, count[c], 1e-6);
		}
	}
	ok(precise, "what is expected of each item and each order is what they have");
	ok(in_range, "chances are chances");
}

/* Of equally popular items any k are in an order of n as in a draw without replacement. */
static void
test_sets(void)
{
	int32_t		size[] = {1, 2, 7, 20}, orders[] = {300, 400, 100, 10}, count[] = {100}, items[] = {20};
	double		x[4], y[1], error;
	RecoMargins margins = {4, size, orders, 1, count, items, x, y};
	bool		same = reco_chance_fit(&run, &margins, &error) == RECO_OK;

	for (int s = 0; s < 4; s++)
		for (int k = 2; k <= RECO_CHANCE_MOST; k++)
		{
			double		drawn = 1;

			for (int i = 0; i < k; i++)
				drawn *= fmax((double) (size[s] - i), 0) / (20 - i);
			same &= fabs(reco_chance_of_sets(&margins, s, k) * pow(reco_chance_of(&margins, 0, s), k) - drawn) < 1e-6;
		}
	ok(same, "an order holds as many sets of items as its size allows");
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
	int32_t		size[] = {1, 4}, orders[] = {3, 2}, count[] = {2, 5}, items[] = {3, 1};
	double		x[2], y[2], error;
	RecoMargins margins = {2, size, orders, 2, count, items, x, y};
	RecoMargins nothing = {0, NULL, NULL, 0, NULL, NULL, NULL, NULL};
	RecoRun		stopped = {NULL, stop, NULL};

	ok(reco_chance_fit(&run, &margins, &error) == RECO_OK && reco_chance_of(&margins, 1, 0) > 0.999 && reco_chance_of(&margins, 0, 0) < 0.001 &&
	   reco_chance_of(&margins, 0, 1) > 0.999, "an item in all orders, and orders of all items, are certain");
	ok(reco_chance_fit(&run, &nothing, &error) == RECO_OK, "nothing has no margins");
	ok(reco_chance_fit(&stopped, &margins, &error) == RECO_INTERRUPTED, "it can be stopped");
}

int
main(void)
{
	test_tail();
	test_bound();
	test_fit();
	test_sets();
	test_edges();
	printf("1..%d\n", tests);
	return failures > 0;
}
