-- Attributes of items: new items get factors by their words, and what has the same attributes as a bag is found.

SET client_min_messages = warning;
SELECT plan(34);

CREATE FUNCTION noise(text) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$SELECT (hashtextextended($1, 7) & 1048575) / 1048576.0$$;

-- ---- A marketplace -----------------------------------------------------------------------------------------------------

-- 40 brands of 8 items, and one more of each that nobody bought: 1000 and the brand.  Colours do not matter.
CREATE TABLE items AS
SELECT b * 8 + n AS id, 'brand ' || b AS brand, (noise('colour' || b * 8 + n) * 5)::integer AS colour, n::float8 AS price
FROM generate_series(0, 39) b, generate_series(0, 7) n
UNION ALL SELECT 1000 + b, 'brand ' || b, 1, 3.5 FROM generate_series(0, 39) b;
-- Each customer buys once, two items, mostly of one brand; every tenth twice.
CREATE TABLE lines AS
SELECT o, CASE WHEN o % 10 = 0 THEN o - 1 ELSE o END AS u, i, timestamptz '2024-01-01' + o * interval '1 hour' AS at
FROM generate_series(1, 1200) o,
	 LATERAL (SELECT (noise('brand' || CASE WHEN o % 10 = 0 THEN o - 1 ELSE o END) * 40)::integer % 40 AS b) b,
	 LATERAL (SELECT DISTINCT b * 8 + (noise('item' || o || ' ' || j) ^ 2 * 8)::integer % 8 AS i FROM generate_series(1, 2) j) i;
CREATE INDEX ON lines (u);
SELECT reco.create_model('shop', 'UTC', '{"factors": 8}'), reco.create_model('shuffled', 'UTC', '{"factors": 8}'), reco.create_model('plain', 'UTC', '{"factors": 8}') \g /dev/null
SELECT reco.add_orders(m, 'lines', 'u', 'i', 'at', 'o') FROM unnest('{shop,shuffled,plain}'::text[]) m \g /dev/null
SELECT reco.add_items('shop', 'items', 'id', features => 'brand, colour'), reco.add_items('plain', 'items', 'id') \g /dev/null
CREATE TABLE shuffled AS
SELECT a.id, b.brand, b.colour FROM (SELECT id, row_number() OVER (ORDER BY md5(id::text)) AS n FROM items) a
JOIN (SELECT *, row_number() OVER (ORDER BY md5(id || 'x')) AS n FROM items) b USING (n);
SELECT reco.add_items('shuffled', 'shuffled', 'id', features => 'brand, colour') \g /dev/null
SELECT reco.train(m) FROM unnest('{shop,shuffled,plain}'::text[]) m \g /dev/null
SELECT array_agg(id) AS new_items FROM items WHERE id >= 1000 \gset

-- How many of 30 baskets get the new item of their brand first, of the 40 new ones.
CREATE FUNCTION found(model text, new_items bigint[]) RETURNS integer LANGUAGE sql AS $$
	SELECT count(*)::integer FROM generate_series(0, 29) b, reco.recommend(model, NULL, 1, basket => ARRAY[b * 8, b * 8 + 1], candidates => new_items) r
	WHERE r.item_id = 1000 + b AND r.score > 0 $$;
SELECT is(found('shop', :'new_items'), 30, 'the new item of the basket''s brand comes first');
SELECT cmp_ok(found('shuffled', :'new_items'), '<=', 5, 'not with attributes of others');
SELECT is(found('plain', :'new_items'), 0, 'nor without any');
SELECT cmp_ok((SELECT count(*) FROM generate_series(0, 29) b, reco.recommend('shop', NULL, 1, basket => ARRAY[b * 8], candidates => :'new_items') r WHERE r.source = 'attributes'),
              '>=', 8::bigint, 'the source of many is their attributes, of the others factors that they foretell');
SELECT cmp_ok((SELECT count(*) FROM lines l, reco.recommend('shop', l.u, 1, candidates => :'new_items') r WHERE l.o <= 100 AND l.o % 10 <> 0 AND r.item_id = 1000 + l.i / 8),
              '>', (SELECT count(*) * 9 / 10 FROM lines l WHERE l.o <= 100 AND l.o % 10 <> 0), 'and to customers by what they bought');
SELECT cmp_ok((SELECT count(*) FROM generate_series(0, 39) b, reco.recommend('shop', NULL, 5, basket => ARRAY[b * 8 + 7]) r WHERE r.item_id < 1000 AND r.item_id / 8 = b OR r.item_id = 1000 + b), '>', 150::bigint,
              'of all items, too, most are of the brand');
