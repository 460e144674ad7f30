# Models in a dump: restored beside the database that they came from, and into another cluster, where other objects have
# the old numbers, a role and a relation are missing, and nothing is what it was but the names.
#
# Four models: alpha (integer keys, a schema and a table that are renamed), beta (text keys, an owner that the other
# cluster lacks), gamma (a relation that the other cluster lacks), delta (imported, without sources, in two parts).

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecoNode;
use Test::More;

my $node  = new_node('origin');
my $dumps = PostgreSQL::Test::Utils::tempdir;

# ---- The origin -----------------------------------------------------------------------------------------------------------

$node->safe_psql('postgres', qq{
	CREATE ROLE ann; CREATE ROLE bob; CREATE ROLE cleo; CREATE ROLE reader; CREATE ROLE analyst; CREATE ROLE outsider LOGIN;
	CREATE DATABASE shop;
});
$node->safe_psql('shop', qq{
	CREATE EXTENSION reco;
	GRANT EXECUTE ON FUNCTION reco.create_model TO ann, bob, cleo;
	CREATE SCHEMA sales AUTHORIZATION ann;
	CREATE SCHEMA "Bob's" AUTHORIZATION bob;
	CREATE SCHEMA cleo AUTHORIZATION cleo;

	SET ROLE ann;
	CREATE TABLE sales.lines (customer bigint, item bigint, at timestamptz, quantity int);
	INSERT INTO sales.lines SELECT n % 97, n * 7919 % (1 + n % 41), '2024-01-01 00:00+00'::timestamptz + n * interval '1 hour', 1 + n % 3
	FROM generate_series(1, 2000) n;
	CREATE TABLE sales.products (id bigint PRIMARY KEY, stock int);
	INSERT INTO sales.products SELECT n, n % 5 FROM generate_series(0, 41) n;
	SELECT reco.create_model('alpha', timezone => 'Europe/Berlin', options => '$SMALL');
	SELECT reco.add_orders('alpha', 'sales.lines', user_id => 'customer', item_id => 'item', at => 'at', quantity => 'quantity');
	SELECT reco.add_items('alpha', 'sales.products', item_id => 'id', available => 'stock > 0');
	CREATE TABLE sales.people (id bigint PRIMARY KEY, country text, band text);
	CREATE TABLE sales.reviews (customer bigint, item bigint, stars int, body text);
	SELECT reco.add_users('alpha', 'sales.people', user_id => 'id', features => 'country, upper(band) AS band');
	SELECT reco.add_reviews('alpha', 'sales.reviews', 'customer', 'item', stars => 'stars', body => 'body');
	SELECT reco.create_experiment('alpha', 'test', '2024-03-01 00:00+00', 0.1, arms => '{a,b,c}', weights => '{2,1,1}', metric => 'items_per_order',
		starts => '2024-01-20 00:00+00', exposures => 'sales.lines', user_id => 'customer', at => 'at', salt => 'pepper');
	CREATE TABLE sales.offers (item bigint, price numeric, since date, until date, audience text[]);
	INSERT INTO sales.offers SELECT n, n, '2024-01-01', '2025-01-01', CASE WHEN n % 2 = 0 THEN '{country=at}'::text[] END FROM generate_series(0, 41) n;
	INSERT INTO sales.people SELECT n, CASE WHEN n % 2 = 0 THEN 'at' ELSE 'de' END FROM generate_series(1, 40) n;
	SELECT reco.add_offers('alpha', 'sales.offers', 'item', 'price', 'since', 'until', 'audience');
	SELECT reco.train('alpha');
	SELECT reco.set_rules('alpha', '{"diversity": 0.3, "pin": [7]}');
	SELECT reco.grant_usage('alpha', 'reader');
	SELECT reco.grant_usage('alpha', 'analyst', explain => true);
	RESET ROLE;

	SET ROLE bob;
	CREATE TABLE "Bob's"."order lines" ("user" text, sku text, at timestamptz);
	INSERT INTO "Bob's"."order lines" SELECT 'u' || n % 53, E'sk\u00fc ' || (n * 7919 % (1 + n % 31)), '2024-01-01 00:00+00'::timestamptz + n * interval '1 hour'
	FROM generate_series(1, 1500) n;
	SELECT reco.create_model('beta', options => '$SMALL');
	SELECT reco.add_orders('beta', '"Bob''s"."order lines"', user_id => '"user"', item_id => 'sku', at => 'at');
	SELECT reco.train('beta');
	SELECT reco.grant_usage('beta', 'public');
	RESET ROLE;

	SET ROLE cleo;
	CREATE TABLE cleo.visits (customer bigint, item bigint, at timestamptz);
	INSERT INTO cleo.visits SELECT n % 29, n * 7919 % (1 + n % 23), '2024-01-01 00:00+00'::timestamptz + n * interval '1 hour' FROM generate_series(1, 700) n;
	SELECT reco.create_model('gamma', options => '$SMALL');
	SELECT reco.add_orders('gamma', 'cleo.visits', user_id => 'customer', item_id => 'item', at => 'at');
	SELECT reco.train('gamma');
	SELECT reco.grant_usage('gamma', 'bob');
	RESET ROLE;

	SET ROLE cleo;
	SELECT reco.create_model('delta', timezone => 'UTC');
	SELECT reco.import_model('delta', (SELECT reco.factorize(n % 50, n % 4700, 1, '{"factors": 512, "iterations": 1}') FROM generate_series(1, 5000) n));
	RESET ROLE;

	-- What was shown, in partitions that are made as they are needed: of the origin's own times, which no copy may lose
	SELECT reco.keep_impressions('alpha', '3000 days');
	SELECT reco.log_impressions('alpha', n, ARRAY[n, n + 1], at => now() - n * interval '40 days') FROM generate_series(0, 3) n;

	-- Empty, never trained, without sources
	SELECT reco.create_model('empty');
});

