-- A label of an enum that gets another name changes rows without an event.

-- The labels of all enums at the last look: a renamed one changes rows.
CREATE TABLE IF NOT EXISTS penstock.watched_labels (
    label oid PRIMARY KEY,
    type  oid NOT NULL,
    name  text NOT NULL
);

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
