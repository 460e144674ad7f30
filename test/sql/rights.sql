-- Who may do what: a matrix of roles, functions and tables; grants; what the views show.

SET client_min_messages = warning;
SELECT plan(1013);

CREATE ROLE owner_role;
CREATE ROLE member;
CREATE ROLE outsider_member NOINHERIT;
CREATE ROLE recommender;
CREATE ROLE explainer;
CREATE ROLE nobody;
CREATE ROLE admin SUPERUSER;
CREATE ROLE heir;
GRANT owner_role TO member, outsider_member;
GRANT EXECUTE ON FUNCTION reco.create_model(text, text, jsonb) TO owner_role;

CREATE TABLE lines AS
SELECT o, o % 5 AS u, 1 + (o * 7 + j * 3) % 6 AS i, 'k' || (o * 7 + j * 3) % 6 AS t, '2024-01-01'::timestamptz + o * interval '1 hour' AS at
FROM generate_series(1, 40) o, generate_series(1, 2) j;
CREATE TABLE words AS SELECT n, n % 6 AS i, 1 + n % 5 AS stars, 'word' || n % 5 || ' thing' || n AS body FROM generate_series(1, 600) n;
GRANT SELECT ON lines, words TO owner_role;
SET ROLE owner_role;
SELECT reco.create_model('m', 'UTC', '{"factors": 2, "training_clock": "2024-01-02 06:00+00"}') \g /dev/null
SELECT reco.add_orders('m', 'lines', 'u', 'i', 'at', 'o', context => 'o % 2 AS parity') \g /dev/null
SELECT reco.add_orders('m', 'lines', 'u', 'i', 'at', amount => 'i', name => 'spare') \g /dev/null
SELECT reco.train('m') \g /dev/null
SELECT reco.create_experiment('m', 'x', '2030-01-01', 0.1, metric => 'items_per_order', starts => '2024-01-01') \g /dev/null
SELECT reco.create_model('t', 'UTC', '{"factors": 2}') \g /dev/null
SELECT reco.add_orders('t', 'lines', 'u', 't', 'at', 'o') \g /dev/null
SELECT reco.train('t') \g /dev/null
SELECT reco.create_model('w', 'UTC', '{"factors": 2}') \g /dev/null
SELECT reco.add_orders('w', 'lines', 'u', 'i', 'at', 'o'), reco.add_reviews('w', 'words', 'n', 'i', stars => 'stars', body => 'body') \g /dev/null
SELECT reco.train('w') \g /dev/null
SELECT reco.add_items('w', 'lines', 'i', price => 'i', name => 'goods'), reco.add_items('t', 'lines', 't', price => 'i', name => 'goods') \g /dev/null
SELECT reco.keep_impressions('w', '1 day'), reco.log_impressions('w', 1, '{1}') \g /dev/null
SELECT reco.grant_usage(model, 'recommender'), reco.grant_usage(model, 'explainer', explain => true) FROM unnest(ARRAY['m', 't', 'w']) model \g /dev/null
RESET ROLE;

