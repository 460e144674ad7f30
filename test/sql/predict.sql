-- predict, and the history that a caller brings along: the scores of recommend to the bit, for evidence of every kind.

SET client_min_messages = warning;
SELECT plan(135);

CREATE TABLE products (id bigint PRIMARY KEY, stock integer);
INSERT INTO products SELECT id, 10 FROM generate_series(1, 40) id;
CREATE TABLE lines (order_id bigint, customer_id integer, product_id integer, at timestamptz, quantity numeric);
INSERT INTO lines
SELECT o, o % 50, p, timestamptz '2024-01-01' + o * interval '1 hour', 1
FROM   generate_series(1, 1000) o CROSS JOIN LATERAL (SELECT DISTINCT 1 + 8 * (o % 5) + (hashint8extended(o * 10 + j, 7) & 7)::integer AS p FROM generate_series(1, 3) j) x;
CREATE INDEX ON lines (customer_id, at DESC);
ANALYZE lines;
SELECT reco.create_model('shop', 'UTC', '{"factors": 12, "history_limit": 50}'), reco.create_model('names', 'UTC', '{"factors": 12, "history_limit": 50}') \g /dev/null
SELECT reco.add_orders('shop', 'lines', 'customer_id', 'product_id', 'at', 'order_id', 'quantity'), reco.add_items('shop', 'products', 'id', available => 'stock > 0'),
       reco.add_orders('names', 'lines', '''c'' || customer_id', '''ü'' || product_id', 'at', 'order_id', 'quantity') \g /dev/null
SELECT reco.train('shop'), reco.train('names') \g /dev/null
-- What recommend and predict say to the same evidence; they differ in what they leave out alone.
CREATE TABLE evidence (who text, "user" bigint, basket bigint[], history bigint[], as_of timestamptz);
INSERT INTO evidence
SELECT format('customer %s, basket %s, history %s, as of %s', coalesce(u::text, 'nobody'), coalesce(b::text, 'none'), coalesce(left(h::text, 20), 'none'), a), u, b, h, a
FROM   (VALUES (7::bigint), (NULL), (-1), (9223372036854775807)) u (u), (VALUES (NULL::bigint[]), ('{}'), ('{3}'), ('{3,3,30,999}'), ('{999}')) b (b), (VALUES (NULL::bigint[]), ('{}'), ('{12}'), ('{12,12,12,5,-1}'), ('{999}')) h (h),
       (VALUES (timestamptz '2024-02-05'), ('2024-01-10 07:30+00'), ('1990-01-01'), ('2200-01-01')) a (a);

-- ---- The scores of recommend -----------------------------------------------------------------------------------------

CREATE FUNCTION compared(e evidence) RETURNS TABLE (items bigint, differ bigint, missing bigint) LANGUAGE sql AS $$
	SELECT count(*), count(*) FILTER (WHERE float8send(p.score) <> float8send(r.score)), count(*) FILTER (WHERE r.score IS NULL AND NOT p.item_id = ANY (coalesce(e.basket, '{}')))
	FROM reco.predict('shop', e."user", (SELECT array_agg(id ORDER BY id) FROM products), e.basket, e.as_of, e.history) p
	LEFT JOIN reco.recommend('shop', e."user", k => 40, basket => e.basket, history => e.history, as_of => e.as_of) r USING (item_id)
$$;
SELECT is_empty('SELECT who, b.* FROM evidence e, LATERAL compared(e) b WHERE (items, differ, missing) <> (40, 0, 0)', 'for evidence of every kind');
SELECT cmp_ok((SELECT count(DISTINCT md5(s)) FROM (SELECT string_agg(p.score::text, ',' ORDER BY p.item_id) AS s FROM evidence e, LATERAL reco.predict('shop', "user", '{1,2,3,12,30}', basket, as_of, history) p GROUP BY e) x), '>', 15::bigint, 'which makes a difference');
SELECT results_eq($$SELECT p.score FROM reco.predict('shop', 7, (SELECT array_agg(item_id ORDER BY rank) FROM reco.recommend('shop', 7, k => 40))) p$$, $$SELECT score FROM reco.recommend('shop', 7, k => 40)$$, 'item for item, as of now');
SELECT results_eq($$SELECT p.score FROM reco.predict_text('names', 'c7', (SELECT array_agg(item_id ORDER BY rank) FROM reco.recommend_text('names', 'c7', k => 40, basket => '{ü1}', history => '{ü9}', as_of => '2024-02-01')), '{ü1}', '2024-02-01', '{ü9}') p$$,
                  $$SELECT score FROM reco.recommend_text('names', 'c7', k => 40, basket => '{ü1}', history => '{ü9}', as_of => '2024-02-01')$$, 'with text keys');
SELECT results_eq($$SELECT p.score FROM reco.predict('shop', NULL, '{1,17,30}') p$$, $$SELECT score FROM (SELECT * FROM reco.recommend('shop', NULL, k => 40)) r WHERE item_id IN (1, 17, 30) ORDER BY item_id$$, 'popularity, where nothing is known');
SELECT is_empty($$SELECT * FROM reco.predict('shop', 7, (SELECT array_agg(id) FROM products)) p WHERE score IS NULL OR score = 'NaN' OR abs(score) = 'infinity'$$, 'a number for each that is known');
BEGIN;
SET LOCAL reco.kernel = 'baseline';
SELECT results_eq($$SELECT p.score FROM reco.predict('shop', 7, (SELECT array_agg(item_id ORDER BY rank) FROM reco.recommend('shop', 7, k => 40))) p$$, $$SELECT score FROM reco.recommend('shop', 7, k => 40)$$, 'also by the plain kernel');
ROLLBACK;

-- ---- The list --------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT position, item_id, score IS NULL FROM reco.predict('shop', 7, '{30,1,999,30,-1,2,1,9223372036854775807,-9223372036854775808}')$$,
                  $$VALUES (1, 30::bigint, false), (2, 1, false), (3, 999, true), (4, 30, false), (5, -1, true), (6, 2, false), (7, 1, false), (8, 9223372036854775807, true), (9, -9223372036854775808, true)$$,
                  'in the given order, repeated ones and unknown ones in their places');
