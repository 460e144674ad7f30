/*
 * fuzz_model.c: libFuzzer's way into the reader of stored models.
 *
 * A fuzzer cannot guess checksums, so half of the work is done for it: where the last bit of the input's byte 0 is set,
 * the header's length and CRC are made to fit before the reader sees the rest.  With the other half the checks before
 * the checksum are tried.  An accepted model is used, as a request would use it.
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH_AT	16
#define CRC_AT		24
#define HEADER		64

/* CRC-32C by a table made at the first call: speed counts here. */
static uint32_t
crc32c(const void *data, size_t length, uint32_t seed)
{
	static uint32_t table[256];
	const unsigned char *bytes = data;
	uint32_t	crc = ~seed;
	size_t		i;

	if (table[1] == 0)
	{
		uint32_t	byte;
		int			bit;

		for (byte = 0; byte < 256; byte++)
		{
			table[byte] = byte;
			for (bit = 0; bit < 8; bit++)
				table[byte] = (table[byte] >> 1) ^ (0x82F63B78u & (0u - (table[byte] & 1)));
		}
	}
	for (i = 0; i < length; i++)
		crc = table[(crc ^ bytes[i]) & 255] ^ (crc >> 8);
	return ~crc;
}

static void
seal(char *bytes, size_t length)
{
	uint64_t	stated = length;
	uint32_t	crc;

	memcpy(bytes + LENGTH_AT, &stated, sizeof(stated));
	crc = crc32c(bytes, CRC_AT, 0);
	crc = crc32c(bytes + CRC_AT + 4, length - CRC_AT - 4, crc);
	memcpy(bytes + CRC_AT, &crc, sizeof(crc));
}

/* Every number is read once, and every key is found where it is. */
static void
use(const RecoModel *model)
{
	size_t		stride = reco_stride(model->factors);
	volatile double sum = 0;
	int32_t		i;
	size_t		j;

	for (i = 0; i < model->items; i++)
	{
		int32_t		found;

		if (model->integer_keys)
			found = reco_model_find_integer(model, model->keys[i]);
		else
			found = reco_model_find_text(model, model->key_bytes + model->key_start[i],
										 (size_t) (model->key_start[i + 1] - model->key_start[i]));
		if (found != i)
			abort();
		for (j = 0; j < stride; j++)
			sum += model->y[(size_t) i * stride + j];
		sum += model->popularity[i];
		sum += model->sentiment != NULL ? model->sentiment[i] * model->stars[RECO_STARS_MEAN] : 0;
		sum += model->usual != NULL ? model->usual[i] / model->usual_numbers[RECO_USUAL_MOST] : 0;
		sum += model->rebought != NULL ? model->rebought[i] : 0;
		sum += model->usual_price != NULL ? model->usual_price[i] : 0;
	}
	for (i = 0; i < model->factors; i++)
		sum += model->gram_diagonal[i];
	if (sum != sum)
		abort();				/* a NaN came through */
}

/* Complements: every entry is of an item. */
static void
use_complements(const RecoModel *model)
{
	volatile double sum = 0;
	int32_t		row;
	int64_t		i;

	for (row = 0; row < model->complements.rows; row++)
		for (i = model->complements.start[row]; i < model->complements.start[row + 1]; i++)
			sum += model->complements.weight[i] * model->popularity[model->complements.index[i]];
	if (model->complements.rows != 0 && model->complements.rows != model->items)
		abort();
}

/* Attribute match: shares lead to values and these to items. */
static void
use_match(const RecoModel *model)
{
	const RecoMatch *match = &model->match;
	volatile double sum = 0;
	int32_t		row;
	int64_t		i;

	if (match->n_fields == 0)
		return;
	for (row = 0; row < match->n_fields; row++)
		sum += match->fields[row].basket + match->fields[row].history;
	for (row = 0; row < model->items; row++)
		for (i = match->by_item.start[row]; i < match->by_item.start[row + 1]; i++)
			sum += match->by_item.weight[i] * match->by_value.start[match->by_item.index[i]];
	for (row = 0; row < match->by_value.rows; row++)
		for (i = match->by_value.start[row]; i < match->by_value.start[row + 1]; i++)
			sum += match->by_value.weight[i] * model->popularity[match->by_value.index[i]];
	if (sum != sum)
		abort();
}

