-- bench/sentiment: the table reviews of the women's clothing reviews, in English, without customers and times.
CREATE TABLE rows (review_id bigint, clothing_id text, age integer, title text, review_text text, rating integer, recommended_ind integer,
				   positive_feedback_count integer, division_name text, department_name text, class_name text);
\copy rows FROM PROGRAM 'zcat "$SET/reviews.csv.gz"' CSV HEADER
CREATE TABLE reviews AS
SELECT review_id AS id, clothing_id AS item, NULL::timestamp AS at, rating AS stars, nullif(btrim(review_text, E' \n\r\t'), '') AS body
FROM rows;
CREATE TABLE items AS
SELECT clothing_id AS item, min(department_name) AS category, min(class_name) AS seller FROM rows GROUP BY 1;
ALTER TABLE reviews ADD later boolean;
UPDATE reviews SET later = get_byte(sha256(convert_to(lower(regexp_replace(coalesce(body, id::text), '\s+', ' ', 'g')), 'UTF8')), 0) % 5 = 0;
