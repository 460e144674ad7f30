-- The same bytes whatever the collation of the key columns or of the session's database says of their order.
SELECT plan(4);
SET client_min_messages = warning;
CREATE TABLE words (w text, n integer);
INSERT INTO words SELECT w, row_number() OVER () FROM unnest(ARRAY['a', 'A', 'ä', 'Ä', 'b', 'B', 'Z', 'z', 'é', 'e', 'E', 'ß', 'ss', '-', '_', 'a-b', 'ab', 'aB', '10', '9', '1', ' x', 'x']) w;
CREATE FUNCTION bytes(collation_name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE format('CREATE TABLE lines (customer text COLLATE %1$I, item text COLLATE %1$I, "order" text COLLATE %1$I, at timestamptz)', collation_name);
	INSERT INTO lines
	SELECT c.w, i.w, c.w || o, timestamptz '2026-01-01' + (c.n * 7 + o) * interval '1 hour'
	FROM words c, generate_series(1, 20) o, words i WHERE (c.n * 3 + o * 5 + i.n * 7) % 11 < 2
	ORDER BY md5(c.w || o || i.w || collation_name);
	PERFORM reco.create_model('words', timezone => 'UTC', options => '{"factors": 8}');
	PERFORM reco.add_orders('words', 'lines', 'customer', 'item', 'at', order_id => '"order"');
	PERFORM reco.train('words');
	SELECT md5(string_agg(data, '' ORDER BY part)) INTO result FROM reco.version_part;
	PERFORM reco.drop_model('words');
	DROP TABLE lines;
	RETURN result;
END $$;
SELECT bytes('C') AS c \gset
SELECT isnt(:'c'::text, NULL, 'a model');
SELECT is((SELECT count(*) FROM pg_collation WHERE collname IN ('und-x-icu', 'sv-x-icu')), 2::bigint, 'there are collations that order otherwise');
SELECT is(bytes('und-x-icu'), :'c'::text, 'keys of a root collation: the same bytes');
SELECT is(bytes('sv-x-icu'), :'c'::text, 'keys of a Swedish one: the same bytes');
SELECT * FROM finish();