SELECT is((SELECT count(DISTINCT score)::integer FROM reco.predict('shop', 7, '{30,30,30,30}')), 1, 'a repeated one has one score');
SELECT results_eq($$SELECT position, item_id, score IS NULL FROM reco.predict_text('names', 'c7', '{ü30,"",ü1,nothing,ü30,Ü30,"ü30 "}')$$,
                  $$VALUES (1, 'ü30', false), (2, '', true), (3, 'ü1', false), (4, 'nothing', true), (5, 'ü30', false), (6, 'Ü30', true), (7, 'ü30 ', true)$$, 'texts too');
SELECT is_empty($$SELECT * FROM reco.predict('shop', 7, '{}')$$, 'an empty list, no rows');
SELECT is_empty($$SELECT * FROM reco.predict_text('names', 'c7', '{}', basket => '{ü1}')$$, 'nor for texts');
SELECT is((SELECT count(*)::integer FROM reco.predict('shop', 7, '{999}') WHERE score IS NULL AND item_id = 999), 1, 'one that is not known');
SELECT results_eq($$SELECT position, item_id FROM reco.predict('shop', 7, '[5:7]={3,4,5}')$$, 'VALUES (1, 3::bigint), (2, 4), (3, 5)', 'bounds of an array do not matter');
SELECT results_eq($$SELECT item_id FROM (SELECT * FROM reco.predict('shop', NULL, ARRAY[12, 3, 20]::smallint[]::bigint[], basket => '{11}') ORDER BY score DESC LIMIT 3) p$$,
                  $$SELECT item_id FROM reco.recommend('shop', NULL, basket => '{11}', candidates => '{20,3,12}')$$, 'sorted, it is recommend with candidates');
SELECT is((SELECT count(*)::integer FROM reco.predict('shop', 7, (SELECT array_agg(n % 50) FROM generate_series(1, 100000) n)) WHERE (score IS NULL) = (item_id NOT BETWEEN 1 AND 40)), 100000, 'a list of 100,000');
SELECT is_empty($$SELECT p.item_id FROM reco.predict('shop', 7, (SELECT array_agg(n % 50) FROM generate_series(1, 100000) n)) p LEFT JOIN reco.predict('shop', 7, (SELECT array_agg(id) FROM products)) q USING (item_id)
                  WHERE p.score IS DISTINCT FROM q.score$$, 'with the same scores');
