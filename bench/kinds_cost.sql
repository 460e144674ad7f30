-- A generated shop for bench/kinds_cost: :customers customers, 3,000 items in 50 themes, five orders of four lines a customer,
-- and an effect of each kind of data, so that training has something to find in each.  An item of an order is
--
--	 session		the first one, in a third of the orders: what was put into the cart in the session before the order
--	 demographic	0.1: one of two dozen that the customer's region likes
--	 contextual		0.1: one of two dozen that are bought on such a device
--	 social			0.15: of the theme of somebody whom the customer follows
--	 else			of the customer's theme (half of the times), or of any; reviews of the latter have few stars
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION reco;
CREATE FUNCTION dice(id bigint, salt bigint) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN ((hashint8extended(id, salt) >> 11) & 9007199254740991) / 9007199254740992.0::float8;
-- An item of a theme, and one of two dozen that a group likes.
CREATE FUNCTION themed(theme integer, u float8) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN 1 + theme + 50 * floor(60 * u * u)::bigint;
CREATE FUNCTION liked(group_ integer, u float8) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN 1 + floor(3000 * dice(group_ * 100 + floor(24 * u * sqrt(u))::bigint, 1))::bigint;

CREATE TABLE customers AS
SELECT id, floor(8 * dice(id, 2))::integer AS region, (ARRAY['18-29', '30-44', '45-59', '60+'])[1 + floor(4 * dice(id, 3))::integer] AS age_band,
	   floor(50 * dice(id, 4))::integer AS theme, timestamptz '2025-01-01' + 250 * dice(id, 5) * interval '1 day' AS since, true AS agrees
FROM generate_series(1, :customers::bigint) id;
CREATE TABLE items AS
SELECT id, 'category ' || (id - 1) % 50 / 2 AS category, 'brand ' || floor(60 * dice(id, 6)) AS brand,
	   format('thing%s of kind%s in colour%s', id % 700, (id - 1) % 50, id % 13) AS title
FROM generate_series(1, 3000::bigint) id;
CREATE TABLE follows AS
SELECT DISTINCT id AS customer, 1 + floor(:customers * dice(id * 8 + n, 7))::bigint AS friend FROM customers, generate_series(1, 5) n;
-- Orders, two weeks apart at least, with what their session put into the cart and the theme of one who is followed.
CREATE TABLE orders AS
SELECT id * 10 + n AS id, id AS customer, region, theme, since + (n * 14 + 7 * dice(id * 10 + n, 8)) * interval '1 day' AS at,
	   floor(3 * dice(id * 10 + n, 9))::integer AS device, themed(floor(50 * dice(id * 10 + n, 10))::integer, dice(id * 10 + n, 11)) AS cart,
	   themes[1 + floor(cardinality(themes) * dice(id * 10 + n, 12))::integer] AS friends_theme
FROM customers c CROSS JOIN generate_series(0, 4) n
JOIN (SELECT customer, array_agg(theme ORDER BY friend) AS themes FROM follows JOIN customers ON id = friend GROUP BY customer) f ON f.customer = c.id;
CREATE TABLE lines AS
SELECT id AS "order", customer, at, device,
	   CASE WHEN j = 1 AND w < 0.33 THEN cart
			WHEN v < 0.1 THEN liked(region, u)
			WHEN v < 0.2 THEN liked(10 + device, u)
			WHEN v < 0.35 THEN themed(friends_theme, u)
			WHEN x < 0.5 THEN themed(theme, u)
			ELSE themed(floor(50 * dice(id * 8 + j, 13))::integer, u) END AS item,
	   v >= 0.35 AND x >= 0.5 AS is_any
FROM orders CROSS JOIN generate_series(1, 4) j
CROSS JOIN LATERAL (SELECT dice(id * 8 + j, 14) AS v, dice(id * 8 + j, 15) AS u, dice(id * 8 + j, 16) AS x, dice(id, 17) AS w) d
ORDER BY at, id;
-- Four events an order: three looks and a cart; and every second customer is looking around when he asks.
CREATE FUNCTION moment() RETURNS timestamptz LANGUAGE sql IMMUTABLE RETURN timestamptz '2025-11-23 12:00+00';
CREATE TABLE events AS
SELECT id AS session, customer, at - (5 - j) * interval '1 minute' AS at, CASE WHEN j = 4 THEN 'cart' ELSE 'view' END AS kind,
	   CASE WHEN j = 4 THEN cart ELSE themed(floor(50 * dice(id * 8 + j, 18))::integer, dice(id * 8 + j, 19)) END AS item
FROM orders CROSS JOIN generate_series(1, 4) j
UNION ALL
SELECT -id, id, moment() - (5 - j + 600 * dice(id, 26)) * interval '1 minute', 'view', themed(theme, dice(id * 8 + j, 27))
FROM customers CROSS JOIN generate_series(1, 4) j WHERE id % 2 = 0
ORDER BY at;
-- A review of every second line, of a dozen words.
CREATE TABLE reviews AS
SELECT customer, item, at + interval '1 day' AS at, stars,
	   (SELECT string_agg(CASE WHEN dice(id * 32 + j, 20) < 0.3 THEN (CASE WHEN stars > 3 THEN 'good' WHEN stars < 3 THEN 'bad' ELSE 'plain' END) ELSE 'word' END
						  || floor(40 / (0.05 + dice(id * 32 + j, 21))), ' ') FROM generate_series(1, 12) j) AS body
