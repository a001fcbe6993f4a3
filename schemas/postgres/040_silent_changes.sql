-- What changed rows and sent no event. DDL that rewrites rows, gives their values other names, or brings and takes them with
-- a partition, is written down in penstock.silent_changes, and `penstock up` and `penstock views apply` read those tables
-- again. The files up to 048 each watch one kind of it, and 049_look.sql runs them all.

CREATE TABLE IF NOT EXISTS penstock.silent_changes (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    table_name text NOT NULL,                 -- as the publication names it: schema.table, without quotes
    what       text NOT NULL,
    seen_at    timestamptz NOT NULL DEFAULT now()
);

-- What was there at the last look: a published table, and each of its partitions, whose part it is.
CREATE TABLE IF NOT EXISTS penstock.watched_parts (
    part      oid PRIMARY KEY,
    part_name text NOT NULL,
    root      oid NOT NULL
);
-- The file of its rows, as a look found it; NULL: it is written anew, which is noted.
ALTER TABLE penstock.watched_parts ADD COLUMN IF NOT EXISTS file oid;

-- pg_partition_tree() and the like answer with what is there now, whatever the snapshot of the transaction, and lock all
-- partitions: DDL of a longer transaction would fail, and other DDL wait.
CREATE OR REPLACE VIEW penstock.published_parts AS
    WITH RECURSIVE tree (root, part) AS (
        SELECT r.prrelid, r.prrelid
        FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid
        JOIN pg_class c ON c.oid = r.prrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname <> 'penstock'
        WHERE p.pubname = 'penstock'
      UNION
        SELECT tree.root, c.oid FROM tree JOIN pg_inherits i ON i.inhparent = tree.part AND NOT i.inhdetachpending
        JOIN pg_class c ON c.oid = i.inhrelid AND c.relispartition
    )
    SELECT root, part FROM tree
    -- Changes of a partition come under the name of the published table that it belongs to.
    WHERE root NOT IN (SELECT part FROM tree WHERE part <> root);

CREATE OR REPLACE VIEW penstock.published_roots AS
    SELECT p.root, n.nspname || '.' || c.relname AS table_name
    FROM penstock.published_parts p JOIN pg_class c ON c.oid = p.root JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE p.part = p.root;

CREATE OR REPLACE FUNCTION penstock.name_of(relation oid) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation
$$;

-- A part may be another's, such as a partition that a superuser made. What Postgres refuses us there would end every look,
-- and the statement that it looks at.
CREATE OR REPLACE FUNCTION penstock.may(relation oid, needed text) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    SELECT has_table_privilege(oid, needed) AND has_schema_privilege(relnamespace, 'USAGE') FROM pg_class WHERE oid = relation
$$;

CREATE OR REPLACE FUNCTION penstock.may_alter(relation oid) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    SELECT pg_has_role(relowner, 'USAGE') AND penstock.may(oid, 'TRIGGER') FROM pg_class WHERE oid = relation
$$;

-- event_triggers came with Postgres 17.
-- The event triggers that 090_event_triggers.sql makes: each calls the function of its name. Tags NULL: of each statement.
CREATE OR REPLACE FUNCTION penstock.wanted_triggers() RETURNS TABLE (calls text, event text, tags text[])
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog
AS $$
    VALUES
        ('after_ddl', 'ddl_command_end', ARRAY[
            'CREATE TABLE', 'ALTER TABLE', 'DROP TABLE',
            'CREATE PUBLICATION', 'ALTER PUBLICATION', 'DROP PUBLICATION',
            'CREATE SCHEMA', 'ALTER SCHEMA', 'DROP SCHEMA',
            'CREATE TYPE', 'ALTER TYPE', 'DROP TYPE', 'DROP DOMAIN', 'DROP EXTENSION', 'DROP OWNED',
            -- ALTER INDEX … RENAME renames tables too.
            'ALTER INDEX', 'ALTER TRIGGER', 'DROP TRIGGER'
        ]),
        ('before_rewrite', 'table_rewrite', NULL),
        ('refuse_unfit', 'ddl_command_end', ARRAY[
            'CREATE TABLE', 'CREATE FOREIGN TABLE', 'ALTER TABLE', 'CREATE PUBLICATION', 'ALTER PUBLICATION'
        ]),
        ('refuse_renamed', 'ddl_command_end', ARRAY[
            -- ALTER VIEW renames columns of tables too.
            'ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE', 'ALTER TYPE'
        ])
$$;

-- Whether all of them are there, and none is disabled or of an earlier version, which listened to fewer statements.
CREATE OR REPLACE FUNCTION penstock.sees_ddl() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    SELECT current_setting('event_triggers', true) IS DISTINCT FROM 'off' AND bool_and(EXISTS (
        SELECT FROM pg_event_trigger t
        WHERE t.evtname = 'penstock_' || w.calls AND t.evtevent = w.event AND t.evtenabled = 'A'
            AND coalesce(t.evttags, '{}') @> coalesce(w.tags, '{}')
    ))
    FROM penstock.wanted_triggers() w
$$;

CREATE OR REPLACE FUNCTION penstock.note(root oid, what text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog
AS $$
    INSERT INTO penstock.silent_changes (table_name, what) SELECT penstock.name_of(root), what
$$;
