-- Faults that were found by reading the code, each with the test that shows it.
SELECT plan(25);
SET client_min_messages = warning;
CREATE ROLE reader_owner;
CREATE ROLE reader_guest;
GRANT EXECUTE ON FUNCTION reco.create_model TO reader_owner;
CREATE SCHEMA evil AUTHORIZATION reader_owner;
CREATE SCHEMA plain;
GRANT ALL ON SCHEMA plain TO reader_owner;

-- Parsing runs code: the check of a domain, when a literal is cast to an array of it.
SET ROLE reader_owner;
CREATE TABLE evil.seen (who text);
CREATE FUNCTION evil.chk(integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF current_user <> 'reader_owner' THEN RAISE EXCEPTION 'code of the owner runs as %', current_user; END IF;
	RETURN true;
END $$;
CREATE DOMAIN evil.d AS integer CHECK (evil.chk(VALUE));
CREATE TABLE evil.lines AS SELECT o % 20 AS u, (o * l) % 10 AS i, o, timestamptz '2026-01-01' + o * interval '1 hour' AS at, 1 AS q
FROM generate_series(1, 200) o, generate_series(1, 3) l;
SELECT reco.create_model('domain', options => '{"factors": 4}') \g /dev/null
SELECT reco.add_orders('domain', 'evil.lines', $$u + ('{0}'::evil.d[])[1]$$, $$i + ('{0}'::evil.d[])[1]$$, 'at', order_id => $$o + ('{0}'::evil.d[])[1]$$) \g /dev/null
SELECT reco.add_items('domain', 'evil.lines', item_id => 'i', available => $$('{1}'::evil.d[])[1] = 1$$) \g /dev/null
RESET ROLE;
SELECT lives_ok($$SELECT reco.train('domain')$$, 'a superuser who trains does not run what parsing runs');
SELECT lives_ok($$SELECT count(*) FROM reco.recommend('domain', 1)$$, 'nor by recommend');
SELECT lives_ok($$SELECT count(*) FROM reco.recommend_all('domain')$$, 'nor by recommend_all');
SELECT lives_ok($$SELECT count(*) FROM reco.check('domain')$$, 'nor by check');

-- Orders of nothing but returns have no time, and are not the newest.
CREATE TABLE credit AS SELECT o % 50 AS u, (o * l) % 20 AS i, o, timestamptz '2026-01-01' + o * interval '1 hour' AS at, 1 AS q
FROM generate_series(1, 3000) o, generate_series(1, 3) l;
SELECT reco.create_model('credit', options => '{"factors": 4}') \g /dev/null
SELECT reco.add_orders('credit', 'credit', 'u', 'i', 'at', order_id => 'o', quantity => 'q') \g /dev/null
SELECT heldout_orders AS before FROM reco.train('credit') \gset
INSERT INTO credit SELECT 999, 1, 10000 + o, '2026-06-01', -1 FROM generate_series(1, 600) o;
SELECT is((SELECT heldout_orders FROM reco.train('credit')), :before, 'credit notes do not take the place of held-out orders');
SELECT cmp_ok(:before, '>', 200, 'of which there are some');

-- Returns net in linear time, within one moment too, and leave no dust.
CREATE TABLE back AS SELECT 1 AS u, 1 AS i, timestamptz '2026-01-01' + g * interval '1 second' AS at, CASE WHEN g <= 150000 THEN 1 ELSE -1 END::real AS q
FROM generate_series(1, 300000) g;
INSERT INTO back VALUES (1, 2, '2026-01-02', 1);
SELECT reco.create_model('back', options => '{"factors": 4}') \g /dev/null
SELECT reco.add_orders('back', 'back', 'u', 'i', 'at', quantity => 'q') \g /dev/null
SET statement_timeout = '20s';
SELECT is((SELECT orders FROM reco.train('back')), 1, '150,000 returns are netted');
RESET statement_timeout;
CREATE FUNCTION popular(lines text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	TRUNCATE back;
	EXECUTE 'INSERT INTO back VALUES ' || lines;
	PERFORM reco.train('back');
	SELECT string_agg(item_id || ':' || round(score::numeric, 3), ' ' ORDER BY item_id) INTO result FROM reco.recommend('back', NULL, as_of => '2026-01-10');
	RETURN result;
END $$;
SELECT is(popular($$(1, 1, '2026-01-09', 1), (1, 1, '2026-01-09', -1), (1, 2, '2026-01-09', 1)$$), '1:0.000 2:1.000', 'a return of the same moment finds its purchase');
SELECT is(popular($$(1, 1, '2026-01-09', 0.3), (1, 1, '2026-01-09', -0.1), (1, 1, '2026-01-09', -0.1), (1, 1, '2026-01-09', -0.1), (1, 2, '2026-01-09', 1)$$),
	'1:0.000 2:1.000', 'fractions leave no dust');
SELECT is(popular($$(1, 1, '2026-01-09', 0.3), (1, 1, '2026-01-09', -0.1), (1, 2, '2026-01-09', 1)$$), '1:1.000 2:1.000', 'but what is left is left');

-- A customer of whom nothing is known gets popularity in the trials, as in requests.
CREATE TABLE once AS SELECT o AS u, CASE WHEN hashint4(o * 7 + l) % 2 = 0 THEN 39 ELSE abs(hashint4(o * 31 + l)) % 40 END AS i, o, timestamptz '2026-01-01' + o * interval '1 minute' AS at
FROM generate_series(1, 4000) o, generate_series(1, 2) l;
SELECT reco.create_model('once', options => '{"factors": 4}') \g /dev/null
SELECT reco.add_orders('once', 'once', 'u', 'i', 'at', order_id => 'o') \g /dev/null
SELECT cmp_ok((SELECT recall_next FROM reco.train('once')), '>', 0.4::float8, 'customers without history are scored as they are served');

-- Who may not see expressions does not see them in errors either.
CREATE TABLE secret AS SELECT i AS id, 0 AS stock FROM generate_series(0, 19) i;
SELECT reco.add_items('credit', 'secret', item_id => 'id', available => '100 / stock > 3') \g /dev/null
SELECT reco.grant_usage('credit', 'reader_guest') \g /dev/null
CREATE FUNCTION whole_error(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text; message text; detail text; hint text; context text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS OR query_canceled THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
	RETURN concat_ws('|', state, message, detail, hint, context);
END $$;
SET ROLE reader_guest;
SELECT is(split_part(whole_error($$SELECT count(*) FROM reco.recommend('credit', 1)$$), '|', 1), '22012', 'the state of the error stays');
SELECT is(split_part(whole_error($$SELECT count(*) FROM reco.recommend('credit', 1)$$), '|', 2), 'source "secret" of model "credit" could not be read', 'what it says');
SELECT unalike(whole_error($$SELECT count(*) FROM reco.recommend('credit', 1)$$), '%stock%', 'it does not quote the expression');
RESET ROLE;
ALTER TABLE secret RENAME stock TO amount;
SET ROLE reader_guest;
SELECT unalike(whole_error($$SELECT count(*) FROM reco.recommend('credit', 1)$$), '%stock%', 'nor when a column is gone');
RESET ROLE;
SELECT alike(whole_error($$SELECT count(*) FROM reco.recommend('credit', 1)$$), '%stock%', 'the owner sees it');

CREATE VIEW slow AS SELECT id, true AS ok FROM secret, pg_sleep(5);
SELECT reco.remove_source('credit', 'secret') \g /dev/null
SELECT reco.add_items('credit', 'slow', item_id => 'id', available => 'ok AND id <> 4711') \g /dev/null
SET ROLE reader_guest;
SET statement_timeout = '300ms';
SELECT whole_error($$SELECT count(*) FROM reco.recommend('credit', 1)$$) AS cancelled \gset
RESET statement_timeout;
RESET ROLE;
SELECT alike(:'cancelled'::text, '57014|canceling statement due to statement timeout%', 'a request that is cancelled says so');
SELECT unalike(:'cancelled'::text, '%4711%', 'and quotes nothing');

-- Every member of a list is looked at when a source is added.
SET ROLE reader_owner;
SELECT reco.create_model('lists') \g /dev/null
RESET ROLE;
CREATE TABLE plain.items (id integer, a text, b text);
GRANT SELECT (id, a) ON plain.items TO reader_owner;
SET ROLE reader_owner;
SELECT throws_ok($$SELECT reco.add_items('lists', 'plain.items', item_id => 'id', features => 'a, b')$$, '42501', NULL, 'a right that is missing for the second of a list');
-- What is volatile only by the default of an argument.
CREATE FUNCTION evil.jitter(x integer, y double precision DEFAULT random()) RETURNS integer LANGUAGE sql STABLE AS $$SELECT x + (y * 100)::integer$$;
SELECT throws_ok($$SELECT reco.add_orders('lists', 'evil.lines', 'evil.jitter(u)', 'i', 'at')$$, '42P17', 'parameter "user_id" must not call volatile functions', 'a volatile default');
-- A column whose name is that of another result.
CREATE TABLE evil.named AS SELECT u AS coalesce, i AS item, at FROM evil.lines;
SELECT lives_ok($$SELECT reco.add_orders('lists', 'evil.named', 'coalesce', 'coalesce(item, 0)', 'at')$$, 'names that repeat');
SELECT reco.train('lists') \g /dev/null
SELECT is((SELECT count(*) FROM reco.recommend('lists', 3, 4)), 4::bigint, 'are told apart');
RESET ROLE;

-- Where many orders share a date, held out are about as many as else.
CREATE TABLE dated AS SELECT o % 50 AS u, (o * l) % 20 AS i, o, date '2026-01-01' + CASE WHEN o <= 800 THEN 0 WHEN o <= 2850 THEN 1 ELSE 2 END AS at
FROM generate_series(1, 3000) o, generate_series(1, 2) l;
SELECT reco.create_model('dated', options => '{"factors": 4}') \g /dev/null
SELECT reco.add_orders('dated', 'dated', 'u', 'i', 'at', order_id => 'o') \g /dev/null
SELECT cmp_ok((SELECT heldout_orders FROM reco.train('dated')), '<=', 150, 'the day that would more than double the tenth is not held out');

-- What training asks of the types of columns before it reads any says whose column is wrong.
CREATE TABLE shoppers AS SELECT i AS id, i AS age FROM generate_series(0, 49) i;
SELECT reco.add_users('dated', 'shoppers', 'id', features => 'age') \g /dev/null
ALTER TABLE shoppers DROP COLUMN age;
SELECT alike(whole_error($$SELECT reco.train('dated')$$), '42703|column "age" does not exist|%source "shoppers" (users) of model "dated"%', 'a feature that is gone');
DROP TABLE shoppers;
SELECT alike(whole_error($$SELECT reco.train('dated')$$), '42P01|relation "public.shoppers" of model "dated" does not exist any more|%source "shoppers" (users) of model "dated"%', 'and its source');
SELECT * FROM finish();
