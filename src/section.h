/*
 * section.h: a stretch of work done as another role.
 */
#ifndef RECO_SECTION_H
#define RECO_SECTION_H

#include "postgres.h"

typedef struct RecoSection
{
	Oid			saved_user;
	int			saved_context;
	int			guc_level;
} RecoSection;

extern RecoSection reco_section_begin(Oid role, const char *timezone);
extern int	reco_section_begin_text_forms(void);
extern void reco_section_end_text_forms(int level);
extern void reco_section_end(const RecoSection *section);

#endif							/* RECO_SECTION_H */
