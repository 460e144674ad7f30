-- reco.compare and reco.fairness: versions beside each other, groups beside all; and contents as a baseline goes by them.

SET client_min_messages = warning;
SET TimeZone = 'UTC';
SELECT plan(63);

CREATE FUNCTION lot(a bigint, b bigint, n integer) RETURNS integer IMMUTABLE LANGUAGE sql AS $$ SELECT (abs(hashint8extended(a, b) % 1000003) % n)::integer $$;
CREATE TABLE lines (order_id bigint, customer bigint, item bigint, at timestamptz, quantity integer, price numeric, device text);
INSERT INTO lines
SELECT o, CASE WHEN o % 11 = 0 THEN NULL ELSE c END,
       CASE WHEN lot(o, j, 5) = 0 THEN 100 + lot(o, 10 + j, 60) ELSE 100 + (c % 6) * 10 + least(lot(o, 20 + j, 10), lot(o, 30 + j, 10)) END,
       timestamptz '2026-01-01 00:00+00' + o * interval '2 hours' + CASE WHEN o % 4 = 0 AND j > 3 THEN interval '1 minute' ELSE interval '0' END,
       1 + lot(o, 40 + j, 3), 1 + lot(o, 50 + j, 40) * 0.25, CASE lot(o, 60, 2) WHEN 0 THEN 'mobile' ELSE 'desktop' END
FROM   (SELECT o, lot(o, 1, 150) AS c, 2 + lot(o, 2, 5) AS n FROM generate_series(1, 1500) o) x, generate_series(1, n) j;
INSERT INTO lines
SELECT 100000 + order_id, customer, item, at + interval '3 days', -1, price, device FROM lines WHERE order_id % 9 = 0 AND item % 3 = 0 AND customer IS NOT NULL;
CREATE TABLE counter_sales AS
SELECT lot(o, 1, 150)::bigint AS customer, 100 + (lot(o, 1, 150) % 6) * 10 + lot(o, j, 10)::bigint AS item, timestamptz '2026-01-01 01:00+00' + o * interval '2 hours' AS at, 2.5 AS amount
FROM   generate_series(1, 1500, 7) o, generate_series(70, 72) j;
CREATE TABLE products AS
SELECT id::bigint, 'category ' || (id - 100) / 10 AS category, 'thing number ' || id || ' of ' || (id - 100) / 10 || ' and ' || lot(id, 80, 5) AS title, 1.5 AS margin, CASE WHEN id = 117 THEN 0 ELSE 5 END AS stock FROM generate_series(100, 165) id;
CREATE TABLE reviews AS SELECT DISTINCT ON (customer, item) customer, item, at + interval '1 day' AS at, 1 + lot(order_id, 90, 5) AS stars FROM lines WHERE order_id % 5 = 0 AND customer IS NOT NULL;
CREATE TABLE customers AS SELECT id::bigint, CASE lot(id, 95, 3) WHEN 0 THEN 'north' ELSE 'south' END AS region FROM generate_series(0, 149) id;
SELECT reco.create_model('shop', 'UTC', '{"factors": 8, "iterations": 3}') \g /dev/null
SELECT reco.add_orders('shop', 'lines', 'customer', 'item', 'at', 'order_id', 'quantity', unit_price => 'price', context => 'device'),
       reco.add_orders('shop', 'counter_sales', 'customer', 'item', 'at', amount => 'amount'),
       reco.add_items('shop', 'products', 'id', features => 'category', description => 'title', margin => 'margin', available => 'stock > 0'),
       reco.add_reviews('shop', 'reviews', 'customer', 'item', 'at', stars => 'stars'),
       reco.add_users('shop', 'customers', 'id', features => 'region') \g /dev/null
CREATE VIEW cut AS SELECT timestamptz '2026-04-19 08:00+00' AS at;

-- ---- Two versions ----------------------------------------------------------------------------------------------------

