-- New households: see bench/demographics.
CREATE EXTENSION reco;
CREATE TABLE lines (household bigint, store text, basket text, product bigint, quantity integer, value numeric, d1 text, d2 text, d3 text, week integer, at text);
\copy lines FROM PROGRAM 'gzip -dc "$JOURNEY"/transactions_sample.csv.gz' csv header
CREATE TABLE people (id bigint, age text, income text, home_ownership text, marital_status text, household_size text, household_comp text, kids_count text);
\copy people FROM PROGRAM 'cat "$JOURNEY"/demographics.csv' csv header null 'NA'
CREATE TABLE bought AS SELECT DISTINCT household, product FROM lines;
CREATE TABLE results (seed bigint, method text, household bigint, recall float8);
CREATE TABLE shown (household bigint, product bigint);
CREATE TABLE hidden (id bigint);

-- Those whom everybody has the attributes of, where they are shuffled.
CREATE VIEW shuffled AS
SELECT a.id, b.age, b.income, b.home_ownership, b.marital_status, b.household_size, b.household_comp, b.kids_count
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM people) a
JOIN (SELECT *, row_number() OVER (ORDER BY hashint8extended(id, 7), id) AS n FROM people) b USING (n);

CREATE PROCEDURE note(seed bigint, method text) LANGUAGE sql AS $$
	INSERT INTO results
	SELECT seed, method, h.id, (SELECT count(*) FROM shown s JOIN bought b USING (household, product) WHERE s.household = h.id)::float8
		   / (SELECT least(10, count(*)) FROM bought b WHERE b.household = h.id) FROM hidden h;
	DELETE FROM shown;
$$;

CREATE PROCEDURE run(seed bigint, options jsonb) LANGUAGE plpgsql AS $$
DECLARE
	people_of text;
BEGIN
	TRUNCATE hidden;
	DROP TABLE IF EXISTS past;
	INSERT INTO hidden SELECT id FROM people WHERE id IN (SELECT household FROM lines) ORDER BY hashint8extended(id, 1000 + seed), id LIMIT 200;
	CREATE TABLE past AS
	SELECT household, basket, product, timestamptz '2018-12-25Z' + ((hashtextextended(basket, 77) & 1048575) % 10080) * interval '1 minute' AS at
	FROM lines WHERE household NOT IN (SELECT id FROM hidden);
	CREATE INDEX ON past (household, at DESC);
	FOREACH people_of IN ARRAY ARRAY['people', 'shuffled'] LOOP
		PERFORM reco.create_model(people_of, timezone => 'UTC', options => options);
		PERFORM reco.add_orders(people_of, 'past', 'household', 'product', 'at', 'basket');
		PERFORM reco.add_users(people_of, people_of::regclass, 'id', features => 'age, income, home_ownership, marital_status, household_size, household_comp, kids_count');
		PERFORM reco.train(people_of);
		INSERT INTO shown SELECT h.id, r.item_id FROM hidden h, reco.recommend(people_of, h.id, as_of => '2019-01-01Z') r;
		CALL note(seed, CASE people_of WHEN 'people' THEN 'attributes' ELSE people_of END);
		RAISE WARNING 'seed % %: none has %', seed, people_of, (SELECT metrics -> 'blend' -> 'none' FROM reco.versions v WHERE v.model = people_of);
		IF people_of = 'people' THEN
			INSERT INTO shown SELECT h.id, r.item_id FROM hidden h, reco.recommend(people_of, NULL, as_of => '2019-01-01Z') r;
			CALL note(seed, 'nobody');
		END IF;
		PERFORM reco.drop_model(people_of);
	END LOOP;
	INSERT INTO shown
	SELECT h.id, p.product FROM hidden h, (SELECT product FROM past GROUP BY product ORDER BY count(DISTINCT basket) DESC, product LIMIT 10) p;
	CALL note(seed, 'popularity');
END $$;

SELECT format('CALL run(%s, %L);', seed, :'options') FROM unnest(string_to_array(:'seeds', ' ')) seed \gexec
\echo method households recall@10
SELECT method, count(*), round(avg(recall)::numeric, 4) FROM results GROUP BY method ORDER BY 3 DESC;
\echo attributes less, mean of each household over the seeds: mean, 95 % interval
SELECT method, round(avg(gain)::numeric, 4), round((avg(gain) - 1.96 * stddev(gain) / sqrt(count(*)))::numeric, 4),
	   round((avg(gain) + 1.96 * stddev(gain) / sqrt(count(*)))::numeric, 4)
FROM (SELECT b.method, household, avg(a.recall - b.recall) AS gain FROM results a JOIN results b USING (seed, household)
	  WHERE a.method = 'attributes' AND b.method <> 'attributes' GROUP BY 1, 2) x
GROUP BY method ORDER BY method;
