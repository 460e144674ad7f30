-- bench/shop.sql: a believable shop with two years of orders, for the demo, docs/aov.md and the benchmarks.
--
-- Makes the tables customers (3,000), products (400) and order_lines (about 40,000 orders with 120,000 lines) in the
-- current schema, and planted, the truth about what goes with what, which no real shop has.  Everything follows from hashes of row numbers, so the same day gives the same shop; it ends today.
--
-- What is planted in it, to be found again by a recommender:
--   tastes        each customer has two or three favourite categories, which depend on age, a price level, and a favourite
--                 make of each kind of product
--   complements   an espresso machine goes with beans and descaler, a tent with a sleeping bag and a headlamp, ...
--   repeats       each customer has two consumables that come back every few orders
--   seasons       sunscreen in summer, candles in December
--   and the dirt  returns (negative quantities), orders without a customer, products that are sold out

\set ON_ERROR_STOP on

BEGIN;

-- A number in [0, 1) for a row, and another one for each salt.
CREATE FUNCTION pg_temp.dice(id bigint, salt bigint) RETURNS double precision
	IMMUTABLE PARALLEL SAFE
	RETURN ((hashint8extended(id, salt) >> 11) & 9007199254740991) / 9007199254740992.0::double precision;

-- ---- Products: a hundred kinds, four makes of each ------------------------------------------------------------------

CREATE TEMP TABLE category (category text, young real, makes text[]) ON COMMIT DROP;
INSERT INTO category VALUES        -- young: how the category's share changes from the oldest to the youngest customers
	('Coffee',       1.2, '{Bellavia,Caffetto,Morgenrot,Nordbrew}'),
	('Camping',      1.5, '{Fernhill,Tramper,Alpenweg,Wildlight}'),
	('Office',       1.0, '{Papyra,Inkwell,Klarblick,Quillon}'),
	('Kitchen',      0.9, '{Hearthside,Tavola,Gusto,Ironbark}'),
	('Garden',       0.4, '{Greenacre,Florabel,Hollyhock,Rootwise}'),
	('Care',         1.1, '{Aloria,Seabreeze,Lindenblum,Velour}'),
	('Home',         0.8, '{Lumen & Oak,Hygga,Casa Mia,Winterlight}'),
	('Sport',        1.9, '{Stride,Pulse,Kinetik,Summit}'),
	('Pets',         0.9, '{Pawsome,Tailwag,Whisker,Fellow}'),
	('Toys',         1.3, '{Blockhead,Wonderwood,Playmore,Kibu}'),
	('Electronics',  1.8, '{Voltura,Echoline,Hexa,Brightwire}'),
	('Books',        0.7, '{Harbour Press,Lantern,Old Mill,Compass}');

