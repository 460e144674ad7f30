-- What an evaluation may not know: rows that come later, or belong to what is to be found, change no bit of any answer.
--
-- A made-up shop is replayed with all items as the length of a list, so that the scores of everybody for everything are
-- compared.  Then rows are changed, in a transaction, and it is replayed again.  (Sessions are no source yet; when they are,
-- what was looked at within the order that is replayed belongs here.)

SET client_min_messages = warning;
SET check_function_bodies = off;
SELECT plan(55);

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
CREATE FUNCTION replayed(orders integer DEFAULT 2000, algorithms text[] DEFAULT NULL, split text DEFAULT 'time', until timestamptz DEFAULT NULL)
RETURNS TABLE (algorithm text, request text, asked text, user_id text, as_of timestamptz, basket text[], wanted text[], recommended text[], scores float8[], probabilities float8[])
LANGUAGE sql AS $$
	SELECT algorithm, request, coalesce('order ' || order_id, 'sale to ' || user_id), user_id, as_of, basket, wanted, recommended, scores, probabilities
	FROM   reco.replay('shop', k => 1000, cut => CASE split WHEN 'time' THEN timestamptz '2026-04-19 08:00+00' END, orders => replayed.orders, algorithms => replayed.algorithms,
	                   split => replayed.split, until => replayed.until) $$;
CREATE TABLE original AS SELECT * FROM replayed();
CREATE TABLE original_last AS SELECT * FROM replayed(split => 'last_order');
ALTER TABLE original ADD PRIMARY KEY (algorithm, request, asked, as_of);

-- Everybody's last order in the replay: what is changed in it can be nobody's evidence.  Of anonymous ones each is.
CREATE TABLE last_asked AS
SELECT DISTINCT ON (user_id, CASE WHEN user_id IS NULL THEN asked END) asked, substr(asked, 7)::bigint AS order_id, user_id::bigint AS customer, as_of, basket, wanted
FROM   original WHERE request = 'completion' AND algorithm = 'reco' AND asked LIKE 'order %' AND (user_id IS NULL OR as_of = (SELECT max(as_of) FROM original o WHERE o.user_id = original.user_id))
ORDER BY user_id, CASE WHEN user_id IS NULL THEN asked END, as_of DESC;

-- Requests whose answer differs from that of before, among those with the same evidence that were there before and after.
CREATE FUNCTION differing(since timestamptz DEFAULT 'infinity') RETURNS text LANGUAGE sql AS $$
	SELECT format('%s of %s', count(*) FILTER (WHERE (o.recommended, o.scores, o.probabilities) IS DISTINCT FROM (a.recommended, a.scores, a.probabilities)), count(*))
	FROM   original o JOIN after a USING (algorithm, request, asked, as_of)
	WHERE  o.as_of < since AND (request = 'next basket' OR o.basket = a.basket) $$;
CREATE FUNCTION model_of_the_past() RETURNS text LANGUAGE plpgsql AS $$
	BEGIN PERFORM reco.train('shop'); RETURN md5(reco.export_model('shop')); END $$;
SELECT reco.alter_model('shop', '{"training_clock": "2026-04-19 08:00+00"}') \g /dev/null
CREATE TABLE trained AS SELECT model_of_the_past() AS bytes;

SELECT cmp_ok((SELECT count(*) FROM original WHERE algorithm = 'reco'), '>', 400::bigint, 'several hundred requests are replayed');
SELECT cmp_ok((SELECT count(DISTINCT algorithm) FROM original), '>=', 12::bigint, 'of the model and of all baselines');
SELECT is((SELECT count(*) FROM original o WHERE algorithm <> 'repeats' AND user_id IS NOT NULL AND NOT EXISTS (SELECT FROM unnest(scores) s WHERE s <> 0)), 0::bigint, 'who have something to say of known customers');
SELECT cmp_ok((SELECT count(*) FROM last_asked), '>', 80::bigint, 'and many customers have a last one');
CREATE TEMP TABLE after AS SELECT * FROM replayed();
SELECT is(differing(), '0 of ' || (SELECT count(*) FROM original), 'the same again');
DROP TABLE after;

-- ---- What comes after the cut ----------------------------------------------------------------------------------------

