/*
 * transfer.h: gathered lines as bytes, from one process to another.
 */
#ifndef RECO_TRANSFER_H
#define RECO_TRANSFER_H

#include "postgres.h"

#include "compat.h"
#include "interactions.h"

/* Where reading has come to. */
typedef struct RecoTransferReader
{
	const char *at;
	Size		left;
	const char *aggregate;		/* for messages */
} RecoTransferReader;

extern Size reco_transfer_keys_size(const RecoIdMap *map);
extern char *reco_transfer_write_bytes(char *at, const void *bytes, Size length);
extern char *reco_transfer_write_keys(char *at, const RecoIdMap *map);
RECO_NORETURN extern void reco_transfer_complain(const RecoTransferReader *reader, const char *problem);
extern const char *reco_transfer_take(RecoTransferReader *reader, Size length);
extern void reco_transfer_read_keys(RecoTransferReader *reader, RecoIdMap *map, int32 n);
extern Size reco_transfer_size(const RecoInteractions *interactions);
extern void reco_transfer_write(const RecoInteractions *interactions, char *bytes);
extern RecoInteractions *reco_transfer_read(RecoBudget *budget, const char *bytes, Size length);

#endif							/* RECO_TRANSFER_H */
