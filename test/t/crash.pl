# A backend or the whole server dies while a model is trained: the version before is whole and answers, nothing is left
# in temporary files and shared memory, and training works again.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecoNode;
use List::Util qw(shuffle);
use Test::More;
use Time::HiRes qw(time);

my $node = new_node('crash');
$node->append_conf('postgresql.conf', "restart_after_crash = on\ndynamic_shared_memory_type = mmap\nlog_min_messages = warning\nmaintenance_work_mem = 1GB\nmax_parallel_workers = 4\n");
$node->restart;
my $data = q{
	CREATE EXTENSION reco;
	CREATE TABLE lines (customer bigint, item bigint, at timestamptz) WITH (parallel_workers = 4);
	INSERT INTO lines SELECT n / 4 % 5000, n::bigint * 7919 % (1 + n % 3000), '2024-01-01 00:00+00'::timestamptz + n / 4 * interval '1 minute'
	FROM generate_series(1, 200000) n;
	CREATE INDEX ON lines (customer, at DESC);
	ANALYZE lines;
	SELECT reco.create_model('shop', options => '{"factors": 32, "iterations": 1, "holdout_orders": 0}');
	SELECT reco.add_orders('shop', 'lines', user_id => 'customer', item_id => 'item', at => 'at');
};
my $long = q{SELECT reco.alter_model('shop', '{"factors": 64, "iterations": 8, "holdout_orders": 200}')};
$node->safe_psql('postgres', "$data; SELECT reco.train('shop'); $long; CHECKPOINT");

my $answer_sql = q{
	SELECT r.* FROM (VALUES (1), (77), (4999)) c (customer),
	reco.recommend('shop', c.customer, basket => '{1,2}', as_of => '2024-06-01 00:00+00') r};
my $answer   = $node->safe_psql('postgres', $answer_sql);
my $catalog  = 'SELECT m.last_version, m.active_version, v.version, v.blob, p.part, md5(p.data)
	FROM reco.model m LEFT JOIN reco.version v ON v.model = m.name FULL JOIN reco.version_part p USING (blob) ORDER BY 3, 5';
my $contents = $node->safe_psql('postgres', $catalog);
is(scalar(split /\n/, $answer), 30, 'the model answers');

sub connects
{
	my $status = eval { $node->psql('postgres', 'SELECT 1') };
	return defined $status && $status == 0;
}

sub temporary_files
{
	my $data = $node->data_dir;
	return grep { -f $_ } glob("$data/base/pgsql_tmp/*"), glob("$data/base/pgsql_tmp/*/*");
}

# Segments of dynamic shared memory: as files in the data directory they are not mistaken for those of other servers.
sub segments
{
	return scalar(my @files = glob($node->data_dir . '/pg_dynshmem/*'));
}

# Sessions and parallel workers of this server that have not ended, whoever is their parent.
sub busy_processes
{
	my @found;
	for my $file (glob('/proc/[0-9]*/cmdline'))
	{
		open my $handle, '<', $file or next;
		my $title = <$handle> // '';
		push @found, $title if $title =~ /^postgres: crash: (?:parallel worker|.*(?:SELECT|BEGIN|idle in transaction))/;
	}
	return @found;
}

# How many workers a query gets that asks for all that the server allows.
sub free_workers
{
	my $plan = $node->safe_psql('postgres', q{
		SET max_parallel_workers_per_gather = 4;
		SET parallel_setup_cost = 0;
		EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT count(*) FROM lines
	});
	return $plan =~ /Workers Launched: (\d+)/ ? $1 : 0;
}

my $segments = segments();

sub check_unchanged
{
	my ($when) = @_;
	is($node->safe_psql('postgres', $catalog), $contents, "$when: the old version is there, whole and alone");
	is($node->safe_psql('postgres', $answer_sql), $answer, "$when: and answers as before");
	is_deeply([ temporary_files() ], [], "$when: no temporary file is left");
	ok(wait_until(20, sub { !busy_processes() }), "$when: no process is left");
	ok(wait_until(20, sub { free_workers() == 4 }), "$when: all parallel workers are free");
	ok(wait_until(20, sub { segments() <= $segments }), "$when: no shared memory is left");
	return;
}

# Whether that backend is still at its training.
sub is_training
{
	my ($pid) = @_;
	return $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND query LIKE '%reco.train%' AND state = 'active'");
}

sub start_training
{
	my ($seconds) = @_;
	my $session = session($node, 'postgres');
	my $pid     = $session->pid;
	$session->send(q{BEGIN; SELECT version FROM reco.train('shop')});
	wait_until(20, sub { is_training($pid) }) or die 'training does not start';
	select undef, undef, undef, $seconds;
	return ($session, $pid);
}

# ---- Twenty moments ------------------------------------------------------------------------------------------------------

