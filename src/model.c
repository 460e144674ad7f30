/*
 * model.c: writes and reads the file format of a trained model.
 *
 * The bytes, little-endian throughout:
 *
 *	  0  8  magic "RECOMODL"
 *	  8  4  format version
 *	 12  4  0x01020304, to tell a machine of the other byte order
 *	 16  8  length of the whole in bytes
 *	 24  4  CRC-32C of everything else
 *	 28  4  flags: 1 = integer keys
 *	 32  4  number of items
 *	 36  4  number of factors
 *	 40  4  number of sections
 *	 44 20  zero
 *	 64     section table: kind (4), size of an element (4), offset (8), number of elements (8)
 *
 * Sections follow in the order of the table, each in whole cache lines, so that a loaded model is used in place.  A section
 * of unknown kind is passed over, which lets a later minor addition be read by an older library; what an older library
 * could not do without raises the format version.
 *
 * reco_model_open() trusts nothing: the CRC guards against accidents, but whoever can forge a blob can compute a CRC, so
 * that every offset, count, key and number is checked before anything uses it.
 */
#include "model.h"

#include <math.h>
#include <string.h>

#define MAGIC			"RECOMODL"
#define BYTE_ORDER_MARK	0x01020304u
#define CRC_OFFSET		24
#define CRC_LENGTH		4
#define FLAG_INTEGER_KEYS 1u
#define MAX_SECTIONS	64
#define PIECE			((size_t) 4 * 1024 * 1024)	/* bytes between two questions whether to go on */
#define KEYS_A_CHECK	65536
#define ROWS_A_CHECK	4096
#define MOST_WEIGHT		1e6

/* What a timestamp can be, in microseconds from 2000: 4714-11-24 BC to the end of 294276. */
#define FIRST_TIME		(-211813488000000000.0)
#define LAST_TIME		9223371331200000000.0

typedef struct Header
{
	char		magic[8];
	uint32_t	format;
	uint32_t	byte_order;
	uint64_t	length;
	uint32_t	crc;
	uint32_t	flags;
	uint32_t	items;
	uint32_t	factors;
	uint32_t	sections;
	uint32_t	zero[5];
} Header;

typedef struct Section
{
	uint32_t	kind;
	uint32_t	element;
	uint64_t	offset;
	uint64_t	count;
} Section;

_Static_assert(sizeof(Header) == 64, "the header is 64 bytes");
_Static_assert(sizeof(Section) == 24, "a section entry is 24 bytes");

typedef enum SectionKind
{
	SECTION_INTEGER_KEYS = 1,
	SECTION_KEY_START,
	SECTION_KEY_BYTES,
	SECTION_FACTORS,
	SECTION_GRAM_DIAGONAL,
	SECTION_POPULARITY,
	SECTION_PARAMETERS,
	SECTION_FACTS,
	SECTION_COMPLEMENT_START,	/* all three or none */
	SECTION_COMPLEMENT_INDEX,
	SECTION_COMPLEMENT_WEIGHT,
	SECTION_TREND,
	SECTION_KINDS
} SectionKind;

typedef struct Content
{
	SectionKind kind;
	uint32_t	element;
	uint64_t	count;
	const void *data;
} Content;

