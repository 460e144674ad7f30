-- The complements that bench/shop.sql plants, kind by kind, among the bundles that are found.
CREATE EXTENSION reco;
SELECT FROM reco.create_model('shop', timezone => 'Europe/Berlin') \g /dev/null
SELECT FROM reco.add_orders('shop', 'order_lines', user_id => 'customer_id', item_id => 'product_id', at => 'ordered_at',
							order_id => 'order_id', quantity => 'quantity', unit_price => 'unit_price') \g /dev/null
SELECT FROM reco.add_items('shop', 'products', item_id => 'id', price => 'price') \g /dev/null
CREATE VIEW kinds AS SELECT id, kind FROM products WHERE kind IN (SELECT kind FROM planted UNION SELECT goes_with FROM planted);
\timing on
CREATE TABLE found AS SELECT * FROM reco.bundles('shop', k => 1000000);
\timing off
CREATE TABLE named AS
SELECT f.*, EXISTS (SELECT FROM planted p JOIN kinds a ON a.kind = p.kind AND a.id = ANY (f.items) JOIN kinds b ON b.kind = p.goes_with AND b.id = ANY (f.items)) AS is_planted
FROM found f;
SELECT count(DISTINCT (p.kind, p.goes_with)) AS "planted pairs of kinds found", (SELECT count(*) FROM planted) AS "of"
FROM found f JOIN kinds a ON a.id = ANY (f.items) JOIN planted p ON p.kind = a.kind JOIN kinds b ON b.id = ANY (f.items) AND b.kind = p.goes_with;
SELECT round(100 * avg(is_planted::integer) FILTER (WHERE rank <= 100)) AS "planted among the first 100, %",
	   round(100 * avg(is_planted::integer) FILTER (WHERE size > 2)) AS "of the larger sets, %", count(*) AS found, min(examined) AS examined
FROM named;
