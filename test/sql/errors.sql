-- Every error that SQL can lead to: its SQLSTATE and its words.  (A sealed forgery's are in forged.sql.)

SET client_min_messages = warning;
SELECT plan(442);

CREATE ROLE owner_role;
CREATE ROLE nobody;
GRANT EXECUTE ON FUNCTION reco.create_model(text, text, jsonb) TO owner_role;
CREATE TABLE lines AS
SELECT o, o % 5 AS u, 1 + (o * 7 + j * 3) % 6 AS i, 'k' || (o * 7 + j * 3) % 6 AS t, '2024-01-01'::timestamptz + o * interval '1 hour' AS at
FROM generate_series(1, 40) o, generate_series(1, 2) j;
CREATE TABLE many AS SELECT g AS u, g AS i, g AS o, timestamptz '2024-01-01' AS at FROM generate_series(1, 60000) g;
CREATE INDEX lines_index ON lines (u);
CREATE TEMP TABLE passing AS TABLE lines;
GRANT SELECT ON lines TO owner_role;
SELECT reco.create_model('m', 'UTC', '{"factors": 2, "iterations": 1}'), reco.create_model('t', 'UTC', '{"factors": 2, "iterations": 1}'), reco.create_model('empty') \g /dev/null
SELECT reco.add_orders('m', 'lines', 'u', 'i', 'at', 'o'), reco.add_orders('t', 'lines', 'u', 't', 'at', 'o') \g /dev/null
SELECT reco.train('m'), reco.train('t') \g /dev/null
SELECT reco.add_items('m', 'lines', 'i') \g /dev/null
SET ROLE owner_role;
SELECT reco.create_model('orphan', 'UTC', '{"factors": 2, "iterations": 1}') \g /dev/null
SELECT reco.add_orders('orphan', 'lines', 'u', 'i', 'at') \g /dev/null
SELECT reco.train('orphan') \g /dev/null
RESET ROLE;

-- ---- Experiments -----------------------------------------------------------------------------------------------------

SELECT reco.create_model('x', 'UTC'), reco.create_model('xt', 'UTC'), reco.add_orders('x', 'lines', 'u', 'i', 'at', 'o', amount => 'i'), reco.add_orders('xt', 'lines', 'u', 't', 'at', 'o') \g /dev/null
SELECT reco.create_experiment('x', 'x1', '2030-01-01', 0.05), reco.create_experiment('x', 'x2', '2030-01-01', 0.05, starts => '2029-01-01', exposures => 'lines', user_id => 'u', at => 'at') \g /dev/null
SELECT throws_ok('SELECT reco.create_experiment(' || arguments || ')', state, message, 'create_experiment: ' || message)
FROM   (VALUES ('NULL, ''y'', ''2030-01-01'', 0.05', '22004', 'parameter "model" must not be null'), ('''x'', NULL, ''2030-01-01'', 0.05', '22004', 'parameter "experiment" must not be null'),
               ('''x'', ''y'', NULL, 0.05', '22004', 'parameter "planned_end" must not be null'), ('''x'', ''y'', ''2030-01-01'', NULL', '22004', 'parameter "minimum_effect" must not be null'),
               ('''x'', ''y'', ''2030-01-01'', 0.05, NULL', '22004', 'parameter "arms" must not be null'), ('''x'', ''y'', ''2030-01-01'', 0.05, metric => NULL', '22004', 'parameter "metric" must not be null'),
               ('''x'', ''y'', ''2030-01-01'', 0.05, analysis => NULL', '22004', 'parameter "analysis" must not be null'), ('''x'', ''y'', ''2030-01-01'', 0.05, starts => NULL', '22004', 'parameter "starts" must not be null'),
               ('''x'', ''y'', ''2030-01-01'', 0.05, winsorize => NULL', '22004', 'parameter "winsorize" must not be null'), ('''x'', ''y'', ''2030-01-01'', 0.05, prior_days => NULL', '22004', 'parameter "prior_days" must not be null'),
               ('''x'', ''y'', ''2030-01-01'', 0.05, user_id => ''u''', '22004', 'parameter "exposures" must not be null'), ('''x'', ''y'', ''2030-01-01'', 0.05, exposures => ''lines'', at => ''at''', '22004', 'parameter "user_id" must not be null'),
               ('''nothing'', ''y'', ''2030-01-01'', 0.05', '42704', 'model "nothing" does not exist'), ('''x'', '''', ''2030-01-01'', 0.05', '42602', 'the name of an experiment must have 1 to 200 bytes, not 0'),
               ('''x'', repeat(''y'', 201), ''2030-01-01'', 0.05', '42602', 'the name of an experiment must have 1 to 200 bytes, not 201'), ('''x'', ''x1'', ''2030-01-01'', 0.05', '42710', 'experiment "x1" exists already'),
               ('''x'', ''y'', ''2030-01-01'', 0.05, ''{a,""}''', '42602', 'the name of an arm must have 1 to 200 bytes, not 0'), ('''x'', ''y'', ''2030-01-01'', 0.05, salt => ''''', '42602', 'a salt must have 1 to 200 bytes, not 0'),
               ('''x'', ''y'', ''2030-01-01'', 0.05, ''{a}''', '22023', 'parameter "arms" must have 2 to 20 elements, not 1'), ('''x'', ''y'', ''2030-01-01'', 0.05, ''{a,b,a}''', '22023', 'parameter "arms" has "a" twice'),
               ('''x'', ''y'', ''2030-01-01'', 0.05, ''{a,NULL}''', '22004', 'parameter "arms" must not contain nulls'), ('''x'', ''y'', ''2030-01-01'', 0.05, ''{{a,b}}''', '2202E', 'parameter "arms" must be a one-dimensional array, not one of 2 dimensions'),
               ('''x'', ''y'', ''2030-01-01'', 0.05, weights => ''{1}''', '22023', 'parameter "weights" has 1 elements, but there are 2 arms'), ('''x'', ''y'', ''2030-01-01'', 0.05, weights => ''{1,0}''', '22023', 'parameter "weights" has an element that is not from 1e-06 to 1e+06: 0'),
               ('''x'', ''y'', ''2030-01-01'', 0.05, weights => ''{1,NaN}''', '22023', 'parameter "weights" has an element that is not from 1e-06 to 1e+06: NaN'), ('''x'', ''y'', ''2030-01-01'', 0', '22023', 'parameter "minimum_effect" must be from 1e-06 to 1, not 0'),
               ('''x'', ''y'', ''2030-01-01'', 0.05, winsorize => 0.4', '22023', 'parameter "winsorize" must be from 0.5 to 1, not 0.4'), ('''x'', ''y'', ''2030-01-01'', 0.05, prior_days => -1', '22023', 'parameter "prior_days" must be from 0 to 3650, not -1'),
               ('''x'', ''y'', ''2030-01-01'', 0.05, metric => ''profit''', '22023', 'metric "profit" is not known'), ('''x'', ''y'', ''2030-01-01'', 0.05, analysis => ''peek''', '22023', 'analysis "peek" is not known'),
               ('''x'', ''y'', ''infinity'', 0.05', '22023', 'parameters "starts" and "planned_end" must be finite'), ('''x'', ''y'', ''2020-01-01'', 0.05', '22023', 'parameter "planned_end" must be after "starts", by at most 10 years'),
               ('''x'', ''y'', ''2130-01-01'', 0.05', '22023', 'parameter "planned_end" must be after "starts", by at most 10 years'), ('''x'', ''y'', ''2030-01-01'', 0.05, metric => ''conversion''', '55000', 'metric "conversion" needs exposures'),
               ('''m'', ''y'', ''2030-01-01'', 0.05', '55000', 'the orders of model "m" do not say what they are worth'), ('''empty'', ''y'', ''2030-01-01'', 0.05', '55000', 'model "empty" has no orders to experiment with'),
               ('''x'', ''y'', ''2030-01-01'', 0.05, exposures => ''lines'', user_id => ''t'', at => ''at''', '42804', 'parameter "user_id" is no integer, but the keys of model "x" are'),
               ('''x'', ''y'', ''2030-01-01'', 0.05, exposures => ''lines'', user_id => ''u'', at => ''u''', '42804', 'parameter "at" has type integer, but must have type timestamptz, timestamp or date')) AS x (arguments, state, message);
SELECT throws_ok(call, state, message, call)
FROM   (VALUES ('SELECT reco.end_experiment(NULL)', '22004', 'parameter "experiment" must not be null'), ('SELECT reco.drop_experiment(NULL)', '22004', 'parameter "experiment" must not be null'),
               ('SELECT reco.assign(NULL, 1)', '22004', 'parameter "experiment" must not be null'), ('SELECT reco.assign_text(NULL, ''a'')', '22004', 'parameter "experiment" must not be null'),
               ('SELECT * FROM reco.experiment_report(NULL)', '22004', 'parameter "experiment" must not be null'), ('SELECT * FROM reco.experiment_report(''x1'', NULL)', '22004', 'parameter "as_of" must not be null'),
               ('SELECT * FROM reco.experiment_report(''x1'', ''infinity'')', '22023', 'parameter "as_of" must be finite'), ('SELECT reco.end_experiment(''nothing'')', '42704', 'experiment "nothing" does not exist'),
               ('SELECT reco.drop_experiment(''nothing'')', '42704', 'experiment "nothing" does not exist'), ('SELECT reco.assign(''nothing'', 1)', '42704', 'experiment "nothing" does not exist'),
               ('SELECT * FROM reco.experiment_report(''nothing'')', '42704', 'experiment "nothing" does not exist'), ('SELECT reco.end_experiment(''x2'')', '55000', 'experiment "x2" has not begun'),
               ('SELECT reco.remove_source(''x'', ''x2'')', '55006', 'source "x2" has the exposures of an experiment'), ('SELECT * FROM reco.experiment_size(NULL)', '22004', 'parameter "model" must not be null'),
               ('SELECT * FROM reco.experiment_size(''x'', ''conversion'')', '55000', 'metric "conversion" needs exposures'), ('SELECT * FROM reco.experiment_size(''xt'')', '55000', 'the orders of model "xt" do not say what they are worth'),
               ('SELECT * FROM reco.experiment_size(''x'', power => 0.4)', '22023', 'parameter "power" must be from 0.5 to 0.999, not 0.4'), ('SELECT * FROM reco.experiment_size(''x'', arms => 1)', '22023', 'parameter "arms" must be from 2 to 20, not 1'),
               ('SELECT * FROM reco.experiment_size(''x'', lengths => ''{0}'')', '22023', 'parameter "lengths" has an element that is not from 1 to 3660: 0'),
               ('SELECT * FROM reco.experiment_size(''x'', lengths => NULL)', '22004', 'parameter "lengths" must not be null')) AS x (call, state, message);
UPDATE reco.experiment SET weights = '{1,-1}' WHERE name = 'x1';
SELECT throws_ok('SELECT reco.assign(''x1'', 1)', 'XX001', 'experiment "x1" is damaged in the catalog', 'a negative weight in the catalog');
UPDATE reco.experiment SET weights = '{1}' WHERE name = 'x1';
SELECT throws_ok('SELECT * FROM reco.experiment_report(''x1'')', 'XX001', 'experiment "x1" is damaged in the catalog', 'a missing one');
UPDATE reco.experiment SET weights = '{1,1}', metric = 'profit' WHERE name = 'x1';
SELECT throws_ok('SELECT * FROM reco.experiment_report(''x1'')', 'XX001', 'experiment "x1" is damaged in the catalog', 'an unknown metric');
SELECT lives_ok('SELECT reco.drop_experiment(''x1'')', 'what is damaged can be dropped');
CREATE TABLE passing_lines AS TABLE lines;
SELECT reco.create_experiment('x', 'x3', '2030-01-01', 0.05, exposures => 'passing_lines', user_id => 'u', at => 'at') \g /dev/null
DROP TABLE passing_lines;
SELECT throws_ok('SELECT * FROM reco.experiment_report(''x3'')', '42P01', 'relation "public.passing_lines" of model "x" does not exist any more', 'exposures that are gone');
SELECT is((SELECT remedy FROM reco.check('x') WHERE subject = 'exposures source "x3"' AND severity = 'error'), 'restore it, or SELECT reco.drop_experiment(''x3'')', 'and reco.check says so');
SELECT reco.drop_model(m) FROM unnest(ARRAY['x', 'xt']) m \g /dev/null

-- ---- Arguments -------------------------------------------------------------------------------------------------------

SELECT throws_ok(call, '22004', 'parameter "' || missing || '" must not be null', call)
FROM   (VALUES ('SELECT reco.create_model(NULL)', 'model'), ('SELECT reco.alter_model(NULL)', 'model'), ('SELECT reco.set_owner(NULL, ''postgres'')', 'model'),
               ('SELECT reco.drop_model(NULL)', 'model'), ('SELECT reco.drop_model(NULL, true)', 'model'), ('SELECT reco.add_orders(NULL, ''lines'', ''u'', ''i'', ''at'')', 'model'),
               ('SELECT reco.add_items(NULL, ''lines'', ''i'')', 'model'), ('SELECT reco.add_users(NULL, ''lines'', ''u'')', 'model'), ('SELECT reco.add_users(''m'', NULL, ''u'')', 'relation'),
               ('SELECT reco.add_users(''m'', ''lines'', NULL)', 'user_id'), ('SELECT reco.add_reviews(NULL, ''lines'', ''u'', ''i'')', 'model'),
               ('SELECT reco.add_reviews(''m'', NULL, ''u'', ''i'')', 'relation'), ('SELECT reco.add_reviews(''m'', ''lines'', NULL, ''i'')', 'user_id'),
               ('SELECT reco.add_reviews(''m'', ''lines'', ''u'', NULL)', 'item_id'), ('SELECT reco.remove_source(NULL, ''lines'')', 'model'), ('SELECT reco.grant_usage(NULL, ''nobody'')', 'model'),
               ('SELECT reco.revoke_usage(NULL, ''nobody'')', 'model'), ('SELECT reco.train(NULL)', 'model'), ('SELECT reco.activate(NULL, 1)', 'model'),
               ('SELECT * FROM reco.recommend(NULL, 1)', 'model'), ('SELECT * FROM reco.recommend_text(NULL, ''1'')', 'model'),
               ('SELECT reco.create_model(''x'', options => NULL)', 'options'), ('SELECT reco.alter_model(''m'', NULL)', 'options'),
               ('SELECT reco.set_owner(''m'', NULL)', 'new_owner'), ('SELECT reco.add_orders(''m'', NULL, ''u'', ''i'', ''at'')', 'relation'),
               ('SELECT reco.add_orders(''m'', ''lines'', NULL, ''i'', ''at'')', 'user_id'), ('SELECT reco.add_orders(''m'', ''lines'', ''u'', NULL, ''at'')', 'item_id'),
               ('SELECT reco.add_orders(''m'', ''lines'', ''u'', ''i'', NULL)', 'at'), ('SELECT reco.add_items(''m'', ''lines'', NULL)', 'item_id'), ('SELECT reco.add_items(''m'', NULL, ''i'')', 'relation'),
               ('SELECT reco.remove_source(''m'', NULL)', 'name'), ('SELECT reco.grant_usage(''m'', NULL)', 'role'), ('SELECT reco.revoke_usage(''m'', NULL)', 'role'),
               ('SELECT reco.activate(''m'', NULL)', 'version')) AS x (call, missing);
SELECT throws_ok(format('SELECT * FROM reco.recommend(''m'', 1, %s)', argument), state, message, argument)
FROM   (VALUES ('k => NULL', '22023', 'parameter "k" must not be null'), ('k => 0', '22023', 'parameter "k" must be from 1 to 1000000, not 0'),
               ('k => -1', '22023', 'parameter "k" must be from 1 to 1000000, not -1'), ('k => 1000001', '22023', 'parameter "k" must be from 1 to 1000000, not 1000001'),
               ('k => 2147483647', '22023', 'parameter "k" must be from 1 to 1000000, not 2147483647'), ('as_of => NULL', '22023', 'parameter "as_of" must not be null'),
               ('as_of => ''infinity''', '22023', 'parameter "as_of" must be finite'), ('as_of => ''-infinity''', '22023', 'parameter "as_of" must be finite'),
               ('basket => ''{{1,2},{3,4}}''', '2202E', 'parameter "basket" must be a one-dimensional array, not one of 2 dimensions'),
               ('candidates => ''{{{1}}}''', '2202E', 'parameter "candidates" must be a one-dimensional array, not one of 3 dimensions'),
               ('exclude => ''{{1}}''', '2202E', 'parameter "exclude" must be a one-dimensional array, not one of 2 dimensions'),
               ('basket => ''{1,NULL}''', '22004', 'parameter "basket" must not contain nulls'), ('candidates => ''{NULL}''', '22004', 'parameter "candidates" must not contain nulls'),
               ('exclude => ''{NULL,1}''', '22004', 'parameter "exclude" must not contain nulls'),
               ('value_weight => NULL', '22004', 'parameter "value_weight" must not be null'), ('value_weight => -0.1', '22023', 'parameter "value_weight" must be from 0 to 1, not -0.1'),
               ('value_weight => 1.5', '22023', 'parameter "value_weight" must be from 0 to 1, not 1.5'), ('value_weight => ''NaN''', '22023', 'parameter "value_weight" must be from 0 to 1, not NaN')) AS x (argument, state, message);
SELECT throws_ok(format(call, rules), state, message, format(call, rules))
FROM   unnest(ARRAY['SELECT * FROM reco.recommend(''m'', 1, rules => %L)', 'SELECT reco.set_rules(''m'', %L)']) call CROSS JOIN (VALUES ('[1]', '22023', 'rules must be a JSON object'),
               ('3', '22023', 'rules must be a JSON object'),
               ('{"pins": []}', '22023', 'unknown rule "pins"'),
               ('{"pins": null}', '22023', 'unknown rule "pins"'),
               ('{"price": {"low": 1}}', '22023', 'unknown rule "price.low"'),
               ('{"pin": "x"}', '22023', 'rule "pin" cannot be "x": it must be an array of at most 100 items'),
               ('{"pin": {"item": 1}}', '22023', 'rule "pin" cannot be an object: it must be an array of at most 100 items'),
               ('{"pin": [true]}', '22023', 'rule "pin" cannot be true: it must be the number of an item'),
               ('{"pin": ["1"]}', '22023', 'rule "pin" cannot be "1": it must be the number of an item'),
               ('{"pin": [1.5]}', '22023', 'rule "pin" cannot be 1.5: it must be the number of an item'),
               ('{"pin": [null]}', '22023', 'rule "pin" cannot be null: it must be the number of an item'),
               ('{"pin": [[1]]}', '22023', 'rule "pin" cannot be an array: it must be the number of an item'),
               ('{"pin": [99999999999999999999]}', '22023', 'rule "pin" cannot be 99999999999999999999: it must be the number of an item'),
               ('{"pin": [1, {"item": 1, "rank": 5}]}', '22023', 'rule "pin" cannot be 1: it must be an item that is pinned only once'),
               ('{"pin": [{"item": 1, "rank": 2}, {"item": 2, "rank": 2}]}', '22023', 'rule "pin.rank" cannot be 2: it must be a rank that is given to one item only'),
               ('{"pin": [{"item": 1, "rank": 0}]}', '22023', 'rule "pin.rank" cannot be 0: it must be an integer from 1 to 1000000'),
               ('{"pin": [{"item": 1}]}', '22023', 'rule "pin" has no "rank"'),
               ('{"pin": [{"rank": 1}]}', '22023', 'rule "pin" has no "item"'),
               ('{"boost": {"factor": 2}}', '22023', 'rule "boost" cannot be an object: it must be an array of at most 64 objects'),
               ('{"boost": [7]}', '22023', 'rule "boost" cannot be 7: it must be an array of objects'),
               ('{"boost": [{"items": [1]}]}', '22023', 'rule "boost" has no "factor"'),
               ('{"boost": [{"factor": 1}]}', '22023', 'rule "boost" has no "field"'),
               ('{"boost": [{"field": "x", "factor": 1}]}', '22023', 'rule "boost" has no "value"'),
               ('{"boost": [{"items": [1], "factor": 0}]}', '22023', 'rule "boost.factor" cannot be 0: it must be a number above 0 and at most 100'),
               ('{"boost": [{"items": [1], "factor": 101}]}', '22023', 'rule "boost.factor" cannot be 101: it must be a number above 0 and at most 100'),
               ('{"boost": [{"items": [1], "factor": "2"}]}', '22023', 'rule "boost.factor" cannot be "2": it must be a number above 0 and at most 100'),
               ('{"boost": [{"items": [1], "field": "x", "factor": 1}]}', '22023', 'rule "boost" cannot be of items and of a field: it must be of either: give two'),
               ('{"boost": [{"items": 1, "factor": 1}]}', '22023', 'rule "boost.items" cannot be 1: it must be an array of at most 10000 items'),
               ('{"boost": [{"items": ["a"], "factor": 1}]}', '22023', 'rule "boost.items" cannot be "a": it must be the number of an item'),
               ('{"boost": [{"field": 1, "value": 1, "factor": 1}]}', '22023', 'rule "boost.field" cannot be 1: it must be the name of a feature of items'),
               ('{"boost": [{"field": "x", "value": [1], "factor": 1}]}', '22023', 'rule "boost.value" cannot be an array: it must be a text, a number or a boolean'),
               ('{"cap": 3}', '22023', 'rule "cap" cannot be 3: it must be an object of at most 16 features of items'),
               ('{"cap": {"x": 0}}', '22023', 'rule "cap.x" cannot be 0: it must be an integer from 1 to 1000000'),
               ('{"cap": {"x": 1.5}}', '22023', 'rule "cap.x" cannot be 1.5: it must be an integer from 1 to 1000000'),
               ('{"cap": {"x": 1}}', '42703', 'model "m" has no feature "x" of items, which a rule goes by'),
               ('{"diversity": 1.1}', '22023', 'rule "diversity" cannot be 1.1: it must be a number from 0 to 1'),
               ('{"diversity": "all"}', '22023', 'rule "diversity" cannot be "all": it must be a number from 0 to 1'),
               ('{"price": 5}', '22023', 'rule "price" cannot be 5: it must be an object of min, max or both'),
               ('{"price": {"min": -1}}', '22023', 'rule "price.min" cannot be -1: it must be a number from 0 to 1e15'),
               ('{"price": {"min": 2, "max": 1}}', '22023', 'rule "price.min" cannot be 2: it must be at most max, which is 1'),
               ('{"price": {"min": 2}}', '55000', 'no source of model "m" says what items cost, which a rule goes by'),
               ('{"pause": 30}', '22023', 'rule "pause" cannot be 30: it must be an interval above 0 and of at most 36500 days, as a string'),
               ('{"pause": "-1 day"}', '22023', 'rule "pause" cannot be "-1 day": it must be an interval above 0 and of at most 36500 days, as a string'),
               ('{"pause": {"for": "200 years"}}', '22023', 'rule "pause.for" cannot be "200 years": it must be an interval above 0 and of at most 36500 days, as a string'),
               ('{"pause": "soon"}', '22007', 'invalid input syntax for type interval: "soon"'),
               ('{"pause": {"rebought": 0.5}}', '22023', 'rule "pause" has no "for"'),
               ('{"pause": {"for": "1 day", "rebought": 0}}', '22023', 'rule "pause.rebought" cannot be 0: it must be a number above 0 and at most 1'),
               ('{"max_exposure_gap": 0.1}', '22023', 'rule "max_exposure_gap" cannot be 0.1: it must be an object of by and gap'),
               ('{"max_exposure_gap": {"gap": 0.1}}', '22023', 'rule "max_exposure_gap" has no "by"'),
               ('{"max_exposure_gap": {"by": "x", "gap": 2}}', '22023', 'rule "max_exposure_gap.gap" cannot be 2: it must be a number from 0 to 1')) AS x (rules, state, message);
SELECT throws_ok(call, state, message, call)
FROM   (VALUES ('SELECT * FROM reco.recommend(''m'', 1, rules => jsonb_build_object(''pin'', (SELECT jsonb_agg(g) FROM generate_series(1, 101) g)))', '22023', 'rule "pin" cannot be an array of 101: it must be an array of at most 100 items'),
               ('SELECT * FROM reco.recommend(''m'', 1, rules => jsonb_build_object(''cap'', (SELECT jsonb_object_agg(g, g) FROM generate_series(1, 17) g)))', '22023', 'rule "cap" cannot be an object of 17: it must be an object of at most 16 features of items'),
               ('SELECT * FROM reco.recommend(''m'', 1, k => 1001, rules => ''{"diversity": 0.1}'')', '22023', 'parameter "k" must be at most 1000 with rule "diversity", not 1001'),
               ('SELECT * FROM reco.recommend_all(''m'', k => 1001, rules => ''{"diversity": 0.1}'')', '22023', 'parameter "k" must be at most 1000 with rule "diversity", not 1001'),
               ('SELECT * FROM reco.recommend_all(''m'', rules => ''{"pin": 1}'')', '22023', 'rule "pin" cannot be 1: it must be an array of at most 100 items'),
               ('SELECT * FROM reco.recommend_text(''t'', ''1'', rules => ''{"pin": [1]}'')', '22023', 'rule "pin" cannot be 1: it must be the text of an item''s key'),
               ('SELECT * FROM reco.recommend_all_text(''t'', rules => ''{"boost": [{"items": [1], "factor": 2}]}'')', '22023', 'rule "boost.items" cannot be 1: it must be the text of an item''s key'),
               ('SELECT reco.set_rules(''t'', ''{"pin": [1]}'')', '22023', 'rule "pin" cannot be 1: it must be the text of an item''s key'),
               ('SELECT reco.set_rules(NULL, ''{}'')', '22004', 'parameter "model" must not be null'), ('SELECT reco.set_rules(''none'', ''{}'')', '42704', 'model "none" does not exist')) AS x (call, state, message);
SELECT throws_ok(format('SELECT * FROM reco.recommend_text(''t'', ''1'', %s)', argument), state, message, 'recommend_text: ' || argument)
FROM   (VALUES ('k => NULL', '22023', 'parameter "k" must not be null'), ('k => 0', '22023', 'parameter "k" must be from 1 to 1000000, not 0'),
               ('as_of => NULL', '22023', 'parameter "as_of" must not be null'), ('basket => ''{{a,b}}''', '2202E', 'parameter "basket" must be a one-dimensional array, not one of 2 dimensions'),
               ('exclude => ''{NULL}''', '22004', 'parameter "exclude" must not contain nulls')) AS x (argument, state, message);

SELECT throws_ok(call, state, message, call)
FROM   (VALUES ('SELECT * FROM reco.recommend_all(NULL)', '22004', 'parameter "model" must not be null'),
               ('SELECT * FROM reco.recommend_all(''m'', NULL)', '22023', 'parameter "k" must not be null'), ('SELECT * FROM reco.recommend_all(''m'', 0)', '22023', 'parameter "k" must be from 1 to 1000000, not 0'),
               ('SELECT * FROM reco.recommend_all(''m'', as_of => NULL)', '22023', 'parameter "as_of" must not be null'), ('SELECT * FROM reco.recommend_all(''m'', as_of => ''infinity'')', '22023', 'parameter "as_of" must be finite'),
               ('SELECT * FROM reco.recommend_all(''m'', users => ''{{1}}'')', '2202E', 'parameter "users" must be a one-dimensional array, not one of 2 dimensions'),
               ('SELECT * FROM reco.recommend_all(''m'', users => ''{NULL}'')', '22004', 'parameter "users" must not contain nulls'),
               ('SELECT * FROM reco.recommend_all_text(''t'', users => ''{a,NULL}'')', '22004', 'parameter "users" must not contain nulls'),
               ('SELECT * FROM reco.recommend_all_text(''m'')', '42809', 'model "m" has integer keys'), ('SELECT * FROM reco.recommend_all(''t'')', '42809', 'model "t" has text keys'),
               ('SELECT * FROM reco.recommend_all(''m'', value_weight => 2)', '22023', 'parameter "value_weight" must be from 0 to 1, not 2'),
               ('SELECT * FROM reco.evaluate(''m'', value_weight => 2)', '22023', 'parameter "value_weight" must be from 0 to 1, not 2'),
               ('SELECT * FROM reco.replay(''m'', value_weight => NULL)', '22004', 'parameter "value_weight" must not be null'),
               ('SELECT * FROM reco.value_curve(NULL)', '22004', 'parameter "model" must not be null'), ('SELECT * FROM reco.value_curve(''m'', NULL)', '22004', 'parameter "weights" must not be null'),
               ('SELECT * FROM reco.value_curve(''m'', ''{0.5,1.5}'')', '22023', 'parameter "weights" has an element that is not from 0 to 1: 1.5'),
               ('SELECT * FROM reco.value_curve(''m'', ''{0.5,NULL}'')', '22023', 'parameter "weights" has an element that is not from 0 to 1: null'),
               ('SELECT * FROM reco.value_curve(''m'', array_fill(0.5::float8, ARRAY[21]))', '22023', 'parameter "weights" must not have more than 20 elements, not 21'),
               ('SELECT * FROM reco.value_curve(''m'', k => 0)', '22023', 'parameter "k" must be from 1 to 1000, not 0'),
               ('SELECT reco.prune_versions(''m'', -1)', '22023', 'parameter "keep" must not be negative, as -1 is'), ('SELECT reco.prune_versions(NULL)', '22004', 'parameter "model" must not be null'),
               ('SELECT reco.prune_versions(''nothing'')', '42704', 'model "nothing" does not exist'),
               ('SELECT * FROM reco.check(NULL)', '22004', 'parameter "model" must not be null'), ('SELECT * FROM reco.check(''nothing'')', '42704', 'model "nothing" does not exist'),
               ('SELECT * FROM reco.similar_items(NULL, 1)', '22004', 'parameter "model" must not be null'), ('SELECT * FROM reco.similar_items(''m'', 1, k => 0)', '22023', 'parameter "k" must be from 1 to 1000000, not 0'),
               ('SELECT * FROM reco.similar_items(''m'', 1, k => NULL)', '22023', 'parameter "k" must not be null'), ('SELECT * FROM reco.similar_items(''t'', 1)', '42809', 'model "t" has text keys'),
               ('SELECT * FROM reco.weights(NULL)', '22004', 'parameter "model" must not be null'), ('SELECT * FROM reco.weights(''empty'')', '55000', 'model "empty" has not been trained'),
               ('SELECT * FROM reco.explain(NULL, 1, 1)', '22004', 'parameter "model" must not be null'), ('SELECT * FROM reco.explain(''m'', 1, NULL)', '22004', 'parameter "item_id" must not be null'),
               ('SELECT * FROM reco.explain_text(''m'', ''1'', ''1'')', '42809', 'model "m" has integer keys'), ('SELECT * FROM reco.explain(''empty'', 1, 1)', '55000', 'model "empty" has not been trained'),
               ('SELECT * FROM reco.similar_items_text(''m'', ''1'')', '42809', 'model "m" has integer keys'), ('SELECT * FROM reco.similar_items(''empty'', 1)', '55000', 'model "empty" has not been trained'),
               ('SELECT * FROM reco.recommend_all(''nothing'')', '42704', 'model "nothing" does not exist'), ('SELECT * FROM reco.recommend_all(''empty'')', '55000', 'model "empty" has not been trained')) AS x (call, state, message);

-- Bundles and larger orders.
SELECT throws_ok(format('SELECT * FROM reco.bundles(''m'', %s)', argument), state, message, 'bundles: ' || argument)
FROM   (VALUES ('k => NULL', '22004', 'parameter "k" must not be null'), ('k => 0', '22023', 'parameter "k" must be from 1 to 1000000, not 0'),
               ('min_support => 1', '22023', 'parameter "min_support" must be from 2 to 2147483647, not 1'), ('min_size => 1', '22023', 'parameter "min_size" must be from 2 to 5, not 1'),
               ('min_size => 4, max_size => 3', '22023', 'parameter "min_size" must be from 2 to 3, not 4'), ('min_size => NULL', '22004', 'parameter "min_size" must not be null'),
               ('max_size => 6', '22023', 'parameter "max_size" must be from 2 to 5, not 6'), ('max_size => NULL', '22004', 'parameter "max_size" must not be null'),
               ('max_items => 1', '22023', 'parameter "max_items" must be from 2 to 100000, not 1'), ('max_items => NULL', '22004', 'parameter "max_items" must not be null'),
               ('min_lift => -1', '22023', 'parameter "min_lift" must be from 0 to 1e+09, not -1'), ('min_lift => ''NaN''', '22023', 'parameter "min_lift" must be from 0 to 1e+09, not NaN'),
               ('min_lift => NULL', '22004', 'parameter "min_lift" must not be null'),
               ('false_discovery_rate => 0', '22023', 'parameter "false_discovery_rate" must be from 1e-09 to 1, not 0'),
               ('false_discovery_rate => 1.5', '22023', 'parameter "false_discovery_rate" must be from 1e-09 to 1, not 1.5'),
               ('false_discovery_rate => NULL', '22004', 'parameter "false_discovery_rate" must not be null')) AS x (argument, state, message);
SELECT throws_ok(call, state, message, call)
FROM   (VALUES ('SELECT * FROM reco.bundles(NULL)', '22004', 'parameter "model" must not be null'), ('SELECT * FROM reco.bundles(''nothing'')', '42704', 'model "nothing" does not exist'),
               ('SELECT * FROM reco.bundles(''empty'')', '55000', 'model "empty" has no orders to learn from'), ('SELECT * FROM reco.bundles(''t'')', '42809', 'model "t" has text keys'),
               ('SELECT * FROM reco.bundles_text(''m'')', '42809', 'model "m" has integer keys'), ('SELECT * FROM reco.complete_basket(NULL, 1, ''{1}'', 10)', '22004', 'parameter "model" must not be null'),
               ('SELECT * FROM reco.complete_basket(''m'', 1, ''{1}'', NULL)', '22004', 'parameter "target" must not be null'),
               ('SELECT * FROM reco.complete_basket(''m'', 1, ''{1}'', -1)', '22023', 'parameter "target" must be a number from 0 on, not -1'),
               ('SELECT * FROM reco.complete_basket(''m'', 1, ''{1}'', ''NaN'')', '22023', 'parameter "target" must be a number from 0 on, not NaN'),
               ('SELECT * FROM reco.complete_basket(''m'', 1, ''{1}'', 10, basket_value => ''infinity'')', '22023', 'parameter "basket_value" must be a number from 0 on, not Infinity'),
               ('SELECT * FROM reco.complete_basket(''m'', 1, ''{1}'', 10, k => 0)', '22023', 'parameter "k" must be from 1 to 1000000, not 0'),
               ('SELECT * FROM reco.complete_basket(''m'', 1, ''{1,NULL}'', 10)', '22004', 'parameter "basket" must not contain nulls'),
               ('SELECT * FROM reco.complete_basket(''m'', 1, ''{1}'', 10)', '55000', 'no source of model "m" says what items cost'),
               ('SELECT * FROM reco.complete_basket(''t'', 1, ''{1}'', 10)', '42809', 'model "t" has text keys'),
               ('SELECT * FROM reco.complete_basket(''empty'', 1, ''{1}'', 10)', '55000', 'model "empty" has not been trained')) AS x (call, state, message);

-- Offers.
SELECT throws_ok(format('SELECT reco.add_offers(''m'', ''lines'', %s)', arguments), state, message, 'add_offers: ' || arguments)
FROM   (VALUES ('NULL, ''i''', '22004', 'parameter "item_id" must not be null'), ('''i'', NULL', '22004', 'parameter "price" must not be null'),
               ('''i'', ''u::text''', '42804', 'parameter "price" has type text, but must have type smallint, integer, bigint, real, double precision or numeric'),
               ('''i'', ''i'', ''i''', '42804', 'parameter "valid_from" has type integer, but must have type timestamptz, timestamp or date'),
               ('''i'', ''i'', NULL, ''i''', '42804', 'parameter "valid_to" has type integer, but must have type timestamptz, timestamp or date'),
               ('''i'', ''i'', audience => ''i''', '42804', 'parameter "audience" has type integer, but must have type text or an array of texts'),
               ('''i'', ''i'', audience => ''ARRAY[i]''', '42804', 'parameter "audience" has type integer[], but must have type text or an array of texts'),
               ('''i'', ''i'', audience => ''to_jsonb(i)''', '42804', 'parameter "audience" has type jsonb, but must have type text or an array of texts'),
               ('''i'', ''i, u''', '42601', 'parameter "price" must be one expression, not 2'), ('''i'', ''random()''', '42P17', NULL)) AS x (arguments, state, message);
SELECT throws_ok('SELECT reco.add_offers(NULL, ''lines'', ''i'', ''i'')', '22004', 'parameter "model" must not be null', 'add_offers: no model');
SELECT throws_ok('SELECT reco.add_offers(''m'', NULL, ''i'', ''i'')', '22004', 'parameter "relation" must not be null', 'add_offers: no relation');

-- ---- Models ----------------------------------------------------------------------------------------------------------

SELECT throws_ok(call, '42704', 'model "nothing" does not exist', call)
FROM   unnest(ARRAY['SELECT reco.alter_model(''nothing'')', 'SELECT reco.set_owner(''nothing'', ''postgres'')', 'SELECT reco.drop_model(''nothing'')', 'SELECT reco.add_orders(''nothing'', ''lines'', ''u'', ''i'', ''at'')',
                    'SELECT reco.add_items(''nothing'', ''lines'', ''i'')', 'SELECT reco.add_users(''nothing'', ''lines'', ''u'')', 'SELECT reco.add_reviews(''nothing'', ''lines'', ''u'', ''i'')', 'SELECT reco.remove_source(''nothing'', ''lines'')', 'SELECT reco.grant_usage(''nothing'', ''nobody'')',
                    'SELECT reco.revoke_usage(''nothing'', ''nobody'')', 'SELECT reco.train(''nothing'')', 'SELECT reco.activate(''nothing'', 1)', 'SELECT * FROM reco.recommend(''nothing'', 1)',
                    'SELECT * FROM reco.recommend_text(''nothing'', ''1'')']) call;
SELECT throws_ok(format('SELECT reco.create_model(%L)', name), '42602', format('a model''s name must have 1 to 200 bytes, not %s', octet_length(name)), format('a name of %s bytes', octet_length(name)))
FROM   unnest(ARRAY['', repeat('n', 201), repeat('ü', 101), repeat('n', 100000)]) name;
SELECT throws_ok('SELECT reco.create_model(''m'')', '42710', 'model "m" exists already', 'a name that is taken');
SELECT throws_ok(format('SELECT reco.create_model(''x'', %L)', zone), '22023', format('time zone "%s" is not known', zone), format('time zone "%s"', zone))
FROM   unnest(ARRAY['Nowhere/Land', '', 'Europe/Berlin; --', repeat('x', 1000), '../../etc/passwd']) zone;
SELECT throws_ok('SELECT reco.alter_model(''m'', timezone => ''Nowhere'')', '22023', 'time zone "Nowhere" is not known', 'also in alter_model');
SELECT throws_ok(format('SELECT reco.create_model(''x'', options => %L)', options), '22023', message, 'options ' || options)
FROM   (VALUES ('[]', 'options must be a JSON object'), ('{"x": 1}', 'unknown option "x"'), ('{"factors": 0}', 'option "factors" cannot be 0: it must be an integer from 1 to 512'),
               ('{"factors": 1.5}', 'option "factors" cannot be 1.5: it must be an integer from 1 to 512'), ('{"half_life": "1"}', 'option "half_life" cannot be "1": it must be a number from 0.01 to 1000000'),
               ('{"half_life": true}', 'option "half_life" cannot be true: it must be a number from 0.01 to 1000000'), ('{"half_life": false}', 'option "half_life" cannot be false: it must be a number from 0.01 to 1000000'),
               ('{"half_life": {"a": [1]}}', 'option "half_life" cannot be an object or array: it must be a number from 0.01 to 1000000'),
               ('{"half_life": []}', 'option "half_life" cannot be an object or array: it must be a number from 0.01 to 1000000'),
               ('{"solver": "slow"}', 'option "solver" cannot be "slow": it must be "fast" or "exact"'), ('{"solver": []}', 'option "solver" cannot be an object or array: it must be "fast" or "exact"'),
               ('{"training_clock": 7}', 'option "training_clock" cannot be a number'), ('{"training_clock": "infinity"}', 'option "training_clock" cannot be infinity'),
               ('{"training_clock": true}', 'option "training_clock" cannot be true'), ('{"training_clock": [1]}', 'option "training_clock" cannot be an object or array')) AS x (options, message);
SET ROLE nobody;
SELECT throws_ok('SELECT reco.create_model(''x'')', '42501', 'permission denied for function create_model', 'create_model is not for nobody');
SELECT throws_ok(call, '42501', 'must be owner of model "m"', 'nobody: ' || call)
FROM   unnest(ARRAY['SELECT reco.alter_model(''m'')', 'SELECT reco.set_owner(''m'', ''nobody'')', 'SELECT reco.drop_model(''m'')', 'SELECT reco.train(''m'')', 'SELECT reco.activate(''m'', 1)',
                    'SELECT reco.remove_source(''m'', ''lines'')', 'SELECT reco.grant_usage(''m'', ''nobody'')', 'SELECT reco.revoke_usage(''m'', ''nobody'')']) call;
SELECT throws_ok('SELECT * FROM reco.recommend(''m'', 1)', '42501', 'permission denied for model "m"', 'nobody: recommend');
SET ROLE owner_role;
SELECT throws_ok('SELECT reco.set_owner(''orphan'', ''nobody'')', '42501', 'must be able to SET ROLE "nobody" to give it a model', 'set_owner to a stranger');
SELECT throws_ok('SELECT reco.add_orders(''orphan'', ''many'', ''u'', ''i'', ''at'')', '42501', 'permission denied for table many', 'a table that the owner may not read');
RESET ROLE;
SELECT throws_ok('SELECT reco.set_owner(''m'', ''no such role'')', '42704', 'role "no such role" does not exist', 'set_owner to no role');
SELECT throws_ok('SELECT reco.grant_usage(''m'', ''no such role'')', '42704', 'role "no such role" does not exist', 'grant_usage to no role');

-- ---- Sources ---------------------------------------------------------------------------------------------------------

SELECT throws_ok(format('SELECT reco.add_orders(''m'', ''lines'', ''u'', %L, ''at'')', item), state, message, 'item_id => ' || quote_literal(item))
FROM   (VALUES ('i FROM lines', '42601', 'parameter "item_id" must be an expression over the relation, without clauses of its own'), ('', '42601', 'parameter "item_id" is empty'),
               ('*', '42601', 'parameter "item_id" must name its columns one by one'), ('(SELECT 1)', '0A000', 'parameter "item_id" must not contain a subquery'),
               ('random()', '42P17', 'parameter "item_id" must not call volatile functions'), ('i, u', '42601', 'parameter "item_id" must be one expression, not 2'),
               ('i::real', '42804', 'parameter "item_id" has type real, but must have type an integer, text, uuid or another type with one text form a value')) AS x (item, state, message);
SELECT throws_ok(format('SELECT reco.add_items(''m'', ''lines'', ''i'', %s)', argument), state, message, argument)
FROM   (VALUES ('features => ''u, u''', '42701', 'parameter "features" has two expressions named "u"'), ('available => ''u''', '42804', 'parameter "available" has type integer, but must have type boolean'),
               ('description => ''u''', '42804', 'parameter "description" has type integer, but must have type text'),
               ((SELECT format('features => %L', string_agg('u AS f' || f, ', ')) FROM generate_series(1, 100) f), '54000', 'parameter "features" has 100 expressions, more than 64'),
               ('price => ''t''', '42804', 'parameter "price" has type text, but must have type smallint, integer, bigint, real, double precision or numeric')) AS x (argument, state, message);
SELECT throws_ok(format('SELECT reco.add_%s)', call), state, message, call)
FROM   (VALUES ('users(''m'', ''lines'', ''u'', ''o, o''', '42701', 'parameter "features" has two expressions named "o"'), ('users(''m'', ''lines'', ''u::real''', '42804',
                'parameter "user_id" has type real, but must have type an integer, text, uuid or another type with one text form a value'),
               ('reviews(''m'', ''lines'', ''u'', ''i'', stars => ''t''', '42804', 'parameter "stars" has type text, but must have type smallint, integer, bigint, real, double precision or numeric'),
               ('reviews(''m'', ''lines'', ''u'', ''i'', body => ''o''', '42804', 'parameter "body" has type integer, but must have type text'),
               ('reviews(''m'', ''lines'', ''u'', ''i'', at => ''t''', '42804', 'parameter "at" has type text, but must have type timestamptz, timestamp or date'),
               ('reviews(''m'', ''lines'', ''u'', ''i'', stars => ''o, o''', '42601', 'parameter "stars" must be one expression, not 2')) AS x (call, state, message);
SELECT throws_ok('SELECT reco.add_orders(''m'', ''lines'', ''u'', ''i'', ''t'')', '42804', 'parameter "at" has type text, but must have type timestamptz, timestamp or date', 'at => ''t''');
SELECT throws_ok('SELECT reco.add_orders(''m'', ''lines'', ''u'', ''i'', ''at'', unit_price => ''1'', amount => ''1'')', '22023', 'parameters "unit_price" and "amount" exclude each other', 'unit_price and amount');
SELECT throws_ok('SELECT reco.add_orders(''m'', ''lines_index'', ''u'', ''i'', ''at'')', '42809', 'relation "lines_index" cannot be a source', 'an index');
SELECT throws_ok('SELECT reco.add_orders(''m'', ''passing'', ''u'', ''i'', ''at'')', '42809', 'temporary relation "passing" cannot be a source', 'a temporary table');
SELECT throws_ok('SELECT reco.add_orders(''m'', 4294967295::regclass, ''u'', ''i'', ''at'')', '42P01', 'relation with OID 4294967295 does not exist', 'nothing');
SELECT throws_ok('SELECT reco.remove_source(''m'', ''lines'')', '42P08', 'model "m" has 2 sources named "lines"', 'remove_source of two');
SELECT throws_ok('SELECT reco.remove_source(''m'', ''nothing'')', '42704', 'model "m" has no source named "nothing"', 'remove_source of none');
SELECT throws_ok('SELECT reco.remove_source(''m'', ''lines'', ''reviews'')', '42704', 'model "m" has no source named "lines" of kind reviews', 'remove_source of another kind');

-- ---- Training and asking ---------------------------------------------------------------------------------------------

SELECT throws_ok('SELECT reco.train(''empty'')', '55000', 'model "empty" has no orders to learn from', 'train without sources');
SELECT throws_ok('SELECT * FROM reco.recommend(''empty'', 1)', '55000', 'model "empty" has not been trained', 'recommend before train');
SELECT throws_ok('SELECT * FROM reco.recommend_text(''empty'', ''1'')', '55000', 'model "empty" has not been trained', 'recommend_text before train');
SELECT throws_ok('SELECT reco.activate(''m'', 99)', '42704', 'model "m" has no version 99', 'activate an unknown version');
SELECT throws_ok('SELECT * FROM reco.recommend_text(''m'', ''1'')', '42809', 'model "m" has integer keys', 'recommend_text for integers');
SELECT throws_ok('SELECT * FROM reco.recommend(''t'', 1)', '42809', 'model "t" has text keys', 'recommend for texts');
BEGIN;
SET TRANSACTION READ ONLY;
SELECT throws_ok('SELECT reco.train(''m'')', '25006', 'cannot execute reco.train() in a read-only transaction', 'train in a read-only transaction');
SELECT throws_ok(call, '25006', format('cannot execute %s() in a read-only transaction', substring(call FROM 'reco\.\w+')), 'read-only: ' || call)
FROM   unnest(ARRAY['SELECT reco.create_model(''x'')', 'SELECT reco.alter_model(''m'', ''{"seed": 5}'')', 'SELECT reco.drop_model(''m'')', 'SELECT reco.add_items(''m'', ''lines'', ''i'')',
                    'SELECT reco.add_users(''m'', ''lines'', ''u'')', 'SELECT reco.add_reviews(''m'', ''lines'', ''u'', ''i'')', 'SELECT reco.remove_source(''t'', ''lines'')', 'SELECT reco.grant_usage(''m'', ''nobody'')', 'SELECT reco.activate(''m'', 1)', 'SELECT reco.set_owner(''m'', ''nobody'')']) call;
ROLLBACK;
BEGIN;
SET LOCAL maintenance_work_mem = '1MB';
SELECT reco.add_orders('m', 'many', 'u', 'i', 'at', 'o') \g /dev/null
SELECT throws_matching('SELECT reco.train(''m'')', '^training needs at least \d+ MB of memory, but maintenance_work_mem is 1 MB$', 'too little memory');
SELECT throws_ok('SELECT reco.train(''m'')', '53400', NULL, 'as configuration_limit_exceeded');
SET LOCAL maintenance_work_mem = '64MB';
SELECT reco.alter_model('m', '{"factors": 512}') \g /dev/null
SELECT throws_matching('SELECT reco.train(''m'')', '^training needs at least \d+ MB of memory, but maintenance_work_mem is 64 MB$', 'too little for the factors');
ROLLBACK;
BEGIN;
SET LOCAL maintenance_work_mem = '1MB';
SELECT reco.add_orders('m', 'many', 'u', 'i % 6', 'at', 'o', name => 'lines') \g /dev/null
SELECT throws_matching('SELECT * FROM reco.recommend_all(''m'')', '^recommend_all needs at least \d+ MB of memory, but maintenance_work_mem is 1 MB$', 'too little memory for all customers');
SELECT throws_ok('SELECT * FROM reco.recommend_all(''m'')', '53400', NULL, 'as configuration_limit_exceeded');
ROLLBACK;
BEGIN;
UPDATE reco.model SET last_version = 2147483647 WHERE name = 't';
SELECT throws_ok('SELECT reco.train(''t'')', '54000', 'model "t" has had 2147483647 versions, and no number is left', 'one training too many');
ROLLBACK;
CREATE FUNCTION drops() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM reco.drop_model('d', true); RETURN true; END $$;
CREATE VIEW dropping AS SELECT * FROM lines WHERE drops();
SELECT reco.create_model('d', 'UTC', '{"factors": 2}') \g /dev/null
SELECT reco.add_orders('d', 'dropping', 'u', 'i', 'at') \g /dev/null
SELECT throws_ok('SELECT reco.train(''d'')', '42704', 'model "d" was dropped while it was trained', 'a view that drops the model');
CREATE VIEW changing AS SELECT u, i, at FROM lines;
SELECT reco.create_model('c', 'UTC', '{"factors": 2, "iterations": 1}') \g /dev/null
SELECT reco.add_orders('c', 'changing', 'u', 'i', 'at') \g /dev/null
SELECT reco.train('c') \g /dev/null
SELECT reco.add_orders('c', 'lines', 'u', 't', 'at', name => 'changing') \g /dev/null
SELECT throws_ok('SELECT * FROM reco.recommend(''c'', 1)', '42804', '"item_id" has type text, but the model was trained with integer keys', 'keys that became texts');
SELECT reco.add_orders('c', 'changing', 'u', 'i', 'at') \g /dev/null
DROP VIEW changing;
SELECT throws_ok('SELECT * FROM reco.recommend(''c'', 1)', '42P01', 'relation "public.changing" of model "c" does not exist any more', 'a view that is gone, recommend');
SELECT throws_ok('SELECT reco.train(''c'')', '42P01', 'relation "public.changing" of model "c" does not exist any more', 'train');
REVOKE ALL ON lines FROM owner_role;
REVOKE ALL ON FUNCTION reco.create_model(text, text, jsonb) FROM owner_role;
DROP ROLE owner_role;
SELECT throws_ok(call, '42704', 'the owner "owner_role" of model "orphan" does not exist', 'without owner: ' || call)
FROM   unnest(ARRAY['SELECT reco.train(''orphan'')', 'SELECT * FROM reco.recommend(''orphan'', 1)', 'SELECT * FROM reco.recommend_all(''orphan'')', 'SELECT reco.add_items(''orphan'', ''lines'', ''i'')',
                    'SELECT reco.add_users(''orphan'', ''lines'', ''u'')', 'SELECT reco.add_reviews(''orphan'', ''lines'', ''u'', ''i'')']) call;

-- ---- Damage ----------------------------------------------------------------------------------------------------------

BEGIN;
UPDATE reco.source_column SET role = 'nothing' WHERE model = 't' AND role = 'at';
SELECT throws_ok('SELECT * FROM reco.recommend_text(''t'', ''1'')', 'XX001', 'source "lines" of model "t" is damaged in the catalog', 'an unknown role in the catalog');
ROLLBACK;
BEGIN;
DELETE FROM reco.source_column WHERE model = 't' AND role = 'user_id';
SELECT throws_ok('SELECT * FROM reco.recommend_text(''t'', ''1'')', 'XX001', 'source "lines" of model "t" is damaged in the catalog', 'a missing role in the catalog');
ROLLBACK;
BEGIN;
ALTER TABLE reco.model ALTER timezone DROP NOT NULL;
UPDATE reco.model SET timezone = NULL;
SELECT throws_ok('SELECT * FROM reco.recommend(''m'', 1)', 'XX001', 'column "timezone" of the reco catalog is null', 'a NULL in the catalog');
ROLLBACK;
-- (Under another id, or the session goes on with what it has cached.)
CREATE FUNCTION damage(statement text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	old uuid := (SELECT blob FROM reco.version WHERE model = 'm');
	new uuid := gen_random_uuid();
BEGIN
	UPDATE reco.version SET blob = new WHERE blob = old;
	UPDATE reco.version_part SET blob = new WHERE blob = old;
	EXECUTE statement USING new;
END $$;
SELECT throws_ok(format('SELECT damage(%L); SELECT * FROM reco.recommend(''m'', 1)', 'UPDATE reco.version_part SET ' || change || ' WHERE blob = $1'), state, message, change)
FROM   (VALUES ('part = 1', 'XX001', 'the parts of a stored model do not fit together'), ('data = ''''', 'XX001', 'the active version of model "m" is damaged: it is too short'),
               ('data = substr(data, 1, 100)', 'XX001', 'the active version of model "m" is damaged: its length is not what its header says'),
               ('data = set_byte(data, 0, 0)', 'XX001', 'the active version of model "m" is damaged: it does not begin like a model'),
               ('data = set_byte(data, 200, 255 - get_byte(data, 200))', 'XX001', 'the active version of model "m" is damaged: its checksum is wrong'),
               ('data = set_byte(data, 8, 9)', '0A000', 'cannot read the active version of model "m": it has a newer format than this library reads'),
               ('data = set_byte(set_byte(data, 12, 1), 15, 4)', '0A000', 'cannot read the active version of model "m": it was written on a machine of the other byte order')) AS x (change, state, message);
SELECT is((SELECT count(*)::integer FROM reco.recommend('m', 1)), 6, 'undamaged it answers');

-- ---- Settings --------------------------------------------------------------------------------------------------------

SELECT throws_ok('SET reco.kernel = ''quantum''', '22023', 'invalid value for parameter "reco.kernel": "quantum"', 'an unknown kernel');
SELECT throws_ok('SET reco.cache_size = ''0''', '22023', NULL, 'a cache of nothing');
SELECT throws_ok('SET reco.nothing = 1', '42602', NULL, 'an unknown setting of ours');
SELECT is(set_config('reco.kernel', kernel, true), kernel, 'kernel ' || kernel) FROM unnest(ARRAY['auto', 'baseline']) kernel;

-- ---- Without the extension -------------------------------------------------------------------------------------------

SELECT probin AS library FROM pg_proc WHERE oid = 'reco.access(text)'::regprocedure \gset
DROP EXTENSION reco CASCADE;
CREATE FUNCTION left_over(text) RETURNS text AS :'library', 'reco_access' LANGUAGE c STRICT;
SELECT throws_ok('SELECT left_over(''m'')', '42704', 'extension "reco" is not installed in this database', 'a function that outlived the extension');

SELECT * FROM finish();
