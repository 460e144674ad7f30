-- The probability column: between 0 and 1, ascending with the score, true on orders that came later, NULL where nothing could be learned.
SELECT plan(35);
SET client_min_messages = warning;

-- 4,000 orders of 2 to 6 items by 100 customers, one an hour: mostly of the customer's theme, some of his favourites in it, some of anything.
CREATE FUNCTION draw(VARIADIC key integer[]) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
	SELECT (hashtextextended(array_to_string(key, ','), 42) & 1048575) / 1048576.0
$$;
CREATE TABLE every_line AS
SELECT DISTINCT o, c, timestamptz '2025-01-01' + o * interval '1 hour' AS at,
	   CASE WHEN draw(o, j, 1) < 0.3 THEN 1 + (c % 8) * 15 + c % 5
			WHEN draw(o, j, 1) < 0.8 THEN 1 + (c % 8) * 15 + (15 * draw(o, j, 2) ^ 2)::integer
			ELSE 1 + floor(120 * draw(o, j, 3) ^ 2)::integer END AS i
FROM (SELECT o, floor(100 * draw(o, 0, 4))::integer AS c, 2 + floor(5 * draw(o, 0, 5))::integer AS n FROM generate_series(1, 4000) o) x, generate_series(1, n) j;
CREATE TABLE lines AS SELECT *, 1 AS q FROM every_line WHERE o <= 3000;
CREATE TABLE later AS
SELECT o, c, at, array_agg(i) FILTER (WHERE r <= n / 2) AS visible, array_agg(i) FILTER (WHERE r > n / 2) AS hidden
FROM (SELECT *, count(*) OVER (PARTITION BY o) AS n, row_number() OVER (PARTITION BY o ORDER BY draw(o, i, 6)) AS r FROM every_line WHERE o > 3000) x
WHERE n > 1 GROUP BY o, c, at;
CREATE INDEX ON lines (c, at DESC);
SELECT reco.create_model('shop', 'UTC', '{"factors": 16}') \g /dev/null
SELECT reco.add_orders('shop', 'lines', 'c', 'i', 'at', 'o', 'q') \g /dev/null
SELECT reco.train('shop') \g /dev/null

-- ---- What it is -----------------------------------------------------------------------------------------------------

PREPARE asked AS
SELECT x.name, r.* FROM (VALUES ('basket', NULL::bigint, '{3,5}'::bigint[]), ('both', 7, '{3,5}'), ('history', 7, NULL), ('popular', NULL, NULL), ('unknown', -1, '{-1}')) x (name, u, b),
	LATERAL reco.recommend('shop', u, k => 200, basket => b, as_of => '2025-05-06') r;
CREATE TABLE answer AS EXECUTE asked;
SELECT is_empty('SELECT * FROM answer WHERE probability IS NULL OR NOT probability BETWEEN 0 AND 1', 'for every kind of request a number from 0 to 1');
SELECT is_empty($$SELECT * FROM (SELECT *, lead(score) OVER w AS next_score, lead(probability) OVER w AS next FROM answer WINDOW w AS (PARTITION BY name ORDER BY rank)) x
				  WHERE next > probability OR (next = probability AND next_score < score AND score > 0)$$, 'that descends with the score');
SELECT is((SELECT count(DISTINCT name)::integer FROM answer WHERE probability > 0), 5, 'of each kind there are answers');
SELECT results_eq($$SELECT item_id, probability FROM reco.recommend('shop', 7, k => 3, basket => '{3,5}', as_of => '2025-05-06')$$,
				  $$SELECT item_id, probability FROM answer WHERE name = 'both' AND rank <= 3$$, 'it does not depend on k');
SELECT results_eq($$SELECT item_id, probability FROM reco.recommend('shop', 7, basket => '{3,5}', candidates => '{9,2,50}', exclude => '{4}', as_of => '2025-05-06')$$,
				  $$SELECT item_id, probability FROM answer WHERE name = 'both' AND item_id IN (9, 2, 50)$$, 'nor on filters');
SELECT set_eq($$SELECT user_id, item_id, probability FROM reco.recommend_all('shop', 3, as_of => '2025-05-06')$$,
			  $$SELECT c, item_id, probability FROM (SELECT DISTINCT c FROM lines) c, reco.recommend('shop', c, 3, as_of => '2025-05-06')$$, 'recommend_all has the same');
