-- What bench/kinds_cost measured.
\pset footer off
SELECT what, workers, round(orders::numeric, 2) AS "orders, s", round("all"::numeric, 2) AS "all kinds, s", round(("all" / nullif(orders, 0))::numeric, 2) AS ratio,
	   round(orders_cpu::numeric, 2) AS "CPU", round(all_cpu::numeric, 2) AS "CPU, all", round((all_cpu / nullif(orders_cpu, 0))::numeric, 2) AS "ratio, CPU"
FROM   (SELECT what, workers, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE model = 'orders') AS orders,
			   percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE model = 'all') AS "all",
			   percentile_cont(0.5) WITHIN GROUP (ORDER BY cpu) FILTER (WHERE model = 'orders') AS orders_cpu,
			   percentile_cont(0.5) WITHIN GROUP (ORDER BY cpu) FILTER (WHERE model = 'all') AS all_cpu
		FROM measured GROUP BY what, workers) m
ORDER BY what LIKE 'train%' DESC, what, workers;
SELECT 'recommend, ms' AS what, p AS quantile, round(orders::numeric, 2) AS orders, round("all"::numeric, 2) AS "all kinds", round(("all" / orders)::numeric, 2) AS ratio
FROM   (VALUES (0.1), (0.5), (0.99)) q (p)
CROSS JOIN LATERAL (SELECT percentile_cont(p) WITHIN GROUP (ORDER BY ms) FILTER (WHERE model = 'orders') AS orders,
						   percentile_cont(p) WITHIN GROUP (ORDER BY ms) FILTER (WHERE model = 'all') AS "all" FROM requests) m;
SELECT request, string_agg(component || ' ' || round(weight::numeric, 3), ', ' ORDER BY weight DESC) AS "weights of the model of all kinds"
FROM reco.weights('all') WHERE weight > 0 GROUP BY request;
CREATE TEMP TABLE singly AS SELECT a.id AS user_id, r.* FROM asked a, reco.recommend('all', a.id, as_of => moment()) r;
CREATE TEMP TABLE at_once AS SELECT r.* FROM reco.recommend_all('all', as_of => moment()) r JOIN asked ON id = user_id;
SELECT (SELECT count(*) FROM singly) AS rows, count(*) AS "rows of recommend_all that differ"
FROM ((TABLE at_once EXCEPT ALL TABLE singly) UNION ALL (TABLE singly EXCEPT ALL TABLE at_once)) d;
