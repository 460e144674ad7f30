# Training's parallel workers: they take part, may fail to come, and change no bit; whatever ends a statement, nothing of
# them is left: no process, no segment of shared memory, no worker slot.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecoNode;
use Test::More;

# Segments are files in the data directory, where nobody else's are; one slot is the replication launcher's.
my $node = new_node('parallel_train');
$node->append_conf('postgresql.conf', "dynamic_shared_memory_type = mmap\nmax_worker_processes = 5\nrestart_after_crash = on\nmaintenance_work_mem = 256MB\n");
$node->restart;
$node->safe_psql('postgres', q{
	CREATE EXTENSION reco;
	CREATE TABLE lines AS
	SELECT (n / 4 * 7919 % 8009)::bigint AS customer, (n % 40 + (n * 31 % 49) * 40)::bigint AS item, n / 4 AS "order",
		   '2026-01-01'::timestamptz + n / 4 * interval '1 minute' AS at
	FROM generate_series(1, 80000) n;
	SELECT reco.create_model('shop', options => '{"factors": 64, "iterations": 8, "holdout_orders": 200, "keep_versions": 1}');
	SELECT reco.add_orders('shop', 'lines', 'customer', 'item', 'at', order_id => '"order"');
	SELECT reco.create_model('small', options => '{"factors": 8, "iterations": 1, "holdout_orders": 0}');
	SELECT reco.add_orders('small', 'lines', 'customer', 'item', 'at', order_id => '"order"');
});

my $digest   = q{BEGIN; SELECT rows FROM reco.train('shop'); SELECT md5(reco.export_model('shop')); ROLLBACK};
my $expected = $node->safe_psql('postgres', "SET client_min_messages = warning; SET max_parallel_maintenance_workers = 0; $digest");
like($expected, qr/^80000\n[0-9a-f]{32}$/, 'without workers');

