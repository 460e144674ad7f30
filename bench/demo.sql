-- bench/demo.sql: from create_model to recommend, in the shop of bench/shop.sql.  Statements are shown where they are
-- reco's; what only prepares or prints is not.

\pset footer off
\pset null ''
\pset border 2
\pset linestyle unicode
SET client_min_messages = warning;

\echo
SELECT (SELECT count(*) FROM customers) AS customers, (SELECT count(*) FROM products) AS products,
	   (SELECT count(*) FROM products WHERE stock = 0) AS "sold out",
	   count(DISTINCT order_id) FILTER (WHERE quantity > 0) AS orders, count(*) AS lines,
	   count(*) FILTER (WHERE customer_id IS NULL) AS "lines without customer",
	   count(*) FILTER (WHERE quantity < 0) AS returns, min(ordered_at)::date AS from, max(ordered_at)::date AS to
FROM order_lines;

\echo
\echo '== 1. Say what is where.  Every column argument is an SQL expression over the table.'
\echo
\set ECHO queries
CREATE EXTENSION reco;

SELECT model, owner, timezone FROM reco.create_model('shop', timezone => 'Europe/Berlin');

SELECT kind, relation, expressions
FROM   reco.add_orders('shop', 'order_lines', user_id => 'customer_id', item_id => 'product_id', at => 'ordered_at',
                       order_id => 'order_id', quantity => 'quantity', unit_price => 'unit_price');

SELECT kind, relation, expressions
FROM   reco.add_items('shop', 'products', item_id => 'id', price => 'price', available => 'stock > 0');
\set ECHO none

\echo
\echo '== 2. Train.  The newest orders are held out first, to measure how often the right product is among ten.'
\echo
\set ECHO queries
\x on
SELECT * FROM reco.train('shop');
\x off
\set ECHO none

-- Somebody with a middling number of orders who likes coffee.
SELECT c.id AS customer, c.name AS name
FROM order_lines l JOIN products p ON p.id = l.product_id JOIN customers c ON c.id = l.customer_id
GROUP BY c.id
HAVING count(DISTINCT l.order_id) BETWEEN 12 AND 20
ORDER BY avg((p.category = 'Coffee')::int) + avg((p.category = 'Camping')::int) DESC, c.id
LIMIT 1 \gset

\echo
\echo '== 3. A customer: what ':name' bought last, and what reco recommends.'
\echo
\set ECHO queries
SELECT b.title AS "bought last", r.title AS "recommended", r.source
FROM   (SELECT row_number() OVER (ORDER BY l.ordered_at DESC, l.product_id) AS rank, p.title
        FROM   order_lines l JOIN products p ON p.id = l.product_id
        WHERE  l.customer_id = :customer AND l.quantity > 0 ORDER BY rank LIMIT 10) b
FULL JOIN (SELECT r.rank, p.title, r.source
        FROM   reco.recommend('shop', :customer) r JOIN products p ON p.id = r.item_id) r USING (rank)
ORDER BY rank;
\set ECHO none

SELECT p.id AS tent, p.title AS tent_title
FROM products p JOIN order_lines l ON l.product_id = p.id
WHERE p.title ~ 'tent' AND p.stock > 0
GROUP BY p.id ORDER BY count(*) DESC, p.id LIMIT 1 \gset

\echo
\echo '== 4. A visitor whom nobody knows, with ':tent_title' in the basket.'
\echo
\set ECHO queries
SELECT r.rank, p.title, p.price, p.stock, round(r.score::numeric, 3) AS score, r.source
FROM   reco.recommend('shop', NULL, k => 6, basket => ARRAY[:tent]) r
JOIN   products p ON p.id = r.item_id
ORDER  BY r.rank;
\set ECHO none

\echo
\echo '== 5. A visitor of whom nothing at all is known, who looks at the garden section.  Filters act before the cut to k.'
\echo
\set ECHO queries
SELECT r.rank, p.title, p.price, r.source
FROM   reco.recommend('shop', NULL, k => 5,
                      candidates => (SELECT array_agg(id) FROM products WHERE category = 'Garden')) r
JOIN   products p ON p.id = r.item_id
ORDER  BY r.rank;
\set ECHO none

SELECT c.id AS newcomer, c.name AS newcomer_name
FROM customers c
WHERE NOT EXISTS (SELECT FROM order_lines l WHERE l.customer_id = c.id)
ORDER BY c.id LIMIT 1 \gset
SELECT p.id AS machine, p.title AS machine_title
FROM products p WHERE p.title ~ 'espresso machine' AND p.stock > 0 ORDER BY p.id LIMIT 1 \gset

\echo
\echo '== 6. No waiting for the next training: ':newcomer_name', who never ordered, buys ':machine_title'.'
\echo
\set ECHO queries
BEGIN;

CREATE TEMP TABLE before AS SELECT * FROM reco.recommend('shop', :newcomer, k => 6);

INSERT INTO order_lines VALUES (500001, :newcomer, :machine, now(), 1, 299);

SELECT rank, b.title AS "before", a.title AS "a statement later", a.source
FROM   (SELECT rank, title FROM before JOIN products ON id = item_id) b
FULL JOIN (SELECT rank, title, source FROM reco.recommend('shop', :newcomer, k => 6) JOIN products ON id = item_id) a USING (rank)
ORDER  BY rank;

ROLLBACK;
\set ECHO none

\echo
\echo '== 7. What is sold out does not come back, from the same moment on.'
\echo
SELECT item_id AS favourite FROM reco.recommend('shop', :customer, k => 1) \gset
\set ECHO queries
BEGIN;

UPDATE products SET stock = 0 WHERE id = :favourite RETURNING title AS "now sold out";

SELECT r.rank, p.title, p.stock
FROM   reco.recommend('shop', :customer, k => 3) r JOIN products p ON p.id = r.item_id
ORDER  BY r.rank;

SELECT count(*) AS "recommendations for 100 customers", count(*) FILTER (WHERE p.stock = 0) AS "of them sold out"
FROM   (SELECT id FROM customers ORDER BY id LIMIT 100) c, reco.recommend('shop', c.id) r
JOIN   products p ON p.id = r.item_id;

ROLLBACK;
\set ECHO none

\echo
\echo '== 8. Is it worth it?  The newest orders, asked again of a model of what came before, and of everybody else.'
\echo
SET client_min_messages = warning;
\set ECHO queries
SELECT algorithm, request, metric, k, round(value::numeric, 3) AS value,
       round(ci_low::numeric, 3) AS from, round(ci_high::numeric, 3) AS to, n, remark
FROM   reco.evaluate('shop')
WHERE  metric IN ('ndcg_lead', 'recall');
\set ECHO none
RESET client_min_messages;
