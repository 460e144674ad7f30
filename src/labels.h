/*
 * labels.h: attributes of customers and items, and the context of orders, as labels.
 */
#ifndef RECO_LABELS_H
#define RECO_LABELS_H

#include "postgres.h"

#include "budget.h"
#include "fields.h"
#include "nodes/pg_list.h"
#include "sources.h"
#include "sparse.h"

/* The members of the lists of a group's sources: what its fields are made of. */
typedef struct RecoMembers
{
	RecoFieldGroup group;
	RecoRole	role;			/* RECO_ROLE_FEATURES or RECO_ROLE_CONTEXT */
	int			n;
	const char **names;			/* [n], ascending bytewise, each once */
	RecoFieldKind *kinds;		/* [n] numbers where every source that has it gives numbers */
} RecoMembers;

/* How values become labels. */
typedef struct RecoLabelOptions
{
	int32		most;			/* labels of a field of texts: those that most keys have */
	int32		least_keys;		/* a label of fewer keys is left out; a range of fewer goes with its neighbour */
} RecoLabelOptions;

#define RECO_MOST_FIELD_LABELS 1000	/* of a field of texts, by default */

/* Who has which labels. */
typedef struct RecoLabelled
{
	RecoFields	fields;
	RecoSparse	rows;			/* keys x labels, without weights */
	int32	   *support;		/* [labels] keys that have it */
} RecoLabelled;

typedef struct RecoLabeller RecoLabeller;

/* The number of a key, -1 for one that does not matter. */
typedef int32 (*RecoNumberKey) (void *arg, const RecoValue *key);

extern RecoMembers *reco_labels_members(const RecoReader *reader, List *sources, RecoFieldGroup group, bool with_time);
extern RecoField reco_labels_field(const RecoMembers *members, int member);
extern RecoLabeller *reco_labels_begin(RecoBudget *budget, const RecoMembers *members);
extern int32 reco_labels_value(RecoLabeller *labeller, int member, const RecoValue *element);
extern int32 reco_labels_values(const RecoLabeller *labeller);
extern int	reco_labels_compare(const RecoLabeller *labeller, int32 a, int32 b);
extern void reco_labels_add(RecoLabeller *labeller, int32 key, int32 value);
extern void reco_labels_read(RecoLabeller *labeller, const RecoReader *reader, const RecoSource *source, RecoRole key_role,
							 RecoNumberKey number_key, void *arg);
extern RecoLabelled *reco_labels_end(RecoLabeller *labeller, int32 n_keys, const RecoLabelOptions *options);
extern const int32 *reco_labels_codes(const RecoLabeller *labeller);
extern RecoFields reco_labels_join(RecoBudget *budget, const RecoFields *first, const RecoFields *second);
extern const RecoValue *reco_labels_first(const RecoValue *value);
extern int32 reco_labels_code(const RecoFields *fields, int32 field, const RecoValue *element);
extern int32 reco_labels_find(const RecoFields *fields, int32 field, const RecoValue *element);

#endif							/* RECO_LABELS_H */