-- From the middle of the replayed orders on: rows go, rows change, rows come, with customers and items that sort before all others.
CREATE VIEW middle AS SELECT timestamptz '2026-04-27 08:00+00' AS at;
BEGIN;
DELETE FROM lines WHERE at >= (SELECT at FROM middle) AND order_id % 3 = 0;
UPDATE lines SET item = 100 + lot(order_id, item, 60), quantity = 7, price = price * 3, at = at + interval '5 hours' WHERE at >= (SELECT at FROM middle) AND order_id % 3 = 1;
UPDATE lines SET customer = 149 - customer WHERE at >= (SELECT at FROM middle) AND order_id % 3 = 2;
INSERT INTO lines SELECT -o, CASE o % 3 WHEN 0 THEN -o WHEN 1 THEN o % 150 END, -lot(o, 1, 20), (SELECT at FROM middle) + o * interval '17 minutes', 1, 1 FROM generate_series(1, 600) o;
INSERT INTO lines SELECT 200000 + o, o % 150, 100 + lot(o, 3, 60), (SELECT at FROM middle), -1, 1 FROM generate_series(1, 600) o;
UPDATE counter_sales SET item = 101, amount = 1000, customer = customer + 1 WHERE at >= (SELECT at FROM middle);
CREATE TEMP TABLE after ON COMMIT DROP AS SELECT * FROM replayed();
SELECT cmp_ok((SELECT count(*) FROM after WHERE user_id LIKE '-%'), '>', 0::bigint, 'new customers ask');
SELECT is(differing((SELECT at FROM middle)), '0 of ' || (SELECT count(*) FROM original WHERE as_of < (SELECT at FROM middle)), 'later orders, returns, customers and items change no answer of before');
SELECT cmp_ok((SELECT count(*) FROM original WHERE as_of < (SELECT at FROM middle)), '>', 2000::bigint, 'of which there are many');
SELECT is(model_of_the_past(), (SELECT bytes FROM trained), 'nor the bytes of the model');
ROLLBACK;

BEGIN;
DELETE FROM lines WHERE at >= '2026-04-19 08:00+00';
SELECT is(model_of_the_past(), (SELECT bytes FROM trained), 'which knows nothing of what comes from the cut on');
ROLLBACK;
BEGIN;
UPDATE lines SET item = item + 1 WHERE order_id = 1299;
SELECT isnt(model_of_the_past(), (SELECT bytes FROM trained), 'but does of what came right before it');
ROLLBACK;

-- The moment of the cut is not before it.
BEGIN;
CREATE TABLE first_customer AS SELECT customer::text AS user_id FROM lines WHERE order_id = 1300 LIMIT 1;
UPDATE lines SET item = 100 + (item * 7 + 13) % 60, quantity = 9 WHERE order_id = 1300;
CREATE TEMP TABLE after ON COMMIT DROP AS SELECT * FROM replayed();
SELECT is((SELECT count(*) FROM lines WHERE order_id = 1300 AND at > '2026-04-19 08:01+00'), 0::bigint, 'an order at the very cut');
SELECT is((SELECT count(*) FROM original o JOIN after a USING (algorithm, request, asked, as_of) WHERE o.user_id IS DISTINCT FROM (TABLE first_customer) AND (o.recommended, o.scores, o.probabilities) IS DISTINCT FROM (a.recommended, a.scores, a.probabilities)), 0::bigint, 'is evidence of nobody else');
ROLLBACK;

-- What is past keeps its moment: a later line of an order that began before the cut.
BEGIN;
INSERT INTO lines SELECT 1299, (SELECT min(customer) FROM lines WHERE order_id = 1299), i, timestamptz '2026-04-19 08:00+00' + i * interval '1 month', 1, 1 FROM generate_series(100, 110) i;
INSERT INTO lines SELECT order_id, 77, 120, timestamptz '2026-06-01', 1, 1 FROM lines WHERE customer IS NULL AND at < '2026-04-19 08:00+00';
CREATE TEMP TABLE after ON COMMIT DROP AS SELECT * FROM replayed();
SELECT is(differing(), '0 of ' || (SELECT count(*) FROM original), 'later lines of orders that are past');
SELECT is(model_of_the_past(), (SELECT bytes FROM trained), 'are not of the model');
ROLLBACK;

-- ---- What is to be found ---------------------------------------------------------------------------------------------

BEGIN;
UPDATE lines l SET quantity = quantity + 5, price = price * 7 FROM last_asked a WHERE l.order_id = a.order_id AND l.item::text = ANY (a.wanted);
SELECT cmp_ok((SELECT count(*) FROM lines l JOIN last_asked a USING (order_id) WHERE l.item::text = ANY (a.wanted) AND quantity > 5), '>', 150::bigint, 'quantities and prices of many hidden items');
CREATE TEMP TABLE after ON COMMIT DROP AS SELECT * FROM replayed();
SELECT is(differing(), '0 of ' || (SELECT count(*) FROM original), 'say nothing');
ROLLBACK;

