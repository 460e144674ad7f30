-- What words say, the stars that are expected, and what one's own stars change: sentiment, predict, and reviews in training.

SET client_min_messages = warning;
SELECT plan(80);

-- ---- A shop whose reviews have a language of their own ---------------------------------------------------------------

-- Good and bad words, turned round by "not", among words that say nothing; item 1 to 10 of brand a are liked, those of z not.
CREATE TABLE products (id bigint PRIMARY KEY, brand text, kind text);
INSERT INTO products SELECT id, CASE WHEN id <= 20 THEN 'a' ELSE 'z' END, 'kind ' || id % 3 FROM generate_series(1, 40) id;
CREATE TABLE lines (order_id bigint, customer_id bigint, product_id bigint, at timestamptz);
INSERT INTO lines
SELECT o, o % 60, 1 + (hashint8extended(o * 10 + j, 3) & 2147483647) % 40, timestamptz '2024-01-01' + o * interval '1 hour'
FROM   generate_series(1, 900) o, generate_series(1, 3) j;
CREATE INDEX ON lines (customer_id, at DESC);
CREATE FUNCTION draw(seed bigint, n bigint) RETURNS bigint IMMUTABLE LANGUAGE sql AS $$ SELECT (hashint8extended(seed, n) & 2147483647) % n $$;
CREATE FUNCTION write(seed bigint, stars bigint) RETURNS text IMMUTABLE LANGUAGE sql AS $$
	SELECT string_agg(CASE WHEN draw(seed * 100 + i, 2) = 0 THEN 'thing' || draw(seed * 100 + i, 97)
						   WHEN draw(seed * 100 + i, 4) < stars - 1 THEN CASE WHEN draw(seed * 100 + i, 3) = 0 THEN 'not bad' ELSE 'good' END || draw(seed * 100 + i, 11)
						   ELSE CASE WHEN draw(seed * 100 + i, 3) = 0 THEN 'not good' ELSE 'bad' END || draw(seed * 100 + i, 11) END, ' ' ORDER BY i)
	FROM generate_series(1, 12) i
$$;
CREATE TABLE reviews (id bigint, customer_id bigint, product_id bigint, at timestamptz, stars integer, body text);
INSERT INTO reviews
SELECT r, r % 60, 1 + draw(r, 40), timestamptz '2024-01-01' + r * interval '20 minutes', stars, write(r, stars)
FROM   generate_series(1, 2000) r, LATERAL (SELECT CASE WHEN draw(r, 40) < 20 THEN 5 - draw(r, 3) ELSE 3 - draw(r, 3) END AS stars) s;
ANALYZE;
CREATE TABLE later AS SELECT stars, write(100000 + r, stars) AS body FROM generate_series(1, 500) r, LATERAL (SELECT 1 + r % 5 AS stars) s;
CREATE FUNCTION train_notices(model text) RETURNS text[] LANGUAGE plpgsql AS $$ BEGIN PERFORM reco.train(model); RETURN NULL; END $$;
CREATE FUNCTION balanced(model text) RETURNS numeric LANGUAGE sql AS $$
	SELECT ((avg((positive >= 0.5)::int) FILTER (WHERE l.stars > 3) + avg((positive < 0.5)::int) FILTER (WHERE l.stars < 3)) / 2)::numeric FROM later l, reco.sentiment(model, body) s
$$;
SELECT reco.create_model('shop', 'UTC', '{"factors": 8}') \g /dev/null
SELECT reco.add_orders('shop', 'lines', 'customer_id', 'product_id', 'at', 'order_id'), reco.add_items('shop', 'products', 'id', features => 'brand, kind'),
       reco.add_reviews('shop', 'reviews', 'customer_id', 'product_id', 'at', 'stars', 'body') \g /dev/null

-- ---- Words -----------------------------------------------------------------------------------------------------------

