/*
 * lift.c: which items a label speaks for.
 *
 *		lift_li = (n_li + s p_i) / (n_l + s) - p_i
 *
 * where n_l bags have label l, n_li of them item i, p_i is the share of all bags that have i, and s the shrinkage: so many
 * average bags are added to those of the label.  Kept is what cannot well be chance, n_li being z standard errors above n_l p_i, and of that the most.
 *
 * In the unit of a share of bags lifts can be added to popularity, and to each other; their logarithms explode on rare
 * items.  Labels are taken one after another, so that the counts of one fit into an array.
 */
#include "lift.h"

#include <math.h>
#include <string.h>

#define BAGS_A_CHECK 4096

typedef struct Candidate
{
	int32_t		item;
	float		lift;
} Candidate;

typedef struct Lift
{
	const RecoSparse *bags;
	const RecoSparse *labels;
	const RecoLiftOptions *options;
	const double *scale;
	int32_t    *all;			/* [items] bags that have it */
	int32_t    *count;			/* [items] of the label at hand; zero between labels */
	int32_t    *touched;		/* [items] items with a count */
	Candidate  *candidates;		/* [items] */
	int64_t    *bag_start;		/* [labels + 2] */
	int32_t    *bag_of;			/* bags by label */
	int64_t		n_bags;			/* that have a label */
} Lift;

RecoLiftOptions
reco_lift_options_default(void)
{
	return (RecoLiftOptions) {20, 2.5, 5, 300};
}

static Lift
lay_out(int32_t labels, int32_t items, int64_t label_entries, void *workspace, size_t *size)
{
	Lift		lift = {.n_bags = 0};

	*size = 0;
	lift.all = reco_workspace_take(size, workspace, reco_size_mul((size_t) items, sizeof(int32_t)));
	lift.count = reco_workspace_take(size, workspace, reco_size_mul((size_t) items, sizeof(int32_t)));
	lift.touched = reco_workspace_take(size, workspace, reco_size_mul((size_t) items, sizeof(int32_t)));
	lift.candidates = reco_workspace_take(size, workspace, reco_size_mul((size_t) items, sizeof(Candidate)));
	lift.bag_start = reco_workspace_take(size, workspace, reco_size_mul((size_t) labels + 2, sizeof(int64_t)));
	lift.bag_of = reco_workspace_take(size, workspace, reco_size_mul((size_t) label_entries, sizeof(int32_t)));
	return lift;
}

size_t
reco_lift_workspace_size(int32_t labels, int32_t items, int64_t label_entries)
{
	size_t		size;

	(void) lay_out(labels, items, label_entries, NULL, &size);
	return size;
}

