/*
 * checksum.h: the CRC that guards stored models.
 */
#ifndef RECO_CHECKSUM_H
#define RECO_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

extern uint32_t reco_checksum_crc32c(const void *data, size_t length, uint32_t seed);

#endif							/* RECO_CHECKSUM_H */
