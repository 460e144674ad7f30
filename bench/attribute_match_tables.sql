-- Olist for bench/attribute_match: products have the category, the seller that sold most of them, and the median price.
CREATE TABLE orders (order_id text, customer_id text, order_status text, order_purchase_timestamp timestamp, order_approved_at timestamp,
					 order_delivered_carrier_date timestamp, order_delivered_customer_date timestamp, order_estimated_delivery_date timestamp);
CREATE TABLE order_items (order_id text, order_item_id integer, product_id text, seller_id text, shipping_limit_date timestamp, price numeric,
						  freight_value numeric);
CREATE TABLE customers (customer_id text, customer_unique_id text, customer_zip_code_prefix text, customer_city text, customer_state text);
CREATE TABLE products (product_id text, product_category_name text, product_name_lenght integer, product_description_lenght integer,
					   product_photos_qty integer, product_weight_g numeric, product_length_cm numeric, product_height_cm numeric,
					   product_width_cm numeric);
\copy orders FROM PROGRAM 'zcat "$SET/orders.csv.gz"' CSV HEADER
\copy order_items FROM PROGRAM 'zcat "$SET/order_items.csv.gz"' CSV HEADER
\copy customers FROM PROGRAM 'zcat "$SET/customers.csv.gz"' CSV HEADER
\copy products FROM PROGRAM 'zcat "$SET/products.csv.gz"' CSV HEADER
CREATE TABLE lines AS
SELECT c.customer_unique_id AS customer, i.product_id AS product, i.order_id, o.order_purchase_timestamp AS at, i.price
FROM order_items i JOIN orders o USING (order_id) JOIN customers c USING (customer_id);
CREATE INDEX ON lines (customer, at DESC);
CREATE TABLE items AS
SELECT p.product_id AS product, nullif(p.product_category_name, '') AS category, s.seller, s.price
FROM products p JOIN
	 (SELECT product_id, mode() WITHIN GROUP (ORDER BY seller_id) AS seller, percentile_disc(0.5) WITHIN GROUP (ORDER BY price) AS price
	  FROM order_items WHERE product_id IN (SELECT product FROM lines) GROUP BY product_id) s USING (product_id);
CREATE UNIQUE INDEX ON items (product);
ANALYZE;
CREATE EXTENSION reco;
