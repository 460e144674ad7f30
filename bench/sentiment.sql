-- bench/sentiment, after a set: trains on what is not later, asks for what is, and prints a row of Markdown.
CREATE FUNCTION plain(body text) RETURNS text IMMUTABLE LANGUAGE sql AS $$ SELECT lower(regexp_replace(body, '\s+', ' ', 'g')) $$;
CREATE TABLE known AS SELECT id, item, coalesce(at, timestamp '2000-01-01') AS at, stars, body FROM reviews WHERE NOT later;
CREATE TABLE asked AS
SELECT r.* FROM reviews r
WHERE r.later AND r.body IS NOT NULL AND NOT EXISTS (SELECT FROM known k WHERE plain(k.body) = plain(r.body));
ANALYZE;

CREATE EXTENSION reco;
SELECT reco.create_model('bench', options => '{"factors": 8}') \g /dev/null
SELECT reco.add_orders('bench', 'known', user_id => 'id::text', item_id => 'item', at => 'at') \g /dev/null
SELECT reco.add_items('bench', 'items', item_id => 'item', features => 'category, seller') \g /dev/null
SELECT reco.add_reviews('bench', 'known', user_id => 'id::text', item_id => 'item', at => 'at', stars => 'stars', body => 'body') \g /dev/null
SELECT reco.train('bench') \g /dev/null

CREATE TABLE told AS SELECT a.stars, s.positive, s.stars AS expected FROM asked a, reco.sentiment('bench', a.body) s;
SELECT format('| %s, %s | %s | %s | **%s** | %s | %s | %s | %s | %s |', :'set', replace(:'variant', '_', ' and '),
			  to_char((SELECT count(*) FROM known WHERE body IS NOT NULL), 'FM99,999'), to_char(count(*), 'FM99,999'),
			  round(((avg((positive >= 0.5)::int) FILTER (WHERE stars > 3) + avg((positive < 0.5)::int) FILTER (WHERE stars < 3)) / 2)::numeric, 4),
			  round((avg(((positive >= 0.5) = (stars > 3))::int) FILTER (WHERE stars <> 3))::numeric, 3),
			  round((avg((stars > 3)::int) FILTER (WHERE stars <> 3))::numeric, 3),
			  round((reco.auc(positive, stars > 3) FILTER (WHERE stars <> 3))::numeric, 3),
			  round(reco.rmse(expected, stars)::numeric, 3),
			  round(reco.rmse((SELECT avg(stars)::float8 FROM known WHERE body IS NOT NULL), stars)::numeric, 3))
FROM told;
