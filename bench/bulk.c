/*
 * bulk.c: what the arithmetic of reco.recommend_all takes, apart from reading a table and handing out rows.
 *
 *		bulk MODEL BAGS K PROCESSES factors|blend [ANSWERS]
 *
 * Every customer is folded in and the K best items are looked up, without those that he has.  MODEL is a stored model, as
 * COPY (SELECT reco.export_model('m')) TO STDOUT (FORMAT binary) writes it, with integer keys.  BAGS is text, customer by
 * customer: his id, an item's and its weight in his bag; weight 0 is for an item that he has, but which is no evidence.
 *
 * "factors" scores by the folded-in history alone, "blend" by what recommend_all adds to it too: the model's weights and
 * the trend.  (Repeats do not matter: what a customer has is left out.)  Customers are shared out sixteen at a time to
 * PROCESSES processes, which have everything in memory before the clock starts and leave their lists in memory.
 *
 * Prints wall seconds, CPU seconds of all processes and the number of customers; ANSWERS gets a line for each of their
 * items: customer, rank and item.
 */
#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "folding.h"
#include "kernels.h"
#include "model.h"
#include "topk.h"

#define BATCH 16				/* customers whose scans share a pass over the items, as in src/scorer.c */
#define WARM_UP 200				/* customers before the clock starts, in each process */
#define COPY_HEADER (19 + 2)	/* signature, flags, extension; the number of columns */

typedef struct Customers
{
	int			n;
	int64_t    *id;
	size_t	   *start;			/* [n + 1] */
	int32_t    *items;			/* distinct for a customer */
	float	   *weights;
} Customers;

typedef struct Task
{
	RecoRun		run;
	RecoModel	model;
	RecoFactors factors;
	RecoScreen *screen;			/* NULL: too few items */
	Customers	customers;
	int			k;
	float		factors_weight;
	float		trend_weight;
	RecoTopEntry *answers;		/* [customers x k], shared */
	int32_t    *found;			/* [customers], shared */
	atomic_int *next;			/* the first customer that nobody has taken, shared */
} Task;

static void
fail(const char *what)
{
	fprintf(stderr, "bulk: %s\n", what);
	exit(1);
}

static void
must(RecoStatus status, const char *what)
{
	if (status != RECO_OK)
		fail(what);
}

/* Zeroed and 64-byte aligned; never freed, the process ends soon. */
static void *
take(size_t n, size_t size)
{
	size_t		bytes = reco_size_align(reco_size_add(reco_size_mul(n, size), 1));
	void	   *memory = aligned_alloc(RECO_CACHE_LINE, bytes);

	if (memory == NULL)
		fail("out of memory");
	return memset(memory, 0, bytes);
}

/* Zeroed, and seen by all processes. */
static void *
take_shared(size_t n, size_t size)
{
	void	   *memory = mmap(NULL, reco_size_add(reco_size_mul(n, size), 1), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		fail("out of memory");
	return memory;
}

/* --- input -------------------------------------------------------------------------------------------------- */

/* CRC-32C, as stored models are guarded by. */
static uint32_t
crc32c(const void *data, size_t length, uint32_t seed)
{
	const uint8_t *bytes = data;
	uint32_t	crc = ~seed;

	for (size_t i = 0; i < length; i++)
	{
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1)));
	}
	return ~crc;
}

static void
read_model(Task *task, const char *path)
{
	FILE	   *file = fopen(path, "rb");
	uint8_t		head[COPY_HEADER + 4];
	const uint8_t *size = head + COPY_HEADER;
	const char *problem;
	size_t		length;
	void	   *bytes;

	if (file == NULL || fread(head, 1, sizeof(head), file) != sizeof(head))
		fail("cannot read the model");
	length = (size_t) size[0] << 24 | (size_t) size[1] << 16 | (size_t) size[2] << 8 | size[3];
	bytes = take(length, 1);
	if (fread(bytes, 1, length, file) != length)
		fail("the model is cut short");
	fclose(file);
	if (reco_model_open(bytes, length, crc32c, &task->run, &task->model, &problem) != RECO_OK)
		fail(problem);
	if (!task->model.integer_keys)
		fail("the model must have integer keys");
	task->factors = (RecoFactors) {task->model.items, task->model.factors, task->model.y, task->model.gram_diagonal,
		task->model.parameters[RECO_PARAMETER_UNOBSERVED]};
	if (task->model.items < RECO_SCREEN_FEWEST)
		return;
	task->screen = take(1, reco_screen_size(task->model.items, task->model.factors));
	must(reco_screen_build(&task->run, task->model.y, task->model.items, task->model.factors,
		 (const float *[RECO_BIASES]) {task->model.trend, task->model.popularity}, task->screen),
		 "the screen cannot be made");
}

