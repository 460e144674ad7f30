-- Time and memory of reco.bundles over what bench/scale_lines.sql made, in its orders of 5 lines and in orders of 100.
SELECT FROM reco.create_model('scale', timezone => 'UTC') \g /dev/null
\echo orders of 5 lines
SELECT FROM reco.add_orders('scale', 'lines', user_id => 'customer', item_id => 'item', order_id => '"order"', at => 'at',
							quantity => 'quantity', unit_price => 'price') \g /dev/null
\timing on
SELECT count(*) AS found, max(size) AS largest, min(examined) AS examined FROM reco.bundles('scale', k => 1000000);
\timing off
SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\s+(\d+ kB)'))[1] AS memory;
\c
\echo orders of 100 lines
SELECT FROM reco.add_orders('scale', 'lines', user_id => 'customer', item_id => 'item', order_id => '"order" / 20', at => 'at',
							quantity => 'quantity', unit_price => 'price') \g /dev/null
\timing on
SELECT count(*) AS found, max(size) AS largest, min(examined) AS examined FROM reco.bundles('scale', k => 1000000);
\timing off
SELECT (regexp_match(pg_read_file('/proc/self/status'), 'VmHWM:\s+(\d+ kB)'))[1] AS memory;
