# A hot standby recommends, from the versions and the purchases that were replayed, and changes nothing; after promotion
# it trains.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecoNode;
use Test::More;

my $primary = new_node('primary', allows_streaming => 1);
$primary->safe_psql('postgres', qq{
	CREATE EXTENSION reco;
	CREATE ROLE reader;
	CREATE TABLE lines (customer bigint, item bigint, at timestamptz);
	INSERT INTO lines SELECT c, i, '2024-01-01 00:00+00' FROM generate_series(1, 60) c, generate_series(1, 6) i WHERE c % i = 0;
	CREATE INDEX ON lines (customer, at DESC);
	SELECT reco.create_model('shop', options => '$SMALL');
	SELECT reco.add_orders('shop', 'lines', user_id => 'customer', item_id => 'item', at => 'at');
	SELECT reco.train('shop');
	SELECT reco.grant_usage('shop', 'reader');
	SELECT reco.create_model('imported');
	SELECT reco.import_model('imported', reco.export_model('shop'));
});
$primary->backup('start');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'start', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

my $best     = q{SELECT item_id, source FROM reco.recommend('shop', NULL, k => 1)};
my $personal = q{SELECT rank, item_id, score, probability, source FROM reco.recommend('shop', 5, as_of => '2024-02-01 00:00+00')};
my $left     = q{SELECT array_agg(item_id ORDER BY item_id) FROM reco.recommend('shop', 7, exclude_purchased => true)};

# ---- Reading ---------------------------------------------------------------------------------------------------------

my $session = session($standby, 'postgres');
is($session->query('SELECT pg_is_in_recovery()'), 't', 'this is a standby');
is($session->query($best), '1|popular', 'the standby recommends');
my $answer = $standby->safe_psql('postgres', $personal);
like($answer, qr/^1\|\d+\|[-0-9.e]+\|[0-9.e-]*\|personal\n/, 'also to a customer');
is($answer, $primary->safe_psql('postgres', $personal), 'to the last bit what the primary recommends');
is($session->query('SELECT model, access, active_version FROM reco.models ORDER BY model'), "imported|owner|1\nshop|owner|1", 'the views work');
is($session->query("SET ROLE reader; $best; RESET ROLE"), '1|popular', 'grants count on the standby');
is($session->query(q{SELECT (SELECT count(*) FROM reco.recommend_all('shop')) > 0, (SELECT count(*) FROM reco.progress())}), 't|0',
	'so does reco.progress, where nothing runs');

# Without a source, from a history that comes with the request; and out of the standby into the aggregate.
my $predict = q{SELECT position, item_id, score FROM reco.predict('imported', NULL, '{6,1,99,2}', history => '{2,3}')};
like($session->query($predict), qr/^1\|6\|[-0-9.e]+\n2\|1\|[-0-9.e]+\n3\|99\|\n4\|2\|[-0-9.e]+$/, 'the standby predicts');
is($standby->safe_psql('postgres', $predict), $primary->safe_psql('postgres', $predict), 'to the last bit what the primary predicts');
is($session->query(q{SELECT score FROM reco.predict('shop', 5, '{3}', as_of => '2024-02-01 00:00+00')}),
	$session->query(q{SELECT score FROM reco.recommend('shop', 5, candidates => '{3}', as_of => '2024-02-01 00:00+00')}), 'and what it recommends');
my $export = q{SELECT length(reco.export_model('shop')), md5(reco.export_model('shop')), reco.export_model('shop') = reco.export_model('imported')};
my $bytes  = $session->query($export);
like($bytes, qr/^\d{3,}\|[0-9a-f]{32}\|t$/, 'the standby exports');
is($bytes, $primary->safe_psql('postgres', $export), 'the bytes of the primary');
is($session->query(q{SELECT count(*) FROM reco.similar_items('shop', 1, k => 3)}), '3', 'it knows similar items');
is($session->query(q{SELECT count(*) > 0 FROM reco.complements('shop', '{1}')}), 't', 'and what goes with an item');
is($session->query(q{SELECT count(*) > 0 FROM reco.explain('shop', 5, 3)}), 't', 'and why');
is($session->query(q{SELECT severity, subject FROM reco.check('imported')}), $primary->safe_psql('postgres', q{SELECT severity, subject FROM reco.check('imported')}), 'and checks');
my $factorize = qq{SELECT md5(reco.factorize(customer, item, 1, NULL::bigint, at, '$SMALL')) FROM lines};
is($session->query($factorize), (split /\|/, $bytes)[1], 'and factorizes to the same');

