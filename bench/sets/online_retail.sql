-- UCI Online Retail, by the lines and the cuts of its split.sql: sales of products, returns and fees left out.
\i :split
CREATE EXTENSION reco;
CREATE INDEX ON lines (customer, at DESC);
CREATE TABLE items AS SELECT stock_code AS item, min(description) AS description FROM raw WHERE description <> '' GROUP BY stock_code;

SELECT reco.create_model('bench', timezone => 'Europe/London');
SELECT reco.add_orders('bench', 'lines', user_id => 'customer', item_id => 'item', order_id => 'invoice', at => 'at',
					   quantity => 'qty', unit_price => 'price', context => 'country');
SELECT reco.add_items('bench', 'items', item_id => 'item', description => 'description');

-- The protocol's window ends with the moment until, evaluate's before it; and its cases have at least four items.
CREATE VIEW facts AS SELECT count(*) AS lines, count(DISTINCT invoice) AS orders, count(DISTINCT customer) AS customers, count(DISTINCT item) AS items FROM lines;
CREATE TABLE asked AS
SELECT c.at AT TIME ZONE 'Europe/London' AS cut, (c.until + interval '1 second') AT TIME ZONE 'Europe/London' AS until,
	   4 AS min_items, 10000 AS orders, 'sales lines; descriptions of items; orders of 4 to 100 different items' AS note
FROM cut c;
CREATE TABLE groups AS SELECT 'country' AS "by";
