-- What recommend answers: filters, evidence, live stock, time, keys of all kinds, and every way to call it.

SET client_min_messages = warning;
SELECT plan(152);

-- A shop of 5 themes with 8 products each; customers mostly keep to theirs.  11 and 12 always go together, and are bought by few.
CREATE TABLE products (id bigint PRIMARY KEY, stock integer);
INSERT INTO products SELECT id, 10 FROM generate_series(1, 40) id;
CREATE TABLE lines (order_id bigint, customer_id integer, product_id integer, at timestamptz, quantity numeric);
INSERT INTO lines
SELECT o, o % 50, p, timestamptz '2024-01-01' + o * interval '1 hour', 1
FROM   generate_series(1, 1000) o
CROSS  JOIN LATERAL (SELECT DISTINCT 1 + 8 * (o % 5) + (hashint8extended(o * 10 + j, 7) & 7)::integer AS p FROM generate_series(1, 3) j) x
WHERE  p NOT IN (11, 12);
INSERT INTO lines
SELECT 2000 + o, 100 + o, p, timestamptz '2024-01-01' + o * interval '5 hours', 1 FROM generate_series(1, 60) o, unnest(ARRAY[11, 12, 25 + o % 8]) p;
CREATE INDEX ON lines (customer_id, at DESC);
SELECT reco.create_model('shop', 'UTC', '{"factors": 12, "seed": 1}') \g /dev/null
SELECT reco.add_orders('shop', 'lines', 'customer_id', 'product_id', 'at', 'order_id', 'quantity') \g /dev/null
SELECT reco.train('shop') \g /dev/null
CREATE FUNCTION items(VARIADIC anyarray) RETURNS SETOF bigint LANGUAGE sql AS 'SELECT unnest($1)::bigint';

-- ---- Shape ----------------------------------------------------------------------------------------------------------

SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 7)), 10, 'ten by default');
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 7, k => k)), least(k, 40), format('k = %s', k))
FROM   unnest(ARRAY[1, 2, 39, 40, 41, 1000, 1000000]) k;
SELECT results_eq('SELECT rank FROM reco.recommend(''shop'', 7, k => 40)', 'SELECT generate_series(1, 40)', 'ranks count from 1');
SELECT is_empty($$SELECT * FROM (SELECT score, lag(score) OVER (ORDER BY rank) AS before, rank FROM reco.recommend('shop', 7, k => 40)) r WHERE score > before$$,
                'scores descend');
SELECT is((SELECT count(DISTINCT item_id)::integer FROM reco.recommend('shop', 7, k => 40)), 40, 'each item once');
SELECT is_empty($$SELECT u, b, r.* FROM (VALUES (7::bigint), (NULL), (-1), (100), (9223372036854775807)) u (u), (VALUES (NULL::bigint[]), ('{}'), ('{1}'), ('{1,1,2}'), ('{999}')) b (b),
                  LATERAL reco.recommend('shop', u, k => 40, basket => b) r
                  WHERE num_nulls(rank, item_id, score, source) > 0 OR abs(score) > 1e30 OR score = 'NaN' OR probability = 'NaN' OR source NOT IN ('basket', 'personal', 'popular')$$,
                'no NULL, no NaN, no infinity, no source that is not documented');
SELECT results_eq($$SELECT * FROM reco.recommend('shop', 7, k => 5)$$, $$SELECT * FROM reco.recommend('shop', 7, k => 40) LIMIT 5$$,
                  'a smaller k is the beginning of a larger one');
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 7, k => 8, as_of => '2024-02-12') WHERE item_id BETWEEN 17 AND 24), 8,
          'a customer who keeps to a theme gets its 8 products first');

-- ---- Evidence -------------------------------------------------------------------------------------------------------

SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend('shop', 7)), 'personal', 'a history is personal');
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend('shop', NULL, basket => '{3}')), 'basket', 'a basket alone is the basket');
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend('shop', NULL)), 'popular', 'nothing is popularity');
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend('shop', -5)), 'popular', 'an unknown customer too');
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend('shop', NULL, basket => '{999}')), 'popular', 'an unknown basket too');
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend('shop', NULL, basket => '{}')), 'popular', 'an empty basket too');
SELECT ok((SELECT array_agg(DISTINCT source) FROM reco.recommend('shop', 7, k => 40, basket => '{30}', as_of => '2024-02-12')) = '{basket,personal}',
          'a basket beside a history: each item says which weighs more');
