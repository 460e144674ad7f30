/*
 * test_model.c: the file format of a model, against accidents and against forgers.
 *
 * An accident (a truncation, a flipped bit) is found by the checksum.  A forger computes checksums: those edits are
 * sealed again with a CRC of this test's own, and must be found by the checks of the content.  Every buffer has exactly
 * the length that the reader is told, so that the sanitized twin of this program sees a read beyond it.
 */
#include "model.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CRC_AT			24
#define SECTIONS_AT		40
#define TABLE_AT		64
#define ENTRY			24

/* Checksums of two models in format 1 as it was released. */
#define FORMAT_1_INTEGER_CRC	0x3c5f0694u
#define FORMAT_1_TEXT_CRC		0x8f3de768u

/* The format's numbers, written down a second time: they cannot change without this test being told. */
enum
{
	KIND_INTEGER_KEYS = 1, KIND_KEY_START, KIND_KEY_BYTES, KIND_FACTORS, KIND_GRAM, KIND_POPULARITY, KIND_PARAMETERS, KIND_FACTS,
	KIND_COMPLEMENT_START, KIND_COMPLEMENT_INDEX, KIND_COMPLEMENT_WEIGHT, KIND_TREND,
	KIND_FIELDS = 20, KIND_LABEL_START, KIND_LABEL_BYTES, KIND_LABEL_EDGES, KIND_PRIOR, KIND_LIFT_START, KIND_LIFT_INDEX, KIND_LIFT_WEIGHT,
	KIND_MATCH_FIELDS = 30, KIND_MATCH_ITEM_START, KIND_MATCH_ITEM_VALUE, KIND_MATCH_ITEM_SHARE, KIND_MATCH_VALUE_START,
	KIND_MATCH_VALUE_ITEM, KIND_MATCH_VALUE_CHANCE,
	KIND_SENTIMENT = 40, KIND_STARS, KIND_WORDING_WEIGHTS, KIND_WORDING_CURVES, KIND_WORDING_CONFIGURATION,
	KIND_EVENT_START = 50, KIND_EVENT_BYTES, KIND_EVENT_WEIGHTS,
	KIND_USUAL = 60, KIND_USUAL_NUMBERS, KIND_USUAL_PRICE,
	KIND_REBOUGHT = 70, KIND_UNKNOWN = 4711
};

/* --- TAP ---------------------------------------------------------------------------------------------------- */

static int	tests = 0;
static int	failures = 0;

static void
__attribute__((format(printf, 2, 3)))
ok(bool passed, const char *format,...)
{
	va_list		arguments;

	printf("%sok %d - ", passed ? "" : "not ", ++tests);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	failures += !passed;
}

/* Many cases that make one test: the first ones that fail are described. */
typedef struct Cases
{
	const char *name;
	int			n;
	int			failed;
} Cases;

static void
__attribute__((format(printf, 3, 4)))
expect(Cases *cases, bool passed, const char *format,...)
{
	va_list		arguments;

	cases->n++;
	if (passed || ++cases->failed > 5)
		return;
	printf("# %s: ", cases->name);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

static void
finish(const Cases *cases)
{
	ok(cases->failed == 0 && cases->n > 0, "%s (%d cases)", cases->name, cases->n);
}

/* --- a checksum of our own ---------------------------------------------------------------------------------- */

/* CRC-32C bit by bit, by its definition. */
static uint32_t
crc32c(const void *data, size_t length, uint32_t seed)
{
	const unsigned char *bytes = data;
	uint32_t	crc = ~seed;
	size_t		i;
	int			bit;

	for (i = 0; i < length; i++)
	{
		crc ^= bytes[i];
		for (bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1)));
	}
	return ~crc;
}

/* --- blobs: bytes on a cache line, of exactly their length --------------------------------------------------- */

typedef struct Blob
{
	unsigned char *bytes;
	size_t		length;
} Blob;

static void *
allocate(size_t length)
{
	void	   *memory;

	if (posix_memalign(&memory, RECO_CACHE_LINE, length > 0 ? length : 1) != 0)
		abort();
	return memory;
}

static Blob
copy_of(const Blob *blob, size_t length)
{
	Blob		copy = {allocate(length), length};

	memset(copy.bytes, 0, length);
	memcpy(copy.bytes, blob->bytes, length < blob->length ? length : blob->length);
	return copy;
}

static void
seal(Blob *blob)
{
	uint32_t	crc = crc32c(blob->bytes, CRC_AT, 0);

	crc = crc32c(blob->bytes + CRC_AT + 4, blob->length - CRC_AT - 4, crc);
	memcpy(blob->bytes + CRC_AT, &crc, 4);
}

static uint64_t
get(const Blob *blob, size_t at, size_t width)
{
	uint64_t	value = 0;

	memcpy(&value, blob->bytes + at, width);
	return value;
}

static void
put(Blob *blob, size_t at, size_t width, uint64_t value)
{
	memcpy(blob->bytes + at, &value, width);
}

static const RecoRun run = {NULL, NULL, NULL};

static Blob
write_model(const RecoModel *model)
{
	Blob		blob = {NULL, reco_model_size(model)};

	blob.bytes = allocate(blob.length);
	memset(blob.bytes, 0xA5, blob.length);
	if (reco_model_write(model, blob.bytes, crc32c, &run) != RECO_OK)
		abort();
	return blob;
}

/* Read everything that an accepted model points at; its address sanitizer is the judge, the sum keeps it from going. */
static double
use(const RecoModel *model)
{
	size_t		stride = reco_stride(model->factors);
	double		sum = 0;
	size_t		i;

	for (i = 0; i < (size_t) model->items * stride; i++)
		sum += model->y[i];
	for (i = 0; i < (size_t) model->items; i++)
	{
		sum += model->popularity[i];
		if (model->integer_keys)
			sum += reco_model_find_integer(model, model->keys[i]);
		else
			sum += reco_model_find_text(model, model->key_bytes + model->key_start[i],
										model->key_start[i + 1] - model->key_start[i]);
	}
	for (i = 0; i < (size_t) model->factors; i++)
		sum += model->gram_diagonal[i];
	for (i = 0; i < (size_t) model->fields.n_labels; i++)
	{
		size_t		length;
		const char *text = reco_fields_text(&model->fields, (int32_t) i, &length);

		sum += model->fields.edges[i] + reco_fields_of_label(&model->fields, (int32_t) i) + (length > 0 ? text[length - 1] : 0);
	}
	for (i = 0; model->prior != NULL && i < (size_t) (1 + reco_model_customer_labels(model)) * stride; i++)
		sum += model->prior[i];
	for (i = 0; model->lift.rows > 0 && i < (size_t) model->lift.start[model->lift.rows]; i++)
		sum += model->lift.weight[i] + model->popularity[model->lift.index[i]];
	return sum;
}

static RecoStatus
open_blob(const Blob *blob, RecoModel *model)
{
	const char *problem = "untouched";
	RecoStatus	status = reco_model_open(blob->bytes, blob->length, crc32c, &run, model, &problem);

	if ((status == RECO_OK) != (problem == NULL) || (problem != NULL && strcmp(problem, "untouched") == 0))
	{
		printf("# status %d, problem %s\n", status, problem != NULL ? problem : "none");
		return RECO_BAD_ARGUMENT;
	}
	if (status == RECO_OK)
	{
		volatile double sink = use(model);

		(void) sink;
	}
	return status;
}

static RecoStatus
status_of(const Blob *blob)
{
	RecoModel	model;

	return open_blob(blob, &model);
}

/* The status after some bytes were replaced and the whole was sealed again. */
static RecoStatus
status_with(const Blob *blob, size_t at, const void *bytes, size_t width)
{
	Blob		copy = copy_of(blob, blob->length);
	RecoStatus	status;

	memcpy(copy.bytes + at, bytes, width);
	seal(&copy);
	status = status_of(&copy);
	free(copy.bytes);
	return status;
}

static size_t
n_sections(const Blob *blob)
{
	return (size_t) get(blob, SECTIONS_AT, 4);
}

static size_t
entry_at(size_t i)
{
	return TABLE_AT + i * ENTRY;
}

/* Where the data of a section of that kind begins. */
static size_t
data_at(const Blob *blob, uint32_t kind)
{
	size_t		i;

	for (i = 0; i < n_sections(blob); i++)
		if (get(blob, entry_at(i), 4) == kind)
			return (size_t) get(blob, entry_at(i) + 8, 8);
	abort();
}

/* --- models to write ----------------------------------------------------------------------------------------- */

#define MAX_ITEMS	5
#define FACTORS		3			/* the stride is 16: there is padding */

static const int64_t integer_keys[MAX_ITEMS] = {INT64_MIN, -7, 0, 8, INT64_MAX};

/* "", one with a zero byte in it, a prefix of the next, the next, and one that a signed comparison would put first */
static const char text_bytes[] = "a\0babcabcd\xff";
static const uint64_t text_start[MAX_ITEMS + 1] = {0, 0, 3, 6, 10, 11};

static float y[MAX_ITEMS * RECO_STRIDE_FLOATS];
static double gram[FACTORS];
static float popularity[MAX_ITEMS];
static float trend[MAX_ITEMS];

/* Row j lists all items before item j. */
#define ENTRIES		(MAX_ITEMS * (MAX_ITEMS - 1) / 2)

static const int64_t complement_start[MAX_ITEMS + 1] = {0, 0, 1, 3, 6, 10};
static const int32_t complement_index[ENTRIES] = {0, 0, 1, 0, 1, 2, 0, 1, 2, 3};
static const float complement_weight[ENTRIES] = {0.5f, 1, 2, 3, 0.25f, 1e-30f, 1e30f, 7, 8, 9};

/* Three values in two fields; each of the first two items has all of them, the others none. */
#define SHARES		6
#define CHANCES		4

static const RecoMatchField match_fields[3] = {{0, 0.5f, 1}, {2, 0, 0.25f}, {3, 0, 0}};
static const int64_t share_start[MAX_ITEMS + 1] = {0, 3, 6, 6, 6, 6};
static const int32_t share_index[SHARES] = {0, 1, 2, 0, 1, 2};
static const float share_weight[SHARES] = {1, 0.5f, 1000, 1e-30f, 1, 2};
static const int64_t chance_start[4] = {0, 1, 1, 4};
static const int32_t chance_index[CHANCES] = {4, 0, 1, 3};
static const float chance_weight[CHANCES] = {1, 1e-30f, 0.25f, 0.5f};

