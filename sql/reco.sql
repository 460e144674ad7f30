/*
 * reco.sql: the SQL surface of reco; `make` copies it to reco--VERSION.sql.
 *
 * Plain CREATE throughout: an object that somebody planted under one of our names makes the installation fail instead
 * of being adopted.  All names are qualified, and the search path is pinned before anything is looked up.
 */
\echo Use "CREATE EXTENSION reco" to load this file. \quit

SET LOCAL search_path TO pg_catalog, pg_temp;

/*
 * A schema that somebody else owns, or may create in, could be used to plant objects beside ours, and a function planted
 * there could win over ours.  An empty schema of a superuser is what a restore brings.
 */
DO $check$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n
				   JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
				   WHERE n.nspname OPERATOR(pg_catalog.=) 'reco'
					 AND (r.rolsuper OR r.rolname OPERATOR(pg_catalog.=) CURRENT_USER))
	THEN
		RAISE EXCEPTION 'schema "reco" exists and belongs to another role'
			USING ERRCODE = 'duplicate_schema',
				  HINT = 'Drop or rename that schema, then call CREATE EXTENSION reco again.';
	END IF;
	IF EXISTS (SELECT FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a
			   WHERE n.nspname OPERATOR(pg_catalog.=) 'reco' AND a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'
				 AND a.grantee OPERATOR(pg_catalog.<>) n.nspowner)
	   OR EXISTS (SELECT FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_proc p ON p.pronamespace OPERATOR(pg_catalog.=) n.oid
				  WHERE n.nspname OPERATOR(pg_catalog.=) 'reco')
	   OR EXISTS (SELECT FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace OPERATOR(pg_catalog.=) n.oid
				  WHERE n.nspname OPERATOR(pg_catalog.=) 'reco')
	   OR EXISTS (SELECT FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_type t ON t.typnamespace OPERATOR(pg_catalog.=) n.oid
				  WHERE n.nspname OPERATOR(pg_catalog.=) 'reco')
	   OR EXISTS (SELECT FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_operator o ON o.oprnamespace OPERATOR(pg_catalog.=) n.oid
				  WHERE n.nspname OPERATOR(pg_catalog.=) 'reco')
	THEN
		RAISE EXCEPTION 'schema "reco" exists and is not empty, or others may create objects in it'
			USING ERRCODE = 'duplicate_schema',
				  HINT = 'Drop or rename that schema, then call CREATE EXTENSION reco again.';
	END IF;
END
$check$;

REVOKE ALL ON SCHEMA reco FROM PUBLIC;
GRANT USAGE ON SCHEMA reco TO PUBLIC;

/*
 * The catalog
 *
 * Only catalog.c writes these tables, and no role has privileges on them.  A relation, an owner or a grantee is stored
 * as its name plus its plain oid plus the system identifier (and database) of the server that wrote it: see
 * src/references.c for the rule.  There are no foreign keys: they are triggers, and a dump would depend on their order.
 */
CREATE TABLE reco.model (
	name           text COLLATE "C" PRIMARY KEY,
	owner_name     text COLLATE "C" NOT NULL,
	owner_oid      oid NOT NULL,
	system_id      bigint NOT NULL,
	timezone       text COLLATE "C" NOT NULL,
	options        jsonb NOT NULL,
	active_version integer,
	last_version   integer NOT NULL,
	created_at     timestamptz NOT NULL,
	rules          jsonb
);

CREATE TABLE reco.source (
	model          text COLLATE "C" NOT NULL,
	kind           text COLLATE "C" NOT NULL,
	name           text COLLATE "C" NOT NULL,
	schema_name    text COLLATE "C" NOT NULL,
	relation_name  text COLLATE "C" NOT NULL,
	relation_oid   oid NOT NULL,
	catalog_oid   oid NOT NULL,
	system_id      bigint NOT NULL,
	added_at       timestamptz NOT NULL,
	PRIMARY KEY (model, kind, name)
);

/* type is what the expression had when it was added, for whoever looks into a damaged model; nothing goes by it. */
CREATE TABLE reco.source_column (
	model          text COLLATE "C" NOT NULL,
	kind           text COLLATE "C" NOT NULL,
	source         text COLLATE "C" NOT NULL,
	role           text COLLATE "C" NOT NULL,
	name           text COLLATE "C" NOT NULL,
	"position"     integer NOT NULL,
	expression     text COLLATE "C" NOT NULL,
	type           text COLLATE "C" NOT NULL,
	PRIMARY KEY (model, kind, source, role, name)
);

CREATE TABLE reco.version (
	model          text COLLATE "C" NOT NULL,
	version        integer NOT NULL,
	blob           uuid NOT NULL UNIQUE,
	created_at     timestamptz NOT NULL,
	trained_to     timestamptz,
	rows           bigint,
	users          integer NOT NULL,
	items          integer NOT NULL,
	bags           bigint NOT NULL,
	seconds        double precision NOT NULL,
	bytes          bigint NOT NULL,
	parts          integer NOT NULL,
	kernel         text COLLATE "C" NOT NULL,
	complements    text COLLATE "C" NOT NULL,
	options        jsonb NOT NULL,
	metrics        jsonb NOT NULL,
	PRIMARY KEY (model, version)
);

CREATE TABLE reco.version_part (
	blob           uuid NOT NULL,
	part           integer NOT NULL,
	data           bytea NOT NULL,
	PRIMARY KEY (blob, part)
);
ALTER TABLE reco.version_part ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE reco.model_grant (
	model          text COLLATE "C" NOT NULL,
	role_name      text COLLATE "C" NOT NULL,
	role_oid       oid NOT NULL,
	system_id      bigint NOT NULL,
	level          text COLLATE "C" NOT NULL,
	PRIMARY KEY (model, system_id, role_oid, role_name)
);

CREATE TABLE reco.experiment (
	name           text COLLATE "C" PRIMARY KEY,
	model          text COLLATE "C" NOT NULL,
	arms           text[] COLLATE "C" NOT NULL,
	weights        double precision[] NOT NULL,
	metric         text COLLATE "C" NOT NULL,
	minimum_effect double precision NOT NULL,
	starts         timestamptz NOT NULL,
	planned_end    timestamptz NOT NULL,
	ended_at       timestamptz,
	analysis       text COLLATE "C" NOT NULL,
	winsorize      double precision NOT NULL,
	prior_days     integer NOT NULL,
	salt           text COLLATE "C" NOT NULL,
	created_at     timestamptz NOT NULL
);

/*
 * What was shown to whom, by month; src/impressions.c makes the partitions.  They are no members of the extension, so that
 * pg_dump takes them along.  Keys are in their text form.
 */
CREATE TABLE reco.impression (
	model             text COLLATE "C" NOT NULL,
	at                timestamptz NOT NULL,
	recommendation_id uuid NOT NULL,
	user_id           text COLLATE "C",
	items             text[] NOT NULL,
	context           jsonb
) PARTITION BY RANGE (at);

SELECT pg_catalog.pg_extension_config_dump('reco.model', '');
SELECT pg_catalog.pg_extension_config_dump('reco.source', '');
SELECT pg_catalog.pg_extension_config_dump('reco.source_column', '');
SELECT pg_catalog.pg_extension_config_dump('reco.version', '');
SELECT pg_catalog.pg_extension_config_dump('reco.version_part', '');
SELECT pg_catalog.pg_extension_config_dump('reco.model_grant', '');
SELECT pg_catalog.pg_extension_config_dump('reco.experiment', '');

COMMENT ON TABLE reco.model IS 'The models; written by the functions of reco alone, and shown by reco.models.';
COMMENT ON TABLE reco.source IS 'The relations that models read; written by the functions of reco alone, and shown by reco.sources.';
COMMENT ON TABLE reco.source_column IS 'The expressions of sources, deparsed and qualified; written by the functions of reco alone, and shown by reco.sources.';
COMMENT ON TABLE reco.version IS 'What trainings gave, without the bytes; written by the functions of reco alone, and shown by reco.versions.';
COMMENT ON TABLE reco.version_part IS 'The bytes of versions, in parts of at most 8 MB; given by reco.export_model.';
COMMENT ON TABLE reco.model_grant IS 'Who may use which model; written by the functions of reco alone, and shown by reco.grants.';
COMMENT ON TABLE reco.experiment IS 'The experiments of models; written by the functions of reco alone, and shown by reco.experiments.';
COMMENT ON TABLE reco.impression IS 'What was shown to whom, in partitions by month (UTC); written by the functions of reco alone, and shown by reco.impressions.';

REVOKE ALL ON reco.model, reco.source, reco.source_column, reco.version, reco.version_part, reco.model_grant, reco.experiment, reco.impression FROM PUBLIC;

/* What the views below need to know about the caller and about stored references. */

CREATE FUNCTION reco.access(model_name text) RETURNS text
	AS 'MODULE_PATHNAME', 'reco_access' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION reco.access(text) IS
'What the current role may do with a model: ''owner'' (everything), ''explain'' (recommend, and read reports about single persons), ''recommend'', or NULL for nothing. Never raises an error.';

CREATE FUNCTION reco.resolve_role(role_name text, role_oid oid, system_id bigint) RETURNS name
	AS 'MODULE_PATHNAME', 'reco_resolve_role' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION reco.resolve_role(text, oid, bigint) IS
'Present name of a stored role: in the cluster that stored it the oid decides, elsewhere the name; NULL where neither leads to a role.';

CREATE FUNCTION reco.resolve_relation(schema_name text, relation_name text, relation_oid oid, catalog_oid oid, system_id bigint)
	RETURNS regclass
	AS 'MODULE_PATHNAME', 'reco_resolve_relation' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION reco.resolve_relation(text, text, oid, oid, bigint) IS
'Present relation behind a stored reference: in the database that stored it the oid decides, elsewhere the qualified name; NULL where neither leads to a relation.';

CREATE FUNCTION reco.default_options() RETURNS jsonb
	AS 'MODULE_PATHNAME', 'reco_default_options' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION reco.default_options() IS
'Every option of a model with its default; null means that training chooses the value: on held-out orders, or regularization by the number of items.';

