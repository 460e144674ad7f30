-- HetRec 2011 Last.fm: which artist a listener tagged, nearly always dated to the month.  Its counts of listening have no
-- times and cannot be replayed.
CREATE TABLE user_tagged_artists (user_id bigint, artist_id bigint, tag_id bigint, tagged_on date);
\copy user_tagged_artists FROM PROGRAM 'zcat "$SET/user_tagged_artists.csv.gz"' CSV HEADER
CREATE TABLE tagged AS
SELECT DISTINCT user_id, artist_id, tagged_on FROM user_tagged_artists WHERE tagged_on >= '2005-01-01';
CREATE INDEX ON tagged (user_id, tagged_on DESC);
ANALYZE;

CREATE EXTENSION reco;
SELECT reco.create_model('bench', timezone => 'UTC');
SELECT reco.add_orders('bench', 'tagged', user_id => 'user_id', item_id => 'artist_id', at => 'tagged_on');

CREATE VIEW facts AS SELECT count(*) AS lines, count(DISTINCT (user_id, tagged_on)) AS orders, count(DISTINCT user_id) AS customers, count(DISTINCT artist_id) AS items FROM tagged;
CREATE TABLE asked AS
SELECT NULL::timestamptz AS cut, NULL::timestamptz AS until, 1 AS min_items, 10000 AS orders,
	   'tags, not purchases: what a listener tagged on one date, mostly the first of a month, is an order; nothing has a value' AS note;
CREATE TABLE groups AS SELECT ''::text AS "by" WHERE false;
