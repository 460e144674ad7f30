-- Many items: scans go by a screen, and give what scoring every item gives, by each variant of the kernels.
SET client_min_messages = warning;

CREATE TABLE lines AS
SELECT (o * 7) % 200 AS customer, (o % 40) * 50 + (hashint4(o * 5 + l) & 2147483647) % 110 AS item, o AS "order", timestamptz '2026-01-01' + o * interval '1 hour' AS at
FROM generate_series(1, 4000) o, generate_series(1, 5) l;
SELECT plan(29);
SELECT cmp_ok((SELECT count(DISTINCT item) FROM lines), '>', 1500::bigint, 'there are many items');
SELECT reco.create_model('shop', timezone => 'UTC', options => '{"factors": 24}') IS NOT NULL AS created \gset
SELECT reco.add_orders('shop', 'lines', 'customer', 'item', 'at', order_id => '"order"') IS NOT NULL AS added \gset
SELECT version FROM reco.train('shop') \gset
CREATE TABLE asked AS SELECT c AS customer FROM generate_series(0, 210, 6) c;

-- Every item scored, in the order of answers.
CREATE FUNCTION all_scored(customer bigint, basket bigint[], k integer, except_for bigint[]) RETURNS TABLE (item bigint, score float8, probability float8) LANGUAGE sql AS $$
	SELECT p.item_id, p.score, p.probability FROM reco.predict('shop', customer, (SELECT array_agg(DISTINCT l.item::bigint) FROM lines l), basket => basket, as_of => '2026-09-01') p
	WHERE p.item_id <> ALL (except_for) AND p.item_id <> ALL (coalesce(basket, '{}')) ORDER BY p.score DESC, p.item_id LIMIT k $$;
CREATE FUNCTION purchased(customer bigint) RETURNS bigint[] LANGUAGE sql AS $$
	SELECT coalesce(array_agg(DISTINCT l.item::bigint), '{}') FROM lines l WHERE l.customer = purchased.customer $$;

CREATE FUNCTION by_kernel(kernel text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		PERFORM set_config('reco.kernel', kernel, true);
	EXCEPTION WHEN invalid_parameter_value THEN
		RETURN QUERY SELECT skip('no kernels ' || kernel || ' here', 5);
		RETURN;
	END;
	RETURN NEXT results_eq('SELECT customer, item_id, score, probability FROM asked, reco.recommend(''shop'', customer, 10, as_of => ''2026-09-01'') ORDER BY customer, rank',
		'SELECT customer, s.* FROM asked, all_scored(customer, NULL, 10, ''{}'') s ORDER BY 1, 3 DESC, 2', kernel || ': ten of all items');
	RETURN NEXT results_eq('SELECT customer, item_id, score, probability FROM asked, reco.recommend(''shop'', customer, 100, basket => ''{1,17,555}'', as_of => ''2026-09-01'') ORDER BY customer, rank',
		'SELECT customer, s.* FROM asked, all_scored(customer, ''{1,17,555}'', 100, ''{}'') s ORDER BY 1, 3 DESC, 2', kernel || ': a hundred for a basket');
	RETURN NEXT results_eq('SELECT customer, item_id, score, probability FROM asked, reco.recommend(''shop'', customer, 7, exclude_purchased => true, as_of => ''2026-09-01'') ORDER BY customer, rank',
		'SELECT customer, s.* FROM asked, all_scored(customer, NULL, 7, purchased(customer)) s ORDER BY 1, 3 DESC, 2', kernel || ': without what was bought');
	RETURN NEXT results_eq('SELECT user_id, item_id, score, probability FROM reco.recommend_all(''shop'', 10, as_of => ''2026-09-01'') WHERE user_id IN (SELECT customer FROM asked)',
		'SELECT customer::bigint, s.* FROM asked, all_scored(customer, NULL, 10, ''{}'') s WHERE customer < 200 ORDER BY 1, 3 DESC, 2', kernel || ': everybody');
	RETURN NEXT results_eq('SELECT item_id, score FROM reco.recommend(''shop'', NULL, 5000, as_of => ''2026-09-01'')', 'SELECT item, score FROM all_scored(NULL, NULL, 5000, ''{}'')',
		kernel || ': all items by popularity');
END $$;
SELECT by_kernel(kernel) FROM unnest('{auto,avx512vnni,avx512,avx2,baseline}'::text[]) kernel;

-- A session keeps the screen with the model, also where both do not fit the cache.
SET reco.cache_size = '1MB';
SELECT is((SELECT count(*) FROM reco.recommend('shop', 3, as_of => '2026-09-01')), 10::bigint, 'a small cache');
SELECT is((SELECT count(*) FROM reco.similar_items('shop', 17)), 10::bigint, 'similar items');
SELECT is((SELECT count(*) FROM reco.recommend('shop', 3, candidates => '{3,4,5}')), (SELECT count(DISTINCT item) FROM lines WHERE item IN (3, 4, 5)), 'candidates');
SELECT * FROM finish();
