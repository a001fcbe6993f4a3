-- Which table stands behind each name. Where another one does, or the same one was away meanwhile, it is read again.

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
        RETURNING l.root, l.key
    LOOP
        PERFORM penstock.note(found.root, CASE found.key
            WHEN '' THEN 'its primary key was dropped'
            ELSE 'its primary key was made again, or of other columns'
        END);
    END LOOP;
END
$$;
