-- reco.evaluate and reco.replay: what is asked, what was answered (as reco.recommend answers), and the figures made of it.

SET client_min_messages = warning;
SET check_function_bodies = off;
SELECT plan(230);

-- ---- A shop ----------------------------------------------------------------------------------------------------------

-- Whole returns only, of what a customer bought once; prices that floats hold exactly.
CREATE FUNCTION lot(a bigint, b bigint, n integer) RETURNS integer IMMUTABLE LANGUAGE sql AS $$ SELECT (abs(hashint8extended(a, b) % 1000003) % n)::integer $$;
CREATE TABLE lines (order_id bigint, customer bigint, item bigint, at timestamptz, quantity integer, price numeric, device text);
INSERT INTO lines
SELECT o, CASE WHEN o % 11 = 0 THEN NULL ELSE c END,
       CASE WHEN lot(o, j, 5) = 0 THEN 100 + lot(o, 10 + j, 60) ELSE 100 + (c % 6) * 10 + least(lot(o, 20 + j, 10), lot(o, 30 + j, 10)) END,
       timestamptz '2026-01-01 00:00+00' + o * interval '2 hours' + CASE WHEN o % 4 = 0 AND j > 3 THEN interval '1 minute' ELSE interval '0' END,
       1 + lot(o, 40 + j, 3), 1 + lot(o, 50 + j, 40) * 0.25, CASE lot(o, 60, 2) WHEN 0 THEN 'mobile' ELSE 'desktop' END
FROM   (SELECT o, lot(o, 1, 150) AS c, 2 + lot(o, 2, 5) AS n FROM generate_series(1, 1500) o) x, generate_series(1, n) j;
INSERT INTO lines
SELECT 100000 + order_id, customer, item, at + interval '3 days', -quantity, price, device
FROM   (SELECT *, count(*) OVER (PARTITION BY customer, item) AS times FROM lines) l WHERE order_id % 4 = 0 AND times = 1 AND customer IS NOT NULL AND item < 130;
CREATE TABLE counter_sales AS
SELECT lot(o, 1, 150)::bigint AS customer, 100 + (lot(o, 1, 150) % 6) * 10 + lot(o, j, 10)::bigint AS item, timestamptz '2026-01-01 01:00+00' + o * interval '2 hours' AS at, 2.5 AS amount
FROM   generate_series(1, 1500, 7) o, generate_series(70, 72) j;
DELETE FROM counter_sales s USING lines l WHERE l.quantity < 0 AND l.customer = s.customer AND l.item = s.item;
CREATE TABLE products AS
SELECT id::bigint, 'category ' || (id - 100) / 10 AS category, 'thing number ' || id || ' of ' || (id - 100) / 10 || ' and ' || lot(id, 80, 5) AS title, lot(id, 81, 9) * 0.25 - 0.5 AS margin, CASE WHEN id = 117 THEN 0 ELSE 5 END AS stock FROM generate_series(100, 165) id;
CREATE TABLE reviews AS SELECT DISTINCT ON (customer, item) customer, item, at + interval '1 day' AS at, 1 + lot(order_id, 90, 5) AS stars FROM lines WHERE order_id % 5 = 0 AND customer IS NOT NULL;
CREATE TABLE customers AS SELECT id::bigint, CASE lot(id, 95, 3) WHEN 0 THEN 'north' ELSE 'south' END AS region FROM generate_series(0, 149) id;
SELECT reco.create_model('shop', 'UTC', '{"factors": 8, "iterations": 3}') \g /dev/null
SELECT reco.add_orders('shop', 'lines', 'customer', 'item', 'at', 'order_id', 'quantity', unit_price => 'price', context => 'device'),
       reco.add_orders('shop', 'counter_sales', 'customer', 'item', 'at', amount => 'amount'),
       reco.add_items('shop', 'products', 'id', features => 'category', description => 'title', margin => 'margin', available => 'stock > 0'),
       reco.add_reviews('shop', 'reviews', 'customer', 'item', 'at', stars => 'stars'),
       reco.add_users('shop', 'customers', 'id', features => 'region') \g /dev/null
