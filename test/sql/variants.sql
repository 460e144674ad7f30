-- The model's variants in reco.evaluate and reco.replay: parts of the blend alone, all in equal shares, and without one.

SET client_min_messages = warning;
SELECT plan(32);

-- ---- A shop ----------------------------------------------------------------------------------------------------------

-- Six topics of ten items.  Items 900 to 902 were bought alone only, until somebody bought two of them at once; every
-- tenth customer after the cut was never seen before.
CREATE FUNCTION lot(a bigint, b bigint, n integer) RETURNS integer IMMUTABLE LANGUAGE sql AS $$ SELECT (abs(hashint8extended(a, b) % 1000003) % n)::integer $$;
CREATE TABLE lines (order_id bigint, customer bigint, item bigint, at timestamptz);
INSERT INTO lines
SELECT DISTINCT o, CASE WHEN o % 11 = 0 THEN NULL WHEN o > 1200 AND o % 10 = 0 THEN 100000 + o ELSE c END,
       CASE WHEN lot(o, j, 5) = 0 THEN 100 + lot(o, 10 + j, 60) ELSE 100 + (c % 6) * 10 + least(lot(o, 20 + j, 10), lot(o, 30 + j, 10)) END,
       timestamptz '2026-01-01 00:00+00' + o * interval '2 hours'
FROM   (SELECT o, lot(o, 1, 150) AS c, 2 + lot(o, 2, 5) AS n FROM generate_series(1, 1500) o) x, generate_series(1, n) j;
INSERT INTO lines SELECT 5000 + n, 5000 + n, 900 + n % 3, timestamptz '2026-01-05 00:00+00' + n * interval '1 hour' FROM generate_series(1, 30) n;
INSERT INTO lines SELECT 6000 + n / 2, NULL, 900 + n % 3, timestamptz '2026-04-25 00:00+00' + (n / 2) * interval '1 hour' FROM generate_series(0, 9) n;
CREATE INDEX ON lines (customer, at DESC);
SELECT reco.create_model('shop', 'UTC', '{"factors": 8, "iterations": 3, "holdout_orders": 0, "min_support": 100000, "half_life": 60, "history_regularization": 10, "training_clock": "2026-04-11 00:00+00"}') \g /dev/null
SELECT reco.add_orders('shop', 'lines', 'customer', 'item', 'at', 'order_id') \g /dev/null
SELECT items FROM reco.train('shop') \gset
CREATE VIEW cut AS SELECT timestamptz '2026-04-11 00:00+00' AS at;
CREATE TABLE replayed AS SELECT r.*, request || ' ' || order_id AS asked FROM reco.replay('shop', k => 1000, cut => (SELECT at FROM cut), algorithms => NULL) r;
CREATE TABLE scored AS SELECT asked, request, algorithm, item, score FROM replayed, unnest(recommended, scores) x (item, score) WHERE algorithm LIKE 'reco%';
CREATE INDEX ON scored (asked, item, algorithm);
ANALYZE scored;
-- What a request has to go on.
CREATE TABLE known AS
SELECT asked, request, CASE WHEN cardinality(basket) > 0 THEN CASE WHEN old THEN 'both' ELSE 'basket' END ELSE CASE WHEN old THEN 'history' ELSE 'nothing' END END AS kind
FROM   replayed r, LATERAL (SELECT EXISTS (SELECT FROM lines l WHERE l.customer::text = r.user_id AND l.at < r.as_of) AS old) h WHERE algorithm = 'reco';
SELECT cmp_ok((SELECT count(*) FROM known WHERE kind = k), '>', 4::bigint, 'requests that go by ' || k) FROM unnest('{basket,both,history,nothing}'::text[]) k;

-- ---- Who there is ----------------------------------------------------------------------------------------------------

SELECT is((SELECT array_agg(algorithm ORDER BY algorithm) FROM reco.algorithms() WHERE algorithm LIKE 'reco%' AND settings = 1 AND needs IS NULL AND length(description) > 40),
          '{reco_complements,reco_equal,reco_factors,reco_without_affinity,reco_without_basket,reco_without_complements,reco_without_context,reco_without_everybody,reco_without_followups,reco_without_history,reco_without_match,reco_without_popularity,reco_without_prior,reco_without_repeats,reco_without_segment,reco_without_sentiment,reco_without_trend,reco_without_viewed}', 'reco.algorithms has them');
