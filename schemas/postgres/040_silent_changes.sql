-- What changes rows and sends no event: without this file the views would miss it.
-- TRUNCATE becomes deletes. DDL that rewrites rows, gives their values other names, or brings and takes them with a
-- partition, is written down in penstock.silent_changes, and `penstock up` and `penstock views apply` read those tables
-- again. So they do when another table stands behind a name, or the same one was away meanwhile (penstock.table_lives).
-- A new partition gets REPLICA IDENTITY FULL, and no published table can lose it, nor get a DEFERRABLE primary key. How
-- often the columns of a table have changed is counted: the source connector puts the number into the schema of its
-- records, so that no later schema is taken for an earlier one.
-- Event triggers take a superuser. Where the role is none, DDL is found at the next look instead (penstock.look, which
-- each `penstock up` and `views apply` takes), and docs/your-servers.md says what no look finds.
-- https://www.postgresql.org/docs/18/event-trigger-definition.html

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
-- The file of its rows at the last look, where no event trigger tells that an ALTER TABLE writes them anew.
ALTER TABLE penstock.watched_parts ADD COLUMN IF NOT EXISTS file oid;

-- What stands behind each name. A life is one table that keeps its name and stays in the publication: only of such a table
-- does every change arrive. A view is filled from one life (penstock.view_fills).
CREATE TABLE IF NOT EXISTS penstock.table_lives (
    table_name text PRIMARY KEY,              -- as in silent_changes
    life       uuid NOT NULL DEFAULT gen_random_uuid(),
    root       oid,                           -- NULL while no published table has the name
    key        text,                          -- its primary key, as key_of tells it
    what       text NOT NULL,                 -- why this life began
    began_at   timestamptz NOT NULL DEFAULT now()
);

-- The labels of all enums at the last look: a renamed one changes rows.
CREATE TABLE IF NOT EXISTS penstock.watched_labels (
    label oid PRIMARY KEY,
    type  oid NOT NULL,
    name  text NOT NULL
);

-- Columns that give old rows a value which is stored nowhere in them (pg_attribute.atthasmissing).
CREATE TABLE IF NOT EXISTS penstock.watched_defaults (
    part     oid,
    position int2,
    PRIMARY KEY (part, position)
);

-- The columns of each published table at the last look, and how many looks found others than before.
CREATE TABLE IF NOT EXISTS penstock.altered_columns (
    table_name text PRIMARY KEY,              -- as in silent_changes
    columns    text NOT NULL,
    times      int NOT NULL DEFAULT 0
);

CREATE OR REPLACE VIEW penstock.published_roots AS
    SELECT c.oid AS root, n.nspname || '.' || c.relname AS table_name
    FROM pg_publication p
    JOIN pg_publication_rel r ON r.prpubid = p.oid
    JOIN pg_class c ON c.oid = r.prrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname <> 'penstock'
    WHERE p.pubname = 'penstock'
        -- Changes of a partition come under the name of the published table that it belongs to.
        AND NOT (c.relispartition AND EXISTS (
            SELECT FROM pg_partition_ancestors(c.oid) AS above JOIN pg_publication_rel ON prrelid = above
            WHERE prpubid = p.oid AND above <> c.oid
        ));

CREATE OR REPLACE VIEW penstock.published_parts AS
    SELECT r.root, part.oid AS part
    FROM penstock.published_roots r
    CROSS JOIN LATERAL (SELECT r.root AS oid UNION SELECT relid FROM pg_partition_tree(r.root)) AS part;

CREATE OR REPLACE FUNCTION penstock.name_of(relation oid) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation
$$;

CREATE OR REPLACE FUNCTION penstock.sees_ddl() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    SELECT count(*) = 2 FROM pg_event_trigger
    WHERE evtname IN ('penstock_after_ddl', 'penstock_before_rewrite') AND evtenabled = 'A'
$$;

