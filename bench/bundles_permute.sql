-- What bench/bundles shuffles: pairs of order and item, by numbers; and the model that reads them when they are shuffled.
CREATE EXTENSION reco;
CREATE TABLE orders AS SELECT invoice, row_number() OVER (ORDER BY invoice) AS o, max(customer) AS customer, min(at) AS at FROM past GROUP BY invoice;
CREATE TABLE pairs AS
SELECT o, i FROM (SELECT DISTINCT invoice, item FROM past) p JOIN orders USING (invoice)
JOIN (SELECT item, row_number() OVER (ORDER BY item) AS i FROM past GROUP BY item) n USING (item) ORDER BY o, i;
CREATE UNLOGGED TABLE shuffled (run integer, o bigint, i bigint);
CREATE VIEW shuffled_lines AS SELECT s.o, s.i, orders.customer, orders.at FROM shuffled s JOIN orders USING (o);
CREATE TABLE runs (run integer, min_support integer, bundles bigint);
SELECT FROM reco.create_model('shuffled', timezone => 'Europe/London') \g /dev/null
SELECT FROM reco.add_orders('shuffled', 'shuffled_lines', user_id => 'customer', item_id => 'i', order_id => 'o', at => 'at') \g /dev/null