-- Other items in their stead, where the visible half stays what it was.
BEGIN;
UPDATE lines l SET item = CASE lot(l.order_id, l.item, 3) WHEN 0 THEN 999 ELSE 100 + (l.item * 7 + 13) % 60 END FROM last_asked a WHERE l.order_id = a.order_id AND l.item::text = ANY (a.wanted);
CREATE TEMP TABLE after ON COMMIT DROP AS SELECT * FROM replayed();
SELECT cmp_ok((SELECT count(*) FROM original o JOIN after a USING (algorithm, request, asked, as_of) WHERE algorithm = 'reco' AND request = 'completion' AND o.basket = a.basket AND o.wanted <> a.wanted), '>', 40::bigint, 'other hidden items beside the same basket');
SELECT is(differing(), '0 of ' || (SELECT count(*) FROM original o JOIN after a USING (algorithm, request, asked, as_of) WHERE request = 'next basket' OR o.basket = a.basket), 'say nothing');
SELECT is((SELECT count(*) FROM original o JOIN after a USING (algorithm, request, asked, as_of) WHERE request = 'next basket'), (SELECT count(*) FROM original WHERE request = 'next basket'), 'nor do they when nothing is visible');
ROLLBACK;

-- A visible item does: the test can fail.
BEGIN;
UPDATE lines l SET item = 100 + (l.item * 7 + 13) % 60 FROM last_asked a WHERE l.order_id = a.order_id AND l.item::text = ANY (a.basket);
CREATE TEMP TABLE after ON COMMIT DROP AS SELECT * FROM replayed();
SELECT cmp_ok((SELECT count(*) FROM original o JOIN after a USING (algorithm, request, asked, as_of) WHERE algorithm = 'reco' AND request = 'completion' AND o.basket <> a.basket AND o.scores <> a.scores), '>', 80::bigint, 'other visible items do');
SELECT is((SELECT count(*) FROM original o JOIN after a USING (algorithm, request, asked, as_of) WHERE request = 'next basket' AND o.scores <> a.scores), 0::bigint, 'but for a next basket, of which nothing is visible');
ROLLBACK;

-- ---- The moment of the order -----------------------------------------------------------------------------------------

-- Lines of the order at its very time and a moment later; lines and returns of other orders, and of another source, at that moment.
BEGIN;
INSERT INTO lines SELECT order_id, customer, 100 + lot(order_id, j, 60), as_of + (j - 1) * interval '1 microsecond', 1, 1 FROM last_asked, generate_series(1, 2) j;
INSERT INTO lines SELECT 300000 + order_id, customer, 100 + lot(order_id, 3, 60), as_of, 1, 1 FROM last_asked;
INSERT INTO counter_sales SELECT customer, 100 + lot(order_id, 4, 60), as_of, 1 FROM last_asked WHERE customer IS NOT NULL;
INSERT INTO lines SELECT 400000 + a.order_id, a.customer, l.item, a.as_of, -1, 1 FROM last_asked a JOIN lines l USING (customer) WHERE l.at < a.as_of;
CREATE TEMP TABLE after ON COMMIT DROP AS SELECT * FROM replayed();
SELECT cmp_ok((SELECT count(*) FROM original o JOIN after a USING (algorithm, request, asked, as_of) WHERE algorithm = 'reco' AND request = 'next basket' AND o.wanted <> a.wanted), '>', 80::bigint, 'more is to be found');
SELECT is((SELECT count(*) FROM original o JOIN after a USING (algorithm, request, asked, as_of) WHERE request = 'next basket'), (SELECT count(*) FROM original WHERE request = 'next basket'), 'by those who asked before');
SELECT matches(differing(), '^0 of [0-9]{4}', 'but what is of the very moment of an order is not known to it');
ROLLBACK;

-- A microsecond before, it is.
BEGIN;
INSERT INTO lines SELECT 500000 + order_id, customer, 100 + (customer % 60), as_of - interval '1 microsecond', 1, 1 FROM last_asked WHERE customer IS NOT NULL;
CREATE TEMP TABLE after ON COMMIT DROP AS SELECT * FROM replayed();
SELECT cmp_ok((SELECT count(*) FROM original o JOIN after a USING (algorithm, request, asked, as_of) WHERE o.algorithm = x.algorithm AND request = 'next basket' AND o.scores <> a.scores), '>', 20::bigint, x.algorithm || ' knows a purchase of the moment before')
FROM   unnest('{reco,repeats,repeats_popularity,customer_knn,user_knn,basket_knn,content,ials,hybrid}'::text[]) x (algorithm);
SELECT is((SELECT count(*) FROM original o JOIN after a USING (algorithm, request, asked, as_of) WHERE algorithm IN ('random', 'popularity', 'recent_popularity') AND o.scores <> a.scores), 0::bigint, 'chance and popularity of the past do not');
SELECT is((SELECT count(*) FROM original o JOIN after a USING (algorithm, request, asked, as_of) WHERE o.user_id IS NULL AND o.scores <> a.scores), 0::bigint, 'nor does whoever asks without a name');
ROLLBACK;

