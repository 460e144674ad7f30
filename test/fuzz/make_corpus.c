/*
 * make_corpus.c: writes small valid models into a directory, as a fuzzer's first inputs.
 *
 * Byte 0 of an input is for fuzz_model.c; the rest is the file form.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ITEMS	4
#define MAX_FACTORS 20

static uint32_t
no_checksum(const void *data, size_t length, uint32_t seed)
{
	(void) data;
	(void) length;
	return seed;				/* fuzz_model.c seals them */
}

static const RecoRun run = {NULL, NULL, NULL};

/* An input that the reader refuses, or the fuzzer cuts off, leads nowhere. */
static void
check_input(const char *path, const void *bytes, size_t size)
{
	RecoModel	opened;
	const char *problem;

	if (size + 1 > MOST_BYTES)
		fprintf(stderr, "make_corpus: %s has %zu bytes, more than %d\n", path, size + 1, MOST_BYTES);
	else if (reco_model_open(bytes, size, no_checksum, &run, &opened, &problem) != RECO_OK)
		fprintf(stderr, "make_corpus: %s is no model: %s\n", path, problem);
	else
		return;
	exit(1);
}

static void
write_input(const char *directory, const RecoModel *model)
{
	size_t		size = reco_model_size(model);
	void	   *bytes;
	char		path[1024];
	FILE	   *file;

	if (posix_memalign(&bytes, RECO_CACHE_LINE, size) != 0)
		abort();
	if (reco_model_write(model, bytes, no_checksum, &run) != RECO_OK)
		abort();
	snprintf(path, sizeof(path), "%s/%s_%d_%d", directory, model->integer_keys ? "integer" : "text", model->items, model->factors);
	check_input(path, bytes, size);
	file = fopen(path, "wb");
	if (file == NULL || putc(1, file) != 1 || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
	{
		perror(path);
		exit(1);
	}
	free(bytes);
}

/* Two attributes of customers, one a number, a device and a month; what labels say; kinds of events. */
static void
add_labels(RecoModel *model)
{
	static const RecoFieldEntry entries[] = {
		{RECO_FIELDS_OF_CUSTOMERS, RECO_FIELD_NUMBER, 0, 2}, {RECO_FIELDS_OF_CUSTOMERS, RECO_FIELD_TEXT, 2, 1},
		{RECO_FIELDS_OF_CONTEXT, RECO_FIELD_TEXT, 3, 2}, {RECO_FIELDS_OF_CONTEXT, RECO_FIELD_MONTH, 5, 12}
	};
	static const uint64_t start[] = {0, 3, 9, 15, 20, 25, 30, 34, 41, 47, 49, 51, 53, 55, 57, 59, 61, 63, 65, 67, 69, 71};
	static const double edges[17] = {10, 20};
	static const int64_t lift_start[18] = {0, 2, 2, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5};
	static const int32_t lift_index[] = {0, 2, 1, 2, 3};
	static const float lift_weight[] = {0.5f, 0.25f, 1, 2, 3};
	static const uint64_t event_start[] = {0, 0, 4, 8};
	static const float event_weights[] = {0.125f, 1, 0.25f};
	static float prior[4 * 2 * RECO_STRIDE_FLOATS];
	size_t		stride = reco_stride(model->factors);
	size_t		i;

	for (i = 0; i < 4 * stride; i++)
		prior[i] = i % stride < (size_t) model->factors ? (float) i / 16 : 0;
	model->fields = (RecoFields) {4, 17, entries, start, "ageregiondevicemonth(,20)[20,)eastdesktopmobile010203040506070809101112",
		edges};
	model->prior = prior;
	model->lift = (RecoSparse) {17, MAX_ITEMS, lift_start, lift_index, lift_weight};
	model->n_events = 3;
	model->event_start = event_start;
	model->event_bytes = "cartview";
	model->event_weights = event_weights;
}

int
main(int argc, char **argv)
{
	static const int64_t keys[MAX_ITEMS] = {INT64_MIN, -1, 0, 99};
	static const uint64_t start[MAX_ITEMS + 1] = {0, 0, 2, 4, 5};
	static const int items[] = {0, 1, 2, MAX_ITEMS};
	static const int64_t complement_start[MAX_ITEMS + 1] = {0, 0, 1, 3, 6};	/* row j lists all items before item j */
	static const int32_t complement_index[] = {0, 0, 1, 0, 1, 2};
	static const float complement_weight[] = {1, 2, 3, 4, 5, 6};
	static const RecoMatchField match_fields[3] = {{0, 0.5f, 1}, {1, 0, 0.25f}, {2, 0, 0}};
	static const int64_t share_start[MAX_ITEMS + 1] = {0, 2, 2, 3, 3};
	static const int32_t share_index[] = {0, 1, 1};
	static const float share_weight[] = {1, 0.5f, 2};
	static const int64_t chance_start[] = {0, 1, 3};
	static const int32_t chance_index[] = {0, 0, 2};
	static const float chance_weight[] = {1, 0.5f, 0.25f};
	static const int factors[] = {1, 16, MAX_FACTORS};
	static const float sentiment[MAX_ITEMS] = {-1, 0, 0.5f, 1};
	static const double stars[RECO_STARS_NUMBERS] = {4, 1, 5};
	static const float rebought[MAX_ITEMS] = {0, 0.5f, 1, 0.25f};
	static const float usual[MAX_ITEMS] = {1, 0.5f, 2, 3};
	static const double usual_numbers[RECO_USUAL_NUMBERS] = {1.5, 3};
	float		popularity[MAX_ITEMS] = {0, 0.5, 1, 2};
	float		trend[MAX_ITEMS] = {0, 0.25, 1, 0.5};
	double		gram[MAX_FACTORS];
	size_t		i;
	size_t		j;
	size_t		k;

	if (argc != 2)
	{
		fprintf(stderr, "usage: make_corpus DIRECTORY\n");
		return 2;
	}
	for (k = 0; k < MAX_FACTORS; k++)
		gram[k] = (double) k + 1;
	for (i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		for (j = 0; j < sizeof(factors) / sizeof(factors[0]); j++)
		{
			static float y[MAX_ITEMS * 2 * RECO_STRIDE_FLOATS];
			RecoModel	model = {.items = items[i],.factors = factors[j],.keys = keys,.key_start = start,.key_bytes = "abac\xff",
			.y = y,.gram_diagonal = gram,.popularity = popularity,.trend = trend,
			.sentiment = sentiment,.stars = stars,.usual = usual,.usual_numbers = usual_numbers,.usual_price = popularity,.rebought = rebought};
			int			row;

			memset(y, 0, sizeof(y));
			for (row = 0; row < items[i]; row++)
				for (k = 0; k < (size_t) factors[j]; k++)
					y[(size_t) row * reco_stride(factors[j]) + k] = (float) row - (float) k * 0.5f;
			for (k = 0; k < RECO_PARAMETERS; k++)
				model.parameters[k] = k >= RECO_PARAMETER_STRENGTHS && k < RECO_PARAMETER_BLEND ? 1 : (double) k + 1;
			if (items[i] > 0)
				model.complements = (RecoSparse) {items[i], items[i], complement_start, complement_index, complement_weight};
			if (items[i] == MAX_ITEMS)
				model.match = (RecoMatch) {
					{MAX_ITEMS, 2, share_start, share_index, share_weight}, {2, MAX_ITEMS, chance_start, chance_index, chance_weight},
					2, match_fields
				};
			if (items[i] == MAX_ITEMS)
				add_labels(&model);
			write_input(argv[1], &model);
			model.integer_keys = true;
			write_input(argv[1], &model);
		}
	return 0;
}
