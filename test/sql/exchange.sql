-- export_model and import_model: models go from one database to another byte for byte, answer there without sources, and nothing else gets in.

SET client_min_messages = warning;
SELECT plan(165);

CREATE ROLE owner_role;
CREATE ROLE reader;
GRANT EXECUTE ON FUNCTION reco.create_model(text, text, jsonb) TO owner_role;
CREATE TABLE lines AS
SELECT o, o % 25 AS u, 1 + (o * 7 + j * 3) % 6 + 6 * (o % 4) AS i, 'kü' || (o * 7 + j * 3) % 6 AS t, '2024-01-01'::timestamptz + o * interval '1 hour' AS at, 1 + o % 2 AS q
FROM generate_series(1, 400) o, generate_series(1, 3) j;
CREATE INDEX ON lines (u, at DESC);
ANALYZE lines;
GRANT SELECT ON lines TO owner_role;
SELECT reco.create_model('m', 'UTC', '{"factors": 4, "iterations": 2}'), reco.create_model('t', 'UTC', '{"factors": 4, "iterations": 2}'), reco.create_model('new', 'UTC'), reco.create_model('new_t', 'UTC'), reco.create_model('untrained') \g /dev/null
SELECT reco.add_orders('m', 'lines', 'u', 'i', 'at', 'o', 'q'), reco.add_orders('t', 'lines', 'u', 't', 'at', 'o') \g /dev/null
SELECT reco.train('m'), reco.train('t') \g /dev/null
CREATE FUNCTION stored(name text, number integer) RETURNS bytea LANGUAGE sql STABLE AS $$
	SELECT string_agg(p.data, '' ORDER BY p.part) FROM reco.version v JOIN reco.version_part p USING (blob) WHERE v.model = name AND v.version = number
$$;
CREATE FUNCTION complaint(statement text, OUT state text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;

-- ---- There and back --------------------------------------------------------------------------------------------------

SELECT ok(reco.export_model('m') = stored('m', 1), 'export_model gives the stored bytes');
SELECT ok(reco.export_model('t') = stored('t', 1), 'with text keys too');
SELECT ok(reco.export_model('m', 1) = reco.export_model('m') AND reco.export_model('m', NULL) = reco.export_model('m'), 'by its number, or the active one');
CREATE TABLE row_of AS SELECT r.* FROM reco.import_model('new', reco.export_model('m')) r;
SELECT ok(reco.export_model('new') = reco.export_model('m'), 'imported and exported, the bytes are the same');
SELECT ok((reco.import_model('new_t', reco.export_model('t'))).active, 'with text keys too');
SELECT ok(reco.export_model('new_t') = reco.export_model('t'), 'byte for byte');
SELECT ok(reco.export_model('new') = (SELECT reco.factorize(u, i, q, o, at, '{"factors": 4, "iterations": 2}') FROM lines), 'and those of factorize');
SELECT results_eq('SELECT model COLLATE "default", version, active, rows, seconds, kernel COLLATE "default", options, users, items, bags, bytes, trained_to FROM row_of',
                  $$SELECT 'new', 1, true, NULL::bigint, 0::float8, 'imported', '{}'::jsonb, users, items, bags, bytes, trained_to FROM reco.versions WHERE model = 'm'$$, 'the row: what the bytes tell, and no more');
SELECT results_eq('SELECT metrics FROM row_of', $$SELECT metrics - '{seconds,iterations}'::text[] FROM reco.versions WHERE model = 'm'$$, 'with the metrics');
SELECT ok((SELECT metrics FROM row_of) #>> '{completion,cases}' = '40', 'of 40 cases');
SELECT results_eq('SELECT * FROM row_of', $$SELECT * FROM reco.versions WHERE model = 'new'$$, 'import_model returns the row of reco.versions');
SELECT results_eq($$SELECT v.trained_to, v.rows FROM reco.versions v WHERE model = 'new'$$, $$VALUES ((SELECT max(at) FROM lines), NULL::bigint)$$, 'trained up to the newest order');

-- Answers, without a source: from what the caller brings along, to the bit those of the model that it came from.
SELECT results_eq(format('SELECT * FROM reco.%s', replace(call, '$', 'new')), format('SELECT * FROM reco.%s', replace(call, '$', 'm')), 'answers as where it came from: ' || call)
FROM   unnest(ARRAY['recommend(''$'', NULL)', 'recommend(''$'', NULL, basket => ''{1,2,2}'')', 'recommend(''$'', NULL, history => ''{1,9,9}'', k => 24)', 'recommend(''$'', NULL, basket => ''{1}'', history => ''{9}'')', 'recommend(''$'', -1)',
                    'predict(''$'', NULL, ''{1,2,99}'', basket => ''{3}'')', 'predict(''$'', NULL, ''{1,2,99}'', history => ''{3}'')', 'similar_items(''$'', 3)', 'complements(''$'', ''{3,4}'')', 'recommend_all(''$'', users => ''{-1,-2}'', k => 3)']) call;
SELECT results_eq(format('SELECT * FROM reco.%s', replace(call, '$', 'new_t')), format('SELECT * FROM reco.%s', replace(call, '$', 't')), 'text keys: ' || call)
FROM   unnest(ARRAY['recommend_text(''$'', NULL)', 'recommend_text(''$'', NULL, basket => ''{kü1,kü2}'')', 'recommend_text(''$'', ''nobody'', history => ''{kü1,kü1}'')', 'predict_text(''$'', NULL, ''{kü1,kü9}'', basket => ''{kü3}'')',
                    'similar_items_text(''$'', ''kü3'')', 'recommend_all_text(''$'', users => ''{x}'')']) call;
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend('new', 7)), 'popular', 'without sources nobody has a history');
SELECT is_empty($$SELECT * FROM reco.recommend_all('new')$$, 'nor is there anybody');
SELECT lives_ok($$SELECT * FROM reco.check('new')$$, 'check says something');
SELECT is_empty($$SELECT * FROM reco.check('new') WHERE severity = 'error'$$, 'but no error: it works as it is');
SELECT is_empty($$SELECT * FROM reco.check('new') WHERE finding LIKE '%never been trained%' OR remedy LIKE '%index%'$$, 'nor that it was never trained');
SELECT throws_ok(call, state, message, call)
FROM   (VALUES ('SELECT * FROM reco.recommend_text(''new'', ''1'')', '42809', 'model "new" has integer keys'), ('SELECT * FROM reco.predict(''new_t'', 1, ''{1}'')', '42809', 'model "new_t" has text keys'),
               ('SELECT reco.train(''new'')', '55000', 'model "new" has no orders to learn from')) AS x (call, state, message);