-- share: how often the kind is bought within its category; season: the month around which it sells; staple: consumable
CREATE TEMP TABLE kind (category text, kind text, price numeric, share real, season int, staple boolean) ON COMMIT DROP;
INSERT INTO kind VALUES
	('Coffee', 'espresso machine', 329, 5, 0, false), ('Coffee', 'coffee beans 1 kg', 17, 12, 0, true),
	('Coffee', 'descaler', 8, 3, 0, true), ('Coffee', 'coffee grinder', 79, 4, 0, false),
	('Coffee', 'milk frother', 39, 4, 0, false), ('Coffee', 'filter papers', 4, 5, 0, true),
	('Coffee', 'moka pot', 27, 4, 0, false), ('Coffee', 'espresso cups, set of 6', 24, 4, 0, false),
	('Camping', 'two-person tent', 159, 6, 6, false), ('Camping', 'sleeping bag', 74, 5, 6, false),
	('Camping', 'headlamp', 26, 5, 0, false), ('Camping', 'sleeping mat', 36, 5, 6, false),
	('Camping', 'camping stove', 46, 4, 6, false), ('Camping', 'gas cartridge', 6, 6, 6, true),
	('Camping', 'folding chair', 31, 4, 7, false), ('Camping', 'water filter', 42, 3, 0, false),
	('Camping', 'trekking poles', 52, 3, 9, false),
	('Office', 'printer', 139, 5, 0, false), ('Office', 'ink cartridges', 33, 8, 0, true),
	('Office', 'printer paper, 500 sheets', 6, 10, 0, true), ('Office', 'desk lamp', 38, 4, 11, false),
	('Office', 'label maker', 29, 2, 0, false), ('Office', 'dotted notebook', 9, 6, 9, true),
	('Office', 'office chair', 189, 3, 0, false), ('Office', 'fountain pen', 34, 3, 0, false),
	('Kitchen', 'chef''s knife', 59, 5, 0, false), ('Kitchen', 'knife sharpener', 22, 4, 0, false),
	('Kitchen', 'cutting board', 19, 5, 0, false), ('Kitchen', 'cast-iron pan', 44, 5, 0, false),
	('Kitchen', 'stand mixer', 249, 3, 11, false), ('Kitchen', 'baking tray', 12, 5, 12, false),
	('Kitchen', 'kitchen scale', 18, 4, 0, false), ('Kitchen', 'olive oil 1 l', 11, 8, 0, true),
	('Garden', 'lawn mower', 269, 3, 4, false), ('Garden', 'potting soil 40 l', 9, 9, 4, true),
	('Garden', 'tomato seeds', 3, 7, 3, true), ('Garden', 'plant fertiliser', 8, 6, 5, true),
	('Garden', 'secateurs', 24, 5, 3, false), ('Garden', 'garden hose 20 m', 34, 4, 5, false),
	('Garden', 'gardening gloves', 7, 5, 4, false), ('Garden', 'bird feeder', 19, 4, 12, false),
	('Care', 'sunscreen SPF 50', 14, 9, 7, true), ('Care', 'after-sun lotion', 9, 5, 7, false),
	('Care', 'shampoo', 6, 8, 0, true), ('Care', 'hand cream', 5, 6, 1, true),
	('Care', 'safety razor', 32, 4, 0, false), ('Care', 'razor blades', 8, 7, 0, true),
	('Care', 'electric toothbrush', 69, 3, 0, false), ('Care', 'toothbrush heads', 17, 5, 0, true),
	('Care', 'bath salts', 8, 4, 12, false),
	('Home', 'scented candles', 12, 8, 12, false), ('Home', 'candle holder', 17, 5, 12, false),
	('Home', 'fairy lights', 15, 5, 12, false), ('Home', 'wool blanket', 49, 4, 0, false),
	('Home', 'linen cushion', 22, 5, 0, false), ('Home', 'glass vase', 26, 4, 5, false),
	('Home', 'wall clock', 35, 3, 0, false), ('Home', 'storage basket', 18, 4, 0, false),
	('Sport', 'running shoes', 119, 6, 4, false), ('Sport', 'running socks, 3 pairs', 16, 6, 4, true),
	('Sport', 'yoga mat', 34, 5, 1, false), ('Sport', 'yoga block', 11, 3, 1, false),
	('Sport', 'dumbbells 2 x 5 kg', 39, 4, 1, false), ('Sport', 'protein powder', 28, 7, 0, true),
	('Sport', 'drinking bottle', 14, 5, 6, false), ('Sport', 'fitness watch', 179, 3, 12, false),
	('Sport', 'swimming goggles', 17, 4, 7, false),
	('Pets', 'dry dog food 10 kg', 44, 9, 0, true), ('Pets', 'dog chews', 6, 7, 0, true),
	('Pets', 'dog lead', 19, 3, 0, false), ('Pets', 'dog bed', 54, 3, 0, false),
	('Pets', 'cat litter 20 l', 13, 9, 0, true), ('Pets', 'cat food, 12 tins', 15, 9, 0, true),
	('Pets', 'scratching post', 48, 3, 0, false), ('Pets', 'feather toy', 5, 4, 0, false),
	('Toys', 'building bricks', 39, 6, 12, false), ('Toys', 'board game', 32, 6, 12, false),
	('Toys', 'jigsaw puzzle', 15, 6, 12, false), ('Toys', 'plush bear', 21, 5, 12, false),
	('Toys', 'wooden train set', 46, 4, 12, false), ('Toys', 'train track extension', 19, 3, 12, false),
	('Toys', 'watercolours', 12, 5, 0, true), ('Toys', 'kite', 18, 4, 9, false),
	('Electronics', 'wireless headphones', 99, 6, 11, false), ('Electronics', 'loudspeaker', 79, 4, 11, false),
	('Electronics', 'phone case', 17, 7, 0, false), ('Electronics', 'screen protector', 9, 6, 0, false),
	('Electronics', 'USB-C cable', 8, 7, 0, false), ('Electronics', 'fast charger', 25, 5, 0, false),
	('Electronics', 'power bank', 35, 4, 7, false), ('Electronics', 'AA batteries, 12', 9, 8, 12, true),
	('Electronics', 'e-book reader', 139, 3, 12, false),
	('Books', 'cookbook', 28, 5, 11, false), ('Books', 'travel guide', 19, 5, 5, false),
	('Books', 'crime novel', 12, 8, 7, false), ('Books', 'historical novel', 14, 6, 0, false),
	('Books', 'children''s book', 13, 6, 12, false), ('Books', 'gardening book', 24, 4, 3, false),
	('Books', 'poetry collection', 15, 2, 0, false), ('Books', 'wall calendar', 16, 4, 12, false);

