-- People followed: what they bought is evidence, within bounds, in time, by consent, and without telling whose it was.

SET client_min_messages = warning;
SELECT plan(60);

-- A shop of 5 themes with 16 products each; customers 0 to 99 keep to theirs (number modulo 5).  Newcomers (1000 + n) have bought
-- nothing; they follow 6 people of the theme n modulo 5.
CREATE TABLE lines (order_id bigint, customer bigint, item bigint, at timestamptz, quantity numeric DEFAULT 1);
INSERT INTO lines
SELECT o, o % 100, p, timestamptz '2024-01-01' + o * interval '1 hour'
FROM   generate_series(1, 2000) o
CROSS  JOIN LATERAL (SELECT DISTINCT 1 + 16 * (o % 5) + (hashint8extended(o * 10 + j, 7) & 15)::integer AS p FROM generate_series(1, 3) j) x;
CREATE INDEX ON lines (customer, at DESC);
CREATE TABLE follows (follower bigint, followed bigint, since timestamptz);
INSERT INTO follows SELECT 1000 + n, n % 5 + 5 * j, '2024-01-01' FROM generate_series(0, 49) n, generate_series(1, 6) j;
CREATE INDEX ON follows (follower, since DESC);
-- As many followed by lot.
CREATE TABLE strangers AS SELECT follower, hashint8extended(follower * 1000 + followed, 5) & 63 AS followed, since FROM follows;
SELECT reco.create_model(m, 'UTC', '{"factors": 12, "seed": 1}') FROM unnest('{shop,alone,lot}'::text[]) m \g /dev/null
SELECT reco.add_orders(m, 'lines', 'customer', 'item', 'at', 'order_id', 'quantity') FROM unnest('{shop,alone,lot}'::text[]) m \g /dev/null
CREATE FUNCTION hint_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
	EXECUTE command;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN hint;
END $$;

-- ---- What add_social takes ------------------------------------------------------------------------------------------

SELECT is((SELECT concat_ws(' ', kind, name, expressions) FROM reco.add_social('shop', 'follows', user_id => 'follower', friend_id => 'followed', at => 'since')),
          'social follows {"at": "since", "user_id": "follower", "friend_id": "followed"}', 'a source of who follows whom');
SELECT throws_ok($$SELECT reco.add_social('shop', 'follows', 'follower', NULL)$$, '22004', 'parameter "friend_id" must not be null', 'it needs whom');
SELECT is(hint_of($$SELECT reco.add_social('shop', 'follows', 'follower', NULL)$$), 'Every source of social needs it.', 'as every one does');
SELECT throws_ok($$SELECT reco.add_social('shop', 'follows', NULL, 'followed')$$, '22004', 'parameter "user_id" must not be null', 'and who');
SELECT throws_ok($$SELECT reco.add_social('shop', 'follows', 'follower', 'followed', 'followed')$$, '42804', 'parameter "at" has type bigint, but must have type timestamptz, timestamp or date', 'since when is a time');
SELECT throws_ok($$SELECT reco.add_social('shop', 'follows', 'follower', 'followed::float8')$$, '42804',
                 'parameter "friend_id" has type double precision, but must have type an integer, text, uuid or another type with one text form a value', 'keys have one form');
SELECT throws_ok($$SELECT reco.add_social('shop', 'follows', 'follower', 'follower, followed')$$, '42601', 'parameter "friend_id" must be one expression, not 2', 'one expression each');
SELECT reco.add_social('lot', 'strangers', 'follower', 'followed') \g /dev/null

-- ---- What it is good for --------------------------------------------------------------------------------------------

