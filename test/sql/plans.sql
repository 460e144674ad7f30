-- What a session remembers of its requests' queries does not outlive what they are about: each change is noticed by the next request.
SELECT plan(17);
SET client_min_messages = warning;
CREATE ROLE keeper;
GRANT CREATE ON DATABASE :"DBNAME" TO keeper;
SET ROLE keeper;
CREATE SCHEMA kept;
CREATE FUNCTION kept.item(integer) RETURNS integer LANGUAGE sql STABLE RETURN $1;
CREATE TABLE kept.lines AS
SELECT o AS "order", o % 30 AS customer, (o % 3) * 10 + (o * l * 7) % 10 AS item, timestamptz '2026-01-01' + o * interval '1 hour' AS at
FROM generate_series(1, 600) o, generate_series(1, 3) l;
RESET ROLE;
GRANT EXECUTE ON FUNCTION reco.create_model(text, text, jsonb) TO keeper;
SET ROLE keeper;
SELECT reco.create_model('kept', 'UTC', '{"factors": 4, "iterations": 3, "history_limit": 20}') IS NOT NULL AS created \gset
SELECT reco.add_orders('kept', 'kept.lines', 'customer', 'kept.item(item)', 'at', order_id => '"order"') IS NOT NULL AS added \gset
SELECT version FROM reco.train('kept') \gset
RESET ROLE;
CREATE TEMP TABLE answers (after text, source text, items bigint[]);
CREATE FUNCTION ask(after text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	-- More often than PostgreSQL needs to decide for one plan.
	FOR i IN 1 .. 8 LOOP
		INSERT INTO answers SELECT ask.after, min(source), array_agg(item_id ORDER BY rank) FROM reco.recommend('kept', 4, 5, as_of => '2026-02-01');
	END LOOP;
	RETURN (SELECT DISTINCT source FROM answers a WHERE a.after = ask.after);
END $$;

SELECT is(ask('training'), 'personal', 'a known customer');
ALTER TABLE kept.lines ALTER customer TYPE bigint, ALTER item TYPE smallint;
SELECT is(ask('types'), 'personal', 'columns have other types');
SELECT is((SELECT count(DISTINCT items) FROM answers), 1::bigint, 'with the same answers');

-- Functions.
ALTER FUNCTION kept.item(integer) VOLATILE;
SELECT throws_ok($$SELECT ask('volatile')$$, '42P17', 'parameter "item_id" must not call volatile functions', 'a function became volatile');
ALTER FUNCTION kept.item(integer) STABLE;
SELECT is(ask('stable again'), 'personal', 'and stable again');
CREATE OR REPLACE FUNCTION kept.item(integer) RETURNS integer LANGUAGE sql STABLE RETURN -1;
SELECT is(ask('another body'), 'popular', 'a function means something else');
CREATE OR REPLACE FUNCTION kept.item(integer) RETURNS integer LANGUAGE sql STABLE RETURN $1;
SELECT is(ask('the first body'), 'personal', 'and the same again');
REVOKE EXECUTE ON FUNCTION kept.item(integer) FROM keeper, public;
SELECT throws_ok($$SELECT ask('no right to call')$$, '42501', 'permission denied for function item', 'the owner may not call it');
GRANT EXECUTE ON FUNCTION kept.item(integer) TO keeper;

-- Rights and policies, as they are for the model's owner.
REVOKE SELECT ON kept.lines FROM keeper;
SELECT throws_ok($$SELECT ask('no right to read')$$, '42501', 'permission denied for table lines', 'the owner may not read');
GRANT SELECT ON kept.lines TO keeper;
SELECT is(ask('the right to read'), 'personal', 'he may again');
ALTER TABLE kept.lines ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT is(ask('row security'), 'popular', 'no row passes');
CREATE POLICY p ON kept.lines USING (customer = 4);
SELECT is(ask('a policy'), 'personal', 'his rows pass');
ALTER TABLE kept.lines NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;

-- More queries than are kept: each limit makes another one.
CREATE FUNCTION ask_many() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 1 .. 300 LOOP
		PERFORM reco.alter_model('kept', jsonb_build_object('history_limit', n));
		PERFORM ask('a limit of ' || n);
	END LOOP;
	RETURN ask('many limits');
END $$;
SELECT is(ask_many(), 'personal', 'many limits');

-- The relation.
ALTER TABLE kept.lines RENAME TO bought;
SELECT is(ask('another name'), 'personal', 'the relation has another name');
ALTER TABLE kept.bought RENAME item TO thing;
SELECT throws_ok($$SELECT ask('no column')$$, '42703', 'column "item" does not exist', 'a column has another name');
ALTER TABLE kept.bought RENAME thing TO item;
CREATE TABLE kept.lines AS TABLE kept.bought WITH NO DATA;
SELECT is(ask('a second table'), 'personal', 'a second table of the name is of no interest');
DROP TABLE kept.bought;
SELECT throws_ok($$SELECT ask('no table')$$, '42P01', NULL, 'the first is gone');

SELECT * FROM finish();
