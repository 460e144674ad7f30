-- What bench/experiments prints, of the tables reports and truth.
\pset null -
\echo 'Nothing is different: share of experiments whose interval leaves out zero, in %, and its standard error'
SELECT kind, metric, count(*) AS experiments, round(100 * avg(x), 1) AS "leaves out 0", round(100 * sqrt(avg(x) * (1 - avg(x)) / count(*)), 1) AS error,
       round(100 * avg(y), 1) AS "without CUPED"
FROM (SELECT kind, metric, experiment, bool_or(coalesce(low > 0 OR high < 0, false))::integer AS x, bool_or(coalesce(plain_low > 0 OR plain_high < 0, false))::integer AS y
      FROM reports WHERE kind <> 'effect' GROUP BY kind, metric, experiment HAVING count(low) > 0) z
GROUP BY kind, metric ORDER BY kind, metric;
\echo 'A known lift: share of experiments whose interval holds it, in %'
CREATE TEMP TABLE lifts AS
SELECT metric, max(CASE WHEN treated THEN value END) / max(CASE WHEN NOT treated THEN value END) - 1 AS lift
FROM (SELECT treated, x.* FROM (SELECT treated, sum(users) AS users, sum(buyers) AS buyers, sum(orders) AS orders, sum(items) AS items, sum(revenue) AS revenue FROM truth GROUP BY treated) t
      CROSS JOIN LATERAL (VALUES ('aov', revenue / orders::float8), ('conversion', buyers / users::float8), ('revenue_per_user', revenue / users::float8), ('items_per_order', items / orders::float8)) x (metric, value)) z
GROUP BY metric;
SELECT metric, round((100 * l.lift)::numeric, 2) AS "true lift", round((100 * avg(r.lift))::numeric, 2) AS "mean lift",
       round(100 * avg((l.lift BETWEEN low AND high)::integer), 1) AS holds, round(100 * avg((l.lift BETWEEN plain_low AND plain_high)::integer), 1) AS "without CUPED",
       round(100 * avg((low > 0)::integer), 1) AS "found", round(100 * avg((plain_low > 0)::integer), 1) AS "found without"
FROM reports r JOIN lifts l USING (metric) WHERE kind = 'effect' GROUP BY metric, l.lift ORDER BY metric;
\echo 'Half widths of intervals, in %, with and without CUPED, and how many fewer customers that is worth, in %'
SELECT kind, metric, round((100 * avg(high - low) / 2)::numeric, 2) AS cuped, round((100 * avg(plain_high - plain_low) / 2)::numeric, 2) AS plain,
       round((100 - 100 * avg((high - low) ^ 2 / (plain_high - plain_low) ^ 2))::numeric, 1) AS fewer
FROM reports WHERE kind <> 'effect' AND as_of = '2024-04-29' GROUP BY kind, metric ORDER BY kind, metric;
