-- One seed of bench/attribute_match: trains without the hidden purchases, answers every case, prints a line a kind of case and method:
-- result, kind, method, seed, recall@10, difference to the same seller's most bought, its standard error, cases.
CREATE TABLE drawn AS
SELECT DISTINCT ON (customer) customer, product
FROM (SELECT DISTINCT customer, product FROM lines WHERE customer IN (SELECT customer FROM lines GROUP BY 1 HAVING count(DISTINCT product) > 1)) p
ORDER BY customer, md5(customer || product || :'seed');
CREATE TABLE seen AS SELECT l.* FROM lines l WHERE (customer, product) NOT IN (SELECT customer, product FROM drawn);
CREATE INDEX ON seen (customer, at DESC);
-- The basket: what was bought in one order with the hidden product.  Without any, all of the customer's other purchases.
CREATE TABLE cases AS
SELECT d.customer, d.product AS hidden, o.basket, CASE WHEN o.basket IS NULL THEN now() ELSE o.at AT TIME ZONE 'America/Sao_Paulo' END AS as_of,
	   (SELECT array_agg(DISTINCT s.product) FROM seen s
		WHERE s.customer = d.customer AND (o.basket IS NULL OR s.at < o.at OR s.product = ANY (o.basket))) AS evidence,
	   CASE WHEN o.basket IS NULL THEN 'other order' ELSE 'same order' END AS kind
FROM drawn d CROSS JOIN LATERAL
	 (SELECT array_agg(DISTINCT s.product) AS basket, min(s.at) AS at
	  FROM seen s WHERE s.order_id IN (SELECT l.order_id FROM lines l WHERE l.customer = d.customer AND l.product = d.product)) o;
ANALYZE;

SELECT FROM reco.create_model('match', timezone => 'America/Sao_Paulo');
SELECT FROM reco.add_orders('match', 'seen', user_id => 'customer', item_id => 'product', order_id => 'order_id', at => 'at', unit_price => 'price');
SELECT FROM reco.add_items('match', 'items', item_id => 'product', features => :'features');
SELECT 'trained', round(seconds::numeric, 1) || ' s', items || ' items', round(recall_completion::numeric, 4), round(recall_popularity::numeric, 4)
FROM reco.train('match');
SELECT 'weights', request, component, weight FROM reco.weights('match') WHERE weight > 0 ORDER BY 2, 3;

-- The same with each item's attributes those of another one.
CREATE TABLE shuffled AS
SELECT a.product, b.category, b.seller, b.price
FROM (SELECT product, row_number() OVER (ORDER BY md5(product || :'seed')) AS n FROM items) a
JOIN (SELECT *, row_number() OVER (ORDER BY md5(product || :'seed' || 'other')) AS n FROM items) b USING (n);
SELECT FROM reco.create_model('control', timezone => 'America/Sao_Paulo');
SELECT FROM reco.add_orders('control', 'seen', user_id => 'customer', item_id => 'product', order_id => 'order_id', at => 'at', unit_price => 'price');
SELECT FROM reco.add_items('control', 'shuffled', item_id => 'product', features => :'features');
SELECT FROM reco.train('control');
SELECT FROM reco.create_model('orders', timezone => 'America/Sao_Paulo');
SELECT FROM reco.add_orders('orders', 'seen', user_id => 'customer', item_id => 'product', order_id => 'order_id', at => 'at', unit_price => 'price');
SELECT FROM reco.add_items('orders', 'items', item_id => 'product');
SELECT FROM reco.train('orders');

CREATE TABLE answers (method text, customer text, hit boolean, source text);
INSERT INTO answers
SELECT m.method, c.customer, r.item_id = c.hidden, r.source
FROM (VALUES ('reco', 'match'), ('reco, attributes shuffled', 'control'), ('reco, orders alone', 'orders')) m(method, model) CROSS JOIN cases c
CROSS JOIN LATERAL reco.recommend_text(m.model, c.customer, k => 10, basket => c.basket, as_of => c.as_of, exclude => c.evidence) r;
SELECT 'sources', c.kind, a.source, count(*), count(*) FILTER (WHERE a.hit) FROM answers a JOIN cases c USING (customer) WHERE method = 'reco' GROUP BY 2, 3 ORDER BY 2, 3;

CREATE TABLE bought AS SELECT product, count(DISTINCT order_id) AS n FROM seen GROUP BY product;
CREATE TABLE popular AS SELECT i.product, i.seller, i.category, coalesce(b.n, 0) AS n, md5(i.product || :'seed') AS draw FROM items i LEFT JOIN bought b USING (product);
CREATE INDEX ON popular (seller);
ANALYZE popular;
INSERT INTO answers
SELECT 'same seller, most bought', c.customer, p.product = c.hidden
FROM cases c CROSS JOIN LATERAL
	 (SELECT p.product FROM popular p WHERE p.seller IN (SELECT seller FROM items WHERE product = ANY (c.evidence)) AND p.product <> ALL (c.evidence)
	  ORDER BY p.n DESC, p.draw LIMIT 10) p;
INSERT INTO answers
SELECT 'same seller, category first', c.customer, p.product = c.hidden
FROM cases c CROSS JOIN LATERAL
	 (SELECT p.product FROM popular p WHERE p.seller IN (SELECT seller FROM items WHERE product = ANY (c.evidence)) AND p.product <> ALL (c.evidence)
	  ORDER BY p.category IN (SELECT category FROM items WHERE product = ANY (c.evidence)) DESC NULLS LAST, p.n DESC, p.draw LIMIT 10) p;

SELECT 'result', k.kind, method, :'seed', round(avg(hit)::numeric, 4), round(avg(hit - base)::numeric, 4),
	   round((stddev(hit - base) / sqrt(count(*)))::numeric, 4), count(*)
FROM (SELECT m.method, c.kind, max(coalesce(a.hit, false)::int) AS hit,
			 (SELECT max(hit::int) FROM answers b WHERE b.customer = c.customer AND b.method = 'same seller, most bought') AS base
	  FROM (SELECT DISTINCT method FROM answers) m CROSS JOIN cases c LEFT JOIN answers a ON a.method = m.method AND a.customer = c.customer
	  GROUP BY m.method, c.kind, c.customer) s
CROSS JOIN LATERAL (VALUES (s.kind), ('all')) k(kind)
GROUP BY k.kind, method ORDER BY 2, 5 DESC;
