-- Experiments: who is in which arm, and what the report says, against plain SQL.

SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT plan(80);

CREATE FUNCTION dice(bigint, bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT (hashint8extended($1, $2) & 1048575)::float8 / 1048576 $$;
CREATE FUNCTION bell(bigint, bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT sqrt(-2 * ln(1 - dice($1, $2))) * cos(2 * pi() * dice($1, $2 + 1000)) $$;
CREATE FUNCTION is_near(a float8, b float8, precision_ float8 DEFAULT 1e-6) RETURNS boolean LANGUAGE sql IMMUTABLE AS
$$ SELECT a IS NOT DISTINCT FROM b OR abs(a - b) <= precision_ * greatest(abs(b), 1e-9) $$;

-- ---- A shop: a hundred days, and an experiment of 30 ----------------------------------------------------------------------

-- Customers from 1,400 on are new.  An order has one or two items; one line in 40 is sent back later, as a whole.
CREATE TABLE sales (o bigint, u bigint, i bigint, q integer, price float8, at timestamptz);
INSERT INTO sales
SELECT o, u, i, 1 + (dice(o, 3) * 2)::integer, (20 * exp(0.5 * bell(u, 4) + 0.7 * bell(o * 10 + i, 5)))::float8, at
FROM (SELECT u * 100 + n AS o, u, timestamptz '2024-01-22' + dice(u * 100 + n, 1) * interval '100 days' AS at
      FROM generate_series(1, 2000) u, generate_series(1, 20) n WHERE n <= 1 + 3 * power(1 - dice(u, 2), -0.5)) o,
     generate_series(o * 2, o * 2 + (dice(o, 6) > 0.6)::integer) i
WHERE u < 1400 OR at >= '2024-04-01';
CREATE TABLE sent_back AS SELECT o, i FROM sales WHERE dice(o * 10 + i, 7) < 0.025;
INSERT INTO sales SELECT 1000000 + o, u, i, -q, price, at + interval '2 days' FROM sales JOIN sent_back USING (o, i);
CREATE TABLE visits AS
SELECT u, timestamptz '2024-03-29' + dice(u, 8) * interval '33 days' + n * interval '3 days' AS at FROM generate_series(1, 2000) u, generate_series(0, 2) n WHERE dice(u, 9) < 0.9;
INSERT INTO visits VALUES (NULL, '2024-04-05'), (7, NULL), (8, 'infinity');
SELECT reco.create_model('shop', 'UTC'), reco.add_orders('shop', 'sales', 'u', 'i', 'at', 'o', quantity => 'q', unit_price => 'price') \g /dev/null

CREATE TABLE created AS SELECT * FROM reco.create_experiment('shop', 'exposed', '2024-05-01', 0.05, starts => '2024-04-01', exposures => 'visits', user_id => 'u', at => 'at', prior_days => 40, winsorize => 0.98);
SELECT results_eq('SELECT to_jsonb(c) FROM created c', 'SELECT to_jsonb(e) FROM reco.experiments e', 'create_experiment returns the row of reco.experiments');
SELECT is(concat_ws(' ', model, experiment, arms, weights, metric, minimum_effect, starts::date, planned_end::date, ended_at, analysis, winsorize, prior_days, salt, exposures) COLLATE "C",
          'shop exposed {control,treatment} {1,1} aov 0.05 2024-04-01 2024-05-01 fixed 0.98 40 exposed visits', 'as it was given, and by default') FROM created;
SELECT reco.create_experiment('shop', 'three', '2024-05-01', 0.1, arms => '{control,b,c}', weights => '{2,1,1}', starts => '2024-04-01', metric => 'items_per_order', salt => 'salt 3', prior_days => 0) \g /dev/null

-- ---- Arms -------------------------------------------------------------------------------------------------------------

SELECT is(string_agg(left(reco.assign('exposed', u), 1), '' ORDER BY u), 'tcctttttctctcctctcttttcttcttctctcctccctt', 'arms are the same on every server') FROM generate_series(1, 40) u;
SELECT is(string_agg(left(reco.assign_text('three', u), 2), ' ' ORDER BY n), 'b co b b co', 'of text keys too') FROM unnest(ARRAY['', 'a', 'b', 'customer 17', '42']) WITH ORDINALITY x (u, n);
SELECT is(reco.assign('exposed', u), reco.assign_text('exposed', u::text), 'a key and its text form: ' || u) FROM unnest(ARRAY[0, 42, -1, 9223372036854775807, -9223372036854775808]) u;
SELECT is(reco.assign('exposed', NULL), NULL, 'nobody is in no arm');
SELECT is(reco.assign_text('exposed', NULL), NULL, 'nor by text');
-- Chi-square with 3 degrees of freedom is above 16.27 once in a thousand.
SELECT cmp_ok(sum((n - 80000 * w) ^ 2 / (80000 * w)), '<', 13.82, 'arms have their shares')
FROM (SELECT reco.assign('three', u) AS arm, count(*) AS n FROM generate_series(1, 80000) u GROUP BY 1) z JOIN (VALUES ('control', 0.5), ('b', 0.25), ('c', 0.25)) x (arm, w) USING (arm);
SELECT cmp_ok(sum((n - 80000 * w / 2) ^ 2 / (80000 * w / 2)), '<', 20.52, 'and nothing to do with those of another experiment')
FROM (SELECT reco.assign('three', u) AS arm, reco.assign('exposed', u) AS other, count(*) AS n FROM generate_series(1, 80000) u GROUP BY 1, 2) z JOIN (VALUES ('control', 0.5), ('b', 0.25), ('c', 0.25)) x (arm, w) USING (arm);
SELECT is(count(*), 0::bigint, 'which experiment is asked may change from row to row') FROM generate_series(1, 200) u, unnest(ARRAY['exposed', 'three']) e
WHERE reco.assign(e, u) <> CASE e WHEN 'exposed' THEN reco.assign('exposed', u) ELSE reco.assign('three', u) END;

-- ---- The report in plain SQL ------------------------------------------------------------------------------------------

CREATE VIEW orders AS
SELECT o, u, min(at) AS at, sum((q * price)::float4)::float8 AS worth, count(*) AS size FROM sales LEFT JOIN sent_back b USING (o, i) WHERE b.o IS NULL AND q > 0 GROUP BY o, u;
CREATE TABLE cap AS SELECT percentile_disc(0.98) WITHIN GROUP (ORDER BY worth::float4)::float8 AS cap, count(*) AS n FROM orders WHERE at < '2024-04-01';
SELECT cmp_ok(n, '>', 1000::bigint, 'there are enough orders to cap by') FROM cap;
CREATE TABLE units AS
SELECT e.u, reco.assign('exposed', e.u) AS arm, e.at AS since, p.known, p.y0, p.x0, o.*
FROM (SELECT u, min(at) AS at FROM visits WHERE isfinite(at) AND u IS NOT NULL GROUP BY u) e,
     LATERAL (SELECT count(*) > 0 AS known, coalesce(sum(least(worth, cap)) FILTER (WHERE at >= e.at - interval '40 days'), 0) AS y0, count(*) FILTER (WHERE at >= e.at - interval '40 days') AS x0
              FROM orders, cap WHERE u = e.u AND at < e.at) p,
     LATERAL (SELECT coalesce(sum(least(worth, cap)), 0) AS revenue, count(*) AS orders, coalesce(sum(size), 0)::float8 AS items, (count(*) > 0)::integer AS ordered, count(*) FILTER (WHERE worth > cap) AS capped
              FROM orders, cap WHERE u = e.u AND at >= e.at AND at < '2024-05-01') o
WHERE e.at >= '2024-04-01' AND e.at < '2024-05-01';
-- By metric: y and x of each customer, the covariates centred at those who have them, and deviations from the arms without him.
CREATE TABLE deviations AS
WITH m AS (SELECT u, arm, metric, y::float8, x::float8, CASE WHEN known THEN y0 - avg(y0) FILTER (WHERE known) OVER w ELSE 0 END AS z1,
                  CASE WHEN known THEN x0 - avg(x0) FILTER (WHERE known) OVER w ELSE 0 END AS z2,
                  CASE WHEN x0 > 0 THEN y0 / x0 - avg(y0 / nullif(x0, 0)) OVER w ELSE 0 END AS z3
           FROM units, LATERAL (VALUES ('aov', revenue, orders), ('items_per_order', items, orders), ('conversion', ordered, 1), ('revenue_per_user', revenue, 1)) v (metric, y, x) WINDOW w AS (PARTITION BY metric)),
a AS (SELECT *, sum(y) OVER w / sum(x) OVER w AS r, (y - sum(y) OVER w / sum(x) OVER w * x) / avg(x) OVER w AS e, 1 / (1 - x / sum(x) OVER w) AS without,
             avg(z1) OVER w AS m1, avg(z2) OVER w AS m2, avg(z3) OVER w AS m3 FROM m WINDOW w AS (PARTITION BY metric, arm))
SELECT *, e * without AS l, (z1 - m1) * without AS d1, (z2 - m2) * without AS d2, (z3 - m3) * without AS d3 FROM a;
CREATE FUNCTION det(a float8, b float8, c float8, d float8, e float8, f float8, g float8, h float8, i float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) $$;
-- Theta by Cramer's rule.
CREATE TABLE theta AS
SELECT metric, det(p1, s12, s13, p2, s22, s23, p3, s23, s33) / d AS t1, det(s11, p1, s13, s12, p2, s23, s13, p3, s33) / d AS t2, det(s11, s12, p1, s12, s22, p2, s13, s23, p3) / d AS t3
FROM (SELECT *, det(s11, s12, s13, s12, s22, s23, s13, s23, s33) AS d FROM
      (SELECT metric, sum(d1 * d1) AS s11, sum(d1 * d2) AS s12, sum(d1 * d3) AS s13, sum(d2 * d2) AS s22, sum(d2 * d3) AS s23, sum(d3 * d3) AS s33,
              sum(l * d1) AS p1, sum(l * d2) AS p2, sum(l * d3) AS p3 FROM deviations GROUP BY metric) s) z;
CREATE TABLE arms AS
SELECT metric, arm, effective AS n, r, v * (n - 1) / n ^ 3 / r ^ 2 AS v, ra, va * (n - 1) / n ^ 3 / ra ^ 2 AS va
FROM (SELECT metric, arm, count(*) AS n, sum(x) ^ 2 / sum(x ^ 2) AS effective, min(r) AS r, sum(l ^ 2) AS v, min(r - t1 * m1 - t2 * m2 - t3 * m3) AS ra, sum((l - t1 * d1 - t2 * d2 - t3 * d3) ^ 2) AS va
      FROM deviations JOIN theta USING (metric) GROUP BY metric, arm) z;
CREATE TABLE lifts AS
SELECT metric, method, r1 / r0 - 1 AS lift, sqrt(v0 + v1) AS error, (v0 + v1) ^ 2 / (v0 ^ 2 / (n0 - 1) + v1 ^ 2 / (n1 - 1)) AS freedom
FROM (SELECT metric, method, max(n) FILTER (WHERE c) AS n0, max(n) FILTER (WHERE NOT c) AS n1, max(r) FILTER (WHERE c) AS r0, max(r) FILTER (WHERE NOT c) AS r1, max(v) FILTER (WHERE c) AS v0, max(v) FILTER (WHERE NOT c) AS v1
      FROM (SELECT metric, arm = 'control' AS c, n, x.* FROM arms, LATERAL (VALUES ('plain', r, v), ('cuped', ra, va)) x (method, r, v)) z GROUP BY metric, method) z;
-- Student's t that 2.5 % exceed (Cornish and Fisher), and the chance to be farther than t from 0, by Simpson's rule.
CREATE FUNCTION student(freedom float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT z + (z ^ 3 + z) / (4 * freedom) + (5 * z ^ 5 + 16 * z ^ 3 + 3 * z) / (96 * freedom ^ 2) FROM (SELECT 1.959963984540054::float8 AS z) z $$;
CREATE FUNCTION farther(t float8, freedom float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
	SELECT 1 - inner_ / whole FROM (SELECT max(w * f) FILTER (WHERE false), sum(weight * power(1 + (t * k / 200) ^ 2 / freedom, -(freedom + 1) / 2)) * t / 600 AS inner_
		FROM (SELECT k, CASE WHEN k IN (0, 200) THEN 1 WHEN k % 2 = 1 THEN 4 ELSE 2 END AS weight, 0 AS w, 0 AS f FROM generate_series(0, 200) k) s) a,
		(SELECT sum(weight * power(1 + (0.02 * k) ^ 2 / freedom, -(freedom + 1) / 2)) * 0.02 / 3 AS whole FROM (SELECT k, CASE WHEN k IN (0, 1000) THEN 1 WHEN k % 2 = 1 THEN 4 ELSE 2 END AS weight FROM generate_series(0, 1000) k) s) b $$;

CREATE TABLE report AS SELECT * FROM reco.experiment_report('exposed', '2024-06-01');
SELECT results_eq('SELECT metric, arm, is_primary FROM report', $$VALUES ('aov', 'control', true), ('aov', 'treatment', true), ('items_per_order', 'control', false), ('items_per_order', 'treatment', false),
	('conversion', 'control', false), ('conversion', 'treatment', false), ('revenue_per_user', 'control', false), ('revenue_per_user', 'treatment', false)$$, 'a row for each metric and arm, its own first');
SELECT set_eq('SELECT DISTINCT arm, users, buyers, orders, capped FROM report', 'SELECT arm, count(*) AS users, sum(ordered)::bigint AS buyers, sum(orders)::bigint AS orders, sum(capped)::bigint AS capped FROM units GROUP BY arm', 'who took part, who ordered, and how much');
SELECT cmp_ok((SELECT min(capped) FROM report), '>', 5::bigint, 'some are capped');
SELECT ok(bool_and(is_near(report.cap, cap.cap)), 'the cap is a quantile of the orders before') FROM report, cap;
SELECT is_empty('SELECT metric, arm, value, r FROM report JOIN arms USING (metric, arm) WHERE NOT is_near(value, r)', 'values are ratios of sums');
SELECT is((SELECT count(*) FROM report JOIN lifts USING (metric, method) WHERE arm = 'treatment' AND method = 'cuped' AND is_near(report.lift, lifts.lift, 1e-5)), 4::bigint, 'lifts are adjusted for the time before');
SELECT is_empty($$SELECT metric, ci_low, ci_high, lifts.* FROM report JOIN lifts USING (metric, method) WHERE arm = 'treatment' AND NOT (
	is_near(1 + ci_low, (1 + lifts.lift) * exp(-student(freedom) * error)) AND is_near(1 + ci_high, (1 + lifts.lift) * exp(student(freedom) * error)))$$, 'and their intervals are by the delta method');
SELECT is_empty($$SELECT metric, plain_low, plain_high, lifts.* FROM report JOIN lifts USING (metric) WHERE arm = 'treatment' AND lifts.method = 'plain' AND NOT (is_near(plain_lift, lifts.lift, 1e-5) AND
	is_near(1 + plain_low, (1 + lifts.lift) * exp(-student(freedom) * error)) AND is_near(1 + plain_high, (1 + lifts.lift) * exp(student(freedom) * error)))$$, 'so are those that are not adjusted');
SELECT is_empty($$SELECT metric, p_value, farther(abs(ln(1 + lifts.lift)) / error, freedom) FROM report JOIN lifts USING (metric, method)
	WHERE arm = 'treatment' AND NOT is_near(p_value, farther(abs(ln(1 + lifts.lift)) / error, freedom), 1e-4)$$, 'p is Student''s');
SELECT ok(is_near(max(uneven_p), farther(sqrt(max(chi)), 1e9), 1e-4), 'the chance of such shares is that of chi-square')
FROM report, (SELECT sum((n - half) ^ 2 / half) AS chi FROM (SELECT count(*) AS n, sum(count(*)) OVER () / 2 AS half FROM units GROUP BY arm) z) z;
SELECT cmp_ok(ci_high - ci_low, '<', plain_high - plain_low, 'what was before makes intervals narrower') FROM report WHERE metric = 'aov' AND arm = 'treatment';
SELECT is_empty('SELECT * FROM report WHERE (lift IS NULL OR verdict IS NULL) <> (arm = ''control'')', 'the control is not compared with itself');
SELECT is((SELECT DISTINCT data_to FROM report), '2024-05-01', 'what comes after the end counts nothing');

-- Without exposures: from the first order on, the time before is that before the start, and three arms share the level.
CREATE TABLE three AS SELECT * FROM reco.experiment_report('three', '2024-06-01');
CREATE TABLE three_units AS SELECT u, reco.assign('three', u) AS arm, sum(size)::float8 AS y, count(*)::float8 AS x FROM orders WHERE at >= '2024-04-01' AND at < '2024-05-01' GROUP BY u;
CREATE TABLE three_arms AS SELECT arm, n, x, r, v * (n - 1) / n ^ 3 / r ^ 2 AS v FROM (SELECT arm, count(*) AS n, sum(x) AS x, min(r) AS r, sum(((y - r * x) / mean / (1 - x / total)) ^ 2) AS v
	FROM (SELECT *, sum(y) OVER w / sum(x) OVER w AS r, avg(x) OVER w AS mean, sum(x) OVER w AS total FROM three_units WINDOW w AS (PARTITION BY arm)) z GROUP BY arm) z;
SELECT set_eq('SELECT arm, users, buyers, orders FROM three WHERE metric = ''items_per_order''', 'SELECT arm, n AS users, n AS buyers, x::bigint AS orders FROM three_arms', 'without exposures those take part who order');
SELECT is_empty($$SELECT t.arm, t.lift, a.r / c.r - 1 FROM three t JOIN three_arms a USING (arm), three_arms c WHERE c.arm = 'control' AND metric = 'items_per_order' AND t.arm <> 'control' AND NOT (is_near(t.lift, a.r / c.r - 1, 1e-5) AND method = 'plain'
	AND t.plain_low = t.ci_low AND is_near(ln((1 + ci_high) / (1 + ci_low)) / 2 / sqrt(a.v + c.v), 2.2414027, 0.01))$$, 'each treatment has half of the level');
SELECT is((SELECT count(*) FROM three WHERE verdict = 'cannot be told without exposures: orders do not say who ordered nothing' AND value IS NULL AND lift IS NULL), 4::bigint, 'who ordered nothing is not known');

-- How long one should be: as if all of those who ordered were in two arms, with errors like theirs.
CREATE TABLE size AS SELECT * FROM reco.experiment_size('shop', 'items_per_order', 0.1, lengths => '{19,39}', prior_days => 0, as_of => '2024-05-10');
SELECT results_eq('SELECT days, users, orders FROM size', 'SELECT d, count(DISTINCT u), count(*) FROM unnest(ARRAY[19, 39]) d JOIN orders ON at >= timestamptz ''2024-05-10'' - d * interval ''1 day'' GROUP BY d ORDER BY d', 'a length has its customers and orders');
SELECT ok(is_near(max(detectable), (SELECT exp((1.959963984540054 + 0.8416212335729143) * sqrt(4 * sum((e / (1 - x / total)) ^ 2) * (n - 1) / n ^ 3) / r) - 1
	FROM (SELECT *, (y - r * x) / mean AS e FROM (SELECT *, sum(y) OVER () / sum(x) OVER () AS r, avg(x) OVER () AS mean, sum(x) OVER () AS total, count(*) OVER () AS n FROM three_units) z) z GROUP BY n, r)), 'and what is found with a power of 0.8') FROM size WHERE days = 39;
SELECT set_eq('SELECT days, enough FROM size', 'SELECT days, detectable <= 0.1 FROM size', 'which may be enough');
SELECT cmp_ok((SELECT detectable FROM reco.experiment_size('shop', 'items_per_order', arms => 4, power => 0.9, lengths => '{39}', prior_days => 0, as_of => '2024-05-10')), '>', 1.4 * (SELECT detectable FROM size WHERE days = 39), 'more arms, and more power, take more');

-- ---- In the course of time ------------------------------------------------------------------------------------------------

SELECT set_eq($$SELECT DISTINCT verdict FROM reco.experiment_report('exposed', '2024-03-01') WHERE arm = 'treatment'$$, $$VALUES ('too early: starts on 2024-04-01')$$, 'before it starts');
SELECT is((SELECT sum(users) FROM reco.experiment_report('exposed', '2024-03-01')), 0::numeric, 'nobody takes part');
SELECT set_eq($$SELECT DISTINCT verdict FROM reco.experiment_report('exposed', '2024-04-30 23:59') WHERE arm = 'treatment'$$, $$VALUES ('too early: ends on 2024-05-01')$$, 'before its end');
SELECT is((SELECT count(*) FROM reco.experiment_report('exposed', '2024-04-30 23:59') WHERE value IS NOT NULL AND coalesce(lift, ci_low, ci_high, p_value, plain_lift, plain_low, plain_high) IS NULL AND method IS NULL),
          8::bigint, 'a fixed analysis tells no lift then');
SELECT reco.create_experiment('shop', 'valid', '2024-05-01', 0.05, starts => '2024-04-01', exposures => 'visits', user_id => 'u', at => 'at', prior_days => 40, winsorize => 0.98, analysis => 'always_valid', salt => 'exposed') \g /dev/null
SELECT results_eq($$SELECT to_jsonb(r) - 'p_value' - 'data_to' FROM reco.experiment_report('valid', '2024-04-15') r$$, $$SELECT to_jsonb(r) - 'p_value' - 'data_to' FROM reco.experiment_report('valid', '2024-04-15 23:59:59') r$$, 'an always valid report changes once a day');
SELECT is((SELECT min(data_to) FROM reco.experiment_report('valid', '2024-04-15 23:59:59')), '2024-04-15', 'and says to when it looks');
SELECT isnt((SELECT min(ci_low) FROM reco.experiment_report('valid', '2024-04-16')), (SELECT min(ci_low) FROM reco.experiment_report('valid', '2024-04-15')), 'on the next day it is another');
SELECT is_empty($$SELECT * FROM reco.experiment_report('valid', '2024-05-01') v JOIN reco.experiment_report('exposed', '2024-05-01') r USING (metric, arm) WHERE arm = 'treatment' AND NOT (v.lift = r.lift AND ln((1 + v.ci_high) / (1 + v.ci_low)) / ln((1 + r.ci_high) / (1 + r.ci_low)) BETWEEN 1.1 AND 1.25)$$,
	'at the end its intervals are somewhat wider than those of a fixed one');
SELECT is((SELECT count(*) FROM reco.experiment_report('valid', '2024-04-12') v JOIN reco.experiment_report('valid', '2024-05-01') w USING (metric, arm) WHERE v.ci_high - v.ci_low > 1.5 * (w.ci_high - w.ci_low)), 4::bigint, 'and wider early on');
SELECT set_eq($$SELECT DISTINCT verdict FROM reco.experiment_report('valid', '2024-04-01 12:00') WHERE arm = 'treatment'$$, $$VALUES ('too early: next look on 2024-04-02')$$, 'before the first look');
SELECT ok(bool_and(verdict ~ '^(not decided yet: between -[0-9.]+ and [0-9.]+ %; ends on 2024-05-01|no effect of 5.0 % or more: between .*)$'), 'in between') FROM reco.experiment_report('valid', '2024-04-20') WHERE arm = 'treatment';
-- Of more than a hundred days there are at most a hundred looks.
SELECT reco.create_experiment('shop', 'long', '2024-12-01', 0.05, starts => '2024-04-01', analysis => 'always_valid') \g /dev/null
SELECT is((SELECT array_agg(DISTINCT data_to ORDER BY data_to) FROM generate_series(timestamptz '2024-04-20', '2024-04-26', '1 day') t, reco.experiment_report('long', t)), '{2024-04-19,2024-04-22,2024-04-25}'::timestamptz[], 'a long one has looks some days apart');

-- ---- Verdicts ----------------------------------------------------------------------------------------------------------

-- One arm's orders are multiplied.
CREATE TABLE factor (f float8);
INSERT INTO factor VALUES (1);
CREATE VIEW changed AS SELECT s.*, price * CASE WHEN reco.assign('exposed', u) = 'treatment' AND at >= '2024-04-01' THEN f ELSE 1 END AS charged FROM sales s, factor;
SELECT reco.create_model('changed', 'UTC'), reco.add_orders('changed', 'changed', 'u', 'i', 'at', 'o', quantity => 'q', unit_price => 'charged') \g /dev/null
SELECT reco.create_experiment('changed', 'c' || e, '2024-05-01', e / 100.0, starts => '2024-04-01', exposures => 'visits', user_id => 'u', at => 'at', winsorize => 1, salt => 'exposed') FROM unnest(ARRAY[1, 10, 60]) e \g /dev/null
CREATE FUNCTION verdict(factor float8, name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	words text;
BEGIN
	UPDATE factor SET f = verdict.factor;
	SELECT regexp_replace(verdict, '[0-9.]+', '#', 'g') || CASE WHEN lift BETWEEN ci_low AND ci_high THEN '' ELSE '!' END INTO words FROM reco.experiment_report(name, '2024-06-01') WHERE arm = 'treatment' AND is_primary;
	RETURN words;
END $$;
CREATE TABLE lifts_uncapped AS SELECT plain_lift AS lift FROM reco.experiment_report('c10', '2024-06-01') WHERE arm = 'treatment' AND is_primary;
SELECT is(verdict(1.4, 'c10'), 'treatment raises aov by # % (# to #)', 'an arm raises it');
SELECT is(verdict(0.7, 'c10'), 'treatment lowers aov by # % (# to #)', 'or lowers it');
SELECT is(verdict(1.4, 'c60'), 'treatment raises aov by # % (# to #), less than the # % that matter', 'by less than matters');
SELECT is(verdict(1, 'c60'), 'no effect of # % or more: between -# and # %', 'or not by as much as would matter');
SELECT is(verdict(1, 'c1'), 'the data cannot tell: between -# and # %', 'or it cannot be told');
SELECT is((SELECT verdict FROM reco.experiment_report('c10', '2024-06-01') WHERE arm = 'treatment' AND is_primary),
          (SELECT format(CASE WHEN ci_low > -0.1 AND ci_high < 0.1 THEN 'no effect of 10.0 %% or more: between %s and %s %%' ELSE 'the data cannot tell: between %s and %s %%' END, round((100 * ci_low)::numeric, 1), round((100 * ci_high)::numeric, 1))
           FROM reco.experiment_report('c10', '2024-06-01') WHERE arm = 'treatment' AND is_primary), 'with the numbers of the row');
-- A known lift of prices alone is that of the orders: 40 % is in the interval.
UPDATE factor SET f = 1.4;
SELECT ok(0.4 BETWEEN ci_low AND ci_high AND abs(1 + plain_lift - 1.4 * (1 + (SELECT lift FROM lifts_uncapped))) < 1e-5, 'it is what was done, but for what chance had done before') FROM reco.experiment_report('c10', '2024-06-01') WHERE arm = 'treatment' AND is_primary;

-- Exposures of one arm are lost.
CREATE VIEW lost AS SELECT * FROM visits WHERE reco.assign('exposed', u) = 'control' OR dice(u, 99) < 0.75;
SELECT reco.create_experiment('shop', 'lost', '2024-05-01', 0.05, starts => '2024-04-01', exposures => 'lost', user_id => 'u', at => 'at', salt => 'exposed') \g /dev/null
SELECT ok(bool_and(verdict ~ '^assignment is broken: 1:1 was planned, [0-9]+:[0-9]+ came$' AND lift IS NULL AND uneven_p < 0.001), 'uneven arms are told') FROM reco.experiment_report('lost', '2024-06-01') WHERE arm = 'treatment';
CREATE VIEW fewer AS SELECT * FROM sales WHERE reco.assign('exposed', u) = 'control' OR at < '2024-04-01' OR dice(u, 99) < 0.7;
SELECT reco.create_model('fewer', 'UTC'), reco.add_orders('fewer', 'fewer', 'u', 'i', 'at', 'o', quantity => 'q', unit_price => 'price'),
       reco.create_experiment('fewer', 'fewer', '2024-05-01', 0.05, starts => '2024-04-01', salt => 'exposed') \g /dev/null
SELECT alike(verdict, 'nothing can be concluded: 1:1 was planned, %:% customers ordered; assignment is broken, or an arm changes who orders, which exposures would show', 'of customers who ordered more is said')
FROM reco.experiment_report('fewer', '2024-06-01') WHERE arm = 'treatment' AND is_primary;

-- Few customers, none, and all alike.
CREATE TABLE little AS SELECT u AS o, u, 1 AS i, 5 AS price, timestamptz '2024-04-02' AS at FROM generate_series(1, 40) u;
SELECT reco.create_model('little', 'UTC'), reco.add_orders('little', 'little', 'u', 'i', 'at', 'o', unit_price => 'price'), reco.create_experiment('little', 'little', '2024-05-01', 0.05, starts => '2024-04-01') \g /dev/null
SELECT matches(verdict, '^too few customers with orders to tell: [0-9]+ and [0-9]+$', 'too few customers') FROM reco.experiment_report('little', '2024-06-01') WHERE arm = 'treatment' AND is_primary;
INSERT INTO little SELECT u, u, 1, 5, '2024-04-02' FROM generate_series(41, 400) u;
SELECT is(verdict, 'cannot be told: all customers are alike', 'customers who are all alike') FROM reco.experiment_report('little', '2024-06-01') WHERE arm = 'treatment' AND is_primary;
DELETE FROM little WHERE u > 1;
UPDATE little SET at = '2020-01-01';
SELECT is(verdict, 'no orders', 'no orders') FROM reco.experiment_report('little', '2024-06-01') WHERE arm = 'treatment' AND is_primary;
CREATE TABLE nobody_came (u bigint, at timestamptz);
SELECT reco.create_experiment('little', 'empty', '2024-05-01', 0.05, starts => '2024-04-01', exposures => 'nobody_came', user_id => 'u', at => 'at', metric => 'conversion') \g /dev/null
SELECT set_eq($$SELECT DISTINCT verdict FROM reco.experiment_report('empty', '2024-06-01') WHERE arm = 'treatment'$$, $$VALUES ('no customers were exposed')$$, 'nobody came');
SELECT is((SELECT array_agg(DISTINCT metric) FROM reco.experiment_report('empty', '2024-06-01') WHERE is_primary), '{conversion}', 'the metric it is decided by');
-- Orders without amounts.
SELECT reco.create_model('counts', 'UTC'), reco.add_orders('counts', 'sales', 'u', 'i', 'at', 'o', quantity => 'q'), reco.create_experiment('counts', 'counts', '2024-05-01', 0.05, starts => '2024-04-01', metric => 'items_per_order') \g /dev/null
SELECT results_eq($$SELECT metric, verdict LIKE 'cannot be told: the orders do not say what they are worth' FROM reco.experiment_report('counts', '2024-06-01') WHERE arm = 'treatment' AND metric IN ('aov', 'items_per_order')$$,
	$$VALUES ('items_per_order', false), ('aov', true)$$, 'what orders do not say is not told');

-- ---- The end ---------------------------------------------------------------------------------------------------------------

SELECT reco.create_experiment('shop', 'now ' || analysis, now() + interval '20 days', 0.05, starts => now() - interval '10 days', analysis => analysis) FROM unnest(ARRAY['fixed', 'always_valid']) analysis \g /dev/null
SELECT is((reco.end_experiment('now fixed')).ended_at, now(), 'an experiment is ended');
SELECT matches((SELECT verdict FROM reco.experiment_report('now fixed', now() + interval '30 days') WHERE arm = 'treatment' AND is_primary), '^cannot be told: ended on [-0-9]+( [:0-9]+)?, before the planned end on [-0-9]+( [:0-9]+)?$', 'of a fixed one nothing is concluded then');
SELECT reco.end_experiment('now always_valid') \g /dev/null
SELECT ok(bool_and(data_to < now()), 'of an always valid one what there was') FROM reco.experiment_report('now always_valid', now() + interval '30 days');
SELECT is((reco.end_experiment('now fixed')).ended_at, (SELECT ended_at FROM reco.experiments WHERE experiment = 'now fixed'), 'once');
SELECT is(reco.drop_experiment('now fixed'), true, 'dropped');
SELECT is(reco.drop_experiment('now fixed', missing_ok => true), false, 'and gone');
SELECT is(reco.drop_experiment('lost'), true, 'with its exposures');
SELECT is_empty($$SELECT * FROM reco.sources WHERE name = 'lost'$$, 'nothing stays');
SELECT is((SELECT count(*) FROM reco.sources WHERE kind = 'exposures' AND model = 'shop'), 2::bigint, 'of those of others all');
SELECT is((SELECT sources FROM reco.drop_model('changed')), 4, 'a model goes with its experiments');
SELECT is_empty($$SELECT * FROM reco.experiments WHERE model = 'changed'$$, 'all of them');

-- ---- Beside the experiment -------------------------------------------------------------------------------------------------

-- Exposures teach a model nothing.
SELECT reco.create_model('bare', 'UTC', '{"factors": 2, "iterations": 1}'), reco.create_model('tested', 'UTC', '{"factors": 2, "iterations": 1}') \g /dev/null
SELECT reco.add_orders(m, 'sales', 'u', 'i % 20', 'at', 'o'), reco.train(m) FROM unnest(ARRAY['bare', 'tested']) m \g /dev/null
SELECT reco.create_experiment('tested', 'tested', '2024-05-01', 0.05, starts => '2024-04-01', metric => 'conversion', exposures => 'visits', user_id => 'u', at => 'at'), reco.train('tested') \g /dev/null
SELECT is(md5(reco.export_model('tested')), md5(reco.export_model('bare')), 'a model is trained as if there were no experiment');
-- Consent: who does not consent to training takes no part.
CREATE TABLE consents AS SELECT u, u % 3 > 0 AS yes FROM generate_series(1, 2000) u;
SELECT reco.add_users('shop', 'consents', 'u', consent => 'yes AS train') \g /dev/null
SELECT is((SELECT sum(users) FROM reco.experiment_report('exposed', '2024-06-01') WHERE is_primary), (SELECT count(*) FROM units WHERE u % 3 > 0)::numeric, 'those take part who consent to training');
SELECT reco.remove_source('shop', 'consents') \g /dev/null
-- Keys that are texts have the arms of their text form.
SELECT reco.create_model('texts', 'UTC'), reco.add_orders('texts', 'sales', 'u::text', 'i', 'at', 'o', quantity => 'q', unit_price => 'price') \g /dev/null
SELECT reco.create_experiment('texts', 'texts', '2024-05-01', 0.05, starts => '2024-04-01', exposures => 'visits', user_id => 'u', at => 'at', prior_days => 40, winsorize => 0.98, salt => 'exposed') \g /dev/null
SELECT bag_eq($$SELECT metric, arm, users, orders, round(value::numeric, 6) AS value, round(lift::numeric, 6) AS lift, round(ci_low::numeric, 6) AS low, verdict FROM reco.experiment_report('texts', '2024-06-01')$$,
              $$SELECT metric, arm, users, orders, round(value::numeric, 6) AS value, round(lift::numeric, 6) AS lift, round(ci_low::numeric, 6) AS low, verdict FROM report$$, 'a model with text keys has the same report');
-- The order of rows is nothing to it.
CREATE TABLE backwards AS SELECT * FROM sales ORDER BY at DESC;
SELECT reco.create_model('backwards', 'UTC'), reco.add_orders('backwards', 'backwards', 'u', 'i', 'at', 'o', quantity => 'q', unit_price => 'price') \g /dev/null
CREATE TABLE visits_backwards AS SELECT * FROM visits ORDER BY at DESC, u;
SELECT reco.create_experiment('backwards', 'backwards', '2024-05-01', 0.05, starts => '2024-04-01', exposures => 'visits_backwards', user_id => 'u', at => 'at', prior_days => 40, winsorize => 0.98, salt => 'exposed') \g /dev/null
SELECT results_eq($$SELECT * FROM reco.experiment_report('backwards', '2024-06-01')$$, 'TABLE report', 'the same rows in another order have the same report, to the last bit');
-- Where there are few orders before, the cap is that of all arms' orders in the time.
SELECT reco.create_experiment('shop', 'young', '2024-03-01', 0.05, starts => '2024-01-22', winsorize => 0.9) \g /dev/null
SELECT ok(is_near((SELECT min(cap) FROM reco.experiment_report('young', '2024-06-01')), (SELECT percentile_disc(0.9) WITHIN GROUP (ORDER BY worth::float4)::float8 FROM orders WHERE at < '2024-03-01')), 'the cap of a new shop');
SELECT is((SELECT DISTINCT method FROM reco.experiment_report('young', '2024-06-01') WHERE lift IS NOT NULL), 'plain', 'where nobody was there before nothing is adjusted');

-- ---- Where there is nothing -----------------------------------------------------------------------------------------------

-- Two hundred experiments over the same orders, whose arms differ in nothing: ten are expected to find something.
CREATE FUNCTION found(n integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	hits integer;
BEGIN
	PERFORM reco.create_experiment('shop', 'nothing', '2024-05-01', 0.05, starts => '2024-04-01', salt => 'nothing ' || n);
	SELECT count(*) INTO hits FROM reco.experiment_report('nothing', '2024-05-01') WHERE is_primary AND (ci_low > 0 OR ci_high < 0);
	PERFORM reco.drop_experiment('nothing');
	RETURN hits;
END $$;
SELECT cmp_ok(sum(found(n)), '<=', 20::bigint, 'false alarms are rare') FROM generate_series(1, 200) n;

SELECT * FROM finish();