SELECT is((SELECT item_id FROM reco.recommend('shop', NULL, k => 1, basket => '{11}')), 12::bigint, 'the planted complement is found: 11 -> 12');
SELECT is((SELECT item_id FROM reco.recommend('shop', NULL, k => 1, basket => '{12}')), 11::bigint, '12 -> 11');
SELECT is((SELECT item_id FROM reco.recommend('shop', 7, k => 1, basket => '{12}')), 11::bigint, 'also for a customer of other tastes');
SELECT results_eq($$SELECT item_id, score FROM reco.recommend('shop', NULL, basket => '{1,2}')$$, $$SELECT item_id, score FROM reco.recommend('shop', NULL, basket => '{2,999,1}')$$,
                  'the order in a basket does not matter, nor does what is unknown');
SELECT isnt((SELECT score FROM reco.recommend('shop', NULL, k => 40, basket => '{1,30}') WHERE item_id = 2),
            (SELECT score FROM reco.recommend('shop', NULL, k => 40, basket => '{1,1,1,1,30}') WHERE item_id = 2), 'a repeated id counts more');
SELECT cmp_ok((SELECT score FROM reco.recommend('shop', NULL, k => 40, basket => '{1,1,1,1,30}') WHERE item_id = 2), '>',
              (SELECT score FROM reco.recommend('shop', NULL, k => 40, basket => '{1,30}') WHERE item_id = 2), 'for what goes with it');
SELECT results_eq($$SELECT * FROM reco.recommend('shop', 7)$$, $$SELECT * FROM reco.recommend('shop', 7, 10, NULL, NULL, NULL, NULL)$$, 'optional arguments may be NULL');

-- ---- Filters ---------------------------------------------------------------------------------------------------------

SELECT set_hasnt($$SELECT item_id FROM reco.recommend('shop', 7, k => 40, basket => '{1,2,2,30}')$$, 'SELECT items(1, 2, 30)', 'what is in the basket does not come back');
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 7, k => 40, basket => '{1,2,2,30,999}')), 37, 'and everything else does');
SELECT set_hasnt($$SELECT item_id FROM reco.recommend('shop', 7, k => 40, exclude => '{17,18,18,999}')$$, 'SELECT items(17, 18)', 'nor what is excluded');
SELECT results_eq($$SELECT item_id, score FROM reco.recommend('shop', 7, k => 38, exclude => '{17,18}')$$,
                  $$SELECT item_id, score FROM reco.recommend('shop', 7, k => 40) WHERE item_id NOT IN (17, 18)$$, 'the others keep their scores');
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 7, k => 5, exclude => '{17,18,19,20,21,22,23,24}')), 5, 'the cut to k comes after');
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 7, exclude => (SELECT array_agg(id) FROM products))), 0, 'all excluded is no error');
SELECT set_eq($$SELECT item_id FROM reco.recommend('shop', 7, candidates => '{3,999,17,3,3,-1}')$$, 'SELECT items(3, 17)', 'candidates: known ones, each once');
SELECT results_eq($$SELECT item_id, score FROM reco.recommend('shop', 7, candidates => '{1,9,17,25,33}')$$,
                  $$SELECT item_id, score FROM reco.recommend('shop', 7, k => 40) WHERE item_id IN (1, 9, 17, 25, 33)$$, 'with the same order and scores');
SELECT is_empty($$SELECT * FROM reco.recommend('shop', 7, candidates => '{}')$$, 'no candidates, no rows');
SELECT is_empty($$SELECT * FROM reco.recommend('shop', 7, candidates => '{999}')$$, 'unknown candidates, no rows');
SELECT is_empty($$SELECT * FROM reco.recommend('shop', 7, candidates => '{3,4}', exclude => '{3}', basket => '{4}')$$, 'basket and exclude hold for candidates');
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 7, k => 2, candidates => '{3,4,5}')), 2, 'k holds for candidates');
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 7, k => 2, candidates => '{3,4,5}', exclude => '{3}')), 2, 'and what is excluded takes no place of another');
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', NULL, candidates => '[5:7]={3,4,5}')), 3, 'bounds of an array do not matter');
SELECT set_eq($$SELECT item_id FROM reco.recommend('shop', 7, k => 100, exclude_purchased => true)$$,
              $$SELECT id FROM products WHERE id IN (SELECT product_id FROM lines) EXCEPT SELECT product_id FROM lines WHERE customer_id = 7$$, 'all that a customer did not buy');
