/*
 * model.h: a trained model and its file format.
 */
#ifndef RECO_MODEL_H
#define RECO_MODEL_H

#include "numeric.h"
#include "parameters.h"
#include "sparse.h"

#define RECO_MODEL_FORMAT 1

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
	const float *trend;			/* [items], what many bought lately, from 0 to 1 */
	const float *sentiment;		/* [items], how much better an item is liked than others, finite; NULL: not known */
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
extern int32_t reco_model_find_integer(const RecoModel *model, int64_t key);
extern int32_t reco_model_find_text(const RecoModel *model, const char *bytes, size_t length);

#endif							/* RECO_MODEL_H */
