-- A table that feeds views must not become one whose changes never come, or whose own UPDATE and DELETE fail since it has
-- REPLICA IDENTITY FULL: the statement that would make it so is refused (penstock/postgres/unfit.py asks the same before a
-- table is published). Only what the statement itself touches is looked at: no other DDL is refused for it.
-- https://www.postgresql.org/docs/18/logical-replication-gencols.html

CREATE OR REPLACE FUNCTION penstock.why_unfit(relation oid) RETURNS SETOF text
    LANGUAGE sql STABLE SET search_path = pg_catalog
AS $$
    SELECT format('a generated column that is not published (%s): Postgres would refuse UPDATE and DELETE', attname)
    FROM pg_attribute WHERE attrelid = relation AND NOT attisdropped
    AND (attgenerated = 'v' OR attgenerated = 's' AND EXISTS (
        SELECT FROM pg_publication_tables JOIN pg_publication AS p USING (pubname)
        WHERE (pubupdate OR pubdelete) AND (to_jsonb(p) ->> 'pubgencols') IS DISTINCT FROM 's'
        AND to_regclass(format('%I.%I', schemaname, tablename)) IN (
            SELECT relation UNION SELECT relid FROM pg_partition_ancestors(relation))))
  UNION ALL
    SELECT CASE relpersistence WHEN 'u' THEN 'an unlogged table: its changes are in no WAL' END
    FROM pg_class WHERE oid = relation AND relpersistence = 'u'
  UNION ALL
    SELECT 'a foreign table: its changes are in no WAL' FROM pg_class WHERE oid = relation AND relkind = 'f'
  UNION ALL
    SELECT format('a table that inherits (%s): its rows come under its own name', child.relname)
    FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid AND NOT child.relispartition
    WHERE inhparent = relation
  UNION ALL
    SELECT format('a list of columns in publication %s: Postgres would refuse UPDATE and DELETE', pubname)
    FROM pg_publication_rel JOIN pg_publication p ON p.oid = prpubid AND (pubupdate OR pubdelete)
    WHERE prrelid = relation AND prattrs IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION penstock.refuse_unfit() RETURNS event_trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
    found record;
BEGIN
    IF current_setting('penstock.looks', true) = 'yes' THEN
        RETURN; -- what a look alters makes no table unfit, and each partition would ask for all of them
    END IF;
    FOR found IN
        WITH commands AS (SELECT classid, objid FROM pg_event_trigger_ddl_commands()),
        touched AS (
            SELECT objid AS relation FROM commands WHERE classid = 'pg_class'::regclass
            UNION SELECT inhparent FROM commands JOIN pg_inherits ON inhrelid = objid AND classid = 'pg_class'::regclass
            UNION SELECT prrelid FROM commands JOIN pg_publication_rel r
                ON classid = 'pg_publication_rel'::regclass AND r.oid = objid
                OR classid = 'pg_publication'::regclass AND r.prpubid = objid
            -- A publication of all tables or of a schema leaves out what is generated, if it is not told to.
            UNION SELECT part FROM penstock.published_parts, pg_event_trigger_ddl_commands()
            WHERE command_tag LIKE '% PUBLICATION'
            AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = part AND attgenerated = 's' AND NOT attisdropped)
        )
        SELECT penstock.name_of(p.root) AS name, why
        FROM penstock.published_parts p CROSS JOIN LATERAL penstock.why_unfit(p.part) AS why
        WHERE p.part IN (SELECT relation FROM touched) OR p.root IN (SELECT relation FROM touched)
    LOOP
        RAISE EXCEPTION 'table % feeds views of Penstock, which cannot follow it with %', found.name, found.why
            USING HINT = 'Leave it as it is, or drop the views of the table first: penstock views drop.';
    END LOOP;
END
$$;