# Every digit of every score.
my %ask = (
	alpha => q{SELECT c, r.* FROM generate_series(1, 40, 13) c, reco.recommend('alpha', c, k => 7, basket => '{3,5,5}', as_of => '2024-06-01 00:00+00') r},
	beta  => q{SELECT c, r.* FROM generate_series(1, 40, 13) c, reco.recommend_text('beta', 'u' || c, k => 7, as_of => '2024-06-01 00:00+00') r},
	gamma => q{SELECT c, r.* FROM generate_series(1, 28, 9) c, reco.recommend('gamma', c, k => 7, as_of => '2024-06-01 00:00+00') r},
	delta => q{SELECT c, r.* FROM generate_series(1, 28, 9) c, reco.recommend('delta', c, k => 7, history => ARRAY[c, c + 1], basket => '{7}') r});
my %answer;

sub answers_as_before
{
	my ($where, $database, $name, @models) = @_;
	is($where->safe_psql($database, $ask{$_}), $answer{$_}, "$name: $_ answers as before, to the last bit") for @models;
	return;
}

$answer{$_} = $node->safe_psql('shop', $ask{$_}) for keys %ask;
is(scalar(split /\n/, $answer{alpha}), 28, 'alpha answers');
like($answer{alpha}, qr/\|\d+\|t\|/, 'with offers');
is(scalar(split /\n/, $answer{beta}),  28, 'beta answers');
is(scalar(split /\n/, $answer{gamma}), 28, 'gamma answers');
is(scalar(split /\n/, $answer{delta}), 28, 'delta answers');
my $imported_sql = q{SELECT version, active, rows, users, items, kernel, options, metrics, md5(reco.export_model('delta')) FROM reco.versions WHERE model = 'delta'};
my $imported     = $node->safe_psql('shop', $imported_sql);
like($imported, qr/^1\|t\|\|50\|4700\|imported\|\{\}\|/, 'delta was imported');
is($node->safe_psql('shop', q{SELECT parts FROM reco.version WHERE model = 'delta'}), '2', 'and is stored in two parts');

my $shown_sql = 'SELECT model, recommendation_id, at, user_id, items FROM reco.impressions ORDER BY at';
my $shown     = $node->safe_psql('shop', $shown_sql);
is(scalar(split /\n/, $shown), 4, 'impressions are kept');

# ---- Renamed ----------------------------------------------------------------------------------------------------------------

my $rename = q{
	ALTER TABLE sales.lines RENAME TO "Order Lines";
	ALTER SCHEMA sales RENAME TO trade;
	ALTER ROLE ann RENAME TO anna;
	ALTER ROLE reader RENAME TO "a reader";};
$node->safe_psql('shop', $rename);
answers_as_before($node, 'shop', 'renamed', sort keys %ask);
is($node->safe_psql('shop', q{SELECT owner FROM reco.models WHERE model = 'alpha'}), 'anna', 'the view has the owner\'s new name');
is($node->safe_psql('shop', q{SELECT relation FROM reco.sources WHERE model = 'alpha' AND kind = 'orders'}), 'trade."Order Lines"',
	'and the relation\'s');