# ---- Writing ---------------------------------------------------------------------------------------------------------

for my $change (
	q{SELECT reco.train('shop')},                          q{SELECT reco.activate('shop', 1)},
	q{SELECT reco.create_model('other')},                  q{SELECT reco.drop_model('shop')},
	q{SELECT reco.alter_model('shop', '{"factors": 16}')}, q{SELECT reco.grant_usage('shop', 'public')},
	q{SELECT reco.revoke_usage('shop', 'reader')},         q{SELECT reco.remove_source('shop', 'lines')},
	q{SELECT reco.import_model('shop', reco.export_model('shop'))}, q{SELECT reco.prune_versions('shop', 1)},
	q{SELECT reco.add_orders('shop', 'lines', user_id => 'customer', item_id => 'item', at => 'at')})
{
	my ($name) = $change =~ /reco\.(\w+)/;
	like($session->query($change), qr/ERROR:  25006: /, "$name is refused on the standby");
}
is($session->query($best), '1|popular', 'and the session goes on');

# ---- Replay ----------------------------------------------------------------------------------------------------------

is($session->query($left), '{2,3,4,5,6}', 'before the purchase');
$primary->safe_psql('postgres', q{INSERT INTO lines VALUES (7, 2, '2024-01-01 00:00+00')});
$primary->wait_for_catchup($standby);
is($session->query($left), '{3,4,5,6}', 'a purchase counts as soon as it is replayed');

$primary->safe_psql('postgres', q{
	INSERT INTO lines SELECT c, 6, '2024-01-01 00:00+00' FROM generate_series(101, 200) c;
	SELECT reco.train('shop');
});
$primary->wait_for_catchup($standby);
is($session->query($best), '6|popular', 'a new version is used by the session that had the old one in its cache');
is($session->query(q{SELECT version, active FROM reco.versions WHERE model = 'shop' ORDER BY version}), "1|f\n2|t", 'both versions are there');

$primary->safe_psql('postgres', q{SELECT reco.import_model('imported', reco.export_model('shop'))});
$primary->wait_for_catchup($standby);
is($session->query($export), $primary->safe_psql('postgres', $export), 'so is an import that was replayed');

$primary->safe_psql('postgres', q{SELECT reco.revoke_usage('shop', 'reader')});
$primary->wait_for_catchup($standby);
like($session->query("SET ROLE reader; $best"), qr/ERROR:  42501: permission denied for model "shop"/, 'so does a revocation');
$session->query('RESET ROLE');

$primary->safe_psql('postgres', q{SELECT reco.drop_model('shop')});
$primary->wait_for_catchup($standby);
like($session->query($best), qr/ERROR:  42704: model "shop" does not exist/, 'and a dropped model is gone');

# ---- Promotion -------------------------------------------------------------------------------------------------------

$primary->safe_psql('postgres', qq{
	SELECT reco.create_model('shop', options => '$SMALL');
	SELECT reco.add_orders('shop', 'lines', user_id => 'customer', item_id => 'item', at => 'at');
	SELECT reco.train('shop');
	SELECT reco.grant_usage('shop', 'reader');
});
$primary->wait_for_catchup($standby);
$answer = $session->query($personal);
$primary->stop('immediate');
$standby->promote;
is($session->query('SELECT pg_is_in_recovery()'), 'f', 'promoted');
is($session->query($personal), $answer, 'the same answer after the promotion');
$session->query(q{INSERT INTO lines SELECT c, 5, '2024-01-01 00:00+00' FROM generate_series(301, 500) c});
is($session->query(q{SELECT version, rows FROM reco.train('shop')}), '2|448', 'the promoted server trains');
is($session->query($best), '5|popular', 'and uses what it trained');
is($session->query("SET ROLE reader; $best; RESET ROLE"), '5|popular', 'the same cluster: roles are still known by their oids');
$session->query(q{ALTER TABLE lines RENAME TO renamed});
like($session->query($personal), qr/^1\|/, 'and relations');

$session->quit;
$standby->stop;
done_testing();
