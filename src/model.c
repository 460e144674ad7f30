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

#include <float.h>
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
#define MOST_EXPONENT	50			/* exp of the sum of all that a context can match is finite */

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
_Static_assert(sizeof(RecoMatchField) == 12, "a field of attribute match is 12 bytes");

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
	SECTION_FIELDS = 20,		/* these four or none */
	SECTION_LABEL_START,
	SECTION_LABEL_BYTES,
	SECTION_LABEL_EDGES,
	SECTION_PRIOR,
	SECTION_LIFT_START,			/* all three or none */
	SECTION_LIFT_INDEX,
	SECTION_LIFT_WEIGHT,
	SECTION_MATCH_FIELDS = 30,	/* all seven or none */
	SECTION_MATCH_ITEM_START,
	SECTION_MATCH_ITEM_VALUE,
	SECTION_MATCH_ITEM_SHARE,
	SECTION_MATCH_VALUE_START,
	SECTION_MATCH_VALUE_ITEM,
	SECTION_MATCH_VALUE_CHANCE,
	SECTION_SENTIMENT = 40,		/* both or none */
	SECTION_STARS,
	SECTION_WORDING_WEIGHTS,	/* all three or none, and then the two before */
	SECTION_WORDING_CURVES,
	SECTION_WORDING_CONFIGURATION,
	SECTION_EVENT_START = 50,	/* all three or none */
	SECTION_EVENT_BYTES,
	SECTION_EVENT_WEIGHTS,
	SECTION_USUAL = 60,			/* the first two or none, the third with them or not */
	SECTION_USUAL_NUMBERS,
	SECTION_USUAL_PRICE,
	SECTION_REBOUGHT = 70,
	SECTION_KINDS
} SectionKind;

typedef struct Content
{
	SectionKind kind;
	uint32_t	element;
	uint64_t	count;
	const void *data;
} Content;

_Static_assert(sizeof(RecoWordingCurves) % sizeof(double) == 0, "curves are doubles");

#define CURVES_NUMBERS (sizeof(RecoWordingCurves) / sizeof(double))

/* What is known of stars and words; returns how many contents there are then. */
static int
list_sentiment(const RecoModel *model, Content *contents, int n)
{
	if (model->sentiment == NULL)
		return n;
	contents[n++] = (Content) {SECTION_SENTIMENT, 4, (uint64_t) model->items, model->sentiment};
	contents[n++] = (Content) {SECTION_STARS, 8, RECO_STARS_NUMBERS, model->stars};
	if (model->wording.weights == NULL)
		return n;
	contents[n++] = (Content) {SECTION_WORDING_WEIGHTS, 4, RECO_WORDING_BUCKETS, model->wording.weights};
	contents[n++] = (Content) {SECTION_WORDING_CURVES, 8, CURVES_NUMBERS, &model->wording.curves};
	contents[n++] = (Content) {SECTION_WORDING_CONFIGURATION, 1, model->configuration_length, model->configuration};
	return n;
}

/* The labels of customers stand before those of contexts; what is expected of a customer is said of them alone. */
int32_t
reco_model_customer_labels(const RecoModel *model)
{
	int32_t		first;
	int32_t		n = reco_fields_of_group(&model->fields, RECO_FIELDS_OF_CUSTOMERS, &first);

	return n > 0 ? model->fields.entries[n - 1].first + model->fields.entries[n - 1].labels : 0;
}

static int
list_sparse(const RecoSparse *matrix, SectionKind start, Content *contents)
{
	uint64_t	entries;

	if (matrix->rows == 0)
		return 0;
	entries = (uint64_t) matrix->start[matrix->rows];
	contents[0] = (Content) {start, 8, (uint64_t) matrix->rows + 1, matrix->start};
	contents[1] = (Content) {start + 1, 4, entries, matrix->index};
	contents[2] = (Content) {start + 2, 4, entries, matrix->weight};
	return 3;
}

