/*
 * transfer.c: writes gathered lines down as bytes and reads them again.
 *
 * So they travel from a parallel worker, or from a node of a cluster, to the process that trains.  The bytes:
 *
 *	  a header: magic, form of the lines, counts, clock, numbers of keys and lines
 *	  the keys of customers, items and orders: 8 bytes each, or for texts a length (4) and the bytes
 *	  the lines, 24 bytes each
 *
 * in the byte order of the machine, which the magic tells.  Whoever can call an aggregate's support functions can forge
 * them, so that the reader takes nothing for granted: lengths, numbers and the values of lines are checked before use.
 */
#include "postgres.h"

#include "transfer.h"

#include "interrupts.h"
#include "storage/shmem.h"

#define MAGIC 0x5245434f4c4e3031	/* RECOLN01 */

typedef struct Header
{
	uint64		magic;
	int64		before;
	int64		clock;
	RecoIngestCounts counts;
	int64		n_lines;
	int32		n_users;
	int32		n_items;
	int32		n_orders;
	uint8		integer_keys;
	uint8		has_order;
	uint8		integer_orders;
	uint8		weighted;
} Header;

/* --- writing ----------------------------------------------------------------------------------------------- */

/* How many bytes the keys of a dictionary take; NULL has none. */
Size
reco_transfer_keys_size(const RecoIdMap *map)
{
	Size		size = 0;
	int32		i;

	if (map == NULL)
		return 0;
	if (reco_idmap_is_integer(map))
		return mul_size(reco_idmap_count(map), sizeof(int64));
	for (i = 0; i < reco_idmap_count(map); i++)
		size = add_size(size, sizeof(int32) + reco_idmap_key(map, i).length);
	return size;
}

/* How many bytes reco_transfer_write needs. */
Size
reco_transfer_size(const RecoInteractions *interactions)
{
	Size		size = add_size(sizeof(Header), mul_size(interactions->n_lines, sizeof(RecoLine)));

	size = add_size(size, reco_transfer_keys_size(interactions->users));
	size = add_size(size, reco_transfer_keys_size(interactions->items));
	return add_size(size, reco_transfer_keys_size(interactions->orders));
}

/* Both return where the next is to be written. */
char *
reco_transfer_write_bytes(char *at, const void *bytes, Size length)
{
	reco_copy_bytes(at, bytes, length);
	return at + length;
}

char *
reco_transfer_write_keys(char *at, const RecoIdMap *map)
{
	int32		i;

	if (map == NULL)
		return at;
	if (reco_idmap_is_integer(map))
		return reco_transfer_write_bytes(at, reco_idmap_integers(map), sizeof(int64) * reco_idmap_count(map));
	for (i = 0; i < reco_idmap_count(map); i++)
	{
		RecoValue	key = reco_idmap_key(map, i);
		int32		length = key.length;

		RECO_CHECK_INTERRUPTS(i);
		at = reco_transfer_write_bytes(at, &length, sizeof(length));
		at = reco_transfer_write_bytes(at, key.bytes, length);
	}
	return at;
}

/*
 * Write lines that are gathered, but whose source is not ended; bytes has room for reco_transfer_size of them.
 */
void
reco_transfer_write(const RecoInteractions *interactions, char *bytes)
{
	Header		header;
	char	   *at;

	memset(&header, 0, sizeof(header));
	header.magic = MAGIC;
	header.before = interactions->form.before;
	header.clock = interactions->clock;
	header.counts = interactions->counts;
	header.n_lines = interactions->n_lines;
	header.n_users = reco_idmap_count(interactions->users);
	header.n_items = reco_idmap_count(interactions->items);
	header.n_orders = interactions->orders != NULL ? reco_idmap_count(interactions->orders) : 0;
	header.integer_keys = reco_idmap_is_integer(interactions->items);
	header.has_order = interactions->form.has_order;
	header.integer_orders = interactions->form.integer_orders;
	header.weighted = interactions->form.weighted;
	at = reco_transfer_write_bytes(bytes, &header, sizeof(header));
	at = reco_transfer_write_keys(at, interactions->users);
	at = reco_transfer_write_keys(at, interactions->items);
	at = reco_transfer_write_keys(at, interactions->orders);
	(void) reco_transfer_write_bytes(at, interactions->lines, sizeof(RecoLine) * (Size) interactions->n_lines);
}

/* --- reading ----------------------------------------------------------------------------------------------- */

/* Raise data_corrupted. */
void
reco_transfer_complain(const RecoTransferReader *reader, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the state of an aggregate is damaged: %s", problem),
			 errhint("Such states come from %s alone, of the same version on every node.", reader->aggregate)));
}

/* The next bytes.  Errors, as of all that reads: data_corrupted. */
const char *
reco_transfer_take(RecoTransferReader *reader, Size length)
{
	const char *at = reader->at;

	if (length > reader->left)
		reco_transfer_complain(reader, "it is cut short");
	reader->at += length;
	reader->left -= length;
	return at;
}