FROM (SELECT *, "order" * 8 + row_number() OVER (PARTITION BY "order" ORDER BY item) AS id FROM lines) l
CROSS JOIN LATERAL (SELECT CASE WHEN dice(id, 22) < 0.1 THEN 1 + floor(5 * dice(id, 23)) WHEN is_any THEN 1 ELSE 5 END::integer AS stars) s
WHERE dice(id, 24) < 0.5;
CREATE INDEX ON lines (customer, at DESC);
CREATE INDEX ON events (customer, at DESC);
CREATE INDEX ON reviews (customer, at DESC);
CREATE INDEX ON follows (customer);
ALTER TABLE customers ADD PRIMARY KEY (id);
ALTER TABLE items ADD PRIMARY KEY (id);
VACUUM (ANALYZE);

\o /dev/null
SELECT FROM reco.create_model('orders', 'UTC');
SELECT FROM reco.add_orders('orders', 'lines', user_id => 'customer', item_id => 'item', order_id => '"order"', at => 'at');
SELECT FROM reco.create_model('all', 'UTC');
SELECT FROM reco.add_orders('all', 'lines', user_id => 'customer', item_id => 'item', order_id => '"order"', at => 'at', context => 'device');
SELECT FROM reco.add_users('all', 'customers', user_id => 'id', features => 'region, age_band', consent => 'agrees');
SELECT FROM reco.add_items('all', 'items', item_id => 'id', features => 'category, brand', description => 'title');
SELECT FROM reco.add_reviews('all', 'reviews', user_id => 'customer', item_id => 'item', at => 'at', stars => 'stars', body => 'body');
SELECT FROM reco.add_sessions('all', 'events', session_id => 'session', item_id => 'item', at => 'at', user_id => 'customer', event => 'kind');
SELECT FROM reco.add_social('all', 'follows', user_id => 'customer', friend_id => 'friend');
\o

-- What is measured.  CPU of workers is what the postmaster has waited for meanwhile.
CREATE TABLE measured (what text, model text, workers integer, seconds float8, cpu float8);
CREATE TABLE requests (model text, ms float8);
CREATE TABLE asked AS SELECT id FROM customers ORDER BY dice(id, 25) LIMIT 200;
CREATE FUNCTION cpu(file text, first_field integer) RETURNS float8 LANGUAGE sql AS $$
	SELECT (f[first_field]::float8 + f[first_field + 1]::float8) / 100 FROM string_to_array(split_part(pg_read_file(file), ') ', 2), ' ') f $$;
CREATE FUNCTION cpu(with_workers boolean) RETURNS float8 LANGUAGE sql AS $$
	SELECT cpu('/proc/self/stat', 12) +
		   CASE WHEN with_workers THEN cpu('/proc/' || split_part(pg_read_file('postmaster.pid'), E'\n', 1) || '/stat', 14) ELSE 0 END $$;
CREATE PROCEDURE measure(what text, model text, workers integer, query text) LANGUAGE plpgsql AS $$
DECLARE began timestamptz := clock_timestamp(); before float8 := cpu(workers > 0);
BEGIN
	EXECUTE query USING model;
	INSERT INTO measured VALUES (what, model, workers, extract(epoch FROM clock_timestamp() - began), cpu(workers > 0) - before);
END $$;
CREATE PROCEDURE measure_training(model text, workers integer) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('max_parallel_maintenance_workers', workers::text, false);
	CALL measure('train', model, workers, 'SELECT FROM reco.train($1)');
	INSERT INTO measured SELECT 'train: ' || s.stage, model, workers, s.value::float8, s.value::float8
	FROM (SELECT metrics FROM reco.versions v WHERE v.model = measure_training.model ORDER BY version DESC LIMIT 1) v, jsonb_each_text(v.metrics -> 'seconds') s (stage, value)
	WHERE workers = 0;
END $$;
CREATE PROCEDURE measure_everybody(model text, workers integer) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('max_parallel_workers_per_gather', workers::text, false), count(*) FROM reco.recommend(model, 1);
	CALL measure('recommend_all', model, workers, 'SELECT count(*) FROM reco.recommend_all($1, as_of => moment())');
END $$;
CREATE PROCEDURE measure_requests(model text) LANGUAGE plpgsql AS $$
DECLARE c bigint; began timestamptz;
BEGIN
	PERFORM count(*) FROM reco.recommend(model, 1);
	FOR c IN SELECT id FROM asked LOOP
		began := clock_timestamp();
		PERFORM count(*) FROM reco.recommend(model, c, as_of => moment());
		INSERT INTO requests VALUES (model, extract(epoch FROM clock_timestamp() - began) * 1000);
	END LOOP;
END $$;
