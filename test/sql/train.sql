-- What train reads, counts and keeps; that the same rows give the same bits; and what happens when tables change.

SET client_min_messages = warning;
SELECT plan(253);

-- The active version's bytes.
CREATE FUNCTION bits(name text) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT md5(string_agg(p.data, '' ORDER BY p.part)) FROM reco.model m JOIN reco.version v ON v.model = m.name AND v.version = m.active_version
	JOIN reco.version_part p USING (blob) WHERE m.name = bits.name
$$;
CREATE TABLE lines (o integer, u integer, i integer, at timestamptz, q numeric, p numeric);
SELECT reco.create_model('m', 'UTC', '{"factors": 8, "iterations": 3}') \g /dev/null
SELECT reco.add_orders('m', 'lines', 'u', 'i', 'at', 'o', 'q') \g /dev/null
-- Trains on the given lines and says what was read and built: rows, skipped, users, items, orders, bags.
CREATE FUNCTION trained(lines text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	TRUNCATE lines;
	IF lines <> '' THEN
		EXECUTE 'INSERT INTO lines VALUES ' || lines;
	END IF;
	SELECT concat_ws(' ', rows, skipped, users, items, orders, bags) INTO result FROM reco.train('m');
	RETURN result;
END $$;
-- Whether two sets of lines give the same model, but for the keys of orders.
CREATE FUNCTION same(a text, b text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	a_bits text;
BEGIN
	PERFORM trained(a);
	a_bits := bits('m');
	PERFORM trained(b);
	RETURN a_bits = bits('m');
END $$;

-- ---- Lines that count nothing --------------------------------------------------------------------------------------

SELECT is(trained(lines), expected, format('%s: %s', what, expected))
FROM   (VALUES
	('', '0 0 0 0 0 0', 'an empty table'),
	('(1, 1, 1, ''2024-01-01'', 1, 1)', '1 0 1 1 1 1', 'one line'),
	('(1, 1, 1, ''2024-01-01'', 1, 1), (1, 1, 2, ''2024-01-01'', 1, 1)', '2 0 1 2 1 2', 'an order of two items: a bag of the order, one of the customer'),
	('(1, 1, 1, ''2024-01-01'', 1, 1), (2, 1, 2, ''2024-01-01'', 1, 1)', '2 0 1 2 2 1', 'two orders of one item each: the customer''s bag'),
	('(1, NULL, 1, ''2024-01-01'', 1, 1), (1, NULL, 2, ''2024-01-01'', 1, 1)', '2 0 0 2 1 1', 'an anonymous order of two items'),
	('(1, NULL, 1, ''2024-01-01'', 1, 1), (2, NULL, 2, ''2024-01-01'', 1, 1)', '2 0 0 2 2 0', 'anonymous orders of one'),
	('(1, 1, NULL, ''2024-01-01'', 1, 1)', '1 1 0 0 0 0', 'no item'),
	('(1, 1, 1, NULL, 1, 1)', '1 1 0 0 0 0', 'no time'),
	('(1, 1, 1, ''infinity'', 1, 1), (1, 1, 1, ''-infinity'', 1, 1)', '2 2 0 0 0 0', 'an infinite time'),
	('(1, 1, 1, now() + interval ''1 day'', 1, 1)', '1 1 0 0 0 0', 'the future'),
	('(1, 1, 1, ''294276-12-31'', 1, 1)', '1 1 0 0 0 0', 'the far future'),
	('(1, 1, 1, ''4714-11-24 00:00+00 BC'', 1, 1)', '1 0 1 1 1 1', 'the far past'),
	('(1, 1, 1, now(), 1, 1)', '1 0 1 1 1 1', 'this very moment'),
	('(1, 1, 1, ''2024-01-01'', NULL, 1)', '1 1 0 0 0 0', 'quantity NULL'),
	('(1, 1, 1, ''2024-01-01'', 0, 1)', '1 1 0 0 0 0', 'quantity 0'),
	('(1, 1, 1, ''2024-01-01'', ''NaN'', 1)', '1 1 0 0 0 0', 'quantity NaN'),
	('(1, 1, 1, ''2024-01-01'', ''Infinity'', 1), (1, 1, 1, ''2024-01-01'', ''-Infinity'', 1)', '2 2 0 0 0 0', 'quantity infinite'),
	('(1, 1, 1, ''2024-01-01'', 1e400, 1), (1, 1, 1, ''2024-01-01'', -1e400, 1)', '2 2 0 0 0 0', 'quantity beyond a double'),
	('(1, 1, 1, ''2024-01-01'', 1e300, 1), (1, 1, 1, ''2024-01-01'', 1e-300, 1)', '2 2 0 0 0 0', 'quantity beyond a float'),
	('(1, 1, 1, ''2024-01-01'', 1, ''NaN''), (1, 1, 2, ''2024-01-01'', 1, ''Infinity''), (1, 1, 3, ''2024-01-01'', 1, NULL), (1, 1, 4, ''2024-01-01'', 1, -1e400)', '4 0 1 4 1 2',
	 'a price makes no line count less'),
	('(NULL, 1, 1, ''2024-01-01'', 1, 1), (NULL, 1, 2, ''2024-01-01'', 1, 1), (NULL, 1, 3, ''2024-01-02'', 1, 1)', '3 0 1 3 2 2', 'no order key: one customer at one time'),
	('(NULL, 1, 1, ''2024-01-01'', 1, 1), (NULL, 2, 2, ''2024-01-01'', 1, 1)', '2 0 2 2 2 2', 'of two customers are two'),
	('(NULL, NULL, 1, ''2024-01-01'', 1, 1), (NULL, NULL, 2, ''2024-01-01'', 1, 1)', '2 0 0 2 0 0', 'and without customer stand alone'),
	('(1, 1, 1, ''2024-01-01'', 1, 1), (1, 1, 1, ''2024-01-01'', 1, 1)', '2 0 1 1 1 1', 'one line twice'),
	('(1, 1, 1, ''2024-01-01'', 1, 1), (1, 2, 2, ''2024-01-01'', 1, 1)', '2 0 2 2 1 3', 'an order of two customers'),
	('(1, 1, 1, ''2024-01-01'', 2, 1), (1, 1, 2, ''2024-01-01'', 1, 1), (2, 1, 1, ''2024-01-02'', -2, 1)', '3 0 1 2 2 1', 'a full return leaves one item'),
	('(1, 1, 1, ''2024-01-01'', -1, 1)', '1 0 1 1 1 0', 'a return of nothing')) AS x (lines, expected, what);

-- Returns net against that customer's latest purchase of the item.
SELECT ok(same(a || ', ' || others, b || ', ' || others), what)
FROM   (VALUES ('(1, 1, 1, ''2024-01-01'', 2, 1), (2, 1, 1, ''2024-01-02'', -1, 1)', '(1, 1, 1, ''2024-01-01'', 1, 1), (2, 1, 1, ''2024-01-02'', 1, 1), (2, 1, 1, ''2024-01-02 01:00'', -1, 1)',
                'a partial return leaves the purchase, of whatever quantity'),
               ('(1, 1, 1, ''2024-01-01'', 1, 1), (5, 1, 1, ''2024-01-02'', 1, 1), (5, 1, 1, ''2024-01-03'', -1, 1)',
                '(1, 1, 1, ''2024-01-01'', 1, 1), (5, 1, 1, ''2024-01-02'', 1, 1), (5, 1, 1, ''2024-01-03'', -0.5, 1), (5, 1, 1, ''2024-01-03'', -0.5, 1)', 'two halves are a whole'),
               ('(5, 1, 1, ''2024-01-01'', -1, 1), (1, 1, 1, ''2024-01-02'', 1, 1)', '(5, 1, 1, ''2024-01-01'', -100, 1), (1, 1, 1, ''2024-01-02'', 1, 1)', 'a return before the purchase takes nothing'),
               ('(1, 1, 1, ''2024-01-01'', 1, 1), (5, 2, 1, ''2024-01-03'', -1, 1)', '(1, 1, 1, ''2024-01-01'', 1, 1), (5, 2, 1, ''2024-01-03'', -9, 1)', 'nor one of another customer'),
               ('(1, 1, 1, ''2024-01-01'', 1, 1), (5, 1, 2, ''2024-01-03'', -1, 1)', '(1, 1, 1, ''2024-01-01'', 1, 1), (5, 1, 2, ''2024-01-03'', -9, 1)', 'nor one of another item'),
               ('(1, 1, 1, ''2024-01-01'', 1, 1), (5, 1, 1, ''2024-01-03'', -1, 1)', '(1, 1, 1, ''2024-01-01'', 7, 1), (5, 1, 1, ''2024-01-03'', -8, 1)', 'more than was bought takes no more than that')) AS x (a, b, what),
       (VALUES ('(6, 1, 2, ''2024-01-05'', 1, 1), (6, 1, 3, ''2024-01-05'', 1, 1), (7, 2, 1, ''2024-01-06'', 1, 1), (7, 2, 2, ''2024-01-06'', 1, 1)')) AS y (others);
SELECT ok(NOT same('(1, 1, 1, ''2024-01-01'', 1, 1), (2, 1, 2, ''2024-01-02'', 1, 1), (3, 2, 1, ''2024-01-02'', 1, 1)',
                   '(1, 1, 1, ''2024-01-01'', 1, 1), (2, 1, 2, ''2024-01-02'', 1, 1), (3, 2, 1, ''2024-01-02'', 1, 1), (1, 1, 1, ''2024-01-02'', -1, 1)'), 'a return does make a difference');

-- ---- The row that train returns --------------------------------------------------------------------------------------

CREATE FUNCTION fill(n integer) RETURNS void LANGUAGE sql AS $$
	TRUNCATE lines;
	INSERT INTO lines SELECT o, o % 30, p, timestamptz '2024-01-01' + o * interval '1 hour', 1 + o % 2, p
	FROM generate_series(1, n) o CROSS JOIN LATERAL (SELECT DISTINCT 1 + 8 * (o % 5) + (hashint8extended(o * 10 + j, 7) & 7)::integer AS p FROM generate_series(1, 3) j) x
$$;
SELECT fill(600) \g /dev/null
CREATE TABLE answer AS SELECT * FROM reco.train('m');
SELECT is((SELECT rows FROM answer), (SELECT count(*) FROM lines), 'rows');
SELECT is((SELECT users FROM answer), 30, 'users');
SELECT is((SELECT items FROM answer), 40, 'items');
SELECT is((SELECT orders FROM answer), 600, 'orders');
SELECT is((SELECT bags FROM answer), 30 + (SELECT count(*) FROM (SELECT FROM lines GROUP BY o HAVING count(*) > 1) x), 'bags');
SELECT ok(seconds > 0 AND seconds < 60 AND peak_memory BETWEEN 10000 AND 67108864, 'seconds and memory') FROM answer;
SELECT is((SELECT heldout_orders FROM answer), (SELECT count(*)::integer FROM (SELECT FROM lines WHERE at >= '2024-01-01'::timestamptz + interval '541 hours' GROUP BY o HAVING count(*) > 1) x),
          'held out: the orders of at least two items among the newest tenth');
SELECT ok(recall_completion BETWEEN 0.6 AND 1 AND recall_next BETWEEN 0.5 AND 1 AND recall_popularity BETWEEN 0 AND 0.6, 'recall is a share, and better than popularity''s') FROM answer;
SELECT set_eq($$SELECT version, rows, users, items, bags FROM reco.versions WHERE model = 'm' AND active$$, 'SELECT version, rows, users, items, bags FROM answer', 'reco.versions has the same');
SELECT is((SELECT metrics -> 'completion' ->> 'cases' FROM reco.versions WHERE active), (SELECT heldout_orders::text FROM answer), 'so have its metrics');
SELECT reco.alter_model('m', '{"holdout_orders": 0}') \g /dev/null
SELECT row_eq($$SELECT heldout_orders, recall_completion, recall_next, recall_popularity FROM reco.train('m')$$, ROW(0, NULL::float8, NULL::float8, NULL::float8), 'nothing held out, nothing measured');
SELECT reco.alter_model('m', '{"holdout_orders": 5}') \g /dev/null
SELECT is((SELECT heldout_orders FROM reco.train('m')), 5, 'at most so many');
SELECT reco.alter_model('m', '{"holdout_orders": null}') \g /dev/null

-- ---- How rows are solved ------------------------------------------------------------------------------------------

SELECT reco.train('m') \g /dev/null
SELECT bits('m') AS fast \gset
CREATE TABLE fast_answers AS SELECT u, r.* FROM generate_series(0, 29) u, reco.recommend('m', u, 40, as_of => '2025-01-01') r;
SELECT reco.alter_model('m', '{"solver": "exact"}'), reco.train('m') \g /dev/null
SELECT isnt(bits('m'), :'fast', 'exact rows have other last bits');
SELECT is((SELECT count(*)::integer FROM generate_series(0, 29) u, reco.recommend('m', u, 40, as_of => '2025-01-01') r JOIN fast_answers f USING (item_id)
           WHERE f.u = u.u AND abs(r.score - f.score) < 0.02), 1200, 'and hardly other scores');
SELECT reco.alter_model('m', '{"solver": "fast"}'), reco.train('m') \g /dev/null
SELECT is(bits('m'), :'fast', 'fast is the default');
SELECT reco.alter_model('m', '{"solver": null}') \g /dev/null

-- ---- How many iterations ---------------------------------------------------------------------------------------------

SELECT is((SELECT metrics -> 'iterations' FROM reco.versions WHERE active), '3', 'as many iterations as the option says');
SELECT reco.alter_model('m', '{"iterations": 200}'), reco.train('m') \g /dev/null
SELECT ok((metrics ->> 'iterations')::integer BETWEEN 2 AND 100, 'at most: no more than do the held-out orders good') FROM reco.versions WHERE active;
SELECT bits('m') AS stopped, metrics -> 'iterations' AS enough FROM reco.versions WHERE active \gset
SELECT reco.alter_model('m', jsonb_build_object('iterations', :enough + 1)), reco.train('m') \g /dev/null
SELECT is(bits('m'), :'stopped', 'which does not depend on how many more there might have been');
SELECT reco.alter_model('m', '{"holdout_orders": 0}'), reco.train('m') \g /dev/null
SELECT is((SELECT metrics ->> 'iterations' FROM reco.versions WHERE active), (:enough + 1)::text, 'with nothing held out, all of them');
SELECT reco.alter_model('m', '{"iterations": 3, "holdout_orders": null}') \g /dev/null

-- ---- Versions --------------------------------------------------------------------------------------------------------

SELECT is((SELECT array_agg(version ORDER BY version) FROM reco.versions WHERE model = 'm'), (SELECT ARRAY[v - 2, v - 1, v] FROM (SELECT max(version) AS v FROM reco.versions) x), 'three versions are kept by default');
SELECT max(version) AS v FROM reco.versions \gset
SELECT is((reco.activate('m', :v - 2)).active_version, :v - 2, 'activate an older one');
SELECT set_eq('SELECT version FROM reco.versions WHERE active', ARRAY[:v - 2], 'which is then the active one');
SELECT reco.alter_model('m', '{"keep_versions": 1}') \g /dev/null
SELECT is((SELECT version FROM reco.train('m')), :v + 1, 'a new version has a new number');
SELECT set_eq('SELECT version, active FROM reco.versions', format('VALUES (%s, true)', :v + 1), 'and with keep_versions 1 is the only one');
SELECT is((SELECT count(DISTINCT blob)::integer FROM reco.version_part), 1, 'its parts too');
SELECT reco.alter_model('m', '{"keep_versions": 2}') \g /dev/null
SELECT reco.train('m') \g /dev/null
SELECT reco.activate('m', :v + 1) \g /dev/null
BEGIN;
SELECT reco.train('m') \g /dev/null
SELECT set_eq('SELECT version, active FROM reco.versions', format('VALUES (%s, false), (%s, true)', :v + 2, :v + 3), 'the two newest');
ROLLBACK;
SELECT set_eq('SELECT version, active FROM reco.versions', format('VALUES (%s, true), (%s, false)', :v + 1, :v + 2), 'a rollback brings the others back');
SELECT throws_ok(format('SELECT reco.activate(''m'', %s)', :v), '42704', format('model "m" has no version %s', :v), 'what was pruned cannot be activated');
SELECT throws_ok('SELECT reco.activate(''m'', 0)', '42704', 'model "m" has no version 0', 'nor 0');

-- Memory: too little is an error before the work, and the last good version goes on answering.
SET maintenance_work_mem = '1MB';
CREATE TABLE many AS SELECT g AS o, g % 5000 AS u, g % 3000 AS i, timestamptz '2024-01-01' + g * interval '1 minute' AS at FROM generate_series(1, 60000) g;
SELECT reco.add_orders('m', 'many', 'u', 'i', 'at', 'o') \g /dev/null
SELECT throws_like($$SELECT reco.train('m')$$, 'training needs at least % MB of memory, but maintenance_work_mem is 1 MB', 'too little memory names the setting');
SELECT throws_ok($$SELECT reco.train('m')$$, '53400', NULL, 'as configuration_limit_exceeded');
SELECT is((SELECT count(*)::integer FROM reco.recommend('m', 7, k => 5)), 5, 'the last good version answers');
SELECT set_eq('SELECT version, active FROM reco.versions', format('VALUES (%s, true), (%s, false)', :v + 1, :v + 2), 'no version came or went');
RESET maintenance_work_mem;
SELECT lives_ok($$SELECT reco.train('m')$$, 'with more memory it works');
SELECT reco.remove_source('m', 'many') \g /dev/null

-- ---- Shapes of data ---------------------------------------------------------------------------------------------------

SELECT is(trained('(1, 1, 1, ''2024-01-01'', 1, 1), (2, 1, 1, ''2024-01-02'', 1, 1), (3, 2, 1, ''2024-01-02'', 1, 1)'), '3 0 2 1 3 2', 'one item only');
SELECT set_eq($$SELECT item_id FROM reco.recommend('m', 1)$$, ARRAY[1::bigint], 'is what is recommended');
SELECT is_empty($$SELECT * FROM reco.recommend('m', NULL, basket => '{1}')$$, 'unless it is in the basket');
SELECT is(trained('(1, 1, 1, ''2024-01-01'', 1, 1), (1, 1, 2, ''2024-01-02'', 1, 1), (1, 1, 3, ''2024-01-02'', 1, 1)'), '3 0 1 3 1 2', 'one customer only');
SELECT is((SELECT count(*)::integer FROM reco.recommend('m', 1)), 3, 'can be answered');
SELECT is((SELECT count(*)::integer FROM reco.recommend('m', NULL)), 3, 'like everybody');
SELECT is(trained(''), '0 0 0 0 0 0', 'nothing at all');
SELECT is_empty($$SELECT * FROM reco.recommend('m', 1, basket => '{1}')$$, 'recommends nothing');
SELECT is_empty($$SELECT trained_to FROM reco.versions WHERE active AND trained_to IS NOT NULL$$, 'trained up to nothing');
CREATE TABLE unsold (id integer);
INSERT INTO unsold VALUES (1), (1), (70), (NULL), (-5);
SELECT reco.add_items('m', 'unsold', 'id') \g /dev/null
SELECT is(trained('(1, 1, 1, ''2024-01-01'', 1, 1), (1, 1, 2, ''2024-01-01'', 1, 1)'), '2 0 1 4 1 2', 'a source of items adds what nobody has bought');
SELECT set_eq($$SELECT item_id FROM reco.recommend('m', NULL)$$, 'SELECT unnest(ARRAY[1, 2, 70, -5]::bigint[])', 'and it can be recommended');
SELECT is(trained(''), '0 0 0 3 0 0', 'also alone');
SELECT is((SELECT count(*)::integer FROM reco.recommend('m', 1)), 3, 'can be answered');
SELECT reco.remove_source('m', 'unsold') \g /dev/null

-- Customers without attributes, and reviews, that sources name add nobody and nothing; the form of their keys counts.
SELECT fill(300) \g /dev/null
SELECT concat_ws(' ', rows, users, items) AS counts FROM reco.train('m') \gset
SELECT bits('m') AS without \gset
CREATE TABLE people AS SELECT g AS id, 'k' || g AS code, 'band ' || g % 3 AS band FROM generate_series(1, 200) g;
CREATE TABLE reviews AS SELECT g AS u, 1000 + g AS i, timestamptz '2024-01-01' AS at, 1 + g % 5 AS stars, 'words' AS body FROM generate_series(1, 200) g;
SELECT reco.add_users('m', 'people', 'id') \g /dev/null
SELECT is((SELECT concat_ws(' ', rows, users, items) FROM reco.train('m')), :'counts', 'a source of users adds no customer');
SELECT is(bits('m'), :'without', 'and the same bytes come out');
SELECT reco.add_reviews('m', 'reviews', 'u', 'i', 'at', 'stars', 'body') \g /dev/null
SELECT is((SELECT concat_ws(' ', rows, users, items) FROM reco.train('m')), :'counts', 'nor do reviews, of items that nobody has bought');
SELECT reco.add_users('m', 'people', 'code', 'band') \g /dev/null
SELECT is((SELECT count(*)::integer FROM reco.recommend('m', 7)), 10, 'a source of users with texts as keys changes nothing at first');
SELECT reco.train('m') \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.recommend('m', 7)$$, '42809', 'model "m" has text keys', 'from the next training on, keys are texts, as with any source');
SELECT reco.remove_source('m', 'people') \g /dev/null
SELECT reco.add_reviews('m', 'reviews', 'u', '''k'' || i') \g /dev/null
SELECT reco.train('m') \g /dev/null
SELECT is((SELECT count(*)::integer FROM reco.recommend_text('m', '7')), 10, 'also by the items of reviews');
SELECT reco.remove_source('m', 'reviews') \g /dev/null
SELECT reco.train('m') \g /dev/null
SELECT is(bits('m'), :'without', 'without them all is as it was');

-- The end of time.
SELECT reco.create_model('end', 'UTC', '{"factors": 4, "training_clock": "294276-12-31 23:59:59.999999+00"}') \g /dev/null
CREATE TABLE last_orders AS SELECT o, o % 5 AS u, o % 7 AS i, timestamptz '294276-12-31 23:00+00' + o * interval '1 second' AS at FROM generate_series(1, 50) o;
SELECT reco.add_orders('end', 'last_orders', 'u', 'i', 'at', 'o') \g /dev/null
SELECT is((SELECT items FROM reco.train('end')), 7, 'orders of the last day that there is');
SELECT is((SELECT count(*)::integer FROM reco.recommend('end', 3)), 7, 'can be answered with');

-- A guest account of 100,000 lines.
SELECT fill(300) \g /dev/null
INSERT INTO lines SELECT NULL, 77, 1 + g % 40, timestamptz '2024-01-01' + g * interval '1 second', 1, 1 FROM generate_series(1, 100000) g;
SELECT is((SELECT concat_ws(' ', users, items, orders) FROM reco.train('m')), '31 40 100300', 'a customer with 100,000 lines');
SELECT is((SELECT count(*)::integer FROM reco.recommend('m', 77)), 10, 'is answered');
SELECT is((SELECT source FROM reco.recommend('m', 7, k => 1)), 'personal', 'like the others');
-- An order of 5,000 lines.
CREATE TABLE wholesale AS SELECT 1 AS o, 1 AS u, g AS i, timestamptz '2024-01-01' AS at FROM generate_series(1, 5000) g;
SELECT reco.add_orders('m', 'wholesale', 'u', 'i', 'at', 'o') \g /dev/null
SELECT is((SELECT items FROM reco.train('m')), 5000, 'an order of 5,000 lines');
SELECT reco.remove_source('m', 'wholesale') \g /dev/null

-- ---- Several sources, and their order keys ------------------------------------------------------------------------------

SELECT fill(200) \g /dev/null
CREATE TABLE first_half AS SELECT 'o' || o AS o, u, i, at, q FROM lines WHERE o <= 100;
CREATE TABLE second_half AS SELECT md5(o::text)::uuid AS o, u, i, at, q FROM lines WHERE o > 100;
SELECT reco.create_model('halves', 'UTC', '{"factors": 8, "iterations": 3}'), reco.train('m') \g /dev/null
SELECT bits('m') AS whole \gset
SELECT reco.add_orders('halves', 'first_half', 'u', 'i', 'at', 'o', 'q'), reco.add_orders('halves', 'second_half', 'u', 'i', 'at', 'o', 'q') \g /dev/null
SELECT is((SELECT concat_ws(' ', rows, users, items, orders, bags) FROM reco.train('halves')), (SELECT concat_ws(' ', rows, users, items, 200, bags) FROM reco.versions WHERE model = 'm' AND active),
          'two sources with order keys of other types make the same orders');
SELECT reco.remove_source('halves', 'first_half'), reco.remove_source('halves', 'second_half') \g /dev/null
CREATE VIEW upper_half AS SELECT * FROM lines WHERE o > 100;
CREATE VIEW lower_half AS SELECT * FROM lines WHERE o <= 100;
SELECT reco.add_orders('halves', 'lower_half', 'u', 'i', 'at', 'o', 'q', name => 'a'), reco.add_orders('halves', 'upper_half', 'u', 'i', 'at', 'o', 'q', name => 'b') \g /dev/null
SELECT reco.train('halves') \g /dev/null
SELECT is(bits('halves'), :'whole', 'two halves of a table are the table, bit for bit');
SELECT reco.add_orders('halves', 'lower_half', 'u', 'i', 'at', 'o::text', 'q', name => 'a') \g /dev/null
SELECT is((SELECT orders FROM reco.train('halves')), 200, 'an order key may be an integer here and a text there');
SELECT reco.add_orders('halves', 'lines', 'u', 'i', 'at', 'o', 'q', name => 'a'), reco.add_orders('halves', 'lines', 'u', 'i', 'at', 'o', 'q', name => 'b') \g /dev/null
SELECT is((SELECT orders FROM reco.train('halves')), 400, 'equal order keys of two sources are two orders');
SELECT reco.add_orders('halves', 'lines', 'u', 'i', 'at', order_key, 'q', name => 'a') IS NULL, reco.remove_source('halves', 'b') IS NULL FROM (VALUES ('o')) x (order_key) \g /dev/null
SELECT is((SELECT orders FROM reco.add_orders('halves', 'lines', 'u', 'i', 'at', order_key, 'q', name => 'a') s, LATERAL (SELECT s.model) l, LATERAL reco.train(l.model)), orders, 'order_id => ' || order_key)
FROM   (VALUES ('o', 200), ('o::int8', 200), ('o::int2', 200), ('o::text', 200), ('o::numeric', 200), ('o / 2', 101), ('NULL::int', 200), ('CASE WHEN o > 100 THEN o END', 200), ('''one''', 1),
               ('ROW(o)::text', 200), ('(o * 10000000000)', 200)) AS x (order_key, orders);

-- ---- Integer keys, in whatever gaps -----------------------------------------------------------------------------------

-- Only the order of keys matters to a model: with and without gaps, near zero and at either end, met in any order.
CREATE TABLE spread AS SELECT n % 700 AS k, (n * 7919 + n / 700) % 500 AS j, n / 4 AS o, timestamptz '2024-01-01' + n * interval '1 minute' AS at FROM generate_series(1, 6000) n ORDER BY hashint4(n);
SELECT reco.create_model('spread', 'UTC', '{"factors": 4, "iterations": 2, "holdout_orders": 0}') \g /dev/null
CREATE FUNCTION spread(key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	counts text;
	answers text;
BEGIN
	PERFORM reco.add_orders('spread', 'spread', replace(key, '?', 'k'), replace(key, '?', 'j'), 'at', replace(key, '?', 'o'), name => 'spread');
	SELECT concat_ws(' ', users, items, orders, bags) INTO counts FROM reco.train('spread');
	EXECUTE format('SELECT string_agg(rank || '' '' || score || '' '' || (SELECT j FROM spread s WHERE %s = item_id LIMIT 1), '','' ORDER BY u.k, rank) FROM generate_series(0, 699, 7) u (k), reco.recommend(''spread'', (%s)::bigint, 3)',
	               replace(key, '?', 's.j::bigint'), replace(key, '?', 'u.k::bigint')) INTO answers;
	RETURN counts || ' ' || answers;
END $$;
SELECT spread('?') AS dense \gset
SELECT matches(:'dense'::text, '^700 500 1501 2200 1 0\.[0-9]', 'all keys are counted, and somebody is answered');
SELECT ok(spread(key) = :'dense', 'keys like ' || key)
FROM   unnest('{? - 250,? * 3,? * 5,? * 1000003,? + 2000000000,(-9223372036854775807 - 1) + ?,9223372036854774000 + ?,(? - 350) * 6000000000000000,CASE WHEN ? < 250 THEN ? ELSE ? + 1000000000000 END,CASE WHEN ? < 3 THEN ? ELSE ? + 1000000000000 END,? * ?,(? - 300) * abs(? - 300)}'::text[]) key;

-- ---- Keys -------------------------------------------------------------------------------------------------------------

SELECT reco.create_model('keys', 'UTC', '{"factors": 4, "iterations": 2}') \g /dev/null
CREATE TYPE size AS ENUM ('S', 'M', 'L');
CREATE DOMAIN nr AS bigint;
CREATE FUNCTION key_counts(u text, i text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM reco.add_orders('keys', 'lines', u, i, 'at', 'o', name => 'lines');
	RETURN (SELECT concat_ws(' ', users, items) FROM reco.train('keys'));
END $$;
SELECT is(key_counts(u, i), counts, format('keys %s and %s', u, i))
FROM   (VALUES ('u', 'i', '30 40'), ('u::int2', 'i::int8', '30 40'), ('u::text', 'i', '30 40'), ('md5(u::text)::uuid', 'md5(i::text)::uuid', '30 40'), ('u::numeric', 'i::numeric / 3', '30 40'),
               ('u::nr', 'i::nr', '30 40'), ('u::varchar', 'i::varchar(1)', '30 9'), ('u::text::bpchar', 'i::text::char(5)', '30 40'), ('u', '(ARRAY[''S'', ''M'', ''L''])[1 + i % 3]::size', '30 3'),
               ('CASE WHEN u = 1 THEN 9223372036854775807 ELSE -9223372036854775808 END', 'CASE WHEN i = 1 THEN 9223372036854775807 WHEN i = 2 THEN -9223372036854775808 ELSE i END', '2 40'),
               ('u', 'i > 20', '30 2'), ('at', 'at::date', '200 9'), ('''''', '''''', '1 1'), ('repeat(u::text, 1000)', 'repeat(i::text, 1000)', '30 40'), ('ARRAY[u]', 'ROW(i, NULL)::text', '30 40'),
               ('CASE WHEN u = 1 THEN E''\n'' ELSE ''ü'' END', 'chr(i + 300)', '2 40'), ('NULL::int', 'i', '0 40')) AS x (u, i, counts);
SELECT is(key_counts('u', 'CASE WHEN i % 2 = 0 THEN i END'), '30 20', 'some items NULL');

-- ---- The same bits -------------------------------------------------------------------------------------------------------

SELECT fill(800) \g /dev/null
INSERT INTO lines SELECT NULL, u, i, at + interval '3 days', -1, p FROM lines WHERE o % 7 = 0;
INSERT INTO lines SELECT NULL, u, i, at, q / 3, p FROM lines WHERE o % 5 = 0;
INSERT INTO lines SELECT o + 5000, NULL, i, at, q, p FROM lines WHERE o % 11 = 0;
-- (Item keys whose text form would depend on nearly every setting, were it not pinned.)
SELECT reco.create_model('b', 'Europe/Berlin', '{"factors": 8, "iterations": 3}') \g /dev/null
SELECT reco.add_orders('b', 'lines', 'u', 
	'CASE WHEN i > 0 THEN concat_ws(''/'', i, date_trunc(''month'', at)::date, age(date_trunc(''month'', at), ''2023-01-01''), (q / 3)::float8, ''\x0a''::bytea) END', 'at', 'o', 'q', context => 'at::text') \g /dev/null
CREATE FUNCTION both_bits() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM reco.train('m'), reco.train('b');
	RETURN bits('m') || bits('b');
END $$;
SELECT both_bits() AS reference \gset
SELECT isnt(both_bits(), NULL, 'there are bits');
SELECT is(both_bits(), :'reference', 'training again gives the same');
CREATE TABLE kept AS TABLE lines;
CREATE FUNCTION reordered(expression text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE lines;
	EXECUTE 'INSERT INTO lines SELECT * FROM kept ORDER BY ' || expression;
	RETURN both_bits();
END $$;
SELECT is(reordered(expression), :'reference', 'rows in the order of ' || expression)
FROM   unnest(ARRAY['hashint8(o * 1000 + i)', 'hashint8(i * 1000 + o)', 'at DESC, i DESC', 'i, u', 'u, q', 'random()']) expression;
CREATE FUNCTION under(name text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	before text := current_setting(name);
BEGIN
	PERFORM set_config(name, value, false);
	result := both_bits();
	PERFORM set_config(name, before, false);
	RETURN result;
END $$;
SELECT is(under(name, value), :'reference', format('under %s = %s', name, value))
FROM   (VALUES ('timezone', 'Asia/Tokyo'), ('timezone', 'America/New_York'), ('datestyle', 'German, DMY'), ('datestyle', 'SQL, MDY'), ('intervalstyle', 'iso_8601'), ('extra_float_digits', '-15'),
               ('extra_float_digits', '3'), ('lc_numeric', coalesce((SELECT min(collcollate) FROM pg_collation WHERE collprovider = 'c' AND collcollate ~ '^(de|fr|es|pl)_.*utf-?8'), 'POSIX')), ('lc_time', 'POSIX'), ('bytea_output', 'escape'), ('work_mem', '64kB'), ('work_mem', '1GB'), ('maintenance_work_mem', '512MB'),
               ('max_parallel_workers_per_gather', '0'), ('max_parallel_maintenance_workers', '0'), ('enable_seqscan', 'off'), ('synchronize_seqscans', 'off'), ('search_path', '"$user", public, pg_catalog'), ('jit', 'off'),
               ('array_nulls', 'off'), ('standard_conforming_strings', 'on'), ('xmlbinary', 'hex'), ('client_encoding', 'LATIN1'), ('geqo', 'off'), ('row_security', 'off'), ('plan_cache_mode', 'force_generic_plan'),
               ('default_text_search_config', 'pg_catalog.german'), ('default_transaction_isolation', 'serializable')) AS s (name, value);
SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET max_parallel_workers_per_gather = 4;
SELECT is(both_bits(), :'reference', 'with a parallel plan');
RESET min_parallel_table_scan_size; RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET max_parallel_workers_per_gather;
CREATE INDEX ON lines (at);
CLUSTER lines USING lines_at_idx;
SELECT is(both_bits(), :'reference', 'with an index, clustered');
BEGIN;
SET LOCAL reco.kernel = 'baseline';
SELECT both_bits() AS baseline \gset
SELECT is(both_bits(), :'baseline', 'and each variant of the kernels gives the same again');
ROLLBACK;
-- ... and other bits where a row differs.
CREATE FUNCTION changed(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	BEGIN
		EXECUTE statement;
		result := both_bits();
		RAISE EXCEPTION USING ERRCODE = 'UNDOO';
	EXCEPTION WHEN SQLSTATE 'UNDOO' THEN
		RETURN result;
	END;
END $$;
SELECT isnt(changed(statement), :'reference', statement)
FROM   unnest(ARRAY['DELETE FROM lines WHERE ctid = (SELECT min(ctid) FROM lines WHERE u IS NOT NULL AND q > 0)', 'INSERT INTO lines VALUES (9999, 3, 17, ''2024-01-05'', 1, 1), (9999, 3, 40, ''2024-01-05'', 1, 1)',
                    'UPDATE lines SET at = at - interval ''20 days'' WHERE o = 11', 'UPDATE lines SET u = 4 WHERE o = 11', 'UPDATE lines SET i = 41 WHERE i = 40',
                    'SELECT reco.alter_model(''m'', ''{"seed": 1}'')', 'SELECT reco.alter_model(''m'', ''{"regularization": 0.0031}'')', 'SELECT reco.alter_model(''m'', ''{"iterations": 4}'')',
                    'SELECT reco.alter_model(''b'', timezone => ''Pacific/Kiritimati'')', 'SELECT reco.alter_model(''m'', ''{"factors": 9}'')', 'SELECT reco.alter_model(''m'', ''{"customer_weight": 2}'')',
                    'SELECT reco.alter_model(''m'', ''{"training_clock": "2024-01-20"}'')', 'SELECT reco.alter_model(''m'', ''{"unobserved_weight": 0.06}'')',
                    'SELECT reco.alter_model(''m'', ''{"order_half_life": 10}'')', 'SELECT reco.alter_model(''m'', ''{"customer_half_life": 10}'')']) statement;
SELECT is(changed('UPDATE lines SET p = p + 1'), :'reference', 'prices play no part where no source gives them');
SELECT is(changed('INSERT INTO lines VALUES (9999, 3, 17, NULL, 1, 1), (9999, 3, NULL, ''2024-01-05'', 1, 1), (9999, 3, 17, ''2024-01-05'', 0, 1)'), :'reference', 'lines that count nothing make no difference');

-- ---- Tables that change --------------------------------------------------------------------------------------------------

SELECT fill(100) \g /dev/null
SELECT reco.create_model('c', 'UTC', '{"factors": 4, "iterations": 2}') \g /dev/null
CREATE TABLE shop (LIKE lines);
INSERT INTO shop SELECT * FROM lines;
ALTER TABLE shop ADD t text;
UPDATE shop SET t = 'o' || o;
SELECT reco.add_orders('c', 'shop', 'u', 'i', 'at', 't', 'q', name => 'shop') \g /dev/null
SELECT reco.train('c') \g /dev/null
CREATE TABLE answer_before AS SELECT * FROM reco.recommend('c', 7);
-- After a change: what train says, what recommend says, and whether a visitor whom nobody knows is still answered.
CREATE FUNCTION after(change text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	call text;
	result text[];
BEGIN
	BEGIN
		EXECUTE change;
		FOREACH call IN ARRAY ARRAY['SELECT * FROM reco.recommend(''c'', 7)', 'SELECT * FROM reco.recommend(''c'', NULL, basket => ''{1}'')', 'SELECT * FROM reco.train(''c'')'] LOOP
			BEGIN
				EXECUTE call;
				result := result || 'ok'::text;
			EXCEPTION WHEN OTHERS THEN
				result := result || SQLSTATE::text;
			END;
		END LOOP;
		RAISE EXCEPTION USING ERRCODE = 'UNDOO';
	EXCEPTION WHEN SQLSTATE 'UNDOO' THEN
		RETURN result;
	END;
END $$;
SELECT is(after(change), ARRAY[request, 'ok', training], change)
FROM   (VALUES ('ALTER TABLE shop DROP COLUMN u', '42703', '42703'), ('ALTER TABLE shop DROP COLUMN q', '42703', '42703'), ('ALTER TABLE shop RENAME i TO j', '42703', '42703'),
               ('ALTER TABLE shop DROP COLUMN p', 'ok', 'ok'), ('ALTER TABLE shop RENAME p TO u2', 'ok', 'ok'), ('ALTER TABLE shop RENAME u TO u2; ALTER TABLE shop ADD u integer', 'ok', 'ok'),
               ('ALTER TABLE shop ALTER u TYPE bigint', 'ok', 'ok'), ('ALTER TABLE shop ALTER u TYPE smallint', 'ok', 'ok'), ('ALTER TABLE shop ALTER u TYPE text', '42804', 'ok'),
               ('ALTER TABLE shop ALTER i TYPE uuid USING md5(i::text)::uuid', '42804', 'ok'), ('ALTER TABLE shop ALTER i TYPE numeric', '42804', 'ok'), ('ALTER TABLE shop ALTER i TYPE real', '42804', '42804'),
               ('ALTER TABLE shop ALTER t TYPE integer USING substr(t, 2)::integer', 'ok', 'ok'), ('ALTER TABLE shop ALTER t TYPE uuid USING md5(t)::uuid', 'ok', 'ok'), ('ALTER TABLE shop ALTER t TYPE real USING 1', 'ok', '42804'),
               ('ALTER TABLE shop ALTER at TYPE date', 'ok', 'ok'), ('ALTER TABLE shop ALTER at TYPE timestamp', 'ok', 'ok'), ('ALTER TABLE shop ALTER at TYPE text', '42804', '42804'),
               ('ALTER TABLE shop ALTER q TYPE real', 'ok', 'ok'), ('ALTER TABLE shop ALTER q TYPE int2', 'ok', 'ok'), ('ALTER TABLE shop ALTER q TYPE text', '42804', '42804'),
               ('ALTER TABLE shop RENAME TO other', 'ok', 'ok'), ('CREATE SCHEMA s; ALTER TABLE shop SET SCHEMA s', 'ok', 'ok'), ('CREATE SCHEMA s; ALTER TABLE shop SET SCHEMA s; ALTER TABLE s.shop RENAME TO "it''s"', 'ok', 'ok'),
               ('DROP TABLE shop', '42P01', '42P01'), ('DROP TABLE shop; CREATE TABLE shop (LIKE lines)', '42P01', '42P01'), ('TRUNCATE shop', 'ok', 'ok'), ('ALTER TABLE shop RENAME TO other; CREATE TABLE shop ()', 'ok', 'ok'),
               ('REVOKE ALL ON shop FROM postgres', 'ok', 'ok')) AS x (change, request, training);
SELECT results_eq('SELECT * FROM answer_before', $$SELECT * FROM reco.recommend('c', 7)$$, 'all undone: the answer is as before');

-- Order keys that change their type say the same as before.
SELECT is((SELECT orders FROM reco.train('c')), 100, '100 orders by text');
ALTER TABLE shop ALTER t TYPE integer USING substr(t, 2)::integer;
SELECT is((SELECT orders FROM reco.train('c')), 100, 'by integer');
ALTER TABLE shop ALTER t TYPE text USING 'o' || t;
SELECT reco.add_orders('c', 'shop', 'u', 'i', 'at', 'o', 'q', name => 'shop') \g /dev/null
ALTER TABLE shop ALTER o TYPE text USING 'x' || o;
SELECT is((SELECT orders FROM reco.train('c')), 100, 'by an integer that became text');

ALTER TABLE shop RENAME TO moved;
CREATE SCHEMA away;
ALTER TABLE moved SET SCHEMA away;
SELECT is((SELECT rows FROM reco.train('c')), (SELECT count(*) FROM away.moved), 'a table that moved is read');
SELECT results_eq('SELECT item_id FROM answer_before', $$SELECT item_id FROM reco.recommend('c', 7)$$, 'and answers as before');
SELECT set_eq($$SELECT schema_name, relation_name FROM reco.source WHERE model = 'c'$$, $$VALUES ('away', 'moved')$$, 'its new name is written down, for a dump');
CREATE TABLE shop (LIKE lines);
SELECT is((SELECT rows FROM reco.train('c')), (SELECT count(*) FROM away.moved), 'another table of the old name is not');
DROP TABLE away.moved;
SELECT throws_ok($$SELECT reco.train('c')$$, '42P01', 'relation "away.moved" of model "c" does not exist any more', 'a table that is gone');
CREATE FUNCTION hint(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE statement;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS result = PG_EXCEPTION_HINT;
	RETURN result;
END $$;
SELECT is(hint($$SELECT reco.train('c')$$), 'Call reco.add_orders again for the relation that takes its place, or reco.remove_source(''c'', ''shop'').', 'with a hint');
CREATE TABLE away.moved (LIKE lines);
INSERT INTO away.moved SELECT * FROM lines;
SELECT throws_ok($$SELECT reco.train('c')$$, '42P01', NULL, 'a new one of its name is not adopted');
SELECT is((SELECT count(*)::integer FROM reco.recommend('c', NULL)), 10, 'the last version answers all along');
SELECT reco.add_orders('c', 'away.moved', 'u', 'i', 'at', name => 'shop') \g /dev/null
SELECT lives_ok($$SELECT reco.train('c')$$, 'until the source is added again');

-- Views that change, and one that fails half way.
CREATE VIEW v AS SELECT * FROM lines;
SELECT reco.add_orders('c', 'v', 'u', 'i', 'at', name => 'shop') \g /dev/null
CREATE OR REPLACE VIEW v AS SELECT o, u, i, at, q, 1 / (o - 50)::numeric AS p FROM lines WHERE 1 / (o - 50) <> 7;
SELECT throws_ok($$SELECT reco.train('c')$$, '22012', 'division by zero', 'an error in a view ends the training');
SELECT is((SELECT count(*)::integer FROM reco.recommend('c', NULL)), 10, 'and leaves the last version');
CREATE FUNCTION drops() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM reco.drop_model('c', missing_ok => true); RETURN true; END $$;
CREATE VIEW w AS SELECT * FROM lines WHERE drops();
SELECT reco.add_orders('c', 'w', 'u', 'i', 'at', name => 'shop') \g /dev/null
SELECT throws_ok($$SELECT reco.train('c')$$, '42704', 'model "c" was dropped while it was trained', 'a view whose function drops the model');
SELECT is_empty('SELECT model, version FROM reco.version WHERE model NOT IN (SELECT name FROM reco.model)', 'leaves no version without its model');
CREATE FUNCTION retrains() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM reco.add_orders('d', 'lines', 'u', 'i', 'at', name => 'lines');
	PERFORM reco.train('d');
	RETURN true;
END $$;
CREATE VIEW x AS SELECT * FROM lines WHERE o = (SELECT max(o) FROM lines) AND retrains();
SELECT reco.create_model('d', options => '{"factors": 4}') \g /dev/null
SELECT reco.add_orders('d', 'x', 'u', 'i', 'at', name => 'lines') \g /dev/null
SELECT throws_ok($$SELECT reco.train('d')$$, NULL, NULL, 'a view whose function trains the model');
SELECT is_empty($$SELECT version FROM reco.versions WHERE model = 'd'$$, 'leaves none either');

-- Nothing to learn from.
SELECT reco.create_model('none') \g /dev/null
SELECT throws_ok($$SELECT reco.train('none')$$, '55000', 'model "none" has no orders to learn from', 'no source');
SELECT reco.add_items('none', 'unsold', 'id') \g /dev/null
SELECT throws_ok($$SELECT reco.train('none')$$, '55000', 'model "none" has no orders to learn from', 'items alone are none');

-- Of the orders held out all have two items but the last one.
CREATE TABLE pairs AS SELECT o, o % 300 AS u, 1 + (o * 7 + j * (1 + o % 5)) % 40 AS i, timestamptz '2024-01-01' + o * interval '1 hour' AS at
FROM   generate_series(1, 6000) o, generate_series(1, CASE o WHEN 6000 THEN 1 ELSE 2 END) j;
SELECT reco.create_model('pairs', options => '{"factors": 4}') \g /dev/null
SELECT reco.add_orders('pairs', 'pairs', 'u', 'i', 'at', 'o') \g /dev/null
SELECT cmp_ok((SELECT heldout_orders FROM reco.train('pairs')), '>', 500, 'held-out orders of two items, and one of one');

-- What was chosen before is kept, and the fit is one.
SELECT reco.create_model('kept', options => '{"factors": 8}') \g /dev/null
SELECT reco.add_orders('kept', 'lines', 'u', 'i', 'at', 'o', 'q') \g /dev/null
SELECT throws_ok($$SELECT reco.train('kept', refit => false)$$, '55000', 'model "kept" has no active version whose parameters could be kept', 'nothing was chosen yet');
SELECT reco.train('kept') \g /dev/null
SELECT row_eq($$SELECT version, heldout_orders, recall_completion, recall_next FROM reco.train('kept', refit => false)$$, ROW(2, 0, NULL::float8, NULL::float8), 'refit => false holds nothing out');
SELECT results_eq($$SELECT metrics -> 'chosen', metrics -> 'blend', metrics -> 'calibration' -> 'both' FROM reco.versions WHERE model = 'kept' AND version = 2$$,
                  $$SELECT metrics -> 'chosen', metrics -> 'blend', metrics -> 'calibration' -> 'both' FROM reco.versions WHERE model = 'kept' AND version = 1$$, 'and keeps what was chosen');
SELECT isnt((SELECT md5(reco.export_model('kept', 2))), (SELECT md5(reco.export_model('kept', 1))), 'it is another model');
SELECT is((SELECT count(*)::integer FROM reco.recommend('kept', NULL)), 10, 'that answers');
SELECT ok(version = 3 AND heldout_orders > 0, 'NULL is the default, which chooses anew') FROM reco.train('kept', refit => NULL);

SELECT * FROM finish();
