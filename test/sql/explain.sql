-- explain: what the evidence contributes to a score.

SET client_min_messages = warning;
SELECT plan(72);

-- Two shops.  In one, customers buy from shelves, buy things again and follow fashions; in the other, items go in pairs,
-- both in one order or the second in the next.
CREATE TABLE lines AS
SELECT o, o % 150 AS u, p AS i, timestamptz '2024-01-01' + o * interval '1 hour' AS at, 1 AS q
FROM   generate_series(1, 3000) o CROSS JOIN LATERAL (
	   SELECT 1 + 12 * ((o % 150 + (hashint8extended(o, 3) & 3 = 0)::integer * 2) % 5) + floor(12 * ((hashint8extended(o * 10 + j, 7) & 1023) / 1024.0) ^ 2)::integer AS p FROM generate_series(1, 4) j
	   UNION SELECT 1 + (hashint8extended(o % 150 * 7 + j, 5) & 63)::integer % 60 FROM generate_series(1, 2) j WHERE hashint8extended(o * 3 + j, 9) & 1 = 0
	   UNION SELECT 1 + (o / 300 * 7) % 60 WHERE hashint8extended(o, 11) & 3 = 0) x;
CREATE TABLE pair_lines AS
WITH p AS (SELECT u, o, 2 * (hashint8extended(u * 1000 + o * 10 + j, 3) & 31) AS first, hashint8extended(u * 1000 + o * 10 + j, 5) & 1 AS later
           FROM generate_series(1, 400) u, generate_series(1, 8) o, generate_series(1, 2) j)