-- Nor a later return of what was bought before the cut.
BEGIN;
INSERT INTO lines SELECT 600000 + row_number() OVER (), l.customer, l.item, (SELECT max(as_of) FROM original) + interval '1 day', -1, 1 FROM lines l WHERE customer IS NOT NULL AND quantity > 0 AND at < '2026-04-19 08:00+00';
CREATE TEMP TABLE after ON COMMIT DROP AS SELECT * FROM replayed();
SELECT is(differing(), '0 of ' || (SELECT count(*) FROM original), 'what is taken back later was bought until then');
UPDATE lines SET at = '2026-04-19 07:59+00' WHERE order_id > 600000;
DROP TABLE after;
CREATE TEMP TABLE after ON COMMIT DROP AS SELECT * FROM replayed();
SELECT cmp_ok((SELECT count(*) FROM original o JOIN after a USING (algorithm, request, asked, as_of) WHERE algorithm <> 'random' AND o.scores <> a.scores), '>', 3000::bigint, 'and what is taken back before the cut was not');
ROLLBACK;

-- ---- What is no order ------------------------------------------------------------------------------------------------

BEGIN;
INSERT INTO reviews SELECT customer, item::bigint, as_of + days * interval '1 day', 5 FROM last_asked, unnest(wanted) item, unnest('{0,1}'::int[]) days WHERE customer IS NOT NULL;
UPDATE reviews r SET stars = 6 - stars FROM last_asked a WHERE a.customer = r.customer AND r.at >= a.as_of;
CREATE TABLE visits AS SELECT customer, item::bigint, as_of - interval '1 minute' AS at FROM last_asked, unnest(wanted) item;
CREATE TEMP TABLE after ON COMMIT DROP AS SELECT * FROM replayed();
SELECT cmp_ok((SELECT count(*) FROM visits), '>', 200::bigint, 'visits, which no source reads, would tell much');
SELECT is(differing(), '0 of ' || (SELECT count(*) FROM original), 'later reviews, and tables that are no source, say nothing');
SELECT is(model_of_the_past(), (SELECT bytes FROM trained), 'to the model neither');
UPDATE reviews SET stars = 6 - stars WHERE at < '2026-04-19 08:00+00';
DROP TABLE after;
CREATE TEMP TABLE after ON COMMIT DROP AS SELECT * FROM replayed();
SELECT isnt(model_of_the_past(), (SELECT bytes FROM trained), 'reviews of the past do');
SELECT is((SELECT count(*) FROM original o JOIN after a USING (algorithm, request, asked, as_of) WHERE algorithm NOT LIKE 'reco%' AND o.scores <> a.scores), 0::bigint, 'to the model and its variants alone');
ROLLBACK;

-- ---- What is drawn by lot --------------------------------------------------------------------------------------------

-- Not by what is to be found, nor by other rows: 50 orders are the same, and the same halves are visible, without the others.
CREATE TABLE drawn AS SELECT * FROM replayed(50, '{random}');
SELECT is((SELECT count(DISTINCT (asked, as_of)) FROM drawn), 50::bigint, '50 orders are drawn');
SELECT results_eq('SELECT * FROM drawn ORDER BY algorithm, request, asked, as_of',
                  'SELECT o.* FROM original o JOIN drawn d USING (algorithm, request, asked, as_of) ORDER BY o.algorithm, o.request, o.asked, o.as_of', 'of which everything is as among all');
BEGIN;
DELETE FROM lines WHERE at >= '2026-04-19 08:00+00' AND 'order ' || order_id NOT IN (SELECT asked FROM drawn) AND customer IS NULL;
DELETE FROM lines USING last_asked a WHERE lines.order_id = a.order_id AND a.asked NOT IN (SELECT asked FROM drawn);
SELECT results_eq('SELECT * FROM replayed(50, ''{random}'') ORDER BY algorithm, request, asked, as_of', 'SELECT * FROM drawn ORDER BY algorithm, request, asked, as_of', 'nothing else changes when others are gone');
ROLLBACK;
BEGIN;
INSERT INTO lines SELECT 700000 + o, 200 + o, 100 + (o * 7 + i) % 60, timestamptz '2026-05-20' + o * interval '1 minute', 1, 1 FROM generate_series(1, 200) o, generate_series(1, 3) i;
SELECT set_has('SELECT asked, as_of, basket, wanted FROM drawn WHERE request = ''completion''',
               'SELECT asked, as_of, basket, wanted FROM replayed(50, ''{}'') WHERE request = ''completion'' AND asked NOT LIKE ''order 700%''', 'and when others come, none is drawn but these and those');