-- What a call as a role gives: ok, or the SQLSTATE.  Whatever it does is undone.
CREATE FUNCTION outcome(who name, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text := 'ok';
BEGIN
	BEGIN
		EXECUTE format('SET LOCAL ROLE %I', who);
		EXECUTE call;
		RAISE EXCEPTION USING ERRCODE = 'UNDOO';
	EXCEPTION
		WHEN SQLSTATE 'UNDOO' THEN NULL;
		WHEN OTHERS THEN result := SQLSTATE;
	END;
	RETURN result;
END $$;

-- ---- Functions ----------------------------------------------------------------------------------------------------

CREATE TABLE roles (who name, rank integer);           -- 4 superuser, 3 owner, 2 explain, 1 recommend, 0 nobody
INSERT INTO roles VALUES ('postgres', 4), ('admin', 4), ('owner_role', 3), ('member', 3), ('explainer', 2), ('recommender', 1), ('nobody', 0),
                         ('outsider_member', 0);
CREATE TABLE calls (call text, needed integer);
INSERT INTO calls VALUES
	('SELECT reco.alter_model(''m'', ''{"seed": 1}'')', 3),
	('SELECT reco.alter_model(''m'')', 3),
	('SELECT reco.drop_model(''m'')', 3),
	('SELECT reco.drop_model(''m'', missing_ok => true)', 3),
	('SELECT reco.add_orders(''m'', ''lines'', ''u'', ''i'', ''at'')', 3),
	('SELECT reco.add_items(''m'', ''lines'', ''i'')', 3),
	('SELECT reco.add_users(''m'', ''lines'', ''u'')', 3),
	('SELECT reco.add_reviews(''m'', ''lines'', ''u'', ''i'')', 3),
	('SELECT reco.add_sessions(''m'', ''lines'', ''o'', ''i'', ''at'')', 3),
	('SELECT reco.add_social(''m'', ''lines'', ''u'', ''u'')', 3),
	('SELECT reco.add_offers(''m'', ''lines'', ''i'', ''i'')', 3),
	('SELECT reco.remove_source(''m'', ''spare'')', 3),
	('SELECT reco.remove_source(''m'', ''spare'', ''orders'')', 3),
	('SELECT reco.grant_usage(''m'', ''heir'')', 3),
	('SELECT reco.grant_usage(''m'', ''heir'', true)', 3),
	('SELECT reco.grant_usage(''m'', ''public'')', 3),
	('SELECT reco.revoke_usage(''m'', ''recommender'')', 3),
	('SELECT reco.revoke_usage(''m'', ''explainer'', true)', 3),
	('SELECT reco.train(''m'')', 3),
	('SELECT reco.activate(''m'', 1)', 3),
	('SELECT reco.set_owner(''m'', ''owner_role'')', 3),
	('SELECT reco.create_experiment(''m'', ''y'', ''2030-01-01'', 0.1, metric => ''items_per_order'')', 3),
	('SELECT reco.end_experiment(''x'')', 3),
	('SELECT reco.drop_experiment(''x'')', 3),
	('SELECT reco.drop_experiment(''x'', missing_ok => true)', 3),
	('SELECT reco.drop_experiment(''nothing'', missing_ok => true)', 0),
	('SELECT reco.assign(''x'', 1)', 1),
	('SELECT reco.assign(''x'', NULL)', 1),
	('SELECT reco.assign_text(''x'', ''1'')', 1),
	('SELECT * FROM reco.experiment_report(''x'')', 3),
	('SELECT * FROM reco.experiment_size(''m'', ''items_per_order'')', 3),
	('SELECT reco.set_rules(''m'', ''{"diversity": 0}'')', 3),
	('SELECT reco.set_owner(''m'', ''heir'')', 4),
	('SELECT reco.set_owner(''m'', ''postgres'')', 4),
	('SELECT * FROM reco.recommend(''m'', 1)', 1),
	('SELECT * FROM reco.recommend(''m'', NULL, basket => ''{1}'')', 1),
	('SELECT * FROM reco.recommend_text(''t'', ''1'')', 1),
	('SELECT * FROM reco.recommend_all(''m'')', 1),
	('SELECT * FROM reco.recommend_all_text(''t'')', 1),
	('SELECT * FROM reco.similar_items(''m'', 1)', 1),
	('SELECT * FROM reco.similar_items_text(''t'', ''k1'')', 1),
	('SELECT * FROM reco.complements(''m'', ''{1}'')', 1),
	('SELECT * FROM reco.complements_text(''t'', ''{k1}'')', 1),
	('SELECT * FROM reco.complete_basket(''w'', 1, ''{1}'', 4)', 1),
	('SELECT * FROM reco.complete_basket_text(''t'', ''1'', ''{k1}'', 4)', 1),
	('SELECT * FROM reco.bundles(''m'', min_support => 2)', 3),
	('SELECT * FROM reco.bundles_text(''t'', min_support => 2)', 3),
	('SELECT * FROM reco.aov_report(''m'')', 3),
	('SELECT reco.aov(o, u, i) FROM (VALUES (1, 2, 3), (1, 3, 3)) v (o, u, i)', 0),
	('SELECT reco.keep_impressions(''m'', ''9 days'')', 3),
	('SELECT reco.log_impressions(''m'', 1, ''{1}'')', 1),
	('SELECT reco.log_impressions_text(''t'', ''1'', ''{k1}'')', 1),
	('SELECT * FROM reco.recommend_logged(''m'', 1)', 1),
	('SELECT * FROM reco.recommend_logged_text(''t'', ''1'')', 1),
	('SELECT * FROM reco.prune_impressions(''m'')', 3),
	('SELECT reco.forget_user(''m'', 1)', 3),
	('SELECT reco.forget_user_text(''t'', ''1'')', 3),
	('SELECT * FROM reco.impressions', 0),
	('SELECT * FROM reco.weights(''m'')', 1),
	('SELECT * FROM reco.explain(''m'', 1, 1)', 2),
	('SELECT * FROM reco.explain(''m'', NULL, 1, basket => ''{2}'')', 2),
	('SELECT * FROM reco.explain_text(''t'', ''1'', ''k1'')', 2),
	('SELECT * FROM reco.predict(''m'', 1, ''{1,2}'')', 1),
	('SELECT * FROM reco.predict(''m'', NULL, ''{1}'', basket => ''{2}'', history => ''{1}'')', 1),
	('SELECT * FROM reco.predict_text(''t'', ''1'', ''{k1}'')', 1),
	('SELECT * FROM reco.sentiment(''w'', ''word1'')', 1),
	('SELECT reco.export_model(''m'')', 3),
	('SELECT reco.export_model(''m'', 1)', 3),
	('SELECT reco.import_model(''m'', (SELECT reco.factorize(u, i, 1) FROM (VALUES (1, 2), (1, 3)) v (u, i)))', 3),
	('SELECT reco.factorize(u, i, 1) FROM (VALUES (1, 2), (1, 3)) v (u, i)', 0),
	('SELECT * FROM reco.check(''m'')', 3),
	('SELECT * FROM reco.prune_versions(''m'', 1)', 3),
	('SELECT * FROM reco.algorithms()', 0),
	('SELECT * FROM reco.evaluate(''m'')', 3),
	('SELECT * FROM reco.replay(''m'')', 3),
	('SELECT * FROM reco.value_curve(''m'')', 3),
	('SELECT * FROM reco.compare(''m'', 1, 1)', 3),
	('SELECT * FROM reco.fairness(''m'', ''parity'', min_support => 2)', 3),
	('SELECT reco.access(''m'')', 0),
	('SELECT reco.access(''nothing'')', 0),
	('SELECT reco.default_options()', 0),
	('SELECT * FROM reco.options()', 0),
	('SELECT * FROM reco.progress()', 0),
	('SELECT reco.resolve_role(''nobody'', 0, 0)', 0),
	('SELECT reco.resolve_relation(''public'', ''lines'', 0, 0, 0)', 0),
	('SELECT * FROM reco.models', 0), ('SELECT * FROM reco.sources', 0), ('SELECT * FROM reco.versions', 0), ('SELECT * FROM reco.grants', 0), ('SELECT * FROM reco.experiments', 0);
CREATE TABLE metrics (name, arguments) AS
SELECT m || '_at_k', '''{1}''::integer[], ''{1}'', 1' FROM unnest(ARRAY['precision', 'recall', 'hit_rate', 'map', 'mrr', 'ndcg']) m
UNION ALL SELECT m || '_recovered_at_k', '''{1}''::integer[], ''{1}'', ''{1}'', 1, 1' FROM unnest(ARRAY['value', 'margin']) m
UNION ALL SELECT m, '1, true' FROM unnest(ARRAY['auc', 'log_loss', 'brier', 'calibration_error']) m UNION ALL VALUES ('calibration_error', '1, true, 2')
UNION ALL SELECT m, '''{1}''::integer[], 1, 1' FROM unnest(ARRAY['catalogue_coverage', 'exposure_gini']) m
UNION ALL VALUES ('rmse', '1, 1'), ('mse', '1, 1'), ('novelty', '1, 1'), ('intra_list_diversity', '1'), ('intra_list_diversity', 'NULL');
CREATE TABLE metrics_support (name) AS SELECT 'metrics_' || part
FROM unnest(string_to_array('lists_step values_step margins_step errors_step probabilities_step calibration_step novelty_step diversity_step auc_step exposure_step combine '
                            'mean_1 mean_2 mean_3 mean_4 mean_5 mean_6 root ratio calibration auc coverage gini', ' ')) part;
INSERT INTO calls SELECT format('SELECT reco.%s(%s)', name, arguments), 0 FROM metrics;
SELECT is(outcome(who, call), CASE WHEN rank >= needed THEN 'ok' ELSE '42501' END, format('%s: %s', who, call))
FROM   roles, calls ORDER BY call, rank DESC, who;
SELECT bag_eq($$SELECT DISTINCT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'reco'$$,
              $$SELECT DISTINCT (regexp_match(call, 'reco\.(\w+)\('))[1]::name FROM calls WHERE call LIKE '%reco.%(%'
                UNION SELECT 'create_model' UNION SELECT aggregate || part FROM unnest(ARRAY['factorize_', 'aov_']) aggregate, unnest(ARRAY['step', 'combine', 'serialize', 'deserialize', 'final']) part
                UNION SELECT name FROM metrics_support$$, 'the matrix has every function');

-- create_model is the DBA's to give, and the model belongs to who calls.
SELECT is(outcome(who, 'SELECT reco.create_model(''new'')'), CASE WHEN rank >= 3 THEN 'ok' ELSE '42501' END, format('%s: create_model', who)) FROM roles;
SELECT function_privs_are('reco', 'create_model', ARRAY['text', 'text', 'jsonb'], 'public', '{}'::text[], 'create_model is not for all');
SELECT is(outcome('nobody', 'SELECT reco.create_model(''m'')'), '42501', 'not even to find out that a name is taken');

-- The hints and words of a refusal.
SET ROLE nobody;
SELECT throws_ok($$SELECT reco.train('m')$$, '42501', 'must be owner of model "m"', 'nobody does not train');
SELECT throws_ok($$SELECT * FROM reco.recommend('m', 1)$$, '42501', 'permission denied for model "m"', 'nor ask');
SELECT throws_ok($$SELECT * FROM reco.recommend('nothing', 1)$$, '42704', 'model "nothing" does not exist', 'what is not there');
SET ROLE owner_role;
SELECT throws_ok($$SELECT reco.set_owner('m', 'heir')$$, '42501', 'must be able to SET ROLE "heir" to give it a model', 'an owner cannot give a model to just anybody');
RESET ROLE;

-- ---- Tables -------------------------------------------------------------------------------------------------------

SELECT bag_eq($$SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'reco' AND relkind IN ('r', 'v', 'p') AND NOT relispartition$$,
              ARRAY['model', 'source', 'source_column', 'version', 'version_part', 'model_grant', 'experiment', 'impression', 'models', 'sources', 'versions', 'grants', 'experiments', 'impressions']::name[],
              'tables and views of the schema');
CREATE TABLE attempts (attempt text);
INSERT INTO attempts VALUES ('SELECT * FROM reco.%I'), ('SELECT count(*) FROM reco.%I'), ('INSERT INTO reco.%I DEFAULT VALUES'), ('DELETE FROM reco.%I'),
	('TRUNCATE reco.%I'), ('LOCK TABLE reco.%I'), ('ALTER TABLE reco.%I DISABLE TRIGGER ALL'), ('DROP TABLE reco.%I'),
	('CREATE TRIGGER t BEFORE INSERT ON reco.%I EXECUTE FUNCTION suppress_redundant_updates_trigger()'), ('CREATE INDEX ON reco.%I ((1))'),
	('CREATE POLICY p ON reco.%I'), ('GRANT SELECT ON reco.%I TO PUBLIC'), ('CREATE RULE r AS ON INSERT TO reco.%I DO NOTHING');
SELECT is_empty(format($$SELECT t, attempt, outcome(%L, format(attempt, t)) FROM attempts,
	(SELECT relname FROM pg_class WHERE relnamespace = 'reco'::regnamespace AND relkind IN ('r', 'p')) c (t) WHERE outcome(%1$L, format(attempt, t)) <> '42501'$$, who),
	who || ' does nothing at all with the tables')
FROM   roles WHERE rank < 4;
SELECT is_empty(format($$SELECT t, a FROM (SELECT relname FROM pg_class WHERE relnamespace = 'reco'::regnamespace AND relkind IN ('r', 'p')) c (t), unnest(string_to_array(
	'SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER', ',')) a WHERE has_table_privilege(%L, 'reco.' || t, a)
	OR (a IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(%1$L, 'reco.' || t, a))$$, who), who || ' has no privilege on any')
FROM   roles WHERE rank < 4;
SELECT is(outcome(who, 'UPDATE reco.model SET owner_name = ''nobody'''), '42501', who || ' does not update') FROM roles WHERE rank < 4;
SELECT is_empty(format($$SELECT v, a FROM unnest(ARRAY['models', 'sources', 'versions', 'grants', 'experiments', 'impressions']) v, unnest(string_to_array(
	'INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER', ',')) a WHERE has_table_privilege(%L, 'reco.' || v, a)$$, who), who || ' only reads the views')
