/*
 * sources.h: reading the relations of a model.
 */
#ifndef RECO_SOURCES_H
#define RECO_SOURCES_H

#include "postgres.h"

#include "definitions.h"
#include "progress.h"
#include "utils/timestamp.h"
#include "values.h"

/*
 * What keeps rows of whole sources from being read: a row passes if each key of a customer in it does, which stands there as
 * the one or the other (RECO_ROLE_USER, RECO_ROLE_FRIEND).
 */
typedef struct RecoGate
{
	bool		(*passes) (void *arg, const RecoSource *source, RecoRole role, const RecoValue *key);
	void	   *arg;
} RecoGate;

/* With whose rights, in which time zone, and in which form of keys a model reads. */
typedef struct RecoReader
{
	const char *model;
	Oid			owner;
	const char *timezone;
	bool		integer_keys;
	RecoProgress *progress;		/* counts the rows, unless NULL */
	const RecoGate *gate;		/* NULL: all rows are read */
} RecoReader;

typedef void (*RecoRowCallback) (void *arg, const RecoValue *values);

extern void reco_sources_check(const RecoReader *reader, const RecoSource *source);
extern bool reco_sources_integer_keys(const RecoReader *reader, const RecoSource *source);
extern bool reco_sources_all_integer_keys(const RecoReader *reader, List *sources);
extern bool reco_sources_integer_orders(const RecoReader *reader, const RecoSource *source);
extern bool reco_sources_integer_sessions(const RecoReader *reader, const RecoSource *source);
extern bool reco_sources_gives_numbers(const RecoReader *reader, const RecoSource *source, RecoRole role,
									   const char *name);
extern double reco_sources_estimate_rows(const RecoSource *source);
extern uint64 reco_sources_read_all(const RecoReader *reader, const RecoSource *source, const RecoField *fields,
									int n_fields, RecoRowCallback callback, void *arg);
extern uint64 reco_sources_read_customer(const RecoReader *reader, const RecoSource *source, const RecoField *fields,
										 int n_fields, const RecoKey *user, TimestampTz before, int64 limit,
										 RecoRowCallback callback, void *arg);
extern uint64 reco_sources_read_user(const RecoReader *reader, const RecoSource *source, const RecoField *fields,
									 int n_fields, const RecoKey *user, RecoRowCallback callback, void *arg);
extern uint64 reco_sources_read_session(const RecoReader *reader, const RecoSource *source, const RecoField *fields,
										int n_fields, const RecoKey *session, TimestampTz before, int64 limit,
										RecoRowCallback callback, void *arg);
extern uint64 reco_sources_read_items(const RecoReader *reader, const RecoSource *source, const RecoField *fields,
									  int n_fields, const RecoKey *items, int n_items,
									  RecoRowCallback callback, void *arg);
extern uint64 reco_sources_read_users(const RecoReader *reader, const RecoSource *source, const RecoField *fields,
									  int n_fields, const RecoKey *users, int n_users,
									  RecoRowCallback callback, void *arg);
extern uint64 reco_sources_read_ties(const RecoReader *reader, const RecoSource *source, const RecoField *fields,
									 int n_fields, const RecoKey *user, TimestampTz before, int64 limit,
									 RecoRowCallback callback, void *arg);
extern uint64 reco_sources_read_crowd(const RecoReader *reader, const RecoSource *source, const RecoField *fields,
									  int n_fields, const RecoKey *users, int n_users, TimestampTz before, int64 limit,
									  RecoRowCallback callback, void *arg);

#endif							/* RECO_SOURCES_H */
