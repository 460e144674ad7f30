--
-- What orders are worth, as an analyst reads it in psql.
--
SET client_min_messages = warning;
\set VERBOSITY terse
SET datestyle = ISO;
CREATE EXTENSION IF NOT EXISTS reco;

-- Two orders a month of each of twelve customers; those of the north take more each month, and send something back.
CREATE TABLE order_lines AS
SELECT c * 100 + m * 2 + n AS order_id, c AS customer_id, 1 + (c + p) % 3 AS product_id, p + CASE WHEN c % 2 = 0 THEN 5 * m ELSE 0 END AS amount,
       ('2024-01-05 12:00+00'::timestamptz + m * interval '1 month') + c * interval '1 day' + n * interval '1 hour' AS at
FROM   generate_series(1, 12) c, generate_series(0, 2) m, generate_series(0, 1) n, generate_series(1, 2) p;
INSERT INTO order_lines SELECT 9000 + order_id, customer_id, product_id, -amount, at + interval '1 hour' FROM order_lines WHERE customer_id = 4;
CREATE TABLE customers AS SELECT c AS id, CASE WHEN c % 2 = 0 THEN 'north' ELSE 'south' END AS region FROM generate_series(1, 12) c;

-- From order lines alone.
SELECT (reco.aov(order_id, customer_id, amount)).* FROM order_lines \gx
SELECT date_trunc('month', at AT TIME ZONE 'UTC')::date AS month, (reco.aov(order_id, amount)).orders, (reco.aov(order_id, amount)).aov_gross
FROM   order_lines GROUP BY 1 ORDER BY 1;

-- Of a model's orders, in groups that it knows.
SELECT model FROM reco.create_model('shop', timezone => 'UTC', options => '{"min_support": 3}');
SELECT name FROM reco.add_orders('shop', 'order_lines', user_id => 'customer_id', item_id => 'product_id', order_id => 'order_id', at => 'at', amount => 'amount');
SELECT name FROM reco.add_users('shop', 'customers', user_id => 'id', features => 'region');
SELECT period_start, "group", round(aov::numeric, 2) AS aov FROM reco.aov_report('shop', 'region', 'month') \crosstabview
SELECT "group", period_start, round(aov_net::numeric, 2) AS aov_net FROM reco.aov_report('shop', 'region', 'month') \crosstabview group period_start aov_net
SELECT * FROM reco.aov_report('shop') \gx
-- Too few for a group of their own.
SELECT "group", orders FROM reco.aov_report('shop', 'region', since => '2024-03-16', min_support => 2);
\set VERBOSITY default
SET client_min_messages = notice;
SELECT "group", orders FROM reco.aov_report('shop', 'region', since => '2024-03-16', min_support => 20);
