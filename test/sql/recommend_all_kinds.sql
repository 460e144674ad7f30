-- recommend_all with five kinds of data: every row equals what recommend gives, whatever is known of whom and whoever consents.
SELECT plan(19);
SET client_min_messages = warning;
CREATE FUNCTION dice(id bigint, salt bigint) RETURNS float8 LANGUAGE sql IMMUTABLE RETURN ((hashint8extended(id, salt) >> 11) & 9007199254740991) / 9007199254740992.0::float8;

-- 150 items in 10 themes; a theme is said by the customer's region, by whom he follows, by the day's device, or by the session before.
CREATE TABLE customers AS
SELECT id, id % 10 AS region, CASE WHEN id % 3 = 0 THEN ARRAY['a' || id % 4, 'b'] END AS tags, id % 11 <> 0 AS personalize, id % 7 <> 0 AS social, id % 13 <> 0 AS reviews, id % 17 <> 0 AS attributes
FROM generate_series(1, 300) id WHERE id % 19 <> 0;
INSERT INTO customers SELECT * FROM customers WHERE id % 23 = 0;
CREATE TABLE follows AS SELECT DISTINCT id AS customer, 10 * floor(31 * dice(id * 8 + n, 7))::integer + id / 10 % 10 AS friend, timestamptz '2025-01-01' + n * interval '20 days' AS since FROM generate_series(1, 300) id, generate_series(1, 5) n;
INSERT INTO follows SELECT 5, f, NULL FROM generate_series(1, 20) f UNION ALL SELECT 6, f % 280, '2025-01-02'::timestamptz + f * interval '1 hour' FROM generate_series(1, 250) f UNION ALL SELECT 7, 7, '2025-01-02' UNION ALL SELECT 8, NULL, '2025-01-02';
CREATE TABLE circle AS SELECT customer, friend + 1 AS friend FROM follows WHERE customer % 5 = 0;
CREATE TABLE orders AS
SELECT id * 10 + n AS id, id AS customer, timestamptz '2025-01-10' + (n * 14 + 13 * dice(id * 10 + n, 8)) * interval '1 day' AS at, (ARRAY['pc', 'phone', 'tv'])[1 + floor(3 * dice(id * 10 + n, 9))::integer] AS device,
	   floor(10 * dice(id * 10 + n, 10))::integer AS looked
FROM generate_series(1, 300) id, generate_series(0, 5) n;
CREATE TABLE lines AS
SELECT o.id AS "order", customer, at, device, 1 + theme * 15 + floor(15 * dice(o.id * 8 + j, 12))::integer AS item, 1 AS quantity
FROM orders o, generate_series(1, 4) j,
	LATERAL (SELECT CASE WHEN v < 0.3 THEN customer % 10 WHEN v < 0.45 THEN length(device) WHEN v < 0.6 THEN looked
		WHEN v < 0.9 THEN customer / 10 % 10 ELSE floor(10 * dice(o.id * 8 + j, 13))::integer END AS theme FROM dice(o.id * 8 + j, 11) v) x
WHERE theme BETWEEN 0 AND 9;
-- Many lines, of which history_limit leaves some; a return; what no model knows.
INSERT INTO lines SELECT 5000 + n, 9, timestamptz '2025-03-01' + n * interval '1 hour', 'tv', 1 + n % 40, 1 FROM generate_series(1, 60) n;
INSERT INTO lines VALUES (9001, 12, '2025-04-02', 'pc', 3, -1), (9002, 13, '2025-04-02', NULL, 4, 1);
CREATE TABLE archive AS SELECT "order", customer, at - interval '300 days' AS at, item FROM lines WHERE "order" % 3 = 0;
CREATE TABLE events AS
SELECT o.id AS session, customer, at - (6 - j) * interval '1 minute' AS at, CASE WHEN j = 5 THEN 'cart' WHEN j > 1 THEN 'view' END AS kind, 1 + looked * 15 + floor(15 * dice(o.id * 8 + j, 18))::integer AS item
FROM orders o, generate_series(1, 5) j
UNION ALL
SELECT -id, id, timestamptz '2025-04-09 12:00' - (j + 48 * 60 * dice(id, 26)) * interval '1 minute', 'view', 1 + (id % 10) * 15 + j FROM generate_series(1, 300) id, generate_series(1, 5) j WHERE id % 2 = 0;
INSERT INTO events SELECT -9, 9, timestamptz '2025-04-09 11:00' - n * interval '1 second', 'view', 1 + n % 150 FROM generate_series(1, 400) n;
INSERT INTO events VALUES (-10, 10, '2025-04-09 11:59', 'view', 99999), (-10, 10, '2025-04-09 11:58', 'new kind', 7), (-11, 11, NULL, 'view', 7), (-12, 12, '2025-04-09 11:59', 'view', NULL);
CREATE TABLE app AS SELECT 's' || session AS session, customer, at + interval '3 minutes' AS at, item FROM events WHERE customer % 3 = 0 AND session < 0;
CREATE TABLE reviews AS
SELECT customer, item, CASE WHEN dice("order" * 8 + item, 31) < 0.9 THEN at + interval '1 day' END AS at, CASE WHEN dice("order" * 8 + item, 30) < 0.7 THEN CASE WHEN item % 3 = 0 THEN 1 ELSE 5 END END AS stars,
	   CASE WHEN item % 3 = 0 THEN 'awful thing broke at once' ELSE 'lovely thing works well' END AS body FROM lines WHERE dice("order" * 8 + item, 29) < 0.6;
