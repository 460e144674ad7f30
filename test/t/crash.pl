# A backend or the whole server dies while a model is trained: the version before is whole and answers, nothing is left
# in temporary files and shared memory, and training works again.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecoNode;
use Test::More;

my $node = new_node('crash');
$node->append_conf('postgresql.conf', "restart_after_crash = on\ndynamic_shared_memory_type = mmap\nlog_min_messages = warning\nmaintenance_work_mem = 1GB\n");
$node->restart;
$node->safe_psql('postgres', q{
	CREATE EXTENSION reco;
	CREATE TABLE lines (customer bigint, item bigint, at timestamptz);
	INSERT INTO lines SELECT n % 5000, n::bigint * 7919 % (1 + n % 3000), '2024-01-01 00:00+00'::timestamptz + n * interval '1 minute'
	FROM generate_series(1, 200000) n;
	CREATE INDEX ON lines (customer, at DESC);
	SELECT reco.create_model('shop', options => '{"factors": 32, "iterations": 1, "holdout_orders": 0}');
	SELECT reco.add_orders('shop', 'lines', user_id => 'customer', item_id => 'item', at => 'at');
	SELECT reco.train('shop');
	SELECT reco.alter_model('shop', '{"factors": 128, "iterations": 1000}');
	CHECKPOINT;
});

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

sub check_unchanged
{
	my ($when) = @_;
	is($node->safe_psql('postgres', $catalog), $contents, "$when: the old version is there, whole and alone");
	is($node->safe_psql('postgres', $answer_sql), $answer, "$when: and answers as before");
	is_deeply([ temporary_files() ], [], "$when: no temporary file is left");
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
	$session->send(q{SELECT reco.train('shop')});
	wait_until(20, sub { is_training($pid) }) or die 'training does not start';
	select undef, undef, undef, $seconds;
	return ($session, $pid);
}

# ---- One backend dies ----------------------------------------------------------------------------------------------------

for my $seconds (0, 0.1, 0.5, 1.5)
{
	my ($session, $pid) = start_training($seconds);
	is(is_training($pid), 1, "killed after $seconds s, in the middle of training");
	kill 'KILL', $pid or die "kill: $!";
	$session->discard;
	wait_until(20, sub { !-e "/proc/$pid" });
	ok(wait_until(30, \&connects), "killed after $seconds s: the server comes back");
	check_unchanged("killed after $seconds s");
}

# ---- Gentler ends --------------------------------------------------------------------------------------------------------

for my $end (qw(cancel terminate))
{
	my ($session, $pid) = start_training(0.3);
	my $from = time;
	is($node->safe_psql('postgres', "SELECT pg_${end}_backend($pid)"), 't', "training gets a $end");
	like($session->receive, $end eq 'cancel' ? qr/ERROR:  57014: / : qr/FATAL:  57P01: /, "$end: it ends with that error");
	cmp_ok(time - $from, '<=', 3, "$end: and at once");
	check_unchanged("after a $end");
	$end eq 'cancel' ? $session->quit : $session->discard;
}

# ---- The server stops at once --------------------------------------------------------------------------------------------

for my $seconds (0.05, 0.8)
{
	my ($session, $pid) = start_training($seconds);
	is(is_training($pid), 1, "immediate stop after $seconds s, in the middle of training");
	$node->stop('immediate');
	$session->discard;
	wait_until(20, sub { !-e "/proc/$pid" });
	$node->start;
	check_unchanged("immediate stop after $seconds s");
}

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

$node->stop('immediate');
# As files in the data directory, segments of shared memory are not mistaken for those of other servers.
is_deeply([ glob($node->data_dir . '/pg_dynshmem/*') ], [], 'no shared memory is left');

done_testing();
