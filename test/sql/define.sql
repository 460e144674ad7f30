-- Models, options, sources and the expressions that describe them: what is taken, what is stored, what is refused.

SET client_min_messages = warning;
SELECT plan(610);

CREATE ROLE alice;
CREATE ROLE bob;
GRANT EXECUTE ON FUNCTION reco.create_model(text, text, jsonb) TO alice;
GRANT CREATE ON SCHEMA public TO alice;

CREATE TABLE lines (order_id integer, customer_id integer, product_id integer, ordered_at timestamptz, quantity integer,
                    price numeric, device text);
INSERT INTO lines
SELECT o, o % 10, 1 + (o * 7 + j * 3) % 12, timestamptz '2024-01-01 00:00+00' + o * interval '1 hour', 1, 2.5, 'phone'
FROM   generate_series(1, 60) o, generate_series(1, 2) j;
CREATE TABLE products (id integer PRIMARY KEY, title text, price numeric, stock integer);
INSERT INTO products SELECT id, 'article ' || id, id, 1 FROM generate_series(1, 12) id;
GRANT SELECT ON lines, products TO alice;

-- ---- Models ---------------------------------------------------------------------------------------------------------

SET timezone = 'America/New_York';
SELECT is(m, ROW('shop', 'postgres', 'owner', 'America/New_York', '{}'::jsonb, NULL::integer, now(), NULL::jsonb)::reco.models,
          'create_model returns the row of reco.models, with the time zone of the session')
FROM   reco.create_model('shop') m;
SET timezone = 'UTC';
SELECT is(m.timezone, 'America/New_York', 'that time zone stays') FROM reco.models m WHERE m.model = 'shop';
SELECT is((reco.create_model('cased', 'europe/berlin')).timezone, 'Europe/Berlin', 'a time zone is stored under its proper name');
SELECT throws_ok($$SELECT reco.create_model('shop')$$, '42710', 'model "shop" exists already', 'a name is taken once');
SELECT is((reco.create_model(name)).model, name, 'any name will do: ' || left(quote_literal(name), 20))
FROM   unnest(ARRAY[repeat('n', 200), E'it''s "a"; --\n', 'Größe 大', ' ']) name;
SELECT is((SELECT count(*)::integer FROM reco.models), 6, 'all of them are listed');
SELECT is((reco.drop_model(model)).versions, 0, 'and dropped again: ' || left(quote_literal(model), 20))
FROM   (SELECT model FROM reco.models WHERE model NOT IN ('shop', 'cased') ORDER BY model) m;
SELECT set_eq('SELECT model FROM reco.models', ARRAY['shop', 'cased'], 'the others remain');
SELECT row_eq($$SELECT * FROM reco.drop_model('cased')$$, ROW(0, 0, 0::bigint), 'drop_model of an empty model');
SELECT row_eq($$SELECT * FROM reco.drop_model('cased', missing_ok => true)$$, ROW(0, 0, 0::bigint), 'drop_model with missing_ok');
SELECT throws_ok($$SELECT reco.drop_model('cased')$$, '42704', 'model "cased" does not exist', 'drop_model without it');

-- ---- Options ----------------------------------------------------------------------------------------------------------

SELECT bag_eq('SELECT option FROM reco.options()', 'SELECT jsonb_object_keys(reco.default_options())',
              'options() and default_options() list the same');
SELECT is_empty($$SELECT option FROM reco.options()
                  WHERE reco.default_options() ->> option IS DISTINCT FROM "default"
                     OR (minimum IS NULL OR maximum IS NULL) <> (type IN ('string', 'timestamp', 'boolean'))
                     OR CASE WHEN minimum IS NOT NULL THEN "default"::numeric NOT BETWEEN minimum::numeric AND maximum::numeric END
                     OR coalesce(description, '') = '' OR type NOT IN ('integer', 'number', 'string', 'timestamp', 'boolean')$$,
                'each with a type, a default within its range, and a description');
SELECT is((SELECT count(*)::integer FROM reco.options() WHERE minimum IS NOT NULL), 19, 'so many have a range');
SELECT is((reco.alter_model('shop', jsonb_build_object(option, value::numeric))).options -> option, value::jsonb,
          format('%s can be %s', option, value))
FROM   reco.options(), unnest(ARRAY[minimum, maximum, "default"]) value
WHERE  minimum IS NOT NULL AND value IS NOT NULL;
SELECT throws_ok(format('SELECT reco.alter_model(%L, %L)', 'shop', jsonb_build_object(option, value)), '22023',
                 format('option "%s" cannot be %s: it must be %s from %s to %s', option, value,
                        CASE type WHEN 'integer' THEN 'an integer' ELSE 'a number' END,
                        CASE minimum WHEN '0.000001' THEN '1e-06' ELSE minimum END,
                        maximum),
                 format('%s cannot be %s', option, value))
FROM   reco.options(),
       unnest(ARRAY[CASE type WHEN 'integer' THEN minimum::numeric - 1 ELSE minimum::numeric - 1e-10 END,
                    CASE type WHEN 'integer' THEN maximum::numeric + 1 ELSE maximum::numeric + 1e-6 END]) value
WHERE  minimum IS NOT NULL AND maximum <> '100000';
SELECT throws_ok(format('SELECT reco.alter_model(%L, %L)', 'shop', jsonb_build_object(option, value)), '22023', NULL,
                 format('%s cannot be %s', option, value))
