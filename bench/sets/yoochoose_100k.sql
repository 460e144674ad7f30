-- YooChoose: clicks of sessions of unknown visitors, divided as the set itself divides them.
CREATE TABLE clicks (session_id bigint, item_id bigint, clicked_at timestamp, split text);
\copy clicks FROM PROGRAM 'zcat "$SET/clicks.csv.gz"' CSV HEADER
ANALYZE;

CREATE EXTENSION reco;
SELECT reco.create_model('bench', timezone => 'UTC');
SELECT reco.add_orders('bench', 'clicks', user_id => 'NULL::bigint', item_id => 'item_id', order_id => 'session_id', at => 'clicked_at');

CREATE VIEW facts AS SELECT count(*) AS lines, count(DISTINCT session_id) AS orders, 0 AS customers, count(DISTINCT item_id) AS items FROM clicks;
CREATE TABLE asked AS
SELECT min(clicked_at) AT TIME ZONE 'UTC' AS cut, NULL::timestamptz AS until, 2 AS min_items, 10000 AS orders,
	   'clicks, not purchases: a session is an order of nobody known; cut by the set''s own column split' AS note
FROM clicks WHERE split = 'test';
CREATE TABLE groups AS SELECT ''::text AS "by" WHERE false;
