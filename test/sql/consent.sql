-- Consent by purpose: what is left out of training, to the byte, and what a request makes of it in the next statement.

SET client_min_messages = warning;
SELECT plan(58);

-- A shop of 5 themes with 8 products each; customers keep to theirs.  Some lines are nobody's.
CREATE TABLE lines (order_id bigint, customer bigint, item bigint, at timestamptz, quantity numeric);
INSERT INTO lines
SELECT o, CASE WHEN o % 11 > 0 THEN o % 50 END, p, timestamptz '2024-01-01' + o * interval '1 hour', 1
FROM   generate_series(1, 1000) o
CROSS  JOIN LATERAL (SELECT DISTINCT 1 + 8 * (o % 5) + (hashint8extended(o * 10 + j, 7) & 7)::integer AS p FROM generate_series(1, 3) j) x;
-- Only customer 3 buys this.
INSERT INTO lines VALUES (2000, 3, 99, '2024-01-20', 1), (2000, 3, 25, '2024-01-20', 1), (2000, 3, 26, '2024-01-20', 1);
CREATE INDEX ON lines (customer, at DESC);
CREATE TABLE reviews AS SELECT customer, item, at, 1 + item % 5 AS stars, 'words' AS body FROM lines WHERE customer IS NOT NULL;
CREATE TABLE follows AS SELECT c AS follower, (c + d) % 50 AS followed, timestamptz '2024-01-01' AS since FROM generate_series(0, 49) c, generate_series(1, 5) d;
CREATE TABLE customers AS SELECT c AS id, c % 7 <> 3 AS ok, CASE WHEN c % 7 <> 3 THEN true END AS maybe, 'band ' || c % 3 AS band FROM generate_series(0, 49) c;
-- The same shop without the customers who do not consent, in no table.
CREATE VIEW refused AS SELECT id FROM customers WHERE NOT ok;
CREATE VIEW lines_left AS SELECT * FROM lines WHERE customer IS NULL OR customer NOT IN (SELECT id FROM refused);
CREATE VIEW reviews_left AS SELECT * FROM reviews WHERE customer NOT IN (SELECT id FROM refused);
CREATE VIEW follows_left AS SELECT * FROM follows WHERE follower NOT IN (SELECT id FROM refused) AND followed NOT IN (SELECT id FROM refused);
CREATE VIEW customers_left AS SELECT * FROM customers WHERE ok;
CREATE FUNCTION bits(model text) RETURNS text LANGUAGE sql AS $$ SELECT version IS NOT NULL FROM reco.train(model); SELECT md5(reco.export_model(model)) $$;
CREATE FUNCTION hint_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
	EXECUTE command;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN hint;
END $$;

SELECT reco.create_model(m, 'UTC', '{"factors": 12, "seed": 1}') FROM unnest('{shop,left}'::text[]) m \g /dev/null
SELECT reco.add_orders('shop', 'lines', 'customer', 'item', 'at', 'order_id', 'quantity'), reco.add_reviews('shop', 'reviews', 'customer', 'item', 'at', 'stars', 'body'),
       reco.add_social('shop', 'follows', 'follower', 'followed', 'since') \g /dev/null
SELECT reco.add_orders('left', 'lines_left', 'customer', 'item', 'at', 'order_id', 'quantity'), reco.add_reviews('left', 'reviews_left', 'customer', 'item', 'at', 'stars', 'body'),
       reco.add_social('left', 'follows_left', 'follower', 'followed', 'since'), reco.add_users('left', 'customers_left', 'id', features => 'band') \g /dev/null

-- ---- What add_users takes -------------------------------------------------------------------------------------------

SELECT is((SELECT expressions FROM reco.add_users('shop', 'customers', 'id', consent => 'ok')), '{"user_id": "id", "consent": {"all": "ok"}}', 'one boolean is for all purposes');
SELECT is((SELECT expressions -> 'consent' FROM reco.add_users('shop', 'customers', 'id', consent => 'id > 3')), '{"all": "(id > 3)"}', 'also an expression');
SELECT is((SELECT expressions -> 'consent' FROM reco.add_users('shop', 'customers', 'id', consent => 'ok AS train, maybe AS social, true AS personalize, ok AS sentiment, ok AS attributes')),
          '{"train": "ok", "social": "maybe", "personalize": "true", "sentiment": "ok", "attributes": "ok"}', 'or a list by purpose');
SELECT throws_ok($$SELECT reco.add_users('shop', 'customers', 'id', consent => 'ok AS trian')$$, '22023', 'consent cannot be to "trian"', 'a purpose that does not exist');
SELECT is(hint_of($$SELECT reco.add_users('shop', 'customers', 'id', consent => 'ok AS trian')$$),
          'Purposes are personalize, train, social, sentiment, attributes, as in ''newsletter AS personalize, true AS train''; one boolean without a name is for all of them.', 'and those that do');