is($node->safe_psql('shop', qq{SET ROLE "a reader"; $ask{alpha}}), $answer{alpha}, 'a renamed role keeps its grant');

# Another table takes the old name, and another role: they are not adopted.
$node->safe_psql('shop', q{
	CREATE SCHEMA sales;
	CREATE TABLE sales.lines (customer bigint, item bigint, at timestamptz, quantity int);
	CREATE ROLE reader});
answers_as_before($node, 'shop', 'another table has the old name', 'alpha');
fails_with($node, 'shop', "SET ROLE reader; $ask{alpha}", '42501', 'permission denied for model "alpha"', 'another role with the old name has no grant');

# Training writes the new names down, by which a dump is restored.
$node->safe_psql('shop', 'DROP SCHEMA sales CASCADE; DROP ROLE reader');
is($node->safe_psql('shop', q{SET ROLE anna; SELECT version FROM reco.train('alpha')}), '2', 'trained again');
$answer{alpha} = $node->safe_psql('shop', $ask{alpha});
my $grants_sql  = 'SELECT model, role, level FROM reco.grants ORDER BY model, role';
my $grants      = $node->safe_psql('shop', $grants_sql);
is($grants, "alpha|a reader|recommend\nalpha|analyst|explain\nbeta|public|recommend\ngamma|bob|recommend", 'the grants');

# ---- Dumps --------------------------------------------------------------------------------------------------------------------

my $connection = $node->connstr('shop');
$node->command_ok([ 'pg_dump', '-d', $connection, '-f', "$dumps/plain.sql" ], 'a plain dump');
$node->command_ok([ 'pg_dump', '-d', $connection, '-Fc', '-f', "$dumps/custom" ], 'a custom dump');
$node->command_ok([ 'pg_dump', '-d', $connection, '-Fd', '-j2', '-f', "$dumps/directory" ], 'a parallel dump');
$node->command_ok([ 'pg_dump', '-d', $connection, '--data-only', '-f', "$dumps/data.sql" ], 'a dump of the data');
$node->command_ok([ 'pg_dump', '-d', $connection, '--schema-only', '-f', "$dumps/schema.sql" ], 'a dump of the schema');
$node->command_fails_like([ 'pg_dump', '-d', "$connection user=outsider", '-f', "$dumps/outsider.sql" ], qr/permission denied/,
	'a role that may not read the models gets no dump without them');

# The numbers that the dumps contain.
my %number;
for my $row (split /\n/, $node->safe_psql('shop', q{
	SELECT 'relation', relation_name, relation_oid FROM reco.source
	UNION SELECT 'role', owner_name, owner_oid FROM reco.model WHERE owner_oid >= 16384
	UNION SELECT 'role', role_name, role_oid FROM reco.model_grant WHERE role_oid >= 16384}))
{
	my ($kind, $name, $oid) = split /\|/, $row;
	$number{$oid} = [ $kind, $name ];
}
is(scalar keys %number, 12, 'seven relations and five roles are known by their numbers');

# ---- Another database of the same cluster -------------------------------------------------------------------------------------

my $expressions_sql = q{SELECT kind, name, expressions FROM reco.sources WHERE model = 'alpha' ORDER BY 1, 2};
like($node->safe_psql('shop', $expressions_sql), qr/^users\|people\|.*"features": \{"band": "upper\(band\)", "country": "country"\}/m, 'the expressions');

my $experiment_sql = q{SELECT to_jsonb(e) || jsonb_build_object('arms of', (SELECT string_agg(reco.assign('test', u), '' ORDER BY u) FROM generate_series(1, 100) u),
	'report', (SELECT jsonb_agg(to_jsonb(r)) FROM reco.experiment_report('test', '2024-03-01 00:00+00') r)) FROM reco.experiments e};

