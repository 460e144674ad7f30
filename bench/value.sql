-- One fold of bench/value: trains on past, answers every case in several ways, prints a line a way and weight.
CREATE EXTENSION reco;
-- What the shop asks for a piece at the cut: the price of most past lines.
CREATE TABLE tags AS SELECT item, mode() WITHIN GROUP (ORDER BY price) AS price FROM past GROUP BY item;
CREATE INDEX ON tags (item);
SELECT FROM unnest(ARRAY['orders', 'prices', 'pieces']) name, LATERAL reco.create_model(name, timezone => 'Europe/London') \g /dev/null
SELECT FROM (VALUES ('orders', 'price'), ('prices', 'price'), ('pieces', NULL)) m (name, price),
	 LATERAL reco.add_orders(m.name, 'past', user_id => 'customer', item_id => 'item', order_id => 'invoice', at => 'at', quantity => 'qty', unit_price => m.price) \g /dev/null
SELECT FROM reco.train('orders') \g /dev/null
SELECT FROM reco.train('pieces') \g /dev/null
SELECT FROM reco.import_model('prices', reco.export_model('orders')) \g /dev/null
SELECT FROM unnest(ARRAY['prices', 'pieces']) m (name), LATERAL reco.add_items(m.name, 'tags', item_id => 'item', price => 'price') \g /dev/null

CREATE TABLE asked AS SELECT *, at::timestamp AT TIME ZONE 'Europe/London' AS as_of, coalesce(customer, invoice) AS cluster FROM cases;
CREATE TABLE answers (way text, w float8, invoice text, item text);
INSERT INTO answers
SELECT m.way, m.w, c.invoice, r.item_id
FROM (VALUES ('plain', 'orders', 0), ('line value of past orders', 'orders', 0.25), ('line value of past orders', 'orders', 0.5), ('line value of past orders', 'orders', 0.75), ('line value of past orders', 'orders', 1),
			 ('the same at present prices', 'prices', 0.5), ('the same at present prices', 'prices', 1), ('present price x usual pieces', 'pieces', 0.5), ('present price x usual pieces', 'pieces', 1)) m (way, model, w), asked c,
	 reco.recommend_text(m.model, c.customer, basket => c.visible, as_of => c.as_of, value_weight => m.w) r;
-- What is not done: the price of a piece instead of the value of a line, over the same 50 best.
INSERT INTO answers
SELECT 'price of a piece', w, invoice, item
FROM (SELECT w, invoice, item, row_number() OVER (PARTITION BY w, invoice ORDER BY p * price ^ w DESC, rank) AS place
	  FROM (VALUES (0.5::float8), (1)) w (w), (SELECT c.invoice, r.item_id AS item, r.rank, r.probability AS p FROM asked c, reco.recommend_text('orders', c.customer, k => 50, basket => c.visible, as_of => c.as_of) r) r
	  JOIN tags USING (item)) x WHERE place <= 10;
ANALYZE answers;

-- Sums by customer, then of draws of customers, each with a Poisson number of copies.
CREATE TABLE sums AS
SELECT m.way, m.w, c.cluster, sum(s.hits / least(10, cardinality(c.hidden))) AS recall, sum(s.value) AS value, sum(s.value / s.whole) AS share, count(*)::float8 AS n
FROM (SELECT DISTINCT way, w FROM answers) m CROSS JOIN asked c CROSS JOIN LATERAL
	 (SELECT count(a.item)::float8 AS hits, coalesce(sum(h.value) FILTER (WHERE a.item IS NOT NULL), 0)::float8 AS value, (c.visible_value + sum(h.value))::float8 AS whole
	  FROM hidden h LEFT JOIN answers a ON a.way = m.way AND a.w = m.w AND a.invoice = c.invoice AND a.item = h.item WHERE h.invoice = c.invoice) s
GROUP BY 1, 2, 3;
SELECT setseed(0.5) \g /dev/null
CREATE TABLE draws AS
SELECT 0 AS draw, cluster, 1::float8 AS times FROM (SELECT DISTINCT cluster FROM asked) c
UNION ALL
SELECT draw, cluster, CASE WHEN u < 0.36788 THEN 0 WHEN u < 0.73576 THEN 1 WHEN u < 0.91970 THEN 2 WHEN u < 0.98101 THEN 3 WHEN u < 0.99634 THEN 4 ELSE 5 END
FROM (SELECT draw, cluster, random() AS u FROM generate_series(1, 1000) draw, (SELECT DISTINCT cluster FROM asked ORDER BY 1) c) x;
ANALYZE draws;
CREATE TABLE drawn AS
SELECT draw, way, w, sum(times * recall) / sum(times * n) AS recall, sum(times * value) AS value, sum(times * share) / sum(times * n) AS share FROM draws JOIN sums USING (cluster) GROUP BY 1, 2, 3;
CREATE TABLE changes AS
SELECT draw, d.way, d.w, d.recall, 100 * (d.recall - p.recall) AS points, 100 * (d.value / p.value - 1) AS value, 100 * (d.share / p.share - 1) AS share
FROM drawn d JOIN (SELECT draw, recall, value, share FROM drawn WHERE way = 'plain') p USING (draw);
CREATE FUNCTION told(at_all float8, low float8, high float8) RETURNS text LANGUAGE sql AS
	$$SELECT format('%s [%s, %s]', round(at_all::numeric, 1), round(low::numeric, 1), round(high::numeric, 1))$$;
SELECT a.way, a.w AS weight, round(a.recall::numeric, 4) AS "recall@10", told(a.points, c.points_low, c.points_high) AS points,
	   told(a.value, c.value_low, c.value_high) AS "value@10, %", told(a.share, c.share_low, c.share_high) AS "mean share, %"
FROM changes a JOIN (SELECT way, w, percentile_cont(0.025) WITHIN GROUP (ORDER BY points) AS points_low, percentile_cont(0.975) WITHIN GROUP (ORDER BY points) AS points_high,
							percentile_cont(0.025) WITHIN GROUP (ORDER BY value) AS value_low, percentile_cont(0.975) WITHIN GROUP (ORDER BY value) AS value_high,
							percentile_cont(0.025) WITHIN GROUP (ORDER BY share) AS share_low, percentile_cont(0.975) WITHIN GROUP (ORDER BY share) AS share_high
					 FROM changes WHERE draw > 0 GROUP BY way, w) c USING (way, w)
WHERE draw = 0 ORDER BY way <> 'plain', way, w;
