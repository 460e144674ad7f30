-- check, prune_versions and similar_items.
SELECT plan(59);
SET client_min_messages = warning;

CREATE ROLE checked_owner;
CREATE SCHEMA sales;
CREATE TABLE sales.lines (customer integer, item integer, "order" integer, at timestamptz);
INSERT INTO sales.lines SELECT o % 100, (o % 5) * 6 + (o * l) % 6, o, timestamptz '2026-01-01' + o * interval '1 hour'
FROM generate_series(1, 3000) o, generate_series(1, 3) l;
CREATE TABLE sales.items AS SELECT i AS id, true AS ok FROM generate_series(0, 5000) i;
PREPARE findings AS SELECT severity, subject, finding, remedy FROM reco.check('shop');
CREATE FUNCTION found(wanted text) RETURNS text[] LANGUAGE sql AS $$SELECT array_agg(severity || '|' || subject || '|' || remedy) FROM reco.check('shop') WHERE finding LIKE wanted$$;

SELECT reco.create_model('shop', timezone => 'UTC', options => '{"factors": 8}') IS NOT NULL AS created \gset
SELECT throws_ok($$SELECT reco.check('nothing')$$, '42704', 'model "nothing" does not exist', 'an unknown model');
SELECT throws_ok($$SELECT reco.check(NULL)$$, '22004', 'parameter "model" must not be null', 'no model');
SELECT is(found('there are no orders%'), ARRAY['error|sources|SELECT reco.add_orders(''shop'', ...)'], 'no orders');
SELECT is(found('the model has never%'), ARRAY['error|version|SELECT * FROM reco.train(''shop'')'], 'never trained');

-- A model that came from elsewhere needs no sources.
BEGIN;
SELECT reco.import_model('shop', reco.factorize(customer, item, 1)) IS NOT NULL AS imported FROM sales.lines \gset
SELECT is(found('there are no orders: the model answers from basket%'), ARRAY['notice|sources|SELECT reco.add_orders(''shop'', ...)'], 'imported, without orders');
SELECT is(found('the model has never%'), NULL, 'an imported version is one');
SELECT is(found('only 0 held-out orders%'), ARRAY['notice|version|nothing to do here: they are chosen where the model is trained, on orders with times'], 'trained on weights, its parameters are the defaults');
UPDATE reco.version SET created_at = created_at - interval '8 days';
SELECT is(found('version 1 was trained 8 days ago'), ARRAY['warning|version|SELECT reco.import_model(''shop'', ...)'], 'import it again');
ROLLBACK;

SELECT reco.add_orders('shop', 'sales.lines', 'customer', 'item', 'at', order_id => '"order"') IS NOT NULL
   AND reco.add_items('shop', 'sales.items', item_id => 'id', available => 'ok') IS NOT NULL AS added \gset
SELECT is(found('its relation has never been analyzed'), ARRAY['warning|items source "items"|ANALYZE sales.items', 'warning|orders source "lines"|ANALYZE sales.lines'],
	'never analyzed');
ANALYZE sales.lines;
ANALYZE sales.items;
SELECT is(found('%analyzed'), NULL, 'analyzed');
SELECT is(found('no index finds a customer%'), ARRAY['warning|orders source "lines"|CREATE INDEX ON sales.lines ((customer), (at) DESC)'], 'no index on the customer');
SELECT is(found('no index finds an item%'), ARRAY['warning|items source "items"|CREATE INDEX ON sales.items ((id))'], 'no index on the item');
CREATE INDEX ON sales.lines (at, customer);
CREATE INDEX decoy ON sales.items ((id + 1));
SELECT is(found('no index%'), ARRAY['warning|items source "items"|CREATE INDEX ON sales.items ((id))', 'warning|orders source "lines"|CREATE INDEX ON sales.lines ((customer), (at) DESC)'],
	'an index that begins with something else does not help');
CREATE INDEX ON sales.lines ((customer), (at) DESC);
CREATE INDEX ON sales.items ((id));
SELECT is(found('no index%'), NULL, 'the commands mend it');
SET maintenance_work_mem = '1MB';
SELECT is(found('%maintenance_work_mem%'), NULL, 'small tables fit into little memory');
BEGIN;
UPDATE pg_class SET reltuples = 20000 WHERE oid = 'sales.lines'::regclass;
SELECT is(found('training on about 20000 order lines may need more than maintenance_work_mem, which is 1 MB'), ARRAY['notice|memory|SET maintenance_work_mem = ''64MB'''], 'larger ones may not');
UPDATE pg_class SET reltuples = 1e6 WHERE oid = 'sales.lines'::regclass;
SELECT is(found('reading about 1000000 order lines needs 46 MB, and factors more, but maintenance_work_mem is 1 MB'), ARRAY['warning|memory|SET maintenance_work_mem = ''64MB'''], 'and large ones do not');
ROLLBACK;
RESET maintenance_work_mem;

