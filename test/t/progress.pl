# reco.progress: what other sessions see of a training and of recommend_all, who sees it, and that it ends with them.
#
# Sources are views with a gate in them, a function that waits for a lock: so a function stands still in the middle of its
# reading for as long as the test looks at it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecoNode;
use Test::More;
use Time::HiRes qw(usleep);

my $node = new_node('progress');
$node->safe_psql('postgres', qq{
	CREATE EXTENSION reco;
	CREATE ROLE stranger;
	CREATE ROLE customer;
	CREATE ROLE watcher;
	CREATE ROLE expert;
	GRANT pg_read_all_stats TO watcher, expert;
	CREATE TABLE lines (customer bigint, item bigint, at timestamptz);
	INSERT INTO lines SELECT o % 400, (o * 7 + j * j * 3) % 200, '2024-01-01 00:00+00'::timestamptz + o * interval '1 minute'
	FROM generate_series(1, 2500) o, generate_series(1, 3) j;
	ANALYZE lines;
	CREATE FUNCTION gate() RETURNS boolean LANGUAGE plpgsql AS
	\$\$ BEGIN PERFORM pg_catalog.pg_advisory_xact_lock_shared(1); RETURN false; END \$\$;
	CREATE FUNCTION catches() RETURNS boolean LANGUAGE plpgsql AS
	\$\$ BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN RETURN false; END \$\$;
	CREATE FUNCTION fails() RETURNS boolean LANGUAGE plpgsql AS \$\$ BEGIN RETURN 1 / 0 = 1; END \$\$;
	CREATE VIEW gated AS SELECT * FROM public.lines UNION ALL SELECT 1, 1, '2024-01-01' WHERE public.gate();
	CREATE VIEW catching AS SELECT 1 AS customer, 1 AS item, timestamptz '2024-01-01' AS at WHERE public.catches()
		UNION ALL SELECT * FROM public.lines UNION ALL SELECT 1, 1, '2024-01-01' WHERE public.gate();
	CREATE VIEW nested AS SELECT * FROM public.lines
		UNION ALL SELECT user_id, item_id, '2024-01-01' FROM reco.recommend_all('shop');
	CREATE VIEW failing AS SELECT * FROM public.lines UNION ALL SELECT 1, 1, '2024-01-01' WHERE public.fails();
	SELECT reco.create_model(m, options => '$SMALL') FROM unnest('{shop,caught,outer,broken}'::text[]) m;
	SELECT reco.add_orders('shop', 'gated', user_id => 'customer', item_id => 'item', at => 'at', order_id => 'customer * 1000000 + extract(epoch FROM at)::bigint / 60', context => 'customer % 2 AS device');
	SELECT reco.add_orders('caught', 'catching', user_id => 'customer', item_id => 'item', at => 'at');
	SELECT reco.add_orders('outer', 'nested', user_id => 'customer', item_id => 'item', at => 'at');
	SELECT reco.add_orders('broken', 'failing', user_id => 'customer', item_id => 'item', at => 'at');
	SELECT reco.train('shop');
	SELECT reco.grant_usage('shop', r) FROM unnest('{customer,expert}'::name[]) r;
	SELECT reco.create_model('large', options => '{"factors": 64, "iterations": 40, "order_half_life": 100000}');
	SELECT reco.add_orders('large', 'lines', user_id => 'customer', item_id => 'item', at => 'at');
});

my $keeper = session($node, 'postgres');
my $worker = session($node, 'postgres');
my $pid    = $worker->pid;
$worker->query(q{SET maintenance_work_mem = '256MB'});

my $progress = 'SELECT pid = ' . $pid . ', datname, model, command, phase, done, total, started < clock_timestamp() FROM reco.progress()';

sub progress
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql // $progress);
}

# Sends a statement that will stop at the gate; returns when it stands there.
sub stop_at_gate
{
	my ($sql) = @_;
	$keeper->query('SELECT pg_advisory_lock(1)');
	$worker->send($sql);
	my $waits = wait_until(20, sub { progress("SELECT count(*) FROM pg_locks WHERE pid = $pid AND locktype = 'advisory' AND NOT granted") });
	is($waits, '1', "$sql: stands at the gate");
	return;
}

sub open_gate
{
	$keeper->query('SELECT pg_advisory_unlock(1)');
	return $worker->receive;
}

is(progress(), '', 'nothing runs');

# ---- One training, and who sees it ---------------------------------------------------------------------------------------

