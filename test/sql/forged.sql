-- Whatever stands in a catalog table or a blob may be forged or damaged: a clean error, and the session lives.

SET client_min_messages = warning;
SELECT plan(214);

CREATE ROLE owner_role;
GRANT EXECUTE ON FUNCTION reco.create_model(text, text, jsonb) TO owner_role;
CREATE TABLE lines AS
SELECT o, o % 5 AS u, 1 + (o * 7 + j * 3) % 6 AS i, 't' || (o * 7 + j * 3) % 6 AS t, '2024-01-01'::timestamptz + o * interval '1 hour' AS at, 1 AS q
FROM generate_series(1, 40) o, generate_series(1, 2) j;
CREATE INDEX lines_index ON lines (u);
CREATE SEQUENCE numbers;
CREATE TABLE items AS SELECT id, true AS sold FROM generate_series(1, 6) id;
CREATE TABLE kinds AS SELECT 't' || n AS id, n / 3 AS kind FROM generate_series(0, 5) n;
GRANT SELECT ON lines, items, kinds TO owner_role;

SET ROLE owner_role;
SELECT reco.create_model('m', 'UTC', '{"factors": 2, "iterations": 2}') \g /dev/null
SELECT reco.add_orders('m', 'lines', 'u', 'i', 'at', 'o', quantity => 'q') \g /dev/null
SELECT reco.add_items('m', 'items', 'id', available => 'sold') \g /dev/null
SELECT reco.train('m') \g /dev/null
SELECT reco.train('m') \g /dev/null
SELECT reco.create_model('t', 'UTC', '{"factors": 2, "iterations": 2}') \g /dev/null
SELECT reco.add_orders('t', 'lines', 'u', 't', 'at', 'o', quantity => 'q') \g /dev/null
SELECT reco.add_items('t', 'kinds', 'id', features => 'kind') \g /dev/null
SELECT reco.train('t') \g /dev/null
RESET ROLE;
SELECT is((SELECT count(*)::integer FROM reco.recommend('m', 1)), 6, 'the model answers');
SELECT is((SELECT count(*)::integer FROM reco.recommend_text('t', '1')), 6, 'so does the one with text keys');

-- ---- Forged definitions ------------------------------------------------------------------------------------------

-- The SQLSTATEs of what forging and then calling gives; NULL for none.  What was forged is undone.
CREATE FUNCTION forged(forgery text, VARIADIC calls text[]) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	call text;
	states text[];
BEGIN
	BEGIN
		EXECUTE forgery;
		FOREACH call IN ARRAY calls LOOP
			BEGIN
				EXECUTE call;
				states := states || NULL::text;
			EXCEPTION WHEN OTHERS THEN
				states := states || SQLSTATE;
			END;
		END LOOP;
		RAISE EXCEPTION USING ERRCODE = 'UNDOO';
	EXCEPTION WHEN SQLSTATE 'UNDOO' THEN
		RETURN states;
	END;
END $$;

SELECT is(forged(format('UPDATE reco.source_column SET expression = %L WHERE model = ''m'' AND role = ''user_id''', expression),
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), ARRAY[state, state],
          format('a forged expression: %s', expression))
FROM   (VALUES ('(SELECT 1)', '0A000'), ('(SELECT oid::int4 FROM pg_authid LIMIT 1)', '0A000'), ('1) FROM pg_authid; --', '42601'),
               ('1) FROM pg_authid --', '42601'), ('1; DELETE FROM pg_authid', '42601'), ('random()::int4', '42P17'), ('nextval(''public.numbers'')', '42P17'),
               ('sum(u)', '42803'), ('generate_series(1, 2)', '0A000'), ('u, i', '42601'), ('u FROM pg_class', '42601'), ('*', '42601'), ('', '42601'),
               ('$1', '42P02'), ('$2', '42P02'), ('nothing', '42703'), ('pg_authid.oid', '42P01'), ('u /* ', '42601'), ('u -- ', NULL), ('u::float8', '42804'),
               ('(u', '42601'), ('u)', '42601'), (E'u\n', NULL), ('row_number() OVER ()', '42P20'), ('DISTINCT u', '42601'), ('u LIMIT 1', '42601'),
               (repeat('(', 10000) || 'u' || repeat(')', 10000), NULL)) AS x (expression, state)