static void
read_customers(Task *task, const char *path)
{
	FILE	   *file = fopen(path, "r");
	Customers  *c = &task->customers;
	size_t		entries = 0;
	size_t		n = 0;
	int64_t		id;
	int64_t		item;
	float		weight;

	if (file == NULL)
		fail("cannot read the bags");
	while (fscanf(file, "%" SCNd64 " %" SCNd64 " %f", &id, &item, &weight) == 3)
		entries++;
	rewind(file);
	c->id = take(entries, sizeof(int64_t));
	c->start = take(entries + 1, sizeof(size_t));
	c->items = take(entries, sizeof(int32_t));
	c->weights = take(entries, sizeof(float));
	while (n < entries && fscanf(file, "%" SCNd64 " %" SCNd64 " %f", &id, &item, &weight) == 3)
	{
		if (c->n == 0 || c->id[c->n - 1] != id)
		{
			c->start[c->n] = n;
			c->id[c->n++] = id;
		}
		c->items[n] = reco_model_find_integer(&task->model, item);
		c->weights[n] = weight;
		if (c->items[n] >= 0)
			n++;
	}
	c->start[c->n] = n;
	if (!feof(file) && fgetc(file) != '\n')
		fail("the bags are no numbers");
	fclose(file);
}

/* --- the work ----------------------------------------------------------------------------------------------- */

/* What a process works with. */
typedef struct Desk
{
	int32_t    *items;			/* of a bag */
	float	   *weights;
	void	   *workspace;
	float	   *queries;		/* [BATCH x stride] */
	uint64_t   *skip;			/* [BATCH] bitmaps of the items */
} Desk;

static size_t
skip_words(const Task *task)
{
	return (size_t) task->model.items / 64 + 1;
}

static Desk
make_desk(const Task *task)
{
	const Customers *c = &task->customers;
	size_t		most = 0;
	Desk		desk;

	for (int i = 0; i < c->n; i++)
		if (c->start[i + 1] - c->start[i] > most)
			most = c->start[i + 1] - c->start[i];
	desk.items = take(most, sizeof(int32_t));
	desk.weights = take(most, sizeof(float));
	desk.workspace = take(1, reco_folding_workspace_size(task->model.factors, (int) most));
	desk.queries = take(BATCH * reco_stride(task->model.factors), sizeof(float));
	desk.skip = take(BATCH * skip_words(task), sizeof(uint64_t));
	return desk;
}

/* The query of a customer. */
static void
fold_in(const Task *task, Desk *desk, int customer, float *query)
{
	const Customers *c = &task->customers;
	double		x[RECO_MAX_FACTORS] = {0};
	int			n = 0;

	for (size_t e = c->start[customer]; e < c->start[customer + 1]; e++)
		if (c->weights[e] > 0)
		{
			desk->items[n] = c->items[e];
			desk->weights[n++] = c->weights[e];
		}
	must(reco_folding_solve(&task->factors, n, desk->items, desk->weights, task->model.parameters[RECO_PARAMETER_ALONE_LAMBDA],
							x, desk->workspace, &task->run), "a fold-in failed");
	for (int f = 0; f < task->model.factors; f++)
		query[f] = task->factors_weight * (float) x[f];
}

/* Sets the bits of what a customer has, or clears them. */
static void
mark(const Task *task, int customer, uint64_t *skip, bool set)
{
	const Customers *c = &task->customers;

	for (size_t e = c->start[customer]; e < c->start[customer + 1]; e++)
		if (set)
			skip[c->items[e] / 64] |= (uint64_t) 1 << (c->items[e] % 64);
		else
			skip[c->items[e] / 64] = 0;
}

static void
answer(const Task *task, Desk *desk, int first, int n)
{
	size_t		stride = reco_stride(task->model.factors);
	RecoTopQuery queries[BATCH];

	for (int i = 0; i < n; i++)
	{
		uint64_t   *skip = desk->skip + (size_t) i * skip_words(task);

		fold_in(task, desk, first + i, desk->queries + (size_t) i * stride);
		mark(task, first + i, skip, true);
		queries[i] = (RecoTopQuery) {.x = desk->queries + (size_t) i * stride,.skip = skip,.k = task->k,
			.out = task->answers + (size_t) (first + i) * (size_t) task->k,.bias_weights = {task->trend_weight},
			.biases = {task->trend_weight > 0 ? task->model.trend : NULL},.biases_of_screen = true};
	}
	must(reco_topk_scan(&task->run, task->model.y, task->model.items, task->model.factors, task->screen, queries, n),
		 "a scan failed");
	for (int i = 0; i < n; i++)
	{
		task->found[first + i] = queries[i].found;
		mark(task, first + i, desk->skip + (size_t) i * skip_words(task), false);
	}
}

