-- Impressions: what is kept, for whom and how long; what of it was bought; that nothing of a person is left.

SET client_min_messages = warning;
SELECT plan(102);

CREATE FUNCTION complaint(statement text, OUT state text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS OR query_canceled THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;

CREATE ROLE owner_role;
CREATE ROLE shop_role;
CREATE ROLE analyst;
CREATE ROLE nobody;
GRANT EXECUTE ON FUNCTION reco.create_model(text, text, jsonb) TO owner_role;
CREATE TABLE lines AS
SELECT o, o % 20 AS u, 1 + (o * 7 + j * 3) % 12 AS i, 'k' || 1 + (o * 7 + j * 3) % 12 AS t, 1 + (o + j) % 7 AS v, now() - (400 - o) * interval '1 hour' AS at
FROM   generate_series(1, 400) o, generate_series(1, 3) j;
CREATE TABLE people (u integer, yes boolean);
INSERT INTO people SELECT u, u <> 3 FROM generate_series(0, 25) u;
GRANT SELECT ON lines, people TO owner_role;
SET ROLE owner_role;
SELECT reco.create_model('m', 'UTC', '{"factors": 2, "iterations": 1, "min_support": 2}'), reco.create_model('t', 'UTC', '{"factors": 2, "iterations": 1}') \g /dev/null
SELECT reco.add_orders('m', 'lines', 'u', 'i', 'at', 'o', amount => 'v'), reco.add_orders('t', 'lines', '''u'' || u', 't', 'at', 'o', amount => 'v') \g /dev/null
SELECT reco.train('m'), reco.train('t'), reco.grant_usage('m', 'shop_role'), reco.grant_usage('m', 'analyst', explain => true), reco.grant_usage('t', 'shop_role') \g /dev/null
RESET ROLE;

-- ---- Off, and on -----------------------------------------------------------------------------------------------------

SELECT is(reco.log_impressions('m', 1, '{1}'), NULL, 'nothing is kept unless the owner wants it');
SELECT is((SELECT count(recommendation_id) FROM reco.recommend_logged('m', 1)), 0::bigint, 'also of answers');
SELECT results_eq('SELECT rank, item_id, score, probability, source, value, price, offer, rules FROM reco.recommend_logged(''m'', 1, k => 5)', 'SELECT * FROM reco.recommend(''m'', 1, k => 5)', 'which are those of recommend');
SELECT is((SELECT rules FROM reco.recommend_logged('m', 1, k => 3, rules => '{"pin": [2]}') WHERE rank = 1), '{pin}', 'rules are those of the request');
SELECT is_empty('SELECT FROM reco.impression', 'there is nothing');
SELECT is_empty('SELECT FROM pg_inherits WHERE inhparent = ''reco.impression''::regclass', 'not even a partition');
SELECT is((SELECT recommended_orders FROM reco.aov_report('m')), NULL, 'so nothing is known of what was shown');
SET ROLE owner_role;
SELECT is((reco.keep_impressions('m', '90 days')).options -> 'impression_days', '90'::jsonb, 'kept for 90 days');
SELECT is((reco.keep_impressions('t', '24 hours')).options -> 'impression_days', '1'::jsonb, 'or for one');
RESET ROLE;
SELECT bag_eq($$SELECT c.relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = 'reco.impression'::regclass$$,
              $$SELECT ('impression_' || to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + n * interval '1 month', 'YYYY_MM'))::name FROM generate_series(0, 1) n$$, 'this month and the next');

-- ---- What is kept ----------------------------------------------------------------------------------------------------

SET ROLE shop_role;
SELECT is(reco.log_impressions('m', 5, '{3,1,2}', '00000000-0000-0000-0000-000000000001', context => '{"page": "cart"}'), '00000000-0000-0000-0000-000000000001'::uuid, 'an impression, by who may recommend');
SELECT is(reco.log_impressions('m', NULL, '{7}', '00000000-0000-0000-0000-000000000002', now() - interval '80 days'), '00000000-0000-0000-0000-000000000002'::uuid, 'of nobody known, long ago');
SELECT is(reco.log_impressions_text('t', 'u5', '{k3,"k 4"}', '00000000-0000-0000-0000-000000000003', now() + interval '50 minutes'), '00000000-0000-0000-0000-000000000003'::uuid, 'in texts, by a clock that is ahead');
SELECT isnt(reco.log_impressions('m', 6, '{1}'), reco.log_impressions('m', 6, '{1}'), 'each has an id of its own');
CREATE TEMP TABLE logged AS SELECT * FROM reco.recommend_logged('m', 8, k => 4, basket => '{2}');
CREATE TEMP TABLE logged_text AS SELECT * FROM reco.recommend_logged_text('t', 'u8', k => 4);
SELECT is((SELECT count(DISTINCT recommendation_id)::integer FROM logged), 1, 'one id for all rows of an answer');
RESET ROLE;
SELECT results_eq($$SELECT model COLLATE "default", recommendation_id, user_id COLLATE "default", items, context, at = now() FROM reco.impressions WHERE recommendation_id < '00000000-0000-0000-0000-000000000003'::uuid ORDER BY 2$$,
                  $$VALUES ('m', '00000000-0000-0000-0000-000000000001'::uuid, '5', '{3,1,2}'::text[], '{"page": "cart"}'::jsonb, false), ('m', '00000000-0000-0000-0000-000000000002', NULL, '{7}', NULL, false)$$, 'as they were given');
SELECT is((SELECT items FROM reco.impressions WHERE model = 't' AND user_id = 'u5'), ARRAY['k3', 'k 4'], 'texts');
SELECT is((SELECT (user_id, items)::text FROM reco.impressions JOIN (SELECT DISTINCT recommendation_id FROM logged) l USING (recommendation_id)), (SELECT ('8', array_agg(item_id::text ORDER BY rank))::text FROM logged), 'an answer, in its order');
SELECT is((SELECT (user_id, items)::text FROM reco.impressions JOIN (SELECT DISTINCT recommendation_id FROM logged_text) l USING (recommendation_id)), (SELECT ('u8', array_agg(item_id ORDER BY rank))::text FROM logged_text), 'of a model with texts');
SELECT results_eq('SELECT rank, item_id, score, probability, source, value, price, offer, rules FROM logged', 'SELECT * FROM reco.recommend(''m'', 8, k => 4, basket => ''{2}'')', 'which is that of recommend');
SELECT is((SELECT count(*)::integer FROM reco.recommend_logged('m', 8, candidates => '{}')), 0, 'an answer without rows');
SELECT is((SELECT count(*)::integer FROM reco.impressions), 7, 'is not kept');
SELECT is_empty($$SELECT tableoid::regclass, at FROM reco.impression WHERE tableoid::regclass::text <> 'reco.impression_' || to_char(at AT TIME ZONE 'UTC', 'YYYY_MM')$$, 'each in its month');
SELECT is((SELECT count(*)::integer FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND objid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'reco.impression'::regclass)), 0, 'partitions are no members of the extension');
SELECT is_empty($$SELECT c.relname, a.* FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = 'reco'::regnamespace AND c.relname LIKE 'impression%' AND c.relkind IN ('r', 'p') AND a.grantee <> c.relowner$$, 'and nobody''s to read or write');
-- A default that gives new tables away does not reach the public; tables stand where they do by default, whatever the caller's settings.
SELECT ok((SELECT bool_and(relowner = (SELECT relowner FROM pg_class WHERE oid = 'reco.impression'::regclass) AND reltablespace = 0) FROM pg_class WHERE oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'reco.impression'::regclass)), 'their owner is the extension''s');

-- ---- Who sees it -----------------------------------------------------------------------------------------------------

CREATE FUNCTION sight(who name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', who);
	SELECT string_agg(n::text, ' ' ORDER BY model) INTO result FROM (SELECT model, count(*) AS n FROM reco.impressions GROUP BY model) x;
	RESET ROLE;
	RETURN result;
END $$;
SELECT is(sight(who), seen, 'what sees ' || who) FROM (VALUES ('postgres'::name, '5 2'), ('owner_role', '5 2'), ('analyst', '5'), ('shop_role', NULL), ('nobody', NULL)) x (who, seen);
CREATE FUNCTION leak(text) RETURNS boolean COST 0.0000001 LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'leaked %', $1; END $$;
SET ROLE nobody;
SELECT is_empty('SELECT * FROM reco.impressions WHERE leak(user_id)', 'a cheap function sees no row that its caller may not see');
SELECT throws_ok(call, '42501', message, call)
FROM   (VALUES ('SELECT reco.log_impressions(''m'', 1, ''{1}'')', 'permission denied for model "m"'), ('SELECT * FROM reco.recommend_logged(''m'', 1)', 'permission denied for model "m"'),
               ('SELECT reco.keep_impressions(''m'', ''1 day'')', 'must be owner of model "m"'), ('SELECT reco.prune_impressions(''m'')', 'must be owner of model "m"'), ('SELECT reco.forget_user(''m'', 1)', 'must be owner of model "m"'),
               ('SELECT * FROM reco.impression', 'permission denied for table impression')) x (call, message);
RESET ROLE;

-- ---- Consent ---------------------------------------------------------------------------------------------------------

SET ROLE owner_role;
SELECT reco.add_users('m', 'people', 'u', consent => 'yes AS personalize') \g /dev/null
RESET ROLE;
SELECT reco.log_impressions('m', u, '{1,2}', ('00000000-0000-0000-0001-' || lpad(u::text, 12, '0'))::uuid, context => '{"session": "his"}') FROM unnest(ARRAY[2, 3, 99]) u \g /dev/null
SELECT results_eq($$SELECT user_id COLLATE "default", context::text FROM reco.impressions WHERE recommendation_id BETWEEN '00000000-0000-0000-0001-000000000000' AND '00000000-0000-0000-0001-ffffffffffff' ORDER BY recommendation_id$$,
                  $$VALUES ('2', '{"session": "his"}'), (NULL, NULL), (NULL, NULL)$$, 'who does not consent, or of whom no row says so, is nobody');
CREATE TEMP TABLE answered AS SELECT DISTINCT u, recommendation_id FROM unnest(ARRAY[2, 3]) u, reco.recommend_logged('m', u, k => 2);
SELECT is((SELECT string_agg(concat(u, ' ', user_id), ', ' ORDER BY u) FROM answered JOIN reco.impressions USING (recommendation_id)), '2 2, 3 ', 'in answers as well');
SET ROLE owner_role;
SELECT reco.add_users('t', 'people', '''u'' || u', consent => 'yes AS personalize') \g /dev/null
RESET ROLE;
SELECT reco.log_impressions_text('t', 'u' || n, '{k1}', ('00000000-0000-0000-0002-00000000000' || n)::uuid) FROM generate_series(3, 4) n \g /dev/null
SELECT reco.log_impressions_text('m', 'no number', '{1}', '00000000-0000-0000-0002-000000000005') \g /dev/null
CREATE FUNCTION shown_to(id integer) RETURNS text LANGUAGE sql AS $$ SELECT user_id || '' FROM reco.impressions WHERE recommendation_id = ('00000000-0000-0000-0002-00000000000' || id)::uuid UNION ALL SELECT 'not kept' LIMIT 1 $$;
SELECT is(shown_to(3), NULL, 'in texts');
SELECT is(shown_to(4), 'u4', 'too');
SELECT is(shown_to(5), NULL, 'a key that cannot be a customer''s is nobody''s where consent is asked');

-- ---- What of it was bought -------------------------------------------------------------------------------------------

SET ROLE owner_role;
SELECT reco.create_model('a', 'UTC', '{"min_support": 1}') \g /dev/null
RESET ROLE;
-- Customers 1 to 4, one order each of items 1 and 2, three days ago; 5 has one of twenty days ago.
CREATE TABLE bought AS SELECT u AS o, u, i, 10 * i AS v, now() - CASE WHEN u = 5 THEN 20 ELSE 3 END * interval '1 day' AS at FROM generate_series(1, 5) u, generate_series(1, 2) i;
INSERT INTO bought VALUES (9, NULL, 1, 70, now() - interval '3 days'), (10, 1, 1, -5, now() - interval '2 days');
GRANT SELECT ON bought TO owner_role;
SET ROLE owner_role;
SELECT reco.add_orders('a', 'bought', 'u', 'i', 'at', 'o', amount => 'v'), reco.keep_impressions('a', '90 days') \g /dev/null
SELECT is((SELECT (recommended_orders, recommended_revenue)::text FROM reco.aov_report('a')), '(,)', 'before the first impression nothing is known');
SELECT reco.log_impressions('a', u, items, at => now() - ago) FROM (VALUES (1, '{2,7}'::bigint[], '4 days'::interval), (2, '{1}', '11 days'), (3, '{1,2}', '2 days'), (4, '{3}', '4 days'), (NULL, '{1,2}', '4 days')) x (u, items, ago) \g /dev/null
SELECT is((SELECT (recommended_orders, recommended_revenue)::text FROM reco.aov_report('a')), format('(%s,%s)', 1 / 5::float8, 20 / 190::float8), 'one order of five since then had an item that was shown within 7 days before');
SELECT is((SELECT (recommended_orders, recommended_revenue)::text FROM reco.aov_report('a', attribution_window => '8 days')), format('(%s,%s)', 2 / 5::float8, 30 / 190::float8), 'two within 8 days');
SELECT is((SELECT (recommended_orders, recommended_revenue)::text FROM reco.aov_report('a', attribution_window => '1 month')), format('(%s,%s)', 2 / 5::float8, 30 / 190::float8), 'or a month');
SELECT is((SELECT recommended_orders FROM reco.aov_report('a', attribution_window => '23 hours')), 0::float8, 'none within 23 hours');
SELECT reco.log_impressions('a', 3, '{1,1}', at => (SELECT at FROM bought WHERE o = 3 LIMIT 1)) \g /dev/null
SELECT is((SELECT (recommended_orders, recommended_revenue)::text FROM reco.aov_report('a')), format('(%s,%s)', 2 / 5::float8, 30 / 190::float8), 'shown at the time of the order; twice is once');
SELECT is((SELECT (recommended_orders, recommended_revenue)::text FROM reco.aov_report('a', since => now() - interval '25 days', until => now() - interval '15 days')), '(,)', 'an order from before the first impression');
SELECT is((SELECT string_agg(concat_ws(' ', period_start IS NULL, orders, recommended_orders), ', ' ORDER BY period_start) FROM reco.aov_report('a', period => 'day') WHERE orders > 0), 'f 1, f 5 0.4', 'by day');
SELECT reco.create_model('at', 'UTC', '{"impression_days": 30}'), reco.add_orders('at', 'bought', '''u'' || u', '''i'' || i', 'at', 'o', amount => 'v') \g /dev/null
SELECT reco.log_impressions_text('at', 'u1', '{i2,i7}', at => now() - interval '4 days') \g /dev/null
SELECT is((SELECT (recommended_orders, recommended_revenue)::text FROM reco.aov_report('at')), format('(%s,%s)', 1 / 5::float8, 20 / 190::float8), 'keys that are texts');
RESET ROLE;

-- ---- A person is forgotten -------------------------------------------------------------------------------------------

SELECT reco.log_impressions('m', 424242, '{1,2}', context => '{"note": "424242"}') FROM generate_series(0, 3) \g /dev/null
UPDATE people SET u = 424242 WHERE u = 25;
SELECT reco.log_impressions('m', 424242, '{1,2}', at => now() - n * interval '20 days', context => '{"of": "424242"}') FROM generate_series(0, 4) n \g /dev/null
-- Every row of every table of the schema, as text.
CREATE FUNCTION mentions(what text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	t regclass;
	n bigint;
	result bigint := 0;
BEGIN
	FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'reco'::regnamespace AND relkind IN ('r', 'm', 'S') LOOP
		EXECUTE format('SELECT count(*) FROM %s x WHERE strpos(x::text, $1) > 0 OR strpos(x::text, encode($1::bytea, ''hex'')) > 0', t) INTO n USING what;
		result := result + n;
	END LOOP;
	RETURN result;
END $$;
SELECT is(mentions('424242'), 5::bigint, 'there are rows of a customer');
SELECT is(reco.forget_user('m', 424242), 5::bigint, 'they are removed');
SELECT is(mentions('424242'), 0::bigint, 'nothing in any table is of him');
SELECT is(reco.forget_user('m', 424242), 0::bigint, 'again: nothing to do');
SELECT is(reco.forget_user_text('t', 'u4'), 1::bigint, 'in texts');
SELECT is((SELECT count(*)::integer FROM reco.impressions WHERE model = 't'), 3, 'the others are left');

-- ---- They grow old ---------------------------------------------------------------------------------------------------

CREATE TABLE before AS SELECT model, count(*) AS n, count(*) FILTER (WHERE at >= now() - interval '20 days') AS young FROM reco.impressions GROUP BY model;
SELECT is((SELECT rows FROM reco.prune_impressions('m')), 0::bigint, 'nothing is too old');
SELECT reco.keep_impressions('m', '20 days') \g /dev/null
SELECT is((SELECT rows FROM reco.prune_impressions('m')), (SELECT n - young FROM before WHERE model = 'm'), 'what has become too old is removed');
SELECT is((SELECT string_agg(format('%s %s', model, n), ', ' ORDER BY model) FROM (SELECT model, count(*) AS n FROM reco.impressions GROUP BY model) x),
          (SELECT string_agg(format('%s %s', model, CASE WHEN model = 'm' THEN young ELSE n END), ', ' ORDER BY model) FROM before), 'that of other models is not');
-- Old months: of this model alone they go as a whole, unless others need them.
SELECT reco.keep_impressions('m', '3000 days'), reco.keep_impressions('a', '3000 days') \g /dev/null
SELECT reco.log_impressions('m', 2, '{1}', at => now() - (500 + 100 * n) * interval '1 day') FROM generate_series(0, 3) n \g /dev/null
SELECT reco.log_impressions('a', 2, '{1}', at => now() - 500 * interval '1 day') \g /dev/null
SELECT reco.keep_impressions('m', '20 days') \g /dev/null
SELECT is((SELECT (rows, partitions)::text FROM reco.prune_impressions('m')), '(4,3)', 'three months as a whole, one row of a month that another model needs');
SELECT is((SELECT (rows, partitions)::text FROM reco.prune_impressions('m')), '(0,0)', 'once');
SELECT reco.keep_impressions('m', NULL) \g /dev/null
SELECT is(reco.log_impressions('m', 1, '{1}'), NULL, 'no more are kept');
SELECT cmp_ok((SELECT rows FROM reco.prune_impressions('m')), '>', 0::bigint, 'and those that there are are removed');
SELECT is((SELECT count(*)::integer FROM reco.impressions WHERE model = 'm'), 0, 'all of them');
SELECT ok((SELECT count(*) > 0 FROM reco.impressions WHERE model = 'a'), 'another model has some');
SELECT reco.drop_model('a') \g /dev/null
SELECT is((SELECT count(*)::integer FROM reco.impression WHERE model = 'a'), 0, 'they go with the model');

-- ---- What is refused -------------------------------------------------------------------------------------------------

SELECT is(complaint('SELECT ' || call)::text, ROW(state, message, hint)::text, call)
FROM   (VALUES ('reco.log_impressions_text(NULL, ''u'', ''{a}'')', '22004', 'parameter "model" must not be null', 'See the comment on the function: \df+ and \dd in psql.'),
               ('reco.log_impressions_text(''nothing'', ''u'', ''{a}'')', '42704', 'model "nothing" does not exist', 'SELECT model FROM reco.models lists the models that you may use; reco.create_model makes a new one.'),
               ('reco.log_impressions_text(''t'', ''u'', NULL)', '22004', 'parameter "item_ids" must not be null', 'Give the items that were shown.'),
               ('reco.log_impressions_text(''t'', ''u'', ''{}'')', '22023', 'parameter "item_ids" must have from 1 to 1000 items, not 0', 'Log what was shown, page by page.'),
               ('reco.log_impressions(''t'', 1, array_fill(1::bigint, ARRAY[1001]))', '22023', 'parameter "item_ids" must have from 1 to 1000 items, not 1001', 'Log what was shown, page by page.'),
               ('reco.log_impressions_text(''t'', ''u'', ''{{a},{b}}'')', '2202E', 'parameter "item_ids" must be a one-dimensional array, not one of 2 dimensions', 'Give a plain list of item ids.'),
               ('reco.log_impressions_text(''t'', ''u'', ''{a,NULL}'')', '22004', 'parameter "item_ids" must not contain nulls', 'Remove them, for example with array_remove(item_ids, NULL).'),
               ('reco.log_impressions_text(''t'', NULL, ARRAY[repeat(''a'', 1001)])', '54000', 'parameter "item_ids" has a key of 1001 bytes, more than 1000', 'Such a key is not that of a customer or an item.'),
               ('reco.log_impressions_text(''at'', repeat(''u'', 1001), ''{a}'')', '54000', 'parameter "user_id" has a key of 1001 bytes, more than 1000', 'Such a key is not that of a customer or an item.'),
               ('reco.log_impressions_text(''t'', ''u'', ''{a}'', NULL)', '22004', 'parameter "recommendation_id" must not be null', 'Leave it out for the default.'),
               ('reco.log_impressions_text(''t'', ''u'', ''{a}'', at => NULL)', '22004', 'parameter "at" must not be null', 'Leave it out for the default.'),
               ('reco.log_impressions_text(''t'', ''u'', ''{a}'', at => ''2001-02-03 04:05:06+00'')', '22023', 'parameter "at" must be from 1 days ago to an hour from now, not 2001-02-03 04:05:06+00', 'The clock of whoever asks may be wrong; reco.keep_impressions says how long they are kept.'),
               ('reco.log_impressions_text(''t'', ''u'', ''{a}'', at => ''infinity'')', '22023', 'parameter "at" must be from 1 days ago to an hour from now, not infinity', 'The clock of whoever asks may be wrong; reco.keep_impressions says how long they are kept.'),
               ('reco.log_impressions_text(''t'', ''u'', ''{a}'', at => ''-infinity'')', '22023', 'parameter "at" must be from 1 days ago to an hour from now, not -infinity', 'The clock of whoever asks may be wrong; reco.keep_impressions says how long they are kept.'),
               ('reco.log_impressions_text(''t'', ''u'', ''{a}'', context => to_jsonb(repeat(''a'', 8185)))', '54000', 'parameter "context" has 8197 bytes, more than 8192', 'Give what tells the place and the occasion, such as {"page": "cart"}.'),
               ('reco.keep_impressions(''t'', ''0 days'')', '22023', 'parameter "retention" must be from 1 to 3650 whole days, not 00:00:00', 'Give an interval of days, such as ''90 days''; NULL keeps no more impressions.'),
               ('reco.keep_impressions(''t'', ''1 month'')', '22023', 'parameter "retention" must be from 1 to 3650 whole days, not 1 mon', 'Give an interval of days, such as ''90 days''; NULL keeps no more impressions.'),
               ('reco.keep_impressions(''t'', ''36 hours'')', '22023', 'parameter "retention" must be from 1 to 3650 whole days, not 36:00:00', 'Give an interval of days, such as ''90 days''; NULL keeps no more impressions.'),
               ('reco.keep_impressions(''t'', ''3651 days'')', '22023', 'parameter "retention" must be from 1 to 3650 whole days, not 3651 days', 'Give an interval of days, such as ''90 days''; NULL keeps no more impressions.'),
               ('reco.forget_user(''t'', NULL)', '22004', 'parameter "user_id" must not be null', 'What was shown to nobody known cannot be told apart.'),
               ('reco.aov_report(''m'', attribution_window => ''0'')', '22023', 'parameter "attribution_window" must be above 0 and at most 3650 days, not 00:00:00', 'It is how long before an order an item may have been shown.'),
               ('reco.aov_report(''m'', attribution_window => NULL)', '22023', 'parameter "attribution_window" must be above 0 and at most 3650 days, not null', 'It is how long before an order an item may have been shown.'))
       AS x (call, state, message, hint);
SELECT is((SELECT count(*)::integer FROM reco.impressions WHERE model = 't' AND 'a' = ANY (items)), 0, 'nothing was kept of all that');
BEGIN TRANSACTION READ ONLY;
SELECT throws_ok(call, '25006', message, 'read only: ' || call)
FROM   (VALUES ('SELECT reco.log_impressions(''t'', 1, ''{1}'')', 'cannot execute reco.log_impressions() in a read-only transaction'), ('SELECT * FROM reco.recommend_logged_text(''t'', ''u1'')', 'cannot execute reco.recommend_logged_text() in a read-only transaction'),
               ('SELECT reco.forget_user(''t'', 1)', 'cannot execute reco.forget_user() in a read-only transaction'), ('SELECT reco.prune_impressions(''t'')', 'cannot execute reco.prune_impressions() in a read-only transaction'),
               ('SELECT reco.keep_impressions(''t'', ''1 day'')', 'cannot execute reco.keep_impressions() in a read-only transaction')) x (call, message);
ROLLBACK;

-- A transaction that is undone leaves neither rows nor partitions; the session goes on.
SELECT reco.keep_impressions('t', '3000 days') \g /dev/null
BEGIN;
SELECT reco.log_impressions_text('t', NULL, '{gone}', at => now() - interval '2000 days') \g /dev/null
ROLLBACK;
SELECT is((SELECT count(*)::integer FROM reco.impressions WHERE 'gone' = ANY (items)), 0, 'undone');
SELECT isnt(reco.log_impressions_text('t', NULL, '{there}', at => now() - interval '2000 days'), NULL, 'and done again, with the partition');
SELECT is((SELECT count(*)::integer FROM reco.impressions WHERE 'there' = ANY (items)), 1, 'it is there');

-- The extension goes with all of it, and comes again.
DROP EXTENSION reco;
SELECT is_empty('SELECT FROM pg_class WHERE relname LIKE ''impression%''', 'no partition is left');
CREATE EXTENSION reco;
SELECT reco.create_model('m', 'UTC'), reco.keep_impressions('m', '9 days') \g /dev/null
SELECT isnt(reco.log_impressions('m', 1, '{1}'), NULL, 'in a new extension');
SELECT is((SELECT count(*)::integer FROM reco.impressions), 1, 'there is what was logged there');

SELECT * FROM finish();
