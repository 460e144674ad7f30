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

static void
write_input(const char *directory, const RecoModel *model)
{
	size_t		size = reco_model_size(model);
	char	   *bytes = malloc(size + 1);
	char		path[1024];
	FILE	   *file;

	if (bytes == NULL)
		abort();
	bytes[0] = 1;
	if (reco_model_write(model, bytes + 1, no_checksum, &run) != RECO_OK)
		abort();
	snprintf(path, sizeof(path), "%s/%s_%d_%d", directory, model->integer_keys ? "integer" : "text", model->items, model->factors);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(bytes, 1, size + 1, file) != size + 1 || fclose(file) != 0)
	{
		perror(path);
		exit(1);
	}
	free(bytes);
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
	float		popularity[MAX_ITEMS] = {0, 0.5, 1, 2};
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
			.y = y,.gram_diagonal = gram,.popularity = popularity,.trend = popularity,
			.sentiment = sentiment,.stars = stars};
			int			row;

			memset(y, 0, sizeof(y));
			for (row = 0; row < items[i]; row++)
				for (k = 0; k < (size_t) factors[j]; k++)
					y[(size_t) row * reco_stride(factors[j]) + k] = (float) row - (float) k * 0.5f;
			for (k = 0; k < RECO_PARAMETERS; k++)
				model.parameters[k] = (double) k + 1;
			if (items[i] > 0)
				model.complements = (RecoSparse) {items[i], items[i], complement_start, complement_index, complement_weight};
			if (items[i] == MAX_ITEMS)
				model.match = (RecoMatch) {
					{MAX_ITEMS, 2, share_start, share_index, share_weight}, {2, MAX_ITEMS, chance_start, chance_index, chance_weight},
					2, match_fields
				};
			write_input(argv[1], &model);
			model.integer_keys = true;
			write_input(argv[1], &model);
		}
	return 0;
}
