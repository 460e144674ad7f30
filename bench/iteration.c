/*
 * iteration.c: what one iteration of iALS takes, by src/ials.h alone, and how good its factors are.
 *
 *		iteration make FILE USERS ITEMS PAIRS
 *		iteration run FILE FACTORS KERNEL ITERATIONS [exact | PRECISION STEPS]
 *
 * "make" writes a made-up matrix: customers and items by a power law, every customer's items distinct, customers of one
 * of 64 kinds sharing a block of items.  The file is users, items and entries (int64), then starts (users + 1, int64) and
 * columns (int32), in the machine's byte order; peers.py reads it too.  All weights are 1.
 *
 * "run" fits from a random start and prints wall and CPU seconds of one iteration (the mean of all) and the objective
 * afterwards.  KERNEL is avx512, avx2, baseline or auto; exit status 3 where this processor lacks it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "ials.h"
#include "kernels.h"

typedef struct Matrix
{
	int64_t		size[3];		/* users, items, entries */
	int64_t    *start;
	int32_t    *index;
} Matrix;

static void
fail(const char *what)
{
	fprintf(stderr, "iteration: %s\n", what);
	exit(1);
}

/* Zeroed and 64-byte aligned; never freed, the process ends soon. */
static void *
take(size_t size)
{
	void	   *memory = aligned_alloc(RECO_CACHE_LINE, reco_size_align(size + 1));

	if (memory == NULL)
		fail("out of memory");
	return memset(memory, 0, size);
}

static void *
take_many(int64_t n, size_t size)
{
	return take(reco_size_mul((size_t) n, size));
}

/* --- made-up data ------------------------------------------------------------------------------------------- */

static uint64_t state = 88172645463325252u;

/* xorshift64*, 0 <= x < 1 */
static double
draw(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (double) ((state * 2685821657736338717u) >> 11) / 9007199254740992.0;
}

static int32_t
draw_item(int64_t user, int64_t items)
{
	double		u = draw();
	int64_t		block = (user * 2654435761u >> 7) % 64;
	int64_t		item = (int64_t) (u * u * u * 0.74 * (double) items) + (int64_t) ((double) block * 0.26 * (double) items / 64);

	return (int32_t) (item < items ? item : items - 1);
}

static int
compare(const void *a, const void *b)
{
	return *(const int32_t *) a - *(const int32_t *) b;
}

/* How many items each customer has: shares of the pairs by a power law, at most a quarter of the items. */
static void
draw_degrees(Matrix *matrix, int64_t pairs)
{
	int64_t		users = matrix->size[0];
	int64_t		most = matrix->size[1] / 4 + 1;

	for (int64_t i = 0; i < pairs; i++)
	{
		double		u = draw();

		matrix->start[(int64_t) (u * u * (double) users) + 1]++;
	}
	for (int64_t user = 0; user < users; user++)
		matrix->start[user + 1] = matrix->start[user] + (matrix->start[user + 1] < most ? matrix->start[user + 1] : most);
	matrix->size[2] = matrix->start[users];
}

static Matrix
make(int64_t users, int64_t items, int64_t pairs)
{
	Matrix		matrix = {.size = {users, items, 0}};
	int64_t    *seen = take_many(items, sizeof(int64_t));

	matrix.start = take_many(users + 1, sizeof(int64_t));
	draw_degrees(&matrix, pairs);
	matrix.index = take_many(matrix.size[2], sizeof(int32_t));
	for (int64_t user = 0; user < users; user++)
	{
		int64_t		first = matrix.start[user];
		int64_t		last = matrix.start[user + 1];

		for (int64_t i = first; i < last;)
		{
			int32_t		item = draw_item(user, items);

			if (seen[item] == user + 1)
				continue;
			seen[item] = user + 1;
			matrix.index[i++] = item;
		}
		qsort(matrix.index + first, (size_t) (last - first), sizeof(int32_t), compare);
	}
	return matrix;
}

static void
save(const Matrix *matrix, const char *path)
{
	FILE	   *file = fopen(path, "wb");
	size_t		users = (size_t) matrix->size[0];
	size_t		entries = (size_t) matrix->size[2];

	if (file == NULL || fwrite(matrix->size, sizeof(int64_t), 3, file) != 3 ||
		fwrite(matrix->start, sizeof(int64_t), users + 1, file) != users + 1 ||
		fwrite(matrix->index, sizeof(int32_t), entries, file) != entries || fclose(file) != 0)
		fail("cannot write the matrix");
	printf("%zu users, %lld items, %zu pairs\n", users, (long long) matrix->size[1], entries);
}

