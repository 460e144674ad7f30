-- Olist: a Brazilian marketplace, where 98 % of the customers buy once; stars and words of reviews.
CREATE TABLE orders (order_id text, customer_id text, order_status text, order_purchase_timestamp timestamp, order_approved_at timestamp,
					 order_delivered_carrier_date timestamp, order_delivered_customer_date timestamp, order_estimated_delivery_date timestamp);
CREATE TABLE order_items (order_id text, order_item_id integer, product_id text, seller_id text, shipping_limit_date timestamp, price numeric,
						  freight_value numeric);
CREATE TABLE customers (customer_id text, customer_unique_id text, customer_zip_code_prefix text, customer_city text, customer_state text);
CREATE TABLE products (product_id text, product_category_name text, product_name_lenght integer, product_description_lenght integer,
					   product_photos_qty integer, product_weight_g numeric, product_length_cm numeric, product_height_cm numeric,
					   product_width_cm numeric);
CREATE TABLE order_reviews (review_id text, order_id text, review_score integer, review_comment_title text, review_comment_message text,
							review_creation_date timestamp, review_answer_timestamp timestamp);
\copy orders FROM PROGRAM 'zcat "$SET/orders.csv.gz"' CSV HEADER
\copy order_items FROM PROGRAM 'zcat "$SET/order_items.csv.gz"' CSV HEADER
\copy customers FROM PROGRAM 'zcat "$SET/customers.csv.gz"' CSV HEADER
\copy products FROM PROGRAM 'zcat "$SET/products.csv.gz"' CSV HEADER
\copy order_reviews FROM PROGRAM 'zcat "$SET/order_reviews.csv.gz"' CSV HEADER
CREATE TABLE lines AS
SELECT c.customer_unique_id AS customer, i.product_id AS product, i.order_id, o.order_purchase_timestamp AS at, i.price
FROM order_items i JOIN orders o USING (order_id) JOIN customers c USING (customer_id);
CREATE INDEX ON lines (customer, at DESC);
-- A product that several sellers offer has the first of them.
CREATE TABLE items AS
SELECT p.product_id AS product, p.product_category_name AS category, min(i.seller_id) AS seller
FROM products p LEFT JOIN order_items i USING (product_id) GROUP BY 1, 2;
CREATE TABLE people AS SELECT customer_unique_id AS customer, min(customer_state) AS state FROM customers GROUP BY 1;
-- A review is of an order: it counts for each of its products.
CREATE TABLE reviews AS
SELECT DISTINCT l.customer, l.product, r.review_creation_date AS at, r.review_score AS stars,
	   concat_ws(E' ', r.review_comment_title, r.review_comment_message) AS body
FROM order_reviews r JOIN lines l USING (order_id);
ANALYZE;

CREATE EXTENSION reco;
SELECT reco.create_model('bench', timezone => 'America/Sao_Paulo');
SELECT reco.add_orders('bench', 'lines', user_id => 'customer', item_id => 'product', order_id => 'order_id', at => 'at', unit_price => 'price');
SELECT reco.add_items('bench', 'items', item_id => 'product', features => 'category, seller');
SELECT reco.add_users('bench', 'people', user_id => 'customer', features => 'state');
SELECT reco.add_reviews('bench', 'reviews', user_id => 'customer', item_id => 'product', at => 'at', stars => 'stars', body => 'body');

CREATE VIEW facts AS SELECT count(*) AS lines, count(DISTINCT order_id) AS orders, count(DISTINCT customer) AS customers, count(DISTINCT product) AS items FROM lines;
CREATE TABLE asked AS
SELECT NULL::timestamptz AS cut, NULL::timestamptz AS until, 1 AS min_items, 10000 AS orders,
	   'category and seller of products; a review is of an order, and counts for each of its products' AS note;
CREATE TABLE groups AS SELECT unnest('{state,category}'::text[]) AS "by";