SELECT DISTINCT o * 1000 + u AS o, u, i, timestamptz '2024-01-01' + o * interval '10 days' + u * interval '1 minute' AS at
FROM   (SELECT o, u, 1 + first AS i FROM p UNION SELECT o + later, u, 2 + first FROM p) x WHERE o <= 8;
CREATE INDEX ON lines (u, at DESC);
CREATE INDEX ON pair_lines (u, at DESC);
CREATE INDEX ON lines (('c' || u), at DESC);
ANALYZE lines, pair_lines;
SELECT reco.create_model('shelves', 'UTC', '{"factors": 12, "holdout_orders": 0}'), reco.create_model('pairs', 'UTC', '{"factors": 8}'), reco.create_model('texts', 'UTC', '{"factors": 12, "holdout_orders": 0}'), reco.create_model('empty') \g /dev/null
SELECT reco.add_orders('shelves', 'lines', 'u', 'i', 'at', 'o', 'q'), reco.add_orders('pairs', 'pair_lines', 'u', 'i', 'at', 'o'), reco.add_orders('texts', 'lines', '''c'' || u', 'chr(64 + i)', 'at', 'o', 'q') \g /dev/null
SELECT reco.train('shelves'), reco.train('pairs'), reco.train('texts') \g /dev/null

-- ---- The sum is the score --------------------------------------------------------------------------------------------

-- Customers of all kinds, an item, and by chance a basket and a history; some of all are unknown.
CREATE TABLE asked AS
SELECT g, (ARRAY['shelves', 'pairs'])[1 + g % 2] AS model, CASE WHEN h & 3 > 0 THEN (h >> 8) & 511 END AS u, 1 + ((h >> 20) & 65535) % 65 AS i,
	   CASE WHEN h & 16 > 0 THEN (SELECT array_agg(1 + (hashint8extended(g * 10 + j, 11) & 65535) % 70) FROM generate_series(1, 1 + (h >> 40) & 3) j) END AS basket,
	   CASE WHEN h & 96 = 0 THEN (SELECT array_agg(1 + (hashint8extended(g * 10 + j, 13) & 65535) % 70) FROM generate_series(1, 1 + (h >> 43) & 7) j) END AS history,
	   timestamptz '2024-02-01' + ((h >> 48) & 127) * interval '1 day' AS as_of
FROM   (SELECT g, hashint8extended(g, 99) AS h FROM generate_series(1, 2000) g) x;
CREATE TABLE explained AS
SELECT a.*, e.place, e.kind, e.component, e.evidence, e.contribution FROM asked a, LATERAL reco.explain(a.model, a.u, a.i, a.basket, a.history, a.as_of) WITH ORDINALITY e (kind, component, evidence, contribution, label, place);
CREATE TABLE scored AS
SELECT a.*, p.score, e.sum FROM asked a, LATERAL reco.predict(a.model, a.u, ARRAY[a.i], a.basket, a.as_of, a.history) p, LATERAL (SELECT sum(contribution) FROM reco.explain(a.model, a.u, a.i, a.basket, a.history, a.as_of)) e;
SELECT cmp_ok((SELECT count(*) FROM scored WHERE model = m AND score IS NOT NULL AND sum IS NOT NULL), '>', 800::bigint, m || ': many have a score') FROM unnest(ARRAY['shelves', 'pairs']) m;
SELECT set_eq($$SELECT component FROM explained$$, ARRAY['basket', 'history', 'complements', 'followups', 'repeats', 'popularity'], 'of all components but the trend, which has no weight here');
SELECT is_empty($$SELECT * FROM scored WHERE NOT abs(sum - score) <= 1e-6 * greatest(1, abs(score))$$, 'the sum is the score');
SELECT is_empty($$SELECT * FROM scored WHERE sum IS NULL AND score <> 0$$, 'nothing is said of what has a score of 0 alone');
SELECT is_empty($$SELECT * FROM scored WHERE (score IS NULL) <> (i > CASE model WHEN 'pairs' THEN 64 ELSE 60 END) OR (score IS NULL AND sum IS NOT NULL)$$, 'or of what the model does not know');
SELECT cmp_ok((SELECT count(*) FROM scored WHERE score IS NULL), '>', 10::bigint, 'which was asked, too');

SELECT set_eq($$SELECT kind FROM explained$$, ARRAY['transactional'], 'all of it is of orders');
SELECT is_empty($$SELECT * FROM explained WHERE contribution = 0 OR contribution IS NULL OR abs(contribution) = 'infinity' OR contribution = 'NaN'$$, 'each contributes something');
SELECT is_empty($$SELECT g, component, evidence FROM explained GROUP BY 1, 2, 3 HAVING count(*) > 1$$, 'once');
SELECT is_empty($$SELECT * FROM (SELECT *, lag(contribution) OVER w AS before FROM explained WINDOW w AS (PARTITION BY g ORDER BY place)) x WHERE before < contribution$$, 'the largest first');
SELECT is_empty($$SELECT * FROM (SELECT *, lag(contribution) OVER w AS before, array_position(ARRAY['basket', 'history', 'complements', 'followups', 'repeats', 'trend'], component) AS c FROM explained WINDOW w AS (PARTITION BY g ORDER BY place)) x
                  JOIN explained y ON y.g = x.g AND y.place = x.place - 1 AND y.contribution = x.contribution
				  WHERE (array_position(ARRAY['basket', 'history', 'complements', 'followups', 'repeats', 'trend'], y.component), y.evidence) > (c, x.evidence)$$, 'then by component and evidence');
SELECT is_empty($$SELECT model, component FROM explained WHERE component <> 'popularity' EXCEPT SELECT m, w.component FROM unnest(ARRAY['shelves', 'pairs']) m, LATERAL reco.weights(m) w WHERE w.weight > 0$$, 'only what reco.weights gives a weight');

-- ---- Whose evidence it is --------------------------------------------------------------------------------------------

CREATE TABLE bought AS SELECT 'shelves' AS model, u, i, at FROM lines UNION ALL SELECT 'pairs', u, i, at FROM pair_lines;
CREATE INDEX ON bought (model, u, i);
ANALYZE bought;
SELECT is_empty($$SELECT * FROM explained WHERE component IN ('basket', 'complements') AND NOT evidence = ANY (basket)$$, 'baskets and complements name items of the basket');
SELECT is_empty($$SELECT * FROM explained e WHERE component IN ('history', 'followups', 'repeats') AND NOT evidence = ANY (coalesce(history, '{}')) AND NOT EXISTS (SELECT FROM bought b WHERE b.model = e.model AND b.u = e.u AND b.i = evidence AND b.at < e.as_of)$$,
                'the others what came as history, or the customer bought before as_of');
SELECT is_empty($$SELECT * FROM explained WHERE component = 'repeats' AND evidence <> i$$, 'repeats name the item itself');
SELECT is_empty($$SELECT * FROM explained WHERE (evidence IS NULL) <> (component IN ('trend', 'popularity'))$$, 'trend and popularity name nothing');
SELECT is_empty($$SELECT * FROM explained e WHERE component = 'popularity' AND EXISTS (SELECT FROM explained o WHERE o.g = e.g AND o.component <> 'popularity')$$, 'popularity stands alone');
SELECT cmp_ok((SELECT count(*) FROM explained WHERE component IN ('history', 'followups') AND u IS NULL), '>', 20::bigint, 'who is nobody may have a history, too');

-- What others buy or do not buy later changes nothing.
CREATE TABLE kept AS SELECT * FROM reco.explain('shelves', 7, 20, as_of => '2024-03-01');
SELECT cmp_ok((SELECT count(*) FROM kept), '>', 3::bigint, 'a customer');
BEGIN;
DELETE FROM lines WHERE u <> 7;
SELECT results_eq($$SELECT * FROM reco.explain('shelves', 7, 20, as_of => '2024-03-01')$$, 'SELECT * FROM kept', 'is explained by his own orders');
ROLLBACK;
BEGIN;
INSERT INTO lines SELECT 9000, 8, g, '2024-02-28', 1 FROM generate_series(1, 60) g;
SELECT results_eq($$SELECT * FROM reco.explain('shelves', 7, 20, as_of => '2024-03-01')$$, 'SELECT * FROM kept', 'and not by those of others');
INSERT INTO lines SELECT 9001, 7, g, '2024-03-01', 1 FROM generate_series(1, 60) g;
SELECT results_eq($$SELECT * FROM reco.explain('shelves', 7, 20, as_of => '2024-03-01')$$, 'SELECT * FROM kept', 'or what comes at as_of or later');
SELECT isnt((SELECT count(*) FROM reco.explain('shelves', 7, 20, as_of => '2024-03-02')), (SELECT count(*) FROM kept), 'which is evidence afterwards, at once');
ROLLBACK;
BEGIN;
DELETE FROM lines WHERE u = 7;
SELECT results_eq($$SELECT component, evidence FROM reco.explain('shelves', 7, 20, as_of => '2024-03-01')$$, $$VALUES ('popularity', NULL::bigint)$$, 'a customer whose orders are gone is one like any other, at once');
INSERT INTO lines VALUES (9000, 7, 20, '2024-02-01', 2), (9001, 7, 21, '2024-02-02', 1), (9002, 7, 20, '2024-02-03', -2);
SELECT set_eq($$SELECT evidence FROM reco.explain('shelves', 7, 20, as_of => '2024-03-01') WHERE evidence IS NOT NULL$$, ARRAY[21::bigint], 'what was returned is no evidence');
ROLLBACK;
BEGIN;
SELECT reco.alter_model('shelves', '{"history_limit": 2}') \g /dev/null
SELECT cmp_ok((SELECT count(DISTINCT evidence) FROM reco.explain('shelves', 7, 20, as_of => '2024-03-01')), '<=', 2::bigint, 'no more than the newest history_limit lines');
SELECT is_empty($$SELECT evidence FROM reco.explain('shelves', 7, 20, history => '{5,6}', as_of => '2024-03-01') WHERE evidence NOT IN (5, 6)$$, 'before which those come that the caller brings');
ROLLBACK;

-- ---- Numbers that can be told otherwise ------------------------------------------------------------------------------

SELECT results_eq($$SELECT component, evidence, contribution::real FROM reco.explain('shelves', NULL, 20)$$, $$SELECT 'popularity', NULL::bigint, score::real FROM reco.predict('shelves', NULL, '{20}')$$, 'where nothing is known popularity is all');
SELECT results_eq($$SELECT component, evidence, contribution::real FROM reco.explain('shelves', 4711, 20, basket => '{999}', history => '{}')$$, $$SELECT 'popularity', NULL::bigint, score::real FROM reco.predict('shelves', NULL, '{20}')$$, 'unknown customers and items are nothing');
CREATE FUNCTION weight(model text, request text, component text) RETURNS float8 LANGUAGE sql AS $$SELECT w.weight FROM reco.weights($1) w WHERE w.request = $2 AND w.component = $3$$;
SELECT ok(bool_and(abs(e.contribution - weight('shelves', 'basket', 'complements') * log(2, 1 + n) * c.score) < 1e-6) AND count(*) > 3, format('a basket with %s of an item', n))
FROM   generate_series(1, 3) n, LATERAL (SELECT * FROM reco.complements('shelves', '{14}', k => 60) ORDER BY rank LIMIT 5) c,
	   LATERAL reco.explain('shelves', NULL, c.item_id, basket => array_fill(14::bigint, ARRAY[n])) e WHERE e.component = 'complements' GROUP BY n ORDER BY n;
SELECT ok(bool_and(abs(e.contribution - weight('pairs', 'history', 'followups') * c.score) < 1e-6) AND count(*) > 3, 'followups are the complements of the history')
FROM   (SELECT * FROM reco.complements('pairs', '{14}', k => 60) ORDER BY rank LIMIT 5) c, LATERAL reco.explain('pairs', NULL, c.item_id, history => '{14}') e WHERE e.component = 'followups';
SELECT ok(abs(contribution - weight('shelves', 'history', 'repeats') * log(2, 1 + n)) < 1e-6, format('the same item bought %s times', n))
FROM   generate_series(1, 3) n, LATERAL reco.explain('shelves', NULL, 14, history => array_fill(14::bigint, ARRAY[n])) WHERE component = 'repeats' ORDER BY n;
SELECT results_eq($$SELECT component, evidence, contribution FROM reco.explain('shelves', NULL, 20, basket => '{14,15,14}')$$, $$SELECT component, evidence, contribution FROM reco.explain('shelves', NULL, 20, basket => '{15,999,14,14}')$$, 'the order of a basket is nothing');

-- What says most is the source of a recommendation.
CREATE TABLE sources AS
SELECT a.g, r.item_id, r.score, r.source,
	   (SELECT jsonb_object_agg(who, sum) FROM (SELECT CASE WHEN component IN ('basket', 'complements') THEN 'basket' WHEN component IN ('trend', 'popularity') THEN 'popular' ELSE 'personal' END AS who, sum(contribution) FROM reco.explain(a.model, a.u, r.item_id, a.basket, a.history, a.as_of) GROUP BY 1) e) AS parts
FROM   asked a, LATERAL reco.recommend(a.model, a.u, 5, basket => a.basket, history => a.history, as_of => a.as_of) r WHERE a.g <= 300;
SELECT cmp_ok((SELECT count(*) FROM sources), '=', 1500::bigint, 'recommendations');
SELECT is_empty($$SELECT * FROM sources WHERE parts IS NOT NULL AND (parts ->> source)::float8 < (SELECT max(value::float8) FROM jsonb_each_text(parts)) - 1e-6$$, 'their source is whose components contribute most');
SELECT is_empty($$SELECT * FROM sources WHERE parts IS NOT NULL AND NOT parts ? source AND (SELECT max(value::float8) FROM jsonb_each_text(parts)) > 1e-6$$, 'and is one of those');
SELECT is_empty($$SELECT * FROM sources WHERE NOT abs(score - coalesce((SELECT sum(value::float8) FROM jsonb_each_text(parts)), 0)) <= 1e-6 * greatest(1, abs(score))$$, 'the sum is their score');
SELECT cmp_ok((SELECT count(DISTINCT source) FROM sources), '=', 3::bigint, 'of all there are');

-- Texts as keys: the same, but for the order of customers in sums.
SELECT ok(bool_and(abs(coalesce(e.contribution, 0) - coalesce(t.contribution, 0)) < 1e-5 * greatest(1, abs(e.contribution))) AND count(e.contribution) > 0 AND count(t.contribution) > 0, 'texts: ' || what)
FROM   (VALUES ('a customer', 7, NULL::bigint[], NULL::bigint[]), ('a basket', NULL, '{14,15}', NULL), ('all', 7, '{14,15}', '{1}'), ('nothing', NULL, NULL, NULL)) x (what, u, b, h),
	   LATERAL (SELECT component, chr(64 + evidence::integer) AS evidence, contribution FROM reco.explain('shelves', u, 20, b, h, '2024-03-01')) e
	   FULL JOIN LATERAL (SELECT component, evidence, contribution FROM reco.explain_text('texts', 'c' || u, 'T', (SELECT array_agg(chr(64 + n::integer)) FROM unnest(b) n), (SELECT array_agg(chr(64 + n::integer)) FROM unnest(h) n), '2024-03-01')) t
	   ON e.component = t.component AND e.evidence IS NOT DISTINCT FROM t.evidence
GROUP BY what;
SELECT is_empty($$SELECT * FROM reco.explain_text('texts', 'c7', 'no such item')$$, 'an unknown text');

-- Bags of more items than fold-ins go through in steps.
CREATE TABLE wide AS SELECT o, (o * 37 + j * j * 11) % 1500 AS i, timestamptz '2024-01-01' AS at FROM generate_series(1, 3000) o, generate_series(1, 3) j;
SELECT reco.create_model('wide', 'UTC', '{"factors": 4, "iterations": 1, "holdout_orders": 0, "history_limit": 2000}') \g /dev/null
SELECT reco.add_orders('wide', 'wide', 'o', 'i', 'at', 'o') \g /dev/null
SELECT reco.train('wide') \g /dev/null
SELECT ok(abs(p.score - e.sum) < 1e-6 * greatest(1, abs(p.score)) AND e.n > 1400, format('%s items', e.n))
FROM   (VALUES (ARRAY(SELECT generate_series(0, 1499)::bigint), NULL), (NULL, ARRAY(SELECT generate_series(0, 1499)::bigint))) v (b, h), LATERAL reco.predict('wide', NULL, '{77}', v.b, '2024-02-01', v.h) p,
	   LATERAL (SELECT sum(contribution), count(DISTINCT evidence) AS n FROM reco.explain('wide', NULL, 77, v.b, v.h, '2024-02-01')) e;

-- ---- In calls --------------------------------------------------------------------------------------------------------

SELECT results_eq($$SELECT * FROM reco.explain(as_of => '2024-03-01', history => '{3}', basket => '{4}', item_id => 20, user_id => 7, model => 'shelves')$$, $$SELECT * FROM reco.explain('shelves', 7, 20, '{4}', '{3}', '2024-03-01')$$, 'by name and by position');
PREPARE why AS SELECT count(*) > 0 FROM reco.explain('shelves', $1, $2, history => $3);
SET plan_cache_mode = force_generic_plan;
SELECT results_eq('EXECUTE why (7, 20, NULL)', 'VALUES (true)', 'a prepared statement');
SELECT results_eq('EXECUTE why (NULL, 999, ''{1}'')', 'VALUES (false)', 'of nothing');
RESET plan_cache_mode;
BEGIN READ ONLY;
SELECT is((SELECT count(*) > 0 FROM reco.explain('shelves', 7, 20)), true, 'in a read-only transaction');
ROLLBACK;
SELECT throws_ok(format('SELECT * FROM reco.%s', call), state, message, call)
FROM   (VALUES ('explain(NULL, 7, 1)', '22004', 'parameter "model" must not be null'), ('explain(''shelves'', 7, NULL)', '22004', 'parameter "item_id" must not be null'),
               ('explain_text(''texts'', ''c7'', NULL)', '22004', 'parameter "item_id" must not be null'), ('explain(''shelves'', 7, 1, basket => ''{NULL}'')', '22004', 'parameter "basket" must not contain nulls'),
               ('explain(''shelves'', 7, 1, history => ''{{1}}'')', '2202E', 'parameter "history" must be a one-dimensional array, not one of 2 dimensions'),
               ('explain(''shelves'', 7, 1, as_of => NULL)', '22023', 'parameter "as_of" must not be null'), ('explain(''shelves'', 7, 1, as_of => ''infinity'')', '22023', 'parameter "as_of" must be finite'),
               ('explain(''texts'', 7, 1)', '42809', 'model "texts" has text keys'), ('explain_text(''shelves'', ''7'', ''1'')', '42809', 'model "shelves" has integer keys'),
               ('explain(''empty'', 7, 1)', '55000', 'model "empty" has not been trained'), ('explain(''nothing'', 7, 1)', '42704', 'model "nothing" does not exist')) v (call, state, message);

-- ---- Rights ----------------------------------------------------------------------------------------------------------

CREATE ROLE reader;
CREATE ROLE analyst;
SELECT reco.grant_usage('shelves', 'reader'), reco.grant_usage('shelves', 'analyst', explain => true) \g /dev/null
CREATE FUNCTION hint_of(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
	EXECUTE call;
	RETURN NULL;
EXCEPTION WHEN insufficient_privilege THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN hint;
END $$;
SET ROLE reader;
SELECT is((SELECT count(*) FROM reco.recommend('shelves', 7)), 10::bigint, 'who may recommend');
SELECT throws_ok($$SELECT * FROM reco.explain('shelves', 7, 20)$$, '42501', 'permission denied for model "shelves"', 'may not explain');
SELECT throws_ok($$SELECT * FROM reco.explain('shelves', NULL, 999)$$, '42501', 'permission denied for model "shelves"', 'nobody and nothing either');
SELECT is(hint_of($$SELECT * FROM reco.explain('shelves', 7, 20)$$), $$Its owner can call reco.grant_usage('shelves', 'reader', explain => true).$$, 'and is told what allows it');
SELECT is(hint_of($$SELECT * FROM reco.recommend('pairs', 7)$$), $$Its owner can call reco.grant_usage('pairs', 'reader').$$, 'which is more than recommending needs');
SET ROLE analyst;
SELECT throws_ok('SELECT * FROM lines', '42501', 'permission denied for table lines', 'who has no right to the tables');
SELECT is((SELECT count(*) > 0 FROM reco.explain('shelves', 7, 20, as_of => '2024-03-01')), true, 'may explain if that was granted');
RESET ROLE;

SELECT * FROM finish();
