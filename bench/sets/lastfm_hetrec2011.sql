-- HetRec 2011 Last.fm: which artist a listener tagged, nearly always dated to the month, and who is whose friend (undated).
-- Its counts of listening have no times and cannot be replayed.
CREATE TABLE user_tagged_artists (user_id bigint, artist_id bigint, tag_id bigint, tagged_on date);
\copy user_tagged_artists FROM PROGRAM 'zcat "$SET/user_tagged_artists.csv.gz"' CSV HEADER
CREATE TABLE tagged AS
SELECT DISTINCT user_id, artist_id, tagged_on FROM user_tagged_artists WHERE tagged_on >= '2005-01-01';
CREATE INDEX ON tagged (user_id, tagged_on DESC);
CREATE TABLE friends (user_id bigint, friend_id bigint);
\copy friends FROM PROGRAM 'zcat "$SET/user_friends.csv.gz"' CSV HEADER
CREATE INDEX ON friends (user_id);
ANALYZE;

CREATE EXTENSION reco;
SELECT reco.create_model('bench', timezone => 'UTC');
SELECT reco.add_orders('bench', 'tagged', user_id => 'user_id', item_id => 'artist_id', at => 'tagged_on');
SELECT reco.add_social('bench', 'friends', user_id => 'user_id', friend_id => 'friend_id');

CREATE VIEW facts AS SELECT count(*) AS lines, count(DISTINCT (user_id, tagged_on)) AS orders, count(DISTINCT user_id) AS customers, count(DISTINCT artist_id) AS items FROM tagged;
CREATE TABLE asked AS
SELECT NULL::timestamptz AS cut, NULL::timestamptz AS until, 1 AS min_items, 10000 AS orders,
	   'tags, not purchases: what a listener tagged on one date, mostly the first of a month, is an order; nothing has a value; friends, of no date' AS note;
CREATE TABLE groups AS SELECT ''::text AS "by" WHERE false;
