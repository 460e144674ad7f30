/*
 * kernels.h: the inner loops of training and serving, as a table of functions of which there is one for each
 * instruction set.
 *
 * All matrices are row-major; "stride" is the distance of rows in floats (or doubles) and always a multiple of 16, see
 * numeric.h.  The padding takes part in the arithmetic and must hold zeros.  No kernel needs aligned addresses, none
 * allocates, none calls back: the caller chooses n small enough.
 *
 * For one variant the result of every kernel is the same bits for the same numbers: each output is one fixed order of
 * operations that depends on the stride and, where a sum over rows is meant, on the order of rows, never on addresses
 * or on where in a block a row happens to stand.  Variants may differ in the last bits, except that gram() without
 * weights agrees in all of them.
 */
#ifndef RECO_KERNELS_H
#define RECO_KERNELS_H

#include "numeric.h"

struct RecoScreenQuery;

/* Rows and columns of the tiles that subtract_product takes. */
#define RECO_TILE			128
#define RECO_TILE_FLOATS	((size_t) RECO_TILE * RECO_TILE)

/* Rows that pcg_pass takes at a time; its panel is padded to a multiple. */
#define RECO_PANEL_ROWS		16

typedef struct RecoKernels
{
	const char *name;			/* "avx512vnni", "avx512", "avx2", "baseline" */

	/* Vectors of n floats, any n. */
	float		(*dot) (const float *x, const float *y, size_t n);
	void		(*axpy) (float alpha, const float *x, float *y, size_t n);
	void		(*scale) (float alpha, float *x, size_t n);
	bool		(*finite) (const float *x, size_t n);

	/* Vectors of n doubles, any n; givens: (x, y) <- (c x - s y, s x + c y). */
	double		(*dot_f64) (const double *x, const double *y, size_t n);
	void		(*axpy_f64) (double alpha, const double *x, double *y, size_t n);
	void		(*givens_f64) (double c, double s, double *x, double *y, size_t n);

	/* out[i] = rows[i].x, plus bias[i] unless bias is NULL. */
	void		(*scan) (const float *rows, size_t stride, size_t n,
						 const float *x, const float *bias, float *out);

	/* out[i] = rows[index[i]].x, the same bits as scan without a bias. */
	void		(*dots) (const float *rows, size_t stride, const int32_t *index,
						 size_t n, const float *x, float *out);

	/* y += sum_i c[i] rows[i] */
	void		(*add_rows) (const float *rows, size_t stride, size_t n,
							 const float *c, float *y);

	/* panel[i] = rows[index[i]], zero rows up to a multiple of 16 */
	void		(*gather) (const float *rows, size_t stride, const int32_t *index,
						   size_t n, float *panel);

	/*
	 * Which items can have scores of at least a threshold, see screen.h: n groups of a screen for each of the queries, bit
	 * j of masks[query * n + group] for item j of the group.  The same bits in all variants, but for rounding.
	 */
	void		(*screen) (const uint8_t *groups, size_t stride, size_t n,
						   const struct RecoScreenQuery *const *queries,
						   const float *thresholds, int n_queries,
						   uint16_t *masks);

	/*
	 * y += sum_i w[i] (target + sign * panel[i].v) panel[i], n rows, n a
	 * multiple of RECO_PANEL_ROWS: the whole work of a conjugate gradient
	 * step in one pass over the panel.
	 */
	void		(*pcg_pass) (const float *panel, size_t stride, size_t n,
							 const float *w, float target, float sign,
							 const float *v, float *y);

	/*
	 * The vector work of diagonally preconditioned conjugate gradients with M = diag(d + ridge), stride floats each.
	 * pcg_start: r -= M x, p = M^-1 r.  pcg_apply: q += M p, returns p.q.  pcg_step: x += alpha p, r -= alpha q.
	 * pcg_turn: p = M^-1 r + beta p.  pcg_start and pcg_step return r.M^-1 r and set *norm = x.M x.
	 */
	float		(*pcg_start) (const float *d, float ridge, const float *x,
							  float *r, float *p, size_t stride, float *norm);
	float		(*pcg_apply) (const float *d, float ridge, const float *p,
							  float *q, size_t stride);
	float		(*pcg_step) (const float *d, float ridge, float alpha,
							 const float *p, const float *q, float *x,
							 float *r, size_t stride, float *norm);
	void		(*pcg_turn) (const float *d, float ridge, float beta,
							 const float *r, float *p, size_t stride);

	/*
	 * Where conjugate gradients stand, computed anew in double: x += part, part = 0, and r = sum_i w[i] (1 - panel[i].x)
	 * panel[i] - M x rounded to floats, M = diag(m), n a multiple of RECO_PANEL_ROWS.  Returns r.M^-1 r and sets
	 * *norm = x.M x.
	 */
	double		(*pcg_correct) (const float *panel, size_t stride, size_t n,
								const float *w, const double *m, float *part,
								double *x, float *r, double *norm);

	/*
	 * G += sum_i w[i] rows[i] rows[i]', in double, stride x stride with that
	 * stride, w >= 0 or NULL for ones, stride at most RECO_MAX_FACTORS.  Only
	 * the upper triangle is meaningful.  Each element is a sum in row order.
	 */
	void		(*gram) (const float *rows, size_t stride, size_t n,
						 const double *w, double *g);

	/*
	 * C -= A'B for RECO_TILE x RECO_TILE floats each, without padding.  An element of the product is a sum in row order,
	 * subtracted as a whole.
	 */
	void		(*subtract_product) (const float *a, const float *b, float *c);

	/* rows <- rows * q, in place, q is stride x stride (at most 512). */
	void		(*rotate) (float *rows, size_t stride, size_t n, const float *q);
} RecoKernels;

/*
 * The kernels of that name, or the best that this processor runs for NULL or
 * "auto".  NULL when the name is unknown or the processor lacks it.
 */
extern const RecoKernels *reco_kernels_choose(const char *name);

/* The i-th name known to this build, best first; NULL past the end. */
extern const char *reco_kernels_name(int i);

/* One per variant file; NULL where the build has no such instructions. */
extern const RecoKernels *reco_kernels_baseline(void);
extern const RecoKernels *reco_kernels_avx2(void);
extern const RecoKernels *reco_kernels_avx512(void);
extern const RecoKernels *reco_kernels_avx512vnni(void);

#endif							/* RECO_KERNELS_H */
