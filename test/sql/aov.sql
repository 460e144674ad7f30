-- What orders are worth: reco.aov and reco.aov_report, against plain SQL, and what they refuse.

SET client_min_messages = warning;
SELECT plan(147);

CREATE FUNCTION complaint(statement text, OUT state text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS OR query_canceled THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
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
CREATE FUNCTION near(a double precision, b double precision) RETURNS boolean LANGUAGE sql AS $$
	SELECT coalesce(abs(a - b) <= 1e-11 * greatest(abs(b), 1), a IS NULL AND b IS NULL)
$$;
-- Whether two rows agree, and if not, where.
CREATE FUNCTION differences(a jsonb, b jsonb) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(format('%s: %s, not %s', k, a -> k, b -> k), '; '), 'none') FROM jsonb_object_keys(b) k
	WHERE CASE WHEN jsonb_typeof(a -> k) = 'number' AND jsonb_typeof(b -> k) = 'number' THEN NOT near((a ->> k)::float8, (b ->> k)::float8)
	           ELSE a -> k IS DISTINCT FROM b -> k END
$$;

-- ---- In plain SQL ----------------------------------------------------------------------------------------------------

-- Lines (o, u, v): order, customer, amount.
CREATE FUNCTION by_hand(lines text, winsorize_at float8 DEFAULT 0.99) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	result jsonb;
BEGIN
	EXECUTE format($q$
		WITH lines AS (%s), orders AS (SELECT o, min(u) AS u, sum(v)::numeric AS v, count(*) AS n FROM lines WHERE v > 0 AND o IS NOT NULL GROUP BY o),
		     customers AS (SELECT sum(v) AS y, count(*) AS x FROM orders GROUP BY u, CASE WHEN u IS NULL THEN o END),
		     r AS (SELECT sum(y) / sum(x) AS r, count(*) AS m, sum(x) AS n FROM customers),
		     most AS (SELECT percentile_cont($1) WITHIN GROUP (ORDER BY v) AS q FROM orders),
		     e AS (SELECT CASE WHEN m > 1 THEN 1.959963984540054 * sqrt((SELECT sum((y - r * x) ^ 2) FROM customers) * m / (m - 1)) / n END AS e FROM r),
		     returned AS (SELECT coalesce(-sum(v) FILTER (WHERE v < 0), 0) AS v FROM lines WHERE o IS NOT NULL)
		SELECT to_jsonb(t) FROM (SELECT (SELECT count(*) FROM orders) AS orders, (SELECT count(DISTINCT u) FROM orders) AS customers,
			(SELECT coalesce(sum(v), 0) FROM orders) AS gross, returned.v AS returns, (SELECT coalesce(sum(v), 0) FROM orders) - returned.v AS net, r.r AS aov_gross,
			((SELECT coalesce(sum(v), 0) FROM orders) - returned.v) / nullif((SELECT count(*) FROM orders), 0) AS aov_net, r.r - e.e AS ci_low, r.r + e.e AS ci_high,
			(SELECT avg(least(v::float8, q)) FROM orders, most) AS aov_winsorized, (SELECT sum(n) FROM orders) / nullif((SELECT count(*) FROM orders), 0) AS lines_per_order
		FROM r, e, returned) t $q$, lines) INTO result USING winsorize_at;
	RETURN result;
END $$;
CREATE FUNCTION by_aov(lines text, arguments text DEFAULT 'o, u, v') RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	result jsonb;
BEGIN
	EXECUTE format('SELECT to_jsonb(reco.aov(%s)) FROM (%s) x', arguments, lines) INTO result;
	RETURN result;
END $$;

-- 600 orders of 90 customers, some unknown; lognormal values, returns in orders of their own and beside purchases.
CREATE TABLE lines AS
SELECT o, 'k' || o AS k, CASE WHEN o % 11 > 0 THEN (o * 7) % 90 END AS u, (o * 13 + j * 5) % 40 AS i,
       round(exp(3 + (hashint8extended(o * 10 + j, 1) % 1000) / 600.0 + ((o * 7) % 90) / 60.0)::numeric, 2) AS v, 1 AS q,
       '2024-01-01 00:00+00'::timestamptz + o * interval '11 hours' AS at
FROM   generate_series(1, 600) o, generate_series(1, 4) j WHERE j <= 1 + o % 4;
INSERT INTO lines SELECT 10000 + o, 'C' || o, u, i, -v, -1, at + interval '9 days' FROM lines WHERE o % 17 = 3;
INSERT INTO lines SELECT o, k, u, i, -v / 2, -1, at + interval '1 day' FROM lines WHERE o % 29 = 3 AND v > 0;
INSERT INTO lines SELECT o, k, u, 77, 0, 1, at FROM lines WHERE o % 31 = 3 AND v > 0;

