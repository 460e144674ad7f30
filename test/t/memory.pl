# A backend that gets no more memory from the system: train fails with out_of_memory wherever that strikes, and the
# session lives on; nothing half-made is left.  And a session that trains and recommends a hundred times keeps no memory of it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecoNode;
use Test::More;

system('prlimit --version >/dev/null 2>&1') == 0 or plan skip_all => 'no prlimit (util-linux)';

my $node = new_node('memory');
$node->safe_psql('postgres', q{
	CREATE EXTENSION reco;
	CREATE TABLE lines (customer bigint, item text, at timestamptz);
	INSERT INTO lines SELECT n % 4000, 'item ' || (n * 7919 % 3000), '2024-01-01 00:00+00'::timestamptz + n * interval '1 minute'
	FROM generate_series(1, 60000) n;
	SELECT reco.create_model('shop', options => '{"factors": 64, "iterations": 1, "holdout_orders": 10}');
	SELECT reco.add_orders('shop', 'lines', user_id => 'customer', item_id => 'item', at => 'at');
	SELECT reco.train('shop');
});

my $best = q{SELECT string_agg(item_id, ',' ORDER BY rank) FROM reco.recommend_text('shop', NULL, k => 5)};
my $expected = $node->safe_psql('postgres', $best);

# Kilobytes of address space that a process has now.
sub virtual_size
{
	my ($pid) = @_;
	my ($size) = slurp_file("/proc/$pid/status") =~ /VmSize:\s*(\d+)/;
	return $size;
}

sub limit
{
	my ($pid, $bytes) = @_;
	system('prlimit', '--pid', $pid, "--as=$bytes:") == 0 or die "prlimit failed";
	return;
}

my ($refused, $trained) = (0, 0);
my %odd;
for my $more (0, 256, 1024, 2048, 3072, 4096, 6144, 8192, 10240, 12288, 16384, 20480, 24576, 32768, 40960, 65536, 262144)
{
	my $session = session($node, 'postgres');
	my $pid     = $session->pid;

	# What every training loads and keeps is not to be what fails.
	$session->query(q{SELECT access FROM reco.models});
	limit($pid, (virtual_size($pid) + $more) * 1024);
	my $result = $session->query(q{SELECT items FROM reco.train('shop')});
	$refused++ if $result =~ /ERROR:  53200: out of memory/;
	$trained++ if $result eq '3000';
	$odd{"$more kB"} = $result unless $result eq '3000' || $result =~ /ERROR:  53200: out of memory/;
	limit($pid, 'unlimited');
	my $after = $session->query($best);
	$odd{"$more kB, afterwards"} = $after unless $after eq $expected;
	$odd{"$more kB, pid"} = 'another' unless $session->pid eq $pid;
	$session->quit;
}
is_deeply(\%odd, {}, 'train works or fails with 53200, and the session lives on');
cmp_ok($refused, '>=', 5, "out of memory struck at several places ($refused)");
cmp_ok($trained, '>=', 1, "and with enough memory it works ($trained)");

is($node->safe_psql('postgres', 'SELECT count(*), max(version) FROM reco.versions'),
	'3|' . (1 + $trained), 'no number of a version was spent on a failure');
is($node->safe_psql('postgres', 'SELECT count(*) FROM reco.version_part p WHERE NOT EXISTS (SELECT FROM reco.version v WHERE v.blob = p.blob)'),
	'0', 'and no part of a model is left behind');

# ---- The cache under the same pressure -----------------------------------------------------------------------------------

%odd = ();
$refused = 0;
for my $more (0, 64, 128, 256, 384, 512, 640, 768, 1024, 1536, 65536)
{
	my $session = session($node, 'postgres');
	my $pid     = $session->pid;
	$session->query(q{SELECT access FROM reco.models});
	limit($pid, (virtual_size($pid) + $more) * 1024);
	my $result = $session->query($best);
	$refused++ if $result =~ /ERROR:  53200: out of memory/;
	$odd{"$more kB"} = $result unless $result eq $expected || $result =~ /ERROR:  53200: out of memory/;
	limit($pid, 'unlimited');
	my $after = $session->query($best);
	$odd{"$more kB, afterwards"} = $after unless $after eq $expected;
	$session->quit;
}
is_deeply(\%odd, {}, 'recommend works or fails with 53200, and the session lives on');
cmp_ok($refused, '>=', 1, "out of memory struck while a model was loaded ($refused)");

# ---- A limit of our own ----------------------------------------------------------------------------------------------------

my $session = session($node, 'postgres');
like($session->query(q{SET maintenance_work_mem = '1MB'; SELECT reco.train('shop')}), qr/ERROR:  53400: /,
	'maintenance_work_mem is an error before it is memory');
like($session->query(q{SET maintenance_work_mem = '64MB'; SELECT items FROM reco.train('shop')}), qr/^3000$/, 'and enough of it is enough');
$session->quit;

# ---- A session that goes on and on -----------------------------------------------------------------------------------------

$node->safe_psql('postgres', q{
	CREATE TABLE few (customer bigint, item text, at timestamptz);
	INSERT INTO few SELECT n % 100, 'item ' || (n * 7919 % 300), '2024-01-01 00:00+00'::timestamptz + n * interval '1 minute' FROM generate_series(1, 3000) n;
	SELECT reco.create_model('few', options => '{"factors": 16, "iterations": 1, "holdout_orders": 10}');
	SELECT reco.add_orders('few', 'few', user_id => 'customer', item_id => 'item', at => 'at');
	SELECT reco.train('few');
});
$session = session($node, 'postgres');
my %work = (
	'training' => [ 30, q{SELECT items FROM reco.train('few')}, qr/^300$/ ],
	'training that fails' => [ 30, q{SET maintenance_work_mem = '1MB'; SELECT FROM reco.train('shop'); RESET maintenance_work_mem}, qr/ERROR:  53400: / ],
	'an evaluation' => [ 20, q{SELECT count(*) > 100 FROM reco.evaluate('few')}, qr/^t$/ ],
	'a replay of all lists' => [ 20, q{SELECT count(*) > 100 FROM reco.replay('few', 1000, algorithms => NULL)}, qr/^t$/ ],
	'an evaluation that fails' => [ 20, q{SET maintenance_work_mem = '1MB'; SELECT FROM reco.evaluate('shop'); RESET maintenance_work_mem}, qr/ERROR:  53400: / ],
	'recommend_all' => [ 200, q{SELECT count(*) FROM reco.recommend_all_text('few', k => 3)}, qr/^300$/ ],
);
for my $name (sort keys %work)
{
	my ($times, $sql, $expected) = @{ $work{$name} };
	my $held = 'SELECT sum(total_bytes) FROM pg_backend_memory_contexts';
	like($session->query($sql), $expected, "$name does what it should");
	$session->query($sql) for 1 .. 9;
	my $before = $session->query($held);
	$session->query($sql) for 1 .. $times;
	my $growth = $session->query($held) - $before;
	cmp_ok($growth, '<', 256 * 1024, "$name: $times times more in one session take no more memory ($growth bytes)");
}
$session->quit;

$node->stop;
done_testing();
