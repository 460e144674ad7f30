-- Attributes of customers and contexts of orders: as labels, in answers, and what is said when they are wrong.
SELECT plan(44);
SET client_min_messages = warning;
SET timezone = 'Asia/Tokyo';

-- 600 customers in three regions and 2,400 orders of four items: of anything, of a dozen that the region likes, and of a
-- dozen for each device.
CREATE FUNCTION draw(VARIADIC key integer[]) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
	SELECT (hashtextextended(array_to_string(key, ','), 42) & 1048575) / 1048576.0
$$;
CREATE TABLE customers AS
SELECT id, (ARRAY['north', 'south', 'west'])[1 + id % 3] AS region, (id * 7) % 50 + 18 AS age,
	   CASE WHEN id % 2 = 0 THEN ARRAY['runs', NULL, 'swims'] ELSE ARRAY['reads'] END AS hobbies, 'code ' || id AS code
FROM generate_series(1, 600) id;
CREATE TABLE lines AS
SELECT DISTINCT o, c, timestamptz '2025-01-01 00:00Z' + o * interval '3 hours' AS at, (ARRAY['mobile', 'desktop'])[1 + d] AS device, d AS floor,
	   CASE WHEN draw(o, j, 1) < 0.4 THEN 1 + floor(100 * draw(o, j, 2))::integer
			WHEN draw(o, j, 1) < 0.7 THEN 200 + 20 * (c % 3) + floor(12 * draw(o, j, 3))::integer
			ELSE 300 + 20 * d + floor(12 * draw(o, j, 4))::integer END AS i
FROM (SELECT o, 1 + floor(600 * draw(o, 5))::integer AS c, (draw(o, 6) < 0.5)::integer AS d FROM generate_series(1, 2400) o) x, generate_series(1, 4) j;
CREATE INDEX ON lines (c, at DESC);
SELECT reco.create_model('shop', 'UTC', '{"factors": 8}') \g /dev/null
SELECT reco.add_orders('shop', 'lines', 'c', 'i', 'at', 'o', context => 'device, floor') \g /dev/null
SELECT reco.train('shop') \g /dev/null

CREATE FUNCTION best(u bigint, context jsonb DEFAULT NULL, as_of timestamptz DEFAULT '2025-11-01 00:30Z') RETURNS bigint[] LANGUAGE sql AS $$
	SELECT array_agg(item_id ORDER BY rank) FROM reco.recommend('shop', u, context => context, as_of => as_of) $$;
CREATE FUNCTION count_between(items bigint[], first integer) RETURNS integer LANGUAGE sql AS $$
	SELECT count(*)::integer FROM unnest(items) i WHERE i BETWEEN first AND first + 11 $$;

-- ---- Contexts --------------------------------------------------------------------------------------------------------

SELECT cmp_ok(count_between(best(NULL, '{"device": "mobile"}'), 300), '>', count_between(best(NULL, '{"device": "desktop"}'), 300), 'in a context what is bought in it');
SELECT cmp_ok(count_between(best(NULL, '{"device": "desktop"}'), 320), '>', count_between(best(NULL, '{"device": "mobile"}'), 320), 'in another one something else');
SELECT is(best(NULL, '{"device": "watch"}'), best(NULL), 'a value that nobody had says nothing');
SELECT is(best(NULL, '{"device": null}'), best(NULL), 'nor does null');
SELECT is(best(NULL, '{}'), best(NULL), 'nor an empty context');
SELECT is(best(NULL, '{"floor": 1}'), best(NULL, '{"floor": 1.0}'), 'numbers are numbers');
SELECT is(best(NULL, '{"hour": 0, "weekday": 6, "month": 11}'), best(NULL), 'the time of a request is known: in the time zone of the model');
SELECT is(best(NULL, '{"hour": "00-03", "weekday": "saturday", "month": "11"}'), best(NULL), 'its parts have names, too');
SELECT is(best(NULL, '{"hour": 9}', '2025-11-01 00:30Z'), best(NULL, '{}', '2025-11-01 09:30Z'), 'and may be given');
SELECT set_eq($$SELECT user_id, item_id, score FROM reco.recommend_all('shop', 3, as_of => '2025-11-01') WHERE user_id < 20$$,
			  $$SELECT u::bigint, item_id, score FROM generate_series(1, 19) u, reco.recommend('shop', u, 3, as_of => '2025-11-01') WHERE u IN (SELECT c FROM lines)$$, 'recommend_all knows the time');
SELECT is((SELECT array_agg(concat_ws(' ', kind, label)) FROM reco.explain('shop', NULL, 305, context => '{"device": "mobile"}') WHERE component = 'context' AND contribution > 0 AND label !~ 'hour|month|weekday'),
		  '{"contextual context.device = mobile"}', 'what the context says is explained');
