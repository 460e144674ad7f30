-- bench/factorize: one model a country, in every kind of plan.
\pset footer off
CREATE EXTENSION reco;

-- The lines as they are, returns included; a list partition for each of the larger countries.
CREATE TABLE orders AS
SELECT customer_id AS customer, stock_code AS item, quantity AS qty, invoice_no AS invoice,
	   invoice_date AT TIME ZONE 'Europe/London' AS at, country
FROM raw;
CREATE TABLE parted (LIKE orders) PARTITION BY LIST (country);
CREATE TABLE parted_uk PARTITION OF parted FOR VALUES IN ('United Kingdom');
CREATE TABLE parted_near PARTITION OF parted FOR VALUES IN ('EIRE', 'France', 'Netherlands', 'Belgium');
CREATE TABLE parted_far PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT * FROM orders;
ANALYZE orders, parted;

-- What reco.train makes of each country alone.
CREATE TABLE trained (country text, model bytea);
SET bench.country = 'EIRE';
CREATE VIEW one_country AS SELECT * FROM orders WHERE country = current_setting('bench.country');
\o /dev/null
SELECT reco.create_model('country', timezone => 'Europe/London', options => :'options');
SELECT reco.add_orders('country', 'one_country', user_id => 'customer', item_id => 'item', order_id => 'invoice', at => 'at',
							quantity => 'qty');
\o
SELECT clock_timestamp() AS began \gset
DO $$
DECLARE c text;
BEGIN
	FOR c IN SELECT DISTINCT country FROM orders LOOP
		PERFORM set_config('bench.country', c, false);
		PERFORM reco.train('country');
		INSERT INTO trained VALUES (c, reco.export_model('country'));
	END LOOP;
END $$;
SELECT count(*) AS countries, round(extract(epoch FROM clock_timestamp() - :'began')::numeric, 1) AS "seconds by reco.train, one by one",
	   pg_size_pretty(sum(length(model))) AS models FROM trained;

SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE TABLE results (relation text, partitionwise text, workers int, seconds numeric, plan text, same bigint, different bigint);
CREATE FUNCTION run(relation text, partitionwise text, workers int, options jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	query text := format('SELECT country, reco.factorize(customer, item, qty, invoice, at, %L) AS model FROM %I GROUP BY country', options, relation);
	began timestamptz;
	line text;
	plan text := '';
BEGIN
	PERFORM set_config('enable_partitionwise_aggregate', partitionwise, true), set_config('max_parallel_workers_per_gather', workers::text, true);
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		line := substring(line FROM '(Partial \w*Aggregate|Finalize \w*Aggregate|\w*Aggregate|Gather Merge|Gather|Parallel Append|Append)');
		plan := plan || coalesce(' > ' || line, '');
	END LOOP;
	began := clock_timestamp();
	EXECUTE 'CREATE TEMP TABLE made AS ' || query;
	INSERT INTO results
	SELECT relation, partitionwise, workers, round(extract(epoch FROM clock_timestamp() - began)::numeric, 1), substring(plan FROM 4),
		   count(*) FILTER (WHERE m.model IS NOT DISTINCT FROM t.model), count(*) FILTER (WHERE m.model IS DISTINCT FROM t.model)
	FROM made m FULL JOIN trained t USING (country);
	DROP TABLE made;
END $$;
SELECT run(r, p, w, :'options') FROM (VALUES ('orders', 'off'), ('parted', 'off'), ('parted', 'on')) v (r, p), generate_series(0, 2) w \g /dev/null
-- Partitions that are not worth several workers each: a worker aggregates, and trains, whole ones.
ALTER TABLE parted_uk SET (parallel_workers = 0);
ALTER TABLE parted_near SET (parallel_workers = 0);
ALTER TABLE parted_far SET (parallel_workers = 0);
SELECT run('parted', 'on', w, :'options') FROM generate_series(1, 2) w \g /dev/null
SELECT relation, partitionwise, workers, seconds, same AS "same bytes", different, plan FROM results;