SELECT set_eq('SELECT DISTINCT request, algorithm FROM replayed WHERE algorithm LIKE ''reco\_%''',
	$$SELECT request, 'reco_' || v FROM unnest('{completion,next basket}'::text[]) request, unnest('{complements,factors,equal,without_repeats}'::text[]) v
	  UNION SELECT 'completion', unnest('{reco_without_basket,reco_without_complements}'::text[]) UNION SELECT 'next basket', 'reco_without_history'$$,
	'without a component where it has a weight');
SELECT is((SELECT count(*) FROM replayed WHERE algorithm LIKE 'reco%' AND cardinality(recommended) <> :items - cardinality(basket)), 0::bigint, 'everybody scores all items');
SELECT is((SELECT count(*) FROM replayed WHERE algorithm LIKE 'reco\_%' AND probabilities IS NOT NULL), 0::bigint, 'probabilities are of the model as it is');
SELECT is((SELECT md5(string_agg(scores::text || recommended::text, '' ORDER BY asked)) FROM (SELECT scores, recommended, request || ' ' || order_id AS asked FROM reco.replay('shop', k => 1000, cut => (SELECT at FROM cut))) x),
          (SELECT md5(string_agg(scores::text || recommended::text, '' ORDER BY asked)) FROM replayed WHERE algorithm = 'reco'), 'whose answers are the same with and without variants');
SELECT is((SELECT count(*) FROM replayed r, LATERAL (SELECT array_agg(item_id::text ORDER BY rank) AS items, array_agg(score ORDER BY rank) AS scores
                  FROM reco.recommend('shop', r.user_id::bigint, 1000, r.basket::bigint[], as_of => r.as_of)) l
           WHERE algorithm = 'reco' AND (l.items, l.scores) IS DISTINCT FROM (r.recommended, r.scores)), 0::bigint, 'and those of recommend, bit by bit');

-- ---- Parts alone -----------------------------------------------------------------------------------------------------

SELECT is((SELECT count(*) FROM (SELECT DISTINCT asked, basket FROM replayed WHERE request = 'completion') r, LATERAL (
                  SELECT FROM (SELECT item_id::text AS item, score FROM reco.complements('shop', r.basket::bigint[], 1000)) c FULL JOIN (SELECT item, score FROM scored s WHERE s.asked = r.asked AND algorithm = 'reco_complements') s USING (item)
                  WHERE s.score IS NULL OR abs(coalesce(c.score, 0) - s.score) > 1e-6) wrong WHERE NOT r.basket[1]::int >= 900), 0::bigint, 'reco_complements: the scores of reco.complements');
