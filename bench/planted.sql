-- A set with signal, for bench/peers: :users customers, :items items and 40 tastes; a customer has two.  Of 60 draws 40 % are
-- from the first, 30 % from the second and 30 % from everything, in each by a power law; a fifth of what he then has is kept
-- aside, in planted_later.  An item's taste is its number modulo 40.  The odds being known, so is the best answer there is.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS reco;
CREATE FUNCTION pg_temp.draw(bigint, bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS
$$ SELECT (hashint8extended($1, $2) & 1048575)::float8 / 1048576 $$;
CREATE TABLE tastes AS
SELECT c AS customer, (pg_temp.draw(c, 1) * 40)::integer % 40 AS first, (pg_temp.draw(c, 2) * 40)::integer % 40 AS second
FROM generate_series(1::bigint, :users) c;
CREATE TEMP TABLE drawn AS
SELECT customer, n, CASE WHEN which < 0.4 THEN first + 40 * floor(power(u, 3) * :items / 40)
					WHEN which < 0.7 THEN second + 40 * floor(power(u, 3) * :items / 40)
					ELSE floor(power(u, 3) * :items) END::bigint AS item
FROM (SELECT *, pg_temp.draw(customer * 64 + n, 3) AS which, pg_temp.draw(customer * 64 + n, 4) AS u
	  FROM tastes, generate_series(1, 60) n) d;
CREATE TABLE planted AS
SELECT customer, item, customer * 16 + min(n) / 5 AS "order", timestamptz '2025-01-01 00:00+00' + min(n) / 5 * interval '1 day' AS at
FROM drawn GROUP BY customer, item;
CREATE TABLE planted_later AS SELECT customer, item FROM planted WHERE pg_temp.draw(customer * :items + item, 5) < 0.2;
DELETE FROM planted p USING planted_later l WHERE p.customer = l.customer AND p.item = l.item;
CREATE INDEX ON planted (customer, at DESC);
CREATE INDEX ON planted_later (customer, item);
ANALYZE planted, planted_later;

-- The best answer there is, for a thousand customers: by the odds of a draw.
CREATE TABLE answers_best AS
SELECT t.customer AS user_id, b.item_id
FROM (SELECT * FROM tastes ORDER BY customer LIMIT 1000) t
CROSS JOIN LATERAL (
	SELECT i AS item_id
	FROM generate_series(0::bigint, :items - 1) i
	WHERE NOT EXISTS (SELECT FROM planted p WHERE p.customer = t.customer AND p.item = i)
	ORDER BY ((i % 40 = t.first)::integer * 0.4 + (i % 40 = t.second)::integer * 0.3)
			 * (cbrt(40.0 * (i / 40 + 1) / :items) - cbrt(40.0 * (i / 40) / :items))
			 + 0.3 * (cbrt((i + 1.0) / :items) - cbrt(1.0 * i / :items)) DESC
	LIMIT 20) b;
CREATE TABLE answers_popular AS
SELECT t.customer AS user_id, b.item AS item_id
FROM (SELECT * FROM tastes ORDER BY customer LIMIT 1000) t
CROSS JOIN LATERAL (SELECT item FROM (SELECT item, count(*) AS n FROM planted GROUP BY item ORDER BY n DESC, item LIMIT 200) i
					WHERE NOT EXISTS (SELECT FROM planted p WHERE p.customer = t.customer AND p.item = i.item)
					ORDER BY n DESC, item LIMIT 20) b;

-- Recall of a table of answers: hits among what was kept aside, of at most 20; customers with nothing aside do not count.
CREATE FUNCTION recall(answers regclass, OUT recall numeric, OUT customers bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT round(avg(hits::numeric / least(later, 20)), 4), count(*)
		FROM (SELECT a.user_id, count(l.item) AS hits FROM %s a LEFT JOIN planted_later l ON l.customer = a.user_id AND l.item = a.item_id GROUP BY 1) h
		JOIN (SELECT customer, count(*) AS later FROM planted_later GROUP BY 1) n ON n.customer = h.user_id', answers) INTO recall, customers;
END $$;
