--
-- The main path, from tables that a shop has to recommendations, as one session.
--
SET client_min_messages = warning;
\set VERBOSITY terse

-- Eight products of two kinds, and eighty customers: each is of one kind and bought three of its four products.
CREATE TABLE products (id bigint PRIMARY KEY, name text, kind text, stock int DEFAULT 5);
INSERT INTO products (id, name, kind) VALUES
  (11, 'espresso machine', 'coffee'), (12, 'coffee beans', 'coffee'), (13, 'descaler', 'coffee'), (14, 'milk frother', 'coffee'),
  (21, 'tent', 'camping'), (22, 'sleeping bag', 'camping'), (23, 'headlamp', 'camping'), (24, 'camping stove', 'camping');

CREATE TABLE order_lines (order_id bigint, customer_id bigint, product_id bigint, ordered_at timestamptz, quantity int DEFAULT 1);
INSERT INTO order_lines (order_id, customer_id, product_id, ordered_at)
  SELECT c, c, CASE WHEN c <= 40 THEN 10 ELSE 20 END + p, '2024-05-01 12:00+00'::timestamptz + c * interval '1 hour'
  FROM generate_series(1, 80) c, generate_series(1, 4) p WHERE p <> 1 + c % 4;
CREATE INDEX ON order_lines (customer_id, ordered_at DESC);

CREATE EXTENSION IF NOT EXISTS reco;

-- Say where the data are.
SELECT model, timezone, options, active_version
FROM reco.create_model('shop', timezone => 'Europe/Berlin', options => '{"factors": 2, "holdout_orders": 0}');
SELECT kind, name, relation FROM reco.add_orders('shop', 'order_lines', user_id => 'customer_id', item_id => 'product_id',
  order_id => 'order_id', at => 'ordered_at', quantity => 'quantity');
SELECT kind, name, relation, expressions FROM reco.add_items('shop', 'products', item_id => 'id', available => 'stock > 0');

-- Train.
SELECT * FROM reco.recommend('shop', 1);
SELECT version, rows, skipped, users, items, orders FROM reco.train('shop');
SELECT version, active, rows, users, items FROM reco.versions WHERE model = 'shop';

-- A customer is offered first what those like him bought and he did not.
SELECT c AS customer, name, source
FROM unnest(ARRAY[1, 2, 41, 44]) c, reco.recommend('shop', c, k => 1, exclude_purchased => true) r JOIN products p ON p.id = r.item_id
ORDER BY c;

-- A basket is completed, also that of an unknown customer; what is in it is not recommended.
SELECT name, source FROM reco.recommend('shop', NULL, k => 3, basket => '{21}') r JOIN products p ON p.id = r.item_id ORDER BY name;
SELECT name FROM reco.recommend('shop', 4711, k => 2, basket => '{11,12}') r JOIN products p ON p.id = r.item_id ORDER BY name;

-- Nothing known: the popular ones, exactly k of them.
SELECT count(*), min(source), max(source) FROM reco.recommend('shop', NULL, k => 5);

-- Filters act before the cut to k.
SELECT name FROM reco.recommend('shop', 1, k => 2, candidates => '{11,21,22}', exclude => '{11}') r JOIN products p ON p.id = r.item_id ORDER BY name;

-- What is sold out is not recommended, from the next statement on.
UPDATE products SET stock = 0 WHERE name IN ('sleeping bag', 'headlamp');
SELECT rank, name FROM reco.recommend('shop', NULL, k => 1, basket => '{21}') r JOIN products p ON p.id = r.item_id;

-- A purchase counts from the next statement on.
SELECT source FROM reco.recommend('shop', 81, k => 1);
INSERT INTO order_lines VALUES (81, 81, 11, '2024-05-05 12:00+00');
SELECT count(*) FILTER (WHERE kind = 'coffee') AS coffee, min(source) AS source
FROM reco.recommend('shop', 81, k => 3, exclude_purchased => true) r JOIN products p ON p.id = r.item_id;

-- Other roles.
CREATE ROLE regress_reco_clerk;
GRANT SELECT ON products TO regress_reco_clerk;
SET ROLE regress_reco_clerk;
SELECT count(*) FROM reco.models;
SELECT * FROM reco.recommend('shop', 1);
RESET ROLE;
SELECT reco.grant_usage('shop', 'regress_reco_clerk');
SET ROLE regress_reco_clerk;
SELECT model, access, active_version FROM reco.models;
SELECT name FROM reco.recommend('shop', 1, k => 1, exclude_purchased => true) r JOIN products p ON p.id = r.item_id;
SELECT * FROM reco.train('shop');
RESET ROLE;

-- A second version, and back to the first.
SELECT version, rows FROM reco.train('shop');
SELECT active_version FROM reco.activate('shop', 1);
SELECT version, active FROM reco.versions WHERE model = 'shop' ORDER BY version;

-- The end.
SELECT versions, sources FROM reco.drop_model('shop');
SELECT * FROM reco.recommend('shop', 1);
DROP TABLE order_lines, products;
DROP ROLE regress_reco_clerk;