-- What a customer buys in the morning is not what he buys in the evening.
CREATE TABLE rhythm AS
SELECT o, c, timestamptz '2025-01-01 07:00Z' + (o / 20) * interval '1 day' + evening * interval '12 hours' AS at,
	   CASE WHEN draw(o, j, 11) < 0.2 THEN 1 + floor(100 * draw(o, j, 12))::integer ELSE 1 + floor(100 * draw(c, evening, j, 13))::integer END AS i
FROM (SELECT o, 1 + floor(200 * draw(o, 14))::integer AS c, (draw(o, 15) < 0.5)::integer AS evening FROM generate_series(1, 4000) o) x, generate_series(1, 2) j;
SELECT reco.create_model('rhythm', 'UTC', '{"factors": 8}') \g /dev/null
SELECT reco.add_orders('rhythm', 'rhythm', 'c', 'i', 'at', 'o') \g /dev/null
SELECT reco.train('rhythm') \g /dev/null
SELECT isnt((SELECT array_agg(item_id ORDER BY rank) FROM reco.recommend('rhythm', 1, as_of => '2025-11-01 07:00Z')),
			(SELECT array_agg(item_id ORDER BY rank) FROM reco.recommend('rhythm', 1, as_of => '2025-11-01 19:00Z')), 'at another time of day customers want other things');
SELECT set_eq($$SELECT user_id, item_id, score FROM reco.recommend_all('rhythm', 3, as_of => '2025-11-01 07:00Z')$$,
			  $$SELECT u::bigint, item_id, score FROM (SELECT DISTINCT c FROM rhythm) x (u), reco.recommend('rhythm', u, 3, as_of => '2025-11-01 07:00Z')$$, 'recommend_all too, where times are all that is known of lines');

CREATE FUNCTION hint_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
	EXECUTE query;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN hint;
END $$;
SELECT throws_ok($$SELECT best(1, '{"devise": "mobile"}')$$, '22023', 'parameter "context" has the key "devise", which the model does not know', 'an unknown key');
SELECT is(hint_of($$SELECT best(1, '{"devise": "mobile"}')$$), 'It knows "device", "floor", "hour", "month", "weekday"; others are named as context in reco.add_orders, before reco.train.', 'the known ones are told');
SELECT throws_ok($$SELECT best(1, '["device"]')$$, '22023', 'parameter "context" must be a JSON object', 'no object');
SELECT is(hint_of($$SELECT best(1, '3')$$), 'Give names and values, as in {"device": "mobile"}.', 'what one looks like');
SELECT throws_ok($$SELECT best(1, '{"device": ["mobile"]}')$$, '22023', 'parameter "context" has an array or object for "device"', 'an array');
SELECT is(hint_of($$SELECT best(1, '{"device": {}}')$$), 'Give a string, a number, true, false or null.', 'what a value can be');

-- ---- Customers of whom nothing else is known -------------------------------------------------------------------------

SELECT reco.add_users('shop', 'customers', 'id', features => 'region, age, hobbies, code') \g /dev/null
SELECT reco.train('shop') \g /dev/null
INSERT INTO customers VALUES (1001, 'north', 20), (1002, 'south', 20), (1003, 'west', 20), (1004, 'east', NULL), (1005, NULL, NULL);
SELECT cmp_ok(count_between(best(1001), 200), '>=', 4, 'a new customer from the north gets what the north likes');
SELECT cmp_ok(count_between(best(1002), 220), '>=', 4, 'one from the south what the south likes');
SELECT cmp_ok(count_between(best(1003), 240), '>=', 4, 'one from the west what the west likes');
SELECT is(best(1004), best(NULL), 'who is from where nobody was is answered as nobody');
SELECT is(best(1005), best(NULL), 'as is who is from nowhere');
SELECT is(best(-1), best(NULL), 'and who is no customer at all');
BEGIN;
INSERT INTO customers VALUES (1001, 'south', 20);
SELECT cmp_ok(count_between(best(1001), 200) + count_between(best(1001), 220), '>=', 6, 'who has two rows has the attributes of both');
UPDATE customers SET region = 'west' WHERE id = 1001;
SELECT cmp_ok(count_between(best(1001), 240), '>=', 4, 'what was changed a moment ago counts');
ROLLBACK;
SELECT ok((metrics -> 'blend' -> 'none' ->> 'prior')::float8 > 0, 'the expected vector has a weight') FROM reco.versions WHERE model = 'shop' ORDER BY version DESC LIMIT 1;

-- ---- What is explained -----------------------------------------------------------------------------------------------

CREATE TABLE explained AS
SELECT u, i, device, e.* FROM unnest('{1001,1002,1004,7,NULL}'::bigint[]) u, unnest('{5,205,225,305,325}'::bigint[]) i, unnest('{mobile,watch,NULL}'::text[]) device,
	 LATERAL reco.explain('shop', u, i, as_of => '2025-11-01 00:30Z', context => jsonb_build_object('device', device)) e;