SELECT lives_ok($$SELECT reco.train('shop')$$, 'training');
SELECT is_empty('findings', 'all is well');

-- Users and reviews are no part of a request: no index is missed.
CREATE TABLE sales.people AS SELECT i AS id, i % 7 AS band FROM generate_series(0, 5000) i;
CREATE TABLE sales.reviews AS SELECT i % 100 AS customer, i % 30 AS item, i % 5 AS stars FROM generate_series(0, 5000) i;
SELECT reco.add_users('shop', 'sales.people', user_id => 'id', features => 'band') IS NOT NULL
   AND reco.add_reviews('shop', 'sales.reviews', 'customer', 'item', stars => 'stars') IS NOT NULL AS added \gset
SELECT is(found('its relation has never been analyzed'), ARRAY['warning|reviews source "reviews"|ANALYZE sales.reviews', 'warning|users source "people"|ANALYZE sales.people'],
	'users and reviews, never analyzed');
ANALYZE sales.people;
ANALYZE sales.reviews;
SELECT is_empty('findings', 'analyzed, they need no index');
BEGIN;
ALTER TABLE sales.people DROP band;
SELECT is(found('it cannot be read: column "band" does not exist'), ARRAY['error|users source "people"|call reco.add_users again with expressions that fit'], 'a feature that is gone');
DROP TABLE sales.reviews;
SELECT is(found('relation sales.reviews does not exist any more'), ARRAY['error|reviews source "reviews"|call reco.add_reviews again, or SELECT reco.remove_source(''shop'', ''reviews'')'],
	'reviews that are gone');
ROLLBACK;
-- Offers: an index is missed, and rows that look odd are counted.
BEGIN;
CREATE TABLE sales.offers (item bigint, price float8, since date, until date, audience text[]);
INSERT INTO sales.offers SELECT i % 30, 1, '2024-01-01', '2024-01-02' FROM generate_series(0, 1999) i;
ANALYZE sales.offers;
SELECT reco.add_users('shop', 'sales.people', user_id => 'id', features => 'band') IS NOT NULL
   AND reco.add_offers('shop', 'sales.offers', 'item', 'price', 'since', 'until', 'audience') IS NOT NULL AS added \gset
SELECT is(found('%'), ARRAY['warning|offers source "offers"|CREATE INDEX ON sales.offers ((item))'], 'offers, nothing odd but that no index finds them');
CREATE INDEX ON sales.offers ((item));
SELECT is_empty('findings', 'with it all is well');
INSERT INTO sales.offers VALUES (1, NULL), (1, 'NaN'), (1, '-infinity'), (1, -1), (1, 0), (NULL, 1), (7777, 1);
INSERT INTO sales.offers VALUES (1, 1, '2024-01-02', '2024-01-02'), (1, 1, '2024-01-02', '2024-01-01'), (1, 1, NULL, '2024-01-01');
INSERT INTO sales.offers (item, price, audience) VALUES (1, 1, '{}'), (1, 1, '{north}'), (1, 1, '{band=1,north}'), (1, 1, '{band=77}'), (1, 1, '{users.band=1}'), (1, 1, '{Band=1,items.band=1}');
SELECT is(found(text), ARRAY['warning|offers source "offers"|' || remedy], text) FROM (VALUES
	('4 offers count nothing: their price is NULL, NaN, infinite or negative', 'give them a price, or take them out of the relation'),
	('2 offers are never in force: valid_to is not after valid_from', 'set valid_to to the first moment at which they do not hold any more, or to NULL'),
	('2 offers are of no item that a source of items has', 'correct their item_id, or take them out of the relation'),
	('3 offers have an audience that is nobody', 'write field=value, an array of such texts, or NULL for everybody'),
	('1 offers have an audience by a field that no source of users has, such as "Band"', 'SELECT reco.add_users(''shop'', ..., features => ...) with that field, or correct the audience')) x (text, remedy);
SELECT reco.add_offers('shop', 'sales.offers', 'item', '1 / (price - 1)', name => 'offers') IS NOT NULL AS added \gset
SELECT is(found('its rows could not be looked at: division by zero'), ARRAY['warning|offers source "offers"|see that its expressions, and those of item_id of all items, raise no error'], 'rows that raise an error');
ROLLBACK;

SELECT is(ARRAY[(reco.remove_source('shop', 'people')).kind, (reco.remove_source('shop', 'reviews')).kind], ARRAY['users', 'reviews'], 'and can be removed');
UPDATE reco.version SET created_at = created_at - interval '10 days';
SELECT is(found('version 1 was trained 10 days ago'), ARRAY['warning|version|SELECT * FROM reco.train(''shop'')'], 'an old version');
SELECT lives_ok($$SELECT reco.train('shop')$$, 'training again');
SELECT is_empty('findings', 'mends it');