static RecoModel
make_model(bool integer, int items)
{
	RecoModel	model;
	int			i;
	int			j;

	memset(&model, 0, sizeof(model));
	for (i = 0; i < MAX_ITEMS; i++)
	{
		for (j = 0; j < FACTORS; j++)
			y[i * RECO_STRIDE_FLOATS + j] = (float) (i - 2) * 0.25f + (float) j;
		popularity[i] = (float) i * 1.5f;
		trend[i] = (float) i / MAX_ITEMS;
	}
	for (j = 0; j < FACTORS; j++)
		gram[j] = j + 0.5;
	model.integer_keys = integer;
	model.items = items;
	model.factors = FACTORS;
	model.keys = integer ? integer_keys : NULL;
	model.key_start = integer ? NULL : text_start;
	model.key_bytes = integer ? NULL : text_bytes;
	model.y = y;
	model.gram_diagonal = gram;
	model.popularity = popularity;
	model.trend = trend;
	if (items > 0)
		model.complements = (RecoSparse) {items, items, complement_start, complement_index, complement_weight};
	if (items == MAX_ITEMS)
		model.match = (RecoMatch) {
			{items, 3, share_start, share_index, share_weight}, {3, items, chance_start, chance_index, chance_weight}, 2, match_fields
		};
	for (i = 0; i < RECO_PARAMETERS; i++)
		model.parameters[i] = i >= RECO_PARAMETER_STRENGTHS && i < RECO_PARAMETER_BLEND ? 1.0 / i : i + 0.125;
	for (i = 0; i < RECO_FACTS; i++)
		model.facts[i] = i < RECO_FACT_RECALL_COMPLETION ? 10 * i : 1.0 / i;
	for (i = RECO_FACT_LOSSES; i < RECO_FACTS; i++)
		model.facts[i] = 0.5 - 1.0 / i;
	model.facts[RECO_FACT_COMPLEMENTS] = RECO_COMPLEMENTS_EXACT;
	model.facts[RECO_FACT_EVIDENCE] = 5;
	return model;
}

static bool
sparse_equal(const RecoSparse *a, const RecoSparse *b)
{
	size_t		entries;

	if (a->rows != b->rows || a->cols != b->cols)
		return false;
	if (a->rows == 0)
		return true;
	entries = (size_t) a->start[a->rows];
	return memcmp(a->start, b->start, ((size_t) a->rows + 1) * sizeof(int64_t)) == 0 &&
		memcmp(a->index, b->index, entries * sizeof(int32_t)) == 0 &&
		memcmp(a->weight, b->weight, entries * sizeof(float)) == 0;
}

static bool
match_equal(const RecoMatch *a, const RecoMatch *b)
{
	return a->n_fields == b->n_fields &&
		(a->n_fields == 0 || (memcmp(a->fields, b->fields, ((size_t) a->n_fields + 1) * sizeof(RecoMatchField)) == 0 &&
							  sparse_equal(&a->by_item, &b->by_item) && sparse_equal(&a->by_value, &b->by_value)));
}

static bool
models_equal(const RecoModel *a, const RecoModel *b)
{
	size_t		items = (size_t) a->items;
	bool		keys;

	if (a->integer_keys != b->integer_keys || a->items != b->items || a->factors != b->factors)
		return false;
	if (a->integer_keys)
		keys = memcmp(a->keys, b->keys, items * sizeof(int64_t)) == 0;
	else
		keys = memcmp(a->key_start, b->key_start, (items + 1) * sizeof(uint64_t)) == 0 &&
			memcmp(a->key_bytes, b->key_bytes, (size_t) a->key_start[items]) == 0;
	return keys && memcmp(a->y, b->y, items * reco_stride(a->factors) * sizeof(float)) == 0 &&
		memcmp(a->gram_diagonal, b->gram_diagonal, (size_t) a->factors * sizeof(double)) == 0 &&
		memcmp(a->popularity, b->popularity, items * sizeof(float)) == 0 &&
		memcmp(a->trend, b->trend, items * sizeof(float)) == 0 &&
		memcmp(a->parameters, b->parameters, sizeof(a->parameters)) == 0 &&
		memcmp(a->facts, b->facts, sizeof(a->facts)) == 0 && sparse_equal(&a->complements, &b->complements) &&
		match_equal(&a->match, &b->match);
}

static const char *
kind_of_keys(bool integer)
{
	return integer ? "integer keys" : "text keys";
}

/* --- what is written comes back ------------------------------------------------------------------------------ */

static void
test_round_trip(bool integer, int items)
{
	RecoModel	model = make_model(integer, items);
	Blob		blob = write_model(&model);
	Blob		again = write_model(&model);
	RecoModel	opened;
	RecoStatus	status = open_blob(&blob, &opened);

	ok(status == RECO_OK && models_equal(&model, &opened), "%s, %d items: what was written comes back", kind_of_keys(integer), items);
	ok(blob.length == again.length && memcmp(blob.bytes, again.bytes, blob.length) == 0,
	   "%s, %d items: the same model gives the same bytes", kind_of_keys(integer), items);
	ok(blob.length % RECO_CACHE_LINE == 0, "%s, %d items: whole cache lines", kind_of_keys(integer), items);
	free(blob.bytes);
	free(again.bytes);
}

/* The bytes of format 1, as they were when it was released: models written then must be readable for ever. */
static void
test_format_1(void)
{
	static const unsigned char head[24] = {
		'R', 'E', 'C', 'O', 'M', 'O', 'D', 'L', 1, 0, 0, 0, 4, 3, 2, 1, 0xc0, 0x14, 0, 0, 0, 0, 0, 0
	};
	RecoModel	integers = make_model(true, MAX_ITEMS);
	RecoModel	texts = make_model(false, MAX_ITEMS);
	Blob		blob;
	Blob		text_blob;

	integers.match = texts.match = (RecoMatch) {.n_fields = 0};
	blob = write_model(&integers);
	text_blob = write_model(&texts);
	ok(memcmp(blob.bytes, head, sizeof(head)) == 0 && get(&blob, 28, 4) == 1 && get(&blob, 32, 4) == MAX_ITEMS &&
	   get(&blob, 36, 4) == FACTORS && get(&blob, SECTIONS_AT, 4) == 10, "format 1: the header");
	ok(get(&blob, CRC_AT, 4) == FORMAT_1_INTEGER_CRC, "format 1: the bytes of a model with integer keys (CRC %08x)",
	   (unsigned) get(&blob, CRC_AT, 4));
	ok(get(&text_blob, CRC_AT, 4) == FORMAT_1_TEXT_CRC, "format 1: the bytes of a model with text keys (CRC %08x)",
	   (unsigned) get(&text_blob, CRC_AT, 4));
	free(blob.bytes);
	free(text_blob.bytes);
}

/* Numbers of factors out of range, with sections of the sizes that they ask for. */
static void
test_factors_out_of_range(void)
{
	static float rows[RECO_MAX_FACTORS + RECO_STRIDE_FLOATS];
	static double diagonal[RECO_MAX_FACTORS + 1];
	static const int factors[] = {0, RECO_MAX_FACTORS + 1};
	size_t		i;

	for (i = 0; i < 2; i++)
	{
		RecoModel	model = make_model(true, 1);
		Blob		blob;

		model.factors = factors[i];
		model.y = rows;
		model.gram_diagonal = diagonal;
		blob = write_model(&model);
		ok(status_of(&blob) == RECO_CORRUPT, "%d factors are refused", factors[i]);
		free(blob.bytes);
	}
}

static void
test_many_factors(void)
{
	static float rows[2 * RECO_MAX_FACTORS];
	static double diagonal[RECO_MAX_FACTORS];
	static const int factors[] = {1, 15, 16, 17, RECO_MAX_FACTORS};
	Cases		cases = {.name = "factors that fill a row, and that do not"};
	size_t		i;

	for (i = 0; i < sizeof(factors) / sizeof(factors[0]); i++)
	{
		RecoModel	model = make_model(true, 2);
		RecoModel	opened;
		Blob		blob;
		size_t		stride = reco_stride(factors[i]);
		int			j;

		model.factors = factors[i];
		memset(rows, 0, sizeof(rows));
		for (j = 0; j < factors[i]; j++)
		{
			rows[j] = (float) j + 1;
			rows[stride + (size_t) j] = -(float) j - 1;
			diagonal[j] = j;
		}
		model.y = rows;
		model.gram_diagonal = diagonal;
		blob = write_model(&model);
		expect(&cases, open_blob(&blob, &opened) == RECO_OK && models_equal(&model, &opened), "%d factors", factors[i]);
		free(blob.bytes);
	}
	finish(&cases);
}

/* --- looking up ------------------------------------------------------------------------------------------------ */