SELECT is((SELECT array_agg(DISTINCT label) FROM explained WHERE u = 1001 AND component = 'prior'), '{"users.age = (,23)","users.region = north"}', 'each attribute has a row');
SELECT is((SELECT array_agg(DISTINCT kind || ' ' || component) FROM explained WHERE label ~ '^users'), '{"demographic prior"}', 'of its kind of data');
SELECT is_empty($$SELECT * FROM explained WHERE (label IS NOT NULL) <> (component IN ('prior', 'segment', 'context')) OR label IS NOT NULL AND evidence IS NOT NULL OR label ~ 'watch'$$, 'what is no attribute has no label');
SELECT is((SELECT i FROM explained WHERE u = 1002 AND device IS NULL AND label = 'users.region = south' ORDER BY contribution DESC LIMIT 1), 225::bigint, 'the south speaks for what it likes');
SELECT is_empty($$SELECT u, i, device FROM explained GROUP BY 1, 2, 3 HAVING abs(sum(contribution) - (SELECT score FROM reco.predict('shop', u, ARRAY[i], as_of => '2025-11-01 00:30Z', context => jsonb_build_object('device', device)))) > 1e-6$$, 'all rows together are the score');
SELECT cmp_ok((SELECT weight FROM reco.weights('rhythm') WHERE request = 'history' AND component = 'same_hour' AND kind = 'contextual'), '>', 0::float8, 'the rhythm is among the weights');

-- ---- What is stored --------------------------------------------------------------------------------------------------

CREATE FUNCTION stored(model text) RETURNS text LANGUAGE sql AS $$ SELECT encode(reco.export_model(model), 'escape') $$;
SELECT ok(position('north' IN stored('shop')) > 0 AND position('swims' IN stored('shop')) > 0, 'values of many customers are in the model');
SELECT ok(position('code 7' IN stored('shop')) = 0, 'those of a few are not');
SELECT reco.alter_model('shop', '{"min_support": 201}') \g /dev/null
SELECT reco.train('shop') \g /dev/null
SELECT ok(position('north' IN stored('shop')) = 0 AND position('swims' IN stored('shop')) > 0, 'how many are needed is an option');
SELECT is(best(1001), best(1002), 'and nothing is made of the others');
SELECT reco.alter_model('shop', '{"min_support": null}') \g /dev/null

-- Attributes that say nothing.
CREATE TABLE shuffled AS SELECT id, (ARRAY['north', 'south', 'west'])[1 + floor(3 * draw(id, 9))::integer] AS region FROM generate_series(1, 600) id
UNION ALL SELECT 1001, 'north' UNION ALL SELECT 1002, 'south';
SELECT reco.add_users('shop', 'shuffled', 'id', features => 'region', name => 'customers') \g /dev/null
SELECT reco.train('shop') \g /dev/null
SELECT cmp_ok(count_between(best(1001), 200) - count_between(best(1002), 200), '<=', 2, 'of shuffled attributes next to nothing is made');
SELECT ok(metrics -> 'blend' -> 'none' -> 'segment' IS NULL, 'their lifts have no weight') FROM reco.versions WHERE model = 'shop' ORDER BY version DESC LIMIT 1;

-- A text that was a number, and a feature that is gone.
SELECT reco.add_users('shop', 'customers', 'id', features => 'region, age') \g /dev/null
SELECT reco.train('shop') \g /dev/null
SELECT best(1001) AS before \gset
SELECT reco.add_users('shop', 'customers', 'id', features => 'region, age::text AS age') \g /dev/null
SELECT cmp_ok(count_between(best(1001), 200), '>=', 4, 'what is a text now and was a number says nothing, the rest does');
SELECT reco.add_users('shop', 'customers', 'id', features => 'upper(region) AS region') \g /dev/null
SELECT is(best(1001), best(NULL), 'nor does what has other values now');
SELECT reco.remove_source('shop', 'customers') \g /dev/null
SELECT is(best(1001), best(NULL), 'without the source nothing is known');

-- What is counted of the time takes no more memory where contexts have many labels: five thousand, with as many customers.
CREATE TABLE wide AS SELECT o AS customer, 1 + o % 40 AS item, timestamptz '2024-01-01' + o * interval '1 minute' AS at, 'c' || o % 1000 AS c FROM generate_series(1, 100000) o;
SELECT reco.create_model('wide', 'UTC', '{"factors": 4, "min_support": 2}') \g /dev/null
SELECT reco.add_orders('wide', 'wide', 'customer', 'item', 'at', context => 'c AS a, c || 1 AS b, c || 2 AS c, c || 3 AS d, c || 4 AS e') \g /dev/null
SET maintenance_work_mem = '64MB';
SELECT lives_ok($$SELECT reco.train('wide')$$, 'contexts with many labels');