-- Rights, row-level security, what is gone.
SELECT reco.set_owner('shop', 'checked_owner') IS NOT NULL AS given \gset
SELECT is(found('it cannot be read: permission denied for schema sales'),
	ARRAY['error|items source "items"|GRANT USAGE ON SCHEMA sales TO checked_owner; GRANT SELECT ON sales.items TO checked_owner',
		  'error|orders source "lines"|GRANT USAGE ON SCHEMA sales TO checked_owner; GRANT SELECT ON sales.lines TO checked_owner'], 'no right to the sources');
GRANT USAGE ON SCHEMA sales TO checked_owner;
GRANT SELECT ON sales.items, sales.lines TO checked_owner;
SELECT is_empty('findings', 'mended');
ALTER TABLE sales.lines ENABLE ROW LEVEL SECURITY;
SELECT is_empty('findings', 'row-level security that applies');
ALTER ROLE checked_owner BYPASSRLS;
SELECT is(found('%bypasses'), ARRAY['warning|orders source "lines"|SELECT reco.set_owner(''shop'', ...) to a role that it applies to'], 'and that does not');
ALTER ROLE checked_owner NOBYPASSRLS;
ALTER TABLE sales.lines DISABLE ROW LEVEL SECURITY;
SET ROLE checked_owner;
SELECT is_empty('findings', 'the owner may look');
RESET ROLE;
CREATE ROLE checked_other;
SET ROLE checked_other;
SELECT throws_ok($$SELECT reco.check('shop')$$, '42501', 'must be owner of model "shop"', 'nobody else may');
SELECT throws_ok($$SELECT reco.prune_versions('shop')$$, '42501', 'must be owner of model "shop"', 'nor prune');
SELECT throws_ok($$SELECT reco.similar_items('shop', 1)$$, '42501', 'permission denied for model "shop"', 'nor ask');
RESET ROLE;
ALTER TABLE sales.lines RENAME at TO moment;
SELECT is(found('it cannot be read: column "at" does not exist'), ARRAY['error|orders source "lines"|call reco.add_orders again with expressions that fit'], 'a column that is gone');
ALTER TABLE sales.lines RENAME moment TO at;
BEGIN;
DROP TABLE sales.items;
SELECT is(found('relation sales.items does not exist any more'), ARRAY['error|items source "items"|call reco.add_items again, or SELECT reco.remove_source(''shop'', ''items'')'], 'a relation that is gone');
ROLLBACK;

-- prune_versions
SELECT lives_ok($$SELECT reco.train('shop')$$, 'a third version');
SELECT lives_ok($$SELECT reco.activate('shop', 1)$$, 'the first is active');
SELECT throws_ok($$SELECT reco.prune_versions('shop', -1)$$, '22023', 'parameter "keep" must not be negative, as -1 is', 'a negative number');
SELECT is(reco.prune_versions('shop'), 0, 'keep_versions are kept');
SELECT is(reco.prune_versions('shop', 1), 1, 'one is deleted');
SELECT results_eq($$SELECT version, active FROM reco.versions ORDER BY version$$, $$VALUES (1, true), (3, false)$$, 'the newest and the active one stay');
SELECT is((SELECT count(*) FROM reco.version_part), 2::bigint, 'and no parts are left over');

-- similar_items
SELECT is((SELECT array_agg(similar_item_id / 6 = 1 ORDER BY rank) FROM reco.similar_items('shop', 7, 5)), ARRAY[true, true, true, true, true], 'items of the same theme');
SELECT ok((SELECT bool_and(similarity BETWEEN -1 AND 1) AND count(*) = 29 AND count(DISTINCT similar_item_id) = 29 AND bool_and(similar_item_id <> 7)
		   FROM reco.similar_items('shop', 7, 5000) WHERE similarity <> 0), 'cosines of everything that was ever sold, but for the item itself');
UPDATE sales.items SET ok = false WHERE id = 8;
SELECT ok((SELECT bool_and(similar_item_id <> 8) FROM reco.similar_items('shop', 7, 5000)), 'nothing unavailable');
SELECT is_empty($$SELECT * FROM reco.similar_items('shop', 777777)$$, 'an unknown item has none');
SELECT throws_ok($$SELECT * FROM reco.similar_items('shop', NULL)$$, '22004', 'parameter "item_id" must not be null', 'no item');
SELECT throws_ok($$SELECT * FROM reco.similar_items('shop', 7, 0)$$, '22023', 'parameter "k" must be from 1 to 1000000, not 0', 'no k');
SELECT throws_ok($$SELECT * FROM reco.similar_items_text('shop', '7')$$, '42809', 'model "shop" has integer keys', 'the wrong kind of keys');
SELECT * FROM finish();