stop_at_gate(q{SELECT version FROM reco.train('shop')});
like(progress(), qr/^t\|postgres\|shop\|train\|reading\|7168\|\|t$/, 'seen: reading, the rows of seven thousand five hundred by the thousand');

my $seen = q{SELECT datname, coalesce(model, '-'), num_nulls(command, phase, done, started) FROM reco.progress()};
is(progress("SET ROLE stranger; $seen"), 'postgres|-|4', 'a stranger sees that there is something');
is(progress("SET ROLE customer; $seen"), 'postgres|-|4', 'so does whoever may use the model, but not see the session');
is(progress("SET ROLE watcher; $seen"), 'postgres|-|0', 'whoever may see all sessions does not see a model that she may not use');
is(progress("SET ROLE expert; $seen"), 'postgres|shop|0', 'whoever may both sees all');
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', qq{CREATE EXTENSION reco; SELECT reco.create_model('shop')});
is($node->safe_psql('other', $seen), 'postgres|-|0', 'in another database a model of that name is not taken for it');

is(open_gate(), '2', 'the gate opened: trained');
is(progress(), '', 'nothing is left to be seen');

# ---- Phases ---------------------------------------------------------------------------------------------------------------

my @order = ('reading', 'sorting', 'first complements', 'first fit', 'choosing', 'complements', 'fitting', 'storing');
my %place = map { $order[$_] => $_ } 0 .. $#order;
my (%met, @wrong);
my ($last_place, $last_done) = (0, 0);
$worker->send(q{SELECT version FROM reco.train('large')});
my $looker = session($node, 'postgres');
wait_until(60, sub {
	my $row = $looker->query(q{SELECT phase, done, total FROM reco.progress()});
	return %met if $row eq '';
	my ($phase, $done, $total) = split /\|/, $row, -1;
	my $at = $place{$phase};
	push @wrong, $row if !defined $at || $at < $last_place || ($at == $last_place && $done < $last_done);
	push @wrong, $row if $phase =~ /fit|choosing/ && ($total eq '' || $done > $total);
	($last_place, $last_done) = ($at, $done) if defined $at;
	$met{$phase} = 1;
	return 0;
});
is($worker->receive, '1', 'a longer training');
is_deeply(\@wrong, [], 'goes forward through its phases, and never beyond a total');
cmp_ok(scalar(keys %met), '>=', 2, 'of which some were seen: ' . join(', ', sort keys %met));
$looker->quit;

# ---- Ends -----------------------------------------------------------------------------------------------------------------

$worker->query('BEGIN');
like($worker->query(q{SELECT version FROM reco.train('large')}), qr/^2$/, 'trained in a transaction that goes on');
is(progress(), '', 'its end is the end of what is seen');
$worker->query('COMMIT');

stop_at_gate(q{SELECT version FROM reco.train('shop')});
is(progress(q{SELECT count(*) FROM reco.progress()}), '1', 'before a cancel');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
like($worker->receive, qr/ERROR:  57014: /, 'cancelled');
is(progress(), '', 'after a cancel nothing is seen');
$keeper->query('SELECT pg_advisory_unlock(1)');

stop_at_gate(q{DO $$ BEGIN PERFORM reco.train('broken'); EXCEPTION WHEN division_by_zero THEN PERFORM gate(); END $$});
is(progress(), '', 'nor after an error that was caught, in the same transaction');
is(open_gate(), '', 'which goes on');

# ---- recommend_all ----------------------------------------------------------------------------------------------------------

$worker->query(q{CREATE MATERIALIZED VIEW best AS SELECT * FROM reco.recommend_all('shop', k => 1) WITH NO DATA});
stop_at_gate('REFRESH MATERIALIZED VIEW best');
like(progress(), qr/^t\|postgres\|shop\|recommend_all\|reading\|7168\|\|t$/, 'a refresh of a view over recommend_all');
is(open_gate(), '', 'done');
is($worker->query('SELECT count(*) FROM best'), '400', 'and filled');
is(progress(), '', 'and not seen any more');

# ---- Evaluating -----------------------------------------------------------------------------------------------------------

