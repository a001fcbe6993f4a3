-- The columns of published tables: how often they have changed, which have taken another's name, and which the source cannot
-- read. The source connector puts the number into the schema of its records, so that no later schema is taken for an
-- earlier one.

-- The columns of each published table at the last look, and how many looks found others than before.
CREATE TABLE IF NOT EXISTS penstock.altered_columns (
    table_name text PRIMARY KEY,              -- as in silent_changes
    columns    text NOT NULL,
    times      int NOT NULL DEFAULT 0
);

CREATE OR REPLACE FUNCTION penstock.count_alterations() RETURNS void
    LANGUAGE sql SET search_path = pg_catalog
AS $$
    WITH present AS (
        SELECT penstock.name_of(a.attrelid) AS table_name,
               -- format_type() tells the names of now, also to a transaction whose snapshot is of before: as Postgres' own
               -- types (below 16384) have one name, it is asked for those only.
               string_agg(format('%I %s', a.attname, CASE WHEN a.atttypid < 16384
                   THEN format_type(a.atttypid, a.atttypmod)
                   ELSE format('%I.%I(%s)', n.nspname, t.typname, a.atttypmod)
               END), ', ' ORDER BY a.attnum) AS columns
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace
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

-- Which column had a name last: one that was dropped, or renamed, is still known by it.
CREATE TABLE IF NOT EXISTS penstock.watched_columns (
    root     oid,
    name     name,
    position int2 NOT NULL,
    is_there boolean NOT NULL DEFAULT true,
    PRIMARY KEY (root, name)
);

-- The transaction that wrote the column into the catalogue, as of the last look: any ALTER of the column is another one.
ALTER TABLE penstock.watched_columns ADD COLUMN IF NOT EXISTS version xid;
-- Of a version of a day: others have it.
ALTER TABLE penstock.watched_columns ADD COLUMN IF NOT EXISTS is_there boolean NOT NULL DEFAULT true;

-- What the values of a type are written as (docs/types.md): types of one form write the same text, and limits change a
-- numeric alone, which is digits where they are no Spark decimal's.
CREATE OR REPLACE FUNCTION penstock.form_of(type oid, modifier int) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    WITH RECURSIVE bases (type, base) AS (
        SELECT form_of.type, form_of.type
        UNION ALL
        SELECT bases.type, t.typbasetype FROM bases JOIN pg_type t ON t.oid = bases.base WHERE t.typtype = 'd'
    )
    SELECT CASE
        WHEN bool_or(base IN ('text'::regtype, 'varchar'::regtype)) THEN 'text'
        WHEN bool_or(base IN ('text[]'::regtype, 'varchar[]'::regtype)) THEN 'text[]'
        WHEN type NOT IN ('numeric'::regtype, 'numeric[]'::regtype) THEN type::text
        -- https://github.com/postgres/postgres/blob/REL_15_STABLE/src/backend/utils/adt/numeric.c, make_numeric_typmod
        WHEN (modifier - 4) >> 16 BETWEEN 1 AND 38 AND (modifier - 4) & 2047 <= (modifier - 4) >> 16 THEN type || ' decimal'
        WHEN modifier >= 4 AND (modifier - 4) & 1024 <> 0 THEN type || ' of a negative scale'
        ELSE type || ' digits'
    END FROM bases GROUP BY type
$$;
ALTER TABLE penstock.watched_columns ADD COLUMN IF NOT EXISTS form text;

-- A name that goes over to another column, as by DROP and ADD, or by RENAME after a backfill, gives old rows other values.
-- A column with another name is another key in a history, and what changes under a name that no view knows is lost to them.
-- A type of another form gives old rows other values, too, also where Postgres need not write them anew.
CREATE OR REPLACE FUNCTION penstock.look_at_columns() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    found record;
BEGIN
    FOR found IN
        UPDATE penstock.watched_columns w SET is_there = false FROM pg_attribute a
        WHERE w.is_there AND a.attrelid = w.root AND a.attnum = w.position AND a.attname <> w.name
        RETURNING w.root, w.name, a.attname AS now, a.attisdropped AS is_dropped
    LOOP
        CONTINUE WHEN found.is_dropped;
        PERFORM penstock.note(found.root, format('column %I was renamed to %I', found.name, found.now));
    END LOOP;
    FOR found IN
        UPDATE penstock.watched_columns w SET position = a.attnum, is_there = true, form = NULL
        FROM pg_attribute a, penstock.watched_columns before
        WHERE NOT w.is_there AND a.attrelid = w.root AND a.attname = w.name
            AND before.root = w.root AND before.name = w.name
        RETURNING w.root, w.name, before.position <> w.position AS is_another
    LOOP
        CONTINUE WHEN NOT found.is_another;
        PERFORM penstock.note(found.root, format('%I is another column now than it was', found.name));
    END LOOP;
    FOR found IN
        UPDATE penstock.watched_columns w SET version = a.xmin, form = penstock.form_of(a.atttypid, a.atttypmod)
        FROM pg_attribute a, penstock.watched_columns before
        WHERE w.is_there AND a.attrelid = w.root AND a.attnum = w.position AND w.version IS DISTINCT FROM a.xmin
            AND before.root = w.root AND before.name = w.name
        RETURNING w.root, w.name, format_type(a.atttypid, a.atttypmod) AS type, before.form <> w.form AS is_other
    LOOP
        CONTINUE WHEN found.is_other IS NOT TRUE;
        -- A rewrite is noted already.
        CONTINUE WHEN EXISTS (SELECT FROM penstock.watched_parts p WHERE p.root = found.root AND p.file IS NULL);
        PERFORM penstock.note(found.root, format('column %I is of type %s now, and no row was written anew',
            found.name, found.type));
    END LOOP;
    INSERT INTO penstock.watched_columns (root, name, position, version, form)
        SELECT r.root, a.attname, a.attnum, a.xmin, penstock.form_of(a.atttypid, a.atttypmod)
        FROM penstock.published_roots r JOIN pg_attribute a ON a.attrelid = r.root
        WHERE a.attnum > 0 AND NOT a.attisdropped
            AND NOT EXISTS (SELECT FROM penstock.watched_columns w WHERE w.root = r.root AND w.name = a.attname);
    DELETE FROM penstock.watched_columns w WHERE NOT EXISTS (SELECT FROM penstock.published_roots r WHERE r.root = w.root);
END
$$;

-- What the source chooses a row's partition by, the values of its primary key as bytes (KeyPartitioner.java), and the epoch in
-- which that became another. The row's later versions may then be lower: offsets of other partitions say nothing of each other.
ALTER TABLE penstock.table_lives ADD COLUMN IF NOT EXISTS placed text;
ALTER TABLE penstock.table_lives ADD COLUMN IF NOT EXISTS moved int;

CREATE OR REPLACE FUNCTION penstock.placing_of(relation oid) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    SELECT coalesce(string_agg(k.position || ' ' || CASE
            WHEN a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'integer'
            WHEN form = 'text' THEN form
            WHEN a.atttypid = 'numeric'::regtype AND form LIKE '% decimal' THEN 'scale ' || ((a.atttypmod - 4) & 2047)
            ELSE form || ' ' || a.atttypmod
        END, ', ' ORDER BY k.number), '')
    FROM pg_index i CROSS JOIN unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) WITH ORDINALITY AS k (position, number)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.position
    CROSS JOIN penstock.form_of(a.atttypid, a.atttypmod) AS form
    WHERE i.indrelid = relation AND i.indisprimary
$$;

CREATE OR REPLACE FUNCTION penstock.look_at_places() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog
AS $$
DECLARE
    found record;
BEGIN
    FOR found IN
        WITH present AS (
            SELECT table_name, placed AS before, penstock.placing_of(root) AS now
            FROM penstock.table_lives WHERE root IS NOT NULL
        )
        UPDATE penstock.table_lives l SET placed = present.now FROM present
        WHERE l.table_name = present.table_name AND present.before IS DISTINCT FROM present.now
        RETURNING l.table_name, present.before
    LOOP
        CONTINUE WHEN found.before IS NULL; -- and before the first set-up nobody has noted the partitions
        UPDATE penstock.table_lives SET moved = epoch FROM penstock.installation
            WHERE table_name = found.table_name AND partitions > 1;
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
