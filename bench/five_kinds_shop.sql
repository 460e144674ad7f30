-- A generated shop for bench/five_kinds and bench/shuffled: :customers customers and 300 items, and five effects, one a kind of data, with the sizes
-- :demographic, :contextual, :social, :sentiment and :session, each from 0, none at all, to 1.  All five kinds of rows are
-- there whatever their effects.  An item of an order is
--
--	 session		the first one: with that probability what was put into the cart in the session before the order
--	 demographic	with that probability one of thirty that the customer's region likes
--	 contextual		with that probability one of thirty that are bought on such a device
--	 social			with that probability of the theme of one of two that the customer follows
--	 else			of his own theme (half of the times), or of any
--
-- and by sentiment, reviews of items of any theme have a single star, and all others five, with that probability; else they
-- have any number.  Customers begin at any time, so that there are new ones among the newest orders.
SET client_min_messages = warning;
CREATE EXTENSION reco;
SELECT format($$CREATE FUNCTION draw(VARIADIC key bigint[]) RETURNS float8 LANGUAGE sql IMMUTABLE AS
	'SELECT (hashtextextended(array_to_string($1, '',''), %s) & 1048575)::float8 / 1048576'$$, :seed) \gexec
CREATE TABLE customers AS
SELECT c, floor(5 * draw(c, 1))::integer AS region, floor(10 * draw(c, 2))::bigint AS theme,
	   timestamptz '2025-01-01' + 300 * draw(c, 4) * interval '1 day' AS since
FROM generate_series(1::bigint, :customers) c;
CREATE TABLE follows AS
SELECT DISTINCT c, 1 + floor(:customers * draw(c, n, 5))::bigint AS friend FROM generate_series(1::bigint, :customers) c, generate_series(1, 2) n;
CREATE TABLE orders AS
SELECT c * 10 + n AS o, c, n, since + (n * 20 + 10 * draw(c, n, 6)) * interval '1 day' AS at, floor(3 * draw(c, n, 7))::integer AS device
FROM customers, generate_series(0, 7) n WHERE since + n * 20 * interval '1 day' < timestamptz '2025-10-28';
CREATE INDEX ON follows (c);
-- Items of a region or of a device, and of a theme.
CREATE FUNCTION liked(kind bigint, number bigint, u float8) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT 1 + floor(300 * draw(kind, number, floor(30 * power(u, 2))::bigint))::bigint $$;
CREATE FUNCTION themed(theme bigint, u float8) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT 1 + theme + 10 * floor(30 * power(u, 2))::bigint $$;
CREATE TABLE carts AS SELECT o, themed(floor(10 * draw(o, 9))::bigint, draw(o, 10)) AS item FROM orders;
CREATE TABLE lines AS
SELECT DISTINCT o, c, at, device, n,
	   CASE WHEN j = 1 AND w < :session THEN cart
			WHEN v < :demographic THEN liked(11, region, u)
			WHEN v < :demographic + :contextual THEN liked(12, device, u)
			WHEN v < :demographic + :contextual + :social THEN themed(friends_theme, u)
			WHEN x < 0.5 THEN themed(theme, u)
			ELSE themed(floor(10 * draw(o, j, 21))::bigint, u) END AS item,
	   v >= :demographic + :contextual + :social AND x >= 0.5 AS is_any
FROM (SELECT o.*, region, theme, j, k.item AS cart, f.friends_theme, draw(o, j, 13) AS v, draw(o, j, 14) AS u, draw(o, j, 15) AS x,
			 draw(o, 16) AS w
	  FROM orders o JOIN customers USING (c) JOIN carts k USING (o) CROSS JOIN generate_series(1, 4) j
	  CROSS JOIN LATERAL (SELECT g.theme AS friends_theme FROM follows JOIN customers g ON g.c = friend WHERE follows.c = o.c
						  ORDER BY draw(friend, o.o, j, 17) LIMIT 1) f) x;
CREATE TABLE events AS
SELECT o AS session, c, at - (5 - j) * interval '1 minute' AS at, 'view' AS kind, themed(floor(10 * draw(o, j, 18))::bigint, draw(o, j, 19)) AS item
FROM orders, generate_series(1, 4) j
UNION ALL
SELECT o, c, at - interval '30 seconds', 'cart', item FROM orders JOIN carts USING (o);
CREATE TABLE reviews AS
SELECT c, item, at + interval '1 hour' AS at,
	   CASE WHEN draw(o, item, 22) >= :sentiment THEN 1 + floor(5 * draw(o, item, 20)) WHEN is_any THEN 1 ELSE 5 END::integer AS stars
FROM lines;
CREATE INDEX ON lines (c, at DESC);
CREATE INDEX ON events (c, at DESC);
CREATE INDEX ON reviews (c);
CREATE INDEX ON customers (c);
ANALYZE;