SELECT is((SELECT count(*)::integer FROM reco.recommend('new', 7)), 10, 'after that it answers as before');

-- Sources that come later are read live, and trained on.
SELECT reco.add_orders('new', 'lines', 'u', 'i', 'at', 'o', 'q') \g /dev/null
SELECT results_eq($$SELECT * FROM reco.recommend('new', 7, k => 24, exclude_purchased => true)$$, $$SELECT * FROM reco.recommend('m', 7, k => 24, exclude_purchased => true)$$, 'with the sources of the other it answers as the other');
SELECT results_eq($$SELECT * FROM reco.recommend_all('new')$$, $$SELECT * FROM reco.recommend_all('m')$$, 'to all');
BEGIN;
INSERT INTO lines VALUES (9000, 777, 3, 'kü1', now(), 1);
SELECT is((SELECT source FROM reco.recommend('new', 777, k => 1)), 'personal', 'a purchase of this moment counts');
ROLLBACK;
SELECT reco.alter_model('new', '{"factors": 4, "iterations": 2}') \g /dev/null
SELECT is((SELECT version FROM reco.train('new')), 2, 'training goes on with the next number');
SELECT ok(reco.export_model('new') = reco.export_model('m') AND reco.export_model('new', 1) = reco.export_model('new', 2), 'to the same bytes');
SELECT results_eq($$SELECT version, active, rows, kernel COLLATE "default" FROM reco.versions WHERE model = 'new' ORDER BY version$$, format('VALUES (1, false, NULL::bigint, %L), (2, true, 1200, %L)', 'imported', (SELECT kernel FROM reco.versions WHERE model = 'm')), 'both versions are told apart');
SELECT is((reco.activate('new', 1)).active_version, 1, 'the imported one can be activated');

