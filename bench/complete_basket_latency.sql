-- How long complete_basket takes beside recommend, over generated order lines of :items items: see bench/complete_basket.
CREATE EXTENSION reco;
CREATE UNLOGGED TABLE lines AS
SELECT (power(((hashint8extended(o, 1) & 1048575)::float8 / 1048576), 2) * 20000)::bigint AS customer,
	   ((power(((hashint8extended(o * 31 + l, 2) & 1048575)::float8 / 1048576), 3) * 0.74 * :items)::bigint
		+ (hashint8extended(o, 3) & 63) * (:items * 0.26 / 64)::bigint) AS item,
	   o AS "order", timestamptz '2024-01-01 00:00+00' + o * interval '2 minutes' AS at
FROM generate_series(1, 200000) o, generate_series(1, 5) l;
CREATE INDEX ON lines (customer, at DESC);
CREATE UNLOGGED TABLE goods AS SELECT item, (1 + (hashint8extended(item, 9) & 1023) / 10.0)::numeric(10,2) AS price FROM (SELECT DISTINCT item FROM lines) l;
CREATE UNIQUE INDEX ON goods (item);
ANALYZE lines, goods;
SELECT FROM reco.create_model('scale', timezone => 'UTC', options => '{"factors": 64}') \g /dev/null
SELECT FROM reco.add_orders('scale', 'lines', user_id => 'customer', item_id => 'item', order_id => '"order"', at => 'at') \g /dev/null
SELECT FROM reco.add_items('scale', 'goods', item_id => 'item', price => 'price') \g /dev/null
SELECT FROM reco.train('scale') \g /dev/null
CREATE TABLE took (way text, ms float8);
CREATE PROCEDURE ask(way text, statement text) LANGUAGE plpgsql AS $$
DECLARE
	began timestamptz;
	c bigint;
	b bigint[];
	spent float8;
BEGIN
	FOR round IN 1..220 LOOP
		c := (round * 97) % 20000;
		SELECT array_agg(item) INTO b FROM (SELECT DISTINCT item FROM lines WHERE "order" = 200000 - round * 13 ORDER BY item LIMIT 3) x;
		SELECT sum(price) INTO spent FROM goods WHERE item = ANY (b);
		began := clock_timestamp();
		EXECUTE statement USING c, b, spent;
		IF round > 20 THEN
			INSERT INTO took VALUES (way, extract(epoch FROM clock_timestamp() - began) * 1000);
		END IF;
	END LOOP;
END $$;
CALL ask('recommend', 'SELECT count(*) FROM reco.recommend(''scale'', $1, basket => $2, as_of => ''2025-01-01Z'') WHERE $3 > 0');
CALL ask('recommend, k 64', 'SELECT count(*) FROM reco.recommend(''scale'', $1, k => 64, basket => $2, as_of => ''2025-01-01Z'') WHERE $3 > 0');
CALL ask('complete_basket, 5 missing', 'SELECT count(*) FROM reco.complete_basket(''scale'', $1, $2, $3 + 5, as_of => ''2025-01-01Z'')');
CALL ask('complete_basket, 50 missing', 'SELECT count(*) FROM reco.complete_basket(''scale'', $1, $2, $3 + 50, as_of => ''2025-01-01Z'')');
CALL ask('complete_basket, 100 missing', 'SELECT count(*) FROM reco.complete_basket(''scale'', $1, $2, $3 + 100, as_of => ''2025-01-01Z'')');
SELECT way, (SELECT count(*) FROM goods) AS items, round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric, 2) AS "median ms",
	   round((percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) / (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FROM took WHERE way = 'recommend'))::numeric, 1) AS "times recommend"
FROM took GROUP BY way ORDER BY 3;