SELECT is((SELECT array_agg(key ORDER BY key) FROM reco.versions v, jsonb_each(v.metrics -> 'calibration') WHERE model = 'shop' AND value <> 'null'), '{basket,both,history,none,order_mass}',
		  'reco.versions shows the curves');
SELECT ok(greatest((value ->> 'slope')::float8, (value ->> 'linear')::float8) > 0 AND least((value ->> 'slope')::float8, (value ->> 'linear')::float8) >= 0 AND num_nulls(value ->> 'intercept', value ->> 'by_basket', value ->> 'by_history') = 0, format('the curve of %s ascends', key))
FROM   reco.versions v, jsonb_each(v.metrics -> 'calibration') WHERE model = 'shop' AND key <> 'order_mass' AND value <> 'null' ORDER BY key;

-- ---- Whether it is true ---------------------------------------------------------------------------------------------

-- What customers bought since is read live, up to as_of.
INSERT INTO lines SELECT *, 1 FROM every_line WHERE o > 3000;
CREATE TABLE found AS
SELECT 'basket' AS kind, r.probability, r.item_id = ANY (hidden) AS hit FROM later, reco.recommend('shop', NULL, basket => visible, as_of => at) r
UNION ALL
SELECT 'both', r.probability, r.item_id = ANY (hidden) FROM later, reco.recommend('shop', c, basket => visible, as_of => at) r
UNION ALL
SELECT 'history', r.probability, r.item_id = ANY (visible || hidden) FROM later, reco.recommend('shop', c, as_of => at) r
UNION ALL
SELECT 'popular', r.probability, r.item_id = ANY (visible || hidden) FROM later, reco.recommend('shop', NULL, as_of => at) r;
SELECT ok(abs(avg(probability) - avg(hit::integer)) < 0.03, format('%s: the ten best were expected to be bought in %s of 100 cases, and were in %s', kind,
		  round(100 * avg(probability)::numeric, 1), round(100 * avg(hit::integer), 1))) FROM found GROUP BY kind ORDER BY kind;
SELECT ok(regr_slope(hit::integer, probability) BETWEEN 0.75 AND 1.33, format('%s: what is twice as probable is bought twice as often (slope %s)', kind,
		  round(regr_slope(hit::integer, probability)::numeric, 2))) FROM found WHERE kind <> 'popular' GROUP BY kind ORDER BY kind;

-- ---- Popularity: a share of the orders ------------------------------------------------------------------------------

CREATE FUNCTION shares() RETURNS TABLE (item_id bigint, share float8) LANGUAGE sql AS $$
	WITH kept AS (SELECT coalesce(o::text, CASE WHEN c IS NULL THEN 'line ' || ctid ELSE c || ' ' || at END) AS o, i, at FROM lines WHERE q > 0),
	orders AS (SELECT o, 0.5 ^ (extract(epoch FROM (SELECT max(at) FROM lines) - min(at)) / 86400 / 30) AS mass FROM kept GROUP BY o)
	SELECT i, sum(mass) / (SELECT sum(mass) FROM orders) FROM (SELECT DISTINCT o, i FROM kept) x JOIN orders USING (o) GROUP BY i
$$;
DELETE FROM lines WHERE o > 3000;
PREPARE ratios AS SELECT probability / share AS ratio FROM reco.recommend('shop', NULL, k => 1000) JOIN shares() USING (item_id) WHERE share > 0;
CREATE TABLE ratio AS EXECUTE ratios;
SELECT ok(max(ratio) / min(ratio) < 1.00001 AND min(ratio) BETWEEN 0.5 AND 1.2, format('popular: the share of the orders, times what became of such shares on held-out orders (%s)', round(min(ratio)::numeric, 3))) FROM ratio;
BEGIN;
UPDATE lines SET i = i + 10000 WHERE o > 2700;
SELECT reco.train('shop') \g /dev/null
DROP TABLE ratio;
CREATE TABLE ratio AS EXECUTE ratios;
SELECT ok(max(ratio) < 0.4, format('where fashions pass at once, hardly anything (%s)', round(max(ratio)::numeric, 3))) FROM ratio;
ROLLBACK;

