-- The columns whose values never leave Postgres (`exclude` and `hash` in penstock.toml), as they were last told to the
-- source connector. It knows them by name, so a renamed one would be sent: the statement that renames it is refused.

CREATE TABLE IF NOT EXISTS penstock.excluded_columns (
    table_name  text,                         -- as in silent_changes
    column_name text,
    root        oid NOT NULL,
    position    int2 NOT NULL,
    PRIMARY KEY (table_name, column_name)
);
-- Tells one secret of hashes from another; NULL: the column is excluded.
ALTER TABLE penstock.excluded_columns ADD COLUMN IF NOT EXISTS hashed_with text;

CREATE OR REPLACE FUNCTION penstock.refuse_renamed() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT e.table_name, e.column_name FROM penstock.excluded_columns e
        JOIN pg_attribute a ON a.attrelid = e.root AND a.attnum = e.position AND NOT a.attisdropped
        WHERE a.attname <> e.column_name AND e.root IN (SELECT objid FROM pg_event_trigger_ddl_commands())
    LOOP
        RAISE EXCEPTION 'column % of table % must not leave Postgres, and would be sent under another name',
            found.column_name, found.table_name
            USING HINT = 'Leave its name. To rename it, drop the views of the table first: penstock views drop.';
    END LOOP;
END
$$;