SELECT throws_ok($$SELECT * FROM reco.sentiment('shop', 'good1')$$, '55000', 'model "shop" has not been trained', 'before any training');
SELECT reco.train('shop') \g /dev/null
SELECT cmp_ok(balanced('shop'), '>', 0.85, 'words of later texts are understood');
SELECT cmp_ok(s.positive, '>', 0.8::float8, 'a good word') FROM reco.sentiment('shop', 'good1 good2 thing3') s;
SELECT cmp_ok(s.positive, '<', 0.2::float8, 'a bad word') FROM reco.sentiment('shop', 'bad1 bad2 thing3') s;
SELECT cmp_ok((SELECT positive FROM reco.sentiment('shop', 'not bad1 not bad2')), '>', (SELECT positive FROM reco.sentiment('shop', 'bad1 bad2')), 'a word before it counts');
SELECT cmp_ok(s.stars, '>', 3.5::float8, 'and the stars to be expected') FROM reco.sentiment('shop', 'good1 good2 good3') s;
SELECT cmp_ok(s.stars, '<', 2.5::float8, 'of both') FROM reco.sentiment('shop', 'bad1 bad2 bad3') s;
SELECT cmp_ok((SELECT reco.rmse(s.stars, l.stars) FROM later l, reco.sentiment('shop', body) s), '<', 0.8 * (SELECT stddev(stars)::float8 FROM later), 'which come true');
SELECT is_empty($$SELECT * FROM later l, reco.sentiment('shop', body) s WHERE NOT (s.positive BETWEEN 0 AND 1 AND s.stars BETWEEN 1 AND 5)$$, 'within their ranges');
SELECT is(s.positive, t.positive, 'case and white space do not matter') FROM reco.sentiment('shop', 'good1 thing2') s, reco.sentiment('shop', E'  GOOD1\n\tThing2 ') t;
SELECT ok(s.positive IS NULL AND s.stars IS NULL, format('NULL for %s', quote_nullable(body)))
FROM   unnest(ARRAY[NULL, '', ' ', '!!! ... ---', E'\n']) body, reco.sentiment('shop', body) s;
SELECT isnt(s.positive, NULL, what) FROM (VALUES ('words that nobody wrote', 'xyzzy plugh'), ('one letter', 'a'), ('a long text', repeat('good1 thing ', 100000)), ('a_a_a_', repeat('a_', 30000)),
       ('emoji and right-to-left', E'\U0001F600 good1 שלום'), ('markup', '<b>good1</b> http://example.com/x?y=z a@b.c')) v (what, body), reco.sentiment('shop', body) s;
SELECT is(s.positive, t.positive, 'the first 500 words of it') FROM reco.sentiment('shop', repeat('good1 ', 500)) s, reco.sentiment('shop', repeat('good1 ', 500) || repeat('bad1 ', 900)) t;
SELECT is((SELECT count(s.positive)::integer FROM later, reco.sentiment('shop', body) s), 500, 'LATERAL');
SELECT is((reco.sentiment('shop', 'good1')).stars, s.stars, 'in a target list') FROM reco.sentiment('shop', 'good1') s;
SELECT results_eq($$SELECT s.* FROM reco.sentiment(body => 'good1', model => 'shop') s$$, $$SELECT s.* FROM reco.sentiment('shop', 'good1') s$$, 'by name');
SELECT throws_ok($$SELECT * FROM reco.sentiment(NULL, 'good1')$$, '22004', 'parameter "model" must not be null', 'a model must be named');
SELECT throws_ok($$SELECT * FROM reco.sentiment('nothing', 'good1')$$, '42704', 'model "nothing" does not exist', 'one that exists');
BEGIN;
SET LOCAL search_path = pg_temp, public;
CREATE TEXT SEARCH CONFIGURATION public.simple (COPY = english);
SELECT is((SELECT positive FROM reco.sentiment('shop', 'good1 thing2')), (SELECT positive FROM later, reco.sentiment('shop', 'good1 thing2') LIMIT 1), 'a configuration that somebody calls simple');
SELECT isnt((SELECT positive FROM reco.sentiment('shop', 'not')), NULL, 'changes nothing: "not" is a word');
ROLLBACK;

-- ---- The same bits for any order of rows and any number of workers ---------------------------------------------------