-- A score is a sum, so that what is missing without a component is its part.
CREATE TABLE parts AS
SELECT k.kind, s.asked, s.item, s.score, o.algorithm, s.score - o.score AS part
FROM   scored s JOIN scored o USING (asked, item) JOIN known k USING (asked) WHERE s.algorithm = 'reco' AND o.algorithm LIKE 'reco\_without%' AND kind <> 'nothing' AND item::int < 900 AND NOT asked ~ ' 60..$';
SELECT is((SELECT count(*) FROM (SELECT asked, item FROM parts GROUP BY asked, item, score HAVING abs(sum(part) - score) > 1e-5) x), 0::bigint, 'what components bring adds up to the score');
CREATE FUNCTION proportional(of text, alone text, kinds text[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT ok(count(*) > 200 AND sum(part * s.score) > 0 AND sum(part * s.score) ^ 2 / (sum(part * part) * sum(s.score * s.score)) > 1 - 1e-8, format('%s is what %s lacks, by %s', alone, of, k))
	FROM   unnest(kinds) k JOIN parts p ON p.kind = k AND p.algorithm = of JOIN scored s ON s.asked = p.asked AND s.item = p.item AND s.algorithm = alone GROUP BY k ORDER BY k $$;
SELECT proportional('reco_without_complements', 'reco_complements', '{basket,both}');
SELECT proportional('reco_without_basket', 'reco_factors', '{basket}');
SELECT proportional('reco_without_history', 'reco_factors', '{history}');
-- The same order asked both ways tells the history's vector, which beside the basket's counts a fifth: least squares.
SELECT is((SELECT ((sum(y * b) * sum(a * a) - sum(y * a) * sum(a * b)) / (sum(a * a) * sum(b * b) - sum(a * b) ^ 2))::numeric(9, 4)
           FROM (SELECT f.score AS y, p.part AS a, h.score AS b FROM parts p JOIN scored f ON f.asked = p.asked AND f.item = p.item AND f.algorithm = 'reco_factors'
                 JOIN scored h ON h.asked = replace(p.asked, 'completion', 'next basket') AND h.item = p.item AND h.algorithm = 'reco_factors' WHERE kind = 'both' AND p.algorithm = 'reco_without_basket') x), 0.2, 'beside a basket reco_factors has 0.2 of the history');
-- What the customer had bought before is what counts without a basket.
SELECT is((SELECT count(*) FROM replayed r JOIN known USING (asked, request), LATERAL (SELECT s.item, s.score - o.score AS part FROM scored s JOIN scored o USING (asked, item) WHERE s.asked = r.asked AND s.algorithm = 'reco' AND o.algorithm = 'reco_without_repeats') p
           WHERE r.algorithm = 'reco' AND kind = 'history' AND (part > 1e-6) <> EXISTS (SELECT FROM lines l WHERE l.customer::text = r.user_id AND l.item::text = p.item AND l.at < r.as_of)), 0::bigint, 'reco_without_repeats lacks what was bought before');

-- ---- Equal shares ----------------------------------------------------------------------------------------------------

-- Where there is no basket all items are scored, and z-scores can be made of the parts, whatever their weights.
CREATE TABLE z AS
SELECT asked, item, sum(part / nullif(deviation, 0)) AS z
FROM   (SELECT asked, item, part, stddev_pop(part) OVER (PARTITION BY asked, algorithm) AS deviation
        FROM   (SELECT k.asked, s.item, o.algorithm, CASE WHEN o.algorithm LIKE 'reco\_without%' THEN s.score - o.score ELSE o.score END AS part
                FROM   known k JOIN scored s USING (asked) JOIN scored o USING (asked, item)
                WHERE  kind = 'history' AND s.algorithm = 'reco' AND o.algorithm IN ('reco_complements', 'reco_factors', 'reco_without_repeats')) x) y
GROUP  BY asked, item;
-- The trend has no weight in this model, but an equal share.
CREATE TABLE trend AS
SELECT item, sqrt(orders) / stddev_pop(sqrt(orders)) OVER () AS z
FROM   (SELECT item::text, sum(0.5 ^ (extract(epoch FROM clock - at) / 86400 / 14)) / max(sum(0.5 ^ (extract(epoch FROM clock - at) / 86400 / 14))) OVER () AS orders
        FROM lines, (SELECT max(l.at) AS clock FROM lines l, cut WHERE l.at < cut.at) c WHERE at <= clock GROUP BY item) o;
SELECT is((SELECT count(*) FROM z), (SELECT count(*) * :items FROM known WHERE kind = 'history'), 'all items of all next baskets');
SELECT is((SELECT count(*) FROM z JOIN scored s USING (asked, item) JOIN trend t USING (item) WHERE s.algorithm = 'reco_equal' AND NOT abs(s.score - z.z - t.z) < 1e-3), 0::bigint, 'reco_equal: the sum of the parts in units of their deviation');

-- ---- Where nothing is left -------------------------------------------------------------------------------------------

CREATE FUNCTION popular() RETURNS text[] LANGUAGE sql AS $$ SELECT array_agg(DISTINCT recommended::text) FROM replayed JOIN known USING (asked, request) WHERE algorithm = 'reco' AND kind = 'nothing' $$;
SELECT is(cardinality(popular()), 1, 'where nothing is known, everybody gets what is popular');
SELECT is((SELECT array_agg(DISTINCT recommended::text) FROM replayed JOIN known USING (asked, request) WHERE algorithm LIKE 'reco\_%' AND kind = 'nothing'), popular(), 'by every variant');
SELECT is((SELECT count(*) FROM replayed WHERE algorithm = 'reco_complements' AND request = 'completion' AND order_id LIKE '60__' AND recommended = array_remove((popular())[1]::text[], basket[1])), 5::bigint,
          'also where a basket has no complements, and nothing else counts');
SELECT is((SELECT count(*) FROM replayed WHERE algorithm = 'reco' AND request = 'completion' AND order_id LIKE '60__' AND recommended = array_remove((popular())[1]::text[], basket[1])), 0::bigint, 'which the model''s factors know');

-- ---- The gain of the blend -------------------------------------------------------------------------------------------

CREATE TABLE evaluated AS SELECT * FROM reco.evaluate('shop', cut => (SELECT at FROM cut));
SELECT set_eq('SELECT request, metric FROM evaluated WHERE algorithm = ''blend''', 'SELECT request, metric FROM unnest(''{completion,next basket}''::text[]) request, unnest(''{recall_lead,ndcg_lead}''::text[]) metric', 'the lead of the blend in both metrics');
SELECT is((SELECT count(*) FROM evaluated b WHERE algorithm = 'blend' AND ci_low <= value AND value <= ci_high AND k = 10 AND n = (SELECT count(*) FROM replayed r WHERE algorithm = 'reco' AND r.request = b.request)
           AND abs(value - ((SELECT value FROM evaluated e WHERE e.request = b.request AND metric || '_lead' = b.metric AND algorithm = 'reco')
                            - (SELECT max(value) FROM evaluated e WHERE e.request = b.request AND metric || '_lead' = b.metric AND algorithm IN ('reco_complements', 'reco_factors', 'repeats')))) < 1e-12), 4::bigint,
          'over the best of complements, factors and repeats');
SELECT is((SELECT count(*) FROM evaluated b WHERE algorithm = 'blend'
           AND remark !~ format(CASE WHEN ci_low > 0 THEN '^better than any component alone that was asked, of which %s is the best \(%s\)$' WHEN ci_high < 0 THEN '^%s alone is better \(%s\)$' ELSE '^whether it is better or worse than %s alone may be chance \(%s\)$' END,
                                '(reco_complements|reco_factors|repeats)', replace(metric, '_lead', '') || '@10 0\.[0-9]{3} against 0\.[0-9]{3}')), 0::bigint, 'in words');
SELECT is((SELECT count(*) FROM evaluated WHERE algorithm LIKE 'reco\_%' AND metric = 'seconds'), 0::bigint, 'variants are not trained');
SELECT is((SELECT array_agg(DISTINCT remark) FROM reco.evaluate('shop', cut => (SELECT at FROM cut), algorithms => '{reco_equal,reco_without_basket}') WHERE algorithm IN ('verdict', 'blend')),
          '{"no other algorithm was asked: nothing to compare the model with"}', 'variants are no rivals, and not every one is a component');
SELECT is((SELECT array_agg(DISTINCT substring(remark, '(reco_[a-z]+|repeats)')) FROM reco.evaluate('shop', cut => (SELECT at FROM cut), algorithms => '{repeats}') WHERE algorithm = 'blend'), '{repeats}', 'the best of those that were asked');
SELECT is((SELECT count(*) FILTER (WHERE remark ~ '^cannot tell: later orders are of ([2-9] customers|one customer) only$') FROM reco.evaluate('shop', cut => (SELECT at FROM cut), orders => 9, algorithms => '{reco_factors}') WHERE algorithm = 'blend'), 4::bigint,
          'of few customers nothing is said');

-- ---- A model without complements -------------------------------------------------------------------------------------

SELECT reco.alter_model('shop', '{"complements": "none"}') \g /dev/null
SELECT is((SELECT array_agg(DISTINCT algorithm ORDER BY algorithm) FROM reco.replay('shop', cut => (SELECT at FROM cut), algorithms => '{reco_complements,reco_factors,reco_without_complements,reco_without_followups}')), '{reco,reco_factors}', 'without complements nobody goes by them');

SELECT * FROM finish();