-- Versions count up, and old ones go.
SELECT is((reco.import_model('m', reco.export_model('m'))).version, 2, 'into a trained model');
SELECT is((SELECT count(DISTINCT blob)::integer FROM reco.version WHERE model IN ('m', 'new')), 4, 'the same bytes under another id');
SELECT is((reco.import_model('m', (SELECT reco.factorize(u, i, q, '{"factors": 3}') FROM lines))).version, 3, 'and again');
SELECT ok(reco.export_model('m', 2) <> reco.export_model('m', 3) AND reco.export_model('m') = reco.export_model('m', 3) AND reco.export_model('m', 1) = reco.export_model('m', 2), 'each can be had');
SELECT reco.import_model('m', reco.export_model('m', 1)) \g /dev/null
SELECT results_eq($$SELECT version, active, kernel = 'imported' FROM reco.versions WHERE model = 'm' ORDER BY version$$, $$VALUES (2, false, true), (3, false, true), (4, true, true)$$, 'keep_versions holds for them');
SELECT throws_ok('SELECT reco.export_model(''m'', 1)', '42704', 'model "m" has no version 1', 'what is pruned is gone');
SELECT reco.alter_model('m', '{"keep_versions": 1}') \g /dev/null
SELECT reco.import_model('m', reco.export_model('m', 2)) \g /dev/null
SELECT set_eq($$SELECT version, active FROM reco.versions WHERE model = 'm'$$, 'VALUES (5, true)', 'keep_versions 1');
SELECT is((SELECT count(*)::integer FROM reco.version_part p WHERE NOT EXISTS (SELECT FROM reco.version v WHERE v.blob = p.blob)), 0, 'no part is left over');
BEGIN;
UPDATE reco.model SET last_version = 2147483647 WHERE name = 'm';
SELECT throws_ok('SELECT reco.import_model(''m'', reco.export_model(''m''))', '54000', 'model "m" has had 2147483647 versions, and no number is left', 'one import too many');
ROLLBACK;

-- Rolled back, and read only.
BEGIN;
SELECT item_id AS before FROM reco.recommend('m', NULL, k => 1, basket => '{9}') \gset
SAVEPOINT s;
SELECT reco.import_model('m', (SELECT reco.factorize(1, 70 + n, 1, '{"factors": 1}') FROM generate_series(1, 3) n)) \g /dev/null
SELECT is((SELECT count(*)::integer FROM reco.recommend('m', NULL)), 3, 'an import of this transaction answers');
ROLLBACK TO s;
SELECT is((SELECT item_id FROM reco.recommend('m', NULL, k => 1, basket => '{9}')), :before::bigint, 'rolled back, it does not');
ROLLBACK;
SELECT set_eq($$SELECT version, active FROM reco.versions WHERE model = 'm'$$, 'VALUES (5, true)', 'and nothing is left of it');
BEGIN READ ONLY;
SELECT throws_ok('SELECT reco.import_model(''m'', ''\x'')', '25006', NULL, 'no import in a read-only transaction');
SELECT is(length(reco.export_model('m')), length(stored('m', 5)), 'but an export');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT lives_ok('SELECT reco.import_model(''m'', reco.export_model(''m''))', 'a serializable one is as good as any');
ROLLBACK;

-- Keys of another kind than the sources have.
SELECT reco.import_model('m', reco.export_model('t')) \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.recommend('m', 1)$$, '42809', 'model "m" has text keys', 'text keys where integers were: the other function');
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend_text('m', '7')), 'popular', 'which knows nobody''s items');
SELECT results_eq($$SELECT * FROM reco.recommend_text('m', NULL, basket => '{kü1}')$$, $$SELECT * FROM reco.recommend_text('t', NULL, basket => '{kü1}')$$, 'but answers');
SELECT is((SELECT version FROM reco.train('m')), 7, 'training mends it');
SELECT is((SELECT source FROM reco.recommend('m', 7, k => 1)), 'personal', 'and customers are known again');
SELECT reco.import_model('t', reco.export_model('m')) \g /dev/null
SELECT is(complaint('SELECT * FROM reco.recommend(''t'', 7)')::text, ROW('42804', '"item_id" has type text, but the model was trained with integer keys', 'Call reco.train(''t''), and from then on reco.recommend_text.')::text, 'integer keys where texts were');
SELECT throws_ok($$SELECT * FROM reco.recommend_all('t')$$, '42804', '"item_id" has type text, but the model was trained with integer keys', 'for all');
SELECT is((SELECT count(*)::integer FROM reco.recommend('t', NULL, basket => '{3}')), 10, 'who needs no source is answered');
SELECT is((reco.activate('t', 1)).active_version, 1, 'the version before can be activated');
SELECT is((SELECT source FROM reco.recommend_text('t', '7', k => 1)), 'personal', 'and answers');