sub check_copy
{
	my ($database, $name) = @_;
	answers_as_before($node, $database, $name, sort keys %ask);
	is($node->safe_psql($database, $imported_sql), $imported, "$name: the bytes of what was imported");
	is($node->safe_psql($database, $grants_sql), $grants, "$name: the grants");
	is($node->safe_psql($database, $shown_sql), $shown, "$name: what was shown");
	is($node->safe_psql($database, q{BEGIN; SELECT reco.log_impressions('alpha', 1, '{1}') IS NOT NULL,
		reco.log_impressions('alpha', 1, '{1}', at => now() - interval '900 days') IS NOT NULL; ROLLBACK}), 't|t', "$name: which goes on");
	is($node->safe_psql($database, qq{SET ROLE "a reader"; $ask{alpha}}), $answer{alpha}, "$name: and they count");
	is($node->safe_psql($database, 'SELECT model, owner, timezone, active_version, rules FROM reco.models ORDER BY model'),
		$node->safe_psql('shop', 'SELECT model, owner, timezone, active_version, rules FROM reco.models ORDER BY model'), "$name: the models");
	is($node->safe_psql($database, $experiment_sql), $node->safe_psql('shop', $experiment_sql), "$name: the experiment and its arms");
	is($node->safe_psql($database, q{SELECT version FROM reco.train('alpha')}), '3', "$name: versions go on where they were");
	is($node->safe_psql($database, q{SELECT string_agg(relation::text, ', ' ORDER BY kind) FROM reco.sources WHERE model = 'alpha'}),
		'trade."Order Lines", trade.products, trade.offers, trade."Order Lines", trade.reviews, trade.people', "$name: its own relations");
	is($node->safe_psql($database, $expressions_sql), $node->safe_psql('shop', $expressions_sql), "$name: and their expressions");
	$node->safe_psql($database, q{INSERT INTO trade."Order Lines" SELECT 5000, i, '2024-02-01 00:00+00', 1 FROM generate_series(1, 4) i});
	is($node->safe_psql($database, q{SELECT count(*) FROM reco.recommend('alpha', 5000, candidates => '{1,2,3,4,6}', exclude_purchased => true)}),
		'1', "$name: whose rows it reads");
	is($node->safe_psql('shop', q{SELECT count(*) FROM reco.recommend('alpha', 5000, candidates => '{1,2,3,4,6}', exclude_purchased => true)}),
		'5', "$name: and not those of the origin");
	return;
}

