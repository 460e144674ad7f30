-- Context: see bench/context.
CREATE EXTENSION reco;
CREATE TABLE log (id bigserial, u bigint, item bigint, cnt integer, daytime text, weekday text, isweekend text, homework text, cost text, weather text, country text, city text);
\copy log (u, item, cnt, daytime, weekday, isweekend, homework, cost, weather, country, city) FROM PROGRAM 'cat "$FRAPPE"' csv header
CREATE FUNCTION draw(key bigint, seed bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT (hashint8extended(key, seed) & 1048575) / 1048576.0 $$;
CREATE TABLE events AS SELECT *, draw(id, 42) AS r, timestamptz '2015-01-01Z' + draw(id, 43) * interval '300 days' AS at FROM log;

CREATE TABLE known_events AS SELECT * FROM events WHERE r < 0.8;
CREATE TABLE asked_events AS SELECT * FROM events WHERE r >= 0.8 ORDER BY r, id LIMIT 10000;
CREATE TABLE known_pairs AS SELECT * FROM events WHERE draw(u * 100003 + item, 7) < 0.8;
CREATE TABLE asked_pairs AS
SELECT * FROM (SELECT DISTINCT ON (u, item) * FROM events WHERE draw(u * 100003 + item, 7) >= 0.8 ORDER BY u, item, r) x
WHERE u IN (SELECT u FROM known_pairs) AND item IN (SELECT item FROM known_pairs) ORDER BY r, id LIMIT 4000;
CREATE INDEX ON known_events (u, at DESC);
CREATE INDEX ON known_pairs (u, at DESC);
ANALYZE;

CREATE FUNCTION context_of(e events) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_build_object('daytime', e.daytime, 'weekday', e.weekday, 'isweekend', e.isweekend, 'homework', e.homework,
							  'weather', e.weather, 'country', e.country, 'city', e.city, 'hour', NULL, 'month', NULL) $$;

CREATE PROCEDURE run(name text, options jsonb) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM reco.create_model(name, timezone => 'UTC', options => options);
	PERFORM reco.add_orders(name, format('known_%s', name)::regclass, 'u', 'item', 'at', 'id', context => 'daytime, weekday, isweekend, homework, weather, country, city');
	PERFORM reco.train(name);
	RAISE WARNING '%: %', name, (SELECT metrics -> 'blend' FROM reco.versions WHERE model = name);
END $$;
CALL run('events', :'options');
CALL run('pairs', :'options');

\echo what method n hit@10 nDCG@10
SELECT what, method, count(*), round(avg((rank IS NOT NULL)::integer), 4), round(avg(coalesce(ln(2) / ln(1 + rank), 0))::numeric, 4)
FROM (SELECT what, method, (SELECT r.rank FROM reco.recommend(what, u, k => 10, exclude_purchased => what = 'pairs', as_of => '2016-01-01Z',
		context => CASE method WHEN 'context' THEN context ELSE '{"weekday": null, "hour": null, "month": null}' END) r WHERE r.item_id = a.item) AS rank
	  FROM (SELECT 'events' AS what, u, item, context_of(e::text::events) AS context FROM asked_events e
			UNION ALL SELECT 'pairs', u, item, context_of(e::text::events) FROM asked_pairs e) a, (VALUES ('context'), ('none')) m (method)) x
GROUP BY what, method ORDER BY what, method;
SELECT 'events', 'own_frequency', count(*), round(avg((coalesce(rank, 11) <= 10)::integer), 4), round(avg(CASE WHEN rank <= 10 THEN ln(2) / ln(1 + rank) ELSE 0 END)::numeric, 4)
FROM asked_events LEFT JOIN (SELECT u, item, row_number() OVER (PARTITION BY u ORDER BY count(*) DESC, item) AS rank FROM known_events GROUP BY u, item) f USING (u, item);