SELECT is((SELECT count(*) FROM reco.recommend('shop', NULL, 20, basket => '{8,9}') r WHERE r.item_id IN (8, 9)), 0::bigint, 'but none from the basket');

-- ---- Explained ---------------------------------------------------------------------------------------------------------

SELECT is((SELECT array_agg(DISTINCT evidence ORDER BY evidence) FROM reco.explain('shop', NULL, 1001, basket => '{8,9,300}') WHERE component = 'match'), '{8,9}',
          'explain names the items of the basket that have the brand');
SELECT is((SELECT array_agg(DISTINCT kind) FROM reco.explain('shop', NULL, 1001, basket => '{8,9,300}') WHERE component = 'match'), '{attributes}', 'as attributes');
SELECT ok(abs(e.sum / p.score - 1) < 1e-4, format('contributions for %s are the score', p.item_id))
FROM unnest(ARRAY[1001, 10, 15, 1000]) i, reco.predict('shop', 9, ARRAY[i::bigint], basket => '{8,9,300}') p,
     LATERAL (SELECT sum(contribution) FROM reco.explain('shop', 9, i, basket => '{8,9,300}')) e;
SELECT ok(EXISTS (SELECT FROM lines l, reco.explain('shop', 9, 1000 + l.i / 8) e WHERE l.u = 9 AND e.component = 'affinity' AND e.contribution > 0), 'and of a history');

-- ---- The same answers everywhere ---------------------------------------------------------------------------------------

CREATE TABLE kept AS SELECT reco.export_model('shop') AS model;
SELECT reco.create_model('copy', 'UTC') \g /dev/null
SELECT FROM kept, reco.import_model('copy', kept.model) \g /dev/null
SELECT results_eq($$SELECT b, r.item_id, r.score, r.source FROM generate_series(0, 39) b, reco.recommend('copy', NULL, 5, basket => ARRAY[b * 8]) r$$,
                  $$SELECT b, r.item_id, r.score, r.source FROM generate_series(0, 39) b, reco.recommend('shop', NULL, 5, basket => ARRAY[b * 8]) r$$, 'an imported model answers the same');
SELECT results_eq($$SELECT user_id, item_id, score FROM reco.recommend_all('shop', 5) WHERE user_id < 100 ORDER BY 1, rank$$,
                  $$SELECT u.u::bigint, r.item_id, r.score FROM (SELECT DISTINCT u FROM lines WHERE u < 100) u, reco.recommend('shop', u.u, 5) r ORDER BY 1, rank$$, 'so does recommend_all');
CREATE TABLE again AS SELECT * FROM items ORDER BY md5(id::text);
SELECT reco.add_items('shop', 'again', 'id', features => 'brand, colour'), reco.remove_source('shop', 'items', 'items') \g /dev/null
SELECT reco.train('shop') \g /dev/null
SELECT ok((SELECT model FROM kept) = reco.export_model('shop'), 'rows in another order give the same bytes');
INSERT INTO again SELECT id, NULL, NULL, NULL FROM items WHERE id % 2 = 0;
SELECT reco.train('shop') \g /dev/null
SELECT ok((SELECT model FROM kept) = reco.export_model('shop'), 'NULL says nothing');

-- ---- Numbers and arrays ------------------------------------------------------------------------------------------------

-- Customers who buy at one price buy at about that price.
CREATE TABLE priced AS SELECT id, 1 + noise('price' || id) * 99 AS price, CASE WHEN id >= 400 THEN '{new,old}'::text[] ELSE ARRAY['old', 't' || id % 3] END AS tags FROM generate_series(1, 420) id;
CREATE TABLE by_price AS
SELECT o, o AS u, i.id AS i, timestamptz '2024-01-01' + o * interval '1 hour' AS at
FROM generate_series(1, 1500) o, LATERAL (SELECT id FROM priced WHERE id < 400 AND abs(price - 1 - noise('wish' || o) * 99) < 5 ORDER BY noise(o || ' ' || id) LIMIT 2) i;
SELECT reco.create_model('prices', 'UTC', '{"factors": 2, "complements": "none"}') \g /dev/null
SELECT reco.add_orders('prices', 'by_price', 'u', 'i', 'at', 'o'), reco.add_items('prices', 'priced', 'id', features => 'price, tags') \g /dev/null
SELECT reco.train('prices') \g /dev/null
SELECT array_agg(id) AS new_items FROM priced WHERE id >= 400 \gset
SELECT cmp_ok((SELECT avg(abs(b.price - p.price)) FROM priced b, reco.recommend('prices', NULL, 1, basket => ARRAY[b.id], candidates => :'new_items') r JOIN priced p ON p.id = r.item_id WHERE b.id < 400), '<', 12.0::float8,
              'numbers are alike where they are near each other');