/* What is said of labels. */
static int
list_labels(const RecoModel *model, Content *contents)
{
	const RecoFields *fields = &model->fields;
	uint64_t	texts = (uint64_t) fields->n + (uint64_t) fields->n_labels;
	int			n = 0;

	if (fields->n == 0)
		return 0;
	contents[n++] = (Content) {SECTION_FIELDS, sizeof(RecoFieldEntry), (uint64_t) fields->n, fields->entries};
	contents[n++] = (Content) {SECTION_LABEL_START, 8, texts + 1, fields->start};
	contents[n++] = (Content) {SECTION_LABEL_BYTES, 1, fields->start[texts], fields->bytes};
	contents[n++] = (Content) {SECTION_LABEL_EDGES, 8, (uint64_t) fields->n_labels, fields->edges};
	if (model->prior != NULL)
		contents[n++] = (Content) {SECTION_PRIOR, 4, ((uint64_t) reco_model_customer_labels(model) + 1) * reco_stride(model->factors), model->prior};
	return n + list_sparse(&model->lift, SECTION_LIFT_START, contents + n);
}

/* What lines come to. */
static int
list_usual(const RecoModel *model, Content *contents)
{
	int			n = 0;

	if (model->usual == NULL)
		return 0;
	contents[n++] = (Content) {SECTION_USUAL, 4, (uint64_t) model->items, model->usual};
	contents[n++] = (Content) {SECTION_USUAL_NUMBERS, 8, RECO_USUAL_NUMBERS, model->usual_numbers};
	if (model->usual_price != NULL)
		contents[n++] = (Content) {SECTION_USUAL_PRICE, 4, (uint64_t) model->items, model->usual_price};
	return n;
}

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
	n += list_sparse(&model->complements, SECTION_COMPLEMENT_START, contents + n);
	if (model->match.n_fields > 0)
	{
		const RecoMatch *match = &model->match;
		uint64_t	values = (uint64_t) match->by_value.rows;
		uint64_t	of_items = (uint64_t) match->by_item.start[model->items];
		uint64_t	of_values = (uint64_t) match->by_value.start[values];

		contents[n++] = (Content) {SECTION_MATCH_FIELDS, sizeof(RecoMatchField), (uint64_t) match->n_fields + 1, match->fields};
		contents[n++] = (Content) {SECTION_MATCH_ITEM_START, 8, items + 1, match->by_item.start};
		contents[n++] = (Content) {SECTION_MATCH_ITEM_VALUE, 4, of_items, match->by_item.index};
		contents[n++] = (Content) {SECTION_MATCH_ITEM_SHARE, 4, of_items, match->by_item.weight};
		contents[n++] = (Content) {SECTION_MATCH_VALUE_START, 8, values + 1, match->by_value.start};
		contents[n++] = (Content) {SECTION_MATCH_VALUE_ITEM, 4, of_values, match->by_value.index};
		contents[n++] = (Content) {SECTION_MATCH_VALUE_CHANCE, 4, of_values, match->by_value.weight};
	}
	if (model->n_events > 0)
	{
		uint64_t	events = (uint64_t) model->n_events;

		contents[n++] = (Content) {SECTION_EVENT_START, 8, events + 1, model->event_start};
		contents[n++] = (Content) {SECTION_EVENT_BYTES, 1, model->event_start[events], model->event_bytes};
		contents[n++] = (Content) {SECTION_EVENT_WEIGHTS, 4, events, model->event_weights};
	}
	n += list_labels(model, contents + n);
	n += list_usual(model, contents + n);
	if (model->rebought != NULL)
		contents[n++] = (Content) {SECTION_REBOUGHT, 4, items, model->rebought};
	return list_sentiment(model, contents, n);
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