SELECT is((SELECT count(*)::integer FROM reco.predict_text('names', NULL, (SELECT array_agg('ü' || n) FROM generate_series(1, 100000) n), history => '{ü1}') WHERE score IS NOT NULL), 40, 'of texts');
-- What recommend leaves out is scored.
BEGIN;
CREATE TEMP TABLE kept AS SELECT * FROM reco.predict('shop', 7, '{1,2,3,17,18}', basket => '{1,2}', as_of => '2024-02-05');
UPDATE products SET stock = 0;
SELECT is_empty($$SELECT * FROM reco.recommend('shop', 7, basket => '{1,2}')$$, 'nothing is available');
SELECT results_eq($$SELECT * FROM reco.predict('shop', 7, '{1,2,3,17,18}', basket => '{1,2}', as_of => '2024-02-05')$$, 'SELECT * FROM kept', 'scores do not ask');
DELETE FROM products;
SELECT results_eq($$SELECT * FROM reco.predict('shop', 7, '{1,2,3,17,18}', basket => '{1,2}', as_of => '2024-02-05')$$, 'SELECT * FROM kept', 'nor whether an item is there at all');
SELECT is((SELECT count(score)::integer FROM kept), 5, 'what is in the basket has a score');
ROLLBACK;
SELECT is((SELECT count(*)::integer FROM generate_series(1, 300) u CROSS JOIN LATERAL reco.predict('shop', u, ARRAY[u % 40, 1, 2]) p), 900, 'LATERAL');
SELECT is((SELECT array_agg(p.score ORDER BY p.position) FROM reco.predict(model => 'shop', user_id => 7, item_ids => '{1,2}', history => '{3}', as_of => '2024-02-01', basket => '{4}') p),
          (SELECT array_agg(p.score ORDER BY p.position) FROM reco.predict('shop', 7, '{1,2}', '{4}', '2024-02-01', '{3}') p), 'by name and by position');
PREPARE scores AS SELECT count(score) FROM reco.predict('shop', $1, $2, history => $3);
SET plan_cache_mode = force_generic_plan;
SELECT results_eq('EXECUTE scores (7, ''{1,2,999}'', NULL)', 'VALUES (2::bigint)', 'a prepared statement');
SELECT results_eq('EXECUTE scores (NULL, ''{}'', ''{1}'')', 'VALUES (0::bigint)', 'with nothing');
RESET plan_cache_mode;

SELECT throws_ok(format('SELECT * FROM reco.%s', call), state, message, call)
FROM   (VALUES ('predict(NULL, 7, ''{1}'')', '22004', 'parameter "model" must not be null'), ('predict(''shop'', 7, NULL)', '22004', 'parameter "item_ids" must not be null'), ('predict_text(''names'', ''c7'', NULL)', '22004', 'parameter "item_ids" must not be null'),
               ('predict(''shop'', 7, ''{1,NULL}'')', '22004', 'parameter "item_ids" must not contain nulls'), ('predict(''shop'', 7, ''{NULL}'')', '22004', 'parameter "item_ids" must not contain nulls'),
               ('predict_text(''names'', ''c7'', ''{NULL,a}'')', '22004', 'parameter "item_ids" must not contain nulls'), ('predict(''shop'', 7, ''{{1,2},{3,4}}'')', '2202E', 'parameter "item_ids" must be a one-dimensional array, not one of 2 dimensions'),
               ('predict(''shop'', 7, ''{1}'', basket => ''{{1}}'')', '2202E', 'parameter "basket" must be a one-dimensional array, not one of 2 dimensions'),
               ('predict(''shop'', 7, ''{1}'', history => ''{{{1}}}'')', '2202E', 'parameter "history" must be a one-dimensional array, not one of 3 dimensions'), ('predict(''shop'', 7, ''{1}'', history => ''{1,NULL}'')', '22004', 'parameter "history" must not contain nulls'),
               ('predict(''shop'', 7, ''{1}'', basket => ''{NULL}'')', '22004', 'parameter "basket" must not contain nulls'), ('predict(''shop'', 7, ''{1}'', as_of => NULL)', '22023', 'parameter "as_of" must not be null'),
               ('predict(''shop'', 7, ''{1}'', as_of => ''infinity'')', '22023', 'parameter "as_of" must be finite'), ('predict(''names'', 7, ''{1}'')', '42809', 'model "names" has text keys'),
               ('predict_text(''shop'', ''7'', ''{1}'')', '42809', 'model "shop" has integer keys'), ('predict(''nothing'', 7, ''{1}'')', '42704', 'model "nothing" does not exist'), ('predict(''nothing'', 7, ''{}'')', '42704', 'model "nothing" does not exist'),
               ('recommend(''shop'', 7, history => ''{1,NULL}'')', '22004', 'parameter "history" must not contain nulls'), ('recommend(''shop'', 7, history => ''{{1}}'')', '2202E', 'parameter "history" must be a one-dimensional array, not one of 2 dimensions'),
               ('recommend_text(''names'', ''c7'', history => ''{NULL}'')', '22004', 'parameter "history" must not contain nulls')) AS x (call, state, message);