-- Large ones are stored in several parts.
SELECT reco.create_model('large') \g /dev/null
SELECT reco.factorize(n % 20, n, 1, '{"factors": 512, "iterations": 1}') AS large FROM generate_series(1, 5000) n \gset
SELECT ok((reco.import_model('large', :'large')).bytes > 10000000, 'ten million bytes');
SELECT cmp_ok((SELECT parts FROM reco.version WHERE model = 'large'), '>', 1, 'are parts');
SELECT ok(reco.export_model('large') = :'large'::bytea, 'and come back');
SELECT is((SELECT count(*)::integer FROM reco.recommend('large', NULL, basket => '{77}', k => 5000)), 4999, 'and answer');
\unset large
-- Small ones, too.
SELECT reco.create_model('small', 'UTC', '{"factors": 1}'), reco.create_model('small_2') \g /dev/null
CREATE TABLE none AS TABLE lines WITH NO DATA;
SELECT reco.add_orders('small', 'none', 'u', 'i', 'at') \g /dev/null
SELECT reco.train('small') \g /dev/null
SELECT is((reco.import_model('small_2', reco.export_model('small'))).items, 0, 'a model of nothing');
SELECT results_eq($$SELECT trained_to, users, items, bags FROM reco.versions WHERE model = 'small_2'$$, 'VALUES (NULL::timestamptz, 0, 0, 0::bigint)', 'was trained up to nothing');
SELECT is_empty($$SELECT * FROM reco.recommend('small_2', 1, basket => '{1}')$$, 'and recommends nothing');
SELECT is((reco.import_model('small_2', (SELECT reco.factorize('', '', 1)))).items, 1, 'one item, whose key is the empty text');
SELECT results_eq($$SELECT item_id, source FROM reco.recommend_text('small_2', NULL)$$, $$VALUES ('', 'popular')$$, 'is recommended');

-- ---- Rights ----------------------------------------------------------------------------------------------------------

SET ROLE owner_role;
SELECT reco.create_model('own', 'UTC') \g /dev/null
SELECT throws_ok(format('SELECT reco.%s', call), '42501', 'must be owner of model "m"', 'not the owner: ' || call) FROM unnest(ARRAY['export_model(''m'')', 'export_model(''m'', 99)', 'import_model(''m'', ''\x'')', 'import_model(''m'', NULL)']) call;
RESET ROLE;
SELECT reco.export_model('m') AS m, reco.export_model('t') AS t \gset
SET ROLE owner_role;
SELECT is((reco.import_model('own', :'m')).version, 1, 'whoever owns a model can import into it');
SELECT ok(reco.export_model('own') = :'m'::bytea, 'and export it');
SELECT reco.grant_usage('own', 'reader', explain => true) \g /dev/null
SET ROLE reader;
SELECT is((SELECT count(*)::integer FROM reco.recommend('own', NULL)), 10, 'who may use it');
SELECT throws_ok('SELECT reco.export_model(''own'')', '42501', 'must be owner of model "own"', 'may not export it');
SELECT throws_ok(format('SELECT reco.import_model(''own'', %L)', :'m'), '42501', 'must be owner of model "own"', 'nor import into it');
SELECT results_eq($$SELECT kernel COLLATE "default", rows FROM reco.versions WHERE model = 'own'$$, $$VALUES ('imported', NULL::bigint)$$, 'but sees what it is');
RESET ROLE;
SELECT is((reco.import_model('own', :'m')).version, 2, 'so can a superuser');

-- ---- What is no model ------------------------------------------------------------------------------------------------

