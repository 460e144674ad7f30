-- One seed of bench/new_items: trains without the orders of the hidden items, ranks these for each basket, prints a line a method:
-- result, method, seed, recall@10, difference to TF-IDF, its standard error, baskets.
CREATE TABLE unsold AS
SELECT item FROM (SELECT item FROM lines JOIN items USING (item) GROUP BY item HAVING count(DISTINCT invoice) >= 10) i
ORDER BY md5(item || :'seed') LIMIT 691;
CREATE TABLE baskets AS
SELECT invoice, wanted, basket FROM
	(SELECT l.invoice, array_agg(DISTINCT l.item) FILTER (WHERE h.item IS NOT NULL) AS wanted,
			array_agg(DISTINCT l.item) FILTER (WHERE h.item IS NULL) AS basket
	 FROM lines l LEFT JOIN unsold h ON h.item = l.item GROUP BY l.invoice) b
WHERE wanted IS NOT NULL AND basket IS NOT NULL ORDER BY md5(invoice || :'seed') LIMIT 1500;
-- What training sees: of the hidden items only so many orders of others.
CREATE TABLE few AS
SELECT invoice, item FROM (SELECT *, row_number() OVER (PARTITION BY item ORDER BY md5(invoice || item || :'seed')) AS n
	  FROM (SELECT DISTINCT invoice, item FROM lines WHERE item IN (SELECT item FROM unsold) AND invoice NOT IN (SELECT invoice FROM baskets)) l) l
WHERE n <= :kept;
CREATE VIEW seen AS
SELECT * FROM lines WHERE item NOT IN (SELECT item FROM unsold) OR (invoice, item) IN (SELECT invoice, item FROM few);
ANALYZE;
SELECT FROM reco.create_model('new', timezone => 'Europe/London');
SELECT FROM reco.add_orders('new', 'seen', user_id => 'customer', item_id => 'item', order_id => 'invoice', at => 'at', quantity => 'qty', unit_price => 'price');
SELECT FROM reco.add_items('new', 'items', item_id => 'item', description => 'description', features => nullif(:'features', ''));
SELECT 'trained', round(seconds::numeric, 1) || ' s', items || ' items', round(recall_completion::numeric, 4) FROM reco.train('new');

CREATE TABLE answers (method text, invoice text, item text);
INSERT INTO answers
SELECT 'reco', c.invoice, r.item_id
FROM (SELECT array_agg(item) AS items FROM unsold) h CROSS JOIN baskets c
CROSS JOIN LATERAL reco.recommend_text('new', NULL, k => 10, basket => c.basket, candidates => h.items) r;

-- The same without descriptions, and with those of others.
SELECT FROM reco.create_model('orders', timezone => 'Europe/London');
SELECT FROM reco.add_orders('orders', 'seen', user_id => 'customer', item_id => 'item', order_id => 'invoice', at => 'at', quantity => 'qty', unit_price => 'price');
SELECT FROM reco.add_items('orders', 'items', item_id => 'item');
SELECT FROM reco.train('orders');
INSERT INTO answers
SELECT 'reco, orders alone', c.invoice, r.item_id
FROM (SELECT array_agg(item) AS items FROM unsold) h CROSS JOIN baskets c
CROSS JOIN LATERAL reco.recommend_text('orders', NULL, k => 10, basket => c.basket, candidates => h.items) r;
CREATE TABLE shuffled AS
SELECT a.item, b.description, b.price
FROM (SELECT item, row_number() OVER (ORDER BY md5(item || :'seed')) AS n FROM items) a
JOIN (SELECT *, row_number() OVER (ORDER BY md5(item || :'seed' || 'other')) AS n FROM items) b USING (n);
SELECT FROM reco.create_model('control', timezone => 'Europe/London');
SELECT FROM reco.add_orders('control', 'seen', user_id => 'customer', item_id => 'item', order_id => 'invoice', at => 'at', quantity => 'qty', unit_price => 'price');
SELECT FROM reco.add_items('control', 'shuffled', item_id => 'item', description => 'description', features => nullif(:'features', ''));
SELECT FROM reco.train('control');
INSERT INTO answers
SELECT 'reco, descriptions shuffled', c.invoice, r.item_id
FROM (SELECT array_agg(item) AS items FROM unsold) h CROSS JOIN baskets c
CROSS JOIN LATERAL reco.recommend_text('control', NULL, k => 10, basket => c.basket, candidates => h.items) r;

-- TF-IDF: terms are words, and pairs of words that follow each other; rows of length 1.  A score is the cosine with the sum
-- of the basket's, or the sum of the squares of the cosines with each of them.
CREATE TABLE terms AS
WITH words AS (SELECT item, word, n FROM items, regexp_split_to_table(lower(description), '[^a-z0-9]+') WITH ORDINALITY t(word, n) WHERE word <> ''),
counted AS (SELECT item, 'words' AS kind, word AS term, count(*) AS tf FROM words GROUP BY 1, 3
			UNION ALL SELECT item, 'pairs', word, count(*) FROM words GROUP BY 1, 3
			UNION ALL SELECT a.item, 'pairs', a.word || ' ' || b.word, count(*) FROM words a JOIN words b ON b.item = a.item AND b.n = a.n + 1 GROUP BY 1, 3),
weighed AS (SELECT item, kind, term, (1 + ln(tf)) * ln((SELECT count(*) FROM items)::float8 / count(*) OVER (PARTITION BY kind, term)) AS w FROM counted)
SELECT item, kind, term, w / sqrt(nullif(sum(w * w) OVER (PARTITION BY item, kind), 0)) AS w FROM weighed;
CREATE TABLE cosines AS
SELECT a.kind, a.item, b.item AS other, sum(a.w * b.w) AS cosine
FROM terms a JOIN terms b ON b.kind = a.kind AND b.term = a.term
WHERE a.item IN (SELECT item FROM unsold) AND b.item NOT IN (SELECT item FROM unsold) GROUP BY 1, 2, 3;
CREATE INDEX ON cosines (other);
ANALYZE cosines;
INSERT INTO answers
SELECT 'TF-IDF of ' || kind || m.name, invoice, item
FROM (SELECT *, row_number() OVER (PARTITION BY invoice, kind, power ORDER BY score DESC, item) AS rank
	  FROM (SELECT c.invoice, x.kind, p.power, x.item, sum(x.cosine ^ p.power) AS score
			FROM baskets c CROSS JOIN unnest(c.basket) b(item) JOIN cosines x ON x.other = b.item CROSS JOIN (VALUES (1), (2)) p(power)
			GROUP BY 1, 2, 3, 4) s) s
JOIN (VALUES (1, ''), (2, ', squared')) m(power, name) USING (power) WHERE rank <= 10;

SELECT 'result', method, :'seed', round(avg(recall)::numeric, 4), round(avg(recall - base)::numeric, 4),
	   round((stddev(recall - base) / sqrt(count(*)))::numeric, 4), count(*)
FROM (SELECT *, max(recall) FILTER (WHERE method = 'TF-IDF of words') OVER (PARTITION BY invoice) AS base
	  FROM (SELECT m.method, c.invoice, count(a.item) FILTER (WHERE a.item = ANY (c.wanted))::float8 / least(10, cardinality(c.wanted)) AS recall
			FROM (SELECT DISTINCT method FROM answers) m CROSS JOIN baskets c LEFT JOIN answers a ON a.method = m.method AND a.invoice = c.invoice
			GROUP BY m.method, c.invoice, c.wanted) r) s
GROUP BY method ORDER BY 4 DESC;