/* What a model consists of, in the order in which it is written. */
static int
list_contents(const RecoModel *model, Content *contents)
{
	size_t		stride = reco_stride(model->factors);
	uint64_t	items = (uint64_t) model->items;
	int			n = 0;

	if (model->integer_keys)
		contents[n++] = (Content) {SECTION_INTEGER_KEYS, 8, items, model->keys};
	else
	{
		contents[n++] = (Content) {SECTION_KEY_START, 8, items + 1, model->key_start};
		contents[n++] = (Content) {SECTION_KEY_BYTES, 1, model->key_start[items], model->key_bytes};
	}
	contents[n++] = (Content) {SECTION_FACTORS, 4, items * stride, model->y};
	contents[n++] = (Content) {SECTION_GRAM_DIAGONAL, 8, (uint64_t) model->factors, model->gram_diagonal};
	contents[n++] = (Content) {SECTION_POPULARITY, 4, items, model->popularity};
	contents[n++] = (Content) {SECTION_TREND, 4, items, model->trend};
	contents[n++] = (Content) {SECTION_PARAMETERS, 8, RECO_PARAMETERS, model->parameters};
	contents[n++] = (Content) {SECTION_FACTS, 8, RECO_FACTS, model->facts};
	if (model->complements.rows > 0)
	{
		uint64_t	entries = (uint64_t) model->complements.start[model->items];

		contents[n++] = (Content) {SECTION_COMPLEMENT_START, 8, items + 1, model->complements.start};
		contents[n++] = (Content) {SECTION_COMPLEMENT_INDEX, 4, entries, model->complements.index};
		contents[n++] = (Content) {SECTION_COMPLEMENT_WEIGHT, 4, entries, model->complements.weight};
	}
	return n;
}

/* Bytes of the file form. */
size_t
reco_model_size(const RecoModel *model)
{
	Content		contents[SECTION_KINDS];
	int			n = list_contents(model, contents);
	size_t		size = reco_size_align(sizeof(Header) + (size_t) n * sizeof(Section));
	int			i;

	for (i = 0; i < n; i++)
		size = reco_size_add(size, reco_size_align(reco_size_mul(contents[i].element, contents[i].count)));
	return size;
}

static RecoStatus
compute_crc(const char *bytes, size_t length, RecoChecksum checksum, const RecoRun *run, uint32_t *crc)
{
	size_t		at;

	*crc = checksum(bytes, CRC_OFFSET, 0);
	for (at = CRC_OFFSET + CRC_LENGTH; at < length; at += PIECE)
	{
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		*crc = checksum(bytes + at, length - at < PIECE ? length - at : PIECE, *crc);
	}
	return RECO_OK;
}