/* Append so many keys to a dictionary, where they can be read, not found; a forged key may be there twice. */
void
reco_transfer_read_keys(RecoTransferReader *reader, RecoIdMap *map, int32 n)
{
	int32		i;

	for (i = 0; i < n; i++)
	{
		RecoValue	key = {.is_null = false};
		int32		length;

		RECO_CHECK_INTERRUPTS(i);
		if (reco_idmap_is_integer(map))
			memcpy(&key.integer, reco_transfer_take(reader, sizeof(int64)), sizeof(int64));
		else
		{
			memcpy(&length, reco_transfer_take(reader, sizeof(length)), sizeof(length));
			if (length < 0)
				reco_transfer_complain(reader, "a key has a negative length");
			key.bytes = reco_transfer_take(reader, length);
			key.length = length;
		}
		reco_idmap_append(map, &key);
	}
}

static void
check_line(const RecoTransferReader *reader, const RecoLine *line, const Header *header)
{
	if (line->user < -1 || line->user >= header->n_users || line->item < 0 || line->item >= header->n_items ||
		line->order < -1 || line->order >= header->n_orders)
		reco_transfer_complain(reader, "a line has a key that is not there");
	if (!reco_lines_is_usable(line) ||
		(header->weighted ? line->at != 0 : line->at >= header->before || line->at > header->clock))
		reco_transfer_complain(reader, "a line has no sensible time or quantity");
}

static void
read_lines(RecoTransferReader *reader, RecoInteractions *interactions, const Header *header)
{
	const char *lines;
	int64		i;

	if ((uint64) header->n_lines > reader->left / sizeof(RecoLine))
		reco_transfer_complain(reader, "it is cut short");
	lines = reco_transfer_take(reader, (Size) header->n_lines * sizeof(RecoLine));
	if (reader->left > 0)
		reco_transfer_complain(reader, "it is too long");
	reco_budget_free(interactions->budget, interactions->lines);
	interactions->lines = reco_budget_alloc(interactions->budget, header->n_lines, sizeof(RecoLine), "order lines");
	interactions->n_lines = header->n_lines;
	interactions->capacity = header->n_lines;
	reco_copy_bytes(interactions->lines, lines, (Size) header->n_lines * sizeof(RecoLine));
	for (i = 0; i < header->n_lines; i++)
	{
		RECO_CHECK_INTERRUPTS(i);
		check_line(reader, &interactions->lines[i], header);
	}
}

static void
check_header(const RecoTransferReader *reader, const Header *header)
{
	const RecoIngestCounts *counts = &header->counts;

	if (header->magic != MAGIC)
		reco_transfer_complain(reader, "it does not begin like one");
	if (header->integer_keys > 1 || header->has_order > 1 || header->integer_orders > 1 || header->weighted > 1 ||
		header->n_users < 0 || header->n_items < 0 || header->n_orders < 0 || header->n_lines < 0 ||
		(header->n_orders > 0 && !header->has_order) || (header->has_order && header->weighted))
		reco_transfer_complain(reader, "its header makes no sense");
	if (counts->rows < 0 || counts->no_item < 0 || counts->bad_time < 0 || counts->bad_quantity < 0 || counts->too_late < 0 ||
		counts->rows > PG_INT64_MAX / 8 || counts->no_item > counts->rows || counts->bad_time > counts->rows ||
		counts->bad_quantity > counts->rows || counts->too_late > counts->rows)
		reco_transfer_complain(reader, "its counts make no sense");
}

/*
 * What reco_transfer_write wrote, allocated from budget; to be merged into another, not to be added to.  (A forged key
 * that is there twice becomes one there.)  Errors: data_corrupted, configuration_limit_exceeded (memory).
 */
RecoInteractions *
reco_transfer_read(RecoBudget *budget, const char *bytes, Size length)
{
	RecoTransferReader reader = {bytes, length, "reco.factorize"};
	RecoLineForm form = {.has_quantity = true};
	RecoInteractions *interactions;
	Header		header;

	memcpy(&header, reco_transfer_take(&reader, sizeof(header)), sizeof(header));
	check_header(&reader, &header);
	form.has_order = header.has_order;
	form.integer_orders = header.integer_orders;
	form.weighted = header.weighted;
	form.before = header.before;
	interactions = reco_interactions_create(budget, header.integer_keys);
	reco_interactions_begin_orders(interactions, &form);
	interactions->clock = header.clock;
	interactions->counts = header.counts;
	reco_transfer_read_keys(&reader, interactions->users, header.n_users);
	reco_transfer_read_keys(&reader, interactions->items, header.n_items);
	if (interactions->orders != NULL)
		reco_transfer_read_keys(&reader, interactions->orders, header.n_orders);
	read_lines(&reader, interactions, &header);
	return interactions;
}
