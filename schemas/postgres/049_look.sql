-- Holds what is published against what was there at the last look: after each DDL where there are event triggers
-- (090_event_triggers.sql), else with each `penstock up` and `views apply`. docs/your-servers.md says what no look finds.
-- A new partition gets REPLICA IDENTITY FULL, and no published table can lose it.

-- Columns that give old rows a value which is stored nowhere in them (pg_attribute.atthasmissing).
CREATE TABLE IF NOT EXISTS penstock.watched_defaults (
    part     oid,
    position int2,
    PRIMARY KEY (part, position)
);

CREATE OR REPLACE FUNCTION penstock.begin_to_watch(part oid) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    INSERT INTO penstock.watched_defaults
        SELECT attrelid, attnum FROM pg_attribute WHERE attrelid = part AND atthasmissing ON CONFLICT DO NOTHING;
    IF EXISTS (SELECT FROM pg_class WHERE oid = part AND relreplident <> 'f') AND penstock.may_alter(part) THEN
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', part::regclass);
    END IF;
END
$$;

-- Rows that the snapshot of a longer transaction does not see, or that are hidden from our role, may be there all the same.
CREATE OR REPLACE FUNCTION penstock.holds_rows(part oid) RETURNS boolean
    LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    found boolean;
BEGIN
    IF row_security_active(part) OR NOT penstock.may(part, 'SELECT')
            OR current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RETURN true;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s)', part::regclass) INTO found;
    RETURN found;
END
$$;

CREATE OR REPLACE FUNCTION penstock.end_to_watch(old_part oid, old_name text, of_root oid) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    DELETE FROM penstock.watched_parts WHERE part = old_part;
    DELETE FROM penstock.watched_defaults WHERE part = old_part;
    IF penstock.may_alter(old_part) THEN
        EXECUTE format('DROP TRIGGER IF EXISTS penstock_truncate ON %s', old_part::regclass);
    END IF;
    IF old_part <> of_root AND EXISTS (SELECT FROM penstock.published_parts WHERE root = of_root) THEN
        PERFORM penstock.note(of_root, format('partition %s went, perhaps with rows', old_name));
    END IF;
END
$$;

-- What the event triggers would have told, or refused, where there are none, or while they were off. VACUUM FULL, CLUSTER
-- and TRUNCATE write another file too, but no column of the catalogue. Of a column that this transaction altered itself
-- (its age is not above 0) the event triggers tell, if they are on.
CREATE OR REPLACE FUNCTION penstock.look_at_rewrites() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    found record;
BEGIN
    FOR found IN
        UPDATE penstock.watched_parts w SET file = NULL FROM pg_class c
        WHERE c.oid = w.part AND w.file <> c.relfilenode AND EXISTS (
            SELECT FROM pg_attribute a
            LEFT JOIN penstock.watched_columns k ON k.root = a.attrelid AND k.position = a.attnum AND k.is_there
            WHERE a.attrelid = w.root AND a.attnum > 0 AND NOT a.attisdropped
                AND k.version IS DISTINCT FROM a.xmin AND (age(a.xmin) > 0 OR NOT penstock.sees_ddl())
        )
        RETURNING w.root, w.part_name
    LOOP
        PERFORM penstock.note(found.root, format('all rows of %s were rewritten', found.part_name));
    END LOOP;
    FOR found IN
        SELECT w.root, w.part, w.part_name FROM penstock.watched_parts w JOIN pg_class c ON c.oid = w.part
        WHERE c.relreplident <> 'f' AND penstock.may_alter(w.part)
    LOOP
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', found.part::regclass);
        PERFORM penstock.note(found.root, format('%s had lost its REPLICA IDENTITY FULL', found.part_name));
    END LOOP;
END
$$;

-- Each look notes it again: no re-read lasts while it is so.
CREATE OR REPLACE FUNCTION penstock.look_at_owners() RETURNS void
    LANGUAGE sql SET search_path = pg_catalog