-- 1: trained on a tenth, with one factor; 2 and 3: well, and up to another moment.
SELECT reco.alter_model('shop', '{"keep_versions": 10, "training_clock": "2026-01-12", "factors": 1, "complements": "none"}') \g /dev/null
SELECT reco.train('shop') \g /dev/null
SELECT reco.alter_model('shop', '{"training_clock": "2026-04-19 08:00+00", "factors": 8, "complements": null}') \g /dev/null
SELECT reco.train('shop') \g /dev/null
SELECT reco.alter_model('shop', '{"training_clock": "2026-04-10", "factors": 8}') \g /dev/null
SELECT reco.train('shop') \g /dev/null
CREATE TABLE same AS SELECT * FROM reco.compare('shop', 2, 2);
CREATE TABLE worse AS SELECT * FROM reco.compare('shop', 2, 1);
SELECT cmp_ok((SELECT count(*) FROM same), '>=', 20::bigint, 'a version against itself');
SELECT is((SELECT count(*) FROM same WHERE (difference, ci_low, ci_high) IS DISTINCT FROM (0::float8, 0::float8, 0::float8) OR value_a IS DISTINCT FROM value_b OR remark <> 'may be chance'), 0::bigint, 'differs by nothing at all');
SELECT cmp_ok((SELECT count(*) FROM worse WHERE metric IN ('recall', 'ndcg', 'precision', 'map', 'auc') AND remark = 'a is better' AND difference < 0 AND ci_high < 0), '>=', 4::bigint, 'a bad one, although it knows the same of the items, is told from a good one');
SELECT is((SELECT count(*) FROM worse WHERE remark <> CASE WHEN ci_low <= 0 AND ci_high >= 0 THEN 'may be chance' WHEN (difference > 0) = (metric NOT IN ('log_loss', 'brier', 'calibration_error')) THEN 'b is better' ELSE 'a is better' END), 0::bigint, 'of losses, less is better');
SELECT is((SELECT count(*) FROM worse a JOIN reco.compare('shop', 1, 2) b USING (request, metric) WHERE (a.value_a, a.value_b) = (b.value_b, b.value_a) AND a.difference = -b.difference AND abs(a.ci_low + b.ci_high) < 1e-12
           AND b.remark = CASE a.remark WHEN 'a is better' THEN 'b is better' WHEN 'b is better' THEN 'a is better' ELSE a.remark END), (SELECT count(*) FROM worse), 'the other way round it is the opposite');
SELECT is((SELECT count(*) FROM worse WHERE difference <> value_b - value_a OR NOT ci_low <= difference OR NOT difference <= ci_high), 0::bigint, 'difference is b - a');
SELECT is((SELECT count(*) FROM same s JOIN (SELECT request, reco.recall_at_k(recommended, wanted, 10) AS recall, reco.ndcg_at_k(recommended, wanted, 10) AS ndcg, count(*) AS n FROM reco.replay('shop', cut => (SELECT at FROM cut)) GROUP BY 1) r USING (request)
           WHERE s.n = r.n AND abs(s.value_a - CASE metric WHEN 'recall' THEN recall WHEN 'ndcg' THEN ndcg END) < 1e-9), 4::bigint, 'a stored version answers as the one that evaluate trains up to the same moment');
