-- The Complete Journey: a sample of lines of a grocer's baskets, with what the products and some of the households are.
CREATE TABLE printed (household_id bigint, store_id bigint, basket_id numeric, product_id numeric, quantity numeric, sales_value numeric,
						   retail_disc numeric, coupon_disc numeric, coupon_match_disc numeric, week integer, transaction_timestamp timestamp);
CREATE TABLE products (product_id numeric, manufacturer_id bigint, department text, brand text, product_category text, product_type text,
					   package_size text);
CREATE TABLE demographics (household_id bigint, age text, income text, home_ownership text, marital_status text, household_size text,
						   household_comp text, kids_count text);
\copy printed FROM PROGRAM 'zcat "$SET/transactions_sample.csv.gz"' CSV HEADER
\copy products FROM PROGRAM 'zcat "$SET/products.csv.gz"' CSV HEADER
\copy demographics FROM PROGRAM 'cat "$SET/demographics.csv"' CSV HEADER
-- R prints some keys as 4.0128e+10.
CREATE TABLE transactions AS SELECT household_id, basket_id::bigint, product_id::bigint, quantity, sales_value, transaction_timestamp FROM printed;
CREATE INDEX ON transactions (household_id, transaction_timestamp DESC);
ANALYZE;

CREATE EXTENSION reco;
SELECT reco.create_model('bench', timezone => 'UTC');
SELECT reco.add_orders('bench', 'transactions', user_id => 'household_id', item_id => 'product_id', order_id => 'basket_id',
					   at => 'transaction_timestamp', quantity => 'quantity', amount => 'sales_value');
SELECT reco.add_items('bench', 'products', item_id => 'product_id::bigint', features => 'department, product_category, brand');
SELECT reco.add_users('bench', 'demographics', user_id => 'household_id',
					  features => 'age, income, home_ownership, marital_status, household_size, household_comp, kids_count');

CREATE VIEW facts AS SELECT count(*) AS lines, count(DISTINCT basket_id) AS orders, count(DISTINCT household_id) AS customers, count(DISTINCT product_id) AS items FROM transactions;
CREATE TABLE asked AS
SELECT NULL::timestamptz AS cut, NULL::timestamptz AS until, 1 AS min_items, 2500 AS orders,
	   'lines were sampled one by one: baskets are incomplete, their value says little; features of products, demographics of a third of the households' AS note;
CREATE TABLE groups AS SELECT unnest('{age,income,brand}'::text[]) AS "by";
