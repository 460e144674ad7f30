-- The metrics: against an implementation in SQL, by hand, their bounds, in parallel plans and windows; and what they refuse.

SET client_min_messages = warning;
SELECT plan(315);

-- A statement's SQLSTATE, message and hint.
CREATE FUNCTION complaint(statement text, OUT state text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS OR query_canceled THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;
CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	result text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		result := result || line || E'\n';
	END LOOP;
	RETURN result;
END $$;
CREATE FUNCTION is_near(a double precision, b double precision, what text) RETURNS text LANGUAGE sql AS $$
	SELECT ok(abs(a - b) <= 1e-12 * greatest(abs(b), 1), format('%s: %s', what, a))
$$;
CREATE FUNCTION value_of(query text) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
	result double precision;
BEGIN
	EXECUTE query INTO result;
	RETURN result;
END $$;

-- ---- The definitions, in SQL -----------------------------------------------------------------------------------------

CREATE TYPE scores AS (p float8, r float8, h float8, ap float8, rr float8, ndcg float8);
CREATE FUNCTION scores_of(recommended anyarray, relevant anyarray, k integer) RETURNS scores LANGUAGE sql AS $$
	WITH wanted AS (SELECT DISTINCT item FROM unnest(relevant) item),
	     firsts AS (SELECT item, min(rank) AS rank FROM unnest(recommended) WITH ORDINALITY l (item, rank) GROUP BY item),
	     hits AS (SELECT rank, row_number() OVER (ORDER BY rank) AS nth FROM firsts JOIN wanted USING (item) WHERE rank <= k),
	     best AS (SELECT least(k, count(*)) AS n FROM wanted)
	SELECT (SELECT count(*) FROM hits)::float8 / k, (SELECT count(*) FROM hits)::float8 / n, (SELECT (count(*) > 0)::integer FROM hits),
	       coalesce((SELECT sum(nth::float8 / rank) FROM hits), 0) / n, coalesce((SELECT 1 / min(rank)::float8 FROM hits), 0),
	       coalesce((SELECT sum(ln(2::float8) / ln(1 + rank::float8)) FROM hits), 0) / (SELECT sum(ln(2::float8) / ln(1 + g::float8)) FROM generate_series(1, n) g)
	FROM   best
$$;

-- Random requests: lists with repetitions and of every length, some NULL, some empty.
SELECT setseed(0.25) \g /dev/null
CREATE TABLE requests AS
SELECT n, CASE WHEN n % 41 = 0 THEN NULL WHEN n % 37 = 0 THEN '{}' ELSE (SELECT array_agg(1 + floor(random() * 25 + g * 0)::bigint) FROM generate_series(1, 1 + n % 23) g) END AS recommended,
       CASE WHEN n % 43 = 0 THEN NULL WHEN n % 31 = 0 THEN '{}' ELSE (SELECT array_agg(1 + floor(random() * 25 + g * 0)::bigint) FROM generate_series(1, 1 + n % 7) g) END AS relevant,
       1 + floor(random() * 20)::integer AS k
FROM   generate_series(1, 600) n;
CREATE TABLE lists AS
SELECT n, recommended, relevant, 'item ' || n AS label, k, ARRAY(SELECT 'item ' || i FROM unnest(recommended) WITH ORDINALITY u (i, o) ORDER BY o) AS recommended_text,
       ARRAY(SELECT 'item ' || i FROM unnest(relevant) WITH ORDINALITY u (i, o) ORDER BY o) AS relevant_text
FROM   requests WHERE recommended IS NOT NULL AND relevant <> '{}';
ANALYZE requests, lists;
SELECT ok(count(*) > 500 AND count(*) < 600, 'random lists') FROM lists;

CREATE FUNCTION all_metrics(recommended text, relevant text, k text) RETURNS text LANGUAGE sql AS $$
	SELECT format('ROW(%s)::scores', string_agg(format('reco.%s(%s, %s, %s)', m, recommended, relevant, k), ', ' ORDER BY o))
	FROM   unnest(ARRAY['precision_at_k', 'recall_at_k', 'hit_rate_at_k', 'map_at_k', 'mrr_at_k', 'ndcg_at_k']) WITH ORDINALITY x (m, o)
$$;
CREATE FUNCTION are_near(a scores, b scores) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(greatest(abs(a.p - b.p), abs(a.r - b.r), abs(a.h - b.h), abs(a.ap - b.ap), abs(a.rr - b.rr), abs(a.ndcg - b.ndcg)) < 1e-12
	                AND num_nulls(a.p, a.r, a.h, a.ap, a.rr, a.ndcg) = 0, false)
$$;
SELECT is_empty(format('SELECT n, %s, (scores_of(%s, %s, k)).* FROM lists GROUP BY n, %2$s, %3$s, k HAVING NOT are_near(%1$s, scores_of(%2$s, %3$s, k))',
                       all_metrics(a, b, 'k'), a, b), 'each list by itself: ' || a)
FROM   (VALUES ('recommended', 'relevant'), ('recommended_text', 'relevant_text'), ('recommended::numeric[]', 'relevant::numeric[]'), ('recommended::money[]', 'relevant::money[]'),
               ('recommended::float8[]', 'relevant::float8[]'), ('recommended_text::varchar[]', 'relevant_text::varchar[]'), ('recommended_text::name[]', 'relevant_text::name[]')) x (a, b);
SELECT ok(are_near(reco, expected), 'the mean over rows, k = ' || top)
FROM   unnest(ARRAY[1, 2, 3, 5, 10, 23, 24, 1000, 1000000]) top
CROSS  JOIN LATERAL (SELECT ROW(reco.precision_at_k(recommended, relevant, top), reco.recall_at_k(recommended, relevant, top), reco.hit_rate_at_k(recommended, relevant, top),
                                reco.map_at_k(recommended, relevant, top), reco.mrr_at_k(recommended, relevant, top), reco.ndcg_at_k(recommended, relevant, top))::scores AS reco FROM requests) r
CROSS  JOIN LATERAL (SELECT ROW(avg(s.p), avg(s.r), avg(s.h), avg(s.ap), avg(s.rr), avg(s.ndcg))::scores AS expected FROM lists, scores_of(recommended, relevant, top) s) e;
SELECT is((SELECT count(DISTINCT aggtransfn) FROM pg_aggregate WHERE aggfnoid::text ~ '^reco\.(precision|recall|hit_rate|map|mrr|ndcg)_at_k$'), 1::bigint, 'the metrics of lists share one pass');

-- By hand.
CREATE FUNCTION list_is(recommended anyarray, relevant anyarray, k integer, expected scores, what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	got scores;
BEGIN
	EXECUTE 'SELECT (' || all_metrics('$1', '$2', '$3') || ').*' INTO got USING recommended, relevant, k;
	RETURN ok(are_near(got, expected), what || ': ' || got);
END $$;
SELECT list_is(ARRAY[7, 5, 3, 9], ARRAY[9, 7], 4, ROW(0.5, 1, 1, 0.75, 1, (1 + 1 / (ln(5) / ln(2))) / (1 + 1 / (ln(3) / ln(2)))), 'hits at 1 and 4 of 4');
SELECT list_is(ARRAY[7, 5, 3, 9], ARRAY[9, 7], 3, ROW(1 / 3.0, 0.5, 1, 0.5, 1, 1 / (1 + 1 / (ln(3) / ln(2)))), 'k cuts the second off');
SELECT list_is(ARRAY['b', 'a'], ARRAY['a', 'c', 'd'], 2, ROW(0.5, 0.5, 1, 0.25, 0.5, 1 / (ln(3) / ln(2)) / (1 + 1 / (ln(3) / ln(2)))), 'more relevant than k');
SELECT list_is(ARRAY[1, 1, 2], ARRAY[1, 2], 3, ROW(2 / 3.0, 1, 1, (1 + 2 / 3.0) / 2, 1, 1.5 / (1 + 1 / (ln(3) / ln(2)))), 'a repetition is no hit and takes a rank');
SELECT list_is(ARRAY[1, 2], ARRAY[1, 1, 1], 2, ROW(0.5, 1, 1, 1, 1, 1), 'relevant is a set');
SELECT list_is('{}'::integer[], ARRAY[1], 5, ROW(0, 0, 0, 0, 0, 0), 'an empty list');
SELECT list_is(ARRAY[1, 2, 3], ARRAY[4], 5, ROW(0, 0, 0, 0, 0, 0), 'no hit');
SELECT list_is(ARRAY[3, 1, 2], ARRAY[1, 2, 3, 4, 5], 3, ROW(1, 1, 1, 1, 1, 1), 'hits all along');
SELECT list_is(ARRAY[3], ARRAY[3], 1000000, ROW(1e-6, 1, 1, 1, 1, 1), 'the largest k');
SELECT list_is('[5:6]={1,2}'::integer[], '[-3:-3]={2}'::integer[], 2, ROW(0.5, 1, 1, 0.5, 0.5, 1 / (ln(3) / ln(2))), 'whatever the bounds of an array');
CREATE DOMAIN sku AS text;
CREATE TYPE size AS ENUM ('s', 'm', 'l');
CREATE TYPE pair AS (a integer, b text);
SELECT list_is('{x,y}'::sku[], '{y}'::sku[], 2, ROW(0.5, 1, 1, 0.5, 0.5, 1 / (ln(3) / ln(2))), 'items of a domain');
SELECT list_is('{s,l}'::size[], '{l}'::size[], 2, ROW(0.5, 1, 1, 0.5, 0.5, 1 / (ln(3) / ln(2))), 'of an enum');
SELECT list_is(ARRAY[(1, 'x'), (2, NULL)]::pair[], ARRAY[(2, NULL)]::pair[], 2, ROW(0.5, 1, 1, 0.5, 0.5, 1 / (ln(3) / ln(2))), 'of a row type');
SELECT list_is('{101,110}'::varbit[], '{110}'::varbit[], 2, ROW(0.5, 1, 1, 0.5, 0.5, 1 / (ln(3) / ln(2))), 'of a type without a hash function');
SELECT list_is('{1.0,2.00}'::numeric[], '{2}'::numeric[], 2, ROW(0.5, 1, 1, 0.5, 0.5, 1 / (ln(3) / ln(2))), 'equal, not the same bytes');
SELECT list_is('{0,-0}'::float8[], '{-0}'::float8[], 2, ROW(0.5, 1, 1, 1, 1, 1), '0 and -0');
SELECT list_is('{00000000-0000-0000-0000-000000000001}'::uuid[], '{00000000-0000-0000-0000-000000000001}'::uuid[], 1, ROW(1, 1, 1, 1, 1, 1), 'uuids');
SELECT list_is(array_agg(repeat('x', 3000) || n), array_agg(repeat('x', 3000) || n), 3, ROW(1, 1, 1, 1, 1, 1), 'long items') FROM generate_series(1, 50) n;
SELECT list_is(a, b, 1000000, ROW(0.5, 1, 1, (SELECT avg(n / (n * 2.0 - 1)) FROM generate_series(1, 500000) n),
                                  1, (SELECT sum(1 / (ln(2 * n::float8) / ln(2))) FROM generate_series(1, 500000) n) / (SELECT sum(1 / (ln(n + 1::float8) / ln(2))) FROM generate_series(1, 500000) n)), 'a million items')
FROM   (SELECT array_agg(n) AS a, array_agg(n) FILTER (WHERE n % 2 = 1) AS b FROM generate_series(1, 1000000) n) x;

-- Which rows count.
SELECT is(reco.ndcg_at_k(a, b, 5), NULL, what)
FROM   (VALUES (NULL::integer[], '{1}'::integer[], 'a NULL list'), ('{1}', NULL, 'nothing known to be relevant'), ('{1}', '{}', 'nothing relevant'), (NULL, NULL, 'nothing at all')) x (a, b, what)
GROUP  BY what;
SELECT is(reco.precision_at_k(a, b, 1), 0.5::float8, 'a mean is over the rows that count') FROM (VALUES ('{1}'::integer[], '{1}'::integer[]), ('{}', '{1}'), (NULL, '{1}'), ('{1}', NULL), ('{1}', '{}')) x (a, b);
SELECT is(reco.map_at_k(recommended, relevant, 3), NULL, 'no rows, no metric') FROM lists WHERE false;

SELECT is(reco.precision_at_k(ARRAY[1], ARRAY[1], 10), 0.1::float8, 'a mean of many rows is as exact as of one') FROM generate_series(1, 300000);

-- Bounds, and moving a hit up.
SELECT is_empty($$SELECT n FROM (SELECT n, recommended, relevant FROM lists) l, unnest(ARRAY[1, 3, 30]) k GROUP BY n, k, recommended, relevant
	HAVING NOT (0 <= ALL (ARRAY[reco.precision_at_k(recommended, relevant, k), reco.recall_at_k(recommended, relevant, k), reco.map_at_k(recommended, relevant, k), reco.ndcg_at_k(recommended, relevant, k)])
	        AND 1 >= ALL (ARRAY[reco.precision_at_k(recommended, relevant, k), reco.recall_at_k(recommended, relevant, k), reco.map_at_k(recommended, relevant, k), reco.ndcg_at_k(recommended, relevant, k)]))$$, 'from 0 to 1');
CREATE TABLE moved AS
SELECT n, relevant, k, recommended AS before, recommended[1:at - 2] || recommended[at] || recommended[at - 1] || recommended[at + 1:] AS after
FROM   (SELECT *, 2 + n % (cardinality(recommended) - 1) AS at FROM lists WHERE cardinality(recommended) > 2) x
WHERE  recommended[at] = ANY (relevant) AND NOT recommended[at] = ANY (recommended[1:at - 1]) AND NOT recommended[at - 1] = ANY (relevant);
SELECT ok(count(*) > 10, 'lists with a hit to move') FROM moved;
SELECT is_empty($$SELECT n FROM moved GROUP BY n, k HAVING reco.map_at_k(after, relevant, k) < reco.map_at_k(before, relevant, k) OR reco.mrr_at_k(after, relevant, k) < reco.mrr_at_k(before, relevant, k)
	OR reco.ndcg_at_k(after, relevant, k) < reco.ndcg_at_k(before, relevant, k) OR reco.recall_at_k(after, relevant, k) < reco.recall_at_k(before, relevant, k)$$, 'a hit that moves up lowers nothing');
SELECT cmp_ok(reco.ndcg_at_k(after, relevant, 30), '>', reco.ndcg_at_k(before, relevant, 30), 'and raises nDCG') FROM moved;

-- Equality under a collation.
SELECT reco.hit_rate_at_k(ARRAY['A'] COLLATE "C", ARRAY['a'], 1) AS strict \gset
SELECT is(:strict, 0, 'letters of another case are another item');
SELECT EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i') AS has_icu \gset
\if :has_icu
	CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
	SELECT is(reco.hit_rate_at_k(ARRAY['A'] COLLATE any_case, ARRAY['a'], 1), 1::float8, 'unless the collation says so');
	SELECT is(reco.catalogue_coverage(ARRAY['A', 'a', 'b'] COLLATE any_case, 3, 4), 0.5::float8, 'also of a catalogue');
\else
	SELECT skip('no ICU', 2);
\endif
CREATE TABLE collated (a text[] COLLATE "C", b text[] COLLATE "POSIX");
INSERT INTO collated VALUES ('{x}', '{x}');
SELECT throws_ok('SELECT reco.hit_rate_at_k(a, b, 1) FROM collated', '42P22', NULL, 'two collations');

-- Lists of another type in each row.
CREATE TABLE typed AS SELECT n % 3 AS i, (n % 3)::bigint AS j FROM generate_series(1, 300) n;
ANALYZE typed;
SELECT is(reco.catalogue_coverage(most_common_vals, 2, 5), 0.4::float8, 'lists of pg_stats: ' || attname) FROM pg_stats WHERE tablename = 'typed' GROUP BY attname;

-- ---- Errors of predictions, probabilities ----------------------------------------------------------------------------

CREATE TABLE predictions AS SELECT n, round((random() * 5)::numeric, 1)::float8 AS predicted, random() * 5 AS actual, CASE WHEN n % 50 = 0 THEN NULL ELSE round(random()::numeric, 2)::float8 END AS p, random() < 0.3 AS y
FROM   generate_series(1, 700) n;
SELECT is_near(reco.mse(predicted, actual), avg((predicted - actual) ^ 2), 'mse') FROM predictions;
SELECT is_near(reco.rmse(predicted, actual), sqrt(avg((predicted - actual) ^ 2)), 'rmse') FROM predictions;
SELECT is_near(reco.rmse(3, 1), 2, 'rmse of one');
SELECT is_near(reco.log_loss(p, y), avg(-ln(CASE WHEN y THEN greatest(p, 1e-15) ELSE greatest(1 - p, 1e-15) END)), 'log loss') FROM predictions WHERE p IS NOT NULL;
SELECT is_near(reco.brier(p, y), avg((p - y::integer) ^ 2), 'brier') FROM predictions;
SELECT ok(reco.log_loss(0, true) BETWEEN 34.5 AND 34.6 AND reco.log_loss(1, false) BETWEEN 34.5 AND 34.6 AND reco.log_loss(1, true) BETWEEN 0 AND 1e-14, 'what was certain, and false, costs 34.5');
SELECT is_near(value_of(format('SELECT reco.calibration_error(p, y%s) FROM predictions', CASE WHEN bins <> 10 THEN ', ' || bins END)),
               value_of(format('SELECT sum(distance) / sum(n) FROM (SELECT abs(sum(p) - count(*) FILTER (WHERE y)) AS distance, count(*) AS n FROM predictions WHERE p IS NOT NULL GROUP BY least(floor(p * %s), %1$s - 1)) b', bins)),
               'calibration error, bins: ' || bins)
FROM   unnest(ARRAY[1, 2, 7, 10, 100, 1000]) bins;
SELECT is((SELECT reco.calibration_error(p, y, 10) FROM predictions), (SELECT reco.calibration_error(p, y) FROM predictions), '10 is the default');
SELECT is_near(reco.calibration_error(p, y), 0.1, 'by hand: (0 + 0.2 + 0.15 + 0.05) / 4') FROM (VALUES (0.0, false), (0.2, false), (0.85, true), (0.95, true)) x (p, y);
SELECT is(reco.calibration_error(1, true), 0::float8, 'probability 1 has a bin');

SELECT is_near(reco.auc(predicted, y), (SELECT avg(CASE WHEN a.predicted > b.predicted THEN 1 WHEN a.predicted = b.predicted THEN 0.5 ELSE 0 END) FROM predictions a, predictions b WHERE a.y AND NOT b.y), 'auc') FROM predictions;
SELECT is(reco.auc(n, n > 200), 1::float8, 'the best order') FROM predictions;
SELECT is(reco.auc(-n, n > 200), 0::float8, 'the worst') FROM predictions;
SELECT is(reco.auc(1, y), 0.5::float8, 'no order') FROM predictions;
SELECT is(reco.auc(s, y), NULL, what) FROM (VALUES (1, true, 'no negative'), (1, false, 'no positive'), (NULL, true, 'no score'), (1, NULL, 'not known')) x (s, y, what) GROUP BY what;
SELECT is(reco.auc(s, y), 1::float8, 'rows with NULL do not count') FROM (VALUES (1, true), (0, false), (NULL, false), (NULL, true), (5, NULL)) x (s, y);
SELECT ok(abs(reco.auc(hashint8extended(n, 1) / 1e18, n % 3 = 0) - 0.5) < 0.005, 'many random scores') FROM generate_series(1, 300000) n;

-- ---- Items -----------------------------------------------------------------------------------------------------------

CREATE FUNCTION coverage_of(first integer, items bigint) RETURNS float8 LANGUAGE sql AS $$
	SELECT count(DISTINCT i)::float8 / items FROM requests, unnest(recommended) WITH ORDINALITY l (i, rank) WHERE rank <= first
$$;
CREATE FUNCTION gini_of(first integer, items bigint) RETURNS float8 LANGUAGE sql AS $$
	WITH shown AS (SELECT g, (SELECT count(DISTINCT n) FROM requests, unnest(recommended) WITH ORDINALITY l (i, rank) WHERE rank <= first AND i = g) AS n FROM generate_series(1, items) g)
	SELECT sum(abs(a.n - b.n)) / (2.0 * items * (SELECT sum(n) FROM shown)) FROM shown a, shown b
$$;
SELECT unnest(ARRAY[is_near(reco.catalogue_coverage(recommended, first, items), coverage_of(first, items), format('coverage@%s of %s', first, items)),
       is_near(reco.exposure_gini(recommended, first, items), gini_of(first, items), format('gini@%s of %s', first, items))])
FROM   requests, unnest(ARRAY[1, 3, 1000000]) first, unnest(ARRAY[25, 40]) items GROUP BY first, items;
SELECT is((SELECT ARRAY[reco.catalogue_coverage(recommended::text[], 3, 25), reco.exposure_gini(recommended::text[], 3, 25)] FROM requests),
          (SELECT ARRAY[reco.catalogue_coverage(recommended, 3, 25), reco.exposure_gini(recommended, 3, 25)] FROM requests), 'the same of texts');
SELECT is((SELECT ARRAY[reco.catalogue_coverage(recommended::money[], 3, 25), reco.exposure_gini(recommended::money[], 3, 25)] FROM requests),
          (SELECT ARRAY[reco.catalogue_coverage(recommended, 3, 25), reco.exposure_gini(recommended, 3, 25)] FROM requests), 'and of a type without a hash function');
SELECT unnest(ARRAY[is(reco.exposure_gini(l, 5, 4), g, what), is(reco.catalogue_coverage(l, 5, 4), c, what)])
FROM   (VALUES (ARRAY[1, 2, 3, 4], 0::float8, 1::float8, 'all equally'), (ARRAY[1, 1, 1], 0.75, 0.25, 'always one'), ('{}', 0, 0, 'nothing shown'), (NULL, NULL, NULL, 'no list')) x (l, g, c, what)
GROUP  BY g, c, what;
SELECT is(reco.exposure_gini(ARRAY[n % 3 + 1], 1, 3), 0::float8, 'equally often, many times') FROM generate_series(1, 999) n;
SELECT is(reco.exposure_gini(ARRAY[1], 1, 9223372036854775807), 1::float8, 'one of very many');
SELECT is(reco.catalogue_coverage(ARRAY['item ' || n, 'item ' || n / 2], 2, 200000), 0.500005::float8, 'many items') FROM generate_series(0, 100000) n;

SELECT is_near(reco.novelty(n % 20, 20 + n), avg(-ln((n % 20 + 1.0::float8) / (21 + n)) / ln(2::float8)), 'novelty') FROM predictions;
SELECT is(reco.novelty(a, n), e, what)
FROM   (VALUES (0, 1023, 10::float8, 'in no order'), (1023, 1023, 0, 'in all'), (0, 0, 0, 'no orders'), (9223372036854775807, 9223372036854775807, 0, 'the largest numbers'), (NULL, 5, NULL, 'NULL'), (5, NULL, NULL, 'of NULL')) x (a, n, e, what)
GROUP  BY e, what;
SELECT is_near(reco.intra_list_diversity(p), avg(1 - p), 'diversity') FROM predictions;
SELECT is(reco.intra_list_diversity(s), 0.5::float8, 'the bounds of similarity') FROM (VALUES (0), (1), (NULL)) x (s);

-- ---- Value -----------------------------------------------------------------------------------------------------------

CREATE TABLE valued AS SELECT n, recommended, relevant, k, (SELECT array_agg(round((i * 7 % 11 + o * n % 5)::numeric, 1)::float8 ORDER BY o) FROM unnest(relevant) WITH ORDINALITY u (i, o)) AS worth, n % 17 AS visible FROM lists;
SELECT unnest(ARRAY[is_near(reco.value_recovered_at_k(recommended, relevant, worth, visible, k),
               sum((SELECT coalesce(sum(w), 0) FROM unnest(relevant, worth) u (i, w) WHERE i = ANY (recommended[1:k]))) / sum(visible), 'value recovered'),
       is_near(reco.margin_recovered_at_k(recommended, relevant, ARRAY(SELECT 3 - w FROM unnest(worth) WITH ORDINALITY u (w, o) ORDER BY o), visible, k),
               sum((SELECT coalesce(sum(3 - w), 0) FROM unnest(relevant, worth) u (i, w) WHERE i = ANY (recommended[1:k]))) / sum(visible), 'margin recovered')])
FROM   valued;
SELECT is(reco.value_recovered_at_k(ARRAY[1, 2, 1], ARRAY[2, 9, 2], ARRAY[3, 100, 4], 14, 3), 0.5::float8, 'by hand: the values of a repeated item add up, and are found once');
SELECT is(reco.margin_recovered_at_k(ARRAY[1], ARRAY[1], ARRAY[-3], 6, 1), -0.5::float8, 'a loss');
SELECT is(reco.value_recovered_at_k(a, b, w, v, 1), e, what)
FROM   (VALUES ('{1}'::integer[], '{1}'::integer[], '{5}'::float8[], 0::float8, NULL::float8, 'nothing visible'), (NULL, '{1}', '{5}', 5, NULL, 'no list'), ('{1}', NULL, '{5}', 5, NULL, 'no relevant'), ('{1}', '{}', '{}', 5, NULL, 'none relevant'),
               ('{1}', '{1}', NULL, 5, NULL, 'no values'), ('{1}', '{1}', '{5}', NULL, NULL, 'visible not known'), ('{}', '{1}', '{5}', 5, 0, 'nothing found')) x (a, b, w, v, e, what)
GROUP  BY e, what;
SELECT is(reco.value_recovered_at_k(a, b, w, v, 1), 0.25::float8, 'rows that do not count add to neither sum')
FROM   (VALUES ('{1}'::integer[], '{1}'::integer[], '{5}'::float8[], 20::float8), ('{1}', '{}', '{}', 100), (NULL, '{1}', '{5}', 100), ('{1}', '{1}', NULL, 100), ('{1}', '{1}', '{100}', NULL)) x (a, b, w, v);

-- ---- Parallel plans, windows, groups ---------------------------------------------------------------------------------

CREATE TABLE many AS SELECT r.n, g, recommended, relevant, k, random() AS score, random() < 0.4 AS y FROM requests r, generate_series(1, 40) g;
ALTER TABLE many SET (parallel_workers = 2);
ANALYZE many;
CREATE TABLE calls (call text, partial boolean, serial float8);
INSERT INTO calls SELECT format('reco.%s(recommended, relevant, 7)', m), true FROM unnest(ARRAY['precision_at_k', 'recall_at_k', 'hit_rate_at_k', 'map_at_k', 'mrr_at_k', 'ndcg_at_k']) m;
INSERT INTO calls VALUES ('reco.mse(score, n)', true), ('reco.rmse(score, n)', true), ('reco.log_loss(score, y)', true), ('reco.brier(score, y)', true), ('reco.calibration_error(score, y)', true),
	('reco.calibration_error(score, y, 33)', true), ('reco.novelty(k, 30)', true), ('reco.intra_list_diversity(score)', true), ('reco.auc(score, y)', false),
	('reco.catalogue_coverage(recommended, 2, 30)', false), ('reco.exposure_gini(recommended, 2, 30)', false),
	('reco.value_recovered_at_k(recommended, relevant, relevant::float8[], n, 5)', true), ('reco.margin_recovered_at_k(recommended, relevant, relevant::float8[], n, 5)', true);
SET max_parallel_workers_per_gather = 0;
UPDATE calls SET serial = value_of(format('SELECT %s FROM many', call));
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT unnest(ARRAY[ok(plan_of(format('SELECT %s FROM many', call)) ~ CASE WHEN partial THEN 'Finalize Aggregate.*Gather.*Partial Aggregate.*Parallel Seq Scan' ELSE '^Aggregate.*Gather.*Parallel Seq Scan' END, 'a parallel plan: ' || call),
       is_near(value_of(format('SELECT %s FROM many', call)), serial, call)])
FROM   calls;
SELECT is_near(value_of(format('SELECT %s FROM many WHERE g = 41 OR n = 20', call)), value_of(format('SELECT %s FROM (SELECT * FROM many WHERE n = 20 OFFSET 0) x', call)), 'where most workers have no row that counts: ' || call)
FROM   calls;
SELECT is(value_of(format('SELECT %s FROM many WHERE g = 41', call)), NULL, 'and none has one: ' || call) FROM calls;
SELECT throws_ok('SELECT reco.calibration_error(score, y, CASE WHEN g < 20 THEN 10 ELSE 11 END) FROM many', '22023', 'parameter "bins" must be the same in all rows of a group', 'workers with other bins');
CREATE TABLE expected_groups AS SELECT n % 7 AS n, reco.ndcg_at_k(recommended, relevant, 3) AS ndcg, reco.auc(score, y) AS auc, reco.exposure_gini(recommended, 3, 25) AS gini FROM (SELECT * FROM many OFFSET 0) x GROUP BY n % 7;
SELECT is_empty($$SELECT FROM (SELECT n % 7 AS n, reco.ndcg_at_k(recommended, relevant, 3) AS ndcg, reco.auc(score, y) AS auc FROM many GROUP BY n % 7) x JOIN expected_groups e USING (n) WHERE abs(x.ndcg - e.ndcg) > 1e-12 OR x.auc <> e.auc$$, 'groups in parallel');
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;

SELECT is_empty(format($$SELECT n FROM (SELECT n, %s AS moving FROM (SELECT n, recommended, relevant, k, predicted AS score, y FROM requests JOIN predictions USING (n)) r WINDOW w AS (ORDER BY n ROWS BETWEEN 12 PRECEDING AND 3 PRECEDING)) x
	WHERE moving IS DISTINCT FROM (SELECT %s FROM (SELECT n, recommended, relevant, k, predicted AS score, y FROM requests JOIN predictions USING (n)) y WHERE y.n BETWEEN x.n - 12 AND x.n - 3) AND n %% 10 = 0$$, call || ' OVER w', call), 'a moving window: ' || call)
FROM   calls WHERE call !~ '(log_loss|brier|calibration|diversity)';
SELECT is_empty(format($$SELECT n FROM (SELECT n, %s OVER (ORDER BY n) AS growing FROM predictions) x WHERE n %% 50 = 0 AND growing IS DISTINCT FROM (SELECT %1$s FROM predictions y WHERE y.n <= x.n)$$, call), 'a growing window: ' || call)
FROM   unnest(ARRAY['reco.log_loss(p, y)', 'reco.brier(p, y)', 'reco.calibration_error(p, y)', 'reco.calibration_error(p, y, 3)', 'reco.intra_list_diversity(p)', 'reco.auc(p, y)']) call;
SELECT is((SELECT reco.ndcg_at_k(recommended, relevant, 3) FILTER (WHERE n <= 50) FROM requests), (SELECT reco.ndcg_at_k(recommended, relevant, 3) FROM requests WHERE n <= 50), 'FILTER');
SELECT is_near((SELECT reco.recall_at_k(DISTINCT recommended, relevant, 3) FROM requests, generate_series(1, 3)), (SELECT reco.recall_at_k(recommended, relevant, 3) FROM (SELECT DISTINCT recommended, relevant FROM requests) x), 'DISTINCT');
SELECT is_near((SELECT reco.map_at_k(recommended, relevant, 3 ORDER BY n DESC) FROM requests), (SELECT reco.map_at_k(recommended, relevant, 3) FROM requests), 'ORDER BY');
SELECT is_near((SELECT reco.auc(score, y ORDER BY score) FROM many), (SELECT serial FROM calls WHERE call ~ 'auc'), 'ORDER BY the score');
SELECT set_eq($$SELECT n % 2, reco.catalogue_coverage(recommended, 1, 30), reco.hit_rate_at_k(recommended, relevant, 1) FROM requests GROUP BY GROUPING SETS ((n % 2), ())$$,
              $$SELECT n % 2, reco.catalogue_coverage(recommended, 1, 30), reco.hit_rate_at_k(recommended, relevant, 1) FROM requests GROUP BY n % 2 UNION ALL SELECT NULL, reco.catalogue_coverage(recommended, 1, 30), reco.hit_rate_at_k(recommended, relevant, 1) FROM requests$$, 'GROUPING SETS');
SET work_mem = '64kB';
SELECT is_empty($$SELECT FROM (SELECT n, g, reco.ndcg_at_k(recommended, relevant, 3) AS ndcg, reco.catalogue_coverage(recommended, 3, 30) AS c FROM many GROUP BY n, g) x
	JOIN (SELECT n, reco.ndcg_at_k(recommended, relevant, 3) AS ndcg, reco.catalogue_coverage(recommended, 3, 30) AS c FROM requests GROUP BY n) y USING (n)
	WHERE (x.ndcg, x.c) IS DISTINCT FROM (y.ndcg, y.c)$$, 'many groups in little memory');
RESET work_mem;

-- ---- What they refuse ------------------------------------------------------------------------------------------------

SELECT is(complaint('SELECT reco.' || call)::text, ROW(state, message, hint)::text, call)
FROM   (VALUES ('ndcg_at_k(ARRAY[1], ARRAY[1], 0)', '22023', 'parameter "k" must be from 1 to 1000000, not 0', 'It is how many of the recommended items count, from the first on.'),
               ('recall_at_k(ARRAY[1], ARRAY[1], -1)', '22023', 'parameter "k" must be from 1 to 1000000, not -1', 'It is how many of the recommended items count, from the first on.'),
               ('map_at_k(ARRAY[1], ARRAY[1], 1000001)', '22023', 'parameter "k" must be from 1 to 1000000, not 1000001', 'It is how many of the recommended items count, from the first on.'),
               ('mrr_at_k(NULL::integer[], ARRAY[1], NULL)', '22023', 'parameter "k" must not be null', 'Give a number from 1 to 1000000.'),
               ('ndcg_at_k(ARRAY[1, NULL], ARRAY[1], 1)', '22004', 'parameter "recommended" must not contain nulls', 'Remove them, for example with array_remove(recommended, NULL).'),
               ('ndcg_at_k(ARRAY[1], ARRAY[NULL, 1], 1)', '22004', 'parameter "relevant" must not contain nulls', 'Remove them, for example with array_remove(relevant, NULL).'),
               ('ndcg_at_k(ARRAY[[1, 2], [3, 4]], ARRAY[1], 1)', '2202E', 'parameter "recommended" must be a one-dimensional array, not one of 2 dimensions', 'Give a plain list; a row is one request.'),
               ('ndcg_at_k(ARRAY[1], ARRAY[[[1]]], 1)', '2202E', 'parameter "relevant" must be a one-dimensional array, not one of 3 dimensions', 'Give a plain list; a row is one request.'),
               ('ndcg_at_k(ARRAY[point(1, 2)], ARRAY[point(1, 2)], 1)', '42883', 'items cannot have type point, which has no default equality', 'Give items of a type that can be compared, such as bigint, text or uuid.'),
               ('catalogue_coverage(ARRAY[''1''::json], 1, 1)', '42883', 'items cannot have type json, which has no default equality', 'Give items of a type that can be compared, such as bigint, text or uuid.'),
               ('rmse(''NaN'', 1)', '22003', 'parameter "predicted" must be finite, not NaN', 'Leave such rows out with FILTER (WHERE ...).'),
               ('mse(1, ''-infinity'')', '22003', 'parameter "actual" must be finite, not -Infinity', 'Leave such rows out with FILTER (WHERE ...).'),
               ('mse(1e200, -1e200)', '22003', 'a metric is out of the range of double precision', 'Leave out or scale down extreme numbers.'),
               ('rmse(1.7e308, -1.7e308)', '22003', 'a metric is out of the range of double precision', 'Leave out or scale down extreme numbers.'),
               ('auc(''NaN'', true)', '22003', 'parameter "score" must be finite, not NaN', 'Leave such rows out with FILTER (WHERE ...).'),
               ('auc(''infinity'', false)', '22003', 'parameter "score" must be finite, not Infinity', 'Leave such rows out with FILTER (WHERE ...).'),
               ('log_loss(''NaN'', true)', '22003', 'parameter "probability" must be from 0 to 1, not NaN', 'Give probabilities, such as those of reco.predict, no scores.'),
               ('brier(1.0000000000000002, true)', '22003', 'parameter "probability" must be from 0 to 1, not 1.0000000000000002', 'Give probabilities, such as those of reco.predict, no scores.'),
               ('calibration_error(-1e-300, true)', '22003', 'parameter "probability" must be from 0 to 1, not -1e-300', 'Give probabilities, such as those of reco.predict, no scores.'),
               ('calibration_error(1, true, 0)', '22023', 'parameter "bins" must be from 1 to 1000, not 0', 'The usual number is 10.'),
               ('calibration_error(1, true, 1001)', '22023', 'parameter "bins" must be from 1 to 1000, not 1001', 'The usual number is 10.'),
               ('calibration_error(NULL, true, NULL)', '22023', 'parameter "bins" must not be null', 'Give a number from 1 to 1000.'),
               ('calibration_error(0.5, true, n) FROM generate_series(1, 2) n', '22023', 'parameter "bins" must be the same in all rows of a group', 'Give a constant.'),
               ('catalogue_coverage(ARRAY[1], 0, 5)', '22023', 'parameter "k" must be from 1 to 1000000, not 0', 'It is how many of the recommended items count, from the first on.'),
               ('catalogue_coverage(ARRAY[1], 1, NULL)', '22023', 'parameter "items" must not be null', 'Give the number of items that could have been recommended.'),
               ('exposure_gini(ARRAY[1], 1, 0)', '22023', 'parameter "items" must be at least 1, not 0', 'Give the number of items that could have been recommended.'),
               ('exposure_gini(ARRAY[1], 1, n) FROM generate_series(1, 2) n', '22023', 'parameter "items" must be the same in all rows of a group, not 1 and 2', 'Give a constant, or group by what it depends on.'),
               ('catalogue_coverage(ARRAY[1, 2, 3], 3, 2)', '22023', 'parameter "items" is 2, but more different items are recommended', 'Give the number of items that could have been recommended.'),
               ('exposure_gini(ARRAY[[1]], 1, 5)', '2202E', 'parameter "recommended" must be a one-dimensional array, not one of 2 dimensions', 'Give a plain list; a row is one request.'),
               ('exposure_gini(ARRAY[1, NULL], 1, 5)', '22004', 'parameter "recommended" must not contain nulls', 'Remove them, for example with array_remove(recommended, NULL).'),
               ('novelty(-1, 5)', '22003', 'parameter "orders_with_item" must be from 0 to 5, the number of orders, not -1', 'Count orders, not lines, and both over the same orders.'),
               ('novelty(6, 5)', '22003', 'parameter "orders_with_item" must be from 0 to 5, the number of orders, not 6', 'Count orders, not lines, and both over the same orders.'),
               ('novelty(0, -1)', '22003', 'parameter "orders" must not be negative, not -1', 'It is how many orders there are.'),
               ('intra_list_diversity(-0.1)', '22003', 'parameter "similarity" must be from 0 to 1, not -0.1', 'Bring it there: for a cosine by least(greatest(similarity, 0), 1).'),
               ('intra_list_diversity(''NaN'')', '22003', 'parameter "similarity" must be from 0 to 1, not NaN', 'Bring it there: for a cosine by least(greatest(similarity, 0), 1).'),
               ('value_recovered_at_k(ARRAY[1], ARRAY[1], ARRAY[1, 2], 5, 1)', '2202E', 'parameter "values" has 2 elements, but "relevant" has 1', 'Each relevant item has one, at the same place.'),
               ('margin_recovered_at_k(ARRAY[1], ARRAY[1], ''{}'', 5, 1)', '2202E', 'parameter "margins" has 0 elements, but "relevant" has 1', 'Each relevant item has one, at the same place.'),
               ('value_recovered_at_k(ARRAY[1], ARRAY[1], ARRAY[NULL]::float8[], 5, 1)', '22004', 'parameter "values" must not contain nulls', 'Remove them, for example with array_remove(values, NULL).'),
               ('value_recovered_at_k(ARRAY[1], ARRAY[1], ARRAY[[5]], 5, 1)', '2202E', 'parameter "values" must be a one-dimensional array, not one of 2 dimensions', 'Give a plain list; a row is one request.'),
               ('value_recovered_at_k(ARRAY[1], ARRAY[1], ARRAY[-5], 5, 1)', '22003', 'parameter "values" must be finite and not negative, not -5', 'Leave such rows out with FILTER (WHERE ...).'),
               ('margin_recovered_at_k(ARRAY[1], ARRAY[1], ''{NaN}'', 5, 1)', '22003', 'parameter "margins" must be finite, not NaN', 'Leave such rows out with FILTER (WHERE ...).'),
               ('margin_recovered_at_k(ARRAY[1], ARRAY[1], ARRAY[5], -1, 1)', '22003', 'parameter "visible_value" must be finite and not negative, not -1', 'Leave such rows out with FILTER (WHERE ...).'),
               ('value_recovered_at_k(ARRAY[1], ARRAY[1], ARRAY[5], ''Infinity'', 1)', '22003', 'parameter "visible_value" must be finite and not negative, not Infinity', 'Leave such rows out with FILTER (WHERE ...).'),
               ('value_recovered_at_k(ARRAY[1], ARRAY[1], ARRAY[1e300], 1e-300, 1)', '22003', 'a metric is out of the range of double precision', 'Leave out or scale down extreme numbers.'),
               ('margin_recovered_at_k(ARRAY[1], ARRAY[1, 1, 1, 1], ARRAY[1.7e308, 1.7e308, -1.7e308, -1.7e308], 1, 1)', '22003', 'a metric is out of the range of double precision', 'Leave out or scale down extreme numbers.'),
               ('value_recovered_at_k(ARRAY[1], ARRAY[1], ARRAY[1], 1, 0)', '22023', 'parameter "k" must be from 1 to 1000000, not 0', 'It is how many of the recommended items count, from the first on.'),
               ('catalogue_coverage(most_common_vals, 3, 30) FROM (SELECT * FROM pg_stats WHERE tablename = ''typed'' ORDER BY attname OFFSET 0) x', '42804',
                'items of type integer cannot be compared with items of type bigint', 'Cast the lists to arrays of one type.')) x (call, state, message, hint);
SET statement_timeout = '100ms';
SELECT is((complaint($$SELECT reco.recall_at_k(a, a, 1000000) FROM (SELECT array_agg(n::money) AS a FROM generate_series(1, 60000) n) x$$)).state, '57014', 'items without a hash function, one by one, can be cancelled');
RESET statement_timeout;

-- ---- Support functions, and forged states ----------------------------------------------------------------------------

SELECT is(complaint('SELECT reco.metrics_' || call)::text, ROW('22023', 'a support function of a metric of reco was called outside of an aggregate', 'Call the metric itself, such as reco.ndcg_at_k.')::text, call)
FROM   unnest(ARRAY['lists_step(NULL, ARRAY[1], ARRAY[1], 1)', 'lists_step(''{1,1,1,1,1,1,1}'', ARRAY[1], ARRAY[1], 1)', 'values_step(NULL, ARRAY[1], ARRAY[1], ARRAY[1], 1, 1)', 'margins_step(NULL, ARRAY[1], ARRAY[1], ARRAY[1], 1, 1)', 'errors_step(NULL, 1, 1)',
	'errors_step(''{1,1}'', NULL, 1)', 'probabilities_step(NULL, 1, true)', 'calibration_step(NULL, 1, true)', 'calibration_step(NULL, 1, true, 5)', 'novelty_step(NULL, 1, 1)', 'diversity_step(NULL, 1)', 'combine(''{1,1}'', ''{1,1}'')',
	'mean_1(''{1,1}'')', 'mean_2(''{1,1,1}'')', 'mean_3(''{1,1,1,1}'')', 'mean_4(''{1,1,1,1,1}'')', 'mean_5(''{1}'')', 'mean_6(''{}'')', 'root(''{1,1}'')', 'ratio(''{1,1,1}'')', 'calibration(''{1,1,1}'')']) call;
SELECT throws_ok('SELECT reco.metrics_' || call, '42846', NULL, call)
FROM   unnest(ARRAY['auc_step(NULL::internal, 1, true)', 'auc(NULL::internal)', 'exposure_step(NULL::internal, ARRAY[1], 1, 1)', 'coverage(NULL::internal)', 'gini(NULL::internal)']) call;
SELECT probin AS library FROM pg_proc WHERE oid = 'reco.access(text)'::regprocedure \gset
CREATE FUNCTION auc_step(bigint, float8, boolean) RETURNS bigint AS :'library', 'reco_metrics_auc_step' LANGUAGE c;
CREATE FUNCTION auc_final(bigint) RETURNS float8 AS :'library', 'reco_metrics_auc_final' LANGUAGE c;
CREATE FUNCTION exposure_step(bigint, anyarray, integer, bigint) RETURNS bigint AS :'library', 'reco_metrics_exposure_step' LANGUAGE c;
CREATE FUNCTION coverage(bigint) RETURNS float8 AS :'library', 'reco_metrics_coverage' LANGUAGE c;
CREATE FUNCTION gini(bigint) RETURNS float8 AS :'library', 'reco_metrics_gini_final' LANGUAGE c;
SELECT throws_ok('SELECT ' || call, '22023', 'a support function of a metric of reco was called outside of an aggregate', call)
FROM   unnest(ARRAY['auc_step(NULL, 1, true)', 'auc_step(4096, 1, true)', 'auc_final(NULL)', 'auc_final(4096)', 'exposure_step(4096, ARRAY[1], 1, 1)', 'exposure_step(NULL, ARRAY[1], 1, 1)', 'coverage(4096)', 'coverage(NULL)', 'gini(4096)', 'gini(NULL)']) call;

-- Anybody can make an aggregate whose state is an array: each gives a number, NULL or one of these errors, for any array.
CREATE ROLE forger;
GRANT CREATE ON SCHEMA public TO forger;
SET ROLE forger;
CREATE FUNCTION fate(step text, arguments text, call text, final text, state text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result float8;
BEGIN
	EXECUTE format('CREATE AGGREGATE forged(%s) (SFUNC = reco.metrics_%s, STYPE = float8[], FINALFUNC = reco.metrics_%s, INITCOND = %L)', arguments, step, final, state);
	EXECUTE format('SELECT forged(%s)', call) INTO result;
	EXECUTE format('DROP AGGREGATE forged(%s)', arguments);
	RETURN CASE WHEN result IS NULL OR result BETWEEN '-Infinity' AND 'Infinity' THEN 'ok' ELSE 'not a number' END;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
CREATE TABLE fates AS
SELECT step, final, state, fate(step, arguments, call, final, state)
FROM   (VALUES ('combine', 'float8[]', '''{1,2,3,4,5,6,7,0,0,0,0,0,0,0}''::float8[]'), ('combine', 'float8[]', 'NULL::float8[]'), ('lists_step', 'anyarray, anyarray, integer', 'ARRAY[1], ARRAY[1], 1'), ('lists_step', 'anyarray, anyarray, integer', 'NULL::integer[], ARRAY[1], 1'),
               ('values_step', 'anyarray, anyarray, float8[], float8, integer', 'ARRAY[1], ARRAY[1], ARRAY[1], 1, 1'), ('errors_step', 'float8, float8', '1, 1'), ('probabilities_step', 'float8, boolean', '1, true'),
               ('calibration_step', 'float8, boolean', '1, true'), ('calibration_step', 'float8, boolean, integer', '1, true, 1'), ('novelty_step', 'bigint, bigint', '1, 1'), ('diversity_step', 'float8', '1')) s (step, arguments, call),
       unnest(ARRAY['mean_1', 'mean_2', 'mean_6', 'root', 'ratio', 'calibration']) final,
       unnest(ARRAY['{}', '{1}', '{0,0}', '{1,1}', '{1,1,0}', '{0,0,0,0}', '{1,1,0,0}', '{1,-1,0,0}', '{0,1,1,0,0,0}', '{1,1,1,0,0,0}', '{1,1,1,1,1,NaN}', '{1,2,3,4,5,6,7,0,0,0,0,0,0,0}', array_fill(0::float8, ARRAY[14])::text,
                    array_fill('NaN'::float8, ARRAY[14])::text, '{1,Infinity,0,0}', '{1,2,-Infinity,Infinity}', '{1,NULL}', '{{1,1},{1,1}}', '[3:6]={1,1,0,0}', '{1,1e308,1e308,0,1e308,1e308}', '{-1,1,1,0,0,0}', '{1e-300,1e300,1,0,0,0}']) state;
RESET ROLE;
SELECT bag_eq('SELECT DISTINCT regexp_replace(fate, ''\d+ sums, not \d+'', ''n sums, not m'') FROM fates',
              ARRAY['ok', 'XX001 the state of a metric is no list of sums', 'XX001 the state of a metric has n sums, not m', '22003 a metric is out of the range of double precision',
                    '22023 parameter "bins" must be the same in all rows of a group'], 'what forged states lead to');
SELECT is_empty($$SELECT * FROM fates WHERE state IN ('{}', '{1}', '{1,1,0}', '{1,NULL}', '{{1,1},{1,1}}') AND fate NOT LIKE 'XX001 the state of a metric is no list of sums'$$, 'what is no list of sums is refused by all');

SELECT * FROM finish();
