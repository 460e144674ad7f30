/*
 * usual.c: what a line of an order is expected to come to, for one customer and one item.
 *
 *	m		what a line of the item comes to, of all customers (amounts.c)
 *	s		by how much more a line of this customer does: exp(sum over his lines of log(amount / m) / (lines + 5))
 *	amount	(what his lines of the item came to + s m) / (their number + 1);  0.75 s m of an item that he never bought
 *
 * A line of his counts at most the cap of amounts.c, times s where that is above 1: what is a slip of a pen for most is
 * usual for wholesale.  That people take less of what they never bought was measured (src/README).  Returns count nothing.
 *
 * Amounts are in the shop's currency where its order lines say so.  A price or margin as it is now brings them up to date:
 * amount x (present price or margin of a piece) / (price of a piece in past lines).  Else amounts are pieces, and it is
 * amount x (price or margin).  src/README has the measurements.
 */
#include "postgres.h"

#include "usual.h"

#include <math.h>

#include "interrupts.h"

#define SCALE_SHRINKAGE 5		/* lines as large as others' */
#define OWN_SHRINKAGE 1			/* lines as expected without own ones */
#define NEVER_BOUGHT 0.75
#define MOST_VALUE 1e30			/* so that nothing that is made of values is infinite */

/* Sorts amounts by item, then by size: positive floats are in the order of their bits. */
#define ST_SORT				sort_amounts
#define ST_ELEMENT_TYPE		uint64
#define ST_COMPARE(a, b)	((*(a) > *(b)) - (*(a) < *(b)))
#define ST_SCOPE			static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* Whether what lines came to makes any difference. */
bool
reco_usual_wants_amounts(const RecoModel *model)
{
	return model->usual_price != NULL;
}

/* What a line came to in the model's measure; 0: it says nothing. */
static float
line_amount(const RecoModel *model, const RecoLine *line)
{
	float		amount = model->usual_price != NULL ? reco_lines_get_amount(line) : line->quantity;

	return line->quantity > 0 && line->item >= 0 && amount > 0 && isfinite(amount) ? amount : 0;
}

static uint64
pack(int32 item, float amount)
{
	uint32		bits;

	memcpy(&bits, &amount, sizeof(bits));
	return ((uint64) (uint32) item << 32) | bits;
}

static float
unpack(uint64 packed, int32 *item)
{
	uint32		bits = (uint32) packed;
	float		amount;

	memcpy(&amount, &bits, sizeof(amount));
	*item = (int32) (packed >> 32);
	return amount;
}

/* By how much more than others' a customer's lines come to. */
static double
find_scale(const RecoModel *model, const uint64 *amounts, int64 n)
{
	double		sum = 0;
	int64		i;

	for (i = 0; i < n; i++)
	{
		int32		item;
		float		amount = unpack(amounts[i], &item);

		RECO_CHECK_INTERRUPTS(i);
		sum += log((double) amount / model->usual[item]);
	}
	return exp(sum / (double) (n + SCALE_SHRINKAGE));
}

static void
add_up(RecoUsual *usual, const uint64 *amounts, int64 n)
{
	double		most = usual->model->usual_numbers[RECO_USUAL_MOST] * Max(usual->scale, 1);
	int64		i;

	for (i = 0; i < n; i++)
	{
		int32		item;
		float		amount = unpack(amounts[i], &item);

		RECO_CHECK_INTERRUPTS(i);
		if (usual->n == 0 || usual->own[usual->n - 1].item != item)
			usual->own[usual->n++] = (RecoOwnAmount) {item, 0, 0};
		usual->own[usual->n - 1].lines++;
		usual->own[usual->n - 1].sum += Min(amount, most);
	}
}

/*
 * What a customer usually takes, of his lines in whatever order, in the current memory context.  From then on lines do not
 * carry amounts any more.
 */
void
reco_usual_make(const RecoModel *model, RecoLine *lines, int64 n, RecoUsual *usual)
{
	uint64	   *amounts;
	int64		known = 0;
	int64		i;

	*usual = (RecoUsual) {.model = model,.scale = 1};
	if (n == 0 || model->usual == NULL)
		return;
	amounts = palloc_extended(mul_size(n, sizeof(uint64)), MCXT_ALLOC_HUGE);
	for (i = 0; i < n; i++)
	{
		float		amount = line_amount(model, &lines[i]);

		RECO_CHECK_INTERRUPTS(i);
		if (amount > 0)
			amounts[known++] = pack(lines[i].item, amount);
		lines[i].user = 0;
	}
	sort_amounts(amounts, known);
	usual->own = palloc_extended(mul_size(Max(known, 1), sizeof(RecoOwnAmount)), MCXT_ALLOC_HUGE);
	usual->scale = find_scale(model, amounts, known);
	add_up(usual, amounts, known);
	pfree(amounts);
}

static const RecoOwnAmount *
find_own(const RecoUsual *usual, int32 item)
{
	int			low = 0;
	int			high = usual->n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (usual->own[middle].item < item)
			low = middle + 1;
		else
			high = middle;
	}
	return low < usual->n && usual->own[low].item == item ? &usual->own[low] : NULL;
}

/* What a line of the item would come to; pieces where the model knows no prices. */
static double
expect_amount(const RecoUsual *usual, int32 item)
{
	const RecoOwnAmount *own = find_own(usual, item);
	double		expected = usual->scale * usual->model->usual[item];

	if (own != NULL)
		return (own->sum + OWN_SHRINKAGE * expected) / (own->lines + OWN_SHRINKAGE);
	return usual->n > 0 ? NEVER_BOUGHT * expected : expected;
}

/* An amount of the past at what a piece brings now. */
static double
bring_up_to_date(const RecoUsual *usual, int32 item, double amount, double unit, RecoUnitKind kind)
{
	double		price = usual->model->usual_price[item];

	if (price > 0)
		return amount * (unit / price);
	return kind == RECO_UNIT_MARGIN ? unit : amount;
}

/*
 * What a line of an item is expected to bring, where unit is what a piece does now (NaN: not known); NaN where nothing says.
 * Never more than the cap of a line.  What an item that nobody bought leaves, where nothing says how many would be taken, is
 * that of one piece.
 */
double
reco_usual_value(const RecoUsual *usual, int32 item, double unit, RecoUnitKind kind)
{
	const RecoModel *model = usual->model;
	double		amount = model->usual != NULL ? expect_amount(usual, item) : 1;
	double		most;

	if (model->usual_price == NULL)
		return isnan(unit) ? NAN : Min(Max(unit * amount, -MOST_VALUE), MOST_VALUE);
	if (isnan(unit))
		return kind == RECO_UNIT_MARGIN ? NAN : amount;
	most = Min(model->usual_numbers[RECO_USUAL_MOST] * Max(usual->scale, 1), MOST_VALUE);
	return Min(Max(bring_up_to_date(usual, item, amount, unit, kind), -most), most);
}