SELECT reco.train(m) FROM unnest('{shop,alone,lot}'::text[]) m \g /dev/null
CREATE FUNCTION of_theme(model text) RETURNS numeric LANGUAGE sql AS
$$ SELECT avg((r.item_id > 16 * (n % 5) AND r.item_id <= 16 * (n % 5) + 16)::integer) FROM generate_series(0, 49) n, reco.recommend(model, 1000 + n) r $$;
SELECT cmp_ok(of_theme('shop'), '>', 0.9, 'newcomers are shown what those buy whom they follow');
SELECT cmp_ok(of_theme('alone'), '<', 0.4, 'without them, what anybody buys');
SELECT cmp_ok(of_theme('lot'), '<', 0.4, 'and with others instead too');
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend('shop', 1000)), 'social', 'the source says so');
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend('alone', 1000)), 'popular', 'and what it is without');
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend('shop', 1000, basket => '{33}')), 'basket', 'beside a basket friends do not lead');
SELECT is((SELECT string_agg(DISTINCT source, ',') FROM reco.recommend('shop', 1000, history => '{1,2,3}')), 'personal', 'nor beside purchases');
SELECT isnt((SELECT array_agg(score ORDER BY item_id) FROM reco.recommend('shop', 1000, k => 100, history => '{33}')),
            (SELECT array_agg(score ORDER BY item_id) FROM reco.recommend('alone', 1000, k => 100, history => '{33}')), 'but they count');
SELECT cmp_ok((SELECT max(score) FROM reco.recommend('shop', 1000, k => 100, history => '{33}') WHERE item_id <= 16), '>',
              (SELECT max(score) FROM reco.recommend('alone', 1000, k => 100, history => '{33}') WHERE item_id <= 16), 'for what they buy');
SELECT is((SELECT string_agg(concat_ws(' ', kind, component, evidence, label), ',') FROM reco.explain('shop', 1000, 5) WHERE component <> 'popularity'), 'social friends',
          'explained in one row, which names nobody and nothing');
SELECT cmp_ok(abs((SELECT sum(contribution) FROM reco.explain('shop', 1000, 5)) - (SELECT score FROM reco.predict('shop', 1000, '{5}'))), '<', 1e-6::float8, 'which adds up to the score');
SELECT is((SELECT array_agg(evidence ORDER BY evidence) FROM reco.explain('shop', 1000, 5, history => '{33,34}') WHERE component IN ('history', 'friends')), '{33,34,NULL}', 'beside what is his own');
SELECT is_empty($$SELECT * FROM reco.recommend('shop', 1000, k => 100) WHERE num_nulls(rank, item_id, score, source) > 0 OR probability NOT BETWEEN 0 AND 1 OR abs(score) > 1e6$$, 'nothing odd');

-- ---- Bounds and odds ------------------------------------------------------------------------------------------------

-- What a request of 5000 says after a change of whom he follows, and whether it is nobody's answer.
CREATE FUNCTION following(VARIADIC friends bigint[]) RETURNS text LANGUAGE sql AS $$
	DELETE FROM follows WHERE follower = 5000;
	INSERT INTO follows SELECT 5000, f, '2024-01-01' FROM unnest(friends) f;
	SELECT md5(string_agg(r::text, ';' ORDER BY rank)) FROM reco.recommend('shop', 5000, k => 100) r
$$;
SELECT following(VARIADIC '{}') AS nobody, following(10, 15) AS two \gset
SELECT is(:'nobody'::text, (SELECT md5(string_agg(r::text, ';' ORDER BY rank)) FROM reco.recommend('shop', NULL, k => 100) r), 'who follows nobody is nobody');
SELECT isnt(:'two'::text, :'nobody'::text, 'who follows two is somebody');
SELECT is(following(10, 15, 15, 10, 15), :'two'::text, 'twice is once');
SELECT is(following(15, 5000, 10), :'two'::text, 'nobody follows himself');
SELECT is(following(777777, -3, 10, 15), :'two'::text, 'who buys nothing says nothing');
SELECT is(following(777777), :'nobody'::text, 'also alone');
SELECT is(following(NULL, 10, 15), :'two'::text, 'NULL is nobody');
SELECT isnt(following(10, 15, 20), :'two'::text, 'three are more');