CREATE OR REPLACE FUNCTION penstock.note(root oid, what text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog
AS $$
    INSERT INTO penstock.silent_changes (table_name, what) SELECT penstock.name_of(root), what
$$;

-- The columns of a primary key by their numbers, which no rename changes; empty when there is none.
CREATE OR REPLACE FUNCTION penstock.key_of(relation oid) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    SELECT coalesce((
        SELECT array_to_string((i.indkey::int2[])[0:i.indnkeyatts - 1], ', ')
            || CASE WHEN i.indimmediate THEN '' ELSE ' DEFERRABLE' END
        FROM pg_index i WHERE i.indrelid = relation AND i.indisprimary
    ), '')
$$;

-- Rows that a TRUNCATE will take are deleted first, one by one, so that each tells of its end. No other trigger and no
-- foreign key looks at these deletes, as none would look at the TRUNCATE.
CREATE OR REPLACE FUNCTION penstock.delete_before_truncate() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    -- The application's own triggers would look at these deletes: then the rows go without an event, and it is noted.
    IF current_setting('session_replication_role') <> 'replica' THEN
        PERFORM penstock.note(root, 'TRUNCATE took its rows') FROM penstock.watched_parts WHERE part = TG_RELID;
        RETURN NULL;
    END IF;
    -- A snapshot that is older than the TRUNCATE's lock misses rows that it takes.
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION 'TRUNCATE of %, which feeds views of Penstock, cannot run in a transaction of %',
            penstock.name_of(TG_RELID), upper(current_setting('transaction_isolation'))
            USING HINT = 'Such a transaction does not see all rows that would go. Use READ COMMITTED for it, or DELETE.';
    END IF;
    EXECUTE format('DELETE FROM ONLY %s', TG_RELID::regclass);
    RETURN NULL;
END
$$;

DO $$
BEGIN
    ALTER FUNCTION penstock.delete_before_truncate() SET session_replication_role = replica;
EXCEPTION WHEN insufficient_privilege THEN
    NULL; -- GRANT SET ON PARAMETER session_replication_role gives a role the right
END
$$;

-- `DISABLE TRIGGER ALL` and `ENABLE TRIGGER ALL`, as pg_restore says them, leave it as it has to be.
CREATE OR REPLACE FUNCTION penstock.watch_truncate(part oid) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = part AND tgname = 'penstock_truncate') THEN
        EXECUTE format('CREATE TRIGGER penstock_truncate BEFORE TRUNCATE ON %s '
                       'EXECUTE FUNCTION penstock.delete_before_truncate()', part::regclass);
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER penstock_truncate', part::regclass);
END
$$;

CREATE OR REPLACE FUNCTION penstock.begin_to_watch(part oid) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    INSERT INTO penstock.watched_defaults
        SELECT attrelid, attnum FROM pg_attribute WHERE attrelid = part AND atthasmissing ON CONFLICT DO NOTHING;
    IF EXISTS (SELECT FROM pg_class WHERE oid = part AND relreplident <> 'f') THEN
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', part::regclass);
    END IF;
END
$$;

-- Rows that the snapshot of a longer transaction does not see may be there all the same.
CREATE OR REPLACE FUNCTION penstock.holds_rows(part oid) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    found boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s)', part::regclass) INTO found;
    RETURN found OR current_setting('transaction_isolation') IN ('repeatable read', 'serializable');
END
$$;

CREATE OR REPLACE FUNCTION penstock.end_to_watch(old_part oid, old_name text, of_root oid) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    DELETE FROM penstock.watched_parts WHERE part = old_part;
    DELETE FROM penstock.watched_defaults WHERE part = old_part;
    IF EXISTS (SELECT FROM pg_class WHERE oid = old_part) THEN
        EXECUTE format('DROP TRIGGER IF EXISTS penstock_truncate ON %s', old_part::regclass);
    END IF;
    IF old_part <> of_root AND EXISTS (SELECT FROM penstock.published_parts WHERE root = of_root) THEN
        PERFORM penstock.note(of_root, format('partition %s went, perhaps with rows', old_name));
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION penstock.count_alterations() RETURNS void
    LANGUAGE sql SET search_path = pg_catalog
AS $$
    WITH present AS (
        SELECT penstock.name_of(a.attrelid) AS table_name,
               string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum) AS columns
        FROM pg_attribute a
        WHERE a.attrelid IN (SELECT root FROM penstock.published_parts) AND a.attnum > 0 AND NOT a.attisdropped
        GROUP BY a.attrelid
    )
    INSERT INTO penstock.altered_columns AS known (table_name, columns)
        SELECT table_name, columns FROM present
        -- ON CONFLICT locks each row that it meets, also one that it leaves as it is: all DDL would wait for all other.
        EXCEPT SELECT table_name, columns FROM penstock.altered_columns
    ON CONFLICT (table_name) DO UPDATE SET columns = excluded.columns, times = known.times + 1
        WHERE known.columns <> excluded.columns