SELECT reco.create_model('untrained') \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.predict('untrained', 7, '{1}')$$, '55000', 'model "untrained" has not been trained', 'a model that was never trained');

-- ---- History ---------------------------------------------------------------------------------------------------------

-- It is the same as lines of that moment, bought in the very transaction.
CREATE FUNCTION as_if_bought(who bigint, items bigint[], moment timestamptz, basket bigint[], purchased boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	INSERT INTO lines SELECT 100000 + n, coalesce(who, 4711), items[n], moment, 1 FROM generate_subscripts(items, 1) n;
	SELECT string_agg(concat_ws('|', rank, item_id, score, source), E'\n') INTO result FROM reco.recommend('shop', coalesce(who, 4711), k => 40, basket => as_if_bought.basket, exclude_purchased => purchased);
	RAISE EXCEPTION USING ERRCODE = 'UNDOO';
EXCEPTION WHEN SQLSTATE 'UNDOO' THEN
	RETURN result;
END $$;
CREATE FUNCTION brought_along(who bigint, items bigint[], basket bigint[], purchased boolean) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(concat_ws('|', rank, item_id, score, source), E'\n') FROM reco.recommend('shop', who, k => 40, basket => brought_along.basket, exclude_purchased => purchased, history => items)
$$;
BEGIN;
SELECT is(brought_along(who, items, basket, purchased), as_if_bought(who, items, now(), basket, purchased), format('customer %s, history %s, basket %s, exclude_purchased %s', coalesce(who::text, 'nobody'), left(items::text, 30), coalesce(basket::text, 'none'), purchased))
FROM   (VALUES (7::bigint), (NULL), (1000000)) u (who),
       (VALUES ('{12}'::bigint[]), ('{12,12,5}'), ('{}'), (ARRAY(SELECT 1 + n % 3 FROM generate_series(1, 30) n)), (ARRAY(SELECT 1 + n % 7 FROM generate_series(1, 50) n))) h (items),
       (VALUES (NULL::bigint[]), ('{30,31}')) b (basket), unnest(ARRAY[false, true]) purchased;
SELECT isnt(brought_along(7, '{12,12}', NULL, false), brought_along(7, '{12}', NULL, false), 'a repeated one counts again');
SELECT isnt(brought_along(7, '{12}', NULL, false), brought_along(7, NULL, NULL, false), 'one makes a difference');
SELECT is(brought_along(7, '{}', NULL, false), brought_along(7, NULL, NULL, false), 'none makes none');
SELECT is(brought_along(7, '{999,-1}', NULL, false), brought_along(7, NULL, NULL, false), 'nor does what is not known');
SELECT is(brought_along(7, '{5,12,30}', NULL, false), brought_along(7, '{30,5,12}', NULL, false), 'nor their order');
COMMIT;
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend('shop', NULL, history => '{12}')), 'personal', 'who is nobody has a history then');
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend('shop', NULL, history => '{999}')), 'popular', 'but not of what is not known');
SELECT is((SELECT string_agg(DISTINCT source, ',' ORDER BY source) FROM reco.recommend('shop', NULL, k => 40, basket => '{30}', history => '{12}')), 'basket,personal', 'beside a basket');
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', NULL, k => 40, history => '{12,12,5}')), 40, 'what is in the history may come back');
SELECT set_eq($$SELECT item_id FROM reco.recommend('shop', NULL, k => 40, history => '{12,12,5,999}', exclude_purchased => true)$$, 'SELECT id FROM products WHERE id NOT IN (12, 5)', 'unless what was purchased shall not');
SELECT set_eq($$SELECT item_id FROM reco.recommend('shop', 7, k => 40, history => '{12}', exclude_purchased => true)$$, 'SELECT id FROM products WHERE id <> 12 AND id NOT IN (SELECT product_id FROM lines WHERE customer_id = 7)', 'beside what the sources say');
SELECT set_hasnt($$SELECT item_id FROM reco.recommend('shop', NULL, k => 40, history => (SELECT array_agg(CASE n WHEN 1 THEN 40 ELSE 1 + n % 9 END) FROM generate_series(1, 1000) n), exclude_purchased => true)$$, 'SELECT 40::bigint', 'beyond history_limit, too');
-- It is as of the request: other purchases age beside it, it does not.
SELECT is(md5(string_agg(r.score::text, ',' ORDER BY rank)), (SELECT md5(string_agg(score::text, ',' ORDER BY rank)) FROM reco.recommend('shop', NULL, history => '{12,5}')), 'as of ' || as_of)
FROM   unnest(ARRAY['1900-01-01', '2024-01-01', '2300-01-01']::timestamptz[]) as_of, LATERAL reco.recommend('shop', NULL, history => '{12,5}', as_of => as_of) r GROUP BY as_of;
SELECT isnt((SELECT score FROM reco.predict('shop', 7, '{12}', history => '{12}', as_of => '2024-02-12')), (SELECT score FROM reco.predict('shop', 7, '{12}', history => '{12}', as_of => '2024-08-12')), 'older purchases age beside it');
-- The newest count first, and these are the newest: with history_limit of them nothing else counts.
SELECT results_eq($$SELECT item_id, score FROM reco.recommend('shop', 7, k => 40, history => (SELECT array_agg(1 + n % 3) FROM generate_series(1, 50) n))$$,
                  $$SELECT item_id, score FROM reco.recommend('shop', NULL, k => 40, history => (SELECT array_agg(1 + n % 3) FROM generate_series(1, 50) n))$$, 'history_limit of them push all older ones out');