/* Sixteen customers after another, until none is left below a limit. */
static void
work(const Task *task, Desk *desk, atomic_int *next, int limit)
{
	int			first;

	while ((first = atomic_fetch_add(next, BATCH)) < limit)
		answer(task, desk, first, limit - first < BATCH ? limit - first : BATCH);
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
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/* A process: it warms up, says so, and begins when the other end of go is closed. */
static void
serve(const Task *task, int ready, int go, double *seconds)
{
	Desk		desk = make_desk(task);
	atomic_int	warm = 0;
	char		byte = 0;

	work(task, &desk, &warm, task->customers.n < WARM_UP ? task->customers.n : WARM_UP);
	if (write(ready, &byte, 1) != 1 || close(ready) != 0 || read(go, &byte, 1) != 0)
		fail("the processes lost each other");
	*seconds = cpu();
	work(task, &desk, task->next, task->customers.n);
	*seconds = cpu() - *seconds;
	_exit(0);
}

static void
measure(Task *task, int processes)
{
	double	   *seconds = take_shared((size_t) processes, sizeof(double));
	double		sum = 0;
	double		began;
	int			ready[2];
	int			go[2];
	int			status;
	char		byte;

	if (pipe(ready) != 0 || pipe(go) != 0)
		fail("there are no pipes");
	for (int i = 0; i < processes; i++)
	{
		pid_t		pid = fork();

		if (pid < 0)
			fail("there are no processes");
		if (pid == 0)
		{
			close(go[1]);
			serve(task, ready[1], go[0], &seconds[i]);
		}
	}
	close(ready[1]);
	for (int i = 0; i < processes; i++)
		if (read(ready[0], &byte, 1) != 1)
			fail("a process ended early");
	began = wall();
	close(go[1]);
	for (int i = 0; i < processes; i++)
		if (wait(&status) < 0 || status != 0)
			fail("a process failed");
	began = wall() - began;
	for (int i = 0; i < processes; i++)
		sum += seconds[i];
	printf("%.6f %.6f %d\n", began, sum, task->customers.n);
}

static void
write_answers(const Task *task, const char *path)
{
	FILE	   *file = fopen(path, "w");

	if (file == NULL)
		fail("cannot write the answers");
	for (int i = 0; i < task->customers.n; i++)
		for (int r = 0; r < task->found[i]; r++)
			fprintf(file, "%" PRId64 "\t%d\t%" PRId64 "\n", task->customers.id[i], r + 1,
					task->model.keys[task->answers[(size_t) i * (size_t) task->k + (size_t) r].item]);
	if (fclose(file) != 0)
		fail("cannot write the answers");
}

int
main(int argc, char **argv)
{
	Task		task = {.run = {reco_kernels_choose("auto"), NULL, NULL},.factors_weight = 1};
	const double *weights;

	if ((argc != 6 && argc != 7) || atoi(argv[3]) < 1 || atoi(argv[4]) < 1 ||
		(strcmp(argv[5], "factors") != 0 && strcmp(argv[5], "blend") != 0))
		fail("usage: bulk MODEL BAGS K PROCESSES factors|blend [ANSWERS]");
	read_model(&task, argv[1]);
	read_customers(&task, argv[2]);
	if (strcmp(argv[5], "blend") == 0)
	{
		weights = &task.model.parameters[RECO_PARAMETER_BLEND + RECO_EVIDENCE_HISTORY * RECO_BLEND_SLOTS];
		task.factors_weight = (float) weights[RECO_COMPONENT_HISTORY];
		task.trend_weight = (float) weights[RECO_COMPONENT_TREND];
	}
	task.k = atoi(argv[3]);
	task.answers = take_shared((size_t) task.customers.n * (size_t) task.k, sizeof(RecoTopEntry));
	task.found = take_shared((size_t) task.customers.n, sizeof(int32_t));
	task.next = take_shared(1, sizeof(atomic_int));
	measure(&task, atoi(argv[4]));
	if (argc == 7)
		write_answers(&task, argv[6]);
	return 0;
}
