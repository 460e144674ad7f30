-- For bench/peers: a log in which :customers customers have fifty lines each, of :items items which all occur, popular ones
-- by a power law, customers of one of 64 kinds sharing a block; and a model of it.
SET client_min_messages = warning;
SET maintenance_work_mem = '8GB';
CREATE EXTENSION reco;
CREATE TABLE lines AS
SELECT 1 + n % :customers AS customer,
	   CASE WHEN n < :items THEN n
			ELSE (power((hashint8extended(n, 1) & 1048575)::float8 / 1048576, 3) * 0.74 * :items)::bigint
				 + (hashint8extended(n % :customers, 2) & 63) * (:items * 0.26 / 64)::bigint END AS item,
	   1 AS quantity, timestamptz '2025-01-01 00:00+00' + n / :customers * interval '1 day' AS at
FROM generate_series(0::bigint, :customers * 50 - 1) n;
CREATE INDEX ON lines (customer, at DESC);
VACUUM ANALYZE lines;
\o /dev/null
SELECT FROM reco.create_model('peers', options => '{"factors": 64, "iterations": 3, "holdout_orders": 0}');
SELECT FROM reco.add_orders('peers', 'lines', user_id => 'customer', item_id => 'item', at => 'at', quantity => 'quantity', order_id => '0');
SELECT FROM reco.train('peers');
