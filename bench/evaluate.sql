-- bench/evaluate, after a set of bench/sets: asks reco.evaluate once for each seed, reco.fairness for each group of the
-- table groups, and prints Markdown.  A figure is the mean over seeds, an interval the mean of their ends.

CREATE TABLE results (seed integer, place bigint, algorithm text, request text, metric text, k integer, value float8, ci_low float8,
					  ci_high float8, n bigint, remark text);
CREATE TABLE calls (seed integer, seconds float8);
SELECT set_config('bench.seeds', :'seeds', false) \g /dev/null
DO $$
DECLARE
	seed integer;
	began timestamptz;
BEGIN
	FOR seed IN SELECT s::integer FROM regexp_split_to_table(current_setting('bench.seeds'), ' +') s LOOP
		began := clock_timestamp();
		INSERT INTO results
		SELECT seed, row_number() OVER (), e.*
		FROM asked a, reco.evaluate('bench', cut => a.cut, until => a.until, min_items => a.min_items, orders => a.orders, seed => seed) e;
		INSERT INTO calls VALUES (seed, extract(epoch FROM clock_timestamp() - began));
	END LOOP;
END $$;

CREATE VIEW means AS
SELECT algorithm, request, metric, avg(value) AS value, avg(ci_low) AS low, avg(ci_high) AS high, avg(n) AS n, min(place) AS place
FROM results WHERE algorithm IS NOT NULL GROUP BY algorithm, request, metric;
CREATE FUNCTION cell(value float8, low float8, high float8, digits integer) RETURNS text IMMUTABLE LANGUAGE sql AS $$
	SELECT coalesce(round(value::numeric, digits)::text || coalesce(format(' [%s, %s]', round(low::numeric, digits), round(high::numeric, digits)), ''), '')
$$;

SELECT format('%s lines, %s orders, %s customers, %s items. %s.', to_char(f.lines, 'FM9,999,999'), to_char(f.orders, 'FM9,999,999'),
			  to_char(f.customers, 'FM9,999,999'), to_char(f.items, 'FM9,999,999'), a.note)
FROM facts f, asked a;
SELECT '';
SELECT format('%s%s until %s. Seeds %s; one call of evaluate takes %s s.',
			  (SELECT string_agg(what, '; ' ORDER BY place)
			   FROM (SELECT format('%s: %s', r.metric, concat_ws(', ', to_char(r.n, 'FM9,999,999'), r.remark)) AS what, place
					 FROM results r WHERE r.algorithm IS NULL AND r.seed = (SELECT min(seed) FROM calls)) w),
			  ';', coalesce(a.until::text, 'the end'), :'seeds', (SELECT round(avg(seconds)::numeric, 1) FROM calls))
FROM asked a;

-- The tables of requests: how good, and what it costs.
SELECT string_agg(CASE WHEN metric = 'rmse' THEN rating ELSE lists END, E'\n' ORDER BY request, place)
FROM (
	-- A heading and the head of the table.
	SELECT request, 0 AS place, '' AS metric, format(E'\n### %s\n\n%s\n| algorithm | recall@10 | ndcg@10 [95 %%] | value recovered | auc | training, s | a request, ms |\n|---|---|---|---|---|---|---|',
			request, (SELECT string_agg(v, E'\n' ORDER BY seed) FROM (
				SELECT 0 AS seed, format('%s requests. Lead of the model in ndcg over the best other: %s, by %s of %s seeds above chance, by %s below.',
					to_char(min(n), 'FM9,999,999'), cell(avg(value), avg(ci_low), avg(ci_high), 3), count(*) FILTER (WHERE ci_low > 0),
					count(*), count(*) FILTER (WHERE ci_high < 0)) AS v
				FROM results v WHERE v.algorithm = 'verdict' AND v.request = r.request
				UNION ALL
				SELECT 1, format('Gain of the blend over the best single component: recall %s, ndcg %s.',
					(SELECT cell(avg(value), avg(ci_low), avg(ci_high), 3) FROM results b WHERE b.algorithm = 'blend' AND b.request = r.request AND b.metric = 'recall_lead'),
					(SELECT cell(avg(value), avg(ci_low), avg(ci_high), 3) FROM results b WHERE b.algorithm = 'blend' AND b.request = r.request AND b.metric = 'ndcg_lead'))
				UNION ALL
				SELECT 2, format(E'Verdict of the first seed: *%s*.\n', remark) FROM results v
				WHERE v.algorithm = 'verdict' AND v.request = r.request AND v.seed = (SELECT min(seed) FROM calls)) w)) AS lists, NULL AS rating
	FROM (SELECT DISTINCT request FROM results WHERE algorithm = 'verdict') r
	UNION ALL
	SELECT m.request, rank() OVER (PARTITION BY m.request ORDER BY max(m.value) FILTER (WHERE m.metric = 'ndcg') DESC), '',
		   format('| %s | %s | %s | %s | %s | %s | %s |', CASE m.algorithm WHEN 'reco' THEN '**reco**' ELSE m.algorithm END,
				  round((max(m.value) FILTER (WHERE m.metric = 'recall'))::numeric, 3),
				  max(cell(m.value, m.low, m.high, 3)) FILTER (WHERE m.metric = 'ndcg'),
				  round((max(m.value) FILTER (WHERE m.metric = 'value_recovered'))::numeric, 3),
				  round((max(m.value) FILTER (WHERE m.metric = 'auc'))::numeric, 3),
				  round((SELECT t.value FROM means t WHERE t.algorithm = m.algorithm AND t.request = 'training')::numeric, 2),
				  round((max(m.value) FILTER (WHERE m.metric = 'milliseconds'))::numeric, 3)), NULL
	FROM means m WHERE m.request IN (SELECT request FROM results WHERE algorithm = 'verdict') AND m.algorithm NOT IN ('verdict', 'blend')
	GROUP BY m.request, m.algorithm
	UNION ALL
	SELECT 'rating', 0, 'rmse', NULL, format(E'\n### rating\n\n%s later stars.\n\n| algorithm | rmse [95 %%] | mse |\n|---|---|---|', to_char(min(n), 'FM9,999,999'))
	FROM results WHERE request = 'rating' AND metric = 'rmse' HAVING count(*) > 0
	UNION ALL
	SELECT 'rating', rank() OVER (ORDER BY m.value), 'rmse', NULL,
		   format('| %s | %s | %s |', m.algorithm, cell(m.value, m.low, m.high, 3),
				  (SELECT round(o.value::numeric, 3) FROM means o WHERE o.algorithm = m.algorithm AND o.request = 'rating' AND o.metric = 'mse'))
	FROM means m WHERE m.request = 'rating' AND m.metric = 'rmse'
) t;

