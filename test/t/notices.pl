# What training and requests say beside their results: messages that are no errors, each with its figures.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecoNode;
use Test::More;

my $node = new_node('notices');
$node->safe_psql('postgres', q{
	CREATE EXTENSION reco;
	CREATE TABLE lines (customer integer, item integer, at timestamptz, quantity double precision);
	INSERT INTO lines SELECT n % 50, n % 30, '2024-01-01'::timestamptz + n * interval '1 hour', 1 FROM generate_series(1, 2000) n;
	INSERT INTO lines VALUES (1, NULL, '2024-01-01', 1), (1, 1, NULL, 1), (1, 1, 'infinity', 1), (1, 1, '2024-01-01', 0),
		(1, 1, '2024-01-01', 'NaN'), (1, 1, '2124-01-01', 1), (1, 1, '2124-01-02', 1);
	ANALYZE lines;
	SELECT reco.create_model(m, options => '{"factors": 8}') FROM unnest('{shop,other}'::text[]) m;
	SELECT reco.add_orders(m, 'lines', 'customer', 'item', 'at', quantity => 'quantity') FROM unnest('{shop,other}'::text[]) m;
});

# What is printed to standard error for some SQL in one session.
sub messages
{
	my ($sql) = @_;
	my ($stdout, $stderr);
	$node->psql('postgres', $sql, stdout => \$stdout, stderr => \$stderr);
	return $stderr;
}

my $first = messages(q{SET maintenance_work_mem = '64MB'; SELECT reco.train('shop')});
like($first, qr/NOTICE:  reading about 2007 order lines needs about 1 MB of memory; maintenance_work_mem is 64 MB/, 'what reading needs');
like($first, qr/NOTICE:  training needs at most [1-9] MB of memory/, 'what training needs');
like($first, qr/NOTICE:  7 of 2007 order lines count nothing/, 'lines that count nothing');
like($first, qr/DETAIL:  1 have no item, 2 no finite time, 2 no finite quantity other than 0, 2 are later than the training clock\./, 'and why');
like($first, qr/NOTICE:  orders source "lines": no index finds a customer's newest lines/, 'a missing index');
like($first, qr/HINT:  CREATE INDEX ON public\.lines \(\(customer\), \(at\) DESC\)\./, 'and the command that makes it');

$node->safe_psql('postgres', q{CREATE INDEX ON public.lines ((customer), (at) DESC); DELETE FROM lines WHERE item IS NULL OR at IS NULL OR at > '2030-01-01' OR quantity <> 1 OR quantity = 'NaN'});
my $second = messages(q{SELECT reco.train('shop'); SELECT reco.train('other')});
unlike($second, qr/count nothing|no index/, 'nothing is said of what is well');
unlike(messages(q{SET client_min_messages = warning; SELECT reco.train('shop')}), qr/./, 'and nothing at all where notices are not wanted');

my $old = qr/NOTICE:  the newest order that model "shop" was trained on is \d+ days older than as_of/;
my $asked = messages(q{SELECT count(*) FROM reco.recommend('shop', 1); SELECT count(*) FROM reco.recommend('other', 1);
	SELECT count(*) FROM reco.recommend('shop', 2); SELECT count(*) FROM reco.recommend('other', 2)});
like($asked, $old, 'data that ended long ago');
is(() = $asked =~ /$old/g, 1, 'said once for each version and session');
is(() = $asked =~ /NOTICE/g, 2, 'also where two models take turns');
unlike(messages(q{SELECT count(*) FROM reco.recommend('shop', 1, as_of => '2024-03-25')}), qr/NOTICE/, 'not where as_of is of that time');

# ---- Values ---------------------------------------------------------------------------------------------------------------

my $worthless = messages(q{SELECT count(*) FROM reco.recommend('other', 1, as_of => '2024-03-25', value_weight => 0.5);
	SELECT count(*) FROM reco.recommend('other', 2, as_of => '2024-03-25', value_weight => 1)});
like($worthless, qr/NOTICE:  model "other" knows no values: value_weight changes nothing\nHINT:  Give reco\.add_items a price or a margin, or reco\.add_orders a unit_price or an amount, and train again\./,
	'nothing to go by');
is(() = $worthless =~ /NOTICE/g, 1, 'said once');
unlike(messages(q{SELECT count(*) FROM reco.recommend('other', 1, as_of => '2024-03-25')}), qr/NOTICE/, 'and not to whom it is no matter');

# ---- Reviews --------------------------------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{
	CREATE TABLE reviews AS SELECT n % 50 AS customer, n % 30 AS item, 1 + n % 5 AS stars, 'words of ' || n AS body FROM generate_series(1, 499) n;
	SELECT reco.add_reviews('shop', 'reviews', 'customer', 'item', stars => 'stars', body => 'body')});
