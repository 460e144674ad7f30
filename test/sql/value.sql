-- Going by value: p x v^w, exactly, in recommend and recommend_all, over prices, margins, amounts and pieces.

SET client_min_messages = warning;
SELECT plan(76);

-- A shop of 90 products in 3 themes, whose lines have quantities and prices; every fifth customer buys ten times as much.
CREATE FUNCTION lot(a bigint, b bigint, n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT (abs(hashint8extended(a * 1000 + b, 5)) % n)::integer';
CREATE TABLE products (id bigint PRIMARY KEY, price float8, margin float8, stock integer DEFAULT 1);
INSERT INTO products SELECT p, 1 + lot(p, 1, 50), lot(p, 1, 50) * 0.3 - 1 FROM generate_series(1, 90) p;
CREATE TABLE lines (order_id bigint, customer_id bigint, product_id bigint, at timestamptz, quantity numeric, price numeric);
INSERT INTO lines
SELECT o, lot(o, 0, 60), p, timestamptz '2026-01-01' + o * interval '1 hour', (1 + lot(o, p, 4)) * CASE WHEN lot(o, 0, 60) % 5 = 0 THEN 10 ELSE 1 END,
	   (SELECT price FROM products WHERE id = p) * (0.8 + 0.1 * lot(o, p + 1, 5))
FROM   generate_series(1, 2500) o CROSS JOIN LATERAL (SELECT DISTINCT 1 + (lot(o, 0, 60) % 3) * 30 + lot(o, j, 30)::bigint AS p FROM generate_series(2, 6) j) x;
INSERT INTO lines SELECT 9000 + c, c, 1 + (c % 3) * 30, '2026-04-14', -1, 3 FROM generate_series(0, 20) c;
INSERT INTO lines VALUES (9900, 1, 32, '2026-04-14', 2, NULL), (9901, 1, 33, '2026-04-14', 2, 0), (9902, 1, 34, '2026-04-14', 2, 'NaN'), (9903, 1, 35, '2026-04-14', 2, -5),
	(9904, 2, 61, '2026-04-14', 1000000, 1000), (9905, 2, 62, '2026-04-14', 0.001, 0.001);
CREATE INDEX ON lines (customer_id, at DESC);
ANALYZE;
SELECT reco.create_model(name, 'UTC', '{"factors": 8, "history_limit": 40}') FROM unnest(ARRAY['paid', 'pieces', 'bare', 'text']) name \g /dev/null
SELECT reco.add_orders('paid', 'lines', 'customer_id', 'product_id', 'at', 'order_id', 'quantity', unit_price => 'price'),
	   reco.add_orders('pieces', 'lines', 'customer_id', 'product_id', 'at', 'order_id', 'quantity'), reco.add_orders('bare', 'lines', 'customer_id', 'product_id', 'at', 'order_id'),
	   reco.add_orders('text', 'lines', '''c'' || customer_id', '''p'' || product_id', 'at', 'order_id', 'quantity', amount => 'quantity * price') \g /dev/null
SELECT reco.train(name) FROM unnest(ARRAY['paid', 'pieces', 'bare', 'text']) name \g /dev/null

-- ---- What plain SQL says: usual amounts of all, and of a customer ------------------------------------------------------

CREATE VIEW paid_lines AS SELECT *, (quantity * price)::float4::float8 AS amount FROM lines WHERE quantity > 0 AND price > 0 AND price <> 'NaN';
-- The smallest amount that at most a hundredth exceed, up to the bins in which training counts: 1/256 of a power of two.
CREATE TABLE cap AS SELECT max(amount) AS cap, (SELECT avg(least(l.amount, max(c.amount))) FROM paid_lines l) AS mean
FROM (SELECT amount, float4send(amount::float4) AS bits FROM paid_lines) c
WHERE (('x' || encode(bits, 'hex'))::bit(32)::bigint >> 15) =
	  (SELECT max(bin) FROM (SELECT ('x' || encode(float4send(amount::float4), 'hex'))::bit(32)::bigint >> 15 AS bin, count(*) OVER (ORDER BY ('x' || encode(float4send(amount::float4), 'hex'))::bit(32)::bigint >> 15 DESC) AS above FROM paid_lines) b
	   WHERE above > 0.01 * (SELECT count(*) FROM paid_lines));
CREATE TABLE usual AS
SELECT p.id, (coalesce(sum(least(l.amount, c.cap)), 0) + 10 * min(c.mean)) / (count(l.amount) + 10) AS usual, coalesce(exp(avg(ln(l.amount / l.quantity::float8))), 0) AS price
FROM products p CROSS JOIN cap c LEFT JOIN paid_lines l ON l.product_id = p.id GROUP BY p.id;
-- Of a customer the newest 40 lines that a request reads.
CREATE FUNCTION read_lines(who bigint) RETURNS SETOF lines LANGUAGE sql STABLE AS
	'SELECT * FROM lines WHERE customer_id = who ORDER BY at DESC, product_id, quantity LIMIT 40';
CREATE FUNCTION own_lines(who bigint) RETURNS TABLE (product_id bigint, amount float8) LANGUAGE sql STABLE AS
	$$SELECT product_id, (quantity * price)::float4::float8 FROM read_lines(who) WHERE quantity > 0 AND price > 0 AND price <> 'NaN'$$;
CREATE FUNCTION scale_of(who bigint) RETURNS float8 LANGUAGE sql STABLE AS
	$$SELECT coalesce(exp(sum(ln(o.amount / u.usual)) / (count(*) + 5)), 1) FROM own_lines(who) o JOIN usual u ON u.id = o.product_id$$;
CREATE FUNCTION expected(who bigint) RETURNS TABLE (item_id bigint, amount float8) LANGUAGE sql STABLE AS $$
	SELECT u.id, CASE WHEN count(o.amount) > 0 THEN (sum(least(o.amount, c.cap * greatest(s, 1))) + s * u.usual) / (count(o.amount) + 1)
		WHEN EXISTS (SELECT FROM own_lines(who)) THEN 0.75 * s * u.usual ELSE s * u.usual END
	FROM usual u CROSS JOIN cap c CROSS JOIN scale_of(who) s LEFT JOIN own_lines(who) o ON o.product_id = u.id GROUP BY u.id, u.usual, c.cap, s
$$;
-- The answer by plain SQL: the best 50 by score, in the order of p x v^w.
CREATE FUNCTION by_hand(who bigint, w float8, most integer DEFAULT 10) RETURNS TABLE (rank bigint, item_id bigint, value float8) LANGUAGE sql STABLE AS $$
	SELECT row_number() OVER (ORDER BY p.probability * power(e.amount, w) DESC, r.rank), r.item_id, e.amount
	FROM reco.recommend('paid', who, k => 50) r JOIN expected(who) e USING (item_id) JOIN reco.predict('paid', who, (SELECT array_agg(id) FROM products)) p USING (item_id)
	ORDER BY 1 LIMIT most
$$;
SELECT cmp_ok((SELECT count(*) FROM reco.recommend('paid', 7, value_weight => 1) WHERE probability IS NOT NULL), '=', 10::bigint, 'probabilities are known');
SELECT is_empty(format($$SELECT r.rank, r.item_id, b.item_id, r.value, b.value FROM reco.recommend('paid', %s, value_weight => %s) r FULL JOIN by_hand(%1$s, %2$s) b USING (rank)
	WHERE r.item_id IS DISTINCT FROM b.item_id OR NOT abs(r.value / b.value - 1) < 1e-5$$, who, w), format('customer %s, value_weight %s: as plain SQL has it', who, w))
FROM unnest(ARRAY['0', '5', '1', '2', '7', '12345', 'NULL']) who, unnest(ARRAY['0.3', '1']) w;
SELECT isnt((SELECT array_agg(item_id ORDER BY rank) FROM reco.recommend('paid', 7, value_weight => 1)), (SELECT array_agg(item_id ORDER BY rank) FROM reco.recommend('paid', 7)), 'which is another order');

-- ---- What stays ----------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT rank, item_id, score, probability, source, value FROM reco.recommend('paid', 7, value_weight => 0)$$, $$SELECT rank, item_id, score, probability, source, NULL::float8 FROM reco.recommend('paid', 7)$$,
	'0 is the default, and knows no values');
SELECT is_empty($$SELECT * FROM reco.recommend('paid', 7, k => 90, value_weight => 0.7) r JOIN reco.predict('paid', 7, (SELECT array_agg(id) FROM products)) p USING (item_id)
	WHERE r.score <> p.score OR r.probability <> p.probability$$, 'score and probability are those that the item has anyway');
SELECT is((SELECT sum(contribution)::numeric(10, 5) FROM reco.explain('paid', 7, item_id)), score::numeric(10, 5), 'what explain says adds up to the score')
FROM (SELECT * FROM reco.recommend('paid', 7, k => 2, value_weight => 1)) r;
SELECT set_eq($$SELECT item_id, source FROM reco.recommend('paid', 7, k => 90, value_weight => 1)$$, $$SELECT item_id, source FROM reco.recommend('paid', 7, k => 90)$$, 'all items are all items');
SELECT set_eq($$SELECT item_id FROM reco.recommend('paid', 7, k => 50, value_weight => 1) WHERE rank <= 25 AND item_id NOT IN (SELECT item_id FROM reco.recommend('paid', 7, k => 90) WHERE rank <= 90)$$,
	$$SELECT 1::bigint WHERE false$$, 'nothing comes from beyond');
SELECT is_empty($$SELECT item_id FROM reco.recommend('paid', 7, k => 10, value_weight => 1) EXCEPT SELECT item_id FROM reco.recommend('paid', 7, k => 50)$$, 'the best 50 by score alone take part');
SELECT results_eq($$SELECT * FROM reco.recommend('paid', 7, k => 5, value_weight => 1)$$, $$SELECT * FROM reco.recommend('paid', 7, k => 25, value_weight => 1) LIMIT 5$$, 'a smaller k is the beginning of a larger one, up to 25');
SELECT is((SELECT count(*)::integer FROM reco.recommend('paid', 7, k => k, value_weight => 0.5)), least(k, 90), format('k = %s: so many rows', k)) FROM unnest(ARRAY[1, 49, 51, 89, 90, 1000000]) k;

-- ---- Filters and stock -----------------------------------------------------------------------------------------------------

SELECT is((SELECT array_agg(item_id ORDER BY item_id) FROM reco.recommend('paid', 7, candidates => '{3,4,5,999}', value_weight => 1)), '{3,4,5}', 'candidates');
SELECT is((SELECT count(*)::integer FROM reco.recommend('paid', 7, k => 90, exclude => (SELECT array_agg(id) FROM products WHERE id % 2 = 0), value_weight => 1)), 45, 'excluded ones stay out, all others come');
SELECT is_empty($$SELECT item_id FROM reco.recommend('paid', 7, k => 90, exclude_purchased => true, value_weight => 1) JOIN lines ON product_id = item_id AND customer_id = 7$$, 'nor what was bought');
SELECT is((SELECT count(*)::integer FROM reco.recommend('paid', NULL, basket => '{1,2}', k => 90, value_weight => 1) WHERE item_id NOT IN (1, 2)), 88, 'a basket');
SELECT reco.add_items('paid', 'products', 'id', available => 'stock > 0', name => 'stock') \g /dev/null
UPDATE products SET stock = 0 WHERE id % 4 <> 0;
SELECT is((SELECT count(*)::integer FROM reco.recommend('paid', 7, k => 15, value_weight => 1) JOIN products ON id = item_id AND stock > 0), 15, 'k available ones');
UPDATE products SET stock = 1;
SELECT reco.remove_source('paid', 'stock') \g /dev/null

-- ---- Live prices -------------------------------------------------------------------------------------------------------------

CREATE TABLE tags (id bigint, price float8, margin float8);
INSERT INTO tags SELECT id, price, margin FROM products;
CREATE FUNCTION capped(v float8, who bigint) RETURNS float8 LANGUAGE sql STABLE AS 'SELECT least(v, cap * greatest(scale_of(who), 1)) FROM cap';
SELECT reco.add_items('paid', 'tags', 'id', price => 'price') \g /dev/null
SELECT is_empty($$SELECT r.item_id, r.value FROM reco.recommend('paid', 7, k => 90, value_weight => 1) r JOIN expected(7) e USING (item_id) JOIN usual u ON u.id = r.item_id JOIN tags t ON t.id = r.item_id
	WHERE NOT abs(r.value / capped(CASE WHEN u.price > 0 THEN e.amount * t.price / u.price ELSE e.amount END, 7) - 1) < 1e-5$$, 'the value is that of the amount at the present price');
SELECT item_id AS best FROM reco.recommend('paid', 7, k => 1, value_weight => 1) \gset
SELECT value AS before FROM reco.recommend('paid', 7, k => 1, value_weight => 1) \gset
UPDATE tags SET price = price / 100 WHERE id = :best;
SELECT cmp_ok(value, '<', (:before / 50)::float8, 'a price counts in the next statement') FROM reco.recommend('paid', 7, k => 90, value_weight => 1) WHERE item_id = :best;
SELECT isnt((SELECT item_id FROM reco.recommend('paid', 7, k => 1, value_weight => 1)), :best::bigint, 'and so does the order');
CREATE FUNCTION odd_value(item bigint, odd float8) RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
	UPDATE tags SET price = odd, margin = odd WHERE id = item;
	RETURN (SELECT value FROM reco.recommend('paid', 7, k => 90, value_weight => 1) WHERE item_id = item);
END $$;
SELECT is(round(odd_value(:best, odd)::numeric, 6), (SELECT round(amount::numeric, 6) FROM expected(7) WHERE item_id = :best), format('a price of %s says nothing: past lines do', coalesce(odd::text, 'NULL')))
FROM (VALUES (NULL::float8), ('NaN'), ('infinity'), ('-infinity'), (-1)) o (odd);
SELECT is(odd_value(:best, 0), 0::float8, 'what is free brings nothing');
SELECT is((SELECT rank FROM reco.recommend('paid', 7, k => 90, value_weight => 0.1) WHERE item_id = :best), 90, 'and comes last');
SELECT ok(odd_value(:best, 1e308) <= (SELECT cap * greatest(scale_of(7), 1) FROM cap), 'a slip of a pen is capped');
INSERT INTO tags VALUES (:best, 2, 2), (:best, NULL, NULL), (:best, 1, 1);
SELECT is(odd_value(-1, 1), NULL, 'an item that is not there');
DELETE FROM tags WHERE id = :best AND price = 1e308;
SELECT is(round(value::numeric, 5), round((SELECT e.amount * 2 / u.price FROM expected(7) e JOIN usual u ON u.id = e.item_id WHERE e.item_id = :best)::numeric, 5), 'of several rows the highest counts')
FROM reco.recommend('paid', 7, k => 90, value_weight => 1) WHERE item_id = :best;

-- ---- Margins -------------------------------------------------------------------------------------------------------------------

DELETE FROM tags; INSERT INTO tags SELECT id, price, margin FROM products;
SELECT reco.add_items('paid', 'tags', 'id', price => 'price', margin => 'margin') \g /dev/null
SELECT is_empty($$SELECT r.item_id, r.value FROM reco.recommend('paid', 7, k => 90, value_weight => 1) r JOIN expected(7) e USING (item_id) JOIN usual u ON u.id = r.item_id JOIN tags t ON t.id = r.item_id
	WHERE NOT abs(r.value - capped(CASE WHEN u.price > 0 THEN e.amount * t.margin / u.price ELSE t.margin END, 7)) < 1e-4$$, 'a margin goes before a price');
SELECT ok((SELECT count(*) FILTER (WHERE value < 0) > 0 AND min(rank) FILTER (WHERE value < 0) > max(rank) FILTER (WHERE value > 0) FROM reco.recommend('paid', 7, k => 90, value_weight => 0.2)), 'what is sold at a loss comes last');
SELECT is(odd_value(3, odd), NULL, format('a margin of %s says nothing, and a price is none', coalesce(odd::text, 'NULL'))) FROM (VALUES (NULL::float8), ('NaN'), ('infinity')) o (odd);
SELECT is((SELECT count(*)::integer FROM reco.recommend('paid', 7, k => 90, value_weight => 1)), 90, 'the item comes all the same');
UPDATE tags SET margin = NULL;
SELECT results_eq($$SELECT item_id, value FROM reco.recommend('paid', 7, value_weight => 1)$$, $$SELECT item_id, NULL::float8 FROM reco.recommend('paid', 7)$$, 'no margin at all: relevance');

-- ---- Pieces, and nothing -------------------------------------------------------------------------------------------------------

DELETE FROM tags; INSERT INTO tags SELECT id, price, margin FROM products;
SELECT results_eq($$SELECT item_id, value FROM reco.recommend('pieces', 7, value_weight => 1)$$, $$SELECT item_id, NULL::float8 FROM reco.recommend('pieces', 7)$$, 'quantities without a price: relevance');
SELECT reco.add_items('pieces', 'tags', 'id', price => 'price'), reco.add_items('bare', 'tags', 'id', price => 'price') \g /dev/null
SELECT cmp_ok((SELECT avg(r.value / t.price) FROM reco.recommend('pieces', 5, k => 90, value_weight => 1) r JOIN tags t ON t.id = item_id), '>',
	3 * (SELECT avg(r.value / t.price) FROM reco.recommend('pieces', 7, k => 90, value_weight => 1) r JOIN tags t ON t.id = item_id), 'who buys ten times as much is expected to');
SELECT is_empty($$SELECT * FROM reco.recommend('bare', 7, k => 90, value_weight => 1) r JOIN tags t ON t.id = item_id WHERE value <> t.price$$, 'without quantities a line is one piece');

SELECT results_eq($$SELECT item_id, value FROM reco.recommend('pieces', NULL, k => 90, value_weight => 1, history => '{1,2,3}') ORDER BY 1$$,
	$$SELECT item_id, value FROM reco.recommend('pieces', NULL, k => 90, value_weight => 1) ORDER BY 1$$, 'items that the caller names say nothing of how many pieces are taken');

-- ---- All at once -----------------------------------------------------------------------------------------------------------------

SELECT set_eq(format($$SELECT * FROM reco.recommend_all(%L, 7, value_weight => %s, exclude_purchased => %s, as_of => '2026-04-20')$$, model, w, x),
	format($$SELECT c.customer, r.* FROM (SELECT DISTINCT customer_id AS customer FROM lines) c, reco.recommend(%L, c.customer, 7, value_weight => %s, exclude_purchased => %s, as_of => '2026-04-20') r$$, model, w, x),
	format('%s, %s, %s: every row equals recommend''s', model, w, x))
FROM (VALUES ('paid', 0.5, 'false'), ('paid', 1, 'true'), ('pieces', 0.5, 'false'), ('bare', 1, 'false')) x (model, w, x);
SELECT set_eq($$SELECT * FROM reco.recommend_all_text('text', 7, value_weight => 0.5)$$,
	$$SELECT c.customer, r.* FROM (SELECT DISTINCT 'c' || customer_id AS customer FROM lines) c, reco.recommend_text('text', c.customer, 7, value_weight => 0.5) r$$, 'text keys');
-- ---- Shared out among processes --------------------------------------------------------------------------------------------------

CREATE TABLE crowd AS SELECT 1000 + u AS customer_id, 1 + lot(u, l, 90)::bigint AS product_id, timestamptz '2026-04-01' + l * interval '1 hour' AS at, 1 + lot(u, l + 1, 30) AS quantity, 1 + lot(l, u, 40) AS price
FROM generate_series(1, 8000) u, generate_series(1, 12) l;
SELECT reco.add_orders('paid', 'crowd', 'customer_id', 'product_id', 'at', quantity => 'quantity', unit_price => 'price') \g /dev/null
BEGIN;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 0;
CREATE TABLE alone AS SELECT * FROM reco.recommend_all('paid', 3, as_of => '2026-04-20', value_weight => 0.8);
SET LOCAL max_parallel_workers_per_gather = 2;
CREATE TABLE together AS SELECT * FROM reco.recommend_all('paid', 3, as_of => '2026-04-20', value_weight => 0.8);
SELECT is_empty('(TABLE alone EXCEPT TABLE together) UNION ALL (TABLE together EXCEPT TABLE alone)', 'with workers as without');
SELECT is((SELECT count(*)::integer FROM alone), 3 * 8060, 'everybody, three rows each');
COMMIT;
SELECT reco.remove_source('paid', 'crowd') \g /dev/null

-- ---- Evaluations ----------------------------------------------------------------------------------------------------------------------

SELECT is((SELECT count(*)::integer FROM reco.value_curve('paid', orders => 200)), 10, 'five weights, two kinds of requests');
CREATE TABLE curve AS SELECT * FROM reco.value_curve('paid', '{0,0.4,1}', k => 5, orders => 200, min_items => 2);
CREATE TABLE replayed AS SELECT w, r.* FROM (VALUES (0), (0.4), (1)) x (w), reco.replay('paid', k => 5, orders => 200, min_items => 2, value_weight => w) r;
CREATE TABLE figures AS
SELECT w, request, reco.recall_at_k(recommended, wanted, 5) AS recall, avg(h.hits / h.whole) AS share, sum(h.hits) / sum(CASE WHEN request = 'completion' THEN h.seen ELSE h.whole END) AS recovered,
	   sum(h.margin) / sum(CASE WHEN request = 'completion' THEN h.seen ELSE h.whole END) AS margin, count(*) AS n
FROM   replayed r CROSS JOIN LATERAL (SELECT coalesce(sum(v) FILTER (WHERE i = ANY (recommended) AND i = ANY (wanted)), 0) AS hits, sum(v) AS whole, sum(v) FILTER (WHERE i = ANY (basket)) AS seen,
	   sum(m) FILTER (WHERE i = ANY (recommended) AND i = ANY (wanted)) AS margin
	   FROM (SELECT product_id::text AS i, (quantity * lines.price)::float4::float8 AS v, margin * quantity::float8 AS m FROM lines LEFT JOIN tags ON id = product_id WHERE lines.order_id::text = r.order_id) o) h
GROUP  BY w, request;
SELECT is_empty($$SELECT * FROM curve c JOIN figures f ON f.request = c.request AND f.w = c.value_weight
	WHERE abs(c.recall - f.recall) + abs(c.value_share - f.share) + abs(c.value_recovered - f.recovered) + abs(c.margin_recovered - f.margin) > 1e-6 OR c.n <> f.n$$, 'recall, value and margin are those of the lists that replay gives');
SELECT is((SELECT count(*)::integer FROM curve JOIN figures f ON f.request = curve.request AND f.w = curve.value_weight), 6, 'all of them');
SELECT is_empty($$SELECT * FROM curve c JOIN curve b ON b.request = c.request AND b.value_weight = 0 WHERE abs(c.recall_change - (c.recall - b.recall)) > 1e-9
	OR abs(c.value_change - (c.value_recovered / b.value_recovered - 1)) > 1e-9 OR abs(c.share_change - (c.value_share / b.value_share - 1)) > 1e-9
	OR NOT c.value_change BETWEEN c.value_change_low AND c.value_change_high OR NOT c.recall_change BETWEEN c.recall_change_low AND c.recall_change_high$$, 'changes are from value_weight 0, and within their intervals');
SELECT is_empty($$SELECT * FROM curve WHERE value_weight = 0 AND (recall_change, value_change, share_change_low, share_change_high) <> (0, 0, 0, 0)$$, 'none at 0');
SELECT results_eq($$SELECT recall, value_change FROM curve WHERE value_weight = 1$$, $$SELECT recall, value_change FROM reco.value_curve('paid', '{1}', k => 5, orders => 200, min_items => 2)$$, 'one weight alone');
SELECT is_empty($$SELECT * FROM reco.value_curve('paid', '{}')$$, 'no weights, no rows');
SELECT is((SELECT count(*) FILTER (WHERE value_recovered IS NULL AND value_change IS NULL AND share_change IS NULL AND margin_change IS NULL AND recall_change = 0)::integer FROM reco.value_curve('pieces', '{1}', orders => 50, undated => false)), 2,
	'without any value nothing changes, and values are NULL');
SELECT results_eq($$SELECT value, ci_low FROM reco.evaluate('paid', k => 5, algorithms => '{}', orders => 200, min_items => 2, value_weight => 1) WHERE request = 'completion' AND metric = 'recall'$$,
	$$SELECT recall, recall_low FROM curve WHERE request = 'completion' AND value_weight = 1$$, 'evaluate asks with a value_weight too');
SELECT reco.create_model('past', 'UTC', '{"factors": 8, "history_limit": 40, "training_clock": "2026-04-01"}'),
	   reco.add_orders('past', 'lines', 'customer_id', 'product_id', 'at', 'order_id', 'quantity', unit_price => 'price'), reco.add_items('past', 'tags', 'id', price => 'price', margin => 'margin') \g /dev/null
SELECT reco.train('past') \g /dev/null
SELECT is_empty($$SELECT r.order_id, r.recommended, a.items FROM reco.replay('paid', cut => '2026-04-01', orders => 150, value_weight => 0.7) r
	CROSS JOIN LATERAL (SELECT array_agg(item_id::text ORDER BY rank) AS items FROM reco.recommend('past', r.user_id::bigint, basket => r.basket::bigint[], as_of => r.as_of, value_weight => 0.7)) a
	WHERE r.recommended <> a.items$$, 'what replay says is what recommend would have said');
SELECT * FROM finish();