$$;

-- A name whose table was dropped, renamed or taken out of the publication begins another life, and so does the one that
-- comes after it, also when it is the same again: what changed meanwhile was sent under no name, or another one.
CREATE OR REPLACE FUNCTION penstock.look_at_lives() RETURNS void
    LANGUAGE sql SET search_path = pg_catalog
AS $$
    UPDATE penstock.table_lives l SET root = NULL, life = gen_random_uuid(), began_at = now(), what = CASE
            WHEN penstock.name_of(l.root) IS NULL THEN 'it was dropped'
            WHEN penstock.name_of(l.root) <> l.table_name THEN 'it was renamed to ' || penstock.name_of(l.root)
            WHEN (SELECT relispartition FROM pg_class WHERE oid = l.root) THEN 'it became a partition'
            ELSE 'it left the publication'
        END
    WHERE l.root IS NOT NULL
        AND NOT EXISTS (SELECT FROM penstock.published_roots p WHERE p.root = l.root AND p.table_name = l.table_name);
    INSERT INTO penstock.table_lives AS known (table_name, root, key, what)
        SELECT p.table_name, p.root, penstock.key_of(p.root), 'it joined the publication'
        FROM penstock.published_roots p
        WHERE NOT EXISTS (SELECT FROM penstock.table_lives l WHERE l.root = p.root)
    ON CONFLICT (table_name) DO UPDATE SET root = excluded.root, key = excluded.key
$$;

-- Without its key a table may hold twins, which are one row of a view.
CREATE OR REPLACE FUNCTION penstock.look_at_keys() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    found record;
BEGIN
    FOR found IN
        WITH present AS (SELECT root, penstock.key_of(root) AS key FROM penstock.table_lives WHERE root IS NOT NULL)
        UPDATE penstock.table_lives l SET key = present.key FROM present
        WHERE l.root = present.root AND l.key IS DISTINCT FROM present.key
        RETURNING l.table_name, l.root, l.key
    LOOP
        IF found.key LIKE '% DEFERRABLE' AND penstock.sees_ddl() THEN
            RAISE EXCEPTION 'table % feeds views of Penstock, so its primary key cannot be DEFERRABLE', found.table_name
                USING HINT = 'Rows may share a key for a while then. Make it NOT DEFERRABLE, or drop the views of the '
                    'table first: penstock views drop.';
        END IF;
        PERFORM penstock.note(found.root, CASE found.key
            WHEN '' THEN 'its primary key was dropped'
            ELSE 'its primary key was made anew, or of other columns'
        END);
    END LOOP;
END
$$;

-- Every table whose rows hold a value of the enum, in arrays, domains, ranges and composites too.
CREATE OR REPLACE FUNCTION penstock.tables_with(enum oid) RETURNS SETOF oid
    LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    WITH RECURSIVE used (type) AS (
        SELECT enum
        UNION
        SELECT next.type FROM used CROSS JOIN LATERAL (
            SELECT t.oid FROM pg_type t WHERE t.typelem = used.type OR t.typbasetype = used.type
            UNION ALL SELECT unnest(ARRAY[r.rngtypid, r.rngmultitypid]) FROM pg_range r WHERE r.rngsubtype = used.type
            UNION ALL SELECT c.reltype FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                WHERE a.atttypid = used.type AND NOT a.attisdropped AND c.reltype <> 0
        ) AS next (type)
    )
    SELECT DISTINCT a.attrelid FROM pg_attribute a JOIN used ON used.type = a.atttypid WHERE NOT a.attisdropped
$$;

CREATE OR REPLACE FUNCTION penstock.look_at_labels() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    found record;
BEGIN
    FOR found IN
        WITH renamed AS (
            UPDATE penstock.watched_labels w SET name = e.enumlabel
            FROM pg_enum e, penstock.watched_labels before
            WHERE e.oid = w.label AND e.enumtypid = w.type AND e.enumlabel <> w.name AND before.label = w.label
            RETURNING w.type, before.name AS old, w.name AS new
        )
        SELECT p.root, format('value %L of %s was renamed to %L', renamed.old, renamed.type::regtype, renamed.new) AS what
        FROM renamed JOIN penstock.published_roots p ON p.root IN (SELECT penstock.tables_with(renamed.type))
    LOOP
        PERFORM penstock.note(found.root, found.what);
    END LOOP;
    DELETE FROM penstock.watched_labels w
        WHERE NOT EXISTS (SELECT FROM pg_enum e WHERE e.oid = w.label AND e.enumtypid = w.type);
    INSERT INTO penstock.watched_labels
        SELECT e.oid, e.enumtypid, e.enumlabel FROM pg_enum e
        WHERE NOT EXISTS (SELECT FROM penstock.watched_labels w WHERE w.label = e.oid);
