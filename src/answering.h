/*
 * answering.h: what one request and many have in common.
 */
#ifndef RECO_ANSWERING_H
#define RECO_ANSWERING_H

#include "postgres.h"

#include "asking.h"
#include "calibration.h"
#include "catalog.h"
#include "components.h"
#include "lines.h"
#include "model.h"
#include "options.h"
#include "sources.h"
#include "topk.h"
#include "usual.h"
#include "values.h"

/* Who answered; the list is documented and closed. */
typedef enum RecoAnswerSource
{
	RECO_ANSWER_BASKET,
	RECO_ANSWER_PERSONAL,
	RECO_ANSWER_SESSION,
	RECO_ANSWER_SOCIAL,
	RECO_ANSWER_ATTRIBUTES,
	RECO_ANSWER_SEGMENT,
	RECO_ANSWER_CONTEXT,
	RECO_ANSWER_SENTIMENT,
	RECO_ANSWER_POPULAR,
	RECO_ANSWER_SOURCES
} RecoAnswerSource;

/*
 * A model ready to answer, and the evidence of the request at hand.  Of reco_answering_create, which is for scoring
 * alone, row, options, sources, reader and evidence_end are empty.
 */
typedef struct RecoAnswering
{
	RecoModelRow *row;
	RecoOptions options;
	List	   *sources;
	RecoReader	reader;
	const RecoModel *model;
	RecoFactors factors;
	RecoRun		run;
	RecoScoring *scoring;
	const double *blend;		/* weights, RECO_BLEND_SLOTS for each RecoEvidenceKind: the model's, or others */
	bool		in_deviations;	/* they are of components in units of their standard deviation over all items */
	TimestampTz as_of;			/* ages count from here */
	TimestampTz evidence_end;	/* lines from here on are no evidence */
	RecoEvidence evidence;		/* as it was asked for last */
	RecoSettings settings;		/* that it was weighed with */
	RecoComponentScores scores;
	RecoEvidenceKind kind;
	RecoMix		mix;			/* of the scores; popularity where nothing is known */
	RecoStrength strength;		/* of the evidence behind it */
	RecoUnitKind unit_kind;		/* what units are, where an order by value is asked for */
	const double *units;		/* [items] what a piece brings, NaN: not known; NULL: the shop is asked */
	const double *prices;		/* the same, what it costs where there is no offer */
	struct RecoOffers *offers;	/* to whoever asks; NULL: the model has no source of them, or they do not count */
} RecoAnswering;

extern const RecoModel *reco_answering_model(const RecoModelRow *row);
extern RecoAnswering *reco_answering_begin(const char *model, bool integer_keys, TimestampTz as_of);
extern RecoAnswering *reco_answering_create(const RecoModel *model, const RecoKernels *kernels, TimestampTz as_of);
extern bool reco_answering_has(const RecoModel *model, RecoComponent component);
extern void reco_answering_notice_age(const RecoAnswering *a, RecoEvidenceKind kind);
extern int32 reco_answering_find_item(const RecoModel *model, const RecoKey *key);
extern int	reco_answering_known_items(const RecoModel *model, const RecoKeyList *list, int32 *items);
extern int	reco_answering_distinct_items(const RecoModel *model, const RecoKeyList *list, int32 *items);
extern RecoKey reco_answering_item_key(const RecoModel *model, int32 item);
extern void reco_answering_ask(RecoAnswering *a, const RecoEvidence *evidence);
extern double reco_answering_probability(const RecoAnswering *a, int32 item, double score);
extern RecoAnswerSource reco_answering_source(const RecoAnswering *a, int32 item);
extern const char *reco_answering_source_name(RecoAnswerSource source);

#endif							/* RECO_ANSWERING_H */
