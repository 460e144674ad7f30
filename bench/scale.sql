-- bench/scale: a log of :lines order lines, five an order, trained with :factors factors.
\set ECHO none
\if :{?compare} \else
\set compare 2000
\endif
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

-- The same by the aggregate, from a query.
SET max_parallel_workers_per_gather = 2;
SELECT clock_timestamp() AS began \gset
CREATE TEMP TABLE made AS
SELECT reco.factorize(customer, item, quantity, "order", at, jsonb_build_object('factors', :factors)) AS model FROM lines;
SELECT round(extract(epoch FROM clock_timestamp() - :'began')::numeric, 1) AS "seconds by factorize, 2 workers", pg_size_pretty(length(model)::bigint) AS model,
	   model = reco.export_model('scale') AS "same bytes" FROM made;
RESET max_parallel_workers_per_gather;

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

-- Everybody at once, with 0, 1 and 2 workers, each in a new session: medians of three.  CPU of workers is what the
-- postmaster has waited for meanwhile; memory is the session's process at most, with what it touched of shared memory.
\set as_of '2025-07-09 13:20+00'
CREATE TABLE bulk (workers integer, seconds float8, cpu float8, cpu_of_workers float8, memory bigint);
CREATE FUNCTION cpu(file text, first_field integer) RETURNS float8 LANGUAGE sql AS $$
	SELECT (f[first_field]::float8 + f[first_field + 1]::float8) / 100 FROM string_to_array(split_part(pg_read_file(file), ') ', 2), ' ') f $$;
CREATE PROCEDURE measure(workers integer, as_of timestamptz) LANGUAGE plpgsql AS $$
DECLARE
	postmaster text := '/proc/' || split_part(pg_read_file('postmaster.pid'), E'\n', 1) || '/stat';
	began timestamptz; own float8; others float8;
BEGIN
	PERFORM set_config('max_parallel_workers_per_gather', workers::text, false), set_config('maintenance_work_mem', '8GB', false), set_config('work_mem', '512MB', false);
	FOR i IN 1 .. 3 LOOP
		began := clock_timestamp();
		own := cpu('/proc/self/stat', 12);
		others := cpu(postmaster, 14);
		PERFORM count(*) FROM reco.recommend_all('scale', as_of => measure.as_of);
		INSERT INTO bulk VALUES (workers, extract(epoch FROM clock_timestamp() - began), cpu('/proc/self/stat', 12) - own, cpu(postmaster, 14) - others,
								 1024 * substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s*(\d+)')::bigint);
	END LOOP;
END $$;
\c
CALL measure(0, :'as_of');
\c
CALL measure(1, :'as_of');
\c
CALL measure(2, :'as_of');
SELECT 'recommend_all' AS "everybody at once", workers, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)::numeric, 1) AS seconds,
	   round(percentile_cont(0.5) WITHIN GROUP (ORDER BY cpu)::numeric, 1) AS cpu_seconds, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY cpu_of_workers)::numeric, 1) AS of_workers,
	   pg_size_pretty(max(memory)) AS process_memory
FROM bulk GROUP BY workers ORDER BY workers;

-- As a materialized view, which a job refreshes.
SET client_min_messages = warning;
SET maintenance_work_mem = '8GB';
SET max_parallel_workers_per_gather = 2;
CREATE TABLE views (what text, seconds numeric);
SELECT clock_timestamp() AS began \gset
CREATE MATERIALIZED VIEW recs AS SELECT * FROM reco.recommend_all('scale', as_of => :'as_of');
INSERT INTO views VALUES ('CREATE MATERIALIZED VIEW', extract(epoch FROM clock_timestamp() - :'began'));
SELECT clock_timestamp() AS began \gset
CREATE UNIQUE INDEX ON recs (user_id, rank);
INSERT INTO views VALUES ('CREATE UNIQUE INDEX', extract(epoch FROM clock_timestamp() - :'began'));
SELECT clock_timestamp() AS began \gset
REFRESH MATERIALIZED VIEW recs;
INSERT INTO views VALUES ('REFRESH MATERIALIZED VIEW', extract(epoch FROM clock_timestamp() - :'began'));
SELECT clock_timestamp() AS began \gset
REFRESH MATERIALIZED VIEW CONCURRENTLY recs;
INSERT INTO views VALUES ('REFRESH MATERIALIZED VIEW CONCURRENTLY', extract(epoch FROM clock_timestamp() - :'began'));
SELECT what AS "with 2 workers", round(seconds, 1) AS seconds FROM views;

-- Each row is to be what recommend gives: for a sample of customers, or all.
CREATE TABLE sample AS SELECT user_id FROM recs WHERE rank = 1 ORDER BY hashint8(user_id) LIMIT nullif(:'compare', 'all')::bigint;
CREATE TABLE singly AS SELECT s.user_id, r.* FROM sample s, reco.recommend('scale', s.user_id, as_of => :'as_of') r;
SELECT (SELECT count(*) FROM sample) AS "customers compared", (SELECT count(*) FROM singly) AS rows, count(*) AS "rows that differ"
FROM ((SELECT recs.* FROM recs JOIN sample USING (user_id) EXCEPT ALL TABLE singly) UNION ALL (TABLE singly EXCEPT ALL SELECT recs.* FROM recs JOIN sample USING (user_id))) d;