CREATE TABLE planted (kind text, goes_with text, chance real);
COMMENT ON TABLE planted IS 'With what chance a kind of products draws another into the order; recommenders are not to read it.';
INSERT INTO planted VALUES
	('espresso machine', 'coffee beans 1 kg', 0.65), ('espresso machine', 'descaler', 0.5),
	('espresso machine', 'espresso cups, set of 6', 0.25), ('coffee grinder', 'coffee beans 1 kg', 0.5),
	('two-person tent', 'sleeping bag', 0.6), ('two-person tent', 'headlamp', 0.45),
	('two-person tent', 'sleeping mat', 0.4), ('camping stove', 'gas cartridge', 0.7),
	('printer', 'ink cartridges', 0.65), ('printer', 'printer paper, 500 sheets', 0.55),
	('ink cartridges', 'printer paper, 500 sheets', 0.25), ('chef''s knife', 'knife sharpener', 0.4),
	('chef''s knife', 'cutting board', 0.35), ('stand mixer', 'kitchen scale', 0.35),
	('tomato seeds', 'potting soil 40 l', 0.5), ('tomato seeds', 'plant fertiliser', 0.3),
	('sunscreen SPF 50', 'after-sun lotion', 0.3), ('safety razor', 'razor blades', 0.65),
	('electric toothbrush', 'toothbrush heads', 0.5), ('candle holder', 'scented candles', 0.6),
	('fairy lights', 'AA batteries, 12', 0.5), ('running shoes', 'running socks, 3 pairs', 0.45),
	('yoga mat', 'yoga block', 0.4), ('scratching post', 'feather toy', 0.4),
	('wooden train set', 'train track extension', 0.5), ('phone case', 'screen protector', 0.5),
	('fast charger', 'USB-C cable', 0.45), ('travel guide', 'power bank', 0.15);

CREATE TABLE products (
	id       bigint PRIMARY KEY,
	title    text NOT NULL,
	category text NOT NULL,
	kind     text NOT NULL,
	brand    text NOT NULL,
	price    numeric(8,2) NOT NULL,
	stock    integer NOT NULL
);
COMMENT ON TABLE products IS 'What the shop sells; a stock of 0 is sold out.';

CREATE TEMP TABLE make ON COMMIT DROP AS
	SELECT row_number() OVER (ORDER BY k.category, k.kind, level) AS product, k.kind, level
	FROM kind k CROSS JOIN generate_series(1, 4) level;
CREATE UNIQUE INDEX ON make (kind, level);

INSERT INTO products
	SELECT m.product,
		   concat_ws(' ', c.makes[m.level], k.kind, (ARRAY[NULL, 'Classic', 'Plus', 'Premium'])[m.level]),
		   k.category,
		   k.kind,
		   c.makes[m.level],
		   round(k.price * (ARRAY[0.7, 1, 1.3, 1.8])[m.level]) - 0.01 * (1 + 10 * (m.product % 2)),
		   CASE WHEN pg_temp.dice(m.product, 1) < 0.06 THEN 0 ELSE 5 + (200 * pg_temp.dice(m.product, 2))::int END
	FROM make m JOIN kind k USING (kind) JOIN category c USING (category)
	ORDER BY m.product;

-- ---- Customers ------------------------------------------------------------------------------------------------------

CREATE TABLE customers (
	id       bigint PRIMARY KEY,
	name     text NOT NULL,
	age_band text NOT NULL,
	region   text NOT NULL,
	since    date NOT NULL
);