SELECT throws_ok('SELECT reco.' || call, state, message, call)
FROM   (VALUES ('export_model(NULL)', '22004', 'parameter "model" must not be null'), ('export_model(''nothing'')', '42704', 'model "nothing" does not exist'), ('export_model(''untrained'')', '55000', 'model "untrained" has not been trained'),
               ('export_model(''untrained'', 1)', '42704', 'model "untrained" has no version 1'), ('export_model(''m'', 0)', '42704', 'model "m" has no version 0'), ('export_model(''m'', -1)', '42704', 'model "m" has no version -1'),
               ('export_model(''m'', 2147483647)', '42704', 'model "m" has no version 2147483647'), ('import_model(NULL, ''\x'')', '22004', 'parameter "model" must not be null'),
               ('import_model(''nothing'', ''\x'')', '42704', 'model "nothing" does not exist'), ('import_model(''m'', NULL)', '22004', 'parameter "data" must not be null')) AS x (call, state, message);
SELECT is(hint, 'SELECT * FROM reco.train(''untrained'').', 'the hint of a model that was never trained') FROM complaint('SELECT reco.export_model(''untrained'')');
SELECT is(hint, 'SELECT version FROM reco.versions WHERE model = ''m'' lists them.', 'of a version that is not there') FROM complaint('SELECT reco.export_model(''m'', 0)');
SELECT is(hint, 'Give what reco.export_model or reco.factorize returned; the latter is null where no row counts.', 'of data that are NULL') FROM complaint('SELECT reco.import_model(''m'', NULL)');

CREATE FUNCTION crc32c(data bytea) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	crc bigint := x'ffffffff'::bigint;
BEGIN
	FOR i IN 0 .. length(data) - 1 LOOP
		crc := crc # get_byte(data, i);
		FOR j IN 1 .. 8 LOOP
			crc := CASE WHEN crc & 1 = 1 THEN (crc >> 1) # x'82f63b78'::bigint ELSE crc >> 1 END;
		END LOOP;
	END LOOP;
	RETURN crc # x'ffffffff'::bigint;