-- Time: ties from as_of on, and of no known time, are none; purchases from as_of on are none.
DELETE FROM follows WHERE follower = 5000;
CREATE FUNCTION of_5000(as_of timestamptz DEFAULT now()) RETURNS text LANGUAGE sql AS
$$ SELECT md5(string_agg(r::text, ';' ORDER BY rank)) FROM reco.recommend('shop', 5000, k => 100, as_of => as_of) r $$;
SELECT following(15) AS one, following(VARIADIC '{}') \gset
INSERT INTO follows VALUES (5000, 15, '-infinity'), (5000, 20, 'infinity'), (5000, 25, NULL), (5000, 30, now() + interval '1 day');
SELECT is(of_5000(), :'one'::text, 'a tie of no time, or of a later one, is none yet; one of always is');
INSERT INTO follows VALUES (5000, 10, '2024-02-01');
SELECT is(of_5000(), :'two'::text, 'and one of an earlier time too');
SELECT isnt(of_5000('2024-02-01'), of_5000('2024-02-01 00:00:01'), 'a tie counts from its moment on');
BEGIN;
SELECT of_5000('2024-02-15') AS before \gset
UPDATE lines SET item = 80 WHERE customer IN (10, 15) AND at >= '2024-02-15';
SELECT is(of_5000('2024-02-15'), :'before'::text, 'what friends buy later says nothing of earlier');
SELECT isnt(of_5000(), :'two'::text, 'and what they just bought does say something now');
ROLLBACK;
BEGIN;
DELETE FROM lines WHERE customer = 15;
INSERT INTO lines SELECT 9000, 10, item, '2024-03-24', -100 FROM (SELECT DISTINCT item FROM lines WHERE customer = 10) l;
SELECT is(of_5000(), :'nobody'::text, 'what was returned says nothing');
ROLLBACK;

-- The newest hundred ties, the newest fifty lines of each.
BEGIN;
DELETE FROM follows WHERE follower = 5000;
INSERT INTO follows SELECT 5000, 10000 + n, timestamptz '2024-02-01' + n * interval '1 minute' FROM generate_series(1, 99) n;
INSERT INTO follows VALUES (5000, 15, '2024-01-02'), (5000, 10, '2024-01-01');
SELECT is(of_5000(), :'one'::text, 'of 101 ties the oldest is none');
INSERT INTO follows VALUES (5000, 10, '2024-02-03');
SELECT isnt(of_5000(), :'one'::text, 'the newest is');
ROLLBACK;
BEGIN;
SELECT following(10) \g /dev/null
DELETE FROM lines WHERE customer = 10;
INSERT INTO lines SELECT 20000 + n, 10, 33 + n % 4, timestamptz '2024-03-01' + n * interval '1 minute' FROM generate_series(1, 50) n;
SELECT of_5000() AS fifty \gset
INSERT INTO lines SELECT 30000 + n, 10, 1, timestamptz '2024-02-01' + n * interval '1 minute' FROM generate_series(1, 1000) n;
SELECT is(of_5000(), :'fifty'::text, 'of a thousand older lines none');
INSERT INTO lines VALUES (40000, 10, 1, '2024-03-02');
SELECT isnt(of_5000(), :'fifty'::text, 'of newer ones the newest');
ROLLBACK;

-- Several sources, and one without times.
BEGIN;
DELETE FROM follows WHERE follower = 5000;
INSERT INTO follows VALUES (5000, 10, '2024-01-01');
CREATE TABLE friends (a int, b smallint);
INSERT INTO friends VALUES (5000, 15), (5000, 10);
SELECT reco.add_social('shop', 'friends', 'a', 'b') \g /dev/null
SELECT is(of_5000(), :'two'::text, 'ties of two sources are one circle');
ROLLBACK;

-- ---- Keys of other kinds --------------------------------------------------------------------------------------------

