-- bench/sentiment: the table reviews of Olist, a Brazilian marketplace, in Portuguese; at is when a review was asked for.
CREATE TABLE order_items (order_id text, order_item_id integer, product_id text, seller_id text, shipping_limit_date timestamp, price numeric,
						  freight_value numeric);
CREATE TABLE products (product_id text, product_category_name text, product_name_lenght integer, product_description_lenght integer,
					   product_photos_qty integer, product_weight_g numeric, product_length_cm numeric, product_height_cm numeric,
					   product_width_cm numeric);
CREATE TABLE order_reviews (review_id text, order_id text, review_score integer, review_comment_title text, review_comment_message text,
							review_creation_date timestamp, review_answer_timestamp timestamp);
\copy order_items FROM PROGRAM 'zcat "$SET/order_items.csv.gz"' CSV HEADER
\copy products FROM PROGRAM 'zcat "$SET/products.csv.gz"' CSV HEADER
\copy order_reviews FROM PROGRAM 'zcat "$SET/order_reviews.csv.gz"' CSV HEADER

-- One row a review: the model is told of one of the order's products.
CREATE TABLE reviews AS
SELECT row_number() OVER (ORDER BY r.review_creation_date, r.review_id, r.order_id) AS id, coalesce(i.product, '') AS item,
	   r.review_creation_date AS at, r.review_score AS stars,
	   nullif(btrim(CASE :'variant' WHEN 'message' THEN r.review_comment_message
					ELSE concat_ws(' ', r.review_comment_title, r.review_comment_message) END, E' \n\r\t'), '') AS body
FROM order_reviews r
LEFT JOIN (SELECT order_id, min(product_id) AS product FROM order_items GROUP BY order_id) i USING (order_id);
CREATE TABLE items AS
SELECT p.product_id AS item, p.product_category_name AS category, min(i.seller_id) AS seller
FROM products p LEFT JOIN order_items i USING (product_id) GROUP BY 1, 2;
ALTER TABLE reviews ADD later boolean;
-- The newest fifth of the texts, and all that came with them.
UPDATE reviews SET later = id > (SELECT max(id) FROM (SELECT id, ntile(5) OVER (ORDER BY id) AS part FROM reviews WHERE body IS NOT NULL) t WHERE part < 5);