CREATE TABLE old_reviews AS SELECT customer, item, 3 AS stars FROM lines WHERE "order" % 5 = 0;
CREATE INDEX ON lines (customer, at DESC);

-- With few orders held out first weights count: of friends, sessions, attributes.  With more what was chosen: of contexts, too.
CREATE FUNCTION make(model text, form text, holdout integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM reco.create_model(model, 'Europe/Berlin', jsonb_build_object('factors', 8, 'history_limit', 25, 'holdout_orders', holdout));
	PERFORM reco.add_orders(model, 'lines', format(form, 'customer'), format(form, 'item'), 'at', order_id => '"order"', quantity => 'quantity', context => 'device');
	PERFORM reco.add_orders(model, 'archive', format(form, 'customer'), format(form, 'item'), 'at', order_id => '"order"');
	PERFORM reco.add_users(model, 'customers', user_id => format(form, 'id'), features => 'region, tags', consent => 'personalize AS personalize, social AS social, reviews AS sentiment, attributes AS attributes');
	PERFORM reco.add_reviews(model, 'reviews', user_id => format(form, 'customer'), item_id => format(form, 'item'), at => 'at', stars => 'stars', body => 'body');
	PERFORM reco.add_reviews(model, 'old_reviews', user_id => format(form, 'customer'), item_id => format(form, 'item'), stars => 'stars');
	PERFORM reco.add_sessions(model, 'events', session_id => 'session', item_id => format(form, 'item'), at => 'at', user_id => format(form, 'customer'), event => 'kind');
	PERFORM reco.add_sessions(model, 'app', session_id => 'session', item_id => format(form, 'item'), at => 'at', user_id => format(form, 'customer'));
	PERFORM reco.add_social(model, 'follows', user_id => format(form, 'customer'), friend_id => format(form, 'friend'), at => 'since');
	PERFORM reco.add_social(model, 'circle', user_id => format(form, 'customer'), friend_id => format(form, 'friend'));
	PERFORM reco.train(model);
END $$;
SELECT lives_ok($$SELECT make('shop', '%s', 150)$$, 'a model of five kinds of data');
SELECT ok(bool_or(component = 'friends') AND bool_or(component = 'session') AND bool_or(component = 'prior'), 'of which these count')
FROM reco.weights('shop') WHERE weight > 0;

CREATE FUNCTION differing(model text, k integer, exclude_purchased boolean, moment timestamptz) RETURNS bigint LANGUAGE sql AS $$
	WITH at_once AS MATERIALIZED (SELECT * FROM reco.recommend_all(model, k, exclude_purchased => differing.exclude_purchased, as_of => moment)),
		 singly AS MATERIALIZED (SELECT c.customer::bigint, r.* FROM (SELECT customer FROM lines UNION SELECT customer FROM archive) c,
								 reco.recommend(model, c.customer, k, exclude_purchased => differing.exclude_purchased, as_of => moment) r)
	SELECT count(*) FROM ((TABLE at_once EXCEPT ALL TABLE singly) UNION ALL (TABLE singly EXCEPT ALL TABLE at_once)) d
$$;
SELECT is(differing('shop', 10, false, moment), 0::bigint, 'every row equals recommend''s, as of ' || moment)
FROM unnest('{2025-01-15, 2025-02-20 20:00+00, 2025-04-08, 2025-04-09 12:00+00, 2025-06-01}'::timestamptz[]) moment;
SELECT is(differing('shop', 100, true, '2025-04-09 12:00+00'), 0::bigint, 'many rows, without what was bought');
SELECT is(count(DISTINCT user_id), (SELECT count(DISTINCT customer) FROM lines), 'those who consent to nothing are answered too') FROM reco.recommend_all('shop', 3, as_of => '2025-04-09 12:00+00');
SELECT results_eq($$SELECT * FROM reco.recommend_all('shop', 5, users => '{9,10,5,6,22,7777}', as_of => '2025-04-09 12:00+00')$$,
				  $$SELECT u, r.* FROM unnest('{5,6,9,10,22,7777}'::bigint[]) u, reco.recommend('shop', u, 5, as_of => '2025-04-09 12:00+00') r ORDER BY 1, 2$$, 'for those asked for, an unknown one too');
SET max_parallel_workers_per_gather = 2;
SELECT is(differing('shop', 10, false, '2025-04-09 12:00+00'), 0::bigint, 'with workers');
RESET max_parallel_workers_per_gather;

-- Who has bought nothing yet, and who takes his consent back.
INSERT INTO follows SELECT 5000, n, '2025-01-02' FROM generate_series(3, 200, 10) n;
INSERT INTO customers VALUES (5000, 3, NULL, true, true, true, true), (5001, 3, NULL, true, true, true, true);
INSERT INTO events VALUES (-5001, 5001, '2025-04-09 11:59', 'cart', 17);
PREPARE newcomers AS SELECT * FROM reco.recommend_all('shop', 5, users => '{5000,5001,5002}', as_of => '2025-04-09 12:00+00');
PREPARE newcomers_singly AS SELECT u, r.* FROM unnest('{5000,5001,5002}'::bigint[]) u, reco.recommend('shop', u, 5, as_of => '2025-04-09 12:00+00') r ORDER BY 1, 2;
SELECT results_eq('newcomers', 'newcomers_singly', 'newcomers');
CREATE TEMP TABLE before AS EXECUTE newcomers;
UPDATE customers SET personalize = false WHERE id >= 5000;
SELECT results_eq('newcomers', 'newcomers_singly', 'newcomers who do not consent');
SELECT isnt((SELECT array_agg(item_id ORDER BY user_id, rank) FROM before),
			(SELECT array_agg(item_id ORDER BY user_id, rank) FROM reco.recommend_all('shop', 5, users => '{5000,5001,5002}', as_of => '2025-04-09 12:00+00')), 'get other answers');
UPDATE customers SET social = false WHERE id % 10 = 3;
SELECT is(differing('shop', 10, false, '2025-04-09 12:00+00'), 0::bigint, 'friends who do not consent');

-- Text keys.
SELECT lives_ok($$SELECT make('text', '''k''||%s', 1000)$$, 'a model with text keys');
SELECT ok(bool_or(component IN ('prior', 'segment')) AND bool_or(component ~ '^same_'), 'of which others count') FROM reco.weights('text') WHERE weight > 0;
SELECT is(count(*), 0::bigint, 'every row equals recommend_text''s')
FROM (WITH at_once AS MATERIALIZED (SELECT * FROM reco.recommend_all_text('text', 5, as_of => '2025-04-09 12:00+00')),
		   singly AS MATERIALIZED (SELECT c.customer, r.* FROM (SELECT DISTINCT 'k' || customer AS customer FROM lines) c, reco.recommend_text('text', c.customer, 5, as_of => '2025-04-09 12:00+00') r)
	  (TABLE at_once EXCEPT ALL TABLE singly) UNION ALL (TABLE singly EXCEPT ALL TABLE at_once)) d;
SET maintenance_work_mem = '1MB';
INSERT INTO follows SELECT 5, 10000 + n, '2025-01-01' FROM generate_series(1, 100000) n;
SELECT throws_like($$SELECT * FROM reco.recommend_all('shop')$$, 'recommend_all needs at least % MB of memory, but maintenance_work_mem is 1 MB', 'too little memory is said');
SELECT * FROM finish();