CREATE INDEX ON lines (customer, at DESC);
CREATE INDEX ON counter_sales (customer, at DESC);
CREATE VIEW cut AS SELECT timestamptz '2026-04-19 08:00+00' AS at;
CREATE TABLE replayed AS SELECT r.*, coalesce('order ' || order_id, 'sale to ' || user_id || ' ' || as_of) AS asked FROM reco.replay('shop', k => 1000, cut => (SELECT at FROM cut), algorithms => NULL) r;
CREATE TABLE top AS SELECT r.*, coalesce('order ' || order_id, 'sale to ' || user_id || ' ' || as_of) AS asked FROM reco.replay('shop', cut => (SELECT at FROM cut), algorithms => NULL) r;
CREATE TABLE evaluated AS SELECT * FROM reco.evaluate('shop', cut => (SELECT at FROM cut));
CREATE FUNCTION figures(options text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
	DECLARE result text; BEGIN
	EXECUTE 'SELECT md5(string_agg(x::text, ''|'')) FROM reco.evaluate(''shop'', cut => (SELECT at FROM cut)' || options || ') x WHERE metric NOT IN (''seconds'', ''milliseconds'')' INTO result;
	RETURN result; END $$;

-- ---- What is asked ---------------------------------------------------------------------------------------------------

-- The orders themselves, by plain SQL: items with what is left of them in the order, first moment, customer.
CREATE TABLE order_items AS
SELECT 'order ' || order_id AS asked, item::text, sum(quantity) AS quantity, sum(quantity * price) AS value FROM lines GROUP BY order_id, item
UNION ALL
SELECT 'sale to ' || customer || ' ' || at, item::text, count(*), sum(amount) FROM counter_sales GROUP BY customer, at, item;
DELETE FROM order_items WHERE quantity <= 0;
CREATE INDEX ON order_items (asked);
ANALYZE order_items;
CREATE TABLE orders AS
SELECT 'order ' || order_id AS asked, min(customer)::text AS user_id, min(at) AS as_of FROM lines WHERE quantity > 0 GROUP BY order_id
UNION ALL
SELECT DISTINCT 'sale to ' || customer || ' ' || at, customer::text, at FROM counter_sales;
CREATE TABLE later AS SELECT o.*, (SELECT array_agg(item ORDER BY item) FROM order_items i WHERE i.asked = o.asked) AS items FROM orders o WHERE as_of >= (SELECT at FROM cut);

SELECT set_eq('SELECT asked, user_id, as_of FROM replayed WHERE algorithm = ''reco'' AND request = ''completion''', 'SELECT asked, user_id, as_of FROM later WHERE cardinality(items) > 1',
              'every later order of two items and more is to be completed');
SELECT set_eq('SELECT asked, user_id, as_of FROM replayed WHERE algorithm = ''reco'' AND request = ''next basket''', 'SELECT asked, user_id, as_of FROM later WHERE user_id IS NOT NULL',
              'every one of a known customer is a next basket');
SELECT is((SELECT count(*) FROM replayed r JOIN later l USING (asked) WHERE cardinality(basket) <> CASE request WHEN 'completion' THEN cardinality(items) / 2 ELSE 0 END
           OR NOT (ARRAY(SELECT unnest(basket || wanted) ORDER BY 1) = items)), 0::bigint, 'half of the items are visible, or none; the others are to be found');
SELECT is((SELECT count(*) FROM replayed WHERE recommended && basket OR '117' = ANY (recommended)), 0::bigint, 'nobody recommends what is visible, or not available');
SELECT is((SELECT count(*) FROM replayed WHERE cardinality(recommended) <> cardinality(scores) OR cardinality(recommended) <> (SELECT count(DISTINCT i) FROM unnest(recommended) i) OR (algorithm = 'reco') <> (probabilities IS NOT NULL)), 0::bigint,
          'with a score for each, each once, and probabilities of the model alone');
SELECT is((SELECT count(*) FROM replayed, LATERAL (SELECT s, lag(s) OVER (ORDER BY n) AS before FROM unnest(scores) WITH ORDINALITY x (s, n)) y WHERE s > before AND algorithm IN ('reco', 'random', 'popularity', 'repeats')), 0::bigint, 'best first');
SELECT is((SELECT count(*) FROM replayed r JOIN top t USING (algorithm, request, asked) WHERE algorithm IN ('reco', 'random', 'popularity') AND (t.recommended, t.scores, t.probabilities) IS DISTINCT FROM (r.recommended[:10], r.scores[:10], r.probabilities[:10])), 0::bigint,
          'a shorter list is the beginning of a longer one');

-- ---- As reco.recommend answers ---------------------------------------------------------------------------------------

-- Requests that reco.recommend answers otherwise after a training up to the cut.
CREATE FUNCTION unlike_live() RETURNS text LANGUAGE plpgsql AS $$
	DECLARE result text; BEGIN
	PERFORM reco.train('shop');
	SELECT format('%s of %s', count(*) FILTER (WHERE (l.items, l.scores, l.probabilities) IS DISTINCT FROM (r.recommended, r.scores, r.probabilities)), count(*)) INTO result
	FROM   reco.replay('shop', k => 1000, cut => (SELECT at FROM cut)) r,
	LATERAL (SELECT array_agg(item_id::text ORDER BY rank) AS items, array_agg(score ORDER BY rank) AS scores, array_agg(probability ORDER BY rank) AS probabilities
	         FROM reco.recommend('shop', r.user_id::bigint, 1000, r.basket::bigint[], as_of => r.as_of)) l;
	RETURN result; END $$;
SELECT reco.alter_model('shop', '{"training_clock": "2026-04-19 08:00+00"}') \g /dev/null
SELECT is(unlike_live(), '0 of ' || (SELECT count(*) FROM replayed WHERE algorithm = 'reco'), 'items, scores and probabilities of recommend, bit by bit');
BEGIN;
SELECT reco.alter_model('shop', '{"history_limit": 4}') \g /dev/null
SELECT is(unlike_live(), '0 of ' || (SELECT count(*) FROM replayed WHERE algorithm = 'reco'), 'also where history_limit cuts');
SELECT isnt((SELECT md5(string_agg(scores::text, '' ORDER BY request, asked)) FROM (SELECT *, coalesce(order_id, user_id || as_of) AS asked FROM reco.replay('shop', k => 1000, cut => (SELECT at FROM cut))) x),
            (SELECT md5(string_agg(scores::text, '' ORDER BY request, coalesce(order_id, user_id || as_of))) FROM replayed WHERE algorithm = 'reco'), 'which makes a difference');
ROLLBACK;
BEGIN;
INSERT INTO lines SELECT 100000 + c, c, i, at, q, 1 FROM generate_series(0, 149) c, (VALUES (NULL, '2026-02-01'::timestamptz, 1), (101, 'infinity', 1), (102, '-infinity', 1), (103, NULL, 1), (104, '2026-03-01', 0), (105, '2026-03-01', NULL)) x (i, at, q);
SELECT is(unlike_live(), '0 of ' || (SELECT count(*) FROM replayed WHERE algorithm = 'reco'), 'with lines that count nothing');
UPDATE lines SET quantity = NULL WHERE item % 4 = 0;
SELECT reco.alter_model('shop', '{"history_limit": 5}') \g /dev/null
SELECT matches(unlike_live(), '^0 of [0-9]{3}$', 'which count towards history_limit nevertheless');
ROLLBACK;
BEGIN;
UPDATE lines SET at = date_trunc('day', at);
SELECT matches(unlike_live(), '^0 of [0-9]{3}$', 'with days for times');
SELECT reco.alter_model('shop', '{"history_limit": 3}') \g /dev/null
SELECT matches(unlike_live(), '^0 of [0-9]{3}$', 'of which history_limit cuts some');
ROLLBACK;
BEGIN;
UPDATE lines SET order_id = CASE WHEN order_id % 5 = 0 THEN NULL WHEN order_id % 3 = 0 THEN order_id / 9 ELSE order_id END;
UPDATE lines SET at = date_trunc('day', at) WHERE order_id IS NULL;
CREATE TABLE third AS SELECT order_id, customer, item, at + interval '3 hours' AS at, CASE WHEN item % 4 = 0 THEN -quantity ELSE quantity END AS quantity FROM lines WHERE item % 2 = 0;
SELECT reco.add_orders('shop', 'third', 'customer', 'item', 'at', 'order_id', 'quantity') \g /dev/null
SELECT matches(unlike_live(), '^0 of [0-9]{3}$', 'order keys that are missing, of several customers, of two sources');
ROLLBACK;

CREATE VIEW text_lines AS SELECT 'o' || order_id AS order_id, 'c' || customer AS customer, 'ü ' || item AS item, at, quantity FROM lines;
SELECT reco.create_model('names', 'UTC', '{"factors": 8, "iterations": 3, "training_clock": "2026-04-19 08:00+00"}') \g /dev/null
SELECT reco.add_orders('names', 'text_lines', 'customer', 'item', 'at', 'order_id', 'quantity') \g /dev/null
SELECT reco.train('names') \g /dev/null
SELECT matches((SELECT format('%s of %s', count(*) FILTER (WHERE (l.items, l.scores, l.probabilities) IS DISTINCT FROM (r.recommended, r.scores, r.probabilities)), count(*))
	FROM   reco.replay('names', k => 1000, cut => (SELECT at FROM cut)) r,
	LATERAL (SELECT array_agg(item_id ORDER BY rank) AS items, array_agg(score ORDER BY rank) AS scores, array_agg(probability ORDER BY rank) AS probabilities
	         FROM reco.recommend_text('names', r.user_id, 1000, r.basket, as_of => r.as_of)) l), '^0 of [0-9]{3}$', 'text keys');

-- ---- Metrics ---------------------------------------------------------------------------------------------------------

-- Of the replayed lists, by the aggregates of the same names.
CREATE TABLE valued AS
SELECT t.*,
       ARRAY(SELECT i.value::float8 FROM unnest(wanted) WITH ORDINALITY w (item, n) JOIN order_items i USING (item) WHERE i.asked = t.asked ORDER BY n) AS worth,
       ARRAY(SELECT (i.quantity * p.margin)::float8 FROM unnest(wanted) WITH ORDINALITY w (item, n) JOIN order_items i USING (item) JOIN products p ON p.id = item::bigint WHERE i.asked = t.asked ORDER BY n) AS margins,
       (SELECT sum(i.value)::float8 FROM order_items i WHERE i.asked = t.asked AND (request = 'next basket' OR item = ANY (basket))) AS visible
FROM   top t;
CREATE TABLE expected AS
SELECT algorithm, request, metric, value
FROM   (SELECT algorithm, request, reco.recall_at_k(recommended, wanted, 10) AS recall, reco.ndcg_at_k(recommended, wanted, 10) AS ndcg, reco.precision_at_k(recommended, wanted, 10) AS precision,
               reco.hit_rate_at_k(recommended, wanted, 10) AS hit_rate, reco.map_at_k(recommended, wanted, 10) AS map, reco.mrr_at_k(recommended, wanted, 10) AS mrr,
               reco.value_recovered_at_k(recommended, wanted, worth, visible, 10) AS value_recovered, reco.margin_recovered_at_k(recommended, wanted, margins, visible, 10) AS margin_recovered,
               reco.catalogue_coverage(recommended, 10, 66) AS catalogue_coverage, reco.exposure_gini(recommended, 10, 66) AS exposure_gini
        FROM   valued GROUP BY algorithm, request) x,
LATERAL (VALUES ('recall', recall), ('ndcg', ndcg), ('precision', precision), ('hit_rate', hit_rate), ('map', map), ('mrr', mrr), ('value_recovered', value_recovered), ('margin_recovered', margin_recovered),
                ('catalogue_coverage', catalogue_coverage), ('exposure_gini', exposure_gini)) m (metric, value);
SELECT is((SELECT items FROM reco.train('shop')), 66, 'the catalogue has 66 items');
SELECT is((SELECT count(*) FROM expected x JOIN evaluated e USING (algorithm, request, metric) WHERE metric = m AND abs(x.value - e.value) < 1e-9 AND k = 10 AND n = (SELECT count(*) FROM top t WHERE t.algorithm = e.algorithm AND t.request = e.request)),
          (SELECT count(*) FROM expected WHERE metric = m), m || ' is that of the aggregate, for everybody')
FROM   (SELECT DISTINCT metric AS m FROM expected ORDER BY 1) x;

SELECT is((SELECT count(*) FROM expected), (SELECT 10 * count(DISTINCT (algorithm, request)) FROM top), 'and there are no others');

-- Of the model's probabilities.
CREATE TABLE shown AS SELECT t.request, t.user_id, p.probability, p.item = ANY (t.wanted) AS bought FROM top t, unnest(t.recommended, t.probabilities) p (item, probability) WHERE algorithm = 'reco';
SELECT is((SELECT count(*) FROM evaluated e JOIN (SELECT request, reco.log_loss(probability, bought) AS log_loss, reco.brier(probability, bought) AS brier, reco.calibration_error(probability, bought) AS calibration_error,
                  avg(probability) - avg(bought::int) AS calibration_bias FROM shown GROUP BY request) s USING (request)
           WHERE abs(e.value - CASE metric WHEN 'log_loss' THEN log_loss WHEN 'brier' THEN brier WHEN 'calibration_error' THEN calibration_error WHEN 'calibration_bias' THEN calibration_bias END) < 1e-9), 8::bigint, 'metrics of probabilities');
SELECT is((SELECT array_agg(DISTINCT algorithm) FROM evaluated WHERE metric IN ('log_loss', 'brier', 'calibration_error', 'calibration_bias')), '{reco}', 'which the model alone has');

-- Of the scores of all items: the mean over requests with something to be found among what the shop has.
SELECT is((SELECT count(*) FROM evaluated e JOIN (SELECT algorithm, request, avg(auc) AS auc FROM (SELECT algorithm, request, asked, reco.auc(score, item = ANY (wanted)) AS auc
                  FROM replayed, unnest(recommended, scores) x (item, score) WHERE algorithm IN ('reco', 'random') GROUP BY 1, 2, 3) y GROUP BY 1, 2) z USING (algorithm, request) WHERE metric = 'auc' AND abs(value - auc) < 1e-6), 4::bigint, 'auc');

-- What is left of the past, by plain SQL: whole returns of what a customer bought once.
CREATE TABLE past AS
SELECT asked, customer, item, at FROM
       (SELECT 'order ' || order_id AS asked, customer, item, at FROM lines l WHERE quantity > 0 AND at < (SELECT at FROM cut)
               AND NOT EXISTS (SELECT FROM lines r WHERE r.customer = l.customer AND r.item = l.item AND r.quantity < 0 AND r.at < (SELECT at FROM cut) AND r.at > l.at)
        UNION ALL
        SELECT 'sale to ' || customer || ' ' || at, customer, item, at FROM counter_sales WHERE at < (SELECT at FROM cut)) x;

-- ---- Simple baselines, by plain SQL ----------------------------------------------------------------------------------

SELECT set_eq('SELECT DISTINCT item, score FROM replayed, unnest(recommended, scores) x (item, score) WHERE algorithm = ''popularity''',
              'SELECT item::text, count(DISTINCT asked)::float8 FROM past JOIN products ON id = item WHERE stock > 0 GROUP BY item', 'popularity: in how many orders of the past an item was');
SELECT is((SELECT count(*) FROM replayed r WHERE algorithm = 'popularity' AND cardinality(recommended) <> (SELECT count(DISTINCT item) FROM past WHERE item <> 117 AND item::text <> ALL (basket))), 0::bigint, 'of every item that was in one');
-- Those of whole returns that were known by the request, and nobody else's.
CREATE TABLE purchases AS
SELECT r.request, r.asked, x.item::text, count(*) AS times
FROM   replayed r, LATERAL (
	SELECT l.item FROM lines l WHERE l.customer::text = r.user_id AND l.quantity > 0 AND l.at < r.as_of
	       AND NOT EXISTS (SELECT FROM lines b WHERE b.customer = l.customer AND b.item = l.item AND b.quantity < 0 AND b.at < r.as_of)
	UNION ALL
	SELECT s.item FROM counter_sales s WHERE s.customer::text = r.user_id AND s.at < r.as_of) x
WHERE  algorithm = 'repeats' AND x.item <> 117 AND x.item::text <> ALL (basket) GROUP BY 1, 2, 3;
SELECT set_eq('SELECT request, asked, item FROM replayed, unnest(recommended) item WHERE algorithm = ''repeats''', 'SELECT request, asked, item FROM purchases', 'repeats: what the customer bought before, and did not take back');
SELECT is((SELECT remark FROM evaluated WHERE algorithm = 'repeats' AND metric = 'seconds'), 'chosen in the past, completion: purchases without decay; next basket: purchases without decay', 'whenever that was');
SELECT set_eq('SELECT request, asked, item, score FROM replayed, unnest(recommended, scores) x (item, score) WHERE algorithm = ''repeats''', 'SELECT request, asked, item, times::float8 FROM purchases', 'by how often');
SELECT set_has('SELECT request, asked, item FROM replayed, unnest(recommended) item WHERE algorithm = ''repeats_popularity''', 'SELECT request, asked, item FROM purchases', 'repeats_popularity has the same');
SELECT is((SELECT count(*) FROM replayed r, unnest(scores) s WHERE algorithm = 'repeats_popularity' AND s NOT BETWEEN -2 AND -1 AND s <= 0), 0::bigint, 'and what is popular');
SELECT set_eq('SELECT request, asked, item FROM replayed, unnest(recommended, scores) x (item, score) WHERE algorithm = ''repeats_popularity'' AND score > 0', 'SELECT request, asked, item FROM purchases', 'before all that he did not buy');

-- ---- Seeds, and what must not matter ---------------------------------------------------------------------------------

SELECT is(figures(), figures(', seed => 0'), 'the same figures for the same seed');
SELECT isnt(figures(), figures(', seed => 1'), 'others for another');
CREATE TABLE other_seed AS SELECT r.*, coalesce('order ' || order_id, 'sale to ' || user_id || ' ' || as_of) AS asked FROM reco.replay('shop', cut => (SELECT at FROM cut), seed => 1, algorithms => '{random}') r;
SELECT cmp_ok((SELECT count(*) FROM other_seed r JOIN top t USING (algorithm, request, asked) WHERE r.basket <> t.basket AND algorithm = 'reco'), '>', 100::bigint, 'which draws other halves');
SELECT cmp_ok((SELECT count(*) FROM other_seed r JOIN top t USING (algorithm, request, asked) WHERE request = 'next basket' AND algorithm = 'random' AND r.recommended <> t.recommended), '>', 150::bigint, 'other lists by lot');
SELECT is((SELECT count(*) FROM other_seed r JOIN top t USING (algorithm, request, asked) WHERE request = 'next basket' AND algorithm = 'reco' AND r.scores <> t.scores), 0::bigint, 'and changes no answer where nothing is drawn');
SELECT cmp_ok((SELECT count(DISTINCT recommended) FROM top WHERE algorithm = 'random' AND request = 'next basket'), '>', 200::bigint, 'every request has its own lot');
BEGIN;
SET LOCAL work_mem = '64kB';
SET LOCAL max_parallel_workers_per_gather = 4;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL TimeZone = 'Pacific/Auckland';
CREATE TABLE lines_after AS SELECT * FROM lines ORDER BY md5(lines::text);
CREATE TABLE products_after AS SELECT * FROM products ORDER BY md5(id::text);
SELECT reco.add_orders('shop', 'lines_after', 'customer', 'item', 'at', 'order_id', 'quantity', unit_price => 'price', context => 'device', name => 'lines'),
       reco.add_items('shop', 'products_after', 'id', features => 'category', description => 'title', margin => 'margin', available => 'stock > 0', name => 'products') \g /dev/null
SELECT is((SELECT md5(string_agg((algorithm, request, metric, k, value, ci_low, ci_high, n)::text, '|')) FROM reco.evaluate('shop', cut => (SELECT at FROM cut)) WHERE metric NOT IN ('seconds', 'milliseconds')),
          (SELECT md5(string_agg((algorithm, request, metric, k, value, ci_low, ci_high, n)::text, '|')) FROM evaluated WHERE metric NOT IN ('seconds', 'milliseconds')), 'nor do the order of rows, workers, work_mem and the session''s time zone');
ROLLBACK;

-- ---- Rows ------------------------------------------------------------------------------------------------------------

SELECT is((SELECT count(*) FROM evaluated WHERE value IS NOT NULL AND NOT (value > '-infinity' AND value < 'infinity') OR ci_low = 'NaN' OR ci_high = 'NaN'), 0::bigint, 'every figure is a number');
SELECT is((SELECT count(*) FROM evaluated WHERE metric IN ('recall', 'ndcg', 'precision', 'hit_rate', 'map', 'mrr', 'auc', 'catalogue_coverage', 'exposure_gini', 'brier', 'calibration_error', 'intra_list_diversity')
           AND NOT (value BETWEEN 0 AND 1 AND coalesce(ci_low, 0) >= 0 AND coalesce(ci_high, 1) <= 1 + 1e-9)), 0::bigint, 'shares are from 0 to 1');
SELECT is((SELECT count(*) FROM evaluated WHERE metric IN ('value_recovered', 'novelty', 'log_loss', 'seconds', 'milliseconds') AND NOT value >= 0), 0::bigint, 'amounts not below 0');
SELECT is((SELECT count(*) FROM evaluated WHERE NOT (ci_low <= value + 1e-12 AND value <= ci_high + 1e-12)), 0::bigint, 'intervals are about the values');
SELECT is((SELECT array_agg(DISTINCT metric ORDER BY metric) FROM evaluated WHERE value IS NOT NULL AND ci_low IS NULL), '{catalogue_coverage,exposure_gini,milliseconds,seconds}', 'which all have but those that no chance has made');
SELECT cmp_ok((SELECT avg(few.ci_high - few.ci_low) FROM reco.evaluate('shop', cut => (SELECT at FROM cut), orders => 40) few WHERE metric = 'ndcg' AND algorithm = 'reco'), '>',
              (SELECT 1.5 * avg(ci_high - ci_low) FROM evaluated WHERE metric = 'ndcg' AND algorithm = 'reco'), 'and which are narrower with more customers');
CREATE TABLE in_order AS SELECT row_number() OVER () AS place, e.*, CASE WHEN metric IN ('exposure_gini', 'log_loss', 'brier', 'calibration_error', 'mse', 'rmse') THEN -value ELSE value END AS quality
FROM   reco.evaluate('shop', cut => (SELECT at FROM cut)) e WHERE metric NOT IN ('seconds', 'milliseconds', 'ndcg_lead', 'recall_lead');
SELECT is((SELECT count(*) FROM (SELECT quality > lag(quality) OVER (PARTITION BY request, metric ORDER BY place) AS wrong FROM in_order) x WHERE wrong), 0::bigint, 'the best comes first');
SELECT is((SELECT count(*) FROM evaluated WHERE algorithm = 'verdict' AND metric = 'ndcg_lead' AND abs(value - ((SELECT value FROM evaluated e WHERE e.request = evaluated.request AND metric = 'ndcg' AND algorithm = 'reco')
           - (SELECT max(value) FROM evaluated e WHERE e.request = evaluated.request AND metric = 'ndcg' AND algorithm NOT LIKE 'reco%'))) < 1e-12), 2::bigint, 'the lead is that over the best other algorithm');
SELECT results_eq('SELECT metric, n FROM evaluated WHERE algorithm IS NULL AND metric NOT LIKE ''rating%''', 'VALUES (''orders replayed'', (SELECT count(*) FROM later)), (''undated'', 1), (''undated'', 1)', 'what was replayed and what has no time');
SELECT is((SELECT remark FROM evaluated WHERE metric = 'undated' AND remark LIKE 'products%'), 'products (items) has no time, and was used as it is now: item_id, features, description, margin, available', 'which is told');

-- ---- Which orders ----------------------------------------------------------------------------------------------------

CREATE FUNCTION sizes(options text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE result text; BEGIN
	EXECUTE 'SELECT string_agg(metric || '' '' || n || coalesce('' '' || remark, ''''), ''; '') FROM reco.evaluate(''shop'', algorithms => ''{}'', ' || options || ') WHERE metric LIKE ''orders%''' INTO result;
	RETURN result; END $$;
SET TimeZone = 'UTC';
SELECT is(sizes('cut => (SELECT at FROM cut), min_items => 3, max_items => 4'),
	(SELECT format('orders replayed %s orders from 2026-04-19 08:00:00+00 on; orders left out %s fewer different items than min_items; orders left out %s more different items than max_items',
	               count(*) FILTER (WHERE cardinality(items) BETWEEN 3 AND 4), count(*) FILTER (WHERE cardinality(items) < 3), count(*) FILTER (WHERE cardinality(items) > 4)) FROM later), 'by the number of different items');
SELECT is(sizes('cut => (SELECT at FROM cut), orders => 30'), (SELECT format('orders replayed 30 orders from 2026-04-19 08:00:00+00 on; orders not drawn %s more than the parameter orders', count(*) - 30) FROM later), 'some by lot');
SELECT is(sizes('cut => (SELECT at FROM cut), until => ''2026-04-25''') , (SELECT format('orders replayed %s orders from 2026-04-19 08:00:00+00 on', count(*)) FROM later WHERE as_of < '2026-04-25'), 'those before until');
SELECT is((SELECT count(*) FROM reco.replay('shop', cut => (SELECT at FROM cut), until => '2026-04-25') r JOIN top t USING (algorithm, request, order_id) WHERE (r.recommended, r.scores, r.basket) IS DISTINCT FROM (t.recommended, t.scores, t.basket)), 0::bigint, 'of which each is the same');
SELECT matches(sizes('until => ''2026-03-01'''), '^orders replayed ([0-9]+) orders from 2026-02-[0-9: +-]+ on$', 'by default the newest part of what is before until');
SELECT is((SELECT count(*) FROM reco.replay('shop', until => '2026-03-01') WHERE request = 'completion'),
          (SELECT count(*) FROM orders o WHERE as_of < '2026-03-01' AND as_of >= (SELECT min(as_of) FROM reco.replay('shop', until => '2026-03-01')) AND (SELECT count(*) FROM order_items i WHERE i.asked = o.asked) > 1), 'all of it');
SELECT cmp_ok((SELECT count(*)::float8 / (SELECT count(*) FROM orders) FROM (SELECT DISTINCT order_id, user_id, as_of FROM reco.replay('shop')) x), '<=', 0.15::float8, 'that is 15 %');
SELECT cmp_ok((SELECT count(*)::float8 / (SELECT count(*) FROM orders) FROM (SELECT DISTINCT order_id, user_id, as_of FROM reco.replay('shop')) x), '>', 0.145::float8, 'and not much less');
SELECT set_eq('SELECT user_id, as_of FROM reco.replay(''shop'', split => ''last_order'') WHERE request = ''next basket''', 'SELECT user_id, max(as_of) FROM orders WHERE user_id IS NOT NULL GROUP BY 1 HAVING count(DISTINCT as_of) > 1', 'or each customer''s last');
SELECT set_eq('SELECT user_id, as_of FROM reco.replay(''shop'', split => ''last_order'', until => ''2026-02-01'') WHERE request = ''next basket''', 'SELECT user_id, max(as_of) FROM orders WHERE user_id IS NOT NULL AND as_of < ''2026-02-01'' GROUP BY 1 HAVING count(DISTINCT as_of) > 1', 'before until');
SELECT is((SELECT string_agg(DISTINCT algorithm, ' ' ORDER BY algorithm) FROM reco.evaluate('shop', cut => (SELECT at FROM cut), algorithms => '{repeats,popularity,repeats}') WHERE metric = 'ndcg'), 'popularity reco repeats', 'algorithms that are named are asked, each once');
SELECT is((SELECT array_agg(DISTINCT remark) FROM reco.evaluate('shop', cut => (SELECT at FROM cut), algorithms => '{}') WHERE algorithm = 'verdict'), '{"no other algorithm was asked: nothing to compare the model with"}', 'or none, and then there is nothing to say');
SELECT matches(remark, '^(better than every other algorithm that was asked|[a-z]+ is better than the model|whether [a-z]+ is better or worse than the model may be chance)', 'without the simple ones less is said of ' || request) FROM reco.evaluate('shop', cut => (SELECT at FROM cut), algorithms => '{random,content}') WHERE algorithm = 'verdict';
SELECT is((SELECT count(*) FROM reco.evaluate('shop', 3, cut => (SELECT at FROM cut), algorithms => '{}') e JOIN (SELECT request, reco.ndcg_at_k(recommended, wanted, 3) AS ndcg FROM top WHERE algorithm = 'reco' GROUP BY 1) t USING (request)
           WHERE metric = 'ndcg' AND k = 3 AND abs(value - ndcg) < 1e-9), 2::bigint, 'k');

-- ---- Without what has no time ----------------------------------------------------------------------------------------

CREATE TABLE dated AS SELECT * FROM reco.evaluate('shop', cut => (SELECT at FROM cut), undated => false);
SELECT is((SELECT string_agg(DISTINCT algorithm, ' ' ORDER BY algorithm) FROM evaluated WHERE metric = 'ndcg' AND algorithm NOT IN (SELECT algorithm FROM dated WHERE metric = 'ndcg')), 'content hybrid reco_without_affinity reco_without_match', 'undated => false: nobody goes by features');
SELECT is((SELECT remark FROM dated WHERE metric = 'undated' AND remark LIKE 'products%'), 'products (items) has no time, and was left out: item_id, features, description, margin, available', 'which is told');
SELECT is((SELECT count(*) FROM dated WHERE metric = 'margin_recovered'), 0::bigint, 'nor by margins');
SELECT cmp_ok((SELECT count(*) FROM reco.replay('shop', cut => (SELECT at FROM cut), undated => false) WHERE '117' = ANY (recommended)), '>', 10::bigint, 'and what is not available now is recommended');
SELECT is_empty('SELECT * FROM reco.replay(''shop'', k => 1000, cut => (SELECT at FROM cut), undated => false), unnest(recommended) item WHERE item::int > 159', 'but nothing that is known by the source of items only');
SELECT is(figures(', undated => NULL'), figures(), 'NULL is the default');

-- ---- Verdicts --------------------------------------------------------------------------------------------------------

CREATE TABLE flat AS SELECT o, lot(o, 1, 200) AS c, 1 + least(lot(o, 10 + j, 40), lot(o, 20 + j, 40), lot(o, 30 + j, 40)) AS i, timestamptz '2026-01-01' + o * interval '1 hour' AS at FROM generate_series(1, 2500) o, generate_series(1, 3) j;
-- Twelve topics of five items; an order stays with its topic, a customer does not.
CREATE TABLE topics AS SELECT o, lot(o, 1, 500) AS c, 1 + (o % 12) * 5 + lot(o, 10 + j, 5) AS i, timestamptz '2026-01-01' + o * interval '1 hour' AS at FROM generate_series(1, 2500) o, generate_series(1, 4) j;
SELECT reco.create_model(m, 'UTC', '{"factors": 16, "iterations": 8}') FROM unnest('{flat,topics}'::text[]) m \g /dev/null
SELECT reco.add_orders('flat', 'flat', 'c', 'i', 'at', 'o'), reco.add_orders('topics', 'topics', 'c', 'i', 'at', 'o') \g /dev/null
SELECT matches(remark, '^not (shown to be )?worth it on this data: ', request || ' where everybody buys what is popular: ' || remark) FROM reco.evaluate('flat') WHERE algorithm = 'verdict';
SELECT matches(remark, '^(worth it on this data: better than every other algorithm|better than popularity and repeat purchases)', 'completion where orders have a topic: ' || remark) FROM reco.evaluate('topics') WHERE algorithm = 'verdict' AND request = 'completion';
SELECT matches(remark, '^worth it on this data: better than every other algorithm that was asked, of which [a-z_]+ is the best \(ndcg@10 0\.[0-9]{3} against 0\.[0-9]{3}\)$', 'beside the simple ones alone: ' || remark)
FROM   reco.evaluate('topics', algorithms => '{popularity,recent_popularity,repeats,repeats_popularity,random}') WHERE algorithm = 'verdict' AND request = 'completion';
SELECT matches(remark, '^cannot tell: later orders are of ([2-9] customers|one customer) only', 'few customers') FROM reco.evaluate('topics', orders => 9) WHERE algorithm = 'verdict';
-- Orders of visitors do not make more of nine customers.
UPDATE topics SET c = NULL WHERE c >= 9;
SELECT matches(remark, CASE request WHEN 'completion' THEN '^(worth it|better)' ELSE '^cannot tell: later orders are of ([2-9] customers|one customer) only' END, request || ' of visitors and few customers: ' || remark) FROM reco.evaluate('topics') WHERE algorithm = 'verdict';

-- ---- Little, and nothing ---------------------------------------------------------------------------------------------

CREATE FUNCTION outline(call text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE result text; BEGIN
	EXECUTE 'SELECT string_agg(concat_ws('' '', algorithm, metric, n, remark), ''; '') FROM reco.evaluate(' || call || ') WHERE metric <> ''undated'' AND (algorithm IS NULL OR algorithm = ''verdict'')' INTO result;
	RETURN result; END $$;
SELECT is(outline('''shop'', cut => ''2030-01-01'''), 'orders replayed 0 orders from 2030-01-01 00:00:00+00 on', 'no later orders');
SELECT is_empty('SELECT * FROM reco.replay(''shop'', cut => ''2030-01-01'')', 'nothing to replay');
SELECT is((SELECT count(*) FROM reco.evaluate('shop', cut => '2026-01-01') WHERE algorithm = 'reco' AND metric = 'recall' AND value BETWEEN 0 AND 1), 2::bigint, 'no past: everybody is asked all the same');
SELECT is((SELECT count(*) FROM reco.evaluate('flat', cut => '2026-01-01') WHERE value IS NOT NULL AND metric = 'recall' AND value > 0), 0::bigint, 'without a source of items nobody knows any');
CREATE TABLE nothing (c integer, i integer, at timestamptz);
SELECT reco.create_model('nothing', 'UTC', '{"factors": 4}') \g /dev/null
SELECT reco.add_orders('nothing', 'nothing', 'c', 'i', 'at') \g /dev/null
SELECT is(outline('''nothing'''), 'orders replayed 0 too few orders to divide', 'no orders at all');
SELECT is(outline('''nothing'', split => ''last_order'''), 'orders replayed 0 each customer''s last order', 'of nobody');
INSERT INTO nothing VALUES (1, 1, '2026-01-01');
SELECT is(outline('''nothing'''), 'orders replayed 0 too few orders to divide', 'one order');
INSERT INTO nothing SELECT NULL, n % 3, '2026-01-01'::timestamptz + n * interval '1 day' FROM generate_series(1, 30) n;
SELECT is(outline('''nothing'''), 'orders replayed 0 too few orders to divide', 'lines of nobody that stand alone are no orders');
TRUNCATE nothing;
INSERT INTO nothing SELECT 1, (n * j) % 9, '2026-01-01'::timestamptz + n * interval '1 day' FROM generate_series(1, 30) n, generate_series(1, 3) j;
SELECT matches(outline('''nothing'''), '^verdict ndcg_lead 3 cannot tell: later orders are of one customer only; verdict ndcg_lead 4 .*; orders replayed 4 orders from 2026-01-28', 'one customer');
SELECT is((SELECT count(ci_low) + count(ci_high) FROM reco.evaluate('nothing')), 0::bigint, 'has no intervals');
SELECT is((SELECT remark FROM reco.evaluate('nothing') WHERE algorithm = 'repeats' AND metric = 'seconds'), 'too few past orders to choose, completion: purchases with a half-life of 15 days; next basket: purchases with a half-life of 15 days', 'settings that nothing could be tried on');
UPDATE nothing SET at = '2026-01-01';
SELECT is(outline('''nothing'''), 'orders replayed 0 too few orders to divide', 'one moment');
UPDATE nothing SET at = now() + (1 + i) * interval '1 day';
SELECT is(outline('''nothing'''), 'orders replayed 0 too few orders to divide', 'what has a time in the future did not happen');

-- Today's orders count, those of this very transaction too.
BEGIN;
UPDATE nothing SET at = now() - (8 - i) * interval '1 day';
SELECT is((SELECT max(as_of) FROM reco.replay('nothing', cut => now() - interval '2 days')), now(), 'now is not the future');
ROLLBACK;

-- ---- Nothing is written ----------------------------------------------------------------------------------------------

CREATE TABLE stored AS SELECT * FROM reco.versions;
BEGIN READ ONLY;
SELECT is(figures(), (SELECT md5(string_agg(e::text, '|')) FROM evaluated e WHERE metric NOT IN ('seconds', 'milliseconds')), 'in a read-only transaction');
SELECT is((SELECT count(*) FROM reco.replay('shop', cut => (SELECT at FROM cut))), (SELECT count(*) FROM top WHERE algorithm = 'reco'), 'replay, too');
ROLLBACK;
SELECT results_eq('SELECT * FROM reco.versions ORDER BY model, version', 'SELECT * FROM stored ORDER BY model, version', 'no version comes of it');

-- ---- Errors ----------------------------------------------------------------------------------------------------------

CREATE FUNCTION hint_of(call text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE hint text; BEGIN EXECUTE call; RETURN 'no error'; EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT; RETURN hint; END $$;
-- Those of all four functions.
CREATE TABLE calls AS SELECT * FROM unnest(ARRAY[$$evaluate('shop'$$, $$replay('shop'$$, $$compare('shop', 1, 1$$, $$fairness('shop', 'region'$$]) call;
SELECT throws_ok(format('SELECT * FROM reco.%s, %s)', call, argument), state, message, call || ', ' || argument)
FROM   calls,
       (VALUES ('k => NULL', '22004', 'parameter "k" must not be null'), ('k => 0', '22023', 'parameter "k" must be from 1 to 1000, not 0'), ('k => 1001', '22023', 'parameter "k" must be from 1 to 1000, not 1001'),
               ('orders => NULL', '22004', 'parameter "orders" must not be null'), ('orders => 0', '22023', 'parameter "orders" must be from 1 to 100000, not 0'),
               ('orders => 100001', '22023', 'parameter "orders" must be from 1 to 100000, not 100001'), ('min_items => NULL', '22004', 'parameter "min_items" must not be null'),
               ('min_items => 0', '22023', 'parameter "min_items" must be from 1 to 10000, not 0'), ('min_items => 10001', '22023', 'parameter "min_items" must be from 1 to 10000, not 10001'),
               ('max_items => NULL', '22004', 'parameter "max_items" must not be null'), ('min_items => 9, max_items => 8', '22023', 'parameter "max_items" must be from 9 to 10000, not 8'),
               ('max_items => 10001', '22023', 'parameter "max_items" must be from 1 to 10000, not 10001'), ('min_items => 101', '22023', 'parameter "max_items" must be from 101 to 10000, not 100'),
               ('seed => NULL', '22004', 'parameter "seed" must not be null'), ('seed => -1', '22023', 'parameter "seed" must be from 0 to 2147483647, not -1'),
               ('cut => ''infinity''', '22023', 'parameter "cut" must be finite'), ('cut => ''-infinity''', '22023', 'parameter "cut" must be finite'),
               ('until => ''infinity''', '22023', 'parameter "until" must be finite'), ('until => ''-infinity''', '22023', 'parameter "until" must be finite'),
               ('cut => ''2026-05-01'', until => ''2026-05-01''', '22023', 'parameter "until" must be later than "cut"'),
               ('cut => ''2026-05-02'', until => ''2026-05-01''', '22023', 'parameter "until" must be later than "cut"')) AS x (argument, state, message);
SELECT throws_ok(format('SELECT * FROM reco.%s, %s)', call, argument), state, message, call || ', ' || argument)
FROM   calls,
       (VALUES ('split => NULL', '22004', 'parameter "split" must not be null'), ('split => ''Time''', '22023', 'parameter "split" cannot be "Time"'), ('split => ''''', '22023', 'parameter "split" cannot be ""'),
               ('split => ''last_order'', cut => ''2026-05-01''', '22023', 'parameter "cut" says nothing with split => ''last_order''')) AS x (argument, state, message)
WHERE  call NOT LIKE 'compare%';
SELECT throws_ok(call, state, message, call)
FROM   (VALUES ('SELECT * FROM reco.evaluate(NULL)', '22004', 'parameter "model" must not be null'), ('SELECT * FROM reco.replay(NULL)', '22004', 'parameter "model" must not be null'),
               ('SELECT * FROM reco.compare(NULL, 1, 1)', '22004', 'parameter "model" must not be null'), ('SELECT * FROM reco.fairness(NULL, ''region'')', '22004', 'parameter "model" must not be null'),
               ('SELECT * FROM reco.fairness(''shop'', NULL)', '22004', 'parameter "by" must not be null'),
               ('SELECT * FROM reco.fairness(''shop'', ''region'', min_support => NULL)', '22004', 'parameter "min_support" must not be null'),
               ('SELECT * FROM reco.fairness(''shop'', ''region'', min_support => 1)', '22023', 'parameter "min_support" must be from 2 to 2147483647, not 1'),
               ('SELECT * FROM reco.compare(''shop'', NULL, 1)', '22004', 'parameter "version_a" must not be null'), ('SELECT * FROM reco.compare(''shop'', 1, NULL)', '22004', 'parameter "version_b" must not be null'),
               ('SELECT * FROM reco.compare(''shop'', 0, 1)', '22023', 'parameter "version_a" must be from 1 to 2147483647, not 0'), ('SELECT * FROM reco.compare(''shop'', 1, -5)', '22023', 'parameter "version_b" must be from 1 to 2147483647, not -5'),
               ('SELECT * FROM reco.evaluate(''shop'', algorithms => ''{repeats,knn}'')', '22023', 'algorithm "knn" does not exist'),
               ('SELECT * FROM reco.replay(''shop'', algorithms => ''{reco}'')', '22023', 'algorithm "reco" does not exist'),
               ('SELECT * FROM reco.evaluate(''shop'', algorithms => ''{random,NULL}'')', '22004', 'parameter "algorithms" must not contain nulls'),
               ('SELECT * FROM reco.evaluate(''no such'')', '42704', 'model "no such" does not exist'), ('SELECT * FROM reco.replay(''no such'')', '42704', 'model "no such" does not exist'),
               ('SELECT * FROM reco.compare(''no such'', 1, 1)', '42704', 'model "no such" does not exist'), ('SELECT * FROM reco.fairness(''no such'', ''region'')', '42704', 'model "no such" does not exist'))
       AS x (call, state, message);
SELECT matches(hint_of('SELECT * FROM reco.evaluate(''shop'', algorithms => ''{knn}'')'), '^There are: random, popularity, recent_popularity, .*customer_knn.* The model itself is always asked\.$', 'the algorithms that there are');
SELECT is(hint_of('SELECT * FROM reco.evaluate(''shop'', split => ''half'')'), 'It is "time", or "last_order".', 'the splits');
SELECT reco.create_model('without sources') \g /dev/null
SELECT throws_ok(format('SELECT * FROM reco.%s(''without sources'')', f), '55000', 'model "without sources" has no orders to learn from', f || ' without sources') FROM unnest('{evaluate,replay}'::text[]) f;
SET maintenance_work_mem = '1MB';
SELECT throws_ok(format('SELECT * FROM reco.%s)', call), '53400', NULL, call || ' in 1 MB') FROM calls WHERE call NOT LIKE 'compare%';
SELECT matches(hint_of('SELECT * FROM reco.evaluate(''shop'')'), '^SET maintenance_work_mem = ''[0-9]+MB''', 'and the setting that is needed');
RESET maintenance_work_mem;
-- Whoever may use a model may not learn from it what persons bought.
CREATE ROLE reader;
SELECT reco.grant_usage('shop', 'reader', explain => true) \g /dev/null
GRANT SELECT ON calls TO reader;
SET ROLE reader;
SELECT throws_ok(format('SELECT * FROM reco.%s)', call), '42501', 'must be owner of model "shop"', call || ' is for the owner')
FROM   (TABLE calls UNION ALL VALUES ($$compare('shop', 99, 1$$), ($$fairness('shop', 'no such'$$)) x (call);
RESET ROLE;

SELECT * FROM finish();
