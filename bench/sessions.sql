-- Clicks as events of sessions, with what is asked: the sessions of the test, each of whose beginnings has a next click.
CREATE TABLE clicks (session_id bigint, item_id bigint, clicked_at timestamp, split text);
\copy clicks FROM PROGRAM 'zcat "$CLICKS"' CSV HEADER

CREATE TABLE events AS
SELECT c.session_id, c.item_id, c.clicked_at AT TIME ZONE 'UTC' AS clicked_at,
	   CASE :'window' WHEN 'test' THEN c.split = 'test' ELSE s.began >= :cut END AS is_test
FROM clicks AS c JOIN (SELECT session_id, min(clicked_at) AS began FROM clicks GROUP BY session_id) AS s USING (session_id)
WHERE :'window' = 'test' OR c.split = 'train';
CREATE INDEX ON events (session_id, clicked_at DESC);
CREATE VIEW learned AS SELECT session_id, item_id, clicked_at FROM events WHERE NOT is_test;
ANALYZE;

CREATE TABLE asked AS
SELECT session_id, item_id, clicked_at, place
FROM (SELECT session_id, item_id, clicked_at, row_number() OVER (PARTITION BY session_id ORDER BY clicked_at, item_id) AS place
	  FROM events WHERE is_test) AS e
WHERE place > 1;

CREATE EXTENSION reco;