# Training is in a transaction that nobody commits: it makes no difference when a moment comes only after its end.
my $from = time;
$node->safe_psql('postgres', "BEGIN; SELECT reco.train('shop'); ROLLBACK");
my $duration = time - $from;
check_unchanged('after a training that was rolled back');

my $seed = int(rand(2**31));
srand($seed);
diag(sprintf 'seed %d, a training takes %.2f s', $seed, $duration);
my @ends = shuffle(('kill') x 7, ('stop') x 6, ('cancel') x 4, ('terminate') x 3);
my ($in_training, $found, @latencies) = (0, 0);
for my $i (0 .. $#ends)
{
	my $end    = $ends[$i];
	my $moment = $duration * 0.9 * ($i + rand) / @ends;
	my $when   = sprintf '%s after %.2f s', $end, $moment;
	my ($session, $pid) = start_training($moment);
	$in_training += is_training($pid);
	$found += busy_processes() > 0;
	$from = time;
	if ($end eq 'kill')
	{
		kill 'KILL', $pid or die "kill: $!";
		wait_until(20, sub { !-e "/proc/$pid" });
		ok(wait_until(30, \&connects), "$when: the server comes back");
	}
	elsif ($end eq 'stop')
	{
		$node->stop('immediate');
		wait_until(20, sub { !-e "/proc/$pid" });
		$node->start;
	}
	else
	{
		is($node->safe_psql('postgres', "SELECT pg_${end}_backend($pid)"), 't', "$when: it is told");
		like($session->receive, $end eq 'cancel' ? qr/ERROR:  57014: |^\d/ : qr/FATAL:  57P01: |^\d/, "$when: it ends with that error");
		push @latencies, time - $from;
		cmp_ok($latencies[-1], '<=', 3, "$when: and at once");
	}
	$end eq 'cancel' ? $session->quit : $session->discard;
	check_unchanged($when);
}
is($found, 20, 'the processes that are looked for are found while they are there');
cmp_ok($in_training, '>=', 5, "$in_training of them in the middle of training");
diag('seconds from a cancel to its answer: ' . join(' ', map { sprintf '%.3f', $_ } sort { $a <=> $b } @latencies));

# Trained, but not committed; what it wrote is on disk.
$node->safe_psql('postgres', q{SELECT reco.alter_model('shop', '{"factors": 32, "iterations": 1}')});
my $session = session($node, 'postgres');
like($session->query(q{BEGIN; SELECT version FROM reco.train('shop')}), qr/^2$/, 'trained in a transaction that stays open');
$node->safe_psql('postgres', 'CHECKPOINT');
$node->stop('immediate');
$session->discard;
$node->start;
check_unchanged('immediate stop before the commit');

# A prepared transaction outlives the crash, and the model is locked until it is decided.
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 2');
$node->restart;
$node->safe_psql('postgres', q{BEGIN; SELECT reco.train('shop'); PREPARE TRANSACTION 'training'});
$node->stop('immediate');
$node->start;
check_unchanged('with a prepared transaction after an immediate stop');
fails_with($node, 'postgres', q{SET lock_timeout = '100ms'; SELECT reco.train('shop')}, '55P03', 'lock timeout', 'which keeps the model');
$node->safe_psql('postgres', q{COMMIT PREPARED 'training'});
is($node->safe_psql('postgres', q{SELECT version FROM reco.versions WHERE active}), '2', 'committed, its version is the active one');

# ---- Committed is committed ----------------------------------------------------------------------------------------------

is($node->safe_psql('postgres', q{SELECT version FROM reco.train('shop')}), '3', 'training works again');
$answer   = $node->safe_psql('postgres', $answer_sql);
$contents = $node->safe_psql('postgres', $catalog);
$node->stop('immediate');
$node->start;
check_unchanged('immediate stop after the commit');
is($node->safe_psql('postgres', q{SELECT version FROM reco.versions WHERE active}), '3', 'the new version is the active one');

# ---- As if nothing had happened ------------------------------------------------------------------------------------------

my $bytes = q{SELECT v.bytes, md5(string_agg(p.data, '' ORDER BY p.part)) FROM reco.version v JOIN reco.version_part p USING (blob)
	WHERE v.version = (SELECT max(version) FROM reco.version) GROUP BY v.bytes};
$node->safe_psql('postgres', "$long; SELECT reco.train('shop')");
$node->safe_psql('postgres', 'CREATE DATABASE undisturbed');
$node->safe_psql('undisturbed', "$data; $long; SELECT reco.train('shop')");
is($node->safe_psql('postgres', $bytes), $node->safe_psql('undisturbed', $bytes), 'training gives the same bytes as where nothing happened');

$node->stop('immediate');
is_deeply([ glob($node->data_dir . '/pg_dynshmem/*') ], [], 'no shared memory is left');

done_testing();
