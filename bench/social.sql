-- One seed of bench/social: results are added to the table result.
DROP TABLE IF EXISTS lines, asked, strangers;
CREATE TABLE lines (listener bigint, artist bigint, at timestamptz DEFAULT '2011-05-01');
CREATE INDEX ON lines (listener, at DESC);
CREATE TABLE asked (listener bigint PRIMARY KEY, cold boolean);
INSERT INTO asked
SELECT listener, hashint8extended(listener, 100 + :seed) & 1023 < 205 FROM (SELECT DISTINCT listener FROM listened) l;
-- As many people as there are friends, drawn by lot.
CREATE TABLE strangers AS
SELECT f.listener, s.listener AS friend
FROM   friends f JOIN (SELECT listener, row_number() OVER (ORDER BY listener) - 1 AS n, count(*) OVER () AS of FROM asked) s
	   ON s.n = (hashint8extended(f.listener * 100000 + f.friend, 200 + :seed) & 1048575) % s.of;
CREATE INDEX ON strangers (listener);

-- What a request finds of what there is to find, by each model.
CREATE FUNCTION pg_temp.ask(seed integer, request text, cold boolean, visible integer) RETURNS void LANGUAGE sql AS $$
	INSERT INTO result
	SELECT seed, request, arm, a.listener,
		   (SELECT count(*) FROM reco.recommend(CASE arm WHEN 'popularity' THEN 'alone' ELSE arm END, CASE WHEN arm <> 'popularity' THEN a.listener END,
				history => CASE WHEN arm <> 'popularity' THEN a.shown END, exclude => a.shown || a.known, exclude_purchased => false) r
			WHERE r.item_id = ANY (a.hidden))::numeric / least(10, cardinality(a.hidden))
	FROM   unnest(ARRAY['popularity', 'alone', 'friends', 'random']) arm
	CROSS  JOIN (SELECT l.listener, coalesce(array_agg(artist) FILTER (WHERE hides AND n <= visible), '{}') AS shown,
						coalesce(array_agg(artist) FILTER (WHERE NOT hides), '{}') AS known, array_agg(artist) FILTER (WHERE hides AND n > visible) AS hidden
				 FROM   (SELECT l.listener, artist, hides, row_number() OVER (PARTITION BY l.listener, hides ORDER BY hashint8extended(artist, seed)) AS n
						 FROM   (SELECT l.*, CASE WHEN ask.cold THEN a.cold ELSE hashint8extended(listener * 100000 + artist, 300 + seed) & 1023 < 205 END AS hides
								 FROM listened l JOIN asked a USING (listener)) l) l
				 JOIN   asked USING (listener)
				 WHERE  NOT ask.cold OR asked.cold
				 GROUP  BY l.listener) a
	WHERE  a.hidden IS NOT NULL
$$;
CREATE FUNCTION pg_temp.train(options jsonb) RETURNS void LANGUAGE sql AS $$
	SELECT reco.drop_model(m, true) FROM unnest(ARRAY['friends', 'alone', 'random']) m;
	SELECT reco.create_model(m, 'UTC', options) FROM unnest(ARRAY['friends', 'alone', 'random']) m;
	SELECT reco.add_orders(m, 'lines', 'listener', 'artist', 'at') FROM unnest(ARRAY['friends', 'alone', 'random']) m;
	SELECT reco.add_social('friends', 'friends', 'listener', 'friend'), reco.add_social('random', 'strangers', 'listener', 'friend');
	SELECT reco.train('friends');
	SELECT reco.import_model(m, reco.export_model('friends')) FROM unnest(ARRAY['alone', 'random']) m;
$$;

INSERT INTO lines SELECT listener, artist FROM listened JOIN asked USING (listener) WHERE NOT cold;
ANALYZE;
SELECT pg_temp.train(:'options');
SELECT pg_temp.ask(:seed, 'cold, nothing', true, 0), pg_temp.ask(:seed, 'cold, one artist', true, 1), pg_temp.ask(:seed, 'cold, three artists', true, 3);

DELETE FROM lines;
INSERT INTO lines SELECT listener, artist FROM listened WHERE NOT hashint8extended(listener * 100000 + artist, 300 + :seed) & 1023 < 205;
ANALYZE;
SELECT pg_temp.train(:'options');
SELECT pg_temp.ask(:seed, 'warm', false, 0);
