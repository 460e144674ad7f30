-- Attributes, ties and stars that say nothing: see bench/shuffled.
\ir five_kinds_shop.sql
CREATE TABLE results (source text, shuffle integer, request text, order_id text, recall float8);

-- One value of each row goes to another row.
CREATE PROCEDURE shuffle(source text, number bigint) LANGUAGE plpgsql AS $$
DECLARE
	of regclass := source;
	value text := CASE source WHEN 'customers' THEN 'region' WHEN 'follows' THEN 'friend' ELSE 'stars' END;
	who text := CASE source WHEN 'customers' THEN 'c' WHEN 'follows' THEN 'c' ELSE 'c, item, at' END;
BEGIN
	DROP TABLE IF EXISTS dealt;
	EXECUTE format($sql$ CREATE TABLE dealt AS
		SELECT a.*, b.%1$I FROM (SELECT %2$s, row_number() OVER (ORDER BY %2$s, %1$I) AS n FROM %3$s) a
		JOIN (SELECT %1$I, row_number() OVER (ORDER BY draw(row_number, %4$s)) AS n FROM (SELECT %1$I, row_number() OVER (ORDER BY %2$s, %1$I) FROM %3$s) x) b USING (n) $sql$,
		value, who, of, number + 100);
	CREATE INDEX ON dealt (c);
	ANALYZE dealt;
END $$;

CREATE PROCEDURE add(source text, relation regclass) LANGUAGE plpgsql AS $$
BEGIN
	IF source = 'customers' THEN
		PERFORM reco.add_users('shop', relation, user_id => 'c', features => 'region', name => source);
	ELSIF source = 'follows' THEN
		PERFORM reco.add_social('shop', relation, user_id => 'c', friend_id => 'friend', name => source);
	ELSE
		PERFORM reco.add_reviews('shop', relation, user_id => 'c', item_id => 'item', at => 'at', stars => 'stars', name => source);
	END IF;
END $$;

-- What recall@10 is with the sources that the model has now; shuffle 0: as it is, -1: without.
CREATE PROCEDURE note(source text, shuffle integer) LANGUAGE sql AS $$
	INSERT INTO results
	SELECT source, shuffle, request, order_id,
		   (SELECT count(*) FROM unnest(wanted) w WHERE w = ANY (recommended))::float8 / least(10, cardinality(wanted))
	FROM reco.replay('shop', algorithms => '{}', orders => 5000);
$$;

CREATE PROCEDURE run(shuffles integer) LANGUAGE plpgsql AS $$
DECLARE
	source text;
BEGIN
	PERFORM reco.create_model('shop', 'UTC', '{"factors": 32}');
	PERFORM reco.add_orders('shop', 'lines', user_id => 'c', item_id => 'item', order_id => 'o', at => 'at', context => 'device');
	PERFORM reco.add_sessions('shop', 'events', session_id => 'session', item_id => 'item', at => 'at', user_id => 'c', event => 'kind');
	CALL add('customers', 'customers');
	CALL add('follows', 'follows');
	CALL add('reviews', 'reviews');
	FOREACH source IN ARRAY ARRAY['customers', 'follows', 'reviews'] LOOP
		CALL note(source, 0);
		FOR shuffle IN 1 .. shuffles LOOP
			CALL shuffle(source, shuffle);
			CALL add(source, 'dealt');
			CALL note(source, shuffle);
		END LOOP;
		PERFORM reco.remove_source('shop', source);
		CALL note(source, -1);
		CALL add(source, source::regclass);
	END LOOP;
END $$;
CALL run(:shuffles);

\echo source shuffle requests change standard_error
CREATE TABLE changes AS
SELECT r.source, r.shuffle, count(*), avg(r.recall - w.recall) AS change, stddev(r.recall - w.recall) / sqrt(count(*)) AS error
FROM results r JOIN results w USING (source, request, order_id) WHERE w.shuffle = -1 AND r.shuffle >= 0 GROUP BY 1, 2;
SELECT source, CASE shuffle WHEN 0 THEN 'real' ELSE shuffle::text END, count, round(change::numeric, 4), round(error::numeric, 4) FROM changes ORDER BY source, shuffle;
SELECT source, 'mean of shuffles', round(avg(change)::numeric, 4), round(avg(error)::numeric, 4) FROM changes WHERE shuffle > 0 GROUP BY source ORDER BY source;
