-- What lifted orders of a window over a threshold: see bench/complete_basket.
CREATE EXTENSION reco;
-- What a line of an item usually comes to, and what an order does.
CREATE TABLE tags AS SELECT item, percentile_cont(0.5) WITHIN GROUP (ORDER BY qty * price) AS price, count(DISTINCT invoice) AS orders FROM past GROUP BY item;
CREATE UNIQUE INDEX ON tags (item);
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS target FROM (SELECT sum(qty * price) AS value FROM past GROUP BY invoice) o \gset
SELECT FROM reco.create_model('shop', timezone => 'Europe/London') \g /dev/null
SELECT FROM reco.add_orders('shop', 'past', user_id => 'customer', item_id => 'item', order_id => 'invoice', at => 'at', quantity => 'qty', unit_price => 'price') \g /dev/null
SELECT FROM reco.add_items('shop', 'tags', item_id => 'item', price => 'price') \g /dev/null
SELECT FROM reco.train('shop') \g /dev/null

CREATE TABLE asked AS
SELECT c.*, at::timestamp AT TIME ZONE 'Europe/London' AS as_of, coalesce(customer, invoice) AS cluster, :target - visible_value::float8 AS missing
FROM cases c WHERE visible_value < :target AND visible_value + (SELECT sum(value) FROM hidden h WHERE h.invoice = c.invoice) >= :target;
-- Rows of a way, the best first; over: what the order would come to, beyond the target, as a share of it.
CREATE TABLE answers (way text, invoice text, rank bigint, items text[], price float8);
INSERT INTO answers
SELECT 'complete_basket', c.invoice, r.rank, r.items, r.price
FROM asked c, reco.complete_basket_text('shop', c.customer, c.visible, :target, basket_value => c.visible_value, as_of => c.as_of) r;
CREATE TABLE likely AS
SELECT c.invoice, r.rank, r.item_id AS item, t.price FROM asked c, reco.recommend_text('shop', c.customer, k => 2000, basket => c.visible, as_of => c.as_of) r JOIN tags t ON t.item = r.item_id;
INSERT INTO answers
SELECT 'recommend, where it suffices', invoice, place, ARRAY[item], price
FROM (SELECT l.*, row_number() OVER (PARTITION BY invoice ORDER BY l.rank) AS place FROM likely l JOIN asked USING (invoice) WHERE l.price >= missing) x WHERE place <= 10;
INSERT INTO answers
SELECT 'recommend, whatever it costs', invoice, rank, ARRAY[item], price FROM likely WHERE rank <= 10;
INSERT INTO answers
SELECT way, invoice, place, ARRAY[item], price
FROM (SELECT way, c.invoice, t.item, t.price, row_number() OVER (PARTITION BY way, c.invoice ORDER BY CASE WHEN way ~ 'cheapest' THEN t.price ELSE -t.orders END, t.item) AS place
	  FROM asked c, (VALUES ('the most bought that suffice'), ('the cheapest of the 500 most bought that suffice')) w (way),
		   (SELECT *, row_number() OVER (ORDER BY orders DESC, item) AS popular FROM tags) t
	  WHERE t.price >= c.missing AND t.item <> ALL (c.visible) AND (way !~ 'cheapest' OR popular <= 500)) x WHERE place <= 10;

CREATE TABLE told AS
SELECT w.way, c.cluster, c.invoice, coalesce(bool_or(r.items <@ c.hidden), false)::integer::float8 AS hit, coalesce(bool_or(r.items <@ c.hidden AND r.price >= c.missing - 1e-6), false)::integer::float8 AS lifted,
	   coalesce(bool_or(r.items <@ c.hidden AND r.rank = 1), false)::integer::float8 AS first, count(r.items)::float8 AS n, count(*) FILTER (WHERE cardinality(r.items) = 2)::float8 AS pairs,
	   avg((r.price - c.missing) / :target) AS beyond
FROM (SELECT DISTINCT way FROM answers) w CROSS JOIN asked c LEFT JOIN answers r ON r.way = w.way AND r.invoice = c.invoice
GROUP BY 1, 2, 3;
SELECT setseed(0.5) \g /dev/null
CREATE TABLE draws AS
SELECT draw, cluster, CASE WHEN u < 0.36788 THEN 0 WHEN u < 0.73576 THEN 1 WHEN u < 0.91970 THEN 2 WHEN u < 0.98101 THEN 3 WHEN u < 0.99634 THEN 4 ELSE 5 END AS times
FROM (SELECT draw, cluster, random() AS u FROM generate_series(1, 1000) draw, (SELECT DISTINCT cluster FROM asked ORDER BY 1) c) x;
CREATE TABLE differences AS
SELECT way, draw, sum(times * gain) / sum(times * n) AS gain, sum(times * lifted) / sum(times * n) AS lifted
FROM draws JOIN (SELECT b.way, b.cluster, sum(a.hit - b.hit) AS gain, sum(a.lifted - b.lifted) AS lifted, count(*) AS n FROM told a JOIN told b USING (invoice) WHERE a.way = 'complete_basket' AND b.way <> a.way GROUP BY 1, 2) d USING (cluster)
GROUP BY 1, 2;
\echo lifted: a row that came true and reaches the target; less: complete_basket less this way, points
SELECT t.way, count(*) AS orders, round(100 * avg(hit)::numeric, 1) AS "came true, %", round(100 * avg(lifted)::numeric, 1) AS "lifted, %", round(100 * avg(first)::numeric, 1) AS "first row, %",
	   round(avg(n)::numeric, 1) AS rows, round(avg(pairs)::numeric, 1) AS pairs, round(100 * avg(beyond)::numeric) AS "beyond the target, %",
	   (SELECT format('%s [%s, %s]', round((100 * (SELECT avg(a.lifted) FROM told a WHERE a.way = 'complete_basket') - 100 * avg(t.lifted))::numeric, 1), round(100 * percentile_cont(0.025) WITHIN GROUP (ORDER BY d.lifted)::numeric, 1),
					  round(100 * percentile_cont(0.975) WITHIN GROUP (ORDER BY d.lifted)::numeric, 1)) FROM differences d WHERE d.way = t.way) AS "lifted, less"
FROM told t GROUP BY t.way ORDER BY avg(lifted) DESC;