END
$$;

-- What the event triggers would have told, or refused. VACUUM FULL and CLUSTER write the rows anew as well: their tables
-- are read once more than they need be.
CREATE OR REPLACE FUNCTION penstock.look_at_rewrites() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    found record;
BEGIN
    FOR found IN
        UPDATE penstock.watched_parts w SET file = c.relfilenode
        FROM pg_class c, penstock.watched_parts before
        WHERE c.oid = w.part AND w.file IS DISTINCT FROM c.relfilenode AND before.part = w.part
        RETURNING w.root, w.part_name, before.file
    LOOP
        CONTINUE WHEN found.file IS NULL;
        PERFORM penstock.note(found.root, format('all rows of %s were written anew', found.part_name));
    END LOOP;
    FOR found IN
        SELECT w.root, w.part, w.part_name FROM penstock.watched_parts w JOIN pg_class c ON c.oid = w.part
        WHERE c.relreplident <> 'f'
    LOOP
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', found.part::regclass);
        PERFORM penstock.note(found.root, format('%s had lost its REPLICA IDENTITY FULL', found.part_name));
    END LOOP;
END
$$;

-- Hold what is published against what was there at the last look. What it alters itself it need not look at.
CREATE OR REPLACE FUNCTION penstock.look() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    found record;
BEGIN
    -- No SET of the function, which takes a superuser for a parameter of ours.
    PERFORM set_config('penstock.looks', 'yes', true);
    PERFORM penstock.look_at_lives();
    PERFORM penstock.look_at_keys();
    FOR found IN
        SELECT w.part, w.part_name, w.root FROM penstock.watched_parts w
        WHERE NOT EXISTS (SELECT FROM penstock.published_parts p WHERE p.part = w.part AND p.root = w.root)
    LOOP
        PERFORM penstock.end_to_watch(found.part, found.part_name, found.root);
    END LOOP;
    UPDATE penstock.watched_parts w SET part_name = n.nspname || '.' || c.relname
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.oid = w.part AND w.part_name <> n.nspname || '.' || c.relname;
    FOR found IN
        WITH new AS (
            INSERT INTO penstock.watched_parts (part, part_name, root)
            SELECT p.part, penstock.name_of(p.part), p.root FROM penstock.published_parts p
            WHERE NOT EXISTS (SELECT FROM penstock.watched_parts w WHERE w.part = p.part)
            RETURNING part, part_name, root
        )
        SELECT new.*, EXISTS (SELECT FROM penstock.watched_parts w WHERE w.part = new.root) AS joins FROM new
    LOOP
        PERFORM penstock.begin_to_watch(found.part);
        IF found.joins AND penstock.holds_rows(found.part) THEN
            PERFORM penstock.note(found.root, format('partition %s came with rows', found.part_name));
        END IF;
    END LOOP;
    FOR found IN
        SELECT w.part FROM penstock.watched_parts w
        LEFT JOIN pg_trigger t ON t.tgrelid = w.part AND t.tgname = 'penstock_truncate'
        WHERE t.tgenabled IS DISTINCT FROM 'A'
    LOOP
        PERFORM penstock.watch_truncate(found.part);
    END LOOP;
    FOR found IN
        SELECT w.root, w.part, a.attnum, a.attname
        FROM penstock.watched_parts w JOIN pg_attribute a ON a.attrelid = w.part AND a.atthasmissing
        WHERE NOT EXISTS (SELECT FROM penstock.watched_defaults d WHERE d.part = w.part AND d.position = a.attnum)
    LOOP
        INSERT INTO penstock.watched_defaults VALUES (found.part, found.attnum);
        PERFORM penstock.note(found.root, format('column %s was added with a value for the rows that were there', found.attname));
    END LOOP;
    PERFORM penstock.count_alterations();
    IF NOT penstock.sees_ddl() THEN
        PERFORM penstock.look_at_rewrites();
    END IF;
    PERFORM set_config('penstock.looks', '', true);
    FOR found IN
        SELECT w.part_name AS name FROM penstock.watched_parts w JOIN pg_class c ON c.oid = w.part
        WHERE c.relreplident <> 'f'
    LOOP
        RAISE EXCEPTION 'table % feeds views of Penstock, which need its REPLICA IDENTITY FULL', found.name
            USING HINT = 'Leave it as it is, or drop the views of the table first: penstock views drop.';
    END LOOP;