FROM   roles WHERE rank < 4;
SELECT is(outcome('nobody', 'CREATE TABLE reco.mine (a integer)'), '42501', 'nobody makes a table in the schema');
SELECT is(outcome('owner_role', 'CREATE FUNCTION reco.access(integer) RETURNS text RETURN ''owner'''), '42501', 'nor a function');
SELECT schema_privs_are('reco', 'public', ARRAY['USAGE'], 'all may only use the schema');
SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                  WHERE n.nspname = 'reco' AND (p.proleakproof OR p.prosecdef)$$, 'no function is leakproof or a security definer');
SELECT set_eq($$SELECT p.proname::text, p.provolatile::text, p.proparallel::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'reco'$$,
	$$VALUES ('aov', 'i', 's'), ('aov_step', 's', 's'), ('aov_combine', 's', 's'), ('aov_serialize', 's', 's'), ('aov_deserialize', 's', 's'), ('aov_final', 's', 's'), ('aov_report', 's', 'r'),
	         ('keep_impressions', 'v', 'u'), ('log_impressions', 'v', 'u'), ('log_impressions_text', 'v', 'u'), ('recommend_logged', 'v', 'u'), ('recommend_logged_text', 'v', 'u'), ('prune_impressions', 'v', 'u'), ('forget_user', 'v', 'u'), ('forget_user_text', 'v', 'u'),
	         ('factorize', 'i', 's'), ('factorize_step', 's', 's'), ('factorize_combine', 's', 's'), ('factorize_serialize', 's', 's'),
	         ('factorize_deserialize', 's', 's'), ('factorize_final', 's', 's'), ('export_model', 's', 'r'), ('import_model', 'v', 'u'),
	         ('predict', 's', 'r'), ('predict_text', 's', 'r'), ('sentiment', 's', 'r'), ('access', 's', 'r'), ('resolve_role', 's', 's'), ('resolve_relation', 's', 's'), ('default_options', 'i', 's'), ('options', 'i', 's'), ('progress', 's', 'r'),
	         ('recommend', 's', 'r'), ('recommend_text', 's', 'r'), ('recommend_all', 's', 'r'), ('similar_items', 's', 'r'), ('similar_items_text', 's', 'r'), ('complements', 's', 'r'), ('complements_text', 's', 'r'), ('weights', 's', 'r'), ('explain', 's', 'r'), ('explain_text', 's', 'r'), ('check', 'v', 'u'), ('prune_versions', 'v', 'u'), ('recommend_all_text', 's', 'r'), ('create_model', 'v', 'u'), ('alter_model', 'v', 'u'), ('set_owner', 'v', 'u'), ('set_rules', 'v', 'u'),
	         ('drop_model', 'v', 'u'), ('add_orders', 'v', 'u'), ('add_items', 'v', 'u'), ('add_users', 'v', 'u'), ('add_reviews', 'v', 'u'), ('add_sessions', 'v', 'u'), ('add_social', 'v', 'u'), ('add_offers', 'v', 'u'), ('remove_source', 'v', 'u'), ('grant_usage', 'v', 'u'),
	         ('revoke_usage', 'v', 'u'), ('train', 'v', 'u'), ('activate', 'v', 'u'),
	         ('algorithms', 'i', 's'), ('evaluate', 's', 'r'), ('replay', 's', 'r'), ('value_curve', 's', 'r'), ('compare', 's', 'r'), ('fairness', 's', 'r'),
	         ('bundles', 's', 'r'), ('bundles_text', 's', 'r'), ('complete_basket', 's', 'r'), ('complete_basket_text', 's', 'r'),
	         ('create_experiment', 'v', 'u'), ('end_experiment', 'v', 'u'), ('drop_experiment', 'v', 'u'), ('assign', 's', 'r'), ('assign_text', 's', 'r'), ('experiment_report', 's', 'r'), ('experiment_size', 's', 'r')
	  UNION SELECT name, 'i', 's' FROM metrics UNION SELECT name, 'i', 's' FROM metrics_support$$, 'labels of the functions');