SELECT is(differences(by_aov(query), by_hand(query)), 'none', 'as in plain SQL: ' || what)
FROM   (VALUES ('TABLE lines', 'all'), ('SELECT * FROM lines WHERE v > 0', 'without returns'), ('SELECT * FROM lines WHERE u IS NULL', 'of nobody known'), ('SELECT * FROM lines WHERE u = 7', 'of one customer'),
               ('SELECT * FROM lines WHERE o IN (1, 2)', 'of two orders'), ('SELECT * FROM lines WHERE o = 5', 'of one order'), ('SELECT * FROM lines WHERE v < 0', 'returns alone'),
               ('SELECT k AS o, ''customer '' || u AS u, v FROM lines', 'text keys'), ('SELECT k AS o, u, v::float8 AS v FROM lines', 'mixed keys, doubles'), ('SELECT o::int2 AS o, u::int8 AS u, (v * 100)::int8 AS v FROM lines', 'whole numbers'),
               ('SELECT o::numeric AS o, md5(u::text)::uuid::text AS u, v FROM lines', 'other types'), ('SELECT o, u, v FROM lines UNION ALL SELECT NULL, 1, 5 UNION ALL SELECT NULL, 1, -5 UNION ALL SELECT 700, 1, NULL', 'lines with NULLs'),
               ('SELECT o % 50 AS o, u, v FROM lines', 'orders of several customers'), ('SELECT (o % 50)::text AS o, ''k'' || u AS u, v FROM lines', 'the same in text')) x (query, what);
SELECT is(differences(by_aov('TABLE lines', 'o, v'), by_hand('SELECT o, NULL::integer AS u, v FROM lines') || '{"customers": null}'), 'none', 'without customers each order is by itself');
SELECT is(differences(by_aov('TABLE lines', 'o, NULL::integer, v'), by_hand('SELECT o, NULL::integer AS u, v FROM lines')), 'none', 'so it is where none is known');
SELECT is(differences(by_aov('TABLE lines', 'o, u, v, ' || at), by_hand('TABLE lines', at)), 'none', 'winsorized at ' || at) FROM unnest(ARRAY[0, 0.5, 0.9, 1]) at;
SELECT is((by_aov('TABLE lines', 'o, u, v, 1') ->> 'aov_winsorized')::float8, (by_aov('TABLE lines') ->> 'aov_gross')::float8, 'at 1 it is the mean');
SELECT cmp_ok((by_aov('TABLE lines') ->> 'ci_high')::float8 - (by_aov('TABLE lines') ->> 'ci_low')::float8, '>',
              (by_aov('TABLE lines', 'o, v') ->> 'ci_high')::float8 - (by_aov('TABLE lines', 'o, v') ->> 'ci_low')::float8, 'orders of a customer are alike: the interval knows that');

-- By hand: two orders, the third is a return; the fourth has a line of 0 alone.
SELECT is(to_jsonb(reco.aov(o, v)), '{"orders": 2, "customers": null, "gross": 40, "returns": 4, "net": 36, "aov_gross": 20, "aov_net": 18, "ci_low": 0.4003601545994613, "ci_high": 39.59963984540054,
	"aov_winsorized": 19.9, "lines_per_order": 1.5}'::jsonb, 'by hand') FROM (VALUES (1, 10), (1, 20), (2, 10), (3, -4), (4, 0)) x (o, v);
SELECT is(to_jsonb(reco.aov(o, v)), NULL, what) FROM (VALUES (1, NULL::integer, 'no amount'), (NULL, 1, 'no order'), (1, 0, 'a line of 0')) x (o, v, what) GROUP BY what;
SELECT is((SELECT reco.aov(o, u, v) FROM lines WHERE false), NULL, 'no line');
SELECT results_eq('SELECT (reco.aov(1, -5.5)).*', $$SELECT 0::bigint, NULL::bigint, 0::float8, 5.5::float8, -5.5::float8, NULL::float8, NULL::float8, NULL::float8, NULL::float8, NULL::float8, NULL::float8$$, 'returns alone have no average');
SELECT is((SELECT (reco.aov(o, v)).gross FROM (VALUES (1, 1e16), (2, 1), (3, 1), (4, 1), (5, 1)) x (o, v)), 1e16 + 4::float8, 'small amounts beside a large one are not lost');

-- ---- In any order, plan and frame ------------------------------------------------------------------------------------

SELECT is(by_aov('SELECT * FROM lines ORDER BY ' || expression), by_aov('TABLE lines'), 'rows in the order of ' || expression) FROM unnest(ARRAY['v', 'v DESC', 'o, v', 'random()']) expression;
SELECT is(differences(by_aov('SELECT o, u, v / 3 AS v FROM lines ORDER BY ' || expression), by_aov('SELECT o, u, v / 3 AS v FROM lines')), 'none', 'thirds in the order of ' || expression) FROM unnest(ARRAY['v', 'v DESC', 'random()']) expression;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers = 4;
ALTER TABLE lines SET (parallel_workers = 3);
SELECT alike(plan_of('SELECT reco.aov(o, u, v) FROM lines'), '%Finalize Aggregate%Gather%Partial Aggregate%Parallel Seq Scan%', 'a parallel plan');
CREATE TABLE forms (arguments text, serial jsonb);
SET max_parallel_workers_per_gather = 0;
INSERT INTO forms SELECT a, by_aov('TABLE lines', a) FROM unnest(ARRAY['o, v', 'o, u, v', 'k, u, v', 'k, ''c'' || u, v', 'o, u, v, 0.5', 'o % 50, u, v']) a;
SET max_parallel_workers_per_gather = 3;
SELECT is(differences(by_aov('TABLE lines', arguments), serial), 'none', 'in parallel: ' || arguments) FROM forms;
SELECT is((complaint('SELECT reco.aov(o, u, v, CASE WHEN o = 300 THEN 0.5 ELSE 0.6 END) FROM lines')).state, '22023', 'quantiles that differ, in parallel');
RESET max_parallel_workers_per_gather; RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers;
SELECT is_empty($$SELECT o, (a).orders, b FROM (SELECT o, reco.aov(o, v) OVER (ORDER BY o) AS a, count(*) FILTER (WHERE v > 0) OVER (ORDER BY o) AS b,
                         sum(v) FILTER (WHERE v > 0) OVER (ORDER BY o) AS s FROM lines) x WHERE NOT near((a).gross, s::float8)$$, 'a growing frame: the state stays as it is');