END $$;
CREATE FUNCTION little(value bigint, bytes integer) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT string_agg(set_byte('\x00', 0, ((value >> (8 * i)) & 255)::integer), '' ORDER BY i) FROM generate_series(0, bytes - 1) i
$$;
CREATE FUNCTION little(value double precision) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT string_agg(substr(float8send(value), i, 1), '' ORDER BY i DESC) FROM generate_series(1, 8) i
$$;
CREATE FUNCTION sealed(data bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT overlay(data PLACING little(crc32c(substr(data, 1, 24) || substr(data, 29)), 4) FROM 25)
$$;
CREATE FUNCTION number(data bytea, at bigint, bytes integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
	SELECT sum(get_byte(data, (at + i)::integer)::bigint << (8 * i))::bigint FROM generate_series(0, bytes - 1) i
$$;
CREATE FUNCTION section(data bytea, kind integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
	SELECT number(data, 64 + 24 * s + 8, 8)::integer FROM generate_series(0, number(data, 40, 4)::integer - 1) s WHERE number(data, 64 + 24 * s, 4) = kind
$$;
-- What import_model says to bytes; what it stores is undone.
CREATE FUNCTION said(data bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	SELECT 'taken: ' || items INTO result FROM reco.import_model('untrained', data);
	RAISE EXCEPTION USING ERRCODE = 'UNDOO';
EXCEPTION
	WHEN SQLSTATE 'UNDOO' THEN RETURN result;
	WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT reco.factorize(u, i, 1, '{"factors": 2, "iterations": 2}') AS m, reco.factorize(u, t, 1, '{"factors": 2, "iterations": 2}') AS t, length(reco.factorize(u, i, 1, '{"factors": 2, "iterations": 2}')) AS n FROM lines WHERE i < 7 \gset
SELECT is(said(:'m'), 'taken: 6', 'these bytes are a model');
SELECT is(said(sealed(:'m')), 'taken: 6', 'the CRC is the one that this test computes');
SELECT is(said(:'t'), 'taken: 6', 'these too');
SELECT is(said(data), words, what)
FROM   (VALUES ('\x'::bytea, 'XX001 the data are no model: it is too short', 'nothing'), ('\x00', 'XX001 the data are no model: it is too short', 'a byte'), (convert_to(repeat('This is no model. ', 1000), 'UTF8'), 'XX001 the data are no model: it does not begin like a model', 'prose'),
               (decode(repeat('00', 1024), 'hex'), 'XX001 the data are no model: it does not begin like a model', 'zeros'), (substr(:'m'::bytea, 1, 63), 'XX001 the data are no model: it is too short', 'less than a header'),
               (substr(:'m'::bytea, 1, 64), 'XX001 the data are no model: its length is not what its header says', 'a header'), (substr(:'m'::bytea, 1, :n - 64), 'XX001 the data are no model: its length is not what its header says', 'the last cache line is missing'),
               (substr(:'m'::bytea, 2), 'XX001 the data are no model: it does not begin like a model', 'the first byte is missing'), (:'m'::bytea || '\x00', 'XX001 the data are no model: its length is not what its header says', 'a byte more'),
               (:'m'::bytea || :'m'::bytea, 'XX001 the data are no model: its length is not what its header says', 'twice'),
               (overlay(:'m'::bytea PLACING little(2, 4) FROM 9), '0A000 cannot read the data: it has a newer format than this library reads', 'a newer format'),
               (sealed(overlay(:'m'::bytea PLACING little(2, 4) FROM 9)), '0A000 cannot read the data: it has a newer format than this library reads', 'a newer format with its CRC'),
               (sealed(overlay(:'m'::bytea PLACING '\x01020304'::bytea FROM 13)), '0A000 cannot read the data: it was written on a machine of the other byte order', 'the other byte order'),
               (overlay(:'m'::bytea PLACING '\xff'::bytea FROM 301), 'XX001 the data are no model: its checksum is wrong', 'one byte changed'),
               (sealed(overlay(:'t'::bytea PLACING '\xff'::bytea FROM section(:'t', 3) + 1)), 'XX001 the data are no model: its keys are not in order', 'a key that is no text, out of order'),
               (sealed(overlay(:'t'::bytea PLACING '\xff'::bytea FROM section(:'t', 3) + 4 * 5 + 3)), 'XX001 the data are no model: it has keys or labels that are no text of this database''s encoding', 'a key that is no text'),
               (sealed(overlay(:'t'::bytea PLACING '\x00'::bytea FROM section(:'t', 3) + 4)), 'XX001 the data are no model: it has keys or labels that are no text of this database''s encoding', 'a key with a zero byte')) AS x (data, words, what);
SELECT is(hint, 'Give what reco.export_model or reco.factorize returned, unchanged.', 'the hint of what is no model') FROM complaint('SELECT reco.import_model(''m'', ''\x'')');
SELECT is(hint, 'Install the library that wrote it here too.', 'of a newer format') FROM complaint(format('SELECT reco.import_model(''m'', %L)', sealed(overlay(:'m'::bytea PLACING little(2, 4) FROM 9))));
SELECT is((SELECT array_agg(DISTINCT left(said(substr(:'m'::bytea, 1, n)), 5)) FROM generate_series(0, :n - 1) n), ARRAY['XX001'], 'cut off anywhere');
SELECT is_empty(format($$SELECT byte, bit, state FROM generate_series(0, %s - 1) byte, LATERAL (SELECT (byte * 5 + j) %% 8 AS bit FROM generate_series(0, 7) j WHERE byte < 256 OR j = 0) b,
                         LATERAL (SELECT left(said(set_bit(%L::bytea, byte * 8 + bit, 1 - get_bit(%2$L::bytea, byte * 8 + bit))), 5) AS state) s
                         WHERE state <> 'XX001' AND NOT (byte BETWEEN 8 AND 15 AND state = '0A000')$$, :n, :'m'), 'one bit flipped: any of the header, one of each byte behind it');
SELECT is(said(sealed(overlay(:'m'::bytea PLACING bytes FROM section(:'m', kind) + at + 1))), 'XX001 the data are no model: its numbers are out of range', 'sealed: ' || what)
FROM   (VALUES (8, 0, little(-1::float8), '-1 customers'), (8, 0, little(0.5::float8), 'half a customer'), (8, 0, little('NaN'::float8), 'customers NaN'), (8, 0, little('infinity'::float8), 'infinitely many'), (8, 0, little(2147483648::float8), '2^31'),
               (8, 8, little(-1::float8), '-1 orders'), (8, 16, little(1e300::float8), '1e300 bags'), (8, 24, little('-infinity'::float8), 'cases'), (8, 32, little(1.5::float8), 'one and a half cases'),
               (8, 40, little(1.01::float8), 'a recall above 1'), (8, 48, little(-0.01::float8), 'a negative nDCG'), (8, 56, little('infinity'::float8), 'an infinite recall'), (8, 72, little(2::float8), 'popularity''s recall of 2'),
               (7, 64, little(9223371331200002048::float8), 'a clock after the end of time'), (7, 64, little(-211813488000000032::float8), 'before its beginning'), (7, 64, little(-8e18::float8), 'long before'), (7, 64, little('NaN'::float8), 'no clock'), (7, 8, little(-1::float8), 'a negative lambda'), (4, 0, little(x'7fc00000'::bigint, 4), 'a factor NaN'),
               (5, 0, little('NaN'::float8), 'a Gram matrix NaN'), (6, 0, little(x'ff800000'::bigint, 4), 'popularity -infinity')) AS x (kind, at, bytes, what);
SELECT is(said(sealed(overlay(:'m'::bytea PLACING bytes FROM section(:'m', kind) + at + 1))), 'taken: 6', 'sealed, and no fault: ' || what)
FROM   (VALUES (8, 0, little(2147483647::float8), '2^31 - 1 customers'), (8, 16, little(2147483647::float8), '2^31 - 1 bags'), (8, 24, little(0::float8), 'no cases'), (8, 40, little('NaN'::float8), 'no recall'), (8, 40, little(1::float8), 'a recall of 1'),
               (7, 64, little('-infinity'::float8), 'trained up to nothing'), (7, 64, little(0::float8), 'trained up to 2000')) AS x (kind, at, bytes, what);
SELECT is((SELECT count(*)::integer FROM reco.versions WHERE model = 'untrained'), 0, 'nothing of all that is left');
SELECT is((SELECT count(*)::integer FROM reco.version_part p WHERE NOT EXISTS (SELECT FROM reco.version v WHERE v.blob = p.blob)), 0, 'nor a part');

-- Numbers that say much are shown as they are.
SELECT results_eq(format($$SELECT users, bags, trained_to, metrics #>> '{completion,recall@10}', metrics #>> '{next_order,cases}' FROM reco.import_model('untrained', %L)$$,
                         sealed(overlay(overlay(overlay(overlay(overlay(:'m'::bytea PLACING little(2147483647::float8) FROM section(:'m', 8) + 1) PLACING little(2147483646::float8) FROM section(:'m', 8) + 17)
                         PLACING little(0::float8) FROM section(:'m', 7) + 65) PLACING little(0.125::float8) FROM section(:'m', 8) + 41) PLACING little(7::float8) FROM section(:'m', 8) + 33))),
                  $$VALUES (2147483647, 2147483646::bigint, timestamptz '2000-01-01 00:00+00', '0.125', '7')$$, 'what a forged model says of itself');
SELECT lives_ok('SELECT * FROM reco.versions', 'and can be listed');
SELECT is((SELECT trained_to FROM reco.import_model('untrained', sealed(overlay(:'m'::bytea PLACING little(at) FROM section(:'m', 7) + 65)))), shown, 'trained up to ' || coalesce(shown::text, 'no timestamp'))
FROM   (VALUES (9223371331199998976::float8, timestamptz '294276-12-31 23:59:59.998976+00'), (-211813488000000000, '4714-11-24 00:00+00 BC'), (9223371331200000000, NULL)) AS x (at, shown);
SELECT lives_ok('SELECT * FROM reco.versions', 'which can be listed');
SELECT is((SELECT versions FROM reco.drop_model('untrained')), 3, 'and dropped');

-- What is damaged where it is stored does not get out.
BEGIN;
UPDATE reco.version_part SET data = set_byte(data, 300, 255 - get_byte(data, 300));
SELECT is(complaint('SELECT reco.export_model(''m'')')::text, ROW('XX001', 'the version of model "m" to export is damaged: its checksum is wrong',
          'Export another version, or call reco.train to build a new one.')::text, 'a damaged version is not exported');
DELETE FROM reco.version_part;
SELECT throws_like($$SELECT reco.export_model('t')$$, 'the version of model "t" to export is damaged: %', 'nor is one without its bytes');
ROLLBACK;
SELECT * FROM finish();