like(messages(q{SELECT reco.train('shop')}),
	qr/NOTICE:  what words of reviews say is not learned from 499 texts with stars, 200 of them positive and 199 negative: stars alone count\nDETAIL:  It takes 500, and 25 of either\./,
	'too few texts to learn from');
$node->safe_psql('postgres', q{INSERT INTO reviews VALUES (1, 1, 5, 'words of one more')});
unlike(messages(q{SELECT reco.train('shop')}), qr/words of reviews/, 'nothing is said where there are enough');
$node->safe_psql('postgres', q{UPDATE reviews SET body = NULL});
unlike(messages(q{SELECT reco.train('shop')}), qr/words of reviews/, 'nor where there are none');
$node->safe_psql('postgres', q{SELECT reco.remove_source('shop', 'reviews')});

# ---- Evaluating -----------------------------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{SELECT reco.add_users('shop', 'lines', 'customer', features => 'customer % 5 AS band')});
my $verdicts = messages(q{SELECT count(*) FROM reco.evaluate('shop')});
like($verdicts, qr/NOTICE:  next basket: /, 'the verdicts of an evaluation');
is(() = $verdicts =~ /NOTICE/g, 1, 'one for each kind of request: here no order has two items');
like(messages(qq{SELECT count(*) FROM reco.$_, cut => '2100-01-01')}),
	qr/NOTICE:  model "shop" cannot be evaluated: there are no later orders to ask about\nHINT:  Give another cut, or wait for more orders\./, "$_: no later orders")
	for q{evaluate('shop'}, q{replay('shop'}, q{fairness('shop', 'band'};
like(messages(q{SELECT count(*) FROM reco.fairness('shop', 'band', min_support => 60)}),
	qr/NOTICE:  no group by "band" has 60 customers with later orders\nHINT:  Lower min_support, raise orders, or make fewer groups by another expression\./, 'no group is large enough');

# ---- Bundles and larger orders ----------------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{
	CREATE TABLE large AS SELECT o, o AS customer, item, '2024-01-01'::timestamptz AS at FROM generate_series(1, 3) o, generate_series(1, 10 * o) item;
	CREATE TABLE prices AS SELECT item, 10 AS price FROM generate_series(1, 20) item;
	SELECT reco.create_model('large', options => '{"factors": 2}');
	SELECT reco.add_orders('large', 'large', 'customer', 'item', 'at', 'o'), reco.add_items('large', 'prices', 'item', price => 'price');
	SELECT reco.train('large')});
like(messages(q{SELECT count(*) FROM reco.bundles('large', max_items => 15)}),
	qr/NOTICE:  orders of more than 15 different items are left out: 2\nHINT:  They say little about what goes with what; raise max_items to count them\./, 'large orders are left out');
unlike(messages(q{SELECT count(*) FROM reco.bundles('large', max_items => 30)}), qr/NOTICE/, 'where there are none nothing is said');
like(messages(q{SELECT count(*) FROM reco.complete_basket('large', NULL, '{1,25,26}', 30, as_of => '2024-01-02')}),
	qr/NOTICE:  2 items of the basket have no price and count nothing\nHINT:  Give the value of the basket with basket_value\./, 'items without a price');
unlike(messages(q{SELECT count(*) FROM reco.complete_basket('large', NULL, '{1,25,26}', 30, basket_value => 20, as_of => '2024-01-02')}), qr/NOTICE/, 'which the value that is given has');

done_testing();
