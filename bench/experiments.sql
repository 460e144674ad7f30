-- The experiments :first, :first + :step, ... up to :last of bench/experiments.
SET timezone = 'UTC';
CREATE EXTENSION reco;
CREATE TABLE customers (u bigint PRIMARY KEY, level float8, rate float8, is_new boolean);
CREATE TABLE base (o bigint, u bigint, i bigint, amount float8, at timestamptz, dropped boolean);
CREATE TABLE exposures (u bigint, at timestamptz);
CREATE VIEW known AS SELECT e.* FROM exposures e JOIN customers USING (u) WHERE NOT is_new;
CREATE TABLE treated (u bigint PRIMARY KEY);
-- What the shop sees where the arms differ, which they do from the first exposure on.
CREATE VIEW effects AS
SELECT o, u, i, CASE WHEN t.u IS NOT NULL AND b.at >= e.at THEN 1.05 * amount ELSE amount END AS amount, b.at
FROM base b JOIN exposures e USING (u) LEFT JOIN treated t USING (u) WHERE t.u IS NOT NULL OR NOT dropped OR b.at < e.at;
CREATE TABLE reports (experiment integer, kind text, metric text, as_of timestamptz, lift float8, low float8, high float8, p float8,
                      plain_low float8, plain_high float8, verdict text);
CREATE TABLE truth (experiment integer, treated boolean, users bigint, buyers bigint, orders bigint, items bigint, revenue float8);
SELECT reco.create_model('aa', 'UTC'), reco.create_model('ab', 'UTC'),
       reco.add_orders('aa', 'base', 'u', 'i', 'at', 'o', amount => 'amount'),
       reco.add_orders('ab', 'effects', 'u', 'i', 'at', 'o', amount => 'amount') \g /dev/null

CREATE FUNCTION normal() RETURNS float8 LANGUAGE sql VOLATILE AS $$ SELECT sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) $$;

-- A shop: 90 days, then 28 of an experiment.  An order has one to three items.
CREATE PROCEDURE make_shop(seed integer) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM setseed((seed % 100003) / 100003.0);
	TRUNCATE customers, base, exposures, treated;
	INSERT INTO customers SELECT u, 40 * exp(0.5 * normal()), least(0.5 * power(1 - random(), -1 / 2.2), 30), random() < 0.3 FROM generate_series(1, 4000) u;
	INSERT INTO base
	SELECT o, u, i, level * exp(0.6 * normal()) * (CASE i WHEN 1 THEN 0.6 ELSE 0.4 END), at, dropped
	FROM (SELECT row_number() OVER () AS o, *, 1 + floor(random() * 3)::integer AS items, random() < 0.1 AS dropped,
	             timestamptz '2024-01-02' + random() * interval '118 days' AS at
	      FROM (SELECT u, level, is_new, rate * 118 / 30 AS mean FROM customers OFFSET 0) c, generate_series(1, floor(mean)::integer + (random() < mean - floor(mean))::integer)) o,
	     generate_series(1, items) i
	WHERE NOT (is_new AND at < '2024-04-01');
	INSERT INTO exposures SELECT u, timestamptz '2024-04-01' + random() * interval '28 days' FROM customers;
	ANALYZE base, exposures;
END $$;

CREATE PROCEDURE note(n integer, kind text, name text, as_of timestamptz) LANGUAGE sql AS $$
	INSERT INTO reports SELECT n, kind, metric, as_of, lift, ci_low, ci_high, p_value, plain_low, plain_high, verdict
	FROM reco.experiment_report(name, as_of) WHERE arm = 'treatment'
$$;

CREATE PROCEDURE experiment(n integer) LANGUAGE plpgsql AS $$
DECLARE
	day integer;
BEGIN
	CALL make_shop(n);
	PERFORM reco.create_experiment('aa', name, '2024-04-29', 0.05, starts => '2024-04-01', exposures => 'exposures', user_id => 'u', at => 'at',
	                               salt => 'aa' || n, analysis => analysis, winsorize => winsorize)
	FROM (VALUES ('aa', 'fixed', 0.995), ('winsor', 'fixed', 1), ('daily', 'always_valid', 0.995)) x (name, analysis, winsorize);
	PERFORM reco.create_experiment('aa', 'buyers', '2024-04-29', 0.05, starts => '2024-04-01', salt => 'aa' || n);
	PERFORM reco.create_experiment('aa', 'known', '2024-04-29', 0.05, starts => '2024-04-01', exposures => 'known', user_id => 'u', at => 'at', salt => 'aa' || n);
	PERFORM reco.create_experiment('ab', 'effect', '2024-04-29', 0.05, starts => '2024-04-01', exposures => 'exposures', user_id => 'u', at => 'at',
	                               salt => 'ab' || n, winsorize => 1);
	INSERT INTO treated SELECT u FROM customers WHERE reco.assign('effect', u) = 'treatment';
	CALL note(n, 'aa', 'aa', '2024-04-29');
	CALL note(n, 'winsor', 'winsor', '2024-04-29');
	CALL note(n, 'buyers', 'buyers', '2024-04-29');
	CALL note(n, 'known', 'known', '2024-04-29');
	CALL note(n, 'effect', 'effect', '2024-04-29');
	FOR day IN 1..28 LOOP
		CALL note(n, 'daily', 'daily', timestamptz '2024-04-01' + day * interval '1 day');
	END LOOP;
	-- Both arms of every customer, of whom the experiment sees one.
	INSERT INTO truth
	SELECT n, t, count(*), count(orders) FILTER (WHERE orders > 0), sum(orders), sum(items), sum(revenue)
	FROM (SELECT t, e.u, count(DISTINCT o) AS orders, count(i) AS items, coalesce(sum(amount), 0) * CASE WHEN t THEN 1.05 ELSE 1 END AS revenue
	      FROM unnest(ARRAY[false, true]) t CROSS JOIN exposures e LEFT JOIN base b ON b.u = e.u AND b.at >= e.at AND b.at < '2024-04-29' AND (t OR NOT dropped)
	      GROUP BY t, e.u) z GROUP BY t;
	PERFORM reco.drop_experiment(name) FROM unnest(ARRAY['aa', 'winsor', 'daily', 'buyers', 'known', 'effect']) name;
END $$;

SELECT format('CALL experiment(%s)', n) FROM generate_series(:first, :last, :step) n \gexec