SELECT throws_ok($$SELECT reco.add_users('shop', 'customers', 'id', consent => 'ok, maybe AS train')$$, '22023', 'consent cannot be to "ok"', 'in a list each needs its purpose');
SELECT throws_ok($$SELECT reco.add_users('shop', 'customers', 'id', consent => 'ok AS train, maybe AS train')$$, '42701', 'parameter "consent" has two expressions named "train"', 'once');
SELECT throws_ok($$SELECT reco.add_users('shop', 'customers', 'id', consent => 'id')$$, '42804', 'parameter "consent" has type integer, but must have type boolean', 'not a number');
SELECT throws_ok($$SELECT reco.add_users('shop', 'customers', 'id', consent => 'band AS train')$$, '42804', 'parameter "consent" has type text, but must have type boolean', 'not a text');
SELECT throws_ok($$SELECT reco.alter_model('shop', '{"default_consent": "yes"}')$$, '22023', 'option "default_consent" cannot be "yes": it must be true or false', 'the option is a boolean');
SELECT throws_ok($$SELECT reco.alter_model('shop', '{"default_consent": 1}')$$, '22023', 'option "default_consent" cannot be a number: it must be true or false', 'not a number');
SELECT is(hint_of($$SELECT reco.alter_model('shop', '{"default_consent": 1}')$$), 'Give one of these without quotes, or null for the default.', 'and how it is given');
SELECT is((SELECT concat_ws(' ', type, "default") FROM reco.options() WHERE option = 'default_consent'), 'boolean false', 'no by default');

-- ---- Training -------------------------------------------------------------------------------------------------------

SELECT bits('left') AS "left" \gset
SELECT reco.remove_source('shop', 'customers') \g /dev/null
SELECT bits('shop') AS everybody \gset
SELECT isnt(:'everybody'::text, :'left'::text, 'all customers make another model');
CREATE FUNCTION with_consent(consent text, features text DEFAULT 'band') RETURNS text LANGUAGE sql AS
$$ SELECT name FROM reco.add_users('shop', 'customers', 'id', features => features, consent => consent); SELECT bits('shop') $$;
SELECT is(with_consent('ok'), :'left'::text, 'who does not consent might as well not be there: the same bytes');
SELECT is((SELECT rows - skipped FROM reco.train('shop')), (SELECT count(*) FROM lines_left), 'his lines count nothing, those of nobody do');
SELECT is((SELECT count(*)::integer FROM reco.similar_items('shop', 99)), 0, 'what only he bought is not known');
SELECT is(with_consent('maybe'), :'left'::text, 'NULL is no consent');
SELECT is(with_consent('ok AS train, ok AS social, ok AS sentiment, ok AS attributes'), :'left'::text, 'by purpose');
SELECT is(with_consent('ok AS train'), :'left'::text, 'training alone leaves everything of his out');
SELECT is(with_consent('ok AS personalize'), with_consent(NULL), 'consent to other things is not asked here');
SELECT is(with_consent(NULL, NULL), :'everybody'::text, 'where nothing is asked all is allowed');

SELECT reco.alter_model('shop', '{"default_consent": true}') \g /dev/null
SELECT is(with_consent('maybe', NULL), :'everybody'::text, 'NULL is consent where that is the default');
SELECT is(with_consent('ok'), :'left'::text, 'but no is no');
SELECT reco.alter_model('shop', '{"default_consent": null}') \g /dev/null
CREATE TABLE kept AS SELECT * FROM customers;
DELETE FROM customers WHERE NOT ok;
SELECT is(with_consent('ok'), :'left'::text, 'no row is no consent');
SELECT reco.alter_model('shop', '{"default_consent": true}') \g /dev/null
SELECT is(with_consent('ok', NULL), :'everybody'::text, 'unless that is the default');
SELECT reco.alter_model('shop', '{"default_consent": null}') \g /dev/null
INSERT INTO customers SELECT * FROM kept WHERE NOT ok;
INSERT INTO customers SELECT id, true, true, band FROM kept WHERE NOT ok;
SELECT is(with_consent('ok'), :'left'::text, 'of two rows that differ no wins');
UPDATE customers SET ok = true;
CREATE TABLE objections AS SELECT id, false AS ok FROM kept WHERE NOT ok;
SELECT reco.add_users('shop', 'objections', 'id', consent => 'ok') \g /dev/null
SELECT is(with_consent('ok'), :'left'::text, 'and of two sources');
SELECT reco.remove_source('shop', 'objections') \g /dev/null
TRUNCATE customers;
INSERT INTO customers SELECT * FROM kept;

