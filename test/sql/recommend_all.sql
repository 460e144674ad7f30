-- recommend_all: every row equals what recommend gives, for every kind of history.
SELECT plan(16);
SET client_min_messages = warning;

CREATE TABLE lines (customer integer, item integer, "order" integer, at timestamptz, quantity integer);
INSERT INTO lines
SELECT CASE WHEN o % 9 <> 0 THEN (o * 7) % 60 END, (o % 5) * 8 + (o * l * 31) % 11, o, timestamptz '2026-01-01' + o * interval '3 hours', 1 + o % 2
FROM generate_series(1, 1500) o, generate_series(1, 3) l;
-- Returns, lines that count nothing, an item that the model will not know, many lines of one moment.
INSERT INTO lines SELECT c, c % 40, 5000 + c, '2026-07-20', -2 FROM generate_series(0, 30) c;
INSERT INTO lines VALUES (3, NULL, 1, '2026-07-21', 1), (3, 4, 1, NULL, 1), (3, 4, 1, 'infinity', 1), (3, 4, 1, '2026-07-21', 0), (3, 5, 1, '-infinity', 1);
INSERT INTO lines SELECT 4, i % 20, 9000, '2026-07-22', 1 FROM generate_series(1, 50) i;
CREATE TABLE archive AS SELECT customer, item, "order", at - interval '400 days' AS at FROM lines WHERE "order" < 300 AND at < 'infinity';
CREATE TABLE products AS SELECT i AS id, i % 7 <> 0 AS ok FROM generate_series(0, 60) i;
CREATE TABLE newcomers AS SELECT 999 AS customer;

SELECT lives_ok($$SELECT reco.create_model('shop', timezone => 'UTC', options => '{"factors": 8, "history_limit": 25}')$$, 'a model');
SELECT lives_ok($$SELECT reco.add_orders('shop', 'lines', 'customer', 'item', 'at', order_id => '"order"', quantity => 'quantity')$$, 'orders');
SELECT lives_ok($$SELECT reco.add_orders('shop', 'archive', 'customer', 'item', 'at', order_id => '"order"')$$, 'a second source of orders');
SELECT lives_ok($$SELECT * FROM reco.train('shop')$$, 'training');
INSERT INTO lines VALUES (5, 12345, 9999, '2026-07-23', 1);

PREPARE single AS
	SELECT c.customer::bigint, r.* FROM (SELECT customer FROM lines UNION SELECT customer FROM archive) c,
		reco.recommend('shop', c.customer, 7, as_of => '2026-07-25') r WHERE c.customer IS NOT NULL ORDER BY 1, 2;
PREPARE bulk AS SELECT * FROM reco.recommend_all('shop', 7, as_of => '2026-07-25');
SELECT results_eq('bulk', 'single', 'every row equals recommend''s, in the order of customers and ranks');
SELECT is((SELECT count(*) FROM reco.recommend_all('shop', 7, as_of => '2026-07-25')), 420::bigint, '60 customers, 7 rows each');

SELECT lives_ok($$SELECT reco.add_items('shop', 'products', item_id => 'id', available => 'ok')$$, 'availability');
SELECT results_eq('bulk', 'single', 'the same with availability');
SELECT is((SELECT count(*) FROM reco.recommend_all('shop', 7) JOIN products ON id = item_id WHERE NOT ok), 0::bigint, 'nothing unavailable');

SELECT results_eq(
	$$SELECT * FROM reco.recommend_all('shop', 50, users => '{3,4,999,3}', exclude_purchased => true, as_of => '2026-07-25')$$,
	$$SELECT c, r.* FROM unnest('{3,4,999}'::bigint[]) c, reco.recommend('shop', c, 50, exclude_purchased => true, as_of => '2026-07-25') r ORDER BY 1, 2$$,
	'given users only, each once, an unknown one too; without what they bought');
SELECT is_empty($$SELECT * FROM reco.recommend_all('shop', users => '{}')$$, 'no users, no rows');

-- As a materialized view, refreshed while it is read.
CREATE MATERIALIZED VIEW recs AS SELECT * FROM reco.recommend_all('shop', k => 3, as_of => '2026-07-25');
CREATE UNIQUE INDEX ON recs (user_id, rank);
SELECT lives_ok('REFRESH MATERIALIZED VIEW CONCURRENTLY recs', 'a materialized view is refreshed concurrently');

-- Text keys.
CREATE VIEW text_lines AS SELECT 'c' || customer AS customer, 'item ' || item AS item, "order", at, quantity FROM lines;
SELECT reco.create_model('text', timezone => 'UTC', options => '{"factors": 8, "history_limit": 25}') IS NOT NULL AS created \gset
SELECT reco.add_orders('text', 'text_lines', 'customer', 'item', 'at', order_id => '"order"', quantity => 'quantity') IS NOT NULL AS added \gset
SELECT version FROM reco.train('text') \gset
SELECT results_eq(
	$$SELECT user_id COLLATE "C", rank, item_id, score, probability, source, value, price, offer, rules FROM reco.recommend_all_text('text', 5, as_of => '2026-07-25')$$,
	$$SELECT c.customer, r.* FROM (SELECT DISTINCT customer COLLATE "C" AS customer FROM text_lines WHERE customer IS NOT NULL) c,
		reco.recommend_text('text', c.customer, 5, as_of => '2026-07-25') r ORDER BY 1, 2$$,
	'text keys: every row equals recommend_text''s, customers bytewise');
SELECT throws_ok($$SELECT * FROM reco.recommend_all('text')$$, '42809', 'model "text" has text keys', 'the wrong kind of keys');
SET maintenance_work_mem = '1MB';
INSERT INTO lines SELECT 1, 1, 1, '2026-07-24', 1 FROM generate_series(1, 100000);
SELECT throws_like($$SELECT * FROM reco.recommend_all('shop')$$, 'recommend_all needs at least % MB of memory, but maintenance_work_mem is 1 MB',
	'too little memory is said');
DO $$ DECLARE hint text; BEGIN PERFORM reco.recommend_all('shop'); EXCEPTION WHEN configuration_limit_exceeded THEN GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT; PERFORM set_config('my.hint', hint, false); END $$;
SELECT matches(current_setting('my.hint'), '^SET maintenance_work_mem = ''\d+MB'' .*; recommend_all takes less for some customers at a time, with users or users_from\.$', 'and what to do');
SELECT * FROM finish();