SELECT results_eq($$SELECT * FROM reco.recommend('shop', NULL, exclude_purchased => true)$$, $$SELECT * FROM reco.recommend('shop', NULL)$$, 'nobody bought nothing');
BEGIN;
SELECT reco.alter_model('shop', '{"history_limit": 1}') \g /dev/null
SELECT set_hasnt($$SELECT item_id FROM reco.recommend('shop', 7, k => 100, exclude_purchased => true)$$, $$SELECT DISTINCT product_id::bigint FROM lines WHERE customer_id = 7$$,
                 'exclude_purchased looks beyond history_limit');
ROLLBACK;

-- ---- Stock, live ----------------------------------------------------------------------------------------------------

SELECT reco.add_items('shop', 'products', 'id', available => 'stock > 0') \g /dev/null
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 7, k => 40)), 40, 'with a source of items all are there');
SELECT item_id AS best FROM reco.recommend('shop', 7, k => 1) \gset
UPDATE products SET stock = 0 WHERE id = :best;
SELECT set_hasnt($$SELECT item_id FROM reco.recommend('shop', 7, k => 40)$$, format('SELECT items(%s)', :best), 'what is sold out is not recommended in the next statement');
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 7, k => 39)), 39, 'the others are');
BEGIN;
UPDATE products SET stock = 0 WHERE id NOT IN (3, 4, 5);
SELECT set_eq($$SELECT item_id FROM reco.recommend('shop', 7, k => 3)$$, 'SELECT items(3, 4, 5)', 'with 37 of 40 sold out k rows are found nevertheless');
SELECT set_eq($$SELECT item_id FROM reco.recommend('shop', 7, k => 40)$$, 'SELECT items(3, 4, 5)', 'and no more than there are');
SELECT set_eq($$SELECT item_id FROM reco.recommend('shop', 7, k => 2, candidates => '{1,2,3,4}')$$, 'SELECT items(3, 4)', 'among candidates too');
SELECT is_empty($$SELECT * FROM reco.recommend('shop', 7, candidates => '{1,2}')$$, 'of which none may be left');
ROLLBACK;
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 7, k => 40)), 39, 'the rollback brings the stock back');
SELECT results_eq($$SELECT item_id, score FROM reco.recommend('shop', 7, k => 5)$$,
                  format($$SELECT item_id, score FROM reco.recommend('shop', 7, k => 40, exclude => '{%s}') LIMIT 5$$, :best), 'order and scores do not depend on the stock');
CREATE TABLE shelves (id integer, free boolean);
SELECT reco.add_items('shop', 'shelves', 'id', available => 'free', name => 'products') \g /dev/null
INSERT INTO shelves VALUES (1, NULL), (2, false), (2, true), (3, true), (3, true), (4, false), (NULL, true), (999, true);
SELECT set_eq($$SELECT item_id FROM reco.recommend('shop', 7, k => 40)$$, 'SELECT items(2, 3)',
              'NULL is not available, one true row of several is, no row is not, duplicates come once');
SELECT reco.add_items('shop', 'products', 'id', available => 'stock > 0', name => 'more') \g /dev/null
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 7, k => 40)), 39, 'with two sources one that has it is enough');
SELECT reco.add_items('shop', 'shelves', 'id', name => 'more') \g /dev/null
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 7, k => 40)), 2, 'a source without available says nothing');
SELECT reco.remove_source('shop', 'more'), reco.remove_source('shop', 'products') \g /dev/null
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 7, k => 40)), 40, 'without any all are available');

-- ---- Time -----------------------------------------------------------------------------------------------------------