/* The bags of each label, and how many of all have each item. */
static RecoStatus
count_bags(Lift *lift, const RecoRun *run)
{
	const RecoSparse *bags = lift->bags;
	const RecoSparse *labels = lift->labels;
	int32_t		bag;
	int32_t		l;
	int64_t		i;

	memset(lift->all, 0, (size_t) bags->cols * sizeof(int32_t));
	memset(lift->count, 0, (size_t) bags->cols * sizeof(int32_t));
	memset(lift->bag_start, 0, ((size_t) labels->cols + 2) * sizeof(int64_t));
	for (i = 0; i < labels->start[labels->rows]; i++)
		lift->bag_start[labels->index[i] + 2]++;
	for (l = 2; l < labels->cols + 2; l++)
		lift->bag_start[l] += lift->bag_start[l - 1];
	for (bag = 0; bag < bags->rows; bag++)
	{
		if (bag % BAGS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		if (labels->start[bag] == labels->start[bag + 1])
			continue;
		lift->n_bags++;
		for (i = labels->start[bag]; i < labels->start[bag + 1]; i++)
			lift->bag_of[lift->bag_start[labels->index[i] + 1]++] = bag;
		for (i = bags->start[bag]; i < bags->start[bag + 1]; i++)
			lift->all[bags->index[i]]++;
	}
	return RECO_OK;
}

/* Count the items of the label's bags; returns how many different ones there are. */
static RecoStatus
count_items(Lift *lift, int32_t label, int32_t *n_touched, const RecoRun *run)
{
	const RecoSparse *bags = lift->bags;
	int64_t		b;
	int64_t		i;

	*n_touched = 0;
	for (b = lift->bag_start[label]; b < lift->bag_start[label + 1]; b++)
	{
		int32_t		bag = lift->bag_of[b];

		if (b % BAGS_A_CHECK == 0 && !reco_run_goes_on(run))
			return RECO_INTERRUPTED;
		for (i = bags->start[bag]; i < bags->start[bag + 1]; i++)
			if (lift->count[bags->index[i]]++ == 0)
				lift->touched[(*n_touched)++] = bags->index[i];
	}
	return RECO_OK;
}

/* The items that the label speaks for, and empties the counts. */
static int32_t
select_items(Lift *lift, double n_label, int32_t n_touched)
{
	const RecoLiftOptions *options = lift->options;
	int32_t		n = 0;
	int32_t		t;

	for (t = 0; t < n_touched; t++)
	{
		int32_t		item = lift->touched[t];
		double		count = (double) lift->count[item];
		double		p = (double) lift->all[item] / (double) lift->n_bags;
		double		value = (count + options->shrinkage * p) / (n_label + options->shrinkage) - p;
		double		error = sqrt(n_label * p * (1 - p));

		lift->count[item] = 0;
		value *= lift->scale != NULL ? lift->scale[item] : 1;
		if (count >= options->least_count && count - n_label * p > options->least_score * error && value > 0 && isfinite((float) value))
			lift->candidates[n++] = (Candidate) {item, (float) value};
	}
	return n;
}

/* Whether a comes before b: the greater lift, of equal ones the lesser item. */
static bool
is_better(const Candidate *a, const Candidate *b)
{
	return a->lift != b->lift ? a->lift > b->lift : a->item < b->item;
}

static void
sift_down(Candidate *heap, int32_t n, int32_t i, bool (*above) (const Candidate *, const Candidate *))
{
	for (;;)
	{
		int32_t		child = 2 * i + 1;
		Candidate	moved;

		if (child >= n)
			return;
		if (child + 1 < n && above(&heap[child + 1], &heap[child]))
			child++;
		if (!above(&heap[child], &heap[i]))
			return;
		moved = heap[i];
		heap[i] = heap[child];
		heap[child] = moved;
		i = child;
	}
}

/* Heapsort, such that the first comes above no other. */
static void
sort(Candidate *list, int32_t n, bool (*above) (const Candidate *, const Candidate *))
{
	int32_t		i;

	for (i = n / 2 - 1; i >= 0; i--)
		sift_down(list, n, i, above);
	for (i = n - 1; i > 0; i--)
	{
		Candidate	top = list[0];

		list[0] = list[i];
		list[i] = top;
		sift_down(list, i, 0, above);
	}
}

static bool
is_worse(const Candidate *a, const Candidate *b)
{
	return is_better(b, a);
}

static bool
is_later(const Candidate *a, const Candidate *b)
{
	return a->item > b->item;
}

RecoStatus
reco_lift_make(const RecoSparse *bags, const RecoSparse *labels, const RecoLiftOptions *options, const double *scale,
			   int64_t *start, int32_t *index, float *weight, void *workspace, const RecoRun *run)
{
	size_t		size;
	Lift		lift = lay_out(labels->cols, bags->cols, labels->start[labels->rows], workspace, &size);
	RecoStatus	status;
	int32_t		label;
	int32_t		i;

	lift.bags = bags;
	lift.labels = labels;
	lift.options = options;
	lift.scale = scale;
	status = count_bags(&lift, run);
	start[0] = 0;
	for (label = 0; status == RECO_OK && label < labels->cols; label++)
	{
		double		n_label = (double) (lift.bag_start[label + 1] - lift.bag_start[label]);
		int32_t		n;

		status = count_items(&lift, label, &n, run);
		if (status != RECO_OK)
			break;
		n = select_items(&lift, n_label, n);
		sort(lift.candidates, n, is_worse);
		n = n < options->most ? n : options->most;
		sort(lift.candidates, n, is_later);
		for (i = 0; i < n; i++)
		{
			index[start[label] + i] = lift.candidates[i].item;
			weight[start[label] + i] = lift.candidates[i].lift;
		}
		start[label + 1] = start[label] + n;
	}
	return status;
}
