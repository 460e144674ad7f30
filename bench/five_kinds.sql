-- One shop of bench/five_kinds: trained on, and what reco.weights finds.
\ir five_kinds_shop.sql
SELECT FROM reco.create_model('shop', 'UTC', jsonb_build_object('factors', 32, 'holdout_orders', :heldout));
SELECT FROM reco.add_orders('shop', 'lines', user_id => 'c', item_id => 'item', order_id => 'o', at => 'at', context => 'device');
SELECT FROM reco.add_users('shop', 'customers', user_id => 'c', features => 'region');
SELECT FROM reco.add_social('shop', 'follows', user_id => 'c', friend_id => 'friend');
SELECT FROM reco.add_reviews('shop', 'reviews', user_id => 'c', item_id => 'item', at => 'at', stars => 'stars');
SELECT FROM reco.add_sessions('shop', 'events', session_id => 'session', item_id => 'item', at => 'at', user_id => 'c', event => 'kind');
CREATE TABLE trained AS SELECT * FROM reco.train('shop');
-- found: an interval of what recall loses without some evidence of the kind is above 0.
SELECT 'run', :seed, k.kind, k.size, coalesce(bool_or(w.ci_low > 0), false), coalesce(max(w.ci_low), 0), (SELECT round(seconds::numeric, 1) FROM trained)
FROM   (VALUES ('demographic', :demographic), ('contextual', :contextual), ('social', :social), ('sentiment', :sentiment), ('session', :session)) k (kind, size)
LEFT JOIN (SELECT CASE WHEN component IN ('session', 'session_decay', 'viewed') THEN 'session' ELSE kind END AS kind, ci_low FROM reco.weights('shop') WHERE weight > 0) w USING (kind)
GROUP BY k.kind, k.size ORDER BY 3;
