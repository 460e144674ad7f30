-- recommend_all(users_from): the customers are read from a relation, with the caller's rights.
SELECT plan(40);
SET client_min_messages = warning;

CREATE ROLE shopkeeper;
CREATE ROLE visitor;
CREATE TABLE lines AS
SELECT (o * 7) % 60 AS customer, (o % 5) * 8 + (o * l * 31) % 11 AS item, timestamptz '2026-01-01' + o * interval '3 hours' AS at
FROM generate_series(1, 900) o, generate_series(1, 3) l;
CREATE VIEW text_lines AS SELECT 'c' || customer AS customer, 'item ' || item AS item, at FROM lines;
SELECT reco.create_model(m, 'UTC', '{"factors": 8, "iterations": 2, "holdout_orders": 0}') FROM unnest('{shop,text}'::text[]) m \g /dev/null
SELECT reco.add_orders('shop', 'lines', 'customer', 'item', 'at'), reco.add_orders('text', 'text_lines', 'customer', 'item', 'at') \g /dev/null
SELECT reco.train('shop'), reco.train('text') \g /dev/null
SELECT reco.grant_usage(m, 'visitor') FROM unnest('{shop,text}'::text[]) m \g /dev/null

-- ---- Which customers ------------------------------------------------------------------------------------------------

CREATE TABLE chosen (note text, user_id integer, more integer);
INSERT INTO chosen (user_id) VALUES (7), (3), (7), (NULL), (999), (3);
PREPARE given AS SELECT * FROM reco.recommend_all('shop', 4, users => '{3,7,999}', as_of => '2026-06-01');
PREPARE from_table AS SELECT * FROM reco.recommend_all('shop', 4, users_from => 'chosen', as_of => '2026-06-01');
SELECT results_eq('from_table', 'given', 'NULLs count nothing, repetitions once');
SELECT is((SELECT array_agg(DISTINCT source) FROM reco.recommend_all('shop', 4, users_from => 'chosen') WHERE user_id = 999), '{popular}', 'a customer without lines gets what is popular');
SELECT results_eq('from_table',
	$$SELECT c, r.* FROM unnest('{3,7,999}'::bigint[]) c, reco.recommend('shop', c, 4, as_of => '2026-06-01') r ORDER BY 1, 2$$, 'as recommend gives');
CREATE TABLE empty (user_id bigint);
SELECT is_empty($$SELECT * FROM reco.recommend_all('shop', users_from => 'empty')$$, 'no customers, no rows');
SELECT is((SELECT count(DISTINCT user_id) FROM reco.recommend_all('shop', users_from => NULL)), 60::bigint, 'NULL: everybody with an order line');

-- ---- Which relations ------------------------------------------------------------------------------------------------

CREATE VIEW a_view AS SELECT user_id FROM chosen WHERE user_id < 999;
CREATE MATERIALIZED VIEW a_matview AS SELECT user_id::smallint FROM chosen WHERE user_id < 999;
CREATE TABLE partitioned (only_one bigint) PARTITION BY LIST (only_one);
CREATE TABLE one PARTITION OF partitioned FOR VALUES IN (3);
CREATE TABLE two PARTITION OF partitioned FOR VALUES IN (7);
INSERT INTO partitioned VALUES (3), (7);
CREATE TEMP TABLE passing AS SELECT user_id FROM a_view;
CREATE DOMAIN customer_number AS integer;
CREATE SCHEMA "a ""b"" schema";
CREATE TABLE "a ""b"" schema"."x; DROP TABLE lines; --" (dropped text, "the only'one" customer_number);
ALTER TABLE "a ""b"" schema"."x; DROP TABLE lines; --" DROP COLUMN dropped;
INSERT INTO "a ""b"" schema"."x; DROP TABLE lines; --" VALUES (3), (7);
CREATE TABLE renamed (a text, user_id integer);
INSERT INTO renamed VALUES ('a', 3), ('b', 7);
SELECT is(ARRAY(SELECT DISTINCT user_id FROM reco.recommend_all('shop', 2, users_from => relation::regclass) ORDER BY 1), '{3,7}', relation)
FROM   unnest(ARRAY['a_view', 'a_matview', 'partitioned', 'passing', 'renamed', '"a ""b"" schema"."x; DROP TABLE lines; --"']) relation;

CREATE INDEX chosen_index ON chosen (user_id);
CREATE SEQUENCE counter;
CREATE TYPE pair AS (user_id integer);
CREATE TABLE two_columns (a integer, b integer);
CREATE TABLE no_column ();
CREATE TABLE of_text (user_id text);
CREATE TABLE of_numeric (user_id numeric);
SELECT throws_ok(format('SELECT * FROM reco.recommend_all(''shop'', users_from => %L::regclass)', relation), state, message, message)
FROM   (VALUES ('chosen_index', '42809', 'users cannot be read from relation "chosen_index"'), ('counter', '42809', 'users cannot be read from relation "counter"'),
               ('pair', '42809', 'users cannot be read from relation "pair"'), ('-', '42P01', 'relation with OID 0 does not exist'), ('1', '42P01', 'relation with OID 1 does not exist'),
               ('two_columns', '42703', 'relation "two_columns" has no column "user_id"'), ('no_column', '42703', 'relation "no_column" has no column "user_id"'),
               ('of_text', '42804', 'column "user_id" of relation "of_text" has type text, but the model has integer keys'),
               ('of_numeric', '42804', 'column "user_id" of relation "of_numeric" has type numeric, but the model has integer keys')) AS x (relation, state, message);