SELECT isnt((SELECT score FROM reco.predict('shop', 7, '{1}', history => (SELECT array_agg(1 + n % 3) FROM generate_series(1, 49) n))), (SELECT score FROM reco.predict('shop', NULL, '{1}', history => (SELECT array_agg(1 + n % 3) FROM generate_series(1, 49) n))), 'one fewer leaves one');
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 7, history => (SELECT array_agg(1 + n % 60) FROM generate_series(1, 100000) n))), 10, 'a history of 100,000');
SELECT results_eq($$SELECT item_id, score FROM reco.recommend('shop', NULL, k => 40, history => (SELECT array_agg(5::bigint) FROM generate_series(1, 100000) n))$$,
                  $$SELECT item_id, score FROM reco.recommend('shop', NULL, k => 40, history => (SELECT array_agg(5::bigint) FROM generate_series(1, 50) n))$$, 'of which history_limit count');
-- A return that a source has does not touch what came after it.
BEGIN;
INSERT INTO lines VALUES (200000, 800, 12, now() - interval '1 second', -1);
SELECT is((SELECT source FROM reco.recommend('shop', 800, k => 1)), 'popular', 'a return alone is nothing');
SELECT results_eq($$SELECT item_id, score FROM reco.recommend('shop', 800, k => 40, history => '{12}')$$, $$SELECT item_id, score FROM reco.recommend('shop', NULL, k => 40, history => '{12}')$$, 'and takes nothing from the history');
ROLLBACK;
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend_text('names', NULL, history => '{ü12,x}')), 'personal', 'texts');
SELECT set_hasnt($$SELECT item_id FROM reco.recommend_text('names', NULL, k => 40, history => '{ü12,x}', exclude_purchased => true)$$, $$SELECT 'ü12'::text$$, 'which were purchased');

-- ---- Rights ----------------------------------------------------------------------------------------------------------

BEGIN READ ONLY;
SELECT is((SELECT count(score)::integer FROM reco.predict('shop', 7, '{1,2}')), 2, 'in a read-only transaction');
ROLLBACK;
CREATE ROLE reader;
CREATE ROLE stranger;
SELECT reco.grant_usage('shop', 'reader') \g /dev/null
SET ROLE reader;
SELECT is((SELECT count(score)::integer FROM reco.predict('shop', 7, '{1,2}', history => '{3}')), 2, 'who may recommend may predict');
SET ROLE stranger;
SELECT throws_ok($$SELECT * FROM reco.predict('shop', 7, '{1,2}')$$, '42501', 'permission denied for model "shop"', 'nobody else');
SELECT throws_ok($$SELECT * FROM reco.predict('shop', 7, '{}')$$, '42501', 'permission denied for model "shop"', 'not even nothing');
RESET ROLE;

SELECT * FROM finish();
