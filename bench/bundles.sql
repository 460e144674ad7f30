-- Bundles of past, looked for later: lift in both, by plain SQL in the later window, with what chance would give there fitted
-- to the later margins (src/chance.c has the formula).
CREATE EXTENSION reco;
SELECT FROM reco.create_model('retail', timezone => 'Europe/London') \g /dev/null
SELECT FROM reco.add_orders('retail', 'past', user_id => 'customer', item_id => 'item', order_id => 'invoice', at => 'at',
							quantity => 'qty', unit_price => 'price') \g /dev/null
\timing on
CREATE TABLE found AS SELECT * FROM reco.bundles_text('retail', k => 1000000);
\timing off

CREATE TABLE pairs AS
SELECT DISTINCT invoice, item FROM lines l, cut c
WHERE l.at >= c.at AND l.at <= c.until AND invoice NOT IN (SELECT invoice FROM lines GROUP BY invoice HAVING count(DISTINCT item) > 1000);
CREATE INDEX ON pairs (item);
CREATE TABLE sizes AS SELECT n, count(*) AS orders, n / 400.0::float8 AS x FROM (SELECT count(*) AS n FROM pairs GROUP BY invoice) s GROUP BY n;
CREATE TABLE counts AS SELECT c, count(*) AS items, c / 400.0::float8 AS y FROM (SELECT count(*) AS c FROM pairs GROUP BY item) s GROUP BY c;
DO $$
BEGIN
	FOR round IN 1..40 LOOP
		UPDATE sizes s SET x = s.x * exp(greatest(-3, least(3, step)))
		FROM (SELECT n, (n - sum(items * p)) / sum(items * p * (1 - p)) AS step
			  FROM (SELECT n, items, x * y / (1 + x * y) AS p FROM sizes, counts) z GROUP BY n) z WHERE z.n = s.n;
		UPDATE counts s SET y = s.y * exp(greatest(-3, least(3, step)))
		FROM (SELECT c, (c - sum(orders * p)) / sum(orders * p * (1 - p)) AS step
			  FROM (SELECT c, orders, x * y / (1 + x * y) AS p FROM sizes, counts) z GROUP BY c) z WHERE z.c = s.c;
	END LOOP;
END $$;
-- Products of k chances are multiplied such that an order of n items is expected to hold as many sets of k as it does.
CREATE TABLE weights AS
SELECT n, k, CASE k WHEN 2 THEN n * (n - 1.0) / 2 / e2 WHEN 3 THEN n * (n - 1.0) * (n - 2) / 6 / e3 WHEN 4 THEN n * (n - 1.0) * (n - 2) * (n - 3) / 24 / e4
		ELSE n * (n - 1.0) * (n - 2) * (n - 3) * (n - 4) / 120 / ((e4 * p1 - e3 * p2 + e2 * p3 - e1 * p4 + p5) / 5) END AS weight
FROM (SELECT *, (e3 * p1 - e2 * p2 + e1 * p3 - p4) / 4 AS e4 FROM
	(SELECT *, (e2 * p1 - e1 * p2 + p3) / 3 AS e3 FROM
	(SELECT *, p1 AS e1, (p1 * p1 - p2) / 2 AS e2 FROM
	(SELECT n, sum(items * p) AS p1, sum(items * p ^ 2) AS p2, sum(items * p ^ 3) AS p3, sum(items * p ^ 4) AS p4, sum(items * p ^ 5) AS p5
	 FROM (SELECT n, items, x * y / (1 + x * y) AS p FROM sizes, counts) z GROUP BY n) a) b) c) d, generate_series(2, 5) k;
CREATE TABLE item_orders AS SELECT item, count(*) AS c FROM pairs GROUP BY item;
CREATE TABLE later_sets AS
SELECT f.*, e.expected AS later_expected, o.orders AS later_orders, o.orders * (SELECT count(DISTINCT invoice) FROM pairs) ^ (f.size - 1) / e.product AS later_plain
FROM found f
CROSS JOIN LATERAL (SELECT sum(chance) AS expected, min(product) AS product
					FROM (SELECT s.n, min(s.orders) * min(w.weight) * exp(sum(ln(x * y / (1 + x * y)))) AS chance, exp(sum(ln(c::float8))) AS product, count(*) AS known
						  FROM sizes s JOIN weights w ON w.n = s.n AND w.k = f.size CROSS JOIN unnest(f.items) AS u (item) JOIN item_orders USING (item) JOIN counts USING (c) GROUP BY s.n) z
					WHERE known = f.size) e
CROSS JOIN LATERAL (SELECT count(*) AS orders FROM (SELECT FROM pairs WHERE item = ANY (f.items) GROUP BY invoice HAVING count(*) = f.size) z) o;

SELECT coalesce(size::text, 'all') AS size, count(*) AS found, min(examined) AS examined, count(later_expected) AS "all items sold later",
	   round(100 * avg((later_orders > later_expected)::integer), 1) AS "of these lift above 1, %",
	   round(100.0 * count(*) FILTER (WHERE later_orders > later_expected) / count(*), 1) AS "of all, %",
	   round(100 * avg((later_plain > 1)::integer), 1) AS "plain lift above 1, %",
	   round(percentile_cont(0.5) WITHIN GROUP (ORDER BY lift)::numeric, 2) AS "median lift",
	   round(percentile_cont(0.5) WITHIN GROUP (ORDER BY later_orders / later_expected)::numeric, 2) AS "later",
	   round(percentile_cont(0.5) WITHIN GROUP (ORDER BY later_orders / later_expected / lift)::numeric, 2) AS "median later / past",
	   round(100 * avg((later_orders / later_expected >= lift_low)::integer), 1) AS "not below lift_low, %"
FROM   later_sets GROUP BY ROLLUP (size) ORDER BY 1;
SELECT ntile AS "fifth by rank", count(*) AS found, round(100.0 * count(*) FILTER (WHERE later_orders > later_expected) / count(later_expected), 1) AS "lift above 1, %",
	   round(percentile_cont(0.5) WITHIN GROUP (ORDER BY later_orders / later_expected / lift)::numeric, 2) AS "median later / past"
FROM   (SELECT *, ntile(5) OVER (ORDER BY rank) FROM later_sets) z GROUP BY 1 ORDER BY 1;