-- Is it true what the model's probabilities say, and what its lists are like beside the others'.
SELECT E'\n### The model''s probabilities, and what lists are like\n\n| request | algorithm | calibration_bias | calibration_error | log_loss | catalogue_coverage | exposure_gini | novelty, bits | intra_list_diversity |\n|---|---|---|---|---|---|---|---|---|';
SELECT format('| %s | %s | %s |', m.request, m.algorithm,
			  (SELECT string_agg(coalesce((SELECT round(o.value::numeric, 3)::text FROM means o
										   WHERE o.algorithm = m.algorithm AND o.request = m.request AND o.metric = w.metric), ''), ' | ' ORDER BY w.place)
			   FROM unnest('{calibration_bias,calibration_error,log_loss,catalogue_coverage,exposure_gini,novelty,intra_list_diversity}'::text[])
					WITH ORDINALITY w (metric, place)))
FROM means m WHERE m.metric = 'ndcg' AND m.algorithm IN ('reco', 'recent_popularity', 'basket_knn', 'user_knn')
ORDER BY m.request, m.value DESC;

-- Groups, by the first seed: the twelve with the most customers.
CREATE TABLE fair AS
SELECT g."by", f.* FROM groups g, asked a, reco.fairness('bench', g."by", cut => a.cut, until => a.until, min_items => a.min_items, orders => a.orders) f;
CREATE VIEW fair_groups AS
SELECT *, dense_rank() OVER (PARTITION BY "by", request ORDER BY customers DESC, "group") AS place
FROM (SELECT "by", request, "group", max(customers) AS customers, max(n) AS n FROM fair GROUP BY "by", request, "group") g;
SELECT string_agg(line, E'\n' ORDER BY "by", request, place)
FROM (
	SELECT "by", request, 0 AS place, format(E'\n### %s, by %s\n\n', request, "by") ||
		   CASE WHEN bool_or(metric = 'exposure') THEN E'| group | customers | share of places [95 %] | less the share of what was bought [95 %] |\n|---|---|---|---|'
				ELSE E'| group | customers | requests | recall@10 [95 %] | gap to all [95 %] | probability less what came true [95 %] |\n|---|---|---|---|---|---|' END AS line
	FROM fair GROUP BY "by", request
	UNION ALL
	SELECT g."by", g.request, g.place,
		   CASE WHEN e.metric IS NOT NULL
				THEN format('| %s | %s | %s | %s |', coalesce(g."group", '(none)'), g.customers, cell(e.value, e.ci_low, e.ci_high, 3), cell(e.gap, e.gap_low, e.gap_high, 3))
				ELSE format('| %s | %s | %s | %s | %s | %s |', coalesce(g."group", '(none)'), g.customers, g.n, cell(r.value, r.ci_low, r.ci_high, 3),
							cell(r.gap, r.gap_low, r.gap_high, 3), cell(c.value, c.ci_low, c.ci_high, 3)) END
	FROM fair_groups g
	LEFT JOIN fair e ON (e."by", e.request, e."group", e.metric) = (g."by", g.request, g."group", 'exposure')
	LEFT JOIN fair r ON (r."by", r.request, r."group", r.metric) = (g."by", g.request, g."group", 'recall')
	LEFT JOIN fair c ON (c."by", c.request, c."group", c.metric) = (g."by", g.request, g."group", 'calibration_bias')
	WHERE g.place <= 12
) t;
SELECT '';