CREATE TABLE shuffled AS SELECT * FROM reviews ORDER BY md5(id::text);
CREATE FUNCTION trained_bytes(sources text, workers integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('max_parallel_maintenance_workers', workers::text, true);
	PERFORM reco.remove_source('shop', 'reviews', 'reviews');
	PERFORM reco.add_reviews('shop', sources::regclass, 'customer_id', 'product_id', 'at', 'stars', 'body', name => 'reviews');
	PERFORM reco.train('shop');
	SELECT md5(reco.export_model('shop')) INTO result;
	RAISE EXCEPTION USING ERRCODE = 'UNDOO';
EXCEPTION WHEN SQLSTATE 'UNDOO' THEN
	RETURN result;
END $$;
SELECT is(trained_bytes('shuffled', 0), trained_bytes('reviews', 0), 'in another order');
SELECT is(trained_bytes('reviews', 2), trained_bytes('reviews', 0), 'by several processes');
CREATE VIEW without_words AS SELECT id, customer_id, product_id, at, stars, NULL::text AS body FROM reviews;
SELECT isnt(trained_bytes('without_words', 0), trained_bytes('reviews', 0), 'words are among them');

-- ---- Where words say nothing -----------------------------------------------------------------------------------------

CREATE TABLE by_lot AS SELECT r.id, r.customer_id, r.product_id, r.at, s.stars, r.body FROM reviews r JOIN reviews s ON s.id = 1 + (r.id * 777 + 13) % 2000;
SELECT reco.create_model('lot', 'UTC', '{"factors": 8}') \g /dev/null
SELECT reco.add_orders('lot', 'lines', 'customer_id', 'product_id', 'at', 'order_id'), reco.add_reviews('lot', 'by_lot', 'customer_id', 'product_id', 'at', 'stars', 'body') \g /dev/null
SELECT reco.train('lot') \g /dev/null
SELECT cmp_ok(abs(balanced('lot') - 0.5), '<', 0.1, 'stars by lot: nothing is understood');
SELECT cmp_ok((SELECT max(abs(positive - 0.5)) FROM later, reco.sentiment('lot', body)), '<', 0.35::float8, 'and nothing is said for sure');

-- ---- Too few texts ---------------------------------------------------------------------------------------------------

CREATE VIEW few AS SELECT * FROM reviews WHERE id <= 499;
CREATE VIEW enough AS SELECT * FROM reviews WHERE id <= 500;
CREATE VIEW glad AS SELECT * FROM reviews WHERE stars > 3 OR id IN (SELECT id FROM reviews WHERE stars = 1 ORDER BY id LIMIT 24);
SELECT reco.create_model('few', 'UTC', '{"factors": 8}') \g /dev/null
SELECT reco.add_orders('few', 'lines', 'customer_id', 'product_id', 'at', 'order_id'), reco.add_items('few', 'products', 'id', features => 'brand, kind') \g /dev/null
SELECT reco.train('few') \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.sentiment('few', 'good1')$$, '55000', 'model "few" has not learned what words say', 'without reviews');
SELECT throws_ok($$SELECT * FROM reco.sentiment('few', NULL)$$, '55000', 'model "few" has not learned what words say', 'not even of nothing');
SELECT is((SELECT count(expected_stars)::integer FROM reco.predict('few', 7, '{1,2}')), 0, 'no stars are expected');
SELECT reco.add_reviews('few', 'few', 'customer_id', 'product_id', 'at', 'stars', 'body', name => 'reviews') \g /dev/null
SELECT reco.train('few') \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.sentiment('few', 'good1')$$, '55000', 'model "few" has not learned what words say', '499 texts are too few');
SELECT is((SELECT count(expected_stars)::integer FROM reco.predict('few', 7, '{1,2}')), 2, 'but stars are expected');
SELECT reco.add_reviews('few', 'enough', 'customer_id', 'product_id', 'at', 'stars', 'body', name => 'reviews') \g /dev/null
SELECT reco.train('few') \g /dev/null
SELECT lives_ok($$SELECT * FROM reco.sentiment('few', 'good1')$$, '500 are enough');
SELECT reco.add_reviews('few', 'glad', 'customer_id', 'product_id', 'at', 'stars', 'body', name => 'reviews') \g /dev/null
SELECT reco.train('few') \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.sentiment('few', 'good1')$$, '55000', 'model "few" has not learned what words say', 'unless but 24 of them are glad');
SELECT reco.add_reviews('few', 'reviews', 'customer_id', 'product_id', 'at', '4', 'body', name => 'reviews') \g /dev/null
SELECT reco.train('few') \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.sentiment('few', 'good1')$$, '55000', 'model "few" has not learned what words say', 'or say the same');
SELECT is((SELECT count(expected_stars)::integer FROM reco.predict('few', 7, '{1,2}')), 0, 'of which no stars are expected either');
SELECT reco.add_reviews('few', 'reviews', 'customer_id', 'product_id', 'at', $$CASE stars WHEN 1 THEN 'NaN'::float8 WHEN 2 THEN 'infinity' WHEN 3 THEN NULL WHEN 4 THEN -1 ELSE 1 END$$, '''same words''', name => 'reviews') \g /dev/null
SELECT reco.train('few') \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.sentiment('few', 'good1')$$, '55000', 'model "few" has not learned what words say', 'one text over and over says nothing');

