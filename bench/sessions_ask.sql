-- Train on the sessions before, then ask: for each beginning of a session, where the next item stands (0: nowhere).
SELECT reco.create_model('bench', timezone => 'UTC', options => (:'options'::jsonb || jsonb_build_object('seed', :seed))) \g /dev/null
SELECT reco.add_sessions('bench', 'learned', session_id => 'session_id', item_id => 'item_id', at => 'clicked_at', name => 'clicks') \g /dev/null
SELECT reco.train('bench') \g /dev/null
SELECT reco.add_sessions('bench', 'events', session_id => 'session_id', item_id => 'item_id', at => 'clicked_at', name => 'clicks') \g /dev/null

COPY (SELECT session_id, place,
			 coalesce((SELECT r.rank FROM reco.recommend('bench', NULL, session_id => a.session_id::text, as_of => a.clicked_at, k => 20) AS r
					   WHERE r.item_id = a.item_id), 0)
	  FROM asked AS a ORDER BY session_id, place) TO STDOUT CSV;
SELECT reco.drop_model('bench') \g /dev/null