END
$$;

-- As Debezium compares the names of columns; lower() alone knows only the letters of the database's own locale.
CREATE OR REPLACE FUNCTION penstock.in_lower_case(name text) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog
AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_collation WHERE collname = 'pg_c_utf8'
               AND collencoding = pg_char_to_encoding(getdatabaseencoding())) THEN
        RETURN lower(name COLLATE "pg_c_utf8");
    END IF;
    RETURN lower(name);
END
$$;

-- Debezium fails on a table with two columns that differ in case only, and with it the source of all tables.
CREATE OR REPLACE FUNCTION penstock.refuse_case_twins(relation oid) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    twins text;
BEGIN
    SELECT string_agg(format('%I', attname), ', ' ORDER BY attnum) INTO twins FROM pg_attribute
    WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
    GROUP BY penstock.in_lower_case(attname::text) HAVING count(*) > 1 LIMIT 1;
    IF twins IS NOT NULL THEN
        RAISE EXCEPTION 'table % feeds views of Penstock, whose source cannot read columns that differ in case only: %',
            penstock.name_of(relation), twins
            USING HINT = 'Give one of them another name, or drop the views of the table first: penstock views drop.';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION penstock.after_ddl() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    IF current_setting('penstock.looks', true) = 'yes' THEN
        RETURN;
    END IF;
    -- Of the tables of this statement only: what is wrong with another is no reason to refuse it.
    PERFORM penstock.refuse_case_twins(of.objid) FROM pg_event_trigger_ddl_commands() AS of
        WHERE of.classid = 'pg_class'::regclass AND of.objid IN (SELECT part FROM penstock.published_parts);
    PERFORM penstock.look();
    IF TG_TAG LIKE '% TYPE' THEN
        PERFORM penstock.look_at_labels();
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION penstock.before_rewrite() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    of_root oid := (SELECT root FROM penstock.watched_parts WHERE part = pg_event_trigger_table_rewrite_oid());
BEGIN
    -- 2: a column came with a default for each row; 4: a column changed its type. The others keep all values.
    IF of_root IS NOT NULL AND pg_event_trigger_table_rewrite_reason() & 6 <> 0 THEN
        PERFORM penstock.note(of_root, 'ALTER TABLE wrote every row anew');
    END IF;
END
$$;

DO $$
BEGIN
    -- Made anew each time, since one of an earlier version listens to fewer statements.
    DROP EVENT TRIGGER IF EXISTS penstock_after_ddl;
    CREATE EVENT TRIGGER penstock_after_ddl ON ddl_command_end
        WHEN TAG IN (
            'CREATE TABLE', 'ALTER TABLE', 'DROP TABLE',
            'CREATE PUBLICATION', 'ALTER PUBLICATION', 'DROP PUBLICATION',
            'CREATE SCHEMA', 'ALTER SCHEMA', 'DROP SCHEMA',
            'CREATE TYPE', 'ALTER TYPE', 'DROP TYPE', 'DROP DOMAIN', 'DROP EXTENSION', 'DROP OWNED',
            -- ALTER INDEX … RENAME renames tables too.
            'ALTER INDEX', 'ALTER TRIGGER', 'DROP TRIGGER'
        )
        EXECUTE FUNCTION penstock.after_ddl();
    ALTER EVENT TRIGGER penstock_after_ddl ENABLE ALWAYS;
    DROP EVENT TRIGGER IF EXISTS penstock_before_rewrite;
    CREATE EVENT TRIGGER penstock_before_rewrite ON table_rewrite EXECUTE FUNCTION penstock.before_rewrite();
    ALTER EVENT TRIGGER penstock_before_rewrite ENABLE ALWAYS;
EXCEPTION WHEN insufficient_privilege THEN
    NULL; -- those that a superuser has made stay as they are
END
$$;

SELECT penstock.look(), penstock.look_at_labels();