/* Copy a section, and fill up its last cache line with zeros. */
static RecoStatus
copy_section(char *to, const char *from, size_t length, const RecoRun *run)
{
	size_t		at;

	for (at = 0; at < length; at += PIECE)
	{
		if (!reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		memcpy(to + at, from + at, length - at < PIECE ? length - at : PIECE);
	}
	memset(to + length, 0, reco_size_align(length) - length);
	return RECO_OK;
}

/*
 * Write the file form into buffer, which has room for reco_model_size() bytes.  The same model gives the same bytes.
 * RECO_OK, or RECO_INTERRUPTED.
 */
RecoStatus
reco_model_write(const RecoModel *model, void *buffer, RecoChecksum checksum, const RecoRun *run)
{
	Content		contents[SECTION_KINDS];
	int			n = list_contents(model, contents);
	size_t		size = reco_model_size(model);
	char	   *bytes = buffer;
	Header		header = {.format = RECO_MODEL_FORMAT,.byte_order = BYTE_ORDER_MARK};
	size_t		offset = reco_size_align(sizeof(Header) + (size_t) n * sizeof(Section));
	RecoStatus	status;
	int			i;

	memset(buffer, 0, offset);
	memcpy(header.magic, MAGIC, sizeof(header.magic));
	header.length = size;
	header.flags = model->integer_keys ? FLAG_INTEGER_KEYS : 0;
	header.items = (uint32_t) model->items;
	header.factors = (uint32_t) model->factors;
	header.sections = (uint32_t) n;
	memcpy(bytes, &header, sizeof(header));
	for (i = 0; i < n; i++)
	{
		Section		section = {contents[i].kind, contents[i].element, offset, contents[i].count};
		size_t		length = contents[i].element * (size_t) contents[i].count;

		memcpy(bytes + sizeof(Header) + (size_t) i * sizeof(Section), &section, sizeof(section));
		status = copy_section(bytes + offset, contents[i].data, length, run);
		if (status != RECO_OK)
			return status;
		offset += reco_size_align(length);
	}
	status = compute_crc(bytes, size, checksum, run, &header.crc);
	memcpy(bytes + CRC_OFFSET, &header.crc, CRC_LENGTH);
	return status;
}

/* --- opening ----------------------------------------------------------------------------------------------- */

static RecoStatus
check_header(const Header *header, size_t length, const char **problem)
{
	size_t		i;

	*problem = "it does not begin like a model";
	if (memcmp(header->magic, MAGIC, sizeof(header->magic)) != 0)
		return RECO_CORRUPT;
	*problem = "it was written on a machine of the other byte order";
	if (header->byte_order != BYTE_ORDER_MARK)
		return RECO_UNSUPPORTED;
	*problem = "it has a newer format than this library reads";
	if (header->format > RECO_MODEL_FORMAT)
		return RECO_UNSUPPORTED;
	*problem = "its length is not what its header says";
	if (header->format == 0 || header->length != length || length % RECO_CACHE_LINE != 0)
		return RECO_CORRUPT;
	*problem = "its header is out of range";
	for (i = 0; i < sizeof(header->zero) / sizeof(header->zero[0]); i++)
		if (header->zero[i] != 0)
			return RECO_CORRUPT;
	if (header->items > INT32_MAX || header->factors < 1 || header->factors > RECO_MAX_FACTORS ||
		header->sections > MAX_SECTIONS || header->flags > FLAG_INTEGER_KEYS)
		return RECO_CORRUPT;
	return RECO_OK;
}

/* Each section on its own cache lines, behind the table and the section before, within the file. */
static bool
read_sections(const char *bytes, const Header *header, Section *found)
{
	uint64_t	end = sizeof(Header) + (uint64_t) header->sections * sizeof(Section);
	uint32_t	i;

	memset(found, 0, sizeof(Section) * SECTION_KINDS);
	if (end > header->length)
		return false;
	for (i = 0; i < header->sections; i++)
	{
		Section		section;
		size_t		length;

		memcpy(&section, bytes + sizeof(Header) + i * sizeof(Section), sizeof(section));
		length = reco_size_mul(section.element, section.count);
		if (section.kind == 0 || section.element == 0 || section.offset % RECO_CACHE_LINE != 0 ||
			section.offset < end || section.offset > header->length || length > header->length - section.offset)
			return false;
		end = section.offset + length;
		if (section.kind >= SECTION_KINDS)
			continue;
		if (found[section.kind].kind != 0)
			return false;
		found[section.kind] = section;
	}
	return true;
}

/* The data of a section, which must have that many elements of that size; NULL if not. */
static const void *
section_data(const char *bytes, const Section *found, SectionKind kind, uint32_t element, uint64_t count)
{
	if (found[kind].kind == 0 || found[kind].element != element || found[kind].count != count)
		return NULL;
	return bytes + found[kind].offset;
}

/* Complements are all there, or not at all; items >= 1 where they are. */
static bool
locate_complements(const char *bytes, const Section *found, RecoModel *model)
{
	uint64_t	entries = found[SECTION_COMPLEMENT_INDEX].count;
	RecoSparse *complements = &model->complements;

	if (found[SECTION_COMPLEMENT_START].kind == 0 && found[SECTION_COMPLEMENT_INDEX].kind == 0 &&
		found[SECTION_COMPLEMENT_WEIGHT].kind == 0)
		return true;
	complements->rows = complements->cols = model->items;
	complements->start = section_data(bytes, found, SECTION_COMPLEMENT_START, 8, (uint64_t) model->items + 1);
	complements->index = section_data(bytes, found, SECTION_COMPLEMENT_INDEX, 4, entries);
	complements->weight = section_data(bytes, found, SECTION_COMPLEMENT_WEIGHT, 4, entries);
	return model->items > 0 && complements->start != NULL && complements->index != NULL && complements->weight != NULL &&
		complements->start[0] == 0 && (uint64_t) complements->start[model->items] == entries;
}

static bool
locate(const char *bytes, const Header *header, const Section *found, RecoModel *model)
{
	uint64_t	items = header->items;
	const void *parameters = section_data(bytes, found, SECTION_PARAMETERS, 8, RECO_PARAMETERS);
	const void *facts;

	model->integer_keys = (header->flags & FLAG_INTEGER_KEYS) != 0;
	model->items = (int32_t) header->items;
	model->factors = (int) header->factors;
	if (model->integer_keys)
		model->keys = section_data(bytes, found, SECTION_INTEGER_KEYS, 8, items);
	else
	{
		model->key_start = section_data(bytes, found, SECTION_KEY_START, 8, items + 1);
		model->key_bytes = section_data(bytes, found, SECTION_KEY_BYTES, 1, found[SECTION_KEY_BYTES].count);
	}
	model->y = section_data(bytes, found, SECTION_FACTORS, 4, items * reco_stride(model->factors));
	model->gram_diagonal = section_data(bytes, found, SECTION_GRAM_DIAGONAL, 8, header->factors);
	model->popularity = section_data(bytes, found, SECTION_POPULARITY, 4, items);
	model->trend = section_data(bytes, found, SECTION_TREND, 4, items);
	facts = section_data(bytes, found, SECTION_FACTS, 8, RECO_FACTS);
	if (parameters == NULL || facts == NULL || !locate_complements(bytes, found, model))
		return false;
	memcpy(model->parameters, parameters, sizeof(model->parameters));
	memcpy(model->facts, facts, sizeof(model->facts));
	return (model->integer_keys ? model->keys != NULL : model->key_start != NULL && model->key_bytes != NULL) &&
		model->y != NULL && model->gram_diagonal != NULL && model->popularity != NULL &&
		model->trend != NULL;
}

static int
compare_bytes(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t		length = a_length < b_length ? a_length : b_length;
	int			order = length == 0 ? 0 : memcmp(a, b, length);

	return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

static RecoStatus
check_text_keys(const RecoModel *model, uint64_t n_bytes, const RecoRun *run)
{
	const uint64_t *start = model->key_start;
	int32_t		i;

	if (start[0] != 0 || start[model->items] != n_bytes)
		return RECO_CORRUPT;
	for (i = 0; i < model->items; i++)
		if (start[i] > start[i + 1] || start[i + 1] > n_bytes)
			return RECO_CORRUPT;
	for (i = 1; i < model->items; i++)
	{
		if (i % KEYS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		if (compare_bytes(model->key_bytes + start[i - 1], start[i] - start[i - 1],
						  model->key_bytes + start[i], start[i + 1] - start[i]) >= 0)
			return RECO_CORRUPT;
	}
	return RECO_OK;
}

/* Strictly ascending. */
static RecoStatus
check_keys(const RecoModel *model, const Section *found, const RecoRun *run)
{
	int32_t		i;

	if (!model->integer_keys)
		return check_text_keys(model, found[SECTION_KEY_BYTES].count, run);
	for (i = 1; i < model->items; i++)
	{
		if (i % KEYS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		if (model->keys[i - 1] >= model->keys[i])
			return RECO_CORRUPT;
	}
	return RECO_OK;
}

/* Without a way out in the middle, so that a compiler can use vectors: this looks at nearly all of the bytes. */
static bool
row_is_finite(const float *row, size_t stride)
{
	uint32_t	bad = 0;
	size_t		i;

	for (i = 0; i < stride; i++)
	{
		uint32_t	bits;

		memcpy(&bits, row + i, sizeof(bits));
		bad |= (bits & 0x7f800000) == 0x7f800000;
	}
	return bad == 0;
}

/* Finite factors with zero padding, and nothing negative that cannot be. */
static RecoStatus
check_numbers(const RecoModel *model, const RecoRun *run)
{
	size_t		stride = reco_stride(model->factors);
	int32_t		i;
	size_t		j;

	for (i = 0; i < model->items; i++)
	{
		const float *row = model->y + (size_t) i * stride;

		if (i % ROWS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		if (!row_is_finite(row, stride))
			return RECO_CORRUPT;
		for (j = (size_t) model->factors; j < stride; j++)
			if (row[j] != 0)
				return RECO_CORRUPT;
		if (!isfinite(model->popularity[i]) || model->popularity[i] < 0)
			return RECO_CORRUPT;
		if (!(model->trend[i] >= 0 && model->trend[i] <= 1))
			return RECO_CORRUPT;
	}
	for (i = 0; i < model->factors; i++)
		if (!isfinite(model->gram_diagonal[i]) || model->gram_diagonal[i] < 0)
			return RECO_CORRUPT;
	return RECO_OK;
}

/* Within a row numbers ascend, and weights are positive and finite. */
static bool
complement_row_is_sane(const RecoSparse *complements, int32_t row)
{
	int64_t		i;

	for (i = complements->start[row]; i < complements->start[row + 1]; i++)
	{
		int32_t		item = complements->index[i];

		if (item < 0 || item >= complements->cols || (i > complements->start[row] && item <= complements->index[i - 1]) ||
			!(complements->weight[i] > 0 && isfinite(complements->weight[i])))
			return false;
	}
	return true;
}

static RecoStatus
check_complements(const RecoSparse *complements, const RecoRun *run)
{
	int64_t		asked_at = 0;
	int32_t		row;

	for (row = 0; row < complements->rows; row++)
	{
		if (complements->start[row] > complements->start[row + 1] ||
			complements->start[row + 1] > complements->start[complements->rows])
			return RECO_CORRUPT;
		if (complements->start[row] - asked_at >= KEYS_A_CHECK || row % KEYS_A_CHECK == 0)
		{
			asked_at = complements->start[row];
			if (!reco_run_goes_on(run))
				return RECO_INTERRUPTED;
		}
		if (!complement_row_is_sane(complements, row))
			return RECO_CORRUPT;
	}
	return RECO_OK;
}

/* Comparisons are such that NaN fails. */
static bool
blends_are_sane(const double *p)
{
	int			i;

	for (i = RECO_PARAMETER_STRENGTHS; i < RECO_PARAMETERS; i++)
		if (!(p[i] >= 0 && p[i] <= MOST_WEIGHT))
			return false;
	return p[RECO_PARAMETER_REPEAT_HALF_LIFE] > 0;
}

/* The same. */
static bool
parameters_are_sane(const double *p)
{
	static const RecoParameter lambdas[] = {
		RECO_PARAMETER_UNOBSERVED, RECO_PARAMETER_BASKET_LAMBDA, RECO_PARAMETER_HISTORY_LAMBDA, RECO_PARAMETER_ALONE_LAMBDA,
		RECO_PARAMETER_NONE_LAMBDA
	};
	static const RecoParameter curves[] = {
		RECO_PARAMETER_BASKET_CURVE, RECO_PARAMETER_BOTH_CURVE, RECO_PARAMETER_HISTORY_CURVE, RECO_PARAMETER_NONE_CURVE
	};
	size_t		i;

	for (i = 0; i < sizeof(lambdas) / sizeof(lambdas[0]); i++)
		if (!(p[lambdas[i]] > 0 && isfinite(p[lambdas[i]])))
			return false;
	for (i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (!isfinite(p[curves[i]]) || !(p[curves[i] + 1] >= 0 && isfinite(p[curves[i] + 1])) ||
			!isfinite(p[curves[i] + 2]) || !isfinite(p[curves[i] + 3]))
			return false;
	for (i = RECO_PARAMETER_BASKET_LINEAR; i <= RECO_PARAMETER_NONE_LINEAR; i++)
		if (!(p[i] >= 0 && isfinite(p[i])))
			return false;
	return p[RECO_PARAMETER_HISTORY_HALF_LIFE] > 0 && p[RECO_PARAMETER_ALONE_HALF_LIFE] > 0 &&
		p[RECO_PARAMETER_CLOCK] <= LAST_TIME && (p[RECO_PARAMETER_CLOCK] >= FIRST_TIME || isinf(p[RECO_PARAMETER_CLOCK])) &&
		p[RECO_PARAMETER_ORDER_MASS] >= 0 && isfinite(p[RECO_PARAMETER_ORDER_MASS]) && blends_are_sane(p);
}

/* Counts that are 32-bit numbers, metrics between 0 and 1, a method, differences of metrics, bits.  Comparisons are such that NaN fails. */
static bool
facts_are_sane(const double *facts)
{
	int			i;

	for (i = 0; i < RECO_FACT_RECALL_COMPLETION; i++)
		if (!(facts[i] >= 0 && facts[i] <= (double) INT32_MAX && facts[i] == floor(facts[i])))
			return false;
	for (; i <= RECO_FACT_RECALL_POPULARITY; i++)
		if (!isnan(facts[i]) && !(facts[i] >= 0 && facts[i] <= 1))
			return false;
	for (i = RECO_FACT_LOSSES; i < RECO_FACT_EVIDENCE; i++)
		if (!isnan(facts[i]) && !(facts[i] >= -1 && facts[i] <= 1))
			return false;
	if (!(facts[RECO_FACT_EVIDENCE] >= 0 && facts[RECO_FACT_EVIDENCE] < 1 << RECO_STRENGTHS &&
		  facts[RECO_FACT_EVIDENCE] == floor(facts[RECO_FACT_EVIDENCE])))
		return false;
	return facts[RECO_FACT_COMPLEMENTS] == RECO_COMPLEMENTS_NONE ||
		facts[RECO_FACT_COMPLEMENTS] == RECO_COMPLEMENTS_APPROXIMATE || facts[RECO_FACT_COMPLEMENTS] == RECO_COMPLEMENTS_EXACT;
}

/*
 * Check the file form in buffer, which is on a cache line, and point model at its parts.  RECO_UNSUPPORTED for another
 * format or byte order, RECO_CORRUPT for anything else that is wrong, RECO_INTERRUPTED; problem then says what.
 */
RecoStatus
reco_model_open(const void *buffer, size_t length, RecoChecksum checksum, const RecoRun *run, RecoModel *model,
				const char **problem)
{
	const char *bytes = buffer;
	Header		header;
	Section		found[SECTION_KINDS];
	RecoStatus	status;
	uint32_t	crc;

	*problem = "it is too short";
	memset(model, 0, sizeof(*model));
	if (length < sizeof(Header))
		return RECO_CORRUPT;
	memcpy(&header, bytes, sizeof(header));
	status = check_header(&header, length, problem);
	if (status != RECO_OK)
		return status;
	*problem = "its checksum is wrong";
	status = compute_crc(bytes, length, checksum, run, &crc);
	if (status != RECO_OK)
		return status;
	if (crc != header.crc)
		return RECO_CORRUPT;
	*problem = "its section table is wrong";
	if (!read_sections(bytes, &header, found) || !locate(bytes, &header, found, model))
		return RECO_CORRUPT;
	*problem = "its keys are not in order";
	status = check_keys(model, found, run);
	if (status != RECO_OK)
		return status;
	*problem = "its numbers are out of range";
	status = check_numbers(model, run);
	if (status != RECO_OK)
		return status;
	if (!parameters_are_sane(model->parameters) || !facts_are_sane(model->facts))
		return RECO_CORRUPT;
	*problem = "its complements are out of range";
	status = check_complements(&model->complements, run);
	if (status != RECO_OK)
		return status;
	*problem = NULL;
	return RECO_OK;
}

/* --- looking up -------------------------------------------------------------------------------------------- */

/* The number of an item, -1 for one that the model does not know. */
int32_t
reco_model_find_integer(const RecoModel *model, int64_t key)
{
	int32_t		low = 0;
	int32_t		high = model->items;

	while (low < high)
	{
		int32_t		middle = low + (high - low) / 2;

		if (model->keys[middle] < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < model->items && model->keys[low] == key ? low : -1;
}

int32_t
reco_model_find_text(const RecoModel *model, const char *bytes, size_t length)
{
	const uint64_t *start = model->key_start;
	int32_t		low = 0;
	int32_t		high = model->items;

	while (low < high)
	{
		int32_t		middle = low + (high - low) / 2;
		int			order = compare_bytes(model->key_bytes + start[middle], start[middle + 1] - start[middle], bytes, length);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}