INSERT INTO lines VALUES (9000, 500, 3, '2024-02-01 12:00+00', 1), (9001, 500, 4, '2024-02-02 12:00+00', 1);
CREATE FUNCTION bought(as_of timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT coalesce(string_agg(id::text, ',' ORDER BY id), '') FROM products WHERE id NOT IN (SELECT item_id FROM reco.recommend('shop', 500, k => 40, exclude_purchased => true, as_of => $1))
$$;
SELECT is(bought(as_of), bought, format('as_of %s', as_of))
FROM   (VALUES (timestamptz '2024-02-01 11:59:59.999999+00', ''), ('2024-02-01 12:00+00', ''), ('2024-02-01 12:00:00.000001+00', '3'), ('2024-02-02 12:00+00', '3'),
               ('2024-02-02 12:00:00.000001+00', '3,4'), ('2100-01-01', '3,4'), ('1900-01-01', ''), ('4714-11-24 00:00+00 BC', ''), (now(), '3,4')) AS t (as_of, bought);
SELECT is((SELECT source FROM reco.recommend('shop', 500, k => 1, as_of => '2024-02-01 12:00+00')), 'popular', 'before the first line nothing is known of a customer');
SELECT is((SELECT source FROM reco.recommend('shop', 500, k => 1, as_of => '2024-02-01 12:00:01+00')), 'personal', 'then it is');
INSERT INTO lines VALUES (9002, 501, 5, 'infinity', 1), (9003, 501, 6, '-infinity', 1), (9004, 501, 7, NULL, 1), (9005, 501, NULL, '2024-01-01', 1),
	(9006, 501, 8, '2024-01-01', 0), (9007, 501, 9, '2024-01-01', NULL), (9008, 501, 10, '2024-01-01', 'NaN'), (9009, 501, 999, '2024-01-01', 1),
	(9010, 501, 8, '2100-01-01', 1), (9011, 501, 7, '2024-01-01', 'infinity'), (9012, 501, 7, '2024-01-01', '1e400'::numeric);
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend('shop', 501, k => 40, exclude_purchased => true)), 'popular', 'lines that count nothing are no evidence');
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 501, k => 40, exclude_purchased => true)), 40, 'nor purchases');
-- A return nets against the purchase before it.
INSERT INTO lines VALUES (9020, 502, 5, '2024-01-01', 2), (9021, 502, 5, '2024-01-02', -1);
SELECT is((SELECT source FROM reco.recommend('shop', 502, k => 1)), 'personal', 'a partial return leaves a purchase');
INSERT INTO lines VALUES (9022, 502, 5, '2024-01-03', -1);
SELECT is((SELECT source FROM reco.recommend('shop', 502, k => 1)), 'popular', 'a full one leaves nothing');
SELECT is((SELECT source FROM reco.recommend('shop', 502, k => 1, as_of => '2024-01-03')), 'personal', 'but before it there was something');
INSERT INTO lines VALUES (9023, 503, 5, '2024-01-03', -1), (9024, 503, 5, '2024-01-04', 1);
SELECT is((SELECT source FROM reco.recommend('shop', 503, k => 1)), 'personal', 'a return before the purchase takes nothing from it');

BEGIN;
SELECT is((SELECT source FROM reco.recommend('shop', 600, k => 1)), 'popular', 'a new customer');
SAVEPOINT before;
INSERT INTO lines VALUES (9100, 600, 3, now(), 1);
SELECT is((SELECT source FROM reco.recommend('shop', 600, k => 1)), 'personal', 'buys now, in this transaction, and it counts');
SELECT is((SELECT source FROM reco.recommend('shop', 600, k => 1, as_of => now() - interval '1 microsecond')), 'popular', 'as_of before it, it does not');
INSERT INTO lines VALUES (9101, 600, 30, clock_timestamp(), 1);
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 600, k => 40, exclude_purchased => true)), 38, 'so does what is later than the begin of the transaction');
INSERT INTO lines VALUES (9102, 600, 20, now() + interval '1 hour', 1);
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 600, k => 40, exclude_purchased => true)), 38, 'but the future does not');
ROLLBACK TO before;
SELECT is((SELECT source FROM reco.recommend('shop', 600, k => 1)), 'popular', 'rolled back to the savepoint it was not');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT item_id AS before FROM reco.recommend('shop', 7, k => 1) \gset
SAVEPOINT s;
SELECT reco.alter_model('shop', '{"seed": 2}'), reco.train('shop') \g /dev/null
SELECT is((SELECT count(*)::integer FROM reco.versions WHERE model = 'shop'), 2, 'a training of this transaction is seen');
ROLLBACK TO s;
SELECT is((SELECT item_id FROM reco.recommend('shop', 7, k => 1)), :before::bigint, 'and gone with a rollback');
ROLLBACK;

