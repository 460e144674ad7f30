/*
 * definitions.h: what a source is, by kind.
 */
#ifndef RECO_DEFINITIONS_H
#define RECO_DEFINITIONS_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "references.h"
#include "utils/relcache.h"

typedef enum RecoSourceKind
{
	RECO_SOURCE_ORDERS,
	RECO_SOURCE_ITEMS,
	RECO_SOURCE_USERS,
	RECO_SOURCE_REVIEWS,
	RECO_SOURCE_SESSIONS,
	RECO_SOURCE_SOCIAL,
	RECO_SOURCE_EXPOSURES,		/* of an experiment, and named as it is; nothing is learned from it */
	RECO_SOURCE_OFFERS
} RecoSourceKind;

#define RECO_SOURCE_KINDS 8

typedef enum RecoRole
{
	RECO_ROLE_USER,
	RECO_ROLE_ITEM,
	RECO_ROLE_ORDER,
	RECO_ROLE_AT,
	RECO_ROLE_QUANTITY,
	RECO_ROLE_UNIT_PRICE,
	RECO_ROLE_AMOUNT,
	RECO_ROLE_CONTEXT,
	RECO_ROLE_FEATURES,
	RECO_ROLE_DESCRIPTION,
	RECO_ROLE_PRICE,
	RECO_ROLE_MARGIN,
	RECO_ROLE_AVAILABLE,
	RECO_ROLE_STARS,
	RECO_ROLE_BODY,
	RECO_ROLE_CONFIGURATION,
	RECO_ROLE_SESSION,
	RECO_ROLE_EVENT,
	RECO_ROLE_FRIEND,
	RECO_ROLE_CONSENT,
	RECO_ROLE_VALID_FROM,
	RECO_ROLE_VALID_TO,
	RECO_ROLE_AUDIENCE
} RecoRole;

#define RECO_ROLES 23
#define RECO_MAX_MEMBERS 64		/* of a list */

/* What values an expression may have. */
typedef enum RecoValueClass
{
	RECO_CLASS_KEY,				/* integers as such, all else by text form */
	RECO_CLASS_TIME,
	RECO_CLASS_NUMBER,
	RECO_CLASS_BOOLEAN,
	RECO_CLASS_TEXT,
	RECO_CLASS_TEXTS,			/* one or an array of them */
	RECO_CLASS_LABEL,			/* any value, by its text form */
	RECO_CLASS_CONFIGURATION,	/* of text search */
	RECO_CLASS_ANY,				/* a list of named values */
	RECO_CLASS_FLAGS			/* a list of named booleans */
} RecoValueClass;

/* What a customer consents to, or does not. */
typedef enum RecoPurpose
{
	RECO_PURPOSE_PERSONALIZE,	/* what is stored of him answers his requests */
	RECO_PURPOSE_TRAIN,			/* models are made of it */
	RECO_PURPOSE_SOCIAL,		/* what he bought speaks to those who follow him, and what others bought to him */
	RECO_PURPOSE_SENTIMENT,		/* his reviews are read */
	RECO_PURPOSE_ATTRIBUTES,	/* his features are read */
	RECO_PURPOSES
} RecoPurpose;

#define RECO_ALL_PURPOSES ((1u << RECO_PURPOSES) - 1)
#define RECO_PURPOSE_ALL "all"	/* the name of the one boolean that is for all purposes */

/* Which column of a source is meant. */
typedef struct RecoField
{
	RecoRole	role;
	const char *name;			/* of a list's member; NULL where the role is no list */
} RecoField;

#define RECO_MAX_FIELDS (RECO_ROLES + 2 * RECO_MAX_MEMBERS)	/* no kind of source has three lists */

typedef struct RecoColumn
{
	RecoRole	role;
	char	   *name;			/* the role's, or that of the list's member */
	char	   *expression;
	Oid			type;			/* InvalidOid for a source from the catalog */
} RecoColumn;

typedef struct RecoSource
{
	char	   *model;
	RecoSourceKind kind;
	char	   *name;
	RecoRelationRef relation;
	List	   *columns;		/* of RecoColumn */
} RecoSource;

extern const char *reco_definitions_kind_name(RecoSourceKind kind);
extern bool reco_definitions_find_kind(const char *name, RecoSourceKind *kind);
extern const char *reco_definitions_role_name(RecoRole role);
extern bool reco_definitions_find_role(const char *name, RecoRole *role);
extern RecoValueClass reco_definitions_role_class(RecoRole role);
extern bool reco_definitions_is_list(RecoRole role);
extern RecoSource *reco_definitions_make(const char *model, RecoSourceKind kind, const char *name, Oid relation,
										 const char *const *texts);
extern const char *reco_definitions_purpose_name(RecoPurpose purpose);
extern bool reco_definitions_is_readable(Relation relation);
extern void reco_definitions_check_relation(Relation relation);
extern void reco_definitions_check_type(RecoRole role, Oid type);
extern bool reco_definitions_is_sound(const RecoSource *source);
extern bool reco_definitions_has_orders(List *sources);
extern bool reco_definitions_gives_orders(List *sources, const RecoSource *source);
extern RecoRole reco_definitions_order_role(const RecoSource *source);
extern const RecoColumn *reco_definitions_column(const RecoSource *source, RecoRole role);
extern const RecoColumn *reco_definitions_item_column(const RecoSource *source, RecoRole role);
extern const RecoColumn *reco_definitions_find(const RecoSource *source, const RecoField *field);

#endif							/* RECO_DEFINITIONS_H */
