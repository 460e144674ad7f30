-- recommend_all and training with parallel workers: the same rows and bytes for any number of them, and in every place a query can stand.
-- (That workers took part, that they may not come, and what is left after errors is in test/t/parallel.pl and parallel_train.pl.)
SELECT plan(64);
SET client_min_messages = warning;

CREATE TABLE lines AS
SELECT (n * 7919 % 8009)::bigint AS customer, (n % 40 + (n * 31 % 49) * 40)::bigint AS item, n / 3 AS "order",
	   timestamptz '2026-01-01' + n * interval '1 minute' AS at, 1 + n % 3 - 4 * (n % 29 = 0)::integer AS quantity
FROM generate_series(1, 80000) n;
CREATE INDEX ON lines (customer, at DESC);
CREATE TABLE products AS SELECT i AS id, i % 7 <> 0 AS ok FROM generate_series(0, 2000) i;
CREATE VIEW text_lines AS SELECT 'c' || customer AS customer, 'item ' || item AS item, "order", at, quantity FROM lines;
SELECT reco.create_model(m, 'UTC', '{"factors": 64, "iterations": 2, "holdout_orders": 0, "history_limit": 8}') FROM unnest('{shop,text}'::text[]) m \g /dev/null
SELECT reco.add_orders('shop', 'lines', 'customer', 'item', 'at', order_id => '"order"', quantity => 'quantity') \g /dev/null
SELECT reco.add_orders('text', 'text_lines', 'customer', 'item', 'at', order_id => '"order"', quantity => 'quantity') \g /dev/null
SELECT reco.train('shop'), reco.train('text') \g /dev/null
SELECT reco.add_items('shop', 'products', item_id => 'id', available => 'ok') \g /dev/null