# What is printed, and how many workers were launched of how many, and blocks done by them of all, or nothing.
sub run
{
	my ($workers, $sql, $settings) = @_;
	my ($out, $err);
	$node->psql('postgres', "SET client_min_messages = debug1; SET max_parallel_maintenance_workers = $workers; " . ($settings // '') . $sql,
		stdout => \$out, stderr => \$err);
	my @counts = $err =~ /training: (\d+) of (\d+) workers launched, (\d+) of (\d+) blocks done by them/;
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
	my ($out, $counts) = run(4, $digest);
	is("$out @$counts[0, 1]", "$expected 4 4", "$name: all workers come again");
	return;
}

# ---- They take part --------------------------------------------------------------------------------------------------

for my $n (1, 2, 3, 4)
{
	my ($out, $counts) = run($n, $digest);
	is($out, $expected, "$n workers: the same bytes");
	is("@$counts[0, 1]", "$n $n", "$n workers were launched");
	cmp_ok($counts->[2], '>', 0, "$n workers did $counts->[2] of $counts->[3] blocks");
}
# A session's own segment goes with the session.
ok(wait_until(30, sub { segments() eq $before }), 'no segment is left');

# ---- They do not come ------------------------------------------------------------------------------------------------

my ($out, $counts, $err) = run(4, $digest, 'SET max_parallel_workers = 0; ');
is("$out @$counts", "$expected ", 'max_parallel_workers = 0: none are asked for');
($out, $counts) = run(4, $digest, 'SET max_parallel_workers = 2; ');
is("$out @$counts[0, 1]", "$expected 2 2", 'max_parallel_workers bounds them');
($out, $counts) = run(4, q{SELECT rows FROM reco.train('small')});
is("$out @$counts", '80000 ', 'none where they would not pay');

# Small factors leave no room for the scores of many held-out orders: the leader replays those alone.
{
	my $flat  = q{BEGIN; SELECT reco.alter_model('shop', '{"factors": 3, "iterations": 50, "holdout_orders": 5000, "customer_weight": 0, "complements": "none"}'); SELECT rows FROM reco.train('shop'); SELECT md5(reco.export_model('shop')); ROLLBACK};
	my $right = (run(0, $flat))[0];
	($out, $counts, $err) = run(2, $flat);
	is("$out @$counts[0, 1]", "$right 2 2", 'held-out orders without workers, fits with them');
	like($err, qr/training: no shared memory for \d+ bytes of held-out orders/, 'since there is no room');
}

# Complements by the inverse, whose phases are others.
{
	my $exact = q{BEGIN; SELECT reco.alter_model('shop', '{"complements": "exact"}'); SELECT rows FROM reco.train('shop'); SELECT md5(reco.export_model('shop')); ROLLBACK};
	my $right = (run(0, $exact))[0];
	isnt($right, $expected, 'exact complements make another model');
	for my $n (1, 3)
	{
		($out, $counts) = run($n, $exact);
		is("$out @$counts[0, 1]", "$right $n $n", "exact complements, $n workers: the same bytes");
	}
}

# The more memory, the more of them, down to none, and to an error where not even one process has enough.
{
	my (@planned, @wrong);
	for my $memory (2, 4, 8 .. 24, 32, 40, 48, 64)
	{
		my ($result, $with, $messages) = run(4, $digest, "SET maintenance_work_mem = '${memory}MB'; ");
		my $refused = $messages =~ /ERROR:  training needs at least \d+ MB of memory, but maintenance_work_mem is $memory MB/;
		push @planned, $refused ? -1 : $with->[1] // 0;
		push @wrong, $memory unless $refused || $result eq $expected;
	}
	my $list = join ' ', @planned;
	like($list, qr/^(-1 )+(0 )+([123] )+(4 )*4$/, "planned with more and more memory: $list");
	is_deeply([ sort { $a <=> $b } @planned ], \@planned, 'never fewer with more');
	is_deeply(\@wrong, [], 'and always the same bytes');
}

{
	my $holder = session($node, 'postgres');
	$holder->query(q{SET max_parallel_workers_per_gather = 3; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
		SET parallel_leader_participation = off; ALTER TABLE lines SET (parallel_workers = 3);
		CREATE FUNCTION wait() RETURNS boolean PARALLEL SAFE LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3600); RETURN true; END $$});
	my $pid = $holder->pid;
	$holder->send('SELECT count(*) FROM lines WHERE wait()');
	wait_until(30, sub { $node->safe_psql('postgres', $workers) eq '3' });
	($out, $counts) = run(4, $digest);
	is("$out @$counts[0, 1]", "$expected 1 4", 'one slot is free: one comes');
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
	$holder->receive;
	$holder->query('DROP FUNCTION wait(); ALTER TABLE lines RESET (parallel_workers)');
	$holder->quit;
}

SKIP:
{
	skip 'no prlimit (util-linux)', 2 if system('prlimit --version >/dev/null 2>&1') != 0;
	# Pages that have to be written make room for others; nor are they to be too long.
	$node->safe_psql('postgres', 'VACUUM lines; CHECKPOINT');
	my $session = session($node, 'postgres');
	$session->query(q{SET client_min_messages = debug1});
	system('prlimit', '--pid', $session->pid, '--fsize=1048576:') == 0 or die 'prlimit failed';
	my $result = $session->query(q{SELECT 'from ' || md5(reco.factorize(customer, item, 1, "order", at, '{"factors": 64, "iterations": 8, "holdout_orders": 200}')) FROM lines});
	like($result, qr/training goes on without workers: could not resize shared memory segment/, 'no room for a segment');
	my ($md5) = $expected =~ /\n(\w+)$/;
	like($result, qr/^from $md5$/m, 'is no error');
	$session->quit;
}
nothing_is_left('so far');

# ---- Errors ----------------------------------------------------------------------------------------------------------

# Long enough to be hit, and left by itself only after minutes; with nothing held out it has all iterations.
my $long = q{SET max_parallel_maintenance_workers = 2; SELECT reco.alter_model('shop', '{"iterations": 1000, "holdout_orders": 0}'); SELECT rows FROM reco.train('shop')};