INSERT INTO customers
	SELECT id,
		   (ARRAY['Ada','Ben','Chiara','David','Elif','Finn','Greta','Hugo','Ines','Jonas','Katya','Leo','Mara','Nils','Olga',
				  'Pablo','Quinn','Rosa','Samir','Tilda','Umut','Vera','Willem','Xenia','Yara','Zeno'])[1 + id % 26]
		   || ' ' ||
		   (ARRAY['Albers','Brandt','Costa','Dahl','Eriksen','Fischer','Garcia','Hansen','Ivanova','Jansen','Keller','Lindqvist',
				  'Moreau','Novak','Ortiz','Petit','Ricci','Schmidt','Torres','Ulrich','Vogel','Weber','Yilmaz'])[1 + id % 23],
		   (ARRAY['18-29', '30-44', '45-59', '60+'])[1 + floor(4 * pg_temp.dice(id, 3))::int],
		   (ARRAY['North', 'South', 'East', 'West', 'Islands'])[1 + floor(5 * power(pg_temp.dice(id, 4), 1.4))::int],
		   current_date - (30 + floor(700 * power(pg_temp.dice(id, 5), 0.4))::int)
	FROM generate_series(1::bigint, 3000) id;

-- Tastes: favourite categories, price level 1 to 4, and how often somebody orders (log-normal).
CREATE TEMP TABLE taste ON COMMIT DROP AS
	SELECT c.id AS customer,
		   (SELECT array_agg(f.category ORDER BY f.draw)
			FROM (SELECT g.category,
						 -ln(1 - pg_temp.dice(c.id * 16 + g.n, 6)) /
							 (1 + (g.young - 1) * (ARRAY[1, 0.5, -0.2, -0.6])[array_position('{18-29,30-44,45-59,60+}', c.age_band)])
						 AS draw
				  FROM (SELECT *, row_number() OVER (ORDER BY category) AS n FROM category) g
				  ORDER BY draw LIMIT 2 + (pg_temp.dice(c.id, 7) < 0.5)::int) f) AS favourites,
		   1 + floor(4 * pg_temp.dice(c.id, 8))::int AS level,
		   sum(exp(1.0 * sqrt(-2 * ln(1 - pg_temp.dice(c.id, 9))) * cos(2 * pi() * pg_temp.dice(c.id, 10))))
			   OVER (ORDER BY c.id) AS upto
	FROM customers c;

-- ---- Orders ---------------------------------------------------------------------------------------------------------

-- Who ordered when.  An order without a customer has tastes as well: those of somebody who did not log in.
CREATE TEMP TABLE purchase ON COMMIT DROP AS
	SELECT o.id, o.customer, o.id % 25 = 0 AS anonymous, t.favourites, t.level, p.at, extract(month FROM p.at)::int AS month
	FROM (SELECT id, 1 + width_bucket(pg_temp.dice(id, 11) * (SELECT max(upto) FROM taste),
									  (SELECT array_agg(upto ORDER BY customer) FROM taste)) AS customer
		  FROM generate_series(1::bigint, 40000) id) o
	JOIN taste t USING (customer)
	JOIN customers c ON c.id = o.customer
	CROSS JOIN LATERAL (SELECT c.since + floor((current_date - c.since) * pg_temp.dice(o.id, 12))::int
							   + interval '7 hours' + interval '16 hours' * sqrt(pg_temp.dice(o.id, 13)) AS at) p;

-- The kinds of each category as intervals of [0, 1), month by month.
CREATE TEMP TABLE shelf ON COMMIT DROP AS
	SELECT category, month, array_agg(kind ORDER BY kind) AS kinds, array_agg(upto / total ORDER BY kind) AS upto
	FROM (SELECT k.category, k.kind, month, sum(w.weight) OVER (PARTITION BY k.category, month ORDER BY k.kind) AS upto,
				 sum(w.weight) OVER (PARTITION BY k.category, month) AS total
		  FROM kind k CROSS JOIN generate_series(1, 12) month
		  CROSS JOIN LATERAL (SELECT abs(k.season - month) AS apart) d
		  CROSS JOIN LATERAL (SELECT k.share::double precision * CASE WHEN k.season = 0 THEN 1
															 ELSE 0.15 + 4 * exp(-power(least(d.apart, 12 - d.apart), 2) / 2.0) END
									 AS weight) w) s
	GROUP BY category, month;

