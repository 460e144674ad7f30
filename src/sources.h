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

/* With whose rights, in which time zone, and in which form of keys a model reads. */
typedef struct RecoReader
{
	const char *model;
	Oid			owner;
	const char *timezone;
	bool		integer_keys;
	RecoProgress *progress;		/* counts the rows, unless NULL */
} RecoReader;

typedef void (*RecoRowCallback) (void *arg, const RecoValue *values);

extern void reco_sources_check(const RecoReader *reader, const RecoSource *source);
extern bool reco_sources_integer_keys(const RecoReader *reader, const RecoSource *source);
extern bool reco_sources_all_integer_keys(const RecoReader *reader, List *sources);
extern bool reco_sources_integer_orders(const RecoReader *reader, const RecoSource *source);
extern double reco_sources_estimate_rows(const RecoSource *source);
extern uint64 reco_sources_read_all(const RecoReader *reader, const RecoSource *source, const RecoField *fields,
									int n_fields, RecoRowCallback callback, void *arg);
extern uint64 reco_sources_read_customer(const RecoReader *reader, const RecoSource *source, const RecoField *fields,
										 int n_fields, const RecoKey *user, TimestampTz before, int64 limit,
										 RecoRowCallback callback, void *arg);
extern uint64 reco_sources_read_items(const RecoReader *reader, const RecoSource *source, const RecoField *fields,
									  int n_fields, const RecoKey *items, int n_items,
									  RecoRowCallback callback, void *arg);

#endif							/* RECO_SOURCES_H */