SELECT is((SELECT count(DISTINCT n) FROM reco.compare('shop', 2, 3) c JOIN same s USING (request, metric, n)), 2::bigint, 'by default orders after both trainings are asked about');
SELECT cmp_ok((SELECT max(n) FROM reco.compare('shop', 3, 3)), '>', (SELECT max(n) FROM same), 'which are more after an earlier one');
SELECT is((SELECT array_agg(DISTINCT n) FROM reco.compare('shop', 2, 3, cut => '2026-04-19 08:00+00')), (SELECT array_agg(DISTINCT n) FROM same), 'a cut may be where training ended');
SELECT is((SELECT array_agg(DISTINCT k) FROM reco.compare('shop', 2, 3, 5)), '{5,NULL}', 'k, which auc has not');
SELECT is((SELECT max(n) FROM reco.compare('shop', 2, 3, orders => 20, min_items => 3, max_items => 5, seed => 3)), 20::bigint, 'the other parameters');
SELECT results_eq('SELECT request, metric, value_a, ci_low FROM reco.compare(''shop'', 2, 1)', 'SELECT request, metric, value_a, ci_low FROM worse', 'the same figures again');
CREATE TABLE stored AS SELECT * FROM reco.versions;
SELECT results_eq('SELECT * FROM reco.versions ORDER BY version', 'SELECT * FROM stored ORDER BY version', 'nothing is stored');
SELECT throws_ok(call, state, message, call)
FROM   (VALUES ('SELECT * FROM reco.compare(''shop'', 1, 4)', '42704', 'model "shop" has no version 4'),
               ('SELECT * FROM reco.compare(''shop'', 77, 1)', '42704', 'model "shop" has no version 77'),
               ('SELECT * FROM reco.compare(''shop'', 1, 2, cut => ''2026-04-18'')', '22023', 'version 2 was trained on orders up to 2026-04-19 06:00:00+00, after cut'),
               ('SELECT * FROM reco.compare(''shop'', 2, 1, cut => ''2026-04-18'')', '22023', 'version 2 was trained on orders up to 2026-04-19 06:00:00+00, after cut'),
               ('SELECT * FROM reco.compare(''shop'', 2, 1, cut => ''2036-04-18'')', '55000', 'there are no orders from 2036-04-18 00:00:00+00 on that versions 2 and 1 could be asked about')) AS x (call, state, message);
BEGIN;
CREATE VIEW text_lines AS SELECT order_id, 'c' || customer AS customer, 'i' || item AS item, at FROM lines;
SELECT reco.add_orders('shop', 'text_lines', 'customer', 'item', 'at', 'order_id', name => 'lines') \g /dev/null
SELECT throws_ok('SELECT * FROM reco.compare(''shop'', 1, 2)', '55000', 'version 1 has integer keys, but the sources of model "shop" have others', 'keys of the sources, and of a version');
ROLLBACK;

-- ---- Groups of customers and orders ----------------------------------------------------------------------------------

