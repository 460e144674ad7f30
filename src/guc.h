/*
 * guc.h: the server settings of reco.
 */
#ifndef RECO_GUC_H
#define RECO_GUC_H

extern int	reco_guc_cache_size;	/* megabytes */
extern char *reco_guc_kernel;

extern void reco_guc_define(void);

#endif							/* RECO_GUC_H */