SELECT is((SELECT sum((a).orders)::bigint FROM (SELECT reco.aov(o, u, v) AS a FROM lines GROUP BY u) x), (SELECT count(DISTINCT o) FROM lines WHERE v > 0), 'by group');
SET work_mem = '64kB';
SELECT is((SELECT sum((a).gross)::numeric(12,2) FROM (SELECT reco.aov(o, u, v) AS a FROM lines GROUP BY o, i) x), (SELECT sum(v)::numeric(12,2) FROM lines WHERE v > 0), 'many groups, little memory');
RESET work_mem;

-- ---- What the aggregate refuses --------------------------------------------------------------------------------------

SELECT is(complaint(format('SELECT reco.aov(%s) FROM lines', arguments))::text, ROW(state, message, hint)::text, arguments)
FROM   (VALUES ('o::real, v', '42804', '"order_id" of reco.aov cannot have type real', 'Keys are integers, text, uuid or of another type with one text form a value.'),
               ('o, u::float8, v', '42804', '"user_id" of reco.aov cannot have type double precision', 'Keys are integers, text, uuid or of another type with one text form a value.'),
               ('o, v::text', '42804', '"amount" of reco.aov cannot have type text', 'Give a smallint, integer, bigint, real, double precision or numeric.'),
               ('o, u, at', '42804', '"amount" of reco.aov cannot have type timestamp with time zone', 'Give a smallint, integer, bigint, real, double precision or numeric.'),
               ('o, ''NaN''::float8', '22003', 'parameter "amount" must be finite, not NaN', 'Leave such lines out with FILTER (WHERE ...).'),
               ('o, u, ''-Infinity''::float4', '22003', 'parameter "amount" must be finite, not -Infinity', 'Leave such lines out with FILTER (WHERE ...).'),
               ('o, 1e400', '22003', 'parameter "amount" must be finite, not Infinity', 'Leave such lines out with FILTER (WHERE ...).'),
               ('o, ''NaN''::numeric', '22003', 'parameter "amount" must be finite, not NaN', 'Leave such lines out with FILTER (WHERE ...).'),
               ('o, 1e308', '22003', 'a metric is out of the range of double precision', 'Leave out or scale down extreme numbers.'),
               ('1, 1e308', '22003', 'a metric is out of the range of double precision', 'Leave out or scale down extreme numbers.'),
               ('1, -1e308', '22003', 'a metric is out of the range of double precision', 'Leave out or scale down extreme numbers.'),
               ('o, u, v, NULL', '22004', 'parameter "winsorize_at" must not be null', 'Give a fraction from 0 to 1, or leave it out for 0.99.'),
               ('o, u, v, 1.5', '22023', 'parameter "winsorize_at" must be from 0 to 1, not 1.5', 'Order values above that quantile are set to it; 1 changes none.'),
               ('o, u, v, ''NaN''', '22023', 'parameter "winsorize_at" must be from 0 to 1, not NaN', 'Order values above that quantile are set to it; 1 changes none.'),
               ('o, u, v, CASE WHEN o = 300 THEN 0.5 ELSE 0.75 END ORDER BY o', '22023', 'parameter "winsorize_at" of reco.aov differs from row to row: 0.75 and 0.5', 'Give a constant, or group by what it depends on.'))
       AS x (arguments, state, message, hint);
SET maintenance_work_mem = '1MB';
SELECT is((c).state || ' ' || regexp_replace((c).message, '\d+ MB', 'n MB', 'g'), '53400 reco.aov needs at least n MB of memory, but maintenance_work_mem is n MB', 'a million orders do not fit into 1 MB')
FROM   complaint('SELECT reco.aov(o, 1) FROM generate_series(1, 1000000) o') c;
RESET maintenance_work_mem;
SELECT is((SELECT count(*)::integer FROM pg_backend_memory_contexts WHERE name LIKE 'reco training%'), 0, 'no memory context is left');

