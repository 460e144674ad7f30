-- One salt of bench/online_retail: trains on past, answers every case, prints a line a method:
-- result, method, salt, recall@10, value of the hits as % of the visible halves' value, cases, rows a case.
CREATE EXTENSION reco;
SELECT FROM reco.create_model('retail', timezone => 'Europe/London', options => :'options');
SELECT FROM reco.add_orders('retail', 'past', user_id => 'customer', item_id => 'item', order_id => 'invoice', at => 'at',
							quantity => 'qty');
SELECT 'trained', round(seconds::numeric, 1) || ' s', pg_size_pretty(peak_memory), users || ' users', items || ' items', bags || ' bags',
	   'held out: ' || heldout_orders, round(recall_completion::numeric, 4), round(recall_next::numeric, 4), round(recall_popularity::numeric, 4)
FROM reco.train('retail');
SELECT 'chosen', metrics -> 'chosen' FROM reco.versions;

-- The same lines through the aggregate.
SELECT FROM reco.create_model('aggregate', timezone => 'Europe/London', options => :'options');
SELECT FROM reco.add_orders('aggregate', 'past', user_id => 'customer', item_id => 'item', order_id => 'invoice', at => 'at',
							quantity => 'qty');
SELECT FROM reco.import_model('aggregate', (SELECT reco.factorize(customer, item, qty, invoice, at AT TIME ZONE 'Europe/London', :'options') FROM past));
SELECT 'factorize gives the bytes of train', reco.export_model('aggregate') = reco.export_model('retail');

CREATE TABLE answers (method text, invoice text, item text);
INSERT INTO answers
SELECT 'reco', c.invoice, r.item_id
FROM cases c, reco.recommend_text('retail', c.customer, k => 10, basket => c.visible, as_of => c.at::timestamp AT TIME ZONE 'Europe/London') r;
INSERT INTO answers
SELECT 'reco_factorize', c.invoice, r.item_id
FROM cases c, reco.recommend_text('aggregate', c.customer, k => 10, basket => c.visible, as_of => c.at::timestamp AT TIME ZONE 'Europe/London') r;
INSERT INTO answers
SELECT 'reco_basket_only', c.invoice, r.item_id
FROM cases c, reco.recommend_text('retail', NULL, k => 10, basket => c.visible, as_of => c.at::timestamp AT TIME ZONE 'Europe/London') r;

CREATE TABLE popular AS
SELECT 'popularity' AS method, item, count(DISTINCT invoice) AS n FROM past GROUP BY item
UNION ALL
SELECT 'recent_popularity', item, count(DISTINCT invoice) FROM past, cut WHERE past.at >= cut.at - interval '30 days' GROUP BY item;
CREATE TABLE popular_top AS
SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY method ORDER BY n DESC, item) AS rank FROM popular) p WHERE rank <= 200;
INSERT INTO answers
SELECT p.method, c.invoice, p.item
FROM cases c CROSS JOIN (VALUES ('popularity'), ('recent_popularity')) m(method)
CROSS JOIN LATERAL (SELECT t.method, t.item FROM popular_top t WHERE t.method = m.method AND t.item <> ALL (c.visible) ORDER BY t.rank LIMIT 10) p;
ANALYZE answers;

SELECT 'result', method, :'salt', round(avg(r), 4), round(100 * sum(v) / sum(vv), 2), count(*), round(avg(n), 2)
FROM (SELECT m.method, c.invoice, count(h.item)::numeric / least(10, cardinality(c.hidden)) AS r, coalesce(sum(h.value), 0) AS v,
			 min(c.visible_value) AS vv, count(a.item) AS n
	  FROM (SELECT DISTINCT method FROM answers) m CROSS JOIN cases c
	  LEFT JOIN answers a ON a.method = m.method AND a.invoice = c.invoice
	  LEFT JOIN hidden h ON h.invoice = c.invoice AND h.item = a.item
	  GROUP BY m.method, c.invoice, c.hidden) s
GROUP BY method ORDER BY 4 DESC;

-- Is it true what the probabilities say?  Of the ten best: their mean, the share of hits, the slope of hits over
-- probability, answers; then the same two means in fifths by probability.
CREATE TABLE told AS
SELECT CASE WHEN h.known THEN 'basket and customer' ELSE 'basket of a newcomer' END AS request, cardinality(c.visible) AS visible, r.rank,
	   r.probability AS p, (r.item_id = ANY (c.hidden))::int AS hit
FROM cases c, LATERAL (SELECT EXISTS (SELECT FROM past WHERE past.customer = c.customer) AS known) h,
	 reco.recommend_text('retail', c.customer, k => 10, basket => c.visible, as_of => c.at::timestamp AT TIME ZONE 'Europe/London') r
UNION ALL
SELECT 'basket', cardinality(c.visible), r.rank, r.probability, (r.item_id = ANY (c.hidden))::int
FROM cases c, reco.recommend_text('retail', NULL, k => 10, basket => c.visible, as_of => c.at::timestamp AT TIME ZONE 'Europe/London') r
UNION ALL
SELECT CASE WHEN h.known THEN 'next order' ELSE 'nothing known' END, 0, r.rank, r.probability, (r.item_id = ANY (c.visible || c.hidden))::int
FROM cases c, LATERAL (SELECT EXISTS (SELECT FROM past WHERE past.customer = c.customer) AS known) h,
	 reco.recommend_text('retail', c.customer, k => 10, as_of => c.at::timestamp AT TIME ZONE 'Europe/London') r;
SELECT 'calibration', request, round(avg(p)::numeric, 4), round(avg(hit), 4), round(regr_slope(hit, p)::numeric, 3), count(*)
FROM told GROUP BY request ORDER BY 2;
SELECT 'fifths', request, string_agg(expected || '/' || found, ' ' ORDER BY fifth)
FROM (SELECT request, fifth, round(avg(p)::numeric, 3) AS expected, round(avg(hit), 3) AS found
	  FROM (SELECT *, ntile(5) OVER (PARTITION BY request ORDER BY p) AS fifth FROM told) t GROUP BY request, fifth) f
GROUP BY request ORDER BY 2;

-- By the number of visible items: calibration error (ten bins of equal number), slope, Brier score and log loss, each
-- beside those of a probability that is the share of hits at the same rank; answers.
CREATE VIEW banded AS
SELECT request, CASE WHEN visible = 0 THEN '0' WHEN visible = 1 THEN '1' WHEN visible < 5 THEN '2 to 4' ELSE '5 and more' END AS band, p, hit,
	   avg(hit) OVER (PARTITION BY request, rank)::float8 AS base
FROM told;
SELECT 'band', b.request, b.band || ' visible', 'error', round(avg(e.error), 4), 'slope', round(regr_slope(hit, p)::numeric, 3),
	   'brier', round(avg((p - hit) ^ 2)::numeric, 5) || ' / ' || round(avg((base - hit) ^ 2)::numeric, 5),
	   'log loss', round(reco.log_loss(p, hit = 1)::numeric, 5) || ' / ' || round(reco.log_loss(base, hit = 1)::numeric, 5), count(*)
FROM banded b
JOIN (SELECT request, band, sum(n * abs(expected - found)) / sum(n) AS error
	  FROM (SELECT request, band, bin, count(*) AS n, avg(p)::numeric AS expected, avg(hit) AS found
			FROM (SELECT *, ntile(10) OVER (PARTITION BY request, band ORDER BY p) AS bin FROM banded) t GROUP BY request, band, bin) x
	  GROUP BY request, band) e USING (request, band)
GROUP BY b.request, b.band ORDER BY 2, 3;
