# RecoNode.pm: servers, sessions and a small shop for the TAP tests.
#
# A server is a PostgreSQL::Test::Cluster that finds the extension of this tree.  A session is a psql that stays
# connected; what it prints, errors included, comes back from each query.

package RecoNode;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(new_node configure session fails_with wait_until $SMALL);

# Options for small models: quick, and nothing is left to chance or to held-out orders.
our $SMALL = q({"factors": 8, "iterations": 3, "holdout_orders": 0});

sub configure
{
	my ($node) = @_;
	my $settings = defined $ENV{RECO_SERVER_CONF} ? "include '$ENV{RECO_SERVER_CONF}'" : '';
	$node->append_conf('postgresql.conf', "log_statement = none\nautovacuum = off\nshared_buffers = 16MB\n$settings\n");
	return $node;
}

# A running server; the arguments are those of init.
sub new_node
{
	my ($name, %init) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--no-locale', '--encoding=UTF8' ], %init);
	configure($node);
	$node->start;
	return $node;
}

# One test: a statement fails with that SQLSTATE and a message like that.
sub fails_with
{
	my ($node, $database, $sql, $sqlstate, $message, $name) = @_;
	my ($status, $out, $err) = $node->psql($database, $sql, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return like($err, qr/ERROR:  $sqlstate: .*$message/, $name);
}

# Seconds that a session may take for one statement.
our $PATIENCE = 180;

# Calls a function until it is true, for at most so many seconds; returns what it said last.
sub wait_until
{
	my ($seconds, $condition) = @_;
	my $end = time + $seconds;
	my $result;
	until ($result = $condition->())
	{
		return $result if time > $end;
		select undef, undef, undef, 0.02;
	}
	return $result;
}

sub session
{
	my ($node, $database) = @_;
	my $self = bless { in => '', out => '', n => 0, timer => IPC::Run::timeout($PATIENCE) }, 'RecoNode::Session';
	$self->{run} = IPC::Run::start(
		[ $node->installed_command('psql'), '-XqAt', '-v', 'VERBOSITY=verbose', '-d', $node->connstr($database), '-f', '-' ],
		'<', \$self->{in}, '>', \$self->{out}, '2>&1', $self->{timer});
	$self->query("SET client_min_messages = warning");
	return $self;
}

package RecoNode::Session;

# Sends a statement and does not wait for its end.
sub send
{
	my ($self, $sql) = @_;
	$self->{n}++;
	$self->{in} .= "$sql;\n\\echo <done $self->{n}>\n";
	$self->{timer}->start($RecoNode::PATIENCE);
	$self->{run}->pump_nb;
	return;
}

# What the statement that was sent has printed.
sub receive
{
	my ($self) = @_;
	my $mark = "<done $self->{n}>\n";
	$self->{run}->pump while index($self->{out}, $mark) < 0 && $self->{run}->pumpable;
	my $at = index($self->{out}, $mark);
	my $result = $at < 0 ? $self->{out} : substr($self->{out}, 0, $at);
	$self->{out} = $at < 0 ? '' : substr($self->{out}, $at + length $mark);
	chomp $result;
	return $result;
}

sub query
{
	my ($self, $sql) = @_;
	$self->send($sql);
	return $self->receive;
}

sub pid
{
	my ($self) = @_;
	return $self->query('SELECT pg_backend_pid()');
}

sub quit
{
	my ($self) = @_;
	$self->{in} .= "\\q\n";
	eval { $self->{run}->finish };
	return;
}

# After the backend was killed: psql, which reads a file, may still wait for more.
sub discard
{
	my ($self) = @_;
	eval { $self->{run}->kill_kill };
	return;
}

1;
