# recommend_all's parallel workers: they take part, may fail to come, and whatever ends a statement, nothing of them is
# left: no process, no segment of shared memory, no worker slot.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecoNode;
use Test::More;

# Segments are files in the data directory, where nobody else's are; one slot is the replication launcher's.
my $node = new_node('parallel', allows_streaming => 1);
$node->append_conf('postgresql.conf', "dynamic_shared_memory_type = mmap\nmax_worker_processes = 5\nrestart_after_crash = on\n");
$node->restart;
$node->safe_psql('postgres', q{
	CREATE EXTENSION reco;
	CREATE TABLE lines AS
	SELECT (n * 7919 % 8009)::bigint AS customer, (n % 40 + (n * 31 % 49) * 40)::bigint AS item, '2026-01-01'::timestamptz + n * interval '1 minute' AS at
	FROM generate_series(1, 80000) n;
	SELECT reco.create_model('shop', options => '{"factors": 64, "iterations": 2, "holdout_orders": 0}');
	SELECT reco.add_orders('shop', 'lines', 'customer', 'item', 'at');
	SELECT reco.train('shop');
	SELECT reco.create_model('light', options => '{"factors": 16, "iterations": 1, "holdout_orders": 0}');
	SELECT reco.add_orders('light', 'lines', 'customer', 'item', 'at');
	SELECT reco.train('light');
});

my $all    = q{FROM reco.recommend_all('shop', k => 20, as_of => '2026-04-01') r};
my $digest = qq{SELECT count(*), md5(string_agg(r::text, '')) $all};
my $mine   = qq{SET client_min_messages = warning; SET max_parallel_workers_per_gather = 0; $digest};
my $expected = $node->safe_psql('postgres', $mine);
like($expected, qr/^160180\|/, 'without workers');