/* Numbers of kinds have gaps, which later ones may fill. */
static bool
is_known(uint32_t kind)
{
	return kind <= SECTION_TREND || (kind >= SECTION_FIELDS && kind <= SECTION_LIFT_WEIGHT) ||
		(kind >= SECTION_MATCH_FIELDS && kind <= SECTION_MATCH_VALUE_CHANCE) ||
		(kind >= SECTION_SENTIMENT && kind <= SECTION_WORDING_CONFIGURATION) ||
		(kind >= SECTION_EVENT_START && kind <= SECTION_EVENT_WEIGHTS) || (kind >= SECTION_USUAL && kind <= SECTION_USUAL_PRICE) ||
		kind == SECTION_REBOUGHT;
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
		if (!is_known(section.kind))
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

/* A matrix is all there, or not at all; rows >= 1 where it is. */
static bool
locate_sparse(const char *bytes, const Section *found, SectionKind start, int32_t rows, int32_t cols, RecoSparse *matrix)
{
	uint64_t	entries = found[start + 1].count;

	if (found[start].kind == 0 && found[start + 1].kind == 0 && found[start + 2].kind == 0)
		return true;
	matrix->rows = rows;
	matrix->cols = cols;
	matrix->start = section_data(bytes, found, start, 8, (uint64_t) rows + 1);
	matrix->index = section_data(bytes, found, start + 1, 4, entries);
	matrix->weight = section_data(bytes, found, start + 2, 4, entries);
	return rows > 0 && matrix->start != NULL && matrix->index != NULL && matrix->weight != NULL &&
		matrix->start[0] == 0 && (uint64_t) matrix->start[rows] == entries;
}

/* A dictionary is all there, or not at all, and then nothing is said of labels. */
static bool
locate_fields(const char *bytes, const Section *found, RecoFields *fields)
{
	uint64_t	n = found[SECTION_FIELDS].count;
	uint64_t	n_labels = found[SECTION_LABEL_EDGES].count;

	if (found[SECTION_FIELDS].kind == 0)
		return found[SECTION_LABEL_START].kind == 0 && found[SECTION_LABEL_BYTES].kind == 0 &&
			found[SECTION_LABEL_EDGES].kind == 0 && found[SECTION_PRIOR].kind == 0 && found[SECTION_LIFT_START].kind == 0;
	if (n < 1 || n > INT32_MAX || n_labels > INT32_MAX)
		return false;
	fields->n = (int32_t) n;
	fields->n_labels = (int32_t) n_labels;
	fields->entries = section_data(bytes, found, SECTION_FIELDS, sizeof(RecoFieldEntry), n);
	fields->start = section_data(bytes, found, SECTION_LABEL_START, 8, n + n_labels + 1);
	fields->bytes = section_data(bytes, found, SECTION_LABEL_BYTES, 1, found[SECTION_LABEL_BYTES].count);
	fields->edges = section_data(bytes, found, SECTION_LABEL_EDGES, 8, n_labels);
	return fields->entries != NULL && fields->start != NULL && fields->bytes != NULL && fields->edges != NULL &&
		reco_fields_are_sane(fields, found[SECTION_LABEL_BYTES].count);
}

/* What is said of labels, and they themselves. */
static bool
locate_labels(const char *bytes, const Section *found, RecoModel *model)
{
	uint64_t	rows;

	if (!locate_fields(bytes, found, &model->fields))
		return false;
	rows = (uint64_t) reco_model_customer_labels(model) + 1;
	if (found[SECTION_PRIOR].kind != 0)
	{
		model->prior = section_data(bytes, found, SECTION_PRIOR, 4, rows * reco_stride(model->factors));
		if (model->prior == NULL)
			return false;
	}
	return locate_sparse(bytes, found, SECTION_LIFT_START, model->fields.n_labels, model->items, &model->lift);
}

/* Entries of so many rows, whose ends are to be checked. */
static bool
locate_match_rows(const char *bytes, const Section *found, SectionKind start, uint64_t rows, RecoSparse *matrix)
{
	uint64_t	entries = found[start + 1].count;

	matrix->start = section_data(bytes, found, start, 8, rows + 1);
	matrix->index = section_data(bytes, found, (SectionKind) (start + 1), 4, entries);
	matrix->weight = section_data(bytes, found, (SectionKind) (start + 2), 4, entries);
	return matrix->start != NULL && matrix->index != NULL && matrix->weight != NULL && matrix->start[0] == 0 &&
		(uint64_t) matrix->start[rows] == entries;
}

/* Attribute match is all there, or not at all; items >= 1 where it is. */
static bool
locate_match(const char *bytes, const Section *found, RecoModel *model)
{
	RecoMatch  *match = &model->match;
	uint64_t	fields = found[SECTION_MATCH_FIELDS].count - 1;
	uint64_t	values = found[SECTION_MATCH_VALUE_START].count - 1;
	bool		any = false;

	for (int kind = SECTION_MATCH_FIELDS; kind <= SECTION_MATCH_VALUE_CHANCE; kind++)
		any |= found[kind].kind != 0;
	if (!any)
		return true;
	match->fields = section_data(bytes, found, SECTION_MATCH_FIELDS, sizeof(RecoMatchField), fields + 1);
	if (model->items == 0 || match->fields == NULL || fields < 1 || fields > RECO_MATCH_MOST_FIELDS || values >= INT32_MAX)
		return false;
	match->n_fields = (int32_t) fields;
	match->by_item.rows = match->by_value.cols = model->items;
	match->by_item.cols = match->by_value.rows = (int32_t) values;
	return locate_match_rows(bytes, found, SECTION_MATCH_ITEM_START, (uint64_t) model->items, &match->by_item) &&
		locate_match_rows(bytes, found, SECTION_MATCH_VALUE_START, values, &match->by_value);
}

/* Words are all there, or not at all. */
static bool
locate_wording(const char *bytes, const Section *found, RecoModel *model)
{
	const void *curves = section_data(bytes, found, SECTION_WORDING_CURVES, 8, CURVES_NUMBERS);
	uint64_t	length = found[SECTION_WORDING_CONFIGURATION].count;

	if (found[SECTION_WORDING_WEIGHTS].kind == 0 && found[SECTION_WORDING_CURVES].kind == 0 &&
		found[SECTION_WORDING_CONFIGURATION].kind == 0)
		return true;
	model->wording.weights = section_data(bytes, found, SECTION_WORDING_WEIGHTS, 4, RECO_WORDING_BUCKETS);
	model->configuration = section_data(bytes, found, SECTION_WORDING_CONFIGURATION, 1, length);
	if (model->wording.weights == NULL || curves == NULL || model->configuration == NULL || model->stars == NULL ||
		length < 1 || length > RECO_MAX_CONFIGURATION)
		return false;
	memcpy(&model->wording.curves, curves, sizeof(RecoWordingCurves));
	model->configuration_length = (size_t) length;
	return true;
}

static bool
locate_sentiment(const char *bytes, const Section *found, RecoModel *model)
{
	if (found[SECTION_SENTIMENT].kind != 0 || found[SECTION_STARS].kind != 0)
	{
		model->sentiment = section_data(bytes, found, SECTION_SENTIMENT, 4, (uint64_t) model->items);
		model->stars = section_data(bytes, found, SECTION_STARS, 8, RECO_STARS_NUMBERS);
		if (model->sentiment == NULL || model->stars == NULL)
			return false;
	}
	return locate_wording(bytes, found, model);
}

/* Kinds of events are all there, or not at all. */
static bool
locate_events(const char *bytes, const Section *found, RecoModel *model)
{
	uint64_t	events = found[SECTION_EVENT_WEIGHTS].count;

	if (found[SECTION_EVENT_START].kind == 0 && found[SECTION_EVENT_BYTES].kind == 0 && found[SECTION_EVENT_WEIGHTS].kind == 0)
		return true;
	if (events < 1 || events > RECO_MODEL_EVENTS)
		return false;
	model->n_events = (int) events;
	model->event_start = section_data(bytes, found, SECTION_EVENT_START, 8, events + 1);
	model->event_bytes = section_data(bytes, found, SECTION_EVENT_BYTES, 1, found[SECTION_EVENT_BYTES].count);
	model->event_weights = section_data(bytes, found, SECTION_EVENT_WEIGHTS, 4, events);
	return model->event_start != NULL && model->event_bytes != NULL && model->event_weights != NULL;
}

/* What lines come to is all there, or not at all; prices may be missing. */
static bool
locate_usual(const char *bytes, const Section *found, RecoModel *model)
{
	uint64_t	items = (uint64_t) model->items;

	if (found[SECTION_USUAL].kind == 0)
		return found[SECTION_USUAL_NUMBERS].kind == 0 && found[SECTION_USUAL_PRICE].kind == 0;
	model->usual = section_data(bytes, found, SECTION_USUAL, 4, items);
	model->usual_numbers = section_data(bytes, found, SECTION_USUAL_NUMBERS, 8, RECO_USUAL_NUMBERS);
	if (found[SECTION_USUAL_PRICE].kind != 0)
	{
		model->usual_price = section_data(bytes, found, SECTION_USUAL_PRICE, 4, items);
		if (model->usual_price == NULL)
			return false;
	}
	return model->usual != NULL && model->usual_numbers != NULL;
}

/* Whether people buy again may be missing. */
static bool
locate_rebought(const char *bytes, const Section *found, RecoModel *model)
{
	if (found[SECTION_REBOUGHT].kind == 0)
		return true;
	model->rebought = section_data(bytes, found, SECTION_REBOUGHT, 4, (uint64_t) model->items);
	return model->rebought != NULL;
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
	if (parameters == NULL || facts == NULL || !locate_labels(bytes, found, model) ||
		!locate_sparse(bytes, found, SECTION_COMPLEMENT_START, model->items, model->items, &model->complements) ||
		!locate_match(bytes, found, model) || !locate_sentiment(bytes, found, model) || !locate_events(bytes, found, model) ||
		!locate_usual(bytes, found, model) || !locate_rebought(bytes, found, model))
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

/* Finite, with zero padding. */
static bool
vector_is_sane(const RecoModel *model, const float *row)
{
	size_t		stride = reco_stride(model->factors);
	size_t		j;

	for (j = (size_t) model->factors; j < stride; j++)
		if (row[j] != 0)
			return false;
	return row_is_finite(row, stride);
}

static bool
prior_is_sane(const RecoModel *model)
{
	int32_t		rows = model->prior != NULL ? reco_model_customer_labels(model) + 1 : 0;
	int32_t		i;

	for (i = 0; i < rows; i++)
		if (!vector_is_sane(model, model->prior + (size_t) i * reco_stride(model->factors)))
			return false;
	return true;
}

/* Sane vectors, and nothing negative that cannot be. */
static RecoStatus
check_numbers(const RecoModel *model, const RecoRun *run)
{
	size_t		stride = reco_stride(model->factors);
	int32_t		i;

	for (i = 0; i < model->items; i++)
	{
		if (i % ROWS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		if (!vector_is_sane(model, model->y + (size_t) i * stride))
			return RECO_CORRUPT;
		if (!isfinite(model->popularity[i]) || model->popularity[i] < 0)
			return RECO_CORRUPT;
		if (!(model->trend[i] >= 0 && model->trend[i] <= 1))
			return RECO_CORRUPT;
	}
	for (i = 0; i < model->factors; i++)
		if (!isfinite(model->gram_diagonal[i]) || model->gram_diagonal[i] < 0)
			return RECO_CORRUPT;
	return prior_is_sane(model) ? RECO_OK : RECO_CORRUPT;
}

/* Within a row numbers ascend, and weights are positive, finite and at most so much. */
static bool
row_is_sane(const RecoSparse *matrix, int32_t row, double most)
{
	int64_t		i;

	for (i = matrix->start[row]; i < matrix->start[row + 1]; i++)
	{
		int32_t		column = matrix->index[i];

		if (column < 0 || column >= matrix->cols || (i > matrix->start[row] && column <= matrix->index[i - 1]) ||
			!(matrix->weight[i] > 0 && isfinite(matrix->weight[i]) && matrix->weight[i] <= most))
			return false;
	}
	return true;
}

static RecoStatus
check_rows(const RecoSparse *matrix, double most, const RecoRun *run)
{
	int64_t		asked_at = 0;
	int32_t		row;

	for (row = 0; row < matrix->rows; row++)
	{
		if (matrix->start[row] > matrix->start[row + 1] ||
			matrix->start[row + 1] > matrix->start[matrix->rows])
			return RECO_CORRUPT;
		if (matrix->start[row] - asked_at >= KEYS_A_CHECK || row % KEYS_A_CHECK == 0)
		{
			asked_at = matrix->start[row];
			if (!reco_run_goes_on(run))
				return RECO_INTERRUPTED;
		}
		if (!row_is_sane(matrix, row, most))
			return RECO_CORRUPT;
	}
	return RECO_OK;
}

/* Fields ascend, reasons are chances, and so is what lists of items say. */
static RecoStatus
check_match(const RecoMatch *match, const RecoRun *run)
{
	RecoStatus	status;
	int32_t		f;

	if (match->n_fields > 0 && (match->fields[0].first != 0 || match->fields[match->n_fields].first != match->by_value.rows))
		return RECO_CORRUPT;
	for (f = 0; f < match->n_fields; f++)
	{
		const RecoMatchField *field = &match->fields[f];

		if (field->first > field[1].first || !(field->basket >= 0 && field->basket <= 1) ||
			!(field->history >= 0 && field->history <= 1))
			return RECO_CORRUPT;
	}
	status = check_rows(&match->by_item, MOST_WEIGHT, run);
	return status != RECO_OK ? status : check_rows(&match->by_value, 1, run);
}

/* Comparisons are such that NaN fails; so below. */
static bool
curves_are_sane(const RecoWordingCurves *curves, double least, double most)
{
	int			k;

	for (k = 0; k < RECO_WORDING_KNOTS; k++)
		if (!isfinite(curves->score[k]) || !(curves->stars[k] >= least && curves->stars[k] <= most) ||
			(k > 0 && !(curves->score[k] >= curves->score[k - 1] && curves->stars[k] >= curves->stars[k - 1])))
			return false;
	return isfinite(curves->intercept) && curves->slope >= 0 && isfinite(curves->slope);
}

static bool
wording_is_sane(const RecoModel *model)
{
	size_t		i;

	if (model->wording.weights == NULL)
		return true;
	for (i = 0; i < RECO_WORDING_BUCKETS; i++)
		if (!(fabsf(model->wording.weights[i]) <= (float) MOST_WEIGHT))
			return false;
	return memchr(model->configuration, '\0', model->configuration_length) == NULL &&
		curves_are_sane(&model->wording.curves, model->stars[RECO_STARS_LEAST], model->stars[RECO_STARS_MOST]);
}

static RecoStatus
check_sentiment(const RecoModel *model, const RecoRun *run)
{
	const double *stars = model->stars;
	int32_t		i;

	if (model->sentiment == NULL)
		return RECO_OK;
	for (i = 0; i < model->items; i++)
	{
		if (i % KEYS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		if (!(fabsf(model->sentiment[i]) <= 1))
			return RECO_CORRUPT;
	}
	return stars[RECO_STARS_LEAST] >= -FLT_MAX && stars[RECO_STARS_MOST] <= FLT_MAX &&
		stars[RECO_STARS_LEAST] < stars[RECO_STARS_MOST] && stars[RECO_STARS_MEAN] >= stars[RECO_STARS_LEAST] &&
		stars[RECO_STARS_MEAN] <= stars[RECO_STARS_MOST] && wording_is_sane(model) ? RECO_OK : RECO_CORRUPT;
}

/* Texts that ascend within their bytes, weights that are shares. */
static bool
events_are_sane(const RecoModel *model, uint64_t n_bytes)
{
	const uint64_t *start = model->event_start;
	int			i;

	if (model->n_events == 0)
		return true;
	if (start[0] != 0 || start[model->n_events] != n_bytes)
		return false;
	for (i = 0; i < model->n_events; i++)
		if (start[i] > start[i + 1] || start[i + 1] > n_bytes ||
			!(model->event_weights[i] > 0 && model->event_weights[i] <= 1))
			return false;
	for (i = 1; i < model->n_events; i++)
		if (compare_bytes(model->event_bytes + start[i - 1], start[i] - start[i - 1],
						  model->event_bytes + start[i], start[i + 1] - start[i]) >= 0)
			return false;
	return true;
}

/* Some strengths are shares: above 1 weights would be negative, or grow with each older event. */
static double
most_strength(int strength)
{
	if (strength == RECO_STRENGTH_STARS || strength == RECO_STRENGTH_SESSION_DECAY)
		return 1;
	return strength >= RECO_STRENGTH_CONTEXT && strength < RECO_STRENGTHS ? MOST_EXPONENT : MOST_WEIGHT;
}

/* The same. */
static RecoStatus
check_usual(const RecoModel *model, const RecoRun *run)
{
	int			i;

	if (model->usual == NULL)
		return RECO_OK;
	for (i = 0; i < RECO_USUAL_NUMBERS; i++)
		if (!(model->usual_numbers[i] > 0 && model->usual_numbers[i] <= FLT_MAX))
			return RECO_CORRUPT;
	for (i = 0; i < model->items; i++)
	{
		if (i % KEYS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		if (!(model->usual[i] > 0 && model->usual[i] <= FLT_MAX))
			return RECO_CORRUPT;
		if (model->usual_price != NULL && !(model->usual_price[i] >= 0 && model->usual_price[i] <= FLT_MAX))
			return RECO_CORRUPT;
	}
	return RECO_OK;
}

/* The same. */
static RecoStatus
check_rebought(const RecoModel *model, const RecoRun *run)
{
	int			i;

	for (i = 0; i < model->items && model->rebought != NULL; i++)
	{
		if (i % KEYS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		if (!(model->rebought[i] >= 0 && model->rebought[i] <= 1))
			return RECO_CORRUPT;
	}
	return RECO_OK;
}

/* Comparisons are such that NaN fails. */
static bool
blends_are_sane(const double *p)
{
	int			i;

	for (i = RECO_PARAMETER_STRENGTHS; i < RECO_PARAMETER_BLEND; i++)
		if (!(p[i] >= 0 && p[i] <= most_strength((i - RECO_PARAMETER_STRENGTHS) % RECO_STRENGTH_SLOTS)))
			return false;
	for (; i < RECO_PARAMETERS; i++)
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
	*problem = "its kinds of events are out of range";
	if (!events_are_sane(model, found[SECTION_EVENT_BYTES].count))
		return RECO_CORRUPT;
	*problem = "its complements are out of range";
	status = check_rows(&model->complements, INFINITY, run);
	if (status != RECO_OK)
		return status;
	*problem = "its lifts are out of range";
	status = check_rows(&model->lift, INFINITY, run);
	if (status != RECO_OK)
		return status;
	*problem = "its attribute match is out of range";
	status = check_match(&model->match, run);
	if (status != RECO_OK)
		return status;
	*problem = "its sentiment is out of range";
	status = check_sentiment(model, run);
	if (status != RECO_OK)
		return status;
	*problem = "its amounts of order lines are out of range";
	status = check_usual(model, run);
	if (status != RECO_OK)
		return status;
	*problem = "its shares of buyers who buy again are out of range";
	status = check_rebought(model, run);
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

/* The number of a kind of events, -1 for one that the model does not know. */
int
reco_model_find_event(const RecoModel *model, const char *bytes, size_t length)
{
	const uint64_t *start = model->event_start;
	int			i;

	for (i = 0; i < model->n_events; i++)
		if (compare_bytes(model->event_bytes + start[i], start[i + 1] - start[i], bytes, length) == 0)
			return i;
	return -1;
}
