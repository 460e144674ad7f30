# CREATE EXTENSION adopts nothing that somebody planted and runs nobody's code; DROP EXTENSION under a session that has a
# model in its cache does no harm.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RecoNode;
use Test::More;

my $node = new_node('extension');
$node->safe_psql('postgres', 'CREATE ROLE mallory LOGIN; CREATE ROLE dba SUPERUSER LOGIN');

# A fresh database for each attempt.
my $n = 0;
my $database;
sub fresh
{
	my ($sql) = @_;
	$database = 'd' . ++$n;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, $sql) if defined $sql;
	return;
}

# What there is in a database beside what is always there; the same before and after a failed installation.
my $everything = q{
	SELECT classid::regclass, objid, deptype FROM pg_depend WHERE refclassid = 'pg_extension'::regclass
	  AND refobjid <> (SELECT oid FROM pg_extension WHERE extname = 'plpgsql')
	UNION ALL SELECT 'pg_class'::regclass, oid, relkind FROM pg_class WHERE oid >= 16384
	UNION ALL SELECT 'pg_proc'::regclass, oid, prokind FROM pg_proc WHERE oid >= 16384
	UNION ALL SELECT 'pg_namespace'::regclass, oid, 'n' FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_'
	UNION ALL SELECT 'pg_type'::regclass, oid, typtype FROM pg_type WHERE oid >= 16384
	ORDER BY 1, 2, 3};