# What is printed, and how many workers were launched of how many, and blocks scored by them of all, or nothing.
sub run
{
	my ($on, $workers, $sql, $settings) = @_;
	my ($out, $err);
	$on->psql('postgres', "SET client_min_messages = debug1; SET max_parallel_workers_per_gather = $workers; " . ($settings // '') . $sql,
		stdout => \$out, stderr => \$err);
	my @counts = $err =~ /recommend_all: (\d+) of (\d+) workers launched, (\d+) of (\d+) blocks scored by them/;
	return ($out, \@counts, $err);
}

# What there may be when nothing runs.
sub segments
{
	return join ' ', sort(slurp_dir($node->data_dir . '/pg_dynshmem'));
}

my $before  = segments();
my $workers = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'};

# Nothing runs any more, and all four workers come again.
sub nothing_is_left
{
	my ($name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $quiet = wait_until(30, sub { $node->safe_psql('postgres', $workers) eq '0' });
	ok($quiet, "$name: no worker is left");
	ok(wait_until(30, sub { segments() eq $before }), "$name: no segment is left");
	my ($out, $counts) = run($node, 4, $digest);
	is("$out @$counts[0, 1]", "$expected 4 4", "$name: all workers come again");
	return;
}

# ---- They take part --------------------------------------------------------------------------------------------------

for my $n (1, 2, 4)
{
	my ($out, $counts) = run($node, $n, $digest);
	is($out, $expected, "$n workers: the same rows");
	is("@$counts[0, 1]", "$n $n", "$n workers were launched");
	cmp_ok($counts->[2], '>', 0, "$n workers scored $counts->[2] of $counts->[3] blocks");
}
# A session's own segment goes with the session.
ok(wait_until(30, sub { segments() eq $before }), 'no segment is left');

# ---- They do not come ------------------------------------------------------------------------------------------------

my ($out, $counts) = run($node, 4, $digest, 'SET max_parallel_workers = 0; ');
is("$out @$counts", "$expected ", 'max_parallel_workers = 0: none are asked for');
($out, $counts) = run($node, 4, $digest, 'SET max_parallel_workers = 2; ');
is("$out @$counts[0, 1]", "$expected 2 2", 'max_parallel_workers bounds them');
($out, $counts) = run($node, 4, q{SELECT count(*) FROM reco.recommend_all('shop', as_of => '2026-04-01', users => '{1,2,3}')});
is("$out @$counts", '30 ', 'none for three customers');
# The more memory, the more of them, down to none, and to an error where not even the lines fit.
{
	my $wide  = q{SELECT count(*), md5(string_agg(r::text, '')) FROM reco.recommend_all('shop', k => 100, as_of => '2026-04-01') r};
	my $right = (run($node, 0, $wide))[0];
	my (@planned, @wrong);
	for my $memory (1 .. 12, 16)
	{
		my ($rows, $with, $err) = run($node, 4, $wide, "SET maintenance_work_mem = '${memory}MB'; ");
		my $refused = $err =~ /ERROR:  recommend_all needs at least \d+ MB of memory, but maintenance_work_mem is $memory MB/;
		push @planned, $refused ? -1 : $with->[1] // 0;
		push @wrong, $memory unless $refused || $rows eq $right;
	}
	my $list = join ' ', @planned;
	like($list, qr/^(-1 )+0 (\d ){2,}4$/, "planned with more and more memory: $list");
	is_deeply([ sort { $a <=> $b } @planned ], \@planned, 'never fewer with more');
	is_deeply(\@wrong, [], 'and always the same rows');
}
($out, $counts) = run($node, 4, "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SELECT count(*) FROM lines l JOIN (SELECT * $all) r ON l.customer = r.user_id WHERE r.rank = 1");
is("$out @$counts", '80000 ', 'a parallel plan scores alone');

{
	my $holder = session($node, 'postgres');
	$holder->query(q{SET max_parallel_workers_per_gather = 3; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
		SET parallel_leader_participation = off; ALTER TABLE lines SET (parallel_workers = 3);
		CREATE FUNCTION wait() RETURNS boolean PARALLEL SAFE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3600); RETURN true; END $$});
	my $pid = $holder->pid;
	$holder->send('SELECT count(*) FROM lines WHERE wait()');
	wait_until(30, sub { $node->safe_psql('postgres', $workers) eq '3' });
	($out, $counts) = run($node, 4, $digest);
	is("$out @$counts[0, 1]", "$expected 1 4", 'one slot is free: one comes');
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	$holder->receive;
	$holder->query('DROP FUNCTION wait(); ALTER TABLE lines RESET (parallel_workers)');
	$holder->quit;
}

SKIP:
{
	skip 'no prlimit (util-linux)', 5 if system('prlimit --version >/dev/null 2>&1') != 0;
	my $session = session($node, 'postgres');
	my $pid     = $session->pid;
	$session->query(q{SET work_mem = '256MB'; SET client_min_messages = debug1});
	system('prlimit', '--pid', $pid, '--fsize=1048576:') == 0 or die 'prlimit failed';
	my $result = $session->query($digest);
	like($result, qr/recommend_all scores without workers: could not resize shared memory segment/, 'no room for a segment');
	like($result, qr/^\Q$expected\E$/m, 'is no error');
	$session->quit;

	# Room for ours, which has no lines, but not for what starting workers takes: a segment of 1 MB, in a session's first parallel query.
	$session = session($node, 'postgres');
	$session->query(q{SET work_mem = '256MB'; SET client_min_messages = debug1; SET max_parallel_workers_per_gather = 4});
	my $small = q{SELECT count(*) FROM reco.recommend_all('light', k => 1, users => (SELECT array_agg(g) FROM generate_series(100000, 104999) g))};
	like((run($node, 4, $small))[2], qr/recommend_all: 1 of 1 workers launched/, 'a worker pays');
	system('prlimit', '--pid', $session->pid, '--fsize=786432:') == 0 or die 'prlimit failed';
	$result = $session->query($small);
	like($result, qr/recommend_all scores without workers: could not resize shared memory segment/, 'no room to start workers');
	like($result, qr/^5000$/m, 'is no error either');
	$session->quit;
}
nothing_is_left('so far');

# ---- Errors ----------------------------------------------------------------------------------------------------------

# Long enough to be hit: every customer many times over, in one statement.
my $long = qq{SET max_parallel_workers_per_gather = 2; SELECT count(*) FROM generate_series(1, 1000) g, LATERAL (SELECT count(*)
	FROM reco.recommend_all('shop', k => 20 + g % 2, as_of => '2026-04-01')) r};

{
	my %odd;
	my $struck = 0;
	for my $i (1 .. 50)
	{
		my $session = session($node, 'postgres');
		my $pid     = $session->pid;
		my $how     = (qw(cancel terminate timeout worker))[ $i % 4 ];
		my $runs    = "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND state = 'active' AND query LIKE '%LATERAL%'";
		my %strike  = (
			cancel    => "SELECT pg_cancel_backend($pid)",
			terminate => "SELECT pg_terminate_backend($pid)",
			worker    => "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE leader_pid = $pid AND pid <> $pid");
		$session->query('SET statement_timeout = ' . int(rand 400 + 1)) if $how eq 'timeout';
		$session->send($long);
		if ($how ne 'timeout')
		{
			# Again and again: a worker that was just leaving takes no notice.
			wait_until(30, sub { $node->safe_psql('postgres', $runs) eq '1' });
			select undef, undef, undef, rand 0.4;
			wait_until(30, sub { $node->safe_psql('postgres', $strike{$how}); $node->safe_psql('postgres', $runs) eq '0' })
			  or $odd{"$i $how"} = 'goes on';
		}
		my $result = $session->receive;
		my $state  = $how eq 'cancel' || $how eq 'timeout' ? '57014' : '57P01';
		$struck++ if $result =~ /(ERROR|FATAL):  $state: /;
		$odd{"$i $how"} = $result unless $result =~ /(ERROR|FATAL):  $state: / || $how eq 'terminate';
		wait_until(30, sub { $session->query('SET statement_timeout = 0') eq '' }) if $how eq 'timeout';
		$odd{"$i $how, afterwards"} = 'the session is gone' unless $how eq 'terminate' || $session->pid eq $pid;
		$how eq 'terminate' ? $session->discard : $session->quit;
	}
	is_deeply(\%odd, {}, 'cancelled, terminated, timed out, a worker terminated: each says so, and the session goes on');
	cmp_ok($struck, '>', 30, "($struck of 50 with an error message)");
	nothing_is_left('after 50 interruptions');
}

# An error of the leader's own while workers run, caught by a block.
{
	my $session = session($node, 'postgres');
	$session->query(q{SET max_parallel_workers_per_gather = 2; SET work_mem = '64kB'; SET temp_file_limit = '1MB'; SET client_min_messages = warning});
	my $result = $session->query(qq{DO \$\$
		BEGIN
			FOR i IN 1 .. 10 LOOP
				BEGIN
					PERFORM count(*) $all;
					RAISE 'no error';
				EXCEPTION WHEN configuration_limit_exceeded THEN
					NULL;
				END;
			END LOOP;
		END \$\$});
	is($result, '', 'an error while rows are handed out, caught ten times in one transaction');
	is($session->query("RESET temp_file_limit; RESET work_mem; $digest"), $expected, 'and the session goes on');
	$session->quit;
	nothing_is_left('after errors that were caught');
}

# ---- A standby -------------------------------------------------------------------------------------------------------

{
	$node->backup('start');
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($node, 'start', has_streaming => 1);
	$standby->start;
	$node->wait_for_catchup($standby);
	($out, $counts) = run($standby, 2, $digest);
	is("$out @$counts[0, 1]", "$expected 2 2", 'a hot standby has workers too');
	$standby->stop;
}

# ---- A worker is killed ----------------------------------------------------------------------------------------------

{
	my $session = session($node, 'postgres');
	my $pid     = $session->pid;
	$session->send($long);
	my $worker = wait_until(30, sub { $node->safe_psql('postgres', "SELECT min(pid) FROM pg_stat_activity WHERE leader_pid = $pid AND pid <> $pid") });
	kill 'KILL', $worker if $worker;
	$session->receive;
	$session->discard;
	my $up = wait_until(60, sub { my ($status) = $node->psql('postgres', 'SELECT 1'); $status == 0 });
	ok($up, 'after a worker was killed the server restarts by itself');
	is(scalar(split ' ', segments()), scalar(split ' ', $before), 'without what it had in shared memory');
	($out, $counts) = run($node, 4, $digest);
	is("$out @$counts[0, 1]", "$expected 4 4", 'and works');
}

$node->stop;
done_testing();
