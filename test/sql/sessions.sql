-- Sessions: what was looked at, read live; what events are worth, learned; sessions in the place of orders.

SET client_min_messages = warning;
SELECT plan(82);

-- A number from 0 to 1 that looks like chance.
CREATE FUNCTION chance(VARIADIC a int[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$SELECT (hashtext(a::text)::int8 & 1048575) / 1048576.0$$;
CREATE FUNCTION items_of(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE format('SELECT string_agg(item_id::text, '' '' ORDER BY rank) FROM reco.%s', call) INTO result;
	RETURN result;
END $$;
CREATE FUNCTION sources_of(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE format('SELECT string_agg(DISTINCT source, '' '' ORDER BY source) FROM reco.%s', call) INTO result;
	RETURN result;
END $$;

-- ---- A shop where carts are worth more than views --------------------------------------------------------------------

-- Before each order its customer looks at five of 80 items and puts two of them into the cart.  Of those 8 in 10 are
-- bought, of the others 3 in 20; and one more item always is.
CREATE TABLE events (s bigint, u bigint, i bigint, at timestamptz, kind text, shuffled text);
CREATE TABLE lines (o bigint, u bigint, i bigint, at timestamptz);
INSERT INTO events
SELECT o, o % 300, 1 + floor(80 * chance(1, o, j)), timestamptz '2024-01-01' + o * interval '1 hour' - (10 - j) * interval '1 minute', kind,
	   CASE WHEN chance(9, o, j, length(kind)) < 0.7 THEN 'view' ELSE 'cart' END
FROM generate_series(1, 2400) o, generate_series(1, 5) j, unnest('{view,cart}'::text[]) kind WHERE kind = 'view' OR j > 3;
INSERT INTO lines
SELECT DISTINCT o, u, i, timestamptz '2024-01-01' + o * interval '1 hour'
FROM (SELECT s AS o, u, i FROM events GROUP BY s, u, i HAVING chance(2, s::int, i::int) < CASE WHEN bool_or(kind = 'cart') THEN 0.8 ELSE 0.15 END
	  UNION SELECT o, o % 300, 1 + floor(80 * chance(3, o)) FROM generate_series(1, 2400) o) x;

SELECT reco.create_model('shop', 'UTC', '{"factors": 8, "iterations": 3}'), reco.create_model('control', 'UTC', '{"factors": 8, "iterations": 3}'),
	   reco.create_model('none', 'UTC', '{"factors": 8, "iterations": 3}') \g /dev/null
SELECT reco.add_orders(m, 'lines', 'u', 'i', 'at', 'o') FROM unnest('{shop,control,none}'::text[]) m \g /dev/null
SELECT is((reco.add_sessions('shop', 'events', 's', 'i', 'at', 'u', 'kind')).expressions, '{"at": "at", "event": "kind", "item_id": "i", "user_id": "u", "session_id": "s"}', 'what was given');
SELECT reco.add_sessions('control', 'events', 's', 'i', 'at', 'u', 'shuffled') \g /dev/null
SELECT is(rows, (SELECT count(*) FROM lines) + (SELECT count(*) FROM events), 'events are rows, too') FROM reco.train('shop');
SELECT reco.train('control'), reco.train('none') \g /dev/null

-- What an event is worth shows where an item is looked at: 1 and 2 are, with 2 the last but one.
CREATE FUNCTION worth(model text, kind_of_1 text, kind_of_2 text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE result float8;
BEGIN
	INSERT INTO events VALUES (99999, NULL, 1, '2025-01-01', kind_of_1, kind_of_1), (99999, NULL, 2, '2025-01-01 00:00:01', kind_of_2, kind_of_2);
	SELECT (SELECT contribution FROM reco.explain(model, NULL, 1, session_id => '99999') WHERE component = 'viewed') /
		   (SELECT contribution FROM reco.explain(model, NULL, 2, session_id => '99999') WHERE component = 'viewed') * 2 INTO result;
	DELETE FROM events WHERE s = 99999;
	RETURN result;
END $$;
CREATE FUNCTION expected(shuffled boolean) RETURNS float8 LANGUAGE sql AS $$
	WITH pairs AS (SELECT DISTINCT e.s, e.i, CASE WHEN $1 THEN e.shuffled ELSE e.kind END AS kind FROM events e),
		 kinds AS (SELECT p.kind, count(*) AS seen, count(l.o) AS bought FROM pairs p LEFT JOIN (SELECT DISTINCT o, i FROM lines) l ON l.o = p.s AND l.i = p.i GROUP BY 1),
		 shares AS (SELECT kind, (bought + 20 * sum(bought) OVER () / sum(seen) OVER ()) / (seen + 20) AS share FROM kinds)
	SELECT (SELECT share FROM shares WHERE kind = 'view') / (SELECT share FROM shares WHERE kind = 'cart')
$$;
SELECT ok(worth('shop', 'view', 'view') BETWEEN 0.9999 AND 1.0001, 'an item counts by what was looked at since');
SELECT ok(abs(worth('shop', 'view', 'cart') - expected(false)) < 1e-4, format('a view is worth its share of orders: %s of a cart', round(worth('shop', 'view', 'cart')::numeric, 3)));
SELECT ok(worth('shop', 'view', 'cart') < 0.6, 'which is less than a cart''s');
SELECT ok(worth('shop', 'cart', 'view') > 1.6, 'the other way round');
SELECT ok(abs(worth('control', 'view', 'cart') - least(expected(true), 1)) < 1e-4 OR abs(1 / worth('control', 'cart', 'view') - expected(true)) < 1e-4, 'of kinds that say nothing, too');
SELECT ok(worth('control', 'view', 'cart') BETWEEN 0.9 AND 1.1, 'they are worth about the same');
SELECT ok(abs(worth('shop', 'glance', 'view') - 1) < 1e-4 AND abs(worth('shop', NULL, 'view') - 1) < 1e-4, 'a kind that training has not seen is worth the least');

-- What is looked at is bought: it has a weight, and finds more.
SELECT ok((SELECT min(weight) > 0 AND min(ci_low) > 0 FROM reco.weights('shop') WHERE component = 'viewed' AND request IN ('basket', 'both')), 'viewed has proved itself');
SELECT set_eq($$SELECT request, component, kind FROM reco.weights('shop') WHERE component ~ '^(event|session)'$$,
			  $$SELECT r, c, 'transactional' FROM unnest('{basket,both}'::text[]) r, unnest('{session,session_decay,event_cart,event_view}'::text[]) c$$, 'the weights tell what kinds of events there are, where there can be a session');
SELECT ok((SELECT max(weight) = 1 AND min(weight) BETWEEN 0 AND 1 AND count(recall_lost) = 0 FROM reco.weights('shop') WHERE component ~ '^event_'), 'beside the best');
SELECT is_empty($$SELECT * FROM reco.weights('none') WHERE component = 'viewed'$$, 'a model without sessions has none');
SELECT ok((SELECT (metrics #>> '{completion,recall@10}')::float8 FROM reco.versions WHERE model = 'shop') >
		  1.5 * (SELECT (metrics #>> '{completion,recall@10}')::float8 FROM reco.versions WHERE model = 'none'), 'held-out orders are found better');

-- ---- Read live -------------------------------------------------------------------------------------------------------

SELECT is(sources_of($$recommend('shop', NULL, session_id => '99999')$$), 'popular', 'a session without events');
SELECT items_of($$recommend('shop', NULL, 80)$$) AS popular \gset
BEGIN;
INSERT INTO events VALUES (99999, NULL, 70, clock_timestamp(), 'view');
SELECT is(sources_of($$recommend('shop', NULL, 1, session_id => '99999')$$), 'session', 'a view of this very transaction counts');
SELECT is(items_of($$recommend('shop', NULL, 1, session_id => '99999')$$), '70', 'what was looked at may come back');
SELECT items_of($$recommend('shop', NULL, 80, session_id => '99999')$$) AS one \gset
INSERT INTO events VALUES (99999, NULL, 71, clock_timestamp(), 'cart');
SELECT is(items_of($$recommend('shop', NULL, 2, session_id => '99999')$$), '71 70', 'another one changes the answer');
SELECT is(items_of($$recommend('shop', NULL, 2, session_id => '99999', exclude => '{71}')$$) LIKE '70 %', true, 'exclude holds');
SELECT is(items_of($$recommend('shop', NULL, 1, session_id => '99999', basket => '{71}')$$), '70', 'and what is in the basket is left out');
SELECT is(items_of($$recommend('shop', NULL, 80)$$), :'popular', 'without the session''s key nobody knows of it');
SELECT isnt(:'one'::text, :'popular', 'one view changes what else is recommended');
SELECT results_eq($$SELECT rank, item_id, score FROM reco.recommend('shop', NULL, 80, session_id => '99999')$$,
				  $$SELECT row_number() OVER (ORDER BY score DESC, item_id)::int, item_id, score FROM reco.predict('shop', NULL, ARRAY(SELECT generate_series(1, 80)), session_id => '99999')$$, 'predict says the same');
SELECT is((SELECT count(*) FROM reco.predict('shop', NULL, ARRAY(SELECT generate_series(1, 80)), session_id => '99999') p,
		   LATERAL (SELECT sum(contribution) AS sum FROM reco.explain('shop', NULL, p.item_id, session_id => '99999')) e WHERE abs(p.score - coalesce(e.sum, 0)) > 1e-5), 0::bigint, 'and explain adds up to it');
ROLLBACK;

-- Whose session it is.
INSERT INTO events VALUES (100001, 1001, 10, now() - interval '3 hours', 'view'), (100002, 1001, 20, now() - interval '2 hours', 'view'),
	(100002, 1001, 21, now() - interval '1 hour', 'view'), (100003, 1002, 30, now() - interval '1 minute', 'view'), (100004, 1003, 40, now() - interval '25 hours', 'view');
SELECT is(items_of($$recommend('shop', 1001, 2)$$), '21 20', 'a customer''s newest session, the newest view first');
SELECT is(sources_of($$recommend('shop', 1001, 2)$$), 'session', 'which answers');
SELECT is((SELECT contribution FROM reco.explain('shop', 1001, 10) WHERE component = 'viewed'), NULL, 'not the one before');
SELECT is(items_of($$recommend('shop', 1001, 1, session_id => '100001')$$), '10', 'that one if it is asked for');
SELECT is(items_of($$recommend('shop', 1002, 1)$$), '30', 'each customer has his own');
SELECT is(items_of($$recommend('shop', 1003, 80)$$), :'popular', 'a session of yesterday is over');
SELECT is(items_of($$recommend('shop', 1003, 1, as_of => now() - interval '2 hours')$$), '40', 'it was not then');
SELECT is(items_of($$recommend('shop', 1003, 1, session_id => '100004')$$), '40', 'and is read where it is asked for');
SELECT is(items_of($$recommend('shop', 1001, 1, as_of => now() - interval '90 minutes')$$), '20', 'later views are of the future');
SELECT is(items_of($$recommend('shop', 1004, 80)$$), :'popular', 'somebody without any');
SELECT is(items_of(format($$recommend('shop', NULL, 80, session_id => %L)$$, key)), :'popular', 'no such session: ' || key) FROM unnest('{none,"1 2",100001.0,9223372036854775808,""}'::text[]) key;
INSERT INTO events VALUES (100005, 1005, NULL, now(), 'view'), (NULL, 1005, 50, now(), 'view'), (100005, 1005, 51, NULL, 'view'), (100005, 1005, 5100, now(), 'view');
SELECT is(items_of($$recommend('shop', 1005, 80)$$), :'popular', 'what is not complete, and an item that the model does not know, count nothing');

-- The newest 200 count.
INSERT INTO events SELECT 100006, NULL, 60, timestamptz '2025-01-01' - g * interval '1 minute', 'view' FROM generate_series(1, 199) g;
INSERT INTO events SELECT 100006, NULL, 61, timestamptz '2024-12-01' - g * interval '1 minute', 'view' FROM generate_series(1, 2) g;
SELECT isnt((SELECT contribution FROM reco.explain('shop', NULL, 61, session_id => '100006') WHERE component = 'viewed'), NULL, 'number 200 counts');
INSERT INTO events VALUES (100006, NULL, 60, '2025-01-01', 'view');
SELECT is((SELECT contribution FROM reco.explain('shop', NULL, 61, session_id => '100006') WHERE component = 'viewed'), NULL, 'number 201 does not');
DELETE FROM events WHERE s > 99999 OR s IS NULL;

-- ---- Learned from ----------------------------------------------------------------------------------------------------

-- Items that nobody ordered yet are known by sessions, and what was looked at together goes together.
INSERT INTO events SELECT 200000 + g, NULL, i, timestamptz '2024-03-01' + g * interval '1 minute' + i * interval '1 second', 'view' FROM generate_series(1, 40) g, generate_series(501, 502) i;
SELECT reco.train('shop') \g /dev/null
SELECT is(items_of($$complements('shop', '{501}')$$), '502', 'sessions tell what goes with what');
SELECT reco.alter_model('shop', '{"session_weight": 0}'), reco.train('shop') \g /dev/null
SELECT is(items_of($$complements('shop', '{501}')$$), NULL, 'session_weight 0: they do not');
SELECT is(items_of($$recommend('shop', 7, 1, candidates => '{501}')$$), '501', 'but the items are known');
SELECT throws_ok($$SELECT reco.alter_model('shop', '{"session_weight": -1}')$$, '22023', NULL, 'no weight is less than 0');
SELECT reco.alter_model('shop', '{"session_weight": null}') \g /dev/null
DELETE FROM events WHERE s > 200000;

-- The same rows give the same bytes.
SELECT reco.train('shop') \g /dev/null
SELECT md5(reco.export_model('shop')) AS bytes \gset
CREATE TABLE again AS SELECT * FROM events ORDER BY chance(5, s::int, i::int, length(kind));
SELECT reco.add_sessions('shop', 'again', 's', 'i', 'at', 'u', 'kind', name => 'events'), reco.train('shop') \g /dev/null
SELECT is(md5(reco.export_model('shop')), :'bytes', 'rows in another order');
SET max_parallel_maintenance_workers = 0;
SELECT reco.train('shop') \g /dev/null
SELECT is(md5(reco.export_model('shop')), :'bytes', 'without workers');
RESET max_parallel_maintenance_workers;
SELECT reco.export_model('shop') AS blob \gset
SELECT reco.create_model('copy', 'UTC'), reco.import_model('copy', :'blob') \g /dev/null
SELECT reco.add_sessions('copy', 'events', 's', 'i', 'at', 'u', 'kind') \g /dev/null
SELECT ok(abs(worth('copy', 'view', 'cart') - expected(false)) < 1e-4, 'an imported model knows what events are worth');
SELECT reco.add_sessions('shop', 'events', 's', 'i', 'at', 'u', 'kind'), reco.train('shop', refit => false) \g /dev/null
SELECT ok(abs(worth('shop', 'view', 'cart') - 1) > 0.3, 'so does one that keeps its parameters');

-- Kinds have any type that has a text form; there are few of them.
SELECT lives_ok($$SELECT reco.add_sessions('shop', 'events', 's', 'i', 'at', 'u', 'length(kind)'), reco.train('shop')$$, 'kinds as numbers');
SELECT lives_ok($$SELECT reco.add_sessions('shop', 'events', 's', 'i', 'at', 'u', '(i % 16)::numeric'), reco.train('shop')$$, '16 kinds');
SELECT throws_ok($$SELECT reco.add_sessions('shop', 'events', 's', 'i', 'at', 'u', 'i % 17'), reco.train('shop')$$, '54000', 'there are more than 16 kinds of events', '17 kinds');
SELECT throws_ok($$SELECT reco.add_sessions('shop', 'events', 's', 'i', 'at', 'u', 'repeat(kind, 17)'), reco.train('shop')$$, '22001', 'a kind of event has 68 bytes, more than 64', 'a long kind');
SELECT lives_ok($$SELECT reco.add_sessions('shop', 'events', 's', 'i', 'at', 'u'), reco.train('shop')$$, 'no kinds');
SELECT ok(abs(worth('shop', 'view', 'cart') - 1) < 1e-4, 'are all the same');
SELECT throws_ok(format('SELECT reco.add_sessions(''shop'', ''events'', %s)', args), '22004', format('parameter "%s" must not be null', name), name || ' is needed')
FROM (VALUES ('NULL, ''i'', ''at''', 'session_id'), ('''s'', NULL, ''at''', 'item_id'), ('''s'', ''i'', NULL', 'at')) x (args, name);
SELECT throws_ok($$SELECT reco.add_sessions('shop', 'events', 's', 'i', 's')$$, '42804', 'parameter "at" has type bigint, but must have type timestamptz, timestamp or date', 'at is a time');
SELECT throws_ok($$SELECT reco.add_sessions('shop', 'events', 's', 'i', 'at', 'u', 'nothing')$$, '42703', NULL, 'a column that is not there');
SELECT throws_ok($$SELECT reco.add_sessions('shop', 'events', 's', 'i', 'at', 'u', 'max(kind)')$$, '42803', NULL, 'no aggregates');

-- What counts nothing is told.
SET client_min_messages = notice;
CREATE FUNCTION notices(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$BEGIN EXECUTE statement; END $$;
INSERT INTO events VALUES (NULL, 1, 1, '2024-01-01', 'view'), (1, 1, NULL, '2024-01-01', 'view'), (1, 1, 1, NULL, 'view'), (1, 1, 1, 'infinity', 'view'), (1, 1, 1, now() + interval '1 day', 'view');
SET client_min_messages = warning;
SELECT is((SELECT skipped FROM reco.train('shop')), 5::bigint, 'events that are not complete or of the future count nothing');
DELETE FROM events WHERE s IS NULL OR i IS NULL OR at IS NULL OR at > '2100-01-01' OR at > now();

-- ---- No orders at all ------------------------------------------------------------------------------------------------

-- Visitors click from shelf to shelf of 8 items, mostly within one, and often on what they saw before.
CREATE TABLE clicks (s text, i bigint, at timestamptz, visitor bigint);
INSERT INTO clicks
SELECT md5(s::text), 1 + 8 * (s % 10) + floor(8 * chance(11, s, CASE WHEN chance(12, s, j) < 0.3 THEN 1 ELSE j END)), timestamptz '2024-01-01' + s * interval '10 minutes' + j * interval '1 minute', s % 400
FROM generate_series(1, 4000) s, generate_series(1, 3 + s % 4) j;
SELECT reco.create_model('clicks', 'UTC', '{"factors": 8, "iterations": 3}') \g /dev/null
SELECT throws_ok($$SELECT reco.train('clicks')$$, '55000', 'model "clicks" has no orders to learn from', 'neither orders nor sessions');
SELECT reco.add_sessions('clicks', 'clicks', 's', 'i', 'at', 'visitor') \g /dev/null
SELECT is_empty($$SELECT * FROM reco.check('clicks') WHERE severity = 'error' AND subject <> 'version'$$, 'nothing that keeps it from training');
SELECT results_eq($$SELECT rows, orders, items FROM reco.train('clicks')$$, $$SELECT count(*), count(DISTINCT s)::int, count(DISTINCT i)::int FROM clicks$$, 'sessions take the place of orders');
SELECT is((SELECT count(*) FROM reco.recommend('clicks', NULL)), 10::bigint, 'popularity');
SELECT ok((SELECT weight > 0 FROM reco.weights('clicks') WHERE component = 'viewed' AND request = 'basket'), 'what was looked at is looked at again');
INSERT INTO clicks VALUES ('now', 3, now() - interval '2 minutes', 100000), ('now', 5, now() - interval '1 minute', 100000);
SELECT is((SELECT count(*) FROM reco.recommend('clicks', NULL, 8, session_id => 'now') WHERE item_id BETWEEN 1 AND 8), 8::bigint, 'a session is recommended its shelf');
SELECT is(items_of($$recommend('clicks', 100000, 80)$$), items_of($$recommend('clicks', NULL, 80, session_id => 'now')$$), 'its visitor is asked for the same');
SELECT ok((SELECT (metrics #>> '{completion,recall@10}')::float8 > 2 * (metrics #>> '{completion,popularity_recall@10}')::float8 FROM reco.versions WHERE model = 'clicks'), 'sessions that were held out are found');
SELECT is((SELECT count(*) FROM reco.recommend('clicks', 7, 8) WHERE item_id BETWEEN 57 AND 64), 8::bigint, 'a visitor''s earlier sessions are his history: 7, 407, ... all look at one shelf');
SELECT is((SELECT count(*) FROM reco.recommend_all('clicks', 8, '{7}') WHERE item_id BETWEEN 57 AND 64), 8::bigint, 'for all visitors, too');
SELECT cmp_ok((SELECT value FROM reco.evaluate('clicks', k => 10) WHERE algorithm = 'reco' AND metric = 'recall' AND request = 'completion'), '>',
			  (SELECT value FROM reco.evaluate('clicks', k => 10) WHERE algorithm = 'popularity' AND metric = 'recall' AND request = 'completion'), 'evaluate asks sessions as orders');
-- With orders beside them they are sessions again.
CREATE TABLE bought AS SELECT visitor AS u, i, min(at) AS at FROM clicks WHERE visitor IS NOT NULL GROUP BY 1, 2;
SELECT reco.add_orders('clicks', 'bought', 'u', 'i', 'at') \g /dev/null
SELECT is((SELECT orders FROM reco.train('clicks')), (SELECT count(DISTINCT (u, at))::int FROM bought), 'beside orders sessions are sessions');

-- ---- Keys and relations ----------------------------------------------------------------------------------------------

-- uuid sessions and text items; a view; two sources with sessions.
CREATE VIEW seen AS SELECT md5(s::text)::uuid AS s, 'c' || u AS u, 'i' || i AS i, at AT TIME ZONE 'UTC' AS at, kind::name AS kind FROM events;
CREATE VIEW sold AS SELECT o, 'c' || u AS u, 'i' || i AS i, at FROM lines;
SELECT reco.create_model('text', 'UTC', '{"factors": 8, "iterations": 3}') \g /dev/null
SELECT reco.add_orders('text', 'sold', 'u', 'i', 'at', 'o'), reco.add_sessions('text', 'seen', 's', 'i', 'at', 'u', 'kind'), reco.add_sessions('text', 'clicks', 's', '''i'' || i', 'at') \g /dev/null
SELECT reco.train('text') \g /dev/null
INSERT INTO events VALUES (99998, 77777, 5, now() - interval '1 minute', 'view');
SELECT is(items_of(format($$recommend_text('text', NULL, 1, session_id => %L)$$, md5('99998')::uuid)), 'i5', 'a uuid is a session''s key');
SELECT is(items_of($$recommend_text('text', 'c77777', 1)$$), 'i5', 'text keys');
SELECT is(items_of($$recommend_text('text', NULL, 2, session_id => 'now')$$), 'i5 i3', 'the other source');
SELECT is(items_of($$recommend_text('text', NULL, 2, session_id => 'NOW')$$) = 'i5 i3', false, 'keys are as they are');

-- A request finds sessions and customers by indexes, or check says how.
CREATE TABLE many AS SELECT g % 10000 AS s, g % 777 AS u, g % 50 AS i, timestamptz '2024-01-01' + g * interval '1 second' AS at FROM generate_series(1, 100000) g;
ANALYZE many;
SELECT reco.create_model('many', 'UTC', '{"factors": 4, "iterations": 1}') \g /dev/null
SELECT reco.add_sessions('many', 'many', 's', 'i', 'at', 'u') \g /dev/null
SELECT results_eq($$SELECT finding, remedy FROM reco.check('many') WHERE subject = 'source many' OR subject LIKE '%many%' ORDER BY 1$$,
				  $$VALUES ('no index finds a customer''s newest events', 'CREATE INDEX ON public.many ((u), (at) DESC)'), ('no index finds a session''s newest events', 'CREATE INDEX ON public.many ((s), (at) DESC)')$$, 'check names the indexes');
CREATE INDEX ON many (s, at DESC);
CREATE INDEX ON many (u, at DESC);
SELECT is_empty($$SELECT * FROM reco.check('many') WHERE finding LIKE 'no index%'$$, 'which are then there');

-- Where sessions are the orders, their contexts make groups.
CREATE TABLE devices AS SELECT 's' || s AS s, u, i, at + (s % 100) * interval '1 day' AS at, CASE s % 3 WHEN 0 THEN 'mobile' ELSE 'desktop' END AS device FROM many;
SELECT reco.create_model('devices', 'UTC', '{"factors": 4, "iterations": 1}') \g /dev/null
SELECT reco.add_sessions('devices', 'devices', 's', 'i', 'at', 'u', context => 'device') \g /dev/null
SELECT is((SELECT string_agg(DISTINCT "group", ' ' ORDER BY "group") FROM reco.fairness('devices', 'device')), 'desktop mobile', 'groups by a context of sessions');

SELECT finish();
