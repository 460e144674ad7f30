/*
 * model.h: a trained model and its file format.
 */
#ifndef RECO_MODEL_H
#define RECO_MODEL_H

#include "match.h"
#include "fields.h"
#include "numeric.h"
#include "parameters.h"
#include "sparse.h"
#include "wording.h"

#define RECO_MODEL_FORMAT 1
#define RECO_MAX_CONFIGURATION 300

/* What is known of stars as such; the order is part of the file format. */
typedef enum RecoStarsNumber
{
	RECO_STARS_MEAN,
	RECO_STARS_LEAST,			/* the scale, from the lowest to the highest that were given */
	RECO_STARS_MOST,
	RECO_STARS_NUMBERS
} RecoStarsNumber;
#define RECO_MODEL_EVENTS 16

/* What is known of amounts as such; the order is part of the file format. */
typedef enum RecoUsualNumber
{
	RECO_USUAL_MEAN,			/* of all lines */
	RECO_USUAL_MOST,			/* what a larger one counts as */
	RECO_USUAL_NUMBERS
} RecoUsualNumber;

/*
 * A model in memory.  After reco_model_open the pointers lead into the opened bytes; for reco_model_write they may lead
 * anywhere.
 */
typedef struct RecoModel
{
	bool		integer_keys;
	int32_t		items;			/* >= 0 */
	int			factors;		/* 1 to RECO_MAX_FACTORS */
	const int64_t *keys;		/* [items], strictly ascending; integer keys */
	const uint64_t *key_start;	/* [items + 1], into key_bytes; text keys */
	const char *key_bytes;		/* text keys one after another, strictly ascending bytewise */
	const float *y;				/* [items x stride], rotated so that Y'Y is diagonal */
	const double *gram_diagonal;	/* [factors] */
	const float *popularity;	/* [items], decayed number of orders, >= 0 */
	RecoSparse	complements;	/* items x items: row j lists the items that item j in a basket speaks for, by so much; no
								 * rows: none */
	RecoMatch	match;			/* no fields: none */
	const float *trend;			/* [items], what many bought lately, from 0 to 1 */
	RecoFields	fields;			/* attributes of customers, then parts of contexts; n 0: none */
	const float *prior;			/* [1 + labels of customers, x stride] what is expected of a customer: of all that have attributes, and
								 * what each label adds; NULL: nothing */
	RecoSparse	lift;			/* labels x items: what each label speaks for; no rows: none */
	const float *sentiment;		/* [items], stars expected of a review less the mean, in parts of the scale from -1 to 1; NULL,
								 * as the next: not known */
	const double *stars;		/* [RECO_STARS_NUMBERS] */
	RecoWording wording;		/* what words say of stars; weights NULL: nothing */
	const char *configuration;	/* of text search, by which words are found, a name in SQL; not terminated */
	size_t		configuration_length;	/* 1 to RECO_MAX_CONFIGURATION where there are weights */
	int			n_events;		/* kinds of events in sessions, at most RECO_MODEL_EVENTS */
	const uint64_t *event_start;	/* [n_events + 1], into event_bytes */
	const char *event_bytes;	/* their texts one after another, strictly ascending bytewise */
	const float *event_weights; /* [n_events], what they are worth, in (0, 1] */
	const float *usual;			/* [items] > 0, what a line of each usually comes to, in currency or in pieces; NULL: not known */
	const float *usual_price;	/* [items] of a piece, 0 where no line says; NULL: usual is in pieces */
	const double *usual_numbers;	/* [RECO_USUAL_NUMBERS] > 0; NULL where usual is */
	const float *rebought;		/* [items], share of its buyers who bought it in several orders, 0 to 1; NULL: not known */
	double		parameters[RECO_PARAMETERS];
	double		facts[RECO_FACTS];
	const struct RecoScreen *screen;	/* of y, for scans; NULL: none.  Not in the file, and not made by reco_model_open */
} RecoModel;

/* CRC-32C of some bytes; the server passes its own fast one. */
typedef uint32_t (*RecoChecksum) (const void *data, size_t length, uint32_t seed);

extern size_t reco_model_size(const RecoModel *model);
extern RecoStatus reco_model_write(const RecoModel *model, void *buffer, RecoChecksum checksum, const RecoRun *run);
extern RecoStatus reco_model_open(const void *buffer, size_t length, RecoChecksum checksum, const RecoRun *run,
								  RecoModel *model, const char **problem);
extern int32_t reco_model_customer_labels(const RecoModel *model);
extern int32_t reco_model_find_integer(const RecoModel *model, int64_t key);
extern int	reco_model_find_event(const RecoModel *model, const char *bytes, size_t length);
extern int32_t reco_model_find_text(const RecoModel *model, const char *bytes, size_t length);

#endif							/* RECO_MODEL_H */