-- ---- Configurations of text search -----------------------------------------------------------------------------------

SELECT is(s.expressions ->> 'configuration', expression, format('configuration %s', coalesce(given, 'NULL')))
FROM   (VALUES (NULL, NULL), ('english', '''english''::regconfig'), ('pg_catalog.simple', '''simple''::regconfig')) v (given, expression),
       reco.add_reviews('few', 'reviews', 'customer_id', 'product_id', 'at', 'stars', 'body', configuration => given::regconfig, name => 'reviews') s;
SELECT throws_ok($$SELECT reco.add_reviews('few', 'reviews', 'customer_id', 'product_id', configuration => 'nothing')$$, '42704', 'text search configuration "nothing" does not exist', 'one that does not exist');
SELECT throws_ok($$SELECT reco.add_reviews('few', 'reviews', 'customer_id', 'product_id', configuration => 4294967295::regconfig)$$, '42704', 'text search configuration with OID 4294967295 does not exist', 'nor by its number');
CREATE TEXT SEARCH CONFIGURATION public."my ""own""" (COPY = english);
SELECT reco.add_reviews('few', 'reviews', 'customer_id', 'product_id', 'at', 'stars', 'body', configuration => '"my ""own"""', name => 'reviews') \g /dev/null
SELECT reco.train('few') \g /dev/null
SELECT is((SELECT positive FROM reco.sentiment('few', 'good1 things the')), (SELECT positive FROM reco.sentiment('few', 'good1 thing')), 'endings and stop words are its matter');
BEGIN;
SET LOCAL search_path = pg_catalog;
SELECT positive AS told FROM reco.sentiment('few', 'good1') \gset
COMMIT;
SELECT is(:told::float8, (SELECT positive FROM reco.sentiment('few', 'good1')), 'on any search path');
DROP TEXT SEARCH CONFIGURATION public."my ""own""";
SELECT throws_ok($$SELECT * FROM reco.sentiment('few', 'good1')$$, '42704', 'text search configuration public."my ""own""", by which model "few" finds words, does not exist', 'when it is gone');
SELECT throws_ok($$SELECT * FROM reco.train('few')$$, '42704', NULL, 'nor can be trained by it');

-- ---- Reviews without stars -------------------------------------------------------------------------------------------

-- The same reviews, those of items 31 to 40 without stars: words alone tell that these are not liked.
CREATE VIEW half AS SELECT id, customer_id, product_id, at, CASE WHEN product_id <= 30 THEN stars END AS stars, body FROM reviews;
CREATE VIEW half_alone AS SELECT * FROM half WHERE stars IS NOT NULL;
SELECT reco.create_model('half', 'UTC', '{"factors": 8}'), reco.create_model('half_alone', 'UTC', '{"factors": 8}') \g /dev/null
SELECT reco.add_orders(m, 'lines', 'customer_id', 'product_id', 'at', 'order_id'), reco.add_reviews(m, m::regclass, 'customer_id', 'product_id', 'at', 'stars', 'body') FROM unnest(ARRAY['half', 'half_alone']) m \g /dev/null
SELECT reco.train('half'), reco.train('half_alone') \g /dev/null
CREATE FUNCTION expected(model text, first bigint, last bigint) RETURNS float8 LANGUAGE sql AS $$
	SELECT avg(expected_stars) FROM reco.predict(model, NULL, ARRAY(SELECT generate_series(first, last)))
$$;
SELECT cmp_ok(expected('half', 31, 40), '<', expected('half_alone', 31, 40) - 0.5, 'they count by their words');
SELECT cmp_ok(abs(expected('half', 31, 40) - expected('shop', 31, 40)), '<', 0.8::float8, 'about as much as their stars would');

-- ---- Expected stars --------------------------------------------------------------------------------------------------

SELECT cmp_ok(expected('shop', 1, 20), '>', expected('shop', 21, 40) + 1, 'items that are liked are expected to be');
SELECT is_empty($$SELECT * FROM reco.predict('shop', 7, ARRAY(SELECT id FROM products)) WHERE NOT expected_stars BETWEEN 1 AND 5 OR expected_stars IS NULL$$, 'within the scale');
SELECT results_eq($$SELECT expected_stars FROM reco.predict('shop', 7, '{999,-1}')$$, 'VALUES (NULL::float8), (NULL)', 'none of items that are not known');
-- A new product of a brand that is liked.
INSERT INTO products VALUES (41, 'a', 'kind 1'), (42, 'z', 'kind 1'), (43, NULL, NULL);
SELECT reco.train('shop') \g /dev/null
SELECT results_eq($$SELECT p.expected_stars > q.expected_stars + 1, q.expected_stars > r.expected_stars - 2 FROM reco.predict('shop', NULL, '{41}') p, reco.predict('shop', NULL, '{42}') q, reco.predict('shop', NULL, '{43}') r$$,
                  'VALUES (true, true)', 'nobody reviewed it, but others of its brand');
SELECT cmp_ok(abs(expected_stars - (SELECT avg(stars) FROM reviews)::float8), '<', 1e-6::float8, 'of an item that has nothing in common with others the mean') FROM reco.predict('shop', NULL, '{43}');
-- The customer's own reviews are read live.
BEGIN;
CREATE TEMP TABLE before AS SELECT * FROM reco.predict('shop', 1000, '{1,2,30}');
INSERT INTO reviews SELECT 0, 1000, p, '2024-06-01', 1, NULL FROM generate_series(1, 10) p;
SELECT is_empty($$SELECT * FROM before b JOIN reco.predict('shop', 1000, '{1,2,30}') a USING (position) WHERE NOT a.expected_stars < b.expected_stars$$, 'one who gives few stars is expected to go on so');
SELECT is_empty($$SELECT * FROM before b JOIN reco.predict('shop', 1000, '{1,2,30}', as_of => '2024-05-01') a USING (position) WHERE abs(a.expected_stars - b.expected_stars) > 1e-9$$, 'but not before he did');
SELECT is_empty($$SELECT * FROM before b JOIN reco.predict('shop', NULL, '{1,2,30}') a USING (position) WHERE abs(a.expected_stars - b.expected_stars) > 1e-9$$, 'nor is anybody else');
UPDATE reviews SET stars = NULL, body = 'bad1 bad2 bad3' WHERE customer_id = 1000;
SELECT is_empty($$SELECT * FROM before b JOIN reco.predict('shop', 1000, '{1,2,30}') a USING (position) WHERE NOT a.expected_stars < b.expected_stars$$, 'words tell it as well');
UPDATE reviews SET body = NULL WHERE customer_id = 1000;
SELECT is_empty($$SELECT * FROM before b JOIN reco.predict('shop', 1000, '{1,2,30}') a USING (position) WHERE a.expected_stars <> b.expected_stars$$, 'reviews of neither say nothing');
ROLLBACK;
-- Where reviews have no time, all of them count.
SELECT reco.create_model('undated', 'UTC', '{"factors": 8}') \g /dev/null
SELECT reco.add_orders('undated', 'lines', 'customer_id', 'product_id', 'at', 'order_id'), reco.add_reviews('undated', 'reviews', 'customer_id', 'product_id', stars => 'stars') \g /dev/null
SELECT reco.train('undated') \g /dev/null
SELECT cmp_ok(abs((SELECT expected_stars FROM reco.predict('undated', NULL, '{1}')) - (SELECT avg(stars) FROM reviews)::float8 - (SELECT sum(stars - m) / (count(*) + 20) FROM reviews, (SELECT avg(stars) AS m FROM reviews) x WHERE product_id = 1)::float8), '<', 1e-5::float8,
              'the mean, and the item''s with 20 reviews of the mean');
SELECT isnt((SELECT expected_stars FROM reco.predict('undated', 7, '{1}')), (SELECT expected_stars FROM reco.predict('undated', NULL, '{1}')), 'and the customer''s own');

-- ---- One's own stars --------------------------------------------------------------------------------------------------

-- Everybody tries items of two sorts, 1 to 30 and 31 to 60, likes one of them, and buys of that one alone from then on.
CREATE TABLE tried (order_id bigint, customer_id bigint, product_id bigint, at timestamptz);
INSERT INTO tried SELECT c, c, (j % 2) * 30 + 1 + draw(c * 10 + j, 30), timestamptz '2024-01-01' + c * interval '10 minutes' FROM generate_series(1, 1200) c, generate_series(1, 8) j
UNION SELECT 2000 + c, c, (c % 2) * 30 + 1 + draw(c * 10 + 5000 + j, 30), timestamptz '2024-02-01' + c * interval '10 minutes' FROM generate_series(1, 1200) c, generate_series(1, 4) j;
CREATE INDEX ON tried (customer_id, at DESC);
CREATE TABLE verdicts AS SELECT customer_id, product_id, at + interval '1 hour' AS at, CASE WHEN (product_id > 30) = (customer_id % 2 = 1) THEN 5 ELSE 1 END AS stars FROM tried WHERE order_id <= 1200;
CREATE VIEW verdicts_by_lot AS SELECT customer_id, product_id, at, 1 + draw(customer_id * 100 + product_id, 5) AS stars FROM verdicts;
SELECT reco.create_model(m, 'UTC', '{"factors": 8}') FROM unnest(ARRAY['verdicts', 'verdicts_by_lot']) m \g /dev/null
SELECT reco.add_orders(m, 'tried', 'customer_id', 'product_id', 'at', 'order_id'), reco.add_reviews(m, m::regclass, 'customer_id', 'product_id', 'at', 'stars') FROM unnest(ARRAY['verdicts', 'verdicts_by_lot']) m \g /dev/null
SELECT reco.train('verdicts'), reco.train('verdicts_by_lot') \g /dev/null
SELECT cmp_ok(weight, '>', 0::float8, 'training finds that they count') FROM reco.weights('verdicts') WHERE component = 'stars' AND request = 'history';
SELECT is(weight, 0::float8, 'and that stars by lot do not') FROM reco.weights('verdicts_by_lot') WHERE component = 'stars' AND request = 'history';
INSERT INTO tried SELECT 9000, c, p, '2024-02-20' FROM unnest(ARRAY[7001, 7002]) c, unnest(ARRAY[1, 2, 3, 4, 31, 32, 33, 34]) p;
INSERT INTO verdicts SELECT c, p, '2024-02-21', CASE WHEN (p > 30) = (c = 7001) THEN 5 ELSE 1 END FROM unnest(ARRAY[7001, 7002]) c, unnest(ARRAY[1, 2, 3, 4, 31, 32, 33, 34]) p;
CREATE FUNCTION of_second(model text, c bigint, moment timestamptz) RETURNS float8 LANGUAGE sql AS $$
	SELECT avg((item_id > 30)::int)::float8 FROM reco.recommend(model, c, k => 20, as_of => moment)
$$;
SELECT cmp_ok(of_second('verdicts', 7001, '2024-03-01'), '>', 0.7::float8, 'a new customer gets what he liked');
SELECT cmp_ok(of_second('verdicts', 7002, '2024-03-01'), '<', 0.3::float8, 'and another one the contrary');
SELECT is(of_second('verdicts', 7001, '2024-02-20 12:00+00'), of_second('verdicts', 7002, '2024-02-20 12:00+00'), 'but not before they said so');
SELECT is(of_second('verdicts_by_lot', 7001, '2024-03-01'), of_second('verdicts_by_lot', 7002, '2024-03-01'), 'where stars do not count, they change nothing');
SELECT results_eq($$SELECT * FROM reco.recommend_all('verdicts', 5, as_of => '2024-03-01')$$,
                  $$SELECT c, r.* FROM (SELECT DISTINCT customer_id FROM tried) t (c), reco.recommend('verdicts', c, 5, as_of => '2024-03-01') r ORDER BY 1, 2$$, 'recommend_all says the same');
BEGIN;
UPDATE verdicts SET stars = 6 - stars WHERE customer_id = 7001;
SELECT is(of_second('verdicts', 7001, '2024-03-01'), of_second('verdicts', 7002, '2024-03-01'), 'another opinion counts in the same transaction');
INSERT INTO verdicts SELECT customer_id, product_id, '2024-02-22', 6 - stars FROM verdicts WHERE customer_id = 7001;
SELECT cmp_ok(of_second('verdicts', 7001, '2024-03-01'), '>', 0.7::float8, 'the last one that is');
ROLLBACK;

-- ---- Who may ---------------------------------------------------------------------------------------------------------

CREATE ROLE guest;
SET ROLE guest;
SELECT throws_ok($$SELECT * FROM reco.sentiment('shop', 'good1')$$, '42501', 'permission denied for model "shop"', 'not everybody');
SELECT throws_ok($$SELECT * FROM reco.sentiment('shop', NULL)$$, '42501', 'permission denied for model "shop"', 'nor nothing');
RESET ROLE;
SELECT reco.grant_usage('shop', 'guest') \g /dev/null
SET ROLE guest;
SELECT isnt((SELECT positive FROM reco.sentiment('shop', 'good1')), NULL, 'whoever may recommend');
SELECT isnt((SELECT expected_stars FROM reco.predict('shop', 7, '{1}')), NULL, 'and expect stars');
RESET ROLE;
SELECT * FROM finish();