$node->safe_psql('postgres', "CREATE DATABASE copy$_") for 1 .. 4;
$node->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy1'), '-f', "$dumps/plain.sql" ], 'plain: restored');
check_copy('copy1', 'plain');
$node->command_ok([ 'pg_restore', '-e', '-d', $node->connstr('copy2'), "$dumps/custom" ], 'custom: restored');
check_copy('copy2', 'custom');
$node->command_ok([ 'pg_restore', '-e', '-j2', '-d', $node->connstr('copy3'), "$dumps/directory" ], 'parallel: restored');
check_copy('copy3', 'parallel');
$node->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy4'), '-f', "$dumps/schema.sql" ], 'schema only: restored');
is($node->safe_psql('copy4', 'SELECT count(*) FROM reco.models'), '0', 'schema only: no model');
$node->command_ok([ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy4'), '-f', "$dumps/data.sql" ], 'then data only: restored');
check_copy('copy4', 'schema, then data');
$node->safe_psql('postgres', 'CREATE DATABASE clone TEMPLATE shop');
check_copy('clone', 'a clone');

# The database is emptied and filled from a dump: the tables have other numbers than those that are stored.
$node->safe_psql('postgres', 'CREATE DATABASE again TEMPLATE shop');
$node->safe_psql('again', q{SET ROLE anna; SELECT reco.add_orders('alpha', 'trade."Order Lines"', user_id => 'customer', item_id => 'item', at => 'at', quantity => 'quantity', name => 'lines')});
$node->command_ok([ 'pg_dump', '-d', $node->connstr('again'), '-Fc', '-f', "$dumps/again" ], 'into itself: dumped');
$node->command_ok([ 'pg_restore', '-e', '--clean', '-d', $node->connstr('again'), "$dumps/again" ], 'into itself: restored');
is($node->safe_psql('again', q{SELECT relation FROM reco.sources WHERE model = 'alpha' AND kind = 'orders'}), 'trade."Order Lines"',
	'into itself: the relation is found');

# ---- Gone and made again, in the same cluster -----------------------------------------------------------------------------------

$node->safe_psql('shop', q{
	ALTER TABLE cleo.visits RENAME TO old_visits;
	CREATE TABLE cleo.visits (LIKE cleo.old_visits);
	INSERT INTO cleo.visits SELECT * FROM cleo.old_visits;
	DROP TABLE cleo.old_visits;
	ALTER TABLE cleo.visits OWNER TO cleo});
fails_with($node, 'shop', $ask{gamma}, '42P01', 'relation "cleo.visits" of model "gamma" does not exist any more', 'a relation made again is not adopted');
is($node->safe_psql('shop', q{SELECT relation IS NULL FROM reco.sources WHERE model = 'gamma'}), 't', 'and the view shows none');
fails_with($node, 'shop', q{SELECT reco.train('gamma')}, '42P01', 'does not exist any more', 'nor is it trained on');
answers_as_before($node, 'shop', 'gamma is broken', 'alpha', 'beta');
$node->safe_psql('shop', q{SET ROLE cleo; SELECT reco.add_orders('gamma', 'cleo.visits', user_id => 'customer', item_id => 'item', at => 'at')});
answers_as_before($node, 'shop', 'added again', 'gamma');

$node->safe_psql('shop', 'DROP ROLE analyst; CREATE ROLE analyst');
fails_with($node, 'shop', q{SET ROLE analyst; SELECT * FROM reco.recommend('alpha', NULL)}, '42501', 'permission denied for model "alpha"',
	'a role made again does not have the grant');
is($node->safe_psql('shop', q{SET ROLE analyst; SELECT reco.access('alpha') IS NULL}), 't', 'as reco.access says');

$node->safe_psql($_, 'REASSIGN OWNED BY cleo TO CURRENT_USER; DROP OWNED BY cleo') for 'shop', 'copy1', 'copy2', 'copy3', 'copy4', 'clone', 'again';
$node->safe_psql('shop', 'DROP ROLE cleo; CREATE ROLE cleo; GRANT ALL ON SCHEMA cleo TO cleo; GRANT ALL ON cleo.visits TO cleo');
fails_with($node, 'shop', $ask{gamma}, '42704', 'the owner "cleo" of model "gamma" does not exist', 'an owner made again is not adopted');
fails_with($node, 'shop', qq{SET ROLE cleo; $ask{gamma}}, '42501', 'permission denied for model "gamma"', 'and owns nothing');
is($node->safe_psql('shop', 'SELECT count(*) FROM reco.models'), '5', 'the views work');
answers_as_before($node, 'shop', 'gamma has no owner', 'alpha', 'beta');
$node->safe_psql('shop', q{SELECT reco.set_owner('gamma', 'cleo')});
answers_as_before($node, 'shop', 'with a new owner', 'gamma');

# ---- Another cluster ------------------------------------------------------------------------------------------------------------

my $other = new_node('other');
$other->safe_psql('postgres', 'CREATE DATABASE shop');

my %taken;
for my $oid (sort { $b <=> $a } keys %number)
{
	# The next number to be given: the first object made then has it.
	$other->stop;
	system_or_bail('pg_resetwal', '-o', $oid, $other->data_dir);
	$other->start;
	if ($number{$oid}->[0] eq 'role')
	{
		$other->safe_psql('shop', "CREATE ROLE decoy_$oid");
	}
	else
	{
		$other->safe_psql('shop', "CREATE TABLE decoy_$oid (customer bigint, item bigint, at timestamptz, quantity int, id bigint, stock int, \"user\" text, sku text, country text, band text, stars int, body text)");
	}
	$taken{$oid} = 1 if $other->safe_psql('shop', "SELECT coalesce((SELECT oid FROM pg_roles WHERE rolname = 'decoy_$oid'), to_regclass('decoy_$oid')::oid)") == $oid;
}
is_deeply([ sort keys %taken ], [ sort keys %number ], 'other objects have all of them');

# bob is missing; the dump is restored by a superuser of another name than the one who made the extension.
$other->safe_psql('postgres', 'CREATE ROLE admin SUPERUSER LOGIN; CREATE ROLE anna; CREATE ROLE "a reader"; CREATE ROLE analyst; CREATE ROLE cleo');
my ($out, $err) = ('', '');
IPC::Run::run([ 'psql', '-XqAt', '-d', $other->connstr('shop') . ' user=admin', '-f', "$dumps/plain.sql" ], '>', \$out, '2>', \$err);
unlike($err =~ s/^.*role "(bob|postgres)" does not exist\n//mgr, qr/ERROR/, 'restored, but for the missing roles') or diag($err);
$other->safe_psql('shop', 'DROP TABLE cleo.visits');

is($other->safe_psql('shop', 'SELECT model, owner, active_version FROM reco.models ORDER BY model'),
	"alpha|anna|2\nbeta|bob|1\ndelta|cleo|1\nempty|" . $node->safe_psql('postgres', 'SELECT current_user') . "|\ngamma|cleo|1", 'all models are listed');
answers_as_before($other, 'shop', 'another cluster', 'alpha', 'delta');
is($other->safe_psql('shop', $imported_sql), $imported, 'another cluster: the bytes of what was imported');
is($other->safe_psql('shop', q{SET ROLE cleo; SELECT (reco.import_model('delta', reco.export_model('delta'))).version}), '2', 'into which it can be imported again');
is($other->safe_psql('shop', qq{SET ROLE "a reader"; $ask{alpha}}), $answer{alpha}, 'to the role with the grant, too');
is($other->safe_psql('shop', q{SET ROLE analyst; SELECT reco.access('alpha')}), 'explain', 'at its level');
is($other->safe_psql('shop', $grants_sql), $grants, 'the grants are those of the names');
for my $oid (grep { $number{$_}->[0] eq 'role' } sort keys %number)
{
	is($other->safe_psql('shop', qq{SET ROLE decoy_$oid; SELECT reco.access('alpha') IS NULL, reco.access('gamma') IS NULL}), 't|t',
		"who has the old number of $number{$oid}->[1] has no rights");
}
fails_with($other, 'shop', $ask{beta}, '42704', 'the owner "bob" of model "beta" does not exist', 'the model whose owner is missing says so');
fails_with($other, 'shop', $ask{gamma}, '42P01', 'relation "cleo.visits" of model "gamma" does not exist any more', 'the model whose relation is missing says so');
is($other->safe_psql('shop', q{SELECT model, kind, relation FROM reco.sources ORDER BY 1, 2}),
	"alpha|exposures|trade.\"Order Lines\"\nalpha|items|trade.products\nalpha|offers|trade.offers\nalpha|orders|trade.\"Order Lines\"\nalpha|reviews|trade.reviews\nalpha|users|trade.people\nbeta|orders|\"Bob's\".\"order lines\"\ngamma|orders|", 'and so does the view');

is($other->safe_psql('shop', q{SELECT string_agg(reco.assign('test', u), '' ORDER BY u) FROM generate_series(1, 100) u}),
	$node->safe_psql('shop', q{SELECT string_agg(reco.assign('test', u), '' ORDER BY u) FROM generate_series(1, 100) u}), 'customers are in the arms that they were in');

# What was missing comes.
$other->safe_psql('shop', q{CREATE ROLE bob; ALTER SCHEMA "Bob's" OWNER TO bob; ALTER TABLE "Bob's"."order lines" OWNER TO bob});
answers_as_before($other, 'shop', 'bob has come', 'beta');
$other->safe_psql('shop', q{
	CREATE TABLE cleo.visits (customer bigint, item bigint, at timestamptz);
	INSERT INTO cleo.visits SELECT n % 29, n * 7919 % (1 + n % 23), '2024-01-01 00:00+00'::timestamptz + n * interval '1 hour' FROM generate_series(1, 700) n;
	ALTER TABLE cleo.visits OWNER TO cleo});
answers_as_before($other, 'shop', 'the relation has come', 'gamma');

# At home here: after a training, what was found by name is known by its number, and the rules of the origin hold.
is($other->safe_psql('shop', q{SET ROLE anna; SELECT version FROM reco.train('alpha')}), '3', 'versions go on in the other cluster');
$answer{alpha} = $other->safe_psql('shop', $ask{alpha});
$other->safe_psql('shop', q{ALTER TABLE trade."Order Lines" RENAME TO lines; ALTER SCHEMA trade RENAME TO sales; ALTER ROLE "a reader" RENAME TO reader});
my ($status, $printed, $errors) = $other->psql('shop', $ask{alpha});
is($printed, $answer{alpha}, 'trained here, the model survives that its relation is renamed') or diag($errors);
($status, $printed, $errors) = $other->psql('shop', "SET ROLE reader; $ask{alpha}");
is($printed, $answer{alpha}, 'and a role that has a grant') or diag($errors);
$other->safe_psql('shop', 'DROP ROLE analyst; CREATE ROLE analyst');
is($other->safe_psql('shop', q{SET ROLE analyst; SELECT reco.access('alpha') IS NULL}), 't', 'and a role made again is not adopted');

$node->stop;
$other->stop;
done_testing();