static Matrix
load(const char *path)
{
	FILE	   *file = fopen(path, "rb");
	Matrix		matrix;

	if (file == NULL || fread(matrix.size, sizeof(int64_t), 3, file) != 3)
		fail("cannot read the matrix");
	matrix.start = take_many(matrix.size[0] + 1, sizeof(int64_t));
	matrix.index = take_many(matrix.size[2], sizeof(int32_t));
	if (fread(matrix.start, sizeof(int64_t), (size_t) matrix.size[0] + 1, file) != (size_t) matrix.size[0] + 1 ||
		fread(matrix.index, sizeof(int32_t), (size_t) matrix.size[2], file) != (size_t) matrix.size[2])
		fail("the matrix is cut short");
	fclose(file);
	return matrix;
}

static Matrix
transpose(const Matrix *matrix)
{
	int64_t		users = matrix->size[0];
	int64_t		items = matrix->size[1];
	int64_t		entries = matrix->size[2];
	Matrix		other = {.size = {items, users, entries}};
	int64_t    *next = take_many(items + 1, sizeof(int64_t));

	other.start = take_many(items + 1, sizeof(int64_t));
	other.index = take_many(entries, sizeof(int32_t));
	for (int64_t i = 0; i < entries; i++)
		other.start[matrix->index[i] + 1]++;
	for (int64_t item = 0; item < items; item++)
		other.start[item + 1] += other.start[item];
	memcpy(next, other.start, (size_t) (items + 1) * sizeof(int64_t));
	for (int64_t user = 0; user < users; user++)
		for (int64_t i = matrix->start[user]; i < matrix->start[user + 1]; i++)
			other.index[next[matrix->index[i]]++] = (int32_t) user;
	return other;
}

/* --- the measurement ---------------------------------------------------------------------------------------- */

static double
wall(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static double
cpu(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void
must(RecoStatus status)
{
	if (status != RECO_OK)
		fail("a routine of src/ials.h failed");
}

static RecoSparse
sparse(const Matrix *matrix, const float *weight)
{
	RecoSparse	view = {(int32_t) matrix->size[0], (int32_t) matrix->size[1], matrix->start, matrix->index, weight};

	return view;
}

static void
run(const Matrix *matrix, const RecoIalsOptions *options, const RecoRun *how, int iterations)
{
	Matrix		transposed = transpose(matrix);
	float	   *ones = take_many(matrix->size[2], sizeof(float));
	float	   *users = take_many(matrix->size[0], reco_stride(options->factors) * sizeof(float));
	float	   *items = take_many(matrix->size[1], reco_stride(options->factors) * sizeof(float));
	void	   *workspace = take(reco_ials_workspace_size(options));
	RecoSparse	by_user = sparse(matrix, ones);
	RecoSparse	by_item = sparse(&transposed, ones);
	double		began;
	double		cpu_began;
	double		objective;

	for (int64_t i = 0; i < matrix->size[2]; i++)
		ones[i] = 1;
	must(reco_ials_check_sparse(&by_user, how));
	must(reco_ials_init(users, by_user.rows, options->factors, options->seed, how));
	must(reco_ials_init(items, by_item.rows, options->factors, options->seed + 1, how));
	began = wall();
	cpu_began = cpu();
	for (int i = 0; i < iterations; i++)
		must(reco_ials_iterate(&by_user, &by_item, options, users, items, workspace, how));
	began = (wall() - began) / iterations;
	cpu_began = (cpu() - cpu_began) / iterations;
	must(reco_ials_objective(&by_user, &by_item, options, users, items, workspace, how, &objective));
	printf("%.6f %.6f %.3f\n", began, cpu_began, objective);
}

int
main(int argc, char **argv)
{
	RecoIalsOptions options = reco_ials_options_default();
	RecoRun		how = {NULL, NULL, NULL};
	Matrix		matrix;

	if (argc == 6 && strcmp(argv[1], "make") == 0)
	{
		matrix = make(atoll(argv[3]), atoll(argv[4]), atoll(argv[5]));
		save(&matrix, argv[2]);
		return 0;
	}
	options.exact = argc == 7 && strcmp(argv[6], "exact") == 0;
	if ((argc != 6 && argc != 8 && !options.exact) || strcmp(argv[1], "run") != 0)
		fail("usage: iteration make FILE USERS ITEMS PAIRS\n"
			 "       iteration run FILE FACTORS KERNEL ITERATIONS [exact | PRECISION STEPS]");
	how.kernels = reco_kernels_choose(argv[4]);
	if (how.kernels == NULL)
		return 3;
	options.factors = atoi(argv[3]);
	if (argc == 8)
	{
		options.precision = atof(argv[6]);
		options.steps = atoi(argv[7]);
	}
	matrix = load(argv[2]);
	run(&matrix, &options, &how, atoi(argv[5]));
	return 0;
}