AS $$
    INSERT INTO penstock.silent_changes (table_name, what)
        SELECT penstock.name_of(w.root), format('%s belongs to %s, so Penstock misses old rows or a TRUNCATE of it '
            '(`penstock doctor` names the cure)', w.part_name, c.relowner::regrole)
        FROM penstock.watched_parts w JOIN pg_class c ON c.oid = w.part
        LEFT JOIN pg_trigger t ON t.tgrelid = w.part AND t.tgname = 'penstock_truncate'
        WHERE (c.relreplident <> 'f' OR t.tgenabled IS DISTINCT FROM 'A') AND NOT penstock.may_alter(w.part)
        EXCEPT SELECT table_name, what FROM penstock.silent_changes
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
    PERFORM penstock.look_at_places();
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
            INSERT INTO penstock.watched_parts (part, part_name, root, file)
            SELECT p.part, penstock.name_of(p.part), p.root, c.relfilenode
            FROM penstock.published_parts p JOIN pg_class c ON c.oid = p.part
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
        WHERE t.tgenabled IS DISTINCT FROM 'A' AND penstock.may_alter(w.part)
    LOOP
        PERFORM penstock.watch_truncate(found.part);
    END LOOP;
    PERFORM penstock.look_at_owners();
    FOR found IN
        SELECT w.root, w.part, a.attnum, a.attname
        FROM penstock.watched_parts w JOIN pg_attribute a ON a.attrelid = w.part AND a.atthasmissing
        WHERE NOT EXISTS (SELECT FROM penstock.watched_defaults d WHERE d.part = w.part AND d.position = a.attnum)
    LOOP
        INSERT INTO penstock.watched_defaults VALUES (found.part, found.attnum);
        PERFORM penstock.note(found.root, format('column %s was added with a value for the rows that were there', found.attname));
    END LOOP;
    PERFORM penstock.look_at_rewrites();
    PERFORM penstock.look_at_columns();
    PERFORM penstock.count_alterations();
    -- Looks at the DDL of others would wait for each other's rows here: a file of the same rows is left to the next one.
    UPDATE penstock.watched_parts w SET file = c.relfilenode FROM pg_class c
        WHERE c.oid = w.part AND (w.file IS NULL OR w.file <> c.relfilenode AND NOT penstock.sees_ddl());
    PERFORM set_config('penstock.looks', '', true);
END
$$;

CREATE OR REPLACE FUNCTION penstock.refuse_lost_identity(relation oid) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
BEGIN
    -- Without the trigger it was never ours to alter, and its owner may alter it, also to give it to us.
    IF EXISTS (
        SELECT FROM penstock.watched_parts JOIN pg_class ON pg_class.oid = part
        JOIN pg_trigger ON tgrelid = part AND tgname = 'penstock_truncate'
        WHERE part = relation AND relreplident <> 'f'
    ) THEN
        RAISE EXCEPTION 'table % feeds views of Penstock, which need its REPLICA IDENTITY FULL', penstock.name_of(relation)
            USING HINT = 'Leave it as it is, or drop the views of the table first: penstock views drop.';
    END IF;
    IF EXISTS (
        SELECT FROM penstock.table_lives, penstock.key_of(relation) AS present
        WHERE root = relation AND key IS DISTINCT FROM present AND present LIKE '% DEFERRABLE'
    ) THEN
        RAISE EXCEPTION 'table % feeds views of Penstock, so its primary key cannot be DEFERRABLE', penstock.name_of(relation)
            USING HINT = 'Rows may share a key for a while then. Make it NOT DEFERRABLE, or drop the views of the '
                'table first: penstock views drop.';
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
    PERFORM penstock.refuse_case_twins(of.objid), penstock.refuse_lost_identity(of.objid)
        FROM pg_event_trigger_ddl_commands() AS of
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
        PERFORM penstock.note(of_root, 'ALTER TABLE rewrote every row');
        UPDATE penstock.watched_parts SET file = NULL WHERE part = pg_event_trigger_table_rewrite_oid();
    END IF;
END
$$;

SELECT penstock.look(), penstock.look_at_labels();