-- The option history_limit reads the newest lines.
INSERT INTO lines SELECT 9200 + g, 700, CASE WHEN g > 5 THEN 33 ELSE 3 END, timestamptz '2024-01-10' + g * interval '1 day', 1 FROM generate_series(1, 8) g;
SELECT reco.alter_model('shop', '{"history_limit": 3}') \g /dev/null
CREATE TABLE limited AS SELECT item_id, score FROM reco.recommend('shop', 700, k => 40, as_of => '2024-02-01');
DELETE FROM lines WHERE customer_id = 700 AND product_id = 3;
SELECT results_eq('SELECT * FROM limited', $$SELECT item_id, score FROM reco.recommend('shop', 700, k => 40, as_of => '2024-02-01')$$, 'lines beyond history_limit make no difference');
SELECT reco.alter_model('shop', '{"history_limit": null}') \g /dev/null

-- ---- Keys ------------------------------------------------------------------------------------------------------------

SELECT throws_ok($$SELECT * FROM reco.recommend_text('shop', '7')$$, '42809', 'model "shop" has integer keys', 'the other function is refused');
CREATE TYPE colour AS ENUM ('red', 'green', 'blue', 'grey');
CREATE DOMAIN sku AS text;
CREATE TABLE keyed AS
SELECT o, o % 5 AS u, 1 + (o * 7 + j * 3) % 6 AS i, timestamptz '2024-01-01' + o * interval '1 hour' AS at,
       ('00000000-0000-4000-8000-00000000000' || o % 5)::uuid AS uu, ('00000000-0000-4000-8000-00000000000' || 1 + (o * 7 + j * 3) % 6)::uuid AS iu,
       (1 + (o * 7 + j * 3) % 6 + 0.50)::numeric AS inum, (ARRAY['red', 'green', 'blue', 'grey'])[1 + (o + j) % 4]::colour AS icol,
       ('s' || (o * 7 + j * 3) % 6)::sku AS isku, ('v' || (o * 7 + j * 3) % 6)::varchar(10) AS ivar, ('c' || (o * 7 + j * 3) % 6)::char(10) AS ichar,
       (1 + (o * 7 + j * 3) % 6)::int2 AS i2, CASE (o + j) % 3 WHEN 0 THEN 9223372036854775807 WHEN 1 THEN -9223372036854775808 ELSE 0 END AS i8, true AS yes
