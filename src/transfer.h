/*
 * transfer.h: gathered lines as bytes, from one process to another.
 */
#ifndef RECO_TRANSFER_H
#define RECO_TRANSFER_H

#include "postgres.h"

#include "interactions.h"

extern Size reco_transfer_size(const RecoInteractions *interactions);
extern void reco_transfer_write(const RecoInteractions *interactions, char *bytes);
extern RecoInteractions *reco_transfer_read(RecoBudget *budget, const char *bytes, Size length);

#endif							/* RECO_TRANSFER_H */
