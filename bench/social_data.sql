-- What bench/social reads, once.
CREATE TABLE listened (listener bigint, artist bigint, times bigint);
CREATE TABLE friends (listener bigint, friend bigint);
\copy listened FROM PROGRAM 'zcat "$SET/user_artists.csv.gz"' CSV HEADER
\copy friends FROM PROGRAM 'zcat "$SET/user_friends.csv.gz"' CSV HEADER
CREATE INDEX ON friends (listener);
CREATE EXTENSION reco;
CREATE TABLE result (seed integer, request text, arm text, listener bigint, recall numeric);