UPDATE customers SET region = CASE WHEN id % 25 = 3 THEN 'far away' WHEN id % 5 = 0 THEN 'north' WHEN id % 5 = 1 THEN NULL ELSE 'south' END;
-- More rows of one customer: the first label that is one counts; some customers have no row.
INSERT INTO customers SELECT id, 'zzz' FROM customers WHERE id % 4 = 0 AND region IS NOT NULL;
INSERT INTO customers SELECT id, NULL FROM customers WHERE id % 4 = 0;
DELETE FROM customers WHERE id % 17 = 2;
CREATE TABLE top AS SELECT *, (SELECT min(region COLLATE "C") FROM customers WHERE id = r.user_id::bigint) AS region, (SELECT min(device) FROM lines l WHERE l.order_id = r.order_id::bigint) AS device
FROM   reco.replay('shop', cut => (SELECT at FROM cut)) r;
CREATE FUNCTION by_sql(label text) RETURNS TABLE ("group" text, request text, metric text, value float8, customers bigint, n bigint) LANGUAGE plpgsql AS $$ BEGIN
	RETURN QUERY EXECUTE replace('
	WITH shown AS (SELECT t.LABEL, t.request, avg(p) AS predicted, avg((i = ANY (wanted))::int) AS bought, reco.calibration_error(p, i = ANY (wanted)) AS error FROM top t, unnest(recommended, probabilities) x (i, p) GROUP BY 1, 2),
	     lists AS (SELECT LABEL, request, reco.recall_at_k(recommended, wanted, 10) AS recall, reco.ndcg_at_k(recommended, wanted, 10) AS ndcg, count(*) AS n FROM top GROUP BY 1, 2),
	     people AS (SELECT LABEL, request, count(DISTINCT coalesce(user_id, order_id || '' alone'')) AS customers FROM top GROUP BY 1, 2)
	SELECT LABEL::text, request, m, v::float8, customers, n FROM lists JOIN shown USING (LABEL, request) JOIN people USING (LABEL, request),
	       LATERAL (VALUES (''recall'', recall), (''ndcg'', ndcg), (''calibration_bias'', predicted - bought), (''calibration_error'', error)) x (m, v)', 'LABEL', label); END $$;
CREATE FUNCTION like_sql(by text, label text, fewest integer) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s of %s', count(*) FILTER (WHERE abs(f.value - s.value) < 1e-9 AND f.customers = s.customers AND f.n = s.n AND abs(f.value - f.gap - a.value) < 1e-9 AND (f.metric = 'calibration_error' OR f.ci_low <= f.value AND f.value <= f.ci_high) AND f.gap_low <= f.gap_high), count(*))
	FROM   (SELECT * FROM reco.fairness('shop', by, cut => (SELECT at FROM cut), min_support => fewest) WHERE metric <> 'novelty') f
	       FULL JOIN (SELECT * FROM by_sql(label) WHERE customers >= fewest AND "group" IS NOT NULL) s USING ("group", request, metric)
	       LEFT JOIN by_sql('all_of_them') a USING (request, metric) $$;
ALTER TABLE top ADD COLUMN all_of_them text DEFAULT 'all';
SELECT is(like_sql('region', 'region', 20), '16 of 16', 'groups by a feature of customers');
SELECT is(like_sql('region', 'region', 2), '24 of 24', 'and small ones');
SELECT is(like_sql('users.region', 'region', 20), '16 of 16', 'named with its kind');
SELECT is(like_sql('device', 'device', 20), '16 of 16', 'groups by a context of orders');
SELECT is(like_sql('orders.device', 'device', 20), '16 of 16', 'named with its kind');
CREATE TABLE fair AS SELECT row_number() OVER () AS place, f.* FROM reco.fairness('shop', 'region', cut => (SELECT at FROM cut), min_support => 2) f;
SELECT is((SELECT count(*) FROM (SELECT abs(gap) > lag(abs(gap)) OVER (PARTITION BY request, metric ORDER BY place) AS wrong, count(*) OVER (PARTITION BY request, metric) AS n FROM fair) x WHERE wrong), 0::bigint, 'within a metric the largest gaps come first');
SELECT is((SELECT count(*) FROM (SELECT (request, metric) < lag((request, metric)) OVER (ORDER BY place) AS wrong FROM fair) x WHERE wrong), 0::bigint, 'metric by metric');
SELECT is((SELECT array_agg(DISTINCT metric ORDER BY metric) FROM fair), '{calibration_bias,calibration_error,ndcg,novelty,recall}', 'these metrics');
SELECT is((SELECT array_agg(DISTINCT "group" ORDER BY "group") FROM reco.fairness('shop', 'region', cut => (SELECT at FROM cut))), '{north,south}', 'by default of twenty customers at least');
SELECT is_empty('SELECT * FROM reco.fairness(''shop'', ''region'', cut => (SELECT at FROM cut), min_support => 1000)', 'or more');
SELECT is_empty('SELECT * FROM reco.fairness(''shop'', ''region'', cut => ''2030-01-01'')', 'no later orders');
SELECT results_eq('SELECT * FROM reco.fairness(''shop'', ''region'', cut => (SELECT at FROM cut), min_support => 2)', 'SELECT "group", request, metric, k, value, ci_low, ci_high, gap, gap_low, gap_high, customers, n FROM fair ORDER BY place', 'the same rows again');
SELECT isnt((SELECT array_agg(ci_low) FROM reco.fairness('shop', 'region', cut => (SELECT at FROM cut), seed => 4)), (SELECT array_agg(ci_low) FROM fair WHERE "group" <> 'far away'), 'other draws for another seed');
SELECT cmp_ok((SELECT max(n) FROM reco.fairness('shop', 'region', 3, 2, split => 'last_order', orders => 100, min_items => 2)), '<=', 100::bigint, 'the parameters of evaluate');
-- A group that is served badly is found: it buys by lot.
BEGIN;
UPDATE lines SET item = 100 + lot(order_id, item, 60) WHERE customer % 5 = 0;
SELECT results_eq('SELECT "group", gap < 0, gap_high < 0 FROM reco.fairness(''shop'', ''region'', cut => (SELECT at FROM cut)) WHERE metric = ''ndcg''', 'VALUES (''north'', true, true), (''south'', false, false), (''north'', true, true), (''south'', false, false)', 'who is served badly comes first');
ROLLBACK;

-- What is misspelt is told before the work: that of an evaluation would not go into so little memory.
BEGIN;
SET LOCAL maintenance_work_mem = '1MB';
SELECT throws_ok('SELECT * FROM reco.fairness(''shop'', ''regoin'')', '42703', 'model "shop" has no feature "regoin"', 'a misspelt feature');
SELECT throws_ok('SELECT * FROM reco.fairness(''shop'', ''region'')', '53400', NULL, 'before memory is asked for');
ROLLBACK;

-- ---- Groups of items -------------------------------------------------------------------------------------------------

CREATE TABLE exposed AS
SELECT category AS "group", request, count(*) FILTER (WHERE shown) / sum(count(*) FILTER (WHERE shown)) OVER r AS value, count(*) FILTER (WHERE NOT shown) / sum(count(*) FILTER (WHERE NOT shown)) OVER r AS merit
FROM   (SELECT request, item, true AS shown FROM top, unnest(recommended) item UNION ALL SELECT request, item, false FROM top, unnest(wanted) item) x LEFT JOIN products ON id = item::bigint
GROUP BY 1, 2 WINDOW r AS (PARTITION BY request);
CREATE TABLE buyers AS SELECT category AS "group", count(DISTINCT coalesce(user_id, order_id || ' alone')) AS customers FROM top, unnest(basket || wanted) item JOIN products ON id = item::bigint GROUP BY 1;
CREATE TABLE fair_items AS SELECT row_number() OVER () AS place, f.* FROM reco.fairness('shop', 'category', cut => (SELECT at FROM cut)) f;
SELECT is((SELECT format('%s of %s', count(*) FILTER (WHERE abs(f.value - e.value) < 1e-9 AND abs(gap - (e.value - merit)) < 1e-9 AND f.customers = b.customers AND n = (SELECT count(*) FROM top t WHERE t.request = f.request) AND f.metric = 'exposure'), count(*))
           FROM fair_items f JOIN exposed e USING ("group", request) JOIN buyers b USING ("group")), '12 of 12', 'shares of what is shown, beside those of what was bought');
SELECT is((SELECT count(*) FROM fair_items), (SELECT 2 * count(*) FROM buyers WHERE customers >= 20), 'of each category that many buy');
SELECT is((SELECT count(*) FROM (SELECT abs(gap) > lag(abs(gap)) OVER (PARTITION BY request ORDER BY place) AS wrong FROM fair_items) x WHERE wrong), 0::bigint, 'the largest gaps first');
SELECT is((SELECT count(*) FROM fair_items WHERE NOT (ci_low <= value AND value <= ci_high AND gap_low <= gap AND gap <= gap_high)), 0::bigint, 'with intervals');

-- ---- Which feature ---------------------------------------------------------------------------------------------------

SELECT throws_ok('SELECT * FROM reco.fairness(''shop'', ''colour'')', '42703', 'model "shop" has no feature "colour"', 'no such feature');
SELECT throws_ok('SELECT * FROM reco.fairness(''shop'', ''items.region'')', '42703', 'model "shop" has no feature "items.region"', 'not of items');
SELECT throws_ok('SELECT * FROM reco.fairness(''shop'', ''region.users'')', '42703', 'model "shop" has no feature "region.users"', 'not of that kind');
CREATE FUNCTION hint_of(call text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE hint text; BEGIN EXECUTE call; RETURN 'no error'; EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT; RETURN hint; END $$;
SELECT is(hint_of('SELECT * FROM reco.fairness(''shop'', ''colour'')'), 'It has items.category, orders.device, users.region.', 'there are others');
BEGIN;
SELECT reco.add_orders('shop', 'lines', 'customer', 'item', 'at', 'order_id'), reco.add_items('shop', 'products', 'id'), reco.add_users('shop', 'customers', 'id') \g /dev/null
SELECT is(hint_of('SELECT * FROM reco.fairness(''shop'', ''colour'')'), 'Name some as features in reco.add_users or reco.add_items, or as context in reco.add_orders.', 'or none');
ROLLBACK;
BEGIN;
SELECT reco.add_items('shop', 'products', 'id', features => 'category AS region') \g /dev/null
SELECT throws_ok('SELECT * FROM reco.fairness(''shop'', ''region'')', '42702', 'model "shop" has a feature "region" of items and one of users', 'features of the same name');
SELECT is(hint_of('SELECT * FROM reco.fairness(''shop'', ''region'')'), 'Say which: items.region or users.region.', 'are to be told apart');
SELECT is((SELECT array_agg(DISTINCT metric) FROM reco.fairness('shop', 'items.region', cut => (SELECT at FROM cut))), '{exposure}', 'by their kind');
SELECT reco.add_users('shop', 'customers', 'id', features => 'region AS "items.region"') \g /dev/null
SELECT is((SELECT array_agg(DISTINCT metric) FROM reco.fairness('shop', 'users.items.region', cut => (SELECT at FROM cut)) WHERE metric = 'recall'), '{recall}', 'whatever names there are');
ROLLBACK;
BEGIN;
UPDATE products SET category = id;
INSERT INTO products SELECT id, id::text FROM generate_series(10000, 10933) id;
SELECT lives_ok('SELECT * FROM reco.fairness(''shop'', ''category'', cut => (SELECT at FROM cut))', 'a thousand values');
INSERT INTO products VALUES (1, 'one more');
SELECT throws_ok('SELECT * FROM reco.fairness(''shop'', ''category'', cut => (SELECT at FROM cut))', '54000', 'feature "category" of model "shop" has more than 1000 different values', 'but no more');
SELECT is(hint_of('SELECT * FROM reco.fairness(''shop'', ''category'', cut => (SELECT at FROM cut))'), 'Make groups of them by an expression in reco.add_items, for example with width_bucket() or CASE.', 'than make sense');
ROLLBACK;
-- Which are whatever the type has for text, and of several sources.
BEGIN;
CREATE TABLE more_customers AS SELECT id, true AS vip FROM customers WHERE id % 2 = 0;
CREATE TABLE others AS SELECT id, false AS vip FROM customers WHERE id % 2 = 1;
SELECT reco.add_users('shop', 'more_customers', 'id', features => 'vip'), reco.add_users('shop', 'others', 'id', features => 'vip') \g /dev/null
SELECT is((SELECT array_agg(DISTINCT "group") FROM reco.fairness('shop', 'vip', cut => (SELECT at FROM cut))), '{false,true}', 'values of any type, of two sources');
ROLLBACK;
-- Numbers are ranges unless they are few, arrays several values.
BEGIN;
CREATE TABLE people AS SELECT id, id::numeric / 10 AS tenth, CASE WHEN id % 7 > 0 THEN (id % 3)::smallint END AS few, '{}'::text[] || CASE WHEN id % 2 = 0 THEN ARRAY['b', NULL, 'a'] WHEN id % 5 > 0 THEN ARRAY['c'] END AS several,
       ARRAY[NULL, 'NaN', 'Infinity', id % 4]::double precision[] AS numbers
FROM   customers;
SELECT reco.add_users('shop', 'people', 'id', features => 'tenth, few, several, numbers', name => 'customers') \g /dev/null
CREATE FUNCTION groups_by(feature text) RETURNS text[] LANGUAGE sql AS $$SELECT array_agg(DISTINCT "group") FROM reco.fairness('shop', feature, min_support => 2, cut => (SELECT at FROM cut))$$;
SELECT is((SELECT count(*)::integer FROM unnest(groups_by('tenth')) g WHERE g ~ '^[[(]([0-9.]*),([0-9.]*)\)$'), 10, 'ten ranges of many numbers');
SELECT is((SELECT count(DISTINCT v)::integer FROM unnest(groups_by('tenth')) g, LATERAL (VALUES (split_part(rtrim(g, ')'), ',', 2)), (substr(split_part(g, ',', 1), 2))) v (v)), 10, 'one ends where the next begins');
SELECT is(groups_by('few'), '{0,1,2}', 'few numbers are groups');
SELECT is(groups_by('several'), '{a,c}', 'the first element of an array that is not null');
SELECT is(groups_by('numbers'), '{0,1,2,3}', 'NaN and infinities are none');
SELECT reco.add_users('shop', 'people', 'id', features => 'few::text', name => 'others') \g /dev/null
SELECT is(groups_by('few'), '{0,1,2}', 'a number in one source and a text in another are texts');
ROLLBACK;

-- ---- Contents --------------------------------------------------------------------------------------------------------

-- Items of the same words, which nobody has bought together: words tell what purchases do not.
CREATE TABLE told AS
SELECT id, CASE id WHEN 1 THEN 'A heavy oak table; a TABLE of oak!' WHEN 2 THEN 'table: oak (heavy)' WHEN 3 THEN 'a light chair' WHEN 4 THEN 'hammer, heavy' ELSE 'thing ' || chr(96 + id) || ' a' END AS title,
       CASE WHEN id IN (1, 9) THEN 'wood' END AS material
FROM   generate_series(1, 20) id;
CREATE TABLE sold AS SELECT o, lot(o, 1, 30) AS c, 1 + lot(o, 10 + j, 20) AS i, timestamptz '2026-01-01' + o * interval '1 hour' AS at FROM generate_series(1, 200) o, generate_series(1, 3) j;
DELETE FROM sold WHERE i = 2;
INSERT INTO sold VALUES (1000, 500, 1, '2026-01-09 00:00'), (1001, 500, 3, '2026-01-09 09:00');
SELECT reco.create_model('told', 'UTC', '{"factors": 4}') \g /dev/null
SELECT reco.add_orders('told', 'sold', 'c', 'i', 'at', 'o'), reco.add_items('told', 'told', 'id', description => 'title', features => 'material') \g /dev/null
SELECT is((SELECT recommended[:3] FROM reco.replay('told', 20, cut => '2026-01-09 09:00', algorithms => '{content}') WHERE algorithm = 'content' AND order_id = '1001' AND request = 'next basket'),
          '{1,2,9}', 'the item itself, then that of the same words, which nobody ever bought, then that of the same material');
SELECT is((SELECT count(*) FROM reco.replay('told', 20, cut => '2026-01-09 09:00', algorithms => '{hybrid}') WHERE algorithm = 'hybrid' AND order_id = '1001' AND request = 'next basket' AND '2' = ANY (recommended)), 1::bigint, 'which hybrid has, too');
UPDATE told SET title = 'a', material = NULL;
SELECT is((SELECT array_agg(DISTINCT s) FROM reco.replay('told', 20, cut => '2026-01-09 09:00', algorithms => '{content}'), unnest(scores) s WHERE algorithm = 'content'), '{0}', 'words that all have say nothing');

SELECT * FROM finish();