SELECT reco.alter_model('shop', '{"holdout_orders": 0}') \g /dev/null
SELECT reco.train('shop') \g /dev/null
PREPARE differing AS
SELECT * FROM (SELECT item_id, probability FROM reco.recommend('shop', NULL, k => 1000)) r FULL JOIN shares() USING (item_id)
WHERE (abs(probability - share) < 1e-6) IS NOT TRUE AND coalesce(share, probability) > 0;
SELECT is_empty('differing', 'without held-out orders just the share, half of it after 30 days');
INSERT INTO lines SELECT o, c, at, i, 2 FROM lines WHERE o % 3 = 0;
SELECT reco.train('shop') \g /dev/null
SELECT is_empty('differing', 'an item that is in an order twice is in it once');
INSERT INTO lines SELECT NULL, NULL, '2025-05-03', 1 + n % 7, 1 FROM generate_series(1, 500) n;
INSERT INTO lines SELECT NULL, n % 50, timestamptz '2025-05-04' + n % 3 * interval '1 hour', 1 + n % 7, 1 FROM generate_series(1, 300) n;
SELECT reco.train('shop') \g /dev/null
SELECT is_empty('differing', 'a line without customer and order is an order; those of a customer at one time are one too');
SELECT is((SELECT count(DISTINCT i)::integer FROM lines), (SELECT count(*)::integer FROM reco.recommend('shop', NULL, k => 1000)), 'all items were compared');
DELETE FROM lines WHERE o IS NULL OR i <> 1;
SELECT reco.train('shop') \g /dev/null
SELECT is((SELECT probability FROM reco.recommend('shop', NULL)), 1::float8, 'what is in every order has probability 1, and no more');

-- ---- Where nothing can be learned -----------------------------------------------------------------------------------

TRUNCATE lines;
INSERT INTO lines SELECT *, 1 FROM every_line WHERE o <= 400;
SELECT reco.alter_model('shop', '{"holdout_orders": null}') \g /dev/null
SELECT reco.train('shop') \g /dev/null
SELECT is((SELECT count(probability)::integer FROM reco.recommend('shop', (SELECT min(c) FROM lines), as_of => '2025-05-06')), 0, 'too few orders held out: not known for a history');
SELECT is((SELECT count(probability)::integer FROM reco.recommend('shop', NULL, basket => '{3,5}')), 0, 'nor for a basket');
SELECT is((SELECT count(probability)::integer FROM reco.recommend('shop', NULL)), 10, 'for what is popular it is');
SELECT is((SELECT count(probability)::integer FROM reco.recommend_all('shop', as_of => '2025-05-06')), 0, 'recommend_all: not known either');
SELECT is((SELECT metrics -> 'calibration' -> 'basket' FROM reco.versions WHERE active AND model = 'shop'), 'null', 'reco.versions says so');
INSERT INTO lines SELECT *, 1 FROM every_line WHERE o BETWEEN 401 AND 3000;
SELECT reco.alter_model('shop', '{"holdout_orders": 0}') \g /dev/null
SELECT reco.train('shop') \g /dev/null
SELECT is((SELECT count(probability)::integer FROM reco.recommend('shop', NULL, basket => '{3,5}')), 0, 'nothing held out: not known');
SELECT reco.alter_model('shop', '{"holdout_orders": 60}') \g /dev/null
SELECT reco.train('shop') \g /dev/null
SELECT is((SELECT count(probability)::integer FROM reco.recommend('shop', NULL, basket => '{3,5}')), 10, '60 orders held out: known');

-- Customers who never come again: their history was never tried.
UPDATE lines SET c = o;
SELECT reco.alter_model('shop', '{"holdout_orders": 1000}') \g /dev/null
SELECT reco.train('shop') \g /dev/null
SELECT is((SELECT count(probability)::integer FROM reco.recommend('shop', 2999, as_of => '2025-05-07')), 0, 'no customer came twice: not known for a history');
SELECT is((SELECT count(probability)::integer FROM reco.recommend('shop', NULL, basket => '{3,5}')), 10, 'but for a basket');
SELECT is((SELECT count(*)::integer FROM reco.recommend('shop', 2999, as_of => '2025-05-07')), 10, 'and there are as many rows as ever');
SELECT * FROM finish();
