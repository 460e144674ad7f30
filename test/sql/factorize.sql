-- The aggregate factorize: the bytes of train, whatever the plan, the workers, the order of rows and the settings; and what it refuses.

SET client_min_messages = warning;
SELECT plan(394);

CREATE TABLE lines (o integer, u integer, i integer, at timestamptz, q numeric, g integer);
INSERT INTO lines
SELECT o, o % 30, p, timestamptz '2024-01-01' + o * interval '1 hour', 1 + o % 2, o % 4
FROM   generate_series(1, 400) o CROSS JOIN LATERAL (SELECT DISTINCT 1 + 8 * (o % 5) + (hashint8extended(o * 10 + j, 7) & 7)::integer AS p FROM generate_series(1, 3) j) x;
-- Returns, lines without order or customer, and all that counts nothing.
INSERT INTO lines SELECT NULL, u, i, at + interval '3 days', -1, g FROM lines WHERE o % 7 = 0;
INSERT INTO lines SELECT NULL, u, i, at, q / 3, g FROM lines WHERE o % 5 = 0;
INSERT INTO lines SELECT o + 5000, NULL, i, at, q, g FROM lines WHERE o % 11 = 0;
INSERT INTO lines SELECT NULL, NULL, i, at, q, g FROM lines WHERE o % 13 = 0;
INSERT INTO lines SELECT 9000 + n, n, 1 + n, at, q, n % 4
FROM   (VALUES (1, timestamptz 'infinity', 1), (2, '-infinity', 1), (3, NULL, 1), (4, '2100-01-01', 1), (5, '2024-01-05', 0), (6, '2024-01-05', NULL), (7, '2024-01-05', 'NaN'),
               (8, '2024-01-05', 'infinity'), (9, '2024-01-05', '-infinity'), (10, '2024-01-05', 1e300), (11, '2024-01-05', 1e-300), (12, '2024-01-05', 1e400)) AS x (n, at, q);
INSERT INTO lines VALUES (9100, 3, NULL, '2024-01-05', 1, 1), (NULL, NULL, NULL, NULL, NULL, NULL);
ANALYZE lines;

-- What train makes of a relation, and what factorize makes of it: the bytes' MD5.  Expressions as in add_orders.
CREATE FUNCTION trained(relation text, u text, i text, q text, o text, at text, options jsonb, zone text DEFAULT 'UTC') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	BEGIN
		PERFORM reco.create_model('trained', zone, options);
		PERFORM reco.add_orders('trained', relation::regclass, u, i, at, o, q);
		-- (Where no line counts, factorize gives NULL and train an empty model.)
		IF (reco.train('trained')).items > 0 THEN
			result := md5(reco.export_model('trained'));
		END IF;
		RAISE EXCEPTION USING ERRCODE = 'UNDOO';
	EXCEPTION WHEN SQLSTATE 'UNDOO' THEN
		RETURN result;
	END;