for my $call ([ 'evaluate', q{reco.evaluate('shop')} ], [ 'replay', q{reco.replay('shop')} ], [ 'compare', q{reco.compare('shop', 1, 1, cut => '2030-01-01')} ],
	[ 'fairness', q{reco.fairness('shop', 'device')} ], [ 'bundles', q{reco.bundles('shop', min_support => 2)} ])
{
	my ($command, $from) = @$call;
	stop_at_gate("SELECT count(*) > 0 FROM $from");
	like(progress(), qr/^t\|postgres\|shop\|$command\|reading\|7168\|\|t$/, "$command: seen while it reads");
	like(open_gate(), $command eq 'compare' ? qr/ERROR:  55000: there are no orders/ : $command eq 'bundles' ? qr/^[tf]$/ : qr/^t$/, 'and done');
	is(progress(), '', 'and not seen any more');
}

@order = ('reading', 'sorting', 'first complements', 'first fit', 'choosing', 'complements', 'fitting', 'tuning', 'replaying');
%place = map { $order[$_] => $_ } 0 .. $#order;
(%met, @wrong) = ();
($last_place, $last_done) = (0, 0);
my $figures = q{SELECT md5(string_agg(concat_ws(' ', algorithm, request, metric, value, ci_low, n), ',')) FROM reco.evaluate('large') WHERE metric NOT IN ('seconds', 'milliseconds')};
$looker = session($node, 'postgres');
$worker->send($figures);
wait_until(60, sub {
	my $row = $looker->query(q{SELECT phase, done, total, command FROM reco.progress()});
	return %met if $row eq '';
	my ($phase, $done, $total, $command) = split /\|/, $row, -1;
	my $at = $place{$phase};
	push @wrong, $row if !defined $at || $at < $last_place || ($at == $last_place && $done < $last_done) || $command ne 'evaluate';
	push @wrong, $row if $phase ne 'reading' && $phase ne 'sorting' && ($total eq '' || $done > $total);
	($last_place, $last_done) = ($at, $done) if defined $at;
	$met{$phase} = 1;
	return 0;
});
my $expected = $worker->receive;
like($expected, qr/^[0-9a-f]{32}$/, 'a longer evaluation');
is_deeply(\@wrong, [], 'goes forward through its phases, and never beyond a total');
cmp_ok(scalar(keys %met), '>=', 3, 'of which some were seen: ' . join(', ', sort keys %met));
$looker->quit;

# Cancelled wherever it is, it says so, and the session goes on to the same figures.
my ($cancelled, @odd) = (0);
for my $i (1 .. 6)
{
	$worker->send($figures);
	usleep(1000 * int(rand(40 * $i)));
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	my $answer = $worker->receive;
	$cancelled++ if $answer =~ /ERROR:  57014: /;
	push @odd, $answer unless $answer =~ /ERROR:  57014: / || $answer eq $expected;
	push @odd, 'seen' if progress() ne '';
}
is_deeply(\@odd, [], "cancelled $cancelled times, or done before: nothing else");
cmp_ok($cancelled, '>=', 1, 'it was cancelled');
is($worker->query($figures), $expected, 'and then gives the same figures');

# ---- One slot, several who want it ---------------------------------------------------------------------------------------------

stop_at_gate(q{SELECT version FROM reco.train('caught')});
like(progress(), qr/^t\|postgres\|caught\|train\|reading\|7168\|/, 'an error caught within a source does not end what is seen');
is(open_gate(), '1', 'nor the training');

stop_at_gate(q{COPY (SELECT version FROM reco.train('shop')) TO STDOUT});
is(progress('SELECT pid, command FROM pg_stat_progress_copy'), "$pid|COPY TO", 'within COPY its own progress is left alone');
is(progress(), '', 'and ours not seen');
is(open_gate(), '3', 'both end well');
is(progress('SELECT count(*) FROM pg_stat_progress_copy'), '0', 'and nothing is left');

stop_at_gate(q{SELECT version FROM reco.train('outer')});
like(progress(), qr/^t\|postgres\|outer\|train\|reading\|7168\|/, 'a function within a source does not take the place of the one that reads it');
is(open_gate(), '1', 'both end well');
is(progress(), '', 'and nothing is left');

stop_at_gate(q{SELECT version FROM reco.train('shop')});
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_progress_vacuum, pg_stat_progress_copy, pg_stat_progress_analyze,
	pg_stat_progress_cluster, pg_stat_progress_create_index, pg_stat_progress_basebackup}), '0', "PostgreSQL's own views do not take it for theirs");
open_gate();

$worker->query('SET track_activities = off');
stop_at_gate(q{SELECT version FROM reco.train('shop')});
is(progress(), '', 'without track_activities nothing is shown');
is(open_gate(), '5', 'and training works');

$_->quit for $keeper, $worker;
$node->stop;
done_testing();
