/*
 * checksum.c: CRC-32C by PostgreSQL's routine, in the form that model.c takes it.
 */
#include "postgres.h"

#include "checksum.h"

#include "port/pg_crc32c.h"

/* CRC-32C of some bytes, chained by seed; 0 begins. */
uint32_t
reco_checksum_crc32c(const void *data, size_t length, uint32_t seed)
{
	pg_crc32c	crc = seed ^ 0xFFFFFFFF;

	COMP_CRC32C(crc, data, length);
	return crc ^ 0xFFFFFFFF;
}