WHERE  length(expression) < 1000;
SELECT is(forged('UPDATE reco.source_column SET expression = ''1 / 0'' WHERE model = ''m'' AND role = ''at''',
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), ARRAY['42804', '42804'], 'of a wrong type');
SELECT is(forged('UPDATE reco.source_column SET expression = ''i / 0'' WHERE model = ''m'' AND kind = ''orders'' AND role = ''item_id''',
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), ARRAY['22012', '22012'], 'that fails');
SELECT is(forged('UPDATE reco.source_column SET expression = ''t'' WHERE model = ''m'' AND kind = ''orders'' AND role = ''item_id''',
                 'SELECT count(*) FROM reco.recommend(''m'', 1)', 'SELECT reco.train(''m'')'), ARRAY['42804', NULL], 'with another kind of keys');
SELECT is(forged('UPDATE reco.source_column SET expression = ''o::text'' WHERE model = ''m'' AND role = ''order_id''',
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), ARRAY[NULL, NULL]::text[], 'order keys that became texts');
SELECT is(forged(format('UPDATE reco.source_column SET type = %L WHERE model = ''m''', type),
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), ARRAY[NULL, NULL]::text[], 'a forged type: ' || type)
FROM   unnest(ARRAY['text', 'integer', 'bytea', 'nothing', 'pg_catalog.pg_authid']) type;
SELECT is(array_remove(array_remove(forged('UPDATE reco.source_column SET type = '''' WHERE model = ''m''',
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), '42601'), NULL), '{}', 'a type that is none');
SELECT is(forged('UPDATE reco.source_column SET role = ''nothing'' WHERE model = ''m'' AND role = ''quantity''',
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), ARRAY['XX001', 'XX001'], 'an unknown role');
SELECT is(forged('UPDATE reco.source_column SET kind = ''nothing'' WHERE model = ''m''; UPDATE reco.source SET kind = ''nothing'' WHERE model = ''m''',
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)', 'SELECT reco.remove_source(''m'', ''lines'')', 'SELECT reco.drop_model(''m'')'),
          ARRAY['XX001', 'XX001', NULL, NULL], 'an unknown kind; it can be removed');