CREATE TABLE people (id bigint PRIMARY KEY, key uuid);
INSERT INTO people SELECT c, ('00000000-0000-0000-0000-' || lpad(c::text, 12, '0'))::uuid FROM generate_series(0, 1100) c;
CREATE TABLE uuid_lines AS SELECT order_id, key AS customer, 'i' || item AS item, at, quantity FROM lines JOIN people ON id = customer;
CREATE TABLE uuid_follows AS SELECT a.key AS follower, b.key::text AS followed, since FROM follows JOIN people a ON a.id = follower JOIN people b ON b.id = followed;
SELECT reco.create_model('keys', 'UTC', '{"factors": 12, "seed": 1}') \g /dev/null
SELECT reco.add_orders('keys', 'uuid_lines', 'customer', 'item', 'at', 'order_id', 'quantity'), reco.add_social('keys', 'uuid_follows', 'follower', 'followed', 'since') \g /dev/null
SELECT reco.train('keys') \g /dev/null
SELECT is((SELECT string_agg(DISTINCT r.source, ',') FROM people p, reco.recommend_text('keys', p.key::text) r WHERE p.id = 1000), 'social', 'uuids and texts');
SELECT cmp_ok((SELECT avg((substr(r.item_id, 2)::integer <= 16)::integer) FROM people p, reco.recommend_text('keys', p.key::text) r WHERE p.id = 1000), '>', 0.9, 'find the same');
SELECT reco.add_social('alone', 'uuid_follows', 'follower', 'followed', 'since') \g /dev/null
SELECT throws_ok($$SELECT * FROM reco.recommend('alone', 1000)$$, '42804', '"friend_id" has type text, but the model was trained with integer keys', 'texts do not fit a model of integers');
SELECT is(hint_of($$SELECT * FROM reco.recommend('alone', 1000)$$), 'Call reco.train(''alone''), and from then on reco.recommend_text.', 'until it is trained again');
SELECT reco.remove_source('alone', 'uuid_follows') \g /dev/null

-- ---- Consent --------------------------------------------------------------------------------------------------------

CREATE TABLE consents (id bigint, personalize boolean, social boolean);
INSERT INTO consents SELECT id, true, true FROM people;
INSERT INTO consents VALUES (5000, true, true);
SELECT reco.add_users('shop', 'consents', 'id', consent => 'personalize, social') \g /dev/null
SELECT is(following(10, 15), :'two'::text, 'where all consent nothing changes');
UPDATE consents SET social = false WHERE id = 10;
SELECT is(following(10, 15), :'one'::text, 'a friend who does not says nothing');
UPDATE consents SET social = NULL WHERE id = 15;
SELECT is(following(10, 15), :'nobody'::text, 'nor does one who did not say');
UPDATE consents SET social = true;
UPDATE consents SET personalize = false WHERE id = 10;
SELECT is(following(10, 15), :'two'::text, 'a friend without personal answers of his own does say something, if he likes');
UPDATE consents SET personalize = true, social = id <> 5000;
SELECT is(following(10, 15), :'nobody'::text, 'who does not like it is not asked what friends buy');
UPDATE consents SET social = true, personalize = id <> 5000;
SELECT is(following(10, 15), :'nobody'::text, 'nor who wants no personal answers');
DELETE FROM consents WHERE id = 10;
UPDATE consents SET personalize = true;
SELECT is(following(10, 15), :'one'::text, 'a friend without a row did not consent');
SELECT reco.alter_model('shop', '{"default_consent": true}') \g /dev/null
SELECT is(following(10, 15), :'two'::text, 'unless that is the default');
SELECT reco.remove_source('shop', 'consents') \g /dev/null
-- A friend whom the columns of customers find equal, though ties write him otherwise.
CREATE TABLE padded AS SELECT order_id, ('c' || customer)::char(8) AS customer, 'i' || item AS item, at, quantity FROM lines;
CREATE VIEW padded_follows AS SELECT 'c' || follower AS follower, 'c' || followed || ' ' AS followed FROM follows WHERE follower = 1000;
CREATE TABLE padded_consents AS SELECT ('c' || id)::char(8) AS id, true AS social FROM people;
SELECT reco.add_orders('keys', 'padded', 'customer', 'item', 'at', 'order_id', 'quantity', name => 'uuid_lines'), reco.add_social('keys', 'padded_follows', 'follower', 'followed', name => 'uuid_follows'),
       reco.add_users('keys', 'padded_consents', 'id', consent => 'social AS social'), reco.alter_model('keys', '{"default_consent": true}') \g /dev/null