FROM   reco.options(),
       unnest(ARRAY['"NaN"', '"Infinity"', '"12"', '""', 'true', 'false', '[]', '[1]', '{}', '{"a": 1}', '1e400', '-1e400']::jsonb[]) value
WHERE  minimum IS NOT NULL;
SELECT throws_ok(format('SELECT reco.alter_model(%L, %L)', 'shop', jsonb_build_object(option, 1.5)), '22023', NULL,
                 format('%s cannot be 1.5', option))
FROM   reco.options() WHERE type = 'integer';
SELECT throws_ok($$SELECT reco.alter_model('shop', '{"history_limit": 100001}')$$, '22023',
                 'option "history_limit" cannot be 100001: it must be an integer from 1 to 100000', 'history_limit has an end');
SELECT throws_ok($$SELECT reco.alter_model('shop', '{"holdout_orders": 100001}')$$, '22023', NULL, 'holdout_orders has an end');
SELECT is((reco.alter_model('shop', '{"factors": 64.0}')).options -> 'factors', '64', 'an integer may be written 64.0');
SELECT is((SELECT count(*)::integer FROM jsonb_object_keys((SELECT options FROM reco.models WHERE model = 'shop'))), 19,
          'failed changes changed nothing, the others added up');
SELECT is((reco.alter_model('shop', (SELECT jsonb_object_agg(option, NULL) FROM reco.options()))).options, '{}',
          'null takes each back to its default');
SELECT is((reco.alter_model('shop', '{"factors": 8, "seed": 3}')).options, '{"factors": 8, "seed": 3}', 'two at a time');
SELECT is((reco.alter_model('shop', '{"seed": null, "iterations": 3}')).options, '{"factors": 8, "iterations": 3}',
          'one away, one more, one as before');
SELECT is((reco.alter_model('shop')).options, '{"factors": 8, "iterations": 3}', 'nothing to change is no error');
SELECT is((reco.alter_model('shop', timezone => 'Asia/Tokyo')).timezone, 'Asia/Tokyo', 'the time zone changes');
SELECT is((SELECT options FROM reco.models WHERE model = 'shop'), '{"factors": 8, "iterations": 3}', 'and the options do not');
SELECT throws_ok(format('SELECT reco.alter_model(%L, %L)', 'shop', options), '22023', 'options must be a JSON object',
                 'options are no ' || options)
FROM   unnest(ARRAY['[]', '1', 'null', '"factors"', 'true']) options;
SELECT throws_ok($$SELECT reco.alter_model('shop', '{"factor": 8}')$$, '22023', 'unknown option "factor"', 'an unknown option');
SELECT throws_ok($$SELECT reco.create_model('other', options => '{"": 8}')$$, '22023', 'unknown option ""', 'an empty name of an option');
SELECT throws_ok($$SELECT reco.create_model('other', options => '{"Factors": 8}')$$, '22023', 'unknown option "Factors"',
                 'names of options have a case');

-- The one that is a word.
SELECT is((reco.alter_model('shop', jsonb_build_object('complements', word))).options ->> 'complements', word,
          format('complements can be %s', word))
FROM   unnest(ARRAY['none', 'approximate', 'exact']) word;
SELECT throws_ok(format('SELECT reco.alter_model(%L, %L)', 'shop', jsonb_build_object('complements', value)), '22023',
                 format('option "complements" cannot be %s: it must be "none", "approximate" or "exact"', shown),
                 format('complements cannot be %s', value))
FROM   (VALUES ('"some"'::jsonb, '"some"'), ('"Exact"', '"Exact"'), ('""', '""'), ('"exact "', '"exact "'), ('1', 'a number'),
               ('true', 'true'), ('[]', 'an object or array'), ('{}', 'an object or array')) v(value, shown);
SELECT is((reco.alter_model('shop', '{"complements": null}')).options, '{"factors": 8, "iterations": 3}',
          'null takes complements back');
SELECT is((reco.alter_model('shop', jsonb_build_object('solver', value))).options ->> 'solver', value, 'solver can be ' || coalesce(value, 'null'))
FROM   unnest(ARRAY['exact', 'fast', NULL]) value;
SELECT throws_ok(format('SELECT reco.alter_model(%L, %L)', 'shop', jsonb_build_object('solver', value)), '22023',
                 format('option "solver" cannot be %s: it must be "fast" or "exact"', said), format('solver cannot be %s', value))
FROM   (VALUES ('"Exact"'::jsonb, '"Exact"'), ('"fast "', '"fast "'), ('"exactly"', '"exactly"'), ('1', 'a number')) x (value, said);

-- The one that is a time.
SELECT is((reco.alter_model('shop', '{"training_clock": "2024-01-02 00:00"}')).options ->> 'training_clock', '2024-01-02 00:00',
          'training_clock is kept as written');
SELECT throws_ok(format('SELECT reco.alter_model(%L, %L)', 'shop', jsonb_build_object('training_clock', value)), '22023', NULL,
                 format('training_clock cannot be %s', value))
FROM   unnest(ARRAY['"infinity"', '"-infinity"', '1', 'true', '[]', '{}']::jsonb[]) value;
SELECT throws_ok($$SELECT reco.alter_model('shop', '{"training_clock": "soon"}')$$, '22007', NULL, 'training_clock cannot be soon');
SELECT throws_ok($$SELECT reco.alter_model('shop', '{"training_clock": ""}')$$, '22007', NULL, 'training_clock cannot be empty');
BEGIN;
SET LOCAL datestyle = 'SQL, DMY';
SELECT throws_ok($$SELECT reco.alter_model('shop', '{"training_clock": "31/12/2025"}')$$, '22008', NULL,
                 'training_clock is checked as it will be read, not in the DateStyle of the session');