sub refused
{
	my ($plant, $sqlstate, $message, $name, $create) = @_;
	fresh($plant);
	my $before = $node->safe_psql($database, $everything);
	fails_with($node, $database, $create // 'CREATE EXTENSION reco', $sqlstate, $message, "$name: refused");
	is($node->safe_psql($database, $everything), $before, "$name: nothing is left behind");
	return;
}

# ---- Something is there already -------------------------------------------------------------------------------------------

refused('CREATE SCHEMA reco AUTHORIZATION mallory', '42P06', 'schema "reco" exists and belongs to another role', 'a schema of another role');
refused(q{CREATE SCHEMA reco; GRANT ALL ON SCHEMA reco TO mallory; SET ROLE mallory; CREATE TABLE reco.model (name text)},
	'42P06', 'is not empty', 'a planted table');
for my $relation (qw(source source_column version version_part model_grant experiment))
{
	refused("CREATE SCHEMA reco; CREATE TABLE reco.$relation (name text)", '42P06', 'is not empty', "a planted table $relation");
}
refused('CREATE SCHEMA reco; CREATE SEQUENCE reco.version', '42P06', 'is not empty', 'a planted sequence');
refused('CREATE SCHEMA reco; CREATE VIEW reco.models AS SELECT 1 AS model', '42P06', 'is not empty', 'a planted view');
refused('CREATE SCHEMA reco; CREATE TYPE reco.source AS (name text)', '42P06', 'is not empty', 'a planted type');
refused(q{CREATE SCHEMA reco; CREATE FUNCTION reco.access(text) RETURNS text LANGUAGE sql RETURN 'owner'}, '42P06', 'is not empty', 'a planted function');
refused(q{CREATE SCHEMA reco; CREATE FUNCTION reco.train(model text) RETURNS int LANGUAGE sql RETURN 1}, '42P06', 'is not empty', 'a planted function with another result');

refused(q{CREATE SCHEMA reco; CREATE OPERATOR reco.=== (FUNCTION = int4eq, LEFTARG = int4, RIGHTARG = int4)}, '42P06', 'is not empty', 'a planted operator');
refused(q{CREATE SCHEMA reco; GRANT CREATE ON SCHEMA reco TO mallory}, '42P06', 'others may create objects in it', 'a schema in which others may create');

for my $schema ('public', q{"a'b"}, q{"a$b"}, q{"a\b"}, q{"a""b"}, 'pg_temp')
{
	refused($schema =~ /^(public|pg_temp)$/ ? undef : "CREATE SCHEMA $schema",
		$schema eq 'pg_temp' ? '(0A000|3F000)' : '0A000', '', "in the schema $schema", "CREATE EXTENSION reco SCHEMA $schema");
}
refused(q{DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO mallory', current_database()); END $$}, '42501',
	'permission denied to create extension "reco"', 'by a role that is no superuser', 'SET ROLE mallory; CREATE EXTENSION reco');

# ---- Traps ----------------------------------------------------------------------------------------------------------------

# Operators and functions that shadow those of pg_catalog for whoever has the schema first in the path; each leaves a note.
my $traps = '';
for my $schema ('public', 'evil', 'pg_temp')
{
	$traps .= "CREATE SCHEMA evil;\n" if $schema eq 'evil';
	for my $type ('text', 'name', 'oid', 'int4', 'int8', 'uuid')
	{
		for my $operator ([ '=', 'eq' ], [ '<>', 'ne' ])
		{
			$traps .= qq{
				CREATE FUNCTION $schema.trap_$operator->[1](a $type, b $type) RETURNS boolean LANGUAGE plpgsql AS
				\$\$ BEGIN PERFORM pg_catalog.nextval('public.sprung'); RETURN true; END \$\$;
				CREATE OPERATOR $schema.$operator->[0] (LEFTARG = $type, RIGHTARG = $type, FUNCTION = $schema.trap_$operator->[1]);};
		}
	}
	for my $function (
		'coalesce_text(a text, b text)', 'format(a text, VARIADIC b text[])', 'now()',
		'sum(a int8)',                   'octet_length(a bytea)',            'to_regtype(a text)',
		'jsonb_object_agg(a text, b jsonb)', 'pg_extension_config_dump(a regclass, b text)')
	{
		$traps .= qq{
			CREATE FUNCTION $schema.$function RETURNS text LANGUAGE plpgsql AS
			\$\$ BEGIN PERFORM pg_catalog.nextval('public.sprung'); RETURN NULL; END \$\$;};
	}
}
my $work = qq{
	CREATE TABLE public.lines (customer bigint, item bigint, at timestamptz);
	INSERT INTO public.lines SELECT c, i, '2024-01-01 00:00+00' FROM generate_series(1, 20) c, generate_series(1, 5) i;
	SELECT * FROM reco.create_model('shop', options => '$SMALL');
	SELECT * FROM reco.add_orders('shop', 'public.lines', user_id => 'customer', item_id => 'item', at => 'at');
	SELECT * FROM reco.train('shop');
	SELECT * FROM reco.recommend('shop', 1, basket => '{2}');
	SELECT * FROM reco.grant_usage('shop', 'mallory');
	SELECT * FROM reco.models;
	SELECT * FROM reco.sources;
	SELECT * FROM reco.versions;
	SELECT * FROM reco.grants;
	SELECT * FROM reco.alter_model('shop', '{"keep_versions": 1}');
	SELECT * FROM reco.train('shop');
	SELECT * FROM reco.activate('shop', 2);
	SELECT * FROM reco.revoke_usage('shop', 'mallory');
	SELECT * FROM reco.set_owner('shop', 'dba');
	SELECT * FROM reco.remove_source('shop', 'lines');
	SELECT * FROM reco.drop_model('shop');};

for my $path ('public, pg_catalog', 'evil, pg_catalog', 'pg_temp, public, evil, pg_catalog')
{
	fresh('CREATE SEQUENCE public.sprung; GRANT ALL ON SEQUENCE public.sprung TO PUBLIC');
	my ($status, $out, $err) = $node->psql($database, qq{
		$traps
		SET search_path = $path;
		CREATE EXTENSION reco;
		$work}, on_error_stop => 1);
	is($status, 0, "path $path: installed and used") or diag($err);
	is($node->safe_psql($database, 'SELECT is_called FROM public.sprung'), 'f', "path $path: no trap was sprung");
	is( $node->safe_psql($database, q{
			SELECT count(*) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'reco'
			LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
			LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
			WHERE d.deptype = 'e' AND coalesce(p.pronamespace, c.relnamespace, 'reco'::regnamespace) <> 'reco'::regnamespace}),
		'0', "path $path: every member is in the schema reco");

	# The traps are such that the path does lead into them.
	my $sprung = $path =~ /pg_temp/ ? 'public' : ($path =~ /^(\w+)/)[0];
	$node->safe_psql($database, "SET search_path = $sprung, pg_catalog; SELECT 'a'::text = 'b'::text, now()");
	is($node->safe_psql($database, 'SELECT is_called FROM public.sprung'), 't', "path $path: though they work");
}

# ---- Another superuser -----------------------------------------------------------------------------------------------------

fresh();
$node->safe_psql($database, 'SET ROLE dba; CREATE EXTENSION reco');
is($node->safe_psql($database, q{SELECT DISTINCT r.rolname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
	WHERE c.relnamespace = 'reco'::regnamespace}), 'dba', 'the installing role owns what is installed');
$node->safe_psql($database, $work);
$node->safe_psql($database, 'DROP EXTENSION reco');
is( $node->safe_psql($database, q{SELECT
		(SELECT count(*) FROM pg_class WHERE relnamespace = 'reco'::regnamespace) + (SELECT count(*) FROM pg_proc WHERE pronamespace = 'reco'::regnamespace)}),
	'0', 'DROP EXTENSION removes all of it');
my ($status, $out, $err) = $node->psql($database, 'CREATE EXTENSION reco');
is($status, 0, 'a superuser can install it again into the schema that another superuser left') or diag($err);

# ---- Dropped and created again, under a session with a model in its cache ----------------------------------------------------

fresh(qq{
	CREATE EXTENSION reco;
	CREATE TABLE lines (customer bigint, item bigint, at timestamptz);
	INSERT INTO lines SELECT c, i, '2024-01-01 00:00+00' FROM generate_series(1, 60) c, generate_series(1, 6) i WHERE c % i = 0;
});
my $best  = q{SELECT item_id FROM reco.recommend('shop', NULL, k => 1)};
my $setup = qq{
	SELECT reco.create_model('shop', options => '$SMALL');
	SELECT reco.add_orders('shop', 'lines', user_id => 'customer', item_id => 'item', at => 'at');
	SELECT reco.train('shop');};
$node->safe_psql($database, $setup);
my $session = session($node, $database);
$session->query("PREPARE best AS $best");
is($session->query('EXECUTE best'), '1', 'a model in the cache');
$node->safe_psql($database, 'DROP EXTENSION reco');
like($session->query($best), qr/ERROR:  (3F000|42883): /, 'after DROP EXTENSION: an error');
like($session->query('EXECUTE best'), qr/ERROR:  (3F000|42883): /, 'also of a prepared statement');
$node->safe_psql($database, 'CREATE EXTENSION reco');
like($session->query($best), qr/ERROR:  42704: model "shop" does not exist/, 'after CREATE EXTENSION: the model is gone');
$node->safe_psql($database, "INSERT INTO lines SELECT c, 5, '2024-01-01 00:00+00' FROM generate_series(101, 200) c; $setup");
is($session->query($best), '5', 'a new model of that name is a new one');
is($session->query('EXECUTE best'), '5', 'also for the prepared statement');

# The same in the session itself, and in one transaction.
is($session->query("BEGIN; DROP EXTENSION reco; CREATE EXTENSION reco; SELECT count(*) FROM reco.models; ROLLBACK; $best"),
	"0\n5", 'dropped, created and rolled back');
$session->query('DROP EXTENSION reco; CREATE EXTENSION reco');
like($session->query('EXECUTE best'), qr/ERROR:  42704: model "shop" does not exist/, 'dropped and created in this session');
$session->quit;

# ---- The library alone -------------------------------------------------------------------------------------------------------

# How the library is called depends on the version of the server and on where the extension stands.  18 looks for a
# library beside extensions from elsewhere, too, but LOAD and the preload settings do so for a bare name only.
my $library = $node->safe_psql($database, q{SELECT DISTINCT probin FROM pg_proc WHERE pronamespace = 'reco'::regnamespace AND probin IS NOT NULL});
$library =~ s{^\$libdir/}{} if $node->safe_psql($database, 'SHOW server_version_num') >= 180000;
fresh();
my ($code, $printed, $errors) = $node->psql($database, qq{LOAD '$library'; LOAD '$library'; SHOW reco.cache_size});
is("$code|$printed", '0|256MB', 'LOAD, twice') or diag($errors);
$node->safe_psql($database, qq{CREATE FUNCTION bare(text, bigint, integer, bigint[], bigint[], bigint[], boolean, timestamptz, bigint[], jsonb, text, double precision, jsonb)
	RETURNS TABLE (rank integer, item_id bigint, score double precision, probability double precision, source text, value double precision, rules text[]) AS '$library', 'reco_recommend_integer' LANGUAGE C});
fails_with($node, $database, q{SELECT * FROM bare('m', 1, 1, NULL, NULL, NULL, false, now(), NULL, NULL, NULL, 0, NULL)}, '42704', 'extension "reco" is not installed',
	'a function of the library without the extension');
$node->safe_psql($database, qq{CREATE FUNCTION bare(text, bigint, integer) RETURNS SETOF record AS '$library', 'reco_recommend_integer' LANGUAGE C});
fails_with($node, $database, q{SELECT * FROM bare('m', 1, 1) r (rank integer)}, '55000',
	'a function of extension "reco" has 3 arguments, but its library expects 13', 'an older declaration of a function');
for my $setting ('shared_preload_libraries', 'session_preload_libraries')
{
	$node->append_conf('postgresql.conf', "$setting = '$library'");
	$node->restart;
	is($node->safe_psql($database, 'SHOW reco.kernel'), 'auto', "$setting");
	$node->append_conf('postgresql.conf', "$setting = ''");
}

$node->stop;
done_testing();
