-- Merchandising rules: whatever is combined, lists are full, keep the rules by plain SQL, and are the same from recommend and recommend_all.

SET client_min_messages = warning;
SELECT plan(58);

-- A shop of 120 products; some have no category, no price, several tags, or are sold out.  One customer in five buys one of the first 30 again and again.
CREATE FUNCTION lot(a bigint, b bigint, n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT (abs(hashint8extended(a * 1000 + b, 11)) % n)::integer';
CREATE TABLE products (id bigint PRIMARY KEY, category text, brand integer, tags text[], price float8, margin float8, stock integer);
INSERT INTO products SELECT p, CASE WHEN lot(p, 1, 8) > 0 THEN 'c' || lot(p, 1, 8) END, lot(p, 2, 5), CASE WHEN lot(p, 3, 4) > 0 THEN ARRAY['t' || lot(p, 3, 6), NULL, 't' || lot(p, 4, 6)] END,
	CASE WHEN lot(p, 5, 10) > 0 THEN lot(p, 6, 60) END, lot(p, 7, 20), CASE WHEN lot(p, 8, 9) > 0 THEN 1 ELSE 0 END FROM generate_series(1, 120) p;
CREATE TABLE lines (order_id bigint, customer_id bigint, product_id bigint, at timestamptz, quantity integer);
INSERT INTO lines SELECT DISTINCT ON (o, p) o, lot(o, 0, 300), p, timestamptz '2026-01-01' + o * interval '2 hours', 1
FROM generate_series(1, 1200) o CROSS JOIN generate_series(1, 4) j CROSS JOIN LATERAL (SELECT 1 + CASE WHEN j > 1 THEN lot(o, j, 120) WHEN lot(o, 0, 300) % 5 = 0 THEN lot(o, 0, 300) % 30 END AS p) x WHERE p IS NOT NULL;
INSERT INTO lines VALUES (5000, 3, 77, '2026-04-09', -1), (5001, NULL, 78, '2026-04-09', 1), (5002, 4, 79, NULL, 1);
CREATE INDEX ON lines (customer_id, at DESC);
CREATE VIEW labels AS SELECT id, 'category' AS field, category AS value FROM products WHERE category IS NOT NULL UNION ALL SELECT id, 'brand', brand::text FROM products
	UNION SELECT id, 'tags', t FROM products, unnest(tags) t WHERE t IS NOT NULL;
SELECT reco.create_model(name, 'UTC', options) FROM (VALUES ('m', '{"factors": 8, "history_limit": 20}'::jsonb), ('t', '{"factors": 8}'), ('raw', '{"factors": 8, "holdout_orders": 0}')) x (name, options) \g /dev/null
SELECT reco.add_orders('m', 'lines', 'customer_id', 'product_id', 'at', 'order_id', 'quantity'), reco.add_orders('raw', 'lines', 'customer_id', 'product_id', 'at', 'order_id'),
	   reco.add_orders('t', 'lines', '''c'' || customer_id', '''p'' || product_id', 'at', 'order_id', 'quantity') \g /dev/null
SELECT reco.add_items('m', 'products', 'id', 'category, brand', available => 'stock > 0', price => 'price', margin => 'margin'), reco.add_items('m', 'products', 'id', 'tags', name => 'tags'),
	   reco.add_items('raw', 'products', 'id', 'category, brand'), reco.add_items('t', 'products', '''p'' || id', 'category', price => 'price') \g /dev/null
SELECT reco.train(name) FROM unnest(ARRAY['m', 't', 'raw']) name \g /dev/null

-- ---- Random rules, alone and combined ------------------------------------------------------------------------------------------

CREATE FUNCTION random_rule(seed bigint, rule text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE rule
		WHEN 'pin' THEN jsonb_build_array(1 + lot(seed, 20, 60), jsonb_build_object('item', 61 + lot(seed, 21, 30), 'rank', 1 + lot(seed, 22, 12)), 91 + lot(seed, 23, 30), 777)
		WHEN 'boost' THEN jsonb_build_array(jsonb_build_object('field', 'items.category', 'value', 'c' || lot(seed, 24, 9), 'factor', 0.1 + lot(seed, 25, 50)),
			jsonb_build_object('field', 'brand', 'value', lot(seed, 26, 5), 'factor', 0.5), jsonb_build_object('items', jsonb_build_array(5, 6, 7, 8, 9, 888), 'factor', 3))
		WHEN 'cap' THEN (ARRAY['{"category": 2}', '{"brand": 3}', '{"tags": 2}', '{"category": 1, "brand": 4}', '{"category": 3, "items.tags": 5}']::jsonb[])[1 + lot(seed, 27, 5)]
		WHEN 'diversity' THEN to_jsonb(lot(seed, 28, 11) / 10.0)
		WHEN 'price' THEN (ARRAY['{"min": 20}', '{"max": 30}', '{"min": 5, "max": 50}', '{"min": 58.5}']::jsonb[])[1 + lot(seed, 29, 4)]
		WHEN 'pause' THEN (ARRAY['"10 days"', '"3 months"', '{"for": "40 days", "rebought": 0.15}', '{"for": "P1Y", "rebought": 1}']::jsonb[])[1 + lot(seed, 30, 4)]
		ELSE jsonb_build_object('by', (ARRAY['brand', 'category', 'tags'])[1 + lot(seed, 31, 3)], 'gap', lot(seed, 32, 20) / 100.0) END
$$;
CREATE TABLE trials AS
SELECT seed, lot(seed, 1, 55)::bigint AS who, (ARRAY[3, 5, 8, 20, 60, 200])[1 + lot(seed, 2, 6)] AS k, (ARRAY[0, 0, 0.5])[1 + lot(seed, 3, 3)]::float8 AS w, lot(seed, 4, 4) = 0 AS not_bought,
	   CASE WHEN lot(seed, 5, 3) = 0 THEN ARRAY[seed % 120 + 1, 17] END AS basket, CASE WHEN lot(seed, 6, 3) = 0 THEN ARRAY[31, 32, 33, seed % 70 + 1] END AS exclude,
	   CASE WHEN lot(seed, 7, 6) = 0 THEN (SELECT array_agg(id) FROM products WHERE lot(seed, id, 3) > 0) END AS candidates, rules
FROM   generate_series(1, 420) seed CROSS JOIN LATERAL
	   (SELECT jsonb_object_agg(rule, random_rule(seed, rule)) AS rules FROM unnest(ARRAY['pin', 'boost', 'cap', 'diversity', 'price', 'pause', 'max_exposure_gap']) WITH ORDINALITY r (rule, n)
		WHERE CASE WHEN seed <= 70 THEN n = 1 + seed % 7 ELSE lot(seed, 10 + n, 5) < 2 END) r
WHERE  rules IS NOT NULL;
CREATE TABLE answers AS
SELECT seed, r.* FROM trials t CROSS JOIN LATERAL reco.recommend('m', who, k, basket, candidates, exclude, not_bought, '2026-04-11', value_weight => w, rules => t.rules) r;
CREATE TABLE plain AS
SELECT seed, r.* FROM trials t CROSS JOIN LATERAL reco.recommend('m', who, 1000, basket, candidates, exclude, not_bought, '2026-04-11', value_weight => w) r;

-- What plain SQL says.
CREATE TABLE rebought AS
WITH pairs AS (SELECT product_id, customer_id, count(DISTINCT order_id) > 1 AS again FROM lines WHERE customer_id IS NOT NULL AND quantity > 0 AND at IS NOT NULL GROUP BY 1, 2)
SELECT id, (count(*) FILTER (WHERE again) + 15 * (SELECT avg(again::integer) FROM pairs)) / (count(again) + 15) AS share FROM products LEFT JOIN pairs ON product_id = id GROUP BY id;
SELECT ok(count(*) FILTER (WHERE share < 0.1) > 10 AND count(*) FILTER (WHERE share > 0.15) > 3, 'some products are bought again, others are not') FROM rebought;
-- What passes the filters, pins or not; what a pause leaves of it.
CREATE TABLE passing AS
SELECT seed, id, coalesce((rules->'pause') IS NOT NULL AND EXISTS (SELECT FROM lines l WHERE l.customer_id = who AND l.product_id = p.id AND l.quantity > 0 AND l.at < '2026-04-11'
			  AND l.at > timestamptz '2026-04-11' - coalesce(rules->'pause'->>'for', rules->>'pause')::interval)
		  AND share::float4 < coalesce((rules->'pause'->>'rebought')::float4, 0.1), false) AS paused
FROM   trials CROSS JOIN products p JOIN rebought USING (id)
WHERE  stock > 0 AND (basket IS NULL OR id <> ALL (basket)) AND (exclude IS NULL OR id <> ALL (exclude)) AND (candidates IS NULL OR id = ANY (candidates))
	   AND (NOT not_bought OR NOT EXISTS (SELECT FROM lines l WHERE l.customer_id = who AND l.product_id = p.id AND l.quantity > 0 AND l.at < '2026-04-11'))
	   AND (rules->'price' IS NULL OR coalesce(price BETWEEN coalesce((rules->'price'->>'min')::float8, 0) AND coalesce((rules->'price'->>'max')::float8, 'infinity'), false));
CREATE TABLE pins AS
SELECT seed, coalesce(e->>'item', e #>> '{}')::bigint AS id, n, (e->>'rank')::integer AS wanted FROM trials, jsonb_array_elements(rules->'pin') WITH ORDINALITY x (e, n)
WHERE coalesce((e->>'rank')::integer, 1) <= k AND (seed, coalesce(e->>'item', e #>> '{}')::bigint) IN (SELECT seed, id FROM passing);
-- Those without a rank get the first places that are free: at most one is taken by rank.
ALTER TABLE pins ADD rank integer;
UPDATE pins p SET rank = coalesce(wanted, before + CASE WHEN taken <= before THEN 1 ELSE 0 END)
FROM (SELECT seed, id, count(*) FILTER (WHERE wanted IS NULL) OVER (PARTITION BY seed ORDER BY n) AS before, coalesce(min(wanted) OVER (PARTITION BY seed), 1000) AS taken FROM pins) b WHERE (b.seed, b.id) = (p.seed, p.id);
DELETE FROM pins USING trials t WHERE t.seed = pins.seed AND rank > k;
CREATE TABLE survivors AS SELECT p.seed, p.id, pin.id IS NOT NULL AS pinned FROM passing p LEFT JOIN pins pin USING (seed, id) WHERE NOT paused OR pin.id IS NOT NULL;
CREATE TABLE caps AS SELECT seed, replace(key, 'items.', '') AS field, value::integer AS most FROM trials, jsonb_each_text(rules->'cap');

SELECT cmp_ok(count(*), '>', 350::bigint, format('%s trials', count(*))) FROM trials;
SELECT is_empty($$SELECT seed, count(*), max(rank), count(DISTINCT item_id) FROM answers GROUP BY 1 HAVING count(*) <> max(rank) OR count(*) <> count(DISTINCT item_id) OR min(rank) <> 1$$, 'ranks from 1 on, each item once');
SELECT is_empty($$SELECT t.seed, t.k, s.n, a.n FROM trials t LEFT JOIN (SELECT seed, count(*) AS n FROM survivors GROUP BY 1) s USING (seed) LEFT JOIN (SELECT seed, count(*) AS n FROM answers GROUP BY 1) a USING (seed)
	WHERE rules->'cap' IS NULL AND coalesce(a.n, 0) <> least(t.k, coalesce(s.n, 0))$$, 'without caps: min(k, survivors) rows');
SELECT is_empty($$SELECT t.seed, t.k, e.n, a.n FROM trials t JOIN (SELECT seed FROM caps GROUP BY 1 HAVING count(*) = 1 AND min(field) <> 'tags') one USING (seed)
	JOIN (SELECT seed, sum(CASE WHEN value IS NULL THEN pins + others ELSE pins + greatest(least(most - pins, others), 0) END) AS n
		  FROM (SELECT s.seed, c.most, l.value, count(*) FILTER (WHERE pinned) AS pins, count(*) FILTER (WHERE NOT pinned) AS others FROM survivors s JOIN caps c USING (seed) LEFT JOIN labels l ON l.id = s.id AND l.field = c.field GROUP BY 1, 2, 3) g
		  GROUP BY 1) e USING (seed) LEFT JOIN (SELECT seed, count(*) AS n FROM answers GROUP BY 1) a USING (seed) WHERE coalesce(a.n, 0) <> least(t.k, e.n)$$, 'one cap of a feature of one value: as many rows as any list could have');
SELECT is_empty($$SELECT s.seed, s.id FROM survivors s JOIN trials t USING (seed) WHERE (SELECT count(*) FROM answers a WHERE a.seed = s.seed) < t.k AND NOT EXISTS (SELECT FROM answers a WHERE a.seed = s.seed AND a.item_id = s.id)
	AND NOT EXISTS (SELECT FROM caps c JOIN labels l ON l.field = c.field AND l.id = s.id WHERE c.seed = s.seed
		AND c.most <= (SELECT count(*) FROM answers a JOIN labels o ON o.id = a.item_id WHERE a.seed = s.seed AND o.field = l.field AND o.value = l.value))$$, 'whoever is missing from a list that is not full has no room under some cap');
SELECT is_empty($$SELECT a.seed, a.item_id FROM answers a LEFT JOIN survivors s ON s.seed = a.seed AND s.id = a.item_id WHERE s.id IS NULL$$, 'no row but of survivors: stock, price, basket, exclude, candidates, purchases, pause');
SELECT is_empty($$SELECT a.seed, c.field, l.value, count(*) FROM answers a JOIN caps c USING (seed) JOIN labels l ON l.id = a.item_id AND l.field = c.field LEFT JOIN pins p ON p.seed = a.seed AND p.id = a.item_id
	GROUP BY 1, 2, 3, c.most HAVING count(*) > greatest(c.most, count(p.id))$$, 'no more of a value than its cap, unless pinned');
SELECT is_empty($$SELECT p.seed, p.id, p.rank, a.rank FROM pins p LEFT JOIN answers a ON a.seed = p.seed AND a.item_id = p.id WHERE a.rank IS DISTINCT FROM p.rank
	AND (a.rank IS NULL OR p.rank <= (SELECT count(*) FROM answers o WHERE o.seed = p.seed) OR a.rank <= (SELECT count(*) FROM answers o WHERE o.seed = p.seed AND o.rules IS DISTINCT FROM '{pin}'))$$, 'pins stand where they should, or at the end of a shorter list');
SELECT is_empty($$SELECT a.seed, a.rank FROM answers a LEFT JOIN pins p ON p.seed = a.seed AND p.id = a.item_id WHERE (a.rules = '{pin}') IS DISTINCT FROM (p.id IS NOT NULL) AND (a.rules IS NOT NULL OR p.id IS NOT NULL)$$, 'and they alone say so');
SELECT is_empty($$SELECT a.seed, word FROM answers a JOIN trials t USING (seed), unnest(a.rules) word WHERE word !~ '^(pin|cap|diversity|exposure|boost (items|brand=[0-4]|category=c[0-8]) [0-9.]+)$'
	OR NOT t.rules ? CASE word WHEN 'exposure' THEN 'max_exposure_gap' ELSE split_part(word, ' ', 1) END OR a.rules = '{}'$$, 'the words are those documented, of rules that were given');
SELECT is_empty($$SELECT a.seed FROM answers a JOIN plain p USING (seed, item_id) WHERE (a.score, a.source) <> (p.score, p.source) OR a.probability IS DISTINCT FROM p.probability$$, 'score, probability and source are those without rules');
SELECT is_empty($$SELECT a.seed FROM answers a LEFT JOIN labels l ON l.id = a.item_id CROSS JOIN LATERAL (SELECT b FROM trials t, jsonb_array_elements(t.rules->'boost') b WHERE t.seed = a.seed) b
	WHERE a.rules IS DISTINCT FROM '{pin}' AND l.field = replace(b->>'field', 'items.', '') AND l.value = b->>'value' AND NOT coalesce(a.rules @> ARRAY[format('boost %s=%s %s', l.field, l.value, b->>'factor')], false)$$, 'what is boosted says so');
-- The pool is the best 50 by score, or 2 k: of these, keys are p v^w times the factors.
SELECT is_empty($$SELECT * FROM (SELECT t.seed, t.k, b.rank, a.item_id, b.item_id AS by_hand FROM trials t JOIN LATERAL (
		SELECT row_number() OVER (ORDER BY o.probability * f.factor DESC, o.rank) AS rank, o.item_id FROM plain o CROSS JOIN LATERAL (SELECT coalesce(exp(sum(ln((e->>'factor')::float8))), 1) AS factor
			FROM jsonb_array_elements(t.rules->'boost') e WHERE e->'items' @> to_jsonb(o.item_id) OR EXISTS (SELECT FROM labels l WHERE l.id = o.item_id AND l.field = replace(e->>'field', 'items.', '') AND l.value = e->>'value')) f
		WHERE o.seed = t.seed AND o.rank <= greatest(50, 2 * t.k)) b ON b.rank <= t.k LEFT JOIN answers a ON a.seed = t.seed AND a.rank = b.rank
	WHERE t.w = 0 AND t.rules ? 'boost' AND (SELECT count(*) FROM jsonb_object_keys(t.rules)) = 1) x WHERE item_id IS DISTINCT FROM by_hand$$, 'boosts alone: the order by plain SQL');
SELECT is_empty($$SELECT * FROM answers a JOIN trials t USING (seed) JOIN plain p USING (seed, rank) WHERE t.w = 0 AND t.rules = '{"diversity": 0.0}' AND a.item_id <> p.item_id$$, 'a diversity of 0 changes nothing');
SELECT cmp_ok(count(*), '>', 20::bigint, word) FROM answers a, unnest(ARRAY['pin', 'cap', 'diversity', 'exposure']) word WHERE word = ANY (rules) GROUP BY word ORDER BY word;

-- Exposure: the sum of what groups are beyond the gap, with rules and without.
CREATE FUNCTION beyond(list bigint[], pool bigint[], merit float8[], by text, gap float8) RETURNS float8 LANGUAGE sql STABLE AS $$
	WITH of_item AS (SELECT p.id, coalesce(l.value, '') AS value, 1.0 / count(*) OVER (PARTITION BY p.id) AS part FROM unnest(pool) p (id) LEFT JOIN labels l ON l.id = p.id AND l.field = by),
	exposed AS (SELECT value, sum(part / ln(1 + n)) / (SELECT sum(1 / ln(1 + n)) FROM generate_series(1, cardinality(list)) n) AS share FROM unnest(list) WITH ORDINALITY x (id, n) JOIN of_item USING (id) GROUP BY 1),
	due AS (SELECT value, sum(part * m) / (SELECT sum(m) FROM unnest(merit) m) AS share FROM unnest(pool, merit) x (id, m) JOIN of_item USING (id) GROUP BY 1)
	SELECT coalesce(sum(greatest(abs(coalesce(e.share, 0) - coalesce(d.share, 0)) - gap, 0)), 0)::float8 FROM exposed e FULL JOIN due d USING (value)
$$;
CREATE TABLE gaps AS
SELECT who, by, gap, beyond(a.list, p.list, p.merit, by, gap) AS now, beyond(p.list[1:8], p.list, p.merit, by, gap) AS before, a.list, p.list AS pool, p.merit
FROM   generate_series(0, 20) who CROSS JOIN unnest(ARRAY['brand', 'category', 'tags']) by CROSS JOIN unnest(ARRAY[0.02, 0.1]) gap
CROSS JOIN LATERAL (SELECT array_agg(item_id ORDER BY rank) AS list FROM reco.recommend('m', who, 8, as_of => '2026-04-11', rules => jsonb_build_object('max_exposure_gap', jsonb_build_object('by', by, 'gap', gap)))) a
CROSS JOIN LATERAL (SELECT array_agg(item_id ORDER BY rank) AS list, array_agg(probability ORDER BY rank) AS merit FROM reco.recommend('m', who, 50, as_of => '2026-04-11')) p;
SELECT is_empty('SELECT who, by, gap, now, before FROM gaps WHERE now > before + 1e-9', 'groups are nowhere further from their shares than without the rule');
SELECT cmp_ok(count(*) FILTER (WHERE now < 1e-9), '>', count(*) FILTER (WHERE before < 1e-9) + 5, 'more lists are within the gap') FROM gaps;
SELECT is_empty($$SELECT who, by, i, j FROM gaps, generate_series(1, 8) i, generate_series(1, 50) j CROSS JOIN LATERAL (SELECT array_position(list, pool[j]) AS at) p
	WHERE who < 4 AND gap < 0.1 AND (at IS NULL OR at > i) AND now > beyond((SELECT array_agg(CASE WHEN n = i THEN pool[j] WHEN n = at THEN list[i] ELSE list[n] END ORDER BY n) FROM generate_series(1, 8) n), pool, merit, by, gap) + 1e-7$$,
	'no exchange of two items would bring them nearer');

-- Diversity, by the cosines that similar_items has.
CREATE FUNCTION by_mmr(who bigint, d float8, most integer) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
	chosen bigint[] := '{}';
BEGIN
	CREATE TEMP TABLE pool ON COMMIT DROP AS SELECT item_id, rank, probability / max(probability) OVER () AS relevance, 0::float8 AS nearest FROM reco.recommend('raw_p', who, 50, as_of => '2026-04-11');
	FOR i IN 1 .. most LOOP
		chosen := chosen || (SELECT item_id FROM pool WHERE item_id <> ALL (chosen) ORDER BY (1 - d) * relevance - d * nearest DESC, rank LIMIT 1);
		UPDATE pool p SET nearest = greatest(nearest, s.similarity) FROM reco.similar_items('raw_p', chosen[i], 1000) s WHERE s.similar_item_id = p.item_id;
	END LOOP;
	DROP TABLE pool;
	RETURN chosen;
END $$;
SELECT reco.create_model('raw_p', 'UTC', '{"factors": 8}'), reco.add_orders('raw_p', 'lines', 'customer_id', 'product_id', 'at', 'order_id') \g /dev/null
SELECT reco.train('raw_p') \g /dev/null
SELECT is((SELECT array_agg(item_id ORDER BY rank) FROM reco.recommend('raw_p', who, 10, as_of => '2026-04-11', rules => jsonb_build_object('diversity', d))), by_mmr(who, d, 10), format('customer %s, diversity %s: MMR by plain SQL', who, d))
FROM unnest(ARRAY[1, 7, 999]) who, unnest(ARRAY[0.2, 0.8]) d;

-- Where no probability is known, scores below 0 too are raised by a boost, and lowered by a factor below 1.
SELECT is_empty($$SELECT b.item_id FROM reco.recommend('raw', 7, 120, rules => '{"boost": [{"field": "brand", "value": 1, "factor": 5}, {"field": "brand", "value": "2", "factor": 0.2}]}') b JOIN reco.recommend('raw', 7, 120) p USING (item_id) JOIN products ON id = item_id
	WHERE b.probability IS NOT NULL OR (brand = 1 AND b.rank > p.rank) OR (brand = 2 AND b.rank < p.rank)$$, 'a boost raises, whatever the sign');
SELECT is((SELECT count(*)::integer FROM reco.recommend('raw', 7, 9, rules => '{"diversity": 0.5, "max_exposure_gap": {"by": "brand", "gap": 0.1}, "cap": {"category": 1}}')), 9, 'rules without probabilities');

-- ---- No rules ----------------------------------------------------------------------------------------------------------------------

SELECT is_empty(format($$(SELECT * FROM reco.recommend('m', 7, 30, as_of => '2026-04-11', value_weight => 0.3) EXCEPT SELECT * FROM reco.recommend('m', 7, 30, as_of => '2026-04-11', value_weight => 0.3, rules => %L))$$, r), format('%s changes nothing', coalesce(r, 'NULL')))
FROM unnest(ARRAY[NULL, '{}', '{"pin": null, "cap": null}', '{"pin": [], "boost": [], "cap": {}, "diversity": 0, "price": {}, "pause": null, "max_exposure_gap": null}', '{"cap": {"brand": null}}', '{"price": {"min": null}}', '{"boost": [{"items": [], "factor": 2}]}']) r;

-- ---- Standing rules, and all at once -------------------------------------------------------------------------------------------------

SELECT is((reco.set_rules('m', '{"cap": {"category": 1}, "pause": "20 days", "diversity": 0.1}')).rules, '{"cap": {"category": 1}, "pause": "20 days", "diversity": 0.1}'::jsonb, 'set_rules gives the model''s row');
SELECT results_eq($$SELECT * FROM reco.recommend('m', 7, 6, as_of => '2026-04-11', rules => '{"pause": null, "pin": [9]}')$$, $$SELECT * FROM reco.recommend('m', 7, 6, as_of => '2026-04-11', rules => '{"cap": {"category": 1}, "pause": null, "diversity": 0.1, "pin": [9]}')$$, 'a request''s rules take their place key by key');
SELECT isnt((SELECT array_agg(item_id) FROM reco.recommend('m', 7, 6, as_of => '2026-04-11')), (SELECT array_agg(item_id) FROM reco.recommend('m', 7, 6, as_of => '2026-04-11', rules => '{"cap": null, "pause": null, "diversity": null}')), 'null switches one off');
SELECT is((SELECT rules FROM reco.models WHERE model = 'm'), '{"cap": {"category": 1}, "pause": "20 days", "diversity": 0.1}'::jsonb, 'the owner sees them');
CREATE ROLE visitor;
SELECT reco.grant_usage('m', 'visitor') \g /dev/null
SET ROLE visitor;
SELECT results_eq('SELECT count(*)::integer, count(rules)::integer FROM reco.models WHERE model = ''m''', 'VALUES (1, 0)', 'others do not');
CREATE TEMP TABLE seen AS SELECT item_id FROM reco.recommend('m', 7, 6, as_of => '2026-04-11');
RESET ROLE;
SELECT is((SELECT max(n)::integer FROM (SELECT count(*) AS n FROM seen r JOIN labels l ON l.id = r.item_id AND field = 'category' GROUP BY l.value) x), 1, 'but they act for them');
SET ROLE visitor;
SELECT throws_ok($$SELECT reco.set_rules('m', NULL)$$, '42501', 'must be owner of model "m"', 'who is not the owner sets none');
RESET ROLE;
SELECT is_empty($$(SELECT seed, c.customer, r.* FROM trials t CROSS JOIN (SELECT DISTINCT customer_id AS customer FROM lines WHERE customer_id < 12) c CROSS JOIN LATERAL reco.recommend('m', c.customer, k, exclude_purchased => not_bought, as_of => '2026-04-11', value_weight => w, rules => t.rules) r WHERE seed <= 130
	EXCEPT SELECT seed, r.* FROM trials t CROSS JOIN LATERAL reco.recommend_all('m', k, (SELECT array_agg(DISTINCT customer_id) FROM lines WHERE customer_id < 12), not_bought, '2026-04-11', value_weight => w, rules => t.rules) r)$$, 'recommend_all has every row of recommend');
SELECT results_eq($$SELECT count(*) FROM trials t CROSS JOIN (SELECT DISTINCT customer_id AS customer FROM lines WHERE customer_id < 12) c CROSS JOIN LATERAL reco.recommend('m', c.customer, k, exclude_purchased => not_bought, as_of => '2026-04-11', value_weight => w, rules => t.rules) r WHERE seed <= 130$$,
	$$SELECT count(*) FROM trials t CROSS JOIN LATERAL reco.recommend_all('m', k, (SELECT array_agg(DISTINCT customer_id) FROM lines WHERE customer_id < 12), not_bought, '2026-04-11', value_weight => w, rules => t.rules) r WHERE seed <= 130$$, 'and no others');
SELECT set_eq($$SELECT * FROM reco.recommend_all_text('t', 5, as_of => '2026-04-11', rules => '{"pin": ["p7", {"item": "p8", "rank": 2}], "cap": {"category": 1}, "boost": [{"items": ["p3"], "factor": 9}]}')$$,
	$$SELECT c.customer, r.* FROM (SELECT DISTINCT 'c' || customer_id AS customer FROM lines WHERE customer_id IS NOT NULL) c, reco.recommend_text('t', c.customer, 5, as_of => '2026-04-11', rules => '{"pin": ["p7", {"item": "p8", "rank": 2}], "cap": {"category": 1}, "boost": [{"items": ["p3"], "factor": 9}]}') r$$, 'text keys');
SELECT is((reco.set_rules('m', NULL)).rules, NULL, 'NULL removes them');
SELECT is((SELECT count(rules)::integer FROM reco.recommend('m', 7, 60, as_of => '2026-04-11')), 0, 'and they act no more');

-- ---- Facts are those of now ------------------------------------------------------------------------------------------------------------

UPDATE products SET price = 1000 WHERE id = 33; UPDATE products SET stock = 1 WHERE id = 33;
SELECT is((SELECT array_agg(item_id) FROM reco.recommend('m', 7, as_of => '2026-04-11', rules => '{"price": {"min": 900}}')), '{33}', 'a price counts in the next statement');
CREATE TABLE offers (id bigint, price float8); INSERT INTO offers VALUES (33, 5), (34, NULL), (35, 'NaN'), (36, -3), (37, 'infinity');
SELECT reco.add_items('m', 'offers', 'id', price => 'price', name => 'offers') \g /dev/null
SELECT is((SELECT array_agg(item_id) FROM reco.recommend('m', 7, as_of => '2026-04-11', rules => '{"price": {"min": 900}}')), '{33}', 'the highest of several prices is what it costs; odd ones count nothing');
CREATE TABLE deals (id bigint, price float8); INSERT INTO deals VALUES (33, 7);
SELECT reco.add_offers('m', 'deals', 'id', 'price') \g /dev/null
SELECT is_empty($$SELECT item_id FROM reco.recommend('m', 7, as_of => '2026-04-11', rules => '{"price": {"min": 900}}')$$, 'but an offer is what it costs while it is in force');
SELECT results_eq($$SELECT item_id, price, offer FROM reco.recommend('m', 7, 60, as_of => '2026-04-11', rules => '{"price": {"min": 7, "max": 7}}') WHERE offer$$,
				  'SELECT 33::bigint, 7::float8, true', 'and brings an item into a range');
SELECT set_eq($$SELECT user_id, rank, item_id, price, offer FROM reco.recommend_all('m', 5, as_of => '2026-04-11', rules => '{"price": {"max": 20}, "cap": {"brand": 2}}')$$,
			  $$SELECT u, r.rank, r.item_id, r.price, r.offer FROM (SELECT DISTINCT user_id AS u FROM reco.recommend_all('m', 1, as_of => '2026-04-11')) c, reco.recommend('m', u, 5, as_of => '2026-04-11', rules => '{"price": {"max": 20}, "cap": {"brand": 2}}') r$$,
			  'as for everybody');
SELECT reco.remove_source('m', 'deals') \g /dev/null
SELECT reco.remove_source('m', 'offers') \g /dev/null

-- ---- Forged rules, and versions that know less ----------------------------------------------------------------------------------------

UPDATE reco.model SET rules = forged FROM (VALUES ('[1, 2]'::jsonb)) f (forged) WHERE name = 'm';
SELECT throws_ok($$SELECT * FROM reco.recommend('m', 7)$$, '22023', 'rules must be a JSON object', 'forged rules: an array');
UPDATE reco.model SET rules = '{"cap": {"category": -1}}' WHERE name = 'm';
SELECT throws_ok($$SELECT * FROM reco.recommend_all('m')$$, '22023', 'rule "cap.category" cannot be -1: it must be an integer from 1 to 1000000', 'a number out of range');
UPDATE reco.model SET rules = NULL WHERE name = 'm';
SELECT reco.create_model('bare'), reco.import_model('bare', (SELECT reco.factorize(customer_id, product_id, 1) FROM lines WHERE customer_id IS NOT NULL)) \g /dev/null
SELECT is_empty($$SELECT item_id FROM reco.recommend('bare', NULL, 120, history => '{1,2,3,4}', rules => '{"pause": "1 day"}') WHERE item_id <= 4$$, 'a version that does not know who buys again: all are paused');
SELECT throws_ok($$SELECT * FROM reco.recommend('bare', 7, rules => '{"cap": {"category": 1}}')$$, '42703', 'model "bare" has no feature "category" of items, which a rule goes by', 'a model without items has no features');
SELECT * FROM finish();