SELECT throws_ok(call, '22023', 'parameters "users" and "users_from" exclude each other', call)
FROM   unnest(ARRAY['SELECT * FROM reco.recommend_all(''shop'', users => ''{1}'', users_from => ''chosen'')',
                    'SELECT * FROM reco.recommend_all_text(''text'', users => ''{}'', users_from => ''chosen'')']) call;

-- Text keys: any type, through its text form.
CREATE TABLE text_keys (user_id varchar(10) COLLATE "C");
INSERT INTO text_keys VALUES ('c7'), ('c10'), (NULL), ('c7'), ('nobody'), ('');
SELECT results_eq($$SELECT * FROM reco.recommend_all_text('text', 3, users_from => 'text_keys', as_of => '2026-06-01')$$,
                  $$SELECT * FROM reco.recommend_all_text('text', 3, users => '{c7,c10,nobody,""}', as_of => '2026-06-01')$$, 'text keys');
SELECT is((SELECT array_agg(DISTINCT user_id) FROM reco.recommend_all_text('text', users_from => 'chosen')), '{3,7,999}', 'numbers through their text form');

-- ---- With whose rights ----------------------------------------------------------------------------------------------

SET ROLE visitor;
SELECT is((SELECT count(*) FROM reco.recommend_all('shop', 1)), 60::bigint, 'who may use a model needs no right to its sources');
SELECT throws_ok($$SELECT * FROM reco.recommend_all('shop', users_from => 'chosen')$$, '42501', 'permission denied for table chosen', 'but to the relation that he names');
RESET ROLE;
GRANT SELECT (note) ON chosen TO visitor;
SET ROLE visitor;
SELECT throws_ok($$SELECT * FROM reco.recommend_all('shop', users_from => 'chosen')$$, '42501', 'permission denied for table chosen', 'to that column');
RESET ROLE;
GRANT SELECT (user_id) ON chosen TO visitor;
SET ROLE visitor;
SELECT is((SELECT count(*) FROM reco.recommend_all('shop', 1, users_from => 'chosen')), 3::bigint, 'which is enough');
SELECT throws_ok($$SELECT * FROM reco.recommend_all('shop', users_from => 'a_view')$$, '42501', 'permission denied for view a_view', 'a view is another relation');
RESET ROLE;
CREATE POLICY low ON chosen TO visitor USING (user_id < 5);
ALTER TABLE chosen ENABLE ROW LEVEL SECURITY;
SET ROLE visitor;
SELECT is((SELECT array_agg(user_id) FROM reco.recommend_all('shop', 1, users_from => 'chosen')), '{3}', 'row-level security is the caller''s');
RESET ROLE;
SET ROLE shopkeeper;
SELECT throws_ok($$SELECT * FROM reco.recommend_all('shop', users_from => 'chosen')$$, '42501', 'permission denied for model "shop"', 'who may not use the model learns no more');
RESET ROLE;
GRANT SELECT ON chosen TO shopkeeper;
CREATE FUNCTION of_shopkeeper() RETURNS bigint SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM reco.recommend_all('shop', 1, users_from => 'public.chosen')); END $$;
SELECT reco.grant_usage('shop', 'shopkeeper') \g /dev/null
ALTER FUNCTION of_shopkeeper() OWNER TO shopkeeper;
SELECT is(of_shopkeeper(), 0::bigint, 'in a security definer function they are its owner''s, policies included');

-- The caller's settings: nothing is pinned in what he could have written himself.
CREATE VIEW whoever AS SELECT 3 AS user_id WHERE current_user = 'visitor' AND current_setting('search_path') = 'public, pg_temp';
GRANT SELECT ON whoever TO visitor;
SET search_path = public, pg_temp;
SET ROLE visitor;
SELECT is((SELECT count(*) FROM reco.recommend_all('shop', 1, users_from => 'whoever')), 1::bigint, 'his role and his settings');
RESET ROLE;
RESET search_path;

-- Operators and functions of the search path are not met on the way.
CREATE SCHEMA evil;
CREATE FUNCTION evil.int8(integer) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE 'met'; END $$;
CREATE TABLE evil.chosen (user_id text);
SELECT is((SELECT count(*) FROM reco.recommend_all('shop', 1, users_from => 'renamed')), 2::bigint, 'names mean what they say')
FROM   set_config('search_path', 'evil, public, pg_catalog', false);
RESET search_path;

-- ---- Snapshot, and what is made over it -----------------------------------------------------------------------------

BEGIN;
INSERT INTO renamed VALUES ('c', 11);
SELECT is((SELECT array_agg(user_id) FROM reco.recommend_all('shop', 1, users_from => 'renamed')), '{3,7,11}', 'rows of this transaction count');
ROLLBACK;
CREATE MATERIALIZED VIEW recs AS SELECT * FROM reco.recommend_all('shop', k => 2, users_from => 'renamed');
CREATE UNIQUE INDEX ON recs (user_id, rank);
INSERT INTO renamed VALUES ('c', 11);
ALTER TABLE renamed RENAME TO again;
SELECT lives_ok('REFRESH MATERIALIZED VIEW recs', 'a materialized view over it is refreshed after a renaming');
SELECT is((SELECT array_agg(DISTINCT user_id) FROM recs), '{3,7,11}', 'with the customers of now');
DELETE FROM again WHERE user_id = 3;
SELECT lives_ok('REFRESH MATERIALIZED VIEW CONCURRENTLY recs', 'concurrently too');
SELECT is((SELECT array_agg(DISTINCT user_id) FROM recs), '{7,11}', 'without those who are gone');
SELECT throws_ok('DROP TABLE again', '2BP01', NULL, 'and depends on the relation');
SELECT * FROM finish();