ROLLBACK;
SELECT is((reco.alter_model('shop', '{"training_clock": "2024-01-02 00:00"}')).options ->> 'training_clock', '2024-01-02 00:00',
          'after these errors it is what it was');
SELECT reco.add_orders('shop', 'lines', 'customer_id', 'product_id', 'ordered_at', 'order_id') \g /dev/null
SELECT is((reco.train('shop')).skipped, (SELECT count(*) FROM lines WHERE ordered_at >= '2024-01-02 00:00+09'),
          'training_clock is a time of the model''s zone');
SELECT is((SELECT trained_to FROM reco.versions WHERE model = 'shop' AND active), timestamptz '2024-01-01 14:00+00',
          'and the version was trained up to it');
SELECT is((reco.alter_model('shop', '{"training_clock": null}')).options, '{"factors": 8, "iterations": 3}',
          'null takes training_clock back');
SELECT is((SELECT options ->> 'training_clock' FROM reco.versions WHERE model = 'shop'), '2024-01-02 00:00',
          'a version keeps the options that it was trained with');

-- ---- Sources --------------------------------------------------------------------------------------------------------

SELECT reco.create_model('kinds', options => '{"factors": 4}') \g /dev/null
CREATE TABLE parted (LIKE lines) PARTITION BY RANGE (order_id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (30);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (30) TO (1000);
INSERT INTO parted SELECT * FROM lines;
CREATE VIEW lines_view AS SELECT * FROM lines;
CREATE MATERIALIZED VIEW lines_matview AS SELECT * FROM lines;
CREATE UNLOGGED TABLE lines_unlogged AS SELECT * FROM lines;
SELECT is(s, ROW('kinds', 'orders', rel, rel::regclass,
                 '{"user_id": "customer_id", "item_id": "product_id", "at": "ordered_at"}'::jsonb, now())::reco.sources,
          format('add_orders takes %s, and returns the row of reco.sources', rel))
FROM   unnest(ARRAY['lines', 'parted', 'lines_view', 'lines_matview', 'lines_unlogged']) rel
CROSS  JOIN LATERAL reco.add_orders('kinds', rel::regclass, user_id => 'customer_id', item_id => 'product_id', at => 'ordered_at') s;
SELECT is((reco.train('kinds')).rows, 5 * 120::bigint, 'and train reads them all');

SELECT count(*) > 0 AS has_file_fdw FROM pg_available_extensions WHERE name = 'file_fdw' \gset
\if :has_file_fdw
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
SELECT current_setting('data_directory') || '/lines.csv' AS csv \gset
COPY lines TO :'csv' (FORMAT csv);
CREATE FOREIGN TABLE lines_foreign (order_id integer, customer_id integer, product_id integer, ordered_at timestamptz,
	quantity integer, price numeric, device text) SERVER files OPTIONS (filename :'csv', format 'csv');
SELECT is((reco.add_orders('kinds', 'lines_foreign', 'customer_id', 'product_id', 'ordered_at')).relation, 'lines_foreign'::regclass,
          'a foreign table is a source');
SELECT is((reco.train('kinds')).rows, 6 * 120::bigint, 'and is read');
\else
SELECT skip('file_fdw is not installed here', 2);
\endif

CREATE INDEX lines_index ON lines (order_id);
CREATE INDEX parted_index ON parted (order_id);
CREATE SEQUENCE numbers;
CREATE TYPE pair AS (customer_id integer, product_id integer, ordered_at timestamptz);
CREATE TEMP TABLE lines_temp AS SELECT * FROM lines;
CREATE TEMP VIEW view_temp AS SELECT * FROM lines;
SELECT throws_ok(format('SELECT reco.add_orders(%L, %L, %L, %L, %L)', 'kinds', relation, 'customer_id', 'product_id', 'ordered_at'),
                 '42809', message, relation || ' is no source')
FROM   (VALUES ('lines_index', 'relation "lines_index" cannot be a source'),
               ('parted_index', 'relation "parted_index" cannot be a source'),
               ('numbers', 'relation "numbers" cannot be a source'),
               ('pair', 'relation "pair" cannot be a source'),
               ((SELECT reltoastrelid::regclass::text FROM pg_class WHERE relname = 'lines'), NULL),
               ('lines_temp', 'temporary relation "lines_temp" cannot be a source'),
               ('view_temp', 'temporary relation "view_temp" cannot be a source')) AS no_source (relation, message);
SELECT throws_ok(format('SELECT reco.add_orders(%L, %s::regclass, %L, %L, %L)', 'kinds', number, 'customer_id', 'product_id', 'ordered_at'),
                 '42P01', format('relation with OID %s does not exist', number), format('relation %s does not exist', number))
FROM   unnest(ARRAY['0', '4294967295']) number;
SELECT throws_ok($$SELECT reco.add_items('kinds', 4294967295::regclass, 'id')$$, '42P01', 'relation with OID 4294967295 does not exist',
                 'nor for add_items');
SELECT throws_ok($$SELECT reco.add_orders('kinds', 'nothing', 'a', 'b', 'c')$$, '42P01', NULL, 'nor does a relation of no name');

SELECT is(s, ROW('kinds', 'items', 'products', 'products'::regclass, jsonb_build_object('item_id', 'id', 'price', 'price',
                 'margin', '(price * 0.3)', 'description', 'title', 'available', '(stock > 0)',
                 'features', '{"upper": "upper(title)", "band": "width_bucket(price, (0)::numeric, (10)::numeric, 3)", "title": "title"}'::jsonb),
                 now())::reco.sources, 'add_items with all that it takes')
FROM   reco.add_items('kinds', 'products', item_id => 'id', features => 'upper(title), width_bucket(price, 0, 10, 3) AS band, title',
                      description => 'title', price => 'price', margin => 'price * 0.3', available => 'stock > 0') s;
SELECT is(s.expressions, jsonb_build_object('user_id', 'customer_id', 'item_id', 'product_id', 'at', 'ordered_at', 'order_id', 'order_id',
                 'quantity', 'quantity', 'amount', '(price * (quantity)::numeric)',
                 'context', '{"device": "device", "hour": "date_part(''hour''::text, ordered_at)"}'::jsonb),
          'add_orders with all that it takes')
FROM   reco.add_orders('kinds', 'lines', user_id => 'customer_id', item_id => 'product_id', at => 'ordered_at', order_id => 'order_id',
                       quantity => 'quantity', amount => 'price * quantity', context => 'device, date_part(''hour'', ordered_at) AS hour',
                       name => 'full') s;
SELECT is((SELECT expressions ->> 'unit_price' FROM reco.add_orders('kinds', 'lines', 'customer_id', 'product_id', 'ordered_at',
                       unit_price => 'price', name => 'priced')), 'price', 'or with a price instead of an amount');
SELECT is(s, ROW('kinds', 'users', 'lines', 'lines'::regclass, '{"user_id": "customer_id", "features": {"device": "device", "band": "(customer_id / 10)"}}'::jsonb, now())::reco.sources,
          'add_users with all that it takes')
FROM   reco.add_users('kinds', 'lines', user_id => 'customer_id', features => 'device, customer_id / 10 AS band') s;
SELECT is(s, ROW('kinds', 'reviews', 'verdicts', 'lines'::regclass, '{"user_id": "customer_id", "item_id": "product_id", "at": "ordered_at", "stars": "(order_id % 5)", "body": "device", "configuration": "''english''::regconfig"}'::jsonb,
                 now())::reco.sources, 'add_reviews with all that it takes')
FROM   reco.add_reviews('kinds', 'lines', user_id => 'customer_id', item_id => 'product_id', at => 'ordered_at', stars => 'order_id % 5', body => 'device', configuration => 'english', name => 'verdicts') s;
SELECT is((SELECT expressions FROM reco.add_users('kinds', 'lines', 'customer_id')), '{"user_id": "customer_id"}', 'add_users with the least');
SELECT is((SELECT expressions FROM reco.add_reviews('kinds', 'lines', 'customer_id', 'product_id', name => 'verdicts')), '{"user_id": "customer_id", "item_id": "product_id"}',
          'add_reviews with the least');
SELECT bag_eq($$SELECT kind, name FROM reco.sources WHERE model = 'kinds' AND kind NOT IN ('orders', 'items')$$, $$VALUES ('users', 'lines'), ('reviews', 'verdicts')$$,
              'which replaces what was there');
SELECT throws_ok($$SELECT reco.remove_source('kinds', 'lines')$$, '42P08', 'model "kinds" has 2 sources named "lines"', 'orders and users of one name are two');
SELECT throws_ok($$SELECT reco.add_users('kinds', 4294967295::regclass, 'id')$$, '42P01', 'relation with OID 4294967295 does not exist', 'a relation that is not there, for add_users');
SELECT throws_ok($$SELECT reco.add_reviews('kinds', 4294967295::regclass, 'id', 'id')$$, '42P01', 'relation with OID 4294967295 does not exist', 'and for add_reviews');

-- Replaced under the same name, beside others under another.
SELECT reco.add_orders('kinds', 'parted', 'order_id', 'product_id', 'ordered_at', name => 'full') \g /dev/null
SELECT results_eq($$SELECT relation::text, expressions FROM reco.sources WHERE model = 'kinds' AND name = 'full'$$,
                  $$VALUES ('parted', '{"user_id": "order_id", "item_id": "product_id", "at": "ordered_at"}'::jsonb)$$,
                  'a source of the same name is replaced, with all its columns');
SELECT reco.add_items('kinds', 'products', 'id', name => 'full') \g /dev/null
SELECT set_eq($$SELECT kind FROM reco.sources WHERE model = 'kinds' AND name = 'full'$$, ARRAY['items', 'orders'],
                  'one of another kind is not');
SELECT throws_ok($$SELECT reco.remove_source('kinds', 'full')$$, '42P08', 'model "kinds" has 2 sources named "full"',
                 'remove_source wants to know which');
SELECT throws_ok($$SELECT reco.remove_source('kinds', 'full', 'reviews')$$, '42704',
                 'model "kinds" has no source named "full" of kind reviews', 'and takes no other');
SELECT is(r, ROW('kinds', 'orders', 'full', 'parted'::regclass, '{"user_id": "order_id", "item_id": "product_id", "at": "ordered_at"}'::jsonb,
                 r.added_at)::reco.sources, 'remove_source returns the row that was')
FROM   reco.remove_source('kinds', 'full', 'orders') r;
SELECT is((reco.remove_source('kinds', 'full')).kind, 'items', 'by name where the name is enough');
SELECT throws_ok($$SELECT reco.remove_source('kinds', 'full')$$, '42704', 'model "kinds" has no source named "full"', 'and once only');
SELECT is_empty($$SELECT * FROM reco.source_column WHERE model = 'kinds' AND source = 'full'$$, 'its columns are gone too');
SELECT is((reco.train('kinds')).rows, (SELECT 120 * count(*) FROM reco.sources WHERE model = 'kinds' AND kind = 'orders'),
          'the others are still read');
SELECT row_eq($$SELECT * FROM reco.drop_model('kinds')$$,
              ROW((SELECT count(*)::integer FROM reco.versions WHERE model = 'kinds'),
                  (SELECT count(*)::integer FROM reco.sources WHERE model = 'kinds'),
                  (SELECT sum(octet_length(p.data)) FROM reco.version v JOIN reco.version_part p USING (blob) WHERE v.model = 'kinds')),
              'drop_model says what it removed');
SELECT is_empty($$SELECT model FROM reco.source WHERE model = 'kinds' UNION ALL SELECT model FROM reco.source_column WHERE model = 'kinds'
                  UNION ALL SELECT model FROM reco.version WHERE model = 'kinds'
                  UNION ALL SELECT blob::text FROM reco.version_part WHERE blob NOT IN (SELECT blob FROM reco.version)$$,
                'and nothing of it is left');

-- Sources are read with the owner's rights: what the owner may not read is no source.
SET ROLE alice;
SELECT reco.create_model('hers', 'UTC', '{"factors": 4}') \g /dev/null
RESET ROLE;
CREATE TABLE secret (a integer, b integer, c timestamptz, d integer);
SELECT throws_ok($$SELECT reco.add_orders('hers', 'secret', 'a', 'b', 'c')$$, '42501', 'permission denied for table secret',
                 'a superuser cannot give a model a source that its owner may not read');
GRANT SELECT (a, b, c) ON secret TO alice;
SET ROLE alice;
SELECT lives_ok($$SELECT reco.add_orders('hers', 'secret', 'a', 'b', 'c')$$, 'columns that the owner may read are enough');
SELECT throws_ok($$SELECT reco.add_orders('hers', 'secret', 'a', 'b', 'c', quantity => 'd')$$, '42501', 'permission denied for table secret',
                 'and others are refused when the source is added');
SELECT is((SELECT expressions ? 'quantity' FROM reco.sources WHERE model = 'hers'), false, 'the source of before is still there');

-- ---- Views --------------------------------------------------------------------------------------------------------

SELECT reco.add_orders('hers', 'lines', 'customer_id', 'product_id', 'ordered_at', name => 'l') \g /dev/null
SELECT reco.train('hers') \g /dev/null
SELECT reco.grant_usage('hers', 'bob') \g /dev/null
SELECT set_eq('SELECT model, owner, access FROM reco.models', $$VALUES ('hers', 'alice', 'owner')$$, 'an owner sees her models alone');
SELECT set_eq('SELECT model, version, active, rows, skipped FROM (SELECT *, 0 AS skipped FROM reco.versions) v',
              $$VALUES ('hers', 1, true, 120::bigint, 0)$$, 'and their versions');
SELECT set_eq('SELECT model, role, level FROM reco.grants', $$VALUES ('hers', 'bob', 'recommend')$$, 'and whom she let use them');
SELECT set_eq($$SELECT name, expressions ->> 'user_id' FROM reco.sources$$, $$VALUES ('secret', 'a'), ('l', 'customer_id')$$,
              'and the expressions of her sources');
SET ROLE bob;
SELECT set_eq('SELECT model, owner, access FROM reco.models', $$VALUES ('hers', 'alice', 'recommend')$$, 'a grantee sees the model');
SELECT set_eq('SELECT name, relation::text, expressions FROM reco.sources',
              $$VALUES ('secret', 'secret', NULL::jsonb), ('l', 'lines', NULL)$$, 'and its sources without their expressions');
SELECT is((SELECT count(*)::integer FROM reco.versions), 1, 'and its version');
SELECT is_empty('SELECT * FROM reco.grants', 'but not who else may use it');
RESET ROLE;
SELECT row_eq($$SELECT rows, users, items, bags, kernel <> '', bytes > 0, seconds >= 0, trained_to FROM reco.versions WHERE model = 'hers'$$,
              ROW(120::bigint, 10, 12, 70::bigint, true, true, true, timestamptz '2024-01-03 12:00+00'), 'a version says what it was trained on');
DROP TABLE secret;
SELECT set_eq($$SELECT name, relation::text FROM reco.sources WHERE model = 'hers'$$, $$VALUES ('secret', NULL), ('l', 'lines')$$,
              'relation is null where the relation is gone');
ALTER TABLE lines RENAME TO order_lines;
ALTER ROLE alice RENAME TO alicia;
SELECT is((SELECT relation::text FROM reco.sources WHERE model = 'hers' AND name = 'l'), 'order_lines', 'a renamed relation shows its new name');
SELECT is((SELECT owner FROM reco.models WHERE model = 'hers'), 'alicia', 'so does a renamed owner');
ALTER TABLE order_lines RENAME TO lines;
ALTER ROLE alicia RENAME TO alice;

-- ---- Expressions that are taken -------------------------------------------------------------------------------------

SELECT reco.create_model('x', options => '{"factors": 4}') \g /dev/null
CREATE DOMAIN customer AS integer CHECK (VALUE >= 0);
CREATE DOMAIN code AS text;
CREATE TYPE place AS (street text, town text);
SELECT repeat('c', 63) AS long, repeat('大', 21) AS wide \gset
CREATE TABLE odd (
	"a""b" integer, :"long" integer, :"wide" integer, "select" integer, E integer, " " integer,
	d customer, "Upper" code, moment timestamp, day date, tags text[], home place, j jsonb, u uuid, n numeric, r real,
	"semi;colon -- " integer, "$1" integer, "a.b" integer
);
ALTER TABLE odd ADD COLUMN U&"new\000Aline" integer;
INSERT INTO odd SELECT i, i, i, i, i, i, i % 5, 'k' || i, '2024-01-01 12:00'::timestamp + i * interval '1 minute', '2024-01-01', ARRAY['t' || i],
       ROW('s' || i, 'town')::place, jsonb_build_object('id', i), gen_random_uuid(), i, i, i, i, i, i FROM generate_series(1, 20) i;
SELECT is(expressions ->> 'item_id', stored, format('item_id => %s', left(translate(item, E'\n\t', '  '), 30)))
FROM   (VALUES ('"a""b"', '"a""b"'), (:'long', :'long'), (:'wide', '"' || :'wide' || '"'), ('"select"', '"select"'), ('" "', '" "'), ('E', 'e'),
               (E'"new\nline"', E'"new\nline"'), ('"semi;colon -- "', '"semi;colon -- "'), ('"$1"', '"$1"'), ('"a.b"', '"a.b"'),
               ('odd."select"', '"select"'), ('d', 'd'), ('"Upper"', '"Upper"'), ('lower("Upper")', 'lower(("Upper")::text)'),
               ('u', 'u'), ('n', 'n'), ('n::bigint', '(n)::bigint'), ('tags[1]', 'tags[1]'), ('(home).street', '(home).street'),
               ('md5(odd::text)', 'md5((odd.*)::text)'), ('(odd).d', 'd'), ('to_jsonb(odd) ->> ''d''', '(to_jsonb(odd.*) ->> ''d''::text)'),
               ('j ->> ''id''', '(j ->> ''id''::text)'), ('CASE WHEN d > 3 THEN 1 ELSE 2 END', 'CASE WHEN ((d)::integer > 3) THEN 1 ELSE 2 END'),
               ('coalesce("$1", 0) -- a comment', 'COALESCE("$1", 0)'), ('/* one */ "$1" + 1', '("$1" + 1)'), ('''it''''s''', '''it''''s''::text'),
               (E' \n "select" \t', '"select"')) AS x (item, stored)
CROSS  JOIN LATERAL reco.add_orders('x', 'odd', user_id => 'd', item_id => item, at => 'moment') s;
SELECT is((reco.train('x')).items, 20, 'the last of them trains');
SELECT lives_ok(format('SELECT reco.add_orders(%L, %L, %L, %L, %L)', 'x', 'odd', 'd', quote_ident(attname), 'moment'), 'every column can be a key: ' || quote_literal(attname))
FROM   pg_attribute WHERE attrelid = 'odd'::regclass AND attnum > 0 AND attname NOT IN ('r', 'home');
SELECT is((SELECT expressions ->> 'at' FROM reco.add_orders('x', 'odd', 'd', '"$1"', at)), at, format('at => %s', at))
FROM   unnest(ARRAY['moment', 'day']) at;
SELECT is((SELECT expressions ->> 'at' FROM reco.add_orders('x', 'odd', 'd', '"$1"', 'to_timestamp(n)')), 'to_timestamp((n)::double precision)',
          'at => to_timestamp(n)');
SELECT lives_ok(format('SELECT reco.add_orders(%L, %L, %L, %L, %L, quantity => %L, unit_price => %L)', 'x', 'odd', 'd', '"$1"', 'day', number, number),
                'a quantity and a price may be ' || number)
FROM   unnest(ARRAY['1', 'n', 'r', '1.5::float8', '2::int2', '"$1"::int8', 'd', '-1', '1 - d']) number;

-- Lists.
SELECT is((SELECT expressions -> 'context' FROM reco.add_orders('x', 'odd', 'd', '"$1"', 'day', context => context)), expected::jsonb,
          'context => ' || context)
FROM   (VALUES ('d', '{"d": "d"}'),
               ('d AS one, d AS two', '{"one": "d", "two": "d"}'),
               ('d a, "Upper" AS "a b", (d + 1)', '{"a": "d", "a b": "\"Upper\"", "?column?": "((d)::integer + 1)"}'),
               ('lower("Upper"), day IN (''2024-01-01'', ''2024-01-02'') AS holiday',
                '{"lower": "lower((\"Upper\")::text)", "holiday": "(day = ANY (ARRAY[''2024-01-01''::date, ''2024-01-02''::date]))"}'),
               ('extract(hour FROM moment) AS hour, home, tags', '{"hour": "EXTRACT(hour FROM moment)", "home": "home", "tags": "tags"}'))
       AS lists (context, expected);
SELECT throws_ok($$SELECT reco.add_orders('x', 'odd', 'd', '"$1"', 'day', context => 'd, d')$$, '42701',
                 'parameter "context" has two expressions named "d"', 'names in a list differ');
SELECT throws_ok($$SELECT reco.add_items('x', 'odd', '"$1"', features => 'd + 1, n + 1')$$, '42701',
                 'parameter "features" has two expressions named "?column?"', 'also those that nobody gave');
SELECT string_agg(format('d + %s AS m%s', m, m), ', ' ORDER BY m) AS many FROM generate_series(1, 64) m \gset
SELECT is((SELECT count(*)::integer FROM reco.add_items('x', 'odd', '"$1"', features => :'many') s, jsonb_each(s.expressions -> 'features')), 64, 'a list of 64');
SELECT throws_ok(format('SELECT reco.add_items(''x'', ''odd'', ''"$1"'', features => %L)', :'many' || ', d'), '54000',
                 'parameter "features" has 65 expressions, more than 64', 'but not of 65');
SELECT is((reco.remove_source('x', 'odd', 'items')).kind, 'items', 'which is no matter');

-- What the caller's search path held is stored with its schema.
CREATE SCHEMA app;
CREATE FUNCTION app.half(integer) RETURNS integer IMMUTABLE RETURN $1 / 2;
CREATE FUNCTION app.plus(integer, integer) RETURNS integer IMMUTABLE RETURN $1 + $2;
CREATE OPERATOR app.<+> (FUNCTION = app.plus, LEFTARG = integer, RIGHTARG = integer);
CREATE TYPE app.mood AS ENUM ('good', 'bad');
CREATE DOMAIN app.nr AS integer;
CREATE COLLATION app.plain FROM "C";
CREATE TABLE app.calls (a integer, m app.mood, at timestamptz);
INSERT INTO app.calls SELECT i % 4, 'good', '2024-01-01'::timestamptz + i * interval '1 day' FROM generate_series(1, 20) i;
SET search_path = app, public;
SELECT is((SELECT expressions ->> 'item_id' FROM reco.add_orders('x', 'calls', 'a', item, 'at', name => 'odd')), stored, 'qualified: ' || stored)
FROM   (VALUES ('half(a)', 'app.half(a)'), ('a <+> 1', '(a OPERATOR(app.<+>) 1)'), ('a::nr', '(a)::app.nr'), ('m', 'm'),
               ('CASE WHEN m = ''good'' THEN a END', 'CASE WHEN (m = ''good''::app.mood) THEN a ELSE NULL::integer END'),
               ('m::text COLLATE plain', '((m)::text COLLATE app.plain)'),
               ('a + 1', '(a + 1)')) AS q (item, stored);
SELECT reco.add_orders('x', 'calls', 'half(a)::nr', 'a <+> 1', 'at', context => 'm = ''good'' AS happy', name => 'odd') \g /dev/null
RESET search_path;
SELECT is((SELECT items FROM reco.train('x')), 4, 'and works without that path');
SELECT is((SELECT s.relation::text FROM reco.sources s WHERE model = 'x'), 'app.calls', 'the relation is the one that the caller meant');
SELECT set_eq($$SELECT schema_name, relation_name FROM reco.source WHERE model = 'x'$$, $$VALUES ('app', 'calls')$$, 'its name is stored in two parts');

-- ---- Expressions that are refused -----------------------------------------------------------------------------------

CREATE FUNCTION dice(integer) RETURNS integer VOLATILE RETURN $1;
CREATE OPERATOR ~~~~ (FUNCTION = dice, RIGHTARG = integer);
CREATE FUNCTION many(integer) RETURNS SETOF integer IMMUTABLE LANGUAGE sql AS 'SELECT 1';
SELECT throws_ok(format('SELECT reco.add_orders(%L, %L, %L, %L, %L, name => %L)', 'x', 'odd', 'd', item, 'moment', 'bad'), state, message,
                 format('item_id cannot be %s', left(item, 50)))
FROM   (VALUES
	('(SELECT 1)', '0A000', 'parameter "item_id" must not contain a subquery'),
	('d + (SELECT max(d) FROM odd)', '0A000', 'parameter "item_id" must not contain a subquery'),
	('EXISTS (SELECT)', '0A000', 'parameter "item_id" must not contain a subquery'),
	('d IN (SELECT 1)', '0A000', 'parameter "item_id" must not contain a subquery'),
	('ARRAY(SELECT 1)', '0A000', 'parameter "item_id" must not contain a subquery'),
	('CASE WHEN d > ALL (VALUES (1)) THEN 1 END', '0A000', 'parameter "item_id" must not contain a subquery'),
	('sum(d)', '42803', NULL), ('count(*)', '42803', NULL), ('max(d) FILTER (WHERE d > (SELECT 1))', '0A000', NULL), ('grouping(d)', '42803', NULL),
	('row_number() OVER ()', '42P20', NULL), ('sum(d) OVER (PARTITION BY e)', '42P20', NULL),
	('many(1)', '0A000', NULL), ('generate_series(1, 2)', '0A000', NULL), ('unnest(tags)', '0A000', NULL),
	('d; d', '42601', NULL), ('d;', '42601', NULL), ('d; DROP TABLE odd; --', '42601', NULL),
	('d FROM pg_class', '42601', 'parameter "item_id" must be an expression over the relation, without clauses of its own'),
	('d WHERE true', '42601', 'parameter "item_id" must be an expression over the relation, without clauses of its own'),
	('d ORDER BY d', '42601', 'parameter "item_id" must be an expression over the relation, without clauses of its own'),
	('d LIMIT 1', '42601', 'parameter "item_id" must be an expression over the relation, without clauses of its own'),
	('d OFFSET 1', '42601', 'parameter "item_id" must be an expression over the relation, without clauses of its own'),
	('d FETCH FIRST ROW ONLY', '42601', 'parameter "item_id" must be an expression over the relation, without clauses of its own'),
	('d GROUP BY d', '42601', 'parameter "item_id" must be an expression over the relation, without clauses of its own'),
	('d HAVING true', '42601', 'parameter "item_id" must be an expression over the relation, without clauses of its own'),
	('d WINDOW w AS ()', '42601', 'parameter "item_id" must be an expression over the relation, without clauses of its own'),
	('d FOR UPDATE', '42601', 'parameter "item_id" must be an expression over the relation, without clauses of its own'),
	('DISTINCT d', '42601', 'parameter "item_id" must be an expression over the relation, without clauses of its own'),
	('d UNION SELECT 1', '42601', NULL), ('d INTO x', '42601', NULL), ('SELECT d', '42601', NULL), ('VALUES (1)', '42601', NULL), ('d)::text FROM odd --', '42601', NULL),
	('1) FROM pg_authid; --', '42601', NULL), ('TABLE odd', '42601', NULL), ('WITH a AS (SELECT 1) d', '42601', NULL),
	('*', '42601', 'parameter "item_id" must name its columns one by one'),
	('odd.*', '42601', 'parameter "item_id" must name its columns one by one'),
	('(home).*', '0A000', NULL), ('d, *', '42601', NULL), ('odd', '42601', NULL), ('ROW(d, e)', '42804', NULL),
	('random()', '42P17', 'parameter "item_id" must not call volatile functions'),
	('dice(d)', '42P17', 'parameter "item_id" must not call volatile functions'),
	('~~~~ e', '42P17', 'parameter "item_id" must not call volatile functions'),
	('nextval(''numbers'')', '42P17', 'parameter "item_id" must not call volatile functions'),
	('CASE WHEN false THEN dice(1) END', '42P17', 'parameter "item_id" must not call volatile functions'),
	('$1', '42P02', NULL), (':x', '42601', NULL), ('DEFAULT', '42601', NULL), ('CURRENT OF c', '42601', NULL),
	('', '42601', 'parameter "item_id" is empty'), ('  ', '42601', 'parameter "item_id" is empty'), ('-- nothing', '42601', 'parameter "item_id" is empty'),
	('d, e', '42601', 'parameter "item_id" must be one expression, not 2'),
	('r', '42804', 'parameter "item_id" has type real, but must have type an integer, text, uuid or another type with one text form a value'),
	('n::float8', '42804', 'parameter "item_id" has type double precision, but must have type an integer, text, uuid or another type with one text form a value'),
	('nothing', '42703', NULL), ('other.d', '42P01', NULL), ('nothing(d)', '42883', NULL), ('d + ''a''', '22P02', NULL), ('d || e', '42883', NULL),
	(repeat('(', 20000) || '1' || repeat(')', 20000), NULL, NULL), ('1' || repeat(' + 1', 100000), '54001', NULL)
	) AS bad (item, state, message);
SELECT is_empty($$SELECT * FROM reco.source WHERE name = 'bad'$$, 'nothing of that was stored');
SELECT throws_ok(format('SELECT reco.add_orders(%L, %L, %L, %L, %L, %s => %L)', 'x', 'odd', 'd', 'e', 'moment', role, expression), '42804', message, message)
FROM   (VALUES ('quantity', '"Upper"', 'parameter "quantity" has type text, but must have type smallint, integer, bigint, real, double precision or numeric'),
               ('unit_price', 'n::money', 'parameter "unit_price" has type money, but must have type smallint, integer, bigint, real, double precision or numeric'),
               ('amount', 'true', 'parameter "amount" has type boolean, but must have type smallint, integer, bigint, real, double precision or numeric'),
               ('quantity', 'NULL', 'parameter "quantity" has type text, but must have type smallint, integer, bigint, real, double precision or numeric'))
       AS wrong (role, expression, message);
SELECT throws_ok($$SELECT reco.add_orders('x', 'odd', 'd', 'e', 'n')$$, '42804',
                 'parameter "at" has type numeric, but must have type timestamptz, timestamp or date', 'at is a time');
SELECT throws_ok($$SELECT reco.add_orders('x', 'odd', 'd', 'e', 'moment::time')$$, '42804',
                 'parameter "at" has type time without time zone, but must have type timestamptz, timestamp or date', 'with a date');
SELECT throws_ok($$SELECT reco.add_items('x', 'odd', 'e', available => 'n')$$, '42804',
                 'parameter "available" has type numeric, but must have type boolean', 'available is a truth');
SELECT throws_ok($$SELECT reco.add_items('x', 'odd', 'e', description => 'n')$$, '42804',
                 'parameter "description" has type numeric, but must have type text', 'description is a text');
SELECT throws_ok(format('SELECT reco.add_orders(%L, %L, %s)', 'x', 'odd', arguments), '22004', format('parameter "%s" must not be null', missing),
                 missing || ' is needed')
FROM   (VALUES ('NULL, ''e'', ''moment''', 'user_id'), ('''d'', NULL, ''moment''', 'item_id'), ('''d'', ''e'', NULL', 'at')) AS needed (arguments, missing);

-- Where it went wrong is said in terms of the expression.
CREATE FUNCTION complaint(statement text, OUT message text, OUT context text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, context = PG_EXCEPTION_CONTEXT;
END $$;
SELECT row_eq($$SELECT message, context LIKE '%expression for parameter "at": momemt + interval%'
                FROM complaint('SELECT reco.add_orders(''x'', ''odd'', ''d'', ''e'', ''momemt + interval ''''1 day'''''')')$$,
              ROW('column "momemt" does not exist'::text, true), 'an error shows the parameter and its expression');

SELECT * FROM finish();