END $$;
CREATE FUNCTION factorized(relation text, u text, i text, q text, o text, at text, options jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT md5(reco.factorize(%s, %s, %s, %s, %s, %L::jsonb)) FROM %s', u, i, q, o, at, options, relation) INTO result;
	RETURN result;
END $$;
CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	result text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		result := result || line || E'\n';
	END LOOP;
	RETURN result;
END $$;
-- A statement's SQLSTATE, message and hint.
CREATE FUNCTION complaint(statement text, OUT state text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS OR query_canceled THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;

-- ---- The bytes of train ----------------------------------------------------------------------------------------------

\set small '{"factors": 4, "iterations": 2}'
SELECT trained('lines', 'u', 'i', 'q', 'o', 'at', :'small') AS reference \gset
SELECT ok(:'reference' ~ '^[0-9a-f]{32}$', 'train gives bytes');
SELECT is(factorized('lines', 'u', 'i', 'q', 'o', 'at', :'small'), :'reference', 'factorize gives the same');
SELECT is(factorized('lines', 'u', 'i', 'q', 'o', 'at', options), trained('lines', 'u', 'i', 'q', 'o', 'at', options), format('also with %s', options))
FROM   unnest(ARRAY['{}', '{"factors": 7, "iterations": 3, "holdout_orders": 0}', '{"factors": 16, "seed": 5}', '{"factors": 4, "customer_weight": 0}', '{"factors": 4, "customer_weight": 3}',
                    '{"factors": 4, "training_clock": "2024-01-10 00:00+00"}', '{"factors": 4, "training_clock": "2024-01-01 02:00:00.000001+00"}',
                    '{"factors": 4, "half_life": 7, "history_regularization": 5, "keep_versions": 9, "history_limit": 5}', '{"factors": 4, "order_half_life": 3, "customer_half_life": 2}',
                    '{"factors": 512, "iterations": 1}', '{"factors": 1, "iterations": 1}', '{"factors": 4, "regularization": 0.1, "unobserved_weight": 0.5}',
                    '{"factors": 4, "basket_regularization": 2, "history_regularization": 3}', '{"factors": null, "iterations": 1}']::jsonb[]) options;
SELECT isnt(factorized('lines', 'u', 'i', 'q', 'o', 'at', '{"factors": 4, "iterations": 2, "seed": 1}'), :'reference', 'options make a difference');
SELECT isnt(factorized('lines WHERE o IS DISTINCT FROM 77', 'u', 'i', 'q', 'o', 'at', :'small'), :'reference', 'so does an order');

-- Regularization that is left to training goes by the number of items, and with few of them similar items are similar.
SELECT is(md5(reco.factorize(n % 7, n % items, 1, '{"factors": 2, "iterations": 1}')),
          md5(reco.factorize(n % 7, n % items, 1, jsonb_build_object('factors', 2, 'iterations', 1, 'regularization', 0.003 * power(3000 / greatest(least(items, 3000), 20)::float8, 0.7)))), 'regularization for items: ' || items)
FROM   unnest('{1,20,40,1000,3000,3500}'::integer[]) items, generate_series(1, 7000) n GROUP BY items ORDER BY items;
CREATE TABLE themed AS
SELECT o, o % 200 AS u, 1 + 8 * (CASE WHEN h % 10 > 0 THEN o % 5 ELSE h / 10 % 5 END) + (hashint8extended(o * 10 + j, 7) & 7) AS i, timestamptz '2025-01-01' + o * interval '2 hours' AS at
FROM   (SELECT o, hashint8extended(o, 3) & 1048575 AS h FROM generate_series(1, 2000) o) x, generate_series(1, 3) j;
SELECT reco.create_model('themed') \g /dev/null
SELECT reco.import_model('themed', (SELECT reco.factorize(u, i, 1, o, at) FROM themed)) \g /dev/null
SELECT cmp_ok((SELECT avg(((similar_item_id - 1) / 8 = (i - 1) / 8)::integer) FROM generate_series(1, 40) i, reco.similar_items('themed', i, k => 5)), '>', 0.98, '40 items, 128 factors: similar are those of the theme');
SELECT cmp_ok((SELECT avg(((item_id - 1) / 8 = (i - 1) / 8)::integer) FROM generate_series(1, 40) i, reco.recommend('themed', NULL, basket => ARRAY[i]::bigint[], k => 5)), '>', 0.98, 'as is what goes with a basket');
SELECT reco.drop_model('themed') \g /dev/null

-- Keys and numbers of every type.
CREATE TYPE size AS ENUM ('XL', 'S', 'M', 'L');
CREATE DOMAIN nr AS bigint;
CREATE DOMAIN sku AS text;
CREATE DOMAIN part AS numeric(10, 2);
CREATE DOMAIN amount AS numeric;
CREATE TYPE pair AS (a integer, b text);
SELECT is(factorized('lines', u, i, 'q', o, 'at', :'small'), trained('lines', u, i, 'q', o, 'at', :'small'), format('keys %s, %s, %s', u, i, o))
FROM   (VALUES ('u', 'i', 'o'), ('u::int2', 'i::int8', 'o::int2'), ('u::int8', 'i::int2', 'o::int8'), ('u::nr', 'i::nr', 'o::nr'), ('u::text', 'i', 'o'), ('u', 'i::text', 'o'), ('u', 'i', 'o::text'),
               ('u::text', 'i::text', 'o::text'), ('u', 'i::sku', 'o::sku'), ('u', 'i::varchar(1)', 'o::varchar'), ('u::text::bpchar', 'i::text::char(9)', 'o::text::char(9)'), ('u::text::name', 'i', 'o'),
               ('md5(u::text)::uuid', 'md5(i::text)::uuid', 'md5(o::text)::uuid'), ('u::numeric', 'i::numeric', 'o::numeric'), ('u', '(i / 3)::numeric(20, 3)', 'o + 0.10'), ('u', 'i::part', 'o'),
               ('u', '(ARRAY[''XL'', ''S'', ''M'', ''L''])[1 + i % 4]::size', 'o'), ('u', 'at::date', 'at::date'), ('at', 'i', 'at'), ('u', 'i > 20', 'i > 10'), ('u', 'i::oid', 'o'), ('u', 'i', 'q'), ('u', 'i', 'at'),
               ('ARRAY[u]', 'ROW(i, ''ü'')::pair', 'ARRAY[o, NULL]'), ('u', '(i * interval ''1 hour'')', 'o'), ('u', '(''10.0.0.'' || i)::inet', 'o'), ('u', 'i::bit(8)', 'o'), ('u', 'to_jsonb(i)', 'o'),
               ('u', 'decode(lpad(i::text, 4, ''0''), ''hex'')', 'o'), ('u', '''''::text || (i % 2)', 'o'), ('u', 'repeat(i::text, 5000)', 'o'), ('u', 'CASE WHEN i % 2 = 0 THEN i END', 'o'),
               ('u * 1000000007::bigint', 'CASE WHEN i = 1 THEN 9223372036854775807 WHEN i = 2 THEN -9223372036854775808 ELSE i END', '-o'), ('NULL::int', 'i', 'o'), ('u', 'i', 'NULL::int'), ('u', 'i', 'NULL::text'),
               ('u', 'i', '''one''::text'), ('''one''::text', 'i', 'o'), ('u', 'CASE WHEN i % 2 = 0 THEN '''' ELSE chr(i + 300) END', 'o')) AS x (u, i, o);
SELECT is(factorized('lines', 'u', 'i', q, 'o', 'at', :'small'), trained('lines', 'u', 'i', q, 'o', 'at', :'small'), 'quantity ' || q)
FROM   unnest(ARRAY['q::amount', 'CASE WHEN abs(q) < 100 THEN (q * 3)::numeric(20, 2) END', 'CASE WHEN abs(q) < 100 THEN q::int2 END', 'CASE WHEN abs(q) < 100 THEN q::int4 END', 'CASE WHEN abs(q) < 100 THEN q::int8 END',
                    'CASE WHEN abs(q) BETWEEN 0.1 AND 100 THEN q::float4 ELSE ''NaN'' END', 'CASE WHEN abs(q) BETWEEN 0.1 AND 100 THEN q::float8 ELSE ''-infinity'' END', '1', 'NULL::int', '0', '9223372036854775807', '-1', '''infinity''::float4', '1e39::float8', '1e-46::float8', '1e38::float8',
                    'CASE WHEN o % 3 = 0 THEN 0 ELSE 1e-40::float8 END']) q;
SELECT is(factorized('lines', 'u', 'i', 'q', 'o', at, :'small'), trained('lines', 'u', 'i', 'q', 'o', at, :'small'), 'at ' || at)
FROM   unnest(ARRAY['at::timestamp', 'at::date', 'NULL::timestamptz', 'timestamptz ''2024-01-01''', 'timestamptz ''4714-11-24 00:00+00 BC'' + (u * interval ''1 day'')', 'now()', 'now() - o * interval ''1 second''', 'timestamptz ''infinity''']) at;

-- Settings.
CREATE FUNCTION under(name text, value text, u text, i text, o text, q text, zone text DEFAULT 'UTC') RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	before text := current_setting(name);
	result text;
BEGIN
	PERFORM set_config(name, value, false);
	result := factorized('lines', u, i, q, o, 'at', '{"factors": 4, "iterations": 2}');
	PERFORM set_config(name, before, false);
	RETURN result = trained('lines', u, i, q, o, 'at', '{"factors": 4, "iterations": 2}', zone);
END $$;
SELECT ok(under(name, value, u, i, o, 'q'), format('under %s = %s', name, value))
FROM   (VALUES ('timezone', 'Asia/Tokyo'), ('timezone', 'America/New_York'), ('datestyle', 'German, DMY'), ('datestyle', 'SQL, MDY'), ('intervalstyle', 'iso_8601'), ('extra_float_digits', '-15'), ('bytea_output', 'escape'),
               ('work_mem', '64kB'), ('search_path', '"$user", public, pg_catalog'), ('jit', 'off'), ('client_encoding', 'LATIN1'), ('quote_all_identifiers', 'on'), ('enable_hashagg', 'off'), ('default_statistics_target', '1'),
               ('synchronize_seqscans', 'off'), ('lc_numeric', 'POSIX'), ('row_security', 'off'), ('default_transaction_isolation', 'serializable')) AS s (name, value),
       (VALUES ('u', 'i', 'o'), ('u::text', 'i::numeric', 'md5(o::text)::uuid')) AS k (u, i, o);
SELECT is((SELECT md5(reco.factorize(u::text COLLATE "C", i::text COLLATE "C", q, o::text, at, :'small')) FROM lines), trained('lines', 'u::text', 'i::text', 'q', 'o::text', 'at', :'small'), 'under another collation');

-- Keys whose text form is the settings' affair have the one that train gives them.
SELECT ok(under(name, value, 'u', i, 'o', 'q', zone), format('keys %s under %s = %s', i, name, value))
FROM   (VALUES ('datestyle', 'German, DMY', 'at::date', 'UTC'), ('timezone', 'Asia/Tokyo', 'at', 'Asia/Tokyo'), ('intervalstyle', 'iso_8601', '(i * interval ''1 hour'')', 'UTC'),
               ('bytea_output', 'escape', 'decode(lpad(i::text, 4, ''0''), ''hex'')', 'UTC'),
               ('extra_float_digits', '-3', 'ARRAY[i / 3::float8]', 'UTC')) AS x (name, value, i, zone);
-- An order of the near future is one for all groups of a statement, or for none.
CREATE TABLE soon (u integer, i integer, at timestamptz);
INSERT INTO soon SELECT n % 5, n % 7, clock_timestamp() + (n - 100) * interval '1 ms' FROM generate_series(1, 400) n;
SELECT is((SELECT count(DISTINCT md5(m))::integer FROM (SELECT g, reco.factorize(u, i, 1, 1, at, '{"factors": 1, "iterations": 1}') AS m FROM soon, generate_series(1, 300) g GROUP BY g) x), 1, 'one statement, one moment');
-- A cast to text is a function like any other: who may not call it does not, and what gives NULL is a NULL.
CREATE TYPE secret AS (a integer);
CREATE FUNCTION secret_text(secret) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN NULLIF(($1).a, 1)::text; END $$;
CREATE CAST (secret AS text) WITH FUNCTION secret_text(secret);
REVOKE EXECUTE ON FUNCTION secret_text(secret) FROM PUBLIC;
CREATE TABLE secrets AS SELECT u, ROW(i)::secret AS i, q, o, at FROM lines;
SELECT is(factorized('secrets', 'u', 'i', 'q', 'o', 'at', :'small'), trained('secrets', 'u', 'i', 'q', 'o', 'at', :'small'), 'a cast that gives NULL');
GRANT SELECT ON secrets TO pg_monitor;
SET ROLE pg_monitor;
SELECT throws_ok('SELECT reco.factorize(u, i, q) FROM secrets WHERE o = 7', '42501', 'permission denied for function secret_text', 'a cast that the caller may not use');
RESET ROLE;

-- ---- Ways to write it ------------------------------------------------------------------------------------------------

SELECT is((SELECT md5(reco.factorize(u, i, q, o, at, :'small' ORDER BY at DESC, i)) FROM lines), :'reference', 'ORDER BY inside');
SELECT is((SELECT md5(reco.factorize(u, i, q, o, at, :'small' ORDER BY random())) FROM lines), :'reference', 'in any order');
SELECT is((SELECT md5(reco.factorize(u, i, q, o, at, :'small')) FROM (SELECT * FROM lines ORDER BY hashint8(coalesce(o, 0) * 1000 + i)) x), :'reference', 'from any order');
SELECT is((SELECT reco.factorize(DISTINCT u, i, q, o, at, :'small'::jsonb) FROM (SELECT * FROM lines UNION ALL SELECT * FROM lines) x), (SELECT reco.factorize(u, i, q, o, at, :'small') FROM (SELECT DISTINCT u, i, q, o, at FROM lines) x), 'DISTINCT');
SELECT is((SELECT reco.factorize(u, i, q, o, at, :'small') FILTER (WHERE g = 1) FROM lines), (SELECT reco.factorize(u, i, q, o, at, :'small') FROM lines WHERE g = 1), 'FILTER');
SELECT ok((SELECT reco.factorize(u, i, q, o, at, :'small') FILTER (WHERE g = 9) FROM lines) IS NULL, 'which may leave nothing');
CREATE VIEW by_train AS SELECT g, trained('only_' || g, 'u', 'i', 'q', 'o', 'at', '{"factors": 4, "iterations": 2}') AS model FROM generate_series(0, 3) g;
SELECT format('CREATE VIEW only_%s AS SELECT * FROM lines WHERE g = %1$s', g) FROM generate_series(0, 3) g \gexec
CREATE TABLE expected AS TABLE by_train;
SELECT is((SELECT count(DISTINCT model)::integer FROM expected WHERE model IS NOT NULL), 4, 'four groups, four models');
SELECT results_eq(format('SELECT g, md5(reco.factorize(u, i, q, o, at, %L)) FROM lines WHERE g IS NOT NULL GROUP BY g ORDER BY g', :'small'), 'SELECT * FROM expected ORDER BY g', 'GROUP BY: what train makes of each');
SELECT results_eq(format('SELECT g, md5(reco.factorize(u, i, q, o, at, %L)) FROM lines GROUP BY ROLLUP (g) HAVING g IS NOT NULL OR grouping(g) = 1 ORDER BY g', :'small'),
                  format('SELECT * FROM expected UNION ALL SELECT NULL, %L ORDER BY g', :'reference'), 'ROLLUP');
SELECT results_eq(format('SELECT g, u, md5(reco.factorize(u, i, q, o, at, %L)) FROM lines GROUP BY GROUPING SETS ((g), (u), (g, u), ()) ORDER BY 1, 2, 3', :'small'),
                  format('SELECT g, NULL::int, md5(reco.factorize(u, i, q, o, at, %1$L)) FROM lines GROUP BY g UNION ALL SELECT NULL, u, md5(reco.factorize(u, i, q, o, at, %1$L)) FROM lines GROUP BY u '
                         'UNION ALL SELECT g, u, md5(reco.factorize(u, i, q, o, at, %1$L)) FROM lines GROUP BY g, u UNION ALL SELECT NULL, NULL, md5(reco.factorize(u, i, q, o, at, %1$L)) FROM lines ORDER BY 1, 2, 3', :'small'),
                  'GROUPING SETS');
SELECT set_eq(format('SELECT g FROM lines GROUP BY g HAVING md5(reco.factorize(u, i, q, o, at, %L)) = (SELECT model FROM expected WHERE g = 2)', :'small'), ARRAY[2], 'HAVING');
SELECT set_eq(format('SELECT DISTINCT g, md5(reco.factorize(u, i, q, o, at, %L) OVER (PARTITION BY g)) FROM lines WHERE g IS NOT NULL', :'small'), 'SELECT * FROM expected', 'OVER (PARTITION BY)');
-- A growing frame: the final function is called again and again on one state.  A moving one begins anew.
CREATE TABLE few AS SELECT row_number() OVER (ORDER BY at, o, u, i, q) AS n, * FROM lines WHERE o BETWEEN 1 AND 20;
SELECT results_eq(format('SELECT n, md5(reco.factorize(u, i, q, o, at, %L) OVER (ORDER BY n %s)) FROM few ORDER BY n', :'small', frame),
                  format('SELECT n, (SELECT md5(reco.factorize(u, i, q, o, at, %L)) FROM few f WHERE f.n BETWEEN few.n - %s AND few.n + %s) FROM few ORDER BY n', :'small', before, after), 'a frame: ' || frame)
FROM   (VALUES ('', 1000, 0), ('ROWS BETWEEN 3 PRECEDING AND CURRENT ROW', 3, 0), ('ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING', 2, 2), ('ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING', 1000, 1000),
               ('ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING', 0, 1000)) AS f (frame, before, after);
SELECT is((SELECT count(DISTINCT md5(m))::integer FROM (SELECT reco.factorize(u, i, q, o, at, :'small') OVER (ORDER BY 1) AS m FROM few) x), 1, 'peers: the same each time');
SELECT ok((SELECT reco.factorize(u, i, q, o, at, :'small') = reco.factorize(u, i, q, o, at, :'small') AND md5(reco.factorize(u, i, q, o, at, :'small')) = :'reference' FROM lines), 'twice in one query');
SELECT results_eq(format('SELECT md5(reco.factorize(u, i, q, o, at, %1$L)), md5(reco.factorize(u, i, q, o, at, %1$L) FILTER (WHERE g = 2)), md5(reco.factorize(i, u, q, o, at, %1$L)), count(*) FROM lines', :'small'),
                  format('SELECT %L::text, (SELECT model FROM expected WHERE g = 2), trained(''lines'', ''i'', ''u'', ''q'', ''o'', ''at'', %L), (SELECT count(*) FROM lines)', :'reference', :'small'), 'beside others');
SELECT is((SELECT md5(m) FROM (SELECT reco.factorize(s.u, s.i, s.q, s.o, s.at, :'small') AS m FROM (SELECT u, i, sum(q) AS q, o, at FROM few GROUP BY u, i, o, at) s) x),
          (SELECT md5(reco.factorize(u, i, q, o, at, :'small')) FROM few), 'over aggregated rows');
CREATE FUNCTION in_plpgsql() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	m bytea;
	r record;
BEGIN
	FOR n IN 1 .. 8 LOOP
		SELECT reco.factorize(u, i, q, o, at, '{"factors": 4, "iterations": 2}') INTO m FROM lines WHERE g = n % 4;
		RETURN NEXT md5(m);
	END LOOP;
	FOR r IN SELECT md5(reco.factorize(u, i, q, o, at, '{"factors": 4, "iterations": 2}')) AS m FROM lines WHERE g IS NOT NULL GROUP BY g LOOP
		RETURN NEXT r.m;
		EXIT WHEN r.m = '';
	END LOOP;
END $$;
SELECT bag_eq('SELECT in_plpgsql()', 'SELECT model FROM expected, generate_series(1, 3)', 'in PL/pgSQL');
SELECT results_eq(format('SELECT x.g, md5(m) FROM generate_series(0, 3) x (g) CROSS JOIN LATERAL (SELECT reco.factorize(u, i, q, o, at, %L) AS m FROM lines WHERE lines.g = x.g) y ORDER BY 1', :'small'), 'SELECT * FROM expected ORDER BY g', 'LATERAL');
PREPARE prepared (jsonb, integer) AS SELECT md5(reco.factorize(u, i, q, o, at, $1)) FROM lines WHERE g = $2;
SET plan_cache_mode = force_generic_plan;
SELECT results_eq(format('EXECUTE prepared (%L, %s)', :'small', g), format('SELECT model FROM expected WHERE g = %s', g), 'a prepared statement, group ' || g) FROM generate_series(0, 3) g;
RESET plan_cache_mode;
BEGIN;
DECLARE c CURSOR FOR SELECT g, md5(reco.factorize(u, i, q, o, at, '{"factors": 4, "iterations": 2}')) FROM lines GROUP BY g ORDER BY g;
SELECT results_eq('FETCH 2 FROM c', 'SELECT * FROM expected ORDER BY g LIMIT 2', 'a cursor');
CLOSE c;
COMMIT;
CREATE MATERIALIZED VIEW models AS SELECT g, reco.factorize(u, i, q, o, at, '{"factors": 4, "iterations": 2}') AS model FROM lines GROUP BY g;
SELECT set_eq('SELECT g, md5(model) FROM models WHERE g IS NOT NULL', 'SELECT * FROM expected', 'a materialized view');

-- ---- Nothing, and little ---------------------------------------------------------------------------------------------

SELECT ok((SELECT reco.factorize(u, i, q, o, at) FROM lines WHERE false) IS NULL AND (SELECT reco.factorize(u, i, q) FROM lines WHERE false) IS NULL, 'no rows, no model');
SELECT ok((SELECT reco.factorize(u, i, q, o, at) FROM lines WHERE o >= 9000 OR i IS NULL) IS NULL, 'nor where no line counts');
SELECT ok((SELECT reco.factorize(NULL::int, NULL::int, NULL::int) FROM lines) IS NULL AND (SELECT reco.factorize(NULL::int, NULL::text, NULL::int, NULL::int, NULL) FROM lines) IS NULL, 'nor where all is NULL');
SELECT is((SELECT count(*)::integer FROM (SELECT u FROM lines WHERE o >= 9000 GROUP BY u HAVING reco.factorize(u, i, q, o, at) IS NULL) x), 12, 'group by group');
SELECT format('CREATE VIEW %s AS %s', name, query)
FROM   (VALUES ('one_row', 'SELECT 1 AS u, 1 AS i, 1 AS q, 1 AS o, timestamptz ''2024-01-01'' AS at'), ('one_customer', 'SELECT 7 AS u, i, q, o, at FROM lines'), ('one_item', 'SELECT u, 7 AS i, q, o, at FROM lines'),
               ('one_order', 'SELECT u, i, q, 7 AS o, at FROM lines'), ('one_moment', 'SELECT u, i, q, o, timestamptz ''2024-01-01'' AS at FROM lines'), ('nobody', 'SELECT NULL::int AS u, i, q, o, at FROM lines'),
               ('twice', 'SELECT u, i, q, o, at FROM lines UNION ALL SELECT u, i, q, o, at FROM lines'), ('returns', 'SELECT u, i, -abs(q) AS q, o, at FROM lines')) AS x (name, query) \gexec
SELECT is(factorized(name, 'u', 'i', 'q', 'o', 'at', :'small'), trained(name, 'u', 'i', 'q', 'o', 'at', :'small'), replace(name, '_', ' '))
FROM   unnest(ARRAY['one_row', 'one_customer', 'one_item', 'one_order', 'one_moment', 'nobody', 'twice', 'returns']) name;

-- ---- Parallel plans --------------------------------------------------------------------------------------------------

SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers = 4;
SET max_parallel_workers_per_gather = 4;
\set whole 'SELECT md5(reco.factorize(u, i, q, o, at, ''{"factors": 4, "iterations": 2}'')) FROM lines'
\set grouped 'SELECT g, md5(reco.factorize(u, i, q, o, at, ''{"factors": 4, "iterations": 2}'')) FROM lines WHERE g IS NOT NULL GROUP BY g'
ALTER TABLE lines SET (parallel_workers = 4);
SELECT alike(plan_of(:'whole'), '%Finalize Aggregate%Gather%Partial Aggregate%Parallel Seq Scan%', 'a parallel plan');
SELECT alike(plan_of(:'grouped'), '%Finalize%Gather%Partial%Parallel Seq Scan%', 'also by groups');
-- How many workers run is the server's affair; what they give is not.
CREATE FUNCTION with_workers(workers integer, leader boolean, query text) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('max_parallel_workers_per_gather', workers::text, true), set_config('parallel_leader_participation', leader::text, true);
	RETURN QUERY EXECUTE query;
END $$;
SELECT is((SELECT m FROM with_workers(workers, leader, :'whole') x (m text)), :'reference', format('%s workers, leader %s', workers, leader))
FROM   generate_series(0, 4) workers, unnest(ARRAY[true, false]) leader;
SELECT set_eq(format('SELECT * FROM with_workers(%s, %L, %L) x (g integer, m text)', workers, leader, :'grouped'), 'SELECT * FROM expected', format('groups: %s workers, leader %s', workers, leader))
FROM   unnest(ARRAY[0, 1, 2, 4]) workers, unnest(ARRAY[true, false]) leader;
SELECT is((SELECT m FROM with_workers(3, false, format('SELECT md5(reco.factorize(%s, %s, q, %s, at, %L)) FROM lines', u, i, o, :'small')) x (m text)), trained('lines', u, i, 'q', o, 'at', :'small'), format('keys %s, %s, %s', u, i, o))
FROM   (VALUES ('u::text', 'i', 'o'), ('u', '''ü'' || i', 'md5(o::text)::uuid'), ('u', 'i', 'o::text'), ('u::text', '''''::text || (i % 3)', 'o::numeric'), ('u', 'i::int8 * 100000000000', 'NULL::int')) AS x (u, i, o);
SELECT is((SELECT m FROM with_workers(workers, false, 'SELECT md5(reco.factorize(u, i, q, ''{"factors": 4}'')) FROM lines') x (m text)), (SELECT m FROM with_workers(0, true, 'SELECT md5(reco.factorize(u, i, q, ''{"factors": 4}'')) FROM lines') x (m text)),
          'the short form, workers: ' || workers) FROM generate_series(1, 4) workers;
SELECT ok((SELECT m IS NULL FROM with_workers(3, false, 'SELECT reco.factorize(u, i, q, o, at) FROM lines WHERE o > 9000') x (m bytea)), 'no line counts in any worker');
SELECT is((SELECT m FROM with_workers(3, false, 'SELECT md5(reco.factorize(u, i, q, o, at, ''{"factors": 4, "iterations": 2}'')) FROM lines WHERE g = 2') x (m text)), (SELECT model FROM expected WHERE g = 2), 'in some');
SELECT throws_matching('SELECT reco.factorize(u, i, q, jsonb_build_object(''factors'', 1 + g)) FROM lines WHERE g IS NOT NULL', '^the options of reco\.factorize differ from row to row: \{"factors": \d\} and \{"factors": \d\}$',
                       'options that differ, in a parallel plan');

-- The server's own way to run everything in a worker.
SELECT set_config(name, 'regress', false) FROM (SELECT CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END AS name) x \g /dev/null
SET max_parallel_workers_per_gather = 0;
SELECT is(m, :'reference', 'in a worker alone') FROM (SELECT md5(reco.factorize(u, i, q, o, at, :'small')) AS m FROM lines) x;
SELECT is(m, :'reference', 'as a window function') FROM (SELECT DISTINCT md5(reco.factorize(u, i, q, o, at, :'small') OVER ()) AS m FROM lines) x;
SELECT set_config(name, 'off', false) FROM (SELECT CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'debug_parallel_query' ELSE 'force_parallel_mode' END AS name) x \g /dev/null
SET max_parallel_workers_per_gather = 4;

-- Partitions.
CREATE TABLE parts (LIKE lines) PARTITION BY LIST (g);
SELECT format('CREATE TABLE part_%s PARTITION OF parts FOR VALUES IN (%1$s) WITH (parallel_workers = 2)', g) FROM generate_series(0, 3) g \gexec
INSERT INTO parts SELECT * FROM lines WHERE g IS NOT NULL;
ANALYZE parts;
CREATE VIEW whole_parts AS SELECT * FROM lines WHERE g IS NOT NULL;
\set part_groups 'SELECT g, md5(reco.factorize(u, i, q, o, at, ''{"factors": 4, "iterations": 2}'')) FROM parts GROUP BY g'
\set part_whole 'SELECT md5(reco.factorize(u, i, q, o, at, ''{"factors": 4, "iterations": 2}'')) FROM parts'
\set part_users 'SELECT u, md5(reco.factorize(u, i, q, o, at, ''{"factors": 4, "iterations": 2}'')) FROM parts GROUP BY u'
CREATE TABLE users AS SELECT u, md5(reco.factorize(u, i, q, o, at, '{"factors": 4, "iterations": 2}')) AS model FROM whole_parts GROUP BY u;
SELECT trained('whole_parts', 'u', 'i', 'q', 'o', 'at', :'small') AS part_reference \gset
SET enable_partitionwise_aggregate = on;
BEGIN;
-- Whole partitions in a worker: the final function runs there.
ALTER TABLE part_0 SET (parallel_workers = 0); ALTER TABLE part_1 SET (parallel_workers = 0); ALTER TABLE part_2 SET (parallel_workers = 0); ALTER TABLE part_3 SET (parallel_workers = 0);
SET LOCAL parallel_leader_participation = off;
SELECT ok(plan_of(:'part_groups') ~ 'Gather.*Parallel Append.*(HashAggregate|GroupAggregate).*Seq Scan on part_' AND plan_of(:'part_groups') !~ 'Partial|Finalize', 'partition-wise: aggregates are finished below Gather') ;
SELECT set_eq(:'part_groups', 'SELECT * FROM expected', 'and give the same');
SELECT set_eq(format('SELECT g, md5(m) FROM (SELECT g, reco.factorize(%s, q, o, at, %L) AS m FROM parts GROUP BY g) x', 'u::text, i', :'small'),
              format('SELECT g, trained(''only_'' || g, ''u::text'', ''i'', ''q'', ''o'', ''at'', %L) FROM generate_series(0, 3) g', :'small'), 'with text keys');
SELECT throws_ok('SELECT g, reco.factorize(u, i, q, jsonb_build_object(''factors'', 1000)) FROM parts GROUP BY g', '22023', 'option "factors" cannot be 1000: it must be an integer from 1 to 512', 'an error in a worker');
SET LOCAL maintenance_work_mem = '1MB';
SELECT throws_matching('SELECT g, reco.factorize(u, i, q, ''{"factors": 512}'') FROM parts GROUP BY g', '^reco\.factorize needs at least \d+ MB of memory, but maintenance_work_mem is 1 MB$', 'too little memory in a worker');
ROLLBACK;
SELECT alike(plan_of(:'part_users'), '%Finalize%Append%Partial%part_%', 'partition-wise in part');
SELECT set_eq(:'part_users', 'SELECT * FROM users', 'gives the same');
SELECT is((SELECT m FROM with_workers(workers, leader, :'part_whole') x (m text)), :'part_reference', format('the partitioned table, %s workers, leader %s', workers, leader)) FROM unnest(ARRAY[0, 2, 4]) workers, unnest(ARRAY[true, false]) leader;
SELECT set_eq(format('SELECT * FROM with_workers(%s, %L, %L) x (g integer, m text)', workers, leader, :'part_groups'), 'SELECT * FROM expected', format('by partition, %s workers, leader %s', workers, leader)) FROM unnest(ARRAY[0, 2, 4]) workers, unnest(ARRAY[true, false]) leader;
RESET enable_partitionwise_aggregate;
RESET max_parallel_workers_per_gather; RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers;

-- ---- Many groups -----------------------------------------------------------------------------------------------------

CREATE TABLE many AS SELECT n % 20000 AS g, n % 7 AS u, n % 11 AS i, 1 AS q FROM generate_series(1, 80000) n;
ANALYZE many;
-- A sum, since an order (16 on) is best had from a sort below.
\set groups 'SELECT md5(sum(hashtextextended(g || md5(m), 0))::text) FROM (SELECT g, reco.factorize(u, i, q, ''{"factors": 1, "iterations": 1}'') AS m FROM many GROUP BY g) x'
SET max_parallel_workers_per_gather = 0;
SET enable_hashagg = off;
SELECT alike(plan_of(:'groups'), '%GroupAggregate%', '20,000 groups, sorted');
:groups \gset sorted_
SET enable_hashagg = on; SET enable_sort = off; SET work_mem = '64kB';
SELECT alike(plan_of(:'groups'), '%HashAggregate%', 'and hashed, with little memory');
:groups \gset hashed_
SELECT is(:'hashed_md5'::text, :'sorted_md5', 'are the same, spilled to disk');
SET work_mem = '32MB';
:groups \gset roomy_
SELECT is(:'roomy_md5'::text, :'sorted_md5', 'or not');
RESET enable_hashagg; RESET enable_sort; RESET work_mem; RESET max_parallel_workers_per_gather;
SELECT is((SELECT count(DISTINCT md5(m))::integer FROM (SELECT reco.factorize(u, i, q, '{"factors": 1, "iterations": 1}') AS m FROM many WHERE g < 200 GROUP BY g) x) > 5, true, 'and not all alike');

-- Memory comes back: after 20 calls a session holds no more than after the first 5, and nothing is left open in it.
CREATE FUNCTION used() RETURNS bigint LANGUAGE sql AS 'SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts';
CREATE FUNCTION calls(n integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR j IN 1 .. n LOOP
		PERFORM md5(reco.factorize(u, i, q, o, at, '{"factors": 4, "iterations": 2}')) FROM lines WHERE g = j % 4;
		PERFORM md5(reco.factorize(u::text, i, q, o, at, '{"factors": 4, "iterations": 2}') OVER (ORDER BY at)) FROM few;
		BEGIN
			PERFORM reco.factorize(u, i, q, jsonb_build_object('seed', u)) FROM lines;
		EXCEPTION WHEN invalid_parameter_value THEN
			NULL;
		END;
	END LOOP;
END $$;
SELECT calls(20), used() AS before \gset
SELECT calls(200) \g /dev/null
SELECT cmp_ok(used() - :before, '<', 262144::bigint, '200 calls more leave no memory behind');
SELECT is((SELECT count(*)::integer FROM pg_backend_memory_contexts WHERE name LIKE 'reco training%' OR name LIKE 'reco factorize%'), 0, 'nor a context');

-- ---- The short form --------------------------------------------------------------------------------------------------

-- A section of a model's bytes: 4 are the factors, 5 the Gram matrix, 6 popularity.
CREATE FUNCTION number(data bytea, at bigint, bytes integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
	SELECT sum(get_byte(data, (at + i)::integer)::bigint << (8 * i))::bigint FROM generate_series(0, bytes - 1) i
$$;
CREATE FUNCTION section(data bytea, kind integer) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT substr(data, number(data, 64 + 24 * s + 8, 8)::integer + 1, (number(data, 64 + 24 * s + 4, 4) * number(data, 64 + 24 * s + 16, 8))::integer)
	FROM generate_series(0, number(data, 40, 4)::integer - 1) s WHERE number(data, 64 + 24 * s, 4) = kind
$$;
CREATE TABLE weights AS SELECT n % 23 AS u, (hashint8extended(n, 3) & 31)::integer AS i, 1 + n % 4 AS w FROM generate_series(1, 300) n;
CREATE FUNCTION short(query text) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	result bytea;
BEGIN
	EXECUTE format('SELECT reco.factorize(u, i, w, ''{"factors": 4, "iterations": 3, "holdout_orders": 0}'') FROM (%s) x', query) INTO result;
	RETURN result;
END $$;
CREATE FUNCTION factors(model bytea) RETURNS text LANGUAGE sql AS 'SELECT md5(section(model, 1) || section(model, 4) || section(model, 5))';
SELECT short('SELECT * FROM weights') AS short \gset
SELECT is(length(section(:'short'::bytea, 4)), 32 * 64, 'there are factors');
-- Purchases of one moment, each an order of its own, are such weights: a customer's bag weighs log2(1 + their number).
SELECT is(factors(:'short'::bytea), factors((SELECT reco.factorize(u, i, 1, row_number, '2024-01-01', '{"factors": 4, "iterations": 3, "holdout_orders": 0}')
                                      FROM (SELECT u, i, row_number() OVER () FROM weights, generate_series(1, w)) x)), 'weights are purchases of one moment: log2(1 + weight)');
SELECT isnt(factors(:'short'::bytea), factors((SELECT reco.factorize(u, i, 1, row_number, '2024-01-01', '{"factors": 4, "iterations": 3, "holdout_orders": 0}')
                                        FROM (SELECT u, i, row_number() OVER () FROM weights, generate_series(1, w + 1)) x)), 'and no others');
SELECT is(factors(short(query)), factors(:'short'::bytea), what)
FROM   (VALUES ('SELECT u, i, 1 AS w FROM weights, generate_series(1, w)', 'as many rows of weight 1'), ('SELECT u, i, sum(w) AS w FROM weights GROUP BY u, i', 'one row for customer and item'),
               ('SELECT u, i, w::float8 / 4 AS w FROM weights, generate_series(1, 4)', 'four quarters'), ('SELECT * FROM weights UNION ALL SELECT NULL, i, 7 FROM weights', 'rows without customer')) AS x (query, what);
SELECT is(factors(short('SELECT * FROM weights UNION ALL SELECT * FROM weights')), factors(short('SELECT u, i, 2 * w AS w FROM weights')), 'twice the rows are twice the weight');
SELECT isnt(factors(short('SELECT u, i, 2 * w AS w FROM weights')), factors(:'short'::bytea), 'which makes a difference');
SELECT is(md5(short(query)), md5(:'short'::bytea), what)
FROM   (VALUES ('SELECT u, i, 2 * w AS w FROM (SELECT u, i, w / 2.0 AS w FROM weights) x ORDER BY random()', 'rows in another order, numeric'),
               ('SELECT * FROM weights UNION ALL (VALUES (1, 1, 0), (2, NULL, 1), (3, 3, NULL))', 'rows that count nothing'),
               ('SELECT u, i::int8 AS i, w::float4 AS w FROM weights', 'other types')) AS x (query, what);
SELECT is(md5(short('SELECT u, i, sum(w) + 5 AS w FROM weights GROUP BY u, i UNION ALL SELECT DISTINCT u, i, -5 FROM weights')), md5(short('SELECT u, i, sum(w) AS w FROM weights GROUP BY u, i')), 'negative weights are netted');
SELECT is(factors(short('SELECT * FROM weights UNION ALL SELECT u, i, 3 FROM weights WHERE u = 5 UNION ALL SELECT u, i, -1e9 FROM weights WHERE u = 5')), factors(short('SELECT * FROM weights WHERE u <> 5 UNION ALL SELECT NULL, i, w FROM weights WHERE u = 5')),
          'down to nothing');
SELECT is(md5((SELECT reco.factorize(u, i, w) FROM weights)), md5((SELECT reco.factorize(u, i, w, '{}') FROM weights)), 'without options the defaults hold');
CREATE TABLE fractions AS SELECT n % 7 AS u, n % 5 AS i, 1 / (1 + n)::float8 AS w FROM generate_series(1, 2000) n;
SELECT is(md5(short('SELECT * FROM fractions ORDER BY ' || expression)), md5(short('SELECT * FROM fractions')), 'fractions add up the same in the order of ' || expression) FROM unnest(ARRAY['w', 'w DESC', 'random()']) expression;
SELECT reco.create_model('short', 'UTC') \g /dev/null
SELECT reco.import_model('short', (SELECT reco.factorize(u, i, w, '{"factors": 2}') FROM (VALUES (NULL::integer, 1, 3), (NULL, 2, 7), (NULL, 3, 1), (NULL, 3, 1), (NULL, 1, -3)) x (u, i, w))) \g /dev/null
SELECT results_eq($$SELECT item_id, score, source FROM reco.recommend('short', NULL)$$, $$VALUES (2::bigint, 3::float8, 'popular'), (1, 2, 'popular'), (3, 2, 'popular')$$, 'a customer that is NULL counts for popularity alone, with log2(1 + weight)');

-- ---- What it refuses -------------------------------------------------------------------------------------------------

SELECT is(complaint(format('SELECT reco.factorize(%s) FROM lines', arguments))::text, ROW(state, message, hint)::text, arguments)
FROM   (VALUES ('u::real, i, q', '42804', '"user_id" of reco.factorize cannot have type real', 'Keys are integers, text, uuid or of another type with one text form a value.'),
               ('u, i::float8, q', '42804', '"item_id" of reco.factorize cannot have type double precision', 'Keys are integers, text, uuid or of another type with one text form a value.'),
               ('row(u), i, q', '42804', '"user_id" of reco.factorize cannot have type record', 'Keys are integers, text, uuid or of another type with one text form a value.'),
               ('u, i, q, o::float8, at', '42804', '"order_id" of reco.factorize cannot have type double precision', 'Keys are integers, text, uuid or of another type with one text form a value.'),
               ('u, i, q::text', '42804', '"weight" of reco.factorize cannot have type text', 'Give a smallint, integer, bigint, real, double precision or numeric.'),
               ('u, i, at', '42804', '"weight" of reco.factorize cannot have type timestamp with time zone', 'Give a smallint, integer, bigint, real, double precision or numeric.'),
               ('u, i, ''1''', '42804', '"weight" of reco.factorize cannot have type unknown', 'Give a smallint, integer, bigint, real, double precision or numeric.'),
               ('u, i, q::money, o, at', '42804', '"quantity" of reco.factorize cannot have type money', 'Give a smallint, integer, bigint, real, double precision or numeric.'),
               ('u, i, true, o, at, ''{}''', '42804', '"quantity" of reco.factorize cannot have type boolean', 'Give a smallint, integer, bigint, real, double precision or numeric.'),
               ('u, i, q, ''[]''', '22023', 'options must be a JSON object', 'Write them as ''{"factors": 64}''; SELECT * FROM reco.options() lists them.'),
               ('u, i, q, ''null''', '22023', 'options must be a JSON object', 'Write them as ''{"factors": 64}''; SELECT * FROM reco.options() lists them.'),
               ('u, i, q, o, at, ''{"factors": 513}''', '22023', 'option "factors" cannot be 513: it must be an integer from 1 to 512', 'Give a value in that range, or null for the default.'),
               ('u, i, q, o, at, ''{"training_clock": "infinity"}''', '22023', 'option "training_clock" cannot be infinity', 'Give a finite timestamp as a string, or null for the default.'),
               ('u, i, q, CASE WHEN o = 300 THEN ''{"seed": 2}'' ELSE ''{"seed": 1}'' END::jsonb ORDER BY o NULLS FIRST', '22023', 'the options of reco.factorize differ from row to row: {"seed": 1} and {"seed": 2}', 'Give a constant, or group by what they depend on.'),
               ('u, i, q, CASE WHEN o = 300 THEN ''{"seed": 2}'' END::jsonb ORDER BY o NULLS FIRST', '22023', 'the options of reco.factorize differ from row to row: {} and {"seed": 2}', 'Give a constant, or group by what they depend on.'),
               ('u, i, q, CASE WHEN o = 300 THEN NULL ELSE ''{"seed": 2}'' END::jsonb ORDER BY o NULLS FIRST', '22023', 'the options of reco.factorize differ from row to row: {"seed": 2} and {}', 'Give a constant, or group by what they depend on.'))
       AS x (arguments, state, message, hint);
SELECT throws_matching('SELECT reco.factorize(u, i, q, ''{"nothing": 1}'') FROM lines', '^unknown option "nothing"$', 'an unknown option');
SELECT is((SELECT state FROM complaint(format('SELECT reco.factorize(%s) FROM lines', arguments))), '42883', 'no such form: ' || arguments)
FROM   unnest(ARRAY['', 'u', 'u, i', 'u, i, q, o', 'u, i, q, o, at, q', 'u, i, q, o, at, ''{}'', 1']) arguments;
SELECT is((SELECT md5(reco.factorize(u, i, q, o, at, CASE o % 4 WHEN 0 THEN '{"factors": 4, "iterations": 2}' WHEN 1 THEN '{"iterations": 2,   "factors": 4}' WHEN 2 THEN '{"seed": null, "factors": 4, "iterations": 2}'
           ELSE '{"factors": 9, "factors": 4, "iterations": 2}' END::jsonb)) FROM lines), :'reference', 'the same options, otherwise spelt');
SELECT is((SELECT md5(reco.factorize(u, i, w, CASE w WHEN 1 THEN '{}' WHEN 2 THEN '{"factors": null}' END::jsonb)) FROM weights), (SELECT md5(reco.factorize(u, i, w)) FROM weights), 'no options: NULL, an empty object, a null');
SELECT is((SELECT md5(reco.factorize('one', i, w, '{"factors": 4}')) FROM weights), (SELECT md5(reco.factorize('one'::text, i, w, '{"factors": 4}')) FROM weights), 'a literal is a text');
SELECT is((SELECT md5(reco.factorize(NULL, i, w, '{"factors": 4}')) FROM weights), (SELECT md5(reco.factorize(NULL::text, i, w, '{"factors": 4}')) FROM weights), 'so is NULL');

-- Memory: an error that names the setting, while rows come and when they are there, and the session goes on.
SET maintenance_work_mem = '1MB';
SELECT is(state, '53400', 'too little memory for the rows: ' || state) FROM complaint('SELECT reco.factorize(n, n, 1) FROM generate_series(1, 60000) n');
SELECT throws_matching('SELECT reco.factorize(n, n, 1) FROM generate_series(1, 60000) n', '^reco\.factorize needs at least \d MB of memory, but maintenance_work_mem is 1 MB$', 'says what is needed');
SELECT is(hint, 'SET maintenance_work_mem = ''64MB'' (more if it says so again); training takes less with fewer factors and without exact complements.', 'and how to give it') FROM complaint('SELECT reco.factorize(n, n, 1) FROM generate_series(1, 60000) n');
SELECT throws_matching('SELECT reco.factorize(u, i, q, o, at, ''{"factors": 256}'') FROM lines', '^reco\.factorize needs at least \d+ MB of memory, but maintenance_work_mem is 1 MB$', 'too little for the factors');
SELECT is(state, '53400', 'also of one group') FROM complaint('SELECT g, reco.factorize(u, i, q, o, at, jsonb_build_object(''factors'', 1 + 255 * (g = 2)::int)) FROM lines WHERE g IS NOT NULL GROUP BY g');
SELECT is(state, '53400', 'also of keys') FROM complaint('SELECT reco.factorize(1, repeat(n::text, 100000), 1) FROM generate_series(1, 9) n');
SET maintenance_work_mem = '4MB';
SELECT lives_ok('SELECT reco.factorize(n, n % 40, 1, ''{"factors": 1}'') FROM generate_series(1, 2000) n', 'little is enough for little');
SELECT is(state, '54000', 'more than a bytea holds') FROM (SELECT set_config('maintenance_work_mem', '512MB', false)) s, complaint('SELECT reco.factorize(1, n, 1, ''{"factors": 512}'') FROM generate_series(1, 530000) n');
SELECT is(complaint('SELECT reco.factorize(1, n, 1, ''{"factors": 512}'') FROM generate_series(1, 530000) n')::text,
          ROW('54000', 'the model of 530000 items with 512 factors takes 1043 MB, more than the 1023 MB of a bytea', 'Use fewer factors or shorter keys, or call reco.train, which has no such limit.')::text, 'is said before the work');
RESET maintenance_work_mem;
-- A query is cancelled while it trains.
SET statement_timeout = '300ms';
SELECT is(state, '57014', 'cancelled in the final function') FROM complaint('SELECT reco.factorize(u, i, q, o, at, ''{"factors": 512, "iterations": 1000}'') FROM lines');
SELECT is(state, '57014', 'cancelled while rows come') FROM complaint('SELECT reco.factorize(n % 1000, n % 100, 1, ''{"factors": 1}'') FROM generate_series(1, 1000000000) n');
RESET statement_timeout;
SELECT is((SELECT md5(reco.factorize(u, i, q, o, at, :'small')) FROM lines), :'reference', 'after all that it gives the same');

-- ---- Support functions, and forged states ----------------------------------------------------------------------------

SELECT probin AS library FROM pg_proc WHERE oid = 'reco.access(text)'::regprocedure \gset
SELECT throws_ok('SELECT reco.factorize_' || call, state, NULL, 'factorize_' || call)
FROM   (VALUES ('final(NULL)', '42883'), ('final(NULL::internal)', '42846'), ('serialize(NULL::internal)', '42846'), ('deserialize(''\x'', NULL::internal)', '42846'), ('combine(NULL::internal, NULL::internal)', '42846'),
               ('step(NULL::internal, 1, 2, 3)', '42846'), ('step(1, 1, 2, 3)', '42883')) AS x (call, state);
CREATE FUNCTION step(bigint, integer, integer, integer) RETURNS bigint AS :'library', 'reco_factorize_step' LANGUAGE c;
CREATE FUNCTION combine(bigint, bigint) RETURNS bigint AS :'library', 'reco_factorize_combine' LANGUAGE c;
CREATE FUNCTION serialize(bigint) RETURNS bytea AS :'library', 'reco_factorize_serialize' LANGUAGE c;
CREATE FUNCTION deserialize(bytea) RETURNS bigint AS :'library', 'reco_factorize_deserialize' LANGUAGE c;
CREATE FUNCTION final(bigint) RETURNS bytea AS :'library', 'reco_factorize_final' LANGUAGE c;
SELECT is(complaint('SELECT ' || call)::text, ROW('22023', 'a support function of reco.factorize was called outside of an aggregate', 'Call reco.factorize itself.')::text, call)
FROM   unnest(ARRAY['step(NULL, 1, 2, 3)', 'step(4096, 1, 2, 3)', 'combine(NULL, NULL)', 'combine(4096, 4096)', 'serialize(NULL)', 'serialize(4096)', 'deserialize(NULL)', 'deserialize(''\x'')', 'final(NULL)', 'final(4096)']) call;
SET ROLE pg_monitor;
SELECT throws_ok('CREATE AGGREGATE pg_temp.own(integer, integer, integer) (SFUNC = reco.factorize_step, STYPE = internal, FINALFUNC = reco.factorize_serialize)', '42P13', 'aggregate transition data type cannot be internal', 'only a superuser makes aggregates of them');
RESET ROLE;

-- An aggregate that ends in the bytes that go from process to process, and two that read them as the executor does: the first gives a
-- state's address, which is good until its next row; the second adds up such states.
CREATE AGGREGATE gathered("any", "any", "any", "any", timestamptz, jsonb) (SFUNC = reco.factorize_step, STYPE = internal, FINALFUNC = reco.factorize_serialize);
CREATE AGGREGATE gathered("any", "any", "any", jsonb) (SFUNC = reco.factorize_step, STYPE = internal, FINALFUNC = reco.factorize_serialize);
CREATE FUNCTION newest(bytea, bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $2';
CREATE AGGREGATE received(bytea) (SFUNC = newest, STYPE = bytea, FINALFUNC = deserialize);
CREATE FUNCTION add_state(internal, bigint) RETURNS internal AS :'library', 'reco_factorize_combine' LANGUAGE c;
CREATE AGGREGATE combined(bigint) (SFUNC = add_state, STYPE = internal, FINALFUNC = reco.factorize_final);
CREATE AGGREGATE recombined(bigint) (SFUNC = add_state, STYPE = internal, FINALFUNC = reco.factorize_serialize);
CREATE FUNCTION model_of(VARIADIC states bytea[]) RETURNS bytea LANGUAGE sql SET enable_hashagg = off AS $$
	SELECT combined(s) FROM (SELECT n, received(state) AS s FROM unnest(states) WITH ORDINALITY x (state, n) GROUP BY n OFFSET 0) x
$$;
-- An SQLSTATE, or 'ok'.
CREATE FUNCTION fate(VARIADIC states bytea[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN CASE WHEN length(model_of(VARIADIC states)) > 500 THEN 'ok' ELSE 'nothing' END;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
CREATE FUNCTION words(VARIADIC states bytea[]) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN length(model_of(VARIADIC states))::text;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE FUNCTION little(value bigint, bytes integer) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT string_agg(set_byte('\x00', 0, ((value >> (8 * i)) & 255)::integer), '' ORDER BY i) FROM generate_series(0, bytes - 1) i
$$;
CREATE TABLE tiny AS SELECT o, o % 4 AS u, 1 + (o * 7 + j * 3) % 6 AS i, '2024-01-01'::timestamptz + o * interval '1 hour' AS at, 1 AS q FROM generate_series(1, 12) o, generate_series(1, 2) j;
\set tiny_options '{"factors": 2, "iterations": 1}'
SELECT gathered(u, i, q, o, at, :'tiny_options') AS n, gathered(u, 'ü' || i, q, 'o' || o, at, :'tiny_options') AS t, gathered(u, i, q, :'tiny_options') AS w,
       md5(reco.factorize(u, i, q, o, at, :'tiny_options')) AS n_model, md5(reco.factorize(u, 'ü' || i, q, 'o' || o, at, :'tiny_options')) AS t_model, md5(reco.factorize(u, i, q, :'tiny_options')) AS w_model FROM tiny \gset
SELECT is(md5(model_of(state)), model, 'a state that was written and read: ' || what) FROM (VALUES (:'n'::bytea, :'n_model', 'integers'), (:'t', :'t_model', 'texts'), (:'w', :'w_model', 'weights')) AS x (state, model, what);
SELECT is(md5(model_of((SELECT gathered(u, i, q, o, at, :'tiny_options') FROM tiny WHERE o % 3 = 0), (SELECT gathered(u, i, q, o, at, :'tiny_options') FROM tiny WHERE o % 3 = 2), (SELECT gathered(u, i, q, o, at, :'tiny_options') FROM tiny WHERE o % 3 = 1),
                       (SELECT gathered(u, i, NULL::int, o, at, :'tiny_options') FROM tiny))), :'n_model', 'of several, one without lines');
SELECT is(fate((SELECT gathered(u, i, NULL::int, o, at, :'tiny_options') FROM tiny)), 'nothing', 'of none but one without lines');
SELECT is(words(:'n'::bytea, other), words, 'and ' || what)
FROM   (VALUES (:'t'::bytea, 'XX001 two states of reco.factorize are of different forms', 'text keys'), (:'w', 'XX001 two states of reco.factorize are of different forms', 'weights'),
               ((SELECT gathered(u, i, q, o::text, at, :'tiny_options') FROM tiny), 'XX001 two states of reco.factorize are of different forms', 'text orders'),
               ((SELECT gathered(u, i, q, o, at, '{"factors": 3}') FROM tiny), '22023 the options of reco.factorize differ from row to row: {"factors": 2, "iterations": 1} and {"factors": 3}', 'other options')) AS x (other, words, what);

-- Layout: the length of the options, the options, 88 bytes of header, keys, lines of 24 bytes.
SELECT 4 + length('{"factors": 2, "iterations": 1}') AS h, length(:'n'::bytea) AS n_length, length(:'n'::bytea) - 24 * 24 AS lines, length(:'t'::bytea) - 24 * 24 AS t_lines \gset
SELECT is(words(overlay(:'n'::bytea PLACING bytes FROM at + 1)), 'XX001 the state of an aggregate is damaged: ' || words, what)
FROM   (VALUES (0, little(-1, 4), 'it has no options', 'options of length -1'), (0, little(2147483647, 4), 'it has no options', 'options longer than the state'), (0, little(:n_length - 3, 4), 'it has no options', 'by one byte'),
               (6, '\xff', 'it has no options', 'options that are no text'), (6, '\x00', 'it has no options', 'options with a zero byte'),
               (:h, '\x00', 'it does not begin like one', 'magic'), (:h + 24, little(-1, 8), 'its counts make no sense', '-1 rows'), (:h + 24, little(9223372036854775807, 8), 'its counts make no sense', '2^63 - 1 rows'),
               (:h + 32, little(25, 8), 'its counts make no sense', 'more without item than rows'), (:h + 40, little(25, 8), 'its counts make no sense', 'without time'),
               (:h + 48, little(-1, 8), 'its counts make no sense', 'without quantity'), (:h + 56, little(9223372036854775807, 8), 'its counts make no sense', 'too late'),
               (:h + 64, little(-1, 8), 'its header makes no sense', '-1 lines'), (:h + 64, little(25, 8), 'it is cut short', 'more lines'), (:h + 64, little(9223372036854775807, 8), 'it is cut short', '2^63 - 1 lines'),
               (:h + 64, little(768614336404564651, 8), 'it is cut short', 'a number of lines that wraps'), (:h + 64, little(23, 8), 'it is too long', 'fewer lines'), (:h + 64, little(0, 8), 'it is too long', 'no lines'),
               (:h + 72, little(-1, 4), 'its header makes no sense', '-1 customers'), (:h + 76, little(-2147483648, 4), 'its header makes no sense', '-2^31 items'),
               (:h + 80, little(-1, 4), 'its header makes no sense', '-1 orders'), (:h + 84, '\x02', 'its header makes no sense', 'a flag of 2'), (:h + 85, '\x00', 'its header makes no sense', 'orders without order keys'),
               (:h + 86, '\xff', 'its header makes no sense', 'a flag of 255'), (:h + 87, '\x01', 'its header makes no sense', 'weights with orders'),
               (:lines + 8, little(4, 4), 'a line has a key that is not there', 'customer 4 of 4'), (:lines + 8, little(-2, 4), 'a line has a key that is not there', 'customer -2'), (:lines + 12, little(6, 4), 'a line has a key that is not there', 'item 6 of 6'),
               (:lines + 12, little(-1, 4), 'a line has a key that is not there', 'item -1'), (:lines + 12, little(2147483647, 4), 'a line has a key that is not there', 'item 2^31 - 1'), (:lines + 16, little(12, 4), 'a line has a key that is not there', 'order 12 of 12'),
               (:lines + 16, little(-2147483648, 4), 'a line has a key that is not there', 'order -2^31'), (:lines, little(9223372036854775807, 8), 'a line has no sensible time or quantity', 'at infinity'),
               (:lines, little(-9223372036854775808, 8), 'a line has no sensible time or quantity', 'at -infinity'), (:lines, little(9223372036854775806, 8), 'a line has no sensible time or quantity', 'behind the clock'),
               (:h + 16, little(0, 8), 'a line has no sensible time or quantity', 'a clock before the lines'), (:h + 8, little(0, 8), 'a line has no sensible time or quantity', 'lines from the end on'),
               (:lines + 20, little(x'7fc00000'::bigint, 4), 'a line has no sensible time or quantity', 'quantity NaN'), (:lines + 20, little(x'7f800000'::bigint, 4), 'a line has no sensible time or quantity', 'quantity infinite'),
               (:lines + 20, little(x'ff800000'::bigint, 4), 'a line has no sensible time or quantity', '-infinite'), (:lines + 20, little(0, 4), 'a line has no sensible time or quantity', 'quantity 0'), (:lines + 20, little(x'80000000'::bigint, 4), 'a line has no sensible time or quantity', '-0'),
               (:lines + 23 * 24 + 20, little(0, 4), 'a line has no sensible time or quantity', 'in the last line')) AS x (at, bytes, words, what);
SELECT is(words(overlay(:'t'::bytea PLACING bytes FROM at + 1)), 'XX001 the state of an aggregate is damaged: ' || words, 'texts: ' || what)
FROM   (VALUES (:h + 88, little(-1, 4), 'a key has a negative length', 'a key of length -1'), (:h + 88, little(-2147483648, 4), 'a key has a negative length', 'of -2^31'), (:h + 88, little(2147483647, 4), 'it is cut short', 'of 2^31 - 1')) AS x (at, bytes, words, what);
SELECT is(words(overlay(:'w'::bytea PLACING little(1, 8) FROM length(:'w'::bytea) - 24 * 24 + 1)), 'XX001 the state of an aggregate is damaged: a line has no sensible time or quantity', 'a weight with a time');
SELECT is(fate(overlay(:'n'::bytea PLACING bytes FROM at + 1)), 'ok', 'no fault: ' || what)
FROM   (VALUES (:h + 16, little(9223372036854775807, 8), 'the latest clock'), (:h + 8, little(9223372036854775807, 8), 'no end'), (:lines, little(-9223372036854775807, 8), 'a line at the first of all times'), (:lines + 8, little(-1, 4), 'no customer'), (:lines + 16, little(-1, 4), 'no order'),
               (:lines + 20, little(x'ff7fffff'::bigint, 4), 'the greatest of returns'), (:lines + 20, little(x'7f7fffff'::bigint, 4), 'the greatest quantity'), (:lines + 20, little(1, 4), 'the least'),
               (:h + 24, little(1152921504606846975, 8), 'a great many rows'), (:h + 88, little(-9223372036854775808, 8), 'the least key'), (:h + 96, little(9223372036854775807, 8), 'the greatest key'),
               (:h + 88 + 8, substr(:'n'::bytea, :h + 89, 8), 'a customer twice'), (:h + 88 + 4 * 8, substr(:'n'::bytea, :h + 89 + 5 * 8, 8), 'an item twice'),
               (:lines - 8, substr(:'n'::bytea, :lines - 15, 8), 'an order twice')) AS x (at, bytes, what);
SELECT is(words(:'n'::bytea || '\x00'), 'XX001 the state of an aggregate is damaged: it is too long', 'a byte more');
SELECT is(words(:'n'::bytea || :'n'::bytea), 'XX001 the state of an aggregate is damaged: it is too long', 'twice');
SELECT is(words(''), 'XX001 the state of an aggregate is damaged: it has no options', 'nothing at all');
SELECT is(words(substr(:'n'::bytea, 1, :h)), 'XX001 the state of an aggregate is damaged: it is cut short', 'options alone');
SELECT is((SELECT array_agg(DISTINCT fate(substr(state, 1, n))) FROM generate_series(0, length(state) - 1) n), ARRAY['XX001'], 'cut off anywhere: ' || what)
FROM   (VALUES (:'n'::bytea, 'integers'), (:'t', 'texts'), (:'w', 'weights')) AS x (state, what);
CREATE TABLE flipped AS
SELECT what, byte, bit, fate(set_bit(state, byte * 8 + bit, 1 - get_bit(state, byte * 8 + bit))) AS fate, length(state) - 24 * 24 AS lines
FROM   (VALUES (:'n'::bytea, 'integers'), (:'t', 'texts'), (:'w', 'weights')) AS x (state, what), LATERAL generate_series(0, length(state) - 1) byte, generate_series(0, 7) bit;
SELECT is_empty($$SELECT * FROM flipped WHERE fate NOT IN ('ok', 'nothing', 'XX001') AND NOT (byte < 4 AND fate IN ('22P02', '22023')) AND NOT (byte >= lines AND fate = '22003')
                  AND NOT (byte BETWEEN 4 AND 34 AND fate IN ('22P02', '22023', '53400'))$$, 'any bit flipped: refused or taken');
SELECT is_empty(format('SELECT * FROM flipped WHERE fate <> ''XX001'' AND (byte BETWEEN %1$s AND %1$s + 7 OR byte BETWEEN %1$s + 64 AND %1$s + 83)', :h), 'magic and numbers are never taken');
SELECT is_empty('SELECT * FROM flipped WHERE fate <> ''XX001'' AND byte >= lines AND (byte - lines) % 24 BETWEEN 13 AND 15', 'nor an item far away');
SELECT cmp_ok((SELECT count(*)::integer FROM flipped WHERE fate = 'ok'), '>', 3000, 'other keys and times are');
SELECT is(md5(model_of(:'n'::bytea)), :'n_model', 'after all that the undamaged one is read');

SELECT * FROM finish();