CREATE FUNCTION reco.options(OUT option text, OUT type text, OUT "default" text, OUT minimum text, OUT maximum text, OUT description text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'reco_options' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION reco.options() IS
'The options that create_model and alter_model take: name, type, default, range and meaning.';

CREATE VIEW reco.models WITH (security_barrier) AS
	SELECT m.name AS model,
		   coalesce(reco.resolve_role(m.owner_name, m.owner_oid, m.system_id)::text, m.owner_name) AS owner,
		   a.access,
		   m.timezone,
		   m.options,
		   m.active_version,
		   m.created_at,
		   CASE WHEN a.access OPERATOR(pg_catalog.=) 'owner' THEN m.rules END AS rules
	FROM reco.model m CROSS JOIN LATERAL (SELECT reco.access(m.name) AS access OFFSET 0) a
	WHERE a.access IS NOT NULL;
COMMENT ON VIEW reco.models IS 'The models that the current role may use; options holds what was set, reco.default_options() the rest; rules, the standing ones (reco.set_rules), are shown to the model''s owner alone.';

CREATE VIEW reco.sources WITH (security_barrier) AS
	SELECT s.model,
		   s.kind,
		   s.name,
		   reco.resolve_relation(s.schema_name, s.relation_name, s.relation_oid, s.catalog_oid, s.system_id) AS relation,
		   CASE WHEN a.access OPERATOR(pg_catalog.=) 'owner' THEN
			   (SELECT pg_catalog.jsonb_object_agg(r.role, r.value)
				FROM (SELECT c.role,
							 CASE WHEN c.role OPERATOR(pg_catalog.=) ANY (ARRAY['context', 'features', 'consent'])
								  THEN pg_catalog.jsonb_object_agg(c.name, c.expression)
								  ELSE pg_catalog.to_jsonb(pg_catalog.min(c.expression)) END AS value
					  FROM reco.source_column c
					  WHERE c.model OPERATOR(pg_catalog.=) s.model AND c.kind OPERATOR(pg_catalog.=) s.kind
						AND c.source OPERATOR(pg_catalog.=) s.name
					  GROUP BY c.role) r) END AS expressions,
		   s.added_at
	FROM reco.source s CROSS JOIN LATERAL (SELECT reco.access(s.model) AS access OFFSET 0) a
	WHERE a.access IS NOT NULL;
COMMENT ON VIEW reco.sources IS 'The relations that the models read; relation is NULL where the stored one is gone, expressions are shown to the model''s owner alone.';

CREATE VIEW reco.versions WITH (security_barrier) AS
	SELECT v.model,
		   v.version,
		   v.version OPERATOR(pg_catalog.=) m.active_version AS active,
		   v.created_at,
		   v.trained_to,
		   v.rows,
		   v.users,
		   v.items,
		   v.bags,
		   v.seconds,
		   v.bytes,
		   v.kernel,
		   v.complements,
		   v.options,
		   v.metrics
	FROM reco.version v JOIN reco.model m ON m.name OPERATOR(pg_catalog.=) v.model
	WHERE reco.access(m.name) IS NOT NULL;
COMMENT ON VIEW reco.versions IS 'The stored versions of the models that the current role may use: what they were trained on, with which options, and their held-out metrics.';
COMMENT ON COLUMN reco.versions.created_at IS 'When it was stored: trained here, or imported.';
COMMENT ON COLUMN reco.versions.trained_to IS 'Up to when training looked: the newest order''s time, or the option training_clock; ages count from it. NULL where there was no order.';
COMMENT ON COLUMN reco.versions.rows IS 'Order lines that were read; NULL where it was imported.';
COMMENT ON COLUMN reco.versions.users IS 'Customers with a line that counts.';
COMMENT ON COLUMN reco.versions.bags IS 'Rows of the training matrix: orders and customers.';
COMMENT ON COLUMN reco.versions.seconds IS 'How long training took; 0 where it was imported.';
COMMENT ON COLUMN reco.versions.kernel IS 'The variant of the numeric code that trained it: baseline, avx2, avx512 or avx512vnni; ''imported'' where that is not known.';
COMMENT ON COLUMN reco.versions.complements IS 'How its complements were made: approximate, exact, or none: the option said so, or there were no orders.';
COMMENT ON COLUMN reco.versions.options IS 'The options that were set when it was trained, reco.default_options() has the rest; empty where it was imported.';
COMMENT ON COLUMN reco.versions.metrics IS 'completion and next_order: number of held-out cases, recall@10 and nDCG@10 of finding the other half of an order, and a customer''s next order; chosen: the serving parameters; blend: the weights of the components of a score, by kind of request; calibration: the curves of probability, null where fewer than 50 cases could be used; iterations of each fit, and seconds by stage, where it was trained here.';

CREATE VIEW reco.grants WITH (security_barrier) AS
	SELECT g.model,
		   CASE WHEN g.role_oid OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'public'
				ELSE coalesce(reco.resolve_role(g.role_name, g.role_oid, g.system_id)::text, g.role_name) END AS role,
		   g.level
	FROM reco.model_grant g
	WHERE reco.access(g.model) OPERATOR(pg_catalog.=) 'owner';
COMMENT ON VIEW reco.grants IS 'Who was granted the use of the current role''s models, and at which level; a role that does not exist any more is listed by the name it had.';

CREATE VIEW reco.experiments WITH (security_barrier) AS
	SELECT e.name AS experiment,
		   e.model,
		   e.arms,
		   e.weights,
		   e.metric,
		   e.minimum_effect,
		   e.starts,
		   e.planned_end,
		   e.ended_at,
		   e.analysis,
		   e.winsorize,
		   e.prior_days,
		   e.salt,
		   (SELECT reco.resolve_relation(s.schema_name, s.relation_name, s.relation_oid, s.catalog_oid, s.system_id)
			FROM reco.source s
			WHERE s.model OPERATOR(pg_catalog.=) e.model AND s.kind OPERATOR(pg_catalog.=) 'exposures'
			  AND s.name OPERATOR(pg_catalog.=) e.name) AS exposures,
		   e.created_at
	FROM reco.experiment e
	WHERE reco.access(e.model) IS NOT NULL;
COMMENT ON VIEW reco.experiments IS 'The experiments of the models that the current role may use; the first of the arms is the control. All but ended_at is as it was created.';

CREATE VIEW reco.impressions WITH (security_barrier) AS
	SELECT i.model,
		   i.recommendation_id,
		   i.at,
		   i.user_id,
		   i.items,
		   i.context
	FROM reco.impression i
	WHERE i.model OPERATOR(pg_catalog.=) ANY (ARRAY(
		SELECT m.name FROM reco.model m
		WHERE reco.access(m.name) OPERATOR(pg_catalog.=) ANY (ARRAY['owner', 'explain'])));
COMMENT ON VIEW reco.impressions IS 'What was shown to whom (reco.log_impressions), of the models that the current role owns or may explain: keys in their text form, user_id NULL where the customer was unknown or did not consent, items in the order in which they were shown.';

GRANT SELECT ON reco.models, reco.sources, reco.versions, reco.grants, reco.experiments, reco.impressions TO PUBLIC;

/* Define */

CREATE FUNCTION reco.create_model(model text, timezone text DEFAULT NULL, options jsonb DEFAULT '{}')
	RETURNS reco.models
	AS 'MODULE_PATHNAME', 'reco_create_model' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.create_model(text, text, jsonb) IS
'Creates an empty model that the current role owns and returns its row of reco.models. timezone (default: that of the session, then kept) decides hours and days; options as listed by reco.options(). Errors: duplicate_object, invalid_parameter_value.';

CREATE FUNCTION reco.alter_model(model text, options jsonb DEFAULT '{}', timezone text DEFAULT NULL)
	RETURNS reco.models
	AS 'MODULE_PATHNAME', 'reco_alter_model' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.alter_model(text, jsonb, text) IS
'Changes options (a JSON null goes back to the default) and the time zone of a model that the current role owns; serving options act in the next statement, training options at the next reco.train.';

CREATE FUNCTION reco.set_owner(model text, new_owner name)
	RETURNS reco.models
	AS 'MODULE_PATHNAME', 'reco_set_owner' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.set_owner(text, name) IS
'Gives a model to another role, with whose rights its sources are read from then on. The caller must own the model and be a member of the new owner, or be a superuser.';

CREATE FUNCTION reco.set_rules(model text, rules jsonb) RETURNS reco.models
	AS 'MODULE_PATHNAME', 'reco_set_rules' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.set_rules(text, jsonb) IS
'Sets the standing rules of a model that the current role owns (NULL: none), in the place of those before, and returns its row of reco.models. They act from the next statement on, in reco.recommend, reco.recommend_all and their twins for text keys; a request''s own rules take their place key by key, and a JSON null of these switches one off. reco.predict, explain, similar_items, complements, complete_basket, evaluate, replay and value_curve know no rules. Keys, each optional: pin: array of at most 100 items, by key for the first places that are free, or {"item": key, "rank": r}; a pinned item must pass the filters (basket, exclude, candidates, exclude_purchased, available, price), but neither pause nor caps nor diversity, and counts for the caps and the similarity of others. boost: array of at most 64 of {"field": a feature of items, "value": v, "factor": f} or {"items": [keys], "factor": f}, f above 0 and at most 100; all that match multiply what the list is ordered by (probability, or with a value_weight probability x value^w; a score below 0, where no probability is known, is divided). cap: {feature: n}: at most n of the list have the same value; an item with several values counts for each, one without for none. diversity d, 0 to 1: (1 - d) x relevance - d x similarity to the most similar item in the list (MMR, Carbonell and Goldstein 1998), relevance in parts of the largest, similarity the cosine of factors as in reco.similar_items, at least 0. price: {"min": a, "max": b}, either may be missing: only items whose price (reco.add_items, read live, the highest of several rows, or that of an offer to the customer) is within. pause: an interval, or {"for": interval, "rebought": s}: what the customer bought within that time before as_of is left out, unless at least the share s (default 0.1) of those who bought the item did so in several orders, which training learns. max_exposure_gap: {"by": feature, "gap": g}: a group''s share of the list''s exposure, 1/log2(1 + rank), may differ by at most g from its share of the probability of all items looked at; as far as no exchange of two items would bring the groups nearer to that. The list is made of the best 50 by score, or 2 k if that is more, and where they do not fill it of twice as many, and so on. Errors: undefined_object, insufficient_privilege, invalid_parameter_value (an unknown key or a value out of range), undefined_column (no such feature of items), object_not_in_prerequisite_state (price without prices), invalid_datetime_format.';

CREATE FUNCTION reco.drop_model(model text, missing_ok boolean DEFAULT false,
		OUT versions integer, OUT sources integer, OUT bytes bigint)
	AS 'MODULE_PATHNAME', 'reco_drop_model' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.drop_model(text, boolean, OUT integer, OUT integer, OUT bigint) IS
'Removes a model with its sources, versions and grants, and returns how many there were; with missing_ok an unknown model is no error.';

CREATE FUNCTION reco.add_orders(model text, relation regclass, user_id text, item_id text, at text, order_id text DEFAULT NULL,
		quantity text DEFAULT NULL, unit_price text DEFAULT NULL, amount text DEFAULT NULL, context text DEFAULT NULL,
		name text DEFAULT NULL)
	RETURNS reco.sources
	AS 'MODULE_PATHNAME', 'reco_add_orders' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.add_orders(text, regclass, text, text, text, text, text, text, text, text, text) IS
'Adds (or, under the same name, replaces) a relation of order lines. The column arguments are SQL expressions over it: keys of any type, at a timestamp or date, quantity a number (default 1; negative ones are returns and net against that customer''s latest purchase of the item), unit_price or amount (the line''s total) a number, context a comma-separated list of at most 64 named expressions, told apart as features of customers are; of the lines of one order the first value counts. hour (six bands), weekday and month of at, in the model''s time zone, are part of every context, unless a member has that name. Without order_id the lines of one customer with the same at are one order. A line without item, or whose at is NULL or infinite, or whose quantity is NULL, 0, NaN or infinite, counts nothing. name defaults to the relation''s.';

CREATE FUNCTION reco.add_items(model text, relation regclass, item_id text, features text DEFAULT NULL, description text DEFAULT NULL,
		price text DEFAULT NULL, margin text DEFAULT NULL, available text DEFAULT NULL, name text DEFAULT NULL)
	RETURNS reco.sources
	AS 'MODULE_PATHNAME', 'reco_add_items' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.add_items(text, regclass, text, text, text, text, text, text, text) IS
'Adds (or, under the same name, replaces) a relation of items. available is a boolean expression that is read live at every request: where one is given, an item is recommended only if some row of the item has it true. features is a comma-separated list of at most 64 named expressions, such as category, brand or a price, and description a text: items that few bought yet are recommended by them, and items with the same features as those bought. price and margin are numbers.';

CREATE FUNCTION reco.add_users(model text, relation regclass, user_id text, features text DEFAULT NULL, consent text DEFAULT NULL,
		name text DEFAULT NULL)
	RETURNS reco.sources
	AS 'MODULE_PATHNAME', 'reco_add_users' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.add_users(text, regclass, text, text, text, text) IS
'Adds (or, under the same name, replaces) a relation of customers. features is a comma-separated list of at most 64 named expressions, such as country or an age band, read live at every request: what customers with the same values buy is evidence, and reco.fairness compares groups by them. Numbers with more than 20 different values make ten ranges of about as many customers (cast codes to text), arrays several values, everything else counts by its text form (the first 200 bytes); NULL says nothing, nor does a value of fewer than min_support customers (an option), which is not stored either. Of a field at most 1,000 values count, those of the most customers. consent is a boolean expression for all purposes, or a comma-separated list of them named by purpose: personalize (what is stored of the customer answers his requests: without it he gets the answer of somebody unknown, from the basket, history, context and session_id that come with the request), train (the next model is, byte for byte, that of a shop without his rows), social (what he bought is evidence for those who follow him, and what those bought whom he follows is for him), sentiment (his reviews are read), attributes (his features are). Consent is read in the snapshot of each statement, so what is withdrawn acts in the next one, on what was trained before at the next training. Of several rows and sources no wins; a NULL, and a customer of whom no row says anything, is what the option default_consent says (false). A purpose that no source asks about needs no consent. As with every source, keys that are not integers make those of the model texts at the next training.';

CREATE FUNCTION reco.add_sessions(model text, relation regclass, session_id text, item_id text, at text, user_id text DEFAULT NULL,
		event text DEFAULT NULL, context text DEFAULT NULL, name text DEFAULT NULL)
	RETURNS reco.sources
	AS 'MODULE_PATHNAME', 'reco_add_sessions' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.add_sessions(text, regclass, text, text, text, text, text, text, text) IS
'Adds (or, under the same name, replaces) a relation of what visitors did with items in sessions: a row for each event, with the session, the item, a timestamp or date (at), the customer where he is known, and the kind of event, such as view or cart (event, by its text form; at most 16 kinds of at most 64 bytes, NULL is one of them). A request reads the newest 200 events of the session that it names, or of the customer''s newest within a day: (session_id, at DESC) and (user_id, at DESC) should be indexes. Training learns what each kind is worth from the orders within a day of it, and what goes with what from sessions too; where a model has no orders, sessions take their place. context is a comma-separated list of at most 64 named expressions. A row without session, item or finite time counts nothing. name defaults to the relation''s.';

CREATE FUNCTION reco.add_social(model text, relation regclass, user_id text, friend_id text, at text DEFAULT NULL,
		name text DEFAULT NULL)
	RETURNS reco.sources
	AS 'MODULE_PATHNAME', 'reco_add_social' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.add_social(text, regclass, text, text, text, text) IS
'Adds (or, under the same name, replaces) a relation of who follows whom: what friend_id bought is evidence for user_id, from at on where that is given (a NULL is never, -infinity always). A request reads his newest 100 ties, and the newest 50 order lines of each of those people who consent to it (reco.add_users), from each source; the fewer purchases of his own there are, the more that counts, and reco.explain shows it as one sum that names neither people nor items. An index on (user_id, at DESC) of both relations keeps that fast. Whoever is to be followed both ways stands in two rows. name defaults to the relation''s.';

CREATE FUNCTION reco.add_reviews(model text, relation regclass, user_id text, item_id text, at text DEFAULT NULL,
		stars text DEFAULT NULL, body text DEFAULT NULL, configuration regconfig DEFAULT NULL, name text DEFAULT NULL)
	RETURNS reco.sources
	AS 'MODULE_PATHNAME', 'reco_add_reviews' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.add_reviews(text, regclass, text, text, text, text, text, regconfig, text) IS
'Adds (or, under the same name, replaces) a relation of reviews: who judged which item, at a timestamp or date, with stars (a number, higher is better; the scale is from the lowest to the highest that any review has) and words (body, a text; where there is a title, give both, as in title || '' '' || message). Stars say which items are liked better than others (reco.predict expects stars), and where that helps how much a purchase of one''s own counts. From 500 reviews with stars and words on, 25 of them positive (in the upper quarter of the scale) and 25 negative (in its lower half), training learns what words say: reco.sentiment tells it of any text, and reviews without stars count by their words. configuration is the text search configuration that words are found by; NULL: simple, which keeps stop words, and among them the word for not. reco.evaluate tests how well stars are predicted. As with every source, keys that are not integers make those of the model texts at the next training.';

CREATE FUNCTION reco.add_offers(model text, relation regclass, item_id text, price text, valid_from text DEFAULT NULL,
		valid_to text DEFAULT NULL, audience text DEFAULT NULL, name text DEFAULT NULL)
	RETURNS reco.sources
	AS 'MODULE_PATHNAME', 'reco_add_offers' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.add_offers(text, regclass, text, text, text, text, text, text) IS
'Adds (or, under the same name, replaces) a relation of offers: what a piece of an item costs while the offer is in force, at valid_from <= as_of < valid_to (timestamptz, timestamp or date; NULL: open). price is a number, in the currency of the prices of items; one that is NULL, NaN, infinite or negative counts nothing. audience is a text, field=value, or an array of them, of which any one is enough; NULL is everybody, also anonymous visitors, and an empty array or a text without = nobody. The field is a feature of reco.add_users, as region or users.region, and the value the text that the customer has there: of a number the shortest (18, 2.5; ranges that training makes do not count), of an array any element; blanks around field and value count nothing, all else does. Who is to fulfil several conditions needs a feature of its own: features => ''region || '' '' || age_band AS region_age''. Who is anonymous, or does not consent to personal answers or to the use of his features, gets offers to everybody alone. Of several offers in force for a customer the lowest price counts, and only where it is below the price that the item has anyway (reco.add_items), or that is not known: an offer makes nothing dearer, and no price is made that stands in no row. Offers are read live, with the owner''s rights and in the caller''s snapshot: of the items at the top of an answer alone (an index on item_id keeps that fast), of reco.recommend_all once. reco.recommend, reco.recommend_all and reco.complete_basket use them; reco.bundles, reco.evaluate, reco.replay and reco.value_curve do not. reco.check counts rows that look odd. As with every source, keys that are not integers make those of the model texts at the next training. name defaults to the relation''s.';

CREATE FUNCTION reco.remove_source(model text, name text, kind text DEFAULT NULL)
	RETURNS reco.sources
	AS 'MODULE_PATHNAME', 'reco_remove_source' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.remove_source(text, text, text) IS
'Removes a source from a model and returns the row that reco.sources had of it; kind (''orders'', ''items'', ''users'', ''reviews'', ''sessions'', ''social'', ''offers'') is needed only where two kinds share the name.';

CREATE FUNCTION reco.grant_usage(model text, role name, explain boolean DEFAULT false) RETURNS text
	AS 'MODULE_PATHNAME', 'reco_grant_usage' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.grant_usage(text, name, boolean) IS
'Lets a role (or public) use a model that the current role owns: recommend, and with explain => true also what reveals single persons'' purchases. Returns the level that the role now has.';

CREATE FUNCTION reco.revoke_usage(model text, role name, explain_only boolean DEFAULT false) RETURNS text
	AS 'MODULE_PATHNAME', 'reco_revoke_usage' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.revoke_usage(text, name, boolean) IS
'Takes the use of a model back from a role, or with explain_only => true only the second level. Returns the level that is left, NULL for none. Also removes what was granted to a role of that name that does not exist any more.';

CREATE FUNCTION reco.check(model text, OUT severity text, OUT subject text, OUT finding text, OUT remedy text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'reco_check' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;
COMMENT ON FUNCTION reco.check(text) IS
'Looks over a model that the current role owns: what is missing or odd, with the command that mends it, errors (it cannot work) before warnings (it works badly) and notices. No rows: all is well.';

/* Train */

CREATE FUNCTION reco.train(model text, refit boolean DEFAULT true,
		OUT version integer, OUT rows bigint, OUT skipped bigint, OUT users integer, OUT items integer, OUT orders integer, OUT bags bigint,
		OUT seconds double precision, OUT peak_memory bigint, OUT heldout_orders integer,
		OUT recall_completion double precision, OUT recall_next double precision, OUT recall_popularity double precision,
		OUT complements text)
	AS 'MODULE_PATHNAME', 'reco_train' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.train(text, boolean) IS
'Trains a new version of a model from its sources and makes it the active one when the transaction commits. Returns what was read (rows; skipped: lines that counted nothing), what was built, seconds, peak_memory in bytes and recall@10 on the newest orders, held out before the final fit: of the other half of a half-visible order, of the customer''s next order, and of plain popularity on the former; the serving parameters were chosen on the same orders, so the first two are slightly optimistic; complements says how these were made: approximate, exact or none. refit => false keeps the serving parameters, weights and probability curves of the active version and fits once, to all orders: about half the time, for a nightly run between others that choose anew; it holds nothing out, so recall is NULL. iALS: Hu, Koren and Volinsky 2008; Rendle et al. 2021. Errors: configuration_limit_exceeded where maintenance_work_mem is too small, object_not_in_prerequisite_state without sources, or without an active version to keep anything of, insufficient_privilege.';

CREATE FUNCTION reco.activate(model text, version integer) RETURNS reco.models
	AS 'MODULE_PATHNAME', 'reco_activate' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.activate(text, integer) IS
'Makes a stored version of a model the one that answers from the commit on, until the next training or import. Returns its row of reco.models. Errors: undefined_object.';

CREATE FUNCTION reco.prune_versions(model text, keep integer DEFAULT NULL) RETURNS integer
	AS 'MODULE_PATHNAME', 'reco_prune_versions' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.prune_versions(text, integer) IS
'Deletes all but the newest keep versions of a model (default: its option keep_versions, as every training does) and returns how many; the active one always stays.';

/*
 * The aggregate.  Its arguments are "any": keys and numbers arrive as they are stored, without a cast for each row.
 */

CREATE FUNCTION reco.factorize_step(internal, "any", "any", "any") RETURNS internal
	AS 'MODULE_PATHNAME', 'reco_factorize_step' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION reco.factorize_step(internal, "any", "any", "any", jsonb) RETURNS internal
	AS 'MODULE_PATHNAME', 'reco_factorize_step' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION reco.factorize_step(internal, "any", "any", "any", "any", timestamptz) RETURNS internal
	AS 'MODULE_PATHNAME', 'reco_factorize_step' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION reco.factorize_step(internal, "any", "any", "any", "any", timestamptz, jsonb) RETURNS internal
	AS 'MODULE_PATHNAME', 'reco_factorize_step' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION reco.factorize_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'reco_factorize_combine' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION reco.factorize_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'reco_factorize_serialize' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION reco.factorize_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'reco_factorize_deserialize' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION reco.factorize_final(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'reco_factorize_final' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION reco.factorize_step(internal, "any", "any", "any") IS 'Support function of reco.factorize.';
COMMENT ON FUNCTION reco.factorize_step(internal, "any", "any", "any", jsonb) IS 'Support function of reco.factorize.';
COMMENT ON FUNCTION reco.factorize_step(internal, "any", "any", "any", "any", timestamptz) IS 'Support function of reco.factorize.';
COMMENT ON FUNCTION reco.factorize_step(internal, "any", "any", "any", "any", timestamptz, jsonb) IS 'Support function of reco.factorize.';
COMMENT ON FUNCTION reco.factorize_combine(internal, internal) IS 'Support function of reco.factorize.';
COMMENT ON FUNCTION reco.factorize_serialize(internal) IS 'Support function of reco.factorize.';
COMMENT ON FUNCTION reco.factorize_deserialize(bytea, internal) IS 'Support function of reco.factorize.';
COMMENT ON FUNCTION reco.factorize_final(internal) IS 'Support function of reco.factorize.';

CREATE AGGREGATE reco.factorize("any", "any", "any") (
	SFUNC = reco.factorize_step, STYPE = internal, SSPACE = 8192,
	FINALFUNC = reco.factorize_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.factorize_combine, SERIALFUNC = reco.factorize_serialize, DESERIALFUNC = reco.factorize_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.factorize("any", "any", "any") IS
'(user_id, item_id, weight): trains factors from rows and returns the model, for reco.import_model; NULL where no row counts. Each customer is a bag of items; an item''s weight is log2(1 + the sum of its rows'' weights), negative ones netted; popularity adds up log2(1 + weight) row by row. Keys are of any type (integers, or else their text form; that of a time with time zone follows the session''s TimeZone); weight is a number as it is stored, such as a quantity. A row without item, or whose weight is NULL, 0, NaN or infinite, counts nothing. Memory: 24 bytes a row and group and what training needs, each group within maintenance_work_mem. The bytes are the same for any order of rows and any number of workers. iALS: Hu, Koren and Volinsky 2008. Errors: configuration_limit_exceeded (memory), program_limit_exceeded (a model over 1 GB), datatype_mismatch.';

CREATE AGGREGATE reco.factorize("any", "any", "any", jsonb) (
	SFUNC = reco.factorize_step, STYPE = internal, SSPACE = 8192,
	FINALFUNC = reco.factorize_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.factorize_combine, SERIALFUNC = reco.factorize_serialize, DESERIALFUNC = reco.factorize_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.factorize("any", "any", "any", jsonb) IS
'(user_id, item_id, weight, options): the same with training options as listed by reco.options(), which must be the same in all rows of a group; history_limit, keep_versions and impression_days, which belong to a stored model, mean nothing here. Errors: invalid_parameter_value.';

CREATE AGGREGATE reco.factorize("any", "any", "any", "any", timestamptz) (
	SFUNC = reco.factorize_step, STYPE = internal, SSPACE = 8192,
	FINALFUNC = reco.factorize_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.factorize_combine, SERIALFUNC = reco.factorize_serialize, DESERIALFUNC = reco.factorize_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.factorize("any", "any", "any", "any", timestamptz) IS
'(user_id, item_id, quantity, order_id, at): trains factors from order lines and returns the model, for reco.import_model; NULL where no line counts. The same bags, held-out choice and bytes as reco.train over the same lines with the same options, where those have no unit_price and no amount: rows as there, negative quantities are returns, order_id may be NULL (then a customer''s lines of one moment are an order). Memory and errors as of the form with weights.';

CREATE AGGREGATE reco.factorize("any", "any", "any", "any", timestamptz, jsonb) (
	SFUNC = reco.factorize_step, STYPE = internal, SSPACE = 8192,
	FINALFUNC = reco.factorize_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.factorize_combine, SERIALFUNC = reco.factorize_serialize, DESERIALFUNC = reco.factorize_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.factorize("any", "any", "any", "any", timestamptz, jsonb) IS
'(user_id, item_id, quantity, order_id, at, options): the same with training options as listed by reco.options(), which must be the same in all rows of a group; history_limit, keep_versions and impression_days, which belong to a stored model, mean nothing here. Errors: invalid_parameter_value.';

CREATE FUNCTION reco.export_model(model text, version integer DEFAULT NULL) RETURNS bytea
	AS 'MODULE_PATHNAME', 'reco_export_model' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION reco.export_model(text, integer) IS
'The bytes of a stored version (default: the active one) of a model that the current role owns, for reco.import_model in this or another database: item keys, factors and serving parameters; no customers, no sources, options or grants. Errors: program_limit_exceeded over 1 GB (pg_dump has no such limit).';

CREATE FUNCTION reco.import_model(model text, data bytea) RETURNS reco.versions
	AS 'MODULE_PATHNAME', 'reco_import_model' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.import_model(text, bytea) IS
'Stores what reco.export_model or reco.factorize gave as a new version of a model that the current role owns (reco.create_model), makes it the active one, and returns its row of reco.versions. Without sources the model answers from basket and history; sources may be added, and trained on, later. Errors: data_corrupted, feature_not_supported (a newer format).';

/* Recommend */

CREATE FUNCTION reco.recommend(model text, user_id bigint, k integer DEFAULT 10, basket bigint[] DEFAULT NULL,
		candidates bigint[] DEFAULT NULL, exclude bigint[] DEFAULT NULL, exclude_purchased boolean DEFAULT false,
		as_of timestamptz DEFAULT pg_catalog.now(), history bigint[] DEFAULT NULL, context jsonb DEFAULT NULL,
		session_id text DEFAULT NULL, value_weight double precision DEFAULT 0, rules jsonb DEFAULT NULL)
	RETURNS TABLE (rank integer, item_id bigint, score double precision, probability double precision, source text,
		value double precision, price double precision, offer boolean, rules text[])
	AS 'MODULE_PATHNAME', 'reco_recommend_integer' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10 COST 10000;
COMMENT ON FUNCTION reco.recommend(text, bigint, integer, bigint[], bigint[], bigint[], boolean, timestamptz, bigint[], jsonb, text, double precision, jsonb) IS
'The k best items for a customer (NULL: an anonymous visitor) and a basket (a repeated id is a quantity), best first: rank from 1, item_id, score (higher is better, comparable within one answer), probability (that the item is in the order being made, beyond the basket; without a basket in the customer''s next order; given that there is an order; NULL where training held out too few orders to learn it), source, whichever says most for the item: basket, personal (own purchases), session (what was looked at), social (people followed), attributes (of items), segment (the customer''s attributes), context, sentiment, or popular. Reads the customer''s newest order lines before as_of in the caller''s snapshot; at its default every visible line up to this moment counts. history adds purchases that no source has: item ids, a repeated one counts again, all of as_of. context is an object of what the caller knows beside the tables, by the names of the fields of context: an unknown name is an error, an unknown value no evidence. session_id names the session whose events are read (reco.add_sessions), by its text form; NULL: the customer''s newest, if it is of the last day. What was looked at may come back. Items in the basket, in exclude, not in candidates (where given) or not available are left out before the cut to k, which is from 1 to 1,000,000. value_weight, from 0 (the default) to 1, goes from relevance to value: of the best 50 by score (or 2 k, if that is more) the order is probability x value^value_weight, where value is what a line of the order with that item is expected to bring: what such lines came to for this customer and for others (unit_price or amount of reco.add_orders), at the price that the item has now (reco.add_items), or the margin where one is given; without prices in orders, that times the usual quantity. Price and margin are read live, of several rows of an item the highest. What brings nothing, or less, comes last; a price that is NULL, NaN, infinite or negative, and such a margin unless it is only negative, say nothing: with prices then past orders alone count, with margins the item is worth the mean of the others, as is one of which nothing is known at all. Score and probability are those that the item has anyway. At 0 value is NULL; where nobody knows any value, it stays so and nothing changes, with a notice. reco.value_curve shows what a value_weight costs and brings. price is what a piece costs this customer now, offer whether that is by an offer (reco.add_offers), whose price then counts in value too: as the price, or as a margin that is less by the reduction, where the price is known. Both are NULL where nobody knows the price, and where the model has no offers and value_weight is 0 or goes by margins. For models whose customer and item keys are integers. Fold-in: Hu, Koren and Volinsky 2008. rules (reco.set_rules) say what a shop wants of the list beside that; those given take the place of the standing ones key by key. Column rules: which placed the row, any of pin, boost FIELD=VALUE FACTOR, boost items FACTOR, cap (it has the place of a better item that a cap left out), diversity and exposure (it was moved by it); NULL: none. Errors: undefined_object, insufficient_privilege, object_not_in_prerequisite_state (never trained), wrong_object_type (text keys), null_value_not_allowed (a NULL in an array).';

CREATE FUNCTION reco.recommend_text(model text, user_id text, k integer DEFAULT 10, basket text[] DEFAULT NULL,
		candidates text[] DEFAULT NULL, exclude text[] DEFAULT NULL, exclude_purchased boolean DEFAULT false,
		as_of timestamptz DEFAULT pg_catalog.now(), history text[] DEFAULT NULL, context jsonb DEFAULT NULL,
		session_id text DEFAULT NULL, value_weight double precision DEFAULT 0, rules jsonb DEFAULT NULL)
	RETURNS TABLE (rank integer, item_id text, score double precision, probability double precision, source text,
		value double precision, price double precision, offer boolean, rules text[])
	AS 'MODULE_PATHNAME', 'reco_recommend_text' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10 COST 10000;
COMMENT ON FUNCTION reco.recommend_text(text, text, integer, text[], text[], text[], boolean, timestamptz, text[], jsonb, text, double precision, jsonb) IS
'As reco.recommend, for models with any other customer or item keys (text, uuid, mixed), through their text form.';

CREATE FUNCTION reco.recommend_all(model text, k integer DEFAULT 10, users bigint[] DEFAULT NULL,
		exclude_purchased boolean DEFAULT false, as_of timestamptz DEFAULT pg_catalog.now(), users_from regclass DEFAULT NULL,
		value_weight double precision DEFAULT 0, rules jsonb DEFAULT NULL)
	RETURNS TABLE (user_id bigint, rank integer, item_id bigint, score double precision, probability double precision, source text,
		value double precision, price double precision, offer boolean, rules text[])
	AS 'MODULE_PATHNAME', 'reco_recommend_all_integer' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10000 COST 1000000;
COMMENT ON FUNCTION reco.recommend_all(text, integer, bigint[], boolean, timestamptz, regclass, double precision, jsonb) IS
'The k best items of every customer with an order line, or of the given users, or of those in users_from, in the order of customers and ranks; (user_id, rank) and (user_id, item_id) are unique. users_from is a table, view, materialized view or foreign table, read with the caller''s rights, with the customers in its column user_id or its only column; NULLs and repetitions in it count nothing. Each row equals what reco.recommend gives for that customer at the same as_of, value_weight and rules; with rules (also standing ones) there are no parallel workers, and facts of all items are read at once. Where attributes, friends, reviews, sessions or stored contexts count for customers (reco.weights), each is asked for by himself, with a few queries. Else order lines are read once and kept in memory, 24 bytes each, within maintenance_work_mem; scoring is shared with up to max_parallel_workers_per_gather parallel workers, which changes no bit of the answer, where maintenance_work_mem and shared memory have room for it. Errors: those of reco.recommend, undefined_column, wrong_object_type, datatype_mismatch (users_from), configuration_limit_exceeded.';

CREATE FUNCTION reco.recommend_all_text(model text, k integer DEFAULT 10, users text[] DEFAULT NULL,
		exclude_purchased boolean DEFAULT false, as_of timestamptz DEFAULT pg_catalog.now(), users_from regclass DEFAULT NULL,
		value_weight double precision DEFAULT 0, rules jsonb DEFAULT NULL)
	RETURNS TABLE (user_id text, rank integer, item_id text, score double precision, probability double precision, source text,
		value double precision, price double precision, offer boolean, rules text[])
	AS 'MODULE_PATHNAME', 'reco_recommend_all_text' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10000 COST 1000000;
COMMENT ON FUNCTION reco.recommend_all_text(text, integer, text[], boolean, timestamptz, regclass, double precision, jsonb) IS
'As reco.recommend_all, for models with any other customer or item keys, through their text form.';

CREATE FUNCTION reco.predict(model text, user_id bigint, item_ids bigint[], basket bigint[] DEFAULT NULL,
		as_of timestamptz DEFAULT pg_catalog.now(), history bigint[] DEFAULT NULL, context jsonb DEFAULT NULL,
		session_id text DEFAULT NULL)
	RETURNS TABLE ("position" integer, item_id bigint, score double precision, probability double precision,
		expected_stars double precision)
	AS 'MODULE_PATHNAME', 'reco_predict_integer' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10 COST 10000;
COMMENT ON FUNCTION reco.predict(text, bigint, bigint[], bigint[], timestamptz, bigint[], jsonb, text) IS
'Scores and probabilities for given items, one row each in the given order, position from 1: to rank a list of the caller''s own. They are those of reco.recommend for the same customer, basket, history and as_of; nothing is left out, neither what is in the basket nor what is not available, and rules (reco.set_rules) change nothing. expected_stars are the stars that the customer''s review of the item would have: the mean of all reviews, and by how much those of the item, of items with the same features and of the customer himself (his own reviews before as_of, read live; one without stars counts by its words) differ from it, each drawn to 0 where there are few; within the scale of stars that training saw; NULL where it saw none. All are NULL for an item that the model does not know. A NULL instead of the array, or in it, is an error; the others are those of reco.recommend.';

CREATE FUNCTION reco.predict_text(model text, user_id text, item_ids text[], basket text[] DEFAULT NULL,
		as_of timestamptz DEFAULT pg_catalog.now(), history text[] DEFAULT NULL, context jsonb DEFAULT NULL,
		session_id text DEFAULT NULL)
	RETURNS TABLE ("position" integer, item_id text, score double precision, probability double precision,
		expected_stars double precision)
	AS 'MODULE_PATHNAME', 'reco_predict_text' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10 COST 10000;
COMMENT ON FUNCTION reco.predict_text(text, text, text[], text[], timestamptz, text[], jsonb, text) IS
'As reco.predict, for models with any other customer or item keys, through their text form.';

CREATE FUNCTION reco.sentiment(model text, body text, OUT positive double precision, OUT stars double precision)
	AS 'MODULE_PATHNAME', 'reco_sentiment' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION reco.sentiment(text, text) IS
'What a text says, by what the model learned of the words of the shop''s own reviews: positive is the probability, 0 to 1, that it is a positive rather than a negative one, if there were as many of both (so 0.5 is where it is as likely in either, however rare complaints are; positive: stars in the upper quarter of the scale, negative: in its lower half); stars are those to be expected beside it. Words are found by the text search configuration of the reviews that training learned from, of the first source by name where there are several; the first 500 words count. NULL for NULL, and for a text without words. NBSVM on words and pairs of words: Wang and Manning 2012; probabilities: Platt 1999. For whoever may recommend. Errors: undefined_object (no such model; a configuration that is gone), insufficient_privilege, object_not_in_prerequisite_state (never trained, or on too few reviews).';

CREATE FUNCTION reco.similar_items(model text, item_id bigint, k integer DEFAULT 10,
		OUT rank integer, OUT similar_item_id bigint, OUT similarity double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'reco_similar_items_integer' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10 COST 10000;
COMMENT ON FUNCTION reco.similar_items(text, bigint, integer) IS
'The k available items most like an item: by the cosine of their factors, -1 to 1, that is bought by the same customers and in the same orders, whatever the popularity of either. No rows for an item that the model does not know. Errors as of reco.recommend.';

CREATE FUNCTION reco.similar_items_text(model text, item_id text, k integer DEFAULT 10,
		OUT rank integer, OUT similar_item_id text, OUT similarity double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'reco_similar_items_text' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10 COST 10000;
COMMENT ON FUNCTION reco.similar_items_text(text, text, integer) IS
'As reco.similar_items, for models with any other customer or item keys, through their text form.';

CREATE FUNCTION reco.complements(model text, basket bigint[], k integer DEFAULT 10,
		OUT rank integer, OUT item_id bigint, OUT score double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'reco_complements_integer' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10 COST 10000;
COMMENT ON FUNCTION reco.complements(text, bigint[], integer) IS
'The k available items that go best with a basket, by what was bought in one order: the score is the sum of what each item of the basket says for them. An id counts once; items of the basket are left out, and those that the model does not know say nothing. EASE: Steck 2019, or a regression of each item on its nearest (option complements). Errors as of reco.recommend, and object_not_in_prerequisite_state where the active version has no complements.';

CREATE FUNCTION reco.complements_text(model text, basket text[], k integer DEFAULT 10,
		OUT rank integer, OUT item_id text, OUT score double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'reco_complements_text' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10 COST 10000;
COMMENT ON FUNCTION reco.complements_text(text, text[], integer) IS
'As reco.complements, for models with any other customer or item keys, through their text form.';

CREATE FUNCTION reco.explain(model text, user_id bigint, item_id bigint, basket bigint[] DEFAULT NULL,
		history bigint[] DEFAULT NULL, as_of timestamptz DEFAULT pg_catalog.now(), context jsonb DEFAULT NULL,
		session_id text DEFAULT NULL)
	RETURNS TABLE (kind text, component text, evidence bigint, contribution double precision, label text)
	AS 'MODULE_PATHNAME', 'reco_explain_integer' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 20 COST 10000;
COMMENT ON FUNCTION reco.explain(text, bigint, bigint, bigint[], bigint[], timestamptz, jsonb, text) IS
'Why an item has its score for a customer (NULL: an anonymous visitor), a basket and a history: what each piece of evidence contributes, the largest first. The sum is the score that reco.recommend and reco.predict give for the same arguments, to float precision. kind is the kind of data: transactional, demographic, contextual, social, sentiment, or attributes (of items); component one of those of reco.weights, which tells what they count. evidence is the item of the basket, of the session or of the history that speaks for it, or against it where the contribution is negative; label the attribute of the customer or part of the context that does, such as users.region = north. Both are NULL for popularity and the like, and for friends: all that the people followed bought is one sum. What contributes nothing is left out, and there are no rows for an item that the model does not know. Evidence of a fold-in: Hu, Koren and Volinsky 2008, section 5. It shows what the customer bought: only for whoever was granted it by reco.grant_usage with explain => true, and the owner. Errors as of reco.predict, and null_value_not_allowed for a NULL item_id.';

CREATE FUNCTION reco.explain_text(model text, user_id text, item_id text, basket text[] DEFAULT NULL,
		history text[] DEFAULT NULL, as_of timestamptz DEFAULT pg_catalog.now(), context jsonb DEFAULT NULL,
		session_id text DEFAULT NULL)
	RETURNS TABLE (kind text, component text, evidence text, contribution double precision, label text)
	AS 'MODULE_PATHNAME', 'reco_explain_text' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 20 COST 10000;
COMMENT ON FUNCTION reco.explain_text(text, text, text, text[], text[], timestamptz, jsonb, text) IS
'As reco.explain, for models with any other customer or item keys, through their text form.';

CREATE FUNCTION reco.weights(model text, OUT request text, OUT component text, OUT kind text, OUT weight double precision,
		OUT recall_lost double precision, OUT ci_low double precision, OUT ci_high double precision)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'reco_weights' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 40 COST 1000;
COMMENT ON FUNCTION reco.weights(text) IS
'What the components of a score, and kinds of evidence within them, count in the active version: one row for each kind of request, by what it has to go on (basket, or a session; history, the customer''s or the caller''s; both; none: nothing of one''s own), and each that the model has anything for. Components: basket and history (folded in), everybody (expected of anybody), prior (what the customer''s attributes add to that), complements (what goes with the basket), followups (what goes with the history), repeats (what the customer bought before), viewed (what the session looked at), match and affinity (items with the attributes of those in the basket, in the history), segment and context (what such customers, what one in such a context buys more than others), trend (what many buy lately), popularity, sentiment (what is liked). Strengths: friends (weight of a purchase of who is followed, in the history), stars (how far low ones take a purchase out of it), session and session_decay (weight of the best kind of event in the basket, and what each newer one leaves of it), same_ and the name of each of up to eight parts of a context (exp of it is what a purchase in the same one counts more), event_ and each kind of event in sessions (what it counts beside the best, 1). kind is the kind of data: transactional, demographic, contextual, social, sentiment, or attributes (of items). weight is at least 0, and 0 for what does not help; components are in units of their own, so weights alone do not tell what counts most. recall_lost is what recall@10 on the orders that training held out, from -1 to 1, loses where this weight is 0 and the others stay, ci_low and ci_high its 95 % interval (normal, of paired differences), wide enough that all rows of a kind of data are within theirs in 95 % of trainings (Bonferroni); the weights were learned on the same orders, so it is slightly optimistic. NULL where the weight is 0 or too few orders were held out. For whoever may recommend. Errors: undefined_object, insufficient_privilege, object_not_in_prerequisite_state (never trained).';

/* Evaluate */

CREATE FUNCTION reco.algorithms(OUT algorithm text, OUT settings integer, OUT needs text, OUT description text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'reco_algorithms' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 25;
COMMENT ON FUNCTION reco.algorithms() IS
'The algorithms that reco.evaluate asks beside the model, and after them variants of the model itself (reco_...): the number of settings that each tries in the past, what it needs beside orders (NULL: nothing), and what it does, with its source.';

CREATE FUNCTION reco.evaluate(model text, k integer DEFAULT 10, split text DEFAULT 'time', cut timestamptz DEFAULT NULL,
		until timestamptz DEFAULT NULL, algorithms text[] DEFAULT NULL, orders integer DEFAULT 2000,
		min_items integer DEFAULT 1, max_items integer DEFAULT 100, undated boolean DEFAULT true, seed integer DEFAULT 0,
		value_weight double precision DEFAULT 0)
	RETURNS TABLE (algorithm text, request text, metric text, k integer, value double precision,
		ci_low double precision, ci_high double precision, n bigint, remark text)
	AS 'MODULE_PATHNAME', 'reco_evaluate_sql' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 500 COST 1000000;
COMMENT ON FUNCTION reco.evaluate(text, integer, text, timestamptz, timestamptz, text[], integer, integer, integer, boolean, integer, double precision) IS
'How good a model is beside other algorithms, on orders that it has not seen: trains it on the past alone (nothing is stored), lets the others choose their settings in the past, and asks everybody what later orders would have asked, as of each order''s first line: completion (half of the items are visible, drawn by seed; the others are to be found) and next basket of a known customer (nothing is visible). split ''time'' (the default): orders from cut on (default: the newest 15 %) and before until; ''last_order'': each customer''s last, which knows more of the future than a shop can. orders: at most so many are drawn (1 to 100,000); min_items and max_items: different items in an order; k: length of a list, 1 to 1000; algorithms: names, NULL means all, the model (reco) always takes part; its variants (reco_complements, reco_factors, reco_equal and reco_without_...: other weights for the same components, left out where they change nothing) have no part in the verdict. Rows: first a verdict for each kind of request (the lead in ndcg over the best other algorithm, remark says in words whether the model is worth it; then under the name blend recall_lead and ndcg_lead over the best of reco_complements, reco_factors and repeats, those among them that were asked), then each metric with the best first, value with the 95 % interval of 1,000 bootstrap draws of customers (NULL: chance has none, as for coverage) and n requests, then seconds of training and milliseconds a request, then what was replayed and left out. Metrics are defined at the aggregates of the same names (recall: reco.recall_at_k); catalogue_coverage and exposure_gini count all items; log_loss, brier, calibration_error and calibration_bias (foretold less what came true) are of the probabilities of the k items shown; intra_list_diversity goes by the cosine of past orders, on at most 300 lists; value_recovered is the value of the hits over that of the visible basket (next basket: of the order), value_share the mean over orders of the value of the hits over that of the whole order. value_weight is what the model is asked with (reco.recommend), at the prices and margins of now, and without offers (reco.add_offers), of which nobody knows who had them, always without rules (reco.set_rules); the others know no value. Stars of reviews (add_reviews with at and stars): rows of request rating, mse and rmse of the mean, shrunk item means, biases and biases with factors (Koren, Bell and Volinsky 2009), learned before the cut and asked after it, and of the model as reco.predict expects them. Lists that an algorithm cannot fill go on with recent popularity, except for random, popularity and repeats. Items and customers as they are now (features, description, price, margin, available) have no time: rows ''undated'' list them, undated => false leaves them out. The same rows and seed give the same figures, apart from seconds. Memory: 32 bytes a line and training, within maintenance_work_mem. For the model''s owner. Errors: undefined_object, insufficient_privilege, object_not_in_prerequisite_state (no orders), invalid_parameter_value, configuration_limit_exceeded.';

CREATE FUNCTION reco.replay(model text, k integer DEFAULT 10, split text DEFAULT 'time', cut timestamptz DEFAULT NULL,
		until timestamptz DEFAULT NULL, algorithms text[] DEFAULT '{}', orders integer DEFAULT 2000,
		min_items integer DEFAULT 1, max_items integer DEFAULT 100, undated boolean DEFAULT true, seed integer DEFAULT 0,
		value_weight double precision DEFAULT 0)
	RETURNS TABLE (algorithm text, request text, order_id text, user_id text, as_of timestamptz, basket text[], wanted text[],
		recommended text[], scores double precision[], probabilities double precision[])
	AS 'MODULE_PATHNAME', 'reco_replay_sql' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10000 COST 1000000;
COMMENT ON FUNCTION reco.replay(text, integer, text, timestamptz, timestamptz, text[], integer, integer, integer, boolean, integer, double precision) IS
'The requests of reco.evaluate with the same parameters, and what everybody answered: for metrics of your own, or to look at single answers. algorithm: reco, or one of those named in algorithms (by default none; NULL: all); order_id NULL where the source has none; as_of: the order''s first line; basket: its visible items; wanted: those to be found; recommended: the answer, best first, with scores and, of the model, probabilities. The model''s answers are those that reco.recommend gives for that customer, basket and as_of after a training with the cut as training_clock, but for offers (reco.add_offers), which count nothing here. Keys are in their text form. It reveals what persons bought: for the model''s owner. Errors as of reco.evaluate.';

CREATE FUNCTION reco.value_curve(model text, weights double precision[] DEFAULT '{0,0.25,0.5,0.75,1}', k integer DEFAULT 10,
		split text DEFAULT 'time', cut timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, orders integer DEFAULT 2000,
		min_items integer DEFAULT 1, max_items integer DEFAULT 100, undated boolean DEFAULT true, seed integer DEFAULT 0)
	RETURNS TABLE (request text, value_weight double precision, k integer,
		recall double precision, recall_low double precision, recall_high double precision,
		recall_change double precision, recall_change_low double precision, recall_change_high double precision,
		value_recovered double precision, value_change double precision, value_change_low double precision, value_change_high double precision,
		value_share double precision, share_change double precision, share_change_low double precision, share_change_high double precision,
		margin_recovered double precision, margin_change double precision, margin_change_low double precision, margin_change_high double precision,
		n bigint)
	AS 'MODULE_PATHNAME', 'reco_value_curve_sql' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10 COST 1000000;
COMMENT ON FUNCTION reco.value_curve(text, double precision[], integer, text, timestamptz, timestamptz, integer, integer, integer, boolean, integer) IS
'What a value_weight (reco.recommend) costs and brings, on orders that the model has not seen: as reco.evaluate does, trains it on the past, stores nothing, and asks later orders'' requests with each of the weights (at most 20, each from 0 to 1), and with 0. A row for each kind of request and weight: recall; value_recovered, the value of the hits over that of the visible basket (next basket: of the order); value_share, the mean over orders of the value of the hits over that of the whole order, which no wholesale order outweighs; margin_recovered, as value_recovered, where a source of items has margins, which then are what value_weight goes by, those of now; offers count nothing. recall_change is the difference to value_weight 0; the other changes are relative to it (0.05: 5 % more). Intervals are of 95 %, from 1,000 bootstrap draws of customers, for changes paired: they are surer than the figures. value and margin are NULL where no order lines have unit_price or amount. n requests. NOT causal: it says what was found, and that may well have been bought anyway; only an experiment tells what recommending changes. Parameters, memory, errors and for whom: as of reco.evaluate.';

CREATE FUNCTION reco.compare(model text, version_a integer, version_b integer, k integer DEFAULT 10,
		cut timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, orders integer DEFAULT 2000,
		min_items integer DEFAULT 1, max_items integer DEFAULT 100, undated boolean DEFAULT true, seed integer DEFAULT 0)
	RETURNS TABLE (request text, metric text, k integer, value_a double precision, value_b double precision,
		difference double precision, ci_low double precision, ci_high double precision, n bigint, remark text)
	AS 'MODULE_PATHNAME', 'reco_compare_sql' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 20 COST 1000000;
COMMENT ON FUNCTION reco.compare(text, integer, integer, integer, timestamptz, timestamptz, integer, integer, integer, boolean, integer) IS
'Two stored versions of a model on orders that neither has seen: those from cut on (default: after the newest line that either was trained on) and before until. Requests, metrics, the other parameters and intervals are those of reco.evaluate; both versions answer the same requests, and difference is value_b - value_a with the 95 % interval of paired bootstrap draws of customers. remark: b is better, a is better, may be chance, or cannot tell. For the model''s owner. Errors: undefined_object (no such version), invalid_parameter_value (a cut before the end of a training), object_not_in_prerequisite_state (no such orders, or other keys), and those of reco.evaluate.';

CREATE FUNCTION reco.fairness(model text, by text, k integer DEFAULT 10, min_support integer DEFAULT 20,
		split text DEFAULT 'time', cut timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, orders integer DEFAULT 2000,
		min_items integer DEFAULT 1, max_items integer DEFAULT 100, undated boolean DEFAULT true, seed integer DEFAULT 0)
	RETURNS TABLE ("group" text, request text, metric text, k integer, value double precision,
		ci_low double precision, ci_high double precision, gap double precision, gap_low double precision,
		gap_high double precision, customers bigint, n bigint)
	AS 'MODULE_PATHNAME', 'reco_fairness_sql' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 100 COST 1000000;
COMMENT ON FUNCTION reco.fairness(text, text, integer, integer, text, timestamptz, timestamptz, integer, integer, integer, boolean, integer) IS
'How a model, trained on the past alone as by reco.evaluate, serves groups on later orders. by names a feature of customers (add_users), a context of orders (add_orders) or a feature of items (add_items), qualified as in users.age_band where several have the name; its values, as text, are the groups, at most 1,000; more than 20 different numbers make ten ranges of as many, and of an array the first element counts. Of customers and orders: recall, ndcg, calibration_bias (mean probability of what was shown less the share that was bought; above 0: promised too much), calibration_error and novelty (bits) of each group, and its gap to all requests. Of items: exposure, the share of places in answers, and its gap to the group''s share of what was bought. Intervals are those of 1,000 bootstrap draws of customers; within a metric the largest gaps come first. Groups with fewer than min_support customers (2 or more) with such orders have no row. For the model''s owner. Method for exposure: Singh and Joachims 2018. Errors: undefined_column, ambiguous_column, program_limit_exceeded (labels), and those of reco.evaluate.';
/*
 * Metrics
 *
 * Their state is an array of sums (src/sums.c) where that is enough.  Aggregates with the same step function share it where
 * they stand in one query over the same arguments.
 */

CREATE FUNCTION reco.metrics_lists_step(double precision[], anyarray, anyarray, integer) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'reco_metrics_lists_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION reco.metrics_values_step(double precision[], anyarray, anyarray, double precision[], double precision, integer) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'reco_metrics_values_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION reco.metrics_margins_step(double precision[], anyarray, anyarray, double precision[], double precision, integer) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'reco_metrics_margins_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION reco.metrics_errors_step(double precision[], double precision, double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'reco_metrics_errors_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION reco.metrics_probabilities_step(double precision[], double precision, boolean) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'reco_metrics_probabilities_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION reco.metrics_calibration_step(double precision[], double precision, boolean) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'reco_metrics_calibration_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION reco.metrics_calibration_step(double precision[], double precision, boolean, integer) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'reco_metrics_calibration_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION reco.metrics_novelty_step(double precision[], bigint, bigint) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'reco_metrics_novelty_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION reco.metrics_diversity_step(double precision[], double precision) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'reco_metrics_diversity_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION reco.metrics_auc_step(internal, double precision, boolean) RETURNS internal
	AS 'MODULE_PATHNAME', 'reco_metrics_auc_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION reco.metrics_exposure_step(internal, anyarray, integer, bigint) RETURNS internal
	AS 'MODULE_PATHNAME', 'reco_metrics_exposure_step' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION reco.metrics_combine(double precision[], double precision[]) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'reco_metrics_combine' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION reco.metrics_mean_1(double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'reco_metrics_mean_1' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION reco.metrics_mean_2(double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'reco_metrics_mean_2' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION reco.metrics_mean_3(double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'reco_metrics_mean_3' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION reco.metrics_mean_4(double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'reco_metrics_mean_4' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION reco.metrics_mean_5(double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'reco_metrics_mean_5' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION reco.metrics_mean_6(double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'reco_metrics_mean_6' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION reco.metrics_root(double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'reco_metrics_root' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION reco.metrics_ratio(double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'reco_metrics_ratio' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION reco.metrics_calibration(double precision[]) RETURNS double precision
	AS 'MODULE_PATHNAME', 'reco_metrics_calibration' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION reco.metrics_auc(internal) RETURNS double precision
	AS 'MODULE_PATHNAME', 'reco_metrics_auc_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION reco.metrics_coverage(internal) RETURNS double precision
	AS 'MODULE_PATHNAME', 'reco_metrics_coverage' LANGUAGE C IMMUTABLE PARALLEL SAFE;
CREATE FUNCTION reco.metrics_gini(internal) RETURNS double precision
	AS 'MODULE_PATHNAME', 'reco_metrics_gini_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION reco.metrics_lists_step(double precision[], anyarray, anyarray, integer) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_values_step(double precision[], anyarray, anyarray, double precision[], double precision, integer) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_margins_step(double precision[], anyarray, anyarray, double precision[], double precision, integer) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_errors_step(double precision[], double precision, double precision) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_probabilities_step(double precision[], double precision, boolean) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_calibration_step(double precision[], double precision, boolean) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_calibration_step(double precision[], double precision, boolean, integer) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_novelty_step(double precision[], bigint, bigint) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_diversity_step(double precision[], double precision) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_auc_step(internal, double precision, boolean) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_exposure_step(internal, anyarray, integer, bigint) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_combine(double precision[], double precision[]) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_mean_1(double precision[]) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_mean_2(double precision[]) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_mean_3(double precision[]) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_mean_4(double precision[]) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_mean_5(double precision[]) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_mean_6(double precision[]) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_root(double precision[]) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_ratio(double precision[]) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_calibration(double precision[]) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_auc(internal) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_coverage(internal) IS 'Support function of the metrics.';
COMMENT ON FUNCTION reco.metrics_gini(internal) IS 'Support function of the metrics.';

CREATE AGGREGATE reco.precision_at_k(recommended anyarray, relevant anyarray, k integer) (
	SFUNC = reco.metrics_lists_step, STYPE = double precision[], FINALFUNC = reco.metrics_mean_1, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.metrics_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.precision_at_k(anyarray, anyarray, integer) IS
'Mean over rows of hits / k, 0 to 1: a row is a request, recommended its list (best first, the first k count), relevant the set of items that were to be found; NULL where no row counts. A row does not count where an array is NULL or relevant is empty; an empty recommended is 0. Items are compared by the default equality of their type; an item recommended again is no hit there, but takes the rank. All metrics over the same (recommended, relevant, k) in one query are made in one pass. Ranks must be those among all items: among a sample of them, every metric of a list says something else (Krichene and Rendle 2020). Herlocker et al. 2004. Errors: invalid_parameter_value (k not from 1 to 1,000,000), null_value_not_allowed (a NULL in an array), array_subscript_error (more than one dimension), undefined_function (a type without default equality).';

CREATE AGGREGATE reco.recall_at_k(recommended anyarray, relevant anyarray, k integer) (
	SFUNC = reco.metrics_lists_step, STYPE = double precision[], FINALFUNC = reco.metrics_mean_2, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.metrics_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.recall_at_k(anyarray, anyarray, integer) IS
'Mean over rows of hits / min(k, number of relevant items), 0 to 1. The textbook divides by the number of relevant items, and cannot reach 1 where that is more than k; where it is not, both are the same. Rows, NULLs and errors as of reco.precision_at_k.';

CREATE AGGREGATE reco.hit_rate_at_k(recommended anyarray, relevant anyarray, k integer) (
	SFUNC = reco.metrics_lists_step, STYPE = double precision[], FINALFUNC = reco.metrics_mean_3, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.metrics_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.hit_rate_at_k(anyarray, anyarray, integer) IS
'Share of rows with a hit among the first k, 0 to 1. Rows, NULLs and errors as of reco.precision_at_k.';

CREATE AGGREGATE reco.map_at_k(recommended anyarray, relevant anyarray, k integer) (
	SFUNC = reco.metrics_lists_step, STYPE = double precision[], FINALFUNC = reco.metrics_mean_4, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.metrics_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.map_at_k(anyarray, anyarray, integer) IS
'Mean average precision: mean over rows of the sum over hits of (hits up to their rank / rank), divided by min(k, number of relevant items), 0 to 1. Rows, NULLs and errors as of reco.precision_at_k. Manning, Raghavan and Schuetze 2008, chapter 8.';

CREATE AGGREGATE reco.mrr_at_k(recommended anyarray, relevant anyarray, k integer) (
	SFUNC = reco.metrics_lists_step, STYPE = double precision[], FINALFUNC = reco.metrics_mean_5, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.metrics_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.mrr_at_k(anyarray, anyarray, integer) IS
'Mean reciprocal rank: mean over rows of 1 / rank of the first hit, 0 without one among the first k; 0 to 1. Rows, NULLs and errors as of reco.precision_at_k. Voorhees 1999.';

CREATE AGGREGATE reco.ndcg_at_k(recommended anyarray, relevant anyarray, k integer) (
	SFUNC = reco.metrics_lists_step, STYPE = double precision[], FINALFUNC = reco.metrics_mean_6, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.metrics_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.ndcg_at_k(anyarray, anyarray, integer) IS
'Normalized discounted cumulative gain with binary gains: mean over rows of the sum over hits of 1 / log2(rank + 1), divided by that of a list with min(k, number of relevant items) hits at its beginning; 0 to 1. Rows, NULLs and errors as of reco.precision_at_k. Jarvelin and Kekalainen 2002.';

CREATE AGGREGATE reco.value_recovered_at_k(recommended anyarray, relevant anyarray, "values" double precision[], visible_value double precision, k integer) (
	SFUNC = reco.metrics_values_step, STYPE = double precision[], FINALFUNC = reco.metrics_ratio, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.metrics_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.value_recovered_at_k(anyarray, anyarray, double precision[], double precision, integer) IS
'Sum over rows of the values of the hits / sum of visible_value, from 0 on: values[i] is what relevant[i] is worth (those of a repeated item add up), visible_value what was already in the request, such as the visible half of a basket. NULL where the latter sum is 0 or no row counts; a row with a NULL or with no relevant item does not count. NOT causal: it says what was found, and that may well have been bought anyway; what recommending changes, only an experiment with a control group can tell. Errors: as of reco.precision_at_k, numeric_value_out_of_range (a value that is negative or not finite), array_subscript_error (not as many values as relevant items).';

CREATE AGGREGATE reco.margin_recovered_at_k(recommended anyarray, relevant anyarray, margins double precision[], visible_value double precision, k integer) (
	SFUNC = reco.metrics_margins_step, STYPE = double precision[], FINALFUNC = reco.metrics_ratio, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.metrics_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.margin_recovered_at_k(anyarray, anyarray, double precision[], double precision, integer) IS
'reco.value_recovered_at_k with margins, which may be negative; then the ratio may be, too. visible_value is the visible items'' margin, or whatever else the margins are to be compared with, and not negative. NOT causal either: what was found may well have been bought anyway; only an experiment tells what recommending changes. NULLs and errors as there.';

CREATE AGGREGATE reco.catalogue_coverage(recommended anyarray, k integer, items bigint) (
	SFUNC = reco.metrics_exposure_step, STYPE = internal, SSPACE = 8192, FINALFUNC = reco.metrics_coverage, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.catalogue_coverage(anyarray, integer, bigint) IS
'Different items among the first k of any row''s list / items, the number of items that could have been recommended; 0 to 1. A row whose list is NULL does not count; NULL where none does. Keeps each different item in memory (about 40 bytes and its own size). Errors: invalid_parameter_value (k not from 1 to 1,000,000; items below 1, not the same in all rows, or less than the different items), null_value_not_allowed, array_subscript_error, undefined_function as of reco.precision_at_k. Ge, Delgado-Battenfeld and Jannach 2010.';

CREATE AGGREGATE reco.exposure_gini(recommended anyarray, k integer, items bigint) (
	SFUNC = reco.metrics_exposure_step, STYPE = internal, SSPACE = 8192, FINALFUNC = reco.metrics_gini, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.exposure_gini(anyarray, integer, bigint) IS
'Gini index of how often items are shown, over all items of the catalogue with those that never are: sum over items of (2 rank - items - 1) shown / (items x sum of shown), ranks ascending by shown. 0: all equally often, or nothing is shown at all; at most (items - 1) / items: always the same one. An item is shown by a row once, if it is among the first k. Rows, NULLs, memory and errors as of reco.catalogue_coverage. Gastwirth 1972.';

CREATE AGGREGATE reco.novelty(orders_with_item bigint, orders bigint) (
	SFUNC = reco.metrics_novelty_step, STYPE = double precision[], FINALFUNC = reco.metrics_mean_1, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.metrics_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.novelty(bigint, bigint) IS
'Mean self-information, in bits, of recommended items: a row is one of them, in orders_with_item of so many orders, and adds -log2((orders_with_item + 1) / (orders + 1)), from 0 (in every order) to log2(orders + 1) (in none). A row with a NULL does not count; NULL where none does. Error: numeric_value_out_of_range unless 0 <= orders_with_item <= orders. Zhou et al. 2010.';

CREATE AGGREGATE reco.intra_list_diversity(similarity double precision) (
	SFUNC = reco.metrics_diversity_step, STYPE = double precision[], FINALFUNC = reco.metrics_mean_1, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.metrics_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.intra_list_diversity(double precision) IS
'Mean of 1 - similarity, 0 to 1, where rows are the pairs of items of a list: group by list, and take the mean of that over lists. Each pair counts once, or each twice. A row with NULL does not count; NULL where none does. Error: numeric_value_out_of_range for a similarity that is not from 0 to 1. Ziegler et al. 2005.';

CREATE AGGREGATE reco.mse(predicted double precision, actual double precision) (
	SFUNC = reco.metrics_errors_step, STYPE = double precision[], FINALFUNC = reco.metrics_mean_1, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.metrics_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.mse(double precision, double precision) IS
'Mean of (predicted - actual)^2, from 0 on. A row with a NULL does not count; NULL where none does. Error: numeric_value_out_of_range for a NaN, an infinity, or a sum beyond double precision.';

CREATE AGGREGATE reco.rmse(predicted double precision, actual double precision) (
	SFUNC = reco.metrics_errors_step, STYPE = double precision[], FINALFUNC = reco.metrics_root, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.metrics_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.rmse(double precision, double precision) IS
'Root of the mean of (predicted - actual)^2, from 0 on. NULLs and errors as of reco.mse.';

CREATE AGGREGATE reco.auc(score double precision, relevant boolean) (
	SFUNC = reco.metrics_auc_step, STYPE = internal, SSPACE = 8192, FINALFUNC = reco.metrics_auc, FINALFUNC_MODIFY = READ_ONLY,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.auc(double precision, boolean) IS
'Chance that what is relevant has a higher score than what is not, ties counting half: the area under the ROC curve, 0 to 1, 0.5 for scores that say nothing. A row with a NULL does not count; NULL unless there are rows of both kinds. Keeps the scores in memory (8 to 16 bytes a row, and up to 8 more while it sorts). Error: numeric_value_out_of_range for a NaN or infinite score. Mann and Whitney 1947; Hanley and McNeil 1982.';

CREATE AGGREGATE reco.log_loss(probability double precision, outcome boolean) (
	SFUNC = reco.metrics_probabilities_step, STYPE = double precision[], FINALFUNC = reco.metrics_mean_1, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.metrics_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.log_loss(double precision, boolean) IS
'Mean of -ln(probability) where outcome is true and -ln(1 - probability) where it is false, 0 to 34.6: probabilities within 1e-15 of 0 or 1 count as those. A row with a NULL does not count; NULL where none does. Error: numeric_value_out_of_range for a probability that is not from 0 to 1.';

CREATE AGGREGATE reco.brier(probability double precision, outcome boolean) (
	SFUNC = reco.metrics_probabilities_step, STYPE = double precision[], FINALFUNC = reco.metrics_mean_2, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.metrics_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.brier(double precision, boolean) IS
'Mean of (probability - outcome)^2, with an outcome of 1 or 0; 0 to 1. NULLs and errors as of reco.log_loss. Brier 1950.';

CREATE AGGREGATE reco.calibration_error(probability double precision, outcome boolean) (
	SFUNC = reco.metrics_calibration_step, STYPE = double precision[], FINALFUNC = reco.metrics_calibration, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.metrics_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.calibration_error(double precision, boolean) IS
'Expected calibration error: by probability, rows are put into 10 bins of equal width; sum over bins of |sum of probabilities - number of true outcomes| / number of rows, 0 to 1. NULLs and errors as of reco.log_loss. Naeini, Cooper and Hauskrecht 2015.';

CREATE AGGREGATE reco.calibration_error(probability double precision, outcome boolean, bins integer) (
	SFUNC = reco.metrics_calibration_step, STYPE = double precision[], FINALFUNC = reco.metrics_calibration, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.metrics_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.calibration_error(double precision, boolean, integer) IS
'The same with 1 to 1000 bins. Errors: also invalid_parameter_value, for another number of bins or one that is not the same in all rows.';

/* Bundles and larger orders */

CREATE FUNCTION reco.bundles(model text, k integer DEFAULT 10, min_support integer DEFAULT NULL, min_size integer DEFAULT 2,
		max_size integer DEFAULT 5, min_lift double precision DEFAULT 1, since timestamptz DEFAULT NULL,
		until timestamptz DEFAULT NULL, max_items integer DEFAULT 1000, false_discovery_rate double precision DEFAULT 0.05,
		only_available boolean DEFAULT true)
	RETURNS TABLE (rank integer, items bigint[], size integer, orders bigint, customers bigint, expected double precision,
		explained double precision, lift double precision, lift_low double precision, plain_lift double precision,
		p_value double precision, q_value double precision, examined bigint, price double precision, margin double precision,
		value_together double precision, value_beside double precision, value_apart double precision)
	AS 'MODULE_PATHNAME', 'reco_bundles_integer' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10 COST 1000000;
COMMENT ON FUNCTION reco.bundles(text, integer, integer, integer, integer, double precision, timestamptz, timestamptz, integer, double precision, boolean) IS
'The k strongest bundles of a model that the current role owns: sets of min_size to max_size (2 to 5) items that are in one order more often than chance would have it, with at least min_support different customers (default: the option of that name; at least 2). Orders are those of the sources, of customers who consent to training, from since on, with lines before until, returns netted; those of more than max_items different items are left out, with a notice. items (ascending), size, orders and customers that hold them all; expected: orders by chance, if items were bought as often as they are, independently, in orders of the sizes that there are (period by period: the time is divided into up to 12 of equally many orders, at least 1,000); explained: the same for sets of three and more by their two parts that go together most, and expected for pairs; lift: orders / expected; lift_low: its lower bound, adjusted such that of all bounds given at most a share of false_discovery_rate is expected to be too high; plain_lift: without regard to sizes and periods; p_value: chance of so many orders where as many as explained are expected, Poisson, after dividing both by how much orders are repeated by the same customers; q_value: adjusted over examined, the number of sets that could have been listed; found is what has a q_value up to false_discovery_rate and a lift_low of at least min_lift. Only_available leaves out, of what was found, sets of which an item is not for sale now (by the expression available, live; where no source has one, none is left out). The strongest have the largest lift_low to the power 1 / (size - 1). price and margin: sums of the shop''s own, live (of several rows of an item the lowest, offers left out), NULL where one is not known. Observed, NOT causal: value_together, mean value of the orders that hold them all; value_beside, of what else is in these; value_apart, of orders that hold some of them but not all. Memory within maintenance_work_mem. Agrawal and Srikant 1994; Benjamini and Hochberg 1995; Benjamini and Yekutieli 2005; Webb 2007; Saracco et al. 2015. Errors: undefined_object, insufficient_privilege, object_not_in_prerequisite_state (no orders), wrong_object_type (text keys), configuration_limit_exceeded.';

CREATE FUNCTION reco.bundles_text(model text, k integer DEFAULT 10, min_support integer DEFAULT NULL, min_size integer DEFAULT 2,
		max_size integer DEFAULT 5, min_lift double precision DEFAULT 1, since timestamptz DEFAULT NULL,
		until timestamptz DEFAULT NULL, max_items integer DEFAULT 1000, false_discovery_rate double precision DEFAULT 0.05,
		only_available boolean DEFAULT true)
	RETURNS TABLE (rank integer, items text[], size integer, orders bigint, customers bigint, expected double precision,
		explained double precision, lift double precision, lift_low double precision, plain_lift double precision,
		p_value double precision, q_value double precision, examined bigint, price double precision, margin double precision,
		value_together double precision, value_beside double precision, value_apart double precision)
	AS 'MODULE_PATHNAME', 'reco_bundles_text' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10 COST 1000000;
COMMENT ON FUNCTION reco.bundles_text(text, integer, integer, integer, integer, double precision, timestamptz, timestamptz, integer, double precision, boolean) IS
'As reco.bundles, for models with any other customer or item keys, through their text form.';

/* What was shown */

CREATE FUNCTION reco.keep_impressions(model text, retention interval) RETURNS reco.models
	AS 'MODULE_PATHNAME', 'reco_keep_impressions' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.keep_impressions(text, interval) IS
'From now on a model that the current role owns keeps what reco.log_impressions and reco.recommend_logged say was shown, for so many days (1 to 3650; the option impression_days), as long as reco.prune_impressions is called now and then; NULL: it keeps no more, and the next reco.prune_impressions removes what there is. Makes the partitions of this month and the next, and returns the model''s row of reco.models.';

CREATE FUNCTION reco.log_impressions(model text, user_id bigint, item_ids bigint[],
		recommendation_id uuid DEFAULT pg_catalog.gen_random_uuid(), at timestamptz DEFAULT pg_catalog.now(), context jsonb DEFAULT NULL)
	RETURNS uuid
	AS 'MODULE_PATHNAME', 'reco_log_impressions_integer' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.log_impressions(text, bigint, bigint[], uuid, timestamptz, jsonb) IS
'Keeps that these items (1 to 1,000, in the order in which they were shown) were shown to a customer (NULL: somebody unknown), for whoever may recommend, and returns recommendation_id; NULL, and nothing is kept, where the model keeps no impressions (reco.keep_impressions), so that they can be switched on and off without changing the shop. A row for each call. Where a source of customers asks for consent and the customer does not consent to personalize, it is kept as shown to somebody unknown, without context. at: from as long ago as impressions are kept to an hour from now. context: up to 8 kB of the caller''s, such as the page; it is kept as it is. reco.aov_report tells what of it was bought. Errors: undefined_object, insufficient_privilege, invalid_parameter_value, program_limit_exceeded (a key of more than 1,000 bytes), null_value_not_allowed, array_subscript_error, read_only_sql_transaction (also on a standby).';

CREATE FUNCTION reco.log_impressions_text(model text, user_id text, item_ids text[],
		recommendation_id uuid DEFAULT pg_catalog.gen_random_uuid(), at timestamptz DEFAULT pg_catalog.now(), context jsonb DEFAULT NULL)
	RETURNS uuid
	AS 'MODULE_PATHNAME', 'reco_log_impressions_text' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.log_impressions_text(text, text, text[], uuid, timestamptz, jsonb) IS
'As reco.log_impressions, for models with any other customer or item keys, through their text form.';

CREATE FUNCTION reco.prune_impressions(model text, OUT rows bigint, OUT partitions integer)
	AS 'MODULE_PATHNAME', 'reco_prune_impressions' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.prune_impressions(text, OUT bigint, OUT integer) IS
'Removes the impressions of a model that the current role owns which are older than it keeps them, all where it keeps none: months that are over and of this model alone as whole partitions, unless somebody is reading or writing impressions at that moment, other rows one by one. Returns how many rows and partitions. Makes the partitions of this month and the next. To be called daily.';

CREATE FUNCTION reco.forget_user(model text, user_id bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'reco_forget_user_integer' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.forget_user(text, bigint) IS
'Removes what was shown to a customer, of a model that the current role owns, and returns how many rows: with them goes all that reco keeps of a person. What the shop''s own tables have of him is the shop''s to remove; trained versions have nothing of single customers. What is written by transactions that are not committed yet stays: let him withdraw consent, or stop serving him, first. As with every DELETE, the bytes are overwritten after VACUUM, and go from backups with these.';

CREATE FUNCTION reco.forget_user_text(model text, user_id text) RETURNS bigint
	AS 'MODULE_PATHNAME', 'reco_forget_user_text' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.forget_user_text(text, text) IS
'As reco.forget_user, for models with any other customer or item keys, through their text form.';

CREATE FUNCTION reco.recommend_logged(model text, user_id bigint, k integer DEFAULT 10, basket bigint[] DEFAULT NULL,
		candidates bigint[] DEFAULT NULL, exclude bigint[] DEFAULT NULL, exclude_purchased boolean DEFAULT false,
		as_of timestamptz DEFAULT pg_catalog.now(), history bigint[] DEFAULT NULL, context jsonb DEFAULT NULL,
		session_id text DEFAULT NULL, value_weight double precision DEFAULT 0, rules jsonb DEFAULT NULL)
	RETURNS TABLE (recommendation_id uuid, rank integer, item_id bigint, score double precision, probability double precision,
		source text, value double precision, price double precision, offer boolean, rules text[])
	AS 'MODULE_PATHNAME', 'reco_recommend_logged_integer' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10 COST 10000;
COMMENT ON FUNCTION reco.recommend_logged(text, bigint, integer, bigint[], bigint[], bigint[], boolean, timestamptz, bigint[], jsonb, text, double precision, jsonb) IS
'The rows of reco.recommend for the same arguments, kept as shown now by the rules of reco.log_impressions (context is not), with the recommendation_id under which they are; NULL where the model keeps no impressions. An answer without rows, or with more than 1,000, is not kept. For what is shown as it comes; else call reco.recommend, and reco.log_impressions with what was shown. Errors: those of both.';

CREATE FUNCTION reco.recommend_logged_text(model text, user_id text, k integer DEFAULT 10, basket text[] DEFAULT NULL,
		candidates text[] DEFAULT NULL, exclude text[] DEFAULT NULL, exclude_purchased boolean DEFAULT false,
		as_of timestamptz DEFAULT pg_catalog.now(), history text[] DEFAULT NULL, context jsonb DEFAULT NULL,
		session_id text DEFAULT NULL, value_weight double precision DEFAULT 0, rules jsonb DEFAULT NULL)
	RETURNS TABLE (recommendation_id uuid, rank integer, item_id text, score double precision, probability double precision,
		source text, value double precision, price double precision, offer boolean, rules text[])
	AS 'MODULE_PATHNAME', 'reco_recommend_logged_text' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10 COST 10000;
COMMENT ON FUNCTION reco.recommend_logged_text(text, text, integer, text[], text[], text[], boolean, timestamptz, text[], jsonb, text, double precision, jsonb) IS
'As reco.recommend_logged, for models with any other customer or item keys, through their text form.';

/* What orders are worth */

CREATE TYPE reco.aov_result AS (
	orders          bigint,
	customers       bigint,
	gross           double precision,
	returns         double precision,
	net             double precision,
	aov_gross       double precision,
	aov_net         double precision,
	ci_low          double precision,
	ci_high         double precision,
	aov_winsorized  double precision,
	lines_per_order double precision
);
COMMENT ON TYPE reco.aov_result IS 'What reco.aov returns.';
COMMENT ON COLUMN reco.aov_result.orders IS 'Orders with a line of a positive amount.';
COMMENT ON COLUMN reco.aov_result.customers IS 'Customers of these orders, unknown ones left out; NULL in the form without user_id.';
COMMENT ON COLUMN reco.aov_result.gross IS 'Sum of the positive amounts.';
COMMENT ON COLUMN reco.aov_result.returns IS 'What negative amounts come to, as a positive number, whatever their order.';
COMMENT ON COLUMN reco.aov_result.net IS 'gross - returns.';
COMMENT ON COLUMN reco.aov_result.aov_gross IS 'gross / orders.';
COMMENT ON COLUMN reco.aov_result.aov_net IS 'net / orders.';
COMMENT ON COLUMN reco.aov_result.ci_low IS 'Lower end of the 95 % interval of aov_gross; NULL with fewer than two customers.';
COMMENT ON COLUMN reco.aov_result.ci_high IS 'Its upper end.';
COMMENT ON COLUMN reco.aov_result.aov_winsorized IS 'Mean of what orders are worth, gross, where those above a quantile count as much as it.';
COMMENT ON COLUMN reco.aov_result.lines_per_order IS 'Lines of a positive amount / orders.';

CREATE FUNCTION reco.aov_step(internal, "any", "any") RETURNS internal
	AS 'MODULE_PATHNAME', 'reco_aov_step' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION reco.aov_step(internal, "any", "any", "any") RETURNS internal
	AS 'MODULE_PATHNAME', 'reco_aov_step_customers' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION reco.aov_step(internal, "any", "any", "any", double precision) RETURNS internal
	AS 'MODULE_PATHNAME', 'reco_aov_step_customers' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION reco.aov_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'reco_aov_combine' LANGUAGE C STABLE PARALLEL SAFE;
CREATE FUNCTION reco.aov_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'reco_aov_serialize' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION reco.aov_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'reco_aov_deserialize' LANGUAGE C STABLE STRICT PARALLEL SAFE;
CREATE FUNCTION reco.aov_final(internal) RETURNS reco.aov_result
	AS 'MODULE_PATHNAME', 'reco_aov_final' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION reco.aov_step(internal, "any", "any") IS 'Support function of reco.aov.';
COMMENT ON FUNCTION reco.aov_step(internal, "any", "any", "any") IS 'Support function of reco.aov.';
COMMENT ON FUNCTION reco.aov_step(internal, "any", "any", "any", double precision) IS 'Support function of reco.aov.';
COMMENT ON FUNCTION reco.aov_combine(internal, internal) IS 'Support function of reco.aov.';
COMMENT ON FUNCTION reco.aov_serialize(internal) IS 'Support function of reco.aov.';
COMMENT ON FUNCTION reco.aov_deserialize(bytea, internal) IS 'Support function of reco.aov.';
COMMENT ON FUNCTION reco.aov_final(internal) IS 'Support function of reco.aov.';

CREATE AGGREGATE reco.aov(order_id "any", amount "any") (
	SFUNC = reco.aov_step, STYPE = internal, SSPACE = 2048, FINALFUNC = reco.aov_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.aov_combine, SERIALFUNC = reco.aov_serialize, DESERIALFUNC = reco.aov_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.aov("any", "any") IS
'(order_id, amount): the average order value of order lines, gross and net of returns, as a row of reco.aov_result: SELECT (reco.aov(order_id, amount)).* FROM lines. A line with a positive amount adds to its order. One with a negative amount is a return: its money is taken from net, whatever its order, which is none unless it also has a positive line, so that returns may stand in orders of their own. A line of 0, or with a NULL as order_id or amount, counts nothing. NULL where no line counts; without any order what is an average is NULL. ci_low and ci_high: the 95 % interval of aov_gross, normal, from the variance of what orders are worth; where customers have several orders give their ids too, or it is too narrow. aov_winsorized: orders above the 0.99 quantile, as percentile_cont has it, count as much as that. order_id is of any type (integers, or else their text form), amount a number as it is stored, added up in double precision with what rounding takes. Memory: some 50 bytes an order and group, each group within maintenance_work_mem. Errors: numeric_value_out_of_range (NaN, an infinity, or a sum beyond double precision), configuration_limit_exceeded (memory), datatype_mismatch.';

CREATE AGGREGATE reco.aov(order_id "any", user_id "any", amount "any") (
	SFUNC = reco.aov_step, STYPE = internal, SSPACE = 2048, FINALFUNC = reco.aov_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.aov_combine, SERIALFUNC = reco.aov_serialize, DESERIALFUNC = reco.aov_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.aov("any", "any", "any") IS
'(order_id, user_id, amount): the same with customers, whose orders are alike: the interval is that of a ratio of sums over customers (delta method; Deng, Lu and Litz 2017). An order without user_id is of a customer of its own, who is not counted; where lines of an order name several customers, it is of the one whose key comes first.';

CREATE AGGREGATE reco.aov(order_id "any", user_id "any", amount "any", winsorize_at double precision) (
	SFUNC = reco.aov_step, STYPE = internal, SSPACE = 2048, FINALFUNC = reco.aov_final, FINALFUNC_MODIFY = READ_ONLY,
	COMBINEFUNC = reco.aov_combine, SERIALFUNC = reco.aov_serialize, DESERIALFUNC = reco.aov_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE reco.aov("any", "any", "any", double precision) IS
'(order_id, user_id, amount, winsorize_at): the same with another quantile than 0.99 for aov_winsorized, from 0 to 1; user_id may be NULL. Errors: also invalid_parameter_value and null_value_not_allowed, for another number, one that is not the same in all rows, or NULL.';

CREATE FUNCTION reco.aov_report(model text, by text DEFAULT NULL, period text DEFAULT NULL, since timestamptz DEFAULT NULL,
		until timestamptz DEFAULT NULL, min_support integer DEFAULT NULL, winsorize_at double precision DEFAULT 0.99,
		attribution_window interval DEFAULT '7 days')
	RETURNS TABLE (period_start date, "group" text, customers bigint, orders bigint, gross double precision, returns double precision,
		net double precision, aov double precision, ci_low double precision, ci_high double precision, aov_net double precision,
		aov_winsorized double precision, median double precision, items_per_order double precision, attach_rate double precision,
		revenue_per_customer double precision, recommended_orders double precision, recommended_revenue double precision)
	AS 'MODULE_PATHNAME', 'reco_aov_report_sql' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 50 COST 1000000;
COMMENT ON FUNCTION reco.aov_report(text, text, text, timestamptz, timestamptz, integer, double precision, interval) IS
'What the orders of a model that the current role owns are worth, a row for each period and group, in their order. by: a feature of customers (add_users), a context of orders (add_orders) or a feature of items (add_items), named and turned into groups as by reco.fairness, or source, the source of orders; NULL: all orders are one group, whose name is NULL. (none) is the group of orders without a value. By a feature of items an order counts in each group that it holds something of, with that part of its value. period: day, week, month, quarter or year in the model''s time zone, NULL: all of time, whose period_start is NULL. An order is in the period of its earliest purchase, a return in that of its own time; since and until (exclusive) limit both. Order lines are read as by training, but for all customers and without asking for their consent (features of customers are used with it): a line is worth its amount, or else unit_price x quantity, and one without counts nothing; where either amount or quantity is negative it is a return, which is taken from net and is part of no order. customers: known ones with an order; aov, ci_low, ci_high, aov_net and aov_winsorized: as of reco.aov with user_id, aov being gross; median of the orders; items_per_order: different items; attach_rate: share of orders with two or more different items (of any group); revenue_per_customer: gross of known customers / customers; recommended_orders and recommended_revenue: share of orders with, and of gross from, items that an impression (reco.log_impressions) showed to that customer within attribution_window before the order, of the orders made since the model''s first impression, those of unknown customers included; NULL where no impressions are kept, or there was no such order. Observed, NOT causal: what was shown may well have been bought anyway. With by, the groups of a period with fewer than min_support customers (default: the option of that name; an order of nobody known counts as one) are one, (other), which is left out, with a notice, where it is too small itself. Memory within maintenance_work_mem, some 50 bytes a line and 150 an order. Errors: undefined_object, insufficient_privilege, object_not_in_prerequisite_state (no orders, or none with a value), invalid_parameter_value, undefined_column, ambiguous_column, wrong_object_type (a feature of sessions), program_limit_exceeded (more than 1,000 groups), configuration_limit_exceeded.';

CREATE FUNCTION reco.complete_basket(model text, user_id bigint, basket bigint[], target double precision, k integer DEFAULT 10,
		basket_value double precision DEFAULT NULL, candidates bigint[] DEFAULT NULL, exclude bigint[] DEFAULT NULL,
		exclude_purchased boolean DEFAULT false, as_of timestamptz DEFAULT pg_catalog.now(), history bigint[] DEFAULT NULL,
		context jsonb DEFAULT NULL, session_id text DEFAULT NULL)
	RETURNS TABLE (rank integer, items bigint[], price double precision, total double precision, over double precision,
		probability double precision, score double precision, source text, offer boolean)
	AS 'MODULE_PATHNAME', 'reco_complete_basket_integer' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10 COST 10000;
COMMENT ON FUNCTION reco.complete_basket(text, bigint, bigint[], double precision, integer, double precision, bigint[], bigint[], boolean, timestamptz, bigint[], jsonb, text) IS
'What lifts an order over a threshold such as that of free shipping, at most k rows, best first: one item that brings the order to the target, or two that do so together and neither alone. Prices are those of the sources of items, read live with the owner''s rights (of several rows of an item the lowest), or of offers in force for the customer (reco.add_offers). The order is worth basket_value, or where that is NULL what the items of the basket cost, a repeated one again. price: of the items; total: the order with them; over: total - target; probability: that they are in the order being made, of two items that of the first times that of the second were the first in the basket; score: what rows are ranked by, probability x target / total, so that of equally likely ones that is better which goes less beyond the target; source: as of reco.recommend, of the first item; offer: whether the price of any of them is an offer''s. Where probabilities are not known (NULL) items are ranked by reco.recommend''s score, then pairs by the sum of theirs. Looks at no more than the 10,000 items that reco.recommend would give first for the same arguments; of pairs one item is among the first five of them that cover half of what is missing. No row where the order has reached the target already, or nothing is for sale that does. Rules (reco.set_rules) have no part in it. Errors: those of reco.recommend, object_not_in_prerequisite_state (no source has a price or offers).';

CREATE FUNCTION reco.complete_basket_text(model text, user_id text, basket text[], target double precision, k integer DEFAULT 10,
		basket_value double precision DEFAULT NULL, candidates text[] DEFAULT NULL, exclude text[] DEFAULT NULL,
		exclude_purchased boolean DEFAULT false, as_of timestamptz DEFAULT pg_catalog.now(), history text[] DEFAULT NULL,
		context jsonb DEFAULT NULL, session_id text DEFAULT NULL)
	RETURNS TABLE (rank integer, items text[], price double precision, total double precision, over double precision,
		probability double precision, score double precision, source text, offer boolean)
	AS 'MODULE_PATHNAME', 'reco_complete_basket_text' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10 COST 10000;
COMMENT ON FUNCTION reco.complete_basket_text(text, text, text[], double precision, integer, double precision, text[], text[], boolean, timestamptz, text[], jsonb, text) IS
'As reco.complete_basket, for models with any other customer or item keys, through their text form.';

/* Operate */

CREATE FUNCTION reco.progress(OUT pid integer, OUT datname text, OUT model text, OUT command text, OUT phase text,
		OUT done bigint, OUT total bigint, OUT started timestamptz)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'reco_progress' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION reco.progress() IS
'How far the sessions of this server are that run train, recommend_all, evaluate, replay, value_curve, compare, fairness or bundles: one row each, seen from any database that has reco. Phases of train: reading (rows; total is the planner''s estimate), sorting, first complements (parts), first fit (iterations), choosing (held-out orders, each twice), complements (parts), fitting (iterations), storing; of recommend_all: reading, scoring (customers); of evaluate, replay, value_curve and fairness: those of train up to fitting, tuning (settings of the other algorithms), replaying (orders); of compare: reading, replaying; of bundles: reading, counting (items), growing (sets). total is NULL where nobody knows it. All but pid and datname is NULL for those who may not see that session in pg_stat_activity, and model for those who may not use it and in other databases. A session that reports the progress of something else, such as COPY (SELECT ...), has no row. Needs track_activities, which is on by default.';

/* Creating a model makes the server read tables on a schedule of the owner's choosing: the DBA decides who may. */
REVOKE ALL ON FUNCTION reco.create_model(text, text, jsonb) FROM PUBLIC;

/* Experiments */

CREATE FUNCTION reco.create_experiment(model text, experiment text, planned_end timestamptz, minimum_effect double precision,
		arms text[] DEFAULT '{control,treatment}', weights double precision[] DEFAULT NULL, metric text DEFAULT 'aov',
		starts timestamptz DEFAULT pg_catalog.now(), exposures regclass DEFAULT NULL, user_id text DEFAULT NULL, at text DEFAULT NULL,
		analysis text DEFAULT 'fixed', winsorize double precision DEFAULT 0.995, prior_days integer DEFAULT 90, salt text DEFAULT NULL)
	RETURNS reco.experiments
	AS 'MODULE_PATHNAME', 'reco_create_experiment' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.create_experiment(text, text, timestamptz, double precision, text[], double precision[], text, timestamptz, regclass, text, text, text, double precision, integer, text) IS
'Creates an experiment on the customers of a model that the current role owns, under a name that no other in the database has, and returns its row of reco.experiments. How it will be read is fixed here and never changes. arms: 2 to 20, the first is the control; weights: their shares, equal ones by default; metric, by which it is decided: aov (revenue / orders, after returns), items_per_order (different items), conversion (share of the exposed with an order), revenue_per_user; minimum_effect: the smallest relative change that matters, 0.05 is 5 percent. It goes from starts to planned_end. exposures is a relation with a row for each time that a customer met the experiment, in whichever arm, with expressions for his key (user_id) and the time (at): customers take part from their first exposure on. Without it they do from their first order in that time on, which is enough for aov and items_per_order as long as no arm changes who orders; conversion and revenue_per_user need exposures. analysis: fixed, which concludes at the planned end alone, or always_valid, whose intervals hold at every look, one a day, and are wider. winsorize: orders count as much at most as that quantile of the values of the orders of the year before it starts (where these are fewer than 1,000: of the orders in its time); 1: no cap. prior_days: for how many days before a customer takes part his orders are known; the report adjusts for them (CUPED: Deng, Xu, Kohavi and Walker 2013), 0: it does not. salt decides with a customer''s key which arm he is in, by default it is the experiment''s name; the same salt and arms give the same customers again. Errors: duplicate_object, invalid_parameter_value, object_not_in_prerequisite_state, datatype_mismatch.';

CREATE FUNCTION reco.end_experiment(experiment text) RETURNS reco.experiments
	AS 'MODULE_PATHNAME', 'reco_end_experiment' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.end_experiment(text) IS
'Ends an experiment of a model that the current role owns: nothing later is in its report. Of a fixed analysis that is ended before its planned end nothing is concluded. reco.assign goes on answering. Once it was ended, another call changes nothing.';

CREATE FUNCTION reco.drop_experiment(experiment text, missing_ok boolean DEFAULT false) RETURNS boolean
	AS 'MODULE_PATHNAME', 'reco_drop_experiment' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION reco.drop_experiment(text, boolean) IS
'Removes an experiment of a model that the current role owns; with missing_ok an unknown one is no error, and false is returned. Errors: undefined_object, insufficient_privilege.';

CREATE FUNCTION reco.assign(experiment text, user_id bigint) RETURNS text
	AS 'MODULE_PATHNAME', 'reco_assign_integer' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION reco.assign(text, bigint) IS
'The arm that a customer is in, for whoever may use the experiment''s model; NULL for NULL. It follows from the experiment''s salt, arms and weights and the text form of the key alone (SipHash-2-4), so that it is the same in every call, session and copy of the database, before, in and after the time of the experiment; nothing is stored. Arms of experiments with different salts are independent. Errors: undefined_object, insufficient_privilege.';

CREATE FUNCTION reco.assign_text(experiment text, user_id text) RETURNS text
	AS 'MODULE_PATHNAME', 'reco_assign_text' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10;
COMMENT ON FUNCTION reco.assign_text(text, text) IS
'As reco.assign, for keys of any other type, through their text form; of ''42'' it is the arm of 42.';

CREATE FUNCTION reco.experiment_report(experiment text, as_of timestamptz DEFAULT pg_catalog.now())
	RETURNS TABLE (arm text, metric text, is_primary boolean, users bigint, buyers bigint, orders bigint, value double precision,
		lift double precision, ci_low double precision, ci_high double precision, p_value double precision, method text,
		plain_lift double precision, plain_low double precision, plain_high double precision, cap double precision, capped bigint,
		uneven_p double precision, data_to timestamptz, verdict text)
	AS 'MODULE_PATHNAME', 'reco_experiment_report_rows' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 8 COST 1000000;
COMMENT ON FUNCTION reco.experiment_report(text, timestamptz) IS
'What an experiment of a model that the current role owns has shown as of a time, a row for each metric and arm, those of its own metric first. users take part in the arm, buyers of them ordered, with orders that are worth value each, or as the metric says; of these capped are worth more than cap, and count as much as that. lift: what the arm has more than the control, relative to it (0.03 is 3 percent), from ci_low to ci_high: intervals of 95 percent of all treatments together (Bonferroni), by the delta method with customers as units (Deng, Knoblich and Lu 2018); method is cuped where they are adjusted for what customers did before, plain_lift, plain_low and plain_high are without that. p_value, of a fixed analysis: also of all treatments together. Metrics beside its own have no further correction: they are there to watch. uneven_p: the chance that arms come out as uneven as these (chi-square); below 0.001 nothing is concluded. data_to: orders before it count, of an always valid analysis the end of its last full day. verdict says in words what is shown (raises, lowers, no effect of the minimum or more, the data cannot tell) or what stands against saying it, and then lift and intervals are NULL: too early, assignment is broken, ended before the planned end, too few customers with orders (30 in each arm). Customers count who consent to training. Errors: undefined_object, insufficient_privilege, object_not_in_prerequisite_state, configuration_limit_exceeded (maintenance_work_mem).';

CREATE FUNCTION reco.experiment_size(model text, metric text DEFAULT 'aov', minimum_effect double precision DEFAULT 0.05,
		power double precision DEFAULT 0.8, arms integer DEFAULT 2, lengths integer[] DEFAULT '{7,14,28,56,84}',
		winsorize double precision DEFAULT 0.995, prior_days integer DEFAULT 90, as_of timestamptz DEFAULT pg_catalog.now())
	RETURNS TABLE (days integer, users bigint, orders bigint, value double precision, detectable double precision, enough boolean)
	AS 'MODULE_PATHNAME', 'reco_experiment_size_rows' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 5 COST 1000000;
COMMENT ON FUNCTION reco.experiment_size(text, text, double precision, double precision, integer, integer[], double precision, integer, timestamptz) IS
'How long an experiment on a model that the current role owns should be, by its orders: for each of lengths, in days, how many customers ordered in so many days before as_of, their orders, the metric (aov or items_per_order), and the smallest relative change that a fixed analysis with so many arms of equal shares would find with that power; enough says whether that is as small as minimum_effect. Capped and adjusted as reco.create_experiment would, with the same arguments. An always valid analysis takes a third to a half more customers. Errors: undefined_object, insufficient_privilege, invalid_parameter_value, object_not_in_prerequisite_state.';
