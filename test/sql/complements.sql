-- Complements: what goes with a basket.

SET client_min_messages = warning;
SELECT plan(66);

CREATE TABLE lines (o bigint, u bigint, i bigint, at timestamptz);
CREATE FUNCTION option(options jsonb) RETURNS text LANGUAGE sql AS $$SELECT reco.alter_model('m', options); SELECT complements FROM reco.train('m')$$;
CREATE FUNCTION rows_of(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE format('SELECT string_agg(concat_ws(''|'', rank, item_id, round(score::numeric, 5)), '' '' ORDER BY rank) FROM reco.%s', call) INTO result;
	RETURN result;
END $$;
SELECT reco.create_model('m', 'UTC', '{"factors": 4, "iterations": 1, "holdout_orders": 0}'), reco.create_model('t', 'UTC', '{"factors": 4, "iterations": 1}'), reco.create_model('empty') \g /dev/null
SELECT reco.add_orders('m', 'lines', 'u', 'i', 'at', 'o'), reco.add_orders('t', 'lines', 'u', '''k'' || i', 'at', 'o') \g /dev/null

-- ---- As defined ------------------------------------------------------------------------------------------------------

-- Two items in 30 orders of one moment, lambda 10: each says 30 / (30 + 10) for the other.
INSERT INTO lines SELECT o, o, i, '2024-01-01' FROM generate_series(1, 30) o, generate_series(1, 2) i;
SELECT is(option('{}'), 'approximate', 'approximate is the default, and train says so');
SELECT is(rows_of('complements(''m'', ''{1}'')'), '1|2|0.75000', 'a regression on the one neighbor');
SELECT is(option('{"complements": "exact"}'), 'exact', 'exact, and train says so');
SELECT is(rows_of('complements(''m'', ''{1}'')'), '1|2|0.75000', 'the inverse says the same');
SELECT is(option('{"complements_regularization": 30}'), 'exact', 'with more regularization');
SELECT is(rows_of('complements(''m'', ''{2}'')'), '1|1|0.50000', 'it says less');
SELECT is(option('{"complements": "none"}'), 'none', 'none, and train says so');
SELECT results_eq($$SELECT complements::text COLLATE "default" FROM reco.versions WHERE model = 'm' ORDER BY version$$, ARRAY['exact', 'exact', 'none'], 'reco.versions says it of each version');
SELECT throws_ok($$SELECT * FROM reco.complements('m', '{1}')$$, '55000', 'the active version of model "m" has no complements', 'without any that is an error');
SELECT is(option('{"complements": null, "complements_regularization": null}'), 'approximate', 'and back');

-- Three items: 3 goes with 1 only; what 3 says for 2 is said by 1 already, so that 3 alone says less than it was bought with.
INSERT INTO lines SELECT o, o, i, '2024-01-01' FROM generate_series(31, 50) o, unnest(ARRAY[1, 3]) i;
SELECT is(option('{}'), 'approximate', 'three items');
SELECT rows_of('complements(''m'', ''{1}'')') AS approximate \gset
SELECT is(option('{"complements": "exact"}'), 'exact', 'three items, exact');
SELECT is(rows_of('complements(''m'', ''{1}'')'), '1|2|0.64286 2|3|0.53333', 'both: 30 and 20 of 50 orders, less what the other explains');
SELECT is(rows_of('complements(''m'', ''{3}'')'), '1|1|0.66667', 'and what does not add anything is not there');
SELECT is(:'approximate'::text, '1|2|0.50000 2|3|0.33333', 'the approximation asks only what an item was bought with: 30 / (50 + 10)');
SELECT is(option('{"complements_neighbors": 1}'), 'exact', 'at most one speaks for an item');
SELECT is(rows_of('complements(''m'', ''{3}'')'), NULL, 'that is 2 for 1');
SELECT is(rows_of('complements(''m'', ''{2}'')'), '1|1|0.75000', 'as before');
SELECT reco.alter_model('m', '{"complements": null, "complements_neighbors": null}') \g /dev/null

-- ---- Without orders --------------------------------------------------------------------------------------------------

TRUNCATE lines;
SELECT is(option('{}'), 'none', 'no lines: none');
SELECT throws_ok($$SELECT * FROM reco.complements('m', '{}')$$, '55000', 'the active version of model "m" has no complements', 'also for nothing');
INSERT INTO lines VALUES (1, 1, 1, '2024-01-01'), (2, 1, 2, '2024-01-02'), (3, 2, 1, '2024-01-02');
SELECT is(option('{}'), 'approximate', 'orders of one item');
SELECT is_empty($$SELECT * FROM reco.complements('m', '{1}')$$, 'say nothing');
SELECT is(option('{"complements": "exact"}'), 'exact', 'orders of one item, exact');
SELECT is_empty($$SELECT * FROM reco.complements('m', '{1,2}')$$, 'say nothing either');
SELECT reco.alter_model('m', '{"complements": null}') \g /dev/null

-- ---- A shop of five shelves ------------------------------------------------------------------------------------------

TRUNCATE lines;
INSERT INTO lines SELECT o, o % 30, p, timestamptz '2024-01-01' + o * interval '1 hour'
FROM generate_series(1, 1200) o CROSS JOIN LATERAL (SELECT DISTINCT 1 + 8 * (o % 5) + (hashint8extended(o * 10 + j, 7) & 7)::integer AS p FROM generate_series(1, 4) j) x;
SELECT is(option('{"holdout_orders": 100}'), 'approximate', 'five shelves');
SELECT is((SELECT complements FROM reco.train('t')), 'approximate', 'with texts as keys');
SELECT is((SELECT count(*)::integer FROM generate_series(1, 40) g, reco.complements('m', ARRAY[g], k => 40) c WHERE (g - 1) / 8 <> (c.item_id - 1) / 8), 0, 'only the same shelf');
SELECT cmp_ok((SELECT count(*) FROM generate_series(1, 40) g, reco.complements('m', ARRAY[g], k => 40) c), '>=', 200::bigint, 'nearly all of it');
SELECT ok(bool_and(score > 0 AND rank = n AND (before IS NULL OR score <= before)), 'best first, by rank')
FROM   (SELECT *, row_number() OVER (ORDER BY rank) AS n, lag(score) OVER (ORDER BY rank) AS before FROM reco.complements('m', '{1,9,17}', k => 40)) c;
SELECT ok(bool_and(abs(c.score - s.score) < 1e-6) AND count(*) > 10, 'a score is the sum over the basket')
FROM   reco.complements('m', '{1,2,9}', k => 40) c FULL JOIN
	   (SELECT item_id, sum(score) AS score FROM unnest(ARRAY[1, 2, 9]) b, reco.complements('m', ARRAY[b], k => 40) WHERE item_id NOT IN (1, 2, 9) GROUP BY 1) s USING (item_id);
SELECT is_empty($$SELECT * FROM reco.complements('m', '{1,2,9}', k => 40) WHERE item_id IN (1, 2, 9)$$, 'the basket is left out');
SELECT is(rows_of('complements(''m'', ''{2,1,1,2,777,-1}'')'), rows_of('complements(''m'', ''{1,2}'')'), 'an id counts once, an unknown one not at all, in any order');
SELECT is_empty($$SELECT * FROM reco.complements('m', '{777}')$$, 'nothing goes with the unknown');
SELECT is_empty($$SELECT * FROM reco.complements('m', '{}')$$, 'nor with nothing');
SELECT is((SELECT count(*)::integer FROM reco.complements('m', '{1}', k => 3)), 3, 'no more than k');
SELECT is((SELECT count(*)::integer FROM reco.complements('m', '{1,9,17,25,33}')), 10, 'ten where it is left out');
SELECT is(rows_of('complements(''m'', ''{1,9}'', 3)'), left(rows_of('complements(''m'', ''{1,9}'', 30)'), length(rows_of('complements(''m'', ''{1,9}'', 3)'))), 'the first of many are those of few');
SELECT results_eq($$SELECT rank, item_id, score FROM reco.complements_text('t', '{k1,k9,x}')$$, $$SELECT rank, 'k' || item_id, score FROM reco.complements('m', '{1,9}')$$, 'complements_text: the same by texts');
SELECT is_empty($$SELECT * FROM reco.complements_text('t', '{}')$$, 'complements_text of nothing');

-- What is not available is left out, and others come instead.
CREATE TABLE products AS SELECT g AS id, true AS ok FROM generate_series(1, 40) g;
SELECT reco.add_items('m', 'products', 'id', available => 'ok') \g /dev/null
SELECT rows_of('complements(''m'', ''{1}'', 40)') AS complete, (SELECT item_id FROM reco.complements('m', '{1}', 1)) AS best \gset
UPDATE products SET ok = false WHERE id = :best;
SELECT is((SELECT array_agg(item_id ORDER BY rank) FROM reco.complements('m', '{1}', k => 2)), (SELECT array_agg(split_part(x, '|', 2)::bigint ORDER BY n) FROM string_to_table(:'complete', ' ') WITH ORDINALITY s (x, n) WHERE n IN (2, 3)),
          'the best is not available: the next two');
UPDATE products SET ok = false;
SELECT is_empty($$SELECT * FROM reco.complements('m', '{1}')$$, 'nothing is available');
UPDATE products SET ok = true;
SELECT is(rows_of('complements(''m'', ''{1}'', 40)'), :'complete'::text, 'all is again');
SELECT reco.remove_source('m', 'products', 'items') \g /dev/null

-- ---- Errors ----------------------------------------------------------------------------------------------------------

SELECT throws_ok(format('SELECT * FROM reco.%s', call), state, message, call)
FROM   (VALUES ('complements(NULL, ''{1}'')', '22004', 'parameter "model" must not be null'), ('complements(''m'', NULL)', '22004', 'parameter "basket" must not be null'),
               ('complements(''m'', ''{NULL}'')', '22004', 'parameter "basket" must not contain nulls'), ('complements(''m'', ''{{1}}'')', '2202E', 'parameter "basket" must be a one-dimensional array, not one of 2 dimensions'),
               ('complements(''m'', ''{1}'', NULL)', '22023', 'parameter "k" must not be null'), ('complements(''m'', ''{1}'', 0)', '22023', 'parameter "k" must be from 1 to 1000000, not 0'),
               ('complements(''nothing'', ''{1}'')', '42704', 'model "nothing" does not exist'), ('complements(''empty'', ''{1}'')', '55000', 'model "empty" has not been trained'),
               ('complements(''t'', ''{1}'')', '42809', 'model "t" has text keys'), ('complements_text(''m'', ''{1}'')', '42809', 'model "m" has integer keys')) v (call, state, message);

-- ---- Elsewhere -------------------------------------------------------------------------------------------------------

SELECT reco.create_model('new', 'UTC') \g /dev/null
SELECT is((SELECT complements FROM reco.import_model('new', reco.export_model('m'))), 'approximate', 'an imported version says it too');
SELECT is(rows_of('complements(''new'', ''{1,9}'')'), rows_of('complements(''m'', ''{1,9}'')'), 'and answers the same');
SELECT is((SELECT complements FROM reco.import_model('new', (SELECT reco.factorize(u, i, 1, o, at, '{"factors": 4, "iterations": 1, "complements": "exact"}') FROM lines))), 'exact', 'factorize makes them of orders');
SELECT cmp_ok((SELECT count(*) FROM reco.complements('new', '{1,9}')), '=', 10::bigint, 'which answer');
SELECT is((SELECT complements FROM reco.import_model('new', (SELECT reco.factorize(u, i, 1, '{"factors": 4, "complements": "exact"}') FROM lines))), 'none', 'but of weights there are none');
SELECT throws_ok($$SELECT * FROM reco.complements('new', '{1}')$$, '55000', 'the active version of model "new" has no complements', 'which is an error');

-- ---- Memory, numbers, time -------------------------------------------------------------------------------------------

CREATE TABLE wide AS SELECT o, o % 50 AS u, (o * 37 + j * j * 11) % 4000 AS i, timestamptz '2024-01-01' AS at FROM generate_series(1, 4000) o, generate_series(1, 3) j;
SELECT reco.create_model('wide', 'UTC', '{"factors": 4, "iterations": 1, "holdout_orders": 0, "complements": "exact"}') \g /dev/null
SELECT reco.add_orders('wide', 'wide', 'u', 'i', 'at', 'o') \g /dev/null
SET maintenance_work_mem = '24MB';
SELECT throws_like($$SELECT reco.train('wide')$$, 'training needs at least % MB of memory, but maintenance_work_mem is 24 MB', 'too little memory for the exact inverse');
SELECT throws_ok($$SELECT reco.train('wide')$$, '53400', NULL, 'as configuration_limit_exceeded');
SELECT reco.alter_model('wide', '{"complements": "approximate"}') \g /dev/null
SELECT is((SELECT complements FROM reco.train('wide')), 'approximate', 'but not for the approximation');
RESET maintenance_work_mem;
SELECT reco.alter_model('wide', '{"complements": "exact"}') \g /dev/null
SELECT is((SELECT complements FROM reco.train('wide')), 'exact', 'enough memory');
CREATE FUNCTION is_cancelled(call text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE call;
	RETURN false;
EXCEPTION WHEN query_canceled THEN
	RETURN true;
END $$;
SET statement_timeout = '50ms';
SELECT ok(is_cancelled($$SELECT reco.train('wide')$$), 'the exact inverse can be cancelled');
RESET statement_timeout;
TRUNCATE lines;
INSERT INTO lines SELECT o, o, i, '2024-01-01' FROM generate_series(1, 60000) o, generate_series(1, 2) i;
SELECT throws_ok($$SELECT option('{"complements": "exact", "complements_regularization": 0.001}')$$, '22003', 'complements did not converge', 'two items that nothing tells apart');
SELECT is(option('{"complements": "approximate", "complements_regularization": 0.001}'), 'approximate', 'which is no matter for the approximation');
SELECT is(rows_of('complements(''m'', ''{1}'')'), '1|2|1.00000', 'of two items, one tells the other');

SELECT * FROM finish();