{
	my %odd;
	my $struck = 0;
	my $seen   = 0;
	for my $i (1 .. 40)
	{
		my $session = session($node, 'postgres');
		my $pid     = $session->pid;
		my $how     = (qw(cancel terminate timeout worker))[ $i % 4 ];
		my $runs    = "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND state = 'active' AND query LIKE '%train%'";
		my $helped  = "SELECT count(*) FROM pg_stat_activity WHERE leader_pid = $pid AND pid <> $pid";
		my %strike  = (
			cancel    => "SELECT pg_cancel_backend($pid)",
			terminate => "SELECT pg_terminate_backend($pid)",
			worker    => "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE leader_pid = $pid AND pid <> $pid");
		$session->query('SET statement_timeout = ' . int(rand 600 + 1)) if $how eq 'timeout';
		$session->send("BEGIN; $long");
		if ($how ne 'timeout')
		{
			# Again and again: a worker that was just leaving takes no notice.
			wait_until(30, sub { $node->safe_psql('postgres', $runs) eq '1' });
			select undef, undef, undef, rand 0.6;
			wait_until(30, sub { $node->safe_psql('postgres', $helped) ne '0' }) if $how eq 'worker';
			$seen += $node->safe_psql('postgres', $helped) ne '0';
			wait_until(30, sub { $node->safe_psql('postgres', $strike{$how}); $node->safe_psql('postgres', $runs) eq '0' })
			  or $odd{"$i $how"} = 'goes on';
		}
		my $result = $session->receive;
		my $state  = $how eq 'cancel' || $how eq 'timeout' ? '57014' : '57P01';
		$struck++ if $result =~ /(ERROR|FATAL):  $state: /;
		$odd{"$i $how"} = $result unless $result =~ /(ERROR|FATAL):  $state: / || $how eq 'terminate';
		$session->query('ROLLBACK') unless $how eq 'terminate';
		$odd{"$i $how, afterwards"} = 'the session is gone' unless $how eq 'terminate' || $session->pid eq $pid;
		$how eq 'terminate' ? $session->discard : $session->quit;
	}
	is_deeply(\%odd, {}, 'cancelled, terminated, timed out, a worker terminated: each says so, and the session goes on');
	cmp_ok($struck, '>=', 30, "($struck of 40 with an error message)");
	cmp_ok($seen, '>=', 10, "($seen of 30 while workers were there)");
	nothing_is_left('after 40 interruptions');
}

# In blocks with an exception handler, and several times in one transaction.
{
	my $session = session($node, 'postgres');
	$session->query(q{SET max_parallel_maintenance_workers = 2; SET client_min_messages = warning});
	my $result = $session->query(q{DO $$
		BEGIN
			FOR i IN 1 .. 5 LOOP
				BEGIN
					PERFORM reco.train('shop');
					RAISE division_by_zero;
				EXCEPTION WHEN division_by_zero THEN
					NULL;
				END;
			END LOOP;
		END $$});
	is($result, '', 'trained and taken back five times in one transaction');
	is($session->query(qq{SELECT md5(reco.factorize(customer, item, 1, "order", at, '{"factors": 64, "iterations": 8, "holdout_orders": 200}')) FROM lines}),
		$expected =~ s/.*\n//r, 'and the session goes on, with the aggregate');
	$session->quit;
	nothing_is_left('after errors that were caught');
}

# ---- A worker is killed ----------------------------------------------------------------------------------------------

{
	my $session = session($node, 'postgres');
	my $pid     = $session->pid;
	$session->send("BEGIN; $long");
	my $worker = wait_until(30, sub { $node->safe_psql('postgres', "SELECT min(pid) FROM pg_stat_activity WHERE leader_pid = $pid AND pid <> $pid") });
	ok($worker, 'a worker to be killed');
	kill 'KILL', $worker if $worker;
	$session->receive;
	$session->discard;
	my $up = wait_until(60, sub { my ($status) = $node->psql('postgres', 'SELECT 1'); $status == 0 });
	ok($up, 'after a worker was killed the server restarts by itself');
	is(scalar(split ' ', segments()), scalar(split ' ', $before), 'without what it had in shared memory');
	($out, $counts) = run(4, $digest);
	is("$out @$counts[0, 1]", "$expected 4 4", 'and works');
}

$node->stop;
done_testing();