-- The same with texts as keys.
CREATE VIEW texts AS SELECT order_id, 'c' || customer AS customer, item, at, quantity FROM lines;
SELECT reco.create_model(m, 'UTC', '{"factors": 12, "seed": 1}') FROM unnest('{words,words_left}'::text[]) m \g /dev/null
SELECT reco.add_orders('words', 'texts', 'customer', 'item', 'at', 'order_id', 'quantity'), reco.add_users('words', 'customers', '''c'' || id', consent => 'ok'),
       reco.add_orders('words_left', 'lines_left', '''c'' || customer', 'item', 'at', 'order_id', 'quantity') \g /dev/null
SELECT is(bits('words'), bits('words_left'), 'texts as keys');

-- A rerun of the past leaves them out too.
SELECT with_consent('ok') \g /dev/null
SELECT results_eq($$SELECT algorithm, request, metric, value, n FROM reco.evaluate('shop', algorithms => '{popularity}') WHERE request IN ('completion', 'next_basket') AND metric !~ 'seconds|milli' ORDER BY 1, 2, 3$$,
                  $$SELECT algorithm, request, metric, value, n FROM reco.evaluate('left', algorithms => '{popularity}') WHERE request IN ('completion', 'next_basket') AND metric !~ 'seconds|milli' ORDER BY 1, 2, 3$$,
                  'evaluate answers as without them');

SELECT cmp_ok((SELECT count(*) FROM reco.evaluate('shop', algorithms => '{popularity}') WHERE request = 'completion' AND value IS NOT NULL), '>', 10::bigint, 'which says something');

-- Whoever replays without what has no time still asks what customers consent to.
CREATE FUNCTION replayed(undated boolean) RETURNS SETOF text LANGUAGE sql AS
$$ SELECT r::text FROM reco.replay('shop', k => 5, undated => replayed.undated, algorithms => '{popularity}') r ORDER BY 1 $$;
SELECT with_consent('true AS train, true AS attributes, ok AS personalize', NULL) \g /dev/null
CREATE TABLE asked AS SELECT * FROM replayed(true);
SELECT with_consent('true AS train, true AS attributes, ok AS personalize') \g /dev/null
SELECT results_eq('SELECT replayed(false)', 'TABLE asked', 'evaluations ask for consent, also without what has no time');
SELECT with_consent(NULL) \g /dev/null
SELECT results_ne('SELECT replayed(false)', 'TABLE asked', 'which says something too');
SELECT with_consent('ok') \g /dev/null

-- Reviews and features are purposes of their own.
SELECT reco.create_model('rest', 'UTC', '{"factors": 12, "seed": 1}') \g /dev/null
SELECT reco.add_orders('rest', 'lines', 'customer', 'item', 'at', 'order_id', 'quantity'), reco.add_reviews('rest', 'reviews_left', 'customer', 'item', 'at', 'stars', 'body'),
       reco.add_users('rest', 'customers_left', 'id', features => 'band') \g /dev/null
CREATE FUNCTION ratings(model text) RETURNS SETOF text LANGUAGE sql AS
$$ SELECT concat_ws(' ', algorithm, metric, value, n) FROM reco.evaluate(model, algorithms => '{popularity}') WHERE request = 'rating' AND metric IN ('mse', 'rmse') ORDER BY 1 $$;
CREATE FUNCTION bands(model text) RETURNS SETOF text LANGUAGE sql AS
$$ SELECT f::text FROM reco.fairness(model, 'users.band', min_support => 2) f ORDER BY 1 $$;
SELECT name FROM reco.add_users('shop', 'customers', 'id', features => 'band', consent => 'ok AS sentiment') \g /dev/null
SELECT results_eq('SELECT ratings(''shop'')', 'SELECT ratings(''rest'')', 'reviews of who does not consent are not read');
SELECT cmp_ok((SELECT count(*) FROM ratings('shop')), '>', 2::bigint, 'but others are');
SELECT name FROM reco.add_users('shop', 'customers', 'id', features => 'band', consent => 'ok AS attributes') \g /dev/null
SELECT results_ne('SELECT ratings(''shop'')', 'SELECT ratings(''rest'')', 'they are, where features are what was asked about');
SELECT reco.remove_source('rest', 'reviews_left') \g /dev/null
SELECT reco.add_reviews('rest', 'reviews', 'customer', 'item', 'at', 'stars', 'body'), reco.add_social('rest', 'follows', 'follower', 'followed', 'since') \g /dev/null
SELECT results_eq('SELECT bands(''shop'')', 'SELECT bands(''rest'')', 'features of who does not consent are not');
SELECT cmp_ok((SELECT count(*) FROM bands('shop')), '>', 2::bigint, 'but others are');

-- ---- Requests -------------------------------------------------------------------------------------------------------

SELECT with_consent('ok') \g /dev/null
CREATE FUNCTION answer(customer bigint, basket bigint[] DEFAULT NULL, history bigint[] DEFAULT NULL) RETURNS SETOF text LANGUAGE sql AS
$$ SELECT r::text FROM reco.recommend('shop', customer, k => 40, basket => basket, history => history) r $$;
SELECT isnt((SELECT array_agg(a) FROM answer(4) a), (SELECT array_agg(a) FROM answer(NULL) a), 'who consents gets an answer of his own');
SELECT results_eq('SELECT answer(3)', 'SELECT answer(NULL)', 'who does not gets nobody''s answer');
SELECT results_eq('SELECT answer(3, ''{1,2}'')', 'SELECT answer(NULL, ''{1,2}'')', 'a basket belongs to the request, and answers');
SELECT results_eq('SELECT answer(3, NULL, ''{1,2}'')', 'SELECT answer(NULL, NULL, ''{1,2}'')', 'and so does a history that the request brings along');
SELECT results_eq('SELECT answer(60)', 'SELECT answer(NULL)', 'a customer without a row too');
SELECT results_eq($$SELECT item_id FROM reco.recommend('shop', 3, k => 40, exclude_purchased => true)$$, $$SELECT item_id FROM reco.recommend('shop', NULL, k => 40)$$,
                  'what he bought is not left out either: it would have to be looked at');
SELECT results_eq($$SELECT e::text FROM reco.explain('shop', 3, 25) e$$, $$SELECT e::text FROM reco.explain('shop', NULL, 25) e$$, 'the explanation is that answer''s');
SELECT results_eq($$SELECT p::text FROM reco.predict('shop', 3, '{25,26,1}') p$$, $$SELECT p::text FROM reco.predict('shop', NULL, '{25,26,1}') p$$, 'and so are predictions');
SELECT reco.remove_source('shop', 'follows') \g /dev/null
SELECT results_eq($$SELECT rank, item_id, score, probability, source, value, price, offer, rules FROM reco.recommend_all('shop', k => 5) WHERE user_id = 3 ORDER BY rank$$, $$SELECT * FROM reco.recommend('shop', NULL, k => 5)$$,
                  'recommend_all gives him nobody''s answer');
SELECT results_eq($$SELECT rank, item_id, score, probability, source, value, price, offer, rules FROM reco.recommend_all('shop', k => 5) WHERE user_id = 4 ORDER BY rank$$, $$SELECT * FROM reco.recommend('shop', 4, k => 5)$$,
                  'and others theirs');
SELECT results_eq($$SELECT user_id, rank, item_id, score, probability, source, value, price, offer, rules FROM reco.recommend_all('shop', k => 3, users => '{3,4,60}') ORDER BY 1, 2$$,
                  $$SELECT u.id, r.* FROM unnest('{3,4,60}'::bigint[]) u (id), reco.recommend('shop', u.id, k => 3) r ORDER BY 1, 2$$, 'also where customers are named');

-- A key that its column finds equal is his.
CREATE TABLE padded AS SELECT order_id, ('c' || customer)::char(6) AS customer, item, at, quantity FROM lines WHERE customer IS NOT NULL;
CREATE TABLE padded_customers AS SELECT ('c' || id)::char(6) AS id, ok FROM customers;
SELECT reco.create_model('padded', 'UTC', '{"factors": 12, "seed": 1, "default_consent": true}') \g /dev/null
SELECT reco.add_orders('padded', 'padded', 'customer', 'item', 'at', 'order_id', 'quantity'), reco.add_users('padded', 'padded_customers', 'id', consent => 'ok') \g /dev/null
SELECT reco.train('padded') \g /dev/null
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend_text('padded', key)), source, format('a padded key, "%s"', key))
FROM   (VALUES ('c3', 'popular'), ('c3    ', 'popular'), ('c4', 'personal'), ('c4    ', 'personal')) k (key, source);

-- It is read in each statement.
SELECT array_agg(a) AS before FROM answer(4) a \gset
BEGIN;
UPDATE customers SET ok = false WHERE id = 4;
SELECT results_eq('SELECT answer(4)', 'SELECT answer(NULL)', 'consent that is withdrawn counts in the next statement');
ROLLBACK;
SELECT is((SELECT array_agg(a) FROM answer(4) a), :'before'::text[], 'and so does one that is given back');
SELECT with_consent('ok AS train') \g /dev/null
SELECT isnt((SELECT array_agg(a) FROM answer(3) a), (SELECT array_agg(a) FROM answer(NULL) a), 'who was asked about training alone has an answer of his own');
SELECT with_consent('true AS train, maybe AS personalize') \g /dev/null
SELECT results_eq('SELECT answer(3)', 'SELECT answer(NULL)', 'and who said nothing about personal answers has none');
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend('shop', 3)), 'popular', 'the source says so');

SELECT * FROM finish();
