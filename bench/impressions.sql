-- bench/impressions, after bench/shop.sql.
CREATE EXTENSION reco;
SELECT reco.create_model('shop', 'UTC', '{"factors": 64}') \g /dev/null
SELECT reco.add_orders('shop', 'order_lines', user_id => 'customer_id', item_id => 'product_id', at => 'ordered_at', order_id => 'order_id',
					   quantity => 'quantity', unit_price => 'unit_price') \g /dev/null
SELECT reco.train('shop') \g /dev/null
SELECT reco.keep_impressions('shop', '90 days') \g /dev/null
CREATE TEMP TABLE taken (way text, us float8);
SELECT set_config('bench.calls', :'calls', false) \g /dev/null
DO $$
DECLARE
	began timestamptz;
	customer bigint;
	basket bigint[];
	shown bigint[];
BEGIN
	FOR i IN -300 .. current_setting('bench.calls')::integer LOOP
		-- Each way has customers of its own, so that none finds what another has just read.
		customer := 1 + abs(3 * i) * 7919 % 3000;
		basket := ARRAY[1 + abs(i) % 400, 1 + abs(i) * 31 % 400];
		began := clock_timestamp();
		PERFORM item_id FROM reco.recommend('shop', customer, basket => basket);
		INSERT INTO taken SELECT 'recommend', 1e6 * extract(epoch FROM clock_timestamp() - began) WHERE i > 0;
		customer := 1 + abs(3 * i + 1) * 7919 % 3000;
		began := clock_timestamp();
		PERFORM item_id FROM reco.recommend_logged('shop', customer, basket => basket);
		INSERT INTO taken SELECT 'recommend_logged', 1e6 * extract(epoch FROM clock_timestamp() - began) WHERE i > 0;
		customer := 1 + abs(3 * i + 2) * 7919 % 3000;
		began := clock_timestamp();
		shown := ARRAY(SELECT item_id FROM reco.recommend('shop', customer, basket => basket));
		PERFORM reco.log_impressions('shop', customer, shown);
		INSERT INTO taken SELECT 'recommend, then log_impressions', 1e6 * extract(epoch FROM clock_timestamp() - began) WHERE i > 0;
	END LOOP;
END $$;
CREATE TEMP VIEW summary AS
SELECT way, percentile_cont(0.1) WITHIN GROUP (ORDER BY us) AS tenth, percentile_cont(0.5) WITHIN GROUP (ORDER BY us) AS median
FROM taken GROUP BY way;
SELECT format(E'| | 10 %% us | median us | median / recommend''s |\n|---|---|---|---|\n%s',
			  string_agg(format('| %s | %s | %s | %s |', way, round(tenth), round(median),
								round((median / (SELECT median FROM summary WHERE way = 'recommend'))::numeric, 2)), E'\n' ORDER BY median DESC))
FROM summary \g (format=unaligned tuples_only)
