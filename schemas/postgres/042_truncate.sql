-- TRUNCATE sends no deletes: a trigger of each published table makes them.

-- Rows that a TRUNCATE will take are deleted first, one by one, so that each tells of its end. No other trigger and no
-- foreign key looks at these deletes, as none would look at the TRUNCATE.
CREATE OR REPLACE FUNCTION penstock.delete_before_truncate() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
    -- The application's own triggers would look at these deletes, a policy would hide rows from them, or our role has no
    -- right to them: then the rows go without an event, and it is noted.
    IF current_setting('session_replication_role') <> 'replica' OR row_security_active(TG_RELID)
            OR NOT penstock.may(TG_RELID, 'DELETE') THEN
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
