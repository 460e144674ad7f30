-- bench/scale: a log of :lines order lines, five an order, trained with :factors factors.
\set ECHO none
\pset footer off
\ir scale_lines.sql

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
