-- Offers: item, price, from, to, audience, read live: the price that each customer has, against plain SQL.

SET client_min_messages = warning;
SET timezone = 'Asia/Tokyo';
SELECT plan(94);

-- A shop of 60 products, of which some have no price, and customers with a region, an age, tags and a consent.
CREATE FUNCTION lot(a bigint, b bigint, n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT (abs(hashint8extended(a * 1000 + b, 9)) % n)::integer';
CREATE TABLE products (id bigint PRIMARY KEY, price numeric, margin float8);
INSERT INTO products SELECT p, CASE WHEN p % 11 > 0 THEN 5 + lot(p, 1, 40) END, lot(p, 1, 40) * 0.3 FROM generate_series(1, 60) p;
CREATE TABLE people (id bigint PRIMARY KEY, region text, age integer, income numeric, tags text[], agrees boolean DEFAULT true, shows boolean DEFAULT true);
INSERT INTO people
SELECT c, (ARRAY['north', 'south', 'far west', NULL, 'a=b'])[1 + lot(c, 2, 5)], 20 + lot(c, 3, 4), (ARRAY[1.50, 2, 0.1])[1 + lot(c, 4, 3)],
	   (ARRAY['{}', '{red}', '{red,blue,NULL}', NULL])[1 + lot(c, 5, 4)]::text[] FROM generate_series(0, 39) c;
CREATE TABLE lines (order_id bigint, customer_id bigint, product_id bigint, at timestamptz, quantity integer, unit_price numeric);
INSERT INTO lines
SELECT o, lot(o, 0, 40), p, timestamptz '2026-01-01' + o * interval '1 hour', 1 + lot(o, p, 2), 5 + lot(p, 1, 40)
FROM   generate_series(1, 1200) o CROSS JOIN LATERAL (SELECT DISTINCT 1 + (lot(o, 0, 40) % 3) * 20 + lot(o, j, 20)::bigint AS p FROM generate_series(2, 5) j) x;
CREATE INDEX ON lines (customer_id, at DESC);
CREATE TABLE offers (item bigint, price float8, since timestamptz, until timestamptz, audience text[]);
CREATE INDEX ON offers (item);
ANALYZE;
SELECT reco.create_model(m, 'Europe/Berlin', '{"factors": 8, "default_consent": true}') FROM unnest('{shop,plain,text,margins}'::text[]) m \g /dev/null
SELECT reco.add_orders(m, 'lines', 'customer_id', 'product_id', 'at', 'order_id', 'quantity', 'unit_price'), reco.add_items(m, 'products', 'id', price => 'price'),
	   reco.add_users(m, 'people', 'id', features => 'region, age, income, tags', consent => 'agrees AS personalize, shows AS attributes') FROM unnest('{shop,plain,margins}'::text[]) m \g /dev/null
SELECT reco.add_items('margins', 'products', 'id', price => 'price', margin => 'margin') \g /dev/null
SELECT reco.add_orders('text', 'lines', '''c'' || customer_id', '''p'' || product_id', 'at', 'order_id', 'quantity', 'unit_price'), reco.add_items('text', 'products', '''p'' || id', price => 'price'),
	   reco.add_users('text', 'people', '''c'' || id', features => 'region, age, income, tags', consent => 'agrees AS personalize, shows AS attributes') \g /dev/null

-- ---- What add_offers takes ------------------------------------------------------------------------------------------

CREATE FUNCTION hint_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
	EXECUTE command;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN hint;
END $$;
SELECT is((SELECT concat_ws(' ', kind, name, expressions) FROM reco.add_offers(m, 'offers', 'item', 'price', 'since', 'until', 'audience')),
	'offers offers {"price": "price", "item_id": "item", "audience": "audience", "valid_to": "until", "valid_from": "since"}', m || ': a source of offers') FROM unnest('{shop,margins}'::text[]) m;
SELECT reco.add_offers('text', 'offers', '''p'' || item', 'price::numeric', 'since', 'until', 'audience') \g /dev/null
SELECT is(hint_of($$SELECT reco.add_offers('shop', 'offers', 'item', NULL)$$), 'Every source of offers needs it.', 'an offer has a price');
SELECT reco.train(m) FROM unnest('{shop,plain,text,margins}'::text[]) m \g /dev/null

-- ---- Nothing on offer -----------------------------------------------------------------------------------------------

SELECT is_empty($$SELECT rank, item_id, score, probability, source, value FROM reco.recommend('shop', 7, k => 60) EXCEPT SELECT rank, item_id, score, probability, source, value FROM reco.recommend('plain', 7, k => 60)$$,
	'a relation without rows changes nothing');
SELECT is_empty($$SELECT r.item_id, r.price, r.offer, p.price FROM reco.recommend('shop', 7, k => 60) r JOIN products p ON p.id = r.item_id WHERE r.price IS DISTINCT FROM p.price::float8 OR r.offer IS DISTINCT FROM CASE WHEN p.price IS NOT NULL THEN false END$$,
	'but prices are told, those that there are');
SELECT is((SELECT count(*) FROM reco.recommend('shop', 7, k => 60)), 60::bigint, 'of all');
SELECT is((SELECT count(price) + count(offer) FROM reco.recommend('plain', 7)), 0::bigint, 'without a source of offers nobody asks for prices');
SELECT is_empty($$SELECT * FROM reco.recommend('plain', 7, k => 60, value_weight => 1) r JOIN products p ON p.id = r.item_id WHERE r.price IS DISTINCT FROM p.price::float8 OR offer$$, 'unless they are what value goes by');

-- ---- Against plain SQL ----------------------------------------------------------------------------------------------

-- Offers at random around a moment: windows that begin and end at it, before and after it, open and infinite ones, the wrong way round; prices that are
-- none; items that are none; audiences of one field and of several.
INSERT INTO offers
SELECT CASE WHEN lot(n, 1, 30) = 0 THEN NULL WHEN lot(n, 1, 30) = 1 THEN 999 ELSE 1 + lot(n, 2, 60) END,
	   (ARRAY[0, 1, 3.25, 7, 12, 20, 30, 50, 'NaN', 'infinity', '-infinity', -1, NULL]::float8[])[1 + lot(n, 3, 13)],
	   (ARRAY[NULL, '-infinity', '2026-03-01 11:59:59.999999+00', '2026-03-01 12:00+00', '2026-03-01 12:00:00.000001+00', 'infinity', '2026-02-01']::timestamptz[])[1 + lot(n, 4, 7)],
	   (ARRAY[NULL, '-infinity', '2026-03-01 11:59:59.999999+00', '2026-03-01 12:00+00', '2026-03-01 12:00:00.000001+00', 'infinity', '2026-04-01']::timestamptz[])[1 + lot(n, 5, 7)],
	   CASE lot(n, 6, 14) WHEN 0 THEN '{region=north}' WHEN 1 THEN '{"region=far west",tags=blue}' WHEN 2 THEN '{users.age=21,nobody,income=0.1}' WHEN 3 THEN '{tags=red}' WHEN 4 THEN '{income=1.5}'
		   WHEN 5 THEN '{" region = south "}' WHEN 6 THEN '{}' WHEN 7 THEN '{NULL}' WHEN 8 THEN '{region=a=b}' WHEN 9 THEN '{colour=red,north,=north}' WHEN 10 THEN '{region=,region=North,age=21.0,income=1.50}' END::text[]
FROM   generate_series(1, 900) n;
-- What a customer is, and what he pays, by plain SQL.
CREATE VIEW attributes AS
SELECT id, 'region=' || region AS attribute FROM people WHERE region IS NOT NULL UNION ALL SELECT id, 'age=' || age FROM people
UNION ALL SELECT id, 'income=' || trim_scale(income) FROM people UNION ALL SELECT id, 'tags=' || t FROM people, unnest(tags) t WHERE t IS NOT NULL;
CREATE FUNCTION is_for(said text[], who bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT said IS NULL OR EXISTS (SELECT FROM unnest(said) a JOIN attributes ON id = who AND attribute = regexp_replace(regexp_replace(a, '^ *(users\.)?([^ =]*) *= *', '\2='), ' *$', '')
								   JOIN people p USING (id) WHERE p.agrees AND p.shows) $$;
CREATE FUNCTION by_hand(who bigint, moment timestamptz) RETURNS TABLE (id bigint, price float8, offer boolean) LANGUAGE sql STABLE AS $$
	SELECT p.id, least(p.price::float8, o.price), CASE WHEN coalesce(p.price::float8, o.price) IS NOT NULL THEN coalesce(o.price < p.price::float8, o.price IS NOT NULL) END
	FROM products p LEFT JOIN LATERAL (SELECT min(f.price) AS price FROM offers f
		WHERE f.item = p.id AND f.price BETWEEN 0 AND 1e300 AND coalesce(f.since <= moment, true) AND coalesce(moment < f.until, true) AND is_for(f.audience, who)) o ON true $$;
CREATE FUNCTION differs(who bigint, moment timestamptz) RETURNS TABLE (item bigint, got float8, got_offer boolean, price float8, offer boolean) LANGUAGE sql STABLE AS $$
	SELECT r.item_id, r.price, r.offer, h.price, h.offer FROM reco.recommend('shop', who, k => 100, as_of => moment) r FULL JOIN by_hand(who, moment) h ON h.id = r.item_id
	WHERE r.price IS DISTINCT FROM h.price OR r.offer IS DISTINCT FROM h.offer OR r.item_id IS NULL OR h.id IS NULL $$;
SELECT cmp_ok((SELECT count(*) FROM by_hand(NULL, '2026-03-01 12:00+00') WHERE offer), '>', 10::bigint, 'many have an offer');
SELECT cmp_ok((SELECT count(DISTINCT prices) FROM (SELECT (SELECT array_agg(price ORDER BY id) FROM by_hand(c, '2026-03-01 12:00+00')) AS prices FROM generate_series(0, 39) c) x), '>', 10::bigint, 'many customers their own prices');
SELECT is_empty(format('SELECT * FROM generate_series(0, 39) c, differs(c, %L)', moment), format('as plain SQL has it, for everybody, at %s', moment))
FROM   unnest('{2026-03-01 12:00+00,2026-03-01 11:59:59.999999+00,2026-03-01 12:00:00.000001+00,2026-02-01 00:00+09,2020-01-01,2030-01-01}'::timestamptz[]) moment;
SELECT is_empty($$SELECT * FROM differs(NULL, '2026-03-01 12:00+00')$$, 'for an anonymous visitor');
SELECT is_empty($$SELECT * FROM differs(777, '2026-03-01 12:00+00')$$, 'and a customer of whom nothing is known');
SELECT is_empty($$SELECT rank, item_id, score, probability, source FROM reco.recommend('shop', 7, k => 60) EXCEPT SELECT rank, item_id, score, probability, source FROM reco.recommend('plain', 7, k => 60)$$,
	'offers alone put nothing into another order');
SELECT is_empty($$SELECT * FROM reco.recommend('shop', 7, k => 3, as_of => '2026-03-01 12:00+00') r JOIN by_hand(7, '2026-03-01 12:00+00') h ON h.id = r.item_id WHERE r.price IS DISTINCT FROM h.price$$, 'of a few items');
SELECT is_empty($$SELECT * FROM generate_series(0, 39, 3) c, reco.recommend_text('text', 'c' || c, k => 60, as_of => '2026-03-01 12:00+00') r, by_hand(c, '2026-03-01 12:00+00') h
	WHERE 'p' || h.id = r.item_id AND (r.price IS DISTINCT FROM h.price OR r.offer IS DISTINCT FROM h.offer)$$, 'text keys');

-- Dates and timestamps count in the model's time zone, whatever that of the session.
CREATE TABLE dates (item bigint, price integer, day date, hour timestamp);
INSERT INTO dates VALUES (1, 1, '2026-03-02', '2026-03-02 12:00');
SELECT reco.add_offers('shop', 'dates', 'item', 'price', 'day', 'hour', name => 'dates') \g /dev/null
CREATE FUNCTION price_of(who bigint, moment timestamptz) RETURNS float8 LANGUAGE sql STABLE AS 'SELECT price FROM reco.recommend(''shop'', who, candidates => ''{1}'', as_of => moment)';
DELETE FROM offers WHERE item = 1;
SELECT is(price_of(7, moment), price, moment::text) FROM (VALUES (timestamptz '2026-03-01 22:59:59+00', (SELECT price::float8 FROM products WHERE id = 1)), ('2026-03-01 23:00+00', 1), ('2026-03-02 10:59:59+00', 1), ('2026-03-02 11:00+00', (SELECT price FROM products WHERE id = 1))) x (moment, price);
SELECT reco.remove_source('shop', 'dates') \g /dev/null

-- ---- Who is of an audience ------------------------------------------------------------------------------------------

INSERT INTO people VALUES (100, 'north', 30, 1.5, '{x}'), (101, '  north ', 30, 1e20, '{}');
SELECT price AS list FROM products WHERE id = 1 \gset
CREATE FUNCTION offered(who bigint, VARIADIC said text[]) RETURNS boolean LANGUAGE sql AS $$
	DELETE FROM offers WHERE item = 1; INSERT INTO offers VALUES (1, 1, NULL, NULL, said); SELECT offer FROM reco.recommend('shop', who, candidates => '{1}') $$;
SELECT is(offered(who, VARIADIC said), expected, format('%s: %s', coalesce(who::text, 'anonymous'), coalesce(said::text, 'everybody')))
FROM (VALUES (100, NULL::text[], true), (NULL, NULL, true), (NULL, '{region=north}', false), (100, '{region=north}', true), (100, '{users.region=north}', true), (100, '{items.region=north}', false), (100, '{"  users.region =  north  "}', true),
	(101, '{region=north}', true), (100, '{region=nort}', false), (100, '{region=north2}', false), (100, '{REGION=north}', false), (100, '{north}', false), (100, '{=north}', false), (100, '{}', false), (100, '{""}', false), (100, '{=}', false),
	(100, '{age=30}', true), (100, '{age=30.0}', false), (100, '{income=1.5}', true), (101, '{income=1e+20}', true), (100, '{tags=x}', true), (101, '{tags=}', false), (100, '{region=south,age=30}', true), (5000, '{region=north}', false)) x (who, said, expected);
SELECT reco.add_users('shop', 'people', 'id', features => 'region || '' '' || age AS both', name => 'more') \g /dev/null
SELECT ok(offered(100, 'both=north 30') AND NOT offered(100, 'both=north 31'), 'several conditions are a feature of their own');
SELECT ok(offered(100, 'region=north'), 'and each source of customers is asked');
SELECT reco.remove_source('shop', 'more') \g /dev/null

-- ---- Consent --------------------------------------------------------------------------------------------------------

SELECT ok(offered(100, 'region=north'), 'consents');
UPDATE people SET shows = false WHERE id = 100;
SELECT ok(NOT offered(100, 'region=north'), 'not to the use of his features: nothing for the north, in the next statement');
SELECT ok(offered(100, VARIADIC NULL), 'what is for everybody is for him too');
UPDATE people SET shows = true, agrees = false WHERE id = 100;
SELECT ok(NOT offered(100, 'region=north'), 'not to personal answers');
UPDATE people SET agrees = true WHERE id = 100;
UPDATE people SET agrees = false WHERE id % 5 = 1;
UPDATE people SET shows = false WHERE id % 7 = 2;
SELECT is_empty($$SELECT * FROM generate_series(0, 39) c, differs(c, '2026-03-01 12:00+00')$$, 'of all, as plain SQL has it');

-- ---- Live -----------------------------------------------------------------------------------------------------------

BEGIN;
DELETE FROM offers WHERE item = 1;
SELECT is(price_of(100, now()), :list::float8, 'no offer');
INSERT INTO offers VALUES (1, 2, now(), NULL, NULL);
SELECT is(price_of(100, now()), 2::float8, 'one of this transaction, in force from its beginning');
UPDATE offers SET price = 1.5 WHERE item = 1;
SELECT is(price_of(100, now()), 1.5::float8, 'another price');
UPDATE people SET region = 'south' WHERE id = 100;
UPDATE offers SET audience = '{region=north}' WHERE item = 1;
SELECT is(price_of(100, now()), :list::float8, 'somebody who moved away');
UPDATE products SET price = 1 WHERE id = 1;
UPDATE offers SET audience = NULL WHERE item = 1;
SELECT is((SELECT (price, offer) FROM reco.recommend('shop', 100, candidates => '{1}')), (1::float8, false), 'an offer makes nothing dearer');
UPDATE products SET price = 1.5 WHERE id = 1;
SELECT is((SELECT (price, offer) FROM reco.recommend('shop', 100, candidates => '{1}')), (1.5::float8, false), 'and as much as always is no offer');
ROLLBACK;

-- ---- All at once ----------------------------------------------------------------------------------------------------

SELECT set_eq(format($$SELECT * FROM reco.recommend_all(%L, 60, as_of => '2026-03-01 12:00+00', value_weight => %s, exclude_purchased => %s)$$, m, w, x),
	format($$SELECT c.id, r.* FROM (SELECT DISTINCT customer_id AS id FROM lines) c, reco.recommend(%L, c.id, 60, as_of => '2026-03-01 12:00+00', value_weight => %s, exclude_purchased => %s) r$$, m, w, x),
	format('%s, %s, %s: every row equals recommend''s', m, w, x)) FROM (VALUES ('shop', 0, 'false'), ('shop', 0.5, 'true'), ('margins', 0, 'true'), ('margins', 0.7, 'false'), ('plain', 0.5, 'false')) x (m, w, x);
SELECT set_eq($$SELECT * FROM reco.recommend_all_text('text', 7, value_weight => 0.5)$$, $$SELECT c.id, r.* FROM (SELECT DISTINCT 'c' || customer_id AS id FROM lines) c, reco.recommend_text('text', c.id, 7, value_weight => 0.5) r$$, 'text keys');
SELECT set_eq($$SELECT * FROM reco.recommend_all('shop', 5, users => '{100,7,777}')$$, $$SELECT c, r.* FROM unnest('{100,7,777}'::bigint[]) c, reco.recommend('shop', c, 5) r$$, 'of some, among them one of whom nothing is known');
-- Shared out among processes.
CREATE TABLE serial AS SELECT * FROM reco.recommend_all('margins', 7, as_of => '2026-03-01 12:00+00', value_weight => 0.5, users => (SELECT array_agg(c) FROM generate_series(0, 9999) c));
SET max_parallel_workers_per_gather = 2;
SELECT set_eq($$SELECT * FROM reco.recommend_all('margins', 7, as_of => '2026-03-01 12:00+00', value_weight => 0.5, users => (SELECT array_agg(c) FROM generate_series(0, 9999) c))$$, 'SELECT * FROM serial', 'workers change nothing');
RESET max_parallel_workers_per_gather;
CREATE TABLE clicks AS SELECT customer_id, order_id AS session, product_id, at FROM lines;
SELECT reco.create_model('clicks', 'UTC', '{"factors": 8}'), reco.add_sessions('clicks', 'clicks', 'session', 'product_id', 'at', 'customer_id'), reco.add_items('clicks', 'products', 'id', price => 'price'),
	   reco.add_users('clicks', 'people', 'id', features => 'region, age, income, tags', consent => 'agrees AS personalize, shows AS attributes'), reco.add_offers('clicks', 'offers', 'item', 'price', 'since', 'until', 'audience') \g /dev/null
SELECT reco.train('clicks') \g /dev/null
SELECT set_eq($$SELECT * FROM reco.recommend_all('clicks', 7, as_of => '2026-03-01 12:00+00', users => (SELECT array_agg(DISTINCT customer_id) FROM lines))$$, $$SELECT c.id, r.* FROM (SELECT DISTINCT customer_id AS id FROM lines) c, reco.recommend('clicks', c.id, 7, as_of => '2026-03-01 12:00+00') r$$, 'where sessions are the orders');

-- ---- Value ----------------------------------------------------------------------------------------------------------

-- What a shop would say whose prices were this customer's.
CREATE TABLE own_prices AS SELECT id, price, NULL::float8 AS margin FROM by_hand(7, '2026-03-01 12:00+00');
SELECT reco.add_items('plain', 'own_prices', 'id', price => 'price', name => 'products') \g /dev/null
SELECT results_eq($$SELECT rank, item_id, score, value, price FROM reco.recommend('shop', 7, k => 60, as_of => '2026-03-01 12:00+00', value_weight => 0.8)$$,
	$$SELECT rank, item_id, score, value, price FROM reco.recommend('plain', 7, k => 60, as_of => '2026-03-01 12:00+00', value_weight => 0.8)$$, 'value goes by the price that the customer has');
SELECT ok((SELECT bool_or(offer) FROM reco.recommend('shop', 7, k => 60, as_of => '2026-03-01 12:00+00', value_weight => 0.8)), 'offers among them');
UPDATE own_prices o SET margin = p.margin - coalesce(p.price::float8 - o.price, 0) FROM products p WHERE p.id = o.id;
SELECT reco.add_items('plain', 'own_prices', 'id', price => 'price', margin => 'margin', name => 'products') \g /dev/null
SELECT results_eq($$SELECT rank, item_id, score, round(value::numeric, 9) FROM reco.recommend('margins', 7, k => 60, as_of => '2026-03-01 12:00+00', value_weight => 0.8)$$,
	$$SELECT rank, item_id, score, round(value::numeric, 9) FROM reco.recommend('plain', 7, k => 60, as_of => '2026-03-01 12:00+00', value_weight => 0.8)$$, 'a margin is less by the reduction, where the price is known');
SELECT is_empty($$SELECT * FROM reco.recommend('margins', 7, k => 60, as_of => '2026-03-01 12:00+00', value_weight => 0.8) r JOIN by_hand(7, '2026-03-01 12:00+00') h ON h.id = item_id WHERE r.price IS DISTINCT FROM h.price OR r.offer IS DISTINCT FROM h.offer$$, 'and prices are told');
SELECT ok((SELECT bool_or(value < 0) AND min(rank) FILTER (WHERE value < 0) > max(rank) FILTER (WHERE value > 0) FROM reco.recommend('margins', 7, k => 60, as_of => '2026-03-01 12:00+00', value_weight => 0.8)), 'what an offer sells at a loss comes last');
-- Nobody but offers says what anything costs.
SELECT reco.remove_source('margins', 'products') \g /dev/null
SELECT is_empty($$SELECT * FROM reco.recommend('margins', 7, k => 60, as_of => '2026-03-01 12:00+00', value_weight => 1) r WHERE offer IS NOT TRUE AND price IS NOT NULL OR value IS NULL$$, 'without prices of items, those of offers are known');
SELECT isnt((SELECT array_agg(value ORDER BY item_id) FROM reco.recommend('margins', 7, k => 60, as_of => '2026-03-01 12:00+00', value_weight => 1)), (SELECT array_agg(value ORDER BY item_id) FROM reco.recommend('margins', 7, k => 60, as_of => '2020-03-01', value_weight => 1)), 'and count');

-- ---- Over a threshold -----------------------------------------------------------------------------------------------

SELECT reco.add_items('plain', 'own_prices', 'id', price => 'price', name => 'products') \g /dev/null
SELECT results_eq(format($$SELECT rank, items, price, total, over, score FROM reco.complete_basket('shop', 7, '{2,3,3}', %s, k => 50, as_of => '2026-03-01 12:00+00')$$, target),
	format($$SELECT rank, items, price, total, over, score FROM reco.complete_basket('plain', 7, '{2,3,3}', %s, k => 50, as_of => '2026-03-01 12:00+00')$$, target), format('to %s: as at prices that are his', target)) FROM unnest('{60,80,100}'::integer[]) target;
SELECT is_empty($$SELECT items, r.offer FROM reco.complete_basket('shop', 7, '{2,3,3}', 80, k => 50, as_of => '2026-03-01 12:00+00') r WHERE offer IS DISTINCT FROM (SELECT bool_or(h.offer) FROM by_hand(7, '2026-03-01 12:00+00') h WHERE h.id = ANY (items))$$, 'whether there is an offer among them');
SELECT ok((SELECT bool_or(offer) AND NOT bool_and(offer) FROM reco.complete_basket('shop', 7, '{2,3,3}', 80, k => 50, as_of => '2026-03-01 12:00+00')), 'here and there');
SELECT ok((SELECT bool_and(offer) FROM reco.complete_basket('margins', 7, '{}', 8, basket_value => 0, as_of => '2026-03-01 12:00+00')), 'where offers alone have prices');

-- ---- Rights ---------------------------------------------------------------------------------------------------------

CREATE ROLE seller; CREATE ROLE visitor; CREATE ROLE helper;
CREATE TABLE ran (who name);
CREATE TABLE secret_offers (item bigint, price float8, audience text);
INSERT INTO secret_offers VALUES (1, 0.25, NULL), (2, 0.5, 'region=north');
GRANT SELECT ON lines, products, people, secret_offers TO seller;
CREATE FUNCTION whose(x float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF current_user <> 'seller' THEN RAISE 'run as %', current_user; END IF; RETURN x; END $$;
UPDATE people SET shows = true WHERE id = 100;
SELECT reco.set_owner('shop', 'seller') \g /dev/null
SELECT reco.add_offers('shop', 'secret_offers', 'item', 'public.whose(price)', audience => 'audience', name => 'offers') \g /dev/null
SELECT reco.grant_usage('shop', 'visitor') \g /dev/null
SET ROLE visitor;
SELECT is((SELECT (price, offer) FROM reco.recommend('shop', 100, candidates => '{1}')), (0.25::float8, true), 'expressions run as the owner, for a caller who may not read the relation');
SELECT throws_ok('SELECT * FROM secret_offers', '42501', NULL, 'which he may not');
SELECT is((SELECT price FROM reco.recommend_all('shop', users => '{100}', k => 100) WHERE item_id = 2), 0.5::float8, 'for all at once too');
RESET ROLE;
REVOKE SELECT ON secret_offers FROM seller;
SET ROLE visitor;
SELECT throws_ok($$SELECT * FROM reco.recommend('shop', 100)$$, '42501', 'source "offers" of model "shop" could not be read', 'an offer that the owner may not read is an error, and not the price without it');
RESET ROLE;
SELECT reco.remove_source('shop', 'offers', 'offers') \g /dev/null
SELECT is((SELECT count(offer) FROM reco.recommend('shop', 100)), 0::bigint, 'a source that is removed counts no more');
SELECT reco.set_owner('shop', 'postgres') \g /dev/null
-- ---- Keys of other types --------------------------------------------------------------------------------------------

SELECT reco.add_offers('shop', 'offers', 'item::text', 'price') \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.recommend('shop', 7)$$, '42804', '"item_id" has type text, but the model was trained with integer keys', 'text keys make the model one of text keys, at the next training');
SELECT reco.remove_source('shop', 'offers') \g /dev/null

-- ---- What does not know of offers -----------------------------------------------------------------------------------

SELECT reco.add_items('plain', 'products', 'id', price => 'price') \g /dev/null
CREATE TABLE bundled AS SELECT * FROM reco.bundles('plain', min_support => 2, min_lift => 0, false_discovery_rate => 1);
SELECT isnt_empty('SELECT * FROM bundled WHERE price > 0', 'bundles with prices');
SELECT reco.add_offers('plain', 'offers', 'item', 'price', name => 'late') \g /dev/null
SELECT set_eq($$SELECT * FROM reco.bundles('plain', min_support => 2, min_lift => 0, false_discovery_rate => 1)$$, 'SELECT * FROM bundled', 'bundles leave them out');
CREATE TABLE replayed AS SELECT * FROM reco.replay('plain', value_weight => 1, cut => '2026-02-10', orders => 50);
SELECT isnt_empty('SELECT * FROM replayed WHERE recommended <> ''{}''', 'answers to requests of the past');
SELECT set_eq('SELECT * FROM replayed', $$SELECT * FROM reco.replay('shop', value_weight => 1, cut => '2026-02-10', orders => 50)$$, 'are those of a shop without offers');
SELECT * FROM finish();