CREATE FUNCTION of_padded() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(DISTINCT source, ',') FROM reco.recommend_text('keys', 'c1000') $$;
SELECT is(of_padded(), 'social', 'friends whose keys are padded');
UPDATE padded_consents SET social = id = 'c1000';
SELECT is(of_padded(), 'popular', 'say nothing where they do not consent');

-- ---- Training -------------------------------------------------------------------------------------------------------

-- Held-out orders are asked with what friends had bought: where that helps, it is what answers.  Here everybody's first order
-- is of his friends' theme.
CREATE TABLE late_lines AS SELECT order_id, customer, item, at FROM lines;
INSERT INTO late_lines
SELECT 100000 + n, 1000 + n, i, timestamptz '2024-03-24' + n * interval '1 minute'
FROM   generate_series(0, 499) n, LATERAL (SELECT DISTINCT 1 + 16 * (n % 5) + (hashint8extended(n * 10 + j, 9) & 15)::integer AS i FROM generate_series(1, 3) j) x;
CREATE TABLE late_follows AS SELECT 1000 + n AS follower, n % 5 + 5 * j AS followed, timestamptz '2024-01-01' AS since FROM generate_series(0, 499) n, generate_series(1, 6) j;
SELECT reco.create_model(m, 'UTC', '{"factors": 12, "seed": 1}') FROM unnest('{late,late_alone}'::text[]) m \g /dev/null
SELECT reco.add_orders(m, 'late_lines', 'customer', 'item', 'at', 'order_id') FROM unnest('{late,late_alone}'::text[]) m \g /dev/null
SELECT reco.add_social('late', 'late_follows', 'follower', 'followed', 'since') \g /dev/null
SELECT recall_next AS alone FROM reco.train('late_alone') \gset
SELECT cmp_ok((SELECT recall_next FROM reco.train('late')), '>', :'alone'::float8 + 0.1, 'first orders are foretold by friends');
SELECT md5(reco.export_model('late')) AS late \gset
CREATE TABLE shuffled AS SELECT * FROM late_follows ORDER BY hashint8(follower * 7 + followed);
SELECT reco.add_social('late', 'shuffled', 'follower', 'followed', 'since', name => 'late_follows') \g /dev/null
SELECT reco.train('late') \g /dev/null
SELECT is(md5(reco.export_model('late')), :'late'::text, 'in whatever order ties come: the same bytes');
INSERT INTO shuffled VALUES (NULL, 3, '2024-01-01'), (3, NULL, '2024-01-01'), (3, 3, '2024-01-01'), (999999, 3, '2024-01-01'), (3, 999999, '2024-01-01'), (1000, 7, NULL), (1000, 7, 'infinity');
SELECT reco.train('late') \g /dev/null
SELECT is(md5(reco.export_model('late')), :'late'::text, 'what is no tie changes nothing');
UPDATE shuffled SET since = '2030-01-01';
SELECT cmp_ok((SELECT recall_next FROM reco.train('late')), '<', :'alone'::float8 + 0.1, 'and ties that came later foretell nothing');

-- ---- check ----------------------------------------------------------------------------------------------------------

ANALYZE shuffled, late_lines;
SELECT is((SELECT array_agg(finding || '|' || remedy) FROM reco.check('late') WHERE subject = 'social source "late_follows"'),
          ARRAY['no index finds whom a customer follows|CREATE INDEX ON public.shuffled ((follower), (since) DESC)'], 'check misses an index');
CREATE INDEX ON shuffled (follower);
SELECT is_empty($$SELECT * FROM reco.check('late') WHERE subject = 'social source "late_follows"'$$, 'until there is one');
CREATE TABLE many AS SELECT g AS id, true AS ok FROM generate_series(1, 2000) g;
ANALYZE many;
SELECT reco.add_users('late', 'many', 'id', consent => 'ok AS social') \g /dev/null
SELECT is((SELECT array_agg(finding || '|' || remedy) FROM reco.check('late') WHERE subject = 'users source "many"'),
          ARRAY['no index finds what a customer consents to|CREATE INDEX ON public.many ((id))'], 'and one for consent');

SELECT * FROM finish();