SELECT cmp_ok((SELECT count(*) FROM drawn WHERE algorithm = 'reco' AND request = 'completion' AND asked IN (SELECT asked FROM replayed(50, '{}') WHERE request = 'completion')), '<', 40::bigint, 'of which there are some');
ROLLBACK;

-- ---- Each customer's last order --------------------------------------------------------------------------------------

-- His lines at and after it are evidence of nobody, although orders of others from later times are.
CREATE TABLE held_out AS SELECT user_id::bigint AS customer, min(as_of) AS as_of FROM original_last GROUP BY 1;
SELECT is((SELECT count(*) FROM held_out h WHERE as_of <> (SELECT max(at) FROM (SELECT order_id, min(at) AS at FROM lines WHERE customer = h.customer AND quantity > 0 GROUP BY order_id UNION ALL SELECT NULL, at FROM counter_sales WHERE customer = h.customer) x)), 0::bigint, 'the last order of each is asked about');
SELECT cmp_ok((SELECT count(*) FROM held_out), '>', 140::bigint, 'of nearly all customers');
BEGIN;
UPDATE original SET scores = NULL;	-- so that nothing is compared with it by mistake
UPDATE lines l SET quantity = quantity + 2, price = 1 FROM held_out h WHERE l.customer = h.customer AND l.at >= h.as_of AND l.quantity > 0;
UPDATE lines l SET item = 100 + lot(l.order_id, l.item, 60) FROM held_out h JOIN original_last o ON o.user_id = h.customer::text AND o.algorithm = 'reco' AND o.request = 'next basket'
WHERE  l.customer = h.customer AND l.at >= h.as_of AND l.quantity > 0;
INSERT INTO lines SELECT 800000 + row_number() OVER (), l.customer, l.item, h.as_of + lot(l.order_id, l.item, 3) * interval '1 day', -1, 1 FROM lines l JOIN held_out h USING (customer) WHERE l.at < h.as_of AND l.quantity > 0;
INSERT INTO lines SELECT 900000 + customer, customer, 100 + customer % 60, as_of + interval '1 hour', -3, 1 FROM held_out;
CREATE TEMP TABLE after ON COMMIT DROP AS SELECT * FROM replayed(split => 'last_order');
SELECT cmp_ok((SELECT count(*) FROM original_last o JOIN after a USING (algorithm, request, asked, as_of) WHERE algorithm = 'reco' AND request = 'next basket' AND o.wanted <> a.wanted), '>', 80::bigint, 'other last orders');
SELECT is((SELECT format('%s of %s', count(*) FILTER (WHERE (o.recommended, o.scores, o.probabilities) IS DISTINCT FROM (a.recommended, a.scores, a.probabilities)), count(*))
           FROM original_last o JOIN after a USING (algorithm, request, asked, as_of) WHERE request = 'next basket' OR o.basket = a.basket),
          '0 of ' || (SELECT count(*) FROM original_last o JOIN after a USING (algorithm, request, asked, as_of) WHERE request = 'next basket' OR o.basket = a.basket), 'and what comes after them are evidence of nobody');
SELECT is((SELECT count(*) FROM after WHERE request = 'next basket'), (SELECT count(*) FROM original_last WHERE request = 'next basket'), 'all of them');
ROLLBACK;
BEGIN;
INSERT INTO lines SELECT 900000 + customer, customer, 100 + customer % 60, as_of - interval '1 second', 1, 1 FROM held_out WHERE customer < 10;
CREATE TEMP TABLE after ON COMMIT DROP AS SELECT * FROM replayed(split => 'last_order');
SELECT cmp_ok((SELECT count(*) FROM original_last o JOIN after a USING (algorithm, request, asked, as_of) WHERE o.user_id::int >= 10 AND algorithm = 'reco' AND o.scores <> a.scores), '>', 100::bigint, 'what came a second before is evidence for all');
ROLLBACK;

CREATE TEMP TABLE after AS SELECT * FROM replayed();
SELECT is(differing(), '0 of ' || (SELECT count(*) FROM original), 'all is as it was');

SELECT * FROM finish();