FROM   generate_series(1, 40) o, generate_series(1, 2) j;
SELECT reco.create_model('keyed', 'UTC', '{"factors": 4, "iterations": 2}') \g /dev/null
-- For a pair of key columns: whether recommend or recommend_text serves, whether the history is found, what comes back, live stock by that key, and junk.
CREATE FUNCTION keyed(user_key text, item_key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	someone text;
	result text;
	junk integer;
BEGIN
	PERFORM reco.add_orders('keyed', 'keyed', user_key, item_key, 'at', 'o', name => 'keyed');
	PERFORM reco.add_items('keyed', 'keyed', item_key, available => 'yes', name => 'keyed');
	PERFORM reco.train('keyed');
	EXECUTE format('SELECT (%s)::text FROM keyed LIMIT 1', user_key) INTO someone;
	BEGIN
		SELECT 'integer ' || string_agg(DISTINCT source, ',') || ' ' || string_agg(item_id::text, ',' ORDER BY item_id::text COLLATE "C") INTO result
		FROM reco.recommend('keyed', someone::bigint);
	EXCEPTION WHEN wrong_object_type OR invalid_text_representation THEN
		SELECT 'text ' || string_agg(DISTINCT source, ',') || ' ' || string_agg(item_id, ',' ORDER BY item_id COLLATE "C") INTO result
		FROM reco.recommend_text('keyed', someone);
		SELECT count(*) INTO junk FROM unnest(ARRAY['', 'x', '1.0', '007', '+1', ' 1', '99999999999999999999', '00000000-0000-4000-8000-00000000000Z',
			'{00000000-0000-4000-8000-000000000001}', 'purple', E'\n', repeat('1', 1000)]) u, reco.recommend_text('keyed', u, k => 1, basket => ARRAY[u], candidates => NULL) r
			WHERE r.source = 'popular';
		result := result || ' ' || junk;
	END;
	RETURN result;
END $$;
SELECT is(keyed(u, i), expected, format('keys %s and %s', u, i))
FROM   (VALUES ('u', 'i', 'integer personal 1,2,3,4,5,6'), ('u', 'i2', 'integer personal 1,2,3,4,5,6'), ('u::int2', 'i::int8', 'integer personal 1,2,3,4,5,6'),
               ('u', 'i8', 'integer personal -9223372036854775808,0,9223372036854775807'), ('i8', 'i', 'integer personal 1,2,3,4,5,6'),
               ('u', 'iu', 'text personal 00000000-0000-4000-8000-000000000001,00000000-0000-4000-8000-000000000002,00000000-0000-4000-8000-000000000003,'
                           '00000000-0000-4000-8000-000000000004,00000000-0000-4000-8000-000000000005,00000000-0000-4000-8000-000000000006 12'),
               ('uu', 'i', 'text personal 1,2,3,4,5,6 12'), ('uu', 'inum', 'text personal 1.50,2.50,3.50,4.50,5.50,6.50 12'),
               ('u::text', 'isku', 'text personal s0,s1,s2,s3,s4,s5 12'), ('u::numeric', 'ivar', 'text personal v0,v1,v2,v3,v4,v5 12'),
               ('ichar', 'i', 'text personal 1,2,3,4,5,6 12'), ('u', 'ichar', 'text personal c0,c1,c2,c3,c4,c5 12'), ('icol', 'icol', 'text personal blue,green,grey,red 12'),
               ('isku', 'u', 'text personal 0,1,2,3,4 12'), ('u', '''x'' || i', 'text personal x1,x2,x3,x4,x5,x6 12'), ('ROW(u)::text', 'i', 'text personal 1,2,3,4,5,6 12'),
               ('yes', 'yes', 'text personal true 12'), ('at', 'i', 'text personal 1,2,3,4,5,6 12'), ('u * 1000000007::bigint', 'i', 'integer personal 1,2,3,4,5,6'))
       AS k (u, i, expected);
SELECT throws_ok($$SELECT reco.train('keyed'); SELECT reco.recommend_text('keyed', '1')$$, '42809', 'model "keyed" has integer keys', 'and back');
SELECT reco.add_orders('keyed', 'keyed', 'u', 'isku', 'at', 'o') \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.recommend('keyed', 1)$$, '42804', '"item_id" has type text, but the model was trained with integer keys',
                 'a source with other keys than the model was trained with');
SELECT reco.train('keyed') \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.recommend('keyed', 1)$$, '42809', 'model "keyed" has text keys', 'after training the other function is the one');
SELECT reco.remove_source('keyed', 'keyed', 'items') \g /dev/null
SELECT set_eq($$SELECT item_id FROM reco.recommend_text('keyed', NULL, basket => '{s0,s0,nothing}', exclude => '{s1,ü,""}', candidates => '{s0,s1,s2,s3,s3}')$$, ARRAY['s2', 's3'],
              'text arrays: basket, exclude and candidates');

-- ---- Ways to call --------------------------------------------------------------------------------------------------

SELECT is((SELECT count(*)::integer FROM generate_series(1, 1000) u CROSS JOIN LATERAL reco.recommend('shop', u % 120, k => 3) r), 3000, 'LATERAL over 1000 customers');
SELECT is((SELECT count(*)::integer FROM (SELECT (reco.recommend('shop', u, k => 2)).item_id FROM generate_series(1, 10) u) r), 20, 'in the select list');
SELECT is((SELECT count(*)::integer FROM (SELECT * FROM reco.recommend('shop', 7, k => 40) LIMIT 1) r), 1, 'LIMIT 1');
SELECT is((SELECT sum(rank - ordinality)::integer FROM reco.recommend('shop', 7, k => 5) WITH ORDINALITY), 0, 'WITH ORDINALITY');
SELECT is((SELECT count(*)::integer FROM ROWS FROM (reco.recommend('shop', 7, k => 5), reco.recommend('shop', NULL, k => 3), generate_series(1, 4))), 5, 'ROWS FROM');
SELECT is((SELECT count(*)::integer FROM products p LEFT JOIN reco.recommend('shop', 7, k => 5) r ON r.item_id = p.id WHERE r.rank IS NULL), 35, 'LEFT JOIN');
SELECT is((SELECT count(*)::integer FROM products p WHERE p.id IN (SELECT item_id FROM reco.recommend('shop', 7, k => 5))), 5, 'IN');
SELECT results_eq($$SELECT * FROM reco.recommend(model => 'shop', user_id => 7, k => 5)$$, $$SELECT * FROM reco.recommend('shop', 7, 5)$$, 'by name and by position');
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off;
SELECT is((SELECT count(*)::integer FROM products p JOIN reco.recommend('shop', 7, k => 5) r ON r.item_id = p.id), 5, 'rescanned in a nested loop');
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_material;

PREPARE a AS SELECT count(*)::integer, min(source) FROM reco.recommend('shop', $1, k => $2, basket => $3);
SELECT results_eq(statement, format('VALUES (%s, %L)', n, source), statement)
FROM   (VALUES ('EXECUTE a (7, 3, NULL)', 3, 'personal'), ('EXECUTE a (NULL, 4, NULL)', 4, 'popular'), ('EXECUTE a (''42'', ''2'', NULL)', 2, 'personal'),
               ('EXECUTE a (NULL, 5, ''{3,4}'')', 5, 'basket')) AS p (statement, n, source);
SET plan_cache_mode = force_generic_plan;
SELECT results_eq('EXECUTE a (NULL, 5, ''{3,4}'')', $$VALUES (5, 'basket')$$, 'a generic plan');
RESET plan_cache_mode;
DEALLOCATE a;
SELECT lives_ok($$SELECT r.item_id = p.id FROM reco.recommend('shop', '42') r JOIN products p ON p.id = r.item_id$$, 'a quoted literal');
SELECT lives_ok($$SELECT r.item_id = p.id FROM reco.recommend('shop', NULL, basket => '{1,2}') r JOIN products p ON p.id = r.item_id$$, 'an untyped NULL and array');
SELECT lives_ok($$SELECT * FROM reco.recommend('shop', 7::smallint, basket => ARRAY[1, 2]::integer[]::bigint[])$$, 'smaller integers');

BEGIN;
DECLARE c CURSOR FOR SELECT * FROM reco.recommend('shop', 7, k => 40);
FETCH 3 FROM c \g /dev/null
CLOSE c;
DECLARE d SCROLL CURSOR FOR SELECT rank FROM reco.recommend('shop', 7, k => 40);
MOVE LAST FROM d;
SELECT results_eq('FETCH FIRST FROM d', ARRAY[1], 'a cursor forth and back');
SELECT lives_ok($$SELECT reco.train('shop')$$, 'and a training while it is open');
SELECT results_eq('FETCH LAST FROM d', ARRAY[40], 'which it does not notice');
COMMIT;
CREATE FUNCTION first_two() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record;
	result text := '';
BEGIN
	FOR r IN SELECT * FROM reco.recommend('shop', 7, k => 40) LOOP
		result := result || r.rank;
		EXIT WHEN r.rank = 2;
	END LOOP;
	RETURN result;
END $$;
SELECT is(first_two(), '12', 'a loop in plpgsql that is left early');
CREATE FUNCTION caught() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	n integer := 0;
BEGIN
	FOR i IN 1 .. 200 LOOP
		BEGIN
			PERFORM * FROM reco.recommend('shop', i, k => CASE WHEN i % 2 = 0 THEN 0 ELSE 5 END, as_of => CASE WHEN i % 4 = 1 THEN 'infinity' ELSE now() END);
		EXCEPTION WHEN invalid_parameter_value THEN
			n := n + 1;
		END;
	END LOOP;
	RETURN n;
END $$;
SELECT is(caught(), 150, 'errors caught 150 times of 200');
CREATE VIEW failing AS SELECT order_id, customer_id, product_id, at, 1 / (customer_id - 7) AS quantity FROM lines;
SELECT reco.create_model('failing', 'UTC', '{"factors": 2}') \g /dev/null
SELECT reco.add_orders('failing', 'lines', 'customer_id', 'product_id', 'at') \g /dev/null
SELECT reco.train('failing') \g /dev/null
SELECT reco.add_orders('failing', 'failing', 'customer_id', 'product_id', 'at', 'order_id', 'quantity', name => 'lines') \g /dev/null
CREATE FUNCTION caught_inside() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	n integer := 0;
BEGIN
	FOR i IN 1 .. 200 LOOP
		BEGIN
			PERFORM * FROM reco.recommend('failing', 7);
		EXCEPTION WHEN division_by_zero THEN
			n := n + 1;
		END;
	END LOOP;
	RETURN n;
END $$;
SELECT is(caught_inside(), 200, 'errors in the source caught 200 times');
SELECT is(current_user || ' ' || current_setting('search_path') || ' ' || current_setting('row_security'), 'postgres "$user", public on', 'role and settings are as before');
SELECT is((SELECT count(*)::integer FROM pg_cursors), 0, 'no portal is left open');

BEGIN READ ONLY;
SELECT count(*) AS n FROM reco.recommend('shop', 7) \gset
SELECT txid_current_if_assigned() IS NULL AS unnumbered \gset
ROLLBACK;
SELECT is(:n, 10, 'in a read-only transaction');
SELECT ok(:'unnumbered', 'which needs no number');
BEGIN;
SELECT count(*) AS n FROM reco.recommend('shop', 7, basket => '{1}', exclude_purchased => true) \gset
SELECT txid_current_if_assigned() IS NULL AS unnumbered \gset
SAVEPOINT s;
SELECT throws_ok($$SET TRANSACTION READ ONLY; SELECT reco.train('shop')$$, '25006', 'cannot execute reco.train() in a read-only transaction', 'train does not work there');
ROLLBACK;
SELECT is(:n, 10, 'in a transaction that could write');
SELECT ok(:'unnumbered', 'it needs none either');

-- Materialized views.
CREATE MATERIALIZED VIEW recs AS SELECT u AS customer_id, r.* FROM generate_series(1, 20) u CROSS JOIN LATERAL reco.recommend('shop', u, k => 5) r;
CREATE UNIQUE INDEX ON recs (customer_id, rank);
SELECT is((SELECT count(*)::integer FROM recs), 100, 'a materialized view');
INSERT INTO lines SELECT 9500 + g, 3, 1 + g, now(), 3 FROM generate_series(1, 5) g;
SELECT lives_ok('REFRESH MATERIALIZED VIEW CONCURRENTLY recs', 'refreshed concurrently');
SELECT results_eq('SELECT item_id FROM recs WHERE customer_id = 3 ORDER BY rank', $$SELECT item_id FROM reco.recommend('shop', 3, k => 5) ORDER BY rank$$, 'shows what recommend says');
SELECT lives_ok('REFRESH MATERIALIZED VIEW recs', 'refreshed');

-- A source that itself asks another model.
CREATE FUNCTION rank_of(item bigint) RETURNS integer LANGUAGE sql STABLE AS 'SELECT max(rank) FROM reco.recommend(''shop'', NULL, k => 40) WHERE item_id = $1';
CREATE VIEW nested AS SELECT *, rank_of(product_id) AS r FROM lines WHERE customer_id < 5 AND order_id < 200;
SELECT reco.create_model('nested', 'UTC', '{"factors": 4}') \g /dev/null
SELECT reco.add_orders('nested', 'nested', 'customer_id', 'product_id', 'at', 'order_id', quantity => 'r') \g /dev/null
SELECT reco.add_items('nested', 'products', 'id', available => 'rank_of(id) <= 20') \g /dev/null
SELECT is((reco.train('nested')).rows, (SELECT count(*) FROM nested), 'training on a view that asks another model');
SELECT is((SELECT count(*)::integer FROM reco.recommend('nested', 3, k => 40)), 20, 'answering with it');
SELECT set_eq($$SELECT item_id FROM reco.recommend('nested', 3, k => 40)$$, $$SELECT item_id FROM reco.recommend('shop', NULL, k => 20)$$, 'the right items');
SET reco.cache_size = '1MB';
SELECT is((SELECT count(*)::integer FROM generate_series(1, 5) g CROSS JOIN LATERAL reco.recommend('nested', g, k => 2) r), 10, 'with a small cache');
RESET reco.cache_size;
CREATE FUNCTION itself(bigint) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT count(*) >= 0 FROM reco.recommend(''nested'', NULL)';
SELECT reco.add_items('nested', 'products', 'id', available => 'itself(id)') \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.recommend('nested', 1)$$, '54001', NULL, 'a model that asks itself without end');
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 1)), 10, 'harms no other');

-- The extension goes while a model is cached, and comes back.
DROP EXTENSION reco CASCADE;
SELECT throws_ok($$SELECT reco.recommend('shop', 7)$$, '42883', NULL, 'without the extension there is no recommend');
CREATE EXTENSION reco;
SELECT throws_ok($$SELECT * FROM reco.recommend('shop', 7)$$, '42704', 'model "shop" does not exist', 'a new one knows no model');
SELECT reco.create_model('shop', 'UTC', '{"factors": 12}') \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.recommend('shop', 7)$$, '55000', 'model "shop" has not been trained', 'nor does the session');
SELECT reco.add_orders('shop', 'lines', 'customer_id', 'product_id', 'at', 'order_id') \g /dev/null
SELECT reco.train('shop') \g /dev/null
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 7)), 10, 'until it is trained');

SELECT * FROM finish();