-- ---- What is seen -------------------------------------------------------------------------------------------------

-- Each role's view of the model: access, sources, expressions, versions, grants.
CREATE FUNCTION sight(who name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %I', who);
	SELECT concat_ws(' ', coalesce(reco.access('m'), '-'), (SELECT string_agg(access, ',') FROM reco.models WHERE model = 'm'),
		(SELECT count(*) FROM reco.sources WHERE model = 'm'), (SELECT count(expressions) FROM reco.sources WHERE model = 'm'),
		(SELECT count(*) FROM reco.versions WHERE model = 'm'), (SELECT count(*) FROM reco.grants WHERE model = 'm')) INTO result;
	RESET ROLE;
	RETURN result;
END $$;
SELECT is(sight(who), CASE rank WHEN 0 THEN '- 0 0 0 0' WHEN 1 THEN 'recommend recommend 2 0 1 0' WHEN 2 THEN 'explain explain 2 0 1 0' ELSE 'owner owner 2 2 1 2' END,
          'what sees ' || who)
FROM   roles;
CREATE FUNCTION leak(text) RETURNS boolean COST 0.0000001 LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'leaked %', $1; END $$;
SET ROLE nobody;
SELECT is_empty('SELECT * FROM reco.models WHERE leak(model)', 'a cheap function sees no row of reco.models that its caller may not see');
SELECT is_empty('SELECT * FROM reco.sources WHERE leak(name)', 'nor of reco.sources');
SELECT is_empty('SELECT * FROM reco.versions WHERE leak(model)', 'nor of reco.versions');
SELECT is_empty('SELECT * FROM reco.experiments WHERE leak(experiment)', 'nor of reco.experiments');
SET ROLE recommender;
SELECT is_empty('SELECT * FROM reco.grants WHERE leak(role)', 'nor of reco.grants');
SELECT is_empty('SELECT * FROM reco.sources WHERE expressions IS NOT NULL AND leak(expressions::text)', 'nor an expression');
RESET ROLE;
SELECT is_empty('SELECT * FROM reco.progress()', 'nothing runs, and nobody sees anything run');
SELECT is((SELECT count(*)::integer FROM reco.access(NULL)), 1, 'access of NULL is no error');

-- ---- Grants --------------------------------------------------------------------------------------------------------

SET ROLE owner_role;
SELECT is(reco.grant_usage('m', 'heir'), 'recommend', 'a grant');
SELECT is(reco.grant_usage('m', 'heir', explain => true), 'explain', 'a higher one');
SELECT is(reco.grant_usage('m', 'heir'), 'explain', 'a lower one takes nothing away');
SELECT is(reco.grant_usage('m', 'heir', explain => NULL), 'explain', 'explain => NULL is no');
SELECT set_eq($$SELECT role, level FROM reco.grants WHERE model = 'm'$$, $$VALUES ('recommender', 'recommend'), ('explainer', 'explain'), ('heir', 'explain')$$, 'as listed');
SELECT is(reco.revoke_usage('m', 'heir', explain_only => true), 'recommend', 'the higher level taken back');
SELECT is(reco.revoke_usage('m', 'heir', explain_only => true), 'recommend', 'twice makes no difference');
SELECT is(reco.revoke_usage('m', 'heir'), NULL, 'then all');
SELECT is(reco.revoke_usage('m', 'heir'), NULL, 'nothing to take is no error');
SELECT is(reco.revoke_usage('m', 'heir', explain_only => true), NULL, 'and no grant by the back door');
SELECT throws_ok($$SELECT reco.grant_usage('m', 'no such role')$$, '42704', 'role "no such role" does not exist', 'an unknown role');
SELECT throws_ok($$SELECT reco.revoke_usage('m', 'no such role')$$, '42704', 'role "no such role" does not exist', 'also to revoke from');
RESET ROLE;
SELECT is(outcome('heir', 'SELECT * FROM reco.recommend(''m'', 1)'), '42501', 'who lost it may not ask');

SELECT is(reco.grant_usage('m', 'public'), 'recommend', 'a grant to all');
SELECT is(outcome('nobody', 'SELECT * FROM reco.recommend(''m'', 1)'), 'ok', 'then nobody may ask');
SELECT is(outcome('nobody', 'SELECT * FROM reco.recommend_text(''t'', ''1'')'), '42501', 'this model only');
SELECT is(outcome('nobody', 'SELECT reco.train(''m'')'), '42501', 'and not train');
SELECT is(sight('nobody'), 'recommend recommend 2 0 1 0', 'and sees as much');
SELECT is(sight('explainer'), 'explain explain 2 0 1 0', 'who had more keeps it');
SELECT set_eq($$SELECT role FROM reco.grants WHERE model = 'm'$$, ARRAY['recommender', 'explainer', 'public'], 'it is listed as public');
SELECT is(reco.revoke_usage('m', 'public'), NULL, 'taken back');
SELECT is(outcome('nobody', 'SELECT * FROM reco.recommend(''m'', 1)'), '42501', 'and nobody may ask no more');
SELECT is(outcome('recommender', 'SELECT * FROM reco.recommend(''m'', 1)'), 'ok', 'but who was granted it by name');

-- Grants to a group reach its members.
GRANT recommender TO nobody;
SELECT is(outcome('nobody', 'SELECT * FROM reco.recommend(''m'', 1)'), 'ok', 'a member of a grantee may ask');
REVOKE recommender FROM nobody;
SELECT is(outcome('nobody', 'SELECT * FROM reco.recommend(''m'', 1)'), '42501', 'until it is a member no more');
SELECT is(outcome('outsider_member', 'SET ROLE owner_role; SELECT reco.train(''m'')'), 'ok', 'a member that does not inherit must SET ROLE');

-- What a call looked up does not outlive the right to it.
CREATE FUNCTION asks_twice() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	arms text[];
BEGIN
	FOR i IN 1..2 LOOP
		BEGIN
			arms[i] := reco.assign('x', 1);
		EXCEPTION WHEN insufficient_privilege THEN
			arms[i] := 'no';
		END;
		SET LOCAL ROLE nobody;
	END LOOP;
	RETURN arms[1] IS NOT NULL AND arms[1] <> 'no' AND arms[2] = 'no';
END $$;
SELECT is(asks_twice(), 'true', 'assign looks at the rights of whoever asks');
RESET ROLE;
CREATE FUNCTION drops_between() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	arms text[];
BEGIN
	PERFORM reco.create_experiment('m', 'y', '2030-01-01', 0.1, metric => 'items_per_order', arms => '{a,b}');
	FOR i IN 1..2 LOOP
		arms[i] := reco.assign('y', 1);
		PERFORM reco.drop_experiment('y'), reco.create_experiment('m', 'y', '2030-01-01', 0.1, metric => 'items_per_order', arms => '{c,d}');
	END LOOP;
	PERFORM reco.drop_experiment('y');
	RETURN arms[1] IN ('a', 'b') AND arms[2] IN ('c', 'd');
END $$;
SELECT is(drops_between(), 'true', 'and at the experiment as it is');

-- With the model in the session's cache.
SET ROLE recommender;
SELECT is((SELECT count(*)::integer FROM reco.recommend('m', 1)), 6, 'cached');
SET ROLE nobody;
SELECT throws_ok($$SELECT * FROM reco.recommend('m', 1)$$, '42501', 'permission denied for model "m"', 'another role does not profit from it');
SET ROLE owner_role;
SELECT reco.revoke_usage('m', 'recommender') \g /dev/null
SET ROLE recommender;
SELECT throws_ok($$SELECT * FROM reco.recommend('m', 1)$$, '42501', 'permission denied for model "m"', 'what is revoked is gone with the next statement');
SELECT is_empty($$SELECT * FROM reco.models WHERE model = 'm'$$, 'and not seen any more');
RESET ROLE;
PREPARE ask_t AS SELECT count(*)::integer FROM reco.recommend_text('t', '1');
SET ROLE explainer;
SELECT lives_ok('EXECUTE ask_t', 'a prepared statement asks with the rights of who executes it');
SET ROLE nobody;
SELECT throws_ok('EXECUTE ask_t', '42501', 'permission denied for model "t"', 'and not of who prepared it');
RESET ROLE;
CREATE VIEW window_to_it AS SELECT * FROM reco.recommend_text('t', '1');
GRANT SELECT ON window_to_it TO nobody;
SELECT is(outcome('nobody', 'SELECT * FROM window_to_it'), '42501', 'a view lends no rights: functions in it run as who asks');
CREATE FUNCTION door() RETURNS bigint SECURITY DEFINER SET search_path = pg_catalog LANGUAGE sql AS 'SELECT count(*) FROM reco.recommend_text(''t'', ''1'')';
SELECT is(outcome('nobody', 'SELECT door()'), 'ok', 'a security definer function does');

-- The caller needs no right to the tables, and the owner does.
SELECT is(outcome('explainer', 'SELECT * FROM lines'), '42501', 'a grantee does not read the table');
SELECT is(outcome('explainer', 'SELECT * FROM reco.recommend(''m'', 1)'), 'ok', 'and asks');
REVOKE SELECT ON lines FROM owner_role;
SELECT is(outcome(who, 'SELECT * FROM reco.recommend(''m'', 1)'), '42501', format('without the owner''s right to the table, not for %s', who))
FROM   unnest(ARRAY['explainer', 'owner_role', 'postgres']::name[]) who;
SELECT is(outcome('postgres', 'SELECT reco.train(''m'')'), '42501', 'nor can a superuser train');
SELECT is(outcome('explainer', 'SELECT * FROM reco.recommend(''m'', NULL)'), 'ok', 'what reads no table needs none');
GRANT SELECT ON lines TO owner_role;

-- ---- Row-level security is the owner's ------------------------------------------------------------------------------

CREATE TABLE tenants AS SELECT *, o % 2 AS tenant FROM lines;
CREATE TABLE one_tenant AS SELECT * FROM tenants WHERE tenant = 1;
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON tenants TO owner_role USING (tenant = 1);
CREATE POLICY theirs ON tenants TO explainer USING (true);
GRANT SELECT ON tenants, one_tenant TO owner_role, explainer;
SET ROLE owner_role;
SELECT reco.create_model('part', 'UTC', '{"factors": 2}'), reco.create_model('whole', 'UTC', '{"factors": 2}') \g /dev/null
SELECT reco.add_orders('part', 'tenants', 'u', 'i', 'at', 'o'), reco.add_orders('whole', 'one_tenant', 'u', 'i', 'at', 'o') \g /dev/null
SELECT reco.grant_usage('part', 'explainer') \g /dev/null
RESET ROLE;
SELECT is((SELECT rows FROM reco.train('part')), (SELECT count(*) FROM one_tenant), 'a superuser who trains reads the rows that the owner sees');
SELECT reco.train('whole') \g /dev/null
CREATE FUNCTION bits(name text) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT md5(string_agg(p.data, '' ORDER BY p.part)) FROM reco.version v JOIN reco.version_part p USING (blob)
	WHERE v.model = bits.name AND v.version = (SELECT active_version FROM reco.model m WHERE m.name = bits.name)
$$;
SELECT is(bits('part'), bits('whole'), 'the model is the same as of a table with these rows only');
SET row_security = off;
SELECT is((SELECT rows FROM reco.train('part')), (SELECT count(*) FROM one_tenant), 'also with row_security = off');
RESET row_security;
INSERT INTO tenants SELECT 1000 + g, 77, 1 + g % 2, 'k1', '2024-01-02', 0 FROM generate_series(1, 20) g;
SELECT is((SELECT source FROM reco.recommend('part', 77, k => 1)), 'popular', 'rows that the owner does not see are no evidence, for a superuser');
SET ROLE explainer;
SELECT is((SELECT source FROM reco.recommend('part', 77, k => 1)), 'popular', 'nor for a caller who does see them');
RESET ROLE;

-- ---- A new owner ---------------------------------------------------------------------------------------------------

GRANT heir TO owner_role;
SET ROLE owner_role;
SELECT is((reco.set_owner('t', 'heir')).owner, 'heir', 'who is a member of the new owner may give');
SELECT is(reco.access('t'), 'owner', 'and stays an owner by that membership');
RESET ROLE;
REVOKE heir FROM owner_role;
SELECT is(outcome('owner_role', 'SELECT reco.train(''t'')'), '42501', 'the old owner is none any more');
SELECT is(outcome('owner_role', 'SELECT * FROM reco.recommend_text(''t'', ''1'')'), '42501', 'and may not even ask');
SELECT is(outcome('heir', 'SELECT reco.train(''t'')'), '42501', 'the new one trains with her own rights, which do not include the table');
GRANT SELECT ON lines TO heir;
SELECT is(outcome('heir', 'SELECT reco.train(''t'')'), 'ok', 'or do');
SELECT is(outcome('explainer', 'SELECT * FROM reco.recommend_text(''t'', ''1'')'), 'ok', 'grants stay');
SELECT throws_ok($$SELECT reco.set_owner('t', 'no such role')$$, '42704', 'role "no such role" does not exist', 'an unknown owner');
SELECT throws_ok($$SELECT reco.set_owner('t', 'public')$$, '42704', 'role "public" does not exist', 'public owns nothing');
REVOKE SELECT ON lines FROM heir;
DROP ROLE heir;
SELECT throws_ok($$SELECT reco.train('t')$$, '42704', 'the owner "heir" of model "t" does not exist', 'an owner who is dropped');
SELECT is(outcome('explainer', 'SELECT * FROM reco.recommend_text(''t'', ''1'')'), '42704', 'takes the answers along');
CREATE ROLE heir;
SELECT is(outcome('heir', 'SELECT reco.train(''t'')'), '42501', 'a later role of that name does not inherit');
SELECT is((reco.set_owner('t', 'owner_role')).owner, 'owner_role', 'a superuser finds a new one');
SELECT is(outcome('explainer', 'SELECT * FROM reco.recommend_text(''t'', ''1'')'), 'ok', 'and the answers are back');
REVOKE ALL ON tenants, one_tenant FROM explainer;
DROP POLICY theirs ON tenants;
DROP ROLE explainer;
SELECT set_eq($$SELECT role FROM reco.grants WHERE model = 't'$$, ARRAY['recommender', 'explainer'], 'a grantee who is dropped is still listed by the name she had');
CREATE ROLE explainer;
SELECT is(outcome('explainer', 'SELECT * FROM reco.recommend_text(''t'', ''1'')'), '42501', 'but a later role of that name has no right');
SELECT set_eq($$SELECT severity, finding, remedy FROM reco.check('t') WHERE subject = 'grants'$$,
              $$VALUES ('notice', 'role "explainer", to which usage was granted, does not exist any more', 'SELECT reco.revoke_usage(''t'', ''explainer'')')$$, 'reco.check says so');
SELECT is(reco.revoke_usage('t', 'explainer'), NULL, 'and how to mend it');
SELECT set_eq($$SELECT role FROM reco.grants WHERE model = 't'$$, ARRAY['recommender'], 'which takes the old grant away');
CREATE ROLE passing;
SELECT reco.grant_usage('t', 'passing'), reco.grant_usage('t', 'explainer') \g /dev/null
DROP ROLE passing;
SELECT throws_ok($$SELECT reco.revoke_usage('t', 'passing', explain_only => true)$$, '42704', 'role "passing" does not exist', 'of a role that is gone all is taken back or nothing');
SELECT is(reco.revoke_usage('t', 'passing'), NULL, 'all, also where no later role has the name');
SELECT set_eq($$SELECT role FROM reco.grants WHERE model = 't'$$, ARRAY['recommender', 'explainer'], 'and nothing of anybody else');
SELECT throws_ok($$SELECT reco.revoke_usage('t', 'passing')$$, '42704', 'role "passing" does not exist', 'once');
SELECT is_empty($$SELECT FROM reco.check('t') WHERE subject = 'grants'$$, 'no more to be said of grants');

SELECT * FROM finish();