SELECT is(forged('DELETE FROM reco.source_column WHERE model = ''m'' AND kind = ''orders'' AND role = ''' || role || '''',
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), ARRAY['XX001', 'XX001'], 'no ' || role)
FROM   unnest(ARRAY['user_id', 'item_id', 'at']) role;
SELECT is(forged('DELETE FROM reco.source_column WHERE model = ''m'' AND kind = ''items'' AND role = ''item_id''',
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), ARRAY['XX001', 'XX001'], 'items without an item_id');
SELECT is(forged('DELETE FROM reco.source_column WHERE model = ''m''',
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)') IN (ARRAY['55000', NULL], ARRAY['XX001', 'XX001']), true, 'no columns at all');
SELECT is(array_remove(array_remove(forged('INSERT INTO reco.source_column SELECT model, kind, source, role, ''twice'', 9, expression, type FROM reco.source_column WHERE model = ''m'' AND kind = ''orders''',
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), 'XX001'), NULL), '{}', 'every column twice');
SELECT is(array_remove(array_remove(forged('INSERT INTO reco.source_column SELECT model, kind, source, role, g::text, g, expression, type FROM reco.source_column, generate_series(100, 120) g
                  WHERE model = ''m'' AND kind = ''orders''', 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), 'XX001'), NULL), '{}',
          'every column twenty times');
SELECT is(array_remove(array_remove(forged('INSERT INTO reco.source_column SELECT model, kind, source, ''available'', ''available'', 9, ''true'', ''boolean'' FROM reco.source_column
                  WHERE model = ''m'' AND kind = ''orders'' AND role = ''at''',
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), 'XX001'), NULL), '{}', 'a role of another kind');
SELECT is(forged(format('UPDATE reco.source_column SET kind = %L WHERE model = ''m'' AND kind = ''orders''; UPDATE reco.source SET kind = %1$L WHERE model = ''m'' AND kind = ''orders''', kind),
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)', 'SELECT reco.remove_source(''m'', ''lines'')'), ARRAY['XX001', 'XX001', NULL],
          'orders that became ' || kind)
FROM   unnest(ARRAY['users', 'reviews', 'items']) kind;
SELECT is(forged(format('SELECT reco.add_%s; DELETE FROM reco.source_column WHERE model = ''m'' AND kind = %L AND role = %L', call, kind, role),
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)', format('SELECT reco.remove_source(''m'', ''lines'', %L)', kind)), ARRAY['XX001', 'XX001', NULL],
          format('%s without %s', kind, role))
FROM   (VALUES ('users(''m'', ''lines'', ''u'', ''q'')', 'users', 'user_id'), ('reviews(''m'', ''lines'', ''u'', ''i'', stars => ''q'')', 'reviews', 'user_id'),
               ('reviews(''m'', ''lines'', ''u'', ''i'', stars => ''q'')', 'reviews', 'item_id')) x (call, kind, role);
SELECT is(forged(format('INSERT INTO reco.source_column SELECT model, kind, source, ''context'', ''c'' || g, 9 + g, ''u'', ''integer'' FROM reco.source_column, generate_series(1, %s) g
                  WHERE model = ''m'' AND kind = ''orders'' AND role = ''at''', n), 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), ARRAY[state, state],
          format('a list of %s', n))
FROM   (VALUES (64, NULL), (65, 'XX001')) x (n, state);
SELECT is(forged(format('SELECT reco.add_reviews(''m'', ''lines'', ''u'', ''i'', stars => ''q'', body => ''t'', configuration => ''simple''); UPDATE reco.source_column SET expression = %L WHERE role = ''configuration''', expression),
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), ARRAY[state, NULL], 'a forged configuration: ' || expression)
FROM   (VALUES ('''nothing''::regconfig', '42704'), ('t', '42804'), ('4294967295::regconfig', '42704'), ('''simple''::regconfig', NULL), ('CASE i WHEN 1 THEN ''english''::regconfig END', NULL)) x (expression, state);

SELECT is(forged(format('UPDATE reco.source SET relation_oid = %s WHERE model = ''m'' AND kind = ''orders''', number),
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)', 'SELECT count(relation::text) FROM reco.sources'),
          ARRAY[state, state, NULL], 'the relation is ' || what)
FROM   (VALUES ('''lines_index''::regclass', '42809', 'an index'), ('''numbers''::regclass', '42809', 'a sequence'), ('4294967295', '42P01', 'nothing'),
               ('0', '42P01', '0'), ('(SELECT reltoastrelid FROM pg_class WHERE oid = ''reco.version_part''::regclass)', '42809', 'a toast table'),
               ('''pg_authid''::regclass', '42703', 'pg_authid'), ('''items''::regclass', '42703', 'another')) AS x (number, state, what);
SELECT is(forged('UPDATE reco.source_column SET expression = ''oid::int8'' WHERE model = ''m'' AND kind = ''orders'' AND role IN (''user_id'', ''item_id'', ''order_id'');
                  UPDATE reco.source_column SET expression = ''rolvaliduntil'' WHERE model = ''m'' AND role = ''at'';
                  UPDATE reco.source_column SET expression = ''1'' WHERE model = ''m'' AND role = ''quantity'';
                  UPDATE reco.source SET relation_oid = ''pg_authid''::regclass WHERE model = ''m'' AND kind = ''orders''',
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), ARRAY['42501', '42501'],
          'a relation that the owner may not read stays unread, also for a superuser');
CREATE TEMP TABLE temporary AS SELECT * FROM lines;
SELECT is(forged('UPDATE reco.source SET relation_oid = ''temporary''::regclass WHERE model = ''m'' AND kind = ''orders''',
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), ARRAY['42809', '42809'], 'a temporary relation');
SELECT is(forged('UPDATE reco.source SET system_id = 1, relation_name = ''nowhere'' WHERE model = ''m'' AND kind = ''orders''',
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)', 'SELECT count(relation::text) FROM reco.sources'),
          ARRAY['42P01', '42P01', NULL], 'from another cluster, with a name that is not here');
SELECT is(forged('UPDATE reco.source SET system_id = 1, relation_oid = 0 WHERE model = ''m''',
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), ARRAY[NULL, NULL]::text[], 'with one that is here');
SELECT is(forged('UPDATE reco.source SET catalog_oid = 0, schema_name = ''; --'' WHERE model = ''m'' AND kind = ''orders''',
                 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'), ARRAY['42P01', '42P01'], 'from another database');

-- ---- Forged models -------------------------------------------------------------------------------------------------

SELECT is(forged(format('UPDATE reco.model SET options = %L WHERE name = ''m''', options), 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)',
                 'SELECT count(options) FROM reco.models', 'SELECT reco.drop_model(''m'')'), ARRAY[state, state, NULL, NULL], 'forged options: ' || options)
FROM   (VALUES ('[]', '22023'), ('1', '22023'), ('null', '22023'), ('{"factors": 100000}', '22023'), ('{"factors": -1}', '22023'), ('{"factors": "8"}', '22023'),
               ('{"nothing": 1}', '22023'), ('{"history_limit": 1e300}', '22023'), ('{"seed": 0.5}', '22023'), ('{"training_clock": "soon"}', '22007'),
               ('{"training_clock": "infinity"}', '22023'), ('{"solver": "slow"}', '22023'), ('{"half_life": {}}', '22023')) AS x (options, state);
SELECT is(forged('UPDATE reco.model SET options = ''{"factors": -1, "nothing": 1}'' WHERE name = ''m''',
                 'SELECT reco.alter_model(''m'', ''{"factors": 4, "nothing": null}'')', 'SELECT reco.alter_model(''m'', ''{"seed": 1}'')'), ARRAY['22023', '22023'],
          'and cannot be changed piecemeal');
SELECT is(forged('UPDATE reco.model SET timezone = ''Nowhere'' WHERE name = ''m''', 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)',
                 'SELECT reco.alter_model(''m'', timezone => ''UTC'')', 'SELECT reco.train(''m'')'), ARRAY['22023', '22023', NULL, NULL],
          'an unknown time zone, until it is put right');
SELECT is(forged('UPDATE reco.model SET owner_oid = 4294967295 WHERE name = ''m''', 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)',
                 'SELECT reco.add_orders(''m'', ''lines'', ''u'', ''i'', ''at'')', 'SELECT count(owner) FROM reco.models',
                 'SELECT reco.set_owner(''m'', ''owner_role'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'),
          ARRAY['42704', '42704', '42704', NULL, NULL, NULL], 'an owner that is gone, until another takes over');
SELECT is(forged('UPDATE reco.model SET owner_oid = 0 WHERE name = ''m''', 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)',
                 'SELECT count(owner) FROM reco.models'), ARRAY['42704', '42704', NULL], 'an owner of number 0');
SELECT is(forged('UPDATE reco.model SET active_version = ' || version || ' WHERE name = ''m''', 'SELECT count(*) FROM reco.recommend(''m'', 1)',
                 'SELECT count(active) FROM reco.versions', 'SELECT reco.activate(''m'', 1)', 'SELECT count(*) FROM reco.recommend(''m'', 1)'),
          ARRAY['55000', NULL, NULL, NULL], 'an active version that is not there: ' || version)
FROM   unnest(ARRAY['99', '0', '-1', 'NULL']) version;
SELECT is(forged('UPDATE reco.model SET last_version = 2147483647 WHERE name = ''m''', 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'),
          ARRAY['54000', NULL], 'no version number is left');
SELECT is(forged('UPDATE reco.model SET last_version = 0 WHERE name = ''m''', 'SELECT reco.train(''m'')', 'SELECT count(*) FROM reco.recommend(''m'', 1)'),
          ARRAY['23505', NULL], 'the next version number is taken');
SELECT is(forged('INSERT INTO reco.model_grant VALUES (''m'', ''nobody'', 4294967295, 1, ''recommend''), (''m'', ''public'', 0, 1, ''everything'')',
                 'SELECT count(role) FROM reco.grants', 'SET LOCAL ROLE owner_role; SELECT reco.grant_usage(''m'', ''owner_role'')'), ARRAY[NULL, NULL]::text[], 'forged grants');
SELECT is(forged('ALTER TABLE reco.model ALTER timezone DROP NOT NULL; UPDATE reco.model SET timezone = NULL WHERE name = ''m''',
                 'SELECT count(*) FROM reco.recommend(''m'', 1)', 'SELECT count(*) FROM reco.models'), ARRAY['XX001', 'XX001'], 'a NULL where none can be');
SELECT is((SELECT count(*)::integer FROM reco.recommend('m', 1)), 6, 'after all that the model answers as before');

-- ---- Damaged blobs -----------------------------------------------------------------------------------------------

-- CRC-32C as the format has it, so that what is forged passes for undamaged.
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
CREATE FUNCTION sealed(data bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT overlay(data PLACING little(crc32c(substr(data, 1, 24) || substr(data, 29)), 4) FROM 25)
$$;
CREATE FUNCTION blob_of(name text) RETURNS bytea LANGUAGE sql STABLE AS $$
	SELECT string_agg(p.data, '' ORDER BY p.part)
	FROM reco.model m JOIN reco.version v ON v.model = m.name AND v.version = m.active_version JOIN reco.version_part p USING (blob) WHERE m.name = blob_of.name
$$;
-- Puts other parts in the place of the active version's, under an id that no session has cached.
CREATE FUNCTION put_parts(name text, VARIADIC parts bytea[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	old uuid := (SELECT v.blob FROM reco.model m JOIN reco.version v ON v.model = m.name AND v.version = m.active_version WHERE m.name = put_parts.name);
	new uuid := gen_random_uuid();
BEGIN
	DELETE FROM reco.version_part WHERE blob = old;
	UPDATE reco.version SET blob = new WHERE blob = old;
	INSERT INTO reco.version_part SELECT new, ordinality - 1, data FROM unnest(parts) WITH ORDINALITY AS p (data, ordinality) WHERE data IS NOT NULL;
END $$;
-- What a request says to such parts: an SQLSTATE, or what is odd about the answer.
CREATE FUNCTION answer_to(name text, VARIADIC parts bytea[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	BEGIN
		PERFORM put_parts(name, VARIADIC parts);
		IF name = 'm' THEN
			SELECT count(*) || CASE WHEN bool_or(score = 'NaN' OR probability = 'NaN') THEN ' NaN' ELSE '' END INTO result FROM reco.recommend('m', 1);
		ELSE
			SELECT count(*) || CASE WHEN bool_or(score = 'NaN' OR probability = 'NaN') THEN ' NaN' ELSE '' END INTO result FROM reco.recommend_text('t', '1');
		END IF;
		RAISE EXCEPTION USING ERRCODE = 'UNDOO';
	EXCEPTION
		WHEN SQLSTATE 'UNDOO' THEN RETURN result;
		WHEN OTHERS THEN RETURN SQLSTATE;
	END;
END $$;
SELECT blob_of('m') AS m, length(blob_of('m')) AS n, blob_of('t') AS t, length(blob_of('t')) AS tn \gset

SELECT is(answer_to('m', :'m'), '6', 'the same bytes under another id answer');
SELECT is(sealed(:'m'::bytea), :'m'::bytea, 'the CRC is the one that this test computes');
SELECT is(answer_to('m', substr(:'m'::bytea, 1, 7), '', substr(:'m'::bytea, 8)), '6', 'parts may have any length');
SELECT is(answer_to('m', substr(:'m'::bytea, 8), substr(:'m'::bytea, 1, 7)), 'XX001', 'swapped parts');
SELECT is(answer_to('m', substr(:'m'::bytea, 1, 700), NULL, substr(:'m'::bytea, 701)), 'XX001', 'a gap between parts');
SELECT is(answer_to('m', NULL, :'m'), 'XX001', 'the first part is missing');
SELECT is(answer_to('m', substr(:'m'::bytea, 1, 700)), 'XX001', 'the last part is missing');
SELECT is(answer_to('m', NULL), 'XX001', 'all parts are missing');
SELECT is(answer_to('m', ''), 'XX001', 'an empty part');
SELECT is(answer_to('m', :'m'::bytea || '\x00'), 'XX001', 'a byte too much');
SELECT is(answer_to('m', :'m', :'m'), 'XX001', 'twice');
SELECT is(answer_to('m', :'t'), '42809', 'the blob of another model');
SELECT is_empty(format('SELECT n, answer_to(''m'', substr(%L::bytea, 1, n)) FROM generate_series(0, %s - 1, 3) n WHERE answer_to(''m'', substr(%1$L::bytea, 1, n)) <> ''XX001''', :'m', :n),
                'cut off anywhere');
SELECT is_empty(format($$SELECT byte, bit, state FROM generate_series(0, %s - 1) byte CROSS JOIN LATERAL (SELECT (byte * 5) %% 8 AS bit) b
                         CROSS JOIN LATERAL (SELECT answer_to('m', set_bit(%L::bytea, byte * 8 + bit, 1 - get_bit(%2$L::bytea, byte * 8 + bit))) AS state) s
                         WHERE state <> 'XX001' AND NOT (byte BETWEEN 8 AND 15 AND state = '0A000')$$, :n, :'m'), 'one bit flipped in any byte');
SELECT throws_ok(format('SELECT put_parts(''m'', %L); SELECT count(*) FROM reco.recommend(''m'', 1)', substr(:'m'::bytea, 1, 100)), 'XX001',
                 'the active version of model "m" is damaged: its length is not what its header says', 'the message says what');

-- With the right CRC.
SELECT is(answer_to('m', sealed(overlay(:'m'::bytea PLACING bytes FROM at + 1))), state, 'sealed: ' || what)
FROM   (VALUES (0, 'X'::bytea, 'XX001', 'magic'), (8, little(2, 4), '0A000', 'a newer format'), (8, little(0, 4), 'XX001', 'format 0'),
               (8, little(4294967295, 4), '0A000', 'a much newer format'), (12, '\x01020304', '0A000', 'the other byte order'),
               (16, little(64, 8), 'XX001', 'a shorter length'), (16, little(-1, 8), 'XX001', 'length -1'), (28, little(2, 4), 'XX001', 'unknown flags'),
               (28, little(0, 4), 'XX001', 'text keys without their sections'),
               (32, little(0, 4), 'XX001', 'no items'), (32, little(5, 4), 'XX001', 'fewer items'), (32, little(7, 4), 'XX001', 'more items'),
               (32, little(2147483647, 4), 'XX001', '2^31 - 1 items'), (32, little(2147483648, 4), 'XX001', '2^31 items'), (32, little(4294967295, 4), 'XX001', '2^32 - 1 items'),
               (36, little(0, 4), 'XX001', 'no factors'), (36, little(1, 4), 'XX001', 'fewer factors'), (36, little(512, 4), 'XX001', 'more factors'),
               (36, little(513, 4), 'XX001', 'too many factors'), (36, little(4294967295, 4), 'XX001', '2^32 - 1 factors'),
               (40, little(0, 4), 'XX001', 'no sections'), (40, little(4, 4), 'XX001', 'fewer sections'), (40, little(64, 4), 'XX001', 'more sections'),
               (40, little(4294967295, 4), 'XX001', '2^32 - 1 sections'),
               (64, little(0, 4), 'XX001', 'a section of kind 0'), (64, little(4, 4), 'XX001', 'a section twice'), (64, little(99, 4), 'XX001', 'a section of unknown kind for a known one'),
               (68, little(0, 4), 'XX001', 'elements of 0 bytes'), (68, little(4, 4), 'XX001', 'elements of 4 bytes'), (68, little(4294967295, 4), 'XX001', 'huge elements'),
               (72, little(0, 8), 'XX001', 'an offset into the header'), (72, little(:n, 8), 'XX001', 'an offset at the end'), (72, little(-64, 8), 'XX001', 'an offset that wraps'),
               (72, little(193, 8), 'XX001', 'an offset that is not aligned'), (72, little(9223372036854775744, 8), 'XX001', 'an offset far away'),
               (80, little(5, 8), 'XX001', 'fewer elements'), (80, little(-1, 8), 'XX001', '2^64 - 1 elements'), (80, little(2305843009213693952, 8), 'XX001', 'a count that wraps'))
       AS x (at, bytes, state, what);
-- The sections: offset and length of each, from the table itself.
CREATE FUNCTION number(data bytea, at bigint, bytes integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
	SELECT sum(get_byte(data, (at + i)::integer)::bigint << (8 * i))::bigint FROM generate_series(0, bytes - 1) i
$$;
CREATE FUNCTION section(data bytea, kind integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
	SELECT number(data, 64 + 24 * s + 8, 8)::integer FROM generate_series(0, number(data, 40, 4)::integer - 1) s WHERE number(data, 64 + 24 * s, 4) = kind
$$;
SELECT is(answer_to('m', sealed(overlay(:'m'::bytea PLACING bytes FROM section(:'m', kind) + at + 1))), 'XX001', 'sealed: ' || what)
FROM   (VALUES (1, 0, little(7, 8), 'keys that do not ascend'), (1, 8, little(1, 8), 'a key twice'), (1, 40, little(-1, 8), 'a last key below the others'),
               (4, 0, little(x'7fc00000'::bigint, 4), 'NaN in a factor'), (4, 4, little(x'7f800000'::bigint, 4), 'an infinite factor'),
               (4, 8, little(x'3f800000'::bigint, 4), 'padding that is not 0'),
               (5, 0, little(x'7ff8000000000000'::bigint, 8), 'NaN in the Gram matrix'), (5, 8, little(-4616189618054758400, 8), 'negative in the Gram matrix'),
               (6, 0, little(x'7fc00000'::bigint, 4), 'NaN in popularity'), (6, 4, little(x'bf800000'::bigint, 4), 'negative popularity'),
               (6, 8, little(x'7f800000'::bigint, 4), 'infinite popularity'),
               (7, 0, little(0, 8), 'weight 0 of the unobserved'), (7, 8, little(0, 8), 'lambda 0'), (7, 8, little(-4616189618054758400, 8), 'negative lambda'),
               (7, 16, little(x'7ff8000000000000'::bigint, 8), 'lambda NaN'), (7, 40, little(x'7ff0000000000000'::bigint, 8), 'infinite lambda'),
               (7, 24, little(0, 8), 'half-life 0'), (7, 24, little(x'7ff8000000000000'::bigint, 8), 'half-life NaN'), (7, 32, little(-4616189618054758400, 8), 'negative weight'),
               (7, 48, little(-4616189618054758400, 8), 'negative half-life'), (7, 56, little(x'7ff8000000000000'::bigint, 8), 'clock NaN'),
               (7, 56, little(x'7ff0000000000000'::bigint, 8), 'infinite clock')) AS x (kind, at, bytes, what);
SELECT is(answer_to('m', sealed(overlay(:'m'::bytea PLACING bytes FROM section(:'m', kind) + at + 1))), '6', 'sealed, and no fault: ' || what)
FROM   (VALUES (1, 40, little(9223372036854775807, 8), 'another last key, with another available'), (6, 0, little(x'00000001'::bigint, 4), 'a denormal'),
               (4, 0, little(x'7f7fffff'::bigint, 4), 'a huge factor'), (7, 24, little(x'7ff0000000000000'::bigint, 8), 'an infinite half-life')) AS x (kind, at, bytes, what)
WHERE  kind <> 1;
SELECT is(answer_to('m', sealed(overlay(overlay(:'m'::bytea PLACING little(x'7fe0000000000000'::bigint, 8) FROM section(:'m', 7) + 1)
	PLACING little(x'7fe0000000000000'::bigint, 8) FROM section(:'m', 5) + 1))), '22003', 'sealed: numbers whose product is too large');
SELECT is(answer_to('t', sealed(overlay(:'t'::bytea PLACING bytes FROM section(:'t', kind) + at + 1))), 'XX001', 'sealed, with text keys: ' || what)
FROM   (VALUES (2, 0, little(1, 8), 'the first key begins at 1'), (2, 8, little(4294967296, 8), 'a key that ends behind the end'), (2, 8, little(-1, 8), 'that wraps'),
               (2, 16, little(1, 8), 'that ends before it begins'), (2, 48, little(13, 8), 'the last ends behind the end'), (2, 48, little(0, 8), 'or at 0'),
               (3, 0, '\xff'::bytea, 'no text'), (3, 0, '\x00'::bytea, 'a zero byte'), (3, 0, 'z'::bytea, 'not in order'), (3, 2, 't0'::bytea, 'a key twice'))
       AS x (kind, at, bytes, what);
SELECT is(answer_to('t', sealed(overlay(:'t'::bytea PLACING bytes FROM section(:'t', kind) + at + 1))), 'XX001', 'sealed, attribute match: ' || what)
FROM   (VALUES (30, 0, little(1, 4), 'a first field that begins at 1'), (30, 4, little(x'3f800001'::bigint, 4), 'a reason above 1'), (30, 8, little(x'bf800000'::bigint, 4), 'one below 0'),
               (30, 4, little(x'7fc00000'::bigint, 4), 'NaN'), (30, 12, little(1, 4), 'fields that end before the values'), (30, 12, little(-1, 4), 'or before they begin'),
               (31, 8, little(-1, 8), 'values of items that end before they begin'), (31, 8, little(9223372036854775807, 8), 'or far away'), (32, 0, little(2, 4), 'a value that there is not'),
               (32, 0, little(-1, 4), 'value -1'), (33, 0, little(0, 4), 'a share of 0'), (34, 8, little(100, 8), 'items of values that end behind the end'),
               (35, 0, little(6, 4), 'an item that there is not'), (35, 4, little(0, 4), 'an item twice'), (36, 0, little(x'3f800001'::bigint, 4), 'a chance above 1'),
               (36, 0, little(x'7fc00000'::bigint, 4), 'a chance NaN')) AS x (kind, at, bytes, what);
SELECT is(answer_to('t', :'t'), '6', 'the one with text keys still answers');

-- Numbers that pass, and lead nowhere.
BEGIN;
SELECT put_parts('m', sealed(overlay(overlay(:'m'::bytea PLACING little(x'7fe0000000000000'::bigint, 8) FROM section(:'m', 7) + 1)
	PLACING little(x'7fe0000000000000'::bigint, 8) FROM section(:'m', 5) + 1))) \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.recommend('m', 1)$$, '22003', 'fold-in did not converge', 'numbers whose product is too large');
SELECT is((SELECT count(*)::integer FROM reco.recommend('m', NULL)), 6, 'harm only who needs them');
ROLLBACK;

-- The way out.
SELECT put_parts('m', substr(:'m'::bytea, 1, 700)) \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.recommend('m', 1)$$, 'XX001', NULL, 'with a damaged active version');
SELECT is((reco.activate('m', 1)).active_version, 1, 'activate the one before');
SELECT is((SELECT count(*)::integer FROM reco.recommend('m', 1)), 6, 'which answers');
SELECT is((reco.activate('m', 2)).active_version, 2, 'back to the damaged one');
SELECT is((SELECT version FROM reco.train('m')), 3, 'train anew');
SELECT is((SELECT count(*)::integer FROM reco.recommend('m', 1)), 6, 'which answers too');
SELECT is((SELECT sources FROM reco.drop_model('m')), 2, 'and all of it can be dropped');

SELECT * FROM finish();
