-- Weights: what the components of a score count, and what was measured of them.

SET client_min_messages = warning;
SELECT plan(33);

-- A shop whose items go in pairs: customers buy both in one order, or the second in their next one.
CREATE TABLE lines AS
WITH p AS (SELECT u, o, 2 * (hashint8extended(u * 1000 + o * 10 + j, 3) & 31) AS first, hashint8extended(u * 1000 + o * 10 + j, 5) & 1 AS later
           FROM generate_series(1, 400) u, generate_series(1, 8) o, generate_series(1, 2) j)
SELECT DISTINCT o * 1000 + u AS o, u, i, timestamptz '2024-01-01' + o * interval '10 days' + u * interval '1 minute' AS at
FROM   (SELECT o, u, 1 + first AS i FROM p UNION SELECT o + later, u, 2 + first FROM p) x WHERE o <= 8;
SELECT reco.create_model('m', 'UTC', '{"factors": 8, "holdout_orders": 0}'), reco.create_model('t', 'UTC', '{"factors": 8}'), reco.create_model('empty') \g /dev/null
SELECT reco.add_orders('m', 'lines', 'u', 'i', 'at', 'o'), reco.add_orders('t', 'lines', '''c'' || u', '''k'' || i', 'at', 'o') \g /dev/null
SELECT reco.train('m'), reco.train('t') \g /dev/null

-- ---- Without held-out orders -----------------------------------------------------------------------------------------

SELECT results_eq($$SELECT request, component FROM reco.weights('m')$$,
                  $$SELECT r, c FROM unnest(ARRAY['basket', 'both', 'history', 'none']) WITH ORDINALITY r (r, x), unnest(ARRAY['basket', 'history', 'complements', 'followups', 'repeats', 'context', 'trend', 'popularity', 'same_hour', 'same_month', 'same_weekday']) WITH ORDINALITY c (c, y)
                    WHERE c !~ '^same_' OR r IN ('both', 'history') ORDER BY x, y$$,
                  'each component for each kind of request, in this order, and parts of the context where there are earlier orders');
SELECT results_eq($$SELECT DISTINCT kind FROM reco.weights('m') WHERE component !~ '^(context$|same_)'$$, ARRAY['transactional'], 'all others are made of orders');
SELECT is_empty($$SELECT * FROM reco.weights('m') WHERE weight IS NULL OR NOT weight BETWEEN 0 AND 1e6$$, 'no weight is negative, NULL or not a number');
SELECT set_eq($$SELECT request FROM reco.weights('m') WHERE weight > 0$$, ARRAY['basket', 'both', 'history', 'none'], 'each kind of request has some');
SELECT is_empty($$SELECT * FROM reco.weights('m') WHERE weight > 0 AND (request = 'basket' AND component IN ('history', 'followups', 'repeats') OR request = 'history' AND component IN ('basket', 'complements'))$$,
                'and none for what it does not have');
SELECT is((SELECT count(recall_lost) + count(ci_low) + count(ci_high) FROM reco.weights('m')), 0::bigint, 'without held-out orders nothing was measured');
CREATE TABLE first_weights AS SELECT * FROM reco.weights('m');

-- ---- With them -------------------------------------------------------------------------------------------------------

SELECT reco.alter_model('m', '{"holdout_orders": null}') \g /dev/null
SELECT is((SELECT count(*) FROM reco.train('m') WHERE heldout_orders >= 200), 1::bigint, 'enough orders to learn from');
SELECT is_empty($$SELECT * FROM reco.weights('m') WHERE (weight > 0) <> (recall_lost IS NOT NULL) OR (recall_lost IS NULL) <> (ci_low IS NULL) OR (recall_lost IS NULL) <> (ci_high IS NULL)$$,
                'measured is what has a weight, where there are requests enough');
SELECT is_empty($$SELECT * FROM reco.weights('m') WHERE NOT (recall_lost BETWEEN -1 AND 1 AND ci_low <= recall_lost AND recall_lost <= ci_high)$$, 'from -1 to 1, within its interval');
SELECT is_empty($$SELECT * FROM reco.weights('m') WHERE abs(ci_high + ci_low - 2 * recall_lost) > 1e-12$$, 'in the middle of it');
-- The spread of differences of shares is at most 1, and the kinds with a basket have about as many cases as were held out.
SELECT is_empty($$SELECT * FROM reco.weights('m') WHERE ci_high - ci_low > 2 * 3.3 / sqrt(199)$$, 'which is no wider than it can be with 200 orders, and 50 rows');
SELECT cmp_ok((SELECT count(*) FROM reco.weights('m') WHERE ci_high - ci_low > 0.01), '>', 2::bigint, 'and has some width');
SELECT cmp_ok((SELECT weight FROM reco.weights('m') WHERE request = 'history' AND component = 'followups'), '>', 0::float8, 'the second of a pair follows the first');
SELECT cmp_ok((SELECT ci_low FROM reco.weights('m') WHERE request = 'history' AND component = 'followups'), '>', 0::float8, 'surely');
SELECT cmp_ok((SELECT ci_low FROM reco.weights('m') WHERE request = 'both' AND component = 'complements'), '>', 0::float8, 'beside a basket complements help');
SELECT is((SELECT weight FROM reco.weights('m') WHERE request = 'history' AND component = 'repeats'), 0::float8, 'what nobody does does not');
SELECT is((SELECT array[count(*), count(*) FILTER (WHERE (weight > 0) = (recall_lost IS NOT NULL))] FROM reco.weights('t')), '{38,38}', 'a model with texts as keys has them, too');

-- Of the active version.
CREATE TABLE second_weights AS SELECT * FROM reco.weights('m');
SELECT isnt((SELECT string_agg(weight::text, ',') FROM first_weights), (SELECT string_agg(weight::text, ',') FROM second_weights), 'two versions');
SELECT reco.activate('m', 1) \g /dev/null
SELECT results_eq($$SELECT * FROM reco.weights('m')$$, 'SELECT * FROM first_weights', 'the first is active');
SELECT reco.activate('m', 2) \g /dev/null
SELECT results_eq($$SELECT * FROM reco.weights('m')$$, 'SELECT * FROM second_weights', 'the second');
SELECT reco.create_model('copy') \g /dev/null
SELECT reco.import_model('copy', reco.export_model('m')) \g /dev/null
SELECT results_eq($$SELECT * FROM reco.weights('copy')$$, 'SELECT * FROM second_weights', 'what was measured goes where the model goes');
SELECT reco.import_model('copy', (SELECT reco.factorize(u, i, 1, '{"factors": 2}') FROM lines)) \g /dev/null
SELECT is((SELECT count(weight) - count(recall_lost) FROM reco.weights('copy')), 26::bigint, 'of weights alone nothing was measured');

-- ---- What learning begins with ------------------------------------------------------------------------------------

-- Everybody has a shelf of a dozen items and takes two at a time, any: what is wanted is in the history and not in the basket.
CREATE TABLE torn AS
SELECT o, 1 + o % 400 AS u, timestamptz '2025-01-01' + o * interval '20 minutes' AS at,
	   hashint4(o % 400 * 100 + floor(12 * power((hashint4(2 * o + line) & 1048575) / 1048576.0, 2))::integer) & 2047 AS i
FROM generate_series(1, 12000) o, generate_series(1, 2) line;
SELECT reco.create_model('torn', 'UTC') \g /dev/null
SELECT reco.add_orders('torn', 'torn', 'u', 'i', 'at', 'o') \g /dev/null
SELECT reco.train('torn') \g /dev/null
SELECT is((SELECT array_agg(component ORDER BY component) FROM reco.weights('torn') WHERE request = 'both' AND weight > 0), '{history,repeats,trend}',
		  'beside a basket that says nothing the weights of a next order are where learning begins');

-- ---- In calls --------------------------------------------------------------------------------------------------------

SELECT is((SELECT count(*) FROM generate_series(1, 50), LATERAL reco.weights('m')), (50 * (SELECT count(*) FROM reco.weights('m')))::bigint, 'LATERAL');
SELECT is((SELECT count(*) FROM unnest(ARRAY['m', 't']) model, LATERAL reco.weights(model) w WHERE w.component = 'trend'), 8::bigint, 'of several models');
BEGIN READ ONLY;
SELECT is((SELECT count(*) FROM reco.weights('m')), 38::bigint, 'in a read-only transaction');
ROLLBACK;

SELECT throws_ok(format('SELECT * FROM reco.%s', call), state, message, call)
FROM   (VALUES ('weights(NULL)', '22004', 'parameter "model" must not be null'), ('weights(''nothing'')', '42704', 'model "nothing" does not exist'),
               ('weights(''empty'')', '55000', 'model "empty" has not been trained')) v (call, state, message);
CREATE ROLE reader;
CREATE ROLE stranger;
SELECT reco.grant_usage('m', 'reader') \g /dev/null
SET ROLE reader;
SELECT is((SELECT count(*) FROM reco.weights('m')), 38::bigint, 'for whoever may recommend');
SET ROLE stranger;
SELECT throws_ok($$SELECT * FROM reco.weights('m')$$, '42501', 'permission denied for model "m"', 'and nobody else');
SELECT throws_ok($$SELECT * FROM reco.weights('empty')$$, '42501', 'permission denied for model "empty"', 'who does not even learn whether it was trained');
RESET ROLE;
SELECT reco.drop_model('m') \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.weights('m')$$, '42704', 'model "m" does not exist', 'a model that was dropped');

SELECT * FROM finish();
