-- Bundles: what is bought together, against plain SQL; and what lifts an order over a threshold.

SET client_min_messages = warning;
SELECT plan(80);

-- ---- A shop -----------------------------------------------------------------------------------------------------------

-- Orders of very different sizes, items of very different popularity; planted: 1 and 2 together, 3, 4 and 5 together.  Customers
-- order several times, some are unknown; one line in 25 is sent back, and a few have no item, no quantity or no time.
CREATE FUNCTION pg_temp.hint(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text; BEGIN EXECUTE statement; RETURN NULL; EXCEPTION WHEN configuration_limit_exceeded THEN GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT; RETURN hint; END $$;
CREATE TABLE sales (o bigint, u bigint, i bigint, q numeric, price numeric, at timestamptz);
CREATE FUNCTION dice(bigint, bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT (hashint8extended($1, $2) & 1048575)::float8 / 1048576 $$;
CREATE VIEW shop_orders AS
SELECT o, CASE WHEN dice(o, 1) < 0.1 THEN NULL ELSE (power(dice(o, 2), 1.5) * 90)::bigint END AS u, 0.2 + 2.4 * power(dice(o, 3), 3) AS size,
       timestamptz '2024-01-01' + o * interval '3 hours' AS at
FROM generate_series(1, 600) o;
INSERT INTO sales
SELECT o, u, i, 1 + (dice(o * 100 + i, 4) * 3)::integer, round((1 + i * 1.37)::numeric, 2), at
FROM shop_orders, generate_series(1, 12) i
WHERE dice(o * 100 + i, 5) < least(size * (0.05 + i * 0.02), 0.9)
   OR (i IN (1, 2) AND dice(o, 6) < 0.16) OR (i IN (3, 4, 5) AND dice(o, 7) < 0.14);
INSERT INTO sales SELECT o, u, i, q, price, at + interval '1 minute' FROM sales WHERE dice(o * 100 + i, 8) < 0.05;
INSERT INTO sales SELECT 10000 + o, u, i, CASE WHEN dice(o, 10) < 0.5 THEN -q ELSE -1 END, price, at + interval '9 days' FROM sales WHERE dice(o * 100 + i, 9) < 0.04 AND u IS NOT NULL;
INSERT INTO sales VALUES (1, 1, NULL, 1, 1, '2024-01-01'), (2, 1, 1, NULL, 1, '2024-01-01'), (3, 1, 2, 0, 1, '2024-01-01'), (4, 1, 2, 1, 1, NULL), (5, 2, 1, 'NaN', 1, '2024-01-01'),
                         (20001, NULL, 3, -1, 3, '2024-02-01'), (20002, 7, 99, -1, 3, '2024-02-01');
CREATE TABLE goods AS SELECT i, 10.5 + i AS price, CASE WHEN i <> 4 THEN i * 0.25 END AS margin FROM generate_series(1, 12) i;
SELECT reco.create_model('m', 'UTC', '{"factors": 4, "iterations": 2, "min_support": 5}'), reco.create_model('t', 'UTC', '{"factors": 4, "iterations": 2, "min_support": 5}') \g /dev/null
SELECT reco.add_orders('m', 'sales', 'u', 'i', 'at', 'o', quantity => 'q', unit_price => 'price'), reco.add_items('m', 'goods', 'i', price => 'price', margin => 'margin'),
       reco.add_orders('t', 'sales', '''u'' || u', '''k'' || lpad(i::text, 2, ''0'')', 'at', 'o', quantity => 'q', unit_price => 'price') \g /dev/null

-- ---- The same in plain SQL -------------------------------------------------------------------------------------------

-- Returns come off the latest purchase before them, then off the one before that.
CREATE TABLE kept (o bigint, u bigint, i bigint, at timestamptz, q float8, value float8);
CREATE FUNCTION net(since timestamptz, until timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	line record; bought record; back float8;
BEGIN
	TRUNCATE kept;
	FOR line IN SELECT * FROM sales WHERE i IS NOT NULL AND q <> 'NaN' AND q <> 0 AND at < until ORDER BY at, q < 0, o LOOP
		IF line.q > 0 THEN
			INSERT INTO kept VALUES (line.o, line.u, line.i, line.at, line.q, line.q * line.price);
			CONTINUE;
		END IF;
		back := -line.q;
		FOR bought IN SELECT ctid, * FROM kept WHERE u = line.u AND i = line.i ORDER BY at DESC, o DESC LOOP
			EXIT WHEN back <= 0;
			IF bought.q > back THEN
				UPDATE kept SET q = bought.q - back, value = bought.value * (bought.q - back) / bought.q WHERE ctid = bought.ctid;
			ELSE
				DELETE FROM kept WHERE ctid = bought.ctid;
			END IF;
			back := back - bought.q;
		END LOOP;
	END LOOP;
	DELETE FROM kept WHERE o IN (SELECT o FROM kept GROUP BY o HAVING min(at) < since);
END $$;

-- The odds of sizes of orders and of items' numbers of orders, by Newton's method in turns.
CREATE TABLE sizes (n integer, orders integer, x float8);
CREATE TABLE counts (c integer, items integer, y float8);
-- By what products of k chances are multiplied: sets of k items that an order of n holds / sum of products over all sets.
CREATE VIEW weights AS
SELECT n, k, CASE k WHEN 2 THEN n * (n - 1) / 2.0 / e2 WHEN 3 THEN n * (n - 1) * (n - 2) / 6.0 / e3 WHEN 4 THEN n * (n - 1) * (n - 2) * (n - 3) / 24.0 / e4
		ELSE n * (n - 1) * (n - 2) * (n - 3) * (n - 4) / 120.0 / ((e4 * p1 - e3 * p2 + e2 * p3 - e1 * p4 + p5) / 5) END AS weight
FROM (SELECT *, (e3 * p1 - e2 * p2 + e1 * p3 - p4) / 4 AS e4 FROM
	(SELECT *, (e2 * p1 - e1 * p2 + p3) / 3 AS e3 FROM
	(SELECT *, p1 AS e1, (p1 * p1 - p2) / 2 AS e2 FROM
	(SELECT n, sum(items * p) AS p1, sum(items * p ^ 2) AS p2, sum(items * p ^ 3) AS p3, sum(items * p ^ 4) AS p4, sum(items * p ^ 5) AS p5
	 FROM (SELECT n, items, x * y / (1 + x * y) AS p FROM sizes, counts) z GROUP BY n) a) b) c) d, generate_series(2, 5) k;
CREATE FUNCTION fit() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE sizes, counts;
	INSERT INTO sizes SELECT n, count(*), n / 50.0 FROM (SELECT count(DISTINCT i) AS n FROM kept GROUP BY o) s GROUP BY n;
	INSERT INTO counts SELECT c, count(*), c / 50.0 FROM (SELECT count(DISTINCT o) AS c FROM kept GROUP BY i) s GROUP BY c;
	FOR round IN 1..60 LOOP
		UPDATE sizes s SET x = s.x * exp(step) FROM (SELECT n, (n - sum(items * p)) / sum(items * p * (1 - p)) AS step
			FROM (SELECT n, items, x * y / (1 + x * y) AS p FROM sizes, counts) z GROUP BY n) z WHERE z.n = s.n;
		UPDATE counts s SET y = s.y * exp(step) FROM (SELECT c, (c - sum(orders * p)) / sum(orders * p * (1 - p)) AS step
			FROM (SELECT c, orders, x * y / (1 + x * y) AS p FROM sizes, counts) z GROUP BY c) z WHERE z.c = s.c;
	END LOOP;
END $$;

-- P(a, x), the chance of at least a where x are expected: the integral of t^(a-1) e^-t / gamma(a) up to x, as a series.
CREATE FUNCTION log_gamma(a float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
	SELECT (b - 0.5) * ln(b) - b + 0.5 * ln(2 * pi()) + 1 / (12 * b) - 1 / (360 * b ^ 3) + 1 / (1260 * b ^ 5)
	       - (SELECT sum(ln(a + j)) FROM generate_series(0, 19) j) FROM (SELECT a + 20 AS b) z $$;
CREATE FUNCTION at_least(a float8, x float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	term float8 := 1 / a; sum float8 := 0; n integer := 0;
BEGIN
	WHILE n < 500 AND term > 1e-300 LOOP
		sum := sum + term;
		n := n + 1;
		term := term * x / (a + n);
	END LOOP;
	RETURN exp(a * ln(x) - x - log_gamma(a) + ln(sum));
END $$;

CREATE TABLE possible (items bigint[], size integer);
CREATE TABLE truth (items bigint[], size integer, orders bigint, customers bigint, squares float8, expected float8, explained float8, plain float8,
                    together float8, beside float8, apart float8, p float8);
CREATE FUNCTION count_sets(max_size integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE truth, possible;
	CREATE TEMP TABLE baskets ON COMMIT DROP AS SELECT o, (array_agg(u))[1] AS u, array_agg(DISTINCT i) AS items, sum(value) AS worth FROM kept GROUP BY o;
	CREATE TEMP TABLE named ON COMMIT DROP AS SELECT i, count(DISTINCT o) AS c FROM kept GROUP BY i;
	CREATE TEMP TABLE sets ON COMMIT DROP AS
	WITH RECURSIVE s(items) AS (SELECT ARRAY[i] FROM named UNION ALL SELECT items || i FROM s, named WHERE i > items[cardinality(items)] AND cardinality(items) < max_size)
	SELECT items FROM s WHERE cardinality(items) > 1;
	CREATE TEMP TABLE weighed ON COMMIT DROP AS TABLE weights;
	INSERT INTO possible SELECT items, cardinality(items) FROM sets;
	INSERT INTO truth
	SELECT s.items, cardinality(s.items), h.orders, h.customers, h.squares, e.expected, e.expected, h.orders * (SELECT count(*) FROM baskets) ^ (cardinality(s.items) - 1) / e.product,
	       h.worth / h.orders, (h.worth - (SELECT sum(value) FROM kept k JOIN baskets b USING (o) WHERE b.items @> s.items AND k.i = ANY (s.items))) / h.orders,
	       (SELECT avg(worth) FROM baskets b WHERE b.items && s.items AND NOT b.items @> s.items), NULL
	FROM sets s
	CROSS JOIN LATERAL (SELECT sum(n) AS orders, count(u) AS customers, sum(n * n) FILTER (WHERE u IS NOT NULL) AS known, sum(worth) AS worth,
	                           coalesce(sum(n * n) FILTER (WHERE u IS NOT NULL), 0) + coalesce(sum(n) FILTER (WHERE u IS NULL), 0) AS squares
	                    FROM (SELECT u, count(*) AS n, sum(worth) AS worth FROM baskets b WHERE b.items @> s.items GROUP BY u) x) h
	CROSS JOIN LATERAL (SELECT sum(chance) AS expected, min(product) AS product
	                    FROM (SELECT n, min(orders) * min(weight) * exp(sum(ln(x * y / (1 + x * y)))) AS chance, exp(sum(ln(c::float8))) AS product
	                          FROM sizes JOIN weighed USING (n), unnest(s.items) j JOIN named ON named.i = j JOIN counts USING (c) WHERE k = cardinality(s.items) GROUP BY n) z) e
	WHERE h.orders > 0;
	-- Of larger sets: the largest product of the lifts of two parts; that of a single item is 1.
	UPDATE truth t SET explained = t.expected * greatest(1, most)
	FROM (SELECT w.items, max(a.orders / a.expected * CASE WHEN cardinality(w.items) - a.size = 1 THEN 1 ELSE b.orders / b.expected END) AS most
	      FROM truth w JOIN truth a ON a.items <@ w.items AND a.size < w.size
	      LEFT JOIN truth b ON b.items = ARRAY(SELECT j FROM unnest(w.items) j WHERE j <> ALL (a.items) ORDER BY j)
	      WHERE w.size > 2 GROUP BY w.items) z
	WHERE z.items = t.items;
	UPDATE truth SET p = at_least(orders / (squares / orders), explained / (squares / orders));
	DROP TABLE baskets, named, sets, weighed;
END $$;
CREATE FUNCTION is_near(a float8, b float8) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT a IS NOT DISTINCT FROM b OR abs(a - b) <= 1e-5 * abs(b) $$;

SELECT net('-infinity', 'infinity'), fit(), count_sets(5) \g /dev/null
SELECT ok(count(*) FILTER (WHERE size = 2) = 66 AND count(*) FILTER (WHERE size = 5) > 500, 'plain SQL has all sets') FROM truth;
CREATE TABLE found AS SELECT * FROM reco.bundles('m', k => 1000000, min_support => 3, false_discovery_rate => 1, min_lift => 0);
SELECT bag_eq('SELECT items, size, orders, customers FROM found', 'SELECT items, size, orders, customers FROM truth WHERE customers >= 3', 'with a rate of 1 these are all sets with the support, and their orders and customers');
SELECT cmp_ok((SELECT count(*) FROM found WHERE size = 5), '>', 60::bigint, 'among them many of five');
SELECT is_empty(format('SELECT items, f.%I, t.%I FROM found f JOIN truth t USING (items) WHERE NOT is_near(f.%1$I, t.%2$I)', mine, theirs), mine || ' is that of plain SQL')
FROM   (VALUES ('expected', 'expected'), ('explained', 'explained'), ('plain_lift', 'plain'), ('p_value', 'p'), ('value_together', 'together'), ('value_beside', 'beside'), ('value_apart', 'apart')) AS x (mine, theirs);
SELECT is_empty('SELECT * FROM found WHERE NOT is_near(lift, orders / expected)', 'lift is orders / expected');
SELECT is_empty('SELECT items FROM found f WHERE NOT is_near(price, (SELECT sum(price) FROM goods WHERE i = ANY (items))::float8)', 'price is the sum of prices');
SELECT is_empty('SELECT items FROM found f WHERE margin IS DISTINCT FROM (SELECT CASE WHEN count(margin) = size THEN sum(margin) END FROM goods WHERE i = ANY (items))::float8', 'margin too, NULL where one is not known');
SELECT is((SELECT DISTINCT examined FROM found), (SELECT count(*) FROM possible WHERE size = 2) + (SELECT sum(n)::bigint FROM (SELECT count(*) AS n FROM (
	SELECT w.items FROM possible w JOIN truth a ON a.items <@ w.items AND a.size = w.size - 1 AND a.customers >= 3 WHERE w.size > 2 GROUP BY w.items, w.size HAVING count(*) = w.size) z) z),
	'examined: all pairs, and larger sets all of whose parts had the support');
SELECT is_empty($$SELECT f.* FROM found f JOIN (SELECT items, min(raw) OVER (ORDER BY p_value DESC, rank DESC ROWS UNBOUNDED PRECEDING) AS q
	FROM (SELECT *, p_value * examined / row_number() OVER (ORDER BY p_value, rank) AS raw FROM found) z) z USING (items) WHERE abs(q_value - least(q, 1)) > 1e-9 AND p_value < 0.2$$,
	'q_value is Benjamini and Hochberg''s');
SELECT is_empty('SELECT rank FROM (SELECT *, lag(lift_low ^ (1.0 / (size - 1))) OVER (ORDER BY rank) AS before FROM found) z WHERE lift_low ^ (1.0 / (size - 1)) > before * (1 + 1e-12)', 'the strongest first');
SELECT bag_eq('SELECT rank FROM found', 'SELECT generate_series(1, (SELECT count(*) FROM found))::integer', 'by rank from 1');

-- ---- What can be sold ------------------------------------------------------------------------------------------------

CREATE TABLE found_then AS SELECT items FROM reco.bundles('m', k => 1000);
SELECT reco.add_items('m', 'goods', 'i', price => 'price', margin => 'margin', available => 'i <> 4') \g /dev/null
SELECT results_eq('SELECT rank, items FROM reco.bundles(''m'')', 'SELECT row_number() OVER (ORDER BY rank)::integer, items FROM reco.bundles(''m'', only_available => false) WHERE NOT 4 = ANY (items)',
	'sets of which an item is not available are left out, before ranks are given');
SELECT bag_eq('SELECT items::text FROM reco.bundles(''m'')', ARRAY['{1,2}', '{3,5}'], 'which leaves these');
SELECT results_eq('SELECT items FROM reco.bundles(''m'', k => 2)', 'SELECT items FROM reco.bundles(''m'')', 'and before the cut to k');
SELECT bag_eq('SELECT items FROM reco.bundles(''m'', only_available => NULL)', 'SELECT items FROM found_then', 'or shown with the others');
SELECT is((SELECT DISTINCT examined FROM reco.bundles('m')), (SELECT DISTINCT examined FROM reco.bundles('m', only_available => false)), 'without a change to what was examined');
INSERT INTO goods VALUES (4, 1, 1);
SELECT reco.add_items('m', 'goods', 'i', price => 'price', margin => 'margin', available => 'i < 5 AND (i <> 4 OR price = 1)') \g /dev/null
SELECT bag_eq('SELECT items::text FROM reco.bundles(''m'')', ARRAY['{1,2}', '{3,4}'], 'one available row of an item is enough');
DELETE FROM goods WHERE price = 1;
SELECT reco.add_items('m', 'goods', 'i', price => 'price', margin => 'margin') \g /dev/null

-- ---- What is found ---------------------------------------------------------------------------------------------------

CREATE TABLE strong AS SELECT * FROM reco.bundles('m', k => 1000);
SELECT bag_eq('SELECT items::text FROM strong', ARRAY['{1,2}', '{3,4}', '{3,5}', '{4,5}', '{3,4,5}'], 'what was planted, and nothing else');
SELECT is_empty('SELECT s.* FROM strong s JOIN truth t USING (items) WHERE q_value > 0.05 OR NOT is_near(at_least(t.orders ^ 2 / t.squares, lift_low * t.expected * t.orders / t.squares), 0.05 * 5 / examined)',
	'lift_low is the bound at the level 5 x 0.05 / examined');
SELECT ok(bool_and(lift_low > 1 AND lift_low < lift AND orders > explained AND explained >= expected), 'bounds are below lifts, and above 1') FROM strong;
SELECT ok(explained > 1.5 * expected, 'the triple has to be more than its pairs') FROM strong WHERE size = 3;
SELECT results_eq('SELECT items FROM reco.bundles(''m'', k => 2)', 'SELECT items FROM strong WHERE rank <= 2 ORDER BY rank', 'no more than k');
SELECT results_eq('SELECT items, examined, q_value FROM reco.bundles(''m'', min_size => 3)', 'SELECT items, examined, q_value FROM strong WHERE size = 3', 'min_size hides, and changes nothing');
SELECT ok(max(size) = 2 AND count(*) = 4 AND max(examined) = 66, 'max_size ends the search') FROM reco.bundles('m', max_size => 2);
SELECT is((SELECT count(*) FROM reco.bundles('m', min_lift => 1e6)), 0::bigint, 'min_lift is for the bound');
SELECT ok(count(*) = 2 AND min(lift_low) > 1.3, 'of all sizes') FROM reco.bundles('m', min_lift => (SELECT max(lift_low) - 0.001 FROM strong WHERE size = 2)::float8);
SELECT results_eq('SELECT rank, orders, customers, expected, lift, lift_low, plain_lift, p_value, q_value, examined, value_together, value_beside, value_apart FROM reco.bundles_text(''t'')',
	'SELECT rank, orders, customers, expected, lift, lift_low, plain_lift, p_value, q_value, examined, value_together, value_beside, value_apart FROM strong', 'the same with texts as keys');
SELECT results_eq('SELECT items FROM reco.bundles_text(''t'')', 'SELECT ARRAY(SELECT ''k0'' || i FROM unnest(items) i ORDER BY i) FROM strong', 'whose items are texts');
SELECT ok(bool_and(price IS NULL AND margin IS NULL), 'without prices there are none') FROM reco.bundles_text('t');
SELECT results_eq('SELECT (b).items FROM (SELECT reco.bundles(''m'', k => 1) AS b) z', 'SELECT items FROM strong WHERE rank = 1', 'in a select list');
SET TIME ZONE 'Asia/Tokyo'; SET enable_seqscan = off;
SELECT results_eq('SELECT * FROM reco.bundles(''m'')', 'TABLE strong', 'whatever the plan and the session');
RESET TIME ZONE; RESET enable_seqscan;

-- ---- Times -------------------------------------------------------------------------------------------------------------

SELECT net('2024-01-20', '2024-03-01'), fit(), count_sets(3) \g /dev/null
CREATE TABLE part AS SELECT * FROM reco.bundles('m', k => 1000, min_support => 2, max_size => 3, false_discovery_rate => 1, min_lift => 0, since => '2024-01-20 00:00+00', until => '2024-03-01 00:00+00');
SELECT bag_eq('SELECT items, orders, customers FROM part', 'SELECT items, orders, customers FROM truth WHERE customers >= 2', 'from since on, before until: the sets');
SELECT is_empty('SELECT * FROM part f JOIN truth t USING (items) WHERE NOT is_near(f.explained, t.explained) OR NOT is_near(value_beside, beside)', 'and their numbers');
SELECT is((SELECT count(*) FROM reco.bundles('m', until => '-infinity')), 0::bigint, 'of no time');
SELECT is((SELECT count(*) FROM reco.bundles('m', since => 'infinity')), 0::bigint, 'nor of the other end');

-- ---- Customers ---------------------------------------------------------------------------------------------------------

-- The same 30 orders of two items among 400, of 30 customers and of 6.
CREATE TABLE twins (o bigint, u bigint, i bigint, at timestamptz);
INSERT INTO twins SELECT o, 1000 + o, i, '2024-01-01' FROM generate_series(1, 400) o, generate_series(1, 4) i WHERE (i = 1 + o % 4) OR (i = 1 + (o / 4) % 4 AND o > 200);
INSERT INTO twins SELECT 1000 + o, o, i, '2024-01-02' FROM generate_series(1, 30) o, unnest(ARRAY[11, 12]) i;
INSERT INTO twins SELECT 2000 + o, o % 6, i, '2024-01-02' FROM generate_series(1, 30) o, unnest(ARRAY[21, 22]) i;
INSERT INTO twins SELECT 3000 + o, NULL, i, '2024-01-02' FROM generate_series(1, 30) o, unnest(ARRAY[31, 32]) i;
SELECT reco.create_model('w', 'UTC') \g /dev/null
SELECT reco.add_orders('w', 'twins', 'u', 'i', 'at', 'o') \g /dev/null
SELECT results_eq('SELECT items, orders, customers, value_together FROM reco.bundles(''w'')', $$VALUES ('{11,12}'::bigint[], 30::bigint, 30::bigint, NULL::float8)$$, 'six customers are too few for the option min_support, and unknown ones are none; values are not known');
SELECT results_eq('SELECT items, orders, customers FROM reco.bundles(''w'', min_support => 6) ORDER BY 1', $$VALUES ('{11,12}'::bigint[], 30::bigint, 30::bigint), ('{21,22}', 30, 6)$$, 'they are enough for 6');
SELECT ok(max(p_value) FILTER (WHERE customers = 6) > 1e6 * max(p_value) FILTER (WHERE customers = 30) AND max(expected) - min(expected) < 1e-9,
	'and the same orders of fewer customers say less') FROM reco.bundles('w', min_support => 6);
CREATE TABLE people AS SELECT u, u NOT BETWEEN 1 AND 15 AS ok FROM generate_series(0, 1400) u;
SELECT reco.add_users('w', 'people', 'u', consent => 'ok AS train') \g /dev/null
SELECT results_eq('SELECT items, orders, customers FROM reco.bundles(''w'', min_support => 10)', $$VALUES ('{11,12}'::bigint[], 15::bigint, 15::bigint)$$, 'whoever does not consent to training is not counted');
UPDATE people SET ok = u > 25 OR u = 0;
SELECT is((SELECT count(*) FROM reco.bundles('w', min_support => 10) WHERE items = '{11,12}'), 0::bigint, 'and what is withdrawn acts at once');
SELECT reco.remove_source('w', 'people') \g /dev/null
SELECT reco.add_orders('w', 'twins', 'u', 'i', 'at') \g /dev/null
SELECT ok(bool_or(items = '{11,12}' AND orders = 30), 'without order keys, the lines of one customer and moment are an order') FROM reco.bundles('w');

-- ---- Chance ------------------------------------------------------------------------------------------------------------

-- Nothing goes together, but some orders are large: by plain lift everything does.
CREATE TABLE noise (run integer, o bigint, i bigint);
INSERT INTO noise SELECT run, o, i FROM generate_series(1, 20) run, generate_series(1, 400) o, generate_series(1, 25) i
WHERE dice((run * 1000 + o) * 100 + i, 21) < least(3 * power(dice(run * 1000 + o, 22), 4) * (0.02 + i * 0.012), 0.95);
CREATE TABLE now_run (run integer);
CREATE INDEX ON noise (run);
INSERT INTO now_run VALUES (1);
CREATE VIEW noise_now AS SELECT o, o AS u, i, timestamptz '2024-01-01' AS at FROM noise JOIN now_run USING (run);
SELECT reco.create_model('noise', 'UTC') \g /dev/null
SELECT reco.add_orders('noise', 'noise_now', 'u', 'i', 'at', 'o') \g /dev/null
CREATE FUNCTION runs_with_bundles(support integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	runs integer := 0;
BEGIN
	FOR r IN 1..20 LOOP
		UPDATE now_run SET run = r;
		runs := runs + (EXISTS (SELECT FROM reco.bundles('noise', min_support => support)))::integer;
	END LOOP;
	RETURN runs;
END $$;
SELECT cmp_ok(runs_with_bundles(20), '<=', 1, 'in at most one run in twenty chance alone makes a bundle');
SELECT cmp_ok(runs_with_bundles(3), '<=', 1, 'also with little support');
SELECT ok(count(*) > 50 AND bool_and(plain_lift > 1.2), 'although by plain lift all pairs are bundles') FROM reco.bundles('noise', k => 10000, max_size => 2, false_discovery_rate => 1, min_lift => 0);

-- Of two seasons with goods of their own: within each nothing goes together.
CREATE TABLE seasons AS
SELECT o, o AS u, (o - 1) / 1200 * 10 + j AS i, timestamptz '2024-01-01' + o * interval '1 hour' AS at FROM generate_series(1, 2400) o, generate_series(1, 10) j WHERE dice(o * 100 + j, 31) < 0.3;
SELECT reco.create_model('seasons', 'UTC') \g /dev/null
SELECT reco.add_orders('seasons', 'seasons', 'u', 'i', 'at', 'o') \g /dev/null
SELECT is((SELECT count(*) FROM reco.bundles('seasons')), 0::bigint, 'what is only sold in the same season does not go together');
SELECT ok(count(*) = 90 AND bool_and(plain_lift > 1.5 AND lift BETWEEN 0.7 AND 1.3), 'though plain lift says so') FROM reco.bundles('seasons', k => 1000, max_size => 2, false_discovery_rate => 1, min_lift => 0);

-- ---- Large orders ------------------------------------------------------------------------------------------------------

INSERT INTO twins SELECT 50000, 5000, 100 + g, '2024-01-03' FROM generate_series(1, 50000) g;
INSERT INTO twins SELECT 50001 + c, 5001 + c, 100 + g, '2024-01-03' FROM generate_series(1, 3000) g, generate_series(0, 1) c;
SELECT reco.add_orders('w', 'twins', 'u', 'i', 'at', 'o') \g /dev/null
SET maintenance_work_mem = '16MB';
SELECT results_eq('SELECT items, orders FROM reco.bundles(''w'')', $$VALUES ('{11,12}'::bigint[], 30::bigint)$$, 'orders of thousands of items are left out');
SELECT ok(bool_or(items = '{11,12}' AND orders = 30), 'or counted, within 16 MB') FROM reco.bundles('w', min_support => 2, max_items => 100000);
RESET maintenance_work_mem;
CREATE TABLE dense AS SELECT o, o AS u, i, timestamptz '2024-01-01' AS at FROM generate_series(1, 30) o, generate_series(1, 24) i;
SELECT reco.create_model('dense', 'UTC') \g /dev/null
SELECT reco.add_orders('dense', 'dense', 'u', 'i', 'at', 'o') \g /dev/null
SELECT is((SELECT count(*) FROM reco.bundles('dense')), 0::bigint, 'where everybody buys everything nothing goes together');
SELECT ok(count(*) = 2300 AND bool_and(abs(expected - 30) < 1e-3 AND abs(lift - 1) < 1e-4), 'as all of it is expected') FROM reco.bundles('dense', k => 10000, max_size => 3, false_discovery_rate => 1, min_lift => 0);
SET maintenance_work_mem = '4MB';
SELECT throws_like($$SELECT count(*) FROM reco.bundles('dense', false_discovery_rate => 1)$$, 'more than % sets of items are bought together, and maintenance_work_mem has no room for them', 'too many sets are an error');
SET maintenance_work_mem = '1MB';
SELECT throws_like($$SELECT count(*) FROM reco.bundles('w')$$, 'bundling needs at least % MB of memory, but maintenance_work_mem is 1 MB', 'and so are too many lines');
SELECT matches(pg_temp.hint('SELECT count(*) FROM reco.bundles(''w'')'), '^SET maintenance_work_mem = ''64MB'' .*; bundles takes less with a later since\.$', 'of which the hint says what to do');
RESET maintenance_work_mem;
TRUNCATE twins;
SELECT is((SELECT count(*) FROM reco.bundles('w')), 0::bigint, 'of no lines, nothing');

-- ---- Over a threshold --------------------------------------------------------------------------------------------------

SELECT version FROM reco.train('m') \g /dev/null
SELECT reco.create_model('bare', 'UTC', '{"factors": 4, "iterations": 2}') \g /dev/null
SELECT reco.add_orders('bare', 'sales', 'u', 'i', 'at', 'o') \g /dev/null
SELECT version FROM reco.train('bare') \g /dev/null
-- Item i costs 10.5 + i: 1 and 2 are worth 24.
CREATE TABLE tops AS SELECT * FROM reco.complete_basket('m', NULL, '{1,2}', 45, k => 100);
SELECT ok(bool_and(total >= 45 AND is_near(total, 24 + price) AND is_near(over, total - 45) AND cardinality(items) <= 2 AND NOT items && '{1,2}'), 'each row reaches the target') FROM tops;
SELECT is_empty('SELECT items FROM tops WHERE NOT is_near(price, (SELECT sum(price) FROM goods WHERE i = ANY (items))::float8)', 'at the price that the shop asks');
SELECT set_eq('SELECT items[1] FROM tops WHERE cardinality(items) = 1', 'SELECT i FROM goods WHERE price >= 21 AND i NOT IN (1, 2)', 'of one item are all that cover what is missing');
SELECT is_empty('SELECT items FROM tops WHERE cardinality(items) = 2 AND (SELECT max(price) FROM goods WHERE i = ANY (items)) >= 21', 'of two none does alone');
SELECT cmp_ok((SELECT count(*) FROM tops WHERE cardinality(items) = 2), '>', 5::bigint, 'and there are some');
SELECT is_empty('SELECT rank FROM (SELECT *, lag(score) OVER (PARTITION BY probability IS NULL AND cardinality(items) = 2 ORDER BY rank) AS before FROM tops) z WHERE score > before', 'the best first');
SELECT is_empty('SELECT rank FROM tops WHERE NOT is_near(score, coalesce(probability * 45 / total, score))', 'by probability, less where it goes far beyond');
SELECT is_empty('SELECT t.items FROM tops t LEFT JOIN reco.recommend(''m'', NULL, k => 100, basket => ''{1,2}'') r ON r.item_id = t.items[1] WHERE cardinality(t.items) = 1 AND (t.probability, t.source) IS DISTINCT FROM (r.probability, r.source)',
	'with the probability of recommend');
SELECT is_empty('SELECT rank FROM reco.complete_basket(''m'', NULL, ''{1,2}'', 24)', 'where the target is reached nothing is missing');
SELECT isnt_empty('SELECT rank FROM reco.complete_basket(''m'', NULL, ''{1,2}'', 24.01)', 'a cent less, and something is');
SELECT ok(bool_and(is_near(total, 35.5 + price)), 'a repeated item is paid twice') FROM reco.complete_basket('m', NULL, '{1,1,2}', 45, k => 100);
SELECT results_eq('SELECT * FROM reco.complete_basket(''m'', NULL, ''{1,2}'', 45, k => 100, basket_value => 24)', 'TABLE tops', 'the value may be given');
SELECT ok(bool_and(is_near(total, 30 + price)), 'and is then not what the items cost') FROM reco.complete_basket('m', NULL, '{1,2}', 45, basket_value => 30);
SELECT is_empty('SELECT rank FROM reco.complete_basket(''m'', NULL, ''{1,2}'', 1000)', 'nothing is that dear');
SELECT results_eq('SELECT items[1] FROM reco.complete_basket(''m'', 3, NULL, 24, candidates => ''{11,12,1}'', exclude => ''{11}'')', ARRAY[12::bigint], 'candidates and exclude act as in recommend');
SELECT throws_ok('SELECT * FROM reco.complete_basket(''bare'', 1, ''{1}'', 10)', '55000', 'no source of model "bare" says what items cost', 'without prices that is an error');
SELECT ok(bool_and(is_near(total, 11.5 + price)), 'what has no price counts nothing') FROM reco.complete_basket('m', NULL, '{1,777}', 30);
UPDATE goods SET price = NULL WHERE i = 12;
SELECT is_empty('SELECT rank FROM reco.complete_basket(''m'', NULL, ''{1,2}'', 45, k => 100) WHERE 12 = ANY (items)', 'nor is it offered');
INSERT INTO goods VALUES (11, 12.5), (12, 'Infinity'), (NULL, 50);
SELECT ok(bool_and(cardinality(items) = 2 AND is_near(total, 24 + 12.5 + (SELECT price FROM goods g WHERE g.i = ANY (items) AND g.i <> 11))) AND count(*) > 0,
	'the lowest of several prices counts') FROM reco.complete_basket('m', NULL, '{1,2}', 45, k => 100) WHERE 11 = ANY (items);
SELECT reco.add_items('t', 'goods', '''k'' || lpad(i::text, 2, ''0'')', price => 'price', name => 'goods') \g /dev/null
SELECT version FROM reco.train('t') \g /dev/null
SELECT ok(count(*) > 0 AND bool_and(total >= 30 AND items[1] LIKE 'k__'), 'complete_basket_text') FROM reco.complete_basket_text('t', 'u3', '{k01}', 30);
SELECT * FROM finish();