-- Rows in their order, as one digest.
CREATE FUNCTION digest(workers integer, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('max_parallel_workers_per_gather', workers::text, true);
	EXECUTE format('SELECT count(*) || '' '' || md5(string_agg(r::text, '''')) FROM %s r', call) INTO result;
	RETURN result;
END $$;
CREATE TABLE calls (call text, n_rows bigint, serial text);
INSERT INTO calls VALUES
	('reco.recommend_all(''shop'', as_of => ''2026-04-01'')', 80090),
	('reco.recommend_all(''shop'', 25, exclude_purchased => true, as_of => ''2026-02-10'')', NULL),
	('reco.recommend_all(''shop'', 3, users => (SELECT array_agg(g) FROM generate_series(-500, 20000, 2) g), as_of => ''2026-04-01'')', 3 * 10251),
	('reco.recommend_all(''shop'', 1000000, users => (SELECT array_agg(g) FROM generate_series(1, 400) g), as_of => ''2026-04-01'')', NULL),
	('reco.recommend_all(''shop'', 300, users => (SELECT array_agg(g) FROM generate_series(1, 4000) g), as_of => ''2026-04-01'')', 300 * 4000),
	('reco.recommend_all_text(''text'', 4, as_of => ''2026-04-01'')', 4 * 8009);
UPDATE calls SET serial = digest(0, call);
SELECT is(digest(workers, call), serial, format('%s workers: %s', workers, call)) FROM calls, unnest('{1,2,4}'::integer[]) workers ORDER BY call, workers;
SELECT is(split_part(serial, ' ', 1)::bigint, n_rows, format('%s rows: %s', n_rows, call)) FROM calls WHERE n_rows IS NOT NULL;

SET max_parallel_workers_per_gather = 4;
SELECT results_eq(
	$$SELECT * FROM reco.recommend_all('shop', 7, as_of => '2026-02-01') WHERE user_id % 97 = 0$$,
	$$SELECT c, r.* FROM generate_series(0::bigint, 8008, 97) c, reco.recommend('shop', c, 7, as_of => '2026-02-01') r WHERE c IN (SELECT customer FROM lines WHERE at < '2026-02-01') ORDER BY 1, 2$$,
	'rows that workers made equal recommend''s');

-- ---- Where a query can stand ----------------------------------------------------------------------------------------

CREATE FUNCTION sum_of(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT count(*) || '' '' || sum(score)::text FROM %s', call) INTO result;
	RETURN result;
END $$;
SELECT set_config('test.every', $$reco.recommend_all('shop', as_of => '2026-04-01')$$, false) AS every \gset
SELECT sum_of(:'every') AS expected \gset

CREATE MATERIALIZED VIEW recs AS SELECT * FROM :every;
CREATE UNIQUE INDEX ON recs (user_id, rank);
SELECT is(sum_of('recs'), :'expected', 'a materialized view');
SELECT lives_ok('REFRESH MATERIALIZED VIEW recs', 'refreshed');
SELECT lives_ok('REFRESH MATERIALIZED VIEW CONCURRENTLY recs', 'refreshed concurrently');
SELECT is(sum_of('recs'), :'expected', 'to the same');

CREATE FUNCTION in_exception_block() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	BEGIN
		result := sum_of(current_setting('test.every'));
		PERFORM 1 / (length(result) - length(result));
	EXCEPTION WHEN division_by_zero THEN
		result := result || ' ' || sum_of(current_setting('test.every'));
	END;
	RETURN result;
END $$;
SELECT is(in_exception_block(), :'expected' || ' ' || :'expected', 'in a block with an exception handler, and after its error');

BEGIN;
DECLARE c CURSOR FOR SELECT * FROM :every;
SAVEPOINT s;
FETCH 3 FROM c \g /dev/null
SELECT is((SELECT sum_of(current_setting('test.every'))), :'expected', 'beside an open cursor');
ROLLBACK TO s;
CLOSE c;
CREATE TEMP TABLE kept AS SELECT * FROM :every;
SELECT is(sum_of('kept'), :'expected', 'in a transaction that writes');
COMMIT;

BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT is(sum_of(current_setting('test.every')), :'expected', 'in a read-only transaction');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT is(sum_of(current_setting('test.every')), :'expected', 'in a serializable one');
COMMIT;

CREATE ROLE shopkeeper;
CREATE ROLE visitor;
GRANT SELECT ON lines, products TO shopkeeper;
SELECT reco.set_owner('shop', 'shopkeeper'), reco.grant_usage('shop', 'shopkeeper') \g /dev/null
CREATE FUNCTION for_visitors() RETURNS text SECURITY DEFINER BEGIN ATOMIC SELECT count(*) || ' ' || sum(score)::text FROM reco.recommend_all('shop', as_of => '2026-04-01'); END;
ALTER FUNCTION for_visitors() OWNER TO shopkeeper;
SET ROLE visitor;
SELECT is(for_visitors(), :'expected', 'in a security definer function');
SELECT throws_ok(format('SELECT * FROM %s', :'every'), '42501', NULL, 'which alone lets its caller in');
RESET ROLE;

-- A plan that is parallel itself, and one that is made to be.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT is((SELECT count(*) || ' ' || sum(r.score)::text FROM lines l JOIN reco.recommend_all('shop', as_of => '2026-04-01') r ON l.customer = r.user_id AND l.item = r.item_id WHERE r.rank = 1 AND l.quantity > 0),
          (SELECT count(*) || ' ' || sum(r.score)::text FROM lines l JOIN kept r ON l.customer = r.user_id AND l.item = r.item_id WHERE r.rank = 1 AND l.quantity > 0), 'in a parallel plan');
SELECT set_config(name, 'regress', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \g /dev/null
SELECT is(sum_of(current_setting('test.every')), :'expected', 'where every plan is to be parallel');
SELECT is((SELECT count(*) FROM products p WHERE p.id = 1 AND :'expected' = sum_of(current_setting('test.every'))), 1::bigint, 'also in a filter');
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \g /dev/null

-- ---- Where workers are not to be had --------------------------------------------------------------------------------

SET max_parallel_workers = 0;
SELECT is(sum_of(current_setting('test.every')), :'expected', 'no workers allowed');
RESET max_parallel_workers;

-- ---- Training -------------------------------------------------------------------------------------------------------

RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
SET max_parallel_workers_per_gather = 0;

-- The bytes of a model with these options; held-out orders that the factors' memory has no room for are left to the leader.
CREATE FUNCTION trained(workers integer, source text, options jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	digest text;
BEGIN
	PERFORM set_config('max_parallel_maintenance_workers', workers::text, true);
	BEGIN
		PERFORM reco.alter_model(source, options), reco.train(source);
		SELECT md5(reco.export_model(source)) INTO digest;
		RAISE EXCEPTION USING ERRCODE = 'RTEST', MESSAGE = digest;
	EXCEPTION WHEN SQLSTATE 'RTEST' THEN
		RETURN SQLERRM;
	END;
END $$;
CREATE TABLE settings AS SELECT * FROM (VALUES
	('shop', '{"factors": 64, "iterations": 3, "holdout_orders": 300}'::jsonb),
	('shop', '{"factors": 100, "iterations": 2, "holdout_orders": 0}'),
	('shop', '{"factors": 40, "iterations": 2, "holdout_orders": 0, "solver": "exact"}'),
	('shop', '{"factors": 3, "iterations": 50, "holdout_orders": 5000, "customer_weight": 0}'),
	('text', '{"factors": 32, "iterations": 8, "holdout_orders": 100, "customer_weight": 0}'),
	('text', '{"factors": 17, "iterations": 9, "holdout_orders": 100, "order_half_life": 10}')) v (source, options);
ALTER TABLE settings ADD COLUMN expected text;
UPDATE settings SET expected = trained(0, source, options);
SELECT is(count(DISTINCT expected), 6::bigint, 'six different models') FROM settings;
SELECT is(trained(workers, source, options), expected, format('%s workers: %s %s', workers, source, options)) FROM settings, generate_series(1, 3) workers ORDER BY source, options, workers;

CREATE FUNCTION factorized(workers integer, weight text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	digest text;
BEGIN
	PERFORM set_config('max_parallel_maintenance_workers', workers::text, true);
	EXECUTE format('SELECT md5(reco.factorize(customer, item, %s, %L)) FROM lines WHERE quantity > 0', weight, '{"factors": 64, "iterations": 4}') INTO digest;
	RETURN digest;
END $$;
SELECT is(factorized(2, 'quantity'), factorized(0, 'quantity'), 'factorize, rows with weights');
SELECT is(factorized(2, 'quantity, "order", at'), factorized(0, 'quantity, "order", at'), 'factorize, orders');
SELECT factorized(0, 'quantity') AS factorized \gset
SELECT set_config(name, 'regress', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \g /dev/null
SELECT is(factorized(2, 'quantity'), :'factorized', 'where every plan is to be parallel');
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \g /dev/null
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT is(factorized(2, 'quantity'), :'factorized', 'in a parallel plan');

-- Evaluations train inside of a query.
CREATE FUNCTION evaluated(workers integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	digest text;
BEGIN
	PERFORM set_config('max_parallel_maintenance_workers', workers::text, true);
	SELECT md5(string_agg(e::text, '' ORDER BY e::text)) INTO digest FROM reco.replay('shop', orders => 100) e;
	RETURN digest;
END $$;
SELECT reco.alter_model('shop', '{"iterations": 6, "holdout_orders": 100}') \g /dev/null
SELECT is(evaluated(2), evaluated(0), 'an evaluation''s own training');
SELECT is(evaluated(2), evaluated(1), 'with one worker too');
SELECT throws_ok($$SET maintenance_work_mem = '2MB'; SELECT reco.train('shop')$$, '53400', NULL, 'too little memory is an error with workers too');
SELECT * FROM finish();