-- What somebody comes for: one to three things, mostly from the favourite categories; then the staples that are due.
CREATE TEMP TABLE wish ON COMMIT DROP AS
	SELECT p.id, p.customer, p.level, s.kinds[1 + width_bucket(pg_temp.dice(g.id, 14), s.upto)] AS kind
	FROM purchase p
	CROSS JOIN generate_series(1, 1 + (pg_temp.dice(p.id, 15) < 0.75)::int + (pg_temp.dice(p.id, 16) < 0.5)::int) n
	CROSS JOIN LATERAL (SELECT p.id * 8 + n AS id) g
	CROSS JOIN LATERAL (SELECT CASE WHEN pg_temp.dice(g.id, 17) < 0.85
									THEN p.favourites[1 + floor(cardinality(p.favourites) * pg_temp.dice(g.id, 18))::int]
									ELSE (ARRAY(SELECT category FROM category ORDER BY category))
										 [1 + floor(12 * pg_temp.dice(g.id, 18))::int] END AS category) f
	JOIN shelf s ON s.category = f.category AND s.month = p.month
	UNION ALL
	SELECT p.id, p.customer, p.level, t.kind
	FROM purchase p
	JOIN (SELECT t.customer, k.kind,
				 row_number() OVER (PARTITION BY t.customer ORDER BY pg_temp.dice(t.customer, hashtextextended(k.kind, 0))) AS n
		  FROM taste t JOIN kind k ON k.staple AND k.category = ANY (t.favourites)) t
		ON t.customer = p.customer AND t.n <= 2 AND pg_temp.dice(p.id * 8 + t.n, 19) < 0.3;

INSERT INTO wish
	SELECT w.id, w.customer, w.level, c.goes_with
	FROM wish w JOIN planted c USING (kind)
	WHERE pg_temp.dice(w.id, hashtextextended(c.kind || c.goes_with, 20)) < c.chance;

CREATE TABLE order_lines (
	order_id    bigint NOT NULL,
	customer_id bigint REFERENCES customers,
	product_id  bigint NOT NULL REFERENCES products,
	ordered_at  timestamptz NOT NULL,
	quantity    integer NOT NULL,
	unit_price  numeric(8,2) NOT NULL
);
COMMENT ON TABLE order_lines IS 'One line an item; customer_id is NULL where nobody was logged in, quantity negative for a return.';

-- The make is the customer's favourite one of the kind three times in four: near the price level, then always the same.
CREATE TEMP TABLE line ON COMMIT DROP AS
	SELECT DISTINCT ON (w.id, m.product)
		   w.id, m.product, CASE WHEN k.staple THEN 1 + floor(3 * pg_temp.dice(w.id, m.product))::int ELSE 1 END AS quantity
	FROM wish w
	JOIN kind k USING (kind)
	CROSS JOIN LATERAL (SELECT hashtextextended(w.kind, 21) AS salt) h
	CROSS JOIN LATERAL (SELECT CASE WHEN pg_temp.dice(w.id, h.salt) < 0.75
									THEN w.level + floor(2.2 * pg_temp.dice(w.customer, h.salt))::int - 1
									ELSE 1 + floor(4 * pg_temp.dice(w.id, h.salt + 1))::int END AS level) l
	JOIN make m ON m.kind = w.kind AND m.level = greatest(1, least(4, l.level))
	ORDER BY w.id, m.product;

INSERT INTO order_lines
	SELECT p.id, CASE WHEN NOT p.anonymous THEN p.customer END, l.product, p.at, l.quantity, d.price
	FROM line l JOIN purchase p USING (id) JOIN products d ON d.id = l.product
	ORDER BY p.at, p.id, l.product;

INSERT INTO order_lines        -- a return has a slip of its own, one to two weeks later
	SELECT 100000 + order_id, customer_id, product_id, at, -quantity, unit_price
	FROM order_lines CROSS JOIN LATERAL (SELECT ordered_at + interval '7 days' * (1 + pg_temp.dice(order_id, product_id)) AS at) r
	WHERE pg_temp.dice(order_id * 1000 + product_id, 22) < 0.015 AND customer_id IS NOT NULL AND at < current_date;

CREATE INDEX ON order_lines (customer_id, ordered_at DESC);

COMMIT;

VACUUM (ANALYZE) customers, products, order_lines, planted;