static void
test_integer_lookup(int items)
{
	static const int64_t absent[] = {INT64_MIN + 1, -8, -6, -1, 1, 7, 9, INT64_MAX - 1};
	RecoModel	model = make_model(true, items);
	Blob		blob = write_model(&model);
	RecoModel	opened;
	Cases		cases = {.name = "integer keys are found, others are not"};
	size_t		i;

	expect(&cases, open_blob(&blob, &opened) == RECO_OK, "%d items open", items);
	for (i = 0; i < MAX_ITEMS; i++)
		expect(&cases, reco_model_find_integer(&opened, integer_keys[i]) == ((int) i < items ? (int) i : -1),
			   "%lld among %d", (long long) integer_keys[i], items);
	for (i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		expect(&cases, reco_model_find_integer(&opened, absent[i]) == -1, "%lld among %d", (long long) absent[i], items);
	finish(&cases);
	free(blob.bytes);
}

static void
test_text_lookup(int items)
{
	static const struct
	{
		const char *bytes;
		size_t		length;
	}			absent[] = {{"a", 1}, {"a\0", 2}, {"a\0c", 3}, {"a\0b\0", 4}, {"ab", 2}, {"abcc", 4}, {"abcde", 5}, {"b", 1},
	{"\x7f", 1}, {"\x80", 1}, {"\xff\xff", 2}, {"\0", 1}};
	RecoModel	model = make_model(false, items);
	Blob		blob = write_model(&model);
	RecoModel	opened;
	Cases		cases = {.name = "text keys are found, others are not"};
	size_t		i;

	expect(&cases, open_blob(&blob, &opened) == RECO_OK, "%d items open", items);
	for (i = 0; i < MAX_ITEMS; i++)
	{
		size_t		length = (size_t) (text_start[i + 1] - text_start[i]);
		char	   *key = allocate(length);

		memcpy(key, text_bytes + text_start[i], length);
		expect(&cases, reco_model_find_text(&opened, key, length) == ((int) i < items ? (int) i : -1),
			   "key %zu among %d", i, items);
		free(key);
	}
	for (i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		expect(&cases, reco_model_find_text(&opened, absent[i].bytes, absent[i].length) == -1, "absent %zu among %d", i, items);
	finish(&cases);
	free(blob.bytes);
}

/* --- accidents ------------------------------------------------------------------------------------------------- */

static void
test_truncation(const Blob *blob, bool integer)
{
	Cases		cases = {.name = integer ? "truncated, integer keys" : "truncated, text keys"};
	Cases		forged = {.name = integer ? "truncated with a length and a checksum that fit, integer keys" :
	"truncated with a length and a checksum that fit, text keys"};
	size_t		length;

	for (length = 0; length < blob->length; length++)
	{
		Blob		copy = copy_of(blob, length);

		expect(&cases, status_of(&copy) == RECO_CORRUPT, "to %zu bytes", length);
		if (length >= TABLE_AT)
		{
			put(&copy, 16, 8, length);
			seal(&copy);
			expect(&forged, status_of(&copy) == RECO_CORRUPT, "to %zu bytes", length);
		}
		free(copy.bytes);
	}
	finish(&cases);
	finish(&forged);
}

static void
test_bit_flips(Blob *blob, bool integer)
{
	Cases		cases = {.name = integer ? "every bit flipped, integer keys" : "every bit flipped, text keys"};
	size_t		i;

	for (i = 0; i < blob->length * 8; i++)
	{
		RecoStatus	status;
		bool		version = i / 8 >= 8 && i / 8 < 16; /* format and byte order: then another library may read it */

		blob->bytes[i / 8] ^= (unsigned char) (1 << i % 8);
		status = status_of(blob);
		expect(&cases, status == RECO_CORRUPT || (version && status == RECO_UNSUPPORTED), "bit %zu of byte %zu: status %d",
			   i % 8, i / 8, status);
		blob->bytes[i / 8] ^= (unsigned char) (1 << i % 8);
	}
	expect(&cases, status_of(blob) == RECO_OK, "whole again");
	finish(&cases);
}

static void
test_appended(const Blob *blob, bool integer)
{
	Blob		copy = copy_of(blob, blob->length + 64);

	ok(status_of(&copy) == RECO_CORRUPT, "something appended, %s", kind_of_keys(integer));
	free(copy.bytes);
}

/* --- forgeries --------------------------------------------------------------------------------------------------- */

/* Numbers at which arithmetic goes wrong, cut to a width of 4 or 8 bytes; the last two are those around the true one. */
static int
hostile_values(uint64_t present, size_t width, uint64_t *values)
{
	uint64_t	most = width == 8 ? UINT64_MAX : UINT32_MAX;
	const uint64_t list[] = {
		0, 1, 2, 63, 64, 65, 512, 513, most, most - 1, most / 2, most / 2 + 1, most / 2 + 2, most / 4 + 1, most / 8 + 1,
		most / 16 + 1, most / 64, UINT64_C(1) << 31, (UINT64_C(1) << 31) - 1, UINT32_MAX, UINT64_C(1) << 32,
		(UINT64_C(1) << 32) + 1, UINT64_C(1) << 63, present * 2, present / 2, present + 64, present - 64, present + 1, present - 1
	};
	int			n = 0;
	size_t		i;

	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if ((list[i] & most) != present)
			values[n++] = list[i] & most;
	return n;
}

static void
test_hostile_header(const Blob *blob, bool integer)
{
	static const struct
	{
		const char *name;
		size_t		at;
		size_t		width;
	}			fields[] = {
		{"magic", 0, 8}, {"format", 8, 4}, {"byte order", 12, 4}, {"length", 16, 8}, {"flags", 28, 4}, {"items", 32, 4},
		{"factors", 36, 4}, {"sections", SECTIONS_AT, 4}
	};
	Cases		cases = {.name = integer ? "hostile header fields, integer keys" : "hostile header fields, text keys"};
	uint64_t	values[64];
	size_t		i;
	int			j;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
	{
		uint64_t	present = get(blob, fields[i].at, fields[i].width);
		int			n = hostile_values(present, fields[i].width, values);

		for (j = 0; j < n; j++)
		{
			RecoStatus	status = status_with(blob, fields[i].at, &values[j], fields[i].width);
			bool		newer = (fields[i].at == 8 && values[j] > RECO_MODEL_FORMAT) || fields[i].at == 12;

			expect(&cases, status == (newer ? RECO_UNSUPPORTED : RECO_CORRUPT), "%s %llu instead of %llu: status %d",
				   fields[i].name, (unsigned long long) values[j], (unsigned long long) present, status);
		}
	}
	finish(&cases);
}

static void
test_hostile_reserved(const Blob *blob)
{
	Cases		cases = {.name = "the reserved bytes of the header are zero"};
	size_t		at;

	for (at = 44; at < TABLE_AT; at++)
		expect(&cases, status_with(blob, at, "\1", 1) == RECO_CORRUPT, "byte %zu", at);
	finish(&cases);
}

static void
test_other_byte_order(const Blob *blob)
{
	Blob		copy = copy_of(blob, blob->length);
	size_t		i;

	/* The header as a big-endian machine writes it. */
	put(&copy, 8, 4, __builtin_bswap32((uint32_t) get(blob, 8, 4)));
	put(&copy, 12, 4, __builtin_bswap32((uint32_t) get(blob, 12, 4)));
	put(&copy, 16, 8, __builtin_bswap64(get(blob, 16, 8)));
	for (i = 28; i < 44; i += 4)
		put(&copy, i, 4, __builtin_bswap32((uint32_t) get(blob, i, 4)));
	seal(&copy);
	ok(status_of(&copy) == RECO_UNSUPPORTED, "a model of the other byte order is said to be one");
	free(copy.bytes);
}

static void
test_hostile_sections(const Blob *blob, bool integer)
{
	static const struct
	{
		const char *name;
		size_t		at;
		size_t		width;
	}			fields[] = {{"kind", 0, 4}, {"element", 4, 4}, {"offset", 8, 8}, {"count", 16, 8}};
	Cases		cases = {.name = integer ? "hostile section table, integer keys" : "hostile section table, text keys"};
	uint64_t	values[64];
	size_t		section;
	size_t		i;
	int			j;

	for (section = 0; section < n_sections(blob); section++)
		for (i = 0; i < 4; i++)
		{
			size_t		at = entry_at(section) + fields[i].at;
			uint64_t	present = get(blob, at, fields[i].width);
			int			n = hostile_values(present, fields[i].width, values);

			for (j = 0; j < n; j++)
			{
				RecoStatus	status = status_with(blob, at, &values[j], fields[i].width);

				expect(&cases, status == RECO_CORRUPT, "%s of section %zu: %llu instead of %llu: status %d", fields[i].name,
					   section, (unsigned long long) values[j], (unsigned long long) present, status);
			}
		}
	finish(&cases);
}

/* Size of an element and number of elements together: their product is right, or overflows to something right. */
static void
test_hostile_products(const Blob *blob, bool integer)
{
	Cases		cases = {.name = integer ? "hostile sizes of sections, integer keys" : "hostile sizes of sections, text keys"};
	size_t		section;
	int			shift;

	for (section = 0; section < n_sections(blob); section++)
		for (shift = 1; shift < 32; shift++)
		{
			Blob		copy = copy_of(blob, blob->length);
			uint64_t	element = get(blob, entry_at(section) + 4, 4);
			uint64_t	count = get(blob, entry_at(section) + 16, 8);

			put(&copy, entry_at(section) + 4, 4, UINT64_C(1) << shift);
			put(&copy, entry_at(section) + 16, 8, (UINT64_C(1) << (64 - shift)) + count);
			seal(&copy);
			expect(&cases, status_of(&copy) == RECO_CORRUPT, "section %zu: product overflows, shift %d", section, shift);
			if (element * count % (UINT64_C(1) << shift) == 0 && element != UINT64_C(1) << shift)
			{
				put(&copy, entry_at(section) + 16, 8, element * count >> shift);
				seal(&copy);
				expect(&cases, status_of(&copy) == RECO_CORRUPT, "section %zu: elements of %llu bytes", section,
					   1ULL << shift);
			}
			free(copy.bytes);
		}
	finish(&cases);
}

/* Two sections on the same bytes, whole or in part, and one on the table. */
static void
test_overlaps(const Blob *blob, bool integer)
{
	Cases		cases = {.name = integer ? "overlapping sections, integer keys" : "overlapping sections, text keys"};
	size_t		n = n_sections(blob);
	size_t		i;
	size_t		j;

	for (i = 0; i < n; i++)
	{
		for (j = 0; j < n; j++)
			if (i != j)
				expect(&cases, status_with(blob, entry_at(i) + 8, blob->bytes + entry_at(j) + 8, 8) == RECO_CORRUPT,
					   "section %zu where section %zu is", i, j);
		for (j = 0; j < TABLE_AT + n * ENTRY; j += RECO_CACHE_LINE)
		{
			uint64_t	offset = j;

			expect(&cases, status_with(blob, entry_at(i) + 8, &offset, 8) == RECO_CORRUPT, "section %zu at byte %zu", i, j);
		}
	}
	finish(&cases);
}

/* --- other arrangements of the same sections ----------------------------------------------------------------------- */

typedef struct Part
{
	uint32_t	kind;
	uint32_t	element;
	uint64_t	count;
	const void *data;			/* NULL: zeros */
} Part;

/* The parts of a blob, in order. */
static size_t
take_apart(const Blob *blob, Part *parts)
{
	size_t		n = n_sections(blob);
	size_t		i;

	for (i = 0; i < n; i++)
	{
		parts[i].kind = (uint32_t) get(blob, entry_at(i), 4);
		parts[i].element = (uint32_t) get(blob, entry_at(i) + 4, 4);
		parts[i].count = get(blob, entry_at(i) + 16, 8);
		parts[i].data = blob->bytes + get(blob, entry_at(i) + 8, 8);
	}
	return n;
}

/* A well-formed blob of any parts, with the header of another one. */
static Blob
assemble(const Blob *like, const Part *parts, size_t n)
{
	size_t		length = reco_size_align(TABLE_AT + n * ENTRY);
	size_t		offset = length;
	Blob		blob;
	size_t		i;

	for (i = 0; i < n; i++)
		length += reco_size_align(parts[i].element * parts[i].count);
	blob.length = length;
	blob.bytes = allocate(length);
	memset(blob.bytes, 0, length);
	memcpy(blob.bytes, like->bytes, TABLE_AT);
	put(&blob, 16, 8, length);
	put(&blob, SECTIONS_AT, 4, n);
	for (i = 0; i < n; i++)
	{
		size_t		size = parts[i].element * (size_t) parts[i].count;

		put(&blob, entry_at(i), 4, parts[i].kind);
		put(&blob, entry_at(i) + 4, 4, parts[i].element);
		put(&blob, entry_at(i) + 8, 8, offset);
		put(&blob, entry_at(i) + 16, 8, parts[i].count);
		if (parts[i].data != NULL && size > 0)
			memcpy(blob.bytes + offset, parts[i].data, size);
		offset += reco_size_align(size);
	}
	seal(&blob);
	return blob;
}

/* Whether the parts are accepted, and give the same model as the blob that they came from. */
static bool
gives_same_model(const Blob *like, const Part *parts, size_t n)
{
	Blob		blob = assemble(like, parts, n);
	RecoModel	model;
	RecoModel	opened;
	bool		same = open_blob(like, &model) == RECO_OK && open_blob(&blob, &opened) == RECO_OK && models_equal(&model, &opened);

	free(blob.bytes);
	return same;
}

static RecoStatus
status_of_parts(const Blob *like, const Part *parts, size_t n)
{
	Blob		blob = assemble(like, parts, n);
	RecoStatus	status = status_of(&blob);

	free(blob.bytes);
	return status;
}

static size_t
insert_part(Part *parts, size_t n, size_t at, Part part)
{
	memmove(parts + at + 1, parts + at, (n - at) * sizeof(Part));
	parts[at] = part;
	return n + 1;
}

static void
test_arrangements(const Blob *blob, bool integer)
{
	Cases		accepted = {.name = integer ? "sections of unknown kinds are passed over, integer keys" :
	"sections of unknown kinds are passed over, text keys"};
	Cases		refused = {.name = integer ? "missing, doubled and malformed sections, integer keys" :
	"missing, doubled and malformed sections, text keys"};
	static const uint32_t unknown[] = {90, 100, 1u << 31, UINT32_MAX};
	Part		parts[80];
	size_t		n = take_apart(blob, parts);
	size_t		i;
	size_t		j;

	expect(&accepted, gives_same_model(blob, parts, n), "as it was");
	for (i = 0; i <= n; i++)
	{
		for (j = 0; j < sizeof(unknown) / sizeof(unknown[0]); j++)
		{
			(void) take_apart(blob, parts);
			(void) insert_part(parts, n, i, (Part) {unknown[j], 5, 7, NULL});
			expect(&accepted, gives_same_model(blob, parts, n + 1), "kind %u before section %zu", unknown[j], i);
			(void) insert_part(parts, n + 1, i, (Part) {unknown[j], 1, 0, NULL});
			expect(&accepted, gives_same_model(blob, parts, n + 2), "kind %u twice before section %zu", unknown[j], i);
		}
		(void) take_apart(blob, parts);
		(void) insert_part(parts, n, i, (Part) {0, 4, 4, NULL});
		expect(&refused, status_of_parts(blob, parts, n + 1) == RECO_CORRUPT, "kind 0 before section %zu", i);
		parts[i].kind = 100;
		parts[i].element = 0;
		expect(&refused, status_of_parts(blob, parts, n + 1) == RECO_CORRUPT, "elements of no size before section %zu", i);
		parts[i].element = 64;
		parts[i].count = UINT64_C(1) << 58;
		expect(&refused, status_of_parts(blob, parts, n + 1) == RECO_CORRUPT, "2^64 bytes before section %zu", i);
	}

	n = take_apart(blob, parts);
	for (i = 0; i < n / 2; i++)
	{
		Part		part = parts[i];

		parts[i] = parts[n - 1 - i];
		parts[n - 1 - i] = part;
	}
	expect(&accepted, gives_same_model(blob, parts, n), "in the reverse order");

	n = take_apart(blob, parts);
	while (n < 64)
		n = insert_part(parts, n, 0, (Part) {1000, 1, 1, NULL});
	expect(&accepted, gives_same_model(blob, parts, n), "64 sections");
	n = insert_part(parts, n, 0, (Part) {1000, 1, 1, NULL});
	expect(&refused, status_of_parts(blob, parts, n) == RECO_CORRUPT, "65 sections");

	n = n_sections(blob);
	for (i = 0; i < n; i++)
	{
		(void) take_apart(blob, parts);
		for (j = i; j + 1 < n; j++)
			parts[j] = parts[j + 1];
		expect(&refused, status_of_parts(blob, parts, n - 1) == RECO_CORRUPT, "without section %zu", i);
		(void) take_apart(blob, parts);
		(void) insert_part(parts, n, i, parts[i]);
		expect(&refused, status_of_parts(blob, parts, n + 1) == RECO_CORRUPT, "section %zu twice", i);
		(void) take_apart(blob, parts);
		parts[i].count--;
		expect(&refused, status_of_parts(blob, parts, n) == RECO_CORRUPT, "section %zu one element short", i);
		parts[i].count += 2;
		parts[i].data = NULL;
		expect(&refused, status_of_parts(blob, parts, n) == RECO_CORRUPT, "section %zu one element long", i);
	}
	finish(&accepted);
	finish(&refused);
}

/* --- hostile numbers and keys ---------------------------------------------------------------------------------------- */

static RecoStatus
status_with_float(const Blob *blob, size_t at, float value)
{
	return status_with(blob, at, &value, sizeof(value));
}

static RecoStatus
status_with_double(const Blob *blob, size_t at, double value)
{
	return status_with(blob, at, &value, sizeof(value));
}

static void
test_hostile_floats(const Blob *blob)
{
	Cases		cases = {.name = "factors are finite, popularity is no less than 0"};
	Cases		padding = {.name = "the padding of factors is zero"};
	size_t		factors = data_at(blob, KIND_FACTORS);
	size_t		popular = data_at(blob, KIND_POPULARITY);
	size_t		trend_at = data_at(blob, KIND_TREND);
	int			i;
	int			j;

	for (i = 0; i < MAX_ITEMS; i++)
	{
		size_t		row = factors + (size_t) i * RECO_STRIDE_FLOATS * sizeof(float);

		for (j = 0; j < FACTORS; j++)
		{
			size_t		at = row + (size_t) j * sizeof(float);

			expect(&cases, status_with_float(blob, at, NAN) == RECO_CORRUPT, "NaN as factor %d of item %d", j, i);
			expect(&cases, status_with_float(blob, at, -NAN) == RECO_CORRUPT, "-NaN as factor %d of item %d", j, i);
			expect(&cases, status_with_float(blob, at, INFINITY) == RECO_CORRUPT, "infinity as factor %d of item %d", j, i);
			expect(&cases, status_with_float(blob, at, -INFINITY) == RECO_CORRUPT, "-infinity as factor %d of item %d", j, i);
			expect(&cases, status_with_float(blob, at, -1e-42f) == RECO_OK, "a denormal as factor %d of item %d", j, i);
		}
		for (; j < RECO_STRIDE_FLOATS; j++)
		{
			size_t		at = row + (size_t) j * sizeof(float);

			expect(&padding, status_with_float(blob, at, 1) == RECO_CORRUPT, "1 in place %d of item %d", j, i);
			expect(&padding, status_with_float(blob, at, 1e-45f) == RECO_CORRUPT, "a denormal in place %d of item %d", j, i);
			expect(&padding, status_with_float(blob, at, NAN) == RECO_CORRUPT, "NaN in place %d of item %d", j, i);
		}
		expect(&cases, status_with_float(blob, popular + (size_t) i * 4, NAN) == RECO_CORRUPT, "NaN as popularity %d", i);
		expect(&cases, status_with_float(blob, popular + (size_t) i * 4, INFINITY) == RECO_CORRUPT, "infinity as popularity %d", i);
		expect(&cases, status_with_float(blob, popular + (size_t) i * 4, -1e-30f) == RECO_CORRUPT, "a negative popularity %d", i);
		expect(&cases, status_with_float(blob, popular + (size_t) i * 4, 3e38f) == RECO_OK, "a great popularity %d", i);
		expect(&cases, status_with_float(blob, trend_at + (size_t) i * 4, NAN) == RECO_CORRUPT, "NaN as trend %d", i);
		expect(&cases, status_with_float(blob, trend_at + (size_t) i * 4, -0.1f) == RECO_CORRUPT, "a negative trend %d", i);
		expect(&cases, status_with_float(blob, trend_at + (size_t) i * 4, 1.1f) == RECO_CORRUPT, "a great trend %d", i);
		expect(&cases, status_with_float(blob, trend_at + (size_t) i * 4, 1) == RECO_OK, "a trend of 1 %d", i);
	}
	finish(&cases);
	finish(&padding);
}

static void
test_hostile_doubles(const Blob *blob)
{
	Cases		cases = {.name = "Gram diagonal and parameters are in range"};
	size_t		diagonal = data_at(blob, KIND_GRAM);
	size_t		parameters = data_at(blob, KIND_PARAMETERS);
	int			i;

	for (i = 0; i < FACTORS; i++)
	{
		size_t		at = diagonal + (size_t) i * sizeof(double);

		expect(&cases, status_with_double(blob, at, NAN) == RECO_CORRUPT, "NaN on the diagonal, %d", i);
		expect(&cases, status_with_double(blob, at, INFINITY) == RECO_CORRUPT, "infinity on the diagonal, %d", i);
		expect(&cases, status_with_double(blob, at, -1e-300) == RECO_CORRUPT, "negative on the diagonal, %d", i);
		expect(&cases, status_with_double(blob, at, 0) == RECO_OK, "0 on the diagonal, %d", i);
	}
	for (i = 0; i < RECO_PARAMETERS; i++)
	{
		size_t		at = parameters + (size_t) i * sizeof(double);
		bool		half_life = i == RECO_PARAMETER_HISTORY_HALF_LIFE || i == RECO_PARAMETER_ALONE_HALF_LIFE ||
			i == RECO_PARAMETER_REPEAT_HALF_LIFE;
		bool		weight = i >= RECO_PARAMETER_STRENGTHS;
		int			strength = weight && i < RECO_PARAMETER_BLEND ? (i - RECO_PARAMETER_STRENGTHS) % RECO_STRENGTH_SLOTS : -1;
		bool		share = strength == RECO_STRENGTH_STARS || strength == RECO_STRENGTH_SESSION_DECAY;
		bool		exponent = strength >= RECO_STRENGTH_CONTEXT && strength < RECO_STRENGTHS;
		bool		clock = i == RECO_PARAMETER_CLOCK;
		bool		curve = i >= RECO_PARAMETER_BASKET_CURVE && i < RECO_PARAMETER_BASKET_CURVE + 16;
		bool		slope = curve && (i - RECO_PARAMETER_BASKET_CURVE) % 4 == 1;
		bool		any_sign = clock || (curve && !slope);
		bool		or_zero = any_sign || slope || weight || i == RECO_PARAMETER_ORDER_MASS ||
			(i >= RECO_PARAMETER_BASKET_LINEAR && i <= RECO_PARAMETER_NONE_LINEAR);

		expect(&cases, status_with_double(blob, at, NAN) == RECO_CORRUPT, "NaN as parameter %d", i);
		expect(&cases, status_with_double(blob, at, -NAN) == RECO_CORRUPT, "-NaN as parameter %d", i);
		expect(&cases, (status_with_double(blob, at, INFINITY) == RECO_OK) == half_life, "infinity as parameter %d", i);
		expect(&cases, (status_with_double(blob, at, -INFINITY) == RECO_OK) == clock, "-infinity as parameter %d", i);
		expect(&cases, (status_with_double(blob, at, -1) == RECO_OK) == any_sign, "-1 as parameter %d", i);
		expect(&cases, (status_with_double(blob, at, 0) == RECO_OK) == or_zero, "0 as parameter %d", i);
		expect(&cases, (status_with_double(blob, at, 1e19) == RECO_OK) == (!clock && !weight), "1e19 as parameter %d", i);
		expect(&cases, (status_with_double(blob, at, -1e19) == RECO_OK) == (any_sign && !clock), "-1e19 as parameter %d", i);
		expect(&cases, (status_with_double(blob, at, 42) == RECO_OK) == !share, "42 as parameter %d", i);
		expect(&cases, status_with_double(blob, at, 1) == RECO_OK, "1 as parameter %d", i);
		expect(&cases, (status_with_double(blob, at, 100) == RECO_OK) == (!share && !exponent), "100 as parameter %d", i);
	}
	finish(&cases);
}

/* Counts and metrics that nobody measured. */
static void
test_hostile_facts(const Blob *blob)
{
	Cases		cases = {.name = "facts are counts and metrics"};
	size_t		facts = data_at(blob, KIND_FACTS);
	int			i;

	for (i = 0; i < RECO_FACTS; i++)
	{
		size_t		at = facts + (size_t) i * sizeof(double);
		bool		count = i < RECO_FACT_RECALL_COMPLETION;
		bool		method = i == RECO_FACT_COMPLEMENTS;
		bool		loss = i >= RECO_FACT_LOSSES && i < RECO_FACT_EVIDENCE;
		bool		bits = i == RECO_FACT_EVIDENCE;

		expect(&cases, (status_with_double(blob, at, NAN) == RECO_OK) == (!count && !method && !bits), "NaN as fact %d", i);
		expect(&cases, status_with_double(blob, at, INFINITY) == RECO_CORRUPT, "infinity as fact %d", i);
		expect(&cases, status_with_double(blob, at, -INFINITY) == RECO_CORRUPT, "-infinity as fact %d", i);
		expect(&cases, (status_with_double(blob, at, -1) == RECO_OK) == loss, "-1 as fact %d", i);
		expect(&cases, status_with_double(blob, at, 0) == RECO_OK, "0 as fact %d", i);
		expect(&cases, status_with_double(blob, at, 1) == RECO_OK, "1 as fact %d", i);
		expect(&cases, (status_with_double(blob, at, 0.5) == RECO_OK) == (!count && !method && !bits), "0.5 as fact %d", i);
		expect(&cases, (status_with_double(blob, at, 2) == RECO_OK) == (count || method || bits), "2 as fact %d", i);
		expect(&cases, (status_with_double(blob, at, 3) == RECO_OK) == (count || bits), "3 as fact %d", i);
		expect(&cases, (status_with_double(blob, at, INT32_MAX) == RECO_OK) == count, "2^31 - 1 as fact %d", i);
		expect(&cases, status_with_double(blob, at, 2147483648.0) == RECO_CORRUPT, "2^31 as fact %d", i);
	}
	finish(&cases);
}

static void
test_hostile_match(const Blob *blob)
{
	static const float weights[] = {0, -1, -0.0f, NAN, INFINITY, -INFINITY, 1.1e6f};
	static const float reasons[] = {-1, -1e-9f, 1.01f, NAN, INFINITY, -INFINITY};
	static const int32_t numbers[] = {-1, MAX_ITEMS, INT32_MAX, INT32_MIN};
	static const int32_t firsts[] = {-1, 4, INT32_MAX, INT32_MIN};
	Cases		cases = {.name = "attribute match is fields that ascend, reasons that are chances, and rows as of complements"};
	size_t		fields = data_at(blob, KIND_MATCH_FIELDS);
	size_t		i;
	size_t		j;

	for (i = 0; i < 2; i++)
	{
		for (j = 0; j < sizeof(firsts) / sizeof(firsts[0]); j++)
			expect(&cases, status_with(blob, fields + i * 12, &firsts[j], 4) == RECO_CORRUPT, "first %zu is %d", i, firsts[j]);
		for (j = 0; j < sizeof(reasons) / sizeof(reasons[0]); j++)
		{
			expect(&cases, status_with(blob, fields + i * 12 + 4, &reasons[j], 4) == RECO_CORRUPT, "reason %zu is %g", i, reasons[j]);
			expect(&cases, status_with(blob, fields + i * 12 + 8, &reasons[j], 4) == RECO_CORRUPT, "reason %zu is %g", i, reasons[j]);
		}
	}
	expect(&cases, status_with(blob, fields, &numbers[0], 4) == RECO_CORRUPT, "the first field begins at -1");
	expect(&cases, status_with(blob, fields, &share_index[1], 4) == RECO_CORRUPT, "the first field begins at 1");
	expect(&cases, status_with(blob, fields + 24, &share_index[2], 4) == RECO_CORRUPT, "the last field ends before the last value");
	for (i = 0; i < SHARES; i++)
	{
		for (j = 0; j < sizeof(weights) / sizeof(weights[0]); j++)
			expect(&cases, status_with(blob, data_at(blob, KIND_MATCH_ITEM_SHARE) + i * 4, &weights[j], 4) == RECO_CORRUPT,
				   "share %zu is %g", i, weights[j]);
		for (j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++)
			expect(&cases, status_with(blob, data_at(blob, KIND_MATCH_ITEM_VALUE) + i * 4, &numbers[j], 4) == RECO_CORRUPT,
				   "value %zu is %d", i, numbers[j]);
	}
	for (i = 0; i < CHANCES; i++)
	{
		for (j = 0; j < sizeof(reasons) / sizeof(reasons[0]); j++)
			expect(&cases, status_with(blob, data_at(blob, KIND_MATCH_VALUE_CHANCE) + i * 4, &reasons[j], 4) == RECO_CORRUPT,
				   "chance %zu is %g", i, reasons[j]);
		for (j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++)
			expect(&cases, status_with(blob, data_at(blob, KIND_MATCH_VALUE_ITEM) + i * 4, &numbers[j], 4) == RECO_CORRUPT,
				   "item %zu is %d", i, numbers[j]);
	}
	for (i = 0; i <= 3; i++)
	{
		int64_t		values[] = {-1, INT64_MIN, INT64_MAX, CHANCES + 1, chance_start[i] + 7};

		for (j = 0; j < sizeof(values) / sizeof(values[0]); j++)
		{
			expect(&cases, status_with(blob, data_at(blob, KIND_MATCH_VALUE_START) + i * 8, &values[j], 8) == RECO_CORRUPT,
				   "start of value %zu is %lld", i, (long long) values[j]);
			expect(&cases, status_with(blob, data_at(blob, KIND_MATCH_ITEM_START) + i * 8, &values[j], 8) == RECO_CORRUPT || j > 2,
				   "start of item %zu is %lld", i, (long long) values[j]);
		}
	}
	finish(&cases);
}

static void
test_hostile_complements(const Blob *blob)
{
	static const float weights[] = {0, -1, -0.0f, NAN, INFINITY, -INFINITY};
	static const int32_t items[] = {-1, MAX_ITEMS, INT32_MAX, INT32_MIN};
	Cases		cases = {.name = "complements are rows of ascending items with positive weights"};
	size_t		start = data_at(blob, KIND_COMPLEMENT_START);
	size_t		index = data_at(blob, KIND_COMPLEMENT_INDEX);
	size_t		weight = data_at(blob, KIND_COMPLEMENT_WEIGHT);
	size_t		i;
	size_t		j;

	for (i = 0; i < ENTRIES; i++)
	{
		for (j = 0; j < sizeof(weights) / sizeof(weights[0]); j++)
			expect(&cases, status_with(blob, weight + i * 4, &weights[j], 4) == RECO_CORRUPT, "weight %zu is %g", i, weights[j]);
		for (j = 0; j < sizeof(items) / sizeof(items[0]); j++)
			expect(&cases, status_with(blob, index + i * 4, &items[j], 4) == RECO_CORRUPT, "item %zu is %d", i, items[j]);
	}
	expect(&cases, status_with(blob, index + 4, &complement_index[2], 4) == RECO_CORRUPT, "an item twice");
	for (i = 0; i <= MAX_ITEMS; i++)
	{
		int64_t		values[] = {-1, INT64_MIN, INT64_MAX, ENTRIES + 1, complement_start[i] + 7};

		for (j = 0; j < sizeof(values) / sizeof(values[0]); j++)
			expect(&cases, status_with(blob, start + i * 8, &values[j], 8) == RECO_CORRUPT, "start %zu is %lld", i,
				   (long long) values[j]);
	}
	finish(&cases);
}

/* --- kinds of events ----------------------------------------------------------------------------------------------- */

#define EVENTS		3

static const char event_bytes[] = "cartview";
static const uint64_t event_start[EVENTS + 1] = {0, 0, 4, 8};
static const float event_weights[EVENTS] = {0.125f, 1, 0.25f};

static bool
events_equal(const RecoModel *a, const RecoModel *b)
{
	return a->n_events == b->n_events && memcmp(a->event_start, b->event_start, (EVENTS + 1) * sizeof(uint64_t)) == 0 &&
		memcmp(a->event_weights, b->event_weights, EVENTS * sizeof(float)) == 0 &&
		memcmp(a->event_bytes, b->event_bytes, event_start[EVENTS]) == 0;
}

static void
test_hostile_event_numbers(const Blob *blob)
{
	static const float weights[] = {0, -1, -0.0f, 1.0000001f, NAN, INFINITY, -INFINITY};
	Cases		cases = {.name = "kinds of events have shares as weights, and texts that ascend"};
	size_t		start = data_at(blob, KIND_EVENT_START);
	size_t		bytes = data_at(blob, KIND_EVENT_BYTES);
	size_t		weight = data_at(blob, KIND_EVENT_WEIGHTS);
	size_t		i;
	size_t		j;

	for (i = 0; i < EVENTS; i++)
		for (j = 0; j < sizeof(weights) / sizeof(weights[0]); j++)
			expect(&cases, status_with(blob, weight + i * 4, &weights[j], 4) == RECO_CORRUPT, "weight %zu is %g", i, weights[j]);
	for (i = 0; i <= EVENTS; i++)
	{
		uint64_t	values[] = {UINT64_MAX, UINT64_C(1) << 63, 9, event_start[i] + 5};

		for (j = 0; j < sizeof(values) / sizeof(values[0]); j++)
			expect(&cases, status_with(blob, start + i * 8, &values[j], 8) == RECO_CORRUPT, "start %zu is %llu", i,
				   (unsigned long long) values[j]);
	}
	expect(&cases, status_with(blob, bytes, "viewcart", 8) == RECO_CORRUPT, "in the other order");
	expect(&cases, status_with(blob, bytes, "cartcart", 8) == RECO_CORRUPT, "the same twice");
	finish(&cases);
}

static bool
is_event_part(const Part *part)
{
	return part->kind >= KIND_EVENT_START && part->kind <= KIND_EVENT_WEIGHTS;
}

static void
test_hostile_event_sections(const Blob *blob)
{
	static const uint64_t many_starts[RECO_MODEL_EVENTS + 2];
	Cases		cases = {.name = "kinds of events are all there, or not at all, and few"};
	Part		parts[80];
	size_t		n = take_apart(blob, parts);
	size_t		i;

	for (i = 0; i < n; i++)
	{
		(void) take_apart(blob, parts);
		if (!is_event_part(&parts[i]))
			continue;
		parts[i].kind = 1000;
		expect(&cases, status_of_parts(blob, parts, n) == RECO_CORRUPT, "without section %zu", i);
		(void) take_apart(blob, parts);
		parts[i].count--;
		expect(&cases, status_of_parts(blob, parts, n) == RECO_CORRUPT, "section %zu one element short", i);
		parts[i].count = 0;
		expect(&cases, status_of_parts(blob, parts, n) == RECO_CORRUPT, "section %zu empty", i);
	}
	(void) take_apart(blob, parts);
	for (i = 0; i < n; i++)
		if (is_event_part(&parts[i]))
			parts[i].kind += 1000;
	expect(&cases, status_of_parts(blob, parts, n) == RECO_OK, "without all of them");
	(void) take_apart(blob, parts);
	for (i = 0; i < n; i++)
	{
		if (parts[i].kind == KIND_EVENT_START)
			parts[i] = (Part) {KIND_EVENT_START, 8, RECO_MODEL_EVENTS + 2, many_starts};
		if (parts[i].kind == KIND_EVENT_WEIGHTS)
			parts[i] = (Part) {KIND_EVENT_WEIGHTS, 4, RECO_MODEL_EVENTS + 1, NULL};
	}
	expect(&cases, status_of_parts(blob, parts, n) == RECO_CORRUPT, "too many");
	finish(&cases);
}

static void
test_events(void)
{
	RecoModel	model = make_model(true, MAX_ITEMS);
	RecoModel	opened;
	Blob		blob;

	model.n_events = EVENTS;
	model.event_start = event_start;
	model.event_bytes = event_bytes;
	model.event_weights = event_weights;
	blob = write_model(&model);
	ok(open_blob(&blob, &opened) == RECO_OK && models_equal(&model, &opened) && events_equal(&model, &opened),
	   "kinds of events come back");
	ok(reco_model_find_event(&opened, "", 0) == 0 && reco_model_find_event(&opened, "view", 4) == 2 &&
	   reco_model_find_event(&opened, "views", 5) == -1 && reco_model_find_event(&opened, "vie", 3) == -1, "and are found");
	test_hostile_event_numbers(&blob);
	test_hostile_event_sections(&blob);
	free(blob.bytes);
}

static void
test_hostile_integer_keys(const Blob *blob)
{
	Cases		cases = {.name = "integer keys ascend"};
	size_t		keys = data_at(blob, KIND_INTEGER_KEYS);
	int			i;

	for (i = 1; i < MAX_ITEMS; i++)
	{
		int64_t		pair[2];

		expect(&cases, status_with(blob, keys + (size_t) i * 8, &integer_keys[i - 1], 8) == RECO_CORRUPT, "key %d twice", i - 1);
		pair[0] = integer_keys[i];
		pair[1] = integer_keys[i - 1];
		expect(&cases, status_with(blob, keys + (size_t) (i - 1) * 8, pair, 16) == RECO_CORRUPT, "keys %d and %d swapped", i - 1, i);
	}
	finish(&cases);
}

static void
test_hostile_text_keys(const Blob *blob)
{
	Cases		cases = {.name = "the bounds of text keys are in order and within the bytes"};
	Cases		order = {.name = "text keys ascend"};
	size_t		start = data_at(blob, KIND_KEY_START);
	size_t		bytes = data_at(blob, KIND_KEY_BYTES);
	uint64_t	empty_second[2] = {0, 0};
	uint64_t	values[64];
	int			i;
	int			j;

	for (i = 0; i <= MAX_ITEMS; i++)
	{
		int			n = hostile_values(text_start[i], 8, values);

		for (j = 0; j < n; j++)
		{
			/* A bound that is still between its neighbours may cut the bytes into other keys in order. */
			if (i > 0 && i < MAX_ITEMS && values[j] > text_start[i - 1] && values[j] < text_start[i + 1])
				continue;
			expect(&cases, status_with(blob, start + (size_t) i * 8, &values[j], 8) == RECO_CORRUPT, "bound %d is %llu", i,
				   (unsigned long long) values[j]);
		}
	}
	expect(&order, status_with(blob, bytes + 3, "abb", 3) == RECO_OK, "other keys in order");
	expect(&order, status_with(blob, bytes + 3, "abcabc", 6) == RECO_OK, "other bytes");
	expect(&order, status_with(blob, bytes + 3, "abdabcd", 7) == RECO_CORRUPT, "a key after the next");
	expect(&order, status_with(blob, bytes + 10, "a", 1) == RECO_CORRUPT, "a prefix after what it begins");
	expect(&order, status_with(blob, bytes + 10, "\0", 1) == RECO_CORRUPT, "the least byte last");
	expect(&order, status_with(blob, start + 8, empty_second, 16) == RECO_CORRUPT, "the empty key twice");
	finish(&cases);
	finish(&order);
}

/* Keys that the edits above do not come to: the same twice, and bytes before the first one. */
static void
test_two_text_keys(void)
{
	static const uint64_t start[] = {0, 2, 4};
	static const uint64_t later[] = {1, 2, 4};
	RecoModel	model = make_model(false, 2);
	Blob		blob;

	model.key_start = start;
	model.key_bytes = "abab";
	blob = write_model(&model);
	ok(status_of(&blob) == RECO_CORRUPT, "the same text key twice");
	free(blob.bytes);
	model.key_bytes = "abac";
	blob = write_model(&model);
	ok(status_of(&blob) == RECO_OK, "different text keys of the same length");
	free(blob.bytes);
	model.key_start = later;
	model.key_bytes = "xaba";
	blob = write_model(&model);
	ok(status_of(&blob) == RECO_CORRUPT, "bytes before the first text key");
	free(blob.bytes);
}

/* --- at random --------------------------------------------------------------------------------------------------------- */

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Whatever else may be written there: it is refused, or can be used. */
static void
test_random_edits(const Blob *blob, bool integer)
{
	Cases		cases = {.name = integer ? "random edits, integer keys" : "random edits, text keys"};
	uint64_t	state = 88172645463325252u;
	int			accepted = 0;
	int			i;

	for (i = 0; i < 30000; i++)
	{
		Blob		copy = copy_of(blob, blob->length);
		int			edits = 1 + (int) (next_random(&state) % 3);
		RecoStatus	status;

		while (edits-- > 0)
		{
			uint64_t	values[64];
			size_t		width = next_random(&state) % 2 ? 4 : 8;
			size_t		at = 28 + (next_random(&state) % (copy.length - 28 - 8)) / 4 * 4;
			int			n = hostile_values(get(&copy, at, width), width, values);

			put(&copy, at, width, values[next_random(&state) % (uint64_t) n]);
		}
		seal(&copy);
		status = status_of(&copy);
		accepted += status == RECO_OK;
		expect(&cases, status == RECO_OK || status == RECO_CORRUPT, "edit %d: status %d", i, status);
		free(copy.bytes);
	}
	expect(&cases, accepted > 100, "only %d edits gave other models", accepted);
	finish(&cases);
}

/* --- labels -------------------------------------------------------------------------------------------------------------- */

/* Two attributes of customers, one a number, and a device. */
static const RecoFieldEntry label_entries[] = {
	{RECO_FIELDS_OF_CUSTOMERS, RECO_FIELD_NUMBER, 0, 2}, {RECO_FIELDS_OF_CUSTOMERS, RECO_FIELD_TEXT, 2, 1},
	{RECO_FIELDS_OF_CONTEXT, RECO_FIELD_TEXT, 3, 2}
};
static const uint64_t label_start[] = {0, 3, 9, 15, 20, 25, 29, 36, 42};
static const char label_bytes[] = "ageregiondevice(,20)[20,)eastdesktopmobile";
static const double label_edges[] = {10, 20, 0, 0, 0};
static const int64_t lift_start[] = {0, 2, 2, 3, 3, 4};
static const int32_t lift_index[] = {0, 2, 1, 2};
static const float lift_weight[] = {0.5f, 0.25f, 1, 2};

static RecoModel
make_labelled(void)
{
	static float prior[4 * 512];
	RecoModel	model = make_model(true, MAX_ITEMS);
	size_t		stride = reco_stride(model.factors);
	size_t		i;

	for (i = 0; i < 4 * stride; i++)
		prior[i] = i % stride < (size_t) model.factors ? (float) i / 16 : 0;
	model.fields = (RecoFields) {3, 5, label_entries, label_start, label_bytes, label_edges};
	model.prior = prior;
	model.lift = (RecoSparse) {5, MAX_ITEMS, lift_start, lift_index, lift_weight};
	return model;
}

static void
test_labels(void)
{
	RecoModel	model = make_labelled();
	Blob		blob = write_model(&model);
	size_t		stride = reco_stride(model.factors);
	RecoModel	opened;
	size_t		length;

	ok(open_blob(&blob, &opened) == RECO_OK && opened.fields.n == 3 && opened.fields.n_labels == 5, "a dictionary of labels");
	ok(reco_model_customer_labels(&opened) == 3 && memcmp(opened.prior, model.prior, 4 * stride * sizeof(float)) == 0,
	   "what is expected of customers by theirs");
	ok(opened.lift.rows == 5 && opened.lift.cols == MAX_ITEMS && memcmp(opened.lift.weight, lift_weight, sizeof(lift_weight)) == 0, "lifts");
	ok(memcmp(reco_fields_text(&opened.fields, 4, &length), "mobile", 6) == 0 && length == 6 &&
	   reco_fields_number_label(&opened.fields, 0, 25) == 1, "labels can be looked up");
	free(blob.bytes);
	model.prior = NULL;
	model.lift = (RecoSparse) {0};
	blob = write_model(&model);
	ok(open_blob(&blob, &opened) == RECO_OK && opened.prior == NULL && opened.lift.rows == 0 && opened.fields.n == 3, "labels that say nothing");
	free(blob.bytes);
}

/* The status with a section of that kind as one that nobody knows. */
static RecoStatus
status_without(const Blob *blob, uint32_t kind)
{
	const uint32_t unknown = 1000;
	size_t		i;

	for (i = 0; i < n_sections(blob); i++)
		if (get(blob, entry_at(i), 4) == kind)
			return status_with(blob, entry_at(i), &unknown, 4);
	return RECO_OK;
}

static void
test_hostile_labels(void)
{
	static const float bad_floats[] = {NAN, INFINITY, -INFINITY};
	static const float bad_weights[] = {NAN, INFINITY, 0, -1};
	static const double bad_edges[] = {NAN, INFINITY, 10, -1};
	static const int32_t bad_items[] = {-1, MAX_ITEMS, INT32_MIN, INT32_MAX};
	static const int64_t bad_starts[] = {-1, 5, INT64_MAX, INT64_MIN};
	static const uint32_t bad_numbers[] = {3, 5, 0x7fffffff, 0x80000000u, 0xffffffffu};
	Cases		cases = {.name = "hostile labels"};
	RecoModel	model = make_labelled();
	Blob		blob = write_model(&model);
	size_t		fields = data_at(&blob, KIND_FIELDS);
	size_t		i;
	uint32_t	kind;

	for (i = 0; i < sizeof(bad_numbers) / sizeof(bad_numbers[0]); i++)
		for (kind = 0; kind < 4; kind++)
			if (bad_numbers[i] != 3 || kind < 2)
				expect(&cases, status_with(&blob, fields + 16 + kind * 4, &bad_numbers[i], 4) == RECO_CORRUPT, "field number %u is %u", kind,
					   bad_numbers[i]);
	for (i = 0; i < 4; i++)
	{
		expect(&cases, status_with(&blob, data_at(&blob, KIND_LIFT_WEIGHT) + 4, &bad_weights[i], 4) == RECO_CORRUPT, "lift %g", bad_weights[i]);
		expect(&cases, status_with(&blob, data_at(&blob, KIND_LABEL_EDGES) + 8, &bad_edges[i], 8) == RECO_CORRUPT, "edge %g", bad_edges[i]);
		expect(&cases, status_with(&blob, data_at(&blob, KIND_LIFT_INDEX) + 4, &bad_items[i], 4) == RECO_CORRUPT, "item %d", bad_items[i]);
		expect(&cases, status_with(&blob, data_at(&blob, KIND_LIFT_START) + 8, &bad_starts[i], 8) == RECO_CORRUPT, "lifts from %lld",
			   (long long) bad_starts[i]);
		expect(&cases, status_with(&blob, data_at(&blob, KIND_LABEL_START) + 8 * 4, &bad_starts[i], 8) == RECO_CORRUPT, "text from %lld",
			   (long long) bad_starts[i]);
	}
	for (i = 0; i < 3; i++)
		expect(&cases, status_with(&blob, data_at(&blob, KIND_PRIOR) + 64, &bad_floats[i], 4) == RECO_CORRUPT, "prior %g", bad_floats[i]);
	expect(&cases, status_with(&blob, data_at(&blob, KIND_LABEL_BYTES) + 29, "z", 1) == RECO_CORRUPT, "labels out of order");
	for (kind = KIND_FIELDS; kind <= KIND_LIFT_WEIGHT; kind++)
		expect(&cases, (status_without(&blob, kind) == RECO_CORRUPT) == (kind != KIND_PRIOR), "without section %u", kind);
	finish(&cases);
	test_truncation(&blob, true);
	test_bit_flips(&blob, true);
	test_random_edits(&blob, true);
	free(blob.bytes);
}

/* --- all of it ----------------------------------------------------------------------------------------------------------- */

static void
test_keys(bool integer)
{
	RecoModel	model = make_model(integer, MAX_ITEMS);
	Blob		blob = write_model(&model);

	test_truncation(&blob, integer);
	test_bit_flips(&blob, integer);
	test_appended(&blob, integer);
	test_hostile_header(&blob, integer);
	test_hostile_sections(&blob, integer);
	test_hostile_products(&blob, integer);
	test_overlaps(&blob, integer);
	test_arrangements(&blob, integer);
	if (integer)
		test_hostile_integer_keys(&blob);
	else
		test_hostile_text_keys(&blob);
	test_hostile_facts(&blob);
	test_hostile_complements(&blob);
	test_hostile_match(&blob);
	test_random_edits(&blob, integer);
	free(blob.bytes);
}

static void
test_numbers(void)
{
	RecoModel	model = make_model(true, MAX_ITEMS);
	Blob		blob = write_model(&model);

	test_hostile_reserved(&blob);
	test_other_byte_order(&blob);
	test_hostile_floats(&blob);
	test_hostile_doubles(&blob);
	free(blob.bytes);
}

/* Goes on so many times, then never again. */
static bool
goes_on(void *arg)
{
	int		   *left = arg;

	return (*left)-- > 0;
}

/* The number of times that writing (or opening) a model asks whether to go on; each of them must be able to stop it. */
static int
count_stops(const RecoModel *model, Blob *blob, bool write)
{
	RecoStatus	status = RECO_INTERRUPTED;
	int			allowed;

	for (allowed = 0; allowed < 1000 && status == RECO_INTERRUPTED; allowed++)
	{
		int			left = allowed;
		RecoRun		stopping = {NULL, goes_on, &left};
		RecoModel	opened;
		const char *problem;

		status = write ? reco_model_write(model, blob->bytes, crc32c, &stopping)
			: reco_model_open(blob->bytes, blob->length, crc32c, &stopping, &opened, &problem);
	}
	return status == RECO_OK ? allowed - 1 : -1;
}

static void
test_interruption(void)
{
	RecoModel	model = make_model(true, MAX_ITEMS);
	Blob		blob = write_model(&model);

	ok(count_stops(&model, &blob, true) >= 6, "writing can be interrupted at each section and in its checksum");
	ok(count_stops(&model, &blob, false) >= 2, "so can opening");
	free(blob.bytes);
}

/* --- stars and words ----------------------------------------------------------------------------------------- */

static float sentiment[MAX_ITEMS] = {-1, -0.25f, 0, 0.25f, 1};
static const double stars[RECO_STARS_NUMBERS] = {4, 1, 5};
static float word_weights[RECO_WORDING_BUCKETS];
static const char configuration[] = "pg_catalog.simple";

static RecoModel
make_sentiment(bool words)
{
	RecoModel	model = make_model(true, MAX_ITEMS);
	size_t		i;

	model.sentiment = sentiment;
	model.stars = stars;
	if (!words)
		return model;
	for (i = 0; i < RECO_WORDING_BUCKETS; i++)
		word_weights[i] = (float) i / 7 - 4000;
	model.wording.weights = word_weights;
	model.wording.curves.intercept = -2;
	model.wording.curves.slope = 3;
	for (i = 0; i < RECO_WORDING_KNOTS; i++)
	{
		model.wording.curves.score[i] = (double) (i / 2) - 4;
		model.wording.curves.stars[i] = 1 + (double) (i / 4);
	}
	model.configuration = configuration;
	model.configuration_length = strlen(configuration);
	return model;
}

static void
test_sentiment_comes_back(void)
{
	RecoModel	model = make_sentiment(false);
	Blob		blob = write_model(&model);
	RecoModel	opened;

	ok(open_blob(&blob, &opened) == RECO_OK && models_equal(&model, &opened) && opened.sentiment != NULL &&
	   memcmp(opened.sentiment, sentiment, sizeof(sentiment)) == 0 && memcmp(opened.stars, stars, sizeof(stars)) == 0 &&
	   opened.wording.weights == NULL, "stars come back");
	free(blob.bytes);
	model = make_sentiment(true);
	blob = write_model(&model);
	ok(open_blob(&blob, &opened) == RECO_OK && models_equal(&model, &opened) && opened.wording.weights != NULL &&
	   memcmp(opened.wording.weights, word_weights, sizeof(word_weights)) == 0 &&
	   memcmp(&opened.wording.curves, &model.wording.curves, sizeof(RecoWordingCurves)) == 0 &&
	   opened.configuration_length == strlen(configuration) &&
	   memcmp(opened.configuration, configuration, strlen(configuration)) == 0, "words, too");
	free(blob.bytes);
}

static void
test_hostile_sentiment(void)
{
	static const float far_off[] = {1.001f, -1.001f, NAN, INFINITY, -INFINITY};
	static const double bad_stars[][RECO_STARS_NUMBERS] = {
		{NAN, 1, 5}, {4, NAN, 5}, {4, 1, NAN}, {0.5, 1, 5}, {5.5, 1, 5}, {5, 5, 5}, {4, 5, 1}, {4, -INFINITY, 5}, {4, 1, INFINITY},
		{4, 1, 1e300}, {4, -1e300, 5}
	};
	Cases		cases = {.name = "stars are a scale with a mean, and items differ by parts of it"};
	RecoModel	model = make_sentiment(false);
	Blob		blob = write_model(&model);
	size_t		i;
	size_t		j;

	for (i = 0; i < MAX_ITEMS; i++)
		for (j = 0; j < sizeof(far_off) / sizeof(far_off[0]); j++)
			expect(&cases, status_with(&blob, data_at(&blob, KIND_SENTIMENT) + i * 4, &far_off[j], 4) == RECO_CORRUPT,
				   "item %zu has %g", i, far_off[j]);
	for (i = 0; i < sizeof(bad_stars) / sizeof(bad_stars[0]); i++)
		expect(&cases, status_with(&blob, data_at(&blob, KIND_STARS), bad_stars[i], sizeof(bad_stars[i])) == RECO_CORRUPT,
			   "stars %g from %g to %g", bad_stars[i][0], bad_stars[i][1], bad_stars[i][2]);
	expect(&cases, status_without(&blob, KIND_STARS) == RECO_CORRUPT, "no stars");
	expect(&cases, status_without(&blob, KIND_SENTIMENT) == RECO_CORRUPT, "no items");
	finish(&cases);
	free(blob.bytes);
}

static void
test_hostile_words(void)
{
	static const float bad_weights[] = {NAN, INFINITY, -INFINITY, 1e7f, -1e7f};
	static const double bad[] = {NAN, INFINITY, -INFINITY};
	Cases		cases = {.name = "words have finite weights, and curves that ascend within the scale"};
	RecoModel	model = make_sentiment(true);
	Blob		blob = write_model(&model);
	size_t		weights = data_at(&blob, KIND_WORDING_WEIGHTS);
	size_t		curves = data_at(&blob, KIND_WORDING_CURVES);
	double		low = -5;
	double		high = 5.5;
	size_t		i;

	for (i = 0; i < sizeof(bad_weights) / sizeof(bad_weights[0]); i++)
		expect(&cases, status_with(&blob, weights + i * (RECO_WORDING_BUCKETS - 1) / 4 * 4, &bad_weights[i], 4) == RECO_CORRUPT,
			   "a weight of %g", bad_weights[i]);
	for (i = 0; i < sizeof(RecoWordingCurves) / 8; i += 5)
		expect(&cases, status_with(&blob, curves + i * 8, &bad[i % 3], 8) == RECO_CORRUPT, "number %zu is %g", i, bad[i % 3]);
	expect(&cases, status_with(&blob, curves + 8, &low, 8) == RECO_CORRUPT, "a negative slope");
	expect(&cases, status_with(&blob, curves + (2 + 3) * 8, &low, 8) == RECO_CORRUPT, "scores that descend");
	expect(&cases, status_with(&blob, curves + (2 + RECO_WORDING_KNOTS) * 8, &low, 8) == RECO_CORRUPT, "stars below the scale");
	expect(&cases, status_with(&blob, curves + (2 + 2 * RECO_WORDING_KNOTS - 1) * 8, &high, 8) == RECO_CORRUPT,
		   "stars above the scale");
	expect(&cases, status_with(&blob, curves + (2 + RECO_WORDING_KNOTS) * 8, &stars[0], 8) == RECO_CORRUPT, "stars that descend");
	expect(&cases, status_with(&blob, data_at(&blob, KIND_WORDING_CONFIGURATION) + 3, "", 1) == RECO_CORRUPT, "a name with a zero");
	for (i = KIND_SENTIMENT; i <= KIND_WORDING_CONFIGURATION; i++)
		expect(&cases, status_without(&blob, (uint32_t) i) == RECO_CORRUPT, "no section %zu", i);
	finish(&cases);
	free(blob.bytes);
}

/* --- what lines come to -------------------------------------------------------------------------------------- */

static const float usual[MAX_ITEMS] = {1e-30f, 0.5f, 1, 1e30f, 7};
static const float usual_price[MAX_ITEMS] = {0, 0.25f, 1, 1e30f, 0};
static const double usual_numbers[RECO_USUAL_NUMBERS] = {3, 100};

static void
test_usual_comes_back(bool prices)
{
	RecoModel	model = make_model(false, MAX_ITEMS);
	RecoModel	opened;
	Blob		blob;

	model.usual = usual;
	model.usual_numbers = usual_numbers;
	model.usual_price = prices ? usual_price : NULL;
	blob = write_model(&model);
	ok(open_blob(&blob, &opened) == RECO_OK && models_equal(&model, &opened) && opened.usual != NULL &&
	   memcmp(opened.usual, usual, sizeof(usual)) == 0 && memcmp(opened.usual_numbers, usual_numbers, sizeof(usual_numbers)) == 0 &&
	   (opened.usual_price != NULL) == prices && (!prices || memcmp(opened.usual_price, usual_price, sizeof(usual_price)) == 0),
	   "what lines come to comes back, %s prices", prices ? "with" : "without");
	free(blob.bytes);
	model = make_model(false, MAX_ITEMS);
	blob = write_model(&model);
	ok(open_blob(&blob, &opened) == RECO_OK && opened.usual == NULL && opened.usual_numbers == NULL && opened.usual_price == NULL,
	   "a model without it can be opened");
	free(blob.bytes);
}

static void
test_hostile_usual(void)
{
	static const float bad[] = {-1, NAN, INFINITY, -INFINITY, 0};
	static const double bad_numbers[] = {-1, NAN, INFINITY, 1e300, 0};
	Cases		cases = {.name = "what lines come to is above 0 and finite, and prices are not below it"};
	RecoModel	model = make_model(true, MAX_ITEMS);
	Blob		blob;
	size_t		i;
	size_t		j;

	model.usual = usual;
	model.usual_numbers = usual_numbers;
	model.usual_price = usual_price;
	blob = write_model(&model);
	for (i = 0; i < 5; i++)
	{
		for (j = 0; j < MAX_ITEMS; j++)
		{
			expect(&cases, status_with(&blob, data_at(&blob, KIND_USUAL) + j * 4, &bad[i], 4) == RECO_CORRUPT, "%g", bad[i]);
			expect(&cases, status_with(&blob, data_at(&blob, KIND_USUAL_PRICE) + j * 4, &bad[i], 4) ==
				   (bad[i] == 0 ? RECO_OK : RECO_CORRUPT), "a price of %g", bad[i]);
		}
		for (j = 0; j < RECO_USUAL_NUMBERS; j++)
			expect(&cases, status_with(&blob, data_at(&blob, KIND_USUAL_NUMBERS) + j * 8, &bad_numbers[i], 8) == RECO_CORRUPT,
				   "number %zu is %g", j, bad_numbers[i]);
	}
	expect(&cases, status_without(&blob, KIND_USUAL) == RECO_CORRUPT, "no amounts");
	expect(&cases, status_without(&blob, KIND_USUAL_NUMBERS) == RECO_CORRUPT, "no mean");
	expect(&cases, status_without(&blob, KIND_USUAL_PRICE) == RECO_OK, "prices may be missing");
	finish(&cases);
	free(blob.bytes);
}

/* --- who buys again ------------------------------------------------------------------------------------------ */

static void
test_rebought(void)
{
	static const float rebought[MAX_ITEMS] = {0, 0.5f, 1, 0.1f, 0.999f};
	static const float bad[] = {-0.1f, NAN, INFINITY, -INFINITY, 1.001f};
	Cases		cases = {.name = "shares of buyers who buy again are from 0 to 1"};
	RecoModel	model = make_model(true, MAX_ITEMS);
	RecoModel	opened;
	Blob		blob;
	size_t		i;
	size_t		j;

	model.rebought = rebought;
	blob = write_model(&model);
	ok(open_blob(&blob, &opened) == RECO_OK && models_equal(&model, &opened) && opened.rebought != NULL &&
	   memcmp(opened.rebought, rebought, sizeof(rebought)) == 0, "shares of buyers who buy again come back");
	for (i = 0; i < 5; i++)
		for (j = 0; j < MAX_ITEMS; j++)
			expect(&cases, status_with(&blob, data_at(&blob, KIND_REBOUGHT) + j * 4, &bad[i], 4) == RECO_CORRUPT, "%g", bad[i]);
	expect(&cases, status_without(&blob, KIND_REBOUGHT) == RECO_OK, "they may be missing");
	finish(&cases);
	free(blob.bytes);
	model.rebought = NULL;
	blob = write_model(&model);
	ok(open_blob(&blob, &opened) == RECO_OK && opened.rebought == NULL, "a model without them can be opened");
	free(blob.bytes);
}

int
main(void)
{
	static const int items[] = {0, 1, 2, MAX_ITEMS};
	size_t		i;

	ok(crc32c("123456789", 9, 0) == 0xE3069283u && crc32c("6789", 4, crc32c("12345", 5, 0)) == 0xE3069283u,
	   "this program's own checksum is CRC-32C");
	for (i = 0; i < sizeof(items) / sizeof(items[0]); i++)
	{
		test_round_trip(true, items[i]);
		test_round_trip(false, items[i]);
		test_integer_lookup(items[i]);
		test_text_lookup(items[i]);
	}
	test_labels();
	test_hostile_labels();
	test_format_1();
	test_many_factors();
	test_factors_out_of_range();
	test_keys(true);
	test_keys(false);
	test_numbers();
	test_two_text_keys();
	test_events();
	test_interruption();
	test_sentiment_comes_back();
	test_hostile_sentiment();
	test_hostile_words();
	test_usual_comes_back(false);
	test_usual_comes_back(true);
	test_hostile_usual();
	test_rebought();
	printf("1..%d\n", tests);
	return failures > 0;
}
