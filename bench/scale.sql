-- bench/scale: a log of :lines order lines, five an order, trained with :factors factors.
\set ECHO none
\pset footer off
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

SET maintenance_work_mem = '8GB';
\o /dev/null
SELECT FROM reco.create_model('scale', options => jsonb_build_object('factors', :factors));
SELECT FROM reco.add_orders('scale', 'lines', user_id => 'customer', item_id => 'item', order_id => '"order"', at => 'at',
							quantity => 'quantity', unit_price => 'price');
\o
SELECT rows, users, items, orders, bags, round(seconds::numeric, 1) AS seconds, pg_size_pretty(peak_memory) AS training_memory
FROM reco.train('scale');
SELECT s.stage, round(s.value::numeric, 2) AS seconds FROM reco.versions v, jsonb_each_text(v.metrics -> 'seconds') AS s (stage, value);
CREATE TEMP TABLE status (line text);
SELECT format($f$COPY status FROM %L (DELIMITER E'\x01')$f$, '/proc/' || pg_backend_pid() || '/status') AS read_status \gset
:read_status;
SELECT pg_size_pretty(1024 * substring(line FROM '\d+')::bigint) AS process_memory, current_setting('shared_buffers') AS shared_buffers
FROM status WHERE line LIKE 'VmHWM%';

-- Requests, each a statement of its own, as an application sends them.
CREATE TABLE asked AS SELECT customer FROM lines WHERE "order" % greatest(:orders / 1000, 1) = 0 GROUP BY customer ORDER BY hashint8(customer) LIMIT 500;
CREATE TABLE times (ms float8);
DO $$
DECLARE c bigint; start timestamptz; n bigint;
BEGIN
	FOR c IN SELECT customer FROM asked LOOP
		start := clock_timestamp();
		SELECT count(*) INTO n FROM reco.recommend('scale', c, as_of => '2025-07-09 13:20+00');
		INSERT INTO times VALUES (extract(epoch FROM clock_timestamp() - start) * 1000);
	END LOOP;
END $$;
SELECT count(*) AS requests, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric, 2) AS median_ms,
	   round(percentile_cont(0.99) WITHIN GROUP (ORDER BY ms)::numeric, 2) AS p99_ms FROM times;

-- Everybody at once, as a materialized view does it.
SELECT clock_timestamp() AS began \gset
SELECT count(*) AS rows, count(DISTINCT user_id) AS customers FROM reco.recommend_all('scale', as_of => '2025-07-09 13:20+00') \gset
SELECT :customers AS "customers at once", :rows AS rows, round(extract(epoch FROM clock_timestamp() - :'began')::numeric, 1) AS seconds,
	   round(:customers / extract(epoch FROM clock_timestamp() - :'began')::numeric) AS "customers a second";