SELECT is((SELECT count(*) FROM reco.recommend('prices', NULL, 1, basket => '{1}', candidates => '{400}')), 1::bigint, 'an item may have several values');

-- ---- Words -------------------------------------------------------------------------------------------------------------

-- Customers like things of one or two of 12 subjects; of 240 items with two words of a subject each 24 are new.
CREATE TABLE things AS
SELECT id, format('%s %s the thing', 's' || id % 12 || chr(97 + (noise('w' || id) * 4)::integer), 's' || id % 12 || chr(97 + (noise('v' || id) * 4)::integer)) AS title
FROM generate_series(1, 240) id;
CREATE TABLE sold AS
SELECT DISTINCT o, o % 400 AS u, i, timestamptz '2024-01-01' + o * interval '1 hour' AS at
FROM generate_series(1, 2400) o, generate_series(1, 4) j,
	 LATERAL (SELECT 1 + ((noise('s' || o % 400) * 12)::integer + 12 * (noise('i' || o || ' ' || j) * 17)::integer) % 216 AS i) x;
CREATE INDEX ON sold (u);
SELECT reco.create_model('words', 'UTC', '{"factors": 16, "complements": "none"}') \g /dev/null
SELECT reco.add_orders('words', 'sold', 'u', 'i', 'at', 'o'), reco.add_items('words', 'things', 'id', description => 'title') \g /dev/null
SELECT reco.train('words') \g /dev/null
SELECT array_agg(id) AS new_items FROM things WHERE id > 216 \gset
CREATE FUNCTION right_words(new_items bigint[]) RETURNS integer LANGUAGE sql AS $$
	SELECT count(*)::integer FROM generate_series(0, 11) s, reco.recommend('words', NULL, 2, basket => ARRAY[24 + s, 36 + s, 48 + s], candidates => new_items) r
	WHERE r.item_id % 12 = s AND r.score > 0 $$;
SELECT is(right_words(:'new_items'), 24, 'new items of the subject come first');
SELECT is((SELECT count(*) FROM reco.recommend('words', NULL, 24, basket => '{24,36}', candidates => :'new_items') r WHERE r.score > 0 AND r.item_id % 12 = 0), 2::bigint, 'they have factors');
SELECT cmp_ok((SELECT count(*) FROM generate_series(1, 216) i, reco.recommend('words', NULL, 10, basket => ARRAY[i]) r WHERE r.item_id > 216), '<', 2160 * 24 / 240::bigint, 'but do not drive others out');
UPDATE things SET title = 'nothing in common ' || md5(id::text) WHERE id > 216;
SELECT reco.train('words') \g /dev/null
SELECT is(right_words(:'new_items'), 0, 'words that no other item has say nothing');
SELECT is((SELECT count(*) FROM reco.recommend('words', NULL, 24, basket => '{24,36}', candidates => :'new_items') r), 24::bigint, 'such items can be recommended all the same');
UPDATE things SET title = NULL;
SELECT lives_ok($$SELECT reco.train('words')$$, 'no words at all');
UPDATE things SET title = repeat('s0a s0b ', 20000);
SELECT lives_ok($$SELECT reco.train('words')$$, 'long ones');
SELECT reco.add_items('words', 'things', 'id', features => 'id % 3 AS third, NULL::text AS nothing, title', description => 'title') \g /dev/null
SELECT lives_ok($$SELECT reco.train('words')$$, 'features that all have or none');

-- ---- Odd shops ---------------------------------------------------------------------------------------------------------

CREATE TABLE few (u integer, i integer, at timestamptz);
SELECT reco.create_model('odd', 'UTC') \g /dev/null
SELECT reco.add_orders('odd', 'few', 'u', 'i', 'at'), reco.add_items('odd', 'items', 'id', features => 'brand, colour, price', description => 'brand') \g /dev/null
SELECT lives_ok($$SELECT reco.train('odd')$$, 'nothing was bought yet');
SELECT is((SELECT count(*) FROM reco.recommend('odd', NULL, 3, basket => '{8}')), 3::bigint, 'there are answers');
SELECT is((SELECT count(*) FROM reco.recommend('odd', NULL, 8, basket => '{8}') r WHERE r.source = 'attributes'), 8::bigint, 'by attributes, of which all say the same');
INSERT INTO few VALUES (1, 8, '2024-01-01');
SELECT lives_ok($$SELECT reco.train('odd')$$, 'one purchase');
SELECT lives_ok($$SELECT * FROM reco.recommend('odd', 1, 3)$$, 'is answered');
UPDATE few SET i = 5000;
SELECT lives_ok($$SELECT reco.train('odd')$$, 'of what is no item');
SELECT * FROM finish();
