-- A superuser trains and queries the models of somebody who means harm; and the catalog is forged.

SET client_min_messages = warning;
SELECT plan(70);

CREATE ROLE mallory;
CREATE ROLE accomplice;
GRANT EXECUTE ON FUNCTION reco.create_model(text, text, jsonb) TO mallory;
CREATE SCHEMA evil AUTHORIZATION mallory;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE TABLE vault (secret text);
INSERT INTO vault VALUES ('gold');

-- ---- What mallory plants -----------------------------------------------------------------------------------------

SET ROLE mallory;
CREATE TABLE evil.log (place text, who name, succeeded text[]);
GRANT SELECT, INSERT ON evil.log TO PUBLIC;
CREATE TABLE evil.armed ();
CREATE TABLE evil.later (a integer);
CREATE FUNCTION evil.fire() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO evil.log VALUES ('deferred trigger', current_user, '{}');
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON evil.later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evil.fire();

-- Volatile inside, whatever the label outside: says who runs it, and tries what only others may do.
CREATE FUNCTION evil.work(place text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	statement text;
	succeeded text[] := '{}';
BEGIN
	IF NOT EXISTS (SELECT FROM evil.armed) OR (SELECT count(*) > 1 FROM evil.log l WHERE l.place = work.place AND l.who = current_user) THEN
		RETURN;
	END IF;
	FOREACH statement IN ARRAY ARRAY[
		'SET ROLE postgres', 'SET LOCAL ROLE postgres', 'RESET ROLE', 'SET ROLE NONE', 'SELECT set_config(''role'', ''postgres'', false)',
		'SELECT set_config(''role'', ''none'', true)', 'SET SESSION AUTHORIZATION postgres', 'SET SESSION AUTHORIZATION DEFAULT', 'RESET SESSION AUTHORIZATION',
		'SELECT set_config(''session_authorization'', ''postgres'', false)',
		'ALTER ROLE mallory SUPERUSER', 'GRANT postgres TO mallory', 'CREATE TABLE public.mine (a integer)', 'CREATE TEMP TABLE mine (a integer)',
		'DELETE FROM public.vault', 'INSERT INTO public.vault SELECT ''brass''', 'SELECT secret FROM public.vault', 'DROP TABLE public.vault',
		'UPDATE reco.model SET owner_name = ''mallory''', 'DELETE FROM reco.version', 'SELECT * FROM reco.source_column', 'TABLE pg_authid',
		'COPY (SELECT 1) TO PROGRAM ''true''', 'SELECT pg_read_file(''PG_VERSION'')', 'DECLARE later CURSOR WITH HOLD FOR SELECT 1',
		'PREPARE later AS SELECT 1', 'LISTEN later', 'DISCARD ALL', 'INSERT INTO evil.later VALUES (1)', 'CREATE EXTENSION file_fdw',
		'ALTER FUNCTION reco.train(text) OWNER TO mallory', 'CREATE OR REPLACE FUNCTION reco.access(text) RETURNS text RETURN ''owner''', 'COMMIT']
	LOOP
		BEGIN
			EXECUTE statement;
			succeeded := succeeded || statement;
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
	END LOOP;
	SET search_path = evil, pg_catalog;
	SET datestyle = 'SQL, DMY';
	SET row_security = off;
	SET timezone = 'Asia/Tokyo';
	SET work_mem = '64kB';
	INSERT INTO evil.log VALUES (place, current_user, succeeded);
END $$;

-- The same under the labels that an expression may have.
CREATE FUNCTION evil.i(place text, value anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	PERFORM evil.work(place);
	RETURN value;
END $$;
CREATE FUNCTION evil.s(place text, value anyelement) RETURNS anyelement LANGUAGE plpgsql STABLE AS $$
BEGIN
	PERFORM evil.work(place);
	RETURN value;
END $$;
CREATE FUNCTION evil.plus(integer, integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	PERFORM evil.work('operator');
	RETURN $1 OPERATOR(pg_catalog.+) $2;
END $$;
CREATE OPERATOR evil.<+> (FUNCTION = evil.plus, LEFTARG = integer, RIGHTARG = integer);
CREATE TYPE evil.sku AS (id integer);
CREATE FUNCTION evil.sku_text(evil.sku) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	PERFORM evil.work('cast');
	RETURN $1.id::text;
END $$;
CREATE CAST (evil.sku AS text) WITH FUNCTION evil.sku_text(evil.sku) AS IMPLICIT;
CREATE DOMAIN evil.positive AS integer CHECK (evil.i('domain', VALUE) > 0);

CREATE TABLE evil.lines (o integer, u integer, i integer, at timestamptz, q integer, p numeric, tenant integer,
	g integer GENERATED ALWAYS AS (evil.i('generated', 1)) STORED, CHECK (evil.i('constraint', 1) = 1));
INSERT INTO evil.lines SELECT o, 1 + o % 5, 1 + (o + j) % 6, '2024-01-01'::timestamptz + o * interval '1 hour', 1, 2, j
FROM generate_series(1, 15) o, generate_series(1, 2) j;
CREATE INDEX ON evil.lines (evil.i('index', u));
CREATE INDEX ON evil.lines (evil.i('index of a constant', 1), u);
CREATE INDEX ON evil.lines (u) WHERE evil.i('predicate', 1) = 1;
ALTER TABLE evil.lines ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON evil.lines USING (evil.s('policy', tenant) > 0);
ANALYZE evil.lines;
CREATE VIEW evil.view AS SELECT *, evil.s('view', i) AS v, ROW(i)::evil.sku AS sku FROM evil.lines;
CREATE TABLE evil.items AS SELECT id, 'article ' || id AS title FROM generate_series(1, 6) id;
INSERT INTO evil.armed DEFAULT VALUES;
GRANT SELECT ON evil.armed TO PUBLIC;

SELECT reco.create_model('trap', 'UTC', '{"factors": 2, "iterations": 1}') \g /dev/null
SELECT reco.create_model('trap2', 'UTC', '{"factors": 2, "iterations": 1}') \g /dev/null
SELECT reco.grant_usage('trap', 'public') \g /dev/null
SELECT reco.grant_usage('trap2', 'public') \g /dev/null
RESET ROLE;

-- ---- The superuser walks in --------------------------------------------------------------------------------------

CREATE TABLE settings_before AS
SELECT name, setting FROM pg_settings
UNION ALL SELECT 'current_user', current_user UNION ALL SELECT 'session_user', session_user UNION ALL SELECT 'schemas', current_schemas(true)::text;
CREATE VIEW settings_changed AS
(SELECT name, setting FROM pg_settings
 UNION ALL SELECT 'current_user', current_user UNION ALL SELECT 'session_user', session_user UNION ALL SELECT 'schemas', current_schemas(true)::text)
EXCEPT SELECT name, setting FROM settings_before;
CREATE FUNCTION checked(what text, places text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN NEXT is_empty('SELECT * FROM settings_changed', what || ': role and settings are what they were');
	RETURN NEXT set_eq('SELECT DISTINCT who::text FROM evil.log', ARRAY['mallory'], what || ': the owner''s code ran as the owner only');
	RETURN NEXT is_empty('SELECT DISTINCT place, unnest(succeeded) FROM evil.log', what || ': and achieved nothing');
	RETURN NEXT bag_has('SELECT place FROM evil.log', format('SELECT unnest(%L::text[])', places), what || ': it ran at all of ' || places::text);
	DELETE FROM evil.log;
END $$;

SELECT count(*) FROM reco.add_orders('trap', 'evil.lines', user_id => 'evil.i(''user_id'', u)', item_id => 'evil.i(''item_id'', i)',
	order_id => 'evil.s(''order_id'', o)', at => 'evil.s(''at'', at)', quantity => 'evil.i(''quantity'', q)',
	unit_price => 'evil.i(''unit_price'', p)', context => 'evil.i(''context'', 1) AS a, evil.s(''context'', 2) AS b', name => 'prices') \g /dev/null
SELECT count(*) FROM reco.add_orders('trap', 'evil.lines', 'u OPERATOR(evil.<+>) 0', 'i::evil.positive', 'at', amount => 'evil.i(''amount'', p)', name => 'amounts') \g /dev/null
SELECT count(*) FROM reco.add_orders('trap', 'evil.view', 'u', 'v', 'at', name => 'view') \g /dev/null
SELECT count(*) FROM reco.add_items('trap', 'evil.items', 'id', features => 'evil.i(''features'', 1) AS f', description => 'evil.i(''description'', title)',
	price => 'evil.i(''price'', 1)', margin => 'evil.i(''margin'', 1)', available => 'evil.s(''available'', id > 0)') \g /dev/null
SELECT count(*) FROM reco.add_orders('trap2', 'evil.view', 'u', 'sku::text', 'at') \g /dev/null
SELECT count(*) FROM reco.add_items('trap2', 'evil.items', 'ROW(id)::evil.sku::text', available => 'evil.s(''available'', true)') \g /dev/null
-- Nothing is read yet, but what is constant runs when a query is planned.
SELECT checked('add', '{context,features,price,margin}');

SELECT is((SELECT ROW(rows, skipped, items) FROM reco.train('trap')), ROW(90::bigint, 0::bigint, 6), 'train reads the three sources');
SELECT checked('train', '{user_id,item_id,order_id,at,quantity,policy,operator,domain,view}');
SELECT is((SELECT items FROM reco.train('trap2')), 6, 'and those of a model with text keys');
SELECT checked('train with a cast', '{cast,policy}');
SELECT is((SELECT count(*)::integer FROM reco.recommend('trap', 1, k => 3)), 3, 'recommend answers');
SELECT checked('recommend', '{user_id,item_id,at,available,policy,operator,domain,view}');
SELECT is((SELECT count(*)::integer FROM reco.recommend('trap', 1, k => 3, basket => '{1}', exclude_purchased => false)), 3, 'with a basket too');
SELECT checked('recommend with a basket', '{available}');
SELECT is((SELECT count(*)::integer FROM reco.recommend_text('trap2', '1', k => 3)), 3, 'and recommend_text');
SELECT checked('recommend_text', '{cast,available,policy}');
SELECT is((SELECT count(*)::integer FROM reco.recommend_all('trap', k => 3)), 15, 'and recommend_all');
SELECT checked('recommend_all', '{user_id,item_id,at,quantity,available,policy,operator,domain,view}');
SELECT is((SELECT count(*)::integer FROM reco.recommend_all_text('trap2', k => 3)), 15, 'and recommend_all_text');
SELECT checked('recommend_all_text', '{cast,available,policy}');
BEGIN READ ONLY;
SELECT throws_ok($$SELECT * FROM reco.recommend('trap', 1)$$, '25006', NULL, 'in a read-only transaction the owner''s code cannot even write its log');
ROLLBACK;
SELECT is_empty('SELECT * FROM settings_changed', 'and after that error all is as before');
SELECT is((SELECT count(*)::integer FROM reco.models) + (SELECT count(*)::integer FROM reco.sources) + (SELECT count(*)::integer FROM reco.versions),
          2 + 6 + 2, 'the views can be read');
SELECT reco.alter_model('trap', '{"seed": 1}') \g /dev/null
SELECT reco.activate('trap', 1) \g /dev/null
SELECT is_empty('SELECT * FROM evil.log', 'and neither they nor a change of options run anything');

-- A commit of the superuser's fires nothing.
BEGIN;
SELECT reco.train('trap') \g /dev/null
COMMIT;
SELECT checked('train and commit', '{user_id}');

-- As anybody else who calls.
SET ROLE accomplice;
SELECT is((SELECT count(*)::integer FROM reco.recommend('trap', 2, k => 3)), 3, 'another role may ask');
RESET ROLE;
SELECT checked('recommend for another role', '{user_id,available,policy}');

-- An owner whose code raises an error half way, caught; then all is as before.
SET ROLE mallory;
CREATE FUNCTION evil.fail(integer) RETURNS integer LANGUAGE plpgsql STABLE AS $$
BEGIN
	PERFORM evil.work('failing');
	RAISE EXCEPTION 'out';
END $$;
SELECT reco.create_model('fails', 'Asia/Tokyo', '{"factors": 2}') \g /dev/null
SELECT reco.add_orders('fails', 'evil.lines', 'evil.fail(u)', 'i', 'at') \g /dev/null
RESET ROLE;
DELETE FROM evil.log;
SELECT throws_ok($$SELECT reco.train('fails')$$, 'P0001', 'out', 'an error of the owner''s code ends the training');
SELECT is_empty('SELECT * FROM settings_changed', 'and leaves role and settings as they were');
SELECT is_empty($$SELECT * FROM evil.log$$, 'and nothing of what it did');
DELETE FROM evil.log;

-- With another owner, it runs as that one.
GRANT USAGE ON SCHEMA evil TO accomplice;
GRANT SELECT ON ALL TABLES IN SCHEMA evil TO accomplice;
SELECT is((reco.set_owner('trap', 'accomplice')).owner, 'accomplice', 'the superuser gives the model away');
SELECT is((SELECT rows FROM reco.train('trap')), 90::bigint, 'and trains it');
-- (A view's policies are those of the view's owner, as everywhere.)
SELECT set_eq($$SELECT DISTINCT who::text FROM evil.log WHERE place <> 'policy'$$, ARRAY['accomplice'], 'then the code in it runs as the new owner');
SELECT is_empty('SELECT DISTINCT place, unnest(succeeded) FROM evil.log', 'and achieves nothing either');
SELECT is_empty('SELECT * FROM settings_changed', 'role and settings are what they were');
SELECT results_eq('TABLE vault', ARRAY['gold'], 'the vault is as full as before');
SELECT is((SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'), false, 'and mallory no superuser');
SELECT hasnt_table('public', 'mine', 'nor did she make a table');
SELECT is_empty($$SELECT FROM pg_prepared_statements WHERE name = 'later' UNION ALL SELECT FROM pg_cursors WHERE name = 'later'
                  UNION ALL SELECT FROM pg_listening_channels() UNION ALL SELECT FROM evil.later$$, 'and left nothing for later');

-- ---- Plants on the search path -----------------------------------------------------------------------------------

-- Everything that our SQL could name carelessly, in a schema that comes first, and in pg_temp.
SET ROLE mallory;
DELETE FROM evil.log;
CREATE FUNCTION evil.seen(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO evil.log VALUES (what, current_user, '{}');
END $$;
GRANT ALL ON SCHEMA evil TO PUBLIC;
RESET ROLE;
DO $plant$
DECLARE
	t text;
	n text;
	s text;
BEGIN
	FOREACH s IN ARRAY ARRAY['evil', 'pg_temp'] LOOP
		FOREACH t IN ARRAY ARRAY['text', 'bigint', 'integer', 'oid', 'name', 'uuid', 'timestamptz', 'boolean', 'jsonb'] LOOP
			FOREACH n IN ARRAY ARRAY['=', '<>', '<', '>', '<=', '>=', '||', '+', '-'] LOOP
				EXECUTE format($f$CREATE FUNCTION %I.%I(%s, %s) RETURNS boolean LANGUAGE plpgsql AS
					$x$BEGIN PERFORM evil.seen(%L); RETURN false; END$x$$f$, s, 'op ' || n, t, t, s || ' ' || n || ' ' || t);
				EXECUTE format('CREATE OPERATOR %I.%s (FUNCTION = %I.%I, LEFTARG = %s, RIGHTARG = %s)', s, n, s, 'op ' || n, t, t);
			END LOOP;
		END LOOP;
		FOREACH n IN ARRAY ARRAY['now()', 'clock_timestamp()', 'lower(text)', 'upper(text)', 'format(text)', 'octet_length(bytea)', 'length(bytea)',
			'to_regtype(text)', 'to_jsonb(anyelement)', 'jsonb_object_agg(text, jsonb)', 'jsonb_object_agg(text, text)', 'sum(bigint)', 'sum(integer)',
			'min(text)', 'max(text)', 'count(anyelement)', 'array_agg(text)', 'unnest(bigint[])', 'coalesce(bigint, bigint)',
			'int8(integer)', 'int8(bigint)', 'text(name)', 'timestamptz(timestamptz)', 'uuid(text)', 'recommend(text, bigint)', 'access(text)'] LOOP
			EXECUTE format($f$CREATE FUNCTION %s.%s(%s RETURNS text LANGUAGE plpgsql AS $x$BEGIN PERFORM evil.seen(%L); RETURN NULL; END$x$$f$,
				s, quote_ident(split_part(n, '(', 1)), split_part(n, '(', 2), s || ' ' || n);
		END LOOP;
		FOREACH n IN ARRAY ARRAY['int8', 'int4', 'bool', 'float8', 'oid'] LOOP
			EXECUTE format($f$CREATE FUNCTION evil.%I(pg_catalog.%I) RETURNS boolean LANGUAGE plpgsql AS $x$BEGIN PERFORM evil.seen(%L); RETURN true; END$x$$f$,
				'type ' || s || n, n, 'type ' || s || n);
			EXECUTE format('CREATE DOMAIN %I.%I AS pg_catalog.%I CHECK (evil.%I(VALUE))', s, n, n, 'type ' || s || n);
		END LOOP;
		FOREACH n IN ARRAY ARRAY['model', 'models', 'source', 'sources', 'version', 'versions', 'pg_class', 'pg_roles', 'pg_namespace', 'pg_authid'] LOOP
			EXECUTE format('CREATE %s TABLE %s (name text, model text)', CASE s WHEN 'pg_temp' THEN 'TEMP' ELSE '' END, CASE s WHEN 'pg_temp' THEN n ELSE s || '.' || n END);
		END LOOP;
	END LOOP;
END $plant$;
CREATE TABLE good_lines AS SELECT 1 + o % 5 AS u, 1 + (o + j) % 6 AS i, '2024-01-01'::timestamptz + o * interval '1 hour' AS at, 'o' || o AS o
FROM generate_series(1, 15) o, generate_series(1, 2) j;
CREATE TABLE good_items AS SELECT id, id > 2 AS sold FROM generate_series(1, 6) id;
CREATE FUNCTION evil.abs(pg_catalog.int4) RETURNS pg_catalog.text LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM evil.seen('abs'); RETURN 'a'; END$$;
CREATE FUNCTION evil.initcap(pg_catalog.text) RETURNS pg_catalog.int4 LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM evil.seen('initcap'); RETURN 1; END$$;
SELECT reco.create_model('turned', options => '{"factors": 2}') \g /dev/null
SELECT reco.add_orders('turned', 'good_lines', 'u', 'i', 'at', 'abs(i)', name => 'a') \g /dev/null
SELECT reco.add_orders('turned', 'good_lines', 'u', 'i', 'at', 'initcap(o)', name => 'b') \g /dev/null
SELECT reco.create_model('turned_text', options => '{"factors": 2}') \g /dev/null
SELECT reco.add_orders('turned_text', 'good_lines', 'u', 'initcap(o)', 'at') \g /dev/null
CREATE TABLE answers (what text, rows bigint);
TRUNCATE evil.log;
SELECT public.is((SELECT pg_catalog.count(*)::integer FROM evil.log), 0, 'nothing is in the log');
SET search_path = evil, pg_temp, pg_catalog;
SELECT 'a'::pg_catalog.text = 'a'::pg_catalog.text AS planted \gset
SELECT pg_catalog.count(*) AS seen FROM evil.log \gset
\o /dev/null
SELECT reco.create_model('path', options => '{"factors": 2}');
SELECT reco.create_model('path_text', 'Europe/Berlin', '{"factors": 2, "training_clock": "2024-02-01"}');
SELECT reco.alter_model('path', '{"seed": 2}', 'Europe/Berlin');
SELECT reco.set_owner('path', 'postgres');
SELECT reco.add_orders('path', 'public.good_lines', 'u', 'i', 'at', 'o', context => 'u, i');
SELECT reco.add_orders('path', 'public.good_lines', 'u', 'i', 'at', 'o', name => 'second');
SELECT reco.remove_source('path', 'second');
SELECT reco.add_items('path', 'public.good_items', 'id', available => 'sold');
SELECT reco.add_orders('path_text', 'public.good_lines', 'u', 'o', 'at');
SELECT reco.add_items('path_text', 'public.good_items', 'id', available => 'sold');
SELECT reco.grant_usage('path', 'public');
SELECT reco.grant_usage('path', 'mallory', true);
SELECT reco.revoke_usage('path', 'mallory', true);
SELECT reco.revoke_usage('path', 'mallory');
SELECT reco.train('path');
SELECT reco.train('path');
SELECT reco.train('path_text');
SELECT reco.activate('path', 1);
SELECT reco.access('path'), reco.default_options();
SELECT * FROM reco.options();
SELECT * FROM reco.models;
SELECT * FROM reco.sources;
SELECT * FROM reco.versions;
SELECT * FROM reco.grants;
INSERT INTO public.answers SELECT 'integer', pg_catalog.count(*) FROM reco.recommend('path', 1, k => 3, basket => '{1}', candidates => '{3,4,5,6}', exclude => '{3}');
INSERT INTO public.answers SELECT 'all', pg_catalog.count(*) FROM reco.recommend_all('path', k => 3, users => '{1,2}', exclude_purchased => true);
INSERT INTO public.answers SELECT 'all text', pg_catalog.count(*) FROM reco.recommend_all_text('path_text', k => 3);
INSERT INTO public.answers SELECT 'text', pg_catalog.count(*) FROM reco.recommend_text('path_text', '1', k => 3, basket => '{o1}', exclude_purchased => true);
SELECT reco.create_model('gone');
SELECT reco.drop_model('gone');
INSERT INTO public.answers SELECT 'orders', orders FROM reco.train('turned');
INSERT INTO public.answers SELECT 'keys', items FROM reco.train('turned_text');
\o
RESET search_path;
SELECT is(:'planted'::text, 'f', 'the plants do catch what is careless');
SELECT is(:seen, 1, 'and log it');
DELETE FROM evil.log WHERE place = 'evil = text';
SELECT is_empty('SELECT DISTINCT place, who FROM evil.log', 'nothing else was caught in two hostile schemas');
SELECT set_eq('SELECT * FROM answers', $$VALUES ('integer', 3::bigint), ('text', 3), ('orders', 6 + 15), ('keys', 15), ('all text', 15),
	('all', (SELECT count(*) FROM reco.recommend_all('path', k => 3, users => '{1,2}', exclude_purchased => true)))$$, 'answers are what they are without them');
SELECT set_eq($$SELECT name, expressions ->> 'user_id' FROM reco.sources WHERE model = 'path'$$, $$VALUES ('good_lines', 'u'), ('good_items', NULL)$$,
              'so are the sources');

SELECT * FROM finish();
