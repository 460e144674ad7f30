/*
 * wording.h: what the words of a text say of the stars beside it, learned from texts with stars.
 */
#ifndef RECO_WORDING_H
#define RECO_WORDING_H

#include "numeric.h"

#define RECO_WORDING_BUCKETS	65536	/* of words and word pairs */
#define RECO_WORDING_MAX_WORDS	500		/* of a text; later ones are not looked at */
#define RECO_WORDING_MAX_FEATURES (2 * RECO_WORDING_MAX_WORDS + 1)
#define RECO_WORDING_KNOTS		16
#define RECO_WORDING_LEAST_TEXTS 500	/* that have stars, to learn from */
#define RECO_WORDING_LEAST_OPINIONS 25	/* positive and negative ones each, among them */

/* A text, word by word; what of it is learned from. */
typedef struct RecoWordingText
{
	int			words;
	int			n;				/* features */
	uint64_t	key;			/* of the words in their order: the same for equal texts */
	uint64_t	previous;		/* word */
	uint16_t	features[RECO_WORDING_MAX_FEATURES];	/* distinct */
	uint64_t	seen[RECO_WORDING_BUCKETS / 64];
} RecoWordingText;

/* Begins with zeros in all of it; afterwards with reco_wording_clear. */
extern void reco_wording_clear(RecoWordingText *text);
extern void reco_wording_add(RecoWordingText *text, const char *word, size_t length);
extern void reco_wording_end(RecoWordingText *text);

/* A text with its stars. */
typedef struct RecoWordingSample
{
	uint64_t	key;
	size_t		first;			/* of its features */
	uint32_t	n;
	float		stars;
} RecoWordingSample;

typedef struct RecoWordingProblem
{
	const RecoWordingSample *samples;	/* in an order that comes from keys and stars alone */
	size_t		n;
	const uint16_t *features;
	double		least;			/* the scale of stars */
	double		most;
} RecoWordingProblem;

/* What was learned beside the weights; all are doubles, and stored as such. */
typedef struct RecoWordingCurves
{
	double		intercept;		/* logit P(positive) = intercept + slope * score */
	double		slope;			/* >= 0 */
	double		score[RECO_WORDING_KNOTS];	/* not descending */
	double		stars[RECO_WORDING_KNOTS];	/* expected there; not descending */
} RecoWordingCurves;

typedef struct RecoWording
{
	const float *weights;		/* [RECO_WORDING_BUCKETS] */
	RecoWordingCurves curves;
} RecoWording;

/* What stars say on their scale: 1 from three quarters of it on, -1 below the middle, else 0. */
extern int	reco_wording_opinion(double stars, double least, double most);

/* Bytes; the workspace is 64-byte aligned, and of no use afterwards. */
extern size_t reco_wording_workspace_size(size_t n);

/*
 * Learn weights, [RECO_WORDING_BUCKETS], and curves.  RECO_NOT_CONVERGED where there are too few texts or opinions to learn
 * from, RECO_NOT_FINITE for stars that are not, RECO_BAD_ARGUMENT for a text without features, RECO_INTERRUPTED.
 */
extern RecoStatus reco_wording_fit(const RecoWordingProblem *problem, void *workspace, const RecoRun *run, float *weights,
								   RecoWordingCurves *curves);

/* Of n >= 1 features. */
extern double reco_wording_score(const RecoWording *wording, const uint16_t *features, size_t n);
extern double reco_wording_positive(const RecoWordingCurves *curves, double score);
extern double reco_wording_stars(const RecoWordingCurves *curves, double score);

#endif							/* RECO_WORDING_H */