-- States that were forged.
SELECT probin AS library FROM pg_proc WHERE oid = 'reco.access(text)'::regprocedure \gset
CREATE FUNCTION a_step(bigint, integer, integer) RETURNS bigint AS :'library', 'reco_aov_step' LANGUAGE c;
CREATE FUNCTION a_combine(bigint, bigint) RETURNS bigint AS :'library', 'reco_aov_combine' LANGUAGE c;
CREATE FUNCTION a_serialize(bigint) RETURNS bytea AS :'library', 'reco_aov_serialize' LANGUAGE c;
CREATE FUNCTION a_deserialize(bytea) RETURNS bigint AS :'library', 'reco_aov_deserialize' LANGUAGE c;
CREATE FUNCTION a_final(bigint) RETURNS reco.aov_result AS :'library', 'reco_aov_final' LANGUAGE c;
SELECT throws_ok('SELECT ' || call, '22023', 'a support function of a metric of reco was called outside of an aggregate', call)
FROM   unnest(ARRAY['a_step(NULL, 1, 1)', 'a_step(4096, 1, 1)', 'a_combine(4096, 4096)', 'a_serialize(4096)', 'a_serialize(NULL)', 'a_deserialize(''\x'')', 'a_final(NULL)', 'a_final(4096)']) call;
CREATE AGGREGATE gathered("any", "any") (SFUNC = reco.aov_step, STYPE = internal, FINALFUNC = reco.aov_serialize);
CREATE AGGREGATE gathered("any", "any", "any", float8) (SFUNC = reco.aov_step, STYPE = internal, FINALFUNC = reco.aov_serialize);
CREATE AGGREGATE gathered("any", "any", "any") (SFUNC = reco.aov_step, STYPE = internal, FINALFUNC = reco.aov_serialize);
CREATE FUNCTION newest(bytea, bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $2';
CREATE AGGREGATE received(bytea) (SFUNC = newest, STYPE = bytea, FINALFUNC = a_deserialize);
CREATE FUNCTION add_state(internal, bigint) RETURNS internal AS :'library', 'reco_aov_combine' LANGUAGE c;
CREATE AGGREGATE combined(bigint) (SFUNC = add_state, STYPE = internal, FINALFUNC = reco.aov_final);
CREATE FUNCTION words(VARIADIC states bytea[]) RETURNS text LANGUAGE plpgsql SET enable_hashagg = off AS $$
BEGIN
	RETURN (SELECT (c).orders || ' orders, ' || (c).gross FROM (SELECT combined(s) AS c FROM (SELECT n, received(state) AS s FROM unnest(states) WITH ORDINALITY x (state, n) GROUP BY n OFFSET 0) x) y);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
-- A header of 48 bytes, 3 + 2 keys of 8, 3 orders of 24.
SELECT gathered(o, u, v) AS n FROM (VALUES (1, 1, 10), (2, 1, 5), (3, 2, 7), (4, 2, -1)) x (o, u, v) \gset
SELECT gathered('o' || o, 'u' || u, v) AS t FROM (VALUES (1, 1, 10), (2, 1, 5), (3, 2, 7), (4, 2, -1)) x (o, u, v) \gset
SELECT is(length(:'n'::bytea), 48 + 5 * 8 + 3 * 24, 'the bytes of a state');
SELECT is(words(s), '3 orders, 22', 'a state that was written and read') FROM unnest(ARRAY[:'n'::bytea, :'t'::bytea]) s;
SELECT is(words(overlay(:'n'::bytea PLACING bytes FROM at + 1)), 'XX001 the state of an aggregate is damaged: ' || words, what)
FROM   (VALUES (0, '\x00'::bytea, 'it does not begin like one', 'magic'), (8, '\x000000000000f0bf', 'its header makes no sense', 'negative returns'), (15, '\xff', 'its header makes no sense', 'returns that are no number'),
               (24, '\x0000000000000040', 'its header makes no sense', 'a quantile of 2'), (32, '\xffffffff', 'its header makes no sense', 'a negative number of orders'), (36, '\xffffffff', 'its header makes no sense', 'of customers'),
               (40, '\x02', 'its header makes no sense', 'a form'), (41, '\x00', 'its header makes no sense', 'customers that are not there'), (32, '\xffffff7f', 'it is cut short', 'many orders'), (36, '\xffffff7f', 'it is cut short', 'many customers'),
               (32, '\x02000000', 'it is too long', 'an order less'), (88, '\x000000000000f0bf', 'an order makes no sense', 'a negative value'), (88, '\x000000000000f87f', 'an order makes no sense', 'one that is no number'),
               (104, '\x00000000', 'an order makes no sense', 'no line'), (108, '\x02000000', 'an order makes no sense', 'a customer that is not there'), (108, '\xfeffffff', 'an order makes no sense', 'customer -2')) x (at, bytes, words, what);
SELECT is(words(overlay(:'t'::bytea PLACING '\xffffffff' FROM 49)), 'XX001 the state of an aggregate is damaged: a key has a negative length', 'a key');
SELECT is_empty(format('SELECT n, words(substr(%L::bytea, 1, n)) FROM generate_series(0, length(%1$L::bytea) - 1) n WHERE words(substr(%1$L::bytea, 1, n)) <> ''XX001 the state of an aggregate is damaged: it is cut short''', s), 'cut short anywhere')
FROM   unnest(ARRAY[:'n'::bytea, :'t'::bytea]) s;
SELECT is(words(:'n'::bytea || '\x00'), 'XX001 the state of an aggregate is damaged: it is too long', 'a byte more');
SELECT is(words(:'n'::bytea, other), words, 'and ' || what)
FROM   (VALUES (:'n'::bytea, '3 orders, 44', 'itself'), (:'t'::bytea, 'XX001 two states of reco.aov are of different forms', 'text keys'),
               ((SELECT gathered(1, 'a'::text, 5)), 'XX001 two states of reco.aov are of different forms', 'text customers'), ((SELECT gathered(1, 5)), 'XX001 two states of reco.aov are of different forms', 'no customers'),
               ((SELECT gathered(1, 1, 5, 0.5)), '22023 parameter "winsorize_at" of reco.aov differs from row to row: 0.99 and 0.5', 'another quantile')) x (other, words, what);

-- ---- The report ------------------------------------------------------------------------------------------------------

CREATE TABLE people AS SELECT u, CASE WHEN u % 3 = 0 THEN 'north' WHEN u % 3 = 1 THEN 'south' WHEN u < 9 THEN 'isle' END AS region, u % 4 > 0 AS yes FROM generate_series(0, 89) u;
CREATE TABLE things AS SELECT i, 'kind ' || i % 3 AS kind FROM generate_series(0, 35) i;
CREATE TABLE other_lines AS SELECT u, i, v, at + interval '20 minutes' AS at FROM lines WHERE o % 5 = 0 AND v > 0 AND u IS NOT NULL;
SELECT reco.create_model('shop', 'Australia/Sydney', '{"min_support": 5}') \g /dev/null
SELECT reco.add_orders('shop', 'lines', 'u', 'i', 'at', 'k', amount => 'v', context => 'o % 2 AS parity', name => 'site') \g /dev/null
SELECT reco.add_users('shop', 'people', 'u', 'region') \g /dev/null
SELECT reco.add_items('shop', 'things', 'i', 'kind') \g /dev/null

-- The same of lines (o, u, i, v, at), in a period p and a group g of each line.
CREATE FUNCTION report_by_hand(lines text) RETURNS TABLE (p date, g text, r jsonb) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format($q$
		WITH lines AS (%s), whole AS (SELECT o, count(DISTINCT i) > 1 AS several FROM lines WHERE v > 0 GROUP BY o),
		     firsts AS (SELECT o, min(at) AS at FROM lines WHERE v > 0 GROUP BY o),
		     orders AS (SELECT period(f.at) AS p, g, o, min(u) AS u, sum(v)::numeric AS v, count(DISTINCT i) AS n, bool_or(several) AS several FROM lines JOIN whole USING (o) JOIN firsts f USING (o) WHERE v > 0 GROUP BY 1, 2, 3),
		     returned AS (SELECT period(at) AS p, g, -sum(v) AS v FROM lines WHERE v < 0 GROUP BY 1, 2),
		     cells AS (SELECT DISTINCT p, g FROM (SELECT p, g FROM orders UNION ALL SELECT p, g FROM returned) x)
		SELECT c.p, c.g, to_jsonb(t) FROM cells c CROSS JOIN LATERAL (
			SELECT count(DISTINCT u) AS customers, count(*) AS orders, coalesce(sum(v), 0) AS gross, coalesce((SELECT v FROM returned r WHERE r.p IS NOT DISTINCT FROM c.p AND r.g = c.g), 0) AS returns,
			       avg(v) AS aov, percentile_cont(0.5) WITHIN GROUP (ORDER BY v) AS median, avg(n) AS items_per_order, avg(several::integer) AS attach_rate,
			       sum(v) FILTER (WHERE u IS NOT NULL) / nullif(count(DISTINCT u), 0) AS revenue_per_customer
			FROM orders o WHERE o.p IS NOT DISTINCT FROM c.p AND o.g = c.g) t $q$, lines);
END $$;
CREATE FUNCTION period(at timestamptz) RETURNS date LANGUAGE sql AS 'SELECT NULL::date';
CREATE FUNCTION unlike(by text, period text, lines text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('%s %s: %s', coalesce(a.period_start, b.p), coalesce(a."group", b.g), CASE WHEN a.orders IS NULL THEN 'missing' WHEN b.r IS NULL THEN 'too many' ELSE differences(to_jsonb(a), b.r) END)
	FROM   reco.aov_report('shop', by, period, min_support => 1) a FULL JOIN report_by_hand(lines) b ON a.period_start IS NOT DISTINCT FROM b.p AND coalesce(a."group", 'all') = b.g
	WHERE  a.orders IS NULL OR b.r IS NULL OR differences(to_jsonb(a), b.r) <> 'none'
$$;
SELECT is_empty(format('SELECT * FROM unlike(NULL, NULL, %L)', 'SELECT k AS o, u, i, v, at, ''all'' AS g FROM lines'), 'the report as in plain SQL');
SELECT is(differences(to_jsonb(r), (a || jsonb_build_object('aov', a -> 'aov_gross')) - 'aov_gross' - 'lines_per_order'), 'none', 'and as the aggregate has it, intervals too')
FROM   reco.aov_report('shop') r, by_aov('TABLE lines') a;
SELECT is((SELECT aov_winsorized FROM reco.aov_report('shop', winsorize_at => 1)), (SELECT aov FROM reco.aov_report('shop')), 'winsorized at 1 it is the mean');
CREATE OR REPLACE FUNCTION period(at timestamptz) RETURNS date LANGUAGE sql AS $$ SELECT date_trunc(current_setting('test.period'), at AT TIME ZONE 'Australia/Sydney')::date $$;
SELECT is_empty(format('SELECT unlike(NULL, %L, %L) FROM set_config(''test.period'', %1$L, false)', p, 'SELECT k AS o, u, i, v, at, ''all'' AS g FROM lines'), 'by ' || p) FROM unnest(ARRAY['day', 'week', 'month', 'quarter', 'year']) p;
SET test.period = 'month';
SELECT is_empty(format('SELECT * FROM unlike(%L, ''month'', %L)', by, lines), 'by ' || by || ' and month')
FROM   (VALUES ('region', 'SELECT k AS o, l.u, i, v, at, coalesce(region, ''(none)'') AS g FROM lines l LEFT JOIN people p ON p.u = l.u'), ('users.region', 'SELECT k AS o, l.u, i, v, at, coalesce(region, ''(none)'') AS g FROM lines l LEFT JOIN people p ON p.u = l.u'),
               ('parity', 'SELECT k AS o, u, i, v, at, (o % 2)::text AS g FROM lines'), ('kind', 'SELECT k AS o, u, l.i, v, at, coalesce(kind, ''(none)'') AS g FROM lines l LEFT JOIN things t ON t.i = l.i'),
               ('source', 'SELECT k AS o, u, i, v, at, ''site'' AS g FROM lines')) x (by, lines);
SELECT is((SELECT (orders, gross::numeric(12,2))::text FROM reco.aov_report('shop', since => '2024-03-05', until => '2024-03-20 12:00+00')),
          (SELECT (count(DISTINCT k), sum(v))::text FROM lines WHERE v > 0 AND at >= '2024-03-05' AND at < '2024-03-20 12:00+00'), 'since and until');
SELECT is((SELECT returns::numeric(12,2) FROM reco.aov_report('shop', since => '2024-03-05', until => '2024-03-20 12:00+00')), (SELECT -sum(v)::numeric(12,2) FROM lines WHERE v < 0 AND at >= '2024-03-05' AND at < '2024-03-20 12:00+00'), 'of returns too');
SELECT is_empty($$SELECT * FROM reco.aov_report('shop', since => '2030-01-01')$$, 'no order, no row');
SELECT bag_eq($$SELECT "group", gross::numeric(12,2) FROM reco.aov_report('shop', 'kind', min_support => 1)$$,
              $$SELECT coalesce(kind, '(none)'), sum(v)::numeric(12,2) FROM lines l LEFT JOIN things t ON t.i = l.i WHERE v > 0 GROUP BY 1$$, 'groups of items divide the gross');

-- Lines without keys of orders, from another source, priced by the piece; some with nothing to say.
SELECT reco.add_orders('shop', 'other_lines', 'u', 'i', 'at', quantity => '2', unit_price => 'v / 2', name => 'app') \g /dev/null
SELECT bag_eq($$SELECT "group", orders, gross::numeric(12,2) FROM reco.aov_report('shop', 'source', min_support => 1)$$,
              $$SELECT 'app', count(DISTINCT (u, at)), sum(v)::numeric(12,2) FROM other_lines UNION ALL SELECT 'site', count(DISTINCT o), sum(v) FROM lines WHERE v > 0$$, 'by source; lines of a customer and moment are an order');
SELECT bag_eq($$SELECT "group", orders FROM reco.aov_report('shop', 'parity', min_support => 1)$$,
              $$SELECT (o % 2)::text, count(DISTINCT o) FROM lines WHERE v > 0 GROUP BY 1 UNION ALL SELECT '(none)', count(DISTINCT (u, at)) FROM other_lines$$, 'orders without a context');
CREATE TABLE app AS SELECT "group", orders, gross, returns FROM reco.aov_report('shop', 'source', min_support => 1);
INSERT INTO other_lines VALUES (NULL, 1, 100, '2024-01-01'), (1, NULL, 100, '2024-01-01'), (1, 1, NULL, '2024-01-01'), (1, 1, 'NaN', '2024-01-01'), (1, 1, 'Infinity', '2024-01-01'), (1, 1, 100, 'infinity'), (1, 1, 100, NULL), (1, 1, 0, '2024-01-01');
SELECT results_eq($$SELECT "group", orders, gross, returns FROM reco.aov_report('shop', 'source', min_support => 1)$$, 'TABLE app', 'lines that count nothing: of no order, without item, value or time');
DELETE FROM other_lines WHERE u IS NULL OR i IS NULL OR v IS NULL OR v >= 'Infinity' OR at IS NULL OR at = 'infinity' OR v = 0;
INSERT INTO other_lines SELECT u, i, -3, at + interval '1 hour' FROM other_lines WHERE u = 5;
SELECT cmp_ok((SELECT count(*)::integer FROM other_lines WHERE v < 0), '>', 0, 'there are returns');
SELECT is((SELECT (orders, returns)::text FROM reco.aov_report('shop', 'source', min_support => 1) WHERE "group" = 'app'), (SELECT (count(DISTINCT (u, at)) FILTER (WHERE v > 0), -(sum(v) FILTER (WHERE v < 0))::float8)::text FROM other_lines), 'a negative price is a return');
SELECT reco.add_orders('shop', 'other_lines', 'u', 'i', 'at', quantity => 'CASE WHEN v < 0 THEN -1 ELSE 1 END', amount => 'abs(v)', name => 'app') \g /dev/null
SELECT is((SELECT (orders, returns)::text FROM reco.aov_report('shop', 'source', min_support => 1) WHERE "group" = 'app'), (SELECT (count(DISTINCT (u, at)) FILTER (WHERE v > 0), -(sum(v) FILTER (WHERE v < 0))::float8)::text FROM other_lines),
          'so is a negative quantity, whatever the amount');
SELECT reco.remove_source('shop', 'app') \g /dev/null

-- Small groups.  Regions: 30 customers in the north, 30 in the south, 3 on the isle, the others and those unknown in none.
SELECT bag_eq($$SELECT "group", customers FROM reco.aov_report('shop', 'region', min_support => 1)$$,
              $$SELECT coalesce(region, '(none)'), count(DISTINCT l.u) FROM lines l LEFT JOIN people p ON p.u = l.u WHERE v > 0 GROUP BY 1$$, 'all groups');
SELECT bag_eq($$SELECT "group", orders FROM reco.aov_report('shop', 'region')$$,
              $$SELECT coalesce(region, '(none)'), count(DISTINCT o) FROM lines l LEFT JOIN people p ON p.u = l.u WHERE v > 0 AND region IS DISTINCT FROM 'isle' GROUP BY 1$$, 'a small group alone is left out, by the model''s own limit');
SELECT bag_eq($$SELECT "group", customers, orders FROM reco.aov_report('shop', 'region', min_support => 31)$$,
              $$SELECT CASE WHEN region IS NULL THEN '(none)' ELSE '(other)' END, count(DISTINCT l.u), count(DISTINCT o) AS orders FROM lines l LEFT JOIN people p ON p.u = l.u WHERE v > 0 GROUP BY 1$$, 'several are one');
UPDATE things SET kind = 'rare ' || i WHERE i < 6;
SELECT bag_eq($$SELECT "group", orders, gross::numeric(12,2), items_per_order::numeric(12,6), attach_rate::numeric(12,6) FROM reco.aov_report('shop', 'kind', min_support => 60) WHERE "group" = '(other)'$$,
              $$WITH l AS (SELECT o, i, v FROM lines JOIN things USING (i) WHERE v > 0 AND kind LIKE 'rare%'), w AS (SELECT o, count(DISTINCT i) > 1 AS several FROM lines WHERE v > 0 GROUP BY o), k AS (SELECT o, sum(v) AS v, count(DISTINCT i) AS n FROM l GROUP BY o)
                SELECT '(other)', count(*), sum(v)::numeric(12,2), avg(n)::numeric(12,6) AS n, avg(several::integer)::numeric(12,6) AS several FROM k JOIN w USING (o)$$, 'an order with items of several small groups is one order of the others');
SELECT cmp_ok((SELECT max(n)::integer FROM (SELECT count(DISTINCT kind) AS n FROM lines JOIN things USING (i) WHERE v > 0 AND kind LIKE 'rare%' GROUP BY o) x), '>', 1, 'there are such orders');
SELECT is((SELECT sum(orders)::bigint FROM reco.aov_report('shop', period => 'day', min_support => 1000000)), (SELECT count(DISTINCT o) FROM lines WHERE v > 0), 'without groups nothing is left out');

-- What customers do not want to be used.
SELECT reco.add_users('shop', 'people', 'u', 'region', consent => 'yes AS attributes') \g /dev/null
SELECT bag_eq($$SELECT "group", customers FROM reco.aov_report('shop', 'region', min_support => 1)$$,
              $$SELECT coalesce(region, '(none)'), count(DISTINCT l.u) FROM lines l LEFT JOIN people p ON p.u = l.u AND yes WHERE v > 0 GROUP BY 1$$, 'features only by consent; orders count all the same');
SELECT reco.create_model('texts', 'UTC'), reco.add_orders('texts', 'lines', '''u'' || u', '''i'' || i', 'at', 'o', amount => 'v') \g /dev/null
SELECT is(differences(to_jsonb(a), to_jsonb(b)), 'none', 'keys that are texts') FROM reco.aov_report('texts') a, reco.aov_report('shop') b;

-- ---- What the report refuses -----------------------------------------------------------------------------------------

SELECT reco.create_model('empty', 'UTC'), reco.create_model('free', 'UTC'), reco.create_model('visits', 'UTC') \g /dev/null
SELECT reco.add_orders('free', 'lines', 'u', 'i', 'at', 'k'), reco.add_sessions('visits', 'lines', 'o', 'i', 'at', context => 'u % 2 AS odd'), reco.add_orders('visits', 'lines', 'u', 'i', 'at', 'k', amount => 'v') \g /dev/null
SELECT reco.add_users('visits', 'lines', 'u', 'i AS parity'), reco.add_items('visits', 'lines', 'i', 'k AS parity') \g /dev/null
SELECT is(complaint(format('SELECT * FROM reco.aov_report(%s)', arguments))::text, ROW(state, message, hint)::text, arguments)
FROM   (VALUES ('NULL', '22004', 'parameter "model" must not be null', 'See the comment on the function: \df+ and \dd in psql.'),
               ('''nothing''', '42704', 'model "nothing" does not exist', 'SELECT model FROM reco.models lists the models that you may use; reco.create_model makes a new one.'),
               ('''empty''', '55000', 'model "empty" has no orders to learn from', 'Name the table of your order lines with reco.add_orders(''empty'', ...).'),
               ('''free''', '55000', 'no orders of model "free" say what they are worth', 'Give unit_price or amount to reco.add_orders.'),
               ('''shop'', period => ''hour''', '22023', 'parameter "period" cannot be "hour"', 'It is day, week, month, quarter or year, or NULL for all of time.'),
               ('''shop'', min_support => 0', '22023', 'parameter "min_support" must be from 1 to 2147483647, not 0', 'Give a number in that range, or leave it out for the model''s option.'),
               ('''shop'', winsorize_at => 2', '22023', 'parameter "winsorize_at" must be from 0 to 1, not 2', 'Order values above that quantile are set to it; 1 changes none.'),
               ('''shop'', winsorize_at => NULL', '22023', 'parameter "winsorize_at" must be from 0 to 1, not NaN', 'Order values above that quantile are set to it; 1 changes none.'),
               ('''shop'', ''age''', '42703', 'model "shop" has no feature "age"', 'It has items.kind, orders.parity, users.region.'),
               ('''visits'', ''parity''', '42702', 'model "visits" has a feature "parity" of items and one of users', 'Say which: items.parity or users.parity.'),
               ('''visits'', ''odd''', '42809', 'orders have no groups by "odd", which is a feature of sessions', 'Name a feature of customers or items, a context of orders, or source.')) x (arguments, state, message, hint);
SET maintenance_work_mem = '1MB';
CREATE TABLE many AS SELECT o AS u, 1 AS i, 1 AS v, '2024-01-01'::timestamptz AS at FROM generate_series(1, 100000) o;
SELECT reco.create_model('many', 'UTC'), reco.add_orders('many', 'many', 'u', 'i', 'at', amount => 'v') \g /dev/null
SELECT alike((complaint('SELECT * FROM reco.aov_report(''many'')')).message, 'reco.aov_report needs at least % MB of memory, but maintenance_work_mem is 1 MB', 'too little memory');
RESET maintenance_work_mem;
SELECT is((SELECT (orders, customers, aov, ci_low, ci_high, median)::text FROM reco.aov_report('many')), '(100000,100000,1,1,1,1)', 'orders that are all alike');

-- ---- On public data --------------------------------------------------------------------------------------------------

\getenv data RECO_DATA
\if :{?data}
CREATE TABLE retail (k text, i text, description text, q integer, at timestamp, price numeric, u text, country text);
\copy retail FROM PROGRAM 'gzip -dc "$RECO_DATA"/online_retail/transactions.csv.gz' csv header
CREATE VIEW retail_lines AS SELECT k, k AS o, u, i, q, price, q * price AS v, at, country FROM retail;
SELECT is(differences(by_aov('TABLE retail_lines'), by_hand('TABLE retail_lines')), 'none', 'Online Retail, cancellations included');
SELECT reco.create_model('retail', 'Europe/London'), reco.add_orders('retail', 'retail_lines', 'u', 'i', 'at', 'k', quantity => 'q', unit_price => 'price', context => 'country') \g /dev/null
CREATE OR REPLACE FUNCTION period(at timestamptz) RETURNS date LANGUAGE sql AS $$ SELECT date_trunc('quarter', at AT TIME ZONE 'Europe/London')::date $$;
CREATE TABLE retail_report AS SELECT * FROM reco.aov_report('retail', 'country', 'quarter', min_support => 1);
SELECT is_empty($$SELECT a.period_start, a."group", b.*, differences(to_jsonb(a), b.r) FROM retail_report a
                  FULL JOIN report_by_hand('SELECT o, u, i, v, at AT TIME ZONE ''Europe/London'' AS at, country AS g FROM retail_lines WHERE v <> 0') b
                  ON a.period_start = b.p AND a."group" = b.g WHERE a.orders IS NULL OR b.r IS NULL OR differences(to_jsonb(a), b.r) <> 'none'$$, 'the report by country and quarter');
SELECT cmp_ok((SELECT count(*)::integer FROM retail_report), '>', 100, 'has so many rows');
\else
SELECT skip('RECO_DATA is not set: Online Retail is not there', 3);
\endif

SELECT * FROM finish();