/* Labels: every one is found where it is, is one of its field's, and speaks for items. */
static void
use_labels(const RecoModel *model)
{
	const RecoFields *fields = &model->fields;
	int32_t		priors = model->prior != NULL ? reco_model_customer_labels(model) + 1 : 0;
	volatile double sum = 0;
	int32_t		slots[RECO_MAX_CONTEXTS];
	int32_t		i;
	int64_t		e;
	size_t		j;

	for (i = 0; i < fields->n_labels; i++)
	{
		int32_t		field = reco_fields_of_label(fields, i);
		size_t		length;
		const char *text = reco_fields_text(fields, i, &length);

		if (fields->entries[field].kind == RECO_FIELD_NUMBER ? reco_fields_number_label(fields, field, fields->edges[i]) != i
			: reco_fields_text_label(fields, field, text, length) != i)
			abort();
	}
	for (i = reco_fields_slots(fields, slots) - 1; i >= 0; i--)
		sum += fields->entries[slots[i]].labels;
	for (i = 0; i < priors; i++)
		for (j = 0; j < reco_stride(model->factors); j++)
			sum += model->prior[(size_t) i * reco_stride(model->factors) + j];
	for (i = 0; i < model->lift.rows; i++)
		for (e = model->lift.start[i]; e < model->lift.start[i + 1]; e++)
			sum += model->lift.weight[e] * model->popularity[model->lift.index[e]];
	if (model->lift.rows != 0 && model->lift.rows != fields->n_labels)
		abort();
}

/* Kinds of events are found where they are. */
static void
use_events(const RecoModel *model)
{
	int			i;

	for (i = 0; i < model->n_events; i++)
		if (reco_model_find_event(model, model->event_bytes + model->event_start[i],
								  (size_t) (model->event_start[i + 1] - model->event_start[i])) != i)
			abort();
}

static const RecoRun run = {NULL, NULL, NULL};

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void	   *memory;
	RecoModel	model;
	const char *problem;
	RecoStatus	status;

	if (size < 1)
		return 0;
	size--;
	if (posix_memalign(&memory, RECO_CACHE_LINE, size > 0 ? size : 1) != 0)
		abort();
	memcpy(memory, data + 1, size);
	if ((data[0] & 1) && size >= HEADER)
		seal(memory, size);
	status = reco_model_open(memory, size, crc32c, &run, &model, &problem);
	if ((status == RECO_OK) != (problem == NULL))
		abort();
	if (status == RECO_OK)
	{
		use(&model);
		use_complements(&model);
		use_match(&model);
		use_labels(&model);
		use_events(&model);
	}
	free(memory);
	return 0;
}

#ifdef RECO_FUZZ_REPLAY

#include <stdio.h>

/* Without libFuzzer: run the files that are named, as TAP. */
int
main(int argc, char **argv)
{
	static uint8_t bytes[1 << 20];
	int			i;

	printf("1..%d\n", argc - 1);
	for (i = 1; i < argc; i++)
	{
		FILE	   *file = fopen(argv[i], "rb");
		size_t		size = file != NULL ? fread(bytes, 1, sizeof(bytes), file) : 0;

		/* A fault ends the program, and the plan is not met. */
		if (file != NULL)
			fclose(file);
		LLVMFuzzerTestOneInput(bytes, size);
		printf("%sok %d - %s\n", size > 0 ? "" : "not ", i, argv[i]);
		fflush(stdout);
	}
	return 0;
}

#endif
