-- A log of :lines order lines, five an order, for bench/scale and bench/cancel.
SET client_min_messages = warning;
CREATE EXTENSION reco;
SELECT :lines / 5 AS orders, greatest(:lines / 72, 10) AS customers, greatest(least(:lines / 370, 1000000), 100) AS items \gset

-- Customers and items by a power law; the orders of one kind share a block of items, so that there is something to learn.
CREATE UNLOGGED TABLE lines AS
SELECT (power(((hashint8extended(o, 1) & 1048575)::float8 / 1048576), 2) * :customers)::bigint AS customer,
	   ((power(((hashint8extended(o * 31 + l, 2) & 1048575)::float8 / 1048576), 3) * 0.74 * :items)::bigint
		+ (hashint8extended(o, 3) & 63) * (:items * 0.26 / 64)::bigint) AS item,
	   o AS "order",
	   1 + ((hashint8extended(o * 31 + l, 7) & 255) / 100)::integer AS quantity,
	   (1 + (hashint8extended(o * 31 + l, 9) & 1023) / 10.0)::numeric(10,2) AS price,
	   timestamptz '2024-01-01 00:00+00' + o * (interval '555 days' / :orders) AS at
FROM generate_series(1, :orders) o, generate_series(1, 5) l;
CREATE INDEX ON lines (customer, at DESC);
ANALYZE lines;
